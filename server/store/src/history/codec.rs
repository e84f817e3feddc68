//! Bytes: numbers of variable length, and columns that are compressed by `pco`, wherever that can be as whole numbers
//! ([`super::whole`]).

use keiki_model::histogram::{Distribution, Explicit, Exponential, Parts};
use pco::ChunkConfig;
use pco::data_types::Number;
use pco::standalone::simple_decompress;

use super::whole::{self, cells, numbers_of, put_numbers};

/// What was read is not what was written. The engine below checks sums, so this is a fault or a newer format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Corrupt(pub(super) &'static str);

/// Between speed and size: 20 million values a second, and within a few percent of the smallest.
pub(super) const LEVEL: usize = 8;

const EMPTY: u8 = 0;
const CONSTANT: u8 = 1;
const PLAIN: u8 = 2;
/// Up to format 3: with the header of a file of `pco`'s, and its length.
const PACKED: u8 = 3;
/// Whole numbers, or such divided by ten to the power that the upper four bits say.
const WHOLE: u8 = 4;
/// Whole numbers divided by one that follows.
const FRACTIONS: u8 = 5;
/// Anything else.
const ARBITRARY: u8 = 6;

/// The most values that a column is believed to have.
const MOST: u64 = 16 << 20;

pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A number near zero of either sign.
pub(super) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

pub(super) fn put_f64(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(&value.to_le_bytes());
}

pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// A number that columns are made of.
pub(super) trait Cell: Number + Copy + Default {
    type Bytes: AsRef<[u8]>;

    fn bytes(self) -> Self::Bytes;
    fn read(bytes: &mut Reader<'_>) -> Result<Self, Corrupt>;
    /// The whole numbers that these are, divided by the first.
    fn numbers(values: &[Self]) -> Option<(u64, Vec<i64>)>;
    /// Whether a whole number can be one; of what is divided, any can.
    fn has(number: i64) -> bool;
    /// What a whole number that can be one is, divided by another.
    fn cast(number: i64, divisor: u64) -> Self;

    /// What a whole number is, divided by another.
    fn of_number(number: i64, divisor: u64) -> Option<Self> {
        Self::has(number).then(|| Self::cast(number, divisor))
    }
}

macro_rules! bytes_of {
    ($number:ty) => {
        type Bytes = [u8; size_of::<Self>()];

        fn bytes(self) -> Self::Bytes {
            self.to_le_bytes()
        }

        fn read(bytes: &mut Reader<'_>) -> Result<Self, Corrupt> {
            Ok(Self::from_le_bytes(bytes.array()?))
        }
    };
}

macro_rules! cell {
    ($($number:ty),*) => {$(
        impl Cell for $number {
            bytes_of!($number);

            fn numbers(values: &[Self]) -> Option<(u64, Vec<i64>)> {
                let numbers = values.iter().map(|value| i64::try_from(*value).ok());
                Some((1, numbers.collect::<Option<_>>()?))
            }

            fn has(number: i64) -> bool {
                Self::try_from(number).is_ok()
            }

            fn cast(number: i64, _divisor: u64) -> Self {
                number as Self
            }
        }
    )*};
}

cell!(u32, u64, i32, i64);

impl Cell for f64 {
    bytes_of!(f64);

    fn numbers(values: &[Self]) -> Option<(u64, Vec<i64>)> {
        numbers_of(values)
    }

    fn has(_number: i64) -> bool {
        true
    }

    fn cast(number: i64, divisor: u64) -> Self {
        number as f64 / divisor as f64
    }
}

/// A column of any length. Three of four series do not change from minute to minute: these cost a few bytes.
pub(super) fn put_column<T: Cell>(out: &mut Vec<u8>, values: &[T]) {
    #[cfg(test)]
    if older::is_before(4) {
        return older::put_column(out, values);
    }
    put_varint(out, values.len() as u64);
    let Some(first) = values.first() else {
        return out.push(EMPTY);
    };
    let (first, start) = (first.bytes(), out.len());
    let is_constant = values.iter().all(|value| value.bytes().as_ref() == first.as_ref());
    let plain = if is_constant {
        size_of::<T>()
    } else {
        size_of_val(values)
    };
    // Writing to memory does not fail; if it did, or gained nothing, the plain bytes are as good.
    if put_packed(out, if is_constant { &values[..1] } else { values }).is_some() && out.len() - start <= plain {
        return;
    }
    out.truncate(start);
    if is_constant {
        out.push(CONSTANT);
        return out.extend_from_slice(first.as_ref());
    }
    out.push(PLAIN);
    values
        .iter()
        .for_each(|value| out.extend_from_slice(value.bytes().as_ref()));
}

/// A column as what it takes least room as.
fn put_packed<T: Cell>(out: &mut Vec<u8>, values: &[T]) -> Option<()> {
    let Some((divisor, numbers)) = T::numbers(values) else {
        out.push(ARBITRARY);
        return whole::pack(out, values, &ChunkConfig::default().with_compression_level(LEVEL));
    };
    match divisor.ilog10() {
        digits if 10_u64.pow(digits) == divisor => out.push(WHOLE | (digits as u8) << 4),
        _ => {
            out.push(FRACTIONS);
            put_varint(out, divisor);
        }
    }
    put_numbers(out, &numbers)
}

/// What was written in earlier formats.
#[cfg(test)]
pub(super) mod older {
    use std::cell::Cell as Flag;

    use pco::standalone::simple_compress_into;

    use super::*;

    thread_local! {
        static FORMAT: Flag<u32> = const { Flag::new(u32::MAX) };
    }

    /// What this thread writes is of an earlier format until this is dropped.
    #[derive(Debug)]
    pub(in super::super) struct Older;

    impl Older {
        pub(in super::super) fn of(format: u32) -> Self {
            FORMAT.set(format);
            Self
        }
    }

    impl Drop for Older {
        fn drop(&mut self) {
            FORMAT.set(u32::MAX);
        }
    }

    /// Whether what this thread writes is older than a format.
    pub(in super::super) fn is_before(format: u32) -> bool {
        FORMAT.get() < format
    }

    /// Columns up to format 3.
    pub(super) fn put_column<T: Cell>(out: &mut Vec<u8>, values: &[T]) {
        put_varint(out, values.len() as u64);
        let Some(first) = values.first() else {
            return out.push(EMPTY);
        };
        let first = first.bytes();
        if values.iter().all(|value| value.bytes().as_ref() == first.as_ref()) {
            out.push(CONSTANT);
            return out.extend_from_slice(first.as_ref());
        }
        let mut packed = Vec::new();
        let config = ChunkConfig::default().with_compression_level(LEVEL);
        simple_compress_into(values, &config, &mut packed).expect("memory");
        if values.len() >= 4 && packed.len() < size_of_val(values) {
            out.push(PACKED);
            put_varint(out, packed.len() as u64);
            return out.extend_from_slice(&packed);
        }
        out.push(PLAIN);
        values
            .iter()
            .for_each(|value| out.extend_from_slice(value.bytes().as_ref()));
    }
}

/// Reads what the functions above wrote.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Corrupt> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Corrupt("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        self.bytes(N)?.try_into().map_err(|_| Corrupt("it ends too early"))
    }

    pub(super) fn byte(&mut self) -> Result<u8, Corrupt> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn varint(&mut self) -> Result<u64, Corrupt> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Corrupt("a number is too long"))
    }

    pub(super) fn length(&mut self) -> Result<usize, Corrupt> {
        let length = self.varint()?;
        if length > MOST {
            return Err(Corrupt("a length is beyond all bounds"));
        }
        usize::try_from(length).map_err(|_| Corrupt("a length is beyond all bounds"))
    }

    pub(super) fn signed(&mut self) -> Result<i64, Corrupt> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    pub(super) fn f64(&mut self) -> Result<f64, Corrupt> {
        f64::read(self)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Corrupt> {
        let length = self.length()?;
        std::str::from_utf8(self.bytes(length)?).map_err(|_| Corrupt("a text is no text"))
    }

    pub(super) fn column<T: Cell>(&mut self) -> Result<Vec<T>, Corrupt> {
        let count = self.length()?;
        let make = self.byte()?;
        let values = match make {
            EMPTY => Vec::new(),
            CONSTANT => vec![T::read(self)?; count],
            PLAIN => (0..count).map(|_| T::read(self)).collect::<Result<_, _>>()?,
            PACKED => {
                let length = self.length()?;
                simple_decompress(self.bytes(length)?).map_err(|_| Corrupt("a column cannot be unpacked"))?
            }
            ARBITRARY => whole::unpack(self, count)?,
            FRACTIONS => {
                let divisor = self.varint()?;
                cells(self, count, divisor)?
            }
            _ if make & 0xf == WHOLE => cells(self, count, 10_u64.pow(u32::from(make >> 4)))?,
            _ => return Err(Corrupt("a column of an unknown make")),
        };
        if values.len() == count {
            Ok(values)
        } else {
            Err(Corrupt("a column has another length than it says"))
        }
    }
}

const NOTHING: u8 = 0;
const EXPONENTIAL: u8 = 1;
const EXPLICIT: u8 = 2;

/// One distribution by itself. Buckets of neighbours are near each other, so most of a bucket is two bytes.
pub(super) fn put_distribution(out: &mut Vec<u8>, distribution: &Distribution) {
    match distribution {
        _ if distribution.is_empty() => out.push(NOTHING),
        Distribution::Exponential(histogram) => {
            out.push(EXPONENTIAL);
            out.push(histogram.scale() as u8);
            put_varint(out, histogram.zero_count());
            for value in [
                histogram.sum(),
                histogram.min().unwrap_or(0.0),
                histogram.max().unwrap_or(0.0),
            ] {
                put_f64(out, value);
            }
            put_varint(out, histogram.indices().count() as u64);
            let mut before = 0;
            for (index, count) in histogram.indices() {
                put_signed(out, i64::from(index) - before);
                put_varint(out, count);
                before = i64::from(index);
            }
        }
        Distribution::Explicit(histogram) => {
            out.push(EXPLICIT);
            put_varint(out, histogram.bounds().len() as u64);
            histogram.bounds().iter().for_each(|bound| put_f64(out, *bound));
            histogram.counts().iter().for_each(|count| put_varint(out, *count));
            put_f64(out, histogram.sum());
        }
    }
}

impl Reader<'_> {
    /// A distribution; `None` for an empty one, of which the make is not kept.
    pub(super) fn distribution(&mut self) -> Result<Option<Distribution>, Corrupt> {
        match self.byte()? {
            NOTHING => Ok(None),
            EXPONENTIAL => {
                let scale = self.byte()? as i8;
                let zero_count = self.varint()?;
                let (sum, min, max) = (self.f64()?, self.f64()?, self.f64()?);
                let count = self.length()?;
                let mut buckets = Vec::with_capacity(count.min(1_024));
                let mut index = 0;
                for _ in 0..count {
                    index += self.signed()?;
                    buckets.push((index, self.varint()?));
                }
                exponential(scale, zero_count, [sum, min, max], &buckets).map(Some)
            }
            EXPLICIT => {
                let count = self.length()?;
                let bounds = (0..count).map(|_| self.f64()).collect::<Result<Vec<_>, _>>()?;
                let counts = (0..=count).map(|_| self.varint()).collect::<Result<Vec<_>, _>>()?;
                let made = Explicit::new(bounds.into(), counts, self.f64()?);
                Ok(Some(made.map_err(|_| Corrupt("buckets that are none"))?.into()))
            }
            _ => Err(Corrupt("a distribution of an unknown make")),
        }
    }
}

/// An exponential histogram of sparse buckets in ascending order; sum, smallest and largest as given.
pub(super) fn exponential(
    scale: i8,
    zero_count: u64,
    [sum, min, max]: [f64; 3],
    buckets: &[(i64, u64)],
) -> Result<Distribution, Corrupt> {
    let offset = buckets.first().map_or(0, |bucket| bucket.0);
    let width = buckets.last().map_or(0, |bucket| bucket.0 - offset + 1);
    let width = usize::try_from(width).ok().filter(|width| *width <= 1 << 16);
    let mut counts = vec![0; width.ok_or(Corrupt("buckets that are none"))?];
    for (index, count) in buckets {
        let place = usize::try_from(index - offset).map_err(|_| Corrupt("buckets in no order"))?;
        *counts.get_mut(place).ok_or(Corrupt("buckets in no order"))? = *count;
    }
    let parts = Parts {
        scale: scale.into(),
        zero_count,
        offset: i32::try_from(offset).map_err(|_| Corrupt("buckets that are none"))?,
        counts: &counts,
        sum: Some(sum),
        min: Some(min),
        max: Some(max),
    };
    Ok(Exponential::from_parts(parts).into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn returns<T: Cell + std::fmt::Debug>(values: &[T]) -> Vec<T> {
        let mut out = Vec::new();
        put_column(&mut out, values);
        let mut reader = Reader::new(&out);
        let read = reader.column().expect("a column");
        assert!(reader.is_empty());
        read
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            floats in prop::collection::vec(prop_oneof![any::<f64>(), Just(1.5), (0..9).prop_map(f64::from)], 0..400),
            shares in prop::collection::vec((0..999_u32).prop_map(|part| f64::from(part) / 997.0), 0..400),
            cents in prop::collection::vec((-999..999_i32).prop_map(|part| f64::from(part) / 100.0), 0..400),
            numbers in prop::collection::vec(any::<u64>(), 0..20),
            signed in any::<i64>(),
        ) {
            let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            for floats in [&floats, &shares, &cents] {
                prop_assert_eq!(bits(&returns(floats)), bits(floats));
            }
            prop_assert_eq!(&returns(&numbers), &numbers);
            let mut out = Vec::new();
            put_signed(&mut out, signed);
            numbers.iter().for_each(|number| put_varint(&mut out, *number));
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.signed(), Ok(signed));
            for number in numbers {
                prop_assert_eq!(reader.varint(), Ok(number));
            }
        }

        #[test]
        fn distributions_return_exactly(
            values in prop::collection::vec(prop_oneof![Just(0.0), 1e-7..1e5_f64], 1..200),
            scale in -2..6_i8,
            counts in prop::collection::vec(0..9_u64, 4),
        ) {
            let mut histogram = Exponential::with_scale(scale);
            values.iter().for_each(|value| { histogram.record(*value); });
            let explicit = Explicit::new([0.1, 0.5, 2.0].into(), counts.clone(), 3.25).expect("buckets");
            for distribution in [Distribution::from(histogram), explicit.into()] {
                let mut out = Vec::new();
                put_distribution(&mut out, &distribution);
                let read = Reader::new(&out).distribution().expect("a distribution");
                prop_assert_eq!(read, (!distribution.is_empty()).then_some(distribution));
            }
        }

        #[test]
        fn garbage_is_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Reader::new(&bytes).column::<f64>();
            let _ = Reader::new(&bytes).column::<u32>();
            let _ = Reader::new(&bytes).distribution();
            let _ = Reader::new(&bytes).text();
        }
    }

    #[test]
    fn what_does_not_change_costs_a_few_bytes() {
        let mut out = Vec::new();
        put_column(&mut out, &[7.25; 300]);
        assert!(out.len() <= 6, "{}", out.len());
    }
}

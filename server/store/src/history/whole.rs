//! Columns of whole numbers, and of what whole numbers divided by one number are.
//!
//! Most figures are counts: of bytes in pages, of ticks, of hundredths. As floating point they look random from the third
//! byte on; as counts of their unit they fit into a byte or two, of which `pco` makes a few bits. A column says what its
//! numbers were divided by, their least, their unit, and then each as a multiple of the unit. Nothing is rounded: a column
//! of which one value would not come back to the last bit is none of these.

use pco::ChunkConfig;
use pco::data_types::Number;
use pco::wrapped::{FileCompressor, FileDecompressor};

use super::codec::{Cell, Corrupt, LEVEL, Reader, put_signed, put_varint};

/// The version of `pco`'s format that it writes: it is not repeated in each column. With another one it is another make
/// of column.
const PCO: [u8; 2] = [4, 1];

/// Up to so many values the differences as they are may be shorter than what `pco` makes of them.
const FEW: usize = 64;

/// The greatest number, and the greatest that numbers are divided by: floating point has all up to here.
const GREATEST: f64 = (1_u64 << 53) as f64;

/// The greatest number that is looked for where no power of ten will do. Two arbitrary values have none below.
const GREATEST_COMMON: u64 = 1 << 44;

/// Powers of ten up to this one are tried.
const DIGITS: u32 = 9;

const DIFFERENCES: u8 = 0;
const STEPS: u8 = 3;

/// So often a column may be the steps of another: those of eight bytes, and of these steps, if they are of four, theirs.
const DEPTH: u8 = 2;

/// Compresses a column; nothing is said of its length.
pub(super) fn pack<T: Number>(out: &mut Vec<u8>, values: &[T], config: &ChunkConfig) -> Option<()> {
    let mut packed = FileCompressor::default().chunk_compressor(values, config).ok()?;
    packed.write_meta(&mut *out).ok()?;
    for page in 0..packed.n_per_page().len() {
        packed.write_page(page, &mut *out).ok()?;
    }
    Some(())
}

/// What [`pack`] wrote of so many values.
pub(super) fn unpack<T: Number + Copy + Default>(bytes: &mut Reader<'_>, count: usize) -> Result<Vec<T>, Corrupt> {
    let read = || -> pco::errors::PcoResult<_> {
        let (file, _) = FileDecompressor::new(&PCO[..])?;
        let (mut chunk, rest) = file.chunk_decompressor::<T, _>(bytes.rest())?;
        // As `pack` has it, one page.
        let mut page = chunk.page_decompressor(rest, count)?;
        let mut values = vec![T::default(); count];
        page.read(&mut values)?;
        Ok((values, page.into_src()))
    };
    let (values, rest) = read().map_err(|_| Corrupt("a column cannot be unpacked"))?;
    *bytes = Reader::new(rest);
    Ok(values)
}

/// The numbers that, divided by the other one, are these values to the last bit.
pub(super) fn numbers_of(values: &[f64]) -> Option<(u64, Vec<i64>)> {
    let mut powers = (0..=DIGITS).map(|digits| 10_u64.pow(digits));
    powers
        .find_map(|power| Some((power, divided(values, power)?)))
        .or_else(|| {
            let common = common_divisor(values)?;
            Some((common, divided(values, common)?))
        })
}

fn divided(values: &[f64], by: u64) -> Option<Vec<i64>> {
    values.iter().map(|value| number_of(*value, by as f64)).collect()
}

fn number_of(value: f64, by: f64) -> Option<i64> {
    let number = (value * by).round();
    // By way of the whole number: zero has no sign.
    let is_exact = number.abs() <= GREATEST && (number as i64 as f64 / by).to_bits() == value.to_bits();
    is_exact.then_some(number as i64)
}

/// The least number that all values are fractions of: a share of a memory that does not change, for one.
fn common_divisor(values: &[f64]) -> Option<u64> {
    let mut common = 1;
    for value in values {
        if number_of(*value, common as f64).is_none() {
            let own = denominator(value.abs())?;
            common = (common / gcd(common, own)).checked_mul(own)?;
            if common > GREATEST_COMMON {
                return None;
            }
        }
    }
    Some(common)
}

/// The least denominator of a fraction that is this value to the last bit, by its continued fraction.
fn denominator(value: f64) -> Option<u64> {
    let (mut before, mut now) = ((0_u64, 1_u64), (1_u64, 0_u64));
    let mut rest = value;
    while rest.is_finite() && rest < GREATEST {
        let whole = rest.floor();
        let next = |before: u64, now: u64| (whole as u64).checked_mul(now)?.checked_add(before);
        (before, now) = (now, (next(before.0, now.0)?, next(before.1, now.1)?));
        if now.1 > GREATEST_COMMON {
            return None;
        }
        if (now.0 as f64 / now.1 as f64).to_bits() == value.to_bits() {
            return Some(now.1);
        }
        rest = 1.0 / (rest - whole);
    }
    None
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Numbers, of which there is at least one: the least, their unit, and each as a multiple of it; of one that never changes
/// the unit is 0, and no more is said.
pub(super) fn put_numbers(out: &mut Vec<u8>, numbers: &[i64]) -> Option<()> {
    let least = *numbers.iter().min()?;
    let above = |number: &i64| number.wrapping_sub(least) as u64;
    let unit = numbers.iter().fold(0, |unit, number| gcd(unit, above(number)));
    put_signed(out, least);
    put_varint(out, unit);
    if unit == 0 {
        return Some(());
    }
    let multiples: Vec<u64> = numbers.iter().map(|number| above(number) / unit).collect();
    let start = out.len();
    let largest = width(multiples.iter().copied().max()?);
    let steps: Vec<i64> = multiples
        .windows(2)
        .map(|pair| pair[1].wrapping_sub(pair[0]) as i64)
        .collect();
    let reach = |steps: &[i64]| Some(steps.iter().max()?.wrapping_sub(*steps.iter().min()?) as u64);
    // What a column of a narrower type says about itself is shorter.
    if largest > 2 && width(reach(&steps)?) < largest {
        out.push(STEPS);
        put_varint(out, multiples[0]);
        put_numbers(out, &steps)?;
    } else {
        out.push(largest);
        put_narrow(out, &multiples, largest)?;
    }
    if numbers.len() <= FEW {
        let mut few = vec![DIFFERENCES];
        put_varint(&mut few, multiples[0]);
        steps.iter().for_each(|step| put_signed(&mut few, *step));
        if few.len() < out.len() - start {
            out.truncate(start);
            out.extend(few);
        }
    }
    Some(())
}

/// How many bytes a number takes: 1, 2, 4 or 8.
fn width(number: u64) -> u8 {
    match number {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    }
}

fn put_narrow(out: &mut Vec<u8>, multiples: &[u64], width: u8) -> Option<()> {
    let config = ChunkConfig::default()
        .with_compression_level(LEVEL)
        .with_mode_spec(pco::ModeSpec::Classic)
        .with_enable_8_bit(true);
    match width {
        1 => pack(out, &narrowed(multiples, |number| number as u8), &config),
        2 => pack(out, &narrowed(multiples, |number| number as u16), &config),
        4 => pack(out, &narrowed(multiples, |number| number as u32), &config),
        _ => pack(out, multiples, &config),
    }
}

fn narrowed<T>(multiples: &[u64], narrow: impl Fn(u64) -> T) -> Vec<T> {
    multiples.iter().map(|number| narrow(*number)).collect()
}

/// What [`put_numbers`] wrote of so many, each divided by a number.
pub(super) fn cells<T: Cell>(bytes: &mut Reader<'_>, count: usize, divisor: u64) -> Result<Vec<T>, Corrupt> {
    cells_within(bytes, count, divisor, DEPTH)
}

fn cells_within<T: Cell>(bytes: &mut Reader<'_>, count: usize, divisor: u64, depth: u8) -> Result<Vec<T>, Corrupt> {
    let (least, unit) = (bytes.signed()?, bytes.varint()?);
    let line = Line { least, unit, divisor };
    if unit == 0 {
        let one = T::of_number(least, divisor).ok_or(TOO_LARGE)?;
        return Ok(vec![one; count]);
    }
    match bytes.byte()? {
        DIFFERENCES => {
            let mut multiples = Vec::with_capacity(count.min(FEW));
            let mut multiple = bytes.varint()?;
            for place in 0..count {
                if place > 0 {
                    multiple = multiple.wrapping_add(bytes.signed()? as u64);
                }
                multiples.push(multiple);
            }
            line.cells(&multiples)
        }
        1 => line.cells(&unpack::<u8>(bytes, count)?),
        2 => line.cells(&unpack::<u16>(bytes, count)?),
        4 => line.cells(&unpack::<u32>(bytes, count)?),
        8 => line.cells(&unpack::<u64>(bytes, count)?),
        STEPS if depth > 0 && count > 0 => {
            let mut multiple = bytes.varint()?;
            let mut multiples = Vec::with_capacity(count);
            multiples.push(multiple);
            for step in cells_within::<i64>(bytes, count - 1, 1, depth - 1)? {
                multiple = multiple.wrapping_add(step as u64);
                multiples.push(multiple);
            }
            line.cells(&multiples)
        }
        _ => Err(Corrupt("numbers of an unknown make")),
    }
}

const TOO_LARGE: Corrupt = Corrupt("a number is too large for its column");

/// How multiples become what a column holds.
#[derive(Clone, Copy, Debug)]
struct Line {
    least: i64,
    unit: u64,
    divisor: u64,
}

impl Line {
    fn cells<N: Copy + Ord + Into<u64>, T: Cell>(self, multiples: &[N]) -> Result<Vec<T>, Corrupt> {
        let Self { least, unit, divisor } = self;
        let number = |multiple: N| least.wrapping_add(unit.wrapping_mul(multiple.into()) as i64);
        let Some(most) = multiples.iter().max() else {
            return Ok(Vec::new());
        };
        // There are millions of them: whether all fit is asked once.
        let greatest = i128::from(least) + i128::from(unit) * i128::from((*most).into());
        let fit = T::has(least) && i64::try_from(greatest).is_ok_and(T::has);
        Ok(match (fit, unit) {
            (true, 1) => multiples
                .iter()
                .map(|multiple| T::cast(least.wrapping_add((*multiple).into() as i64), divisor))
                .collect(),
            (true, _) => multiples
                .iter()
                .map(|multiple| T::cast(number(*multiple), divisor))
                .collect(),
            _ => {
                let found = multiples
                    .iter()
                    .map(|multiple| T::of_number(number(*multiple), divisor));
                found.collect::<Option<_>>().ok_or(TOO_LARGE)?
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_format_that_is_written_is_the_one_that_is_read() {
        let mut header = Vec::new();
        FileCompressor::default().write_header(&mut header).expect("memory");
        assert_eq!(header, PCO, "another make of column is needed");
    }

    #[test]
    fn fractions_are_found() {
        let check = |values: &[f64], by| assert_eq!(numbers_of(values).map(|(divisor, _)| divisor), by);
        check(&[1.0, -3.0, 9e15], Some(1));
        check(&[0.52, 1.0, 0.7], Some(100));
        check(&[4_000.0 / 16_309_872.0, 5_323.0 / 16_309_872.0], Some(16_309_872));
        check(&[0.1 + 0.2, 1.0 / 3.0_f64.sqrt(), 2.0_f64.sqrt()], None);
        for odd in [f64::NAN, f64::INFINITY, -0.0, 1e300, f64::MIN_POSITIVE] {
            check(&[odd], None);
        }
    }

    proptest! {
        #[test]
        fn numbers_return(
            base in any::<i64>(),
            shift in 0..64_u32,
            unit in 1..9_000_i64,
            noise in prop::collection::vec(any::<i64>(), 1..400),
        ) {
            let mut sum = base;
            let wild: Vec<i64> = noise.iter().map(|one| base.wrapping_add((one >> shift).wrapping_mul(unit))).collect();
            let walked: Vec<i64> = noise.iter().map(|one| { sum = sum.wrapping_add(one >> shift); sum }).collect();
            for all in [wild, walked] {
                let mut out = Vec::new();
                put_numbers(&mut out, &all).expect("memory");
                let mut reader = Reader::new(&out);
                prop_assert_eq!(cells(&mut reader, all.len(), 1), Ok(all));
                prop_assert!(reader.is_empty());
            }
        }

        /// Such as a counter of bytes whose rate rises: what it grows by fits into four bytes, and how that changes into two.
        #[test]
        fn what_grows_ever_faster_returns(
            start in 0..1_i64 << 50,
            speed in 0..1_i64 << 34,
            rise in 0..1_i64 << 20,
            calm in 0..17_u32,
            noise in prop::collection::vec(-(1_i64 << 16)..1 << 16, 3..400),
            unit in prop::sample::select(vec![1_i64, 2, 3, 4_096]),
        ) {
            let at = |(place, noise): (usize, &i64)| {
                let place = place as i64;
                start + (speed * place + rise * place * place + (noise >> calm)) * unit
            };
            let all: Vec<i64> = noise.iter().enumerate().map(at).collect();
            let mut out = Vec::new();
            put_numbers(&mut out, &all).expect("memory");
            let mut reader = Reader::new(&out);
            prop_assert_eq!(cells(&mut reader, all.len(), 1), Ok(all));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn fractions_return(by in 1..20_000_000_u32, parts in prop::collection::vec(any::<u32>(), 1..50)) {
            let values: Vec<f64> = parts.iter().map(|part| f64::from(*part) / f64::from(by)).collect();
            if let Some((by, numbers)) = numbers_of(&values) {
                let read: Vec<f64> = numbers.iter().map(|number| *number as f64 / by as f64).collect();
                prop_assert_eq!(read, values);
            }
        }
    }
}

//! One series over one stretch of time, as bytes.
//!
//! Most series are read at even intervals: a record says when its first sample was, how far apart they are and how many.
//! Where one came late or is missing, a source has read all its series so: these times are kept once for all series that
//! share them, under the hash of what they are, and a record names them. A few times, such as those of a process that
//! comes and goes, are shorter said than named.

use keiki_model::histogram::{Distribution, Explicit, Packed, Part, SCALE, View};
use keiki_model::time::Millis;

use super::codec::{self, Corrupt, Reader, put_column, put_distribution};
use super::rows::Rows;
use crate::distributions::Distributions;
use crate::stored::Ring;

/// What a record holds beside its times.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Body {
    /// Values as they came.
    Samples(Vec<f64>),
    /// Slots of a gauge or a counter, without their times.
    Rows(Rows),
    /// Distributions, of samples or of slots.
    Counts(Distributions),
}

const SAMPLES: u8 = 1;
const GAUGE: u8 = 2;
const COUNTER: u8 = 3;
/// Exponential histograms of one scale, as columns.
const EXPONENTIAL: u8 = 4;
/// Explicit histograms with the same bounds, as columns.
const EXPLICIT: u8 = 5;
/// Anything else, one by one.
const MIXED: u8 = 6;
/// As [`EXPONENTIAL`], of histograms most of whose buckets between the first and the last are occupied: all of these are
/// there, and nothing says how far apart they are. From format 5 on.
const DENSE: u8 = 7;
/// Added to these: the times are evenly apart, and said here.
const EVEN: u8 = 0x80;
/// Added to these: the times are listed here.
const LISTED: u8 = 0x40;

/// Up to so many times are listed: with the key of times of their own they would take more.
const FEW: usize = 64;

/// The times of a record: milliseconds since the start of its stretch.
pub(super) fn offsets(times: &[Millis], start: Millis) -> Vec<u32> {
    times
        .iter()
        .map(|time| u32::try_from(time - start).unwrap_or(u32::MAX))
        .collect()
}

/// The times of a record.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Times {
    /// Said in the record: evenly apart, or few.
    Own(Vec<u32>),
    /// Kept beside the records under this name.
    Named(u64),
}

impl Times {
    pub(super) fn of(offsets: &[u32]) -> Self {
        #[cfg(test)]
        if codec::older::is_before(4) {
            return Self::Named(name_of(offsets));
        }
        if offsets.len() <= FEW || is_even(offsets) {
            Self::Own(offsets.to_vec())
        } else {
            Self::Named(name_of(offsets))
        }
    }

    fn put(&self, out: &mut Vec<u8>, make: u8) {
        match self {
            Self::Named(name) => {
                out.push(make);
                out.extend_from_slice(&name.to_le_bytes());
            }
            Self::Own(offsets) if is_even(offsets) => {
                out.push(make | EVEN);
                let first = offsets.first().copied().unwrap_or(0);
                let step = offsets.get(1).map_or(0, |second| second - first);
                for number in [first, step] {
                    codec::put_varint(out, u64::from(number));
                }
                codec::put_varint(out, offsets.len() as u64);
            }
            Self::Own(offsets) => {
                out.push(make | LISTED);
                put_column(out, offsets);
            }
        }
    }

    /// What [`Times::put`] wrote, and the make of the record.
    fn read(bytes: &mut Reader<'_>) -> Result<(Self, u8), Corrupt> {
        const FAR: Corrupt = Corrupt("a time is beyond all bounds");
        let make = bytes.byte()?;
        if make & LISTED != 0 {
            return Ok((Self::Own(bytes.column()?), make & !LISTED));
        }
        if make & EVEN == 0 {
            return Ok((Self::Named(u64::from_le_bytes(bytes.array()?)), make));
        }
        let mut number = || u32::try_from(bytes.varint()?).map_err(|_| FAR);
        let (first, step) = (number()?, number()?);
        let count = u32::try_from(bytes.length()?).map_err(|_| FAR)?;
        // The last one tells whether all are there.
        let last = count.saturating_sub(1).checked_mul(step);
        last.and_then(|last| last.checked_add(first)).ok_or(FAR)?;
        let offsets = (0..count).map(|place| first + place * step);
        Ok((Self::Own(offsets.collect()), make & !EVEN))
    }
}

/// Whether each is as far from the one before as the second from the first.
fn is_even(offsets: &[u32]) -> bool {
    let mut apart = offsets.windows(2).map(|pair| pair[1].checked_sub(pair[0]));
    apart
        .next()
        .is_none_or(|step| step.is_some() && apart.all(|other| other == step))
}

/// The name of these times: FNV-1a, because it must be the same in every build.
pub(super) fn name_of(offsets: &[u32]) -> u64 {
    let bytes = offsets.iter().flat_map(|offset| offset.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

pub(super) fn encode(times: &Times, body: &Body) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    let head = |out: &mut Vec<u8>, make: u8| times.put(out, make);
    match body {
        Body::Samples(values) => {
            head(&mut out, SAMPLES);
            put_column(&mut out, values);
        }
        Body::Rows(rows) if rows.last.is_empty() => {
            head(&mut out, COUNTER);
            put_column(&mut out, &rows.sum);
            put_near(&mut out, &rows.min, &rows.max);
        }
        Body::Rows(rows) => {
            head(&mut out, GAUGE);
            put_column(&mut out, &rows.last);
            put_column(&mut out, &rows.sum);
            put_near(&mut out, &rows.min, &rows.max);
            put_column(&mut out, &rows.count);
        }
        Body::Counts(all) => match all {
            Distributions::Packed(all) => {
                let make = if is_dense(all) { DENSE } else { EXPONENTIAL };
                head(&mut out, make);
                put_exponential(&mut out, all, make == DENSE);
            }
            Distributions::Mixed(all) if let Some(bounds) = shared_bounds(all) => {
                head(&mut out, EXPLICIT);
                put_explicit(&mut out, bounds, all);
            }
            Distributions::Mixed(all) => {
                head(&mut out, MIXED);
                codec::put_varint(&mut out, all.len() as u64);
                for one in all {
                    match one {
                        Some(one) => put_distribution(&mut out, one),
                        None => out.push(0),
                    }
                }
            }
        },
    }
    out
}

/// What a record holds, and its times.
pub(super) fn decode(bytes: &[u8]) -> Result<(Times, Body), Corrupt> {
    let mut bytes = Reader::new(bytes);
    let (times, make) = Times::read(&mut bytes)?;
    let body = match make {
        SAMPLES => Body::Samples(bytes.column()?),
        COUNTER => {
            let sum: Vec<f64> = bytes.column()?;
            let (min, max) = near(&mut bytes)?;
            Body::Rows(Rows {
                sum,
                min,
                max,
                ..Rows::default()
            })
        }
        GAUGE => {
            let (last, sum) = (bytes.column()?, bytes.column()?);
            let (min, max) = near(&mut bytes)?;
            Body::Rows(Rows {
                last,
                sum,
                min,
                max,
                count: bytes.column()?,
                ..Rows::default()
            })
        }
        EXPONENTIAL | DENSE => {
            let mut all = Packed::new(SCALE);
            exponentials(&mut bytes, &mut all, make == DENSE)?;
            Body::Counts(Distributions::Packed(all))
        }
        EXPLICIT => Body::Counts(Distributions::Mixed(explicits(&mut bytes)?)),
        MIXED => {
            let count = bytes.length()?;
            let one = |_| Ok(bytes.distribution()?.map(Box::new));
            let all: Vec<Option<Box<Distribution>>> = (0..count).map(one).collect::<Result<_, _>>()?;
            Body::Counts(all.iter().map(|one| one.as_deref().map(Part::from)).collect())
        }
        _ => return Err(Corrupt("a record of an unknown make")),
    };
    Ok((times, body))
}

/// Puts the distributions that a record holds behind others, and tells their times; nothing where it holds none.
/// Those of one scale, which nearly all are, are unpacked to where they stay. Of a record that is broken some may be put.
pub(super) fn decode_onto(bytes: &[u8], all: &mut Distributions) -> Result<Option<Times>, Corrupt> {
    let mut reader = Reader::new(bytes);
    let (times, make) = Times::read(&mut reader)?;
    if let (EXPONENTIAL | DENSE, Distributions::Packed(all)) = (make, &mut *all) {
        let scale = { reader }.byte()? as i8;
        if all.take_scale(scale) {
            return exponentials(&mut reader, all, make == DENSE).map(|()| Some(times));
        }
    }
    let (times, body) = decode(bytes)?;
    Ok(match body {
        Body::Counts(more) => {
            all.extend(more);
            Some(times)
        }
        _ => None,
    })
}

impl Body {
    /// What a ring holds within `[from, to)`, and its times.
    pub(super) fn of_ring(ring: &Ring, from: Millis, to: Millis) -> (Vec<Millis>, Self) {
        match ring {
            Ring::Counter(ring) | Ring::Gauge(ring) => {
                let (times, values) = ring.between(from, to);
                (times, Self::Samples(values))
            }
            Ring::Histogram(ring) => {
                let (times, all) = ring.between(from, to);
                (times, Self::Counts(all))
            }
        }
    }

    /// How many samples or slots, if all columns have as many.
    pub(super) fn len(&self) -> Option<usize> {
        match self {
            Self::Samples(values) => Some(values.len()),
            Self::Counts(all) => Some(all.len()),
            Self::Rows(rows) => {
                let len = rows.sum.len();
                let same = |column: &[f64]| column.len() == len;
                let gauge = same(&rows.last) && rows.count.len() == len;
                let counter = rows.last.is_empty() && rows.count.is_empty();
                (same(&rows.min) && same(&rows.max) && (gauge || counter)).then_some(len)
            }
        }
    }
}

/// Two columns of which the second is often the first: where nothing moves within a slot, the largest is the smallest.
fn put_near(out: &mut Vec<u8>, min: &[f64], max: &[f64]) {
    put_column(out, min);
    let same = min.iter().zip(max).all(|(min, max)| min.to_bits() == max.to_bits());
    out.push(u8::from(!same));
    if !same {
        put_column(out, max);
    }
}

fn near(bytes: &mut Reader<'_>) -> Result<(Vec<f64>, Vec<f64>), Corrupt> {
    let min: Vec<f64> = bytes.column()?;
    let max = if bytes.byte()? == 0 {
        min.clone()
    } else {
        bytes.column()?
    };
    Ok((min, max))
}

/// The bounds that all of these have, if they are explicit and have the same.
fn shared_bounds(all: &[Option<Box<Distribution>>]) -> Option<&[f64]> {
    let mut bounds = all.iter().flatten().map(|one| match &**one {
        Distribution::Explicit(one) => Some(&one.bounds()[..]),
        Distribution::Exponential(_) => None,
    });
    let first = bounds.next()??;
    bounds.all(|other| other == Some(first)).then_some(first)
}

/// How many buckets there are from a histogram's first to its last.
fn width(histogram: View<'_>) -> usize {
    let mut indices = histogram.indices();
    let first = indices.next();
    let last = indices.next_back().or(first);
    first.zip(last).map_or(0, |((first, _), (last, _))| {
        (i32::from(last) - i32::from(first) + 1).unsigned_abs() as usize
    })
}

/// Whether at least four of five buckets between the first and the last are occupied: to unpack the empty ones, too, is then
/// less than to unpack the steps between the others, and takes no more room.
fn is_dense(all: &Packed) -> bool {
    #[cfg(test)]
    if codec::older::is_before(5) {
        return false;
    }
    let each = (0..all.len()).filter_map(|place| all.get(place));
    let (occupied, wide) = each.fold((0, 0), |(occupied, wide), one| {
        (occupied + one.indices().len(), wide + width(one))
    });
    wide * 4 <= occupied * 5
}

/// How many buckets each has, and then all of these one after the other.
fn put_exponential(out: &mut Vec<u8>, all: &Packed, dense: bool) {
    let (mut lengths, mut zeros, mut sums, mut mins, mut maxs) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut firsts, mut steps, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for place in 0..all.len() {
        let Some(histogram) = all.get(place) else {
            lengths.push(0_u32);
            continue;
        };
        let length = if dense {
            width(histogram)
        } else {
            histogram.indices().len()
        };
        // One more than the buckets: 0 is a slot in which nothing happened.
        lengths.push(length as u32 + 1);
        zeros.push(histogram.zero_count());
        sums.push(histogram.sum());
        mins.push(histogram.min().unwrap_or(0.0));
        maxs.push(histogram.max().unwrap_or(0.0));
        let mut before = None;
        for (index, count) in histogram.indices() {
            match before {
                None => firsts.push(i32::from(index)),
                // Buckets ascend: neighbours are one apart.
                Some(before) => {
                    let step = (i32::from(index) - i32::from(before)).unsigned_abs();
                    if dense {
                        counts.extend((1..step).map(|_| 0));
                    } else {
                        steps.push(step);
                    }
                }
            }
            counts.push(count);
            before = Some(index);
        }
    }
    out.push(all.scale() as u8);
    put_column(out, &lengths);
    put_column(out, &zeros);
    put_column(out, &sums);
    put_column(out, &mins);
    put_column(out, &maxs);
    put_column(out, &firsts);
    if !dense {
        put_column(out, &steps);
    }
    put_column(out, &counts);
}

/// Puts them behind those that are there, whose scale becomes theirs: the caller knows that it may.
fn exponentials(bytes: &mut Reader<'_>, all: &mut Packed, dense: bool) -> Result<(), Corrupt> {
    const SHORT: Corrupt = Corrupt("columns of different lengths");
    if !all.take_scale(bytes.byte()? as i8) {
        return Err(Corrupt("buckets of another scale"));
    }
    let lengths: Vec<u32> = bytes.column()?;
    let mut zeros = bytes.column::<u64>()?.into_iter();
    let mut values = || Ok::<_, Corrupt>(bytes.column::<f64>()?.into_iter());
    let (mut sums, mut mins, mut maxs) = (values()?, values()?, values()?);
    let mut firsts = bytes.column::<i32>()?.into_iter();
    let steps: Vec<u32> = if dense { Vec::new() } else { bytes.column()? };
    let counts: Vec<u64> = bytes.column()?;
    let (mut steps, mut counts) = (&steps[..], &counts[..]);
    all.reserve(lengths.len(), counts.len());
    for length in lengths {
        let Some(length) = length.checked_sub(1) else {
            all.push_empty();
            continue;
        };
        let length = usize::try_from(length).map_err(|_| SHORT)?;
        let own = counts.split_off(..length).ok_or(SHORT)?;
        let first = if length > 0 { firsts.next().ok_or(SHORT)? } else { 0 };
        let zero_count = zeros.next().ok_or(SHORT)?;
        let values = [
            sums.next().ok_or(SHORT)?,
            mins.next().ok_or(SHORT)?,
            maxs.next().ok_or(SHORT)?,
        ];
        let put = if dense {
            all.push_run(zero_count, values, first, own)
        } else {
            let apart = steps.split_off(..length.saturating_sub(1)).ok_or(SHORT)?;
            all.push_parts(zero_count, values, first, apart, own)
        };
        put.map_err(|_| Corrupt("buckets that are none"))?;
    }
    Ok(())
}

fn put_explicit(out: &mut Vec<u8>, bounds: &[f64], all: &[Option<Box<Distribution>>]) {
    let (mut present, mut sums, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for one in all {
        let found = match one.as_deref() {
            Some(Distribution::Explicit(histogram)) => Some(histogram),
            _ => None,
        };
        present.push(u32::from(found.is_some()));
        if let Some(histogram) = found {
            sums.push(histogram.sum());
            counts.extend_from_slice(histogram.counts());
        }
    }
    put_column(out, bounds);
    put_column(out, &present);
    put_column(out, &sums);
    put_column(out, &counts);
}

fn explicits(bytes: &mut Reader<'_>) -> Result<Vec<Option<Box<Distribution>>>, Corrupt> {
    const SHORT: Corrupt = Corrupt("columns of different lengths");
    let bounds: std::sync::Arc<[f64]> = bytes.column()?.into();
    let present: Vec<u32> = bytes.column()?;
    let mut sums = bytes.column::<f64>()?.into_iter();
    let counts: Vec<u64> = bytes.column()?;
    let mut counts = counts.chunks_exact(bounds.len() + 1);
    let one = |present: u32| {
        if present == 0 {
            return Ok(None);
        }
        let counts = counts.next().ok_or(SHORT)?;
        let made = Explicit::new(bounds.clone(), counts, sums.next().ok_or(SHORT)?);
        Ok(Some(Box::new(
            made.map_err(|_| Corrupt("buckets that are none"))?.into(),
        )))
    };
    present.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests;

//! Prometheus' native histograms: sparse buckets, as spans of neighbours.

use std::fmt;

use super::is_stale;
use crate::wire::{self, Reader, zigzag};

/// The schema of a histogram with bounds of its own ([`NativeHistogram::custom_bounds`]).
pub const CUSTOM_BOUNDS: i32 = -53;

/// How many buckets, spans or bounds one histogram may have. Prometheus itself stays below 200.
const MOST: usize = 16_384;

/// A number of observations: whole in what is counted, a fraction in what is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "the type says it")]
pub enum Count {
    Integer(u64),
    Float(f64),
}

impl Count {
    /// The number, to 53 bits.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Integer(count) => count as f64,
            Self::Float(count) => count,
        }
    }
}

/// Neighbouring buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// How many empty buckets lie between the span before and this one; of the first one, its first bucket's index.
    pub offset: i32,
    /// How many buckets it has.
    pub length: u32,
}

/// The count of each bucket by itself, in order; not what it differs by from the one before.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "the type says it")]
pub enum Counts<'a> {
    Integer(&'a [u64]),
    Float(&'a [f64]),
}

/// The buckets of one sign.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Buckets<'a> {
    /// Where they lie; together they are as many as the counts.
    pub spans: &'a [Span],
    /// What is in them.
    pub counts: Counts<'a>,
}

impl<'a> Buckets<'a> {
    /// Index and count of every bucket that is written down, also of empty ones, in ascending order.
    ///
    /// At schema `n`, bucket `i` holds the values of (b^(i−1), b^i] where b = 2^(2^−n): its index is by one higher than
    /// in an exponential histogram of OTLP. At [`CUSTOM_BOUNDS`], bucket `i` ends at bound `i`, the last one never.
    pub fn iter(&self) -> impl Iterator<Item = (i32, Count)> + use<'a> {
        let counts = self.counts;
        let indices = self.spans.iter().scan(0_i64, |next, span| {
            let start = *next + i64::from(span.offset);
            *next = start + i64::from(span.length);
            Some(start..*next)
        });
        indices.flatten().enumerate().map_while(move |(place, index)| {
            let count = match counts {
                Counts::Integer(counts) => Count::Integer(*counts.get(place)?),
                Counts::Float(counts) => Count::Float(*counts.get(place)?),
            };
            Some((i32::try_from(index).ok()?, count))
        })
    }
}

/// Whether a histogram's counts began anew since the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetHint {
    /// It is not known: compare.
    Unknown,
    /// They began anew.
    Yes,
    /// They went on.
    No,
    /// They are no running counts: each histogram is by itself.
    Gauge,
}

/// A native histogram. Its counts are running ones unless the hint says otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NativeHistogram<'a> {
    /// Observations in all, also those that were NaN and are in no bucket.
    pub count: Count,
    /// The sum of all observations.
    pub sum: f64,
    /// The resolution, −9 to 52, or [`CUSTOM_BOUNDS`].
    pub schema: i32,
    /// Observations whose absolute value is at most this are in no bucket but counted as zeros.
    pub zero_threshold: f64,
    /// How many are counted as zeros.
    pub zero_count: Count,
    /// Buckets of observations above zero.
    pub positive: Buckets<'a>,
    /// Buckets of observations below zero, by their absolute value.
    pub negative: Buckets<'a>,
    /// Upper bounds, ascending; empty except at [`CUSTOM_BOUNDS`].
    pub custom_bounds: &'a [f64],
    /// Whether the counts began anew.
    pub reset_hint: ResetHint,
}

impl NativeHistogram<'_> {
    /// Whether it says that its series has ended.
    pub fn is_stale(&self) -> bool {
        is_stale(self.sum)
    }
}

/// How a histogram contradicts itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BucketFault {
    /// The schema is none.
    Schema,
    /// There are more than 16,384 buckets, spans or bounds.
    TooMany,
    /// The spans have another number of buckets than there are counts.
    Spans,
    /// A span begins before the end of the one before, or lies beyond all indices.
    Overlap,
    /// A bucket has less than nothing, or NaN.
    Negative,
    /// The bounds do not ascend, or buckets lie beyond them.
    Bounds,
}

impl fmt::Display for BucketFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Schema => "its schema is unknown",
            Self::TooMany => "it has too many buckets",
            Self::Spans => "its spans and counts differ in number",
            Self::Overlap => "its spans overlap",
            Self::Negative => "a bucket has less than nothing",
            Self::Bounds => "its bounds do not fit",
        })
    }
}

impl std::error::Error for BucketFault {}

/// The buckets of one sign while they are read.
#[derive(Debug, Default)]
struct Side {
    spans: Vec<Span>,
    /// Differences, then counts: the first sum is never negative, so that the bits of a count are those of its `u64`.
    integers: Vec<u64>,
    floats: Vec<f64>,
    too_many: bool,
}

impl Side {
    fn clear(&mut self) {
        self.spans.clear();
        self.integers.clear();
        self.floats.clear();
        self.too_many = false;
    }

    fn span(&mut self, mut reader: Reader<'_>) -> Result<(), wire::Error> {
        let mut span = Span::default();
        while let Some(field) = reader.field()? {
            match field.number {
                1 => span.offset = field.sint32()?,
                2 => span.length = field.varint()? as u32,
                _ => {}
            }
        }
        push(&mut self.spans, span, &mut self.too_many);
        Ok(())
    }

    /// Checks it, and makes counts of differences.
    fn finish(&mut self, is_float: bool, custom: bool) -> Result<(), BucketFault> {
        if self.too_many {
            return Err(BucketFault::TooMany);
        }
        let (counts, others) = if is_float {
            (self.floats.len(), self.integers.len())
        } else {
            (self.integers.len(), self.floats.len())
        };
        let length = self.spans.iter().map(|span| u64::from(span.length)).sum::<u64>();
        if length != counts as u64 || others > 0 {
            return Err(BucketFault::Spans);
        }
        let mut next = 0;
        for (place, span) in self.spans.iter().enumerate() {
            if span.offset < 0 && (place > 0 || custom) {
                return Err(BucketFault::Overlap);
            }
            next += i64::from(span.offset) + i64::from(span.length);
            if next > i64::from(i32::MAX) {
                return Err(BucketFault::Overlap);
            }
        }
        if self.floats.iter().any(|count| count.is_nan() || *count < 0.0) {
            return Err(BucketFault::Negative);
        }
        let mut count = 0_i64;
        for integer in &mut self.integers {
            let sum = count.checked_add(*integer as i64);
            count = sum.filter(|count| *count >= 0).ok_or(BucketFault::Negative)?;
            *integer = count as u64;
        }
        Ok(())
    }

    fn buckets(&self, is_float: bool) -> Buckets<'_> {
        Buckets {
            spans: &self.spans,
            counts: if is_float {
                Counts::Float(&self.floats)
            } else {
                Counts::Integer(&self.integers)
            },
        }
    }
}

/// Buffers for the parts of a histogram.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    positive: Side,
    negative: Side,
    bounds: Vec<f64>,
}

impl Scratch {
    /// A histogram and its time, Unix milliseconds.
    pub(super) fn read(
        &mut self,
        mut reader: Reader<'_>,
    ) -> Result<(i64, Result<NativeHistogram<'_>, BucketFault>), wire::Error> {
        self.positive.clear();
        self.negative.clear();
        self.bounds.clear();
        let mut too_many = false;
        let (mut count, mut zero_count) = (Count::Integer(0), Count::Integer(0));
        let (mut sum, mut schema, mut zero_threshold, mut time_ms) = (0.0, 0, 0.0, 0);
        let mut reset_hint = ResetHint::Unknown;
        while let Some(field) = reader.field()? {
            match field.number {
                1 => count = Count::Integer(field.varint()?),
                2 => count = Count::Float(field.double()?),
                3 => sum = field.double()?,
                4 => schema = field.sint32()?,
                5 => zero_threshold = field.double()?,
                6 => zero_count = Count::Integer(field.varint()?),
                7 => zero_count = Count::Float(field.double()?),
                number @ (8 | 11) => self.side(number).span(field.message("BucketSpan")?)?,
                number @ (9 | 12) => {
                    let side = self.side(number);
                    field.each_varint(|delta| push(&mut side.integers, zigzag(delta) as u64, &mut side.too_many))?;
                }
                number @ (10 | 13) => {
                    let side = self.side(number);
                    field.each_fixed64(|bits| push(&mut side.floats, f64::from_bits(bits), &mut side.too_many))?;
                }
                14 => {
                    reset_hint = match field.enumeration()? {
                        1 => ResetHint::Yes,
                        2 => ResetHint::No,
                        3 => ResetHint::Gauge,
                        _ => ResetHint::Unknown,
                    };
                }
                15 => time_ms = field.varint()? as i64,
                16 => field.each_fixed64(|bits| push(&mut self.bounds, f64::from_bits(bits), &mut too_many))?,
                _ => {}
            }
        }
        let is_float = matches!(count, Count::Float(_));
        let custom = schema == CUSTOM_BOUNDS;
        let mut check = || {
            if too_many {
                return Err(BucketFault::TooMany);
            }
            if !custom && !(-9..=52).contains(&schema) {
                return Err(BucketFault::Schema);
            }
            self.positive.finish(is_float, custom)?;
            self.negative.finish(is_float, custom)?;
            let is_ascending = self.bounds.is_sorted_by(|low, high| low < high);
            if !is_ascending || self.bounds.iter().any(|bound| bound.is_nan()) {
                return Err(BucketFault::Bounds);
            }
            let last = self.positive.buckets(is_float).iter().last();
            let is_beyond = |(index, _): (i32, Count)| index as usize > self.bounds.len();
            if custom && (last.is_some_and(is_beyond) || !self.negative.spans.is_empty()) {
                return Err(BucketFault::Bounds);
            }
            Ok(())
        };
        if let Err(fault) = check() {
            return Ok((time_ms, Err(fault)));
        }
        let histogram = NativeHistogram {
            count,
            sum,
            schema,
            zero_threshold,
            zero_count,
            positive: self.positive.buckets(is_float),
            negative: self.negative.buckets(is_float),
            custom_bounds: &self.bounds,
            reset_hint,
        };
        Ok((time_ms, Ok(histogram)))
    }

    fn side(&mut self, number: u32) -> &mut Side {
        if number < 11 {
            &mut self.negative
        } else {
            &mut self.positive
        }
    }
}

/// Appends while there is room.
pub(crate) fn push<T>(values: &mut Vec<T>, value: T, too_many: &mut bool) {
    if values.len() < MOST {
        values.push(value);
    } else {
        *too_many = true;
    }
}

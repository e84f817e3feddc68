//! Data points: one series at one moment.

use super::reason::Trouble;
use super::{Attributes, MetricVisitor, Reason};
use crate::wire::{self, Field, Reader, Run};

/// How many buckets or quantiles a point may have. The protocol's own default is 160.
const MOST: usize = 16_384;

/// The scales that the protocol's libraries make.
const SCALES: std::ops::RangeInclusive<i32> = -10..=20;

/// When, and whether at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PointTime {
    /// Since when the values count, Unix nanoseconds; 0 if that is not known.
    pub start_unix_nanos: u64,
    /// The moment of the values, Unix nanoseconds; never 0.
    pub unix_nanos: u64,
    /// It says that the series has no value now, and the values mean nothing: it has ended.
    pub no_recorded_value: bool,
}

/// The value of a gauge or a sum.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "the type says it")]
pub enum Number {
    Int(i64),
    Double(f64),
}

impl Number {
    /// The number, to 53 bits.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(number) => number as f64,
            Self::Double(number) => number,
        }
    }
}

/// A point of a gauge or a sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NumberPoint {
    /// When.
    pub time: PointTime,
    /// The value; there is one unless the time says that there is none.
    pub value: Option<Number>,
}

/// A point of a histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HistogramPoint<'a> {
    /// When.
    pub time: PointTime,
    /// Observations in all. That they are as many as in the buckets is the sender's word.
    pub count: u64,
    /// The sum of all observations.
    pub sum: Option<f64>,
    /// The smallest observation.
    pub min: Option<f64>,
    /// The largest observation.
    pub max: Option<f64>,
    /// Upper bounds, finite and ascending. A bucket includes its upper bound.
    pub bounds: &'a [f64],
    /// Observations in each bucket by itself: one more than bounds, the last without an end; or none at all.
    pub counts: &'a [u64],
}

/// The buckets of one sign of an exponential histogram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exponential<'a> {
    /// The index of the first bucket. At scale `n`, bucket `i` holds the values of (b^i, b^(i+1)] where b = 2^(2^−n).
    pub offset: i32,
    /// Observations in each bucket by itself. No index is beyond 32 bits.
    pub counts: &'a [u64],
}

/// A point of an exponential histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExponentialPoint<'a> {
    /// When.
    pub time: PointTime,
    /// Observations in all. That they are as many as in the buckets is the sender's word.
    pub count: u64,
    /// The sum of all observations.
    pub sum: Option<f64>,
    /// The smallest observation.
    pub min: Option<f64>,
    /// The largest observation.
    pub max: Option<f64>,
    /// The resolution, −10 to 20.
    pub scale: i32,
    /// Observations counted as zeros.
    pub zero_count: u64,
    /// Up to which absolute value they are.
    pub zero_threshold: f64,
    /// Buckets of observations above zero.
    pub positive: Exponential<'a>,
    /// Buckets of observations below zero, by their absolute value.
    pub negative: Exponential<'a>,
}

/// The value at a quantile.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quantile {
    /// Which, 0 to 1: 0 is the smallest, 1 the largest observation.
    pub quantile: f64,
    /// The value.
    pub value: f64,
}

/// A point of a summary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SummaryPoint<'a> {
    /// When.
    pub time: PointTime,
    /// Observations in all.
    pub count: u64,
    /// The sum of all observations.
    pub sum: f64,
    /// Values at quantiles, in the sender's order.
    pub quantiles: &'a [Quantile],
}

/// Buffers for the parts of a point.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) attributes: Vec<u8>,
    bounds: Vec<f64>,
    counts: Vec<u64>,
    negative: Vec<u64>,
    quantiles: Vec<Quantile>,
}

/// What all points have.
#[derive(Default)]
struct Common {
    time: PointTime,
    attributes: Run,
}

impl Common {
    /// Notes a field that is an attribute, and those that follow it in `reader`.
    #[inline]
    fn attribute(&mut self, field: &Field<'_>, reader: &mut Reader<'_>) -> Result<(), wire::Error> {
        // That it is a message at all, as whoever knows its bytes takes for granted.
        field.bytes()?;
        reader.pass(field.number);
        self.attributes.add(field.offset(), reader.offset());
        Ok(())
    }

    #[inline]
    fn flags(&mut self, field: &Field<'_>) -> Result<(), wire::Error> {
        self.time.no_recorded_value = field.varint()? & 1 != 0;
        Ok(())
    }

    /// The key of the point's series; its attributes are the fields of this number.
    #[inline]
    fn key<V: MetricVisitor>(
        &self,
        number: u32,
        message: Reader<'_>,
        copy: &mut Vec<u8>,
        visitor: &mut V,
    ) -> Result<V::Key, Trouble> {
        if self.time.unix_nanos == 0 {
            return Err(Reason::NoTime.into());
        }
        let raw = self.attributes.bytes(number, message, copy)?;
        match visitor.known(raw) {
            Some(key) => Ok(key),
            None => Ok(visitor.declare(Attributes::checked(raw, number, message.offset())?, raw)),
        }
    }
}

#[inline]
pub(super) fn number<V: MetricVisitor>(
    message: Reader<'_>,
    scratch: &mut Scratch,
    visitor: &mut V,
) -> Result<(), Trouble> {
    let mut common = Common::default();
    let mut value = None;
    let mut reader = message;
    while let Some(field) = reader.field()? {
        match field.number {
            2 => common.time.start_unix_nanos = field.fixed64()?,
            3 => common.time.unix_nanos = field.fixed64()?,
            4 => value = Some(Number::Double(field.double()?)),
            6 => value = Some(Number::Int(field.fixed64()? as i64)),
            7 => common.attribute(&field, &mut reader)?,
            8 => common.flags(&field)?,
            _ => {}
        }
    }
    if value.is_none() && !common.time.no_recorded_value {
        return Err(Reason::NoValue.into());
    }
    let key = common.key(7, message, &mut scratch.attributes, visitor)?;
    let time = common.time;
    visitor.number(key, &NumberPoint { time, value });
    Ok(())
}

pub(super) fn histogram<V: MetricVisitor>(
    message: Reader<'_>,
    scratch: &mut Scratch,
    visitor: &mut V,
) -> Result<(), Trouble> {
    let (bounds, counts) = (&mut scratch.bounds, &mut scratch.counts);
    bounds.clear();
    counts.clear();
    let mut common = Common::default();
    let (mut count, mut sum, mut min, mut max) = (0, None, None, None);
    let mut is_too_long = false;
    let mut reader = message;
    while let Some(field) = reader.field()? {
        match field.number {
            2 => common.time.start_unix_nanos = field.fixed64()?,
            3 => common.time.unix_nanos = field.fixed64()?,
            4 => count = field.fixed64()?,
            5 => sum = Some(field.double()?),
            6 => field.each_fixed64(|count| push(counts, count, &mut is_too_long))?,
            7 => field.each_fixed64(|bits| push(bounds, f64::from_bits(bits), &mut is_too_long))?,
            9 => common.attribute(&field, &mut reader)?,
            10 => common.flags(&field)?,
            11 => min = Some(field.double()?),
            12 => max = Some(field.double()?),
            _ => {}
        }
    }
    if is_too_long {
        return Err(Reason::TooMany.into());
    }
    let is_plain = counts.is_empty() && bounds.is_empty();
    if !is_plain && counts.len() != bounds.len() + 1 {
        return Err(Reason::Buckets.into());
    }
    if bounds.iter().any(|bound| !bound.is_finite()) || !bounds.is_sorted_by(|low, high| low < high) {
        return Err(Reason::Bounds.into());
    }
    let key = common.key(9, message, &mut scratch.attributes, visitor)?;
    let point = HistogramPoint {
        time: common.time,
        count,
        sum,
        min,
        max,
        bounds,
        counts,
    };
    visitor.histogram(key, &point);
    Ok(())
}

pub(super) fn exponential<V: MetricVisitor>(
    message: Reader<'_>,
    scratch: &mut Scratch,
    visitor: &mut V,
) -> Result<(), Trouble> {
    let mut common = Common::default();
    let (mut count, mut sum, mut min, mut max) = (0, None, None, None);
    let (mut scale, mut zero_count, mut zero_threshold) = (0, 0, 0.0);
    let (mut positive, mut negative) = (None, None);
    let mut reader = message;
    while let Some(field) = reader.field()? {
        match field.number {
            1 => common.attribute(&field, &mut reader)?,
            2 => common.time.start_unix_nanos = field.fixed64()?,
            3 => common.time.unix_nanos = field.fixed64()?,
            4 => count = field.fixed64()?,
            5 => sum = Some(field.double()?),
            6 => scale = field.sint32()?,
            7 => zero_count = field.fixed64()?,
            8 => field.once(&mut positive, field.message("Buckets")?)?,
            9 => field.once(&mut negative, field.message("Buckets")?)?,
            10 => common.flags(&field)?,
            12 => min = Some(field.double()?),
            13 => max = Some(field.double()?),
            14 => zero_threshold = field.double()?,
            _ => {}
        }
    }
    if !SCALES.contains(&scale) {
        return Err(Reason::Scale.into());
    }
    let positive = buckets(positive, &mut scratch.counts)?;
    let negative = buckets(negative, &mut scratch.negative)?;
    let key = common.key(1, message, &mut scratch.attributes, visitor)?;
    let point = ExponentialPoint {
        time: common.time,
        count,
        sum,
        min,
        max,
        scale,
        zero_count,
        zero_threshold,
        positive,
        negative,
    };
    visitor.exponential(key, &point);
    Ok(())
}

fn buckets<'a>(message: Option<Reader<'_>>, counts: &'a mut Vec<u64>) -> Result<Exponential<'a>, Trouble> {
    counts.clear();
    let Some(mut reader) = message else {
        return Ok(Exponential::default());
    };
    let (mut offset, mut is_too_long) = (0_i32, false);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => offset = field.sint32()?,
            2 => field.each_varint(|count| push(counts, count, &mut is_too_long))?,
            _ => {}
        }
    }
    if is_too_long {
        return Err(Reason::TooMany.into());
    }
    if offset.checked_add_unsigned(counts.len() as u32).is_none() {
        return Err(Reason::Scale.into());
    }
    Ok(Exponential { offset, counts })
}

pub(super) fn summary<V: MetricVisitor>(
    message: Reader<'_>,
    scratch: &mut Scratch,
    visitor: &mut V,
) -> Result<(), Trouble> {
    let quantiles = &mut scratch.quantiles;
    quantiles.clear();
    let mut common = Common::default();
    let (mut count, mut sum, mut is_too_long) = (0, 0.0, false);
    let mut reader = message;
    while let Some(field) = reader.field()? {
        match field.number {
            2 => common.time.start_unix_nanos = field.fixed64()?,
            3 => common.time.unix_nanos = field.fixed64()?,
            4 => count = field.fixed64()?,
            5 => sum = field.double()?,
            6 => {
                let quantile = quantile(field.message("ValueAtQuantile")?)?;
                push(quantiles, quantile, &mut is_too_long);
            }
            7 => common.attribute(&field, &mut reader)?,
            8 => common.flags(&field)?,
            _ => {}
        }
    }
    if is_too_long {
        return Err(Reason::TooMany.into());
    }
    if quantiles.iter().any(|one| !(0.0..=1.0).contains(&one.quantile)) {
        return Err(Reason::Quantile.into());
    }
    let key = common.key(7, message, &mut scratch.attributes, visitor)?;
    let point = SummaryPoint {
        time: common.time,
        count,
        sum,
        quantiles,
    };
    visitor.summary(key, &point);
    Ok(())
}

fn quantile(mut reader: Reader<'_>) -> Result<Quantile, wire::Error> {
    let mut quantile = Quantile::default();
    while let Some(field) = reader.field()? {
        match field.number {
            1 => quantile.quantile = field.double()?,
            2 => quantile.value = field.double()?,
            _ => {}
        }
    }
    Ok(quantile)
}

/// Appends while there is room.
fn push<T>(values: &mut Vec<T>, value: T, is_too_long: &mut bool) {
    if values.len() < MOST {
        values.push(value);
    } else {
        *is_too_long = true;
    }
}

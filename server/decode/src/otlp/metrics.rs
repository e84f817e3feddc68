//! Metrics and their data points.

use super::points::{self, ExponentialPoint, HistogramPoint, NumberPoint, Scratch, SummaryPoint};
use super::reason::{Trouble, place};
use super::{Attributes, Decoded, Reason, Resource, Scope, resource, scope, shared};
use crate::wire::{self, Reader};

/// What the values of one point have to do with those of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Temporality {
    /// They are what happened since the point before.
    Delta,
    /// They are running totals since the start time.
    Cumulative,
}

/// What a metric's points are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "these are the protocol's own words")]
pub enum Kind {
    Gauge,
    Sum {
        /// Whether it can only grow: a counter, else an up-down counter.
        is_monotonic: bool,
        temporality: Temporality,
    },
    Histogram {
        temporality: Temporality,
    },
    ExponentialHistogram {
        temporality: Temporality,
    },
    Summary,
}

/// A metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric<'a> {
    /// Its name; never empty.
    pub name: &'a str,
    /// Its unit by the Unified Code for Units of Measure; may be empty.
    pub unit: &'a str,
    /// What it means; may be empty.
    pub description: &'a str,
    /// What its points are.
    pub kind: Kind,
}

/// Takes what a request has: a resource, its scopes, each one's metrics, each one's points.
pub trait MetricVisitor {
    /// What a series is known by.
    type Key: Copy;

    /// The resource of everything until the next one.
    fn resource(&mut self, resource: &Resource<'_>);

    /// The scope of everything until the next one.
    fn scope(&mut self, scope: &Scope<'_>);

    /// The metric of all points until the next one.
    fn metric(&mut self, metric: &Metric<'_>);

    /// The key of the series of the metric whose attributes are these bytes, if it was declared before. They are the
    /// fields as they stand in the request; another sender may write the same attributes in other bytes. A series is
    /// more than these: its resource, its scope and its metric belong to it.
    fn known(&mut self, raw: &[u8]) -> Option<Self::Key>;

    /// A series of the metric whose bytes are not known.
    fn declare(&mut self, attributes: Attributes<'_>, raw: &[u8]) -> Self::Key;

    /// A point of a gauge or a sum.
    fn number(&mut self, key: Self::Key, point: &NumberPoint);

    /// A point of a histogram.
    fn histogram(&mut self, key: Self::Key, point: &HistogramPoint<'_>);

    /// A point of an exponential histogram.
    fn exponential(&mut self, key: Self::Key, point: &ExponentialPoint<'_>);

    /// A point of a summary.
    fn summary(&mut self, key: Self::Key, point: &SummaryPoint<'_>);

    /// Points of a metric of this name that are not handed over.
    fn rejected(&mut self, metric: &str, reason: Reason, points: u64);
}

/// Walks through a request.
pub(super) fn decode<V: MetricVisitor>(
    body: &[u8],
    scratch: &mut Scratch,
    visitor: &mut V,
) -> Result<Decoded, wire::Error> {
    let mut walk = Walk {
        scratch,
        visitor,
        decoded: Decoded::default(),
    };
    let mut reader = Reader::new(body, "ExportMetricsServiceRequest");
    while let Some(field) = reader.field()? {
        if field.number == 1 {
            walk.resource_metrics(field.message("ResourceMetrics")?)?;
        }
    }
    Ok(walk.decoded)
}

struct Walk<'a, V> {
    scratch: &'a mut Scratch,
    visitor: &'a mut V,
    decoded: Decoded,
}

impl<V: MetricVisitor> Walk<'_, V> {
    fn resource_metrics(&mut self, message: Reader<'_>) -> Result<(), wire::Error> {
        let resource = resource(shared(message, "Resource")?, &mut self.scratch.attributes);
        let outer = place(resource.map(|resource| self.visitor.resource(&resource)))?;
        let mut reader = message;
        while let Some(field) = reader.field()? {
            if field.number == 2 {
                self.scope_metrics(field.message("ScopeMetrics")?, outer)?;
            }
        }
        Ok(())
    }

    /// `outer` is why all points are rejected, if they are.
    fn scope_metrics(&mut self, message: Reader<'_>, outer: Result<(), Reason>) -> Result<(), wire::Error> {
        let scope = scope(shared(message, "InstrumentationScope")?, &mut self.scratch.attributes);
        let outer = outer.and(place(scope.map(|scope| self.visitor.scope(&scope)))?);
        let mut reader = message;
        while let Some(field) = reader.field()? {
            if field.number == 2 {
                self.metric(field.message("Metric")?, outer)?;
            }
        }
        Ok(())
    }

    fn metric(&mut self, message: Reader<'_>, outer: Result<(), Reason>) -> Result<(), wire::Error> {
        let Some((metric, data, points)) = head(message)? else {
            return Ok(());
        };
        let name = match outer.and(metric) {
            Ok(metric) => {
                self.visitor.metric(&metric);
                metric.name
            }
            Err(reason) => {
                if points > 0 {
                    let name = name(message)?;
                    self.reject(&String::from_utf8_lossy(name), reason, points);
                }
                return Ok(());
            }
        };
        let mut reader = data.points;
        while let Some(field) = reader.field()? {
            if field.number != 1 {
                continue;
            }
            let (scratch, visitor) = (&mut *self.scratch, &mut *self.visitor);
            let done = match data.number {
                SUM | GAUGE => points::number(field.message("NumberDataPoint")?, scratch, visitor),
                HISTOGRAM => points::histogram(field.message("HistogramDataPoint")?, scratch, visitor),
                SUMMARY => points::summary(field.message("SummaryDataPoint")?, scratch, visitor),
                _ => points::exponential(field.message("ExponentialHistogramDataPoint")?, scratch, visitor),
            };
            match place(done)? {
                Ok(()) => self.decoded.accepted += 1,
                Err(reason) => self.reject(name, reason, 1),
            }
        }
        Ok(())
    }

    #[cold]
    fn reject(&mut self, metric: &str, reason: Reason, points: u64) {
        self.decoded.rejected += points;
        self.visitor.rejected(metric, reason, points);
    }
}

const GAUGE: u32 = 5;
const SUM: u32 = 7;
const HISTOGRAM: u32 = 9;
const EXPONENTIAL: u32 = 10;
const SUMMARY: u32 = 11;

/// The message with a metric's points.
struct Data<'a> {
    /// Its field, which says the kind.
    number: u32,
    points: Reader<'a>,
}

/// What a metric is, which may stand after its points; its points, and how many. `None` if it has no points' message.
#[expect(clippy::type_complexity, reason = "used once")]
fn head(message: Reader<'_>) -> Result<Option<(Result<Metric<'_>, Reason>, Data<'_>, u64)>, wire::Error> {
    let (mut name, mut unit, mut description) = (Ok(""), Ok(""), Ok(""));
    let mut data = None;
    let mut reader = message;
    while let Some(field) = reader.field()? {
        match field.number {
            1 => name = place(field.text().map_err(Trouble::from))?,
            2 => description = place(field.text().map_err(Trouble::from))?,
            3 => unit = place(field.text().map_err(Trouble::from))?,
            number @ (GAUGE | SUM | HISTOGRAM | EXPONENTIAL | SUMMARY) => {
                let points = field.message(message_name(number))?;
                field.once(&mut data, Data { number, points })?;
            }
            _ => {}
        }
    }
    let Some(data) = data else { return Ok(None) };
    let (kind, points) = kind(&data)?;
    let metric = || {
        let name = name?;
        if name.is_empty() {
            return Err(Reason::NoName);
        }
        Ok(Metric {
            name,
            unit: unit?,
            description: description?,
            kind: kind?,
        })
    };
    Ok(Some((metric(), data, points)))
}

fn message_name(number: u32) -> &'static str {
    match number {
        GAUGE => "Gauge",
        SUM => "Sum",
        HISTOGRAM => "Histogram",
        EXPONENTIAL => "ExponentialHistogram",
        _ => "Summary",
    }
}

/// What the points are, and how many.
fn kind(data: &Data<'_>) -> Result<(Result<Kind, Reason>, u64), wire::Error> {
    let (mut temporality, mut is_monotonic, mut points) = (0, false, 0);
    let mut reader = data.points;
    while let Some(field) = reader.field()? {
        match field.number {
            1 => points += 1,
            2 if !matches!(data.number, GAUGE | SUMMARY) => temporality = field.enumeration()?,
            3 if data.number == SUM => is_monotonic = field.varint()? != 0,
            _ => {}
        }
    }
    let temporality = match temporality {
        1 => Ok(Temporality::Delta),
        2 => Ok(Temporality::Cumulative),
        _ => Err(Reason::Temporality),
    };
    let kind = match data.number {
        GAUGE => Ok(Kind::Gauge),
        SUMMARY => Ok(Kind::Summary),
        SUM => temporality.map(|temporality| Kind::Sum {
            is_monotonic,
            temporality,
        }),
        HISTOGRAM => temporality.map(|temporality| Kind::Histogram { temporality }),
        _ => temporality.map(|temporality| Kind::ExponentialHistogram { temporality }),
    };
    Ok((kind, points))
}

/// The bytes of a metric's name, for a message about it.
fn name(mut reader: Reader<'_>) -> Result<&[u8], wire::Error> {
    let mut name = &[][..];
    while let Some(field) = reader.field()? {
        if field.number == 1 {
            name = field.bytes()?;
        }
    }
    Ok(name)
}

//! Who sent a sample, and whom to believe when two tell of the same fact.

use std::sync::Arc;

/// How samples come to Keiki.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SourceClass {
    /// Keiki's own instruments and probes.
    Own,
    /// OpenTelemetry's protocol.
    Otlp,
    /// Scraped from a Prometheus endpoint.
    Scrape,
    /// Prometheus' remote write.
    RemoteWrite,
    /// StatsD.
    Statsd,
    /// Counted from log lines.
    Logs,
    /// Counted from OpenTelemetry's spans.
    Spans,
}

impl SourceClass {
    /// Every class, in the order of their numbers on disk: new ones come last.
    pub const ALL: [Self; 7] = [
        Self::Own,
        Self::Otlp,
        Self::Scrape,
        Self::RemoteWrite,
        Self::Statsd,
        Self::Logs,
        Self::Spans,
    ];

    /// Every class, the most trusted first: who counts for itself knows better than who counts what others sampled.
    pub const BY_TRUST: [Self; 7] = [
        Self::Own,
        Self::Otlp,
        Self::Scrape,
        Self::RemoteWrite,
        Self::Spans,
        Self::Statsd,
        Self::Logs,
    ];
}

/// A source by name and class. Cheap to clone: make it once per source.
#[derive(Clone, Debug)]
pub struct SourceId(Arc<(Box<str>, SourceClass)>);

impl SourceId {
    /// A source of this name, the one that its status is kept under.
    pub fn new(name: &str, class: SourceClass) -> Self {
        Self(Arc::new((name.into(), class)))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.0
    }

    /// How its samples come.
    pub fn class(&self) -> SourceClass {
        self.0.1
    }
}

impl PartialEq for SourceId {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for SourceId {}

/// Ranks of the classes: 0 is believed before 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ranks([u8; SourceClass::ALL.len()]);

impl Ranks {
    /// In this order; what it does not name comes after, in the usual order.
    pub(crate) fn new(order: &[SourceClass]) -> Self {
        let mut ranks = [u8::MAX; SourceClass::ALL.len()];
        let mut next = 0;
        for &class in order.iter().chain(&SourceClass::BY_TRUST) {
            let rank = &mut ranks[class as usize];
            if *rank == u8::MAX {
                *rank = next;
                next += 1;
            }
        }
        Self(ranks)
    }

    pub(crate) fn of(&self, class: SourceClass) -> u8 {
        self.0[class as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_order_leaves_out_comes_last() {
        let ranks = Ranks::new(&[SourceClass::Scrape, SourceClass::Own, SourceClass::Scrape]);
        assert_eq!(SourceClass::ALL.map(|class| ranks.of(class)), [1, 2, 0, 3, 5, 6, 4]);
    }
}

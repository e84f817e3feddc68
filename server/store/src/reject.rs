//! Why samples are not kept. Nothing is dropped without being counted.

/// Why a sample was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The value is NaN or infinite.
    NotFinite,
    /// It is from more than five seconds in the future.
    Future,
    /// The clock was set back, and its second is already written.
    SetBack,
    /// It is too old to revise the live window.
    Late,
    /// It would begin a series, and there are as many as the limits allow.
    SeriesLimit,
    /// It would begin a series, and its metric has as many as the limits allow.
    MetricLimit,
    /// Its series has too many labels.
    LabelCount,
    /// The name of its metric, or a name or value of a label, is too long.
    LabelLength,
    /// A distribution for what is a number, or the reverse.
    Kind,
    /// The very same series is fed by another source that is at least as trusted.
    OtherSource,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::NotFinite,
        Self::Future,
        Self::SetBack,
        Self::Late,
        Self::SeriesLimit,
        Self::MetricLimit,
        Self::LabelCount,
        Self::LabelLength,
        Self::Kind,
        Self::OtherSource,
    ];

    /// The value of the label `reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFinite => "not_finite",
            Self::Future => "future",
            Self::SetBack => "set_back",
            Self::Late => "late",
            Self::SeriesLimit => "series_limit",
            Self::MetricLimit => "metric_limit",
            Self::LabelCount => "label_count",
            Self::LabelLength => "label_length",
            Self::Kind => "kind",
            Self::OtherSource => "other_source",
        }
    }
}

/// Numbers of rejected samples by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rejections([u64; Reason::ALL.len()]);

impl Rejections {
    /// How many for this reason.
    pub fn of(&self, reason: Reason) -> u64 {
        self.0[reason as usize]
    }

    /// How many for any reason.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Every reason with its number, also the zeros: a counter should exist before it first counts.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, u64)> + '_ {
        Reason::ALL.into_iter().map(|reason| (reason, self.of(reason)))
    }

    /// Counts one.
    pub fn count(&mut self, reason: Reason) {
        self.0[reason as usize] += 1;
    }

    /// Adds those of another count.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

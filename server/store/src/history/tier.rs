//! The levels of detail in which the past is kept.

use keiki_model::time::{Millis, SECOND};

const MINUTE: Millis = 60 * SECOND;
const HOUR: Millis = 60 * MINUTE;
const DAY: Millis = 24 * HOUR;

/// A level of detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Its name in settings and metrics.
    pub name: &'static str,
    /// The length of a slot, milliseconds. The finest tier keeps samples as they came: its step is only nominal.
    pub step: Millis,
    /// How much time one record of one series covers, milliseconds: a multiple of the step, and a divisor of the period.
    pub(super) chunk: Millis,
    /// How much time is written at once, milliseconds: a divisor of the record's. A record that is not complete is written
    /// again with each piece that it grows by, so that nobody has to make days of it from the tier below.
    pub(super) piece: Millis,
    /// How much time is dropped at once, milliseconds.
    pub(super) period: Millis,
    /// How long it is kept where nothing else is said, milliseconds.
    pub keep: Millis,
    /// How fine exponential histograms are at most. Four buckets of scale 5 are one of scale 3, which takes a third of the
    /// room; a quantile is then off by at most 4.4 %, not 1.1 %.
    pub scale: i8,
}

/// How many levels there are.
pub(super) const COUNT: usize = 4;

/// From fine to coarse; each step is a multiple of the one before.
///
/// What is not written yet a reader makes from the tier below. Short records cost space and readers, who have to unpack
/// more of them; short pieces cost the writer.
pub const TIERS: [Tier; COUNT] = [
    Tier {
        name: "1s",
        step: SECOND,
        chunk: 5 * MINUTE,
        piece: 5 * MINUTE,
        period: 30 * MINUTE,
        keep: 2 * HOUR,
        scale: 5,
    },
    Tier {
        name: "10s",
        step: 10 * SECOND,
        chunk: 15 * MINUTE,
        piece: 15 * MINUTE,
        period: 6 * HOUR,
        keep: 2 * DAY,
        scale: 5,
    },
    Tier {
        name: "1m",
        step: MINUTE,
        chunk: 3 * HOUR,
        piece: HOUR,
        period: 6 * DAY,
        keep: 90 * DAY,
        scale: 3,
    },
    Tier {
        name: "15m",
        step: 15 * MINUTE,
        chunk: 2 * DAY,
        piece: 3 * HOUR,
        period: 30 * DAY,
        keep: 90 * DAY,
        scale: 3,
    },
];

impl Tier {
    /// The start of the record that a time lies in.
    pub(super) fn chunk_of(&self, time: Millis) -> Millis {
        time.div_euclid(self.chunk) * self.chunk
    }

    /// Up to when the next job from a time on goes, where the tier below is written up to another; `None` if that is no
    /// whole piece. A job never goes beyond its record.
    pub(super) fn due(&self, from: Millis, below: Millis) -> Option<Millis> {
        let whole = below.div_euclid(self.piece) * self.piece;
        let end = whole.min(self.chunk_of(from) + self.chunk);
        (end > from).then_some(end)
    }

    /// The number of the period that a time lies in.
    pub(super) fn period_of(&self, time: Millis) -> u32 {
        // No time before 1970 is kept.
        u32::try_from(time.div_euclid(self.period)).unwrap_or(if time < 0 { 0 } else { u32::MAX })
    }

    /// The start of a period.
    pub(super) fn start_of(&self, period: u32) -> Millis {
        Millis::from(period) * self.period
    }

    /// The number of the first record of a period.
    pub(super) fn first_chunk(&self, period: u32) -> i64 {
        self.start_of(period) / self.chunk
    }
}

/// The coarsest tier that a step can be made of.
pub(super) fn tier_for(step: Millis) -> usize {
    TIERS.iter().rposition(|tier| step % tier.step == 0).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_divide_each_other() {
        for (index, tier) in TIERS.iter().enumerate() {
            assert_eq!(
                (
                    tier.piece % tier.step,
                    tier.chunk % tier.piece,
                    tier.period % tier.chunk
                ),
                (0, 0, 0),
                "{}",
                tier.name
            );
            if let Some(coarser) = TIERS.get(index + 1) {
                assert_eq!((coarser.step % tier.step, coarser.piece % tier.piece), (0, 0));
                assert!(
                    tier.keep >= coarser.chunk + tier.chunk,
                    "{} is gone before it is rolled up",
                    tier.name
                );
            }
        }
    }

    #[test]
    fn a_job_is_whole_pieces_of_one_record() {
        let check = |from, below, end| assert_eq!(TIERS[2].due(from * MINUTE, below * MINUTE), end);
        check(180, 239, None);
        check(180, 255, Some(240 * MINUTE));
        check(240, 300, Some(300 * MINUTE));
        check(240, 900, Some(360 * MINUTE));
    }

    #[test]
    fn a_step_is_read_from_the_coarsest_tier_that_divides_it() {
        assert_eq!(
            [1, 3, 5, 10, 30, 60, 120, 900, 3_600].map(|step| tier_for(step * SECOND)),
            [0, 0, 0, 1, 1, 2, 2, 3, 3]
        );
    }
}

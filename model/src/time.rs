//! Time: Unix milliseconds, slots and windows.
//!
//! A slot of `step` seconds is `floor(t / step)`; tick *k* is the wall-clock second *k*.

use serde::{Deserialize, Serialize};

/// Unix milliseconds of the server's wall clock.
pub type Millis = i64;

/// Milliseconds of one second.
pub const SECOND: Millis = 1_000;

/// How long after the end of a second its samples are published, milliseconds.
pub const PUBLISH_DELAY: Millis = 200;

/// How far back late samples still revise the live window, milliseconds.
pub const REVISION: Millis = 60_000;

/// How many intervals a sample stands for: a point is drawn for a slot if a sample lies within as many.
pub const REACH: f64 = 2.5;

/// The first millisecond of the slot that holds `time`.
pub fn slot_start(time: Millis, step_seconds: u32) -> Millis {
    let step = Millis::from(step_seconds) * SECOND;
    time.div_euclid(step) * step
}

/// Whether a panel whose newest sample is from `newest` counts as stale at `now`: older than three intervals, and
/// than three seconds.
pub fn is_stale(newest: Millis, interval_ms: u32, now: Millis) -> bool {
    now - newest > (3 * Millis::from(interval_ms)).max(3 * SECOND)
}

/// The configured time zone as a page needs it: the server's offset at the time of the snapshot. Browsers use this and
/// never their own, so that two people see the same clock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// Seconds east of UTC.
    pub offset: i32,
    /// The abbreviation shown beside a clock, such as `JST`.
    pub name: String,
}

impl Zone {
    /// Hour, minute and second of the day in this zone.
    pub fn clock(&self, time: Millis) -> (u32, u32, u32) {
        let second = (time.div_euclid(SECOND) + i64::from(self.offset)).rem_euclid(86_400);
        let second = u32::try_from(second).unwrap_or_default();
        (second / 3_600, second / 60 % 60, second % 60)
    }

    /// Year, month and day in this zone, in the proleptic Gregorian calendar.
    /// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
    pub fn date(&self, time: Millis) -> (i64, u32, u32) {
        let days = (time.div_euclid(SECOND) + i64::from(self.offset)).div_euclid(86_400) + 719_468;
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        // Years begin in March.
        let (month, later) = if shifted_month < 10 {
            (shifted_month + 3, 0)
        } else {
            (shifted_month - 9, 1)
        };
        let small = |number: i64| u32::try_from(number).unwrap_or_default();
        (
            year_of_era + 400 * days.div_euclid(146_097) + later,
            small(month),
            small(day),
        )
    }

    /// `14:07:03`.
    pub fn hms(&self, time: Millis) -> String {
        let (hour, minute, second) = self.clock(time);
        format!("{hour:02}:{minute:02}:{second:02}")
    }

    /// A time as it is told at another one: `14:07:03`, with the date where it was on another day.
    pub fn moment(&self, time: Millis, now: Millis) -> String {
        let (year, month, day) = self.date(time);
        if (year, month, day) == self.date(now) {
            return self.hms(time);
        }
        format!("{year}-{month:02}-{day:02} {}", self.hms(time))
    }

    /// `14:07`.
    pub fn hm(&self, time: Millis) -> String {
        let (hour, minute, _) = self.clock(time);
        format!("{hour:02}:{minute:02}")
    }
}

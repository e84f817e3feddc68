//! Round ticks of values and of time.

use crate::chart::{Role, Tick, share};
use crate::time::{Millis, SECOND, Zone};

/// The most intervals between ticks.
const MOST: f64 = 4.0;

/// The least step; labels have no more decimals.
const LEAST: f64 = 1e-4;

/// A round step that covers `low` to `high` with at most four intervals, and the ends that it gives. With `whole`, the
/// step is a whole number.
pub(super) fn round_steps(low: f64, high: f64, whole: bool) -> (f64, f64, f64) {
    let span = (high - low).max(f64::MIN_POSITIVE);
    let mut magnitude = 10f64.powf((span / MOST).log10().floor()).max(LEAST);
    if whole {
        magnitude = magnitude.max(1.0);
    }
    loop {
        for multiple in [1.0, 2.0, 2.5, 5.0] {
            let step = magnitude * multiple;
            if whole && step.fract() != 0.0 {
                continue;
            }
            // A hair of tolerance, or 0.3 / 0.1 would need a fourth interval.
            let first = (low / step + 1e-9).floor();
            let last = (high / step - 1e-9).ceil();
            if last - first <= MOST {
                return (step, first * step, last.max(first + 1.0) * step);
            }
        }
        magnitude *= 10.0;
    }
}

const MINUTE: Millis = 60 * SECOND;
const HOUR: Millis = 60 * MINUTE;
const DAY: Millis = 24 * HOUR;

/// Steps of the time axis.
const STEPS: [Millis; 21] = [
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    3 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    5 * DAY,
    10 * DAY,
    20 * DAY,
];

/// Ticks at round times of the zone, at most six, so that they travel with the data.
pub(super) fn time(from: Millis, to: Millis, zone: &Zone) -> Vec<Tick> {
    let window = (to - from).max(SECOND);
    // A second alone names a time only within one minute.
    let fits = |step: &Millis| window / step <= 5 && (*step >= MINUTE || window <= MINUTE);
    let step = STEPS.into_iter().find(fits).unwrap_or(window);
    let offset = Millis::from(zone.offset) * SECOND;
    let first = (from + offset).div_euclid(step) * step - offset + step;
    let mut ticks = Vec::new();
    let mut at = first;
    while at <= to {
        ticks.push(Tick {
            at: share(at, from, to),
            label: label(at, step, zone),
            role: Role::Plain,
            beyond: false,
        });
        at += step;
    }
    ticks
}

/// `14:07`; between whole minutes the second alone, `:30`; of days `11/21`.
fn label(at: Millis, step: Millis, zone: &Zone) -> String {
    let (_, _, second) = zone.clock(at);
    if step >= DAY {
        let (_, month, day) = zone.date(at);
        return [month.to_string().as_str(), "/", &day.to_string()].concat();
    }
    if second != 0 {
        let tens = if second < 10 { ":0" } else { ":" };
        return [tens, &second.to_string()].concat();
    }
    zone.hm(at)
}

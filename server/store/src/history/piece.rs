//! A record that is about to be written, and how one of the coarser tiers grows.

use std::ops::Range;

use keiki_model::series::{Kind, Series};
use keiki_model::time::Millis;

use super::chunk::Body;
use super::counts::Counts;
use super::read::Look;
use super::rows::Rows;
use super::tier::TIERS;

/// A record before it is written.
pub(super) struct Made {
    pub(super) series: u32,
    pub(super) times: Vec<Millis>,
    pub(super) body: Body,
}

/// The record of a series with the slots that a job adds, and those that it had; nothing where there is none to add. After a
/// clock went back a record may have that stretch already, or later ones: that stays as it is.
pub(super) fn grown(look: &Look<'_>, series: &Series, number: u32, tier: usize, stretch: Range<Millis>) -> Made {
    let Range { start, end } = stretch;
    let begin = TIERS[tier].chunk_of(start);
    let (times, body) = if series.kind() == Kind::Histogram {
        let mut counts = look.folded_counts(series, number, tier, start, end);
        if start > begin && !counts.times.is_empty() {
            let more = std::mem::replace(&mut counts, look.counts(series, number, tier, begin, start));
            counts.extend(more);
        }
        if look.is_kept(tier, start) && !counts.times.is_empty() {
            let mut later = Counts::default();
            look.put_counts(number, tier, start, begin + TIERS[tier].chunk, &mut later);
            if later.times.first().is_some_and(|time| *time < end) {
                counts = Counts::default();
            } else {
                counts.extend(later);
            }
        }
        (counts.times, Body::Counts(counts.all))
    } else {
        let mut rows = look.folded_rows(series, number, tier, start, end);
        if start > begin && !rows.times.is_empty() {
            let more = std::mem::replace(&mut rows, look.rows(series, number, tier, begin, start));
            rows.extend(more);
        }
        if look.is_kept(tier, start) && !rows.times.is_empty() {
            let later = look.rows_from(series, number, tier, start);
            if later.times.first().is_some_and(|time| *time < end) {
                rows = Rows::default();
            } else {
                rows.extend(later);
            }
        }
        (std::mem::take(&mut rows.times), Body::Rows(rows))
    };
    Made {
        series: number,
        times,
        body,
    }
}

//! Distributions folded into slots: what the coarser tiers keep of histograms.

use keiki_model::histogram::{Adder, Distribution, Packed, Part};
use keiki_model::time::Millis;

use super::tier::Tier;
use crate::distributions::Distributions;

/// Distributions, each of a slot or of one sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counts {
    pub(super) times: Vec<Millis>,
    pub(super) all: Distributions,
}

impl Counts {
    /// Those of the slots of a tier from `from` on. The time of a slot is that of its newest sample. Distributions of
    /// different makes in one slot stay apart, a millisecond from each other.
    pub(super) fn folded(self, tier: &Tier, from: Millis) -> Self {
        let first = self.times.partition_point(|time| *time < from);
        match &self.all {
            Distributions::Packed(all) => Self::of_packed(&self.times, all, first, tier),
            all @ Distributions::Mixed(_) => Self::of_makes(&self.times, all, first, tier),
        }
    }

    /// Room for so many records, of which the first one's distributions are here and its times not yet: to grow step by step
    /// is to copy step by step.
    pub(super) fn make_room(&mut self, times: usize, records: usize) {
        self.times.reserve(times * records);
        if let Distributions::Packed(all) = &mut self.all {
            all.make_room(records);
        }
    }

    pub(super) fn extend(&mut self, later: Self) {
        self.times.extend(later.times);
        self.all.extend(later.all);
    }

    /// Of those from a place on, leaves the ones within `[from, to)`. Where others lie before, all are after `from`.
    pub(super) fn cut_from(&mut self, place: usize, from: Millis, to: Millis) {
        let bound = |time: Millis| place + self.times[place..].partition_point(|other| *other < time);
        let places = if place == 0 { bound(from) } else { 0 }..bound(to);
        if places != (0..self.times.len()) {
            self.all.keep(places.clone());
            self.times.truncate(places.end);
            self.times.drain(..places.start.min(self.times.len()));
        }
    }

    fn of_packed(times: &[Millis], all: &Packed, first: usize, tier: &Tier) -> Self {
        let scale = all.scale().min(tier.scale);
        let mut adder = Adder::new(scale);
        let (mut slots, mut found) = (Vec::new(), Packed::new(scale));
        for place in first..times.len() {
            let slot = times[place].div_euclid(tier.step);
            if let Some(one) = all.get(place) {
                adder.add(one);
            }
            if times
                .get(place + 1)
                .is_none_or(|next| next.div_euclid(tier.step) != slot)
            {
                slots.push(times[place]);
                adder.put(&mut found);
            }
        }
        Self {
            times: slots,
            all: Distributions::Packed(found),
        }
    }

    fn of_makes(times: &[Millis], all: &Distributions, first: usize, tier: &Tier) -> Self {
        let mut folded = Self::default();
        let mut makes: Vec<Distribution> = Vec::new();
        for place in first..times.len() {
            let slot = times[place].div_euclid(tier.step);
            if let Some(one) = all.get(place) {
                let mut one = Distribution::from(one);
                if let Distribution::Exponential(one) = &mut one {
                    one.downscale(tier.scale);
                }
                if makes.iter_mut().all(|make| make.merge(&one).is_err()) {
                    makes.push(one);
                }
            }
            if times
                .get(place + 1)
                .is_none_or(|next| next.div_euclid(tier.step) != slot)
            {
                folded.close(times[place], &mut makes);
            }
        }
        folded
    }

    fn close(&mut self, time: Millis, makes: &mut Vec<Distribution>) {
        if makes.is_empty() {
            self.times.push(time);
            self.all.push(None);
        }
        let earlier = makes.len() as Millis - 1;
        for (place, make) in makes.drain(..).enumerate() {
            self.times.push(time - earlier + place as Millis);
            self.all.push(Some(Part::from(&make)));
        }
    }
}

#[cfg(test)]
mod tests {
    use keiki_model::histogram::Exponential;

    use super::super::tier::TIERS;
    use super::*;

    #[test]
    fn packed_ones_fold_as_others_do() {
        let recorded = |second: i64| {
            let mut histogram = Exponential::new();
            (0..second % 4).for_each(|n| {
                histogram.record(0.001 * (1 + (second * 31 + n * 17) % 500) as f64);
            });
            (!histogram.is_empty()).then(|| Distribution::from(histogram))
        };
        let times: Vec<Millis> = (0..600).map(|second| second * 1_000 + 850).collect();
        let all: Vec<_> = (0..600).map(recorded).collect();
        let packed: Distributions = all.iter().map(|one| one.as_ref().map(Part::from)).collect();
        let boxed = all.iter().map(|one| one.clone().map(Box::new)).collect();
        for tier in &TIERS[1..] {
            let [packed, mixed] = [packed.clone(), Distributions::Mixed(Vec::clone(&boxed))].map(|all| {
                let counts = Counts {
                    times: times.clone(),
                    all,
                };
                let folded = counts.folded(tier, 60_000);
                let all: Vec<_> = folded.all.iter().map(|one| one.map(Distribution::from)).collect();
                (folded.times, all)
            });
            assert_eq!(packed, mixed, "{}", tier.name);
        }
    }
}

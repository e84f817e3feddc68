//! What a ledger forgets, so that senders whose series come and go take no more than they have.

use std::collections::HashSet;
use std::hash::BuildHasher as _;

use keiki_model::series::Series;
use keiki_model::time::{Millis, SECOND};

use super::super::FORGOTTEN;
use super::{Known, Ledger, Place, index};

/// How often it is looked for, milliseconds.
const SWEEP: Millis = 60 * SECOND;

impl Ledger {
    /// Forgets what was not mentioned for long.
    pub(super) fn sweep(&mut self, now: Millis, refused: usize) {
        if (self.swept..self.swept.saturating_add(SWEEP)).contains(&now) {
            return;
        }
        if std::mem::replace(&mut self.swept, now) == Millis::MIN {
            return;
        }
        let mut broken = HashSet::new();
        self.refused = refused;
        if refused == 0 {
            self.worst = None;
        }
        self.edition += 1;
        self.forget(|known| known.seen < now - FORGOTTEN, &mut broken);
        // A histogram that lost a part is begun anew by those that are left.
        self.forget(
            |known| matches!(known.place, Place::Part(place, _) if broken.contains(&place)),
            &mut HashSet::new(),
        );
        self.histogram_of.retain(|_, place| !broken.contains(place));
        let known = &self.known;
        self.sums.retain(|_, key| known[key.0 as usize].is_some());
        if !broken.is_empty() {
            // What is declared again did not begin now.
            self.page = None;
        }
        for place in broken {
            if let Some(histogram) = self.histograms[place as usize].take() {
                self.unnote(histogram.series());
            }
            self.free_histograms.push(place);
        }
        self.free_divisors();
    }

    /// Frees the places of divisors that nobody is divided by any more.
    fn free_divisors(&mut self) {
        let needed: HashSet<u32> = self
            .numbers
            .iter()
            .flatten()
            .flat_map(|number| number.derived.iter().filter_map(|derived| derived.over))
            .collect();
        let (numbers, free) = (&self.numbers, &mut self.free_numbers);
        self.divisors.retain(|_, place| {
            let stays = numbers[*place as usize].is_some() || needed.contains(place);
            if !stays {
                free.push(*place);
            }
            stays
        });
    }

    fn unnote(&mut self, series: &Series) {
        let name = series.origin().unwrap_or(series.name());
        if let Some(reading) = self.readings.get_mut(name) {
            reading.series = reading.series.saturating_sub(1);
            if reading.series == 0 {
                self.readings.remove(name);
            }
        }
    }

    fn forget(&mut self, is_over: impl Fn(&Known) -> bool, broken: &mut HashSet<u32>) {
        // The places of divisors stay theirs: others point to them.
        let divisors: HashSet<u32> = self.divisors.values().copied().collect();
        for id in 0..self.known.len() {
            let Some(known) = self.known[id].take_if(|known| is_over(known)) else {
                continue;
            };
            let hash = self.hasher.hash_one(&*known.raw);
            if let Ok(found) = self.by_raw.find_entry(hash, |&other| other == index(id)) {
                found.remove();
            }
            self.holes.push(index(id));
            match known.place {
                Place::Number(place) => {
                    if let Some(number) = self.numbers[place as usize].take() {
                        self.unnote(&number.series);
                    }
                    if !divisors.contains(&place) {
                        self.free_numbers.push(place);
                    }
                }
                Place::Part(place, _) => {
                    broken.insert(place);
                }
                Place::Whole(place) => {
                    if let Some(whole) = self.wholes[place as usize].take() {
                        self.unnote(&whole.series);
                    }
                    self.free_wholes.push(place);
                }
                Place::Nothing => {}
            }
        }
    }
}

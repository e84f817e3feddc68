//! What a ledger forgets, so that senders whose series come and go take no more than they have.

use std::collections::HashSet;
use std::hash::BuildHasher as _;

use keiki_model::series::{Kind, Series};
use keiki_model::time::{Millis, SECOND};

use super::super::FORGOTTEN;
use super::{Key, Known, Ledger, Place, index};

/// How often it is looked for, milliseconds.
const SWEEP: Millis = 60 * SECOND;

impl Ledger {
    /// What is done now and then where nothing comes.
    pub(crate) fn rest(&mut self, now: Millis) {
        if self.pending.is_empty() && self.changes.is_empty() {
            self.sweep(now, 0);
            self.let_go();
        }
    }

    /// Forgets what was not mentioned for long.
    pub(super) fn sweep(&mut self, now: Millis, refused: usize) {
        if (self.swept..self.swept.saturating_add(SWEEP)).contains(&now) {
            return;
        }
        if std::mem::replace(&mut self.swept, now) == Millis::MIN {
            return;
        }
        self.refused = refused;
        if refused == 0 {
            self.worst = None;
        }
        self.edition += 1;
        self.forget(|known| known.seen < now - FORGOTTEN);
        self.dissolve();
        self.end_rivalries();
        self.free_divisors();
    }

    /// A series by its bytes, if it still is what its sender says now; else it is declared anew.
    pub(crate) fn find_as(&mut self, raw: &[u8], said: u8) -> Option<Key> {
        let key = self.find(raw)?;
        if self.known[key.0 as usize]
            .as_ref()
            .is_some_and(|known| known.said == said)
        {
            return Some(key);
        }
        self.retire(key);
        None
    }

    /// Notes what its sender says that a new series is.
    pub(crate) fn said(&mut self, key: Key, said: u8) -> Key {
        if let Some(known) = self.known.get_mut(key.0 as usize).and_then(Option::as_mut) {
            known.said = said;
        }
        key
    }

    /// Lets go of all numbers of which this says, by their own name and what they are read as by themselves, that they are
    /// something else: they are declared anew when they are next mentioned. Those that a recogniser knows stay what it says.
    pub(crate) fn reconsider(&mut self, is_other: impl Fn(&str, Kind) -> bool) {
        let others: Vec<Key> = (0..self.known.len())
            .filter(|id| {
                let Some(Known {
                    place: Place::Number(place),
                    ..
                }) = &self.known[*id]
                else {
                    return false;
                };
                let number = self.numbers[*place as usize].as_ref();
                number.is_some_and(|number| {
                    let series = &number.series;
                    series.origin().is_none() && is_other(series.name(), series.kind())
                })
            })
            .map(|id| Key(index(id)))
            .collect();
        others.into_iter().for_each(|key| self.retire(key));
        self.let_go();
    }

    /// Lets go of a series that is something else from now on. Values of it that wait for the end of the page do not count,
    /// and its number is given to no other before.
    pub(super) fn retire(&mut self, key: Key) {
        let Some(known) = self.known.get_mut(key.0 as usize).and_then(Option::as_mut) else {
            return;
        };
        let place = std::mem::replace(&mut known.place, Place::Nothing);
        let hash = self.hasher.hash_one(&*known.raw);
        if let Ok(found) = self.by_raw.find_entry(hash, |&other| other == key.0) {
            found.remove();
        }
        // Nor is it found by its turn.
        known.raw = Box::default();
        self.retired.push(key.0);
        let is_divisor = |place| self.divisors.values().any(|divisor| *divisor == place);
        let is_divisor = matches!(place, Place::Number(place) if is_divisor(place));
        self.free(place, is_divisor);
        // What is declared in its stead did not begin now.
        self.page = None;
    }

    /// The end of what was let go of.
    pub(super) fn let_go(&mut self) {
        // That one is gone may let others be read in its stead, and these are let go of first.
        while !self.retired.is_empty() || !self.broken.is_empty() {
            self.edition += 1;
            for id in std::mem::take(&mut self.retired) {
                self.known[id as usize] = None;
                self.holes.push(id);
            }
            self.dissolve();
            self.end_rivalries();
            self.free_divisors();
        }
    }

    /// Forgets histograms that lost a part: they are begun anew by those that are left.
    fn dissolve(&mut self) {
        let broken = std::mem::take(&mut self.broken);
        if !broken.is_empty() {
            self.forget(|known| matches!(known.place, Place::Part(place, _) if broken.contains(&place)));
            self.broken.clear();
            self.histogram_of.retain(|_, place| !broken.contains(place));
            // What is declared again did not begin now.
            self.page = None;
        }
        let known = &self.known;
        self.sums.retain(|_, key| known[key.0 as usize].is_some());
        for place in broken {
            if let Some(histogram) = self.histograms[place as usize].take() {
                self.unnote(histogram.series());
            }
            self.free_histograms.push(place);
        }
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

    fn forget(&mut self, is_over: impl Fn(&Known) -> bool) {
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
            let is_divisor = matches!(known.place, Place::Number(place) if divisors.contains(&place));
            self.free(known.place, is_divisor);
        }
    }

    /// Gives a series' place to others.
    fn free(&mut self, place: Place, is_divisor: bool) {
        match place {
            Place::Number(place) => {
                if let Some(number) = self.numbers[place as usize].take() {
                    self.unnote(&number.series);
                }
                if !is_divisor {
                    self.free_numbers.push(place);
                }
            }
            Place::Part(place, _) => {
                self.broken.insert(place);
            }
            Place::Whole(place) => {
                if let Some(whole) = self.wholes[place as usize].take() {
                    self.unnote(&whole.series);
                }
                self.free_wholes.push(place);
            }
            Place::Nothing => self.nothings = self.nothings.saturating_sub(1),
        }
    }
}

//! What becomes of a page at its end.

use std::collections::{HashMap, HashSet};

use keiki_model::series::Sample;
use keiki_model::time::{Millis, REVISION, SECOND};

use super::super::millis;
use super::super::writers::Start;
use super::{Assembling, Change, Ledger, Place, REFUSED};
use crate::store::FUTURE;

/// A total that began within so long is told whole, milliseconds: longer than the usual time between two exports.
const LATELY: Millis = 90_000;

/// How often the label with most values is looked for, milliseconds.
const WORST_EVERY: Millis = 10 * SECOND;

impl Ledger {
    /// The end of a page: its samples. `whole` says that all parts of its histograms came with it; such a page is also
    /// known to show all that the sender has, so that what is new on the next one began at zero.
    pub(crate) fn take_page(&mut self, whole: bool, now: Millis) -> Vec<Sample> {
        self.beyond = 0;
        let mut samples = Vec::with_capacity(self.pending.len());
        let mut touched = Vec::new();
        let mut divided = Vec::new();
        for (key, value, time) in std::mem::take(&mut self.pending) {
            let Some(known) = self.known.get_mut(key.0 as usize).and_then(Option::as_mut) else {
                self.beyond += u64::from(key == REFUSED);
                continue;
            };
            known.seen = now;
            match known.place {
                Place::Number(place) => {
                    if let Some(number) = &mut self.numbers[place as usize]
                        && number.put(time, value, now, &mut samples)
                    {
                        divided.push((place, time, value));
                    }
                }
                Place::Part(place, part) => {
                    if let Some(histogram) = &mut self.histograms[place as usize] {
                        if time > now + FUTURE {
                            samples.extend(histogram.nothing(time));
                            continue;
                        }
                        histogram.put(part as usize, time, value);
                        if touched.last() != Some(&place) {
                            touched.push(place);
                        }
                    }
                }
                Place::Whole(_) | Place::Nothing => {}
            }
        }
        self.take_changes(now, &mut samples, &mut divided);
        for (place, time, value) in divided {
            let Some(number) = &self.numbers[place as usize] else {
                continue;
            };
            for derived in &number.derived {
                let over = derived
                    .over
                    .and_then(|over| self.numbers.get(over as usize)?.as_ref()?.newest);
                if let Some((at, over)) = over
                    && at == time
                {
                    samples.extend(derived.sample(time, value / over));
                }
            }
        }
        touched.sort_unstable();
        touched.dedup();
        for place in touched {
            if let Some(histogram) = &mut self.histograms[place as usize] {
                histogram.finish(whole, now, &mut samples);
            }
        }
        let refused = std::mem::take(&mut self.refused_now);
        if refused > self.refused {
            self.refused = refused;
            self.edition += 1;
        }
        if self.refused > 0 && self.worst.as_ref().is_none_or(|(at, ..)| now - at > WORST_EVERY) {
            self.worst = self.find_worst(now);
        }
        // What finds room later did not begin then.
        self.page = (whole && refused == 0).then_some(now);
        self.sweep(now, refused);
        self.let_go();
        samples
    }

    fn find_worst(&self, now: Millis) -> Option<(Millis, String, usize)> {
        let numbers = self.numbers.iter().flatten().map(|number| &number.series);
        let wholes = self.wholes.iter().flatten().map(|whole| &whole.series);
        let mut values: HashMap<&str, HashSet<&str>> = HashMap::new();
        let histograms = self.histograms.iter().flatten().map(Assembling::series);
        for series in numbers.chain(wholes).chain(histograms) {
            for (name, value) in series.labels().iter() {
                values.entry(name).or_default().insert(value);
            }
        }
        let most = values.into_iter().map(|(name, values)| (values.len(), name)).max()?;
        Some((now, most.1.to_owned(), most.0))
    }

    fn take_changes(&mut self, now: Millis, samples: &mut Vec<Sample>, divided: &mut Vec<(u32, Millis, f64)>) {
        for (key, mut time, change) in std::mem::take(&mut self.changes) {
            let Some(known) = self.known.get_mut(key.0 as usize).and_then(Option::as_mut) else {
                self.beyond += u64::from(key == REFUSED);
                continue;
            };
            known.seen = now;
            match (known.place, change) {
                (Place::Number(place), change) => {
                    let Some(number) = &mut self.numbers[place as usize] else {
                        continue;
                    };
                    let (value, began) = match change {
                        Change::Total(total, began) => (total, began),
                        Change::TotalSince(total, start) => {
                            let began = lately_begun(start, now);
                            match number.told(time, total, start, began) {
                                Some((at, total)) => {
                                    time = at;
                                    (total, began)
                                }
                                None => continue,
                            }
                        }
                        Change::Growth(growth) => match number.newest {
                            // Sent again, as after an answer that was lost.
                            Some((newest, _)) if newest == time => continue,
                            Some((newest, total)) => {
                                time = time.max(newest);
                                (total + growth, None)
                            }
                            None => (growth, Some(time - SECOND)),
                        },
                        Change::Totals(..) | Change::Anew(_) | Change::Observed(_) | Change::Recorded(_) => continue,
                    };
                    if number.newest.is_none() {
                        number.zero_at = lately(began, now);
                    }
                    if number.put(time, value, now, samples) {
                        divided.push((place, time, value));
                    }
                }
                (Place::Whole(place), change) => {
                    let Some(whole) = &mut self.wholes[place as usize] else {
                        continue;
                    };
                    if time > now + FUTURE {
                        samples.push(whole.nothing(time));
                        continue;
                    }
                    samples.extend(match change {
                        Change::Totals(observed, start) => {
                            whole.total(time, observed, start, lately_begun(start, now).is_some())
                        }
                        Change::Anew(observed) => whole.anew(time, observed),
                        Change::Observed(observed) => whole.delta(time, &observed),
                        Change::Recorded(distribution) => {
                            Some(Sample::distribution(&whole.series, time, *distribution))
                        }
                        Change::Total(..) | Change::TotalSince(..) | Change::Growth(_) => None,
                    });
                }
                (Place::Part(..) | Place::Nothing, _) => {}
            }
        }
    }
}

/// A beginning that is near enough for what was counted since to be told. What came of it cannot be put further back than
/// late samples are taken.
fn lately(began: Option<Millis>, now: Millis) -> Option<Millis> {
    began
        .filter(|began| (0..LATELY).contains(&(now - began)))
        .map(|began| began.max(now - REVISION + SECOND))
}

fn lately_begun(start: Start, now: Millis) -> Option<Millis> {
    lately(Some(millis(start)), now)
}

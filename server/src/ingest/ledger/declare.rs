//! What a series becomes when it is first mentioned.

use std::sync::Arc;

use keiki_model::series::{Kind, Labels, Series};
use keiki_model::time::Millis;
use keiki_recognise::{Canonical, Foreign};

use super::super::assemble::{Assembling, MOST_PARTS, Part};
use super::super::number::{Derived, Number};
use super::super::whole::Whole;
use super::{Key, Ledger, NOTHINGS, Place, REFUSED, Reading, UNKEPT, index};

impl Ledger {
    /// A new number. `labels` are the sender's own.
    pub(crate) fn number(&mut self, raw: &[u8], name: &str, kind: Option<Kind>, labels: &Labels, now: Millis) -> Key {
        if self.is_full() {
            return self.refuse();
        }
        let labels = self.identified(labels);
        let recognisers = Arc::clone(&self.recognisers);
        let mut readings = recognisers.readings(Foreign {
            name,
            kind,
            labels: &labels,
        });
        let unless = readings.canonical.as_ref().and_then(|canonical| canonical.unless);
        readings
            .canonical
            .take_if(|canonical| self.is_told_better(canonical, &labels));
        self.note(
            name,
            readings
                .canonical
                .as_ref()
                .or(readings.derived.first().map(|derived| &derived.canonical)),
        );
        let unsaid = kind.is_none();
        let kind = kind.unwrap_or_else(|| usual_kind(name));
        let (series, scale) = self.series(name, kind, &labels, readings.canonical.as_ref());
        let derived = readings
            .derived
            .iter()
            .map(|derived| Derived {
                over: derived.over.map(|over| self.divisor(over, &labels)),
                series: self.series(name, Kind::Gauge, &labels, Some(&derived.canonical)).0,
                scale: derived.canonical.scale,
                offset: derived.offset,
                rate: derived.rate,
            })
            .collect();
        let number = Number {
            series,
            scale,
            zero_at: self.born(now),
            newest: None,
            writers: None,
            derived,
        };
        // Where nobody said so, it may still turn out to be a histogram's.
        let sum_of = name
            .strip_suffix("_sum")
            .filter(|_| unsaid)
            .map(|base| (Box::from(base), labels.clone()));
        let place = if recognisers.is_divisor(name) {
            self.divisor(name, &labels)
        } else {
            self.place_of_number()
        };
        self.numbers[place as usize] = Some(number);
        let key = self.remember(raw, Place::Number(place), now);
        self.compete(key, name, &labels, unless);
        if let Some(id) = sum_of {
            self.sums.insert(id, key);
        }
        key
    }

    /// A new part of a histogram. `labels` are the sender's own, without a bucket's bound.
    pub(crate) fn part(&mut self, raw: &[u8], name: &str, part: Part, labels: &Labels, now: Millis) -> Key {
        let labels = self.identified(labels);
        let id = (Box::from(name), labels);
        let recognisers = Arc::clone(&self.recognisers);
        let mut first = None;
        let place = match self.histogram_of.get(&id) {
            Some(&place) => place,
            None if self.is_full() => return self.refuse(),
            None => {
                let mut canonical = recognisers
                    .readings(Foreign {
                        name,
                        kind: Some(Kind::Histogram),
                        labels: &id.1,
                    })
                    .canonical;
                first = Some((id.1.clone(), canonical.as_ref().and_then(|canonical| canonical.unless)));
                canonical.take_if(|canonical| self.is_told_better(canonical, &id.1));
                self.note(name, canonical.as_ref());
                let (series, scale) = self.series(name, Kind::Histogram, &id.1, canonical.as_ref());
                let born = self.born(now).is_some();
                let place = self.free_histograms.pop().unwrap_or_else(|| {
                    self.histograms.push(None);
                    index(self.histograms.len() - 1)
                });
                let mut histogram = Assembling::new(series, scale, born);
                if let Some(Key(sum)) = self.sums.remove(&id)
                    && let Some(known) = &mut self.known[sum as usize]
                    && known.said == 0
                    && let Place::Number(number) = known.place
                {
                    known.place = Place::Part(place, index(histogram.part(Part::Sum)));
                    self.numbers[number as usize] = None;
                    self.free_numbers.push(number);
                }
                self.histograms[place as usize] = Some(histogram);
                self.histogram_of.insert(id, place);
                place
            }
        };
        let fits = |histogram: &&mut Assembling| histogram.len() < MOST_PARTS;
        let Some(histogram) = self
            .histograms
            .get_mut(place as usize)
            .and_then(Option::as_mut)
            .filter(fits)
        else {
            return self.refuse();
        };
        let part = index(histogram.part(part));
        let key = self.remember(raw, Place::Part(place, part), now);
        if let Some((labels, unless)) = first {
            self.compete(key, name, &labels, unless);
        }
        key
    }

    /// A new histogram that comes whole. `labels` are the sender's own.
    pub(crate) fn whole(&mut self, raw: &[u8], name: &str, labels: &Labels, now: Millis) -> Key {
        if self.is_full() {
            return self.refuse();
        }
        let labels = self.identified(labels);
        let recognisers = Arc::clone(&self.recognisers);
        let foreign = Foreign {
            name,
            kind: Some(Kind::Histogram),
            labels: &labels,
        };
        let mut canonical = recognisers.readings(foreign).canonical;
        let unless = canonical.as_ref().and_then(|canonical| canonical.unless);
        canonical.take_if(|canonical| self.is_told_better(canonical, &labels));
        self.note(name, canonical.as_ref());
        let (series, scale) = self.series(name, Kind::Histogram, &labels, canonical.as_ref());
        let place = self.free_wholes.pop().unwrap_or_else(|| {
            self.wholes.push(None);
            index(self.wholes.len() - 1)
        });
        self.wholes[place as usize] = Some(Whole::new(series, scale));
        let key = self.remember(raw, Place::Whole(place), now);
        self.compete(key, name, &labels, unless);
        key
    }

    /// A series beyond the limit. Nothing of it is remembered: it is asked anew whenever it is mentioned.
    fn refuse(&mut self) -> Key {
        self.refused_now += 1;
        REFUSED
    }

    /// A series that is not kept, whatever room there is. That is remembered as long as there is room for it: beyond, it is
    /// found out anew whenever it is mentioned.
    pub(crate) fn nothing(&mut self, raw: &[u8], now: Millis) -> Key {
        if self.nothings >= self.sender.limit.saturating_mul(NOTHINGS) {
            return UNKEPT;
        }
        self.nothings += 1;
        self.remember(raw, Place::Nothing, now)
    }

    fn is_full(&self) -> bool {
        let all = self.numbers.len() + self.histograms.len() + self.wholes.len();
        all - self.free_numbers.len() - self.free_histograms.len() - self.free_wholes.len() >= self.sender.limit
    }

    /// When a series that is first mentioned now is known to have been zero.
    fn born(&self, now: Millis) -> Option<Millis> {
        let interval = Millis::from(self.sender.interval_ms?);
        self.page.filter(|page| now - page <= 3 * interval)
    }

    pub(super) fn identified(&self, own: &Labels) -> Labels {
        let mut labels = own.clone();
        for (name, value) in self.sender.identity.iter() {
            if let Some(theirs) = own.get(name).filter(|theirs| *theirs != value) {
                // As Prometheus does: who sends is not for the page to say.
                labels.set(format!("exported_{name}"), theirs);
            }
            labels.set(name, value);
        }
        labels
    }

    fn series(&self, name: &str, kind: Kind, labels: &Labels, canonical: Option<&Canonical<'_>>) -> (Arc<Series>, f64) {
        let interval = self.sender.interval_ms;
        match canonical {
            None => (Series::new(name, labels.clone(), kind, interval), 1.0),
            Some(read) => {
                let origin = (read.name != name).then(|| name.into());
                let series = Series::read_as(read.name, origin, read.labels.clone(), read.kind, interval);
                (series, read.scale)
            }
        }
    }

    /// The place of the number that others are divided by, whether it was mentioned yet or not.
    fn divisor(&mut self, name: &str, labels: &Labels) -> u32 {
        let id = (Box::from(name), labels.clone());
        if let Some(&place) = self.divisors.get(&id) {
            return place;
        }
        let place = self.place_of_number();
        self.divisors.insert(id, place);
        place
    }

    fn place_of_number(&mut self) -> u32 {
        self.free_numbers.pop().unwrap_or_else(|| {
            self.numbers.push(None);
            index(self.numbers.len() - 1)
        })
    }

    fn note(&mut self, name: &str, canonical: Option<&Canonical<'_>>) {
        self.edition += 1;
        let known_as = canonical.map(|canonical| (canonical.recogniser.to_owned(), canonical.name.to_owned()));
        let reading = self.readings.entry(name.into()).or_insert(Reading {
            known_as: None,
            series: 0,
        });
        reading.series += 1;
        reading.known_as = known_as.or(reading.known_as.take());
    }
}

/// What a number is whose sender does not say: totals are named so.
fn usual_kind(name: &str) -> Kind {
    if ["_total", "_count", "_sum", "_bucket"]
        .iter()
        .any(|suffix| name.ends_with(suffix))
    {
        Kind::Counter
    } else {
        Kind::Gauge
    }
}

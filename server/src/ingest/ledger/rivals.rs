//! Metrics that tell the same in an older form: services that change conventions send both for a while, and one of the two
//! is read. So do histograms that come in their classic form and as native ones.

use keiki_model::series::{HOST_NAME, Labels, SERVICE_INSTANCE_ID, SERVICE_NAME};
use keiki_model::time::Millis;
use keiki_recognise::Canonical;

use super::{Key, Ledger, Part, REFUSED, UNKEPT};

/// A metric in its preferred form, and whose it is.
pub(super) type Fact = (Box<str>, Labels);

/// The series of a fact.
#[derive(Debug, Default)]
pub(super) struct Rivals {
    /// In the preferred form.
    preferred: Vec<Key>,
    /// In the other one: read only where there are none of the preferred.
    others: Vec<Key>,
}

fn fact(metric: &str, labels: &Labels) -> Fact {
    let who = [SERVICE_NAME, SERVICE_INSTANCE_ID, HOST_NAME].map(|name| (name, labels.get(name).unwrap_or_default()));
    (metric.into(), Labels::new(who))
}

/// A histogram whose preferred form is the native one. No metric has a space in its name.
fn native_fact(name: &str, labels: &Labels) -> Fact {
    fact(&format!("native {name}"), labels)
}

impl Ledger {
    /// A new part of a histogram, `None` for one that says nothing more, whose sender may send the same as a native one:
    /// that is finer, and where it comes this is not read.
    pub(crate) fn classic(&mut self, raw: &[u8], name: &str, part: Option<Part>, labels: &Labels, now: Millis) -> Key {
        let fact = native_fact(name, &self.identified(labels));
        let is_native = self.is_told_natively(&fact);
        let key = match part.filter(|_| !is_native) {
            Some(part) => self.part(raw, name, part, labels, now),
            None => self.nothing(raw, now),
        };
        if key != REFUSED && key != UNKEPT {
            self.rivals.entry(fact).or_default().others.push(key);
        }
        key
    }

    /// A new native histogram. `labels` are the sender's own.
    pub(crate) fn native(&mut self, raw: &[u8], name: &str, labels: &Labels, now: Millis) -> Key {
        let key = self.whole(raw, name, labels, now);
        if key != REFUSED {
            let fact = native_fact(name, &self.identified(labels));
            let rivals = self.rivals.entry(fact).or_default();
            rivals.preferred.push(key);
            for other in std::mem::take(&mut rivals.others) {
                self.retire(other);
            }
        }
        key
    }

    /// Whether a sender's histogram of this name is known, in whichever form.
    pub(crate) fn has_histogram(&self, name: &str, labels: &Labels) -> bool {
        let labels = self.identified(labels);
        self.is_told_natively(&native_fact(name, &labels)) || self.histogram_of.contains_key(&(name.into(), labels))
    }

    fn is_told_natively(&self, native: &Fact) -> bool {
        self.rivals
            .get(native)
            .is_some_and(|rivals| !rivals.preferred.is_empty())
    }

    /// Whether what a series is recognised as is told by its sender in the preferred form, too.
    pub(super) fn is_told_better(&self, canonical: &Canonical<'_>, labels: &Labels) -> bool {
        let rivals = canonical
            .unless
            .and_then(|metric| self.rivals.get(&fact(metric, labels)));
        rivals.is_some_and(|rivals| !rivals.preferred.is_empty())
    }

    /// Notes a new series that is, or has, a preferred form. With the first one that is, those in the other form are not
    /// read as the same any more: they are declared anew when they are next mentioned.
    pub(super) fn compete(&mut self, key: Key, name: &str, labels: &Labels, unless: Option<&str>) {
        if key == REFUSED {
            return;
        }
        if let Some(metric) = unless {
            self.rivals.entry(fact(metric, labels)).or_default().others.push(key);
        }
        if self.recognisers.is_preferred(name) {
            let rivals = self.rivals.entry(fact(name, labels)).or_default();
            rivals.preferred.push(key);
            for other in std::mem::take(&mut rivals.others) {
                self.retire(other);
            }
        }
    }

    /// Forgets series that are no more. Where none in the preferred form is left, the others are read again.
    pub(super) fn end_rivalries(&mut self) {
        let known = &self.known;
        let is_left = |key: &Key| known.get(key.0 as usize).is_some_and(Option::is_some);
        let mut free = Vec::new();
        self.rivals.retain(|_, rivals| {
            let was_told_better = !rivals.preferred.is_empty();
            rivals.preferred.retain(is_left);
            rivals.others.retain(is_left);
            if was_told_better && rivals.preferred.is_empty() {
                free.append(&mut rivals.others);
            }
            !rivals.preferred.is_empty() || !rivals.others.is_empty()
        });
        for key in free {
            self.retire(key);
        }
    }
}

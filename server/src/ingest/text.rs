//! Pages in Prometheus' text format and in OpenMetrics.

pub(crate) use keiki_decode::text::Syntax;
use keiki_decode::text::{Declared, Part, Type, Visitor, parse};
use keiki_model::series::{Kind, Labels, Sample};
use keiki_model::time::Millis;

use super::assemble;
use super::ledger::{Key, Ledger};
use crate::source::scrape::Rules;

/// The samples of a page; where it has a mistake, which one, and none of it counts.
pub(crate) fn read(
    page: &[u8],
    syntax: Syntax,
    rules: &Rules,
    ledger: &mut Ledger,
    now: Millis,
) -> Result<Vec<Sample>, String> {
    let mut reader = Reader { ledger, rules, now };
    match parse(page, syntax, &mut reader) {
        Ok(_) => Ok(ledger.take_page(true, now)),
        Err(error) => {
            ledger.forget_page();
            Err(error.to_string())
        }
    }
}

struct Reader<'a> {
    ledger: &'a mut Ledger,
    rules: &'a Rules,
    now: Millis,
}

impl Visitor for Reader<'_> {
    type Key = Key;

    fn known(&mut self, raw: &[u8], kind: Type, part: Part) -> Option<Key> {
        self.ledger.find_as(raw, said(kind, part))
    }

    fn declare(&mut self, declared: &Declared<'_>) -> Key {
        let key = self.declared(declared);
        self.ledger.said(key, said(declared.kind, declared.part))
    }

    fn value(&mut self, key: Key, value: f64, time: Option<i64>) {
        self.ledger.put(key, value, time.unwrap_or(self.now));
    }
}

/// What a series is said to be: the same bytes may be something else on a later page, as after an update of the program.
fn said(kind: Type, part: Part) -> u8 {
    (kind as u8 + 1) << 4 | part as u8
}

impl Reader<'_> {
    fn declared(&mut self, declared: &Declared<'_>) -> Key {
        let (raw, now) = (declared.raw, self.now);
        let rename = |name: &str| self.rules.name(name).to_owned();
        let is_bucket = declared.kind == Type::Histogram && declared.part == Part::Bucket;
        let mut labels = Labels::none();
        for (name, value) in declared.labels.clone() {
            if !(is_bucket && name == "le") {
                labels.set(rename(name), &*value);
            }
        }
        // When a series began is told by what it does.
        if declared.part == Part::Created || !self.rules.keeps(declared.name, &labels) {
            return self.ledger.nothing(raw, now);
        }
        let kind = match (declared.kind, declared.part) {
            (Type::Histogram, part) => {
                let part = match (part, declared.bound) {
                    (Part::Bucket, Some(bound)) => assemble::Part::Bucket(bound),
                    (Part::Sum, _) => assemble::Part::Sum,
                    // How many there are in all is what its last bucket says.
                    _ => return self.ledger.nothing(raw, now),
                };
                return self.ledger.part(raw, &rename(declared.family), part, &labels, now);
            }
            (Type::Counter, _) | (Type::Summary, Part::Sum | Part::Count) => Some(Kind::Counter),
            (Type::Unknown, _) => None,
            _ => Some(Kind::Gauge),
        };
        self.ledger.number(raw, &rename(declared.name), kind, &labels, now)
    }
}

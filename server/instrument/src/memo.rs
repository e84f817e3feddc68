//! Remembers the instruments of label values that were seen before, so that recording builds no labels.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::RwLock;

use crate::recorder::SERIES_LIMIT;
use crate::sync::{read, write};

/// Instruments by a few label values. Bounded: what does not fit is looked up in the recorder each time, which knows
/// its own limit.
#[derive(Debug)]
pub(crate) struct Memo<const N: usize, V> {
    hasher: RandomState,
    // By hash, so that looking up borrowed values needs no copy of them. Of two keys with one hash the first stays.
    entries: RwLock<HashMap<u64, Entry<N, V>>>,
}

/// The values and what was made for them.
type Entry<const N: usize, V> = ([Box<str>; N], V);

impl<const N: usize, V> Default for Memo<N, V> {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            entries: RwLock::default(),
        }
    }
}

impl<const N: usize, V: Clone> Memo<N, V> {
    /// What `make` made for these values, now or before.
    pub(crate) fn get(&self, values: [&str; N], make: impl FnOnce() -> V) -> V {
        let hash = self.hasher.hash_one(values);
        if let Some((known, value)) = read(&self.entries).get(&hash)
            && known.iter().map(|known| &**known).eq(values)
        {
            return value.clone();
        }
        let made = make();
        let mut entries = write(&self.entries);
        if entries.len() < SERIES_LIMIT {
            entries
                .entry(hash)
                .or_insert_with(|| (values.map(Box::from), made.clone()));
        }
        made
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use keiki_model::histogram::Distribution;
    use keiki_model::series::{Sample, Value};

    use super::*;
    use crate::{Identity, Recorder};

    pub(crate) fn recorder() -> Recorder {
        Recorder::new(Identity {
            service_name: "service".into(),
            service_instance_id: "instance".into(),
            host_name: "host".into(),
        })
    }

    fn find<'a>(samples: &'a [Sample], name: &str, labels: &[(&str, &str)]) -> Option<&'a Sample> {
        samples.iter().find(|Sample { series, .. }| {
            let has = |(name, value): &(&str, &str)| series.labels().get(name).unwrap_or_default() == *value;
            series.name() == name && labels.iter().all(has)
        })
    }

    /// The value of a counter or gauge; an empty label value stands for a label that is absent.
    pub(crate) fn number(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        match find(samples, name, labels)?.value {
            Value::Number(number) => Some(number),
            Value::Distribution(_) => None,
        }
    }

    /// How many values a histogram recorded; `None` if there is no such series.
    pub(crate) fn count(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> Option<u64> {
        match &find(samples, name, labels)?.value {
            Value::Number(_) => None,
            Value::Distribution(distribution) => Some(Distribution::count(distribution)),
        }
    }

    #[test]
    fn values_are_made_once_while_there_is_room() {
        let memo = Memo::<2, usize>::default();
        let mut made = 0;
        let mut get = |values: [&str; 2]| {
            memo.get(values, || {
                made += 1;
                made
            })
        };
        assert_eq!([get(["a", "b"]), get(["ab", ""]), get(["a", "b"])], [1, 2, 1]);
        for n in 0..2 * SERIES_LIMIT {
            get(["n", &n.to_string()]);
        }
        assert_eq!(read(&memo.entries).len(), SERIES_LIMIT);
    }
}

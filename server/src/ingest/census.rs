//! What each sender's series are read as: so that nobody wonders why a panel is empty.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::ledger::{Ledger, Reading};

/// What is known of one source's series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// How many series it has.
    pub series: usize,
    /// How many are not taken, because it has as many as it may.
    pub refused: usize,
    /// The label with most values, and how many it has; only where series are refused.
    pub worst: Option<(String, usize)>,
    /// Times of histograms of which a part never came.
    pub incomplete: u64,
    /// Its metrics by their own names, and what they are read as.
    pub metrics: Vec<(String, Reading)>,
    edition: u64,
}

/// The accounts of all sources that know their series only when they come. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Census(Arc<Mutex<BTreeMap<String, Arc<Account>>>>);

impl Census {
    /// Notes what a source's series are now.
    pub(crate) fn tell(&self, source: &str, ledger: &Ledger) {
        let edition = ledger.edition();
        let mut accounts = self.0.lock();
        if accounts.get(source).is_some_and(|account| account.edition == edition) {
            return;
        }
        let mut metrics: Vec<_> = ledger
            .readings()
            .iter()
            .map(|(name, reading)| (name.to_string(), reading.clone()))
            .collect();
        metrics.sort_by(|a, b| a.0.cmp(&b.0));
        let account = Account {
            series: ledger.len(),
            refused: ledger.refused,
            worst: ledger.worst_label(),
            incomplete: ledger.incomplete(),
            metrics,
            edition,
        };
        accounts.insert(source.to_owned(), Arc::new(account));
    }

    /// Notes how many series a source has of which there is nothing else to tell.
    pub(crate) fn count(&self, source: &str, series: usize) {
        let mut accounts = self.0.lock();
        if accounts.get(source).is_none_or(|account| account.series != series) {
            let account = Account {
                series,
                ..Account::default()
            };
            accounts.insert(source.to_owned(), Arc::new(account));
        }
    }

    /// Forgets a source that is no more.
    pub(crate) fn forget(&self, source: &str) {
        self.0.lock().remove(source);
    }

    /// What is known of a source's series.
    pub fn of(&self, source: &str) -> Option<Arc<Account>> {
        self.0.lock().get(source).cloned()
    }
}

//! Programs that show their metrics as Prometheus wants them: one page, read at an interval.

mod fetch;
mod relabel;
mod target;

use std::sync::Arc;
use std::time::Duration;

use keiki_model::series::Sample;
use keiki_model::time::Millis;
use keiki_recognise::Recognisers;
use parking_lot::Mutex;

use super::{Source, SourceError};
use crate::ingest::Census;
use crate::ingest::ledger::{Ledger, Sender};
use crate::ingest::text::{self, Syntax};

use fetch::Fetcher;
pub use fetch::{Credentials, Fetching};
pub use relabel::{Rule, Rules};
pub use target::{Address, ScrapeConfig};

/// One target.
pub struct ScrapeSource {
    name: String,
    config: ScrapeConfig,
    fetcher: Fetcher,
    // Behind a lock, because a reading that was given up may still be at work on it.
    ledger: Arc<Mutex<Ledger>>,
    census: Census,
}

impl ScrapeSource {
    /// A source for one target, not yet connected. What it learns of the target's series is told to the census.
    pub fn new(config: ScrapeConfig, host: &str, recognisers: &Arc<Recognisers>, census: Census) -> Self {
        let sender = Sender {
            identity: config.identity(host),
            interval_ms: u32::try_from(config.interval.as_millis()).ok(),
            limit: config.series,
        };
        Self {
            name: format!("scrape:{}", config.name),
            fetcher: Fetcher::new(config.fetching.clone()),
            ledger: Arc::new(Mutex::new(Ledger::new(sender, Arc::clone(recognisers)))),
            config,
            census,
        }
    }
}

impl Source for ScrapeSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn interval(&self) -> Duration {
        self.config.interval
    }

    fn timeout(&self) -> Duration {
        self.config.timeout.min(super::default_timeout(self.config.interval))
    }

    async fn collect(&mut self, now: Millis) -> Result<Vec<Sample>, SourceError> {
        let page = self.fetcher.fetch(self.timeout()).await?;
        let (ledger, rules) = (Arc::clone(&self.ledger), Arc::clone(&self.config.rules));
        let (census, name) = (self.census.clone(), self.name.clone());
        // A large page takes milliseconds, and this task shares its thread with others.
        let parsed = tokio::task::spawn_blocking(move || {
            let mut ledger = ledger.lock();
            let syntax = Syntax::of_content_type(&page.content_type);
            let outcome = text::read(&page.body, syntax, &rules, &mut ledger, now);
            census.tell(&name, &ledger);
            outcome
        });
        let outcome = parsed.await.map_err(|error| SourceError::Panicked(error.to_string()))?;
        outcome.map_err(|why| SourceError::Invalid {
            what: self.config.fetching.address.to_string(),
            why,
        })
    }
}

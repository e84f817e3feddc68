//! Programs that show their metrics as Prometheus wants them: one page, read at an interval.

mod discovery;
mod fetch;
mod relabel;
mod target;

use std::sync::Arc;
use std::time::Duration;

use keiki_model::series::Sample;
use keiki_model::text::Text;
use keiki_model::time::Millis;
use keiki_recognise::Recognisers;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::{Source, SourceError};
use crate::ingest::Census;
use crate::ingest::ledger::{Ledger, Sender};
use crate::ingest::text::{self, Syntax};

pub use discovery::{Discovery, DiscoveryConfig, Files};
use fetch::Fetcher;
pub use fetch::{Credentials, Fetching};
pub use relabel::{Rule, Rules};
pub use target::{Address, ScrapeConfig, Template};

/// One target.
pub struct ScrapeSource {
    name: String,
    config: ScrapeConfig,
    fetcher: Fetcher,
    // Behind a lock, because a reading that was given up may still be at work on it.
    ledger: Arc<Mutex<Ledger>>,
    census: Census,
    /// A page that is being taken apart.
    parsing: Option<JoinHandle<Result<Vec<Sample>, Text>>>,
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
            parsing: None,
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
        // A reading that was given up while its page was being taken apart: the ledger has gone on, so its samples count.
        let mut earlier = Vec::new();
        if let Some(parsing) = &mut self.parsing {
            let outcome = parsing.await;
            self.parsing = None;
            earlier = outcome.ok().and_then(Result::ok).unwrap_or_default();
        }
        let page = self.fetcher.fetch(self.timeout()).await?;
        let (ledger, rules) = (Arc::clone(&self.ledger), Arc::clone(&self.config.rules));
        let (census, name) = (self.census.clone(), self.name.clone());
        // A large page takes milliseconds, and this task shares its thread with others.
        let parsing = self.parsing.insert(tokio::task::spawn_blocking(move || {
            let body = page.unpacked()?;
            let mut ledger = ledger.lock();
            let syntax = Syntax::of_content_type(&page.content_type);
            let outcome = text::read(&body, syntax, &rules, &mut ledger, now).map_err(Text::from);
            census.tell(&name, &ledger);
            outcome
        }));
        let outcome = parsing.await;
        self.parsing = None;
        let read = outcome.map_err(|error| SourceError::Panicked(error.to_string()))?;
        let samples = read.map_err(|why| SourceError::Invalid {
            what: self.config.fetching.address.to_string().into(),
            why,
        })?;
        earlier.extend(samples);
        Ok(earlier)
    }
}

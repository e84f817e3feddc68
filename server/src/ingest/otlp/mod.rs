//! OpenTelemetry's protocol: metrics as they come, and what spans tell of requests, queries, jobs and users.

mod metrics;
mod names;
mod spans;

use std::sync::Arc;

use keiki_decode::otlp::{Decoded, Decoder, Encoding, Error, Reason, Resource};
use keiki_model::series::{HOST_NAME, Labels, SERVICE_INSTANCE_ID, SERVICE_NAME, Sample};
use keiki_model::time::Millis;
use keiki_recognise::Recognisers;

use super::ledger::{Ledger, Sender};
use crate::store::Rejections;
use spans::Spans;

/// What becomes of a request.
pub(crate) struct Taken {
    pub(crate) decoded: Decoded,
    pub(crate) samples: Vec<Sample>,
    /// What was not kept, although it was understood.
    pub(crate) not_kept: Rejections,
    /// Why points or spans were rejected, the first reason and where.
    pub(crate) rejected: Option<String>,
}

/// What is known of those who send metrics.
pub(crate) struct Metrics {
    ledger: Ledger,
    decoder: Decoder,
}

impl Metrics {
    pub(crate) fn new(recognisers: Arc<Recognisers>, limit: usize) -> Self {
        let sender = Sender {
            identity: Labels::none(),
            // Each program exports as often as it likes.
            interval_ms: None,
            limit,
        };
        Self {
            ledger: Ledger::new(sender, recognisers),
            decoder: Decoder::default(),
        }
    }

    pub(crate) fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    /// The samples of a request.
    pub(crate) fn read(&mut self, encoding: Encoding, body: &[u8], now: Millis) -> Result<Taken, Error> {
        let mut reader = metrics::Reader::new(&mut self.ledger, now);
        let decoded = self.decoder.metrics(encoding, body, &mut reader);
        let rejected = reader.rejected.take();
        match decoded {
            Ok(decoded) => Ok(Taken {
                decoded,
                samples: self.ledger.take_page(false, now),
                not_kept: Rejections::default(),
                rejected,
            }),
            Err(error) => {
                self.ledger.forget_page();
                Err(error)
            }
        }
    }
}

/// What is known of those who send spans.
pub(crate) struct Traces {
    spans: Spans,
    decoder: Decoder,
}

impl Traces {
    /// `secret` makes pseudonyms of users.
    pub(crate) fn new(limit: usize, secret: &[u8]) -> Self {
        Self {
            spans: Spans::new(limit, secret),
            decoder: Decoder::default(),
        }
    }

    /// The samples of a request.
    pub(crate) fn read(&mut self, encoding: Encoding, body: &[u8], now: Millis) -> Result<Taken, Error> {
        self.spans.begin(now);
        let decoded = self.decoder.traces(encoding, body, &mut self.spans)?;
        let (samples, not_kept, rejected) = self.spans.take();
        Ok(Taken {
            decoded,
            samples,
            not_kept,
            rejected,
        })
    }

    /// What is done now and then where nothing comes.
    pub(crate) fn rest(&mut self, now: Millis) {
        self.spans.begin(now);
        self.spans.take();
    }

    pub(crate) fn series(&self) -> usize {
        self.spans.len()
    }
}

/// The labels of identity that a resource's attributes are.
fn identity(resource: &Resource<'_>) -> Labels {
    let text = |key: &str| resource.attributes.get(key).map(|value| value.to_string());
    Labels::new([
        // What the conventions say of a program that does not tell its name.
        (
            SERVICE_NAME,
            text("service.name").unwrap_or_else(|| "unknown_service".into()),
        ),
        (SERVICE_INSTANCE_ID, text("service.instance.id").unwrap_or_default()),
        (HOST_NAME, text("host.name").unwrap_or_default()),
    ])
}

/// A reason with where it was.
fn told(of: &str, reason: Reason) -> String {
    if of.is_empty() {
        reason.to_string()
    } else {
        format!("{of}: {reason}")
    }
}

#[cfg(test)]
mod tests;

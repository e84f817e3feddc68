//! What comes from other programs: bounds, StatsD, whom to believe, what their metrics mean.

use std::sync::Arc;

use keiki_recognise::Recognisers;

use super::{Resolver, SOURCE_KINDS, Sources, listen, source_kind};
use crate::ingest::{InletLimits, Rates};
use crate::source::statsd::StatsdConfig;

impl Resolver {
    pub(super) fn sources(&mut self) -> Option<Sources> {
        let priority = self.texts("sources", "priority", source_kind).map(in_order);
        let rows = self.texts("sources", "rows", |file| {
            let text = std::fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}"))?;
            let rows = vec![(file.to_owned(), text)];
            // Each by itself, so that a mistake is told where its file is named.
            Recognisers::new(&rows).map_err(|error| error.to_string())?;
            Ok(rows)
        });
        let recognisers = Recognisers::new(&rows?.concat()).expect("each file alone was right");
        Some(Sources {
            priority: priority?,
            recognisers: Arc::new(recognisers),
        })
    }

    pub(super) fn ingest(&mut self) -> Option<InletLimits> {
        let [body_bytes, unpacked_bytes, series, requests] =
            ["body_bytes", "unpacked_bytes", "series", "requests"].map(|key| self.count("ingest", key));
        let [samples, per_second] = ["samples_per_second", "requests_per_second"].map(|key| self.count("ingest", key));
        Some(InletLimits {
            body_bytes: body_bytes?,
            unpacked_bytes: unpacked_bytes?,
            series: series?,
            requests: requests?,
            rates: Rates {
                samples: samples?,
                requests: per_second?,
            },
        })
    }

    /// The outer one is missing where a value will not do, the inner one where nobody listens.
    pub(super) fn statsd(&mut self) -> Option<Option<StatsdConfig>> {
        let listen = self.text("statsd", "listen", |text| match text {
            "" => Ok(None),
            text => match listen(text) {
                Ok(address) if address.ip().is_loopback() => Ok(Some(address)),
                Ok(_) => Err(
                    "StatsD asks nobody who they are: write an address of loopback, such as \"127.0.0.1:8125\"".into(),
                ),
                Err(error) => Err(error),
            },
        });
        let service = self.text("statsd", "service", |text| Ok(text.to_owned()));
        let series = self.count("statsd", "series");
        let (listen, service, series) = (listen?, service?, series?);
        Some(listen.map(|listen| StatsdConfig {
            listen,
            service,
            series,
        }))
    }
}

/// Kinds that are not listed follow in their usual order.
fn in_order(mut listed: Vec<&'static str>) -> Vec<&'static str> {
    for kind in SOURCE_KINDS {
        if !listed.contains(&kind) {
            listed.push(kind);
        }
    }
    let mut priority: Vec<&'static str> = Vec::new();
    for kind in listed {
        if !priority.contains(&kind) {
            priority.push(kind);
        }
    }
    priority
}

//! What a page of metrics says, a line of JSON for each sample: name, labels, value and time as they are decoded.
//!
//! `decoded <prometheus|openmetrics> < page`; a page with a mistake ends with 1 and says which. The tests compare it with
//! what Prometheus reads on the same page.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use keiki_decode::text::{Declared, Part, Syntax, Type, Visitor, parse};
use serde_json::json;

#[derive(Default)]
struct Samples {
    series: Vec<(String, BTreeMap<String, String>)>,
    samples: Vec<(usize, f64, Option<i64>)>,
}

impl Visitor for Samples {
    type Key = usize;

    fn known(&mut self, _: &[u8], _: Type, _: Part) -> Option<usize> {
        None
    }

    fn declare(&mut self, declared: &Declared<'_>) -> usize {
        let labels = declared
            .labels
            .clone()
            .map(|(name, value)| (name.to_owned(), value.into_owned()));
        self.series.push((declared.name.to_owned(), labels.collect()));
        self.series.len() - 1
    }

    fn value(&mut self, key: usize, value: f64, time: Option<i64>) {
        self.samples.push((key, value, time));
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let syntax = match std::env::args().nth(1).as_deref() {
        Some("prometheus") => Syntax::Prometheus,
        Some("openmetrics") => Syntax::OpenMetrics,
        _ => return Err("usage: decoded <prometheus|openmetrics> < page".into()),
    };
    let mut page = Vec::new();
    std::io::stdin().read_to_end(&mut page)?;
    let mut all = Samples::default();
    parse(&page, syntax, &mut all).map_err(|error| error.to_string())?;
    let mut out = std::io::stdout().lock();
    for (key, value, time) in all.samples {
        let (name, labels) = &all.series[key];
        // JSON has no word for those that are no numbers: the value is text.
        let value = format!("{value:?}");
        writeln!(
            out,
            "{}",
            json!({ "name": name, "labels": labels, "value": value, "time": time })
        )?;
    }
    Ok(())
}

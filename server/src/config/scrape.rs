//! `[[scrape]]`: from values to the targets to read.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use keiki_model::series::Labels;

use super::entry::AUTHORITIES;
use super::problem::Problem;
use super::reader::Entry;
use crate::source::scrape::{Address, Credentials, Fetching, Rules, ScrapeConfig};
use crate::source::tls::Tls;
use crate::store::KEIKI;

const NAME: &str = "name";
const URL: &str = "url";

/// How long a page may be, bytes.
const PAGE_BYTES: usize = 64 << 20;

/// The targets of all tables. Every mistake is noted.
pub(super) fn resolve(entries: &[Entry], problems: &mut Vec<Problem>) -> Vec<ScrapeConfig> {
    let mut targets: Vec<ScrapeConfig> = Vec::new();
    for entry in entries {
        match target(entry, problems) {
            Err(problem) => problems.push(problem),
            Ok(target) if targets.iter().any(|other| other.name == target.name) => {
                let message = format!("a second [[scrape]] named {:?}", target.name);
                let problem = Problem::new(entry.origin(NAME), message);
                problems.push(
                    problem.hint("give each target a name of its own, and instances of one service the same service"),
                );
            }
            Ok(target) => targets.push(target),
        }
    }
    targets
}

fn target(entry: &Entry, problems: &mut Vec<Problem>) -> Result<ScrapeConfig, Problem> {
    let at = |key: &str, message: String| Problem::new(entry.origin(key), message);
    let name = entry.required("scrape", NAME, "shop")?;
    let service = entry.text("service").unwrap_or(name);
    for (key, text) in [(NAME, name), ("service", service)] {
        if text == KEIKI {
            let message = format!("{KEIKI:?} is the name under which Keiki reports itself");
            return Err(at(key, message).hint("choose another name"));
        }
    }
    let url = entry.required("scrape", URL, "http://127.0.0.1:8000/metrics")?;
    let address: Address = url
        .parse()
        .map_err(|why| at(URL, why).hint("write url = \"http://127.0.0.1:8000/metrics\""))?;
    let interval = Duration::from_secs(entry.seconds("interval", Duration::from_secs(5)).as_secs().max(1));
    let rules = Rules {
        keep: entry.each("keep", problems, str::parse),
        drop: entry.each("drop", problems, str::parse),
        rename: entry.each("rename", problems, Rules::rename),
    };
    let labels: Vec<(String, String)> = entry.each("labels", problems, |text| {
        let pair = text.split_once('=').filter(|(name, _)| !name.trim().is_empty());
        pair.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            .ok_or_else(|| format!("{text:?} is no label: write \"name=value\""))
    });
    let headers = entry.each("headers", problems, header);
    Ok(ScrapeConfig {
        name: name.to_owned(),
        service: service.to_owned(),
        labels: Labels::new(labels),
        fetching: Fetching {
            tls: tls(entry, &address)?,
            credentials: credentials(entry)?,
            address,
            headers,
            page_bytes: PAGE_BYTES,
        },
        interval,
        timeout: entry.seconds("timeout", Duration::from_secs(4)),
        rules: Arc::new(rules),
        series: entry.count("series", 20_000),
    })
}

/// A header; what was written may be a secret, and is not repeated.
fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let bad = || "no header: write \"Name: value\"".to_owned();
    let (name, value) = text.split_once(':').ok_or_else(bad)?;
    let name = name.trim().parse().map_err(|_| bad())?;
    let mut value: HeaderValue = value.trim().parse().map_err(|_| bad())?;
    value.set_sensitive(true);
    Ok((name, value))
}

fn credentials(entry: &Entry) -> Result<Credentials, Problem> {
    let file = |key: &str| entry.text(key).map(PathBuf::from);
    Ok(match (entry.text("user"), file("secret_file")) {
        (None, None) => Credentials::None,
        (None, Some(token)) => Credentials::Bearer(token),
        (Some(user), Some(password)) => Credentials::Basic(user.to_owned(), password),
        (Some(_), None) => {
            let problem = Problem::new(entry.origin("user"), "a user needs a secret_file with the password");
            return Err(problem.hint("write secret_file = \"/run/secrets/shop\""));
        }
    })
}

fn tls(entry: &Entry, address: &Address) -> Result<Tls, Problem> {
    if !address.tls {
        return match entry.text(AUTHORITIES) {
            None => Ok(Tls::Off),
            Some(_) => {
                let problem = Problem::new(entry.origin(AUTHORITIES), "this address is not encrypted");
                Err(problem.hint("write https:// in the url, or take tls_ca away"))
            }
        };
    }
    entry.checked_tls(URL)
}

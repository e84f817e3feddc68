//! `[[scrape]]`: from values to the targets to read.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use keiki_model::series::Labels;

use super::Scrapes;
use super::entry::AUTHORITIES;
use super::problem::Problem;
use super::reader::Entry;
use crate::source::scrape::{Address, Credentials, DiscoveryConfig, Rules, Template};
use crate::source::tls::Tls;
use crate::store::KEIKI;

const NAME: &str = "name";
const URL: &str = "url";
const FILES: &str = "files";
const LIMIT: &str = "target_limit";

/// How long a page may be, bytes.
const PAGE_BYTES: usize = 64 << 20;

/// The targets of all tables. Every mistake is noted.
pub(super) fn resolve(entries: &[Entry], problems: &mut Vec<Problem>) -> Scrapes {
    let mut scrapes = Scrapes::default();
    let mut names = HashSet::new();
    for entry in entries {
        if let Err(problem) = table(entry, &mut scrapes, problems) {
            problems.push(problem);
        }
        if let Some(name) = entry.text(NAME)
            && !names.insert(name)
        {
            let message = format!("a second [[scrape]] named {name:?}");
            let problem = Problem::new(entry.origin(NAME), message);
            problems.push(
                problem.hint("give each target a name of its own, and instances of one service the same service"),
            );
        }
    }
    scrapes
}

fn table(entry: &Entry, scrapes: &mut Scrapes, problems: &mut Vec<Problem>) -> Result<(), Problem> {
    let at = |key: &str, message: String| Problem::new(entry.origin(key), message);
    let name = entry.required("scrape", NAME, "shop")?;
    let service = entry.text("service").unwrap_or(name);
    for (key, text) in [(NAME, name), ("service", service)] {
        if text == KEIKI {
            let message = format!("{KEIKI:?} is the name under which Keiki reports itself");
            return Err(at(key, message).hint("choose another name"));
        }
    }
    let is_in_files = entry.values.contains_key(FILES);
    if is_in_files && entry.values.contains_key(URL) {
        let problem = at(URL, "[[scrape]] has a url or files, not both".into());
        return Err(problem.hint("write a table for each"));
    }
    if entry.values.contains_key(LIMIT) && !is_in_files {
        return Err(at(
            LIMIT,
            format!("{LIMIT} bounds the targets of files, and there are none"),
        )
        .hint("write files = [\"targets/*.json\"]"));
    }
    let address = match is_in_files {
        true => None,
        false => {
            let url = entry.required("scrape", URL, "http://127.0.0.1:8000/metrics")?;
            let read = url.parse::<Address>();
            Some(read.map_err(|why| at(URL, why).hint("write url = \"http://127.0.0.1:8000/metrics\""))?)
        }
    };
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
    let template = Template {
        service: service.to_owned(),
        labels: Labels::new(labels),
        tls: tls(entry, address.as_ref())?,
        credentials: credentials(entry)?,
        headers,
        page_bytes: PAGE_BYTES,
        interval,
        timeout: entry.seconds("timeout", Duration::from_secs(4)),
        rules: Arc::new(rules),
        series: entry.count("series", 20_000),
    };
    match address {
        Some(address) => {
            let target = template.target(name.to_owned(), address);
            scrapes.targets.push(target.map_err(|why| at(URL, why))?);
        }
        None => {
            let files = entry.each(FILES, problems, str::parse);
            if entry.texts(FILES).is_empty() {
                return Err(at(FILES, "files names no file".into()).hint("write files = [\"targets/*.json\"]"));
            }
            scrapes.discoveries.push(DiscoveryConfig {
                name: name.to_owned(),
                files,
                target_limit: entry.count(LIMIT, 1_000),
                template,
            });
        }
    }
    Ok(())
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

/// What encrypts connections to those that want it. Whether targets in files do is known only when they are found: that
/// there is nothing to check certificates against is told then.
fn tls(entry: &Entry, address: Option<&Address>) -> Result<Result<Tls, String>, Problem> {
    let is_named = entry.text(AUTHORITIES).is_some();
    match address {
        Some(address) if !address.tls && is_named => {
            let problem = Problem::new(entry.origin(AUTHORITIES), "this address is not encrypted");
            Err(problem.hint("write https:// in the url, or take tls_ca away"))
        }
        Some(address) if !address.tls => Ok(Ok(Tls::Off)),
        None if !is_named => Ok(Tls::checked(None).map_err(|error| error.to_string())),
        _ => entry.checked_tls(URL).map(Ok),
    }
}

//! What a target and its labels mean. Labels that begin with `__` say how it is read, as Prometheus has it; what they do
//! not say is as the table says.

use std::collections::BTreeMap;
use std::time::Duration;

use keiki_model::series::{Labels, SERVICE_INSTANCE_ID, SERVICE_NAME};
use keiki_model::view::percent_encode;

use super::super::target::{Address, ScrapeConfig, Template};
use crate::store::KEIKI;

/// A target as it is found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Found {
    pub(super) address: Address,
    pub(super) service: Option<String>,
    pub(super) labels: Vec<(String, String)>,
    pub(super) interval: Option<Duration>,
    pub(super) timeout: Option<Duration>,
}

/// Whether Prometheus would take it as a label's name.
pub(super) fn is_label(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A target of a group with these labels.
pub(super) fn found(host_port: &str, labels: &BTreeMap<String, String>) -> Result<Found, String> {
    let special = |name: &str| labels.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let scheme = special("__scheme__").unwrap_or("http");
    if !["http", "https"].contains(&scheme) {
        return Err(format!("__scheme__ is http or https, not {scheme:?}"));
    }
    let path = special("__metrics_path__").unwrap_or("/metrics");
    let mut path = format!("/{}", path.strip_prefix('/').unwrap_or(path));
    let parameters = labels
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("__param_")?, value)));
    for (name, value) in parameters {
        path.push(if path.contains('?') { '&' } else { '?' });
        path.push_str(&format!("{}={}", percent_encode(name), percent_encode(value)));
    }
    let mut address: Address = format!("{scheme}://{host_port}{path}").parse()?;
    // An address without a path has the usual one; here it was said.
    address.path = path;
    let duration = |name: &str| {
        let read = |text| duration(text).ok_or_else(|| format!("{name} is a duration such as \"15s\", not {text:?}"));
        special(name).map(read).transpose()
    };
    let service = special(SERVICE_NAME).or(special("job")).map(str::to_owned);
    if service.as_deref() == Some(KEIKI) {
        return Err(format!("{KEIKI:?} is the name under which Keiki reports itself"));
    }
    let kept = labels.iter().filter(|(name, value)| {
        !name.starts_with("__") && !value.is_empty() && ![SERVICE_NAME, "job"].contains(&name.as_str())
    });
    let renamed = kept.map(|(name, value)| {
        let name = if name == "instance" { SERVICE_INSTANCE_ID } else { name };
        (name.to_owned(), value.clone())
    });
    Ok(Found {
        address,
        service,
        labels: renamed.collect(),
        interval: duration("__scrape_interval__")?,
        timeout: duration("__scrape_timeout__")?,
    })
}

impl Found {
    /// What to read, under a name of its own.
    pub(super) fn config(&self, name: String, template: &Template) -> Result<ScrapeConfig, String> {
        let mut config = template.target(name, self.address.clone())?;
        let mut labels: Labels = config.labels.clone();
        for (name, value) in &self.labels {
            labels.set(name.as_str(), value.as_str());
        }
        config.labels = labels;
        if let Some(service) = &self.service {
            config.service.clone_from(service);
        }
        config.interval = self.interval.unwrap_or(config.interval);
        config.timeout = self.timeout.unwrap_or(config.timeout);
        Ok(config)
    }
}

/// A duration as Prometheus writes it: `1m30s`, `500ms`. From a millisecond to a day.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut millis = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let each = match &rest[..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        rest = &rest[letters..];
        millis = millis.checked_add(count.checked_mul(each)?)?;
    }
    (1..=86_400_000)
        .contains(&millis)
        .then(|| Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(all: &[(&str, &str)]) -> BTreeMap<String, String> {
        all.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn labels_say_how_it_is_read() {
        let all = labels(&[
            ("__scheme__", "https"),
            ("__metrics_path__", "probe"),
            ("__param_target", "a b"),
            ("__scrape_interval__", "1m30s"),
            ("__scrape_timeout__", "500ms"),
            ("__meta_zone", "z"),
            ("job", "node"),
            ("instance", "web-1"),
            ("env", "prod"),
        ]);
        let found = found("a.example", &all).expect("a target");
        assert_eq!(
            (
                found.address.authority().as_str(),
                found.address.path.as_str(),
                found.address.tls
            ),
            ("a.example:443", "/probe?target=a%20b", true)
        );
        assert_eq!(found.interval, Some(Duration::from_secs(90)));
        assert_eq!(found.timeout, Some(Duration::from_millis(500)));
        assert_eq!(found.service.as_deref(), Some("node"));
        let kept: Vec<_> = found
            .labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(kept, [("env", "prod"), ("service_instance_id", "web-1")]);
    }

    #[test]
    fn a_root_that_is_said_is_asked_for() {
        let found = found("a:1", &labels(&[("__metrics_path__", "/")])).expect("a target");
        assert_eq!(found.address.path, "/");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (name, value) in [
            ("__scheme__", "ftp"),
            ("__metrics_path__", "/a b"),
            ("__scrape_interval__", "5"),
            ("__scrape_timeout__", "0s"),
            ("job", "keiki"),
        ] {
            assert!(found("a:1", &labels(&[(name, value)])).is_err(), "{name}={value}");
        }
    }
}

//! What to scrape.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Uri};
use keiki_model::series::{HOST_NAME, Labels, SERVICE_INSTANCE_ID, SERVICE_NAME};

use super::fetch::{Credentials, Fetching};
use super::relabel::Rules;
use crate::source::tls::Tls;

/// Where a page is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// The host's name or address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path and, where there is one, the query.
    pub path: String,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|error| format!("no address: {error}"))?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err("the address must begin with http:// or https://".into()),
        };
        let authority = uri.authority().ok_or("the address names no host")?;
        if authority.as_str().contains('@') {
            return Err("a user and a password do not belong into the address".into());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err("the address names no host".into());
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            tls,
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            // As Prometheus has it: an address without a path means its usual one.
            path: if path == "/" { "/metrics" } else { path }.to_owned(),
        })
    }
}

impl fmt::Display for Address {
    /// Without the query, in which some carry a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.split('?').next().unwrap_or_default();
        write!(
            f,
            "{}://{}{path}",
            if self.tls { "https" } else { "http" },
            self.authority()
        )
    }
}

impl Address {
    /// Host and port, as in the request.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Whether it is this machine.
    pub fn is_loopback(&self) -> bool {
        crate::source::is_loopback(&self.host)
    }
}

/// How targets are read, wherever they are.
#[derive(Clone, Debug)]
pub struct Template {
    /// Their `service_name`.
    pub service: String,
    /// Labels that all their series get.
    pub labels: Labels,
    /// What encrypts connections to those that want it; or why nothing does.
    pub tls: Result<Tls, String>,
    /// What lets Keiki in.
    pub credentials: Credentials,
    /// Further headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// How long a page may be, bytes.
    pub page_bytes: usize,
    /// The time between two readings.
    pub interval: Duration,
    /// How long one may take.
    pub timeout: Duration,
    /// What is kept of a page, and under which names.
    pub rules: Arc<Rules>,
    /// How many series each may have.
    pub series: usize,
}

impl Template {
    /// The target at an address.
    ///
    /// # Errors
    /// The connection is to be encrypted, and nothing is there to check certificates against.
    pub fn target(&self, name: String, address: Address) -> Result<ScrapeConfig, String> {
        Ok(ScrapeConfig {
            name,
            service: self.service.clone(),
            labels: self.labels.clone(),
            fetching: Fetching {
                tls: if address.tls { self.tls.clone()? } else { Tls::Off },
                credentials: self.credentials.clone(),
                headers: self.headers.clone(),
                page_bytes: self.page_bytes,
                address,
            },
            interval: self.interval,
            timeout: self.timeout,
            rules: Arc::clone(&self.rules),
            series: self.series,
        })
    }
}

/// One target.
#[derive(Clone, Debug)]
pub struct ScrapeConfig {
    /// What the pages call it: its `service_name`, unless several instances share that.
    pub name: String,
    /// Its `service_name`.
    pub service: String,
    /// Labels that all its series get.
    pub labels: Labels,
    /// How its page is asked for.
    pub fetching: Fetching,
    /// The time between two readings.
    pub interval: Duration,
    /// How long one may take.
    pub timeout: Duration,
    /// What is kept of its page, and under which names.
    pub rules: Arc<Rules>,
    /// How many series it may have.
    pub series: usize,
}

impl ScrapeConfig {
    /// The labels of identity; `host` is this machine's name.
    pub fn identity(&self, host: &str) -> Labels {
        let address = &self.fetching.address;
        let mut labels = self.labels.clone();
        labels.set(SERVICE_NAME, self.service.as_str());
        let named = if address.is_loopback() { host } else { &address.host };
        // Where labels of its own say otherwise, they know better: the address may be a proxy's.
        for (name, value) in [(SERVICE_INSTANCE_ID, &*address.authority()), (HOST_NAME, named)] {
            if labels.get(name).is_none() {
                labels.set(name, value);
            }
        }
        labels
    }

    /// Whether it is the same target, read alike. Both must be of one [`Template`], in which all else is the same.
    pub fn is_like(&self, other: &Self) -> bool {
        let key = |it: &Self| {
            (
                it.name.clone(),
                it.service.clone(),
                it.labels.clone(),
                it.interval,
                it.timeout,
            )
        };
        self.fetching.address == other.fetching.address && key(self) == key(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown_without_secrets() {
        let read = |text: &str| text.parse::<Address>();
        let address = read("http://10.0.0.7:9100").expect("an address");
        assert_eq!(
            (address.path.as_str(), address.authority().as_str()),
            ("/metrics", "10.0.0.7:9100")
        );
        let address = read("https://[::1]/m?token=secret").expect("an address");
        assert_eq!(
            (
                address.authority().as_str(),
                address.to_string().as_str(),
                address.is_loopback()
            ),
            ("[::1]:443", "https://[::1]:443/m", true)
        );
        for bad in ["ftp://a/", "a:9100", "http://", "http://u:p@a/", "http://a b/"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}

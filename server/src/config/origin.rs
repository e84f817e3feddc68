//! Origins of other people's pages.

use std::fmt;
use std::str::FromStr;

use super::host_name::HostName;

/// Scheme, host and port of a page, as browsers write it: `https://admin.example.com`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    text: String,
    /// What the host must end with, where the entry stands for all names below one.
    below: Option<String>,
}

/// Why a text is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write scheme and host as the address bar shows them, without a path: \"https://admin.example.com\", \
     \"http://10.0.0.5:8080\", or \"https://*.example.com\" for all names below one"
)]
pub struct BadOrigin;

impl Origin {
    /// Whether a page of this origin is meant by the entry.
    pub fn admits(&self, page: &Self) -> bool {
        match &self.below {
            None => self.text == page.text,
            Some(_) if page.below.is_some() => self.text == page.text,
            Some(below) => {
                let scheme = self.text.split("://").next();
                scheme == page.text.split("://").next() && page.text.ends_with(below.as_str())
            }
        }
    }

    /// Whether its pages came encrypted.
    pub fn is_secure(&self) -> bool {
        self.text.starts_with("https:")
    }

    /// The origin of a page's address.
    ///
    /// # Errors
    /// It is no address of a web page.
    pub fn of_page(address: &str) -> Result<Self, BadOrigin> {
        let (scheme, rest) = address.trim().split_once("://").ok_or(BadOrigin)?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        [scheme, "://", host].concat().parse()
    }
}

impl FromStr for Origin {
    type Err = BadOrigin;

    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        let lower = text.to_ascii_lowercase();
        let (scheme, host) = lower.split_once("://").ok_or(BadOrigin)?;
        let usual = match scheme {
            "https" => 443,
            "http" => 80,
            _ => return Err(BadOrigin),
        };
        let (star, host) = match host.strip_prefix("*.") {
            Some(host) => ("*.", host),
            None => ("", host),
        };
        let host: HostName = host.parse().map_err(|_| BadOrigin)?;
        let host = HostName {
            port: host.port.filter(|port| *port != usual),
            ..host
        };
        // Below an address there is nothing.
        if !star.is_empty() && host.name.parse::<std::net::IpAddr>().is_ok() {
            return Err(BadOrigin);
        }
        Ok(Self {
            text: format!("{scheme}://{star}{host}"),
            below: (!star.is_empty()).then(|| format!(".{host}")),
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        text.parse::<Origin>()
            .map_or_else(|_| "bad".to_owned(), |origin| origin.to_string())
    }

    #[test]
    fn origins_are_written_in_one_way() {
        assert_eq!(read("https://Admin.Example.com:443"), "https://admin.example.com");
        assert_eq!(read("http://[::1]:8080"), "http://[::1]:8080");
        assert_eq!(read("https://*.example.com"), "https://*.example.com");
        for bad in [
            "",
            "*",
            "admin.example.com",
            "ftp://a",
            "https://a/b",
            "https://a b",
            "https://*.10.0.0.5",
            "https://a;script-src *",
            "https://",
            "https://a'",
        ] {
            assert_eq!(read(bad), "bad", "{bad}");
        }
    }

    #[test]
    fn an_entry_admits_its_own_and_what_is_below_a_star() {
        let admits = |entry: &str, page: &str| {
            let entry: Origin = entry.parse().unwrap();
            entry.admits(&Origin::of_page(page).unwrap())
        };
        assert!(admits("https://a.example.com", "https://a.example.com/ops?x#y"));
        assert!(!admits("https://a.example.com", "http://a.example.com/"));
        assert!(!admits("https://a.example.com", "https://a.example.com:8443/"));
        assert!(admits("https://*.example.com", "https://a.b.example.com/"));
        assert!(!admits("https://*.example.com", "https://example.com/"));
        assert!(!admits("https://*.example.com", "https://badexample.com/"));
        assert!(Origin::of_page("about:blank").is_err());
    }
}

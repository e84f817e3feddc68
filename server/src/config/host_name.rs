//! Names by which a server may be called.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A host name or address, with or without a port, as `allowed_hosts` lists them and as a request's `Host` states it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostName {
    /// In lower case, without brackets and final dot.
    pub name: String,
    /// None stands for any port in a list, for the scheme's own in a request.
    pub port: Option<u16>,
}

impl HostName {
    /// An address, on any port.
    pub fn of_ip(ip: IpAddr) -> Self {
        Self {
            name: ip.to_string(),
            port: None,
        }
    }

    /// Whether it can only be this machine's own name.
    pub fn is_loopback(&self) -> bool {
        let is_local = self.name == "localhost" || self.name.ends_with(".localhost");
        is_local || self.name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// Whether a request that names `host` is meant by this entry of a list.
    pub fn admits(&self, host: &Self) -> bool {
        self.name == host.name && (self.port.is_none() || self.port == host.port)
    }
}

/// Why a text is no host name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a host name or address, with a port if only that one is meant: \"keiki.example.com\" or \"[::1]:3000\"")]
pub struct BadHostName;

impl FromStr for HostName {
    type Err = BadHostName;

    fn from_str(text: &str) -> Result<Self, BadHostName> {
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (name, rest) = rest.split_once(']').ok_or(BadHostName)?;
                // One address has many spellings; the standard library's is the one that is compared.
                let ip: std::net::Ipv6Addr = name.parse().map_err(|_| BadHostName)?;
                let port = if rest.is_empty() {
                    None
                } else {
                    Some(rest.strip_prefix(':').ok_or(BadHostName)?)
                };
                (ip.to_string(), port)
            }
            None => {
                let (name, port) = text
                    .split_once(':')
                    .map_or((text, None), |(name, port)| (name, Some(port)));
                let name = name.strip_suffix('.').unwrap_or(name);
                let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
                if name.is_empty() || name.len() > 253 || !name.chars().all(plain) {
                    return Err(BadHostName);
                }
                (name.to_ascii_lowercase(), port)
            }
        };
        let port = port.map(|port| port.parse().map_err(|_| BadHostName)).transpose()?;
        Ok(Self { name, port })
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(f, "[{}]", self.name)?;
        } else {
            f.write_str(&self.name)?;
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_dot_and_spelling() {
        let allowed: HostName = "Keiki.example.com".parse().unwrap();
        for host in ["keiki.example.com", "keiki.example.com:8443", "KEIKI.EXAMPLE.COM."] {
            assert!(allowed.admits(&host.parse().unwrap()), "{host}");
        }
        let with_port: HostName = "keiki.example.com:8443".parse().unwrap();
        assert!(with_port.admits(&"keiki.example.com:8443".parse().unwrap()));
        assert!(!with_port.admits(&"keiki.example.com".parse().unwrap()));
        let six: HostName = "[0:0::1]:3000".parse().unwrap();
        assert!(HostName::of_ip("::1".parse().unwrap()).admits(&six));
        assert_eq!(six.to_string(), "[::1]:3000");
    }

    #[test]
    fn no_names() {
        for bad in [
            "",
            ":80",
            "a b",
            "a/b",
            "http://a",
            "a:b",
            "a:99999",
            "[::1",
            "[::1]x",
            "*",
            "a@b",
            "é.example",
        ] {
            assert_eq!(bad.parse::<HostName>(), Err(BadHostName), "{bad}");
        }
    }
}

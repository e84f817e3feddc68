//! The names by which Keiki answers. A page of another site can make its own name point to this machine and then read
//! what it wants (DNS rebinding); the browser still says by which name it asks, and that is checked first of all.

use std::net::{IpAddr, SocketAddr};

use axum::http::{Request, StatusCode, Version, header};
use axum::response::Response;

use super::health::plain;
use crate::config::host_name::HostName;

/// The list of names.
#[derive(Debug)]
pub(super) struct Hosts {
    allowed: Vec<HostName>,
    /// The spellings that nearly all requests use: compared without being taken apart.
    usual: Vec<Vec<u8>>,
}

impl Hosts {
    /// The names of loopback, the address that is listened on, and the configured ones.
    pub(super) fn new(listen: SocketAddr, configured: &[HostName]) -> Self {
        let loopback = ["localhost", "127.0.0.1", "::1"].map(|name| HostName {
            name: name.to_owned(),
            port: None,
        });
        let allowed: Vec<HostName> = loopback
            .into_iter()
            .chain([HostName::of_ip(listen.ip())])
            .chain(configured.iter().cloned())
            .collect();
        let usual = allowed
            .iter()
            .map(|host| {
                HostName {
                    port: host.port.or(Some(listen.port())),
                    ..host.clone()
                }
                .to_string()
                .into_bytes()
            })
            .collect();
        Self { allowed, usual }
    }

    /// Why a request is refused, if it is. Where everybody is asked, any address will do: no name of another site leads there.
    pub(super) fn refuse<B>(&self, request: &Request<B>, asks: bool) -> Option<Response> {
        let mut named = request.headers().get_all(header::HOST).iter();
        let host = match (named.next(), named.next()) {
            (Some(host), None) => host.as_bytes(),
            // Only programs older than virtual hosts, and the health checks of some proxies, send none.
            (None, None) if request.version() < Version::HTTP_11 => return None,
            _ => {
                return Some(plain(
                    StatusCode::BAD_REQUEST,
                    "Exactly one Host header is needed.\n".to_owned(),
                ));
            }
        };
        // An absolute address in the request line overrides the header (RFC 9112, section 3.2.2): both must do.
        let absolute = request.uri().authority().map(|authority| authority.as_str().as_bytes());
        [Some(host), absolute]
            .into_iter()
            .flatten()
            .find(|host| !self.allows(host, asks))
            .map(refusal)
    }

    fn allows(&self, host: &[u8], asks: bool) -> bool {
        self.usual.iter().any(|usual| usual == host)
            || std::str::from_utf8(host)
                .ok()
                .and_then(|host| host.parse::<HostName>().ok())
                .is_some_and(|host| {
                    self.allowed.iter().any(|allowed| allowed.admits(&host))
                        || (asks && host.name.parse::<IpAddr>().is_ok())
                })
    }
}

fn refusal(host: &[u8]) -> Response {
    // What is repeated is text without markup, and short.
    let shown: String = String::from_utf8_lossy(host)
        .chars()
        .filter(|c| !c.is_control())
        .take(100)
        .collect();
    let text = format!(
        "Keiki does not answer by the name {shown:?}. If it should, add the name to allowed_hosts below [server] in \
         keiki.toml.\n"
    );
    plain(StatusCode::MISDIRECTED_REQUEST, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(version: Version, uri: &str, hosts: &[&str]) -> u16 {
        let configured = [
            "keiki.example.com".parse().unwrap(),
            "only.example.com:8443".parse().unwrap(),
        ];
        let names = Hosts::new("127.0.0.2:3000".parse().unwrap(), &configured);
        let mut request = Request::builder().version(version).uri(uri);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        names
            .refuse(&request.body(()).unwrap(), false)
            .map_or(200, |response| response.status().as_u16())
    }

    #[test]
    fn only_known_names_are_answered() {
        for host in [
            "localhost:3000",
            "LOCALHOST",
            "127.0.0.1:1",
            "127.0.0.2:3000",
            "[::1]:3000",
            "[0:0:0:0:0:0:0:1]",
            "keiki.example.com",
            "only.example.com:8443",
        ] {
            assert_eq!(status(Version::HTTP_11, "/", &[host]), 200, "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:3000",
            "keiki.example.com@evil.example",
            "only.example.com",
            "127.0.0.3",
            "0.0.0.0:3000",
            "",
            "localhost:3000,evil.example",
            "<script>",
        ] {
            assert_eq!(status(Version::HTTP_11, "/", &[host]), 421, "{host}");
        }
    }

    #[test]
    fn one_name_is_needed() {
        assert_eq!(status(Version::HTTP_11, "/", &[]), 400);
        assert_eq!(status(Version::HTTP_10, "/", &[]), 200);
        assert_eq!(status(Version::HTTP_11, "/", &["localhost", "localhost"]), 400);
        assert_eq!(status(Version::HTTP_11, "http://evil.example/", &["localhost"]), 421);
        assert_eq!(status(Version::HTTP_11, "http://localhost:3000/", &["localhost"]), 200);
    }
}

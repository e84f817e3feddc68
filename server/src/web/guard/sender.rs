//! Whose page sent a request, as browsers tell it. Programs tell nothing.

use axum::http::{HeaderMap, HeaderName, header};

/// Whose page asks, in the browser's own judgement, which no proxy in between changes. It is told to servers that can keep
/// secrets: by HTTPS, and on the browser's own machine.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Below it is what pages of Keiki's own fetch, and programs: nothing that another page frames, shows or links to.
pub(super) const DATA: &str = "/api/";

/// Whether no page of another site sent it: browsers name the page's origin with everything that changes something.
/// Programs that are no browsers name none, and carry nobody's cookies.
pub(in crate::web) fn is_from_here(headers: &HeaderMap) -> bool {
    match text(headers, &SEC_FETCH_SITE) {
        Some(site) => matches!(site, "same-origin" | "none"),
        // Older browsers name the origin only.
        None => names_host(headers, &header::ORIGIN).unwrap_or(true),
    }
}

/// Whether a page of another server than the one that is asked sent it. Where the browser takes the two for one, something in
/// between has changed the name, as proxies do that add no header of theirs. Where it says otherwise, or nothing, it may be
/// somebody's link or picture, unless it asks for data.
pub(super) fn is_of_elsewhere(path: &str, headers: &HeaderMap) -> bool {
    let takes_for_own = || text(headers, &SEC_FETCH_SITE) == Some("same-origin");
    // A page that tells nobody where it is says "null".
    let hides = headers.get(header::ORIGIN).is_none_or(|origin| origin == "null");
    let page = if hides { header::REFERER } else { header::ORIGIN };
    (path.starts_with(DATA) || takes_for_own()) && names_host(headers, &page) == Some(false)
}

/// Whether the URL in a header is of the server that is asked; nothing without the header.
fn names_host(headers: &HeaderMap, name: &HeaderName) -> Option<bool> {
    let (_, after_scheme) = text(headers, name)?.split_once("://").unwrap_or_default();
    let server = after_scheme.split(['/', '?', '#']).next()?;
    Some(text(headers, &header::HOST).is_some_and(|host| host.eq_ignore_ascii_case(server)))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    /// The headers of a request to this host; `""` says nothing.
    fn sent(host: &'static str, more: [(HeaderName, &'static str); 3]) -> HeaderMap {
        let all = [(header::HOST, host)].into_iter().chain(more);
        all.filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name, HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn other_sites_change_nothing() {
        let is_let_in = |host, origin, site| {
            is_from_here(&sent(
                host,
                [(header::ORIGIN, origin), (SEC_FETCH_SITE, site), (header::REFERER, "")],
            ))
        };
        for (host, origin, site) in [
            ("k:3000", "http://k:3000", ""),
            ("K:3000", "http://k:3000", ""),
            ("[::1]:3000", "http://[::1]:3000", ""),
            ("k:3000", "null", "same-origin"),
            ("k:3000", "", ""),
            ("inside:1", "https://k", "same-origin"),
        ] {
            assert!(is_let_in(host, origin, site), "{host} {origin} {site}");
        }
        for (host, origin, site) in [
            ("k:3000", "http://evil:3000", ""),
            ("k:3000", "http://k:3001", ""),
            ("k:3000", "null", ""),
            ("", "http://k:3000", ""),
            ("k:3000", "http://k:3000", "cross-site"),
        ] {
            assert!(!is_let_in(host, origin, site), "{host} {origin} {site}");
        }
    }

    /// Whether a request with this `Host`, `Sec-Fetch-Site`, `Origin` and `Referer` gives a proxy away.
    fn elsewhere(path: &str, [host, site, origin, referer]: [&'static str; 4]) -> bool {
        let more = [
            (SEC_FETCH_SITE, site),
            (header::ORIGIN, origin),
            (header::REFERER, referer),
        ];
        is_of_elsewhere(path, &sent(host, more))
    }

    const HOST: &str = "127.0.0.1:3000";
    const HERE: &str = "http://127.0.0.1:3000/groups/api?window=1m";
    const THERE: &str = "http://keiki.example.com/groups/api";

    #[test]
    fn what_says_nothing_or_names_this_server_passes() {
        for told in [
            [HOST, "", "", ""],
            [HOST, "none", "", ""],
            [HOST, "same-origin", "", ""],
            [HOST, "same-origin", "", HERE],
            [HOST, "", "http://127.0.0.1:3000", ""],
            [HOST, "same-origin", "null", HERE],
            [HOST, "", "null", ""],
            ["[::1]:3000", "same-origin", "http://[::1]:3000", "http://[::1]:3000/"],
            ["LocalHost:3000", "", "", "http://localhost:3000"],
            ["localhost", "", "", "http://localhost?lang=en"],
        ] {
            for path in ["/", "/api/live", "/api/annotations"] {
                assert!(!elsewhere(path, told), "{path} {told:?}");
            }
        }
    }

    #[test]
    fn a_page_of_another_server_is_known_by_either_header() {
        for told in [
            [HOST, "same-origin", "", THERE],
            [HOST, "same-origin", "http://keiki.example.com", ""],
            [HOST, "same-origin", "http://keiki.example.com", HERE],
            [HOST, "same-origin", "null", THERE],
            [HOST, "same-origin", "", "http://127.0.0.1:3001/"],
            [HOST, "same-origin", "", "http://127.0.0.1/"],
            ["[::1]:3000", "same-origin", "http://[::1]:3001", ""],
            ["LOCALHOST:3000", "same-origin", "", "http://localhost.example:3000/"],
        ] {
            for path in [
                "/",
                "/panels/api.latency.json",
                "/v1/metrics",
                "/api/live",
                "/api/annotations",
            ] {
                assert!(elsewhere(path, told), "{path} {told:?}");
            }
        }
    }

    #[test]
    fn without_the_browsers_judgement_only_data_is_for_pages_of_this_server_alone() {
        for told in [
            [HOST, "", "", THERE],
            [HOST, "", "null", THERE],
            [HOST, "", "http://keiki.example.com", ""],
            [HOST, "cross-site", "http://keiki.example.com", THERE],
            [HOST, "same-site", "", "http://127.0.0.1:3001/"],
            ["[::1]:3000", "", "", "http://[::2]:3000/"],
        ] {
            for path in ["/api/live", "/api/annotations", "/api/annotations/1-0", "/api/sources"] {
                assert!(elsewhere(path, told), "{path} {told:?}");
            }
            // A link in somebody's chat, a frame and a picture in somebody's page.
            for path in [
                "/",
                "/groups/api",
                "/kiosk",
                "/embed/api.latency",
                "/panels/api.latency.svg",
                "/apis",
            ] {
                assert!(!elsewhere(path, told), "{path} {told:?}");
            }
        }
    }
}

//! What a token opens: addresses, and the views of a stream that shows the same. Paths are compared as they read, for browsers
//! write some characters of them in another way than people.

use keiki_app::request::PageRequest;
use keiki_model::view::{Item, Subject, View, percent_decode};

use super::Token;

/// The path of a token that opens everything.
pub const EVERYTHING: &str = "/*";
/// The stream, below the base path.
const LIVE: &str = "/api/live";
/// The most views that a token opens at once.
const MOST_VIEWS: usize = 32;

/// The only thing that a token can change.
const CHANGED: [&str; 3] = ["/api/annotations", "/v1/", "/api/v1/write"];

/// Whether a view is as a page asks for it: one of the pages' windows or any stretch of the past, at the resolution that goes
/// with its length.
fn of_a_page(view: &View) -> bool {
    let usual = |window| {
        let usual = View::of_window(view.subject.clone(), window, view.scope.clone());
        (usual.step, usual.window) == (view.step, view.window)
    };
    let fits = match view.until {
        Some(_) => usual(view.window),
        None => PageRequest::WINDOWS.into_iter().any(usual),
    };
    fits && view
        .compare
        .is_none_or(|before| PageRequest::COMPARED.contains(&before))
}

/// Where pages, panels and what machines ask for lie; below those that end in a slash there is more.
const PLACES: [&str; 14] = [
    "/",
    "/groups/",
    "/kiosk",
    "/embed",
    "/embed/",
    "/panels/",
    "/badges/",
    "/explore",
    "/explore/",
    "/sources",
    "/metrics",
    "/api/",
    "/v1/",
    "/healthz",
];

/// Whether there may be something at a path that a token is to open.
pub fn is_known(allowed: &str) -> bool {
    let (path, is_beginning) = match allowed.strip_suffix('*') {
        Some(beginning) => (beginning, true),
        None => (allowed, false),
    };
    PLACES.iter().any(|place| {
        let is_below = place.len() > 1 && place.ends_with('/') && path.starts_with(place);
        path == *place || is_below || (is_beginning && place.starts_with(path))
    })
}

/// Whether a path is one, or begins as one that ends in `*`. One that was written with escapes means what they stand for.
fn matches(allowed: &str, path: &str) -> bool {
    let (allowed, is_beginning) = match allowed.strip_suffix('*') {
        Some(beginning) => (beginning, true),
        None => (allowed, false),
    };
    let is_at = |allowed: &str| match is_beginning {
        true => path.starts_with(allowed),
        false => path == allowed,
    };
    is_at(allowed) || (allowed.contains('%') && percent_decode(allowed).is_some_and(|allowed| is_at(&allowed)))
}

/// How an address's path reads: as it came, and without escapes, for browsers write `:` as `%3A` and a name of another
/// script in nothing but escapes. None of one that could lead elsewhere than it seems; an escaped slash is no slash, and is
/// not undone.
fn readings(path: &str) -> Option<(&str, Option<String>)> {
    let decoded = match path.contains('%') {
        true => Some(percent_decode(path)?),
        false => None,
    };
    let plain = decoded.as_deref().unwrap_or(path);
    let leads_elsewhere = plain.contains(|c: char| c == '\\' || c.is_control())
        || plain.split('/').any(|part| matches!(part, "." | ".."));
    if leads_elsewhere {
        return None;
    }
    let slashes = |text: &str| text.bytes().filter(|byte| *byte == b'/').count();
    let decoded = decoded.filter(|decoded| slashes(decoded) == slashes(path));
    Some((path, decoded))
}

/// Whether an allowed path is an address's, as it came or as it reads.
fn admits(allowed: &str, path: &str) -> bool {
    readings(path).is_some_and(|(raw, decoded)| {
        matches(allowed, raw) || decoded.is_some_and(|decoded| matches(allowed, &decoded))
    })
}

impl Token {
    /// Whether it opens some paths only: such a token may lie open in a page.
    pub fn is_limited(&self) -> bool {
        !self.paths.iter().any(|path| path == EVERYTHING)
    }

    /// Whether it opens an address: path below the base path, and query. The stream is open to whoever may see the pages
    /// that show the same.
    pub fn opens(&self, path: &str, query: &str) -> bool {
        (path == LIVE && self.opens_views(query)) || self.paths.iter().any(|allowed| admits(allowed, path))
    }

    /// Whether it may change what lies at an address: only where one of its paths names that, since whoever made it to look
    /// at everything gave no leave to write.
    pub fn changes(&self, path: &str) -> bool {
        let names = |allowed: &str| CHANGED.iter().any(|place| allowed.starts_with(place));
        let mut named = self.paths.iter().filter(|allowed| names(allowed));
        named.any(|allowed| admits(allowed, path))
    }

    /// Whether one of its paths is this, which holds no escapes.
    fn matches(&self, path: &str) -> bool {
        self.paths.iter().any(|allowed| matches(allowed, path))
    }

    /// Whether it may see all views of a stream's query. Strict, since the stream reads the query by rules of its own: one
    /// list of views, no name written in another way, and the resolutions of pages alone, for a token may lie open in a page
    /// and every other view costs the server something.
    fn opens_views(&self, query: &str) -> bool {
        let mut views = None;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("views", value) if views.is_none() => views = Some(value),
                ("since" | "token", _) => {}
                _ => return false,
            }
        }
        let views = match views {
            None | Some("") => Some(String::new()),
            Some(views) => percent_decode(&views.replace('+', " ")),
        };
        let Some(items) = views.and_then(|views| Item::list(&views).ok()) else {
            return false;
        };
        let shown = |item: &Item| of_a_page(&item.view) && self.shows(&item.view.subject);
        items.len() <= MOST_VIEWS && items.iter().all(shown)
    }

    fn shows(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Overview => self.matches("/") || self.matches("/kiosk"),
            Subject::Group(group) => self.matches(&["/groups/", group.id()].concat()),
            Subject::Panel(id) => {
                let page = id.strip_prefix("explore.").map(|metric| ["/explore/", metric].concat());
                self.matches(&["/embed/", id].concat()) || page.is_some_and(|page| self.matches(&page))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(paths: &[&str]) -> Token {
        Token {
            name: "one".into(),
            hash: String::new(),
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            created: 0,
            expires: Some(10),
        }
    }

    #[test]
    fn a_path_that_leads_nowhere_is_told_from_one_that_may() {
        for known in [
            "/*",
            "/",
            "/kiosk",
            "/kio*",
            "/embed/*",
            "/embed/api.latency",
            "/groups/api",
            "/api/live",
            "/v1/*",
            "/explore",
        ] {
            assert!(is_known(known), "{known}");
        }
        for unknown in ["/kisok", "/kisok*", "/groups", "/dashboards/*", "/embedded/api.latency"] {
            assert!(!is_known(unknown), "{unknown}");
        }
    }

    #[test]
    fn it_opens_its_paths_and_the_views_that_they_show() {
        let panel = token(&["/embed/api.latency"]);
        for (path, query, open) in [
            ("/embed/api.latency", "", true),
            ("/embed/api.latency2", "", false),
            ("/embed/api.errors", "", false),
            ("/", "", false),
            ("/api/live", "views=panel%3Aapi.latency%401%2F300&since=", true),
            ("/api/live", "views=panel:api.latency@1/60,panel:api.errors@1", false),
            ("/api/live", "views=panel:api.latency@1&views=overview", false),
            ("/api/live", "views=overview%401", false),
            ("/api/live", "views=nonsense", false),
            ("/api/live", "views=%zz", false),
            ("/api/live", "", false),
            (
                "/api/live",
                "v%69ews=panel:api.errors@1&views=panel:api.latency@1",
                false,
            ),
            ("/api/live", "[views]=panel:api.latency@1", false),
            ("/api/live", "views=panel:api.latency@1/61", false),
            ("/api/live", "views=panel:api.latency@900/900", false),
            ("/api/livex", "views=panel:api.latency@1", false),
        ] {
            assert_eq!(panel.opens(path, query), open, "{path}?{query}");
        }
        assert!(token(&["/kiosk"]).opens("/api/live", ""));
        assert!(token(&["/kiosk"]).opens("/api/live", "views="));
        for dressed in [
            "v%69ews=group:database@1",
            "[views]=group:database@1",
            "views%5B%5D=group:database@1",
            "+views=x",
        ] {
            assert!(!token(&["/kiosk"]).opens("/api/live", dressed), "{dressed}");
        }
        assert!(!token(&["/kiosk"]).opens("/api/live", "views=group:api@1"));
        assert!(token(&["/groups/*"]).opens("/api/live", "views=group:api@1,group:queue@3"));
        assert!(token(&["/*"]).opens("/metrics", ""));
        assert!(!token(&["/embed/*", "/*"]).is_limited() && token(&["/embed/*"]).is_limited());
        assert!(token(&[]).holds(9) && !token(&[]).holds(10));
    }

    #[test]
    fn a_path_is_what_it_reads_as() {
        let opens = |allowed: &str, path: &str| token(&[allowed]).opens(path, "");
        for allowed in ["/embed/explore.job:rate", "/embed/explore.job%3arate"] {
            for path in [
                "/embed/explore.job:rate",
                "/embed/explore.job%3Arate",
                "/embed/explore.job%3arate",
            ] {
                assert!(opens(allowed, path), "{allowed} {path}");
            }
            assert!(!opens(allowed, "/embed/explore.job%253Arate"));
            assert!(token(&[allowed]).opens("/api/live", "views=panel%3Aexplore.job%3Arate%401%2F300"));
        }
        assert!(opens(
            "/explore/応答時間",
            "/explore/%E5%BF%9C%E7%AD%94%E6%99%82%E9%96%93"
        ));
        assert!(opens("/embed/explore.job:*", "/embed/explore.job%3Arate"));
        assert!(
            !opens("/embed/explore.job%2A", "/embed/explore.job:rate"),
            "an escaped star is no end"
        );
        // A metric's name may hold a slash; it is below the folder, and is not two.
        assert!(opens("/explore/*", "/explore/disk%2Fread"));
        assert!(opens("/explore/disk%2Fread", "/explore/disk%2Fread"));
        for path in [
            "/embed%2Fapi.latency",
            "/embed/%2e%2e/metrics",
            "/embed/../metrics",
            "/embed/..%2Fmetrics",
            "/embed/%2E/x",
            "/embed/x%5Cy",
            "/embed/x\\y",
            "/embed/x%0Ay",
            "/embed/x%00",
            "/embed/x%zz",
            "/embed/x%ff",
        ] {
            assert!(!opens("/embed/*", path), "{path}");
        }
        assert!(!opens("/embed/a/b", "/embed/a%2Fb"));
        assert!(token(&["/api/annotations/*"]).changes("/api/annotations/%37"));
        assert!(!token(&["/api/annotations/*"]).changes("/api/annotations/..%2F..%2Fv1"));
    }
}

//! The static files of the site: inside the binary, named by their content, compressed before.
//!
//! `make build` makes them (`public/build.mjs`), the binary holds them (`server/keiki/build.rs`) and installs them here, so
//! that the server can be compiled while the site is still being made. A file whose name holds
//! its hash never changes, so that browsers keep it for good; a new build has new names.

use std::sync::OnceLock;

use axum::{
    body::Body,
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// All files of the site.
#[derive(Debug)]
pub struct Site {
    /// The files.
    pub assets: &'static [Asset],
    /// Changes whenever any file or the version does.
    pub build_id: &'static str,
}

static SITE: OnceLock<Site> = OnceLock::new();

/// Takes the site, once, before anything is served. Later ones are left alone.
pub fn install(site: Site) {
    let _ = SITE.set(site);
}

fn table() -> &'static [Asset] {
    SITE.get().map_or(&[], |site| site.assets)
}

/// One static file in its three forms.
#[derive(Debug)]
pub struct Asset {
    /// What the file is called in the code: `app.css`.
    pub logical: &'static str,
    /// What it is called in URLs: `app.0123456789ab.css`.
    pub name: &'static str,
    /// The `Content-Type`.
    pub content_type: &'static str,
    /// The `ETag`, weak since all forms share it.
    pub etag: &'static str,
    /// The bytes as they are.
    pub identity: &'static [u8],
    /// The bytes in brotli, quality 11.
    pub brotli: &'static [u8],
    /// The bytes in gzip, level 9.
    pub gzip: &'static [u8],
}

impl Asset {
    /// The bytes in one encoding.
    pub fn bytes(&self, encoding: Encoding) -> &'static [u8] {
        match encoding {
            Encoding::Brotli => self.brotli,
            Encoding::Gzip => self.gzip,
            Encoding::Identity => self.identity,
        }
    }
}

/// For a URL that holds the hash of its content.
pub const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// For a URL that stays when its content changes, such as `/embed.js`: kept, but asked for by its `ETag`.
pub const REVALIDATE: HeaderValue = HeaderValue::from_static("public, no-cache");

/// What to say, at start and in place of a file, where the server was compiled without the site.
pub const MISSING: &str = "built without the site: run `make build`";

/// Whether the binary holds the site. A plain `cargo build` may not.
pub fn is_built() -> bool {
    !table().is_empty()
}

/// Changes whenever any file of the site or the crate's version does: a page of another build reloads itself.
pub fn build_id() -> &'static str {
    SITE.get().map_or("", |site| site.build_id)
}

/// The file of a name with hash, as it stands in URLs.
pub fn find(name: &str) -> Option<&'static Asset> {
    table().iter().find(|asset| asset.name == name)
}

/// The file of a logical name.
pub fn named(logical: &str) -> Option<&'static Asset> {
    table().iter().find(|asset| asset.logical == logical)
}

/// The name with hash of a logical name. Without the site, or for a file that it has not, the logical name itself.
pub fn hashed(logical: &'static str) -> &'static str {
    named(logical).map_or(logical, |asset| asset.name)
}

/// The names with hash of the files that a page refers to, relative to the folder where [`serve`] is mounted.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    /// The style sheet.
    pub css: &'static str,
    /// The module script that starts the page; it loads the three below by itself.
    pub boot: &'static str,
    /// The charts, a module: `<link rel="modulepreload">`.
    pub echarts: &'static str,
    /// The WASM's glue, a module: `<link rel="modulepreload">`.
    pub wasm_js: &'static str,
    /// The app: `<link rel="preload" as="fetch" type="application/wasm" crossorigin>`.
    pub wasm: &'static str,
    /// The icon, an SVG.
    pub favicon: &'static str,
}

/// The names that a page refers to.
pub fn names() -> Names {
    Names {
        css: hashed("app.css"),
        boot: hashed("boot.js"),
        echarts: hashed("echarts.js"),
        wasm_js: hashed("app.js"),
        wasm: hashed("app.wasm"),
        favicon: hashed("favicon.svg"),
    }
}

/// A content coding that the server has ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `br`
    Brotli,
    /// `gzip`
    Gzip,
    /// As it is.
    Identity,
}

impl Encoding {
    /// The value of `Content-Encoding`; none for the bytes as they are.
    pub fn header(self) -> Option<HeaderValue> {
        match self {
            Encoding::Brotli => Some(HeaderValue::from_static("br")),
            Encoding::Gzip => Some(HeaderValue::from_static("gzip")),
            Encoding::Identity => None,
        }
    }
}

/// The coding that the client weights highest, of equals the smallest (RFC 9110, section 12.5.3). Where the client
/// refuses everything it still gets the bytes as they are, which is more use than a 406.
pub fn negotiate(headers: &HeaderMap) -> Encoding {
    let (mut brotli, mut gzip, mut identity, mut rest) = (None, None, None, None);
    for value in headers.get_all(header::ACCEPT_ENCODING) {
        for part in value.to_str().unwrap_or_default().split(',') {
            let mut parameters = part.split(';').map(str::trim);
            let coding = parameters.next().unwrap_or_default();
            let weight = parameters.find_map(weight).unwrap_or(1.0);
            if coding.eq_ignore_ascii_case("br") {
                brotli = Some(weight);
            } else if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") {
                gzip = Some(weight);
            } else if coding.eq_ignore_ascii_case("identity") {
                identity = Some(weight);
            } else if coding == "*" {
                rest = Some(weight);
            }
        }
    }
    let best = [
        (Encoding::Brotli, brotli.or(rest)),
        (Encoding::Gzip, gzip.or(rest)),
        (Encoding::Identity, identity),
    ]
    .into_iter()
    .filter_map(|(encoding, weight)| Some((encoding, weight?)))
    .filter(|(_, weight)| *weight > 0.0)
    // The first of equals stays.
    .reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map_or(Encoding::Identity, |(encoding, _)| encoding)
}

/// The number of `q=0.5`; an unreadable one counts as a refusal.
fn weight(parameter: &str) -> Option<f32> {
    let (key, value) = parameter.split_once('=')?;
    key.trim()
        .eq_ignore_ascii_case("q")
        .then(|| value.trim().parse().unwrap_or(0.0))
}

/// Answers `GET /assets/{name}`: the file in the best encoding, to be kept for good.
pub async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match find(&name) {
        Some(asset) => respond(asset, &headers, IMMUTABLE),
        None => {
            let reason = if is_built() {
                "no such file in this build"
            } else {
                MISSING
            };
            // Another build has other names; a shared cache must not remember that this one lacked it.
            (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")], reason).into_response()
        }
    }
}

/// The answer with one file, or 304 where the client has it.
pub fn respond(asset: &Asset, request: &HeaderMap, cache_control: HeaderValue) -> Response {
    let encoding = negotiate(request);
    let unchanged = has(request, asset.etag);
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(Body::from(asset.bytes(encoding)))
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, cache_control);
    headers.insert(header::ETAG, HeaderValue::from_static(asset.etag));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if !unchanged {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(value) = encoding.header() {
            headers.insert(header::CONTENT_ENCODING, value);
        }
    }
    response
}

/// Whether `If-None-Match` lists the tag. Tags hold no commas, and the comparison is weak.
fn has(request: &HeaderMap, etag: &str) -> bool {
    let opaque = etag.trim_start_matches("W/");
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.trim_start_matches("W/") == opaque)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(values: &[&'static str]) -> HeaderMap {
        values
            .iter()
            .map(|value| (header::ACCEPT_ENCODING, HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn negotiation_follows_weights_then_size() {
        use Encoding::{Brotli, Gzip, Identity};
        for (accepted, encoding) in [
            ("gzip, deflate, br, zstd", Brotli),
            ("gzip, deflate", Gzip),
            ("GZIP", Gzip),
            ("x-gzip", Gzip),
            ("", Identity),
            ("zstd", Identity),
            ("*", Brotli),
            ("br;q=0, *", Gzip),
            ("br;q=0.5, gzip;q=0.8", Gzip),
            ("br ; Q = 0.8 , gzip;q=0.8", Brotli),
            ("identity;q=0.9, br;q=0.1", Identity),
            ("identity, gzip", Gzip),
            ("gzip;q=0", Identity),
            ("gzip;q=oops", Identity),
            ("identity;q=0, *;q=0", Identity),
        ] {
            assert_eq!(negotiate(&accepting(&[accepted])), encoding, "{accepted:?}");
        }
        assert_eq!(negotiate(&accepting(&[])), Identity);
        assert_eq!(negotiate(&accepting(&["gzip", "br"])), Brotli);
    }

    static ASSET: Asset = Asset {
        logical: "a.js",
        name: "a.0123456789ab.js",
        content_type: "text/javascript; charset=utf-8",
        etag: "W/\"0123456789ab\"",
        identity: b"identity",
        brotli: b"brotli",
        gzip: b"gzip",
    };

    #[test]
    fn an_answer_names_its_encoding_and_is_kept_for_good() {
        let response = respond(&ASSET, &accepting(&["br"]), IMMUTABLE);
        assert_eq!(response.status(), StatusCode::OK);
        let headers = response.headers();
        assert_eq!(headers[header::CONTENT_ENCODING], "br");
        assert_eq!(headers[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
        assert_eq!(headers[header::VARY], "accept-encoding");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");

        let plain = respond(&ASSET, &HeaderMap::new(), IMMUTABLE);
        assert!(!plain.headers().contains_key(header::CONTENT_ENCODING));
    }

    #[test]
    fn a_known_file_is_not_sent_again() {
        for (known, status) in [
            ("W/\"0123456789ab\"", StatusCode::NOT_MODIFIED),
            ("\"x\", \"0123456789ab\"", StatusCode::NOT_MODIFIED),
            ("*", StatusCode::NOT_MODIFIED),
            ("\"x\"", StatusCode::OK),
        ] {
            let request = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(known))]);
            assert_eq!(respond(&ASSET, &request, REVALIDATE).status(), status, "{known}");
        }
    }

    #[tokio::test]
    async fn an_unknown_name_is_not_remembered() {
        let response = serve(Path("app.js".into()), HeaderMap::new()).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    }
}

//! The headers that everything carries. They are constant, so that one compressed body serves everyone.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::config::origin::Origin;

macro_rules! page_policy {
    ($more:literal) => {
        concat!(
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; ",
            "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; ",
            $more
        )
    };
}

/// The policy of pages: files of this origin only, no inline code, no frames.
pub(super) const PAGE_POLICY: HeaderValue = HeaderValue::from_static(page_policy!("frame-ancestors 'none'"));

/// The policy of a page that shows panels in frames of its own.
pub(super) const BUILDER_POLICY: HeaderValue =
    HeaderValue::from_static(page_policy!("frame-src 'self'; frame-ancestors 'none'"));

/// The policy of a panel in a frame: what Keiki's own pages may, and these origins, may frame it. An origin holds nothing
/// that ends a directive.
pub(super) fn embed_policy(origins: &[Origin]) -> HeaderValue {
    let mut policy = page_policy!("frame-ancestors 'self'").to_owned();
    for origin in origins {
        policy.push(' ');
        policy.push_str(&origin.to_string());
    }
    HeaderValue::from_str(&policy).unwrap_or(PAGE_POLICY)
}

/// The policy of everything that is no page: it may load nothing.
pub(super) const DATA_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");

/// For what changes every second.
pub(super) const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// For what must not be kept at all, such as errors.
pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Whether the answer came from the cache: `HIT` or `MISS`.
pub(super) const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// What other sites may do with a body.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

const CONSTANT: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

/// Adds what every response carries and keeps what the response already says. A response without a policy of its own
/// is no page.
pub(super) fn secure(headers: &mut HeaderMap) {
    for (name, value) in CONSTANT {
        headers.entry(name).or_insert(value);
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(DATA_POLICY);
    headers
        .entry(RESOURCE_POLICY)
        .or_insert(HeaderValue::from_static("same-origin"));
}

/// Lets other sites show the body as an image, run it as a script or frame it. They can't read it: there are no CORS headers.
pub(super) fn embeddable(headers: &mut HeaderMap) {
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
}

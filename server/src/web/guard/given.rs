//! What a request gives to be let in: a cookie, a header, a token in its address.

use axum::http::{HeaderMap, Method, header};

use super::COOKIE;
use crate::access::token::PREFIX;

/// The values of cookies that may be logins.
pub(super) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok());
    let pairs = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

/// The token of a header.
pub(super) fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    // One of another kind is meant for somebody else, such as the proxy.
    let own = scheme.eq_ignore_ascii_case("bearer") && token.trim().starts_with(PREFIX);
    own.then(|| token.trim().to_owned())
}

/// The token of an address. Only of what reads: an address is easily passed on.
pub(super) fn in_query(method: &Method, query: &str) -> Option<String> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let mut tokens = query.split('&').filter_map(|pair| pair.strip_prefix("token="));
    tokens
        .next()
        .filter(|token| token.starts_with(PREFIX))
        .map(str::to_owned)
        .or_else(|| {
            let given = query.split('&').any(|pair| pair.starts_with("token="));
            // Of another form: an unknown one, not none.
            given.then(String::new)
        })
}

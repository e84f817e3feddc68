//! The stream: the endpoint on the server, the client in the browser.
//!
//! The client is a loop: connect, read events, fold them into the state, paint; when the stream breaks, wait and begin
//! again from where the state is. The page's script reads the wire, for all tabs and frames that share a connection;
//! [`session`] decides what an event means, [`backoff`] how long to wait; these know no browser and are tested without one.

pub mod announce;
pub mod backoff;
#[cfg(feature = "hydrate")]
pub mod client;
#[cfg(feature = "hydrate")]
pub mod connection;
pub mod endpoint;
pub mod session;
#[cfg(feature = "hydrate")]
pub mod wake;

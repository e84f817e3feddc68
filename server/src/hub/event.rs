//! Events on the wire: server-sent events (WHATWG HTML, 9.2) of one JSON line each.

use bytes::Bytes;
use keiki_model::frame::{Delta, Snapshot};
use serde::Serialize;

/// The comment line that keeps an idle stream open.
pub const HEARTBEAT: &[u8] = b":\n\n";

/// The id of an event: the server's run and the hub's tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventId<'a> {
    /// The run; holds no `-`.
    pub boot: &'a str,
    /// The tick.
    pub tick: u64,
}

impl<'a> EventId<'a> {
    /// Reads `<boot>-<tick>`; anything else is no id, and a stream without one starts with snapshots.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (boot, tick) = text.split_once('-')?;
        Some(Self {
            boot,
            tick: tick.parse().ok()?,
        })
    }
}

/// A snapshot as an event.
pub fn snapshot(snapshot: &Snapshot) -> Bytes {
    encode("snapshot", &snapshot.boot, snapshot.seq, snapshot)
}

/// A delta as an event.
pub fn delta(delta: &Delta) -> Bytes {
    encode("delta", &delta.boot, delta.seq, delta)
}

/// What is told to a client that is about to be left: why, and after how many milliseconds to come back.
#[derive(Serialize)]
pub struct Farewell {
    /// `shutting_down`, or `view_closed`.
    pub error: &'static str,
    /// When to come back.
    pub retry_ms: u32,
}

/// A farewell as an event. It carries no id: the client resumes from the last one it has.
pub fn farewell(farewell: &Farewell) -> Bytes {
    let json = serde_json::to_string(farewell).unwrap_or_default();
    Bytes::from(format!("event: error\ndata: {json}\n\n"))
}

fn encode(event: &str, boot: &str, tick: u64, data: &impl Serialize) -> Bytes {
    // A frame holds strings, numbers and maps with string keys, and no number but finite ones: it always serialises.
    let json = serde_json::to_string(data).expect("a frame is plain data");
    // JSON escapes line breaks, so the data are one line.
    Bytes::from(format!("event: {event}\nid: {boot}-{tick}\ndata: {json}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        assert_eq!(
            EventId::parse("18f3a-42"),
            Some(EventId {
                boot: "18f3a",
                tick: 42
            })
        );
        for bad in ["", "18f3a", "18f3a-", "18f3a-x", "-", "a-1-2"] {
            assert!(EventId::parse(bad).is_none(), "{bad}");
        }
    }
}

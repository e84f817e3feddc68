//! What is answered.

use serde_json::{Map, Value, json};

use super::Encoding;
use crate::wire::Writer;

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the type says it")]
pub enum Signal {
    Metrics,
    Traces,
}

/// What of a request was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartialSuccess<'a> {
    /// Data points or spans.
    pub rejected: u64,
    /// Why, in English. With nothing rejected, a warning.
    pub message: &'a str,
}

/// The body of an answer of status 200: an `ExportMetricsServiceResponse` or an `ExportTraceServiceResponse`.
///
/// The protocol wants a partial success only where something was rejected or there is something to warn of.
pub fn success(encoding: Encoding, signal: Signal, partial: Option<PartialSuccess<'_>>) -> Vec<u8> {
    match encoding {
        Encoding::Protobuf => {
            let mut body = Vec::new();
            if let Some(PartialSuccess { rejected, message }) = partial {
                let mut inner = Vec::new();
                if rejected > 0 {
                    Writer(&mut inner).varint(1, rejected);
                }
                if !message.is_empty() {
                    Writer(&mut inner).bytes(2, message.as_bytes());
                }
                Writer(&mut body).bytes(1, &inner);
            }
            body
        }
        Encoding::Json => {
            let mut body = Map::new();
            if let Some(PartialSuccess { rejected, message }) = partial {
                let name = match signal {
                    Signal::Metrics => "rejectedDataPoints",
                    Signal::Traces => "rejectedSpans",
                };
                // Numbers of 64 bits are texts in this JSON: JavaScript's numbers have 53.
                let inner = json!({ name: rejected.to_string(), "errorMessage": message });
                body.insert("partialSuccess".into(), inner);
            }
            Value::Object(body).to_string().into_bytes()
        }
    }
}

/// The body of an answer of status 4xx or 5xx: a `google.rpc.Status`. Of its codes, 3 is an invalid argument, 8 an
/// exhausted resource and 14 what may be sent again.
pub fn failure(encoding: Encoding, code: u32, message: &str) -> Vec<u8> {
    match encoding {
        Encoding::Protobuf => {
            let mut body = Vec::new();
            let mut writer = Writer(&mut body);
            if code != 0 {
                writer.varint(1, code.into());
            }
            if !message.is_empty() {
                writer.bytes(2, message.as_bytes());
            }
            body
        }
        Encoding::Json => json!({ "code": code, "message": message }).to_string().into_bytes(),
    }
}

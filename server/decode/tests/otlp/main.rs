//! What another implementation writes is handed over as it was meant: in protocol buffers with fields in any order, and
//! in JSON.

mod answers;
mod expected;
mod faults;
mod json;
mod labels;
mod log;
mod make;
mod order;

use keiki_decode::otlp::{Decoder, Encoding};
use proptest::prelude::*;
use prost::Message;

use log::Log;
use make::Make;

fn metrics(encoding: Encoding, body: &[u8]) -> Counted {
    let mut log = Log::default();
    let decoded = Decoder::default().metrics(encoding, body, &mut log);
    let decoded = decoded.expect("a request");
    (log.lines, decoded.accepted, decoded.rejected)
}

fn traces(encoding: Encoding, body: &[u8]) -> Counted {
    let mut log = Log::default();
    let decoded = Decoder::default().traces(encoding, body, &mut log);
    let decoded = decoded.expect("a request");
    (log.lines, decoded.accepted, decoded.rejected)
}

/// The lines, and how many of them are records and how many are rejected ones.
fn counted(lines: Vec<String>) -> Counted {
    let of = |word: &str| lines.iter().filter(|line| line.starts_with(word)).count() as u64;
    let (accepted, rejected) = (of("point") + of("span"), of("rejected"));
    (lines, accepted, rejected)
}

type Counted = (Vec<String>, u64, u64);

/// Shows the first line that differs: all of them are a screen.
fn same(ours: &Counted, theirs: &Counted) -> Result<(), TestCaseError> {
    for (place, (ours, theirs)) in ours.0.iter().zip(&theirs.0).enumerate() {
        prop_assert_eq!(ours, theirs, "line {}", place);
    }
    prop_assert_eq!((ours.0.len(), ours.1, ours.2), (theirs.0.len(), theirs.1, theirs.2));
    Ok(())
}

proptest! {
    #[test]
    fn metrics_of_others_are_read(seed in any::<u64>()) {
        let request = Make::new(seed, true).metrics();
        let expected = counted(expected::metrics(&request));
        let body = request.encode_to_vec();
        same(&metrics(Encoding::Protobuf, &body), &expected)?;
        let reversed = order::reversed(&body, &order::METRICS);
        same(&metrics(Encoding::Protobuf, &reversed), &expected)?;
        let mixed = order::mixed(&body, &order::METRICS);
        same(&metrics(Encoding::Protobuf, &mixed), &expected)?;
    }

    #[test]
    fn metrics_of_others_are_read_from_json(seed in any::<u64>()) {
        let request = Make::new(seed, false).metrics();
        let expected = counted(expected::metrics(&request));
        let body = serde_json::to_vec(&request).expect("it is written");
        same(&metrics(Encoding::Json, &body), &expected)?;
        // Keys in another order: those of this map are sorted.
        let sorted: serde_json::Value = serde_json::from_slice(&body).expect("it is JSON");
        same(&metrics(Encoding::Json, sorted.to_string().as_bytes()), &expected)?;
    }

    #[test]
    fn spans_of_others_are_read(seed in any::<u64>()) {
        let request = Make::new(seed, true).traces();
        let expected = counted(expected::traces(&request));
        let body = request.encode_to_vec();
        same(&traces(Encoding::Protobuf, &body), &expected)?;
        let reversed = order::reversed(&body, &order::TRACES);
        same(&traces(Encoding::Protobuf, &reversed), &expected)?;
        let mixed = order::mixed(&body, &order::TRACES);
        same(&traces(Encoding::Protobuf, &mixed), &expected)?;
    }

    #[test]
    fn spans_of_others_are_read_from_json(seed in any::<u64>()) {
        let request = Make::new(seed, false).traces();
        let expected = counted(expected::traces(&request));
        let body = serde_json::to_vec(&request).expect("it is written");
        same(&traces(Encoding::Json, &body), &expected)?;
    }

    #[test]
    fn a_request_that_was_cut_is_refused_by_both_or_neither(seed in any::<u64>(), keep in 0.0..1.0_f64) {
        let body = Make::new(seed, true).metrics().encode_to_vec();
        let cut = &body[..(body.len() as f64 * keep) as usize];
        let theirs = opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest::decode(cut);
        let ours = Decoder::default().metrics(Encoding::Protobuf, cut, &mut Log::default());
        prop_assert_eq!(ours.is_ok(), theirs.is_ok());
    }
}

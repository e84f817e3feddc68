//! What another implementation writes is handed over as it was meant, and what is wrong is refused with its place.

mod histograms;
mod messages;

use std::collections::HashMap;

use keiki_decode::remote_write::{
    BucketFault, Decoded, Decoder, Error, LabelFault, Labels, MetricType, NativeHistogram, STALE, Visitor, decode,
    is_stale,
};
use proptest::prelude::*;
use prost::Message;

use messages::{Label, Metadata, Sample, TimeSeries, WriteRequest};

const LIMIT: usize = 1 << 20;

/// Writes down what it is handed.
#[derive(Debug, Default, PartialEq)]
struct Log {
    keys: HashMap<Vec<u8>, usize>,
    /// The labels of each key.
    declared: Vec<Vec<(String, String)>>,
    /// Whether each key was declared as a native histogram's.
    natives: Vec<bool>,
    /// Key, bits and time.
    values: Vec<(usize, u64, i64)>,
    /// As text, or the fault, and time.
    histograms: Vec<(Result<String, BucketFault>, i64)>,
    metadata: Vec<(String, MetricType, String, String)>,
}

impl Visitor for Log {
    type Key = usize;

    fn known(&mut self, raw: &[u8]) -> Option<usize> {
        self.keys.get(raw).copied()
    }

    fn declare(&mut self, labels: Labels<'_>, raw: &[u8], is_native: bool) -> usize {
        self.natives.push(is_native);
        self.keys.insert(raw.to_vec(), self.declared.len());
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.declared.push(labels.collect());
        self.declared.len() - 1
    }

    fn value(&mut self, key: usize, value: f64, time_ms: i64) {
        self.values.push((key, value.to_bits(), time_ms));
    }

    fn histogram(&mut self, _key: usize, histogram: &NativeHistogram<'_>, time_ms: i64) {
        self.histograms.push((Ok(histograms::shown(histogram)), time_ms));
    }

    fn rejected(&mut self, _key: usize, fault: BucketFault, time_ms: i64) {
        self.histograms.push((Err(fault), time_ms));
    }

    fn metadata(&mut self, family: &str, kind: MetricType, unit: &str, help: &str) {
        self.metadata.push((family.into(), kind, unit.into(), help.into()));
    }
}

fn packed(message: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(message).expect("it is packed")
}

fn read(message: &[u8]) -> Result<(Log, Decoded), Error> {
    let mut log = Log::default();
    let decoded = decode(&packed(message), LIMIT, &mut log)?;
    Ok((log, decoded))
}

fn label(name: &str, value: &str) -> Label {
    Label {
        name: name.into(),
        value: value.into(),
    }
}

fn series(labels: &[(&str, &str)], samples: &[(f64, i64)]) -> TimeSeries {
    TimeSeries {
        labels: labels.iter().map(|(name, value)| label(name, value)).collect(),
        samples: samples
            .iter()
            .map(|(value, timestamp)| Sample {
                value: *value,
                timestamp: *timestamp,
            })
            .collect(),
        ..TimeSeries::default()
    }
}

fn request(timeseries: Vec<TimeSeries>) -> Vec<u8> {
    let metadata = Vec::new();
    WriteRequest { timeseries, metadata }.encode_to_vec()
}

#[test]
fn the_second_time_a_series_is_known_by_its_bytes() {
    let stale = f64::from_bits(STALE);
    let message = request(vec![
        series(&[("__name__", "up"), ("job", "a")], &[(1.0, 5), (stale, 6)]),
        series(&[("__name__", "up"), ("job", "b")], &[(f64::NAN, -7)]),
        series(&[("__name__", "up"), ("job", "a")], &[(2.0, 8)]),
    ]);
    let (log, decoded) = read(&message).expect("a request");
    assert_eq!(log.declared.len(), 2);
    assert_eq!(
        log.declared[1],
        [("__name__".into(), "up".into()), ("job".into(), "b".into())]
    );
    let nan = f64::NAN.to_bits();
    assert_eq!(
        log.values,
        [
            (0, 1.0_f64.to_bits(), 5),
            (0, STALE, 6),
            (1, nan, -7),
            (0, 2.0_f64.to_bits(), 8)
        ]
    );
    assert!(is_stale(stale) && !is_stale(f64::NAN));
    assert_eq!((decoded.series, decoded.samples, decoded.bytes), (3, 4, message.len()));
}

#[test]
fn labels_may_stand_anywhere() {
    let [first, second] = ["__name__", "job"].map(|name| TimeSeries {
        labels: vec![label(name, "x")],
        ..TimeSeries::default()
    });
    let sample = series(&[], &[(1.5, 9)]);
    let orders = [
        [&sample, &first, &second],
        [&first, &sample, &second],
        [&first, &second, &sample],
    ];
    let mut logs = orders.map(|order| {
        let inner: Vec<u8> = order.iter().flat_map(|part| part.encode_to_vec()).collect();
        let mut message = vec![0x0a];
        prost::encoding::encode_varint(inner.len() as u64, &mut message);
        message.extend(inner);
        read(&message).expect("a request").0
    });
    let last = logs[2].declared.clone();
    assert_eq!(last[0].len(), 2);
    // Also the bytes that it is known by are the same.
    logs.iter_mut().for_each(|log| log.declared.clone_from(&last));
    assert!(logs[0] == logs[2] && logs[1] == logs[2]);
}

#[track_caller]
fn refused(labels: &[(&str, &str)], fault: LabelFault, shown: &str) {
    let message = request(vec![series(&[("__name__", "up")], &[(1.0, 1)]), series(labels, &[])]);
    let error = read(&message).expect_err("bad labels");
    assert_eq!(error.to_string(), format!("series 1 (byte 31), {shown}: {fault}"));
    assert!(matches!(error, Error::Labels { index: 1, offset: 31, fault: found, .. } if found == fault));
}

#[test]
fn bad_labels_refuse_the_request_and_are_named() {
    refused(&[], LabelFault::Missing, "{}");
    refused(&[("", "x")], LabelFault::Unnamed, r#"{="x"}"#);
    refused(&[("b", "x"), ("a", "y")], LabelFault::Order, r#"{b="x", a="y"}"#);
    refused(&[("a", "x"), ("a", "y")], LabelFault::Repeated, r#"{a="x", a="y"}"#);
    let long = "x".repeat(900);
    refused(&[("b", "x"), ("a", &long)], LabelFault::Order, r#"{b="x"…}"#);
    let mut bad = series(&[("__name__", "up")], &[]);
    bad.labels[0].value = vec![b'a', 0xff];
    let error = read(&request(vec![bad])).expect_err("no text");
    assert_eq!(
        error.to_string(),
        "series 0 (byte 0), {__name__=\"a\u{fffd}\"}: a label is not UTF-8"
    );
}

#[test]
fn a_label_without_a_value_is_none() {
    let message = request(vec![series(&[("__name__", "up"), ("a", ""), ("b", "x")], &[])]);
    let (log, _) = read(&message).expect("a request");
    assert_eq!(
        log.declared,
        [[("__name__".into(), "up".into()), ("b".into(), "x".into())]]
    );
}

#[test]
fn metadata_is_handed_over_and_exemplars_are_counted() {
    let mut timeseries = series(&[("__name__", "up")], &[]);
    timeseries.exemplars = vec![Sample::default(); 2];
    let metadata = [0, 1, 2, 3, 4, 5, 6, 7, 8].map(|kind| Metadata {
        kind,
        family: "up".into(),
        help: "Hilfe".into(),
        unit: "s".into(),
    });
    let message = WriteRequest {
        timeseries: vec![timeseries],
        metadata: metadata.into(),
    };
    let (log, decoded) = read(&message.encode_to_vec()).expect("a request");
    assert_eq!((decoded.exemplars, decoded.metadata), (2, 9));
    let kinds: Vec<_> = log.metadata.iter().map(|(_, kind, ..)| *kind).collect();
    use MetricType::{Counter, Gauge, GaugeHistogram, Histogram, Info, StateSet, Summary, Unknown};
    let all = [
        Unknown,
        Counter,
        Gauge,
        Histogram,
        GaugeHistogram,
        Summary,
        Info,
        StateSet,
        Unknown,
    ];
    assert_eq!(kinds, all);
    assert_eq!(log.metadata[1], ("up".into(), Counter, "s".into(), "Hilfe".into()));
}

#[test]
fn what_is_too_large_is_refused_before_anything_is_unpacked() {
    let body = packed(&vec![0; 100_000]);
    let refused = |body: &[u8], limit| decode(body, limit, &mut Log::default()).expect_err("no request");
    assert!(matches!(
        refused(&body, 99_999),
        Error::TooLarge {
            unpacked: 100_000,
            limit: 99_999
        }
    ));
    // It is zeros, which are no fields; but it is unpacked.
    assert!(matches!(refused(&body, 100_000), Error::Wire(_)));
    // A header of 64 MiB and nothing else.
    let lie = [0x80, 0x80, 0x80, 0x20, 0x00];
    assert!(matches!(
        refused(&lie, 1 << 30),
        Error::Implausible {
            compressed: 5,
            unpacked: 0x0400_0000
        }
    ));
    assert!(matches!(refused(b"", 10), Error::Snappy(_)));
    assert!(matches!(refused(b"\x05hello", 10), Error::Snappy(_)));
    assert_eq!(
        refused(&packed(&[0x0a, 0x02, 0x0a, 0x05]), LIMIT).to_string(),
        "the request is malformed: byte 2: field 1 of TimeSeries: the message ends within it"
    );
    assert_eq!(
        refused(&packed(&[0x0a, 0x02, 0x08, 0x05]), LIMIT).to_string(),
        "the request is malformed: byte 2: field 1 of TimeSeries: it is of another wire type"
    );
}

#[test]
fn the_densest_block_is_plausible() {
    // One literal and then copies, 64 bytes by three.
    let message = vec![7; 1 << 20];
    let body = packed(&message);
    assert!(message.len() / body.len() > 20);
    assert!(matches!(decode(&body, LIMIT, &mut Log::default()), Err(Error::Wire(_))));
}

#[test]
fn one_decoder_reads_many_requests() {
    let mut decoder = Decoder::default();
    for count in [3, 1_000, 1, 40_000, 2] {
        let all: Vec<_> = (0..count).map(|time| (time as f64, time)).collect();
        let body = packed(&request(vec![series(&[("__name__", "up")], &all)]));
        let mut log = Log::default();
        let decoded = decoder.decode(&body, LIMIT, &mut log).expect("a request");
        assert_eq!((decoded.samples, log.values.len()), (count as u64, count as usize));
    }
}

proptest! {
    #[test]
    fn requests_of_others_are_read(
        all in prop::collection::vec(
            (
                prop::collection::btree_map("[a-zA-Z_ü]{1,9}", ".{1,200}", 1..9),
                prop::collection::vec((any::<f64>(), any::<i64>()), 0..5),
            ),
            0..20,
        ),
    ) {
        let timeseries = all.iter().map(|(labels, samples)| {
            let labels: Vec<_> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            series(&labels, samples)
        });
        let (log, decoded) = read(&request(timeseries.collect())).expect("a request");
        prop_assert_eq!(decoded.series, all.len() as u64);
        let mut values = log.values.iter();
        for (labels, samples) in &all {
            for (value, time_ms) in samples {
                let (key, bits, at) = values.next().expect("a sample");
                prop_assert_eq!((*bits, *at), ((value + 0.0).to_bits(), *time_ms));
                let labels: Vec<_> = labels.clone().into_iter().collect();
                prop_assert_eq!(&log.declared[*key], &labels);
            }
        }
        prop_assert!(values.next().is_none());
    }

    #[test]
    fn garbage_is_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes);
        let _ = decode(&bytes, LIMIT, &mut Log::default());
    }
}

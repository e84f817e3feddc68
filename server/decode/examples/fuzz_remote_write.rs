//! Remote write with whatever the network may bring: no panic, and no more memory than the limit allows.
//!
//! `cargo run --release -p keiki-decode --example fuzz_remote_write -- <seed> <seconds>`

#[path = "fuzz/binary.rs"]
mod fuzz;

use keiki_decode::remote_write::{BucketFault, Decoder, Labels, MetricType, NativeHistogram, Visitor};

/// What a request may unpack to, bytes.
const LIMIT: usize = 1 << 20;

/// What one histogram's parts may take, bytes.
const SCRATCH: usize = 4 << 20;

/// Looks at all it is handed.
#[derive(Default)]
struct Look {
    known: std::collections::HashSet<Vec<u8>>,
    series: u64,
    histograms: u64,
}

impl Visitor for Look {
    type Key = ();

    fn known(&mut self, raw: &[u8]) -> Option<()> {
        self.known.contains(raw).then_some(())
    }

    fn declare(&mut self, labels: Labels<'_>, raw: &[u8], _is_native: bool) {
        let mut before = "";
        for (name, value) in labels {
            assert!(name > before && !value.is_empty());
            before = name;
        }
        self.series += 1;
        if self.known.len() < 1_000 {
            self.known.insert(raw.to_vec());
        }
    }

    fn value(&mut self, (): (), value: f64, time_ms: i64) {
        std::hint::black_box((value, time_ms));
    }

    fn histogram(&mut self, (): (), histogram: &NativeHistogram<'_>, _time_ms: i64) {
        for buckets in [histogram.positive, histogram.negative] {
            let spans = buckets.spans.iter().map(|span| span.length as usize).sum::<usize>();
            assert_eq!(buckets.iter().count(), spans);
            let indices: Vec<_> = buckets.iter().map(|(index, _)| index).collect();
            assert!(indices.is_sorted_by(|low, high| low < high));
            assert!(buckets.iter().all(|(_, count)| count.as_f64() >= 0.0));
        }
        self.histograms += 1;
    }

    fn rejected(&mut self, (): (), fault: BucketFault, _time_ms: i64) {
        std::hint::black_box(fault);
    }

    fn metadata(&mut self, family: &str, kind: MetricType, unit: &str, help: &str) {
        std::hint::black_box((family, kind, unit, help));
    }
}

/// A field whose value is bytes or a message.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2, value.len() as u8];
    assert!(number < 16 && value.len() < 128, "one byte each");
    out.extend_from_slice(value);
    out
}

fn label(name: &str, value: &str) -> Vec<u8> {
    field(1, &[field(1, name.as_bytes()), field(2, value.as_bytes())].concat())
}

fn seeds() -> Vec<Vec<u8>> {
    let sample = field(2, &[&[0x09][..], &1.5_f64.to_le_bytes(), &[0x10, 0xe8, 0x07]].concat());
    let plain = [
        label("__name__", "up"),
        label("job", "a"),
        sample.clone(),
        sample.clone(),
    ]
    .concat();
    let spans = field(11, &[8, 2, 16, 2]);
    let deltas = field(12, &[2, 1]);
    let integer = [&[8, 3, 32, 6, 48, 1][..], &spans, &deltas, &[112, 2, 120, 9]].concat();
    let counts = field(13, &[1.0_f64.to_le_bytes(), 2.0_f64.to_le_bytes()].concat());
    let float = [&[0x11][..], &3.0_f64.to_le_bytes(), &spans, &counts].concat();
    // Field 16, whose tag is two bytes, with the bounds of schema −53.
    let bounds = [&[0x82, 0x01, 8][..], &1.0_f64.to_le_bytes()].concat();
    let custom = [&[8, 3, 32, 105][..], &field(11, &[8, 0, 16, 2]), &deltas, &bounds].concat();
    let histograms = [integer, float, custom].map(|histogram| {
        let series = [label("__name__", "h"), field(4, &histogram)].concat();
        field(1, &series)
    });
    let metadata = field(
        3,
        &[&[8, 1][..], &field(2, b"up"), &field(4, b"help"), &field(5, b"s")].concat(),
    );
    let mut seeds = vec![field(1, &plain), [field(1, &plain), metadata].concat()];
    seeds.extend(histograms);
    seeds
}

/// A visitor that takes all and keeps nothing.
struct Nothing;

impl Visitor for Nothing {
    type Key = ();

    fn known(&mut self, _raw: &[u8]) -> Option<()> {
        Some(())
    }

    fn declare(&mut self, _labels: Labels<'_>, _raw: &[u8], _is_native: bool) {}
    fn value(&mut self, (): (), _value: f64, _time_ms: i64) {}
    fn histogram(&mut self, (): (), _histogram: &NativeHistogram<'_>, _time_ms: i64) {}
    fn rejected(&mut self, (): (), _fault: BucketFault, _time_ms: i64) {}
    fn metadata(&mut self, _family: &str, _kind: MetricType, _unit: &str, _help: &str) {}
}

/// The second time, the same requests take no memory at all.
fn steady() {
    let mut decoder = Decoder::default();
    let mut pack = snap::raw::Encoder::new();
    let bodies: Vec<_> = seeds()
        .iter()
        .map(|seed| pack.compress_vec(seed).expect("it is packed"))
        .collect();
    let mut all = || {
        for body in &bodies {
            decoder.decode(body, LIMIT, &mut Nothing).expect("a request");
        }
    };
    all();
    assert_eq!(fuzz::memory(all), 0);
}

fn main() {
    let dictionary: &[&[u8]] = &[
        &[0x0a, 0x00],
        &[0xff; 10],
        &[0x80; 9],
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0x0b, 0x0c],
        &[0x22, 0x02, 0x5a, 0x00],
        &[0x62, 0x04, 0xff, 0xff, 0xff, 0x7f],
        &[0x02, 0, 0, 0, 0, 0, 0xf0, 0x7f],
    ];
    let (mut accepted, mut refused) = (0_u64, 0_u64);
    let mut look = Look::default();
    steady();
    fuzz::run(seeds(), dictionary, |input| {
        let packed = snap::raw::Encoder::new().compress_vec(input).expect("it is packed");
        let mut damaged = packed.clone();
        let place = input.iter().map(|byte| usize::from(*byte)).sum::<usize>() % damaged.len();
        damaged[place] ^= 1 << (input.len() % 8);
        let before = accepted;
        for body in [&packed, &damaged, input] {
            let memory = fuzz::memory(|| match Decoder::default().decode(body, LIMIT, &mut look) {
                Ok(_) => accepted += 1,
                Err(error) => {
                    refused += 1;
                    assert!(!error.to_string().is_empty());
                }
            });
            assert!(
                memory < LIMIT + SCRATCH + 8 * input.len(),
                "{memory} bytes for {body:?}"
            );
        }
        accepted > before
    });
    println!(
        "{accepted} accepted, {refused} refused, {} series, {} histograms",
        look.series, look.histograms
    );
}

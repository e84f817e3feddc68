//! Random pages, written and read back.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

type Labels = Vec<(String, String)>;

const ALL: [Type; 8] = [
    Type::Unknown,
    Type::Counter,
    Type::Gauge,
    Type::Histogram,
    Type::GaugeHistogram,
    Type::Summary,
    Type::StateSet,
    Type::Info,
];

/// A metric: its labels, some numbers to make values of, and a time in milliseconds.
type Metric = (Labels, Vec<u32>, Option<i64>);

/// A family by its type and metrics; its name comes from its place on the page.
type Written = (Type, Vec<Metric>);

/// What is expected of a sample: name, type, part, labels, bound, bits of the value, time.
type Expected = (String, Type, Part, Labels, Option<u64>, u64, Option<i64>);

fn family(types: &'static [Type]) -> impl Strategy<Value = Written> {
    let labels = vec("[^\u{0}]{0,8}", 0..4).prop_map(|values| {
        let named = values.into_iter().enumerate();
        named
            .map(|(n, value)| (format!("l{n}"), value))
            .filter(|(_, value)| !value.is_empty())
            .collect()
    });
    let metric = (
        labels,
        vec(any::<u32>(), 1..6),
        option::of(-1_000_000_000_000..2_000_000_000_000_i64),
    );
    (proptest::sample::select(types), vec(metric, 0..5))
}

/// The samples of a page in order, and the page. The labels turn by so many from line to line.
fn written(families: &[Written], syntax: Syntax, blank: &str, turn: usize) -> (Vec<Expected>, String) {
    let (mut expected, mut page) = (Vec::new(), String::new());
    let is_open = syntax == Syntax::OpenMetrics;
    for (number, (kind, metrics)) in families.iter().enumerate() {
        let name = format!("f{number}");
        let word = if *kind == Type::Unknown && !is_open {
            "untyped"
        } else {
            kind.as_str()
        };
        page += &format!("# TYPE {name} {word}\n# HELP {name} \\\\ \"Help\\n\n");
        for (index, (labels, numbers, time)) in metrics.iter().enumerate() {
            // Metrics of a family differ in a label.
            let mut labels = labels.clone();
            labels.insert(index % (labels.len() + 1), ("metric".to_owned(), index.to_string()));
            let mut sample = |suffix: &str, part, extra: Option<(&str, String)>, bound: Option<f64>, value: f64| {
                let mut labels = labels.clone();
                labels.extend(extra.map(|(name, value)| (name.to_owned(), value)));
                let turned = expected.len() * turn % labels.len();
                labels.rotate_left(turned);
                page += &format!("{name}{suffix}{{");
                for (n, (name, value)) in labels.iter().enumerate() {
                    let value = value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
                    let comma = if n == 0 { "" } else { "," };
                    page += &format!("{comma}{blank}{name}{blank}={blank}\"{value}\"");
                }
                page += &format!("{blank}}} {blank}{value}");
                if let Some(time) = time {
                    let sign = if *time < 0 { "-" } else { "" };
                    let size = time.unsigned_abs();
                    page += &match syntax {
                        Syntax::Prometheus => format!(" {time}{blank}"),
                        Syntax::OpenMetrics => format!(" {sign}{}.{:03}", size / 1_000, size % 1_000),
                    };
                }
                page += "\n";
                let name = format!("{name}{suffix}");
                expected.push((
                    name,
                    *kind,
                    part,
                    labels,
                    bound.map(f64::to_bits),
                    value.to_bits(),
                    *time,
                ));
            };
            let first = f64::from(numbers[0]);
            match kind {
                Type::Histogram | Type::GaugeHistogram => {
                    let gauge = if *kind == Type::GaugeHistogram { "g" } else { "" };
                    let mut count = 0.0;
                    for (n, number) in numbers.iter().enumerate() {
                        count += f64::from(*number);
                        let bound = if n + 1 == numbers.len() {
                            f64::INFINITY
                        } else {
                            n as f64 / 8.0
                        };
                        let text = if bound.is_finite() {
                            bound.to_string()
                        } else {
                            "+Inf".to_owned()
                        };
                        sample("_bucket", Part::Bucket, Some(("le", text)), Some(bound), count);
                    }
                    sample(&format!("_{gauge}sum"), Part::Sum, None, None, first / 1e3);
                    sample(&format!("_{gauge}count"), Part::Count, None, None, count);
                }
                Type::Summary => {
                    let last = numbers.len() as f64;
                    for (n, number) in numbers.iter().enumerate() {
                        let quantile = n as f64 / last;
                        let label = Some(("quantile", quantile.to_string()));
                        sample("", Part::Quantile, label, Some(quantile), f64::from(*number) / 7.0);
                    }
                    sample("_count", Part::Count, None, None, first);
                }
                Type::StateSet => {
                    for (n, number) in numbers.iter().enumerate() {
                        let state = Some((name.as_str(), n.to_string()));
                        sample("", Part::Value, state, None, f64::from(number % 2));
                    }
                }
                Type::Info => sample("_info", Part::Value, None, None, 1.0),
                Type::Counter if is_open => sample("_total", Part::Value, None, None, first / 3.0),
                Type::Counter => sample("", Part::Value, None, None, first / 3.0),
                Type::Gauge | Type::Unknown => {
                    let bits = f64::from_bits(u64::from(numbers[0]) << 32 | u64::from(numbers[numbers.len() - 1]));
                    sample("", Part::Value, None, None, if bits.is_nan() { f64::NAN } else { bits });
                }
            }
        }
    }
    if is_open {
        page += "# EOF\n";
    }
    (expected, page)
}

#[derive(Default)]
struct Reader {
    series: Vec<Expected>,
    samples: Vec<Expected>,
}

impl Visitor for Reader {
    type Key = usize;

    fn known(&mut self, _: &[u8], _: Type, _: Part) -> Option<usize> {
        None
    }

    fn declare(&mut self, series: &Declared<'_>) -> usize {
        let labels = series
            .labels
            .clone()
            .map(|(name, value)| (name.to_owned(), value.into_owned()));
        let bound = series.bound.map(f64::to_bits);
        assert!(series.help() == "\\ \"Help\n");
        self.series.push((
            series.name.to_owned(),
            series.kind,
            series.part,
            labels.collect(),
            bound,
            0,
            None,
        ));
        self.series.len() - 1
    }

    fn value(&mut self, key: usize, value: f64, time: Option<i64>) {
        let mut sample = self.series[key].clone();
        (sample.5, sample.6) = (value.to_bits(), time);
        self.samples.push(sample);
    }
}

fn check_written(families: &[Written], syntax: Syntax, blank: &str, turn: usize) {
    let (expected, page) = written(families, syntax, blank, turn);
    let mut reader = Reader::default();
    let parsed = parse(page.as_bytes(), syntax, &mut reader).unwrap_or_else(|error| panic!("{error}\n{page}"));
    assert_eq!(reader.samples, expected);
    assert_eq!((parsed.samples, parsed.families), (expected.len(), families.len()));
    let mut collector = Collector::default();
    for _ in 0..2 {
        collector.samples.clear();
        assert_eq!(parse(page.as_bytes(), syntax, &mut collector), Ok(parsed));
        let values: Vec<_> = collector
            .samples
            .iter()
            .map(|(_, value, time)| (value.to_bits(), *time))
            .collect();
        let expected: Vec<_> = expected.iter().map(|sample| (sample.5, sample.6)).collect();
        assert_eq!(values, expected);
    }
    // However it is cut off, it is noticed.
    for end in (1..page.len().saturating_sub(1))
        .step_by(1 + page.len() / 32)
        .filter(|end| page.is_char_boundary(*end))
    {
        let cut = &page[..end];
        let refused = parse(cut.as_bytes(), syntax, &mut Collector::default()).is_err();
        assert!(refused || syntax == Syntax::Prometheus && cut.ends_with('\n'), "{cut}");
    }
}

proptest! {
    #[test]
    fn the_text_format_is_read_back(
        families in vec(family(&[Type::Unknown, Type::Counter, Type::Gauge, Type::Histogram, Type::Summary]), 0..5),
        blank in "[ \t]{0,2}",
        turn in 0..3_usize,
    ) {
        check_written(&families, Syntax::Prometheus, &blank, turn);
    }

    #[test]
    fn openmetrics_is_read_back(
        families in vec(family(&ALL), 0..5),
        turn in 0..3_usize,
    ) {
        check_written(&families, Syntax::OpenMetrics, "", turn);
    }
}

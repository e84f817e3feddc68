//! The rules of both formats, a page each; pages of a random kind, written and read back.

use std::collections::HashMap;

use super::*;

mod refused;
mod written;

/// Keeps all that it is given, and knows what it was told.
#[derive(Default)]
pub(super) struct Collector {
    keys: HashMap<(Vec<u8>, Type, Part), usize>,
    declared: Vec<String>,
    samples: Vec<(usize, f64, Option<i64>)>,
}

impl Collector {
    fn lines(&self) -> Vec<String> {
        let line = |(key, value, time): &(usize, f64, Option<i64>)| {
            let time = time.map_or(String::new(), |time| format!(" at {time}"));
            format!("{} = {value}{time}", self.declared[*key])
        };
        self.samples.iter().map(line).collect()
    }
}

impl Visitor for Collector {
    type Key = usize;

    fn known(&mut self, raw: &[u8], kind: Type, part: Part) -> Option<usize> {
        self.keys.get(&(raw.to_vec(), kind, part)).copied()
    }

    fn declare(&mut self, declared: &Declared<'_>) -> usize {
        let mut text = format!("{} {:?} of {}", declared.kind, declared.part, declared.family);
        for (name, value) in declared.labels.clone() {
            text += &format!(" {name}={value:?}");
        }
        text += &declared.bound.map_or(String::new(), |bound| format!(" <{bound}>"));
        text += &[" in ", declared.unit].concat()[..if declared.unit.is_empty() {
            0
        } else {
            4 + declared.unit.len()
        }];
        let help = declared.help();
        text += &if help.is_empty() {
            String::new()
        } else {
            format!(" ({help})")
        };
        self.declared.push(text);
        let key = (declared.raw.to_vec(), declared.kind, declared.part);
        assert_eq!(self.keys.insert(key, self.declared.len() - 1), None, "told twice");
        self.declared.len() - 1
    }

    fn value(&mut self, key: usize, value: f64, time: Option<i64>) {
        self.samples.push((key, value, time));
    }
}

/// A page says these samples, also to one who knows its series.
#[track_caller]
fn check(syntax: Syntax, page: &str, expected: &[&str]) {
    let mut collector = Collector::default();
    let first = parse(page.as_bytes(), syntax, &mut collector).unwrap_or_else(|error| panic!("{error}\n{page}"));
    let lines = collector.lines();
    assert_eq!(lines, expected, "{page}");
    assert_eq!(first.samples, lines.len());
    let declared = collector.declared.len();
    collector.samples.clear();
    assert_eq!(parse(page.as_bytes(), syntax, &mut collector), Ok(first));
    assert_eq!((collector.lines(), collector.declared.len()), (lines, declared));
}

#[track_caller]
fn text(page: &str, expected: &[&str]) {
    check(Syntax::Prometheus, page, expected);
}

#[track_caller]
fn open(page: &str, expected: &[&str]) {
    check(Syntax::OpenMetrics, &format!("{page}# EOF\n"), expected);
}

#[test]
fn content_types() {
    for (content_type, syntax) in [
        (
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Syntax::OpenMetrics,
        ),
        ("Application/OpenMetrics-Text", Syntax::OpenMetrics),
        ("text/plain; version=0.0.4; charset=utf-8", Syntax::Prometheus),
        ("text/plain; x=application/openmetrics-text", Syntax::Prometheus),
        ("", Syntax::Prometheus),
    ] {
        assert_eq!(Syntax::of_content_type(content_type), syntax, "{content_type}");
    }
}

#[test]
fn empty_pages() {
    text("", &[]);
    text("\n \t\n# nothing\n", &[]);
    open("", &[]);
    check(Syntax::OpenMetrics, "# EOF", &[]);
}

#[test]
fn the_text_format_by_type() {
    text(
        "# HELP hits_total Hits,\\n\\\\ and \\\" too.\n# TYPE hits_total counter\n\
         hits_total{code=\"200\"} 7 1700000000123\n\
         # TYPE heat gauge\nheat -3.5\n# TYPE odd untyped\nodd 1\nother 2\n",
        &[
            "counter Value of hits_total code=\"200\" (Hits,\n\\ and \\\" too.) = 7 at 1700000000123",
            "gauge Value of heat = -3.5",
            "unknown Value of odd = 1",
            "unknown Value of other = 2",
        ],
    );
    text(
        "# TYPE wait histogram\nwait_bucket{le=\"0.5\"} 1\nwait_bucket{le=\"+Inf\"} 2\nwait_sum 3\nwait_count 2\n\
         wait_max 3\n\
         # TYPE size summary\nsize{quantile=\"0.9\"} NaN\nsize 4\nsize_sum 0\nsize_count 0\n",
        &[
            "histogram Bucket of wait le=\"0.5\" <0.5> = 1",
            "histogram Bucket of wait le=\"+Inf\" <inf> = 2",
            "histogram Sum of wait = 3",
            "histogram Count of wait = 2",
            "unknown Value of wait_max = 3",
            "summary Quantile of size quantile=\"0.9\" <0.9> = NaN",
            "summary Quantile of size = 4",
            "summary Sum of size = 0",
            "summary Count of size = 0",
        ],
    );
}

#[test]
fn the_text_format_has_blanks_comments_and_mixed_families() {
    text(
        " \ta { x = \"1\" , y=\"2\", }\t 5 \t-6 \t\n#\n# words\n#HELP\n# HELP\n# TYPE\n#TYPE b \t counter \n\
         a{x=\"1\"}1\nb 2\na 3\n b{} +Inf\n\
         # TYPE b counter\n# HELP b\n# HELP b again\nb 4\n",
        &[
            "unknown Value of a x=\"1\" y=\"2\" = 5 at -6",
            "unknown Value of a x=\"1\" = 1",
            "counter Value of b = 2",
            "unknown Value of a = 3",
            "counter Value of b = inf",
            "counter Value of b = 4",
        ],
    );
    // Two histograms in turns, and a gauge that is called like one's count.
    text(
        "# TYPE p histogram\n# TYPE q summary\n# TYPE p_count gauge\np_count 1\nq_count 2\np_sum 3\nq 4\n\
         p_bucket{le=\"1\"} 5\n",
        &[
            "gauge Value of p_count = 1",
            "summary Count of q = 2",
            "histogram Sum of p = 3",
            "summary Quantile of q = 4",
            "histogram Bucket of p le=\"1\" <1> = 5",
        ],
    );
}

#[test]
fn label_values_hold_anything() {
    let page = "a{x=\"} 1 # {\",y=\"\\\\\",z=\"\\\"\\n\\q\",e=\"\",u=\"é\r\u{0}\"} 1\n";
    let expected = ["unknown Value of a x=\"} 1 # {\" y=\"\\\\\" z=\"\\\"\\n\\\\q\" u=\"é\\r\\0\" = 1"];
    text(page, &expected);
    open(page, &expected);
    // A carriage return is a character of a text like others.
    text("# HELP a x\r\na 1\n", &["unknown Value of a (x\r) = 1"]);
}

#[test]
fn openmetrics_by_type() {
    open(
        "# TYPE hits counter\n# HELP hits Hits,\\n\\\\ and \\\" too.\n\
         hits_total{code=\"200\"} 7 1700000000.1234 # {id=\"x\"} 0.5 1.5\n\
         hits_created{code=\"200\"} 1.6e9 1700000000.1234\n# TYPE heat_kelvins gauge\n# UNIT heat_kelvins kelvins\n\
         heat_kelvins -3.5\n\
         # TYPE odd unknown\nodd 1\nother_total 2\n",
        &[
            "counter Value of hits code=\"200\" (Hits,\n\\ and \" too.) = 7 at 1700000000123",
            "counter Created of hits code=\"200\" (Hits,\n\\ and \" too.) = 1600000000 at 1700000000123",
            "gauge Value of heat_kelvins in kelvins = -3.5",
            "unknown Value of odd = 1",
            "unknown Value of other_total = 2",
        ],
    );
    open(
        "# TYPE wait histogram\nwait_bucket{z=\"1\",le=\"-1.0\"} 0\nwait_bucket{le=\"+Inf\",z=\"1\"} 2 # {} 5\n\
         wait_bucket{z=\"2\",le=\"+Inf\"} 0\nwait_count{z=\"2\"} 0\nwait_sum{z=\"2\"} 0\nwait_created{z=\"2\"} 9\n\
         # TYPE queue gaugehistogram\nqueue_bucket{le=\"-1\"} 1\nqueue_bucket{le=\"+Inf\"} 3\nqueue_gsum -2\n\
         queue_gcount 3\n\
         # TYPE size summary\nsize{quantile=\"1\"} NaN\nsize{quantile=\"0\"} 0\nsize_count 0\n",
        &[
            "histogram Bucket of wait z=\"1\" le=\"-1.0\" <-1> = 0",
            "histogram Bucket of wait le=\"+Inf\" z=\"1\" <inf> = 2",
            "histogram Bucket of wait z=\"2\" le=\"+Inf\" <inf> = 0",
            "histogram Count of wait z=\"2\" = 0",
            "histogram Sum of wait z=\"2\" = 0",
            "histogram Created of wait z=\"2\" = 9",
            "gaugehistogram Bucket of queue le=\"-1\" <-1> = 1",
            "gaugehistogram Bucket of queue le=\"+Inf\" <inf> = 3",
            "gaugehistogram Sum of queue = -2",
            "gaugehistogram Count of queue = 3",
            "summary Quantile of size quantile=\"1\" <1> = NaN",
            "summary Quantile of size quantile=\"0\" <0> = 0",
            "summary Count of size = 0",
        ],
    );
    open(
        "# TYPE mode stateset\nmode{mode=\"on\",of=\"a\"} 1\nmode{of=\"a\",mode=\"off\"} 0\n\
         mode{mode=\"on\",of=\"b\"} 0.0\n\
         # TYPE build info\nbuild_info{v=\"1\"} 1\nbuild_info{v=\"2\"} 1\n# HELP none \n# UNIT none \n",
        &[
            "stateset Value of mode mode=\"on\" of=\"a\" = 1",
            "stateset Value of mode of=\"a\" mode=\"off\" = 0",
            "stateset Value of mode mode=\"on\" of=\"b\" = 0",
            "info Value of build v=\"1\" = 1",
            "info Value of build v=\"2\" = 1",
        ],
    );
}

#[test]
fn labels_of_a_metric_come_in_any_order() {
    open(
        "# TYPE h histogram\nh_bucket{le=\"1\",ale=\"1\"} 0\nh_bucket{le=\"2\",ale=\"1\"} 0\n\
         h_bucket{ale=\"1\",le=\"+Inf\"} 0\n\
         h_count{ale=\"1\",z=\"\"} 0\nh_sum{ale=\"1\"} 0\nh_bucket{le=\"+Inf\"} 0\nh_count 0\nh_sum{} 0\n",
        &[
            "histogram Bucket of h le=\"1\" ale=\"1\" <1> = 0",
            "histogram Bucket of h le=\"2\" ale=\"1\" <2> = 0",
            "histogram Bucket of h ale=\"1\" le=\"+Inf\" <inf> = 0",
            "histogram Count of h ale=\"1\" = 0",
            "histogram Sum of h ale=\"1\" = 0",
            "histogram Bucket of h le=\"+Inf\" <inf> = 0",
            "histogram Count of h = 0",
            "histogram Sum of h = 0",
        ],
    );
}

#[test]
fn several_points_of_a_metric() {
    open(
        "# TYPE a gauge\na{x=\"1\"} 1 1\na{x=\"1\"} 2 1.0001\na{x=\"1\"} 3 2\na{x=\"2\"} 4 1\n\
         # TYPE h histogram\nh_bucket{le=\"+Inf\"} 1 1\nh_bucket{le=\"+Inf\"} 2 2\n",
        &[
            "gauge Value of a x=\"1\" = 1 at 1000",
            "gauge Value of a x=\"1\" = 2 at 1000",
            "gauge Value of a x=\"1\" = 3 at 2000",
            "gauge Value of a x=\"2\" = 4 at 1000",
            "histogram Bucket of h le=\"+Inf\" <inf> = 1 at 1000",
            "histogram Bucket of h le=\"+Inf\" <inf> = 2 at 2000",
        ],
    );
    let page = b"# TYPE a gauge\na 1 5\na 2 5\na 3 5.0\n# TYPE i info\ni_info{v=\"1\"} 1 2\ni_info{v=\"2\"} 1 1\n# EOF";
    let mut collector = Collector::default();
    let parsed = parse(page, Syntax::OpenMetrics, &mut collector).unwrap();
    let expected = Parsed {
        samples: 3,
        repeated: 2,
        exemplars: 0,
        families: 2,
    };
    assert_eq!((parsed, collector.samples[0]), (expected, (0, 1.0, Some(5_000))));
}

#[test]
fn errors_tell_where() {
    let error = |page: &[u8]| parse(page, Syntax::Prometheus, &mut Collector::default()).unwrap_err();
    assert_eq!(
        error("ok 1\né{} 1\n".as_bytes()).to_string(),
        "line 2, column 1: expected the name of a metric, of letters, digits, `_` and `:`, found `é{} 1`"
    );
    assert_eq!(
        error("ok 1\n\nok{a=\"é\",b} 2\n".as_bytes()).to_string(),
        "line 3, column 11: expected `=` after the name of a label, found `} 2`"
    );
    let invalid = error(b"ok 1\nok{a=\"\xff\"} 2\n");
    assert_eq!(
        (invalid.line, invalid.column, invalid.problem),
        (2, 7, Problem::Encoding)
    );
    let long = error(format!("a {}\n", "x".repeat(1_000_000)).as_bytes());
    assert_eq!((long.line, long.column), (1, 3));
    assert!(long.to_string().len() < 250);
    let cut = error(b"a 1\nb 2");
    assert_eq!((cut.line, cut.column, cut.problem), (2, 4, Problem::Unterminated));
}

/// One page was refused by one who remembered its series, and the other half of the mistake was then taken.
#[test]
fn what_is_refused_was_not_declared() {
    let mut collector = Collector::default();
    let page = b"# TYPE t stateset\nt{p=\"on\"} 1\n# EOF\n";
    for _ in 0..2 {
        assert!(parse(page, Syntax::OpenMetrics, &mut collector).is_err());
    }
    assert!(collector.declared.is_empty());
}

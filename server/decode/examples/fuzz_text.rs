//! Fuzzes the reader of the text formats. Arguments: a seed and seconds.
//!
//! Beyond neither panicking nor taking too much, a page that was read is read again, once by one who knows all its
//! series and once by one who does not, with the same outcome; and so is a page that was refused, for the same reason.

use std::collections::HashMap;

use keiki_decode::text::{Declared, Error, Parsed, Part, Syntax, Type, Visitor, parse};

mod fuzz;

const SEEDS: [&str; 9] = [
    "# HELP a A \\\\ gauge.\n# TYPE a gauge\na{x=\"1\",y=\"\\\"é\\n\"} 1.5\na NaN 1700000000000\n\n# a comment\n\
     b +Inf\n",
    "# TYPE h histogram\nh_bucket{le=\"0.1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 1.5\nh_count 2\n# TYPE s summary\n\
     s{quantile=\"0.5\"} 1\ns_sum 2\ns_count 3\n",
    "a { x = \"1\" , } 1\t2\n\t b{}3 -4\n",
    "# TYPE c counter\n# UNIT c \n# HELP c Help \\\" text\nc_total{x=\"1\"} 1 1.5 # {id=\"a\"} 0.5 1.5\n\
     c_created{x=\"1\"} 1e9 1.5\nc_total{x=\"1\"} 2 2.5\n# EOF\n",
    "# TYPE h_s histogram\n# UNIT h_s s\nh_s_bucket{a=\"1\",le=\"0.1\"} 1 # {} 0.05\n\
     h_s_bucket{a=\"1\",le=\"+Inf\"} 2\nh_s_sum{a=\"1\"} 1\nh_s_count{a=\"1\"} 2\nh_s_bucket{a=\"2\",le=\"+Inf\"} 0\n\
     # EOF",
    "# TYPE g gaugehistogram\ng_bucket{le=\"-1.0\"} 1\ng_bucket{le=\"+Inf\"} 2\ng_gsum -1\ng_gcount 2\n\
     # TYPE i info\ni_info{v=\"1\"} 1\n# EOF\n",
    "# TYPE t stateset\nt{t=\"on\",x=\"1\"} 1\nt{t=\"off\",x=\"1\"} 0\nt{t=\"on\",x=\"2\"} 0\n# TYPE q summary\n\
     q{quantile=\"0.9\"} NaN\nq_count 0\n# EOF\n",
    "u 1\nv{a=\"} # {\"} 2 3\n# TYPE w unknown\nw{b=\"\\z\"} -1e-5\nw{b=\"2\"} 4\n# EOF\n",
    "a{a=\"1\"} 1\na{a=\"2\"} 1\na{b=\"2\",a=\"1\"} 1\na{a=\"1\",b=\"3\"} 1\n# EOF\n",
];

const DICTIONARY: [&str; 52] = [
    "# TYPE ",
    "# HELP ",
    "# UNIT ",
    "# EOF\n",
    "# EOF",
    "# ",
    "#",
    "a",
    "h",
    "_total",
    "_created",
    "_bucket",
    "_sum",
    "_count",
    "_gsum",
    "_gcount",
    "_info",
    " counter\n",
    " gauge\n",
    " histogram\n",
    " gaugehistogram\n",
    " summary\n",
    " stateset\n",
    " info\n",
    " unknown\n",
    " untyped\n",
    "{",
    "}",
    "\"",
    "\\",
    "\\\"",
    "\\n",
    "=",
    ",",
    " ",
    "\t",
    "\n",
    "\r\n",
    "le=\"",
    "quantile=\"",
    "le=\"+Inf\"",
    "x=\"1\"",
    "__name__",
    " # {",
    "} 1\n",
    " 1\n",
    " 1 2\n",
    "NaN",
    "-1",
    "1e308",
    "é",
    "\0",
];

/// A series: its bytes, type, part, name, labels and bound.
type Described = (Vec<u8>, Type, Part, String, Vec<(String, String)>, Option<u64>);

#[derive(Default)]
struct Series {
    knows: bool,
    keys: HashMap<(Vec<u8>, Type, Part), usize>,
    declared: Vec<Described>,
    values: Vec<(usize, u64, Option<i64>)>,
}

impl Visitor for Series {
    type Key = usize;

    fn known(&mut self, raw: &[u8], kind: Type, part: Part) -> Option<usize> {
        self.knows
            .then(|| self.keys.get(&(raw.to_vec(), kind, part)).copied())
            .flatten()
    }

    fn declare(&mut self, declared: &Declared<'_>) -> usize {
        assert!(declared.raw.starts_with(declared.name.as_bytes()));
        assert!(declared.name.starts_with(declared.family));
        let _ = declared.help();
        let labels = declared
            .labels
            .clone()
            .map(|(name, value)| (name.to_owned(), value.into_owned()));
        let described = (
            declared.raw.to_vec(),
            declared.kind,
            declared.part,
            declared.name.to_owned(),
            labels.collect(),
            declared.bound.map(f64::to_bits),
        );
        let key = (declared.raw.to_vec(), declared.kind, declared.part);
        // One who knows nothing is told again what it was told before, and exactly so.
        let next = self.declared.len();
        let index = *self.keys.entry(key).or_insert(next);
        if index == next {
            self.declared.push(described);
        } else {
            assert!(!self.knows && self.declared[index] == described);
        }
        index
    }

    fn value(&mut self, key: usize, value: f64, time: Option<i64>) {
        self.values.push((key, value.to_bits(), time));
    }
}

fn read(page: &[u8], syntax: Syntax, series: &mut Series) -> Result<Parsed, Error> {
    series.values.clear();
    let parsed = parse(page, syntax, series);
    match &parsed {
        Ok(parsed) => assert_eq!(parsed.samples, series.values.len()),
        Err(error) => {
            let lines = page.iter().filter(|byte| **byte == b'\n').count() + 1;
            assert!((1..=lines).contains(&error.line) && error.column >= 1);
            assert!(error.to_string().chars().count() < 400, "{error}");
        }
    }
    parsed
}

fn main() {
    let seeds = SEEDS.map(|seed| seed.as_bytes().to_vec()).to_vec();
    let dictionary = DICTIONARY.map(str::as_bytes);
    fuzz::run(seeds, &dictionary, |page| {
        for syntax in [Syntax::Prometheus, Syntax::OpenMetrics] {
            let (mut knowing, mut forgetful) = (
                Series {
                    knows: true,
                    ..Series::default()
                },
                Series::default(),
            );
            let first = read(page, syntax, &mut knowing);
            let (declared, values) = (knowing.declared.len(), knowing.values.clone());
            let again = read(page, syntax, &mut knowing);
            assert_eq!((&first, declared), (&again, knowing.declared.len()));
            assert_eq!(values, knowing.values);
            assert_eq!(first, read(page, syntax, &mut forgetful));
            assert_eq!((&values, &knowing.declared), (&forgetful.values, &forgetful.declared));
        }
    });
}

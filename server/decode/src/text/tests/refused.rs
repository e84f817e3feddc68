//! Pages that break one rule each, and a few words of what is said about it.

use super::*;

#[track_caller]
fn refused(syntax: Syntax, page: &str, line: usize, words: &str) {
    let mut collector = Collector::default();
    let Err(error) = parse(page.as_bytes(), syntax, &mut collector) else {
        panic!("was read:\n{page}");
    };
    let text = error.to_string();
    let is_right = error.line == line && text.contains(words);
    assert!(is_right, "{text}\nexpected line {line}, {words}\n{page}");
    // One who knows the series before the mistake is told the same.
    assert_eq!(parse(page.as_bytes(), syntax, &mut collector), Err(error));
}

/// What both formats refuse, in the line after whatever comes first.
#[test]
fn by_both() {
    for (line, words) in [
        ("7up 1", "the name of a metric"),
        ("{x=\"1\"} 1", "the name of a metric"),
        ("{\"quoted.name\"} 1", "the name of a metric"),
        ("\u{feff}up 1", "the name of a metric"),
        ("disk.used 1", "which is of letters, digits"),
        ("disk-used 1", "which is of letters, digits"),
        ("up", "which is of letters, digits"),
        ("up ", "expected a"),
        ("up x", "decimal number"),
        ("up 1_0", "decimal number"),
        ("up 0x10", "decimal number"),
        ("up 1e400", "fits a 64-bit float"),
        ("up -NaN", "decimal number"),
        ("up 1,5", "decimal number"),
        ("up 1\r", "carriage return"),
        ("up 1 soon", "a timestamp in"),
        ("up 1 NaN", "a timestamp in"),
        ("up 1 +Inf", "a timestamp in"),
        ("up{x=\"1\" 1", "`,` or `}`"),
        ("up{x=\"1\"", "`,` or `}`"),
        ("up{x=\"1\"y=\"2\"} 1", "`,` or `}`"),
        ("up{x=\"1\",,y=\"2\"} 1", "the name of a label"),
        ("up{,} 1", "the name of a label"),
        ("up{1x=\"1\"} 1", "the name of a label"),
        ("up{a:b=\"1\"} 1", "`=` after the name"),
        ("up{x} 1", "`=` after the name"),
        ("up{x=} 1", "double quotes"),
        ("up{x=1} 1", "double quotes"),
        ("up{x='1'} 1", "double quotes"),
        ("up{x=\"1} 1", "a double quote at the end"),
        ("up{x=\"1\\\"} 1", "a double quote at the end"),
        ("up{x=\"1\\", "a double quote at the end"),
        ("up{x=\"1\",x=\"2\"} 1", "the label `x` is given twice"),
        ("up{__name__=\"down\"} 1", "may not be called `__name__`"),
        ("# TYPE", ""),
        ("# TYPE 7up gauge", "the name of a metric"),
        ("# TYPE up", "expected"),
        ("# TYPE up meter", "expected"),
        ("# TYPE up Gauge", "expected"),
    ] {
        for syntax in [Syntax::Prometheus, Syntax::OpenMetrics] {
            if words.is_empty() && syntax == Syntax::Prometheus {
                continue;
            }
            refused(syntax, &format!("first 1\n{line}\n# EOF\n"), 2, words);
        }
    }
}

#[test]
fn by_the_text_format() {
    for (page, line, words) in [
        ("up 1", 1, "does not end with a line feed"),
        ("up 1\n# comment", 2, "does not end with a line feed"),
        ("up 1\n\r\n", 2, "carriage return"),
        ("up{x=\"a\nb\"} 1\n", 1, "a double quote at the end"),
        ("up 1\nup {2\n", 2, "the name of a label"),
        ("up 1 1.5\n", 1, "whole milliseconds"),
        ("up 1 2 3\n", 1, "whole milliseconds"),
        ("up 1 99999999999999999999\n", 1, "whole milliseconds"),
        ("up 1 # {} 1\n", 1, "whole milliseconds"),
        ("# HELP up.down x\n", 1, "the name of a metric"),
        ("# TYPE up unknown\n", 1, "`untyped`"),
        ("# TYPE up info\n", 1, "`untyped`"),
        ("# TYPE up gauge\r\n", 1, "carriage return"),
        (
            "# TYPE up gauge\n# TYPE up counter\n",
            2,
            "is counter here, and was gauge before",
        ),
        (
            "up 1\n# TYPE up gauge\n",
            2,
            "the TYPE line of `up` comes after its samples",
        ),
        (
            "up 1\n# TYPE up histogram\n",
            2,
            "the TYPE line of `up` comes after its samples",
        ),
        (
            "# HELP up x\nup 1\nx 1\n# TYPE up gauge\n",
            4,
            "the TYPE line of `up` comes after its samples",
        ),
        (
            "up_sum 1\n# TYPE up summary\n",
            2,
            "the TYPE line of `up` comes after its samples",
        ),
        (
            "# TYPE up histogram\nup 1\n",
            2,
            "a family of type histogram has no sample named `up`",
        ),
        (
            "# TYPE up histogram\nup_bucket 1\n",
            2,
            "`up_bucket` needs the label `le`",
        ),
        (
            "# TYPE up histogram\nup_bucket{le=\"NaN\"} 1\n",
            2,
            "the label `le` should be",
        ),
        (
            "# TYPE up histogram\nup_bucket{le=\"wide\"} 1\n",
            2,
            "the label `le` should be",
        ),
        (
            "# TYPE up summary\nup{quantile=\"half\"} 1\n",
            2,
            "the label `quantile` should be",
        ),
    ] {
        refused(Syntax::Prometheus, page, line, words);
    }
}

/// Each page of a family, as its lines without `# EOF`.
#[test]
fn by_openmetrics() {
    const G: &str = "# TYPE m gauge\n";
    const C: &str = "# TYPE m counter\n";
    const H: &str = "# TYPE m histogram\n";
    const Q: &str = "# TYPE m gaugehistogram\n";
    const S: &str = "# TYPE m summary\n";
    const T: &str = "# TYPE m stateset\n";
    const I: &str = "# TYPE m info\n";
    for (begin, rest, line, words) in [
        // Lines.
        ("", "\n", 1, "the line is empty"),
        ("", "m 1\r\n", 1, "carriage return"),
        ("", "# HELP m x\r\n", 1, "carriage return"),
        ("", "# just a comment\n", 1, "expected `# TYPE`"),
        ("", "#TYPE m gauge\n", 1, "expected `# TYPE`"),
        ("", "#  TYPE m gauge\n", 1, "expected `# TYPE`"),
        ("", "# HELP m\n", 1, "one blank after the name"),
        ("", "# TYPE m gauge \n", 1, "one of the types"),
        ("", "# TYPE m untyped\n", 1, "one of the types"),
        ("", " m 1\n", 1, "the name of a metric"),
        ("", "m  1\n", 1, "found nothing"),
        ("", "m 1 \n", 1, "a timestamp in seconds"),
        ("", "m\t1\n", 1, "one blank and a value"),
        ("", "m{a=\"1\"}1\n", 1, "one blank and a value"),
        ("", "m{a=\"1\"}  1\n", 1, "found nothing"),
        ("", "m {a=\"1\"} 1\n", 1, "no blank between the name and"),
        ("", "m 1\nm {\n", 2, "no blank between the name and"),
        ("", "m{a=\"1\",} 1\n", 1, "the name of a label"),
        ("", "m{a=\"1\", b=\"2\"} 1\n", 1, "the name of a label"),
        ("", "m{a =\"1\"} 1\n", 1, "`=` after the name"),
        ("", "m 1 1_0\n", 1, "a timestamp in seconds"),
        ("", "m 1 2 3\n", 1, "the end of the line, or ` # `"),
        // Metadata.
        ("", "# HELP m x\n# HELP m x\n", 2, "a second HELP line for `m`"),
        ("", "# TYPE m gauge\n# TYPE m gauge\n", 2, "a second TYPE line for `m`"),
        ("", "# UNIT m_s s\n# UNIT m_s s\n", 2, "a second UNIT line for `m_s`"),
        ("", "m 1\n# TYPE m gauge\n", 2, "the TYPE line of `m` comes after"),
        (G, "m 1\n# HELP m x\n", 3, "the HELP line of `m` comes after"),
        ("", "# UNIT m seconds\n", 1, "end with an underscore and the unit"),
        ("", "# UNIT ms s\n", 1, "end with an underscore and the unit"),
        ("", "# UNIT m_s s\n# TYPE m_s info\n", 2, "type info has no unit"),
        (
            "",
            "# TYPE m_s stateset\n# UNIT m_s s\n",
            2,
            "type stateset has no unit",
        ),
        // Families.
        (
            G,
            "m 1\nn 1\nm{a=\"1\"} 1\n",
            4,
            "the name `m` belongs to a family that ended",
        ),
        (G, "# TYPE n gauge\n# TYPE m gauge\n", 3, "the name `m` belongs"),
        (
            "",
            "# TYPE m_created gauge\n# TYPE m counter\n",
            2,
            "the name `m_created` belongs",
        ),
        ("", "m_total 1\n# TYPE m counter\n", 2, "the name `m_total` belongs"),
        (C, "# TYPE m_total gauge\n", 2, "the name `m_total` belongs"),
        (C, "m 1\n", 2, "type counter has no sample named `m`; expected `_total`"),
        (I, "m 1\n", 2, "type info has no sample named `m`; expected `_info`"),
        (H, "m 1\n", 2, "type histogram has no sample named `m`"),
        (S, "m_bucket{le=\"1\"} 1\nm_sum 1\n", 3, "the name `m_sum` belongs"),
        // Metrics and points.
        (G, "m{a=\"1\"} 1\nm{a=\"2\"} 1\nm{a=\"1\"} 1\n", 4, "already ended"),
        (
            G,
            "m{a=\"1\",b=\"2\"} 1\nm 1\nm{b=\"2\",a=\"1\"} 1\n",
            4,
            "already ended",
        ),
        (
            G,
            "m{a=\"1\\\\\"} 1\nm 1\nm{a=\"1\\\\\",b=\"\"} 1\n",
            4,
            "already ended",
        ),
        (G, "m{a=\"\\z\"} 1\nm{a=\"\\\\z\"} 1\n", 3, "`m` is given twice"),
        (G, "m 1\nm 1\n", 3, "`m` is given twice"),
        (C, "m_total 1\nm_created 1\nm_total 1\n", 4, "`m_total` is given twice"),
        (
            S,
            "m{quantile=\"0.5\"} 1\nm{quantile=\"0.50\"} 1\n",
            3,
            "`m` is given twice",
        ),
        (T, "m{m=\"a\"} 1\nm{m=\"a\"} 1\n", 3, "`m` is given twice"),
        (
            I,
            "m_info{v=\"1\"} 1\nm_info{v=\"2\"} 1\nm_info{v=\"1\"} 1\n",
            4,
            "`m_info` is given twice",
        ),
        (G, "m 1\nm 1 5\n", 3, "either all samples of a metric"),
        (G, "m 1 5\nm 1\n", 3, "either all samples of a metric"),
        (G, "m 1 5\nm 1 4.999\n", 3, "the timestamp is before"),
        (
            H,
            "m_bucket{le=\"+Inf\"} 0 1\nm_count 0 2\nm_sum 0 2\n",
            3,
            "has no bucket `+Inf`",
        ),
        (
            H,
            "m_sum{a=\"1\"} 0\nm_bucket{a=\"2\",le=\"+Inf\"} 0\n",
            2,
            "has no bucket `+Inf`",
        ),
        // Values.
        (
            C,
            "m_total -1\n",
            2,
            "the total of a counter should be 0 or more, found `-1`",
        ),
        (C, "m_total NaN\n", 2, "the total of a counter"),
        (H, "m_bucket{le=\"+Inf\"} 0.5\n", 2, "a whole number"),
        (H, "m_bucket{le=\"+Inf\"} +Inf\n", 2, "a whole number"),
        (H, "m_count -1\n", 2, "a count should be a whole number"),
        (H, "m_sum -1\n", 2, "the sum of a histogram"),
        (S, "m_count 0.5\n", 2, "a count should be a whole number"),
        (S, "m_sum NaN\n", 2, "the sum of a histogram or summary"),
        (S, "m{quantile=\"0.5\"} -1\n", 2, "the value of a quantile"),
        (Q, "m_gcount NaN\n", 2, "a count should be a whole number"),
        (Q, "m_gsum NaN\n", 2, "a sum should be a number"),
        (T, "m{m=\"a\"} 2\n", 2, "the value of a state should be 0 or 1"),
        (I, "m_info 0\n", 2, "the value of an info should be 1"),
        // Labels that a type needs.
        (S, "m 1\n", 2, "`m` needs the label `quantile`"),
        (S, "m{quantile=\"1.5\"} 1\n", 2, "a number from 0 to 1, found `1.5`"),
        (S, "m{quantile=\"NaN\"} 1\n", 2, "a number from 0 to 1"),
        (T, "m{a=\"1\"} 1\n", 2, "`m` needs the label `m`"),
        (H, "m_bucket 1\n", 2, "`m_bucket` needs the label `le`"),
        (H, "m_bucket{le=\"\"} 1\n", 2, "`m_bucket` needs the label `le`"),
        (H, "m_bucket{le=\"Inf\"} 1\n", 2, "infinity written as `+Inf`"),
        (Q, "m_bucket{le=\"NaN\"} 1\n", 2, "not NaN"),
        // Histograms.
        (H, "m_bucket{le=\"1\"} 1\n", 2, "has no bucket `+Inf`"),
        (H, "m_created 1\n", 2, "has no bucket `+Inf`"),
        (
            H,
            "m_bucket{le=\"2\"} 1\nm_bucket{le=\"1\"} 1\n",
            3,
            "greater than that of the bucket before",
        ),
        (
            H,
            "m_bucket{le=\"2\"} 1\nm_bucket{le=\"2.0\"} 1\n",
            3,
            "greater than that of the bucket before",
        ),
        (
            H,
            "m_bucket{le=\"1\"} 2\nm_bucket{le=\"+Inf\"} 1\n",
            3,
            "at least that of the bucket before",
        ),
        (
            H,
            "m_bucket{le=\"+Inf\"} 1\nm_count 2\nm_sum 1\n",
            2,
            "has a count that is not",
        ),
        (
            H,
            "m_bucket{le=\"+Inf\"} 1\nm_count 1\n",
            2,
            "only one of a count and a sum",
        ),
        (
            Q,
            "m_bucket{le=\"+Inf\"} 1\nm_gsum 1\n",
            2,
            "only one of a count and a sum",
        ),
        (
            H,
            "m_bucket{le=\"-1\"} 1\nm_bucket{le=\"+Inf\"} 1\nm_count 1\nm_sum 1\n",
            2,
            "a sum and a bucket below zero",
        ),
        (
            Q,
            "m_bucket{le=\"+Inf\"} 1\nm_gcount 1\nm_gsum -1\n",
            2,
            "a negative sum without a bucket below zero",
        ),
        // Exemplars.
        (G, "m 1 # {} 1\n", 2, "only the buckets of histograms and the totals"),
        (C, "m_created 1 # {} 1\n", 2, "not `m_created`"),
        (H, "m_count 1 # {} 1\n", 2, "not `m_count`"),
        (C, "m_total 1 #{} 1\n", 2, "a timestamp in seconds"),
        (C, "m_total 1 # id=\"1\" 1\n", 2, "`{` and the labels of an exemplar"),
        (
            C,
            "m_total 1 # {id=\"1\",id=\"2\"} 1\n",
            2,
            "the label `id` is given twice",
        ),
        (C, "m_total 1 # {}\n", 2, "the value of the exemplar"),
        (C, "m_total 1 # {} one\n", 2, "decimal number"),
        (C, "m_total 1 # {} 1 NaN\n", 2, "a timestamp in seconds"),
        (C, "m_total 1 # {} 1 1 \n", 2, "a timestamp in seconds"),
    ] {
        refused(Syntax::OpenMetrics, &format!("{begin}{rest}# EOF\n"), line, words);
    }
    refused(Syntax::OpenMetrics, "", 1, "expected the last line `# EOF`");
    refused(Syntax::OpenMetrics, "m 1\n", 2, "expected the last line `# EOF`");
    refused(Syntax::OpenMetrics, "m 1\n# EO", 2, "expected the last line `# EOF`");
    refused(Syntax::OpenMetrics, "# EOF\n\n", 2, "nothing may follow");
    refused(Syntax::OpenMetrics, "# EOF\n# EOF\n", 2, "nothing may follow");
}

#[test]
fn exemplars_have_128_characters() {
    let page = |length: usize| {
        format!(
            "# TYPE m counter\nm_total 1 # {{id=\"{}\"}} 1\n# EOF\n",
            "é".repeat(length - 2)
        )
    };
    let parsed = parse(page(128).as_bytes(), Syntax::OpenMetrics, &mut Collector::default());
    assert_eq!(parsed.unwrap().exemplars, 1);
    refused(Syntax::OpenMetrics, &page(129), 2, "128 characters in all, found 129");
}

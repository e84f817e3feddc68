//! Datagrams as they come, and as they should not.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;

/// The lines in short, and what is wrong with the others.
fn read(datagram: &[u8]) -> (Vec<String>, Parsed) {
    let mut lines = Vec::new();
    let parsed = parse(datagram, |line| {
        lines.push(match line {
            Ok(line) => {
                let mut text = format!("{} {:?} @{}", line.name, line.kind, line.rate);
                for value in line.values {
                    let _ = match value {
                        Value::Number(value) => write!(text, " {value}"),
                        Value::Change(value) => write!(text, " {value:+}"),
                        Value::Member(member) => write!(text, " {member}"),
                    };
                }
                for (name, value) in line.tags {
                    let _ = write!(text, " {name}={}", value.unwrap_or("?"));
                }
                text
            }
            Err(error) => error.to_string(),
        });
    });
    (lines, parsed)
}

#[track_caller]
fn check(line: &str, expected: &str) {
    assert_eq!(read(line.as_bytes()).0, [expected], "{line}");
}

#[test]
fn lines_of_every_type() {
    check("page.views:1|c", "page.views Counter @1 1");
    check("refunds:-2.5|c|@0.1", "refunds Counter @0.1 -2.5");
    check("fuel:0.5|g", "fuel Gauge @1 0.5");
    check("fuel:+4|g", "fuel Gauge @1 +4");
    check("fuel:-4:7|g", "fuel Gauge @1 -4 7");
    check("render:320|ms|@0.5", "render Timer @0.5 320");
    check("size:1e3:2:3.5|h", "size Histogram @1 1000 2 3.5");
    check("size:1:2|d|#zone:a", "size Distribution @1 1 2 zone=a");
    check("users:a:b c|s", "users Set @1 a:b c");
}

#[test]
fn fields_come_in_any_order_and_new_ones_are_left_unread() {
    check("a:1|c|#x:1,y|@0.5", "a Counter @0.5 1 x=1 y=?");
    check(
        "a:1|c|@1|#url:http://b,,:c,d:|c:in-1234|T1656581400|e:it-false",
        "a Counter @1 1 url=http://b d=",
    );
    check("a:1|c|#", "a Counter @1 1");
    check("a:1|c|#é:ü", "a Counter @1 1 é=ü");
}

#[test]
fn what_is_wrong_is_told() {
    for (line, problem) in [
        ("a", "no name before the first `:`"),
        (":1|c", "no name before the first `:`"),
        ("a|b:1|c", "the name `a|b`; expected"),
        ("a\tb:1|c", "the name `a\\tb`; expected"),
        ("a:", "no value"),
        ("a:|c", "no value"),
        ("a:1", "no type"),
        ("a:1|", "the type nothing; expected"),
        ("a:1|m", "the type `m`; expected"),
        ("a:1|C", "the type `C`; expected"),
        ("a:1 |c", "the value `1 `; expected"),
        ("a:NaN|g", "the value `NaN`; expected"),
        ("a:inf|c", "the value `inf`; expected"),
        ("a:1:|d", "the value nothing; expected"),
        ("a:1::2|d", "the value nothing; expected"),
        ("a:1e999|d", "the value `1e999`; expected"),
        ("a:1|c|@", "the sample rate nothing; expected"),
        ("a:1|c|@0", "the sample rate `0`; expected"),
        ("a:1|c|@1.5", "the sample rate `1.5`; expected"),
        ("a:1|c|@-1", "the sample rate `-1`; expected"),
        ("a:1|c|@0.5|@0.5", "a second field `@0.5`"),
        ("a:1|c|#a|#b", "a second field `#b`"),
        ("a:1|c|0.5", "the field `0.5`; expected"),
        ("a:1|c|", "the field nothing; expected"),
        ("a:1|c\na:2|c", ""),
    ] {
        let (lines, _) = read(line.as_bytes());
        assert!(lines[0].contains(problem), "{line}: {lines:?}");
    }
}

#[test]
fn a_bad_line_costs_the_others_nothing() {
    let (lines, parsed) = read(b"a:1|c\r\n\n_e{1,1}:a|b|#x\n_sc|db|0\n\xff:1|c\nb\nc:3|ms");
    assert_eq!(
        lines,
        [
            "a Counter @1 1",
            "line 5: bytes that are not UTF-8 in `\u{fffd}:1|c`",
            "line 6: no name before the first `:`; expected `name:value|type` in `b`",
            "c Timer @1 3",
        ]
    );
    let expected = Parsed {
        lines: 2,
        refused: 2,
        events: 1,
        service_checks: 1,
    };
    assert_eq!(parsed, expected);
}

#[test]
fn identity_is_the_bytes_of_name_and_tags() {
    let mut seen = Vec::new();
    parse(b"a:1|c|@0.5|#x:1,y\na:2:3|c|#x:1,y|T5", |line| {
        let line = line.unwrap();
        seen.push((line.name, line.kind, line.tags.raw()));
    });
    assert_eq!(seen, [("a", Kind::Counter, &b"x:1,y"[..]); 2]);
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        name in "[a-z_.]{1,12}",
        values in prop::collection::vec(-1e9..1e9, 1..5),
        rate in prop::option::of(0.001..=1.0),
        tags in prop::collection::vec(("[a-z]{1,4}", prop::option::of("[a-zé:/ ]{0,4}")), 0..4),
    ) {
        let mut text = format!("{name}:");
        let written: Vec<_> = values.iter().map(f64::to_string).collect();
        text += &written.join(":");
        text += "|d";
        if let Some(rate) = rate {
            let _ = write!(text, "|@{rate}");
        }
        let tag = |(name, value): &(String, Option<String>)| match value {
            Some(value) => format!("{name}:{value}"),
            None => name.clone(),
        };
        let written: Vec<_> = tags.iter().map(tag).collect();
        if !written.is_empty() {
            let _ = write!(text, "|#{}", written.join(","));
        }
        let mut read = Vec::new();
        parse(text.as_bytes(), |line| read.push(line.unwrap()));
        let line = &read[0];
        prop_assert_eq!(line.name, name);
        let expected: Vec<_> = values.into_iter().map(Value::Number).collect();
        prop_assert_eq!(line.values.clone().collect::<Vec<_>>(), expected);
        prop_assert_eq!(line.rate, rate.unwrap_or(1.0));
        let expected: Vec<_> = tags.iter().map(|(name, value)| (&**name, value.as_deref())).collect();
        prop_assert_eq!(line.tags.clone().collect::<Vec<_>>(), expected);
    }
}

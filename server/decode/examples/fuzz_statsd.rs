//! Fuzzes the reader of StatsD datagrams. Arguments: a seed and seconds.

use std::hint::black_box;

use keiki_decode::statsd::{Value, parse};

mod fuzz;

const SEEDS: [&[u8]; 7] = [
    b"page.views:1|c\nfuel:0.5|g\nfuel:-4|g\nrender:320|ms|@0.1",
    b"users:1234|s|#country:jp,beta",
    b"size:1:2:3.5|d|@0.5|#zone:a|c:ci-1234|T1656581400",
    b"_e{5,4}:title|text|t:info|#a:b\n_sc|db|0|m:ok\na:1|c",
    b"a:1e3|h|#url:http://b,,:c,d:|e:it-false,cn-x\r\n\r\nb:+1.5e-3|g",
    b"a|b:1|c\n:1|c\na:|c\na:1\na:1|x\na:NaN|g\na:1|c|@2\na:1|c|7",
    "é:1|c|#ü:ß\n".as_bytes(),
];

const DICTIONARY: [&[u8]; 26] = [
    b":", b"|", b"\n", b"\r\n", b"|c", b"|g", b"|ms", b"|h", b"|d", b"|s", b"|@0.5", b"|@", b"|#", b"#", b",", b"+",
    b"-", b"_e{", b"_sc|", b"a:1|c\n", b"1e308", b"1e999", b"NaN", b"inf", b"|T1", b"\xff",
];

fn main() {
    fuzz::run(SEEDS.map(<[u8]>::to_vec).to_vec(), &DICTIONARY, |datagram| {
        let (mut lines, mut refused) = (0, 0);
        let parsed = parse(datagram, |line| match line {
            Ok(line) => {
                lines += 1;
                assert!(!line.name.is_empty() && line.rate > 0.0 && line.rate <= 1.0);
                assert!(line.values.clone().next().is_some());
                for value in line.values {
                    match value {
                        Value::Number(value) | Value::Change(value) => assert!(value.is_finite()),
                        Value::Member(member) => assert!(!member.is_empty()),
                    }
                }
                assert!(line.tags.clone().all(|(name, _)| !name.is_empty()));
                black_box(line.tags.raw());
            }
            Err(error) => {
                refused += 1;
                assert!(error.to_string().chars().count() < 400, "{error}");
            }
        });
        assert_eq!((parsed.lines, parsed.refused), (lines, refused));
        assert!(parsed.lines + parsed.refused + parsed.events + parsed.service_checks <= datagram.len());
    });
}

//! The host source on the machine that runs the tests.

use std::collections::{BTreeMap, HashSet};

use keiki_model::series::Value;

use super::*;
use crate::clock::{Clock, SystemClock};
use crate::source::{contract, metric};

fn figures(samples: &[Sample]) -> BTreeMap<String, f64> {
    let number = |sample: &Sample| match sample.value {
        Value::Number(value) => value,
        Value::Distribution(_) => f64::NAN,
    };
    samples
        .iter()
        .map(|sample| {
            (
                format!("{}{}", sample.series.name(), sample.series.labels()),
                number(sample),
            )
        })
        .collect()
}

#[test]
fn the_table_keeps_the_grammar() {
    metric::check_table(metrics::ALL);
}

#[tokio::test]
async fn this_machine_can_be_read() {
    let watched = vec![Watch::Pid(std::process::id()), Watch::Name("no such program".into())];
    let mut source = HostSource::new(
        HostConfig {
            watched,
            ..HostConfig::default()
        },
        "testhost",
    );
    let declared: HashSet<&str> = metrics::ALL.iter().map(|metric| metric.name).collect();
    for round in 0..3 {
        let from = SystemClock.now();
        let samples = source.collect(from).await.expect("a reading");
        contract::check(&samples, from, SystemClock.now() + 1);
        assert!(
            samples.iter().all(|sample| declared.contains(sample.series.name())),
            "undeclared metrics"
        );
        if round == 0 {
            let all = figures(&samples);
            assert!(all["system_memory_utilization_ratio{host_name=\"testhost\"}"] > 0.0);
            assert!(
                all.keys().any(|name| name.starts_with("system_network_io_bytes_total")),
                "at least loopback"
            );
        }
    }
}

#[test]
fn sysinfo_agrees() {
    let moment = |second: Millis| Moment {
        time: second * 1_000,
        monotonic: Duration::from_secs(second.unsigned_abs()),
    };
    let mut ours = Reader::new(HostConfig::default(), "testhost");
    let mut theirs = portable::Reader::new(HostConfig::default(), "testhost");
    let (ours, theirs) = (
        ours.read(moment(0)).expect("ours"),
        theirs.read(moment(0)).expect("theirs"),
    );
    contract::check(&theirs, 0, 0);
    let (ours, theirs) = (figures(&ours), figures(&theirs));
    let same = [
        "system_cpu_logical_count{host_name=\"testhost\"}",
        "system_memory_limit_bytes{host_name=\"testhost\"}",
    ];
    let limited = ours[same[1]] < theirs[same[1]];
    for name in same {
        assert!(
            ours[name] == theirs[name] || limited,
            "{name}: {} and {}",
            ours[name],
            theirs[name]
        );
    }
    let near = "system_memory_utilization_ratio{host_name=\"testhost\"}";
    assert!(
        (ours[near] - theirs[near]).abs() < 0.05 || limited,
        "{} and {}",
        ours[near],
        theirs[near]
    );
}

/// The budget: an idle server may use 1 % of a core, that is 10 ms a second, of which the host source gets 3.
#[cfg(target_os = "linux")]
#[test]
fn a_reading_is_cheap() {
    let cpu_nanoseconds = || -> u64 {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        text.split(' ').next().and_then(|field| field.parse().ok()).unwrap_or(0)
    };
    let watched = vec![Watch::Pid(std::process::id()), Watch::Name("keiki".into())];
    let mut reader = Reader::new(
        HostConfig {
            watched,
            ..HostConfig::default()
        },
        "testhost",
    );
    let readings = 30;
    let before = cpu_nanoseconds();
    for second in 0..readings {
        let monotonic = Duration::from_secs(second);
        reader
            .read(Moment {
                time: second as Millis * 1_000,
                monotonic,
            })
            .expect("a reading");
    }
    let milliseconds = (cpu_nanoseconds() - before) as f64 / 1e6 / readings as f64;
    println!("{milliseconds:.3} ms of CPU a reading");
    assert!(milliseconds < 3.0, "{milliseconds} ms of CPU a reading");
}

#[test]
fn a_host_has_a_name() {
    let name = host_name();
    assert!(!name.is_empty() && !name.contains(char::is_whitespace), "{name:?}");
}

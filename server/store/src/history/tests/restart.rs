//! What the rings hold after a restart.

use super::super::disk::Disk;
use super::*;

/// Who feeds each series, when its samples were, and what they say.
fn rings(bench: &Bench) -> Vec<(String, Vec<Millis>, String)> {
    let reader = bench.store.read();
    let told = |series: &Arc<Series>| {
        let stored = reader.series(series.name()).next().expect("a series");
        let (base, offsets) = stored.times();
        let values = match stored.ring() {
            Ring::Counter(ring) => format!("{:?}", ring.values()),
            Ring::Gauge(ring) => format!("{:?}", ring.values()),
            Ring::Histogram(ring) => format!("{:?}", ring.single(0, bench.now).collect::<Vec<_>>()),
        };
        let times = offsets.iter().map(|offset| base + Millis::from(*offset));
        (stored.source().name().to_owned(), times.collect(), values)
    };
    [&bench.gauge, &bench.counter, &bench.histogram].map(told).into()
}

#[test]
fn of_two_sources_the_one_that_took_over_has_the_ring() {
    let mut bench = Bench::new();
    bench.run(4 * 60);
    let sources = [
        SourceId::new("web", SourceClass::Scrape),
        SourceId::new("host", SourceClass::Own),
        SourceId::new("otlp", SourceClass::Otlp),
    ];
    for (source, seconds) in sources.into_iter().zip([5 * 60, 100, 10]) {
        // The one before has fallen silent.
        bench.now += 30 * SECOND;
        bench.source = source;
        bench.run(seconds);
        let before = rings(&bench);
        assert!(before.iter().all(|(_, times, _)| times.len() as i64 == seconds));
        bench.reopen();
        assert_eq!(rings(&bench), before);
        assert!(bench.store.contests(|_| "host_name").is_empty());
    }
    bench.now += HOUR;
    bench.tend();
    bench.store.sweep(bench.now);
    assert_eq!(bench.store.stats().series, 0);
}

#[test]
fn many_series_return_whatever_their_number() {
    let mut bench = Bench::new();
    let many: Vec<Arc<Series>> = (0..200)
        .map(|n| Series::new("many", Labels::new([("n", n.to_string())]), Kind::Gauge, Some(1_000)))
        .collect();
    for _ in 0..9 * 60 {
        let second = bench.now / SECOND;
        let samples = many.iter().enumerate();
        // Some come and go, so that no two of them have the same times.
        let samples = samples.filter(|(n, _)| second % (1 + *n as i64) < 60);
        let samples = samples
            .map(|(n, series)| Sample::number(series, second * SECOND + 850, gauge_at(second + n as i64)))
            .collect();
        bench.store.append(&bench.source, samples, second * SECOND + 900);
        bench.run(1);
    }
    let all = |bench: &Bench| -> Vec<_> {
        let reader = bench.store.read();
        let told = |stored: &Stored| {
            let (base, offsets) = stored.times();
            let Ring::Gauge(ring) = stored.ring() else {
                panic!("a gauge")
            };
            let times = offsets.iter().map(|offset| base + Millis::from(*offset));
            let label = stored.series().labels().get("n").map(str::to_owned);
            (label, times.collect::<Vec<_>>(), ring.values().to_vec())
        };
        reader.series("many").map(told).collect()
    };
    let (before, three) = (all(&bench), rings(&bench));
    assert_eq!(before.len(), 200);
    bench.reopen();
    assert_eq!(all(&bench), before);
    assert_eq!(rings(&bench), three);
}

#[test]
fn no_number_of_what_is_forgotten_is_given_again() {
    let mut bench = Bench::new();
    let gauge = |name: &str| Series::new(name, Labels::none(), Kind::Gauge, Some(1_000));
    let feed = |bench: &mut Bench, series: &Arc<Series>, value: f64| {
        for _ in 0..60 {
            let sample = Sample::number(series, bench.now + 850, value);
            bench.store.append(&bench.source, vec![sample], bench.now + 900);
            bench.run(1);
        }
    };
    let (brief, next) = (gauge("brief"), gauge("next"));
    bench.run(1);
    feed(&mut bench, &brief, 1.0);
    bench.run(30 * 60);
    assert!(!bench.points(&brief, START, START + HOUR, 10 * SECOND).is_empty());
    bench.now += 4 * HOUR;
    bench.run(40 * 60);
    bench.store.sweep(bench.now);
    bench.tend();
    assert!(
        bench.points(&brief, START, START + HOUR, 10 * SECOND).is_empty(),
        "it has been forgotten"
    );
    bench.reopen();
    feed(&mut bench, &next, 2.0);
    bench.run(20 * 60);
    assert_eq!(
        bench.points(&next, START, START + HOUR, 10 * SECOND),
        [],
        "what another one was"
    );
}

#[test]
fn what_the_one_before_sent_is_kept_when_another_takes_over() {
    for reopened in [false, true] {
        let mut bench = Bench::new();
        let mut sent = Vec::new();
        // Three that take turns within one record.
        for (name, class) in [
            ("web", SourceClass::Scrape),
            ("otlp", SourceClass::Otlp),
            ("web", SourceClass::Scrape),
        ] {
            bench.source = SourceId::new(name, class);
            for _ in 0..40 {
                sent.push(bench.now / SECOND * SECOND + 850);
                bench.run(1);
            }
            if reopened {
                bench.reopen();
            }
            bench.now += 20 * SECOND;
        }
        bench.source = SourceId::new("otlp", SourceClass::Otlp);
        bench.run(20 * 60);
        let last = *sent.last().expect("samples");
        for step in [SECOND, 10 * SECOND] {
            let past = Past {
                from: START,
                to: last + 1,
                step,
                admits: &|_| true,
                work: 1_000_000,
            };
            let reader = bench.store.past(&["gauge", "seconds"], &past).expect("not too much");
            for metric in ["gauge", "seconds"] {
                let mut found: Vec<Millis> = Vec::new();
                for stored in reader.series(metric) {
                    let (base, offsets) = stored.times();
                    found.extend(offsets.iter().map(|offset| base + Millis::from(*offset)));
                }
                found.retain(|time| *time <= last);
                found.sort_unstable();
                if step == SECOND {
                    assert_eq!(found, sent, "{metric}, reopened: {reopened}");
                } else {
                    assert_eq!(found.len(), 12, "{metric} in slots, reopened: {reopened}");
                }
            }
        }
        assert_eq!(bench.store.history().expect("a history").lost, 0);
    }
}

#[test]
fn a_clock_that_is_behind_at_the_start_leaves_what_was_written() {
    let mut bench = Bench::new();
    bench.run(100 * 60);
    let from = (START / 900_000 + 1) * 900_000;
    let to = START + HOUR;
    let all = |bench: &Bench| [10, 60, 900].map(|step| bench.check_slots(from, to / 900_000 * 900_000, step * SECOND));
    all(&bench);
    // Three days later ten seconds and minutes of that time are still there, and what they are made of is not.
    bench.now += 40 * HOUR;
    bench.run(20 * 60);
    let right = bench.now;
    bench.now = START + 20 * 60 * SECOND;
    bench.reopen();
    let wrong = Series::new("gauge", Labels::new([("host_name", "h")]), Kind::Gauge, Some(1_000));
    for _ in 0..50 * 60 {
        let sample = Sample::number(&wrong, bench.now + 850, -1.0);
        bench.store.append(&bench.source, vec![sample], bench.now + 900);
        bench.now += SECOND;
        bench.tend();
    }
    bench.reopen();
    bench.now = right + 600 * SECOND;
    bench.reopen();
    bench.run(20 * 60);
    all(&bench);
}

#[test]
fn numbers_of_what_is_forgotten_cost_nothing() {
    let mut bench = Bench::new();
    bench.run(60);
    let path = bench.path();
    bench.store = Store::new(Limits::default());
    let disk = Disk::open(&path).expect("what was there before");
    disk.forget(&[], 1_000_000).expect("a disk that writes");
    drop(disk);
    bench.reopen();
    let mut most = 0;
    for _ in 0..20 * 60 {
        let second = bench.now / SECOND;
        let sample = Sample::number(&bench.gauge, second * SECOND + 850, gauge_at(second));
        bench.store.append(&bench.source, vec![sample], bench.now + 900);
        bench.now += SECOND;
        most = (0..).take_while(|_| bench.store.tend(bench.now)).count().max(most);
    }
    assert!((1..10).contains(&most), "{most} pieces of work in a row");
    let late = Series::new("late", Labels::none(), Kind::Gauge, Some(1_000));
    let time = bench.now + 850;
    bench
        .store
        .append(&bench.source, vec![Sample::number(&late, time, 1.0)], time);
    bench.store.flush(time);
    bench.reopen();
    assert_eq!(bench.store.history().expect("a history").series, 4);
    bench.check_samples(START, START + 50 * SECOND);
}

#[test]
fn all_that_the_rings_hold_is_durable_again_after_a_failure_however_much_it_is() {
    const SECONDS: i64 = 240;
    // 72 MB: more than may wait for the disk.
    let bounds: Arc<[f64]> = (1..=1_500).map(f64::from).collect();
    let wide = |second: i64| {
        let mut counts = vec![0; bounds.len() + 1];
        counts[second as usize % 1_500] = 1;
        Distribution::from(Explicit::new(Arc::clone(&bounds), counts, 1.0).expect("a histogram"))
    };
    let series = |name, kind, n: usize| Series::new(name, Labels::new([("n", n.to_string())]), kind, Some(1_000));
    let many: Vec<_> = (0..400).map(|n| series("many", Kind::Gauge, n)).collect();
    let wides: Vec<_> = (0..25).map(|n| series("wide", Kind::Histogram, n)).collect();
    let mut bench = Bench::new();
    bench.run(1);
    let history = bench.store.history.clone().expect("a history");
    history.break_off(bench.now);
    let from = bench.now / SECOND;
    for second in from..from + SECONDS {
        let time = second * SECOND + 850;
        let numbers = many.iter().map(|series| Sample::number(series, time, gauge_at(second)));
        let wides = wides
            .iter()
            .map(|series| Sample::distribution(series, time, wide(second)));
        let samples: Vec<_> = numbers.chain(wides).collect();
        assert_eq!(bench.store.append(&bench.source, samples, time + 5).accepted, 425);
        bench.now += SECOND;
        if second == from + SECONDS / 2 {
            bench.store.tend(bench.now);
            history.break_off(bench.now);
        }
    }
    let before = history.stats().lost;
    // The folder is opened again some seconds after a try that failed.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let mut calls = 0;
    while history.stats().failing.is_some() {
        calls += u32::from(bench.store.tend(bench.now));
        assert!(std::time::Instant::now() < deadline, "it is kept again");
        std::thread::yield_now();
    }
    // What came meanwhile was counted when it was not written.
    let came = SECONDS as u64 * 425;
    assert!(
        (before..=came).contains(&history.stats().lost),
        "{before} and then {}",
        history.stats().lost
    );
    assert!(
        calls > 20,
        "it is kept again after {calls} calls, each holding the rings"
    );
    drop(history);
    bench.reopen();
    let reader = bench.store.read();
    let expected: Vec<_> = (from..from + SECONDS).map(|second| second * SECOND + 850).collect();
    for (name, count) in [("many", 400), ("wide", 25)] {
        assert_eq!(reader.series(name).count(), count);
        for stored in reader.series(name) {
            let (base, offsets) = stored.times();
            let times: Vec<_> = offsets.iter().map(|offset| base + Millis::from(*offset)).collect();
            assert_eq!(times, expected, "{}", stored.series().name());
        }
    }
}

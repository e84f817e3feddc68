//! Laws that hold for all samples: the engine against the plainest possible reading of its rules.

use keiki_model::histogram::Distribution as Any;
use keiki_model::query::{Function, Selector};
use proptest::prelude::*;

use super::*;

fn query(function: Function) -> Query {
    Query::new(Selector::new("m"), function)
}

/// Times in the last two minutes, each once, in order.
fn times(most: usize) -> impl Strategy<Value = Vec<Millis>> {
    prop::collection::btree_set(-120_000..0_i64, 1..most).prop_map(|times| times.into_iter().collect())
}

fn step() -> impl Strategy<Value = u32> {
    prop::sample::select(vec![1, 2, 3, 4, 5, 6, 10, 12, 20, 30])
}

/// A counter's increase between two of its samples, the plain way: what it gained, and all of it after a restart.
fn plain_increase(values: &[f64]) -> f64 {
    values
        .windows(2)
        .map(|pair| if pair[1] < pair[0] { pair[1] } else { pair[1] - pair[0] })
        .sum()
}

/// The rate of a slot by its definition.
fn plain_rate(samples: &[(Millis, f64)], start: Millis, end: Millis, interval: Millis) -> Option<f64> {
    let reach = interval * 5 / 2;
    let between = |a: usize, b: usize| {
        let values: Vec<_> = samples[a..=b].iter().map(|sample| sample.1).collect();
        (a < b).then(|| plain_increase(&values) * 1_000.0 / (samples[b].0 - samples[a].0) as f64)
    };
    let before_end = samples.iter().rposition(|sample| sample.0 < end)?;
    let before_start = samples.iter().rposition(|sample| sample.0 < start);
    if samples[before_end].0 >= start {
        let Some(first) = before_start else {
            return between(0, before_end);
        };
        let far = samples[before_end].0 - samples[first].0 > reach + end - start;
        return if far { None } else { between(first, before_end) };
    }
    match samples.get(before_end + 1) {
        Some(next) if next.0 - samples[before_end].0 <= reach => between(before_end, before_end + 1),
        _ if end - samples[before_end].0 > reach => None,
        _ => {
            let previous = before_end.checked_sub(1)?;
            let near = samples[before_end].0 - samples[previous].0 <= reach;
            if near { between(previous, before_end) } else { None }
        }
    }
}

fn close(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0),
        (a, b) => a == b,
    }
}

proptest! {
    #[test]
    fn rates_are_what_their_definition_says(
        times in times(80),
        values in prop::collection::vec(0..50_u32, 80),
        interval in prop::sample::select(vec![1_000_u32, 2_000, 15_000]),
        step in step(),
    ) {
        let samples: Vec<_> = times.into_iter().zip(values.into_iter().map(f64::from)).collect();
        let bench = Bench::new();
        bench.numbers(&series("m", &[], Kind::Counter, interval), &samples);
        let slots = 60 / step;
        let line = bench.line(&query(Function::Rate), step, slots);
        let step = Millis::from(step) * 1_000;
        for (slot, point) in line.iter().enumerate() {
            let start = (slot as Millis - Millis::from(slots)) * step;
            let expected = plain_rate(&samples, start, start + step, interval.into());
            prop_assert!(close(*point, expected), "slot {slot}: {point:?}, not {expected:?}");
        }
    }

    #[test]
    fn an_increase_is_all_that_was_gained_and_all_after_restarts(
        times in times(80),
        values in prop::collection::vec(0..50_u32, 80),
    ) {
        let samples: Vec<_> = times.into_iter().zip(values.into_iter().map(f64::from)).collect();
        let bench = Bench::new();
        bench.numbers(&series("m", &[], Kind::Counter, 1_000), &samples);
        let values: Vec<_> = samples.iter().map(|sample| sample.1).collect();
        let figure = bench.figure(&query(Function::Increase), 120).map(|figure| figure.value);
        prop_assert_eq!(figure, Some(plain_increase(&values)));
    }

    #[test]
    fn lines_of_distributions_are_those_of_all_observations(
        times in times(60),
        values in prop::collection::vec(prop::collection::vec(0.001..30.0_f64, 0..4), 60),
        step in step(),
        others in any::<u64>(),
    ) {
        let samples: Vec<_> = times.into_iter().zip(values).collect();
        let bench = Bench::new();
        for which in 0..2 {
            let series = series("m", &[("n", if which == 0 { "a" } else { "b" })], Kind::Histogram, 1_000);
            let mine = samples.iter().enumerate().filter(|(n, _)| (others >> (n % 64) & 1) as usize == which);
            bench.distributions(&series, mine.map(|(_, (time, values))| (*time, recorded(values))).collect());
        }
        let slots = 60 / step;
        let stretch = Millis::from(step.max(10)) * 1_000;
        let plain = |to: Millis, length: Millis, function: Plain| {
            let inside = samples.iter().filter(|(time, _)| (to - length..to).contains(time));
            let all: Vec<_> = inside.flat_map(|(_, values)| values.iter().copied()).collect();
            function(&recorded(&all))
        };
        let functions: [(Function, Plain); 4] = [
            (Function::Quantile(0.95), |all| all.quantile(0.95).map(|found| found.value)),
            (Function::Avg, Any::mean),
            (Function::Min, Any::min),
            (Function::Max, Any::max),
        ];
        for (function, expected) in functions {
            let line = bench.line(&query(function), step, slots);
            for (slot, point) in line.iter().enumerate() {
                let end = (slot as Millis + 1 - Millis::from(slots)) * Millis::from(step) * 1_000;
                prop_assert!(close(*point, plain(end, stretch, expected)), "{function:?} of slot {slot}: {point:?}");
            }
            let figure = bench.figure(&query(function), 60).map(|figure| figure.value);
            prop_assert!(close(figure, plain(0, 60_000, expected)), "{function:?} of the window: {figure:?}");
        }
    }
}

/// What a function makes of all observations.
type Plain = fn(&Any) -> Option<f64>;

/// What may happen to a store between two ticks.
#[derive(Clone, Debug)]
enum Event {
    /// A sample of a route this long before now.
    Sample { route: u8, age: Millis, values: Vec<f64> },
    /// Time passes.
    Tick(Millis),
    /// A sample of another class of sources, which is trusted more.
    Trusted { age: Millis },
}

fn event() -> impl Strategy<Value = Event> {
    let values = || prop::collection::vec(0.001..30.0_f64, 0..3);
    prop_oneof![
        8 => (0..4_u8, 0..2_000_i64, values()).prop_map(|(route, age, values)| Event::Sample { route, age, values }),
        2 => (0..4_u8, 0..60_000_i64, values()).prop_map(|(route, age, values)| Event::Sample { route, age, values }),
        6 => (1..3_i64).prop_map(|seconds| Event::Tick(seconds * 1_000)),
        1 => (20..400_i64).prop_map(|seconds| Event::Tick(seconds * 1_000)),
        1 => Just(Event::Tick(-90_000)),
        1 => (0..2_000_i64).prop_map(|age| Event::Trusted { age }),
    ]
}

proptest! {
    #[test]
    fn continued_lines_are_those_made_anew(events in prop::collection::vec(event(), 1..60), step in step()) {
        let store = Store::new(Limits { window_ms: 120_000, ..Limits::default() });
        let source = SourceId::new("scrape", SourceClass::Scrape);
        let trusted = SourceId::new("own", SourceClass::Own);
        let metric = "http_server_request_duration_seconds";
        let route = |route: u8| {
            let labels = [("http_route", route.to_string()), ("service_name", "shop".to_owned())];
            Series::new(metric, Labels::new(labels), Kind::Histogram, Some(1_000))
        };
        let panels: Vec<_> = ["api.latency", "api.distribution", "api.endpoints"]
            .iter()
            .filter_map(|id| keiki_model::group::panel(id))
            .collect();
        let kept = Engine::new(store.clone(), |_: &str| None);
        let scope = Scope::default();
        let mut now = NOW;
        for event in events {
            match event {
                Event::Sample { route: which, age, values } => {
                    let sample = Sample::distribution(&route(which), now - age, recorded(&values));
                    store.append(&source, vec![sample], now);
                }
                Event::Trusted { age } => {
                    let sample = Sample::distribution(&route(9), now - age, recorded(&[0.5]));
                    store.append(&trusted, vec![sample], now);
                }
                Event::Tick(by) => {
                    now += by;
                    store.sweep(now);
                    let to = now.div_euclid(Millis::from(step) * 1_000) * Millis::from(step) * 1_000;
                    let ask = Ask { scope: &scope, step, window: 60, to, now, as_of: now, targets: None };
                    let fresh = Engine::new(store.clone(), |_: &str| None);
                    for panel in &panels {
                        prop_assert_eq!(kept.panel(panel, &ask), fresh.panel(panel, &ask));
                    }
                }
            }
        }
    }
}

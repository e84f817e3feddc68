//! What is read of the history is what a store that never forgot would say.

use keiki_model::query::{Function, Selector};
use keiki_model::time::SECOND;

use super::*;
use crate::store::history::{HistorySettings, Past};

const HOURS: i64 = 3;
const END: Millis = NOW;
const START: Millis = END - HOURS * 3_600 * SECOND;

/// The same samples twice: in a store with a history, and in one with rings of hours.
struct Twins {
    _folder: tempfile::TempDir,
    kept: Store,
    all: Store,
    now: Millis,
}

/// What is measured in a second: a gauge with a spike, a counter that restarts, durations; two instances, one of which
/// comes late and is silent for a while.
fn samples(second: i64, series: &[Arc<Series>; 6]) -> Vec<Sample> {
    let time = second * SECOND + 850;
    let mut samples = Vec::new();
    for (instance, [gauge, counter, durations]) in [[0, 1, 2], [3, 4, 5]].into_iter().enumerate() {
        let minute = (time - START).div_euclid(60_000);
        if instance == 1 && (minute < 20 || (100..115).contains(&minute)) {
            continue;
        }
        let wave = (second * 7_919 % 1_000) as f64 / 10.0;
        let spike = if second % 5_000 == 0 { 1e4 } else { 0.0 };
        samples.push(Sample::number(&series[gauge], time, wave + spike));
        samples.push(Sample::number(
            &series[counter],
            time,
            (second % 2_000 * 3 + second % 7) as f64,
        ));
        let values: Vec<f64> = (0..second % 4)
            .map(|n| 0.001 * (1 + (second * 31 + n * 17) % 500) as f64)
            .collect();
        samples.push(Sample::distribution(&series[durations], time, recorded(&values)));
    }
    samples
}

impl Twins {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = HistorySettings::new(folder.path());
        let limits = Limits::default();
        let mut twins = Self {
            kept: Store::open(limits, &SourceClass::ALL, settings, START).expect("a new history"),
            all: Store::new(Limits {
                window_ms: (HOURS + 1) * 3_600 * SECOND,
                ..limits
            }),
            _folder: folder,
            now: START,
        };
        let kinds = [
            ("gauge", Kind::Gauge),
            ("counter_total", Kind::Counter),
            ("durations", Kind::Histogram),
        ];
        let of = |instance| kinds.map(|(name, kind)| series(name, &[("instance", instance)], kind, 1_000));
        let ([a, b, c], [d, e, f]) = (of("a"), of("b"));
        let series = [a, b, c, d, e, f];
        let source = SourceId::new("test", SourceClass::Own);
        while twins.now < END {
            let samples = samples(twins.now / SECOND, &series);
            twins.now += SECOND;
            twins.kept.append(&source, samples.clone(), twins.now);
            twins.all.append(&source, samples, twins.now);
            while twins.kept.tend(twins.now) {}
        }
        twins
    }

    /// The lines and figures of a query, each by its group: of the history, and of the rings.
    fn both<T>(&self, query: &Query, grid: Grid, ask: impl for<'a> Fn(&Evaluator<'a>, &'a Query) -> T) -> [T; 2] {
        let scope = Scope::default();
        let audience = Audience {
            scope: &scope,
            itself: false,
        };
        let metrics: Vec<_> = query.selectors().into_iter().flat_map(Selector::metrics).collect();
        let past = Past {
            from: grid.from,
            to: grid.to(),
            step: grid.step,
            admits: &|_| true,
            work: usize::MAX,
        };
        let kept = self.kept.past(&metrics, &past).expect("no limit");
        let all = self.all.read();
        [kept, all].map(|reader| ask(&Evaluator::new(&reader, audience, grid, grid.from, grid.to()), query))
    }
}

fn near(a: f64, b: f64) -> bool {
    (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

#[test]
fn lines_and_figures_are_those_of_all_samples() {
    let twins = Twins::new();
    let functions = [
        ("gauge", Function::Avg),
        ("gauge", Function::Min),
        ("gauge", Function::Max),
        ("gauge", Function::Last),
        ("counter_total", Function::Rate),
        ("counter_total", Function::Increase),
        ("durations", Function::Rate),
        ("durations", Function::Avg),
        ("durations", Function::Quantile(0.5)),
        ("durations", Function::Quantile(0.99)),
        ("durations", Function::Apdex(0.1)),
    ];
    let mut compared = 0;
    for (metric, function) in functions {
        for step in [1, 5, 10, 30, 60, 120, 900] {
            for (ago, slots) in [(0, 60), (0, 10), (3_600, 30), (1_500, 5)] {
                let to = (END - ago * SECOND).div_euclid(step * SECOND) * step * SECOND;
                let from = to - slots * step * SECOND;
                // Within what the tier of the step still has, and where both began.
                if from < START + 1_800 * SECOND || (step < 10 && from < END - 7_000 * SECOND) {
                    continue;
                }
                // While an instance is silent a slot is all gap or none: coarse slots bridge what fine ones do not.
                let silent = (START + 99 * 60 * SECOND, START + 116 * 60 * SECOND);
                if step > 1 && from < silent.1 && to > silent.0 {
                    continue;
                }
                let grid = Grid {
                    from,
                    step: step * SECOND,
                    slots: slots as usize,
                };
                let query = Query::new(Selector::new(metric), function);
                let query = query.by(&["instance"]);
                let [kept, all] = twins.both(&query, grid, |evaluator, query| {
                    let mut lines = evaluator.lines(query, ALL);
                    let figures = evaluator.figures(query, ALL);
                    for (labels, figure) in figures {
                        // Behind each line the figure of its window.
                        let line = lines.iter_mut().find(|(of, _)| *of == labels);
                        line.expect("a figure has a line").1.push(figure.value);
                    }
                    lines.sort_by(|a, b| a.0.cmp(&b.0));
                    lines
                });
                assert_eq!(kept.len(), all.len(), "{metric} {function:?} {step}");
                // Slots of a minute and more keep coarser buckets.
                let is_coarse = step >= 60 && matches!(function, Function::Quantile(_) | Function::Apdex(_));
                let as_stated = |kept: f64, all: f64| match function {
                    Function::Apdex(_) => (kept - all).abs() < 0.1,
                    _ => (kept / all - 1.0).abs() < 0.044 + 0.011 || kept == all,
                };
                for ((labels, kept), (_, all)) in kept.iter().zip(&all) {
                    for (slot, (kept, all)) in kept.iter().zip(all).enumerate() {
                        assert!(
                            near(*kept, *all) || is_coarse && as_stated(*kept, *all),
                            "{metric} {function:?} of {labels} at step {step}, {ago} s ago, slot {slot} of {slots}: {kept} for {all}"
                        );
                        compared += 1;
                    }
                }
            }
        }
    }
    assert!(compared > 10_000, "{compared}");
}

#[test]
fn extremes_are_those_of_all_samples() {
    let twins = Twins::new();
    let mut spikes = 0;
    for (metric, function) in [
        ("gauge", Function::Avg),
        ("gauge", Function::Last),
        ("counter_total", Function::Rate),
    ] {
        for step in [10, 60, 120, 900] {
            let to = END.div_euclid(step * SECOND) * step * SECOND;
            let from = (END - 4_000 * SECOND).div_euclid(step * SECOND) * step * SECOND;
            let slots = usize::try_from((to - from) / (step * SECOND)).expect("some");
            let grid = Grid {
                from,
                step: step * SECOND,
                slots,
            };
            let query = Query::new(Selector::new(metric), function).by(&["instance"]);
            let [kept, all] = twins.both(&query, grid, |evaluator, query| {
                let mut found = evaluator.extremes(query, ALL).expect("single values");
                found.sort_by(|a, b| a.0.cmp(&b.0));
                (found, evaluator.lines(query, ALL))
            });
            for ((labels, low, high), (_, all_low, all_high)) in kept.0.iter().zip(&all.0) {
                let (_, line) = kept.1.iter().find(|(of, _)| of == labels).expect("a line");
                for slot in 0..slots {
                    let told = format!("{metric} {function:?} of {labels} at step {step}, slot {slot}");
                    assert!(
                        near(low[slot], all_low[slot]),
                        "{told}: {} for {}",
                        low[slot],
                        all_low[slot]
                    );
                    assert!(
                        near(high[slot], all_high[slot]),
                        "{told}: {} for {}",
                        high[slot],
                        all_high[slot]
                    );
                    let hair = 1e-9 * line[slot].abs();
                    let within = low[slot] - hair <= line[slot] && line[slot] <= high[slot] + hair;
                    assert!(within || line[slot].is_nan(), "{told}: {} lies outside", line[slot]);
                    spikes += usize::from(high[slot] >= 1e4);
                }
            }
        }
    }
    assert!(spikes > 0, "a second's spike is seen in every slot that holds it");
}

#[test]
fn a_panel_of_the_past_has_extremes_also_of_quantiles() {
    let twins = Twins::new();
    let line = |stat, query| keiki_model::panel::Line {
        labels: Labels::new([("stat", stat)]),
        query,
    };
    let mut panel = keiki_model::group::panel("api.latency").expect("a panel").clone();
    panel.lines = vec![
        line("p95", Query::new(Selector::new("durations"), Function::Quantile(0.95))),
        line("mean", Query::new(Selector::new("gauge"), Function::Avg)),
    ];
    let engine = Engine::new(twins.kept.clone(), |_: &str| None);
    let ask = |window, step| {
        let scope = Scope::default();
        let ask = Ask {
            scope: &scope,
            step,
            window,
            to: END.div_euclid(i64::from(step) * SECOND) * i64::from(step) * SECOND,
            now: END,
            as_of: END,
            targets: None,
        };
        engine.panel(&panel, &ask)
    };
    let past = ask(3_600, 30);
    assert_eq!(past.series.len(), 2);
    for series in &past.series {
        assert_eq!((series.min.len(), series.max.len()), (120, 120), "{}", series.labels);
        for (slot, value) in series.points.iter().enumerate() {
            let (Some(value), Some(low), Some(high)) = (*value, series.min[slot], series.max[slot]) else {
                continue;
            };
            // A quantile of the whole lies between the quantiles of its parts; a mean between all values.
            assert!(
                low <= value && value <= high,
                "{} at {slot}: {value} of {low} to {high}",
                series.labels
            );
        }
    }
    let highest = |stat| {
        let series = past
            .series
            .iter()
            .find(|series| series.labels.get("stat") == Some(stat));
        let all = series.map(|series| series.max.iter().flatten().copied().fold(0.0, f64::max));
        all.expect("such a line")
    };
    assert!(highest("mean") >= 1e4, "the spike of a second is seen");
    let live = ask(300, 1);
    assert!(
        live.series.iter().all(|series| series.min.is_empty()),
        "a stream carries none"
    );
}

type Shape = fn(f64) -> f64;

/// Durations of five distributions, from a number that is as good as drawn by lot.
const SHAPES: [(&str, Shape); 5] = [
    ("uniform", |u| 0.01 + 0.2 * u),
    ("exponential", |u| -0.05 * (1.0 - u).ln() + 1e-4),
    ("pareto", |u| 0.005 * (1.0 - u).powf(-0.7)),
    ("two humps", |u| if u < 0.9 { 0.002 + 0.001 * u } else { 1.0 + u }),
    ("constant", |_| 0.25),
];

#[test]
fn quantiles_of_every_tier_are_within_the_stated_error_of_the_raw_durations() {
    const PER_SECOND: i64 = 7;
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(
        Limits::default(),
        &SourceClass::ALL,
        HistorySettings::new(folder.path()),
        START,
    );
    let store = store.expect("a new history");
    let series = SHAPES.map(|(name, _)| series("durations", &[("shape", name)], Kind::Histogram, 1_000));
    let source = SourceId::new("test", SourceClass::Own);
    let drawn = |second: i64, n: i64| ((second * PER_SECOND + n) as f64 * 0.618_033_988_749_894_9).fract();
    let values = |shape: usize, second: i64| (0..PER_SECOND).map(move |n| SHAPES[shape].1(drawn(second, n)));
    let end = START + 2 * 3_600 * SECOND;
    for second in START / SECOND..end / SECOND {
        let time = second * SECOND + 850;
        let samples = series.iter().enumerate().map(|(shape, series)| {
            let all: Vec<f64> = values(shape, second).collect();
            Sample::distribution(series, time, recorded(&all))
        });
        store.append(&source, samples.collect(), time);
        while store.tend(time) {}
    }
    let scope = Scope::default();
    let audience = Audience {
        scope: &scope,
        itself: false,
    };
    let mut compared = 0;
    for (step, error) in [(10, 0.011), (60, 0.044), (900, 0.044)] {
        let to = end.div_euclid(step * SECOND) * step * SECOND - 900 * SECOND;
        let grid = Grid {
            from: to - 3 * step * SECOND,
            step: step * SECOND,
            slots: 3,
        };
        let past = Past {
            from: grid.from,
            to,
            step: grid.step,
            admits: &|_| true,
            work: usize::MAX,
        };
        let reader = store.past(&["durations"], &past).expect("no limit");
        let query = |q| Query::new(Selector::new("durations"), Function::Quantile(q)).by(&["shape"]);
        let queries = [0.5, 0.9, 0.95, 0.99, 0.999].map(|q| (q, query(q)));
        let evaluator = Evaluator::new(&reader, audience, grid, grid.from, to);
        for (q, query) in &queries {
            for (labels, line) in evaluator.lines(query, ALL) {
                let shape = SHAPES.iter().position(|(name, _)| labels.get("shape") == Some(name));
                let shape = shape.expect("one of the shapes");
                for (slot, found) in line.into_iter().enumerate() {
                    let first = grid.from / SECOND + step * slot as i64;
                    let mut raw: Vec<f64> = (first..first + step).flat_map(|second| values(shape, second)).collect();
                    raw.sort_by(f64::total_cmp);
                    let rank = ((q * raw.len() as f64).ceil() as usize).clamp(1, raw.len()) - 1;
                    // Beside a rank that is a rounding away stands the neighbour.
                    let (low, high) = (raw[rank.saturating_sub(1)], raw[(rank + 1).min(raw.len() - 1)]);
                    let within = low * (1.0 - error) <= found && found <= high * (1.0 + error);
                    assert!(
                        within,
                        "{} p{q} at {step} s: {found} for {}",
                        SHAPES[shape].0, raw[rank]
                    );
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 3 * 5 * 5 * 3);
}

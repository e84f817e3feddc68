//! Keiki's side of the comparison with Prometheus and VictoriaMetrics, which `end2end/bench/peers.js` makes.
//!
//! `cargo run --release -p keiki-server --example bench_peers FOLDER END DAYS`
//!
//! Feeds a store with a history in FOLDER with so many days up to END (Unix milliseconds, a whole hour), and writes the same
//! samples there as text that the peers import. Then it answers on a port of its own: engine and JSON behind as little
//! HTTP as there is, so that all three are asked in the same way.
//!
//! Keiki keeps distributions in exponential buckets of its own; what the peers get of the same durations are classic
//! buckets with the bounds of [`BOUNDS`].

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use keiki_model::histogram::Exponential;
use keiki_model::panel::{ColumnSpec, Panel, StatKey};
use keiki_model::query::{Function, Query, Selector};
use keiki_model::series::{Kind, Labels, SERVICE_NAME, Sample, Series};
use keiki_model::text::Text;
use keiki_model::time::{Millis, SECOND};
use keiki_model::unit::Unit;
use keiki_model::view::Scope;
use keiki_server::query::{Ask, Engine};
use keiki_server::store::history::HistorySettings;
use keiki_server::store::{Limits, SourceClass, SourceId, Store};

use self::panels::{lines, table};

mod panels;

/// The upper bounds of the buckets that the peers get, seconds.
const BOUNDS: [&str; 12] = [
    "0.001", "0.002", "0.003", "0.005", "0.007", "0.01", "0.015", "0.02", "0.03", "0.05", "0.07", "0.1",
];
/// How far into its second a sample is taken, milliseconds: never on the edge of a slot.
const PHASE: Millis = 850;
const HOUR: Millis = 3_600 * SECOND;
const DAY: Millis = 24 * HOUR;
/// The metric that is there for all of the days.
const LONGEST: &str = "month_total";

/// The same numbers in every run.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A whole number below `limit`.
    fn below(&mut self, limit: f64) -> f64 {
        (self.unit() * limit).floor()
    }

    /// A request's duration, seconds: a few milliseconds, with a tail.
    fn duration(&mut self) -> f64 {
        0.004 * (-(1.0 - self.unit()).ln()).powf(1.6) + 0.000_5
    }
}

/// Series of one metric, which all report at the same times.
struct Set {
    metric: &'static str,
    kind: Kind,
    /// The label that tells its series apart.
    label: &'static str,
    count: usize,
    /// Milliseconds between two samples.
    interval: Millis,
    /// How long before the end it begins, milliseconds: what is asked for and a little more. Of the longest that is
    /// the little more alone, the days are an argument.
    length: Millis,
    /// How fast its slowest series is: requests in a sample, or the most that a counter grows.
    pace: f64,
}

const SETS: [Set; 5] = [
    Set {
        metric: "live_seconds",
        kind: Kind::Histogram,
        label: "http_route",
        count: 50,
        interval: SECOND,
        length: 400 * SECOND,
        pace: 20.0,
    },
    Set {
        metric: "day_seconds",
        kind: Kind::Histogram,
        label: "http_route",
        count: 50,
        interval: 15 * SECOND,
        length: DAY + 600 * SECOND,
        pace: 60.0,
    },
    Set {
        metric: "level",
        kind: Kind::Gauge,
        label: "n",
        count: 1_000,
        interval: SECOND,
        length: 400 * SECOND,
        pace: 0.0,
    },
    Set {
        metric: LONGEST,
        kind: Kind::Counter,
        label: "n",
        count: 100,
        interval: 60 * SECOND,
        length: 2 * HOUR,
        pace: 600.0,
    },
    Set {
        metric: "work_total",
        kind: Kind::Counter,
        label: "n",
        count: 10_000,
        interval: SECOND,
        length: 240 * SECOND,
        pace: 20.0,
    },
];

/// What is known of one series.
struct One {
    series: Arc<Series>,
    /// The names under which the peers know it: a histogram's buckets.
    names: Vec<String>,
    /// What a counter, or each bucket, has counted so far.
    totals: Vec<f64>,
}

/// The text that the peers import: the same lines, but for the unit of time.
struct Texts {
    /// For `promtool tsdb create-blocks-from openmetrics`: seconds.
    open_metrics: BufWriter<File>,
    /// For `/api/v1/import/prometheus` of VictoriaMetrics: milliseconds.
    plain: BufWriter<File>,
    lines: u64,
}

impl Texts {
    fn create(folder: &Path) -> io::Result<Self> {
        let file = |name| Ok::<_, io::Error>(BufWriter::with_capacity(1 << 20, File::create(folder.join(name))?));
        Ok(Self {
            open_metrics: file("samples.om")?,
            plain: file("samples.txt")?,
            lines: 0,
        })
    }

    fn line(&mut self, name: &str, value: f64, time: Millis) -> io::Result<()> {
        self.lines += 1;
        let (seconds, rest) = (time / SECOND, time % SECOND);
        writeln!(self.open_metrics, "{name} {value} {seconds}.{rest:03}")?;
        writeln!(self.plain, "{name} {value} {time}")
    }

    fn finish(mut self) -> io::Result<u64> {
        writeln!(self.open_metrics, "# EOF")?;
        self.open_metrics.flush()?;
        self.plain.flush()?;
        Ok(self.lines)
    }
}

struct Feeder {
    store: Store,
    source: SourceId,
    sets: Vec<(Set, Vec<One>)>,
    bounds: Vec<f64>,
    random: Random,
    samples: u64,
    seconds: f64,
}

impl Feeder {
    fn new(store: Store, days: i64) -> Self {
        let named = |mut set: Set| {
            if set.metric == LONGEST {
                set.length += days * DAY;
            }
            let all = (0..set.count).map(|n| One::new(&set, n)).collect();
            (set, all)
        };
        Self {
            store,
            source: SourceId::new("bench", SourceClass::Own),
            sets: SETS.into_iter().map(named).collect(),
            bounds: BOUNDS.iter().filter_map(|bound| bound.parse().ok()).collect(),
            random: Random(42),
            samples: 0,
            seconds: 0.0,
        }
    }

    /// The second from `now` on passes; what is due is measured.
    fn pass(&mut self, now: Millis, end: Millis, mut texts: Option<&mut Texts>) -> io::Result<()> {
        let time = now + PHASE;
        let mut samples = Vec::new();
        for (set, all) in &mut self.sets {
            if now < end - set.length || now % set.interval != 0 {
                continue;
            }
            for (n, one) in all.iter_mut().enumerate() {
                let (sample, values) = one.measure(set, n, time, &mut self.random, &self.bounds);
                samples.push(sample);
                if let Some(texts) = texts.as_deref_mut() {
                    for (name, value) in one.names.iter().zip(values) {
                        texts.line(name, value, time)?;
                    }
                }
            }
        }
        let count = samples.len() as u64;
        let began = Instant::now();
        let appended = self.store.append(&self.source, samples, time);
        assert_eq!(appended.accepted, count, "{:?}", appended.rejected);
        while self.store.tend(now + SECOND) {}
        self.seconds += began.elapsed().as_secs_f64();
        self.samples += count;
        Ok(())
    }
}

impl One {
    fn new(set: &Set, n: usize) -> Self {
        let value = match set.kind {
            Kind::Histogram => format!("/route/{n}"),
            _ => n.to_string(),
        };
        let labels = format!("{SERVICE_NAME}=\"shop\",{}=\"{value}\"", set.label);
        let names: Vec<_> = match set.kind {
            Kind::Histogram => BOUNDS
                .iter()
                .chain(&["+Inf"])
                .map(|bound| format!("{}_bucket{{{labels},le=\"{bound}\"}}", set.metric))
                .collect(),
            _ => vec![format!("{}{{{labels}}}", set.metric)],
        };
        let labels = Labels::new([(SERVICE_NAME, "shop".to_owned()), (set.label, value)]);
        Self {
            series: Series::new(set.metric, labels, set.kind, u32::try_from(set.interval).ok()),
            totals: vec![0.0; names.len()],
            names,
        }
    }

    /// Its next sample, and what the peers get of it.
    fn measure(
        &mut self,
        set: &Set,
        n: usize,
        time: Millis,
        random: &mut Random,
        bounds: &[f64],
    ) -> (Sample, Vec<f64>) {
        // Series differ, so that the largest are the same ones to everybody.
        let own = 1.0 + n as f64 / set.count as f64;
        match set.kind {
            Kind::Histogram => {
                let mut histogram = Exponential::new();
                for _ in 0..(set.pace + random.below(set.pace / 2.0)) as usize {
                    let duration = random.duration() * own;
                    histogram.record(duration);
                    let place = bounds.partition_point(|bound| *bound < duration);
                    self.totals[place..].iter_mut().for_each(|total| *total += 1.0);
                }
                (
                    Sample::distribution(&self.series, time, histogram.into()),
                    self.totals.clone(),
                )
            }
            Kind::Counter => {
                self.totals[0] += random.below(set.pace * own);
                (Sample::number(&self.series, time, self.totals[0]), self.totals.clone())
            }
            Kind::Gauge => {
                let value = own * 1_000.0 + random.below(100.0);
                (Sample::number(&self.series, time, value), vec![value])
            }
        }
    }
}

/// One figure of each group, over the window.
fn figures(query: Query, rows: usize) -> Panel {
    let mut panel = table(query, rows);
    panel.spec.columns = vec![ColumnSpec {
        key: StatKey::Mean,
        label: Text::default(),
        unit: Unit::Seconds,
        goal: None,
        minor: false,
    }];
    panel
}

/// The panel of a question, its step and its window, seconds.
fn question(name: &str, days: i64) -> Option<(Panel, u32, u32)> {
    let month = u32::try_from(days * DAY / SECOND).ok()?;
    let of = |metric: &str, function| Query::new(Selector::new(metric), function);
    let p95 = |metric: &str| of(metric, Function::Quantile(0.95)).by(&["http_route"]);
    Some(match name {
        "p95_figure" => (figures(p95("live_seconds"), 50), 1, 300),
        "p95_lines" => (lines(p95("live_seconds"), 50), 1, 300),
        "p95_day" => (lines(p95("day_seconds"), 50), 120, 86_400),
        "top_10" => (figures(of("level", Function::Avg).by(&["n"]), 10), 1, 300),
        "rate_many" => (lines(of("work_total", Function::Rate), 1), 1, 200),
        "rate_month" => (lines(of(LONGEST, Function::Rate).by(&["n"]), 100), 3_600, month),
        "rate_month_sum" => (lines(of(LONGEST, Function::Rate), 1), 3_600, month),
        _ => return None,
    })
}

/// Answers one request after the other until the connection ends: `/<question>` by an engine that has kept nothing,
/// `/<question>?next` when another second has passed, by one that goes on.
fn serve(
    stream: TcpStream,
    feeder: &mut Feeder,
    engine: &Engine,
    now: &mut Millis,
    days: i64,
) -> Result<(), Box<dyn std::error::Error>> {
    stream.set_nodelay(true)?;
    let mut answers = stream.try_clone()?;
    let mut requests = BufReader::new(stream);
    loop {
        let mut request = String::new();
        if requests.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut header = String::new();
        while requests.read_line(&mut header)? > 2 {
            header.clear();
        }
        let path = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
        let (name, next) = match path.strip_suffix("?next") {
            Some(name) => (name, true),
            None => (path, false),
        };
        let Some((panel, step, window)) = question(name, days) else {
            answers.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        };
        if next {
            // All sets go on.
            feeder.pass(*now, *now, None)?;
            *now += SECOND;
        }
        let ask = Ask {
            scope: &Scope::default(),
            step,
            window,
            to: *now,
            now: *now + 200,
            as_of: *now + 200,
            targets: None,
        };
        let began = Instant::now();
        let snapshot = if next {
            engine.panel(&panel, &ask)
        } else {
            Engine::new(feeder.store.clone(), |_: &str| None).panel(&panel, &ask)
        };
        let evaluated = began.elapsed().as_secs_f64() * 1e3;
        let body = serde_json::to_vec(&snapshot)?;
        let all = began.elapsed().as_secs_f64() * 1e3;
        let length = body.len();
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nX-Engine: {evaluated}\r\n\
             X-Engine-And-Json: {all}\r\n\r\n"
        )
        .into_bytes();
        answer.extend(body);
        answers.write_all(&answer)?;
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [folder, end, days] = &arguments[..] else {
        return Err("FOLDER, END and DAYS are needed".into());
    };
    let (folder, end, days) = (Path::new(folder), end.parse::<Millis>()?, days.parse::<i64>()?);
    let begin = end - days.max(1) * DAY - 2 * HOUR;
    let settings = HistorySettings::new(folder.join("history"));
    let store = Store::open(Limits::default(), &SourceClass::ALL, settings, begin)?;
    let mut feeder = Feeder::new(store.clone(), days);
    let mut texts = Texts::create(folder)?;
    let mut now: Millis = begin;
    while now < end {
        feeder.pass(now, end, Some(&mut texts))?;
        // Seconds in which nothing is due are left out.
        let due = |set: &Set| {
            let next = (now + SECOND + set.interval - 1).div_euclid(set.interval) * set.interval;
            next.max(end - set.length)
        };
        now = feeder.sets.iter().map(|(set, _)| due(set)).min().unwrap_or(end);
    }
    store.flush(end);
    let lines = texts.finish()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let told = serde_json::json!({
        "port": listener.local_addr()?.port(),
        "samples": feeder.samples,
        "seconds": feeder.seconds,
        "lines": lines,
        "bounds": feeder.bounds,
    });
    println!("{told}");
    // It ends with the one who asks.
    std::thread::spawn(|| {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let engine = Engine::new(store, |_: &str| None);
    let mut now = end;
    for stream in listener.incoming() {
        serve(stream?, &mut feeder, &engine, &mut now, days)?;
    }
    Ok(())
}

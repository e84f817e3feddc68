//! How many bytes a sample of this machine takes in the finest tier of the history.
//!
//! `cargo run --release -p keiki-server --example bench_host FILE MINUTES`
//!
//! Where there is no FILE yet, the host source is read into it every second for so many minutes (16). Then what is in FILE
//! is put into a history, as Keiki does it. Records of that tier cover five minutes and know nothing of each other, so
//! only whole stretches are counted, and what three of them come to, the twelve of an hour come to as well.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keiki_model::series::{Kind, Labels, Sample, Series, Value};
use keiki_model::time::{Millis, SECOND};
use keiki_server::source::Source;
use keiki_server::source::host::{HostConfig, HostSource, host_name};
use keiki_server::store::history::{HistorySettings, HistoryStats};
use keiki_server::store::{Limits, SourceClass, SourceId, Store};

/// What one record of the finest tier covers, milliseconds.
const STRETCH: Millis = 300 * SECOND;
/// How far into a second Keiki reads its host, milliseconds.
const PHASE: Millis = 850;
/// How long after its end a stretch has been written for certain, milliseconds.
const SETTLED: Millis = 120 * SECOND;
/// How many metrics are told by themselves: those that take most.
const TOLD: usize = 12;

/// Readings, each with its time.
type Readings = Vec<(Millis, Vec<Sample>)>;

fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as Millis
}

/// Reads this machine every second; what it reads becomes lines of `series NUMBER ONE` and `at TIME NUMBER=VALUE …`.
async fn record(minutes: i64) -> Result<String, Box<dyn Error>> {
    let mut source = HostSource::new(HostConfig::default(), &host_name());
    // By the series' fingerprints.
    let mut numbers = HashMap::new();
    let mut text = String::new();
    let end = now() + minutes * 60 * SECOND;
    while now() < end {
        let next = (now() - PHASE).div_euclid(SECOND) * SECOND + SECOND + PHASE;
        tokio::time::sleep(Duration::from_millis(next.abs_diff(now()))).await;
        let mut line = format!("at {next}");
        for Sample { series, value, .. } in source.collect(next).await? {
            let Value::Number(value) = value else { continue };
            let number = numbers.len();
            let known = numbers.get(&series.fingerprint()).copied();
            if known.is_none() {
                numbers.insert(series.fingerprint(), number);
                let one = (series.name(), series.labels(), series.kind(), series.interval_ms());
                writeln!(text, "series {number} {}", serde_json::to_string(&one)?)?;
            }
            write!(line, " {}={value}", known.unwrap_or(number))?;
        }
        text += &line;
        text.push('\n');
    }
    Ok(text)
}

fn readings(text: &str) -> Result<Readings, Box<dyn Error>> {
    let mut series = Vec::new();
    let mut found = Readings::new();
    for line in text.lines() {
        if let Some((_, one)) = line.strip_prefix("series ").and_then(|rest| rest.split_once(' ')) {
            let (name, labels, kind, interval): (String, Labels, Kind, Option<u32>) = serde_json::from_str(one)?;
            series.push(Series::new(name, labels, kind, interval));
            continue;
        }
        let mut words = line.split(' ').skip(1);
        let time: Millis = words.next().ok_or("a line without a time")?.parse()?;
        let sample = |word: &str| -> Result<Sample, Box<dyn Error>> {
            let (number, value) = word.split_once('=').ok_or("a word without a value")?;
            let series: &Arc<Series> = series.get(number.parse::<usize>()?).ok_or("an unknown series")?;
            Ok(Sample::number(series, time, value.parse()?))
        };
        found.push((time, words.map(sample).collect::<Result<_, _>>()?));
    }
    Ok(found)
}

/// Keeps of all readings what `admits` lets through.
fn kept(readings: &Readings, admits: impl Fn(&Sample) -> bool) -> Result<HistoryStats, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let (begin, end) = whole(readings);
    let store = Store::open(
        Limits::default(),
        &SourceClass::ALL,
        HistorySettings::new(folder.path()),
        begin,
    )?;
    let source = SourceId::new("host", SourceClass::Own);
    for (time, samples) in readings.iter().filter(|(time, _)| (begin..end).contains(time)) {
        let samples = samples.iter().filter(|sample| admits(sample)).cloned().collect();
        store.append(&source, samples, *time);
        while store.tend(*time) {}
    }
    while store.tend(end + SETTLED) {}
    store.history().ok_or_else(|| "there is no history".into())
}

/// From the first whole stretch on, to the end of the last one.
fn whole(readings: &Readings) -> (Millis, Millis) {
    let at = |reading: Option<&(Millis, _)>| reading.map_or(0, |(time, _)| *time);
    let (first, last) = (at(readings.first()), at(readings.last()) + SECOND);
    (
        (first + STRETCH - SECOND).div_euclid(STRETCH) * STRETCH,
        last.div_euclid(STRETCH) * STRETCH,
    )
}

fn told(name: &str, stats: &HistoryStats) -> String {
    let (samples, bytes) = stats.written[0];
    let each = bytes as f64 / samples.max(1) as f64;
    format!(
        "{name}: {} series, {samples} samples, {bytes} bytes, {each:.3} bytes each",
        stats.series
    )
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let file = Path::new(arguments.first().ok_or("FILE is needed")?);
    let minutes = arguments.get(1).map_or(Ok(16), |text| text.parse())?;
    if !file.exists() {
        std::fs::write(file, record(minutes).await?)?;
    }
    let readings = readings(&std::fs::read_to_string(file)?)?;
    let (begin, end) = whole(&readings);
    println!("{} minutes", (end - begin) / 60 / SECOND);
    println!("{}", told("all", &kept(&readings, |_| true)?));
    // Those of processes come and go with them: on a machine that compiles, hundreds of them with a handful of samples.
    for kind in ["system_", "process_"] {
        let stats = kept(&readings, |sample| sample.series.name().starts_with(kind))?;
        println!("{}", told(kind, &stats));
    }
    for (name, kind) in [("counters", Kind::Counter), ("gauges", Kind::Gauge)] {
        let stats = kept(&readings, |sample| {
            sample.series.kind() == kind && sample.series.name().starts_with("system_")
        })?;
        println!("{}", told(&format!("{name} of system_"), &stats));
    }
    let names = readings.iter().flat_map(|(_, samples)| samples);
    let names: std::collections::BTreeSet<&str> = names.map(|sample| sample.series.name()).collect();
    let mut metrics = Vec::new();
    for name in names {
        let stats = kept(&readings, |sample| sample.series.name() == name)?;
        metrics.push((stats.written[0].1, told(name, &stats)));
    }
    metrics.sort_by(|(one, _), (other, _)| other.cmp(one));
    metrics.iter().take(TOLD).for_each(|(_, line)| println!("{line}"));
    Ok(())
}

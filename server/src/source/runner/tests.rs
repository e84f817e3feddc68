use std::sync::{Arc, Mutex};

use keiki_model::series::{HOST_NAME, Kind, Labels, Series};
use keiki_model::text::Text;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::*;
use crate::clock::ManualClock;
use crate::source::status::StatusBoard;

/// What a scripted source does on a reading.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Answer,
    Fail,
    Wait,
    Hang,
    Panic,
}

struct Scripted {
    name: &'static str,
    interval: Duration,
    series: Arc<Series>,
    script: Arc<Mutex<Vec<Act>>>,
}

impl Source for Scripted {
    fn name(&self) -> &str {
        self.name
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    async fn collect(&mut self, now: Millis) -> Result<Vec<Sample>, SourceError> {
        let act = {
            let mut script = self.script.lock().expect("an unpoisoned script");
            if script.len() > 1 { script.remove(0) } else { script[0] }
        };
        match act {
            Act::Answer => Ok(vec![Sample::number(&self.series, now, 1.0)]),
            Act::Fail => Err(SourceError::Unavailable(Text::same("refused"))),
            Act::Wait => Err(SourceError::Busy),
            Act::Hang => std::future::pending().await,
            Act::Panic => panic!("a bug"),
        }
    }
}

/// Sources under supervision on one manual clock.
struct Bench {
    clock: ManualClock,
    board: StatusBoard,
    shutdown: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    arrived: mpsc::UnboundedReceiver<(&'static str, Millis)>,
    report: mpsc::UnboundedSender<(&'static str, Millis)>,
}

impl Bench {
    fn new(now: Millis) -> Self {
        let (report, arrived) = mpsc::unbounded_channel();
        let (clock, board, shutdown) = (ManualClock::new(now), StatusBoard::new(), CancellationToken::new());
        Self {
            clock,
            board,
            shutdown,
            tasks: Vec::new(),
            arrived,
            report,
        }
    }

    /// Adds a source; the last act of its script repeats.
    fn add(&mut self, name: &'static str, seconds: u64, script: &[Act]) {
        let series = Series::new(name, Labels::new([(HOST_NAME, "h")]), Kind::Gauge, Some(1_000));
        let script = Arc::new(Mutex::new(script.to_vec()));
        let source = Scripted {
            name,
            interval: Duration::from_secs(seconds),
            series,
            script,
        };
        let report = self.report.clone();
        let sink = move |samples: Vec<Sample>| {
            for sample in samples {
                let _ = report.send((name, sample.time));
            }
        };
        let (status, clock) = (self.board.register(name, &[]), self.clock.clone());
        self.tasks
            .push(tokio::spawn(run(source, sink, status, clock, self.shutdown.clone())));
    }

    /// Turns the clock to `until`, deadline by deadline, letting every task come to rest in between, and returns what
    /// arrived on the way.
    async fn turn_to(&mut self, until: Millis) -> Vec<(&'static str, Millis)> {
        loop {
            self.clock.asleep(self.tasks.len()).await;
            match self.clock.next_deadline() {
                Some(deadline) if deadline <= until => self.clock.set(deadline),
                _ => break,
            }
        }
        std::iter::from_fn(|| self.arrived.try_recv().ok()).collect()
    }

    async fn times(&mut self, until: Millis) -> Vec<Millis> {
        self.turn_to(until).await.into_iter().map(|(_, time)| time).collect()
    }
}

#[tokio::test]
async fn readings_lie_850_ms_into_their_second() {
    let mut bench = Bench::new(10_300);
    bench.add("host", 1, &[Act::Answer]);
    assert_eq!(bench.times(13_900).await, [10_850, 11_850, 12_850, 13_850]);
    assert_eq!(bench.board.sources()[0].next_attempt, Some(14_850));
    assert_eq!(bench.board.sources()[0].samples_total, 4);
}

#[tokio::test]
async fn long_intervals_start_soon_and_then_keep_the_grid() {
    let mut bench = Bench::new(33_000);
    bench.add("scrape", 15, &[Act::Answer]);
    assert_eq!(bench.times(76_000).await, [33_850, 45_850, 60_850, 75_850]);
}

#[tokio::test]
async fn missed_times_are_skipped() {
    let mut bench = Bench::new(10_000);
    bench.add("host", 1, &[Act::Answer]);
    bench.clock.asleep(1).await;
    bench.clock.set(17_200);
    assert_eq!(
        bench.times(19_000).await,
        [17_200, 17_850, 18_850],
        "one late reading, then the grid"
    );
}

#[tokio::test]
async fn a_clock_set_back_is_followed() {
    let mut bench = Bench::new(100_000);
    bench.add("host", 1, &[Act::Answer]);
    bench.clock.asleep(1).await;
    assert_eq!(next_attempt(100_850, 40_000, 1_000, 0, 0.0), 40_850);
    assert_eq!(
        next_attempt(100_850, 100_849, 1_000, 0, 0.0),
        101_850,
        "an early wake does not repeat the reading"
    );
}

#[tokio::test]
async fn a_hanging_source_delays_no_other() {
    let mut bench = Bench::new(0);
    bench.add("hanging", 1, &[Act::Hang]);
    bench.add("host", 1, &[Act::Answer]);
    let arrived = bench.turn_to(20_000).await;
    let expected: Vec<_> = (0..20).map(|second| ("host", second * 1_000 + 850)).collect();
    assert_eq!(arrived, expected);
    let status = &bench.board.sources()[0];
    assert!(!status.up && status.errors_total >= 3, "{status:?}");
    assert_eq!(
        status.last_error.as_ref().map(|(_, text)| &*text.en),
        Some("no answer within 0.8 s")
    );
}

#[tokio::test]
async fn a_failing_source_backs_off_and_recovers_by_itself() {
    let mut bench = Bench::new(0);
    bench.add("scrape", 1, &[Act::Fail, Act::Panic, Act::Hang, Act::Answer]);
    // Failed at 850 and 1,850; 2 s later a hang; 4 s (and up to 25 %) after that an answer, then the grid again.
    assert_eq!(bench.times(10_000).await, [7_850, 8_850, 9_850]);
    let status = &bench.board.sources()[0];
    assert!(status.up, "{status:?}");
    assert_eq!((status.errors_total, status.last_success), (3, Some(9_850)));
    assert_eq!(
        status.last_error,
        Some((
            4_650,
            Text::new("0.8 秒以内に応答がありません", "no answer within 0.8 s")
        ))
    );
}

#[tokio::test]
async fn a_reading_that_never_began_says_nothing() {
    let mut bench = Bench::new(0);
    bench.add("part", 1, &[Act::Fail, Act::Wait, Act::Fail, Act::Wait]);
    assert!(bench.turn_to(20_000).await.is_empty());
    let status = &bench.board.sources()[0];
    // Failed at 850 and 2,850, the second in a row: nothing between ended the failure.
    assert_eq!((status.up, status.errors_total), (false, 2));
    assert_eq!(status.last_error, Some((2_850, Text::same("refused"))));
    assert_eq!(status.last_success, None);
}

#[tokio::test]
async fn a_reading_that_never_begins_is_a_failure_in_the_end() {
    let mut bench = Bench::new(0);
    bench.add("part", 1, &[Act::Answer, Act::Wait]);
    bench.turn_to(6_000).await;
    assert!(bench.board.sources()[0].up, "not yet");
    bench.turn_to(15_000).await;
    let status = &bench.board.sources()[0];
    assert_eq!((status.up, status.errors_total), (false, 1), "told once");
    let why = status.last_error.as_ref().map(|(_, text)| &*text.en);
    assert!(
        why.is_some_and(|why| why.contains("leaves this one no time")),
        "{status:?}"
    );
}

#[tokio::test]
async fn shutdown_ends_a_runner_even_while_its_source_hangs() {
    let mut bench = Bench::new(0);
    bench.add("hanging", 1, &[Act::Hang]);
    bench.add("host", 1, &[Act::Answer]);
    bench.turn_to(900).await;
    bench.shutdown.cancel();
    for task in std::mem::take(&mut bench.tasks) {
        task.await.expect("the runner ends without panic");
    }
    assert!(bench.board.sources().iter().all(|status| status.next_attempt.is_none()));
}

#[test]
fn the_pause_doubles_to_a_cap() {
    let pauses = |interval: Millis, chance: f64| -> Vec<Millis> {
        (1..=8)
            .map(|failures| next_attempt(60_850, 60_900, interval, failures, chance) - 60_850)
            .collect()
    };
    assert_eq!(
        pauses(1_000, 0.0),
        [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]
    );
    assert_eq!(
        pauses(1_000, 0.99),
        [1_000, 2_000, 4_000, 9_000, 19_000, 37_000, 37_000, 37_000]
    );
    assert_eq!(pauses(60_000, 0.0), [60_000; 8], "the cap never hurries a slow source");
}

#[test]
fn intervals_are_whole_seconds() {
    let check = |millis, expected| assert_eq!(whole_seconds(Duration::from_millis(millis)), expected);
    check(0, 1_000);
    check(1_000, 1_000);
    check(1_001, 2_000);
    assert!(whole_seconds(Duration::MAX) > 0);
}

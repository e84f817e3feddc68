//! The hub against a composer whose views count ticks, and a clock turned by hand.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::FutureExt;
use keiki_instrument::{Identity, Recorder};
use keiki_model::frame::{Delta, Folded, Header};
use keiki_model::group::Group;
use keiki_model::panel::{PanelSnapshot, SeriesPoints, Stat, State};
use keiki_model::series::Labels;
use keiki_model::time::Zone;

use super::*;
use crate::clock::ManualClock;

/// A second of the wall clock far from zero.
const START: Millis = 1_700_000_000;

/// Composes one panel whose newest point is the second.
#[derive(Clone, Default)]
struct Counting(Arc<AtomicUsize>);

impl Compose for Counting {
    fn compose(&self, view: &View, key: &Arc<str>, tick: &Tick, to: Millis) -> Snapshot {
        self.0.fetch_add(1, Ordering::Relaxed);
        let spec = Arc::new(Group::Api.card().spec.clone());
        let slots = view.slots();
        let step = Millis::from(view.step);
        let points =
            (0..Millis::from(slots)).map(|slot| Some((to / SECOND - (Millis::from(slots) - slot) * step) as f64));
        let panel = PanelSnapshot {
            stats: vec![Stat::default(); spec.stats.len()],
            spec,
            state: State::Live,
            status: None,
            itself: false,
            interval_ms: 1_000,
            newest: Some(to - 100),
            step: view.step,
            to,
            slots,
            series: vec![SeriesPoints::new(Labels::none(), points.collect())],
            before: Vec::new(),
            rows: Vec::new(),
            failure: None,
        };
        let header = Header {
            groups: Vec::new(),
            sources: (0, 0),
            services: Vec::new(),
            zone: Zone::default(),
            annotations: Vec::new(),
        };
        let (build, boot) = ("b".into(), "r".into());
        Snapshot {
            build,
            boot,
            seq: tick.seq,
            now: tick.now,
            view: Arc::clone(key),
            header,
            panels: vec![panel],
        }
    }
}

fn hub(limits: Limits) -> (Hub, Counting) {
    let recorder = Recorder::new(Identity {
        service_name: "keiki".into(),
        service_instance_id: "1".into(),
        host_name: "h".into(),
    });
    let counting = Counting::default();
    let (metrics, jobs) = (StreamMetrics::new(&recorder), JobInstrument::new(&recorder, "keiki"));
    (Hub::new(counting.clone(), "r".into(), limits, metrics, jobs), counting)
}

fn tick(hub: &Hub, seconds: std::ops::Range<Millis>) {
    for second in seconds {
        let second = START + second;
        hub.publish(second, (second + 1) * SECOND + PUBLISH_DELAY);
    }
}

/// An event taken apart: its name, id and data.
#[derive(Debug, PartialEq)]
struct Event {
    name: String,
    id: Option<u64>,
    data: String,
}

fn event(bytes: &Bytes) -> Event {
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    assert!(text.ends_with("\n\n"), "an event ends with a blank line");
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    let id = field("id: r-").and_then(|id| id.parse().ok());
    Event {
        name: field("event: ").unwrap_or_default(),
        id,
        data: field("data: ").unwrap_or_default(),
    }
}

/// The events that are there now.
async fn ready(events: &mut Events) -> Vec<Event> {
    let mut all = Vec::new();
    while let Some(Some(bytes)) = events.next().now_or_never() {
        all.push(event(&bytes));
    }
    all
}

fn fold(state: &mut Option<Snapshot>, event: &Event) {
    match event.name.as_str() {
        "snapshot" => *state = Some(serde_json::from_str(&event.data).expect("a snapshot")),
        "delta" => {
            let delta: Delta = serde_json::from_str(&event.data).expect("a delta");
            let folded = state.as_mut().expect("a snapshot first").fold(delta);
            assert_ne!(folded, Folded::Broken, "the chain has no hole");
        }
        other => panic!("{other}: {}", event.data),
    }
}

#[tokio::test]
async fn a_snapshot_then_a_delta_each_tick() {
    let (hub, _) = hub(Limits::default());
    tick(&hub, 0..1);
    let mut events = hub.open("overview@1/60", "").expect("a stream");
    let mut state = None;
    for second in 1..5 {
        for event in ready(&mut events).await {
            assert_eq!(event.name, if state.is_none() { "snapshot" } else { "delta" });
            assert_eq!(event.id, Some(hub.tick()));
            fold(&mut state, &event);
        }
        let view = View::of_window(keiki_model::view::Subject::Overview, 60, Default::default());
        assert_eq!(
            state.as_ref(),
            hub.snapshot(&view).ok().as_deref(),
            "the fold is the state of now"
        );
        tick(&hub, second..second + 1);
    }
}

#[tokio::test]
async fn a_tick_is_computed_and_encoded_once_for_everyone() {
    let (hub, counting) = hub(Limits::default());
    tick(&hub, 0..1);
    let mut streams: Vec<_> = (0..20)
        .map(|_| hub.open("overview@1/60", "").expect("a stream"))
        .collect();
    for events in &mut streams {
        assert_eq!(ready(events).await.len(), 1);
    }
    let before = counting.0.load(Ordering::Relaxed);
    tick(&hub, 1..2);
    let first: Vec<_> = streams
        .iter_mut()
        .map(|events| events.next().now_or_never().flatten().expect("a delta"))
        .collect();
    assert_eq!(counting.0.load(Ordering::Relaxed), before + 1);
    assert!(
        first
            .iter()
            .all(|bytes| std::ptr::eq(bytes.as_ptr(), first[0].as_ptr())),
        "the same bytes"
    );
}

#[tokio::test]
async fn a_client_resumes_without_a_hole() {
    let (hub, _) = hub(Limits::default());
    tick(&hub, 0..1);
    let mut events = hub.open("overview@1/60", "").expect("a stream");
    let mut state = None;
    for event in ready(&mut events).await {
        fold(&mut state, &event);
    }
    drop(events);
    let mut others = hub.open("overview@1/60", "").expect("someone else still looks");
    for second in 1..21 {
        tick(&hub, second..second + 1);
        ready(&mut others).await;
    }
    let mut events = hub.open("overview@1/60", "r-1").expect("a stream");
    let missed = ready(&mut events).await;
    assert!(missed.iter().all(|event| event.name == "delta"));
    assert_eq!(missed.len(), 20);
    missed.iter().for_each(|event| fold(&mut state, event));
    let view = View::of_window(keiki_model::view::Subject::Overview, 60, Default::default());
    assert_eq!(state.as_ref(), hub.snapshot(&view).ok().as_deref());
}

#[tokio::test]
async fn what_the_log_cannot_serve_starts_with_a_snapshot() {
    let (hub, _) = hub(Limits::default());
    tick(&hub, 0..1);
    let mut watching = hub.open("overview@1/60", "").expect("a stream");
    for second in 1..90 {
        tick(&hub, second..second + 1);
        ready(&mut watching).await;
    }
    for (since, why) in [
        ("r-1", "too long ago"),
        ("x-89", "another run"),
        ("r-1000", "the future"),
        ("junk", "no id"),
    ] {
        let first = ready(&mut hub.open("overview@1/60", since).expect("a stream")).await;
        assert_eq!(first[0].name, "snapshot", "{why}");
    }
    let first = ready(&mut hub.open("overview@1/60;new", "r-89").expect("a stream")).await;
    assert_eq!(first[0].name, "snapshot", "`new` asks for it");
    let first = ready(&mut hub.open("overview@1/60", "r-90").expect("a stream")).await;
    assert!(first.is_empty(), "nothing is new since the newest tick");
}

#[tokio::test]
async fn a_slow_reader_gets_a_snapshot_and_no_queue() {
    let (hub, _) = hub(Limits::default());
    tick(&hub, 0..1);
    let mut slow = hub.open("overview@1/60", "").expect("a stream");
    ready(&mut slow).await;
    tick(&hub, 1..4);
    let caught_up = ready(&mut slow).await;
    assert_eq!(
        caught_up.iter().map(|event| event.name.as_str()).collect::<Vec<_>>(),
        ["delta"; 3]
    );
    tick(&hub, 4..54);
    let caught_up = ready(&mut slow).await;
    assert_eq!(
        caught_up.iter().map(|event| event.name.as_str()).collect::<Vec<_>>(),
        ["snapshot"]
    );
    assert_eq!(caught_up[0].id, Some(hub.tick()));
}

#[tokio::test]
async fn a_view_publishes_when_its_slot_closes() {
    let (hub, counting) = hub(Limits::default());
    tick(&hub, 0..1);
    let mut events = hub.open("overview@3/900", "").expect("a stream");
    ready(&mut events).await;
    counting.0.store(0, Ordering::Relaxed);
    let mut ids = Vec::new();
    for second in 1..13 {
        tick(&hub, second..second + 1);
        ids.extend(ready(&mut events).await.iter().filter_map(|event| event.id));
    }
    assert_eq!(counting.0.load(Ordering::Relaxed), 4);
    assert_eq!(ids.len(), 4);
    assert!(ids.windows(2).all(|pair| pair[1] - pair[0] == 3), "{ids:?}");
}

#[tokio::test]
async fn several_views_share_one_stream() {
    let (hub, _) = hub(Limits::default());
    tick(&hub, 0..1);
    let mut events = hub
        .open("overview@1/60,group:api@1/60;service=a%2Cb", "")
        .expect("a stream");
    let mut views: Vec<_> = ready(&mut events)
        .await
        .iter()
        .map(|event| {
            serde_json::from_str::<Snapshot>(&event.data)
                .expect("a snapshot")
                .view
                .to_string()
        })
        .collect();
    views.sort();
    assert_eq!(views, ["group:api@1/60;service=a%2Cb", "overview@1/60"]);
}

#[tokio::test]
async fn long_steps_are_kept_open_by_heartbeats() {
    let (hub, _) = hub(Limits::default());
    tick(&hub, 0..1);
    let mut events = hub.open("overview@300/900", "").expect("a stream");
    ready(&mut events).await;
    let mut beats = 0;
    for second in 1..33 {
        tick(&hub, second..second + 1);
        while let Some(Some(bytes)) = events.next().now_or_never() {
            beats += usize::from(bytes == event::HEARTBEAT);
        }
    }
    assert_eq!(beats, 4);
}

#[tokio::test]
async fn limits_refuse_and_what_ends_gives_room() {
    let limits = Limits {
        views: 2,
        views_per_connection: 2,
        views_per_token: 2,
        subscribers: 2,
    };
    let (hub, _) = hub(limits);
    let status = |result: Result<Events, Refusal>| result.err().map(|refusal| refusal.status);
    assert_eq!(status(hub.open("", "")), Some(503), "nothing is measured yet");
    tick(&hub, 0..1);
    assert_eq!(status(hub.open("nothing", "")), Some(400));
    assert_eq!(
        status(hub.open("overview@1/60,overview@1/300,overview@3/900", "")),
        Some(400)
    );
    let first = hub.open("overview@1/60", "").expect("a stream");
    let second = hub.open("overview@1/300", "").expect("a stream");
    assert_eq!(status(hub.open("overview@1/60", "")), Some(503), "two streams are open");
    drop(first);
    let third = hub
        .open("overview@3/900", "")
        .expect("the view that nobody watches gives way");
    drop(second);
    assert!(hub.open("overview@1/300", "").is_ok());
    drop(third);
}

#[tokio::test]
async fn a_token_of_some_paths_leaves_room_for_everybody_else() {
    let limits = Limits {
        views: 4,
        views_per_token: 2,
        ..Limits::default()
    };
    let (hub, _) = hub(limits);
    tick(&hub, 0..1);
    let status = |result: Result<Events, Refusal>| result.err().map(|refusal| refusal.status);
    let open = |views: &str, token: &str| hub.open_within(views, "", Some(token));
    let of_one = open("overview@1/60,overview@1/300", "one").expect("two views");
    let again = open("overview@1/60", "one").expect("one of them again");
    assert_eq!(status(open("overview@3/900", "one")), Some(503));
    let mixed = open("overview@1/60,overview@3/900", "one");
    assert_eq!(status(mixed), Some(503), "and nothing is kept of it");
    let of_two = open("overview@3/900", "two").expect("the third of four views");
    assert_eq!(
        status(open("group:api@1/60", "two")),
        Some(503),
        "the fourth is everybody else's"
    );
    let page: Item = "group:api@1/60".parse().expect("a view");
    assert!(hub.snapshot(&page.view).is_ok());
    assert!(hub.open("group:api@1/60", "").is_ok());
    drop((of_one, again));
    assert!(open("group:api@1/60,overview@3/900", "one").is_ok());
    drop(of_two);
}

#[tokio::test]
async fn views_that_nobody_wants_are_forgotten() {
    let (hub, counting) = hub(Limits::default());
    tick(&hub, 0..1);
    hub.snapshot(&View::overview()).expect("a snapshot");
    counting.0.store(0, Ordering::Relaxed);
    tick(&hub, 1..60);
    assert!(
        counting.0.load(Ordering::Relaxed) <= 11,
        "it is kept warm for a while only"
    );
    tick(&hub, 60..200);
    assert!(hub.0.channels().is_empty());
}

#[tokio::test]
async fn a_shutdown_tells_every_stream_to_end() {
    let (hub, _) = hub(Limits::default());
    let clock = ManualClock::new(START * SECOND + 500);
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(hub.clone().run(clock.clone(), shutdown.clone()));
    clock.asleep(1).await;
    clock.advance(Duration::from_millis(700));
    clock.asleep(1).await;
    assert_eq!(hub.tick(), 1, "the second before was published at its end and 200 ms");
    let events = hub.open("", "").expect("a stream");
    shutdown.cancel();
    running.await.expect("it ends");
    let all: Vec<_> = events.map(|bytes| event(&bytes)).collect().await;
    let last = all.last().expect("a farewell");
    assert_eq!((last.name.as_str(), last.id), ("error", None));
    assert_eq!(last.data, r#"{"error":"shutting_down","retry_ms":500}"#);
    assert_eq!(hub.open("", "").err().map(|refusal| refusal.status), Some(503));
}

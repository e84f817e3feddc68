//! A server on a free port over views that a test turns by hand, and a client that sends what it is told.

#![allow(dead_code, missing_docs, unreachable_pub, reason = "every test uses another part")]
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::routing::{MethodRouter, get};
use keiki_app::PageRequest;
use keiki_instrument::{Identity, Recorder};
use keiki_model::frame::{Header, Snapshot};
use keiki_model::panel::{PanelSnapshot, SeriesPoints, Stat, StatKey, State as PanelState};
use keiki_model::series::{Labels, Value};
use keiki_model::text::Language;
use keiki_model::time::Zone;
use keiki_model::view::{Subject, View};
use keiki_recognise::Recognisers;
use keiki_server::annotation::Annotations;
use keiki_server::catalogue::Catalogue;
use keiki_server::ingest::{Census, InletLimits, Inlets, Rates};
use keiki_server::source::status::StatusBoard;
use keiki_server::store::{Limits, Store};
use keiki_server::web::sources::Sources;
use keiki_server::web::state::Look;
use keiki_server::web::{Bound, Options, Render, State, Views, ViewsError, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Label values that break whoever does not escape them.
pub const NASTY: [&str; 5] = ["</script>", "a\"b,c", "=1+1", "line\nbreak\r\u{1}", "計\\器"];

/// Views and drawings of a test.
pub struct Fake {
    pub tick: AtomicU64,
    /// How often anything was drawn.
    pub drawn: AtomicUsize,
    pub refuses: Mutex<Option<ViewsError>>,
    /// How long a drawing takes.
    pub delay: Mutex<Duration>,
}

impl Fake {
    pub fn tick(&self) -> u64 {
        self.tick.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub fn drawn(&self) -> usize {
        self.drawn.load(Ordering::SeqCst)
    }

    fn draw(&self) {
        std::thread::sleep(*self.delay.lock().unwrap());
        self.drawn.fetch_add(1, Ordering::SeqCst);
    }
}

impl Views for Fake {
    fn snapshot(&self, view: &View) -> Result<Arc<Snapshot>, ViewsError> {
        if let Some(error) = *self.refuses.lock().unwrap() {
            return Err(error);
        }
        let seq = self.tick.load(Ordering::SeqCst);
        Ok(Arc::new(Snapshot {
            build: "build".into(),
            boot: "boot".into(),
            seq,
            now: 0,
            view: view.to_string().into(),
            header: Header {
                groups: Vec::new(),
                sources: (1, 1),
                services: Vec::new(),
                zone: Zone::default(),
                annotations: Vec::new(),
            },
            panels: match &view.subject {
                Subject::Panel(id) => vec![panel(id, view)],
                _ => Vec::new(),
            },
        }))
    }

    fn tick(&self) -> u64 {
        self.tick.load(Ordering::SeqCst)
    }

    fn boot(&self) -> &str {
        "boot"
    }
}

fn panel(id: &str, view: &View) -> PanelSnapshot {
    let spec = keiki_model::group::panel(id).expect("the panel exists").spec.clone();
    let points = vec![Some(0.25); view.slots() as usize];
    PanelSnapshot {
        state: PanelState::Live,
        status: None,
        itself: false,
        interval_ms: 1_000,
        newest: Some(0),
        step: view.step,
        to: 900_000,
        slots: view.slots(),
        series: NASTY
            .map(|value| SeriesPoints::new(Labels::new([("x", value)]), points.clone()))
            .to_vec(),
        before: Vec::new(),
        rows: Vec::new(),
        stats: vec![
            Stat {
                value: Some(0.5),
                ..Stat::default()
            };
            spec.stats.len()
        ],
        failure: None,
        spec: spec.into(),
    }
}

impl Render for Fake {
    fn page(&self, request: &PageRequest, snapshot: &Snapshot) -> String {
        self.draw();
        let filling = "<p>0.0123 of something or other</p>".repeat(500);
        format!(
            "tick {} of {} in {}{filling}",
            snapshot.seq,
            request.href(),
            request.language.tag()
        )
    }

    fn picture(&self, look: &Look, snapshot: &Snapshot) -> String {
        self.draw();
        format!("<svg>{} {:?} {}</svg>", snapshot.view, look.dark, look.language.tag())
    }

    fn badge(&self, stat: Option<StatKey>, _: &Look, snapshot: &Snapshot) -> Option<String> {
        self.draw();
        let known = stat.is_none_or(|stat| snapshot.panels[0].stat(stat).is_some());
        known.then(|| format!("<svg>{stat:?}</svg>"))
    }
}

/// A running server.
pub struct Server {
    pub address: SocketAddr,
    pub fake: Arc<Fake>,
    pub recorder: Recorder,
    pub shutdown: CancellationToken,
    pub task: JoinHandle<Result<(), keiki_server::web::tls::TlsError>>,
}

pub fn options() -> Options {
    Options {
        base_path: String::new(),
        allowed_hosts: Vec::new(),
        access: keiki_server::access::Access::default(),
        tls: None,
        embed_origins: Vec::new(),
        language: Language::Ja,
        max_connections: 100,
        header_timeout: Duration::from_secs(5),
        shutdown_timeout: Duration::from_secs(1),
        cache_entries: 16,
        cache_bytes: 16 << 20,
    }
}

impl Server {
    pub async fn start(options: Options) -> Self {
        Self::with_live(options, get(|| async { "live" })).await
    }

    pub async fn with_live(options: Options, live: MethodRouter) -> Self {
        let bound = Bound::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = bound.address();
        let fake = Arc::new(Fake {
            tick: AtomicU64::new(1),
            drawn: AtomicUsize::new(0),
            refuses: Mutex::new(None),
            delay: Mutex::new(Duration::ZERO),
        });
        let recorder = Recorder::new(Identity {
            service_name: "keiki".into(),
            ..Identity::default()
        });
        let ready = Arc::clone(&fake);
        let state = State {
            views: fake.clone(),
            render: fake.clone(),
            live,
            metrics: Arc::new(Vec::new),
            readiness: Arc::new(move || {
                let missing = ready.refuses.lock().unwrap().map(|_| "the first second".to_owned());
                missing.into_iter().collect()
            }),
            catalogue: Catalogue::new(Vec::new(), Store::new(Limits::default())),
            annotations: Annotations::open(Store::new(Limits::default()), 100),
            sources: Arc::new(|| Sources {
                all: Vec::new(),
                contests: Vec::new(),
                slowed: Vec::new(),
                zone: Zone::default(),
            }),
            inlets: inlets(),
            recorder: recorder.clone(),
        };
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(serve(bound, options, state, shutdown.clone()));
        Self {
            address,
            fake,
            recorder,
            shutdown,
            task,
        }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// `GET` on a connection of its own.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[]).await
    }

    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut stream = self.connect().await;
        ask(&mut stream, method, path, headers).await
    }

    /// The value of one of the server's own metrics, summed over its series.
    pub fn measured(&self, name: &str) -> f64 {
        let samples = self.recorder.collect(0);
        let values = samples
            .iter()
            .filter(|sample| sample.series.name() == name)
            .map(|sample| match &sample.value {
                Value::Number(number) => *number,
                Value::Distribution(distribution) => distribution.count() as f64,
            });
        values.sum()
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Sends a request and reads the answer; the connection can be used again.
pub async fn ask(stream: &mut TcpStream, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    if headers.iter().all(|(name, _)| !name.eq_ignore_ascii_case("host")) {
        text.push_str("host: localhost\r\n");
    }
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    stream.write_all(text.as_bytes()).await.unwrap();
    answer(stream, method == "HEAD").await
}

pub async fn answer(stream: &mut TcpStream, without_body: bool) -> Answer {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.unwrap() == 0 {
            panic!("the connection ended within {:?}", String::from_utf8_lossy(&bytes));
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let mut body = bytes[end..].to_vec();
    let length: Option<usize> = headers.get("content-length").map(|length| length.parse().unwrap());
    if !without_body && status != 304 {
        while length.is_none_or(|length| body.len() < length) {
            if stream.read_buf(&mut body).await.unwrap() == 0 {
                break;
            }
        }
    }
    Answer { status, headers, body }
}

/// Inlets into a store that nobody reads.
fn inlets() -> Inlets {
    let recognisers = Arc::new(Recognisers::new(&[]).expect("rows"));
    let limits = InletLimits {
        body_bytes: 1 << 20,
        unpacked_bytes: 4 << 20,
        series: 1_000,
        requests: 2,
        rates: Rates {
            samples: 1_000_000,
            requests: 1_000,
        },
    };
    let store = Store::new(Limits::default());
    Inlets::new(
        store,
        StatusBoard::new(),
        Census::default(),
        &recognisers,
        limits,
        b"secret",
        "test",
    )
}

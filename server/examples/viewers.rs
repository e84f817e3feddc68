//! Many viewers of the live stream in one process: what `make bench` watches the server with.
//!
//! `viewers <address> <path> <count> <settle seconds> <seconds>` opens the streams from several loopback addresses (one
//! address has too few ports), parses every frame, and prints a line of JSON when all are open (`open`), when the
//! measuring begins (`measuring`), and at its end the figures (`measured`). Delays are from the time at which a tick is
//! due (200 ms after its second) to its arrival here.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::LocalSet;

/// Loopback addresses that connections come from.
const SOURCES: u32 = 8;
/// Streams opened at a time: each begins with a snapshot, which is not what is measured.
const OPENING: usize = 50;
const DUE: i64 = 200;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, path, count, settle, seconds] = arguments.as_slice() else {
        return Err("usage: viewers <address> <path> <count> <settle seconds> <seconds>".into());
    };
    let (address, count): (SocketAddr, u32) = (address.parse()?, count.parse()?);
    let (settle, seconds) = (
        Duration::from_secs(settle.parse()?),
        Duration::from_secs(seconds.parse()?),
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, watch(address, path.as_str().into(), count, settle, seconds))
}

async fn watch(
    address: SocketAddr,
    path: Rc<str>,
    count: u32,
    settle: Duration,
    seconds: Duration,
) -> Result<(), Box<dyn std::error::Error>> {
    let figures = Rc::new(RefCell::new(Figures::default()));
    let opening = Rc::new(tokio::sync::Semaphore::new(OPENING));
    let opened = Rc::new(tokio::sync::Semaphore::new(0));
    for number in 0..count {
        let (path, figures) = (Rc::clone(&path), Rc::clone(&figures));
        let (opening, opened) = (Rc::clone(&opening), Rc::clone(&opened));
        tokio::task::spawn_local(async move {
            let turn = opening.acquire().await;
            let first = move || {
                drop(turn);
                opened.add_permits(1);
            };
            if let Err(error) = view(address, &path, number, &figures, first).await {
                eprintln!("viewer {number}: {error}");
            }
            figures.borrow_mut().ended += 1;
        });
    }
    let all = tokio::time::timeout(Duration::from_secs(120), opened.acquire_many(count)).await;
    all.map_err(|_| "not all streams were opened within two minutes")??
        .forget();
    println!("{}", json!({ "event": "open", "viewers": count }));
    tokio::time::sleep(settle).await;
    figures.borrow_mut().begin();
    println!("{}", json!({ "event": "measuring" }));
    tokio::time::sleep(seconds).await;
    println!("{}", figures.borrow().report(count, seconds));
    Ok(())
}

/// Reads one stream until it ends.
async fn view(
    address: SocketAddr,
    path: &str,
    number: u32,
    figures: &RefCell<Figures>,
    first: impl FnOnce(),
) -> io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    let source = Ipv4Addr::new(127, 0, 0, u8::try_from(2 + number % SOURCES).unwrap_or(2));
    socket.bind((IpAddr::V4(source), 0).into())?;
    let stream = socket.connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\r\n");
    stream.writable().await?;
    if stream.try_write(request.as_bytes())? != request.len() {
        return Err(io::Error::other("the request did not fit in the socket's buffer"));
    }
    let mut reader = Reader::default();
    let mut first = Some(first);
    let mut tick = None;
    loop {
        let Some((bytes, now)) = read(&stream, &mut reader).await? else {
            return Ok(());
        };
        let mut figures = figures.borrow_mut();
        figures.bytes += bytes as u64;
        while let Some(event) = reader.event()? {
            figures.note(&event, &mut tick, now);
            if let Some(first) = first.take() {
                first();
            }
        }
    }
}

/// Takes what has arrived; how much it was, and when. `None` is the end.
async fn read(stream: &TcpStream, reader: &mut Reader) -> io::Result<Option<(usize, i64)>> {
    thread_local! {
        static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; 256 * 1024]);
    }
    loop {
        stream.readable().await?;
        let taken = BUFFER.with_borrow_mut(|buffer| {
            let taken = stream.try_read(buffer)?;
            reader.push(&buffer[..taken])?;
            Ok::<_, io::Error>(taken)
        });
        match taken {
            Ok(0) => return Ok(None),
            Ok(taken) => return Ok(Some((taken, micros()))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// Microseconds of the wall clock.
fn micros() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
}

/// The head of an answer, then chunks (RFC 9112, 7.1), then events.
#[derive(Default)]
struct Reader {
    raw: Vec<u8>,
    body: Vec<u8>,
    headed: bool,
}

impl Reader {
    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.raw.extend_from_slice(bytes);
        if !self.headed {
            let Some(end) = find(&self.raw, b"\r\n\r\n") else {
                return Ok(());
            };
            if !self.raw.starts_with(b"HTTP/1.1 200 ") {
                return Err(io::Error::other(String::from_utf8_lossy(&self.raw[..end]).into_owned()));
            }
            self.raw.drain(..end + 4);
            self.headed = true;
        }
        let mut at = 0;
        while let Some(line) = find(&self.raw[at..], b"\r\n") {
            let digits = std::str::from_utf8(&self.raw[at..at + line]).unwrap_or_default();
            let size = usize::from_str_radix(digits, 16).map_err(io::Error::other)?;
            let begin = at + line + 2;
            if self.raw.len() < begin + size + 2 {
                break;
            }
            self.body.extend_from_slice(&self.raw[begin..begin + size]);
            at = begin + size + 2;
        }
        self.raw.drain(..at);
        if self.raw.is_empty() {
            self.raw.shrink_to(1024);
        }
        Ok(())
    }

    fn event(&mut self) -> io::Result<Option<Event>> {
        while let Some(end) = find(&self.body, b"\n\n") {
            let event = parse(&self.body[..end]);
            self.body.drain(..end + 2);
            if self.body.is_empty() {
                self.body.shrink_to(1024);
            }
            if let Some(event) = event? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

enum Event {
    Snapshot(Frame),
    Delta(Frame),
    Farewell,
}

/// All of a frame is read, and some of it kept.
#[derive(Deserialize)]
struct Frame {
    seq: u64,
    prev: Option<u64>,
    now: i64,
    #[serde(rename = "panels")]
    _panels: Vec<BTreeMap<String, IgnoredAny>>,
}

fn parse(block: &[u8]) -> io::Result<Option<Event>> {
    let text = std::str::from_utf8(block).map_err(io::Error::other)?;
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    let Some(data) = field("data") else { return Ok(None) };
    Ok(Some(match field("event") {
        Some("snapshot") => Event::Snapshot(serde_json::from_str(data)?),
        Some("delta") => Event::Delta(serde_json::from_str(data)?),
        _ => Event::Farewell,
    }))
}

/// The figures of all viewers together.
#[derive(Default)]
struct Figures {
    measuring: bool,
    bytes: u64,
    deltas: u64,
    snapshots: u64,
    holes: u64,
    farewells: u64,
    ended: u64,
    /// Microseconds, of every arrival.
    delays: Vec<i64>,
    /// Microseconds, of the first arrival of every tick.
    first: BTreeMap<i64, i64>,
}

impl Figures {
    fn begin(&mut self) {
        let ended = self.ended;
        *self = Self {
            measuring: true,
            ended,
            ..Self::default()
        };
    }

    fn note(&mut self, event: &Event, tick: &mut Option<u64>, now: i64) {
        let frame = match event {
            Event::Snapshot(frame) => {
                self.snapshots += 1;
                frame
            }
            Event::Delta(frame) => {
                self.deltas += 1;
                self.holes += u64::from(frame.prev != *tick);
                frame
            }
            Event::Farewell => {
                self.farewells += 1;
                return;
            }
        };
        *tick = Some(frame.seq);
        if self.measuring {
            // The time of a tick is that of its second, whenever in it the server says to have published it.
            let due = (frame.now - DUE).div_euclid(1000) * 1000 + DUE;
            let delay = now - due * 1000;
            self.delays.push(delay);
            let first = self.first.entry(due).or_insert(delay);
            *first = delay.min(*first);
        }
    }

    fn report(&self, viewers: u32, seconds: Duration) -> serde_json::Value {
        let per = f64::from(viewers) * seconds.as_secs_f64();
        #[allow(clippy::cast_precision_loss, reason = "counts of a benchmark are far below 2^52")]
        let bytes = self.bytes as f64 / per;
        json!({
            "event": "measured",
            "viewers": viewers,
            "ended": self.ended,
            "ticks": self.first.len(),
            "deltas": self.deltas,
            "snapshots": self.snapshots,
            "holes": self.holes,
            "farewells": self.farewells,
            "bytes_per_second": bytes,
            "delay_ms": quantiles(self.delays.clone()),
            "first_delay_ms": quantiles(self.first.values().copied().collect()),
        })
    }
}

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    reason = "places in a list and times of seconds"
)]
fn quantiles(mut micros: Vec<i64>) -> serde_json::Value {
    micros.sort_unstable();
    let at = |q: f64| {
        let place = ((micros.len() as f64 * q).ceil() as usize).clamp(1, micros.len().max(1)) - 1;
        micros.get(place).map(|&micros| micros as f64 / 1000.0)
    };
    json!({ "p50": at(0.5), "p99": at(0.99), "max": at(1.0) })
}

//! A sender that asks as much of a receiver as it can: what `make bench` measures the inlets with.
//!
//! `send <address> <what>`, where *what* is `remote_write`, `histograms` (remote write with
//! classic ones), `otlp` or `spans`. 10,000 series, 1,000 samples a request, over connections that stay open.
//!
//! All is made before anything is sent; what moves afterwards is where the bytes lie. A round is one sample of each series.
//! The first rounds make the series known; then it prints `warm` and waits for a line on its standard input, sends the others
//! as fast as they are taken, and prints what came of it. Rounds are a twentieth of a second apart and lie in the last minute,
//! because what is older or ahead is not taken.

mod client;
mod metrics;
mod spans;
mod write;

use std::io;
use std::net::SocketAddr;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use client::Connection;

const SERIES: usize = 10_000;
const IN_A_REQUEST: usize = 1_000;
/// Milliseconds between two samples of a series.
const STEP: i64 = 50;
const ROUNDS: usize = 400;
/// The rounds of these that are not measured.
const WARM: usize = 60;
/// How many send at a time.
const CONNECTIONS: usize = 2;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// A request of the same series, round by round.
trait Request: Send {
    fn body(&mut self, round: usize) -> &[u8];
}

/// Makes the request that begins with a series; the first round is of that time.
type Make = fn(first: usize, base: i64) -> Box<dyn Request>;

/// What is sent, and how it is announced.
struct Protocol {
    path: &'static str,
    head: &'static str,
    make: Make,
}

const REMOTE_WRITE: &str = "content-type: application/x-protobuf\r\ncontent-encoding: snappy\r\n\
     x-prometheus-remote-write-version: 0.1.0\r\n";
const OTLP: &str = "content-type: application/x-protobuf\r\n";

fn protocol(what: &str) -> Result<Protocol, Failed> {
    let (path, head, make): (_, _, Make) = match what {
        "remote_write" => ("/api/v1/write", REMOTE_WRITE, |first, base| {
            Box::new(write::Made::new(write::numbers(first), base))
        }),
        "histograms" => ("/api/v1/write", REMOTE_WRITE, |first, base| {
            Box::new(write::Made::new(write::mixed(first), base))
        }),
        "otlp" => ("/v1/metrics", OTLP, |first, base| {
            Box::new(metrics::request(first, base))
        }),
        "spans" => ("/v1/traces", OTLP, |first, base| Box::new(spans::request(first, base))),
        other => return Err(format!("{other}: expected remote_write, histograms, otlp or spans").into()),
    };
    Ok(Protocol { path, head, make })
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Requests that one connection sends, in order: the samples of a series never overtake each other.
struct Lane {
    connection: Connection,
    requests: Vec<Box<dyn Request>>,
}

impl Lane {
    fn send(&mut self, rounds: std::ops::Range<usize>) -> Result<(), Failed> {
        for round in rounds {
            for request in &mut self.requests {
                self.connection.post(request.body(round))?;
            }
        }
        Ok(())
    }
}

fn send(lanes: &mut [Lane], rounds: std::ops::Range<usize>) -> Result<(), Failed> {
    std::thread::scope(|scope| {
        let running: Vec<_> = lanes
            .iter_mut()
            .map(|lane| {
                let rounds = rounds.clone();
                scope.spawn(move || lane.send(rounds))
            })
            .collect();
        running
            .into_iter()
            .try_for_each(|one| one.join().map_err(|_| "a sender has panicked")?)
    })
}

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, what] = arguments.as_slice() else {
        return Err("usage: send <address> <what>".into());
    };
    flood(address.parse()?, &protocol(what)?)
}

fn flood(address: SocketAddr, protocol: &Protocol) -> Result<(), Failed> {
    let base = now() - ROUNDS as i64 * STEP;
    let mut made: [Vec<Box<dyn Request>>; CONNECTIONS] = Default::default();
    for (place, first) in (0..SERIES).step_by(IN_A_REQUEST).enumerate() {
        made[place % CONNECTIONS].push((protocol.make)(first, base));
    }
    // Not before: who says nothing for seconds is hung up on.
    let mut lanes = Vec::new();
    for requests in made {
        let connection = Connection::open(address, protocol.path, protocol.head)?;
        lanes.push(Lane { connection, requests });
    }
    send(&mut lanes, 0..WARM)?;
    println!("{{\"event\":\"warm\"}}");
    io::stdin().read_line(&mut String::new())?;
    let began = Instant::now();
    send(&mut lanes, WARM..ROUNDS)?;
    let samples = (ROUNDS - WARM) * SERIES;
    let (seconds, turned_away) = (
        began.elapsed().as_secs_f64(),
        lanes.iter().map(|lane| lane.connection.turned_away).sum::<u64>(),
    );
    println!(
        "{{\"event\":\"sent\",\"samples\":{samples},\"all\":{},\"seconds\":{seconds},\"turned_away\":{turned_away}}}",
        ROUNDS * SERIES
    );
    Ok(())
}

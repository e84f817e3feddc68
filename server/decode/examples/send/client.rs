//! As little HTTP as there is: what a sender costs must not be seen in what it measures.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::Failed;

/// How long is waited where the receiver says that it is busy.
const BUSY: Duration = Duration::from_millis(5);

pub(crate) struct Connection {
    stream: TcpStream,
    head: String,
    sent: Vec<u8>,
    received: Vec<u8>,
    /// How often it was told to come again.
    pub(crate) turned_away: u64,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr, path: &str, headers: &str) -> Result<Self, Failed> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self {
            stream,
            head: format!("POST {path} HTTP/1.1\r\nhost: {address}\r\n{headers}content-length: "),
            sent: Vec::new(),
            received: Vec::new(),
            turned_away: 0,
        })
    }

    /// Sends a body until it is taken.
    pub(crate) fn post(&mut self, body: &[u8]) -> Result<(), Failed> {
        loop {
            self.sent.clear();
            write!(self.sent, "{}{}\r\n\r\n", self.head, body.len())?;
            self.sent.extend_from_slice(body);
            self.stream.write_all(&self.sent)?;
            match self.answer()? {
                200..300 => return Ok(()),
                429 | 503 => {
                    self.turned_away += 1;
                    std::thread::sleep(BUSY);
                }
                status => {
                    let answer = String::from_utf8_lossy(&self.received);
                    return Err(format!("the receiver answered {status}: {answer}").into());
                }
            }
        }
    }

    /// Reads an answer to its end.
    fn answer(&mut self) -> Result<u16, Failed> {
        self.received.clear();
        let mut chunk = [0; 4_096];
        loop {
            let read = self.stream.read(&mut chunk)?;
            if read == 0 {
                return Err("the receiver closed the connection".into());
            }
            self.received.extend_from_slice(&chunk[..read]);
            let Some(end) = self.received.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
                continue;
            };
            let head = std::str::from_utf8(&self.received[..end])?;
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>())
            });
            if self.received.len() >= end + 4 + length.transpose()?.unwrap_or(0) {
                let status = head.split(' ').nth(1).ok_or("no status")?;
                return Ok(status.parse()?);
            }
        }
    }
}

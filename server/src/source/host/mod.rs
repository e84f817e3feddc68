//! The host source: CPU, memory, swap, file systems, disks, network and processes of the machine on which Keiki runs.
//!
//! On Linux everything is read from `/proc` and `/sys` directly (`linux`): kept files cost a fraction of a millisecond a
//! second, and their text can be replaced in tests. Elsewhere `sysinfo` gives what it can (`portable`).

use std::path::PathBuf;
use std::time::Duration;

use keiki_model::series::Sample;
use keiki_model::text::Text;
use keiki_model::time::Millis;

use super::thread::OwnThread;
use super::{Source, SourceError};

mod emit;
#[cfg(target_os = "linux")]
mod linux;
pub mod metrics;
#[cfg(any(test, not(target_os = "linux")))]
mod portable;

#[cfg(target_os = "linux")]
use linux::Reader;
#[cfg(not(target_os = "linux"))]
use portable::Reader;

/// A process to watch every second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watch {
    /// All processes of this name: the kernel's short name (15 bytes) or the file name of the executable.
    Name(String),
    /// One process by its number.
    Pid(u32),
}

impl Watch {
    /// The value of the label `process`.
    pub fn label(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Pid(pid) => format!("pid {pid}"),
        }
    }
}

/// What to read and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostConfig {
    /// Processes to watch.
    pub watched: Vec<Watch>,
    /// Where `/proc` is mounted. Another path shows another machine: a container with the host's `/proc` mounted, a test.
    pub proc_root: PathBuf,
    /// Where `/sys` is mounted.
    pub sys_root: PathBuf,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            watched: Vec::new(),
            proc_root: "/proc".into(),
            sys_root: "/sys".into(),
        }
    }
}

/// Reads the host every second; file systems every 10 s and the top processes every 5 s.
pub struct HostSource {
    /// The reader until the first reading, then its thread. File reads can hang, and so have a thread of their own.
    state: State,
}

enum State {
    Ready(Box<Reader>),
    Running(OwnThread),
    /// The thread could not be started; `collect` says so.
    Broken,
}

impl HostSource {
    /// A source for the host named `host_name`, the value of every series' `host_name`.
    pub fn new(config: HostConfig, host_name: &str) -> Self {
        Self {
            state: State::Ready(Box::new(Reader::new(config, host_name))),
        }
    }

    fn thread(&mut self) -> Result<&mut OwnThread, SourceError> {
        if let State::Ready(_) = self.state
            && let State::Ready(mut reader) = std::mem::replace(&mut self.state, State::Broken)
        {
            let started = std::time::Instant::now();
            self.state = State::Running(OwnThread::spawn("host", move |time| {
                reader.read(Moment {
                    time,
                    monotonic: started.elapsed(),
                })
            })?);
        }
        match &mut self.state {
            State::Running(thread) => Ok(thread),
            _ => Err(SourceError::Unavailable(Text::new(
                "読み取りスレッドを開始できません",
                "the reader's thread could not be started",
            ))),
        }
    }
}

impl Source for HostSource {
    fn name(&self) -> &str {
        "host"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn collect(&mut self, now: Millis) -> Result<Vec<Sample>, SourceError> {
        self.thread()?.read(now).await
    }
}

/// When a reading takes place, on both clocks: the wall clock can be set, so differences are taken on the other.
#[derive(Clone, Copy, Debug)]
struct Moment {
    /// Unix milliseconds.
    time: Millis,
    /// Since any fixed point.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "sysinfo takes the differences itself")
    )]
    monotonic: Duration,
}

/// Tells once per slot of wall-clock time whether something that is read less often is due.
#[derive(Debug)]
struct Every {
    interval: Millis,
    slot: Option<Millis>,
}

impl Every {
    fn seconds(seconds: Millis) -> Self {
        Self {
            interval: seconds * 1_000,
            slot: None,
        }
    }

    /// Whether this is the first reading of its slot.
    fn is_due(&mut self, moment: Moment) -> bool {
        let slot = moment.time.div_euclid(self.interval);
        self.slot.replace(slot) != Some(slot)
    }
}

/// A share of something, kept within 0..=1: counters are read one after the other, so that a ratio of two of them can
/// miss the bounds by a little. `None` where the whole is nothing.
fn share(part: f64, whole: f64) -> Option<f64> {
    let ratio = part / whole;
    (whole > 0.0 && ratio.is_finite()).then(|| ratio.clamp(0.0, 1.0))
}

/// A share of a whole that is counted in units, ticks of the kernel's clock for one: to three digits, or as many more as the
/// whole has. What is beyond is no measurement but an artefact of the division, which would take more room in
/// the history than all that was measured.
#[cfg(target_os = "linux")]
fn counted_share(part: f64, whole: f64) -> Option<f64> {
    Some(counted(share(part, whole)?, whole))
}

/// As [`counted_share`], of a ratio to so many units that may be greater than 1.
#[cfg(target_os = "linux")]
fn counted(ratio: f64, units: f64) -> f64 {
    // A second is never exactly one: a few units more than a power of ten are no reason for a digit more.
    let digits = (units * 0.9).log10().ceil().clamp(3.0, 9.0);
    let steps = 10_f64.powi(digits as i32);
    (ratio * steps).round() / steps
}

/// The machine's name, as the label `host_name` has it; `localhost` where it has none.
pub fn host_name() -> String {
    #[cfg(target_os = "linux")]
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    #[cfg(not(target_os = "linux"))]
    let name = sysinfo::System::host_name().ok();
    let name = name.map(|name| name.trim().to_owned());
    name.filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".into())
}

#[cfg(test)]
mod tests;

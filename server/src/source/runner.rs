//! Supervision: calls each source in time on a task of its own, and survives its failures.
//!
//! Readings lie on the wall clock, 850 ms into the second that an interval starts with, so that the reading of second
//! *k* is in the store before the hub publishes second *k* at *k* + 1 s + 200 ms. A missed time is skipped, never made
//! up for.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures::FutureExt;
use keiki_model::series::Sample;
use keiki_model::time::{Millis, SECOND};
use tokio_util::sync::CancellationToken;

use super::status::StatusHandle;
use super::{Source, SourceError};
use crate::clock::Clock;

/// How far into its second a reading starts, milliseconds.
pub const PHASE: Millis = 850;

/// The longest pause after repeated failures, before jitter; longer intervals keep their interval.
pub const MAX_BACK_OFF: Millis = 30_000;

/// After so many readings in a row for which another one left no time, it is a failure.
const PATIENCE: u32 = 10;

/// The most that jitter adds to a pause, as a share of it: many sources of one dead peer do not return all at once.
const JITTER: f64 = 0.25;

/// Reads `source` until `shutdown`, and hands each reading to `sink`, which must not block. Spawn it as a task: a source
/// that hangs or panics then delays and harms no other.
pub async fn run<S: Source, C: Clock>(
    mut source: S,
    sink: impl Fn(Vec<Sample>) + Send,
    status: StatusHandle,
    clock: C,
    shutdown: CancellationToken,
) {
    let interval = whole_seconds(source.interval());
    let (mut failures, mut busy) = (0, 0_u32);
    // The first reading does not wait for the grid of a long interval, only for the phase.
    let mut due = next_phase(clock.now(), SECOND);
    let supervised = async {
        loop {
            status.scheduled(Some(due));
            clock.sleep_until(due).await;
            let started = Instant::now();
            let outcome = attempt(&mut source, &clock).await;
            let (now, took) = (clock.now(), started.elapsed());
            if let Some(refused) = source.refused() {
                status.refused(now, &refused);
            }
            match outcome {
                Ok(samples) => {
                    (failures, busy) = (0, 0);
                    status.succeeded(now, took, samples.len());
                    sink(samples);
                }
                // What was known of the source stays known: a failure is not ended by a reading that never began.
                Err(SourceError::Busy) => {
                    busy += 1;
                    // Where that is so every time, somebody must be told. A failure that is known says more.
                    if busy >= PATIENCE && status.get().failing_since.is_none() {
                        status.failed(now, took, &SourceError::Busy);
                    }
                }
                Err(error) => {
                    busy = 0;
                    failures += 1;
                    status.failed(now, took, &error);
                }
            }
            due = next_attempt(due, now, interval, failures, fastrand::f64());
        }
    };
    tokio::select! {
        biased;
        () = shutdown.cancelled() => {}
        () = supervised => {}
    }
    status.scheduled(None);
}

/// One reading under its timeout; a panic is an error like any other.
async fn attempt<S: Source, C: Clock>(source: &mut S, clock: &C) -> Result<Vec<Sample>, SourceError> {
    let now = clock.now();
    let timeout = source.timeout();
    let deadline = now + Millis::try_from(timeout.as_millis()).unwrap_or(Millis::MAX / 2);
    let reading = AssertUnwindSafe(async { source.collect(now).await }).catch_unwind();
    tokio::select! {
        biased;
        outcome = reading => outcome.unwrap_or_else(|payload| Err(SourceError::panicked(&*payload))),
        () = clock.sleep_until(deadline) => Err(SourceError::Timeout(timeout)),
    }
}

/// An interval in milliseconds, rounded up to whole seconds, at least one.
fn whole_seconds(interval: Duration) -> Millis {
    let seconds = interval.as_millis().div_ceil(SECOND.unsigned_abs().into()).max(1);
    Millis::try_from(seconds).unwrap_or(Millis::MAX / SECOND / 4) * SECOND
}

/// The first time after `time` that lies [`PHASE`] into a slot of `interval` milliseconds.
fn next_phase(time: Millis, interval: Millis) -> Millis {
    ((time - PHASE).div_euclid(interval) + 1) * interval + PHASE
}

/// When to read again after the reading that was `due` ended at `now`. `failures` are those in a row, `chance` is random
/// in 0..1.
///
/// After a success and after a single failure this is the next regular time. From the second failure on the pause
/// doubles up to [`MAX_BACK_OFF`], with jitter, and ends on the phase of any second.
fn next_attempt(due: Millis, now: Millis, interval: Millis, failures: u32, chance: f64) -> Millis {
    // A clock that was set back by more than an interval counts from where it stands. One that is a little early, as
    // after a slewed sleep, must not repeat the time just read.
    let due = if due - now > interval { now } else { due };
    if failures <= 1 {
        return next_phase(due.max(now), interval);
    }
    let doubled = interval.saturating_mul(1 << (failures - 1).min(16));
    let pause = doubled.min(MAX_BACK_OFF.max(interval));
    let jitter = (pause as f64 * JITTER * chance) as Millis;
    // Counted from when it was due, so that the length of a failed reading does not add a second to each pause.
    let target = due + pause + jitter;
    next_phase(target - SECOND, SECOND).max(next_phase(due.max(now), SECOND))
}

#[cfg(test)]
mod tests;

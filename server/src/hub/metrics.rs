//! What the hub tells of itself.

use std::time::Duration;

use keiki_instrument::{Counter, Gauge, Histogram, Recorder};

/// The stream's own metrics. Cheap to clone.
#[derive(Clone)]
pub struct StreamMetrics {
    pub(super) subscribers: Gauge,
    pub(super) views: Gauge,
    frames: Counter,
    bytes: Counter,
    resyncs: Counter,
    refused: Counter,
    over_budget: Counter,
    lag: Histogram,
}

impl StreamMetrics {
    /// The metrics, made in a recorder.
    pub fn new(recorder: &Recorder) -> Self {
        Self {
            subscribers: recorder.gauge("keiki_stream_subscribers", &[]),
            views: recorder.gauge("keiki_stream_views", &[]),
            frames: recorder.counter("keiki_stream_frames_total", &[]),
            bytes: recorder.counter("keiki_stream_bytes_total", &[]),
            resyncs: recorder.counter("keiki_stream_resyncs_total", &[]),
            refused: recorder.counter("keiki_stream_refused_total", &[]),
            over_budget: recorder.counter("keiki_stream_token_views_refused_total", &[]),
            lag: recorder.histogram("keiki_stream_publish_lag_seconds", &[]),
        }
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.frames.inc();
        self.bytes.add(bytes as u64);
    }

    pub(super) fn resynced(&self) {
        self.resyncs.inc();
    }

    pub(super) fn refused(&self) {
        self.refused.inc();
    }

    /// Of a token that holds as many views as it may.
    pub(super) fn over_budget(&self) {
        self.over_budget.inc();
    }

    pub(super) fn published(&self, late: Duration) {
        self.lag.record(late);
    }
}

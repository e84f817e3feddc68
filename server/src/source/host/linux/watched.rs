//! The watched processes, read every second. A watch by name sums all processes of that name.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use keiki_model::series::Series;

use super::process::{Process, ProcessId, Table};
use super::units::Units;
use crate::source::host::emit::{Batch, Identity};
use crate::source::host::{Every, Moment, Watch, counted, counted_share, metrics};

/// A watched process and what was last seen of it.
pub(super) struct Watched {
    watch: Watch,
    /// Its processes at the previous reading, with their CPU time in clock ticks then.
    members: HashMap<ProcessId, u64>,
    read_before: Option<Duration>,
    /// Processes that ended and have not been replaced.
    vacant: u64,
    restarts: u64,
    limits_every_10_s: Every,
    /// The limit of open files of each process: `None` where it has none or may not be read.
    limits: HashMap<ProcessId, Option<u64>>,
    series: WatchedSeries,
}

struct WatchedSeries {
    up: Arc<Series>,
    count: Arc<Series>,
    cpu: Arc<Series>,
    cpu_cores: Arc<Series>,
    memory: Arc<Series>,
    threads: Arc<Series>,
    descriptors: Arc<Series>,
    descriptor_limit: Arc<Series>,
    restarts: Arc<Series>,
}

impl Watched {
    pub(super) fn new(identity: &Identity, watch: Watch) -> Self {
        let label = watch.label();
        let series = |metric| identity.series(metric, &[&label]);
        let series = WatchedSeries {
            up: series(&metrics::WATCHED_UP),
            count: series(&metrics::WATCHED_COUNT),
            cpu: series(&metrics::WATCHED_CPU),
            cpu_cores: series(&metrics::WATCHED_CPU_CORES),
            memory: series(&metrics::WATCHED_MEMORY),
            threads: series(&metrics::WATCHED_THREADS),
            descriptors: series(&metrics::WATCHED_DESCRIPTORS),
            descriptor_limit: series(&metrics::WATCHED_DESCRIPTOR_LIMIT),
            restarts: series(&metrics::WATCHED_RESTARTS),
        };
        Self {
            watch,
            members: HashMap::new(),
            read_before: None,
            vacant: 0,
            restarts: 0,
            limits_every_10_s: Every::seconds(10),
            limits: HashMap::new(),
            series,
        }
    }

    /// Whether finding its processes takes a list of all.
    pub(super) fn is_by_name(&self) -> bool {
        matches!(self.watch, Watch::Name(_))
    }

    /// Reads its processes. `cores` are those the machine may use.
    pub(super) fn read(&mut self, moment: Moment, table: &mut Table, cores: f64, units: Units, out: &mut Batch) {
        let pids = match &self.watch {
            Watch::Name(name) => table.named(name),
            Watch::Pid(pid) => vec![*pid],
        };
        let mut now = HashMap::with_capacity(pids.len());
        let (mut ticks, mut pages, mut threads) = (0.0, 0.0, 0.0);
        for pid in pids {
            let (is_first, reading) = (table.is_first(), table.reading());
            let alive = table.load(pid).filter(|process| !process.stat.is_zombie);
            let Some(Process { stat, first_seen, .. }) = alive else {
                continue;
            };
            let id = (pid, stat.started);
            // One that has just started has used all of its time since; one that took on the name has an unknown past.
            let is_new = !is_first && *first_seen == reading;
            let base = self
                .members
                .get(&id)
                .copied()
                .unwrap_or(if is_new { 0 } else { stat.cpu_ticks });
            ticks += stat.cpu_ticks.saturating_sub(base) as f64;
            pages += stat.resident_pages as f64;
            threads += stat.threads as f64;
            now.insert(id, stat.cpu_ticks);
        }
        let seconds = self
            .read_before
            .replace(moment.monotonic)
            .map(|then| moment.monotonic.saturating_sub(then));
        self.count_restarts(&now, table.is_first());
        self.members = now;

        let series = &self.series;
        out.push(&series.up, f64::from(u8::from(!self.members.is_empty())));
        out.push(&series.count, self.members.len() as f64);
        out.push(&series.restarts, self.restarts as f64);
        if self.members.is_empty() {
            return;
        }
        if let Some(seconds) = seconds
            .map(|seconds| seconds.as_secs_f64())
            .filter(|seconds| *seconds > 0.0)
        {
            let possible = seconds * units.clock_ticks;
            out.push(&series.cpu_cores, counted(ticks / possible, possible));
            if let Some(ratio) = counted_share(ticks, possible * cores) {
                out.push(&series.cpu, ratio);
            }
        }
        out.push(&series.memory, pages * units.page_bytes);
        out.push(&series.threads, threads);
        self.read_descriptors(moment, table, out);
    }

    /// A restart is a process that takes the place of one that ended; more processes than before are none.
    fn count_restarts(&mut self, now: &HashMap<ProcessId, u64>, is_first: bool) {
        if is_first {
            return;
        }
        let started = now.keys().filter(|id| !self.members.contains_key(id)).count() as u64;
        self.vacant += self.members.keys().filter(|id| !now.contains_key(id)).count() as u64;
        let replaced = started.min(self.vacant);
        self.vacant -= replaced;
        self.restarts += replaced;
    }

    /// A sum that lacks one process would mislead: without permission for all there is none.
    fn read_descriptors(&mut self, moment: Moment, table: &Table, out: &mut Batch) {
        let open: Option<u64> = self.members.keys().map(|(pid, _)| table.open_files(*pid)).sum();
        if let Some(open) = open {
            out.push(&self.series.descriptors, open as f64);
        }
        if self.limits_every_10_s.is_due(moment) {
            self.limits.clear();
        }
        self.limits.retain(|id, _| self.members.contains_key(id));
        let limits = &mut self.limits;
        let of = |id: &ProcessId| *limits.entry(*id).or_insert_with(|| table.open_files_limit(id.0));
        let limit: Option<u64> = self.members.keys().map(of).sum();
        if let Some(limit) = limit {
            out.push(&self.series.descriptor_limit, limit as f64);
        }
    }
}

//! The processes that use most CPU or memory.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use keiki_model::series::Series;

use super::process::{ProcessId, Stat, Table};
use super::units::Units;
use crate::source::host::emit::{Batch, Identity};
use crate::source::host::{Moment, counted_share, metrics};

/// How many processes are shown for each of CPU and memory.
const TOP: usize = 10;

/// Ranks the processes.
pub(super) struct Top {
    identity: Identity,
    processes: Arc<Series>,
    /// When it was last done, and the number of that reading.
    before: Option<(Duration, u64)>,
    /// CPU time then, clock ticks.
    ticks_before: HashMap<ProcessId, u64>,
    series: HashMap<(ProcessId, String), [Arc<Series>; 2]>,
}

impl Top {
    pub(super) fn new(identity: &Identity) -> Self {
        Self {
            identity: identity.clone(),
            processes: identity.series(&metrics::PROCESSES, &[]),
            before: None,
            ticks_before: HashMap::new(),
            series: HashMap::new(),
        }
    }

    /// Ranks what `table` has just read in full. `cores` are those the machine may use.
    pub(super) fn read(&mut self, moment: Moment, table: &Table, cores: f64, units: Units, out: &mut Batch) {
        let before = self.before.replace((moment.monotonic, table.reading()));
        let seconds = before.map(|(then, _)| moment.monotonic.saturating_sub(then).as_secs_f64());
        let mut ticks_now = HashMap::with_capacity(self.ticks_before.len());
        let mut usages: Vec<Usage<'_>> = Vec::new();
        for (pid, process) in table.iter() {
            let Stat {
                cpu_ticks,
                started,
                resident_pages,
                ..
            } = process.stat;
            let id = (pid, started);
            ticks_now.insert(id, cpu_ticks);
            // One that was not there the last time has used all of its time since.
            let is_new = before.is_some_and(|(_, reading)| process.first_seen > reading);
            let base = self.ticks_before.get(&id).copied().or(is_new.then_some(0));
            let cpu = base.zip(seconds).and_then(|(base, seconds)| {
                let possible = seconds * cores * units.clock_ticks;
                counted_share(cpu_ticks.saturating_sub(base) as f64, possible)
            });
            usages.push(Usage {
                id,
                name: &process.stat.name,
                cpu,
                memory: resident_pages as f64 * units.page_bytes,
            });
        }
        self.ticks_before = ticks_now;
        out.push(&self.processes, usages.len() as f64);

        let shown = leaders(&mut usages);
        self.series.retain(|(id, _), _| shown.contains(id));
        for usage in usages.iter().filter(|usage| shown.contains(&usage.id)) {
            let own = [usage.name, &usage.id.0.to_string()];
            let series = self.series.entry((usage.id, usage.name.to_owned())).or_insert_with(|| {
                [
                    self.identity.series(&metrics::TOP_CPU, &own),
                    self.identity.series(&metrics::TOP_MEMORY, &own),
                ]
            });
            if let Some(cpu) = usage.cpu {
                out.push(&series[0], cpu);
            }
            out.push(&series[1], usage.memory);
        }
    }
}

struct Usage<'a> {
    id: ProcessId,
    name: &'a str,
    cpu: Option<f64>,
    memory: f64,
}

/// The processes that lead in CPU or in memory. Those that use none of either lead in nothing.
fn leaders(usages: &mut [Usage<'_>]) -> HashSet<ProcessId> {
    let mut shown = HashSet::new();
    let keys: [fn(&Usage<'_>) -> f64; 2] = [|usage| usage.cpu.unwrap_or(0.0), |usage| usage.memory];
    for key in keys {
        usages.sort_unstable_by(|a, b| key(b).total_cmp(&key(a)).then(a.id.cmp(&b.id)));
        shown.extend(
            usages
                .iter()
                .take(TOP)
                .filter(|usage| key(usage) > 0.0)
                .map(|usage| usage.id),
        );
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaders_are_few_and_used_something() {
        let mut usages: Vec<Usage<'_>> = (0..40)
            .map(|pid| Usage {
                id: (pid, 1),
                name: "x",
                cpu: Some(f64::from(pid % 20)),
                memory: f64::from(40 - pid),
            })
            .collect();
        let shown = leaders(&mut usages);
        assert!(shown.contains(&(39, 1)), "most CPU");
        assert!(shown.contains(&(0, 1)), "most memory");
        assert!(shown.len() <= 2 * TOP);
        let mut idle = vec![Usage {
            id: (1, 1),
            name: "kthreadd",
            cpu: Some(0.0),
            memory: 0.0,
        }];
        assert!(leaders(&mut idle).is_empty());
    }
}

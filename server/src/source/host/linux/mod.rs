//! The host on Linux, from `/proc` and `/sys`.
//!
//! Each file of this module reads one subject: pure functions turn text into figures, a struct keeps what the next
//! reading compares with. A subject that cannot be read is absent, a gap in its charts, and takes no other with it.

use keiki_model::series::Sample;

use super::emit::{Batch, Identity};
use super::{Every, HostConfig, Moment};
use crate::source::SourceError;

mod cgroup;
mod cpu;
mod disk;
mod file;
mod filesystem;
#[cfg(test)]
mod fixture;
mod memory;
mod network;
mod process;
mod top;
mod units;
mod watched;

/// Reads the host.
pub(super) struct Reader {
    units: units::Units,
    cgroup: cgroup::Cgroup,
    cpu: cpu::Cpu,
    memory: memory::Memory,
    disks: disk::Disks,
    network: network::Network,
    filesystems: filesystem::Filesystems,
    table: process::Table,
    top: top::Top,
    watched: Vec<watched::Watched>,
    /// The cores last known, for processes while `/proc/stat` cannot be read.
    cores: f64,
    every_5_s: Every,
    every_10_s: Every,
    /// How many samples the largest reading had.
    most: usize,
}

impl Reader {
    pub(super) fn new(config: HostConfig, host_name: &str) -> Self {
        let HostConfig {
            watched,
            proc_root,
            sys_root,
        } = config;
        let identity = Identity::new(host_name);
        let units = units::Units::of_machine();
        Self {
            units,
            cgroup: cgroup::Cgroup::new(&proc_root, &sys_root, units.clock_ticks),
            cpu: cpu::Cpu::new(&identity, &proc_root),
            memory: memory::Memory::new(&identity, &proc_root),
            disks: disk::Disks::new(&identity, &proc_root),
            network: network::Network::new(&identity, &proc_root),
            filesystems: filesystem::Filesystems::new(&identity, &proc_root),
            table: process::Table::new(&proc_root),
            top: top::Top::new(&identity),
            watched: watched
                .into_iter()
                .map(|watch| watched::Watched::new(&identity, watch))
                .collect(),
            cores: 1.0,
            every_5_s: Every::seconds(5),
            every_10_s: Every::seconds(10),
            most: 64,
        }
    }

    /// One reading. Fails only if nothing at all could be read.
    pub(super) fn read(&mut self, moment: Moment) -> Result<Vec<Sample>, SourceError> {
        let mut out = Batch::new(moment.time, self.most);
        let ten_seconds = self.every_10_s.is_due(moment);
        if ten_seconds {
            self.cgroup.refresh();
        }
        // Counters first: what a rate compares should be read as evenly as possible.
        let cpu = self
            .cpu
            .read(moment, &mut self.cgroup, &mut out)
            .map(|cores| self.cores = cores);
        let mut results = vec![cpu, self.disks.read(&mut out), self.network.read(&mut out)];
        results.push(self.memory.read(&mut self.cgroup, &mut out));
        results.push(self.cpu.read_load(&mut out));
        results.push(self.read_processes(moment, &mut out));
        if ten_seconds {
            results.push(self.filesystems.read(&mut out));
        }
        let samples = out.into_samples();
        self.most = self.most.max(samples.len());
        match results.into_iter().find_map(Result::err) {
            Some(error) if samples.is_empty() => Err(error),
            _ => Ok(samples),
        }
    }

    fn read_processes(&mut self, moment: Moment, out: &mut Batch) -> Result<(), SourceError> {
        let all = self.every_5_s.is_due(moment);
        self.table.begin();
        if all || self.watched.iter().any(watched::Watched::is_by_name) {
            self.table
                .list(all)
                .map_err(|error| SourceError::file(self.table.root(), error))?;
        }
        for watched in &mut self.watched {
            watched.read(moment, &mut self.table, self.cores, self.units, out);
        }
        if all {
            self.top.read(moment, &self.table, self.cores, self.units, out);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

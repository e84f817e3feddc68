//! The host by way of `sysinfo`, for systems without Linux's `/proc`: no shares per CPU mode, no watched processes.
//!
//! On Linux it is only compiled for tests, as a second opinion on the figures of `linux`.

use std::sync::Arc;

use keiki_model::series::{Sample, Series};
use sysinfo::{CpuRefreshKind, Disks, MemoryRefreshKind, Networks, RefreshKind, System};

use super::emit::{Batch, Identity, Kept};
use super::{Every, HostConfig, Moment, metrics, share};
use crate::source::SourceError;

/// Reads the host through `sysinfo`.
pub(super) struct Reader {
    identity: Identity,
    handles: Option<Handles>,
    every_10_s: Every,
    has_cpu: bool,
    fixed: [Arc<Series>; 9],
    by_core: Kept<1>,
    by_disk: Kept<3>,
    by_interface: Kept<6>,
}

/// What `sysinfo` reads through.
struct Handles {
    system: System,
    disks: Disks,
    networks: Networks,
}

impl Handles {
    fn open() -> Result<Self, sysinfo::Error> {
        let cpu = CpuRefreshKind::nothing().with_usage();
        let kinds = RefreshKind::nothing()
            .with_cpu(cpu)
            .with_memory(MemoryRefreshKind::everything());
        let system = System::new_with_specifics(kinds)?;
        Ok(Self {
            system,
            disks: Disks::new()?,
            networks: Networks::new_with_refreshed_list()?,
        })
    }
}

impl Reader {
    pub(super) fn new(_config: HostConfig, host_name: &str) -> Self {
        let identity = Identity::new(host_name);
        let fixed = [
            identity.series(&metrics::CPU_USAGE, &[]),
            identity.series(&metrics::CPU_LOGICAL_COUNT, &[]),
            identity.series(&metrics::CPU_LIMIT, &[]),
            identity.series(&metrics::MEMORY_LIMIT, &[]),
            identity.series(&metrics::MEMORY_UTILIZATION, &[]),
            identity.series(&metrics::MEMORY_USAGE, &["used"]),
            identity.series(&metrics::MEMORY_USAGE, &["free"]),
            identity.series(&metrics::PAGING_USAGE, &["used"]),
            identity.series(&metrics::PAGING_USAGE, &["free"]),
        ];
        Self {
            identity,
            handles: None,
            every_10_s: Every::seconds(10),
            has_cpu: false,
            fixed,
            by_core: Kept::default(),
            by_disk: Kept::default(),
            by_interface: Kept::default(),
        }
    }

    pub(super) fn read(&mut self, moment: Moment) -> Result<Vec<Sample>, SourceError> {
        let mut handles = match self.handles.take() {
            Some(handles) => handles,
            None => Handles::open().map_err(|error| SourceError::Unavailable(format!("sysinfo: {error}").into()))?,
        };
        let mut out = Batch::new(moment.time, 32);
        self.cpu(&mut handles.system, &mut out);
        self.memory(&mut handles.system, &mut out);
        if self.every_10_s.is_due(moment) {
            self.filesystems(&mut handles.disks, &mut out);
        }
        self.network(&mut handles.networks, &mut out);
        self.handles = Some(handles);
        Ok(out.into_samples())
    }

    fn cpu(&mut self, system: &mut System, out: &mut Batch) {
        system.refresh_cpu_usage();
        let [usage, count, limit, ..] = &self.fixed;
        let cores = system.cpus().len() as f64;
        out.push(count, cores);
        out.push(limit, cores);
        // The first refresh has nothing to compare with.
        if !std::mem::replace(&mut self.has_cpu, true) {
            return;
        }
        if let Some(ratio) = share(f64::from(system.global_cpu_usage()), 100.0) {
            out.push(usage, ratio);
        }
        for (index, cpu) in system.cpus().iter().enumerate() {
            let name = index.to_string();
            let make = || [self.identity.series(&metrics::CPU_CORE_UTILIZATION, &[&name])];
            let [core] = self.by_core.get(&name, make);
            if let Some(ratio) = share(f64::from(cpu.usage()), 100.0) {
                out.push(core, ratio);
            }
        }
        self.by_core.forget_unused();
    }

    fn memory(&self, system: &mut System, out: &mut Batch) {
        system.refresh_memory();
        let [.., limit, utilization, used, free, swap_used, swap_free] = &self.fixed;
        let (total, available) = (system.total_memory() as f64, system.available_memory() as f64);
        out.push(limit, total);
        out.push(used, (total - available).max(0.0));
        out.push(free, available.min(total));
        if let Some(ratio) = share(total - available, total) {
            out.push(utilization, ratio);
        }
        if system.total_swap() > 0 {
            out.push(swap_used, system.used_swap() as f64);
            out.push(swap_free, system.free_swap() as f64);
        }
    }

    fn filesystems(&mut self, disks: &mut Disks, out: &mut Batch) {
        disks.refresh(true);
        for disk in disks.iter() {
            let (device, mountpoint) = (disk.name().to_string_lossy(), disk.mount_point().to_string_lossy());
            let make = || {
                [
                    self.identity
                        .series(&metrics::FILESYSTEM_LIMIT, &[&device, &mountpoint]),
                    self.identity
                        .series(&metrics::FILESYSTEM_USAGE, &[&device, &mountpoint, "free"]),
                    self.identity
                        .series(&metrics::FILESYSTEM_UTILIZATION, &[&device, &mountpoint]),
                ]
            };
            let (total, free) = (disk.total_space() as f64, disk.available_space() as f64);
            let [limit, usage, utilization] = self.by_disk.get(&mountpoint, make);
            out.push(limit, total);
            out.push(usage, free);
            if let Some(ratio) = share(total - free, total) {
                out.push(utilization, ratio);
            }
        }
        self.by_disk.forget_unused();
    }

    fn network(&mut self, networks: &mut Networks, out: &mut Batch) {
        networks.refresh(true);
        for (name, data) in networks.iter() {
            let name = name.to_string_lossy();
            let make = || {
                let series = |metric, direction| self.identity.series(metric, &[&*name, direction]);
                [
                    series(&metrics::NETWORK_IO, "receive"),
                    series(&metrics::NETWORK_IO, "transmit"),
                    series(&metrics::NETWORK_PACKETS, "receive"),
                    series(&metrics::NETWORK_PACKETS, "transmit"),
                    series(&metrics::NETWORK_ERRORS, "receive"),
                    series(&metrics::NETWORK_ERRORS, "transmit"),
                ]
            };
            let values = [
                data.total_received(),
                data.total_transmitted(),
                data.total_packets_received(),
                data.total_packets_transmitted(),
                data.total_errors_on_received(),
                data.total_errors_on_transmitted(),
            ];
            for (series, value) in self.by_interface.get(&name, make).iter().zip(values) {
                out.push(series, value as f64);
            }
        }
        self.by_interface.forget_unused();
    }
}

//! Memory and swap, from `/proc/meminfo` or from the cgroup where a container's limit is the machine.

use std::path::Path;
use std::sync::Arc;

use keiki_model::series::Series;
use keiki_model::text::Text;

use super::cgroup::{Cgroup, MemoryUsage};
use super::file::KeptFile;
use crate::source::SourceError;
use crate::source::host::emit::{Batch, Identity};
use crate::source::host::{metrics, share};

/// What `/proc/meminfo` says, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct MemInfo {
    total: u64,
    free: u64,
    available: u64,
    buffers: u64,
    swap_total: u64,
    swap_free: u64,
}

impl MemInfo {
    /// `None` without a total. Kernels before 3.14 do not tell what is available: then it is free memory and caches, less
    /// shared memory, which is in the caches but cannot be reclaimed.
    fn parse(text: &str) -> Option<Self> {
        let mut info = Self::default();
        let (mut available, mut cached, mut shared) = (None, 0_u64, 0);
        for line in text.lines() {
            let Some((name, rest)) = line.split_once(':') else {
                continue;
            };
            let number = rest
                .split_ascii_whitespace()
                .next()
                .and_then(|field| field.parse::<u64>().ok());
            let Some(bytes) = number.map(|kibibytes| kibibytes.saturating_mul(1_024)) else {
                continue;
            };
            match name {
                "MemTotal" => info.total = bytes,
                "MemFree" => info.free = bytes,
                "MemAvailable" => available = Some(bytes),
                "Buffers" => info.buffers = bytes,
                "Cached" | "SReclaimable" => cached = bytes.saturating_add(cached),
                "Shmem" => shared = bytes,
                "SwapTotal" => info.swap_total = bytes,
                "SwapFree" => info.swap_free = bytes,
                _ => {}
            }
        }
        let estimate = || {
            info.free
                .saturating_add(info.buffers)
                .saturating_add(cached)
                .saturating_sub(shared)
        };
        info.available = available.unwrap_or_else(estimate).min(info.total);
        (info.total > 0).then_some(info)
    }
}

/// Memory per state, bytes; together the total.
///
/// *Used* is what programs cannot get, total - available, so that it agrees with the utilisation; *free* and *buffers*
/// are the kernel's own figures, cut to what is available; *cached* is the rest of what is available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct States {
    used: u64,
    cached: u64,
    /// A container's share of the buffers is not told.
    buffers: Option<u64>,
    free: u64,
}

impl States {
    fn of_host(info: &MemInfo) -> Self {
        let free = info.free.min(info.available);
        let buffers = info.buffers.min(info.available - free);
        Self {
            used: info.total - info.available,
            cached: info.available - free - buffers,
            buffers: Some(buffers),
            free,
        }
    }

    /// Of a container: file pages that were not touched lately can be reclaimed at once, and so are not used.
    fn of_container(usage: &MemoryUsage, limit: u64) -> Self {
        let current = usage.current.min(limit);
        let cached = usage.inactive_file.min(current);
        Self {
            used: current - cached,
            cached,
            buffers: None,
            free: limit - current,
        }
    }
}

/// Reads memory and swap.
pub(super) struct Memory {
    meminfo: KeptFile,
    states: [Arc<Series>; 4],
    limit: Arc<Series>,
    utilization: Arc<Series>,
    paging: [Arc<Series>; 2],
    paging_utilization: Arc<Series>,
}

impl Memory {
    pub(super) fn new(identity: &Identity, proc_root: &Path) -> Self {
        Self {
            meminfo: KeptFile::new(proc_root.join("meminfo")),
            states: ["used", "cached", "buffers", "free"]
                .map(|state| identity.series(&metrics::MEMORY_USAGE, &[state])),
            limit: identity.series(&metrics::MEMORY_LIMIT, &[]),
            utilization: identity.series(&metrics::MEMORY_UTILIZATION, &[]),
            paging: ["used", "free"].map(|state| identity.series(&metrics::PAGING_USAGE, &[state])),
            paging_utilization: identity.series(&metrics::PAGING_UTILIZATION, &[]),
        }
    }

    pub(super) fn read(&mut self, cgroup: &mut Cgroup, out: &mut Batch) -> Result<(), SourceError> {
        let info = MemInfo::parse(&self.meminfo.read()?);
        let info = info.ok_or_else(|| {
            SourceError::invalid(
                self.meminfo.path(),
                Text::new("MemTotal の行がありません", "no line MemTotal"),
            )
        })?;
        let limit = cgroup.memory_limit().filter(|limit| *limit < info.total);
        let container = limit.and_then(|limit| Some((limit, cgroup.memory_usage()?)));
        let (total, states, swap) = match container {
            Some((limit, usage)) => (limit, States::of_container(&usage, limit), usage.swap),
            None => {
                let used = info.swap_total.saturating_sub(info.swap_free);
                (info.total, States::of_host(&info), Some((used, info.swap_total)))
            }
        };
        out.push(&self.limit, total as f64);
        let values = [
            Some(states.used),
            Some(states.cached),
            states.buffers,
            Some(states.free),
        ];
        for (series, value) in self.states.iter().zip(values) {
            if let Some(value) = value {
                out.push(series, value as f64);
            }
        }
        if let Some(ratio) = share(states.used as f64, total as f64) {
            out.push(&self.utilization, ratio);
        }
        if let Some((used, total)) = swap
            && let Some(ratio) = share(used as f64, total as f64)
        {
            let [used_series, free_series] = &self.paging;
            out.push(used_series, used as f64);
            out.push(free_series, total.saturating_sub(used) as f64);
            out.push(&self.paging_utilization, ratio);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: u64 = 1_024;

    #[test]
    fn states_add_up_to_the_total() {
        let info = MemInfo::parse(
            "MemTotal: 1000 kB\nMemFree: 200 kB\nMemAvailable: 600 kB\nBuffers: 50 kB\nCached: 400 kB\n\
             SwapTotal: 100 kB\nSwapFree: 75 kB\nHugePages_Total: 0\n",
        )
        .expect("meminfo");
        let states = States::of_host(&info);
        let expected = States {
            used: 400 * KIB,
            cached: 350 * KIB,
            buffers: Some(50 * KIB),
            free: 200 * KIB,
        };
        assert_eq!(states, expected);
        assert_eq!((info.swap_total, info.swap_free), (100 * KIB, 75 * KIB));
    }

    #[test]
    fn less_may_be_available_than_is_free() {
        let info =
            MemInfo::parse("MemTotal: 1000 kB\nMemFree: 500 kB\nMemAvailable: 450 kB\nBuffers: 9 kB").expect("meminfo");
        let states = States::of_host(&info);
        assert_eq!(
            states,
            States {
                used: 550 * KIB,
                cached: 0,
                buffers: Some(0),
                free: 450 * KIB
            }
        );
    }

    #[test]
    fn old_kernels_leave_available_to_be_estimated() {
        let text =
            "MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 300 kB\nSReclaimable: 20 kB\nShmem: 70 kB";
        assert_eq!(MemInfo::parse(text).map(|info| info.available), Some(400 * KIB));
    }

    #[test]
    fn garbage_has_no_memory() {
        for garbage in [
            "",
            "MemTotal",
            "MemTotal: x kB",
            "MemTotal: -1 kB",
            "MemFree: 5 kB",
            "MemTotal: 0 kB",
        ] {
            assert_eq!(MemInfo::parse(garbage), None, "{garbage:?}");
        }
        let huge = format!(
            "MemTotal: {0} kB\nMemFree: {0} kB\nBuffers: {0} kB\nCached: {0} kB\nSReclaimable: {0} kB\n",
            u64::MAX
        );
        let states = MemInfo::parse(&huge).map(|info| States::of_host(&info));
        assert_eq!(states.map(|states| states.used), Some(0));
    }

    #[test]
    fn a_container_is_measured_against_its_limit() {
        let usage = MemoryUsage {
            current: 700,
            inactive_file: 300,
            swap: None,
        };
        let expected = States {
            used: 400,
            cached: 300,
            buffers: None,
            free: 300,
        };
        assert_eq!(States::of_container(&usage, 1_000), expected);
        let over = MemoryUsage {
            current: 1_100,
            inactive_file: 2_000,
            swap: None,
        };
        assert_eq!(
            States::of_container(&over, 1_000),
            States {
                used: 0,
                cached: 1_000,
                buffers: None,
                free: 0
            }
        );
    }
}

//! Limits of a container, from cgroup v2 or v1: where they are set, they are the machine, and 100 % is the limit.
//!
//! What counts is a limit on everything this process can see: at the root of the mounted hierarchy (a container has a
//! view of its own), or, where the host's hierarchy is visible, above and at a cgroup whose path names a container
//! runtime. A limit on Keiki's own service, as systemd sets it, limits Keiki and not the host, and does not count.

use std::fs;
use std::path::{Path, PathBuf};

use super::file::KeptFile;

/// CPU time used since the cgroup was made, seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct CpuUsage {
    pub(super) total_seconds: f64,
    pub(super) user_seconds: f64,
    pub(super) system_seconds: f64,
}

/// Memory in use, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MemoryUsage {
    /// All of it, with the page cache.
    pub(super) current: u64,
    /// File pages not touched lately: reclaimed before anything is refused.
    pub(super) inactive_file: u64,
    /// Swap in use and its limit, where there is a limit of its own.
    pub(super) swap: Option<(u64, u64)>,
}

/// Parts of a path that name a container, by the runtime that made it.
const RUNTIMES: [&str; 8] = [
    "docker",
    "kubepods",
    "libpod",
    "containerd",
    "crio",
    "cri-o",
    "lxc",
    "garden",
];

/// Quotas are at least this; the kernel's own least is a tenth of it.
const LEAST_CORES: f64 = 0.01;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

/// A cgroup that limits the CPU.
struct CpuGroup {
    dir: PathBuf,
    cores: f64,
    files: [KeptFile; 2],
}

/// A cgroup that limits memory.
struct MemoryGroup {
    dir: PathBuf,
    limit: u64,
    current: KeptFile,
    stat: KeptFile,
}

/// The limits of the container, if there is one.
pub(super) struct Cgroup {
    root: PathBuf,
    own: PathBuf,
    version: Version,
    clock_ticks: f64,
    cpu: Option<CpuGroup>,
    memory: Option<MemoryGroup>,
}

impl Cgroup {
    pub(super) fn new(proc_root: &Path, sys_root: &Path, clock_ticks: f64) -> Self {
        let root = sys_root.join("fs/cgroup");
        let version = if root.join("cgroup.controllers").exists() {
            Version::V2
        } else {
            Version::V1
        };
        let own = proc_root.join("self/cgroup");
        Self {
            root,
            own,
            version,
            clock_ticks,
            cpu: None,
            memory: None,
        }
    }

    /// Looks for limits anew; they can change while a container runs.
    pub(super) fn refresh(&mut self) {
        let own = fs::read_to_string(&self.own).unwrap_or_default();
        let least = |a: &f64, b: &f64| a.total_cmp(b);
        let found = self
            .dirs("cpu", &own)
            .into_iter()
            .filter_map(|dir| Some((self.read_cores(&dir)?, dir)));
        let cpu = found.min_by(|a, b| least(&a.0, &b.0));
        self.cpu = cpu.map(|(cores, dir)| match self.cpu.take() {
            Some(kept) if kept.dir == dir => CpuGroup { cores, ..kept },
            _ => CpuGroup {
                cores,
                files: self.cpu_files(&dir, &own),
                dir,
            },
        });
        let found = self
            .dirs("memory", &own)
            .into_iter()
            .filter_map(|dir| Some((self.read_memory_limit(&dir)?, dir)));
        let memory = found.min_by_key(|(limit, _)| *limit);
        let usage = if self.version == Version::V2 {
            "memory.current"
        } else {
            "memory.usage_in_bytes"
        };
        self.memory = memory.map(|(limit, dir)| match self.memory.take() {
            Some(kept) if kept.dir == dir => MemoryGroup { limit, ..kept },
            _ => MemoryGroup {
                limit,
                current: KeptFile::new(dir.join(usage)),
                stat: KeptFile::new(dir.join("memory.stat")),
                dir,
            },
        });
    }

    /// The cores that may be used, where a quota is set.
    pub(super) fn cpu_limit(&self) -> Option<f64> {
        self.cpu.as_ref().map(|group| group.cores)
    }

    /// The CPU time used within the quota.
    pub(super) fn cpu_usage(&mut self) -> Option<CpuUsage> {
        let [first, second] = &mut self.cpu.as_mut()?.files;
        match self.version {
            Version::V2 => parse_cpu_stat(&first.read().ok()?),
            Version::V1 => parse_cpuacct(&first.read().ok()?, &second.read().ok()?, self.clock_ticks),
        }
    }

    /// The memory that may be used, where a limit is set, bytes.
    pub(super) fn memory_limit(&self) -> Option<u64> {
        self.memory.as_ref().map(|group| group.limit)
    }

    /// The memory used within the limit.
    pub(super) fn memory_usage(&mut self) -> Option<MemoryUsage> {
        let version = self.version;
        let group = self.memory.as_mut()?;
        let current = parse_limit(&group.current.read().ok()?)?;
        // v1 counts a cgroup's children only under this name.
        let names: &[&str] = if version == Version::V2 {
            &["inactive_file"]
        } else {
            &["total_inactive_file", "inactive_file"]
        };
        let stat = group.stat.read().ok();
        let inactive_file = stat
            .and_then(|stat| names.iter().find_map(|name| field(&stat, name)))
            .unwrap_or(0);
        let number = |name: &str| {
            fs::read_to_string(group.dir.join(name))
                .ok()
                .and_then(|text| parse_limit(&text))
        };
        let swap = number("memory.swap.max").filter(|limit| *limit > 0);
        let swap = swap.and_then(|limit| Some((number("memory.swap.current")?, limit)));
        Some(MemoryUsage {
            current,
            inactive_file,
            swap,
        })
    }

    /// The cgroups whose limits hold for all that can be seen.
    fn dirs(&self, controller: &str, own: &str) -> Vec<PathBuf> {
        let root = match self.version {
            Version::V2 => self.root.clone(),
            Version::V1 => self.root.join(controller),
        };
        let mut dirs = vec![root.clone()];
        let path = own_path(own, if self.version == Version::V2 { "" } else { controller });
        if let Some(path) = path.filter(|path| RUNTIMES.iter().any(|runtime| path.contains(runtime))) {
            for part in path.split('/').filter(|part| !part.is_empty() && *part != "..") {
                let next = dirs.last().unwrap_or(&root).join(part);
                dirs.push(next);
            }
        }
        dirs
    }

    fn read_cores(&self, dir: &Path) -> Option<f64> {
        let read = |name: &str| fs::read_to_string(dir.join(name)).ok();
        match self.version {
            Version::V2 => parse_cpu_max(&read("cpu.max")?),
            Version::V1 => parse_cfs(&read("cpu.cfs_quota_us")?, &read("cpu.cfs_period_us")?),
        }
    }

    fn read_memory_limit(&self, dir: &Path) -> Option<u64> {
        let name = if self.version == Version::V2 {
            "memory.max"
        } else {
            "memory.limit_in_bytes"
        };
        parse_limit(&fs::read_to_string(dir.join(name)).ok()?).filter(|limit| *limit > 0)
    }

    fn cpu_files(&self, dir: &Path, own: &str) -> [KeptFile; 2] {
        match self.version {
            Version::V2 => [dir.join("cpu.stat"), dir.join("cpu.stat")],
            Version::V1 => {
                // Quota and accounting are two hierarchies; the same part of the path leads to the same cgroup.
                let depth = dir
                    .strip_prefix(self.root.join("cpu"))
                    .map_or(0, |below| below.components().count());
                let dirs = self.dirs("cpuacct", own);
                let dir = dirs.get(depth).or(dirs.first()).cloned().unwrap_or_default();
                [dir.join("cpuacct.usage"), dir.join("cpuacct.stat")]
            }
        }
        .map(KeptFile::new)
    }
}

/// The path of a process in the hierarchy of `controller` (empty for v2), from `/proc/self/cgroup`.
fn own_path<'a>(text: &'a str, controller: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        controllers.split(',').any(|name| name == controller).then_some(path)
    })
}

/// The cores of v2's `cpu.max`: `max 100000` or `150000 100000`.
fn parse_cpu_max(text: &str) -> Option<f64> {
    let mut fields = text.split_ascii_whitespace();
    let quota = fields.next()?.parse::<u64>().ok()?;
    let period = fields.next().map_or(Some(100_000), |field| field.parse::<u64>().ok())?;
    cores(quota, period)
}

/// The cores of v1's quota, -1 for none, and its period.
fn parse_cfs(quota: &str, period: &str) -> Option<f64> {
    cores(quota.trim().parse().ok()?, period.trim().parse().ok()?)
}

fn cores(quota: u64, period: u64) -> Option<f64> {
    (quota > 0 && period > 0).then(|| (quota as f64 / period as f64).max(LEAST_CORES))
}

/// A limit in bytes; `max`, and v1's number near the end of its range, are none.
fn parse_limit(text: &str) -> Option<u64> {
    text.trim().parse::<u64>().ok().filter(|limit| *limit < 1 << 60)
}

/// The number after `name ` in a flat file of pairs.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// v2's `cpu.stat`.
fn parse_cpu_stat(text: &str) -> Option<CpuUsage> {
    let seconds = |name: &str| Some(field(text, name)? as f64 / 1e6);
    let (user_seconds, system_seconds) = (seconds("user_usec")?, seconds("system_usec")?);
    let total_seconds = seconds("usage_usec").unwrap_or(user_seconds + system_seconds);
    Some(CpuUsage {
        total_seconds,
        user_seconds,
        system_seconds,
    })
}

/// v1's `cpuacct.usage`, nanoseconds, and `cpuacct.stat`, clock ticks.
fn parse_cpuacct(usage: &str, stat: &str, clock_ticks: f64) -> Option<CpuUsage> {
    let total_seconds = usage.trim().parse::<u64>().ok()? as f64 / 1e9;
    let seconds = |name: &str| Some(field(stat, name)? as f64 / clock_ticks);
    Some(CpuUsage {
        total_seconds,
        user_seconds: seconds("user")?,
        system_seconds: seconds("system")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::host::linux::fixture::Fixture;

    fn cgroup(fixture: &Fixture) -> Cgroup {
        let mut cgroup = Cgroup::new(&fixture.path("proc"), &fixture.path("sys"), 100.0);
        cgroup.refresh();
        cgroup
    }

    #[test]
    fn limits_of_a_container_with_a_view_of_its_own() {
        let fixture = Fixture::new();
        fixture.write("proc/self/cgroup", "0::/\n");
        fixture.write("sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
        fixture.write("sys/fs/cgroup/cpu.max", "150000 100000\n");
        fixture.write(
            "sys/fs/cgroup/cpu.stat",
            "usage_usec 3000000\nuser_usec 2000000\nsystem_usec 1000000\nnr_periods 0\n",
        );
        fixture.write("sys/fs/cgroup/memory.max", "536870912\n");
        fixture.write("sys/fs/cgroup/memory.current", "200000000\n");
        fixture.write(
            "sys/fs/cgroup/memory.stat",
            "anon 1\ninactive_file_x 9\ninactive_file 50000000\n",
        );
        fixture.write("sys/fs/cgroup/memory.swap.max", "max\n");
        let mut cgroup = cgroup(&fixture);
        assert_eq!(cgroup.cpu_limit(), Some(1.5));
        let usage = CpuUsage {
            total_seconds: 3.0,
            user_seconds: 2.0,
            system_seconds: 1.0,
        };
        assert_eq!(cgroup.cpu_usage(), Some(usage));
        assert_eq!(cgroup.memory_limit(), Some(536_870_912));
        let usage = MemoryUsage {
            current: 200_000_000,
            inactive_file: 50_000_000,
            swap: None,
        };
        assert_eq!(cgroup.memory_usage(), Some(usage));

        fixture.write("sys/fs/cgroup/cpu.max", "max 100000\n");
        cgroup.refresh();
        assert_eq!(
            (cgroup.cpu_limit(), cgroup.cpu_usage()),
            (None, None),
            "the quota was lifted"
        );
    }

    #[test]
    fn the_tightest_limit_above_a_container_counts() {
        let fixture = Fixture::new();
        let pod = "kubepods.slice/pod1.slice/cri-containerd-1.scope";
        fixture.write("proc/self/cgroup", &format!("0::/{pod}\n"));
        fixture.write("sys/fs/cgroup/cgroup.controllers", "");
        fixture.write("sys/fs/cgroup/kubepods.slice/memory.max", "4000000");
        fixture.write("sys/fs/cgroup/kubepods.slice/pod1.slice/memory.max", "1000000");
        fixture.write(&format!("sys/fs/cgroup/{pod}/memory.max"), "max");
        fixture.write(&format!("sys/fs/cgroup/{pod}/cpu.max"), "200000 100000");
        let cgroup = cgroup(&fixture);
        assert_eq!(
            (cgroup.cpu_limit(), cgroup.memory_limit()),
            (Some(2.0), Some(1_000_000))
        );
    }

    #[test]
    fn a_services_own_limit_is_not_the_hosts() {
        let fixture = Fixture::new();
        fixture.write("proc/self/cgroup", "0::/system.slice/keiki.service\n");
        fixture.write("sys/fs/cgroup/cgroup.controllers", "");
        fixture.write("sys/fs/cgroup/system.slice/keiki.service/memory.max", "60000000");
        fixture.write("sys/fs/cgroup/system.slice/keiki.service/cpu.max", "1000 100000");
        let cgroup = cgroup(&fixture);
        assert_eq!((cgroup.cpu_limit(), cgroup.memory_limit()), (None, None));
    }

    #[test]
    fn version_1() {
        let fixture = Fixture::new();
        let own = "9:memory:/docker/1\n2:cpu,cpuacct:/docker/1\n1:name=systemd:/\n0::/\n";
        fixture.write("proc/self/cgroup", own);
        fixture.write("sys/fs/cgroup/cpu/cpu.shares", "1024");
        fixture.write("sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us", "50000\n");
        fixture.write("sys/fs/cgroup/cpu/docker/1/cpu.cfs_period_us", "100000\n");
        fixture.write("sys/fs/cgroup/cpuacct/docker/1/cpuacct.usage", "1500000000\n");
        fixture.write("sys/fs/cgroup/cpuacct/docker/1/cpuacct.stat", "user 100\nsystem 50\n");
        fixture.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        fixture.write("sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", "1000000\n");
        fixture.write("sys/fs/cgroup/memory/docker/1/memory.usage_in_bytes", "600000\n");
        fixture.write(
            "sys/fs/cgroup/memory/docker/1/memory.stat",
            "inactive_file 1\ntotal_inactive_file 100000\n",
        );
        let mut cgroup = cgroup(&fixture);
        assert_eq!(cgroup.cpu_limit(), Some(0.5));
        let usage = CpuUsage {
            total_seconds: 1.5,
            user_seconds: 1.0,
            system_seconds: 0.5,
        };
        assert_eq!(cgroup.cpu_usage(), Some(usage));
        assert_eq!(cgroup.memory_limit(), Some(1_000_000));
        let usage = MemoryUsage {
            current: 600_000,
            inactive_file: 100_000,
            swap: None,
        };
        assert_eq!(cgroup.memory_usage(), Some(usage));
    }

    #[test]
    fn no_cgroups_at_all() {
        let mut cgroup = cgroup(&Fixture::new());
        assert_eq!((cgroup.cpu_limit(), cgroup.memory_limit()), (None, None));
        assert_eq!((cgroup.cpu_usage(), cgroup.memory_usage()), (None, None));
    }

    #[test]
    fn quotas() {
        assert_eq!(parse_cpu_max("50000"), Some(0.5));
        assert_eq!(parse_cfs("-1", "100000"), None);
        assert_eq!(parse_cpu_max("1 100000"), Some(LEAST_CORES));
        for garbage in ["", "max", "max 100000", "0 100000", "1000 0", "-5 100", "x y", "1000 y"] {
            assert_eq!(parse_cpu_max(garbage), None, "{garbage:?}");
        }
        for garbage in ["", "max", "-1", "x", "9223372036854771712", "99999999999999999999"] {
            assert_eq!(parse_limit(garbage), None, "{garbage:?}");
        }
        assert_eq!(parse_cpu_stat("usage_usec 5\nuser_usec x\n"), None);
        assert_eq!(own_path("garbage\n0\n0:\n", ""), None);
    }
}

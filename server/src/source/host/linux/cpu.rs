//! CPU shares, cores and load averages, from `/proc/stat` and `/proc/loadavg`, or from the cgroup where a container's
//! quota is the machine.
//!
//! Shares of ticks have no more digits than the ticks tell: the kernel counts a hundred a second of each core.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use keiki_model::series::Series;
use keiki_model::text::Text;

use super::cgroup::{Cgroup, CpuUsage};
use super::file::KeptFile;
use crate::source::SourceError;
use crate::source::host::emit::{Batch, Identity};
use crate::source::host::{Moment, counted_share, metrics, share};

/// Time spent per mode since boot, in clock ticks. `nice` is within user, interrupts are within system; the time of
/// guests is already in the kernel's user time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Times {
    user: u64,
    system: u64,
    idle: u64,
    iowait: u64,
    steal: u64,
}

/// Shares of the time between two readings, 0–1.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Shares {
    user: f64,
    system: f64,
    iowait: f64,
    steal: f64,
    busy: f64,
}

impl Times {
    /// The figures after `cpu` or `cpu0`; kernels before 2.6 had only the first four.
    fn parse(fields: &str) -> Option<Self> {
        let mut numbers = fields.split_ascii_whitespace().map(|field| field.parse::<u64>().ok());
        let mut required = || numbers.next().flatten();
        let (user, nice, system, idle) = (required()?, required()?, required()?, required()?);
        let mut optional = || numbers.next().map_or(Some(0), |number| number);
        let (iowait, irq, softirq, steal) = (optional()?, optional()?, optional()?, optional()?);
        let system = system.saturating_add(irq).saturating_add(softirq);
        Some(Self {
            user: user.saturating_add(nice),
            system,
            idle,
            iowait,
            steal,
        })
    }

    /// The shares since `before`; `None` where no time has passed. A figure that went backwards, as the kernel's idle
    /// and iowait do, counts as unchanged.
    fn shares_since(&self, before: &Self) -> Option<Shares> {
        let since = |now: u64, before: u64| now.saturating_sub(before) as f64;
        let user = since(self.user, before.user);
        let system = since(self.system, before.system);
        let idle = since(self.idle, before.idle);
        let iowait = since(self.iowait, before.iowait);
        let steal = since(self.steal, before.steal);
        let all = user + system + idle + iowait + steal;
        let of_all = |ticks| counted_share(ticks, all);
        Some(Shares {
            user: of_all(user)?,
            system: of_all(system)?,
            iowait: of_all(iowait)?,
            steal: of_all(steal)?,
            busy: of_all(user + system + steal)?,
        })
    }
}

/// The lines `cpu` and `cpu0`, `cpu1`, … of `/proc/stat`. Cores that are offline have none.
fn parse_stat(text: &str) -> Option<(Times, BTreeMap<u32, Times>)> {
    let mut all = None;
    let mut cores = BTreeMap::new();
    for line in text.lines() {
        // The CPU's lines come first; what follows is long.
        let Some(rest) = line.strip_prefix("cpu") else { break };
        let (name, fields) = rest.split_once(' ')?;
        if name.is_empty() {
            all = Times::parse(fields);
        } else if let (Ok(core), Some(times)) = (name.parse(), Times::parse(fields)) {
            cores.insert(core, times);
        }
    }
    Some((all?, cores))
}

/// The three averages of `/proc/loadavg`.
fn parse_loadavg(text: &str) -> Option<[f64; 3]> {
    let mut numbers = text
        .split_ascii_whitespace()
        .map_while(|field| field.parse::<f64>().ok());
    let averages = [numbers.next()?, numbers.next()?, numbers.next()?];
    averages
        .iter()
        .all(|average| average.is_finite() && *average >= 0.0)
        .then_some(averages)
}

struct Core {
    times: Times,
    series: Arc<Series>,
}

/// Reads CPU and load.
pub(super) struct Cpu {
    identity: Identity,
    stat: KeptFile,
    loadavg: KeptFile,
    before: Option<Times>,
    usage_before: Option<(Duration, CpuUsage)>,
    cores: BTreeMap<u32, Core>,
    usage: Arc<Series>,
    modes: [Arc<Series>; 4],
    count: Arc<Series>,
    limit: Arc<Series>,
    load: [Arc<Series>; 3],
}

impl Cpu {
    pub(super) fn new(identity: &Identity, proc_root: &Path) -> Self {
        Self {
            identity: identity.clone(),
            stat: KeptFile::new(proc_root.join("stat")),
            loadavg: KeptFile::new(proc_root.join("loadavg")),
            before: None,
            usage_before: None,
            cores: BTreeMap::new(),
            usage: identity.series(&metrics::CPU_USAGE, &[]),
            modes: ["user", "system", "iowait", "steal"]
                .map(|mode| identity.series(&metrics::CPU_UTILIZATION, &[mode])),
            count: identity.series(&metrics::CPU_LOGICAL_COUNT, &[]),
            limit: identity.series(&metrics::CPU_LIMIT, &[]),
            load: ["1m", "5m", "15m"].map(|period| identity.series(&metrics::CPU_LOAD, &[period])),
        }
    }

    /// Reads the load averages.
    pub(super) fn read_load(&mut self, out: &mut Batch) -> Result<(), SourceError> {
        let averages = parse_loadavg(&self.loadavg.read()?);
        let averages = averages.ok_or_else(|| {
            SourceError::invalid(
                self.loadavg.path(),
                Text::new("3 つの平均がありません", "three averages expected"),
            )
        })?;
        for (series, value) in self.load.iter().zip(averages) {
            out.push(series, value);
        }
        Ok(())
    }

    /// Reads the shares and returns the cores that the machine may use, the whole of which processes' shares are.
    pub(super) fn read(&mut self, moment: Moment, cgroup: &mut Cgroup, out: &mut Batch) -> Result<f64, SourceError> {
        let stat = parse_stat(&self.stat.read()?);
        let (all, cores) = stat.ok_or_else(|| {
            SourceError::invalid(
                self.stat.path(),
                Text::new("使える cpu の行がありません", "no usable line cpu"),
            )
        })?;
        let count = cores.len().max(1) as f64;
        let quota = cgroup.cpu_limit().filter(|quota| *quota < count);
        let limit = quota.unwrap_or(count);
        out.push(&self.count, count);
        out.push(&self.limit, limit);
        let before = self.before.replace(all);
        match quota {
            Some(quota) => {
                self.cores.clear();
                self.emit_quota(moment, cgroup.cpu_usage(), quota, out);
            }
            None => {
                self.usage_before = None;
                if let Some(shares) = before.and_then(|before| all.shares_since(&before)) {
                    out.push(&self.usage, shares.busy);
                    let values = [shares.user, shares.system, shares.iowait, shares.steal];
                    for (series, value) in self.modes.iter().zip(values) {
                        out.push(series, value);
                    }
                }
                self.emit_cores(cores, out);
            }
        }
        Ok(limit)
    }

    fn emit_cores(&mut self, cores: BTreeMap<u32, Times>, out: &mut Batch) {
        self.cores.retain(|number, _| cores.contains_key(number));
        for (number, times) in cores {
            match self.cores.get_mut(&number) {
                Some(core) => {
                    if let Some(shares) = times.shares_since(&core.times) {
                        out.push(&core.series, shares.busy);
                    }
                    core.times = times;
                }
                None => {
                    let series = self
                        .identity
                        .series(&metrics::CPU_CORE_UTILIZATION, &[&number.to_string()]);
                    self.cores.insert(number, Core { times, series });
                }
            }
        }
    }

    /// Shares of a container's quota. The kernel counts neither iowait nor steal per container: they stay absent.
    fn emit_quota(&mut self, moment: Moment, usage: Option<CpuUsage>, quota: f64, out: &mut Batch) {
        let Some(usage) = usage else {
            self.usage_before = None;
            return;
        };
        let Some((read_before, before)) = self.usage_before.replace((moment.monotonic, usage)) else {
            return;
        };
        let possible = moment.monotonic.saturating_sub(read_before).as_secs_f64() * quota;
        let [user, system, ..] = &self.modes;
        let shares = [
            (&self.usage, usage.total_seconds - before.total_seconds),
            (user, usage.user_seconds - before.user_seconds),
            (system, usage.system_seconds - before.system_seconds),
        ];
        for (series, seconds) in shares {
            if let Some(ratio) = share(seconds, possible) {
                out.push(series, ratio);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  100 10 50 800 20 3 7 10 5 0\n\
                        cpu0 60 10 20 400 10 1 4 5 5 0\n\
                        cpu2 40 0 30 400 10 2 3 5 0 0\n\
                        intr 1 2 3\ncpufreq nonsense\n";

    #[test]
    fn modes_are_gathered() {
        let (all, cores) = parse_stat(STAT).expect("a stat");
        assert_eq!(
            all,
            Times {
                user: 110,
                system: 60,
                idle: 800,
                iowait: 20,
                steal: 10
            }
        );
        assert_eq!(cores.keys().copied().collect::<Vec<_>>(), [0, 2], "core 1 is offline");
    }

    #[test]
    fn waiting_is_not_busy() {
        let before = Times::default();
        let now = Times {
            user: 30,
            system: 10,
            idle: 40,
            iowait: 15,
            steal: 5,
        };
        let shares = now.shares_since(&before).expect("time has passed");
        assert_eq!(
            (shares.user, shares.system, shares.iowait, shares.steal),
            (0.3, 0.1, 0.15, 0.05)
        );
        assert!((shares.busy - 0.45).abs() < 1e-12);
    }

    #[test]
    fn shares_have_the_digits_that_the_ticks_tell() {
        let check = |part: u64, all: u64, expected: f64| {
            let now = Times {
                user: part,
                idle: all - part,
                ..Times::default()
            };
            let shares = now.shares_since(&Times::default()).expect("time has passed");
            assert_eq!(shares.user, expected);
            assert!(
                (shares.user - part as f64 / all as f64).abs() <= 0.55 / all as f64,
                "within a tick"
            );
        };
        check(66, 199, 0.332);
        check(33, 101, 0.327);
        check(1, 3, 0.333);
        check(334, 1_001, 0.334);
        check(4_000, 12_799, 0.312_52);
        check(199, 199, 1.0);
    }

    #[test]
    fn no_time_is_no_share() {
        let (all, _) = parse_stat(STAT).expect("a stat");
        assert_eq!(all.shares_since(&all), None);
    }

    #[test]
    fn counters_that_go_backwards_count_as_unchanged() {
        let before = Times {
            user: 10,
            system: 10,
            idle: 100,
            iowait: 50,
            steal: 0,
        };
        let now = Times {
            user: 20,
            system: 10,
            idle: 110,
            iowait: 49,
            steal: 0,
        };
        let shares = now.shares_since(&before).expect("time has passed");
        assert_eq!((shares.user, shares.iowait, shares.busy), (0.5, 0.0, 0.5));
        let restarted = Times {
            user: 1,
            ..Times::default()
        };
        assert_eq!(restarted.shares_since(&before), None);
    }

    #[test]
    fn old_short_and_huge_lines() {
        assert_eq!(
            Times::parse("1 2 3 4"),
            Some(Times {
                user: 3,
                system: 3,
                idle: 4,
                iowait: 0,
                steal: 0
            })
        );
        let huge = format!("{0} {0} 1 1 1 1 1 1", u64::MAX);
        assert_eq!(Times::parse(&huge).map(|times| times.user), Some(u64::MAX));
        for garbage in [
            "",
            "1 2 3",
            "a b c d",
            "1 2 3 -4",
            "1 2 3 4 x",
            "99999999999999999999 1 1 1",
        ] {
            assert_eq!(Times::parse(garbage), None, "{garbage:?}");
        }
        for garbage in ["", "cpu", "cpu ", "intr 1\ncpu 1 2 3 4", "cpu0 1 2 3 4"] {
            assert!(parse_stat(garbage).is_none(), "{garbage:?}");
        }
    }

    #[test]
    fn load_averages() {
        assert_eq!(parse_loadavg("0.52 1.00 12.5 2/345 6789\n"), Some([0.52, 1.0, 12.5]));
        for garbage in ["", "1 2", "1 x 3", "nan 1 2", "-1 2 3", "1 2 inf"] {
            assert_eq!(parse_loadavg(garbage), None, "{garbage:?}");
        }
    }
}

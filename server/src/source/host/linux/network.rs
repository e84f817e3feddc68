//! Network interfaces, from `/proc/net/dev`.
//!
//! Left out are interfaces that carry the traffic of another one a second time: bridges, bonds, VLANs and a container's
//! end of a pair on its host. Loopback is shown under its own name, `lo`.

use std::path::Path;

use super::file::KeptFile;
use crate::source::SourceError;
use crate::source::host::emit::{Batch, Identity, Kept};
use crate::source::host::metrics;

/// Prefixes of interfaces whose traffic another interface counts too.
const CARRIED: [&str; 17] = [
    "veth", "docker", "br-", "virbr", "bond", "team", "ifb", "cali", "cilium", "lxc", "flannel", "cni", "kube-",
    "dummy", "vnet", "tap", "nlmon",
];

/// The most interfaces shown; a host with more has virtual ones of a kind not known here.
const MOST: usize = 64;

/// The counters of one interface, receive then transmit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counters<'a> {
    name: &'a str,
    bytes: [u64; 2],
    packets: [u64; 2],
    errors: [u64; 2],
    dropped: [u64; 2],
}

impl<'a> Counters<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        // The figures may follow the colon without a space; a name can contain one (`eth0:1`).
        let (name, rest) = line.rsplit_once(':')?;
        let mut fields = rest.split_ascii_whitespace();
        let mut numbers = [0; 12];
        for number in &mut numbers {
            *number = fields.next()?.parse::<u64>().ok()?;
        }
        let pair = |index: usize| [numbers[index], numbers[index + 8]];
        Some(Self {
            name: name.trim(),
            bytes: pair(0),
            packets: pair(1),
            errors: pair(2),
            dropped: pair(3),
        })
    }

    fn is_shown(&self) -> bool {
        !self.name.contains(['.', ':', '@']) && !CARRIED.iter().any(|prefix| self.name.starts_with(prefix))
    }
}

/// The interfaces of `/proc/net/dev` that are shown. Its two lines of headings have no numbers.
fn parse(text: &str) -> Vec<Counters<'_>> {
    text.lines()
        .filter_map(Counters::parse)
        .filter(Counters::is_shown)
        .take(MOST)
        .collect()
}

/// Reads the interfaces.
pub(super) struct Network {
    identity: Identity,
    dev: KeptFile,
    series: Kept<8>,
}

impl Network {
    pub(super) fn new(identity: &Identity, proc_root: &Path) -> Self {
        Self {
            identity: identity.clone(),
            dev: KeptFile::new(proc_root.join("net/dev")),
            series: Kept::default(),
        }
    }

    pub(super) fn read(&mut self, out: &mut Batch) -> Result<(), SourceError> {
        for interface in parse(&self.dev.read()?) {
            let make = || {
                let series = |metric, direction| self.identity.series(metric, &[interface.name, direction]);
                [
                    series(&metrics::NETWORK_IO, "receive"),
                    series(&metrics::NETWORK_IO, "transmit"),
                    series(&metrics::NETWORK_PACKETS, "receive"),
                    series(&metrics::NETWORK_PACKETS, "transmit"),
                    series(&metrics::NETWORK_ERRORS, "receive"),
                    series(&metrics::NETWORK_ERRORS, "transmit"),
                    series(&metrics::NETWORK_DROPPED, "receive"),
                    series(&metrics::NETWORK_DROPPED, "transmit"),
                ]
            };
            let values = [interface.bytes, interface.packets, interface.errors, interface.dropped];
            for (series, value) in self.series.get(interface.name, make).iter().zip(values.as_flattened()) {
                out.push(series, *value as f64);
            }
        }
        self.series.forget_unused();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEV: &str = "Inter-|   Receive                                                |  Transmit\n \
        face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    \
        lo:    3193      29    0    0    0     0          0         0     3193      29    0    0    0     0       0          0\n  \
        eth0:319863094   13147    1    2    0     0          0         0   737749    9428    3    4    0     0       0          0\n";

    #[test]
    fn both_directions_of_each_interface() {
        let interfaces = parse(DEV);
        assert_eq!(
            interfaces.iter().map(|interface| interface.name).collect::<Vec<_>>(),
            ["lo", "eth0"]
        );
        let expected = Counters {
            name: "eth0",
            bytes: [319_863_094, 737_749],
            packets: [13_147, 9_428],
            errors: [1, 3],
            dropped: [2, 4],
        };
        assert_eq!(interfaces[1], expected);
    }

    #[test]
    fn carried_traffic_is_not_counted_twice() {
        let line = |name: &str| format!("{name}: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n");
        let all = "lo enp3s0 eth0.100 eth0:1 veth12ab docker0 br-12 bond0 wg0 wlan0 tun0";
        let text: String = all.split_ascii_whitespace().map(line).collect();
        let shown: Vec<&str> = parse(&text).iter().map(|interface| interface.name).collect();
        assert_eq!(shown, ["lo", "enp3s0", "wg0", "wlan0", "tun0"]);
    }

    #[test]
    fn garbage_is_left_out() {
        assert!(parse("").is_empty());
        assert!(parse("eth0 1 2 3\neth1: 1 2 3\neth2: a b c d e f g h i j k l m n o p\n").is_empty());
        assert!(parse("eth0: 99999999999999999999 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0").is_empty());
    }
}

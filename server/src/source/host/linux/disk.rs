//! Disk I/O, from `/proc/diskstats`.
//!
//! Only whole physical disks: the I/O of a partition, and of a mapped (`dm-`), RAID (`md`), `drbd` or loop device, is
//! that of the disk below it and would count twice; RAM disks and optical drives say nothing about load.

use std::path::Path;

use super::file::KeptFile;
use crate::source::SourceError;
use crate::source::host::emit::{Batch, Identity, Kept};
use crate::source::host::metrics;

/// The kernel's sectors are of 512 bytes, whatever the disk's are.
const SECTOR: f64 = 512.0;

/// Prefixes of devices that are no physical disks of their own.
const NOT_PHYSICAL: [&str; 9] = ["loop", "ram", "zram", "dm-", "md", "drbd", "bcache", "sr", "fd"];

/// The counters of one disk since boot.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Counters<'a> {
    name: &'a str,
    reads: u64,
    sectors_read: u64,
    writes: u64,
    sectors_written: u64,
    busy_milliseconds: u64,
}

impl<'a> Counters<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace().skip(2);
        let name = fields.next()?;
        let mut numbers = [0; 10];
        for number in &mut numbers {
            *number = fields.next()?.parse::<u64>().ok()?;
        }
        let [
            reads,
            _,
            sectors_read,
            _,
            writes,
            _,
            sectors_written,
            _,
            _,
            busy_milliseconds,
        ] = numbers;
        Some(Self {
            name,
            reads,
            sectors_read,
            writes,
            sectors_written,
            busy_milliseconds,
        })
    }
}

/// The physical disks of `/proc/diskstats`.
fn parse(text: &str) -> Vec<Counters<'_>> {
    let mut disks: Vec<Counters<'_>> = Vec::new();
    for disk in text.lines().filter_map(Counters::parse) {
        let physical = !NOT_PHYSICAL.iter().any(|prefix| disk.name.starts_with(prefix));
        // The kernel lists a disk before its partitions.
        if physical && !disks.iter().any(|whole| is_partition(whole.name, disk.name)) {
            disks.push(disk);
        }
    }
    disks
}

/// Whether the kernel would name a partition of `disk` so: `sda1`, and `nvme0n1p1` where the disk's name ends in a digit.
fn is_partition(disk: &str, name: &str) -> bool {
    let Some(rest) = name.strip_prefix(disk) else {
        return false;
    };
    let number = if disk.ends_with(|c: char| c.is_ascii_digit()) {
        rest.strip_prefix('p')
    } else {
        Some(rest)
    };
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Reads disk I/O.
pub(super) struct Disks {
    identity: Identity,
    diskstats: KeptFile,
    series: Kept<5>,
}

impl Disks {
    pub(super) fn new(identity: &Identity, proc_root: &Path) -> Self {
        let diskstats = KeptFile::new(proc_root.join("diskstats"));
        Self {
            identity: identity.clone(),
            diskstats,
            series: Kept::default(),
        }
    }

    pub(super) fn read(&mut self, out: &mut Batch) -> Result<(), SourceError> {
        for disk in parse(&self.diskstats.read()?) {
            let values = [
                disk.sectors_read as f64 * SECTOR,
                disk.sectors_written as f64 * SECTOR,
                disk.reads as f64,
                disk.writes as f64,
                disk.busy_milliseconds as f64 / 1_000.0,
            ];
            let make = || {
                [
                    self.identity.series(&metrics::DISK_IO, &[disk.name, "read"]),
                    self.identity.series(&metrics::DISK_IO, &[disk.name, "write"]),
                    self.identity.series(&metrics::DISK_OPERATIONS, &[disk.name, "read"]),
                    self.identity.series(&metrics::DISK_OPERATIONS, &[disk.name, "write"]),
                    self.identity.series(&metrics::DISK_IO_TIME, &[disk.name]),
                ]
            };
            for (series, value) in self.series.get(disk.name, make).iter().zip(values) {
                out.push(series, value);
            }
        }
        self.series.forget_unused();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<&str> {
        parse(text).iter().map(|disk| disk.name).collect()
    }

    #[test]
    fn the_fields_of_a_disk() {
        let disks =
            parse(" 254 0 vda 26663 4638 2308474 7867 10815 35042 6670680 50666 0 5400 59770 7140 19 1348544\n");
        let expected = Counters {
            name: "vda",
            reads: 26_663,
            sectors_read: 2_308_474,
            writes: 10_815,
            sectors_written: 6_670_680,
            busy_milliseconds: 5_400,
        };
        assert_eq!(disks, [expected]);
    }

    #[test]
    fn only_whole_physical_disks() {
        let line = |name: &str| format!("8 0 {name} 1 2 3 4 5 6 7 8 9 10 11\n");
        let all = "sda sda1 sda12 sdaa sdaa1 nvme0n1 nvme0n1p1 nvme0n10 mmcblk0 mmcblk0p2 mmcblk0boot0 dm-0 md127 loop0 \
                   ram0 zram0 sr0 xvda1 nbd0";
        let text: String = all.split_ascii_whitespace().map(line).collect();
        assert_eq!(
            names(&text),
            [
                "sda",
                "sdaa",
                "nvme0n1",
                "nvme0n10",
                "mmcblk0",
                "mmcblk0boot0",
                "xvda1",
                "nbd0"
            ]
        );
    }

    #[test]
    fn garbage_is_left_out() {
        let text = "\n8 0\n8 0 sda 1 2 3\n8 0 sdb 1 2 3 4 5 6 7 8 9 x\n8 0 sdc 1 2 3 4 5 6 7 8 9 99999999999999999999\n\
                    8 0 sdd 0 0 18446744073709551615 0 0 0 0 0 0 0\n";
        assert_eq!(names(text), ["sdd"]);
    }
}

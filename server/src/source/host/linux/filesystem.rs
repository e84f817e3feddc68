//! Space on file systems, from `/proc/self/mountinfo` and `statvfs`.
//!
//! Only types that live on a local disk: asking a dead network mount for its space hangs, and one that lives in memory
//! is not a disk. Each device is shown once, under its shortest mount point, so that bind mounts do not repeat it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::file::KeptFile;
use crate::source::SourceError;
use crate::source::host::emit::{Batch, Identity, Kept};
use crate::source::host::{metrics, share};

/// Types of file system on a local disk.
const LOCAL: [&str; 20] = [
    "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "jfs", "reiserfs", "nilfs2", "ntfs", "ntfs3",
    "fuseblk", "vfat", "exfat", "hfsplus", "ufs", "apfs", "msdos",
];

/// The root is shown with these types too: a container's or a virtual machine's.
const LOCAL_AS_ROOT: [&str; 5] = ["overlay", "overlayfs", "aufs", "virtiofs", "rootfs"];

/// The most file systems shown.
const MOST: usize = 64;

/// One mounted file system.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mount {
    /// The kernel's number of the device, `8:1`.
    number: String,
    mountpoint: String,
    device: String,
}

/// The file systems to show, from the text of `mountinfo`.
fn parse(text: &str) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = text.lines().filter_map(parse_line).collect();
    // Stable: of two equally long mount points the first mounted wins.
    mounts.sort_by_key(|mount| mount.mountpoint.len());
    let (mut numbers, mut devices) = (HashSet::new(), HashSet::new());
    mounts.retain(|mount| {
        let new_number = numbers.insert(mount.number.clone());
        // A subvolume has a number of its own but shares the space of its device.
        let new_device = !mount.device.starts_with("/dev/") || devices.insert(mount.device.clone());
        new_number && new_device
    });
    mounts.truncate(MOST);
    mounts
}

fn parse_line(line: &str) -> Option<Mount> {
    let (mount, source) = line.split_once(" - ")?;
    let mut mount = mount.split(' ').skip(2);
    let (number, _root, mountpoint) = (mount.next()?, mount.next()?, unescape(mount.next()?));
    let mut source = source.split(' ');
    let (kind, device) = (source.next()?, source.next()?);
    let local = LOCAL.contains(&kind) || mountpoint == "/" && LOCAL_AS_ROOT.contains(&kind);
    local.then(|| Mount {
        number: number.to_owned(),
        mountpoint,
        device: unescape(device),
    })
}

/// Undoes the kernel's `\040` for blanks and the like.
fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let digits = bytes.get(index + 1..index + 4).filter(|_| bytes[index] == b'\\');
        let code = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        plain.push(code.unwrap_or(bytes[index]));
        index += if code.is_some() { 4 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// Space in blocks, as `statvfs` has it.
#[derive(Clone, Copy, Debug)]
struct Space {
    block_bytes: u64,
    blocks: u64,
    /// Free for the superuser.
    free: u64,
    /// Free for everyone.
    available: u64,
}

/// Bytes used, free for everyone, reserved; and the used share as `df` tells it.
fn figures(space: Space) -> Option<([f64; 3], f64)> {
    let bytes = |blocks: u64| blocks as f64 * space.block_bytes as f64;
    let (used, free) = (bytes(space.blocks.saturating_sub(space.free)), bytes(space.available));
    Some((
        [used, free, bytes(space.free.saturating_sub(space.available))],
        share(used, used + free)?,
    ))
}

/// Reads the file systems.
pub(super) struct Filesystems {
    identity: Identity,
    mountinfo: KeptFile,
    series: Kept<5>,
}

impl Filesystems {
    pub(super) fn new(identity: &Identity, proc_root: &Path) -> Self {
        let mountinfo = KeptFile::new(proc_root.join("self/mountinfo"));
        Self {
            identity: identity.clone(),
            mountinfo,
            series: Kept::default(),
        }
    }

    pub(super) fn read(&mut self, out: &mut Batch) -> Result<(), SourceError> {
        for Mount { mountpoint, device, .. } in parse(&self.mountinfo.read()?) {
            // A container's /etc/hosts is a file mounted from the host's disk; no place to keep anything.
            let path = PathBuf::from(&mountpoint);
            let Some(space) = path.is_dir().then(|| rustix::fs::statvfs(&path).ok()).flatten() else {
                continue;
            };
            let block_bytes = if space.f_frsize > 0 {
                space.f_frsize
            } else {
                space.f_bsize
            };
            let (blocks, free, available) = (space.f_blocks, space.f_bfree, space.f_bavail);
            let Some((states, utilization)) = figures(Space {
                block_bytes,
                blocks,
                free,
                available,
            }) else {
                continue;
            };
            let own = [device.as_str(), mountpoint.as_str()];
            let make = || {
                let usage = |state| {
                    self.identity
                        .series(&metrics::FILESYSTEM_USAGE, &[own[0], own[1], state])
                };
                [
                    usage("used"),
                    usage("free"),
                    usage("reserved"),
                    self.identity.series(&metrics::FILESYSTEM_LIMIT, &own),
                    self.identity.series(&metrics::FILESYSTEM_UTILIZATION, &own),
                ]
            };
            let [used, free, reserved] = states;
            let values = [used, free, reserved, blocks as f64 * block_bytes as f64, utilization];
            let key = format!("{device}\0{mountpoint}");
            for (series, value) in self.series.get(&key, make).iter().zip(values) {
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

    fn shown(text: &str) -> Vec<(String, String)> {
        parse(text)
            .into_iter()
            .map(|mount| (mount.mountpoint, mount.device))
            .collect()
    }

    #[test]
    fn local_disks_once_each() {
        let text = "22 27 0:21 / /proc rw,relatime - proc proc rw\n\
            27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard\n\
            28 27 254:0 /var/lib /srv/lib rw - ext4 /dev/vda rw\n\
            30 27 8:17 /x /mnt/long/way rw master:2 - xfs /dev/sdb1 rw\n\
            31 27 8:17 / /data rw - xfs /dev/sdb1 rw\n\
            32 27 0:50 / /mnt/nfs rw - nfs4 server:/export rw\n\
            33 27 0:51 / /run rw - tmpfs tmpfs rw\n\
            34 27 7:1 / /snap/core/1 ro - squashfs /dev/loop1 ro\n\
            35 27 0:60 / /home rw - btrfs /dev/sdc rw,subvol=/home\n\
            36 27 0:61 / /var rw - btrfs /dev/sdc rw,subvol=/var\n\
            37 27 0:70 / /tank/my\\040files rw - zfs tank/my\\040files rw\n\
            38 27 0:80 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw\n";
        let pair = |mountpoint: &str, device: &str| (mountpoint.to_owned(), device.to_owned());
        let expected = [
            pair("/", "/dev/vda"),
            pair("/var", "/dev/sdc"),
            pair("/data", "/dev/sdb1"),
            pair("/tank/my files", "tank/my files"),
        ];
        assert_eq!(shown(text), expected);
    }

    #[test]
    fn a_containers_root_is_shown() {
        let text = "1 0 0:99 / / rw - overlay overlay rw\n2 1 0:5 / /dev rw - tmpfs tmpfs rw\n";
        assert_eq!(shown(text), [("/".to_owned(), "overlay".to_owned())]);
    }

    #[test]
    fn garbage_is_left_out() {
        assert!(shown("\n - \nx\n1 2 3 - ext4 /dev/sda\n1 2 8:1 / /mnt rw - ext4\n").is_empty());
        assert_eq!(unescape("a\\040b\\134c\\9d\\"), "a b\\c\\9d\\");
        assert_eq!(unescape("\\777"), "\\777", "beyond a byte");
    }

    #[test]
    fn shares_are_those_of_df() {
        let space = Space {
            block_bytes: 4_096,
            blocks: 1_000,
            free: 300,
            available: 250,
        };
        let (states, ratio) = figures(space).expect("figures");
        assert_eq!(states, [700.0 * 4_096.0, 250.0 * 4_096.0, 50.0 * 4_096.0]);
        assert!((ratio - 700.0 / 950.0).abs() < 1e-12);
        let empty = Space {
            block_bytes: 4_096,
            blocks: 0,
            free: 0,
            available: 0,
        };
        assert!(figures(empty).is_none());
        let odd = Space {
            block_bytes: 512,
            blocks: 10,
            free: 20,
            available: u64::MAX,
        };
        assert!(figures(odd).is_some_and(|(_, ratio)| ratio == 0.0));
    }
}

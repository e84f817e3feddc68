//! The table of processes, from `/proc/<pid>`. Names only: arguments can hold secrets.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Length of the kernel's short names, bytes.
const SHORT_NAME: usize = 15;

/// A process, told apart from a later one with the same number by when it started.
pub(super) type ProcessId = (u32, u64);

/// What `/proc/<pid>/stat` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    /// The kernel's short name.
    pub(super) name: String,
    /// Whether it has ended and only waits to be reaped.
    pub(super) is_zombie: bool,
    /// CPU time used, clock ticks.
    pub(super) cpu_ticks: u64,
    pub(super) threads: u64,
    /// When it started, clock ticks since boot.
    pub(super) started: u64,
    /// Resident memory, pages.
    pub(super) resident_pages: u64,
}

impl Stat {
    /// The name is in parentheses and can contain any character, also `)` and blanks.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (open, close) = (text.find('(')?, text.rfind(')')?);
        let name = text.get(open + 1..close)?;
        // From the state on, which is field 3 of the manual.
        let fields: Vec<&str> = text[close + 1..].split_ascii_whitespace().take(22).collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<i64>().ok();
        let count = |field: usize| number(field).map(|number| number.max(0).unsigned_abs());
        Some(Self {
            name: plain_name(name),
            is_zombie: matches!(*fields.first()?, "Z" | "X"),
            cpu_ticks: count(14)?.saturating_add(count(15)?),
            threads: count(20)?,
            started: fields.get(22 - 3)?.parse().ok()?,
            resident_pages: count(24)?,
        })
    }
}

/// A kernel worker is renamed for each piece of work; that would make a new series each time.
fn plain_name(name: &str) -> String {
    let name = if name.starts_with("kworker/") { "kworker" } else { name };
    name.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// The soft limit of open files in `/proc/<pid>/limits`; `None` also where it is unlimited.
pub(super) fn parse_open_files_limit(text: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

/// A process of the table.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) stat: Stat,
    /// The reading at which the process was first seen, and the one at which `stat` was read.
    pub(super) first_seen: u64,
    read: u64,
    /// The file name of its executable; looked up when first asked for, as it needs permission.
    executable: Option<Box<str>>,
}

/// All processes that were seen. A reading of everything is dear (three system calls a process); in between only new
/// processes and those asked for are read.
#[derive(Debug)]
pub(super) struct Table {
    proc_root: PathBuf,
    /// The number of this reading, from 1.
    reading: u64,
    processes: HashMap<u32, Process>,
}

impl Table {
    pub(super) fn new(proc_root: &Path) -> Self {
        Self {
            proc_root: proc_root.to_owned(),
            reading: 0,
            processes: HashMap::new(),
        }
    }

    /// Where the processes are read.
    pub(super) fn root(&self) -> &Path {
        &self.proc_root
    }

    /// Starts a reading.
    pub(super) fn begin(&mut self) {
        self.reading += 1;
    }

    /// Whether this is the first reading: then nobody knows what is new.
    pub(super) fn is_first(&self) -> bool {
        self.reading == 1
    }

    pub(super) fn reading(&self) -> u64 {
        self.reading
    }

    /// Finds processes that are new or have ended; with `all` reads every one anew.
    pub(super) fn list(&mut self, all: bool) -> std::io::Result<()> {
        let mut alive = HashSet::with_capacity(self.processes.len());
        for entry in fs::read_dir(&self.proc_root)? {
            let Some(pid) = entry
                .ok()
                .and_then(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
            else {
                continue;
            };
            alive.insert(pid);
            if all || !self.processes.contains_key(&pid) {
                self.load(pid);
            }
        }
        self.processes.retain(|pid, _| alive.contains(pid));
        Ok(())
    }

    /// The process with this number as of this reading, if it still runs.
    pub(super) fn load(&mut self, pid: u32) -> Option<&Process> {
        if self
            .processes
            .get(&pid)
            .is_none_or(|process| process.read != self.reading)
        {
            let text = fs::read(self.proc_root.join(format!("{pid}/stat"))).ok();
            match text.and_then(|text| Stat::parse(&String::from_utf8_lossy(&text))) {
                Some(stat) => self.update(pid, stat),
                None => {
                    self.processes.remove(&pid);
                }
            }
        }
        self.processes.get(&pid)
    }

    fn update(&mut self, pid: u32, stat: Stat) {
        let (first_seen, read) = (self.reading, self.reading);
        match self.processes.get_mut(&pid) {
            Some(process) if process.stat.started == stat.started => {
                // A changed name is another program in the same process.
                if process.stat.name != stat.name {
                    process.executable = None;
                }
                process.stat = stat;
                process.read = read;
            }
            _ => {
                self.processes.insert(
                    pid,
                    Process {
                        stat,
                        first_seen,
                        read,
                        executable: None,
                    },
                );
            }
        }
    }

    /// Every process of the table, as of the reading in which it was last read.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Process)> {
        self.processes.iter().map(|(pid, process)| (*pid, process))
    }

    /// The processes of a name, the kernel's short one or that of the executable's file; sorted.
    pub(super) fn named(&mut self, name: &str) -> Vec<u32> {
        let short = name.as_bytes().get(..SHORT_NAME).unwrap_or(name.as_bytes());
        let mut pids = Vec::new();
        for (pid, process) in &mut self.processes {
            let executable = &mut process.executable;
            let root = &self.proc_root;
            if process.stat.name.as_bytes() == short
                || **executable.get_or_insert_with(|| executable_name(root, *pid)) == *name
            {
                pids.push(*pid);
            }
        }
        pids.sort_unstable();
        pids
    }

    /// Open file descriptors; `None` where looking is not permitted.
    pub(super) fn open_files(&self, pid: u32) -> Option<u64> {
        let path = self.proc_root.join(format!("{pid}/fd"));
        // Since Linux 6.2 the directory's size is the count, which spares listing it.
        let size = fs::metadata(&path).ok()?.len();
        // Elsewhere, as in a test, it may be a real directory's.
        if size > 0 && self.proc_root == Path::new("/proc") {
            return Some(size);
        }
        Some(fs::read_dir(path).ok()?.count() as u64)
    }

    /// The limit of open file descriptors.
    pub(super) fn open_files_limit(&self, pid: u32) -> Option<u64> {
        parse_open_files_limit(&fs::read_to_string(self.proc_root.join(format!("{pid}/limits"))).ok()?)
    }
}

/// The file name of the executable; empty where looking is not permitted, and for the kernel's own threads.
fn executable_name(proc_root: &Path, pid: u32) -> Box<str> {
    let target = fs::read_link(proc_root.join(format!("{pid}/exe"))).unwrap_or_default();
    let name = target
        .file_name()
        .map(|name| name.to_string_lossy())
        .unwrap_or_default();
    // An upgrade replaces the file of a running program.
    name.strip_suffix(" (deleted)").unwrap_or(&name).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "1234 (web (old) x) S 1 1234 1234 0 -1 4194560 2000 0 3 0 150 50 9 9 20 0 7 0 98765 220000000 2500 \
                        18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0";

    #[test]
    fn a_name_may_hold_anything() {
        let expected = Stat {
            name: "web (old) x".into(),
            is_zombie: false,
            cpu_ticks: 200,
            threads: 7,
            started: 98_765,
            resident_pages: 2_500,
        };
        assert_eq!(Stat::parse(STAT), Some(expected));
        assert!(Stat::parse(&STAT.replace(" S ", " Z ")).is_some_and(|stat| stat.is_zombie));
    }

    #[test]
    fn garbage_is_no_process() {
        for garbage in [
            "",
            "1",
            "1 (x",
            "1 )x(",
            "1 (x) S 1 2",
            &STAT.replace("150", "x"),
            &STAT.replace("98765", "-1"),
        ] {
            assert_eq!(Stat::parse(garbage), None, "{garbage:?}");
        }
    }

    #[test]
    fn workers_have_one_name() {
        assert_eq!(plain_name("kworker/u4:2-events_unbound"), "kworker");
        assert_eq!(plain_name("a\nb"), "a?b");
    }

    #[test]
    fn limits_of_open_files() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max open files            1024                 1048576              files     \n";
        assert_eq!(parse_open_files_limit(limits), Some(1_024));
        for garbage in [
            "",
            "Max open files",
            "Max open files unlimited unlimited files",
            "Max open files x",
        ] {
            assert_eq!(parse_open_files_limit(garbage), None, "{garbage:?}");
        }
    }
}

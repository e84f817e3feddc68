//! Stands between this process and the kernel: counts the calls that change what lies in a folder, and fails one.
//!
//! The kernel hands them over itself (`seccomp`'s user notification), and so also those that no library of the process
//! makes. What is handed over is that of the thread which [`set`] the trap, and of the threads that it then starts.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock};

use libc::{c_char, c_int, c_long, c_ulong, seccomp_notif, seccomp_notif_resp, sock_filter};

/// What calls do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Write,
    Sync,
    Rename,
    Open,
    Resize,
    Remove,
    MakeFolder,
}

pub(crate) const KINDS: [(Kind, &str); 7] = [
    (Kind::Write, "write"),
    (Kind::Sync, "sync"),
    (Kind::Rename, "rename"),
    (Kind::Open, "open"),
    (Kind::Resize, "resize"),
    (Kind::Remove, "remove"),
    (Kind::MakeFolder, "folder"),
];

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Fails(c_int),
    /// Half of it is written.
    Short,
    /// The disk is gone: for [`GONE`] every call of every kind fails.
    Gone,
}

/// How long a disk is gone, seconds.
pub(crate) const GONE: i64 = 120;

/// The call that fails: of a kind the one of this number, from 1 on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    pub(crate) number: u64,
    pub(crate) how: How,
    /// So many calls of this kind later one fails again, if not 0.
    pub(crate) again: u64,
}

impl Fault {
    fn hits(&self, kind: Kind, count: u64) -> bool {
        self.kind == kind && (count == self.number || self.again > 0 && count == self.number + self.again)
    }
}

/// What was seen.
pub(crate) struct Trap {
    folder: PathBuf,
    fault: Option<Fault>,
    counts: [AtomicU64; KINDS.len()],
    struck: OnceLock<String>,
    /// Until when the disk is gone.
    gone: AtomicI64,
    /// A file whose beginning the disk does not give.
    hole: Mutex<Option<PathBuf>>,
}

impl Trap {
    pub(crate) fn count(&self, kind: usize) -> u64 {
        self.counts[kind].load(Ordering::Acquire)
    }

    /// The call that failed, and of what.
    pub(crate) fn struck(&self) -> Option<&str> {
        self.struck.get().map(String::as_str)
    }

    /// From now on the disk does not give the beginning of this file, and of no other.
    pub(crate) fn hide(&self, file: Option<PathBuf>) {
        *self.hole.lock().expect("no panic") = file;
    }

    fn hides(&self, path: &Path) -> bool {
        self.hole.lock().expect("no panic").as_deref() == Some(path)
    }
}

/// How a call names its file.
#[derive(Clone, Copy)]
enum Named {
    /// By the descriptor in its first argument.
    Descriptor,
    /// By the path in this argument.
    Path(usize),
    /// By the path in the second argument, which may begin at the folder in the first.
    At,
}

/// The calls that are handed over; to read, or to ask for a position, changes nothing, and is none of a kind.
const CALLS: &[(c_long, Option<Kind>, Named)] = &[
    (libc::SYS_write, Some(Kind::Write), Named::Descriptor),
    (libc::SYS_writev, Some(Kind::Write), Named::Descriptor),
    (libc::SYS_pwrite64, Some(Kind::Write), Named::Descriptor),
    (libc::SYS_fsync, Some(Kind::Sync), Named::Descriptor),
    (libc::SYS_fdatasync, Some(Kind::Sync), Named::Descriptor),
    (libc::SYS_ftruncate, Some(Kind::Resize), Named::Descriptor),
    (libc::SYS_fallocate, Some(Kind::Resize), Named::Descriptor),
    (libc::SYS_renameat, Some(Kind::Rename), Named::At),
    (libc::SYS_renameat2, Some(Kind::Rename), Named::At),
    (libc::SYS_openat, Some(Kind::Open), Named::At),
    (libc::SYS_unlinkat, Some(Kind::Remove), Named::At),
    (libc::SYS_mkdirat, Some(Kind::MakeFolder), Named::At),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_rename, Some(Kind::Rename), Named::Path(0)),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_open, Some(Kind::Open), Named::Path(0)),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_unlink, Some(Kind::Remove), Named::Path(0)),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_rmdir, Some(Kind::Remove), Named::Path(0)),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_mkdir, Some(Kind::MakeFolder), Named::Path(0)),
    (libc::SYS_lseek, None, Named::Descriptor),
    (libc::SYS_pread64, None, Named::Descriptor),
];

/// By how much the engine's journal is said to be longer than it is, to the thread that begins a new one at 64 MB: else
/// that would take minutes to see.
const LONGER: i64 = 63_500_000;

/// How far the clock that only goes on is ahead of the machine's, seconds.
static AHEAD: AtomicI64 = AtomicI64::new(0);

/// Lets time pass: what waits for seconds does not take them.
pub(crate) fn pass(seconds: i64) {
    AHEAD.fetch_add(seconds, Ordering::Relaxed);
}

/// The C library's own is not called: all of this process that asks for the time comes here.
///
/// # Safety
/// As of the system's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> c_int {
    // SAFETY: the caller's time is one that may be written.
    unsafe {
        let done = libc::syscall(libc::SYS_clock_gettime, clock, time);
        if done == 0 && clock == libc::CLOCK_MONOTONIC {
            (*time).tv_sec += AHEAD.load(Ordering::Relaxed);
        }
        c_int::try_from(done).unwrap_or(-1)
    }
}

/// From now on this thread's calls, and those of threads that it starts, go by the trap. `None` where the kernel does
/// not allow it.
pub(crate) fn set(folder: &Path, fault: Option<Fault>) -> Option<Arc<Trap>> {
    let trap = Arc::new(Trap {
        folder: folder.to_owned(),
        fault,
        counts: Default::default(),
        struck: OnceLock::new(),
        gone: AtomicI64::new(0),
        hole: Mutex::default(),
    });
    let watched = Arc::clone(&trap);
    // Begun before the filter is there, so that its own calls go straight to the kernel.
    let (listener, heard) = channel::<c_int>();
    std::thread::spawn(move || {
        while let Ok(listener) = heard.recv() {
            watched.listen(listener);
        }
    });
    listener.send(filter()?).ok()?;
    Some(trap)
}

fn filter() -> Option<c_int> {
    const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const IS: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let step = |code: u32, jt: usize, k: u32| sock_filter {
        code: code as u16,
        jt: jt as u8,
        jf: 0,
        k,
    };
    let mut steps = vec![step(LOAD, 0, 0)];
    for (index, (call, ..)) in CALLS.iter().enumerate() {
        steps.push(step(IS, CALLS.len() - index, *call as u32));
    }
    steps.push(step(libc::BPF_RET, 0, libc::SECCOMP_RET_ALLOW));
    steps.push(step(libc::BPF_RET, 0, libc::SECCOMP_RET_USER_NOTIF));
    let program = libc::sock_fprog {
        len: steps.len() as u16,
        filter: steps.as_mut_ptr(),
    };
    // SAFETY: the program outlives the call, which copies it.
    let listener = unsafe {
        libc::prctl(
            libc::PR_SET_NO_NEW_PRIVS,
            1 as c_ulong,
            0 as c_ulong,
            0 as c_ulong,
            0 as c_ulong,
        );
        libc::syscall(
            libc::SYS_seccomp,
            c_ulong::from(libc::SECCOMP_SET_MODE_FILTER),
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const program,
        )
    };
    c_int::try_from(listener).ok().filter(|listener| *listener >= 0)
}

impl Trap {
    fn listen(&self, listener: c_int) {
        loop {
            // SAFETY: both are plain numbers, for which zeros will do; the kernel reads and writes no more than them.
            unsafe {
                let mut call: seccomp_notif = std::mem::zeroed();
                if libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut call) != 0 {
                    continue;
                }
                let mut answer: seccomp_notif_resp = std::mem::zeroed();
                answer.id = call.id;
                match self.answer(&call) {
                    Some(Ok(value)) => answer.val = value,
                    Some(Err(error)) => answer.error = -error,
                    None => answer.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
                }
                libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer);
            }
        }
    }

    /// What a call returns; `None` if the kernel shall do it.
    fn answer(&self, call: &seccomp_notif) -> Option<Result<i64, c_int>> {
        let number = c_long::from(call.data.nr);
        let (_, kind, named) = CALLS.iter().find(|(known, ..)| *known == number)?;
        let path = path_of(*named, &call.data.args)?;
        if !path.starts_with(&self.folder) {
            return None;
        }
        let Some(kind) = kind else {
            return if number == libc::SYS_pread64 {
                (call.data.args[3] == 0 && self.hides(&path)).then_some(Err(libc::EIO))
            } else {
                position(call, &path)
            };
        };
        let place = KINDS.iter().position(|(known, _)| known == kind)?;
        let count = self.counts[place].fetch_add(1, Ordering::AcqRel) + 1;
        if AHEAD.load(Ordering::Relaxed) < self.gone.load(Ordering::Relaxed) {
            return Some(Err(libc::EIO));
        }
        if let Some(fault) = self.fault.filter(|fault| fault.hits(*kind, count)) {
            let within = path.strip_prefix(&self.folder).unwrap_or(&path);
            self.struck
                .set(format!("{} of {}", KINDS[place].1, within.display()))
                .ok();
            match fault.how {
                How::Fails(error) => return Some(Err(error)),
                How::Short if number == libc::SYS_write => return Some(Ok(half(&call.data.args))),
                How::Short => (),
                How::Gone => {
                    let until = AHEAD.load(Ordering::Relaxed) + GONE;
                    self.gone.store(until, Ordering::Relaxed);
                    return Some(Err(libc::EIO));
                }
            }
        }
        // Nothing here loses power: what would take the disk's time is said to be done.
        (*kind == Kind::Sync).then_some(Ok(0))
    }
}

/// Writes half of what a call would.
fn half(args: &[u64; 6]) -> i64 {
    let [descriptor, from, length, ..] = *args;
    let bytes = usize::try_from(length.div_ceil(2)).expect("no more than memory");
    // SAFETY: who waits for this call keeps what it writes.
    let written = unsafe { libc::write(descriptor as c_int, from as *const libc::c_void, bytes) };
    i64::try_from(written).expect("no more than memory")
}

/// Where the engine's thread is in its journal.
fn position(call: &seccomp_notif, path: &Path) -> Option<Result<i64, c_int>> {
    let [descriptor, offset, whence, ..] = call.data.args;
    let name = std::fs::read_to_string(format!("/proc/self/task/{}/comm", call.pid)).ok()?;
    let asked = offset == 0 && whence == libc::SEEK_CUR as u64;
    if !asked || name.trim() != "fjall:worker" || path.extension() != Some(OsStr::new("jnl")) {
        return None;
    }
    // SAFETY: it only asks.
    let position = unsafe { libc::lseek(descriptor as c_int, 0, libc::SEEK_CUR) };
    Some(Ok(position + LONGER))
}

fn path_of(named: Named, args: &[u64; 6]) -> Option<PathBuf> {
    let opened = |descriptor: u64| std::fs::read_link(format!("/proc/self/fd/{}", descriptor as c_int)).ok();
    // SAFETY: who waits for this call keeps the path, which ends with a zero.
    let given = |index: usize| unsafe { CStr::from_ptr(args[index] as *const c_char) };
    let given = |index: usize| PathBuf::from(OsStr::from_bytes(given(index).to_bytes()));
    match named {
        Named::Descriptor => opened(args[0]),
        Named::Path(index) => Some(given(index)),
        Named::At if args[0] as c_int == libc::AT_FDCWD => Some(given(1)),
        Named::At => Some(opened(args[0])?.join(given(1))),
    }
}

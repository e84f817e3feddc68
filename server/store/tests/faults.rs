//! Every call that changes what lies on disk fails once: what had been appended is there afterwards, whole and once.
//!
//! A small run of all that the history does is counted first: opening, appending, making records of every tier,
//! dropping a period, beginning a new journal of the engine's, closing, opening again. Then it runs anew, again and
//! again, each time with another call that fails, and in a process of its own: this test itself, started with a folder
//! to write to. Of three one goes on, one dies in the moment in which the status says that nothing is kept, and one meets
//! a second failure. `KEIKI_FAULTS=all` fails every single call, a number so many of each kind; else it is a few.
//!
//! In another run a part of what is read is damaged or never given, and costs nothing but itself ([`late`]).

// Elsewhere the clock has another name, or none that may be given twice.
#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![allow(
    unsafe_code,
    reason = "a call that fails is one that the kernel is kept from, and only the C library's ways lead there"
)]

#[path = "faults/bench.rs"]
mod bench;
#[path = "faults/late.rs"]
mod late;
#[path = "faults/trap.rs"]
mod trap;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bench::{Ended, run, whole};
use keiki_model::time::Millis;
use trap::{Fault, How, KINDS, Kind};

const FOLDER: &str = "KEIKI_FAULTS_FOLDER";
const CASE: &str = "KEIKI_FAULTS_CASE";

/// How long one process may take: more is a standstill.
const MOST: Duration = Duration::from_secs(60);

/// Of each kind and way to fail so many calls are chosen, if not all.
const CHOSEN: u64 = 4;

const WAYS: [(How, &str); 4] = [
    (How::Fails(libc::EIO), "error"),
    (How::Gone, "gone"),
    (How::Fails(libc::ENOSPC), "full"),
    (How::Short, "short"),
];

/// What one process does: which call fails, and whether it dies of it.
#[derive(Clone, Copy, Debug)]
struct Case {
    fault: Option<Fault>,
    dies: bool,
}

impl Case {
    fn told(self) -> String {
        let Some(fault) = self.fault else {
            return "none".into();
        };
        let kind = KINDS.iter().find(|(kind, _)| *kind == fault.kind);
        let way = WAYS.iter().find(|(how, _)| *how == fault.how);
        let end = if self.dies { "dies" } else { "stays" };
        let Fault { number, again, .. } = fault;
        format!(
            "{}:{}:{number}:{again}:{end}",
            kind.map_or("", |kind| kind.1),
            way.map_or("", |way| way.1)
        )
    }

    fn read(told: &str) -> Self {
        let words: Vec<_> = told.split(':').collect();
        let fault = match words[..] {
            [kind, way, number, again, _] => Some(Fault {
                kind: KINDS.iter().find(|(_, name)| *name == kind).expect("a kind").0,
                number: number.parse().expect("a number"),
                how: WAYS.iter().find(|(_, name)| *name == way).expect("a way").0,
                again: again.parse().expect("a number"),
            }),
            _ => None,
        };
        Self {
            fault,
            dies: words.last() == Some(&"dies"),
        }
    }
}

/// What a process says at its end.
struct Said {
    counts: [u64; KINDS.len()],
    /// The call that failed.
    struck: Option<String>,
    ended: String,
}

/// The process that is started: runs, and says what it saw.
fn play(folder: &Path, case: Case) {
    let Some(trap) = trap::set(folder, case.fault) else {
        println!("\nKEIKI nothing");
        return;
    };
    let (now, ended) = run(folder, &trap, case.dies);
    let counts: Vec<String> = (0..KINDS.len()).map(|kind| trap.count(kind).to_string()).collect();
    let struck = trap.struck().unwrap_or_default();
    println!("\nKEIKI {now}|{}|{struck}|{ended:?}", counts.join(" "));
    if ended != Ended::Closed {
        // SAFETY: nothing of this process is to be put in order any more.
        unsafe { libc::_exit(0) }
    }
}

/// Runs a case in a process of its own, and looks at what it left. `None` where the kernel does not allow it.
fn try_out(case: Case) -> Result<Option<Said>, String> {
    let parent = tempfile::tempdir().map_err(|error| error.to_string())?;
    let folder = parent.path().join("history");
    let mut child = Command::new(std::env::current_exe().map_err(|error| error.to_string())?)
        .args(["--exact", "no_failed_call_costs_a_sample", "--nocapture"])
        .env(FOLDER, &folder)
        .env(CASE, case.told())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let began = Instant::now();
    while child.try_wait().map_err(|error| error.to_string())?.is_none() {
        if began.elapsed() > MOST {
            child.kill().ok();
            return Err("it stands still".into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let Some(line) = out
        .lines()
        .find_map(|line| line.strip_prefix("KEIKI "))
        .filter(|_| output.status.success())
    else {
        return Err(format!("{}\n{out}{err}", output.status));
    };
    if line == "nothing" {
        return Ok(None);
    }
    let mut words = line.split('|');
    let mut word = || words.next().unwrap_or_default();
    let now: Millis = word().parse().map_err(|_| line.to_owned())?;
    let mut counts = word().split(' ').map(|count| count.parse().unwrap_or_default());
    let said = Said {
        counts: std::array::from_fn(|_| counts.next().unwrap_or_default()),
        struck: Some(word().to_owned()).filter(|struck| !struck.is_empty()),
        ended: word().to_owned(),
    };
    std::panic::catch_unwind(|| whole(&folder, now)).map_err(|panic| {
        let why = panic.downcast_ref::<String>().cloned();
        format!("{line}: {}", why.unwrap_or_else(|| "it is not whole".into()))
    })?;
    Ok(Some(said))
}

/// Which calls fail, and how.
fn cases(counts: &[u64; KINDS.len()]) -> Vec<Case> {
    let asked = std::env::var("KEIKI_FAULTS").ok();
    let all = asked.as_deref() == Some("all");
    let most = asked.and_then(|number| number.parse().ok()).unwrap_or(CHOSEN);
    let mut cases = Vec::new();
    for ((kind, _), count) in KINDS.iter().zip(counts) {
        let chosen = if all { *count } else { most.min(*count) };
        let ways = if *kind == Kind::Write { WAYS.len() } else { 2 };
        for (way, (how, _)) in WAYS.iter().enumerate().take(ways) {
            for index in 0..chosen {
                // In turn it goes on after one failure, dies of it, and meets another when it comes back.
                let ends = (0..3).filter(|end| all || (index as usize + way) % 3 == *end);
                cases.extend(ends.map(|end| Case {
                    fault: Some(Fault {
                        kind: *kind,
                        number: 1 + index * count / chosen,
                        how: *how,
                        again: if end == 2 && *how != How::Gone {
                            1 + index * 7 % 40
                        } else {
                            0
                        },
                    }),
                    dies: end == 1,
                }));
            }
        }
    }
    cases
}

#[test]
fn no_failed_call_costs_a_sample() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let case = Case::read(&std::env::var(CASE).unwrap_or_default());
        return play(Path::new(&folder), case);
    }
    let counted = try_out(Case {
        fault: None,
        dies: false,
    })
    .expect("without a fault all is well");
    let Some(counted) = counted else {
        return eprintln!("not run: the kernel hands no calls over here");
    };
    assert_eq!(counted.ended, "Closed");
    for ((_, name), count) in KINDS.iter().zip(counted.counts) {
        eprintln!("{count} calls of kind {name}");
        assert!(count > 0, "nothing of kind {name} is done");
    }
    let cases = match std::env::var(CASE) {
        Ok(one) => vec![Case::read(&one)],
        Err(_) => cases(&counted.counts),
    };
    let (next, failures, seen) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) + 1 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match try_out(*case) {
                        Ok(said) => {
                            let said = said.expect("as before");
                            let struck = said.struck.is_some();
                            let kind = case.told().split(':').take(2).collect::<Vec<_>>().join(" ");
                            *seen
                                .lock()
                                .expect("no panic")
                                .entry((kind, struck, said.ended))
                                .or_insert(0) += 1;
                        }
                        Err(why) => failures
                            .lock()
                            .expect("no panic")
                            .push(format!("{}: {why}", case.told())),
                    }
                }
            });
        }
    });
    let mut missed = 0;
    for ((kind, struck, ended), count) in seen.into_inner().expect("no panic") {
        eprintln!("{kind}: {count} {}, {ended}", if struck { "struck" } else { "missed" });
        missed += if struck { 0 } else { count };
    }
    let failures = failures.into_inner().expect("no panic");
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
    // How much the engine does in its own thread is not the same each time: the last calls may not come.
    assert!(
        missed * 10 <= cases.len(),
        "{missed} of {} calls never came",
        cases.len()
    );
}

#[test]
fn a_part_that_is_never_read_holds_up_no_other_late_samples() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let folder = Path::new(&folder);
        match trap::set(folder, None) {
            Some(trap) => late::run(folder, &trap, std::env::var(CASE).as_deref() == Ok("damaged")),
            None => eprintln!("not run: the kernel hands no calls over here"),
        }
        return;
    }
    for case in ["damaged", "silent"] {
        let parent = tempfile::tempdir().expect("a folder");
        let output = Command::new(std::env::current_exe().expect("this test"))
            .args([
                "--exact",
                "a_part_that_is_never_read_holds_up_no_other_late_samples",
                "--nocapture",
            ])
            .env(FOLDER, parent.path().join("history"))
            .env(CASE, case)
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{case}: {said}");
    }
}

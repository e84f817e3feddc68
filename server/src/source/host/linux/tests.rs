//! The whole reader on a made-up machine.

use std::collections::BTreeMap;
use std::time::Duration;

use keiki_model::series::{HOST_NAME, Value};
use keiki_model::time::Millis;

use super::fixture::Fixture;
use super::*;
use crate::source::contract;
use crate::source::host::Watch;

/// A machine of two cores with one disk, one interface and two processes.
struct Machine {
    fixture: Fixture,
    reader: Reader,
    second: u64,
}

impl Machine {
    fn new(watched: Vec<Watch>) -> Self {
        Self::with(Fixture::new(), watched)
    }

    fn with(fixture: Fixture, watched: Vec<Watch>) -> Self {
        let (proc_root, sys_root) = (fixture.path("proc"), fixture.path("sys"));
        let reader = Reader::new(
            HostConfig {
                watched,
                proc_root,
                sys_root,
            },
            "testhost",
        );
        let machine = Self {
            fixture,
            reader,
            second: 0,
        };
        machine.cpu(0, 0);
        machine.fixture.write("proc/loadavg", "0.50 0.25 0.10 1/100 42\n");
        machine.fixture.write(
            "proc/meminfo",
            "MemTotal: 1000 kB\nMemFree: 300 kB\nMemAvailable: 600 kB\nBuffers: 100 kB\n",
        );
        machine
            .fixture
            .write("proc/diskstats", "8 0 sda 10 0 8 0 20 0 16 0 0 1500 0\n");
        machine
            .fixture
            .write("proc/net/dev", "h\nh\neth0: 1000 10 0 0 0 0 0 0 2000 20 0 0 0 0 0 0\n");
        machine.process(1, "init", 100, 0);
        machine.process(7, "web", 200, 50);
        machine
    }

    /// Busy and idle time of each of the two cores, clock ticks.
    fn cpu(&self, busy: u64, idle: u64) {
        let core = |name: &str, times: u64| format!("{name} {} 0 0 {} 0 0 0 0 0 0\n", busy * times, idle * times);
        self.fixture
            .write("proc/stat", &(core("cpu ", 2) + &core("cpu0", 1) + &core("cpu1", 1)));
    }

    fn process(&self, pid: u32, name: &str, started: u64, ticks: u64) {
        let text = format!("{pid} ({name}) S 1 1 1 0 -1 0 0 0 0 0 {ticks} 0 0 0 20 0 3 0 {started} 9 10 0\n");
        self.fixture.write(&format!("proc/{pid}/stat"), &text);
        self.fixture.write(&format!("proc/{pid}/fd/0"), "");
        self.fixture
            .write(&format!("proc/{pid}/limits"), "Max open files 1024 4096 files\n");
    }

    fn end(&self, pid: u32) {
        self.fixture.remove(&format!("proc/{pid}"));
    }

    /// The next second's reading, by name and own labels.
    fn read(&mut self) -> BTreeMap<String, f64> {
        let time = self.second as Millis * 1_000 + 850;
        let moment = Moment {
            time,
            monotonic: Duration::from_secs(self.second),
        };
        self.second += 1;
        let samples = self.reader.read(moment).expect("a reading");
        contract::check(&samples, time, time);
        samples
            .iter()
            .map(|sample| {
                let mut labels = sample.series.labels().clone();
                assert_eq!(labels.get(HOST_NAME), Some("testhost"));
                labels.set(HOST_NAME, "");
                let Value::Number(value) = sample.value else {
                    panic!("the host has no distributions")
                };
                (format!("{}{labels}", sample.series.name()), value)
            })
            .collect()
    }
}

#[test]
fn the_first_reading_has_no_shares() {
    let mut machine = Machine::new(vec![Watch::Name("web".into())]);
    let reading = machine.read();
    assert!(
        !reading
            .keys()
            .any(|name| name.contains("cpu") && name.contains("ratio")),
        "{reading:#?}"
    );
    assert_eq!(reading["system_cpu_limit_cores"], 2.0);
    assert_eq!(reading["system_cpu_load_average{period=\"5m\"}"], 0.25);
    assert_eq!(reading["system_memory_utilization_ratio"], 0.4);
    assert_eq!(
        reading["system_disk_io_bytes_total{device=\"sda\",disk_io_direction=\"write\"}"],
        8_192.0
    );
    assert_eq!(reading["system_disk_io_time_seconds_total{device=\"sda\"}"], 1.5);
    assert_eq!(reading["system_processes_count"], 2.0);
    assert!(!reading.keys().any(|name| name.contains("paging")), "no swap");
}

#[test]
fn shares_compare_two_readings() {
    let mut machine = Machine::new(vec![Watch::Name("web".into())]);
    machine.read();
    machine.cpu(25, 75);
    machine.process(7, "web", 200, 90);
    let reading = machine.read();
    assert_eq!(reading["system_cpu_usage_ratio"], 0.25);
    assert_eq!(reading["system_cpu_utilization_ratio{cpu_mode=\"user\"}"], 0.25);
    assert_eq!(reading["system_cpu_utilization_ratio{cpu_mode=\"iowait\"}"], 0.0);
    assert_eq!(reading["system_cpu_core_utilization_ratio{cpu=\"1\"}"], 0.25);
    assert_eq!(reading["process_watched_cpu_usage_cores{process=\"web\"}"], 0.4);
    assert_eq!(
        reading["process_watched_cpu_utilization_ratio{process=\"web\"}"], 0.2,
        "of both cores"
    );
    assert!(
        !reading.keys().any(|name| name.contains("process_pid")),
        "the top is read every 5 s"
    );
}

#[test]
fn the_top_is_ranked_every_five_seconds() {
    let mut machine = Machine::new(Vec::new());
    assert!(
        !machine
            .read()
            .contains_key("process_cpu_utilization_ratio{process_name=\"web\",process_pid=\"7\"}")
    );
    machine.process(7, "web", 200, 150);
    machine.process(9, "batch", 900, 250);
    for _ in 1..5 {
        assert!(!machine.read().contains_key("system_processes_count"));
    }
    let reading = machine.read();
    assert_eq!(
        reading["process_cpu_utilization_ratio{process_name=\"web\",process_pid=\"7\"}"],
        0.1
    );
    let batch = reading["process_cpu_utilization_ratio{process_name=\"batch\",process_pid=\"9\"}"];
    assert_eq!(batch, 0.25, "a new process has used all of its time since");
    assert!(reading.contains_key("process_memory_usage_bytes{process_name=\"init\",process_pid=\"1\"}"));
}

#[test]
fn a_watched_process_that_ends_and_returns_was_restarted() {
    let mut machine = Machine::new(vec![Watch::Name("web".into())]);
    let all = machine.read();
    assert_eq!(all["process_watched_up{process=\"web\"}"], 1.0);
    assert_eq!(all["process_watched_threads{process=\"web\"}"], 3.0);
    assert_eq!(all["process_watched_open_file_descriptors{process=\"web\"}"], 1.0);
    assert_eq!(
        all["process_watched_open_file_descriptor_limit{process=\"web\"}"],
        1_024.0
    );

    machine.end(7);
    let gone = machine.read();
    assert_eq!(gone["process_watched_up{process=\"web\"}"], 0.0);
    assert_eq!(gone["process_watched_count{process=\"web\"}"], 0.0);
    assert_eq!(gone["process_watched_restarts_total{process=\"web\"}"], 0.0);
    assert!(
        !gone.contains_key("process_watched_memory_usage_bytes{process=\"web\"}"),
        "no process, no memory"
    );

    machine.process(8, "web", 500, 10);
    let back = machine.read();
    assert_eq!(back["process_watched_restarts_total{process=\"web\"}"], 1.0);
    assert_eq!(
        back["process_watched_cpu_usage_cores{process=\"web\"}"], 0.1,
        "its time since it started"
    );
}

#[test]
fn more_workers_are_no_restart_and_a_replaced_one_is() {
    let mut machine = Machine::new(vec![Watch::Name("web".into()), Watch::Pid(1), Watch::Pid(99)]);
    machine.read();
    machine.process(8, "web", 500, 0);
    machine.process(9, "web", 500, 0);
    let grown = machine.read();
    assert_eq!(grown["process_watched_count{process=\"web\"}"], 3.0);
    assert_eq!(grown["process_watched_restarts_total{process=\"web\"}"], 0.0);
    machine.process(7, "web", 700, 0);
    let replaced = machine.read();
    assert_eq!(
        replaced["process_watched_restarts_total{process=\"web\"}"], 1.0,
        "the same number, another process"
    );
    assert_eq!(replaced["process_watched_up{process=\"pid 1\"}"], 1.0);
    assert_eq!(replaced["process_watched_up{process=\"pid 99\"}"], 0.0);
}

#[test]
fn a_zombie_is_not_up() {
    let mut machine = Machine::new(vec![Watch::Name("web".into())]);
    machine.fixture.write(
        "proc/7/stat",
        "7 (web) Z 1 1 1 0 -1 0 0 0 0 0 5 0 0 0 20 0 1 0 200 0 0 0\n",
    );
    assert_eq!(machine.read()["process_watched_up{process=\"web\"}"], 0.0);
}

#[test]
fn long_names_are_those_of_the_executable() {
    let mut machine = Machine::new(vec![
        Watch::Name("a-very-long-program".into()),
        Watch::Name("node".into()),
    ]);
    machine.process(20, "a-very-long-pro", 1, 0);
    machine.process(21, "MainThread", 1, 0);
    std::os::unix::fs::symlink("/usr/bin/node (deleted)", machine.fixture.path("proc/21/exe")).expect("a link");
    let reading = machine.read();
    assert_eq!(reading["process_watched_up{process=\"a-very-long-program\"}"], 1.0);
    assert_eq!(reading["process_watched_up{process=\"node\"}"], 1.0);
}

#[test]
fn a_container_is_the_machine() {
    let fixture = Fixture::new();
    fixture.write("sys/fs/cgroup/cgroup.controllers", "");
    fixture.write("sys/fs/cgroup/cpu.max", "50000 100000");
    fixture.write(
        "sys/fs/cgroup/cpu.stat",
        "usage_usec 1000000\nuser_usec 600000\nsystem_usec 400000\n",
    );
    fixture.write("sys/fs/cgroup/memory.max", "512000");
    fixture.write("sys/fs/cgroup/memory.current", "256000");
    fixture.write("sys/fs/cgroup/memory.stat", "inactive_file 128000\n");
    let mut machine = Machine::with(fixture, vec![Watch::Name("web".into())]);
    let first = machine.read();
    assert_eq!(first["system_cpu_limit_cores"], 0.5);
    assert_eq!(first["system_cpu_logical_count"], 2.0);
    assert_eq!(first["system_memory_limit_bytes"], 512_000.0);
    assert_eq!(first["system_memory_utilization_ratio"], 0.25);
    assert!(!first.contains_key("system_memory_usage_bytes{state=\"buffers\"}"));

    machine.cpu(100, 0);
    machine.process(7, "web", 200, 60);
    machine.fixture.write(
        "sys/fs/cgroup/cpu.stat",
        "usage_usec 1250000\nuser_usec 700000\nsystem_usec 550000\n",
    );
    let reading = machine.read();
    assert_eq!(
        reading["system_cpu_usage_ratio"], 0.5,
        "a quarter second of half a core"
    );
    let user = reading["system_cpu_utilization_ratio{cpu_mode=\"user\"}"];
    assert!((user - 0.2).abs() < 1e-9, "{user}");
    assert!(!reading.contains_key("system_cpu_utilization_ratio{cpu_mode=\"iowait\"}"));
    assert!(
        !reading.keys().any(|name| name.contains("core_utilization")),
        "{reading:#?}"
    );
    let web = reading["process_watched_cpu_utilization_ratio{process=\"web\"}"];
    assert!((web - 0.2).abs() < 1e-9, "a tenth of a core of half a core: {web}");
}

#[test]
fn what_cannot_be_read_is_absent_and_harms_nothing_else() {
    let mut machine = Machine::new(Vec::new());
    machine.fixture.remove("proc/diskstats");
    machine.fixture.write("proc/stat", "garbage");
    let reading = machine.read();
    assert!(
        !reading
            .keys()
            .any(|name| name.contains("disk") || name.contains("cpu_limit"))
    );
    assert!(reading.contains_key("system_memory_utilization_ratio"));
}

#[test]
fn nothing_at_all_is_an_error() {
    let fixture = Fixture::new();
    let config = HostConfig {
        watched: Vec::new(),
        proc_root: fixture.path("proc"),
        sys_root: fixture.path("sys"),
    };
    let mut reader = Reader::new(config, "testhost");
    let error = reader
        .read(Moment {
            time: 0,
            monotonic: Duration::ZERO,
        })
        .expect_err("no machine")
        .to_string();
    assert!(error.contains("proc/stat"), "{error}");
}

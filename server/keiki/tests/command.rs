//! The binary: what it says, how it exits, that it starts without any file and stops when told.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A folder of a test's own, without a `keiki.toml` unless the test writes one.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn keiki(folder: &PathBuf, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keiki"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_remove("KEIKI_LOG")
        .stdin(Stdio::null());
    command
}

fn run(folder: &PathBuf, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = keiki(folder, arguments).output().unwrap();
    (
        status.code(),
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap(),
    )
}

#[test]
fn check_tells_right_from_wrong() {
    let folder = folder("check");
    assert_eq!(
        run(&folder, &["check"]),
        (Some(0), "no keiki.toml here: the defaults hold\n".into(), String::new())
    );
    fs::write(folder.join("keiki.toml"), "[server]\nlisten = \"127.0.0.1:0\"\n").unwrap();
    assert_eq!(
        run(&folder, &["check"]),
        (Some(0), "keiki.toml: all right\n".into(), String::new())
    );
    fs::write(
        folder.join("other.toml"),
        "[server]\nlisten = 3000\nbase_pth = \"/x\"\n",
    )
    .unwrap();
    let (code, _, complaint) = run(&folder, &["check", "--config", "other.toml"]);
    assert_eq!(code, Some(1));
    assert_eq!(
        complaint,
        "keiki: other.toml:2:10: listen must be a text in quotes, not a whole number\n\
         \x20 2 | listen = 3000\n\
         \x20   |          ^^^^\n\
         \x20 = write for example: listen = \"127.0.0.1:3000\"\n\
         other.toml:3:1: unknown key \"base_pth\" in [server]\n\
         \x20 3 | base_pth = \"/x\"\n\
         \x20   | ^^^^^^^^\n\
         \x20 = write base_path\n"
    );
    let (code, _, complaint) = run(&folder, &["check", "--config", "none.toml"]);
    assert_eq!(code, Some(1));
    assert!(
        complaint.starts_with("keiki: cannot read the configuration none.toml: "),
        "{complaint}"
    );
}

#[test]
fn what_cannot_start_says_why() {
    let folder = folder("refused");
    let (code, _, complaint) = run(&folder, &["--listen", "0.0.0.0:3000"]);
    assert_eq!(code, Some(1));
    assert!(
        complaint.contains("0.0.0.0:3000 can be reached from other machines"),
        "{complaint}"
    );
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, _, complaint) = run(&folder, &["serve", "--listen", &address]);
    assert_eq!(code, Some(1));
    assert!(
        complaint.contains(&format!("keiki: {address} is already in use")),
        "{complaint}"
    );
    let (code, _, complaint) = run(&folder, &["--prot", "1"]);
    assert_eq!(code, Some(1));
    assert!(complaint.contains("invalid option '--prot'"), "{complaint}");
}

#[test]
fn version_and_help() {
    let folder = folder("help");
    assert_eq!(
        run(&folder, &["--version"]).1,
        format!("keiki {}\n", env!("CARGO_PKG_VERSION"))
    );
    assert!(run(&folder, &["--help"]).1.contains("keiki check"));
}

/// A running Keiki that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing to do about one that has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// Asks again and again for what must come within ten seconds.
fn until<T>(what: &str, ask: impl Fn() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "not so: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn it_runs_without_a_file_and_stops_when_told() {
    let folder = folder("runs");
    let mut running = Running(
        keiki(&folder, &["--listen", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut lines = BufReader::new(running.0.stderr.take().unwrap()).lines();
    let started: serde_json::Value = lines
        .find_map(|line| {
            serde_json::from_str(&line.unwrap())
                .ok()
                .filter(|line: &serde_json::Value| line["url"].is_string())
        })
        .expect("it says where it listens");
    let address = started["url"]
        .as_str()
        .unwrap()
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .to_owned();
    let rest = std::thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>());
    until("it is ready", || {
        get(&address, "/readyz").filter(|answer| answer.starts_with("HTTP/1.1 200"))
    });
    let page = get(&address, "/").expect("a page");
    assert!(
        page.starts_with("HTTP/1.1 200") && page.contains("<html"),
        "{}",
        &page[..200.min(page.len())]
    );
    assert!(
        get(&address, "/panels/resources.cpu.json")
            .expect("data")
            .contains("\"panel\":\"resources.cpu\"")
    );

    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .spawn()
        .ok();
    // Requests are counted at the next reading, which is at most a second away.
    let metrics = until("the requests are counted", || {
        get(&address, "/metrics")
            .filter(|metrics| metrics.contains("# TYPE http_server_request_duration_seconds histogram"))
    });
    let body = metrics.split_once("\r\n\r\n").expect("a body").1;
    if let Some(promtool) = &mut promtool {
        promtool.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
        assert!(promtool.wait().unwrap().success(), "{body}");
    }

    // An open stream must not hold it up.
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(stream, "GET /api/live HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
    let mut first = [0; 64];
    assert!(stream.read(&mut first).unwrap() > 0);
    let start = Instant::now();
    assert!(
        Command::new("kill")
            .args(["-TERM", &running.0.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    let status = running.0.wait().unwrap();
    assert!(status.success(), "{status}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let said = rest.join().unwrap();
    assert!(said.iter().any(|line| line.contains("\"stopped\"")), "{said:?}");
}

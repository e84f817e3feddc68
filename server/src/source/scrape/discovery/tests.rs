//! Files that come, change, break and go.

use std::sync::Arc;

use keiki_model::series::Labels;
use parking_lot::Mutex;

use super::*;
use crate::source::scrape::{Credentials, Rules};
use crate::source::tls::Tls;

/// What was told last: names and addresses.
type Told = Arc<Mutex<Vec<String>>>;

fn discovery(folder: &Path, files: &str, target_limit: usize) -> (impl Source, Told) {
    let template = Template {
        service: "web".into(),
        labels: Labels::new([("region", "tokyo")]),
        tls: Ok(Tls::Off),
        credentials: Credentials::None,
        headers: Vec::new(),
        page_bytes: 1_000,
        interval: Duration::from_secs(5),
        timeout: Duration::from_secs(4),
        rules: Arc::new(Rules::default()),
        series: 10,
    };
    let config = DiscoveryConfig {
        name: "web".into(),
        files: vec![folder.join(files).to_str().expect("a path").parse().expect("files")],
        target_limit,
        template,
    };
    let told = Told::default();
    let tell = Arc::clone(&told);
    let shown = |config: &ScrapeConfig| {
        format!(
            "{} {} {}{}",
            config.name,
            config.fetching.address,
            config.identity("here").get("service_name").unwrap_or_default(),
            config.labels
        )
    };
    let tell = move |targets: Vec<ScrapeConfig>| *tell.lock() = targets.iter().map(shown).collect();
    (Discovery::new(config, tell), told)
}

#[tokio::test]
async fn targets_follow_their_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
    let (mut it, told) = discovery(folder.path(), "t-*.json", 10);
    it.collect(0).await.expect("no file is no mistake");
    assert_eq!(*told.lock(), [""; 0]);
    write(
        "t-1.json",
        r#"[{"targets": ["a:1", "b:1"], "labels": {"job": "shop"}}]"#,
    );
    write("t-2.json", r#"[{"targets": ["c:1"], "labels": {"region": "osaka"}}]"#);
    write("u-1.json", r#"[{"targets": ["d:1"]}]"#);
    it.collect(0).await.expect("two files");
    let a = "web/a:1 http://a:1/metrics shop{region=\"tokyo\"}";
    let b = "web/b:1 http://b:1/metrics shop{region=\"tokyo\"}";
    let c = "web/c:1 http://c:1/metrics web{region=\"osaka\"}";
    assert_eq!(*told.lock(), [a, b, c]);
    // Half of a file: said with the place, and the former targets stay, while other files go on.
    write("t-1.json", "[{\"targets\":\n [\"a:1\"");
    write("t-2.json", "[]");
    for _ in 0..2 {
        let error = it.collect(0).await.expect_err("half a file").to_string();
        assert!(error.contains("t-1.json") && error.contains("line 2"), "{error}");
        assert!(error.contains("its former targets stay"), "{error}");
        assert_eq!(*told.lock(), [a, b]);
    }
    write("t-1.json", r#"[{"targets": ["a:1"], "labels": {"job": "shop"}}]"#);
    it.collect(0).await.expect("whole again");
    assert_eq!(*told.lock(), [a]);
    std::fs::remove_file(folder.path().join("t-1.json")).expect("a file");
    it.collect(0).await.expect("gone is gone");
    assert_eq!(*told.lock(), [""; 0]);
}

#[tokio::test]
async fn a_file_that_is_named_and_missing_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut it, _) = discovery(folder.path(), "targets.yml", 10);
    let error = it.collect(0).await.expect_err("no file").to_string();
    assert!(error.contains("targets.yml"), "{error}");
    std::fs::write(folder.path().join("targets.yml"), "- targets: [a:1]\n").expect("a file");
    it.collect(0).await.expect("a file");
}

#[tokio::test]
async fn names_are_unique_and_the_limit_is_counted_when_it_bites() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "- targets: [a:1, a:1]\n- targets: [a:1]\n  labels: {__metrics_path__: /other}\n\
                - targets: [a:1]\n  labels: {x: y}\n- targets: [b:1, c:1]\n";
    std::fs::write(folder.path().join("t.yaml"), text).expect("a file");
    let (mut it, told) = discovery(folder.path(), "t.yaml", 3);
    for refused in [2, 0] {
        it.collect(0).await.expect("targets");
        assert_eq!(it.refused().map_or(0, |refused| refused.count), refused);
    }
    let names: Vec<_> = told
        .lock()
        .iter()
        .map(|told| told.split(" http").next().map(str::to_owned))
        .collect();
    assert_eq!(
        names.into_iter().flatten().collect::<Vec<_>>(),
        ["web/a:1", "web/a:1/other", "web/a:1/metrics"]
    );
}

#[tokio::test]
async fn what_is_no_file_is_not_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = r#"[{"targets":["127.0.0.1:9000"]}]"#;
    std::fs::write(folder.path().join("a.json"), good).expect("a file");
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("b.json")).expect("a link");
    let made = std::process::Command::new("mkfifo")
        .arg(folder.path().join("c.json"))
        .status();
    assert!(made.is_ok_and(|status| status.success()), "a pipe");
    let (mut source, told) = discovery(folder.path(), "*.json", 10);
    let error = source.collect(0).await.expect_err("two are none");
    assert!(error.to_string().contains("no regular file"), "{error}");
    assert_eq!(told.lock().len(), 1, "the good one's targets");
}

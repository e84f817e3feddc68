//! `[[scrape]]` and `[statsd]`.

use super::*;

#[test]
fn files_of_targets_are_read() {
    let table = "[[scrape]]\nname = \"web\"\nfiles = [\"targets/*.json\", \"more.yml\"]\nlabels = [\"region=tokyo\"]";
    let config = parse(table).expect("a configuration");
    assert!(config.scrapes.targets.is_empty());
    let [discovery] = &config.scrapes.discoveries[..] else {
        panic!("{:?}", config.scrapes)
    };
    assert_eq!(
        (discovery.name.as_str(), discovery.files.len(), discovery.target_limit),
        ("web", 2, 1_000)
    );
}

#[test]
fn targets_are_read() {
    let config = parse(
        "[[scrape]]\nname = \"web-1\"\nservice = \"web\"\nurl = \"http://10.0.0.7:9100\"\ninterval = 15\n\
         drop = [\"go_*\"]\nlabels = [\"region=tokyo\"]\n[statsd]\nlisten = \"127.0.0.1:8125\"",
    )
    .expect("a configuration");
    let [target] = &config.scrapes.targets[..] else {
        panic!("{:?}", config.scrapes)
    };
    assert_eq!(
        (target.name.as_str(), target.interval),
        ("web-1", Duration::from_secs(15))
    );
    let identity = target.identity("here");
    let labels = ["service_name", "service_instance_id", "host_name", "region"].map(|name| identity.get(name));
    assert_eq!(
        labels,
        [Some("web"), Some("10.0.0.7:9100"), Some("10.0.0.7"), Some("tokyo")]
    );
    assert!(config.statsd.is_some_and(|statsd| statsd.service == "statsd"));
}

#[test]
fn mistakes_about_targets_are_told_without_secrets() {
    let target = |rest: &str| complaint(&format!("[[scrape]]\nname = \"a\"\n{rest}"));
    for (text, said) in [
        ("", "[[scrape]] needs a url"),
        ("url = \"http://a/\"\nfiles = [\"a.json\"]", "a url or files, not both"),
        ("url = \"http://a/\"\ntarget_limit = 3", "bounds the targets of files"),
        ("files = []", "files names no file"),
        ("files = [\"a.txt\"]", "names no files of targets"),
        ("files = [\"*/a.json\"]", "names no files of targets"),
        ("files = [\"**.json\"]", "names no files of targets"),
        ("url = \"ftp://a\"", "must begin with http://"),
        ("url = \"http://u:secret@a/\"", "do not belong into the address"),
        ("url = \"http://a/\"\nuser = \"u\"", "needs a secret_file"),
        ("url = \"http://a/\"\nheaders = [\"secret\"]", "no header"),
        ("url = \"http://a/\"\nkeep = [\"a b\"]", "is no rule"),
        ("url = \"http://a/\"\nrename = [\"a\"]", "is no renaming"),
        ("url = \"http://a/\"\nlabels = [\"a\"]", "is no label"),
        (
            "url = \"http://a/\"\n[[scrape]]\nname = \"a\"\nurl = \"http://b/\"",
            "a second [[scrape]]",
        ),
        (
            "url = \"http://a/\"\n[statsd]\nlisten = \"0.0.0.0:8125\"",
            "StatsD asks nobody",
        ),
    ] {
        let complaint = target(text);
        assert!(
            complaint.contains(said) && !complaint.contains("secret@"),
            "{text:?} says {complaint:?}"
        );
    }
}

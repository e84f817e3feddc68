//! The rows of every file make sense, and rows do what they say.

use std::collections::HashSet;

use keiki_model::series::HOST_NAME;

use super::*;

fn all() -> Recognisers {
    Recognisers::new(&[]).expect("the files that come with Keiki")
}

fn foreign<'a>(name: &'a str, kind: Kind, labels: &'a Labels) -> Foreign<'a> {
    Foreign {
        name,
        kind: Some(kind),
        labels,
    }
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    let identity = [
        (SERVICE_NAME, "shop"),
        (SERVICE_INSTANCE_ID, "shop:1"),
        (HOST_NAME, "a"),
    ];
    Labels::new(identity.into_iter().chain(pairs.iter().copied()))
}

#[test]
fn every_file_says_what_it_is_about() {
    let mut names = HashSet::new();
    for (name, text) in BUILT_IN {
        let file: File = toml::from_str(text).expect(name);
        assert!(
            file.about.ends_with('.') || file.about.contains("://"),
            "{name}: say what sends these, and of which version"
        );
        assert!(!file.row.is_empty(), "{name} has no row");
        assert!(names.insert(name), "{name} is listed twice");
    }
}

#[test]
fn labels_and_values_are_renamed() {
    let own = r#"
        [[row]]
        metric = "proxy_answers_total"
        as = "http_server_requests_total"
        when = { code = "*", kind = "!probe" }
        labels = { code = "http_response_status_code" }
        values.http_response_status_code = { "2" = "2xx" }
        set = { proxy = "{service_name}" }
        drop = ["pid"]
    "#;
    let all = Recognisers::new(&[("own".into(), own.into())]).expect("rows");
    let series = labels(&[("code", "2"), ("pid", "7"), ("zone", "b")]);
    let readings = all.readings(foreign("proxy_answers_total", Kind::Counter, &series));
    let canonical = readings.canonical.expect("a reading");
    assert_eq!(canonical.recogniser, "own");
    assert_eq!(
        canonical.labels,
        labels(&[("http_response_status_code", "2xx"), ("zone", "b"), ("proxy", "shop")])
    );
    let probe = labels(&[("code", "2"), ("kind", "probe")]);
    for other in [
        foreign("proxy_answers_total", Kind::Counter, &probe),
        foreign("proxy_answers_total", Kind::Gauge, &series),
        foreign("proxy_answers_total", Kind::Counter, &labels(&[])),
        foreign("proxy_answers", Kind::Counter, &series),
    ] {
        assert_eq!(all.readings(other), Readings::default(), "{other:?}");
    }
}

#[test]
fn one_series_may_tell_of_two_things() {
    let all = all();
    let idle = labels(&[("cpu", "0"), ("mode", "idle")]);
    let readings = all.readings(foreign("node_cpu_seconds_total", Kind::Counter, &idle));
    assert_eq!(readings.canonical, None, "it keeps its own name");
    let [usage, core, count] = &readings.derived[..] else {
        panic!("{readings:?}")
    };
    assert_eq!(core.canonical.name, "system_cpu_core_utilization_ratio");
    assert_eq!(
        (count.canonical.name, count.over),
        ("system_cpu_logical_count", Some("node_cpu_seconds_total"))
    );
    assert_eq!(
        (usage.canonical.name, usage.canonical.scale, usage.offset, usage.rate),
        ("system_cpu_usage_ratio", -1.0, 1.0, true)
    );
    assert_eq!(
        usage.canonical.labels,
        Labels::new([(HOST_NAME, "a"), ("cpu", "0")]),
        "a host's series names no service"
    );
}

#[test]
fn a_sender_that_does_not_say_what_it_sends_is_believed() {
    let all = all();
    let labels = labels(&[("endpoint", "/a"), ("method", "GET"), ("status", "200")]);
    let unsaid = Foreign {
        name: "api_calls_total",
        kind: None,
        labels: &labels,
    };
    assert_eq!(
        all.readings(unsaid).canonical.map(|canonical| canonical.kind),
        Some(Kind::Counter)
    );
}

#[test]
fn conditions_know_beginnings_and_what_must_not_be() {
    let check = |condition: &str, values: [&str; 4]| {
        let own = format!("[[row]]\nmetric = \"m\"\nas = \"c\"\nwhen = {{ l = {condition} }}");
        let all = Recognisers::new(&[("own".into(), own)]).expect("rows");
        values.map(|value| {
            all.readings(foreign("m", Kind::Gauge, &labels(&[("l", value)])))
                .canonical
                .is_some()
        })
    };
    let values = ["", "sda", "sdb", "loop0"];
    assert_eq!(check("\"*\"", values), [false, true, true, true]);
    assert_eq!(check("\"\"", values), [true, false, false, false]);
    assert_eq!(check("\"sd*\"", values), [false, true, true, false]);
    assert_eq!(check("\"!sd*\"", values), [true, false, false, true]);
    assert_eq!(check("[\"\", \"sda\"]", values), [true, true, false, false]);
    assert_eq!(check("[\"!loop*\", \"!sda\"]", values), [true, false, true, false]);
    assert_eq!(check("[\"*\", \"!loop*\"]", values), [false, true, true, false]);
}

#[test]
fn a_set_label_is_filled_from_any_other() {
    let own = r#"
        [[row]]
        metric = "m"
        as = "c"
        set = { what = "{verb} {object}", odd = "{", who = "{service_name}@{host_name}" }
        drop = ["verb", "object"]
    "#;
    let all = Recognisers::new(&[("own".into(), own.into())]).expect("rows");
    let read = |pairs: &[(&str, &str)]| {
        let series = labels(pairs);
        all.readings(foreign("m", Kind::Gauge, &series))
            .canonical
            .expect("a reading")
            .labels
    };
    let rest = [("odd", "{"), ("who", "shop@a")];
    assert_eq!(
        read(&[("verb", "SELECT"), ("object", "users")]),
        labels(&[("what", "SELECT users"), rest[0], rest[1]])
    );
    assert_eq!(read(&[("verb", "PING")]), labels(&[("what", "PING"), rest[0], rest[1]]));
}

#[test]
fn mistakes_are_told_with_the_row() {
    for (row, word) in [
        ("metric = \"a\"\nas = \"b\"\nlable = {}", "lable"),
        ("metric = \"a\"\nas = \"b_total\"\nrate = true", "derived"),
        ("metric = \"a\"\nas = \"b\"\nscale = 0.0", "scale"),
        ("metric = \"a\"", "as"),
    ] {
        let error = Recognisers::new(&[("mine".into(), format!("[[row]]\n{row}"))]).expect_err(row);
        assert!(
            error.to_string().contains(word) && error.to_string().contains("mine"),
            "{error}"
        );
    }
}

use std::collections::HashSet;

use super::*;
use crate::source::metric::check_table;

fn config() -> PostgresConfig {
    PostgresConfig {
        name: "shop".into(),
        target: Target {
            driver: "postgresql://keiki:s3cret@127.0.0.1:1/shop"
                .parse()
                .expect("an address"),
            password_file: None,
            address: "127.0.0.1:1".into(),
            remote_host: None,
            tls: Tls::Off,
        },
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(5),
    }
}

#[test]
fn the_tables_keep_the_grammar() {
    let all: Vec<Metric> = metrics::all().copied().collect();
    check_table(&all);
}

#[test]
fn every_metric_is_fed_by_one_part() {
    let parts = sources(&config(), "h");
    let fed: Vec<_> = parts
        .iter()
        .flat_map(|part| part.feeds())
        .map(|metric| metric.name)
        .collect();
    assert_eq!(fed.len(), fed.iter().collect::<HashSet<_>>().len());
    assert_eq!(fed, metrics::all().map(|metric| metric.name).collect::<Vec<_>>());
}

#[test]
fn a_long_interval_holds_for_all_parts() {
    let slow = PostgresConfig {
        interval: Duration::from_secs(30),
        ..config()
    };
    let intervals = |config: &PostgresConfig| {
        sources(config, "h")
            .iter()
            .map(|part| part.interval().as_secs())
            .collect::<Vec<_>>()
    };
    assert_eq!(intervals(&config()), [1, 1, 5, 5, 60]);
    assert_eq!(intervals(&slow), [30, 30, 30, 30, 60]);
}

#[test]
fn nothing_shows_the_password() {
    assert!(!format!("{:?} {:?}", config(), sources(&config(), "h")).contains("s3cret"));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_without_its_password() {
    let mut parts = sources(&config(), "h");
    let error = parts[0]
        .collect(0)
        .await
        .expect_err("nobody listens on port 1")
        .to_string();
    assert!(error.starts_with("PostgreSQL at 127.0.0.1:1: "), "{error}");
    assert!(error.contains("refused") && !error.contains("s3cret"), "{error}");
}

#[tokio::test]
async fn who_waits_for_a_server_that_does_not_answer_has_not_read_it() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = silent.local_addr().expect("its address").port();
    let mut config = config();
    config.target.driver = format!("postgresql://keiki:s3cret@127.0.0.1:{port}/shop")
        .parse()
        .expect("an address");
    let mut parts = sources(&config, "h");
    let [first, second] = &mut parts[..2] else {
        panic!("two parts")
    };
    // The first holds the connection for as long as it may; the second gives up before.
    let outcome = tokio::select! {
        biased;
        outcome = first.collect(0) => panic!("no server answers: {outcome:?}"),
        outcome = second.collect(0) => outcome,
    };
    assert!(matches!(outcome, Err(SourceError::Busy)), "{outcome:?}");
}

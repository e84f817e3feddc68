//! Whose data a panel shows, and from which source.

use keiki_model::group::{self, Group};
use keiki_model::query::{Function, Selector};
use keiki_model::target::Status;

use super::*;
use crate::store::KEIKI;

const REQUESTS: &str = "http_server_request_duration_seconds";

fn panel(id: &str) -> &'static Panel {
    group::panel(id).unwrap()
}

/// One second of requests to a service on a host.
fn serve(bench: &Bench, service: &str, host: &str, requests: usize) {
    let series = series(
        REQUESTS,
        &[("service_name", service), ("host_name", host)],
        Kind::Histogram,
        1_000,
    );
    bench.distributions(&series, vec![(-150, recorded(&vec![0.1; requests]))]);
}

/// The number of requests that the throughput panel shows.
fn requests(bench: &Bench, scope: &Scope) -> (Option<f64>, bool) {
    let snapshot = bench.engine().panel(panel("api.throughput"), &ask(scope, NOW));
    (snapshot.stat(keiki_model::panel::StatKey::Count), snapshot.itself)
}

#[test]
fn by_default_all_services_but_keiki() {
    let bench = Bench::new();
    serve(&bench, "a", "h1", 1);
    serve(&bench, "b", "h2", 10);
    serve(&bench, KEIKI, "h1", 100);
    assert_eq!(requests(&bench, &Scope::default()), (Some(11.0), false));
    assert_eq!(requests(&bench, &services(&["b"])), (Some(10.0), false));
    assert_eq!(requests(&bench, &services(&["a", "b"])), (Some(11.0), false));
    assert_eq!(requests(&bench, &services(&[KEIKI])), (Some(100.0), false));
    assert_eq!(requests(&bench, &services(&["c"])), (None, false));
    let host = |names: &[&str]| Scope {
        hosts: names.iter().map(|&name| name.to_owned()).collect(),
        ..Scope::default()
    };
    assert_eq!(requests(&bench, &host(&["h2"])), (Some(10.0), false));
    assert_eq!(requests(&bench, &host(&["h1"])), (Some(1.0), false));
}

#[test]
fn a_group_that_nothing_else_feeds_shows_keiki_itself() {
    let bench = Bench::new();
    serve(&bench, KEIKI, "h1", 100);
    assert_eq!(requests(&bench, &Scope::default()), (Some(100.0), true));
    assert_eq!(requests(&bench, &services(&["a"])), (None, false));
    let engine = bench.engine();
    assert!(engine.group_is_itself(Group::Api, &Scope::default()));
    assert!(!engine.group_is_itself(Group::Queue, &Scope::default()));
    // One watched panel of the group is enough: requests in flight of a service do not stand beside Keiki's own latency.
    let active = series(
        "http_server_active_requests",
        &[("service_name", "a")],
        Kind::Gauge,
        1_000,
    );
    bench.numbers(&active, &[(-150, 3.0)]);
    assert!(!engine.group_is_itself(Group::Api, &Scope::default()));
    assert_eq!(requests(&bench, &Scope::default()), (None, false));
}

#[test]
fn a_preset_of_services_does_not_judge_keiki() {
    let bench = Bench::new();
    let goal = |scope: &Scope| {
        let targets = keiki_model::preset::Targets::of("s3");
        let snapshot = bench.engine().panel(
            panel("api.throughput"),
            &Ask {
                targets,
                ..ask(scope, NOW)
            },
        );
        let rate = |spec: &&keiki_model::panel::StatSpec| spec.key == keiki_model::panel::StatKey::Rate;
        let spec = snapshot.spec.stats.iter().find(rate).unwrap();
        (spec.goal.map(|goal| goal.target), snapshot.status)
    };
    serve(&bench, KEIKI, "h1", 100);
    assert_eq!(goal(&Scope::default()), (None, None), "as with ?service=keiki");
    // What the service lacks is judged by its preset, and so is what it does.
    assert_eq!(goal(&services(&["shop"])).0, Some(1_000.0));
    serve(&bench, "shop", "h1", 1);
    assert_eq!(goal(&Scope::default()), (Some(1_000.0), Some(Status::Warn)));
}

#[test]
fn hosts_belong_to_no_service() {
    let bench = Bench::new();
    let cpu = |host, value| {
        let labels = [("host_name", host)];
        bench.numbers(
            &series("system_cpu_usage_ratio", &labels, Kind::Gauge, 1_000),
            &[(-150, value)],
        );
    };
    cpu("h1", 0.2);
    cpu("h2", 0.6);
    let last = |scope: &Scope| {
        let snapshot = bench.engine().panel(panel("resources.cpu"), &ask(scope, NOW));
        assert!(!snapshot.itself);
        snapshot.stats[0].value
    };
    assert_eq!(last(&Scope::default()), Some(0.4));
    assert_eq!(last(&services(&["shop"])), Some(0.4));
    let scope = Scope {
        hosts: std::iter::once("h2".to_owned()).collect(),
        ..services(&["shop"])
    };
    assert_eq!(last(&scope), Some(0.6));
}

/// Two sources tell of the same fact about each subject.
fn told_twice(priority: &[SourceClass]) -> Option<f64> {
    let store = Store::with_priority(Limits::default(), priority);
    let send = |class, instance, service, value| {
        let labels = [("service_instance_id", instance), ("service_name", service)];
        let series = series("queue_length", &labels, Kind::Gauge, 1_000);
        let samples = vec![Sample::number(&series, NOW - 150, value)];
        assert_eq!(store.append(&SourceId::new("s", class), samples, NOW).accepted, 1);
    };
    send(SourceClass::Scrape, "10.0.0.1:80", "shop", 1.0);
    send(SourceClass::Otlp, "pod-1", "shop", 10.0);
    send(SourceClass::Otlp, "pod-2", "shop", 20.0);
    send(SourceClass::Logs, "only", "mail", 100.0);
    let engine = Engine::new(store, |_: &str| None);
    let query = Query::new(Selector::new("queue_length"), Function::Last);
    let mut panel = panel("queue.length").clone();
    panel.stats = vec![query.clone(), query];
    engine.panel(&panel, &ask(&Scope::default(), NOW)).stats[0].value
}

#[test]
fn nothing_is_summed_twice() {
    assert_eq!(told_twice(&SourceClass::ALL), Some(130.0));
    assert_eq!(told_twice(&[SourceClass::Scrape]), Some(101.0));
}

#[test]
fn the_less_trusted_source_steps_in_when_the_other_is_silent() {
    let store = Store::new(Limits::default());
    let send = |class, instance, from: Millis, to: Millis| {
        let series = series(
            "m",
            &[("service_name", "shop"), ("instance", instance)],
            Kind::Gauge,
            1_000,
        );
        for at in (from..to).step_by(1_000) {
            store.append(
                &SourceId::new("s", class),
                vec![Sample::number(&series, NOW + at, 1.0)],
                NOW + at,
            );
        }
    };
    send(SourceClass::Otlp, "pod", -100_000, -70_000);
    send(SourceClass::Scrape, "10.0.0.1:80", -100_000, 0);
    let reader = store.read();
    let scope = Scope::default();
    let seen = |from| {
        let found = super::super::select::visible(
            &reader,
            "m",
            Audience {
                scope: &scope,
                itself: false,
            },
            NOW + from,
        );
        found.iter().map(|stored| stored.source().class()).collect::<Vec<_>>()
    };
    assert_eq!(seen(-100_000), [SourceClass::Otlp]);
    assert_eq!(seen(-60_000), [SourceClass::Scrape]);
}

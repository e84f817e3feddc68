//! Fresh, stale, empty, failing.

use keiki_model::group::{self, Group};
use keiki_model::panel::State;

use super::*;

fn memory(interval_ms: u32) -> Bench {
    let bench = Bench::new();
    let labels = [("host_name", "h")];
    let series = series("system_memory_utilization_ratio", &labels, Kind::Gauge, interval_ms);
    bench.numbers(&series, &[(-2_000, 0.5), (-1_000, 0.6)]);
    bench
}

fn panel(engine: &Engine, later: Millis) -> PanelSnapshot {
    let panel = group::panel("resources.memory").unwrap();
    engine.panel(panel, &ask(&Scope::default(), NOW + later))
}

fn state(engine: &Engine, later: Millis) -> State {
    panel(engine, later).state
}

#[test]
fn data_grow_stale_and_leave() {
    let bench = memory(1_000);
    let engine = bench.engine();
    assert_eq!(state(&engine, 0), State::Live);
    assert_eq!(
        state(&engine, 2_000),
        State::Live,
        "three seconds after the newest sample"
    );
    let stale = panel(&engine, 2_001);
    assert_eq!(
        (stale.state, stale.newest, stale.interval_ms),
        (State::Stale, Some(NOW - 1_000), 1_000)
    );
    assert_eq!(stale.stats[0].value, Some(0.6), "what was known last");
    let long_stale = panel(&engine, 290_000);
    assert_eq!((long_stale.state, long_stale.stats[0].value), (State::Stale, Some(0.6)));
    let gone = panel(&engine, 310_000);
    assert_eq!(
        (gone.state, gone.newest, gone.stats[0].value),
        (State::Empty, None, None)
    );
}

#[test]
fn a_slow_source_is_given_its_time() {
    let engine = memory(15_000).engine();
    assert_eq!(state(&engine, 44_000), State::Live);
    assert_eq!(state(&engine, 44_001), State::Stale);
    assert_eq!(panel(&engine, 0).interval_ms, 15_000);
}

#[test]
fn what_exports_once_a_minute_is_not_stale_before_its_second_export() {
    let bench = Bench::of(SourceClass::Otlp);
    let labels = [("service_name", "shop")];
    let sent = Series::new("service_active_users", Labels::new(labels), Kind::Gauge, None);
    let state = |later: Millis| {
        let panel = group::panel("users.active").unwrap();
        bench.engine().panel(panel, &ask(&Scope::default(), NOW + later)).state
    };
    bench.numbers(&sent, &[(-1_000, 3.0)]);
    assert_eq!((state(60_000), state(179_000)), (State::Live, State::Live));
    assert_eq!(state(179_001), State::Stale);
    // What its beginning and its first export are apart tells nothing yet; the gaps of three samples do.
    bench.numbers(&sent, &[(4_000, 3.0)]);
    assert_eq!(state(100_000), State::Live);
    bench.numbers(&sent, &[(9_000, 3.0)]);
    assert_eq!((state(24_000), state(24_001)), (State::Live, State::Stale));
    // A series that begins late does not make its program's others patient.
    let born = Series::new(
        "service_active_users",
        Labels::new([("service_name", "b")]),
        Kind::Gauge,
        None,
    );
    bench.numbers(&born, &[(9_500, 1.0)]);
    assert_eq!((state(24_500), state(24_501)), (State::Live, State::Stale));
}

#[test]
fn idle_for_less_than_a_minute_is_no_news_of_what_only_sends_spans() {
    let bench = Bench::of(SourceClass::Spans);
    let labels = [("service_name", "shop")];
    let sent = series("http_server_request_duration_seconds", &labels, Kind::Histogram, 5_000);
    bench.distributions(&sent, vec![(-1_000, recorded(&[0.1]))]);
    let state = |later: Millis| {
        let panel = group::panel("api.latency").unwrap();
        bench.engine().panel(panel, &ask(&Scope::default(), NOW + later)).state
    };
    assert_eq!(
        (state(16_000), state(59_000), state(59_001)),
        (State::Live, State::Live, State::Stale)
    );
}

#[test]
fn a_failing_source_is_an_error_once_its_data_are_old() {
    let bench = memory(1_000);
    let engine = bench.failing("test");
    assert_eq!(
        state(&engine, 0),
        State::Live,
        "one failed reading is no reason to alarm"
    );
    let failed = panel(&engine, 5_000);
    assert_eq!(failed.state, State::Error);
    assert_eq!(failed.failure.map(|failure| failure.source).as_deref(), Some("test"));
    assert_eq!(state(&bench.failing("other"), 5_000), State::Stale);
    // Also after its last sample has left, when only the memory of who fed it remains.
    bench.store.sweep(NOW + 2_000_000);
    assert_eq!(bench.store.stats().series, 0);
    let gone = panel(&engine, 2_000_000);
    assert_eq!((gone.state, gone.newest), (State::Error, None));
    assert_eq!(state(&Bench::new().failing("test"), 0), State::Empty);
}

#[test]
fn of_two_ways_the_one_that_is_fed_counts() {
    let bench = Bench::new();
    let id = "database.connections";
    let state = |engine: &Engine| {
        let snapshot = engine.panel(group::panel(id).unwrap(), &ask(&Scope::default(), NOW));
        (snapshot.state, snapshot.stats[0].value)
    };
    let gauge = |name, state| series(name, &[("db_client_connection_state", state)], Kind::Gauge, 1_000);
    assert_eq!(state(&bench.engine()), (State::Empty, None));
    assert_eq!(
        state(&bench.never_fed("db_client_connection_count")),
        (State::Error, None)
    );
    let refused = bench.never_fed("postgresql_backends");
    assert_eq!(state(&refused), (State::Error, None), "the better way fails, too");
    bench.numbers(&gauge("db_client_connection_count", "used"), &[(-500, 3.0)]);
    assert_eq!(state(&bench.engine()), (State::Live, Some(3.0)));
    assert_eq!(
        state(&refused),
        (State::Live, Some(3.0)),
        "the other way is no worse for it"
    );
    bench.numbers(&gauge("postgresql_backends", "active"), &[(-500, 5.0)]);
    assert_eq!(state(&bench.engine()), (State::Live, Some(5.0)));
}

#[test]
fn figures_from_elsewhere_do_not_make_up_for_a_chart_that_fails() {
    let bench = Bench::new();
    let deadlocks = series(
        "postgresql_deadlocks_total",
        &[("host_name", "h")],
        Kind::Counter,
        1_000,
    );
    bench.numbers(&deadlocks, &[(-1_500, 0.0), (-500, 0.0)]);
    let locks = |engine: &Engine| engine.panel(group::panel("database.locks").unwrap(), &ask(&Scope::default(), NOW));
    assert_eq!(locks(&bench.engine()).state, State::Live);
    let failed = locks(&bench.never_fed("postgresql_lock_waits"));
    assert_eq!(failed.state, State::Error);
    assert_eq!(failed.failure.map(|failure| failure.source).as_deref(), Some("missing"));
}

#[test]
fn a_panel_tells_which_of_its_sources_is_missing() {
    let bench = Bench::new();
    let backends = |host, at, source: &str| {
        let series = series("postgresql_backends", &[("host_name", host)], Kind::Gauge, 1_000);
        bench.fed_by(source).numbers(&series, &[(at, 4.0)]);
    };
    backends("a", -30_000, "postgres:a");
    backends("b", -500, "postgres:b");
    let shown = |failing| {
        let engine = bench.failing(failing);
        let snapshot = engine.panel(
            group::panel("database.connections").unwrap(),
            &ask(&Scope::default(), NOW),
        );
        (snapshot.state, snapshot.failure.map(|failure| failure.source))
    };
    assert_eq!(shown("postgres:a"), (State::Live, Some("postgres:a".to_owned())));
    assert_eq!(
        shown("postgres:b"),
        (State::Live, None),
        "one failed reading is no reason to alarm"
    );
    assert_eq!(shown("other"), (State::Live, None));
}

#[test]
fn a_source_that_never_answered_is_named_where_all_is_shown() {
    let bench = Bench::new();
    let labels = [("host_name", "a"), ("service_name", "a")];
    let backends = series("postgresql_backends", &labels, Kind::Gauge, 1_000);
    bench.numbers(&backends, &[(-500, 4.0)]);
    let shown = |scope: &Scope| {
        let panel = group::panel("database.connections").unwrap();
        let snapshot = bench.never_fed("postgresql_backends").panel(panel, &ask(scope, NOW));
        (snapshot.state, snapshot.failure.map(|failure| failure.source))
    };
    assert_eq!(shown(&Scope::default()), (State::Live, Some("missing".to_owned())));
    assert_eq!(shown(&services(&["a"])), (State::Live, None), "it is another's");
}

#[test]
fn one_of_two_services_may_fall_silent() {
    let bench = Bench::new();
    let depth = |service, at| {
        let series = series("queue_length", &[("service_name", service)], Kind::Gauge, 1_000);
        bench.numbers(&series, &[(at, 4.0)]);
    };
    depth("a", -30_000);
    depth("b", -500);
    let snapshot = bench.panel(group::panel("queue.length").unwrap());
    assert_eq!((snapshot.state, snapshot.stats[0].value), (State::Live, Some(4.0)));
}

#[test]
fn what_is_measured_slowly_beside_it_does_not_hide_silence() {
    let bench = Bench::new();
    let send = |name, interval_ms, at| {
        bench.numbers(
            &series(name, &[("host_name", "h")], Kind::Gauge, interval_ms),
            &[(at, 0.5)],
        );
    };
    send("system_cpu_utilization_ratio", 1_000, -4_000);
    send("system_cpu_usage_ratio", 1_000, -4_000);
    // The overview's card borrows a figure that comes every ten seconds.
    send("system_filesystem_utilization_ratio", 10_000, -500);
    let card = bench.panel(Group::Resources.card());
    assert_eq!(
        (card.state, card.interval_ms, card.newest),
        (State::Stale, 1_000, Some(NOW - 4_000))
    );
    assert!(card.stats.iter().any(|stat| stat.value == Some(0.5)));
}

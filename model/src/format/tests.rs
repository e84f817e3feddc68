use super::*;
use crate::group::Group;
use Language::{En, Ja};

fn spec(panel: &str) -> PanelSpec {
    let group = panel.split('.').next().expect("an id has a group");
    let group = Group::ALL.iter().find(|g| g.id() == group).expect("a built-in group");
    let panels = group.panels();
    let found = panels.iter().find(|p| p.spec.id == panel).expect("a built-in panel");
    found.spec.clone()
}

/// A stat of the catalogue with another goal.
fn written(panel: &str, key: StatKey, goal: Option<Goal>, limit: Option<f64>, value: f64) -> [String; 2] {
    let mut panel = spec(panel);
    let place = panel
        .stats
        .iter()
        .position(|stat| stat.key == key)
        .expect("a stat of the panel");
    panel.stats.iter_mut().for_each(|stat| stat.goal = None);
    panel.stats[place].goal = goal;
    let value = Stat {
        value: Some(value),
        limit,
        ..Stat::default()
    };
    [En, Ja].map(|language| stat(&panel, &panel.stats[place], &value, language).joined(language))
}

#[test]
fn figures_as_the_design_writes_them() {
    use StatKey::*;
    let below = |target| Some(Goal::below(target, None));
    let above = |target| Some(Goal::above(target, None));
    let table = [
        (
            "api.throughput",
            Rate,
            above(1_000.0),
            None,
            1191.2,
            ["1,191 req/s", "1,191req/s"],
        ),
        ("api.latency", P50, below(0.05), None, 0.02936, ["29.4 ms", "29.4ms"]),
        ("api.latency", P99, below(0.2), None, 0.205, ["205 ms", "205ms"]),
        ("api.latency", P95, below(30.0), None, 12.34, ["12.3 s", "12.3s"]),
        ("api.errors", Ratio, below(0.001), None, 0.000_53, ["0.053%", "0.053%"]),
        ("api.errors", Ratio, below(0.001), None, 0.123_45, ["12.3%", "12.3%"]),
        (
            "database.query_time",
            P99,
            below(0.1),
            None,
            0.0668,
            ["66.8 ms", "66.8ms"],
        ),
        (
            "database.connections",
            Last,
            below(40.0),
            Some(50.0),
            24.0,
            ["24 / 50", "24 / 50"],
        ),
        (
            "database.transactions",
            Ratio,
            above(0.99),
            None,
            0.9998,
            ["99.98%", "99.98%"],
        ),
        ("database.transactions", Ratio, None, None, 0.9998, ["99.98%", "99.98%"]),
        ("cache.hit_rate", Ratio, above(0.9), None, 0.885, ["88.5%", "88.5%"]),
        ("cache.hit_rate", Ratio, None, None, 0.999_8, [">99.9%", ">99.9%"]),
        ("cache.hit_rate", Ratio, None, None, 1.0, ["100%", "100%"]),
        (
            "cache.get_time",
            P95,
            below(0.002),
            None,
            0.000_84,
            ["0.84 ms", "0.84ms"],
        ),
        ("cache.size", Last, below(460e6), None, 412e6, ["412 MB", "412MB"]),
        ("cache.size", Last, None, Some(16e9), 7.321e9, ["7.3 GB", "7.3GB"]),
        ("cache.evictions", Rate, None, None, 18.44, ["18.4 /s", "18.4/s"]),
        ("resources.cpu", Last, below(0.3), None, 0.261, ["26.1%", "26.1%"]),
        ("resources.disk_io", Rate, None, None, 18.6e6, ["18.6 MB/s", "18.6MB/s"]),
        ("resources.disk_io", Rate, None, None, 900.0, ["<0.1 MB/s", "<0.1MB/s"]),
        ("resources.load", Last, None, None, 1.519, ["1.52", "1.52"]),
        ("queue.length", Last, below(100.0), None, 12.0, ["12", "12件"]),
        ("queue.run_time", P95, below(10.0), None, 3.42, ["3.42 s", "3.42s"]),
        ("queue.run_time", P95, None, None, 0.031, ["0.03 s", "0.03s"]),
        ("queue.rate", Rate, above(40.0), None, 41.8, ["41.8 /s", "41.8件/s"]),
        ("queue.failures", Count, None, None, 0.0, ["0", "0件"]),
        ("users.apdex", Ratio, above(0.94), None, 0.97, ["0.97", "0.97"]),
    ];
    for (panel, key, goal, limit, value, expected) in table {
        assert_eq!(written(panel, key, goal, limit, value), expected, "{panel} {value}");
    }
}

#[test]
fn distances() {
    let table = [
        (
            "api.throughput",
            StatKey::Rate,
            Goal::above(1_000.0, None),
            1191.2,
            "+19%",
        ),
        ("api.latency", StatKey::P50, Goal::below(0.05, None), 0.0294, "−41%"),
        ("api.latency", StatKey::P99, Goal::below(0.2, None), 0.205, "+3%"),
        ("api.latency", StatKey::P99, Goal::below(0.2, None), 0.2004, "+0.2%"),
        ("api.latency", StatKey::P99, Goal::below(0.2, None), 0.2, "±0%"),
        (
            "cache.hit_rate",
            StatKey::Ratio,
            Goal::above(0.9, None),
            0.885,
            "−1.5 pt",
        ),
        (
            "database.transactions",
            StatKey::Ratio,
            Goal::above(0.99, None),
            0.9998,
            "+0.98 pt",
        ),
        ("resources.cpu", StatKey::Last, Goal::below(0.3, None), 0.261, "−13%"),
        ("users.apdex", StatKey::Ratio, Goal::above(0.94, None), 0.97, "+0.03"),
    ];
    for (panel, key, goal, value, expected) in table {
        let mut panel = spec(panel);
        let place = panel
            .stats
            .iter()
            .position(|stat| stat.key == key)
            .expect("a stat of the panel");
        panel.stats[place].goal = Some(goal);
        let scale = Scale::of_stat(&panel, &panel.stats[place], None);
        assert_eq!(scale.distance(value, &goal), expected, "{} {value}", panel.id);
    }
}

#[test]
fn aims_have_no_trailing_zeros() {
    let latency = Scale::of_stat(&spec("api.latency"), &spec("api.latency").stats[0], None);
    assert_eq!(latency.aim(&Goal::below(0.2, None)), "< 200");
    let apdex = Scale::of_stat(&spec("users.apdex"), &spec("users.apdex").stats[0], None);
    assert_eq!(apdex.aim(&Goal::above(0.94, None)), "≥ 0.94");
    let errors = Scale::of_stat(&spec("api.errors"), &spec("api.errors").stats[0], None);
    assert_eq!(errors.aim(&Goal::below(0.001, None)), "< 0.1");
}

#[test]
fn the_card_of_a_group_writes_a_siblings_stat_as_the_sibling_does() {
    let card = &Group::ALL
        .iter()
        .find(|g| g.id() == "api")
        .expect("there is one")
        .card()
        .spec;
    let errors = card.stats.iter().find(|stat| stat.of.as_deref() == Some("api.errors"));
    let scale = Scale::of_stat(card, errors.expect("the card shows errors"), None);
    assert_eq!(scale.figure(0.000_53), "0.053");
}

#[test]
fn digits() {
    let table = [
        (0.0, 0, "0"),
        (0.0, 2, "0.00"),
        (999.0, 0, "999"),
        (1_000.0, 0, "1,000"),
        (1_234_567.891, 2, "1,234,567.89"),
        (-1.5, 1, "−1.5"),
        (-0.04, 1, "0.0"),
        (1.005, 2, "1.01"),
        (0.285, 2, "0.29"),
        (0.1 + 0.2, 1, "0.3"),
        (1e300, 0, "18,446,744,073,709,551,615"),
        (f64::NAN, 1, MISSING),
        (f64::INFINITY, 1, MISSING),
    ];
    for (value, decimals, expected) in table {
        assert_eq!(fixed(value, decimals), expected);
    }
    assert_eq!(trimmed(0.94, 4), "0.94");
    assert_eq!(trimmed(200.0, 4), "200");
    assert_eq!(number::decimals_of(0.25), 2);
    assert_eq!(number::decimals_of(50.0), 0);
    assert_eq!(number::decimals_of(0.0002), 4);
}

#[test]
fn a_missing_value_has_no_unit() {
    let latency = spec("api.latency");
    let none = stat(&latency, &latency.stats[0], &Stat::default(), En);
    assert_eq!(none.joined(En), "–");
}

#[test]
fn rounding_never_shows_a_hundred_with_decimals() {
    let scale = Scale::of_stat(&spec("api.latency"), &spec("api.latency").stats[0], None);
    assert_eq!(scale.figure(0.099_97), "100");
    assert_eq!(scale.figure(0.099_94), "99.9");
    assert_eq!(scale.tick(0.05, 0.05), "50");
    assert_eq!(scale.tick(0.0005, 0.0005), "0.5");
    assert_eq!(scale.tick(2_500.0, 500.0), "2.5M");
    assert_eq!(scale.tick(0.0, 0.0005), "0");
}

#[test]
fn ages_and_durations() {
    let table = [
        (420, "0.4 s ago", "0.4秒前"),
        (-5, "0.0 s ago", "0.0秒前"),
        (9_990, "9.9 s ago", "9.9秒前"),
        (14_200, "14 s ago", "14秒前"),
        (125_000, "2 min ago", "2分前"),
        (3 * 3_600_000, "3 h ago", "3時間前"),
        (50 * 3_600_000, "2 d ago", "2日前"),
    ];
    for (milliseconds, en, ja) in table {
        assert_eq!(age(milliseconds, En), en);
        assert_eq!(age(milliseconds, Ja), ja);
    }
    let table = [
        (27_000, "27 s", "27秒"),
        (72_000, "1 min 12 s", "1分12秒"),
        (120_000, "2 min", "2分"),
        (3_605_000, "1 h", "1時間"),
        (0, "0 s", "0秒"),
    ];
    for (milliseconds, en, ja) in table {
        assert_eq!(duration(milliseconds, En), en);
        assert_eq!(duration(milliseconds, Ja), ja);
    }
}

#[test]
fn captions_and_buckets() {
    let text = Text::new("応答時間", "Response time");
    assert_eq!(caption(&text, "ms", En), "Response time, ms");
    assert_eq!(caption(&text, "ms", Ja), "応答時間（ms）");
    assert_eq!(caption(&text, "", Ja), "応答時間");
    let scale = Scale::of_stat(&spec("api.latency"), &spec("api.latency").stats[0], None);
    assert_eq!(bucket(&scale, (0.1, Some(0.25)), En), "100–250 ms");
    assert_eq!(bucket(&scale, (10.0, None), Ja), "> 10,000ms");
}

#[test]
fn gauges() {
    let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
    let latency = gauge(Some(0.205), Some(&Goal::below(0.2, None)), None).expect("a gauge");
    assert!(near(latency.fill, 0.205 / 0.3) && near(latency.good.1, 2.0 / 3.0));
    let pool = gauge(Some(24.0), Some(&Goal::below(40.0, None)), Some(50.0)).expect("a gauge");
    assert!(near(pool.fill, 0.48) && pool.notch.is_some_and(|notch| near(notch, 0.8)));
    let errors = gauge(Some(0.000_53), Some(&Goal::below(0.001, None)), Some(1.0)).expect("a gauge");
    assert!(near(errors.fill, 0.53 / 1.5));
    let success = gauge(Some(0.9998), Some(&Goal::above(0.99, None)), Some(1.0)).expect("a gauge");
    assert!(success.fill < 0.02 && near(success.good.0, 0.0));
    let hits = gauge(Some(0.885), Some(&Goal::above(0.9, None)), Some(1.0)).expect("a gauge");
    assert!(near(hits.fill, 0.885) && near(hits.good.0, 0.9));
    assert_eq!(gauge(Some(1.0), None, None), None);
    assert_eq!(gauge(None, None, Some(1.0)), None);
}

//! Panels of metrics, and the search for them, against a real store.

use keiki_model::panel::ChartKind;
use keiki_model::series::{Kind, Labels, SERVICE_NAME, Sample, Series, Value};
use keiki_model::unit::Unit;
use keiki_model::view::Item;

use super::*;
use crate::store::history::HistorySettings;
use crate::store::{Limits, SourceClass, SourceId};

/// Name, the name under which it came, labels.
type Told<'a> = (&'a str, Option<&'a str>, &'a [(&'a str, &'a str)]);

fn catalogue(series: &[Told<'_>]) -> Catalogue {
    let store = Store::new(Limits::default());
    let source = SourceId::new("shop", SourceClass::Scrape);
    let samples = series.iter().map(|(name, origin, labels)| {
        let labels = Labels::new(labels.iter().copied()).with(SERVICE_NAME, "shop");
        let kind = if name.ends_with("_total") {
            Kind::Counter
        } else {
            Kind::Gauge
        };
        let series = Series::read_as(*name, origin.map(Into::into), labels, kind, None);
        Sample {
            series,
            time: 1_000,
            value: Value::Number(1.0),
        }
    });
    store.append(&source, samples.collect(), 1_000);
    Catalogue::new(Vec::new(), store)
}

#[test]
fn a_metric_is_a_panel_of_what_tells_its_series_apart() {
    let all = catalogue(&[
        ("shop_orders_total", None, &[("status", "paid"), ("shop", "a")]),
        ("shop_orders_total", None, &[("status", "open"), ("shop", "a")]),
        ("shop_stock_bytes", None, &[]),
    ]);
    let orders = all.panel("explore.shop_orders_total").expect("it is there");
    assert_eq!(
        (orders.spec.chart, orders.spec.unit),
        (ChartKind::Line, Unit::PerSecond)
    );
    assert_eq!(orders.spec.naming, ["status"]);
    let by_shop = all.panel("explore.shop_orders_total~shop").expect("it is there");
    assert_eq!(
        (by_shop.spec.id.as_str(), &by_shop.spec.naming[..]),
        ("explore.shop_orders_total~shop", &["shop".to_owned()][..])
    );
    assert_eq!(
        all.panel("explore.shop_stock_bytes").expect("it is there").spec.unit,
        Unit::Bytes
    );
    for missing in ["explore.", "explore.nothing", "explore", "shop.orders", "api.nothing"] {
        assert!(all.panel(missing).is_none(), "{missing}");
    }
    let knows = |text: &str| all.knows(&text.parse::<Item>().expect("a view").view);
    assert!(
        knows("panel:explore.shop_orders_total~shop@1")
            && knows("panel:api.latency@1")
            && !knows("panel:api.nothing@1")
    );
}

#[test]
fn a_metric_that_nobody_knows_is_told_in_the_size_that_it_has() {
    use keiki_model::format::Scale;
    use keiki_model::text::Language;

    let store = Store::new(Limits::default());
    let source = SourceId::new("shop", SourceClass::Scrape);
    let told = |name: &str, kind, values: [f64; 2]| {
        let series = Series::new(name, Labels::new([(SERVICE_NAME, "shop")]), kind, None);
        for (time, value) in [(1_000, values[0]), (11_000, values[1])] {
            store.append(&source, vec![Sample::number(&series, time, value)], time);
        }
        let all = Catalogue::new(Vec::new(), store.clone());
        let panel = all
            .panel(&["explore.", name].concat())
            .expect("it is there")
            .into_owned();
        let (stat, values) = (&panel.spec.stats[0], values[1]);
        let scale = Scale::of_stat(&panel.spec, stat, None);
        [
            scale.format(Some(values), Language::En).figure,
            scale.unit(Language::En).to_owned(),
        ]
        .join(" ")
    };
    let gauge = Kind::Gauge;
    assert_eq!(told("uptime_seconds", gauge, [3_590.0, 3_600.0]), "3,600 s");
    assert_eq!(told("pause_seconds", gauge, [0.001, 0.0015]), "1.50 ms");
    assert_eq!(told("stock_bytes", gauge, [1e3, 4_200.0]), "4.20 kB");
    assert_eq!(told("workers", gauge, [3.0, 4.0]), "4 ");
    assert_eq!(told("voltage", gauge, [1.5, 1.25]), "1.25 ");
    assert_eq!(told("busy_seconds_total", Kind::Counter, [1.0, 4.5]), "4.500 ", "cores");
    // Of one that is gone there is nothing to know.
    let all = catalogue(&[]);
    assert!(all.panel("explore.gone").is_none());
    let gone = all.shown("explore.gone").expect("an empty panel").into_owned();
    assert_eq!((gone.spec.id.as_str(), gone.spec.magnitude), ("explore.gone", None));
    assert!(all.shown("api.nothing").is_none());
}

#[test]
fn a_value_beside_a_power_of_ten_does_not_make_the_unit_jump() {
    let sizes = explore::Sizes::default();
    let found =
        [950.0, 1_001.0, 999.0, 600.0, 1_000.0, 499.0, 600.0, 20_000.0].map(|largest| sizes.settle("m", largest));
    assert_eq!(
        found,
        [100.0, 1_000.0, 1_000.0, 1_000.0, 1_000.0, 100.0, 100.0, 10_000.0]
    );
    assert_eq!(sizes.settle("other", 999.0), 100.0);
}

/// What an explored panel offers for the configuration is read by it, and shows the same.
#[test]
fn the_lines_to_keep_make_the_same_panel() {
    let all = catalogue(&[
        ("shop_orders_total", None, &[("status", "paid")]),
        ("shop_orders_total", None, &[("status", "open")]),
        ("shop_load", None, &[]),
    ]);
    for id in ["explore.shop_orders_total", "explore.shop_load"] {
        let explored = all.panel(id).expect("it is there").into_owned();
        let overrides = crate::config::Overrides::default();
        let config = crate::config::Config::parse("keiki.toml", &explored.spec.feed.lines, overrides, []);
        let kept = config.expect("the lines are right").panels.remove(0);
        let drawn = |panel: &Panel| panel.lines.iter().map(|line| line.query.clone()).collect::<Vec<_>>();
        assert_eq!(
            (drawn(&kept), kept.spec.unit),
            (drawn(&explored), explored.spec.unit),
            "{id}"
        );
    }
}

#[test]
fn metrics_are_found_by_name_label_and_source() {
    let all = catalogue(&[
        (
            "http_server_requests_total",
            Some("api_calls_total"),
            &[("http_route", "/cart")],
        ),
        ("shop_orders_total", None, &[("status", "paid"), ("region", "EU")]),
        ("shop_orders_total", None, &[("status", "open")]),
        ("shop_load", None, &[]),
    ]);
    let names = |words: &str, unseen| {
        let found = all.find(words, unseen).found;
        found.into_iter().map(|one| one.metric).collect::<Vec<_>>()
    };
    let every = [
        "api_calls_total",
        "http_server_requests_total",
        "shop_load",
        "shop_orders_total",
    ];
    assert_eq!(names("", false), every);
    assert_eq!(names("", true), ["shop_load", "shop_orders_total"]);
    assert_eq!(names("Orders", false), ["shop_orders_total"]);
    assert_eq!(names("shop eu", false), ["shop_orders_total"]);
    assert_eq!(
        names("http_route /cart", false),
        ["api_calls_total", "http_server_requests_total"]
    );
    assert_eq!(names("nothing", false), Vec::<String>::new());
    let calls = &all.find("api_calls", false).found[0];
    assert_eq!(calls.read_as.as_deref(), Some("http_server_requests_total"));
    assert!(calls.groups.contains("api"));
    let orders = &all.find("orders", false).found[0];
    assert_eq!(orders.labels, [("region".to_owned(), 2), ("status".to_owned(), 2)]);
    assert_eq!((orders.series, all.find("orders", false).all), (2, 4));
}

#[test]
fn what_only_the_history_holds_is_found_and_drawn() {
    const HOUR: i64 = 3_600_000;
    let folder = tempfile::tempdir().expect("a folder");
    let began = 500_000 * HOUR;
    let settings = HistorySettings::new(folder.path());
    let store = Store::open(Limits::default(), &SourceClass::ALL, settings, began).expect("a new history");
    let source = SourceId::new("shop", SourceClass::Scrape);
    let series = |name| Series::new(name, Labels::new([(SERVICE_NAME, "shop")]), Kind::Gauge, None);
    let (ended, lives) = (series("shop_ended"), series("shop_lives"));
    for second in (0..2_400).step_by(10) {
        let time = began + second * 1_000;
        let mut samples = vec![Sample::number(&lives, time, 1.0)];
        samples.extend((second < 600).then(|| Sample::number(&ended, time, 1.0)));
        store.append(&source, samples, time);
        while store.tend(time) {}
    }
    assert_eq!(store.stats().series, 1, "its ring is gone");
    let all = Catalogue::new(Vec::new(), store);
    let found = all.find("shop_", false);
    let told: Vec<_> = found
        .found
        .iter()
        .map(|one| (one.metric.as_str(), one.series, one.last))
        .collect();
    assert_eq!(
        told,
        [("shop_ended", 1, Some(began + 590_000)), ("shop_lives", 1, None)]
    );
    assert_eq!((found.all, all.find("shop ended", true).fitting), (2, 1));
    assert!(all.panel("explore.shop_ended").is_some());
    assert!(all.panel("explore.shop_never").is_none());
}

#[test]
fn what_is_read_as_another_metric_has_its_unit() {
    let all = catalogue(&[
        ("http_server_request_duration_seconds", Some("http_ms"), &[]),
        ("cpu_busy_ratio", Some("cpu_ticks_total"), &[("n", "derived")]),
        ("cpu_ticks_total", None, &[("cpu", "0")]),
        ("cpu_ticks_total", None, &[("cpu", "1")]),
    ]);
    let panel = all.panel("explore.http_ms").expect("it is there").into_owned();
    assert_eq!(panel.spec.unit, keiki_model::unit::Unit::Seconds);
    assert!(
        panel
            .spec
            .help
            .en
            .contains("read as http_server_request_duration_seconds")
    );
    assert!(
        panel
            .spec
            .feed
            .lines
            .contains("metric = \"http_server_request_duration_seconds\"")
    );
    let counter = all.panel("explore.cpu_ticks_total").expect("it is there").into_owned();
    assert_eq!(counter.stats.len(), 1, "the counter, and not what is computed of it");
}

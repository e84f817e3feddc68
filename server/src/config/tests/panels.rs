//! `[[panel]]`: what becomes of it, and what is said of one that can't be.

use keiki_model::group::build::{all, rate};
use keiki_model::panel::{ChartKind, StatKey};
use keiki_model::query::Query;
use keiki_model::text::Language;
use keiki_model::unit::Unit;

use super::{complaint, parse};

/// The table of a panel, with more lines.
fn own_panel(more: &str) -> String {
    format!("[[panel]]\nid = \"api.orders\"\ntitle = \"Orders\"\nmetric = \"shop_orders_total\"\n{more}")
}

#[test]
fn a_panel_of_ones_own_is_whole() {
    let config = parse(&own_panel(
        "title_ja = \"注文\"\nby = [\"status\"]\nwhere = [\"region=eu-*\", \"test!=yes\"]",
    ))
    .expect("it is right");
    let [panel] = &config.panels[..] else {
        panic!("{:?}", config.panels)
    };
    let spec = &panel.spec;
    let chosen = all("shop_orders_total")
        .starts_with("region", "eu-")
        .is_not("test", &["yes"]);
    assert_eq!(
        (spec.group.as_str(), spec.unit, spec.chart),
        ("api", Unit::PerSecond, ChartKind::Line)
    );
    assert_eq!(
        (spec.title.get(Language::Ja), spec.title.get(Language::En)),
        ("注文", "Orders")
    );
    assert_eq!(panel.lines[0].query, rate(&chosen).by(&["status"]));
    assert_eq!((spec.stats[0].key, &panel.stats[0]), (StatKey::Rate, &rate(&chosen)));

    let share = parse(&own_panel("divided_by = \"shop_visits_total\""))
        .expect("it is right")
        .panels
        .remove(0);
    assert_eq!(
        (share.spec.unit, share.spec.stats[0].key),
        (Unit::Ratio, StatKey::Ratio)
    );
    assert_eq!(
        share.stats[0],
        Query::ratio(rate(&all("shop_orders_total")), rate(&all("shop_visits_total")))
    );

    let table = parse(&own_panel(
        "chart = \"table\"\nby = [\"shop\"]\nshow = [\"rate\", \"increase\"]\ntop = 20",
    ))
    .expect("it is right")
    .panels
    .remove(0);
    let columns: Vec<_> = table
        .spec
        .columns
        .iter()
        .map(|column| (column.key, column.unit))
        .collect();
    assert_eq!(
        columns,
        [(StatKey::Rate, Unit::PerSecond), (StatKey::Total, Unit::Count)]
    );
    assert_eq!(table.table.map(|table| table.rows), Some(20));

    let latency = "[[panel]]\nid = \"queue.mail\"\ntitle = \"Mail\"\nmetric = \"mail_duration_seconds\"\nshow = [\"p50\", \"p99\", \"rate\"]";
    let latency = parse(latency).expect("it is right").panels.remove(0);
    let units: Vec<_> = latency.spec.stats.iter().map(|stat| stat.unit).collect();
    assert_eq!(
        (latency.lines.len(), units),
        (3, vec![Unit::Seconds, Unit::Seconds, Unit::PerSecond])
    );
}

#[test]
fn a_panel_that_can_not_be_says_why() {
    for (wrong, why) in [
        ("[[panel]]", "[[panel]] needs a id"),
        ("[[panel]]\nid = \"shop.orders\"", "\"shop\" is no group"),
        ("[[panel]]\nid = \"api.Orders\"", "is no id of a panel"),
        ("[[panel]]\nid = \"api.latency\"", "is a panel of Keiki's own"),
        (
            "[[panel]]\nid = \"api.orders\"\ntitle = \"a\"",
            "[[panel]] needs a metric",
        ),
        (
            &own_panel("show = [\"median\"]"),
            "no such word \"median\": write one of last, mean",
        ),
        (
            &own_panel("chart = \"lines\""),
            "no such word \"lines\": write \"line\"",
        ),
        (&own_panel("unit = \"ms\""), "write one of seconds, bytes"),
        (&own_panel("where = [\"status\"]"), "is no condition"),
        (&own_panel("where = [\"status!=2*\"]"), "is no condition"),
        (&own_panel("show = [\"rate\", \"rate\"]"), "the same figure twice"),
        (
            &own_panel("show = [\"p95\"]\ndivided_by = \"b\""),
            "a share is of two rates",
        ),
        (&own_panel("chart = \"table\""), "a row for each value of a label"),
        (
            &own_panel("chart = \"heat\"\nby = [\"a\"]"),
            "a heat map is of all series",
        ),
        (&(own_panel("") + &own_panel("")), "a second [[panel]]"),
    ] {
        let told = complaint(wrong);
        assert!(told.contains(why) && told.contains("keiki.toml:"), "{wrong}\n{told}");
    }
}

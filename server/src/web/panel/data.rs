//! A panel's points as JSON and as CSV (RFC 4180).
//!
//! Labels are other people's text. In JSON they are strings; in CSV they are part of the header, in the way Prometheus
//! writes them, and always behind the panel's id: no field can begin with a character that spreadsheets take for a
//! formula.

use keiki_model::panel::{PanelSnapshot, SeriesPoints, Stat, StatKey};
use keiki_model::series::Labels;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::own_stats;

#[derive(Serialize)]
struct Panel<'a> {
    panel: &'a str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Error<'a>>,
    unit: keiki_model::unit::Unit,
    from: i64,
    to: i64,
    step: u32,
    series: Vec<Line<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    before: Vec<Line<'a>>,
    stats: Stats,
}

/// Why there are no data.
#[derive(Serialize)]
struct Error<'a> {
    source: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<i64>,
}

#[derive(Serialize)]
struct Line<'a> {
    labels: &'a Labels,
    points: Vec<(i64, Option<f64>)>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    min: &'a [Option<f64>],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    max: &'a [Option<f64>],
    stats: Stats,
}

/// Values by their keys, in the order of the panel.
struct Stats(Vec<(StatKey, Option<f64>)>);

impl Serialize for Stats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key.as_str(), value)?;
        }
        map.end()
    }
}

/// `{"panel", "state", "error": {"source", "message", "since"}, "unit", "from", "to", "step", "series": [{"labels", "points": [[unix_ms,
/// value|null], …], "min": [value|null, …], "max", "stats"}], "before": as "series", "stats"}`. `error` is there where the
/// state is `error`, or where a live one lacks one of several sources, and its `since`, Unix milliseconds, where a source has failed since then; `min` and `max` where slots of the past hold more than one value; `before` where it is asked for by
/// `compare`, with the times of the slots beside which it stands.
pub(super) fn json(panel: &PanelSnapshot) -> String {
    let body = Panel {
        panel: &panel.spec.id,
        state: panel.state.as_str(),
        error: panel.failure.as_ref().map(|failure| Error {
            source: &failure.source,
            message: &failure.message.en,
            since: failure.since,
        }),
        unit: panel.spec.unit,
        from: panel.from(),
        to: panel.to,
        step: panel.step,
        series: lines(panel, &panel.series),
        before: lines(panel, &panel.before),
        stats: Stats(own_stats(panel).map(|(key, stat)| (key, stat.value)).collect()),
    };
    // Maps with string keys and finite numbers always have a JSON form.
    serde_json::to_string(&body).unwrap_or_default()
}

fn lines<'a>(panel: &'a PanelSnapshot, all: &'a [SeriesPoints]) -> Vec<Line<'a>> {
    let line = |series: &'a SeriesPoints| {
        let points = series.points.iter().enumerate();
        Line {
            labels: &series.labels,
            points: points.map(|(slot, value)| (panel.slot_time(slot), *value)).collect(),
            min: &series.min,
            max: &series.max,
            stats: row_of(panel, &series.labels),
        }
    };
    all.iter().map(line).collect()
}

/// A series of a table is the sparkline of a row, whose cells are its stats.
fn row_of(panel: &PanelSnapshot, labels: &Labels) -> Stats {
    let row = panel.rows.iter().find(|row| row.labels == *labels);
    let cells: &[Stat] = row.map_or(&[], |row| &row.cells);
    Stats(
        panel
            .spec
            .columns
            .iter()
            .zip(cells)
            .map(|(column, cell)| (column.key, cell.value))
            .collect(),
    )
}

/// A header, then a line per slot: its time, and a value per series or nothing. After a series stand its extremes, where it
/// has any, and at the end what it is compared with.
pub(super) fn csv(panel: &PanelSnapshot) -> String {
    let mut columns: Vec<(String, &[Option<f64>])> = Vec::new();
    for series in &panel.series {
        let name = [&panel.spec.id, series.labels.to_string().as_str()].concat();
        columns.push((name.clone(), &series.points));
        for (extreme, values) in [("min", &series.min), ("max", &series.max)] {
            if !values.is_empty() {
                columns.push(([&name, " ", extreme].concat(), values));
            }
        }
    }
    for series in &panel.before {
        let name = [&panel.spec.id, series.labels.to_string().as_str(), " before"].concat();
        columns.push((name, &series.points));
    }
    let mut out = String::from("unix_ms");
    for (name, _) in &columns {
        out.push(',');
        field(&mut out, name);
    }
    for slot in 0..panel.slots as usize {
        out.push_str("\r\n");
        out.push_str(&panel.slot_time(slot).to_string());
        for (_, values) in &columns {
            out.push(',');
            if let Some(Some(value)) = values.get(slot) {
                out.push_str(&value.to_string());
            }
        }
    }
    out.push_str("\r\n");
    out
}

/// Quotes what is not plain.
fn field(out: &mut String, text: &str) {
    let plain =
        !text.starts_with(['=', '+', '-', '@']) && text.chars().all(|c| !c.is_control() && c != '"' && c != ',');
    if plain {
        out.push_str(text);
        return;
    }
    out.push('"');
    out.push_str(&text.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use keiki_model::panel::{Row, State};

    use super::*;

    fn panel(labels: &[Labels]) -> PanelSnapshot {
        let spec = keiki_model::group::panel("api.latency").map(|panel| panel.spec.clone());
        let spec = spec.expect("the panel is in the catalogue");
        let stats = vec![
            Stat {
                value: Some(0.5),
                ..Stat::default()
            };
            spec.stats.len()
        ];
        PanelSnapshot {
            spec: spec.into(),
            state: State::Live,
            status: None,
            itself: false,
            interval_ms: 1_000,
            newest: None,
            step: 3,
            to: 9_000,
            slots: 3,
            series: labels
                .iter()
                .map(|labels| SeriesPoints::new(labels.clone(), vec![Some(0.0125), None, Some(3.0)]))
                .collect(),
            before: Vec::new(),
            rows: Vec::new(),
            stats,
            failure: None,
        }
    }

    fn nasty() -> Vec<Labels> {
        ["</script>", "a\"b,c", "=1+1", "line\nbreak\r\u{1}", "計\\器"]
            .map(|value| Labels::new([("x", value)]))
            .to_vec()
    }

    #[test]
    fn json_is_the_contract() {
        let text = json(&panel(&[Labels::new([("stat", "p95")])]));
        let start = r#"{"panel":"api.latency","state":"live","unit":"seconds","from":0,"to":9000,"step":3,"series":[{"labels":{"stat":"p95"},"points":[[0,0.0125],[3000,null],[6000,3.0]],"stats":{}}],"stats":{"#;
        assert!(text.starts_with(start), "{text}");
        assert!(text.contains("\"p95\":0.5"), "{text}");
        let value: serde_json::Value = serde_json::from_str(&json(&panel(&nasty()))).unwrap();
        for (series, labels) in value["series"].as_array().unwrap().iter().zip(nasty()) {
            assert_eq!(series["labels"]["x"], labels.get("x").unwrap());
        }
    }

    #[test]
    fn json_of_a_panel_in_error_says_why() {
        let failing = PanelSnapshot {
            state: State::Error,
            failure: Some(keiki_model::panel::Failure {
                source: "postgres:shop".to_owned(),
                message: keiki_model::text::Text::same("Connection refused"),
                since: None,
                next_attempt: None,
            }),
            ..panel(&[])
        };
        let value: serde_json::Value = serde_json::from_str(&json(&failing)).unwrap();
        assert_eq!(value["state"], "error");
        assert_eq!(
            value["error"],
            serde_json::json!({ "source": "postgres:shop", "message": "Connection refused" })
        );
    }

    #[test]
    fn csv_is_the_contract() {
        let text = csv(&panel(&[Labels::none(), Labels::new([("stat", "p95")])]));
        assert_eq!(
            text,
            "unix_ms,api.latency,\"api.latency{stat=\"\"p95\"\"}\"\r\n\
             0,0.0125,0.0125\r\n3000,,\r\n6000,3,3\r\n"
        );
        assert_eq!(csv(&panel(&[])), "unix_ms\r\n0\r\n3000\r\n6000\r\n");
    }

    #[test]
    fn extremes_and_what_is_compared_are_told() {
        let mut panel = panel(&[Labels::none()]);
        panel.series[0].min = vec![Some(0.01), None, Some(2.0)];
        panel.series[0].max = vec![Some(0.02), None, Some(4.0)];
        panel.before = vec![SeriesPoints::new(Labels::none(), vec![None, Some(1.0), None])];
        assert_eq!(
            csv(&panel),
            "unix_ms,api.latency,api.latency min,api.latency max,api.latency before\r\n\
             0,0.0125,0.01,0.02,\r\n3000,,,,1\r\n6000,3,2,4,\r\n"
        );
        let value: serde_json::Value = serde_json::from_str(&json(&panel)).unwrap();
        assert_eq!(value["series"][0]["max"], serde_json::json!([0.02, null, 4.0]));
        assert_eq!(
            value["before"][0]["points"],
            serde_json::json!([[0, null], [3000, 1.0], [6000, null]])
        );
    }

    #[test]
    fn csv_holds_any_label() {
        let text = csv(&panel(&nasty()));
        let header = text.split("\r\n0,").next().unwrap();
        assert_eq!(
            header,
            "unix_ms,\"api.latency{x=\"\"</script>\"\"}\",\"api.latency{x=\"\"a\\\"\"b,c\"\"}\",\
             \"api.latency{x=\"\"=1+1\"\"}\",\"api.latency{x=\"\"line\\nbreak\r\u{1}\"\"}\",\
             \"api.latency{x=\"\"計\\\\器\"\"}\""
        );
        let mut formula = String::new();
        field(&mut formula, "=1+1");
        assert_eq!(formula, "\"=1+1\"");
    }

    #[test]
    fn a_row_gives_its_series_stats() {
        let labels = Labels::new([("http_route", "/a")]);
        let mut panel = panel(std::slice::from_ref(&labels));
        let table = keiki_model::group::Group::ALL
            .iter()
            .flat_map(|group| group.panels())
            .find(|panel| !panel.spec.columns.is_empty())
            .expect("some panel is a table");
        panel.spec = table.spec.clone().into();
        let cells = vec![
            Stat {
                value: Some(2.0),
                ..Stat::default()
            };
            panel.spec.columns.len()
        ];
        panel.rows = vec![Row { labels, cells }];
        let value: serde_json::Value = serde_json::from_str(&json(&panel)).unwrap();
        assert_eq!(value["series"][0]["stats"][panel.spec.columns[0].key.as_str()], 2.0);
    }
}

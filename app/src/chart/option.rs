//! What ECharts is to draw, as far as no tick, colour or size changes it. charming writes it on the server, where its types
//! guard the words, and it lies in the document as JSON: in the WASM its serialisers would weigh 20 KB.

/// The id of the document's element that holds the options: by the kind of chart, an object of the two below.
pub const OPTIONS: &str = "options";
/// Of the options of a kind: the plot without data.
pub const FRAME: &str = "frame";
/// Of the options of a kind: a series without data and colours.
pub const SERIES: &str = "series";

#[cfg(feature = "ssr")]
pub use self::written::json;

#[cfg(feature = "ssr")]
mod written {
    use std::sync::LazyLock;

    use charming::Chart;
    use charming::component::{Axis, Grid};
    use charming::element::{AreaStyle, AxisPointer, AxisPointerType, AxisType, Symbol, Tooltip, Trigger};
    use charming::series::{Bar, Heatmap, Line, Series};
    use keiki_model::panel::ChartKind;
    use serde_json::{Value, json, map::Map};

    use super::{FRAME, SERIES};
    use crate::chart::BLEED;

    /// The options of every kind that is drawn on a canvas.
    pub fn json() -> &'static str {
        static JSON: LazyLock<String> = LazyLock::new(|| {
            let kinds = ChartKind::ALL.into_iter().filter(|kind| kind.is_drawn());
            let of = |kind: ChartKind| {
                (
                    kind.as_str().to_owned(),
                    json!({ FRAME: frame(kind), SERIES: series(kind) }),
                )
            };
            Value::Object(kinds.map(of).collect::<Map<_, _>>()).to_string()
        });
        &JSON
    }

    /// The plot without data. Axes are hidden: the frame around the data has them. So is the tooltip's pointer.
    fn frame(kind: ChartKind) -> Value {
        let heat = kind == ChartKind::Heat;
        let axis = || match heat {
            true => Axis::new().type_(AxisType::Category).show(false),
            false => Axis::new().type_(AxisType::Value).show(false).min(0).max(1),
        };
        let tooltip = Tooltip::new()
            .trigger(if heat { Trigger::Item } else { Trigger::Axis })
            .axis_pointer(AxisPointer::new().type_(AxisPointerType::None).animation(false))
            .border_width(1)
            .padding((6, 10, 5, 10));
        let chart = Chart::new()
            .animation(false)
            .grid(Grid::new().left(BLEED).right(BLEED).top(BLEED).bottom(BLEED))
            .x_axis(axis())
            .y_axis(axis())
            .tooltip(tooltip);
        // What charming has no word for.
        let more = json!({
            "stateAnimation": { "duration": 0 },
            "tooltip": {
                "renderMode": "richText", "confine": true, "transitionDuration": 0, "showDelay": 0, "hideDelay": 0,
                "borderRadius": 3,
            },
        });
        let frame = with(json!(chart), more);
        // A heat map is one series for good; lines and bars come and go.
        match heat {
            true => with(frame, json!({ "series": [series(kind)] })),
            false => frame,
        }
    }

    /// A series without data and colours.
    fn series(kind: ChartKind) -> Value {
        let line = || {
            Line::new()
                .symbol(Symbol::Circle)
                .symbol_size(3)
                .show_symbol(false)
                .silent(true)
        };
        let series: Series = match kind {
            ChartKind::Bar => Bar::new().stack("bars").into(),
            ChartKind::Heat => Heatmap::new().into(),
            ChartKind::Area => line().area_style(AreaStyle::new()).into(),
            ChartKind::StackedArea => line().area_style(AreaStyle::new()).stack("areas").into(),
            _ => line().into(),
        };
        // What charming has no word for. Bars are cut at the plot's edge; a line's stroke is not.
        let more = match kind {
            ChartKind::Heat => json!({ "progressive": 0, "dimensions": ["x", "y", "level"] }),
            ChartKind::Bar => json!({ "clip": true }),
            _ => json!({ "clip": false }),
        };
        with(with(json!(series), more), json!({ "emphasis": { "disabled": true } }))
    }

    /// An object with the fields of another put into it.
    fn with(mut object: Value, more: Value) -> Value {
        if let (Value::Object(fields), Value::Object(more)) = (&mut object, more) {
            for (key, value) in more {
                let before = fields.remove(&key).unwrap_or_else(|| Value::Object(Map::new()));
                let value = if before.is_object() && value.is_object() {
                    with(before, value)
                } else {
                    value
                };
                fields.insert(key, value);
            }
        }
        object
    }
}

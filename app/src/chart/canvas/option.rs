//! ECharts' option: what charming wrote on the server, what the look changes, and the cells of a heat map.

use js_sys::{Float64Array, Object, Reflect};
use keiki_model::chart::{ChartModel, Heat};
use keiki_model::panel::ChartKind;
use leptos::prelude::document;
use wasm_bindgen::{JsCast, JsValue};

use super::super::BLEED;
use super::super::echarts::{array, object, set};
use super::super::option::{FRAME, OPTIONS, SERIES};
use super::look::Look;

/// The page's options.
pub(super) struct Options {
    /// The plot without data.
    pub(super) frame: JsValue,
    /// A series without data and colours.
    series: JsValue,
}

impl Options {
    /// Whether the page has options.
    pub(super) fn there() -> bool {
        Self::of(ChartKind::Line).is_some_and(|options| options.frame.is_object())
    }

    /// Those of a kind of chart; `None` where the page has none.
    pub(super) fn of(kind: ChartKind) -> Option<Self> {
        let json = document().get_element_by_id(OPTIONS)?.text_content()?;
        let all = js_sys::JSON::parse(&json).ok()?;
        let mine = Reflect::get(&all, &kind.as_str().into()).ok()?;
        Some(Self {
            frame: Reflect::get(&mine, &FRAME.into()).ok()?,
            series: Reflect::get(&mine, &SERIES.into()).ok()?,
        })
    }

    /// The series in their colours, without data.
    pub(super) fn series(&self, model: &ChartModel, look: &Look) -> JsValue {
        let series = model.series.iter().map(|series| {
            let style = look.style(series.class);
            let colour = JsValue::from(style.colour.as_str());
            let width = if series.outlined { style.line } else { 0.0 };
            let styled = object([
                ("itemStyle", object([("color", colour.clone())])),
                (
                    "lineStyle",
                    object([
                        ("color", colour.clone()),
                        ("width", width.into()),
                        ("cap", "round".into()),
                        ("join", "round".into()),
                    ]),
                ),
            ]);
            // Where there is an area it has its own colour; where there is none, naming it would make one.
            if matches!(model.kind, ChartKind::Area | ChartKind::StackedArea) {
                let area = object([("color", colour), ("opacity", style.area.into())]);
                set(&styled, "areaStyle", &area);
            }
            let plain = Object::assign(&Object::new(), self.series.unchecked_ref::<Object>());
            Object::assign(&plain, styled.unchecked_ref::<Object>()).into()
        });
        object([("series", array(series))])
    }
}

/// What the look changes besides the series: the tooltip's colours, and those of a heat map.
pub(super) fn colours(look: &Look) -> JsValue {
    let tooltip = object([
        ("backgroundColor", look.raised.as_str().into()),
        ("borderColor", look.edge.as_str().into()),
        ("textStyle", object([("color", look.ink.as_str().into())])),
    ]);
    if look.heat.is_empty() {
        return object([("tooltip", tooltip)]);
    }
    let pieces = (1..)
        .zip(&look.heat)
        .map(|(level, colour)| object([("value", JsValue::from(level)), ("color", colour.as_str().into())]));
    let map = object([
        ("type", "piecewise".into()),
        ("show", false.into()),
        ("dimension", 2.into()),
        ("pieces", array(pieces)),
    ]);
    object([("tooltip", tooltip), ("visualMap", map)])
}

/// The cells of a heat map. Its columns stand at round times and travel, the plot with them.
pub(super) fn cells(heat: &Heat, column: f64, (width, height): (f64, f64)) -> JsValue {
    let (plot_width, plot_height) = (width - 2.0 * BLEED, height - 2.0 * BLEED);
    let names =
        |count: usize| array((0..count).map(|place| JsValue::from(f64::from(u32::try_from(place).unwrap_or(0)))));
    let length = f64::from(u32::try_from(heat.columns).unwrap_or(0)) * column * plot_width;
    let grid = object([
        ("left", (BLEED + heat.offset * plot_width).into()),
        ("width", length.into()),
        ("top", BLEED.into()),
        ("height", plot_height.into()),
    ]);
    let whole = |number: usize| f64::from(u32::try_from(number).unwrap_or(0));
    let mut data = Vec::with_capacity(heat.cells.len() * 3);
    for cell in &heat.cells {
        data.extend([whole(cell.column), whole(cell.row), f64::from(cell.level)]);
    }
    let data = object([("data", Float64Array::from(data.as_slice()).into())]);
    object([
        ("grid", grid),
        ("xAxis", object([("data", names(heat.columns))])),
        ("yAxis", object([("data", names(heat.rows))])),
        ("series", array([data])),
    ])
}

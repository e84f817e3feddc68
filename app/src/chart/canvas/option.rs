//! ECharts' option: what never changes, what the look changes, and the cells of a heat map.

use charming::Chart;
use charming::component::{Axis, Grid};
use charming::element::{AreaStyle, AxisType, ItemStyle, LineStyle, Symbol};
use charming::series::{Bar, Heatmap, Line};
use js_sys::Float64Array;
use keiki_model::chart::{ChartModel, Heat};
use keiki_model::panel::ChartKind;
use wasm_bindgen::JsValue;

use super::super::echarts::{array, object};
use super::BLEED;
use super::look::Look;

/// The classes of a heat map's colours.
pub(super) const HEAT: [&str; 8] = [
    "heat-1", "heat-2", "heat-3", "heat-4", "heat-5", "heat-6", "heat-7", "heat-8",
];

/// The plot without data.
pub(super) fn frame(kind: ChartKind) -> Chart {
    let axis = || match kind {
        ChartKind::Heat => Axis::new().type_(AxisType::Category).show(false),
        _ => Axis::new().type_(AxisType::Value).show(false).min(0).max(1),
    };
    let grid = Grid::new().left(BLEED).right(BLEED).top(BLEED).bottom(BLEED);
    let chart = Chart::new().animation(false).grid(grid).x_axis(axis()).y_axis(axis());
    match kind {
        ChartKind::Heat => chart.series(Heatmap::new()),
        _ => chart,
    }
}

/// The series in their colours, without data.
pub(super) fn series(model: &ChartModel, look: &Look) -> Chart {
    let mut chart = Chart::new();
    for series in &model.series {
        let style = look.style(series.class);
        let item = ItemStyle::new().color(style.colour.as_str());
        if model.kind == ChartKind::Bar {
            chart = chart.series(Bar::new().stack("bars").item_style(item));
            continue;
        }
        let width = if series.outlined { style.line } else { 0.0 };
        let mut line = Line::new()
            .symbol(Symbol::Circle)
            .symbol_size(3)
            .show_symbol(false)
            .silent(true)
            .line_style(LineStyle::new().color(style.colour.as_str()).width(width))
            .item_style(item);
        if matches!(model.kind, ChartKind::Area | ChartKind::StackedArea) {
            line = line.area_style(AreaStyle::new().color(style.colour.as_str()).opacity(style.area));
        }
        if model.kind == ChartKind::StackedArea {
            line = line.stack("areas");
        }
        chart = chart.series(line);
    }
    chart
}

/// What charming has no word for and what stays: the tooltip, drawn on the canvas, without a pointer of its own (the
/// frame marks the slot in every chart).
pub(super) fn resting(kind: ChartKind, formatter: &JsValue) -> JsValue {
    let trigger = if kind == ChartKind::Heat { "item" } else { "axis" };
    let padding = array([6.into(), 10.into(), 5.into(), 10.into()]);
    let tooltip = object([
        ("trigger", trigger.into()),
        ("renderMode", "richText".into()),
        ("confine", true.into()),
        ("transitionDuration", 0.into()),
        ("showDelay", 0.into()),
        ("hideDelay", 0.into()),
        ("borderWidth", 1.into()),
        ("borderRadius", 3.into()),
        ("padding", padding),
        (
            "axisPointer",
            object([("type", "none".into()), ("animation", false.into())]),
        ),
        ("formatter", formatter.clone()),
    ]);
    object([
        ("tooltip", tooltip),
        ("stateAnimation", object([("duration", 0.into())])),
    ])
}

/// What the look changes besides the series: the tooltip's colours; how series meet the plot's edges.
pub(super) fn colours(model: &ChartModel, look: &Look) -> JsValue {
    let tooltip = object([
        ("backgroundColor", look.raised.as_str().into()),
        ("borderColor", look.edge.as_str().into()),
        ("textStyle", object([("color", look.ink.as_str().into())])),
    ]);
    let calm = || ("emphasis", object([("disabled", true.into())]));
    if model.heat.is_some() {
        let pieces = (1..)
            .zip(&look.heat)
            .map(|(level, colour)| object([("value", JsValue::from(level)), ("color", colour.as_str().into())]));
        let map = object([
            ("type", "piecewise".into()),
            ("show", false.into()),
            ("dimension", 2.into()),
            ("pieces", array(pieces)),
        ]);
        let series = object([("progressive", 0.into()), calm()]);
        return object([("tooltip", tooltip), ("visualMap", map), ("series", array([series]))]);
    }
    // Bars are cut at the plot's edge; a line's stroke is not.
    let clip = model.kind == ChartKind::Bar;
    let round = || object([("cap", "round".into()), ("join", "round".into())]);
    let series = model
        .series
        .iter()
        .map(|_| object([("clip", clip.into()), ("lineStyle", round()), calm()]));
    let axis = object([("containShape", false.into())]);
    object([("tooltip", tooltip), ("xAxis", axis), ("series", array(series))])
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
    // Numbers in a row are read as pairs unless the dimensions are named.
    let dimensions = array(["x", "y", "level"].map(JsValue::from));
    let data = object([
        ("dimensions", dimensions),
        ("data", Float64Array::from(data.as_slice()).into()),
    ]);
    object([
        ("grid", grid),
        ("xAxis", object([("data", names(heat.columns))])),
        ("yAxis", object([("data", names(heat.rows))])),
        ("series", array([data])),
    ])
}

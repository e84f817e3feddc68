//! The tooltip's text: the time in the configured zone, then a line per series. Figures come first and are filled up with
//! figure spaces, so that they stand in a column without a table.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use js_sys::Array;
use keiki_model::chart::{ChartModel, readout};
use keiki_model::format::duration;
use keiki_model::panel::{ChartKind, Palette};
use keiki_model::time::{Millis, SECOND};
use leptos::prelude::*;
use wasm_bindgen::prelude::*;

use super::super::Drawn;
use super::super::echarts::{number, text};

/// As wide as a digit.
const FIGURE_SPACE: char = '\u{2007}';

/// A real function, because the content security policy forbids to make one from text.
pub(super) fn formatter(drawn: Drawn, model: Rc<RefCell<Arc<ChartModel>>>) -> Closure<dyn Fn(JsValue) -> JsValue> {
    Closure::new(move |params: JsValue| {
        let model = model.borrow();
        let written = if model.kind == ChartKind::Heat {
            cell(drawn, &model, &params)
        } else {
            slot(drawn, &model, &params)
        };
        written.unwrap_or_default().into()
    })
}

/// `14:04:10`, with the date where that is not the window's last day, and how long it lasts where that is more than a second.
fn heading(drawn: Drawn, time: Millis, lasts: Millis) -> String {
    let end = drawn.model.with_untracked(|model| model.to);
    let mut heading = drawn.charts.header.get_untracked().zone.moment(time, end - 1);
    if lasts > SECOND {
        heading.push_str("  ");
        heading.push_str(&duration(lasts, drawn.charts.language));
    }
    heading
}

fn slot(drawn: Drawn, model: &ChartModel, params: &JsValue) -> Option<String> {
    let params = Array::from(params);
    let marker = |place: usize| {
        let mine = params
            .iter()
            .find(|one| number(one, "seriesIndex").is_some_and(|index| index.to_bits() == whole(place).to_bits()));
        mine.and_then(|one| text(&one, "marker")).unwrap_or_default()
    };
    let left = number(&params.get(0), "axisValue")?;
    let language = drawn.charts.language;
    let panel = drawn.panel.get_untracked();
    let readout = readout(&panel, drawn.slot_at(left), language)?;
    let mut places: Vec<usize> = (0..model.series.len())
        .filter(|&place| !model.series[place].hidden)
        .collect();
    // From the top down, as they stand in the plot.
    if panel.spec.palette == Palette::Ranked || matches!(model.kind, ChartKind::StackedArea | ChartKind::Bar) {
        places.reverse();
    }
    let values = &readout.values;
    let widest = places
        .iter()
        .filter_map(|&place| values.get(place))
        .map(|value| value.figure.chars().count())
        .max()?;
    let mut lines = heading(drawn, readout.time, readout.lasts);
    for (place, value) in places.into_iter().filter_map(|place| Some((place, values.get(place)?))) {
        lines.push('\n');
        lines.push_str(&marker(place));
        lines.extend(std::iter::repeat_n(FIGURE_SPACE, widest - value.figure.chars().count()));
        lines.push_str(&value.joined(language));
        lines.push_str("  ");
        // Braces would start a style of rich text.
        lines.extend(model.series[place].name.chars().filter(|c| !matches!(c, '{' | '}')));
    }
    Some(lines)
}

fn cell(drawn: Drawn, model: &ChartModel, params: &JsValue) -> Option<String> {
    let heat = model.heat.as_ref()?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let cell = heat.cells.get(number(params, "dataIndex")? as usize)?;
    let (bounds, count) = heat.describe(cell, &model.scale, drawn.charts.language);
    let heading = heading(drawn, model.time_at(cell.left), heat.per);
    Some([heading.as_str(), "\n", &bounds, "\n", &count].concat())
}

fn whole(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(0))
}

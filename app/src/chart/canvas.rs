//! The data on a canvas: ECharts draws lines, areas, bars and cells, and nothing else.
//!
//! ECharts knows only shares of the plot: both its axes run from 0 to 1 and never change, so that there is one scale, that
//! of the model. Series and colours are set when they change; a tick only hands over new points.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use js_sys::Float64Array;
use keiki_model::chart::{ChartModel, Series};
use keiki_model::panel::ChartKind;
use leptos::prelude::*;
use leptos::web_sys::HtmlElement;
use wasm_bindgen::prelude::*;

use super::Drawn;
use super::echarts::{self, Instance, array, object};
use super::{ALONE, BAR, BLEED, observe};

mod look;
mod option;
mod tooltip;

use look::Look;
use option::Options;

/// A canvas that failed so often is not tried again.
const PATIENCE: u32 = 3;

/// Whether the page has what canvases are drawn with.
pub(super) fn available() -> bool {
    echarts::loaded() && Options::there()
}

/// Lets a canvas take the data over from the first picture. Without ECharts the first picture stays.
pub(super) fn attach(drawn: Drawn, id: String, live: RwSignal<bool>, failed: RwSignal<bool>) {
    if !available() {
        return;
    }
    let size = RwSignal::new((0.0, 0.0));
    let near = RwSignal::new(false);
    let pointer = Rc::new(Cell::new(None));
    let watched = StoredValue::new_local(None);
    let node = move || {
        let element = document().get_element_by_id(&id);
        element.map(|element| element.unchecked_into::<HtmlElement>())
    };
    Effect::new({
        let (pointer, node) = (Rc::clone(&pointer), node.clone());
        move |_| {
            let Some(node) = node() else {
                return;
            };
            let point = {
                let pointer = Rc::clone(&pointer);
                move |place: Option<f64>| {
                    pointer.set(place);
                    point(drawn, place, size.get_untracked().0);
                }
            };
            watched.set_value(observe::element(&node, size, near, point));
        }
    });
    let canvas: StoredValue<Option<Canvas>, LocalStorage> = StoredValue::new_local(None);
    let failures = Cell::new(0);
    Effect::new(move |_| {
        // While it can't be seen nothing is painted; each of these paints it when it can be again.
        let (width, height) = size.get();
        if !near.get() || !drawn.charts.seen.get() || width < 1.0 || height < 1.0 {
            return;
        }
        let theme = drawn.charts.theme.get();
        let model = drawn.model.get();
        let Some(node) = node() else {
            return;
        };
        if let Some(place) = pointer.get() {
            point(drawn, Some(place), width);
        }
        canvas.update_value(|canvas| {
            // A canvas keeps the resolution that it was made with.
            if canvas
                .as_ref()
                .is_some_and(|canvas| canvas.resolution != window().device_pixel_ratio())
            {
                *canvas = None;
            }
            if failures.get() >= PATIENCE {
                return;
            }
            if canvas.is_none() {
                *canvas = Canvas::new(&node, drawn, live);
            }
            let painted = canvas
                .as_mut()
                .is_some_and(|canvas| canvas.paint(model, theme, (width, height)).is_ok());
            if painted {
                failures.set(0);
                return;
            }
            *canvas = None;
            failures.set(failures.get() + 1);
            if failures.get() >= PATIENCE {
                failed.set(true);
            }
        });
    });
}

/// Marks the slot under the pointer in all charts.
fn point(drawn: Drawn, place: Option<f64>, width: f64) {
    let slot = place.map(|place| {
        let inside = (place * width - BLEED) / (width - 2.0 * BLEED).max(1.0);
        drawn.slot_at(inside.clamp(0.0, 1.0))
    });
    if drawn.charts.cursor.get_untracked() != slot {
        drawn.charts.cursor.set(slot);
    }
}

/// What was drawn: the look, and the series' classes, the theme and the size for which it was read.
type Drawing = (Look, Vec<&'static str>, i64, (f64, f64));

/// One chart of ECharts, on one element.
struct Canvas {
    instance: Instance,
    options: Options,
    element: HtmlElement,
    model: Rc<RefCell<Arc<ChartModel>>>,
    /// How it looks; read again when the theme, the size or the series change.
    look: Option<Drawing>,
    /// How many series ECharts knows of; it never forgets one.
    series: usize,
    resolution: f64,
    size: (f64, f64),
    finished: Closure<dyn Fn()>,
    tooltip: Closure<dyn Fn(JsValue) -> JsValue>,
}

impl Canvas {
    fn new(element: &HtmlElement, drawn: Drawn, live: RwSignal<bool>) -> Option<Self> {
        let model = Rc::new(RefCell::new(drawn.model.get_untracked()));
        let options = Options::of(model.borrow().kind)?;
        let instance = echarts::init(element).ok()?;
        let finished: Closure<dyn Fn()> = Closure::new(move || {
            if live.try_get_untracked() == Some(false) {
                live.set(true);
            }
        });
        let tooltip = tooltip::formatter(drawn, Rc::clone(&model));
        // Whole before anything can fail, so that it is freed then.
        let canvas = Self {
            instance,
            options,
            element: element.clone(),
            model,
            look: None,
            series: 0,
            resolution: window().device_pixel_ratio(),
            size: (0.0, 0.0),
            finished,
            tooltip,
        };
        canvas.set_up().ok()?;
        Some(canvas)
    }

    fn set_up(&self) -> Result<(), JsValue> {
        self.instance.merge(&self.options.frame, &JsValue::UNDEFINED)?;
        let readout = object([("tooltip", object([("formatter", self.tooltip.as_ref().clone())]))]);
        self.instance.merge(&readout, &JsValue::UNDEFINED)?;
        self.instance.on("finished", self.finished.as_ref().unchecked_ref())
    }

    fn paint(&mut self, model: Arc<ChartModel>, theme: i64, size: (f64, f64)) -> Result<(), JsValue> {
        if self.size != size {
            if self.size != (0.0, 0.0) {
                self.instance.resize()?;
            }
            self.size = size;
        }
        let classes: Vec<&'static str> = model.series.iter().map(|series| series.class).collect();
        let same = self
            .look
            .as_ref()
            .is_some_and(|(_, of, at, within)| *of == classes && *at == theme && *within == size);
        if !same && let Some(look) = Look::read(&self.element, &model) {
            if model.heat.is_none() {
                let series = self.options.series(&model, &look);
                self.instance.merge(&series, &JsValue::UNDEFINED)?;
            }
            self.instance.merge(&option::colours(&look), &JsValue::UNDEFINED)?;
            self.look = Some((look, classes, theme, size));
        }
        let data = match &model.heat {
            Some(heat) => option::cells(heat, model.column, size),
            None => {
                self.series = self.series.max(model.series.len());
                let shown = |series: &Series| self.look.as_ref().is_none_or(|(look, ..)| look.shows(series.class));
                let data = (0..self.series).map(|place| {
                    let series = model.series.get(place).filter(|series| shown(series));
                    points(&model, series, size.0)
                });
                object([("series", array(data))])
            }
        };
        *self.model.borrow_mut() = model;
        let quietly = object([("silent", true.into()), ("lazyUpdate", true.into())]);
        self.instance.merge(&data, &quietly)
    }
}

impl Drop for Canvas {
    fn drop(&mut self) {
        // What can't be freed can't be helped either.
        let _ = self.instance.dispose();
    }
}

/// The points of a series as ECharts takes them: pairs in one typed array, NaN for a break.
fn points(model: &ChartModel, series: Option<&Series>, width: f64) -> JsValue {
    let points = series.map_or(&[] as &[_], |series| &series.points);
    let stacked = matches!(model.kind, ChartKind::StackedArea | ChartKind::Bar);
    // A bar stands at its middle.
    let shift = if model.kind == ChartKind::Bar {
        model.column * BAR / 2.0
    } else {
        0.0
    };
    let mut pairs = Vec::with_capacity(points.len() * 2 + 2);
    let alone = |place: usize| {
        let open = |neighbour: Option<usize>| {
            neighbour
                .and_then(|n| points.get(n))
                .is_none_or(|point| point.is_break())
        };
        open(place.checked_sub(1)) && open(Some(place + 1))
    };
    for (place, point) in points.iter().enumerate() {
        let height = if stacked { point.high - point.low } else { point.high };
        if !stacked && !point.is_break() && alone(place) {
            pairs.extend([point.left - ALONE, height]);
        }
        pairs.extend([point.left + shift, height]);
    }
    let few = stacked && points.iter().filter(|point| !point.is_break()).count() == 1;
    object([
        ("data", Float64Array::from(pairs.as_slice()).into()),
        ("showSymbol", few.into()),
        ("barWidth", ((width - 2.0 * BLEED) * model.column * BAR).max(1.0).into()),
    ])
}

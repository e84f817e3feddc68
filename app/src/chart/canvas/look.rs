//! Colours and widths for the canvas, read from the style sheet: a probe takes the classes that the first picture's
//! shapes have, and the browser says what they come to.

use keiki_model::chart::ChartModel;
use leptos::prelude::*;
use leptos::web_sys::{CssStyleDeclaration, HtmlElement};
use wasm_bindgen::JsCast;

/// How one series looks.
#[derive(Clone, Debug, Default)]
pub(super) struct Style {
    /// A colour as canvases take it.
    pub(super) colour: String,
    /// The width of its line, px.
    pub(super) line: f64,
    /// The opacity of its area.
    pub(super) area: f64,
    /// Whether the style sheet shows it.
    shown: bool,
}

/// How a chart looks.
pub(super) struct Look {
    series: Vec<(&'static str, Style)>,
    /// Of a heat map, from "least" to "most".
    pub(super) heat: Vec<String>,
    /// The tooltip's ground.
    pub(super) raised: String,
    /// The tooltip's edge.
    pub(super) edge: String,
    /// The tooltip's text.
    pub(super) ink: String,
}

impl Look {
    pub(super) fn read(canvas: &HtmlElement, model: &ChartModel) -> Option<Self> {
        let chart = canvas.parent_element()?;
        let probe = document().create_element("i").ok()?.unchecked_into::<HtmlElement>();
        chart.append_child(&probe).ok()?;
        // Live: it follows the probe's classes.
        let style = window().get_computed_style(&probe).ok()??;
        let read = |name: &str| style.get_property_value(name).unwrap_or_default();
        let of = |class: &str| {
            probe.set_class_name(class);
            read("color")
        };
        let token = |token: &str| {
            // Through the object model, which the content security policy allows, unlike a style attribute.
            let _ = CssStyleDeclaration::set_property(&probe.style(), "color", token);
            let colour = read("color");
            let _ = probe.style().remove_property("color");
            colour
        };
        let pixels = |name: &str| js_sys::parse_float(&read(name));
        let series = model.series.iter().map(|series| {
            let colour = of(series.class);
            probe.set_class_name(&["area ", series.class].concat());
            let area = pixels("fill-opacity");
            let lead = if series.lead { " lead" } else { "" };
            probe.set_class_name(&["line ", series.class, lead].concat());
            let style = Style {
                colour,
                line: pixels("stroke-width"),
                area,
                shown: read("display") != "none",
            };
            (series.class, style)
        });
        let look = Self {
            series: series.collect(),
            heat: model.heat.iter().flat_map(|_| super::super::HEAT.map(&of)).collect(),
            raised: token("var(--raised)"),
            edge: token("var(--line-strong)"),
            ink: token("var(--ink-1)"),
        };
        probe.remove();
        Some(look)
    }

    fn of(&self, class: &str) -> Option<&Style> {
        let found = self.series.iter().find(|(of, _)| *of == class);
        found.map(|(_, style)| style)
    }

    /// The style of a class.
    pub(super) fn style(&self, class: &str) -> Style {
        self.of(class).cloned().unwrap_or_default()
    }

    /// Whether the style sheet shows series of a class: a small frame shows only the leading one.
    pub(super) fn shows(&self, class: &str) -> bool {
        self.of(class).is_none_or(|style| style.shown)
    }
}

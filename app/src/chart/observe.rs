//! What canvases depend on besides data: the page's theme and visibility, a chart's size and place, the pointer.

use js_sys::Array;
use leptos::prelude::*;
use leptos::web_sys::{
    Element, EventTarget, IntersectionObserver, IntersectionObserverEntry, MouseEvent, MutationObserver,
    MutationObserverInit, ResizeObserver, VisibilityState,
};
use wasm_bindgen::prelude::*;

use super::Charts;

/// Watches for as long as the page lives.
pub(super) fn page(charts: Charts) {
    let document = document();
    let bump: Closure<dyn Fn()> = Closure::new(move || {
        charts.theme.try_update(|theme| *theme = theme.wrapping_add(1));
    });
    let bump = bump.into_js_value().unchecked_into::<js_sys::Function>();
    if let Ok(Some(dark)) = window().match_media("(prefers-color-scheme: dark)") {
        listen(&dark, "change", &bump);
    }
    // Paper is white, and of another size.
    if let Ok(Some(print)) = window().match_media("print") {
        listen(&print, "change", &bump);
    }
    // A theme that is chosen by a control of the page, with or without a script of its own.
    listen(&document, "change", &bump);
    if let (Some(root), Ok(observer)) = (document.document_element(), MutationObserver::new(&bump)) {
        let what = MutationObserverInit::new();
        what.set_attributes(true);
        what.set_attribute_filter(&Array::of1(&"data-theme".into()));
        // Fails only for a request to observe nothing.
        let _ = observer.observe_with_options(&root, &what);
    }
    let seen: Closure<dyn Fn()> = Closure::new({
        let document = document.clone();
        move || {
            charts
                .seen
                .try_set(document.visibility_state() == VisibilityState::Visible);
        }
    });
    charts.seen.set(document.visibility_state() == VisibilityState::Visible);
    listen(&document, "visibilitychange", seen.into_js_value().unchecked_ref());
}

fn listen(target: &EventTarget, event: &str, handler: &js_sys::Function) {
    // Fails only for a handler that is no function.
    let _ = target.add_event_listener_with_callback(event, handler);
}

/// What is watched of one chart; ends when it is dropped.
pub(super) struct Watched {
    element: Element,
    sizes: ResizeObserver,
    places: Option<IntersectionObserver>,
    resized: Closure<dyn Fn()>,
    moved: Closure<dyn Fn(Array)>,
    pointed: Closure<dyn Fn(MouseEvent)>,
    left: Closure<dyn Fn()>,
}

/// A chart is painted from this far outside the window on.
const MARGIN: &str = "200px";

/// Watches the size of an element, whether it is near the window, and where on it the pointer is (share of its width).
pub(super) fn element(
    element: &Element,
    size: RwSignal<(f64, f64)>,
    near: RwSignal<bool>,
    point: impl Fn(Option<f64>) + Clone + 'static,
) -> Option<Watched> {
    let measured = element.clone();
    let resized: Closure<dyn Fn()> = Closure::new(move || {
        let now = (f64::from(measured.client_width()), f64::from(measured.client_height()));
        if size.try_get_untracked().is_some_and(|before| before != now) {
            size.set(now);
        }
    });
    let sizes = ResizeObserver::new(resized.as_ref().unchecked_ref()).ok()?;
    sizes.observe(element);
    let moved: Closure<dyn Fn(Array)> = Closure::new(move |entries: Array| {
        let last = entries.pop().unchecked_into::<IntersectionObserverEntry>();
        near.try_set(last.is_intersecting());
    });
    let options = leptos::web_sys::IntersectionObserverInit::new();
    options.set_root_margin(MARGIN);
    let places = IntersectionObserver::new_with_options(moved.as_ref().unchecked_ref(), &options).ok();
    match &places {
        Some(places) => places.observe(element),
        None => near.set(true),
    }
    let box_of = element.clone();
    let pointed: Closure<dyn Fn(MouseEvent)> = Closure::new({
        let point = point.clone();
        move |event: MouseEvent| {
            let edges = box_of.get_bounding_client_rect();
            point(Some(
                (f64::from(event.client_x()) - edges.left()) / edges.width().max(1.0),
            ));
        }
    });
    let left: Closure<dyn Fn()> = Closure::new(move || point(None));
    listen(element, "pointermove", pointed.as_ref().unchecked_ref());
    listen(element, "pointerleave", left.as_ref().unchecked_ref());
    Some(Watched {
        element: element.clone(),
        sizes,
        places,
        resized,
        moved,
        pointed,
        left,
    })
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.sizes.disconnect();
        if let Some(places) = &self.places {
            places.disconnect();
        }
        let handlers = [
            ("pointermove", self.pointed.as_ref()),
            ("pointerleave", self.left.as_ref()),
        ];
        for (event, handler) in handlers {
            let _ = self
                .element
                .remove_event_listener_with_callback(event, handler.unchecked_ref());
        }
        // The closures live until here, so that no observer calls one that is gone.
        let _ = (&self.resized, &self.moved);
    }
}

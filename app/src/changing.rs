//! Parts of the page that change, brought to one type each.
//!
//! Every closure has a type of its own, and Leptos compiles its machinery once for each type that it is given: a page of
//! two hundred changing texts would be mostly machinery. Boxed, all texts share one copy. For the same reason views
//! are typed all the way down, with `Either` at the branches: an `AnyView` also compiles what is never called.

use std::sync::{Arc, Mutex};

use leptos::tachys::reactive_graph::SharedReactiveFunction;
use maud::Markup;

/// A value that is computed anew when a signal that it reads changes.
pub type Changing<T> = SharedReactiveFunction<T>;

/// A changing text, attribute or class.
pub fn text(compute: impl FnMut() -> String + Send + 'static) -> Changing<String> {
    Arc::new(Mutex::new(compute))
}

/// Changing markup, as the content of `inner_html`. Where a part of the page has no control in it, and so no focus to lose,
/// it is made anew as a whole: a tick costs the browser little, and a view would cost the WASM a type for each element.
pub fn markup(mut compute: impl FnMut() -> Markup + Send + 'static) -> Changing<String> {
    text(move || compute().into_string())
}

/// A changing attribute that may be absent.
pub fn attribute(compute: impl FnMut() -> Option<String> + Send + 'static) -> Changing<Option<String>> {
    Arc::new(Mutex::new(compute))
}

/// A changing attribute that is there or not, such as `hidden`.
pub fn flag(mut compute: impl FnMut() -> bool + Send + 'static) -> Changing<Option<String>> {
    attribute(move || compute().then(String::new))
}

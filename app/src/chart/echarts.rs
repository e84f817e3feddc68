//! ECharts, as the page's script brings it.

use js_sys::{Array, Function, Object, Reflect};
use leptos::web_sys::Element;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// Makes a chart on an element.
    #[wasm_bindgen(catch, js_namespace = echarts)]
    pub(super) fn init(element: &Element) -> Result<Instance, JsValue>;

    /// A chart that ECharts has made.
    #[derive(Clone)]
    pub(super) type Instance;

    /// Merges an option into the chart's. What it throws is caught: one broken chart must not end the page.
    #[wasm_bindgen(method, catch, js_name = setOption)]
    pub(super) fn merge(this: &Instance, option: &JsValue, how: &JsValue) -> Result<(), JsValue>;

    /// Follows the size of its element.
    #[wasm_bindgen(method, catch)]
    pub(super) fn resize(this: &Instance) -> Result<(), JsValue>;

    /// Frees all that it holds.
    #[wasm_bindgen(method, catch)]
    pub(super) fn dispose(this: &Instance) -> Result<(), JsValue>;

    /// Calls a function at every event of a name.
    #[wasm_bindgen(method, catch)]
    pub(super) fn on(this: &Instance, event: &str, handler: &Function) -> Result<(), JsValue>;
}

/// Whether the page has loaded ECharts.
pub(super) fn loaded() -> bool {
    let window: JsValue = js_sys::global().into();
    let get = |object: &JsValue, key: &str| Reflect::get(object, &key.into()).unwrap_or_default();
    let echarts = get(&window, "echarts");
    echarts.is_object() && get(&echarts, "init").is_function()
}

/// A plain object.
pub(super) fn object<const N: usize>(fields: [(&str, JsValue); N]) -> JsValue {
    let object = Object::new();
    for (key, value) in fields {
        set(&object, key, &value);
    }
    object.into()
}

/// Sets a field of a plain object.
pub(super) fn set(object: &JsValue, key: &str, value: &JsValue) {
    // That can't fail.
    let _ = Reflect::set(object, &key.into(), value);
}

/// An array.
pub(super) fn array(items: impl IntoIterator<Item = JsValue>) -> JsValue {
    items.into_iter().collect::<Array>().into()
}

/// A field as a number.
pub(super) fn number(object: &JsValue, key: &str) -> Option<f64> {
    Reflect::get(object, &key.into()).ok()?.as_f64()
}

/// A field as a text.
pub(super) fn text(object: &JsValue, key: &str) -> Option<String> {
    Reflect::get(object, &key.into()).ok()?.as_string()
}

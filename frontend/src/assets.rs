//! Files that the page loads later. The build puts a hash into every name and writes the result into
//! `<meta name="asset:NAME">` of `index.html`.

use leptos::prelude::document;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use web_sys::HtmlMetaElement;

#[wasm_bindgen]
extern "C" {
    /// `import(url)`, kept by the start script of `index.html`.
    #[wasm_bindgen(js_namespace = kubarium)]
    fn load(url: &str) -> js_sys::Promise;

    /// What could not be loaded so far; there is an event `unloaded` for each.
    #[wasm_bindgen(js_namespace = kubarium, js_name = unloaded, thread_local_v2)]
    static UNLOADED: js_sys::Array;

    /// Loads what could not be loaded again, or gives it up.
    #[wasm_bindgen(js_namespace = kubarium)]
    pub fn settle(again: bool);
}

/// Whether a part of the page did not arrive, and somebody has to say what is to become of it.
pub fn lacks_parts() -> bool {
    UNLOADED.with(|unloaded| unloaded.length() > 0)
}

/// The JavaScript module `name`, loaded.
///
/// # Errors
/// When `index.html` does not list it, or it cannot be loaded: the browser's reason.
pub async fn module(name: &str) -> Result<JsValue, JsValue> {
    match url(name) {
        Some(url) => import(&url).await,
        None => Err(format!("index.html names no {name} module").into()),
    }
}

/// The same for one that has an address for ever.
///
/// # Errors
/// When it cannot be loaded: the browser's reason.
pub async fn import(url: &str) -> Result<JsValue, JsValue> {
    JsFuture::from(load(url)).await
}

/// The address of the asset `name`, `None` when `index.html` does not list it.
pub fn url(name: &str) -> Option<String> {
    let selector = format!("meta[name='asset:{name}']");
    let element = document().query_selector(&selector).ok()??;
    Some(element.unchecked_into::<HtmlMetaElement>().content())
}

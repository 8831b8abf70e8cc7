//! Addresses of files that the page loads later. The build puts a hash into every name and writes the result into
//! `<meta name="asset:NAME">` of `index.html`.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::HtmlMetaElement;

/// The address of the asset `name`, `None` when `index.html` does not list it.
pub fn url(name: &str) -> Option<String> {
    let selector = format!("meta[name='asset:{name}']");
    let element = document().query_selector(&selector).ok()??;
    Some(element.unchecked_into::<HtmlMetaElement>().content())
}

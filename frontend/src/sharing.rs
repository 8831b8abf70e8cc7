//! Sharing beyond a plain link: a JavaScript module of its own (`js/share.js`), loaded when somebody asks for it.

use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

use crate::assets;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = kubarium)]
    fn load(url: &str) -> js_sys::Promise;

    type Module;

    /// Opens one of its sheets: `"link"`, `"kubectl"`.
    #[wasm_bindgen(method)]
    fn open(this: &Module, sheet: &str);
}

/// Opens one of the module's sheets.
pub(crate) fn open(sheet: &'static str) {
    spawn_local(async move {
        let Some(url) = assets::url("share") else { return };
        if let Ok(module) = JsFuture::from(load(&url)).await {
            module.unchecked_into::<Module>().open(sheet);
        }
    });
}

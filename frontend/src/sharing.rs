//! Sharing beyond a plain link: a JavaScript module of its own (`js/share.js`), loaded when somebody asks for it.

use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, prelude::wasm_bindgen};

use crate::assets;

#[wasm_bindgen]
extern "C" {
    type Module;

    /// Opens one of its sheets: `"link"`, `"kubectl"`.
    #[wasm_bindgen(method)]
    fn open(this: &Module, sheet: &str);
}

/// Opens one of the module's sheets.
pub(crate) fn open(sheet: &'static str) {
    spawn_local(async move {
        if let Ok(module) = assets::module("share").await {
            module.unchecked_into::<Module>().open(sheet);
        }
    });
}

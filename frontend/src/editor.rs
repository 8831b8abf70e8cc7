//! The YAML editor, a JavaScript module of its own (`js/editor.js`) that is loaded when first needed.

use js_sys::{Array, Object};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use web_sys::HtmlElement;

use crate::assets;

#[wasm_bindgen]
extern "C" {
    /// The editor's JavaScript module.
    #[derive(Clone)]
    type Module;

    #[wasm_bindgen(method)]
    fn create(this: &Module, element: &HtmlElement, text: &str, callbacks: &Object) -> Editor;

    /// A YAML editor on the page.
    #[derive(Clone)]
    pub type Editor;

    /// Replaces the whole text; can be undone.
    #[wasm_bindgen(method, js_name = setText)]
    pub fn set_text(this: &Editor, text: &str);

    /// The text as it stands.
    #[wasm_bindgen(method, js_name = getText)]
    pub fn text(this: &Editor) -> String;

    /// Opens a text that is to be edited for somebody else, in a file of its own beside the person's.
    #[wasm_bindgen(method, js_name = beginEdit)]
    pub fn begin_edit(this: &Editor, text: &str);

    /// Closes that file and shows the one before it: what the text has become.
    #[wasm_bindgen(method, js_name = endEdit)]
    pub fn end_edit(this: &Editor) -> String;

    #[wasm_bindgen(method, js_name = setDiagnostics)]
    fn set_diagnostics_js(this: &Editor, diagnostics: &Array);

    #[wasm_bindgen(method, js_name = light)]
    async fn light_js(this: &Editor, namespace: &str, name: &str) -> JsValue;

    /// Moves the keyboard focus into the editor.
    #[wasm_bindgen(method)]
    pub fn focus(this: &Editor);

    /// Removes the editor from the page.
    #[wasm_bindgen(method)]
    pub fn destroy(this: &Editor);
}

/// A message on a part of the text. Lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// Line and column of the first character.
    pub from: (u32, u32),
    /// Line and column after the last character; `None` marks the rest of the line.
    pub to: Option<(u32, u32)>,
    /// What is wrong, in words.
    pub message: String,
}

impl Editor {
    /// Loads the module and puts an editor with `text` into `element`. The callbacks are those of `create` in
    /// `js/editor.js`.
    ///
    /// # Errors
    /// When the module cannot be loaded: the browser's reason.
    pub async fn open(element: &HtmlElement, text: &str, callbacks: &Object) -> Result<Self, JsValue> {
        let module: Module = assets::module("editor").await?.unchecked_into();
        Ok(module.create(element, text, callbacks))
    }

    /// Shows which lines of the text the pod comes from: its namespace and name. Whether there are any.
    pub async fn light(&self, namespace: &str, name: &str) -> bool {
        self.light_js(namespace, name).await.is_truthy()
    }

    /// Shows these messages in place of the earlier ones.
    pub fn set_diagnostics(&self, diagnostics: &[Diagnostic]) {
        let position = |(line, column): (u32, u32)| Array::of2(&line.into(), &column.into());
        let list: Array = diagnostics
            .iter()
            .map(|diagnostic| {
                Array::of3(
                    &position(diagnostic.from),
                    &diagnostic.to.map_or(JsValue::NULL, |to| position(to).into()),
                    &JsValue::from_str(&diagnostic.message),
                )
            })
            .collect();
        self.set_diagnostics_js(&list);
    }
}

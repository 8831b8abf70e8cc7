//! The terminal, a JavaScript module of its own (`js/terminal.js`) that is loaded when first needed: it draws, reads keys
//! and splits lines; kubectl itself runs in the worker.

use js_sys::{Object, Reflect};
use leptos::{html, prelude::*, task::spawn_local};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use web_sys::HtmlElement;

use crate::{
    assets,
    i18n::*,
    protocol::{Request, TerminalRequest},
    state::{Drawer, Page},
};

#[wasm_bindgen]
extern "C" {
    type Module;

    #[wasm_bindgen(method)]
    fn create(this: &Module, element: &HtmlElement, callbacks: &Object) -> Screen;

    /// The terminal on the page.
    #[derive(Clone)]
    type Screen;

    /// Takes a [`crate::protocol::TerminalReply`] as JSON.
    #[wasm_bindgen(method)]
    fn hear(this: &Screen, reply: &str);

    /// Takes up the text of an edit that was saved.
    #[wasm_bindgen(method)]
    fn saved(this: &Screen, text: &str);

    #[wasm_bindgen(method)]
    fn focus(this: &Screen);
}

#[component]
pub(crate) fn Terminal() -> impl IntoView {
    let i18n = use_i18n();
    let page = expect_context::<Page>();
    let host = NodeRef::<html::Div>::new();
    let screen = StoredValue::new_local(None::<Screen>);
    let broken = RwSignal::new(None::<String>);
    Effect::new(move |_| {
        let Some(host) = host.get() else { return };
        spawn_local(async move {
            match open(&host, page).await {
                Ok(opened) => {
                    opened.focus();
                    screen.set_value(Some(opened));
                }
                Err(reason) => broken.set(Some(format!("{reason:?}"))),
            }
        });
    });
    let tell = move |say: &dyn Fn(&Screen)| {
        screen.with_value(|screen| {
            if let Some(screen) = screen {
                say(screen);
            }
        });
    };
    Effect::new(move |_| {
        page.said.track();
        let replies = page.said.try_update_untracked(std::mem::take);
        for reply in replies.into_iter().flatten() {
            let reply = serde_json::to_string(&reply).expect("replies are plain data");
            tell(&|screen| screen.hear(&reply));
        }
    });
    Effect::new(move |_| {
        if let Some(text) = page.edited.get() {
            page.edited.set(None);
            tell(&|screen| screen.saved(&text));
        }
    });
    Effect::new(move |_| {
        if page.panel.get() == Some(Drawer::Terminal) {
            tell(&|screen| screen.focus());
        }
    });
    view! {
        <div class="terminal-host" node_ref=host aria-label=move || t_string!(i18n, terminal.label)></div>
        {move || broken.get().map(|reason| view! {
            <p class="terminal-broken" role="alert">{t!(i18n, terminal.broken, reason = reason.clone())}</p>
        })}
    }
}

async fn open(host: &HtmlElement, page: Page) -> Result<Screen, JsValue> {
    let module: Module = assets::module("terminal").await?.unchecked_into();
    let callbacks = Object::new();
    let ask = Closure::<dyn Fn(String)>::new(move |text: String| {
        let request: TerminalRequest = serde_json::from_str(&text).expect("the module keeps the protocol");
        page.touched.set(true);
        page.send(&Request::Terminal(request));
    });
    // Without a text an edit that was begun has been interrupted.
    let edit = Closure::<dyn Fn(Option<String>)>::new(move |text: Option<String>| {
        page.editing.set(text.is_some());
        if text.is_some() {
            page.drawer.set(Some(Drawer::Yaml));
        }
        page.draft.set(text);
    });
    let show = Closure::<dyn Fn()>::new(move || page.drawer.set(Some(Drawer::Yaml)));
    let file = Closure::<dyn Fn(String) -> Option<String>>::new(move |name: String| {
        page.files.with_untracked(|files| {
            files.iter().find(|(known, _)| *known == name).map(|(_, text)| text.clone())
        })
    });
    let files = Closure::<dyn Fn() -> js_sys::Array>::new(move || {
        page.files.with_untracked(|files| files.iter().map(|(name, _)| JsValue::from_str(name)).collect())
    });
    for (name, value) in [
        ("ask", ask.into_js_value()),
        ("edit", edit.into_js_value()),
        ("show", show.into_js_value()),
        ("file", file.into_js_value()),
        ("files", files.into_js_value()),
    ] {
        Reflect::set(&callbacks, &name.into(), &value)?;
    }
    Ok(module.create(host, &callbacks))
}

//! Small things that only a browser can do.

use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::{
    JsCast, JsValue,
    prelude::{Closure, wasm_bindgen},
};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, RequestInit, ResizeObserver, Response};

#[wasm_bindgen]
extern "C" {
    /// A sentence of the engine's or the server's in the reader's language, once what accompanies the page is there
    /// (`js/workbench/told.js`).
    #[wasm_bindgen(js_namespace = kubarium, js_name = inWords)]
    pub fn in_words(sentence: &str) -> String;
}

/// What follows `#` in the address.
pub fn fragment() -> String {
    let hash = window().location().hash().unwrap_or_default();
    hash.strip_prefix('#').unwrap_or("").to_owned()
}

/// This page's address without its fragment.
pub fn address() -> String {
    let location = window().location();
    format!("{}{}", location.origin().unwrap_or_default(), location.pathname().unwrap_or_default())
}

/// Loads the page anew.
pub fn reload() {
    // Where it fails there is nothing left to do.
    let _ = window().location().reload();
}

/// Calls `told` once, and again whenever the size of the element changes, before that is painted.
pub fn on_resize(element: &Element, told: impl FnMut() + 'static) {
    let told = Closure::<dyn FnMut()>::new(told);
    // Browsers without it keep the first measures; all current ones have it.
    if let Ok(observer) = ResizeObserver::new(told.into_js_value().unchecked_ref()) {
        observer.observe(element);
    }
}

/// Keeps a small preference, where the browser allows it; the start script of `index.html` reads it.
pub fn remember(name: &str, value: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        // A full or forbidden storage costs the preference, nothing else.
        let _ = storage.set_item(&format!("kubarium.{name}"), value);
    }
}

/// Puts text on the clipboard; whether that worked.
pub async fn copy(text: &str) -> bool {
    let clipboard = window().navigator().clipboard();
    // Browsers offer it only on secure origins.
    if clipboard.is_undefined() {
        return false;
    }
    JsFuture::from(clipboard.write_text(text)).await.is_ok()
}

/// The text of one of the page's own files.
///
/// # Errors
/// The browser's reason, or the HTTP status.
pub async fn fetch_text(url: &str) -> Result<String, JsValue> {
    let response: Response = JsFuture::from(window().fetch_with_str(url)).await?.unchecked_into();
    if !response.ok() {
        return Err(format!("{url}: HTTP {}", response.status()).into());
    }
    let text = JsFuture::from(response.text()?).await?;
    Ok(text.as_string().unwrap_or_default())
}

/// Sends text to the page's own server and reads its answer.
///
/// # Errors
/// The browser's reason, or what the server answered instead.
pub async fn post_text(url: &str, text: &str) -> Result<String, JsValue> {
    let request = RequestInit::new();
    request.set_method("POST");
    request.set_body(&JsValue::from_str(text));
    let response: Response =
        JsFuture::from(window().fetch_with_str_and_init(url, &request)).await?.unchecked_into();
    let answer = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
    if response.ok() { Ok(answer) } else { Err(format!("HTTP {}: {answer}", response.status()).into()) }
}

/// Replaces what follows `#` in the address, without loading anything.
pub fn set_fragment(fragment: &str) {
    let address =
        if fragment.is_empty() { self::address() } else { format!("{}#{fragment}", self::address()) };
    if let Ok(history) = window().history() {
        // Refused only for addresses of other origins.
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&address));
    }
}

/// Makes the page large for a room, or ordinary again.
pub fn present() {
    if let Some(root) = leptos::prelude::document().document_element() {
        // Fails only for names that are no attribute names.
        let _ = root.toggle_attribute("data-present");
    }
}

/// Gives the focus to the first element that `selector` names, if there is one.
pub fn focus(selector: &str) {
    let found = leptos::prelude::document().query_selector(selector).ok().flatten();
    if let Some(element) = found.and_then(|it| it.dyn_into::<web_sys::HtmlElement>().ok()) {
        // Fails only for what is not on the page.
        let _ = element.focus();
    }
}

/// Whether the page is large, for a room.
pub fn presents() -> bool {
    leptos::prelude::document().document_element().is_some_and(|root| root.has_attribute("data-present"))
}

/// Whether the page is as narrow as a phone or small tablet.
pub fn narrow() -> bool {
    window().match_media("(max-width: 1023px)").ok().flatten().is_some_and(|query| query.matches())
}

/// Whether the person asked their system for less movement.
pub fn reduced_motion() -> bool {
    window()
        .match_media("(prefers-reduced-motion: reduce)")
        .ok()
        .flatten()
        .is_some_and(|query| query.matches())
}

/// Lets `shown` say what `of` says, from the next paint on: what is pressed shows that at once, and what takes long to draw
/// comes after it.
pub fn follow_painted<T: PartialEq + Send + Sync + 'static>(
    shown: RwSignal<T>,
    of: impl Fn() -> T + Copy + 'static,
) {
    Effect::new(move |_| {
        of();
        after_paint(move || {
            let value = untrack(of);
            if shown.try_with_untracked(|old| *old != value) == Some(true) {
                shown.set(value);
            }
        });
    });
}

/// Does `then` once everything is where it belongs and was painted there.
pub fn after_paint(then: impl FnOnce() + 'static) {
    request_animation_frame(move || set_timeout(then, Duration::ZERO));
}

/// Milliseconds since the page began.
pub fn now_ms() -> f64 {
    window().performance().map_or(0.0, |performance| performance.now())
}

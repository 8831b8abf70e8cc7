//! The worker's side of the line: holds the cluster and answers the page.

use js_sys::JsString;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use crate::protocol::{Reply, Request};

/// Starts answering. The worker's start script has kept the requests that came before, and hands them over now.
pub fn start() {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let line = scope.clone();
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        let text: JsString = event.data().unchecked_into();
        let request = serde_json::from_str(&String::from(text)).expect("page and worker come from one build");
        let reply = serde_json::to_string(&answer(&request)).expect("replies are plain data");
        line.post_message(&JsValue::from_str(&reply)).expect("text can always be posted");
    });
    scope.set_onmessage(Some(on_message.into_js_value().unchecked_ref()));
}

fn answer(request: &Request) -> Reply {
    match request {
        Request::Version => Reply::Version(env!("CARGO_PKG_VERSION").to_owned()),
    }
}

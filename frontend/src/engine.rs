//! The page's line to the worker.

use js_sys::JsString;
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use web_sys::{ErrorEvent, MessageEvent, Worker};

use crate::protocol::{Reply, Request};

#[wasm_bindgen]
extern "C" {
    /// The worker; the start script of `index.html` runs it before this program has arrived.
    #[wasm_bindgen(thread_local_v2, js_namespace = kubarium, js_name = engine)]
    static WORKER: Worker;
}

/// The page's end of the line. Requests may be sent at once: the worker keeps them until it is ready.
#[derive(Clone)]
pub struct Engine {
    worker: Worker,
}

impl Engine {
    /// Takes over the worker that `index.html` started. `on_reply` sees every reply in order; `on_failure` hears
    /// why the worker fell, in the browser's words.
    pub fn connect(on_reply: impl Fn(Reply) + 'static, on_failure: impl Fn(String) + 'static) -> Self {
        let worker = WORKER.with(Clone::clone);
        let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            // Numbers are for the map, which listens itself.
            let Ok(text) = event.data().dyn_into::<JsString>() else { return };
            let reply = serde_json::from_str(&String::from(text));
            on_reply(reply.expect("page and worker come from one build"));
        });
        worker.set_onmessage(Some(on_message.into_js_value().unchecked_ref()));
        let on_error =
            Closure::<dyn Fn(ErrorEvent)>::new(move |event: ErrorEvent| on_failure(event.message()));
        worker.set_onerror(Some(on_error.into_js_value().unchecked_ref()));
        Self { worker }
    }

    /// Sends a request; its reply comes to `on_reply`.
    pub fn send(&self, request: &Request) {
        let text = serde_json::to_string(request).expect("requests are plain data");
        self.worker.post_message(&JsValue::from_str(&text)).expect("text can always be posted");
    }
}

//! The worker's end of the line to the page, and its ticking.

use std::{cell::RefCell, rc::Rc};

use js_sys::JsString;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use super::{driver::Driver, replica::Replica};
use crate::protocol::{Opening, Reply, Request};

/// Time between two frames, in milliseconds of wall time.
const FRAME_MS: i32 = 33;

/// Starts answering. The worker's start script has kept the requests that came before, and hands them over now.
pub fn start() {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let driver = Rc::new(RefCell::new(None::<Driver>));

    let (line, heard) = (scope.clone(), Rc::clone(&driver));
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        let text: JsString = event.data().unchecked_into();
        let request: Request = serde_json::from_str(&String::from(text)).expect("page and worker come from one build");
        let mut driver = heard.borrow_mut();
        let replies = match (request, driver.as_mut()) {
            (Request::Open(opening), _) => open(opening, &mut driver),
            (request, Some(driver)) => driver.hear(request),
            // Nothing is behind the glass yet.
            (_, None) => Vec::new(),
        };
        replies.iter().for_each(|reply| say(&line, reply));
    });
    scope.set_onmessage(Some(on_message.into_js_value().unchecked_ref()));

    let line = scope.clone();
    let clock = scope.performance().expect("workers have a clock");
    let mut last = clock.now();
    let tick = Closure::<dyn FnMut()>::new(move || {
        let now = clock.now();
        let passed = now - last;
        last = now;
        if let Some(driver) = driver.borrow_mut().as_mut() {
            driver.tick(passed, &|| clock.now()).iter().for_each(|reply| say(&line, reply));
        }
    });
    scope
        .set_interval_with_callback_and_timeout_and_arguments_0(tick.into_js_value().unchecked_ref(), FRAME_MS)
        .expect("workers have timers");
}

fn open(opening: Opening, driver: &mut Option<Driver>) -> Vec<Reply> {
    let mut replies = Vec::new();
    let replica = match opening {
        Opening::Default => Replica::first(),
        Opening::Link(link) => Replica::from_link(&link).unwrap_or_else(|reason| {
            replies.push(Reply::BadLink(reason));
            Replica::first()
        }),
    };
    replies.push(driver.insert(Driver::new(replica)).first_frame());
    replies
}

fn say(line: &DedicatedWorkerGlobalScope, reply: &Reply) {
    let text = serde_json::to_string(reply).expect("replies are plain data");
    line.post_message(&JsValue::from_str(&text)).expect("text can always be posted");
}

//! The connection to the server of a live session. It comes back by itself when it breaks.

use std::{cell::RefCell, rc::Rc};

use shared::session::protocol::{ClientMessage, ServerMessage};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{CloseEvent, DedicatedWorkerGlobalScope, MessageEvent, WebSocket};

/// Time between two attempts, in milliseconds.
const AGAIN_MS: i32 = 1000;

/// Codes with which the server says that there is no use in coming back: not understood, no right, no such session, a
/// session that was lost, another version.
const HOPELESS: [u16; 6] = [4400, 4401, 4404, 4410, 4422, OTHER_VERSION];
const OTHER_VERSION: u16 = 4426;

/// What the connection tells: a message, or that it broke (with the server's reason, if it gave one).
pub enum Heard {
    /// The server said something.
    Message(Box<ServerMessage>),
    /// The connection is gone; another is tried unless the server said that there is no use.
    Gone(String),
    /// The server is of another version, in its own words.
    Outdated(String),
}

/// A connection.
#[derive(Clone)]
pub struct Socket {
    inner: Rc<RefCell<Inner>>,
}

struct Inner {
    scope: DedicatedWorkerGlobalScope,
    url: String,
    token: String,
    /// What the person wants to be called.
    name: String,
    web: Option<WebSocket>,
    /// The last entry of the log that is known here.
    after: Option<u64>,
    ended: bool,
    hear: Rc<dyn Fn(Heard)>,
}

impl Socket {
    /// Connects to the session of a link (`id.token`, perhaps with a name behind: `id.token.Ana`).
    ///
    /// # Errors
    /// The link names no session.
    pub fn open(
        scope: &DedicatedWorkerGlobalScope,
        link: &str,
        hear: Rc<dyn Fn(Heard)>,
    ) -> Result<Self, String> {
        let (id, token) = link.split_once('.').ok_or("no_session")?;
        let (token, name) = token.split_once('.').unwrap_or((token, ""));
        let plain = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        };
        if !plain(id) || !plain(token) {
            return Err("no_session".to_owned());
        }
        let location = scope.location();
        let scheme = if location.protocol() == "https:" { "wss" } else { "ws" };
        let url = format!("{scheme}://{}/api/v1/sessions/{id}/ws", location.host());
        let inner = Inner {
            scope: scope.clone(),
            url,
            token: token.to_owned(),
            name: name.to_owned(),
            web: None,
            after: None,
            ended: false,
            hear,
        };
        let socket = Self { inner: Rc::new(RefCell::new(inner)) };
        socket.connect();
        Ok(socket)
    }

    fn connect(&self) {
        let (url, hear) = (self.inner.borrow().url.clone(), Rc::clone(&self.inner.borrow().hear));
        let Ok(web) = WebSocket::new(&url) else { return };
        let this = self.clone();
        let on_open = Closure::<dyn Fn()>::new(move || {
            let inner = this.inner.borrow();
            let hello = ClientMessage::Hello {
                token: inner.token.as_str().into(),
                engine: shared::ENGINE_VERSION.into(),
                after: inner.after,
                whole: false,
                name: inner.name.as_str().into(),
            };
            drop(inner);
            this.say(&hello);
        });
        web.set_onopen(Some(on_open.into_js_value().unchecked_ref()));
        let heard = Rc::clone(&hear);
        let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            let Some(text) = event.data().as_string() else { return };
            match ServerMessage::read(&text) {
                Ok(message) => heard(Heard::Message(Box::new(message))),
                Err(error) => heard(Heard::Gone(error.to_string())),
            }
        });
        web.set_onmessage(Some(on_message.into_js_value().unchecked_ref()));
        let this = self.clone();
        let on_close = Closure::<dyn Fn(CloseEvent)>::new(move |event: CloseEvent| {
            let over = HOPELESS.contains(&event.code()) || this.inner.borrow().ended;
            hear(match event.code() {
                OTHER_VERSION => Heard::Outdated(event.reason()),
                _ => Heard::Gone(event.reason()),
            });
            if !over {
                this.retry();
            }
        });
        web.set_onclose(Some(on_close.into_js_value().unchecked_ref()));
        self.inner.borrow_mut().web = Some(web);
    }

    /// Connects again in a while.
    fn retry(&self) {
        let again = self.clone();
        let retry = Closure::once_into_js(move || {
            if !again.inner.borrow().ended {
                again.connect();
            }
        });
        let scope = self.inner.borrow().scope.clone();
        // Without timers there would be no worker.
        let _ = scope.set_timeout_with_callback_and_timeout_and_arguments_0(retry.unchecked_ref(), AGAIN_MS);
    }

    /// Waits no longer for a connection on which nothing comes: the network is gone, or was while the machine slept.
    pub fn give_up(&self) {
        let Some(web) = self.inner.borrow_mut().web.take() else { return };
        web.set_onopen(None);
        web.set_onmessage(None);
        web.set_onclose(None);
        // It may be closing already.
        let _ = web.close();
        self.retry();
    }

    /// Says something to the server. What is said while nobody listens is lost; commands are kept elsewhere.
    pub fn say(&self, message: &ClientMessage) {
        if let Some(web) = &self.inner.borrow().web
            && web.ready_state() == WebSocket::OPEN
        {
            // Refused only for text that is no text.
            let _ = web.send_with_str(&message.write());
        }
    }

    /// Comes back under this name after a break.
    pub fn call(&self, name: &str) {
        name.clone_into(&mut self.inner.borrow_mut().name);
    }

    /// Remembers where to go on after a break.
    pub fn remember(&self, after: Option<u64>) {
        self.inner.borrow_mut().after = after;
    }

    /// Connects again, as somebody who has nothing yet.
    pub fn begin_anew(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.after = None;
        if let Some(web) = &inner.web {
            // It comes back by itself.
            let _ = web.close();
        }
    }

    /// Ends the connection for good.
    pub fn end(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.ended = true;
        if let Some(web) = inner.web.take() {
            // Closing twice is no harm.
            let _ = web.close();
        }
    }
}

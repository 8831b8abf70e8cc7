//! The worker's end of the line to the page, and its ticking.

use std::{cell::RefCell, rc::Rc};

use js_sys::{Array, JsString};
use shared::{
    doc::{from_doc, parse_json},
    session::protocol::{ClientMessage, ServerMessage, Welcome},
};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use super::{
    company::Company,
    driver::Driver,
    replica::Replica,
    socket::{Heard, Socket},
    terminal::Terminal,
    tools::{self, Tools},
};
use crate::protocol::{Headline, Live, Opening, Reply, Request};

/// Time between two frames, in milliseconds of wall time.
const FRAME_MS: i32 = 33;

/// A cluster that differs from the others' again and again is not made anew for ever.
const MOST_HEALED: u32 = 3;

/// A server whose clock goes and that says nothing for this time is out of reach, in milliseconds.
const SILENCE_MS: f64 = 5000.0;
/// No more counts at once: a page that slept gets what came meanwhile before it judges.
const LONGEST_TICK_MS: f64 = 1000.0;

/// The worker's only state.
struct Worker {
    scope: DedicatedWorkerGlobalScope,
    driver: Option<Driver>,
    terminal: Terminal,
    tools: Tools,
    /// What the tools asked before the first cluster was there.
    early: Vec<String>,
    socket: Option<Socket>,
    /// Whether the socket's session has yet to say what is in it; until then the cluster of before is shown.
    joining: bool,
    /// How the live session stood when the page was last told.
    live: Live,
    /// How often the cluster was made anew because the others had another one.
    healed: u32,
    /// Whether that is going on.
    healing: bool,
    /// For how long the server said nothing.
    silent: f64,
    /// Lets a rehearsal go on, and the timer that will call it.
    slice: Option<(js_sys::Function, i32)>,
}

type Shared = Rc<RefCell<Worker>>;

thread_local! {
    /// The cluster that a visit begins with and its first frame, once [`prepare`] has made them.
    static READY: RefCell<Option<(Driver, String)>> = const { RefCell::new(None) };
}

/// Makes the cluster that a visit begins with, for when it is asked for. Uses nothing of a browser.
pub fn prepare() {
    let mut driver = Driver::new(Replica::first());
    let frame = text(&driver.first_frame());
    READY.set(Some((driver, frame)));
}

/// Starts answering. The worker's start script has kept the requests that came before, and hands them over now.
pub fn start() {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let worker = Worker {
        scope: scope.clone(),
        driver: None,
        terminal: Terminal::default(),
        tools: Tools::default(),
        early: Vec::new(),
        socket: None,
        joining: false,
        live: Live::default(),
        healed: 0,
        healing: false,
        silent: 0.0,
        slice: None,
    };
    let worker = Rc::new(RefCell::new(worker));
    let sliced = Rc::clone(&worker);
    let slice = Closure::<dyn Fn()>::new(move || sliced.borrow_mut().rehearse());
    worker.borrow_mut().slice = Some((slice.into_js_value().unchecked_into(), 0));

    let heard = Rc::clone(&worker);
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        let text = match event.data().dyn_into::<Array>() {
            Ok(wrapped) => {
                return heard.borrow_mut().hear_tool(String::from(JsString::from(wrapped.get(0))));
            }
            Err(text) => text.unchecked_into::<JsString>(),
        };
        let request = parse_json(&String::from(text)).expect("the page sends JSON");
        let request: Request = from_doc(&request).expect("page and worker come from one build");
        match request {
            Request::Open(opening) => open(&heard, opening),
            request => heard.borrow_mut().hear(request),
        }
    });
    scope.set_onmessage(Some(on_message.into_js_value().unchecked_ref()));

    let clock = scope.performance().expect("workers have a clock");
    let mut last = clock.now();
    let tick = Closure::<dyn FnMut()>::new(move || {
        let now = clock.now();
        let passed = now - last;
        last = now;
        worker.borrow_mut().tick(passed, &|| clock.now());
    });
    scope
        .set_interval_with_callback_and_timeout_and_arguments_0(
            tick.into_js_value().unchecked_ref(),
            FRAME_MS,
        )
        .expect("workers have timers");
}

fn open(worker: &Shared, opening: Opening) {
    let asked = match &opening {
        Opening::Link(link) => Some(Replica::from_link(link)),
        Opening::Scenario(text) => Some(Replica::from_scenario(text)),
        Opening::Default | Opening::Live(_) => None,
    };
    // What cannot be opened takes nothing away.
    if let Some(Err(reason)) = &asked
        && worker.borrow().driver.is_some()
    {
        return worker.borrow().say(&Reply::BadLink { reason: reason.clone(), kept: true });
    }
    if let Some(socket) = worker.borrow_mut().socket.take() {
        socket.end();
    }
    worker.borrow_mut().joining = matches!(opening, Opening::Live(_));
    worker.borrow_mut().healing = false;
    let replica = match opening {
        Opening::Default => match READY.take() {
            Some((driver, frame)) => return worker.borrow_mut().show(driver, &frame),
            None => Ok(Replica::first()),
        },
        Opening::Link(_) | Opening::Scenario(_) => asked.unwrap_or_else(|| Ok(Replica::first())),
        Opening::Live(link) => {
            let back = Rc::clone(worker);
            let scope = worker.borrow().scope.clone();
            let hear: Rc<dyn Fn(Heard)> = Rc::new(move |heard| back.borrow_mut().hear_server(heard));
            match Socket::open(&scope, &link, hear) {
                // The server's welcome brings the cluster.
                Ok(socket) => return worker.borrow_mut().socket = Some(socket),
                Err(reason) => Err(reason),
            }
        }
    };
    let mut worker = worker.borrow_mut();
    if let Some(version) = replica.as_ref().ok().and_then(Replica::other_version) {
        worker.say(&Reply::OtherVersion(version));
    }
    let replica = replica.unwrap_or_else(|reason| {
        worker.say(&Reply::BadLink { reason, kept: false });
        Replica::first()
    });
    worker.begin(replica);
}

fn text(reply: &Reply) -> String {
    serde_json::to_string(reply).expect("replies are plain data")
}

impl Worker {
    fn begin(&mut self, replica: Replica) {
        let mut driver = Driver::new(replica);
        let frame = text(&driver.first_frame());
        self.show(driver, &frame);
    }

    fn show(&mut self, driver: Driver, frame: &str) {
        // Programs that wait for another cluster's answers would wait for ever.
        self.terminal.end_all();
        self.joining = false;
        self.live = Live::default();
        let headline = driver.headline();
        if self.driver.replace(driver).is_some() {
            self.say(&Reply::Opened);
        }
        if headline != Headline::default() {
            self.say(&Reply::Headline(headline));
        }
        self.post(frame);
        std::mem::take(&mut self.early).into_iter().for_each(|text| self.hear_tool(text));
    }

    fn hear(&mut self, request: Request) {
        // Nothing is behind the glass before the first opening.
        let Some(driver) = &mut self.driver else { return };
        let replies = match request {
            Request::Terminal(request) => self.terminal.hear(request, driver),
            Request::Rewind { .. } => {
                self.terminal.end_all();
                driver.hear(request)
            }
            request => driver.hear(request),
        };
        replies.iter().for_each(|reply| self.say(reply));
        self.talk();
    }

    fn tick(&mut self, passed: f64, clock: &dyn Fn() -> f64) {
        self.listen(passed);
        let Some(driver) = &mut self.driver else { return };
        let mut replies = driver.tick(passed, clock);
        replies.extend(self.terminal.tick(driver, clock));
        replies.iter().for_each(|reply| self.say(reply));
        if let Some(words) = self.driver.as_mut().and_then(Driver::map_words) {
            let words = js_sys::Uint32Array::from(words.as_slice());
            let given = js_sys::Array::of1(&words.buffer());
            self.scope.post_message_with_transfer(&words, &given).expect("numbers can always be posted");
        }
        self.talk();
    }

    /// Networks vanish without a word.
    fn listen(&mut self, passed: f64) {
        let (Some(socket), Some(driver), false) = (&self.socket, &mut self.driver, self.joining) else {
            return;
        };
        let session = driver.session();
        let speaks = self.live.connected && session.pace().is_some_and(|(running, _)| running);
        self.silent = if speaks { self.silent + passed.min(LONGEST_TICK_MS) } else { 0.0 };
        if self.silent > SILENCE_MS {
            self.silent = 0.0;
            session.lose(String::new());
            socket.give_up();
        }
    }

    fn hear_server(&mut self, heard: Heard) {
        self.silent = 0.0;
        let following =
            !self.joining && self.driver.as_mut().is_some_and(|driver| driver.session().sequence().is_some());
        match heard {
            Heard::Message(message) => match *message {
                ServerMessage::Welcome(welcome) if !following => self.join(*welcome),
                ServerMessage::Refused { id: None, why } if !following => self.fall_back(why.to_string()),
                message => {
                    if let Some(driver) = &mut self.driver {
                        driver.hear_server(message);
                    }
                }
            },
            Heard::Outdated(_) if following => self.say(&Reply::Outdated),
            Heard::Gone(reason) | Heard::Outdated(reason) => {
                let session = self.driver.as_mut().map(Driver::session);
                match session.filter(|session| session.sequence().is_some()) {
                    Some(session) => session.lose(reason),
                    None if reason.is_empty() => {}
                    None => self.fall_back(reason),
                }
            }
        }
        self.talk();
    }

    /// The session's cluster takes the place of the one before.
    fn join(&mut self, welcome: Welcome) {
        // Another session has nothing to do with what was done in this one.
        let same = std::mem::take(&mut self.healing);
        let pending = self.driver.as_mut().filter(|_| same).map(|driver| driver.session().take_pending());
        match Replica::together(welcome) {
            Ok(mut replica) => {
                replica.resume_pending(pending.unwrap_or_default());
                self.begin(replica);
            }
            Err(reason) => self.fall_back(reason),
        }
    }

    /// There is no such session: say so, and show something all the same.
    fn fall_back(&mut self, reason: String) {
        self.joining = false;
        self.say(&Reply::BadLink { reason, kept: self.driver.is_some() });
        if let Some(socket) = self.socket.take() {
            socket.end();
        }
        if self.driver.is_none() {
            self.begin(Replica::first());
        }
    }

    /// Passes on what is for the server, and how the session stands.
    fn talk(&mut self) {
        let (Some(socket), Some(driver), false) = (&self.socket, &mut self.driver, self.joining) else {
            return;
        };
        if driver.session().take_diverged() && self.healed < MOST_HEALED {
            self.healed += 1;
            (self.healing, self.joining) = (true, true);
            return socket.begin_anew();
        }
        socket.remember(driver.session().sequence());
        let here = driver.session().company().and_then(Company::tell);
        let Some((said, live)) = driver.session().said() else { return };
        for message in &said {
            if let ClientMessage::Call { name } = message {
                socket.call(name);
            }
            socket.say(message);
        }
        if *live != self.live {
            self.live = live.clone();
            self.say(&Reply::Live(self.live.clone()));
        }
        if let Some(here) = here {
            self.answer(&tools::Answer::Here(here));
        }
    }

    fn hear_tool(&mut self, text: String) {
        // Who asks before there is a cluster waits for it.
        let Some(driver) = &mut self.driver else { return self.early.push(text) };
        let (answers, replies) = self.tools.hear(&text, driver);
        answers.iter().for_each(|answer| self.answer(answer));
        replies.iter().for_each(|reply| self.say(reply));
        // Whoever types waits for it: it begins at once.
        if self.tools.wait() == Some(0) {
            self.rehearse();
        }
    }

    /// Begins a rehearsal that is wanted, or goes on with one; the next slice comes behind what was said meanwhile.
    fn rehearse(&mut self) {
        let clock = self.scope.performance().expect("workers have a clock");
        let told = self.driver.as_mut().and_then(|driver| self.tools.rehearse(driver, &|| clock.now()));
        if let Some(answer) = told {
            self.answer(&answer);
        }
        let (slice, timer) = self.slice.as_mut().expect("it is there from the beginning");
        self.scope.clear_timeout_with_handle(*timer);
        if let Some(wait) = self.tools.wait() {
            *timer = self
                .scope
                .set_timeout_with_callback_and_timeout_and_arguments_0(slice, wait)
                .expect("workers have timers");
        }
    }

    fn answer(&self, answer: &tools::Answer) {
        let text = serde_json::to_string(answer).expect("answers are plain data");
        self.post_to_tools(&text);
    }

    fn post_to_tools(&self, text: &str) {
        let wrapped = Array::of1(&JsValue::from_str(text));
        self.scope.post_message(&wrapped).expect("text can always be posted");
    }

    fn say(&self, reply: &Reply) {
        let text = text(reply);
        if tools::is_for_tool(reply) {
            return self.post_to_tools(&text);
        }
        self.post(&text);
    }

    fn post(&self, text: &str) {
        self.scope.post_message(&JsValue::from_str(text)).expect("text can always be posted");
    }
}

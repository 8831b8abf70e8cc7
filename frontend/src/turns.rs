//! The page is made in turns: each part of the first screen in a task of its own, so that a slow machine never stands still
//! for long. The first one comes once there is something to show: each part is then drawn once, and always in the same order
//! (the build watches it: scripts/profile.mjs). When the page has taken the frame's place, parts are made at once.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    time::Duration,
};

use leptos::prelude::*;

use crate::browser;

/// Who was not painted for so long is not seen.
const UNPAINTED: Duration = Duration::from_secs(1);

type Turn = Box<dyn FnOnce()>;

#[derive(Default)]
struct Turns {
    waiting: VecDeque<Turn>,
    begun: bool,
    over: bool,
    /// What comes when all is over.
    afterwards: Vec<Turn>,
}

thread_local! {
    static TURNS: RefCell<Turns> = RefCell::default();
}

/// A part that waits for its turn.
#[component]
pub(crate) fn InTurn(children: ChildrenFn) -> impl IntoView {
    let come = RwSignal::new(TURNS.with_borrow(|turns| turns.over));
    if !come.get_untracked() {
        // Whoever is gone by then needs no turn.
        let come_in = move || {
            let _ = come.try_set(true);
        };
        wait(Box::new(come_in));
    }
    move || come.get().then(|| children())
}

/// Lets all have their turns, and those that they bring; then does the last thing. Once: two last things would wait for each
/// other.
pub(crate) fn begin(last: impl FnOnce() + 'static) {
    if !TURNS.with_borrow_mut(|turns| std::mem::replace(&mut turns.begun, true)) {
        at_last(last);
        call();
    }
}

/// Whether the page has taken the frame's place.
pub(crate) fn over() -> ReadSignal<bool> {
    let (over, set) = signal(TURNS.with_borrow(|turns| turns.over));
    let tell = move || {
        let _ = set.try_set(true);
    };
    TURNS.with_borrow_mut(|turns| turns.afterwards.push(Box::new(tell)));
    over
}

fn at_last(work: impl FnOnce() + 'static) {
    wait(Box::new(move || {
        if !TURNS.with_borrow(|turns| turns.waiting.is_empty()) {
            at_last(work);
        } else if document().hidden() {
            end(work);
        } else {
            // What is where is known by then: nothing jumps when it is seen.
            let work = Rc::new(Cell::new(Some(work)));
            let once = move || {
                if let Some(work) = work.take() {
                    end(work);
                }
            };
            browser::after_paint(once.clone());
            // A frame that is off the screen is not painted.
            set_timeout(once, UNPAINTED);
        }
    }));
}

fn end(work: impl FnOnce()) {
    TURNS.with_borrow_mut(|turns| turns.over = true);
    work();
    let afterwards = TURNS.with_borrow_mut(|turns| std::mem::take(&mut turns.afterwards));
    afterwards.into_iter().for_each(|work| work());
}

fn wait(turn: Turn) {
    TURNS.with_borrow_mut(|turns| turns.waiting.push_back(turn));
}

fn call() {
    set_timeout(take, Duration::ZERO);
}

fn take() {
    // Browsers give pages that nobody sees one task a second: these take all turns in one.
    loop {
        let Some(turn) = TURNS.with_borrow_mut(|turns| turns.waiting.pop_front()) else { break };
        turn();
        if !document().hidden() {
            break;
        }
    }
    if !TURNS.with_borrow(|turns| turns.over) {
        call();
    }
}

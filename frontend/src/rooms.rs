//! Rooms: a JavaScript module of its own (`js/room.js`), loaded when a workshop begins. It speaks with the worker and the
//! server itself; the page only knows the way in. Whoever comes with `#room=` in the address is let in by `index.html`.

use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, prelude::wasm_bindgen};

use crate::assets;

#[wasm_bindgen]
extern "C" {
    type Module;

    /// Opens a room, after asking how it is to be.
    #[wasm_bindgen(method)]
    fn teach(this: &Module);
}

/// Begins a workshop.
pub(crate) fn teach() {
    spawn_local(async {
        if let Ok(module) = assets::module("room").await {
            module.unchecked_into::<Module>().teach();
        }
    });
}

//! The worker: answers the page's requests from the cluster that it holds.

use wasm_bindgen::prelude::wasm_bindgen;

fn main() {
    console_error_panic_hook::set_once();
    frontend::worker::start();
}

/// Makes the cluster that a visit begins with. Only the build calls this: the program that it ships has the memory as it is then
/// (scripts/prepare.mjs).
#[wasm_bindgen]
pub fn prepare() {
    frontend::worker::prepare();
}

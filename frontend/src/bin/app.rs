//! The page: takes the place of the frame that `index.html` holds.

use leptos::prelude::document;
use wasm_bindgen::JsCast;

fn main() {
    console_error_panic_hook::set_once();
    let frame = document().get_element_by_id("app").expect("index.html has it");
    frame.set_inner_html("");
    // Fails only for names that are no attribute names.
    let _ = frame.remove_attribute("aria-busy");
    leptos::mount::mount_to(frame.unchecked_into(), frontend::app::App).forget();
}

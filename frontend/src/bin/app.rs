//! The page: takes the place of the frame that `index.html` holds.

use leptos::prelude::document;
use wasm_bindgen::{JsCast, UnwrapThrowExt};
use web_sys::HtmlElement;

fn main() {
    console_error_panic_hook::set_once();
    let page: HtmlElement = document().create_element("div").expect_throw("HTML has it").unchecked_into();
    // Until there is a cluster to show, the frame is what people see.
    page.set_class_name("page coming");
    let body = document().body().expect_throw("index.html has a body");
    body.append_child(&page).expect_throw("a body takes children");
    leptos::mount::mount_to(page, frontend::app::App).forget();
}

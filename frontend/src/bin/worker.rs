//! The worker: answers the page's requests from the cluster that it holds.

fn main() {
    console_error_panic_hook::set_once();
    frontend::worker::start();
}

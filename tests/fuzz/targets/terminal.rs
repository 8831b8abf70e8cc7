//! Keys that a client's terminal sends to a program in a container, in pieces as they come, and what that writes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::runtime::{bytes_of_text, text_of_bytes};

#[path = "../../../backend/src/kube_api/terminal.rs"]
mod terminal;

fuzz_target!(|input: &[u8]| fuzz::within_bounds(|| {
    let mut terminal = terminal::Terminal::default();
    for piece in input.chunks(1 + input.len() / 3) {
        drop(terminal.take(piece));
        drop(terminal::shown(piece));
    }
    assert_eq!(bytes_of_text(&text_of_bytes(input)), input);
}));

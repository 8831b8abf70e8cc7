//! Frames of a room: what participants and instructors say, and what they call themselves.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../backend/src/sessions/name.rs"]
mod name;
#[expect(dead_code, reason = "only what is said to the server is tried here")]
#[path = "../../../backend/src/rooms/protocol.rs"]
mod protocol;

use protocol::{Push, Said};

fuzz_target!(|input: &[u8]| fuzz::within_bounds(|| {
    let text = fuzz::text(input);
    if let Some(clean) = name::clean(&text) {
        assert_eq!(name::clean(&clean).as_ref(), Some(&clean));
        assert_ne!(name::told_apart(&clean, |taken| taken == clean), clean);
    }
    match serde_json::from_str(&text) {
        Ok(Said::Status(status)) => drop(serde_json::to_string(&status.trimmed())),
        Ok(Said::Ask(question)) => drop(question.trimmed()),
        Ok(Said::Push { what: Push::Scenario { text }, .. }) => {
            drop(shared::scenario::Scenario::parse(&text))
        }
        _ => {}
    }
}));

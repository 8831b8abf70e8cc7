//! Frames of clients: what is said to the server of a session, and what it does to a cluster.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::{session::protocol::ClientMessage, sim::Duration};

fuzz_target!(|input: &[u8]| {
    let mut player = fuzz::world();
    fuzz::within_bounds(|| {
        for frame in fuzz::parts(&fuzz::text(input)) {
            let Ok(message) = ClientMessage::read(frame) else { continue };
            assert_eq!(ClientMessage::read(&message.write()).as_ref(), Ok(&message));
            if let ClientMessage::Submit { action, .. } = message {
                fuzz::submit(&mut player, action, Duration::seconds(5));
            }
        }
    });
});

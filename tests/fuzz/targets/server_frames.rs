//! Frames of servers, and a replica that follows what they say.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::{
    session::{Replica, protocol::ServerMessage},
    sim::{Duration, Time},
};

/// Larger clusters take longer than an input may.
const MOST_NODES: u32 = 20;

fuzz_target!(|input: &[u8]| fuzz::within_bounds(|| {
    let mut replica: Option<Replica> = None;
    for frame in fuzz::parts(&fuzz::text(input)) {
        let Ok(message) = ServerMessage::read(frame) else { continue };
        assert_eq!(ServerMessage::read(&message.write()).as_ref(), Ok(&message));
        match (message, &mut replica) {
            (ServerMessage::Welcome(welcome), _) => {
                let scenario = welcome.scenario.as_ref();
                if scenario.is_some_and(|scenario| fuzz::nodes(scenario) <= MOST_NODES) {
                    replica = Replica::welcomed(*welcome, 0).ok();
                }
            }
            (ServerMessage::Entry(entry), Some(replica)) => drop(replica.take_entry(&entry)),
            (ServerMessage::Horizon(horizon), Some(replica)) => replica.take_horizon(horizon),
            _ => {}
        }
        if let Some(replica) = &mut replica {
            let soon: Time = replica.player().now() + Duration::seconds(2);
            replica.advance_to(soon);
        }
    }
}));

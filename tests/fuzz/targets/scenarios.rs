//! Scenario files. One that can be read is written and read as the same, and its beginning can be played.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::{scenario::Scenario, session::Player, sim::Duration};

/// Larger clusters take longer than an input may.
const MOST_NODES: u32 = 20;

fuzz_target!(|input: &[u8]| fuzz::within_bounds(|| {
    let Ok(scenario) = Scenario::parse(&fuzz::text(input)) else { return };
    assert_eq!(Scenario::parse(&scenario.to_yaml()).as_ref(), Ok(&scenario));
    if fuzz::nodes(&scenario) > MOST_NODES {
        return;
    }
    if let Ok(mut player) = Player::new(scenario, 0) {
        fuzz::wait(&mut player, Duration::seconds(10));
    }
}));

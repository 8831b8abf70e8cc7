//! Requests to a cluster's API server, one after the other: bodies of all kinds, patches, subresources, connections.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::{scenario::StepAction, sim::Duration};

fuzz_target!(|input: &[u8]| {
    let mut player = fuzz::world();
    fuzz::within_bounds(|| {
        for request in fuzz::parts(&fuzz::text(input)) {
            let action = StepAction::Request(fuzz::http::request(request).into());
            fuzz::submit(&mut player, action, Duration::millis(300));
        }
        fuzz::wait(&mut player, Duration::seconds(3));
    });
});

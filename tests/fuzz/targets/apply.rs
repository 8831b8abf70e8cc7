//! Manifests that somebody applies, and what a cluster makes of them in half a minute. Command lines may follow.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::{scenario::StepAction, sim::Duration};

fuzz_target!(|input: &[u8]| {
    let mut player = fuzz::world();
    fuzz::within_bounds(|| {
        let text = fuzz::text(input);
        let mut parts = fuzz::parts(&text);
        let manifest = parts.next().unwrap_or_default();
        fuzz::submit(&mut player, StepAction::Apply(manifest.into()), Duration::seconds(30));
        for line in parts {
            fuzz::submit(&mut player, StepAction::Kubectl(line.into()), Duration::seconds(5));
        }
    });
});

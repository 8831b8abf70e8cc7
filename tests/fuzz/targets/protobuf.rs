//! Bodies in Kubernetes' protobuf.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::doc::parse_json;

#[expect(dead_code, reason = "only what is read is tried here")]
#[path = "../../../backend/src/kube_api/protobuf.rs"]
mod protobuf;

fuzz_target!(|input: &[u8]| fuzz::within_bounds(|| {
    if let Ok(read) = protobuf::to_json(input) {
        // What is nested too deeply is refused there.
        drop(parse_json(&read.to_string()));
    }
}));

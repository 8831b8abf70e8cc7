//! SPDY: a whole connection as a client sends it, headers unpacked.
#![no_main]

use futures_util::FutureExt;
use libfuzzer_sys::fuzz_target;

#[expect(dead_code, reason = "only what is read is tried here")]
#[path = "../../../backend/src/kube_api"]
mod kube_api {
    pub mod spdy;
}

fuzz_target!(|input: &[u8]| fuzz::within_bounds(|| {
    let mut reader = kube_api::spdy::Reader::new(input);
    // All is there already: nothing is waited for.
    while let Some(Ok(Some(event))) = reader.next().now_or_never() {
        drop(event);
    }
}));

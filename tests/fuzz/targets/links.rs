//! Links: fragments as they stand in the address bar, and the bytes that they are made of.
#![no_main]

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use libfuzzer_sys::fuzz_target;
use shared::session::link;

fuzz_target!(|input: &[u8]| fuzz::within_bounds(|| {
    let read = match link::decode(&fuzz::text(input)) {
        Err(link::LinkError::Foreign) => link::decode(&format!("1.{}", BASE64_URL_SAFE_NO_PAD.encode(input))),
        read => read,
    };
    if let Ok(scenario) = read {
        let fragment = link::encode(&scenario).expect("it came out of a link");
        assert_eq!(link::decode(&fragment).ok(), Some(scenario));
    }
}));

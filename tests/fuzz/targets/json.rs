//! JSON. What was read says the same when it is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::doc::parse_json;

fuzz_target!(|input: &[u8]| fuzz::within_bounds(|| {
    if let Ok(doc) = parse_json(&fuzz::text(input)) {
        assert_eq!(parse_json(&doc.to_json()).ok(), Some(doc));
    }
}));

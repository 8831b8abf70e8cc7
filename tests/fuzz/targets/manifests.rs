//! Manifests: read strictly and as far as it goes, looked at for faults, mended, and written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::{
    manifest,
    session::{diagnose, fixes::Mender},
};

/// Fixes of so many faults are tried.
const FAULTS: usize = 4;

fuzz_target!(|input: &[u8]| fuzz::within_bounds(|| {
    let text = fuzz::text(input);
    drop(manifest::parse_loosely(&text));
    for document in manifest::parse(&text).unwrap_or_default() {
        let written = manifest::to_yaml(&document.doc);
        assert_eq!(manifest::documents(&written).as_ref(), Ok(&vec![document.doc]), "{written}");
    }
    let faults = diagnose(&text);
    let mender = Mender::new(&text, &faults);
    for fault in faults.iter().take(FAULTS) {
        for fix in mender.fixes(fault) {
            fix.applied(&text);
        }
    }
}));

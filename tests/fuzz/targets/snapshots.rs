//! Snapshots: states in which bytes were changed, with sums that are right again. An input is a list of changes: where (three
//! bytes), and what stands there instead.
#![no_main]

use std::{io::Read, sync::LazyLock};

use flate2::{Compression, read::DeflateDecoder, read::DeflateEncoder};
use libfuzzer_sys::fuzz_target;
use shared::{
    codec::{Codec, Decoder, Encoder},
    scenario::Scenario,
    session::Replica,
    sim::{Duration, hash_of},
};

static SCENARIO: LazyLock<Scenario> = LazyLock::new(|| {
    let mut scenario = Scenario::opening();
    scenario.spec.cluster.nodes[0].count = 1;
    scenario
});

/// The parts of a snapshot: version, hash of the state, and the state itself.
static WHOLE: LazyLock<(String, u128, Vec<u8>)> = LazyLock::new(|| {
    let mut replica = Replica::new(SCENARIO.clone(), 0).expect("it can be played");
    let horizon = shared::session::protocol::Horizon {
        time: replica.player().now() + Duration::seconds(20),
        ..replica.horizon()
    };
    replica.take_horizon(horizon);
    replica.advance_to(horizon.time);
    let bytes = replica.save().expect("nothing runs");
    let mut head = Decoder::new(&bytes);
    let version = String::decode(&mut head).expect("a version");
    let (hash, _) = <(u128, u128)>::decode(&mut head).expect("two sums");
    let mut state = Vec::new();
    DeflateDecoder::new(head.rest()).read_to_end(&mut state).expect("it was packed");
    assert!(
        Replica::load(SCENARIO.clone(), 0, &packed(&version, hash, &state)).is_ok(),
        "unchanged it is good"
    );
    (version, hash, state)
});

fn packed(version: &str, hash: u128, state: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    DeflateEncoder::new(state, Compression::none()).read_to_end(&mut packed).expect("there is room");
    let mut head = Encoder::default();
    version.to_owned().encode(&mut head);
    (hash, hash_of(packed.as_slice())).encode(&mut head);
    [head.into_bytes(), packed].concat()
}

fuzz_target!(|input: &[u8]| {
    let (version, hash, state) = &*WHOLE;
    let mut state = state.clone();
    for change in input.chunks_exact(4) {
        let at = usize::from(change[0]) << 16 | usize::from(change[1]) << 8 | usize::from(change[2]);
        let length = state.len();
        state[at % length] = change[3];
    }
    let bytes = packed(version, *hash, &state);
    fuzz::within_bounds(|| drop(Replica::load(SCENARIO.clone(), 0, &bytes)));
});

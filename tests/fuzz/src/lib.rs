//! What the targets have in common: bounds of time and memory, and a cluster to try things in.
//!
//! A target takes what a fuzzer makes up and gives it to one parser, or to a cluster that is the same for every input. It fails
//! by a panic, by more memory than [`MOST_BYTES`] and by more time than [`LONGEST`].

pub mod http;
pub mod program;

use std::{
    borrow::Cow,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cap::Cap;
use cpu_time::ThreadTime;
use mimalloc::MiMalloc;
use shared::{
    doc::Str,
    scenario::{Scenario, StepAction},
    session::Player,
    sim,
};

/// What all that is in memory may take; an allocation beyond it ends the program.
const MOST_BYTES: usize = 512 << 20;

/// What one input may take of the processor. Programs for fuzzing are several times slower than others.
const LONGEST: Duration = Duration::from_secs(2);

/// What is worth telling, if nothing was slower before.
const SLOW_MICROS: u64 = 1000;

/// What stands between the parts of an input.
const BETWEEN: &str = "\n%%\n";

#[global_allocator]
static MEMORY: Cap<MiMalloc> = Cap::new(MiMalloc, MOST_BYTES);

/// Runs what reads an input, within the bounds.
pub fn within_bounds(read: impl FnOnce()) {
    static SLOWEST: AtomicU64 = AtomicU64::new(SLOW_MICROS);
    let begun = ThreadTime::now();
    read();
    let took = begun.elapsed();
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    if SLOWEST.fetch_max(micros, Ordering::Relaxed) < micros {
        eprintln!("slowest: {micros} us");
    }
    assert!(took < LONGEST, "it took {took:?} of the processor");
}

/// The input as text.
pub fn text(input: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(input)
}

/// The parts of an input, a few at most.
pub fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(BETWEEN).take(6)
}

/// A cluster that has run for a while, with something of everything in it (`world.yaml`).
pub fn world() -> Player {
    static WORLD: OnceLock<Player> = OnceLock::new();
    let made = || {
        let scenario = Scenario::parse(include_str!("../world.yaml")).expect("a scenario");
        let opening = scenario.spec.opening;
        let mut player = Player::new(scenario, 0).expect("it can be played");
        wait(&mut player, opening);
        for result in player.results() {
            assert_eq!(result.exit_code, 0, "{}: {}", result.command, result.stderr);
        }
        player
    };
    WORLD.get_or_init(made).clone()
}

/// Lets time pass.
pub fn wait(player: &mut Player, length: sim::Duration) {
    player.advance_to(player.now() + length);
}

/// Does something as a person, and waits for what comes of it.
pub fn submit(player: &mut Player, action: StepAction, wait_for: sim::Duration) {
    player.submit(action, Str::from("ana"));
    wait(player, wait_for);
}

/// How many nodes a scenario has.
pub fn nodes(scenario: &Scenario) -> u32 {
    let groups = scenario.spec.cluster.nodes.iter();
    groups.fold(0, |sum, group| sum.saturating_add(group.count))
}

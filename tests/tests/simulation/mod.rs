//! Random commands and faults over random clusters, with rules that must hold whatever happens.
//!
//! `SEEDS=1000` tries more seeds, `FROM=5000` others, `SEED=17` one; a failure prints the seed and every step that
//! led to it.

mod people;
mod rules;
mod world;

use shared::sim::Duration;
use world::World;

const STEPS: u64 = 60;

fn live(seed: u64) {
    let mut world = World::new(seed);
    world.wait(Duration::seconds(10));
    for _ in 0..STEPS {
        world.random_step();
        // Anything from a moment to two minutes, short ones as likely as long ones.
        let longest = 1 << world.random.below(17);
        let pause = Duration::millis(10 + world.random.below(longest));
        world.wait(pause);
    }
    world.mend();
    world.wait(Duration::seconds(20 * 60));
    world.check_settled();
}

#[test]
fn random_lives() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let from = number("FROM").unwrap_or(0);
            from..from + number("SEEDS").unwrap_or(24)
        }
    };
    let total = seeds.end - seeds.start;
    for (done, seed) in (1u64..).zip(seeds) {
        live(seed);
        if done % 10 == 0 {
            eprintln!("{done} of {total} seeds");
        }
    }
}

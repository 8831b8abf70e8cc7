//! The scenario suite: every file in `tests/scenarios/` must meet its own expectations, and end in the same state
//! whenever it is played.

use std::fs;
use std::path::Path;

use shared::scenario::Scenario;
use shared::session::Player;

fn play(scenario: &Scenario, trace: u64) -> Player {
    let mut player = Player::new(scenario.clone(), trace).expect("a scenario that can be played");
    player.run_to_end();
    player
}

#[test]
fn every_scenario_meets_its_expectations() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("the suite").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let mut failures = Vec::new();
    for file in &files {
        let name = file.file_name().expect("a name").to_string_lossy();
        let scenario = match Scenario::parse(&fs::read_to_string(file).expect("text")) {
            Ok(scenario) => scenario,
            Err(error) => {
                failures.push(format!("{name}: {error}"));
                continue;
            }
        };
        let player = play(&scenario, 0);
        for (expectation, verdict) in player.expectations() {
            if !verdict.is_some_and(|verdict| verdict.met) {
                failures.push(format!("{name}: {} was not met", expectation.id));
            }
        }
        // The trace is observation only: keeping one changes nothing.
        let again = play(&scenario, 50_000);
        if again.hash() != player.hash() {
            failures.push(format!("{name}: two runs ended in different states"));
        }
        // Neither does being interrupted, nor going through a file.
        let copy = Scenario::parse(&again.to_scenario().to_yaml()).expect("what is written can be read");
        if play(&copy, 0).hash() != player.hash() {
            failures.push(format!("{name}: its own recording ends in another state"));
        }
        println!("{name}: {} {}", player.now().0, player.hash());
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

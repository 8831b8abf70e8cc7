//! Command lines of kubectl, as a participant submits them, and with a file as its owner has it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::{kubectl::Program, scenario::StepAction, sim::Duration};

fuzz_target!(|input: &[u8]| {
    let mut player = fuzz::world();
    fuzz::within_bounds(|| {
        let text = fuzz::text(input);
        match text.split_once("\n%%\n") {
            None => {
                for line in text.lines().take(4) {
                    fuzz::submit(&mut player, StepAction::Kubectl(line.into()), Duration::seconds(10));
                }
            }
            Some((line, file)) => {
                let mut cluster = player.cluster().clone();
                let Ok(split) = Program::from_command_line(line, cluster.core().timestamp()) else { return };
                fuzz::program::run(&mut cluster, split.args().to_vec(), file);
            }
        }
    });
});

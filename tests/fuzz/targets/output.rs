//! How `kubectl get` is to print: jsonpath, Go templates, columns, and by what it sorts. Each line is a word of the command.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::{
    api::User,
    cluster::Course,
    kubectl::{Program, Progress},
};

/// No form of output asks more.
const QUESTIONS: usize = 20;

fuzz_target!(|input: &[u8]| {
    let player = fuzz::world();
    fuzz::within_bounds(|| {
        let cluster = player.cluster();
        let text = fuzz::text(input);
        let words = ["get", "pods,deployments"].into_iter().chain(text.split('\n'));
        let mut program =
            Program::new(words.map(Into::into).collect(), "".into(), cluster.core().timestamp());
        for _ in 0..QUESTIONS {
            let Progress::Needs(request) = program.run() else { return };
            let Course::Answered(answer) = cluster.course(&request, User::admin(), true) else { return };
            program.answer(answer);
        }
    });
});

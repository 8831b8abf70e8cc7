//! What beginners write: said at the very character in the API server's words, and mended by one click so that the API
//! server takes it.

mod fields;
mod good;
mod missing;
mod shapes;
mod values;

use shared::scenario::{Scenario, StepAction};
use shared::session::fixes::Mender;
use shared::session::{Player, StepResult};
use shared::sim::Time;

/// A good manifest, a part of it and what somebody wrote instead, where the fault is and how its message begins, and what
/// the fixes make of what was written; `None` where they make the good manifest again.
type Case = (&'static str, &'static str, &'static str, (u32, u32), &'static str, Option<&'static str>);

/// A text applied to a cluster that lives.
fn apply(text: &str) -> StepResult {
    let mut player = Player::new(Scenario::opening(), 0).expect("the opening can be played");
    player.advance_to(Time(30_000));
    let step = player.submit(StepAction::Apply(text.into()), Default::default());
    loop {
        assert!(player.step(), "it comes to an end");
        if let Some(result) = player.results().iter().find(|result| result.step == step) {
            return result.clone();
        }
    }
}

#[test]
fn what_beginners_write_is_said_where_it_is_and_mended() {
    let mut wrong = Vec::new();
    let tables = [fields::CASES, shapes::CASES, values::CASES, missing::CASES];
    for (good, part, written, place, message, fixed) in tables.concat() {
        assert_eq!(good.matches(part).count(), 1, "{part}");
        let text = good.replace(part, written);
        let expected = fixed.map_or_else(|| good.to_owned(), |fixed| good.replace(part, fixed));
        let mut result = apply(&text);
        let Some(first) = result.diagnostics.first() else {
            wrong.push(format!("{written:?}: no fault: {}", result.stderr));
            continue;
        };
        if ((first.line, first.column), true) != (place, first.message.starts_with(message)) {
            wrong.push(format!("{written:?}: {first:?}"));
        }
        // What is said of a text may be several faults, each with its fix.
        let mut mended = text;
        for _ in 0..4 {
            let Some(fault) = result.diagnostics.first() else { break };
            let Some(fix) = Mender::new(&mended).fixes(fault).into_iter().next() else {
                wrong.push(format!("{written:?}: nothing mends {fault:?}"));
                break;
            };
            mended = fix.applied(&mended);
            result = apply(&mended);
        }
        if result.exit_code != 0 || mended != expected {
            wrong.push(format!("{written:?}: {} came to\n{mended}", result.stderr));
        }
    }
    assert!(wrong.is_empty(), "{} faults\n{}", wrong.len(), wrong.join("\n"));
}

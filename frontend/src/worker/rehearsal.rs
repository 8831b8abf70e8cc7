//! What applying a text would come to: a private copy of the cluster in which it is applied.

use shared::{
    scenario::StepAction,
    session::{
        Diagnostic, Player, StepResult,
        fixes::{Fix, Mender},
    },
    sim::Time,
};

/// How long a rehearsal may take, in virtual milliseconds, and so much longer for each object: kubectl asks for one after the other.
const PATIENCE_MS: u64 = 30_000;
const PATIENCE_MS_AN_OBJECT: u64 = 40;
/// So many faults are told with what mends them: nobody mends more before looking again.
const MENDED: usize = 50;
/// Steps between two looks at the wall clock, which costs more than a step.
const BETWEEN_LOOKS: u32 = 50;

/// A rehearsal that goes on while there is time.
pub struct Rehearsal {
    player: Box<Player>,
    step: u64,
    end: Time,
}

impl Rehearsal {
    /// Of applying `text`, which is YAML, to the cluster as it stands.
    pub fn new(player: &Player, text: &str) -> Self {
        let mut player = Box::new(player.clone());
        let objects = text.matches("kind:").count() as u64;
        let end = Time(player.now().0 + PATIENCE_MS + objects * PATIENCE_MS_AN_OBJECT);
        let step = player.submit(StepAction::Apply(text.into()), Default::default());
        Self { player, step, end }
    }

    /// What came of it, once it ended (nothing, when that took too long); `None` when there was no time left to find out.
    pub fn advance(&mut self, late: &dyn Fn() -> bool) -> Option<Option<StepResult>> {
        loop {
            let found = self.player.results().iter().rev().find(|result| result.step == self.step);
            if let Some(result) = found {
                let mut result = result.clone();
                result.diagnostics.dedup();
                return Some(Some(result));
            }
            for _ in 0..BETWEEN_LOOKS {
                if !self.player.step() || self.player.now() > self.end {
                    return Some(None);
                }
            }
            if late() {
                return None;
            }
        }
    }
}

/// What mends the faults of a text.
pub fn mended(text: &str, faults: &[Diagnostic]) -> Vec<Vec<Fix>> {
    if faults.is_empty() {
        return Vec::new();
    }
    let faults = &faults[..faults.len().min(MENDED)];
    let mender = Mender::new(text, faults);
    faults.iter().map(|fault| mender.fixes(fault)).collect()
}

//! What the page's tools (editor, comparison, files) ask past the page's own program: what applying a text would come to,
//! and the cluster as a scenario. Their kubectl programs are the terminal's, with numbers of their own.
//!
//! Requests and answers are JSON text inside a list of one: the page's program listens to plain text only, and need not
//! read what is not for it.

use shared::{
    doc::parse_json,
    session::{
        self, Player, diagnose,
        fixes::{Fix, Mender},
    },
    sim::Time,
};

use super::{
    company::{self, Here},
    driver::Driver,
    panels, step,
};
use crate::protocol::{Command, Diagnostic, Outcome, Reply, TerminalReply};

/// From here on numbers of kubectl programs are the tools'.
pub const TOOLS: u32 = 1 << 24;
/// Wall time that one tick spends on a rehearsal, in milliseconds.
const BUDGET_MS: f64 = 8.0;
/// How long a rehearsal may take, in virtual milliseconds.
const PATIENCE_MS: u64 = 30_000;
/// So many faults are told with what mends them: nobody mends more before looking again.
const MENDED: usize = 50;
/// Steps between two looks at the wall clock, which costs more than a step.
const BETWEEN_LOOKS: u32 = 50;

/// What the tools wait for. Only the newest rehearsal matters: the text has changed since the others began.
#[derive(Default)]
pub struct Tools {
    /// A text that is to be rehearsed: what can be said of it at once is said before that.
    wanted: Option<Wanted>,
    rehearsal: Option<Rehearsal>,
}

struct Wanted {
    id: u32,
    text: String,
    /// What mends the faults that were seen at once.
    fixes: Vec<Vec<Fix>>,
}

/// A private copy of the cluster in which a text is applied.
struct Rehearsal {
    id: u32,
    text: String,
    player: Box<Player>,
    step: u64,
    since: Time,
}

/// An answer to a tool.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// What can be said of a text at once.
    Seen {
        /// The request's number.
        id: u32,
        /// What is wrong with it, as far as the text alone tells.
        diagnostics: Vec<Diagnostic>,
        /// What mends each.
        fixes: Vec<Vec<Fix>>,
    },
    /// What applying it would come to.
    Rehearsed {
        /// The request's number.
        id: u32,
        /// What the API server says.
        outcome: Outcome,
        /// What mends each of its faults.
        fixes: Vec<Vec<Fix>>,
    },
    /// What a part of the page asked.
    Told {
        /// The request's number.
        id: u32,
        /// As JSON.
        text: String,
    },
    /// Who else is in a live session, and what they point at.
    Here(Box<Here>),
    /// The cluster as it stands, with everything that was done to it.
    Scenario {
        /// The request's number.
        id: u32,
        /// As JSON.
        text: String,
    },
}

/// Whether a reply is for a tool and not for the page's program.
pub fn is_for_tool(reply: &Reply) -> bool {
    match reply {
        Reply::Terminal(
            TerminalReply::Output { id, .. }
            | TerminalReply::Asks { id, .. }
            | TerminalReply::Done { id, .. },
        ) => *id >= TOOLS,
        _ => false,
    }
}

impl Tools {
    /// Does what a tool asks: `{"id", "check": text}`, `{"id", "scenario": true}`, `{"id", "ask": …}` (see [`panels`]), or
    /// what an address can ask for: `{"look": virtual time}`, `{"readOnly": bool}`; in a live session also `{"point": …}`,
    /// `{"here": true}` (see [`company`]). Second are answers to the page.
    pub fn hear(&mut self, text: &str, driver: &mut Driver) -> (Vec<Answer>, Vec<Reply>) {
        let Ok(request) = parse_json(text) else { return Default::default() };
        let id = request["id"].as_i64().and_then(|id| u32::try_from(id).ok()).unwrap_or_default();
        if !request["ask"].is_null() {
            return (vec![Answer::Told { id, text: panels::answer(driver, &request) }], Vec::new());
        }
        if let Some(manifest) = request["check"].as_str() {
            return (vec![self.check(id, manifest)], Vec::new());
        }
        if let Some(at) = request["look"].as_i64() {
            return (Vec::new(), driver.look_from_the_beginning(u64::try_from(at).unwrap_or_default()));
        }
        if let Some(read_only) = request["readOnly"].as_bool() {
            driver.set_read_only(read_only);
            return Default::default();
        }
        if company::hear(&request, driver) {
            return Default::default();
        }
        (vec![Answer::Scenario { id, text: driver.replica().scenario() }], Vec::new())
    }

    /// Says what the text alone tells; the rehearsal begins with the next tick.
    fn check(&mut self, id: u32, manifest: &str) -> Answer {
        self.rehearsal = None;
        let found = diagnose(manifest);
        let fixes = mended(manifest, &found);
        let diagnostics = found.into_iter().map(step::mark).collect();
        self.wanted = Some(Wanted { id, text: manifest.to_owned(), fixes: fixes.clone() });
        Answer::Seen { id, diagnostics, fixes }
    }

    /// Begins a rehearsal that is wanted, or lets one go on as far as there is time.
    pub fn tick(&mut self, driver: &mut Driver, clock: &dyn Fn() -> f64) -> Option<Answer> {
        let deadline = clock() + BUDGET_MS;
        if let Some(Wanted { id, text, fixes }) = self.wanted.take() {
            let action = match step::action(&Command::Apply(text.clone())) {
                Err(outcome) => return Some(Answer::Rehearsed { id, outcome, fixes }),
                Ok(action) => action,
            };
            let mut player = Box::new(driver.replica().player().clone());
            let since = player.now();
            let step = player.submit(action, Default::default());
            self.rehearsal = Some(Rehearsal { id, text, player, step, since });
        }
        let rehearsal = self.rehearsal.as_mut()?;
        let (outcome, fixes) = rehearsal.advance(&|| clock() > deadline)?;
        let id = rehearsal.id;
        self.rehearsal = None;
        Some(Answer::Rehearsed { id, outcome, fixes })
    }
}

/// What mends the faults of a text.
fn mended(text: &str, faults: &[session::Diagnostic]) -> Vec<Vec<Fix>> {
    if faults.is_empty() {
        return Vec::new();
    }
    let mender = Mender::new(text);
    faults.iter().take(MENDED).map(|fault| mender.fixes(fault)).collect()
}

impl Rehearsal {
    /// What came of it, once it ended; `None` when there was no time left to find out.
    fn advance(&mut self, late: &dyn Fn() -> bool) -> Option<(Outcome, Vec<Vec<Fix>>)> {
        loop {
            let found = self.player.results().iter().rev().find(|result| result.step == self.step);
            if let Some(result) = found {
                let mut faults = result.diagnostics.clone();
                faults.dedup();
                return Some((step::outcome(result), mended(&self.text, &faults)));
            }
            for _ in 0..BETWEEN_LOOKS {
                if !self.player.step() || self.player.now().0 > self.since.0 + PATIENCE_MS {
                    return Some(Default::default());
                }
            }
            if late() {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::replica::Replica;

    fn check(text: &str) -> (Vec<Diagnostic>, Outcome, Driver) {
        let mut driver = Driver::new(Replica::first());
        let mut tools = Tools::default();
        let request = serde_json::json!({ "id": 7, "check": text }).to_string();
        let (mut answers, _) = tools.hear(&request, &mut driver);
        for _ in 0..1000 {
            answers.extend(tools.tick(&mut driver, &|| 0.0));
        }
        let [Answer::Seen { id: 7, diagnostics, .. }, Answer::Rehearsed { id: 7, outcome, .. }] =
            answers.as_slice()
        else {
            panic!("two answers are expected");
        };
        (diagnostics.clone(), outcome.clone(), driver)
    }

    const NO_SELECTOR: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    \
        metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: nginx}]}\n";

    #[test]
    fn a_rehearsal_says_what_applying_would_and_changes_nothing() {
        let before = Replica::first().hash();
        let (seen, outcome, mut driver) = check(NO_SELECTOR);
        assert_eq!(seen, []);
        assert!(!outcome.ok && outcome.diagnostics[0].message.starts_with("spec.selector: Required value"));
        assert_eq!(driver.replica().hash(), before);
        let (_, outcome, mut driver) = check("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n");
        assert_eq!((outcome.ok, outcome.stdout.as_str()), (true, "configmap/x created\n"));
        assert_eq!(driver.replica().hash(), before);
    }

    #[test]
    fn what_is_no_yaml_is_seen_at_once() {
        let (seen, outcome, _) = check("a: [\n");
        assert_eq!(seen.len(), 1);
        assert!(!outcome.ok);
    }

    #[test]
    fn a_link_opens_at_a_moment_before_its_present_and_nothing_is_lost() {
        let mut lived = Replica::first();
        let begun = lived.cluster().now();
        lived.act(None, &Command::Kubectl("scale deployment/todo-api --replicas=5".to_owned()));
        lived.advance_to(Time(begun.0 + 20_000));
        let mut driver = Driver::new(Replica::from_link(&lived.link()).expect("a link of ours"));
        let (present, hash) = (driver.replica().cluster().now(), driver.replica().hash());
        let mut tools = Tools::default();
        let at = begun.0 - 1000;
        tools.hear(&serde_json::json!({ "look": at }).to_string(), &mut driver);
        driver.tick(10.0, &|| 0.0);
        assert_eq!(driver.replica().cluster().now(), Time(at));
        driver.tick(1000.0, &|| 0.0);
        assert_eq!(driver.replica().cluster().now(), Time(at), "time stands still there");
        driver.replica().advance_to(present);
        assert_eq!(driver.replica().hash(), hash, "what was done is done again");
    }

    #[test]
    fn whoever_may_only_look_is_told_so() {
        let mut driver = Driver::new(Replica::first());
        let before = driver.replica().hash();
        Tools::default().hear("{\"readOnly\":true}", &mut driver);
        let command = Command::Kubectl("delete deployment todo-api".to_owned());
        driver.hear(crate::protocol::Request::Command { id: 5, command });
        let told = driver.replica().outcomes();
        let [Reply::Outcome { id: 5, outcome }] = told.as_slice() else { panic!("{told:?}") };
        assert!(!outcome.ok && outcome.stderr.contains("looking only"));
        assert_eq!(driver.replica().hash(), before);
    }

    #[test]
    fn programs_of_tools_are_told_from_those_of_the_terminal() {
        let done = |id| Reply::Terminal(TerminalReply::Done { id, code: 0 });
        assert!(is_for_tool(&done(TOOLS)) && !is_for_tool(&done(TOOLS - 1)));
    }
}

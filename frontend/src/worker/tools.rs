//! What the page's tools (editor, comparison, files) ask past the page's own program: what applying a text would come to,
//! and the cluster as a scenario. Their kubectl programs are the terminal's, with numbers of their own.
//!
//! Requests and answers are JSON text inside a list of one: the page's program listens to plain text only, and need not
//! read what is not for it.

use shared::{
    doc::parse_json,
    session::{self, Diagnoser, fixes::Fix},
};

use super::{
    company::{self, Here},
    driver::Driver,
    panels,
    rehearsal::{Rehearsal, mended},
    step,
};
use crate::protocol::{Command, Diagnostic, Outcome, Reply, TerminalReply};

/// From here on numbers of kubectl programs are the tools'.
pub const TOOLS: u32 = 1 << 24;
/// Wall time that a rehearsal takes before whatever else came is heard, in milliseconds.
const BUDGET_MS: f64 = 6.0;
/// The whole of a text is rehearsed when nobody typed for this time since the document that has changed was, in
/// milliseconds: the next key is not to wait for it.
const PAUSE_MS: i32 = 400;

/// What the tools wait for. Only the newest rehearsal matters: the text has changed since the others began.
#[derive(Default)]
pub struct Tools {
    /// A text that is to be rehearsed: what can be said of it at once is said before that.
    wanted: Option<Wanted>,
    rehearsal: Option<(Wanted, Rehearsal)>,
    /// In how many milliseconds a rehearsal begins or goes on; `None` without one.
    wait: Option<i32>,
    diagnoser: Diagnoser,
}

struct Wanted {
    id: u32,
    text: String,
    readable: bool,
    /// What was seen at once, and what is known of documents that have not changed.
    seen: Vec<session::Diagnostic>,
    /// The one piece that has changed, with its lines where they are in the whole: it is rehearsed first, alone.
    first: Option<String>,
}

/// An answer to a tool.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// What can be said of a text at once, or soon.
    Seen {
        /// The request's number.
        id: u32,
        /// What is wrong with it, as far as that is known.
        diagnostics: Vec<Diagnostic>,
        /// How many of these the text alone tells: the first.
        textual: usize,
        /// What mends each.
        fixes: Vec<Vec<Fix>>,
        /// Whether the one document that has changed was rehearsed: what is not among them is mended.
        settled: bool,
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
    /// Does what a tool asks: `{"id", "check": text}`, `{"id", "scenario": true}`, `{"id", "ask": …}` (see [`panels`]),
    /// `{"whole": true}` (a link with the values of Secrets), or what an address can ask for: `{"look": virtual time}`,
    /// `{"readOnly": bool}`; in a live session also `{"point": …}`, `{"here": true}` (see [`company`]). Second are answers to
    /// the page.
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
        // The page shows it in place of the one without the values of Secrets.
        if request["whole"].as_bool() == Some(true) {
            return (Vec::new(), vec![Reply::Link(driver.replica().link())]);
        }
        (vec![Answer::Scenario { id, text: driver.replica().scenario() }], Vec::new())
    }

    /// Says what the text alone tells; the rehearsal begins when this was said.
    fn check(&mut self, id: u32, manifest: &str) -> Answer {
        self.rehearsal = None;
        let found = self.diagnoser.diagnose(manifest);
        let first = found.changed.map(|piece| piece.in_place());
        let mut seen = found.faults;
        let textual = seen.len();
        add(&mut seen, found.told);
        let answer = seen_so_far(id, manifest, &seen, Some(textual));
        self.wanted = Some(Wanted { id, text: manifest.to_owned(), readable: found.readable, seen, first });
        self.wait = Some(0);
        answer
    }

    /// In how many milliseconds [`Tools::rehearse`] has something to do; `None` when it has nothing.
    pub fn wait(&self) -> Option<i32> {
        self.wait
    }

    /// Begins a rehearsal that is wanted, or lets one go on as far as there is time.
    pub fn rehearse(&mut self, driver: &mut Driver, clock: &dyn Fn() -> f64) -> Option<Answer> {
        let answer = self.slice(driver, clock);
        let settled = matches!(answer, Some(Answer::Seen { .. }));
        self.wait = if settled { Some(PAUSE_MS) } else { self.rehearsal.is_some().then_some(0) };
        answer
    }

    fn slice(&mut self, driver: &mut Driver, clock: &dyn Fn() -> f64) -> Option<Answer> {
        let deadline = clock() + BUDGET_MS;
        if let Some(wanted) = self.wanted.take() {
            if !wanted.readable
                && let Err(outcome) = step::action(&Command::Apply(wanted.text.clone()))
            {
                let fixes = mended(&wanted.text, &wanted.seen);
                return Some(Answer::Rehearsed { id: wanted.id, outcome, fixes });
            }
            let text = wanted.first.as_ref().unwrap_or(&wanted.text);
            let rehearsal = Rehearsal::new(driver.replica().player(), text);
            self.rehearsal = Some((wanted, rehearsal));
        }
        let (_, rehearsal) = self.rehearsal.as_mut()?;
        let result = rehearsal.advance(&|| clock() > deadline)?;
        let (mut wanted, _) = self.rehearsal.take()?;
        let faults = result.as_ref().map(|result| result.diagnostics.clone()).unwrap_or_default();
        if wanted.first.take().is_some() {
            // Where it belongs may be made by what stands around it.
            add(
                &mut wanted.seen,
                faults.into_iter().filter(|fault| !fault.message.starts_with("namespaces \"")),
            );
            let answer = seen_so_far(wanted.id, &wanted.text, &wanted.seen, None);
            self.wanted = Some(wanted);
            return Some(answer);
        }
        self.diagnoser.settle(&wanted.text, &faults);
        let (outcome, fixes) = match result {
            Some(result) => (step::outcome(&result), mended(&wanted.text, &faults)),
            None => Default::default(),
        };
        Some(Answer::Rehearsed { id: wanted.id, outcome, fixes })
    }
}

/// What is there already is not added.
fn add(to: &mut Vec<session::Diagnostic>, more: impl IntoIterator<Item = session::Diagnostic>) {
    for fault in more {
        if !to.contains(&fault) {
            to.push(fault);
        }
    }
}

/// `textual` of them the text alone tells, as long as nothing is settled.
fn seen_so_far(id: u32, text: &str, faults: &[session::Diagnostic], textual: Option<usize>) -> Answer {
    let diagnostics = faults.iter().cloned().map(step::mark).collect();
    let (settled, textual) = (textual.is_none(), textual.unwrap_or_default());
    Answer::Seen { id, diagnostics, textual, fixes: mended(text, faults), settled }
}

#[cfg(test)]
mod tests {
    use shared::sim::Time;

    use super::*;
    use crate::worker::replica::Replica;

    fn check(text: &str) -> (Vec<Diagnostic>, Outcome, Driver) {
        let mut driver = Driver::new(Replica::first());
        let mut tools = Tools::default();
        let request = serde_json::json!({ "id": 7, "check": text }).to_string();
        let (mut answers, _) = tools.hear(&request, &mut driver);
        for _ in 0..1000 {
            answers.extend(tools.rehearse(&mut driver, &|| 0.0));
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
    fn of_thousands_of_objects_it_is_said_what_applying_them_would_do() {
        const MANY: usize = 3500;
        let one = |number| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m-{number}}}\n---\n");
        let (_, outcome, _) = check(&(0..MANY).map(one).collect::<String>());
        assert!(outcome.ok, "{}", outcome.stderr);
        assert_eq!(outcome.stdout.lines().count(), MANY);
    }

    /// What a text is told, in order: `Seen` or `Rehearsed`, and on which lines.
    fn told(tools: &mut Tools, driver: &mut Driver, text: &str) -> Vec<(&'static str, Vec<u32>)> {
        let (mut answers, _) = tools.hear(&serde_json::json!({ "id": 7, "check": text }).to_string(), driver);
        for _ in 0..1000 {
            answers.extend(tools.rehearse(driver, &|| 0.0));
        }
        let lines = |found: &[Diagnostic]| found.iter().map(|fault| fault.from.0).collect();
        let one = |answer: &Answer| match answer {
            Answer::Seen { diagnostics, settled: false, .. } => ("seen", lines(diagnostics)),
            Answer::Seen { diagnostics, .. } => ("settled", lines(diagnostics)),
            Answer::Rehearsed { outcome, .. } => ("rehearsed", lines(&outcome.diagnostics)),
            _ => panic!("that was not asked for"),
        };
        answers.iter().map(one).collect()
    }

    #[test]
    fn what_has_changed_is_rehearsed_first_and_what_others_lack_is_remembered() {
        let mut driver = Driver::new(Replica::first());
        let alone = |driver: &mut Driver, text: &str| match told(&mut Tools::default(), driver, text)
            .as_slice()
        {
            [("seen", seen), ("rehearsed", lines)] if seen.is_empty() && !lines.is_empty() => lines.clone(),
            other => panic!("{other:?}"),
        };
        let good: String = (0..20)
            .map(|index| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m-{index}}}\n---\n"))
            .collect();
        let bad = NO_SELECTOR.replace("name: web}\nspec", "name: other}\nspec");
        let (first, second) = (alone(&mut driver, NO_SELECTOR), alone(&mut driver, &bad));
        let below = |lines: &[u32], above: &str| -> Vec<u32> {
            lines.iter().map(|line| line + u32::try_from(above.lines().count()).expect("few")).collect()
        };

        let mut tools = Tools::default();
        let text = format!("{good}{NO_SELECTOR}---\n{good}");
        let before = below(&first, &good);
        assert_eq!(told(&mut tools, &mut driver, &text), [("seen", vec![]), ("rehearsed", before.clone())]);

        // A document that lacks something comes in above: the server's word of it is there before the whole is rehearsed.
        let mut more = format!("{bad}---\n");
        let known = below(&before, &more);
        let both = |one: &[u32], other: &[u32]| [one, other].concat();
        assert_eq!(
            told(&mut tools, &mut driver, &format!("{more}{text}")),
            [
                ("seen", known.clone()),
                ("settled", both(&known, &second)),
                ("rehearsed", both(&second, &known)),
            ]
        );

        // Once it is mended, that is known before the whole is rehearsed, too.
        more = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: mended}\n---\n".to_owned();
        let known = below(&before, &more);
        assert_eq!(
            told(&mut tools, &mut driver, &format!("{more}{text}")),
            [("seen", known.clone()), ("settled", known.clone()), ("rehearsed", known)]
        );
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
    fn a_link_opens_at_a_moment_after_its_present_and_no_further_than_a_skip_goes() {
        let begun = Replica::first().cluster().now().0;
        for (at, there) in [(begun + 90_000, begun + 90_000), (u64::MAX >> 1, begun + 3_600_000)] {
            let mut driver = Driver::new(Replica::first());
            Tools::default().hear(&serde_json::json!({ "look": at }).to_string(), &mut driver);
            for _ in 0..3 {
                driver.tick(1000.0, &|| 0.0);
            }
            assert_eq!(driver.replica().cluster().now(), Time(there), "time stands still there");
        }
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

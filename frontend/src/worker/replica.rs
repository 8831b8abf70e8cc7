//! The cluster that the worker holds, everything a person does to it, and how it went.

use std::collections::BTreeMap;

use shared::{
    cluster::Cluster,
    manifest::{self, Document, Span},
    scenario::{FaultStep, RepairStep, Scenario, StepAction},
    session::{
        Player, Replica as Follower, StepResult,
        protocol::{ClientMessage, ServerMessage, Welcome},
    },
    sim::{Target, Time},
};

use super::link;
use crate::protocol::{Command, Diagnostic, Live, Outcome, Reply, Subject, Visitors};

/// Results among which an asked one is looked for.
const RECENT: usize = 200;
/// How many records of what happened are kept for explanations.
const TRACE: u64 = 60_000;

/// Who decides what happens and when.
#[derive(Clone)]
enum Engine {
    /// The person at this page.
    Alone(Box<Player>),
    /// The server: it numbers what people do and tells how far time has come.
    Together(Box<Together>),
}

#[derive(Clone)]
struct Together {
    follower: Follower,
    /// Steps of the scenario: the log's entries are numbered after them.
    first: u64,
    said: Vec<ClientMessage>,
    live: Live,
    /// What was submitted and is not in the log yet: the applied text by the page's number.
    submitted: BTreeMap<u32, Option<String>>,
}

/// A cluster, and the commands that are on their way.
#[derive(Clone)]
pub struct Replica {
    engine: Engine,
    /// The page's number of a command and the text it applied, by the step's number.
    asked: BTreeMap<u64, (u32, Option<String>)>,
    /// How many results were told.
    told: usize,
    refused: Vec<Reply>,
    struck: bool,
}

impl Replica {
    /// The cluster of the first screen.
    pub fn first() -> Self {
        Self::open(Scenario::opening()).expect("the built-in scenario can be played")
    }

    /// The cluster that a link holds.
    ///
    /// # Errors
    /// Why the link cannot be read.
    pub fn from_link(fragment: &str) -> Result<Self, String> {
        Self::open(link::decode(fragment)?)
    }

    fn open(scenario: Scenario) -> Result<Self, String> {
        let opening = Time(scenario.spec.opening.0);
        let mut player = Player::new(scenario, TRACE).map_err(|error| error.to_string())?;
        player.advance_to(opening);
        Ok(Self::with(Engine::Alone(Box::new(player))))
    }

    fn with(engine: Engine) -> Self {
        let mut replica =
            Self { engine, asked: BTreeMap::new(), told: 0, refused: Vec::new(), struck: false };
        replica.told = replica.player().results().len();
        replica
    }

    /// A cluster that others are in, too.
    ///
    /// # Errors
    /// The server sent something that cannot be played.
    pub fn together(welcome: Welcome) -> Result<Self, String> {
        let first = welcome.scenario.as_ref().map_or(0, |scenario| scenario.spec.steps.len() as u64);
        let live = Live { connected: true, may_act: welcome.role.may_act(), people: 1, ..Live::default() };
        let mut follower = Follower::new(welcome, TRACE).map_err(|error| error.to_string())?;
        follower.advance_to(follower.limit());
        let together = Together { follower, first, said: Vec::new(), live, submitted: BTreeMap::new() };
        Ok(Self::with(Engine::Together(Box::new(together))))
    }

    fn player(&self) -> &Player {
        match &self.engine {
            Engine::Alone(player) => player,
            Engine::Together(together) => together.follower.player(),
        }
    }

    /// The fragment of a link to this cluster as it stands.
    pub fn link(&self) -> String {
        link::encode(&self.player().to_scenario())
    }

    /// The cluster as the server takes it.
    pub fn scenario(&self) -> String {
        self.player().to_scenario().to_doc().to_json()
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        self.player().cluster()
    }

    /// The number that the cluster's next command will have.
    pub fn next_command(&self) -> u64 {
        self.cluster().admitted() + 1
    }

    /// When the next thing happens.
    pub fn next_at(&self) -> Option<Time> {
        self.player().next_at()
    }

    /// How far time may go: without end for who is alone.
    pub fn limit(&self) -> Time {
        match &self.engine {
            Engine::Alone(_) => Time(u64::MAX),
            Engine::Together(together) => together.follower.limit(),
        }
    }

    /// Whether time passes, and how many virtual milliseconds a second, where the server decides that.
    pub fn pace(&self) -> Option<(bool, u32)> {
        match &self.engine {
            Engine::Alone(_) => None,
            Engine::Together(together) => {
                Some((together.follower.pace().running, together.follower.pace().speed))
            }
        }
    }

    /// What is to be said to the server, and how the session stands.
    pub fn said(&mut self) -> Option<(Vec<ClientMessage>, &mut Live)> {
        match &mut self.engine {
            Engine::Alone(_) => None,
            Engine::Together(together) => Some((std::mem::take(&mut together.said), &mut together.live)),
        }
    }

    /// Says something to the server.
    pub fn say(&mut self, message: ClientMessage) {
        if let Engine::Together(together) = &mut self.engine {
            together.said.push(message);
        }
    }

    /// The last entry of the log that is here.
    pub fn sequence(&self) -> Option<u64> {
        match &self.engine {
            Engine::Alone(_) => None,
            Engine::Together(together) => Some(together.follower.sequence()),
        }
    }

    /// The server says something.
    pub fn hear(&mut self, message: ServerMessage) {
        let Engine::Together(together) = &mut self.engine else { return };
        match message {
            ServerMessage::Welcome(welcome) => {
                together.live.connected = true;
                together.follower.resume(*welcome);
            }
            ServerMessage::Entry(entry) => {
                self.struck |= matches!(entry.action, StepAction::Fault(_) | StepAction::Repair(_));
                together.follower.entry(entry);
            }
            ServerMessage::Horizon(horizon) => together.follower.horizon(horizon),
            ServerMessage::Check { sequence, time } => together.follower.check(sequence, time),
            ServerMessage::Agreed { .. } => together.live.in_sync = Some(true),
            ServerMessage::Diverged { .. } => together.live.in_sync = Some(false),
            ServerMessage::Accepted { id, sequence } => {
                let text = together.submitted.remove(&id).flatten();
                self.asked.insert(together.first + sequence, (id, text));
            }
            ServerMessage::Refused { id, why } => {
                match id.filter(|id| together.submitted.remove(id).is_some()) {
                    Some(id) => {
                        let outcome = Outcome { stderr: why.to_string(), ..Outcome::default() };
                        self.refused.push(Reply::Outcome { id, outcome });
                    }
                    None => together.live.problem = why.to_string(),
                }
            }
            ServerMessage::Presence { people } => {
                together.live.people = u32::try_from(people.len()).unwrap_or(u32::MAX);
            }
        }
    }

    /// Does what a person asks; [`Self::outcomes`] tells how it went, under `id`.
    pub fn act(&mut self, id: Option<u32>, command: &Command) {
        match action(command) {
            Ok(action) => {
                self.struck |= matches!(action, StepAction::Fault(_) | StepAction::Repair(_));
                let text = match command {
                    Command::Apply(text) => Some(text.clone()),
                    _ => None,
                };
                match &mut self.engine {
                    Engine::Alone(player) => {
                        let number = player.submit(action, Default::default());
                        self.asked.extend(id.map(|id| (number, (id, text))));
                    }
                    Engine::Together(together) => {
                        let id = id.unwrap_or_default();
                        together.submitted.insert(id, text);
                        together.said.push(ClientMessage::Submit { id, action });
                    }
                }
            }
            Err(outcome) => self.refused.extend(id.map(|id| Reply::Outcome { id, outcome })),
        }
    }

    /// Lets what is due now happen, without time passing.
    pub fn settle(&mut self) {
        if let Engine::Alone(player) = &mut self.engine {
            player.advance_to(player.now());
        }
    }

    /// Lets the next thing happen.
    pub fn step(&mut self) {
        match &mut self.engine {
            Engine::Alone(player) => {
                player.step();
            }
            Engine::Together(together) => {
                if let Some(next) = together.follower.player().next_at() {
                    together.advance_to(next);
                }
            }
        }
    }

    /// Lets everything up to `until` happen.
    pub fn advance_to(&mut self, until: Time) {
        match &mut self.engine {
            Engine::Alone(player) => player.advance_to(until),
            Engine::Together(together) => together.advance_to(until),
        }
    }

    /// How commands went, since last asked.
    pub fn outcomes(&mut self) -> Vec<Reply> {
        let mut replies = std::mem::take(&mut self.refused);
        let results = self.player().results();
        // The server may say which number a command has after it was done: those asked for are looked up.
        if self.asked.is_empty() && results.len() == self.told {
            return replies;
        }
        let done: Vec<StepResult> = results
            .iter()
            .rev()
            .take(RECENT)
            .filter(|result| self.asked.contains_key(&result.number))
            .cloned()
            .collect();
        self.told = results.len();
        for result in done.iter().rev() {
            let Some((id, text)) = self.asked.remove(&result.number) else { continue };
            replies.push(Reply::Outcome { id, outcome: outcome(result, text.as_deref()) });
        }
        replies
    }

    /// Whether a fault or repair happened since last asked: such changes are not written anywhere.
    pub fn take_struck(&mut self) -> bool {
        std::mem::take(&mut self.struck)
    }

    /// What visitors got.
    pub fn visitors(&self) -> Visitors {
        let tally = &self.cluster().network().visitors().total;
        Visitors {
            last: tally.recent.iter().map(|result| result.ok).collect(),
            total: tally.ok + tally.failed,
            lost: tally.failed,
        }
    }
}

impl Together {
    fn advance_to(&mut self, until: Time) {
        let reached = self.follower.advance_to(until);
        self.said.extend(reached.into_iter().map(ClientMessage::Hash));
    }
}

/// A command as a step, or why it cannot be one. Text that is no YAML is refused here, the cluster untouched.
fn action(command: &Command) -> Result<StepAction, Outcome> {
    let refuse = |stderr: String| Outcome { stderr, ..Outcome::default() };
    let target = |text: &str| Target::parse(text).map_err(refuse);
    Ok(match command {
        Command::Apply(text) => {
            manifest::parse(text).map_err(|fault| Outcome {
                stderr: format!("error: {fault}"),
                diagnostics: vec![Diagnostic {
                    from: (fault.line, fault.column),
                    to: None,
                    message: fault.message.clone(),
                }],
                ..Outcome::default()
            })?;
            StepAction::Apply(text.as_str().into())
        }
        Command::Fault { target, kind } => {
            let step = serde_json::json!({ "target": target, "kind": kind });
            let step: FaultStep = serde_json::from_value(step).map_err(|error| refuse(error.to_string()))?;
            StepAction::Fault(step)
        }
        Command::Repair { target: text } => StepAction::Repair(RepairStep { target: target(text)? }),
        Command::Delete(Subject::Object { kind, namespace, name }) => {
            let place =
                if namespace.is_empty() { String::new() } else { format!(" --namespace={namespace}") };
            StepAction::Kubectl(format!("delete {} {name} --wait=false{place}", kind.to_lowercase()).into())
        }
        Command::Delete(Subject::Component(place)) => {
            return Err(refuse(format!("{place} is a program, not an object")));
        }
    })
}

fn outcome(result: &StepResult, text: Option<&str>) -> Outcome {
    let ok = result.output.exit_code == 0;
    let documents = text.and_then(|text| manifest::parse(text).ok()).unwrap_or_default();
    let mut diagnostics: Vec<Diagnostic> =
        result.refusals.iter().flat_map(|status| placed(status, &documents)).collect();
    if !ok && diagnostics.is_empty() {
        // What kubectl itself refused is about a document as a whole.
        let message = result.output.stderr.lines().next().unwrap_or_default().to_owned();
        diagnostics.extend(documents.first().map(|document| Diagnostic {
            from: (document.spans.root().start.line, document.spans.root().start.column),
            to: None,
            message,
        }));
    }
    Outcome { ok, stdout: result.output.stdout.clone(), stderr: result.output.stderr.clone(), diagnostics }
}

/// The faults of a refusal, at their lines.
fn placed(status: &shared::doc::Doc, documents: &[Document]) -> Vec<Diagnostic> {
    // Asking for something that is not there yet is how kubectl finds out that it has to be made.
    if status["reason"].as_str() == Some("NotFound")
        && !documents.is_empty()
        && status["details"]["causes"].is_null()
    {
        return Vec::new();
    }
    let name = status["details"]["name"].as_str().unwrap_or_default();
    let named = |document: &&Document| document.doc["metadata"]["name"].as_str().unwrap_or_default() == name;
    let Some(document) = documents.iter().find(named).or_else(|| documents.first()) else {
        return Vec::new();
    };
    let mark = |span: Span, message: String| Diagnostic {
        from: (span.start.line, span.start.column),
        // A long value would paint half the text: its first line says where it is.
        to: (span.start.line == span.end.line).then_some((span.end.line, span.end.column)),
        message,
    };
    let whole = status["message"].str().to_string();
    let causes = status["details"]["causes"].items();
    let mut marks: Vec<Diagnostic> = causes
        .iter()
        .map(|cause| mark(document.spans.field(&cause["field"].str()), cause["message"].str().to_string()))
        .collect();
    if marks.is_empty() {
        let unknown = whole.split("unknown field \"").nth(1).and_then(|rest| rest.split('"').next());
        marks.push(mark(unknown.map_or(document.spans.root(), |field| document.spans.field(field)), whole));
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Applies a text and waits for its outcome.
    fn apply(replica: &mut Replica, text: &str) -> Outcome {
        replica.act(Some(1), &Command::Apply(text.to_owned()));
        for _ in 0..200 {
            replica.advance_to(Time(replica.cluster().now().0 + 50));
            if let Some(Reply::Outcome { outcome, .. }) = replica.outcomes().pop() {
                return outcome;
            }
        }
        panic!("no outcome in ten seconds");
    }

    #[test]
    fn every_example_is_taken_but_the_one_that_is_meant_to_be_refused() {
        let mut replica = Replica::first();
        for text in [
            include_str!("../../../public/examples/deployment.yaml"),
            include_str!("../../../public/examples/service.yaml"),
            include_str!("../../../public/examples/configmap.yaml"),
            include_str!("../../../public/examples/secret.yaml"),
            include_str!("../../../public/examples/secret-stringdata.yaml"),
            include_str!("../../../public/lessons/tour/namespace.yaml"),
            include_str!("../../../public/lessons/tour/scale-to-4.yaml"),
            include_str!("../../../public/lessons/tour/version-1.1.yaml"),
        ] {
            let outcome = apply(&mut replica, text);
            assert!(outcome.ok, "{}\n{text}", outcome.stderr);
        }
        let bare = include_str!("../../../public/examples/pod-incomplete.yaml");
        let refused = apply(&mut replica, bare);
        assert!(!refused.ok && !refused.stderr.is_empty() && !refused.diagnostics.is_empty(), "{refused:?}");
        let completed = crate::manifest::complete(bare).expect("it can be completed");
        let taken = apply(&mut replica, &completed);
        assert!(taken.ok, "{}", taken.stderr);
    }

    #[test]
    fn faults_in_a_text_are_shown_at_their_lines() {
        let mut replica = Replica::first();
        let broken = apply(&mut replica, "kind: Pod\n  name: [\n");
        assert!(!broken.ok && broken.diagnostics[0].from.0 >= 2, "{broken:?}");
        let deployment = include_str!("../../../public/examples/deployment.yaml");
        let line = |text: &str, word: &str| {
            let at = text.lines().position(|line| line.contains(word)).expect("the word is there");
            u32::try_from(at).expect("short") + 1
        };
        let negative = deployment.replace("replicas: 3", "replicas: -3");
        let refused = apply(&mut replica, &negative);
        assert_eq!(
            refused.diagnostics.first().map(|it| it.from.0),
            Some(line(&negative, "-3")),
            "{refused:?}"
        );
        let unknown = deployment.replace("replicas: 3", "replicsa: 3");
        let refused = apply(&mut replica, &unknown);
        assert_eq!(
            refused.diagnostics.first().map(|it| it.from.0),
            Some(line(&unknown, "replicsa")),
            "{refused:?}"
        );
    }

    #[test]
    fn a_link_opens_exactly_the_same_cluster() {
        let mut replica = Replica::first();
        replica.act(None, &Command::Fault { target: "node/node-1".to_owned(), kind: "PowerOff".to_owned() });
        replica.advance_to(Time(95_000));
        let copy = Replica::from_link(&replica.link()).expect("its own link opens");
        assert_eq!(copy.cluster().now(), replica.cluster().now());
        assert_eq!(copy.player().hash(), replica.player().hash());
        for broken in ["", "x", "////", "AAAA", &replica.link()[..40]] {
            assert!(Replica::from_link(broken).is_err(), "{broken:?} opened");
        }
    }
}

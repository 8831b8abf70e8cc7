//! The cluster that the worker holds, everything a person does to it, and how it went.

mod together;

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    cluster::{Cluster, HttpResponse, ProgramOutput},
    doc::Str,
    scenario::{RequestStep, Scenario, Step, StepAction},
    session::{
        Player, Replica as Follower, StepResult, link,
        protocol::{ClientMessage, ServerMessage, Welcome},
        secrets,
    },
    sim::Time,
};

use self::together::Together;
use super::{
    company::Company,
    emptied,
    pending::Pending,
    step::{action, outcome, refusal},
};
use crate::protocol::{Command, Live, Outcome, Reply, Visitors};

/// From here on numbers are those of the terminal's requests.
const TERMINAL: u32 = 1 << 31;
/// Results among which an asked one is looked for.
const RECENT: usize = 200;
/// So many things happen before the page shows a cluster: what else comes before its opening is seen while it does.
const AT_ONCE: u32 = 20_000;
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

/// A cluster, and the commands that are on their way.
#[derive(Clone)]
pub struct Replica {
    engine: Engine,
    /// The page's number of a command, by the step's.
    asked: BTreeMap<u64, u32>,
    /// How many results were told.
    told: usize,
    refused: Vec<Reply>,
    struck: bool,
    /// Answers to the terminal's requests.
    responses: Vec<(u32, HttpResponse)>,
    /// As whom one acts who is alone; empty for the cluster's admin.
    name: Str,
}

impl Replica {
    /// The cluster of the first screen.
    pub fn first() -> Self {
        Self::open(Scenario::opening()).expect("the built-in scenario can be played")
    }

    /// The cluster that a link holds.
    ///
    /// # Errors
    /// Why the link cannot be read: a name that the page has words for, or a sentence.
    pub fn from_link(fragment: &str) -> Result<Self, String> {
        let why = |error: link::LinkError| error.name().map_or_else(|| error.to_string(), str::to_owned);
        Self::open(link::decode(fragment).map_err(why)?)
    }

    /// The cluster of a scenario file.
    ///
    /// # Errors
    /// What is wrong in it, and where.
    pub fn from_scenario(text: &str) -> Result<Self, String> {
        Self::open(Scenario::parse(text).map_err(|error| error.to_string())?)
    }

    fn open(scenario: Scenario) -> Result<Self, String> {
        let opening = Time(scenario.spec.opening.0);
        let mut player = Player::new(scenario, TRACE).map_err(|error| error.to_string())?;
        // What takes long is seen while it goes there: a large cluster, or one in which much happens before.
        if player.cluster().core().machines.len() <= super::map::MOST_CARDS {
            let soon = |player: &Player| player.next_at().is_some_and(|at| at <= opening);
            let mut left = AT_ONCE;
            while left > 0 && soon(&player) {
                player.step();
                left -= 1;
            }
            if !soon(&player) {
                player.advance_to(opening);
            }
        }
        Ok(Self::with(Engine::Alone(Box::new(player))))
    }

    fn with(engine: Engine) -> Self {
        let mut replica = Self {
            engine,
            asked: BTreeMap::new(),
            told: 0,
            refused: Vec::new(),
            struck: false,
            responses: Vec::new(),
            name: Str::new(),
        };
        replica.told = replica.player().results().len();
        replica
    }

    /// A cluster that others are in, too.
    ///
    /// # Errors
    /// The server sent something that cannot be played.
    pub fn together(mut welcome: Welcome) -> Result<Self, String> {
        let live = Live { connected: true, may_act: welcome.role.may_act(), people: 1, ..Live::default() };
        let (log, horizon) = (std::mem::take(&mut welcome.log), welcome.horizon);
        let follower = Follower::welcomed(welcome, TRACE).map_err(|error| error.to_string())?;
        // Entries of a snapshot became steps behind the scenario's own.
        let own = follower.player().scenario().spec.steps.len() as u64;
        let steps = (1..=follower.sequence()).map(|sequence| (sequence, own + sequence)).collect();
        let mut together = Together {
            follower,
            checks: BTreeSet::new(),
            steps,
            said: Vec::new(),
            live,
            pending: Pending::default(),
            reported: Vec::new(),
            diverged: false,
            company: Company::default(),
        };
        together.resume(&log, horizon);
        Ok(Self::with(Engine::Together(Box::new(together))))
    }

    /// Who plays it.
    pub fn player(&self) -> &Player {
        match &self.engine {
            Engine::Alone(player) => player,
            Engine::Together(together) => together.follower.player(),
        }
    }

    /// The moment that a viewer is to see first.
    pub fn opening(&self) -> Time {
        match &self.engine {
            Engine::Alone(player) => Time(player.scenario().spec.opening.0),
            Engine::Together(_) => Time(0),
        }
    }

    /// The fragment of a link to this cluster as it stands.
    pub fn link(&self) -> String {
        // Too large for a link is too large for any address bar: there is nothing to copy then.
        link::encode(&self.player().to_scenario()).unwrap_or_default()
    }

    /// The same for whoever comes to see it: the Secrets in it have their keys, not their values.
    pub fn link_without_secrets(&self) -> String {
        let mut scenario = self.player().to_scenario();
        secrets::leave_empty(&mut scenario);
        link::encode(&scenario).unwrap_or_default()
    }

    /// The cluster as the server takes it.
    pub fn scenario(&self) -> String {
        self.player().to_scenario().to_doc().to_json()
    }

    /// What the scenario expects, by id, and whether that was met once this is certain.
    pub fn objectives(&self) -> Vec<(String, Option<bool>)> {
        let goals = self.player().expectations();
        goals.map(|(goal, verdict)| (goal.id.to_string(), verdict.map(|verdict| verdict.met))).collect()
    }

    /// The engine that wrote the scenario, if it was another one.
    pub fn other_version(&self) -> Option<String> {
        let made_by = self.player().scenario().engine()?;
        (made_by != shared::ENGINE_VERSION).then(|| made_by.to_string())
    }

    /// What tells this state from all others.
    pub fn hash(&self) -> String {
        self.player().hash().to_string()
    }

    /// Everything that is and was done to it.
    pub fn log(&self) -> &[Step] {
        self.player().log()
    }

    /// This moment, in which everything of `log` is done that comes after it: it leads where `log` led. Who looks back in a
    /// cluster of several does so alone.
    pub fn destined(&self, log: &[Step]) -> Self {
        let mut replica = self.clone();
        (replica.asked, replica.refused) = Default::default();
        if let Engine::Together(together) = &replica.engine {
            replica.engine = Engine::Alone(Box::new(together.follower.player().clone()));
        }
        if let Engine::Alone(player) = &mut replica.engine {
            for step in log.iter().skip(player.log().len()) {
                player.submit_at(step.at, step.action.clone(), step.user.clone());
            }
        }
        replica
    }

    /// The same cluster at its very beginning, with everything that was done still to be done.
    pub fn beginning(&self) -> Option<Self> {
        let mut scenario = self.player().to_scenario();
        scenario.spec.opening = Default::default();
        Self::open(scenario).ok()
    }

    /// Nothing of what was still to be done is done.
    pub fn forget_future(&mut self) {
        if let Engine::Alone(player) = &mut self.engine {
            player.forget_future();
        }
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
                Some((together.follower.horizon().running, together.follower.horizon().speed))
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

    /// The connection to the server is gone.
    pub fn lose(&mut self, reason: String) {
        if let Engine::Together(together) = &mut self.engine {
            together.pending.lose();
            together.live.connected = false;
            together.live.problem = reason;
        }
    }

    /// Whether the others have another state than this one, since last asked: then it is to be made anew from the log.
    pub fn take_diverged(&mut self) -> bool {
        match &mut self.engine {
            Engine::Alone(_) => false,
            Engine::Together(together) => std::mem::take(&mut together.diverged),
        }
    }

    /// Who else is here and what they point at.
    pub fn company(&mut self) -> Option<&mut Company> {
        match &mut self.engine {
            Engine::Alone(_) => None,
            Engine::Together(together) => Some(&mut together.company),
        }
    }

    /// Wants to be called so from now on; whether that was asked: what is on its way is known by the name it was sent with.
    pub fn call(&mut self, name: &str) -> bool {
        match &mut self.engine {
            Engine::Together(together) if together.pending.is_empty() => {
                together.said.push(ClientMessage::Call { name: name.into() });
                true
            }
            _ => false,
        }
    }

    /// What was done and is not in the log yet.
    pub fn take_pending(&mut self) -> Pending {
        match &mut self.engine {
            Engine::Alone(_) => Pending::default(),
            Engine::Together(together) => std::mem::take(&mut together.pending),
        }
    }

    /// Goes on with what was done before the log came anew.
    pub fn resume_pending(&mut self, pending: Pending) {
        if let Engine::Together(together) = &mut self.engine {
            together.pending = pending;
            together.pending.resume(together.follower.horizon().sequence);
        }
    }

    /// Lets wall time pass for what waits to be sent.
    pub fn send_due(&mut self, passed: f64) {
        if let Engine::Together(together) = &mut self.engine {
            together.send_due(passed);
        }
    }

    /// Whether the server cannot be heard, and nobody else acts here meanwhile.
    pub fn is_left_alone(&self) -> bool {
        matches!(&self.engine, Engine::Together(together)
            if !together.live.connected && together.live.may_act && together.live.people <= 1)
    }

    /// Whether nobody else is here, as far as the server told.
    pub fn said_to_be_alone(&self) -> bool {
        matches!(&self.engine, Engine::Together(together) if together.live.people <= 1)
    }

    /// Whether the server can be heard again and has all that was done here.
    pub fn is_back(&self) -> bool {
        matches!(&self.engine, Engine::Together(together) if together.live.connected
            && together.pending.is_empty()
            && together.follower.horizon().sequence <= together.follower.sequence())
    }

    /// Whether all entries that the server told of are here.
    pub fn has_log(&self) -> bool {
        matches!(&self.engine, Engine::Together(together)
            if together.follower.horizon().sequence <= together.follower.sequence())
    }

    /// How much of what was missed has been played, in per cent, while that goes on.
    pub fn set_catching_up(&mut self, share: Option<u8>) {
        if let Engine::Together(together) = &mut self.engine {
            together.live.catching_up = share;
        }
    }

    /// The same cluster without the server, to go on in for a while; it tells what comes of all that is on its way.
    pub fn island(&mut self) -> Option<Self> {
        let Engine::Together(together) = &mut self.engine else { return None };
        let name = Str::from(together.pending.name());
        let mut player = together.follower.player().clone();
        let mut asked = std::mem::take(&mut self.asked);
        asked.retain(|step, _| *step <= player.log().len() as u64);
        for (id, action) in together.pending.hand_over() {
            asked.insert(player.submit(action, name.clone()), id);
        }
        together.live.apart = true;
        let mut island = Self::with(Engine::Alone(Box::new(player)));
        (island.asked, island.name) = (asked, name);
        island.told = self.told;
        island.responses = std::mem::take(&mut self.responses);
        island.refused = std::mem::take(&mut self.refused);
        Some(island)
    }

    /// The page sees again what the server has.
    pub fn end_island(&mut self) {
        if let Engine::Together(together) = &mut self.engine {
            together.live.apart = false;
        }
    }

    /// Things were done while the server could not hear of them.
    pub fn keep(&mut self, deeds: &[Step]) {
        if let Engine::Together(together) = &mut self.engine {
            together.pending.keep(deeds.iter().map(|step| (step.at, step.action.clone())));
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
                together.live.problem.clear();
                together.pending.resume(welcome.horizon.sequence);
                together.resume(&welcome.log, welcome.horizon);
            }
            ServerMessage::Entry(entry) => {
                self.struck |= matches!(entry.action, StepAction::Fault(_) | StepAction::Repair(_));
                let own = together.pending.enter(&entry);
                together.enter(&entry);
                let step = together.steps.get(&entry.sequence).copied();
                self.asked.extend(step.zip(own));
            }
            ServerMessage::Horizon(horizon) => together.follower.take_horizon(horizon),
            ServerMessage::Check { sequence, time } => {
                together.checks.insert((time, sequence));
            }
            ServerMessage::Agreed { .. } => together.live.in_sync = Some(true),
            ServerMessage::Diverged { sequence, time, hash } => {
                together.live.in_sync = Some(false);
                let own = together.reported.iter().find(|own| (own.sequence, own.time) == (sequence, time));
                together.diverged |= own.is_some_and(|own| own.hash != hash);
            }
            ServerMessage::Accepted { id, sequence } => {
                together.pending.accept(id, sequence);
                if let Some(step) = together.steps.get(&sequence) {
                    self.asked.insert(*step, id);
                } else {
                    // The entry itself is still on its way; entries become steps in their order.
                    let ahead = sequence - together.follower.sequence();
                    self.asked.insert(together.follower.player().log().len() as u64 + ahead, id);
                }
            }
            ServerMessage::Refused { id, why } => match id.filter(|id| together.pending.end(*id)) {
                // Nobody waits for those any more that were done without a connection.
                None | Some(0) => together.live.problem = why.to_string(),
                id => self.refuse(id, &why),
            },
            ServerMessage::Points { name, at } => together.company.point(name, at),
            ServerMessage::Presence { people } => {
                if let Some(you) = people.iter().find(|person| person.you) {
                    together.pending.set_name(&you.name);
                }
                together.live.people = u32::try_from(people.len()).unwrap_or(u32::MAX);
                together.company.gather(people);
                together.send_due(0.0);
            }
        }
    }

    /// Does what a person asks; [`Self::outcomes`] tells how it went, under `id`.
    pub fn act(&mut self, id: Option<u32>, command: &Command) {
        let patch = emptied::patch(self.cluster(), command);
        match action(patch.as_ref().unwrap_or(command)) {
            Ok(action) => {
                self.struck |= matches!(action, StepAction::Fault(_) | StepAction::Repair(_));
                self.submit(id, action);
            }
            Err(outcome) => self.refused.extend(id.map(|id| Reply::Outcome { id, outcome })),
        }
    }

    fn submit(&mut self, id: Option<u32>, action: StepAction) {
        match &mut self.engine {
            Engine::Alone(player) => {
                let number = player.submit(action, self.name.clone());
                self.asked.extend(id.map(|id| (number, id)));
            }
            Engine::Together(together) => {
                let id = id.unwrap_or_default();
                together.said.extend(together.pending.submit(id, action));
            }
        }
    }

    /// Answers a command with a refusal; a program of the terminal's as the API server would.
    pub fn refuse(&mut self, id: Option<u32>, why: &str) {
        match id {
            Some(id) if id >= TERMINAL => self.responses.push((id & !TERMINAL, refusal(why))),
            Some(id) => {
                let outcome = Outcome { stderr: why.to_owned(), ..Outcome::default() };
                self.refused.push(Reply::Outcome { id, outcome });
            }
            None => {}
        }
    }

    /// Refuses a request of the terminal's.
    pub fn refuse_request(&mut self, id: u32, why: &str) {
        self.refuse(Some(id | TERMINAL), why);
    }

    /// Sends a request of the terminal's; [`Self::take_responses`] has its answer. The page's own numbers are below
    /// [`TERMINAL`], those of such requests above.
    pub fn request(&mut self, id: u32, request: RequestStep) {
        self.submit(Some(id | TERMINAL), StepAction::Request(request));
    }

    /// Answers to the terminal's requests, since last asked.
    pub fn take_responses(&mut self) -> Vec<(u32, HttpResponse)> {
        std::mem::take(&mut self.responses)
    }

    /// What the program that a request of the terminal's runs has written so far, as long as it runs.
    pub fn output(&self, id: u32) -> Option<&ProgramOutput> {
        let (step, _) = self.asked.iter().find(|(_, asked)| **asked == id | TERMINAL)?;
        self.player().output(*step)
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
                let next = together.follower.player().next_at();
                match together.checks.first() {
                    Some(&(time, _)) if next.is_none_or(|next| time < next) => together.advance_to(time),
                    _ => {
                        together.follower.step();
                    }
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
            .filter(|result| self.asked.contains_key(&result.step))
            .cloned()
            .collect();
        self.told = results.len();
        for result in done.iter().rev() {
            let Some(id) = self.asked.remove(&result.step) else { continue };
            if let (true, Some(response)) = (id >= TERMINAL, &result.response) {
                self.responses.push((id & !TERMINAL, response.clone()));
                continue;
            }
            replies.push(Reply::Outcome { id, outcome: outcome(result) });
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
    fn every_cluster_of_the_gallery_opens() {
        for text in [
            include_str!("../../../public/examples/clusters/hello-pod.yaml"),
            include_str!("../../../public/examples/clusters/zone-failure.yaml"),
            include_str!("../../../public/examples/clusters/canary.yaml"),
            include_str!("../../../public/examples/clusters/autoscaler.yaml"),
            include_str!("../../../public/examples/clusters/stateful-quorum.yaml"),
            include_str!("../../../public/examples/clusters/broken.yaml"),
        ] {
            let replica = Replica::from_scenario(text).unwrap_or_else(|why| panic!("{why}\n{text}"));
            let refused = replica.player().results().iter().find(|result| result.exit_code != 0);
            assert_eq!(refused.map(|result| &result.stderr), None, "{text}");
        }
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
    fn a_state_that_others_do_not_have_is_noticed() {
        use shared::{
            session::protocol::{Horizon, Role},
            sim::StateHash,
        };
        let horizon = Horizon { sequence: 0, time: Time(2000), running: true, speed: 1000 };
        let welcome = Welcome {
            engine: shared::ENGINE_VERSION.into(),
            role: Role::Owner,
            scenario: Some(Box::new(Scenario::opening())),
            snapshot: None,
            log: Vec::new(),
            horizon,
        };
        let mut replica = Replica::together(welcome).expect("it can be played");
        let (sequence, time) = (0, Time(3000));
        replica.hear(ServerMessage::Check { sequence, time });
        replica.hear(ServerMessage::Horizon(Horizon { time, ..horizon }));
        replica.advance_to(time);
        let said = replica.said().map(|(said, _)| said).unwrap_or_default();
        let [ClientMessage::Hash(own)] = said.as_slice() else { panic!("{said:?} is no report") };
        replica.hear(ServerMessage::Diverged { sequence, time, hash: own.hash });
        assert!(!replica.take_diverged(), "somebody else has another state");
        replica.hear(ServerMessage::Diverged { sequence, time, hash: StateHash(own.hash.0 ^ 1) });
        assert!(replica.take_diverged() && !replica.take_diverged());
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

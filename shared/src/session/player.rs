//! The player: a cluster, what is done to it and when, and the programs that do it.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{Key, User};
use crate::apiserver::http::HttpResponse;
use crate::cluster::{Action, Cluster, Command, Outcome};
use crate::doc::{Doc, Str};
use crate::kubectl::{Output, Program, Progress};
use crate::scenario::{self, Expectation, Scenario, ScenarioError, Step, StepAction, Verdict};
use crate::sim::{Duration, StateHash, Time, hash_of};

/// How long a scenario without `until` is played.
const DEFAULT_END: Duration = Duration::seconds(600);

/// How a step went.
#[derive(Clone, PartialEq, Debug)]
pub struct StepResult {
    /// The step's number, from 1.
    pub number: u64,
    /// When it began.
    pub at: Time,
    /// When it was done.
    pub done_at: Time,
    /// What it did, in one line.
    pub command: String,
    /// What it printed.
    pub output: Output,
    /// The `Status` of every request that the API server refused on its way.
    pub refusals: Vec<Doc>,
}

#[derive(Clone, Debug)]
struct Running {
    program: Option<Program>,
    began: Time,
    user: User,
    refusals: Vec<Doc>,
}

/// A scenario as it is played. Cloning it is a checkpoint.
#[derive(Clone, Debug)]
pub struct Player {
    cluster: Cluster,
    scenario: Scenario,
    /// Every step there is, by number (from 1).
    steps: Vec<Step>,
    pending: BTreeSet<(Time, u64)>,
    running: BTreeMap<u64, Running>,
    /// Whose command is which step's.
    asked: BTreeMap<u64, u64>,
    wakes: BTreeSet<(Time, u64)>,
    results: Vec<StepResult>,
    goals: Vec<Goal>,
    /// The store's revision when expectations were last looked at.
    seen: u64,
}

#[derive(Clone, Debug)]
struct Goal {
    key: Key,
    progress: scenario::Progress,
    /// The object's revision when it was last looked at; 0 while it is not there.
    seen: u64,
}

impl Player {
    /// A scenario at its beginning. `trace` is how many records of what happens are kept; 0 keeps none.
    ///
    /// # Errors
    /// What in the scenario makes no sense, and in which field.
    pub fn new(scenario: Scenario, trace: u64) -> Result<Player, ScenarioError> {
        let spec = scenario.cluster_spec()?;
        let cluster = Cluster::new(&spec, scenario.spec.seed, trace).map_err(|error| ScenarioError {
            line: 0,
            column: 0,
            field: error.field,
            message: error.message,
        })?;
        let goal = |expectation: &Expectation| {
            let key = expectation.key().map_err(|message| ScenarioError {
                line: 0,
                column: 0,
                field: format!("spec.expect: {}", expectation.id),
                message,
            })?;
            Ok(Goal { key, progress: scenario::Progress::default(), seen: 0 })
        };
        let goals = scenario.spec.expect.iter().map(goal).collect::<Result<_, ScenarioError>>()?;
        let mut player = Player {
            cluster,
            steps: Vec::new(),
            pending: BTreeSet::new(),
            running: BTreeMap::new(),
            asked: BTreeMap::new(),
            wakes: BTreeSet::new(),
            results: Vec::new(),
            goals,
            seen: 0,
            scenario,
        };
        for step in std::mem::take(&mut player.scenario.spec.steps) {
            player.add(step);
        }
        Ok(player)
    }

    fn add(&mut self, step: Step) -> u64 {
        let number = self.steps.len() as u64 + 1;
        self.pending.insert((step.at, number));
        self.steps.push(step);
        number
    }

    /// Does something now; the answer is the step's number, under which [`Player::results`] tells how it went.
    pub fn submit(&mut self, action: StepAction, user: Str) -> u64 {
        self.submit_at(self.now(), action, user)
    }

    /// Does something at `at` (or now, if that is past).
    pub fn submit_at(&mut self, at: Time, action: StepAction, user: Str) -> u64 {
        self.add(Step { at: at.max(self.now()), user, action })
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The moment it is.
    pub fn now(&self) -> Time {
        self.cluster.now()
    }

    /// When the next thing happens.
    pub fn next_at(&self) -> Option<Time> {
        let own = [self.wakes.first(), self.pending.first()].into_iter().flatten().map(|(at, _)| *at);
        own.chain(self.cluster.next_at()).min()
    }

    /// Whether the next thing is a step or goes on with one.
    pub fn next_is_step(&self) -> bool {
        let own = [self.wakes.first(), self.pending.first()].into_iter().flatten().map(|(at, _)| *at).min();
        own.is_some_and(|own| self.cluster.next_at().is_none_or(|cluster| own < cluster))
    }

    /// Lets the next thing happen; false when nothing ever will.
    ///
    /// At one moment the cluster's own events come first, so that a step which arrives late (in a live session, for a
    /// moment that has been played) changes nothing about the order.
    pub fn step(&mut self) -> bool {
        let Some(at) = self.next_at() else { return false };
        if at > self.now() {
            self.settle(Time(at.0 - 1));
        }
        if self.cluster.next_at() == Some(at) {
            self.cluster.step();
        } else {
            self.cluster.advance_to(at);
            if let Some(&(_, number)) = self.wakes.first().filter(|(wake, _)| *wake == at) {
                self.wakes.remove(&(at, number));
                self.wake(number);
            } else if let Some((_, number)) = self.pending.pop_first() {
                self.begin(number);
            }
        }
        self.collect();
        self.observe();
        true
    }

    /// Lets everything happen up to and including `until`, and the clock reach it.
    pub fn advance_to(&mut self, until: Time) {
        while self.next_at().is_some_and(|at| at <= until) {
            self.step();
        }
        self.cluster.advance_to(until);
        self.settle(until);
    }

    /// Plays to the end: `until`, or the moment at which every expectation is decided.
    pub fn run_to_end(&mut self) {
        let end = Time(self.scenario.spec.until.unwrap_or(DEFAULT_END).0);
        while self.next_at().is_some_and(|at| at <= end) {
            self.step();
            if !self.goals.is_empty() && self.goals.iter().all(|goal| goal.progress.verdict.is_some()) {
                return;
            }
        }
        self.cluster.advance_to(end);
        self.settle(end);
    }

    /// How steps went, in the order in which they were done.
    pub fn results(&self) -> &[StepResult] {
        &self.results
    }

    /// How many steps are not done yet: waiting for their moment or at work.
    pub fn unfinished(&self) -> u64 {
        (self.pending.len() + self.running.len()) as u64
    }

    /// The expectations and their verdicts; `None` while undecided.
    pub fn expectations(&self) -> impl Iterator<Item = (&Expectation, Option<Verdict>)> {
        self.scenario.spec.expect.iter().zip(&self.goals).map(|(expectation, goal)| (expectation, goal.progress.verdict))
    }

    /// What it began with, without the steps.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// A scenario that replays exactly this, and opens at the present moment.
    pub fn to_scenario(&self) -> Scenario {
        let mut scenario = self.scenario.clone();
        scenario.spec.steps = self.steps.clone();
        scenario.spec.steps.sort_by_key(|step| step.at);
        scenario.spec.opening = Duration(self.now().0);
        scenario.stamp();
        scenario
    }

    /// One number for the cluster and the programs that run.
    pub fn hash(&self) -> StateHash {
        let programs: Vec<(u64, &Option<Program>)> =
            self.running.iter().map(|(number, running)| (*number, &running.program)).collect();
        StateHash(hash_of(&(self.cluster.hash(), programs, &self.wakes)))
    }

    fn begin(&mut self, number: u64) {
        let step = self.steps[number as usize - 1].clone();
        let name = step.action.user().unwrap_or(&step.user).clone();
        let user = if name.is_empty() { User::admin() } else { User::component(name) };
        let started = self.cluster.core().timestamp();
        let program = match &step.action {
            StepAction::Apply(text) => Some(Ok(Program::apply(text.clone(), started))),
            StepAction::Kubectl(line) => Some(Program::from_command_line(line, started)),
            _ => None,
        };
        let program = match program.transpose() {
            Ok(program) => program,
            Err(why) => {
                self.running.insert(number, Running { program: None, began: self.now(), user, refusals: Vec::new() });
                self.finish(number, failure(&why));
                return;
            }
        };
        let runs = program.is_some();
        self.running.insert(number, Running { program, began: self.now(), user: user.clone(), refusals: Vec::new() });
        if runs {
            self.go_on(number);
            return;
        }
        let action = match step.action {
            StepAction::Fault(fault) => Action::Fault { target: fault.target, fault: fault.fault },
            StepAction::Repair(repair) => Action::Repair { target: repair.target },
            StepAction::Request(request) => Action::Request(request.http()),
            StepAction::Apply(_) | StepAction::Kubectl(_) => unreachable!("programs are handled above"),
        };
        self.command(number, action, user);
    }

    fn command(&mut self, number: u64, action: Action, user: User) {
        let command = self.cluster.apply(Command { at: self.now(), user, action });
        self.asked.insert(command, number);
    }

    /// Runs a step's program as far as it comes.
    fn go_on(&mut self, number: u64) {
        let now = self.now();
        let Some(running) = self.running.get_mut(&number) else { return };
        let Some(program) = &mut running.program else { return };
        match program.run() {
            Progress::Needs(request) => {
                let user = running.user.clone();
                self.command(number, Action::Request(request), user);
            }
            Progress::Waits(length) => {
                self.wakes.insert((now + length, number));
            }
            Progress::Done(output) => self.finish(number, output),
        }
    }

    fn wake(&mut self, number: u64) {
        if let Some(program) = self.running.get_mut(&number).and_then(|running| running.program.as_mut()) {
            program.wake();
        }
        self.go_on(number);
    }

    /// Passes answers to those who asked.
    fn collect(&mut self) {
        for (command, outcome) in self.cluster.take_outcomes() {
            let Some(number) = self.asked.remove(&command) else { continue };
            match outcome {
                Outcome::Done => self.finish(number, Output::default()),
                Outcome::Refused(why) => self.finish(number, failure(&why)),
                Outcome::Http(response) => self.answer(number, response),
            }
        }
    }

    fn answer(&mut self, number: u64, response: HttpResponse) {
        let Some(running) = self.running.get_mut(&number) else { return };
        if !response.is_success() {
            running.refusals.push(response.body.clone());
        }
        match &mut running.program {
            Some(program) => {
                program.answer(response);
                self.go_on(number);
            }
            None => {
                let exit_code = u8::from(!response.is_success());
                let stdout = format!("{}\n", response.body);
                self.finish(number, Output { stdout, stderr: String::new(), exit_code });
            }
        }
    }

    fn finish(&mut self, number: u64, output: Output) {
        let Some(running) = self.running.remove(&number) else { return };
        self.results.push(StepResult {
            number,
            at: running.began,
            done_at: self.now(),
            command: self.steps[number as usize - 1].action.command_line(),
            output,
            refusals: running.refusals,
        });
    }

    /// Looks at the objects of expectations that changed.
    fn observe(&mut self) {
        let store = self.cluster.store();
        if self.seen == store.revision() {
            return;
        }
        self.seen = store.revision();
        for (goal, expectation) in self.goals.iter_mut().zip(&self.scenario.spec.expect) {
            let object = store.get(&goal.key);
            let revision = object.map_or(0, |object| object.meta.resource_version);
            if revision != goal.seen {
                goal.seen = revision;
                expectation.observe(&mut goal.progress, object.map(|object| &**object), self.cluster.now());
            }
        }
    }

    /// Decides what is certain once everything up to and including `until` has happened.
    fn settle(&mut self, until: Time) {
        for (goal, expectation) in self.goals.iter_mut().zip(&self.scenario.spec.expect) {
            expectation.settle(&mut goal.progress, until);
        }
    }
}

fn failure(why: &str) -> Output {
    Output { stdout: String::new(), stderr: format!("error: {why}\n"), exit_code: 1 }
}

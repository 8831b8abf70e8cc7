//! One who plays: a cluster, the steps to come, kubectl programs that run, and what came of them.
//!
//! A step takes effect after everything else that happens at its moment, one step after another in the order of their
//! numbers. So it makes no difference when a replica learned of it, as long as it had not gone on in time.

mod expectations;
mod state;

use std::hash::Hash;
use std::sync::Arc;

use crate::api::User;
use crate::cluster::{Action, Cluster, Command, HttpResponse, Outcome, ProgramOutput, Watching};
use crate::codec::Codec;
use crate::collections::{BTreeMap, BTreeSet, sort_by_key};
use crate::doc::{Doc, Str};
use crate::kubectl::{Output, Program, Progress};
use crate::scenario::{Expectation, Scenario, ScenarioError, Step, StepAction, Verdict};
use crate::sim::{Duration, StateHash, StateHasher, Time};

use self::expectations::Expectations;
use super::diagnose::{self, Diagnostic, Places};

/// How long a scenario without `until` is played.
const DEFAULT_END: Duration = Duration::seconds(600);

/// What came of a step.
#[derive(Clone, PartialEq, Debug, Codec)]
pub struct StepResult {
    /// The step's number.
    pub step: u64,
    /// When it took effect.
    pub at: Time,
    /// When its end was known.
    pub finished: Time,
    /// What was done, on one line.
    pub command: String,
    /// What it printed.
    pub stdout: String,
    /// What it printed as errors.
    pub stderr: String,
    /// 0 for success.
    pub exit_code: u8,
    /// What is wrong with an applied text, and where.
    pub diagnostics: Vec<Diagnostic>,
    /// The answer to a raw request.
    pub response: Option<HttpResponse>,
}

/// A program that was started, with the number of its step.
#[derive(Clone, Debug)]
struct Running {
    step: u64,
    at: Time,
    user: User,
    program: Program,
    wakes: Option<Time>,
    /// What it is told of, which follows from the program and the cluster.
    watches: Option<Watching>,
    diagnostics: Vec<Diagnostic>,
    places: Places,
}

/// Who waits for the outcome of a command.
#[derive(Clone, Copy, Debug, Codec)]
enum Asker {
    /// A program, by the order of starts.
    Program(u64),
    /// A step that is a command by itself, and when it took effect.
    Step(u64, Time),
}

/// A cluster with everything that is and was done to it.
#[derive(Clone, Debug)]
pub struct Player {
    cluster: Cluster,
    scenario: Arc<Scenario>,
    /// Every step so far, by number minus 1.
    log: Vec<Step>,
    pending: BTreeSet<(Time, u64)>,
    /// By the order in which they started: numbers of steps differ between a session and its replay.
    running: BTreeMap<u64, Running>,
    started: u64,
    asked: BTreeMap<u64, Asker>,
    /// Each user's kubeconfig, once it was changed.
    configs: BTreeMap<Str, Doc>,
    results: Vec<StepResult>,
    expectations: Expectations,
}

impl Player {
    /// Begins a scenario at t = 0. `trace` is how many records of what happened are kept; 0 keeps none.
    ///
    /// # Errors
    /// What in the scenario makes no sense, and in which field.
    pub fn new(scenario: Scenario, trace: u64) -> Result<Player, ScenarioError> {
        let cluster = scenario.cluster_spec()?;
        let cluster = Cluster::new(&cluster, scenario.spec.seed, trace).map_err(|error| ScenarioError {
            line: 0,
            column: 0,
            field: error.field,
            message: error.message,
        })?;
        let expectations = Expectations::new(&scenario.spec.expect);
        let log = scenario.spec.steps.clone();
        let pending = (1..).zip(&log).map(|(number, step)| (step.at, number)).collect();
        Ok(Player {
            cluster,
            scenario: Arc::new(scenario),
            log,
            pending,
            running: BTreeMap::new(),
            started: 0,
            asked: BTreeMap::new(),
            configs: BTreeMap::new(),
            results: Vec::new(),
            expectations,
        })
    }

    /// What the program that a step's request runs has written so far, once it runs and as long as it does.
    pub fn output(&self, step: u64) -> Option<&ProgramOutput> {
        let asks = |asker: &Asker| matches!(asker, Asker::Step(number, _) if *number == step);
        let (command, _) = self.asked.iter().find(|(_, asker)| asks(asker))?;
        self.cluster.output(*command)
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The scenario it began with.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The moment it is.
    pub fn now(&self) -> Time {
        self.cluster.now()
    }

    /// Every step that is known, by number minus 1.
    pub fn log(&self) -> &[Step] {
        &self.log
    }

    /// What came of the steps, in the order in which they ended.
    pub fn results(&self) -> &[StepResult] {
        &self.results
    }

    /// Steps that took effect and have not ended: their number, moment and command line.
    pub fn unfinished(&self) -> impl Iterator<Item = (u64, Time, String)> {
        let programs = self.running.values().map(|running| (running.step, running.at));
        let commands = self.asked.values().filter_map(|asker| match asker {
            Asker::Step(step, at) => Some((*step, *at)),
            Asker::Program(_) => None,
        });
        programs
            .chain(commands)
            .map(|(step, at)| (step, at, self.log[step as usize - 1].action.command_line()))
    }

    /// The expectations and their verdicts; `None` while undecided.
    pub fn expectations(&self) -> impl Iterator<Item = (&Expectation, Option<Verdict>)> {
        self.expectations.iter()
    }

    /// Whether every expectation is decided; true when there is none.
    pub fn decided(&self) -> bool {
        self.expectations.decided()
    }

    /// Gives every open expectation its verdict: nothing more will happen.
    pub fn conclude(&mut self) {
        self.expectations.conclude(self.now());
    }

    /// One number for the whole state. Steps to come are no part of it.
    pub fn hash(&self) -> StateHash {
        let cluster = self.cluster.hash();
        if self.running.is_empty() && self.configs.is_empty() {
            return cluster;
        }
        let mut hasher = StateHasher::default();
        cluster.hash(&mut hasher);
        for (start, running) in &self.running {
            (start, running.at, &running.user, &running.program, running.wakes).hash(&mut hasher);
        }
        for config in &self.configs {
            config.hash(&mut hasher);
        }
        StateHash(hasher.digest())
    }

    /// Does something now, for `user` (empty for the cluster's admin). The answer is the step's number, under which
    /// [`Player::results`] tells what came of it.
    pub fn submit(&mut self, action: StepAction, user: Str) -> u64 {
        self.submit_at(self.now(), action, user)
    }

    /// Does something at a moment to come (or now, if that is past).
    pub fn submit_at(&mut self, at: Time, action: StepAction, user: Str) -> u64 {
        let at = at.max(self.now());
        self.log.push(Step { at, user, action });
        let number = self.log.len() as u64;
        self.pending.insert((at, number));
        number
    }

    /// Forgets the steps to come that the scenario did not bring: what was not done yet is not done.
    pub fn forget_future(&mut self) {
        let own = self.scenario.spec.steps.len() as u64;
        // Steps take effect in the order in which they were submitted: those to come are the newest.
        let first = self.pending.iter().map(|(_, number)| *number).filter(|number| *number > own).min();
        if let Some(first) = first {
            self.pending.retain(|(_, number)| *number < first);
            self.log.truncate(first as usize - 1);
        }
    }

    /// When the next thing happens.
    pub fn next_at(&self) -> Option<Time> {
        match (self.cluster.next_at(), self.due()) {
            (Some(next), Some(due)) => Some(next.min(due)),
            (next, due) => next.or(due),
        }
    }

    /// When the next expectation is decided if nothing happens before.
    pub fn next_verdict_at(&self) -> Option<Time> {
        self.expectations.next_verdict_at()
    }

    /// When the next program wakes or the next step is due.
    fn due(&self) -> Option<Time> {
        if self.running.is_empty() && self.pending.is_empty() {
            return None;
        }
        let wakes = self.running.values().filter_map(|running| running.wakes);
        wakes.chain(self.pending.first().map(|(at, _)| *at)).min()
    }

    /// Lets the next thing happen; false when nothing ever will.
    pub fn step(&mut self) -> bool {
        let Some(at) = self.next_at() else { return false };
        self.step_at(at);
        true
    }

    /// Lets happen what comes next, at `at`.
    fn step_at(&mut self, at: Time) {
        if at.0 > 0 {
            self.expectations.settle(Time(at.0 - 1));
        }
        if self.cluster.next_at() == Some(at) {
            self.cluster.step();
            self.collect();
            self.tell();
        } else {
            // Nothing of the cluster's own happens up to here: only its clock moves.
            self.cluster.advance_to(at);
            self.begin_due(at);
        }
        self.expectations.observe(&self.cluster);
    }

    /// Lets everything happen up to and including `until`, and the clock reach it.
    pub fn advance_to(&mut self, until: Time) {
        while let Some(at) = self.next_at().filter(|at| *at <= until) {
            self.step_at(at);
        }
        self.cluster.advance_to(until);
        self.expectations.settle(self.now());
    }

    /// Plays to the end: `until`, or the moment at which every expectation is decided.
    pub fn run_to_end(&mut self) {
        let end = Time(self.scenario.spec.until.unwrap_or(DEFAULT_END).0);
        while let Some(at) = self.next_at().filter(|at| *at <= end) {
            self.step_at(at);
            if !self.expectations.is_empty() && self.decided() {
                // A state that has a moment is one with everything of that moment done.
                self.advance_to(self.now());
                return;
            }
        }
        self.cluster.advance_to(end);
        self.expectations.settle(end);
    }

    /// The scenario that leads here: the same beginning, and everything that was done since.
    pub fn to_scenario(&self) -> Scenario {
        let mut scenario = (*self.scenario).clone();
        let mut order: Vec<u64> = (1..=self.log.len() as u64).collect();
        sort_by_key(&mut order, |number| (self.log[*number as usize - 1].at, *number));
        scenario.spec.steps = order.into_iter().map(|number| self.log[number as usize - 1].clone()).collect();
        scenario.spec.opening = Duration(self.now().0);
        scenario.stamp();
        scenario
    }

    /// Wakes one program, or begins one step.
    fn begin_due(&mut self, now: Time) {
        let woken =
            self.running.iter().find(|(_, running)| running.wakes == Some(now)).map(|(start, _)| *start);
        if let Some(start) = woken {
            let running = self.running.get_mut(&start).expect("it was found");
            running.program.wake();
            self.advance(start);
        } else if let Some((_, number)) = self.pending.pop_first() {
            self.begin(number);
        }
    }

    fn begin(&mut self, number: u64) {
        let step = self.log[number as usize - 1].clone();
        let user = user(step.action.user().unwrap_or(&step.user));
        let date = self.cluster.core().timestamp();
        match step.action {
            StepAction::Apply(text) => {
                let diagnostics = diagnose::diagnose_for(&self.cluster, &text);
                // kubectl takes the last of equal keys, and says nothing: whoever applies a text by hand has most likely
                // forgotten what parts two documents.
                if let Some(why) = diagnose::repeated(&text, &diagnostics) {
                    let stderr =
                        format!("error: error parsing STDIN: error converting YAML to JSON: yaml: {why}\n");
                    let output = Output { stderr, exit_code: 1, ..Output::default() };
                    return self.end(number, self.now(), output, diagnostics, None);
                }
                self.launch(number, user, Program::apply(text, date), diagnostics);
            }
            StepAction::Kubectl(line) => match Program::from_command_line(&line, date) {
                Ok(program) => self.launch(number, user, program, Vec::new()),
                Err(why) => {
                    let output =
                        Output { stderr: format!("error: {why}\n"), exit_code: 1, ..Output::default() };
                    self.end(number, self.now(), output, Vec::new(), None);
                }
            },
            StepAction::Fault(fault) => {
                self.command(
                    Asker::Step(number, self.now()),
                    user,
                    Action::Fault { target: fault.target, fault: fault.fault },
                );
            }
            StepAction::Traffic(source) => {
                self.command(Asker::Step(number, self.now()), user, Action::Traffic(source));
            }
            StepAction::Clock(date) => {
                self.command(Asker::Step(number, self.now()), user, Action::Clock(date));
            }
            StepAction::Repair(repair) => {
                self.command(Asker::Step(number, self.now()), user, Action::Repair { target: repair.target });
            }
            StepAction::Request(request) => {
                self.command(Asker::Step(number, self.now()), user, Action::Request(request.http()));
            }
        }
    }

    fn launch(&mut self, step: u64, user: User, program: Program, diagnostics: Vec<Diagnostic>) {
        self.started += 1;
        let at = self.now();
        let program = match self.configs.get(&user.name) {
            Some(config) => program.with_config(config.clone()),
            None => program,
        };
        let places = Places::default();
        let running = Running { step, at, user, program, wakes: None, watches: None, diagnostics, places };
        self.running.insert(self.started, running);
        self.advance(self.started);
    }

    /// Runs a program until it needs something again.
    fn advance(&mut self, start: u64) {
        let now = self.now();
        let running = self.running.get_mut(&start).expect("only programs that run are advanced");
        let held = running.watches.take();
        running.wakes = None;
        match running.program.run() {
            // Steps are played without anybody in front of a terminal.
            Progress::Asks(ask) => {
                running.program.reply(ask.unattended());
                self.advance(start);
            }
            Progress::Needs(request) | Progress::Runs(request) => {
                let user = running.user.clone();
                self.command(Asker::Program(start), user, Action::Request(request));
            }
            Progress::Watches(request, until) => {
                let left = until.map(|until| until.millis() - self.cluster.core().timestamp().millis());
                running.wakes = left.map(|left| now + Duration(left.max(0) as u64));
                let mut watching = Watching::after(held, request, until);
                let news = watching.look(&self.cluster, &running.user);
                running.watches = Some(watching);
                if let Some(news) = news {
                    running.program.answer(news);
                    self.advance(start);
                }
            }
            Progress::Waits(length) => running.wakes = Some(now + length),
            Progress::Done(output) => {
                let ended = self.running.remove(&start).expect("it was found");
                let config = ended.program.config();
                if !config.is_null() {
                    self.configs.insert(ended.user.name.clone(), config.clone());
                }
                // What is only doubtful need not be shown when the server took it.
                let diagnostics = if output.exit_code == 0 { Vec::new() } else { ended.diagnostics };
                self.end(ended.step, ended.at, output, diagnostics, None);
            }
        }
    }

    fn command(&mut self, asker: Asker, user: User, action: Action) {
        let number = self.cluster.apply(Command { at: self.now(), user, action });
        self.asked.insert(number, asker);
    }

    /// Passes on what became known.
    fn collect(&mut self) {
        for (number, outcome) in self.cluster.take_outcomes() {
            match (self.asked.remove(&number), outcome) {
                (Some(Asker::Program(start)), Outcome::Http(response)) => self.answer(start, response),
                (Some(Asker::Step(step, at)), outcome) => self.end_command(step, at, outcome),
                _ => {}
            }
        }
    }

    /// Tells those who watch what happened.
    fn tell(&mut self) {
        // Most things happen while no program runs.
        if self.running.is_empty() {
            return;
        }
        let watching = self.running.iter().filter(|(_, running)| running.watches.is_some());
        let starts: Vec<u64> = watching.map(|(start, _)| *start).collect();
        for start in starts {
            let Some(Running { user, watches: Some(watching), program, .. }) = self.running.get_mut(&start)
            else {
                continue;
            };
            if let Some(news) = watching.look(&self.cluster, user) {
                program.answer(news);
                self.advance(start);
            }
        }
    }

    fn answer(&mut self, start: u64, response: HttpResponse) {
        let Some(running) = self.running.get_mut(&start) else { return };
        if let StepAction::Apply(text) = &self.log[running.step as usize - 1].action {
            running.diagnostics.extend(running.places.locate(text, &response));
        }
        running.program.answer(response);
        self.advance(start);
    }

    fn end_command(&mut self, step: u64, at: Time, outcome: Outcome) {
        let (output, response) = match outcome {
            Outcome::Done => (Output::default(), None),
            Outcome::Refused(why) => {
                (Output { stderr: format!("error: {why}\n"), exit_code: 1, ..Output::default() }, None)
            }
            Outcome::Http(response) => {
                // What a program wrote bit by bit was told as it came: it is long enough once.
                let told = !response.body["output"].is_null();
                let text = if told { String::new() } else { format!("{}\n", response.body) };
                let mut output = Output { stdout: text, ..Output::default() };
                if !response.is_success() {
                    output = Output { stderr: output.stdout, exit_code: 1, ..Output::default() };
                }
                (output, Some(response))
            }
        };
        self.end(step, at, output, Vec::new(), response);
    }

    fn end(
        &mut self,
        step: u64,
        at: Time,
        output: Output,
        diagnostics: Vec<Diagnostic>,
        response: Option<HttpResponse>,
    ) {
        let command = self.log[step as usize - 1].action.command_line();
        self.results.push(StepResult {
            step,
            at,
            finished: self.now(),
            command,
            stdout: output.stdout,
            stderr: output.stderr,
            exit_code: output.exit_code,
            diagnostics,
            response,
        });
    }
}

fn user(name: &Str) -> User {
    if name.is_empty() { User::admin() } else { User::person(name.clone()) }
}

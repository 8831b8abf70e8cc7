//! Drives one cluster for one viewer: lets time pass at the viewer's pace, and tells what changed.

mod beside;
mod catch_up;
mod far;
mod island;
mod look;
mod numbers;
mod pace;
mod request;
mod rewind;
mod time;

use std::collections::BTreeSet;

use shared::{api::Uid, scenario::StepAction, session::protocol::ServerMessage};

use self::pace::{SKIP_LIMIT_MS, Search};
use super::{
    map::Map,
    messages::{Drawn, Messages},
    pacing,
    past::Past,
    replica::Replica,
    standing,
    story::Story,
    view::View,
};
use crate::protocol::{
    Caption, Clock, Command, Frame, Happening, Headline, Reply, Request, Speed, Standing, Subject, Systems,
    Visitors, Wait,
};

/// The longest stretch of wall time that one tick makes up for: a page that slept goes on, it does not rush.
const LONGEST_TICK_MS: f64 = 100.0;
/// Wall time that one tick may compute, in milliseconds. Requests of the page wait no longer than this.
const BUDGET_MS: f64 = 20.0;

/// What an annotation of a scenario is called that has a sentence for whoever looks at it; the language's code follows.
const HEADLINE: &str = "kubarium.dev/headline-";
/// So many characters of it are shown.
const LONGEST_HEADLINE: usize = 120;

/// What is said to whoever may only look.
const READ_ONLY: &str = "this copy of the cluster is for looking only";

/// A cluster and its viewer.
pub struct Driver {
    replica: Replica,
    messages: Messages,
    running: bool,
    behind: bool,
    speed: Speed,
    rate: f64,
    /// Virtual milliseconds a scene millisecond that passed of late.
    passing: f64,
    scene: f64,
    /// Virtual time with its fraction; the cluster's own is never ahead of it.
    now: f64,
    accent_from: u64,
    accented: BTreeSet<Uid>,
    view: View,
    waits: Vec<Wait>,
    /// Drains that a person has typed and that give up after a while, by the program's number.
    drains: Vec<(u32, Wait)>,
    visitors: Visitors,
    systems: Systems,
    looked_at: (u64, f64),
    /// How many steps had ended by then.
    ended: usize,
    story: Option<Story>,
    before_fault: Option<Box<Replica>>,
    past: Past,
    beside: Option<Box<beside::Beside>>,
    search: Option<(Search, u64)>,
    /// A skip has just ended without anything to see.
    in_vain: bool,
    /// Scene time at which a step ends.
    stop_at: Option<f64>,
    inspected: Option<(Subject, u64)>,
    sent: Clock,
    flow: f64,
    /// Somebody has just done something, of which nothing is told yet.
    acted: bool,
    /// Whoever looks may do nothing.
    read_only: bool,
    asked_fingerprint: bool,
    /// What a page that draws a map was told.
    map: Option<Box<Map>>,
    map_ticks: u32,
    /// Wall time since the cluster was last looked at.
    unlooked: f64,
    /// Wall time since the server was heard last, and where one goes on without it.
    apart: island::Apart,
    /// The moment from which on is played what was missed of a session, while that goes on.
    missed: Option<u64>,
}

impl Driver {
    /// Shows a cluster from where it stands.
    pub fn new(replica: Replica) -> Self {
        let messages = Messages::new(replica.cluster());
        let now = millis(replica.cluster().now().0);
        let mut driver = Self {
            messages,
            running: true,
            behind: false,
            speed: Speed::Story,
            rate: 1.0,
            passing: 1.0,
            scene: 0.0,
            now,
            accent_from: u64::MAX,
            accented: BTreeSet::new(),
            view: View::default(),
            waits: Vec::new(),
            drains: Vec::new(),
            visitors: Visitors::default(),
            systems: Systems::default(),
            looked_at: (0, f64::NEG_INFINITY),
            ended: replica.player().results().len(),
            story: None,
            before_fault: None,
            past: Past::default(),
            beside: None,
            search: None,
            in_vain: false,
            stop_at: None,
            inspected: None,
            sent: Clock::default(),
            flow: 0.0,
            acted: false,
            read_only: false,
            asked_fingerprint: false,
            map: None,
            map_ticks: 0,
            unlooked: 0.0,
            apart: island::Apart::default(),
            missed: None,
            replica,
        };
        driver.begin_to_catch_up();
        driver.begin();
        driver
    }

    /// All there is to see, for a page that knows nothing yet.
    pub fn first_frame(&mut self) -> Reply {
        let mut frame = Frame { reset: true, ..Frame::default() };
        self.view = View::default();
        self.look(&mut frame);
        frame.captions.clear();
        frame.waits = Some(self.waits.clone());
        frame.visitors = Some(self.visitors.clone());
        self.finish(&mut frame);
        Reply::Frame(Box::new(frame))
    }

    /// Does what the page asks.
    pub fn hear(&mut self, request: Request) -> Vec<Reply> {
        match request {
            // The line makes a new driver for a new cluster.
            Request::Open(_) | Request::Terminal(_) => Vec::new(),
            Request::Command { id, command } => {
                let branch = self.past.course().id;
                self.act(Some(id), &command);
                match branch == self.past.course().id {
                    true => Vec::new(),
                    false => self.tell_past(),
                }
            }
            Request::Pace(pace) => {
                self.set_pace(pace);
                Vec::new()
            }
            Request::Inspect(subject) => {
                self.inspected = subject.map(|subject| (subject, 0));
                self.inspection().into_iter().collect()
            }
            Request::Rewind { then } => self.rewind(&then),
            Request::Past(request) => self.travel(&request),
            Request::Share => vec![Reply::Link(self.replica.link_without_secrets())],
            Request::Fingerprint => {
                self.asked_fingerprint = true;
                self.fingerprint().into_iter().collect()
            }
            Request::Scenario => vec![Reply::Scenario(self.replica.scenario())],
            Request::Standing => vec![Reply::Standing(Box::new(self.standing()))],
            Request::Map => self.begin_map(),
            Request::MapClosely(nodes) => match &self.map {
                Some(map) => vec![Reply::MapClosely(map.closely(self.replica.cluster(), &nodes))],
                None => Vec::new(),
            },
        }
    }

    /// A person does something: from here on their doing has the accent.
    fn act(&mut self, id: Option<u32>, command: &Command) {
        if self.read_only {
            return self.replica.refuse(id, READ_ONLY);
        }
        self.past.course_mut().begin_numbers();
        if self.replica.pace().is_some() {
            return self.replica.act(id, command);
        }
        // Whoever acts in the past begins another branch: what came of the first is kept.
        if self.past.present().is_some() {
            self.fork(false);
        }
        if let Command::Fault { .. } | Command::Slow { .. } = command {
            self.before_fault = Some(Box::new(self.replica.clone()));
            let now = self.replica.cluster().now().0;
            self.story = Some(Story::begin(Some(command), &self.view, now, self.visitors.lost));
        } else {
            self.story = None;
        }
        self.accent_from = self.replica.next_command();
        self.messages.begin_story();
        self.search = None;
        self.replica.act(id, command);
        // What a person does is seen at once, also while time stands still.
        self.replica.settle();
        self.acted = true;
    }

    /// What is to be said of the scenario.
    pub fn headline(&self) -> Headline {
        let metadata = &self.replica.player().scenario().metadata;
        let annotations = &metadata.annotations;
        let said = annotations.iter().filter_map(|(key, text)| {
            let language = key.strip_prefix(HEADLINE)?;
            Some((language.to_owned(), text.chars().take(LONGEST_HEADLINE).collect()))
        });
        Headline { name: metadata.name.to_string(), said: said.collect() }
    }

    fn standing(&self) -> Standing {
        let goals = self.replica.objectives();
        standing::standing(self.cluster_now(), goals, &self.view.nodes, &self.view.pods)
    }

    /// From now on nothing can be done to the cluster here, or it can again.
    pub fn set_read_only(&mut self, read_only: bool) {
        self.read_only = read_only;
    }

    /// The server says something.
    pub fn hear_server(&mut self, message: ServerMessage) {
        if self.replica.pace().is_none() {
            return self.session().hear(message);
        }
        if let ServerMessage::Entry(entry) = &message {
            self.accent_from = self.replica.next_command();
            self.messages.begin_story();
            self.story = match &entry.action {
                StepAction::Fault(_) => {
                    let now = self.cluster_now();
                    Some(Story::begin(None, &self.view, now, self.visitors.lost))
                }
                _ => None,
            };
        }
        let is_back = matches!(message, ServerMessage::Welcome(_));
        self.replica.hear(message);
        if is_back {
            self.begin_to_catch_up();
        }
        self.follow_the_pace();
    }

    /// The cluster.
    pub fn replica(&mut self) -> &mut Replica {
        &mut self.replica
    }
    /// The answer to who asked, once the cluster is where it opens.
    fn fingerprint(&mut self) -> Option<Reply> {
        let due = self.opening().is_none() && std::mem::take(&mut self.asked_fingerprint);
        due.then(|| Reply::Fingerprint { at: self.cluster_now(), hash: self.replica.hash() })
    }

    /// Lets `passed` milliseconds of wall time pass; `clock` is the wall clock that bounds the work.
    pub fn tick(&mut self, passed: f64, clock: &dyn Fn() -> f64) -> Vec<Reply> {
        let deadline = clock() + BUDGET_MS;
        let mut drawn = Drawn::default();
        self.behind = false;
        self.unlooked += passed;
        let mut arrived = Vec::new();
        let opening = self.opening();
        // What a person does is told of its very moment, before time goes on.
        if std::mem::take(&mut self.acted) {
            self.unlooked = f64::INFINITY;
            let mut frame = Frame::default();
            self.look(&mut frame);
            self.finish(&mut frame);
            arrived.push(Reply::Frame(Box::new(frame)));
        }
        if self.past.seek.is_some() {
            arrived.extend(self.seek(&|| clock() > deadline));
        } else if let Some((search, limit)) = self.search {
            self.fast_forward(search, limit, &mut drawn, &|| clock() > deadline);
        } else if self.missed.is_some() && self.catch_up(clock) {
            self.behind = true;
        } else if self.running {
            self.advance(passed.min(LONGEST_TICK_MS), &mut drawn, &|| clock() > deadline);
        } else {
            self.collect(&mut drawn, false);
        }
        self.keep_up(&|| clock() > deadline);
        self.rejoin();
        let mut replies = arrived;
        replies.extend(self.tick_apart(passed));
        replies.extend(opening.map(|until| self.tell_opening(until)));
        replies.extend(self.fingerprint());
        replies.extend(self.replica.outcomes());
        let mut frame = Frame::default();
        let rest = f64::from(drawn.rest) * 1000.0 / passed.max(1.0);
        self.flow = pacing::ease(self.flow, rest, passed);
        (frame.hops, frame.heartbeats) = (drawn.hops, drawn.heartbeats);
        frame.heartbeats.sort_unstable();
        frame.heartbeats.dedup();
        self.look(&mut frame);
        if self.missed.is_some() {
            frame.captions.clear();
        }
        if std::mem::take(&mut self.in_vain) {
            let what = Happening::Quiet { time: SKIP_LIMIT_MS };
            frame.captions.push(Caption { at: self.cluster_now(), what, accent: true });
        }
        self.finish(&mut frame);
        if self.running || self.sent != frame.clock || !frame.is_still() {
            self.sent = frame.clock;
            replies.push(Reply::Frame(Box::new(frame)));
        }
        replies.extend(self.inspection_if_new());
        self.past.pass(&self.replica);
        replies.extend(self.tick_beside(&|| clock() > deadline));
        let looked = self.unlooked < passed;
        replies.extend(self.tell_of_past(looked || !self.is_far()));
        replies
    }

    fn cluster_now(&self) -> u64 {
        self.replica.cluster().now().0
    }
}

#[expect(clippy::cast_precision_loss, reason = "virtual time stays far below 2^52 ms")]
fn millis(time: u64) -> f64 {
    time as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "never negative, far below 2^52")]
fn whole(time: f64) -> u64 {
    time.max(0.0) as u64
}

#[cfg(test)]
mod tests;

//! Drives one cluster for one viewer: lets time pass at the viewer's pace, and tells what changed.

mod beside;
mod catch_up;
mod far;
mod island;
mod numbers;
mod request;
mod rewind;
mod time;

use shared::api::Uid;
use std::collections::BTreeSet;

use shared::{
    api::Kind,
    scenario::StepAction,
    session::protocol::{ClientMessage, ServerMessage},
    sim::{ChangeKind, Time},
};

use super::{
    captions, inspect,
    map::Map,
    messages::{Drawn, Messages},
    pacing,
    past::Past,
    replica::Replica,
    standing,
    story::Story,
    view::{View, delta},
    waits,
};
use crate::protocol::{
    Caption, Clock, Command, Frame, Happening, Headline, Inspection, Pace, Reply, Request, Speed, Standing,
    Subject, Systems, Verdict, Visitors, Wait,
};

/// The longest stretch of wall time that one tick makes up for: a page that slept goes on, it does not rush.
const LONGEST_TICK_MS: f64 = 100.0;
/// Wall time that one tick may compute, in milliseconds. Requests of the page wait no longer than this.
const BUDGET_MS: f64 = 20.0;
/// How far ahead a skip or step looks for something to happen, in virtual milliseconds.
const SKIP_LIMIT_MS: u64 = 3_600_000;
/// How far a skip goes in a live session where nothing is waited for, in virtual milliseconds.
const LIVE_SKIP_MS: u64 = 30_000;
/// Scene time between two looks at a cluster in which nothing was written.
const LOOK_MS: f64 = 200.0;

/// What an annotation of a scenario is called that has a sentence for whoever looks at it; the language's code follows.
const HEADLINE: &str = "kubarium.dev/headline-";
/// So many characters of it are shown.
const LONGEST_HEADLINE: usize = 120;

/// What is said to whoever may only look.
const READ_ONLY: &str = "this copy of the cluster is for looking only";

/// What a skip or a step is looking for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Search {
    /// A message that is worth drawing, then a stop.
    Step,
    /// Something of note.
    Note,
    /// The end of a wait.
    Wait(u32),
    /// The moment at which the scenario opens.
    Opening,
}

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
    visitors: Visitors,
    systems: Systems,
    looked_at: (u64, f64),
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
    /// Wall time since a large cluster was last looked at.
    far_passed: f64,
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
            replica,
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
            visitors: Visitors::default(),
            systems: Systems::default(),
            looked_at: (0, f64::NEG_INFINITY),
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
            far_passed: 0.0,
            apart: island::Apart::default(),
            missed: None,
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

    /// In a live session the pace is everybody's: the server sets it.
    fn ask_pace(&mut self, pace: Pace) {
        let now = self.cluster_now();
        let (running, speed, until) = match pace {
            Pace::Play => (Some(true), None, None),
            Pace::Pause => (Some(false), None, None),
            Pace::Speed(Speed::Story) => (Some(true), Some(1000), None),
            Pace::Speed(Speed::Milli(speed)) => (Some(true), Some(speed), None),
            Pace::Step => (Some(false), None, self.replica.next_at()),
            Pace::Skip(wait) => {
                let wait = self.waits.iter().find(|known| wait.is_none_or(|id| known.id == id));
                (Some(true), None, Some(Time(wait.map_or(now + LIVE_SKIP_MS, |wait| wait.until))))
            }
        };
        self.replica.say(ClientMessage::Pace { running, speed, until });
    }

    fn set_pace(&mut self, pace: Pace) {
        if self.replica.pace().is_some() {
            return self.ask_pace(pace);
        }
        // On its way to where it opens, a cluster is paused once it is there.
        if self.opening().is_none() || matches!(pace, Pace::Step | Pace::Skip(_)) {
            self.search = None;
        }
        self.stop_at = None;
        match pace {
            Pace::Pause => self.running = false,
            Pace::Play => self.running = true,
            Pace::Speed(speed) => {
                self.speed = speed;
                self.running = true;
            }
            // What is under way is seen to its end before anything else happens.
            Pace::Step => match self.messages.held(self.scene) {
                Some(held) => {
                    self.stop_at = Some(held.end);
                    self.running = true;
                }
                None => self.search(Search::Step),
            },
            Pace::Skip(None) => self.search(Search::Note),
            Pace::Skip(Some(wait)) => self.search(Search::Wait(wait)),
        }
    }

    /// The answer to who asked, once the cluster is where it opens.
    fn fingerprint(&mut self) -> Option<Reply> {
        let due = self.opening().is_none() && std::mem::take(&mut self.asked_fingerprint);
        due.then(|| Reply::Fingerprint { at: self.cluster_now(), hash: self.replica.hash() })
    }

    fn search(&mut self, search: Search) {
        self.running = true;
        self.search = Some((search, self.replica.cluster().now().0 + SKIP_LIMIT_MS));
    }

    /// Lets `passed` milliseconds of wall time pass; `clock` is the wall clock that bounds the work.
    pub fn tick(&mut self, passed: f64, clock: &dyn Fn() -> f64) -> Vec<Reply> {
        let deadline = clock() + BUDGET_MS;
        let mut drawn = Drawn::default();
        self.behind = false;
        self.far_passed += passed;
        let mut arrived = Vec::new();
        let opening = self.opening();
        // What a person does is told of its very moment, before time goes on.
        if std::mem::take(&mut self.acted) {
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
        let looked = self.far_passed < passed;
        replies.extend(self.tell_of_past(looked || !self.is_far()));
        replies
    }

    /// Tells what changed since the last look.
    fn look(&mut self, frame: &mut Frame) {
        if self.is_far() {
            return self.look_from_afar(frame);
        }
        let cluster = self.replica.cluster();
        let revision = cluster.store().revision();
        let (seen, when) = self.looked_at;
        if revision == seen && self.scene - when < LOOK_MS && !frame.reset && !self.replica.take_struck() {
            return;
        }
        self.looked_at = (revision, self.scene);
        self.read_writes(seen, frame);
        let cluster = self.replica.cluster();
        let view = View::of(cluster, &self.accented);
        frame.nodes = delta(&self.view.nodes, &view.nodes);
        frame.pods = delta(&self.view.pods, &view.pods);
        frame.workloads = delta(&self.view.workloads, &view.workloads);
        frame.services = delta(&self.view.services, &view.services);
        frame.components = delta(&self.view.components, &view.components);
        let waits = waits::of(cluster);
        let now = cluster.now().0;
        let accent = self.accent_from != u64::MAX;
        let systems = Systems::of(cluster);
        let told = captions::between(&self.view, &view);
        let struck = captions::struck(&self.systems, &systems, &view, &told);
        let told = struck.into_iter().chain(told);
        frame.captions.extend(told.map(|what| Caption { at: now, what, accent }));
        frame.captions.extend(tolerated(&self.waits, &waits, &view).map(|what| Caption {
            at: now,
            what,
            accent,
        }));
        if waits != self.waits {
            frame.waits = Some(waits.clone());
        }
        let visitors = self.replica.visitors();
        if visitors != self.visitors {
            frame.visitors = Some(visitors.clone());
        }
        if !frame.reset {
            self.begin_scripted(&systems);
        }
        (self.view, self.waits, self.visitors) = (view, waits, visitors);
        frame.verdict = self.verdict(now);
        if systems != self.systems || frame.reset {
            frame.systems = Some(Box::new(systems.clone()));
            self.systems = systems;
        }
    }

    /// What the scenario breaks by itself has its story, too, where nothing else has.
    fn begin_scripted(&mut self, systems: &Systems) {
        let struck = systems.broken.iter().any(|broken| !self.systems.broken.contains(broken));
        if !struck || self.story.is_some() || self.past.present().is_some() {
            return;
        }
        let now = self.cluster_now();
        let mut log = self.replica.log().iter().rev().filter(|step| step.at.0 <= now);
        let fault = log.find(|step| matches!(step.action, StepAction::Fault(_)));
        let since = fault.map_or(now, |step| step.at.0);
        self.story = Some(Story::begin(None, &self.view, since, self.visitors.lost));
    }

    fn verdict(&mut self, now: u64) -> Option<Verdict> {
        let verdict = self.story.as_mut()?.watch(&self.view, &self.waits, now, self.visitors.lost)?;
        self.story = None;
        Some(verdict)
    }

    /// Events that are new, and pods that a person brought about, among the writes after `seen`.
    fn read_writes(&mut self, seen: u64, frame: &mut Frame) {
        let cluster = self.replica.cluster();
        let (store, trace) = (cluster.store(), &cluster.core().trace);
        let Some(writes) = store.since(seen.max(store.oldest())) else { return };
        for write in writes {
            let object = &write.object;
            match (object.key.kind, write.change) {
                (Kind::Event, ChangeKind::Added | ChangeKind::Modified) => {
                    frame.events.extend(inspect::event(cluster, object));
                }
                (Kind::Pod, ChangeKind::Added)
                    if trace.root(&write.causes).is_some_and(|root| root >= self.accent_from) =>
                {
                    self.accented.insert(object.meta.uid);
                }
                _ => {}
            }
        }
    }

    fn finish(&mut self, frame: &mut Frame) {
        frame.now = self.cluster_now();
        frame.scene = self.scene;
        frame.flow = u32::try_from(whole(self.flow)).unwrap_or(u32::MAX);
        frame.clock = Clock {
            running: self.running,
            speed: self.speed,
            rate_milli: u32::try_from(whole(self.passing * 1000.0)).unwrap_or(u32::MAX),
            behind: self.behind,
            can_rewind: self.before_fault.is_some(),
        };
    }

    fn inspection(&mut self) -> Option<Reply> {
        let revision = self.replica.cluster().store().revision();
        let (subject, seen) = self.inspected.as_mut()?;
        *seen = revision;
        let subject = subject.clone();
        Some(Reply::Inspection(inspect::about(self.replica.cluster(), &subject).map(Box::<Inspection>::new)))
    }

    fn inspection_if_new(&mut self) -> Option<Reply> {
        let revision = self.replica.cluster().store().revision();
        let (_, seen) = self.inspected.as_ref()?;
        if *seen == revision { None } else { self.inspection() }
    }

    fn cluster_now(&self) -> u64 {
        self.replica.cluster().now().0
    }
}

/// Nodes whose pods began to be tolerated.
fn tolerated<'a>(old: &'a [Wait], new: &'a [Wait], view: &'a View) -> impl Iterator<Item = Happening> + 'a {
    use crate::protocol::WaitKind::Toleration;
    let began = |wait: &&Wait| wait.kind == Toleration && !old.iter().any(|earlier| earlier.id == wait.id);
    let mut nodes: Vec<(String, u32, u64)> = Vec::new();
    for wait in new.iter().filter(began) {
        let Some(pod) =
            view.pods.values().find(|pod| pod.name == wait.object && pod.namespace == wait.namespace)
        else {
            continue;
        };
        match nodes.iter_mut().find(|(node, ..)| *node == pod.node) {
            Some((_, pods, _)) => *pods += 1,
            None => nodes.push((pod.node.clone(), 1, wait.until - wait.since)),
        }
    }
    nodes.into_iter().map(|(node, pods, wait)| Happening::Tolerated { node, pods, wait })
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
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::protocol::{Hop, WaitKind};

    /// What a viewer saw, and how long it took on the wall.
    #[derive(Default)]
    struct Seen {
        wall: f64,
        hops: Vec<Hop>,
        captions: Vec<Caption>,
        waits: Vec<WaitKind>,
        verdict: Option<Verdict>,
    }

    fn watch(driver: &mut Driver, longest: f64, until: impl Fn(&Seen) -> bool) -> Seen {
        let mut seen = Seen::default();
        // The wall clock of a machine that is never slow.
        let clock = Cell::new(0.0);
        while seen.wall < longest && !until(&seen) {
            seen.wall += 33.0;
            for reply in driver.tick(33.0, &|| clock.get()) {
                let Reply::Frame(frame) = reply else { continue };
                seen.hops.extend(frame.hops);
                seen.captions.extend(frame.captions);
                for wait in frame.waits.into_iter().flatten() {
                    if !seen.waits.contains(&wait.kind) {
                        seen.waits.push(wait.kind);
                    }
                }
                seen.verdict = frame.verdict.or(seen.verdict);
            }
        }
        seen
    }

    fn power_off(driver: &mut Driver, node: &str) {
        let command = Command::Fault { target: format!("node/{node}"), kind: "PowerOff".to_owned() };
        driver.hear(Request::Command { id: 1, command });
    }

    #[test]
    fn a_power_off_is_told_in_fifteen_to_twenty_five_seconds() {
        let mut driver = Driver::new(Replica::first());
        driver.first_frame();
        watch(&mut driver, 2000.0, |_| false);
        power_off(&mut driver, "node-2");
        let seen = watch(&mut driver, 60_000.0, |seen| seen.verdict.is_some());
        for caption in &seen.captions {
            println!("{:>8} {:?} {}", caption.at, caption.what, caption.accent);
        }
        let accented: Vec<_> = seen.hops.iter().filter(|hop| hop.accent).collect();
        for hop in &accented {
            println!(
                "{:>8.0} {:>8.0} {} -> {}: {} {}",
                hop.start, hop.end, hop.from, hop.to, hop.label, hop.object
            );
        }
        println!("wall {} waits {:?} verdict {:?}", seen.wall, seen.waits, seen.verdict);
        let verdict = seen.verdict.expect("three of three are back");
        assert!((15_000.0..=25_000.0).contains(&seen.wall), "it took {} ms", seen.wall);
        assert!((340_000..=400_000).contains(&verdict.took), "{verdict:?}");
        assert!(verdict.lost > 5, "{verdict:?}");
        assert_eq!(seen.waits.first(), Some(&WaitKind::NodeGracePeriod));
        assert!(seen.waits.contains(&WaitKind::Toleration));
        assert!(accented.len() > 8, "the story was hardly drawn");
    }

    #[test]
    fn what_a_scenario_breaks_by_itself_is_told_and_has_its_end() {
        let text = include_str!("../../../public/examples/clusters/zone-failure.yaml");
        let mut driver = Driver::new(Replica::from_scenario(text).expect("it can be played"));
        driver.first_frame();
        let seen = watch(&mut driver, 120_000.0, |seen| seen.verdict.is_some());
        let off = |caption: &&Caption| matches!(caption.what, Happening::PowerOff { .. });
        let struck = seen.captions.iter().find(off).expect("it is told");
        let verdict = seen.verdict.expect("all are back");
        assert!((300_000..420_000).contains(&verdict.took), "{verdict:?}");
        assert!(verdict.at - verdict.took <= struck.at, "{verdict:?} {struck:?}");
        assert_eq!(verdict.again, None, "nobody here struck it");
    }

    #[test]
    fn every_lasting_fault_is_told_as_it_strikes() {
        let mut driver = Driver::new(Replica::first());
        driver.first_frame();
        watch(&mut driver, 1000.0, |_| false);
        let pod = driver.view.pods.values().next().expect("there are pods").name.clone();
        for (target, kind) in [
            ("node/node-1", "Partition"),
            ("node/node-0", "FillDisk"),
            ("traffic/visitors", "Surge"),
            (&*format!("pod/{pod}"), "BurnCpu"),
            ("image/todo-api:v1.0", "Missing"),
        ] {
            let command = Command::Fault { target: target.to_owned(), kind: kind.to_owned() };
            driver.hear(Request::Command { id: 1, command });
            let struck =
                |caption: &Caption| matches!(&caption.what, Happening::Struck(it) if it.kind == kind);
            let seen = watch(&mut driver, 1000.0, |seen| seen.captions.iter().any(struck));
            assert!(seen.captions.iter().any(|caption| struck(caption) && caption.accent), "{target} {kind}");
        }
    }

    #[test]
    fn a_story_of_very_many_objects_is_a_flow_in_the_end_and_its_pace_is_told_as_it_is() {
        let mut driver = Driver::new(Replica::first());
        driver.first_frame();
        watch(&mut driver, 1000.0, |_| false);
        let namespaces: String = (0..300)
            .map(|number| {
                format!("---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: team-{number}}}\n")
            })
            .collect();
        driver.hear(Request::Command { id: 1, command: Command::Apply(namespaces) });
        watch(&mut driver, 2000.0, |_| false);
        let before = driver.cluster_now();
        watch(&mut driver, 3000.0, |_| false);
        let rate = millis(driver.cluster_now() - before) / 3000.0;
        let told = f64::from(driver.sent.rate_milli) / 1000.0;
        assert!(rate < 0.5 && (told - rate).abs() < 0.2, "it passes at {rate}, and is said to at {told}");
        let made = |driver: &Driver| driver.replica.cluster().store().list(Kind::Namespace).count();
        watch(&mut driver, 55_000.0, |_| false);
        assert!(made(&driver) >= 300, "{} are made", made(&driver));
        assert_eq!(driver.sent.rate_milli, 1000);
    }

    #[test]
    fn a_skip_that_finds_nothing_says_so() {
        let mut driver = Driver::new(Replica::first());
        driver.first_frame();
        watch(&mut driver, 1000.0, |_| false);
        let before = driver.cluster_now();
        driver.hear(Request::Pace(Pace::Skip(None)));
        let seen = watch(&mut driver, 3000.0, |seen| !seen.captions.is_empty());
        let told: Vec<_> = seen.captions.iter().map(|caption| (&caption.what, caption.accent)).collect();
        assert_eq!(told, [(&Happening::Quiet { time: 3_600_000 }, true)]);
        assert!((3_500_000..=3_600_000).contains(&(driver.cluster_now() - before)));
        // What is found speaks for itself.
        driver.hear(Request::Pace(Pace::Pause));
        power_off(&mut driver, "node-1");
        watch(&mut driver, 300.0, |_| false);
        driver.hear(Request::Pace(Pace::Skip(None)));
        let seen = watch(&mut driver, 1000.0, |_| false);
        assert!(!seen.captions.iter().any(|caption| matches!(caption.what, Happening::Quiet { .. })));
    }

    #[test]
    fn a_skip_ends_where_the_next_wait_does() {
        let pod = |more: &str| {
            format!(
                "{{apiVersion: v1, kind: Pod, metadata: {{name: one}}, spec: {{containers: [{{name: c, image: nginx, {more}}}]}}}}"
            )
        };
        for (more, kind) in [
            ("resources: {requests: {cpu: 64}}", WaitKind::Unschedulable),
            (
                "readinessProbe: {initialDelaySeconds: 200, periodSeconds: 100, httpGet: {port: 81}}",
                WaitKind::ProbeDelay,
            ),
        ] {
            let mut driver = Driver::new(Replica::first());
            driver.first_frame();
            driver.hear(Request::Command { id: 1, command: Command::Apply(pod(more)) });
            driver.replica.advance_to(Time(driver.cluster_now() + 30_000));
            driver.first_frame();
            driver.hear(Request::Pace(Pace::Pause));
            let wait = driver.waits.iter().find(|wait| wait.kind == kind).cloned().expect("it is told of");
            let before = driver.replica.clone();
            for skip in [None, Some(wait.id)] {
                driver.replica = before.clone();
                driver.first_frame();
                driver.hear(Request::Pace(Pace::Skip(skip)));
                driver.tick(33.0, &|| 0.0);
                assert_eq!(
                    (driver.cluster_now(), driver.search, driver.in_vain),
                    (wait.until, None, false),
                    "{kind:?} {skip:?}"
                );
            }
        }
    }

    #[test]
    fn hops_never_set_out_before_their_causes_arrived() {
        let mut driver = Driver::new(Replica::first());
        driver.first_frame();
        power_off(&mut driver, "node-1");
        let seen = watch(&mut driver, 30_000.0, |seen| seen.verdict.is_some());
        let post =
            seen.hops.iter().find(|hop| hop.accent && hop.label == "POST" && hop.object.starts_with("pod "));
        let post = post.expect("a new pod is asked for");
        let heard =
            seen.hops.iter().find(|hop| hop.accent && hop.label == "ADDED" && hop.to == "kube-scheduler");
        assert!(heard.expect("the scheduler hears of it").start >= post.end);
    }

    #[test]
    fn what_is_paused_before_it_opened_stands_still_where_it_opens() {
        let mut scenario = shared::scenario::Scenario::opening();
        let until = 6 * 3_600_000;
        scenario.spec.opening.0 = until;
        let mut driver = Driver::new(Replica::from_scenario(&scenario.to_yaml()).expect("it can be played"));
        assert!(driver.cluster_now() < until, "all of it was played before anybody saw it");
        driver.hear(Request::Pace(Pace::Pause));
        let told = driver.hear(Request::Fingerprint);
        assert!(told.is_empty(), "{told:?}");
        let told = (0..100_000).flat_map(|_| driver.tick(33.0, &|| 0.0)).find_map(|reply| match reply {
            Reply::Fingerprint { at, .. } => Some(at),
            _ => None,
        });
        assert_eq!(told, Some(until));
        assert_eq!((driver.cluster_now(), driver.running), (until, false));
    }

    #[test]
    fn time_stands_still_while_paused_and_goes_on_after() {
        let mut driver = Driver::new(Replica::first());
        driver.first_frame();
        driver.hear(Request::Pace(Pace::Pause));
        let before = driver.cluster_now();
        watch(&mut driver, 1000.0, |_| false);
        assert_eq!(driver.cluster_now(), before);
        driver.hear(Request::Pace(Pace::Speed(Speed::Milli(10_000))));
        watch(&mut driver, 3000.0, |_| false);
        assert!(
            (25_000..=31_000).contains(&(driver.cluster_now() - before)),
            "{}",
            driver.cluster_now() - before
        );
        driver.hear(Request::Pace(Pace::Step));
        watch(&mut driver, 5000.0, |_| false);
        assert!(!driver.running);
    }

    #[test]
    fn rewinding_undoes_the_fault_and_can_strike_another() {
        let mut driver = Driver::new(Replica::first());
        driver.first_frame();
        power_off(&mut driver, "node-2");
        watch(&mut driver, 6000.0, |_| false);
        driver.hear(Request::Rewind { then: Vec::new() });
        assert!(driver.view.nodes.values().all(|node| node.power));
        let fault =
            |target: &str, kind: &str| Command::Fault { target: target.to_owned(), kind: kind.to_owned() };
        power_off(&mut driver, "node-2");
        let then = vec![fault("component/kube-scheduler", "Stop"), fault("node/node-2", "PowerOff")];
        driver.hear(Request::Rewind { then });
        watch(&mut driver, 40_000.0, |_| false);
        assert!(!driver.view.components["kube-scheduler"].up);
        assert!(driver.view.pods.values().any(|pod| pod.node.is_empty()), "a pod waits for the scheduler");
        driver.hear(Request::Rewind { then: Vec::new() });
        assert!(driver.view.components["kube-scheduler"].up);
    }
}

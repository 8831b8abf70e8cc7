//! What the page's parts share: signals that follow the worker, and ways to ask things of it.

use std::{cell::Cell, collections::BTreeSet, sync::Arc};

use leptos::{prelude::*, task::spawn_local};
use serde::{Deserialize, Serialize};

use crate::{
    assets, browser,
    engine::Engine,
    protocol::{
        Caption, Clock, Command, Component, Event, Frame, Headline, Hop, Inspection, Live, Node, Opening,
        Outcome, Pace, Pod, Reply, Request, Service, Speed, Subject, Systems, TerminalReply, Verdict,
        Visitors, Wait, Workload,
    },
    stage::menu::MenuAt,
    told,
    travel::Travel,
    trouble::Trouble,
    view_model::{self, Table},
};

/// The panel beside the stage.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Drawer {
    /// The YAML editor.
    Yaml,
    /// kubectl, to type.
    Terminal,
    /// What happened so far.
    Timeline,
    /// One object or program.
    Inspector,
    /// What is broken.
    Faults,
    /// All there is, as a tree.
    Tree,
}

/// Links to a live session.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Invitations {
    /// For the one who began it.
    pub owner: String,
    /// For those who may act.
    pub editor: String,
    /// For those who look.
    pub viewer: String,
}

#[derive(Deserialize)]
struct Created {
    links: Invitations,
}

/// So many frames may be on their way when somebody asks for something.
const FRAMES_ON_THEIR_WAY: u32 = 3;

/// The parts' common ground; `Copy`, handed down as a context.
#[derive(Clone, Copy)]
pub struct Page {
    /// Whether there is a cluster to show.
    pub alive: RwSignal<bool>,
    pub now: RwSignal<u64>,
    pub clock: RwSignal<Clock>,
    /// That time was to pass, or to stop, and so many frames may still come from before this was heard.
    pressed: RwSignal<Option<(bool, u32)>>,
    pub flow: RwSignal<u32>,
    pub nodes: RwSignal<Table<Node>>,
    pub pods: RwSignal<Table<Pod>>,
    pub workloads: RwSignal<Table<Workload>>,
    pub services: RwSignal<Table<Service>>,
    pub components: RwSignal<Table<Component>>,
    pub waits: RwSignal<Vec<Wait>>,
    pub captions: RwSignal<Vec<Caption>>,
    pub visitors: RwSignal<Visitors>,
    pub events: RwSignal<Vec<Event>>,
    pub verdict: RwSignal<Option<Verdict>>,
    pub systems: RwSignal<Systems>,
    /// The pods that belong to what the pointer or the focus is on, by UID.
    pub related: RwSignal<Option<Arc<BTreeSet<String>>>>,
    /// The UID of the pod that the pointer or the focus is on: what it belongs to lights up.
    pub pointed: RwSignal<String>,
    /// The namespace that is shown alone.
    pub namespace: RwSignal<Option<String>>,
    /// The messages that are on their way, once time stands still.
    pub halted: RwSignal<Vec<Hop>>,
    /// The fault menu, while it is open.
    pub menu: RwSignal<Option<MenuAt>>,
    /// What the API server was last asked because of a person, in the API's words.
    pub spoken: RwSignal<String>,
    /// The newest frame, for what draws movement.
    pub frame: RwSignal<Arc<Frame>>,
    pub selection: RwSignal<Option<Subject>>,
    pub inspection: RwSignal<Option<Arc<Inspection>>>,
    pub drawer: RwSignal<Option<Drawer>>,
    /// The panel that is on the screen: a paint later the chosen one.
    pub panel: RwSignal<Option<Drawer>>,
    /// Text that the editor is to show, until it has taken it.
    pub draft: RwSignal<Option<String>>,
    /// What the worker said to the terminal, until it has taken it.
    pub said: RwSignal<Vec<TerminalReply>>,
    /// Whether the editor holds an object of `kubectl edit`, which waits for it to be saved.
    pub editing: RwSignal<bool>,
    /// The pod whose lines are lit in the editor's text, by namespace and name.
    pub lit: RwSignal<Option<(String, String)>>,
    /// The text that was saved for it, until the terminal has taken it.
    pub edited: RwSignal<Option<String>>,
    /// The editor's files, by name.
    pub files: RwSignal<Vec<(String, String)>>,
    /// What became of the last command, with its number.
    pub outcome: RwSignal<Option<(u32, Outcome)>>,
    /// The fragment of a link to this cluster, once asked for.
    pub link: RwSignal<Option<String>>,
    /// Moment and hash of the state that the link carries, once asked for.
    pub fingerprint: RwSignal<Option<(u64, String)>>,
    /// Why the link that brought us here did not open.
    pub bad_link: RwSignal<Option<(String, bool)>>,
    /// The version that made the link that brought us here, if it was another.
    pub other_version: RwSignal<Option<String>>,
    /// How the live session stands, in one.
    pub live: RwSignal<Option<Live>>,
    /// Links to it, for those who began it.
    pub invitations: RwSignal<Option<Invitations>>,
    /// Why the engine fell.
    pub failure: RwSignal<Option<String>>,
    /// Whether the person has done anything to this cluster yet: the switch glows until then.
    pub touched: RwSignal<bool>,
    /// What is to be said of the cluster.
    pub headline: RwSignal<Headline>,
    /// What goes wrong in it that nobody broke.
    pub trouble: RwSignal<Option<Trouble>>,
    /// The step of the tour, while it runs.
    pub tour: RwSignal<Option<usize>>,
    /// Other moments and branches.
    pub travel: Travel,
    engine: StoredValue<Option<Engine>, LocalStorage>,
}

/// What a tab keeps the links of a session under that was begun in it: after loading again they are still there, and
/// the sheet that connects kubectl (`js/share.js`) finds the viewers' one.
const INVITATIONS: &str = "kubarium.invitations";

fn keep(links: &Invitations) {
    if let (Ok(Some(storage)), Ok(text)) = (window().session_storage(), serde_json::to_string(links)) {
        // A full or forbidden storage costs the convenience, nothing else.
        let _ = storage.set_item(INVITATIONS, &text);
    }
}

/// The links of the session that is opened, if it was begun in this tab.
fn kept(opening: &Opening) -> Option<Invitations> {
    let Opening::Live(link) = opening else { return None };
    let text = window().session_storage().ok()??.get_item(INVITATIONS).ok()??;
    serde_json::from_str::<Invitations>(&text).ok().filter(|links| links.owner.ends_with(link))
}

thread_local! {
    static COMMANDS: Cell<u32> = const { Cell::new(0) };
}

impl Page {
    /// Connects to the worker and opens the cluster that the address names, if that is known already.
    pub fn open(opening: Option<Opening>) -> Self {
        let page = Self {
            alive: RwSignal::default(),
            now: RwSignal::default(),
            clock: RwSignal::default(),
            pressed: RwSignal::default(),
            flow: RwSignal::default(),
            nodes: RwSignal::default(),
            pods: RwSignal::default(),
            workloads: RwSignal::default(),
            services: RwSignal::default(),
            components: RwSignal::default(),
            waits: RwSignal::default(),
            captions: RwSignal::default(),
            visitors: RwSignal::default(),
            events: RwSignal::default(),
            verdict: RwSignal::default(),
            systems: RwSignal::default(),
            related: RwSignal::default(),
            pointed: RwSignal::default(),
            namespace: RwSignal::default(),
            halted: RwSignal::default(),
            menu: RwSignal::default(),
            spoken: RwSignal::default(),
            frame: RwSignal::default(),
            selection: RwSignal::default(),
            inspection: RwSignal::default(),
            drawer: RwSignal::default(),
            panel: RwSignal::default(),
            draft: RwSignal::default(),
            said: RwSignal::default(),
            editing: RwSignal::default(),
            lit: RwSignal::default(),
            edited: RwSignal::default(),
            files: RwSignal::default(),
            outcome: RwSignal::default(),
            link: RwSignal::default(),
            fingerprint: RwSignal::default(),
            bad_link: RwSignal::default(),
            other_version: RwSignal::default(),
            live: RwSignal::default(),
            invitations: RwSignal::new(opening.as_ref().and_then(kept)),
            failure: RwSignal::default(),
            touched: RwSignal::default(),
            headline: RwSignal::default(),
            trouble: RwSignal::default(),
            tour: RwSignal::default(),
            travel: Travel::new(),
            engine: StoredValue::new_local(None),
        };
        page.travel.twin.set_value(Some(page.twin()));
        let engine =
            Engine::connect(move |reply| page.hear(reply), move |reason| page.failure.set(Some(reason)));
        if let Some(opening) = opening {
            engine.send(&Request::Open(opening));
        }
        page.engine.set_value(Some(engine));
        page
    }

    /// Opens the cluster of a link that the server keeps under `name`; `missing` says why that may fail.
    pub fn open_short(self, name: String, missing: impl FnOnce() -> String + 'static) {
        spawn_local(async move {
            let kept = browser::fetch_text(&format!("api/v1/links/{name}")).await;
            if kept.is_err() {
                self.bad_link.set(Some((missing(), false)));
            }
            self.send(&Request::Open(kept.map_or(Opening::Default, Opening::Link)));
        });
    }

    /// The same page, looking at another cluster.
    fn twin(self) -> Self {
        Self {
            alive: RwSignal::default(),
            now: RwSignal::default(),
            clock: RwSignal::default(),
            pressed: RwSignal::default(),
            flow: RwSignal::default(),
            nodes: RwSignal::default(),
            pods: RwSignal::default(),
            workloads: RwSignal::default(),
            services: RwSignal::default(),
            components: RwSignal::default(),
            waits: RwSignal::default(),
            captions: RwSignal::default(),
            visitors: RwSignal::default(),
            events: RwSignal::default(),
            verdict: RwSignal::default(),
            systems: RwSignal::default(),
            halted: RwSignal::default(),
            spoken: RwSignal::default(),
            frame: RwSignal::default(),
            ..self
        }
    }

    fn hear(self, reply: Reply) {
        match reply {
            Reply::Frame(frame) => self.take(*frame),
            Reply::Outcome { id, outcome } => self.outcome.set(Some((id, outcome))),
            Reply::Inspection(inspection) => self.inspection.set(inspection.map(|it| Arc::new(*it))),
            Reply::Past(reply) => self.hear_past(reply),
            Reply::Link(link) => self.link.set(Some(link)),
            Reply::Fingerprint { at, hash } => self.fingerprint.set(Some((at, hash))),
            Reply::Opened => {
                self.forget_told();
                self.touched.set(false);
                self.headline.set(Headline::default());
                self.bad_link.set(None);
            }
            Reply::Headline(headline) => self.headline.set(headline),
            Reply::Scenario(scenario) => self.begin_live(scenario),
            // The map, the room and what accompanies the page listen themselves.
            Reply::Opening { .. } | Reply::MapNames(_) | Reply::MapClosely(_) | Reply::Standing(_) => {}
            Reply::Terminal(reply) => self.said.update(|said| said.push(reply)),
            Reply::Live(live) => self.live.set(Some(live)),
            Reply::OtherVersion(version) => self.other_version.set(Some(version)),
            // The address has the session: it is there again after loading.
            Reply::Outdated => browser::reload(),
            Reply::BadLink { reason, kept } => {
                self.live.set(None);
                // What accompanies the page has the words for it.
                spawn_local(async move {
                    let _ = assets::module("desk").await;
                    self.bad_link.set(Some((reason, kept)));
                });
            }
        }
    }

    /// Signals change only when what they hold did: nothing else is drawn again.
    pub fn take(self, mut frame: Frame) {
        fn follow<T>(table: RwSignal<Table<T>>, delta: &mut crate::protocol::Delta<T>, reset: bool)
        where
            T: crate::protocol::Keyed + Send + Sync + 'static,
        {
            let delta = std::mem::take(delta);
            if reset || !delta.is_empty() {
                table.update(|table| {
                    if reset {
                        table.clear();
                    }
                    view_model::follow(table, delta);
                });
            }
        }
        let reset = frame.reset;
        if reset {
            self.events.set(Vec::new());
            self.waits.set(Vec::new());
            self.spoken.set(String::new());
            self.related.set(None);
        }
        follow(self.nodes, &mut frame.nodes, reset);
        let left = !frame.pods.gone.is_empty();
        follow(self.pods, &mut frame.pods, reset);
        // Whoever pointed at something that is gone points at nothing.
        let gone = |related: &Arc<BTreeSet<String>>| {
            !related.is_empty()
                && self.pods.with_untracked(|pods| related.iter().all(|uid| !pods.contains_key(uid)))
        };
        if left && self.related.with_untracked(|related| related.as_ref().is_some_and(gone)) {
            self.related.set(None);
        }
        follow(self.workloads, &mut frame.workloads, reset);
        follow(self.services, &mut frame.services, reset);
        follow(self.components, &mut frame.components, reset);
        self.now.set(frame.now);
        let pressed = self.pressed.get_untracked();
        set_if_new(
            self.pressed,
            pressed.and_then(|(wanted, left)| {
                (wanted != frame.clock.running && left > 0).then(|| (wanted, left - 1))
            }),
        );
        set_if_new(self.clock, frame.clock);
        set_if_new(self.flow, frame.flow);
        if let Some(waits) = frame.waits.take() {
            self.waits.set(waits);
        }
        if let Some(visitors) = frame.visitors.take() {
            self.visitors.set(visitors);
        }
        if frame.verdict.is_some() {
            self.verdict.set(frame.verdict.take());
        } else if self.verdict_is_over() {
            self.verdict.set(None);
        }
        if let Some(systems) = frame.systems.take() {
            self.systems.set(*systems);
        }
        let captions = std::mem::take(&mut frame.captions);
        if !captions.is_empty() {
            let again = untrack(|| self.travel.back());
            self.captions.update(|known| told::add_captions(known, captions, again));
        }
        let events = std::mem::take(&mut frame.events);
        if !events.is_empty() {
            self.events.update(|known| view_model::add_events(known, events));
        }
        let spoken = frame.hops.iter().rev().find(|hop| hop.accent && hop.to == "kube-apiserver");
        if let Some(hop) = spoken {
            self.spoken.set(format!("{} {}", hop.label, hop.object).trim_end().to_owned());
        }
        self.frame.set(Arc::new(frame));
        if reset {
            self.alive.set(true);
        }
    }

    /// Asks something of the worker.
    pub fn send(self, request: &Request) {
        self.engine.with_value(|engine| {
            if let Some(engine) = engine {
                engine.send(request);
            }
        });
    }

    /// Puts the cluster of a scenario file behind the glass.
    pub fn open_scenario(self, scenario: String) {
        browser::set_fragment("");
        self.live.set(None);
        self.invitations.set(None);
        self.touched.set(true);
        self.send(&Request::Open(Opening::Scenario(scenario)));
    }

    /// Asks the server to keep this cluster for everybody who has a link.
    fn begin_live(self, scenario: String) {
        spawn_local(async move {
            let answer = browser::post_text("api/v1/sessions", &scenario).await.map_err(|reason| {
                match format!("{reason:?}") {
                    // What only hands out files has no such place, or does not take anything.
                    told if ["HTTP 404", "HTTP 405", "HTTP 501"].iter().any(|it| told.contains(it)) => {
                        "no_server".to_owned()
                    }
                    told => told,
                }
            });
            let created = answer.and_then(|answer| {
                serde_json::from_str::<Created>(&answer).map_err(|error| error.to_string())
            });
            match created {
                Ok(Created { links }) => {
                    keep(&links);
                    let fragment =
                        links.owner.split_once('#').map_or("", |(_, fragment)| fragment).to_owned();
                    browser::set_fragment(&fragment);
                    self.send(&Request::Open(Opening::Live(fragment.trim_start_matches("s=").to_owned())));
                    self.invitations.set(Some(links));
                }
                Err(reason) => self.bad_link.set(Some((reason, true))),
            }
        });
    }

    /// Does something to the cluster; the answer is its number, by which its outcome can be known.
    pub fn command(self, command: Command) -> u32 {
        self.touched.set(true);
        // Whoever acts in the past begins another branch: the verdict is of this one.
        if !untrack(|| self.travel.back()) {
            self.verdict.set(None);
        }
        let id = COMMANDS.with(|last| {
            last.set(last.get() + 1);
            last.get()
        });
        self.send(&Request::Command { id, command });
        id
    }

    /// Switches a node off, or on again.
    pub fn switch(self, node: &str, on: bool) {
        let target = format!("node/{node}");
        self.command(if on {
            Command::Repair { target }
        } else {
            Command::Fault { target, kind: "PowerOff".to_owned() }
        });
    }

    /// Goes back to just before the last fault, and does something else there.
    pub fn rewind(self, then: Vec<Command>) {
        self.touched.set(!then.is_empty());
        self.send(&Request::Rewind { then });
    }

    /// Sets the pace.
    pub fn pace(self, pace: Pace) {
        self.send(&Request::Pace(pace));
    }

    /// Whether time passes: as it was asked for last, until the cluster has heard of it.
    pub fn running(self) -> bool {
        self.pressed.get().map_or_else(|| self.clock.with(|clock| clock.running), |(wanted, _)| wanted)
    }

    /// Lets time pass, or stops it.
    pub fn toggle(self) {
        let running = untrack(|| self.running());
        self.pace(if running { Pace::Pause } else { Pace::Play });
        // What is shared answers for itself.
        if self.live.with_untracked(Option::is_none) {
            self.pressed.set(Some((!running, FRAMES_ON_THEIR_WAY)));
        }
    }

    /// The speed from now on.
    pub fn speed(self, speed: Speed) {
        self.pace(Pace::Speed(speed));
    }

    /// Opens the inspector on something.
    pub fn inspect(self, subject: Subject) {
        self.inspection.set(None);
        self.send(&Request::Inspect(Some(subject.clone())));
        self.selection.set(Some(subject));
        self.drawer.set(Some(Drawer::Inspector));
    }

    /// Shows which pods belong to something; `None` when it is left.
    pub fn relate(self, pods: Option<BTreeSet<String>>) {
        self.related.set(pods.map(Arc::new));
    }

    /// Shows which pods belong to a workload.
    pub fn relate_workload(self, workload: &str) {
        let of = |pods: &Table<Pod>| {
            pods.values().filter(|pod| pod.workload == workload).map(|pod| pod.uid.clone()).collect()
        };
        self.relate(Some(self.pods.with_untracked(of)));
    }

    /// Whether the pod that is pointed at belongs to this workload.
    pub fn points_into(self, workload: &str) -> bool {
        self.pointed.with(|uid| {
            !uid.is_empty()
                && self.pods.with(|pods| pods.get(uid).is_some_and(|pod| pod.workload == workload))
        })
    }

    /// Whether this looks like the cluster that a visit begins with.
    pub fn is_first(self) -> bool {
        self.nodes.with(|nodes| nodes.len() == 3)
            && self.workloads.with(|all| all.len() == 1 && all.values().all(|one| one.name == "todo-api"))
    }

    /// Whether things of this namespace are shown.
    pub fn shows(self, namespace: &str) -> bool {
        self.namespace.with(|only| only.as_ref().is_none_or(|only| only == namespace))
    }

    /// Opens a panel, or closes it when it is open.
    pub fn toggle_drawer(self, drawer: Drawer) {
        self.drawer.update(|open| *open = if *open == Some(drawer) { None } else { Some(drawer) });
    }
}

fn set_if_new<T: PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.with_untracked(|old| *old != value) {
        signal.set(value);
    }
}

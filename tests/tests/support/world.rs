//! A cluster as the recordings had it, and a kubectl that talks to it.

use shared::api::User;
use shared::apiserver::http::{HttpRequest, HttpResponse};
use shared::cluster::{Action, Cluster, ClusterSpec, Command, NodeGroup, Outcome, Watching};
use shared::doc::{Doc, Str};
use shared::kubectl::{Ask, Output, Program, Progress};
use shared::sim::{Duration, Options};

/// The namespace in which everything was recorded.
pub const NAMESPACE: &str = "s11-errors";

/// Six nodes in three zones, some time after the start, with the recordings' namespace.
pub struct World(Cluster);

/// Somebody with an editor.
#[derive(Default)]
pub struct Editor {
    /// What is replaced by what each time a text is opened; once there is no more it is left as it is.
    pub edits: Vec<(String, String)>,
    /// The text that was opened last.
    pub seen: String,
}

impl Editor {
    fn edit(&mut self, text: &str) -> String {
        text.clone_into(&mut self.seen);
        if self.edits.is_empty() {
            return text.to_owned();
        }
        let (from, to) = self.edits.remove(0);
        assert!(text.contains(&from), "{from:?} is to be replaced in\n{text}");
        text.replace(&from, &to)
    }
}

impl World {
    pub fn new() -> World {
        World::with(|_| {})
    }

    /// The same with something changed before it begins.
    pub fn with(change: impl FnOnce(&mut ClusterSpec)) -> World {
        let node = |number: usize| NodeGroup {
            zone: ["zone-a", "zone-b", "zone-c"][number % 3].into(),
            memory: "16Gi".into(),
            ..NodeGroup::of(1)
        };
        let options = Options { image_pull: Some(Duration::ZERO), ..Options::default() };
        let mut spec = ClusterSpec { nodes: (0..6).map(node).collect(), options, ..ClusterSpec::default() };
        change(&mut spec);
        let mut world = World(Cluster::new(&spec, 11, 0).expect("a good specification"));
        world.wait(20);
        let made = world.kubectl(["create", "ns", NAMESPACE], "");
        assert_eq!(made.exit_code, 0, "{}", made.stderr);
        world.wait(2);
        world
    }

    pub fn wait(&mut self, seconds: u64) {
        let until = self.0.now() + Duration::seconds(seconds);
        self.0.advance_to(until);
    }

    /// Does something to the cluster that asks for no answer.
    pub fn act(&mut self, action: Action) {
        let at = self.0.now();
        self.0.apply(Command { at, user: User::admin(), action });
    }

    /// Sends a request as a client would and waits for the answer.
    pub fn request(&mut self, request: HttpRequest) -> HttpResponse {
        let command = Command { at: self.0.now(), user: User::admin(), action: Action::Request(request) };
        let number = self.0.apply(command);
        loop {
            assert!(self.0.step(), "an answer comes");
            match self.0.take_outcomes().into_iter().find(|(of, _)| *of == number) {
                Some((_, Outcome::Http(response))) => return response,
                Some((_, other)) => panic!("no answer but {other:?}"),
                None => {}
            }
        }
    }

    /// Runs a command to its end.
    pub fn kubectl<'a>(&mut self, words: impl IntoIterator<Item = &'a str>, stdin: &str) -> Output {
        self.kubectl_with(words, stdin, &mut Doc::Null)
    }

    /// The same with a kubeconfig, which the command may change.
    pub fn kubectl_with<'a>(
        &mut self,
        words: impl IntoIterator<Item = &'a str>,
        stdin: &str,
        config: &mut Doc,
    ) -> Output {
        self.kubectl_edited(words, stdin, config, &mut Editor::default())
    }

    /// The same with somebody who edits what is handed out.
    pub fn kubectl_edited<'a>(
        &mut self,
        words: impl IntoIterator<Item = &'a str>,
        stdin: &str,
        config: &mut Doc,
        editor: &mut Editor,
    ) -> Output {
        let words = words.into_iter().map(Str::from).collect();
        let program = Program::new(words, stdin.into(), self.0.core().timestamp());
        let mut program = program.with_config(config.clone());
        let mut held = None;
        loop {
            match program.run() {
                Progress::Done(output) => {
                    *config = program.config().clone();
                    return output;
                }
                Progress::Needs(request) | Progress::Runs(request) => {
                    let response = self.request(request);
                    program.answer(response);
                }
                Progress::Asks(Ask::Edit(text)) => program.reply(editor.edit(&text).into()),
                Progress::Asks(ask) => program.reply(ask.unattended()),
                Progress::Watches(request, until) => {
                    let mut watching = Watching::after(held.take(), request, until);
                    let news = loop {
                        match watching.look(&self.0, &User::admin()) {
                            Some(news) => break news,
                            None => assert!(self.0.step(), "something happens"),
                        }
                    };
                    program.answer(news);
                    held = Some(watching);
                }
                Progress::Waits(length) => {
                    let until = self.0.now() + length;
                    self.0.advance_to(until);
                    program.wake();
                }
            }
        }
    }
}

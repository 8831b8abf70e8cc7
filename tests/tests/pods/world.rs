//! A cluster of one node, manifests for it, and what is to be seen of them.

use shared::api::core::pod::display_status;
use shared::api::{Key, Kind, Object, User};
use shared::cluster::{
    Action, Cluster, ClusterSpec, Command, HttpRequest, HttpResponse, NodeGroup, Outcome, exec_request,
    exec_result, log_request,
};
use shared::doc::{Doc, Str};
use shared::kubectl::{Program, Progress};
use shared::runtime::ImageSpec;
use shared::sim::{Duration, ExecOptions, ExecResult, Fault, LogOptions, Options, Target};

#[derive(Clone)]
pub struct World(pub Cluster);

impl World {
    /// A node that is ready; images come at once, containers start within a second.
    pub fn new() -> World {
        World::with(&[])
    }

    /// The same with images of its own.
    pub fn with(images: &[(&str, ImageSpec)]) -> World {
        let options = Options { image_pull: Some(Duration::ZERO), ..Options::default() };
        let images = images.iter().map(|(name, spec)| (Str::from(*name), spec.clone())).collect();
        let spec = ClusterSpec { nodes: vec![NodeGroup::of(1)], options, images, ..ClusterSpec::default() };
        let mut world = World(Cluster::new(&spec, 5, 0).expect("a good specification"));
        world.wait(20);
        world
    }

    pub fn wait(&mut self, seconds: u64) {
        self.pass(Duration::seconds(seconds));
    }

    pub fn pass(&mut self, length: Duration) {
        let until = self.0.now() + length;
        self.0.advance_to(until);
    }

    /// Lets time pass until something holds; at most ten minutes.
    pub fn until(&mut self, what: &str, holds: impl Fn(&World) -> bool) {
        let last = self.0.now() + Duration::seconds(600);
        while !holds(self) {
            assert!(self.0.now() < last, "never: {what}\n{}", self.story());
            self.pass(Duration::millis(100));
        }
    }

    pub fn act(&mut self, action: Action) -> Option<Outcome> {
        let number = self.0.apply(Command { at: self.0.now(), user: User::admin(), action });
        let last = self.0.now() + Duration::seconds(120);
        while self.0.now() < last && self.0.step() {
            if let Some((_, outcome)) = self.0.take_outcomes().into_iter().find(|(of, _)| *of == number) {
                return Some(outcome);
            }
        }
        None
    }

    pub fn request(&mut self, request: HttpRequest) -> HttpResponse {
        match self.act(Action::Request(request)) {
            Some(Outcome::Http(response)) => response,
            other => panic!("no answer but {other:?}"),
        }
    }

    pub fn strike(&mut self, target: &str, fault: Fault) {
        let target = Target::parse(target).expect("a target");
        assert_eq!(self.act(Action::Fault { target, fault }), Some(Outcome::Done));
    }

    pub fn repair(&mut self, target: &str) {
        let target = Target::parse(target).expect("a target");
        assert_eq!(self.act(Action::Repair { target }), Some(Outcome::Done));
    }

    fn kubectl(&mut self, mut program: Program) {
        loop {
            match program.run() {
                Progress::Done(output) => return assert_eq!(output.exit_code, 0, "{}", output.stderr),
                Progress::Needs(request) | Progress::Runs(request) => {
                    let response = self.request(request);
                    program.answer(response);
                }
                Progress::Asks(ask) => program.reply(ask.unattended()),
                Progress::Watches(..) => panic!("nothing is watched here"),
                Progress::Waits(length) => {
                    self.pass(length);
                    program.wake();
                }
            }
        }
    }

    pub fn apply(&mut self, manifest: &str) {
        let program = Program::apply(manifest.into(), self.0.core().timestamp());
        self.kubectl(program);
    }

    pub fn delete(&mut self, what: &str) {
        let line = format!("delete {what} --wait=false");
        let program = Program::from_command_line(&line, self.0.core().timestamp()).expect("a command");
        self.kubectl(program);
    }

    /// A pod called `p` with this spec, given as YAML lines.
    pub fn pod(&mut self, spec: &str) {
        let spec: String = spec.lines().map(|line| format!("  {line}\n")).collect();
        self.apply(&format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, labels: {{app: p}}}}\nspec:\n{spec}"
        ));
    }

    pub fn object(&self) -> Option<&Object> {
        self.0.store().get(&Key::new(Kind::Pod, "default", "p")).map(|object| &**object)
    }

    pub fn status(&self) -> Doc {
        self.object().map_or(Doc::Null, |object| object.body["status"].clone())
    }

    /// What the STATUS column says, each time that it changes.
    pub fn phrases(&mut self, seconds: u64) -> Vec<String> {
        let mut seen: Vec<String> = Vec::new();
        for _ in 0..seconds * 10 {
            self.pass(Duration::millis(100));
            let now = self.shown();
            if seen.last() != Some(&now) {
                seen.push(now);
            }
        }
        seen
    }

    /// What kubectl's STATUS column says of `p`; empty once it is gone.
    pub fn shown(&self) -> String {
        self.object().map_or(String::new(), display_status)
    }

    /// The status of a container of `p`.
    pub fn container(&self, name: &str) -> Doc {
        let status = self.status();
        let all = status["initContainerStatuses"].items().iter().chain(status["containerStatuses"].items());
        all.into_iter().find(|c| c["name"].as_str() == Some(name)).cloned().unwrap_or_default()
    }

    /// The Events about `p`, in their order: `Reason: message`, with the count where it is not one.
    pub fn events(&self) -> Vec<String> {
        self.events_about("p")
    }

    pub fn events_about(&self, name: &str) -> Vec<String> {
        let mut events: Vec<&Object> = self
            .0
            .store()
            .list(Kind::Event)
            .map(|event| &**event)
            .filter(|event| event.document()["involvedObject"]["name"].as_str() == Some(name))
            .collect();
        events.sort_by_key(|event| (event.meta.creation, event.key.name.clone()));
        let line = |event: &&Object| {
            let text = |field: &str| event.document()[field].str();
            let count = event.document()["count"].as_i64().unwrap_or(1);
            let times = if count > 1 { format!(" (x{count})") } else { String::new() };
            format!("{}: {}{times}", text("reason"), text("message"))
        };
        events.iter().map(line).collect()
    }

    /// Everything about `p`, for a failure's message.
    pub fn story(&self) -> String {
        format!("{}\n{}\n{}", self.shown(), self.status(), self.events().join("\n"))
    }

    /// The log of a container of `p`, or the refusal.
    pub fn log(&mut self, options: &LogOptions) -> Result<String, String> {
        let response = self.request(log_request("default", "p", options));
        if response.is_success() {
            Ok(response.body.as_str().unwrap_or("no text").to_owned())
        } else {
            Err(format!("{} {}", response.code, response.body["message"].str()))
        }
    }

    /// Runs a program in the only container of `p`.
    pub fn exec(&mut self, command: &[&str]) -> Result<ExecResult, String> {
        self.exec_in("", command)
    }

    pub fn exec_in(&mut self, container: &str, command: &[&str]) -> Result<ExecResult, String> {
        let command = command.iter().map(|word| Str::from(*word)).collect();
        let options = ExecOptions { container: container.into(), command, ..ExecOptions::default() };
        let response = self.request(exec_request("default", "p", &options));
        exec_result(&response).ok_or_else(|| format!("{} {}", response.code, response.body["message"].str()))
    }
}

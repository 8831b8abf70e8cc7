//! The cluster that the worker holds, and everything a person does to it.

use std::collections::BTreeMap;

use shared::{
    api::User,
    cluster::{self, Action, Cluster, ClusterSpec},
    sim::{Fault, Target, Time},
};

use crate::protocol::{Command, Outcome, Reply, Visitors};

/// How many records of what happened are kept for explanations.
const TRACE: u64 = 60_000;

/// A cluster, and the commands that are on their way.
#[derive(Clone)]
pub struct Replica {
    cluster: Cluster,
    admitted: u64,
    /// The page's number of a command, by the cluster's.
    asked: BTreeMap<u64, u32>,
    refused: Vec<Reply>,
    struck: bool,
}

impl Replica {
    /// The cluster of the first screen.
    pub fn first() -> Self {
        let mut cluster = Cluster::new(&ClusterSpec::default(), 7, TRACE).expect("the defaults make a cluster");
        let text = concat!(include_str!("../../../public/examples/deployment.yaml"), "\n---\n", include_str!("../../../public/examples/service.yaml"));
        let mut admitted = 0;
        for document in shared::manifest::parse(text).expect("yaml") {
            let path = if document.doc["kind"].as_str() == Some("Service") { "/api/v1/namespaces/default/services" } else { "/apis/apps/v1/namespaces/default/deployments" };
            let http = shared::apiserver::http::HttpRequest { method: "POST".into(), path: path.into(), body: document.doc.to_json().into(), ..Default::default() };
            admitted = cluster.apply(cluster::Command { at: Time(5000), user: User::admin(), action: Action::Request(http) });
        }
        cluster.advance_to(Time(30_000));
        cluster.take_outcomes();
        Self { cluster, admitted, asked: BTreeMap::new(), refused: Vec::new(), struck: false }
    }

    /// The cluster that a link holds.
    ///
    /// # Errors
    /// Why the link cannot be read.
    pub fn from_link(_link: &str) -> Result<Self, String> {
        Err("not yet".to_owned())
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The number that the next command will have.
    pub fn next_command(&self) -> u64 {
        self.admitted + 1
    }

    /// Does what a person asks; [`Self::outcomes`] tells how it went, under `id`.
    pub fn act(&mut self, id: Option<u32>, command: &Command) {
        let parse = |target: &str| Target::parse(target);
        let action = match command {
            Command::Fault { target, kind } => parse(target).and_then(|target| {
                let fault = match kind.as_str() {
                    "PowerOff" => Fault::PowerOff,
                    "Stop" => Fault::Stop,
                    "Crash" => Fault::Crash,
                    other => return Err(format!("no fault is called {other:?}")),
                };
                Ok(Action::Fault { target, fault })
            }),
            Command::Repair { target } => parse(target).map(|target| Action::Repair { target }),
            Command::Apply(_) | Command::Delete(_) => Err("kubectl".to_owned()),
        };
        match action {
            Ok(action) => {
                self.struck = true;
                let command = cluster::Command { at: self.cluster.now(), user: User::admin(), action };
                self.admitted = self.cluster.apply(command);
                self.asked.extend(id.map(|id| (self.admitted, id)));
            }
            Err(reason) => {
                let outcome = Outcome { stderr: reason, ..Outcome::default() };
                self.refused.extend(id.map(|id| Reply::Outcome { id, outcome }));
            }
        }
    }

    /// Lets what is due now happen, without time passing.
    pub fn settle(&mut self) {
        self.cluster.advance_to(self.cluster.now());
    }

    /// Lets the next thing happen.
    pub fn step(&mut self) {
        self.cluster.step();
    }

    /// Lets everything up to `until` happen.
    pub fn advance_to(&mut self, until: Time) {
        self.cluster.advance_to(until);
    }

    /// How commands went, since last asked.
    pub fn outcomes(&mut self) -> Vec<Reply> {
        let mut replies = std::mem::take(&mut self.refused);
        for (number, outcome) in self.cluster.take_outcomes() {
            let Some(id) = self.asked.remove(&number) else { continue };
            let outcome = match outcome {
                cluster::Outcome::Done => Outcome { ok: true, ..Outcome::default() },
                cluster::Outcome::Refused(reason) => Outcome { stderr: reason.to_string(), ..Outcome::default() },
                cluster::Outcome::Http(response) => Outcome { ok: response.is_success(), ..Outcome::default() },
            };
            replies.push(Reply::Outcome { id, outcome });
        }
        replies
    }

    /// Whether a fault or repair happened since last asked: such changes are not written anywhere.
    pub fn take_struck(&mut self) -> bool {
        std::mem::take(&mut self.struck)
    }

    /// What visitors got.
    pub fn visitors(&self) -> Visitors {
        let tally = &self.cluster.network().visitors().total;
        Visitors {
            last: tally.recent.iter().map(|result| result.ok).collect(),
            total: tally.ok + tally.failed,
            lost: tally.failed,
        }
    }

    /// The fragment of a link to this cluster.
    pub fn link(&self) -> String {
        String::new()
    }
}

//! The insides of the cluster's systems, as the stage shows them: queues, loops, members, and what is broken.

use serde::{Deserialize, Serialize};

/// Everything about the systems that is no object of the API.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Systems {
    /// What is broken now.
    pub broken: Vec<Broken>,
    /// The same as people count it: a struck zone of several nodes is one fault.
    pub faults: Vec<Broken>,
    /// Pods in the scheduler's queues: active, waiting after a failure, unschedulable.
    pub queues: [u32; 3],
    /// Controllers that have work, the busiest first: name and length of its queue.
    pub loops: Vec<(String, u32)>,
    /// The cluster is told as a map: its nodes and pods are in no table.
    pub far: bool,
    /// The members of a control plane of several; empty where there is one.
    pub members: Vec<Member>,
    /// Nodes that take no new pods.
    pub cordoned: Vec<String>,
    /// Zones all of whose nodes are struck alike, and how.
    pub zones: Vec<Broken>,
    /// Of a map, some of its nodes from all over it: what chaos draws from.
    pub some_nodes: Vec<String>,
}

/// A fault that nobody mended yet, in the words of the vocabulary.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Broken {
    /// What it struck: `node/node-2`.
    pub target: String,
    /// How: `PowerOff`.
    pub kind: String,
}

/// One member of the control plane: an etcd, an API server, a scheduler and a controller manager.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Member {
    /// Its number.
    pub number: u32,
    /// Whether its etcd runs.
    pub etcd: bool,
    /// What its etcd is among the others.
    pub role: Role,
    /// Its etcd's term.
    pub term: u64,
    /// Whether its API server, scheduler and controller manager run.
    pub programs: [bool; 3],
    /// Whether its scheduler and its controller manager hold their leases.
    pub leads: [bool; 2],
}

/// What a member of etcd is among the others.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// It follows.
    #[default]
    Follower,
    /// It wants to lead.
    Candidate,
    /// It leads.
    Leader,
}

/// A container of a pod.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Whether it runs.
    pub running: bool,
    /// Whether it is ready.
    pub ready: bool,
    /// How often it was started again.
    pub restarts: u32,
    /// Whether it has probes that can fail.
    pub probed: bool,
}

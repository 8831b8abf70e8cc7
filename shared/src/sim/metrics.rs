//! What metrics-server, kubelets and the API server say to each other.

use std::sync::Arc;

use crate::api::{Key, Object, Request};
use crate::codec::Codec;
use crate::doc::Str;

use super::{Process, RequestId, Time};

/// A message about what is used.
#[derive(Codec, Clone, Hash, Debug)]
pub enum Metrics {
    /// metrics-server asks a kubelet: what does your node use?
    Scrape,
    /// The kubelet's answer.
    Usage(Arc<NodeMetrics>),
    /// The API server hands a request for `metrics.k8s.io` on; the asker gets the answer.
    Query(Arc<Query>),
}

/// What a node and its containers have used since they started.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct NodeMetrics {
    /// The node.
    pub node: Str,
    /// When it was measured.
    pub at: Time,
    /// CPU time of everything on the node, in nanoseconds.
    pub cpu_nanos: u64,
    /// Memory of everything on the node, in bytes.
    pub memory: u64,
    /// Its running pods.
    pub pods: Vec<(Key, Vec<ContainerMetrics>)>,
}

/// What a container has used since it started.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct ContainerMetrics {
    /// Its name.
    pub name: Str,
    /// When it started.
    pub started: Time,
    /// CPU time in nanoseconds.
    pub cpu_nanos: u64,
    /// Memory in bytes.
    pub memory: u64,
}

/// A request for `metrics.k8s.io`.
#[derive(Codec, Clone, Hash, Debug)]
pub struct Query {
    /// Who asked, and under which number.
    pub asker: (Process, RequestId),
    /// What.
    pub request: Arc<Request>,
    /// The metrics-server that is to answer, by its pod's name.
    pub server: Str,
    /// The nodes or pods that are meant, as its informers know them.
    pub objects: Vec<Arc<Object>>,
}

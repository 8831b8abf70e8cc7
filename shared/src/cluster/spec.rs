//! What a cluster is made of: the `cluster`, `images` and `options` of a scenario.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::api::parse_quantity;
use crate::collections::BTreeMap;
use crate::doc;
use crate::doc::{Doc, Str, Timestamp};
use crate::network::TrafficSource;
use crate::runtime::ImageSpec;
use crate::sim::{Machine, Options};

/// Kubernetes' own limit.
const MAX_NODES: u32 = 5000;
/// How long the value of a label may be.
const MAX_NAME: usize = 63;

/// The parts of a scenario that a cluster begins with.
#[derive(Clone, Debug)]
pub struct ClusterSpec {
    /// The date of t = 0.
    pub epoch: Timestamp,
    /// The control plane.
    pub control_plane: ControlPlane,
    /// The worker nodes.
    pub nodes: Vec<NodeGroup>,
    /// Whether there is a default StorageClass, and somebody who makes its volumes.
    pub storage: bool,
    /// Whether metrics-server runs in `kube-system`.
    pub metrics_server: bool,
    /// What containers of an image do, beside the built-in catalogue.
    pub images: BTreeMap<Str, ImageSpec>,
    /// Component configuration and latencies.
    pub options: Options,
    /// Whether there is an ingress controller.
    pub ingress: bool,
    /// Sources of traffic that are there from the beginning.
    pub traffic: Vec<TrafficSource>,
}

/// The control plane's shape.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ControlPlane {
    /// Members of etcd: 1, 3 or 5.
    pub members: u32,
    /// No Node objects for the control plane, as in EKS or GKE. Otherwise it runs on nodes of the cluster,
    /// `control-plane-0` …, as kubeadm sets it up.
    pub hosted: bool,
}

impl Default for ControlPlane {
    fn default() -> ControlPlane {
        ControlPlane { members: 1, hosted: true }
    }
}

/// Nodes that are alike.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeGroup {
    /// The name of a single node; several are called `node-0`, `node-1` … across all groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Str>,
    /// How many.
    #[serde(default = "one")]
    pub count: u32,
    /// CPU of each.
    #[serde(default = "four")]
    pub cpu: Str,
    /// Memory of each.
    #[serde(default = "eight_gibibytes")]
    pub memory: Str,
    /// How many pods each takes.
    #[serde(default = "hundred_and_ten")]
    pub pods: u32,
    /// What each has besides: `nvidia.com/gpu` and others that device plugins tell of, `ephemeral-storage`, huge pages.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resources: BTreeMap<Str, Str>,
    /// Zone.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub zone: Str,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<Str, Str>,
    /// Taints, as in a Node's spec.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<Doc>,
}

fn one() -> u32 {
    1
}
fn four() -> Str {
    "4".into()
}
fn eight_gibibytes() -> Str {
    "8Gi".into()
}
fn hundred_and_ten() -> u32 {
    110
}

impl NodeGroup {
    /// `count` nodes with all the defaults.
    pub fn of(count: u32) -> NodeGroup {
        NodeGroup {
            name: None,
            count,
            cpu: four(),
            memory: eight_gibibytes(),
            pods: hundred_and_ten(),
            resources: BTreeMap::new(),
            zone: Str::new(),
            labels: BTreeMap::new(),
            taints: Vec::new(),
        }
    }
}

impl Default for ClusterSpec {
    fn default() -> ClusterSpec {
        ClusterSpec {
            epoch: Timestamp::from_millis(1_767_225_600_000),
            control_plane: ControlPlane::default(),
            nodes: vec![NodeGroup::of(3)],
            storage: true,
            metrics_server: false,
            images: BTreeMap::new(),
            options: Options::default(),
            ingress: false,
            traffic: Vec::new(),
        }
    }
}

/// What in a specification makes no sense, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SpecError {
    /// The path of the field: `spec.cluster.nodes[0].cpu`.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

impl std::error::Error for SpecError {}

impl ClusterSpec {
    /// The machines, in the order of their names.
    ///
    /// # Errors
    /// A group has no count, a bad amount, or a name that is taken.
    pub fn machines(&self) -> Result<Vec<Machine>, SpecError> {
        if !matches!(self.control_plane.members, 1 | 3 | 5) {
            let field = "spec.cluster.controlPlane.members".to_owned();
            let message = format!("a cluster has 1, 3 or 5 members, not {}", self.control_plane.members);
            return Err(SpecError { field, message });
        }
        let mut machines: Vec<Machine> = Vec::new();
        let mut unnamed = 0;
        for (at, group) in self.nodes.iter().enumerate() {
            let refuse = |field: &str, message: String| SpecError {
                field: format!("spec.cluster.nodes[{at}]{field}"),
                message,
            };
            let amount = |field: &str, text: &Str| {
                parse_quantity(text).filter(|&amount| amount > 0).ok_or_else(|| {
                    refuse(field, format!("{text:?} is no amount such as \"4\", \"500m\" or \"8Gi\""))
                })
            };
            let cpu_milli = i64::try_from(amount(".cpu", &group.cpu)?).unwrap_or(i64::MAX / 1_000_000);
            let memory =
                i64::try_from(amount(".memory", &group.memory)? / 1000).unwrap_or(i64::MAX / 1_000_000);
            for (name, much) in &group.resources {
                let field = format!(".resources.{name}");
                if ["cpu", "memory", "pods"].contains(&name.as_str()) {
                    return Err(refuse(&field, format!("is a field of its own: {name}")));
                }
                if parse_quantity(much).is_none_or(|much| much < 0) {
                    return Err(refuse(&field, format!("{much:?} is no amount such as \"4\" or \"100Gi\"")));
                }
            }
            if group.name.is_some() && group.count != 1 {
                return Err(refuse(".count", "a named node is one node: leave out count, or name".into()));
            }
            // The kubelet's own label would be refused, and the node never be there.
            if group.name.as_ref().is_some_and(|name| name.chars().count() > MAX_NAME) {
                let message =
                    format!("becomes the label kubernetes.io/hostname: at most {MAX_NAME} characters");
                return Err(refuse(".name", message));
            }
            if machines.len() as u64 + u64::from(group.count) > u64::from(MAX_NODES) {
                return Err(refuse(".count", format!("a cluster has at most {MAX_NODES} nodes")));
            }
            for _ in 0..group.count {
                let name: Str = group.name.clone().unwrap_or_else(|| {
                    unnamed += 1;
                    format!("node-{}", unnamed - 1).into()
                });
                if group.name.is_some() && machines.iter().any(|machine| machine.name == name) {
                    return Err(refuse(".name", format!("there is already a node called {name:?}")));
                }
                machines.push(Machine {
                    name,
                    zone: group.zone.clone(),
                    cpu_milli,
                    memory,
                    pods: i64::from(group.pods),
                    resources: group.resources.clone(),
                    labels: group.labels.clone(),
                    taints: Doc::list(group.taints.iter()),
                    made: BTreeMap::new(),
                    powered: true,
                });
            }
        }
        self.add_control_plane(&mut machines)?;
        Ok(machines)
    }

    /// The nodes that bear the control plane come last.
    fn add_control_plane(&self, machines: &mut Vec<Machine>) -> Result<(), SpecError> {
        let count = if self.control_plane.hosted { 0 } else { self.control_plane.members };
        for member in 0..count {
            let name: Str = format!("control-plane-{member}").into();
            if machines.iter().any(|machine| machine.name == name) {
                let field = "spec.cluster.controlPlane.hosted".to_owned();
                let message = format!("there is already a node called {name:?}");
                return Err(SpecError { field, message });
            }
            let role = "node-role.kubernetes.io/control-plane";
            let labels = [role, "node.kubernetes.io/exclude-from-external-load-balancers"];
            machines.push(Machine {
                name,
                zone: Str::new(),
                cpu_milli: 4000,
                memory: 8 << 30,
                pods: 110,
                resources: BTreeMap::new(),
                labels: labels.map(|label| (Str::from(label), Str::new())).into(),
                taints: Doc::list([doc!({ "key": role, "effect": "NoSchedule" })]),
                made: BTreeMap::new(),
                powered: true,
            });
        }
        Ok(())
    }
}

//! The one vocabulary for breaking things: fault menu, scenario file and server API share it, and links freeze it.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::codec::Codec;
use crate::doc::Str;

use super::Duration;

/// What a fault does to its target until it is repaired.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Fault {
    /// `node/…`, `zone/…`: everything on the machine stops at once.
    PowerOff,
    /// `node/…`, `zone/…`: everything on the machine runs on, but nothing crosses its network.
    Partition,
    /// `component/…`, `etcd/…`: the program ends and stays down.
    Stop,
    /// `component/…`, `etcd/…`: the program loses its memory and starts again at once. `pod/…`: its containers are killed.
    Crash,
    /// `node/…`, `zone/…`: something takes almost all memory. `pod/…`: its containers take ever more.
    FillMemory,
    /// `node/…`, `zone/…`: something fills the disk.
    FillDisk,
    /// `pod/…`: its probes fail.
    FailProbes,
    /// `pod/…`: its containers keep a core busy, as far as their limits let them.
    BurnCpu,
    /// `image/…`: the registry has it no longer. Nodes that have it keep it.
    Missing,
    /// `traffic/…`: ten times as many requests.
    Surge,
    /// `link/…`: nothing crosses.
    Drop,
    /// `link/…`: everything takes longer.
    Delay {
        /// How much longer each way.
        by: Duration,
    },
}

/// What a fault strikes.
///
/// Text forms: `node/node-2` · `zone/a` · `component/kube-scheduler` · `component/kubelet@node-1` · `etcd/0` ·
/// `link/kubelet@node-1~kube-apiserver` · `link/node-0~node-1` · `link/etcd/0~etcd/1` · `pod/web-0` ·
/// `pod/team-a/web-0` · `image/todo-api:v1.2` · `traffic/visitors` (those outside) · `traffic/NAME` (a source of that name).
#[derive(Codec, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Target {
    /// A machine, by the name of its node.
    Node(Str),
    /// All machines of a zone.
    Zone(Str),
    /// A program: its name, and its node's name for those that run on every node.
    Component(Str, Option<Str>),
    /// A member of etcd.
    Etcd(u32),
    /// The way between two ends, each a node's name or a component's (`name` or `name@node`).
    Link(Str, Str),
    /// A pod, by namespace and name.
    Pod(Str, Str),
    /// An image in its registry, by reference.
    Image(Str),
    /// A source of traffic.
    Traffic(Str),
}

impl Target {
    /// Reads the text form.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it and which forms there are.
    pub fn parse(text: &str) -> Result<Target, String> {
        let refuse = || {
            format!(
                "{text:?} is no fault target: write node/NAME, zone/NAME, component/NAME, component/NAME@NODE, \
                 etcd/NUMBER, link/A~B, pod/NAME, pod/NAMESPACE/NAME, image/REFERENCE or traffic/NAME"
            )
        };
        let (kind, name) = text.split_once('/').filter(|(_, name)| !name.is_empty()).ok_or_else(refuse)?;
        match kind {
            "node" => Ok(Target::Node(name.into())),
            "zone" => Ok(Target::Zone(name.into())),
            "component" => Ok(match name.split_once('@') {
                Some((program, node)) => Target::Component(program.into(), Some(node.into())),
                None => Target::Component(name.into(), None),
            }),
            "etcd" => name.parse().map(Target::Etcd).map_err(|_| refuse()),
            "link" => {
                let (a, b) = name.split_once('~').ok_or_else(refuse)?;
                Ok(Target::Link(a.into(), b.into()))
            }
            "pod" => {
                let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
                let named = !namespace.is_empty() && !name.is_empty() && !name.contains('/');
                named.then(|| Target::Pod(namespace.into(), name.into())).ok_or_else(refuse)
            }
            "image" => Ok(Target::Image(name.into())),
            "traffic" => Ok(Target::Traffic(name.into())),
            _ => Err(refuse()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Node(name) => write!(f, "node/{name}"),
            Target::Zone(name) => write!(f, "zone/{name}"),
            Target::Component(name, None) => write!(f, "component/{name}"),
            Target::Component(name, Some(node)) => write!(f, "component/{name}@{node}"),
            Target::Etcd(member) => write!(f, "etcd/{member}"),
            Target::Link(a, b) => write!(f, "link/{a}~{b}"),
            Target::Pod(namespace, name) if namespace == "default" => write!(f, "pod/{name}"),
            Target::Pod(namespace, name) => write!(f, "pod/{namespace}/{name}"),
            Target::Image(reference) => write!(f, "image/{reference}"),
            Target::Traffic(source) => write!(f, "traffic/{source}"),
        }
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Target, D::Error> {
        let text = String::deserialize(deserializer)?;
        Target::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_say_themselves_as_they_were_written() {
        for text in [
            "node/node-2",
            "zone/a",
            "component/kube-scheduler",
            "component/kubelet@node-1",
            "etcd/0",
            "pod/web-0",
            "link/kubelet@node-1~kube-apiserver",
            "link/etcd/0~etcd/1",
            "pod/team-a/web-0",
            "image/a/b:v1",
            "traffic/visitors",
        ] {
            assert_eq!(Target::parse(text).map(|target| target.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "node", "node/", "etcd/first", "link/a", "pod/a/b/c", "pod//a", "pod/a/", "disk/a"] {
            let refused = Target::parse(text).expect_err(text);
            assert!(
                refused.starts_with(&format!("{text:?} is no fault target: write node/NAME")),
                "{refused}"
            );
        }
    }
}

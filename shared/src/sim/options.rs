//! Component configuration and modelled latencies, under the names of the scenario file.

use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use super::Duration;
use crate::codec::Codec;
use crate::doc::Str;

/// How kube-proxy chooses among endpoints.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProxyMode {
    /// Round robin.
    #[default]
    Ipvs,
    /// Uniformly random per connection.
    Iptables,
}

/// Everything about the components that a scenario can set. Defaults are Kubernetes' own where it has one.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Options {
    /// Silence after which a node counts as `Unknown`.
    pub node_monitor_grace_period: Duration,
    /// How often the node lifecycle controller looks.
    pub node_monitor_period: Duration,
    /// Length of a node's lease; renewed four times as often.
    pub node_lease_duration: Duration,
    /// How often a kubelet posts an unchanged node status.
    pub node_status_report_frequency: Duration,
    /// Requests per second that one controller's client may send.
    pub kube_api_qps: u32,
    /// Requests that one controller's client may send at once.
    pub kube_api_burst: u32,
    /// kube-proxy's mode.
    pub proxy_mode: ProxyMode,
    /// How long a pull takes; by image size when unset.
    pub image_pull: Option<Duration>,
    /// From the start of a container to its being up.
    pub container_start: Duration,
    /// From SIGTERM to the end of a container that obeys.
    pub container_stop: Duration,
    /// One way between a component and the API server.
    pub api_latency: Duration,
    /// From a request's arrival at the API server to its durable write.
    pub etcd_commit: Duration,
    /// How often etcd's leader gives signs of life (`--heartbeat-interval`).
    pub etcd_heartbeat_interval: Duration,
    /// After how much silence (once to twice this) a member of etcd wants to lead (`--election-timeout`).
    pub etcd_election_timeout: Duration,
    /// How many entries a member of etcd keeps before it takes a snapshot (`--snapshot-count`).
    pub etcd_snapshot_count: u32,
    /// One hop of the data plane, and between members of etcd and their clients.
    pub network_latency: Duration,
    /// Requests per second that visitors send to the app's load balancer, in thousandths.
    pub visitors_per_second_milli: u32,
    /// How many pods the cluster takes; as many as come when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_pods: Option<u32>,
    /// How many nodes may register.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_nodes: Option<u32>,
    /// What the key that signs tokens of service accounts has of its own: clusters that begin alike do not take each other's.
    #[serde(skip_serializing_if = "Own::is_none")]
    pub service_account_key: Own,
}

/// Text that makes a cluster another than those that begin like it.
#[derive(Codec, Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Own(Str);

impl Own {
    /// Whether there is nothing.
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Own {
    fn from(text: String) -> Own {
        Own(text.into())
    }
}

impl Hash for Own {
    /// It makes no difference to how the cluster is.
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl Default for Options {
    fn default() -> Options {
        Options {
            node_monitor_grace_period: Duration::seconds(50),
            node_monitor_period: Duration::seconds(5),
            node_lease_duration: Duration::seconds(40),
            node_status_report_frequency: Duration::seconds(300),
            kube_api_qps: 20,
            kube_api_burst: 30,
            proxy_mode: ProxyMode::default(),
            image_pull: None,
            container_start: Duration::seconds(1),
            container_stop: Duration::seconds(1),
            api_latency: Duration::millis(2),
            etcd_commit: Duration::millis(2),
            etcd_heartbeat_interval: Duration::millis(100),
            etcd_election_timeout: Duration::seconds(1),
            etcd_snapshot_count: 10_000,
            network_latency: Duration::millis(1),
            visitors_per_second_milli: 1000,
            max_pods: None,
            max_nodes: None,
            service_account_key: Own::default(),
        }
    }
}

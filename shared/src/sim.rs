//! What every component lives in: virtual time, an event queue, random streams, links that carry messages, and
//! the record of why things happened.

mod cause;
mod context;
mod dates;
mod dns_config;
mod fault;
mod hash;
mod link;
mod message;
mod metrics;
mod node_call;
mod options;
mod process;
mod queue;
mod random;
mod replication;
mod service_variables;
mod signer;
mod time;
mod trace;

pub use cause::{Causes, RecordId};
pub use context::{Context, Core, Machine};
pub use dates::Dates;
pub use dns_config::{DnsAnswer, DnsConfig};
pub use fault::{Fault, Target};
pub use hash::{StateHash, StateHasher, hash_of};
pub use link::{End, Links};
pub use message::*;
pub use metrics::{ContainerMetrics, Metrics, NodeMetrics, Query};
pub use node_call::*;
pub use options::{Options, Own, ProxyMode};
pub use process::{Incarnation, Process};
pub use queue::{Event, EventQueue, Payload, Timer};
pub use random::Random;
pub use replication::*;
pub use service_variables::{ServiceVariables, Variables};
pub use signer::{ALGORITHM, AUDIENCE, CERTIFICATE, Signer};
pub use time::{Duration, Time};
pub use trace::{Record, Trace, What};

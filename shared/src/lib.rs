//! The cluster behind the glass: a Kubernetes cluster as a deterministic state machine.
//!
//! Same engine version, same seed, same commands: same bytes of state, on every machine. Nothing in here does IO,
//! reads a wall clock or starts a thread.

pub mod api;
pub mod apiserver;
pub mod client;
pub mod cluster;
pub mod codec;
pub mod collections;
pub mod controllers;
pub mod doc;
pub mod etcd;
pub mod explain;
pub mod kubectl;
pub mod kubelet;
pub mod manifest;
pub mod network;
pub mod runtime;
pub mod scenario;
pub mod scheduler;
pub mod schema;
pub mod session;
pub mod sim;

/// The version of the engine, with a digest of its sources: logs, links and snapshots carry it.
pub const ENGINE_VERSION: &str = env!("ENGINE_VERSION");

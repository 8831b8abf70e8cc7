//! Pods from their manifest to their end: what a kubelet and a container runtime make of them.

mod logs;
mod shell;
mod world;

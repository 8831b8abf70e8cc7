//! Pods from their manifest to their end: what a kubelet and a container runtime make of them.

mod config;
mod faults;
mod images;
mod lifecycle;
mod logs;
mod pressure;
mod shell;
mod streams;
mod world;

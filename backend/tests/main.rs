//! One program of all tests: to link each of these files alone took longer than to run it.

mod caching;
mod common;
mod connections;
mod durability;
mod etcd;
mod http;
mod identity;
mod kube_api;
mod kube_requests;
mod links;
mod live;
mod lockstep;
mod openapi;
mod operation;
mod rooms;
mod security;
mod streaming;
mod tls;

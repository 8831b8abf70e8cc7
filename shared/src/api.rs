//! The API types: kinds, objects with their typed views, requests, statuses.
//!
//! One kind a file below `api/<group>/`: its view, defaults, validation and printer columns; [`kind`] lists them.

pub mod apiextensions;
pub mod apiregistration;
pub mod apps;
pub mod autoscaling;
pub mod batch;
pub mod cel;
pub mod coordination;
pub mod core;
mod custom;
pub mod discovery;
mod internal;
mod kind;
mod labels;
pub mod meta;
pub mod networking;
pub mod node;
mod node_affinity;
mod object;
pub mod plain;
pub mod policy;
pub mod quantity;
mod query;
pub mod rbac;
mod request;
mod resource;
pub mod scheduling;
mod status;
pub mod statuses;
pub mod storage;
mod uid;
pub mod validation;
pub mod warnings;

pub use custom::{CustomKind, Names, custom_kind};
pub use kind::Kind;
pub use labels::{FieldSelector, LabelSelector, Requirement};
pub use meta::{Common, Deletion, Meta, OwnerReference};
pub use node_affinity::NodeAffinity;
pub use object::{Key, Object, Of, View, Viewed};
pub use quantity::{bytes, milli, parse_quantity};
pub use query::{is_on, percent_decode, query};
pub use request::{
    DeleteOptions, FieldValidation, Page, Pages, PatchKind, Propagation, Reply, Request, RequestOptions,
    Subresource, User, UserInfo, Verb,
};
pub use resource::{Column, Info, NAMES, Resource, Row, age, is_handed_out};
pub use status::{CauseDetail, Reason, Status};
pub use uid::Uid;

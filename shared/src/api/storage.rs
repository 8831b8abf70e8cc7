//! The group `storage.k8s.io/v1`.

pub mod binding;
pub mod csinode;
pub mod storageclass;

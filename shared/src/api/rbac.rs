//! The group `rbac.authorization.k8s.io/v1`.

pub mod role;
pub mod rolebinding;

//! The group `apiextensions.k8s.io`, and the resources that its definitions make.

pub mod customresource;
pub mod customresourcedefinition;
pub mod structural;

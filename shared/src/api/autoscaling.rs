//! The group `autoscaling`, `v2`.

pub mod horizontalpodautoscaler;

//! The group `batch/v1`.

pub mod cronjob;
pub mod job;
pub mod policies;
pub mod schedule;
pub mod timezone;

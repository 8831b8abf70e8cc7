//! The group `batch/v1`.

pub mod cronjob;
pub mod job;
mod policies;
pub mod schedule;
pub mod timezone;

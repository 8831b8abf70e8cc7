//! Playing a scenario: alone in a page, headless, or together with others.
//!
//! [`protocol`] is what server and replicas say to each other.

pub mod protocol;

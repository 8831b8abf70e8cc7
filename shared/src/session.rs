//! Playing a scenario: alone in a page, headless, or together with others.
//!
//! [`Player`] plays one; [`Replica`] plays one that others play too; [`protocol`] is what server and replicas say to
//! each other.

mod player;
pub mod protocol;
mod replica;

pub use player::{Player, StepResult};
pub use replica::Replica;

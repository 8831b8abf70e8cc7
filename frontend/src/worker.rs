//! The worker: holds the cluster, lets time pass in it, and tells the page what is to be seen.
//!
//! - `line`: the end of the line to the page, and its ticking.
//! - [`driver`]: one cluster for one viewer; [`replica`]: the cluster itself and what people do to it.
//! - [`past`]: branches, the [`moments`] that can be gone back to, what is marked on the timeline, and the [`numbers`] over time.
//! - [`terminal`]: kubectl programs of the terminal; [`tools`]: what editor and files ask, by a [`rehearsal`] too; [`panels`]: what parts of the page ask
//!   that are loaded later.
//! - `socket`: the connection to the server of a live session; [`pending`]: what is to be said when it is back; [`company`]: who else is
//!   there, and what they point at.
//! - [`pacing`]: how fast time passes; [`messages`]: which messages are drawn, and when.
//! - [`emptied`]: ConfigMaps that were broken; [`fared`]: for how long workloads were short of pods.
//! - [`view`], [`systems`], [`map`], [`standing`]: what the page shows; [`captions`], [`waits`], [`story`], [`inspect`], [`why`]: what can be
//!   said about it.

pub mod captions;
pub mod company;
pub mod driver;
pub mod emptied;
pub mod endpoints;
pub mod fared;
pub mod inspect;
#[cfg(feature = "page")]
mod line;
pub mod map;
pub mod messages;
pub mod moments;
pub mod numbers;
pub mod pacing;
pub mod panels;
pub mod past;
pub mod pending;
pub mod rehearsal;
pub mod replica;
#[cfg(feature = "page")]
mod socket;
pub mod standing;
pub mod step;
pub mod story;
pub mod systems;
pub mod terminal;
pub mod tools;
pub mod view;
pub mod waits;
pub mod why;

#[cfg(feature = "page")]
pub use line::{prepare, start};

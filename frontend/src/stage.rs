//! The stage: the cluster as a place. Control plane above, the API server as one pane of glass, nodes below, visitors
//! at the bottom edge.

#[cfg(feature = "page")]
mod control_plane;
#[cfg(feature = "page")]
mod dots;
#[cfg(feature = "page")]
mod far;
pub mod faults;
#[cfg(feature = "page")]
mod flight;
#[cfg(feature = "page")]
mod halted;
pub mod layout;
#[cfg(feature = "page")]
pub(crate) mod menu;
#[cfg(feature = "page")]
mod node;
#[cfg(feature = "page")]
mod scene;
#[cfg(feature = "page")]
mod systems;
#[cfg(feature = "page")]
mod visitors;

#[cfg(feature = "page")]
pub(crate) use menu::FaultMenu;
#[cfg(feature = "page")]
pub(crate) use scene::Stage;

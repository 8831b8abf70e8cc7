//! The worker: holds the cluster, lets time pass in it, and tells the page what is to be seen.

#[cfg(feature = "page")]
mod line;
mod mock;

#[cfg(feature = "page")]
pub use line::start;

//! The page of Kubarium.
//!
//! # Layout
//! - [`app`]: what is on the screen.
//! - [`engine`]: the page's line to the worker.
//! - [`protocol`]: what travels on that line.
//! - [`worker`]: the other end, which holds the cluster. It runs in a Web Worker, so that the simulation never blocks
//!   the page, and a panic of the engine does not take the page along.
//! - [`assets`]: addresses of files that the page loads later.
//! - [`editor`]: the YAML editor.
//! - `i18n`: every text, generated from `public/locales/` by `build.rs`.

// Pure, and tested natively (`cargo test -p frontend --no-default-features`): no browser in these.
pub mod protocol;

#[cfg(feature = "page")]
pub mod app;
#[cfg(feature = "page")]
pub mod assets;
#[cfg(feature = "page")]
pub mod editor;
#[cfg(feature = "page")]
pub mod engine;
#[cfg(feature = "page")]
pub mod worker;

#[cfg(feature = "page")]
#[allow(missing_docs)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/i18n/mod.rs"));
}
#[cfg(feature = "page")]
pub use generated::i18n;

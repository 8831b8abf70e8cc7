//! The page of Kubarium.
//!
//! # Layout
//! - [`protocol`]: what page and worker say to each other.
//! - [`worker`]: holds the cluster, paces it and tells what is to be seen. It runs in a Web Worker, so that the
//!   simulation never blocks the page, and a panic of the engine does not take the page along.
//! - [`engine`]: the page's line to the worker; `state`: what the page's parts share; [`view_model`]: what they read off
//!   it, without a DOM.
//! - [`app`]: what is on the screen: `header`, `story` (headline, captions, waits, result), `stage` (the diagram), and
//!   the panels `workbench` (YAML), `terminal`, `timeline`, `inspector` and `chaos` (faults); `tour`, which tells a
//!   [`guide`].
//! - `rewind`: the timeline at the foot and two branches side by side; [`track`] its arithmetic, `travel` its signals; [`told`] what was told of them.
//! - [`trouble`]: what goes wrong where nobody broke anything, for the headline.
//! - `sharing`: the way to the module of links, embedding and kubectl, which is JavaScript.
//! - `later`: the way to parts of the page that are JavaScript modules and are loaded when they are shown.
//! - `rooms`: the way to the module of workshops, which is JavaScript.
//! - [`assets`]: addresses of files that the page loads later.
//!
//! What needs no browser compiles without the feature `page`, and is tested natively.
//! - `i18n`: every text, generated from `public/locales/` by `build.rs`; `words` finds the right one.

#[cfg(feature = "page")]
pub mod app;
#[cfg(feature = "page")]
pub mod assets;
#[cfg(feature = "page")]
mod browser;
#[cfg(feature = "page")]
mod chaos;
#[cfg(feature = "page")]
mod drawer;
#[cfg(feature = "page")]
pub mod editor;
#[cfg(feature = "page")]
pub mod engine;
#[cfg(feature = "page")]
mod gallery;
pub mod guide;
#[cfg(feature = "page")]
mod header;
#[cfg(feature = "page")]
mod inspector;
#[cfg(feature = "page")]
mod later;
pub mod manifest;
pub mod protocol;
#[cfg(feature = "page")]
mod rewind;
#[cfg(feature = "page")]
mod rooms;
#[cfg(feature = "page")]
mod sharing;
pub mod stage;
#[cfg(feature = "page")]
mod state;
pub mod stills;
#[cfg(feature = "page")]
mod story;
#[cfg(feature = "page")]
mod terminal;
#[cfg(feature = "page")]
mod timeline;
pub mod told;
#[cfg(feature = "page")]
mod tour;
pub mod track;
#[cfg(feature = "page")]
mod travel;
pub mod trouble;
#[cfg(feature = "page")]
mod turns;
pub mod view_model;
#[cfg(feature = "page")]
mod words;
#[cfg(feature = "page")]
mod workbench;
pub mod worker;

#[cfg(feature = "page")]
#[allow(missing_docs)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/i18n/mod.rs"));
}
#[cfg(feature = "page")]
pub use generated::i18n;

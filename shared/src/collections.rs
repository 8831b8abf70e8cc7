//! Ordered maps, sets and sorting that weigh little: the engine is downloaded before a page can show anything, and
//! every type of key and value costs its own copy of this code. (The standard library's B-tree came to 106 kB of a
//! 747 kB engine, its sorts to 40 kB; these to a third of that.)
//!
//! The interface is that of `std::collections` as far as the engine needs it.

mod map;
mod order;
mod set;

pub use map::{BTreeMap, Entry};
pub use order::{sort, sort_by, sort_by_key};
pub use set::BTreeSet;

#[cfg(test)]
mod tests;

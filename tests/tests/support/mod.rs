//! What several tests need.

pub mod comparison;
pub mod custom;
pub mod ledger;
pub mod world;

use std::path::{Path, PathBuf};

/// The recordings of a real control plane beside the project; says in one line that they are skipped where they are
/// not (someone cloned the project alone).
pub fn reference(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/reference").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: there are no recordings at ../shared/reference/{name}");
    None
}

//! The addresses of OpenAPI documents, for clients that take them literally.

use shared::doc::{Doc, Str};

/// Puts the way to the session into the addresses of the documents, where it was in the way to their `index`: kubectl 1.27.1
/// leaves out what its server's address has before `/openapi/v3`. Later ones take an address with something before that as it
/// is (kubernetes/kubernetes#117463).
pub fn tell_whole_addresses(path: &str, index: &mut Doc) {
    let Some(prefix) = path.trim_end_matches('/').strip_suffix("/openapi/v3") else { return };
    let paths = index.at_mut(&["paths"]);
    let names: Vec<Str> = paths.entries().iter().map(|(name, _)| name.clone()).collect();
    for name in names {
        let url = paths[&*name]["serverRelativeURL"].str();
        paths.set_at(&[&name, "serverRelativeURL"], format!("{prefix}{url}"));
    }
}

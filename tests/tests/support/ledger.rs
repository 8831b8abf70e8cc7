//! What was recorded, how much of it agrees, and what is known to differ: one file that tests hold to what they see,
//! and of which the README's table is made.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One recording.
pub struct Page {
    /// Its name: the file's or the scenario's.
    pub name: String,
    /// What it is, in a few words.
    pub what: String,
    /// How many things are compared.
    pub compared: usize,
    /// Those that differ, and why.
    pub differing: BTreeMap<String, String>,
}

/// Everything that is known of what was recorded, in the file's order.
pub fn read() -> Vec<Page> {
    let path = root().join("tests/agreement.yaml");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let documents =
        shared::manifest::parse(&text).unwrap_or_else(|fault| panic!("{}: {fault:?}", path.display()));
    let pages = documents[0].doc["recordings"].items().iter();
    pages
        .map(|page| Page {
            name: page["name"].str().to_string(),
            what: page["what"].str().to_string(),
            compared: page["compared"].as_i64().expect("a number") as usize,
            differing: {
                let entries = page["differing"].entries().iter();
                entries.map(|(entry, why)| (entry.to_string(), why.str().to_string())).collect()
            },
        })
        .collect()
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository").to_owned()
}

/// Holds what was seen against what is known: so many things were compared, exactly those differ.
pub fn settle(name: &str, outcomes: &[(String, Result<(), String>)]) {
    let pages = read();
    let page = pages.iter().find(|page| page.name == name);
    let page = page.unwrap_or_else(|| panic!("{name} is not in tests/agreement.yaml"));
    let mut complaints = Vec::new();
    let mut left = page.differing.clone();
    for (entry, outcome) in outcomes {
        match (outcome, left.remove(entry)) {
            (Err(difference), None) => complaints.push(format!("{entry} differs\n{difference}")),
            (Ok(()), Some(why)) => {
                complaints.push(format!("{entry} agrees now, but is listed as differing: {why}"));
            }
            _ => {}
        }
    }
    complaints.extend(left.keys().map(|entry| format!("{entry} is listed, but was not compared")));
    if outcomes.len() != page.compared {
        complaints.push(format!("{} things were compared, not {}", outcomes.len(), page.compared));
    }
    let agreeing = outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).count();
    println!("{name}: {agreeing} of {} agree", outcomes.len());
    assert!(complaints.is_empty(), "{name} (tests/agreement.yaml)\n\n{}", complaints.join("\n\n"));
}

//! What changed between two revisions; shared subtrees are skipped without a look inside.

use std::fmt;

use crate::collections::sort;

use super::{Doc, Str};

/// Where a value stands: `spec.containers[0].image`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Path(pub Vec<Segment>);

/// One step of a [`Path`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Segment {
    /// A field or map key.
    Key(Str),
    /// A position in a list.
    Index(u32),
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            match segment {
                // Keys with dots or slashes (labels, annotations) are quoted as Kubernetes does in field paths.
                Segment::Key(key) if key.contains(['.', '/']) => write!(f, "[{key}]")?,
                Segment::Key(key) if at == 0 => write!(f, "{key}")?,
                Segment::Key(key) => write!(f, ".{key}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// One difference; a side that was not there is `null`.
#[derive(Clone, PartialEq, Debug)]
pub struct Change {
    /// Where.
    pub path: Path,
    /// The value before.
    pub old: Doc,
    /// The value after.
    pub new: Doc,
}

/// Every place where `new` differs from `old`, as deep as both sides have the same shape.
pub fn diff(old: &Doc, new: &Doc) -> Vec<Change> {
    let mut changes = Vec::new();
    walk(old, new, &mut Path::default(), &mut changes);
    changes
}

fn walk(old: &Doc, new: &Doc, path: &mut Path, changes: &mut Vec<Change>) {
    if old.same(new) {
        return;
    }
    match (old, new) {
        (Doc::Map(a), Doc::Map(b)) => {
            let mut keys: Vec<&Str> = a.entries().iter().chain(b.entries()).map(|(key, _)| key).collect();
            sort(&mut keys);
            keys.dedup();
            for key in keys {
                path.0.push(Segment::Key(key.clone()));
                walk(a.get(key), b.get(key), path, changes);
                path.0.pop();
            }
        }
        (Doc::List(a), Doc::List(b)) => {
            for index in 0..a.len().max(b.len()) {
                path.0.push(Segment::Index(index as u32));
                walk(&old[index], &new[index], path, changes);
                path.0.pop();
            }
        }
        _ if old == new => {}
        _ => changes.push(Change { path: path.clone(), old: old.clone(), new: new.clone() }),
    }
}

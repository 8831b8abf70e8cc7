//! `kubectl label` and `kubectl annotate`

use crate::doc;
use crate::doc::Doc;

use super::args::{Args, Flag, switch, value};
use super::change;
use super::failure::Failure;
use super::io::{Io, Stop};
use super::resource::objects;

pub(super) const FLAGS: &[Flag] =
    &[switch("overwrite", None), switch("all", None), value("selector", Some('l'))];

/// One of the two maps, and kubectl's words about it.
struct Words {
    field: &'static str,
    singular: &'static str,
    done: &'static str,
    undone: &'static str,
    manager: &'static str,
}

pub(super) fn label(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let words = Words {
        field: "labels",
        singular: "label",
        done: "labeled",
        undone: "unlabeled",
        manager: "kubectl-label",
    };
    run(args, io, &words)
}

pub(super) fn annotate(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let words = Words {
        field: "annotations",
        singular: "annotation",
        done: "annotated",
        undone: "annotated",
        manager: "kubectl-annotate",
    };
    run(args, io, &words)
}

/// A change of one entry; no value takes it away.
type Edit = (String, Option<String>);

/// Splits the words of the command: what they are about, and what is to change.
fn split(words: &[String]) -> (Vec<String>, Vec<Edit>) {
    let (mut subjects, mut edits) = (Vec::new(), Vec::new());
    for word in words {
        if let Some((key, value)) = word.split_once('=') {
            edits.push((key.to_owned(), Some(value.to_owned())));
        } else if let Some(key) = word.strip_suffix('-').filter(|_| !subjects.is_empty()) {
            edits.push((key.to_owned(), None));
        } else {
            subjects.push(word.clone());
        }
    }
    (subjects, edits)
}

fn run(args: &Args, io: &mut Io<'_>, words: &Words) -> Result<(), Stop> {
    let (subjects, edits) = split(&args.words);
    if edits.is_empty() {
        return Err(io.fail(format!("at least one {} update is required", words.singular)));
    }
    let mut failures = Vec::new();
    for (target, object) in objects(&subjects, args, io, &mut failures)? {
        let present = &object["metadata"][words.field];
        let mut changes = Doc::map();
        let mut refused = false;
        for (key, value) in &edits {
            let old = present[key.as_str()].as_str();
            match (value, old) {
                (Some(value), Some(old)) if value != old && !args.is_on("overwrite") => {
                    let message = format!("'{key}' already has a value ({old}), and --overwrite is false");
                    failures.push(Failure::Client(message));
                    refused = true;
                }
                (Some(value), old) if old != Some(value) => changes.set(key.as_str(), value.as_str()),
                (None, Some(_)) => changes.set(key.as_str(), Doc::Null),
                (None, None) => io.say(format!("{} \"{key}\" not found.", words.singular)),
                _ => {}
            }
        }
        if refused {
            continue;
        }
        if changes.is_empty() {
            io.say(format!("{} not {}", target.display(), words.done));
            continue;
        }
        let removed_only = changes.entries().iter().all(|(_, value)| value.is_null());
        let mut patch = doc!({ "metadata": {} });
        patch.set_at(&["metadata", words.field], changes);
        if change::send(&target, "merge", words.manager, &patch, io, &mut failures)? {
            io.say(format!("{} {}", target.display(), if removed_only { words.undone } else { words.done }));
        }
    }
    io.finish(failures)
}

//! A workload's selector, and the labels of its template that it has to select.

use super::places::key;
use super::scene::{Fault, get, shifted};
use super::{Edit, Fix};
use crate::doc::{Doc, Path, Segment, Str};
use crate::manifest::{Span, to_yaml};

/// A selector that is missing or selects something else than the template.
pub(super) fn labels(fault: &Fault) -> Vec<Fix> {
    let mismatch = fault.message.contains("`selector` does not match template `labels`");
    if !mismatch && !fault.message.starts_with("spec.selector: Required value") {
        return Vec::new();
    }
    let path = ["spec", "template", "metadata", "labels"].map(key);
    let labels = get(fault.root(), &path);
    let wanted = &fault.root()["spec"]["selector"]["matchLabels"];
    let fix = if wanted.is_empty() {
        selecting(fault, labels).map(|edits| Fix::new("fix_selector", "", edits))
    } else {
        same(fault, wanted, labels, &path).or_else(|| lacking(fault, wanted, labels, &path))
    };
    fix.into_iter().collect()
}

/// The labels of a map as lines, with quotes where they need some.
fn written(labels: &Doc) -> Vec<String> {
    to_yaml(labels).lines().map(str::to_owned).collect()
}

/// A whole selector, before the template or where there is one that selects nothing.
fn selecting(fault: &Fault, labels: &Doc) -> Option<Vec<Edit>> {
    let document = fault.document.filter(|_| !labels.is_empty())?;
    let unit = fault.lines.unit();
    let place = |name: &str| document.spans.key(&Path(["spec", name].map(key).to_vec())).start;
    let template = place("template");
    let column = template.column as usize - 1;
    let mut lines =
        vec![shifted("selector:", column as isize), shifted("matchLabels:", (column + unit) as isize)];
    lines.extend(written(labels).iter().map(|line| shifted(line, (column + 2 * unit) as isize)));
    if fault.root()["spec"].as_map()?.contains("selector") {
        let selector = place("selector");
        let last = fault.lines.last(selector.line, selector.column as usize - 1);
        return Some(vec![fault.lines.replaced(selector.line, last, &lines)]);
    }
    let at = (template.line, 1);
    Some(vec![Edit { from: at, to: at, text: format!("{}\n", lines.join("\n")) }])
}

/// The selector's values as the labels have them: Services and policies select by labels too.
fn same(fault: &Fault, wanted: &Doc, labels: &Doc, path: &[Segment]) -> Option<Fix> {
    let document = fault.document?;
    let selected = ["spec", "selector", "matchLabels"].map(key);
    let differing = wanted.entries().iter().filter(|(name, value)| {
        let label = &labels[&**name];
        !label.is_null() && label != value
    });
    let span = |path: &[Segment], name: &Str| {
        document.spans.value(&Path([path, &[Segment::Key(name.clone())]].concat()))
    };
    let edits: Vec<Edit> = differing
        .map(|(name, _)| {
            let Span { start, end } = span(&selected, name);
            let text = fault.lines.between(span(path, name)).to_owned();
            Edit { from: (start.line, start.column), to: (end.line, end.column), text }
        })
        .collect();
    (!edits.is_empty()).then(|| Fix::new("fix_selector", "", edits))
}

/// A template that lacks labels of the selector.
fn lacking(fault: &Fault, wanted: &Doc, labels: &Doc, path: &[Segment]) -> Option<Fix> {
    let mut lacking = Doc::map();
    for (name, value) in wanted.entries() {
        if labels[&**name].is_null() {
            lacking.set(name.clone(), value.clone());
        }
    }
    let lines = written(&lacking);
    let edits = fault.added(path, &lines)?;
    (!lacking.is_empty()).then(|| Fix::new("fix_add", lines.join(", "), edits))
}

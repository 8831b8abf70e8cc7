//! Text that is no YAML.

use super::scene::{Fault, byte, spaces};
use super::{Edit, Fix};
use crate::manifest;

/// Larger texts are not read to see what a change makes of them, in bytes.
const LARGE: usize = 200_000;

/// `image:nginx`, `-name`.
pub(super) fn space(fault: &Fault) -> Vec<Fix> {
    let lacking = ["expected a space after the colon", "expected a space after the dash"];
    if !lacking.iter().any(|words| fault.message.ends_with(words)) {
        return Vec::new();
    }
    vec![Fix::new("fix_space", "", fault.insert(" "))]
}

/// Tabs, which YAML does not take as indentation.
pub(super) fn tabs(fault: &Fault) -> Vec<Fix> {
    if fault.message.starts_with("this is a tab") {
        let to = (fault.line, fault.column + 1);
        return vec![Fix::new(
            "fix_tabs",
            "",
            vec![Edit { from: (fault.line, fault.column), to, text: " ".into() }],
        )];
    }
    if !fault.message.contains("indented with a tab") {
        return Vec::new();
    }
    // Editors show a tab as 2, 4 or 8 columns: that of which it becomes YAML is what somebody saw.
    let of_width = |width: usize| Fix::new("fix_tabs", "", expanded(fault, width));
    let all = || [2, 4, 8].into_iter().map(of_width);
    // To read a large text a dozen times is not worth the wait.
    if fault.lines.text().len() > LARGE {
        return all().take(1).collect();
    }
    let fits = |fix: &Fix| manifest::parse(&fix.applied(fault.lines.text())).is_ok();
    all().find(fits).or_else(|| level(fault)).or_else(|| all().next()).into_iter().collect()
}

/// Every tab at the beginning of a line as so many columns.
fn expanded(fault: &Fault, width: usize) -> Vec<Edit> {
    let edits = (1..=fault.lines.count()).filter_map(|line| {
        let text = fault.lines.get(line);
        let white = &text[..text.len() - text.trim_start().len()];
        let columns =
            white.chars().fold(0, |at, c| if c == '\t' { (at / width + 1) * width } else { at + 1 });
        let to = (line, white.chars().count() as u32 + 1);
        white.contains('\t').then(|| Edit { from: (line, 1), to, text: spaces(columns) })
    });
    edits.collect()
}

/// The line as deep as one above it, where that makes YAML of the text.
fn level(fault: &Fault) -> Option<Fix> {
    let line = fault.lines.get(fault.line);
    let white = line.len() - line.trim_start().len();
    let above = (1..fault.line).rev().filter_map(|line| fault.lines.start(line));
    let mut columns: Vec<usize> = above.flat_map(|start| [start.key, start.outer]).collect();
    columns.dedup();
    columns.into_iter().take(8).find_map(|column| {
        let edit = Edit { from: (fault.line, 1), to: (fault.line, white as u32 + 1), text: spaces(column) };
        let fix = Fix::new("fix_tabs", "", vec![edit]);
        manifest::parse(&fix.applied(fault.lines.text())).is_ok().then_some(fix)
    })
}

/// A text in double quotes, or in single ones where it has double ones.
pub(super) fn quoted(text: &str) -> String {
    if text.contains('"') || text.contains('\\') {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        format!("\"{text}\"")
    }
}

/// A quote that is not closed, and values that need some.
pub(super) fn quotes(fault: &Fault) -> Vec<Fix> {
    let line = fault.lines.get(fault.line);
    if fault.message.starts_with("this quote is never closed") {
        let Some(quote) = fault.text().chars().next() else { return Vec::new() };
        let end = (fault.line, line.trim_end().chars().count() as u32 + 1);
        return vec![Fix::new("fix_close", "", vec![Edit { from: end, to: end, text: quote.into() }])];
    }
    let second = fault.message.starts_with("a second ': '");
    let needs =
        ["a value cannot begin with", "nothing above is marked", "expected a key that is plain text: quote"];
    if !second && !needs.iter().any(|words| fault.message.starts_with(words)) {
        return Vec::new();
    }
    let before = byte(line, fault.column as usize - 1);
    let from = match line.find(": ") {
        Some(colon) if colon < before || second => colon + 2,
        _ => before,
    };
    let value = line[from..].trim();
    let column = |at: usize| (fault.line, line[..at].chars().count() as u32 + 1);
    let start = from + (line[from..].len() - line[from..].trim_start().len());
    let whole = |text: String| vec![Edit { from: column(start), to: column(start + value.len()), text }];
    let mut fixes = vec![Fix::new("fix_quote", "", whole(quoted(value)))];
    // No image has a space in its name.
    if second && line[..from].trim_start_matches([' ', '-']).starts_with("image:") {
        let joined = value.replace(": ", ":");
        fixes.insert(0, Fix::new("fix_value", joined.clone(), whole(joined)));
    }
    fixes
}

/// A key that is there already.
pub(super) fn twice(fault: &Fault) -> Vec<Fix> {
    let Some(key) = fault.message.strip_prefix("the key \"").and_then(|rest| rest.split_once('"')) else {
        return Vec::new();
    };
    let Some(start) = fault.lines.start(fault.line) else { return Vec::new() };
    // Another object begins.
    if matches!(key.0, "apiVersion" | "kind") && start.outer == 0 && fault.column == 1 {
        let at = (fault.line, 1);
        return vec![Fix::new("fix_add", "---", vec![Edit { from: at, to: at, text: "---\n".into() }])];
    }
    if !fault.message.contains("is already set") || start.outer != fault.column as usize - 1 {
        return Vec::new();
    }
    let last = fault.lines.last(fault.line, start.outer);
    vec![Fix::new("fix_remove", key.0, vec![fault.lines.removed(fault.line, last)])]
}

//! The page of kinds of which kubectl knows nothing: all their fields, with words for names.

use crate::doc::Doc;

use super::super::io::Stop;
use super::super::jsonpath::go_value;
use super::sheet::Sheet;

/// Fields that are told elsewhere, or not at all.
const SKIPPED: [&str; 5] = [
    ".metadata.managedFields",
    ".metadata.name",
    ".metadata.namespace",
    ".metadata.labels",
    ".metadata.annotations",
];

pub fn describe(sheet: &mut Sheet<'_, '_>, object: &Doc) -> Result<(), Stop> {
    sheet.fill(object, "Name:\t{metadata.name}\nNamespace:\t{metadata.namespace}\n@labels\n@annotations")?;
    let mut whole = object.clone();
    whole.set("apiVersion", sheet.target.kind.api_version());
    whole.set("kind", &sheet.target.kind.kind);
    fields(sheet, &whole, 0, "");
    sheet.fill(object, "@events")
}

fn fields(sheet: &mut Sheet<'_, '_>, object: &Doc, level: usize, path: &str) {
    for (field, value) in object.entries() {
        let path = format!("{path}.{field}");
        if SKIPPED.contains(&path.as_str()) {
            continue;
        }
        let label = label(field);
        match value {
            Doc::Map(_) => {
                sheet.line(level, format!("{label}:"));
                fields(sheet, value, level + 1, &path);
            }
            Doc::List(items) => {
                sheet.line(level, format!("{label}:"));
                for item in items.iter() {
                    match item {
                        Doc::Map(_) => fields(sheet, item, level + 1, &path),
                        other => sheet.line(level + 1, go_value(other)),
                    }
                }
            }
            other => sheet.line(level, format!("{label}:\t{}", go_value(other))),
        }
    }
}

/// A field's name as words: `apiVersion` is `API Version`.
fn label(field: &str) -> String {
    if field.chars().any(|c| !c.is_alphabetic() && c != '-') {
        return field.to_owned();
    }
    let words = merged(words(field));
    let worded = words.into_iter().map(|word| match word.to_uppercase().as_str() {
        known @ ("API" | "URL" | "UID" | "GUID") => known.to_owned(),
        _ if word.to_lowercase() == word => {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        }
        _ => word,
    });
    worded.collect::<Vec<_>>().join(" ")
}

/// Cuts a name where the kind of its letters changes: `podCIDRs` is `pod`, `CID`, `Rs`.
fn words(field: &str) -> Vec<String> {
    let kind = |c: char| match c {
        c if c.is_lowercase() => 1,
        c if c.is_uppercase() => 2,
        _ => 4,
    };
    let mut runs: Vec<Vec<char>> = Vec::new();
    for letter in field.chars() {
        match runs.last_mut() {
            Some(run) if kind(run[0]) == kind(letter) => run.push(letter),
            _ => runs.push(vec![letter]),
        }
    }
    // The last capital of a run belongs to the word that follows.
    for at in 1..runs.len() {
        if kind(runs[at - 1][0]) == 2 && kind(runs[at][0]) == 1 {
            let capital = runs[at - 1].pop();
            runs[at].splice(0..0, capital);
        }
    }
    runs.into_iter().filter(|run| !run.is_empty()).map(String::from_iter).collect()
}

/// Puts a word in capitals and the one after it together again: `CID` and `Rs` are `CIDRs`.
fn merged(words: Vec<String>) -> Vec<String> {
    let mut merged: Vec<String> = Vec::new();
    let mut words = words.into_iter().peekable();
    while let Some(mut word) = words.next() {
        let capitals = word.len() >= 2 && word.chars().all(|c| !c.is_alphabetic() || c.is_uppercase());
        let follows = |next: &mut String| next.chars().next().is_some_and(char::is_uppercase);
        if capitals && words.peek_mut().is_some_and(follows) {
            word.extend(words.next());
        }
        merged.push(word);
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn names_become_words() {
        for (field, expected) in [
            ("apiVersion", "API Version"),
            ("creationTimestamp", "Creation Timestamp"),
            ("uid", "UID"),
            ("kind", "Kind"),
            ("resourceVersion", "Resource Version"),
            ("podCIDR", "Pod CIDR"),
            ("podCIDRs", "Pod CIDRs"),
            ("some.key/x", "some.key/x"),
        ] {
            assert_eq!(label(field), expected);
        }
    }
}

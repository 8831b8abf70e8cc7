//! Tables of the server as kubectl prints them.

use crate::doc::Doc;

use super::tabs::visible;

/// What to show of a Table answer.
#[derive(Clone)]
pub(super) struct View {
    /// Also the columns of low priority.
    pub wide: bool,
    /// Whether the namespace is a column.
    pub namespaces: bool,
    /// What stands before each name: `deployment.apps/`.
    pub prefix: String,
    pub headers: bool,
    pub labels: bool,
    /// Labels that are columns of their own.
    pub label_columns: Vec<String>,
}

/// A Table answer as lines of cells, headings first.
pub(super) fn lines(table: &Doc, view: &View) -> String {
    let mut text = String::new();
    let columns = columns(table, view);
    if view.headers {
        let mut headings: Vec<String> = columns.iter().map(|(_, heading)| heading.clone()).collect();
        if view.namespaces {
            headings.insert(0, "NAMESPACE".into());
        }
        // A label's heading is what stands after its prefix.
        headings.extend(
            view.label_columns.iter().map(|label| label.rsplit('/').next().unwrap_or("").to_uppercase()),
        );
        if view.labels {
            headings.push("LABELS".into());
        }
        text.push_str(&format!("{}\n", headings.join("\t")));
    }
    for row in table["rows"].items() {
        text.push_str(&line(table, row, &columns, view));
    }
    text
}

/// The columns that are shown: place and heading.
fn columns(table: &Doc, view: &View) -> Vec<(usize, String)> {
    let all = table["columnDefinitions"].items().iter().enumerate();
    all.filter(|(_, column)| view.wide || column["priority"].as_i64().unwrap_or(0) == 0)
        .map(|(at, column)| (at, column["name"].str().to_uppercase()))
        .collect()
}

fn line(table: &Doc, row: &Doc, columns: &[(usize, String)], view: &View) -> String {
    let metadata = &row["object"]["metadata"];
    let is_name = |at: usize| table["columnDefinitions"][at]["format"].as_str() == Some("name");
    let cell = |at: usize| match &row["cells"][at] {
        Doc::Str(text) if is_name(at) => format!("{}{text}", view.prefix),
        Doc::Str(text) => one_line(text),
        Doc::Null => String::new(),
        other => super::jsonpath::print(other),
    };
    let mut cells: Vec<String> = columns.iter().map(|(at, _)| cell(*at)).collect();
    if view.namespaces {
        cells.insert(0, metadata["namespace"].str().to_string());
    }
    let labels = &metadata["labels"];
    for label in &view.label_columns {
        cells.push(labels[label.as_str()].str().to_string());
    }
    if view.labels {
        let all = labels.entries().iter().map(|(key, value)| format!("{key}={}", value.str()));
        let all = all.collect::<Vec<_>>().join(",");
        cells.push(if all.is_empty() { "<none>".into() } else { all });
    }
    format!("{}\n", visible(&cells.join("\t")))
}

/// What a cell holds up to the end of its first line.
fn one_line(text: &str) -> String {
    match text.find(['\n', '\u{c}', '\r']) {
        Some(end) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

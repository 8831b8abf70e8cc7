//! Tables as kubectl prints them.

use crate::doc::Doc;

/// How `get` sets its columns: at least so wide with their gap, and the gap.
pub(super) const WIDE: (usize, usize) = (6, 3);
/// How `rollout history` does.
pub(super) const NARROW: (usize, usize) = (0, 2);

/// Lines of cells, columns aligned; the last cell of a line is followed by nothing.
pub(super) fn align(lines: &[Vec<String>], (least, gap): (usize, usize)) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells =
            lines.iter().filter(|line| column + 1 < line.len()).map(|line| line[column].chars().count());
        cells.max().map_or(0, |most| (most + gap).max(least))
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        for (column, cell) in line.iter().enumerate() {
            text.push_str(cell);
            if column + 1 < line.len() {
                let pad = widths[column].saturating_sub(cell.chars().count());
                text.extend(std::iter::repeat_n(' ', pad));
            }
        }
        text.push('\n');
    }
    text
}

/// What to show of a Table answer.
pub(super) struct View {
    /// Also the columns of low priority.
    pub wide: bool,
    /// Whether the namespace is a column.
    pub namespaces: bool,
    /// What stands before each name: `deployment.apps/`.
    pub prefix: String,
    pub headers: bool,
    pub labels: bool,
}

/// A Table answer as lines of cells, headings first.
pub(super) fn lines(table: &Doc, view: &View) -> Vec<Vec<String>> {
    let columns: Vec<(usize, String)> = table["columnDefinitions"]
        .items()
        .iter()
        .enumerate()
        .filter(|(_, column)| view.wide || column["priority"].as_i64().unwrap_or(0) == 0)
        .map(|(at, column)| (at, column["name"].str().to_uppercase()))
        .collect();
    let name = table["columnDefinitions"]
        .items()
        .iter()
        .position(|column| column["format"].as_str() == Some("name"));
    let mut lines = Vec::new();
    if view.headers {
        let mut headings: Vec<String> = columns.iter().map(|(_, heading)| heading.clone()).collect();
        if view.namespaces {
            headings.insert(0, "NAMESPACE".into());
        }
        if view.labels {
            headings.push("LABELS".into());
        }
        lines.push(headings);
    }
    for row in table["rows"].items() {
        let metadata = &row["object"]["metadata"];
        let cell = |at: usize| match &row["cells"][at] {
            Doc::Str(text) if Some(at) == name => format!("{}{text}", view.prefix),
            Doc::Str(text) => text.to_string(),
            other => other.to_json(),
        };
        let mut cells: Vec<String> = columns.iter().map(|(at, _)| cell(*at)).collect();
        if view.namespaces {
            cells.insert(0, metadata["namespace"].str().to_string());
        }
        if view.labels {
            let labels =
                metadata["labels"].entries().iter().map(|(key, value)| format!("{key}={}", value.str()));
            let labels = labels.collect::<Vec<_>>().join(",");
            cells.push(if labels.is_empty() { "<none>".into() } else { labels });
        }
        lines.push(cells);
    }
    lines
}

//! kubectl's JSONPath, as far as people use it: `{.status.conditions[?(@.type=="Ready")].status}`.

use crate::doc::{Doc, Str};

/// A path into a document, perhaps to several places at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JsonPath(Vec<Step>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Step {
    Key(Str),
    /// From the end when negative.
    Index(i64),
    All,
    /// Items whose value at the end of the keys prints like this.
    Where(Vec<Str>, Str),
}

impl JsonPath {
    /// Reads `{.a.b[0]['c']}`; the braces may be left out.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<JsonPath, String> {
        let refuse = |why: &str| format!("{text:?} is no path such as {{.status.availableReplicas}}: {why}");
        let inner = match text.strip_prefix('{') {
            Some(rest) => rest.strip_suffix('}').ok_or_else(|| refuse("it has no closing brace"))?,
            None => text,
        };
        let mut rest = inner.trim();
        rest = rest.strip_prefix('$').unwrap_or(rest);
        if !rest.is_empty() && !rest.starts_with(['.', '[']) {
            return Err(refuse("it must begin with a dot"));
        }
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = if let Some(after) = rest.strip_prefix('[') {
                bracket(after).ok_or_else(|| {
                    refuse("between [ and ] goes a number, *, a quoted key or ?(@.key==\"value\")")
                })?
            } else {
                dotted(&rest[1..])
            };
            steps.extend(step);
            if !after.is_empty() && !after.starts_with(['.', '[']) {
                return Err(refuse("parts are joined by dots"));
            }
            rest = after;
        }
        Ok(JsonPath(steps))
    }

    /// Every value it leads to.
    pub fn find(&self, doc: &Doc) -> Vec<Doc> {
        let mut found = vec![doc.clone()];
        for step in &self.0 {
            found = found.iter().flat_map(|doc| step.follow(doc)).collect();
        }
        found
    }
}

impl Step {
    fn follow(&self, doc: &Doc) -> Vec<Doc> {
        match self {
            Step::Key(key) => doc
                .as_map()
                .filter(|map| map.contains(key))
                .map(|map| map.get(key).clone())
                .into_iter()
                .collect(),
            Step::Index(index) => {
                let items = doc.items();
                let at = if *index < 0 { index + items.len() as i64 } else { *index };
                usize::try_from(at).ok().and_then(|at| items.get(at)).cloned().into_iter().collect()
            }
            Step::All => match doc {
                Doc::Map(map) => map.entries().iter().map(|(_, value)| value.clone()).collect(),
                list => list.items().to_vec(),
            },
            Step::Where(keys, wanted) => {
                let fits =
                    |item: &&Doc| print(keys.iter().fold(*item, |doc, key| doc.get(key))) == wanted.as_str();
                doc.items().iter().filter(fits).cloned().collect()
            }
        }
    }
}

/// How kubectl prints a value it found: text bare, everything else as JSON.
pub fn print(value: &Doc) -> String {
    match value {
        Doc::Null => String::new(),
        Doc::Str(text) => text.to_string(),
        Doc::Time(time) => time.rfc3339(),
        Doc::MicroTime(time) => time.rfc3339_micros(),
        other => other.to_json(),
    }
}

/// After a dot: a key, in which a backslash keeps the next character, or `*`.
fn dotted(text: &str) -> (Option<Step>, &str) {
    let mut key = String::new();
    let mut characters = text.char_indices();
    let mut end = text.len();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => key.extend(characters.next().map(|(_, escaped)| escaped)),
            '.' | '[' => {
                end = at;
                break;
            }
            _ => key.push(character),
        }
    }
    let step = match key.as_str() {
        "" => None,
        "*" => Some(Step::All),
        _ => Some(Step::Key(key.into())),
    };
    (step, &text[end..])
}

fn bracket(text: &str) -> Option<(Option<Step>, &str)> {
    if let Some(filter) = text.strip_prefix("?(@") {
        let (keys, rest) = filter.split_once("==")?;
        let (wanted, after) = quoted(rest.trim_start())?;
        let after = after.trim_start().strip_prefix(")]")?;
        let keys = keys.trim().split('.').filter(|key| !key.is_empty()).map(Str::from).collect();
        return Some((Some(Step::Where(keys, wanted.into())), after));
    }
    if let Some((key, after)) = quoted(text) {
        return Some((Some(Step::Key(key.into())), after.strip_prefix(']')?));
    }
    let (index, after) = text.split_once(']')?;
    let step = if index == "*" { Step::All } else { Step::Index(index.parse().ok()?) };
    Some((Some(step), after))
}

fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    text[1..].split_once(quote)
}

#[cfg(test)]
mod tests {
    use super::{JsonPath, print};
    use crate::doc;

    #[test]
    fn finds_what_kubectl_finds() {
        let doc = doc!({
            "metadata": { "labels": { "app.kubernetes.io/name": "web" } },
            "status": { "replicas": 3i64, "conditions": [{ "type": "A", "status": "False" }, { "type": "Ready", "status": "True" }] }
        });
        let cases = [
            ("{.status.replicas}", "3"),
            (".status.replicas", "3"),
            ("{$.status.conditions[0].type}", "A"),
            ("{.status.conditions[-1].type}", "Ready"),
            ("{.status.conditions[*].type}", "A Ready"),
            ("{.status.conditions[?(@.type==\"Ready\")].status}", "True"),
            ("{.metadata.labels['app.kubernetes.io/name']}", "web"),
            ("{.metadata.labels.app\\.kubernetes\\.io/name}", "web"),
            ("{.status.conditions[7].type}", ""),
            ("{.nothing.here}", ""),
        ];
        for (path, expected) in cases {
            let found = JsonPath::parse(path).unwrap().find(&doc);
            assert_eq!(found.iter().map(print).collect::<Vec<_>>().join(" "), expected, "{path}");
        }
        for path in ["{.a", "a.b", "{.a[x]}", "{.a['b}", "{.a[0]b}"] {
            assert!(JsonPath::parse(path).is_err(), "{path}");
        }
    }
}

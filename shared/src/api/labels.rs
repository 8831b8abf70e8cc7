//! Label and field selectors.

use crate::codec::Codec;
use crate::doc::{Doc, Str};

/// What labels must be like; an empty selector matches everything.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct LabelSelector(pub Vec<Requirement>);

/// One condition on labels.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Requirement {
    /// The label is one of these values.
    In(Str, Vec<Str>),
    /// The label is missing or none of these values.
    NotIn(Str, Vec<Str>),
    /// The label is there.
    Exists(Str),
    /// The label is missing.
    DoesNotExist(Str),
}

impl LabelSelector {
    /// Reads a `metav1.LabelSelector` (`matchLabels`, `matchExpressions`).
    pub fn from_doc(doc: &Doc) -> LabelSelector {
        let mut requirements = LabelSelector::from_map(&doc["matchLabels"]).0;
        for expression in doc["matchExpressions"].items() {
            let key = expression["key"].str();
            let values = || expression["values"].items().iter().map(Doc::str).collect();
            requirements.push(match expression["operator"].as_str() {
                Some("NotIn") => Requirement::NotIn(key, values()),
                Some("Exists") => Requirement::Exists(key),
                Some("DoesNotExist") => Requirement::DoesNotExist(key),
                _ => Requirement::In(key, values()),
            });
        }
        LabelSelector(requirements)
    }

    /// Reads a plain map of labels, as a Service's `spec.selector`.
    pub fn from_map(doc: &Doc) -> LabelSelector {
        LabelSelector(
            doc.entries()
                .iter()
                .map(|(key, value)| Requirement::In(key.clone(), vec![value.str()]))
                .collect(),
        )
    }

    /// Reads the text form: `a=b,c!=d,e in (f,g),h,!i`.
    ///
    /// # Errors
    /// Which part is no condition.
    pub fn parse(text: &str) -> Result<LabelSelector, String> {
        let mut requirements = Vec::new();
        for part in split_outside_parentheses(text) {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            requirements
                .push(parse_requirement(part).ok_or_else(|| format!("unable to parse requirement: {part}"))?);
        }
        Ok(LabelSelector(requirements))
    }

    /// Whether `labels` (a map of text) satisfy every condition.
    pub fn matches(&self, labels: &Doc) -> bool {
        self.0.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => {
                labels[key.as_str()].as_str().is_some_and(|v| values.iter().any(|w| w == v))
            }
            Requirement::NotIn(key, values) => {
                labels[key.as_str()].as_str().is_none_or(|v| values.iter().all(|w| w != v))
            }
            Requirement::Exists(key) => !labels[key.as_str()].is_null(),
            Requirement::DoesNotExist(key) => labels[key.as_str()].is_null(),
        })
    }

    /// Whether there is no condition at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Display for LabelSelector {
    /// The text form; round-trips through [`LabelSelector::parse`].
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, requirement) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            match requirement {
                Requirement::In(key, values) if values.len() == 1 => write!(f, "{key}={}", values[0])?,
                Requirement::NotIn(key, values) if values.len() == 1 => write!(f, "{key}!={}", values[0])?,
                Requirement::In(key, values) => write!(f, "{key} in ({})", values.join(","))?,
                Requirement::NotIn(key, values) => write!(f, "{key} notin ({})", values.join(","))?,
                Requirement::Exists(key) => write!(f, "{key}")?,
                Requirement::DoesNotExist(key) => write!(f, "!{key}")?,
            }
        }
        Ok(())
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn parse_requirement(part: &str) -> Option<Requirement> {
    let is_key = |key: &str| {
        !key.is_empty()
            && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'))
    };
    let set = |rest: &str| -> Option<Vec<Str>> {
        let inner = rest.trim().strip_prefix('(')?.strip_suffix(')')?;
        Some(inner.split(',').map(|value| value.trim().into()).collect())
    };
    if let Some(key) = part.strip_prefix('!') {
        return is_key(key.trim()).then(|| Requirement::DoesNotExist(key.trim().into()));
    }
    for (operator, negative) in [("!=", true), ("==", false), ("=", false)] {
        if let Some((key, value)) = part.split_once(operator) {
            let (key, value) = (key.trim(), vec![value.trim().into()]);
            let requirement = if negative {
                Requirement::NotIn(key.into(), value)
            } else {
                Requirement::In(key.into(), value)
            };
            return is_key(key).then_some(requirement);
        }
    }
    if let Some((key, rest)) = part.split_once(" notin ") {
        return Some(Requirement::NotIn(key.trim().into(), set(rest)?)).filter(|_| is_key(key.trim()));
    }
    if let Some((key, rest)) = part.split_once(" in ") {
        return Some(Requirement::In(key.trim().into(), set(rest)?)).filter(|_| is_key(key.trim()));
    }
    is_key(part).then(|| Requirement::Exists(part.into()))
}

/// Conditions on fields, joined by AND: path, value, and whether it must be equal.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct FieldSelector(pub Vec<(Str, Str, bool)>);

impl FieldSelector {
    /// Reads `a=b,c==d,e!=f`.
    ///
    /// # Errors
    /// Which part is no condition.
    pub fn parse(text: &str) -> Result<FieldSelector, String> {
        let mut conditions = Vec::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (path, value, equal) = if let Some((path, value)) = part.split_once("!=") {
                (path, value, false)
            } else if let Some((path, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
                (path, value, true)
            } else {
                return Err(format!("invalid selector: '{part}'; can't understand '{part}'"));
            };
            conditions.push((path.trim().into(), value.trim().into(), equal));
        }
        Ok(FieldSelector(conditions))
    }

    /// Selects the one object called `name`.
    pub fn name(name: impl Into<Str>) -> FieldSelector {
        FieldSelector(vec![("metadata.name".into(), name.into(), true)])
    }

    /// Selects the pods bound to `node`.
    pub fn node(node: impl Into<Str>) -> FieldSelector {
        FieldSelector(vec![("spec.nodeName".into(), node.into(), true)])
    }

    /// The value that `path` must have, if the selector says so.
    pub fn required(&self, path: &str) -> Option<&Str> {
        self.0.iter().find(|(field, _, equal)| *equal && field == path).map(|(_, value, _)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::LabelSelector;
    use crate::doc;

    #[test]
    fn text_form() {
        let labels = doc!({ "app": "web", "tier": "front" });
        let cases = [
            ("", true),
            ("app=web", true),
            ("app==web,tier!=back", true),
            ("app in (api, web),!gone", true),
            ("tier notin (front)", false),
            ("app", true),
            ("gone", false),
            ("gone!=x", true),
        ];
        for (text, expected) in cases {
            assert_eq!(LabelSelector::parse(text).unwrap().matches(&labels), expected, "{text}");
        }
        for text in ["=a", "a in b", "a b c"] {
            assert!(LabelSelector::parse(text).is_err(), "{text}");
        }
    }
}

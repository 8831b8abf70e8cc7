//! Label and field selectors.

mod parse;

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
    /// The label is a whole number above this one.
    Above(Str, i64),
    /// The label is a whole number below this one.
    Below(Str, i64),
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
    /// What is wrong, in the API server's words.
    pub fn parse(text: &str) -> Result<LabelSelector, String> {
        parse::selector(text).map(LabelSelector)
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
            Requirement::Above(key, bound) => number(&labels[key.as_str()]).is_some_and(|n| n > *bound),
            Requirement::Below(key, bound) => number(&labels[key.as_str()]).is_some_and(|n| n < *bound),
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
                Requirement::Above(key, bound) => write!(f, "{key}>{bound}")?,
                Requirement::Below(key, bound) => write!(f, "{key}<{bound}")?,
            }
        }
        Ok(())
    }
}

fn number(label: &Doc) -> Option<i64> {
    label.as_str()?.parse().ok()
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
        let labels = doc!({ "app": "web", "tier": "front", "size": "10" });
        let cases = [
            ("", true),
            ("app=web", true),
            ("app==web,tier!=back", true),
            ("app in (api, web),!gone", true),
            ("tier notin (front)", false),
            ("app", true),
            ("gone", false),
            ("gone!=x", true),
            ("size>9,size<11", true),
            ("size>10", false),
            ("app<3", false),
            ("app in (,web)", true),
            ("app=", false),
        ];
        for (text, expected) in cases {
            assert_eq!(LabelSelector::parse(text).unwrap().matches(&labels), expected, "{text}");
        }
        const NAME: &str = "name part must consist of alphanumeric characters";
        for (text, why) in [
            ("=a", "found '=', expected: !, identifier, or 'end of string'"),
            ("a,", "found '', expected: identifier after ','"),
            ("!a=b", "found '=', expected: ',' or 'end of string'"),
            ("!!a", "unable to parse requirement: found '!', expected: identifier"),
            ("a in b", "unable to parse requirement: found 'b' expected: '('"),
            ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
            ("a b c", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
            ("a=(", "unable to parse requirement: found '(', expected: identifier"),
            (
                "a>b",
                "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value must be an integer",
            ),
            ("a=_", "unable to parse requirement: values[0][a]: Invalid value: \"_\": a valid label must be"),
            ("_=b", &format!("unable to parse requirement: <nil>: Invalid value: \"_\": {NAME}")),
        ] {
            let found = LabelSelector::parse(text).unwrap_err();
            assert!(found.starts_with(why), "{text}: {found}");
        }
    }
}

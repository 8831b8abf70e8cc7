//! Variables that a container takes from files of the pod's volumes (`fileKeyRef`).

use crate::api::Uid;
use crate::collections::{BTreeMap, sort};
use crate::doc::{Doc, Str};

/// What files have that are there, by volume and path.
pub(super) type Files = BTreeMap<(Str, Str), Str>;

/// Volume and path of a reference, as the volume itself calls it.
fn place(reference: &Doc) -> (Str, Str) {
    let path = reference["path"].str();
    let steps: Vec<&str> = path.split('/').filter(|step| !matches!(*step, "" | ".")).collect();
    (reference["volumeName"].str(), steps.join("/").into())
}

/// The files that a container's environment names.
pub(super) fn references(container: &Doc) -> Vec<(Str, Str)> {
    let all = container["env"].items().iter().map(|variable| &variable["valueFrom"]["fileKeyRef"]);
    let mut places: Vec<(Str, Str)> = all.filter(|reference| !reference.is_null()).map(place).collect();
    sort(&mut places);
    places.dedup();
    places
}

/// The value that a reference stands for; `None` where there need not be one.
pub(super) fn value(reference: &Doc, files: &Files, pod: Uid) -> Result<Option<Str>, Str> {
    let place = place(reference);
    let text = files.get(&place).and_then(|text| parse(text)).ok_or("couldn't parse env file")?;
    let key = reference["key"].str();
    let found = text.into_iter().find(|(name, _)| *name == key).map(|(_, value)| value);
    match found.filter(|value| !value.is_empty()) {
        Some(value) => Ok(Some(value.into())),
        None if reference["optional"].as_bool() == Some(true) => Ok(None),
        None => {
            let (volume, path) = place;
            Err(format!(
                "environment variable key {key:?} not found in file \"/var/lib/kubelet/pods/{}/volumes/\
                 kubernetes.io~empty-dir/{volume}/{path}\"",
                pod.text()
            )
            .into())
        }
    }
}

/// The variables of such a file: `NAME='value'` each, over several lines if need be, among comments and empty lines.
/// `None` where anything else stands in it.
fn parse(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(comment) = rest.strip_prefix('#') {
            rest = comment.split_once('\n').map_or("", |(_, below)| below).trim_start();
            continue;
        }
        let (name, after) = rest.split_once("='")?;
        let (value, after) = after.split_once('\'')?;
        if name.is_empty() || name.contains(char::is_whitespace) {
            return None;
        }
        found.push((name, value));
        let (end, below) = after.split_once('\n').unwrap_or((after, ""));
        let beside = end.trim_start();
        if !(beside.is_empty() || beside.starts_with('#') && beside.len() < end.len()) {
            return None;
        }
        rest = below.trim_start();
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn values_stand_in_single_quotes() {
        let good: [(&str, &[(&str, &str)]); 3] = [
            ("", &[]),
            ("# a\n\n  A='1'\nB='' # none\n", &[("A", "1"), ("B", "")]),
            ("A='two\n# lines'\nB='x'", &[("A", "two\n# lines"), ("B", "x")]),
        ];
        for (text, variables) in good {
            assert_eq!(parse(text).as_deref(), Some(variables), "{text:?}");
        }
        for text in ["A=1", "A=\"1\"", "A = '1'", "A='1''2'", "A='1'#2", "A='1"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}

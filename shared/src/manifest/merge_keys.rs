//! Entries of a mapping while it is read: duplicate keys and the merge key `<<`.

use std::sync::Arc;

use crate::collections::{sort_by, sort_by_key};
use crate::doc::{Doc, Map, Str};

use super::Diagnostic;
use super::spans::{Below, Place, Span};

/// One entry, in the order of the text.
pub(super) struct Entry {
    pub key: Str,
    pub doc: Doc,
    pub place: Place,
    /// Came in through `<<`, so it may be there twice.
    pub merged: bool,
}

/// The entries that `<<: value` brings in, weakest first.
///
/// # Errors
/// The value is neither a mapping nor a list of mappings.
pub(super) fn entries_of(value: &Doc, place: &Place) -> Result<Vec<Entry>, Diagnostic> {
    let wrong = |span: Span| {
        Diagnostic::new(span.start, "expected a mapping, or a list of mappings, to merge after '<<:'")
    };
    match (value, &place.below) {
        (Doc::Map(map), Below::Fields(places)) => Ok(map
            .entries()
            .iter()
            .zip(places.iter())
            .map(|((key, doc), (_, place))| Entry {
                key: key.clone(),
                doc: doc.clone(),
                place: place.clone(),
                merged: true,
            })
            .collect()),
        (Doc::List(items), Below::Items(places)) => {
            let mut all = Vec::new();
            // The first mapping of the list wins.
            for (item, place) in items.iter().zip(places.iter()).rev() {
                if !matches!(item, Doc::Map(_)) {
                    return Err(wrong(place.value));
                }
                all.extend(entries_of(item, place)?);
            }
            Ok(all)
        }
        _ => Err(wrong(place.value)),
    }
}

/// The finished mapping, and the keys that were written again. A later entry wins over an earlier one, merged or not, as
/// in the YAML library of kubectl.
pub(super) fn finish(mut entries: Vec<Entry>) -> (Doc, Below, Vec<Diagnostic>) {
    // Stable, so that equal keys keep the order of the text.
    sort_by(&mut entries, |a, b| a.key.cmp(&b.key));
    let mut written: Option<&Entry> = None;
    let mut again = Vec::new();
    for entry in entries.iter().filter(|entry| !entry.merged) {
        if let Some(first) = written.filter(|first| first.key == entry.key) {
            again.push(repeated(entry, first.place.key.start.line));
        }
        written = Some(entry);
    }
    sort_by_key(&mut again, |fault: &Diagnostic| (fault.line, fault.column));
    let mut fields: Vec<(Str, Place)> = Vec::with_capacity(entries.len());
    let mut values: Vec<(Str, Doc)> = Vec::with_capacity(entries.len());
    for entry in entries {
        if values.last().is_some_and(|(key, _)| *key == entry.key) {
            values.pop();
            fields.pop();
        }
        values.push((entry.key.clone(), entry.doc));
        fields.push((entry.key, entry.place));
    }
    (Doc::Map(values.into_iter().collect::<Map>()), Below::Fields(Arc::from(fields)), again)
}

fn repeated(entry: &Entry, first: u32) -> Diagnostic {
    let (at, key) = (entry.place.key.start, &entry.key);
    let message = format!("the key \"{key}\" is already set on line {first}: expected each key once");
    let kubectl = format!("line {}: key {:?} already set in map", at.line, key.as_str());
    Diagnostic { kubectl, ..Diagnostic::new(at, message) }
}

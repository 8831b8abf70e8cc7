//! The manifests of the first screen, which were read when the engine was built: a page shows its cluster before it has
//! the reader, which comes with the engine's later part.

use crate::doc::{Doc, parse_json};

const TEXT: &str = include_str!(concat!(env!("OUT_DIR"), "/opening-manifests.yaml"));
const DOCUMENTS: &str = include_str!(concat!(env!("OUT_DIR"), "/opening-manifests.json"));

/// The documents of `text`, if it is that very text.
pub(super) fn documents(text: &str) -> Option<Vec<Doc>> {
    if text != TEXT {
        return None;
    }
    let list = parse_json(DOCUMENTS).expect("the build writes JSON");
    Some(list.items().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_at_build_time_is_what_the_reader_reads() {
        let known = documents(TEXT).expect("it is known");
        let read: Vec<Doc> =
            super::super::parse(TEXT).expect("it is YAML").into_iter().map(|document| document.doc).collect();
        assert_eq!(known, read);
        assert!(!known.is_empty() && documents("a: 1").is_none());
    }
}

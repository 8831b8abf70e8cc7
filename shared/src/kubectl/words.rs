//! What there is to type: verbs and their flags, for completion.

use super::VERBS;

/// Every verb with its flags, as they are typed; one that takes a value ends in `=`.
pub fn words() -> impl Iterator<Item = (&'static str, Vec<String>)> {
    VERBS.iter().map(|verb| (verb.name, super::args::typed(verb.flags)))
}

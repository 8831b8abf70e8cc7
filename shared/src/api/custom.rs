//! Kinds that people define. What never changes of one (group, plural, kind, scope) is what it is; its versions are
//! the same kind under another label, with names and parts of their own.
//!
//! A [`Kind`] is small, copied everywhere and hands out names that live for ever: those of custom kinds are kept in one
//! table for the whole program. Where in the table a kind stands says nothing: kinds are compared, ordered and hashed
//! by what they are, so that clusters in one program do not know of one another.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{PoisonError, RwLock};

use crate::codec::{Codec, Damaged, Decoder, Encoder};
use crate::doc::{Doc, Str};

use super::{Info, Kind, Object, Resource, Subresource};

/// A kind that somebody defined, in one of its versions.
#[derive(Clone, Copy)]
pub struct CustomKind(u32);

impl Codec for CustomKind {
    /// By its names: numbers are the process's own.
    fn encode(&self, encoder: &mut Encoder) {
        let Entry { info, fields, .. } = self.entry();
        (info.group, info.version, info.kind, info.plural).encode(encoder);
        (info.singular, info.namespaced).encode(encoder);
        (info.short_names.to_vec(), info.categories.to_vec()).encode(encoder);
        (info.subresources.to_vec(), fields[USUAL_FIELDS.len()..].to_vec()).encode(encoder);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<CustomKind, Damaged> {
        let (group, version, kind, plural): (String, String, String, String) = Codec::decode(decoder)?;
        let (singular, namespaced): (String, bool) = Codec::decode(decoder)?;
        let (short_names, categories): (Vec<String>, Vec<String>) = Codec::decode(decoder)?;
        let (subresources, fields): (Vec<Subresource>, Vec<String>) = Codec::decode(decoder)?;
        let names = Names {
            group: &group,
            version: &version,
            kind: &kind,
            plural: &plural,
            singular: &singular,
            short_names: texts(&short_names),
            categories: texts(&categories),
            namespaced,
            subresources,
            fields: texts(&fields),
        };
        match custom_kind(&names) {
            Kind::Custom(kind) => Ok(kind),
            _ => Err(decoder.damaged()),
        }
    }
}

/// One version of a defined kind.
#[derive(Debug)]
struct Entry {
    info: Info,
    api_version: &'static str,
    /// The paths that field selectors may name.
    fields: &'static [&'static str],
}

static ENTRIES: RwLock<Vec<&'static Entry>> = RwLock::new(Vec::new());

/// The names and parts of one version of a kind.
#[derive(Debug)]
pub struct Names<'a> {
    /// API group.
    pub group: &'a str,
    /// Version.
    pub version: &'a str,
    /// Kind.
    pub kind: &'a str,
    /// Plural, as in paths.
    pub plural: &'a str,
    /// Singular.
    pub singular: &'a str,
    /// Short names.
    pub short_names: Vec<&'a str>,
    /// Categories.
    pub categories: Vec<&'a str>,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Parts with paths of their own.
    pub subresources: Vec<Subresource>,
    /// The paths that field selectors may name, beside the usual ones.
    pub fields: Vec<&'a str>,
}

const USUAL_FIELDS: [&str; 2] = ["metadata.name", "metadata.namespace"];

impl Names<'_> {
    fn are_of(&self, entry: &Entry) -> bool {
        let info = &entry.info;
        info.group == self.group
            && info.version == self.version
            && info.kind == self.kind
            && info.plural == self.plural
            && info.singular == self.singular
            && info.namespaced == self.namespaced
            && info.short_names == self.short_names
            && info.categories == self.categories
            && info.subresources == self.subresources
            && entry.fields[USUAL_FIELDS.len()..] == self.fields
    }

    fn entry(&self) -> Entry {
        let all = |list: &[&str]| leak(list.iter().map(|one| text(one)).collect());
        let fields: Vec<&str> = USUAL_FIELDS.iter().chain(&self.fields).copied().collect();
        Entry {
            info: Info {
                group: text(self.group),
                version: text(self.version),
                kind: text(self.kind),
                plural: text(self.plural),
                singular: text(self.singular),
                short_names: all(&self.short_names),
                namespaced: self.namespaced,
                subresources: leak(self.subresources.clone()),
                categories: all(&self.categories),
                has_generation: true,
            },
            api_version: text(&format!("{}/{}", self.group, self.version)),
            fields: all(&fields),
        }
    }
}

fn texts(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}

fn text(text: &str) -> &'static str {
    Box::leak(text.into())
}

fn leak<T>(list: Vec<T>) -> &'static [T] {
    Vec::leak(list)
}

fn entries<T>(look: impl FnOnce(&[&'static Entry]) -> T) -> T {
    look(&ENTRIES.read().unwrap_or_else(PoisonError::into_inner))
}

/// The kind called so.
pub fn custom_kind(names: &Names<'_>) -> Kind {
    let find = |entries: &[&'static Entry]| entries.iter().position(|entry| names.are_of(entry));
    let at = entries(find).unwrap_or_else(|| {
        let mut entries = ENTRIES.write().unwrap_or_else(PoisonError::into_inner);
        find(&entries).unwrap_or_else(|| {
            entries.push(Box::leak(Box::new(names.entry())));
            entries.len() - 1
        })
    });
    Kind::Custom(CustomKind(u32::try_from(at).expect("each took a request")))
}

/// `stable.example.com/v1`
pub(super) fn api_version(of: &Info) -> &'static str {
    let same = |entry: &&&Entry| entry.info.group == of.group && entry.info.version == of.version;
    entries(|entries| entries.iter().find(same).map_or("", |entry| entry.api_version))
}

impl CustomKind {
    fn entry(self) -> &'static Entry {
        entries(|entries| entries[self.0 as usize])
    }

    /// What can be said without the definition itself.
    pub(super) fn resource(self) -> &'static dyn Resource {
        self.entry()
    }

    fn identity(self) -> (&'static str, &'static str, &'static str, bool) {
        let info = &self.entry().info;
        (info.group, info.plural, info.kind, info.namespaced)
    }
}

impl Resource for Entry {
    fn info(&self) -> &'static Info {
        entries(|entries| entries.iter().find(|entry| std::ptr::eq(self, **entry)).map(|entry| &entry.info))
            .expect("made by the table")
    }

    fn may_update_blindly(&self) -> bool {
        false
    }

    fn field(&self, object: &Object, path: &str) -> Option<Str> {
        match path {
            "metadata.name" => Some(object.key.name.clone()),
            "metadata.namespace" => Some(object.key.namespace.clone()),
            path => {
                let found = path.split('.').fold(&object.body, |doc, part| doc.get(part));
                Some(match found {
                    Doc::Null => Str::new(),
                    Doc::Str(text) => text.clone(),
                    other => other.to_json().into(),
                })
            }
        }
    }

    fn fields(&self) -> &'static [&'static str] {
        self.fields
    }
}

impl PartialEq for CustomKind {
    fn eq(&self, other: &CustomKind) -> bool {
        self.0 == other.0 || self.identity() == other.identity()
    }
}

impl Eq for CustomKind {}

impl Ord for CustomKind {
    fn cmp(&self, other: &CustomKind) -> Ordering {
        if self.0 == other.0 { Ordering::Equal } else { self.identity().cmp(&other.identity()) }
    }
}

impl PartialOrd for CustomKind {
    fn partial_cmp(&self, other: &CustomKind) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for CustomKind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl fmt::Debug for CustomKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = &self.entry().info;
        write!(f, "{}.{}", info.plural, info.group)
    }
}

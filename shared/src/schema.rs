//! The schema as data: which fields the API types have, checked and worded as the API server does it.
//!
//! `build.rs` writes the table; a type is read when first asked for. Merge keys and defaults are not in it; enumerations
//! are a table of their own.

mod check;
mod documentation;
mod normalise;
mod values;
mod wording;

use std::sync::{LazyLock, OnceLock};

pub use check::{Problem, What, check, check_custom, check_scale, is_quantity, metadata_refusal};
pub use documentation::{describe, describe_2, learn};
pub use normalise::{normalise, normalise_applied};
pub use values::{enumerated, values};
pub use wording::{
    decoding_refusal, go_kind, go_value, handled_as, patch_refusal, quoted, strict_message, strict_path,
    typed_fault, warnings,
};

use crate::api::Kind;
use crate::collections::sort_by_key;

/// One line a type and a field; the build script says how, and which types are here.
static SOON: &str = include_str!(concat!(env!("OUT_DIR"), "/schema.txt"));

/// The other types. The page does not begin with them.
#[inline(never)]
fn rest() -> &'static str {
    include_str!(concat!(env!("OUT_DIR"), "/schema-rest.txt"))
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::read);

/// The types of all kinds.
#[derive(Debug, Default)]
pub struct Schema {
    types: Vec<TypeEntry>,
    /// The types of kinds, in order of group and version and name: of those that are there soon, and of the rest.
    served: [Vec<Type>; 2],
}

#[derive(Debug)]
struct TypeEntry {
    /// Where it begins in [`SOON`], or, behind that, in the rest.
    at: u32,
    fields: OnceLock<Box<[Field]>>,
}

/// A type with fields: an object of the API or a part of one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Type(u32);

/// A field of a [`Type`].
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name in JSON.
    pub name: &'static str,
    /// Whether the API's own description calls it required.
    pub required: bool,
    /// Whether it is shown though it is zero.
    kept: bool,
    code: &'static str,
}

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldType {
    /// Text.
    String,
    /// A whole number of 32 bits.
    Int32,
    /// A whole number of 64 bits.
    Int64,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Bytes as base64 text.
    Bytes,
    /// An amount such as `500m` or `1Gi`, also written as a number.
    Quantity,
    /// A number or text: a port or its name, a count or a percentage.
    IntOrString,
    /// RFC 3339 with seconds.
    Time,
    /// RFC 3339 with microseconds.
    MicroTime,
    /// Anything.
    Any,
    /// A list.
    List(Element),
    /// A map from text.
    Map(Element),
    /// An object with fields of its own.
    Object(Type),
}

/// The type of what a list or map holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Element(&'static str);

impl Element {
    /// The type.
    pub fn get(self) -> FieldType {
        FieldType::of(self.0)
    }
}

impl FieldType {
    fn of(code: &'static str) -> FieldType {
        match code.as_bytes().first() {
            Some(b's') => FieldType::String,
            Some(b'i') => FieldType::Int32,
            Some(b'I') => FieldType::Int64,
            Some(b'n') => FieldType::Number,
            Some(b'b') => FieldType::Boolean,
            Some(b'B') => FieldType::Bytes,
            Some(b'q') => FieldType::Quantity,
            Some(b'o') => FieldType::IntOrString,
            Some(b't') => FieldType::Time,
            Some(b'T') => FieldType::MicroTime,
            Some(b'[') => FieldType::List(Element(&code[1..])),
            Some(b'{') => FieldType::Map(Element(&code[1..])),
            _ => code.parse().map_or(FieldType::Any, |number| FieldType::Object(Type(number))),
        }
    }

    /// The fields below: of the object, or of the objects in the list or map.
    pub fn object(self) -> Option<Type> {
        match self {
            FieldType::Object(below) => Some(below),
            FieldType::List(element) | FieldType::Map(element) => element.get().object(),
            _ => None,
        }
    }
}

impl Schema {
    fn read() -> Schema {
        let mut schema = Schema::default();
        for (part, table) in [SOON, rest()].into_iter().enumerate() {
            let mut at = part * SOON.len();
            for line in table.split_inclusive('\n') {
                if line.starts_with(':') {
                    if line.contains(' ') {
                        schema.served[part].push(Type(schema.types.len() as u32));
                    }
                    schema.types.push(TypeEntry { at: at as u32, fields: OnceLock::new() });
                }
                at += line.len();
            }
        }
        for types in &mut schema.served {
            sort_by_key(types, |of| schema.types[of.0 as usize].served());
        }
        schema
    }

    /// The type of a kind; `None` when the table lacks it.
    pub fn of(kind: Kind) -> Option<Type> {
        let info = kind.info();
        Schema::named(info.api_version(), info.kind)
    }

    /// The type of every object's `metadata`.
    pub fn of_metadata() -> Option<Type> {
        Schema::named("v1", "Namespace")?.field("metadata")?.field_type().object()
    }

    /// The type of a kind by group and version (`apps/v1`) and name.
    pub fn named(api_version: &str, kind: &str) -> Option<Type> {
        let find = |types: &Vec<Type>| {
            types
                .binary_search_by_key(&(api_version, kind), |of| of.entry().served())
                .ok()
                .map(|at| types[at])
        };
        SCHEMA.served.iter().find_map(find)
    }
}

impl TypeEntry {
    /// The table that it is in, and where it begins there.
    fn place(&self) -> (&'static str, usize) {
        let at = self.at as usize;
        if at < SOON.len() { (SOON, at) } else { (rest(), at - SOON.len()) }
    }

    /// Its lines: its own without the mark, and those of its fields.
    fn lines(&self) -> impl Iterator<Item = &'static str> {
        let (table, at) = self.place();
        let mut lines = table[at + 1..].lines();
        lines.next().into_iter().chain(lines.take_while(|line| !line.starts_with([':', '/'])))
    }

    /// Its name, and behind it that of the kind.
    fn names(&self) -> (&'static str, &'static str) {
        let line = self.lines().next().unwrap_or_default();
        line.split_once(' ').unwrap_or((line, ""))
    }

    /// The group and version and the name of the kind.
    fn served(&self) -> (&'static str, &'static str) {
        self.names().1.split_once(' ').unwrap_or_default()
    }

    fn fields(&self) -> Box<[Field]> {
        let field = |line: &'static str| {
            let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
            let code = rest.trim_end_matches(['!', '?']);
            Field { name, required: rest.ends_with('!'), kept: rest.ends_with('?'), code }
        };
        self.lines().skip(1).map(field).collect()
    }
}

impl Type {
    fn entry(self) -> &'static TypeEntry {
        &SCHEMA.types[self.0 as usize]
    }

    /// The name of the type as Go prints it: `v1.PodSpec`.
    pub fn go_name(self) -> &'static str {
        self.entry().names().0
    }

    /// The name of the type among all, as OpenAPI documents have it: `io.k8s.api.core.v1.PodSpec`.
    pub fn whole_name(self) -> String {
        let (table, at) = self.entry().place();
        let package = table[..at].lines().rev().find_map(|line| line.strip_prefix('/')).unwrap_or_default();
        format!("{package}.{}", self.go_name())
    }

    /// The name of the type: `PodSpec`.
    pub fn name(self) -> &'static str {
        self.go_name().rsplit('.').next().unwrap_or_default()
    }

    /// All fields in order of name.
    pub fn fields(self) -> &'static [Field] {
        let entry = self.entry();
        entry.fields.get_or_init(|| entry.fields())
    }

    /// The field called `name`.
    pub fn field(self, name: &str) -> Option<Field> {
        let fields = self.fields();
        fields.binary_search_by(|field| field.name.cmp(name)).ok().map(|at| fields[at])
    }
}

impl Field {
    /// What it holds.
    pub fn field_type(self) -> FieldType {
        FieldType::of(self.code)
    }
}

/// The field that someone who wrote `name` most likely meant; `None` when nothing is near.
pub fn nearest(of: Type, name: &str) -> Option<&'static str> {
    let written = name.to_lowercase();
    let (distance, nearest) = of
        .fields()
        .iter()
        .map(|field| (distance(&written, &field.name.to_lowercase()), field.name))
        .min_by_key(|(distance, _)| *distance)?;
    // A third of the letters may be wrong, at least one.
    (distance <= (written.chars().count() / 3).max(1)).then_some(nearest)
}

/// Letters to insert, drop, replace or swap with their neighbour to make one text of the other.
pub fn distance(a: &str, b: &str) -> usize {
    // Field names are short; longer text is near to none.
    let a: Vec<char> = a.chars().take(64).collect();
    let b: Vec<char> = b.chars().take(64).collect();
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_every_kind_and_its_fields() {
        for kind in Kind::ALL {
            let of = Schema::of(*kind).unwrap_or_else(|| panic!("no schema of {kind:?}"));
            assert_eq!(of.name(), kind.info().kind);
            assert!(
                of.field("metadata")
                    .is_some_and(|field| field.field_type().object().unwrap().name() == "ObjectMeta")
            );
        }
        let deployment = Schema::named("apps/v1", "Deployment").unwrap();
        let spec = deployment.field("spec").unwrap().field_type().object().unwrap();
        assert_eq!(spec.go_name(), "v1.DeploymentSpec");
        assert_eq!(spec.field("replicas").unwrap().field_type(), FieldType::Int32);
        assert!(spec.field("selector").unwrap().required && !spec.field("replicas").unwrap().required);
        let Some(FieldType::Object(template)) = spec.field("template").map(Field::field_type) else {
            panic!()
        };
        let pod = template.field("spec").unwrap().field_type().object().unwrap();
        let container = pod.field("containers").unwrap().field_type().object().unwrap();
        let FieldType::Object(resources) = container.field("resources").unwrap().field_type() else {
            panic!()
        };
        let FieldType::Map(amount) = resources.field("limits").unwrap().field_type() else { panic!() };
        assert_eq!(amount.get(), FieldType::Quantity);
        assert_eq!(Schema::named("apps/v9", "Deployment"), None);
        for number in 0..SCHEMA.types.len() as u32 {
            let fields = Type(number).fields();
            assert!(
                !fields.is_empty() && fields.is_sorted_by(|a, b| a.name < b.name),
                "{}",
                Type(number).go_name()
            );
        }
    }

    #[test]
    fn guesses_what_was_meant() {
        let spec = Schema::named("apps/v1", "Deployment")
            .unwrap()
            .field("spec")
            .unwrap()
            .field_type()
            .object()
            .unwrap();
        let container = Schema::named("v1", "Pod")
            .and_then(|pod| {
                pod.field("spec")?.field_type().object()?.field("containers")?.field_type().object()
            })
            .unwrap();
        let cases = [
            (spec, "replica", Some("replicas")),
            (spec, "Replicas", Some("replicas")),
            (spec, "templtae", Some("template")),
            (spec, "slector", Some("selector")),
            (spec, "bogus", None),
            (spec, "", None),
            (container, "imagepullpolicy", Some("imagePullPolicy")),
            (container, "port", Some("ports")),
            (container, "foo", None),
        ];
        for (of, written, meant) in cases {
            assert_eq!(nearest(of, written), meant, "{written}");
        }
    }
}

//! The schema as data: which fields the API types have, checked and worded as the API server does it.
//!
//! `build.rs` writes the table; it is read once, when first asked. Merge keys and defaults are not in it; enumerations
//! are a table of their own.

mod check;
mod documentation;
mod normalise;
mod values;
mod wording;

use std::sync::LazyLock;

pub use check::{Problem, What, check, check_custom, check_scale, is_quantity, metadata_refusal};
pub use documentation::{describe, describe_2, learn};
pub use normalise::{normalise, normalise_applied};
pub use values::{enumerated, values};
pub use wording::{
    decoding_refusal, go_kind, go_value, handled_as, patch_refusal, quoted, strict_message, strict_path,
    typed_fault, warnings,
};

use crate::api::Kind;
use crate::collections::BTreeMap;

/// One line a type and a field; the build script says how.
static TABLE: &str = include_str!(concat!(env!("OUT_DIR"), "/schema.txt"));

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::read(TABLE));

/// The types of all kinds.
#[derive(Debug)]
pub struct Schema {
    types: Vec<TypeEntry>,
    fields: Vec<Field>,
    /// `v1 Pod` → number of the type.
    served: BTreeMap<&'static str, u32>,
}

#[derive(Debug)]
struct TypeEntry {
    name: &'static str,
    /// Where its fields begin; they end where those of the next type begin.
    fields: u32,
    /// `io.k8s.api.core`
    package: &'static str,
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
    fn read(table: &'static str) -> Schema {
        let mut schema = Schema { types: Vec::new(), fields: Vec::new(), served: BTreeMap::new() };
        let mut package = "";
        for line in table.lines() {
            let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
            if let Some(name) = name.strip_prefix('/') {
                package = name;
            } else if let Some(name) = name.strip_prefix(':') {
                if !rest.is_empty() {
                    schema.served.insert(rest, schema.types.len() as u32);
                }
                let fields = schema.fields.len() as u32;
                schema.types.push(TypeEntry { name, fields, package });
            } else {
                let code = rest.trim_end_matches(['!', '?']);
                let (required, kept) = (rest.ends_with('!'), rest.ends_with('?'));
                schema.fields.push(Field { name, required, kept, code });
            }
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
        SCHEMA.served.get(format!("{api_version} {kind}").as_str()).map(|number| Type(*number))
    }
}

impl Type {
    /// The name of the type as Go prints it: `v1.PodSpec`.
    pub fn go_name(self) -> &'static str {
        SCHEMA.types[self.0 as usize].name
    }

    /// The name of the type among all, as OpenAPI documents have it: `io.k8s.api.core.v1.PodSpec`.
    pub fn whole_name(self) -> String {
        format!("{}.{}", SCHEMA.types[self.0 as usize].package, self.go_name())
    }

    /// The name of the type: `PodSpec`.
    pub fn name(self) -> &'static str {
        self.go_name().rsplit('.').next().unwrap_or_default()
    }

    /// All fields in order of name.
    pub fn fields(self) -> &'static [Field] {
        let schema = &*SCHEMA;
        let start = schema.types[self.0 as usize].fields as usize;
        let end =
            schema.types.get(self.0 as usize + 1).map_or(schema.fields.len(), |next| next.fields as usize);
        &schema.fields[start..end]
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

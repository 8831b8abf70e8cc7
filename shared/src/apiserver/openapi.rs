//! The schemas as OpenAPI: version 3 a group at a time, version 2 in one document. What can be done at which path, the
//! endpoint adds where real clients ask; pages have no use for it.

use std::sync::LazyLock;

use crate::api::apiextensions::customresource::CustomResources;
use crate::api::{Info, Kind};
use crate::collections::{BTreeMap, BTreeSet};
use crate::doc;
use crate::doc::{Doc, ListMerge, Str, list_merge, literal};
use crate::etcd::Store;
use crate::schema::{self, Field, FieldType, Schema, Type};
use crate::sim::hash_of;

use super::{definitions, discovery};

/// `{"paths": {"apis/apps/v1": {"serverRelativeURL": …}}}`
pub(super) fn index(groups: &[(&str, Vec<&str>)], store: &Store) -> Doc {
    let custom = definitions::served(store);
    let mut paths = Doc::map();
    let program = env!("ENGINE_VERSION").replace('+', "-");
    for path in ["api", "apis", "version"] {
        paths.set(path, doc!({ "serverRelativeURL": format!("/openapi/v3/{path}?hash={program}") }));
    }
    for (group, versions) in groups {
        if !group.is_empty() {
            let url = format!("/openapi/v3/apis/{group}?hash={program}");
            paths.set(format!("apis/{group}"), doc!({ "serverRelativeURL": url }));
        }
        for version in versions {
            let path =
                if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") };
            // The schemas change with the program only, but for those that people define.
            let of = |one: &'_ CustomResources| (one.schema().clone(), one.kind.info().subresources);
            let defined: Vec<_> = of_group(&custom, group, version).map(of).collect();
            let mut hash = program.clone();
            if !defined.is_empty() {
                hash = format!("{:032X}", hash_of(&defined));
            }
            let url = format!("/openapi/v3/{path}?hash={hash}");
            paths.set(path, doc!({ "serverRelativeURL": url }));
        }
    }
    doc!({ "paths": paths })
}

/// All that a group and version serves.
pub(super) fn version_3(group: &str, version: &str, store: &Store) -> Doc {
    let infos: Vec<&Info> = discovery::kinds(group, version).into_values().collect();
    let prefix = "#/components/schemas/";
    let mut schemas = schemas(&infos, Some((group, version)), prefix);
    let custom = definitions::served(store);
    for resources in of_group(&custom, group, version) {
        add_custom(&mut schemas, resources, resources.schema().clone(), prefix);
    }
    add_metadata(&mut schemas, prefix);
    version_3_of(schemas)
}

/// A document for what has no schemas: where discovery begins, and what a group has.
pub(super) fn version_3_of(schemas: Doc) -> Doc {
    doc!({
        "openapi": "3.0.0", "info": { "title": "Kubernetes", "version": "v1.36.2" }, "paths": {},
        "components": { "schemas": schemas }
    })
}

/// All types but those that people defined; the same for everybody, and made when somebody first asks.
static VERSION_2: LazyLock<Doc> = LazyLock::new(|| {
    let infos: Vec<&Info> = Kind::ALL.iter().map(|kind| kind.info()).collect();
    let mut definitions = schemas(&infos, None, DEFINITIONS);
    for (kind, group, version) in discovery::ALSO {
        for (name, schema) in schemas(&[kind.info()], Some((group, version)), DEFINITIONS).entries() {
            if definitions[&**name].is_null() {
                definitions.set(name.clone(), schema.clone());
            }
        }
    }
    // This version has no word for "one or the other".
    let text = |format: &str| doc!({ "type": "string", "format": format });
    definitions.set(QUANTITY, doc!({ "type": "string" }));
    definitions.set(INT_OR_STRING, text("int-or-string"));
    definitions
});

const DEFINITIONS: &str = "#/definitions/";

/// The document of old: everything in one.
pub(super) fn version_2(store: &Store) -> Doc {
    let mut definitions = VERSION_2.clone();
    for resources in &definitions::served(store) {
        let info = resources.kind.info();
        let mut schema = resources.schema().clone();
        for_version_2(&mut schema);
        add_custom(&mut definitions, resources, schema, DEFINITIONS);
        if preserves(resources.schema()) {
            // Clients of old take what is not named for forbidden: then nothing is named.
            let known = definitions.at_mut(&[&custom_name(info)]);
            let of = known[GROUP_VERSION_KIND].clone();
            *known = doc!({ "type": "object" });
            known.set(GROUP_VERSION_KIND, of);
        }
    }
    doc!({
        "swagger": "2.0", "info": { "title": "Kubernetes", "version": "v1.36.2" }, "paths": {},
        "definitions": definitions
    })
}

fn of_group<'a>(
    all: &'a [CustomResources],
    group: &'a str,
    version: &'a str,
) -> impl Iterator<Item = &'a CustomResources> {
    all.iter().filter(move |one| {
        let info = one.kind.info();
        info.group == group && info.version == version
    })
}

/// Adds the type of resources that people defined: their own schema, with what every resource has.
fn add_custom(schemas: &mut Doc, resources: &CustomResources, mut schema: Doc, prefix: &str) {
    let info = resources.kind.info();
    let meta = add_metadata(schemas, prefix);
    for (field, of) in [("apiVersion", API_VERSION), ("kind", KIND)] {
        schema.set_at(&["properties", field], doc!({ "type": "string", "description": of }));
    }
    let described = "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";
    let target = format!("{prefix}{meta}");
    let reference = match prefix {
        DEFINITIONS => doc!({ "$ref": target, "description": described }),
        _ => doc!({ "allOf": [{ "$ref": target }], "description": described }),
    };
    schema.set_at(&["properties", "metadata"], reference);
    let of = (info.group, info.version);
    schema.set(GROUP_VERSION_KIND, vec![kind_of(of, info)]);
    schemas.set(custom_name(info), schema);
}

/// The name of the type of what every resource has, which is added where no kind has brought it.
fn add_metadata(schemas: &mut Doc, prefix: &str) -> Str {
    const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    let meta = Schema::of_metadata().map_or(Str::from(META), name);
    if schemas[meta.as_str()].is_null() {
        // It comes with any kind.
        let any = Kind::Namespace.info();
        for (name, schema) in self::schemas(&[any], None, prefix).entries() {
            if schema[GROUP_VERSION_KIND].is_null() && schemas[name.as_str()].is_null() {
                schemas.set(name.clone(), schema);
            }
        }
    }
    meta
}

/// `com.example.v1.Widget`
fn custom_name(info: &Info) -> String {
    let group: Vec<&str> = info.group.rsplit('.').collect();
    format!("{}.{}.{}", group.join("."), info.version, info.kind)
}

const GROUP_VERSION_KIND: &str = "x-kubernetes-group-version-kind";

fn preserves(schema: &Doc) -> bool {
    schema["x-kubernetes-preserve-unknown-fields"].as_bool() == Some(true)
}

/// What the second version of OpenAPI has no words for, or clients of old misread, is left out.
fn for_version_2(schema: &mut Doc) {
    for list in ["allOf", "anyOf", "oneOf", "not"] {
        schema.remove(list);
    }
    if schema["nullable"].as_bool() == Some(true) {
        for field in ["type", "nullable", "items", "properties"] {
            schema.remove(field);
        }
    }
    if preserves(schema) {
        for field in ["items", "properties"] {
            schema.remove(field);
        }
    }
    let nullable = |field: &Doc| schema["properties"][&*field.str()]["nullable"].as_bool() == Some(true);
    let required: Vec<Doc> =
        schema["required"].items().iter().filter(|field| !nullable(field)).cloned().collect();
    if required.len() < schema["required"].items().len() {
        schema.set("required", required);
    }
    for below in ["items", "additionalProperties"] {
        if matches!(schema[below], Doc::Map(_)) {
            for_version_2(schema.at_mut(&[below]));
        }
    }
    let names: Vec<Str> = schema["properties"].entries().iter().map(|(name, _)| name.clone()).collect();
    for name in names {
        for_version_2(schema.at_mut(&["properties", &name]));
    }
}

const API_VERSION: &str = "APIVersion defines the versioned schema of this representation of an object. Servers should \
    convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: \
    https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources";
const KIND: &str = "Kind is a string value representing the REST resource this object represents. Servers may infer this \
    from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: \
    https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds";

fn kind_of((group, version): (&str, &str), info: &Info) -> Doc {
    doc!({ "group": group, "version": version, "kind": info.kind })
}

/// The types of these kinds (as served in a group and version of their own, or in `at`) and of all that is in them, by
/// name.
fn schemas(infos: &[&Info], at: Option<(&str, &str)>, prefix: &str) -> Doc {
    let mut wanted: Vec<Type> = Vec::new();
    let mut kinds: BTreeMap<Type, &Info> = BTreeMap::new();
    for info in infos {
        let (group, version) = at.unwrap_or((info.group, info.version));
        if let Some(of) = Schema::named(&discovery::group_version(group, version), info.kind) {
            kinds.insert(of, info);
            wanted.push(of);
        }
    }
    let mut seen: BTreeSet<Type> = wanted.iter().copied().collect();
    let mut all: Vec<(Str, Doc)> = Vec::new();
    while let Some(of) = wanted.pop() {
        let mut properties: Vec<(Str, Doc)> = Vec::new();
        for field in of.fields() {
            let holds = field.field_type();
            let mut schema = field_schema(holds, prefix);
            let values = schema::values(of, field.name);
            if !values.is_empty() {
                let at: &[&str] = if matches!(holds, FieldType::List(_)) { &["items"] } else { &[] };
                schema.at_mut(at).set("enum", values.to_vec());
            }
            tell_merging(of, field, &mut schema);
            properties.push((field.name.into(), schema));
            if let Some(below) = holds.object().filter(|below| seen.insert(*below)) {
                wanted.push(below);
            }
        }
        let mut schema = doc!({ "type": "object", "properties": Doc::Map(properties.into_iter().collect()) });
        let required: Vec<&str> =
            of.fields().iter().filter(|field| field.required).map(|field| field.name).collect();
        if !required.is_empty() {
            schema.set("required", required);
        }
        if let Some(info) = kinds.get(&of) {
            let of = at.unwrap_or((info.group, info.version));
            schema.set(GROUP_VERSION_KIND, vec![kind_of(of, info)]);
        }
        all.push((name(of), schema));
    }
    let time = doc!({ "type": "string", "format": "date-time" });
    all.extend([
        (literal!(QUANTITY), doc!({ "oneOf": [{ "type": "string" }, { "type": "number" }] })),
        (
            literal!(INT_OR_STRING),
            doc!({ "oneOf": [{ "type": "integer" }, { "type": "string" }], "format": "int-or-string" }),
        ),
        (literal!(TIME), time.clone()),
        (literal!(MICRO_TIME), time),
    ]);
    Doc::Map(all.into_iter().collect())
}

/// Says how clients that compute strategic merge patches are to merge a field.
fn tell_merging(of: Type, field: &Field, schema: &mut Doc) {
    const KEY: &str = "x-kubernetes-patch-merge-key";
    const STRATEGY: &str = "x-kubernetes-patch-strategy";
    let retains = matches!(
        (of.name(), field.name),
        ("DeploymentSpec", "strategy") | ("PodSpec", "volumes" | "resourceClaims")
    );
    let parent = match of.name() {
        "ServiceSpec" => "spec",
        // What has a kind is in no field of anything.
        _ if of.field("kind").is_some() => "",
        name => name,
    };
    let merges = match list_merge(parent, field.name) {
        _ if !matches!(field.field_type(), FieldType::List(_)) => false,
        ListMerge::Atomic => false,
        ListMerge::Set => true,
        // Many kinds have ports: only those of containers and Services are told apart.
        ListMerge::ByKey(key) => {
            let below = field.field_type().object();
            let known = below.is_some_and(|below| below.field(key).is_some());
            if known {
                schema.set(KEY, key);
            }
            known
        }
    };
    match (merges, retains) {
        (true, true) => schema.set(STRATEGY, "merge,retainKeys"),
        (true, false) => schema.set(STRATEGY, "merge"),
        (false, true) => schema.set(STRATEGY, "retainKeys"),
        (false, false) => {}
    }
}

/// Types that are no objects, and have a name all the same.
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const INT_OR_STRING: &str = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
const TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Time";
const MICRO_TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime";

fn name(of: Type) -> Str {
    of.whole_name().into()
}

fn field_schema(holds: FieldType, prefix: &str) -> Doc {
    match holds {
        FieldType::String => doc!({ "type": "string" }),
        FieldType::Int32 => doc!({ "type": "integer", "format": "int32" }),
        FieldType::Int64 => doc!({ "type": "integer", "format": "int64" }),
        FieldType::Number => doc!({ "type": "number", "format": "double" }),
        FieldType::Boolean => doc!({ "type": "boolean" }),
        FieldType::Bytes => doc!({ "type": "string", "format": "byte" }),
        FieldType::Quantity => doc!({ "$ref": format!("{prefix}{QUANTITY}") }),
        FieldType::IntOrString => doc!({ "$ref": format!("{prefix}{INT_OR_STRING}") }),
        FieldType::Time => doc!({ "$ref": format!("{prefix}{TIME}") }),
        FieldType::MicroTime => doc!({ "$ref": format!("{prefix}{MICRO_TIME}") }),
        FieldType::Any => doc!({ "type": "object" }),
        FieldType::List(element) => {
            doc!({ "type": "array", "items": field_schema(element.get(), prefix) })
        }
        FieldType::Map(element) => {
            doc!({ "type": "object", "additionalProperties": field_schema(element.get(), prefix) })
        }
        FieldType::Object(of) => doc!({ "$ref": format!("{prefix}{}", name(of)) }),
    }
}

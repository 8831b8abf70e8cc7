//! The schemas as OpenAPI: version 3 a group at a time, version 2 in one document.

use crate::api::{Info, Kind};
use crate::collections::{BTreeMap, BTreeSet};
use crate::doc;
use crate::doc::{Doc, Str, literal};
use crate::schema::{FieldType, Schema, Type};

use super::discovery;

/// `{"paths": {"apis/apps/v1": {"serverRelativeURL": …}}}`
pub(super) fn index(groups: &[(&str, Vec<&str>)]) -> Doc {
    let mut paths = Doc::map();
    for (group, versions) in groups {
        for version in versions {
            let path =
                if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") };
            // The schemas change with the program only.
            let hash = env!("ENGINE_VERSION").replace('+', "-");
            let url = format!("/openapi/v3/{path}?hash={hash}");
            paths.set(path, doc!({ "serverRelativeURL": url }));
        }
    }
    doc!({ "paths": paths })
}

/// All that a group and version serves.
pub(super) fn version_3(group: &str, version: &str) -> Doc {
    let infos: Vec<&Info> = discovery::kinds(group, version).into_values().collect();
    let schemas = schemas(&infos, "#/components/schemas/");
    let mut paths = Doc::map();
    for info in &infos {
        let base =
            if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        let middle = if info.namespaced { "/namespaces/{namespace}" } else { "" };
        let path = format!("{base}{middle}/{}", info.plural);
        let one = |action: &str, more: &[&str]| operation(info, action, more);
        let writes = ["dryRun", "fieldManager", "fieldValidation"];
        paths.set(
            path.clone(),
            doc!({ "get": one("list", &["labelSelector", "fieldSelector", "limit"]), "post": one("post", &writes) }),
        );
        paths.set(
            format!("{path}/{{name}}"),
            doc!({
                "get": one("get", &[]), "put": one("put", &writes), "delete": one("delete", &["dryRun"]),
                "patch": one("patch", &["dryRun", "fieldManager", "fieldValidation", "force"])
            }),
        );
    }
    doc!({
        "openapi": "3.0.0", "info": { "title": "Kubernetes", "version": "v1.36.2" }, "paths": paths,
        "components": { "schemas": schemas }
    })
}

/// The document of old, without paths.
pub(super) fn version_2() -> Doc {
    let infos: Vec<&Info> = Kind::ALL.iter().map(|kind| kind.info()).collect();
    doc!({
        "swagger": "2.0", "info": { "title": "Kubernetes", "version": "v1.36.2" }, "paths": {},
        "definitions": schemas(&infos, "#/definitions/")
    })
}

fn operation(info: &Info, action: &str, parameters: &[&str]) -> Doc {
    let parameters = parameters.iter().map(
        |name| doc!({ "name": *name, "in": "query", "schema": { "type": "string", "uniqueItems": true } }),
    );
    doc!({
        "parameters": Doc::list(parameters), "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": kind_of(info)
    })
}

fn kind_of(info: &Info) -> Doc {
    doc!({ "group": info.group, "version": info.version, "kind": info.kind })
}

/// The types of these kinds and of all that is in them, by name.
fn schemas(infos: &[&Info], prefix: &str) -> Doc {
    let mut wanted: Vec<Type> = Vec::new();
    let mut kinds: BTreeMap<Type, &Info> = BTreeMap::new();
    for info in infos {
        if let Some(of) = Schema::named(info.api_version(), info.kind) {
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
            properties.push((field.name.into(), field_schema(holds, prefix)));
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
            schema.set("x-kubernetes-group-version-kind", vec![kind_of(info)]);
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

/// Types that are no objects, and have a name all the same.
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const INT_OR_STRING: &str = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
const TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Time";
const MICRO_TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime";

fn name(of: Type) -> Str {
    format!("io.k8s.{}", of.go_name()).into()
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

//! Which expressions of a policy do not fit the objects that it is for (`status.typeChecking`). They are in force all the
//! same.

use std::rc::Rc;

use crate::api::Kind;
use crate::api::apiextensions::structural;
use crate::api::cel::{AUTHORIZER, Fields, Program, Record, Type};
use crate::api::plain::{POLICY_NAMES, request_type};
use crate::collections::{BTreeMap, sort};
use crate::doc;
use crate::doc::{Doc, Str};
use crate::etcd::Store;
use crate::schema::{self, FieldType, Schema};

use super::super::definitions;

/// For so many kinds a policy is looked at.
const MOST_KINDS: usize = 10;

/// The types of the names that may stand in an expression.
type Names = BTreeMap<&'static str, Type>;

/// `status.typeChecking.expressionWarnings`
pub(in crate::apiserver) fn warnings(policy: &Doc, store: &Store) -> Vec<Doc> {
    let spec = &policy["spec"];
    let all: Vec<(String, Names)> = kinds(spec, store)
        .into_iter()
        .filter_map(|kind| {
            let info = kind.info();
            let group_version = format!("{}/{}", info.group, info.version);
            Some((format!("{group_version}, Kind={}", info.kind), names(spec, type_of(kind, store)?, store)))
        })
        .collect();
    let mut warnings = Vec::new();
    for (at, validation) in spec["validations"].items().iter().enumerate() {
        for field in ["expression", "messageExpression"] {
            let text = validation[field].str();
            let Ok(program) = Program::read(&text, &POLICY_NAMES) else { continue };
            let said: Vec<String> = all
                .iter()
                .filter_map(|(kind, names)| {
                    let found = program.check(&text, names, &|_| None).faults;
                    (!found.is_empty()).then(|| format!("{kind}: {}\n", found.join("\n")))
                })
                .collect();
            if !said.is_empty() {
                let place = format!("spec.validations[{at}].{field}");
                warnings.push(doc!({ "fieldRef": place, "warning": said.join("\n") }));
            }
        }
    }
    warnings
}

/// The kinds that a policy is for, as far as it names them.
fn kinds(spec: &Doc, store: &Store) -> Vec<Kind> {
    let mut found: Vec<(&'static str, &'static str, &'static str, Kind)> = Vec::new();
    for rule in spec["matchConstraints"]["resourceRules"].items() {
        let words = |field: &str| {
            let mut words: Vec<Str> = rule[field].items().iter().map(Doc::str).collect();
            sort(&mut words);
            words
        };
        let (groups, versions) = (words("apiGroups"), words("apiVersions"));
        if groups.iter().chain(&versions).any(|word| word.contains('*')) {
            continue;
        }
        for (group, version) in groups.iter().flat_map(|group| versions.iter().map(move |it| (group, it))) {
            for resource in words("resources").iter().filter(|name| !name.contains(['*', '/'])) {
                let custom = || definitions::at_path(store, group, version, resource).map(|it| it.kind);
                let Some(kind) = Kind::of_path(group, version, resource).or_else(custom) else { continue };
                let info = kind.info();
                if !found.iter().any(|(.., known)| *known == kind) && found.len() < MOST_KINDS {
                    found.push((info.group, info.version, info.kind, kind));
                }
            }
        }
    }
    sort(&mut found);
    found.into_iter().map(|(.., kind)| kind).collect()
}

fn names(spec: &Doc, object: Type, store: &Store) -> Names {
    let param = &spec["paramKind"];
    let params = Kind::of(&param["apiVersion"].str(), &param["kind"].str());
    let mut names: Names = Names::new();
    names.insert("oldObject", object.clone());
    names.insert("object", object);
    names.insert("request", request_type());
    names.insert("authorizer", AUTHORIZER);
    names.insert("params", params.and_then(|kind| type_of(kind, store)).unwrap_or(Type::Dyn));
    // Each variable may speak of those before it.
    let mut variables: Vec<(Str, Type)> = Vec::new();
    for variable in spec["variables"].items() {
        let text = variable["expression"].str();
        let of = match Program::read(&text, &POLICY_NAMES) {
            Ok(program) => program.check(&text, &names, &|_| None).of,
            Err(_) => Type::Dyn,
        };
        variables.push((variable["name"].str(), of));
        names.insert("variables", Record::of("kubernetes.variables", variables.clone()));
    }
    names
}

fn type_of(kind: Kind, store: &Store) -> Option<Type> {
    match Schema::of(kind) {
        Some(of) => Some(Type::Object(Rc::new(Native(of)))),
        None => {
            let custom = definitions::of_kind(store, kind).ok()??;
            let schema = custom.schema();
            let metadata = Schema::of_metadata().map(|of| Type::Object(Rc::new(Native(of))));
            if schema.is_null() { None } else { structural::type_of(schema, "Object", metadata) }
        }
    }
}

/// An object of the API.
struct Native(schema::Type);

impl Fields for Native {
    fn name(&self) -> Str {
        self.0.name().into()
    }

    fn field(&self, name: &str) -> Option<Type> {
        self.0.field(name).map(|field| of_native(field.field_type()))
    }
}

fn of_native(of: FieldType) -> Type {
    match of {
        FieldType::String => Type::String,
        FieldType::Int32 | FieldType::Int64 => Type::Int,
        FieldType::Number => Type::Double,
        FieldType::Boolean => Type::Bool,
        FieldType::Bytes => Type::Bytes,
        FieldType::Time | FieldType::MicroTime => Type::Time,
        FieldType::Quantity | FieldType::IntOrString | FieldType::Any => Type::Dyn,
        FieldType::List(of) => Type::List(of_native(of.get()).into()),
        FieldType::Map(of) => Type::Map(of_native(of.get()).into()),
        FieldType::Object(of) => Type::Object(Rc::new(Native(of))),
    }
}

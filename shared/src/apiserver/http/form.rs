//! The forms in which objects are handed out: as they are, as rows of a Table, or their metadata alone.

use std::sync::Arc;

use crate::api::apiextensions::customresource::{CustomResources, cell};
use crate::api::core::pod;
use crate::api::{Kind, Object, Reason, Request, Status, Subresource, age};
use crate::collections::sort_by_key;
use crate::doc;
use crate::doc::{Doc, Timestamp};

use super::super::managed;
use super::{HttpRequest, query};

/// What a client wants to see.
#[derive(Clone, Debug)]
pub(super) enum Form {
    Whole(Kind, Custom),
    /// With so much of each object beside its cells.
    Table(Kind, Custom, Beside),
    Metadata,
}

/// What the definition says of resources that people defined.
type Custom = Option<Arc<CustomResources>>;

/// `includeObject`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Beside {
    Nothing,
    Metadata,
    Object,
}

/// The form that one of the media types of `Accept` names: none where there is no such form, nothing for objects as they are.
fn form_of(media: &str) -> Option<&str> {
    let value = |name: &str| {
        let pairs = media.split(';').skip(1).filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).last()
    };
    let Some(form) = value("as") else { return Some("") };
    let of_meta = value("g") == Some("meta.k8s.io") && matches!(value("v"), Some("v1" | "v1beta1"));
    let known = match form {
        // There is no protobuf of it.
        "Table" => !media.trim().starts_with("application/vnd.kubernetes.protobuf"),
        other => ["PartialObjectMetadata", "PartialObjectMetadataList"].contains(&other),
    };
    (of_meta && known).then_some(form)
}

/// Whether the form that a client gets is to be in the version before the first.
pub(super) fn is_older(accept: &str) -> bool {
    accept.split(',').find(|media| form_of(media).is_some()).is_some_and(|media| {
        form_of(media) != Some("") && media.split(';').any(|pair| pair.trim() == "v=v1beta1")
    })
}

/// Lets a form, and the forms in it, be of that version.
pub(super) fn make_older(doc: &mut Doc) {
    if doc["apiVersion"].as_str() == Some("meta.k8s.io/v1") {
        doc.set("apiVersion", "meta.k8s.io/v1beta1");
    }
    for list in ["rows", "items"] {
        if let Doc::List(_) = doc[list] {
            doc.at_mut(&[list]).items_mut().iter_mut().for_each(make_older);
        }
    }
    if doc["object"]["apiVersion"].as_str() == Some("meta.k8s.io/v1") {
        make_older(doc.at_mut(&["object"]));
    }
}

/// 406: one object has no list of metadata, and a list has not the metadata of one.
pub(super) fn unlike(accept: &str, request: &Request, is_list: bool) -> Option<Status> {
    let form = accept.split(',').find_map(form_of)?;
    let fits = match form {
        "PartialObjectMetadata" => !is_list,
        "PartialObjectMetadataList" => is_list,
        _ => true,
    };
    if fits {
        return None;
    }
    let info = request.kind.info();
    let of = match (info.group.split('.').next(), &request.options.custom) {
        (_, Some(_)) => "unstructured.Unstructured".to_owned(),
        (Some(group), None) if !group.is_empty() => format!("{group}.{}", info.kind),
        _ => format!("core.{}", info.kind),
    };
    let (what, list) = if is_list { ("a list", "List") } else { ("not a list", "") };
    let message = format!("you requested {form}, but the requested object is {what} (*{of}{list})");
    Some(Status::new(Reason::NotAcceptable, message))
}

fn included(http: &HttpRequest) -> Option<String> {
    let pairs = query(http.path.split_once('?').map_or("", |(_, query)| query));
    pairs.iter().find(|(key, _)| key == "includeObject").map(|(_, value)| value.to_string())
}

impl Form {
    /// Whether a client takes nothing but a form that not everything has.
    pub fn is_only(accept: &str) -> bool {
        !accept.is_empty() && accept.split(',').all(|one| one.contains(";as="))
    }

    /// Whether there is, among what a client takes, a form that objects have; those that people defined have no protobuf,
    /// but for their metadata.
    pub fn is_known(accept: &str, is_custom: bool) -> bool {
        let none = |one: &str| is_custom && one.trim().starts_with("application/vnd.kubernetes.protobuf");
        let has = |one: &str| form_of(one).is_some_and(|form| !form.is_empty() || !none(one));
        accept.is_empty() || accept.split(',').any(has)
    }

    /// Whether events can be told in a form that a client takes: YAML has none for them.
    pub fn is_streamed(accept: &str) -> bool {
        let media = |one: &str| one.split(';').next().unwrap_or("").trim() != "application/yaml";
        accept.split(',').any(media)
    }

    /// What a Table is to have beside its cells must be known.
    pub fn check(http: &HttpRequest) -> Result<(), Status> {
        let known = ["", "None", "Metadata", "Object"];
        let Some(value) = included(http).filter(|value| !known.contains(&value.as_str())) else {
            return Ok(());
        };
        if http.accept.split(',').find_map(form_of) != Some("Table") {
            return Ok(());
        }
        Err(Status::bad_request(format!(
            "Unable to convert to Table as requested: includeObject: Invalid value: {value:?}: must be 'Metadata', \
             'Object', 'None', or empty"
        )))
    }

    pub fn of(http: &HttpRequest, request: &Request) -> Form {
        let form = http.accept.split(',').find_map(form_of).unwrap_or("");
        if form == "Table" {
            let beside = match included(http).as_deref() {
                Some("None") => Beside::Nothing,
                Some("Object") => Beside::Object,
                _ => Beside::Metadata,
            };
            return Form::Table(request.kind, request.options.custom.clone(), beside);
        }
        if form.starts_with("PartialObjectMetadata") {
            Form::Metadata
        } else {
            Form::Whole(request.kind, request.options.custom.clone())
        }
    }

    /// One object.
    pub fn one(&self, object: &Object, now: Timestamp) -> Doc {
        match self {
            Form::Whole(_, custom) => whole(object, custom),
            Form::Metadata => partial(object),
            Form::Table(kind, custom, beside) => {
                table(*kind, custom, [object].into_iter(), object.meta.resource_version, *beside, now)
            }
        }
    }

    /// A Scale, which no kind of its own has columns for.
    pub fn scale(&self, scale: Doc, now: Timestamp) -> Doc {
        let metadata = &scale["metadata"];
        let partial = doc!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata.clone() });
        let beside = match self {
            Form::Whole(..) => return scale,
            Form::Metadata => return partial,
            Form::Table(.., Beside::Nothing) => Doc::Null,
            Form::Table(.., Beside::Metadata) => partial,
            Form::Table(.., Beside::Object) => scale.clone(),
        };
        let column = |(name, of): (&str, &str)| doc!({ "name": name, "type": of, "format": "", "description": "", "priority": 0i64 });
        let columns =
            [("Name", "string"), ("Desired", "integer"), ("Available", "integer"), ("Age", "string")];
        let made = metadata["creationTimestamp"].as_time().unwrap_or_default();
        let (wanted, there) = (&scale["spec"]["replicas"], &scale["status"]["replicas"]);
        let cells = [metadata["name"].clone(), wanted.clone(), there.clone(), Doc::from(age(made, now))];
        doc!({
            "kind": "Table", "apiVersion": "meta.k8s.io/v1",
            "metadata": { "resourceVersion": metadata["resourceVersion"].str() },
            "columnDefinitions": Doc::list(columns.map(column)),
            "rows": Doc::list([doc!({ "cells": Doc::list(cells), "object": beside })])
        })
    }

    /// A list.
    pub fn list(&self, items: &[Arc<Object>], revision: u64, now: Timestamp) -> Doc {
        let metadata = doc!({ "resourceVersion": revision.to_string() });
        match self {
            Form::Whole(kind, custom) => {
                let info = kind.info();
                let list_kind = match custom {
                    Some(custom) => custom.list_kind(),
                    None => format!("{}List", info.kind).into(),
                };
                // What the list says of all its items, they do not repeat.
                let items = items.iter().map(|object| {
                    let mut item = whole(object, custom);
                    if custom.is_some() {
                        return item;
                    }
                    item.remove("apiVersion");
                    item.remove("kind");
                    item
                });
                doc!({
                    "kind": list_kind, "apiVersion": info.api_version(),
                    "metadata": metadata, "items": Doc::list(items)
                })
            }
            Form::Metadata => doc!({
                "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
                "items": Doc::list(items.iter().map(|object| partial(object)))
            }),
            Form::Table(kind, custom, beside) => {
                table(*kind, custom, items.iter().map(|object| &**object), revision, *beside, now)
            }
        }
    }
}

/// The document in the version that is asked for, with what its schema has for what is missing.
fn whole(object: &Object, custom: &Custom) -> Doc {
    let mut doc = object.to_doc();
    match custom {
        Some(custom) => custom.shown(&doc),
        None => {
            // Clients read it without asking whether it is there.
            if object.key.kind.info().subresources.contains(&Subresource::Status) {
                doc.default_to("status", Doc::map());
            }
            always_written(object.key.kind, &mut doc);
            managed::components::shown(object, doc)
        }
    }
}

/// Fields that Go writes though nothing was said: those without `omitempty`, and structs.
fn always_written(kind: Kind, doc: &mut Doc) {
    let each = |doc: &mut Doc, list: &[&str], field: &'static str, value: &Doc| {
        if !doc.at(list).items().is_empty() {
            doc.at_mut(list).items_mut().iter_mut().for_each(|item| item.default_to(field, value));
        }
    };
    match kind {
        Kind::Pod => {
            // The moment at which a condition was probed, which nobody ever sets.
            each(doc, &["status", "conditions"], "lastProbeTime", &Doc::Null);
            pod::tell_resources(doc);
        }
        Kind::Event => {
            for (field, value) in [
                ("eventTime", Doc::Null),
                ("firstTimestamp", Doc::Null),
                ("lastTimestamp", Doc::Null),
                ("reportingComponent", Doc::from("")),
                ("reportingInstance", Doc::from("")),
            ] {
                doc.default_to(field, value);
            }
            doc.default_to("source", Doc::map());
        }
        Kind::Role | Kind::ClusterRole => doc.default_to("rules", Doc::Null),
        Kind::EndpointSlice => {
            each(doc, &["endpoints"], "conditions", &Doc::map());
            doc.default_to("endpoints", Doc::Null);
            doc.default_to("ports", Doc::Null);
        }
        Kind::LimitRange => doc.at_mut(&["spec"]).default_to("limits", Doc::Null),
        Kind::CsiNode => doc.at_mut(&["spec"]).default_to("drivers", Doc::Null),
        Kind::PodTemplate => doc.at_mut(&["template"]).default_to("metadata", Doc::map()),
        Kind::CronJob => {
            doc.at_mut(&["spec", "jobTemplate", "spec", "template"]).default_to("metadata", Doc::map());
        }
        _ => {}
    }
}

fn partial(object: &Object) -> Doc {
    let metadata = object.meta.to_doc(&object.key.namespace, &object.key.name);
    doc!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata })
}

fn table<'a>(
    kind: Kind,
    custom: &Custom,
    items: impl Iterator<Item = &'a Object>,
    revision: u64,
    beside: Beside,
    now: Timestamp,
) -> Doc {
    let own = custom.as_ref().map(|custom| custom.printer_columns());
    let resource = kind.resource();
    let columns = resource.columns().iter().map(|column| {
        let format = if column.name == "Name" { "name" } else { "" };
        doc!({
            "name": column.name, "type": "string", "format": format, "description": "",
            "priority": i64::from(column.wide)
        })
    });
    let columns: Vec<Doc> = match &own {
        Some(own) => {
            let description = "Name must be unique within a namespace.";
            let name = doc!({ "name": "Name", "type": "string", "format": "name", "description": description, "priority": 0i64 });
            [name].into_iter().chain(own.iter().map(|(column, ..)| column.clone())).collect()
        }
        None => columns.collect(),
    };
    let mut items: Vec<&Object> = items.collect();
    sort_by_key(&mut items, |object| resource.order(object));
    let rows = items.into_iter().map(|object| {
        let shown = match beside {
            Beside::Nothing => Doc::Null,
            Beside::Metadata => partial(object),
            Beside::Object => whole(object, custom),
        };
        let cells = match &own {
            Some(own) => {
                let doc = whole(object, custom);
                let cells = own.iter().map(|(_, path, of)| cell(&doc, path, of, now));
                Doc::list([Doc::from(&object.key.name)].into_iter().chain(cells))
            }
            None => Doc::list(resource.row(object, now)),
        };
        doc!({ "cells": cells, "object": shown })
    });
    doc!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1",
        "metadata": { "resourceVersion": revision.to_string() },
        "columnDefinitions": Doc::list(columns), "rows": Doc::list(rows)
    })
}

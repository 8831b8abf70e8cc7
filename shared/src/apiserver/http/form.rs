//! The forms in which objects are handed out: as they are, as rows of a Table, or their metadata alone.

use std::sync::Arc;

use crate::api::{Kind, Object, Request};
use crate::doc;
use crate::doc::{Doc, Timestamp};

use super::{HttpRequest, query};

/// What a client wants to see.
#[derive(Debug)]
pub(super) enum Form {
    Whole(Kind),
    /// With so much of each object beside its cells.
    Table(Kind, Beside),
    Metadata,
}

/// `includeObject`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Beside {
    Nothing,
    Metadata,
    Object,
}

impl Form {
    pub fn of(http: &HttpRequest, request: &Request) -> Form {
        let wants = |form: &str| http.accept.contains(form);
        if wants("as=Table") && request.verb.is_read() {
            let path = http.path.split_once('?').map_or("", |(_, query)| query);
            let pairs = query(path);
            let beside = pairs.iter().find(|(key, _)| key == "includeObject");
            return Form::Table(
                request.kind,
                match beside.map(|(_, value)| value.as_str()) {
                    Some("None") => Beside::Nothing,
                    Some("Object") => Beside::Object,
                    _ => Beside::Metadata,
                },
            );
        }
        if wants("as=PartialObjectMetadata") { Form::Metadata } else { Form::Whole(request.kind) }
    }

    /// One object.
    pub fn one(&self, object: &Object, now: Timestamp) -> Doc {
        match self {
            Form::Whole(_) => object.to_doc(),
            Form::Metadata => partial(object),
            Form::Table(kind, beside) => {
                table(*kind, [object].into_iter(), object.meta.resource_version, *beside, now)
            }
        }
    }

    /// A list.
    pub fn list(&self, items: &[Arc<Object>], revision: u64, now: Timestamp) -> Doc {
        let metadata = doc!({ "resourceVersion": revision.to_string() });
        match self {
            Form::Whole(kind) => {
                let info = kind.info();
                // What the list says of all its items, they do not repeat.
                let items = items.iter().map(|object| {
                    let mut item = object.to_doc();
                    item.remove("apiVersion");
                    item.remove("kind");
                    item
                });
                doc!({
                    "kind": format!("{}List", info.kind), "apiVersion": info.api_version(),
                    "metadata": metadata, "items": Doc::list(items)
                })
            }
            Form::Metadata => doc!({
                "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
                "items": Doc::list(items.iter().map(|object| partial(object)))
            }),
            Form::Table(kind, beside) => {
                table(*kind, items.iter().map(|object| &**object), revision, *beside, now)
            }
        }
    }
}

fn partial(object: &Object) -> Doc {
    let metadata = object.meta.to_doc(&object.key.namespace, &object.key.name);
    doc!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata })
}

fn table<'a>(
    kind: Kind,
    items: impl Iterator<Item = &'a Object>,
    revision: u64,
    beside: Beside,
    now: Timestamp,
) -> Doc {
    let resource = kind.resource();
    let columns = resource.columns().iter().map(|column| {
        let format = if column.name == "Name" { "name" } else { "" };
        doc!({
            "name": column.name, "type": "string", "format": format, "description": "",
            "priority": i64::from(column.wide)
        })
    });
    let rows = items.map(|object| {
        let shown = match beside {
            Beside::Nothing => Doc::Null,
            Beside::Metadata => partial(object),
            Beside::Object => object.to_doc(),
        };
        doc!({ "cells": Doc::list(resource.row(object, now)), "object": shown })
    });
    doc!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1",
        "metadata": { "resourceVersion": revision.to_string() },
        "columnDefinitions": Doc::list(columns), "rows": Doc::list(rows)
    })
}

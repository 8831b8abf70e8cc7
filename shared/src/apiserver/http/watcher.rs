//! Watches of clients outside: from a revision on, line by line, in the form that they asked for.
//!
//! A watcher only remembers how far it has read; what it has not read stays where it is, in the history. So a slow
//! reader costs nothing but the risk to find that its place in the history is gone.

use std::sync::Arc;

use crate::api::validation::Faults;
use crate::api::{Kind, Object, Request, Status, is_on};
use crate::doc;
use crate::doc::{Doc, Str, Timestamp};
use crate::etcd::{Revision, Store};
use crate::sim::ChangeKind;

use super::super::{authorization, read};
use super::form::{self, Form};
use super::{HttpRequest, Twin, options, query};

/// A watch, and how far it has come.
#[derive(Clone, Debug)]
pub struct Watcher {
    request: Request,
    form: Form,
    /// Whether that is in the version before the first.
    older: bool,
    /// Its path, which says in which version the kind is shown.
    path: Str,
    /// What was there when it began, still to be told, the last first.
    first: Vec<Arc<Object>>,
    /// Whether the end of that is to be told.
    announces: bool,
    bookmarks: bool,
    /// The last revision that was looked at.
    revision: u64,
    columns_told: bool,
    /// Seconds until it ends, as far as the client said.
    timeout: Option<u64>,
}

/// What a watcher has to say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Events, each on its line.
    pub text: String,
    /// Whether there is more already.
    pub more: bool,
    /// Whether it ends here.
    pub ended: bool,
}

impl Watcher {
    pub(crate) fn open(http: &HttpRequest, request: Request, store: &Store) -> Result<Watcher, Status> {
        authorization::authorize(&request, store)?;
        read::check_fields(&request)?;
        let (path, text) = http.path.split_once('?').unwrap_or((&http.path, ""));
        let pairs = query(text);
        let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let on = |name: &str| value(name).map(is_on);
        let initial = on("sendInitialEvents");
        check(initial, value("resourceVersionMatch").unwrap_or(""))?;
        let bookmarks = on("allowWatchBookmarks").unwrap_or(false);
        let from = request.options.resource_version;
        let lists = initial.unwrap_or(from.is_none());
        let mut first = Vec::new();
        if lists {
            first = store.list(request.kind).filter(|object| selects(&request, object)).cloned().collect();
            first.reverse();
        }
        Ok(Watcher {
            form: Form::of(http, &request),
            older: form::is_older(&http.accept),
            path: path.into(),
            first,
            announces: initial == Some(true) && bookmarks,
            bookmarks,
            revision: from.filter(|_| !lists).unwrap_or_else(|| store.revision()),
            columns_told: false,
            timeout: value("timeoutSeconds")
                .and_then(|text| text.parse().ok())
                .filter(|&seconds| seconds > 0),
            request,
        })
    }

    /// Seconds until it ends, as far as the client said.
    pub fn timeout(&self) -> Option<u64> {
        self.timeout
    }

    /// Tells what happened since it was last asked: at least one event, and no more when `most` bytes are reached.
    pub fn read(&mut self, store: &Store, now: Timestamp, most: u64) -> Told {
        let mut told = Told::default();
        while let Some(object) = self.first.pop() {
            let object = self.shown(&object, now);
            event(&mut told.text, "ADDED", &object);
            if told.text.len() as u64 >= most {
                told.more = true;
                return told;
            }
        }
        if std::mem::take(&mut self.announces) {
            let annotations = doc!({ "k8s.io/initial-events-end": "true" });
            self.mark(&mut told.text, Some(annotations));
        }
        let Some(news) = store.since(self.revision) else {
            let status = Status::expired(self.revision, store.oldest());
            event(&mut told.text, "ERROR", &status.to_doc());
            told.ended = true;
            return told;
        };
        for revision in news {
            self.revision = revision.revision;
            if self.ends_with(revision) {
                told.ended = true;
                break;
            }
            if let Some((kind, object)) = self.change(revision) {
                let object = self.shown(&object, now);
                event(&mut told.text, kind, &object);
            }
            if told.text.len() as u64 >= most {
                told.more = true;
                break;
            }
        }
        told
    }

    /// Tells how far it has come, if the client wants to know such things.
    pub fn bookmark(&mut self) -> String {
        let mut text = String::new();
        if self.bookmarks && self.first.is_empty() {
            self.mark(&mut text, None);
        }
        text
    }

    fn mark(&self, text: &mut String, annotations: Option<Doc>) {
        let info = self.request.kind.info();
        let mut metadata = doc!({ "resourceVersion": self.revision.to_string() });
        if let Some(annotations) = annotations {
            metadata.set("annotations", annotations);
        }
        let own = doc!({ "kind": info.kind, "apiVersion": info.api_version(), "metadata": metadata.clone() });
        let object = match &self.form {
            Form::Whole(..) => own,
            Form::Metadata => doc!({
                "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata
            }),
            Form::Table(..) => {
                let row = doc!({ "cells": Doc::list(Vec::<Doc>::new()), "object": own });
                doc!({
                    "kind": "Table", "apiVersion": "meta.k8s.io/v1",
                    "metadata": { "resourceVersion": self.revision.to_string() },
                    "columnDefinitions": Doc::Null, "rows": Doc::list([row])
                })
            }
        };
        event(text, "BOOKMARK", &self.as_wanted(object));
    }

    /// What serves custom resources is made anew when their definition changes, and is no more once that is gone: all
    /// connections to the old one end.
    fn ends_with(&self, revision: &Revision) -> bool {
        let (of, object) = (self.request.kind, &revision.object);
        if object.key.kind != Kind::CustomResourceDefinition
            || !matches!(of, Kind::Custom(_))
            || object.key.name != of.info().qualified()
        {
            return false;
        }
        let served = |object: &Object| {
            [&object.body["spec"], object.body.at(&["status", "acceptedNames"])].map(Doc::clone)
        };
        revision.change == ChangeKind::Deleted
            || revision.previous.as_ref().is_some_and(|before| served(before) != served(object))
    }

    /// An object that begins or ceases to match comes or goes, as far as this watch can see.
    fn change(&self, revision: &Revision) -> Option<(&'static str, Arc<Object>)> {
        if revision.object.key.kind != self.request.kind {
            return None;
        }
        let before = revision.previous.as_ref().filter(|object| selects(&self.request, object));
        let stays = revision.change != ChangeKind::Deleted;
        let after = stays && selects(&self.request, &revision.object);
        match (before, after) {
            (None, false) => None,
            (None, true) => Some(("ADDED", Arc::clone(&revision.object))),
            (Some(_), true) => Some(("MODIFIED", Arc::clone(&revision.object))),
            (Some(_), false) if !stays => Some(("DELETED", Arc::clone(&revision.object))),
            // It is told as it last was seen, at the revision that took it out of sight.
            (Some(last), false) => {
                let mut last = (**last).clone();
                last.meta.resource_version = revision.revision;
                Some(("DELETED", Arc::new(last)))
            }
        }
    }

    fn shown(&mut self, object: &Object, now: Timestamp) -> Doc {
        let mut shown = self.form.one(object, now);
        if let Some(twin) = Twin::at(&self.path) {
            twin.shown(&mut shown);
        }
        // The columns are the same for all rows.
        if let Form::Table(..) = self.form
            && std::mem::replace(&mut self.columns_told, true)
        {
            shown.set("columnDefinitions", Doc::Null);
        }
        self.as_wanted(shown)
    }

    fn as_wanted(&self, mut shown: Doc) -> Doc {
        if self.older {
            form::make_older(&mut shown);
        }
        shown
    }
}

fn selects(request: &Request, object: &Object) -> bool {
    (request.name.is_empty() || request.name == object.key.name) && read::is_selected(request, object)
}

fn event(text: &mut String, kind: &str, object: &Doc) {
    use std::fmt::Write;
    writeln!(text, "{{\"type\":\"{kind}\",\"object\":{}}}", object.to_json())
        .expect("a string takes everything");
}

/// Initial events are only to be had with a promise about how new they are.
fn check(initial: Option<bool>, how: &str) -> Result<(), Status> {
    let mut faults = Faults::default();
    let field = "resourceVersionMatch";
    if initial.is_some() && how != "NotOlderThan" {
        faults.forbidden(field, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    }
    if initial.is_none() && !how.is_empty() {
        faults.forbidden(
            field,
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        );
    }
    if faults.0.is_empty() { Ok(()) } else { Err(options::invalid("ListOptions", faults.0)) }
}

//! Event: what a component has to say about an object.

pub mod events_v1;

use crate::api::{Column, Info, Object, Resource, Row, View, age};
use crate::doc::{Doc, Str, Timestamp};

/// What the simulation reads of an Event.
#[derive(Clone, Debug)]
pub struct Event {
    /// Why, in CamelCase.
    pub reason: Str,
    /// For people.
    pub message: Str,
    /// `Normal` or `Warning`.
    pub kind: Str,
    /// How often.
    pub count: i64,
    /// When last.
    pub last: Timestamp,
}

/// The kind's registration.
#[derive(Debug)]
pub struct Events;

impl Resource for Events {
    fn info(&self) -> &'static Info {
        &Info {
            group: "",
            version: "v1",
            kind: "Event",
            plural: "events",
            singular: "event",
            short_names: &["ev"],
            namespaced: true,
            subresources: &[],
            categories: &[],
            has_generation: false,
        }
    }

    fn view(&self, body: &Doc, _: Option<&Object>) -> View {
        View::Event(Event {
            reason: body["reason"].str(),
            message: body["message"].str(),
            kind: body["type"].str(),
            count: body["series"]["count"].as_i64().or(body["count"].as_i64()).unwrap_or(1),
            last: {
                let series = body["series"]["lastObservedTime"].as_time();
                let old = series.or_else(|| body["lastTimestamp"].as_time());
                old.or_else(|| body["eventTime"].as_time()).unwrap_or_default()
            },
        })
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Last Seen", wide: false },
            Column { name: "Type", wide: false },
            Column { name: "Reason", wide: false },
            Column { name: "Object", wide: false },
            Column { name: "Subobject", wide: true },
            Column { name: "Source", wide: true },
            Column { name: "Message", wide: false },
            Column { name: "First Seen", wide: true },
            Column { name: "Count", wide: true },
            Column { name: "Name", wide: true },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let Some(event) = object.view::<Event>() else { return Row::new() };
        let body = &object.body;
        let involved = &body["involvedObject"];
        let first = body["firstTimestamp"].as_time().or_else(|| body["eventTime"].as_time());
        let source = match body["source"]["component"].str() {
            none if none.is_empty() => [body["reportingComponent"].str(), body["reportingInstance"].str()],
            component => [component, body["source"]["host"].str()],
        };
        let source: Vec<&str> = source.iter().map(Str::as_str).filter(|part| !part.is_empty()).collect();
        vec![
            age(event.last, now),
            event.kind.to_string(),
            event.reason.to_string(),
            format!("{}/{}", involved["kind"].str().to_lowercase(), involved["name"].str()),
            involved["fieldPath"].str().to_string(),
            source.join(", "),
            event.message.trim().to_owned(),
            age(first.unwrap_or(event.last), now),
            event.count.to_string(),
            object.key.name.to_string(),
        ]
    }

    fn field(&self, object: &Object, path: &str) -> Option<Str> {
        let body = &object.body;
        Some(match path {
            "metadata.name" => object.key.name.clone(),
            "metadata.namespace" => object.key.namespace.clone(),
            "reason" => body["reason"].str(),
            "reportingComponent" => body["reportingComponent"].str(),
            "type" => body["type"].str(),
            "source" => match body["source"]["component"].str() {
                none if none.is_empty() => body["reportingComponent"].str(),
                component => component,
            },
            _ => {
                let field = path.strip_prefix("involvedObject.")?;
                let known =
                    ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"];
                known.contains(&field).then(|| body["involvedObject"][field].str())?
            }
        })
    }

    fn fields(&self) -> &'static [&'static str] {
        &[
            "metadata.name",
            "metadata.namespace",
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ]
    }
}

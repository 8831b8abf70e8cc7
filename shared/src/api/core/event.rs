//! Event: what a component has to say about an object.

pub mod events_v1;
mod said;
mod validation;

use crate::api::validation::Faults;
use crate::api::{Column, Info, Kind, Object, Resource, Row, Uid, View, age};
use crate::doc::{Doc, Str, Timestamp, intern, literal};

pub use said::{Involved, Said, Source};

/// What is shown of an Event.
#[derive(Clone, Debug)]
pub struct Event {
    /// What it is about: kind, namespace and name.
    pub about: [Str; 3],
    /// Which part of that; mostly none.
    pub field: Str,
    /// Why, in CamelCase.
    pub reason: Str,
    /// For people.
    pub message: Str,
    /// `Normal` or `Warning`.
    pub kind: Str,
    /// How often.
    pub count: i64,
    /// When first.
    pub first: Timestamp,
    /// When last.
    pub last: Timestamp,
    /// Which component says it, and where that runs; one of them may be empty.
    pub source: [Str; 2],
}

impl Event {
    /// The Event that an object is, if it is one.
    pub fn of(object: &Object) -> Option<Event> {
        match object.view::<Said>() {
            Some(said) => Some(Event::said(said)),
            None => (object.key.kind == Kind::Event).then(|| Event::read(&object.body)),
        }
    }

    fn said(said: &Said) -> Event {
        let Involved { kind, namespace, name, field, .. } = &said.involved;
        Event {
            about: [intern(kind.info().kind), namespace.clone(), name.clone()],
            field: field.clone(),
            reason: said.reason.clone(),
            message: said.message.clone(),
            kind: if said.warning { literal!("Warning") } else { literal!("Normal") },
            count: said.count.into(),
            first: said.first,
            last: said.last,
            source: [said.source.component.clone(), said.source.instance.clone()],
        }
    }

    fn read(doc: &Doc) -> Event {
        let series = doc["series"]["lastObservedTime"].as_time();
        let last = series.or_else(|| doc["lastTimestamp"].as_time()).or_else(|| doc["eventTime"].as_time());
        let last = last.unwrap_or_default();
        let first = doc["firstTimestamp"].as_time().or_else(|| doc["eventTime"].as_time());
        let involved = &doc["involvedObject"];
        Event {
            about: ["kind", "namespace", "name"].map(|field| involved[field].str()),
            field: involved["fieldPath"].str(),
            reason: doc["reason"].str(),
            message: doc["message"].str(),
            kind: doc["type"].str(),
            count: doc["series"]["count"].as_i64().or(doc["count"].as_i64()).unwrap_or(1),
            first: first.unwrap_or(last),
            last,
            source: match doc["source"]["component"].str() {
                none if none.is_empty() => [doc["reportingComponent"].str(), doc["reportingInstance"].str()],
                component => [component, doc["source"]["host"].str()],
            },
        }
    }

    /// Whether an Event is about the object with this UID, without a look at everything else that it says.
    pub fn is_about(event: &Object, uid: Uid) -> bool {
        match event.view::<Said>() {
            Some(said) => said.involved.is(uid),
            None => event.body.at(&["involvedObject", "uid"]).as_str() == Some(&uid.text()),
        }
    }
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
        Said::read(body).map_or(View::None, |said| View::Event(Box::new(said)))
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        validation::validate(doc, faults);
    }

    fn validate_create(&self, doc: &Doc, faults: &mut Faults) {
        validation::validate_create(doc, faults);
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        validation::validate_update(new, old, faults);
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
        let Some(event) = Event::of(object) else { return Row::new() };
        let [kind, _, name] = &event.about;
        let source: Vec<&str> =
            event.source.iter().map(Str::as_str).filter(|part| !part.is_empty()).collect();
        vec![
            age(event.last, now),
            event.kind.to_string(),
            event.reason.to_string(),
            format!("{}/{name}", kind.to_lowercase()),
            event.field.to_string(),
            source.join(", "),
            event.message.trim().to_owned(),
            age(event.first, now),
            event.count.to_string(),
            object.key.name.to_string(),
        ]
    }

    fn field(&self, object: &Object, path: &str) -> Option<Str> {
        if let Some(value) = object.view::<Said>().and_then(|said| said.field(path)) {
            return Some(value);
        }
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

//! Events as components write them. A large cluster has more of them than of everything else together, and hardly any is
//! ever read: they are kept in few bytes, and become documents where somebody looks.

use std::sync::Arc;

use crate::api::{Kind, Object, Uid};
use crate::codec::Codec;
use crate::doc::{Doc, Entries, Str, Timestamp, intern, literal};

/// What a component says of an object.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Said {
    /// `involvedObject`.
    pub involved: Involved,
    /// Why, in CamelCase.
    pub reason: Str,
    /// For people.
    pub message: Str,
    /// Whether its type is `Warning` and not `Normal`.
    pub warning: bool,
    /// Who says so.
    pub source: Arc<Source>,
    /// When it was said first and last, and how often; of the newer kind only the first counts.
    pub first: Timestamp,
    #[allow(missing_docs, reason = "said above")]
    pub last: Timestamp,
    #[allow(missing_docs, reason = "said above")]
    pub count: u32,
}

/// Who says something.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Source {
    /// `reportingComponent`.
    pub component: Str,
    /// `reportingInstance`; of the older kind where the component runs, if that is on a node.
    pub instance: Str,
    /// Whether it writes events of the newer kind (`events.k8s.io`).
    pub newer: bool,
}

/// What an Event is about.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Involved {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; empty for what belongs to none.
    pub namespace: Str,
    /// Its name.
    pub name: Str,
    /// Its UID; 0 where its name stands in place of it, and nothing else is said of it (kubelets speak of their node so).
    pub uid: Uid,
    /// Its revision; 0 for none.
    pub revision: u64,
    /// Which part of it; empty for the whole.
    pub field: Str,
}

impl Involved {
    /// An object, or the part of it at a path.
    pub fn of(object: &Object, field: Str) -> Involved {
        Involved {
            kind: object.key.kind,
            namespace: object.key.namespace.clone(),
            name: object.key.name.clone(),
            uid: object.meta.uid,
            revision: object.meta.resource_version,
            field,
        }
    }

    /// A node, by its name alone.
    pub fn node(name: Str) -> Involved {
        Involved {
            kind: Kind::Node,
            namespace: Str::new(),
            name,
            uid: Uid::NONE,
            revision: 0,
            field: Str::new(),
        }
    }

    fn to_doc(&self) -> Doc {
        let info = self.kind.info();
        // In the order of keys.
        let mut doc = Entries::default();
        if !self.uid.is_none() {
            doc.put(literal!("apiVersion"), info.api_version().into());
        }
        if !self.field.is_empty() {
            doc.put(literal!("fieldPath"), (&self.field).into());
        }
        doc.put(literal!("kind"), info.kind.into());
        doc.put(literal!("name"), (&self.name).into());
        if !self.namespace.is_empty() {
            doc.put(literal!("namespace"), (&self.namespace).into());
        }
        if self.revision != 0 {
            doc.put(literal!("resourceVersion"), self.revision.to_string().into());
        }
        doc.put(literal!("uid"), self.uid().into());
        Doc::Map(doc.take_map())
    }

    fn uid(&self) -> Str {
        if self.uid.is_none() { self.name.clone() } else { self.uid.text() }
    }

    fn read(doc: &Doc) -> Option<Involved> {
        let kind = doc["kind"].as_str()?;
        Some(Involved {
            kind: *Kind::ALL.iter().find(|known| known.info().kind == kind)?,
            namespace: doc["namespace"].str(),
            name: doc["name"].str(),
            uid: Uid::parse(doc["uid"].as_str()?),
            revision: doc["resourceVersion"].as_str().map_or(Some(0), |text| text.parse().ok())?,
            field: doc["fieldPath"].str(),
        })
    }

    /// Whether it is the object with this UID.
    pub fn is(&self, uid: Uid) -> bool {
        !uid.is_none() && self.uid == uid
    }
}

impl Said {
    /// The Event without its metadata.
    pub fn to_doc(&self) -> Doc {
        let Source { component, instance, newer } = &*self.source;
        // In the order of keys.
        let mut doc = Entries::default();
        if *newer {
            doc.put(literal!("action"), self.action().into());
            doc.put(literal!("eventTime"), Doc::MicroTime(self.first));
            doc.put(literal!("involvedObject"), self.involved.to_doc());
        } else {
            doc.put(literal!("count"), self.count.into());
            doc.put(literal!("firstTimestamp"), Doc::Time(self.first));
            doc.put(literal!("involvedObject"), self.involved.to_doc());
            doc.put(literal!("lastTimestamp"), Doc::Time(self.last));
        }
        doc.put(literal!("message"), (&self.message).into());
        doc.put(literal!("reason"), (&self.reason).into());
        doc.put(literal!("reportingComponent"), component.into());
        doc.put(literal!("reportingInstance"), instance.into());
        if !newer {
            let mut source = crate::doc!({ "component": component });
            if !instance.is_empty() {
                source.set(literal!("host"), instance);
            }
            doc.put(literal!("source"), source);
        }
        doc.put(literal!("type"), self.severity().into());
        Doc::Map(doc.take_map())
    }

    /// The value of a field that events are selected by, without the rest of the document.
    pub fn field(&self, path: &str) -> Option<Str> {
        let Involved { kind, namespace, name, uid, revision, field } = &self.involved;
        Some(match path {
            "reason" => self.reason.clone(),
            "reportingComponent" | "source" => self.source.component.clone(),
            "type" => self.severity(),
            "involvedObject.kind" => intern(kind.info().kind),
            "involvedObject.namespace" => namespace.clone(),
            "involvedObject.name" => name.clone(),
            "involvedObject.uid" => self.involved.uid(),
            "involvedObject.apiVersion" if !uid.is_none() => intern(kind.info().api_version()),
            "involvedObject.resourceVersion" if *revision != 0 => revision.to_string().into(),
            "involvedObject.fieldPath" => field.clone(),
            "involvedObject.apiVersion" | "involvedObject.resourceVersion" => Str::new(),
            _ => return None,
        })
    }

    fn severity(&self) -> Str {
        if self.warning { literal!("Warning") } else { literal!("Normal") }
    }

    /// What the scheduler, which alone writes events of the newer kind, was about to do.
    fn action(&self) -> Str {
        match self.reason.as_str() {
            "Scheduled" => literal!("Binding"),
            "Preempted" => literal!("Preempting"),
            _ => literal!("Scheduling"),
        }
    }

    /// The Event that this is the document of, if it says nothing that has no place here.
    pub fn read(doc: &Doc) -> Option<Said> {
        let newer = !doc["action"].is_null();
        let [first, last] = match newer {
            true => ["eventTime"; 2],
            false => ["firstTimestamp", "lastTimestamp"],
        };
        let source = Source {
            component: doc["reportingComponent"].str(),
            instance: doc["reportingInstance"].str(),
            newer,
        };
        let said = Said {
            involved: Involved::read(&doc["involvedObject"])?,
            reason: doc["reason"].str(),
            message: doc["message"].str(),
            warning: doc["type"].as_str() == Some("Warning"),
            source: Arc::new(source),
            first: doc[first].as_time()?,
            last: doc[last].as_time()?,
            count: doc["count"].as_i64().map_or(Some(1), |count| u32::try_from(count).ok())?,
        };
        (said.to_doc() == *doc).then_some(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(newer: bool, involved: Involved) -> Said {
        let instance = if newer { "default-scheduler-0" } else { "node-1" };
        let source = Source { component: "test".into(), instance: instance.into(), newer };
        let first = Timestamp::from_millis(1_767_225_600_000);
        Said {
            involved,
            reason: "Scheduled".into(),
            message: "hello".into(),
            warning: newer,
            source: Arc::new(source),
            first,
            last: first,
            count: 1,
        }
    }

    #[test]
    fn what_is_said_comes_back_from_its_document() {
        let pod = Involved {
            kind: Kind::Pod,
            namespace: "default".into(),
            name: "web-1".into(),
            uid: Uid::new(7 << 100 | 9),
            revision: 12,
            field: "spec.containers{web}".into(),
        };
        for involved in [pod, Involved::node("node-1".into())] {
            for newer in [false, true] {
                let said = said(newer, involved.clone());
                let doc = said.to_doc();
                for field in
                    ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"]
                {
                    let value =
                        said.field(&format!("involvedObject.{field}")).expect("it can be selected by");
                    assert_eq!(value, doc["involvedObject"][field].str(), "{field}");
                }
                for field in ["reason", "type", "reportingComponent"] {
                    assert_eq!(said.field(field), Some(doc[field].str()));
                }
                assert_eq!(Said::read(&doc), Some(said));
            }
        }
    }

    #[test]
    fn what_has_no_place_stays_a_document() {
        let mut doc = said(true, Involved::node("node-1".into())).to_doc();
        doc.set("series", crate::doc!({ "count": 2i64 }));
        assert_eq!(Said::read(&doc), None);
        assert_eq!(Said::read(&crate::doc!({ "reason": "R", "message": "m" })), None);
    }
}

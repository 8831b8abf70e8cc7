//! `ObjectMeta`, kept typed: components look at it all the time.

use crate::api::{Propagation, Uid};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, LazyLock};

use crate::codec::Codec;
use crate::doc::{Doc, Entries, Str, Timestamp, literal};

/// `metav1.ObjectMeta` without namespace and name, which are the object's key.
#[derive(Codec, Clone, PartialEq, Hash, Debug)]
pub struct Meta {
    /// None before creation.
    pub uid: Uid,
    /// Revision of the last change; 0 before creation.
    pub resource_version: u64,
    /// When it was created.
    pub creation: Timestamp,
    /// When components last wrote.
    pub written: Written,
    /// The rest, which reads as if it were here.
    pub common: Arc<Common>,
}

/// What the objects of one owner usually have in common, and share then.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Common {
    /// `generateName`.
    pub generate_name: Str,
    /// Counts changes of the spec.
    pub generation: i64,
    /// Set once deletion was asked for.
    pub deletion: Option<Deletion>,
    /// Labels, as a map of text.
    pub labels: Doc,
    /// Annotations, as a map of text.
    pub annotations: Doc,
    /// Owners.
    pub owners: Vec<OwnerReference>,
    /// What must happen before the object may go.
    pub finalizers: Vec<Str>,
    /// `managedFields`, as stored: without those of the cluster's own components.
    pub managed_fields: Doc,
}

impl Deref for Meta {
    type Target = Common;
    fn deref(&self) -> &Common {
        &self.common
    }
}

impl DerefMut for Meta {
    /// A copy of it, where others share it.
    fn deref_mut(&mut self) -> &mut Common {
        Arc::make_mut(&mut self.common)
    }
}

/// When components last wrote an object, in seconds since 1970, and 0 for never: `managedFields` tells it. Who they
/// are follows from the kind.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Written(pub [u32; 4]);

impl Written {
    /// The moment at one of the places, if there was one.
    pub fn at(self, place: usize) -> Option<Timestamp> {
        let seconds = self.0[place];
        (seconds != 0).then(|| Timestamp::from_millis(i64::from(seconds) * 1000))
    }
}

/// Most objects have none of it: they share that.
static NOTHING: LazyLock<Arc<Common>> = LazyLock::new(|| {
    Arc::new(Common {
        generate_name: Str::new(),
        generation: 0,
        deletion: None,
        labels: Doc::Null,
        annotations: Doc::Null,
        owners: Vec::new(),
        finalizers: Vec::new(),
        managed_fields: Doc::Null,
    })
});

impl Default for Meta {
    fn default() -> Meta {
        Meta {
            uid: Uid::NONE,
            resource_version: 0,
            creation: Timestamp::default(),
            written: Written::default(),
            common: Arc::clone(&NOTHING),
        }
    }
}

/// A deletion that was asked for and has not happened yet.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Deletion {
    /// When the object should be gone.
    pub at: Timestamp,
    /// The grace it was given, in seconds.
    pub grace_seconds: i64,
}

/// `metav1.OwnerReference`.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct OwnerReference {
    /// API version of the owner.
    pub api_version: Str,
    /// Kind of the owner.
    pub kind: Str,
    /// Name of the owner.
    pub name: Str,
    /// UID of the owner.
    pub uid: Uid,
    /// Whether the owner manages this object.
    pub controller: bool,
    /// Whether the owner's foreground deletion waits for this object.
    pub block_owner_deletion: bool,
}

impl OwnerReference {
    /// The reference as a document.
    pub fn to_doc(&self) -> Doc {
        let mut doc = crate::doc!({
            "apiVersion": &self.api_version, "kind": &self.kind, "name": &self.name, "uid": self.uid.text()
        });
        if self.block_owner_deletion {
            doc.set("blockOwnerDeletion", true);
        }
        if self.controller {
            doc.set("controller", true);
        }
        doc
    }

    /// Whether `doc` is this reference.
    fn is_said_by(&self, doc: &Doc) -> bool {
        let says = |field: &str, known: &Str| doc[field].as_str().unwrap_or("") == known;
        says("apiVersion", &self.api_version)
            && says("kind", &self.kind)
            && says("name", &self.name)
            && Uid::parse(doc["uid"].as_str().unwrap_or("")) == self.uid
            && doc["controller"].as_bool().unwrap_or(false) == self.controller
            && doc["blockOwnerDeletion"].as_bool().unwrap_or(false) == self.block_owner_deletion
    }

    fn from_doc(doc: &Doc) -> OwnerReference {
        OwnerReference {
            api_version: doc["apiVersion"].str(),
            kind: doc["kind"].str(),
            name: doc["name"].str(),
            uid: Uid::parse(&doc["uid"].str()),
            controller: doc["controller"].as_bool() == Some(true),
            block_owner_deletion: doc["blockOwnerDeletion"].as_bool() == Some(true),
        }
    }
}

impl Meta {
    /// A label's value, or `""`.
    pub fn label(&self, key: &str) -> &str {
        self.labels[key].as_str().unwrap_or("")
    }

    /// An annotation's value, if it is there.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations[key].as_str()
    }

    /// The owner that manages this object.
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owners.iter().find(|owner| owner.controller)
    }

    /// Whether deletion was asked for.
    pub fn deleting(&self) -> bool {
        self.deletion.is_some()
    }

    /// Whether `finalizer` holds the object.
    pub fn has_finalizer(&self, finalizer: &str) -> bool {
        self.finalizers.iter().any(|held| held == finalizer)
    }

    /// What is to become of its dependents, where a deletion has said so.
    pub fn propagation(&self) -> Option<Propagation> {
        self.finalizers.iter().find_map(|held| match held.as_str() {
            Propagation::FOREGROUND => Some(Propagation::Foreground),
            Propagation::ORPHAN => Some(Propagation::Orphan),
            _ => None,
        })
    }

    /// The `metadata` field.
    pub fn to_doc(&self, namespace: &Str, name: &Str) -> Doc {
        // In the order of keys.
        let mut map = Entries::default();
        if !self.annotations.is_empty() {
            map.put(literal!("annotations"), (&self.annotations).into());
        }
        if !self.uid.is_none() {
            map.put(literal!("creationTimestamp"), Doc::Time(self.creation));
        }
        if let Some(deletion) = self.deletion {
            map.put(literal!("deletionGracePeriodSeconds"), deletion.grace_seconds.into());
            map.put(literal!("deletionTimestamp"), Doc::Time(deletion.at));
        }
        if !self.finalizers.is_empty() {
            map.put(literal!("finalizers"), Doc::list(self.finalizers.iter()));
        }
        if !self.generate_name.is_empty() {
            map.put(literal!("generateName"), (&self.generate_name).into());
        }
        if self.generation != 0 {
            map.put(literal!("generation"), self.generation.into());
        }
        if !self.labels.is_empty() {
            map.put(literal!("labels"), (&self.labels).into());
        }
        if !self.managed_fields.is_null() {
            map.put(literal!("managedFields"), (&self.managed_fields).into());
        }
        if !name.is_empty() {
            map.put(literal!("name"), name.into());
        }
        if !namespace.is_empty() {
            map.put(literal!("namespace"), namespace.into());
        }
        if !self.owners.is_empty() {
            map.put(literal!("ownerReferences"), Doc::list(self.owners.iter().map(OwnerReference::to_doc)));
        }
        if self.resource_version != 0 {
            map.put(literal!("resourceVersion"), self.resource_version.to_string().into());
        }
        if !self.uid.is_none() {
            map.put(literal!("uid"), self.uid.text().into());
        }
        Doc::Map(map.take_map())
    }

    /// Whether a `metadata` field says what this does of everything that a client may change.
    pub fn is_said_by(&self, doc: &Doc) -> bool {
        let says = |field: &str, known: &Doc| {
            let given = &doc[field];
            if given.is_empty() { known.is_null() } else { given == known }
        };
        let (owners, finalizers) = (doc["ownerReferences"].items(), doc["finalizers"].items());
        says("labels", &self.labels)
            && says("annotations", &self.annotations)
            && says("managedFields", &self.managed_fields)
            && owners.len() == self.owners.len()
            && self.owners.iter().zip(owners).all(|(owner, doc)| owner.is_said_by(doc))
            && finalizers.len() == self.finalizers.len()
            && self.finalizers.iter().zip(finalizers).all(|(known, doc)| doc.as_str() == Some(known))
    }

    /// Reads a `metadata` field; what is malformed reads as absent (validation has looked before).
    pub fn from_doc(doc: &Doc) -> Meta {
        let non_empty = |field: &str| if doc[field].is_empty() { Doc::Null } else { doc[field].clone() };
        let common = Common {
            generate_name: doc["generateName"].str(),
            generation: doc["generation"].as_i64().unwrap_or(0),
            deletion: doc["deletionTimestamp"].as_time().map(|at| Deletion {
                at,
                grace_seconds: doc["deletionGracePeriodSeconds"].as_i64().unwrap_or(0),
            }),
            labels: non_empty("labels"),
            annotations: non_empty("annotations"),
            owners: doc["ownerReferences"].items().iter().map(OwnerReference::from_doc).collect(),
            finalizers: doc["finalizers"].items().iter().map(Doc::str).collect(),
            managed_fields: non_empty("managedFields"),
        };
        Meta {
            uid: Uid::parse(doc["uid"].as_str().unwrap_or("")),
            resource_version: doc["resourceVersion"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0),
            creation: doc["creationTimestamp"].as_time().unwrap_or_default(),
            written: Written::default(),
            common: if common == **NOTHING { Arc::clone(&NOTHING) } else { Arc::new(common) },
        }
    }

    /// Shares with `other` what both have in common, if they do.
    pub fn share_with(&mut self, other: &Meta) {
        if self.common == other.common {
            self.common = Arc::clone(&other.common);
        }
    }
}

//! Objects: a key, typed metadata, the document and a typed view of it.

use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use crate::codec::{Codec, Damaged, Decoder, Encoder};
use crate::doc::{Doc, Entries, Map, Str, literal};
use crate::sim::hash_of;

use super::core::event::Said;
use super::{Kind, Meta, apiextensions, apps, batch, coordination, core, discovery, networking, policy};

/// Kind, namespace and name: what the store sorts by.
#[derive(Codec, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The kind.
    pub kind: Kind,
    /// The namespace; empty for what belongs to none.
    pub namespace: Str,
    /// The name.
    pub name: Str,
}

impl Key {
    /// A key of a namespaced kind, or of another with an empty namespace.
    pub fn new(kind: Kind, namespace: impl Into<Str>, name: impl Into<Str>) -> Key {
        Key { kind, namespace: namespace.into(), name: name.into() }
    }
}

impl Ord for Key {
    /// Namespaces are shared texts more often than not, and need no look then.
    fn cmp(&self, other: &Key) -> Ordering {
        self.kind.cmp(&other.kind).then_with(|| {
            let same = Str::ptr_eq(&self.namespace, &other.namespace);
            let namespaces = if same { Ordering::Equal } else { self.namespace.cmp(&other.namespace) };
            namespaces.then_with(|| self.name.cmp(&other.name))
        })
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Key) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Key {
    /// `pods/default/web-1`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = self.kind.info().plural;
        if self.namespace.is_empty() {
            write!(f, "{plural}/{}", self.name)
        } else {
            write!(f, "{plural}/{}/{}", self.namespace, self.name)
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// One revision of an object.
#[derive(Clone, Debug)]
pub struct Object {
    /// Kind, namespace and name.
    pub key: Key,
    /// Metadata.
    pub meta: Meta,
    /// Everything but `apiVersion`, `kind` and `metadata`; null for an Event that its view holds as a whole.
    pub body: Doc,
    /// The fields the simulation uses, read once.
    pub view: View,
}

impl PartialEq for Object {
    fn eq(&self, other: &Object) -> bool {
        self.key == other.key
            && self.meta == other.meta
            && self.body == other.body
            && self.view::<Said>() == other.view::<Said>()
    }
}

impl std::hash::Hash for Object {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key.hash(state);
        self.meta.hash(state);
        match &self.view {
            View::Event(said) => said.hash(state),
            _ => self.body.hash(state),
        }
    }
}

impl Codec for Object {
    fn encode(&self, encoder: &mut Encoder) {
        self.key.encode(encoder);
        self.meta.encode(encoder);
        // What is shared is known by its place in memory: nothing that is made here may be written.
        let said = self.view::<Said>();
        if self.key.kind == Kind::Event {
            said.is_some().encode(encoder);
        }
        match said {
            Some(said) => said.encode(encoder),
            None => self.body.encode(encoder),
        }
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Object, Damaged> {
        let (key, meta): (Key, Meta) = Codec::decode(decoder)?;
        if key.kind == Kind::Event && bool::decode(decoder)? {
            return Ok(Object::event(key, meta, Said::decode(decoder)?));
        }
        let body = Doc::decode(decoder)?;
        Ok(Object::new(key, meta, body, None))
    }
}

macro_rules! views {
    ($($name:ident($view:ty),)* ; $($large:ident($large_view:ty),)*) => {
        /// The typed view of an object's document. Those of which there are few are boxed: every object has room for the
        /// largest of the others.
        #[derive(Clone, Debug)]
        pub enum View {
            $(
                #[allow(missing_docs, reason = "the kind's own file documents it")]
                $name($view),
            )*
            $(
                #[allow(missing_docs, reason = "the kind's own file documents it")]
                $large(Box<$large_view>),
            )*
            /// A kind of which the simulation reads only metadata and document.
            None,
        }

        $(impl Viewed for $view {
            const KIND: Kind = Kind::$name;
            fn of(object: &Object) -> Option<&Self> {
                match &object.view { View::$name(view) => Some(view), _ => None }
            }
        })*

        $(impl Viewed for $large_view {
            const KIND: Kind = Kind::$large;
            fn of(object: &Object) -> Option<&Self> {
                match &object.view { View::$large(view) => Some(view), _ => None }
            }
        })*
    };
}

/// A typed view and the kind it reads.
pub trait Viewed: Sized {
    /// The kind.
    const KIND: Kind;
    /// The view of `object`, if it is of that kind.
    fn of(object: &Object) -> Option<&Self>;
}

views! {
    Pod(core::pod::Pod),
    Lease(coordination::lease::Lease),
    ;
    Event(core::event::Said),
    Node(core::node::Node),
    Service(core::service::Service),
    ReplicaSet(apps::replicaset::ReplicaSet),
    StatefulSet(apps::statefulset::StatefulSet),
    ControllerRevision(apps::controllerrevision::ControllerRevision),
    PodDisruptionBudget(policy::poddisruptionbudget::PodDisruptionBudget),
    EndpointSlice(discovery::endpointslice::EndpointSlice),
    NetworkPolicy(networking::networkpolicy::NetworkPolicy),
    CustomResourceDefinition(apiextensions::customresourcedefinition::CustomResourceDefinition),
    DaemonSet(apps::daemonset::DaemonSet),
    Deployment(apps::deployment::Deployment),
    CronJob(batch::cronjob::CronJob),
    Job(batch::job::Job),
}

impl Object {
    /// Reads a whole document (`metadata` and all). `previous` lends what did not change.
    pub fn from_doc(kind: Kind, doc: &Doc, previous: Option<&Object>) -> Object {
        let metadata = &doc["metadata"];
        let mut body = doc.as_map().cloned().unwrap_or_default();
        for field in ["apiVersion", "kind", "metadata"] {
            body.remove_if_present(field);
        }
        let namespace = if kind.info().namespaced { metadata["namespace"].str() } else { Str::new() };
        let key = Key { kind, namespace, name: metadata["name"].str() };
        Object::new(key, Meta::from_doc(metadata), Doc::Map(body), previous)
    }

    /// An object from its parts. `previous` lends its view's shared parts where the document shares them.
    pub fn new(key: Key, meta: Meta, body: Doc, previous: Option<&Object>) -> Object {
        let view = key.kind.resource().view(&body, previous);
        let body = if matches!(view, View::Event(_)) { Doc::Null } else { body };
        Object { key, meta, body, view }
    }

    /// An Event.
    pub fn event(key: Key, meta: Meta, said: Said) -> Object {
        Object { key, meta, body: Doc::Null, view: View::Event(Box::new(said)) }
    }

    /// Everything but `apiVersion`, `kind` and `metadata`, of Events too.
    pub fn document(&self) -> Doc {
        match &self.view {
            View::Event(said) => said.to_doc(),
            _ => self.body.clone(),
        }
    }

    /// The whole document.
    pub fn to_doc(&self) -> Doc {
        let info = self.key.kind.info();
        let mut map = Entries::default();
        map.put(literal!("apiVersion"), info.api_version().into());
        map.put(literal!("kind"), info.kind.into());
        let mut metadata = self.meta.to_doc(&self.key.namespace, &self.key.name);
        if self.key.kind == Kind::Namespace && self.meta.deleting() {
            // Upstream marks namespaces in a way of its own, without a grace.
            metadata.remove("deletionGracePeriodSeconds");
        }
        map.put(literal!("metadata"), metadata);
        let document = self.document();
        document.entries().iter().for_each(|(key, value)| map.put(key.clone(), value.clone()));
        Doc::Map(map.take_map())
    }

    /// A digest of key, metadata and document.
    pub fn digest(&self) -> u128 {
        hash_of(self)
    }

    /// The typed view, when the object is of that kind.
    pub fn view<T: Viewed>(&self) -> Option<&T> {
        T::of(self)
    }

    /// A `targetRef` for this object.
    pub fn reference(&self) -> Doc {
        // In the order of keys.
        let mut entries = Entries::default();
        entries.put(literal!("kind"), self.key.kind.info().kind.into());
        entries.put(literal!("name"), (&self.key.name).into());
        if !self.key.namespace.is_empty() {
            entries.put(literal!("namespace"), (&self.key.namespace).into());
        }
        entries.put(literal!("uid"), self.meta.uid.text().into());
        Doc::Map(entries.take_map())
    }

    /// An owner reference that makes this object the managing owner.
    pub fn as_controller(&self) -> super::OwnerReference {
        let info = self.key.kind.info();
        super::OwnerReference {
            api_version: info.api_version().into(),
            kind: info.kind.into(),
            name: self.key.name.clone(),
            uid: self.meta.uid,
            controller: true,
            block_owner_deletion: true,
        }
    }
}

impl Map {
    fn remove_if_present(&mut self, key: &str) {
        if self.contains(key) {
            self.remove(key);
        }
    }
}

/// An object known to be of one kind: dereferences to its typed view.
#[derive(Clone, Debug)]
pub struct Of<T>(Arc<Object>, PhantomData<T>);

impl<T: Viewed> Of<T> {
    /// The object as a `T`, when it is one.
    pub fn new(object: Arc<Object>) -> Option<Of<T>> {
        T::of(&object)?;
        Some(Of(object, PhantomData))
    }

    /// The object.
    pub fn object(&self) -> &Arc<Object> {
        &self.0
    }

    /// Its metadata.
    pub fn meta(&self) -> &Meta {
        &self.0.meta
    }

    /// Its key.
    pub fn key(&self) -> &Key {
        &self.0.key
    }
}

impl<T: Viewed> Deref for Of<T> {
    type Target = T;
    fn deref(&self) -> &T {
        T::of(&self.0).expect("checked when it was made")
    }
}

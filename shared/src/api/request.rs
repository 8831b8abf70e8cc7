//! Requests to the API server, after routing and decoding, and its answers.

use crate::api::Uid;
use std::sync::Arc;

use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::{Doc, Str, literal};

use super::apiextensions::customresource::CustomResources;
use super::core::event::Said;
use super::{FieldSelector, Key, Kind, LabelSelector, Object};

/// Who asks.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct User {
    /// The user name.
    pub name: Str,
    /// Whether writes are allowed at all (a viewer's are not).
    pub read_only: bool,
    /// Whether somebody else speaks for them, or they are a service account: then only what roles allow is allowed.
    pub impersonated: bool,
    /// The groups they are in.
    pub groups: Vec<Str>,
    /// What else is known of them, where anything is.
    pub more: Option<Arc<UserInfo>>,
}

/// What a user is beside a name.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct UserInfo {
    /// Which of all who ever had the name.
    pub uid: Str,
    /// Anything.
    pub extra: BTreeMap<Str, Vec<Str>>,
}

impl User {
    /// One of the cluster's own components.
    pub fn component(name: impl Into<Str>) -> User {
        User { name: name.into(), read_only: false, impersonated: false, groups: Vec::new(), more: None }
    }

    /// The person at the keyboard, with all rights.
    pub fn admin() -> User {
        User::person(literal!("kubernetes-admin"))
    }

    /// A person of the session, with all rights.
    pub fn person(name: Str) -> User {
        let groups = vec![literal!("system:masters"), literal!("system:authenticated")];
        User { name, read_only: false, impersonated: false, groups, more: None }
    }
}

/// What is asked.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch(PatchKind),
    Delete,
    DeleteCollection,
}

/// How a patch is to be read.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub enum PatchKind {
    Json,
    Merge,
    Strategic,
    Apply,
}

impl Verb {
    /// The HTTP method, or `LIST` and `WATCH`, as diagrams name it.
    pub fn label(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::List => "LIST",
            Verb::Watch => "WATCH",
            Verb::Create => "POST",
            Verb::Update => "PUT",
            Verb::Patch(_) => "PATCH",
            Verb::Delete | Verb::DeleteCollection => "DELETE",
        }
    }

    /// The verb of the authorization API.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Get => "get",
            Verb::List => "list",
            Verb::Watch => "watch",
            Verb::Create => "create",
            Verb::Update => "update",
            Verb::Patch(_) => "patch",
            Verb::Delete => "delete",
            Verb::DeleteCollection => "deletecollection",
        }
    }

    /// Whether it changes nothing.
    pub fn is_read(self) -> bool {
        matches!(self, Verb::Get | Verb::List | Verb::Watch)
    }
}

/// Which part of an object a request is about.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub enum Subresource {
    #[default]
    None,
    Status,
    Scale,
    Binding,
    Eviction,
    Finalize,
    /// Whether a certificate is to be had.
    Approval,
    /// A container's log, which the kubelet has.
    Log,
    /// A program to run in a container.
    Exec,
    /// What a container's own program reads and writes.
    Attach,
    /// A connection to a port of a pod.
    PortForward,
    /// Containers that are put beside those of a pod that runs.
    EphemeralContainers,
    /// What nodes or pods use: `metrics.k8s.io`, which metrics-server answers.
    Metrics,
    Token,
    /// CPU and memory of a pod's containers.
    Resize,
    /// HTTP requests to a pod, to what is behind a Service, or to a node.
    Proxy,
    /// None of an object: a question that is asked by creating it, whose plural stands in place of a name.
    AccessReview,
    /// None of an object: what the server says of itself, by its path in place of a name.
    Document,
}

impl Subresource {
    /// Whether it is a connection to something in a pod, through the kubelet.
    pub fn is_connection(self) -> bool {
        matches!(self, Subresource::Exec | Subresource::Attach | Subresource::PortForward)
    }

    /// Whether what is sent and comes back is no object of the API.
    pub fn is_as_it_is(self) -> bool {
        self.is_connection() || matches!(self, Subresource::Log | Subresource::Proxy | Subresource::Document)
    }

    /// As the path has it.
    pub fn path(self) -> &'static str {
        match self {
            Subresource::None | Subresource::AccessReview | Subresource::Metrics | Subresource::Document => {
                ""
            }
            Subresource::Status => "status",
            Subresource::Scale => "scale",
            Subresource::Binding => "binding",
            Subresource::Eviction => "eviction",
            Subresource::Finalize => "finalize",
            Subresource::Approval => "approval",
            Subresource::Log => "log",
            Subresource::Exec => "exec",
            Subresource::Attach => "attach",
            Subresource::PortForward => "portforward",
            Subresource::EphemeralContainers => "ephemeralcontainers",
            Subresource::Token => "token",
            Subresource::Proxy => "proxy",
            Subresource::Resize => "resize",
        }
    }
}

impl Subresource {
    /// The kind of what is sent to it.
    pub fn body_kind(self) -> &'static str {
        match self {
            Subresource::Scale => "Scale",
            Subresource::Binding => "Binding",
            Subresource::Eviction => "Eviction",
            Subresource::AccessReview => "SelfSubjectAccessReview",
            Subresource::Log => "PodLogOptions",
            Subresource::Exec => "PodExecOptions",
            Subresource::Attach => "PodAttachOptions",
            Subresource::PortForward => "PodPortForwardOptions",
            Subresource::Token => "TokenRequest",
            _ => "Object",
        }
    }
}

/// A decoded request.
#[derive(Codec, Clone, PartialEq, Hash, Debug)]
pub struct Request {
    /// Who asks.
    pub user: User,
    /// What is asked.
    pub verb: Verb,
    /// Of which kind.
    pub kind: Kind,
    /// In which namespace; empty for all, or for kinds without.
    pub namespace: Str,
    /// Of which object; empty for collections.
    pub name: Str,
    /// Of which part.
    pub subresource: Subresource,
    /// The object or patch.
    pub body: Doc,
    /// The Event that a component creates, in place of a body.
    pub said: Option<Box<Said>>,
    /// Everything that is rarely set.
    pub options: RequestOptions,
}

/// Query parameters and delete options.
#[derive(Codec, Clone, PartialEq, Hash, Debug, Default)]
pub struct RequestOptions {
    /// Which labels.
    pub labels: LabelSelector,
    /// Which fields.
    pub fields: FieldSelector,
    /// From which revision (watch), or at which (list).
    pub resource_version: Option<u64>,
    /// Whether nothing is to be stored.
    pub dry_run: bool,
    /// Who writes, for `managedFields`.
    pub field_manager: Str,
    /// Whether an apply takes over what others own.
    pub force: bool,
    /// How strictly the body's fields are checked against the schema; components' own are not checked.
    pub validation: FieldValidation,
    /// What the asker is to be warned of.
    pub warnings: Vec<Str>,
    /// How to delete.
    pub delete: DeleteOptions,
    /// The watch to open, chosen by the asker.
    pub watch: u64,
    /// Which part of a list, as of when.
    pub pages: Pages,
    /// What the path stands for, where its kind is one that people defined.
    pub custom: Option<Arc<CustomResources>>,
}

/// Which part of a list is wanted.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Pages {
    /// At most so many; 0 for all.
    pub limit: u64,
    /// After which object: revision, namespace and name.
    pub after: Option<(u64, Str, Str)>,
    /// Which revision, and whether exactly that.
    pub at: Option<(u64, bool)>,
}

/// Part of a list.
#[derive(Codec, Clone, Hash, Debug)]
pub struct Page {
    /// The objects.
    pub items: Vec<Arc<Object>>,
    /// As of when.
    pub revision: u64,
    /// How to ask for the rest; empty when there is none.
    pub token: Str,
    /// How many there are in the rest, where that is known.
    pub remaining: Option<u64>,
}

impl Pages {
    /// Whether all of the newest is wanted.
    pub fn is_plain(&self) -> bool {
        *self == Pages::default()
    }
}

/// `fieldValidation`: what becomes of fields that the schema does not have. Wrong types are always refused.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum FieldValidation {
    /// The body comes from a component and is known to be right.
    #[default]
    Trusted,
    /// They are dropped in silence.
    Ignore,
    /// They are dropped.
    Warn,
    /// They are refused.
    Strict,
}

/// `metav1.DeleteOptions`.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct DeleteOptions {
    /// Seconds of grace; the object's own default when unset.
    pub grace_period_seconds: Option<i64>,
    /// What becomes of dependents; what the object's finalizers or its kind say when unset.
    pub propagation: Option<Propagation>,
    /// Only if the object still has this UID.
    pub uid: Option<Uid>,
    /// What was said in place of a UID, where it is none.
    pub no_uid: Str,
    /// Only if the object still is at this revision.
    pub resource_version: Option<u64>,
}

/// What becomes of an object's dependents.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Propagation {
    /// They are collected afterwards.
    Background,
    /// They go first.
    Foreground,
    /// They stay, ownerless.
    Orphan,
}

impl Propagation {
    /// The finalizer of an object that goes after its dependents.
    pub const FOREGROUND: &str = "foregroundDeletion";
    /// That of one whose dependents are to lose it as their owner.
    pub const ORPHAN: &str = "orphan";

    /// The finalizer that says so.
    pub fn finalizer(self) -> Option<&'static str> {
        match self {
            Propagation::Background => None,
            Propagation::Foreground => Some(Propagation::FOREGROUND),
            Propagation::Orphan => Some(Propagation::ORPHAN),
        }
    }
}

impl Request {
    fn new(user: User, verb: Verb, kind: Kind, namespace: Str, name: Str) -> Request {
        Request {
            user,
            verb,
            kind,
            namespace,
            name,
            subresource: Subresource::None,
            body: Doc::Null,
            said: None,
            options: RequestOptions::default(),
        }
    }

    /// Creates an Event.
    pub fn event(user: User, key: Key, said: Said) -> Request {
        let said = Some(Box::new(said));
        Request { said, ..Request::new(user, Verb::Create, key.kind, key.namespace, key.name) }
    }

    /// Reads one object.
    pub fn get(user: User, key: &Key) -> Request {
        Request::new(user, Verb::Get, key.kind, key.namespace.clone(), key.name.clone())
    }

    /// Lists a kind in all namespaces.
    pub fn list(user: User, kind: Kind) -> Request {
        Request::new(user, Verb::List, kind, Str::new(), Str::new())
    }

    /// Creates `body`, a whole document, in `namespace`.
    pub fn create(user: User, kind: Kind, namespace: impl Into<Str>, body: Doc) -> Request {
        Request { body, ..Request::new(user, Verb::Create, kind, namespace.into(), Str::new()) }
    }

    /// Replaces an object by `body`, a whole document.
    pub fn update(user: User, key: &Key, body: Doc) -> Request {
        Request {
            body,
            ..Request::new(user, Verb::Update, key.kind, key.namespace.clone(), key.name.clone())
        }
    }

    /// Changes an object by `patch`.
    pub fn patch(user: User, key: &Key, kind: PatchKind, patch: Doc) -> Request {
        let verb = Verb::Patch(kind);
        Request { body: patch, ..Request::new(user, verb, key.kind, key.namespace.clone(), key.name.clone()) }
    }

    /// Deletes an object.
    pub fn delete(user: User, key: &Key) -> Request {
        Request::new(user, Verb::Delete, key.kind, key.namespace.clone(), key.name.clone())
    }

    /// The same about one of the object's parts.
    pub fn on(self, subresource: Subresource) -> Request {
        Request { subresource, ..self }
    }

    /// The object it is about (with an empty name for collections).
    pub fn key(&self) -> Key {
        Key { kind: self.kind, namespace: self.namespace.clone(), name: self.name.clone() }
    }
}

/// A successful answer.
#[derive(Codec, Clone, Hash, Debug)]
pub enum Reply {
    /// One object, and whether it was just created.
    Object(Arc<Object>, bool),
    /// A document that is no stored object: a Scale, a Status of success, a Binding.
    Doc(Doc),
    /// A collection at a revision.
    List(Arc<Vec<Arc<Object>>>, u64),
    /// Part of a collection.
    Page(Arc<Page>),
    /// This watch is open.
    Watching(u64),
    /// Another reply, and what the asker is warned of.
    Warned(Box<Reply>, Vec<Str>),
    /// More of an answer that goes on: the lines of a log that is followed.
    Part(Str),
    /// More of what a program writes: whether to standard error, and what.
    Output(bool, Str),
    /// What something in the cluster answered to a request that was passed on: the status and text of HTTP.
    Http(u32, Str),
}

impl Reply {
    /// The object it is about, when it is about one.
    pub fn key(&self) -> Option<Key> {
        match self {
            Reply::Object(object, _) => Some(object.key.clone()),
            _ => None,
        }
    }

    /// The object in it.
    pub fn object(&self) -> Option<&Arc<Object>> {
        match self {
            Reply::Object(object, _) => Some(object),
            _ => None,
        }
    }
}

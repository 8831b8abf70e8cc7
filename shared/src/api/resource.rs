//! What the API server needs to know of a kind.

use std::fmt::Write;

use crate::doc::{Doc, Str, Timestamp};

use super::validation::Faults;
use super::validation::names::{self, Rule};
use super::{Object, Subresource, View};

/// Names, scope and parts of a kind.
#[derive(Debug)]
pub struct Info {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// API version.
    pub version: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Plural, as in paths.
    pub plural: &'static str,
    /// Singular, as people type it.
    pub singular: &'static str,
    /// Short names.
    pub short_names: &'static [&'static str],
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Which parts have paths of their own.
    pub subresources: &'static [Subresource],
    /// Categories, such as `all`.
    pub categories: &'static [&'static str],
    /// Whether objects have a spec whose changes are counted in `metadata.generation`.
    pub has_generation: bool,
}

/// Whether deleting one of a resource at once is answered with what it was, and not only with the fact.
pub fn is_handed_out(group: &str, plural: &str) -> bool {
    match group {
        "" => [
            "persistentvolumeclaims",
            "persistentvolumes",
            "pods",
            "podtemplates",
            "resourcequotas",
            "serviceaccounts",
            "services",
        ]
        .contains(&plural),
        "resource.k8s.io" => true,
        "storage.k8s.io" => plural != "csistoragecapacities",
        _ => false,
    }
}

impl Info {
    /// `v1`, `apps/v1`
    pub fn api_version(&self) -> &'static str {
        match (self.group, self.version) {
            ("", "v1") => "v1",
            ("apps", "v1") => "apps/v1",
            ("storage.k8s.io", "v1") => "storage.k8s.io/v1",
            ("scheduling.k8s.io", "v1") => "scheduling.k8s.io/v1",
            ("rbac.authorization.k8s.io", "v1") => "rbac.authorization.k8s.io/v1",
            ("apiregistration.k8s.io", "v1") => "apiregistration.k8s.io/v1",
            ("autoscaling", "v2") => "autoscaling/v2",
            ("batch", "v1") => "batch/v1",
            ("node.k8s.io", "v1") => "node.k8s.io/v1",
            ("policy", "v1") => "policy/v1",
            ("discovery.k8s.io", "v1") => "discovery.k8s.io/v1",
            ("networking.k8s.io", "v1") => "networking.k8s.io/v1",
            ("coordination.k8s.io", "v1") => "coordination.k8s.io/v1",
            ("apiextensions.k8s.io", "v1") => "apiextensions.k8s.io/v1",
            ("admissionregistration.k8s.io", "v1") => "admissionregistration.k8s.io/v1",
            ("certificates.k8s.io", "v1") => "certificates.k8s.io/v1",
            ("flowcontrol.apiserver.k8s.io", "v1") => "flowcontrol.apiserver.k8s.io/v1",
            ("resource.k8s.io", "v1") => "resource.k8s.io/v1",
            _ => super::custom::api_version(self),
        }
    }

    /// `pods`, `deployments.apps`: how messages name it.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }
}

/// A printer column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Heading, as the Table answer has it (`Up-to-date`).
    pub name: &'static str,
    /// Whether only `-o wide` shows it.
    pub wide: bool,
}

/// The printed cells of one object.
pub type Row = Vec<String>;

/// A kind's behaviour in the API server.
pub trait Resource: Sync {
    /// Names and scope.
    fn info(&self) -> &'static Info;

    /// What clients are warned of whenever they use the kind; empty for nothing.
    fn deprecation(&self) -> &'static str {
        ""
    }

    /// What those are warned of who create or change one; empty for nothing.
    fn creation_warning(&self) -> &'static str {
        ""
    }

    /// Its place in a printed list, before the name.
    fn order(&self, _object: &Object) -> i64 {
        0
    }

    /// The typed view of a document. `previous` is the revision before: share what the document shares with it.
    fn view(&self, _body: &Doc, _previous: Option<&Object>) -> View {
        View::None
    }

    /// Fills in what the person left out; `doc` is the whole document.
    fn default(&self, _doc: &mut Doc) {}

    /// Clears what clients may not set on creation; `doc` is the whole document.
    fn prepare_create(&self, doc: &mut Doc) {
        if self.info().subresources.contains(&Subresource::Status) {
            doc.remove("status");
        }
    }

    /// What its objects may be called.
    fn name(&self) -> Rule {
        names::dns_subdomain
    }

    /// Whether clients may replace an object without saying which revision they mean.
    fn may_update_blindly(&self) -> bool {
        true
    }

    /// Writes down what follows from a new object's UID; `doc` is the whole document.
    fn identify(&self, _doc: &mut Doc, _uid: &str) {}

    /// Restores what clients may not change (whole documents).
    fn prepare_update(&self, _new: &mut Doc, _old: &Doc) {}

    /// Says what is wrong with a whole document, beside its metadata.
    fn validate(&self, _doc: &Doc, _faults: &mut Faults) {}

    /// Says what a new object may not have, though it may have it later.
    fn validate_create(&self, _doc: &Doc, _faults: &mut Faults) {}

    /// Says what may not change from `old` to `new` (whole documents).
    fn validate_update(&self, _new: &Doc, _old: &Doc, _faults: &mut Faults) {}

    /// Columns of the Table answer, without the name's and including the wide ones.
    fn columns(&self) -> &'static [Column] {
        &[Column { name: "Name", wide: false }, Column { name: "Age", wide: false }]
    }

    /// The cells of those columns.
    fn row(&self, object: &Object, now: Timestamp) -> Row {
        vec![object.key.name.to_string(), age(object.meta.creation, now)]
    }

    /// The field called `path` of a field selector; `None` when the kind has no such.
    fn field(&self, object: &Object, path: &str) -> Option<Str> {
        match path {
            "metadata.name" => Some(object.key.name.clone()),
            "metadata.namespace" => Some(object.key.namespace.clone()),
            path if self.fields().contains(&path) => {
                Some(match path.split('.').fold(&object.body, |doc, part| doc.get(part)) {
                    Doc::Null => Str::new(),
                    Doc::Str(text) => text.clone(),
                    other => other.to_json().into(),
                })
            }
            _ => None,
        }
    }

    /// The paths that [`Resource::field`] knows.
    fn fields(&self) -> &'static [&'static str] {
        NAMES
    }
}

/// What every kind can be selected by.
pub const NAMES: &[&str] = &["metadata.name", "metadata.namespace"];

/// The time since `then`, as kubectl's AGE shows it.
pub fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.seconds() - then.seconds();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let mut text = String::new();
    let mut two = |a: i64, unit_a: char, b: i64, unit_b: char| {
        let _ = write!(text, "{a}{unit_a}");
        if b > 0 {
            let _ = write!(text, "{b}{unit_b}");
        }
    };
    match () {
        () if seconds < -1 => return "<invalid>".into(),
        () if seconds < 0 => two(0, 's', 0, 's'),
        () if seconds < 120 => two(seconds, 's', 0, 's'),
        () if minutes < 10 => two(minutes, 'm', seconds % 60, 's'),
        () if minutes < 180 => two(minutes, 'm', 0, 'm'),
        () if hours < 8 => two(hours, 'h', minutes % 60, 'm'),
        () if hours < 48 => two(hours, 'h', 0, 'h'),
        () if days < 8 => two(days, 'd', hours % 24, 'h'),
        () if days < 730 => two(days, 'd', 0, 'd'),
        () if days < 8 * 365 => two(days / 365, 'y', days % 365, 'd'),
        () => two(days / 365, 'y', 0, 'd'),
    }
    text
}

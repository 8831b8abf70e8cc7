//! Definitions and the resources that they make: which are served at a path, and what follows from a write. Upstream,
//! controllers inside the API server do that.

use std::sync::Arc;

use crate::api::apiextensions::customresource::CustomResources;
use crate::api::apiextensions::customresourcedefinition::{
    CustomResourceDefinition, FINALIZER, judged, terminating,
};
use crate::api::{Key, Kind, Object, Resource, Status, Verb};
use crate::doc::Str;
use crate::etcd::Store;
use crate::sim::ChangeKind;

use super::{ApiServer, Call};

fn definition<'a>(store: &'a Store, group: &str, plural: &str) -> Option<&'a Arc<Object>> {
    let name = format!("{plural}.{group}");
    store.get(&Key::new(Kind::CustomResourceDefinition, Str::new(), name))
}

/// The resources that are served at a path.
pub(super) fn at_path(store: &Store, group: &str, version: &str, plural: &str) -> Option<CustomResources> {
    let definition = definition(store, group, plural)?;
    CustomResources::of(definition, |served| served.kind.info().version == version)
}

/// The resources that a request is about, where they are custom ones. The version that it names counts as long as it
/// is served.
pub(super) fn of_kind(store: &Store, kind: Kind) -> Result<Option<CustomResources>, Status> {
    if !matches!(kind, Kind::Custom(_)) {
        return Ok(None);
    }
    let info = kind.info();
    let definition = definition(store, info.group, info.plural).ok_or_else(Status::unknown_path)?;
    let same = CustomResources::of(definition, |served| served.kind.info().version == info.version);
    let found = same.or_else(|| CustomResources::of(definition, |served| served.storage || served.served));
    found.filter(|found| found.kind == kind).map(Some).ok_or_else(Status::unknown_path)
}

/// How a kind behaves: what its definition says, or what comes with the cluster.
pub(super) fn behaviour(custom: Option<&CustomResources>, kind: Kind) -> &dyn Resource {
    match custom {
        Some(custom) => custom,
        None => kind.resource(),
    }
}

/// Every version that is served, in the order of the definitions' names.
pub(super) fn served(store: &Store) -> Vec<CustomResources> {
    let definitions = store.list(Kind::CustomResourceDefinition);
    let versions = definitions.flat_map(|definition| {
        let view = definition.view::<CustomResourceDefinition>();
        let kinds =
            view.into_iter().flat_map(|view| &view.versions).map(|version| version.kind.info().version);
        kinds.filter_map(|name| CustomResources::of(definition, |one| one.kind.info().version == name))
    });
    versions.collect()
}

/// The resources of a kind that somebody defined and that are served in this version (`example.com/v1`).
pub fn custom_resources(store: &Store, api_version: &str, kind: &str) -> Option<CustomResources> {
    served(store).into_iter().find(|custom| {
        let info = custom.kind.info();
        info.kind == kind && info.api_version() == api_version
    })
}

impl ApiServer {
    /// Lets follow what follows from writes of definitions and of their resources.
    pub(super) fn judge_definitions(&mut self, call: &mut Call<'_, '_>) {
        let of_definitions =
            |kind: Kind| kind == Kind::CustomResourceDefinition || matches!(kind, Kind::Custom(_));
        if !call.written.iter().any(|written| of_definitions(written.object.key.kind)) {
            return;
        }
        let changed = call.written.iter().any(|it| it.object.key.kind == Kind::CustomResourceDefinition);
        if changed {
            self.accept_names(call);
        }
        let ends = call.written.iter().any(|it| changed || it.change == ChangeKind::Deleted);
        let going: Vec<Arc<Object>> = match ends {
            true => call
                .store
                .list(Kind::CustomResourceDefinition)
                .filter(|it| it.meta.deleting())
                .cloned()
                .collect(),
            false => Vec::new(),
        };
        for definition in going {
            self.empty(call, &definition);
        }
    }

    fn accept_names(&mut self, call: &mut Call<'_, '_>) {
        // One definition's names are free once another is gone: each may follow from the one before.
        let count = call.store.list(Kind::CustomResourceDefinition).count();
        for at in 0..count {
            let all: Vec<Arc<Object>> = call.store.list(Kind::CustomResourceDefinition).cloned().collect();
            if let Some(judged) = all.get(at).and_then(|it| judged(it, &all, call.cx.timestamp())) {
                call.put(judged);
            }
        }
    }

    /// Deletes the resources of a definition that is going, and lets it go once there are none.
    fn empty(&mut self, call: &mut Call<'_, '_>, definition: &Arc<Object>) {
        if !definition.meta.has_finalizer(FINALIZER) {
            return;
        }
        let now = call.cx.timestamp();
        let kind = definition
            .view::<CustomResourceDefinition>()
            .and_then(|view| view.versions.first())
            .map(|it| it.kind);
        let begun = terminating(definition, false, now).map(|object| call.put(object));
        let definition = begun.unwrap_or_else(|| Arc::clone(definition));
        let Some(kind) = kind else { return };
        let left: Vec<Arc<Object>> = call.store.list(kind).cloned().collect();
        for object in left.iter().filter(|object| !object.meta.deleting()) {
            self.let_go(call, object);
        }
        if call.store.list(kind).next().is_none()
            && let Some(done) = terminating(&definition, true, now)
        {
            // Others may hold it still.
            let done = call.put(done);
            if super::delete::is_released(&done) {
                call.remove(&done.key);
                self.accept_names(call);
            }
        }
    }

    fn let_go(&mut self, call: &mut Call<'_, '_>, object: &Arc<Object>) {
        if object.meta.finalizers.is_empty() {
            call.remove(&object.key);
            return;
        }
        let mut meta = object.meta.clone();
        meta.deletion = Some(super::write::deletion(call.cx.timestamp(), 0));
        meta.generation += 1;
        call.put(Object::new(object.key.clone(), meta, object.body.clone(), Some(object)));
    }
}

/// Refuses new resources of a definition that is going.
pub(super) fn takes_more(custom: Option<&CustomResources>, verb: Verb) -> Result<(), Status> {
    match custom {
        Some(custom) if custom.terminating() => {
            let message =
                format!("{} not allowed while custom resource definition is terminating", verb.name());
            Err(Status::new(crate::api::Reason::MethodNotAllowed, message))
        }
        _ => Ok(()),
    }
}

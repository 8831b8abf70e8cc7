//! What the server keeps in step with other objects by itself: the addresses that Services have, where they come from,
//! which versions it serves, and what it orders requests by. Upstream, allocators, the aggregator and controllers in it
//! do that.

use std::sync::Arc;

use crate::api::apiregistration::apiservice::{self, Server};
use crate::api::core::service::Service;
use crate::api::{Key, Kind, Meta, Object, Uid};
use crate::doc;
use crate::doc::{Doc, Str, Timestamp};
use crate::etcd::Store;
use crate::sim::{Causes, ChangeKind, hash_of};

use super::{Call, definitions, discovery};

/// Says of an APIService that the server made it, and for how long.
const MANAGED: &str = "kube-aggregator.kubernetes.io/automanaged";

/// Says of what decides whose requests wait that the server sees to it.
const RESTORED: &str = "apf.kubernetes.io/autoupdate-spec";

/// What Services have their addresses from, and what the server orders requests by.
fn is_own(object: &Object) -> bool {
    let key = &object.key;
    match key.kind {
        Kind::ServiceCidr => key.name == "kubernetes",
        Kind::FlowSchema | Kind::PriorityLevelConfiguration => {
            object.meta.annotations[RESTORED].as_str() == Some("true")
        }
        _ => false,
    }
}

/// An object that nobody sent. Its UID is drawn from nowhere, so that all others stay what they would be.
fn made(kind: Kind, name: &str, labels: Doc, of: impl std::hash::Hash, body: Doc, at: Timestamp) -> Object {
    let bits = hash_of(&(name, of)) & !(0xf << 76) & !(0b11 << 62) | 4 << 76 | 0b10 << 62;
    let mut meta = Meta { uid: Uid::new(bits), creation: at.floor_seconds(), ..Meta::default() };
    meta.labels = labels;
    meta.generation = i64::from(kind.info().has_generation);
    Object::new(Key::new(kind, Str::new(), name), meta, body, None)
}

/// The address of a Service as an object of its own.
fn address(service: &Object, at: Timestamp) -> Option<Object> {
    let ip = &service.view::<Service>()?.cluster_ip;
    if ip.is_empty() || ip == "None" {
        return None;
    }
    let labels = doc!({
        "ipaddress.kubernetes.io/ip-family": "IPv4",
        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"
    });
    let Key { namespace, name, .. } = &service.key;
    let parent = doc!({ "group": "", "resource": "services", "namespace": namespace, "name": name });
    let body = doc!({ "spec": { "parentRef": parent } });
    Some(made(Kind::IpAddress, ip, labels, service.meta.uid, body, at))
}

/// That the server itself answers for a group and version.
fn local(group: &str, version: &str, managed: &str, priority: (u32, u32), at: Timestamp) -> Object {
    let mut labels = Doc::map();
    labels.set(MANAGED, managed);
    let body = doc!({
        "spec": {
            "group": group, "version": version, "groupPriorityMinimum": priority.0,
            "versionPriority": priority.1
        }
    });
    let object = made(Kind::ApiService, &format!("{version}.{group}"), labels, at.millis(), body, at);
    apiservice::judged(&object, Server::Ready, at).unwrap_or(object)
}

/// Stores what is so from the beginning.
pub(crate) fn begin(store: &mut Store, at: Timestamp) {
    let addresses = store.list(Kind::Service).filter_map(|service| address(service, at));
    let served = discovery::own_versions(store);
    let served =
        served.iter().map(|(group, version, priority)| local(group, version, "onstart", *priority, at));
    for object in addresses.chain(served).collect::<Vec<_>>() {
        store.put(object, Causes::none());
    }
}

impl Call<'_, '_> {
    /// Lets follow what follows from writes of Services and definitions.
    pub(super) fn keep_in_step(&mut self) {
        self.restore_own();
        let concerned = |kind: Kind| matches!(kind, Kind::Service | Kind::CustomResourceDefinition);
        let at = self.cx.timestamp();
        let (mut gone, mut new, mut groups): (Vec<Object>, Vec<Object>, Vec<Str>) = Default::default();
        for written in self.written.iter().filter(|written| concerned(written.object.key.kind)) {
            let (object, stays) = (&written.object, written.change != ChangeKind::Deleted);
            let before = written.previous.as_ref();
            match object.key.kind {
                Kind::Service => {
                    let (had, has) = (
                        before.and_then(|before| address(before, at)),
                        stays.then(|| address(object, at)).flatten(),
                    );
                    if had.as_ref().map(|had| &had.key) != has.as_ref().map(|has| &has.key) {
                        gone.extend(had);
                        new.extend(has);
                    }
                }
                _ => groups.push(object.body["spec"]["group"].str()),
            }
        }
        for object in gone {
            if self.store.get(&object.key).is_some_and(|there| there.meta.uid == object.meta.uid) {
                self.remove(&object.key);
            }
        }
        for object in new {
            if self.store.get(&object.key).is_none() {
                self.put(object);
            }
        }
        if !groups.is_empty() {
            self.register(&groups, at);
        }
    }

    /// Makes anew what the server itself needs, where somebody deleted it. Upstream looks every ten seconds, or every
    /// minute.
    fn restore_own(&mut self) {
        let at = self.cx.timestamp();
        let deleted = self.written.iter().filter(|written| written.change == ChangeKind::Deleted);
        let gone: Vec<Arc<Object>> = deleted
            .filter(|written| is_own(&written.object))
            .map(|written| Arc::clone(&written.object))
            .collect();
        for object in gone {
            if self.store.get(&object.key).is_some() {
                continue;
            }
            let (key, meta) = (&object.key, &object.meta);
            let mut new = made(key.kind, &key.name, meta.labels.clone(), meta.uid, object.document(), at);
            new.key.namespace = key.namespace.clone();
            new.meta.annotations = meta.annotations.clone();
            self.put(new);
        }
    }

    /// An APIService for each version that definitions serve, as long as they do.
    fn register(&mut self, groups: &[Str], at: Timestamp) {
        let served = definitions::served(self.store).into_iter().map(|one| one.kind.info());
        let wanted: Vec<Object> = served
            .filter(|info| groups.iter().any(|group| group == info.group))
            .map(|info| local(info.group, info.version, "true", (1000, 100), at))
            .collect();
        let of_groups = |object: &&Arc<Object>| {
            object.meta.labels[MANAGED].as_str() == Some("true")
                && groups.contains(&object.body["spec"]["group"].str())
        };
        let there: Vec<Key> =
            self.store.list(Kind::ApiService).filter(of_groups).map(|object| object.key.clone()).collect();
        for key in there.iter().filter(|key| !wanted.iter().any(|object| object.key == **key)) {
            self.remove(key);
        }
        for object in wanted {
            if self.store.get(&object.key).is_none() {
                self.put(object);
            }
        }
    }
}

//! EndpointSlice controller: writes down which pods are behind each Service.
//!
//! Works pod by pod: a change of one pod touches one slice of at most a hundred endpoints, however many a Service has.

mod hints;
mod slices;

use std::sync::Arc;

use crate::api::core::node::Node;
use crate::api::core::pod::Pod;
use crate::api::core::service::Service;
use crate::api::discovery::endpointslice::EndpointSlice;
use crate::api::{Key, Kind, Object, Of};
use crate::client::Delta;
use crate::codec::Codec;
use crate::collections::{BTreeMap, BTreeSet};
use crate::doc;
use crate::doc::{Doc, Str, Timestamp};

use super::status::condition;
use super::worker::{Answer, Controller, Desk, Step, is_gone};
use super::world::World;

use slices::Slices;

/// Label: the Service that a slice belongs to.
pub(super) const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Label: who keeps the slice.
pub(super) const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
pub(super) const MANAGER: &str = "endpointslice-controller.k8s.io";

/// The control loop.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct EndpointSliceController {
    /// Pods that changed since the last sync, by Service.
    changed: BTreeMap<Key, BTreeSet<Key>>,
    /// Services that have to be looked at as a whole.
    whole: BTreeSet<Key>,
    /// The slice that has a pod: namespace, Service and pod name → slice name.
    placed: BTreeMap<(Str, Str, Str), Str>,
    /// Services that want hints by their annotation, and whether their endpoints have them.
    hinted: BTreeMap<Key, bool>,
}

impl Controller for EndpointSliceController {
    const NAME: &'static str = "endpointslice-controller";
    const SOURCE: &'static str = "endpoint-slice-controller";
    const WORKERS: u64 = 5;
    type Waiting = ();

    fn observe(&mut self, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
        let key = &delta.object().key;
        match key.kind {
            Kind::Pod if is_relevant(delta) => {
                for service in world.may_concern::<Service>(delta) {
                    let Some(selector) = &service.selector else { continue };
                    let sides = [&delta.old, &delta.new].into_iter().flatten();
                    if sides.into_iter().any(|pod| selector.matches(&pod.meta.labels)) {
                        self.changed.entry(service.key().clone()).or_default().insert(key.clone());
                        desk.add(service.key().clone());
                    }
                }
            }
            Kind::Service => {
                let same = |old: &Arc<Object>, new: &Arc<Object>| {
                    old.body["spec"] == new.body["spec"]
                        && old.meta.labels == new.meta.labels
                        && old.meta.annotations == new.meta.annotations
                };
                let unchanged =
                    delta.old.as_ref().zip(delta.new.as_ref()).is_some_and(|(old, new)| same(old, new));
                if delta.new.is_none() {
                    self.changed.remove(key);
                    self.whole.remove(key);
                    self.hinted.remove(key);
                } else if !unchanged {
                    self.whole.insert(key.clone());
                    desk.add(key.clone());
                }
            }
            Kind::EndpointSlice => self.observe_slice(delta, world, desk),
            Kind::Node if !self.hinted.is_empty() => {
                let basis = |node: &Arc<Object>| Of::new(Arc::clone(node)).map(|node| hints::basis(&node));
                if delta.old.as_ref().and_then(basis) != delta.new.as_ref().and_then(basis) {
                    for (service, _) in self.hinted.iter().filter(|(_, have)| **have) {
                        self.whole.insert(service.clone());
                        desk.add(service.clone());
                    }
                }
            }
            _ => {}
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<()> {
        let whole = self.whole.remove(key);
        let mut pods = self.changed.remove(key).unwrap_or_default();
        let Some(service) = world.of::<Service>(key) else { return Step::Done };
        let Some(selector) = service.selector.clone().filter(|_| service.kind != "ExternalName") else {
            return Step::Done;
        };
        if service.meta().deleting() {
            return Step::Done;
        }
        if whole {
            pods.extend(self.placed_pods(key));
            pods.extend(world.selected_pods(&key.namespace, &selector).iter().map(|pod| pod.key().clone()));
        }
        let mut slices = Slices::of(&service, world);
        for pod_key in &pods {
            let pod = world.of::<Pod>(pod_key).filter(|pod| selector.matches(&pod.meta().labels));
            let since = pod.as_ref().and_then(ready_changed);
            let endpoint =
                pod.and_then(|pod| Some((ports(&service, &pod), endpoint(&service, &pod, world)?)));
            let place = (key.namespace.clone(), key.name.clone(), pod_key.name.clone());
            slices.put(&pod_key.name, self.placed.get(&place), endpoint, since);
        }
        slices.settle();
        self.hint(&service, &mut slices, world, desk);
        Step::Ask(slices.requests(&service, whole, desk.user), ())
    }

    fn answered(
        &mut self,
        key: &Key,
        (): (),
        answers: Vec<Answer>,
        _: &World,
        _: &mut Desk<'_, '_>,
    ) -> Step<()> {
        if answers.iter().all(Result::is_ok) {
            return Step::Done;
        }
        self.whole.insert(key.clone());
        // A slice that somebody deleted is made anew; anything else is tried again as a whole.
        let namespace_is_going = |answer: &Answer| matches!(answer, Err(refusal) if refusal.causes.iter().any(|cause| cause.reason == "NamespaceTerminating"));
        if answers.iter().any(namespace_is_going) || answers.iter().all(is_gone) {
            Step::Done
        } else {
            Step::Retry
        }
    }
}

impl EndpointSliceController {
    /// Gives endpoints hints by the zones' CPU, where a Service's annotation wants them, and tells of it.
    fn hint(&mut self, service: &Of<Service>, slices: &mut Slices, world: &World, desk: &mut Desk<'_, '_>) {
        const ENDED: &str = "TopologyAwareHintsDisabled";
        let key = service.key();
        let say = |message: &str| format!("{message}, addressType: IPv4");
        if !hints::wanted(service) {
            if self.hinted.remove(key) == Some(true) {
                desk.warning(service.object(), ENDED, say(hints::DISABLED));
            }
            return;
        }
        let outcome = hints::spread(slices.drafts(), world);
        let before = self.hinted.insert(key.clone(), outcome.is_ok());
        match outcome {
            Ok(()) if before == Some(true) => {}
            Ok(()) => desk.normal(service.object(), "TopologyAwareHintsEnabled", say(hints::ENABLED)),
            Err(why) => {
                hints::remove(slices.drafts());
                desk.warning(service.object(), ENDED, say(&why));
            }
        }
    }

    fn placed_pods(&self, service: &Key) -> Vec<Key> {
        let first = (service.namespace.clone(), service.name.clone(), Str::new());
        let mine = self
            .placed
            .range(first..)
            .take_while(|((namespace, name, _), _)| *namespace == service.namespace && *name == service.name);
        mine.map(|((namespace, _, pod), _)| Key::new(Kind::Pod, namespace.clone(), pod.clone())).collect()
    }

    /// Keeps [`Self::placed`] up to date: only the pods that came or went.
    fn observe_slice(&mut self, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
        let object = delta.object();
        if object.meta.label(MANAGED_BY) != MANAGER {
            return;
        }
        let (namespace, service) = (&object.key.namespace, object.meta.labels[SERVICE_NAME].str());
        let pods = |object: &Option<Arc<Object>>| -> Vec<Str> {
            let slice = object.as_ref().and_then(|object| object.view::<EndpointSlice>());
            slice
                .map(|slice| slice.endpoints.iter().map(|endpoint| endpoint.pod.clone()).collect())
                .unwrap_or_default()
        };
        let (old, new) = (pods(&delta.old), pods(&delta.new));
        let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
        let end =
            old[start..].iter().rev().zip(new[start..].iter().rev()).take_while(|(a, b)| a == b).count();
        for pod in &old[start..old.len() - end] {
            let place = (namespace.clone(), service.clone(), pod.clone());
            if self.placed.get(&place) == Some(&object.key.name) {
                self.placed.remove(&place);
            }
        }
        for pod in &new[start..new.len() - end] {
            self.placed.insert((namespace.clone(), service.clone(), pod.clone()), object.key.name.clone());
        }
        let key = Key::new(Kind::Service, namespace.clone(), service);
        if delta.new.is_none() && world.object(&key).is_some() {
            self.whole.insert(key.clone());
            desk.add(key);
        }
    }
}

/// When the pod last became ready or ceased to be.
fn ready_changed(pod: &Of<Pod>) -> Option<Timestamp> {
    condition(&pod.object().body["status"], "Ready")["lastTransitionTime"].as_time()
}

/// Whether a change of a pod can show in a slice.
fn is_relevant(delta: &Delta) -> bool {
    let (Some(old), Some(new)) = (&delta.old, &delta.new) else { return true };
    let (Some(before), Some(after)) = (old.view::<Pod>(), new.view::<Pod>()) else { return true };
    before.ready != after.ready
        || before.ip != after.ip
        || before.phase.is_terminal() != after.phase.is_terminal()
        || old.meta.deleting() != new.meta.deleting()
        || !old.meta.labels.same(&new.meta.labels) && old.meta.labels != new.meta.labels
}

/// The Service's ports as they are on a pod: named ones may have another number on each.
fn ports(service: &Of<Service>, pod: &Of<Pod>) -> Doc {
    let mut ports = Vec::new();
    let said = service.object().body["spec"]["ports"].items();
    for (port, said) in service.ports.iter().zip(said) {
        let number = match &port.target {
            Doc::Int(number) => Some(number.get()),
            Doc::Str(name) => {
                let containers = pod.spec.containers.iter().flat_map(|container| &container.ports);
                let named = |candidate: &&crate::api::core::pod::ContainerPort| {
                    candidate.name == *name && candidate.protocol == port.protocol
                };
                containers.into_iter().find(named).map(|found| i64::from(found.port))
            }
            _ => Some(i64::from(port.port)),
        };
        if let Some(number) = number {
            let mut port = doc!({ "name": &port.name, "port": number, "protocol": &port.protocol });
            if !said["appProtocol"].is_null() {
                port.set("appProtocol", said["appProtocol"].clone());
            }
            ports.push(port);
        }
    }
    Doc::from(ports)
}

/// A pod as an endpoint; `None` while it has no address and once it is finished.
fn endpoint(service: &Of<Service>, pod: &Of<Pod>, world: &World) -> Option<Doc> {
    if pod.ip.is_empty() || pod.phase.is_terminal() {
        return None;
    }
    let spec = &service.object().body["spec"];
    let terminating = pod.meta().deleting();
    let published = spec["publishNotReadyAddresses"].as_bool() == Some(true);
    let mut endpoint = doc!({
        "addresses": Doc::list([&pod.ip]),
        "conditions": {
            "ready": published || pod.ready && !terminating, "serving": pod.ready, "terminating": terminating
        },
        "targetRef": pod.object().reference()
    });
    if !pod.node_name.is_empty() {
        endpoint.set("nodeName", &pod.node_name);
    }
    let node = world.of::<Node>(&Key::new(Kind::Node, Str::new(), pod.node_name.clone()));
    let zone = node.map(|node| node.meta().labels["topology.kubernetes.io/zone"].clone()).unwrap_or_default();
    let ready = endpoint["conditions"]["ready"].as_bool() == Some(true);
    let distribution = spec["trafficDistribution"].as_str().filter(|_| ready && !hints::wanted(service));
    if let Some(distribution) = distribution {
        // Proxies go by these as long as every endpoint has them.
        let mut hints = Doc::map();
        if !zone.is_empty() {
            hints.set("forZones", doc!([{ "name": &zone }]));
        }
        if distribution == "PreferSameNode" && !pod.node_name.is_empty() {
            hints.set("forNodes", doc!([{ "name": &pod.node_name }]));
        }
        if !hints.is_empty() {
            endpoint.set("hints", hints);
        }
    }
    if !zone.is_empty() {
        endpoint.set("zone", zone);
    }
    let host = &pod.object().body["spec"];
    if !host["hostname"].is_empty() && host["subdomain"].as_str() == Some(&service.key().name) {
        endpoint.set("hostname", host["hostname"].clone());
    }
    Some(endpoint)
}

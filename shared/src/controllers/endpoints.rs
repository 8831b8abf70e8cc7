//! Endpoints controller: the addresses behind each Service in the form that came before EndpointSlices.
//!
//! What it writes follows from the slices, which the EndpointSlice controller keeps: who has pods matched there need not
//! match them again.

use crate::api::core::endpoints::{Loose, pack};
use crate::api::core::service::Service;
use crate::api::discovery::endpointslice::EndpointSlice;
use crate::api::{Key, Kind, Of, PatchKind, Request};
use crate::client::Delta;
use crate::codec::Codec;
use crate::doc;
use crate::doc::{Doc, Str};
use crate::sim::Duration;

use super::endpointslice::{MANAGED_BY, MANAGER, SERVICE_NAME};
use super::pods::namespace_is_going;
use super::status::resource_version;
use super::worker::{Answer, Controller, Desk, Step, is_gone};
use super::world::World;

/// Label: who keeps the object.
const ENDPOINTS_MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
/// Most addresses that are written, and the annotation that says that there are more.
const MOST: usize = 1000;
const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";
/// Objects with many addresses are written less often, since they are written whole.
const MANY_SLICES: usize = 1;
const BATCH: Duration = Duration::seconds(1);

/// The control loop. Its keys are Services.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct EndpointsController {}

impl Controller for EndpointsController {
    const NAME: &'static str = "endpoint-controller";
    const WORKERS: u64 = 5;
    type Waiting = ();

    fn observe(&mut self, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
        let object = delta.object();
        let namespace = || object.key.namespace.clone();
        match object.key.kind {
            Kind::EndpointSlice if object.meta.label(MANAGED_BY) == MANAGER => {
                let service = Key::new(Kind::Service, namespace(), object.meta.label(SERVICE_NAME));
                match slices(&service, world).count() > MANY_SLICES {
                    true => desk.add_after(service, BATCH),
                    false => desk.add(service),
                }
            }
            Kind::Service => {
                let labels = |object: &crate::api::Object| object.meta.labels.clone();
                let old = delta.old.as_deref().map(labels);
                if delta.new.is_none() || old.is_some_and(|old| old != object.meta.labels) {
                    desk.add(object.key.clone());
                }
            }
            Kind::Endpoints if delta.new.is_none() => {
                desk.add(Key::new(Kind::Service, namespace(), object.key.name.clone()));
            }
            _ => {}
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<()> {
        let own = Key::new(Kind::Endpoints, key.namespace.clone(), key.name.clone());
        let current = world.object(&own);
        let Some(service) = world.of::<Service>(key) else {
            let delete = current.map(|_| Request::delete(desk.user.clone(), &own));
            return Step::Ask(delete.into_iter().collect(), ());
        };
        if service.kind == "ExternalName" || service.selector.is_none() || service.meta().deleting() {
            return Step::Done;
        }
        let all: Vec<Loose> = slices(key, world).flat_map(|slice| loose(&slice)).collect();
        // A slice comes first: before that there is nothing to be said.
        if all.is_empty() && slices(key, world).next().is_none() {
            return Step::Done;
        }
        let over = all.len() > MOST;
        let subsets = pack(all.into_iter().take(MOST));
        let mut labels =
            if service.meta().labels.is_null() { Doc::map() } else { service.meta().labels.clone() };
        labels.set(ENDPOINTS_MANAGED_BY, Self::NAME);
        if service.cluster_ip == "None" {
            labels.set("service.kubernetes.io/headless", "");
        }
        let annotation = if over { Doc::from("truncated") } else { Doc::Null };
        let request = match current {
            None => {
                let mut body = doc!({ "metadata": { "name": &key.name, "labels": labels } });
                if over {
                    body.set_at(&["metadata", "annotations", OVER_CAPACITY], annotation);
                }
                if !subsets.is_empty() {
                    body.set("subsets", subsets);
                }
                Request::create(desk.user.clone(), Kind::Endpoints, key.namespace.clone(), body)
            }
            Some(current) => {
                let same =
                    current.body["subsets"].items() == subsets.items() && current.meta.labels == labels;
                if same && current.meta.annotation(OVER_CAPACITY).is_some() == over {
                    return Step::Done;
                }
                let version = resource_version(current.meta.resource_version);
                let subsets = if subsets.is_empty() { Doc::Null } else { subsets };
                let mut patch = doc!({
                    "metadata": { "resourceVersion": version, "labels": labels }, "subsets": subsets
                });
                patch.set_at(&["metadata", "annotations"], doc!({}));
                patch.set_at(&["metadata", "annotations", OVER_CAPACITY], annotation);
                Request::patch(desk.user.clone(), &own, PatchKind::Merge, patch)
            }
        };
        Step::Ask(vec![request], ())
    }

    fn is_settled(answer: &Answer) -> bool {
        answer.is_ok() || is_gone(answer) || namespace_is_going(answer)
    }
}

/// The slices that the EndpointSlice controller keeps for a Service.
fn slices(service: &Key, world: &World) -> impl Iterator<Item = Of<EndpointSlice>> {
    let uid = world.object(service).map(|service| service.meta.uid);
    let all = uid.into_iter().flat_map(|uid| world.managed::<EndpointSlice>(uid));
    all.filter(|slice| slice.meta().label(MANAGED_BY) == MANAGER)
}

/// The addresses of a slice, each once for every port. Pods on their way out are not among them, unless the Service
/// publishes all.
fn loose(slice: &Of<EndpointSlice>) -> Vec<Loose> {
    let body = &slice.object().body;
    let ports = body["ports"].items().iter().map(|port| {
        let mut port = port.clone();
        if port["name"].is_empty() {
            port.remove("name");
        }
        port
    });
    let mut ports: Vec<Doc> = ports.collect();
    if ports.is_empty() {
        ports.push(Doc::Null);
    }
    let mut all = Vec::new();
    for (endpoint, doc) in slice.endpoints.iter().zip(body["endpoints"].items()) {
        if endpoint.terminating && !endpoint.ready {
            continue;
        }
        let mut address = doc!({ "ip": &endpoint.address, "targetRef": doc["targetRef"].clone() });
        let named: [(&str, &Str); 2] = [("nodeName", &endpoint.node_name), ("hostname", &endpoint.hostname)];
        for (field, name) in named.into_iter().filter(|(_, name)| !name.is_empty()) {
            address.set(field, name);
        }
        all.extend(ports.iter().map(|port| (address.clone(), endpoint.ready, port.clone())));
    }
    all
}

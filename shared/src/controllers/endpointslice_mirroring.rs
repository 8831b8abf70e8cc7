//! EndpointSliceMirroring controller: what people write as Endpoints of a Service without a selector becomes slices.

use crate::api::core::service::Service;
use crate::api::discovery::endpointslice::EndpointSlice;
use crate::api::{Key, Kind, Object, Of, PatchKind, Request};
use crate::client::Delta;
use crate::codec::Codec;
use crate::doc;
use crate::doc::{Doc, Str};

use super::endpointslice::{MANAGED_BY, SERVICE_NAME};
use super::pods::namespace_is_going;
use super::status::resource_version;
use super::worker::{Answer, Controller, Desk, Step, is_gone};
use super::world::World;

const MANAGER: &str = "endpointslicemirroring-controller.k8s.io";
/// Label: these Endpoints are not to be mirrored.
const SKIP: &str = "endpointslice.kubernetes.io/skip-mirror";
/// Annotation of Endpoints that are no Endpoints but a lock.
const LEADER: &str = "control-plane.alpha.kubernetes.io/leader";
/// Most addresses of a subset that are mirrored.
const MOST: usize = 1000;

/// The control loop. Its keys are Endpoints.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct EndpointSliceMirroring {}

impl Controller for EndpointSliceMirroring {
    const NAME: &'static str = "endpointslice-mirroring-controller";
    const WORKERS: u64 = 5;
    type Waiting = ();

    fn observe(&mut self, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
        let object = delta.object();
        let own = |name: Str| Key::new(Kind::Endpoints, object.key.namespace.clone(), name);
        match object.key.kind {
            Kind::Endpoints if delta.new.is_some() => desk.add(object.key.clone()),
            Kind::Service if world.object(&own(object.key.name.clone())).is_some() => {
                desk.add(own(object.key.name.clone()));
            }
            Kind::EndpointSlice if delta.new.is_none() && object.meta.label(MANAGED_BY) == MANAGER => {
                desk.add(own(object.meta.label(SERVICE_NAME).into()));
            }
            _ => {}
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<()> {
        let Some(endpoints) = world.object(key).filter(|endpoints| !endpoints.meta.deleting()) else {
            return Step::Done;
        };
        let service = world.of::<Service>(&Key::new(Kind::Service, key.namespace.clone(), key.name.clone()));
        let mirrored = service.is_some_and(|service| service.selector.is_none())
            && endpoints.meta.label(SKIP) != "true"
            && endpoints.meta.annotation(LEADER).is_none();
        let mut wanted: Vec<Doc> =
            endpoints.body["subsets"].items().iter().filter(|_| mirrored).flat_map(slices_of).collect();
        let existing: Vec<Of<EndpointSlice>> = world
            .managed::<EndpointSlice>(endpoints.meta.uid)
            .filter(|slice| slice.meta().label(MANAGED_BY) == MANAGER)
            .collect();
        let labels = labels(endpoints);
        let mut requests = Vec::new();
        let mut left = Vec::new();
        // What is there already as it should be stays; of the others, as many as are needed are rewritten.
        for slice in existing {
            let body = &slice.object().body;
            let same = |wanted: &Doc| {
                body["addressType"] == wanted["addressType"]
                    && body["ports"] == wanted["ports"]
                    && body["endpoints"] == wanted["endpoints"]
                    && slice.meta().labels == labels
            };
            match wanted.iter().position(same) {
                Some(at) => drop(wanted.remove(at)),
                None => left.push(slice),
            }
        }
        for slice in left {
            // What a slice has addresses of, it keeps.
            let family = &slice.object().body["addressType"];
            let other = wanted.iter().rposition(|wanted| wanted["addressType"] == *family);
            requests.push(match other.map(|at| wanted.remove(at)) {
                Some(mut patch) => {
                    let version = resource_version(slice.meta().resource_version);
                    patch.set("metadata", doc!({ "resourceVersion": version, "labels": labels.clone() }));
                    Request::patch(desk.user.clone(), slice.key(), PatchKind::Merge, patch)
                }
                None => Request::delete(desk.user.clone(), slice.key()),
            });
        }
        for mut body in wanted {
            let owner = endpoints.as_controller().to_doc();
            body.set(
                "metadata",
                doc!({
                    "generateName": format!("{}-", key.name), "labels": labels.clone(), "ownerReferences": [owner]
                }),
            );
            requests.push(Request::create(
                desk.user.clone(),
                Kind::EndpointSlice,
                key.namespace.clone(),
                body,
            ));
        }
        Step::Ask(requests, ())
    }

    fn is_settled(answer: &Answer) -> bool {
        answer.is_ok() || is_gone(answer) || namespace_is_going(answer)
    }
}

/// The Endpoints' own labels and the reserved ones.
fn labels(endpoints: &Object) -> Doc {
    let own = &endpoints.meta.labels;
    let mut labels = if own.is_null() { Doc::map() } else { own.clone() };
    labels.set(SERVICE_NAME, &endpoints.key.name);
    labels.set(MANAGED_BY, MANAGER);
    labels
}

/// Endpoints and ports of a subset in the form of slices, one for each family of addresses.
fn slices_of(subset: &Doc) -> impl Iterator<Item = Doc> {
    ["IPv4", "IPv6"].into_iter().filter_map(|family| slice_of(subset, family))
}

fn slice_of(subset: &Doc, family: &str) -> Option<Doc> {
    let lists = [(&subset["addresses"], true), (&subset["notReadyAddresses"], false)];
    let addresses =
        lists.into_iter().flat_map(|(list, ready)| list.items().iter().map(move |it| (it, ready)));
    let of_family = |(address, _): &(&Doc, bool)| address["ip"].str().contains(':') == (family == "IPv6");
    let endpoints = addresses.take(MOST).filter(of_family).map(|(address, ready)| {
        let mut endpoint =
            doc!({ "addresses": Doc::list([address["ip"].clone()]), "conditions": { "ready": ready } });
        for field in
            ["hostname", "nodeName", "targetRef"].into_iter().filter(|field| !address[*field].is_null())
        {
            endpoint.set(field, address[field].clone());
        }
        endpoint
    });
    let ports = subset["ports"].items().iter().map(|port| {
        let mut port = port.clone();
        port.default_to("name", "");
        port
    });
    let slice = doc!({ "addressType": family, "endpoints": Doc::list(endpoints), "ports": Doc::list(ports) });
    (!slice["endpoints"].is_empty()).then_some(slice)
}

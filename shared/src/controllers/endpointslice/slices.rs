//! The slices of one Service while they are rearranged.

use crate::api::core::service::Service;
use crate::api::discovery::endpointslice::EndpointSlice;
use crate::api::{Kind, Of, PatchKind, Request, User};
use crate::collections::BTreeMap;
use crate::controllers::status::resource_version;
use crate::controllers::world::World;
use crate::doc;
use crate::doc::{Doc, Str, Timestamp};

use super::{MANAGED_BY, MANAGER, SERVICE_NAME};

/// Annotation: when that happened on account of which the slice was written.
const TRIGGER: &str = "endpoints.kubernetes.io/last-change-trigger-time";

/// Most endpoints a slice takes.
const MOST: usize = 100;

/// What the slices of a Service are to be.
pub struct Slices {
    known: BTreeMap<Str, Draft>,
    fresh: Vec<Draft>,
    /// The earliest moment at which the Service was made or a pod became ready, or ceased to be.
    trigger: Option<Timestamp>,
}

#[derive(Clone)]
struct Draft {
    object: Option<Of<EndpointSlice>>,
    ports: Doc,
    /// As long as nothing changes the list stays the object's own, uncopied.
    endpoints: Doc,
    changed: bool,
}

impl Draft {
    fn new(ports: Doc, endpoints: Doc) -> Draft {
        Draft { object: None, ports, endpoints, changed: true }
    }

    fn len(&self) -> usize {
        self.endpoints.items().len()
    }

    fn has_room_for(&self, ports: &Doc) -> bool {
        self.len() < MOST && (self.ports == *ports || self.len() == 0 && self.object.is_some())
    }

    /// The endpoints to be changed.
    fn edit(&mut self) -> &mut Vec<Doc> {
        self.changed = true;
        self.endpoints.items_mut()
    }
}

impl Slices {
    /// The slices as the cache has them.
    pub fn of(service: &Of<Service>, world: &World) -> Slices {
        let slices = world.managed::<EndpointSlice>(service.meta().uid);
        let ours =
            slices.filter(|slice| slice.meta().label(MANAGED_BY) == MANAGER && !slice.meta().deleting());
        let draft = |slice: Of<EndpointSlice>| {
            let body = &slice.object().body;
            let (ports, endpoints) = (body["ports"].clone(), body["endpoints"].clone());
            (slice.key().name.clone(), Draft { object: Some(slice), ports, endpoints, changed: false })
        };
        let known: BTreeMap<Str, Draft> = ours.map(draft).collect();
        let trigger = known.is_empty().then_some(service.meta().creation);
        Slices { known, fresh: Vec::new(), trigger }
    }

    /// Sets a pod's endpoint (with the ports it needs), or takes it out. Since `since` it is ready, or is not.
    pub fn put(
        &mut self,
        pod: &Str,
        slice: Option<&Str>,
        wanted: Option<(Doc, Doc)>,
        since: Option<Timestamp>,
    ) {
        if let Some(draft) = slice.and_then(|slice| self.known.get_mut(slice))
            && let Some(at) = draft
                .endpoints
                .items()
                .iter()
                .position(|item| item["targetRef"]["name"].as_str() == Some(pod))
        {
            match wanted {
                Some((ports, endpoint)) if ports == draft.ports => {
                    let serving = |endpoint: &Doc| endpoint["conditions"]["serving"].clone();
                    let turned = serving(&endpoint) != serving(&draft.endpoints[at]);
                    if endpoint != draft.endpoints[at] {
                        draft.edit()[at] = endpoint;
                    }
                    if turned {
                        self.notice(since);
                    }
                    return;
                }
                _ => {
                    draft.edit().remove(at);
                }
            }
        }
        if let Some((ports, endpoint)) = wanted {
            self.insert(ports, endpoint);
            self.notice(since);
        }
    }

    fn notice(&mut self, since: Option<Timestamp>) {
        self.trigger = self.trigger.into_iter().chain(since).min();
    }

    /// Slices that change anyway come first, then the fullest.
    fn insert(&mut self, ports: Doc, endpoint: Doc) {
        let all = self.known.values_mut().chain(&mut self.fresh);
        let best =
            all.filter(|draft| draft.has_room_for(&ports)).max_by_key(|draft| (draft.changed, draft.len()));
        match best {
            Some(draft) => {
                draft.ports = ports;
                draft.edit().push(endpoint);
            }
            None => self.fresh.push(Draft::new(ports, Doc::from(vec![endpoint]))),
        }
    }

    /// The requests that make it so. `whole` says whether the labels are to be looked at, too.
    pub fn requests(self, service: &Of<Service>, whole: bool, user: &User) -> Vec<Request> {
        let labels = labels(service);
        let Slices { known, mut fresh, trigger } = self;
        let trigger = trigger.map_or(Doc::Null, |time| Doc::from(time.rfc3339()));
        if known.is_empty() && fresh.is_empty() {
            // Every Service has a slice, if only an empty one.
            fresh.push(Draft::new(Doc::Null, Doc::from(Vec::<Doc>::new())));
        }
        let mut filled = known.values().filter(|draft| draft.len() > 0).count() + fresh.len();
        let mut requests = Vec::new();
        for mut draft in known.into_values() {
            let Some(object) = draft.object.take() else { continue };
            let relabel = whole && object.meta().labels != labels;
            if draft.len() == 0
                && draft.changed
                && let Some(new) = fresh.pop()
            {
                // Rewriting a slice beats deleting it and making another.
                draft = new;
            }
            if draft.len() == 0 && draft.changed {
                if filled > 0 {
                    requests.push(Request::delete(user.clone(), object.key()));
                    continue;
                }
                // The last one stays as a placeholder.
                filled += 1;
                draft.ports = Doc::Null;
            }
            if draft.changed || relabel {
                let version = resource_version(object.meta().resource_version);
                let mut patch = doc!({
                    "metadata": { "resourceVersion": version },
                    "endpoints": draft.endpoints, "ports": draft.ports
                });
                if object.meta().annotations[TRIGGER] != trigger {
                    patch.set_at(&["metadata", "annotations", TRIGGER], trigger.clone());
                }
                if relabel {
                    patch.set_at(&["metadata", "labels"], labels.clone());
                }
                requests.push(Request::patch(user.clone(), object.key(), PatchKind::Merge, patch));
            }
        }
        requests.extend(fresh.into_iter().map(|draft| create(service, draft, &labels, &trigger, user)));
        requests
    }
}

fn create(service: &Of<Service>, draft: Draft, labels: &Doc, trigger: &Doc, user: &User) -> Request {
    let owner = service.object().as_controller().to_doc();
    let mut body = doc!({
        "metadata": {
            "generateName": format!("{}-", service.key().name), "labels": labels.clone(), "ownerReferences": [owner]
        },
        "addressType": "IPv4", "endpoints": draft.endpoints
    });
    if !trigger.is_null() {
        body.set_at(&["metadata", "annotations", TRIGGER], trigger.clone());
    }
    if !draft.ports.is_null() {
        body.set("ports", draft.ports);
    }
    Request::create(user.clone(), Kind::EndpointSlice, service.key().namespace.clone(), body)
}

/// The Service's own labels and the reserved ones.
fn labels(service: &Of<Service>) -> Doc {
    let mut labels = if service.meta().labels.is_null() { Doc::map() } else { service.meta().labels.clone() };
    labels.set(SERVICE_NAME, &service.key().name);
    labels.set(MANAGED_BY, MANAGER);
    if service.cluster_ip == "None" {
        labels.set("service.kubernetes.io/headless", "");
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::{Draft, MOST, Slices};
    use crate::doc;
    use crate::doc::{Doc, Str};

    fn endpoint(pod: &Str) -> Doc {
        doc!({ "targetRef": { "name": pod } })
    }

    #[test]
    fn a_slice_takes_a_hundred_and_other_ports_take_another() {
        let mut slices =
            Slices { known: crate::collections::BTreeMap::new(), fresh: Vec::<Draft>::new(), trigger: None };
        let (http, other) = (doc!([{ "port": 80i64 }]), doc!([{ "port": 8080i64 }]));
        for number in 0..=MOST {
            let pod: Str = format!("pod-{number}").into();
            slices.put(&pod, None, Some((http.clone(), endpoint(&pod))), None);
        }
        slices.put(&"odd".into(), None, Some((other, endpoint(&"odd".into()))), None);
        let sizes: Vec<usize> = slices.fresh.iter().map(|draft| draft.len()).collect();
        assert_eq!(sizes, [MOST, 1, 1]);
    }
}

//! The slices of one Service while they are rearranged.

use crate::api::core::service::Service;
use crate::api::discovery::endpointslice::EndpointSlice;
use crate::api::{Kind, Of, PatchKind, Request, User};
use crate::collections::{BTreeMap, sort_by_key};
use crate::controllers::status::resource_version;
use crate::controllers::world::World;
use crate::doc;
use crate::doc::{Doc, Str, Timestamp};

use super::{MANAGED_BY, MANAGER, SERVICE_NAME, hints};

/// Annotation: when that happened on account of which the slice was written.
const TRIGGER: &str = "endpoints.kubernetes.io/last-change-trigger-time";

/// Most endpoints a slice takes.
const MOST: usize = 100;

/// What the slices of a Service are to be.
pub struct Slices {
    known: BTreeMap<Str, Draft>,
    fresh: Vec<Draft>,
    /// Endpoints that have no place yet, by the ports that they need.
    waiting: Vec<(Doc, Vec<Doc>)>,
    /// Whether endpoints keep the hints that they have until all of them are looked at.
    keeps_hints: bool,
    /// The earliest moment at which the Service was made or a pod became ready, or ceased to be.
    trigger: Option<Timestamp>,
}

#[derive(Clone)]
pub(super) struct Draft {
    object: Option<Of<EndpointSlice>>,
    ports: Doc,
    /// As long as nothing changes the list stays the object's own, uncopied.
    pub(super) endpoints: Doc,
    pub(super) changed: bool,
}

impl Draft {
    fn new(ports: Doc, endpoints: Doc) -> Draft {
        Draft { object: None, ports, endpoints, changed: true }
    }

    fn len(&self) -> usize {
        self.endpoints.items().len()
    }

    /// Takes as many as there is room for.
    fn fill(&mut self, endpoints: &mut Vec<Doc>) {
        let count = endpoints.len().min(MOST.saturating_sub(self.len()));
        if count > 0 {
            self.changed = true;
            self.endpoints.edit_items().extend(endpoints.drain(..count));
        }
    }

    /// The endpoints to be changed, one by one.
    pub(super) fn edit(&mut self) -> &mut [Doc] {
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
        let keeps_hints = hints::wanted(service);
        Slices { known, fresh: Vec::new(), waiting: Vec::new(), keeps_hints, trigger }
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
                Some((ports, mut endpoint)) if ports == draft.ports => {
                    let hints = &draft.endpoints[at]["hints"];
                    if self.keeps_hints && !hints.is_null() {
                        endpoint.set("hints", hints.clone());
                    }
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
                    draft.changed = true;
                    draft.endpoints.edit_items().remove(at);
                }
            }
        }
        if let Some((ports, endpoint)) = wanted {
            match self.waiting.iter_mut().find(|(others, _)| *others == ports) {
                Some((_, endpoints)) => endpoints.push(endpoint),
                None => self.waiting.push((ports, vec![endpoint])),
            }
            self.notice(since);
        }
    }

    fn notice(&mut self, since: Option<Timestamp>) {
        self.trigger = self.trigger.into_iter().chain(since).min();
    }

    /// Gives all endpoints a place: slices that change anyway are filled first, the fullest before the others. What is
    /// left goes as a whole into the slice that it fills best, or into new ones.
    pub fn settle(&mut self) {
        for (ports, mut left) in std::mem::take(&mut self.waiting) {
            let mut changing: Vec<&mut Draft> = self.known.values_mut().collect();
            changing.retain(|draft| draft.changed && draft.len() > 0 && draft.ports == ports);
            sort_by_key(&mut changing, |draft| MOST.saturating_sub(draft.len()));
            changing.into_iter().for_each(|draft| draft.fill(&mut left));
            while !left.is_empty() {
                let room = |draft: &&mut Draft| {
                    !draft.changed && draft.ports == ports && left.len() + draft.len() <= MOST
                };
                let best = self.known.values_mut().filter(room).max_by_key(|draft| draft.len());
                match best.filter(|_| left.len() < MOST) {
                    Some(draft) => draft.fill(&mut left),
                    None => {
                        let mut draft = Draft::new(ports.clone(), Doc::from(Vec::<Doc>::new()));
                        draft.fill(&mut left);
                        self.fresh.push(draft);
                    }
                }
            }
        }
    }

    /// All of them.
    pub(super) fn drafts(&mut self) -> impl Iterator<Item = &mut Draft> {
        self.known.values_mut().chain(&mut self.fresh)
    }

    /// The requests that make it so once all is settled. `whole` says whether the labels are to be looked at, too.
    pub fn requests(self, service: &Of<Service>, whole: bool, user: &User) -> Vec<Request> {
        let labels = labels(service);
        let Slices { known, mut fresh, trigger, .. } = self;
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
    use crate::collections::BTreeMap;
    use crate::doc;
    use crate::doc::{Doc, Str};

    fn endpoint(pod: &Str) -> Doc {
        doc!({ "targetRef": { "name": pod } })
    }

    #[test]
    fn a_slice_takes_a_hundred_and_other_ports_take_another() {
        let mut slices = Slices {
            known: BTreeMap::new(),
            fresh: Vec::new(),
            waiting: Vec::new(),
            keeps_hints: false,
            trigger: None,
        };
        let (http, other) = (doc!([{ "port": 80i64 }]), doc!([{ "port": 8080i64 }]));
        for number in 0..=MOST {
            let pod: Str = format!("pod-{number}").into();
            slices.put(&pod, None, Some((http.clone(), endpoint(&pod))), None);
        }
        slices.put(&"odd".into(), None, Some((other, endpoint(&"odd".into()))), None);
        slices.settle();
        let sizes: Vec<usize> = slices.fresh.iter().map(|draft| draft.len()).collect();
        assert_eq!(sizes, [MOST, 1, 1]);
    }

    #[test]
    fn what_changes_is_filled_and_what_is_left_stays_together() {
        let pods =
            |from: usize, to: usize| (from..to).map(|number| endpoint(&format!("pod-{number}").into()));
        // The sizes of two slices, whether the first changes, how many come, and what there is then.
        for (sizes, changes, come, then) in [
            ([95, 0], false, 10, vec![95, 0, 10]),
            ([95, 90], false, 10, vec![95, 100]),
            ([94, 90], true, 10, vec![100, 94]),
            ([94, 90], true, 120, vec![100, 90, 100, 14]),
        ] {
            let ports = || doc!([{ "port": 80i64 }]);
            let draft = |size: usize, changed: bool| {
                let endpoints = Doc::from(pods(0, size).collect::<Vec<_>>());
                // One without endpoints is a placeholder.
                let ports = if size > 0 { ports() } else { Doc::Null };
                Draft { object: None, ports, endpoints, changed }
            };
            let known = [("a".into(), draft(sizes[0], changes)), ("b".into(), draft(sizes[1], false))];
            let waiting = vec![(ports(), pods(1000, 1000 + come).collect())];
            let known = BTreeMap::from_iter(known);
            let mut slices = Slices { known, fresh: Vec::new(), waiting, keeps_hints: false, trigger: None };
            slices.settle();
            assert_eq!(
                slices.drafts().map(|draft| draft.len()).collect::<Vec<_>>(),
                then,
                "{sizes:?} {come}"
            );
        }
    }
}

//! ResourceClaim controller: makes a claim for devices for each pod that names a template for one.

use crate::api::{Key, Kind, Object, PatchKind, Request, Subresource};
use crate::client::Delta;
use crate::codec::Codec;
use crate::doc;
use crate::doc::{Doc, Str};

use super::worker::{Answer, Controller, Desk, Step, all_ok, is_gone};
use super::world::World;

/// Which of a pod's claims a claim is.
const NAME_IN_POD: &str = "resource.kubernetes.io/pod-claim-name";

/// The control loop.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct ResourceClaimController {}

/// What goes on after answers.
#[derive(Codec, Clone, Debug, Hash)]
pub enum Waiting {
    /// The templates were asked for.
    Templates,
    /// The claims were made.
    Claims,
    /// The pod's status names them.
    Told,
}

impl Controller for ResourceClaimController {
    const NAME: &'static str = "resource-claim-controller";
    const SOURCE: &'static str = "resource_claim";
    const WORKERS: u64 = 50;
    type Waiting = Waiting;

    fn observe(&mut self, delta: &Delta, _: &World, desk: &mut Desk<'_, '_>) {
        let object = delta.object();
        if object.key.kind == Kind::Pod && delta.old.is_none() && missing(object).next().is_some() {
            desk.add(object.key.clone());
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
        let Some(pod) = world.object(key).filter(|pod| !pod.meta.deleting()) else { return Step::Done };
        let template = |claim: &Doc| {
            let name = claim["resourceClaimTemplateName"].str();
            let template = Key::new(Kind::ResourceClaimTemplate, key.namespace.clone(), name);
            Request::get(desk.user.clone(), &template)
        };
        Step::Ask(missing(pod).map(template).collect(), Waiting::Templates)
    }

    fn answered(
        &mut self,
        key: &Key,
        waiting: Waiting,
        answers: Vec<Answer>,
        world: &World,
        desk: &mut Desk<'_, '_>,
    ) -> Step<Waiting> {
        let Some(pod) = world.object(key).cloned() else { return Step::Done };
        if let (Waiting::Templates, Some((claim, _))) =
            (&waiting, missing(&pod).zip(&answers).find(|(_, answer)| is_gone(answer)))
        {
            let template = claim["resourceClaimTemplateName"].str();
            let message = format!(
                "PodResourceClaim {}: resource claim template \"{template}\": \
                 resourceclaimtemplate.resource.k8s.io \"{template}\" not found",
                claim["name"].str()
            );
            desk.warning(&pod, "FailedResourceClaimCreation", message);
        }
        if !all_ok(&answers) {
            return Step::Retry;
        }
        let objects = || answers.iter().filter_map(|answer| answer.as_ref().ok()?.object());
        match waiting {
            Waiting::Templates => {
                let made = missing(&pod).zip(objects());
                let made = made.map(|(claim, template)| claim_for(&pod, &claim["name"].str(), template));
                let create = |body| {
                    let namespace = key.namespace.clone();
                    Request::create(desk.user.clone(), Kind::ResourceClaim, namespace, body)
                };
                Step::Ask(made.map(create).collect(), Waiting::Claims)
            }
            Waiting::Claims => {
                let made = missing(&pod).zip(objects());
                let named = made.map(|(claim, made)| {
                    doc!({ "name": claim["name"].clone(), "resourceClaimName": &made.key.name })
                });
                let known = pod.body["status"]["resourceClaimStatuses"].items().iter().cloned();
                let statuses = Doc::list(known.chain(named));
                let patch = doc!({ "status": { "resourceClaimStatuses": statuses } });
                let patch = Request::patch(desk.user.clone(), key, PatchKind::Merge, patch);
                Step::Ask(vec![patch.on(Subresource::Status)], Waiting::Told)
            }
            Waiting::Told => Step::Done,
        }
    }
}

/// A pod's claims that are to be made of a template and are not known to be there.
fn missing(pod: &Object) -> impl Iterator<Item = &Doc> {
    // Most pods have none: nothing else is looked at then.
    pod.body["spec"]["resourceClaims"].items().iter().filter(move |claim| {
        let known = pod.body["status"]["resourceClaimStatuses"].items();
        !claim["resourceClaimTemplateName"].is_null()
            && !known.iter().any(|status| status["name"] == claim["name"])
    })
}

fn claim_for(pod: &Object, name: &Str, template: &Object) -> Doc {
    let template = &template.body["spec"];
    let mut body = doc!({ "spec": template["spec"].clone() });
    let metadata = body.at_mut(&["metadata"]);
    for field in ["labels", "annotations"] {
        if !template["metadata"][field].is_null() {
            metadata.set(field, template["metadata"][field].clone());
        }
    }
    metadata.at_mut(&["annotations"]).set(NAME_IN_POD, name);
    metadata.set("generateName", format!("{}-{name}-", pod.key.name));
    metadata.set("ownerReferences", [pod.as_controller().to_doc()].to_vec());
    body
}

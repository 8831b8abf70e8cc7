//! Root CA publisher: every namespace has the certificate by which pods know the API server.

use crate::api::{Key, Kind, PatchKind, Reason, Request};
use crate::client::Delta;
use crate::codec::Codec;
use crate::doc;
use crate::doc::{Doc, Str, literal};
use crate::sim::CERTIFICATE;

use super::pods::namespace_is_going;
use super::worker::{Answer, Controller, Desk, Step};
use super::world::World;

/// The ConfigMap's name.
pub const NAME: &str = "kube-root-ca.crt";
const DESCRIPTION: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal \
     service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

/// The ConfigMap as it should be.
pub fn config_map() -> Doc {
    let metadata = doc!({ "name": NAME, "annotations": { "kubernetes.io/description": DESCRIPTION } });
    doc!({ "metadata": metadata, "data": { "ca.crt": CERTIFICATE } })
}

/// The control loop. Its keys are namespaces.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct RootCaPublisher {}

impl Controller for RootCaPublisher {
    const NAME: &'static str = "root-ca-certificate-publisher-controller";
    const WORKERS: u64 = 5;
    type Waiting = ();

    fn observe(&mut self, delta: &Delta, _: &World, desk: &mut Desk<'_, '_>) {
        let key = &delta.object().key;
        match key.kind {
            Kind::Namespace if delta.old.is_none() => desk.add(key.clone()),
            Kind::ConfigMap if key.name == NAME && !(delta.old.is_none() && delta.new.is_some()) => {
                desk.add(Key::new(Kind::Namespace, Str::new(), key.namespace.clone()));
            }
            _ => {}
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<()> {
        let own = Key::new(Kind::ConfigMap, key.name.clone(), literal!(NAME));
        if world.object(key).is_none_or(|namespace| namespace.meta.deleting()) {
            return Step::Done;
        }
        let body = config_map();
        let request = match world.object(&own) {
            None => Request::create(desk.user.clone(), own.kind, own.namespace, body),
            Some(map) if map.body["data"] == body["data"] => return Step::Done,
            Some(_) => Request::patch(
                desk.user.clone(),
                &own,
                PatchKind::Merge,
                doc!({ "data": body["data"].clone() }),
            ),
        };
        Step::Ask(vec![request], ())
    }

    fn is_settled(answer: &Answer) -> bool {
        answer.as_ref().map_or_else(|refusal| refusal.reason == Reason::AlreadyExists, |_| true)
            || namespace_is_going(answer)
    }
}

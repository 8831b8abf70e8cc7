//! Root CA certificate publisher: every namespace has what proves the API server to its pods.

use crate::api::{Key, Kind, Reason, Request};
use crate::client::Delta;
use crate::doc;
use crate::doc::{Doc, Str, literal};

use super::pods::namespace_is_going;
use super::worker::{Answer, Controller, Desk, Step};
use super::world::World;

/// The ConfigMap's name.
const NAME: &str = "kube-root-ca.crt";
const DESCRIPTION: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints \
     such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of \
     Kubernetes clusters.";

/// The ConfigMap as it should be.
pub fn config_map() -> Doc {
    let certificate = "-----BEGIN CERTIFICATE-----\nc2ltdWxhdGVkIGNsdXN0ZXI=\n-----END CERTIFICATE-----\n";
    doc!({
        "metadata": { "name": NAME, "annotations": { "kubernetes.io/description": DESCRIPTION } },
        "data": { "ca.crt": certificate }
    })
}

/// The control loop. Its keys are namespaces.
#[derive(Clone, Debug, Hash, Default)]
pub struct RootCaCertPublisher {}

impl Controller for RootCaCertPublisher {
    const NAME: &'static str = "root-ca-cert-publisher";
    const WORKERS: u64 = 1;
    type Waiting = ();

    fn observe(&mut self, delta: &Delta, _: &World, desk: &mut Desk<'_, '_>) {
        let key = &delta.object().key;
        match key.kind {
            Kind::Namespace if delta.new.is_some() => desk.add(key.clone()),
            Kind::ConfigMap if delta.new.is_none() && key.name == NAME => {
                desk.add(Key::new(Kind::Namespace, Str::new(), key.namespace.clone()));
            }
            _ => {}
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<()> {
        let map = Key::new(Kind::ConfigMap, key.name.clone(), literal!("kube-root-ca.crt"));
        let stays = world.object(key).is_some_and(|namespace| !namespace.meta.deleting());
        if !stays || world.object(&map).is_some() {
            return Step::Done;
        }
        Step::Ask(vec![Request::create(desk.user.clone(), map.kind, map.namespace, config_map())], ())
    }

    fn answered(
        &mut self,
        _: &Key,
        (): (),
        answers: Vec<Answer>,
        _: &World,
        _: &mut Desk<'_, '_>,
    ) -> Step<()> {
        let settled = |answer: &Answer| match answer {
            Ok(_) => true,
            Err(refusal) => refusal.reason == Reason::AlreadyExists || namespace_is_going(answer),
        };
        if answers.iter().all(settled) { Step::Done } else { Step::Retry }
    }
}

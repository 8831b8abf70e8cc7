//! Service account controller: every namespace has the account `default`.

use crate::api::{Key, Kind, Reason, Request};
use crate::client::Delta;
use crate::codec::Codec;
use crate::doc;
use crate::doc::{Str, literal};

use super::pods::namespace_is_going;
use super::worker::{Answer, Controller, Desk, Step};
use super::world::World;

/// The control loop. Its keys are namespaces.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct ServiceAccountController {}

impl Controller for ServiceAccountController {
    const NAME: &'static str = "serviceaccount-controller";
    const WORKERS: u64 = 1;
    type Waiting = ();

    fn observe(&mut self, delta: &Delta, _: &World, desk: &mut Desk<'_, '_>) {
        let key = &delta.object().key;
        match key.kind {
            Kind::Namespace if delta.new.is_some() => desk.add(key.clone()),
            Kind::ServiceAccount if delta.new.is_none() => {
                desk.add(Key::new(Kind::Namespace, Str::new(), key.namespace.clone()));
            }
            _ => {}
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<()> {
        let account = Key::new(Kind::ServiceAccount, key.name.clone(), literal!("default"));
        let stays = world.object(key).is_some_and(|namespace| !namespace.meta.deleting());
        if !stays || world.object(&account).is_some() {
            return Step::Done;
        }
        let body = doc!({ "metadata": { "name": "default" } });
        Step::Ask(vec![Request::create(desk.user.clone(), account.kind, account.namespace, body)], ())
    }

    fn is_settled(answer: &Answer) -> bool {
        answer.as_ref().map_or_else(|refusal| refusal.reason == Reason::AlreadyExists, |_| true)
            || namespace_is_going(answer)
    }
}

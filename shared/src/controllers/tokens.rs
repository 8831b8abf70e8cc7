//! Tokens controller: fills Secrets that ask for a token of a service account, and takes those away whose account is none.

use crate::api::core::secret::{account_token, base64_encode};
use crate::api::{Key, Kind, Object, PatchKind, Reason, Reply, Request};
use crate::client::Delta;
use crate::codec::Codec;
use crate::doc;
use crate::doc::{Doc, Str};
use crate::sim::CERTIFICATE;

use super::pods::namespace_is_going;
use super::status::resource_version;
use super::worker::{Answer, Controller, Desk, Step};
use super::world::World;

/// The control loop. Its keys are Secrets.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct TokensController {}

/// What an answer is awaited for.
#[derive(Codec, Clone, Debug, Hash)]
pub enum Waiting {
    /// The account as it is now: a cache may not know yet that it came.
    Account,
    /// Something is being written.
    Written,
}

impl Controller for TokensController {
    const NAME: &'static str = "tokens-controller";
    const WORKERS: u64 = 5;
    type Waiting = Waiting;

    fn observe(&mut self, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
        let object = delta.object();
        match object.key.kind {
            Kind::Secret if holds_token(object) => desk.add(object.key.clone()),
            Kind::ServiceAccount if delta.new.is_none() => {
                let of_account = |secret: &&Object| holds_token(secret) && account_of(secret) == object.key;
                let secrets = in_namespace(Kind::Secret, &object.key.namespace, world);
                secrets.filter(of_account).for_each(|secret| desk.add(secret.key.clone()));
            }
            _ => {}
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
        let Some(secret) = world.object(key) else { return forget(key, world, desk) };
        if !holds_token(secret) || secret.meta.deleting() {
            return Step::Done;
        }
        Step::Ask(vec![Request::get(desk.user.clone(), &account_of(secret))], Waiting::Account)
    }

    fn answered(
        &mut self,
        key: &Key,
        waiting: Waiting,
        answers: Vec<Answer>,
        world: &World,
        desk: &mut Desk<'_, '_>,
    ) -> Step<Waiting> {
        let secret = world.object(key).filter(|_| matches!(waiting, Waiting::Account));
        match (secret, answers.first()) {
            (Some(secret), Some(Ok(Reply::Object(account, _)))) if is_meant(account, secret) => {
                fill(secret, account, desk)
            }
            (Some(secret), Some(Ok(_))) => take_away(secret, desk),
            (Some(secret), Some(Err(refusal))) if refusal.reason == Reason::NotFound => {
                take_away(secret, desk)
            }
            (_, Some(answer)) if !is_settled(answer) => Step::Retry,
            _ => Step::Done,
        }
    }
}

fn holds_token(secret: &Object) -> bool {
    secret.body["type"].as_str() == Some(account_token::TYPE)
}

/// The account that a Secret is to have a token of.
fn account_of(secret: &Object) -> Key {
    let name = secret.meta.annotations[account_token::OF].str();
    Key::new(Kind::ServiceAccount, secret.key.namespace.clone(), name)
}

/// Whether a Secret means this account, and not one of the same name that was before.
fn is_meant(account: &Object, secret: &Object) -> bool {
    let uid = &secret.meta.annotations[account_token::OF_UID];
    uid.is_empty() || uid.str() == account.meta.uid.text()
}

/// Whether nothing is left to do: whoever was faster is heard of in time.
fn is_settled(answer: &Answer) -> bool {
    match answer {
        Ok(_) => true,
        Err(refusal) => {
            let over = [Reason::Conflict, Reason::NotFound, Reason::Invalid];
            over.contains(&refusal.reason) || namespace_is_going(answer)
        }
    }
}

fn in_namespace<'a>(kind: Kind, namespace: &'a Str, world: &'a World) -> impl Iterator<Item = &'a Object> {
    let first = Key::new(kind, namespace.clone(), Str::new());
    let all = world.informers.cache(kind).range(first..);
    all.take_while(move |(key, _)| key.namespace == *namespace).map(|(_, object)| &**object)
}

/// Puts into a Secret what is missing in it.
fn fill(secret: &Object, account: &Object, desk: &Desk<'_, '_>) -> Step<Waiting> {
    let Key { namespace, name, .. } = &secret.key;
    let data = &secret.body["data"];
    let mut missing = Doc::map();
    let certificate = base64_encode(CERTIFICATE.as_bytes());
    if data["ca.crt"].as_str() != Some(certificate.as_str()) {
        missing.set("ca.crt", certificate);
    }
    if data["namespace"].is_empty() {
        missing.set("namespace", base64_encode(namespace.as_bytes()));
    }
    if data["token"].is_empty() {
        let mut claims = doc!({
            "iss": account_token::ISSUER,
            "sub": format!("system:serviceaccount:{namespace}:{}", account.key.name)
        });
        claims.set(account_token::NAMESPACE, namespace.clone());
        claims.set(account_token::SECRET, name.clone());
        claims.set(account_token::ACCOUNT, account.key.name.clone());
        claims.set(account_token::UID, account.meta.uid.text());
        missing.set("token", base64_encode(desk.cx.core.signer.token(&claims).as_bytes()));
    }
    if missing.is_empty() {
        return Step::Done;
    }
    let mut annotations = Doc::map();
    annotations.set(account_token::OF_UID, account.meta.uid.text());
    let version = resource_version(secret.meta.resource_version);
    let patch =
        doc!({ "metadata": { "annotations": annotations, "resourceVersion": version }, "data": missing });
    let request = Request::patch(desk.user.clone(), &secret.key, PatchKind::Merge, patch);
    Step::Ask(vec![request], Waiting::Written)
}

fn take_away(secret: &Object, desk: &Desk<'_, '_>) -> Step<Waiting> {
    let mut request = Request::delete(desk.user.clone(), &secret.key);
    request.options.delete.uid = Some(secret.meta.uid);
    Step::Ask(vec![request], Waiting::Written)
}

/// A Secret is gone: no account refers to it any more.
fn forget(secret: &Key, world: &World, desk: &Desk<'_, '_>) -> Step<Waiting> {
    let named = |reference: &Doc| reference["name"].as_str() == Some(secret.name.as_str());
    let accounts = in_namespace(Kind::ServiceAccount, &secret.namespace, world);
    let requests: Vec<Request> = accounts
        .filter(|account| account.body["secrets"].items().iter().any(named))
        .map(|account| {
            let mut left = account.body["secrets"].items().to_vec();
            left.retain(|reference| !named(reference));
            let version = resource_version(account.meta.resource_version);
            let patch = doc!({ "metadata": { "resourceVersion": version }, "secrets": left });
            Request::patch(desk.user.clone(), &account.key, PatchKind::Merge, patch)
        })
        .collect();
    if requests.is_empty() { Step::Done } else { Step::Ask(requests, Waiting::Written) }
}

//! Who asks: tokens of service accounts, made by `POST serviceaccounts/x/token` or kept in Secrets.

use std::sync::Arc;

use crate::api::core::secret::{account_token, base64_decode};
use crate::api::validation::Faults;
use crate::api::{Key, Kind, Object, Reason, Reply, Status, User, UserInfo};
use crate::collections::BTreeMap;
use crate::doc;
use crate::doc::{Doc, Str, Timestamp, literal};
use crate::etcd::Store;
use crate::sim::{ALGORITHM, AUDIENCE};

use super::http::HttpRequest;
use super::{ApiServer, Call, impersonation};

/// How long a token is good, where nothing else is asked, and at least.
const HOUR: i64 = 3600;
const LEAST: i64 = 600;

impl ApiServer {
    /// The user that an HTTP request comes from, `user` being who sits at the keyboard.
    ///
    /// # Errors
    /// The token is not good, or the asker may not speak for others.
    pub fn authenticate(
        &self,
        http: &HttpRequest,
        user: User,
        store: &Store,
        now: Timestamp,
    ) -> Result<User, Status> {
        let mut user = user;
        if !http.authorization.is_empty() {
            let token = http.authorization.strip_prefix("Bearer ");
            let known = token.and_then(|token| self.bearer(token.trim(), store, now));
            user = known.ok_or_else(|| Status::new(Reason::Unauthorized, "Unauthorized"))?;
        }
        impersonation::speaker(http, user, store)
    }

    /// The service account that a token is of, if it is good.
    fn bearer(&self, token: &str, store: &Store, now: Timestamp) -> Option<User> {
        let claims = self.claims(token, store, now)?;
        let meant = claims["aud"].items().iter().any(|audience| audience.as_str() == Some(AUDIENCE));
        meant.then(|| user_of(&claims))
    }

    /// What a token says, if it is good: it is signed here, has not expired, and its account (and what else it is bound
    /// to) is still there.
    fn claims(&self, token: &str, store: &Store, now: Timestamp) -> Option<Doc> {
        let mut claims = self.signer.claims(token)?;
        if claims["iss"].as_str() == Some(account_token::ISSUER) {
            return kept(&claims, token, store);
        }
        if claims["exp"].as_i64()? <= now.seconds() {
            return None;
        }
        let of = claims["kubernetes.io"].clone();
        let namespace = of["namespace"].str();
        let key = Key::new(Kind::ServiceAccount, namespace, of["serviceaccount"]["name"].str());
        let account = store.get(&key)?;
        let same = |object: &Object, of: &Doc| object.meta.uid.text() == of["uid"].str();
        // A token in a pod's files names the pod instead.
        let by_pod = of["serviceaccount"]["uid"].is_null() && !of["pod"].is_null();
        if !by_pod && !same(account, &of["serviceaccount"]) {
            return None;
        }
        let bound = BOUND.into_iter().filter(|(field, _)| !of[*field].is_null());
        for (field, kind) in bound {
            let namespace = if kind.info().namespaced { of["namespace"].str() } else { Str::new() };
            let object = store.get(&Key::new(kind, namespace, of[field]["name"].str()));
            // The node of a pod may go before it.
            if kind != Kind::Node && !object.is_some_and(|object| same(object, &of[field])) {
                return None;
            }
        }
        claims.set_at(&["kubernetes.io", "serviceaccount", "uid"], account.meta.uid.text());
        Some(claims)
    }

    /// `status` of a TokenReview.
    pub(super) fn reviewed(&self, spec: &Doc, store: &Store, now: Timestamp) -> Doc {
        let Some(claims) = self.claims(&spec["token"].str(), store, now) else {
            return doc!({ "user": {}, "error": "invalid bearer token" });
        };
        let asked = match spec["audiences"].items() {
            [] => vec![Doc::from(AUDIENCE)],
            asked => asked.to_vec(),
        };
        let known = |audience: &&Doc| claims["aud"].items().contains(audience);
        let meant: Vec<Doc> = asked.iter().filter(known).cloned().collect();
        if meant.is_empty() {
            let why = format!(
                "token audiences {} is invalid for the target audiences {}",
                quoted(claims["aud"].items()),
                quoted(&asked)
            );
            return doc!({ "user": {}, "error": why });
        }
        doc!({ "authenticated": true, "audiences": meant, "user": super::review::info_of(&user_of(&claims)) })
    }

    /// `POST serviceaccounts/x/token`
    pub(super) fn request_token(&mut self, call: &Call<'_, '_>) -> Result<Reply, Status> {
        let account = call.existing(&call.request.key())?;
        let spec = &call.request.body["spec"];
        let seconds = spec["expirationSeconds"].as_i64().unwrap_or(HOUR);
        if !(LEAST..=1 << 32).contains(&seconds) {
            let mut faults = Faults::default();
            let why = match seconds < LEAST {
                true => "may not specify a duration less than 10 minutes",
                false => "may not specify a duration larger than 2^32 seconds",
            };
            faults.invalid("spec.expirationSeconds", &Doc::from(seconds), why);
            let message = format!(
                "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: {}",
                faults.0[0].message
            );
            let (group, kind) = ("authentication.k8s.io".into(), "TokenRequest".into());
            return Err(Status { causes: faults.0, group, kind, ..Status::new(Reason::Invalid, message) });
        }
        let now = call.cx.timestamp().floor_seconds();
        let until = Timestamp::from_millis(now.millis() + seconds * 1000);
        let audiences = match spec["audiences"].items() {
            [] => Doc::list([AUDIENCE]),
            _ => spec["audiences"].clone(),
        };
        let bound = bound_objects(call, &spec["boundObjectRef"])?;
        let token = self.token_of(&account, &audiences, bound, (now, until));
        let mut said = doc!({ "audiences": audiences, "expirationSeconds": seconds });
        said.set("boundObjectRef", spec["boundObjectRef"].clone());
        Ok(Reply::Doc(doc!({
            "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
            "metadata": {
                "name": &account.key.name, "namespace": &account.key.namespace,
                "creationTimestamp": Doc::Time(now)
            },
            "spec": said, "status": { "token": token, "expirationTimestamp": Doc::Time(until) }, "code": 201i64
        })))
    }

    fn token_of(
        &mut self,
        account: &Object,
        audiences: &Doc,
        bound: Vec<(&'static str, Doc)>,
        (now, until): (Timestamp, Timestamp),
    ) -> String {
        let Key { namespace, name, .. } = &account.key;
        let mut claims = doc!({
            "aud": audiences, "exp": until.seconds(), "iat": now.seconds(), "iss": AUDIENCE,
            "jti": self.random.uuid().text(),
            "kubernetes.io": {
                "namespace": namespace,
                "serviceaccount": { "name": name, "uid": account.meta.uid.text() }
            },
            "nbf": now.seconds(), "sub": format!("system:serviceaccount:{namespace}:{name}")
        });
        for (field, object) in bound {
            claims.set_at(&["kubernetes.io", field], object);
        }
        self.signer.token(&claims)
    }
}

/// What a token says that a Secret keeps, in the words of others: it is good for as long as the Secret has it.
fn kept(claims: &Doc, token: &str, store: &Store) -> Option<Doc> {
    let said = |claim: &str| claims[claim].str();
    let namespace = said(account_token::NAMESPACE);
    let standing = |kind: Kind, name: Str| {
        store.get(&Key::new(kind, namespace.clone(), name)).filter(|object| !object.meta.deleting())
    };
    let secret = standing(Kind::Secret, said(account_token::SECRET))?;
    if base64_decode(&secret.body["data"]["token"].str()).ok()? != token.as_bytes() {
        return None;
    }
    let account = standing(Kind::ServiceAccount, said(account_token::ACCOUNT))?;
    let (name, uid) = (&account.key.name, account.meta.uid.text());
    (said(account_token::UID) == uid).then(|| {
        doc!({
            "aud": Doc::list([AUDIENCE]), "sub": said("sub"),
            "kubernetes.io": { "namespace": namespace, "serviceaccount": { "name": name, "uid": uid } }
        })
    })
}

/// What a token can be bound to: it is no good once that is gone.
const BOUND: [(&str, Kind); 3] = [("pod", Kind::Pod), ("secret", Kind::Secret), ("node", Kind::Node)];

/// Texts as Go prints a list of them by `%q`.
fn quoted(texts: &[Doc]) -> String {
    let texts: Vec<String> = texts.iter().map(Doc::to_string).collect();
    format!("[{}]", texts.join(" "))
}

/// The objects that a token is to be bound to, as the token names them: one that is asked for, and the node of a pod.
fn bound_objects(call: &Call<'_, '_>, reference: &Doc) -> Result<Vec<(&'static str, Doc)>, Status> {
    if reference.is_null() {
        return Ok(Vec::new());
    }
    let named = reference["kind"].str();
    let Some((field, kind)) = BOUND.into_iter().find(|(_, kind)| kind.info().kind == named) else {
        return Err(Status::bad_request(format!(
            "cannot bind token for serviceaccount to object of kind {}, Kind={named}",
            reference["apiVersion"].str()
        )));
    };
    let namespace = if kind.info().namespaced { call.request.namespace.clone() } else { Str::new() };
    let object = call.existing(&Key::new(kind, namespace, reference["name"].str()))?;
    let (uid, wanted) = (object.meta.uid.text(), reference["uid"].str());
    if !wanted.is_empty() && wanted != uid {
        let why = format!(
            "the UID in the bound object reference ({wanted}) does not match the UID in record. The object might have been deleted and then recreated"
        );
        return Err(Status::conflict(&object.key, &why));
    }
    let mut bound = vec![(field, doc!({ "name": &object.key.name, "uid": uid }))];
    if kind == Kind::Pod {
        let account = &call.request.name;
        if object.body["spec"]["serviceAccountName"] != Doc::from(account) {
            return Err(Status::bad_request(format!(
                "cannot bind token for serviceaccount {account:?} to pod running with different serviceaccount name."
            )));
        }
        let name = object.body["spec"]["nodeName"].str();
        if !name.is_empty() {
            let mut node = doc!({ "name": &name });
            if let Some(known) = call.store.get(&Key::new(Kind::Node, "", name)) {
                node.set("uid", known.meta.uid.text());
            }
            bound.push(("node", node));
        }
    }
    Ok(bound)
}

/// The service account that claims are of.
fn user_of(claims: &Doc) -> User {
    let name = claims["sub"].str();
    let mut groups = account_groups(&name);
    groups.push(literal!("system:authenticated"));
    let of = &claims["kubernetes.io"];
    let mut extra = BTreeMap::new();
    let mut say = |what: String, value: Str| {
        extra.insert(format!("authentication.kubernetes.io/{what}").into(), vec![value]);
    };
    // What a Secret keeps has no number.
    if let Some(number) = claims["jti"].as_str() {
        say("credential-id".into(), format!("JTI={number}").into());
    }
    for field in ["node", "pod"] {
        let parts = ["name", "uid"].map(|part| (part, of[field][part].str()));
        for (part, value) in parts.into_iter().filter(|(_, value)| !value.is_empty()) {
            say(format!("{field}-{part}"), value);
        }
    }
    let more = Some(Arc::new(UserInfo { uid: of["serviceaccount"]["uid"].str(), extra }));
    User { name, read_only: false, impersonated: true, groups, more }
}

/// How others learn who issues the tokens (`/.well-known/openid-configuration`).
pub(super) fn issuer() -> Doc {
    doc!({
        "issuer": AUDIENCE, "jwks_uri": format!("{AUDIENCE}/openid/v1/jwks"),
        "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": Doc::list([ALGORITHM])
    })
}

/// The groups that a service account is in by being one.
pub(super) fn account_groups(name: &str) -> Vec<Str> {
    let account = name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
    account.map_or_else(Vec::new, |(namespace, _)| {
        vec![literal!("system:serviceaccounts"), format!("system:serviceaccounts:{namespace}").into()]
    })
}

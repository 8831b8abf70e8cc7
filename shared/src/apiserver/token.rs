//! Who asks: tokens of service accounts, made by `POST serviceaccounts/x/token`, and impersonation.

use crate::api::validation::Faults;
use crate::api::{Key, Kind, Object, Reason, Reply, Status, User, meta};
use crate::doc;
use crate::doc::{Doc, Str, Timestamp};
use crate::etcd::Store;
use crate::sim::hash_of;

use super::authorization::{self, Wish};
use super::http::{HttpRequest, base64};
use super::{ApiServer, Call};

/// For whom tokens are meant, and who issues them.
pub(super) const AUDIENCE: &str = "https://kubernetes.default.svc.cluster.local";
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
        if http.impersonate.is_empty() {
            return Ok(user);
        }
        let mut groups: Vec<Str> = http.impersonate_groups.clone();
        may_impersonate(&user, &http.impersonate, &groups, store)?;
        if groups.is_empty() {
            groups = account_groups(&http.impersonate);
        }
        if !groups.iter().any(|group| group == "system:authenticated")
            && http.impersonate != "system:anonymous"
        {
            groups.push(doc::literal!("system:authenticated"));
        }
        Ok(User { name: http.impersonate.clone(), impersonated: true, groups, ..user })
    }

    /// The service account that a token is of, if it is good.
    pub(super) fn bearer(&self, token: &str, store: &Store, now: Timestamp) -> Option<User> {
        let (signed, signature) = token.rsplit_once('.')?;
        if self.signature(signed) != signature {
            return None;
        }
        let payload = base64::decode(signed.split_once('.')?.1).ok()?;
        let claims = doc::parse_json(&String::from_utf8_lossy(&payload)).ok()?;
        if claims["exp"].as_i64()? <= now.seconds() {
            return None;
        }
        let of = &claims["kubernetes.io"];
        let namespace = of["namespace"].str();
        let key = Key::new(Kind::ServiceAccount, namespace, of["serviceaccount"]["name"].str());
        let account = store.get(&key)?;
        if meta::uuid(account.meta.uid) != of["serviceaccount"]["uid"].str() {
            return None;
        }
        let name = claims["sub"].str();
        let mut groups = account_groups(&name);
        groups.push(doc::literal!("system:authenticated"));
        Some(User { name, read_only: false, impersonated: true, groups })
    }

    fn signature(&self, signed: &str) -> String {
        base64::encode(&hash_of(&(self.key, signed)).to_be_bytes())
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
            faults.invalid("spec.expirationSeconds", &Doc::Int(seconds), why);
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
        let token = self.token_of(&account, &audiences, now, until);
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

    fn token_of(&mut self, account: &Object, audiences: &Doc, now: Timestamp, until: Timestamp) -> String {
        let Key { namespace, name, .. } = &account.key;
        let claims = doc!({
            "aud": audiences, "exp": until.seconds(), "iat": now.seconds(), "iss": AUDIENCE,
            "jti": meta::uuid(self.random.uuid()),
            "kubernetes.io": {
                "namespace": namespace,
                "serviceaccount": { "name": name, "uid": meta::uuid(account.meta.uid) }
            },
            "nbf": now.seconds(), "sub": format!("system:serviceaccount:{namespace}:{name}")
        });
        let header = base64::encode(br#"{"alg":"RS256","kid":"kubarium"}"#);
        let signed = format!("{header}.{}", base64::encode(claims.to_json().as_bytes()));
        format!("{signed}.{}", self.signature(&signed))
    }
}

/// The groups that a service account is in by being one.
fn account_groups(name: &str) -> Vec<Str> {
    let account = name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
    account.map_or_else(Vec::new, |(namespace, _)| {
        vec![doc::literal!("system:serviceaccounts"), format!("system:serviceaccounts:{namespace}").into()]
    })
}

/// Who is held to roles needs one to speak for others.
fn may_impersonate(user: &User, name: &str, groups: &[Str], store: &Store) -> Result<(), Status> {
    let account = name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
    let (resource, namespace, name) = match account {
        Some((namespace, name)) => ("serviceaccounts", namespace, name),
        None => ("users", "", name),
    };
    let others = groups.iter().map(|group| ("groups", "", group.as_str()));
    for (resource, namespace, name) in [(resource, namespace, name)].into_iter().chain(others) {
        let wish = Wish { verb: "impersonate", group: "", resource, namespace, name };
        if authorization::allowed_by(user, &wish, store).is_none() {
            let scope = match namespace {
                "" => " at the cluster scope".to_owned(),
                namespace => format!(" in the namespace \"{namespace}\""),
            };
            let why = authorization::cannot(user, wish.verb, resource, "");
            let message = format!("{resource} \"{name}\" is forbidden: {why}{scope}");
            let (kind, name) = (resource.into(), name.into());
            return Err(Status { kind, name, ..Status::new(Reason::Forbidden, message) });
        }
    }
    Ok(())
}

//! What proves who a pod is: the volume with the token of its service account. Every pod has one and few ever look: it is
//! made when somebody does, from the pod's name and spec.

use std::cell::OnceCell;

use crate::api::{Key, Uid};
use crate::collections::BTreeMap;
use crate::doc;
use crate::doc::{Doc, Str, Timestamp, literal};
use crate::sim::{AUDIENCE, CERTIFICATE, Random, Signer};

use super::container::Sandbox;
use super::shell::Files;

/// Every namespace has this ConfigMap with the cluster's own certificate; nobody need ask for it.
pub const ROOT_CA: &str = "kube-root-ca.crt";

/// Whether a volume holds just that: token, certificate, namespace. None of it changes while the pod lives.
pub fn is_account_volume(volume: &Doc) -> bool {
    let sources = volume["projected"]["sources"].items();
    !sources.is_empty()
        && sources.iter().all(|source| {
            !source["serviceAccountToken"].is_null()
                || source["configMap"]["name"].as_str() == Some(ROOT_CA)
                || !source["downwardAPI"].is_null()
                    && source["downwardAPI"]["items"].items().iter().all(is_namespace)
        })
}

fn is_namespace(item: &Doc) -> bool {
    item["fieldRef"]["fieldPath"].as_str() == Some("metadata.namespace")
}

/// How long a token is asked for that stands for the account everywhere, and what it is given: a year, as programs of old
/// read it once.
const SHORT: i64 = 3607;
const YEAR: i64 = 365 * 24 * 3600;
/// How long a token is asked for where nothing is said.
const HOUR: i64 = 3600;
/// No token stays in its file for longer.
const DAY: i64 = 24 * 3600;

/// A pod that is to be told who it is, and since when there is one.
pub struct Bearer<'a> {
    /// Its name.
    pub key: &'a Key,
    /// Which of those that had the name.
    pub uid: Uid,
    /// Its spec.
    pub spec: &'a Doc,
    /// When its first tokens were made.
    pub since: Timestamp,
    /// What time it is.
    pub now: Timestamp,
}

fn seconds_of(source: &Doc) -> i64 {
    source["expirationSeconds"].as_i64().unwrap_or(HOUR)
}

impl Bearer<'_> {
    /// When the token that a source has now was made, and when another takes its place: after four fifths of the time for
    /// which it was asked.
    fn turn(&self, source: &Doc) -> (i64, i64) {
        let stays = (seconds_of(source) * 4 / 5).clamp(1, DAY);
        let first = self.since.floor_seconds().seconds();
        let made = first + (self.now.seconds() - first).max(0) / stays * stays;
        (made, made + stays)
    }

    /// The token for a source of a volume. That of the account itself says no UID: whoever checks it knows the pod.
    pub fn token(&self, signer: Signer, source: &Doc) -> Str {
        let Key { namespace, name, .. } = self.key;
        let account = match self.spec["serviceAccountName"].str() {
            unset if unset.is_empty() => literal!("default"),
            name => name,
        };
        let audience = match source["audience"].str() {
            unset if unset.is_empty() => AUDIENCE.into(),
            audience => audience,
        };
        let lasts = match seconds_of(source) {
            SHORT if audience == AUDIENCE => YEAR,
            seconds => seconds,
        };
        let (since, _) = self.turn(source);
        let uid = self.uid.text();
        let jti = Random::stream(since.unsigned_abs(), &format!("{uid}/{audience}")).uuid().text();
        let mut said = doc!({
            "namespace": namespace, "node": { "name": self.spec["nodeName"].str() },
            "pod": { "name": name, "uid": uid }, "serviceaccount": { "name": &account }
        });
        if lasts == YEAR {
            said.set("warnafter", since + SHORT);
        }
        let claims = doc!({
            "aud": Doc::list([audience]), "exp": since + lasts, "iat": since, "iss": AUDIENCE, "jti": jti,
            "kubernetes.io": said, "nbf": since, "sub": format!("system:serviceaccount:{namespace}:{account}")
        });
        signer.token(&claims).into()
    }
}

/// The volumes by which a pod is told who it is, as one sees them who looks now. To sign a token costs more than all else of a
/// pod's start: they are made when a program looks into one of them, not when it looks at other files.
pub struct Account<'a> {
    bearer: Bearer<'a>,
    signer: Signer,
    /// Whether the time of those that were made before is over.
    due: bool,
    made: OnceCell<Made>,
}

#[derive(Debug)]
struct Made {
    volumes: BTreeMap<Str, Files>,
    renewal: u32,
}

impl<'a> Account<'a> {
    /// Of a pod that has volumes for as long as `renewal` says, in seconds since 1970.
    pub(super) fn new(bearer: Bearer<'a>, signer: Signer, renewal: u32) -> Account<'a> {
        let due = bearer.now.seconds() >= i64::from(renewal);
        Account { bearer, signer, due, made: OnceCell::new() }
    }

    fn volumes(&self) -> impl Iterator<Item = &'a Doc> {
        self.bearer.spec["volumes"].items().iter().filter(|volume| is_account_volume(volume))
    }

    /// The files of one of the volumes, if those that were made before are over.
    pub fn files(&self, volume: &Str) -> Option<&Files> {
        if !self.due || !self.volumes().any(|own| own["name"].str() == *volume) {
            return None;
        }
        self.made().volumes.get(volume)
    }

    fn made(&self) -> &Made {
        self.made.get_or_init(|| {
            let Account { bearer, signer, .. } = self;
            let sources = self.volumes().flat_map(|volume| volume["projected"]["sources"].items());
            let tokens = sources.map(|source| &source["serviceAccountToken"]);
            let ends = tokens.filter(|token| !token.is_null()).map(|token| bearer.turn(token).1);
            let renewal = ends.min().map_or(u32::MAX, |end| end.min(i64::from(u32::MAX)) as u32);
            let volumes = self.volumes().map(|volume| (volume["name"].str(), files(bearer, *signer, volume)));
            Made { volumes: volumes.collect(), renewal }
        })
    }

    /// Puts what was made to the pod's other volumes.
    pub(super) fn keep(self, volumes: &mut BTreeMap<Str, Files>, renewal: &mut u32) {
        if let Some(made) = self.made.into_inner() {
            volumes.extend(made.volumes);
            *renewal = made.renewal;
        }
    }
}

impl Sandbox {
    /// Makes them at once, where a container is to keep parts of them as they are when it starts.
    pub(super) fn make_account_volumes(&mut self, uid: Uid, signer: Signer, now: Timestamp) {
        let bearer = Bearer { key: &self.key, uid, spec: &self.spec, since: self.since, now };
        let account = Account::new(bearer, signer, self.renewal);
        if account.due {
            account.made();
            account.keep(&mut self.volumes, &mut self.renewal);
        }
    }
}

fn files(bearer: &Bearer<'_>, signer: Signer, volume: &Doc) -> Files {
    let mut files = Files::default();
    let mut put = |path: &Doc, text: Str| drop(files.0.insert(path.str(), text));
    for source in volume["projected"]["sources"].items() {
        let secret = &source["serviceAccountToken"];
        if !secret.is_null() {
            put(&secret["path"], bearer.token(signer, secret));
        }
        let certificate = &source["configMap"];
        match certificate["items"].items() {
            [] if certificate.is_null() => {}
            [] => put(&literal!("ca.crt").into(), CERTIFICATE),
            items => items.iter().for_each(|item| put(&item["path"], CERTIFICATE)),
        }
        for item in source["downwardAPI"]["items"].items() {
            put(&item["path"], bearer.key.namespace.clone());
        }
    }
    files
}

//! The claims of pods for devices: whether they are there, and whether they can be had. Devices that somebody offers are
//! not given out, as no driver runs here that could hand them over: only claims that say what they were given have them.

use std::sync::Arc;

use crate::api::{Key, Kind, Object, PatchKind, Request, Subresource, User};
use crate::client::Informers;
use crate::codec::Codec;
use crate::doc;
use crate::doc::{Doc, Str};

/// What the scheduler follows once there is a pod with such claims.
pub const KINDS: [Kind; 2] = [Kind::ResourceClaim, Kind::DeviceClass];

/// The claims of one pod, as they were at one moment.
#[derive(Codec, Clone, Debug, Default)]
pub struct PodDevices {
    /// Why the pod fits nowhere.
    pub refusal: Option<Str>,
    /// Where the devices are that it was given.
    pub places: Vec<Doc>,
    /// Whether it was not given all.
    pub incomplete: bool,
}

/// Whether a pod asks for devices.
pub fn are_claimed(pod: &Object) -> bool {
    !pod.body["spec"]["resourceClaims"].is_empty()
}

/// Whether all claims of a pod are there.
pub fn are_ready(pod: &Object, informers: &Informers) -> bool {
    pod.body["spec"]["resourceClaims"].items().iter().all(|claim| find(pod, claim, informers).is_ok())
}

/// What a pod's claims are like.
pub fn of(pod: &Object, informers: &Informers) -> PodDevices {
    let mut devices = PodDevices::default();
    for claim in pod.body["spec"]["resourceClaims"].items() {
        let refusal = match find(pod, claim, informers) {
            Err(why) => Some(why),
            Ok(None) => None,
            Ok(Some(claim)) => {
                let allocation = &claim.body["status"]["allocation"];
                devices.incomplete |= allocation.is_null();
                if !allocation["nodeSelector"].is_null() {
                    devices.places.push(allocation["nodeSelector"].clone());
                }
                if allocation.is_null() { missing_class(claim, informers) } else { None }
            }
        };
        if let Some(refusal) = refusal {
            return PodDevices { refusal: Some(refusal), ..PodDevices::default() };
        }
    }
    devices
}

/// What tells the claims of a pod that it uses them.
pub fn reservations(pod: &Object, user: &User, informers: &Informers) -> Vec<Request> {
    let claims = pod.body["spec"]["resourceClaims"].items().iter();
    let found = claims.filter_map(|claim| find(pod, claim, informers).ok().flatten());
    let uid = Doc::from(pod.meta.uid.text());
    let used =
        |claim: &&Arc<Object>| claim.body["status"]["reservedFor"].items().iter().any(|by| by["uid"] == uid);
    let reserve = |claim: &Arc<Object>| {
        let mut users = claim.body["status"]["reservedFor"].items().to_vec();
        users.push(doc!({ "resource": "pods", "name": &pod.key.name, "uid": uid.clone() }));
        let patch = doc!({ "status": { "reservedFor": users } });
        Request::patch(user.clone(), &claim.key, PatchKind::Merge, patch).on(Subresource::Status)
    };
    found.filter(|claim| !used(claim)).map(reserve).collect()
}

/// The object behind one of a pod's claims; none where it was found that the pod needs none.
fn find<'a>(pod: &Object, claim: &Doc, informers: &'a Informers) -> Result<Option<&'a Arc<Object>>, Str> {
    let own = claim["resourceClaimName"].is_null();
    let name = if own {
        let statuses = pod.body["status"]["resourceClaimStatuses"].items();
        let known = statuses.iter().find(|status| status["name"] == claim["name"]);
        let key = &pod.key;
        let unknown = || format!("pod \"{}/{}\": ResourceClaim not created yet", key.namespace, key.name);
        known.ok_or_else(unknown)?["resourceClaimName"].str()
    } else {
        claim["resourceClaimName"].str()
    };
    if name.is_empty() {
        return Ok(None);
    }
    let key = Key::new(Kind::ResourceClaim, pod.key.namespace.clone(), name.clone());
    let found = informers.find_cache(Kind::ResourceClaim).and_then(|claims| claims.get(&key));
    let Some(found) = found else { return Err(format!("resourceclaim \"{name}\" not found").into()) };
    if found.meta.deleting() {
        return Err(format!("resourceclaim \"{name}\" is being deleted").into());
    }
    if own && found.meta.controller().is_none_or(|owner| owner.uid != pod.meta.uid) {
        let (namespace, pod) = (&pod.key.namespace, &pod.key.name);
        let why = format!(
            "ResourceClaim {namespace}/{name} was not created for pod {namespace}/{pod} (pod is not owner)"
        );
        return Err(why.into());
    }
    Ok(Some(found))
}

/// What is said of the first class that a claim names and that is not there.
fn missing_class(claim: &Object, informers: &Informers) -> Option<Str> {
    let classes = informers.find_cache(Kind::DeviceClass)?;
    let refusal = |request: String, class: Str| {
        let known = classes.contains_key(&Key::new(Kind::DeviceClass, Str::new(), class.clone()));
        (!known).then(|| format!("request {request}: device class {class} does not exist").into())
    };
    claim.body["spec"]["devices"]["requests"].items().iter().find_map(|request| {
        let name = request["name"].str();
        if !request["exactly"].is_null() {
            return refusal(name.to_string(), request["exactly"]["deviceClassName"].str());
        }
        request["firstAvailable"].items().iter().find_map(|choice| {
            refusal(format!("{name}/{}", choice["name"].str()), choice["deviceClassName"].str())
        })
    })
}

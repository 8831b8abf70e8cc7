//! Volumes that the kubelet composes: ConfigMaps, Secrets, fields of the pod, tokens; and those of its disk.
//!
//! A pod gets its sandbox when all of them are there; about once a minute what they are made of is read again.

use crate::api::core::pod::Pod;
use crate::api::{Key, Kind, Object, Reply, Request, Status, Uid};
use crate::client::Severity;
use crate::codec::Codec;
use crate::collections::{sort, sort_by};
use crate::doc::{Doc, Str, Timestamp, literal};
use crate::runtime::{Bearer, ROOT_CA, is_account_volume};
use crate::sim::{CERTIFICATE, Context, CriCall, Duration, Signer, Time, Timer};

use super::downward::{field, resource_field};
use super::env::{Sources, read_source, text};
use super::pod::PodStage;
use super::status::ip_text;
use super::{Kubelet, Pending, host_paths};

/// Waits before a volume that could not be set up is tried again: doubling, up to 2 min 2 s.
const FIRST_RETRY: Duration = Duration::millis(500);
const LONGEST_RETRY: Duration = Duration::seconds(122);
/// Between two looks at what volumes are made of, and how much longer it may take.
const REFRESH: Duration = Duration::seconds(60);
const REFRESH_SPREAD: Duration = Duration::seconds(30);

/// Paths and texts of a volume.
type Files = Vec<(Str, Str)>;

/// How far a pod's volumes are.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub(super) struct Volumes {
    /// Whether they were set up once.
    pub ready: bool,
    /// Answers that are missing.
    missing: u32,
    sources: Sources,
    /// What the runtime has, by volume.
    given: Vec<(Str, Files)>,
    failures: u32,
    /// What was said of a failure, so that it is not said at every retry.
    complaint: Str,
    /// Since when it is waited for the next try, and until when.
    pub retry: Option<(Time, Time)>,
}

impl Kubelet {
    /// Whether a pod's volumes are there; if not, work on that begins.
    pub(super) fn volumes_ready(&mut self, uid: Uid, cx: &mut Context<'_>) -> bool {
        let Some(object) = self.object(uid) else { return false };
        let spec = &object.body["spec"];
        let Some(pod) = self.pods.get_mut(&uid) else { return false };
        let at_once = |volume: &Doc| !is_composed(volume) && volume["hostPath"].is_null();
        if pod.volumes.ready || spec["volumes"].items().iter().all(at_once) {
            return true;
        }
        if pod.volumes.missing == 0 && pod.volumes.failures == 0 {
            self.read_volumes(uid, cx);
        }
        self.pods.get(&uid).is_some_and(|pod| pod.volumes.ready)
    }

    /// It is time to look (again) at what a pod's volumes are made of.
    pub(super) fn read_volumes(&mut self, uid: Uid, cx: &mut Context<'_>) {
        let Some(object) = self.object(uid) else { return };
        let keys = references(&object.body["spec"], &object.key.namespace);
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        if pod.terminating.is_some() || matches!(pod.stage, PodStage::Done) {
            return;
        }
        pod.volumes.sources = Sources::new();
        pod.volumes.missing = keys.len() as u32;
        self.requests.retain(|_, pending| !matches!(pending, Pending::Volume { pod, .. } if *pod == uid));
        if keys.is_empty() {
            return self.set_up(uid, &object, cx);
        }
        for key in keys {
            let id = cx.request(Request::get(self.user.clone(), &key));
            self.requests.insert(id, Pending::Volume { pod: uid, key });
        }
    }

    pub(super) fn volume_read(
        &mut self,
        uid: Uid,
        key: Key,
        result: Result<Reply, Box<Status>>,
        cx: &mut Context<'_>,
    ) {
        let Some(object) = self.object(uid) else { return };
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let data = read_source(&key, result);
        pod.volumes.sources.insert(key, data);
        pod.volumes.missing = pod.volumes.missing.saturating_sub(1);
        if pod.volumes.missing == 0 {
            self.set_up(uid, &object, cx);
        }
    }

    fn set_up(&mut self, uid: Uid, object: &Object, cx: &mut Context<'_>) {
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let ip = pod.ip.map(ip_text).unwrap_or_default();
        let host = ip_text(self.address);
        let view = object.view::<Pod>();
        let (signer, now) = (cx.core.signer, cx.timestamp());
        let mut fresh = Vec::new();
        let mut complaint = Str::new();
        let volumes = object.body["spec"]["volumes"].items();
        let refused = |volume: &Doc, why| {
            format!("MountVolume.SetUp failed for volume \"{}\" : {why}", volume["name"].str()).into()
        };
        let machine = &mut cx.core.machines[self.machine as usize];
        for volume in volumes.iter().filter(|volume| !volume["hostPath"].is_null()) {
            if let Err(why) = host_paths::set_up(&volume["hostPath"], machine) {
                complaint = refused(volume, why);
            }
        }
        for volume in volumes.iter().filter(|volume| is_composed(volume)) {
            let composer = Composer {
                object,
                sources: &pod.volumes.sources,
                ip: &ip,
                host: &host,
                view,
                machine,
                signer,
                now,
            };
            let name = volume["name"].str();
            match composer.volume(volume) {
                Ok(files) => fresh.push((name, files)),
                Err(why) => {
                    complaint = refused(volume, why);
                    break;
                }
            }
        }
        if !complaint.is_empty() {
            return self.not_set_up(uid, complaint, cx);
        }
        let first = !std::mem::replace(&mut pod.volumes.ready, true);
        (pod.volumes.failures, pod.volumes.retry) = (0, None);
        pod.volumes.complaint = Str::new();
        let before = std::mem::replace(&mut pod.volumes.given, fresh.clone());
        let key = pod.key.clone();
        let sandbox = pod.ip.is_some();
        if volumes.iter().any(is_composed) {
            let wait = REFRESH + self.node.draw(REFRESH_SPREAD);
            cx.timer(wait, Timer::about("volumes", key));
        }
        if first && !sandbox {
            return self.sync(uid, cx);
        }
        for (volume, files) in fresh {
            if !before.contains(&(volume.clone(), files.clone())) {
                self.ask_runtime(CriCall::SetVolume { pod: uid, volume, files }, cx);
            }
        }
    }

    fn not_set_up(&mut self, uid: Uid, complaint: Str, cx: &mut Context<'_>) {
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let wait = (FIRST_RETRY * (1 << pod.volumes.failures.min(8))).min(LONGEST_RETRY);
        pod.volumes.failures += 1;
        pod.volumes.retry = Some((cx.now(), cx.now() + wait));
        pod.volumes.complaint = complaint.clone();
        let key = pod.key.clone();
        self.pod_event(uid, None, Severity::Warning, "FailedMount", complaint, cx);
        cx.timer(wait, Timer::about("volumes", key));
    }

    /// The sandbox is being made: the runtime gets what its volumes hold.
    pub(super) fn give_volumes(&mut self, uid: Uid, cx: &mut Context<'_>) {
        let given = self.pods.get(&uid).map(|pod| pod.volumes.given.clone()).unwrap_or_default();
        for (volume, files) in given {
            self.ask_runtime(CriCall::SetVolume { pod: uid, volume, files }, cx);
        }
    }
}

/// Whether a volume is filled here. Runtimes make that of the service account themselves.
fn is_composed(volume: &Doc) -> bool {
    ["configMap", "secret", "downwardAPI", "projected"].iter().any(|kind| !volume[*kind].is_null())
        && !is_account_volume(volume)
}

/// The sources of a volume that are read from the API: their kind and the document that names them.
fn sources(volume: &Doc) -> Vec<(Kind, Str, &Doc)> {
    let mut all = Vec::new();
    if !volume["configMap"].is_null() {
        all.push((Kind::ConfigMap, volume["configMap"]["name"].str(), &volume["configMap"]));
    }
    if !volume["secret"].is_null() {
        all.push((Kind::Secret, volume["secret"]["secretName"].str(), &volume["secret"]));
    }
    for source in volume["projected"]["sources"].items() {
        for (field, kind) in [("configMap", Kind::ConfigMap), ("secret", Kind::Secret)] {
            if !source[field].is_null() {
                all.push((kind, source[field]["name"].str(), &source[field]));
            }
        }
    }
    all
}

fn references(spec: &Doc, namespace: &Str) -> Vec<Key> {
    let volumes = spec["volumes"].items().iter();
    let mut keys: Vec<Key> = volumes
        .flat_map(sources)
        .filter(|(kind, name, _)| *kind != Kind::ConfigMap || name != ROOT_CA)
        .map(|(kind, name, _)| Key { kind, namespace: namespace.clone(), name })
        .collect();
    sort(&mut keys);
    keys.dedup();
    keys
}

struct Composer<'a> {
    object: &'a Object,
    sources: &'a Sources,
    ip: &'a Str,
    host: &'a Str,
    view: Option<&'a Pod>,
    machine: &'a crate::sim::Machine,
    signer: Signer,
    now: Timestamp,
}

impl Composer<'_> {
    /// The files of a volume, or why it cannot be had.
    fn volume(&self, volume: &Doc) -> Result<Files, Str> {
        let mut files = Vec::new();
        for (kind, name, source) in sources(volume) {
            files.extend(self.data(kind, &name, source)?);
        }
        let projected = volume["projected"]["sources"].items().iter();
        for source in projected.chain([volume]) {
            for item in source["downwardAPI"]["items"].items() {
                files.push((item["path"].str(), self.item(item)));
            }
            let secret = &source["serviceAccountToken"];
            if !secret.is_null() {
                let Object { key, meta, body, .. } = self.object;
                let (uid, since, now) = (meta.uid, meta.creation, self.now);
                let bearer = Bearer { key, uid, spec: &body["spec"], since, now };
                files.push((secret["path"].str(), bearer.token(self.signer, secret)));
            }
        }
        sort_by(&mut files, |a, b| a.0.cmp(&b.0));
        files.dedup_by(|a, b| a.0 == b.0);
        Ok(files)
    }

    fn data(&self, kind: Kind, name: &Str, source: &Doc) -> Result<Files, Str> {
        if kind == Kind::ConfigMap && name == ROOT_CA {
            return Ok(vec![(literal!("ca.crt"), CERTIFICATE)]);
        }
        let optional = source["optional"].as_bool() == Some(true);
        let key = Key { kind, namespace: self.object.key.namespace.clone(), name: name.clone() };
        let data = match self.sources.get(&key) {
            Some(Ok(data)) => data,
            Some(Err(_)) if optional => return Ok(Vec::new()),
            Some(Err(why)) => return Err(why.clone()),
            None => return Err("it was not read".into()),
        };
        let items = source["items"].items();
        if items.is_empty() {
            return Ok(data.entries().iter().map(|(key, value)| (key.clone(), text(kind, value))).collect());
        }
        let mut files = Vec::new();
        for item in items {
            let wanted = item["key"].str();
            match &data[wanted.as_str()] {
                Doc::Null if optional => {}
                Doc::Null if kind == Kind::Secret => {
                    return Err(format!("references non-existent secret key: {wanted}").into());
                }
                Doc::Null => {
                    return Err(format!("configmap references non-existent config key: {wanted}").into());
                }
                value => files.push((item["path"].str(), text(kind, value))),
            }
        }
        Ok(files)
    }

    fn item(&self, item: &Doc) -> Str {
        let reference = &item["resourceFieldRef"];
        if !reference.is_null() {
            let name = reference["containerName"].str();
            let container = self.view.and_then(|view| {
                let mut all = view.spec.containers.iter().chain(&view.spec.init_containers);
                all.find(|container| container.name == name)
            });
            return container
                .map_or(Str::new(), |container| resource_field(reference, &container.doc, self.machine));
        }
        field(&item["fieldRef"]["fieldPath"].str(), self.object, self.ip, self.host)
    }
}

//! The images that containers need before they start: those of the pod's volumes, then each one's own.

use crate::api::core::pod::PodSpec;
use crate::api::{Key, Kind, Reply, Request, Status, Uid};
use crate::client::Severity;
use crate::doc::Str;
use crate::runtime::reference_fault;
use crate::sim::{Context, CriCall, Time, Timer};

use super::pod::{ContainerStage, spec_at};
use super::sync::{PULL_GLANCE, RESYNC};
use super::{Kubelet, Pending};

/// What is needed: a reference, and the policy by which it is pulled.
type Needed = (Str, Str);

impl Kubelet {
    /// Reads the secret in that place which the pod pulls images with, and says in the end which ones are `missing`.
    pub(super) fn read_pull_secret(&mut self, uid: Uid, at: u32, missing: Vec<Str>, cx: &mut Context<'_>) {
        let Some(object) = self.object(uid) else { return };
        let secrets = object.body["spec"]["imagePullSecrets"].items();
        let named = (0u32..).zip(secrets).skip(at as usize).find(|(_, secret)| !secret["name"].is_empty());
        if let Some((at, secret)) = named {
            let key = Key::new(Kind::Secret, object.key.namespace.clone(), secret["name"].str());
            let id = cx.request(Request::get(self.user.clone(), &key));
            self.requests.insert(id, Pending::PullSecret { pod: uid, at, missing });
        } else if !missing.is_empty() {
            let message = format!(
                "Unable to retrieve some image pull secrets ({}); attempting to pull the image may not succeed.",
                missing.join(", ")
            );
            let reason = "FailedToRetrieveImagePullSecret";
            self.pod_event(uid, None, Severity::Warning, reason, message, cx);
        }
    }

    /// One of them was read, or is not there.
    pub(super) fn pull_secret_read(
        &mut self,
        uid: Uid,
        at: u32,
        mut missing: Vec<Str>,
        result: &Result<Reply, Box<Status>>,
        cx: &mut Context<'_>,
    ) {
        if let Some(object) = self.object(uid).filter(|_| result.is_err()) {
            missing.push(object.body["spec"]["imagePullSecrets"][at as usize]["name"].str());
        }
        self.read_pull_secret(uid, at + 1, missing, cx);
    }

    /// Those of the pod's volumes. Most pods have none.
    fn images_of_volumes(&self, uid: Uid) -> Vec<Needed> {
        let Some(object) = self.pods.get(&uid).filter(|pod| pod.mounts_images).and_then(|_| self.object(uid))
        else {
            return Vec::new();
        };
        let volumes = object.body["spec"]["volumes"].items().iter().map(|volume| &volume["image"]);
        let images = volumes.filter(|image| !image.is_null());
        images.map(|image| (image["reference"].str(), image["pullPolicy"].str())).collect()
    }

    /// What is said of an image that is needed is said of this container, or of the pod as a whole.
    pub(super) fn needs_for(&self, uid: Uid, index: u32, which: u32) -> Option<u32> {
        (which as usize == self.images_of_volumes(uid).len()).then_some(index)
    }

    /// The images first.
    pub(super) fn begin(&mut self, uid: Uid, index: u32, spec: &PodSpec, cx: &mut Context<'_>) {
        let image = spec_at(spec, index).image.clone();
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let container = pod.at(index);
        if container.image != image {
            container.image = image;
            (container.waited, container.crash, container.pull) = Default::default();
        }
        self.obtain(uid, index, spec, 0, cx);
    }

    /// Gets what is needed from that one on, and goes on with the container when all of it is there.
    pub(super) fn obtain(&mut self, uid: Uid, index: u32, spec: &PodSpec, from: u32, cx: &mut Context<'_>) {
        let own = spec_at(spec, index);
        let own_image = (own.image.clone(), own.pull_policy.clone());
        let of_volumes = self.images_of_volumes(uid);
        for which in from..=of_volumes.len() as u32 {
            let image = of_volumes.get(which as usize).unwrap_or(&own_image);
            if !self.is_there(uid, index, which, image, cx) {
                return;
            }
        }
        self.configure(uid, index, own, cx);
    }

    /// Whether an image need not be waited for. If it must, it is pulled, or it is said why it cannot be had.
    fn is_there(
        &mut self,
        uid: Uid,
        index: u32,
        which: u32,
        (image, policy): &Needed,
        cx: &mut Context<'_>,
    ) -> bool {
        let whose = self.needs_for(uid, index, which);
        if let Some(fault) = reference_fault(image) {
            let why = format!(
                "Failed to apply default image tag \"{image}\": couldn't parse image name \"{image}\": {fault}"
            );
            self.pod_event(uid, whose, Severity::Warning, "InspectFailed", why.clone(), cx);
            self.image_refused(uid, index, which, ("InvalidImageName", why.into()), cx);
            return false;
        }
        let cached = self.images.contains_key(image);
        match policy.as_str() {
            "Never" if !cached => {
                let why = format!("Container image \"{image}\" is not present with pull policy of Never");
                self.pod_event(uid, whose, Severity::Warning, "ErrImageNeverPull", why.clone(), cx);
                self.image_refused(uid, index, which, ("ErrImageNeverPull", why.into()), cx);
                false
            }
            policy if policy == "Always" || !cached => {
                let Some(pod) = self.pods.get_mut(&uid) else { return false };
                let container = pod.at(index);
                container.stage = ContainerStage::Pulling { since: cx.now(), which };
                let (container, image) = (container.name.clone(), image.clone());
                let message = format!("Pulling image \"{image}\"");
                self.pod_event(uid, whose, Severity::Normal, "Pulling", message, cx);
                self.ask_runtime(CriCall::PullImage { pod: uid, container, image }, cx);
                false
            }
            _ => {
                let message = format!(
                    "Container image \"{image}\" already present on machine and can be accessed by the pod"
                );
                self.pod_event(uid, whose, Severity::Normal, "Pulled", message, cx);
                true
            }
        }
    }

    fn image_refused(
        &mut self,
        uid: Uid,
        index: u32,
        which: u32,
        (reason, message): (&'static str, Str),
        cx: &mut Context<'_>,
    ) {
        self.pod_event(uid, Some(index), Severity::Warning, "Failed", format!("Error: {reason}"), cx);
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let (since, until) = (cx.now(), cx.now() + RESYNC);
        pod.at(index).stage = ContainerStage::PullFailed { which, reason, message, since, until };
        cx.timer(RESYNC, Timer::about("pod", pod.key.clone()));
    }

    /// Which image that is.
    fn needed(&self, uid: Uid, index: u32, which: u32) -> Str {
        let of_volume = self.images_of_volumes(uid).into_iter().nth(which as usize);
        of_volume.map_or_else(|| self.pods[&uid].containers[index as usize].image.clone(), |(image, _)| image)
    }

    /// The runtime could not have the image.
    pub(super) fn pull_failed(&mut self, uid: Uid, index: u32, which: u32, why: Str, cx: &mut Context<'_>) {
        let message = format!("Failed to pull image \"{}\": {why}", self.needed(uid, index, which));
        let whose = self.needs_for(uid, index, which);
        self.pod_event(uid, whose, Severity::Warning, "Failed", message, cx);
        self.pod_event(uid, Some(index), Severity::Warning, "Failed", "Error: ErrImagePull", cx);
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let container = pod.at(index);
        let wait = container.pull.after_pull();
        let (since, until) = (cx.now(), cx.now() + wait);
        container.stage =
            ContainerStage::PullFailed { which, reason: "ErrImagePull", message: why, since, until };
        for wait in [PULL_GLANCE, wait] {
            cx.timer(wait, Timer::about("pod", pod.key.clone()));
        }
        // The next container's turn has come.
        self.sync(uid, cx);
    }

    pub(super) fn pull_backs_off(
        &mut self,
        uid: Uid,
        index: u32,
        which: u32,
        why: Str,
        (since, until): (Time, Time),
        cx: &mut Context<'_>,
    ) {
        let text = format!("Back-off pulling image \"{}\"", self.needed(uid, index, which));
        let message: Str = format!("{text}: ErrImagePull: {why}").into();
        let whose = self.needs_for(uid, index, which);
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        pod.at(index).stage =
            ContainerStage::PullFailed { which, reason: "ImagePullBackOff", message, since, until };
        self.pod_event(uid, whose, Severity::Normal, "BackOff", text, cx);
        self.pod_event(uid, Some(index), Severity::Warning, "Failed", "Error: ImagePullBackOff", cx);
    }
}

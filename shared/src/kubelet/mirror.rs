//! Static pods: the programs of the control plane, on nodes that bear it. The kubelet runs them from files, whatever
//! the API says; the API shows their mirrors.

use std::sync::Arc;

use crate::api::{Key, Kind, Object, PatchKind, Request, Subresource};
use crate::doc;
use crate::doc::{Doc, Str, literal};
use crate::sim::{Context, Duration, Process, Timer, hash_of};

use super::status::ip_text;
use super::{Kubelet, Pending};

/// How often the kubelet looks whether they run.
const RELIST: Duration = Duration::seconds(1);
const MIRROR: &str = "kubernetes.io/config.mirror";

/// A program, as kubeadm describes it: image, port of its health check, and what it asks for.
struct Manifest {
    of: fn(u32) -> Process,
    image: &'static str,
    port: i64,
    cpu: &'static str,
    memory: Option<&'static str>,
}

const MANIFESTS: [Manifest; 4] = [
    Manifest {
        of: Process::Etcd,
        image: "registry.k8s.io/etcd:3.6.8-0",
        port: 2381,
        cpu: "100m",
        memory: Some("100Mi"),
    },
    Manifest {
        of: Process::ApiServer,
        image: "registry.k8s.io/kube-apiserver:v1.36.2",
        port: 6443,
        cpu: "250m",
        memory: None,
    },
    Manifest {
        of: Process::ControllerManager,
        image: "registry.k8s.io/kube-controller-manager:v1.36.2",
        port: 10257,
        cpu: "200m",
        memory: None,
    },
    Manifest {
        of: Process::Scheduler,
        image: "registry.k8s.io/kube-scheduler:v1.36.2",
        port: 10259,
        cpu: "100m",
        memory: None,
    },
];

/// Whether a pod only shows what a kubelet runs from a file.
pub(super) fn is_mirror(object: &Object) -> bool {
    !object.meta.annotations[MIRROR].is_null()
}

impl Kubelet {
    /// Keeps the mirrors of the node's static pods as they should be, from now on.
    pub(super) fn mirror(&mut self, cx: &mut Context<'_>) {
        let Some(member) = cx.core.links.member_on(self.machine) else { return };
        cx.because(crate::sim::Causes::none(), |cx| cx.timer(RELIST, Timer::named("mirror")));
        if self.requests.values().any(|pending| matches!(pending, Pending::Mirror)) {
            return;
        }
        for manifest in &MANIFESTS {
            let process = (manifest.of)(member);
            if let Some(request) = self.mend_mirror(manifest, process, cx) {
                let id = cx.request(request);
                self.requests.insert(id, Pending::Mirror);
            }
        }
    }

    /// What has to be asked of the API for one of them.
    fn mend_mirror(&self, manifest: &Manifest, process: Process, cx: &Context<'_>) -> Option<Request> {
        let name: Str = format!("{}-{}", process.program(), self.name).into();
        let key = Key::new(Kind::Pod, literal!("kube-system"), name);
        let Some(pod) = self.informers.cache(Kind::Pod).get(&key).cloned() else {
            let body = self.mirror_of(manifest, &key, process, cx);
            return Some(Request::create(self.user.clone(), Kind::Pod, key.namespace, body));
        };
        if pod.meta.deleting() {
            // Only the mirror goes; the next one follows.
            let mut request = Request::delete(self.user.clone(), &key);
            request.options.delete.grace_period_seconds = Some(0);
            return Some(request);
        }
        let status = mirror_status(&pod, manifest, process, self.address, cx)?;
        let request =
            Request::patch(self.user.clone(), &key, PatchKind::Strategic, doc!({ "status": status }));
        Some(request.on(Subresource::Status))
    }

    fn mirror_of(&self, manifest: &Manifest, key: &Key, process: Process, cx: &Context<'_>) -> Doc {
        let program = process.program();
        let hash = format!("{:032x}", hash_of(&(program, self.name.as_str())));
        let seen = cx.timestamp().floor_seconds().rfc3339();
        let mut requests = doc!({ "cpu": manifest.cpu });
        if let Some(memory) = manifest.memory {
            requests.set("memory", memory);
        }
        let owner = doc!({
            "apiVersion": "v1", "kind": "Node", "name": &self.name, "uid": self.node.uid.text(), "controller": true
        });
        doc!({
            "metadata": {
                "name": &key.name, "namespace": &key.namespace, "ownerReferences": [owner],
                "labels": { "component": program, "tier": "control-plane" },
                "annotations": {
                    "kubernetes.io/config.hash": hash.clone(), "kubernetes.io/config.mirror": hash,
                    "kubernetes.io/config.seen": seen, "kubernetes.io/config.source": "file"
                }
            },
            "spec": {
                "containers": [{
                    "name": program, "image": manifest.image, "command": [program],
                    "imagePullPolicy": "IfNotPresent",
                    "ports": [{ "name": "probe-port", "containerPort": manifest.port, "protocol": "TCP" }],
                    "resources": { "requests": requests }
                }],
                "hostNetwork": true, "nodeName": &self.name, "priorityClassName": "system-node-critical",
                "securityContext": { "seccompProfile": { "type": "RuntimeDefault" } },
                "tolerations": [{ "effect": "NoExecute", "operator": "Exists" }]
            }
        })
    }
}

/// The status that the API should have; `None` when it has it.
fn mirror_status(
    pod: &Arc<Object>,
    manifest: &Manifest,
    process: Process,
    address: u32,
    cx: &Context<'_>,
) -> Option<Doc> {
    let running = cx.core.running(process);
    let restarts = i64::from(cx.core.incarnation(process).saturating_sub(1));
    let old = &pod.body["status"];
    let container = &old["containerStatuses"][0];
    let ready = old["conditions"].items().iter().find(|it| it["type"].as_str() == Some("Ready"));
    let said = ready.map(|it| it["status"].as_str() == Some("True"));
    if said == Some(running)
        && container["ready"].as_bool() == Some(running)
        && container["restartCount"].as_i64() == Some(restarts)
    {
        return None;
    }
    let now = Doc::Time(cx.timestamp().floor_seconds());
    let program = process.program();
    let state = if running {
        doc!({ "running": { "startedAt": now.clone() } })
    } else {
        let message = format!(
            "back-off 5m0s restarting failed container={program} pod={}_{}({})",
            pod.key.name,
            pod.key.namespace,
            pod.meta.uid.text()
        );
        doc!({ "waiting": { "reason": "CrashLoopBackOff", "message": message } })
    };
    let conditions = [
        ("PodReadyToStartContainers", true),
        ("Initialized", true),
        ("Ready", running),
        ("ContainersReady", running),
        ("PodScheduled", true),
    ];
    let conditions = conditions.map(|(name, is)| {
        let mut condition = doc!({
            "type": name, "status": if is { "True" } else { "False" }, "lastProbeTime": null,
            "lastTransitionTime": now.clone(), "observedGeneration": pod.meta.generation
        });
        if !is {
            condition.set("reason", "ContainersNotReady");
            condition.set("message", format!("containers with unready status: [{program}]"));
        } else if said == Some(false) {
            condition.set("reason", Doc::Null);
            condition.set("message", Doc::Null);
        }
        condition
    });
    let id = hash_of(&(pod.meta.uid, restarts));
    let ip = ip_text(address);
    Some(doc!({
        "phase": "Running", "hostIP": ip.clone(), "hostIPs": [{ "ip": ip.clone() }],
        "podIP": ip.clone(), "podIPs": [{ "ip": ip }],
        "startTime": if old["startTime"].is_null() { now } else { old["startTime"].clone() },
        "conditions": Doc::list(conditions),
        "containerStatuses": [{
            "name": program, "image": manifest.image, "imageID": crate::runtime::image_id(manifest.image),
            "containerID": format!("containerd://{id:032x}{id:032x}"), "ready": running, "started": running,
            "restartCount": restarts, "state": state, "lastState": {}
        }]
    }))
}

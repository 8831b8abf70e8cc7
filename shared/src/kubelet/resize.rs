//! Pods whose containers are to have more or less CPU and memory while they run (`pods/resize`).

use crate::api::core::pod::Pod;
use crate::api::{Object, Uid};
use crate::client::Severity;
use crate::doc;
use crate::doc::Doc;
use crate::sim::{Context, CriCall};

use super::Kubelet;
use super::pod::PodStage;

/// What the containers of a spec are to have, in the order of the kubelet's own list.
fn resources(spec: &Doc) -> Vec<Doc> {
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    let containers = lists.iter().flat_map(|list| spec[*list].items());
    containers.map(|container| container["resources"].clone()).collect()
}

/// Whether a container has to start anew for what changes.
fn restarts(container: &Doc, before: &Doc) -> bool {
    container["resizePolicy"].items().iter().any(|policy| {
        let resource = policy["resourceName"].str();
        let changes = |bound: &str| container["resources"][bound][&*resource] != before[bound][&*resource];
        policy["restartPolicy"].as_str() == Some("RestartContainer")
            && (changes("requests") || changes("limits"))
    })
}

/// What Events say of the containers that are to have other resources.
fn summary(pod: &Object, why: Option<&str>) -> String {
    let mut parts = Vec::new();
    for list in ["initContainers", "containers"] {
        let containers = pod.body["spec"][list].items().iter();
        let containers = containers
            .map(|one| doc!({ "name": one["name"].str(), "resources": one["resources"].clone() }))
            .collect::<Vec<Doc>>();
        if !containers.is_empty() {
            parts.push(format!("\"{list}\":{}", Doc::list(containers).to_json()));
        }
    }
    parts.push(format!("\"generation\":{}", pod.meta.generation));
    parts.extend(why.map(|why| format!("\"error\":{}", Doc::from(why).to_json())));
    format!("{{{}}}", parts.join(","))
}

impl Kubelet {
    /// Gives the containers of a pod what its spec says by now, as far as the node has that much. `before` is the spec
    /// as it was.
    pub(super) fn resize(&mut self, uid: Uid, before: &Doc, cx: &mut Context<'_>) {
        let Some(object) = self.object(uid) else { return };
        let Some(view) = object.view::<Pod>() else { return };
        let wanted = resources(&object.body["spec"]);
        let size = (view.spec.cpu_milli, view.spec.memory);
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        if matches!(pod.stage, PodStage::Waiting | PodStage::Sandbox) {
            pod.requests = size;
        }
        if pod.stage != PodStage::Active {
            return;
        }
        let given = pod.allocated.clone().unwrap_or_else(|| resources(before));
        let unmet = pod.unmet.take();
        // A container that came to look at the others takes nothing, and stands behind them.
        if wanted.iter().zip(&given).all(|(wanted, given)| wanted == given) {
            return;
        }
        let had = pod.requests;
        let (cpu, memory) = size;
        let machine = &cx.core.machines[self.machine as usize];
        let (_, all_cpu, all_memory) = self.held();
        let sizes = [
            ("cpu", cpu, had.0, all_cpu - had.0, machine.cpu_milli),
            ("memory", memory, had.1, all_memory - had.1, machine.memory),
        ];
        let lacking =
            sizes.into_iter().find(|(_, wanted, had, used, most)| wanted > had && used + wanted > *most);
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        if let Some((resource, wanted, _, used, most)) = lacking {
            let (reason, what) = match wanted > most {
                true => ("Infeasible", format!("capacity: {resource}, requested: {wanted}")),
                false => ("Deferred", format!("resource: {resource}, requested: {wanted}, used: {used}")),
            };
            let message = format!("Node didn't have enough {what}, capacity: {most}");
            pod.allocated = Some(given);
            let said = format!("Pod resize {reason}: {}", summary(&object, Some(&message)));
            pod.unmet = Some((reason, message.into()));
            if pod.unmet != unmet {
                let event = if reason == "Infeasible" { "ResizeInfeasible" } else { "ResizeDeferred" };
                self.pod_event(uid, None, Severity::Warning, event, said, cx);
            }
            return;
        }
        pod.requests = size;
        pod.allocated = Some(wanted.clone());
        pod.resizing = Some(object.meta.generation);
        let said = format!("Pod resize started: {}", summary(&object, None));
        self.pod_event(uid, None, Severity::Normal, "ResizeStarted", said, cx);
        let spec = &object.body["spec"];
        let lists = ["initContainers", "containers", "ephemeralContainers"];
        let containers = lists.iter().flat_map(|list| spec[*list].items());
        for (index, ((container, wanted), before)) in (0u32..).zip(containers.zip(wanted).zip(&given)) {
            if wanted != *before {
                let (name, anew) = (container["name"].str(), restarts(container, before));
                let resources = wanted;
                self.ask_runtime(
                    CriCall::UpdateContainerResources { pod: uid, container: name.clone(), resources },
                    cx,
                );
                if anew && self.pods[&uid].containers[index as usize].is_live() {
                    let message = format!("Container {name} resize requires restart");
                    self.begin_anew(uid, index, view.spec.grace_seconds, message, cx);
                }
            }
        }
        self.resized(uid, cx);
        self.resize_waiting(cx);
    }

    /// The containers of a pod have what they were to have, unless one is still to start anew for it.
    pub(super) fn resized(&mut self, uid: Uid, cx: &mut Context<'_>) {
        let Some(object) = self.object(uid) else { return };
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let anew = pod.containers.iter().any(|container| container.anew);
        if anew || pod.resizing.take().is_none() {
            return;
        }
        let said = format!("Pod resize completed: {}", summary(&object, None));
        self.pod_event(uid, None, Severity::Normal, "ResizeCompleted", said, cx);
    }

    /// Something has become free: those that wait for more may have it.
    pub(super) fn resize_waiting(&mut self, cx: &mut Context<'_>) {
        let waits = self.pods.values().filter(|pod| pod.unmet.is_some());
        for uid in waits.map(|pod| pod.uid).collect::<Vec<_>>() {
            if self.pods[&uid].unmet.is_some() {
                self.resize(uid, &Doc::Null, cx);
                self.report(uid, cx);
            }
        }
    }
}

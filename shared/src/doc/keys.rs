//! Field names and values that stand in almost every object, shared instead of allocated.

use std::sync::LazyLock;

use super::{Str, literal};

/// Slots of the table below; a power of two, several times as many as there are names.
const SLOTS: usize = 1024;

macro_rules! well_known {
    ($($name:literal)*) => {
        /// Every name in the first free slot from the one that its text says.
        static WELL_KNOWN: LazyLock<Vec<Option<Str>>> = LazyLock::new(|| {
            let mut slots = vec![None; SLOTS];
            for name in [$(literal!($name)),*] {
                let mut at = slot(&name);
                while slots[at].as_ref().is_some_and(|there| *there != name) {
                    at = (at + 1) % SLOTS;
                }
                slots[at] = Some(name);
            }
            slots
        });
    };
}

/// A cheap hash: interning is for speed, and the names differ in length and in these letters.
fn slot(text: &str) -> usize {
    let bytes = text.as_bytes();
    let letter = |at: usize| bytes.get(at).map_or(0, |&byte| usize::from(byte));
    let (length, middle) = (bytes.len(), bytes.len() / 2);
    let mixed = length * 197
        + letter(0) * 31
        + letter(middle) * 7
        + letter(length.wrapping_sub(1)) * 113
        + letter(2) * 59;
    mixed % SLOTS
}

well_known! {
    "Always" "ClusterFirst" "ClusterIP" "ContainersReady" "Equal" "Exists" "False" "File" "IPv4" "IfNotPresent"
    "Initialized" "LoadBalancer" "NoExecute" "NoSchedule" "Normal" "Pending" "Pod" "PodReadyToStartContainers"
    "PodScheduled" "Ready" "ReplicaSet" "RollingUpdate" "Running" "SingleStack" "Succeeded" "TCP" "True" "Unknown"
    "Warning" "Scheduled" "SuccessfulCreate" "SuccessfulDelete" "Pulling" "Pulled" "Created" "Started" "Starting" "Killing"
    "NodeHasSufficientMemory" "NodeHasNoDiskPressure" "NodeHasSufficientPID" "NodeReady" "RegisteredNode" "ContainersNotReady"
    "MemoryPressure" "DiskPressure" "PIDPressure" "KubeletHasSufficientMemory" "kubelet has sufficient memory available"
    "KubeletHasNoDiskPressure" "kubelet has no disk pressure" "KubeletHasSufficientPID" "kubelet has sufficient PID available"
    "KubeletReady" "kubelet is posting ready status" "KubeletNotReady" "Starting kubelet." "InternalIP" "Hostname" "amd64" "linux" "containerd://2.1.4" "6.12.48" "v1.36.2" "Debian GNU/Linux 13 (trixie)" "action" "active" "addresses" "allocatable" "annotations" "apiVersion" "app" "apps/v1" "args"
    "availableReplicas" "blockOwnerDeletion" "capacity" "clusterIP" "clusterIPs" "command" "conditions"
    "configMapRef" "containerID" "containerPort" "containerStatuses" "containers" "controller" "count" "cpu"
    "creationTimestamp" "data" "default" "default-scheduler" "deletionGracePeriodSeconds" "deletionTimestamp"
    "dnsPolicy" "effect" "enableServiceLinks" "endpoints" "env" "envFrom" "fieldPath" "finalizers" "firstTimestamp"
    "fullyLabeledReplicas" "generateName" "generation" "holderIdentity" "hostIP" "hostIPs" "image" "imageID"
    "imagePullPolicy" "involvedObject" "ip" "key" "kind" "kube-node-lease" "kube-system" "labels"
    "lastHeartbeatTime" "lastProbeTime" "lastTimestamp" "lastTransitionTime" "lastUpdateTime" "leaseDurationSeconds" "limits"
    "managedFields" "matchLabels" "memory" "message" "metadata" "name" "namespace" "node.kubernetes.io/not-ready"
    "node.kubernetes.io/unreachable" "nodeName" "observedGeneration" "operator" "ownerReferences" "phase"
    "podCIDR" "podIP" "podIPs" "pod-template-hash" "port" "ports" "protocol" "qosClass" "ready" "readyReplicas"
    "reason" "renewTime" "replicas" "reportingComponent" "reportingInstance" "requests" "resourceVersion"
    "resources" "restartCount" "restartPolicy" "running" "schedulerName" "securityContext" "selector" "serving"
    "source" "spec" "startTime" "started" "startedAt" "state" "status" "strategy" "targetPort" "targetRef" "template"
    "terminated" "terminating" "terminationGracePeriodSeconds" "terminationMessagePath" "terminationMessagePolicy"
    "tolerationSeconds" "tolerations" "type" "uid" "unavailableReplicas" "updatedReplicas" "v1" "value" "waiting"
}

/// The shared text for a well-known name, a new one otherwise.
pub fn intern(text: &str) -> Str {
    let mut at = slot(text);
    while let Some(known) = &WELL_KNOWN[at] {
        if known == text {
            return known.clone();
        }
        at = (at + 1) % SLOTS;
    }
    Str::from(text)
}

/// What a field can be called by; names that stand in almost every object are shared.
pub trait Name {
    /// The name.
    fn name(self) -> Str;
}

impl Name for &str {
    fn name(self) -> Str {
        intern(self)
    }
}

impl Name for Str {
    fn name(self) -> Str {
        self
    }
}

impl Name for &Str {
    fn name(self) -> Str {
        self.clone()
    }
}

impl Name for String {
    fn name(self) -> Str {
        self.into()
    }
}

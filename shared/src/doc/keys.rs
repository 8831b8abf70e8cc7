//! Field names and values that stand in almost every object, shared instead of allocated.

use std::sync::LazyLock;

use crate::collections::sort;

use super::{Str, literal};

macro_rules! well_known {
    ($($name:literal)*) => {
        static WELL_KNOWN: LazyLock<Vec<Str>> = LazyLock::new(|| {
            let mut names = vec![$(literal!($name)),*];
            sort(&mut names);
            names.dedup();
            names
        });
    };
}

well_known! {
    "Always" "ClusterFirst" "ClusterIP" "ContainersReady" "Equal" "Exists" "False" "File" "IPv4" "IfNotPresent"
    "Initialized" "LoadBalancer" "NoExecute" "NoSchedule" "Normal" "Pending" "Pod" "PodReadyToStartContainers"
    "PodScheduled" "Ready" "ReplicaSet" "RollingUpdate" "Running" "SingleStack" "Succeeded" "TCP" "True" "Unknown"
    "Warning" "action" "active" "addresses" "allocatable" "annotations" "apiVersion" "app" "apps/v1" "args"
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
    match WELL_KNOWN.binary_search_by(|known| known.as_str().cmp(text)) {
        Ok(at) => WELL_KNOWN[at].clone(),
        Err(_) => Str::from(text),
    }
}

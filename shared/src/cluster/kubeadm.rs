//! What kubeadm adds to a cluster whose control plane is part of it: kube-proxy as a DaemonSet, CoreDNS as a Deployment.

use crate::api::Kind;
use crate::doc;
use crate::doc::Doc;

/// The add-ons: kind, name and document of each.
pub(super) fn addons() -> [(Kind, &'static str, Doc); 2] {
    [(Kind::DaemonSet, "kube-proxy", kube_proxy()), (Kind::Deployment, "coredns", coredns())]
}

fn kube_proxy() -> Doc {
    doc!({
        "metadata": { "labels": { "k8s-app": "kube-proxy" } },
        "spec": {
            "selector": { "matchLabels": { "k8s-app": "kube-proxy" } },
            "updateStrategy": { "type": "RollingUpdate" },
            "template": {
                "metadata": { "labels": { "k8s-app": "kube-proxy" } },
                "spec": {
                    "priorityClassName": "system-node-critical", "hostNetwork": true,
                    "nodeSelector": { "kubernetes.io/os": "linux" },
                    "tolerations": [{ "operator": "Exists" }],
                    "containers": [{
                        "name": "kube-proxy", "image": "registry.k8s.io/kube-proxy:v1.36.2",
                        "imagePullPolicy": "IfNotPresent", "command": ["/usr/local/bin/kube-proxy"]
                    }]
                }
            }
        }
    })
}

fn coredns() -> Doc {
    let control_plane = doc!({ "key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule" });
    doc!({
        "metadata": { "labels": { "k8s-app": "kube-dns" } },
        "spec": {
            "replicas": 2i64,
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": 1i64 } },
            "selector": { "matchLabels": { "k8s-app": "kube-dns" } },
            "template": {
                "metadata": { "labels": { "k8s-app": "kube-dns" } },
                "spec": {
                    "priorityClassName": "system-cluster-critical", "dnsPolicy": "Default",
                    "nodeSelector": { "kubernetes.io/os": "linux" },
                    "tolerations": [{ "key": "CriticalAddonsOnly", "operator": "Exists" }, control_plane],
                    "containers": [{
                        "name": "coredns", "image": "registry.k8s.io/coredns/coredns:v1.13.1",
                        "imagePullPolicy": "IfNotPresent",
                        "ports": [
                            { "name": "dns", "containerPort": 53i64, "protocol": "UDP" },
                            { "name": "dns-tcp", "containerPort": 53i64, "protocol": "TCP" },
                            { "name": "metrics", "containerPort": 9153i64, "protocol": "TCP" }
                        ],
                        "resources": {
                            "limits": { "memory": "170Mi" }, "requests": { "cpu": "100m", "memory": "70Mi" }
                        }
                    }]
                }
            }
        }
    })
}

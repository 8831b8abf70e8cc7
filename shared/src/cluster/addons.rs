//! What runs in `kube-system` besides, where a scenario asks for it.

use crate::doc::{Doc, parse_json};

/// metrics-server, as its own manifests have it: objects with their kinds, in the order of creation.
pub(super) fn metrics_server() -> Vec<Doc> {
    let Ok(Doc::List(items)) = parse_json(METRICS_SERVER) else { unreachable!("a test reads it") };
    items.to_vec()
}

/// The address of the Service stands here, where no allocator runs yet.
const METRICS_SERVER: &str = r#"[
{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"metrics-server","namespace":"kube-system","labels":{"k8s-app":"metrics-server"}}},
{"apiVersion":"v1","kind":"Service","metadata":{"name":"metrics-server","namespace":"kube-system","labels":{"k8s-app":"metrics-server"}},
 "spec":{"clusterIP":"10.96.0.20","clusterIPs":["10.96.0.20"],"selector":{"k8s-app":"metrics-server"},
 "ports":[{"name":"https","appProtocol":"https","port":443,"protocol":"TCP","targetPort":"https"}]}},
{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"metrics-server","namespace":"kube-system","labels":{"k8s-app":"metrics-server"}},
 "spec":{"selector":{"matchLabels":{"k8s-app":"metrics-server"}},"strategy":{"rollingUpdate":{"maxUnavailable":0}},
 "template":{"metadata":{"labels":{"k8s-app":"metrics-server"}},"spec":{
  "serviceAccountName":"metrics-server","priorityClassName":"system-cluster-critical","nodeSelector":{"kubernetes.io/os":"linux"},
  "containers":[{"name":"metrics-server","image":"registry.k8s.io/metrics-server/metrics-server:v0.8.0",
   "args":["--cert-dir=/tmp","--secure-port=10250","--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname","--kubelet-use-node-status-port","--metric-resolution=15s"],
   "ports":[{"name":"https","containerPort":10250,"protocol":"TCP"}],"resources":{"requests":{"cpu":"100m","memory":"200Mi"}},
   "livenessProbe":{"failureThreshold":3,"periodSeconds":10,"httpGet":{"path":"/livez","port":"https","scheme":"HTTPS"}},
   "readinessProbe":{"failureThreshold":3,"initialDelaySeconds":20,"periodSeconds":10,"httpGet":{"path":"/readyz","port":"https","scheme":"HTTPS"}}}]}}}},
{"apiVersion":"apiregistration.k8s.io/v1","kind":"APIService","metadata":{"name":"v1beta1.metrics.k8s.io","labels":{"k8s-app":"metrics-server"}},
 "spec":{"group":"metrics.k8s.io","version":"v1beta1","groupPriorityMinimum":100,"versionPriority":100,"insecureSkipTLSVerify":true,
 "service":{"name":"metrics-server","namespace":"kube-system"}}}
]"#;

#[cfg(test)]
mod tests {
    use crate::api::Kind;

    #[test]
    fn the_manifests_are_of_kinds_that_are_served() {
        for doc in super::metrics_server() {
            assert!(Kind::of(&doc["apiVersion"].str(), &doc["kind"].str()).is_some(), "{doc}");
        }
    }
}

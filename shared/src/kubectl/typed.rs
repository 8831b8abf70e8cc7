//! Objects that kubectl holds as Go structs print their fields in JSON in the order in which Go declares them.

use crate::doc::Doc;
use crate::schema::{FieldType, Schema};

/// The order of a type's fields; those that are not named follow by name.
const ORDER: &[(&str, &str)] = &[
    ("APIResourceList", "groupVersion resources"),
    ("ClusterRole", "metadata rules aggregationRule"),
    ("Config", "preferences clusters users contexts current-context"),
    ("ConfigMap", "metadata immutable data binaryData"),
    (
        "Container",
        "name image command args workingDir ports envFrom env resources resizePolicy restartPolicy volumeMounts \
         volumeDevices livenessProbe readinessProbe startupProbe lifecycle terminationMessagePath \
         terminationMessagePolicy imagePullPolicy securityContext stdin stdinOnce tty",
    ),
    ("ContainerPort", "name hostPort containerPort protocol hostIP"),
    ("CrossVersionObjectReference", "kind name apiVersion"),
    (
        "CronJobSpec",
        "schedule timeZone startingDeadlineSeconds concurrencyPolicy suspend jobTemplate successfulJobsHistoryLimit \
         failedJobsHistoryLimit",
    ),
    (
        "DeploymentSpec",
        "replicas selector template strategy minReadySeconds revisionHistoryLimit paused progressDeadlineSeconds",
    ),
    ("DeploymentStrategy", "type rollingUpdate"),
    ("HTTPIngressPath", "path pathType backend"),
    ("HorizontalPodAutoscalerSpec", "scaleTargetRef minReplicas maxReplicas metrics behavior"),
    (
        "HorizontalPodAutoscalerStatus",
        "observedGeneration lastScaleTime currentReplicas desiredReplicas currentMetrics conditions",
    ),
    ("IngressBackend", "service resource"),
    ("IngressSpec", "ingressClassName defaultBackend tls rules"),
    (
        "JobSpec",
        "parallelism completions activeDeadlineSeconds podFailurePolicy successPolicy backoffLimit \
         backoffLimitPerIndex maxFailedIndexes selector manualSelector template ttlSecondsAfterFinished completionMode \
         suspend podReplacementPolicy managedBy",
    ),
    (
        "ObjectMeta",
        "name generateName namespace selfLink uid resourceVersion generation creationTimestamp deletionTimestamp \
         deletionGracePeriodSeconds labels annotations ownerReferences finalizers managedFields",
    ),
    ("PodDisruptionBudgetSpec", "minAvailable selector maxUnavailable"),
    (
        "PodSpec",
        "volumes initContainers containers ephemeralContainers restartPolicy terminationGracePeriodSeconds \
         activeDeadlineSeconds dnsPolicy nodeSelector serviceAccountName serviceAccount automountServiceAccountToken \
         nodeName hostNetwork hostPID hostIPC shareProcessNamespace securityContext imagePullSecrets hostname subdomain \
         affinity schedulerName tolerations hostAliases priorityClassName priority",
    ),
    ("PolicyRule", "verbs apiGroups resources resourceNames nonResourceURLs"),
    ("PriorityClass", "metadata value globalDefault description preemptionPolicy"),
    ("RollingUpdateDeployment", "maxUnavailable maxSurge"),
    ("ControllerRevision", "metadata data revision"),
    ("OwnerReference", "apiVersion kind name uid controller blockOwnerDeletion"),
    ("ReplicaSetSpec", "replicas minReadySeconds selector template"),
    (
        "ReplicaSetStatus",
        "replicas fullyLabeledReplicas readyReplicas availableReplicas terminatingReplicas observedGeneration",
    ),
    ("RoleBinding", "metadata subjects roleRef"),
    ("ClusterRoleBinding", "metadata subjects roleRef"),
    ("Secret", "metadata immutable data stringData type"),
    ("ServicePort", "name protocol appProtocol port targetPort nodePort"),
    (
        "ServiceSpec",
        "ports selector clusterIP clusterIPs type externalIPs sessionAffinity loadBalancerIP loadBalancerSourceRanges \
         externalName externalTrafficPolicy healthCheckNodePort publishNotReadyAddresses sessionAffinityConfig \
         ipFamilies ipFamilyPolicy allocateLoadBalancerNodePorts loadBalancerClass internalTrafficPolicy",
    ),
    ("Subject", "kind apiGroup name namespace"),
    (
        "cluster",
        "server tls-server-name insecure-skip-tls-verify certificate-authority certificate-authority-data",
    ),
    ("clusters", "name cluster"),
    ("context", "cluster user namespace"),
    ("contexts", "name context"),
    ("clientVersion", VERSION),
    ("resources", "name singularName namespaced group version kind verbs shortNames categories"),
    ("serverVersion", VERSION),
    ("user", "client-certificate client-certificate-data client-key client-key-data token username password"),
    ("userInfo", "username uid groups extra"),
    ("users", "name user"),
];

const VERSION: &str = "major minor emulationMajor emulationMinor minCompatibilityMajor minCompatibilityMinor gitVersion \
    gitCommit gitTreeState buildDate goVersion compiler platform";

/// The object as JSON.
pub(super) fn json(object: &Doc) -> String {
    let of = Schema::named(&object["apiVersion"].str(), &object["kind"].str());
    let mut text = String::new();
    print(object, of.map(FieldType::Object), "", 0, &mut text);
    text.push('\n');
    text
}

fn print(value: &Doc, of: Option<FieldType>, called: &str, depth: usize, text: &mut String) {
    let indent = |text: &mut String, depth: usize| {
        text.push('\n');
        text.push_str(&"    ".repeat(depth));
    };
    let close = |text: &mut String, sign: char| {
        indent(text, depth);
        text.push(sign);
    };
    match value {
        Doc::Map(_) if !value.entries().is_empty() => {
            text.push('{');
            for (at, (name, below)) in sorted(value, of, called).into_iter().enumerate() {
                text.push_str(if at > 0 { "," } else { "" });
                indent(text, depth + 1);
                text.push_str(&format!("{}: ", Doc::from(name).to_go_json()));
                let of = match of {
                    Some(FieldType::Object(of)) => of.field(name).map(|field| field.field_type()),
                    Some(FieldType::Map(element)) => Some(element.get()),
                    _ => None,
                };
                print(below, of, name, depth + 1, text);
            }
            close(text, '}');
        }
        Doc::List(items) if !items.is_empty() => {
            text.push('[');
            let of = match of {
                Some(FieldType::List(element)) => Some(element.get()),
                _ => None,
            };
            for (at, item) in items.iter().enumerate() {
                text.push_str(if at > 0 { "," } else { "" });
                indent(text, depth + 1);
                print(item, of, called, depth + 1, text);
            }
            close(text, ']');
        }
        other => text.push_str(&other.to_go_json()),
    }
}

/// The entries of a map in their order.
fn sorted<'a>(value: &'a Doc, of: Option<FieldType>, called: &str) -> Vec<(&'a str, &'a Doc)> {
    let kind = value["kind"].str();
    let of = match of {
        Some(FieldType::Object(of)) => of.name(),
        // Reviews and versions have no schema.
        _ if called.is_empty() => kind.as_str(),
        _ => called,
    };
    let order = ORDER.iter().find(|(known, _)| *known == of).map_or("", |(_, order)| order);
    let place = |name: &str| match (name, called) {
        ("kind", "") => 0,
        ("apiVersion", "") => 1,
        _ => 2 + order.split_whitespace().position(|known| known == name).unwrap_or(usize::MAX - 2),
    };
    let mut entries: Vec<(&str, &Doc)> =
        value.entries().iter().map(|(name, below)| (&**name, below)).collect();
    crate::collections::sort_by_key(&mut entries, |(name, _)| (place(name), *name));
    entries
}

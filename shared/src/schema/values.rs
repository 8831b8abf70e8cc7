//! Fields that take one of a few values, as the published API lists them. Beside each field of a kind stands what
//! validation takes: `tests/tests/field_values.rs` asks the API server.

use super::Type;

const POLICIES_OF_PULLS: &[&str] = &["Always", "IfNotPresent", "Never"];
const POLICIES_OF_MESSAGES: &[&str] = &["FallbackToLogsOnError", "File"];
const PROTOCOLS: &[&str] = &["SCTP", "TCP", "UDP"];
const EFFECTS: &[&str] = &["NoExecute", "NoSchedule", "PreferNoSchedule"];
const MODES_OF_VOLUMES: &[&str] = &["Block", "Filesystem"];
const MODES_OF_ACCESS: &[&str] = &["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
const HONORED: &[&str] = &["Honor", "Ignore"];
const PREEMPTION: &[&str] = &["Never", "PreemptLowerPriority"];
const UPDATES: &[&str] = &["OnDelete", "RollingUpdate"];
const RETENTION: &[&str] = &["Delete", "Retain"];

/// By type and field, in order.
const VALUES: &[(&str, &[&str])] = &[
    ("AppArmorProfile.type", &["Localhost", "RuntimeDefault", "Unconfined"]),
    ("Container.imagePullPolicy", POLICIES_OF_PULLS),
    ("Container.terminationMessagePolicy", POLICIES_OF_MESSAGES),
    ("ContainerPort.protocol", PROTOCOLS),
    ("CronJobSpec.concurrencyPolicy", &["Allow", "Forbid", "Replace"]),
    ("DaemonSetUpdateStrategy.type", UPDATES),
    ("DeploymentStrategy.type", &["Recreate", "RollingUpdate"]),
    ("EndpointPort.protocol", PROTOCOLS),
    ("EndpointSlice.addressType", &["FQDN", "IPv4", "IPv6"]),
    ("EphemeralContainer.imagePullPolicy", POLICIES_OF_PULLS),
    ("EphemeralContainer.terminationMessagePolicy", POLICIES_OF_MESSAGES),
    ("HTTPGetAction.scheme", &["HTTP", "HTTPS"]),
    ("HTTPIngressPath.pathType", &["Exact", "ImplementationSpecific", "Prefix"]),
    (
        "HostPathVolumeSource.type",
        &[
            "",
            "BlockDevice",
            "CharDevice",
            "Directory",
            "DirectoryOrCreate",
            "File",
            "FileOrCreate",
            "Socket",
        ],
    ),
    ("JobSpec.completionMode", &["Indexed", "NonIndexed"]),
    ("JobSpec.podReplacementPolicy", &["Failed", "TerminatingOrFailed"]),
    ("MetricSpec.type", &["ContainerResource", "External", "Object", "Pods", "Resource"]),
    ("NetworkPolicyPort.protocol", PROTOCOLS),
    ("NetworkPolicySpec.policyTypes", &["Egress", "Ingress"]),
    ("NodeSelectorRequirement.operator", &["DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"]),
    ("PersistentVolumeClaimSpec.accessModes", MODES_OF_ACCESS),
    ("PersistentVolumeClaimSpec.volumeMode", MODES_OF_VOLUMES),
    ("PersistentVolumeSpec.accessModes", MODES_OF_ACCESS),
    ("PersistentVolumeSpec.persistentVolumeReclaimPolicy", &["Delete", "Recycle", "Retain"]),
    ("PersistentVolumeSpec.volumeMode", MODES_OF_VOLUMES),
    ("PodDisruptionBudgetSpec.unhealthyPodEvictionPolicy", &["AlwaysAllow", "IfHealthyBudget"]),
    ("PodFailurePolicyRule.action", &["Count", "FailIndex", "FailJob", "Ignore"]),
    ("PodSpec.dnsPolicy", &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]),
    ("PodSpec.preemptionPolicy", PREEMPTION),
    ("PodSpec.restartPolicy", &["Always", "Never", "OnFailure"]),
    ("PriorityClass.preemptionPolicy", PREEMPTION),
    ("SeccompProfile.type", &["Localhost", "RuntimeDefault", "Unconfined"]),
    ("ServicePort.protocol", PROTOCOLS),
    ("ServiceSpec.externalTrafficPolicy", &["Cluster", "Local"]),
    ("ServiceSpec.internalTrafficPolicy", &["Cluster", "Local"]),
    ("ServiceSpec.ipFamilyPolicy", &["PreferDualStack", "RequireDualStack", "SingleStack"]),
    ("ServiceSpec.sessionAffinity", &["ClientIP", "None"]),
    ("ServiceSpec.type", &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]),
    ("StatefulSetPersistentVolumeClaimRetentionPolicy.whenDeleted", RETENTION),
    ("StatefulSetPersistentVolumeClaimRetentionPolicy.whenScaled", RETENTION),
    ("StatefulSetSpec.podManagementPolicy", &["OrderedReady", "Parallel"]),
    ("StatefulSetUpdateStrategy.type", UPDATES),
    ("StorageClass.reclaimPolicy", &["Delete", "Recycle", "Retain"]),
    ("StorageClass.volumeBindingMode", &["Immediate", "WaitForFirstConsumer"]),
    ("Taint.effect", EFFECTS),
    ("Toleration.effect", EFFECTS),
    ("Toleration.operator", &["Equal", "Exists"]),
    ("TopologySpreadConstraint.nodeAffinityPolicy", HONORED),
    ("TopologySpreadConstraint.nodeTaintsPolicy", HONORED),
    ("TopologySpreadConstraint.whenUnsatisfiable", &["DoNotSchedule", "ScheduleAnyway"]),
    ("VolumeMount.mountPropagation", &["Bidirectional", "HostToContainer", "None"]),
];

/// Every field that takes one of a few values: `Type.field`, and those.
pub fn enumerated() -> &'static [(&'static str, &'static [&'static str])] {
    VALUES
}

/// The values that a field of a type takes; none where it takes others too.
pub fn values(of: Type, field: &str) -> &'static [&'static str] {
    let name = of.name();
    let wanted = |known: &str| {
        let rest = known.strip_prefix(name).and_then(|rest| rest.strip_prefix('.'));
        rest == Some(field)
    };
    VALUES.iter().find(|(known, _)| wanted(known)).map_or(&[], |(_, values)| values)
}

//! What is said of each kind, as texts with holes ([`super::sheet`]).

use super::super::resource::Resource;

/// The text of a kind that has one of its own.
pub fn template(resource: &Resource) -> Option<&'static str> {
    let mut all = TEMPLATES.iter();
    all.find(|(kind, group, _)| *kind == resource.kind && *group == resource.group).map(|(_, _, text)| *text)
}

/// Kind, group, text.
pub const TEMPLATES: &[(&str, &str, &str)] = &[
    ("Pod", "", POD),
    ("Node", "", NODE),
    ("CertificateSigningRequest", "certificates.k8s.io", CERTIFICATE_SIGNING_REQUEST),
    ("Namespace", "", NAMESPACE),
    ("Service", "", SERVICE),
    ("Endpoints", "", ENDPOINTS),
    ("ConfigMap", "", CONFIG_MAP),
    ("Secret", "", SECRET),
    ("ServiceAccount", "", SERVICE_ACCOUNT),
    ("LimitRange", "", LIMIT_RANGE),
    ("ResourceQuota", "", RESOURCE_QUOTA),
    ("PersistentVolume", "", PERSISTENT_VOLUME),
    ("PersistentVolumeClaim", "", PERSISTENT_VOLUME_CLAIM),
    ("ReplicationController", "", REPLICATION_CONTROLLER),
    ("Deployment", "apps", DEPLOYMENT),
    ("ReplicaSet", "apps", REPLICA_SET),
    ("StatefulSet", "apps", STATEFUL_SET),
    ("DaemonSet", "apps", DAEMON_SET),
    ("Job", "batch", JOB),
    ("CronJob", "batch", CRON_JOB),
    ("HorizontalPodAutoscaler", "autoscaling", HORIZONTAL_POD_AUTOSCALER),
    ("PodDisruptionBudget", "policy", POD_DISRUPTION_BUDGET),
    ("EndpointSlice", "discovery.k8s.io", ENDPOINT_SLICE),
    ("Ingress", "networking.k8s.io", INGRESS),
    ("IngressClass", "networking.k8s.io", INGRESS_CLASS),
    ("IPAddress", "networking.k8s.io", IP_ADDRESS),
    ("NetworkPolicy", "networking.k8s.io", NETWORK_POLICY),
    ("ServiceCIDR", "networking.k8s.io", SERVICE_CIDR),
    ("PriorityClass", "scheduling.k8s.io", PRIORITY_CLASS),
    ("StorageClass", "storage.k8s.io", STORAGE_CLASS),
    ("VolumeAttributesClass", "storage.k8s.io", VOLUME_ATTRIBUTES_CLASS),
    ("CSINode", "storage.k8s.io", CSI_NODE),
    ("Role", "rbac.authorization.k8s.io", ROLE),
    ("ClusterRole", "rbac.authorization.k8s.io", ROLE),
    ("RoleBinding", "rbac.authorization.k8s.io", ROLE_BINDING),
    ("ClusterRoleBinding", "rbac.authorization.k8s.io", ROLE_BINDING),
];

const POD: &str = "\
Name:\t{metadata.name}
Namespace:\t{metadata.namespace}
?spec.priority Priority:\t{spec.priority}
?spec.priorityClassName Priority Class Name:\t{spec.priorityClassName}
?spec.runtimeClassName Runtime Class Name:\t{spec.runtimeClassName}
?spec.serviceAccountName Service Account:\t{spec.serviceAccountName}
!spec.nodeName Node:\t<none>
?spec.nodeName Node:\t{spec.nodeName}/{status.hostIP}
?status.startTime Start Time:\t{status.startTime:time}
@labels
@annotations
@phase
?status.reason Reason:\t{status.reason}
?status.message Message:\t{status.message}
?spec.securityContext.seccompProfile SeccompProfile:\t{spec.securityContext.seccompProfile.type}
?spec.securityContext.seccompProfile.localhostProfile LocalhostProfile:\t{spec.securityContext.seccompProfile.localhostProfile}
IP:\t{status.podIP}
!status.podIPs IPs:\t<none>
?status.podIPs IPs:
*status.podIPs >IP:\t{ip}
@controller
?status.nominatedNodeName NominatedNodeName:\t{status.nominatedNodeName}
@containers
?spec.readinessGates Readiness Gates:
?spec.readinessGates >Type\tStatus
@gates
?status.conditions Conditions:
?status.conditions >Type\tStatus
*status.conditions >{type} \t{status} 
@volumes
QoS Class:\t{status.qosClass}
@node-selector
@tolerations
@spread
@events
";

const NODE: &str = "\
Name:\t{metadata.name}
@roles
@labels
@annotations
CreationTimestamp:\t{metadata.creationTimestamp:time}
@taints
Unschedulable:\t{spec.unschedulable/false}
@lease
?status.conditions Conditions:
?status.conditions >Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage
?status.conditions >----\t------\t-----------------\t------------------\t------\t-------
*status.conditions >{type} \t{status} \t{lastHeartbeatTime:time} \t{lastTransitionTime:time} \t{reason} \t{message}
Addresses:
*status.addresses >{type}:\t{address}
?status.capacity Capacity:
@quantities status.capacity
?status.allocatable Allocatable:
@quantities status.allocatable
@slices
System Info:
>Machine ID:\t{status.nodeInfo.machineID}
>System UUID:\t{status.nodeInfo.systemUUID}
>Boot ID:\t{status.nodeInfo.bootID}
>Kernel Version:\t{status.nodeInfo.kernelVersion}
>OS Image:\t{status.nodeInfo.osImage}
>Operating System:\t{status.nodeInfo.operatingSystem}
>Architecture:\t{status.nodeInfo.architecture}
>Container Runtime Version:\t{status.nodeInfo.containerRuntimeVersion}
>Kubelet Version:\t{status.nodeInfo.kubeletVersion}
?spec.podCIDR PodCIDR:\t{spec.podCIDR}
?spec.podCIDRs PodCIDRs:\t{spec.podCIDRs:list}
?spec.providerID ProviderID:\t{spec.providerID}
@allocated
@node-events
";

const CERTIFICATE_SIGNING_REQUEST: &str = "\
Name:\t{metadata.name}
@marks
CreationTimestamp:\t{metadata.creationTimestamp:time}
Requesting User:\t{spec.username}
?spec.signerName Signer:\t{spec.signerName}
?spec.expirationSeconds Requested Duration:\t{:requested}
Status:\t{:certificate}
@subject
@events
";

const NAMESPACE: &str = "\
Name:\t{metadata.name}
@labels
@annotations
Status:\t{status.phase}
?status.conditions Conditions:
?status.conditions >Type\tStatus\tLastTransitionTime\tReason\tMessage
?status.conditions >----\t------\t------------------\t------\t-------
*status.conditions >{type}\t{status}\t{lastTransitionTime:time}\t{reason}\t{message}
@quotas
@limits
";

const SERVICE: &str = "\
Name:\t{metadata.name}
Namespace:\t{metadata.namespace}
@labels
@annotations
Selector:\t{spec.selector:map/<none>}
Type:\t{spec.type}
?spec.ipFamilyPolicy IP Family Policy:\t{spec.ipFamilyPolicy}
IP Families:\t{spec.ipFamilies:list/<none>}
IP:\t{spec.clusterIP}
IPs:\t{spec.clusterIPs:list/<none>}
?spec.externalIPs External IPs:\t{spec.externalIPs:list}
?spec.loadBalancerIP Desired LoadBalancer IP:\t{spec.loadBalancerIP}
?spec.externalName External Name:\t{spec.externalName}
@service-ports
Session Affinity:\t{spec.sessionAffinity}
?spec.externalTrafficPolicy External Traffic Policy:\t{spec.externalTrafficPolicy}
?spec.internalTrafficPolicy Internal Traffic Policy:\t{spec.internalTrafficPolicy}
?spec.healthCheckNodePort HealthCheck NodePort:\t{spec.healthCheckNodePort}
?spec.loadBalancerSourceRanges LoadBalancer Source Ranges:\t{spec.loadBalancerSourceRanges:list}
?spec.trafficDistribution Traffic Distribution:\t{spec.trafficDistribution}
@events
";

const ENDPOINTS: &str = "\
Name:\t{metadata.name}
Namespace:\t{metadata.namespace}
@labels
@annotations
Subsets:
@subsets
@events
";

const ENDPOINT_SLICE: &str = "\
Name:\t{metadata.name}
Namespace:\t{metadata.namespace}
@labels
@annotations
AddressType:\t{addressType}
!ports Ports: <unset>
?ports Ports:
?ports >Name\tPort\tProtocol
?ports >----\t----\t--------
*ports >{name/<unset>}\t{port/<unset>}\t{protocol}
!endpoints Endpoints: <none>
?endpoints Endpoints:
@endpoints
@events
";

const CONFIG_MAP: &str = "\
Name:\t{metadata.name}
Namespace:\t{metadata.namespace}
@labels
@annotations

Data
====
@data

BinaryData
====
@binary-data

@events
";

const SECRET: &str = "\
Name:\t{metadata.name}
Namespace:\t{metadata.namespace}
@labels
@annotations

Type:\t{type}

Data
====
@secret-data
";

const SERVICE_ACCOUNT: &str = "\
Name:\t{metadata.name}
Namespace:\t{metadata.namespace}
@labels
@annotations
@pull-secrets
@events
";

const LIMIT_RANGE: &str = "\
Name:\t{metadata.name}
Namespace:\t{metadata.namespace}
Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio
----\t--------\t---\t---\t---------------\t-------------\t-----------------------
@limit-range
";

const RESOURCE_QUOTA: &str = "\
Name:\t{metadata.name}
Namespace:\t{metadata.namespace}
@scopes
Resource\tUsed\tHard
--------\t----\t----
@usage
";

const PERSISTENT_VOLUME: &str = "\
Name:\t{metadata.name}
@labels
@annotations
@finalizers
StorageClass:\t{spec.storageClassName}
@phase
@claim
Reclaim Policy:\t{spec.persistentVolumeReclaimPolicy}
Access Modes:\t{spec.accessModes:modes}
?spec.volumeMode VolumeMode:\t{spec.volumeMode}
Capacity:\t{spec.capacity.storage:quantity/0}
@node-affinity
Message:\t{status.message}
Source:
@source
@events
";

const PERSISTENT_VOLUME_CLAIM: &str = "\
Name:\t{metadata.name}
Namespace:\t{metadata.namespace}
StorageClass:\t{spec.storageClassName}
@phase
Volume:\t{spec.volumeName}
@labels
@annotations
@finalizers
!spec.volumeName Capacity:\t
!spec.volumeName Access Modes:\t
?spec.volumeName Capacity:\t{status.capacity.storage:quantity/0}
?spec.volumeName Access Modes:\t{status.accessModes:modes}
?spec.volumeMode VolumeMode:\t{spec.volumeMode}
?spec.dataSource DataSource:
?spec.dataSource.apiGroup >APIGroup:\t{spec.dataSource.apiGroup}
?spec.dataSource >Kind:\t{spec.dataSource.kind}
?spec.dataSource >Name:\t{spec.dataSource.name}
@used-by
?status.conditions Conditions:
?status.conditions >Type\tStatus\tLastProbeTime\tLastTransitionTime\tReason\tMessage
?status.conditions >----\t------\t-----------------\t------------------\t------\t-------
*status.conditions >{type} \t{status} \t{lastProbeTime:time/Mon, 01 Jan 0001 00:00:00 +0000} \t{lastTransitionTime:time} \t{reason} \t{message}
@events
";

const REPLICATION_CONTROLLER: &str = "\
Name:\t{metadata.name}
Namespace:\t{metadata.namespace}
Selector:\t{spec.selector:map/<none>}
@labels
@annotations
Replicas:\t{status.replicas/0} current / {spec.replicas/0} desired
@pods
@template spec.template
@conditions
@events
";

const DEPLOYMENT: &str = "\
Name:\t{metadata.name}
Namespace:\t{metadata.namespace}
CreationTimestamp:\t{metadata.creationTimestamp:time}
@labels
@annotations
Selector:\t{spec.selector:selector}
Replicas:\t{spec.replicas/0} desired | {status.updatedReplicas/0} updated | {status.replicas/0} total | {status.availableReplicas/0} available | {status.unavailableReplicas/0} unavailable
StrategyType:\t{spec.strategy.type}
MinReadySeconds:\t{spec.minReadySeconds/0}
?spec.strategy.rollingUpdate RollingUpdateStrategy:\t{spec.strategy.rollingUpdate.maxUnavailable} max unavailable, {spec.strategy.rollingUpdate.maxSurge} max surge
@template spec.template
@conditions
@replica-sets
@events
";

const REPLICA_SET: &str = "\
Name:\t{metadata.name}
Namespace:\t{metadata.namespace}
Selector:\t{spec.selector:selector/<none>}
@labels
@annotations
@controller
Replicas:\t{status.replicas/0} current / {spec.replicas/0} desired
@pods
@template spec.template
@conditions
@events
";

const STATEFUL_SET: &str = "\
Name:\t{metadata.name}
Namespace:\t{metadata.namespace}
CreationTimestamp:\t{metadata.creationTimestamp:time}
Selector:\t{spec.selector:selector}
@labels
@annotations
Replicas:\t{spec.replicas/0} desired | {status.replicas/0} total
Update Strategy:\t{spec.updateStrategy.type}
?spec.updateStrategy.rollingUpdate.partition >Partition:\t{spec.updateStrategy.rollingUpdate.partition}
?spec.updateStrategy.rollingUpdate.maxUnavailable >MaxUnavailable:\t{spec.updateStrategy.rollingUpdate.maxUnavailable}
@pods
@template spec.template
@claims
@events
";

const DAEMON_SET: &str = "\
Name:\t{metadata.name}
Namespace:\t{metadata.namespace}
Selector:\t{spec.selector:selector}
Node-Selector:\t{spec.template.spec.nodeSelector:map/<none>}
@labels
@annotations
Desired Number of Nodes Scheduled: {status.desiredNumberScheduled/0}
Current Number of Nodes Scheduled: {status.currentNumberScheduled/0}
Number of Nodes Scheduled with Up-to-date Pods: {status.updatedNumberScheduled/0}
Number of Nodes Scheduled with Available Pods: {status.numberAvailable/0}
Number of Nodes Misscheduled: {status.numberMisscheduled/0}
@pods
@template spec.template
@events
";

const JOB: &str = "\
Name:\t{metadata.name}
Namespace:\t{metadata.namespace}
Selector:\t{spec.selector:selector}
@labels
@annotations
@controller
?spec.parallelism Parallelism:\t{spec.parallelism}
Completions:\t{spec.completions/<unset>}
?spec.completionMode Completion Mode:\t{spec.completionMode}
?spec.suspend Suspend:\t{spec.suspend}
?spec.backoffLimit Backoff Limit:\t{spec.backoffLimit}
?spec.ttlSecondsAfterFinished TTL Seconds After Finished:\t{spec.ttlSecondsAfterFinished}
?status.startTime Start Time:\t{status.startTime:time}
?status.completionTime Completed At:\t{status.completionTime:time}
@duration
?spec.activeDeadlineSeconds Active Deadline Seconds:\t{spec.activeDeadlineSeconds}s
!status.ready Pods Statuses:\t{status.active/0} Active / {status.succeeded/0} Succeeded / {status.failed/0} Failed
?status.ready Pods Statuses:\t{status.active/0} Active ({status.ready} Ready) / {status.succeeded/0} Succeeded / {status.failed/0} Failed
~spec.completionMode=Indexed Completed Indexes:\t{status.completedIndexes:indexes/<none>}
@template spec.template
@events
";

const CRON_JOB: &str = "\
Name:\t{metadata.name}
Namespace:\t{metadata.namespace}
@labels
@annotations
Schedule:\t{spec.schedule}
Concurrency Policy:\t{spec.concurrencyPolicy}
Suspend:\t{spec.suspend:bool/<unset>}
Time Zone:\t{spec.timeZone/<unset>}
Successful Job History Limit:\t{spec.successfulJobsHistoryLimit/<unset>}
Failed Job History Limit:\t{spec.failedJobsHistoryLimit/<unset>}
?spec.startingDeadlineSeconds Starting Deadline Seconds:\t{spec.startingDeadlineSeconds}s
!spec.startingDeadlineSeconds Starting Deadline Seconds:\t<unset>
Selector:\t{spec.jobTemplate.spec.selector:selector/<unset>}
Parallelism:\t{spec.jobTemplate.spec.parallelism/<unset>}
Completions:\t{spec.jobTemplate.spec.completions/<unset>}
?spec.jobTemplate.spec.activeDeadlineSeconds Active Deadline Seconds:\t{spec.jobTemplate.spec.activeDeadlineSeconds}s
@template spec.jobTemplate.spec.template
Last Schedule Time:\t{status.lastScheduleTime:time/<unset>}
Active Jobs:\t{status.active:names/<none>}
@events
";

const HORIZONTAL_POD_AUTOSCALER: &str = "\
Name:\t{metadata.name}
Namespace:\t{metadata.namespace}
@labels
@annotations
CreationTimestamp:\t{metadata.creationTimestamp:time}
Reference:\t{spec.scaleTargetRef.kind}/{spec.scaleTargetRef.name}
@metrics
Min replicas:\t{spec.minReplicas/<unset>}
Max replicas:\t{spec.maxReplicas/0}
@behavior
{spec.scaleTargetRef.kind} pods:\t{status.currentReplicas/0} current / {status.desiredReplicas/0} desired
?status.conditions Conditions:
?status.conditions >Type\tStatus\tReason\tMessage
?status.conditions >----\t------\t------\t-------
*status.conditions >{type}\t{status}\t{reason}\t{message}
@events
";

const POD_DISRUPTION_BUDGET: &str = "\
Name:\t{metadata.name}
Namespace:\t{metadata.namespace}
?spec.minAvailable Min available:\t{spec.minAvailable}
!spec.minAvailable ?spec.maxUnavailable Max unavailable:\t{spec.maxUnavailable}
@budget-selector
Status:
>>Allowed disruptions:\t{status.disruptionsAllowed/0}
>>Current:\t{status.currentHealthy/0}
>>Desired:\t{status.desiredHealthy/0}
>>Total:\t{status.expectedPods/0}
@events
";

const INGRESS: &str = "\
Name:\t{metadata.name}
@labels
Namespace:\t{metadata.namespace}
Address:\t{status.loadBalancer.ingress:addresses}
Ingress Class:\t{spec.ingressClassName/<none>}
@rules
@annotations
@events
";

const INGRESS_CLASS: &str = "\
Name:\t{metadata.name}
@labels
@annotations
Controller:\t{spec.controller}
?spec.parameters Parameters:
?spec.parameters.apiGroup >APIGroup:\t{spec.parameters.apiGroup}
?spec.parameters >Kind:\t{spec.parameters.kind}
?spec.parameters >Name:\t{spec.parameters.name}
@events
";

const NETWORK_POLICY: &str = "\
Name:\t{metadata.name}
Namespace:\t{metadata.namespace}
Created on:\t{metadata.creationTimestamp:utc}
@labels
@annotations
Spec:
@policy
";

const IP_ADDRESS: &str = "\
Name:\t{metadata.name}
@labels
@annotations
?spec.parentRef Parent Reference:
?spec.parentRef >Group:\t{spec.parentRef.group}
?spec.parentRef >Resource:\t{spec.parentRef.resource}
?spec.parentRef >Namespace:\t{spec.parentRef.namespace}
?spec.parentRef >Name:\t{spec.parentRef.name}
@events
";

const SERVICE_CIDR: &str = "\
Name:\t{metadata.name}
@labels
@annotations
CIDRs:\t{spec.cidrs:wide}
?status.conditions Status:
?status.conditions Conditions:
?status.conditions >Type\tStatus\tLastTransitionTime\tReason\tMessage
?status.conditions >----\t------\t------------------\t------\t-------
*status.conditions >{type}\t{status}\t{lastTransitionTime:time}\t{reason}\t{message}
@events
";

const PRIORITY_CLASS: &str = "\
Name:\t{metadata.name}
Value:\t{value/0}
GlobalDefault:\t{globalDefault/false}
PreemptionPolicy:\t{preemptionPolicy}
Description:\t{description}
Annotations:\t{metadata.annotations:map/<none>}
@events
";

const VOLUME_ATTRIBUTES_CLASS: &str = "\
Name:\t{metadata.name}
Annotations:\t{metadata.annotations:map/<none>}
DriverName:\t{driverName}
Parameters:\t{parameters:map/<none>}
@events
";

const STORAGE_CLASS: &str = "\
Name:\t{metadata.name}
@default-class
Annotations:\t{metadata.annotations:map/<none>}
Provisioner:\t{provisioner}
Parameters:\t{parameters:map/<none>}
AllowVolumeExpansion:\t{allowVolumeExpansion:bool/<unset>}
!mountOptions MountOptions:\t<none>
?mountOptions MountOptions:
*mountOptions >{}
?reclaimPolicy ReclaimPolicy:\t{reclaimPolicy}
?volumeBindingMode VolumeBindingMode:\t{volumeBindingMode}
@topologies
@events
";

const CSI_NODE: &str = "\
Name:\t{metadata.name}
@labels
@annotations
CreationTimestamp:\t{metadata.creationTimestamp:time}
Spec:
@drivers
@events
";

const ROLE: &str = "\
Name:\t{metadata.name}
@labels
@annotations
PolicyRule:
>Resources\tNon-Resource URLs\tResource Names\tVerbs
>---------\t-----------------\t--------------\t-----
@policy-rules
";

const ROLE_BINDING: &str = "\
Name:\t{metadata.name}
@labels
@annotations
Role:
>Kind:\t{roleRef.kind}
>Name:\t{roleRef.name}
Subjects:
>Kind\tName\tNamespace
>----\t----\t---------
*subjects >{kind}\t{name}\t{namespace}
";

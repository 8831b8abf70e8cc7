//! Every kind the cluster serves. A new kind is one file and one line here.

use super::custom::CustomKind;
use super::resource::{Info, Resource};
use crate::codec::Codec;

macro_rules! kinds {
    ($($name:ident => $resource:expr,)*) => {
        /// A kind of object.
        #[derive(Codec, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Kind {
            $(
                #[allow(missing_docs, reason = "the kind's own file documents it")]
                $name,
            )*
            /// One that people defined.
            Custom(CustomKind),
        }

        impl Kind {
            /// Every kind that comes with the cluster, in the order of registration.
            pub const ALL: &'static [Kind] = &[$(Kind::$name),*];

            /// What the API server knows of this kind.
            pub fn resource(self) -> &'static dyn Resource {
                match self { $(Kind::$name => &$resource,)* Kind::Custom(custom) => custom.resource() }
            }
        }
    };
}

kinds! {
    Namespace => super::core::namespace::Namespaces,
    Node => super::core::node::Nodes,
    Pod => super::core::pod::Pods,
    ReplicationController => super::core::replicationcontroller::ReplicationControllers,
    Service => super::core::service::Services,
    Endpoints => super::core::endpoints::EndpointsObjects,
    ConfigMap => super::core::configmap::ConfigMaps,
    Secret => super::core::secret::Secrets,
    LimitRange => super::core::limitrange::LimitRanges,
    ResourceQuota => super::core::resourcequota::ResourceQuotas,
    ServiceAccount => super::core::serviceaccount::ServiceAccounts,
    PersistentVolume => super::core::persistentvolume::PersistentVolumes,
    PersistentVolumeClaim => super::core::persistentvolumeclaim::PersistentVolumeClaims,
    Event => super::core::event::Events,
    DaemonSet => super::apps::daemonset::DaemonSets,
    Deployment => super::apps::deployment::Deployments,
    ReplicaSet => super::apps::replicaset::ReplicaSets,
    StatefulSet => super::apps::statefulset::StatefulSets,
    HorizontalPodAutoscaler => super::autoscaling::horizontalpodautoscaler::HorizontalPodAutoscalers,
    CronJob => super::batch::cronjob::CronJobs,
    Job => super::batch::job::Jobs,
    ControllerRevision => super::apps::controllerrevision::ControllerRevisions,
    PodDisruptionBudget => super::policy::poddisruptionbudget::PodDisruptionBudgets,
    EndpointSlice => super::discovery::endpointslice::EndpointSlices,
    Ingress => super::networking::ingress::Ingresses,
    IngressClass => super::networking::ingressclass::IngressClasses,
    NetworkPolicy => super::networking::networkpolicy::NetworkPolicies,
    Lease => super::coordination::lease::Leases,
    RuntimeClass => super::node::runtimeclass::RuntimeClasses,
    CsiNode => super::storage::csinode::CsiNodes,
    StorageClass => super::storage::storageclass::StorageClasses,
    PriorityClass => super::scheduling::priorityclass::PriorityClasses,
    Role => super::rbac::role::Roles,
    ClusterRole => super::rbac::role::ClusterRoles,
    RoleBinding => super::rbac::rolebinding::RoleBindings,
    ClusterRoleBinding => super::rbac::rolebinding::ClusterRoleBindings,
    ApiService => super::apiregistration::apiservice::ApiServices,
    CustomResourceDefinition => super::apiextensions::customresourcedefinition::CustomResourceDefinitions,
    PodTemplate => super::plain::POD_TEMPLATE,
    ComponentStatus => super::plain::COMPONENT_STATUS,
    CertificateSigningRequest => super::plain::CERTIFICATE_SIGNING_REQUEST,
    CsiDriver => super::plain::CSI_DRIVER,
    CsiStorageCapacity => super::plain::CSI_STORAGE_CAPACITY,
    VolumeAttachment => super::plain::VOLUME_ATTACHMENT,
    VolumeAttributesClass => super::plain::VOLUME_ATTRIBUTES_CLASS,
    ServiceCidr => super::plain::SERVICE_CIDR,
    IpAddress => super::plain::IP_ADDRESS,
    FlowSchema => super::plain::FLOW_SCHEMA,
    PriorityLevelConfiguration => super::plain::PRIORITY_LEVEL_CONFIGURATION,
    MutatingWebhookConfiguration => super::plain::MUTATING_WEBHOOK_CONFIGURATION,
    ValidatingWebhookConfiguration => super::plain::VALIDATING_WEBHOOK_CONFIGURATION,
    ValidatingAdmissionPolicy => super::plain::VALIDATING_ADMISSION_POLICY,
    ValidatingAdmissionPolicyBinding => super::plain::VALIDATING_ADMISSION_POLICY_BINDING,
    MutatingAdmissionPolicy => super::plain::MUTATING_ADMISSION_POLICY,
    MutatingAdmissionPolicyBinding => super::plain::MUTATING_ADMISSION_POLICY_BINDING,
    DeviceClass => super::plain::DEVICE_CLASS,
    ResourceClaim => super::plain::RESOURCE_CLAIM,
    ResourceClaimTemplate => super::plain::RESOURCE_CLAIM_TEMPLATE,
    ResourceSlice => super::plain::RESOURCE_SLICE,
}

impl Kind {
    /// Names, scope and verbs.
    pub fn info(self) -> &'static Info {
        self.resource().info()
    }

    /// The kind called `kind` in the group and version `api_version` (`v1`, `apps/v1`).
    pub fn of(api_version: &str, kind: &str) -> Option<Kind> {
        let api_version = if kind == "HorizontalPodAutoscaler" && api_version == "autoscaling/v1" {
            "autoscaling/v2"
        } else {
            api_version
        };
        Kind::ALL.iter().copied().find(|k| k.info().kind == kind && k.info().api_version() == api_version)
    }

    /// The kind whose plural, in a group and version, is `plural`.
    pub fn of_path(group: &str, version: &str, plural: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|k| {
            let info = k.info();
            info.plural == plural && info.group == group && info.version == version
        })
    }

    /// The kind a person means: plural, singular, short name or kind, optionally with its group (`deploy`,
    /// `deployments.apps`, `Pod`).
    pub fn named(name: &str) -> Option<Kind> {
        let name = name.to_ascii_lowercase();
        let (plain, group) =
            name.split_once('.').map_or((name.as_str(), None), |(plain, group)| (plain, Some(group)));
        Kind::ALL.iter().copied().find(|kind| {
            let info = kind.info();
            let names = info.plural == plain || info.singular == plain || info.short_names.contains(&plain);
            names
                && group.is_none_or(|group| {
                    group == info.group || group == format!("{}.{}", info.version, info.group)
                })
        })
    }
}

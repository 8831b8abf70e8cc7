//! kube-controller-manager: the loops that move the cluster towards what was asked for.
//!
//! One process with shared informers. Each controller has its own work queue, client rate limit and event source
//! (see [`worker`]); the list below is the only place that names them all.

mod certificates;
mod cronjob;
mod daemonset;
mod deployment;
mod disruption;
mod endpoints;
mod endpointslice;
mod endpointslice_mirroring;
mod ephemeral_volume;
mod expectations;
mod garbage_collector;
mod history;
mod horizontalpodautoscaler;
mod job;
mod labels;
mod local_path_provisioner;
mod namespace;
mod node_ipam;
mod node_lifecycle;
mod persistentvolume_binder;
mod pod_gc;
mod pods;
mod replicaset;
mod replication;
mod resource_claim;
mod resource_quota;
pub mod root_ca_publisher;
mod serviceaccount;
mod statefulset;
mod status;
mod taint_eviction;
mod tokens;
mod ttl;
mod ttl_after_finished;
mod worker;
mod world;

use std::sync::Arc;

use crate::api::{Key, Kind, User};
use crate::client::{Delta, Handled, Input, Wait};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::literal;
use crate::sim::{Context, Core, RequestId};

pub use job::BACK_OFF as JOB_BACK_OFF;
use worker::{Run, Worker};
use world::World;

/// What the controllers need to know before they work. Events are written but never read.
const WATCHED: &[Kind] = &[
    Kind::Namespace,
    Kind::Node,
    Kind::Lease,
    Kind::ConfigMap,
    Kind::Secret,
    Kind::Service,
    Kind::ServiceAccount,
    Kind::PersistentVolume,
    Kind::PersistentVolumeClaim,
    Kind::StorageClass,
    Kind::DaemonSet,
    Kind::Deployment,
    Kind::ReplicaSet,
    Kind::ReplicationController,
    Kind::StatefulSet,
    Kind::CronJob,
    Kind::Job,
    Kind::ControllerRevision,
    Kind::Pod,
    Kind::PodDisruptionBudget,
    Kind::EndpointSlice,
    Kind::ResourceQuota,
    Kind::Endpoints,
    Kind::HorizontalPodAutoscaler,
    Kind::CustomResourceDefinition,
    Kind::CertificateSigningRequest,
];

macro_rules! controllers {
    ($($name:ident: $controller:ty,)*) => {
        /// Every controller with its queue.
        #[derive(Codec, Clone, Debug, Hash)]
        struct Controllers {
            $($name: Worker<$controller>,)*
        }

        impl Controllers {
            fn new() -> Controllers {
                Controllers { $($name: Worker::new(),)* }
            }

            /// Whether no key is in line anywhere: asked after every input.
            fn are_idle(&self) -> bool {
                $(self.$name.is_idle())&&*
            }

            fn all(&self) -> impl Iterator<Item = &dyn Run> {
                [$(&self.$name as &dyn Run,)*].into_iter()
            }

            fn all_mut(&mut self) -> impl Iterator<Item = &mut dyn Run> {
                [$(&mut self.$name as &mut dyn Run,)*].into_iter()
            }
        }
    };
}

controllers! {
    node_ipam: node_ipam::NodeIpam,
    node_lifecycle: node_lifecycle::NodeLifecycle,
    taint_eviction: taint_eviction::TaintEviction,
    deployment: deployment::DeploymentController,
    replica_set: replicaset::ReplicaSetController,
    replication: replication::ReplicationManager,
    stateful_set: statefulset::StatefulSetController,
    daemon_set: daemonset::DaemonSetController,
    job: job::JobController,
    cron_job: cronjob::CronJobController,
    ttl: ttl::Ttl,
    ttl_after_finished: ttl_after_finished::TtlAfterFinished,
    disruption: disruption::DisruptionController,
    endpoint_slice: endpointslice::EndpointSliceController,
    endpoints: endpoints::EndpointsController,
    endpoint_slice_mirroring: endpointslice_mirroring::EndpointSliceMirroring,
    root_ca_publisher: root_ca_publisher::RootCaPublisher,
    garbage_collector: garbage_collector::GarbageCollector,
    namespace: namespace::NamespaceController,
    service_account: serviceaccount::ServiceAccountController,
    tokens: tokens::TokensController,
    persistentvolume_binder: persistentvolume_binder::PersistentVolumeBinder,
    ephemeral_volume: ephemeral_volume::EphemeralVolumeController,
    resource_claim: resource_claim::ResourceClaimController,
    local_path_provisioner: local_path_provisioner::LocalPathProvisioner,
    pod_gc: pod_gc::PodGarbageCollector,
    resource_quota: resource_quota::ResourceQuotaController,
    horizontal_pod_autoscaler: horizontalpodautoscaler::HorizontalPodAutoscalerController,
    certificates: certificates::Certificates,
}

/// Whose answer a request's number stands for.
#[derive(Codec, Clone, Debug, Hash)]
struct Asker {
    controller: u32,
    key: Key,
    at: u32,
}

/// Whether a Lease was only renewed: there is no change more often.
fn is_renewal(delta: &Delta) -> bool {
    match (&delta.old, &delta.new) {
        (Some(old), Some(new)) => {
            new.key.kind == Kind::Lease && Arc::ptr_eq(&old.meta.common, &new.meta.common)
        }
        _ => false,
    }
}

fn user() -> User {
    User::component(literal!("system:kube-controller-manager"))
}

/// The controller manager.
#[derive(Codec, Clone, Debug, Hash)]
pub struct ControllerManager {
    seed: u64,
    world: World,
    controllers: Controllers,
    asked: BTreeMap<RequestId, Asker>,
}

impl ControllerManager {
    /// A controller manager of the cluster with this `seed` (nothing in it is left to chance so far).
    pub fn new(seed: u64) -> ControllerManager {
        ControllerManager {
            seed,
            world: World::new(&user(), WATCHED),
            controllers: Controllers::new(),
            asked: BTreeMap::new(),
        }
    }

    /// The same program after a crash: without memory.
    pub fn restarted(&self) -> ControllerManager {
        ControllerManager::new(self.seed)
    }

    /// Handles one input.
    pub fn handle(&mut self, input: Input, cx: &mut Context<'_>) {
        match input {
            Input::Start => {
                self.world.informers.start(cx);
                self.controllers.all_mut().for_each(|controller| controller.start(cx));
            }
            Input::Response(id, answer) if self.asked.contains_key(&id) => {
                let Some(asker) = self.asked.remove(&id) else { return };
                let controller = self.controllers.all_mut().nth(asker.controller as usize);
                let ids = controller.map(|c| c.answer(asker.key, asker.at, answer, &self.world, cx));
                self.expect(asker.controller, ids.unwrap_or_default());
            }
            Input::Timer(timer) if timer.name != "informer" => {
                let world = &self.world;
                let taken = (0..)
                    .zip(self.controllers.all_mut())
                    .find_map(|(number, c)| Some((number, c.timer(&timer, world, cx)?)));
                if let Some((number, ids)) = taken {
                    self.expect(number, ids);
                }
            }
            input => {
                if let Handled::Changes(deltas) = self.world.informers.handle(input, cx) {
                    self.changed(&deltas, cx);
                }
            }
        }
        self.work(cx);
    }

    fn changed(&mut self, deltas: &[Delta], cx: &mut Context<'_>) {
        deltas.iter().for_each(|delta| self.world.index(delta));
        if deltas.iter().any(|delta| delta.object().key.kind == Kind::CustomResourceDefinition) {
            let kinds = self.world.custom_kinds();
            let gone = self.world.informers.follow_custom(&user(), &kinds, cx);
            self.changed(&gone, cx);
        }
        // Whoever cares for the signs of life of nodes looks at them when it is time.
        for delta in deltas.iter().filter(|delta| !is_renewal(delta)) {
            for controller in self.controllers.all_mut() {
                controller.observe(delta, &self.world, cx);
            }
        }
    }

    /// Lets every controller work on the keys in line; none does before all caches are filled.
    fn work(&mut self, cx: &mut Context<'_>) {
        if self.controllers.are_idle() || !self.world.informers.synced() {
            return;
        }
        let mut asked = Vec::new();
        for (number, controller) in (0..).zip(self.controllers.all_mut()) {
            if controller.is_idle() {
                continue;
            }
            asked.push((number, controller.work(&self.world, cx)));
        }
        asked.into_iter().for_each(|(number, ids)| self.expect(number, ids));
    }

    fn expect(&mut self, controller: u32, ids: Vec<worker::Asked>) {
        for worker::Asked { id, key, at } in ids {
            self.asked.insert(id, Asker { controller, key, at });
        }
    }

    /// The countdowns that run now.
    pub fn waits(&self, core: &Core) -> Vec<Wait> {
        let mut waits = Vec::new();
        self.controllers.all().for_each(|controller| controller.waits(&self.world, core, &mut waits));
        waits
    }

    /// Each controller's name and how many keys are in line or being worked on.
    pub fn queues(&self) -> Vec<(&'static str, u64)> {
        self.controllers.all().map(|controller| (controller.name(), controller.len())).collect()
    }
}

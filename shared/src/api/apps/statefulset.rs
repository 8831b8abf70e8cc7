//! StatefulSet: pods with names that last, made and replaced in order.

use crate::api::core::persistentvolumeclaim::validate_claim_spec;
use crate::api::validation::names::{self, Rule};
use crate::api::validation::{self, At, Faults};
use crate::api::{Column, Info, LabelSelector, Object, Resource, Row, Subresource, View, age};
use crate::doc::{Doc, Str, Timestamp};

use super::deployment::{default_template, template_cells, validate_workload};

/// What the simulation reads of a StatefulSet.
#[derive(Clone, Debug)]
pub struct StatefulSet {
    /// Wanted pods.
    pub replicas: i64,
    /// The first pod's number.
    pub start: i64,
    /// Which pods are its own.
    pub selector: LabelSelector,
    /// The headless Service that names its pods.
    pub service_name: Str,
    /// `spec.podManagementPolicy` is `Parallel` instead of `OrderedReady`.
    pub parallel: bool,
    /// `spec.updateStrategy.type` is `OnDelete` instead of `RollingUpdate`.
    pub on_delete: bool,
    /// Pods with a lower number are not updated.
    pub partition: i64,
    /// `maxUnavailable`: number or percentage.
    pub max_unavailable: Doc,
    /// `persistentVolumeClaimRetentionPolicy`: whether claims go with the set, and with pods beyond its size.
    pub claims_go: (bool, bool),
    /// How long a pod must be ready to count as available, in seconds.
    pub min_ready_seconds: i64,
    /// How many old ControllerRevisions are kept.
    pub revision_history_limit: i64,
    /// `status.currentRevision`
    pub current_revision: Str,
}

const RETENTION: &str = "spec.persistentVolumeClaimRetentionPolicy";

/// The kind's registration.
#[derive(Debug)]
pub struct StatefulSets;

impl Resource for StatefulSets {
    fn info(&self) -> &'static Info {
        &Info {
            group: "apps",
            version: "v1",
            kind: "StatefulSet",
            plural: "statefulsets",
            singular: "statefulset",
            short_names: &["sts"],
            namespaced: true,
            subresources: &[Subresource::Status, Subresource::Scale],
            categories: &["all"],
            has_generation: true,
        }
    }

    fn view(&self, body: &Doc, _: Option<&Object>) -> View {
        let spec = &body["spec"];
        let rolling = &spec["updateStrategy"]["rollingUpdate"];
        View::StatefulSet(Box::new(StatefulSet {
            replicas: spec["replicas"].as_i64().unwrap_or(1),
            start: spec["ordinals"]["start"].as_i64().unwrap_or(0),
            selector: LabelSelector::from_doc(&spec["selector"]),
            service_name: spec["serviceName"].str(),
            parallel: spec["podManagementPolicy"].as_str() == Some("Parallel"),
            on_delete: spec["updateStrategy"]["type"].as_str() == Some("OnDelete"),
            partition: rolling["partition"].as_i64().unwrap_or(0),
            max_unavailable: rolling["maxUnavailable"].clone(),
            claims_go: {
                let policy = &spec["persistentVolumeClaimRetentionPolicy"];
                (
                    policy["whenDeleted"].as_str() == Some("Delete"),
                    policy["whenScaled"].as_str() == Some("Delete"),
                )
            },
            min_ready_seconds: spec["minReadySeconds"].as_i64().unwrap_or(0),
            revision_history_limit: spec["revisionHistoryLimit"].as_i64().unwrap_or(10),
            current_revision: body["status"]["currentRevision"].str(),
        }))
    }

    fn default(&self, doc: &mut Doc) {
        let spec = doc.at_mut(&["spec"]);
        spec.default_to("podManagementPolicy", "OrderedReady");
        spec.default_to("replicas", 1i64);
        spec.default_to("revisionHistoryLimit", 10i64);
        let strategy = spec.at_mut(&["updateStrategy"]);
        strategy.default_to("type", "RollingUpdate");
        if strategy["type"].as_str() == Some("RollingUpdate") {
            let rolling = strategy.at_mut(&["rollingUpdate"]);
            rolling.default_to("partition", 0i64);
        }
        let retention = spec.at_mut(&["persistentVolumeClaimRetentionPolicy"]);
        retention.default_to("whenDeleted", "Retain");
        retention.default_to("whenScaled", "Retain");
        spec.default_to("serviceName", "");
        if !spec["volumeClaimTemplates"].items().is_empty() {
            spec.at_mut(&["volumeClaimTemplates"]).items_mut().iter_mut().for_each(default_claim);
        }
        default_template(spec);
    }

    fn prepare_create(&self, doc: &mut Doc) {
        doc.set("status", crate::doc!({ "availableReplicas": 0i64, "replicas": 0i64 }));
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        let spec = &doc["spec"];
        let policy = &spec["podManagementPolicy"];
        if !matches!(policy.as_str(), Some("OrderedReady" | "Parallel")) {
            let why = "must be 'OrderedReady' or 'Parallel'";
            faults.invalid("spec.podManagementPolicy", policy, why);
        }
        let strategy = &spec["updateStrategy"];
        if !matches!(strategy["type"].as_str(), Some("OnDelete" | "RollingUpdate")) {
            // As Go prints the struct.
            let shown =
                format!("{{\"Type\":{},\"RollingUpdate\":{}}}", strategy["type"], strategy["rollingUpdate"]);
            faults.invalid_text("spec.updateStrategy", &shown, "must be 'RollingUpdate' or 'OnDelete'");
        }
        let rolling = &strategy["rollingUpdate"];
        let path = "spec.updateStrategy.rollingUpdate";
        if strategy["type"].as_str() == Some("OnDelete") && !rolling.is_null() {
            // As Go prints the struct.
            let partition = rolling["partition"].as_i64().unwrap_or(0);
            let shown =
                format!("{{\"Partition\":{partition},\"MaxUnavailable\":{}}}", rolling["maxUnavailable"]);
            faults.invalid_text(path, &shown, "only allowed for updateStrategy 'RollingUpdate'");
        }
        validation::non_negative(faults, &format!("{path}.partition"), &rolling["partition"]);
        let path = format!("{path}.maxUnavailable");
        At::root(&rolling["maxUnavailable"], &path).number_or_percent(faults);
        if super::deployment::is_zero(&rolling["maxUnavailable"]) {
            faults.invalid(path.clone(), &rolling["maxUnavailable"], "cannot be 0");
        }
        At::root(&rolling["maxUnavailable"], &path).at_most_all(faults);
        let retention = At::root(&spec["persistentVolumeClaimRetentionPolicy"], RETENTION);
        for field in ["whenDeleted", "whenScaled"] {
            retention.field(field).one_of(faults, &["Retain", "Delete"]);
        }
        for field in ["replicas", "minReadySeconds"] {
            validation::non_negative(faults, &format!("spec.{field}"), &spec[field]);
        }
        validation::non_negative(faults, "spec.ordinals.start", &spec["ordinals"]["start"]);
        validation::non_negative(faults, "spec.revisionHistoryLimit", &spec["revisionHistoryLimit"]);
        for claim in At::root(&spec["volumeClaimTemplates"], "spec.volumeClaimTemplates").each() {
            validate_claim_spec(&claim.field("spec"), faults);
        }
        At::root(&spec["serviceName"], "spec.serviceName").check_if_set(faults, names::dns_label);
        if spec["volumeClaimTemplates"].items().is_empty() {
            validate_workload("statefulset", doc, faults);
        } else {
            validate_workload("statefulset", &with_claimed_volumes(doc), faults);
        }
    }

    fn name(&self) -> Rule {
        names::dns_label
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        let frozen = |doc: &Doc| {
            let mut spec = doc["spec"].clone();
            for field in [
                "replicas",
                "ordinals",
                "template",
                "updateStrategy",
                "revisionHistoryLimit",
                "persistentVolumeClaimRetentionPolicy",
                "minReadySeconds",
            ] {
                spec.remove(field);
            }
            spec
        };
        if frozen(new) != frozen(old) {
            faults.forbidden(
                "spec",
                "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', \
                 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
            );
        }
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Ready", wide: false },
            Column { name: "Age", wide: false },
            Column { name: "Containers", wide: true },
            Column { name: "Images", wide: true },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let (spec, status) = (&object.body["spec"], &object.body["status"]);
        let ready = status["readyReplicas"].as_i64().unwrap_or(0);
        let [containers, images, _] = template_cells(spec);
        vec![
            object.key.name.to_string(),
            format!("{ready}/{}", spec["replicas"].as_i64().unwrap_or(1)),
            age(object.meta.creation, now),
            containers,
            images,
        ]
    }
}

/// A template for claims is kept as a claim is.
fn default_claim(claim: &mut Doc) {
    claim.default_to("apiVersion", "v1");
    claim.default_to("kind", "PersistentVolumeClaim");
    claim.default_to("status", crate::doc!({ "phase": "Pending" }));
    claim.at_mut(&["spec"]).default_to("volumeMode", "Filesystem");
}

/// The set with the volumes that its pods get through claims: what they mount is there.
fn with_claimed_volumes(doc: &Doc) -> Doc {
    let mut doc = doc.clone();
    let claims = doc["spec"]["volumeClaimTemplates"].clone();
    let pod = doc.at_mut(&["spec", "template", "spec"]);
    let mut volumes = pod["volumes"].items().to_vec();
    for claim in claims.items() {
        let name = &claim["metadata"]["name"];
        volumes.retain(|volume| volume["name"] != *name);
        volumes.push(crate::doc!({ "name": name, "persistentVolumeClaim": { "claimName": name } }));
    }
    pod.set("volumes", volumes);
    doc
}

//! Deployment: keeps an app at the wanted version and size.

use crate::api::core::pod::{default_pod_spec, validate_pod_spec};
use crate::api::internal;
use crate::api::validation::{self, At, Faults};
use crate::api::{Column, Info, LabelSelector, Object, Resource, Row, Subresource, View, age};
use crate::doc::{Doc, Str, Timestamp};

/// What the simulation reads of a Deployment.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Wanted pods.
    pub replicas: i64,
    /// Which pods are its own.
    pub selector: LabelSelector,
    /// The pod template, as written.
    pub template: Doc,
    /// `spec.strategy.type` is `Recreate` instead of `RollingUpdate`.
    pub recreate: bool,
    /// `maxSurge`: number or percentage.
    pub max_surge: Doc,
    /// `maxUnavailable`: number or percentage.
    pub max_unavailable: Doc,
    /// How long a pod must be ready to count as available, in seconds.
    pub min_ready_seconds: i64,
    /// How many old ReplicaSets are kept.
    pub revision_history_limit: i64,
    /// Without progress for so long, the rollout counts as failed; in seconds.
    pub progress_deadline_seconds: i64,
    /// Whether template changes wait.
    pub paused: bool,
}

/// The kind's registration.
#[derive(Debug)]
pub struct Deployments;

impl Resource for Deployments {
    fn info(&self) -> &'static Info {
        &Info {
            group: "apps",
            version: "v1",
            kind: "Deployment",
            plural: "deployments",
            singular: "deployment",
            short_names: &["deploy"],
            namespaced: true,
            subresources: &[Subresource::Status, Subresource::Scale],
            categories: &["all"],
            has_generation: true,
        }
    }

    fn view(&self, body: &Doc, _: Option<&Object>) -> View {
        let spec = &body["spec"];
        let rolling = &spec["strategy"]["rollingUpdate"];
        View::Deployment(Box::new(Deployment {
            replicas: spec["replicas"].as_i64().unwrap_or(1),
            selector: LabelSelector::from_doc(&spec["selector"]),
            template: spec["template"].clone(),
            recreate: spec["strategy"]["type"].as_str() == Some("Recreate"),
            max_surge: rolling["maxSurge"].clone(),
            max_unavailable: rolling["maxUnavailable"].clone(),
            min_ready_seconds: spec["minReadySeconds"].as_i64().unwrap_or(0),
            revision_history_limit: spec["revisionHistoryLimit"].as_i64().unwrap_or(10),
            progress_deadline_seconds: spec["progressDeadlineSeconds"].as_i64().unwrap_or(600),
            paused: spec["paused"].as_bool() == Some(true),
        }))
    }

    fn default(&self, doc: &mut Doc) {
        let spec = doc.at_mut(&["spec"]);
        spec.default_to("replicas", 1i64);
        spec.default_to("revisionHistoryLimit", 10i64);
        spec.default_to("progressDeadlineSeconds", 600i64);
        let strategy = spec.at_mut(&["strategy"]);
        strategy.default_to("type", "RollingUpdate");
        if strategy["type"].as_str() == Some("RollingUpdate") {
            let rolling = strategy.at_mut(&["rollingUpdate"]);
            rolling.default_to("maxSurge", "25%");
            rolling.default_to("maxUnavailable", "25%");
        }
        default_template(spec);
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        let spec = At::root(&doc["spec"], "spec");
        spec.field("replicas").non_negative(faults);
        validate_workload("deployment", doc, faults);
        strategy(&spec.field("strategy"), faults);
        for field in ["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] {
            spec.field(field).non_negative(faults);
        }
        let deadline = spec.field("progressDeadlineSeconds");
        if deadline.is_set() && deadline.number() <= spec.field("minReadySeconds").number() {
            faults.invalid(&deadline, &deadline, "must be greater than minReadySeconds");
        }
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        validate_selector_kept(new, old, faults);
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Ready", wide: false },
            Column { name: "Up-to-date", wide: false },
            Column { name: "Available", wide: false },
            Column { name: "Age", wide: false },
            Column { name: "Containers", wide: true },
            Column { name: "Images", wide: true },
            Column { name: "Selector", wide: true },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let (spec, status) = (&object.body["spec"], &object.body["status"]);
        let count = |field: &str| status[field].as_i64().unwrap_or(0).to_string();
        let mut row = vec![
            object.key.name.to_string(),
            format!("{}/{}", count("readyReplicas"), spec["replicas"].as_i64().unwrap_or(1)),
            count("updatedReplicas"),
            count("availableReplicas"),
            age(object.meta.creation, now),
        ];
        row.extend(template_cells(spec));
        row
    }
}

/// Fills in the defaults of `spec.template`.
pub(in crate::api) fn default_template(spec: &mut Doc) {
    let mut template = match &spec["template"]["spec"] {
        Doc::Null => Doc::map(),
        given => given.clone(),
    };
    default_pod_spec(&mut template);
    if !template.same(&spec["template"]["spec"]) {
        spec.set_at(&["template", "spec"], template);
    }
}

/// What the workloads (`what` is theirs in messages) have in common: selector and template.
pub(super) fn validate_workload(what: &str, doc: &Doc, faults: &mut Faults) {
    let spec = At::root(&doc["spec"], "spec");
    let selector = spec.field("selector");
    if !selector.is_set() {
        faults.required(&selector, "");
    } else {
        validation::label_selector(faults, &selector);
        if LabelSelector::from_doc(&selector).is_empty() {
            faults.invalid(&selector, &selector, format!("empty selector is invalid for {what}"));
        }
    }
    if validation::is_selector(&selector) {
        let of = match what {
            "statefulset" => "StatefulSet",
            "daemonset" => "DaemonSet",
            _ => "ReplicaSet",
        };
        template(of, &spec.field("template"), &selector, faults);
    } else {
        faults.invalid_text(&selector, &validation::selector_text(&selector), "invalid label selector");
    }
}

/// A template for pods that `selector` must find and that run for ever.
fn template(of: &str, template: &At<'_>, selector: &Doc, faults: &mut Faults) {
    let labels = &template["metadata"]["labels"];
    // No selector at all finds nothing, an empty one everything.
    if selector.is_null() || !LabelSelector::from_doc(selector).matches(labels) {
        let shown = if labels.is_null() { Doc::Null } else { labels.clone() };
        let field = format!("{}.metadata.labels", template.path());
        faults.invalid(field, &shown, "`selector` does not match template `labels`");
    }
    validate_template(template, faults);
    let path = format!("{}.spec", template.path());
    let pod = At::root(&template["spec"], &path);
    let policy = pod.field("restartPolicy");
    if policy.text() != "Always" {
        faults.not_supported(&policy, &Doc::from(policy.text()), &["Always"]);
    }
    let why = format!("activeDeadlineSeconds in {of} is not Supported");
    pod.field("activeDeadlineSeconds").forbid(faults, &why);
}

/// Labels, annotations and spec of a pod template.
pub fn validate_template(template: &At<'_>, faults: &mut Faults) {
    let (metadata, path) = (&template["metadata"], template.path());
    // Upstream leaves `metadata` out of these two paths.
    validation::labels(faults, &format!("{path}.labels"), &metadata["labels"]);
    validation::annotations(faults, &format!("{path}.annotations"), &metadata["annotations"]);
    validate_pod_spec(&template["spec"], &format!("{path}.spec"), faults);
}

fn strategy(strategy: &At<'_>, faults: &mut Faults) {
    let rolling = strategy.field("rollingUpdate");
    match strategy["type"].as_str() {
        Some("Recreate") => {
            rolling.forbid(faults, "may not be specified when strategy `type` is 'Recreate'");
        }
        Some("RollingUpdate") if !rolling.is_set() => {
            faults.required(&rolling, "this should be defaulted and never be nil");
        }
        Some("RollingUpdate") => {
            let (unavailable, surge) = (rolling.field("maxUnavailable"), rolling.field("maxSurge"));
            unavailable.number_or_percent(faults);
            surge.number_or_percent(faults);
            if scaled(&unavailable, 100, false) == 0 && scaled(&surge, 100, false) == 0 {
                faults.invalid(&unavailable, &unavailable, "may not be 0 when `maxSurge` is 0");
            }
            if unavailable.as_str().is_some() && scaled(&unavailable, 100, false) > 100 {
                faults.invalid(&unavailable, &unavailable, "must not be greater than 100%");
            }
        }
        _ => {
            let shown = internal::printed("UpdateStrategy", strategy);
            faults.not_supported_text(strategy, &shown, &["Recreate", "RollingUpdate"]);
        }
    }
}

/// Selectors are fixed at creation.
pub(super) fn validate_selector_kept(new: &Doc, old: &Doc, faults: &mut Faults) {
    let selector = &new["spec"]["selector"];
    if *selector != old["spec"]["selector"] {
        faults.invalid_text("spec.selector", &validation::selector_text(selector), validation::IMMUTABLE);
    }
}

/// Printer cells: container names, images, selector.
pub(in crate::api) fn template_cells(spec: &Doc) -> [String; 3] {
    let containers = spec["template"]["spec"]["containers"].items();
    let join =
        |field: &str| containers.iter().map(|c| c[field].str().to_string()).collect::<Vec<_>>().join(",");
    [join("name"), join("image"), LabelSelector::from_doc(&spec["selector"]).to_string()]
}

/// `0` or `0%`
pub(super) fn is_zero(value: &Doc) -> bool {
    value.as_i64() == Some(0) || value.as_str() == Some("0%")
}

/// `maxSurge` and `maxUnavailable` as numbers of pods: percentages of `replicas`, rounded `up` or down.
pub fn scaled(value: &Doc, replicas: i64, up: bool) -> i64 {
    let percent = |text: &Str| text.strip_suffix('%').and_then(|digits| digits.parse::<i64>().ok());
    let number = match value {
        Doc::Int(number) => number.get(),
        Doc::Str(text) => {
            let product = percent(text).unwrap_or(0).saturating_mul(replicas);
            if up { product.saturating_add(99) / 100 } else { product / 100 }
        }
        _ => 0,
    };
    number.clamp(i32::MIN.into(), i32::MAX.into())
}

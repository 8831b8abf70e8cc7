//! Job: pods that run until enough of them have succeeded.

use crate::api::core::pod::{default_pod_spec, validate_pod_spec};
use crate::api::validation::{self, At, Faults, IMMUTABLE, names};
use crate::api::{Column, Info, LabelSelector, Object, Resource, Row, Subresource, View, age, internal};
use crate::doc;
use crate::doc::{Doc, Str, Timestamp};

use super::super::apps::deployment::template_cells;
use super::policies;

/// Label and annotation of a pod: its index in the Job.
pub const COMPLETION_INDEX: &str = "batch.kubernetes.io/job-completion-index";
const CONTROLLER_UID: &str = "batch.kubernetes.io/controller-uid";
/// Labels of a Job's pods, with the words of old as twins.
const UID_LABELS: [&str; 2] = [CONTROLLER_UID, "controller-uid"];
const NAME_LABELS: [&str; 2] = ["batch.kubernetes.io/job-name", "job-name"];

/// What the simulation reads of a Job.
#[derive(Clone, Debug)]
pub struct Job {
    /// How many pods run at once.
    pub parallelism: i64,
    /// How many have to succeed; when unset one success ends the Job.
    pub completions: Option<i64>,
    /// Every pod has an index.
    pub indexed: bool,
    /// So many failures are borne.
    pub backoff_limit: i64,
    /// The same for each index.
    pub backoff_limit_per_index: Option<i64>,
    /// So many indexes may fail.
    pub max_failed_indexes: Option<i64>,
    /// How long it may run, in seconds.
    pub active_deadline_seconds: Option<i64>,
    /// How long it stays after its end, in seconds.
    pub ttl_seconds: Option<i64>,
    /// It is not to run now.
    pub suspend: bool,
    /// Replacements wait until pods have ended for good.
    pub only_replace_failed: bool,
    /// Which pods are its own.
    pub selector: LabelSelector,
    /// The pod template, as written.
    pub template: Doc,
    /// `podFailurePolicy`, as written.
    pub failure_policy: Doc,
    /// `successPolicy`, as written.
    pub success_policy: Doc,
    /// Another controller looks after it.
    pub foreign: bool,
    /// `status.startTime`
    pub start: Option<Timestamp>,
    /// `Complete` or `Failed`, and since when.
    pub finished: Option<(Str, Timestamp)>,
}

impl Job {
    /// Whether it ended well.
    pub fn succeeded(&self) -> bool {
        self.finished.as_ref().is_some_and(|(how, _)| how == "Complete")
    }
}

/// The kind's registration.
#[derive(Debug)]
pub struct Jobs;

/// The condition of a type that holds.
fn holds<'a>(status: &'a Doc, kind: &str) -> Option<&'a Doc> {
    let mut conditions = status["conditions"].items().iter();
    conditions.find(|condition| {
        condition["type"].as_str() == Some(kind) && condition["status"].as_str() == Some("True")
    })
}

impl Resource for Jobs {
    fn info(&self) -> &'static Info {
        &Info {
            group: "batch",
            version: "v1",
            kind: "Job",
            plural: "jobs",
            singular: "job",
            short_names: &[],
            namespaced: true,
            subresources: &[Subresource::Status],
            categories: &["all"],
            has_generation: true,
        }
    }

    fn view(&self, body: &Doc, _: Option<&Object>) -> View {
        let (spec, status) = (&body["spec"], &body["status"]);
        let finished = ["Complete", "Failed"].into_iter().find_map(|kind| {
            let since = holds(status, kind)?["lastTransitionTime"].as_time().unwrap_or_default();
            Some((Str::from(kind), since))
        });
        View::Job(Box::new(Job {
            parallelism: spec["parallelism"].as_i64().unwrap_or(1),
            completions: spec["completions"].as_i64(),
            indexed: spec["completionMode"].as_str() == Some("Indexed"),
            backoff_limit: spec["backoffLimit"].as_i64().unwrap_or(6),
            backoff_limit_per_index: spec["backoffLimitPerIndex"].as_i64(),
            max_failed_indexes: spec["maxFailedIndexes"].as_i64(),
            active_deadline_seconds: spec["activeDeadlineSeconds"].as_i64(),
            ttl_seconds: spec["ttlSecondsAfterFinished"].as_i64(),
            suspend: spec["suspend"].as_bool() == Some(true),
            only_replace_failed: spec["podReplacementPolicy"].as_str() == Some("Failed"),
            selector: LabelSelector::from_doc(&spec["selector"]),
            template: spec["template"].clone(),
            failure_policy: spec["podFailurePolicy"].clone(),
            success_policy: spec["successPolicy"].clone(),
            foreign: spec["managedBy"].as_str().is_some_and(|name| name != "kubernetes.io/job-controller"),
            start: status["startTime"].as_time(),
            finished,
        }))
    }

    fn default(&self, doc: &mut Doc) {
        default_spec(doc.at_mut(&["spec"]));
        label_like_its_pods(doc);
    }

    fn identify(&self, doc: &mut Doc, uid: &str) {
        let name = doc["metadata"]["name"].str();
        doc.set_at(&["metadata", "uid"], uid);
        if doc["spec"]["manualSelector"].as_bool() == Some(true) {
            return;
        }
        let labels = doc.at_mut(&["spec", "template", "metadata", "labels"]);
        // What people wrote there stays, and is refused if it is not that.
        UID_LABELS.iter().for_each(|label| labels.default_to(label, uid));
        NAME_LABELS.iter().for_each(|label| labels.default_to(label, &name));
        doc.at_mut(&["spec", "selector", "matchLabels"]).default_to(CONTROLLER_UID, uid);
        // A name that is too long for a label is told once.
        if name.len() <= 63 {
            label_like_its_pods(doc);
        }
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        validate_spec(&doc["spec"], "spec", faults);
        let selector = At::root(&doc["spec"]["selector"], "spec.selector");
        match selector.is_set() {
            true => validation::label_selector(faults, &selector),
            false => faults.required(&selector, ""),
        }
        let labels = &doc["spec"]["template"]["metadata"]["labels"];
        // No selector selects nothing.
        let selects = selector.is_set() && LabelSelector::from_doc(&selector).matches(labels);
        if !selects && validation::is_selector(&selector) {
            let why = "`selector` does not match template `labels`";
            faults.invalid("spec.template.metadata.labels", labels, why);
        }
        host_names(doc, faults);
    }

    fn validate_create(&self, doc: &Doc, faults: &mut Faults) {
        if doc["spec"]["manualSelector"].as_bool() != Some(true) {
            generated(doc, faults);
        }
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        let (new, before) = (&new["spec"], &old["spec"]);
        let mut frozen = vec![
            "selector",
            "podFailurePolicy",
            "completionMode",
            "backoffLimitPerIndex",
            "managedBy",
            "successPolicy",
        ];
        // The size of an Indexed Job may follow its parallelism.
        let elastic =
            new["completionMode"].as_str() == Some("Indexed") && new["completions"] == new["parallelism"];
        if !elastic {
            frozen.push("completions");
        }
        for field in frozen {
            if new[field] != before[field] {
                faults.invalid(format!("spec.{field}"), &new[field], IMMUTABLE);
            }
        }
        let dormant = before["suspend"].as_bool() == Some(true) && old["status"]["startTime"].is_null();
        let template = &new["template"];
        let kept =
            if dormant { placed_as(&before["template"], template) } else { before["template"].clone() };
        if *template != kept {
            let (labels, annotations) =
                (&template["metadata"]["labels"], &template["metadata"]["annotations"]);
            let shown = doc!({ "labels": labels, "annotations": annotations, "spec": &template["spec"] });
            faults.invalid_text("spec.template", &internal::printed("PodTemplateSpec", &shown), IMMUTABLE);
        }
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Status", wide: false },
            Column { name: "Completions", wide: false },
            Column { name: "Duration", wide: false },
            Column { name: "Age", wide: false },
            Column { name: "Containers", wide: true },
            Column { name: "Images", wide: true },
            Column { name: "Selector", wide: true },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let (spec, status) = (&object.body["spec"], &object.body["status"]);
        let state = match () {
            () if holds(status, "Complete").is_some() => "Complete",
            () if holds(status, "Failed").is_some() => "Failed",
            () if object.meta.deleting() => "Terminating",
            () if holds(status, "Suspended").is_some() => "Suspended",
            () if holds(status, "FailureTarget").is_some() => "FailureTarget",
            () if holds(status, "SuccessCriteriaMet").is_some() => "SuccessCriteriaMet",
            () => "Running",
        };
        let succeeded = status["succeeded"].as_i64().unwrap_or(0);
        let parallelism = spec["parallelism"].as_i64().unwrap_or(0);
        let completions = match spec["completions"].as_i64() {
            Some(wanted) => format!("{succeeded}/{wanted}"),
            None if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
            None => format!("{succeeded}/1"),
        };
        let end = status["completionTime"].as_time().unwrap_or(now);
        let mut row = vec![
            object.key.name.to_string(),
            state.to_owned(),
            completions,
            status["startTime"].as_time().map(|start| age(start, end)).unwrap_or_default(),
            age(object.meta.creation, now),
        ];
        row.extend(template_cells(spec));
        row
    }

    fn field(&self, object: &Object, path: &str) -> Option<Str> {
        match path {
            "metadata.name" => Some(object.key.name.clone()),
            "metadata.namespace" => Some(object.key.namespace.clone()),
            "status.successful" => {
                Some(object.body["status"]["succeeded"].as_i64().unwrap_or(0).to_string().into())
            }
            _ => None,
        }
    }

    fn fields(&self) -> &'static [&'static str] {
        &["metadata.name", "metadata.namespace", "status.successful"]
    }
}

/// A selector that is not the person's own, and the labels it selects, tell the Job by its UID: those that come with
/// the text of another Job do not.
fn generated(doc: &Doc, faults: &mut Faults) {
    let (metadata, selector) = (&doc["metadata"], &doc["spec"]["selector"]);
    let labels = &doc["spec"]["template"]["metadata"]["labels"];
    let mut wanted = Doc::map();
    for (uid, name) in UID_LABELS.into_iter().zip(NAME_LABELS).rev() {
        wanted.set(uid, &metadata["uid"]);
        wanted.set(name, &metadata["name"]);
        for label in [uid, name] {
            if labels[label] != wanted[label] {
                let place = format!("spec.template.metadata.labels[{label}]");
                faults.invalid(place, labels, format!("must be '{}'", wanted[label].str()));
            }
        }
    }
    if !LabelSelector::from_doc(selector).matches(&wanted) {
        let why = "`selector` not auto-generated";
        faults.invalid_text("spec.selector", &validation::selector_text(selector), why);
    }
}

/// A Job without labels of its own takes those of its pods.
fn label_like_its_pods(doc: &mut Doc) {
    let labels = doc["spec"]["template"]["metadata"]["labels"].clone();
    if doc["metadata"]["labels"].is_empty() && !labels.is_empty() {
        doc.set_at(&["metadata", "labels"], labels);
    }
}

/// Fills in a Job's spec.
fn default_spec(spec: &mut Doc) {
    if spec["completions"].is_null() && spec["parallelism"].is_null() {
        spec.set("completions", 1i64);
    }
    spec.default_to("parallelism", 1i64);
    let each = !spec["backoffLimitPerIndex"].is_null();
    spec.default_to("backoffLimit", if each { i64::from(i32::MAX) } else { 6 });
    spec.default_to("completionMode", "NonIndexed");
    spec.default_to("manualSelector", false);
    let policy = if spec["podFailurePolicy"].is_null() { "TerminatingOrFailed" } else { "Failed" };
    spec.default_to("podReplacementPolicy", policy);
    spec.default_to("suspend", false);
    if !spec["podFailurePolicy"]["rules"].is_empty() {
        let rules = spec.at_mut(&["podFailurePolicy", "rules"]).items_mut();
        let named = rules.iter_mut().filter(|rule| !rule["onPodConditions"].is_empty());
        let conditions = named.flat_map(|rule| rule.at_mut(&["onPodConditions"]).items_mut());
        conditions.for_each(|condition| condition.default_to("status", "True"));
    }
    default_job_template(spec);
}

/// Fills in the pods of a Job.
pub(super) fn default_job_template(spec: &mut Doc) {
    if spec["template"]["spec"].is_null() {
        spec.set_at(&["template", "spec"], Doc::map());
    }
    default_pod_spec(spec.at_mut(&["template", "spec"]));
}

/// The old template with what the new one says of where its pods go, how they are labelled and what they request: that
/// may change as long as a Job has not begun.
fn placed_as(old: &Doc, new: &Doc) -> Doc {
    let mut kept = old.clone();
    let mut take = |path: &[&str]| match new.at(path) {
        Doc::Null => {
            let (last, above) = path.split_last().expect("a field");
            if !kept.at(above).is_null() {
                kept.at_mut(above).remove(last);
            }
        }
        value => kept.set_at(path, value.clone()),
    };
    take(&["metadata", "labels"]);
    take(&["metadata", "annotations"]);
    for field in ["nodeSelector", "tolerations", "schedulingGates"] {
        take(&["spec", field]);
    }
    let affinity = new.at(&["spec", "affinity"]);
    if affinity.is_null()
        && old.at(&["spec", "affinity"]).entries().iter().all(|(kind, _)| kind == "nodeAffinity")
    {
        take(&["spec", "affinity"]);
    } else {
        take(&["spec", "affinity", "nodeAffinity"]);
    }
    for list in ["containers", "initContainers"] {
        let items = new["spec"][list].items();
        if items.is_empty() || items.len() != kept["spec"][list].items().len() {
            continue;
        }
        for (container, wanted) in kept.at_mut(&["spec", list]).items_mut().iter_mut().zip(items) {
            container.set("resources", wanted["resources"].clone());
        }
    }
    kept
}

/// What has to do with the indexes of a Job, and who looks after it.
fn indexes(spec: &At<'_>, faults: &mut Faults) {
    const MOST: i64 = 100_000;
    let (per_index, most_failed) = (spec.field("backoffLimitPerIndex"), spec.field("maxFailedIndexes"));
    let (completions, parallelism) = (spec.field("completions"), spec.field("parallelism"));
    if most_failed.is_set() && !per_index.is_set() {
        faults.required(&per_index, "when maxFailedIndexes is specified");
    }
    let manager = spec.field("managedBy");
    manager.check_if_set(faults, names::domain_prefixed_path);
    if manager.text().len() > 63 {
        faults.too_long(&manager, 63);
    }
    let mode = spec.field("completionMode");
    mode.one_of(faults, &["NonIndexed", "Indexed"]);
    match mode.text() {
        "Indexed" => {
            if !completions.is_set() {
                faults.required(&completions, "when completion mode is Indexed");
            }
            if parallelism.number() > MOST {
                let why = format!("must be less than or equal to {MOST} when completion mode is Indexed");
                faults.invalid(&parallelism, &parallelism, why);
            }
            if completions.is_set() && most_failed.number() > completions.number() {
                faults.invalid(&most_failed, &most_failed, "must be less than or equal to completions");
            }
            if most_failed.number() > MOST {
                let why = format!("must be less than or equal to {MOST}");
                faults.invalid(&most_failed, &most_failed, why);
            }
        }
        "" | "NonIndexed" => {
            for field in [per_index, most_failed] {
                if field.is_set() {
                    faults.invalid(&field, &field, "requires indexed completion mode");
                }
            }
        }
        _ => {}
    }
}

/// An index is appended to the name of an Indexed Job: its pods' host names still have to be such.
fn host_names(doc: &Doc, faults: &mut Faults) {
    let (name, spec) = (&doc["metadata"]["name"], &doc["spec"]);
    let completions = spec["completions"].as_i64().unwrap_or(0);
    if spec["completionMode"].as_str() == Some("Indexed") && completions > 0 {
        let longest = format!("{}-{}", name.str(), completions - 1);
        if !names::dns_label(&longest).is_empty() {
            let why = format!("will not able to create pod with invalid DNS label: {longest}");
            faults.invalid("metadata.name", name, why);
        }
    }
}

/// Says what is wrong with a Job's spec that stands at `path`.
pub(super) fn validate_spec(spec: &Doc, path: &str, faults: &mut Faults) {
    for field in [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ] {
        validation::non_negative(faults, &format!("{path}.{field}"), &spec[field]);
    }
    indexes(&At::root(spec, path), faults);
    policies::validate(&At::root(spec, path), faults);
    let template = &spec["template"];
    validation::labels(faults, &format!("{path}.template.labels"), &template["metadata"]["labels"]);
    let annotations = &template["metadata"]["annotations"];
    validation::annotations(faults, &format!("{path}.template.annotations"), annotations);
    validate_pod_spec(&template["spec"], &format!("{path}.template.spec"), faults);
    let restart = &template["spec"]["restartPolicy"];
    let field = format!("{path}.template.spec.restartPolicy");
    match restart.as_str() {
        Some("Never") => {}
        Some("OnFailure") if spec["podFailurePolicy"].is_null() => {}
        Some("OnFailure") => {
            faults.invalid(field, restart, "only \"Never\" is supported when podFailurePolicy is specified");
        }
        _ => faults.required(field, "valid values: \"OnFailure\", \"Never\""),
    }
}

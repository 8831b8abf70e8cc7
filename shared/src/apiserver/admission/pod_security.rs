//! PodSecurity: what the labels of a namespace say of the pods in it. A level of the Pod Security Standards is enforced
//! on pods, and warned of for pods and for what makes pods.

mod checks;

use std::fmt;

use crate::api::validation::Faults;
use crate::api::{Key, Kind, Status, Subresource};
use crate::collections::{BTreeMap, BTreeSet, sort};
use crate::doc::{Doc, Str};
use crate::etcd::Store;

use super::super::Call;
use checks::Violation;

const LABELS: &str = "pod-security.kubernetes.io/";
/// Of a namespace with more pods no more are looked at when its label changes.
const MOST_PODS: usize = 3000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Privileged,
    Baseline,
    Restricted,
}

/// A level as it was in a minor version of Kubernetes 1; as it is now without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standard {
    level: Level,
    minor: Option<u32>,
}

impl fmt::Display for Standard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Privileged => "privileged",
            Level::Baseline => "baseline",
            Level::Restricted => "restricted",
        };
        match self.minor {
            Some(minor) => write!(f, "{level}:v1.{minor}"),
            None => write!(f, "{level}:latest"),
        }
    }
}

impl Standard {
    fn violations(self, metadata: &Doc, spec: &Doc) -> Vec<Violation> {
        checks::violations(self.level, self.minor.unwrap_or(u32::MAX), &metadata["annotations"], spec)
    }
}

/// What a namespace asks of its pods, and what is wrong with the labels that say so.
struct Policy {
    enforce: Standard,
    warn: Standard,
    faults: Faults,
}

impl Policy {
    /// A level that is none is the strictest, where it is to be enforced.
    fn of(labels: &Doc) -> Policy {
        let mut faults = Faults::default();
        let mut read = |mode: &str| {
            let level = text(labels, mode);
            let known = level.and_then(|level| match level {
                "privileged" => Some(Level::Privileged),
                "baseline" => Some(Level::Baseline),
                "restricted" => Some(Level::Restricted),
                _ => None,
            });
            if let Some(level) = level.filter(|_| known.is_none()) {
                let field = format!("metadata.labels[{LABELS}{mode}]");
                faults.invalid(field, &Doc::from(level), "must be one of privileged, baseline, restricted");
            }
            let version = text(labels, &format!("{mode}-version"));
            let minor = version.and_then(minor_of);
            if let Some(version) = version.filter(|version| minor.is_none() && *version != "latest") {
                let field = format!("metadata.labels[{LABELS}{mode}-version]");
                faults.invalid(field, &Doc::from(version), "must be \"latest\" or \"v1.x\"");
            }
            (level, known, version, minor)
        };
        let (level, known, _, minor) = read("enforce");
        let unknown = if level.is_some() { Level::Restricted } else { Level::Privileged };
        let enforce = Standard { level: known.unwrap_or(unknown), minor };
        read("audit");
        let (level, warned, version, minor) = read("warn");
        let mut warn = Standard { level: warned.unwrap_or(Level::Privileged), minor };
        // Who is refused at pods is warned at what makes them.
        if let Some(enforced) = known.filter(|enforced| level.is_none() && *enforced > warn.level) {
            warn.level = enforced;
            if version.is_none() {
                warn.minor = enforce.minor;
            }
        }
        Policy { enforce, warn, faults }
    }
}

fn text<'a>(labels: &'a Doc, label: &str) -> Option<&'a str> {
    let is = |key: &str| key.strip_prefix(LABELS) == Some(label);
    labels.entries().iter().find(|(key, _)| is(key)).and_then(|(_, value)| value.as_str())
}

/// The minor version of a text such as `v1.25`.
fn minor_of(version: &str) -> Option<u32> {
    let digits = version.strip_prefix("v1.")?;
    let written =
        digits.bytes().all(|digit| digit.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if written { digits.parse().ok() } else { None }
}

/// Where an object that makes pods has their template.
fn template_of(kind: Kind) -> Option<&'static [&'static str]> {
    match kind {
        Kind::PodTemplate => Some(&["template"]),
        Kind::CronJob => Some(&["spec", "jobTemplate", "spec", "template"]),
        Kind::Deployment
        | Kind::ReplicaSet
        | Kind::StatefulSet
        | Kind::DaemonSet
        | Kind::Job
        | Kind::ReplicationController => Some(&["spec", "template"]),
        _ => None,
    }
}

/// Whether a namespace says anything of its pods.
pub(super) fn has_say(key: &Key, store: &Store) -> bool {
    labels_for(key, store)
        .is_some_and(|labels| labels.entries().iter().any(|(key, _)| key.starts_with(LABELS)))
}

fn labels_for<'a>(key: &Key, store: &'a Store) -> Option<&'a Doc> {
    let namespace = Key::new(Kind::Namespace, Str::new(), key.namespace.clone());
    store.get(&namespace).map(|namespace| &namespace.meta.labels)
}

/// Refuses a pod, or warns of it or of what would make it. `doc` is the whole object as it would be stored.
pub(super) fn check(call: &mut Call<'_, '_>, key: &Key, doc: &Doc, old: Option<&Doc>) -> Result<(), Status> {
    let part = call.request.subresource;
    let said = match key.kind {
        Kind::Namespace if part == Subresource::None => {
            let said = of_namespace(key, doc, old, call.store)?;
            call.warnings.extend(said);
            return Ok(());
        }
        Kind::Pod => {
            let is_looked_at = matches!(part, Subresource::None | Subresource::EphemeralContainers);
            if !is_looked_at || !has_say(key, call.store) || old.is_some_and(|old| has_same_images(doc, old))
            {
                return Ok(());
            }
            let policy = labels_for(key, call.store).map(Policy::of);
            policy.map_or(Ok(None), |policy| of_pod(&policy, key, doc))?
        }
        kind => {
            let Some(template) = template_of(kind) else { return Ok(()) };
            if part != Subresource::None || !call.is_from_outside() || !has_say(key, call.store) {
                return Ok(());
            }
            let template = doc.at(template);
            labels_for(key, call.store).and_then(|labels| warning(Policy::of(labels).warn, template))
        }
    };
    if call.is_from_outside() {
        call.warnings.extend(said);
    }
    Ok(())
}

fn of_pod(policy: &Policy, key: &Key, pod: &Doc) -> Result<Option<Str>, Status> {
    let violations = policy.enforce.violations(&pod["metadata"], &pod["spec"]);
    if violations.is_empty() {
        return Ok(warning(policy.warn, pod));
    }
    let why = format!("violates PodSecurity \"{}\": {}", policy.enforce, checks::details(&violations));
    Err(Status::forbidden(key, &why))
}

fn warning(standard: Standard, pod: &Doc) -> Option<Str> {
    let violations = standard.violations(&pod["metadata"], &pod["spec"]);
    let details = checks::details(&violations);
    (!violations.is_empty()).then(|| format!("would violate PodSecurity \"{standard}\": {details}").into())
}

/// Of what may be changed in a pod nothing else matters to the standards.
fn has_same_images(pod: &Doc, old: &Doc) -> bool {
    ["containers", "initContainers", "ephemeralContainers"].iter().all(|list| {
        let (new, old) = (pod["spec"][*list].items(), old["spec"][*list].items());
        new.len() == old.len() && new.iter().zip(old).all(|(new, old)| new["image"] == old["image"])
    })
}

/// A namespace's labels must be right; the answer is what is to be said of its pods.
fn of_namespace(key: &Key, doc: &Doc, old: Option<&Doc>, store: &Store) -> Result<Vec<Str>, Status> {
    if doc.is_null() {
        return Ok(Vec::new());
    }
    let policy = Policy::of(&doc["metadata"]["labels"]);
    let before = old.map(|old| Policy::of(&old["metadata"]["labels"]));
    let is_new = before.as_ref().is_none_or(|before| before.faults.0 != policy.faults.0);
    if !policy.faults.0.is_empty() && is_new {
        return Err(Status::invalid(key, policy.faults.0));
    }
    let Some(before) = before else { return Ok(Vec::new()) };
    let (new, old) = (policy.enforce, before.enforce);
    let is_relaxed = new.minor == old.minor && new.level <= old.level;
    if new.level == Level::Privileged || is_relaxed {
        Ok(Vec::new())
    } else {
        Ok(of_pods(&key.name, new, store))
    }
}

/// Which of the pods that are there would not be let in any longer.
fn of_pods(namespace: &Str, standard: Standard, store: &Store) -> Vec<Str> {
    let mut makers = BTreeSet::new();
    let pods = store.list_namespace(Kind::Pod, namespace);
    // One of every controller's pods before the others of them.
    let (first, others): (Vec<_>, Vec<_>) =
        pods.partition(|pod| pod.meta.controller().is_none_or(|owner| makers.insert(owner.uid)));
    let total = first.len() + others.len();
    let mut found = BTreeMap::<String, (Str, usize)>::new();
    for pod in first.into_iter().chain(others).take(MOST_PODS) {
        let metadata = crate::doc!({ "annotations": &pod.meta.annotations });
        let violations = standard.violations(&metadata, &pod.body["spec"]);
        if violations.is_empty() {
            continue;
        }
        let reasons: Vec<&str> = violations.iter().map(|violation| &*violation.reason).collect();
        let (name, count) = found.entry(reasons.join(", ")).or_insert_with(|| (pod.key.name.clone(), 0));
        *name = pod.key.name.clone().min(name.clone());
        *count += 1;
    }
    let mut said = Vec::new();
    if total > MOST_PODS {
        said.push(format!("new PodSecurity enforce level only checked against the first {MOST_PODS} of {total} existing pods"));
    }
    if !found.is_empty() {
        said.push(format!("existing pods in namespace {namespace:?} violate the new PodSecurity enforce level \"{standard}\""));
    }
    let mut lines: Vec<String> = found
        .into_iter()
        .map(|(reasons, (name, count))| match count {
            1 => format!("{name}: {reasons}"),
            2 => format!("{name} (and 1 other pod): {reasons}"),
            more => format!("{name} (and {} other pods): {reasons}", more - 1),
        })
        .collect();
    sort(&mut lines);
    said.into_iter().chain(lines).map(Str::from).collect()
}

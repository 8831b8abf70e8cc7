//! What a pod's spec says where the person said nothing.

use crate::api::quantity::{self, Amount};
use crate::doc::{Doc, Str, intern};

/// Where a volume says nothing of the kind, it is an empty directory.
const NOT_A_SOURCE: &str = "name";

/// Fills in a pod spec's defaults, for pods and templates alike.
pub fn default_pod_spec(spec: &mut Doc) {
    if !matches!(spec, Doc::Map(_)) {
        return;
    }
    spec.default_to("restartPolicy", "Always");
    spec.default_to("dnsPolicy", "ClusterFirst");
    spec.default_to("schedulerName", "default-scheduler");
    spec.default_to("terminationGracePeriodSeconds", 30i64);
    spec.default_to("securityContext", Doc::map());
    // The account has a name of old, which is always the same.
    if let Some(account) =
        ["serviceAccountName", "serviceAccount"].into_iter().find(|field| !spec[*field].is_empty())
    {
        let name = spec[account].clone();
        for field in ["serviceAccountName", "serviceAccount"] {
            if spec[field] != name {
                spec.set(intern(field), name.clone());
            }
        }
    }
    each(spec, "containers", default_container);
    each(spec, "initContainers", default_container);
    each(spec, "ephemeralContainers", default_container);
    each(spec, "volumes", default_volume);
}

/// What only pods get, and no template: requests where there are limits, ports of the node they share.
pub fn default_pod_alone(spec: &mut Doc) {
    let host_network = spec["hostNetwork"].as_bool() == Some(true);
    if spec["terminationGracePeriodSeconds"].as_i64().is_some_and(|grace| grace < 0) {
        spec.set("terminationGracePeriodSeconds", 1i64);
    }
    for list in ["containers", "initContainers"] {
        each(spec, list, |container| {
            default_requests(container);
            each(container, "ports", |port| {
                if host_network && port["hostPort"].is_empty() && !port["containerPort"].is_empty() {
                    port.set("hostPort", port["containerPort"].clone());
                }
            });
        });
    }
    default_own_requests(spec);
}

/// A pod that is bounded as a whole requests what its containers do, or else as much as it may have.
fn default_own_requests(spec: &mut Doc) {
    let limits = spec["resources"]["limits"].clone();
    if limits.entries().is_empty() {
        return;
    }
    let named = limits.entries().iter().map(|(resource, _)| resource.clone());
    for resource in named.chain(["cpu", "memory"].map(Str::from)) {
        let limit = &limits[resource.as_str()];
        let together = aggregate(spec, &resource).filter(|_| !resource.starts_with("hugepages-"));
        let request = together.map_or_else(|| limit.clone(), |amount| amount.to_string().into());
        if spec["resources"]["requests"][resource.as_str()].is_null() && !request.is_null() {
            spec.at_mut(&["resources", "requests"]).set(resource, request);
        }
    }
}

/// What containers request of a resource at most at a time: all that run beside each other, or an init container with the
/// sidecars before it. `None` where none of them requests any.
pub(super) fn aggregate(spec: &Doc, resource: &str) -> Option<Amount> {
    let need = |container: &Doc| Amount::read(container.at(&["resources", "requests", resource]));
    let plus = |sum: Option<Amount>, one: Option<Amount>| match (sum, one) {
        (Some(sum), Some(one)) => Some(sum.plus(one)),
        (sum, one) => sum.or(one),
    };
    let together = spec["containers"].items().iter().map(need).fold(None, plus);
    let (mut sidecars, mut hungriest) = (None, None);
    for container in spec["initContainers"].items() {
        let now = plus(sidecars, need(container));
        if container["restartPolicy"].as_str() == Some("Always") {
            sidecars = now;
        }
        hungriest = hungriest.max(now);
    }
    plus(together, sidecars).max(hungriest)
}

/// Changes the items of a list; an untouched list stays shared.
fn each(doc: &mut Doc, list: &'static str, change: impl Fn(&mut Doc)) {
    let items = doc[list].items();
    let changed: Vec<Doc> = items
        .iter()
        .map(|item| {
            let mut item = item.clone();
            change(&mut item);
            item
        })
        .collect();
    if items.iter().zip(&changed).any(|(before, after)| !before.same(after)) {
        doc.set(intern(list), changed);
    }
}

fn default_container(container: &mut Doc) {
    if !matches!(container, Doc::Map(_)) {
        return;
    }
    container.default_to("terminationMessagePath", "/dev/termination-log");
    container.default_to("terminationMessagePolicy", "File");
    container.default_to("resources", Doc::map());
    let policy = pull_policy(&container["image"].str());
    container.default_to("imagePullPolicy", policy);
    each(container, "ports", |port| port.default_to("protocol", "TCP"));
    each(container, "env", |variable| {
        if !variable["valueFrom"].is_null() {
            default_reference(variable.at_mut(&["valueFrom"]));
        }
    });
    for bound in ["requests", "limits"] {
        canonical_amounts(container, bound);
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if !container[probe].is_null() {
            default_probe(container.at_mut(&[probe]));
        }
    }
    // `ContainerStopSignals` is off in 1.36: what it is about is taken, and not kept.
    if !container["lifecycle"]["stopSignal"].is_null() {
        container.at_mut(&["lifecycle"]).remove("stopSignal");
    }
    for hook in ["postStart", "preStop"] {
        if !container["lifecycle"][hook]["httpGet"].is_null() {
            default_http_get(container.at_mut(&["lifecycle", hook, "httpGet"]));
        }
    }
}

/// What may be another image tomorrow is looked for each time.
fn pull_policy(image: &str) -> &'static str {
    let last = image.rsplit('/').next().unwrap_or("");
    let floating = !last.contains('@') && (!last.contains(':') || last.ends_with(":latest"));
    if floating { "Always" } else { "IfNotPresent" }
}

fn default_requests(container: &mut Doc) {
    let limits = container["resources"]["limits"].entries().iter();
    let missing: Vec<(Str, Doc)> = limits
        .filter(|(resource, _)| container["resources"]["requests"][resource.as_str()].is_null())
        .cloned()
        .collect();
    for (resource, amount) in missing {
        container.at_mut(&["resources", "requests"]).set(resource, amount);
    }
}

/// Amounts are kept as the API server prints them (`0.5` as `500m`), thousandths being the finest there are.
fn canonical_amounts(container: &mut Doc, bound: &'static str) {
    for (resource, amount) in container["resources"][bound].clone().entries() {
        if let Some(text) = quantity::canonical(amount).filter(|text| amount.as_str() != Some(text)) {
            container.at_mut(&["resources", bound]).set(resource.clone(), text);
        }
    }
}

fn default_probe(probe: &mut Doc) {
    for (field, seconds) in
        [("timeoutSeconds", 1i64), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
    {
        if probe[field].is_empty() {
            probe.set(intern(field), seconds);
        }
    }
    if !probe["httpGet"].is_null() {
        default_http_get(probe.at_mut(&["httpGet"]));
    }
    if !probe["grpc"].is_null() {
        probe.at_mut(&["grpc"]).default_to("service", "");
    }
}

fn default_http_get(action: &mut Doc) {
    action.default_to("scheme", "HTTP");
    action.default_to("path", "/");
}

fn default_volume(volume: &mut Doc) {
    if !matches!(volume, Doc::Map(_)) {
        return;
    }
    if volume.entries().iter().all(|(field, _)| field == NOT_A_SOURCE) {
        volume.set("emptyDir", Doc::map());
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        if !volume[source].is_null() {
            volume.at_mut(&[source]).default_to("defaultMode", 0o644i64);
        }
    }
    default_source(volume);
    if !volume["image"].is_null() {
        let policy = pull_policy(&volume["image"]["reference"].str());
        volume.at_mut(&["image"]).default_to("pullPolicy", policy);
    }
    if !volume["ephemeral"]["volumeClaimTemplate"].is_null() {
        let template = volume.at_mut(&["ephemeral", "volumeClaimTemplate"]);
        template.default_to("metadata", Doc::map());
        template.at_mut(&["spec"]).default_to("volumeMode", "Filesystem");
    }
    for path in [&["downwardAPI", "items"][..], &["projected", "sources"]] {
        if volume.at(path).items().iter().any(lacks_version) {
            volume.at_mut(path).items_mut().iter_mut().for_each(add_version);
        }
    }
}

/// What sources of storage say where nothing else is said; a persistent volume has the same.
pub(in crate::api::core) fn default_source(of: &mut Doc) {
    const SOURCES: [(&str, &[(&str, &str)]); 5] = [
        ("azureDisk", &[("cachingMode", "ReadWrite"), ("fsType", "ext4"), ("kind", "Shared")]),
        ("hostPath", &[("type", "")]),
        ("iscsi", &[("iscsiInterface", "default")]),
        ("rbd", &[("keyring", "/etc/ceph/keyring"), ("pool", "rbd"), ("user", "admin")]),
        ("scaleIO", &[("fsType", "xfs"), ("storageMode", "ThinProvisioned")]),
    ];
    for (source, fields) in SOURCES {
        if of[source].is_null() {
            continue;
        }
        let source = of.at_mut(&[source]);
        fields.iter().for_each(|(field, value)| source.default_to(field, *value));
    }
    if !of["azureDisk"].is_null() {
        of.at_mut(&["azureDisk"]).default_to("readOnly", false);
    }
}

fn lacks_version(item: &Doc) -> bool {
    (!item["fieldRef"].is_null() && item["fieldRef"]["apiVersion"].is_null())
        || (!item["resourceFieldRef"].is_null() && item["resourceFieldRef"]["divisor"].is_null())
        || item["downwardAPI"]["items"].items().iter().any(lacks_version)
        || (!item["serviceAccountToken"].is_null()
            && item["serviceAccountToken"]["expirationSeconds"].is_null())
}

/// References to fields are of API version v1, where nothing else is said; those to amounts are divided by nothing, and
/// those to files must be met.
fn default_reference(item: &mut Doc) {
    for (reference, field, value) in [("fieldRef", "apiVersion", "v1"), ("resourceFieldRef", "divisor", "0")]
    {
        if !item[reference].is_null() {
            item.at_mut(&[reference]).default_to(field, value);
        }
    }
    if !item["fileKeyRef"].is_null() {
        item.at_mut(&["fileKeyRef"]).default_to("optional", false);
    }
}

/// References have their versions; tokens live an hour, where nothing else is said.
fn add_version(item: &mut Doc) {
    default_reference(item);
    if !item["serviceAccountToken"].is_null() {
        item.at_mut(&["serviceAccountToken"]).default_to("expirationSeconds", 3600i64);
    }
    if !item["downwardAPI"].is_null() {
        item.at_mut(&["downwardAPI", "items"]).items_mut().iter_mut().for_each(add_version);
    }
}

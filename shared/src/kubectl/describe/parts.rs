//! The parts of a page that take more than a text with holes.

use crate::api::core::secret::{account_token, base64_decode};
use crate::api::{Kind, age};
use crate::collections::{sort, sort_by, sort_by_key};
use crate::doc::{Doc, Str};

use super::super::failure::Failure;
use super::super::go_sort;
use super::super::io::Stop;
use super::super::resource::{Target, escape};
use super::sheet::Sheet;
use super::values::{at, bare, pairs, selector, shorten, since};
use super::{containers, csr, hpa, network, node, policy, quota, volumes, with_fields};

/// Writes a part about an object; the text is what stands after the part's name.
pub type Part = fn(&mut Sheet<'_, '_>, &Doc, &str) -> Result<(), Stop>;

/// Every part by its name.
pub const PARTS: &[(&str, Part)] = &[
    ("labels", labels),
    ("marks", csr::marks),
    ("subject", csr::subject),
    ("annotations", annotations),
    ("phase", phase),
    ("controller", controller),
    ("containers", containers::of_pod),
    ("gates", gates),
    ("volumes", volumes::of_pod),
    ("node-selector", node_selector),
    ("tolerations", tolerations),
    ("spread", spread),
    ("template", template_at),
    ("conditions", conditions),
    ("pods", pods),
    ("replica-sets", replica_sets),
    ("claims", volumes::claims),
    ("duration", duration),
    ("events", events),
    ("data", data),
    ("binary-data", binary_data),
    ("secret-data", secret_data),
    ("pull-secrets", pull_secrets),
    ("finalizers", finalizers),
    ("claim", volumes::claim),
    ("node-affinity", volumes::node_affinity),
    ("source", volumes::source),
    ("used-by", volumes::used_by),
    ("default-class", volumes::default_class),
    ("topologies", volumes::topologies),
    ("drivers", volumes::drivers),
    ("roles", node::roles),
    ("taints", node::taints),
    ("lease", node::lease),
    ("quantities", node::quantities),
    ("allocated", node::allocated),
    ("slices", node::slices),
    ("node-events", node::events),
    ("quotas", quota::quotas),
    ("limits", quota::limits),
    ("limit-range", quota::limit_range),
    ("scopes", quota::scopes),
    ("usage", quota::usage),
    ("service-ports", network::service_ports),
    ("subsets", network::subsets),
    ("endpoints", network::endpoints),
    ("rules", network::rules),
    ("policy", policy::network),
    ("policy-rules", policy::rules),
    ("budget-selector", policy::budget_selector),
    ("metrics", hpa::metrics),
    ("behavior", hpa::behavior),
];

fn labels(sheet: &mut Sheet<'_, '_>, object: &Doc, _: &str) -> Result<(), Stop> {
    sheet.lines("Labels", pairs(&object["metadata"]["labels"], "="));
    Ok(())
}

fn annotations(sheet: &mut Sheet<'_, '_>, object: &Doc, _: &str) -> Result<(), Stop> {
    sheet.lines("Annotations", annotated(&object["metadata"]["annotations"]));
    Ok(())
}

/// The longest line of an annotation.
const LONGEST: usize = 140;

/// Annotations as lines; what kubectl itself noted is left out.
fn annotated(annotations: &Doc) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, value) in annotations.entries() {
        if key == super::super::last_applied::LAST_APPLIED {
            continue;
        }
        let value = value.str();
        let value = value.strip_suffix('\n').unwrap_or(&value);
        if value.len() + key.len() + 2 <= LONGEST && !value.contains('\n') {
            lines.push(format!("{key}: {value}"));
            continue;
        }
        lines.push(format!("{key}:"));
        lines.extend(value.split('\n').map(|line| format!("  {}", shorten(line, LONGEST - 2))));
    }
    lines
}

/// How an object stands, or that it goes.
fn phase(sheet: &mut Sheet<'_, '_>, object: &Doc, _: &str) -> Result<(), Stop> {
    let (deleted, phase) = (&object["metadata"]["deletionTimestamp"], object["status"]["phase"].str());
    if deleted.is_null() || matches!(phase.as_str(), "Failed" | "Succeeded") {
        sheet.line(0, format!("Status:\t{phase}"));
        return Ok(());
    }
    let lasts = since(deleted, sheet.io.started);
    sheet.line(0, format!("Status:\tTerminating (lasts {lasts})"));
    if let Some(seconds) = object["metadata"]["deletionGracePeriodSeconds"].as_i64()
        && sheet.target.kind == Kind::Pod
    {
        sheet.line(0, format!("Termination Grace Period:\t{seconds}s"));
    }
    Ok(())
}

/// The owner that manages an object.
pub fn owner(object: &Doc) -> Option<&Doc> {
    let mut owners = object["metadata"]["ownerReferences"].items().iter();
    owners.find(|owner| owner["controller"].as_bool() == Some(true))
}

fn controller(sheet: &mut Sheet<'_, '_>, object: &Doc, _: &str) -> Result<(), Stop> {
    if let Some(owner) = owner(object) {
        sheet.line(0, format!("Controlled By:\t{}/{}", owner["kind"].str(), owner["name"].str()));
    }
    Ok(())
}

fn gates(sheet: &mut Sheet<'_, '_>, pod: &Doc, _: &str) -> Result<(), Stop> {
    for gate in pod["spec"]["readinessGates"].items() {
        let wanted = &gate["conditionType"];
        let mut conditions = pod["status"]["conditions"].items().iter();
        let found = conditions.find(|condition| condition["type"] == *wanted);
        let status = found.map_or_else(|| "<none>".into(), |condition| condition["status"].str());
        sheet.line(1, format!("{} \t{status} ", wanted.str()));
    }
    Ok(())
}

fn node_selector(sheet: &mut Sheet<'_, '_>, pod: &Doc, _: &str) -> Result<(), Stop> {
    sheet.lines("Node-Selectors", pairs(&pod["spec"]["nodeSelector"], "="));
    Ok(())
}

fn tolerations(sheet: &mut Sheet<'_, '_>, pod: &Doc, _: &str) -> Result<(), Stop> {
    sheet.lines("Tolerations", tolerated(&pod["spec"]["tolerations"]));
    Ok(())
}

fn tolerated(tolerations: &Doc) -> Vec<String> {
    let mut tolerations = tolerations.items().to_vec();
    sort_by_key(&mut tolerations, |toleration| toleration["key"].str());
    let line = |toleration: &Doc| {
        let part = |field: &str, before: &str| match toleration[field].str() {
            none if none.is_empty() => String::new(),
            text => format!("{before}{text}"),
        };
        let mut line = format!("{}{}{}", part("key", ""), part("value", "="), part("effect", ":"));
        if toleration["operator"].as_str() == Some("Exists") && toleration["value"].str().is_empty() {
            line.push_str(if line.is_empty() { "op=Exists" } else { " op=Exists" });
        }
        if let Some(seconds) = toleration["tolerationSeconds"].as_i64() {
            line.push_str(&format!(" for {seconds}s"));
        }
        line
    };
    tolerations.iter().map(line).collect()
}

fn spread(sheet: &mut Sheet<'_, '_>, pod: &Doc, indent: &str) -> Result<(), Stop> {
    let mut constraints = pod["spec"]["topologySpreadConstraints"].items().to_vec();
    sort_by_key(&mut constraints, |constraint| constraint["topologyKey"].str());
    let line = |constraint: &Doc| {
        let mut line = format!(
            "{}:{} when max skew {} is exceeded",
            constraint["topologyKey"].str(),
            constraint["whenUnsatisfiable"].str(),
            bare(&constraint["maxSkew"])
        );
        if !constraint["labelSelector"].is_null() {
            let selector = selector(&constraint["labelSelector"]);
            line.push_str(" for selector ");
            line.push_str(if selector.is_empty() { "<none>" } else { &selector });
        }
        line
    };
    if !constraints.is_empty() {
        sheet.lines(&format!("{indent}Topology Spread Constraints"), constraints.iter().map(line));
    }
    Ok(())
}

fn template_at(sheet: &mut Sheet<'_, '_>, object: &Doc, path: &str) -> Result<(), Stop> {
    template(sheet, at(object, path))
}

/// A pod template.
pub fn template(sheet: &mut Sheet<'_, '_>, template: &Doc) -> Result<(), Stop> {
    let (metadata, spec) = (&template["metadata"], &template["spec"]);
    sheet.line(0, "Pod Template:");
    sheet.lines("  Labels", pairs(&metadata["labels"], "="));
    if !metadata["annotations"].is_empty() {
        sheet.lines("  Annotations", annotated(&metadata["annotations"]));
    }
    sheet.fill(template, "?spec.serviceAccountName >Service Account:\t{spec.serviceAccountName}")?;
    containers::of_template(sheet, spec)?;
    volumes::list(sheet, spec, "  ")?;
    spread(sheet, template, "  ")?;
    sheet.fill(template, "?spec.priorityClassName >Priority Class Name:\t{spec.priorityClassName}")?;
    sheet.lines("  Node-Selectors", pairs(&spec["nodeSelector"], "="));
    sheet.lines("  Tolerations", tolerated(&spec["tolerations"]));
    Ok(())
}

fn conditions(sheet: &mut Sheet<'_, '_>, object: &Doc, _: &str) -> Result<(), Stop> {
    sheet.fill(
        object,
        "\
?status.conditions Conditions:
?status.conditions >Type\tStatus\tReason
?status.conditions >----\t------\t------
*status.conditions >{type} \t{status}\t{reason}
",
    )
}

/// Objects of a kind in the namespace of the one that is described, by their labels.
pub fn labelled(sheet: &mut Sheet<'_, '_>, kind: Kind, labels: &str) -> Result<Result<Doc, Failure>, Stop> {
    let mut request = Target::new(kind, &sheet.target.namespace, "").get();
    request.path = format!("{}?labelSelector={}&limit=500", request.path, escape(labels)).into();
    let response = sheet.io.request(request)?;
    if response.is_success() {
        Ok(Ok(response.body["items"].clone()))
    } else {
        Ok(Err(Failure::of(&response)))
    }
}

/// How many pods of a controller are in which phase.
fn pods(sheet: &mut Sheet<'_, '_>, object: &Doc, _: &str) -> Result<(), Stop> {
    let spec = &object["spec"]["selector"];
    let labels = match spec["matchLabels"].is_null() && spec["matchExpressions"].is_null() {
        true => pairs(spec, "=").join(","),
        false => selector(spec),
    };
    let pods = match labelled(sheet, Kind::Pod, &labels)? {
        Ok(pods) => pods,
        Err(failure) => return Err(sheet.io.end(failure)),
    };
    let uid = &object["metadata"]["uid"];
    let mine: Vec<Str> = pods
        .items()
        .iter()
        .filter(|pod| owner(pod).is_some_and(|owner| owner["uid"] == *uid))
        .map(|pod| pod["status"]["phase"].str())
        .collect();
    let count = |phase: &str| mine.iter().filter(|of| *of == phase).count();
    sheet.line(
        0,
        format!(
            "Pods Status:\t{} Running / {} Waiting / {} Succeeded / {} Failed",
            count("Running"),
            count("Pending"),
            count("Succeeded"),
            count("Failed")
        ),
    );
    Ok(())
}

fn replica_sets(sheet: &mut Sheet<'_, '_>, deployment: &Doc, _: &str) -> Result<(), Stop> {
    let selector = selector(&deployment["spec"]["selector"]);
    let Ok(found) = labelled(sheet, Kind::ReplicaSet, &selector)? else { return Ok(()) };
    let uid = &deployment["metadata"]["uid"];
    let mut sets: Vec<Doc> = found.items().to_vec();
    sets.retain(|set| owner(set).is_some_and(|owner| owner["uid"] == *uid));
    let born = |set: &Doc| (set["metadata"]["creationTimestamp"].as_time(), set["metadata"]["name"].str());
    sort_by(&mut sets, |one, two| born(one).cmp(&born(two)));
    if sets.is_empty() {
        return Ok(());
    }
    let fits = |set: &Doc| {
        let mut template = set["spec"]["template"].clone();
        template.at_mut(&["metadata", "labels"]).remove("pod-template-hash");
        template == deployment["spec"]["template"]
    };
    let new = sets.iter().position(fits).map(|at| sets.remove(at));
    let shown = |sets: &[Doc]| {
        let each = sets.iter().map(|set| {
            let (name, created) =
                (set["metadata"]["name"].str(), set["status"]["replicas"].as_i64().unwrap_or(0));
            format!("{name} ({created}/{} replicas created)", set["spec"]["replicas"].as_i64().unwrap_or(0))
        });
        let all = each.collect::<Vec<_>>().join(", ");
        if all.is_empty() { "<none>".to_owned() } else { all }
    };
    sheet.line(0, format!("OldReplicaSets:\t{}", shown(&sets)));
    sheet.line(0, format!("NewReplicaSet:\t{}", shown(new.as_slice())));
    Ok(())
}

fn duration(sheet: &mut Sheet<'_, '_>, job: &Doc, _: &str) -> Result<(), Stop> {
    let status = &job["status"];
    if let (Some(began), Some(ended)) = (status["startTime"].as_time(), status["completionTime"].as_time()) {
        sheet.line(0, format!("Duration:\t{}", age(began, ended)));
    }
    Ok(())
}

/// What happened to the object.
fn events(sheet: &mut Sheet<'_, '_>, object: &Doc, _: &str) -> Result<(), Stop> {
    if !sheet.events {
        return Ok(());
    }
    let metadata = &object["metadata"];
    let mirror = metadata["annotations"]["kubernetes.io/config.mirror"].str();
    let uid = if mirror.is_empty() { metadata["uid"].str() } else { mirror };
    let kind = if sheet.target.kind == Kind::Pod { Str::new() } else { sheet.target.kind.kind.clone() };
    let found = about(sheet, &metadata["name"].str(), &kind, &uid)?;
    tell(sheet, found);
    Ok(())
}

/// The events about an object.
pub fn about(sheet: &mut Sheet<'_, '_>, name: &str, kind: &str, uid: &str) -> Result<Vec<Doc>, Stop> {
    let namespace = &sheet.target.namespace;
    let mut fields = format!("involvedObject.name={name}");
    for (field, value) in [("namespace", namespace.as_str()), ("kind", kind), ("uid", uid)] {
        if !value.is_empty() {
            fields.push_str(&format!(",involvedObject.{field}={value}"));
        }
    }
    let request = with_fields(&Target::new(Kind::Event, namespace, ""), &fields);
    Ok(sheet.io.request(request)?.body["items"].items().to_vec())
}

/// Writes a table of events, oldest first.
pub fn tell(sheet: &mut Sheet<'_, '_>, mut events: Vec<Doc>) {
    if events.is_empty() {
        sheet.line(0, "Events:\t<none>");
        return;
    }
    let last = |event: &Doc| event["lastTimestamp"].as_time();
    go_sort::sort(&mut events, |one, two| last(one) < last(two));
    sheet.line(0, "Events:");
    sheet.line(1, "Type\tReason\tAge\tFrom\tMessage");
    sheet.line(1, "----\t------\t----\t----\t-------");
    for event in events {
        let source = match event["source"]["component"].str() {
            none if none.is_empty() => event["reportingComponent"].str(),
            component => component,
        };
        let (message, field) = (event["message"].str(), event["involvedObject"]["fieldPath"].str());
        let field = if field.is_empty() { String::new() } else { format!("{field}: ") };
        let interval = interval(&event, sheet.io.started);
        sheet.line(
            1,
            format!(
                "{}\t{}\t{interval}\t{source}\t{field}{}",
                event["type"].str(),
                event["reason"].str(),
                message.trim()
            ),
        );
    }
}

/// When an event happened, and how often since when.
pub fn interval(event: &Doc, now: crate::doc::Timestamp) -> String {
    let first = if event["eventTime"].is_null() { &event["firstTimestamp"] } else { &event["eventTime"] };
    let first = since(first, now);
    let series = &event["series"];
    if !series.is_null() {
        let last = since(&series["lastObservedTime"], now);
        return format!("{last} (x{} over {first})", series["count"].as_i64().unwrap_or(0));
    }
    match event["count"].as_i64() {
        Some(count) if count > 1 => {
            format!("{} (x{count} over {first})", since(&event["lastTimestamp"], now))
        }
        _ => first,
    }
}

fn data(sheet: &mut Sheet<'_, '_>, map: &Doc, _: &str) -> Result<(), Stop> {
    for (key, value) in map["data"].entries() {
        sheet.line(0, format!("{key}:\n----\n{}\n", value.str()));
    }
    Ok(())
}

/// How many bytes a text in base64 holds.
fn decoded_length(text: &str) -> usize {
    let text = text.trim_end_matches('=');
    text.len() * 3 / 4
}

fn binary_data(sheet: &mut Sheet<'_, '_>, map: &Doc, _: &str) -> Result<(), Stop> {
    for (key, value) in map["binaryData"].entries() {
        sheet.line(0, format!("{key}: {} bytes", decoded_length(&value.str())));
    }
    Ok(())
}

fn secret_data(sheet: &mut Sheet<'_, '_>, secret: &Doc, _: &str) -> Result<(), Stop> {
    let is_token = secret["type"].as_str() == Some(account_token::TYPE);
    for (key, value) in secret["data"].entries() {
        let said = match base64_decode(&value.str()).ok().filter(|_| is_token && key == "token") {
            Some(token) => String::from_utf8_lossy(&token).into_owned(),
            None => format!("{} bytes", decoded_length(&value.str())),
        };
        sheet.line(0, format!("{key}:\t{said}"));
    }
    Ok(())
}

fn pull_secrets(sheet: &mut Sheet<'_, '_>, account: &Doc, _: &str) -> Result<(), Stop> {
    let secrets = account["imagePullSecrets"].items();
    if secrets.is_empty() {
        sheet.line(0, "Image pull secrets:\t<none>");
    }
    for (at, secret) in secrets.iter().enumerate() {
        let title = if at == 0 { "Image pull secrets:" } else { "                   " };
        sheet.line(0, format!("{title}\t{}", secret["name"].str()));
    }
    Ok(())
}

fn finalizers(sheet: &mut Sheet<'_, '_>, object: &Doc, _: &str) -> Result<(), Stop> {
    sheet.line(0, format!("Finalizers:\t{}", super::values::go_list(&object["metadata"]["finalizers"])));
    Ok(())
}

/// Names, sorted.
pub fn sorted(mut names: Vec<String>) -> Vec<String> {
    sort(&mut names);
    names
}

#[cfg(test)]
mod tests {
    use super::super::kinds::TEMPLATES;
    use super::PARTS;

    #[test]
    fn every_part_that_a_text_names_is_there() {
        for (kind, _, text) in TEMPLATES {
            for line in text.lines() {
                if let Some(name) = line.strip_prefix('@') {
                    let name = name.split(' ').next().unwrap();
                    assert!(PARTS.iter().any(|(part, _)| *part == name), "{kind}: {line}");
                }
                assert_eq!(line.matches('{').count(), line.matches('}').count(), "{kind}: {line}");
            }
        }
    }
}

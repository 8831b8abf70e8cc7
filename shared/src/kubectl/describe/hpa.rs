//! What a HorizontalPodAutoscaler looks at, and how fast it may act.

use crate::api::quantity::canonical;
use crate::doc::Doc;

use super::super::io::Stop;
use super::sheet::Sheet;
use super::values::bare;

const UNKNOWN: &str = "<unknown>";

pub fn metrics(sheet: &mut Sheet<'_, '_>, scaler: &Doc, _: &str) -> Result<(), Stop> {
    sheet.line(0, "Metrics:\t( current / target )");
    for (at, metric) in scaler["spec"]["metrics"].items().iter().enumerate() {
        let current = &scaler["status"]["currentMetrics"][at];
        let line = match metric["type"].as_str() {
            Some("External") => named(&metric["external"], &current["external"], "", true),
            Some("Pods") => {
                let (of, now) = (&metric["pods"], &current["pods"]);
                let values = values(&now["current"]["averageValue"], &of["target"]["averageValue"]);
                format!("{:?} on pods:\t{values}", bare(&of["metric"]["name"]))
            }
            Some("Object") => {
                let of = &metric["object"];
                let described = &of["describedObject"];
                let on = format!(" on {}/{}", described["kind"].str(), described["name"].str());
                named(of, &current["object"], &on, of["target"]["type"].as_str() == Some("AverageValue"))
            }
            Some("Resource") => {
                let of = &metric["resource"];
                let subject = format!("resource {} on pods", of["name"].str());
                resource(&subject, of, &current["resource"])
            }
            Some("ContainerResource") => {
                let of = &metric["containerResource"];
                let (name, container) = (of["name"].str(), of["container"].str());
                let subject = format!("resource {name} of container \"{container}\" on pods");
                resource(&subject, of, &current["containerResource"])
            }
            _ => format!("<unknown metric type {:?}>", bare(&metric["type"])),
        };
        sheet.line(1, line);
    }
    Ok(())
}

fn amount(value: &Doc) -> String {
    canonical(value).unwrap_or_else(|| UNKNOWN.into())
}

fn values(current: &Doc, target: &Doc) -> String {
    format!("{} / {}", amount(current), amount(target))
}

/// A metric with a name; `average` when its target may be one for each pod.
fn named(of: &Doc, now: &Doc, on: &str, average: bool) -> String {
    let (target, current) = (&of["target"], &now["current"]);
    let name = bare(&of["metric"]["name"]);
    if average && !target["averageValue"].is_null() {
        let values = values(&current["averageValue"], &target["averageValue"]);
        format!("{name:?}{on} (target average value):\t{values}")
    } else {
        format!("{name:?}{on} (target value):\t{}", values(&current["value"], &target["value"]))
    }
}

fn resource(subject: &str, of: &Doc, now: &Doc) -> String {
    let (target, current) = (&of["target"], &now["current"]);
    if !target["averageValue"].is_null() {
        return format!("{subject}:\t{}", values(&current["averageValue"], &target["averageValue"]));
    }
    let share = match current["averageUtilization"].as_i64() {
        Some(share) => format!("{share}% ({})", amount(&current["averageValue"])),
        None => UNKNOWN.into(),
    };
    let wanted = target["averageUtilization"].as_i64();
    let wanted = wanted.map_or_else(|| "<auto>".into(), |share| format!("{share}%"));
    format!("{subject}  (as a percentage of request):\t{share} / {wanted}")
}

pub fn behavior(sheet: &mut Sheet<'_, '_>, scaler: &Doc, _: &str) -> Result<(), Stop> {
    let behavior = &scaler["spec"]["behavior"];
    if behavior.is_null() {
        return Ok(());
    }
    sheet.line(0, "Behavior:");
    for (title, field) in [("Scale Up", "scaleUp"), ("Scale Down", "scaleDown")] {
        if behavior[field].is_null() {
            continue;
        }
        sheet.line(1, format!("{title}:"));
        sheet.fill(
            &behavior[field],
            "\
?stabilizationWindowSeconds >>Stabilization Window: {stabilizationWindowSeconds} seconds
?policies >>Select Policy: {selectPolicy/Max}
?policies >>Policies:
*policies >>>- Type: {type}\tValue: {value}\tPeriod: {periodSeconds} seconds
",
        )?;
    }
    Ok(())
}

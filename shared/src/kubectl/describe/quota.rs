//! ResourceQuotas and LimitRanges, of a namespace or alone.

use crate::api::Kind;
use crate::api::quantity::canonical;
use crate::collections::sort_by_key;
use crate::doc::Doc;

use super::super::io::Stop;
use super::super::resource::Target;
use super::parts::sorted;
use super::sheet::Sheet;
use super::values::bare;

/// What the scopes of a quota mean.
const SCOPES: [(&str, &str); 4] = [
    (
        "Terminating",
        "Matches all pods that have an active deadline. These pods have a limited lifespan on a node before being \
         actively terminated by the system.",
    ),
    (
        "NotTerminating",
        "Matches all pods that do not have an active deadline. These pods usually include long running pods whose \
         container command is not expected to terminate.",
    ),
    (
        "BestEffort",
        "Matches all pods that do not have resource requirements set. These pods have a best effort quality of service.",
    ),
    (
        "NotBestEffort",
        "Matches all pods that have at least one resource requirement set. These pods have a burstable or guaranteed \
         quality of service.",
    ),
];

/// The objects of a kind in the namespace that is described; none when the server knows no such kind.
fn inside(sheet: &mut Sheet<'_, '_>, namespace: &Doc, kind: &str) -> Result<Option<Vec<Doc>>, Stop> {
    let Some(kind) = Kind::named(kind) else { return Ok(None) };
    let request = Target::new(kind, &namespace["metadata"]["name"].str(), "").get();
    let response = sheet.io.request(request)?;
    Ok(response.is_success().then(|| response.body["items"].items().to_vec()))
}

pub fn quotas(sheet: &mut Sheet<'_, '_>, namespace: &Doc, _: &str) -> Result<(), Stop> {
    let Some(mut quotas) = inside(sheet, namespace, "resourcequotas")? else { return Ok(()) };
    sheet.line(0, "");
    if quotas.is_empty() {
        sheet.line(0, "No resource quota.");
        return Ok(());
    }
    sort_by_key(&mut quotas, |quota| quota["metadata"]["name"].str());
    sheet.line(0, "Resource Quotas");
    for quota in &quotas {
        sheet.line(1, format!("Name:\t{}", quota["metadata"]["name"].str()));
        scoped(sheet, quota, 1, "* ");
        sheet.line(1, "Resource\tUsed\tHard");
        sheet.line(1, "--------\t---\t---");
        used(sheet, quota, 1);
    }
    Ok(())
}

pub fn scopes(sheet: &mut Sheet<'_, '_>, quota: &Doc, _: &str) -> Result<(), Stop> {
    scoped(sheet, quota, 0, " * ");
    Ok(())
}

fn scoped(sheet: &mut Sheet<'_, '_>, quota: &Doc, level: usize, mark: &str) {
    let scopes = sorted(quota["spec"]["scopes"].items().iter().map(bare).collect());
    if !scopes.is_empty() {
        sheet.line(level, format!("Scopes:\t{}", scopes.join(", ")));
    }
    for scope in scopes {
        if let Some((_, help)) = SCOPES.iter().find(|(name, _)| *name == scope) {
            sheet.line(level, format!("{mark}{help}"));
        }
    }
}

pub fn usage(sheet: &mut Sheet<'_, '_>, quota: &Doc, _: &str) -> Result<(), Stop> {
    used(sheet, quota, 0);
    Ok(())
}

fn used(sheet: &mut Sheet<'_, '_>, quota: &Doc, level: usize) {
    let status = &quota["status"];
    for (name, hard) in status["hard"].entries() {
        let used = canonical(&status["used"][name.as_str()]).unwrap_or_else(|| "0".into());
        sheet.line(level, format!("{name}\t{used}\t{}", canonical(hard).unwrap_or_default()));
    }
}

pub fn limits(sheet: &mut Sheet<'_, '_>, namespace: &Doc, _: &str) -> Result<(), Stop> {
    let Some(ranges) = inside(sheet, namespace, "limitranges")? else { return Ok(()) };
    sheet.line(0, "");
    if ranges.is_empty() {
        sheet.line(0, "No LimitRange resource.");
        return Ok(());
    }
    sheet.line(0, "Resource Limits");
    sheet.line(0, " Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio");
    sheet.line(0, " ----\t--------\t---\t---\t---------------\t-------------\t-----------------------");
    ranges.iter().for_each(|range| limited(sheet, range, " "));
    Ok(())
}

pub fn limit_range(sheet: &mut Sheet<'_, '_>, range: &Doc, _: &str) -> Result<(), Stop> {
    limited(sheet, range, "");
    Ok(())
}

fn limited(sheet: &mut Sheet<'_, '_>, range: &Doc, indent: &str) {
    const FIELDS: [&str; 5] = ["min", "max", "defaultRequest", "default", "maxLimitRequestRatio"];
    for limit in range["spec"]["limits"].items() {
        let names = FIELDS.iter().flat_map(|field| limit[*field].entries());
        let mut names = sorted(names.map(|(name, _)| name.to_string()).collect());
        names.dedup();
        for name in names {
            let mut line = format!("{indent}{}\t{name}", limit["type"].str());
            for field in FIELDS {
                let value = canonical(&limit[field][name.as_str()]).unwrap_or_else(|| "-".into());
                line.push_str(&format!("\t{value}"));
            }
            sheet.line(0, line);
        }
    }
}

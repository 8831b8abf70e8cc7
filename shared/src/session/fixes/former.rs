//! Fields of versions that are gone.

use super::scene::{Fault, get, spaces};
use super::{Edit, Fix};
use crate::doc::{Doc, Path, Segment};
use crate::manifest::Span;

fn is_ingress(fault: &Fault) -> bool {
    fault.document.is_some_and(|document| document.doc["kind"].str() == "Ingress")
}

/// `serviceName` and `servicePort`, which an Ingress had until `networking.k8s.io/v1`.
pub(super) fn backend(fault: &Fault) -> Vec<Fix> {
    let of_backend = fault.unknown().filter(|(field, _)| matches!(*field, "serviceName" | "servicePort"));
    let (Some((_, owner)), true) = (of_backend, is_ingress(fault)) else { return Vec::new() };
    rewritten(fault, owner).map_or_else(Vec::new, |edits| vec![Fix::new("fix_value", "service:", edits)])
}

/// The first of the two lines becomes all that is new, the other goes.
fn rewritten(fault: &Fault, owner: &[Segment]) -> Option<Vec<Edit>> {
    let document = fault.document?;
    let old = get(&document.doc, owner);
    let path = |field: &str| Path([owner, &[Segment::Key(field.into())]].concat());
    let written = |field: &str| {
        let Span { start, end } = document.spans.value(&path(field));
        let line = fault.lines.get(start.line);
        let (from, to) = (start.column as usize - 1, end.column as usize - 1);
        let text: String = line.chars().take(to).skip(from).collect();
        (start.line == end.line && !old[field].is_null()).then_some(text)
    };
    let name = written("serviceName")?;
    let port = written("servicePort");
    let kind = match &old["servicePort"] {
        Doc::Str(name) if name.parse::<u16>().is_err() => "name",
        _ => "number",
    };
    let port =
        port.map(|port| if kind == "number" { port.trim_matches(['"', '\'']).to_owned() } else { port });
    let first = document.spans.key(&path("serviceName")).start;
    let end = document.spans.value(&path("serviceName")).end;
    let deeper =
        |levels: usize| format!("\n{}", spaces(first.column as usize - 1 + levels * fault.lines.unit()));
    let mut text = format!("service:{}name: {name}", deeper(1));
    if let Some(port) = &port {
        text.push_str(&format!("{}port:{}{kind}: {port}", deeper(1), deeper(2)));
    }
    let mut edits = vec![Edit { from: (first.line, first.column), to: (end.line, end.column), text }];
    if port.is_some() {
        let line = document.spans.key(&path("servicePort")).start.line;
        edits.push(fault.lines.removed(line, line));
    }
    Some(edits)
}

/// `spec.backend`, now `spec.defaultBackend`.
pub(super) fn default_backend(fault: &Fault) -> Vec<Fix> {
    match fault.unknown() {
        Some(("backend", [Segment::Key(spec)])) if &**spec == "spec" && is_ingress(fault) => {
            vec![Fix::new("fix_rename", "defaultBackend", fault.put("defaultBackend"))]
        }
        _ => Vec::new(),
    }
}

//! `kubectl certificate approve` and `deny`

use crate::cluster::HttpRequest;
use crate::doc;
use crate::doc::{Doc, Timestamp};

use super::args::{Args, Flag, switch, value};
use super::failure::Failure;
use super::io::{Io, Stop};
use super::resource::{Target, objects};

pub(super) const FLAGS: &[Flag] = &[value("selector", Some('l')), switch("all", None), switch("force", None)];

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let Some((verb, names)) = args.words.split_first() else {
        return super::help::parts("certificate", io);
    };
    let (kind, done) = match verb.as_str() {
        "approve" => ("Approved", "approved"),
        "deny" => ("Denied", "denied"),
        _ => return super::help::parts("certificate", io),
    };
    if names.is_empty() && args.get("selector").is_none() && !args.is_on("all") {
        return Err(io.fail("one or more CSRs must be specified as <name> or -f <filename>"));
    }
    let mut words = vec!["csr".to_owned()];
    words.extend(names.iter().map(|name| {
        let name = name.as_str();
        name.strip_prefix("csr/")
            .or(name.strip_prefix("certificatesigningrequest/"))
            .unwrap_or(name)
            .to_owned()
    }));
    let mut failures = Vec::new();
    for (target, request) in objects(&words, args, io, &mut failures)? {
        let conditions = request["status"]["conditions"].items();
        let known = conditions.iter().any(|condition| condition["type"].as_str() == Some(kind));
        if !known || args.is_on("force") {
            let decided = decided(request, kind, known, verb, io.started);
            if !send(&target, &decided, io, &mut failures)? {
                continue;
            }
        }
        io.say(format!("{} {done}", target.display()));
    }
    io.finish(failures)
}

/// The request with what was decided about it.
fn decided(mut request: Doc, kind: &str, known: bool, verb: &str, now: Timestamp) -> Doc {
    if known {
        return request;
    }
    let reason = if verb == "deny" { "KubectlDeny" } else { "KubectlApprove" };
    let condition = doc!({
        "type": kind, "status": "True", "reason": reason, "lastUpdateTime": Doc::Time(now.floor_seconds()),
        "message": format!("This CSR was {} by kubectl certificate {verb}.", kind.to_lowercase())
    });
    request.at_mut(&["status", "conditions"]).items_mut().push(condition);
    request
}

fn send(target: &Target, request: &Doc, io: &mut Io<'_>, failures: &mut Vec<Failure>) -> Result<bool, Stop> {
    let response = io.request(HttpRequest {
        method: "PUT".into(),
        path: format!("{}/approval?fieldManager=kubectl-certificate", target.path()).into(),
        body: request.to_json().into(),
        ..HttpRequest::default()
    })?;
    if !response.is_success() {
        failures.push(Failure::of(&response));
    }
    Ok(response.is_success())
}

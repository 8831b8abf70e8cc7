//! `kubectl certificate approve` and `deny`

use crate::cluster::HttpRequest;
use crate::doc;
use crate::doc::{Doc, Timestamp};

use super::args::{Args, Flag, output, switch, value};
use super::failure::Failure;
use super::get::typed;
use super::io::{Io, Stop};
use super::printer::Format;
use super::resource::{Target, objects};

pub(super) const FLAGS: &[Flag] = &[
    value("filename", Some('f')),
    value("selector", Some('l')),
    switch("all", None),
    switch("force", None),
    output(),
];

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let Some((verb, names)) = args.words.split_first() else {
        return super::help::parts("certificate", io);
    };
    let (kind, done) = match verb.as_str() {
        "approve" => ("Approved", "approved"),
        "deny" => ("Denied", "denied"),
        _ => return super::help::parts("certificate", io),
    };
    let format = Format::asked(args, io)?;
    let from_file = args.get("filename").is_some();
    if names.is_empty() && !from_file && args.get("selector").is_none() && !args.is_on("all") {
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
    let words = if from_file { &names[..0] } else { &words };
    let mut failures = Vec::new();
    for (target, request) in objects(words, args, io, &mut failures)? {
        let conditions = request["status"]["conditions"].items();
        let is = |kind: &str| conditions.iter().any(|condition| condition["type"].as_str() == Some(kind));
        let known = is(kind);
        if let Some(other) = ["Approved", "Denied"].into_iter().find(|other| *other != kind && is(other)) {
            let name = &target.name;
            failures
                .push(Failure::Client(format!("certificate signing request {name:?} is already {other}")));
            continue;
        }
        let mut shown = request.clone();
        if !known || args.is_on("force") {
            match send(&target, &decided(request, kind, known, verb, io.started), io, &mut failures)? {
                Some(made) => shown = made,
                None => continue,
            }
        }
        match &format {
            None => io.say(format!("{} {done}", target.display())),
            Some(Format::Name) => io.say(target.display()),
            Some(format) => {
                shown = typed(&target, &shown);
                shown.at_mut(&["metadata"]).remove("managedFields");
                format.show(&shown, true, io)?;
            }
        }
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
    request.at_mut(&["status", "conditions"]).edit_items().push(condition);
    request
}

/// Sends what was decided; what came back, unless it was refused.
fn send(
    target: &Target,
    request: &Doc,
    io: &mut Io<'_>,
    failures: &mut Vec<Failure>,
) -> Result<Option<Doc>, Stop> {
    let response = io.request(HttpRequest {
        method: "PUT".into(),
        path: format!("{}/approval?fieldManager=kubectl-certificate", target.path()).into(),
        body: request.to_json().into(),
        ..HttpRequest::default()
    })?;
    if response.is_success() {
        return Ok(Some(response.body));
    }
    failures.push(Failure::of(&response));
    Ok(None)
}

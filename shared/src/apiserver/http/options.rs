//! What the query of a request may say, and what stands in for it in the body of a deletion.

use crate::api::apiextensions::structural;
use crate::api::validation::{Faults, names};
use crate::api::{CauseDetail, DeleteOptions, Pages, PatchKind, Propagation, Reason, Status, Verb, is_on};
use crate::doc::Doc;
use crate::schema;

use super::super::page;
use super::{HttpRequest, body};

/// The most operations in a JSON patch.
const MOST_OPERATIONS: usize = 10_000;

/// The value of a parameter, if it is there.
pub(super) type Values<'a> = dyn Fn(&str) -> Option<&'a str> + 'a;

/// 413 `Request entity too large: …`
pub(super) fn too_large(why: &str) -> Status {
    Status::new(Reason::RequestEntityTooLarge, format!("Request entity too large: {why}"))
}

/// Options that make no sense are refused as objects are.
pub(super) fn invalid(kind: &'static str, causes: Vec<CauseDetail>) -> Status {
    let faults: Vec<String> =
        causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
    let list = if faults.len() == 1 { faults[0].clone() } else { format!("[{}]", faults.join(", ")) };
    Status {
        causes,
        group: "meta.k8s.io".into(),
        kind: kind.into(),
        ..Status::new(Reason::Invalid, format!("{kind}.meta.k8s.io \"\" is invalid: {list}"))
    }
}

/// Whoever applies must say who they are.
pub(super) fn missing_manager() -> Status {
    let mut faults = Faults::default();
    faults.required("fieldManager", "is required for apply patch");
    invalid("PatchOptions", faults.0)
}

/// Whether options of a deletion want nothing to become of it.
pub(super) fn is_dry(options: &Doc) -> bool {
    options["dryRun"].items().iter().any(|what| what.as_str() == Some("All"))
}

/// Numbers of lists and watches that are none.
pub(super) fn check_numbers(value: &Values<'_>) -> Result<(), Status> {
    let given = ["limit", "timeoutSeconds", "gracePeriodSeconds"].into_iter().filter_map(value);
    match given.filter(|text| !text.is_empty()).find(|text| text.parse::<i64>().is_err()) {
        Some(text) => {
            Err(Status::bad_request(format!("strconv.ParseInt: parsing {}: invalid syntax", Doc::from(text))))
        }
        None => Ok(()),
    }
}

/// `resourceVersion` of what is read.
pub(super) fn revision(text: &str) -> Result<u64, Status> {
    text.parse().map_err(|_| {
        let shown = Doc::from(text);
        let why = format!("strconv.ParseUint: parsing {shown}: invalid syntax");
        Status::new(Reason::Unknown, format!("resourceVersion: Invalid value: {shown}: {why}"))
    })
}

/// Which part of a list is wanted, as of when.
pub(super) fn pages(value: &Values<'_>) -> Result<Pages, Status> {
    let set = |name: &str| value(name).filter(|text| !text.is_empty());
    let (at, how, token) = (set("resourceVersion"), set("resourceVersionMatch"), set("continue"));
    let mut faults = Faults::default();
    let field = "resourceVersionMatch";
    if let Some(how) = how {
        if token.is_some() {
            faults.forbidden(field, "resourceVersionMatch is forbidden when continue is provided");
        }
        match (how, at) {
            (_, None) => {
                faults
                    .forbidden(field, "resourceVersionMatch is forbidden unless resourceVersion is provided");
            }
            ("Exact", Some("0")) => {
                let why = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
                faults.forbidden(field, why);
            }
            ("Exact" | "NotOlderThan", _) => {}
            (other, _) => faults.not_supported(field, &Doc::from(other), &["Exact", "NotOlderThan", ""]),
        }
    }
    if set("sendInitialEvents").is_some() {
        faults.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
    }
    if !faults.0.is_empty() {
        return Err(invalid("ListOptions", faults.0));
    }
    if token.is_some() && at.is_some_and(|at| at != "0") {
        return Err(Status::bad_request("specifying resource version is not allowed when using continue"));
    }
    // What is less than nothing bounds nothing.
    let limit = set("limit").filter(|limit| !limit.starts_with('-'));
    let limit = limit.and_then(|limit| limit.parse().ok()).unwrap_or(0);
    let at = at.map(revision).transpose()?;
    Ok(match (at, token) {
        // Whatever the server has at hand, which is all.
        (Some(0), None) => Pages::default(),
        (at, token) => Pages {
            limit,
            after: token.map(page::read_token).transpose()?,
            at: at.filter(|at| *at > 0).map(|at| (at, how == Some("Exact") || how.is_none() && limit > 0)),
        },
    })
}

/// How long the asker waits: nothing here takes so long, but it has to be a time.
pub(super) fn check_timeout(text: &str) -> Result<(), Status> {
    if text.is_empty() || structural::fits("duration", text) == Some(true) {
        return Ok(());
    }
    let digits = text.trim_start_matches(['+', '-']);
    let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let why = if number { "missing unit in duration" } else { "invalid duration" };
    Err(Status::bad_request(format!("invalid timeout specified in the request URL - time: {why} {text:?}")))
}

/// Parameters of writes that Kubernetes does not know.
pub(super) fn check(verb: Verb, value: &Values<'_>) -> Result<(), Status> {
    let kind = match verb {
        Verb::Create => "CreateOptions",
        Verb::Update => "UpdateOptions",
        Verb::Patch(_) => "PatchOptions",
        Verb::Delete | Verb::DeleteCollection => "DeleteOptions",
        Verb::Get | Verb::List | Verb::Watch => return Ok(()),
    };
    let mut faults = Faults::default();
    if let Some(manager) = value("fieldManager") {
        let field = Doc::from(manager);
        if manager.len() > 128 {
            faults.add(
                "FieldValueTooLong",
                "fieldManager",
                "Too long: may not be more than 128 bytes".into(),
            );
        }
        for (at, odd) in manager.char_indices().filter(|(_, letter)| letter.is_control()) {
            let why = format!("invalid character U+{:04X} (at position {at})", u32::from(odd));
            faults.invalid("fieldManager", &field, &why);
        }
    }
    if value("force").is_some_and(is_on) && verb != Verb::Patch(PatchKind::Apply) {
        faults.forbidden("force", "may not be specified for non-apply patch");
    }
    if let Some(dry) = value("dryRun").filter(|dry| !dry.is_empty() && *dry != "All") {
        faults.not_supported("dryRun", &Doc::list([dry]), &["All"]);
    }
    if let Some(validation) = value("fieldValidation")
        && !["", "Ignore", "Warn", "Strict"].contains(&validation)
    {
        faults.not_supported("fieldValidation", &Doc::from(validation), &["Ignore", "Warn", "Strict"]);
    }
    if faults.0.is_empty() { Ok(()) } else { Err(invalid(kind, faults.0)) }
}

/// Patches are of the shape that their media type says, and bounded.
pub(super) fn check_patch(kind: PatchKind, patch: &Doc) -> Result<(), Status> {
    let found = crate::schema::go_kind(patch);
    match (kind, patch) {
        (PatchKind::Json, Doc::List(operations)) if operations.len() > MOST_OPERATIONS => {
            Err(too_large(&format!(
                "The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {}",
                operations.len()
            )))
        }
        (PatchKind::Json, Doc::List(_) | Doc::Null)
        | (PatchKind::Merge | PatchKind::Strategic, Doc::Map(_) | Doc::Null) => Ok(()),
        (PatchKind::Json, _) => Err(Status::bad_request(format!(
            "error decoding patch: json: cannot unmarshal {found} into Go value of type []handlers.jsonPatchOp"
        ))),
        (PatchKind::Strategic, _) => Err(Status::bad_request(format!(
            "json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
        ))),
        _ => Err(Status::bad_request(format!(
            "error decoding patch: json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
        ))),
    }
}

/// The operations of a JSON patch are objects with texts in them.
pub(super) fn check_operations(kind: PatchKind, patch: &Doc) -> Result<(), Status> {
    let operations = if kind == PatchKind::Json { patch.items() } else { &[] };
    for operation in operations {
        let wrong = match operation {
            Doc::Null => None,
            Doc::Map(_) => ["op", "path", "from"]
                .into_iter()
                .find(|field| !matches!(operation[*field], Doc::Null | Doc::Str(_)))
                .map(|field| (&operation[field], format!("struct field jsonPatchOp.{field} of type string"))),
            _ => Some((operation, "value of type handlers.jsonPatchOp".to_owned())),
        };
        if let Some((value, of)) = wrong {
            let found = crate::schema::go_kind(value);
            let why = format!("error decoding patch: json: cannot unmarshal {found} into Go {of}");
            return Err(Status::bad_request(why));
        }
    }
    Ok(())
}

/// What is said to who deletes Jobs without a word about their pods.
pub(super) const PODS_ARE_KEPT: &str = "child pods are preserved by default when jobs are deleted; \
    set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning";

/// The options in the body of a deletion; it may have none.
pub(super) fn delete_body(http: &HttpRequest) -> Result<Doc, Status> {
    if http.body.is_empty() {
        return Ok(Doc::Null);
    }
    let doc = body::read(http, "DeleteOptions")?.doc;
    body::check_object(&doc, "DeleteOptions")?;
    let kind = doc["kind"].str();
    if !kind.is_empty() && kind != "DeleteOptions" {
        let shown = Doc::from(&kind);
        return Err(Status::bad_request(format!(
            "decoded object cannot be converted to DeleteOptions: {shown}"
        )));
    }
    Ok(doc)
}

/// How to delete.
pub(super) fn delete_options(body: &Doc, value: &Values<'_>) -> Result<DeleteOptions, Status> {
    if !matches!(body["gracePeriodSeconds"], Doc::Null | Doc::Int(_)) {
        let found = schema::go_kind(&body["gracePeriodSeconds"]);
        return Err(Status::bad_request(format!(
            "json: cannot unmarshal {found} into Go struct field DeleteOptions.gracePeriodSeconds of type int64"
        )));
    }
    let mut faults = Faults::default();
    let policy = match (&body["propagationPolicy"], value("propagationPolicy")) {
        (Doc::Null, Some(policy)) => Doc::from(policy),
        (policy, _) => policy.clone(),
    };
    let orphan = match (body["orphanDependents"].as_bool(), value("orphanDependents")) {
        (None, Some(orphan)) => Some(is_on(orphan)),
        (orphan, _) => orphan,
    };
    if orphan.is_some() && !policy.is_null() {
        let why = "orphanDependents and deletionPropagation cannot be both set";
        faults.invalid("propagationPolicy", &policy, why);
    }
    let propagation = match (policy.as_str(), orphan) {
        (Some("Foreground"), _) => Some(Propagation::Foreground),
        (Some("Orphan"), _) | (None, Some(true)) => Some(Propagation::Orphan),
        (Some("Background"), _) | (None, Some(false)) => Some(Propagation::Background),
        (None, None) => None,
        _ => {
            let known = ["Foreground", "Background", "Orphan", "nil"];
            faults.not_supported("propagationPolicy", &policy, &known);
            None
        }
    };
    if !faults.0.is_empty() {
        return Err(invalid("DeleteOptions", faults.0));
    }
    let seconds = value("gracePeriodSeconds").and_then(|text| text.parse().ok());
    let said = body["preconditions"]["uid"].str();
    let uid = body["preconditions"]["uid"].as_str().map(crate::api::Uid::parse);
    Ok(DeleteOptions {
        no_uid: if uid.is_some_and(|uid| uid.text() != said) { said } else { Default::default() },
        uid,
        grace_period_seconds: body["gracePeriodSeconds"].as_i64().or(seconds),
        propagation,
        resource_version: body["preconditions"]["resourceVersion"]
            .as_str()
            .and_then(|text| text.parse().ok()),
    })
}

/// What no object can be called, since it would not be a part of a path.
pub(super) fn check_path_segment(name: &str) -> Result<(), Status> {
    let why = names::path_segment(name);
    if why.is_empty() {
        return Ok(());
    }
    Err(Status::bad_request(format!("Name parameter invalid: {name:?}: {}", why.join(";"))))
}

/// 415: what nobody has merge keys for cannot be merged by them.
pub(super) fn no_strategic_patch() -> Status {
    let message = "the body of the request was in an unknown format - accepted media types include: \
                   application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
    Status::new(Reason::UnsupportedMediaType, message)
}

/// 406: what answers a question has no rows and no metadata.
pub(super) fn not_acceptable() -> Status {
    let message = "only the following media types are accepted: application/json, application/yaml, \
                   application/vnd.kubernetes.protobuf, application/cbor";
    Status::new(Reason::NotAcceptable, message)
}

/// 406: of a watch.
pub(super) fn not_streamed() -> Status {
    let message = "only the following media types are accepted: application/json;stream=watch, \
                   application/vnd.kubernetes.protobuf;stream=watch";
    Status::new(Reason::NotAcceptable, message)
}

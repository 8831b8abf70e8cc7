//! `kubectl apply --server-side`

use crate::cluster::{HttpRequest, HttpResponse};
use crate::doc;
use crate::doc::Doc;

use super::apply::Mode;
use super::args::Args;
use super::failure::Failure;
use super::io::{Io, Stop};
use super::manifests::Wanted;
use super::resource::{Target, escape};

/// Who applied on the client's side; what it owns is taken over.
const CLIENT_SIDE: &str = "kubectl-client-side-apply";

const ADVICE: &str = "\
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the `--force-conflicts` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts";

/// Applies one object and says what came of it.
pub(super) fn apply(
    wanted: &Wanted,
    mode: &Mode,
    args: &Args,
    io: &mut Io<'_>,
) -> Result<Result<(), Failure>, Stop> {
    let (target, query) = (&wanted.target, mode.validation());
    let manager = args.get("field-manager").filter(|name| !name.is_empty()).unwrap_or("kubectl");
    let force = args.is_on("force-conflicts");
    let send = |io: &mut Io<'_>| {
        io.request(HttpRequest {
            method: "PATCH".into(),
            path: format!("{}{query}&fieldManager={}&force={force}", target.path(), escape(manager)).into(),
            content_type: "application/apply-patch+yaml".into(),
            body: wanted.doc.to_json().into(),
            ..HttpRequest::default()
        })
    };
    let mut response = send(io)?;
    if response.is_success() && !query.contains("dryRun") && migrate(target, manager, &response, io)? {
        response = send(io)?;
    }
    if !response.is_success() {
        return Ok(Err(refusal(&response)));
    }
    mode.tell(target, "serverside-applied", &response.body, io)?;
    Ok(Ok(()))
}

fn refusal(response: &HttpResponse) -> Failure {
    let failure = Failure::of(response);
    if failure.is("Conflict") {
        return Failure::Client(format!("{}\n{ADVICE}", response.body["message"].str()));
    }
    failure
}

/// How often the taking over is tried again when somebody else was faster.
const MOST_TRIES: u32 = 5;

/// What this applier owns by its client-side applies becomes its own; true when there was such.
fn migrate(target: &Target, manager: &str, applied: &HttpResponse, io: &mut Io<'_>) -> Result<bool, Stop> {
    let mut object = applied.body.clone();
    for _ in 0..MOST_TRIES {
        let Some(patch) = taken_over(&object, manager) else { return Ok(false) };
        if io.request(target.patch("json", manager, &patch))?.is_success() {
            return Ok(true);
        }
        object = io.request(target.get())?.body;
    }
    Ok(false)
}

/// The patch after which the client-side applier owns nothing any more; none when it owns nothing now.
fn taken_over(object: &Doc, manager: &str) -> Option<Doc> {
    let managed = object["metadata"]["managedFields"].items();
    let is_old = |entry: &Doc| {
        entry["manager"].as_str() == Some(CLIENT_SIDE) && entry["operation"].as_str() == Some("Update")
    };
    let old = managed.iter().find(|entry| is_old(entry))?;
    let entries = managed.iter().filter(|entry| !is_old(entry)).map(|entry| {
        let mut entry = entry.clone();
        if entry["manager"].as_str() == Some(manager) && entry["operation"].as_str() == Some("Apply") {
            entry.set("fieldsV1", union(&entry["fieldsV1"], &old["fieldsV1"]));
        }
        entry
    });
    Some(doc!([
        { "op": "replace", "path": "/metadata/managedFields", "value": Doc::list(entries) },
        { "op": "replace", "path": "/metadata/resourceVersion",
          "value": object["metadata"]["resourceVersion"].clone() }
    ]))
}

/// Both sets of fields in one.
fn union(a: &Doc, b: &Doc) -> Doc {
    let mut all = a.clone();
    for (step, below) in b.entries() {
        let both = union(&a[step.as_str()], below);
        all.set(step.clone(), both);
    }
    if a.entries().is_empty() && b.entries().is_empty() { Doc::map() } else { all }
}

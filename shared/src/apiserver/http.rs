//! The outer face of the API server: HTTP requests in, JSON out.

pub(super) mod base64;
mod body;
mod form;
mod node_request;
mod options;
mod proxy_request;
mod watcher;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::apiextensions::customresource::CustomResources;
use crate::api::{
    DeleteOptions, FieldSelector, FieldValidation, Kind, LabelSelector, Pages, PatchKind, Reason, Reply,
    Request, RequestOptions, Status, Subresource, User, Verb, is_on, percent_decode, query,
};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::{Doc, Str, Timestamp};
use crate::etcd::Store;

use super::versions::Twin;
use super::{aggregate, authorization, definitions, discovery};
use form::Form;

pub(super) use body::unlike;
pub(super) use node_request::{exec_doc, stream_input};
pub use node_request::{exec_request, exec_result, log_request};
pub use watcher::{Told, Watcher};

/// The largest body the server reads, in bytes.
pub const MAX_BODY: u64 = 3 << 20;

/// The longest path with its query, in bytes.
const MAX_PATH: usize = 1 << 20;

/// A request as it came in.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpRequest {
    /// The method, in capitals.
    pub method: Str,
    /// Path and query: `/api/v1/namespaces/default/pods?limit=500`.
    pub path: Str,
    /// Media type of the body; empty counts as JSON.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub content_type: Str,
    /// Media types the client takes; empty for any.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub accept: Str,
    /// For whom the client speaks (`Impersonate-User`); empty for itself.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub impersonate: Str,
    /// The groups that they are in (`Impersonate-Group`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub impersonate_groups: Vec<Str>,
    /// Their UID (`Impersonate-Uid`).
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub impersonate_uid: Str,
    /// What else is known of them (`Impersonate-Extra-…`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub impersonate_extra: BTreeMap<Str, Vec<Str>>,
    /// Who the client is, where it is not the person at the keyboard: `Bearer …`.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub authorization: Str,
    /// The body.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub body: Str,
}

/// The answer to an [`HttpRequest`].
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct HttpResponse {
    /// HTTP status; 0 when no server answered.
    pub code: u32,
    /// The body; text where it is no JSON.
    pub body: Doc,
    /// What the server warns of (`Warning: 299 - "…"`).
    pub warnings: Vec<Str>,
}

impl HttpResponse {
    /// Whether the request succeeded.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.code)
    }
}

impl From<&Status> for HttpResponse {
    fn from(status: &Status) -> HttpResponse {
        let code = if status.transport { 0 } else { status.reason.code() };
        let body = status.bare_text().map_or_else(|| status.to_doc(), Doc::from);
        HttpResponse { code, body, warnings: Vec::new() }
    }
}

/// Reads an HTTP request; `store` has the definitions of what else is served.
///
/// # Errors
/// What the API server answers to a request it cannot make sense of.
pub fn decode(http: &HttpRequest, user: User, store: &Store) -> Result<Request, Status> {
    let asker = user.clone();
    read(http, user, store).map_err(|status| {
        let refused = authorization::authorize_unread(&asker, http, store);
        refused.err().unwrap_or(status)
    })
}

fn read(http: &HttpRequest, user: User, store: &Store) -> Result<Request, Status> {
    if http.body.len() as u64 > MAX_BODY {
        return Err(options::too_large(&format!("limit is {MAX_BODY}")));
    }
    if http.path.len() > MAX_PATH {
        return Err(options::too_large(&format!("limit is {MAX_PATH}")));
    }
    let (path, query) = http.path.split_once('?').unwrap_or((&http.path, ""));
    let query = self::query(query);
    let value = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let mut target =
        route(path, store).map_err(|status| aggregate::no_server(path, store).unwrap_or(status))?;
    if target.subresource == Subresource::Document && value("verbose").is_some() {
        target.name = discovery::verbose(&target.name);
    }
    if target.subresource == Subresource::Proxy {
        return proxy_request::decode(http, user, target);
    }
    let watches = target.watch || target.name.is_empty() && value("watch").is_some_and(is_on);
    let verb = verb(http, &target, watches)?;
    let is_custom = target.custom.is_some() && target.subresource != Subresource::Scale;
    if !target.subresource.is_as_it_is() && !Form::is_known(&http.accept, is_custom) {
        return Err(options::not_acceptable());
    }
    if verb.is_read() {
        Form::check(http)?;
    }
    if verb == Verb::Watch && !Form::is_streamed(&http.accept) {
        return Err(options::not_streamed());
    }
    let twin = Twin::at(path);
    let validation = match value("fieldValidation") {
        Some("Strict") => FieldValidation::Strict,
        Some("Ignore") => FieldValidation::Ignore,
        _ => FieldValidation::Warn,
    };
    let mut options = RequestOptions {
        labels: LabelSelector::parse(value("labelSelector").unwrap_or("")).map_err(Status::bad_request)?,
        fields: fields(twin, value("fieldSelector").unwrap_or(""))?,
        resource_version: value("resourceVersion")
            .and_then(|text| text.parse().ok())
            .filter(|&number| number > 0 || verb != Verb::Watch),
        dry_run: value("dryRun") == Some("All"),
        field_manager: value("fieldManager").unwrap_or("").into(),
        force: value("force").is_some_and(is_on),
        validation,
        warnings: Vec::new(),
        delete: DeleteOptions::default(),
        watch: 0,
        pages: Pages::default(),
        custom: target.custom.clone().map(Arc::new),
    };
    let custom = target.custom.as_ref();
    options::check(verb, &value)?;
    if verb != Verb::Watch && !target.subresource.is_as_it_is() {
        value("timeout").map(options::check_timeout).transpose()?;
    }
    if matches!(verb, Verb::List | Verb::Watch | Verb::Delete | Verb::DeleteCollection) {
        options::check_numbers(&value)?;
    }
    let of_one = verb == Verb::Get && matches!(target.subresource, Subresource::None | Subresource::Status);
    if of_one || matches!(verb, Verb::List | Verb::Watch) {
        value("resourceVersion").filter(|text| !text.is_empty()).map(options::revision).transpose()?;
    }
    let whole = matches!(target.subresource, Subresource::None)
        || matches!(
            target.subresource,
            Subresource::Status
                | Subresource::Finalize
                | Subresource::Approval
                | Subresource::EphemeralContainers
                | Subresource::Resize
        ) && verb == Verb::Update;
    let body = match verb {
        _ if target.subresource == Subresource::Log => node_request::log_options(&query)?,
        _ if target.subresource.is_connection() => node_request::connection_options(&query, &http.body),
        Verb::Get if target.subresource == Subresource::Document => Doc::from(&http.accept),
        Verb::Get | Verb::List | Verb::Watch => Doc::Null,
        Verb::Delete | Verb::DeleteCollection => {
            let body = options::delete_body(http)?;
            options.dry_run |= options::is_dry(&body);
            options.delete = options::delete_options(&body, &value)?;
            if target.kind == Kind::Job && options.delete.propagation.is_none() {
                options.warnings.push(options::PODS_ARE_KEPT.into());
            }
            Doc::Null
        }
        Verb::Create | Verb::Update if whole => {
            let mut body = body::read(http, target.kind.info().kind)?;
            body::check_type(&body.doc, target.kind, twin)?;
            options.warnings = body.check_fields(target.kind, custom, twin, validation)?;
            body.doc
        }
        Verb::Create | Verb::Update => {
            let of = target.subresource.body_kind();
            let body = body::read(http, of)?.doc;
            body::check_object(&body, of)?;
            if target.subresource == Subresource::Scale {
                options.warnings = body::check_scale(&body, validation)?;
            }
            if target.subresource == Subresource::Eviction {
                if body["metadata"]["name"].str() != target.name {
                    return Err(Status::bad_request("name in URL does not match name in Eviction object"));
                }
                options.dry_run |= options::is_dry(&body["deleteOptions"]);
                options.delete = options::delete_options(&body["deleteOptions"], &|_| None)?;
            }
            body
        }
        Verb::Patch(PatchKind::Apply) => {
            let read = body::read_patch(http, true)?;
            options.warnings.extend(read.applied_twice(validation)?);
            let body = read.doc;
            body::check_applied_type(&body, target.kind, twin, target.subresource)?;
            if options.field_manager.is_empty() {
                return Err(options::missing_manager());
            }
            body
        }
        Verb::Patch(kind) => {
            let mut body = body::read_patch(http, false)?;
            if custom.is_some() && kind == PatchKind::Strategic {
                return Err(options::no_strategic_patch());
            }
            options::check_patch(kind, &body.doc)?;
            if validation != FieldValidation::Ignore {
                options::check_operations(kind, &body.doc)?;
                options.warnings = body.patch_faults(kind);
            }
            twin.inspect(|twin| twin.mark(Some(kind), &mut body.doc));
            body.doc
        }
    };
    let deprecation = match custom {
        Some(custom) => custom.deprecation().clone(),
        None => target.kind.resource().deprecation().into(),
    };
    if !deprecation.is_empty() {
        options.warnings.push(deprecation);
    }
    if matches!(verb, Verb::Create | Verb::Update | Verb::Patch(_)) {
        let warning = target.kind.resource().creation_warning();
        if !warning.is_empty() {
            options.warnings.push(warning.into());
        }
    }
    if matches!(verb, Verb::List | Verb::DeleteCollection) {
        options.pages = options::pages(&value)?;
    }
    let name = match target.subresource {
        Subresource::Binding if target.name.is_empty() => body["metadata"]["name"].str(),
        _ => target.name,
    };
    Ok(Request {
        user,
        verb,
        kind: target.kind,
        namespace: target.namespace,
        name,
        subresource: target.subresource,
        said: None,
        body,
        options,
    })
}

/// The fields that a client selects by, as they are called where they are kept.
fn fields(twin: Option<Twin>, text: &str) -> Result<FieldSelector, Status> {
    let mut selector = FieldSelector::parse(text).map_err(Status::bad_request)?;
    if let Some(twin) = twin {
        selector.0.iter_mut().for_each(|(field, ..)| *field = twin.kept_field(field));
    }
    Ok(selector)
}

struct Target {
    kind: Kind,
    namespace: Str,
    name: Str,
    subresource: Subresource,
    /// What its definition says, where the kind is one that people defined.
    custom: Option<CustomResources>,
    /// The path itself says that it is to be watched, as those of old clients do (`/api/v1/watch/pods`).
    watch: bool,
}

impl Target {
    fn new(kind: Kind, namespace: &str, name: &str, subresource: Subresource) -> Target {
        let (namespace, name) = (namespace.into(), name.into());
        Target { kind, namespace, name, subresource, custom: None, watch: false }
    }
}

fn route(path: &str, store: &Store) -> Result<Target, Status> {
    let parts: Vec<String> = path.trim_matches('/').split('/').map(percent_decode).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    if discovery::is_document(&parts, store) {
        return Ok(Target::new(Kind::Namespace, "", &parts.join("/"), Subresource::Document));
    }
    let (group, version, rest) = match parts.as_slice() {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return Err(Status::unknown_path()),
    };
    let (watch, rest) = match rest {
        ["watch", rest @ ..] if !rest.is_empty() => (true, rest),
        rest => (false, rest),
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..]
            if !rest.is_empty() && !matches!(rest, ["status" | "finalize"]) =>
        {
            (*namespace, rest)
        }
        _ => ("", rest),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (*plural, "", ""),
        [plural, name] => (*plural, *name, ""),
        [plural, name, subresource] => (*plural, *name, *subresource),
        [plural, name, "proxy", ..] => (*plural, *name, "proxy"),
        _ => return Err(Status::unknown_path()),
    };
    for given in [namespace, name] {
        options::check_path_segment(given)?;
    }
    let measured = (group, version) == (discovery::METRICS, "v1beta1") && subresource.is_empty();
    let stands_in = || definitions::at_path(store, group, version, plural).is_some();
    if measured && (discovery::has_metrics(store) || !stands_in()) {
        let kind = Kind::of_path("", "v1", plural).filter(|kind| matches!(kind, Kind::Node | Kind::Pod));
        let kind = kind.ok_or_else(Status::unknown_path)?;
        return Ok(Target::new(kind, namespace, name, Subresource::Metrics));
    }
    let question = discovery::QUESTIONS.iter().find(|(of, name, _, namespaced)| {
        *of == group && *name == plural && version == "v1" && *namespaced != namespace.is_empty()
    });
    if let Some((_, name, ..)) = question.filter(|_| rest.len() == 1) {
        return Ok(Target::new(Kind::Role, namespace, name, Subresource::AccessReview));
    }
    if (group, version, plural, rest.len()) == ("", "v1", "bindings", 1) && !namespace.is_empty() {
        // Which pod is meant stands in the body.
        return Ok(Target::new(Kind::Pod, namespace, "", Subresource::Binding));
    }
    let (group, version) = Twin::at(path).map_or((group, version), |twin| twin.kept());
    let known = Kind::of_path(group, version, plural);
    let custom = match known {
        Some(_) => None,
        None => definitions::at_path(store, group, version, plural),
    };
    let kind = known.or(custom.as_ref().map(|custom| custom.kind)).ok_or_else(Status::unknown_path)?;
    const PARTS: [Subresource; 15] = [
        Subresource::None,
        Subresource::Status,
        Subresource::Scale,
        Subresource::Binding,
        Subresource::Eviction,
        Subresource::Finalize,
        Subresource::Approval,
        Subresource::Log,
        Subresource::Exec,
        Subresource::Attach,
        Subresource::PortForward,
        Subresource::EphemeralContainers,
        Subresource::Token,
        Subresource::Proxy,
        Subresource::Resize,
    ];
    let subresource =
        PARTS.into_iter().find(|part| part.path() == subresource).ok_or_else(Status::unknown_path)?;
    let served = match subresource {
        Subresource::None => name.is_empty() || kind.info().namespaced != namespace.is_empty(),
        part => kind.info().subresources.contains(&part),
    };
    if !served
        || (!namespace.is_empty() && !kind.info().namespaced)
        || watch && subresource != Subresource::None
    {
        return Err(Status::unknown_path());
    }
    Ok(Target { custom, watch, ..Target::new(kind, namespace, name, subresource) })
}

fn verb(http: &HttpRequest, target: &Target, watch: bool) -> Result<Verb, Status> {
    let one = !target.name.is_empty();
    let method = http.method.as_str();
    let served = match target.subresource {
        // What is watched by its path is only read.
        Subresource::None if target.watch => method == "GET",
        Subresource::None if target.kind == Kind::ComponentStatus => method == "GET",
        // Of all namespaces at once there is nothing but lists.
        Subresource::None if target.kind.info().namespaced && target.namespace.is_empty() => method == "GET",
        // Namespaces are deleted one by one.
        Subresource::None if target.kind == Kind::Namespace => one || method != "DELETE",
        Subresource::None | Subresource::Proxy => true,
        Subresource::Binding | Subresource::Eviction | Subresource::Token | Subresource::AccessReview => {
            method == "POST"
        }
        Subresource::Status
        | Subresource::Scale
        | Subresource::Finalize
        | Subresource::Approval
        | Subresource::EphemeralContainers
        | Subresource::Resize => matches!(method, "GET" | "PUT" | "PATCH"),
        Subresource::Log | Subresource::Metrics | Subresource::Document => method == "GET",
        Subresource::Exec | Subresource::Attach | Subresource::PortForward => {
            matches!(method, "GET" | "POST")
        }
    };
    if !served {
        return Err(Status::method_not_allowed());
    }
    Ok(match method {
        // A websocket begins with a GET, and is as much of a write.
        _ if target.subresource.is_connection() => Verb::Create,
        "GET" if target.subresource == Subresource::Document => Verb::Get,
        "GET" if watch => Verb::Watch,
        "GET" if one => Verb::Get,
        "GET" => Verb::List,
        "POST" if !one || target.subresource != Subresource::None => Verb::Create,
        "PUT" if one => Verb::Update,
        "PATCH" if one => Verb::Patch(match body::media_type(&http.content_type) {
            "application/json-patch+json" => PatchKind::Json,
            "application/merge-patch+json" => PatchKind::Merge,
            "application/strategic-merge-patch+json" => PatchKind::Strategic,
            "application/apply-patch+yaml" => PatchKind::Apply,
            _ => {
                return Err(Status::new(Reason::UnsupportedMediaType, "415: Unsupported Media Type"));
            }
        }),
        "DELETE" if one => Verb::Delete,
        "DELETE" => Verb::DeleteCollection,
        _ => return Err(Status::method_not_allowed()),
    })
}

/// The answer as HTTP, in the form that the client asks for.
pub fn encode(
    result: &Result<Reply, Box<Status>>,
    request: &Request,
    http: &HttpRequest,
    now: Timestamp,
) -> HttpResponse {
    let (reply, more): (&Reply, &[Str]) = match result {
        Ok(Reply::Warned(reply, warnings)) => (reply, warnings),
        Ok(reply) => (reply, &[]),
        Err(status) => return HttpResponse::from(&**status),
    };
    if request.subresource == Subresource::AccessReview && Form::is_only(&http.accept) {
        return HttpResponse::from(&options::not_acceptable());
    }
    let is_list = matches!(reply, Reply::List(..) | Reply::Page(_));
    if (is_list || matches!(reply, Reply::Object(..)))
        && let Some(status) = form::unlike(&http.accept, request, is_list)
    {
        return HttpResponse::from(&status);
    }
    let form = Form::of(http, request);
    let (code, body) = match reply {
        Reply::Object(object, created) => (if *created { 201 } else { 200 }, form.one(object, now)),
        Reply::Http(status, text) => (*status, Doc::Str(text.clone())),
        Reply::Doc(doc) => {
            let code = doc["code"].as_i64().and_then(|code| u32::try_from(code).ok()).unwrap_or(200);
            let mut doc = doc.clone();
            // Of all that is answered only a Status says so itself.
            if !matches!(doc["kind"].as_str(), None | Some("Status")) {
                doc.remove("code");
            }
            (code, if doc["kind"].as_str() == Some("Scale") { form.scale(doc, now) } else { doc })
        }
        Reply::List(items, revision) => (200, form.list(items, *revision, now)),
        Reply::Page(page) => {
            let mut list = form.list(&page.items, page.revision, now);
            if !page.token.is_empty() {
                list.set_at(&["metadata", "continue"], &page.token);
            }
            if let Some(remaining) = page.remaining {
                list.set_at(&["metadata", "remainingItemCount"], remaining as i64);
            }
            (200, list)
        }
        Reply::Watching(_) | Reply::Part(_) | Reply::Output(..) | Reply::Warned(..) => (200, Doc::Null),
    };
    let mut body = body;
    if let Some(twin) = Twin::at(&http.path) {
        twin.shown(&mut body);
    }
    if form::is_older(&http.accept) {
        form::make_older(&mut body);
    }
    let warnings = request.options.warnings.iter().chain(more).cloned().collect();
    HttpResponse { code, body, warnings }
}

//! Update and patch.

use std::sync::Arc;

use crate::api::apiextensions::customresource::CustomResources;
use crate::api::core::service;
use crate::api::validation::{self, Faults};
use crate::api::{
    Deletion, FieldValidation, Key, Kind, Meta, Object, PatchKind, Reason, Reply, Request, Resource, Status,
    Subresource, Verb, warnings,
};
use crate::doc::{Doc, PatchError, Str, json_patch, merge_patch, strategic_merge};
use crate::schema;

use super::versions::Twin;
use super::{
    ApiServer, Call, admission, allocate, authorization, bounds, definitions, http, managed, parts, statuses,
};

/// The kinds of which an update makes the object that is not there.
const MADE_BY_UPDATE: [Kind; 10] = [
    Kind::ClusterRole,
    Kind::ClusterRoleBinding,
    Kind::Endpoints,
    Kind::Event,
    Kind::Lease,
    Kind::LimitRange,
    Kind::Role,
    Kind::RoleBinding,
    Kind::RuntimeClass,
    Kind::Service,
];

impl ApiServer {
    pub(super) fn update(&mut self, call: &mut Call<'_, '_>) -> Result<Reply, Status> {
        let named = call.request.body["metadata"]["name"].str();
        if call.is_from_outside() && !named.is_empty() && named != call.request.name {
            return Err(other_name(&named, &call.request.name));
        }
        let key = call.request.key();
        let makes = MADE_BY_UPDATE.contains(&key.kind) && call.request.subresource == Subresource::None;
        if makes && !named.is_empty() && call.is_from_outside() && call.store.get(&key).is_none() {
            return self.create_by_update(call);
        }
        let old = call.existing(&key)?;
        if call.request.subresource == Subresource::Scale {
            if named.is_empty() && call.is_from_outside() {
                return Err(Status::bad_request("name must be provided"));
            }
            return self.rescale(call, &old, &call.request.body, &Doc::Null);
        }
        let doc = call.request.body.clone();
        self.replace(call, &old, doc)
    }

    /// Makes what is not there: whoever does that must be allowed to.
    fn create_by_update(&mut self, call: &mut Call<'_, '_>) -> Result<Reply, Status> {
        let creation = Request { verb: Verb::Create, ..call.request.clone() };
        authorization::authorize(&creation, call.store)?;
        let mut doc = call.request.body.clone();
        doc.at_mut(&["metadata"]).remove("resourceVersion");
        self.create_from(call, doc, None)
    }

    pub(super) fn patch(&mut self, call: &mut Call<'_, '_>, kind: PatchKind) -> Result<Reply, Status> {
        if kind == PatchKind::Apply {
            return self.apply(call);
        }
        let old = call.existing(&call.request.key())?;
        let patch = &call.request.body;
        if call.request.subresource == Subresource::Scale {
            let custom = definitions::of_kind(call.store, old.key.kind)?;
            let scale = patched(&parts::scale_of(&old, custom.as_ref()), patch, kind)?;
            if call.is_from_outside() {
                let warnings = check_patched(&scale, &schema::check_scale(&scale), None, call.request, kind)?;
                call.warnings.extend(warnings);
            }
            return self.rescale(call, &old, &scale, &Doc::Null);
        }
        if call.request.subresource == Subresource::Status && kind != PatchKind::Json {
            // Who reports on an object that is gone must not write to the one that took its name.
            let meant = patch["metadata"]["uid"].str();
            if !meant.is_empty() && meant != old.meta.uid.text() {
                let mut faults = Faults::default();
                faults.invalid("metadata.uid", &patch["metadata"]["uid"], "field is immutable");
                return Err(Status::invalid(&old.key, faults.0));
            }
        }
        let validation = call.request.options.validation;
        if validation == FieldValidation::Trusted && is_status_only(call.request, kind) {
            let mut patch = patch.clone();
            patch.remove("metadata");
            let mut body = patched(&old.body, &patch, kind)?;
            if matches!(old.key.kind, Kind::Pod | Kind::Node)
                && body.as_map().is_some_and(|body| body.contains("status"))
            {
                self.family.share_status(&old, body.at_mut(&["status"]));
            }
            return Ok(Reply::Object(self.store_change(call, &old, old.meta.clone(), body)?, false));
        }
        let custom = definitions::of_kind(call.store, call.request.kind)?;
        let mut target = old.to_doc();
        if let Some(custom) = &custom {
            target.set("apiVersion", custom.kind.info().api_version());
        }
        let twin = Twin::of(call.request.kind, patch);
        if let Some(twin) = twin {
            twin.shown(&mut target);
        }
        let mut doc = patched(&target, patch, kind)?;
        let unknown = twin.map_or(Vec::new(), |twin| twin.to_stored(&mut doc));
        if validation != FieldValidation::Trusted {
            let mut problems = match &custom {
                Some(custom) => schema::check_custom(&doc, custom.unknown(&doc)),
                None => schema::check(call.request.kind, &doc),
            };
            problems.extend(unknown.into_iter().map(schema::Problem::unknown));
            let warnings = check_patched(&doc, &problems, custom.as_ref(), call.request, kind)?;
            call.warnings.extend(warnings);
            // It is refused for being none of its own, and not given it.
            if custom.is_some() && doc["apiVersion"].is_null() {
                doc.set("apiVersion", "");
            }
            schema::normalise(call.request.kind, &mut doc);
        }
        if let Some(twin) = twin {
            twin.mark(None, &mut doc);
        }
        self.replace(call, &old, doc)
    }

    /// Server-side apply.
    fn apply(&mut self, call: &mut Call<'_, '_>) -> Result<Reply, Status> {
        let key = call.request.key();
        let mut config = call.request.body.clone();
        let custom = definitions::of_kind(call.store, call.request.kind)?;
        if call.request.subresource == Subresource::Scale {
            return self.apply_scale(call, &config);
        }
        let twin = Twin::of(key.kind, &config);
        let unknown = twin.map_or(Vec::new(), |twin| twin.to_stored(&mut config));
        managed::check_applied(&config, &key, custom.as_ref(), twin, unknown)?;
        schema::normalise_applied(key.kind, &mut config);
        if let Some(twin) = twin {
            twin.mark(None, &mut config);
        }
        let named = config["metadata"]["name"].str();
        if !named.is_empty() && named != key.name {
            return Err(other_name(&named, &key.name));
        }
        config.set_at(&["metadata", "name"], &key.name);
        if custom.is_none() {
            statuses::leave_out(&key, call.request.subresource, &mut config);
        }
        let Some(old) = call.store.get(&key).cloned() else {
            if call.request.subresource != Subresource::None {
                return Err(Status::not_found(&key));
            }
            let uid = config["metadata"]["uid"].str();
            if !uid.is_empty() {
                let why = format!(
                    "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
                );
                return Err(Status::conflict(&key, &why));
            }
            let mut doc = config.clone();
            doc.at_mut(&["metadata"]).remove("resourceVersion");
            schema::normalise(key.kind, &mut doc);
            return self.create_from(call, doc, Some(&config));
        };
        let writer = call.writer().unwrap_or_else(|| unreachable!("only clients apply"));
        let live = managed::components::shown(&old, old.to_doc());
        let mut merged = managed::apply(&writer, &live, &config, call.request.options.force)?;
        schema::normalise(key.kind, &mut merged);
        self.replace(call, &old, merged)
    }

    /// Puts `doc` in the place of `old`, as far as the subresource allows.
    fn replace(&mut self, call: &mut Call<'_, '_>, old: &Arc<Object>, doc: Doc) -> Result<Reply, Status> {
        let key = &old.key;
        let metadata = &doc["metadata"];
        let whole = call.request.verb == Verb::Update;
        if whole && call.is_from_outside() && metadata["name"].is_empty() {
            return Err(Status::bad_request("name must be provided"));
        }
        if metadata["name"].as_str().is_some_and(|name| name != key.name && (whole || !name.is_empty())) {
            return Err(other_name(&metadata["name"].str(), &key.name));
        }
        let namespace = metadata["namespace"].str();
        if call.is_from_outside() && !namespace.is_empty() && namespace != key.namespace {
            return Err(other_namespace());
        }
        let revision = if call.is_from_outside() {
            revision_of(&doc)?
        } else {
            metadata["resourceVersion"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
        };
        if revision != 0 && revision != old.meta.resource_version {
            return Err(Status::stale(key));
        }
        if whole && revision == 0 && call.is_from_outside() && !key.kind.resource().may_update_blindly() {
            return Err(Status::revision_missing(key));
        }
        let given_uid = metadata["uid"].str();
        let uid = || old.meta.uid.text();
        if whole && !given_uid.is_empty() && given_uid != uid() {
            let uid = uid();
            let why =
                format!("Precondition failed: UID in precondition: {given_uid}, UID in object meta: {uid}");
            return Err(Status::conflict(key, &why));
        }
        let stored = match call.request.subresource {
            Subresource::Status if matches!(key.kind, Kind::Custom(_)) => {
                let (meta, body) = custom_status(call, old, &doc)?;
                self.store_change(call, old, meta, body)?
            }
            Subresource::Status | Subresource::Approval => {
                let mut body = old.body.clone();
                body.set("status", doc["status"].clone());
                if key.kind == Kind::Service {
                    service::default_status(&mut body);
                }
                let mut meta = call.reported(old, metadata);
                call.judge_status(old, &meta, &mut body)?;
                match call.writer() {
                    Some(writer) if writer.operation == "Update" => {
                        let new = Object::new(key.clone(), meta.clone(), body.clone(), Some(old)).to_doc();
                        let before = old.to_doc();
                        meta.managed_fields =
                            managed::after_update(&writer, &meta.managed_fields, &before, &new);
                    }
                    Some(_) => {
                        meta.managed_fields = managed::components::without(&metadata["managedFields"], key)
                    }
                    None => {}
                }
                self.store_change(call, old, meta, body)?
            }
            Subresource::EphemeralContainers => {
                let mut body = old.body.clone();
                match &doc["spec"]["ephemeralContainers"] {
                    Doc::Null => {
                        body.at_mut(&["spec"]).remove("ephemeralContainers");
                    }
                    wanted => body.set_at(&["spec", "ephemeralContainers"], wanted.clone()),
                }
                key.kind.resource().default(&mut body);
                crate::api::core::pod::validate_ephemeral_containers(&body["spec"], &old.body["spec"], key)?;
                self.store_change(call, old, old.meta.clone(), body)?
            }
            Subresource::Resize => {
                let (meta, body) = parts::resized(call, old, &doc)?;
                self.store_change(call, old, meta, body)?
            }
            Subresource::Finalize => {
                let mut body = old.body.clone();
                body.set_at(&["spec", "finalizers"], doc["spec"]["finalizers"].clone());
                self.store_change(call, old, old.meta.clone(), body)?
            }
            _ => {
                let (meta, body) = match renewed(call, old, &doc) {
                    Some(renewed) => renewed,
                    None => self.prepare_update(call, old, doc)?,
                };
                self.store_change(call, old, meta, body)?
            }
        };
        Ok(Reply::Object(stored, false))
    }

    /// Everything a client may change: the rest comes from the old object.
    fn prepare_update(
        &mut self,
        call: &mut Call<'_, '_>,
        old: &Object,
        mut doc: Doc,
    ) -> Result<(Meta, Doc), Status> {
        let kind = old.key.kind;
        let custom = definitions::of_kind(call.store, call.request.kind)?;
        let resource = definitions::behaviour(custom.as_ref(), kind);
        if resource.info().subresources.contains(&Subresource::Status) {
            let status = old.body["status"].clone();
            if status.is_null() {
                doc.remove("status");
            } else {
                doc.set("status", status);
            }
        }
        allocate::keep(kind, &mut doc, old);
        let old_doc = old.to_doc();
        let complete = |doc: &mut Doc| {
            resource.default(doc);
            if kind == Kind::Pod {
                // Who sets other tolerations does not take away those that every pod has.
                admission::default_toleration_seconds(doc);
            }
            resource.prepare_update(doc, &old_doc);
            Ok(())
        };
        complete(&mut doc)?;
        admission::mutating(call, &old.key, &mut doc, Some(&old_doc), complete)?;
        validate(&old.key, resource, &doc, Some(&old_doc), false)?;
        if call.is_from_outside() {
            call.warnings.extend(warnings::of(kind, &doc, Some(&old_doc)));
        }
        admission::validating(call, &old.key, &doc, Some(&old_doc))?;
        admission::quota(call, &old.key, &doc, Some(old))?;
        allocate::addresses(kind, &mut doc, Some(old), call.store, &mut self.random)?;
        let mut given = Meta::from_doc(&doc["metadata"]);
        let applied = call.request.verb == Verb::Patch(PatchKind::Apply);
        let managed = managed::components::without(&given.managed_fields, &old.key);
        given.managed_fields = match call.writer() {
            // Ownership can be given away by a list of one empty entry.
            Some(writer) if !applied => managed::after_update(&writer, &managed, &old_doc, &doc),
            Some(_) => managed,
            None => managed::after_component(kind, &managed, &old_doc, &doc),
        };
        let mut meta = Meta {
            uid: old.meta.uid,
            resource_version: old.meta.resource_version,
            creation: old.meta.creation,
            written: old.meta.written,
            ..given
        };
        meta.generation = old.meta.generation;
        meta.deletion = old.meta.deletion;
        meta.generate_name = old.meta.generate_name.clone();
        meta.share_with(&old.meta);
        Ok((meta, body_of(&doc)))
    }

    /// Stores the new version unless nothing changed; an object whose last finalizer went is removed.
    pub(super) fn store_change(
        &mut self,
        call: &mut Call<'_, '_>,
        old: &Arc<Object>,
        mut meta: Meta,
        mut body: Doc,
    ) -> Result<Arc<Object>, Status> {
        if meta == old.meta && body == old.document() {
            return Ok(Arc::clone(old));
        }
        let differs = |new: &Doc, old: &Doc| !new.same(old) && new != old;
        let spec_changed = old.key.kind.info().has_generation
            && match old.key.kind {
                // It has no spec: everything counts.
                Kind::EndpointSlice => differs(&body, &old.body) || differs(&meta.labels, &old.meta.labels),
                Kind::Custom(_) => {
                    let apart = definitions::of_kind(call.store, call.request.kind)?
                        .is_some_and(|custom| custom.has(Subresource::Status));
                    differs(&without_status(&body, apart), &without_status(&old.body, apart))
                }
                _ => differs(&body["spec"], &old.body["spec"]),
            };
        if spec_changed {
            meta.generation += 1;
        }
        let by_parts = [Subresource::Status, Subresource::Approval, Subresource::EphemeralContainers];
        if by_parts.contains(&call.request.subresource) {
            admission::of_part(call, old, &meta, &body)?;
        }
        if call.is_from_outside() {
            let applied = call.request.verb == Verb::Patch(PatchKind::Apply);
            bounds::check(&old.key, &mut meta, &body, applied)?;
        }
        parts::phase_moment(old.key.kind, &mut body, &old.body, call.cx.timestamp());
        let object = Object::new(old.key.clone(), meta, body, Some(old));
        if super::delete::is_released(&object) {
            call.remove(&object.key);
            return Ok(Arc::new(object));
        }
        Ok(call.put(object))
    }
}

impl Call<'_, '_> {
    /// Whether a client wrote it, and not a component, which is trusted.
    pub(super) fn is_from_outside(&self) -> bool {
        self.request.options.validation != FieldValidation::Trusted
    }

    /// Who writes, if it is one who is kept account of.
    pub(super) fn writer(&self) -> Option<managed::Writer<'_>> {
        let options = &self.request.options;
        if options.validation == FieldValidation::Trusted {
            return None;
        }
        let (operation, manager) = match (self.request.verb, options.field_manager.as_str()) {
            (Verb::Patch(PatchKind::Apply), manager) => ("Apply", manager),
            (_, "") => ("Update", "unknown"),
            (_, manager) => ("Update", manager),
        };
        let subresource = match self.request.subresource {
            Subresource::Scale => "scale",
            Subresource::Status => "status",
            Subresource::EphemeralContainers => "ephemeralcontainers",
            Subresource::Resize => "resize",
            _ => "",
        };
        let kind = self.request.kind;
        let twin = Twin::of(kind, &self.request.body);
        let api_version = twin.map_or_else(|| kind.info().api_version(), Twin::api_version);
        let now = self.cx.timestamp().floor_seconds();
        let custom = definitions::of_kind(self.store, self.request.kind).ok().flatten();
        let schema = custom.map(|custom| custom.schema().clone());
        let kind = self.request.kind;
        Some(managed::Writer { manager, operation, subresource, api_version, kind, now, schema })
    }
}

/// A component's Lease that was only renewed: nothing needs defaults or another look, unless somebody wants to have a say,
/// and there is no write more often.
fn renewed(call: &Call<'_, '_>, old: &Object, doc: &Doc) -> Option<(Meta, Doc)> {
    if old.key.kind != Kind::Lease || call.is_from_outside() || admission::is_asked(call.store) {
        return None;
    }
    old.meta.is_said_by(&doc["metadata"]).then(|| (old.meta.clone(), body_of(doc)))
}

/// The revision that a whole document names; 0 when it names none.
pub(super) fn revision_of(doc: &Doc) -> Result<u64, Status> {
    let text = doc["metadata"]["resourceVersion"].str();
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        let why = format!("strconv.ParseUint: parsing {text:?}: invalid syntax");
        Status::new(Reason::Unknown, why)
    })
}

pub(super) fn other_name(given: &str, wanted: &str) -> Status {
    Status::bad_request(format!(
        "the name of the object ({given}) does not match the name on the URL ({wanted})"
    ))
}

pub(super) fn other_namespace() -> Status {
    Status::bad_request(
        "the namespace of the provided object does not match the namespace sent on the request",
    )
}

/// Whether a component writes a status and nothing else, so that the whole object need not be taken apart.
fn is_status_only(request: &Request, kind: PatchKind) -> bool {
    let only_uid = |value: &Doc| value.entries().iter().all(|(key, _)| key == "uid");
    request.subresource == Subresource::Status
        && kind != PatchKind::Json
        && request
            .body
            .entries()
            .iter()
            .all(|(key, value)| key == "status" || key == "metadata" && only_uid(value))
}

/// What a patch made of an object must fit the schema; how that is worded depends on how upstream reads the patch. What
/// is to be warned of comes back.
fn check_patched(
    doc: &Doc,
    problems: &[schema::Problem],
    custom: Option<&CustomResources>,
    request: &Request,
    kind: PatchKind,
) -> Result<Vec<Str>, Status> {
    let patch = &request.body;
    let strict = request.options.validation == FieldValidation::Strict;
    let strategic = kind == PatchKind::Strategic;
    let mut why = match strategic {
        true => schema::patch_refusal(problems, strict),
        false => schema::decoding_refusal(problems, strict),
    };
    let of_text =
        |warning: &&Str| ["duplicate field ", "json patch "].iter().any(|what| warning.starts_with(what));
    let twice: Vec<&Str> = request.options.warnings.iter().filter(of_text).collect();
    if strict && !twice.is_empty() {
        // What the patch says twice comes before what the object has no place for.
        let all: Vec<String> =
            twice.into_iter().map(Str::to_string).chain(schema::warnings(problems)).collect();
        why = why
            .filter(|_| problems.iter().any(|problem| problem.what != schema::What::Unknown))
            .or_else(|| Some(format!("strict decoding error: {}", all.join(", "))));
    }
    if let Some(Err(fault)) = custom.map(|custom| custom.read_embedded(doc, schema::metadata_refusal)) {
        why = Some(fault);
    }
    // Nobody looks at what a strategic patch makes of the kind.
    if !strategic && request.subresource != Subresource::Scale {
        let nameless =
            || doc["kind"].is_empty().then(|| format!("Object 'Kind' is missing in '{}'", doc.to_json()));
        why = why.or_else(|| if custom.is_some() { nameless() } else { other_type(doc, request.kind) });
    }
    if let Some(why) = why {
        let shown = if strategic { schema::go_value(patch) } else { doc.to_json() };
        return Err(Status::invalid_patch(&shown, &why));
    }
    let warned = request.options.validation == FieldValidation::Warn;
    let warnings = if warned { schema::warnings(problems) } else { Vec::new() };
    Ok(warnings.into_iter().map(Str::from).collect())
}

/// Why an object is none of a kind that comes with the cluster, if a patch made it one of another.
fn other_type(doc: &Doc, kind: Kind) -> Option<String> {
    let info = kind.info();
    let or = |field: &str, own: &str| {
        doc[field].as_str().filter(|given| !given.is_empty()).unwrap_or(own).to_owned()
    };
    let (version, name) = (or("apiVersion", info.api_version()), or("kind", info.kind));
    let same = version == info.api_version() && name == info.kind;
    (!same).then(|| http::unlike(&version, &name, info.group, info.kind))
}

fn patched(target: &Doc, patch: &Doc, kind: PatchKind) -> Result<Doc, Status> {
    match kind {
        PatchKind::Json => json_patch(target, patch),
        PatchKind::Merge => Ok(merge_patch(target, patch)),
        PatchKind::Strategic => strategic_merge(target, patch),
        PatchKind::Apply => Err(PatchError::Malformed("a part of an object cannot be applied here".into())),
    }
    .map_err(malformed)
}

pub(super) fn malformed(error: PatchError) -> Status {
    match error {
        PatchError::Malformed(why) => Status::bad_request(why),
        // Upstream keeps to itself why it does not.
        PatchError::DoesNotApply(_) => {
            Status::new(Reason::Invalid, "the server rejected our request due to an error in our request")
        }
    }
}

/// Says what is wrong with a whole document; with `known_good` only its metadata is looked at.
pub(super) fn validate(
    key: &Key,
    resource: &dyn Resource,
    doc: &Doc,
    old: Option<&Doc>,
    known_good: bool,
) -> Result<(), Status> {
    let mut faults = Faults::default();
    if let Some(old) = old {
        validation::metadata_update(&mut faults, &doc["metadata"], &old["metadata"]);
    }
    validation::metadata(&mut faults, &doc["metadata"], resource.name());
    if !matches!(key.kind, Kind::Custom(_)) {
        validation::known_finalizers(&mut faults, &doc["metadata"]);
    }
    if !known_good {
        resource.validate(doc, &mut faults);
        match old {
            Some(old) => resource.validate_update(doc, old, &mut faults),
            None => resource.validate_create(doc, &mut faults),
        }
    }
    if faults.0.is_empty() { Ok(()) } else { Err(Status::invalid(key, faults.0)) }
}

/// What becomes of a custom resource when its status is written: nothing but that.
fn custom_status(call: &Call<'_, '_>, old: &Object, new: &Doc) -> Result<(Meta, Doc), Status> {
    let custom = definitions::of_kind(call.store, call.request.kind)?.ok_or_else(Status::unknown_path)?;
    let before = old.to_doc();
    let mut doc = relabelled(before.clone(), &custom);
    match &new["status"] {
        Doc::Null => drop(doc.remove("status")),
        status => doc.set("status", status),
    }
    custom.default(&mut doc);
    validate(&old.key, &custom, &doc, Some(&before), false)?;
    let mut meta = old.meta.clone();
    let given = Meta::from_doc(&new["metadata"]).managed_fields.clone();
    match call.writer() {
        Some(_) if call.request.verb == Verb::Patch(PatchKind::Apply) => meta.managed_fields = given,
        Some(writer) => {
            meta.managed_fields = managed::after_update(&writer, &meta.managed_fields, &before, &doc)
        }
        None => {}
    }
    Ok((meta, body_of(&doc)))
}

/// The document in the version that a request speaks of.
pub(super) fn relabelled(mut doc: Doc, custom: &CustomResources) -> Doc {
    doc.set("apiVersion", custom.kind.info().api_version());
    doc
}

/// The parts of a custom resource whose changes are counted.
fn without_status(body: &Doc, apart: bool) -> Doc {
    let mut body = body.clone();
    if apart {
        body.remove("status");
    }
    body
}

/// Everything but `apiVersion`, `kind` and `metadata`.
pub(super) fn body_of(doc: &Doc) -> Doc {
    let outside = |key: &str| matches!(key, "apiVersion" | "kind" | "metadata");
    Doc::Map(doc.entries().iter().filter(|(key, _)| !outside(key)).cloned().collect())
}

/// When deletion is asked for: the moment it should be done.
pub(super) fn deletion(now: crate::doc::Timestamp, grace_seconds: i64) -> Deletion {
    Deletion { at: now.floor_seconds().after_seconds(grace_seconds), grace_seconds }
}

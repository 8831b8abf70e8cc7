//! What is wrong with a definition.

use crate::api::apiextensions::structural;
use crate::api::validation::{At, Faults, IMMUTABLE, names};
use crate::collections::BTreeSet;
use crate::doc::{Doc, Str};

const TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
const FORMATS: [&str; 8] = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];
const NO_SIMPLE_PATH: &str = "must be a simple json path starting with .";
const APPROVAL: &str = "api-approved.kubernetes.io";

pub(super) fn whole(doc: &Doc, faults: &mut Faults) {
    let spec = At::root(&doc["spec"], "spec");
    let (group, names) = (spec.field("group"), spec.field("names"));
    let name = format!("{}.{}", names["plural"].str(), group.text());
    if doc["metadata"]["name"].as_str() != Some(&name) {
        let why = "must be spec.names.plural+\".\"+spec.group";
        faults.invalid("metadata.name", &Doc::from(doc["metadata"]["name"].str()), why);
    }
    if group.require(faults) {
        group.check(faults, names::dns_subdomain);
        if !group.text().contains('.') {
            faults.invalid(&group, &group, "should be a domain with at least one dot");
        }
    }
    let protected = |domain: &str| group.text() == domain || group.text().ends_with(&format!(".{domain}"));
    let approved = &doc["metadata"]["annotations"][APPROVAL];
    if (protected("k8s.io") || protected("kubernetes.io")) && approved.is_empty() {
        let why = "protected groups must have approval annotation \"api-approved.kubernetes.io\", see \
                   https://github.com/kubernetes/enhancements/pull/1111";
        faults.required(format!("metadata.annotations[{APPROVAL}]"), why);
    }
    spec.field("scope").require_one_of(faults, &["Cluster", "Namespaced"]);
    if spec["preserveUnknownFields"].as_bool() == Some(true) {
        let why = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        faults.invalid("spec.preserveUnknownFields", &Doc::Bool(true), why);
    }
    versions(&spec.field("versions"), faults);
    all_names(&names, faults);
    if let Some(first) = spec["versions"].items().first() {
        for part in PARTS.into_iter().filter(|part| is_alike(&spec["versions"], part)) {
            let place = format!("spec.{}", moved(part));
            one_part(part, &At::root(&first[part], &place), first, faults);
        }
    }
    conversion(&spec.field("conversion"), faults);
    let mut all = spec["versions"].items().iter();
    if !all.any(|version| version["storage"].as_bool() == Some(true)) {
        faults.invalid("status.storedVersions", &Doc::Null, "must have at least one stored version");
    }
}

/// What each version has for itself.
const PARTS: [&str; 4] = ["schema", "subresources", "additionalPrinterColumns", "selectableFields"];

/// Whether all versions have the same: then errors are about one part of the spec.
fn is_alike(versions: &Doc, part: &str) -> bool {
    versions.items().windows(2).all(|pair| pair[0][part] == pair[1][part])
}

/// What a part of versions is called as one of the spec.
fn moved(part: &str) -> &str {
    if part == "schema" { "validation" } else { part }
}

/// Where the field of an error stands in the definition as it is written.
pub fn as_written(field: &str) -> String {
    let of = |part: &str| Some((part.to_owned(), field.strip_prefix("spec.")?.strip_prefix(moved(part))?));
    match PARTS.into_iter().find_map(of) {
        Some((part, rest)) => format!("spec.versions[0].{part}{rest}"),
        None => field.to_owned(),
    }
}

fn versions(versions: &At<'_>, faults: &mut Faults) {
    for version in versions.each().filter(|version| version["schema"]["openAPIV3Schema"].is_null()) {
        faults.required(format!("{}.schema.openAPIV3Schema", version.path()), "");
    }
    let mut seen: BTreeSet<Str> = BTreeSet::new();
    let mut unique = true;
    let mut stored = 0;
    for version in versions.each() {
        let name = version.field("name");
        if name.require(faults) {
            for why in names::dns_1035_label(name.text()) {
                faults.invalid(&name, &name, why);
            }
        }
        unique &= seen.insert(name.str());
        stored += u32::from(version["storage"].as_bool() == Some(true));
        let warning = version.field("deprecationWarning");
        if warning.is_set() && version["deprecated"].as_bool() != Some(true) {
            faults.invalid(&warning, &warning, "can only be set for deprecated versions");
        }
        for part in PARTS.into_iter().filter(|part| !is_alike(versions, part)) {
            one_part(part, &version.field(part), version.doc(), faults);
        }
    }
    if versions.items().is_empty() {
        faults.required(versions, "must have at least one version");
        return;
    }
    if !unique {
        faults.invalid(versions, versions, "must contain unique version names");
    }
    if stored != 1 {
        faults.invalid(versions, versions, "must have exactly one version marked as storage version");
    }
}

/// What is wrong with one part of a version.
fn one_part(part: &str, of: &At<'_>, version: &Doc, faults: &mut Faults) {
    let schema = &version["schema"]["openAPIV3Schema"];
    match part {
        "schema" if !schema.is_null() => {
            structural::well_formed(schema, &of.field("openAPIV3Schema").path(), faults);
        }
        "subresources" => scale(&of.field("scale"), faults),
        "additionalPrinterColumns" => of.each().for_each(|column| printer_column(&column, faults)),
        "selectableFields" => {
            let count = of.items().len();
            if count > 8 {
                let why = format!("Too many: {count}: must have at most 8 items");
                faults.add("FieldValueTooMany", of.path(), why);
            }
            of.each().for_each(|field| selectable_field(&field.field("jsonPath"), schema, faults));
        }
        _ => {}
    }
}

fn scale(scale: &At<'_>, faults: &mut Faults) {
    if !scale.is_set() {
        return;
    }
    for (field, below) in
        [("specReplicasPath", "spec"), ("statusReplicasPath", "status"), ("labelSelectorPath", "")]
    {
        let path = scale.field(field);
        if field == "labelSelectorPath" && path.is_empty() {
            continue;
        }
        if path.require(faults) {
            scale_path(&path, below, faults);
        }
    }
}

fn selectable_field(path: &At<'_>, schema: &Doc, faults: &mut Faults) {
    if !path.require(faults) {
        return;
    }
    if !path.text().starts_with('.') || path.text().contains(['[', '*']) {
        faults.invalid(path, path, "is an invalid path: must be a simple json path starting with .");
        return;
    }
    let mut parts = path.text().split('.').skip(1);
    let found = parts.try_fold(schema, |schema, part| {
        Some(&schema["properties"][part]).filter(|property| !property.is_null())
    });
    match found {
        None => faults.invalid(path, path, "is an invalid path: does not refer to a valid field"),
        Some(property) if !matches!(property["type"].as_str(), Some("boolean" | "integer" | "string")) => {
            let why = "must point to a field of type string, boolean or integer. Enum string fields and strings with \
                       formats are allowed.";
            faults.invalid(path, path, why);
        }
        Some(_) if path.text().starts_with(".metadata.") => {
            faults.invalid(path, path, "must not point to fields in metadata");
        }
        Some(_) => {}
    }
}

fn printer_column(column: &At<'_>, faults: &mut Faults) {
    column.field("name").require(faults);
    for (field, known) in [("type", &TYPES[..]), ("format", &FORMATS)] {
        let (value, why) = (column.field(field), format!("must be one of {}", known.join(",")));
        if value.is_empty() {
            if field == "type" {
                faults.required(&value, &why);
            }
        } else if !known.contains(&value.text()) {
            faults.invalid(&value, &value, why);
        }
    }
    // In errors the field has the name that it has in Go.
    let (path, place) = (&column["jsonPath"], format!("{}.JSONPath", column.path()));
    if path.is_empty() {
        faults.required(place, "");
    } else if !path.str().starts_with('.') {
        faults.invalid(place, path, NO_SIMPLE_PATH);
    }
}

fn scale_path(path: &At<'_>, below: &str, faults: &mut Faults) {
    let text = path.text();
    let either = below.is_empty();
    let is_below = |part: &str| (either || part == below) && text.starts_with(&format!(".{part}."));
    if !text.starts_with('.') {
        faults.invalid(path, path, NO_SIMPLE_PATH);
    } else if !["spec", "status"].into_iter().any(is_below) {
        let place = if either { "either .spec or .status".to_owned() } else { format!(".{below}") };
        faults.invalid(path, path, format!("should be a json path under {place}"));
    }
}

fn all_names(names: &At<'_>, faults: &mut Faults) {
    for field in ["plural", "singular", "kind", "listKind"] {
        names.field(field).require(faults);
    }
    for field in ["plural", "singular"] {
        let name = names.field(field);
        let whys = names::dns_1035_label(name.text());
        if !name.is_empty() && !whys.is_empty() {
            faults.invalid(&name, &name, whys.join(","));
        }
    }
    for field in ["kind", "listKind"] {
        let name = names.field(field);
        let whys = names::dns_1035_label(&name.text().to_lowercase());
        if !name.is_empty() && !whys.is_empty() {
            let why = format!("may have mixed case, but should otherwise match: {}", whys.join(","));
            faults.invalid(&name, &name, why);
        }
    }
    for field in ["shortNames", "categories"] {
        for name in names.field(field).each() {
            let whys = names::dns_1035_label(name.text());
            if !whys.is_empty() {
                faults.invalid(&name, &name, whys.join(","));
            }
        }
    }
    if !names["kind"].is_empty() && names["kind"] == names["listKind"] {
        faults.invalid(&names.field("listKind"), &names["listKind"], "kind and listKind may not be the same");
    }
}

fn conversion(conversion: &At<'_>, faults: &mut Faults) {
    let strategy = conversion.field("strategy");
    strategy.require_one_of(faults, &["None", "Webhook"]);
    if strategy.text() == "Webhook" {
        faults.forbidden(&strategy, "conversion by webhooks is not simulated");
    }
    let webhook = conversion.field("webhook");
    if strategy.text() == "None" && webhook.is_set() {
        faults.forbidden(&webhook, "should not be set when strategy is not set to Webhook");
    }
}

pub(super) fn update(new: &Doc, old: &Doc, established: bool, faults: &mut Faults) {
    let mut fixed = vec!["group", "names.plural"];
    if established {
        fixed.extend(["scope", "names.kind"]);
    }
    for field in fixed {
        let path: Vec<&str> = field.split('.').collect();
        let value = new["spec"].at(&path);
        if value != old["spec"].at(&path) {
            faults.invalid(format!("spec.{field}"), value, IMMUTABLE);
        }
    }
    let named = |name: &Doc| new["spec"]["versions"].items().iter().any(|version| version["name"] == *name);
    for (at, stored) in new["status"]["storedVersions"].items().iter().enumerate() {
        if !named(stored) {
            let why = "missing from spec.versions; ".to_owned()
                + &format!(
                    "{} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in {0} and removes {0} from status.storedVersions",
                    stored.str()
                );
            faults.invalid(format!("status.storedVersions[{at}]"), stored, why);
        }
    }
}

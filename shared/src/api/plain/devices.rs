//! What is wrong with devices that somebody offers, and with claims for them.

use super::expressions::compiled;
use crate::api::cel::Type;
use crate::api::validation::{At, Faults, names};
use crate::collections::{BTreeMap, BTreeSet};
use crate::doc::Doc;

/// So many requests, conditions, settings or selectors stand beside each other.
const MOST: usize = 32;
const MOST_CHOICES: usize = 8;
const MOST_DEVICES: usize = 128;
const LONGEST_EXPRESSION: usize = 10 * 1024;
const LONGEST_POOL: usize = 253;

/// What a request leaves out.
pub(super) fn default_requests(spec: &mut Doc) {
    if spec["devices"]["requests"].is_empty() {
        return;
    }
    for request in spec.at_mut(&["devices", "requests"]).items_mut() {
        if !request["exactly"].is_null() {
            default_request(request.at_mut(&["exactly"]));
        }
        if !request["firstAvailable"].is_empty() {
            request.at_mut(&["firstAvailable"]).items_mut().iter_mut().for_each(default_request);
        }
    }
}

fn default_request(request: &mut Doc) {
    request.default_to("allocationMode", "ExactCount");
    if request["allocationMode"].str() == "ExactCount" {
        request.default_to("count", 1i64);
    }
}

pub(super) fn class(doc: &Doc, faults: &mut Faults) {
    let spec = At::root(&doc["spec"], "spec");
    selectors(&spec.field("selectors"), faults);
    let settings = spec.field("config");
    few(&settings, MOST, faults);
    settings.each().for_each(|it| opaque(&it, faults));
    let name = spec.field("extendedResourceName");
    let is_own = name.text().contains('/') && !name.text().contains("kubernetes.io/");
    if name.is_set() && !(is_own && names::qualified_name(name.text()).is_empty()) {
        faults.invalid(&name, &name, "must be a valid extended resource name");
    }
}

pub(super) fn claim(spec: &At<'_>, faults: &mut Faults) {
    let devices = spec.field("devices");
    let requests = devices.field("requests");
    few(&requests, MOST, faults);
    requests.each().for_each(|it| request(&it, faults));
    named_once(&requests, faults);
    let known = known_requests(&requests);
    let conditions = devices.field("constraints");
    few(&conditions, MOST, faults);
    for condition in conditions.each() {
        references(&condition.field("requests"), &known, faults);
        let (same, other) = (condition.field("matchAttribute"), condition.field("distinctAttribute"));
        if !same.is_set() && !other.is_set() {
            let why = "exactly one of \"matchAttribute\" or \"distinctAttribute\" is required, but multiple fields are set";
            faults.required(&condition, why);
        }
        for attribute in [same, other] {
            full_name(&attribute, faults);
        }
    }
    let settings = devices.field("config");
    few(&settings, MOST, faults);
    for setting in settings.each() {
        references(&setting.field("requests"), &known, faults);
        opaque(&setting, faults);
    }
}

fn request(request: &At<'_>, faults: &mut Faults) {
    request.field("name").check(faults, names::dns_label);
    let (exactly, choices) = (request.field("exactly"), request.field("firstAvailable"));
    match (exactly.is_set(), !choices.is_empty()) {
        (false, false) => {
            faults.required(request, "exactly one of `exactly` or `firstAvailable` is required")
        }
        (true, true) => {
            let why = "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set";
            faults.invalid(request, &Doc::Null, why);
        }
        (true, false) => wanted(&exactly, faults),
        (false, true) => {
            few(&choices, MOST_CHOICES, faults);
            for choice in choices.each() {
                choice.field("name").check(faults, names::dns_label);
                wanted(&choice, faults);
            }
            named_once(&choices, faults);
        }
    }
}

/// Devices of which class, and how many.
fn wanted(of: &At<'_>, faults: &mut Faults) {
    of.field("deviceClassName").require_and_check(faults, names::dns_subdomain);
    selectors(&of.field("selectors"), faults);
    let (mode, count) = (of.field("allocationMode"), of.field("count"));
    match mode.text() {
        "All" if count.number() != 0 => {
            faults.invalid(&count, &count, "must not be specified when allocationMode is 'All'");
        }
        "All" => {}
        "ExactCount" if count.number() <= 0 => {
            faults.invalid(&count, &Doc::from(count.number()), "must be greater than zero");
        }
        "ExactCount" => {}
        other => faults.not_supported(&mode, &Doc::from(other), &["All", "ExactCount"]),
    }
}

fn selectors(selectors: &At<'_>, faults: &mut Faults) {
    few(selectors, MOST, faults);
    let names = BTreeMap::from_iter([("device", Type::Dyn)]);
    for selector in selectors.each() {
        let cel = selector.field("cel");
        let expression = cel.field("expression");
        if !cel.is_set() {
            faults.required(&cel, "");
        } else if expression.text().len() > LONGEST_EXPRESSION {
            faults.too_long(&expression, LONGEST_EXPRESSION as u32);
        } else {
            expression.require(faults);
            compiled(&expression, &names, &Type::Bool, faults);
        }
    }
}

fn opaque(setting: &At<'_>, faults: &mut Faults) {
    let opaque = setting.field("opaque");
    if !opaque.is_set() {
        return faults.required(&opaque, "");
    }
    opaque.field("driver").require_and_check(faults, names::dns_subdomain);
    let parameters = opaque.field("parameters");
    match parameters.doc() {
        Doc::Null => faults.required(&parameters, ""),
        Doc::Map(_) => {}
        other => {
            faults.invalid_text(&parameters, &format!("{:?}", other.to_json()), "must be a valid JSON object")
        }
    }
}

/// The names of requests, and `request/choice`.
fn known_requests(requests: &At<'_>) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for request in requests.items() {
        let name = request["name"].str();
        for choice in request["firstAvailable"].items() {
            known.insert(format!("{name}/{}", choice["name"].str()));
        }
        known.insert(name.to_string());
    }
    known
}

fn references(to: &At<'_>, known: &BTreeSet<String>, faults: &mut Faults) {
    few(to, MOST, faults);
    to.each().for_each(|name| reference(&name, known, faults));
}

fn reference(name: &At<'_>, known: &BTreeSet<String>, faults: &mut Faults) {
    const WHY: &str = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
    if !known.contains(name.text()) {
        faults.invalid(name, name, WHY);
    }
}

/// A device that somebody got who asked as `spec` says.
pub fn allocated_device(device: &At<'_>, spec: &Doc, faults: &mut Faults) {
    let requests = &spec["devices"]["requests"];
    let known = known_requests(&At::root(requests, "spec.devices.requests"));
    reference(&device.field("request"), &known, faults);
    device.field("driver").require_and_check(faults, names::dns_subdomain);
    pool_name(&device.field("pool"), faults);
    device.field("device").check(faults, names::dns_label);
}

/// `example.com/model`
fn full_name(attribute: &At<'_>, faults: &mut Faults) {
    if !attribute.is_set() {
        return;
    }
    let identifier = |text: &str| {
        let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        starts && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    match attribute.text().split_once('/') {
        Some((domain, name)) => {
            for message in names::dns_subdomain(domain) {
                faults.invalid(attribute, &Doc::from(domain), message);
            }
            if !identifier(name) {
                let why = "a valid C identifier must start with alphabetic character or '_', followed by a string of \
                    alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for \
                    validation is '[A-Za-z_][A-Za-z0-9_]*')";
                faults.invalid(attribute, &Doc::from(name), why);
            }
        }
        None => faults.invalid(attribute, attribute, "must include a domain"),
    }
}

pub(super) fn slice(doc: &Doc, faults: &mut Faults) {
    let spec = At::root(&doc["spec"], "spec");
    spec.field("driver").require_and_check(faults, names::dns_subdomain);
    let pool = spec.field("pool");
    pool_name(&pool.field("name"), faults);
    let (count, generation) = (pool.field("resourceSliceCount"), pool.field("generation"));
    if count.number() <= 0 {
        faults.invalid(&count, &Doc::from(count.number()), "must be greater than zero");
    }
    if generation.number() < 0 {
        faults.invalid(&generation, &generation, "must be greater than or equal to zero");
    }
    place(&spec, faults);
    if spec["sharedCounters"].is_empty() {
        few(&spec.field("devices"), MOST_DEVICES, faults);
    } else if !spec["devices"].is_null() {
        faults.invalid_text(&spec, "\"\"", "only one of `sharedCounters` or `devices` is allowed");
    }
    let devices = spec.field("devices");
    devices.each().for_each(|it| device(&it, faults));
    named_once(&devices, faults);
}

/// Where devices are: said in one way.
fn place(spec: &At<'_>, faults: &mut Faults) {
    const WAYS: &str =
        "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
    let node = spec.field("nodeName");
    if node.is_set() && node.is_empty() {
        faults.invalid(&node, &node, "must be either unset or set to a non-empty string");
    }
    node.check_if_set(faults, names::dns_subdomain);
    let mut ways: Vec<&str> = Vec::new();
    for (field, is_set) in
        [("nodeName", !node.is_empty()), ("nodeSelector", spec.field("nodeSelector").is_set())]
    {
        ways.extend(is_set.then_some(field));
    }
    for field in ["allNodes", "perDeviceNodeSelection"] {
        let way = spec.field(field);
        match way.as_bool() {
            Some(true) => ways.push(field),
            Some(false) => faults.invalid(&way, &way, "must be either unset or set to true"),
            None => {}
        }
    }
    match ways.len() {
        0 => faults.required(spec, WAYS),
        1 => {}
        _ => {
            let shown: Vec<String> = ways.iter().map(|way| format!("`{way}`")).collect();
            let shown = format!("\"{{{}}}\"", shown.join(", "));
            faults.invalid_text(spec, &shown, format!("{WAYS}, but multiple fields are set"));
        }
    }
}

fn pool_name(name: &At<'_>, faults: &mut Faults) {
    if !name.require(faults) {
        return;
    }
    if name.text().len() > LONGEST_POOL {
        faults.too_long(name, LONGEST_POOL as u32);
    }
    for part in name.text().split('/') {
        for message in names::dns_subdomain(part) {
            faults.invalid(name, &Doc::from(part), message);
        }
    }
}

fn device(device: &At<'_>, faults: &mut Faults) {
    const MOST_PROPERTIES: usize = 32;
    device.field("name").check(faults, names::dns_label);
    let attributes = device.field("attributes");
    let count = attributes.entries().len() + device["capacity"].entries().len();
    if count > MOST_PROPERTIES {
        let why = format!("the total number of attributes and capacities must not exceed {MOST_PROPERTIES}");
        faults.invalid(device, &Doc::from(i64::try_from(count).unwrap_or(i64::MAX)), why);
    }
    for (name, value) in attributes.entries() {
        if value.entries().len() != 1 {
            faults.invalid_text(&attributes.key(name), "\"\"", "exactly one value must be specified");
        }
    }
}

fn few(list: &At<'_>, most: usize, faults: &mut Faults) {
    let count = list.items().len();
    if count > most {
        faults.add("FieldValueTooMany", list, format!("Too many: {count}: must have at most {most} items"));
    }
}

fn named_once(list: &At<'_>, faults: &mut Faults) {
    let mut seen = BTreeSet::new();
    for item in list.each() {
        let name = item["name"].clone();
        if !seen.insert(name.str()) {
            faults.duplicate(&item, &name);
        }
    }
}

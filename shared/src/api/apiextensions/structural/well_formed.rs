//! Whether a schema is structural: types everywhere, nothing that would make pruning and defaulting ambiguous.

use crate::api::validation::Faults;
use crate::collections::sort_by_key;
use crate::doc::Doc;

use super::costs::{Costs, repeats};
use super::{check, defaulted, is_int_or_string, pattern, preserves_unknown, pruned, rules, says, typed};

/// What OpenAPI has and definitions may not.
const NOT_SUPPORTED: [&str; 6] =
    ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"];
const JUNCTORS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
/// How many schemas a schema may be made of.
const MOST: u32 = 20_000;

/// Adds what is wrong with the schema of a whole resource.
pub fn well_formed(schema: &Doc, path: &str, faults: &mut Faults) {
    let mut look = Look {
        faults: Faults::default(),
        rules: Faults::default(),
        costs: Costs::default(),
        times: Some(1),
        uncorrelated: None,
        left: MOST,
    };
    look.schema(schema, path, Level::Root);
    look.complete(schema, schema, path);
    if look.left == 0 {
        look.faults.forbidden(path, &format!("a schema may be made of at most {MOST} schemas"));
    }
    look.faults.0.append(&mut look.rules.0);
    // Upstream walks over maps, and sorts what it finds.
    sort_by_key(&mut look.faults.0, |fault| format!("{}: {}", fault.field, fault.message));
    faults.0.extend(look.faults.0);
    look.costs.sum(path, faults);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

struct Look {
    faults: Faults,
    /// What is wrong with rules.
    rules: Faults,
    costs: Costs,
    /// How often the value of a schema may be there; nothing where that has no bound.
    times: Option<u64>,
    /// The outermost list around, of which items have no keys to be known by.
    uncorrelated: Option<String>,
    left: u32,
}

impl Look {
    fn schema(&mut self, schema: &Doc, path: &str, level: Level) {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            return;
        }
        let faults = self.faults.0.len();
        self.generic(schema, path);
        self.type_of(schema, path, level);
        let of = schema["type"].str();
        let items = &schema["items"];
        let times = self.times;
        self.times = times.zip(repeats(schema)).map(|(times, more)| times.saturating_mul(more));
        if of == "array" && items.is_null() {
            self.faults.required(format!("{path}.items"), "must be specified");
        }
        match items {
            Doc::List(_) => self
                .faults
                .forbidden(format!("{path}.items"), "items must be a schema object and not an array"),
            Doc::Null => {}
            items => {
                let outermost = self.uncorrelated.clone();
                if schema["x-kubernetes-list-type"].as_str() != Some("map") {
                    self.uncorrelated.get_or_insert(path.to_owned());
                }
                self.schema(items, &format!("{path}.items"), Level::Item);
                self.uncorrelated = outermost;
            }
        }
        for (name, property) in schema["properties"].entries() {
            let place = format!("{path}.properties[{name}]");
            if name == "metadata" && level == Level::Root {
                self.metadata(property, &place);
            } else {
                self.schema(property, &place, Level::Field);
            }
        }
        self.additional(schema, path, level);
        self.times = times;
        self.extensions(schema, path);
        for junctor in JUNCTORS {
            for (at, nested) in schema[junctor].items().iter().enumerate() {
                let first = junctor == "anyOf" || junctor == "allOf" && at == 0;
                if !(first && is_int_or_string(schema)) {
                    self.nested(nested, &format!("{path}.{junctor}[{at}]"));
                }
            }
        }
        if !schema["not"].is_null() {
            self.nested(&schema["not"], &format!("{path}.not"));
        }
        self.default(schema, path);
        rules::well_formed(schema, path, &mut self.faults);
        // Of what is no good schema, rules have no good types.
        if self.faults.0.len() == faults {
            let place = typed::Place { path, uncorrelated: self.uncorrelated.as_deref(), times: self.times };
            typed::check(schema, level == Level::Root, &place, &mut self.costs, &mut self.rules);
        }
    }

    /// What holds of every schema.
    fn generic(&mut self, schema: &Doc, path: &str) {
        for field in NOT_SUPPORTED.into_iter().filter(|field| !schema[*field].is_null()) {
            self.faults.forbidden(format!("{path}.{field}"), &format!("{field} is not supported"));
        }
        if says(schema, "uniqueItems") {
            let why = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
            self.faults.forbidden(format!("{path}.uniqueItems"), why);
        }
        let text = &schema["pattern"];
        if let Err(why) = pattern::read(&text.str()) {
            let why = format!("must be a valid regular expression, but isn't: {why}");
            self.faults.invalid(format!("{path}.pattern"), text, why);
        }
    }

    fn type_of(&mut self, schema: &Doc, path: &str, level: Level) {
        let (of, place) = (schema["type"].str(), format!("{path}.type"));
        if says(schema, "x-kubernetes-embedded-resource") && of != "object" {
            let why = "must be object if x-kubernetes-embedded-resource is true";
            match of.is_empty() {
                true => self.faults.required(place, why),
                false => self.faults.invalid(place, &schema["type"], why),
            }
        } else if of.is_empty() && !is_int_or_string(schema) && !preserves_unknown(schema) {
            let why = match level {
                Level::Root => "must not be empty at the root",
                Level::Item => "must not be empty for specified array items",
                Level::Field => "must not be empty for specified object fields",
            };
            self.faults.required(place, why);
        } else if of == "null" {
            self.faults.forbidden(place, "type cannot be set to null");
        } else if !of.is_empty() && !TYPES.contains(&of.as_str()) {
            self.faults.not_supported(place, &schema["type"], &TYPES);
        } else if level == Level::Root && !of.is_empty() && of != "object" {
            self.faults.invalid(place, &schema["type"], "must be object at the root");
        }
    }

    /// Of its metadata a resource may only bound the name.
    fn metadata(&mut self, schema: &Doc, path: &str) {
        if schema["type"].as_str() != Some("object") {
            self.faults.invalid(format!("{path}.type"), &Doc::from(schema["type"].str()), "must be object");
        }
        let known = |(field, value): &(crate::doc::Str, Doc)| match field.as_str() {
            "type" => true,
            "properties" => value.entries().iter().all(|(name, _)| name == "name" || name == "generateName"),
            _ => false,
        };
        if !schema.entries().iter().all(known) {
            let why = "must not specify anything other than name and generateName, but metadata is implicitly specified";
            self.faults.forbidden(path, why);
        }
    }

    fn additional(&mut self, schema: &Doc, path: &str, level: Level) {
        let (additional, place) = (&schema["additionalProperties"], format!("{path}.additionalProperties"));
        if additional.is_null() {
            return;
        }
        if level == Level::Root {
            self.faults.forbidden(&*place, "must not be used at the root");
        }
        if !schema["properties"].is_empty() {
            self.faults.forbidden(&*place, "additionalProperties and properties are mutual exclusive");
        }
        if additional.as_bool() == Some(false) {
            self.faults.forbidden(&*place, "additionalProperties cannot be set to false");
        }
        if matches!(additional, Doc::Map(_)) {
            self.schema(additional, &place, Level::Field);
        }
    }

    fn extensions(&mut self, schema: &Doc, path: &str) {
        const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";
        const EMBEDDED: &str = "x-kubernetes-embedded-resource";
        let either = is_int_or_string(schema);
        for extension in
            [PRESERVE, EMBEDDED].into_iter().filter(|extension| either && says(schema, extension))
        {
            let why = "must be false if x-kubernetes-int-or-string is true";
            self.faults.invalid(format!("{path}.{extension}"), &Doc::Bool(true), why);
        }
        if says(schema, EMBEDDED) && !preserves_unknown(schema) && schema["properties"].is_empty() {
            let why = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
            self.faults.required(format!("{path}.properties"), why);
        }
        if schema[PRESERVE].as_bool() == Some(false) {
            self.faults.invalid(format!("{path}.{PRESERVE}"), &Doc::Bool(false), "must be true or undefined");
        }
        self.list_type(schema, path);
        let map_type = &schema["x-kubernetes-map-type"];
        if !map_type.is_null() {
            let place = format!("{path}.x-kubernetes-map-type");
            if schema["type"].as_str() != Some("object") {
                let of = Doc::from(schema["type"].str());
                self.faults.invalid(
                    format!("{path}.type"),
                    &of,
                    "must be object if x-kubernetes-map-type is specified",
                );
            }
            if !matches!(map_type.as_str(), Some("atomic" | "granular")) {
                self.faults.not_supported(place, map_type, &["atomic", "granular"]);
            }
        }
    }

    fn list_type(&mut self, schema: &Doc, path: &str) {
        let (list_type, keys) = (&schema["x-kubernetes-list-type"], &schema["x-kubernetes-list-map-keys"]);
        let place = format!("{path}.x-kubernetes-list-type");
        if !list_type.is_null() {
            if schema["type"].as_str() != Some("array") {
                let of = Doc::from(schema["type"].str());
                self.faults.invalid(
                    format!("{path}.type"),
                    &of,
                    "must be array if x-kubernetes-list-type is specified",
                );
            }
            if !matches!(list_type.as_str(), Some("atomic" | "set" | "map")) {
                self.faults.not_supported(place, list_type, &["atomic", "set", "map"]);
                return;
            }
        }
        let keys_place = format!("{path}.x-kubernetes-list-map-keys");
        if list_type.as_str() != Some("map") {
            if !keys.is_empty() {
                let given = Doc::from(list_type.str());
                self.faults.invalid(place, &given, "must be map if x-kubernetes-list-map-keys is non-empty");
            }
            return;
        }
        if keys.is_empty() {
            self.faults.required(&*keys_place, "must not be empty if x-kubernetes-list-type is map");
        }
        let items = &schema["items"];
        if items["type"].as_str() != Some("object") {
            let of = Doc::from(items["type"].str());
            let why = "must be object if parent array's x-kubernetes-list-type is map";
            self.faults.invalid(format!("{path}.items.type"), &of, why);
        }
        for (at, key) in keys.items().iter().enumerate() {
            let (name, place) = (key.str(), format!("{keys_place}[{at}]"));
            let property = &items["properties"][name.as_str()];
            if property.is_null() {
                self.faults.invalid(
                    place,
                    key,
                    format!("must have property {name:?} as defined in x-kubernetes-list-map-keys"),
                );
                continue;
            }
            let required = items["required"].items().contains(key);
            if !required && property["default"].is_null() {
                let place = format!("{path}.items.properties[{name}].default");
                let why = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
                self.faults.required(place, why);
            }
        }
    }

    /// Below a junctor, schemas bound values and say nothing of their form.
    fn nested(&mut self, schema: &Doc, path: &str) {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            return;
        }
        self.generic(schema, path);
        for field in ["type", "title", "description"] {
            if !schema[field].is_empty() {
                self.faults.forbidden(format!("{path}.{field}"), "must be empty to be structural");
            }
        }
        for field in ["additionalProperties", "default", "x-kubernetes-list-type", "x-kubernetes-map-type"] {
            if !schema[field].is_null() {
                self.faults.forbidden(format!("{path}.{field}"), "must be undefined to be structural");
            }
        }
        for field in [
            "nullable",
            "x-kubernetes-preserve-unknown-fields",
            "x-kubernetes-embedded-resource",
            "x-kubernetes-int-or-string",
        ] {
            if says(schema, field) {
                self.faults.forbidden(format!("{path}.{field}"), "must be false to be structural");
            }
        }
        for (name, property) in schema["properties"].entries() {
            let place = format!("{path}.properties[{name}]");
            if name == "metadata" {
                self.faults.forbidden(&*place, "must not be specified in a nested context");
            }
            self.nested(property, &place);
        }
        if matches!(schema["items"], Doc::Map(_)) {
            self.nested(&schema["items"], &format!("{path}.items"));
        }
        for junctor in JUNCTORS {
            for (at, nested) in schema[junctor].items().iter().enumerate() {
                self.nested(nested, &format!("{path}.{junctor}[{at}]"));
            }
        }
        if !schema["not"].is_null() {
            self.nested(&schema["not"], &format!("{path}.not"));
        }
    }

    /// What a schema bounds below a junctor must be there beside it.
    fn complete(&mut self, of: &Doc, schema: &Doc, path: &str) {
        let nested = JUNCTORS.into_iter().flat_map(|junctor| schema[junctor].items().iter());
        for nested in nested.chain(Some(&schema["not"]).filter(|not| !not.is_null())) {
            self.has(of, nested, path);
        }
        for (name, property) in schema["properties"].entries() {
            self.complete(property, property, &format!("{path}.properties[{name}]"));
        }
        for field in ["items", "additionalProperties"] {
            if matches!(schema[field], Doc::Map(_)) {
                self.complete(&schema[field], &schema[field], &format!("{path}.{field}"));
            }
        }
    }

    fn has(&mut self, of: &Doc, nested: &Doc, path: &str) {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            return;
        }
        for (name, property) in nested["properties"].entries() {
            let (place, known) = (format!("{path}.properties[{name}]"), &of["properties"][name.as_str()]);
            match known {
                Doc::Null => {
                    let why = format!("because it is defined in {place}");
                    self.faults.required(&*place, &why);
                }
                known => self.has(known, property, &place),
            }
        }
        let items = &nested["items"];
        if matches!(items, Doc::Map(_)) {
            let place = format!("{path}.items");
            match &of["items"] {
                Doc::Null => self.faults.required(&*place, &format!("because it is defined in {place}")),
                known => self.has(known, items, &place),
            }
        }
        for junctor in JUNCTORS {
            nested[junctor].items().iter().for_each(|nested| self.has(of, nested, path));
        }
    }

    /// A default must be a value that the schema takes, and keeps.
    fn default(&mut self, schema: &Doc, path: &str) {
        let default = &schema["default"];
        if default.is_null() {
            return;
        }
        let place = format!("{path}.default");
        let mut gone = Vec::new();
        let kept = pruned(schema, default, &mut gone);
        if let Some(first) = gone.first() {
            self.faults.invalid(&*place, default, format!("must not have unknown fields: {first}"));
        }
        check(schema, &defaulted(schema, &kept), &place, &mut self.faults);
    }
}

//! `kubectl explain`: the fields of a kind, as the server's OpenAPI document has them, or else the table of the engine
//! (which knows types, but says nothing about them).

mod plain;

use crate::cluster::HttpRequest;
use crate::doc::{Doc, Str};
use crate::schema::{FieldType, Schema, Type};

use super::args::{Args, Flag, switch, value};
use super::discovery;
use super::failure::Failure;
use super::io::{Io, Stop};
use super::resource::{Resource, kind};

pub(super) const FLAGS: &[Flag] =
    &[switch("recursive", Some('R')), value("api-version", None), value("output", Some('o'))];

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let [path] = args.words.as_slice() else {
        return Err(io.fail(if args.words.is_empty() {
            "You must specify the type of resource to explain. Use \"kubectl api-resources\" for a complete list of \
             supported resources."
        } else {
            "We accept only this format: explain RESOURCE"
        }));
    };
    if let Some(format) =
        args.get("output").filter(|format| !matches!(*format, "plaintext" | "plaintext-openapiv2"))
    {
        return Err(io.fail(format!("unrecognized format: {format}")));
    }
    if path.starts_with('.') || path.contains('[') {
        return Err(io.fail("invalid jsonpath syntax, first node must be field node"));
    }
    let (resource, fields) = split(path, io)?;
    let resource = match args.get("api-version").filter(|wanted| !wanted.is_empty()) {
        Some(wanted) => Resource { version: version(&resource, wanted, io)?, ..resource },
        None => resource,
    };
    let (root, document) = root(&resource, io)?;
    let model = Model { document };
    if args.get("output") == Some("plaintext-openapiv2") {
        return match plain::tell(&model, &root, &fields, &resource, args.is_on("recursive")) {
            Ok(told) => {
                io.print(&told);
                Ok(())
            }
            Err(why) => Err(io.fail(why)),
        };
    }
    let mut text = String::new();
    if !resource.group.is_empty() {
        text.push_str(&format!("GROUP:      {}\n", resource.group));
    }
    text.push_str(&format!("KIND:       {}\nVERSION:    {}\n\n", resource.kind, resource.version));
    let mut node = root;
    for (at, field) in fields.iter().enumerate() {
        let Some(next) = model.field(&node, field) else {
            let last = fields.last().map_or("", String::as_str);
            io.print(&text);
            return Err(io.fail(format!("field {last:?} does not exist")));
        };
        node = next;
        if at + 1 == fields.len() {
            text.push_str(&format!("FIELD: {field} <{}>\n", model.type_name(&node)));
            let values = model.schema(&node)["enum"].items().to_vec();
            if !values.is_empty() {
                text.push_str("ENUM:");
                values.iter().for_each(|value| text.push_str(&format!("\n    {}", shown(value))));
            }
            text.push_str("\n\n");
        }
    }
    let described = model.described(&node);
    let described = if described.is_empty() { "<empty>".to_owned() } else { format!("{described}\n") };
    text.push_str(&format!("DESCRIPTION:\n{}\n", indented(&wrapped(&described, 76), 4)));
    let mut list = String::new();
    model.list(&mut list, &node, 1, args.is_on("recursive"), &mut Vec::new());
    if !list.is_empty() {
        text.push_str(&format!("FIELDS:\n{list}"));
    }
    io.say(text);
    Ok(())
}

/// The version of a kind that somebody wants to be told of.
fn version(resource: &Resource, wanted: &str, io: &mut Io<'_>) -> Result<Str, Stop> {
    if wanted.matches('/').count() > 1 {
        return Err(io.fail(format!("unexpected GroupVersion string: {wanted}")));
    }
    let (group, version) = wanted.split_once('/').unwrap_or(("", wanted));
    let served = discovery::versions(io)?.map_err(|failure| io.end(failure))?;
    if group != resource.group.as_str() && served.iter().any(|one| one == wanted) {
        let plural = &resource.plural;
        return Err(
            io.fail(format!("GVR ({group}/{version}, Resource={plural}) not found in OpenAPI schema"))
        );
    }
    if group != resource.group.as_str() || !served.iter().any(|one| one == wanted) {
        let plural = &resource.plural;
        return Err(io.fail(format!("couldn't find resource for \"{group}/{version}, Resource={plural}\"")));
    }
    Ok(version.into())
}

/// The kind that a path begins with (`pods.spec`, `deployments.apps.spec`), and the fields after it.
fn split(path: &str, io: &mut Io<'_>) -> Result<(Resource, Vec<String>), Stop> {
    let parts: Vec<&str> = path.split('.').filter(|part| !part.is_empty()).collect();
    let Some(first) = parts.first() else {
        return Err(io.fail("the server doesn't have a resource type \"\""));
    };
    // As much of the path as names a group belongs to the kind; a version is a field like any other.
    let versioned = parts.get(1).is_some_and(|part| is_version(part));
    for length in (2..=parts.len()).rev().filter(|_| !versioned) {
        if let Some(known) = crate::api::Kind::named(&parts[..length].join(".")) {
            return Ok((known.into(), parts[length..].iter().map(|part| (*part).to_owned()).collect()));
        }
    }
    // Groups of other kinds have dots in them.
    if parts.len() > 2 && !versioned {
        let after = format!("{}.", parts[1..].join("."));
        let named = |resource: &Resource| {
            let group = format!("{}.", resource.group);
            resource.plural == **first && group.len() > 1 && after.starts_with(&group)
        };
        if let Some(found) =
            discovery::resources(io)?.unwrap_or_default().into_iter().find(|one| named(&one.resource))
        {
            let fields = &parts[1 + found.resource.group.split('.').count()..];
            return Ok((found.resource, fields.iter().map(|part| (*part).to_owned()).collect()));
        }
    }
    match kind(first, io)? {
        Some(resource) => Ok((resource, parts[1..].iter().map(|part| (*part).to_owned()).collect())),
        None => {
            io.warn(format!("the server doesn't have a resource type {first:?}"));
            Err(Stop::Exit(1))
        }
    }
}

/// `v1`, `v2beta1`
fn is_version(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// What a field holds.
#[derive(Clone)]
enum Node {
    /// A schema of the server's.
    Api(Doc),
    /// A type of the engine's table.
    Table(FieldType),
}

/// The kind's own schema, and the document in which its references lead.
fn root(resource: &Resource, io: &mut Io<'_>) -> Result<(Node, Doc), Stop> {
    let group = match resource.group.as_str() {
        "" => format!("api/{}", resource.version),
        group => format!("apis/{group}/{}", resource.version),
    };
    let path = format!("/openapi/v3/{group}");
    let request = HttpRequest { method: "GET".into(), path: path.into(), ..HttpRequest::default() };
    let response = io.request(request)?;
    let document = response.body;
    let is_it = |schema: &Doc| {
        schema["x-kubernetes-group-version-kind"].items().iter().any(|one| {
            (one["group"].str(), one["version"].str(), one["kind"].str())
                == (resource.group.clone(), resource.version.clone(), resource.kind.clone())
        })
    };
    let schemas = document["components"]["schemas"].entries();
    if let Some((_, schema)) = schemas.iter().find(|(_, schema)| is_it(schema)) {
        return Ok((Node::Api(schema.clone()), document.clone()));
    }
    match Schema::named(&resource.api_version(), &resource.kind) {
        Some(known) => Ok((Node::Table(FieldType::Object(known)), Doc::Null)),
        None if response.code == 0 => {
            let why = document["message"].str().to_string();
            Err(io.end(Failure::Connection(why)))
        }
        None => {
            let (group, version) = (&resource.group, &resource.version);
            Err(io.fail(format!(
                "GVR ({group}/{version}, Resource={}) not found in OpenAPI schema",
                resource.plural
            )))
        }
    }
}

/// What can be asked of nodes.
struct Model {
    document: Doc,
}

impl Model {
    /// A schema, its reference followed, alone or in the one `allOf` that stands around it.
    fn schema(&self, node: &Node) -> Doc {
        let Node::Api(schema) = node else { return Doc::Null };
        let only = &schema["allOf"][0];
        let reference = match schema["$ref"].str() {
            none if none.is_empty() => only["$ref"].str(),
            reference => reference,
        };
        let name = reference.rsplit('/').next().unwrap_or("");
        let found = &self.document["components"]["schemas"][name];
        if found.is_null() { schema.clone() } else { found.clone() }
    }

    /// What a list or map holds, or the node itself.
    fn element(&self, node: &Node) -> Option<Node> {
        match node {
            Node::Table(FieldType::List(element) | FieldType::Map(element)) => {
                Some(Node::Table(element.get()))
            }
            Node::Table(_) => None,
            Node::Api(_) => {
                let schema = self.schema(node);
                let inner = [&schema["items"], &schema["additionalProperties"]];
                inner.into_iter().find(|inner| matches!(inner, Doc::Map(_))).cloned().map(Node::Api)
            }
        }
    }

    /// The fields: name, whether it must be there, what it holds.
    fn fields(&self, node: &Node) -> Vec<(Str, bool, Node)> {
        match node {
            Node::Table(FieldType::Object(of)) => {
                let field = |field: &crate::schema::Field| {
                    (field.name.into(), field.required, Node::Table(field.field_type()))
                };
                of.fields().iter().map(field).collect()
            }
            Node::Table(_) => Vec::new(),
            Node::Api(_) => {
                let schema = self.schema(node);
                let required = schema["required"].items();
                let field = |(name, field): &(Str, Doc)| {
                    let must = required.iter().any(|one| one.as_str() == Some(name));
                    (name.clone(), must, Node::Api(field.clone()))
                };
                schema["properties"].entries().iter().map(field).collect()
            }
        }
    }

    /// The field called so, of the node or of what it holds.
    fn field(&self, node: &Node, name: &str) -> Option<Node> {
        match self.fields(node).into_iter().find(|(field, ..)| field == name) {
            Some((_, _, found)) => Some(found),
            None => self.field(&self.element(node)?, name),
        }
    }

    /// `[]Container`, `map[string]string`
    fn type_name(&self, node: &Node) -> String {
        let is_list = match node {
            Node::Table(kind) => matches!(kind, FieldType::List(_)),
            Node::Api(_) => !self.schema(node)["items"].is_null(),
        };
        if let Some(element) = self.element(node) {
            return format!("{}{}", if is_list { "[]" } else { "map[string]" }, self.type_name(&element));
        }
        match node {
            Node::Table(kind) => match kind {
                FieldType::Int32 | FieldType::Int64 => "integer".into(),
                FieldType::Number => "number".into(),
                FieldType::Boolean => "boolean".into(),
                FieldType::Quantity => "Quantity".into(),
                FieldType::IntOrString => "IntOrString".into(),
                FieldType::Object(of) => self.object_name(*of),
                FieldType::Any => "Object".into(),
                _ => "string".into(),
            },
            Node::Api(own) => {
                let reference = match own["$ref"].str() {
                    none if none.is_empty() => own["allOf"][0]["$ref"].str(),
                    reference => reference,
                };
                let kind = self.schema(node)["type"].str();
                match (reference.is_empty(), kind.as_str()) {
                    (false, "" | "object") => reference.rsplit(['.', '/']).next().unwrap_or("").to_owned(),
                    (_, "" | "object") => "Object".into(),
                    (_, other) => other.to_owned(),
                }
            }
        }
    }

    fn object_name(&self, of: Type) -> String {
        of.name().to_owned()
    }

    fn described(&self, node: &Node) -> String {
        let Node::Api(own) = node else { return String::new() };
        let mut all = vec![bare(&own["description"])];
        let resolved = self.schema(node);
        if resolved != *own {
            all.push(bare(&resolved["description"]));
        }
        if let Some(element) = self.element(node) {
            all.push(self.described(&element));
        }
        all.retain(|text| !text.is_empty());
        all.join("\n")
    }

    /// The fields below a node, each with what is said of it, or all of them below one another.
    fn list(&self, text: &mut String, node: &Node, level: usize, deep: bool, above: &mut Vec<String>) {
        let fields = self.fields(node);
        if fields.is_empty() {
            if let Some(element) = self.element(node) {
                self.list(text, &element, level, deep, above);
            }
            return;
        }
        // A type inside itself is told once.
        let own = self.type_name(node);
        if above.contains(&own) && own != "Object" {
            return;
        }
        above.push(own);
        let indent = level * 2;
        for (name, required, field) in &fields {
            let must = if *required { " -required-" } else { "" };
            text.push_str(&format!("{}{name}\t<{}>{must}", " ".repeat(indent), self.type_name(field)));
            text.push_str(&self.values(field, indent));
            text.push('\n');
            if deep {
                self.list(text, field, level + 1, deep, above);
                continue;
            }
            let said = match field {
                Node::Api(own) => bare(&own["description"]),
                Node::Table(_) => String::new(),
            };
            let said = if said.is_empty() { "<no description>" } else { &said };
            text.push_str(&indented(&wrapped(said, 78 - indent), indent + 2));
            text.push_str("\n\n");
        }
        above.pop();
    }

    /// The first values that a field may have.
    fn values(&self, node: &Node, indent: usize) -> String {
        const MOST: usize = 4;
        let schema = self.schema(node);
        let all = schema["enum"].items();
        if all.is_empty() {
            return String::new();
        }
        let values: Vec<String> = all.iter().take(MOST).map(shown).collect();
        let more = if all.len() > MOST { ", ...." } else { "" };
        format!("\n{}enum: {}{more}", " ".repeat(indent), values.join(", "))
    }
}

fn bare(value: &Doc) -> String {
    value.str().trim_end().to_owned()
}

fn shown(value: &Doc) -> String {
    match value {
        Doc::Str(text) if text.is_empty() => "\"\"".into(),
        other => super::jsonpath::print(other),
    }
}

/// Text in lines of at most so many letters; what stands between words, and before the first of a line, stays.
fn wrapped(text: &str, most: usize) -> String {
    let mut made = String::new();
    for (at, line) in text.split('\n').enumerate() {
        made.push_str(if at > 0 { "\n" } else { "" });
        let (mut width, mut rest) = (0, line);
        while !rest.is_empty() {
            let spaces = rest.len() - rest.trim_start_matches(' ').len();
            let word = rest[spaces..].split(' ').next().unwrap_or("");
            let (gap, length) = (&rest[..spaces], word.chars().count());
            rest = &rest[spaces + word.len()..];
            if width + spaces + length.min(most - 1) > most && !word.is_empty() {
                made.push('\n');
                width = 0;
            } else {
                made.push_str(gap);
                width += spaces;
            }
            made.push_str(word);
            width += length;
        }
    }
    made
}

fn indented(text: &str, by: usize) -> String {
    text.split('\n').map(|line| format!("{}{line}", " ".repeat(by))).collect::<Vec<_>>().join("\n")
}

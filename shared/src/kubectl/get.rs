//! `kubectl get`

use crate::cluster::HttpRequest;
use crate::doc;
use crate::doc::Doc;
use crate::manifest;

use super::args::{Args, Flag, switch, value};
use super::io::{Io, Stop};
use super::jsonpath::{JsonPath, print};
use super::resource::{Target, escape, targets, type_name};
use super::table::{View, WIDE, align, lines};

pub(super) const FLAGS: &[Flag] = &[
    value("output", Some('o')),
    switch("all-namespaces", Some('A')),
    value("selector", Some('l')),
    value("field-selector", None),
    switch("no-headers", None),
    switch("show-labels", None),
    switch("ignore-not-found", None),
    switch("watch", Some('w')),
    switch("show-managed-fields", None),
];

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if args.is_on("watch") {
        return Err(io.fail("--watch is not simulated: look again with another get, or use rollout status"));
    }
    let mut wanted = targets(&args.words, args, io)?;
    let selects = args.get("selector").is_some() || args.get("field-selector").is_some();
    if args.is_on("all-namespaces") {
        if wanted.iter().any(|target| !target.name.is_empty()) {
            return Err(io.fail("a resource cannot be retrieved by name across all namespaces"));
        }
        wanted.iter_mut().for_each(|target| target.namespace = "".into());
    } else if selects && wanted.iter().any(|target| !target.name.is_empty()) {
        return Err(io.fail("selectors and the name of an object cannot be given together"));
    }
    match args.get("output") {
        None | Some("" | "wide") => tables(&wanted, args, io),
        Some(format) => documents(&wanted, format, args, io),
    }
}

fn request(target: &Target, args: &Args, accept: &str) -> HttpRequest {
    let mut query = Vec::new();
    if target.name.is_empty() {
        for (flag, parameter) in [("selector", "labelSelector"), ("field-selector", "fieldSelector")] {
            query.extend(args.get(flag).map(|selector| format!("{parameter}={}", escape(selector))));
        }
        query.push("limit=500".into());
    }
    let mut request = target.get();
    if !query.is_empty() {
        request.path = format!("{}?{}", request.path, query.join("&")).into();
    }
    request.accept = accept.into();
    request
}

fn tables(wanted: &[Target], args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let mut failures = Vec::new();
    // Objects of one kind share a table.
    let mut tables: Vec<(Target, Doc)> = Vec::new();
    for target in wanted {
        let response = io.request(request(target, args, TABLE))?;
        if !response.is_success() {
            let failure = target.failure(&response, args);
            if !(args.is_on("ignore-not-found") && failure.is("NotFound")) {
                failures.push(failure);
            }
            continue;
        }
        match tables.iter_mut().find(|(known, _)| known.kind == target.kind) {
            Some((_, table)) => {
                let rows = table.at_mut(&["rows"]).items_mut();
                rows.extend(response.body["rows"].items().iter().cloned());
            }
            None => tables.push((target.clone(), response.body)),
        }
    }
    tables.retain(|(_, table)| !table["rows"].items().is_empty());
    let several = wanted.iter().any(|target| target.kind != wanted[0].kind)
        || args.words[0].contains('/') && wanted.len() > 1;
    for (at, (target, table)) in tables.iter().enumerate() {
        if at > 0 {
            io.say("");
        }
        let view = View {
            wide: args.get("output") == Some("wide"),
            namespaces: args.is_on("all-namespaces") && target.kind.info().namespaced,
            prefix: if several { format!("{}/", type_name(target.kind)) } else { String::new() },
            headers: !args.is_on("no-headers"),
            labels: args.is_on("show-labels"),
        };
        io.print(&align(&lines(table, &view), WIDE));
    }
    if tables.is_empty() && failures.is_empty() && !args.is_on("ignore-not-found") {
        let everywhere =
            args.is_on("all-namespaces") || wanted.iter().all(|target| target.namespace.is_empty());
        io.warn(if everywhere {
            "No resources found".to_owned()
        } else {
            format!("No resources found in {} namespace.", args.namespace())
        });
    }
    io.finish(failures)
}

fn documents(wanted: &[Target], format: &str, args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let template = match format.strip_prefix("jsonpath=") {
        Some(template) => Some(Template::parse(template).map_err(|why| io.fail(why))?),
        None if matches!(format, "yaml" | "json" | "name") => None,
        None => {
            return Err(io.fail(format!(
                "unable to match a printer suitable for the output format {format:?}, allowed formats are: json,\
                 jsonpath=TEMPLATE,name,wide,yaml"
            )));
        }
    };
    let mut failures = Vec::new();
    let mut objects: Vec<(Target, Doc)> = Vec::new();
    for target in wanted {
        let response = io.request(request(target, args, ""))?;
        if !response.is_success() {
            let failure = target.failure(&response, args);
            if !(args.is_on("ignore-not-found") && failure.is("NotFound")) {
                failures.push(failure);
            }
        } else if target.name.is_empty() {
            let items = response.body["items"].items().iter();
            objects.extend(items.map(|item| (target.clone(), typed(target, item))));
        } else {
            objects.push((target.clone(), response.body));
        }
    }
    if matches!(format, "yaml" | "json") && !args.is_on("show-managed-fields") {
        // Bookkeeping of field owners is for those who ask for it.
        for (_, object) in &mut objects {
            object.at_mut(&["metadata"]).remove("managedFields");
        }
    }
    if format == "name" {
        for (target, object) in &objects {
            let target = Target { name: object["metadata"]["name"].str(), ..target.clone() };
            io.say(target.display());
        }
        return io.finish(failures);
    }
    let single = wanted.len() == 1 && !wanted[0].name.is_empty();
    let whole = match (single, objects.pop()) {
        (true, Some((_, object))) => object,
        (true, None) => return io.finish(failures),
        (false, last) => {
            let items = objects.into_iter().chain(last).map(|(_, object)| object);
            doc!({ "apiVersion": "v1", "items": Doc::list(items), "kind": "List", "metadata": { "resourceVersion": "" } })
        }
    };
    match (format, template) {
        (_, Some(template)) => io.print(&template.print(&whole)),
        ("json", _) => io.say(whole.to_json_pretty()),
        _ => io.print(&manifest::to_yaml(&whole)),
    }
    io.finish(failures)
}

/// An item of a list, which does not say what it is.
fn typed(target: &Target, item: &Doc) -> Doc {
    let info = target.kind.info();
    let mut object = item.clone();
    object.set("apiVersion", info.api_version());
    object.set("kind", info.kind);
    object
}

/// `-o jsonpath=`: text with paths in braces.
struct Template(Vec<Part>);

enum Part {
    Text(String),
    Path(JsonPath),
}

impl Template {
    fn parse(text: &str) -> Result<Template, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (path, after) = after
                .split_once('}')
                .ok_or_else(|| format!("error parsing jsonpath {text}, unclosed action"))?;
            parts.push(Part::Text(before.replace("\\n", "\n").replace("\\t", "\t")));
            match path.trim().strip_prefix('"').and_then(|path| path.strip_suffix('"')) {
                Some(quoted) => parts.push(Part::Text(quoted.replace("\\n", "\n").replace("\\t", "\t"))),
                None => parts.push(Part::Path(JsonPath::parse(path)?)),
            }
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Template(parts))
    }

    fn print(&self, doc: &Doc) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Path(path) => path.find(doc).iter().map(print).collect::<Vec<_>>().join(" "),
        };
        self.0.iter().map(part).collect()
    }
}

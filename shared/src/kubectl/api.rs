//! What the cluster is and serves: `kubectl api-resources`, `api-versions`, `cluster-info` and `version`.

use crate::api::Kind;
use crate::cluster::HttpRequest;
use crate::collections::{sort, sort_by_key};
use crate::doc;
use crate::doc::{Doc, Str};
use crate::manifest;

use super::args::{Args, Flag, switch, value};
use super::discovery::{self, Offer};
use super::failure::{Failure, SERVER};
use super::io::{Io, Stop};
use super::printer::Format;
use super::resource::Target;
use super::tabs::{WIDE, align};
use super::typed;

/// The kubectl that this one is like.
const VERSION: &str = "v1.36.4";
const KUSTOMIZE: &str = "v5.8.1";

pub(super) const RESOURCES_FLAGS: &[Flag] = &[
    value("api-group", None),
    switch("namespaced", None),
    value("verbs", None),
    value("categories", None),
    value("sort-by", None),
    value("output", Some('o')),
    switch("no-headers", None),
    switch("cached", None),
    switch("show-managed-fields", None),
];

pub(super) fn resources(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if !args.words.is_empty() {
        let words = args.words.join(" ");
        return Err(io.fail(format!(
            "unexpected arguments: [{words}]\nSee 'kubectl api-resources -h' for help and examples"
        )));
    }
    let by = args.get("sort-by").unwrap_or("");
    if !matches!(by, "" | "name" | "kind") {
        return Err(io.fail("--sort-by accepts only name or kind"));
    }
    let Offer { mut served, stale } = match discovery::offer(io)? {
        Ok(offer) => offer,
        Err(failure) => return Err(io.end(failure)),
    };
    let has_all = |all: &[Str], flag: &str| args.each(flag).all(|wanted| all.iter().any(|one| one == wanted));
    served.retain(|one| {
        args.get("api-group").is_none_or(|group| group == one.resource.group)
            && args.get("namespaced").is_none_or(|_| args.is_on("namespaced") == one.resource.namespaced)
            && has_all(&one.verbs, "verbs")
            && has_all(&one.categories, "categories")
            && !one.verbs.is_empty()
    });
    sort_by_key(&mut served, |one| {
        let first = match by {
            "name" => &one.resource.plural,
            "kind" => &one.resource.kind,
            _ => &one.resource.group,
        };
        (first.clone(), one.resource.plural.clone())
    });
    show(&served, args, io)?;
    if stale.is_empty() {
        return Ok(());
    }
    let why: Vec<String> =
        stale.iter().map(|version| format!("{version}: stale GroupVersion discovery: {version}")).collect();
    Err(io.fail(format!("unable to retrieve the complete list of server APIs: {}", why.join(", "))))
}

fn show(served: &[discovery::Served], args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let wide = match args.get("output") {
        None | Some("") => false,
        Some("wide") => true,
        Some("name") => {
            served.iter().for_each(|one| io.say(one.resource.qualified()));
            return Ok(());
        }
        Some("json" | "yaml" | "kyaml") => {
            let list = resource_list(served);
            let format = Format::asked(args, io)?;
            return format.map_or(Ok(()), |format| format.show_typed(&list, io));
        }
        Some(other) => {
            return Err(io.fail(format!(
                "unable to match a printer suitable for the output format {other:?}, allowed formats are: \
                 json,kyaml,name,wide,yaml"
            )));
        }
    };
    let mut text = String::new();
    if !args.is_on("no-headers") {
        let more = if wide { "\tVERBS\tCATEGORIES" } else { "" };
        text.push_str(&format!("NAME\tSHORTNAMES\tAPIVERSION\tNAMESPACED\tKIND{more}\n"));
    }
    for one in served {
        let of = &one.resource;
        let short = one.short_names.join(",");
        text.push_str(&format!(
            "{}\t{short}\t{}\t{}\t{}",
            of.plural,
            of.api_version(),
            of.namespaced,
            of.kind
        ));
        if wide {
            text.push_str(&format!("\t{}\t{}", one.verbs.join(","), one.categories.join(",")));
        }
        text.push('\n');
    }
    io.print(&align(&text, WIDE));
    Ok(())
}

/// What is served, as an object.
fn resource_list(served: &[discovery::Served]) -> Doc {
    let texts = |texts: &[Str]| Doc::list(texts.iter().cloned());
    let resource = |one: &discovery::Served| {
        let of = &one.resource;
        let mut doc = doc!({
            "name": &of.plural, "singularName": &of.singular, "namespaced": of.namespaced, "kind": &of.kind,
            "version": &of.version, "verbs": texts(&one.verbs)
        });
        if !of.group.is_empty() {
            doc.set("group", &of.group);
        }
        for (field, names) in [("shortNames", &one.short_names), ("categories", &one.categories)] {
            if !names.is_empty() {
                doc.set(field, texts(names));
            }
        }
        doc
    };
    let resources = if served.is_empty() { Doc::Null } else { Doc::list(served.iter().map(resource)) };
    doc!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "", "resources": resources })
}

pub(super) fn versions(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if !args.words.is_empty() {
        let words = args.words.join(" ");
        return Err(io.fail(format!(
            "unexpected arguments: [{words}]\nSee 'kubectl api-versions -h' for help and examples"
        )));
    }
    match discovery::versions(io)? {
        Ok(mut versions) => {
            sort(&mut versions);
            versions.iter().for_each(|version| io.say(version));
            Ok(())
        }
        Err(failure) => Err(io.end(failure)),
    }
}

pub(super) fn cluster_info(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if args.words.first().is_some_and(|word| word == "dump") {
        return super::dump::run(args, io);
    }
    let namespace = args.get("namespace").unwrap_or("kube-system");
    let mut request = Target::new(Kind::Service, namespace, "").get();
    request.path = format!("{}?labelSelector=kubernetes.io%2Fcluster-service%3Dtrue", request.path).into();
    let response = io.request(request)?;
    if response.is_success() {
        io.say(format!("Kubernetes control plane is running at https://{SERVER}"));
        for service in response.body["items"].items() {
            io.say(running_at(service));
        }
    }
    io.say("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.");
    if response.is_success() { Ok(()) } else { io.finish(vec![Failure::of(&response)]) }
}

/// Where a service of the cluster itself answers.
fn running_at(service: &Doc) -> String {
    let (metadata, spec) = (&service["metadata"], &service["spec"]);
    let name = metadata["name"].str();
    let ingress = &service["status"]["loadBalancer"]["ingress"][0];
    let link = if ingress.is_null() {
        let port = &spec["ports"][0];
        let (scheme, called) = (port["name"].str(), port["name"].str());
        let secure = scheme == "https" || port["port"].as_i64() == Some(443);
        let place = match (secure, called.is_empty()) {
            (true, _) => format!("https:{name}:{called}"),
            (false, false) => format!("{name}:{called}"),
            (false, true) => name.to_string(),
        };
        format!("https://{SERVER}/api/v1/namespaces/{}/services/{place}/proxy", metadata["namespace"].str())
    } else {
        let address = match ingress["ip"].str() {
            none if none.is_empty() => ingress["hostname"].str(),
            ip => ip,
        };
        let ports = spec["ports"].items().iter().map(|port| port["port"].as_i64().unwrap_or(0));
        ports.map(|port| format!("http://{address}:{port} ")).collect()
    };
    let title = match metadata["labels"]["kubernetes.io/name"].str() {
        none if none.is_empty() => name,
        title => title,
    };
    format!("{title} is running at {link}")
}

pub(super) const VERSION_FLAGS: &[Flag] = &[switch("client", None), value("output", Some('o'))];

pub(super) fn version(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if !args.words.is_empty() {
        return Err(io.fail(format!("extra arguments: [{}]", args.words.join(" "))));
    }
    let output = args.get("output").unwrap_or("");
    if !matches!(output, "" | "yaml" | "json") {
        return Err(io.fail("--output must be 'yaml' or 'json'"));
    }
    let mut server = None;
    if !args.is_on("client") {
        server = Some(io.request(HttpRequest {
            method: "GET".into(),
            path: "/version".into(),
            ..HttpRequest::default()
        })?);
    }
    let answered = server.as_ref().filter(|response| response.is_success());
    // What a server sends as text is still the document that it is.
    let info = answered.map(|response| match response.body.as_str() {
        Some(text) => doc::parse_json(text).unwrap_or_default(),
        None => response.body.clone(),
    });
    match output {
        "" => {
            io.say(format!("Client Version: {VERSION}"));
            io.say(format!("Kustomize Version: {KUSTOMIZE}"));
            if let Some(info) = &info {
                io.say(format!("Server Version: {}", info["gitVersion"].str()));
            }
        }
        _ => {
            let client = doc!({
                "major": "1", "minor": "36", "gitVersion": VERSION,
                "gitCommit": "bb826b1d48562f110659e64e8ec444327433db95", "gitTreeState": "clean",
                "buildDate": "2026-09-29T20:03:31Z", "goVersion": "go1.27.1", "compiler": "gc",
                "platform": "linux/amd64"
            });
            let mut whole = doc!({ "clientVersion": client, "kustomizeVersion": KUSTOMIZE });
            if let Some(info) = info {
                whole.set("serverVersion", info);
            }
            let text = if output == "yaml" {
                format!("{}\n", manifest::to_yaml(&whole))
            } else {
                typed::json(&whole).replace("    ", "  ")
            };
            io.print(&text);
        }
    }
    match server.filter(|response| !response.is_success()) {
        Some(refused) => io.finish(vec![Failure::of(&refused)]),
        None => Ok(()),
    }
}

//! `kubectl config`: the kubeconfig, which lives outside the cluster with whoever types.

mod entries;
mod exec;
mod fields;

use crate::collections::{sort, sort_by};
use crate::doc;
use crate::doc::{Doc, Str};
use crate::manifest;

use super::args::{Args, Flag, output, switch, value};
use super::failure::{Failure, SERVER};
use super::io::{Io, Stop};
use super::printer::Format;
use super::tabs::{WIDE, align};

pub(super) const FLAGS: &[Flag] = &[
    switch("current", None),
    switch("minify", None),
    switch("flatten", None),
    switch("raw", None),
    switch("no-headers", None),
    value("certificate-authority", None),
    value("client-certificate", None),
    value("client-key", None),
    value("username", None),
    value("password", None),
    value("proxy-url", None),
    value("tls-server-name", None),
    switch("embed-certs", None),
    switch("merge", None),
    switch("set-raw-bytes", None),
    value("auth-provider", None),
    value("auth-provider-arg", None),
    value("exec-api-version", None),
    value("exec-arg", None),
    value("exec-command", None),
    value("exec-env", None),
    value("exec-interactive-mode", None),
    switch("exec-provide-cluster-info", None),
    output(),
];

/// Where the file would lie.
const FILE: &str = "/root/.kube/config";

/// The kubeconfig that a new cluster comes with.
fn first() -> Doc {
    doc!({
        "apiVersion": "v1",
        "clusters": [{
            "cluster": { "certificate-authority-data": "DATA+OMITTED", "server": format!("https://{SERVER}") },
            "name": "kubernetes"
        }],
        "contexts": [{
            "context": { "cluster": "kubernetes", "user": "kubernetes-admin" },
            "name": "kubernetes-admin@kubernetes"
        }],
        "current-context": "kubernetes-admin@kubernetes",
        "kind": "Config",
        "users": [{
            "name": "kubernetes-admin",
            "user": { "client-certificate-data": "DATA+OMITTED", "client-key-data": "DATA+OMITTED" }
        }]
    })
}

fn current(config: &Doc) -> Doc {
    if config.is_null() { first() } else { config.clone() }
}

/// The namespace of the context that is in use.
pub(super) fn namespace(config: &Doc) -> String {
    let context = named(config, "contexts", &config["current-context"].str());
    let namespace = context.map(|context| context["context"]["namespace"].str()).unwrap_or_default();
    if namespace.is_empty() { "default".into() } else { namespace.to_string() }
}

/// The user of the context that is in use.
pub(super) fn user(config: &Doc) -> Str {
    let config = current(config);
    let context = named(&config, "contexts", &config["current-context"].str());
    context.map(|context| context["context"]["user"].str()).unwrap_or_default()
}

/// What the flags choose of the kubeconfig must be in it; a context brings its namespace.
pub(super) fn choose(args: &mut Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let config = current(io.config);
    if let Some(path) = args.get("kubeconfig").filter(|path| *path != FILE && !path.is_empty()) {
        return Err(io.fail(format!("stat {path}: no such file or directory")));
    }
    if let Some(name) = args.get("context").filter(|name| !name.is_empty()).map(str::to_owned) {
        let Some(context) = named(&config, "contexts", &name) else {
            let why = format!("context was not found for specified context: {name}");
            io.warn(format!("Error in configuration: {why}"));
            return Err(Stop::Exit(1));
        };
        let namespace = context["context"]["namespace"].str();
        args.in_context(if namespace.is_empty() { "default" } else { &namespace });
    }
    let unknown = |flag: &str, list: &str| args.get(flag).filter(|name| named(&config, list, name).is_none());
    if let Some(name) = unknown("user", "users") {
        return Err(io.fail(format!("auth info {name:?} does not exist")));
    }
    if let Some(name) = unknown("cluster", "clusters") {
        return Err(io.fail(format!("no server found for cluster {name:?}")));
    }
    Ok(())
}

fn named<'d>(config: &'d Doc, list: &str, name: &str) -> Option<&'d Doc> {
    config[list].items().iter().find(|entry| entry["name"].as_str() == Some(name))
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let Some((verb, words)) = args.words.split_first() else {
        return super::help::parts("config", io);
    };
    let config = current(io.config);
    match (verb.as_str(), words) {
        ("view", []) => view(config, args, io),
        ("view", words) => Err(io.fail(format!(
            "unexpected arguments: [{}]\nSee 'kubectl config view -h' for help and examples",
            words.join(" ")
        ))),
        ("current-context", _) => match config["current-context"].str() {
            none if none.is_empty() => Err(io.fail("current-context is not set")),
            name => {
                io.say(name);
                Ok(())
            }
        },
        ("get-contexts", names) => contexts(&config, names, args, io),
        ("get-clusters", _) => list(&config, "clusters", args, io),
        ("get-users", _) => list(&config, "users", args, io),
        ("set-context", names) => set_context(config, names, args, io),
        ("use-context" | "use", [name]) => use_context(config, name, io),
        ("rename-context", [old, new]) => rename_context(config, old, new, io),
        ("delete-context", [name]) => delete_context(config, name, io),
        ("set-cluster", [name]) => entries::set_entry(config, "clusters", name, args, io),
        ("set-credentials", [name]) => entries::set_entry(config, "users", name, args, io),
        ("delete-user", []) => {
            let why = "user to delete is required\nSee 'kubectl config delete-user -h' for help and examples";
            Err(io.fail(why))
        }
        ("delete-cluster", [name]) => entries::delete_entry(config, "clusters", name, io),
        ("delete-user", [name]) => entries::delete_entry(config, "users", name, io),
        ("set", [property, value]) => {
            entries::set_property(config, property, Some(value), args.is_on("set-raw-bytes"), io)
        }
        ("unset", [property]) => entries::set_property(config, property, None, false, io),
        ("delete-context" | "delete-cluster", []) => {
            super::help::of(&super::help::path("config", [verb.as_str()].into_iter()), io);
            Ok(())
        }
        (
            "use-context" | "use" | "rename-context" | "set" | "unset" | "set-cluster" | "set-credentials",
            names,
        ) => {
            super::help::of(&super::help::path("config", [verb.as_str()].into_iter()), io);
            let unexpected = if verb == "set-credentials" { "unexpected" } else { "Unexpected" };
            Err(io.fail(format!("{unexpected} args: [{}]", names.join(" "))))
        }
        _ => Err(io.fail(format!("unknown command {verb:?}\nSee 'kubectl config -h' for help and examples"))),
    }
}

fn view(mut config: Doc, args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if args.get("merge") == Some("false") && args.get("kubeconfig").is_none() {
        return Err(io.fail("if merge==false a precise file must be specified"));
    }
    let config_format = Format::asked(args, io)?;
    if matches!(config_format, Some(Format::Name)) {
        io.say("config/<unknown>");
        return Ok(());
    }
    if args.is_on("minify") {
        let name = args.get("context").map_or_else(|| config["current-context"].str(), Str::from);
        let Some(context) = named(&config, "contexts", &name).cloned() else {
            return Err(io.fail(format!("cannot locate context {name}")));
        };
        for (list, part, what) in [("users", "user", "user"), ("clusters", "cluster", "cluster")] {
            let name = context["context"][part].str();
            if !name.is_empty() && named(&config, list, &name).is_none() {
                return Err(io.fail(format!("cannot locate {what} {name}")));
            }
        }
        let keep = |list: &str, name: &Doc| {
            Doc::list(config[list].items().iter().filter(|entry| entry["name"] == *name).cloned())
        };
        let (clusters, users) =
            (keep("clusters", &context["context"]["cluster"]), keep("users", &context["context"]["user"]));
        config.set("clusters", clusters);
        config.set("users", users);
        config.set("contexts", vec![context]);
    }
    if !args.is_on("raw") {
        for user in config.at_mut(&["users"]).items_mut() {
            for bytes in ["client-certificate-data", "client-key-data"] {
                if !user["user"][bytes].is_null() {
                    user.set_at(&["user", bytes], "DATA+OMITTED");
                }
            }
            for secret in ["token", "password"]
                .into_iter()
                .filter(|field| !user["user"][*field].is_null())
                .collect::<Vec<_>>()
            {
                user.set_at(&["user", secret], "REDACTED");
            }
        }
    }
    // Go keeps them in maps, and writes those by name.
    for list in ["clusters", "contexts", "users"] {
        sort_by(config.at_mut(&[list]).items_mut(), |one, two| one["name"].str().cmp(&two["name"].str()));
    }
    match config_format {
        None => io.print(&manifest::to_yaml(&config)),
        Some(format) => format.show_typed(&config, io)?,
    }
    Ok(())
}

fn contexts(config: &Doc, names: &[String], args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let only_names = match args.get("output").unwrap_or("") {
        "" => false,
        "name" => true,
        other => {
            return Err(io.fail(format!(
                "--output {other} is not available in kubectl config get-contexts; resetting to default output format"
            )));
        }
    };
    let mut failures = Vec::new();
    let mut chosen = Vec::new();
    for name in names {
        match named(config, "contexts", name) {
            Some(context) => chosen.push(context["name"].str()),
            None => failures.push(Failure::Client(format!("context {name} not found"))),
        }
    }
    if names.is_empty() {
        chosen = config["contexts"].items().iter().map(|context| context["name"].str()).collect();
    }
    sort(&mut chosen);
    let mut text = String::new();
    if !args.is_on("no-headers") && !only_names {
        text.push_str("CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE\n");
    }
    for name in chosen {
        if only_names {
            text.push_str(&format!("{name}\n"));
            continue;
        }
        let context = named(config, "contexts", &name).cloned().unwrap_or_default()["context"].clone();
        let mark = if config["current-context"].as_str() == Some(&*name) { "*" } else { " " };
        let (cluster, user) = (context["cluster"].str(), context["user"].str());
        text.push_str(&format!("{mark}\t{name}\t{cluster}\t{user}\t{}\n", context["namespace"].str()));
    }
    io.print(&align(&text, WIDE));
    io.finish(failures)
}

fn list(config: &Doc, field: &str, args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if !args.is_on("no-headers") {
        io.say("NAME");
    }
    let mut names: Vec<Str> = config[field].items().iter().map(|entry| entry["name"].str()).collect();
    crate::collections::sort(&mut names);
    names.iter().for_each(|name| io.say(name));
    Ok(())
}

fn set_context(mut config: Doc, names: &[String], args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let name: Str = match (names, args.is_on("current")) {
        ([], false) => return Err(io.fail("you must specify a non-empty context name or --current")),
        ([], true) => config["current-context"].str(),
        ([name], false) => name.as_str().into(),
        ([_], true) => return Err(io.fail("you cannot specify both a context name and --current")),
        (many, _) => {
            super::help::of(&super::help::path("config", ["set-context"].into_iter()), io);
            return Err(io.fail(format!("Unexpected args: [{}]", many.join(" "))));
        }
    };
    if name.is_empty() {
        return Err(io.fail("no current context is set"));
    }
    let contexts = config.at_mut(&["contexts"]);
    let known = contexts.items();
    let at = known.iter().position(|context| context["name"].as_str() == Some(&*name));
    let place = at.unwrap_or(known.len());
    if at.is_none() {
        contexts.edit_items().push(doc!({ "context": {}, "name": &name }));
    }
    let context = &mut contexts.items_mut()[place];
    for flag in ["cluster", "user", "namespace"] {
        if let Some(value) = args.get(flag) {
            context.set_at(&["context", flag], value);
        }
    }
    *io.config = config;
    io.say(format!("Context {:?} {}.", name.as_str(), if at.is_some() { "modified" } else { "created" }));
    Ok(())
}

fn use_context(mut config: Doc, name: &str, io: &mut Io<'_>) -> Result<(), Stop> {
    if named(&config, "contexts", name).is_none() {
        return Err(io.fail(format!("no context exists with the name: {name:?}")));
    }
    config.set("current-context", name);
    *io.config = config;
    io.say(format!("Switched to context {name:?}."));
    Ok(())
}

fn rename_context(mut config: Doc, old: &str, new: &str, io: &mut Io<'_>) -> Result<(), Stop> {
    if named(&config, "contexts", old).is_none() {
        return Err(io.fail(format!("cannot rename the context {old:?}, it's not in {FILE}")));
    }
    if named(&config, "contexts", new).is_some() {
        return Err(io.fail(format!(
            "cannot rename the context {old:?}, the context {new:?} already exists in {FILE}"
        )));
    }
    for context in config.at_mut(&["contexts"]).items_mut() {
        if context["name"].as_str() == Some(old) {
            context.set("name", new);
        }
    }
    if config["current-context"].as_str() == Some(old) {
        config.set("current-context", new);
    }
    *io.config = config;
    io.say(format!("Context {old:?} renamed to {new:?}."));
    Ok(())
}

fn delete_context(mut config: Doc, name: &str, io: &mut Io<'_>) -> Result<(), Stop> {
    if named(&config, "contexts", name).is_none() {
        return Err(io.fail(format!("cannot delete context {name}, not in {FILE}")));
    }
    if config["current-context"].as_str() == Some(name) {
        io.warn(
            "warning: this removed your active context, use \"kubectl config use-context\" to select a different one",
        );
    }
    config.at_mut(&["contexts"]).edit_items().retain(|context| context["name"].as_str() != Some(name));
    *io.config = config;
    io.say(format!("deleted context {name} from {FILE}"));
    Ok(())
}

//! `kubectl set env`

use crate::api::Kind;
use crate::api::core::secret::base64_decode;
use crate::doc;
use crate::doc::{Doc, Str};

use super::super::args::Args;
use super::super::failure::Failure;
use super::super::io::{Io, Stop};
use super::super::manifests::found_once;
use super::super::resource::{Target, kind};
use super::pods::chosen;
use super::{Told, no_pods, pod_spec, subjects_of, update};

/// What is said of it, and of its failure.
const ENV: Told = ("env updated", "failed to patch env update to pod template: ");

/// Variables to set, and names of those to take away.
#[derive(Default)]
struct Edits {
    set: Vec<Doc>,
    remove: Vec<String>,
}

pub(super) fn run(words: &[String], args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let mut edits = Edits::default();
    let mut subjects: Vec<String> = Vec::new();
    // A lone dash stands for what comes in.
    let piped: Vec<String> = match words.iter().any(|word| word == "-") {
        true => io.stdin.text.lines().map(str::to_owned).filter(|line| line.contains('=')).collect(),
        false => Vec::new(),
    };
    let words = words.iter().filter(|word| *word != "-");
    let flags = args.all("env").iter().map(|word| (word, true));
    for (word, is_edit) in flags.chain(words.chain(&piped).map(|word| (word, false))) {
        if let Some((name, value)) = word.split_once('=').filter(|(name, _)| !name.is_empty()) {
            well_called(name).map_err(|why| io.fail(why))?;
            edits.set.push(doc!({ "name": name, "value": value }));
        } else if let Some(name) = word.strip_suffix('-').filter(|_| is_edit || !subjects.is_empty()) {
            edits.remove.push(name.to_owned());
        } else if is_edit {
            return Err(io.fail(format!("unknown environment variable: {word}")));
        } else {
            subjects.push(word.clone());
        }
    }
    if edits.set.iter().any(|variable| edits.remove.contains(&variable["name"].str().to_string())) {
        return Err(
            io.fail("can not both modify and remove the same environment variable in the same command")
        );
    }
    if args.get("keys").is_some() && args.get("from").is_none() {
        return Err(io.fail("when specifying --keys, a configmap or secret must be provided with --from"));
    }
    if let Some(from) = args.get("from") {
        edits.set.extend(imported(from, args, io)?);
    }
    // What the command line says of a variable goes before what it takes from elsewhere.
    let mut names: Vec<Str> = Vec::new();
    edits.set.retain(|variable| {
        let name = variable["name"].str();
        let first = !names.contains(&name);
        names.push(name);
        first
    });
    if subjects.is_empty() && args.get("filename").is_none() {
        return Err(
            io.fail("one or more resources must be specified as <resource> <name> or <resource>/<name>")
        );
    }
    let lists = args.is_on("list");
    if lists && args.get("output").is_some_and(|output| !output.is_empty()) {
        return Err(io.fail("--list and --output may not be specified together"));
    }
    let which = args.get("containers").unwrap_or("*");
    let overwrite = args.get("overwrite").is_none_or(|_| args.is_on("overwrite"));
    let found = found_once(io, |io, failures| subjects_of(&subjects, args, io, failures))?;
    found.change(io, |target, object, io, failures| {
        let Some(path) = pod_spec(object) else {
            failures.push(no_pods(target, args));
            return Ok(());
        };
        let chosen: Vec<(&str, &Doc)> = chosen(object.at(path), which).collect();
        if chosen.is_empty() {
            let of = format!("{}/{}", target.kind.kind, target.name);
            io.warn(format!("Warning: {of} does not have any containers matching {which:?}"));
            return Ok(());
        }
        if lists {
            for (_, container) in chosen {
                list(target, object, &with(container, &edits), args.is_on("resolve"), io)?;
            }
            return Ok(());
        }
        let mut changed = Doc::map();
        for (list, container) in chosen {
            match change(container, &edits, overwrite) {
                Ok(Some(change)) => changed.map_mut().entry(list).edit_items().push(change),
                Ok(None) => {}
                Err(why) => {
                    let of = format!("{}/{}", target.kind.plural, target.name);
                    failures.push(Failure::Client(format!("{of} {why}")));
                }
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        update((target, object), path, changed, ENV, args, io, failures)
    })
}

/// Whether a variable may be called so.
fn well_called(name: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(fits) {
        return Ok(());
    }
    Err(format!(
        "{name:?} is not a valid key name: a valid environment variable name must consist of alphabetic characters, \
         digits, '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or \
         'MyEnvName1', regex used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')"
    ))
}

/// The container as it would be.
fn with(container: &Doc, edits: &Edits) -> Doc {
    let mut env = container["env"].items().to_vec();
    for variable in &edits.set {
        match env.iter_mut().find(|old| old["name"] == variable["name"]) {
            Some(old) => *old = variable.clone(),
            None => env.push(variable.clone()),
        }
    }
    env.retain(|variable| !edits.remove.iter().any(|name| variable["name"].as_str() == Some(name)));
    let mut changed = container.clone();
    changed.set("env", env);
    changed
}

/// What changes in a container.
fn change(container: &Doc, edits: &Edits, overwrite: bool) -> Result<Option<Doc>, String> {
    let mut env: Vec<Doc> = Vec::new();
    let present = container["env"].items();
    for variable in &edits.set {
        let old = present.iter().find(|old| old["name"] == variable["name"]);
        if old == Some(variable) {
            continue;
        }
        if let Some(old) = old.filter(|_| !overwrite) {
            let name = variable["name"].str();
            return Err(format!(
                "'{name}' already has a value ({}), and --overwrite is false",
                old["value"].str()
            ));
        }
        let mut variable = variable.clone();
        // One of the two takes the place of the other.
        if let Some(old) = old {
            for field in ["value", "valueFrom"] {
                if variable[field].is_null() && !old[field].is_null() {
                    variable.set(field, Doc::Null);
                }
            }
        }
        env.push(variable);
    }
    for name in &edits.remove {
        if present.iter().any(|old| old["name"].as_str() == Some(name)) {
            env.push(doc!({ "$patch": "delete", "name": name.as_str() }));
        }
    }
    if env.is_empty() {
        return Ok(None);
    }
    // Without an order what is new would stand before what is there.
    let kept = with(container, edits);
    let order = Doc::list(kept["env"].items().iter().map(|one| doc!({ "name": one["name"].clone() })));
    Ok(Some(doc!({ "$setElementOrder/env": order, "env": env, "name": container["name"].clone() })))
}

fn list(target: &Target, object: &Doc, container: &Doc, resolves: bool, io: &mut Io<'_>) -> Result<(), Stop> {
    let (kind, name) = (&target.kind.kind, &target.name);
    io.say(format!("# {kind} {name}, container {}", container["name"].str()));
    for variable in container["env"].items() {
        let (name, from) = (variable["name"].str(), &variable["valueFrom"]);
        if from.is_null() {
            io.say(format!("{name}={}", variable["value"].str()));
            continue;
        }
        if resolves && let Some(value) = resolved(target, object, from, io)? {
            io.say(format!("{name}={value}"));
            continue;
        }
        let key = |field: &str, what: &str| {
            let reference = &from[field];
            format!("{what} {}, key {}", reference["name"].str(), reference["key"].str())
        };
        let source = if !from["secretKeyRef"].is_null() {
            key("secretKeyRef", "secret")
        } else if !from["configMapKeyRef"].is_null() {
            key("configMapKeyRef", "configmap")
        } else if !from["fieldRef"].is_null() {
            format!("field path {}", from["fieldRef"]["fieldPath"].str())
        } else {
            format!("resource field {}", from["resourceFieldRef"]["resource"].str())
        };
        io.say(format!("# {name} from {source}"));
    }
    Ok(())
}

/// What a reference leads to.
fn resolved(target: &Target, object: &Doc, from: &Doc, io: &mut Io<'_>) -> Result<Option<String>, Stop> {
    for (field, kind) in [("configMapKeyRef", Kind::ConfigMap), ("secretKeyRef", Kind::Secret)] {
        let reference = &from[field];
        if reference.is_null() {
            continue;
        }
        let holder = Target::new(kind, &target.namespace, &reference["name"].str());
        let response = io.request(holder.get())?;
        let value = response.body["data"][&*reference["key"].str()].as_str();
        return Ok(match kind {
            Kind::Secret => value
                .and_then(|text| base64_decode(text).ok())
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
            _ => value.map(str::to_owned),
        });
    }
    let path: Vec<Str> = from["fieldRef"]["fieldPath"].str().split('.').map(Str::from).collect();
    let path: Vec<&str> = path.iter().map(Str::as_str).collect();
    Ok(object.at(&path).as_str().map(str::to_owned))
}

/// Variables for all keys of a ConfigMap or Secret.
fn imported(from: &str, args: &Args, io: &mut Io<'_>) -> Result<Vec<Doc>, Stop> {
    let (word, name) = from.split_once('/').unwrap_or((from, ""));
    let Some(resource) = kind(word, io)? else {
        return Err(io.fail(format!("the server doesn't have a resource type {word:?}")));
    };
    let field = match resource.kind.as_str() {
        "Secret" => "secretKeyRef",
        "ConfigMap" => "configMapKeyRef",
        _ => "",
    };
    let target = Target::of(resource, args.namespace(), name);
    let response = io.request(target.get())?;
    if !response.is_success() {
        return Err(io.end(Failure::of(&response)));
    }
    if field.is_empty() {
        return Err(io.fail("unsupported resource specified in --from"));
    }
    let prefix = args.get("prefix").unwrap_or("");
    let keys: Vec<&str> = args.each("keys").collect();
    let chosen = |(key, _): &&(Str, Doc)| keys.is_empty() || keys.contains(&key.as_str());
    let named = |key: &Str| key.to_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    for (key, _) in response.body["data"].entries().iter().filter(chosen) {
        if named(key) != key.as_str() {
            io.warn(format!("Warning: key {key} transferred to {}", named(key)));
        }
    }
    let variable = |(key, _): &(Str, Doc)| {
        let called = named(key);
        let mut source = Doc::map();
        source.set(field, doc!({ "key": key, "name": name }));
        doc!({ "name": format!("{prefix}{called}"), "valueFrom": source })
    };
    Ok(response.body["data"].entries().iter().filter(chosen).map(variable).collect())
}

//! Users who are known by what a command or a plug-in says: `config set-credentials --exec-…`, `--auth-provider…`.

use crate::doc;
use crate::doc::Doc;

use super::super::args::Args;
use super::super::io::{Io, Stop};

/// What of the flags cannot be.
pub(super) fn check(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    for (flag, pairs) in [("exec-env", "env"), ("auth-provider-arg", "auth-provider-arg")] {
        if let Some(bad) = args.all(flag).iter().find(|pair| !pair.contains('=') && !pair.ends_with('-')) {
            super::super::help::of(&super::super::help::path("config", ["set-credentials"].into_iter()), io);
            return Err(io.fail(format!("invalid {pairs} format: {bad}")));
        }
    }
    if let Some(mode) = args.get("exec-interactive-mode")
        && !matches!(mode, "" | "IfAvailable" | "Never" | "Always")
    {
        return Err(io.fail("invalid interactive mode type, can be only IfAvailable, Never, Always"));
    }
    Ok(())
}

/// Writes what the flags say into a user.
pub(super) fn set(entry: &mut Doc, args: &Args) {
    if let Some(name) = args.get("auth-provider") {
        entry.set_at(&["user", "auth-provider", "name"], name);
    }
    for pair in args.all("auth-provider-arg") {
        let provider = &["user", "auth-provider", "config"];
        match pair.split_once('=') {
            Some((key, value)) if !entry["user"]["auth-provider"].is_null() => {
                entry.at_mut(provider).set(key, value);
            }
            None if !entry["user"]["auth-provider"]["config"].is_null() => {
                entry.at_mut(provider).remove(pair.trim_end_matches('-'));
            }
            _ => {}
        }
    }
    if let Some(command) = args.get("exec-command") {
        if entry["user"]["exec"].is_null() {
            entry.set_at(&["user", "exec"], doc!({ "args": Doc::Null, "env": Doc::Null }));
            entry.set_at(&["user", "exec", "provideClusterInfo"], false);
        }
        entry.set_at(&["user", "exec", "command"], command);
    }
    // The rest is about a command that is there.
    if entry["user"]["exec"].is_null() {
        return;
    }
    let exec = entry.at_mut(&["user", "exec"]);
    for (flag, field) in [("exec-api-version", "apiVersion"), ("exec-interactive-mode", "interactiveMode")] {
        if let Some(value) = args.get(flag) {
            exec.set(field, value);
        }
    }
    if args.get("exec-provide-cluster-info").is_some() {
        exec.set("provideClusterInfo", args.is_on("exec-provide-cluster-info"));
    }
    let given: Vec<&str> = args.each("exec-arg").collect();
    if !given.is_empty() {
        exec.set("args", Doc::list(given));
    }
    if !args.all("exec-env").is_empty() {
        let mut env = exec["env"].items().to_vec();
        for pair in args.each("exec-env") {
            let (name, value) = pair.split_once('=').unwrap_or((pair.trim_end_matches('-'), ""));
            env.retain(|known| pair.contains('=') || known["name"].as_str() != Some(name));
            match env.iter_mut().find(|known| known["name"].as_str() == Some(name)) {
                Some(known) => known.set("value", value),
                None if pair.contains('=') => env.push(doc!({ "name": name, "value": value })),
                None => {}
            }
        }
        exec.set("env", env);
    }
}

//! Clusters and users of a kubeconfig, and any of its properties.

use crate::doc;
use crate::doc::Doc;

use super::super::args::Args;
use super::super::io::{Io, Stop};
use super::{FILE, named};

/// `set-cluster` and `set-credentials`: the entry with what the flags say of it.
pub(super) fn set_entry(
    mut config: Doc,
    list: &str,
    name: &str,
    args: &Args,
    io: &mut Io<'_>,
) -> Result<(), Stop> {
    let given = |flag: &str| args.get(flag).is_some_and(|value| !value.is_empty());
    if list == "clusters" && args.is_on("insecure-skip-tls-verify") && given("certificate-authority") {
        return Err(io.fail("you cannot specify a certificate authority and insecure mode at the same time"));
    }
    let basic = given("username") || given("password");
    if list == "users" && given("token") && basic {
        return Err(io.fail(
            "you cannot specify more than one authentication method at the same time: --token, --username/--password",
        ));
    }
    if args.is_on("embed-certs") {
        for flag in ["certificate-authority", "client-certificate", "client-key"] {
            if let Some(path) = args.get(flag).filter(|path| !path.is_empty()) {
                return Err(io.fail(format!(
                    "could not stat {flag} file {path}: stat {path}: no such file or directory"
                )));
            }
        }
    }
    if list == "users" {
        super::exec::check(args, io)?;
    }
    let (part, title, flags): (_, _, &[&str]) = match list {
        "clusters" => {
            ("cluster", "Cluster", &["server", "certificate-authority", "tls-server-name", "proxy-url"])
        }
        _ => ("user", "User", &["token", "username", "password", "client-certificate", "client-key"]),
    };
    let entries = config.at_mut(&[list]);
    let known = entries.items();
    let at = known.iter().position(|entry| entry["name"].as_str() == Some(name));
    let place = at.unwrap_or(known.len());
    if at.is_none() {
        let mut new = doc!({ "name": name });
        new.set_at(&[part], Doc::map());
        entries.edit_items().push(new);
    }
    let entry = &mut entries.items_mut()[place];
    for flag in flags {
        if let Some(value) = args.get(flag) {
            entry.set_at(&[part, flag], value);
        }
    }
    if given("certificate-authority") {
        entry.at_mut(&[part]).remove("insecure-skip-tls-verify");
    }
    if list == "users" {
        super::exec::set(entry, args);
    }
    if list == "clusters" && args.is_on("insecure-skip-tls-verify") {
        entry.at_mut(&[part]).remove("certificate-authority");
        entry.set_at(&[part, "insecure-skip-tls-verify"], true);
    }
    // One way to say who one is takes the place of the other.
    if list == "users" {
        let gone: &[&str] = if given("token") {
            &["username", "password"]
        } else if basic {
            &["token"]
        } else {
            &[]
        };
        for field in gone {
            entry.at_mut(&[part]).remove(field);
        }
    }
    *io.config = config;
    io.say(format!("{title} {name:?} set."));
    Ok(())
}

/// `delete-cluster` and `delete-user`
pub(super) fn delete_entry(mut config: Doc, list: &str, name: &str, io: &mut Io<'_>) -> Result<(), Stop> {
    let what = list.trim_end_matches('s');
    if named(&config, list, name).is_none() {
        return Err(io.fail(format!("cannot delete {what} {name}, not in {FILE}")));
    }
    config.at_mut(&[list]).edit_items().retain(|entry| entry["name"].as_str() != Some(name));
    *io.config = config;
    io.say(format!("deleted {what} {name} from {FILE}"));
    Ok(())
}

/// `set` and `unset` of `clusters.NAME.server`, `current-context` …; without a value it goes.
pub(super) fn set_property(
    mut config: Doc,
    property: &str,
    value: Option<&str>,
    raw: bool,
    io: &mut Io<'_>,
) -> Result<(), Stop> {
    let mut typed = Doc::Null;
    if let Some(value) = value {
        typed = super::fields::value(property, value, raw, &config).map_err(|why| io.fail(why))?;
    }
    let steps: Vec<&str> = property.split('.').collect();
    match steps[..] {
        [list @ ("clusters" | "contexts" | "users")] if value.is_none() => {
            config.at_mut(&[list]).edit_items().clear();
        }
        ["current-context"] => config.set("current-context", value.unwrap_or("")),
        // Which they are follows when the file is written.
        ["kind" | "apiVersion"] if value.is_some() => {}
        ["preferences", "colors"] => config.set_at(&["preferences", "colors"], typed),
        [list @ ("clusters" | "contexts" | "users"), name, ref rest @ ..] => {
            let part = list.trim_end_matches('s');
            let mut entries = config.at_mut(&[list]).edit_items();
            let at = entries.iter().position(|entry| entry["name"].as_str() == Some(name));
            let path = [&[part][..], rest].concat();
            match (at, value) {
                (Some(at), None) if rest.is_empty() => drop(entries.remove(at)),
                (Some(at), None) => {
                    let above = &path[..path.len() - 1];
                    entries[at].at_mut(above).remove(path[path.len() - 1]);
                }
                (None, None) if rest.is_empty() => {}
                (None, None) => return Err(io.fail(format!("current map key `{name}` is invalid"))),
                (found, Some(value)) => {
                    let at = found.unwrap_or(entries.len());
                    if found.is_none() {
                        entries.push(doc!({ "name": name }));
                    }
                    entries[at].set_at(&path, if typed.is_null() { Doc::from(value) } else { typed });
                }
            }
        }
        _ => {
            return Err(io.fail(format!("unable to parse {property} after [] at api.Config")));
        }
    }
    *io.config = config;
    io.say(format!("Property {property:?} {}.", if value.is_some() { "set" } else { "unset" }));
    Ok(())
}

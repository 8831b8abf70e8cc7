//! `kubectl help`, `--help`, and what is said of commands that are not there.

mod pages;

use crate::doc::Str;

use super::VERBS;
use super::io::{Io, Stop};

/// The commands by purpose: each with what it does.
const GROUPS: &[(&str, &[(&str, &str)])] = &[
    (
        "Basic Commands (Beginner)",
        &[
            ("create", "Create a resource from a file or from stdin"),
            (
                "expose",
                "Take a replication controller, service, deployment or pod and expose it as a new Kubernetes service",
            ),
            ("run", "Run a particular image on the cluster"),
            ("set", "Set specific features on objects"),
        ],
    ),
    (
        "Basic Commands (Intermediate)",
        &[
            ("explain", "Get documentation for a resource"),
            ("get", "Display one or many resources"),
            ("edit", "Edit a resource on the server"),
            (
                "delete",
                "Delete resources by file names, stdin, resources and names, or by resources and label selector",
            ),
        ],
    ),
    (
        "Deploy Commands",
        &[
            ("rollout", "Manage the rollout of a resource"),
            ("scale", "Set a new size for a deployment, replica set, or replication controller"),
            ("autoscale", "Auto-scale a deployment, replica set, stateful set, or replication controller"),
        ],
    ),
    (
        "Cluster Management Commands",
        &[
            ("certificate", "Modify certificate resources"),
            ("cluster-info", "Display cluster information"),
            ("top", "Display resource (CPU/memory) usage"),
            ("cordon", "Mark node as unschedulable"),
            ("uncordon", "Mark node as schedulable"),
            ("drain", "Drain node in preparation for maintenance"),
            ("taint", "Update the taints on one or more nodes"),
        ],
    ),
    (
        "Troubleshooting and Debugging Commands",
        &[
            ("describe", "Show details of a specific resource or group of resources"),
            ("logs", "Print the logs for a container in a pod"),
            ("attach", "Attach to a running container"),
            ("exec", "Execute a command in a container"),
            ("port-forward", "Forward one or more local ports to a pod"),
            ("proxy", "Run a proxy to the Kubernetes API server"),
            ("cp", "Copy files and directories to and from containers"),
            ("auth", "Inspect authorization"),
            ("debug", "Create debugging sessions for troubleshooting workloads and nodes"),
            ("events", "List events"),
        ],
    ),
    (
        "Advanced Commands",
        &[
            ("diff", "Diff the live version against a would-be applied version"),
            ("apply", "Apply a configuration to a resource by file name or stdin"),
            ("patch", "Update fields of a resource"),
            ("replace", "Replace a resource by file name or stdin"),
            ("wait", "Wait for a specific condition on one or many resources"),
            ("kustomize", "Build a kustomization target from a directory or URL"),
        ],
    ),
    (
        "Settings Commands",
        &[
            ("label", "Update the labels on a resource"),
            ("annotate", "Update the annotations on a resource"),
            (
                "completion",
                "Output shell completion code for the specified shell (bash, zsh, fish, or powershell)",
            ),
        ],
    ),
    ("Subcommands provided by plugins", &[]),
    (
        "Other Commands",
        &[
            ("api-resources", "Print the supported API resources on the server"),
            (
                "api-versions",
                "Print the supported API versions on the server, in the form of \"group/version\"",
            ),
            ("config", "Modify kubeconfig files"),
            ("kuberc", "Manage kuberc configuration files"),
            ("plugin", "Provides utilities for interacting with plugins"),
            ("version", "Print the client and server version information"),
        ],
    ),
];

/// The commands by purpose, and how to go on.
fn commands() -> String {
    let mut text = String::new();
    let longest =
        GROUPS.iter().flat_map(|(_, verbs)| verbs.iter()).map(|(name, _)| name.len()).max().unwrap_or(0) + 3;
    for (group, verbs) in GROUPS {
        text.push_str(&format!("\n{group}:\n"));
        for (name, what) in *verbs {
            text.push_str(&format!("  {name:longest$}{what}\n"));
        }
    }
    text.push_str(
        "\nUsage:\n  kubectl [flags] [options]\n\nUse \"kubectl <command> --help\" for more information about a given \
         command.\nUse \"kubectl options\" for a list of global command-line options (applies to all commands).\n",
    );
    text
}

/// `kubectl` without a command.
pub(super) fn all(io: &mut Io<'_>) {
    io.print(
        "kubectl controls the Kubernetes cluster manager.\n\n Find more information at: \
         https://kubernetes.io/docs/reference/kubectl/\n",
    );
    io.print(&commands());
}

/// `kubectl help [COMMAND]`
pub(super) fn run(args: &[Str], io: &mut Io<'_>) -> Result<(), Stop> {
    let words: Vec<&str> = args.iter().map(Str::as_str).filter(|word| !word.starts_with('-')).collect();
    let Some((verb, rest)) = words.split_first() else {
        all(io);
        return Ok(());
    };
    if !VERBS.iter().any(|known| known.name == *verb) {
        let topic: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        io.warn(format!("Unknown help topic [{}]\n\n{}", topic.join(" "), commands().trim_end()));
        return Ok(());
    }
    of(&path(verb, rest.iter().copied()), io);
    Ok(())
}

/// `kubectl VERB --help`, by the words of the command.
pub(super) fn of(path: &str, io: &mut Io<'_>) {
    if let Some(page) = pages::page(path) {
        io.print(&page.text(path));
    }
}

/// A command of several parts without one of them: its page where kubectl prints it, and the end.
pub(super) fn parts(path: &str, io: &mut Io<'_>) -> Result<(), Stop> {
    let text = pages::page(path).map(|page| page.text(path)).unwrap_or_default();
    match path {
        "certificate" => {
            io.print(&text);
            return Ok(());
        }
        "rollout" => io.print(&text),
        _ => io.warn(text.trim_end()),
    }
    Err(Stop::Exit(1))
}

/// `kubectl options`
pub(super) fn options(io: &mut Io<'_>) {
    if let Some(page) = pages::page("options") {
        io.print(&page.options());
    }
}

/// How a command is properly called: its verb, and of the words those that are parts of it.
pub(super) fn path<'w>(verb: &str, words: impl Iterator<Item = &'w str>) -> String {
    let mut path = verb.to_owned();
    for word in words {
        match pages::part(&path, word) {
            Some(part) => path = format!("{path} {part}"),
            None => break,
        }
    }
    path
}

/// The flags that the part of a command at `path` takes; `None` of commands without parts.
pub(super) fn flags(verb: &str, path: &str) -> Option<Vec<&'static str>> {
    pages::page(verb).filter(|page| page.has_parts())?;
    Some(pages::page(path)?.flag_names().collect())
}

/// What is said of a command that is not there: which ones are nearly called so.
pub(super) fn unknown(name: &str, io: &mut Io<'_>) -> Stop {
    const FAR: usize = 2;
    let meant: Vec<&str> = GROUPS
        .iter()
        .flat_map(|(_, verbs)| verbs.iter().map(|(verb, _)| *verb))
        .filter(|verb| {
            distance(name, verb) <= FAR || verb.starts_with(&name.to_lowercase()) || suggested(name) == *verb
        })
        .collect();
    let mut why = format!("unknown command {name:?} for \"kubectl\"");
    if !meant.is_empty() {
        why.push_str("\n\nDid you mean this?");
        meant.iter().for_each(|verb| why.push_str(&format!("\n\t{verb}")));
    }
    io.fail(why)
}

/// Words of other tools.
fn suggested(name: &str) -> &'static str {
    match name {
        "list" | "ls" => "get",
        "inspect" => "describe",
        "remove" | "rm" => "delete",
        _ => "",
    }
}

/// How many letters must be added, taken away or changed.
fn distance(one: &str, two: &str) -> usize {
    let two: Vec<char> = two.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (at, letter) in one.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, other) in two.iter().enumerate() {
            let change = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = change.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[two.len()]
}

#[cfg(test)]
mod tests {
    use super::super::VERBS;
    use super::super::args::typed;
    use super::{pages, path};

    /// The pages of a command and of all its parts.
    fn below(path: &str) -> Vec<String> {
        let parts = pages::page(path).unwrap_or_else(|| panic!("{path} has a page")).parts();
        let written = parts.into_iter().filter(|part| !matches!(*part, "dump" | "list"));
        let deeper = written.flat_map(|part| below(&format!("{path} {part}")));
        [path.to_owned()].into_iter().chain(deeper).collect()
    }

    #[test]
    fn every_command_has_a_page_with_flags_that_it_takes() {
        let mut seen = 0;
        for verb in VERBS.iter().filter(|verb| !matches!(verb.name, "alpha" | "kuberc")) {
            let taken = typed(verb.flags);
            for path in below(verb.name) {
                let page = pages::page(&path).expect("a page");
                for flag in page.flag_names() {
                    let takes = |typed: &String| typed.trim_end_matches('=') == format!("--{flag}");
                    assert!(taken.iter().any(takes), "{path} --{flag}");
                    assert!(pages::is_described(flag), "{path} --{flag} is not described");
                    seen += 1;
                }
            }
        }
        assert!(seen > 500, "{seen} flags");
    }

    #[test]
    fn commands_are_called_by_their_own_names() {
        let cases = [
            ("create", &["deploy", "web"][..], "create deployment"),
            ("create", &["svc", "nodeport", "x"], "create service nodeport"),
            ("set", &["sa", "deploy/web"], "set serviceaccount"),
            ("get", &["pods"], "get"),
            ("", &["pods"], ""),
        ];
        for (verb, words, expected) in cases {
            assert_eq!(path(verb, words.iter().copied()), expected);
        }
    }
}

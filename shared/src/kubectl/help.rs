//! `kubectl help`, `--help`, and what is said of commands that are not there.

use crate::doc::Str;

use super::io::{Io, Stop};
use super::{VERBS, Verb};

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
            ("wait", "Experimental: Wait for a specific condition on one or many resources"),
        ],
    ),
    (
        "Settings Commands",
        &[("label", "Update the labels on a resource"), ("annotate", "Update the annotations on a resource")],
    ),
    (
        "Other Commands",
        &[
            ("api-resources", "Print the supported API resources on the server"),
            (
                "api-versions",
                "Print the supported API versions on the server, in the form of \"group/version\"",
            ),
            ("config", "Modify kubeconfig files"),
            ("version", "Print the client and server version information"),
        ],
    ),
];

/// `kubectl` alone.
fn overview() -> String {
    let mut text = "kubectl controls the Kubernetes cluster manager.\n\n Find more information at: \
                    https://kubernetes.io/docs/reference/kubectl/\n"
        .to_owned();
    let longest =
        GROUPS.iter().flat_map(|(_, verbs)| verbs.iter()).map(|(name, _)| name.len()).max().unwrap_or(0);
    for (group, verbs) in GROUPS {
        text.push_str(&format!("\n{group}:\n"));
        for (name, what) in *verbs {
            text.push_str(&format!("  {name:longest$}  {what}\n"));
        }
    }
    text.push_str(
        "\nUsage:\n  kubectl [flags] [options]\n\nUse \"kubectl <command> --help\" for more information about a given \
         command.\n",
    );
    text
}

/// `kubectl help [COMMAND]`
pub(super) fn run(args: &[Str], io: &mut Io<'_>) -> Result<(), Stop> {
    match args.iter().find(|word| !word.starts_with('-')) {
        None => io.print(&overview()),
        Some(name) => match VERBS.iter().find(|verb| verb.name == name) {
            Some(verb) => return of(verb, io),
            None => return Err(unknown(name, io)),
        },
    }
    Ok(())
}

/// `kubectl` without a command.
pub(super) fn all(io: &mut Io<'_>) {
    io.print(&overview());
}

/// `kubectl VERB --help`
pub(super) fn of(verb: &Verb, io: &mut Io<'_>) -> Result<(), Stop> {
    let verbs = GROUPS.iter().flat_map(|(_, verbs)| verbs.iter());
    let what = verbs.into_iter().find(|(name, _)| *name == verb.name).map_or("", |(_, what)| *what);
    io.say(format!("{what}."));
    if !verb.usage.is_empty() {
        let lines: Vec<String> = verb.usage.lines().map(|line| format!("  kubectl {line}")).collect();
        io.say(format!("\nUsage:\n{}", lines.join("\n")));
    }
    if !verb.flags.is_empty() {
        io.say("\nOptions:");
    }
    for flag in verb.flags {
        let short = flag.short.map_or_else(|| "    ".to_owned(), |letter| format!("-{letter}, "));
        io.say(format!("    {short}--{}", flag.long));
    }
    Ok(())
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
        "update" => "set",
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

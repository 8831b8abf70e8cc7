//! Parameters of requests: what they are called, what they hold, what they are for.

use std::sync::LazyLock;

use shared::{doc, doc::Doc};

use super::Form;

/// Those in the query.
const QUERY: &[(&str, &str, &str)] = &[
    (
        "allowWatchBookmarks",
        "boolean",
        "Whether a watch also has events that only tell how far it is (BOOKMARK).",
    ),
    ("command", "string", "The program with its arguments, one a parameter; no shell reads it."),
    ("container", "string", "The container that is meant; needed where the pod has more than one."),
    ("continue", "string", "Where the next part of a list begins, as the part before it says."),
    ("dryRun", "string", "`All`: the request is looked at in whole, and nothing is kept of it."),
    (
        "fieldManager",
        "string",
        "The name under which the fields that are written are owned; at most 128 bytes.",
    ),
    ("fieldSelector", "string", "Only objects with these values in their fields."),
    (
        "fieldValidation",
        "string",
        "What becomes of unknown or repeated fields: Ignore, Warn (the default) or Strict.",
    ),
    ("follow", "boolean", "Whether the log goes on as it is written."),
    ("force", "boolean", "Whether an apply takes fields that others own."),
    ("gracePeriodSeconds", "integer", "Seconds until the object is deleted; 0 is at once."),
    (
        "ignoreStoreReadErrorWithClusterBreakingPotential",
        "boolean",
        "Whether an object that cannot be read from the store is deleted all the same.",
    ),
    ("insecureSkipTLSVerifyBackend", "boolean", "Whether the certificate of the kubelet is not looked at."),
    ("labelSelector", "string", "Only objects with these labels."),
    ("limit", "integer", "The most objects of one part of a list."),
    ("limitBytes", "integer", "The most bytes of a log."),
    (
        "orphanDependents",
        "boolean",
        "Deprecated: use propagationPolicy. Whether dependents lose their owner and stay.",
    ),
    ("path", "string", "The path that the request is passed on with."),
    ("ports", "integer", "The ports that are forwarded, over a WebSocket."),
    ("pretty", "string", "Whether the answer is made for people; so it is for curl, Wget and browsers."),
    ("previous", "boolean", "Whether the log of the container's last run is meant."),
    ("propagationPolicy", "string", "What becomes of dependents: Orphan, Background or Foreground."),
    ("resourceVersion", "string", "As of which version the answer is to be."),
    ("resourceVersionMatch", "string", "How resourceVersion is meant for a list: Exact or NotOlderThan."),
    ("sendInitialEvents", "boolean", "Whether a watch begins with what is there."),
    ("sinceSeconds", "integer", "Only what was written in the last so many seconds."),
    ("stderr", "boolean", "Whether what the program writes to its standard error is wanted."),
    ("stdin", "boolean", "Whether the program gets a standard input."),
    ("stdout", "boolean", "Whether what the program writes to its standard output is wanted."),
    ("stream", "string", "Which of a container's streams: All (the default), Stdout or Stderr."),
    ("tailLines", "integer", "So many lines from the end of the log."),
    ("timeoutSeconds", "integer", "How long a list or watch may take."),
    ("timestamps", "boolean", "Whether each line of the log begins with its time."),
    ("tty", "boolean", "Whether the program gets a terminal."),
    ("watch", "boolean", "Whether changes are told as they happen."),
];

/// What lists can be asked with; a deletion of many takes all but the first and the last, and its own.
pub const LIST: &[&str] = &[
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
];
pub const WRITE: &[&str] = &["dryRun", "fieldManager", "fieldValidation"];
pub const PATCH: &[&str] = &["dryRun", "fieldManager", "fieldValidation", "force"];
pub const DELETE: &[&str] = &[
    "dryRun",
    "gracePeriodSeconds",
    "ignoreStoreReadErrorWithClusterBreakingPotential",
    "orphanDependents",
    "propagationPolicy",
];
pub const LOG: &[&str] = &[
    "container",
    "follow",
    "insecureSkipTLSVerifyBackend",
    "limitBytes",
    "previous",
    "sinceSeconds",
    "stream",
    "tailLines",
    "timestamps",
];

/// What a connection can be asked with, by the part of the resource.
pub fn of_connection(part: &str) -> &'static [&'static str] {
    match part {
        "exec" => &["command", "container", "stderr", "stdin", "stdout", "tty"],
        "attach" => &["container", "stderr", "stdin", "stdout", "tty"],
        "portforward" => &["ports"],
        _ => &["path"],
    }
}

/// All of the query, for documents of version 2 to refer to.
static SHARED: LazyLock<Doc> = LazyLock::new(|| {
    let named = QUERY.iter().map(|(name, ..)| ((*name).into(), in_query(Form::Two, name)));
    Doc::Map(named.collect())
});

pub fn shared() -> Doc {
    SHARED.clone()
}

/// One of the query, by name, in whole.
pub fn in_query(form: Form, name: &str) -> Doc {
    let (_, of, says) = QUERY.iter().find(|(known, ..)| *known == name).copied().unwrap_or_default();
    parameter(form, (name, "query"), of, says)
}

/// The same where it is only referred to, if the document has a place for that.
pub fn of_query(form: Form, name: &str) -> Doc {
    match form {
        Form::Two => doc!({ "$ref": format!("#/parameters/{name}") }),
        Form::Three => in_query(form, name),
    }
}

/// A part of the path.
pub fn in_path(form: Form, name: &str, says: &str) -> Doc {
    let mut parameter = parameter(form, (name, "path"), "string", says);
    parameter.set("required", true);
    parameter
}

fn parameter(form: Form, (name, place): (&str, &str), of: &str, says: &str) -> Doc {
    match form {
        Form::Two => {
            doc!({ "name": name, "in": place, "description": says, "type": of, "uniqueItems": true })
        }
        Form::Three => doc!({
            "name": name, "in": place, "description": says, "schema": { "type": of, "uniqueItems": true }
        }),
    }
}

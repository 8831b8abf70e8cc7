//! `kubectl create KIND NAME …`: objects from flags. Each kind's own part is below `create/`.

mod access;
mod data;
mod hash;
mod network;
mod policy;
mod workloads;

use crate::api::Kind;
use crate::doc;
use crate::doc::Doc;

use super::args::{Args, Flag, duration, int32, optional, output, switch, value};
use super::change::Making;
use super::io::{Io, Stop};
use super::resource::{Resource, Target, kind};

pub(super) use access::service_account;

pub(super) const FLAGS: &[Flag] = &[
    value("filename", Some('f')),
    optional("dry-run", "unchanged"),
    optional("validate", "strict"),
    output(),
    value("field-manager", None),
    value("raw", None),
    switch("save-config", None),
    switch("edit", None),
    switch("append-hash", None),
    value("image", None),
    int32("replicas", Some('r')),
    int32("port", None),
    value("from", None),
    value("from-literal", None),
    value("from-file", None),
    value("from-env-file", None),
    value("docker-username", None),
    value("docker-password", None),
    value("docker-email", None),
    value("docker-server", None),
    value("cert", None),
    value("key", None),
    value("tcp", None),
    int32("node-port", None),
    value("clusterip", None),
    value("external-name", None),
    value("type", None),
    value("schedule", None),
    value("restart", None),
    value("verb", None),
    value("resource", None),
    value("resource-name", None),
    value("non-resource-url", None),
    value("aggregation-rule", None),
    value("clusterrole", None),
    value("role", None),
    value("group", None),
    value("serviceaccount", None),
    value("hard", None),
    value("scopes", None),
    value("min-available", None),
    value("max-unavailable", None),
    int32("value", None),
    switch("global-default", None),
    value("description", None),
    value("preemption-policy", None),
    value("class", None),
    value("rule", None),
    value("default-backend", None),
    value("annotation", None),
    value("audience", None),
    duration("duration", None),
    value("bound-object-kind", None),
    value("bound-object-name", None),
    value("bound-object-uid", None),
    value("selector", Some('l')),
    switch("windows-line-endings", None),
];

/// Makes a kind's object of its name, the words after it and the flags; the error is what stands after `error: `.
type Generator = fn(&Wish<'_>, &mut Io<'_>) -> Result<Result<Doc, String>, Stop>;

/// What somebody wants made.
struct Wish<'a> {
    name: &'a str,
    /// What stands between the kind and the name (`secret generic NAME`).
    variant: &'a str,
    /// What stands after `--`.
    command: &'a [String],
    args: &'a Args,
}

/// Names of a kind on the command line, what kind that is, whether a variant follows, what stands before the server's
/// refusal, and how it is made.
struct Made(&'static [&'static str], &'static str, bool, &'static str, Generator);

const KINDS: &[Made] = &[
    Made(&["clusterrole"], "clusterroles", false, "", access::cluster_role),
    Made(
        &["clusterrolebinding"],
        "clusterrolebindings",
        false,
        "failed to create clusterrolebinding: ",
        access::cluster_binding,
    ),
    Made(&["configmap", "cm"], "configmaps", false, "failed to create configmap: ", data::config_map),
    Made(&["cronjob", "cj"], "cronjobs", false, "failed to create cronjob: ", workloads::cron_job),
    Made(
        &["deployment", "deploy"],
        "deployments",
        false,
        "failed to create deployment: ",
        workloads::deployment,
    ),
    Made(&["ingress", "ing"], "ingresses", false, "failed to create ingress: ", network::ingress),
    Made(&["job"], "jobs", false, "failed to create job: ", workloads::job),
    Made(&["namespace", "ns"], "namespaces", false, "", policy::bare),
    Made(
        &["poddisruptionbudget", "pdb"],
        "poddisruptionbudgets",
        false,
        "failed to create poddisruptionbudgets: ",
        policy::disruption_budget,
    ),
    Made(
        &["priorityclass", "pc"],
        "priorityclasses",
        false,
        "failed to create priorityclass: ",
        policy::priority_class,
    ),
    Made(&["quota", "resourcequota"], "resourcequotas", false, "failed to create quota: ", policy::quota),
    Made(&["role"], "roles", false, "", access::role),
    Made(&["rolebinding"], "rolebindings", false, "failed to create rolebinding: ", access::binding),
    Made(&["secret"], "secrets", true, "failed to create secret ", data::secret),
    Made(&["service", "svc"], "services", true, "", network::service),
    Made(
        &["serviceaccount", "sa"],
        "serviceaccounts",
        false,
        "failed to create serviceaccount: ",
        policy::bare,
    ),
];

/// Makes the object that the words and flags describe; false when they describe none.
pub(super) fn from_words(args: &Args, io: &mut Io<'_>) -> Result<bool, Stop> {
    let (words, command) = args.words.split_at(args.dash.unwrap_or(args.words.len()));
    let Some((called, words)) = words.split_first() else { return Ok(false) };
    if called == "token" {
        access::token(words, args, io)?;
        return Ok(true);
    }
    let Some(made) = KINDS.iter().find(|made| made.0.contains(&called.as_str())) else {
        return Err(io.fail(format!(
            "Unexpected args: [{}]\nSee 'kubectl create -h' for help and examples",
            args.words.join(" ")
        )));
    };
    if made.0[0] == "service" && words.first().is_some_and(|variant| network::service_type(variant).is_none())
    {
        let words = words.join(" ");
        return Err(io.fail(format!(
            "unknown command {words:?}\nSee 'kubectl create service -h' for help and examples"
        )));
    }
    if made.2 && words.is_empty() {
        super::help::parts(&format!("create {}", made.0[0]), io)?;
        return Ok(true);
    }
    let (variant, words) = match words.split_first() {
        Some((variant, words)) if made.2 => (variant.as_str(), words),
        _ => ("", words),
    };
    let called = made.0[0];
    let required: &[&str] = match (called, variant) {
        ("deployment", _) => &["image"],
        ("cronjob", _) => &["image", "schedule"],
        ("clusterrolebinding", _) => &["clusterrole"],
        ("service", "externalname") => &["external-name"],
        _ => &[],
    };
    let missing: Vec<String> =
        required.iter().filter(|flag| args.get(flag).is_none()).map(|flag| format!("{flag:?}")).collect();
    if !missing.is_empty() {
        return Err(io.fail(format!("required flag(s) {} not set", missing.join(", "))));
    }
    let [name] = words else {
        let verb = format!("create {called}{}{variant}", if variant.is_empty() { "" } else { " " });
        return Err(io.fail(format!(
            "exactly one NAME is required, got {}\nSee 'kubectl {verb} -h' for help and examples",
            words.len()
        )));
    };
    let wish = Wish { name, variant, command, args };
    let doc = (made.4)(&wish, io)?.map_err(|why| io.fail(why))?;
    let mut name = name.clone();
    if let Some(kind) = [("configmap", "ConfigMap"), ("secret", "Secret")]
        .iter()
        .find_map(|(word, kind)| (*word == called && args.is_on("append-hash")).then_some(kind))
    {
        name = format!("{name}-{}", hash::suffix(kind, &name, &doc));
    }
    let name = name.as_str();
    let Some(resource) = kind(made.1, io)? else {
        return Err(io.fail("the server could not find the requested resource"));
    };
    let target = Target::of(resource, args.namespace(), name);
    let whole = whole(&target.kind, name, doc);
    let mut failures = Vec::new();
    let refused = match (called, variant) {
        ("service", "clusterip") => "failed to create ClusterIP service: ",
        ("service", "nodeport") => "failed to create NodePort service: ",
        ("service", "loadbalancer") => "failed to create LoadBalancer service: ",
        ("service", _) => "failed to create ExternalName service: ",
        _ => made.3,
    };
    let making = Making { manager: "kubectl-create", done: "created", refused };
    making.make(&target, whole, args, io, &mut failures)?;
    io.finish(failures)?;
    Ok(true)
}

/// The fields of an object with its kind and name; `labels` and `annotations` go where they belong.
fn whole(kind: &Resource, name: &str, doc: Doc) -> Doc {
    let mut whole =
        doc!({ "apiVersion": kind.api_version(), "kind": &kind.kind, "metadata": { "name": name } });
    for (field, value) in doc.entries() {
        match (field.as_str(), value) {
            ("labels" | "annotations" | "ownerReferences", value) if value.is_empty() => {}
            ("labels" | "annotations" | "ownerReferences", value) => {
                whole.set_at(&["metadata", field.as_str()], value.clone());
            }
            ("data" | "stringData", value) if value.is_empty() => {}
            (_, value) => whole.set(field.clone(), value.clone()),
        }
    }
    whole
}

impl Wish<'_> {
    fn get(&self, flag: &str) -> &str {
        self.args.get(flag).unwrap_or("")
    }
}

/// An object that is already there, for those that are made from it.
fn existing(kind: Kind, name: &str, args: &Args, io: &mut Io<'_>) -> Result<Doc, Stop> {
    let target = Target::new(kind, args.namespace(), name);
    let response = target.look(target.get(), io)?;
    if response.is_success() {
        return Ok(response.body);
    }
    Err(io.end(super::failure::Failure::of(&response)))
}

/// A number, or a name.
fn number_or_name(text: &str) -> Doc {
    text.parse::<i64>().map_or_else(|_| Doc::from(text), Doc::from)
}

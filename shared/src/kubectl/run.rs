//! `kubectl run`: one pod.

use crate::api::Kind;
use crate::cluster::HttpRequest;
use crate::doc;
use crate::doc::{Doc, json_patch, merge_patch, strategic_merge};

use super::args::{Args, Flag, duration, int64, optional, output, switch, value};
use super::change::{self, Making};
use super::exec::{self, PATIENCE};
use super::expose::pairs;
use super::io::{Io, Next, POLL, Stop};
use super::pods;
use super::resource::Target;

pub(super) const FLAGS: &[Flag] = &[
    value("image", None),
    value("cascade", None),
    value("detach-keys", None),
    value("filename", Some('f')),
    switch("force", None),
    switch("leave-stdin-open", None),
    duration("timeout", None),
    switch("wait", None),
    value("port", None),
    value("env", None),
    value("labels", Some('l')),
    value("restart", None),
    value("image-pull-policy", None),
    value("annotations", None),
    value("overrides", None),
    value("override-type", None),
    output(),
    int64("grace-period", None),
    duration("pod-running-timeout", None),
    value("field-manager", None),
    optional("dry-run", "unchanged"),
    optional("attach", "true"),
    switch("command", None),
    switch("expose", None),
    switch("privileged", None),
    switch("quiet", Some('q')),
    switch("rm", None),
    switch("stdin", Some('i')),
    switch("tty", Some('t')),
    switch("save-config", None),
];

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if args.get("image").is_none() {
        return Err(io.fail("required flag(s) \"image\" not set"));
    }
    let Some((name, command)) = args.words.split_first() else {
        return Err(io.fail("NAME is required for run\nSee 'kubectl run -h' for help and examples"));
    };
    let image = args.get("image").unwrap_or("");
    if image.is_empty() {
        return Err(io.fail("--image is required"));
    }
    if !names_image(image) {
        return Err(io.fail(format!("Invalid image name {image:?}: invalid reference format")));
    }
    super::delete::cascade(args).map_err(|why| io.fail(why))?;
    let policy = args.get("restart").unwrap_or("Always");
    if let Some(why) = contradiction(args, policy) {
        return Err(io.fail(format!("{why}\nSee 'kubectl run -h' for help and examples")));
    }
    let port = match args.get("port").map(str::parse::<i64>) {
        Some(Err(_)) => return Err(io.fail(not_a_number(args.get("port").unwrap_or("")))),
        Some(Ok(port)) => Some(port),
        None => None,
    };
    if let Some(bad) = args.each("labels").find(|pair| !pair.contains('=')) {
        return Err(io.fail(format!("unexpected label spec: {bad}")));
    }
    if let Some(bad) = args.all("annotations").iter().find(|pair| !pair.contains('=')) {
        return Err(io.fail(format!("invalid annotations format: {bad}")));
    }
    let labels = args.get("labels").map_or_else(|| pairs(&format!("run={name}")), pairs);
    let mut container = doc!({ "name": &**name, "image": image, "resources": {} });
    if !command.is_empty() {
        let field = if args.is_on("command") { "command" } else { "args" };
        container.set(field, Doc::list(command.iter().map(String::as_str)));
    }
    if let Some(port) = port {
        container.set("ports", doc!([{ "containerPort": port }]));
    }
    // One that says nothing is none.
    let said = |pair: &&String| !pair.is_empty();
    if let Some(bad) =
        args.all("env").iter().filter(said).find(|pair| pair.find('=').is_none_or(|at| at == 0))
    {
        return Err(io.fail(format!("invalid env: {bad}")));
    }
    let env = args.all("env").iter().filter_map(|pair| pair.split_once('='));
    let env: Vec<Doc> = env.map(|(name, value)| doc!({ "name": name, "value": value })).collect();
    if !env.is_empty() {
        container.set("env", env);
    }
    if let Some(policy) = args.get("image-pull-policy") {
        container.set("imagePullPolicy", policy);
    }
    for flag in ["stdin", "tty"] {
        if args.is_on(flag) {
            container.set(flag, true);
        }
    }
    if args.is_on("stdin") {
        container.set("stdinOnce", true);
    }
    if args.is_on("privileged") {
        container.set("securityContext", doc!({ "privileged": true }));
    }
    let mut pod = doc!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": &**name, "labels": labels.clone() },
        "spec": { "containers": [container], "restartPolicy": policy, "dnsPolicy": "ClusterFirst" }
    });
    if !args.all("annotations").is_empty() {
        let annotations = args.all("annotations").join(",");
        pod.set_at(&["metadata", "annotations"], pairs(&annotations));
    }
    if let Some(text) = args.get("overrides") {
        pod = overridden(&pod, text, args).map_err(|why| io.fail(why))?;
    }
    let target = Target::new(Kind::Pod, args.namespace(), name);
    let attached = (args.is_on("stdin") || args.is_on("attach")) && args.get("dry-run").is_none();
    let making = Making { manager: "kubectl-run", done: "created", refused: "" };
    let mut failures = Vec::new();
    let made = if attached {
        change::create_silently(&target, "kubectl-run", &pod, io)?;
        None
    } else {
        let Some(made) = making.send(&target, pod, args, io, &mut failures)? else {
            return io.finish(failures);
        };
        Some(made)
    };
    // The Service is made after the pod, and told before it.
    if args.is_on("expose") {
        let service = doc!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": &**name },
            "spec": { "selector": labels, "ports": [{ "port": port, "protocol": "TCP", "targetPort": port }] }
        });
        let target = Target::new(Kind::Service, args.namespace(), name);
        making.make(&target, service, args, io, &mut failures)?;
        if matches!(args.get("output"), Some("yaml" | "kyaml")) {
            // Two printers, each of which thinks of the other's document.
            io.say("---\n---");
            io.printed_anew();
        }
    }
    match made {
        Some(made) => {
            making.say(&target, made, args, io)?;
            io.finish(failures)
        }
        None => watched(&target, args, io),
    }
}

/// Whether a text can name an image.
pub(super) fn names_image(image: &str) -> bool {
    let of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':' | '@');
    // A name begins, and is, in small letters; a tag may have others.
    let named = image.rsplit_once('/').map_or(image, |(_, last)| last);
    let named = named.split([':', '@']).next().unwrap_or(named);
    image.chars().all(of_name) && !named.chars().any(|c| c.is_ascii_uppercase())
}

/// Flags that do not go together, or cannot be.
fn contradiction(args: &Args, policy: &str) -> Option<String> {
    let attached = args.is_on("stdin") || args.is_on("attach");
    let pull = args.get("image-pull-policy").unwrap_or("");
    Some(match () {
        () if args.is_on("tty") && !args.is_on("stdin") => {
            "-i/--stdin is required for containers with -t/--tty=true".to_owned()
        }
        () if args.is_on("expose") && args.get("port").is_none() => {
            "--port must be set when exposing a service".to_owned()
        }
        () if !["Always", "OnFailure", "Never"].contains(&policy) => format!("invalid restart policy: {policy}"),
        () if args.is_on("rm") && !attached => "--rm should only be used for attached containers".to_owned(),
        () if attached && !matches!(args.get("dry-run"), None | Some("none")) => {
            "--dry-run=[server|client] can't be used with attached containers options (--attach, --stdin, or --tty)"
                .to_owned()
        }
        () if !["", "Always", "IfNotPresent", "Never"].contains(&pull) => {
            format!("invalid image pull policy: {pull}")
        }
        () => return None,
    })
}

/// What Go says of a port that is no number.
pub(super) fn not_a_number(text: &str) -> String {
    format!("strconv.Atoi: parsing {text:?}: invalid syntax")
}

/// The object as inline JSON changes it.
pub(super) fn overridden(pod: &Doc, text: &str, args: &Args) -> Result<Doc, String> {
    let patch = doc::parse_json(text).map_err(|_| "Invalid JSON Patch".to_owned())?;
    match args.get("override-type").unwrap_or("merge") {
        "merge" if !matches!(patch, Doc::Map(_)) => Err("Invalid JSON Patch".into()),
        "merge" => Ok(merge_patch(pod, &patch)),
        "strategic" => strategic_merge(pod, &patch).map_err(|why| format!("{why:?}")),
        "json" => json_patch(pod, &patch).map_err(|why| format!("{why:?}")),
        other => Err(format!("invalid override type: {other}")),
    }
}

/// Waits until the pod has run, tells what it wrote, and takes it away where that is asked for. A pod that is not to run
/// again ends the command as it ended itself.
fn watched(target: &Target, args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let ended = |pod: &Doc| matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    let patience = pods::patience(args, PATIENCE, io)?;
    let pod = io.poll(target.get(), doc!(0i64), |waited, response| {
        let (pod, waited) = (&response.body, waited.as_i64().unwrap_or(0));
        let running = pod["status"]["phase"].as_str() == Some("Running");
        match response.is_success() && (running || ended(pod)) || response.code == 404 {
            true => Next::Done(Some(pod.clone())),
            false if waited as u64 >= patience.0 => Next::Done(None),
            false => Next::Again(doc!(waited + POLL.0 as i64)),
        }
    })?;
    let Some(pod) = pod else { return Err(io.fail("timed out waiting for the condition")) };
    let name = pod["spec"]["containers"][0]["name"].str();
    let has_terminal = args.is_on("stdin") && args.is_on("tty") && !ended(&pod);
    let quiet = args.is_on("quiet");
    if !quiet {
        io.warn(exec::ATTACHING);
    }
    let mut end = Doc::Null;
    if has_terminal && exec::waits_for_words(args) {
        exec::converse(target, &name, io)?;
    } else if has_terminal {
        exec::attended(target, &name, io)?;
    } else {
        exec::followed(target, &name, "", io)?;
    }
    if pod["spec"]["restartPolicy"].as_str() == Some("Never") {
        end = io.poll(target.get(), Doc::Null, |_, response| match ended(&response.body) {
            false if response.is_success() || response.code == 0 => Next::Again(Doc::Null),
            _ => Next::Done(response.body.clone()),
        })?;
    }
    if args.is_on("rm") {
        let request =
            HttpRequest { method: "DELETE".into(), path: target.path().into(), ..HttpRequest::default() };
        if io.request(request)?.is_success() && !quiet {
            io.say(format!("pod {:?} deleted from {} namespace", target.name.as_str(), target.namespace));
        }
    }
    let last = &end["status"]["containerStatuses"][0]["state"]["terminated"];
    match last["exitCode"].as_i64().and_then(|code| u8::try_from(code).ok()) {
        Some(code @ 1..) => {
            let (namespace, name, reason) = (&target.namespace, &target.name, last["reason"].str());
            io.warn(format!("pod {namespace}/{name} terminated ({reason})"));
            Err(Stop::Exit(code))
        }
        _ => Ok(()),
    }
}

//! `kubectl debug`: a container beside those of a pod, a copy of a pod, or a pod on a node.

mod profiles;

use crate::api::Kind;
use crate::cluster::HttpRequest;
use crate::doc;
use crate::doc::Doc;

use super::args::{Args, Flag, optional, switch, value};
use super::change;
use super::describe::values::is_there;
use super::exec;
use super::failure::Failure;
use super::io::{Io, Next, Stop};
use super::pods;
use super::resource::{Target, selected};
use super::run::names_image;
use profiles::Beside;

pub(super) const FLAGS: &[Flag] = &[
    value("image", None),
    value("image-pull-policy", None),
    value("container", Some('c')),
    value("target", None),
    value("copy-to", None),
    value("env", None),
    value("profile", None),
    value("set-image", None),
    value("custom", None),
    value("filename", Some('f')),
    switch("keep-annotations", None),
    switch("keep-init-containers", None),
    switch("keep-labels", None),
    switch("keep-liveness", None),
    switch("keep-readiness", None),
    switch("keep-startup", None),
    optional("attach", "true"),
    switch("stdin", Some('i')),
    switch("tty", Some('t')),
    switch("quiet", Some('q')),
    switch("replace", None),
    switch("same-node", None),
    switch("share-processes", None),
    switch("arguments-only", None),
];

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let subjects = &args.words[..args.dash.unwrap_or(args.words.len())];
    for (flag, pair) in
        ["env", "set-image"].iter().flat_map(|flag| args.all(flag).iter().map(move |pair| (flag, pair)))
    {
        if let Some(part) = pair.split(',').find(|part| !part.contains('=')) {
            return Err(io.fail(format!(
                "invalid argument {pair:?} for \"--{flag}\" flag: {part} must be formatted as key=value\nSee 'kubectl debug \
                 --help' for usage."
            )));
        }
    }
    let (image, copy) = (args.get("image").unwrap_or(""), args.get("copy-to"));
    if !names_image(image) {
        return Err(io.fail(format!("invalid image name {image:?}: invalid reference format")));
    }
    if image.is_empty() && copy.is_none() {
        return Err(io.fail("you must specify --image when not using --copy-to."));
    }
    if image.is_empty() && args.get("set-image").is_none() && args.dash.is_none() {
        return Err(io.fail("you must specify --image, --set-image or command arguments."));
    }
    if subjects.is_empty() {
        return Err(io.fail("NAME or filename is required for debug"));
    }
    if let Some(policy) = args.get("image-pull-policy")
        && !matches!(policy, "" | "Always" | "IfNotPresent" | "Never")
    {
        return Err(io.fail(format!("invalid image pull policy: {policy}")));
    }
    let for_copies = ["replace", "same-node", "set-image"].into_iter().filter(|_| copy.is_none());
    if let Some(flag) =
        for_copies.into_iter().find(|flag| args.get(flag).is_some_and(|value| value != "false"))
    {
        return Err(io.fail(format!("--{flag} may only be used with --copy-to.")));
    }
    if args.is_on("tty") && !args.is_on("stdin") {
        return Err(io.fail("-i/--stdin is required for containers with -t/--tty=true"));
    }
    if let Some(profile) = args.get("profile").filter(|profile| !profiles::ALL.contains(profile)) {
        return Err(io.fail(format!("unknown profile: {profile}")));
    }
    if args.get("target").is_some() && copy.is_some() {
        return Err(io.fail("--target is incompatible with --copy-to. Use --share-processes instead."));
    }
    if let Some(other) = args.get("target").filter(|_| !args.is_on("quiet")) {
        io.say(format!(
            "Targeting container {other:?}. If you don't see processes from this container it may be because the \
             container runtime doesn't support this feature."
        ));
    }
    if args.get("profile") == Some("legacy") {
        io.warn(
            "--profile=legacy is deprecated and planned to be removed in v1.39. It is recommended to specify other \
             profile, for example \"--profile=general\".",
        );
    }
    if let Some(path) = args.get("custom").filter(|path| !path.is_empty()) {
        return Err(io.fail(format!(
            "must pass a container spec json file for custom profile: open {path}: no such file or directory"
        )));
    }
    for word in subjects {
        one(word, image, copy, args, io)?;
    }
    Ok(())
}

fn one(word: &str, image: &str, copy: Option<&str>, args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let target = pods::subject(word, args, io)?;
    let response = target.look(selected(&target, args), io)?;
    if !response.is_success() {
        return io.finish(vec![Failure::of(&response)]);
    }
    match (target.kind.known(), copy) {
        (Some(Kind::Node), _) => on_node(&target, image, args, io),
        (Some(Kind::Pod), Some(name)) => copied(&target, &response.body, name, image, args, io),
        (Some(Kind::Pod), None) => beside(&target, &response.body, image, args, io),
        _ => {
            let of = format!("{}/{}, Kind={}", target.kind.group, target.kind.version, target.kind.kind);
            Err(io.fail(format!("{of:?} not supported by debug")))
        }
    }
}

/// The probes of a container, and the flags that keep them in a copy.
const PROBES: [(&str, &str); 3] = [
    ("livenessProbe", "keep-liveness"),
    ("readinessProbe", "keep-readiness"),
    ("startupProbe", "keep-startup"),
];

/// Five letters for a name: the client draws them, so they follow from when it was started.
fn suffix(io: &Io<'_>) -> String {
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut rest = io.started.millis().unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut letters = String::new();
    for _ in 0..5 {
        letters.push(char::from(LETTERS[(rest % LETTERS.len() as u64) as usize]));
        rest /= LETTERS.len() as u64;
    }
    letters
}

fn container(name: &str, image: &str, args: &Args) -> Doc {
    let mut made = doc!({
        "name": name, "image": image, "resources": {}, "terminationMessagePolicy": "File",
        "imagePullPolicy": args.get("image-pull-policy").unwrap_or("")
    });
    if args.get("image-pull-policy").is_none_or(str::is_empty) {
        made.remove("imagePullPolicy");
    }
    let command = args.dash.map_or(&[][..], |at| &args.words[at..]);
    if !command.is_empty() {
        let field = if args.is_on("arguments-only") { "args" } else { "command" };
        made.set(field, Doc::list(command.iter().map(String::as_str)));
    }
    for flag in ["stdin", "tty"] {
        if args.is_on(flag) {
            made.set(flag, true);
        }
    }
    let env = args.all("env").iter().filter_map(|pair| pair.split_once('='));
    let env: Vec<Doc> = env.map(|(name, value)| doc!({ "name": name, "value": value })).collect();
    if !env.is_empty() {
        made.set("env", env);
    }
    made
}

/// The name of the container, told where nobody chose it.
fn named(args: &Args, io: &mut Io<'_>) -> String {
    if let Some(name) = args.get("container") {
        return name.to_owned();
    }
    let name = format!("debugger-{}", suffix(io));
    if !args.is_on("quiet") {
        io.say(format!("Defaulting debug container name to {name}."));
    }
    name
}

/// A container beside those that run.
fn beside(target: &Target, pod: &Doc, image: &str, args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let other = args.get("target");
    let name = named(args, io);
    let mut made = container(&name, image, args);
    profiles::of_container(&mut made, Beside::Containers, args);
    if let Some(other) = other {
        made.set("targetContainerName", other);
    }
    let mut containers = pod["spec"]["ephemeralContainers"].items().to_vec();
    if containers.iter().any(|known| known["name"].as_str() == Some(&name)) {
        // Two of one name are one to the server, and changed.
        io.warn(format!(
            "The Pod {:?} is invalid: spec.ephemeralContainers: Forbidden: existing ephemeral containers {name:?} may not \
             be changed\n",
            target.name
        ));
        return Err(Stop::Exit(1));
    }
    containers.push(made);
    let patch = doc!({ "spec": { "ephemeralContainers": containers } });
    let mut request = target.patch("strategic-merge", "kubectl-debug", &patch);
    request.path = request.path.replacen('?', "/ephemeralcontainers?", 1).into();
    let response = io.request(request)?;
    if response.code == 404 && Failure::of(&response).is("NotFound") {
        return Err(io.fail("ephemeral containers are disabled for this cluster (error from server: \"the server could not find the requested resource\")."));
    }
    if !response.is_success() {
        return io.finish(vec![Failure::of(&response)]);
    }
    if args.is_on("stdin") && args.is_on("tty") && args.get("attach") != Some("false") {
        return talk(target, "ephemeralContainerStatuses", &name, args, io);
    }
    Ok(())
}

/// Waits until the container is up, and goes in; of a command that waits for nobody, what it writes is told.
fn talk(target: &Target, statuses: &str, name: &str, args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let has_ended = io.poll(target.get(), Doc::Null, |_, response| {
        let statuses = response.body["status"][statuses].items();
        let state = statuses.iter().find(|one| one["name"].as_str() == Some(name)).map(|one| &one["state"]);
        let is = |which: &str| state.is_some_and(|state| !state[which].is_null());
        match is("running") || is("terminated") || !response.is_success() {
            true => Next::Done(is("terminated")),
            false => Next::Again(Doc::Null),
        }
    })?;
    if !args.is_on("quiet") {
        io.warn("If you don't see a command prompt, try pressing enter.");
    }
    if has_ended || !exec::waits_for_words(args) {
        return exec::followed(target, name, "", io);
    }
    exec::converse(target, name, io)
}

/// The copy has no volume with the token; the server puts it there again.
fn without_token(container: &mut Doc) {
    let mounts = container["volumeMounts"].items().iter();
    let kept: Vec<Doc> =
        mounts.filter(|mount| !mount["name"].str().starts_with("kube-api-access-")).cloned().collect();
    container.remove("volumeMounts");
    if !kept.is_empty() {
        container.set("volumeMounts", kept);
    }
}

/// Changes the container that is chosen, or adds one. Other images alone ask for none.
fn with_another(containers: &mut Vec<Doc>, image: &str, args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let chosen = args.get("container").filter(|name| !name.is_empty());
    let at = containers.iter().position(|one| chosen.is_some_and(|name| *one["name"].str() == *name));
    if image.is_empty() && at.is_none() {
        return match args.get("set-image") {
            Some(_) => Ok(()),
            None if chosen.is_none() => {
                Err(io.fail("you must specify an existing container or a new image when specifying args."))
            }
            None => Err(io.fail("you must specify image when creating new container")),
        };
    }
    let mut made = container(&named(args, io), image, args);
    if let Some(at) = at {
        let mut known = containers.remove(at);
        for (field, value) in made.entries().iter().filter(|(_, value)| is_there(value)) {
            known.set(field.clone(), value.clone());
        }
        made = known;
    }
    profiles::of_container(&mut made, Beside::Copies, args);
    containers.insert(at.unwrap_or(containers.len()), made);
    Ok(())
}

/// A copy of the pod with another container, or with other images. Labels, annotations and probes stay behind unless they
/// are wanted; the legacy profile leaves out labels only.
fn copied(
    target: &Target,
    pod: &Doc,
    name: &str,
    image: &str,
    args: &Args,
    io: &mut Io<'_>,
) -> Result<(), Stop> {
    let mut spec = pod["spec"].clone();
    for field in ["ephemeralContainers", "volumes"] {
        spec.remove(field);
    }
    if !args.is_on("same-node") {
        spec.remove("nodeName");
    }
    let mut before: Vec<Doc> = spec["initContainers"].items().to_vec();
    before.iter_mut().for_each(without_token);
    spec.remove("initContainers");
    let legacy = args.get("profile") == Some("legacy");
    // Whoever wants other images and no other container gets all else as it is.
    let alike = image.is_empty() && args.get("set-image").is_some() && args.get("container").is_none();
    let keeps = |flag: &str| alike || legacy || args.is_on(flag);
    if !before.is_empty() && (alike || args.get("keep-init-containers") != Some("false")) {
        spec.set("initContainers", before);
    }
    let mut containers: Vec<Doc> = spec["containers"].items().to_vec();
    let images = args.get("set-image").unwrap_or("");
    for one in &mut containers {
        let own = one["name"].str();
        without_token(one);
        for (probe, _) in PROBES.iter().filter(|(_, flag)| !keeps(flag)) {
            one.remove(probe);
        }
        for (which, other) in images.split(',').filter_map(|pair| pair.split_once('=')) {
            if which == "*" || *which == *own {
                one.set("image", other);
            }
        }
    }
    with_another(&mut containers, image, args, io)?;
    let volumes = pod["spec"]["volumes"].items().iter();
    let volumes: Vec<Doc> =
        volumes.filter(|volume| !volume["name"].str().starts_with("kube-api-access-")).cloned().collect();
    if !volumes.is_empty() {
        spec.set("volumes", volumes);
    }
    spec.set("containers", containers);
    match args.get("share-processes") {
        None if legacy || alike => {}
        said => {
            spec.set("shareProcessNamespace", said != Some("false"));
        }
    }
    let mut copy = doc!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name }, "spec": spec });
    for (field, kept) in
        [("labels", alike || args.is_on("keep-labels")), ("annotations", keeps("keep-annotations"))]
    {
        let of = &pod["metadata"][field];
        if kept && !of.is_empty() {
            copy.set_at(&["metadata", field], of.clone());
        }
    }
    change::create_silently(&Target::new(Kind::Pod, &target.namespace, name), "kubectl-debug", &copy, io)?;
    if args.is_on("replace") {
        // The copy is there: nobody waits for the end of the original.
        let response = io.request(HttpRequest {
            method: "DELETE".into(),
            path: target.path().into(),
            body: r#"{"apiVersion":"v1","gracePeriodSeconds":0,"kind":"DeleteOptions"}"#.into(),
            ..HttpRequest::default()
        })?;
        if !response.is_success() {
            return io.finish(vec![Failure::of(&response)]);
        }
    }
    Ok(())
}

/// A pod on a node.
fn on_node(target: &Target, image: &str, args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let node = &target.name;
    let name = format!("node-debugger-{node}-{}", suffix(io));
    let called = args.get("container").unwrap_or("debugger");
    if !args.is_on("quiet") {
        io.say(format!("Creating debugging pod {name} with container {called} on node {node}."));
    }
    let mut own = container(called, image, args);
    profiles::of_container(&mut own, Beside::Nodes, args);
    let mut spec = doc!({
        "nodeName": node, "restartPolicy": "Never", "tolerations": [{ "operator": "Exists" }]
    });
    profiles::of_node(&mut spec, &mut own, args);
    spec.set("containers", doc!([own]));
    let pod = doc!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name.as_str(), "labels": { "app.kubernetes.io/managed-by": "kubectl-debug" } },
        "spec": spec
    });
    let made = Target::new(Kind::Pod, args.namespace(), &name);
    change::create_silently(&made, "kubectl-debug", &pod, io)?;
    if args.is_on("stdin") && args.is_on("tty") && args.get("attach") != Some("false") {
        return talk(&made, "containerStatuses", called, args, io);
    }
    Ok(())
}

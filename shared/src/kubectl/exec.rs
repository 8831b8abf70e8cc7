//! Programs in containers: `kubectl exec`, `attach` and `cp`.

use crate::cluster::HttpRequest;
use crate::doc::{Doc, Str};

use super::Ask;
use super::args::{Args, Flag, duration, int64, switch, value};
use super::failure::Failure;
use super::io::{Io, Stop};
use super::pods;
use super::resource::{Target, escape};

pub(super) const FLAGS: &[Flag] = &[
    switch("stdin", Some('i')),
    switch("tty", Some('t')),
    switch("quiet", Some('q')),
    value("container", Some('c')),
    duration("pod-running-timeout", None),
    value("detach-keys", None),
    value("filename", Some('f')),
];

/// How long kubectl waits for a pod, in seconds.
pub(super) const PATIENCE: u64 = 60;

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let command = match args.dash {
        Some(at) => &args.words[at..],
        None if args.words.len() > 1 => {
            return Err(io.fail(
                "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead\nSee 'kubectl exec -h' \
                 for help and examples",
            ));
        }
        None => &[],
    };
    super::manifests::alone(&[], args, io)?;
    let Some(word) = args.words.first().filter(|_| args.dash != Some(0)) else {
        return Err(io.fail("pod, type/name or --filename must be specified"));
    };
    if command.is_empty() {
        return Err(io.fail("you must specify at least one command for the container"));
    }
    let patience = pods::patience(args, PATIENCE, io)?;
    let (target, pod) = pods::one(word, patience, args, io)?;
    let phase = pod["status"]["phase"].str();
    if matches!(phase.as_str(), "Succeeded" | "Failed") {
        return Err(
            io.fail(format!("cannot exec into a container in a completed pod; current phase is {phase}"))
        );
    }
    let container = pods::container(&pod, args.get("container"), args.is_on("quiet"), io)?;
    let input = if args.is_on("stdin") { io.stdin.text.clone() } else { Str::new() };
    let mut tty = args.is_on("tty") && args.is_on("stdin");
    if tty && !input.is_empty() {
        io.warn("Unable to use a TTY - input is not a terminal or the right kind of file");
        tty = false;
    }
    let response = io.run(request(&target, &container, command, input, tty))?;
    if !response.is_success() {
        return Err(refused(&response, io));
    }
    finish(&response.body, io)
}

/// Whether a command is a shell that waits for what is typed.
fn is_shell(command: &[String]) -> bool {
    let name = command[0].rsplit('/').next().unwrap_or("");
    matches!(name, "sh" | "bash" | "ash" | "dash" | "zsh") && !command.iter().any(|word| word == "-c")
}

/// Whether the container that a command makes is one to talk to: it runs what its image has, or a shell.
pub(super) fn waits_for_words(args: &Args) -> bool {
    let command = args.dash.map_or(&[][..], |at| &args.words[at..]);
    command.is_empty() || is_shell(command)
}

/// Tells what a container writes until it ends; `options` say from where on, after a `&`.
pub(super) fn followed(target: &Target, container: &str, options: &str, io: &mut Io<'_>) -> Result<(), Stop> {
    let response = io.request(follow(target, container, options))?;
    if !response.is_success() {
        return io.finish(vec![Failure::of(&response)]);
    }
    io.print(&response.body.str());
    Ok(())
}

fn follow(target: &Target, container: &str, options: &str) -> HttpRequest {
    let path = format!("{}/log?container={}&follow=true{options}", target.path(), escape(container));
    HttpRequest { method: "GET".into(), path: path.into(), ..HttpRequest::default() }
}

/// The same with a terminal: Ctrl-C is for the container's program, and ends it.
pub(super) fn attended(target: &Target, container: &str, io: &mut Io<'_>) -> Result<(), Stop> {
    let (response, interrupted) = io.attend(follow(target, container, ""))?;
    if !interrupted && !response.is_success() {
        return io.finish(vec![Failure::of(&response)]);
    }
    io.print(&response.body.str());
    if interrupted {
        let kill = ["kill", "-KILL", "1"].map(str::to_owned);
        io.request(request(target, container, &kill, Str::new(), false))?;
    }
    Ok(())
}

/// Goes into a container that has a shell of its own to talk to; that one ends with the terminal.
pub(super) fn converse(target: &Target, container: &str, io: &mut Io<'_>) -> Result<(), Stop> {
    let response = io.run(request(target, container, &["sh".to_owned()], Str::new(), true))?;
    if !response.is_success() {
        return Err(refused(&response, io));
    }
    io.print(&response.body["stdout"].str());
    let hang_up = ["kill", "-HUP", "1"].map(str::to_owned);
    io.request(request(target, container, &hang_up, Str::new(), false))?;
    Ok(())
}

/// Asks for a program to be run.
pub(super) fn request(
    pod: &Target,
    container: &str,
    command: &[String],
    stdin: Str,
    tty: bool,
) -> HttpRequest {
    let mut query: String = command.iter().map(|word| format!("command={}&", escape(word))).collect();
    query.push_str(&format!("container={}&stdout=true", escape(container)));
    query.push_str(if tty || !stdin.is_empty() { "&stdin=true" } else { "" });
    query.push_str(if tty { "&tty=true" } else { "&stderr=true" });
    HttpRequest {
        method: "POST".into(),
        path: format!("{}/exec?{query}", pod.path()).into(),
        body: stdin,
        ..HttpRequest::default()
    }
}

/// Why a connection was not upgraded.
fn refused(response: &crate::cluster::HttpResponse, io: &mut Io<'_>) -> Stop {
    let failure = Failure::of(response);
    if matches!(failure, Failure::Connection(_)) || failure.is("NotFound") || failure.is("Forbidden") {
        return io.end(failure);
    }
    io.fail(response.body["message"].str())
}

/// What came of a program.
fn finish(result: &Doc, io: &mut Io<'_>) -> Result<(), Stop> {
    io.print(&result["stdout"].str());
    let stderr = result["stderr"].str();
    if !stderr.is_empty() {
        io.warn(stderr.strip_suffix('\n').unwrap_or(&stderr));
    }
    let failure = result["failure"].str();
    if !failure.is_empty() {
        return Err(io.fail(format!("Internal error occurred: {failure}")));
    }
    match result["exitCode"].as_i64().unwrap_or(0) {
        0 => Ok(()),
        code => {
            io.warn(format!("command terminated with exit code {code}"));
            Err(Stop::Exit(u8::try_from(code).unwrap_or(1)))
        }
    }
}

/// What a container writes from now on, as far as its log has it.
/// What those are told who attach to a container.
pub(super) const ATTACHING: &str = "All commands and output from this session will be recorded in container logs, \
    including credentials and sensitive information passed through the command prompt.\n\
    If you don't see a command prompt, try pressing enter.";

pub(super) fn attach(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let [word] = args.words.as_slice() else {
        return Err(io.fail(match args.words.len() {
            0 => "at least 1 argument is required for attach".to_owned(),
            many => format!(
                "expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments) saw {many}: [{}]",
                args.words.join(" ")
            ),
        }));
    };
    let patience = pods::patience(args, PATIENCE, io)?;
    let (target, pod) = pods::one(word, patience, args, io)?;
    let phase = pod["status"]["phase"].str();
    if matches!(phase.as_str(), "Succeeded" | "Failed") {
        return Err(
            io.fail(format!("cannot attach a container in a completed pod; current phase is {phase}"))
        );
    }
    if let Some(why) = args.get("container").and_then(|name| pods::not_of(&pod, name)) {
        return Err(io.fail(format!("cannot attach to the container: {why}")));
    }
    let container = pods::container(&pod, args.get("container"), args.is_on("quiet"), io)?;
    if !args.is_on("quiet") {
        io.warn(ATTACHING);
    }
    if pod["spec"]["nodeName"].is_empty() {
        let name = &target.name;
        return Err(
            io.fail(format!("unable to upgrade connection: pod {name} does not have a host assigned"))
        );
    }
    followed(&target, &container, "&tailLines=0", io)
}

pub(super) const COPY_FLAGS: &[Flag] =
    &[value("container", Some('c')), switch("no-preserve", None), int64("retries", None)];

/// `[[NAMESPACE/]POD:]PATH`
struct Place<'w> {
    pod: Option<(Option<&'w str>, &'w str)>,
    path: &'w str,
}

impl Place<'_> {
    fn read(word: &str) -> Result<Place<'_>, &'static str> {
        let Some((pod, path)) = word.split_once(':') else { return Ok(Place { pod: None, path: word }) };
        if pod.is_empty() {
            return Err("filespec must match the canonical format: [[namespace/]pod:]file/path");
        }
        let pod = match pod.split_once('/') {
            Some((namespace, pod)) => (Some(namespace), pod),
            None => (None, pod),
        };
        Ok(Place { pod: Some(pod), path })
    }
}

/// A file between a container and whoever sits in front of the terminal.
pub(super) fn copy(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let [from, to] = args.words.as_slice() else {
        return Err(io.fail("source and destination are required"));
    };
    let (from, to) = match (Place::read(from), Place::read(to)) {
        (Ok(from), Ok(to)) => (from, to),
        (Err(why), _) | (_, Err(why)) => return Err(io.fail(why)),
    };
    let (remote, out) = match (from.pod, to.pod) {
        (Some(_), Some(_)) => return Err(io.fail("one of src or dest must be a local file specification")),
        (None, None) => return Err(io.fail("one of src or dest must be a remote file specification")),
        (Some(pod), None) => (pod, true),
        (None, Some(pod)) => (pod, false),
    };
    if from.path.is_empty() || to.path.is_empty() {
        return Err(io.fail("filepath can not be empty"));
    }
    let namespace = remote.0.unwrap_or(args.namespace()).to_owned();
    let target = Target::new(crate::api::Kind::Pod, &namespace, remote.1);
    let response = io.request(target.get())?;
    if !response.is_success() {
        return io.finish(vec![Failure::of(&response)]);
    }
    let container = pods::container(&response.body, args.get("container"), false, io)?;
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let request = if out {
        request(&target, &container, &words(&["cat", from.path]), Str::new(), false)
    } else {
        let text = io.ask(Ask::Load(from.path.into()))?;
        if text.is_empty() {
            return Err(io.fail(format!("{} doesn't exist in local filesystem", from.path)));
        }
        let into = format!("cat > '{}'", to.path.replace('\'', "'\\''"));
        request(&target, &container, &words(&["sh", "-c", &into]), text, false)
    };
    let response = io.request(request)?;
    if !response.is_success() {
        return Err(refused(&response, io));
    }
    let result = &response.body;
    let failed = result["exitCode"].as_i64().unwrap_or(0) != 0;
    // It is tar that reads files for kubectl.
    if out && from.path.starts_with('/') {
        io.say("tar: Removing leading `/' from member names");
    }
    if out && failed && result["failure"].str().is_empty() {
        io.warn(format!(
            "tar: {}: Cannot stat: No such file or directory\n\
             tar: Exiting with failure status due to previous errors\ncommand terminated with exit code 2",
            from.path
        ));
        return Err(Stop::Exit(2));
    }
    if failed || !result["failure"].str().is_empty() {
        return finish(result, io);
    }
    if out {
        io.ask(Ask::Save { name: to.path.into(), text: result["stdout"].str() })?;
    }
    Ok(())
}

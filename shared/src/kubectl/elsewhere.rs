//! Verbs of kubectl that work on what is not here: directories of files, a shell's completion, plugins, a port of one's
//! own. They say so.

use super::args::{Args, Flag, int64, switch, value};
use super::io::{Io, Stop};

pub(super) const KUSTOMIZE_FLAGS: &[Flag] =
    &[value("output", Some('o')), switch("enable-helm", None), value("load-restrictor", None)];
pub(super) const PROXY_FLAGS: &[Flag] = &[int64("port", Some('p')), value("address", None)];

/// The refusal of a directory to build from (`kubectl kustomize DIR`, `-k DIR`).
pub(super) fn no_directory(path: &str, io: &mut Io<'_>) -> Stop {
    let stop = io.fail(format!(
        "must build at directory: not a valid directory: evalsymlink failure on '{path}' : lstat {}: no such file or \
         directory",
        absolute(path)
    ));
    io.warn(
        "There are no directories here: run `kubectl kustomize` where they are, and apply what it prints.",
    );
    stop
}

fn absolute(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}

pub(super) fn kustomize(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    match args.words.as_slice() {
        [] => Err(no_directory(".", io)),
        [path] => Err(no_directory(path, io)),
        _ => Err(io.fail("specify one path to kustomization.yaml")),
    }
}

pub(super) fn proxy(_: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    Err(io.fail("there is no port to listen on here: every request goes to the API server directly (kubectl get --raw PATH)"))
}

pub(super) fn completion(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    const SHELLS: [&str; 4] = ["bash", "zsh", "fish", "powershell"];
    let usage = "\nSee 'kubectl completion -h' for help and examples";
    match args.words.as_slice() {
        [] => Err(io.fail(format!("Shell not specified.{usage}"))),
        [shell] if SHELLS.contains(&shell.as_str()) => {
            Err(io.fail("there is no shell here to complete for: the Tab key completes already"))
        }
        [shell] => Err(io.fail(format!("Unsupported shell type {shell:?}.{usage}"))),
        _ => Err(io.fail(format!("Too many arguments. Expected only the shell type.{usage}"))),
    }
}

pub(super) fn plugin(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    match args.words.first().map(String::as_str) {
        None => super::help::parts("plugin", io),
        Some("list") => Err(io.fail("unable to find any kubectl plugins in your PATH")),
        Some(other) => {
            Err(io.fail(format!("unknown command {other:?}\nSee 'kubectl plugin -h' for help and examples")))
        }
    }
}

pub(super) fn alpha(_: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    io.warn("No alpha commands are available in this version of kubectl");
    Ok(())
}

/// There are no files here: nobody has written a kuberc.
pub(super) fn kuberc(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    match args.words.first().map(String::as_str) {
        Some("view") => {
            io.say("kuberc file not found at /root/.kube/kuberc");
            Ok(())
        }
        Some("set") => Err(io.fail("there are no files here: a kuberc cannot be kept")),
        _ => super::help::parts("kuberc", io),
    }
}

/// `kubectl options`
pub(super) fn options(_: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    super::help::options(io);
    Ok(())
}

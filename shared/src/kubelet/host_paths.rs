//! What pods mount of their node's own disk: a `hostPath` with a type must be there as such, or is made.
//!
//! A node has what every Linux machine with a kubelet has, and what was made for volumes. What programs write below such
//! paths the runtime alone knows: a file of theirs is none to this check.

use crate::doc::{Doc, Str};
use crate::runtime::host::{DIRECTORIES, FILES, has};
use crate::sim::Machine;

const SOCKETS: &str = "/run/containerd/containerd.sock /var/run/containerd/containerd.sock";
const CHARACTER_DEVICES: &str =
    "/dev/full /dev/fuse /dev/kmsg /dev/null /dev/random /dev/tty /dev/urandom /dev/zero";

/// Whether there is a directory: directories are made with those that they are in.
fn is_directory(path: &str, machine: &Machine) -> bool {
    let made = |(known, file): (&Str, &bool)| {
        known.strip_prefix(path).is_some_and(|rest| rest.starts_with('/') || rest.is_empty() && !file)
    };
    has(DIRECTORIES, path) || machine.made.iter().any(made)
}

/// Makes sure that a volume of the node's disk is what it is to be, else says why not.
pub(super) fn set_up(source: &Doc, machine: &mut Machine) -> Result<(), Str> {
    let path = source["path"].str();
    let at = if path.len() > 1 { path.trim_end_matches('/') } else { path.as_str() };
    let directory = is_directory(at, machine);
    let special = has(SOCKETS, at) || has(CHARACTER_DEVICES, at);
    let file = special || has(FILES, at) || machine.made.get(at) == Some(&true);
    let kind = source["type"].str();
    let (is_it, what) = match kind.as_str() {
        // Of what may be anything, the runtime makes a directory.
        "" | "DirectoryOrCreate" if !directory && !file => {
            machine.made.insert(at.into(), false);
            return Ok(());
        }
        "FileOrCreate" if !directory && !file => {
            let within = at.rsplit_once('/').map_or("", |(within, _)| within);
            if !is_directory(if within.is_empty() { "/" } else { within }, machine) {
                return Err(format!("open {path}: no such file or directory").into());
            }
            machine.made.insert(at.into(), true);
            return Ok(());
        }
        "Directory" | "DirectoryOrCreate" => (directory, "directory"),
        "File" | "FileOrCreate" => (file, "file"),
        "Socket" => (has(SOCKETS, at), "socket file"),
        "CharDevice" => (has(CHARACTER_DEVICES, at), "character device"),
        "BlockDevice" => (false, "block device"),
        _ => return Ok(()),
    };
    if is_it { Ok(()) } else { Err(format!("hostPath type check failed: {path} is not a {what}").into()) }
}

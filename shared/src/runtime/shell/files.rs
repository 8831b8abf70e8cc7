//! The files of a container: its own layer, the volumes mounted into it, and what every image has.

use crate::codec::Codec;
use crate::collections::{BTreeMap, BTreeSet};
use crate::doc::Str;

use super::super::account::Account;
use super::super::host;
use super::mounts::{Look, Mark, Mount, OF_DIRECTORIES, OF_FILES, SET_GROUP, STICKY, Sort};
use super::programs;

/// How large a file may grow, in bytes.
const LARGEST: usize = 256 << 10;
/// How many files a volume or layer may have.
const MOST_FILES: u32 = 4096;

/// Files by their path below a mount point, without a leading slash; directories end with one. Beside them what is not as
/// it mostly is: few files are another's than root's.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Files(pub BTreeMap<Str, Str>, Option<Box<BTreeMap<Str, Mark>>>);

/// Stands before the number of zeros that a file is made of.
const ZEROS: &str = "\0\0zeros ";
/// The disk has room for no larger file.
const LARGEST_FILL: u64 = 64 << 30;

/// How much room a file takes, in bytes.
pub(in crate::runtime) fn length(text: &str) -> u64 {
    text.strip_prefix(ZEROS).and_then(|zeros| zeros.parse().ok()).unwrap_or(text.len() as u64)
}

impl FromIterator<(Str, Str)> for Files {
    fn from_iter<T: IntoIterator<Item = (Str, Str)>>(files: T) -> Files {
        Files(files.into_iter().collect(), None)
    }
}

impl Files {
    fn mark(&self, path: &str, usual: Mark) -> Mark {
        self.1.as_ref().and_then(|marks| marks.get(path)).copied().unwrap_or(usual)
    }

    fn set_mark(&mut self, path: &str, mark: Mark, usual: Mark) {
        if mark != usual {
            self.1.get_or_insert_default().insert(path.into(), mark);
        } else if let Some(marks) = &mut self.1 {
            marks.remove(path);
        }
    }

    /// Makes a directory, if there is nothing of this name.
    pub fn begin_directory(&mut self, path: &str) {
        let path = path.trim_matches('/');
        let below: Str = format!("{path}/").into();
        let mut from = self.0.range(below.clone()..);
        let known = from.next().is_some_and(|(known, _)| known.starts_with(below.as_str()));
        if !known && !self.0.contains_key(path) {
            self.0.insert(below, Str::new());
        }
    }

    /// How much room all of them take, in bytes.
    pub fn length(&self) -> u64 {
        self.0.values().fold(0, |sum: u64, text| sum.saturating_add(length(text)))
    }
}

/// Everything a task can see of the container's files.
pub struct Place<'a> {
    /// What was written in the container itself.
    pub layer: &'a mut Files,
    /// Mounted volumes.
    pub mounts: &'a [Mount],
    /// The pod's volumes.
    pub volumes: &'a mut BTreeMap<Str, Files>,
    /// Those of them that tell it who it is.
    pub account: &'a Account<'a>,
    /// Directories of the machine.
    pub disks: &'a mut BTreeMap<Str, Files>,
    /// Whether the container's own layer may not be written.
    pub read_only: bool,
    /// User and group of who makes files.
    pub owner: (i64, i64),
    /// Files that the kubelet or the image provides: path and text.
    pub given: &'a dyn Fn(&str) -> Option<String>,
}

const DIRECTORIES: &str = "bin dev etc home lib mnt opt proc root run sbin srv sys tmp usr var usr/bin usr/lib \
                           usr/local usr/share var/cache var/lib var/log var/run";
/// What the kubelet or the image provides.
const GIVEN: [&str; 8] = [
    "etc/hostname",
    "etc/hosts",
    "etc/resolv.conf",
    "etc/os-release",
    "etc/passwd",
    "proc/meminfo",
    "proc/1/cmdline",
    "proc/1/oom_score_adj",
];

/// Where the programs are.
const PROGRAMS: &str = "bin";
/// What a program looks like to who reads it.
const BINARY: &str = "\u{7f}ELF";

fn is_program(path: &str) -> bool {
    let name = path.strip_prefix(PROGRAMS).and_then(|rest| rest.strip_prefix('/'));
    name.is_some_and(|name| programs::names().any(|known| known == name))
}

/// What stands between the root of whoever changed it (`chroot`) and the directory below that.
const ROOTED: &str = "//";

/// A directory as whoever is in it sees it.
pub(super) fn seen(directory: &str) -> &str {
    directory.find(ROOTED).map_or(directory, |at| &directory[at + 1..])
}

/// The directory of a path that [`absolute`] made, for whoever was in another.
pub(super) fn moved(directory: &str, path: &str) -> String {
    match directory.split_once(ROOTED) {
        None => format!("/{path}"),
        Some((root, _)) => match &format!("/{path}")[root.len()..] {
            "" => format!("{root}{ROOTED}"),
            below => format!("{root}/{below}"),
        },
    }
}

/// A directory that is the root from now on.
pub(super) fn rooted(path: &str) -> String {
    format!("/{path}{ROOTED}")
}

/// An absolute path without dots and double slashes, and without a slash at either end (the root is empty).
pub(in crate::runtime) fn absolute(directory: &str, path: &str) -> String {
    if let Some((root, below)) = directory.split_once(ROOTED) {
        let within = absolute(below, path);
        return absolute(root, &format!("./{within}"));
    }
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{directory}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Why something cannot be done with a file.
pub(super) type Refusal = &'static str;
pub(super) const MISSING: Refusal = "No such file or directory";
const IS_DIRECTORY: Refusal = "Is a directory";
const READ_ONLY: Refusal = "Read-only file system";
const FULL: Refusal = "No space left on device";

/// Where the kubelet really puts what it composes: what stands beside that only leads there, so that all files change at
/// once.
const DATA: &str = "..data";

impl Place<'_> {
    /// The mount that a path leads to, and its place there.
    fn find(&self, path: &str) -> (Option<&Mount>, String) {
        let (mount, mut within) = self.locate(path);
        if mount.is_some_and(Mount::is_composed)
            && let Some(rest) = within.strip_prefix(DATA)
            && (rest.is_empty() || rest.starts_with('/'))
        {
            within = rest.trim_start_matches('/').to_owned();
        }
        (mount, within)
    }

    /// The same before links are followed.
    fn locate(&self, path: &str) -> (Option<&Mount>, String) {
        let inside = |mount: &&Mount| {
            let at = mount.path.trim_matches('/');
            path == at || path.strip_prefix(at).is_some_and(|rest| at.is_empty() || rest.starts_with('/'))
        };
        let mount = self.mounts.iter().filter(inside).max_by_key(|mount| mount.path.trim_matches('/').len());
        let Some(mount) = mount else { return (None, path.to_owned()) };
        let rest = path[mount.path.trim_matches('/').len()..].trim_start_matches('/');
        let within = match (mount.sub_path.trim_matches('/'), rest) {
            ("", rest) => rest.to_owned(),
            (sub, "") => sub.to_owned(),
            (sub, rest) => format!("{sub}/{rest}"),
        };
        (Some(mount), within)
    }

    fn files(&self, mount: Option<&Mount>) -> Option<&Files> {
        match mount {
            None => Some(&*self.layer),
            Some(mount) if mount.shared => self.disks.get(&mount.volume),
            Some(mount) => self.account.files(&mount.volume).or_else(|| self.volumes.get(&mount.volume)),
        }
    }

    /// The text of a file.
    pub fn read(&self, path: &str) -> Result<Str, Refusal> {
        let (mount, within) = self.find(path);
        if let Some(text) = self.files(mount).and_then(|files| files.0.get(within.as_str())) {
            // Zeros are nothing that could be shown.
            return Ok(if text.starts_with(ZEROS) { Str::new() } else { text.clone() });
        }
        if self.is_directory(path) {
            return Err(IS_DIRECTORY);
        }
        if mount.is_none() && is_program(path) {
            return Ok(BINARY.into());
        }
        let given = match mount {
            None => (self.given)(path),
            Some(mount) if mount.volume == host::VOLUME => (self.given)(&format!("{}{within}", host::VOLUME)),
            Some(_) => None,
        };
        given.map(Str::from).ok_or(MISSING)
    }

    pub fn is_directory(&self, path: &str) -> bool {
        if path.is_empty() || DIRECTORIES.split_whitespace().any(|known| known == path) {
            return true;
        }
        let below = |mount: &Mount| {
            let at = mount.path.trim_matches('/');
            at.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
        };
        let (mount, within) = self.find(path);
        let files = self.files(mount);
        if let Some(mount) = mount
            && (within.is_empty() || mount.path.trim_matches('/') == path)
        {
            // A single file may be mounted as well.
            let is_file = files.is_some_and(|files| files.0.contains_key(within.as_str()))
                || mount.volume == host::VOLUME && host::has(host::FILES, &within);
            return !is_file;
        }
        if mount.is_some_and(|mount| mount.volume == host::VOLUME) && host::has(host::DIRECTORIES, &within) {
            return true;
        }
        let prefix = format!("{within}/");
        self.mounts.iter().any(below)
            || files.is_some_and(|files| {
                let mut from = files.0.range(Str::from(prefix.as_str())..);
                from.next().is_some_and(|(known, _)| known.starts_with(&prefix))
            })
    }

    /// What there is at a path, as it is listed; `follows` where links are followed.
    pub(super) fn look(&self, path: &str, follows: bool) -> Look {
        let (mount, within) = self.locate(path);
        let composed = mount.filter(|mount| mount.is_composed() && !within.is_empty());
        if let Some(mount) = composed
            && mount.sub_path.is_empty()
            && !follows
            && !within.starts_with(DATA)
            && !within.contains('/')
        {
            return Look::new(Sort::Link(format!("{DATA}/{within}")), Mark { mode: 0o777, ..OF_FILES });
        }
        let (mount, within) = self.find(path);
        let mark = |usual| self.files(mount).map_or(usual, |files| files.mark(&within, usual));
        if !self.is_directory(path) {
            return Look::new(
                Sort::File,
                composed.map_or_else(|| mark(OF_FILES), |mount| mount.file(&within)),
            );
        }
        let whole = mount.filter(|mount| mount.path.trim_matches('/') == path).map(Mount::root);
        let usual =
            if path == "tmp" { Mark { mode: 0o777 | STICKY, ..OF_DIRECTORIES } } else { OF_DIRECTORIES };
        Look::new(Sort::Directory, mark(whole.unwrap_or(usual)))
    }

    /// What a path is a part of.
    pub fn file_system(&self, path: &str) -> &'static str {
        self.find(path).0.map_or("overlay", Mount::file_system)
    }

    /// Changes the permissions of a file or directory.
    pub fn set_mode(&mut self, path: &str, mode: u32) -> Result<(), Refusal> {
        let Look { kind, user, group, .. } = self.look(path, true);
        let usual = if matches!(kind, Sort::Directory) { OF_DIRECTORIES } else { OF_FILES };
        let (files, within) = self.change(path)?;
        files.set_mark(&within, Mark { mode, user, group }, usual);
        Ok(())
    }

    /// Something new is of whoever makes it, and of the volume's group where that has one.
    fn own(&mut self, path: &str, usual: Mark) -> Result<(), Refusal> {
        let (user, group) = self.owner;
        let of_volume = self.find(path).0.and_then(|mount| mount.group);
        let inherited = if of_volume.is_some() && usual == OF_DIRECTORIES { SET_GROUP } else { 0 };
        let mark = Mark { mode: usual.mode | inherited, user, group: of_volume.unwrap_or(group) };
        let (files, within) = self.change(path)?;
        files.set_mark(&within, mark, usual);
        Ok(())
    }

    /// Whether there is anything at a path.
    pub fn exists(&self, path: &str) -> bool {
        self.is_directory(path) || self.read(path).is_ok()
    }

    fn change(&mut self, path: &str) -> Result<(&mut Files, Str), Refusal> {
        let (mount, within) = self.find(path);
        let (read_only, volume) = match mount {
            Some(mount) => (mount.read_only, Some((mount.volume.clone(), mount.shared))),
            None => (self.read_only, None),
        };
        if read_only {
            return Err(READ_ONLY);
        }
        let files = match volume {
            Some((volume, true)) => self.disks.entry(volume).or_default(),
            Some((volume, false)) => self.volumes.entry(volume).or_default(),
            None => &mut *self.layer,
        };
        Ok((files, within.into()))
    }

    /// How much room a file takes, in bytes.
    pub fn size(&self, path: &str) -> u64 {
        let (mount, within) = self.find(path);
        let own = self.files(mount).and_then(|files| files.0.get(within.as_str()));
        own.map_or_else(|| self.read(path).map_or(0, |text| text.len() as u64), |text| length(text))
    }

    /// How large a file may become.
    fn room(&self, path: &str) -> u64 {
        let (mount, within) = self.find(path);
        let Some(mount) = mount.filter(|mount| mount.room > 0) else { return u64::MAX };
        let files = self.files(Some(mount));
        let own = files.and_then(|files| files.0.get(within.as_str())).map_or(0, |text| length(text));
        mount.room.saturating_sub(files.map_or(0, Files::length) - own)
    }

    /// Makes a file of so many zeros, or of as many as there is room for; how many those are.
    pub fn fill(&mut self, path: &str, bytes: u64) -> Result<u64, Refusal> {
        let taken = bytes.min(self.room(path)).min(LARGEST_FILL);
        self.write(path, "", false)?;
        let (files, within) = self.change(path)?;
        files.0.insert(within, format!("{ZEROS}{taken}").into());
        Ok(taken)
    }

    /// Writes a file, or adds to it.
    pub fn write(&mut self, path: &str, text: &str, append: bool) -> Result<(), Refusal> {
        if self.is_directory(path) {
            return Err(IS_DIRECTORY);
        }
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        if !self.is_directory(parent) {
            return Err(MISSING);
        }
        let is_new = !self.exists(path);
        let before = if append { self.read(path).unwrap_or_default() } else { Str::new() };
        let room = self.room(path);
        let (files, within) = self.change(path)?;
        if files.0.len() as u64 >= u64::from(MOST_FILES) && !files.0.contains_key(&within) {
            return Err(FULL);
        }
        let size = super::super::bytes::size;
        let larger = size(&before) + size(text);
        if larger > LARGEST || larger as u64 > room {
            return Err(FULL);
        }
        files.0.insert(within, format!("{before}{text}").into());
        if is_new { self.own(path, OF_FILES) } else { Ok(()) }
    }

    /// Makes a directory, and with `parents` those above it.
    pub fn make_directory(&mut self, path: &str, parents: bool) -> Result<(), Refusal> {
        if self.exists(path) {
            return if parents && self.is_directory(path) { Ok(()) } else { Err("File exists") };
        }
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        if !parents && !self.is_directory(parent) {
            return Err(MISSING);
        }
        if parents && !parent.is_empty() && !self.exists(parent) {
            self.make_directory(parent, true)?;
        }
        let (files, within) = self.change(path)?;
        files.0.insert(format!("{within}/").into(), Str::new());
        self.own(path, OF_DIRECTORIES)
    }

    /// Removes a file, or with `all` a directory and what is in it.
    pub fn remove(&mut self, path: &str, all: bool) -> Result<(), Refusal> {
        if self.is_directory(path) && !all {
            return Err(IS_DIRECTORY);
        }
        if !self.exists(path) {
            return Err(MISSING);
        }
        let (files, within) = self.change(path)?;
        let prefix = format!("{within}/");
        let stays = |known: &Str| *known != within && !known.starts_with(&prefix);
        files.0.retain(|known, _| stays(known));
        if let Some(marks) = &mut files.1 {
            marks.retain(|known, _| stays(known));
        }
        Ok(())
    }

    /// The names in a directory.
    pub fn list(&self, path: &str) -> Vec<Str> {
        let mut names: BTreeSet<Str> = BTreeSet::default();
        let mut add = |whole: &str, prefix: &str| {
            let rest = if prefix.is_empty() {
                Some(whole)
            } else {
                whole.strip_prefix(prefix).and_then(|r| r.strip_prefix('/'))
            };
            let first = rest.and_then(|rest| rest.split('/').next()).filter(|name| !name.is_empty());
            names.extend(first.map(Str::from));
        };
        let (mount, within) = self.find(path);
        if mount.is_none() {
            DIRECTORIES.split_whitespace().for_each(|known| add(known, path));
            GIVEN.iter().for_each(|known| add(known, path));
        }
        if mount.is_some_and(|mount| mount.volume == host::VOLUME) {
            let known = host::DIRECTORIES.split(' ').chain(host::FILES.split(' '));
            known.for_each(|known| add(known.trim_start_matches('/'), &within));
        }
        if mount.is_none() && path == PROGRAMS {
            programs::names().for_each(|name| add(name, ""));
        }
        for known in self.files(mount).into_iter().flat_map(|files| files.0.keys()) {
            add(known, &within);
        }
        for mount in self.mounts {
            add(mount.path.trim_matches('/'), path);
        }
        names.iter().cloned().collect()
    }
}

//! Volumes in containers, and whose the files in them are.

use crate::codec::Codec;
use crate::doc::{Doc, Str};

use super::super::host;

/// Permissions and owner of a file or directory.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Mark {
    pub mode: u32,
    pub user: i64,
    pub group: i64,
}

pub(super) const OF_FILES: Mark = Mark { mode: 0o644, user: 0, group: 0 };
pub(super) const OF_DIRECTORIES: Mark = Mark { mode: 0o755, user: 0, group: 0 };
/// What is made in such a directory is its group's; only owners take away what they made.
pub(super) const SET_GROUP: u32 = 0o2000;
pub(super) const STICKY: u32 = 0o1000;

/// A volume in a container.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Mount {
    /// Where.
    pub path: Str,
    /// The volume's name in the pod.
    pub volume: Str,
    /// Only this file or directory of the volume.
    pub sub_path: Str,
    /// Whether nothing may be written there.
    pub read_only: bool,
    /// Whether it is a directory of the machine, not of the pod.
    pub shared: bool,
    /// Where the kubelet composes its files, what it makes them of.
    pub composed: Doc,
    /// Whether it is made of memory.
    pub memory: bool,
    /// How much it holds, where it is made of memory; 0 for as much as there is.
    pub room: u64,
    /// As whom all containers of the pod run, and the group that its volumes are of.
    pub user: Option<i64>,
    pub group: Option<i64>,
}

/// Stands before the reference of an image in the name of a volume that has its files.
pub(in crate::runtime) const OF_IMAGE: &str = "image:";

/// The volumes that the kubelet fills.
pub const COMPOSED: [&str; 4] = ["configMap", "secret", "downwardAPI", "projected"];

impl Mount {
    /// Whether the kubelet composes its files.
    pub fn is_composed(&self) -> bool {
        !self.composed.is_null()
    }

    /// Whether it is a part of a volume that programs write to: that is made where there is none.
    pub fn has_own_part(&self) -> bool {
        let holds_its_own = self.is_composed() || self.volume.starts_with(OF_IMAGE);
        !self.sub_path.is_empty() && !holds_its_own && self.volume != host::VOLUME
    }

    /// What it is a part of.
    pub fn file_system(&self) -> &'static str {
        if self.memory {
            return "tmpfs";
        }
        if self.volume.starts_with(OF_IMAGE) { "overlay" } else { "ext4" }
    }

    /// Its own directory, and the parts of it that are mounted.
    pub(super) fn root(&self) -> Mark {
        if self.volume == host::VOLUME || self.volume.starts_with(OF_IMAGE) {
            return OF_DIRECTORIES;
        }
        let memory = if self.memory { STICKY } else { 0 };
        let of_group = if self.group.is_some() { SET_GROUP } else { 0 };
        Mark { mode: 0o777 | memory | of_group, user: 0, group: self.group.unwrap_or(0) }
    }

    /// A file that it composes: its own permissions, or those of all; a token is for its pod alone, as far as that says
    /// as whom it runs.
    pub(super) fn file(&self, path: &str) -> Mark {
        let source = &self.composed;
        let parts = || source["sources"].items().iter();
        let kinds = parts().flat_map(|part| COMPOSED.iter().map(|kind| &part[*kind])).chain([source]);
        let mut items = kinds.flat_map(|part| part["items"].items());
        let own =
            items.find(|item| item["path"].as_str() == Some(path)).map_or(&Doc::Null, |item| &item["mode"]);
        let is_token = parts().any(|part| part["serviceAccountToken"]["path"].as_str() == Some(path));
        let given = own.as_i64().or(source["defaultMode"].as_i64()).and_then(|mode| u32::try_from(mode).ok());
        let mode = match given {
            _ if is_token && (self.user.is_some() || self.group.is_some()) => 0o600,
            given => given.unwrap_or(0o644),
        };
        let of_group = if self.group.is_some() { 0o440 } else { 0 };
        let user = self.user.filter(|_| is_token).unwrap_or(0);
        Mark { mode: mode | of_group, user, group: self.group.unwrap_or(0) }
    }
}

/// What `ls -l` shows of a file.
pub(super) struct Look {
    pub kind: Sort,
    pub mode: u32,
    pub user: i64,
    pub group: i64,
}

/// What there may be at a path.
pub(super) enum Sort {
    Directory,
    File,
    /// It leads elsewhere.
    Link(String),
}

impl Look {
    pub fn new(kind: Sort, Mark { mode, user, group }: Mark) -> Look {
        Look { kind, mode, user, group }
    }
}

//! Resources as discovery has them, and how what is done with them is called.

use shared::{
    api,
    doc::{Doc, Str},
};

/// A resource of a group and version.
pub struct Resource<'a> {
    pub group: &'a str,
    pub version: &'a str,
    pub plural: Str,
    pub kind: Str,
    pub namespaced: bool,
    /// Whether people defined it.
    pub custom: bool,
    pub of: &'a Doc,
}

impl Resource<'_> {
    pub fn base(&self) -> String {
        base(self.group, self.version)
    }

    pub fn can(&self, verb: &str) -> bool {
        can(self.of, verb)
    }

    /// The identifier of an operation: `readCoreV1NamespacedPod`.
    pub fn id(&self, verb: &str, rest: &str) -> String {
        format!("{verb}{}{rest}", prefix(self.group, self.version))
    }

    /// `NamespacedPodStatus`
    pub fn called(&self, part: &str) -> String {
        let spread = if self.namespaced { "Namespaced" } else { "" };
        format!("{spread}{}{}", self.kind, title(part))
    }

    /// Where they are; `watch` comes after the version.
    pub fn place(&self, watch: &str) -> String {
        let middle = if self.namespaced { "/namespaces/{namespace}" } else { "" };
        format!("{}{watch}{middle}/{}", self.base(), self.plural)
    }

    pub fn with_article(&self) -> String {
        let vowel = self.kind.starts_with(['A', 'E', 'I', 'O', 'U']);
        format!("{} {}", if vowel { "an" } else { "a" }, self.kind)
    }

    /// Whether deleting one answers with what it was.
    pub fn is_handed_out(&self) -> bool {
        api::is_handed_out(self.group, &self.plural)
    }
}

/// Whether discovery says so of a resource or a part of one.
pub fn can(of: &Doc, verb: &str) -> bool {
    of["verbs"].items().iter().any(|known| known.as_str() == Some(verb))
}

pub fn base(group: &str, version: &str) -> String {
    if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") }
}

/// `CoreV1`, `RbacAuthorizationV1`
pub fn prefix(group: &str, version: &str) -> String {
    let group = if group.is_empty() { "core" } else { group.trim_end_matches(".k8s.io") };
    format!("{}{}", title(group), title(version))
}

/// `core_v1`, `rbacAuthorization_v1`
pub fn tag(group: &str, version: &str) -> String {
    let whole = prefix(group, "");
    let (first, rest) = whole.split_at(1);
    let mark = if version.is_empty() { "" } else { "_" };
    format!("{}{rest}{mark}{version}", first.to_lowercase())
}

/// Each word with a capital, and nothing between them.
pub fn title(text: &str) -> String {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..])).collect()
}

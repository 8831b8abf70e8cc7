//! The Pod Security Standards: what each level forbids since which version, and how that is said.

use std::borrow::Cow;

use crate::api::core::pod::{MINOR, is_safe_sysctl};
use crate::collections::BTreeSet;
use crate::doc::Doc;

use super::Level;

/// Something that a level forbids: in short, and in detail.
pub(super) struct Violation {
    pub reason: Cow<'static, str>,
    detail: String,
}

struct Pod<'a> {
    minor: u32,
    annotations: &'a Doc,
    spec: &'a Doc,
}

type Check = fn(&Pod<'_>) -> Option<Violation>;

/// In the order in which they are told; from a version on the restricted level has a stricter one instead.
const BASELINE: [(Check, Option<u32>); 12] = [
    (app_armor_profile, None),
    (capabilities, Some(22)),
    (host_namespaces, None),
    (host_path_volumes, Some(0)),
    (host_ports, None),
    (hosts_of_probes, None),
    (privileged, None),
    (proc_mount, Some(35)),
    (se_linux_options, None),
    (seccomp_profile, Some(19)),
    (sysctls, None),
    (windows_host_process, None),
];

/// What is forbidden on top of that, since which version, and whether pods of Windows are spared since 1.25: they have no
/// such fields.
const RESTRICTED: [(Check, u32, bool); 7] = [
    (allow_privilege_escalation, 8, true),
    (restricted_capabilities, 22, true),
    (restricted_proc_mount, 35, false),
    (restricted_volumes, 0, false),
    (run_as_non_root, 0, false),
    (run_as_user, 23, false),
    (restricted_seccomp_profile, 19, true),
];

const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

const VOLUMES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// Everything that a level, as of a version, forbids of a pod.
pub(super) fn violations(level: Level, minor: u32, annotations: &Doc, spec: &Doc) -> Vec<Violation> {
    let pod = Pod { minor: minor.min(MINOR), annotations, spec };
    let is_restricted = level == Level::Restricted;
    let is_windows = pod.minor >= 25 && spec["os"]["name"].as_str() == Some("windows");
    let baseline = BASELINE
        .iter()
        .filter(|(_, until)| {
            level != Level::Privileged && !(is_restricted && until.is_some_and(|until| pod.minor >= until))
        })
        .map(|(check, _)| check);
    let restricted = RESTRICTED
        .iter()
        .filter(|(_, since, spares)| is_restricted && pod.minor >= *since && !(*spares && is_windows))
        .map(|(check, ..)| check);
    baseline.chain(restricted).filter_map(|check| check(&pod)).collect()
}

/// All of them, in one text.
pub(super) fn details(violations: &[Violation]) -> String {
    let all: Vec<String> =
        violations.iter().map(|Violation { reason, detail }| format!("{reason} ({detail})")).collect();
    all.join(", ")
}

impl<'a> Pod<'a> {
    fn containers(&self) -> impl Iterator<Item = &'a Doc> {
        ["initContainers", "containers", "ephemeralContainers"]
            .into_iter()
            .flat_map(|list| self.spec[list].items())
    }

    /// The names of the containers of which something is true.
    fn containers_where(&self, is_bad: impl FnMut(&&Doc) -> bool) -> Vec<&'a str> {
        self.containers()
            .filter(is_bad)
            .map(|container| container["name"].as_str().unwrap_or_default())
            .collect()
    }

    /// The pod itself and those of its containers whose security context says something bad, as one names them.
    fn setters(&self, mut is_bad: impl FnMut(&Doc) -> bool) -> Option<String> {
        let mut setters = Vec::new();
        if is_bad(&self.spec["securityContext"]) {
            setters.push(String::from("pod"));
        }
        let containers = self.containers_where(|container| is_bad(&container["securityContext"]));
        if !containers.is_empty() {
            setters.push(named("container", &containers));
        }
        (!setters.is_empty()).then(|| setters.join(" and "))
    }

    /// In a user namespace of its own, root is nobody on the node.
    fn is_apart(&self) -> bool {
        self.minor >= 35 && self.spec["hostUsers"].as_bool() == Some(false)
    }
}

fn violation(reason: impl Into<Cow<'static, str>>, detail: String) -> Option<Violation> {
    Some(Violation { reason: reason.into(), detail })
}

fn plural(what: &str, count: usize) -> String {
    if count == 1 { what.into() } else { format!("{what}s") }
}

fn in_quotes<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("\"{name}\"")).collect();
    quoted.join(", ")
}

/// `containers "a", "b"`
fn named(what: &str, names: &[&str]) -> String {
    format!("{} {}", plural(what, names.len()), in_quotes(names.iter().copied()))
}

fn uses(count: usize) -> &'static str {
    if count == 1 { "uses" } else { "use" }
}

fn app_armor_profile(pod: &Pod<'_>) -> Option<Violation> {
    const ANNOTATIONS: &str = "container.apparmor.security.beta.kubernetes.io/";
    let mut values = BTreeSet::new();
    let setters = pod.setters(|context| {
        let profile = &context["appArmorProfile"];
        let kind = profile["type"].as_str().unwrap_or_default();
        let is_bad = !profile.is_null() && !["RuntimeDefault", "Localhost"].contains(&kind);
        if is_bad {
            values.insert(String::from(kind));
        }
        is_bad
    });
    let is_allowed =
        |value: &str| value.is_empty() || value == "runtime/default" || value.starts_with("localhost/");
    let annotations: BTreeSet<String> = pod
        .annotations
        .entries()
        .iter()
        .map(|(key, value)| (key, value.as_str().unwrap_or_default()))
        .filter(|(key, value)| key.starts_with(ANNOTATIONS) && !is_allowed(value))
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    let mut setters: Vec<String> = setters.into_iter().collect();
    if !annotations.is_empty() {
        setters.push(plural("annotation", annotations.len()));
    }
    if setters.is_empty() {
        return None;
    }
    let values: Vec<String> = values.into_iter().chain(annotations).collect();
    let who = setters.join(" and ");
    let what = in_quotes(values.iter().map(|value| &**value));
    let reason = plural("forbidden AppArmor profile", values.len());
    violation(reason, format!("{who} must not set AppArmor profile type to {what}"))
}

/// The containers that add other capabilities than these, and which.
fn added(pod: &Pod<'_>, allowed: &[&str]) -> Option<String> {
    let mut others = BTreeSet::new();
    let containers = pod.containers_where(|container| {
        let added =
            container["securityContext"]["capabilities"]["add"].items().iter().filter_map(Doc::as_str);
        let bad: Vec<&str> = added.filter(|capability| !allowed.contains(capability)).collect();
        others.extend(bad.iter().map(|capability| String::from(*capability)));
        !bad.is_empty()
    });
    let what = in_quotes(others.iter().map(|capability| &**capability));
    let who = named("container", &containers);
    (!containers.is_empty())
        .then(|| format!("{who} must not include {what} in securityContext.capabilities.add"))
}

fn capabilities(pod: &Pod<'_>) -> Option<Violation> {
    violation("non-default capabilities", added(pod, &CAPABILITIES)?)
}

fn restricted_capabilities(pod: &Pod<'_>) -> Option<Violation> {
    let keeping = pod.containers_where(|container| {
        let dropped = container["securityContext"]["capabilities"]["drop"].items();
        !dropped.iter().any(|capability| capability.as_str() == Some("ALL"))
    });
    let mut details = Vec::new();
    if !keeping.is_empty() {
        let who = named("container", &keeping);
        details.push(format!("{who} must set securityContext.capabilities.drop=[\"ALL\"]"));
    }
    details.extend(added(pod, &["NET_BIND_SERVICE"]));
    if details.is_empty() { None } else { violation("unrestricted capabilities", details.join("; ")) }
}

fn host_namespaces(pod: &Pod<'_>) -> Option<Violation> {
    let shared: Vec<String> = ["hostNetwork", "hostPID", "hostIPC"]
        .into_iter()
        .filter(|field| pod.spec[*field].as_bool() == Some(true))
        .map(|field| format!("{field}=true"))
        .collect();
    if shared.is_empty() { None } else { violation("host namespaces", shared.join(", ")) }
}

fn volume_name(volume: &Doc) -> &str {
    volume["name"].as_str().unwrap_or_default()
}

fn host_path_volumes(pod: &Pod<'_>) -> Option<Violation> {
    let volumes = pod.spec["volumes"].items().iter().filter(|volume| !volume["hostPath"].is_null());
    let names: Vec<&str> = volumes.map(volume_name).collect();
    if names.is_empty() { None } else { violation("hostPath volumes", named("volume", &names)) }
}

fn restricted_volumes(pod: &Pod<'_>) -> Option<Violation> {
    let (mut names, mut kinds) = (Vec::new(), BTreeSet::new());
    for volume in pod.spec["volumes"].items() {
        let kind =
            volume.entries().iter().map(|(key, _)| &**key).find(|key| *key != "name").unwrap_or("unknown");
        if !VOLUMES.contains(&kind) {
            names.push(volume_name(volume));
            kinds.insert(kind);
        }
    }
    let (who, what) = (named("volume", &names), plural("restricted volume type", kinds.len()));
    let (uses, kinds) = (uses(names.len()), in_quotes(kinds.iter().copied()));
    if names.is_empty() {
        None
    } else {
        violation("restricted volume types", format!("{who} {uses} {what} {kinds}"))
    }
}

fn host_ports(pod: &Pod<'_>) -> Option<Violation> {
    let mut ports = BTreeSet::new();
    let containers = pod.containers_where(|container| {
        let taken = container["ports"].items().iter().filter_map(|port| port["hostPort"].as_i64());
        let taken: Vec<String> = taken.filter(|port| *port != 0).map(|port| port.to_string()).collect();
        ports.extend(taken.iter().cloned());
        !taken.is_empty()
    });
    let (who, uses) = (named("container", &containers), uses(containers.len()));
    let (what, ports) = (plural("hostPort", ports.len()), Vec::from_iter(ports).join(", "));
    if containers.is_empty() { None } else { violation("hostPort", format!("{who} {uses} {what} {ports}")) }
}

fn hosts_of_probes(pod: &Pod<'_>) -> Option<Violation> {
    if pod.minor < 34 {
        return None;
    }
    let mut hosts = BTreeSet::new();
    let containers = pod.containers_where(|container| {
        let lifecycle = &container["lifecycle"];
        let probes = ["livenessProbe", "readinessProbe", "startupProbe"].map(|probe| &container[probe]);
        let handlers = probes.into_iter().chain([&lifecycle["postStart"], &lifecycle["preStop"]]);
        let asked = handlers.flat_map(|handler| [&handler["httpGet"]["host"], &handler["tcpSocket"]["host"]]);
        let asked: Vec<&str> = asked.filter_map(Doc::as_str).filter(|host| !host.is_empty()).collect();
        hosts.extend(asked.iter().map(|host| String::from(*host)));
        !asked.is_empty()
    });
    let containers = Vec::from_iter(BTreeSet::from_iter(containers));
    if containers.is_empty() {
        return None;
    }
    let (who, uses) = (named("container", &containers), uses(containers.len()));
    let what = plural("probe or lifecycle host", hosts.len());
    let hosts = in_quotes(hosts.iter().map(|host| &**host));
    violation("probe or lifecycle host", format!("{who} {uses} {what} {hosts}"))
}

fn privileged(pod: &Pod<'_>) -> Option<Violation> {
    let is_bad = |container: &&Doc| container["securityContext"]["privileged"].as_bool() == Some(true);
    let containers = pod.containers_where(is_bad);
    let detail = format!("{} must not set securityContext.privileged=true", named("container", &containers));
    if containers.is_empty() { None } else { violation("privileged", detail) }
}

fn proc_mount(pod: &Pod<'_>) -> Option<Violation> {
    if pod.is_apart() { None } else { restricted_proc_mount(pod) }
}

fn restricted_proc_mount(pod: &Pod<'_>) -> Option<Violation> {
    let mut kinds = BTreeSet::new();
    let containers = pod.containers_where(|container| {
        let kind = container["securityContext"]["procMount"].as_str().filter(|kind| *kind != "Default");
        kinds.extend(kind.map(String::from));
        kind.is_some()
    });
    let (who, kinds) = (named("container", &containers), in_quotes(kinds.iter().map(|kind| &**kind)));
    let detail = format!("{who} must not set securityContext.procMount to {kinds}");
    if containers.is_empty() { None } else { violation("procMount", detail) }
}

fn se_linux_options(pod: &Pod<'_>) -> Option<Violation> {
    const TYPES: [&str; 5] = ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];
    let allowed = &TYPES[..if pod.minor < 31 { 4 } else { 5 }];
    let (mut types, mut has_user, mut has_role) = (BTreeSet::new(), false, false);
    let who = pod.setters(|context| {
        let options = &context["seLinuxOptions"];
        let kind = options["type"].as_str().unwrap_or_default();
        let (user, role) = (!options["user"].is_empty(), !options["role"].is_empty());
        let is_other = !allowed.contains(&kind);
        if is_other {
            types.insert(String::from(kind));
        }
        has_user |= user;
        has_role |= role;
        is_other || user || role
    })?;
    let types: Vec<&str> = types.iter().map(|kind| &**kind).collect();
    let mut bad = Vec::new();
    if !types.is_empty() {
        bad.push(named("type", &types));
    }
    bad.extend(has_user.then(|| "user may not be set".into()));
    bad.extend(has_role.then(|| "role may not be set".into()));
    violation(
        "seLinuxOptions",
        format!("{who} set forbidden securityContext.seLinuxOptions: {}", bad.join("; ")),
    )
}

/// Before there were fields for it, annotations said it.
fn seccomp_annotations(pod: &Pod<'_>) -> Option<Violation> {
    const POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
    let allowed = ["runtime/default", "docker/default"];
    let is_allowed = |value: &str| allowed.contains(&value) || value.starts_with("localhost/");
    let of_containers = pod.containers().map(|container| {
        format!(
            "container.seccomp.security.alpha.kubernetes.io/{}",
            container["name"].as_str().unwrap_or_default()
        )
    });
    let said = std::iter::once(String::from(POD)).chain(of_containers);
    let bad: BTreeSet<String> = said
        .filter_map(|key| {
            let value = pod.annotations[&*key].as_str().filter(|value| !is_allowed(value))?;
            Some(format!("{key}={value:?}"))
        })
        .collect();
    let what = plural("annotation", bad.len());
    let is_bad = !bad.is_empty();
    let bad = Vec::from_iter(bad).join(", ");
    if is_bad { violation("seccompProfile", format!("forbidden {what} {bad}")) } else { None }
}

fn seccomp_profile(pod: &Pod<'_>) -> Option<Violation> {
    if pod.minor < 19 {
        return seccomp_annotations(pod);
    }
    let mut kinds = BTreeSet::new();
    let who = pod.setters(|context| {
        let profile = &context["seccompProfile"];
        let kind = profile["type"].as_str().unwrap_or_default();
        let is_bad = !profile.is_null() && !["Localhost", "RuntimeDefault"].contains(&kind);
        if is_bad {
            kinds.insert(String::from(kind));
        }
        is_bad
    })?;
    let kinds = in_quotes(kinds.iter().map(|kind| &**kind));
    violation("seccompProfile", format!("{who} must not set securityContext.seccompProfile.type to {kinds}"))
}

fn restricted_seccomp_profile(pod: &Pod<'_>) -> Option<Violation> {
    if let Some(explicit) = seccomp_profile(pod) {
        return Some(explicit);
    }
    let who = undecided(pod, "seccompProfile", |profile| !profile.is_null())?;
    let what = "must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"";
    violation("seccompProfile", format!("pod or {who} {what}"))
}

/// The containers that leave a field open, where the pod does not decide it for them.
fn undecided(pod: &Pod<'_>, field: &str, decides: impl Fn(&Doc) -> bool) -> Option<String> {
    if decides(&pod.spec["securityContext"][field]) {
        return None;
    }
    let containers = pod.containers_where(|container| container["securityContext"][field].is_null());
    (!containers.is_empty()).then(|| named("container", &containers))
}

fn run_as_non_root(pod: &Pod<'_>) -> Option<Violation> {
    const REASON: &str = "runAsNonRoot != true";
    if pod.is_apart() {
        return None;
    }
    if let Some(who) = pod.setters(|context| context["runAsNonRoot"].as_bool() == Some(false)) {
        return violation(REASON, format!("{who} must not set securityContext.runAsNonRoot=false"));
    }
    let who = undecided(pod, "runAsNonRoot", |value| value.as_bool() == Some(true))?;
    violation(REASON, format!("pod or {who} must set securityContext.runAsNonRoot=true"))
}

fn run_as_user(pod: &Pod<'_>) -> Option<Violation> {
    if pod.is_apart() {
        return None;
    }
    let who = pod.setters(|context| context["runAsUser"].as_i64() == Some(0))?;
    violation("runAsUser=0", format!("{who} must not set runAsUser=0"))
}

fn allow_privilege_escalation(pod: &Pod<'_>) -> Option<Violation> {
    let is_bad =
        |container: &&Doc| container["securityContext"]["allowPrivilegeEscalation"].as_bool() != Some(false);
    let containers = pod.containers_where(is_bad);
    let who = named("container", &containers);
    let detail = format!("{who} must set securityContext.allowPrivilegeEscalation=false");
    if containers.is_empty() { None } else { violation("allowPrivilegeEscalation != false", detail) }
}

fn sysctls(pod: &Pod<'_>) -> Option<Violation> {
    let set = pod.spec["securityContext"]["sysctls"].items().iter();
    let set = set.map(|sysctl| sysctl["name"].as_str().unwrap_or_default());
    let bad: Vec<&str> = set.filter(|name| !is_safe_sysctl(name, pod.minor)).collect();
    if bad.is_empty() { None } else { violation("forbidden sysctls", bad.join(", ")) }
}

fn windows_host_process(pod: &Pod<'_>) -> Option<Violation> {
    let who = pod.setters(|context| context["windowsOptions"]["hostProcess"].as_bool() == Some(true))?;
    violation("hostProcess", format!("{who} must not set securityContext.windowsOptions.hostProcess=true"))
}

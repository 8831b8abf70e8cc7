//! What is wrong with how pods and containers are confined: whom they run as, which profiles, and what fits the
//! operating system that a pod says it is for.

use crate::api::validation::names;
use crate::api::validation::{At, Faults};
use crate::collections::BTreeSet;
use crate::doc::Doc;

const KINDS: &[&str] = &["Localhost", "RuntimeDefault", "Unconfined"];
const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// The minor version of Kubernetes that is simulated: what later ones allow is not allowed yet.
pub const MINOR: u32 = 36;

/// The sysctls that are safe, and since when they count as such.
const SYSCTLS: [(&str, u32); 14] = [
    ("kernel.shm_rmid_forced", 0),
    ("net.ipv4.ip_local_port_range", 0),
    ("net.ipv4.tcp_syncookies", 0),
    ("net.ipv4.ping_group_range", 0),
    ("net.ipv4.ip_unprivileged_port_start", 0),
    ("net.ipv4.ip_local_reserved_ports", 27),
    ("net.ipv4.tcp_keepalive_time", 29),
    ("net.ipv4.tcp_fin_timeout", 29),
    ("net.ipv4.tcp_keepalive_intvl", 29),
    ("net.ipv4.tcp_keepalive_probes", 29),
    ("net.ipv4.tcp_rmem", 32),
    ("net.ipv4.tcp_wmem", 32),
    ("net.ipv4.tcp_slow_start_after_idle", 37),
    ("net.ipv4.tcp_notsent_lowat", 37),
];

/// Whether pods may set a parameter of the kernel without more ado, as a minor version has it.
pub fn is_safe_sysctl(name: &str, minor: u32) -> bool {
    SYSCTLS.iter().any(|(safe, since)| *safe == name && minor >= *since)
}

/// Says what is wrong with the `securityContext` of a pod's spec.
pub(super) fn pod(spec: &At<'_>, faults: &mut Faults) {
    let context = spec.field("securityContext");
    ids(&context, &["fsGroup", "runAsUser", "runAsGroup"], faults);
    for group in context.field("supplementalGroups").each() {
        group.within(faults, 0, i32::MAX.into());
    }
    if spec["shareProcessNamespace"].as_bool() == Some(true) && spec["hostPID"].as_bool() == Some(true) {
        // The server keeps both with the context, and names them so.
        let shared = context.field("shareProcessNamespace");
        faults.invalid(&shared, &Doc::from(true), "ShareProcessNamespace and HostPID cannot both be enabled");
    }
    sysctls(spec, &context.field("sysctls"), faults);
    context.field("fsGroupChangePolicy").one_of(faults, &["Always", "OnRootMismatch"]);
    seccomp_profile(&context.field("seccompProfile"), faults);
    windows_options(&context.field("windowsOptions"), faults);
    apparmor_profile(&context.field("appArmorProfile"), faults);
    context.field("supplementalGroupsPolicy").one_of(faults, &["Merge", "Strict"]);
    context.field("seLinuxChangePolicy").one_of(faults, &["MountOption", "Recursive"]);
}

/// Says what is wrong with the `securityContext` of a container.
pub(super) fn container(context: &At<'_>, own_users: bool, faults: &mut Faults) {
    ids(context, &["runAsUser", "runAsGroup"], faults);
    let mount = context.field("procMount");
    mount.one_of(faults, &["Default", "Unmasked"]);
    if mount.text() == "Unmasked" && !own_users {
        faults.invalid(&mount, &mount, "`hostUsers` must be false to use `Unmasked`");
    }
    seccomp_profile(&context.field("seccompProfile"), faults);
    if context["allowPrivilegeEscalation"].as_bool() == Some(false) {
        if context["privileged"].as_bool() == Some(true) {
            let why = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
            faults.invalid(context, context, why);
        }
        let added = context["capabilities"]["add"].items();
        if added.iter().any(|one| one.as_str() == Some("CAP_SYS_ADMIN")) {
            let why = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
            faults.invalid(context, context, why);
        }
    }
    windows_options(&context.field("windowsOptions"), faults);
    apparmor_profile(&context.field("appArmorProfile"), faults);
}

fn ids(context: &At<'_>, fields: &[&str], faults: &mut Faults) {
    for field in fields {
        context.field(field).within(faults, 0, i32::MAX.into());
    }
}

fn sysctls(spec: &At<'_>, sysctls: &At<'_>, faults: &mut Faults) {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for sysctl in sysctls.each() {
        let name = sysctl.field("name");
        let text = sysctl.doc()["name"].as_str().unwrap_or("");
        let before = faults.0.len();
        name.require_and_check(faults, names::sysctl);
        if !seen.insert(text) && faults.0.len() == before {
            faults.duplicate(&name, &name);
        }
        let dotted = text.replace('/', ".");
        let of = |prefixes: &[&str]| prefixes.iter().any(|prefix| dotted.starts_with(prefix));
        let of_net = of(&["net."]);
        let of_ipc = dotted == "kernel.sem" || of(&["kernel.shm", "kernel.msg", "fs.mqueue."]);
        for (field, theirs) in [("hostNetwork", of_net), ("hostIPC", of_ipc)] {
            if theirs && spec[field].as_bool() == Some(true) {
                faults.invalid(&name, &name, format!("may not be specified when '{field}' is true"));
            }
        }
    }
}

/// `seccompProfile`: a kind, and a file where the kind wants one.
fn seccomp_profile(profile: &At<'_>, faults: &mut Faults) {
    if !profile.is_set() {
        return;
    }
    let (kind, local) = (profile.field("type"), profile.field("localhostProfile"));
    match kind.text() {
        "" => faults.required(&kind, "type is required when seccompProfile is set"),
        _ => kind.one_of(faults, KINDS),
    }
    match (kind.text(), local.is_set()) {
        ("Localhost", false) => faults.required(&local, "must be set when seccomp type is Localhost"),
        ("Localhost", true) => local.check(faults, names::descending_path),
        (_, true) => faults.invalid(&local, profile, "can only be set when seccomp type is Localhost"),
        _ => {}
    }
}

/// `appArmorProfile`: the same for the other mechanism, whose profiles are names.
fn apparmor_profile(profile: &At<'_>, faults: &mut Faults) {
    /// A path's longest text.
    const LONGEST: u32 = 4095;
    if !profile.is_set() {
        return;
    }
    let (kind, local) = (profile.field("type"), profile.field("localhostProfile"));
    let trimmed = local.text().trim();
    match kind.text() {
        "Localhost" => {
            if local.is_set() && trimmed != local.text() {
                faults.invalid(&local, &local, "must not be padded with whitespace");
            } else if trimmed.is_empty() {
                faults.required(&local, "must be set when AppArmor type is Localhost");
            }
            if local.text().len() > LONGEST as usize {
                faults.too_long(&local, LONGEST);
            }
        }
        "" => faults.required(&kind, "type is required when appArmorProfile is set"),
        known if KINDS.contains(&known) => {
            if local.is_set() {
                faults.invalid(&local, &local, "can only be set when AppArmor type is Localhost");
            }
        }
        _ => faults.not_supported(&kind, &kind, KINDS),
    }
}

fn windows_options(options: &At<'_>, faults: &mut Faults) {
    const LARGEST_SPEC: usize = 64 * 1024;
    let name = options.field("gmsaCredentialSpecName");
    if name.is_set() {
        name.check(faults, names::dns_subdomain);
    }
    let spec = options.field("gmsaCredentialSpec");
    if spec.is_set() && spec.text().is_empty() {
        faults.invalid(&spec, &spec, "gmsaCredentialSpec cannot be an empty string");
    } else if spec.text().len() > LARGEST_SPEC {
        faults.invalid(&spec, &spec, "gmsaCredentialSpec size must be under 64 KiB");
    }
    let user = options.field("runAsUserName");
    if user.is_set() {
        for message in windows_user(user.text()) {
            faults.invalid(&user, &user, message);
        }
    }
}

/// What is wrong with the name of a user of Windows, with or without a domain before it.
fn windows_user(name: &str) -> Vec<&'static str> {
    let parts: Vec<&str> = name.split('\\').collect();
    let (domain, user) = match parts.as_slice() {
        _ if name.is_empty() => return vec!["runAsUserName cannot be an empty string"],
        _ if name.chars().any(|sign| sign.is_ascii_control()) => {
            return vec!["runAsUserName cannot contain control characters"];
        }
        [user] => (None, *user),
        [domain, user] => (Some(*domain), *user),
        _ => return vec!["runAsUserName cannot contain more than one backslash"],
    };
    let mut wrong = Vec::new();
    if domain.is_some_and(|domain| domain.len() >= 256) {
        wrong.push("runAsUserName's Domain length must be under 256 characters");
    }
    if domain.is_some_and(|domain| !is_windows_domain(domain)) {
        wrong.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
    }
    if user.is_empty() {
        wrong.push("runAsUserName's User cannot be empty");
    } else if user.len() > 104 {
        wrong.push("runAsUserName's User length must not be longer than 104 characters");
    }
    if !user.is_empty() && user.chars().all(|sign| matches!(sign, '.' | ' ')) {
        wrong.push("runAsUserName's User cannot contain only periods or spaces");
    }
    if user.contains(['"', '/', '\\', ':', ';', '|', '=', ',', '+', '*', '?', '<', '>', '@', '[', ']']) {
        wrong.push(r#"runAsUserName's User cannot contain the following characters: "/\:;|=,+*?<>@[]"#);
    }
    wrong
}

fn is_windows_domain(domain: &str) -> bool {
    let of_netbios = (1..=15).contains(&domain.chars().count())
        && !domain.starts_with('.')
        && !domain.contains(['\\', '/', ':', '*', '?', '"', '<', '>', '|']);
    of_netbios || names::dns_subdomain(&domain.to_lowercase()).is_empty()
}

/// Says what cannot be where containers of Windows run as programs of their node (`hostProcess`).
pub(super) fn host_process(spec: &At<'_>, faults: &mut Faults) {
    let whole = spec["securityContext"]["windowsOptions"]["hostProcess"].as_bool();
    let (mut count, mut of_host) = (0, 0);
    for list in LISTS {
        for container in spec.field(list).each() {
            let options = container.field("securityContext");
            let options = options.field("windowsOptions");
            let own = options.field("hostProcess");
            count += 1;
            of_host += u32::from(own.as_bool().or(whole) == Some(true));
            if let (Some(whole), Some(_)) = (whole, own.as_bool().filter(|own| Some(*own) != whole)) {
                let why =
                    format!("pod hostProcess value must be identical if both are specified, was {whole}");
                faults.invalid(&own, &own, why);
            }
        }
    }
    if of_host == 0 {
        return;
    }
    if of_host != count {
        let why =
            "If pod contains any hostProcess containers then all containers must be HostProcess containers";
        faults.invalid(spec, &Doc::from(""), why);
    }
    if spec["hostNetwork"].as_bool() != Some(true) {
        let why = "hostNetwork must be true if pod contains any hostProcess containers";
        faults.invalid(&spec.field("hostNetwork"), &Doc::from(false), why);
    }
}

/// Says what is wrong with a pod's `os`, and what such a pod cannot have.
pub(super) fn operating_system(spec: &At<'_>, faults: &mut Faults) {
    let os = spec.field("os");
    if !os.is_set() {
        return;
    }
    let name = os.field("name");
    match name.text() {
        "" => faults.required(&name, "cannot be empty"),
        "linux" => without_options_of_windows(spec, faults),
        "windows" => without_what_is_of_linux(spec, faults),
        _ => faults.not_supported(&os, &name, &["linux", "windows"]),
    }
}

fn without_options_of_windows(spec: &At<'_>, faults: &mut Faults) {
    const WHY: &str = "windows options cannot be set for a linux pod";
    spec.field("securityContext").field("windowsOptions").forbid(faults, WHY);
    for list in LISTS {
        for container in spec.field(list).each() {
            container.field("securityContext").field("windowsOptions").forbid(faults, WHY);
        }
    }
}

fn without_what_is_of_linux(spec: &At<'_>, faults: &mut Faults) {
    const WHY: &str = "cannot be set for a windows pod";
    let context = spec.field("securityContext");
    for field in ["appArmorProfile", "seLinuxOptions"] {
        context.field(field).forbid(faults, WHY);
    }
    spec.field("hostUsers").forbid(faults, WHY);
    for field in ["hostPID", "hostIPC"] {
        if spec[field].as_bool() == Some(true) {
            faults.forbidden(&spec.field(field), WHY);
        }
    }
    for field in ["seccompProfile", "fsGroup", "fsGroupChangePolicy"] {
        context.field(field).forbid(faults, WHY);
    }
    if !context["sysctls"].items().is_empty() {
        faults.forbidden(&context.field("sysctls"), WHY);
    }
    spec.field("shareProcessNamespace").forbid(faults, WHY);
    for field in
        ["runAsUser", "runAsGroup", "supplementalGroups", "supplementalGroupsPolicy", "seLinuxChangePolicy"]
    {
        context.field(field).forbid(faults, WHY);
    }
    for list in LISTS {
        for container in spec.field(list).each() {
            let context = container.field("securityContext");
            for field in OF_LINUX {
                context.field(field).forbid(faults, WHY);
            }
        }
    }
}

/// What a container of Windows cannot have.
const OF_LINUX: [&str; 10] = [
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
];

/// Says what cannot be where a pod has users of its own (`hostUsers: false`).
pub(super) fn own_users(spec: &At<'_>, faults: &mut Faults) {
    if !has_own_users(spec) {
        return;
    }
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        if spec[field].as_bool() == Some(true) {
            faults.forbidden(&spec.field(field), "when `hostUsers` is false");
        }
    }
}

/// Whether a pod has users of its own.
pub(super) fn has_own_users(spec: &Doc) -> bool {
    spec["hostUsers"].as_bool() == Some(false)
}

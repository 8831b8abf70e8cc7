//! Containers of a pod or of a template.

use crate::api::quantity;
use crate::collections::sort_by_key;
use crate::doc::Doc;

use super::super::io::Stop;
use super::sheet::Sheet;
use super::values::{at, bare, go_list, is_there, rfc1123};

/// The three lists of containers: title, field, and the field of their states.
const LISTS: [(&str, &str, &str); 3] = [
    ("Init Containers", "initContainers", "initContainerStatuses"),
    ("Containers", "containers", "containerStatuses"),
    ("Ephemeral Containers", "ephemeralContainers", "ephemeralContainerStatuses"),
];

pub fn of_pod(sheet: &mut Sheet<'_, '_>, pod: &Doc, _: &str) -> Result<(), Stop> {
    if is_there(&pod["spec"]["resources"]) {
        sheet.line(0, "Resources:");
        resources(sheet, &pod["spec"]["resources"], 1);
    }
    for (title, field, statuses) in LISTS {
        let containers = &pod["spec"][field];
        if !containers.is_empty() || field == "containers" {
            list(sheet, title, containers, &pod["status"][statuses], Some(pod))?;
        }
    }
    Ok(())
}

pub fn of_template(sheet: &mut Sheet<'_, '_>, spec: &Doc) -> Result<(), Stop> {
    for (title, field, _) in &LISTS[..2] {
        if !spec[*field].is_empty() || *field == "containers" {
            list(sheet, title, &spec[*field], &Doc::Null, None)?;
        }
    }
    Ok(())
}

/// One list of containers; a template has no pod yet.
fn list(
    sheet: &mut Sheet<'_, '_>,
    title: &str,
    containers: &Doc,
    statuses: &Doc,
    pod: Option<&Doc>,
) -> Result<(), Stop> {
    let (space, indent) = if pod.is_some() { ("", "") } else { ("  ", " ") };
    let none = if containers.is_empty() { " <none>" } else { "" };
    sheet.line(0, format!("{space}{title}:{none}"));
    for container in containers.items() {
        let status = statuses.items().iter().find(|status| status["name"] == container["name"]);
        sheet.line(1, format!("{indent}{}:", container["name"].str()));
        one(sheet, container, status, pod)?;
    }
    Ok(())
}

fn one(
    sheet: &mut Sheet<'_, '_>,
    container: &Doc,
    status: Option<&Doc>,
    pod: Option<&Doc>,
) -> Result<(), Stop> {
    if let Some(status) = status {
        sheet.line(2, format!("Container ID:\t{}", status["containerID"].str()));
    }
    sheet.line(2, format!("Image:\t{}", container["image"].str()));
    if let Some(status) = status {
        sheet.line(2, format!("Image ID:\t{}", status["imageID"].str()));
    }
    ports(sheet, "Port", container, "containerPort");
    ports(sheet, "Host Port", container, "hostPort");
    sheet.fill(
        container,
        "\
?securityContext.seccompProfile >>SeccompProfile:\t{securityContext.seccompProfile.type}
?securityContext.seccompProfile.localhostProfile >>>LocalhostProfile:\t{securityContext.seccompProfile.localhostProfile}
",
    )?;
    for (title, field) in [("Command:", "command"), ("Args:", "args")] {
        if !container[field].is_empty() {
            sheet.line(2, title);
        }
        for word in container[field].items() {
            bare(word).split('\n').for_each(|line| sheet.line(3, line));
        }
    }
    if let Some(status) = status {
        state(sheet, "State", &status["state"])?;
        if !status["lastState"]["terminated"].is_null() {
            state(sheet, "Last State", &status["lastState"])?;
        }
        sheet.fill(status, ">>Ready:\t{ready:bool/False}\n>>Restart Count:\t{restartCount/0}")?;
    }
    resources(sheet, &container["resources"], 2);
    for (title, field) in
        [("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")]
    {
        if !container[field].is_null() {
            sheet.line(2, format!("{title}:\t{}", probe(&container[field])));
        }
    }
    environment_from(sheet, container);
    environment(sheet, container, pod);
    mounts(sheet, container);
    Ok(())
}

fn ports(sheet: &mut Sheet<'_, '_>, title: &str, container: &Doc, field: &str) {
    let ports = container["ports"].items();
    let shown = ports.iter().map(|port| {
        let number = port[field].as_i64().unwrap_or(0);
        let name = port["name"].str();
        let name = if name.is_empty() { String::new() } else { format!(" ({name})") };
        format!("{number}/{}{name}", port["protocol"].str())
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    let several = if ports.len() > 1 { "s" } else { "" };
    sheet.line(2, format!("{title}{several}:\t{}", if shown.is_empty() { "<none>" } else { &shown }));
}

fn state(sheet: &mut Sheet<'_, '_>, title: &str, state: &Doc) -> Result<(), Stop> {
    if !state["running"].is_null() {
        sheet.line(2, format!("{title}:\tRunning"));
        sheet.line(3, format!("Started:\t{}", rfc1123(&state["running"]["startedAt"])));
        return Ok(());
    }
    let ended = &state["terminated"];
    if ended.is_null() {
        sheet.line(2, format!("{title}:\tWaiting"));
        return sheet.fill(state, "?waiting.reason >>>Reason:\t{waiting.reason}");
    }
    sheet.line(2, format!("{title}:\tTerminated"));
    sheet.fill(
        ended,
        "?reason >>>Reason:\t{reason}\n?message >>>Message:\t{message}\n>>>Exit Code:\t{exitCode/0}",
    )?;
    if ended["signal"].as_i64().unwrap_or(0) > 0 {
        sheet.line(3, format!("Signal:\t{}", bare(&ended["signal"])));
    }
    sheet.line(3, format!("Started:\t{}", rfc1123(&ended["startedAt"])));
    sheet.line(3, format!("Finished:\t{}", rfc1123(&ended["finishedAt"])));
    Ok(())
}

fn resources(sheet: &mut Sheet<'_, '_>, resources: &Doc, level: usize) {
    for (title, field) in [("Limits:", "limits"), ("Requests:", "requests")] {
        if !resources[field].is_empty() {
            sheet.line(level, title);
        }
        for (name, value) in resources[field].entries() {
            sheet.line(level + 1, format!("{name}:\t{}", quantity::canonical(value).unwrap_or_default()));
        }
    }
}

/// How a container is probed.
fn probe(probe: &Doc) -> String {
    let number = |field: &str, default: i64| probe[field].as_i64().unwrap_or(default);
    let times = format!(
        "delay={}s timeout={}s period={}s #success={} #failure={}",
        number("initialDelaySeconds", 0),
        number("timeoutSeconds", 1),
        number("periodSeconds", 10),
        number("successThreshold", 1),
        number("failureThreshold", 3)
    );
    let (exec, http) = (&probe["exec"], &probe["httpGet"]);
    let (tcp, grpc) = (&probe["tcpSocket"], &probe["grpc"]);
    if !exec.is_null() {
        format!("exec {} {times}", go_list(&exec["command"]))
    } else if !http.is_null() {
        let path = bare(&http["path"]);
        let path = if path.is_empty() || path.starts_with('/') { path } else { format!("/{path}") };
        let (scheme, host) = (http["scheme"].str().to_lowercase(), http["host"].str());
        format!("http-get {scheme}://{host}:{}{path} {times}", bare(&http["port"]))
    } else if !tcp.is_null() {
        format!("tcp-socket {}:{} {times}", tcp["host"].str(), bare(&tcp["port"]))
    } else if !grpc.is_null() {
        format!("grpc <pod>:{} {} {times}", bare(&grpc["port"]), grpc["service"].str())
    } else {
        format!("unknown {times}")
    }
}

fn environment_from(sheet: &mut Sheet<'_, '_>, container: &Doc) {
    if container["envFrom"].is_empty() {
        return;
    }
    sheet.line(2, "Environment Variables from:");
    for source in container["envFrom"].items() {
        let (kind, reference) = match source["configMapRef"].is_null() {
            false => ("ConfigMap", &source["configMapRef"]),
            true => ("Secret", &source["secretRef"]),
        };
        let prefix = match source["prefix"].str() {
            none if none.is_empty() => String::new(),
            prefix => format!(" with prefix '{prefix}'"),
        };
        let optional = reference["optional"].as_bool() == Some(true);
        sheet.line(3, format!("{}\t{kind}{prefix}\tOptional: {optional}", reference["name"].str()));
    }
}

fn environment(sheet: &mut Sheet<'_, '_>, container: &Doc, pod: Option<&Doc>) {
    let variables = container["env"].items();
    sheet.line(2, if variables.is_empty() { "Environment:\t<none>" } else { "Environment:" });
    for variable in variables {
        let (name, from) = (variable["name"].str(), &variable["valueFrom"]);
        if from.is_null() {
            for (at, line) in bare(&variable["value"]).split('\n').enumerate() {
                sheet.line(3, if at == 0 { format!("{name}:\t{line}") } else { format!("\t{line}") });
            }
            continue;
        }
        let key = |field: &str, what: &str| {
            let reference = &from[field];
            let optional = reference["optional"].as_bool() == Some(true);
            let (key, of) = (reference["key"].str(), reference["name"].str());
            format!("{name}:\t<set to the key '{key}' {what} '{of}'>\tOptional: {optional}")
        };
        let (field, resource) = (&from["fieldRef"], &from["resourceFieldRef"]);
        let line = if !field.is_null() {
            let path = field["fieldPath"].str();
            let value = pod.map_or_else(String::new, |pod| of_field(pod, &path));
            let version = field["apiVersion"].as_str().unwrap_or("v1");
            format!("{name}:\t{value} ({version}:{path})")
        } else if !resource.is_null() {
            format!("{name}:\t{} ({})", of_resource(container, resource), resource["resource"].str())
        } else if !from["secretKeyRef"].is_null() {
            key("secretKeyRef", "in secret")
        } else if !from["configMapKeyRef"].is_null() {
            key("configMapKeyRef", "of config map")
        } else {
            // kubectl says nothing of those from files.
            continue;
        };
        sheet.line(3, line);
    }
}

/// What a pod's own field says; kubectl resolves only these two.
fn of_field(pod: &Doc, path: &str) -> String {
    match path {
        "metadata.name" | "metadata.namespace" => bare(at(pod, path)),
        _ => String::new(),
    }
}

/// A container's request or limit in the unit that is asked for.
fn of_resource(container: &Doc, reference: &Doc) -> String {
    let name = reference["resource"].str();
    let (part, resource) = name.split_once('.').unwrap_or((&name, ""));
    let amount = &container["resources"][part][resource];
    if amount.is_null() && part == "limits" && matches!(resource, "cpu" | "memory") {
        return "node allocatable".into();
    }
    let divisor = quantity::milli(&reference["divisor"]);
    let divisor = if divisor == 0 { 1000 } else { divisor };
    let amount = quantity::milli(amount);
    ((amount + divisor - 1) / divisor).to_string()
}

fn mounts(sheet: &mut Sheet<'_, '_>, container: &Doc) {
    let mut mounts = container["volumeMounts"].items().to_vec();
    sort_by_key(&mut mounts, |mount| mount["mountPath"].str());
    sheet.line(2, if mounts.is_empty() { "Mounts:\t<none>" } else { "Mounts:" });
    for mount in &mounts {
        let read_only = if mount["readOnly"].as_bool() == Some(true) { "ro" } else { "rw" };
        let path = match mount["subPath"].str() {
            none if none.is_empty() => String::new(),
            path => format!(",path={:?}", path.as_str()),
        };
        let (place, name) = (mount["mountPath"].str(), mount["name"].str());
        sheet.line(3, format!("{place} from {name} ({read_only}{path})"));
    }
    let mut devices = container["volumeDevices"].items().to_vec();
    sort_by_key(&mut devices, |device| device["devicePath"].str());
    if !devices.is_empty() {
        sheet.line(2, if mounts.is_empty() { "Devices:\t<none>" } else { "Devices:" });
    }
    for device in devices {
        sheet.line(3, format!("{} from {}", device["devicePath"].str(), device["name"].str()));
    }
}

//! The environment of a container: `env`, `envFrom`, ConfigMaps, Secrets, fields of the pod.

use std::sync::Arc;

use crate::api::core::pod::{Container, Pod};
use crate::api::core::secret::base64_decode;
use crate::api::{Key, Kind, Object, Reason, Reply, Request, Status, Uid};
use crate::client::Severity;
use crate::codec::Codec;
use crate::collections::{BTreeMap, sort};
use crate::doc::{Doc, Str};
use crate::runtime::LONGEST_ARGUMENT;
use crate::sim::{Context, CriCall, Duration, Machine, Timer, Variables};

use super::downward::{field, own_resource_field};
use super::pod::{ContainerStage, spec_at};
use super::status::ip_text;
use super::sync::RESYNC;
use super::{Kubelet, Pending, env_file};

/// The `data` of what was read, by key; the error for what could not be read.
pub(super) type Sources = BTreeMap<Key, Result<Doc, Str>>;

/// All that an environment is composed of, as far as it was read.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub(super) struct Config {
    sources: Sources,
    files: env_file::Files,
}

impl Kubelet {
    /// Reads what the container's environment is composed of; then it starts.
    pub(super) fn configure(&mut self, uid: Uid, index: u32, spec: &Container, cx: &mut Context<'_>) {
        let keys = references(&spec.doc, &self.pods[&uid].key.namespace);
        let files = env_file::references(&spec.doc);
        if keys.is_empty() && files.is_empty() {
            self.compose_and_launch(uid, index, spec, &Config::default(), cx);
            return;
        }
        if let Some(pod) = self.pods.get_mut(&uid) {
            let answers = keys.len() as u32 + u32::from(!files.is_empty());
            pod.at(index).stage = ContainerStage::Configuring(answers);
        }
        // Answers to an earlier attempt do not count.
        self.requests.retain(|_, pending| {
            !matches!(pending, Pending::Config { pod, container, .. } if (*pod, *container) == (uid, index))
        });
        self.configs.insert((uid, index), Config::default());
        if !files.is_empty() {
            self.ask_runtime(CriCall::ReadFiles { pod: uid, container: spec.name.clone(), files }, cx);
        }
        for key in keys {
            let id = cx.request(Request::get(self.user.clone(), &key));
            self.requests.insert(id, Pending::Config { pod: uid, container: index, key });
        }
    }

    /// One of them was read, or is not there.
    pub(super) fn config_read(
        &mut self,
        uid: Uid,
        index: u32,
        key: Key,
        result: Result<Reply, Box<Status>>,
        cx: &mut Context<'_>,
    ) {
        let data = read_source(&key, result);
        self.config_grows(uid, index, |config| drop(config.sources.insert(key, data)), cx);
    }

    /// The runtime looked for the files.
    pub(super) fn files_read(
        &mut self,
        uid: Uid,
        container: &str,
        files: Vec<(Str, Str, Str)>,
        cx: &mut Context<'_>,
    ) {
        let Some(index) = self.pods.get(&uid).and_then(|pod| pod.position(container)) else { return };
        let files = files.into_iter().map(|(volume, path, text)| ((volume, path), text));
        self.config_grows(uid, index, |config| config.files.extend(files), cx);
    }

    /// An answer came; with the last one the container starts.
    fn config_grows(&mut self, uid: Uid, index: u32, grow: impl FnOnce(&mut Config), cx: &mut Context<'_>) {
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let ContainerStage::Configuring(missing) = &mut pod.at(index).stage else { return };
        *missing = missing.saturating_sub(1);
        let complete = *missing == 0;
        grow(self.configs.entry((uid, index)).or_default());
        if !complete {
            return;
        }
        let Some(config) = self.configs.remove(&(uid, index)) else { return };
        let Some(object) = self.object(uid) else { return };
        let Some(view) = object.view::<Pod>() else { return };
        self.compose_and_launch(uid, index, spec_at(&view.spec, index), &config, cx);
        self.report(uid, cx);
    }

    fn compose_and_launch(
        &mut self,
        uid: Uid,
        index: u32,
        spec: &Container,
        config: &Config,
        cx: &mut Context<'_>,
    ) {
        let Some(object) = self.object(uid) else { return };
        let ip = self.pods[&uid].ip.map(ip_text).unwrap_or_default();
        let links = object.body["spec"]["enableServiceLinks"].as_bool() != Some(false);
        let services = if links { cx.core.service_variables.of(&object.key.namespace) } else { None };
        let services = services.unwrap_or_default();
        let machine = &cx.core.machines[self.machine as usize];
        let composed = match root_refused(&spec.doc, &object) {
            Some(why) => Err(why),
            // All containers without variables of their own share those of the Services.
            None if spec.doc["env"].is_empty() && spec.doc["envFrom"].is_empty() => Ok(services),
            None => {
                let own = (&ip, &ip_text(self.address));
                compose(&spec.doc, &object, config, own, machine, &services).map(Arc::new)
            }
        };
        match composed.and_then(|env| Ok((with_sub_paths(&spec.doc, &env)?, env))) {
            Ok((doc, env)) => self.launch(uid, index, doc, env, cx),
            Err(message) => {
                self.pod_event(
                    uid,
                    Some(index),
                    Severity::Warning,
                    "Failed",
                    format!("Error: {message}"),
                    cx,
                );
                let Some(pod) = self.pods.get_mut(&uid) else { return };
                let (since, until) = (cx.now(), cx.now() + RESYNC);
                pod.at(index).stage = ContainerStage::ConfigFailed { message, since, until };
                // The next container's turn has come: later, since there may be hundreds that fail alike.
                for wait in [Duration::ZERO, RESYNC] {
                    cx.timer(wait, Timer::about("pod", pod.key.clone()));
                }
            }
        }
    }
}

/// A container whose mounts name the parts of their volumes by the variables that it gets (`subPathExpr`), with the parts
/// that come of it; or why there are none, as the kubelet words it.
fn with_sub_paths(container: &Doc, env: &Variables) -> Result<Doc, Str> {
    let mut doc = container.clone();
    if doc["volumeMounts"].items().iter().all(|mount| mount["subPathExpr"].is_empty()) {
        return Ok(doc);
    }
    for mount in doc.at_mut(&["volumeMounts"]).items_mut() {
        let expression = mount["subPathExpr"].str();
        if !expression.is_empty() {
            mount.remove("subPathExpr");
            mount.set("subPath", sub_path(&expression, env)?);
        }
    }
    Ok(doc)
}

fn sub_path(expression: &Str, env: &Variables) -> Result<Str, Str> {
    let mut missing: Vec<Str> = Vec::new();
    let path = expand_with(expression, |name| {
        let found = value_of(name, env);
        if found.is_none_or(|value| value.is_empty()) {
            missing.push(name.into());
        }
        found
    });
    if !missing.is_empty() {
        sort(&mut missing);
        missing.dedup();
        return Err(format!("missing value for {}", missing.join(", ")).into());
    }
    let path = path.unwrap_or_default();
    if path.starts_with('/') {
        return Err(format!("error SubPath `{path}` must not be an absolute path").into());
    }
    if path.split('/').any(|part| part == "..") {
        return Err(format!("unable to provision SubPath `{path}`: must not contain '..'").into());
    }
    Ok(path)
}

/// Why a container that must not run as root would do so: images here run as root unless they are told otherwise.
fn root_refused(container: &Doc, object: &Object) -> Option<Str> {
    let contexts = [&container["securityContext"], &object.body["spec"]["securityContext"]];
    if !contexts.iter().find_map(|context| context["runAsNonRoot"].as_bool()).unwrap_or(false) {
        return None;
    }
    let why = match contexts.iter().find_map(|context| context["runAsUser"].as_i64()) {
        Some(0) => "container's runAsUser breaks non-root policy",
        Some(_) => return None,
        None => "container has runAsNonRoot and image will run as root",
    };
    let (key, uid) = (&object.key, object.meta.uid.text());
    let name = container["name"].str();
    Some(format!("{why} (pod: \"{}_{}({uid})\", container: {name})", key.name, key.namespace).into())
}

/// The `data` of a ConfigMap or Secret, or why it cannot be had.
pub(super) fn read_source(key: &Key, result: Result<Reply, Box<Status>>) -> Result<Doc, Str> {
    match result {
        Ok(reply) => Ok(reply.object().map_or(Doc::Null, |object| object.body["data"].clone())),
        // The kubelet's own words, not the server's.
        Err(status) if status.reason == Reason::NotFound => {
            Err(format!("{} \"{}\" not found", key.kind.info().singular, key.name).into())
        }
        Err(status) => Err(status.message),
    }
}

const SOURCES: [(&str, &str, Kind); 2] =
    [("configMapRef", "configMapKeyRef", Kind::ConfigMap), ("secretRef", "secretKeyRef", Kind::Secret)];

/// The ConfigMaps and Secrets that a container's environment names.
fn references(container: &Doc, namespace: &Str) -> Vec<Key> {
    let mut keys = Vec::new();
    for (whole, single, kind) in SOURCES {
        let wholes = container["envFrom"].items().iter().map(|source| &source[whole]["name"]);
        let singles = container["env"].items().iter().map(|variable| &variable["valueFrom"][single]["name"]);
        let names = wholes.chain(singles).filter(|name| !name.is_empty());
        keys.extend(names.map(|name| Key { kind, namespace: namespace.clone(), name: name.str() }));
    }
    sort(&mut keys);
    keys.dedup();
    keys
}

/// The variables, or what is missing, as the kubelet words it.
fn compose(
    container: &Doc,
    object: &Object,
    Config { sources, files }: &Config,
    (pod_ip, host_ip): (&Str, &Str),
    machine: &Machine,
    services: &Variables,
) -> Result<Variables, Str> {
    let mut env = services.clone();
    let key =
        |kind: Kind, name: &Doc| Key { kind, namespace: object.key.namespace.clone(), name: name.str() };
    for source in container["envFrom"].items() {
        let prefix = source["prefix"].str();
        for (whole, _, kind) in SOURCES {
            let reference = &source[whole];
            if reference.is_null() {
                continue;
            }
            match sources.get(&key(kind, &reference["name"])) {
                Some(Ok(data)) => env.extend(
                    data.entries()
                        .iter()
                        .map(|(name, value)| (format!("{prefix}{name}").into(), text(kind, value))),
                ),
                Some(Err(_)) if reference["optional"].as_bool() == Some(true) => {}
                Some(Err(why)) => return Err(why.clone()),
                None => {}
            }
        }
    }
    for variable in container["env"].items() {
        let name = variable["name"].str();
        let from = &variable["valueFrom"];
        let value = if from.is_null() {
            let value = expand(&variable["value"].str(), &env);
            Some(value.ok_or_else(|| format!("variable {name} is too long: argument list too long"))?)
        } else if !from["fieldRef"].is_null() {
            Some(field(&from["fieldRef"]["fieldPath"].str(), object, pod_ip, host_ip))
        } else if !from["resourceFieldRef"].is_null() {
            let all: Vec<&Container> = object
                .view::<Pod>()
                .map(|view| view.spec.containers.iter().chain(&view.spec.init_containers).collect())
                .unwrap_or_default();
            Some(own_resource_field(&from["resourceFieldRef"], container, &all, machine))
        } else if !from["fileKeyRef"].is_null() {
            env_file::value(&from["fileKeyRef"], files, object.meta.uid)?
        } else {
            from_source(from, sources, &key)?
        };
        if let Some(value) = value {
            env.retain(|(known, _)| *known != name);
            env.push((name, value));
        }
    }
    Ok(env)
}

fn from_source(from: &Doc, sources: &Sources, key: &impl Fn(Kind, &Doc) -> Key) -> Result<Option<Str>, Str> {
    for (_, single, kind) in SOURCES {
        let reference = &from[single];
        if reference.is_null() {
            continue;
        }
        let optional = reference["optional"].as_bool() == Some(true);
        let source = key(kind, &reference["name"]);
        return match sources.get(&source) {
            Some(Ok(data)) => {
                let wanted = reference["key"].str();
                let value = &data[wanted.as_str()];
                match (value.is_null(), optional) {
                    (false, _) => Ok(Some(text(kind, value))),
                    (true, true) => Ok(None),
                    (true, false) => {
                        let what = if kind == Kind::Secret { "Secret" } else { "ConfigMap" };
                        Err(format!(
                            "couldn't find key {wanted} in {what} {}/{}",
                            source.namespace, source.name
                        )
                        .into())
                    }
                }
            }
            Some(Err(_)) if optional => Ok(None),
            Some(Err(why)) => Err(why.clone()),
            None => Ok(None),
        };
    }
    Ok(None)
}

pub(super) fn text(kind: Kind, value: &Doc) -> Str {
    match kind {
        Kind::Secret => {
            let bytes = base64_decode(value.as_str().unwrap_or("")).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned().into()
        }
        _ => value.str(),
    }
}

/// `$(NAME)` stands for a variable defined before; `$$(NAME)` for itself. `None` when the value grows too long.
pub(super) fn expand(value: &Str, env: &[(Str, Str)]) -> Option<Str> {
    expand_with(value, |name| value_of(name, env))
}

fn value_of<'a>(name: &str, env: &'a [(Str, Str)]) -> Option<&'a Str> {
    env.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// The same with what is known of each name that stands for a variable.
fn expand_with<'a>(value: &Str, mut known: impl FnMut(&str) -> Option<&'a Str>) -> Option<Str> {
    if !value.contains("$(") {
        return Some(value.clone());
    }
    let mut result = String::new();
    let mut rest = value.as_str();
    while let Some(at) = rest.find('$') {
        result.push_str(&rest[..at]);
        rest = &rest[at..];
        let name = rest.strip_prefix("$(").and_then(|inner| inner.split_once(')')).map(|(name, _)| name);
        let known = name.and_then(|name| Some((name, known(name)?)));
        if let Some(tail) = rest.strip_prefix("$$") {
            result.push('$');
            rest = tail;
        } else if let Some((name, value)) = known {
            result.push_str(value);
            if result.len() > LONGEST_ARGUMENT {
                return None;
            }
            rest = &rest[name.len() + 3..];
        } else {
            result.push('$');
            rest = &rest[1..];
        }
    }
    result.push_str(rest);
    Some(result.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doc;

    fn machine() -> Machine {
        Machine {
            name: "node-0".into(),
            zone: Str::new(),
            cpu_milli: 4000,
            memory: 8 << 30,
            pods: 110,
            resources: BTreeMap::new(),
            labels: BTreeMap::new(),
            taints: Doc::Null,
            made: BTreeMap::new(),
            powered: true,
        }
    }

    fn pod() -> Object {
        let body =
            doc!({ "metadata": { "name": "p", "namespace": "n", "labels": { "app": "x" } }, "spec": {} });
        Object::from_doc(Kind::Pod, &body, None)
    }

    #[test]
    fn composes_from_every_source() {
        let container = doc!({
            "envFrom": [{ "configMapRef": { "name": "c" } }, { "prefix": "S_", "secretRef": { "name": "s" } }],
            "env": [
                { "name": "URL", "value": "http://$(HOST):$(PORT)/$$(HOST)" },
                { "name": "APP", "valueFrom": { "fieldRef": { "fieldPath": "metadata.labels['app']" } } },
                { "name": "K", "valueFrom": { "secretKeyRef": { "name": "s", "key": "k" } } },
                { "name": "C", "valueFrom": { "resourceFieldRef": { "resource": "limits.cpu" } } },
                { "name": "M", "valueFrom": { "resourceFieldRef": { "resource": "limits.memory", "divisor": "1Mi" } } },
                { "name": "R", "valueFrom": { "resourceFieldRef": { "resource": "requests.cpu", "divisor": "1m" } } }
            ],
            "resources": { "limits": { "cpu": "1500m" } }
        });
        let namespace: Str = "n".into();
        let keys = references(&container, &namespace);
        assert_eq!(keys.len(), 2);
        // What a Service says is beaten by what the container says itself.
        let service = [("WEB_PORT", "tcp://10.96.3.4:80"), ("APP", "tcp://10.96.3.5:80")];
        let services: Variables = service.map(|(name, value)| (name.into(), value.into())).into();
        let data = [doc!({ "HOST": "h" }), doc!({ "k": "dg==" })];
        let sources: Sources = keys.into_iter().zip(data.map(Ok)).collect();
        let env = compose(
            &container,
            &pod(),
            &Config { sources, ..Config::default() },
            (&"10.244.0.2".into(), &"172.18.0.2".into()),
            &machine(),
            &services,
        );
        let env = env.unwrap();
        let env: Vec<String> = env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            env,
            [
                "WEB_PORT=tcp://10.96.3.4:80",
                "HOST=h",
                "S_k=v",
                "URL=http://h:$(PORT)/$(HOST)",
                "APP=x",
                "K=v",
                "C=2",
                "M=8192",
                "R=1500"
            ]
        );
    }

    #[test]
    fn says_what_is_missing() {
        let container = doc!({ "env": [{ "name": "K", "valueFrom": { "configMapKeyRef": { "name": "c", "key": "k" } } }] });
        let key = references(&container, &"n".into()).remove(0);
        let compose = |data| {
            let sources = Sources::from([(key.clone(), data)]);
            let nothing = Variables::new();
            super::compose(
                &container,
                &pod(),
                &Config { sources, ..Config::default() },
                (&Str::new(), &Str::new()),
                &machine(),
                &nothing,
            )
        };
        assert_eq!(compose(Ok(doc!({}))).unwrap_err(), "couldn't find key k in ConfigMap n/c");
        assert_eq!(
            compose(Err("configmap \"c\" not found".into())).unwrap_err(),
            "configmap \"c\" not found"
        );
    }
}

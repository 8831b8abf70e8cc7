//! A ConfigMap that was broken: its keys are gone, and an annotation of it keeps them until it is mended. So it stays broken in
//! links, branches and for everybody in a live session, and each can mend it.

use shared::{
    api::{Key, Kind, Object},
    cluster::Cluster,
    doc::Doc,
};

use crate::protocol::{Broken, Command};

/// Where the keys are kept.
const KEPT: &str = "kubarium.dev/emptied";
const SORT: &str = "configmap/";

/// Every ConfigMap that is broken.
pub fn all(cluster: &Cluster) -> impl Iterator<Item = Broken> + '_ {
    let emptied = cluster.store().list(Kind::ConfigMap).filter(|object| is_emptied(object));
    emptied.map(|object| Broken {
        target: format!("{SORT}{}/{}", object.key.namespace, object.key.name),
        kind: "Empty".to_owned(),
    })
}

/// Whoever fills it again by hand mends it, too.
fn is_emptied(object: &Object) -> bool {
    kept(object).is_some() && object.body["data"].is_null() && object.body["binaryData"].is_null()
}

fn kept(object: &Object) -> Option<&str> {
    object.meta.annotations[KEPT].as_str()
}

/// The kubectl command that breaks or mends a ConfigMap; `None` where the command is about something else. One that is not
/// there, or is as it should be already, is left to kubectl to complain of.
pub fn patch(cluster: &Cluster, command: &Command) -> Option<Command> {
    let (target, breaks) = match command {
        Command::Fault { target, .. } => (target, true),
        Command::Repair { target } => (target, false),
        _ => return None,
    };
    let (namespace, name) = target.strip_prefix(SORT)?.split_once('/')?;
    let object = cluster.store().get(&Key::new(Kind::ConfigMap, namespace, name));
    let patch = match object {
        Some(object) if breaks && !is_emptied(object) => emptying(object),
        Some(object) if !breaks => filling(kept(object).unwrap_or("{}")),
        _ => "{}".to_owned(),
    };
    let patch = patch.replace('\'', "'\\''");
    Some(Command::Kubectl(format!(
        "patch configmap {name} --namespace={namespace} --type=merge --patch='{patch}'"
    )))
}

fn emptying(object: &Object) -> String {
    let part = |name: &str| format!("\"{name}\":{}", object.body[name].to_json());
    let all = format!("{{{},{}}}", part("data"), part("binaryData"));
    let kept = Doc::Str(all.as_str().into()).to_json();
    format!("{{\"metadata\":{{\"annotations\":{{\"{KEPT}\":{kept}}}}},\"data\":null,\"binaryData\":null}}")
}

fn filling(kept: &str) -> String {
    let rest = kept.trim().strip_prefix('{').unwrap_or("}");
    let between = if rest.starts_with('}') { "" } else { "," };
    format!("{{\"metadata\":{{\"annotations\":{{\"{KEPT}\":null}}}}{between}{rest}")
}

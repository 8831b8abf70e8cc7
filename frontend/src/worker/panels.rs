//! What the page's later parts (`frontend/js/stage/`) ask about the cluster: nothing of it is told unasked, and it is worked
//! out when somebody looks.

mod attempts;
mod foresight;
mod message;
mod usage;

use std::sync::Arc;

use shared::{
    api::{Key, Kind, Object, core::node::Node},
    cluster::Cluster,
    doc,
    doc::Doc,
};

use super::{driver::Driver, endpoints};
use crate::view_model::counted;

/// Nodes whose verdict is told.
const NODES: usize = 120;

/// Answers a question: `{"ask": "numbers"}` and so on, see `js/stage/base.js`.
pub fn answer(driver: &mut Driver, question: &Doc) -> String {
    let text = |name: &str| question[name].str().to_string();
    let known = |name: &str| question[name].as_i64().and_then(|number| u64::try_from(number).ok());
    let answer = match question["ask"].as_str() {
        Some("everything") => return driver.everything(),
        Some("numbers") => driver.numbers(),
        Some("nodes") => driver.usage(&text("name")),
        Some("far") => far(driver.cluster(), known("most").unwrap_or_default()),
        Some("refused") => refused(driver),
        Some("edge") => edge(driver.cluster()),
        Some("endpoints") => {
            endpoints::of(driver.cluster(), &Key::new(Kind::Service, text("namespace"), text("name")))
        }
        Some("where") => foresight::place_to_be(driver.cluster()),
        Some("silent") => foresight::silent(driver.cluster()),
        Some("when") => foresight::recovery(driver.cluster()),
        Some("message") => message::message(driver.cluster(), known("record").unwrap_or(0)),
        Some("attempts") => {
            let pod = Key::new(Kind::Pod, text("namespace"), text("name"));
            attempts::attempts(driver.cluster(), &pod, known("index"))
        }
        _ => Doc::Null,
    };
    answer.to_json()
}

/// The first nodes of a cluster that is drawn as a map, whose frames tell of none, and how many there are.
fn far(cluster: &Cluster, most: u64) -> Doc {
    let node = |object: &Arc<Object>| {
        let (ready, cordoned) =
            object.view::<Node>().map_or((false, false), |node| (node.ready == "True", node.unschedulable));
        doc!({ "name": &object.key.name, "ready": ready, "cordoned": cordoned })
    };
    let mut all: Vec<_> = cluster.store().list(Kind::Node).collect();
    all.sort_by_cached_key(|object| counted(&object.key.name));
    let nodes = Doc::list(all.iter().take(most as usize).copied().map(node));
    doc!({ "nodes": nodes, "count": whole(all.len() as u64) })
}

/// What of the texts that a cluster was made of was refused: how many objects, and what was said of the first. Nothing while it
/// still opens.
fn refused(driver: &mut Driver) -> Doc {
    if driver.opening().is_some() {
        return Doc::Null;
    }
    let results = driver.replica().player().results().iter();
    let failed =
        results.filter(|result| result.exit_code != 0 && result.command.starts_with("kubectl apply"));
    let lines: Vec<&str> =
        failed.flat_map(|result| result.stderr.lines()).filter(|line| is_refusal(line)).collect();
    doc!({ "count": whole(lines.len() as u64), "first": lines.first().copied().unwrap_or_default() })
}

/// Whether kubectl tells by this line of an object that was not taken.
fn is_refusal(line: &str) -> bool {
    line.starts_with("The ")
        || line.starts_with("Error from server")
        || line.starts_with("error: ")
        || line.starts_with("resource mapping not found")
}

/// Who comes from outside, and by which doors.
fn edge(cluster: &Cluster) -> Doc {
    let ingress = |object: &Arc<Object>| {
        let row = Kind::Ingress.resource().row(object, cluster.core().timestamp());
        let backends = object.body["spec"]["rules"].items().iter().flat_map(|rule| {
            let paths = rule["http"]["paths"].items().iter();
            paths.map(|path| {
                doc!({ "host": &rule["host"], "path": &path["path"], "service": &path["backend"]["service"]["name"] })
            })
        });
        doc!({
            "namespace": &object.key.namespace, "name": &object.key.name, "hosts": row.get(2).cloned(),
            "address": row.get(3).cloned(), "rules": Doc::list(backends.take(12))
        })
    };
    let traffic = cluster.network().visitors();
    let sources = traffic.sources.iter().filter_map(|(name, source)| {
        let rate = i64::from(source.spec.rate);
        let mut told = traffic.summary(name)?;
        told.set("from", &source.spec.from);
        told.set("to", &source.spec.to);
        told.set("rate", rate);
        Some(told)
    });
    doc!({
        "controller": cluster.network().has_ingress(),
        "ingresses": Doc::list(cluster.store().list(Kind::Ingress).take(20).map(ingress)),
        "sources": Doc::list(sources.take(20))
    })
}

pub(super) fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;

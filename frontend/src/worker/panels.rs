//! What the page's later parts (`frontend/js/stage/`) ask about the cluster: nothing of it is told unasked, and it is worked
//! out when somebody looks.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    api::{
        Key, Kind, Object, Uid,
        apps::deployment::Deployment,
        core::{node::Node, pod::Pod},
    },
    cluster::Cluster,
    doc,
    doc::{Doc, Str},
    explain,
    runtime::Pull,
    scheduler::{Attempt, AttemptOutcome, NodeVerdict},
    sim::{ChangeKind, Duration, Machine, Process, RecordId, What},
};

use super::{driver::Driver, endpoints, inspect, why};
use crate::view_model::counted;

/// Attempts of a pod that are told of: the newest.
const ATTEMPTS: usize = 24;
/// Images of a node that are told.
const IMAGES: usize = 60;
/// Nodes whose verdict is told.
const NODES: usize = 120;
/// Steps that are looked ahead for what comes of a message.
const AHEAD: u32 = 4000;
/// So many causes lie between a message and the write that it is about at most.
const DEEP: u32 = 8;
/// How far ahead it is looked for where a pod will go.
const PATIENCE: Duration = Duration::seconds(30);
/// How far ahead it is looked for a recovery, in time and steps.
const LONGEST: Duration = Duration::seconds(900);
const MOST_STEPS: u32 = 60_000;
/// Hops that lead to a message that are told.
const HOPS: usize = 5;

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
        Some("where") => place_to_be(driver.cluster()),
        Some("when") => recovery(driver.cluster()),
        Some("message") => message(driver.cluster(), known("record").unwrap_or(0)),
        Some("attempts") => {
            let pod = Key::new(Kind::Pod, text("namespace"), text("name"));
            attempts(driver.cluster(), &pod, known("index"))
        }
        _ => Doc::Null,
    };
    answer.to_json()
}

/// The first nodes of a cluster that is drawn as a map, whose frames tell of none, and how many there are.
fn far(cluster: &Cluster, most: u64) -> Doc {
    let node = |object: &std::sync::Arc<Object>| {
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
    let ingress = |object: &std::sync::Arc<Object>| {
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

/// What a message is about: the revision that it tells of or leads to, what that changed, and what led to it.
fn message(cluster: &Cluster, id: RecordId) -> Doc {
    let Some(record) = cluster.core().trace.get(id) else { return Doc::Null };
    let hops = explain::chain(cluster, id);
    let skip = hops.len().saturating_sub(HOPS + 1);
    let led = hops.iter().take(hops.len().saturating_sub(1)).skip(skip);
    let because = led.filter_map(|hop| inspect::link(cluster, hop, true)).map(|link| {
        doc!({ "at": whole(link.at), "who": link.who, "what": link.what, "object": link.object, "text": link.text })
    });
    let mut told = doc!({ "because": Doc::list(because) });
    let asks = matches!(
        record.what,
        What::Message { to: Process::ApiServer(_), label: "POST" | "PUT" | "PATCH" | "DELETE", .. }
    );
    // What is on its way has not changed anything yet: what it will is found out in a copy.
    let mut ahead = None;
    let write = if asks { foresee(cluster, id, &mut ahead) } else { written(cluster, id) };
    if let Some(write) = write {
        let cluster = ahead.as_ref().unwrap_or(cluster);
        if let Some(What::Write { revision, key, change }) =
            cluster.core().trace.get(write).map(|record| &record.what)
        {
            told.set("revision", whole(*revision));
            told.set("change", format!("{change:?}").to_lowercase());
            told.set("kind", key.kind.info().kind);
            told.set("namespace", &key.namespace);
            told.set("name", &key.name);
            // Of what is new the fields that somebody wanted are told, not all that was filled in around them.
            let new = cluster.store().get(key).filter(|_| *change == ChangeKind::Added);
            let changes = new.map_or_else(|| why::changes(cluster, write), |object| why::wanted(object));
            let changes = changes.into_iter();
            let changes = changes.map(|one| doc!({ "path": one.path, "old": one.old, "new": one.new }));
            told.set("changes", Doc::list(changes));
        }
    }
    told
}

/// The write that a message tells of.
fn written(cluster: &Cluster, id: RecordId) -> Option<RecordId> {
    let trace = &cluster.core().trace;
    let mut next = id;
    for _ in 0..DEEP {
        let record = trace.get(next)?;
        if matches!(record.what, What::Write { .. }) {
            return Some(next);
        }
        next = *record.causes.records().last()?;
    }
    None
}

/// The write that a request will lead to, in a copy of the cluster that has come so far.
fn foresee(cluster: &Cluster, id: RecordId, ahead: &mut Option<Cluster>) -> Option<RecordId> {
    let mut copy = cluster.clone();
    let mut next = id + 1;
    for _ in 0..AHEAD {
        let trace = &copy.core().trace;
        let of_it = |candidate: &RecordId| {
            let mut at = *candidate;
            for _ in 0..DEEP {
                let Some(record) = trace.get(at) else { return false };
                if record.causes.records().contains(&id) {
                    return true;
                }
                match record.causes.records().last() {
                    Some(&cause) => at = cause,
                    None => return false,
                }
            }
            false
        };
        let writes = trace.since(next).filter(|(_, record)| matches!(record.what, What::Write { .. }));
        let found = writes.map(|(id, _)| id).find(of_it);
        // An answer without a write: it was refused, or changed nothing.
        let answered = trace.since(next).any(|(_, record)| {
            matches!(
                record.what,
                What::Message { from: Process::ApiServer(_), label: "200" | "404" | "error", .. }
            ) && record.causes.records().contains(&id)
        });
        if let Some(found) = found {
            *ahead = Some(copy);
            return Some(found);
        }
        if answered {
            return None;
        }
        next = trace.next_id();
        if !copy.step() {
            return None;
        }
    }
    None
}

/// A pod that waits for its first attempt, and where it will go: found out in a copy.
fn place_to_be(cluster: &Cluster) -> Doc {
    let waits = |object: &&std::sync::Arc<Object>| {
        let pod = object.view::<Pod>();
        pod.is_some_and(|pod| pod.node_name.is_empty() && !pod.phase.is_terminal() && !object.meta.deleting())
            && cluster.scheduler().attempts(&object.key).is_empty()
    };
    let Some(pod) = cluster.store().list(Kind::Pod).find(waits) else { return Doc::Null };
    let mut copy = cluster.clone();
    let until = copy.now() + PATIENCE;
    let mut answer = None;
    while answer.is_none() && copy.next_at().is_some_and(|at| at <= until) && copy.step() {
        answer = copy.scheduler().attempts(&pod.key).last().map(|attempt| attempt.outcome().clone());
    }
    let Some(answer) = answer else { return Doc::Null };
    let nodes = cluster.store().list(Kind::Node).take(NODES).map(|node| Doc::from(&node.key.name));
    let (chosen, why) = match &answer {
        AttemptOutcome::Assigned(node) => (Some(node), None),
        AttemptOutcome::Unschedulable(why) => (None, Some(why)),
    };
    doc!({
        "uid": pod.meta.uid.text().to_string(), "name": &pod.key.name, "nodes": Doc::list(nodes), "chosen": chosen, "why": why
    })
}

/// How long it will take until every Deployment that loses pods has got them back, in milliseconds, if that happens. One that
/// lacks some all the time is not waited for.
fn recovery(cluster: &Cluster) -> Doc {
    let mut copy = cluster.clone();
    let until = copy.now() + LONGEST;
    let (mut short, mut seen) = (short(&copy), copy.store().revision());
    let (mut always, mut back) = (short.clone(), None);
    for _ in 0..MOST_STEPS {
        if copy.next_at().is_none_or(|at| at > until) || !copy.step() {
            break;
        }
        let revision = copy.store().revision();
        if std::mem::replace(&mut seen, revision) == revision {
            continue;
        }
        let next = self::short(&copy);
        if short.difference(&next).next().is_some() {
            back = Some(copy.now());
        }
        always.retain(|uid| next.contains(uid));
        short = next;
        if back.is_some() && short.is_empty() {
            break;
        }
    }
    let back = back.filter(|_| short.is_subset(&always));
    back.map_or(Doc::Null, |back| doc!({ "took": whole(back.since(cluster.now()).0) }))
}

/// Whether a Deployment says itself that it lacks pods.
fn lacks(deployment: &Object) -> bool {
    let wanted = deployment.view::<Deployment>().map_or(0, |deployment| deployment.replicas);
    deployment.body["status"]["availableReplicas"].as_i64().unwrap_or(0) < wanted
}

/// The Deployments that lack pods. Those of a node that has fallen silent count as available until somebody
/// notices, and are lost all the same.
fn short(cluster: &Cluster) -> BTreeSet<Uid> {
    let core = cluster.core();
    let silent = |number: u32| !core.running(Process::Kubelet(number)) || core.links.is_isolated(number);
    let lost: Vec<&Str> =
        (0..).zip(&core.machines).filter(|(number, _)| silent(*number)).map(|(_, it)| &it.name).collect();
    let replicas = |object: &Object| object.view::<Deployment>().map_or(0, |deployment| deployment.replicas);
    let mut runs: BTreeMap<Uid, i64> = BTreeMap::new();
    if !lost.is_empty() {
        for object in cluster.store().list(Kind::Pod).filter(|object| !object.meta.deleting()) {
            let runs_on = object.view::<Pod>().filter(|pod| pod.ready && !lost.contains(&&pod.node_name));
            let set = object.meta.controller().filter(|_| runs_on.is_some());
            let set =
                set.map(|owner| Key::new(Kind::ReplicaSet, object.key.namespace.clone(), owner.name.clone()));
            let set = set.and_then(|key| cluster.store().get(&key));
            if let Some(owner) = set.and_then(|set| set.meta.controller()) {
                *runs.entry(owner.uid).or_default() += 1;
            }
        }
    }
    let lacking = cluster.store().list(Kind::Deployment).filter(|object| {
        let alive = runs.get(&object.meta.uid).copied().unwrap_or_default();
        lacks(object) || (!lost.is_empty() && alive < replicas(object))
    });
    lacking.map(|object| object.meta.uid).collect()
}

/// All attempts to find a pod a node, the newest last, and one of them (the last) in full.
fn attempts(cluster: &Cluster, pod: &Key, index: Option<u64>) -> Doc {
    let all = cluster.scheduler().attempts(pod);
    let skip = all.len().saturating_sub(ATTEMPTS);
    let shown = &all[skip..];
    let short = |attempt: &Attempt<'_>| {
        let (chosen, why) = match attempt.outcome() {
            AttemptOutcome::Assigned(node) => (Some(node), None),
            AttemptOutcome::Unschedulable(why) => (None, Some(why)),
        };
        doc!({ "at": whole(attempt.at().0), "chosen": chosen, "why": why })
    };
    let last = shown.len().saturating_sub(1);
    let index = index.and_then(|index| usize::try_from(index).ok()).unwrap_or(last).min(last);
    doc!({
        "attempts": Doc::list(shown.iter().map(short)), "index": whole(index as u64),
        "shown": shown.get(index).map(explained)
    })
}

fn explained(attempt: &Attempt<'_>) -> Doc {
    let Some(explanation) = attempt.explain() else { return Doc::Null };
    let score = |score: &shared::scheduler::PluginScore| {
        let numbers = [score.raw, score.normalized, score.weight, score.weighted];
        doc!({ "plugin": score.plugin, "numbers": Doc::list(numbers) })
    };
    let node = |node: &NodeVerdict| {
        let refused =
            node.filter.iter().find_map(|(plugin, verdict)| Some((*plugin, verdict.as_ref().err()?)));
        let passed = node.filter.iter().filter(|(_, verdict)| verdict.is_ok()).map(|(plugin, _)| *plugin);
        doc!({
            "node": &node.node, "passed": Doc::list(passed), "plugin": refused.map(|(plugin, _)| plugin),
            "refusal": refused.map(|(_, why)| why.as_str()), "total": node.total,
            "scores": Doc::list(node.scores.iter().map(score))
        })
    };
    // Who is refused as such, whatever node, was asked about none.
    let asked = matches!(attempt.outcome(), AttemptOutcome::Assigned(_))
        || explanation.nodes.iter().any(|node| node.filter.iter().any(|(_, verdict)| verdict.is_err()));
    let nodes: &[NodeVerdict] = if asked { &explanation.nodes } else { &[] };
    let victims = |verdict: &shared::scheduler::PreemptionVerdict| {
        let (pods, why) = match &verdict.victims {
            Ok((pods, _)) => (pods.iter().map(|pod| pod.name.to_string()).collect(), None),
            Err(why) => (Vec::new(), Some(why.as_str())),
        };
        doc!({ "node": &verdict.node, "victims": pods, "why": why, "chosen": verdict.chosen })
    };
    doc!({
        "nodes": Doc::list(nodes.iter().take(NODES).map(node)), "all": explanation.all_nodes,
        "tied": Doc::list(explanation.tied.iter()),
        "preemption": Doc::list(explanation.preemption.iter().take(NODES).map(victims))
    })
}

impl Driver {
    /// What nodes (all of a small cluster, or the one of this name) use, and which images they have.
    fn usage(&self, name: &str) -> Doc {
        let earlier = self.earlier();
        let cluster = self.cluster();
        let now = cluster.now();
        let of = |(number, machine): (u32, &Machine)| {
            let usage = cluster.runtime(number).usage(machine.name.clone(), now);
            let cpu = earlier.as_ref().map(|(then, spent)| {
                let spent = spent.get(number as usize).copied().unwrap_or(usage.cpu_nanos);
                // Nanoseconds in a millisecond are millionths of a core.
                whole(usage.cpu_nanos.saturating_sub(spent) / now.0.saturating_sub(*then).max(1) / 1000)
            });
            let on = machine.powered;
            let mut told = held(cluster, number);
            told.set("node", &machine.name);
            told.set("cpu", cpu.filter(|_| on));
            told.set("memory", whole(usage.memory * u64::from(on)));
            let card = self.nodes_seen().get(machine.name.as_str());
            let [asked, all] = card.map_or_else(
                || requested(cluster, machine),
                |card| [[card.cpu_milli.0, card.memory.0], [card.cpu_milli.1, card.memory.1]],
            );
            told.set("asked", Doc::list(asked));
            told.set("all", Doc::list(all));
            told.set("most", machine.pods);
            told
        };
        let wanted = |(_, machine): &(u32, &Machine)| name.is_empty() || machine.name == name;
        let machines = (0..).zip(&cluster.core().machines).filter(wanted).take(NODES);
        let nodes = Doc::list(machines.map(of));
        doc!({ "now": whole(now.0), "nodes": nodes })
    }
}

/// A node's pods in number, its images with how many containers run each, and what is being pulled.
fn held(cluster: &Cluster, machine: u32) -> Doc {
    let runtime = cluster.runtime(machine);
    let containers = || runtime.sandboxes().values().flat_map(|sandbox| &sandbox.containers);
    let image = |(image, size): (&Str, &u64)| {
        let users = containers().filter(|container| container.image == *image && container.running()).count();
        doc!({ "image": image, "size": whole(*size), "users": whole(users as u64) })
    };
    let pull = |pull: &Pull| doc!({ "image": &pull.image, "begins": whole(pull.begins.0), "until": whole(pull.until.0) });
    doc!({
        "pods": whole(runtime.sandboxes().len() as u64),
        "images": Doc::list(runtime.cached().iter().take(IMAGES).map(image)),
        "pulls": Doc::list(runtime.pulls().map(pull))
    })
}

/// CPU and memory that pods have requested of a node, and that it has: for one that the page has no card of.
fn requested(cluster: &Cluster, machine: &Machine) -> [[i64; 2]; 2] {
    let mut sum = [0, 0];
    for pod in cluster.store().list(Kind::Pod).filter_map(|object| object.view::<Pod>()) {
        if pod.node_name == machine.name && !pod.phase.is_terminal() {
            sum[0] += pod.spec.cpu_milli;
            sum[1] += pod.spec.memory;
        }
    }
    [sum, [machine.cpu_milli, machine.memory]]
}

pub(super) fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use shared::{doc::parse_json, sim::Time};

    use super::*;
    use crate::{
        protocol::{Command, Request},
        worker::replica::Replica,
    };

    fn driver() -> Driver {
        let mut driver = Driver::new(Replica::first());
        driver.first_frame();
        driver
    }

    fn ask(driver: &mut Driver, question: &str) -> Doc {
        let question = parse_json(question).expect("the test writes JSON");
        parse_json(&answer(driver, &question)).expect("answers are JSON")
    }

    fn apply(driver: &mut Driver, yaml: &str) {
        driver.hear(Request::Command { id: 1, command: Command::Apply(yaml.to_owned()) });
    }

    fn until(driver: &mut Driver, done: impl Fn(&Cluster) -> bool) {
        for _ in 0..20_000 {
            if done(driver.cluster()) {
                return;
            }
            let next = driver.cluster().next_at().map_or(0, |at| at.0);
            driver.replica().advance_to(Time(next));
        }
        panic!("it never came to that");
    }

    const BIG: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: big}\nspec:\n  containers: [{name: c, image: nginx, \
                       resources: {requests: {cpu: 64}}}]\n";
    const SMALL: &str =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: small}\nspec: {containers: [{name: c, image: nginx}]}\n";

    #[test]
    fn an_attempt_that_failed_says_why_of_every_node() {
        let mut driver = driver();
        apply(&mut driver, BIG);
        let pod = Key::new(Kind::Pod, "default", "big");
        until(&mut driver, |cluster| !cluster.scheduler().attempts(&pod).is_empty());
        let told = ask(&mut driver, r#"{"ask":"attempts","namespace":"default","name":"big"}"#);
        assert_eq!(told["attempts"].items().len(), 1);
        assert!(told["attempts"].items()[0]["why"].str().contains("Insufficient cpu"), "{told:?}");
        let nodes = told["shown"]["nodes"].items();
        assert_eq!(nodes.len(), 3);
        assert!(nodes.iter().all(|node| node["plugin"].str() == "NodeResourcesFit"), "{nodes:?}");
    }

    #[test]
    fn where_a_pod_will_go_is_where_it_goes() {
        let mut driver = driver();
        assert!(ask(&mut driver, r#"{"ask":"where"}"#).is_null());
        apply(&mut driver, SMALL);
        let pod = Key::new(Kind::Pod, "default", "small");
        until(&mut driver, |cluster| cluster.store().get(&pod).is_some());
        let told = ask(&mut driver, r#"{"ask":"where"}"#);
        assert_eq!(told["name"].str(), "small", "{told:?}");
        assert_eq!(told["nodes"].items().len(), 3);
        let bound = |cluster: &Cluster| {
            let pod = cluster.store().get(&pod).and_then(|object| object.view::<Pod>());
            pod.map_or(String::new(), |pod| pod.node_name.to_string())
        };
        until(&mut driver, |cluster| !bound(cluster).is_empty());
        assert_eq!(told["chosen"].str().to_string(), bound(driver.cluster()));
    }

    const NOWHERE: &str = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: huge}, spec: {selector: {matchLabels: \
                           {a: huge}}, template: {metadata: {labels: {a: huge}}, spec: {containers: [{name: c, image: nginx, \
                           resources: {requests: {cpu: 100}}}]}}}}";

    #[test]
    fn what_a_silent_node_holds_is_not_there_again() {
        let struck = |faults: &[(&str, &str)], wait: u64| {
            let mut driver = driver();
            for (target, kind) in faults {
                let command = match *kind {
                    "Delete" => Command::Kubectl(
                        "delete pod --wait=false -l app=todo-api --field-selector spec.nodeName=node-0"
                            .to_owned(),
                    ),
                    "Nowhere" => Command::Apply(NOWHERE.to_owned()),
                    kind => Command::Fault { target: (*target).to_owned(), kind: kind.to_owned() },
                };
                driver.hear(Request::Command { id: 1, command });
                let later = driver.cluster().now().0 + wait;
                driver.replica().advance_to(Time(later));
            }
            ask(&mut driver, r#"{"ask":"when"}"#)["took"].as_i64().unwrap_or(-1) / 1000
        };
        let delete = ("", "Delete");
        let fits_nowhere = ("", "Nowhere");
        let took = struck(&[fits_nowhere, ("node/node-1", "PowerOff")], 2000);
        assert!((280..420).contains(&took), "what lacked a pod before is not waited for: {took}");
        assert!((1..30).contains(&struck(&[delete], 100)), "one pod is soon replaced");
        for fault in
            [("node/node-1", "PowerOff"), ("node/node-1", "Partition"), ("component/kubelet@node-1", "Stop")]
        {
            for (faults, wait) in [(&[fault][..], 300), (&[delete, fault], 300), (&[delete, fault], 12_000)] {
                let took = struck(faults, wait);
                assert!((280..420).contains(&took), "{faults:?} {wait}: {took}");
            }
        }
    }

    #[test]
    fn a_message_on_its_way_tells_what_it_will_change() {
        let mut driver = driver();
        let from = driver.cluster().core().trace.next_id();
        apply(&mut driver, SMALL);
        let post = |cluster: &Cluster| {
            let asked = |what: &What| matches!(what, What::Message { label: "POST", object: Some(key), from: Process::Scheduler(_), .. } if key.kind == Kind::Pod);
            cluster.core().trace.since(from).find(|(_, record)| asked(&record.what)).map(|(id, _)| id)
        };
        until(&mut driver, |cluster| post(cluster).is_some());
        let id = post(driver.cluster()).expect("the scheduler binds the pod");
        let told = ask(&mut driver, &format!(r#"{{"ask":"message","record":{id}}}"#));
        assert_eq!(told["name"].str(), "small", "{told:?}");
        let paths: Vec<String> =
            told["changes"].items().iter().map(|change| change["path"].str().to_string()).collect();
        assert!(paths.iter().any(|path| path == "spec.nodeName"), "{paths:?}");
        assert!(!told["because"].items().is_empty());
    }

    #[test]
    fn a_message_that_makes_something_tells_its_fields_one_by_one() {
        let mut driver = driver();
        let from = driver.cluster().core().trace.next_id();
        apply(&mut driver, SMALL);
        let made = |cluster: &Cluster| {
            let asked = |what: &What| matches!(what, What::Message { label: "POST", object: Some(key), to: Process::ApiServer(_), .. } if key.kind == Kind::Pod);
            cluster.core().trace.since(from).find(|(_, record)| asked(&record.what)).map(|(id, _)| id)
        };
        until(&mut driver, |cluster| made(cluster).is_some());
        let id = made(driver.cluster()).expect("it is asked for");
        let told = ask(&mut driver, &format!(r#"{{"ask":"message","record":{id}}}"#));
        assert_eq!(told["change"].str(), "added", "{told:?}");
        let field = |path: &str| told["changes"].items().iter().find(|change| change["path"].str() == path);
        let image = field("spec.containers[0].image").expect("a field of a container is told by itself");
        assert_eq!(image["new"].str(), r#""nginx""#);
        assert!(field("spec.containers").is_none(), "{told:?}");
    }

    #[test]
    fn the_nodes_of_a_map_are_told_as_people_count() {
        let scenario = "apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nmetadata: {name: x}\nspec:\n  \
                        cluster: {nodes: [{count: 30}]}\n  opening: 20s\n";
        let mut driver = Driver::new(Replica::from_scenario(scenario).expect("a scenario"));
        for _ in 0..1000 {
            driver.tick(1000.0, &|| 0.0);
        }
        let told = ask(&mut driver, r#"{"ask":"far","most":12}"#);
        let names: Vec<String> =
            told["nodes"].items().iter().map(|node| node["name"].str().to_string()).collect();
        let counted: Vec<String> = (0..12).map(|number| format!("node-{number}")).collect();
        assert_eq!(names, counted);
        assert_eq!(told["count"].as_i64(), Some(30));
    }

    #[test]
    fn what_was_refused_of_an_opening_is_told_once_it_is_open() {
        let map = |name: &str| format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}}}");
        let scenario = format!(
            "apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: x}}\nspec:\n  cluster: {{nodes: [{{count: 1}}]}}\n  \
             opening: 20s\n  steps:\n  - at: 5s\n    apply: |\n      {}\n      ---\n      {}\n",
            map("good"),
            map("Bad")
        );
        let mut driver = Driver::new(Replica::from_scenario(&scenario).expect("a scenario"));
        for _ in 0..1000 {
            driver.tick(1000.0, &|| 0.0);
        }
        let told = ask(&mut driver, r#"{"ask":"refused"}"#);
        assert_eq!(told["count"].as_i64(), Some(1), "{told:?}");
        assert!(told["first"].str().contains("\"Bad\" is invalid"), "{told:?}");
    }

    #[test]
    fn nodes_tell_what_they_use_and_hold() {
        let mut driver = driver();
        let told = ask(&mut driver, r#"{"ask":"nodes"}"#);
        let node = &told["nodes"].items()[0];
        assert!(node["memory"].as_i64().is_some_and(|used| used > 100 << 20), "{node:?}");
        assert!(node["images"].items().iter().any(|image| image["image"].str().contains("todo-api")));
    }
}

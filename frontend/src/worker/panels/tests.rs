use shared::{
    api::core::pod::Pod,
    doc::parse_json,
    sim::{Process, Time, What},
};

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

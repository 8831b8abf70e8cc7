//! Statuses that others write beside the controllers.

use serde_json::{Value, json};

use crate::served_kinds::send;
use crate::support::world::World;

const BUDGETS: &str = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
const QUOTAS: &str = "/api/v1/namespaces/default/resourcequotas";

fn get(world: &mut World, path: &str) -> Value {
    let (code, said) = send(world, "GET", path, &Value::Null);
    assert_eq!(code, 200, "{path}: {said}");
    said
}

fn conditions(object: &Value) -> Vec<String> {
    let all = object["status"]["conditions"].as_array().expect("conditions");
    all.iter().map(|of| format!("{} {}", of["type"], of["status"]).replace('"', "")).collect()
}

#[test]
fn a_budget_keeps_what_others_say_of_it() {
    let mut world = World::new();
    let pod = json!({"metadata": {"name": "p", "labels": {"app": "a"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}});
    assert_eq!(send(&mut world, "POST", "/api/v1/namespaces/default/pods", &pod).0, 201);
    let budget = json!({"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "a"}}}});
    let (code, first) = send(&mut world, "POST", BUDGETS, &budget);
    assert_eq!(code, 201, "{first}");
    world.wait(10);
    let own = format!("{BUDGETS}/b");
    let mut said = get(&mut world, &own);
    assert_eq!(conditions(&said), ["DisruptionAllowed False"]);
    said["status"]["conditions"].as_array_mut().expect("conditions").insert(
        0,
        json!({"type": "Mine", "status": "True", "reason": "R", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}),
    );
    assert_eq!(send(&mut world, "PUT", &format!("{own}/status"), &said).0, 200);
    // The controller has something to say of its own, and says it beside that.
    assert_eq!(send(&mut world, "PATCH", &own, &json!({"spec": {"minAvailable": 0}})).0, 200);
    world.wait(5);
    let now = get(&mut world, &own);
    assert_eq!(conditions(&now), ["Mine True", "DisruptionAllowed True"]);
    assert_eq!(now["status"]["observedGeneration"], 2, "{now}");
    // Who saw it before all that does not write over it.
    for stale in [&first, &said] {
        assert_eq!(send(&mut world, "PUT", &own, stale).1["reason"], "Conflict");
        assert_eq!(send(&mut world, "PUT", &format!("{own}/status"), stale).1["reason"], "Conflict");
    }
    let mut unversioned = now;
    unversioned["metadata"]["resourceVersion"].take();
    assert_eq!(send(&mut world, "PUT", &own, &unversioned).1["reason"], "Invalid");
}

#[test]
fn what_a_quota_says_is_set_right_at_the_next_count() {
    let mut world = World::new();
    let quota = json!({"metadata": {"name": "q"}, "spec": {"hard": {"cpu": "500m", "memory": "500Mi"}}});
    assert_eq!(send(&mut world, "POST", QUOTAS, &quota).0, 201);
    world.wait(5);
    let own = format!("{QUOTAS}/q");
    let right = json!({"hard": {"cpu": "500m", "memory": "500Mi"}, "used": {"cpu": "0", "memory": "0"}});
    let mut said = get(&mut world, &own);
    assert_eq!(said["status"], right);
    // The status as a whole; part of it; more by way of the spec's own path, which leaves it alone.
    said["status"] = json!({"hard": {"cpu": "500m", "memory": "500Mi"}});
    let (_, put) = send(&mut world, "PUT", &format!("{own}/status"), &said);
    assert_eq!(put["status"], said["status"]);
    let twice = json!({"status": {"hard": {"cpu": "2", "memory": "2Gi"}}, "spec": {"hard": {"cpu": "9"}}});
    let (_, patched) = send(&mut world, "PATCH", &format!("{own}/status"), &twice);
    assert_eq!((&patched["status"], &patched["spec"]), (&twice["status"], &quota["spec"]));
    let (_, patched) = send(&mut world, "PATCH", &own, &json!({"status": {"hard": {"cpu": "7"}}}));
    assert_eq!(patched["status"], twice["status"]);
    // Nothing follows from a change of the status: it is looked at every five minutes.
    world.wait(60);
    assert_eq!(get(&mut world, &own)["status"], twice["status"]);
    world.wait(240);
    assert_eq!(get(&mut world, &own)["status"], right);
}

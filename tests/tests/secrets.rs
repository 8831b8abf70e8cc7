//! A scenario that goes to others leaves the values of Secrets empty, however they came into it, and nothing else changes.

use serde_json::{Value, json};
use shared::{
    scenario::Scenario,
    session::{Player, secrets::leave_empty},
};

/// What was done, and what is left of it.
fn left_of(step: &Value) -> Value {
    let mut step = step.clone();
    step["at"] = json!("1s");
    let text = json!({
        "apiVersion": "kubarium.dev/v1alpha1", "kind": "Scenario", "metadata": {"name": "secrets"},
        "spec": {"cluster": {"nodes": []}, "steps": [step]},
    });
    let mut scenario = Scenario::parse(&text.to_string()).unwrap_or_else(|why| panic!("{why}\n{text}"));
    leave_empty(&mut scenario);
    let whole: Value = serde_json::from_str(&scenario.to_doc().to_json()).expect("JSON");
    let mut left = whole["spec"]["steps"][0].clone();
    left.as_object_mut().expect("a step").remove("at");
    left
}

fn request(method: &str, body: &str) -> Value {
    json!({"request": {"method": method, "path": "/api/v1/namespaces/default/secrets/a?fieldManager=me", "body": body}})
}

#[test]
fn values_go_and_keys_stay() {
    let secret =
        |field: &str| format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n{field}:\n  word: ");
    let data = secret("data");
    for (given, left) in [
        (
            json!({"apply": format!("{data}aHVzaA==\n")}),
            json!({"apply": "apiVersion: v1\ndata:\n  word: \"\"\nkind: Secret\nmetadata:\n  name: a\n"}),
        ),
        (
            json!({"apply": format!("# mine\n{}hush\n", secret("stringData"))}),
            json!({"apply": format!("{}\"\"\n", secret("stringData"))}),
        ),
        (
            json!({"apply": "kind: List\napiVersion: v1\nitems: [{kind: Secret, apiVersion: v1, metadata: {name: a}, data: {b: aHVzaA==}}]\n"}),
            json!({"apply": "apiVersion: v1\nitems:\n- apiVersion: v1\n  data:\n    b: \"\"\n  kind: Secret\n  metadata:\n    name: a\nkind: List\n"}),
        ),
        // A word behind an escape is the same word.
        (
            json!({"apply": r#"{"apiVersion": "v1", "kind": "S\u0065cret", "metadata": {"name": "a"}, "data": {"b": "aHVzaA=="}}"#}),
            json!({"apply": "apiVersion: v1\ndata:\n  b: \"\"\nkind: Secret\nmetadata:\n  name: a\n"}),
        ),
        // Credentials of registries have to be JSON.
        (
            json!({"apply": "{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {.dockerconfigjson: e30K}}"}),
            json!({"apply": "apiVersion: v1\ndata:\n  .dockerconfigjson: e30=\nkind: Secret\nmetadata:\n  name: a\n"}),
        ),
        // Nobody can read it: nobody need.
        (json!({"apply": "kind: Secret\ndata: {word: hush\n"}), json!({"apply": ""})),
        (
            json!({"kubectl": "create secret generic a --from-literal=b=hush --from-literal 'c=hush hush'"}),
            json!({"kubectl": "create secret generic a --from-literal=b= --from-literal c="}),
        ),
        (
            json!({"kubectl": "create secret docker-registry a --docker-server=x --docker-username=me --docker-password=hush"}),
            json!({"kubectl": "create secret docker-registry a --docker-server=x --docker-username=me --docker-password=-"}),
        ),
        (
            json!({"kubectl": "patch secret/a -p '{\"data\":{\"b\":\"aHVzaA==\"}}'"}),
            json!({"kubectl": "patch secret/a -p '{\"data\":{\"b\":\"\"}}'"}),
        ),
        (
            request(
                "PATCH",
                r#"[{"op":"add","path":"/data/b","value":"aHVzaA=="},{"op":"add","path":"/data","value":{"c":"aHVzaA=="}}]"#,
            ),
            request(
                "PATCH",
                r#"[{"op":"add","path":"/data/b","value":""},{"op":"add","path":"/data","value":{"c":""}}]"#,
            ),
        ),
        (
            request(
                "PATCH",
                r#"{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"kind\":\"Secret\",\"data\":{\"b\":\"aHVzaA==\"}}\n"}},"stringData":{"b":"hush"}}"#,
            ),
            request(
                "PATCH",
                r#"{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"data\":{\"b\":\"\"},\"kind\":\"Secret\"}"}},"stringData":{"b":""}}"#,
            ),
        ),
    ] {
        // Words may stand in quotes that they do not need.
        let words = |step: &Value| step.to_string().replace('\'', "");
        assert_eq!(words(&left_of(&given)), words(&left), "{given}");
    }
}

#[test]
fn what_holds_no_values_stays_as_it_is_written() {
    for step in [
        json!({"apply": "# A Secret: not here.\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\ndata: {b: c}\n"}),
        json!({"apply": "kind: Secret # with keys alone\napiVersion: v1\nmetadata: {name: a}\ndata: {b: \"\"}\n"}),
        json!({"apply": "kind: ConfigMap\n data: [\n"}),
        json!({"kubectl": "create configmap a --from-literal=b=c"}),
        json!({"kubectl": "delete secret  a"}),
        json!({"request": {"method": "PUT", "path": "/api/v1/namespaces/default/configmaps/a", "body": "{\"data\":{\"b\":\"c\"}}"}}),
        request("DELETE", r#"{"propagationPolicy":"Background"}"#),
    ] {
        assert_eq!(left_of(&step), step);
    }
}

#[test]
fn the_cluster_that_is_left_has_the_same_secrets() {
    let text = "apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nmetadata: {name: secrets}\nspec:\n  cluster: {nodes: []}\n  opening: 9s\n  steps:\n  \
        - {at: 1s, kubectl: 'create secret docker-registry a --docker-server=x --docker-username=me --docker-password=hush'}\n  \
        - {at: 2s, apply: '{apiVersion: v1, kind: Secret, metadata: {name: b}, type: kubernetes.io/dockerconfigjson, stringData: {.dockerconfigjson: \"{\\\"auths\\\":{}}\"}}'}\n  \
        - {at: 3s, kubectl: 'create secret generic c --from-literal=word=hush'}\n";
    let mut scenario = Scenario::parse(text).expect("a scenario");
    leave_empty(&mut scenario);
    let mut player = Player::new(scenario, 0).expect("it plays");
    player.advance_to(shared::sim::Time(9000));
    let refused: Vec<_> = player.results().iter().filter(|result| result.exit_code != 0).collect();
    assert!(refused.is_empty(), "{refused:?}");
    assert_eq!(player.results().len(), 3);
}

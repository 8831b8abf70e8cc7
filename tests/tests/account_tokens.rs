//! Secrets that hold a token of a service account.

use serde_json::{Value, json};
use shared::apiserver::http::HttpRequest;

use crate::served_kinds::{kubectl, send};
use crate::support::world::World;

const SECRETS: &str = "/api/v1/namespaces/default/secrets";
const ACCOUNTS: &str = "/api/v1/namespaces/default/serviceaccounts";

fn secret(name: &str, account: &str) -> Value {
    json!({
        "metadata": {"name": name, "annotations": {"kubernetes.io/service-account.name": account}},
        "type": "kubernetes.io/service-account-token"
    })
}

fn make(world: &mut World, path: &str, body: &Value) -> Value {
    let (code, said) = send(world, "POST", path, body);
    assert_eq!(code, 201, "{said}");
    said
}

/// A cluster with the account `robot` and a Secret of it; the token.
fn with_token() -> (World, String) {
    let mut world = World::new();
    make(&mut world, ACCOUNTS, &json!({"metadata": {"name": "robot"}}));
    make(&mut world, SECRETS, &secret("key", "robot"));
    world.wait(2);
    let (_, encoded, _) =
        kubectl(&mut world, "get secret key -o go-template={{.data.token|base64decode}}", "");
    assert_eq!(encoded.split('.').count(), 3, "{encoded}");
    (world, encoded)
}

/// What the cluster says to somebody with a token who asks who that is.
fn whoami(world: &mut World, token: &str) -> (u32, Value) {
    let response = world.request(HttpRequest {
        method: "POST".into(),
        path: "/apis/authentication.k8s.io/v1/selfsubjectreviews".into(),
        content_type: "application/json".into(),
        body: "{}".into(),
        authorization: format!("Bearer {token}").into(),
        ..HttpRequest::default()
    });
    let said: Value = serde_json::from_str(&response.body.to_json()).expect("JSON");
    (response.code, said["status"]["userInfo"].clone())
}

#[test]
fn such_a_secret_is_filled() {
    let (mut world, token) = with_token();
    let (_, account) = send(&mut world, "GET", &format!("{ACCOUNTS}/robot"), &Value::Null);
    let (_, filled) = send(&mut world, "GET", &format!("{SECRETS}/key"), &Value::Null);
    let annotations = &filled["metadata"]["annotations"];
    assert_eq!(annotations["kubernetes.io/service-account.uid"], account["metadata"]["uid"]);
    let (_, said, _) = kubectl(&mut world, "describe secret key", "");
    let uid = account["metadata"]["uid"].as_str().expect("a UID");
    let expected = format!(
        "Name:         key\nNamespace:    default\nLabels:       <none>\nAnnotations:  kubernetes.io/service-account.name: robot\n              \
         kubernetes.io/service-account.uid: {uid}\n\nType:  kubernetes.io/service-account-token\n\nData\n====\n\
         ca.crt:     83 bytes\nnamespace:  7 bytes\ntoken:      {token}\n"
    );
    assert_eq!(said, expected);
    let (_, map, _) =
        kubectl(&mut world, "get cm kube-root-ca.crt -o go-template={{index(.data)\"ca.crt\"}}", "");
    let (_, held, _) =
        kubectl(&mut world, "get secret key -o go-template={{index(.data)\"ca.crt\"|base64decode}}", "");
    assert_eq!(held, map);
    // What somebody took out comes back; what is there stays.
    let out = json!({"data": {"token": null, "namespace": "b3RoZXI=", "more": "bW9yZQ=="}});
    assert_eq!(send(&mut world, "PATCH", &format!("{SECRETS}/key"), &out).0, 200);
    world.wait(2);
    let (_, again) = send(&mut world, "GET", &format!("{SECRETS}/key"), &Value::Null);
    let mut expected = filled["data"].clone();
    expected["namespace"] = json!("b3RoZXI=");
    expected["more"] = json!("bW9yZQ==");
    assert_eq!(again["data"], expected);
}

#[test]
fn its_token_is_good_for_as_long_as_it_is_there() {
    let (mut world, token) = with_token();
    let (code, who) = whoami(&mut world, &token);
    assert_eq!((code, &who["username"]), (201, &json!("system:serviceaccount:default:robot")));
    assert_eq!(who["extra"], Value::Null, "{who}");
    let review = json!({"spec": {"token": token}});
    let (_, said) = send(&mut world, "POST", "/apis/authentication.k8s.io/v1/tokenreviews", &review);
    assert_eq!(said["status"]["authenticated"], true, "{said}");
    // It has no end.
    world.wait(2 * 3600);
    assert_eq!(whoami(&mut world, &token).0, 201);
    assert_eq!(whoami(&mut world, &format!("{token}A")).0, 401);
    // Another Secret of that name has another.
    assert_eq!(send(&mut world, "DELETE", &format!("{SECRETS}/key"), &Value::Null).0, 200);
    assert_eq!(whoami(&mut world, &token).0, 401);
    make(&mut world, SECRETS, &json!({"metadata": {"name": "key"}, "stringData": {"token": "other"}}));
    assert_eq!(whoami(&mut world, &token).0, 401);
}

#[test]
fn it_goes_with_its_account() {
    let (mut world, token) = with_token();
    make(&mut world, SECRETS, &json!({"metadata": {"name": "plain"}}));
    // The account comes right after a Secret of it: nobody mistakes that for one that is not there.
    make(&mut world, SECRETS, &secret("none", "nobody"));
    make(&mut world, ACCOUNTS, &json!({"metadata": {"name": "late"}}));
    make(&mut world, SECRETS, &secret("late", "late"));
    world.wait(2);
    let names = |world: &mut World| kubectl(world, "get secrets -o name", "").1.replace('\n', " ");
    assert_eq!(names(&mut world), "secret/key secret/late secret/plain ");
    let refers = json!({"secrets": [{"name": "key"}, {"name": "plain"}]});
    assert_eq!(send(&mut world, "PATCH", &format!("{ACCOUNTS}/late"), &refers).0, 200);
    // The same name again is another account.
    assert_eq!(send(&mut world, "DELETE", &format!("{ACCOUNTS}/robot"), &Value::Null).0, 200);
    make(&mut world, ACCOUNTS, &json!({"metadata": {"name": "robot"}}));
    assert_eq!(whoami(&mut world, &token).0, 401);
    world.wait(2);
    assert_eq!(names(&mut world), "secret/late secret/plain ");
    let (_, late) = send(&mut world, "GET", &format!("{ACCOUNTS}/late"), &Value::Null);
    assert_eq!(late["secrets"], json!([{"name": "plain"}]), "nothing refers to what is gone");
}

#[test]
fn it_has_to_say_whose_it_is() {
    let mut world = World::new();
    let mut of_nobody = secret("key", "robot");
    of_nobody["metadata"]["annotations"].take();
    let (code, said) = send(&mut world, "POST", SECRETS, &of_nobody);
    let why =
        "Secret \"key\" is invalid: metadata.annotations[kubernetes.io/service-account.name]: Required value";
    assert_eq!((code, said["message"].as_str()), (422, Some(why)));
}

//! What clients beside kubectl rely on: discovery, pages of lists, forms of answers, tokens, reviews.

use crate::support::world::World;
use shared::apiserver::http::{HttpRequest, HttpResponse};
use shared::cluster::Action;
use shared::doc::{Doc, Str};
use shared::sim::{Fault, Target};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";

fn request(method: &str, path: &str, body: &str) -> HttpRequest {
    HttpRequest { method: method.into(), path: path.into(), body: body.into(), ..HttpRequest::default() }
}

fn get(world: &mut World, path: &str, accept: &str) -> HttpResponse {
    world.request(HttpRequest { accept: accept.into(), ..request("GET", path, "") })
}

fn post(world: &mut World, path: &str, body: &str) -> HttpResponse {
    world.request(request("POST", path, body))
}

fn maps(world: &mut World, letter: char, count: u32) {
    for at in 0..count {
        let body = format!(r#"{{"metadata":{{"name":"{letter}{at}","labels":{{"l":"{letter}"}}}}}}"#);
        assert_eq!(post(world, MAPS, &body).code, 201);
    }
}

fn names(list: &Doc) -> Vec<String> {
    list["items"].items().iter().map(|item| item["metadata"]["name"].str().to_string()).collect()
}

#[test]
fn discovery_tells_what_is_served() {
    let mut world = World::new();
    let version = get(&mut world, "/version", "").body.str();
    assert!(
        version.contains("\"gitVersion\": \"v1.36.2\"") && version.starts_with("{\n  \"major\""),
        "{version}"
    );
    for probe in ["/healthz", "/livez", "/readyz"] {
        assert_eq!(get(&mut world, probe, "").body.str(), "ok");
    }
    assert_eq!(get(&mut world, "/api", "").body["versions"].to_json(), "[\"v1\"]");
    let groups = get(&mut world, "/apis", "").body;
    let groups: Vec<Str> = groups["groups"].items().iter().map(|group| group["name"].str()).collect();
    let at = |name: &str| groups.iter().position(|group| group == name).unwrap();
    assert!(at("apps") < at("batch") && at("batch") < at("policy"), "{groups:?}");
    let apps = get(&mut world, "/apis/apps/v1", "").body;
    let resources: Vec<Str> = apps["resources"].items().iter().map(|one| one["name"].str()).collect();
    assert_eq!(resources[..2], ["controllerrevisions", "daemonsets"]);
    let scale =
        apps["resources"].items().iter().find(|one| one["name"].as_str() == Some("deployments/scale"));
    let scale = scale.unwrap();
    assert_eq!(
        (scale["kind"].str().as_str(), scale["group"].str().as_str(), scale["verbs"].to_json().as_str()),
        ("Scale", "autoscaling", r#"["get","patch","update"]"#)
    );
    let aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    let all = get(&mut world, "/apis", aggregated).body;
    assert_eq!(all["kind"].str(), "APIGroupDiscoveryList");
    let core = get(&mut world, "/api", aggregated).body;
    let pods = core["items"][0]["versions"][0]["resources"].items();
    let pods = pods.iter().find(|one| one["resource"].as_str() == Some("pods")).unwrap();
    assert_eq!(
        (pods["scope"].str().as_str(), pods["shortNames"].to_json().as_str()),
        ("Namespaced", "[\"po\"]")
    );
    assert_eq!(get(&mut world, "/apis/foo/v1", "").code, 404);
    assert_eq!(get(&mut world, "/openapi/v3/apis/foo/v1", "").code, 404);
    let index = get(&mut world, "/openapi/v3", "").body;
    let url = index["paths"]["apis/apps/v1"]["serverRelativeURL"].str();
    let document = get(&mut world, &url, "").body;
    // What can be done, the endpoint adds.
    assert!(document["paths"].is_empty());
    assert_eq!(get(&mut world, "/openapi/v3/apis/apps", "").code, 200);
    assert!(!index["paths"]["apis/apps"].is_null() && index["paths"]["apis/foo"].is_null());
    let schemas = document["components"]["schemas"].entries();
    let is_deployment =
        |schema: &Doc| schema["x-kubernetes-group-version-kind"][0]["kind"].as_str() == Some("Deployment");
    let (_, deployment) = schemas.iter().find(|(_, schema)| is_deployment(schema)).unwrap();
    let spec = deployment["properties"]["spec"]["$ref"].str();
    let spec = spec.strip_prefix("#/components/schemas/").unwrap();
    assert_eq!(document["components"]["schemas"][spec]["properties"]["replicas"]["type"].str(), "integer");
    assert!(get(&mut world, "/openapi/v2", "").body["definitions"].entries().len() > 100);
    assert_eq!(world.request(request("POST", "/version", "{}")).code, 405);
}

#[test]
fn lists_come_in_pages_as_they_were() {
    let mut world = World::new();
    maps(&mut world, 'a', 5);
    let first = get(&mut world, &format!("{MAPS}?limit=2"), "").body;
    assert_eq!(
        (names(&first), first["metadata"]["remainingItemCount"].as_i64()),
        (vec!["a0".into(), "a1".into()], Some(4))
    );
    // What changes meanwhile does not show.
    assert_eq!(world.request(request("DELETE", &format!("{MAPS}/a3"), "")).code, 200);
    maps(&mut world, 'b', 1);
    let go_on = |list: &Doc| format!("{MAPS}?limit=3&continue={}", list["metadata"]["continue"].str());
    let second = get(&mut world, &go_on(&first), "").body;
    assert_eq!(names(&second), ["a2", "a3", "a4"]);
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    let last = get(&mut world, &go_on(&second), "").body;
    assert_eq!(
        (names(&last), last["metadata"]["continue"].is_null()),
        (vec!["kube-root-ca.crt".into()], true)
    );
    let revision = first["metadata"]["resourceVersion"].str();
    let exact = format!("{MAPS}?labelSelector=l&resourceVersion={revision}&resourceVersionMatch=Exact");
    assert_eq!(names(&get(&mut world, &exact, "").body), ["a0", "a1", "a2", "a3", "a4"]);
    let newer =
        format!("{MAPS}?labelSelector=l&resourceVersion={revision}&resourceVersionMatch=NotOlderThan");
    assert_eq!(names(&get(&mut world, &newer, "").body), ["a0", "a1", "a2", "a4", "b0"]);
    let selected = get(&mut world, &format!("{MAPS}?limit=1&labelSelector=l"), "").body;
    assert!(selected["metadata"]["remainingItemCount"].is_null());
    let refusals = [
        (
            "resourceVersionMatch=Exact",
            422,
            "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
        ),
        (
            "resourceVersion=x",
            500,
            "resourceVersion: Invalid value: \"x\": strconv.ParseUint: parsing \"x\": invalid syntax",
        ),
        (
            "timeout=soon",
            400,
            "invalid timeout specified in the request URL - time: invalid duration \"soon\"",
        ),
        (
            "timeout=5",
            400,
            "invalid timeout specified in the request URL - time: missing unit in duration \"5\"",
        ),
        (
            "continue=bogus",
            400,
            "invalid continue token: continue key is not valid: illegal base64 data at input byte 4",
        ),
    ];
    for (query, code, message) in refusals {
        let response = get(&mut world, &format!("{MAPS}?{query}"), "");
        assert_eq!((response.code, response.body["message"].str().as_str()), (code, message));
    }
    let future = get(&mut world, &format!("{MAPS}?resourceVersion=99999999"), "").body;
    assert_eq!(
        (future["code"].as_i64(), future["details"]["causes"][0]["reason"].str().as_str()),
        (Some(504), "ResourceVersionTooLarge")
    );
    // The history is only so long.
    let patch = |at: u32| format!(r#"{{"data":{{"n":"{at}"}}}}"#);
    for at in 0..10_050 {
        let content_type = "application/merge-patch+json".into();
        world.request(HttpRequest { content_type, ..request("PATCH", &format!("{MAPS}/a0"), &patch(at)) });
    }
    let expired = get(&mut world, &go_on(&first), "").body;
    assert_eq!((expired["code"].as_i64(), expired["reason"].str().as_str()), (Some(410), "Expired"));
    assert_eq!(names(&get(&mut world, &go_on(&expired), "").body), ["a2", "a4", "b0"]);
}

#[test]
fn answers_come_in_the_form_that_is_asked_for() {
    let mut world = World::new();
    maps(&mut world, 'a', 1);
    let metadata = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let list = get(&mut world, MAPS, metadata).body;
    assert_eq!(list["kind"].str(), "PartialObjectMetadataList");
    assert_eq!(list["items"][0].entries().len(), 3);
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    for (include, kind) in [("None", ""), ("Metadata", "PartialObjectMetadata"), ("Object", "ConfigMap")] {
        let table = get(&mut world, &format!("{MAPS}?includeObject={include}"), table).body;
        assert_eq!(table["rows"][0]["object"]["kind"].str(), kind);
    }
    let made = request("POST", MAPS, r#"{"metadata":{"name":"made"}}"#);
    let made = world.request(HttpRequest { accept: table.into(), ..made });
    assert_eq!((made.code, made.body["rows"][0]["cells"][0].str().as_str()), (201, "made"));
    // Accept, and the kind that comes back; none where there is no such form.
    for (accept, kind) in [
        ("application/json;as=Table;v=v1beta1;g=meta.k8s.io", "Table"),
        ("application/json;as=Table;v=v9;g=meta.k8s.io", ""),
        ("application/json;as=Table", ""),
        ("application/json;as=Nothing;v=v1;g=meta.k8s.io", ""),
        ("application/json;as=Table;v=v9;g=meta.k8s.io,application/json", "ConfigMapList"),
        ("application/json,application/json;as=Table;v=v1;g=meta.k8s.io", "ConfigMapList"),
        ("application/json;charset=utf-8", "ConfigMapList"),
    ] {
        let answer = get(&mut world, MAPS, accept);
        let wanted = if kind.is_empty() { (406, "Status") } else { (200, kind) };
        assert_eq!((answer.code, answer.body["kind"].str().as_str()), wanted, "{accept}");
    }
}

#[test]
fn a_scale_has_columns_of_its_own() {
    let mut world = World::new();
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    let deployment = r#"{"metadata":{"name":"d"},"spec":{"replicas":3,"paused":true,"selector":{"matchLabels":{"a":"b"}},
        "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"nginx"}]}}}}"#;
    assert_eq!(post(&mut world, deployments, deployment).code, 201);
    world.wait(5);
    let shown = world.kubectl(["get", "deploy", "d", "--subresource=scale"], "");
    assert_eq!(
        shown.stdout, "NAME   DESIRED   AVAILABLE   AGE\nd      3         0           5s\n",
        "{}",
        shown.stderr
    );
    let scale = format!("{deployments}/d/scale");
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let kinds = [(table, "Table"), ("application/json", "Scale")];
    let alone = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
    for (accept, kind) in kinds.into_iter().chain([(alone, "PartialObjectMetadata")]) {
        assert_eq!(get(&mut world, &scale, accept).body["kind"].str(), kind, "{accept}");
    }
    // Whoever writes one gets it in the form that they take.
    let patch = HttpRequest {
        accept: format!("{table},application/json").into(),
        content_type: "application/merge-patch+json".into(),
        ..request("PATCH", &scale, r#"{"spec":{"replicas":2}}"#)
    };
    assert_eq!(world.request(patch).body["kind"].str(), "Table");
}

#[test]
fn paths_that_few_know_are_answered_as_elsewhere() {
    let mut world = World::new();
    maps(&mut world, 'a', 1);
    let ready = "[+]ping ok\n[+]log ok\n[+]etcd ok\n[+]etcd-readiness ok\n[+]informer-sync ok\n[+]shutdown ok\nreadyz check passed\n";
    // Method, path, code, and the text or the reason.
    for (method, path, code, says) in [
        ("GET", "/readyz?verbose", 200, ready),
        ("GET", "/livez?verbose=true", 200, "[+]ping ok\n[+]log ok\n[+]etcd ok\nlivez check passed\n"),
        ("GET", "/readyz/etcd", 200, "ok"),
        ("GET", "/livez/nothing", 404, "404 page not found\n"),
        ("GET", "/livez/informer-sync", 404, "404 page not found\n"),
        ("DELETE", "/api/v1/namespaces", 405, "MethodNotAllowed"),
        ("DELETE", "/api/v1/componentstatuses/scheduler", 405, "MethodNotAllowed"),
        ("POST", "/api/v1/watch/pods", 405, "MethodNotAllowed"),
        ("GET", "/api/v1/watch", 404, "404 page not found\n"),
        ("GET", "/api/v1/watch/namespaces/default/pods/a/log", 404, "404 page not found\n"),
    ] {
        let answer = world.request(request(method, path, ""));
        let text = match &answer.body {
            Doc::Str(text) => text.clone(),
            status => status["reason"].str(),
        };
        assert_eq!((answer.code, text.as_str()), (code, says), "{method} {path}");
    }
    let unknown = HttpRequest {
        content_type: "application/json-patch+json".into(),
        ..request("PATCH", &format!("{MAPS}/a0"), r#"[{"op":"twist","path":"/data"}]"#)
    };
    let refused = world.request(unknown);
    let why = "the server rejected our request due to an error in our request";
    assert_eq!((refused.code, refused.body["message"].str().as_str()), (422, why));
}

#[test]
fn service_accounts_prove_who_they_are() {
    let mut world = World::new();
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    assert_eq!(post(&mut world, accounts, r#"{"metadata":{"name":"robot"}}"#).code, 201);
    let made = post(&mut world, &format!("{accounts}/robot/token"), r#"{"spec":{"expirationSeconds":600}}"#);
    assert_eq!(made.code, 201);
    let token = made.body["status"]["token"].str();
    let with = |token: &str, method: &str, path: &str, body: &str| HttpRequest {
        authorization: format!("Bearer {token}").into(),
        ..request(method, path, body)
    };
    let me = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let who = world.request(with(&token, "POST", me, "{}")).body["status"]["userInfo"].clone();
    assert_eq!(who["username"].str(), "system:serviceaccount:default:robot");
    assert_eq!(
        who["groups"].to_json(),
        r#"["system:serviceaccounts","system:serviceaccounts:default","system:authenticated"]"#
    );
    let review = format!(r#"{{"spec":{{"token":"{token}"}}}}"#);
    let review = post(&mut world, "/apis/authentication.k8s.io/v1/tokenreviews", &review).body;
    assert_eq!(review["status"]["authenticated"].as_bool(), Some(true));
    let refused = world.request(with(&token, "GET", MAPS, ""));
    let why = "configmaps is forbidden: User \"system:serviceaccount:default:robot\" cannot list resource \"configmaps\" \
               in API group \"\" in the namespace \"default\"";
    assert_eq!((refused.code, refused.body["message"].str().as_str()), (403, why));
    let bad = world.request(with(&format!("{token}x"), "GET", MAPS, ""));
    assert_eq!((bad.code, bad.body["reason"].str().as_str()), (401, "Unauthorized"));
    let role = r#"{"metadata":{"name":"r"},"rules":[{"apiGroups":[""],"resources":["configmaps"],"verbs":["list"]},
        {"apiGroups":["rbac.authorization.k8s.io"],"resources":["roles"],"verbs":["create"]}]}"#;
    assert_eq!(post(&mut world, &format!("{ROLES}/roles"), role).code, 201);
    let binding = r#"{"metadata":{"name":"b"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"r"},
        "subjects":[{"kind":"Group","apiGroup":"rbac.authorization.k8s.io","name":"system:serviceaccounts:default"}]}"#;
    assert_eq!(post(&mut world, &format!("{ROLES}/rolebindings"), binding).code, 201);
    assert_eq!(world.request(with(&token, "GET", MAPS, "")).code, 200);
    // Nobody gives what they do not have.
    let grant = |verb: &str| {
        format!(
            r#"{{"metadata":{{"name":"{verb}"}},"rules":[{{"apiGroups":[""],"resources":["configmaps"],"verbs":["{verb}"]}}]}}"#
        )
    };
    let roles = format!("{ROLES}/roles");
    assert_eq!(world.request(with(&token, "POST", &roles, &grant("list"))).code, 201);
    let refused = world.request(with(&token, "POST", &roles, &grant("delete")));
    let said = refused.body["message"].str();
    assert!(
        refused.code == 403
            && said.ends_with(
                "is attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"configmaps\"], \
                 Verbs:[\"delete\"]}"
            ),
        "{said}"
    );
    // An account that is gone proves nothing, and neither does a token whose time is over.
    world.wait(601);
    assert_eq!(world.request(with(&token, "GET", MAPS, "")).code, 401);
}

#[test]
fn reviews_say_who_may_what_and_why() {
    let mut world = World::new();
    let binding = r#"{"metadata":{"name":"b"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"view"},
        "subjects":[{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"ann"}]}"#;
    assert_eq!(post(&mut world, &format!("{ROLES}/rolebindings"), binding).code, 201);
    let ask = |world: &mut World, verb: &str, namespace: &str| {
        let body = format!(
            r#"{{"spec":{{"user":"ann","resourceAttributes":{{"verb":"{verb}","resource":"pods","namespace":"{namespace}"}}}}}}"#
        );
        post(world, "/apis/authorization.k8s.io/v1/subjectaccessreviews", &body).body["status"].to_json()
    };
    let why = r#"{"allowed":true,"reason":"RBAC: allowed by RoleBinding \"b/default\" of ClusterRole \"view\" to User \"ann\""}"#;
    assert_eq!(ask(&mut world, "list", "default"), why);
    assert_eq!(ask(&mut world, "list", "kube-system"), r#"{"allowed":false}"#);
    assert_eq!(ask(&mut world, "delete", "default"), r#"{"allowed":false}"#);
    let rules = HttpRequest {
        impersonate: "ann".into(),
        ..request(
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
            r#"{"spec":{"namespace":"default"}}"#,
        )
    };
    let status = world.request(rules).body["status"].clone();
    assert!(status["resourceRules"].to_json().contains("selfsubjectaccessreviews"), "{status}");
    assert!(status["nonResourceRules"].to_json().contains("/healthz"), "{status}");
    let group = HttpRequest {
        impersonate: "eve".into(),
        impersonate_groups: vec!["system:masters".into()],
        ..request("GET", "/api/v1/nodes", "")
    };
    assert_eq!(world.request(group).code, 200);
}

#[test]
fn pods_get_their_account() {
    let mut world = World::new();
    let made = world.kubectl(["create", "ns", "fresh"], "");
    assert_eq!(made.exit_code, 0, "{}", made.stderr);
    // In the same moment: the server waits for the namespace's account.
    let pods = "/api/v1/namespaces/fresh/pods";
    let pod = |name: &str, more: &str| {
        format!(
            r#"{{"metadata":{{"name":"{name}"}},"spec":{{{more}"initContainers":[{{"name":"i","image":"i"}}],"containers":[{{"name":"c","image":"i"}}]}}}}"#
        )
    };
    let made = post(&mut world, pods, &pod("p", ""));
    assert_eq!(made.code, 201, "{}", made.body);
    let spec = &made.body["spec"];
    assert_eq!(
        (spec["serviceAccountName"].str(), spec["serviceAccount"].str()),
        ("default".into(), "default".into())
    );
    let volume = &spec["volumes"][0];
    let name = volume["name"].str();
    assert!(name.starts_with("kube-api-access-") && name.len() == "kube-api-access-".len() + 5, "{name}");
    for list in ["containers", "initContainers"] {
        let mount = &spec[list][0]["volumeMounts"][0];
        assert_eq!((mount["name"].str(), mount["readOnly"].as_bool()), (name.clone(), Some(true)));
    }
    let plain = post(&mut world, pods, &pod("q", r#""automountServiceAccountToken":false,"#)).body;
    assert!(plain["spec"]["volumes"].is_null());
    let refused = post(&mut world, pods, &pod("r", r#""serviceAccountName":"nope","#)).body;
    let why = "pods \"r\" is forbidden: error looking up service account fresh/nope: serviceaccount \"nope\" not found";
    assert_eq!(refused["message"].str(), why);
    let certificate = get(&mut world, "/api/v1/namespaces/fresh/configmaps/kube-root-ca.crt", "");
    assert_eq!(certificate.code, 200);
}

#[test]
fn parts_of_the_control_plane_are_looked_at() {
    let mut world = World::new();
    let told = |world: &mut World, line: &str| {
        let output = world.kubectl(line.split(' '), "");
        format!("{}{}", output.stderr, output.stdout)
    };
    let deprecated = "Warning: v1 ComponentStatus is deprecated in v1.19+\n";
    let rows = |scheduler: &str| {
        format!(
            "{deprecated}controller-manager   Healthy   ok    \netcd-0               Healthy   ok    \nscheduler            {scheduler}"
        )
    };
    assert_eq!(told(&mut world, "get cs --no-headers"), rows("Healthy   ok    \n"));
    let target = Target::parse("component/kube-scheduler").expect("a target");
    let action = Action::Fault { target, fault: Fault::Stop };
    world.act(action);
    world.wait(1);
    let scheduler = told(&mut world, "get componentstatus scheduler --no-headers");
    assert!(
        scheduler.contains(
            r#"Unhealthy   Get "https://127.0.0.1:10259/healthz": dial tcp 127.0.0.1:10259: connect: connection refused"#
        ),
        "{scheduler}"
    );
    assert!(told(&mut world, "get cs other").contains("server not found: other"));
}

#[test]
fn some_kinds_are_made_by_an_update() {
    let mut world = World::new();
    let put = |world: &mut World, path: &str, body: &str| world.request(request("PUT", path, body));
    let leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    let lease = r#"{"metadata":{"name":"mine","resourceVersion":"3"},"spec":{"holderIdentity":"me"}}"#;
    let made = put(&mut world, &format!("{leases}/mine"), lease);
    assert_eq!((made.code, made.body["spec"]["holderIdentity"].str().as_str()), (201, "me"));
    assert_eq!(put(&mut world, &format!("{leases}/mine"), lease).code, 409, "it is there now");
    let service = r#"{"metadata":{"name":"s"},"spec":{"ports":[{"port":80}]}}"#;
    let made = put(&mut world, "/api/v1/namespaces/default/services/s", service);
    assert_eq!(made.code, 201);
    assert!(!made.body["spec"]["clusterIP"].is_empty(), "{}", made.body);
    // Not of other kinds, and not by those who may only change what there is.
    assert_eq!(put(&mut world, &format!("{MAPS}/m"), r#"{"metadata":{"name":"m"}}"#).code, 404);
    let role = r#"{"metadata":{"name":"r"},"rules":[{"apiGroups":["coordination.k8s.io"],"resources":["leases"],"verbs":["update"]}]}"#;
    assert_eq!(put(&mut world, &format!("{ROLES}/roles/r"), role).code, 201);
    let binding = r#"{"metadata":{"name":"b"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"r"},"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"ann"}]}"#;
    assert_eq!(put(&mut world, &format!("{ROLES}/rolebindings/b"), binding).code, 201);
    let by_ann = HttpRequest {
        impersonate: "ann".into(),
        ..request("PUT", &format!("{leases}/other"), &lease.replace("mine", "other"))
    };
    let refused = world.request(by_ann);
    assert_eq!(refused.code, 403);
    assert!(
        refused.body["message"].str().contains(r#"User "ann" cannot create resource "leases""#),
        "{}",
        refused.body
    );
}

#[test]
fn who_may_see_one_object_may_list_and_watch_it_alone() {
    let mut world = World::new();
    let role = r#"{"metadata":{"name":"one"},"rules":[{"apiGroups":[""],"resources":["configmaps"],"resourceNames":["a0"],"verbs":["list","watch"]}]}"#;
    let binding = r#"{"metadata":{"name":"one"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"one"},"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"ann"}]}"#;
    for (kind, body) in [("roles", role), ("rolebindings", binding)] {
        assert_eq!(post(&mut world, &format!("{ROLES}/{kind}"), body).code, 201);
    }
    maps(&mut world, 'a', 2);
    let mut list = |selector: &str| {
        let path = format!("{MAPS}?fieldSelector={selector}");
        world.request(HttpRequest { impersonate: "ann".into(), ..request("GET", &path, "") })
    };
    let one = list("metadata.name=a0");
    assert_eq!((one.code, names(&one.body)), (200, vec!["a0".to_owned()]));
    let other = list("metadata.name=a1");
    assert_eq!(other.code, 403);
    assert!(
        other.body["message"].str().starts_with(r#"configmaps "a1" is forbidden: User "ann" cannot list"#),
        "{}",
        other.body
    );
    assert_eq!((list("metadata.name!=a1").code, list("").code), (403, 403));
    // What has a name is got, and not watched.
    let got = get(&mut world, &format!("{MAPS}/a0?watch=1"), "");
    assert_eq!((got.code, got.body["kind"].str().as_str()), (200, "ConfigMap"));
}

//! Who clients of Kubernetes are: tokens of service accounts, for whom one speaks, and that who may not ask is told so
//! before anything else.
#![allow(missing_docs)]

use crate::common::{Server, Session, directory};
use reqwest::{Client, Method};
use serde_json::{Value, json};

const SCENARIO: &str = "
apiVersion: kubarium.dev/v1alpha1
kind: Scenario
metadata: {name: identity}
spec:
  seed: 7
  epoch: 2026-01-01T00:00:00Z
  opening: 30s
  cluster: {nodes: [{count: 1}]}
";

const PODS: &str = "/api/v1/namespaces/default/pods";
const ME: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
const TOKEN: &str = "/api/v1/namespaces/default/serviceaccounts/default/token";

/// Sends a request with headers to a session; the code and the answer.
async fn send(
    server: &Server,
    (session, key): (&Session, &str),
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> (u16, Value) {
    let url = server.url(&format!("/k8s/{}{key}{path}", session.id));
    let mut request = Client::new().request(method, url);
    if !body.is_null() {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.expect("an answer");
    let code = answer.status().as_u16();
    let text = answer.text().await.expect("a text");
    (code, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// As whom a session knows the bearer of a token: 201, or 401.
async fn known(server: &Server, session: &Session, token: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    send(server, (session, &session.owner), Method::POST, ME, &headers, &json!({})).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_good_in_their_own_session_alone() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let sessions = [server.create(SCENARIO).await, server.create(SCENARIO).await];
    let mut tokens = Vec::new();
    for session in &sessions {
        let (code, said) =
            send(&server, (session, &session.owner), Method::POST, TOKEN, &[], &json!({"spec": {}})).await;
        assert_eq!(code, 201, "{said}");
        tokens.push(said["status"]["token"].as_str().expect("a token").to_owned());
    }
    let [own, other] = &sessions;
    for (session, token, code) in
        [(own, &tokens[0], 201), (own, &tokens[1], 401), (other, &tokens[0], 401), (other, &tokens[1], 201)]
    {
        assert_eq!(known(&server, session, token).await, code);
        let review = json!({"spec": {"token": token}});
        let (_, said) = send(&server, (session, &session.owner), Method::POST, REVIEWS, &[], &review).await;
        assert_eq!(said["status"]["authenticated"].as_bool().unwrap_or(false), code == 201, "{said}");
    }
    // Each has a key of its own for others to check them by.
    let mut keys = Vec::new();
    for session in &sessions {
        let jwks = "/openid/v1/jwks";
        keys.push(send(&server, (session, &session.owner), Method::GET, jwks, &[], &Value::Null).await.1);
    }
    assert_ne!(keys[0], keys[1]);
    // Who comes back after the server was started anew is still known.
    server.stop().await;
    let server = Server::start(data.path()).await;
    assert_eq!(known(&server, own, &tokens[0]).await, 201);
    assert_eq!(known(&server, own, &tokens[1]).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_speaks_for_others_with_all_that_is_known_of_them() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create(SCENARIO).await;
    let at = (&session, session.owner.as_str());
    let headers = [
        ("impersonate-user", "ann"),
        ("impersonate-group", "devs"),
        ("impersonate-uid", "u-1"),
        ("impersonate-extra-Example.com%2fteam", "red"),
        ("impersonate-extra-example.com%2Fteam", "blue"),
    ];
    let (code, said) = send(&server, at, Method::POST, ME, &headers, &json!({})).await;
    assert_eq!(code, 201, "{said}");
    assert_eq!(
        said["status"]["userInfo"],
        json!({
            "username": "ann", "uid": "u-1", "groups": ["devs", "system:authenticated"],
            "extra": {"example.com/team": ["red", "blue"]}
        })
    );
    // Who is held to roles needs one for each of it.
    let (_, said) = send(&server, at, Method::POST, TOKEN, &[], &json!({"spec": {}})).await;
    let bearer = format!("Bearer {}", said["status"]["token"].as_str().expect("a token"));
    let core =
        |resources: &[&str]| json!({"apiGroups": [""], "resources": resources, "verbs": ["impersonate"]});
    let more = |resources: &[&str]| json!({"apiGroups": ["authentication.k8s.io"], "resources": resources, "verbs": ["impersonate"]});
    let subject = json!({"kind": "ServiceAccount", "namespace": "default", "name": "default"});
    let binding = json!({
        "metadata": {"name": "speaker"}, "subjects": [subject],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "speaker"}
    });
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let bindings = format!("{rbac}/clusterrolebindings");
    assert_eq!(send(&server, at, Method::POST, &bindings, &[], &binding).await.0, 201);
    let role = |rules: &[Value]| json!({"metadata": {"name": "speaker"}, "rules": rules});
    let roles = format!("{rbac}/clusterroles");
    assert_eq!(send(&server, at, Method::POST, &roles, &[], &role(&[])).await.0, 201);
    let account = "User \"system:serviceaccount:default:default\" cannot impersonate resource";
    let in_group = "in API group \"authentication.k8s.io\" at the cluster scope";
    let steps = [
        (
            vec![],
            format!("users \"ann\" is forbidden: {account} \"users\" in API group \"\" at the cluster scope"),
        ),
        (
            vec![core(&["users"])],
            format!(
                "groups \"devs\" is forbidden: {account} \"groups\" in API group \"\" at the cluster scope"
            ),
        ),
        (
            vec![core(&["users", "groups"])],
            format!(
                "userextras.authentication.k8s.io \"red\" is forbidden: {account} \"userextras/example.com/team\" {in_group}"
            ),
        ),
        (
            vec![core(&["users", "groups"]), more(&["userextras/example.com/team"])],
            format!("uids.authentication.k8s.io \"u-1\" is forbidden: {account} \"uids\" {in_group}"),
        ),
        (vec![core(&["users", "groups"]), more(&["userextras/example.com/team", "uids"])], String::new()),
    ];
    let headers = [&headers[..], &[("authorization", bearer.as_str())]].concat();
    for (rules, refused) in steps {
        let of = format!("{roles}/speaker");
        assert_eq!(send(&server, at, Method::PUT, &of, &[], &role(&rules)).await.0, 200);
        let (code, said) = send(&server, at, Method::POST, ME, &headers, &json!({})).await;
        let wanted = if refused.is_empty() { 201 } else { 403 };
        assert!(code == wanted && said["message"].as_str().unwrap_or("") == refused, "{code} {said}");
    }
}

/// Method, path, content type, body, and the code for who may ask.
const WRONG: &[(&str, &str, &str, &[u8], u16)] = &[
    ("POST", "/api/v1/namespaces/default/pods/p/exec?command=ls&stdout=true", "", b"", 400),
    ("GET", "/api/v1/namespaces/default/pods/p/exec?command=ls&stdout=true", "", b"", 400),
    ("GET", "/api/v1/namespaces/default/pods/p/exec", "", b"", 400),
    ("POST", "/api/v1/namespaces/default/pods/p/attach", "", b"", 400),
    ("GET", "/api/v1/namespaces/default/pods/p/attach", "", b"", 400),
    ("POST", "/api/v1/namespaces/default/pods/p/portforward", "", b"", 400),
    ("GET", "/api/v1/namespaces/default/pods/p/portforward", "", b"", 400),
    ("POST", "/api/v1/namespaces/default/pods/none/exec?command=ls&stdout=true", "", b"", 404),
    ("GET", "/api/v1/namespaces/default/pods/none/portforward", "", b"", 404),
    ("POST", PODS, "application/vnd.kubernetes.protobuf", b"k8s\0\x0a\xff", 400),
    ("POST", PODS, "text/plain", b"{}", 415),
    ("POST", PODS, "application/cbor", b"\xa1\xff", 415),
    ("POST", PODS, "application/json", b"{", 400),
    ("POST", PODS, "application/json", b"\xff\xfe", 400),
    ("PATCH", "/api/v1/namespaces/default/pods/p", "text/plain", b"{}", 415),
    ("PUT", PODS, "application/json", b"{}", 405),
    ("POST", "/api/v1/namespaces/default/things", "application/json", b"{}", 404),
    ("DELETE", "/apis/apps/v1/things/x", "", b"", 404),
];

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_ask_is_told_so_first() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create(SCENARIO).await;
    let owner = (&session, session.owner.as_str());
    let pod =
        json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "nginx:1.27"}]}});
    assert_eq!(send(&server, owner, Method::POST, PODS, &[], &pod).await.0, 201);
    let mut phase = Value::Null;
    for _ in 0..600 {
        let path = format!("{PODS}/p");
        phase =
            send(&server, owner, Method::GET, &path, &[], &Value::Null).await.1["status"]["phase"].clone();
        if phase == "Running" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(phase, "Running");
    let (_, said) = send(&server, owner, Method::POST, TOKEN, &[], &json!({"spec": {}})).await;
    let bearer = format!("Bearer {}", said["status"]["token"].as_str().expect("a token"));
    for (method, path, media, body, code) in WRONG {
        for (key, token, wanted) in
            [(&session.owner, "", *code), (&session.viewer, "", 403), (&session.owner, bearer.as_str(), 403)]
        {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let url = server.url(&format!("/k8s/{}{key}{path}", session.id));
            let mut request = Client::new().request(method.clone(), url).body(body.to_vec());
            for (name, value) in [("content-type", *media), ("authorization", token)] {
                if !value.is_empty() {
                    request = request.header(name, value);
                }
            }
            let answer = request.send().await.expect("an answer");
            let found = answer.status().as_u16();
            let text = answer.text().await.expect("a text");
            assert_eq!(found, wanted, "{method} {path} {media} {token}: {text}");
            let plain = wanted != 403 || text.contains(" is forbidden: User ");
            assert!(plain, "{method} {path}: {text}");
        }
    }
    let path = format!("{PODS}/p/exec?command=ls");
    let upgrade = [("connection", "upgrade"), ("upgrade", "SPDY/3.1")];
    let spoken = ("x-stream-protocol-version", "v4.channel.k8s.io");
    for (protocol, code) in [(spoken, 400), (("x-stream-protocol-version", "v9"), 403)] {
        let headers = [&upgrade[..], &[protocol]].concat();
        for (key, code, forbidden) in [(&session.owner, code, false), (&session.viewer, 403, true)] {
            let (found, said) =
                send(&server, (&session, key), Method::POST, &path, &headers, &Value::Null).await;
            let of_user = said["message"].as_str().is_some_and(|why| why.contains(" is forbidden: User "));
            assert_eq!((found, of_user), (code, forbidden), "{said}");
        }
    }
    // Connections are counted as what they are, refused or not.
    let (_, said) = send(&server, owner, Method::GET, "/metrics", &[], &Value::Null).await;
    let text = said.as_str().expect("a text");
    for (code, part, count) in
        [(400, "exec", 4), (404, "exec", 1), (403, "attach", 4), (400, "portforward", 2)]
    {
        let line = format!(
            "apiserver_request_total{{code=\"{code}\",component=\"apiserver\",dry_run=\"\",group=\"\",resource=\"pods\",\
             scope=\"resource\",subresource=\"{part}\",verb=\"CONNECT\",version=\"v1\"}} {count}"
        );
        assert!(text.lines().any(|one| one == line), "{line} is missing in {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_and_programs_are_for_whom_one_speaks_for() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create(SCENARIO).await;
    let at = (&session, session.owner.as_str());
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [
        {"name": "c", "image": "busybox", "command": ["sh", "-c", "echo hello; sleep 100000"]}]}});
    assert_eq!(send(&server, at, Method::POST, PODS, &[], &pod).await.0, 201);
    let log = format!("{PODS}/p/log");
    let ann = [("impersonate-user", "ann"), ("impersonate-group", "devs")];
    let (code, said) = send(&server, at, Method::GET, &log, &ann, &Value::Null).await;
    let why = "pods \"p\" is forbidden: User \"ann\" cannot get resource \"pods/log\" in API group \"\" in the namespace \"default\"";
    assert_eq!((code, said["message"].as_str()), (403, Some(why)));
    for resource in ["roles", "rolebindings"] {
        let path = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/default/{resource}");
        let body = json!({
            "metadata": {"name": "logs"},
            "rules": [{"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "logs"},
            "subjects": [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "devs"}]
        });
        let (code, said) =
            send(&server, at, Method::POST, &format!("{path}?fieldValidation=Ignore"), &[], &body).await;
        assert_eq!(code, 201, "{said}");
    }
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while send(&server, at, Method::GET, &log, &[], &Value::Null).await.1 != "hello\n" {
        assert!(std::time::Instant::now() < deadline, "the pod never says hello");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    // The group may; the same person without it may not, and neither may the group type into a container.
    assert_eq!(send(&server, at, Method::GET, &log, &ann, &Value::Null).await, (200, json!("hello\n")));
    assert_eq!(send(&server, at, Method::GET, &log, &ann[..1], &Value::Null).await.0, 403);
    let exec = format!("{PODS}/p/exec?command=ls&stdout=true");
    let (code, said) = send(&server, at, Method::POST, &exec, &ann, &Value::Null).await;
    assert!(
        code == 403 && said["message"].as_str().is_some_and(|said| said.contains("\"pods/exec\"")),
        "{said}"
    );
    // Who may only look speaks for nobody.
    let viewer = (&session, session.viewer.as_str());
    let (code, said) = send(&server, viewer, Method::GET, &log, &ann, &Value::Null).await;
    assert!(
        code == 403 && said["message"].as_str().is_some_and(|said| said.contains("cannot impersonate")),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_knows_whose_its_own_tokens_are() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let (session, other) = (server.create(SCENARIO).await, server.create(SCENARIO).await);
    let owner = (&session, session.owner.as_str());
    let key = format!("{}{}", session.id, session.viewer);
    for (token, name) in [
        (&session.owner, Some("owner")),
        (&session.editor, Some("editor")),
        (&key, Some("viewer")),
        (&other.owner, None),
    ] {
        for audiences in [json!([]), json!(["one", "two"])] {
            let body = json!({"spec": {"token": token, "audiences": audiences}});
            let (code, said) = send(&server, owner, Method::POST, REVIEWS, &[], &body).await;
            let status = &said["status"];
            assert_eq!((code, status["authenticated"] == true), (201, name.is_some()), "{said}");
            assert_eq!(status["user"]["username"].as_str(), name, "{said}");
            assert_eq!(said["spec"]["token"], **token);
            let known = audiences.as_array().is_some_and(|list| !list.is_empty());
            assert!(name.is_none() || !known || status["audiences"] == audiences, "{said}");
        }
    }
    // Everybody in the session gets to see what was asked: tokens of links are not among it.
    let body = json!({"spec": {"token": session.owner}});
    assert_eq!(send(&server, owner, Method::POST, REVIEWS, &[], &body).await.0, 201);
    let (_, welcome) = server.join(&session.id, &session.viewer).await;
    assert!(!format!("{welcome:?}").contains(&session.owner));
}

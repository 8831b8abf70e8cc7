//! The real kubectl against a session: every command with what it must print. Without kubectl on the PATH this is said,
//! and nothing else.
#![allow(missing_docs)]

use std::{path::Path, process::Stdio, time::Duration};

use crate::common::{Server, Session, directory};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
};

const WEB: &str = r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"shop","labels":{"app":"shop"}},
"spec":{"replicas":2,"selector":{"matchLabels":{"app":"shop"}},"template":{"metadata":{"labels":{"app":"shop"}},
"spec":{"containers":[{"name":"nginx","image":"nginx:1.27"}]}}}}"#;

const SCENARIO: &str = "
apiVersion: kubarium.dev/v1alpha1
kind: Scenario
metadata: {name: endpoint}
spec:
  opening: 30s
  cluster:
    nodes: [{count: 2}]
    addons: [coredns, kube-proxy, metrics-server]
";

/// What a command gets, and what it must say: `=` all of standard output, `~` a part of it, `!` it fails and says this.
const COMMANDS: &[(&str, &str, &str)] = &[
    ("version -o json", "", "~\"gitVersion\": \"v1.36.2\""),
    ("get nodes -o name", "", "=node/node-0\nnode/node-1\n"),
    (
        "get namespaces -o jsonpath={.items[*].metadata.name}",
        "",
        "=default kube-node-lease kube-public kube-system",
    ),
    ("get --raw /healthz-is-elsewhere", "", "!"),
    ("api-resources --api-group=apps -o name", "", "~deployments.apps\n"),
    ("api-versions", "", "~networking.k8s.io/v1\n"),
    ("explain deployment.spec.replicas", "", "~FIELD: replicas <integer>"),
    // The schemas of old, in protobuf.
    (
        "explain deployment.spec.strategy --output plaintext-openapiv2",
        "",
        "~The deployment strategy to use to replace existing pods with new ones.",
    ),
    (
        "explain pod.spec.containers.ports --output plaintext-openapiv2",
        "",
        "~containerPort\t<integer> -required-",
    ),
    (
        "explain event.series --api-version=events.k8s.io/v1 --output plaintext-openapiv2",
        "",
        "~lastObservedTime",
    ),
    ("auth whoami -o jsonpath={.status.userInfo.username}", "", "=owner"),
    ("auth can-i create pods", "", "=yes\n"),
    ("auth can-i --list", "", "~*.*"),
    ("create namespace team", "", "=namespace/team created\n"),
    ("create namespace team", "", "!Error from server (AlreadyExists): namespaces \"team\" already exists\n"),
    ("create deployment web --image=nginx:1.27 --replicas=2", "", "=deployment.apps/web created\n"),
    ("rollout status deployment/web --timeout=60s", "", "~deployment \"web\" successfully rolled out\n"),
    ("get deployment web --no-headers", "", "~2/2"),
    ("get deployment web -o jsonpath={.spec.template.spec.containers[0].image}", "", "=nginx:1.27"),
    ("get all -o name", "", "~deployment.apps/web\n"),
    ("get pods -l app=web -o wide --no-headers", "", "~Running"),
    ("get rs -o custom-columns=N:.spec.replicas --no-headers", "", "=2\n"),
    ("describe deployment web", "", "~2 desired | 2 updated | 2 total | 2 available | 0 unavailable"),
    ("describe node node-0", "", "~InternalIP:"),
    ("scale deployment web --replicas=3", "", "=deployment.apps/web scaled\n"),
    (
        "wait --for=jsonpath={.status.readyReplicas}=3 deployment/web --timeout=60s",
        "",
        "=deployment.apps/web condition met\n",
    ),
    ("set image deployment/web nginx=nginx:1.28", "", "=deployment.apps/web image updated\n"),
    ("set env deployment/web MODE=fast", "", "=deployment.apps/web env updated\n"),
    (
        "set resources deployment/web --limits=cpu=200m",
        "",
        "=deployment.apps/web resource requirements updated\n",
    ),
    ("rollout status deployment/web --timeout=90s", "", "~successfully rolled out\n"),
    ("rollout history deployment/web", "", "~REVISION  CHANGE-CAUSE\n"),
    ("rollout undo deployment/web", "", "=deployment.apps/web rolled back\n"),
    ("rollout pause deployment/web", "", "=deployment.apps/web paused\n"),
    ("rollout resume deployment/web", "", "=deployment.apps/web resumed\n"),
    ("rollout restart deployment/web", "", "=deployment.apps/web restarted\n"),
    ("expose deployment web --port=80", "", "=service/web exposed\n"),
    ("get service web -o jsonpath={.spec.ports[0].port}", "", "=80"),
    ("autoscale deployment web --min=1 --max=4", "", "=horizontalpodautoscaler.autoscaling/web autoscaled\n"),
    ("label deployment web tier=front", "", "=deployment.apps/web labeled\n"),
    ("annotate deployment web note=here", "", "~deployment.apps/web annotate"),
    ("get deployment -L tier --no-headers", "", "~front\n"),
    (
        "patch deployment web --type=merge -p {\"spec\":{\"minReadySeconds\":1}}",
        "",
        "=deployment.apps/web patched\n",
    ),
    (
        "patch deployment web --type=json -p [{\"op\":\"remove\",\"path\":\"/spec/minReadySeconds\"}]",
        "",
        "=deployment.apps/web patched\n",
    ),
    ("patch deployment web -p {\"spec\":{\"replicas\":2}}", "", "=deployment.apps/web patched\n"),
    ("create configmap settings --from-literal=a=1 --from-literal=b=2", "", "=configmap/settings created\n"),
    ("get configmap settings -o jsonpath={.data}", "", "={\"a\":\"1\",\"b\":\"2\"}"),
    ("create secret generic key --from-literal=password=secret", "", "=secret/key created\n"),
    ("get secret key -o jsonpath={.data.password}", "", "=c2VjcmV0"),
    ("create serviceaccount robot", "", "=serviceaccount/robot created\n"),
    (
        "create role reader --verb=get,list --resource=pods",
        "",
        "=role.rbac.authorization.k8s.io/reader created\n",
    ),
    (
        "create rolebinding robots --role=reader --serviceaccount=default:robot",
        "",
        "=rolebinding.rbac.authorization.k8s.io/robots created\n",
    ),
    ("auth can-i list pods --as=system:serviceaccount:default:robot", "", "=yes\n"),
    (
        "get secrets --as=system:serviceaccount:default:robot",
        "",
        "!Error from server (Forbidden): secrets is forbidden: User \"system:serviceaccount:default:robot\" cannot list resource \"secrets\" in API group \"\" in the namespace \"default\"\n",
    ),
    ("create token robot", "", "~."),
    ("create job once --image=busybox -- true", "", "=job.batch/once created\n"),
    ("wait --for=condition=complete job/once --timeout=60s", "", "=job.batch/once condition met\n"),
    (
        "create cronjob nightly --image=busybox --schedule=@daily -- true",
        "",
        "=cronjob.batch/nightly created\n",
    ),
    ("create ingress front --rule=shop.example/=web:80", "", "=ingress.networking.k8s.io/front created\n"),
    (
        "create poddisruptionbudget web --selector=app=web --min-available=1",
        "",
        "=poddisruptionbudget.policy/web created\n",
    ),
    ("create quota limits --hard=pods=20 -n team", "", "=resourcequota/limits created\n"),
    ("create priorityclass high --value=1000", "", "=priorityclass.scheduling.k8s.io/high created\n"),
    ("apply -f -", WEB, "=deployment.apps/shop created\n"),
    ("apply -f -", WEB, "=deployment.apps/shop unchanged\n"),
    ("diff -f -", WEB, "="),
    (
        "apply --server-side --field-manager=team -f -",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: owned}\ndata: {a: '1'}\n",
        "=configmap/owned serverside-applied\n",
    ),
    (
        "apply --server-side --field-manager=other -f -",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: owned}\ndata: {a: '2'}\n",
        "!error: Apply failed with 1 conflict: conflict with \"team\": .data.a\n",
    ),
    (
        "create --dry-run=server -f -",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ghost}\n",
        "=configmap/ghost created (server dry run)\n",
    ),
    ("get configmap ghost", "", "!Error from server (NotFound): configmaps \"ghost\" not found\n"),
    (
        "create -f -",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: odd}\nspec: {}\n",
        "!Error from server (BadRequest): error when creating \"STDIN\": ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"spec\"\n",
    ),
    (
        "create -f -",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: UPPER}\n",
        "!The ConfigMap \"UPPER\" is invalid: metadata.name: Invalid value: \"UPPER\"",
    ),
    ("cordon node-1", "", "=node/node-1 cordoned\n"),
    ("uncordon node-1", "", "=node/node-1 uncordoned\n"),
    ("taint nodes node-1 only=here:NoSchedule", "", "=node/node-1 tainted\n"),
    ("taint nodes node-1 only-", "", "=node/node-1 untainted\n"),
    ("events --for deployment/shop", "", "~ScalingReplicaSet"),
    ("get events --field-selector reason=ScalingReplicaSet -o name", "", "~event/shop"),
    ("get pods --field-selector nonsense=1", "", "!Error from server (BadRequest): Unable to find"),
    ("get pods --chunk-size=1 -A -o name", "", "~pod/shop-"),
    ("logs deployment/web", "", "~ready for start up\n"),
    ("exec deployment/web -- echo hello", "", "=hello\n"),
    ("exec deployment/web -- sh -c exit\\ 3", "", "!command terminated with exit code 3\n"),
    ("delete deployment shop", "", "~deployment.apps \"shop\" deleted"),
    ("delete namespace team", "", "=namespace \"team\" deleted\n"),
    (
        "drain node-0 --ignore-daemonsets --delete-emptydir-data --timeout=60s --force",
        "",
        "~node/node-0 drained\n",
    ),
];

fn kubeconfig(server: &Server, session: &Session, token: &str, directory: &Path) -> std::path::PathBuf {
    let path = directory.join(format!("config-{}", &token[..6]));
    let url = server.url(&format!("/k8s/{}{token}", session.id));
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: \"{url}\"}}}}]\n\
         users: [{{name: u, user: {{}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: u, namespace: default}}}}]\n"
    );
    std::fs::write(&path, text).expect("it is written");
    path
}

async fn kubectl(config: &Path, line: &str, input: &str) -> (String, String, bool) {
    // A backslash keeps a space in its word.
    let words = line.replace("\\ ", "\u{0}");
    let words = words.split(' ').map(|word| word.replace('\u{0}', " "));
    let mut child = Command::new("kubectl")
        .args(words)
        .env("KUBECONFIG", config)
        .env("HOME", config.parent().expect("it is in a directory"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    // It may not want to read.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = tokio::time::timeout(Duration::from_secs(120), child.wait_with_output()).await;
    let output = output.unwrap_or_else(|_| panic!("kubectl {line} never ends")).expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(output.stdout), text(output.stderr), output.status.success())
}

async fn is_missing() -> bool {
    let found = Command::new("kubectl").args(["version", "--client"]).output().await;
    let missing = !found.is_ok_and(|output| output.status.success());
    if missing {
        eprintln!("skipped: there is no kubectl on the PATH");
    }
    missing
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unmodified_kubectl_works() {
    if is_missing().await {
        return;
    }
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create(SCENARIO).await;
    let config = kubeconfig(&server, &session, &session.owner, data.path());
    let mut wrong = Vec::new();
    // It asks for versions of the API of which 1.36 has none any more.
    let (version, ..) = kubectl(&config, "version --client", "").await;
    let asks_of_old = |line: &str| version.contains("v1.27.") && line.starts_with("auth whoami");
    for (line, input, expected) in COMMANDS.iter().filter(|(line, ..)| !asks_of_old(line)) {
        let (stdout, stderr, success) = kubectl(&config, line, input).await;
        let (how, wanted) = expected.split_at(1);
        let agrees = match how {
            "=" => success && stdout == wanted,
            "~" => success && stdout.contains(wanted),
            _ => !success && stderr.contains(wanted),
        };
        if !agrees {
            wrong.push(format!(
                "kubectl {line}\n  wanted {expected:?}\n  stdout {stdout:?}\n  stderr {stderr:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), COMMANDS.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_look_and_strangers_do_not() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create(SCENARIO).await;
    let http = reqwest::Client::new();
    let at = |token: &str, path: &str| server.url(&format!("/k8s/{}{token}{path}", session.id));
    let pods = "/api/v1/namespaces/default/pods";
    let body = r#"{"metadata":{"name":"seen"}}"#;
    let configmaps = "/api/v1/namespaces/default/configmaps";
    assert_eq!(http.get(at(&session.viewer, pods)).send().await.expect("an answer").status(), 200);
    let refused = http.post(at(&session.viewer, configmaps)).body(body).send().await.expect("an answer");
    assert_eq!(refused.status(), 403);
    let stranger = http.get(at("x".repeat(32).as_str(), pods)).send().await.expect("an answer");
    assert_eq!(stranger.status(), 401);
    let foreign = http.get(at(&session.owner, pods)).bearer_auth("foreign").send().await.expect("an answer");
    assert_eq!(foreign.status(), 401);
    let with = |accept: &'static str| http.get(at(&session.owner, pods)).header("accept", accept);
    for unspoken in ["image/png", "text/xml", "text/plain"] {
        assert_eq!(with(unspoken).send().await.expect("an answer").status(), 406, "{unspoken}");
    }
    let discovery = |version: &str| {
        let accept = format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
        http.get(at(&session.owner, "/apis")).header("accept", accept).send()
    };
    assert_eq!(discovery("v2").await.expect("an answer").status(), 200);
    assert_eq!(discovery("v3").await.expect("an answer").status(), 406);
    // Who does not say under which name they write goes by their program's.
    let named = r#"{"metadata":{"name":"named"},"data":{"a":"b"}}"#;
    let named =
        http.post(at(&session.owner, configmaps)).header("user-agent", "tool/1.2 (linux)").body(named);
    let named: serde_json::Value = named.send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(named["metadata"]["managedFields"][0]["manager"], "tool");
    let post = |kind: &'static str, body: Vec<u8>| {
        http.post(at(&session.editor, configmaps)).header("content-type", kind).body(body).send()
    };
    for (kind, body, code) in [
        ("application/json", b"{".to_vec(), 400),
        ("application/vnd.kubernetes.protobuf", b"k8s\0\x0a\x40".to_vec(), 400),
        ("text/css", b"{}".to_vec(), 415),
        ("application/json", vec![b' '; (3 << 20) + 1], 413),
        ("application/json", br#"{"metadata":{"name":"A B"}}"#.to_vec(), 422),
        ("application/json", body.as_bytes().to_vec(), 201),
        ("application/json", body.as_bytes().to_vec(), 409),
    ] {
        assert_eq!(post(kind, body).await.expect("an answer").status(), code, "{kind} {code}");
    }
    let code = async |method: reqwest::Method, path: &str| {
        http.request(method, at(&session.owner, path)).send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(code(reqwest::Method::GET, "/api/v1/nonsense").await, 404);
    assert_eq!(code(reqwest::Method::PUT, pods).await, 405);
    for (path, answer) in
        [(pods, 405), ("/apis", 405), ("/version", 405), ("/healthz", 200), ("/readyz", 200)]
    {
        assert_eq!(code(reqwest::Method::HEAD, path).await, answer, "{path}");
    }
    let file = http.get(server.url(&format!("/api/v1/sessions/{}/kubeconfig", session.id)));
    let file =
        file.bearer_auth(&session.viewer).send().await.expect("an answer").text().await.expect("a text");
    assert!(file.contains(&at(&session.viewer, "")), "{file}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_the_key_may_leave_the_path_out() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create(SCENARIO).await;
    let http = reqwest::Client::new();
    let owner = format!("{}{}", session.id, session.owner);
    let viewer = format!("{}{}", session.id, session.viewer);
    let stranger = format!("{}{}", session.id, "x".repeat(32));
    let maps = "/api/v1/namespaces/default/configmaps";
    let ask = async |path: &str, key: &str, body: &str| {
        let url = server.url(path);
        let request = if body.is_empty() { http.get(url) } else { http.post(url).body(body.to_owned()) };
        let request = if key.is_empty() { request } else { request.bearer_auth(key) };
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    };
    let body = r#"{"metadata":{"name":"rooted"}}"#;
    // Path, key, body of what is made, and the answer: its code, and a part of it.
    for (path, key, body, code, part) in [
        (maps, &*owner, body, 201, "rooted"),
        ("/api/v1/configmaps", &*viewer, "", 200, "rooted"),
        (maps, &*viewer, body, 403, "Forbidden"),
        (maps, &*stranger, "", 401, "Unauthorized"),
        (maps, &*session.owner, "", 401, "Unauthorized"),
        (maps, "", "", 401, "kubectl get --raw /k8s/KEY/version"),
        ("/livez", "", "", 401, "kubectl get --raw /k8s/KEY/version"),
        ("/livez/etcd", &*owner, "", 200, "ok"),
        ("/api/", "", "", 200, "\"versions\":[\"v1\"]"),
        ("/apis", "", "", 401, "Unauthorized"),
        ("/apis/apps/v1/deployments?limit=1", &*owner, "", 200, "DeploymentList"),
        ("/version", &*owner, "", 200, "gitVersion"),
        ("/api/v1/watch/configmaps?timeoutSeconds=1", &*owner, "", 200, "\"type\":\"ADDED\""),
        ("/api/v1/watch/namespaces/default/configmaps/rooted?timeoutSeconds=1", &*owner, "", 200, "rooted"),
        ("/api/v1", &*owner, "", 200, "APIResourceList"),
        // What the server itself has there stays as it is.
        ("/api/v1/sessions/nothing", &*owner, "", 404, "session"),
        ("/api/v1/nothing", &*owner, "", 404, "the API has nothing under this path"),
    ] {
        let (given, text) = ask(path, key, body).await;
        assert!(given == code && text.contains(part), "{path}: {given} {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_tells_what_others_do_and_no_acknowledged_write_is_lost() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create(SCENARIO).await;
    let http = reqwest::Client::new();
    let path = format!("/k8s/{}{}/api/v1/namespaces/default/configmaps", session.id, session.owner);
    let list: serde_json::Value =
        http.get(server.url(&path)).send().await.expect("an answer").json().await.expect("JSON");
    let revision = list["metadata"]["resourceVersion"].as_str().expect("a list has a revision");
    let watch = server.url(&format!("{path}?watch=true&resourceVersion={revision}&timeoutSeconds=60"));
    let mut watch = http.get(watch).send().await.expect("an answer");
    for number in 0..20 {
        let body = format!(r#"{{"metadata":{{"name":"kept-{number}"}}}}"#);
        let made = http.post(server.url(&path)).body(body).send().await.expect("an answer");
        assert_eq!(made.status(), 201);
    }
    let mut told = String::new();
    while told.matches("\"ADDED\"").count() < 20 {
        let chunk =
            tokio::time::timeout(Duration::from_secs(20), watch.chunk()).await.expect("it comes in time");
        let chunk = chunk.expect("the connection is whole").expect("it goes on");
        told.push_str(std::str::from_utf8(&chunk).expect("text"));
    }
    let order: Vec<usize> =
        (0..20).map(|number| told.find(&format!("\"kept-{number}\"")).expect("each is told")).collect();
    assert!(order.is_sorted());
    server.kill().await;
    let server = Server::start(data.path()).await;
    let after: serde_json::Value =
        http.get(server.url(&path)).send().await.expect("an answer").json().await.expect("JSON");
    let names: Vec<&str> = after["items"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["metadata"]["name"].as_str())
        .collect();
    assert!((0..20).all(|number| names.contains(&format!("kept-{number}").as_str())), "{names:?}");
    let old = server.url(&format!("{path}?watch=true&resourceVersionMatch=Exact"));
    assert_eq!(http.get(old).send().await.expect("an answer").status(), 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_from_what_is_forgotten_is_sent_back_to_a_list() {
    let data = directory();
    let server = Server::start(data.path()).await;
    // Leases of a hundred nodes fill the history within an hour.
    let scenario = SCENARIO.replace("opening: 30s", "opening: 1h").replace("count: 2", "count: 100");
    let session = server.create(&scenario).await;
    let nodes = server.url(&format!("/k8s/{}{}/api/v1/nodes", session.id, session.viewer));
    let at = async |query: &str| reqwest::get(format!("{nodes}?{query}")).await.expect("an answer");
    let watch = at("watch=true&resourceVersion=10").await;
    assert_eq!(watch.status(), 200);
    let told: serde_json::Value = watch.json().await.expect("one event, and the end");
    let status = &told["object"];
    assert_eq!(
        (&told["type"], &status["code"], &status["reason"]),
        (&"ERROR".into(), &410.into(), &"Expired".into())
    );
    let message = status["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("too old resource version: 10 ("), "{message}");
    // Lists are of now, whatever revision they ask for at least.
    assert_eq!(at("resourceVersion=10").await.status(), 200);
    assert_eq!(at("resourceVersion=10&resourceVersionMatch=Exact").await.status(), 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_pods_come_through_and_act_in_nobodys_name() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create(SCENARIO).await;
    let plain = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let http = plain.build().expect("a client");
    let path =
        |token: &str, rest: &str| format!("/k8s/{}{token}/api/v1/namespaces/default/pods{rest}", session.id);
    let at = |rest: &str| server.url(&path(&session.owner, rest));
    let pod = r#"{"metadata":{"name":"site"},"spec":{"containers":[{"name":"web","image":"nginx:1.27"}]}}"#;
    assert_eq!(http.post(at("")).body(pod).send().await.expect("an answer").status(), 201);
    let mut watch = http.get(at("?watch=true&timeoutSeconds=60")).send().await.expect("an answer");
    let mut told = String::new();
    while !told.contains("\"phase\":\"Running\"") {
        let chunk = watch.chunk().await.expect("the connection is whole").expect("it goes on");
        told.push_str(std::str::from_utf8(&chunk).expect("text"));
    }
    let elsewhere = http.get(at("/site/proxy?a=b")).send().await.expect("an answer");
    let location = elsewhere.headers()["location"].to_str().expect("a text").to_owned();
    assert_eq!((elsewhere.status().as_u16(), location), (301, path(&session.owner, "/site/proxy/?a=b")));
    let page = http.get(at("/site/proxy/")).send().await.expect("an answer");
    assert_eq!(page.status(), 200);
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let policy = page.headers()["content-security-policy"].to_str().expect("a text").to_owned();
    assert!(policy.starts_with("sandbox;"), "{policy}");
    assert!(page.text().await.expect("a text").contains("<h1>Welcome to nginx!</h1>"));
    let posted = http.post(at("/site/proxy/")).body(vec![0xff, 0]).send().await.expect("an answer");
    assert_eq!(posted.status(), 405);
    let viewer = server.url(&path(&session.viewer, "/site/proxy/"));
    assert_eq!(http.get(viewer).send().await.expect("an answer").status(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_no_large_one() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create(SCENARIO).await;
    let url = server.url("");
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut line = tokio::net::TcpStream::connect(address).await.expect("it listens");
    let path = format!("/k8s/{}{}/api/v1/namespaces/default/configmaps", session.id, session.owner);
    let request = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 100\r\n\r\n{{");
    line.write_all(request.as_bytes()).await.expect("it is written");
    line.shutdown().await.expect("it is closed");
    let mut answer = String::new();
    line.read_to_string(&mut answer).await.expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("unexpected EOF"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_in_any_case_fills_no_session() {
    let data = directory();
    let server = Server::start_with(data.path(), &["--session-megabytes", "4"]).await;
    let session = server.create(SCENARIO).await;
    let http = reqwest::Client::new();
    let maps = format!("/k8s/{}{}/api/v1/namespaces/default/configmaps", session.id, session.owner);
    let send = async |method: reqwest::Method, rest: &str, media: &str, body: String| {
        let request = http.request(method, server.url(&format!("{maps}{rest}")));
        request.header("content-type", media).body(body).send().await.expect("an answer").status().as_u16()
    };
    let map = |size: usize| format!(r#"{{"metadata":{{"name":"m"}},"data":{{"a":"{}"}}}}"#, "x".repeat(size));
    let (post, patch) = (reqwest::Method::POST, reqwest::Method::PATCH);
    let json = "application/json";
    for _ in 0..4 {
        assert_eq!(send(post.clone(), "", json, map(2_000_000)).await, 422);
        let merge = "application/merge-patch+json";
        assert_eq!(send(patch.clone(), "/none", merge, map(500_000)).await, 404);
    }
    assert_eq!(send(post.clone(), "", json, map(500_000)).await, 201);
    assert_eq!(send(post, "", json, map(500_000)).await, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_say_what_they_are_for() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create(SCENARIO).await;
    let at = |path: &str| server.url(&format!("/k8s/{}{}/openapi/v3/{path}", session.id, session.viewer));
    let document = async |path: &str| -> serde_json::Value {
        reqwest::get(at(path)).await.expect("an answer").json().await.expect("JSON")
    };
    let (core, scaling) = (document("api/v1").await, document("apis/autoscaling/v1").await);
    // Their addresses are whole, and found through a proxy that puts the same before them, too.
    let index: serde_json::Value =
        reqwest::get(at("").trim_end_matches('/')).await.expect("an answer").json().await.expect("JSON");
    let address = index["paths"]["api/v1"]["serverRelativeURL"].as_str().expect("an address");
    let key = format!("/k8s/{}{}", session.id, session.viewer);
    assert!(address.starts_with(&format!("{key}/openapi/v3/api/v1?hash=")), "{address}");
    for address in [address.to_owned(), format!("{key}{address}")] {
        let answer = reqwest::get(server.url(&address)).await.expect("an answer");
        assert_eq!(answer.json::<serde_json::Value>().await.expect("JSON"), core);
    }
    // Document, type, field, and the beginning of what is said of it.
    for (document, of, field, says) in [
        (&core, "api.core.v1.PodSpec", "", "PodSpec is a description of a pod."),
        (&core, "api.core.v1.PodSpec", "restartPolicy", "Restart policy for all containers within the pod."),
        (&core, "api.core.v1.Pod", "spec", "Specification of the desired behavior of the pod."),
        (&core, "apimachinery.pkg.apis.meta.v1.ObjectMeta", "labels", "Map of string keys and values"),
        (
            &scaling,
            "api.autoscaling.v1.HorizontalPodAutoscalerSpec",
            "maxReplicas",
            "maxReplicas is the upper limit",
        ),
    ] {
        let schema = &document["components"]["schemas"][format!("io.k8s.{of}")];
        let place = if field.is_empty() { schema } else { &schema["properties"][field] };
        let said = place["description"].as_str().unwrap_or_default();
        assert!(said.starts_with(says), "{of}.{field}: {place}");
    }
    let spec = &core["components"]["schemas"]["io.k8s.api.core.v1.Pod"]["properties"]["spec"];
    assert_eq!(spec["allOf"][0]["$ref"], "#/components/schemas/io.k8s.api.core.v1.PodSpec");
    // The same in the document of old, where descriptions stand beside references.
    let old = server.url(&format!("/k8s/{}{}/openapi/v2", session.id, session.viewer));
    let old: serde_json::Value = reqwest::get(old).await.expect("an answer").json().await.expect("JSON");
    let types = &old["definitions"];
    for (place, is) in [
        ("/io.k8s.api.core.v1.Pod/properties/spec/$ref", "#/definitions/io.k8s.api.core.v1.PodSpec"),
        ("/io.k8s.api.core.v1.PodSpec/properties/containers/x-kubernetes-patch-merge-key", "name"),
        ("/io.k8s.api.core.v1.PodSpec/properties/volumes/x-kubernetes-patch-strategy", "merge,retainKeys"),
        ("/io.k8s.api.core.v1.Container/properties/ports/x-kubernetes-patch-merge-key", "containerPort"),
        ("/io.k8s.api.core.v1.ServiceSpec/properties/ports/x-kubernetes-patch-merge-key", "port"),
        (
            "/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta/properties/finalizers/x-kubernetes-patch-strategy",
            "merge",
        ),
        ("/io.k8s.api.core.v1.Event/x-kubernetes-group-version-kind/0/group", ""),
        ("/io.k8s.api.events.v1.Event/x-kubernetes-group-version-kind/0/group", "events.k8s.io"),
        (
            "/io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler/x-kubernetes-group-version-kind/0/version",
            "v1",
        ),
    ] {
        assert_eq!(types.pointer(place).and_then(|found| found.as_str()), Some(is), "{place}");
    }
    for (at, says) in [("Pod/properties/spec", "Specification of the desired"), ("PodSpec", "PodSpec is a")] {
        let said = types.pointer(&format!("/io.k8s.api.core.v1.{at}/description"));
        assert!(said.and_then(|said| said.as_str()).is_some_and(|said| said.starts_with(says)), "{at}");
    }
    assert!(
        types["io.k8s.api.networking.v1.NetworkPolicyIngressRule"]["properties"]["ports"]["x-kubernetes-patch-merge-key"]
            .is_null()
    );
    let patch = &old["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
    assert_eq!(
        (&patch["parameters"][1]["name"], &patch["x-kubernetes-group-version-kind"]["kind"]),
        (&"dryRun".into(), &"Deployment".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_after_a_long_sleep_is_young() {
    let data = directory();
    let file = data.path().join("sessions.sqlite");
    // An hour ago it was made; then the clock stood, a minute later: going or not, with dates of its own or without.
    let later = SCENARIO.replace("opening: 30s", "opening: 1h");
    let own = later.replace("spec:", "spec:\n  epoch: \"2024-02-29T12:00:00Z\"");
    for (scenario, running, sets) in [(&later, 1, true), (&later, 0, false), (&own, 1, false)] {
        let server = Server::start(data.path()).await;
        let session = server.create(scenario).await;
        server.stop().await;
        let store = rusqlite::Connection::open(&file).expect("it is a database");
        let slept = store.execute(
            "UPDATE clocks SET horizon = 60000, running = ?1 WHERE session = ?2",
            rusqlite::params![running, session.id],
        );
        assert_eq!(slept, Ok(1));
        drop(store);
        let server = Server::start(data.path()).await;
        let http = reqwest::Client::new();
        let at =
            |path: &str| server.url(&format!("/k8s/{}{}/api/v1/namespaces{path}", session.id, session.owner));
        let made_at = async |name: &str| {
            let body = format!("{{\"metadata\":{{\"name\":\"{name}\"}}}}");
            let sent = http.post(at("/default/configmaps")).body(body).send().await.expect("an answer");
            let made: serde_json::Value = sent.json().await.expect("JSON");
            seconds(&made)
        };
        let old: serde_json::Value =
            http.get(at("/default")).send().await.expect("an answer").json().await.expect("JSON");
        let (first, second) = (made_at("first").await, made_at("second").await);
        let (since, between) = (first - seconds(&old), second - first);
        assert!(between < 30, "{between}");
        assert_eq!(since > 3500, sets, "{since} s after the namespace, running: {running}");
        let again: serde_json::Value =
            http.get(at("/default")).send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(seconds(&again), seconds(&old), "what was there keeps its date");
        // The next one begins in the same directory.
        server.stop().await;
    }
}

/// When an object was made, in seconds since 1970.
fn seconds(object: &serde_json::Value) -> i64 {
    let date = object["metadata"]["creationTimestamp"].as_str().expect("it has a date");
    shared::doc::Timestamp::parse(date).expect("a date").seconds()
}

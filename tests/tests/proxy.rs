//! Requests that the API server passes on: `proxy` of pods, Services and nodes, and logs and programs where etcd has
//! several members.

use crate::support::world::World;
use shared::apiserver::http::{HttpRequest, HttpResponse};
use shared::doc::Doc;

const OBJECTS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: shop, labels: {app: shop}}
spec: {containers: [{name: web, image: "todo-api:v1.0", ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: page}
data: {about.txt: "about us\n"}
---
apiVersion: v1
kind: Pod
metadata: {name: site}
spec:
  containers: [{name: web, image: "nginx:1.27", volumeMounts: [{name: page, mountPath: /usr/share/nginx/html}]}]
  volumes: [{name: page, configMap: {name: page}}]
---
apiVersion: v1
kind: Pod
metadata: {name: waits}
spec: {nodeSelector: {no: where}, containers: [{name: web, image: "todo-api:v1.0"}]}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: afar}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: afar}
subsets: [{addresses: [{ip: 192.0.2.1}], ports: [{port: 8080}]}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot}
"#;

fn cluster(members: u32) -> World {
    filled(World::with(|spec| {
        spec.control_plane.members = members;
        spec.metrics_server = true;
    }))
}

fn filled(mut world: World) -> World {
    let applied = world.kubectl(["apply", "-n", "default", "-f", "-"], OBJECTS);
    assert_eq!(applied.exit_code, 0, "{}", applied.stderr);
    world.wait(30);
    world
}

fn ask(world: &mut World, method: &str, path: &str) -> HttpResponse {
    let path = path.replace("PODS", "/api/v1/namespaces/default/pods");
    let path = path.replace("SERVICES", "/api/v1/namespaces/default/services");
    world.request(HttpRequest {
        method: method.into(),
        path: path.into(),
        body: "words".into(),
        ..HttpRequest::default()
    })
}

/// What comes back in words: the text of whoever answered, or the server's own message.
fn words(response: &HttpResponse) -> String {
    match &response.body {
        Doc::Str(text) => text.to_string(),
        status => status["message"].str().to_string(),
    }
}

#[test]
fn pods_services_and_nodes_answer_through_the_server() {
    let mut world = cluster(1);
    for (method, path, code, says) in [
        ("GET", "PODS/shop/proxy/", 200, "todo-api v1.0 from shop\n"),
        ("POST", "PODS/shop/proxy/items?page=2", 200, "from shop"),
        ("GET", "PODS/http:shop:8080/proxy/a/b", 200, "from shop"),
        ("GET", "PODS/site/proxy/about.txt", 200, "about us\n"),
        ("GET", "PODS/site/proxy/about.txt?labelSelector=;;", 200, "about us\n"),
        ("DELETE", "PODS/site/proxy/about.txt", 405, "<h1>405 Not Allowed</h1>"),
        ("GET", "PODS/site/proxy/nothing", 404, "<h1>404 Not Found</h1>"),
        ("GET", "PODS/shop:81/proxy/", 503, "error trying to reach service: dial tcp 10.244."),
        ("GET", "PODS/shop:81/proxy/", 503, ":81: connect: connection refused"),
        ("GET", "PODS/waits/proxy/", 400, "address not allowed"),
        ("GET", "PODS/gone/proxy/", 404, "pods \"gone\" not found"),
        ("GET", "PODS/ftp:shop:81/proxy/", 400, "invalid pod request \"ftp:shop:81\""),
        ("BREW", "PODS/shop/proxy/", 405, "the server does not allow this method on the requested resource"),
        ("PUT", "SERVICES/shop:http/proxy/", 200, "from shop"),
        ("PATCH", "SERVICES/shop:80/proxy/x", 200, "from shop"),
        ("GET", "SERVICES/shop/proxy/", 503, "no endpoints available for service \"shop\""),
        ("GET", "SERVICES/shop:81/proxy/", 503, "no service port 81 found for service \"shop\""),
        ("GET", "SERVICES/nobody/proxy/", 503, "no endpoints available for service \"nobody\""),
        ("GET", "SERVICES/afar/proxy/", 503, "dial tcp 192.0.2.1:8080: i/o timeout"),
        ("GET", "/api/v1/nodes/node-0/proxy/healthz", 200, "ok"),
        ("GET", "/api/v1/nodes/node-0:10250/proxy/logs/", 200, "pods/"),
        ("GET", "/api/v1/nodes/node-0/proxy/configz", 200, "\"maxPods\":110"),
        ("GET", "/api/v1/nodes/node-0/proxy/stats/summary", 200, "{\"node\":{\"cpu\":{"),
        ("GET", "/api/v1/nodes/node-0/proxy/nothing", 404, "404 page not found\n"),
        ("GET", "/api/v1/nodes/node-0:99/proxy/", 503, ":99: connect: connection refused"),
        ("GET", "/api/v1/nodes/gone/proxy/", 404, "nodes \"gone\" not found"),
        ("GET", "/api/v1/namespaces/default/configmaps/page/proxy/", 404, "404 page not found\n"),
    ] {
        let response = ask(&mut world, method, path);
        assert_eq!(response.code, code, "{method} {path}: {}", words(&response));
        assert!(words(&response).contains(says), "{method} {path}: {}", words(&response));
    }
    let node = world.kubectl(["get", "pod", "shop", "-n", "default", "-o", "jsonpath={.spec.nodeName}"], "");
    let pods = ask(&mut world, "GET", &format!("/api/v1/nodes/{}/proxy/pods", node.stdout));
    assert!(words(&pods).contains("\"name\":\"shop\""), "{}", words(&pods));
}

#[test]
fn kubelets_say_what_is_used() {
    let mut world = cluster(1);
    let node =
        world.kubectl(["get", "pod", "shop", "-n", "default", "-o", "jsonpath={.spec.nodeName}"], "").stdout;
    let page = |world: &mut World, path: &str| -> Doc {
        let answer = ask(world, "GET", &format!("/api/v1/nodes/{node}/proxy{path}"));
        assert_eq!(answer.code, 200, "{path}: {}", words(&answer));
        shared::doc::parse_json(&words(&answer)).expect("JSON")
    };
    let used = |summary: &Doc| summary["node"]["cpu"]["usageCoreNanoSeconds"].as_i64().expect("a number");
    let shop = |summary: &Doc| {
        let named = |pod: &&Doc| pod["podRef"]["name"].as_str() == Some("shop");
        summary["pods"].items().iter().find(named).cloned().expect("it runs there")
    };
    let first = page(&mut world, "/stats/summary");
    assert_eq!(first["node"]["nodeName"].str(), node);
    let memory = &first["node"]["memory"];
    let [left, taken] = ["availableBytes", "workingSetBytes"].map(|field| memory[field].as_i64().unwrap());
    assert_eq!(left + taken, 16 << 30);
    let pod = shop(&first);
    assert_eq!(pod["containers"][0]["name"].str(), "web");
    assert_eq!(pod["memory"]["workingSetBytes"], pod["containers"][0]["memory"]["workingSetBytes"]);
    assert_eq!(pod["podRef"]["uid"].str().len(), 36);
    world.wait(10);
    // The system alone takes 50 thousandths of a core.
    let later = page(&mut world, "/stats/summary");
    assert!(used(&later) >= used(&first) + 500_000_000, "{} {}", used(&later), used(&first));
    let running = page(&mut world, "/runningpods/");
    let named = |pod: &&Doc| pod["metadata"]["name"].as_str() == Some("shop");
    let pod = running["items"].items().iter().find(named).expect("it runs");
    assert_eq!(pod["spec"]["containers"][0]["image"].str(), "todo-api:v1.0");
    assert_eq!(world.kubectl(["delete", "pod", "shop", "-n", "default"], "").exit_code, 0);
    world.wait(5);
    assert!(!page(&mut world, "/stats/summary")["pods"].to_json().contains("shop"));
}

#[test]
fn roles_say_who_may_ask_through_the_server() {
    let mut world = filled(World::new());
    let robot = "system:serviceaccount:default:robot";
    let path = "/api/v1/namespaces/default/pods/shop/proxy/";
    let ask = |method: &str, world: &mut World| {
        let asked = HttpRequest {
            method: method.into(),
            path: path.into(),
            impersonate: robot.into(),
            ..HttpRequest::default()
        };
        world.request(asked)
    };
    let refused = ask("GET", &mut world);
    let why = "cannot get resource \"pods/proxy\" in API group \"\" in the namespace \"default\"";
    assert!(refused.code == 403 && words(&refused).contains(why), "{}", words(&refused));
    for command in [
        "create role asks --verb=get --resource=pods/proxy -n default",
        "create rolebinding asks --role=asks --serviceaccount=default:robot -n default",
    ] {
        let made = world.kubectl(command.split(' '), "");
        assert_eq!(made.exit_code, 0, "{}", made.stderr);
    }
    assert_eq!(ask("GET", &mut world).code, 200);
    let refused = ask("POST", &mut world);
    assert!(refused.code == 403 && words(&refused).contains("cannot create resource \"pods/proxy\""));
}

/// What kubelets, the metrics-server and pods know is not etcd's to say, however many members that has.
#[test]
fn servers_of_several_members_pass_requests_on_too() {
    let mut world = cluster(3);
    let log = world.kubectl(["logs", "shop", "-n", "default"], "");
    assert!(log.exit_code == 0 && !log.stdout.contains("apiVersion"), "{}{}", log.stdout, log.stderr);
    let echo = world.kubectl(["exec", "shop", "-n", "default", "--", "echo", "hello"], "");
    assert_eq!((echo.exit_code, echo.stdout.as_str()), (0, "hello\n"), "{}", echo.stderr);
    let top = world.kubectl(["top", "nodes"], "");
    assert!(top.exit_code == 0 && top.stdout.contains("node-0"), "{}{}", top.stdout, top.stderr);
    let known = world.kubectl(["get", "apiservice", "v1beta1.metrics.k8s.io", "--no-headers"], "").stdout;
    assert!(known.contains("kube-system/metrics-server   True"), "{known}");
    assert_eq!(ask(&mut world, "GET", "PODS/shop/proxy/").code, 200);
    assert_eq!(ask(&mut world, "GET", "SERVICES/shop:http/proxy/").code, 200);
}

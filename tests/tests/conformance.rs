//! What Kubernetes' conformance tests ask of workloads and nodes, where replaying them found something: the order in
//! which patched lists stand, readiness gates, hooks that ask others, parts of volumes that variables name, last words,
//! what programs of the tests' images do.

use crate::support::world::World;
use shared::apiserver::http::{HttpRequest, HttpResponse};
use shared::doc::{Doc, parse_json};

const PODS: &str = "/api/v1/namespaces/default/pods";
const AGNHOST: &str = "registry.k8s.io/e2e-test-images/agnhost:2.63.0";
const BUSYBOX: &str = "registry.k8s.io/e2e-test-images/busybox:1.37.0-1";

fn send(world: &mut World, method: &str, path: &str, media: &str, body: &str) -> HttpResponse {
    world.request(HttpRequest {
        method: method.into(),
        path: path.into(),
        content_type: media.into(),
        body: body.into(),
        ..HttpRequest::default()
    })
}

fn strategic(world: &mut World, path: &str, patch: &str) -> Doc {
    let answer = send(world, "PATCH", path, "application/strategic-merge-patch+json", patch);
    assert_eq!(answer.code, 200, "{path}: {}", answer.body);
    answer.body
}

fn pod(world: &mut World, name: &str) -> Doc {
    send(world, "GET", &format!("{PODS}/{name}"), "", "").body
}

fn apply(world: &mut World, text: &str) {
    let applied = world.kubectl(["apply", "-n", "default", "-f", "-"], text);
    assert_eq!(applied.exit_code, 0, "{}", applied.stderr);
}

fn logs(world: &mut World, pod: &str) -> String {
    world.kubectl(["logs", "-n", "default", pod], "").stdout
}

/// What a pod serves at a path, read as JSON.
fn served(world: &mut World, pod: &str, path: &str) -> Doc {
    let answer = send(world, "GET", &format!("{PODS}/{pod}/proxy/{path}"), "", "");
    assert_eq!(answer.code, 200, "{}", answer.body);
    parse_json(&answer.body.str()).unwrap()
}

fn names(list: &Doc) -> String {
    let names: Vec<String> = list.items().iter().map(|item| item["name"].str().to_string()).collect();
    names.join(" ")
}

/// Waits until something is so, a minute at most.
fn until(world: &mut World, what: &str, mut so: impl FnMut(&mut World) -> bool) {
    for _ in 0..60 {
        if so(world) {
            return;
        }
        world.wait(1);
    }
    panic!("{what}");
}

fn ready(world: &mut World, name: &str) -> bool {
    let conditions = pod(world, name)["status"]["conditions"].clone();
    let ready = conditions.items().iter().find(|condition| condition["type"].as_str() == Some("Ready"));
    ready.is_some_and(|condition| condition["status"].as_str() == Some("True"))
}

#[test]
fn what_a_patch_adds_to_a_list_stands_before_what_it_leaves_alone() {
    let mut world = World::new();
    let set = "/apis/apps/v1/namespaces/default/replicasets/web";
    let containers = |body: &Doc| names(&body["spec"]["template"]["spec"]["containers"]);
    for (patch, then) in [
        (r#"[{"name":"new","image":"httpd"}]"#, "new a b c"),
        // What was there stays before what came after it.
        (r#"[{"name":"b","image":"httpd"},{"name":"new","image":"httpd"}]"#, "a b new c"),
        (r#"[{"name":"new","image":"httpd"},{"name":"b","image":"httpd"}]"#, "new a b c"),
        (r#"[{"name":"c","image":"httpd"},{"name":"a","image":"httpd"}]"#, "b c a"),
        (r#"[{"name":"b","image":"httpd"}]"#, "a b c"),
        (r#"[{"name":"a","$patch":"delete"},{"name":"a","image":"httpd"}]"#, "a b c"),
        (r#"[{"name":"new","image":"httpd"},{"name":"b","$patch":"delete"}]"#, "new a c"),
    ] {
        apply(
            &mut world,
            "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: web, finalizers: [x/one]}\nspec:\n  replicas: 0\n  selector: \
             {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: a, image: nginx}, \
             {name: b, image: nginx}, {name: c, image: nginx}]}\n",
        );
        let body = strategic(
            &mut world,
            set,
            &format!(r#"{{"spec":{{"template":{{"spec":{{"containers":{patch}}}}}}}}}"#),
        );
        assert_eq!(containers(&body), then, "{patch}");
        let body = strategic(&mut world, set, r#"{"metadata":{"finalizers":["x/two","x/one"]}}"#);
        assert_eq!(body["metadata"]["finalizers"].to_json(), r#"["x/two","x/one"]"#);
        let body = strategic(&mut world, set, r#"{"metadata":{"finalizers":["x/three"]}}"#);
        assert_eq!(body["metadata"]["finalizers"].to_json(), r#"["x/three","x/two","x/one"]"#);
        strategic(&mut world, set, r#"{"metadata":{"finalizers":null}}"#);
        assert_eq!(send(&mut world, "DELETE", set, "", "").code, 200);
    }
    // Who says in which order they stand is heeded; what others put before one of them stays there.
    apply(
        &mut world,
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: nginx, env: [{name: THEIRS, value: x}, \
         {name: A, value: x}]}]}\n",
    );
    let order = r#"{"spec":{"containers":[{"name":"c","env":[],"$setElementOrder/env":[{"name":"A"}]}]}}"#;
    let body = strategic(&mut world, &format!("{PODS}/p"), order);
    assert_eq!(names(&body["spec"]["containers"].items()[0]["env"]), "THEIRS A");
}

#[test]
fn a_pod_is_ready_once_others_say_so() {
    let mut world = World::new();
    apply(
        &mut world,
        "apiVersion: v1\nkind: Pod\nmetadata: {name: gated}\nspec:\n  readinessGates: [{conditionType: x/one}, {conditionType: \
         x/two}]\n  containers: [{name: c, image: nginx}]\n",
    );
    world.wait(10);
    assert!(!ready(&mut world, "gated"));
    let say = |world: &mut World, gate: &str, status: &str| {
        let patch = format!(r#"{{"status":{{"conditions":[{{"type":"x/{gate}","status":"{status}"}}]}}}}"#);
        strategic(world, &format!("{PODS}/gated/status"), &patch);
    };
    say(&mut world, "one", "True");
    world.wait(10);
    assert!(!ready(&mut world, "gated"), "the other is missing");
    say(&mut world, "two", "True");
    until(&mut world, "ready", |world| ready(world, "gated"));
    say(&mut world, "one", "False");
    until(&mut world, "no longer ready", |world| !ready(world, "gated"));
}

#[test]
fn hooks_reach_whom_the_program_asks_in_its_turn() {
    let mut world = World::new();
    let agnhost = |name: &str, args: &str| format!("{{name: {name}, image: \"{AGNHOST}\", args: [{args}]}}");
    apply(
        &mut world,
        &format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: target}}\nspec: {{containers: [{}]}}\n---\napiVersion: v1\nkind: Pod\nmetadata: \
             {{name: counts}}\nspec: {{containers: [{}]}}\n",
            agnhost("c", "netexec"),
            agnhost("c", "nettest").replace('}', ", ports: [{containerPort: 8080}]}")
        ),
    );
    until(&mut world, "both run", |world| ready(world, "target") && ready(world, "counts"));
    let ip = pod(&mut world, "target")["status"]["podIP"].str();
    let dial = |said: &str| {
        format!(
            "{{httpGet: {{port: 8080, path: \"/dial?host={ip}&port=8080&request=echo%3Fmsg%3D{said}\"}}}}"
        )
    };
    let counts = pod(&mut world, "counts")["status"]["podIP"].str();
    apply(
        &mut world,
        &format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: hooked}}\nspec:\n  initContainers: [{{name: side, image: \"{AGNHOST}\", args: \
             [netexec, --udp-port, \"-1\"], restartPolicy: Always}}]\n  containers:\n  - name: c\n    image: registry.k8s.io/pause:3.10\n    \
             lifecycle: {{postStart: {}, preStop: {}}}\n---\napiVersion: v1\nkind: Pod\nmetadata: {{name: writes}}\nspec:\n  containers:\n  \
             - name: c\n    image: {BUSYBOX}\n    command: [sleep, \"600\"]\n    lifecycle: {{preStop: {{exec: {{command: [wget, -O-, \
             '--post-data={{\"Source\": \"prestop\"}}', \"http://{counts}:8080/write\"]}}}}}}\n",
            dial("poststart"),
            dial("prestop")
        ),
    );
    until(&mut world, "hooked", |world| ready(world, "hooked") && ready(world, "writes"));
    assert!(logs(&mut world, "target").contains("GET /echo?msg=poststart"));
    for name in ["hooked", "writes"] {
        world.kubectl(["delete", "pod", "-n", "default", "--wait=false", name], "");
    }
    until(&mut world, "both end", |world| {
        ["hooked", "writes"].iter().all(|name| pod(world, name)["kind"].as_str() == Some("Status"))
    });
    assert!(logs(&mut world, "target").contains("GET /echo?msg=prestop"));
    let read = served(&mut world, "counts", "read");
    assert_eq!(read["Received"].to_json(), r#"{"prestop":1}"#, "{read}");
}

/// A pod that runs a script of busybox's, with more of its spec and of its container.
fn script(name: &str, script: &str, spec: &str, container: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  restartPolicy: Never\n  {spec}\n  containers:\n  - name: c\n    \
         image: {BUSYBOX}\n    command: [sh, -c, '{script}']\n    {container}\n"
    )
}

#[test]
fn variables_name_the_part_of_a_volume_that_is_mounted() {
    let mut world = World::new();
    let volumes = "volumes: [{name: v, emptyDir: {}}]";
    let of = |expression: &str, value: &str| {
        format!(
            "env: [{{name: NAME, value: \"{value}\"}}, {{name: NOTE, valueFrom: {{fieldRef: {{fieldPath: \
             \"metadata.annotations['note']\"}}}}}}]\n    volumeMounts: [{{name: v, mountPath: /part, subPathExpr: {expression}}}, \
             {{name: v, mountPath: /whole}}]"
        )
    };
    let text = [
        script("made", "test -d /whole/a/foo && echo made; sleep 600", volumes, &of("a/$(NAME)", "foo")),
        script("escaped", "ls /whole; sleep 600", volumes, &of("$$(NAME)-$(NAME)", "foo")),
        script("up", "sleep 600", volumes, &of("$(NAME)", "..")),
        script("absolute", "sleep 600", volumes, &of("$(NAME)", "/tmp")),
        script("late", "sleep 600", volumes, &of("$(NOTE)/$(NAME)", "foo")),
    ];
    apply(&mut world, &text.concat());
    world.wait(15);
    assert_eq!(logs(&mut world, "made"), "made\n");
    assert_eq!(logs(&mut world, "escaped"), "$(NAME)-foo\n");
    let touched = world.kubectl(["exec", "-n", "default", "made", "--", "touch", "/part/file"], "");
    assert_eq!(touched.exit_code, 0, "{}", touched.stderr);
    let listed = world.kubectl(["exec", "-n", "default", "made", "--", "ls", "/whole/a/foo"], "");
    assert_eq!(listed.stdout, "file\n");
    for (name, why) in [
        ("up", "unable to provision SubPath `..`: must not contain '..'"),
        ("absolute", "error SubPath `/tmp` must not be an absolute path"),
        ("late", "missing value for NOTE"),
    ] {
        let waiting =
            pod(&mut world, name)["status"]["containerStatuses"].items()[0]["state"]["waiting"].clone();
        assert_eq!(waiting["reason"].str(), "CreateContainerConfigError", "{name}: {waiting}");
        assert_eq!(waiting["message"].str(), why, "{name}");
    }
    strategic(&mut world, &format!("{PODS}/late"), r#"{"metadata":{"annotations":{"note":"sub"}}}"#);
    until(&mut world, "the variable has a value", |world| ready(world, "late"));
}

#[test]
fn programs_of_the_tests_images_say_what_they_are_to_say() {
    let mut world = World::new();
    let settings = "securityContext: {sysctls: [{name: kernel.shm_rmid_forced, value: \"1\"}]}";
    let rising = |name: &str, context: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  restartPolicy: Never\n  containers: [{{name: c, image: \
             \"registry.k8s.io/e2e-test-images/nonewprivs:1.3\", securityContext: {{runAsUser: 1000{context}}}}}]\n"
        )
    };
    let text = [
        script("parameter", "/bin/sysctl kernel.shm_rmid_forced; sysctl no.such", settings, ""),
        script("forbidden", "true", &settings.replace("kernel.shm_rmid_forced", "kernel.msgmax"), ""),
        script("plain", "ip link add dummy0 type dummy || true", "", ""),
        script(
            "mighty",
            "ip link add dummy0 type dummy && echo added",
            "",
            "securityContext: {privileged: true}",
        ),
        script("address", "ip addr | grep -c inet", "", ""),
        rising("stays", ", allowPrivilegeEscalation: false"),
        rising("rises", ""),
        "---\napiVersion: v1\nkind: Pod\nmetadata: {name: demo}\nspec: {containers: [{name: c, image: \
         \"registry.k8s.io/e2e-test-images/nautilus:1.7\"}]}\n"
            .into(),
    ];
    apply(&mut world, &text.concat());
    for (name, file) in [("issuer", "sa-token"), ("forgetful", "none")] {
        apply(
            &mut world,
            &format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  restartPolicy: Never\n  containers: [{{name: c, image: \
                 \"{AGNHOST}\", args: [test-service-account-issuer-discovery, --token-path, /var/run/secrets/tokens/{file}, --audience, \
                 x], volumeMounts: [{{name: t, mountPath: /var/run/secrets/tokens}}]}}]\n  volumes: [{{name: t, projected: {{sources: \
                 [{{serviceAccountToken: {{path: sa-token, expirationSeconds: 600, audience: x}}}}]}}}}]\n"
            ),
        );
    }
    world.wait(20);
    for (name, said) in [
        ("parameter", "kernel.shm_rmid_forced = 1\nsysctl: error: 'no.such' is an unknown key\n"),
        ("plain", "ip: RTNETLINK answers: Operation not permitted\n"),
        ("mighty", "added\n"),
        ("address", "2\n"),
        ("stays", "Effective uid: 1000\n"),
        ("rises", "Effective uid: 0\n"),
    ] {
        assert_eq!(logs(&mut world, name), said, "{name}");
    }
    let refused = pod(&mut world, "forbidden")["status"].clone();
    assert_eq!(refused["reason"].str(), "SysctlForbidden", "{refused}");
    assert_eq!(
        refused["message"].str(),
        "Pod was rejected: forbidden sysctl: \"kernel.msgmax\" not allowlisted"
    );
    assert_eq!(served(&mut world, "demo", "data.json")["image"].str(), "nautilus.jpg");
    assert_eq!(
        pod(&mut world, "issuer")["status"]["phase"].str(),
        "Succeeded",
        "{}",
        logs(&mut world, "issuer")
    );
    assert!(logs(&mut world, "issuer").contains("jwks_uri"));
    assert_eq!(pod(&mut world, "forgetful")["status"]["phase"].str(), "Failed", "it has no token");
}

#[test]
fn last_words_end_as_they_were_written() {
    let mut world = World::new();
    let fallback = "terminationMessagePolicy: FallbackToLogsOnError";
    let text = [
        script("cut", "echo -n DONE; exit 1", "", fallback),
        script("whole", "echo DONE; exit 1", "", fallback),
        script("hasty", "sleep 600", "terminationGracePeriodSeconds: -1", ""),
    ];
    apply(&mut world, &text.concat());
    world.wait(10);
    for (name, words) in [("cut", "DONE"), ("whole", "DONE\n")] {
        let ended =
            pod(&mut world, name)["status"]["containerStatuses"].items()[0]["state"]["terminated"].clone();
        assert_eq!(ended["message"].str(), words, "{name}");
    }
    // Nobody can be given less than no time.
    assert_eq!(pod(&mut world, "hasty")["spec"]["terminationGracePeriodSeconds"].as_i64(), Some(1));
}

#[test]
fn a_container_sees_what_bounds_it_as_it_is_resized() {
    let mut world = World::new();
    apply(
        &mut world,
        &format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: sized}}\nspec:\n  containers: [{{name: c, image: \"{BUSYBOX}\", command: [sleep, \
             1d], resources: {{requests: {{cpu: 10m, memory: 20Mi}}, limits: {{cpu: 20m, memory: 30Mi}}}}}}, {{name: free, image: \
             \"{BUSYBOX}\", command: [sleep, 1d]}}]\n"
        ),
    );
    until(&mut world, "both run", |world| ready(world, "sized"));
    let read = |world: &mut World, container: &str| {
        let script =
            "mount -t cgroup2; for f in cpu.max cpu.weight memory.max; do head -n 1 /sys/fs/cgroup/$f; done";
        let words = ["exec", "-n", "default", "sized", "-c", container, "--", "/bin/sh", "-c", script];
        let ran = world.kubectl(words, "");
        assert_eq!(ran.exit_code, 0, "{}", ran.stderr);
        ran.stdout.lines().skip(1).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(read(&mut world, "c"), "2000 100000, 1, 31457280");
    assert_eq!(read(&mut world, "free"), "max 100000, 1, max");
    strategic(
        &mut world,
        &format!("{PODS}/sized/resize"),
        r#"{"spec":{"containers":[{"name":"c","resources":{"requests":{"cpu":"500m"},"limits":{"cpu":"1","memory":"60Mi"}}}]}}"#,
    );
    until(&mut world, "resized", |world| read(world, "c") == "100000 100000, 20, 62914560");
}

//! What the images of Kubernetes' own tests do with files and with each other: `mounttest`, the guestbook, volumes that
//! hold an image.

use crate::support::world::World;
use shared::apiserver::http::HttpRequest;

const AGNHOST: &str = "registry.k8s.io/e2e-test-images/agnhost:2.63.0";
const BUSYBOX: &str = "registry.k8s.io/e2e-test-images/busybox:1.37.0-1";

fn apply(world: &mut World, text: &str) {
    let applied = world.kubectl(["apply", "-n", "default", "-f", "-"], text);
    assert_eq!(applied.exit_code, 0, "{}", applied.stderr);
}

fn logs(world: &mut World, pod: &str) -> String {
    world.kubectl(["logs", "-n", "default", pod], "").stdout
}

fn exec(world: &mut World, pod: &str, script: &str) -> String {
    world.kubectl(["exec", "-n", "default", pod, "--", "sh", "-c", script], "").stdout
}

/// A pod of agnhost's that ends.
fn tester(name: &str, args: &str, mount: &str, volume: &str, context: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  restartPolicy: Never\n  securityContext: {{{context}}}\n  \
         containers: [{{name: c, image: \"{AGNHOST}\", args: [mounttest, {args}], volumeMounts: [{{name: v, mountPath: /v{mount}}}]}}]\n  \
         volumes: [{{name: v, {volume}}}]\n"
    )
}

const MEMORY: &str = "emptyDir: {medium: Memory}";
const SETTINGS: &str = "configMap: {name: settings, defaultMode: 256, items: [{key: a, path: a}, {key: a, path: own, mode: 292}]}";
const TOKEN: &str = "projected: {sources: [{serviceAccountToken: {path: t}}]}";

#[test]
fn files_tell_their_permissions_and_owners() {
    let mut world = World::new();
    let kubectl =
        world.kubectl(["create", "configmap", "-n", "default", "settings", "--from-literal=a=1"], "");
    assert_eq!(kubectl.exit_code, 0, "{}", kubectl.stderr);
    let new = |mode: &str| format!("--new_file_{mode}=/v/f, --file_perm=/v/f, --file_owner=/v/f");
    let told = |perms: &str, user: u32, group: u32| {
        format!(
            "content of file \"/v/f\": mount-tester new file\n\nperms of file \"/v/f\": {perms}\nowner UID of \"/v/f\": {user}\n\
             owner GID of \"/v/f\": {group}\n"
        )
    };
    let file = "--file_mode=/v/a, --file_owner=/v/a";
    let token = "--file_perm=/v/t, --file_owner=/v/t";
    let owned = |path: &str, what: &str, mode: &str, user: u32, group: u32| {
        format!(
            "{what} of file \"{path}\": {mode}\nowner UID of \"{path}\": {user}\nowner GID of \"{path}\": {group}\n"
        )
    };
    let root = "--fs_type=/v, --file_perm=/v, --file_mode=/v";
    let cases = [
        ("memory", root, "", MEMORY, "", "mount type of \"/v\": tmpfs\nmode of file \"/v\": dtrwxrwxrwx\nperms of file \"/v\": -rwxrwxrwx\n".into()),
        ("disk", root, "", "emptyDir: {}", "fsGroup: 123", "mount type of \"/v\": 61267\nmode of file \"/v\": dgrwxrwxrwx\nperms of file \"/v\": -rwxrwxrwx\n".into()),
        ("part", "--file_owner=/v, --file_mode=/v", ", subPath: sub", MEMORY, "fsGroup: 123", owned("/v", "mode", "dgtrwxrwxrwx", 0, 123)),
        ("a644", &new("0644"), "", MEMORY, "", told("-rw-r--r--", 0, 0)),
        ("a666", &new("0666"), "", "emptyDir: {}", "runAsUser: 1001", told("-rw-rw-rw-", 1001, 0)),
        ("a660", &new("0660"), "", MEMORY, "runAsUser: 1001, fsGroup: 123", told("-rw-rw----", 1001, 123)),
        ("a777", &new("0777"), "", "emptyDir: {}", "", told("-rwxrwxrwx", 0, 0)),
        ("settings", file, "", SETTINGS, "", owned("/v/a", "mode", "-r--------", 0, 0)),
        ("grouped", file, "", SETTINGS, "fsGroup: 1001, runAsUser: 1000", owned("/v/a", "mode", "-r--r-----", 0, 1001)),
        ("own", "--file_mode=/v/own", "", SETTINGS, "", "mode of file \"/v/own\": -r--r--r--\n".into()),
        ("token", token, "", TOKEN, "", owned("/v/t", "perms", "-rw-r--r--", 0, 0)),
        ("tokenuser", token, "", TOKEN, "runAsUser: 1000", owned("/v/t", "perms", "-rw-------", 1000, 0)),
        ("tokengroup", token, "", TOKEN, "fsGroup: 10000", owned("/v/t", "perms", "-rw-r-----", 0, 10000)),
        ("tokenboth", token, "", TOKEN, "runAsUser: 1000, fsGroup: 10000", owned("/v/t", "perms", "-rw-r-----", 1000, 10000)),
    ];
    // `file_owner` comes after modes, and both after what is written.
    let text: String = cases
        .iter()
        .map(|(name, args, mount, volume, context, _)| tester(name, args, mount, volume, context))
        .collect();
    apply(&mut world, &text);
    apply(&mut world, &tester("missing", "--file_perm=/v/no, --file_content=/v/no", "", MEMORY, ""));
    world.wait(20);
    for (name, .., said) in &cases {
        assert_eq!(logs(&mut world, name), *said, "{name}");
    }
    assert_eq!(
        logs(&mut world, "missing"),
        "error from Stat(\"/v/no\"): stat /v/no: no such file or directory\nerror reading file content for \"/v/no\": open \
         /v/no: no such file or directory\n"
    );
    let phase = |world: &mut World, name: &str| {
        world.kubectl(["get", "pod", "-n", "default", name, "-o", "jsonpath={.status.phase}"], "").stdout
    };
    assert_eq!([phase(&mut world, "missing"), phase(&mut world, "a644")], ["Failed", "Succeeded"]);
}

#[test]
fn permissions_are_changed_and_shown() {
    let mut world = World::new();
    apply(
        &mut world,
        &format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {{containers: [{{name: c, image: \"{BUSYBOX}\", command: [sleep, 1d]}}]}}\n"
        ),
    );
    world.wait(10);
    let modes = |world: &mut World, script: &str| {
        let said = exec(world, "p", &format!("cd /tmp; {script}; ls -l | tail -n +2 | awk '{{print $1}}'"));
        said.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(modes(&mut world, "touch a; mkdir d"), ["-rw-r--r--", "drwxr-xr-x"]);
    assert_eq!(modes(&mut world, "chmod 600 a; chmod 1777 d"), ["-rw-------", "drwxrwxrwt"]);
    assert_eq!(modes(&mut world, "chmod u+x,g=r a; chmod -t,o-w d"), ["-rwxr-----", "drwxrwxr-x"]);
    assert_eq!(modes(&mut world, "touch d/b; chmod -R go-rwx ."), ["-rwx------", "drwx------"]);
    assert_eq!(exec(&mut world, "p", "ls -l /tmp/d | tail -n 1 | awk '{print $1}'"), "-rw-------\n");
    assert_eq!(
        exec(&mut world, "p", "chmod 9 /tmp/a || chmod 600 /no 2>&1"),
        "chmod: '/no': No such file or directory\n"
    );
}

#[test]
fn a_guestbook_writes_to_its_primary_and_reads_from_replicas() {
    let mut world = World::new();
    let part = |name: &str, replicas: u32, args: &str, port: u32| {
        format!(
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: {replicas}\n  selector: \
             {{matchLabels: {{role: {name}}}}}\n  template:\n    metadata: {{labels: {{role: {name}}}}}\n    spec: {{containers: [{{name: \
             c, image: \"{AGNHOST}\", args: [guestbook, {args}], ports: [{{containerPort: {port}}}]}}]}}\n---\napiVersion: v1\nkind: \
             Service\nmetadata: {{name: {name}}}\nspec: {{ports: [{{port: {port}}}], selector: {{role: {name}}}}}\n"
        )
    };
    let ask = |world: &mut World, query: &str| {
        let answer = world.request(HttpRequest {
            method: "GET".into(),
            path: format!("/api/v1/namespaces/default/services/frontend/proxy/guestbook?{query}").into(),
            ..HttpRequest::default()
        });
        (answer.code, answer.body.str().to_string())
    };
    // Replicas wait for their primary, and begin with what it holds.
    apply(
        &mut world,
        &part("agnhost-replica", 2, "--replicaof, agnhost-primary, --http-port, \"6379\"", 6379),
    );
    apply(&mut world, &part("frontend", 3, "--backend-port, \"6379\"", 80));
    world.wait(8);
    let unknown = ask(&mut world, "cmd=set&key=messages&value=x");
    assert_eq!(unknown.0, 400, "{}", unknown.1);
    apply(&mut world, &part("agnhost-primary", 1, "--http-port=6379", 6379));
    world.wait(30);
    for (query, then) in [
        ("cmd=get&key=messages&value=", (200, r#"{"data":""}"#)),
        ("cmd=set&key=messages&value=TestEntry", (200, r#"{"message":"Updated"}"#)),
        ("cmd=get&key=messages&value=", (200, r#"{"data":"TestEntry"}"#)),
        ("cmd=get", (200, r#"{"data":{"messages":"TestEntry"}}"#)),
        ("cmd=set&value=x", (400, "cannot set with empty key.\n")),
        ("cmd=pop", (400, "unsupported cmd: 'pop'\n")),
    ] {
        let (code, text) = ask(&mut world, query);
        assert_eq!((code, text.as_str()), then, "{query}");
    }
    let replicas =
        world.kubectl(["logs", "-n", "default", "-l", "role=agnhost-replica", "--tail=-1"], "").stdout;
    assert_eq!(replicas.matches("Registered to node: agnhost-primary").count(), 2, "{replicas}");
    assert_eq!(replicas.matches("GET /set?key=messages&value=TestEntry").count(), 2, "{replicas}");
    let fresh = world.kubectl(["scale", "-n", "default", "deployment/agnhost-replica", "--replicas=3"], "");
    assert_eq!(fresh.exit_code, 0, "{}", fresh.stderr);
    world.wait(10);
    for _ in 0..6 {
        assert_eq!(ask(&mut world, "cmd=get&key=messages").1, r#"{"data":"TestEntry"}"#);
    }
    // Without a primary a replica gives up, and is started anew.
    world.kubectl(["delete", "-n", "default", "deployment,service", "agnhost-primary"], "");
    world.kubectl(["delete", "pod", "-n", "default", "-l", "role=agnhost-replica"], "");
    world.wait(30);
    let pods = world.kubectl(["get", "pods", "-n", "default", "-l", "role=agnhost-replica"], "").stdout;
    assert!(pods.contains("Error") || pods.contains("CrashLoopBackOff") || pods.contains(" 1 ("), "{pods}");
}

#[test]
fn an_image_is_mounted_with_what_is_known_of_its_files() {
    let mut world = World::new();
    apply(
        &mut world,
        &format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers: [{{name: c, image: \"{BUSYBOX}\", command: [sleep, \
             1d], volumeMounts: [{{name: v, mountPath: /volume}}]}}]\n  volumes: [{{name: v, image: {{reference: \
             \"registry.k8s.io/e2e-test-images/kitten:1.8\", pullPolicy: Always}}}}]\n"
        ),
    );
    world.wait(10);
    assert!(exec(&mut world, "p", "cat /volume/data.json").contains("kitten.jpg"));
    assert!(exec(&mut world, "p", "cat /volume/etc/os-release").contains("Alpine Linux"));
    assert_eq!(exec(&mut world, "p", "ls /volume"), "data.json\netc\n");
    assert_eq!(exec(&mut world, "p", "echo x > /volume/new || echo refused"), "refused\n");
}

#[test]
fn images_that_are_mounted_are_pulled_as_they_say() {
    let mut world = World::new();
    let pod = |name: &str, image: &str, policy: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  containers: [{{name: c, image: \"{BUSYBOX}\", \
             command: [sleep, 1d], volumeMounts: [{{name: v, mountPath: /volume}}]}}]\n  volumes: [{{name: v, image: {{reference: \
             \"{image}\", pullPolicy: {policy}}}}}]\n"
        )
    };
    let kitten = "registry.k8s.io/e2e-test-images/kitten:1.8";
    let pods = [
        pod("fresh", kitten, "Always"),
        pod("never", "nginx:1.27", "Never"),
        pod("none", "localhost:5000/mine:1", "IfNotPresent"),
    ];
    apply(&mut world, &pods.concat());
    world.wait(5);
    let told = |world: &mut World, pod: &str, what: &str| {
        let events = world.kubectl(["events", "-n", "default", "--for", &format!("pod/{pod}")], "").stdout;
        assert!(events.contains(what), "{what}: {events}");
    };
    told(&mut world, "fresh", &format!("Pulling image \"{kitten}\""));
    told(&mut world, "fresh", &format!("Pulling image \"{BUSYBOX}\""));
    told(&mut world, "never", "Container image \"nginx:1.27\" is not present with pull policy of Never");
    told(&mut world, "none", "Failed to pull image \"localhost:5000/mine:1\"");
    let shown = world.kubectl(["get", "pods", "-n", "default", "--no-headers"], "").stdout;
    let states: Vec<&str> = shown.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    assert_eq!(states, ["Running", "ErrImageNeverPull", "ImagePullBackOff"]);
    told(&mut world, "none", "Back-off pulling image \"localhost:5000/mine:1\"");
}

#[test]
fn nobody_pulls_what_no_registry_has() {
    let mut world = World::new();
    apply(
        &mut world,
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: \"localhost:5000/mine:1\"}]}\n",
    );
    world.wait(10);
    let events = world.kubectl(["events", "-n", "default", "--for", "pod/p"], "").stdout;
    let why = "failed to resolve reference \"localhost:5000/mine:1\": failed to do request: Head \
               \"http://localhost:5000/v2/mine/manifests/1\": dial tcp 127.0.0.1:5000: connect: connection refused";
    assert!(events.contains(why), "{events}");
}

#[test]
fn programs_use_what_they_are_told_and_see_how_readily_they_are_ended() {
    let mut world = World::new();
    let pod = |name: &str, image: &str, more: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{restartPolicy: Never, containers: [{{name: c, \
             image: \"{image}\", {more}}}]}}\n"
        )
    };
    let all = [
        pod("eater", AGNHOST, "args: [stress, --mem-total, 300Mi], resources: {limits: {memory: 100Mi}}"),
        pod("some", BUSYBOX, "command: [sleep, 1d], resources: {requests: {memory: 4Gi}}"),
        pod("cpu", BUSYBOX, "command: [sleep, 1d], resources: {requests: {cpu: 1m}}"),
        pod("sure", BUSYBOX, "command: [sleep, 1d], resources: {limits: {memory: 1Gi, cpu: 1}}"),
    ];
    apply(&mut world, &all.concat());
    world.wait(10);
    let path = "jsonpath={.status.containerStatuses[0].state.terminated.reason}";
    let why = world.kubectl(["get", "pod", "-n", "default", "eater", "-o", path], "").stdout;
    assert_eq!(why, "OOMKilled");
    let scores = ["some", "cpu", "sure"].map(|name| exec(&mut world, name, "cat /proc/1/oom_score_adj"));
    assert_eq!(scores, ["750\n", "999\n", "-997\n"]);
}

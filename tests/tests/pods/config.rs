//! ConfigMaps, Secrets and the downward API: as variables, as files, late and missing.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use shared::cluster::HttpRequest;

use super::world::World;

const SETTINGS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {color: blue, size: big}\n\
                        ---\napiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {password: hunter2}\n";

fn out(world: &mut World, script: &str) -> String {
    world.exec(&["sh", "-c", script]).expect("an answer").stdout.to_string()
}

#[test]
fn files_of_every_kind() {
    let mut world = World::new();
    world.apply(SETTINGS);
    world.pod(
        "volumes:\n\
         - {name: all, configMap: {name: settings}}\n\
         - {name: some, configMap: {name: settings, items: [{key: color, path: deep/paint}]}}\n\
         - {name: keys, secret: {secretName: keys}}\n\
         - {name: maybe, configMap: {name: nope, optional: true}}\n\
         - name: mixed\n  projected:\n    sources:\n    - secret: {name: keys}\n    - configMap: {name: settings, items: [{key: size, path: size}]}\n    - serviceAccountToken: {path: token}\n    - downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}, {path: cpu, resourceFieldRef: {containerName: c, resource: limits.cpu, divisor: 1m}}]}\n\
         containers:\n\
         - name: c\n  image: nginx\n  resources: {limits: {cpu: 250m}}\n  volumeMounts:\n  - {name: all, mountPath: /all}\n  - {name: some, mountPath: /some}\n  - {name: keys, mountPath: /keys}\n  - {name: maybe, mountPath: /maybe}\n  - {name: mixed, mountPath: /mixed}\n  - {name: all, mountPath: /etc/one, subPath: color}",
    );
    world.until("it runs", |world| world.shown() == "Running");
    for (script, text) in [
        ("ls /all; cat /all/color", "color\nsize\nblue"),
        ("cat /some/deep/paint; ls /some", "bluedeep\n"),
        ("cat /keys/password", "hunter2"),
        ("ls /maybe; echo $?", "0\n"),
        (
            "ls /mixed; cat /mixed/labels; echo; cat /mixed/cpu",
            "cpu\nlabels\npassword\nsize\ntoken\napp=\"p\"\n250",
        ),
        ("cut -d. -f1 /mixed/token | base64 -d | grep -c '\"alg\":\"ES256\"'", "1\n"),
        ("cat /etc/one", "blue"),
        ("echo x 2>&1 > /all/y; echo $?", "2\n"),
    ] {
        assert_eq!(out(&mut world, script), text, "{script}");
    }
}

#[test]
fn late_changes_reach_files_but_neither_variables_nor_sub_paths() {
    let mut world = World::new();
    world.apply(SETTINGS);
    world.pod(
        "volumes: [{name: all, configMap: {name: settings}}]\n\
         containers:\n\
         - name: c\n  image: nginx\n  env: [{name: COLOR, valueFrom: {configMapKeyRef: {name: settings, key: color}}}]\n  volumeMounts: [{name: all, mountPath: /all}, {name: all, mountPath: /one, subPath: color}]",
    );
    world.until("it runs", |world| world.shown() == "Running");
    let all = "echo $COLOR $(cat /all/color) $(cat /one)";
    assert_eq!(out(&mut world, all), "blue blue blue\n");
    world.apply(&SETTINGS.replace("blue", "red"));
    world.wait(10);
    assert_eq!(out(&mut world, all), "blue blue blue\n", "not at once");
    world.wait(90);
    assert_eq!(out(&mut world, all), "blue red blue\n");
}

#[test]
fn containers_know_the_services_of_their_namespace_when_they_start() {
    let mut world = World::new();
    let service = |name: &str, more: &str| {
        format!("---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{{more}}}\n")
    };
    world.apply(&service(
        "todo-api",
        "clusterIP: 10.96.7.7, ports: [{name: web, port: 80}, {name: dns-u, port: 53, protocol: UDP}]",
    ));
    world.apply(&service("headless", "clusterIP: None, ports: [{port: 80}]"));
    world.wait(2);
    world.pod("containers:\n- {name: c, image: nginx}\n- {name: d, image: redis, env: [{name: URL, value: 'http://$(TODO_API_SERVICE_HOST)'}]}");
    world.until("it runs", |world| world.shown() == "Running");
    let told = "env | grep -e TODO -e HEADLESS -e URL | sort";
    let expected = "TODO_API_PORT=tcp://10.96.7.7:80\nTODO_API_PORT_53_UDP=udp://10.96.7.7:53\n\
                    TODO_API_PORT_53_UDP_ADDR=10.96.7.7\nTODO_API_PORT_53_UDP_PORT=53\n\
                    TODO_API_PORT_53_UDP_PROTO=udp\nTODO_API_PORT_80_TCP=tcp://10.96.7.7:80\n\
                    TODO_API_PORT_80_TCP_ADDR=10.96.7.7\nTODO_API_PORT_80_TCP_PORT=80\n\
                    TODO_API_PORT_80_TCP_PROTO=tcp\nTODO_API_SERVICE_HOST=10.96.7.7\n\
                    TODO_API_SERVICE_PORT=80\nTODO_API_SERVICE_PORT_DNS_U=53\nTODO_API_SERVICE_PORT_WEB=80\n";
    let first = |world: &mut World, script: &str| {
        world.exec_in("c", &["sh", "-c", script]).expect("an answer").stdout.to_string()
    };
    assert_eq!(first(&mut world, told), expected);
    let other = world.exec_in("d", &["sh", "-c", "echo $URL"]).expect("an answer");
    assert_eq!(other.stdout.as_str(), "http://10.96.7.7\n");
    // What comes later is not told to those that run; who wants nothing of it is told nothing.
    world.apply(&service("later", "ports: [{port: 80}]"));
    world.wait(2);
    assert_eq!(first(&mut world, "env | grep LATER"), "");
    let mut world = World::new();
    world.apply(&service("todo-api", "ports: [{port: 80}]"));
    world.wait(2);
    world.pod("enableServiceLinks: false\ncontainers: [{name: c, image: nginx}]");
    world.until("it runs", |world| world.shown() == "Running");
    assert_eq!(out(&mut world, "env | grep TODO"), "");
}

/// What a container asks for in vain, what is shown, and the Event that says why.
const MISSING: &[(&str, &str, &str)] = &[
    (
        "containers: [{name: c, image: nginx, envFrom: [{configMapRef: {name: settings}}]}]",
        "CreateContainerConfigError",
        "Failed: Error: configmap \"settings\" not found",
    ),
    (
        "containers: [{name: c, image: nginx, env: [{name: X, valueFrom: {secretKeyRef: {name: keys, key: password}}}]}]",
        "CreateContainerConfigError",
        "Failed: Error: secret \"keys\" not found",
    ),
    (
        "volumes: [{name: v, configMap: {name: settings}}]\ncontainers: [{name: c, image: nginx, volumeMounts: [{name: v, mountPath: /v}]}]",
        "ContainerCreating",
        "FailedMount: MountVolume.SetUp failed for volume \"v\" : configmap \"settings\" not found",
    ),
    (
        "volumes: [{name: v, secret: {secretName: keys}}]\ncontainers: [{name: c, image: nginx, volumeMounts: [{name: v, mountPath: /v}]}]",
        "ContainerCreating",
        "FailedMount: MountVolume.SetUp failed for volume \"v\" : secret \"keys\" not found",
    ),
];

#[test]
fn what_is_missing_is_waited_for() {
    for (spec, shown, event) in MISSING {
        let mut world = World::new();
        world.pod(spec);
        world.wait(20);
        assert_eq!(world.shown(), *shown, "{spec}\n{}", world.story());
        assert!(world.events().iter().any(|line| line.starts_with(event)), "{event}\n{}", world.story());
        world.apply(SETTINGS);
        world.until("it runs after all", |world| world.shown() == "Running");
        assert_eq!(world.container("c")["restartCount"].as_i64(), Some(0));
    }
}

#[test]
fn what_is_mounted_of_the_node_is_what_it_is_to_be() {
    for (path, kind, refused) in [
        ("/data", "", None),
        ("/data", "Directory", Some("hostPath type check failed: /data is not a directory")),
        ("/data/deep/", "DirectoryOrCreate", None),
        ("/var/log", "Directory", None),
        ("/var/log", "File", Some("hostPath type check failed: /var/log is not a file")),
        ("/etc/hosts", "File", None),
        (
            "/etc/hosts",
            "DirectoryOrCreate",
            Some("hostPath type check failed: /etc/hosts is not a directory"),
        ),
        ("/etc/mine.conf", "FileOrCreate", None),
        ("/data/mine.conf", "FileOrCreate", Some("open /data/mine.conf: no such file or directory")),
        ("/run/containerd/containerd.sock", "Socket", None),
        (
            "/run/docker.sock",
            "Socket",
            Some("hostPath type check failed: /run/docker.sock is not a socket file"),
        ),
        ("/dev/null", "CharDevice", None),
        ("/dev/sdz", "CharDevice", Some("hostPath type check failed: /dev/sdz is not a character device")),
        ("/dev/sdz", "BlockDevice", Some("hostPath type check failed: /dev/sdz is not a block device")),
    ] {
        let mut world = World::new();
        world.pod(&format!(
            "volumes: [{{name: v, hostPath: {{path: {path}, type: {kind}}}}}]\ncontainers: [{{name: c, image: nginx}}]"
        ));
        world.wait(20);
        let shown = if refused.is_some() { "ContainerCreating" } else { "Running" };
        assert_eq!(world.shown(), shown, "{path} {kind}\n{}", world.story());
        let event =
            refused.map(|why| format!("FailedMount: MountVolume.SetUp failed for volume \"v\" : {why}"));
        let told = world.events().into_iter().find(|line| line.starts_with("FailedMount"));
        assert_eq!(told.is_some(), event.is_some(), "{path} {kind}: {told:?}");
        assert!(told.unwrap_or_default().starts_with(&event.unwrap_or_default()), "{path} {kind}");
    }
}

#[test]
fn who_must_not_be_root_is_not() {
    const ROOT: &str = "container has runAsNonRoot and image will run as root (pod: \"";
    const TOLD: &str = "container's runAsUser breaks non-root policy (pod: \"";
    for (pod, container, refused) in [
        ("{runAsNonRoot: true}", "{}", Some(ROOT)),
        ("{}", "{runAsNonRoot: true}", Some(ROOT)),
        ("{runAsNonRoot: true}", "{runAsUser: 0}", Some(TOLD)),
        ("{runAsNonRoot: true}", "{runAsNonRoot: false}", None),
        ("{runAsNonRoot: true, runAsUser: 1000}", "{}", None),
    ] {
        let mut world = World::new();
        world.pod(&format!(
            "securityContext: {pod}\ncontainers: [{{name: c, image: nginx, securityContext: {container}}}]"
        ));
        world.wait(20);
        let story = world.story();
        assert_eq!(
            world.shown(),
            if refused.is_some() { "CreateContainerConfigError" } else { "Running" },
            "{story}"
        );
        if let Some(why) = refused {
            let said = |line: &String| {
                line.starts_with(&format!("Failed: Error: {why}")) && line.contains(", container: c)")
            };
            assert!(world.events().iter().any(said), "{story}");
        }
    }
}

#[test]
fn a_pod_finds_a_token_that_is_good_as_long_as_it_lives() {
    let mut world = World::new();
    world.pod(
        "volumes:\n\
         - {name: more, projected: {sources: [{serviceAccountToken: {path: token}}, {configMap: {name: none, optional: true}}]}}\n\
         - {name: vault, projected: {sources: [{serviceAccountToken: {path: token, audience: vault}}]}}\n\
         containers: [{name: c, image: nginx, volumeMounts: [{name: more, mountPath: /more}, {name: vault, mountPath: /vault}]}]",
    );
    world.until("it runs", |world| world.shown() == "Running");
    let mut token = |directory: &str| out(&mut world, &format!("cat {directory}/token"));
    let own = "/var/run/secrets/kubernetes.io/serviceaccount";
    let tokens = [own, "/more", "/vault"].map(&mut token);
    assert_eq!(token(own), tokens[0], "it stays");
    let who = |world: &mut World, token: &str| {
        world.request(HttpRequest {
            method: "POST".into(),
            path: "/apis/authentication.k8s.io/v1/selfsubjectreviews".into(),
            authorization: format!("Bearer {token}").into(),
            body: "{}".into(),
            ..HttpRequest::default()
        })
    };
    for (token, code) in tokens.iter().zip([201, 201, 401]) {
        let answer = who(&mut world, token);
        assert_eq!(answer.code, code, "{}", answer.body);
        if code == 201 {
            let user = &answer.body["status"]["userInfo"];
            assert_eq!(user["username"].str(), "system:serviceaccount:default:default");
            let pod = &user["extra"]["authentication.kubernetes.io/pod-name"];
            assert_eq!(pod.to_json(), r#"["p"]"#);
            assert_eq!(user["uid"].str().len(), 36);
        }
    }
    world.delete("pod p");
    world.until("it is gone", |world| world.shown().is_empty());
    assert_eq!(who(&mut world, &tokens[0]).code, 401);
}

#[test]
fn a_token_is_good_for_as_long_as_it_was_asked_for_and_made_anew_before() {
    let mut world = World::new();
    world.apply(SETTINGS);
    world.pod(
        "volumes:\n\
         - {name: alone, projected: {sources: [{serviceAccountToken: {path: token, audience: vault, expirationSeconds: 1200}}]}}\n\
         - {name: mixed, projected: {sources: [{serviceAccountToken: {path: token, expirationSeconds: 1200}}, {configMap: {name: settings}}]}}\n\
         containers: [{name: c, image: nginx, volumeMounts: [{name: alone, mountPath: /alone}, {name: mixed, mountPath: /mixed}]}]",
    );
    world.until("it runs", |world| world.shown() == "Running");
    let claims = |world: &mut World, directory: &str| {
        let token = out(world, &format!("cat {directory}/token"));
        let claims = token.split('.').nth(1).expect("a token").to_owned();
        let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64");
        let claims = shared::doc::parse_json(&String::from_utf8(claims).expect("text")).expect("JSON");
        let moment = |name: &str| claims[name].as_i64().expect("a moment");
        (moment("iat"), moment("exp"))
    };
    for directory in ["/alone", "/mixed"] {
        let (made, until) = claims(&mut world, directory);
        assert_eq!(until - made, 1200, "{directory}");
    }
    let before = ["/alone", "/mixed"].map(|directory| claims(&mut world, directory).0);
    world.wait(1100);
    let after = ["/alone", "/mixed"].map(|directory| claims(&mut world, directory).0);
    assert_eq!(after, before.map(|made| made + 960));
    let own = claims(&mut world, "/var/run/secrets/kubernetes.io/serviceaccount");
    assert_eq!(own.1 - own.0, 365 * 24 * 3600);
}

#[test]
fn what_has_no_limit_of_its_own_is_bounded_by_the_node() {
    let mut world = World::new();
    world.pod(
        "containers: [{name: c, image: nginx, env: [{name: DISK, valueFrom: {resourceFieldRef: {resource: \
         limits.ephemeral-storage, divisor: 1Gi}}}]}]",
    );
    world.until("it runs", |world| world.shown() == "Running");
    assert_eq!(out(&mut world, "echo $DISK"), "100\n");
}

#[test]
fn composed_files_have_their_permissions() {
    let mut world = World::new();
    world.apply(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {color: blue, size: large}\n",
    );
    world.pod(
        "volumes:\n\
         - {name: all, configMap: {name: settings, defaultMode: 0400, items: [{key: color, path: color}, {key: size, path: deep/size, mode: 0755}]}}\n\
         - name: mixed\n  projected: {defaultMode: 0440, sources: [{configMap: {name: settings}}]}\n\
         - {name: plain, configMap: {name: settings}}\n\
         containers: [{name: c, image: nginx, volumeMounts: [{name: all, mountPath: /all}, {name: mixed, mountPath: /mixed}, {name: plain, mountPath: /plain}]}]",
    );
    world.until("it runs", |world| world.shown() == "Running");
    for (script, printed) in [
        // What is seen first are links: the kubelet puts all files at once into another directory.
        (
            "ls -l /all | awk '{print $1,$5,$9,$11}'",
            "total   \nlrwxrwxrwx 12 color ..data/color\nlrwxrwxrwx 11 deep ..data/deep\n",
        ),
        ("ls -l /all/..data | awk '{print $1,$2,$9}'", "total 8 \n-r-------- 1 color\ndrwxr-xr-x 2 deep\n"),
        ("ls -l /all/deep/size | awk '{print $1}'; cat /all/..data/deep/size", "-rwxr-xr-x\nlarge"),
        (
            "ls -l /mixed/..data/ | awk '{print $1}'; ls -l /plain/..data/size | awk '{print $1}'",
            "total\n-r--r-----\n-r--r-----\n-rw-r--r--\n",
        ),
        ("ls -lL /all/color | awk '{print $1}'; ls -a /all", "-r--------\n.\n..\ncolor\ndeep\n"),
        ("touch /tmp/f; ls -l /tmp/f | awk '{print $1}'", "-rw-r--r--\n"),
    ] {
        let result = world.exec(&["sh", "-c", script]).unwrap();
        assert_eq!(result.stdout.as_str(), printed, "{script}: {}", result.stderr);
    }
}

/// A pod whose container `c` has a variable from the file that `writer` makes of `text`.
fn with_file(text: &str, reference: &str) -> String {
    format!(
        "restartPolicy: Never\nvolumes: [{{name: config, emptyDir: {{}}}}]\n\
         initContainers:\n- name: writer\n  image: busybox\n  command: [sh, -c, {text:?}]\n  volumeMounts: [{{name: config, mountPath: /data}}]\n\
         containers:\n- name: c\n  image: nginx\n  env: [{{name: A, valueFrom: {{fileKeyRef: {{volumeName: config, {reference}}}}}}}, {{name: B, value: 'b $(A)'}}]"
    )
}

#[test]
fn variables_come_from_files_that_an_init_container_wrote() {
    let mut world = World::new();
    let text = "echo \"DB_ADDRESS='address'\" > /data/config.env; echo \"# more\" >> /data/config.env; echo \"REST='two words'\" >> /data/config.env";
    world.pod(&with_file(text, "path: config.env, key: REST"));
    world.until("it runs", |world| world.shown() == "Running");
    assert_eq!(out(&mut world, "echo $A; echo $B; ls /data 2>&1 | wc -l"), "two words\nb two words\n1\n");
    // What is not there need not be there.
    for reference in
        ["path: ./config.env, key: NOPE, optional: true", "path: config.env, key: REST, optional: false"]
    {
        let mut world = World::new();
        world.pod(&with_file(text, reference));
        world.until("it runs", |world| world.shown() == "Running");
    }
    for (reference, text, why) in [
        (
            "path: config.env, key: NOPE",
            text,
            "environment variable key \"NOPE\" not found in file \"/var/lib/kubelet/pods/",
        ),
        ("path: other.env, key: REST, optional: true", text, "couldn't parse env file"),
        ("path: config.env, key: A", "echo A=1 > /data/config.env", "couldn't parse env file"),
    ] {
        let mut world = World::new();
        world.pod(&with_file(text, reference));
        world.until("it waits", |world| world.shown() == "CreateContainerConfigError");
        let said = world.container("c")["state"]["waiting"]["message"].str();
        assert!(said.starts_with(why), "{said}\n{}", world.story());
        assert!(
            world.events().iter().any(|line| line.starts_with(&format!("Failed: Error: {why}"))),
            "{}",
            world.story()
        );
    }
}

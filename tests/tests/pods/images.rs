//! What containers run: images that are known, unknown, not to be had, and others in their place.

use shared::apiserver::http::HttpRequest;
use shared::sim::{Duration, Fault, LogOptions};

use super::world::World;

#[test]
fn what_nobody_knows_ends_where_the_pod_waits_for_that() {
    let image = "image: 'shop/migrate:1'";
    for (spec, wanted) in [
        (format!("initContainers: [{{name: i, {image}}}]\ncontainers: [{{name: c, {image}}}]"), "Running"),
        (
            format!(
                "initContainers: [{{name: i, {image}, command: [/migrate]}}]\ncontainers: [{{name: c, {image}}}]"
            ),
            "Running",
        ),
        (format!("restartPolicy: OnFailure\ncontainers: [{{name: c, {image}}}]"), "Completed"),
        (format!("restartPolicy: Never\ncontainers: [{{name: c, {image}}}]"), "Completed"),
        // A sidecar goes on beside the others.
        (
            format!(
                "initContainers: [{{name: i, {image}, restartPolicy: Always}}]\ncontainers: [{{name: c, {image}}}]"
            ),
            "Running",
        ),
    ] {
        let mut world = World::new();
        world.pod(&spec);
        world.until(wanted, |world| world.shown() == wanted);
        world.wait(30);
        assert_eq!(world.shown(), wanted, "{spec}");
        let first = if spec.starts_with("init") { "i" } else { "c" };
        let is_over = !spec.contains("Always");
        assert_eq!(!world.container(first)["state"]["terminated"].is_null(), is_over, "{spec}");
    }
}

#[test]
fn two_servers_of_one_pod_want_one_port() {
    for (second, wanted, said) in [
        ("{name: b, image: nginx}", "CrashLoopBackOff", "nginx: [emerg] still could not bind()"),
        ("{name: b, image: httpd}", "CrashLoopBackOff", "could not bind to address [::]:80"),
        ("{name: b, image: redis}", "Running", "Ready to accept connections"),
        // Its arguments may say where it listens.
        ("{name: b, image: nginx, args: [nginx, -g, 'daemon off;']}", "Running", "ready for start up"),
    ] {
        let mut world = World::new();
        world.pod(&format!("containers: [{{name: a, image: nginx}}, {second}]"));
        world.until(wanted, |world| world.shown() == wanted);
        world.pass(Duration::seconds(2));
        assert_eq!(world.shown(), wanted, "{second}");
        assert_eq!(world.container("a")["restartCount"].as_i64(), Some(0), "{second}");
        let log = world.log(&LogOptions { container: "b".into(), ..LogOptions::default() }).unwrap();
        assert!(log.contains(said), "{second}: {log}");
    }
}

#[test]
fn an_image_that_is_known_runs_what_it_has() {
    for (container, wanted) in [
        ("image: nginx, command: [ngnix, -g, 'daemon off;']", "CrashLoopBackOff"),
        ("image: 'nginx:1.27-alpine', command: [python, app.py]", "CrashLoopBackOff"),
        ("image: redis, command: [redis-serve]", "CrashLoopBackOff"),
        ("image: alpine, args: [lss]", "CrashLoopBackOff"),
        ("image: 'ubuntu:24.04'", "Completed"),
        ("image: 'debian:bookworm-slim', command: [sleep, 1d]", "Running"),
        ("image: 'alpine:3.20', stdin: true", "Running"),
        ("image: nginx, command: [nginx, -g, 'daemon off;']", "Running"),
        ("image: redis, args: [--maxmemory, 2mb]", "Running"),
        ("image: postgres, command: [docker-entrypoint.sh], args: [postgres]", "Running"),
        ("image: 'ubuntu:24.4.1.1'", "ErrImagePull"),
        // What nobody knows may have anything.
        ("image: 'shop/web:1', command: [whatever]", "Running"),
        ("image: curlimages/curl, args: [sleep, 1d]", "Running"),
        ("image: curlimages/curl, args: [-s, 'http://nowhere']", "Error"),
    ] {
        let mut world = World::new();
        world.pod(&format!("containers: [{{name: c, {container}}}]"));
        let seen = world.phrases(6);
        assert!(seen.iter().any(|shown| shown == wanted), "{container}: {seen:?}");
    }
}

/// Policy, the pod's image, what is shown, and the message of the waiting container.
const PULLS: &[(&str, &str, &str, &str)] = &[
    (
        "Never",
        "nginx",
        "ErrImageNeverPull",
        "Container image \"nginx\" is not present with pull policy of Never",
    ),
    (
        "Always",
        "todo-api:nope",
        "ImagePullBackOff",
        "Back-off pulling image \"todo-api:nope\": ErrImagePull: rpc error: code = NotFound",
    ),
    (
        "Always",
        "Nginx",
        "InvalidImageName",
        "Failed to apply default image tag \"Nginx\": couldn't parse image name \"Nginx\": invalid reference format: \
         repository name (library/Nginx) must be lowercase",
    ),
];

#[test]
fn images_that_cannot_be_had() {
    for (policy, image, shown, message) in PULLS {
        let mut world = World::new();
        world.pod(&format!("containers: [{{name: c, image: '{image}', imagePullPolicy: {policy}}}]"));
        world.until("it waits", |world| world.shown() == *shown);
        let found = world.container("c")["state"]["waiting"]["message"].str();
        assert!(found.starts_with(message), "{found}");
    }
}

/// Has a container of `p` run another image.
fn change_image(world: &mut World, list: &str, name: &str, image: &str) {
    let response = world.request(HttpRequest {
        method: "PATCH".into(),
        path: "/api/v1/namespaces/default/pods/p".into(),
        content_type: "application/strategic-merge-patch+json".into(),
        body: format!(r#"{{"spec": {{"{list}": [{{"name": "{name}", "image": "{image}"}}]}}}}"#).into(),
        ..HttpRequest::default()
    });
    assert!(response.is_success(), "{}", response.body);
}

#[test]
fn another_image_starts_a_container_again() {
    for (spec, list, killed) in [
        ("containers: [{name: c, image: 'nginx:1.27'}]", "containers", ", will be restarted"),
        (
            "restartPolicy: Never\ncontainers: [{name: c, image: 'nginx:1.27'}]",
            "containers",
            ", will be restarted",
        ),
        (
            "initContainers: [{name: c, image: 'nginx:1.27', restartPolicy: Always}]\n\
             containers: [{name: other, image: redis}]",
            "initContainers",
            "",
        ),
    ] {
        let mut world = World::new();
        world.pod(spec);
        world.until("it runs", |world| world.shown() == "Running");
        change_image(&mut world, list, "c", "nginx:1.28");
        world.until("it runs again", |world| world.container("c")["restartCount"].as_i64() == Some(1));
        let container = world.container("c");
        assert_eq!(container["image"].as_str(), Some("docker.io/library/nginx:1.28"), "{}", world.story());
        assert_eq!(container["lastState"]["terminated"]["exitCode"].as_i64(), Some(0));
        let kind = if list == "containers" { "Container" } else { "Init container" };
        let message = format!("Killing: {kind} c definition changed{killed}");
        assert!(world.events().contains(&message), "{}", world.story());
        world.wait(60);
        assert_eq!(world.container("c")["restartCount"].as_i64(), Some(1), "once");
        assert_eq!(world.shown(), "Running");
    }
}

#[test]
fn another_image_does_not_wait_for_what_the_one_before_it_did() {
    let fails = "containers: [{name: c, image: 'busybox:1', command: [sh, -c, '[ -e /usr/share/nginx ] || exit 1; sleep 900']}]";
    for (spec, waits) in [
        ("containers: [{name: c, image: 'no such image'}]", "InvalidImageName"),
        ("containers: [{name: c, image: 'registry.example/nothing:1'}]", "ImagePullBackOff"),
        (fails, "CrashLoopBackOff"),
    ] {
        let mut world = World::new();
        world.strike("image/registry.example/nothing:1", Fault::Missing);
        world.pod(spec);
        // By then waits are long enough to tell.
        world.wait(60);
        world.until("it waits", |world| world.shown() == waits);
        let restarts = world.container("c")["restartCount"].as_i64();
        change_image(&mut world, "containers", "c", "nginx:1.27");
        world.wait(6);
        let tried = |event: &String| event.contains("nginx:1.27");
        assert!(world.events().iter().any(tried), "{waits}: {}", world.story());
        assert!(waits != "CrashLoopBackOff" || world.container("c")["restartCount"].as_i64() > restarts);
    }
}

#[test]
fn secrets_to_pull_with_that_are_not_there_are_told() {
    let mut world = World::new();
    world.pod("imagePullSecrets: [{name: a}, {name: b}]\ncontainers: [{name: c, image: nginx}]");
    world.until("it runs all the same", |world| world.shown() == "Running");
    let events = world.events();
    let told = "FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets (a, b); attempting to pull the image \
                may not succeed.";
    assert!(events.iter().any(|event| event == told), "{}", events.join("\n"));
}

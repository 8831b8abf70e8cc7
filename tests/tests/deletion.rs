//! What becomes of an object's dependents when nobody says so, and namespaces that go all at once.

use crate::support::world::World;
use shared::apiserver::http::{HttpRequest, HttpResponse};
use shared::doc::Doc;

const JOBS: &str = "/apis/batch/v1/namespaces/default/jobs";
const CONTROLLERS: &str = "/api/v1/namespaces/default/replicationcontrollers";
const SETS: &str = "/apis/apps/v1/namespaces/default/replicasets";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const EVENTS: &str = "/api/v1/namespaces/default/events";

fn send(world: &mut World, method: &str, path: &str, body: &str) -> HttpResponse {
    world.request(HttpRequest {
        method: method.into(),
        path: path.into(),
        body: body.into(),
        ..HttpRequest::default()
    })
}

fn make(world: &mut World, path: &str, body: &str) {
    let made = send(world, "POST", path, body);
    assert_eq!(made.code, 201, "{path}: {}", made.body);
}

fn template(name: &str, more: &str) -> String {
    format!(
        r#"{{"metadata":{{"labels":{{"app":"{name}"}}}},"spec":{{{more}"containers":[{{"name":"c","image":"todo-api:v1.0"}}]}}}}"#
    )
}

fn pods(world: &mut World, of: &str) -> usize {
    let path = format!("/api/v1/namespaces/default/pods?labelSelector=app={of}");
    let list = send(world, "GET", &path, "").body;
    list["items"].items().iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).count()
}

/// A list of more objects than one page of the real kubectl's has.
#[test]
fn all_of_many_objects_are_shown_changed_and_deleted() {
    const MANY: usize = 1200;
    let mut world = World::new();
    let map = |number| {
        let labels = "labels: {made: here}";
        format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m-{number}, {labels}}}\n")
    };
    let text: String = (0..MANY).map(map).collect();
    assert_eq!(world.kubectl(["apply", "-f", "-"], &text).exit_code, 0);
    for line in [
        "get cm -l made=here -o name",
        "label cm -l made=here seen=yes",
        "get cm -l seen=yes --no-headers",
        "delete cm -l made=here",
    ] {
        let output = world.kubectl(line.split(' '), "");
        assert_eq!((output.stdout.lines().count(), output.exit_code), (MANY, 0), "{line}: {}", output.stderr);
    }
    let left = world.kubectl("get cm -l made=here".split(' '), "");
    assert_eq!(left.stderr, "No resources found in default namespace.\n");
}

#[test]
fn some_kinds_leave_their_pods_when_nobody_says_what_becomes_of_them() {
    let mut world = World::new();
    let (jobs, controllers, sets) = (JOBS, CONTROLLERS, SETS);
    let job = template("job", r#""restartPolicy":"Never","#);
    make(&mut world, jobs, &format!(r#"{{"metadata":{{"name":"job"}},"spec":{{"template":{job}}}}}"#));
    let body = |name: &str, selector: &str| {
        let template = template(name, "");
        format!(
            r#"{{"metadata":{{"name":"{name}"}},"spec":{{"replicas":2,"selector":{selector},"template":{template}}}}}"#
        )
    };
    make(&mut world, controllers, &body("rc", r#"{"app":"rc"}"#));
    make(&mut world, sets, &body("rs", r#"{"matchLabels":{"app":"rs"}}"#));
    world.wait(20);
    let told = "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove \
                them or set propagationPolicy=Orphan to suppress this warning";
    for (path, name, warnings, left) in
        [(jobs, "job", &[told][..], 1), (controllers, "rc", &[], 2), (sets, "rs", &[], 0)]
    {
        let answer = send(&mut world, "DELETE", &format!("{path}/{name}"), "");
        assert_eq!(
            (answer.code, answer.warnings.iter().map(|one| one.as_str()).collect::<Vec<_>>()),
            (200, warnings.to_vec())
        );
        world.wait(5);
        assert_eq!(send(&mut world, "GET", &format!("{path}/{name}"), "").code, 404, "{name}");
        assert_eq!(pods(&mut world, name), left, "{name}");
    }
}

#[test]
fn a_cronjob_takes_the_pods_of_its_old_jobs_with_them() {
    let mut world = World::new();
    let template = template("cron", r#""restartPolicy":"Never","#)
        .replace(r#""image":"todo-api:v1.0""#, r#""image":"busybox:1.36","command":["true"]"#);
    let cron = format!(
        r#"{{"metadata":{{"name":"cron"}},"spec":{{"schedule":"* * * * *","successfulJobsHistoryLimit":1,"jobTemplate":{{"spec":{{"template":{template}}}}}}}}}"#
    );
    make(&mut world, "/apis/batch/v1/namespaces/default/cronjobs", &cron);
    world.wait(300);
    let jobs = send(&mut world, "GET", JOBS, "").body["items"].items().len();
    let pods = pods(&mut world, "cron");
    assert!((1..=2).contains(&jobs) && pods <= jobs, "{jobs} Jobs, {pods} pods");
}

/// Name, finalizers before, propagation, what is left.
type Case = (&'static str, &'static str, &'static str, Option<&'static str>);

#[test]
fn a_later_word_on_dependents_replaces_the_one_before() {
    let mut world = World::new();
    let cases: [Case; 6] = [
        ("a", r#""foregroundDeletion""#, "Background", None),
        ("b", r#""example.com/x","orphan""#, "Background", Some(r#"["example.com/x"]"#)),
        ("c", r#""example.com/x","foregroundDeletion""#, "Orphan", Some(r#"["example.com/x","orphan"]"#)),
        ("d", r#""example.com/x","orphan""#, "Foreground", Some(r#"["example.com/x","foregroundDeletion"]"#)),
        ("e", r#""example.com/x","orphan""#, "", Some(r#"["example.com/x","orphan"]"#)),
        ("f", r#""example.com/x""#, "", Some(r#"["example.com/x"]"#)),
    ];
    for (name, finalizers, policy, left) in cases {
        make(&mut world, MAPS, &format!(r#"{{"metadata":{{"name":"{name}","finalizers":[{finalizers}]}}}}"#));
        let body = match policy {
            "" => String::new(),
            policy => format!(r#"{{"propagationPolicy":"{policy}"}}"#),
        };
        let answer = send(&mut world, "DELETE", &format!("{MAPS}/{name}"), &body);
        let found = &answer.body["metadata"]["finalizers"];
        assert_eq!((!found.is_null()).then(|| found.to_json()).as_deref(), left, "{name}: {}", answer.body);
    }
    // Nothing depends on an Event, so nothing waits for that.
    let event = r#"{"metadata":{"name":"said"},"involvedObject":{"namespace":"default"},"reason":"R","type":"Normal"}"#;
    make(&mut world, EVENTS, event);
    let path = format!("{EVENTS}/said");
    let answer = send(&mut world, "DELETE", &path, r#"{"propagationPolicy":"Foreground"}"#);
    assert_eq!(answer.body["status"].str(), "Success", "{}", answer.body);
}

/// The namespace controller may send twenty times the requests of others, a hundred times at once.
#[test]
fn many_namespaces_that_are_deleted_at_once_do_not_wait_for_one_another() {
    let mut world = World::new();
    let names: Vec<String> = (0..30).map(|number| format!("many-{number}")).collect();
    for name in &names {
        make(&mut world, "/api/v1/namespaces", &format!(r#"{{"metadata":{{"name":"{name}"}}}}"#));
        // One that was to wait for its dependents, which somebody else keeps from going: it waits no longer.
        let maps = format!("/api/v1/namespaces/{name}/configmaps");
        make(&mut world, &maps, r#"{"metadata":{"name":"one","finalizers":["foregroundDeletion"]}}"#);
    }
    for name in &names {
        assert_eq!(send(&mut world, "DELETE", &format!("/api/v1/namespaces/{name}"), "").code, 200);
    }
    world.wait(15);
    let left: Doc = send(&mut world, "GET", "/api/v1/namespaces", "").body;
    let left = left["items"].items().iter().filter(|one| one["metadata"]["name"].str().starts_with("many-"));
    assert_eq!(left.count(), 0);
}

#[test]
fn who_deletes_some_of_a_collection_loses_no_more() {
    let mut world = World::new();
    for name in ["a", "b", "c", "d"] {
        make(&mut world, MAPS, &format!(r#"{{"metadata":{{"name":"{name}","labels":{{"of":"mine"}}}}}}"#));
    }
    let mut gone = |query: &str| {
        let said = send(&mut world, "DELETE", &format!("{MAPS}?labelSelector=of%3Dmine{query}"), "").body;
        said["items"].items().iter().map(|map| map["metadata"]["name"].str().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(gone("&limit=1&dryRun=All"), ["a"]);
    assert_eq!(gone("&limit=2"), ["a", "b"]);
    assert_eq!(gone("&fieldSelector=metadata.name%3Dd"), ["d"]);
    assert_eq!(gone(""), ["c"]);
}

#[test]
fn what_is_only_tried_leaves_all_as_it_is() {
    let mut world = World::new();
    let pods = "/api/v1/namespaces/default/pods";
    make(
        &mut world,
        pods,
        r#"{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"nginx"}]}}"#,
    );
    world.wait(10);
    // As kubectl drain and kubectl delete say it with --dry-run=server, and as others do.
    let eviction = r#"{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"p"},"deleteOptions":{"dryRun":["All"]}}"#;
    let plain = r#"{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"p"}}"#;
    for (method, path, body, code) in [
        ("POST", "p/eviction", eviction, 201),
        ("POST", "p/eviction?dryRun=All", plain, 201),
        ("DELETE", "p?dryRun=All", "", 200),
        ("DELETE", "p", r#"{"dryRun":["All"]}"#, 200),
    ] {
        let said = send(&mut world, method, &format!("{pods}/{path}"), body);
        assert_eq!(said.code, code, "{method} {path}: {}", said.body);
        world.wait(1);
        let pod = send(&mut world, "GET", &format!("{pods}/p"), "").body;
        assert!(pod["metadata"]["deletionTimestamp"].is_null(), "{method} {path} {body}");
        let conditions = pod["status"]["conditions"].items();
        assert!(conditions.iter().all(|condition| condition["type"].as_str() != Some("DisruptionTarget")));
    }
}

#[test]
fn what_every_cluster_has_comes_back() {
    for members in [1, 3] {
        let mut world = World::with(|spec| spec.control_plane.members = members);
        let kubectl = |world: &mut World, line: &str| {
            let output = world.kubectl(line.split(' '), "");
            output.stdout + &output.stderr
        };
        for name in ["default", "kube-system", "kube-public"] {
            let why = format!(
                "Error from server (Forbidden): namespaces \"{name}\" is forbidden: this namespace may not be deleted\n"
            );
            assert_eq!(kubectl(&mut world, &format!("delete ns {name}")), why);
        }
        let service = "get service kubernetes -o jsonpath={.spec.clusterIP}:{.spec.ports[0].port}";
        let slice = "get endpointslice kubernetes -o jsonpath={.endpoints[*].addresses[*]}:{.ports[0].port}";
        let endpoints =
            "get endpoints kubernetes -o jsonpath={.subsets[*].addresses[*].ip}:{.subsets[*].ports[0].port}";
        let all = |world: &mut World| [service, slice, endpoints].map(|line| kubectl(world, line));
        let before = all(&mut world);
        assert!(before[0].starts_with("10.96.0.1:443"), "{before:?}");
        for line in [
            "delete service kubernetes",
            "delete endpointslice kubernetes",
            "delete endpoints kubernetes",
            "patch endpointslice kubernetes --type=merge -p {\"endpoints\":[]}",
        ] {
            kubectl(&mut world, line);
            assert_ne!(all(&mut world), before, "{members} members: {line}");
            world.wait(11);
            assert_eq!(all(&mut world), before, "{members} members: {line}");
        }
        kubectl(&mut world, "delete ns kube-node-lease");
        let leases = "get leases -n kube-node-lease --no-headers";
        assert_eq!(kubectl(&mut world, leases), "No resources found in kube-node-lease namespace.\n");
        world.wait(75);
        assert_eq!(kubectl(&mut world, leases).lines().count(), 6, "kubelets renew them again");
        let nodes = kubectl(&mut world, "get nodes --no-headers");
        assert_eq!(nodes.matches(" Ready ").count(), 6, "{nodes}");
    }
}

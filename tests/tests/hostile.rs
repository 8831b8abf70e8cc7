//! Bodies that are large, deep, or not what they seem: refused or taken within bounds of time, in Kubernetes' words.

use std::time::Duration;

use cpu_time::ThreadTime;

use crate::support::world::World;
use shared::api::cel::{Names, Program};
use shared::apiserver::http::{HttpRequest, HttpResponse};
use shared::doc;
use shared::doc::{Doc, json_patch};

const PODS: &str = "/api/v1/namespaces/default/pods";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const SETS: &str = "/apis/apps/v1/namespaces/default/deployments";
const MERGE: &str = "application/merge-patch+json";
const JSON: &str = "application/json-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

/// No single request may take more of a core, even where nothing is optimised. By the clock a machine with much else to do
/// took 22 s for 2 s of work.
const LONGEST: Duration = Duration::from_secs(8);

fn answer(world: &mut World, method: &str, path: &str, content_type: &str, body: &str) -> HttpResponse {
    let begun = ThreadTime::now();
    let response = world.request(HttpRequest {
        method: method.into(),
        path: path.into(),
        content_type: content_type.into(),
        body: body.into(),
        ..HttpRequest::default()
    });
    let shown = &body[..body.len().min(60)];
    assert!(begun.elapsed() < LONGEST, "{method} {path} {shown} took {:?}", begun.elapsed());
    response
}

fn send(world: &mut World, method: &str, path: &str, content_type: &str, body: &str) -> (u32, String) {
    let response = answer(world, method, path, content_type, body);
    (response.code, response.body["message"].str().to_string())
}

/// `count` items, each made of its number.
fn many(count: u32, item: impl Fn(u32) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(",")
}

fn pod(name: &str, spec: &str) -> String {
    format!(
        r#"{{"metadata":{{"name":"{name}"}},"spec":{{"containers":[{{"name":"c","image":"i"}}]{spec}}}}}"#
    )
}

#[test]
fn bodies_that_are_not_what_they_should_be() {
    let mut world = World::new();
    let handled = |why: &str| format!("Pod in version \"v1\" cannot be handled as a Pod: {why}");
    let unrecognized = |why: &str, shown: &str| {
        format!(
            "the object provided is unrecognized (must be of type Pod): couldn't get version/kind; json parse error: {why} ({shown})"
        )
    };
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let cases: Vec<(String, u32, String)> = vec![
        (String::new(), 400, unrecognized("unexpected end of JSON input", "<empty>")),
        ("{\"a\":\"\u{0}\"}".into(), 400, unrecognized("invalid character '\\x00' in string literal", "{\"a\":\"\u{0}\"}")),
        (
            format!("{{\"spec\":{deep}}}"),
            400,
            unrecognized("invalid character '[' exceeded max depth", &format!("{{\"spec\":{} ...", "[".repeat(22))),
        ),
        (
            "{\"kind\":\"Foo\",\"apiVersion\":\"v1\"}".into(),
            400,
            "Foo in version \"v1\" cannot be handled as a Pod: no kind \"Foo\" is registered for version \"v1\" in scheme \
             \"pkg/api/legacyscheme/scheme.go:30\""
                .into(),
        ),
        (
            "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\"}".into(),
            400,
            "ConfigMap in version \"v1\" cannot be handled as a Pod: converting (v1.ConfigMap) to (core.Pod): unknown conversion"
                .into(),
        ),
        (
            pod("n", ",\"priority\":9223372036854775808"),
            400,
            handled(
                "json: cannot unmarshal number 9223372036854775808 into Go struct field PodSpec.spec.priority of type int32",
            ),
        ),
        (
            pod("n", ",\"activeDeadlineSeconds\":1e400"),
            400,
            handled(
                "json: cannot unmarshal number 1e400 into Go struct field PodSpec.spec.activeDeadlineSeconds of type int64",
            ),
        ),
        (
            pod("n", ",\"terminationGracePeriodSeconds\":1.0"),
            400,
            handled(
                "json: cannot unmarshal number 1.0 into Go struct field PodSpec.spec.terminationGracePeriodSeconds of type int64",
            ),
        ),
        (
            pod("n", ",\"zzz\":1,\"hostname\":\"a\",\"aaa\":{\"b\":1,\"b\":2},\"hostname\":\"b\""),
            400,
            handled(
                "strict decoding error: unknown field \"spec.zzz\", unknown field \"spec.aaa\", duplicate field \"spec.hostname\"",
            ),
        ),
    ];
    for (body, code, message) in cases {
        let (found, said) = send(&mut world, "POST", &format!("{PODS}?fieldValidation=Strict"), "", &body);
        assert_eq!((found, said), (code, message));
    }
    // A null is an empty object, of which something can be said.
    let (code, said) = send(&mut world, "POST", MAPS, "", "null");
    assert_eq!(
        (code, said.as_str()),
        (422, "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required")
    );
    // Otherwise the last one counts, and there is a warning.
    let body = r#"{"metadata":{"name":"twice"},"data":{"a":"1","a":"2"},"bogus":1e999}"#;
    let response = answer(&mut world, "POST", MAPS, "", body);
    assert_eq!((response.code, response.body["data"]["a"].str().as_str()), (201, "2"));
    assert_eq!(response.warnings, ["duplicate field \"data.a\"", "unknown field \"bogus\""]);
    let path = format!("{MAPS}/twice?fieldValidation=Strict");
    let (code, said) = send(&mut world, "PATCH", &path, MERGE, r#"{"data":{"a":"3","a":"4"}}"#);
    assert!(
        code == 422 && said.ends_with("strict decoding error: duplicate field \"data.a\""),
        "{code} {said}"
    );
}

#[test]
fn preconditions_and_names() {
    let mut world = World::new();
    let map = |meta: &str| format!(r#"{{"metadata":{{{meta}}},"data":{{"a":"b"}}}}"#);
    assert_eq!(send(&mut world, "POST", MAPS, "", &map(r#""name":"m""#)).0, 201);
    let account = r#"{"metadata":{"name":"s"}}"#;
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    assert_eq!(send(&mut world, "POST", accounts, "", account).0, 201);
    let (one, other) = (format!("{MAPS}/m"), "00000000-0000-4000-8000-000000000000");
    let cases = [
        (
            "POST",
            MAPS,
            map(r#""name":"n","resourceVersion":"7""#),
            500,
            "resourceVersion should not be set on objects to be created",
        ),
        (
            "POST",
            MAPS,
            map(r#""name":"n","namespace":"other""#),
            400,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            "PUT",
            &one,
            map(r#""name":"x""#),
            400,
            "the name of the object (x) does not match the name on the URL (m)",
        ),
        ("PUT", &one, map(""), 400, "name must be provided"),
        (
            "PUT",
            &one,
            map(r#""name":"m","resourceVersion":"1""#),
            409,
            "Operation cannot be fulfilled on configmaps \"m\": the object has been modified; please apply your changes \
             to the latest version and try again",
        ),
        (
            "PUT",
            &one,
            map(r#""name":"m","resourceVersion":"x""#),
            500,
            "strconv.ParseUint: parsing \"x\": invalid syntax",
        ),
        (
            "PUT",
            &format!("{accounts}/s"),
            account.into(),
            422,
            "serviceaccounts \"s\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update",
        ),
        (
            "DELETE",
            &one,
            r#"{"propagationPolicy":"Never"}"#.into(),
            422,
            "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: \"Never\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"",
        ),
        (
            "POST",
            &format!("{MAPS}?dryRun=some"),
            map(r#""name":"n""#),
            422,
            "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"some\"]: supported values: \"All\"",
        ),
    ];
    for (method, path, body, code, message) in cases {
        let found = send(&mut world, method, path, "", &body);
        assert_eq!((found.0, found.1.as_str()), (code, message), "{method} {path}");
    }
    let body = format!(r#"{{"preconditions":{{"uid":"{other}"}}}}"#);
    let (code, said) = send(&mut world, "DELETE", &one, "", &body);
    assert!(code == 409 && said.contains("the UID in the precondition ("), "{code} {said}");
    let (code, said) = send(&mut world, "GET", &format!("{PODS}/a%25b"), "", "");
    assert_eq!((code, said.as_str()), (400, "Name parameter invalid: \"a%b\": may not contain '%'"));
}

#[test]
fn what_is_large_is_bounded() {
    let mut world = World::new();
    let text =
        |length: usize| format!(r#"{{"metadata":{{"name":"m"}},"data":{{"a":"{}"}}}}"#, "x".repeat(length));
    let (code, said) = send(&mut world, "POST", MAPS, "", &text(3 << 20));
    assert_eq!((code, said.as_str()), (413, "Request entity too large: limit is 3145728"));
    let annotated = format!(
        r#"{{"metadata":{{"name":"m"}},"spec":{{"ports":[{{"port":80,"name":"{}"}}]}}}}"#,
        "x".repeat(2 << 20)
    );
    let (code, _) = send(&mut world, "POST", "/api/v1/namespaces/default/services", "", &annotated);
    assert_eq!(code, 422);
    let set = r#"{"metadata":{"name":"d"},"spec":{"selector":{"matchLabels":{"a":"b"}},
        "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"nginx"}]}}}}"#;
    assert_eq!(send(&mut world, "POST", SETS, "", set).0, 201);
    let args = many(90_000, |at| format!("\"--argument={at}\""));
    let grown =
        format!(r#"{{"spec":{{"template":{{"spec":{{"containers":[{{"name":"c","args":[{args}]}}]}}}}}}}}"#);
    let one = format!("{SETS}/d");
    let (code, said) = send(&mut world, "PATCH", &one, STRATEGIC, &grown);
    assert_eq!((code, said.as_str()), (500, "etcdserver: request is too large"));
    let operations = |count: u32| {
        format!(
            "[{}]",
            many(count, |at| format!(r#"{{"op":"add","path":"/metadata/labels","value":{{"a":"{at}"}}}}"#))
        )
    };
    let (code, said) = send(&mut world, "PATCH", &one, JSON, &operations(10_001));
    let expected =
        "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001";
    assert_eq!((code, said.as_str()), (413, expected));
    assert_eq!(send(&mut world, "PATCH", &one, JSON, &operations(10_000)).0, 200);
    let query = format!("{PODS}?labelSelector={}", "a,".repeat(600_000));
    assert_eq!(send(&mut world, "GET", &query, "", "").0, 413);
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n\
                d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
    let (code, said) = send(&mut world, "POST", MAPS, "application/yaml", bomb);
    assert!(code == 400 && said.contains("error converting YAML to JSON"), "{said}");
    let (code, said) = send(&mut world, "PATCH", &format!("{one}?fieldManager=m"), APPLY, bomb);
    assert!(code == 400 && said.contains("error decoding YAML"), "{said}");
    assert_eq!(send(&mut world, "POST", MAPS, "application/xml", "<a/>").0, 415);
    let yaml = "metadata: {name: from-yaml}\ndata: {a: b}\n";
    assert_eq!(send(&mut world, "POST", MAPS, "application/yaml", yaml).0, 201);
}

#[test]
fn long_lists_and_maps_take_no_long_time() {
    let mut world = World::new();
    // Twice as many of each would be as fast: what is long is looked through once.
    let lists = [
        format!(",\"volumes\":[{}]", many(50_000, |at| format!(r#"{{"name":"v{at}","emptyDir":{{}}}}"#))),
        format!(",\"initContainers\":[{}]", many(30_000, |at| format!(r#"{{"name":"i{at}","image":"i"}}"#))),
        format!(
            ",\"tolerations\":[{}]",
            many(40_000, |at| format!(r#"{{"key":"k{at}","operator":"Exists"}}"#))
        ),
        format!(",\"schedulingGates\":[{}]", many(60_000, |at| format!(r#"{{"name":"g{at}"}}"#))),
        format!(",\"imagePullSecrets\":[{}]", many(60_000, |at| format!(r#"{{"name":"s{at}"}}"#))),
        format!(
            ",\"hostAliases\":[{}]",
            many(40_000, |at| format!(r#"{{"ip":"10.{}.{}.1"}}"#, at / 200, at % 200))
        ),
        format!(",\"nodeSelector\":{{{}}}", many(60_000, |at| format!(r#""k{at}":"v""#))),
        format!(
            ",\"topologySpreadConstraints\":[{}]",
            many(15_000, |at| format!(
                r#"{{"maxSkew":1,"topologyKey":"k{at}","whenUnsatisfiable":"DoNotSchedule"}}"#
            ))
        ),
        format!(
            ",\"securityContext\":{{\"sysctls\":[{}]}}",
            many(50_000, |at| format!(r#"{{"name":"net.x{at}","value":"1"}}"#))
        ),
        format!(",{}", many(150_000, |at| format!(r#""unknown{at}":1"#))),
    ];
    for list in &lists {
        answer(&mut world, "POST", &format!("{PODS}?dryRun=All"), "", &pod("long", list));
    }
    let containers = [
        format!("\"env\":[{}]", many(60_000, |at| format!(r#"{{"name":"E{at}","value":"v"}}"#))),
        format!(
            "\"ports\":[{}]",
            many(60_000, |at| format!(r#"{{"containerPort":{},"name":"p{at}"}}"#, at + 1))
        ),
        format!(
            "\"volumeMounts\":[{}]",
            many(40_000, |at| format!(r#"{{"name":"v","mountPath":"/m{at}"}}"#))
        ),
    ];
    for more in &containers {
        let body = format!(
            r#"{{"metadata":{{"name":"long"}},"spec":{{"volumes":[{{"name":"v","emptyDir":{{}}}}],"containers":[{{"name":"c","image":"i",{more}}}]}}}}"#
        );
        answer(&mut world, "POST", PODS, "", &body);
    }
    let labels = many(60_000, |at| format!("\"l{at}\":\"v\""));
    answer(&mut world, "POST", MAPS, "", &format!(r#"{{"metadata":{{"name":"l","labels":{{{labels}}}}}}}"#));
    let owners = many(9_000, |at| {
        format!(r#"{{"apiVersion":"v1","kind":"Pod","name":"p","uid":"00000000-0000-4000-8000-{at:012}"}}"#)
    });
    answer(
        &mut world,
        "POST",
        MAPS,
        "",
        &format!(r#"{{"metadata":{{"name":"o","ownerReferences":[{owners}]}}}}"#),
    );
    let ports = many(30_000, |at| format!(r#"{{"port":{},"name":"p{at}"}}"#, at + 1));
    let service = format!(r#"{{"metadata":{{"name":"s"}},"spec":{{"ports":[{ports}]}}}}"#);
    answer(&mut world, "POST", "/api/v1/namespaces/default/services", "", &service);
}

#[test]
fn who_owns_many_fields_takes_no_long_time() {
    let mut world = World::new();
    let data = |letter: &str| many(60_000, |at| format!("\"{letter}{at}\":\"v\""));
    let map = |letter: &str| {
        format!(
            r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"m"}},"data":{{{}}}}}"#,
            data(letter)
        )
    };
    let path = format!("{MAPS}/m?fieldManager=one");
    assert_eq!(send(&mut world, "PATCH", &path, APPLY, &map("y")).0, 201);
    // All that was owned goes, all else comes.
    assert_eq!(send(&mut world, "PATCH", &path, APPLY, &map("z")).0, 200);
    let other = format!("{MAPS}/m?fieldManager=two");
    let changed = map("z").replace(":\"v\"", ":\"w\"");
    let (code, said) = send(&mut world, "PATCH", &other, APPLY, &changed);
    assert!(
        code == 409
            && said.starts_with("Apply failed with 60000 conflicts: conflicts with \"one\":\n- .data.z0\n")
    );
    assert_eq!(send(&mut world, "PATCH", &other, MERGE, &format!("{{\"data\":{{{}}}}}", data("a"))).0, 200);
    assert_eq!(send(&mut world, "PUT", &other, "", &map("b")).0, 200);
}

#[test]
fn templates_that_nest_and_multiply_are_bounded() {
    let mut world = World::new();
    let nested = |open: &str, inner: &str, close: &str, count: usize| {
        format!("{}{inner}{}", open.repeat(count), close.repeat(count))
    };
    let many = 100_000;
    let cases: Vec<(String, &str)> = vec![
        (format!("jsonpath={}", nested("{range .}", "x", "{end}", many)), "ranges may be 32 deep"),
        (format!("jsonpath={}", "{range .items[*]}".repeat(many)), "ranges may be 32 deep"),
        (format!("jsonpath={}{{.kind}}", "{range .items[*]}".repeat(30)), ""),
        (format!("jsonpath={}", nested("{range ..}", "x", "{end}", 30)), "too much that it leads to"),
        (format!("jsonpath={{{}kind}}", "..".repeat(many)), "invalid multiple recursive descent"),
        (format!("go-template={}", nested("{{if .}}", "x", "{{end}}", many)), "a template may be 64 deep"),
        (format!("go-template={{{{{}}}}}", nested("(", "1", ")", many)), "a template may be 64 deep"),
        (format!("go-template={{{{if .x}}}}{}{{{{end}}}}", "{{else if .y}}".repeat(many)), "64 deep"),
        (format!("go-template={}", nested("{{range $.items}}", "x", "{{end}}", 30)), "prints too much"),
        ("go-template={{range 9223372036854775807}}{{end}}".into(), "prints too much"),
        (format!("go-template={}", nested("{{range 2000000}}", "", "{{end}}", 60)), "prints too much"),
        (
            format!("go-template={{{{$a := \"x\"}}}}{}", "{{$a = print $a $a}}".repeat(60)),
            "error calling print: it makes too much",
        ),
        (
            format!(
                "go-template={{{{$a := \"x\"}}}}{}{}",
                "{{$a = println $a $a}}".repeat(20),
                "{{$b := html $a}}".repeat(5_000)
            ),
            "prints too much",
        ),
        (
            format!("go-template={{{{printf \"{}\" {}}}}}", "%9999d".repeat(9_000), "1 ".repeat(9_000)),
            "error calling printf: it makes too much",
        ),
        ("go-template={{--9223372036854775808}}".into(), ""),
        (format!("jsonpath-as-json={}", "{@}".repeat(20_000)), "["),
        (
            format!(
                "jsonpath={{..[*]['{0}']..[?(@..=='x')]..[?(@..!=@..)]}}",
                vec!["status"; 3_000].join("','")
            ),
            "",
        ),
        (format!("custom-columns={}A:{{..}}", "A:{..},".repeat(10_000)), " "),
        (
            format!("custom-columns=A:{{..['',{}]}}", vec!["'metadata'"; 10_000].join(",")),
            "unexpected path string",
        ),
    ];
    for (output, expected) in cases {
        let begun = ThreadTime::now();
        let shown = world.kubectl(["get", "nodes", "-o", &output], "");
        let start = &output[..output.len().min(60)];
        assert!(begun.elapsed() < LONGEST, "{start} took {:?}", begun.elapsed());
        let said = format!("{}{}", shown.stdout, shown.stderr);
        assert!(said.contains(expected), "{start}: {}", &said[..said.len().min(300)]);
    }
}

#[test]
fn expressions_that_multiply_are_cancelled() {
    let cases = [
        // What holds itself twice, forty times over, is compared or kept.
        format!("[[0]]{}.all(z, z == z)", ".map(a, [a, a])".repeat(40)),
        format!("{{'a': [0]}}{}.size() == 1", ".map(a, {'x': [a, a], 'y': [a]})".repeat(40)),
        // Texts that multiply.
        format!("['xxxxxxxxxx']{}.size() == 1", ".map(a, a.replace('', a))".repeat(4)),
        format!("['xxxxxxxxxx']{}.all(a, a.split('').join(a) != '')", ".map(a, a.replace('', a))".repeat(2)),
        // Patterns that are longer than they look.
        format!(
            "['{}'].all(a, [1, 2, 3, 4, 5, 6].all(b, !a.matches('(x{{60}}){{60}}y')))",
            "x".repeat(9_000)
        ),
    ];
    for text in cases {
        let begun = ThreadTime::now();
        let value = Program::read(&text, &[]).and_then(|program| program.evaluate(&Names::new(), None).value);
        let start = text.get(..60).unwrap_or(&text);
        assert!(begun.elapsed() < LONGEST, "{start} took {:?}", begun.elapsed());
        assert_eq!(value, Err("operation cancelled: actual cost limit exceeded".into()), "{start}");
    }
}

#[test]
fn numbers_at_the_ends_of_their_ranges_end_nothing() {
    // Each is refused or taken; whatever is taken then lives, and goes.
    let kinds = [
        (
            "/api/v1/namespaces/default/pods",
            r#"{"metadata":{"name":"a"},"spec":{"terminationGracePeriodSeconds":<64>,"containers":[{"name":"c","image":"nginx"}]}}"#,
        ),
        (
            "/api/v1/namespaces/default/pods",
            r#"{"metadata":{"name":"b"},"spec":{"activeDeadlineSeconds":<64>,"containers":[{"name":"c","image":"nginx"}]}}"#,
        ),
        (
            "/api/v1/namespaces/default/pods",
            r#"{"metadata":{"name":"c"},"spec":{"tolerations":[{"key":"k","effect":"NoExecute","operator":"Exists","tolerationSeconds":<64>}],"containers":[{"name":"c","image":"nginx"}]}}"#,
        ),
        (
            "/api/v1/namespaces/default/pods",
            r#"{"metadata":{"name":"d"},"spec":{"containers":[{"name":"c","image":"nginx","livenessProbe":{"tcpSocket":{"port":99},"periodSeconds":1,"failureThreshold":1,"terminationGracePeriodSeconds":<64>}}]}}"#,
        ),
        (
            "/api/v1/namespaces/default/pods",
            r#"{"metadata":{"name":"e"},"spec":{"containers":[{"name":"c","image":"nginx","resources":{"requests":{"cpu":"<64>","memory":"<64>Ei"}}}]}}"#,
        ),
        (
            "/api/v1/namespaces/default/pods",
            r#"{"metadata":{"name":"f"},"spec":{"priority":<64>,"containers":[{"name":"c","image":"nginx"}]}}"#,
        ),
        (
            "/api/v1/namespaces/default/resourcequotas",
            r#"{"metadata":{"name":"q"},"spec":{"hard":{"requests.cpu":"<64>","requests.memory":"<64>Ei","pods":"<64>"}}}"#,
        ),
        (
            "/api/v1/namespaces/default/persistentvolumeclaims",
            r#"{"metadata":{"name":"v"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"<64>Ei"}}}}"#,
        ),
        (
            "/apis/batch/v1/namespaces/default/jobs",
            r#"{"metadata":{"name":"j"},"spec":{"activeDeadlineSeconds":<64>,"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"busybox","command":["true"]}]}}}}"#,
        ),
        (
            "/apis/batch/v1/namespaces/default/jobs",
            r#"{"metadata":{"name":"k"},"spec":{"backoffLimit":<32>,"ttlSecondsAfterFinished":<32>,"parallelism":1,"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"busybox","command":["true"]}]}}}}"#,
        ),
        (
            "/apis/batch/v1/namespaces/default/cronjobs",
            r#"{"metadata":{"name":"j"},"spec":{"schedule":"* * * * *","startingDeadlineSeconds":<64>,"jobTemplate":{"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"busybox","command":["true"]}]}}}}}}"#,
        ),
        (
            "/apis/apps/v1/namespaces/default/deployments",
            r#"{"metadata":{"name":"w"},"spec":{"minReadySeconds":<32>,"progressDeadlineSeconds":<32>,"revisionHistoryLimit":<32>,"selector":{"matchLabels":{"a":"w"}},"template":{"metadata":{"labels":{"a":"w"}},"spec":{"containers":[{"name":"c","image":"nginx"}]}}}}"#,
        ),
        (
            "/apis/apps/v1/namespaces/default/statefulsets",
            r#"{"metadata":{"name":"s"},"spec":{"ordinals":{"start":<32>},"minReadySeconds":<32>,"serviceName":"s","selector":{"matchLabels":{"a":"s"}},"template":{"metadata":{"labels":{"a":"s"}},"spec":{"containers":[{"name":"c","image":"nginx"}]}}}}"#,
        ),
        (
            "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
            r#"{"metadata":{"name":"h"},"spec":{"minReplicas":1,"maxReplicas":<32>,"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"w"},"metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"AverageValue","averageValue":"<64>"}}}]}}"#,
        ),
        (
            "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
            r#"{"metadata":{"name":"p"},"spec":{"minAvailable":<32>,"selector":{}}}"#,
        ),
        (
            "/apis/coordination.k8s.io/v1/namespaces/default/leases",
            r#"{"metadata":{"name":"l"},"spec":{"leaseDurationSeconds":<32>,"leaseTransitions":<32>}}"#,
        ),
        ("/apis/scheduling.k8s.io/v1/priorityclasses", r#"{"metadata":{"name":"p"},"value":<32>}"#),
        (
            "/api/v1/namespaces/default/serviceaccounts/default/token",
            r#"{"spec":{"expirationSeconds":<64>}}"#,
        ),
        (
            "/api/v1/namespaces/default/pods/a/eviction",
            r#"{"metadata":{"name":"a"},"deleteOptions":{"gracePeriodSeconds":<64>}}"#,
        ),
    ];
    for (wide, narrow) in [(i64::MAX, i32::MAX), (i64::MIN, i32::MIN)] {
        let mut world = World::new();
        for (path, body) in kinds {
            let body = body.replace("<64>", &wide.to_string()).replace("<32>", &narrow.to_string());
            let (code, said) = send(&mut world, "POST", path, "", &body);
            assert!((200..500).contains(&code), "{path} {body}: {code} {said}");
        }
        world.wait(120);
        for (path, body) in kinds {
            let name = body.split(r#""name":""#).nth(1).and_then(|rest| rest.split('"').next());
            let Some(name) = name.filter(|_| !path.contains("/default/token")) else { continue };
            let grace = format!(r#"{{"gracePeriodSeconds":{wide}}}"#);
            let (code, said) = send(&mut world, "DELETE", &format!("{path}/{name}"), "", &grace);
            assert!((200..500).contains(&code), "{path}: {code} {said}");
        }
        world.wait(600);
        let nodes = world.kubectl(["get", "pods,nodes,jobs", "-o", "wide"], "");
        assert!(nodes.stdout.contains("node/node-0"), "{nodes:?}");
    }
}

#[test]
fn a_role_of_a_million_permissions_is_refused_at_once() {
    let mut world = World::new();
    let mut role = |words: &[&str]| world.kubectl(words.iter().copied(), "").exit_code;
    assert_eq!(role(&["create", "role", "writer", "--verb=create", "--resource=roles"]), 0);
    assert_eq!(role(&["create", "rolebinding", "writer", "--role=writer", "--user=bob"]), 0);
    let hundred = |kind: &str| many(100, |at| format!("\"{kind}{at}\""));
    let body = format!(
        r#"{{"metadata":{{"name":"all"}},"rules":[{{"apiGroups":[{}],"resources":[{}],"verbs":[{}]}}]}}"#,
        hundred("g"),
        hundred("r"),
        hundred("v")
    );
    let begun = ThreadTime::now();
    let response = world.request(HttpRequest {
        method: "POST".into(),
        path: "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles".into(),
        impersonate: "bob".into(),
        body: body.into(),
        ..HttpRequest::default()
    });
    assert!(begun.elapsed() < LONGEST, "{:?}", begun.elapsed());
    let message = response.body["message"].str();
    assert!(response.code == 403 && message.contains("1000000 permissions"), "{} {message}", response.code);
}

#[test]
fn operations_on_long_lists_end() {
    let list = |length: i64| doc!({ "list": Doc::list(0..length), "few": [] });
    let add =
        |count: i64| Doc::list((0..count).map(|at| doc!({ "op": "add", "path": "/list/-", "value": at })));
    let away = Doc::list((0..10_000).map(|_| doc!({ "op": "move", "from": "/list/0", "path": "/few/-" })));
    let grown = json_patch(&list(5_000), &add(10_000)).expect("as many as a patch may have");
    assert_eq!(grown["list"].items().len(), 15_000);
    assert_eq!(grown["list"][14_999], doc!(9_999i64));
    // A list of 100,000 that is put together anew 10,000 times would take a core for ten seconds.
    for patch in [add(10_000), away] {
        let refused = json_patch(&list(100_000), &patch).expect_err("too much");
        assert_eq!(refused.to_string(), "the operations move more than 200000000 values");
    }
}

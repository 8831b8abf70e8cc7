//! CustomResourceDefinitions and what they define, played through kubectl and raw requests as a learner's operator would.

use serde_json::{Value, json};
use shared::apiserver::http::HttpRequest;

use crate::support::custom::{ALL, Play, crontab, good};

#[test]
fn a_definition_is_established_and_served_everywhere() {
    let mut play = Play::new();
    let definition =
        play.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/crontabs.stable.example.com");
    let status = &definition["status"];
    let conditions: Vec<_> = status["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["type"].as_str().unwrap(), it["status"].as_str().unwrap()))
        .collect();
    assert_eq!(conditions, [("NamesAccepted", "True"), ("Established", "True")]);
    assert_eq!(status["storedVersions"], json!(["v1"]));
    assert_eq!(status["acceptedNames"]["listKind"], "CronTabList");
    assert_eq!(status["acceptedNames"]["singular"], "crontab");
    let (code, said) = play.kubectl("wait --for=condition=Established crd/crontabs.stable.example.com", "");
    assert_eq!(code, 0, "{said}");
    let (_, said) = play.kubectl("api-resources --api-group=stable.example.com", "");
    assert_eq!(
        said,
        "NAME       SHORTNAMES   APIVERSION              NAMESPACED   KIND\ncrontabs   ct           stable.example.com/v1   true         CronTab\n"
    );
    let group = play.get("/apis/stable.example.com");
    assert_eq!(group["preferredVersion"]["version"], "v1");
    assert_eq!(group["versions"].as_array().map(Vec::len), Some(2));
    let (_, said) = play.kubectl("explain ct.spec.cronSpec", "");
    assert!(said.contains("FIELD: cronSpec <string>") && said.contains("When it runs."), "{said}");
}

#[test]
fn values_are_filled_in_pruned_and_checked() {
    let mut play = Play::new();
    let (code, made) = play.json(
        "POST",
        ALL,
        &crontab(
            "a",
            json!({"cronSpec": "* * * * *", "bogus": 1, "port": "http", "free": {"any": [1]}, "image": null}),
        ),
    );
    assert_eq!(code, 201, "{made}");
    assert_eq!(
        made["spec"],
        json!({"cronSpec": "* * * * *", "replicas": 1, "policy": "Allow", "port": "http", "free": {"any": [1]}})
    );
    assert_eq!(made["metadata"]["generation"], 1);
    let refused = [
        (
            json!({"cronSpec": "* *"}),
            "spec.cronSpec",
            "FieldValueInvalid",
            r#"Invalid value: "* *": spec.cronSpec in body should match '^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$'"#,
        ),
        (
            json!({"cronSpec": "* * * * *", "replicas": 11}),
            "spec.replicas",
            "FieldValueInvalid",
            "Invalid value: 11: spec.replicas in body should be less than or equal to 10",
        ),
        (
            json!({"cronSpec": "* * * * *", "replicas": "2"}),
            "spec.replicas",
            "FieldValueTypeInvalid",
            r#"Invalid value: "string": spec.replicas in body must be of type integer: "string""#,
        ),
        (
            json!({"cronSpec": "* * * * *", "policy": "No"}),
            "spec.policy",
            "FieldValueNotSupported",
            r#"Unsupported value: "No": supported values: "Allow", "Forbid""#,
        ),
        (json!({}), "spec.cronSpec", "FieldValueRequired", "Required value"),
        (
            json!({"cronSpec": "* * * * *", "port": true}),
            "spec.port",
            "FieldValueTypeInvalid",
            r#"Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean""#,
        ),
        (
            json!({"cronSpec": "* * * * *", "until": "soon"}),
            "spec.until",
            "FieldValueTypeInvalid",
            r#"Invalid value: "soon": spec.until in body must be of type date-time: "soon""#,
        ),
        (
            json!({"cronSpec": "* * * * *", "args": ["a", "b", "c"]}),
            "spec.args",
            "FieldValueTooMany",
            "Too many: 3: must have at most 2 items",
        ),
        (
            json!({"cronSpec": "* * * * *", "image": "a-very-long-name-of-an-image"}),
            "spec.image",
            "FieldValueTooLong",
            "Too long: may not be more than 20 bytes",
        ),
        (
            json!({"cronSpec": "* * * * *", "args": [1]}),
            "spec.args[0]",
            "FieldValueTypeInvalid",
            r#"Invalid value: "integer": spec.args[0] in body must be of type string: "integer""#,
        ),
    ];
    for (spec, field, reason, message) in refused {
        let (code, said) = play.json("POST", ALL, &crontab("b", spec));
        assert_eq!((code, said["reason"].as_str()), (422, Some("Invalid")), "{said}");
        assert_eq!(
            said["details"]["causes"],
            json!([{"field": field, "reason": reason, "message": message}])
        );
        assert_eq!(
            said["message"],
            format!("CronTab.stable.example.com \"b\" is invalid: {field}: {message}")
        );
    }
    let strict = format!("{ALL}?fieldValidation=Strict");
    let (code, said) =
        play.json("POST", &strict, &crontab("b", json!({"cronSpec": "* * * * *", "bogus": 1})));
    assert_eq!(code, 400);
    assert_eq!(
        said["message"],
        r#"CronTab in version "v1" cannot be handled as a CronTab: strict decoding error: unknown field "spec.bogus""#
    );
    let wrong =
        json!({"apiVersion": "stable.example.com/v1beta1", "kind": "CronTab", "metadata": {"name": "b"}});
    let (code, said) = play.json("POST", ALL, &wrong);
    assert_eq!(
        (code, said["message"].as_str()),
        (
            400,
            Some(
                "the API version in the data (stable.example.com/v1beta1) does not match the expected API version (stable.example.com/v1)"
            )
        )
    );
    assert_eq!(play.json("GET", &format!("{ALL}/b"), &Value::Null).0, 404);
}

#[test]
fn an_operator_plays() {
    let mut play = Play::new();
    play.json("POST", ALL, &good("a"));
    let one = format!("{ALL}/a");
    // Its status is apart from the rest.
    let (code, said) = play.patch(&format!("{one}/status"), "merge", &json!({"spec": {"image": "no"}, "status": {"phase": "Running", "replicas": 1, "labelSelector": "app=a"}}));
    assert_eq!(code, 200, "{said}");
    assert_eq!(
        (&said["spec"]["image"], &said["status"]["phase"], &said["metadata"]["generation"]),
        (&json!("app"), &json!("Running"), &json!(1))
    );
    let (_, said) = play.patch(&one, "merge", &json!({"spec": {"image": "new"}, "status": {"phase": "no"}, "metadata": {"finalizers": ["example.com/hold"]}}));
    assert_eq!(
        (&said["spec"]["image"], &said["status"]["phase"], &said["metadata"]["generation"]),
        (&json!("new"), &json!("Running"), &json!(2))
    );
    let (code, _) =
        play.patch(&one, "json", &json!([{"op": "replace", "path": "/spec/replicas", "value": 3}]));
    assert_eq!(code, 200);
    let (code, said) = play.patch(&one, "strategic-merge", &json!({"spec": {}}));
    assert_eq!((code, said["reason"].as_str()), (415, Some("UnsupportedMediaType")));
    let (code, said) = play.kubectl("scale crontab/a --replicas=5", "");
    assert_eq!((code, said.as_str()), (0, "crontab.stable.example.com/a scaled\n"));
    let scale = play.get(&format!("{one}/scale"));
    assert_eq!(
        (&scale["spec"]["replicas"], &scale["status"]["replicas"], &scale["status"]["selector"]),
        (&json!(5), &json!(1), &json!("app=a"))
    );
    let (_, said) = play.kubectl("scale crontab/a --replicas=50", "");
    assert!(said.contains("spec.replicas in body should be less than or equal to 10"), "{said}");
    let (_, said) = play.kubectl("get ct", "");
    assert_eq!(
        said.lines()
            .map(|line| line.split_whitespace().take(7).collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>(),
        ["NAME SPEC PHASE AGE", "a * * * * */5 Running"].map(str::to_owned)
    );
    let (_, said) = play.kubectl("get jobs.v1.batch,ct -o name", "");
    assert_eq!(said, "crontab.stable.example.com/a\n");
    let (_, said) = play.kubectl("get all -o name", "");
    assert!(said.contains("crontab.stable.example.com/a\n"), "{said}");
    let (_, said) = play.kubectl("describe ct a", "");
    assert!(said.contains("Cron Spec:  * * * * */5"), "{said}");
    let list = play.get(&format!("{ALL}?fieldSelector=spec.policy%3DForbid"));
    assert_eq!((&list["kind"], list["items"].as_array().map(Vec::len)), (&json!("CronTabList"), Some(0)));
    // The other version shows the same object.
    let other = play.get("/apis/stable.example.com/v1beta1/namespaces/default/crontabs/a");
    assert_eq!(
        (&other["apiVersion"], &other["spec"]["replicas"]),
        (&json!("stable.example.com/v1beta1"), &json!(5))
    );
    // What holds it, holds it.
    let (code, _) = play.json("DELETE", &one, &json!({}));
    assert_eq!(code, 200);
    assert!(!play.get(&one)["metadata"]["deletionTimestamp"].is_null());
    play.patch(&one, "merge", &json!({"metadata": {"finalizers": null}}));
    assert_eq!(play.json("GET", &one, &Value::Null).0, 404);
}

#[test]
fn apply_and_conflicts_keep_account_of_fields() {
    let mut play = Play::new();
    let yaml = "apiVersion: stable.example.com/v1\nkind: CronTab\nmetadata: {name: a}\nspec: {cronSpec: '* * * * *', replicas: 2}\n";
    assert_eq!(play.kubectl("apply -f -", yaml), (0, "crontab.stable.example.com/a created\n".into()));
    assert_eq!(play.kubectl("apply -f -", yaml), (0, "crontab.stable.example.com/a unchanged\n".into()));
    assert_eq!(
        play.kubectl("apply -f -", &yaml.replace("replicas: 2", "replicas: 4")),
        (0, "crontab.stable.example.com/a configured\n".into())
    );
    let b = yaml.replace("name: a", "name: b");
    assert_eq!(
        play.kubectl("apply --server-side -f -", &b),
        (0, "crontab.stable.example.com/b serverside-applied\n".into())
    );
    let (code, said) = play
        .kubectl("apply --server-side --field-manager=other -f -", &b.replace("replicas: 2", "replicas: 3"));
    assert_eq!(code, 1);
    assert!(said.contains("conflict with \"kubectl\": .spec.replicas"), "{said}");
    let (_, said) =
        play.kubectl("apply --server-side -f -", &b.replace("replicas: 2", "replicas: 3, bogus: 1"));
    assert!(said.contains(".spec.bogus: field not declared in schema"), "{said}");
}

#[test]
fn a_definition_takes_its_resources_along() {
    let mut play = Play::new();
    play.json("POST", ALL, &good("free"));
    let mut held = good("held");
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    play.json("POST", ALL, &held);
    let crd = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/crontabs.stable.example.com";
    assert_eq!(play.json("DELETE", crd, &json!({})).0, 200);
    let definition = play.get(crd);
    assert_eq!(definition["metadata"]["finalizers"], json!(["customresourcecleanup.apiextensions.k8s.io"]));
    assert_eq!(definition["status"]["conditions"][2]["reason"], "InstanceDeletionInProgress");
    let (code, said) = play.json("POST", ALL, &good("late"));
    assert_eq!(
        (code, said["message"].as_str()),
        (405, Some("create not allowed while custom resource definition is terminating"))
    );
    assert_eq!(play.get(ALL)["items"].as_array().map(Vec::len), Some(1));
    play.patch(&format!("{ALL}/held"), "merge", &json!({"metadata": {"finalizers": []}}));
    assert_eq!(play.json("GET", crd, &Value::Null).0, 404);
    let response = play.send("GET", ALL, "", "");
    assert_eq!((response.code, response.body.as_str()), (404, Some("404 page not found\n")));
}

#[test]
fn namespaces_take_custom_resources_along_and_quotas_count_them() {
    let mut play = Play::new();
    assert_eq!(play.kubectl("create ns temporary", "").0, 0);
    assert_eq!(
        play.kubectl("-n temporary create quota q --hard=count/crontabs.stable.example.com=1", "").0,
        0
    );
    play.0.wait(2);
    let all = ALL.replace("default", "temporary");
    assert_eq!(play.json("POST", &all, &good("a")).0, 201);
    let (code, said) = play.json("POST", &all, &good("b"));
    assert_eq!(code, 403, "{said}");
    assert!(
        said["message"]
            .as_str()
            .unwrap()
            .contains("exceeded quota: q, requested: count/crontabs.stable.example.com=1"),
        "{said}"
    );
    assert_eq!(play.kubectl("delete ns temporary --wait=false", "").0, 0);
    play.0.wait(60);
    assert_eq!(play.kubectl("get ns temporary", "").0, 1);
    assert_eq!(play.get("/apis/stable.example.com/v1/crontabs")["items"].as_array().map(Vec::len), Some(0));
}

#[test]
fn bad_definitions_are_refused_and_leave_nothing() {
    let mut play = Play::new();
    let schema = |schema: &str| {
        format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: xs.example.com}}\nspec:\n  group: example.com\n  \
             scope: Cluster\n  names: {{plural: xs, kind: X}}\n  versions:\n  - {{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {schema}}}}}\n"
        )
    };
    let at = "spec.validation.openAPIV3Schema";
    let cases = [
        ("{properties: {}}", format!("{at}.type: Required value: must not be empty at the root")),
        (
            "{type: object, properties: {a: {}}}",
            format!("{at}.properties[a].type: Required value: must not be empty for specified object fields"),
        ),
        (
            "{type: object, properties: {a: {type: array}}}",
            format!("{at}.properties[a].items: Required value: must be specified"),
        ),
        (
            "{type: object, properties: {a: {type: string, pattern: '('}}}",
            format!(
                "{at}.properties[a].pattern: Invalid value: \"(\": must be a valid regular expression, but isn't:"
            ),
        ),
        (
            "{type: object, properties: {a: {type: string, pattern: '((a{1000}){1000}){1000}'}}}",
            "must be a valid regular expression".into(),
        ),
        (
            "{type: object, properties: {a: {type: integer, default: x}}}",
            format!("{at}.properties[a].default: Invalid value: \"string\""),
        ),
        (
            "{type: object, properties: {a: {type: array, x-kubernetes-list-type: map, items: {type: object}}}}",
            format!(
                "{at}.properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map"
            ),
        ),
        (
            "{type: object, anyOf: [{type: object}]}",
            format!("{at}.anyOf[0].type: Forbidden: must be empty to be structural"),
        ),
        (
            "{type: object, properties: {a: {$ref: '#/x', type: string}}}",
            format!("{at}.properties[a].$ref: Forbidden: $ref is not supported"),
        ),
    ];
    for (given, expected) in cases {
        let (code, said) = play.kubectl("apply -f -", &schema(given));
        assert_eq!(code, 1, "{given}: {said}");
        assert!(said.contains(&expected), "{given}: {said}");
    }
    let deep = "{type: object, properties: {a: ".repeat(200) + "{type: string}" + &"}}".repeat(200);
    assert_eq!(play.kubectl("apply -f -", &schema(&deep)).0, 1);
    let other = schema("{type: object}").replace("name: xs.example.com", "name: ys.example.com");
    let (_, said) = play.kubectl("apply -f -", &other);
    assert!(
        said.contains(
            "metadata.name: Invalid value: \"ys.example.com\": must be spec.names.plural+\".\"+spec.group"
        ),
        "{said}"
    );
    let (_, said) = play.kubectl("get crd -o name", "");
    assert_eq!(said, "customresourcedefinition.apiextensions.k8s.io/crontabs.stable.example.com\n");
    // Many items against many choices: refused in good time.
    let many: Vec<String> = (0..400).map(|at| format!("{{maxLength: 1, pattern: '^{at}$'}}")).collect();
    let schema = schema(&format!(
        "{{type: object, properties: {{a: {{type: array, items: {{type: string, anyOf: [{}]}}}}}}}}",
        many.join(",")
    ));
    assert_eq!(play.kubectl("apply -f -", &schema).0, 0);
}

#[test]
fn what_says_nothing_of_replicas_is_scaled_all_the_same() {
    let mut play = Play::new();
    let definition = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: flocks.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: flocks, kind: Flock}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {birds: {type: integer}}}}}}
    subresources: {scale: {specReplicasPath: .spec.birds, statusReplicasPath: .status.birds}}
";
    assert_eq!(play.kubectl("apply -f -", definition).0, 0);
    play.0.wait(1);
    let flocks = "/apis/example.com/v1/namespaces/default/flocks";
    for name in ["f", "g"] {
        let flock = json!({"apiVersion": "example.com/v1", "kind": "Flock", "metadata": {"name": name}});
        assert_eq!(play.json("POST", flocks, &flock).0, 201);
    }
    let (code, said) = play.json("GET", &format!("{flocks}/f/scale"), &Value::Null);
    let why = "Internal error occurred: the spec replicas field \".spec.birds\" does not exist";
    assert_eq!((code, said["message"].as_str()), (500, Some(why)));
    let (code, said) = play.patch(&format!("{flocks}/f/scale"), "merge", &json!({"spec": {"replicas": 4}}));
    assert_eq!((code, &said["spec"]), (200, &json!({"replicas": 4})));
    assert_eq!(play.kubectl("scale flock/g --replicas=3", ""), (0, "flock.example.com/g scaled\n".into()));
    let birds = |play: &mut Play, name: &str| play.get(&format!("{flocks}/{name}"))["spec"]["birds"].clone();
    assert_eq!((birds(&mut play, "f"), birds(&mut play, "g")), (json!(4), json!(3)));
}

#[test]
fn there_is_no_protobuf_of_what_people_defined() {
    let mut play = Play::new();
    let protobuf = "application/vnd.kubernetes.protobuf";
    for (accept, code) in [
        (protobuf.to_owned(), 406),
        (format!("{protobuf},application/json"), 200),
        (format!("{protobuf};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"), 200),
    ] {
        let request = HttpRequest {
            method: "GET".into(),
            path: ALL.into(),
            accept: accept.as_str().into(),
            ..HttpRequest::default()
        };
        assert_eq!(play.0.request(request).code, code, "{accept}");
    }
}

#[test]
fn nothing_is_patched_into_a_kind_of_its_own() {
    let mut play = Play::new();
    assert_eq!(play.json("POST", ALL, &good("a")).0, 201);
    let path = format!("{ALL}/a");
    for (patch, given, wanted) in [
        (json!({"apiVersion": null}), "apiVersion: Invalid value: \"\"", "stable.example.com/v1"),
        (
            json!({"apiVersion": "other/v1"}),
            "apiVersion: Invalid value: \"other/v1\"",
            "stable.example.com/v1",
        ),
        (json!({"kind": "Other"}), "kind: Invalid value: \"Other\"", "CronTab"),
    ] {
        let (code, said) = play.patch(&path, "merge", &patch);
        let why = format!("CronTab.stable.example.com \"a\" is invalid: {given}: must be {wanted}");
        assert_eq!((code, said["message"].as_str()), (422, Some(why.as_str())), "{patch}");
    }
    let remove = json!([{"op": "remove", "path": "/apiVersion"}]);
    assert_eq!(play.patch(&path, "json", &remove).0, 422);
    assert_eq!(play.patch(&path, "merge", &json!({"spec": {"image": "b"}})).0, 200);
}

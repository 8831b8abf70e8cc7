//! What definitions say beyond the shape: owners and their garbage, how lists are owned, roles, rules in CEL.

use serde_json::{Value, json};

use crate::support::custom::{ALL, Play, good};

/// Lists that are told apart by keys, sets, and what is owned as a whole, as the definition says it.
const BOARDS: &str = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boards.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: boards, kind: Board}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              lanes:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name, side]
                items:
                  type: object
                  required: [name]
                  properties: {name: {type: string}, side: {type: string, default: left}, limit: {type: integer}}
              tags: {type: array, x-kubernetes-list-type: set, items: {type: string}}
              containers: {type: array, items: {type: object, properties: {name: {type: string}}}}
              selector: {type: object, additionalProperties: {type: string}}
              whole: {type: object, x-kubernetes-map-type: atomic, properties: {a: {type: string}, b: {type: string}}}
"#;

#[test]
fn the_definition_says_how_lists_and_maps_are_owned() {
    let mut play = Play::new();
    assert_eq!(play.kubectl("apply -f -", BOARDS).0, 0);
    play.0.wait(1);
    let board = |spec: &str| {
        format!(
            "apiVersion: example.com/v1\nkind: Board\nmetadata: {{name: b, finalizers: [example.com/x]}}\nspec: {spec}\n"
        )
    };
    let mut apply = |manager: &str, spec: &str| {
        play.kubectl(&format!("apply --server-side --field-manager={manager} -f -"), &board(spec))
    };
    let first = "{lanes: [{name: todo, limit: 3}], tags: [a], containers: [{name: x}], selector: {k: v}, whole: {a: '1'}}";
    assert_eq!(apply("one", first).0, 0);
    // Other lanes, tags and keys are another's; the same lane's limit is not.
    assert_eq!(apply("two", "{lanes: [{name: done, side: right}], tags: [b], selector: {l: w}}").0, 0);
    let conflicts = [
        (
            "{lanes: [{name: todo, limit: 4}]}",
            r#"conflict with "one": .spec.lanes[name="todo",side="left"].limit"#,
        ),
        ("{containers: [{name: y}]}", r#"conflict with "one": .spec.containers"#),
        ("{whole: {b: '2'}}", r#"conflict with "one": .spec.whole"#),
        ("{selector: {k: other}}", r#"conflict with "one": .spec.selector.k"#),
    ];
    for (spec, conflict) in conflicts {
        let (code, said) = apply("two", spec);
        assert!(code == 1 && said.contains(conflict), "{spec}: {said}");
    }
    // What one no longer says goes, and what is two's stays.
    assert_eq!(apply("one", "{tags: [c]}").0, 0);
    let one = play.get("/apis/example.com/v1/namespaces/default/boards/b");
    assert_eq!(
        one["spec"],
        json!({"lanes": [{"name": "done", "side": "right"}], "tags": ["b", "c"], "selector": {"l": "w"}})
    );
    let fields = |manager: &str| {
        let entries = one["metadata"]["managedFields"].as_array().unwrap();
        entries.iter().find(|entry| entry["manager"] == manager).unwrap()["fieldsV1"].clone()
    };
    assert_eq!(
        fields("two")["f:spec"],
        json!({
            "f:lanes": {r#"k:{"name":"done","side":"right"}"#: {".": {}, "f:name": {}, "f:side": {}}},
            "f:tags": {r#"v:"b""#: {}}, "f:selector": {"f:l": {}}
        })
    );
    assert_eq!(fields("one")["f:metadata"]["f:finalizers"], json!({r#"v:"example.com/x""#: {}}));
}

#[test]
fn the_garbage_collector_follows_custom_resources() {
    let mut play = Play::new();
    let uid = play.json("POST", ALL, &good("owner")).1["metadata"]["uid"].clone();
    let owners = |blocks: bool| {
        json!([{
            "apiVersion": "stable.example.com/v1", "kind": "CronTab", "name": "owner", "uid": uid,
            "controller": true, "blockOwnerDeletion": blocks
        }])
    };
    let owned = |mut object: Value, blocks: bool| {
        object["metadata"]["ownerReferences"] = owners(blocks);
        object
    };
    let kinds = [
        ("/api/v1/namespaces/default/configmaps", "v1", "ConfigMap"),
        ("/apis/networking.k8s.io/v1/namespaces/default/ingresses", "networking.k8s.io/v1", "Ingress"),
        (
            "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles",
            "rbac.authorization.k8s.io/v1",
            "Role",
        ),
    ];
    for (path, version, kind) in kinds {
        let mut object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "owned"}});
        if kind == "Ingress" {
            object["spec"] = json!({"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}});
        }
        assert_eq!(play.json("POST", path, &owned(object, true)).0, 201, "{kind}");
    }
    assert_eq!(play.json("POST", ALL, &owned(good("owned"), false)).0, 201);
    // One whose owner was never there goes, too.
    let mut stray = owned(good("stray"), false);
    stray["metadata"]["ownerReferences"][0]["uid"] = json!("7c2f9e7e-5b3a-4bd5-a90d-2b3f1d1f0d0e");
    assert_eq!(play.json("POST", ALL, &stray).0, 201);
    play.0.wait(5);
    assert_eq!(play.json("GET", &format!("{ALL}/stray"), &Value::Null).0, 404);
    assert_eq!(play.json("GET", &format!("{ALL}/owned"), &Value::Null).0, 200);
    let (code, _) = play.json("DELETE", &format!("{ALL}/owner"), &json!({"propagationPolicy": "Foreground"}));
    assert_eq!(code, 200);
    play.0.wait(5);
    for (path, ..) in kinds.into_iter().chain([(ALL, "", "")]) {
        assert_eq!(play.json("GET", &format!("{path}/owned"), &Value::Null).0, 404, "{path}");
    }
    assert_eq!(play.json("GET", &format!("{ALL}/owner"), &Value::Null).0, 404);
    // Orphans stay, without their owner.
    let uid = play.json("POST", ALL, &good("owner")).1["metadata"]["uid"].clone();
    let mut orphan = good("orphan");
    orphan["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "stable.example.com/v1", "kind": "CronTab", "name": "owner", "uid": uid}]);
    play.json("POST", ALL, &orphan);
    play.0.wait(1);
    play.json("DELETE", &format!("{ALL}/owner"), &json!({"propagationPolicy": "Orphan"}));
    play.0.wait(5);
    assert_eq!(play.json("GET", &format!("{ALL}/owner"), &Value::Null).0, 404);
    assert!(play.get(&format!("{ALL}/orphan"))["metadata"]["ownerReferences"].is_null());
}

#[test]
fn roles_bind_custom_resources() {
    let mut play = Play::new();
    assert_eq!(
        play.kubectl("create role reader --verb=get,list --resource=crontabs.stable.example.com", "").0,
        0
    );
    assert_eq!(play.kubectl("create rolebinding readers --role=reader --user=ann", "").0, 0);
    play.0.wait(1);
    assert_eq!(play.kubectl("get ct --as=ann", ""), (0, "No resources found in default namespace.\n".into()));
    let (code, said) = play.kubectl("delete ct --all -A --as=ann", "");
    assert_eq!(code, 1);
    assert!(
        said.contains(r#"crontabs.stable.example.com is forbidden: User "ann" cannot list resource "crontabs" in API group "stable.example.com" at the cluster scope"#),
        "{said}"
    );
    let (code, said) = play.kubectl("auth can-i create crontabs.stable.example.com --as=ann", "");
    assert_eq!((code, said.as_str()), (1, "no\n"));
    assert_eq!(play.kubectl("auth can-i list ct --as=ann", ""), (0, "yes\n".into()));
}

/// Rules in CEL: on fields, between them, on lists, on changes.
const RULED: &str = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ranges.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: ranges, kind: Range}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        x-kubernetes-validations:
        - {rule: "self.metadata.name.startsWith('r')", message: must begin with r}
        properties:
          spec:
            type: object
            required: [min]
            x-kubernetes-validations:
            - {rule: self.min <= self.max}
            - {rule: "self.step > 0 && 100 / self.step >= 1", fieldPath: .step, reason: FieldValueForbidden, messageExpression: "'step of ' + self.unit"}
            properties:
              min: {type: integer}
              max: {type: integer, default: 10}
              step: {type: integer, default: 1}
              unit: {type: string, default: '1', maxLength: 20}
              mode: {type: string, enum: [fast, slow]}
              fixed:
                type: string
                x-kubernetes-validations: [{rule: self == oldSelf, message: may not change}]
              parts:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items:
                  type: object
                  required: [name]
                  properties:
                    name: {type: string}
                    size:
                      type: integer
                      x-kubernetes-validations: [{rule: self >= oldSelf, message: may only grow}]
"#;

#[test]
fn lists_hold_nothing_twice() {
    let mut play = Play::new();
    assert_eq!(play.kubectl("apply -f -", BOARDS).0, 0);
    play.0.wait(1);
    let boards = "/apis/example.com/v1/namespaces/default/boards";
    let board = |name: &str, spec: &Value| json!({"apiVersion": "example.com/v1", "kind": "Board", "metadata": {"name": name}, "spec": spec});
    // What is not said has the schema's default, and tells lanes apart like what is.
    let twice = json!({"lanes": [{"name": "a"}, {"name": "b"}, {"name": "a", "side": "left", "limit": 2}], "tags": ["x", "y", "x"]});
    let lane = r#"Duplicate value: {"name":"a","side":"left"}"#;
    let tag = r#"Duplicate value: "x""#;
    let faults = json!([
        {"field": "spec.lanes[2]", "reason": "FieldValueDuplicate", "message": lane},
        {"field": "spec.tags[2]", "reason": "FieldValueDuplicate", "message": tag}
    ]);
    let (code, said) = play.json("POST", boards, &board("b", &twice));
    assert_eq!((code, &said["details"]["causes"]), (422, &faults), "{said}");
    let once = json!({"lanes": [{"name": "a"}, {"name": "a", "side": "right"}], "tags": ["x"], "containers": [{"name": "c"}, {"name": "c"}]});
    assert_eq!(play.json("POST", boards, &board("b", &once)).0, 201);
    let (code, said) = play.patch(&format!("{boards}/b"), "merge", &json!({"spec": twice}));
    assert_eq!((code, &said["details"]["causes"]), (422, &faults), "{said}");
}

#[test]
fn rules_of_definitions_are_evaluated() {
    let mut play = Play::new();
    let (code, said) = play.kubectl("apply -f -", RULED);
    assert_eq!(code, 0, "{said}");
    play.0.wait(1);
    let all = "/apis/example.com/v1/namespaces/default/ranges";
    let range = |name: &str, spec: Value| json!({"apiVersion": "example.com/v1", "kind": "Range", "metadata": {"name": name}, "spec": spec});
    let refused = [
        ("r", json!({"min": 11}), r#"spec: Invalid value: "object": failed rule: self.min <= self.max"#),
        ("x", json!({"min": 1}), r#"<nil>: Invalid value: "object": must begin with r"#),
        ("r", json!({"min": 1, "step": 0}), "spec.step: Forbidden: step of 1"),
        ("r", json!({"min": 1, "step": 101, "unit": "5"}), "spec.step: Forbidden: step of 5"),
        (
            "r",
            json!({"max": 1}),
            "<nil>: Invalid value: \"null\": some validation rules were not checked because the object was invalid; correct the \
             existing errors to complete validation",
        ),
        (
            "r",
            json!({"min": 11, "mode": "FAST"}),
            "supported values: \"fast\", \"slow\", <nil>: Invalid value: \"null\": some validation rules were not checked",
        ),
    ];
    for (name, spec, why) in refused {
        let (code, said) = play.json("POST", all, &range(name, spec));
        assert!(code == 422 && said["message"].as_str().unwrap().contains(why), "{why}: {said}");
    }
    let first =
        json!({"min": 1, "fixed": "a", "parts": [{"name": "x", "size": 2}, {"name": "y", "size": 5}]});
    assert_eq!(play.json("POST", all, &range("r", first)).0, 201);
    let one = format!("{all}/r");
    let (code, said) = play.patch(&one, "merge", &json!({"spec": {"fixed": "b"}}));
    assert_eq!(
        (code, said["message"].as_str().unwrap()),
        (422, r#"Range.example.com "r" is invalid: spec.fixed: Invalid value: "string": may not change"#)
    );
    // Items are compared with those of the same keys, wherever they stand.
    let parts =
        |x: i64, y: i64| json!({"spec": {"parts": [{"name": "y", "size": y}, {"name": "x", "size": x}]}});
    assert_eq!(play.patch(&one, "merge", &parts(2, 6)).0, 200);
    let (code, said) = play.patch(&one, "merge", &parts(1, 6));
    assert!(
        code == 422
            && said["message"]
                .as_str()
                .unwrap()
                .ends_with(r#"spec.parts[1].size: Invalid value: "integer": may only grow"#),
        "{said}"
    );
    let bad = RULED
        .replace("self.min <= self.max", "self.min <= other")
        .replace("ranges", "bads")
        .replace("Range", "Bad");
    let (code, said) = play.kubectl("apply -f -", &bad);
    assert!(
        code == 1
            && said.contains("compilation failed: ERROR: <input>:1:13: undeclared reference to 'other'"),
        "{said}"
    );
}

/// A definition of gadgets with a rule on their `spec`.
fn gadgets(rule: &str) -> String {
    format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: gadgets.example.com}}\nspec:\n  \
         group: example.com\n  scope: Cluster\n  names: {{plural: gadgets, kind: Gadget}}\n  versions:\n  - name: v1\n    \
         served: true\n    storage: true\n    schema:\n      openAPIV3Schema:\n        type: object\n        properties:\n          \
         spec:\n            type: object\n            x-kubernetes-validations: [{rule}]\n            properties:\n              \
         size: {{type: integer}}\n              name: {{type: string}}\n              live: {{type: boolean}}\n              \
         port: {{x-kubernetes-int-or-string: true}}\n              tags: {{type: array, items: {{type: string}}}}\n              \
         labels: {{type: object, maxProperties: 8, additionalProperties: {{type: string, maxLength: 63}}}}\n              free: {{x-kubernetes-preserve-unknown-fields: true}}\n              \
         until: {{type: string, format: date-time}}\n              part: {{type: object, properties: {{a: {{type: integer}}}}}}\n              \
         whole: {{type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}}\n"
    )
}

#[test]
fn rules_fit_the_types_of_the_schema() {
    let mut play = Play::new();
    let at = "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0]";
    let refused = [
        ("self.nope > 1", "5: undefined field 'nope'\n | self.nope > 1\n | ....^"),
        ("has(self.part.nope)", "14: undefined field 'nope'"),
        ("self.free == 1", "5: undefined field 'free'"),
        ("self.whole.metadata.labels.size() > 0", "20: undefined field 'labels'"),
        ("self.size > 'a'", "11: found no matching overload for '_>_' applied to '(int, string)'"),
        ("self.part == 1", "11: found no matching overload for '_==_' applied to '(selfType.part, int)'"),
        ("self.until > 1", "12: found no matching overload for '_>_' applied to '(timestamp, int)'"),
        ("self.name.nope()", "15: undeclared reference to 'nope' (in container '')"),
        ("nope(self.name)", "5: undeclared reference to 'nope' (in container '')"),
        (
            "self.tags.all(tag, tag > 1)",
            "24: found no matching overload for '_>_' applied to '(string, int)'",
        ),
        (
            "quantity(self.name) > 1",
            "21: found no matching overload for '_>_' applied to '(kubernetes.Quantity, int)'",
        ),
    ];
    for (rule, why) in refused {
        let (code, said) = play.kubectl("create -f -", &gadgets(&format!("{{rule: {rule:?}}}")));
        let why = format!("compilation failed: ERROR: <input>:1:{why}");
        assert!(
            code == 1 && said.contains(&format!("{at}.rule: Invalid value:")) && said.contains(&why),
            "{rule}: {said}"
        );
    }
    for rule in ["self.size", "self.port", "self.tags.map(tag, tag)"] {
        let (code, said) = play.kubectl("create -f -", &gadgets(&format!("{{rule: {rule:?}}}")));
        assert!(code == 1 && said.contains("cel expression must evaluate to a bool"), "{rule}: {said}");
    }
    let (_, said) = play.kubectl("create -f -", &gadgets("{rule: self.live, messageExpression: self.size}"));
    assert!(said.contains(&format!("{at}.messageExpression: Invalid value:")), "{said}");
    assert!(said.contains("messageExpression must evaluate to a string"), "{said}");
    // Where the schema itself is wrong, rules are not looked at.
    let (_, said) =
        play.kubectl("create -f -", &gadgets("{rule: self.nope}").replace("type: boolean", "type: truth"));
    assert!(said.contains("Unsupported value: \"truth\"") && !said.contains("undefined field"), "{said}");
    // Items without keys are not known again.
    let list = gadgets("{rule: 'true'}").replace(
        "items: {type: string}",
        "items: {type: string, x-kubernetes-validations: [{rule: self == oldSelf}]}",
    );
    let (code, said) = play.kubectl("create -f -", &list);
    let why = "oldSelf cannot be used on the uncorrelatable portion of the schema within \
               spec.validation.openAPIV3Schema.properties[spec].properties[tags]";
    assert!(code == 1 && said.contains(why), "{said}");
    for rule in [
        "self.size + 1 > 2 && self.live && self.name.startsWith('a') && 'x' in self.labels",
        "type(self.port) == string ? self.port != '' : self.port > 0",
        "self.until > timestamp('2026-01-01T00:00:00Z') && self.whole.metadata.name != ''",
        "self.?part.?a.orValue(1) > 0 && sets.contains(self.tags, ['a'])",
        "self.labels.all(key, self.labels[key].matches('^a')) && quantity(self.name).isLessThan(quantity('1Gi'))",
    ] {
        let (code, said) = play.kubectl("apply -f -", &gadgets(&format!("{{rule: {rule:?}}}")));
        assert_eq!(code, 0, "{rule}: {said}");
    }
    // What was there before may be missing, and the rule says what holds then.
    let (code, said) = play.kubectl(
        "apply -f -",
        &gadgets("{rule: self.size >= oldSelf.?size.orValue(5), optionalOldSelf: true}"),
    );
    assert_eq!(code, 0, "{said}");
    play.0.wait(1);
    let gadget = |size: u32| json!({"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "a"}, "spec": {"size": size}});
    let all = "/apis/example.com/v1/gadgets";
    assert_eq!(play.json("POST", all, &gadget(4)).0, 422);
    assert_eq!(play.json("POST", all, &gadget(6)).0, 201);
    assert_eq!(play.patch(&format!("{all}/a"), "merge", &json!({"spec": {"size": 5}})).0, 422);
}

#[test]
fn rules_may_not_cost_too_much() {
    let mut play = Play::new();
    let at = "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations";
    let advice = "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)";
    let twice =
        "{rule: 'self.tags.all(a, self.tags.all(b, a == b))', messageExpression: \"self.name + 'x'\"}";
    let (code, said) = play.kubectl("create -f -", &gadgets(twice));
    let why = format!(
        "{at}[0].rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x {advice}"
    );
    assert!(code == 1 && said.contains(&why), "{said}");
    let whole = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";
    assert!(said.contains(&format!("{at}[0].rule: Forbidden: {whole}")), "{said}");
    let total = "openAPIV3Schema: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds \
                 budget by factor of more than 100x";
    assert!(said.contains(total), "{said}");
    // Each alone is cheap enough, and all of them are not.
    let many = ["{rule: \"self.tags.all(a, a.contains('xxxxxxxxxxxxx'))\"}"; 12].join(", ");
    let bounded = gadgets(&many).replace(
        "tags: {type: array, items: {type: string}}",
        "tags: {type: array, maxItems: 300, items: {type: string, maxLength: 37000}}",
    );
    let (code, said) = play.kubectl("create -f -", &bounded);
    assert!(code == 1 && said.contains(&format!("{at}[3].rule: Forbidden: {whole}")), "{said}");
    assert!(said.contains("entire OpenAPIv3 schema exceeds budget by factor of 1.065744x"), "{said}");
    assert!(!said.contains("estimated rule cost exceeds"), "{said}");
    // Bounds are what is asked for.
    let bounded = gadgets(twice).replace(
        "tags: {type: array, items: {type: string}}",
        "tags: {type: array, maxItems: 500, items: {type: string, maxLength: 40}}",
    );
    let (code, said) = play.kubectl("create -f -", &bounded);
    assert_eq!(code, 0, "{said}");
    play.0.wait(1);
    let gadget = |name: &str, tags: usize| {
        let tags = vec!["x".repeat(40); tags];
        json!({"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": name}, "spec": {"tags": tags}})
    };
    let all = "/apis/example.com/v1/gadgets";
    assert_eq!(play.json("POST", all, &gadget("few", 20)).0, 201);
    let (code, said) = play.json("POST", all, &gadget("many", 500));
    let why = "Gadget.example.com \"many\" is invalid: spec: Invalid value: \"object\": 'operation cancelled: actual cost limit \
               exceeded': no further validation rules will be run due to call cost exceeds limit for rule: self.tags.all(a, self.tags.all(b, a == b))";
    assert_eq!((code, said["message"].as_str().unwrap()), (422, why));
}

/// As upstream: nobody knows how long a text gets that a number is made into.
#[test]
fn texts_of_unknown_length_cost_without_end() {
    let mut play = Play::new();
    let (code, said) = play.kubectl(
        "create -f -",
        &gadgets("{rule: self.live, messageExpression: \"'size ' + string(self.size)\"}"),
    );
    let why = "x-kubernetes-validations[0].messageExpression: Forbidden: estimated messageExpression cost exceeds budget by factor of more than 100x";
    assert!(code == 1 && said.contains(why), "{said}");
}

#[test]
fn bytes_are_bytes_to_rules() {
    let mut play = Play::new();
    let bytes =
        gadgets("{rule: \"self.name.size() == 3 && self.name == b'web' && string(self.name) == 'web'\"}")
            .replace("name: {type: string}", "name: {type: string, format: byte}");
    let (code, said) = play.kubectl("create -f -", &bytes);
    assert_eq!(code, 0, "{said}");
    play.0.wait(1);
    let gadget = |name: &str| json!({"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "a"}, "spec": {"name": name}});
    let all = "/apis/example.com/v1/gadgets";
    assert_eq!(play.json("POST", all, &gadget("bm8=")).0, 422);
    assert_eq!(play.json("POST", all, &gadget("d2Vi")).0, 201);
}

//! What is refused of kinds that the cluster keeps and has no controller for: policies, their bindings, devices and claims.

use serde_json::{Value, json};

use crate::served_kinds::send;
use crate::support::world::World;

const POLICIES: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
const BINDINGS: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";
const MUTATIONS: &str = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies";
const MUTATION_BINDINGS: &str = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings";
const DEVICES: &str = "/apis/resource.k8s.io/v1";

/// Each spec is refused, with what is said; or made, where nothing is.
fn refused(list: &str, cases: &[(Value, &str)]) {
    let mut world = World::new();
    for (spec, why) in cases {
        let object = json!({"metadata": {"name": "x"}, "spec": spec});
        let (code, said) = send(&mut world, "POST", &format!("{list}?dryRun=All"), &object);
        if why.is_empty() {
            assert_eq!(code, 201, "{spec}: {said}");
            continue;
        }
        assert_eq!(code, 422, "{spec}: {said}");
        let text = said["message"].as_str().expect("a message");
        let (_, told) = text.split_once(" is invalid: ").expect("what is wrong");
        assert_eq!(told, *why, "{spec}");
    }
}

fn policy(more: &Value) -> Value {
    let rule = json!({"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]});
    let mut spec =
        json!({"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": "true"}]});
    spec.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
    spec
}

#[test]
fn policies_speak_of_what_there_is() {
    let kind = json!({"apiVersion": "v1", "kind": "ConfigMap"});
    let undeclared = |at: &str, text: &str, name: &str, mark: &str| {
        format!(
            "{at}: Invalid value: \"{text}\": compilation failed: ERROR: <input>:1:{}: undeclared reference to '{name}' (in \
             container '')\n | {text}\n | {mark}^",
            mark.len() + 1
        )
    };
    let many: Vec<Value> =
        (0..65).map(|at| json!({"name": format!("m{at}"), "expression": "true"})).collect();
    refused(
        POLICIES,
        &[
            (policy(&json!({"validations": [{"expression": "params.x == 1"}], "paramKind": kind})), ""),
            (
                policy(&json!({"validations": [{"expression": "params.x == 1"}]})),
                &undeclared("spec.validations[0].expression", "params.x == 1", "params", ""),
            ),
            (
                policy(&json!({"matchConditions": [{"name": "m", "expression": "variables.a"}],
                    "variables": [{"name": "a", "expression": "true"}]})),
                &undeclared("spec.matchConditions[0].expression", "variables.a", "variables", ""),
            ),
            (
                policy(&json!({"matchConditions": many})),
                "spec.matchConditions: Too many: 65: must have at most 64 items",
            ),
            (
                policy(
                    &json!({"variables": [{"name": "a-b", "expression": ""}, {"name": "in", "expression": "1"}]}),
                ),
                "[spec.variables[0].name: Invalid value: \"a-b\": name is not a valid CEL identifier, \
                 spec.variables[0].expression: Required value: expression is not specified, spec.variables[1].name: \
                 Invalid value: \"in\": name is not a valid CEL identifier]",
            ),
            (
                policy(
                    &json!({"validations": [{"expression": "true", "message": "a\nb", "messageExpression": " "}]}),
                ),
                "[spec.validations[0].messageExpression: Invalid value: \" \": must be non-empty if specified, \
                 spec.validations[0].message: Invalid value: \"a\\nb\": message must not contain line breaks]",
            ),
            (
                policy(
                    &json!({"auditAnnotations": [{"key": "k", "valueExpression": "'a'"}, {"key": "k", "valueExpression": ""}]}),
                ),
                "[spec.auditAnnotations[1].valueExpression: Required value: valueExpression is not specified, \
                 spec.auditAnnotations[1].key: Duplicate value: \"k\"]",
            ),
            (
                policy(&json!({"paramKind": {"apiVersion": "a/b/c", "kind": "!"}})),
                "[spec.paramKind.apiVersion: Invalid value: \"a/b/c\": unexpected GroupVersion string: a/b/c, \
                 spec.paramKind.kind: Invalid value: \"!\": may have mixed case, but should otherwise match: a DNS-1035 label \
                 must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with \
                 an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is \
                 '[a-z]([-a-z0-9]*[a-z0-9])?')]",
            ),
        ],
    );
    let patch = |text: &str| {
        json!({"validations": null, "reinvocationPolicy": "Never",
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": text}}]})
    };
    refused(
        MUTATIONS,
        &[
            (policy(&patch("[JSONPatch{op: 'remove', path: '/spec/paused'}]")), ""),
            (
                policy(&patch("params.x")),
                &undeclared("spec.mutations[0].jsonPatch.expression", "params.x", "params", ""),
            ),
        ],
    );
}

#[test]
fn bindings_say_which_parameters() {
    let of = |params: Value| json!({"policyName": "p", "validationActions": ["Deny"], "paramRef": params});
    let cases = [
        (of(json!({"name": "a", "parameterNotFoundAction": "Allow"})), ""),
        (
            of(json!({})),
            "[spec.paramRef: Required value: one of name or selector must be specified, \
             spec.paramRef.parameterNotFoundAction: Required value]",
        ),
        (
            of(json!({"name": "a", "selector": {}, "parameterNotFoundAction": "Maybe"})),
            "[spec.paramRef.name: Forbidden: name and selector are mutually exclusive, spec.paramRef.selector: Forbidden: \
             name and selector are mutually exclusive, spec.paramRef.parameterNotFoundAction: Unsupported value: \"Maybe\": \
             supported values: \"Deny\", \"Allow\"]",
        ),
    ];
    refused(BINDINGS, &cases);
    let without_actions = cases.map(|(mut spec, why)| {
        spec.as_object_mut().expect("a map").remove("validationActions");
        (spec, why)
    });
    refused(MUTATION_BINDINGS, &without_actions);
    refused(MUTATION_BINDINGS, &[(json!({}), "spec.policyName: Required value")]);
}

#[test]
fn devices_are_asked_for_in_one_way() {
    let claim = |requests: Value| json!({"devices": {"requests": requests}});
    let claims = format!("{DEVICES}/namespaces/default/resourceclaims");
    let one = json!([{"name": "r", "exactly": {"deviceClassName": "c"}}]);
    let referring = |what: Value| json!({"devices": {"requests": one, "constraints": [what]}});
    refused(
        &claims,
        &[
            (claim(one.clone()), ""),
            (claim(json!([{"name": "r", "firstAvailable": [{"name": "s", "deviceClassName": "c"}]}])), ""),
            (
                claim(json!([{"name": "r"}])),
                "spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required",
            ),
            (
                claim(json!([{"name": "r", "exactly": {"allocationMode": "All", "count": 2}}])),
                "[spec.devices.requests[0].exactly.deviceClassName: Required value, spec.devices.requests[0].exactly.count: \
                 Invalid value: 2: must not be specified when allocationMode is 'All']",
            ),
            (
                claim(
                    json!([{"name": "r", "exactly": {"deviceClassName": "c", "selectors": [{"cel": {"expression": "1"}}]}}]),
                ),
                "spec.devices.requests[0].exactly.selectors[0].cel.expression: Invalid value: \"1\": must evaluate to bool",
            ),
            (
                referring(json!({"requests": ["s"], "matchAttribute": "example.com/model"})),
                "spec.devices.constraints[0].requests[0]: Invalid value: \"s\": must be the name of a request in the claim or \
                 the name of a request and a subrequest separated by '/'",
            ),
            (
                referring(json!({"matchAttribute": "model"})),
                "spec.devices.constraints[0].matchAttribute: Invalid value: \"model\": must include a domain",
            ),
        ],
    );
    let class = json!({"selectors": [{"cel": {"expression": "device.driver =="}}], "config": [{}]});
    refused(
        &format!("{DEVICES}/deviceclasses"),
        &[(
            class,
            "[spec.selectors[0].cel.expression: Invalid value: \"device.driver ==\": compilation failed: ERROR: \
             <input>:1:17: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', \
             'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | device.driver ==\n | ................^, \
             spec.config[0].opaque: Required value]",
        )],
    );
    let slice = |more: Value| {
        let mut spec = json!({"driver": "example.com", "pool": {"name": "p", "resourceSliceCount": 1}, "devices": [{"name": "d"}]});
        spec.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
        spec
    };
    refused(
        &format!("{DEVICES}/resourceslices"),
        &[
            (slice(json!({"nodeName": "node-0"})), ""),
            (
                slice(json!({})),
                "spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is \
                 required",
            ),
            (
                slice(json!({"nodeName": "n", "allNodes": true, "devices": [{"name": "d"}, {"name": "d"}]})),
                "[spec: Invalid value: \"{`nodeName`, `allNodes`}\": exactly one of `nodeName`, `nodeSelector`, `allNodes`, \
                 `perDeviceNodeSelection` is required, but multiple fields are set, spec.devices[1]: Duplicate value: \"d\"]",
            ),
            (
                slice(json!({"allNodes": true, "pool": {"name": "p/Q", "resourceSliceCount": 0},
                    "devices": [{"name": "d", "attributes": {"a": {"int": 1, "bool": true}}}]})),
                "[spec.pool.name: Invalid value: \"Q\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
                 characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used \
                 for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'), \
                 spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero, \
                 spec.devices[0].attributes[a]: Invalid value: \"\": exactly one value must be specified]",
            ),
        ],
    );
}

#[test]
fn drivers_and_attachments_are_named_and_measured() {
    let storage = "/apis/storage.k8s.io/v1";
    refused(
        &format!("{storage}/csidrivers"),
        &[
            (json!({"attachRequired": false}), ""),
            (
                json!({"fsGroupPolicy": "Some", "volumeLifecycleModes": ["Brief"], "nodeAllocatableUpdatePeriodSeconds": 5,
                    "tokenRequests": [{"audience": "a", "expirationSeconds": 5}, {"audience": "a"}]}),
                "[spec.fsGroupPolicy: Unsupported value: \"Some\": supported values: \"File\", \"None\", \
                 \"ReadWriteOnceWithFSType\", spec.volumeLifecycleModes: Unsupported value: \"Brief\": supported values: \
                 \"Ephemeral\", \"Persistent\", spec.tokenRequests[0].expirationSeconds: Invalid value: 5: may not specify a \
                 duration less than 10 minutes, spec.tokenRequests[1].audience: Duplicate value: \"a\", \
                 spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 5: must be greater than or equal to 10 seconds]",
            ),
        ],
    );
    let of = |source: Value| json!({"attacher": "example.com", "nodeName": "node-0", "source": source});
    let one = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
    refused(
        &format!("{storage}/volumeattachments"),
        &[
            (of(json!({"persistentVolumeName": "pv"})), ""),
            (of(json!({})), &format!("spec.source: Required value: {one}")),
            (
                of(json!({"persistentVolumeName": "pv", "inlineVolumeSpec": {}})),
                &format!("spec.source: Forbidden: {one}"),
            ),
            (
                of(json!({"persistentVolumeName": ""})),
                "spec.source.persistentVolumeName: Required value: must specify non empty persistentVolumeName",
            ),
        ],
    );
    let keys =
        |keys: Value| json!({"drivers": [{"name": "example.com", "nodeID": "n", "topologyKeys": keys}]});
    refused(
        &format!("{storage}/csinodes"),
        &[
            (keys(json!(["example.com/zone"])), ""),
            (
                keys(json!(["a", "a", "b c"])),
                "[spec.drivers[0]: Duplicate value: \"a\", spec.drivers[0]: Invalid value: [\"a\",\"a\",\"b c\"]: name part \
                 must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
                 character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
                 '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')]",
            ),
        ],
    );
    let mut world = World::new();
    let room = json!({"metadata": {"name": "x"}, "storageClassName": "c", "capacity": "-1"});
    let list = format!("{storage}/namespaces/default/csistoragecapacities");
    let (code, said) = send(&mut world, "POST", &list, &room);
    assert_eq!(code, 422, "{said}");
    let why = "capacity: Invalid value: \"-1\": must be greater than or equal to 0";
    assert_eq!(said["message"], format!("CSIStorageCapacity.storage.k8s.io \"x\" is invalid: {why}"));
}

#[test]
fn flows_say_whose_requests_they_are_for() {
    let of = |rule: Value| json!({"priorityLevelConfiguration": {"name": "exempt"}, "rules": [rule]});
    let who = json!([{"kind": "User", "user": {"name": "ann"}}]);
    let what = json!([{"verbs": ["*"], "nonResourceURLs": ["/healthz", "/a/*"]}]);
    refused(
        "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas",
        &[
            (of(json!({"subjects": who, "nonResourceRules": what})), ""),
            (
                of(json!({"subjects": [{"kind": "User", "group": {"name": "g"}}, {"kind": "Somebody"},
                    {"kind": "ServiceAccount", "serviceAccount": {"name": "*"}}], "nonResourceRules": what})),
                "[spec.rules[0].subjects[0].user: Required value: user is required when subject kind is 'User', \
                 spec.rules[0].subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group', \
                 spec.rules[0].subjects[1].kind: Unsupported value: \"Somebody\": supported values: \"Group\", \
                 \"ServiceAccount\", \"User\", spec.rules[0].subjects[2].serviceAccount.namespace: Required value: must \
                 specify namespace for service account]",
            ),
            (
                of(
                    json!({"subjects": who, "resourceRules": [{"verbs": ["*", "get"], "apiGroups": ["*", "apps"],
                    "resources": [], "namespaces": ["A"]}]}),
                ),
                "[spec.rules[0].resourceRules[0].verbs: Invalid value: [\"*\",\"get\"]: if '*' is present, must not specify \
                 other verbs, spec.rules[0].resourceRules[0].apiGroups: Invalid value: [\"*\",\"apps\"]: if '*' is present, \
                 must not specify other api groups, spec.rules[0].resourceRules[0].resources: Required value: resource rules \
                 must supply at least one resource, spec.rules[0].resourceRules[0].namespaces[0]: Invalid value: \"A\": each \
                 member of this list must be '*' or a DNS-1123 label; a lowercase RFC 1123 label must consist of lower case \
                 alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or \
                 '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')]",
            ),
            (
                of(
                    json!({"subjects": who, "nonResourceRules": [{"verbs": ["look"], "nonResourceURLs": ["a", "/b*"]}]}),
                ),
                "[spec.rules[0].nonResourceRules[0].verbs: Unsupported value: [\"look\"]: supported values: \"create\", \
                 \"delete\", \"deletecollection\", \"get\", \"list\", \"patch\", \"proxy\", \"update\", \"watch\", \
                 spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: \"a\": must start with slash, \
                 spec.rules[0].nonResourceRules[0].nonResourceURLs[1]: Invalid value: \"/b*\": wildcard can only do suffix \
                 matching]",
            ),
        ],
    );
}

#[test]
fn what_a_mutation_makes_is_of_the_type_that_is_wanted() {
    let mutating = |mutation: Value| {
        json!({"reinvocationPolicy": "Never", "mutations": [mutation], "matchConstraints": {"resourceRules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]}})
    };
    let apply = |text: &str| {
        mutating(json!({"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": text}}))
    };
    let patch = |text: &str| mutating(json!({"patchType": "JSONPatch", "jsonPatch": {"expression": text}}));
    let at = "spec.mutations[0].applyConfiguration.expression: Invalid value";
    refused(
        "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies",
        &[
            (apply("Object{metadata: Object.metadata{labels: {'a': 'b'}}}"), ""),
            (patch("[JSONPatch{op: 'add', path: '/metadata/labels/a', value: 'b'}]"), ""),
            (apply("1 + 1"), &format!("{at}: \"1 + 1\": must evaluate to Object")),
            (apply("{'metadata': {}}"), &format!("{at}: \"{{'metadata': {{}}}}\": must evaluate to Object")),
            (apply("Object.spec{}"), &format!("{at}: \"Object.spec{{}}\": must evaluate to Object")),
            (
                patch("[{'op': 'add'}]"),
                "spec.mutations[0].jsonPatch.expression: Invalid value: \"[{'op': 'add'}]\": must evaluate to \
                 list(JSONPatch)",
            ),
            (
                apply("'a' + 1"),
                &format!(
                    "{at}: \"'a' + 1\": compilation failed: ERROR: <input>:1:5: found no matching overload for '_+_' applied to '(string, int)'\n | 'a' + 1\n | ....^"
                ),
            ),
            (
                patch("true"),
                "spec.mutations[0].jsonPatch.expression: Invalid value: \"true\": must evaluate to list(JSONPatch)",
            ),
        ],
    );
}

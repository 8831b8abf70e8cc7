//! What the API server adds to objects, and what it refuses although they are well-formed.

use shared::apiserver::http::HttpRequest;

use crate::support::world::{NAMESPACE, World};

fn kubectl(world: &mut World, line: &str, stdin: &str) -> (u8, String) {
    let words = ["-n", NAMESPACE].into_iter().chain(line.split(' '));
    let output = world.kubectl(words, stdin);
    (output.exit_code, format!("{}{}", output.stdout, output.stderr))
}

/// A pod whose container has these resources.
fn pod(name: &str, resources: &str, more: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{{more}containers: \
         [{{name: c, image: nginx, resources: {{{resources}}}}}]}}}}"
    )
}

#[test]
fn limit_ranges_fill_in_and_bound() {
    let mut world = World::new();
    let range = "{apiVersion: v1, kind: LimitRange, metadata: {name: l}, spec: {limits: [\
                 {type: Container, max: {cpu: 800m}, min: {cpu: 100m}, default: {cpu: 500m}, maxLimitRequestRatio: {cpu: 4}}]}}";
    let (code, said) = kubectl(&mut world, "apply -f -", range);
    assert_eq!((code, said.as_str()), (0, "limitrange/l created\n"));
    kubectl(&mut world, "create -f -", &pod("plain", "", ""));
    let path = "get pod plain -o jsonpath={.spec.containers[0].resources.requests.cpu},{.status.qosClass},\
                {.metadata.annotations.kubernetes\\.io/limit-ranger}";
    let expected =
        "500m,Burstable,LimitRanger plugin set: cpu request for container c; cpu limit for container c";
    assert_eq!(kubectl(&mut world, path, "").1, expected);
    let refusals = [
        ("limits: {cpu: 1}", "maximum cpu usage per Container is 800m, but limit is 1"),
        (
            "requests: {cpu: 50m}",
            "[minimum cpu usage per Container is 100m, but request is 50m, cpu max limit to \
             request ratio per Container is 4, but provided ratio is 10.000000]",
        ),
    ];
    for (resources, why) in refusals {
        let (code, said) = kubectl(&mut world, "create -f -", &pod("p", resources, ""));
        let expected = format!(
            "Error from server (Forbidden): error when creating \"STDIN\": pods \"p\" is forbidden: {why}\n"
        );
        assert_eq!((code, said), (1, expected));
    }
}

#[test]
fn pods_of_one_batch_are_admitted_by_what_is_there_when_each_comes() {
    let mut world = World::new();
    // Their controller asks for twenty a second, and for many of them with the very same words.
    let set = "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: s}, spec: {replicas: 90, selector: {matchLabels: {a: b}}, \
               template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: nginx}]}}}}";
    kubectl(&mut world, "apply -f -", set);
    world.wait(1);
    let range = "{apiVersion: v1, kind: LimitRange, metadata: {name: l}, spec: {limits: [{type: Container, \
                 defaultRequest: {cpu: 50m}}]}}";
    kubectl(&mut world, "apply -f -", range);
    let since = kubectl(&mut world, "get limitrange l -o jsonpath={.metadata.creationTimestamp}", "").1;
    world.wait(10);
    let columns = "get pods --no-headers -o custom-columns=\
                   A:.metadata.creationTimestamp,B:.spec.containers[0].resources.requests.cpu";
    let pods = kubectl(&mut world, columns, "").1;
    let pods: Vec<Vec<&str>> = pods.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(pods.len(), 90);
    let (before, after): (Vec<_>, Vec<_>) =
        pods.iter().filter(|pod| pod[0] != since).partition(|pod| pod[0] < since.as_str());
    assert!(before.len() > 20 && before.iter().all(|pod| pod[1] == "<none>"), "{before:?}");
    assert!(after.len() > 20 && after.iter().all(|pod| pod[1] == "50m"), "{after:?}");
}

#[test]
fn limit_ranges_bound_pods_and_claims_as_wholes() {
    let mut world = World::new();
    let range = "{apiVersion: v1, kind: LimitRange, metadata: {name: l}, spec: {limits: [\
                 {type: Pod, max: {memory: 1Gi}}, {type: PersistentVolumeClaim, min: {storage: 2Gi}, max: {storage: 5Gi}}]}}";
    kubectl(&mut world, "apply -f -", range);
    let init = "initContainers: [{name: i, image: nginx, resources: {limits: {memory: 2Gi}}}], ";
    let said = kubectl(&mut world, "create -f -", &pod("p", "limits: {memory: 100Mi}", init)).1;
    assert!(said.contains("is forbidden: maximum memory usage per Pod is 1Gi, but limit is 2Gi"), "{said}");
    for (storage, why) in [
        ("1Gi", "minimum storage usage per PersistentVolumeClaim is 2Gi, but request is 1Gi"),
        ("6Gi", "maximum storage usage per PersistentVolumeClaim is 5Gi, but request is 6Gi"),
        ("3Gi", "created"),
    ] {
        let claim = format!(
            "{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: c}}, spec: {{accessModes: [ReadWriteOnce], \
             resources: {{requests: {{storage: {storage}}}}}}}}}"
        );
        let said = kubectl(&mut world, "create -f -", &claim).1;
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn quotas_count_objects_ports_storage_and_classes_of_pods() {
    let mut world = World::new();
    let quotas = "{apiVersion: v1, kind: ResourceQuota, metadata: {name: things}, spec: {hard: {services.nodeports: 1, \
                  requests.storage: 2Gi, count/secrets: 1, count/horizontalpodautoscalers.autoscaling: 0}}}\n---\n\
                  {apiVersion: v1, kind: ResourceQuota, metadata: {name: best-effort}, spec: {hard: {pods: 1}, scopes: [BestEffort]}}";
    kubectl(&mut world, "apply -f -", quotas);
    world.wait(2);
    let over = |name: &str, what: &str, asked: &str, used: &str, limit: &str| {
        format!(
            "exceeded quota: {name}, requested: {what}={asked}, used: {what}={used}, limited: {what}={limit}\n"
        )
    };
    let service = "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {type: NodePort, ports: \
                   [{name: a, port: 80}, {name: b, port: 81}]}}";
    let said = kubectl(&mut world, "create -f -", service).1;
    assert!(said.ends_with(&over("things", "services.nodeports", "2", "0", "1")), "{said}");
    let secret = |name: &str| format!("{{apiVersion: v1, kind: Secret, metadata: {{name: {name}}}}}");
    assert_eq!(kubectl(&mut world, "create -f -", &secret("a")).1, "secret/a created\n");
    let said = kubectl(&mut world, "create -f -", &secret("b")).1;
    assert!(said.ends_with(&over("things", "count/secrets", "1", "1", "1")), "{said}");
    let claim = "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: c}, spec: {accessModes: [ReadWriteOnce], \
                 resources: {requests: {storage: 3Gi}}}}";
    let said = kubectl(&mut world, "create -f -", claim).1;
    assert!(said.ends_with(&over("things", "requests.storage", "3Gi", "0", "2Gi")), "{said}");
    kubectl(&mut world, "create -f -", &pod("one", "", ""));
    let said = kubectl(&mut world, "create -f -", &pod("two", "", "")).1;
    assert!(said.ends_with(&over("best-effort", "pods", "1", "1", "1")), "{said}");
    let said = kubectl(&mut world, "create -f -", &pod("three", "requests: {cpu: 1m}", "")).1;
    assert_eq!(said, "pod/three created\n", "it is no best effort");
    // What goes away is given back.
    kubectl(&mut world, "delete secret a", "");
    kubectl(&mut world, "delete pod one --grace-period=0 --force", "");
    world.wait(3);
    assert_eq!(kubectl(&mut world, "create -f -", &secret("b")).1, "secret/b created\n");
    assert_eq!(kubectl(&mut world, "create -f -", &pod("two", "", "")).1, "pod/two created\n");
    let wrong = "{apiVersion: v1, kind: ResourceQuota, metadata: {name: w}, spec: {hard: {dogs: 1, cpu: -1}, scopes: [BestEffort]}}";
    let (_, said) = kubectl(&mut world, "create -f -", wrong);
    for why in [
        "spec.hard[dogs]: Invalid value: \"dogs\": must be a standard resource for quota",
        "spec.hard[cpu]: Invalid value: \"-1\": must be greater than or equal to 0",
        "spec.scopes: Invalid value: [\"BestEffort\"]: unsupported scope applied to resource",
    ] {
        assert!(said.contains(why), "{why}\n{said}");
    }
}

#[test]
fn what_one_quota_refuses_no_other_counts() {
    let mut world = World::new();
    let quota = |name: &str, hard: &str| {
        format!(
            "---\n{{apiVersion: v1, kind: ResourceQuota, metadata: {{name: {name}}}, spec: {{hard: {{{hard}}}}}}}\n"
        )
    };
    kubectl(&mut world, "apply -f -", &[quota("a", "pods: 5"), quota("b", "count/pods: 0")].concat());
    world.wait(2);
    let said = kubectl(&mut world, "create -f -", &pod("one", "", "")).1;
    assert!(said.contains("exceeded quota: b, requested: count/pods=1"), "{said}");
    assert_eq!(kubectl(&mut world, "get quota a -o jsonpath={.status.used}", "").1, "{\"pods\":\"0\"}");
}

#[test]
fn priority_comes_from_the_class() {
    let mut world = World::new();
    let class =
        "{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: high}, value: 1000}";
    let (code, said) = kubectl(&mut world, "apply -f -", class);
    assert_eq!((code, said.as_str()), (0, "priorityclass.scheduling.k8s.io/high created\n"));
    let cases = [
        ("a", "", "0"),
        ("b", "priorityClassName: high, ", "1000"),
        ("d", "priorityClassName: system-node-critical, ", "2000001000"),
    ];
    for (name, class, priority) in cases {
        let (code, said) = kubectl(&mut world, "create -f -", &pod(name, "", class));
        assert_eq!(code, 0, "{said}");
        let path = format!("get pod {name} -o jsonpath={{.spec.priority}}");
        assert_eq!(kubectl(&mut world, &path, "").1, priority);
    }
    let refusals = [
        ("priorityClassName: none, ", "no PriorityClass with name none was found"),
        (
            "priority: 5, ",
            "the integer value of priority (5) must not be provided in pod spec; priority admission controller computed \
             0 from the given PriorityClass name",
        ),
    ];
    for (class, why) in refusals {
        let (code, said) = kubectl(&mut world, "create -f -", &pod("p", "", class));
        let expected = format!(
            "Error from server (Forbidden): error when creating \"STDIN\": pods \"p\" is forbidden: {why}\n"
        );
        assert_eq!((code, said), (1, expected));
    }
}

#[test]
fn who_is_impersonated_may_what_their_roles_allow() {
    let mut world = World::new();
    let binding = "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b}, \
                   roleRef: {kind: Role, name: reader}, subjects: [{kind: User, name: bob}]}";
    let role = "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: reader}, \
                rules: [{apiGroups: [\"\"], resources: [pods], verbs: [get, list]}]}";
    let can = |world: &mut World, what: &str| kubectl(world, &format!("auth can-i {what}"), "").1;
    assert_eq!(can(&mut world, "list pods --as=bob"), "no\n");
    for manifest in [role, binding] {
        let (code, said) = kubectl(&mut world, "apply -f -", manifest);
        assert_eq!(code, 0, "{said}");
    }
    assert_eq!(can(&mut world, "list pods --as=bob"), "yes\n");
    assert_eq!(can(&mut world, "delete pods --as=bob"), "no\n");
    assert_eq!(can(&mut world, "delete pods"), "yes\n");
    assert_eq!(kubectl(&mut world, "get pods --as=bob", "").0, 0);
    let (code, said) = kubectl(&mut world, "get deployments --as=bob", "");
    let expected = "Error from server (Forbidden): deployments.apps is forbidden: User \"bob\" cannot list resource \
                    \"deployments\" in API group \"apps\" in the namespace \"s11-errors\"\n";
    assert_eq!((code, said.as_str()), (1, expected));
}

#[test]
fn policies_look_at_scales_as_clients_write_them() {
    let mut world = World::new();
    let policy = "
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicy, metadata: {name: few}, spec: {
  matchConstraints: {resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [UPDATE], resources: [deployments/scale]}]},
  validations: [{
    expression: 'object.spec.replicas <= 3',
    messageExpression: \"request.kind.kind + ' from ' + string(oldObject.spec.replicas) + ' by ' + request.subResource\"}]}}
---
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicyBinding, metadata: {name: few},
 spec: {policyName: few, validationActions: [Deny]}}
";
    assert_eq!(kubectl(&mut world, "apply -f -", policy).0, 0);
    assert_eq!(kubectl(&mut world, "create deploy d --image=nginx --replicas=2", "").0, 0);
    world.wait(2);
    let (code, said) = kubectl(&mut world, "scale deploy d --replicas=4", "");
    let why = "ValidatingAdmissionPolicy 'few' with binding 'few' denied request: Scale from 2 by scale";
    assert!(code == 1 && said.contains(why), "{said}");
    assert_eq!(
        kubectl(&mut world, "scale deploy d --replicas=3", ""),
        (0, "deployment.apps/d scaled\n".into())
    );
    assert_eq!(kubectl(&mut world, "get deploy d -o jsonpath={.spec.replicas}", "").1, "3");
    // The Deployment itself is none of that policy's business.
    let patch = r#"patch deploy d -p {"spec":{"replicas":9}}"#;
    assert_eq!(kubectl(&mut world, patch, ""), (0, "deployment.apps/d patched\n".into()));
}

#[test]
fn policies_look_at_who_connects_to_pods() {
    let mut world = World::new();
    let policy = "
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicy, metadata: {name: tame}, spec: {
  matchConstraints: {resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CONNECT], resources: [pods/exec, pods/attach]}]},
  validations: [{
    expression: \"object.kind == 'PodExecOptions' && object.container == 'c' && !object.tty && object.command[0] == 'echo'\",
    messageExpression: \"request.operation + ' ' + request.subResource + ' of ' + request.kind.kind\"}]}}
---
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicyBinding, metadata: {name: tame},
 spec: {policyName: tame, validationActions: [Deny]}}
";
    assert_eq!(kubectl(&mut world, "apply -f -", policy).0, 0);
    assert_eq!(kubectl(&mut world, "create -f -", &pod("p", "", "")).0, 0);
    world.wait(10);
    assert_eq!(kubectl(&mut world, "exec p -- echo hello", ""), (0, "hello\n".into()));
    let why = "pods \"p\" is forbidden: ValidatingAdmissionPolicy 'tame' with binding 'tame' denied request: CONNECT";
    let (code, said) = kubectl(&mut world, "exec p -- ls", "");
    assert!(code == 1 && said.ends_with(&format!("{why} exec of PodExecOptions\n")), "{said}");
    let attach = HttpRequest {
        method: "POST".into(),
        path: format!("/api/v1/namespaces/{NAMESPACE}/pods/p/attach?container=c&stdout=true").into(),
        ..HttpRequest::default()
    };
    let refused = world.request(attach);
    let said = refused.body["message"].str().to_string();
    assert_eq!((refused.code, said), (422, format!("{why} attach of PodAttachOptions")));
    // To look at the log is no connection.
    assert_eq!(kubectl(&mut world, "logs p", "").0, 0);
}

/// A policy that changes new pods, and its binding; bindings are asked in the order of their names.
fn mutation(name: &str, again: &str, patch: &str) -> String {
    format!(
        "apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingAdmissionPolicy\nmetadata: {{name: {name}}}\nspec:\n  \
         reinvocationPolicy: {again}\n  matchConstraints: {{resourceRules: [{{apiGroups: [''], apiVersions: [v1], operations: \
         [CREATE], resources: [pods]}}]}}\n  matchConditions: [{{name: ours, expression: \"object.metadata.namespace == \
         '{NAMESPACE}'\"}}]\n  mutations:\n  - patchType: JSONPatch\n    jsonPatch: {{expression: {patch:?}}}\n---\n\
         apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingAdmissionPolicyBinding\nmetadata: {{name: {name}}}\n\
         spec: {{policyName: {name}}}\n---\n"
    )
}

#[test]
fn what_policies_change_is_admitted_once_more() {
    let count =
        "[JSONPatch{op: 'add', path: '/metadata/labels/NAME', value: string(size(object.spec.containers))}]";
    let side = "object.spec.containers.exists(c, c.name == 'side') ? [] : [JSONPatch{op: 'add', path: \
                '/spec/containers/-', value: Object.spec.containers{name: 'side', image: 'nginx'}}]";
    let policies = [
        mutation("a-counts-twice", "IfNeeded", &count.replace("NAME", "twice")),
        mutation("b-counts-once", "Never", &count.replace("NAME", "once")),
        mutation("c-adds", "IfNeeded", side),
        // After the last change nobody is asked again.
        mutation("d-counts", "IfNeeded", &count.replace("NAME", "last")),
    ];
    let mut world = World::new();
    let range = "{apiVersion: v1, kind: LimitRange, metadata: {name: l}, spec: {limits: [{type: Container, defaultRequest: {cpu: 50m}}]}}";
    for text in policies.iter().map(String::as_str).chain([range]) {
        let (code, said) = kubectl(&mut world, "apply -f -", text);
        assert_eq!(code, 0, "{said}");
    }
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {a: b}}, spec: {containers: [{name: c, image: nginx}]}}";
    let (code, said) = kubectl(&mut world, "create -f -", pod);
    assert_eq!(code, 0, "{said}");
    let shown =
        |world: &mut World, path: &str| kubectl(world, &format!("get pod p -o jsonpath={path}"), "").1;
    assert_eq!(shown(&mut world, "{.metadata.labels}"), r#"{"a":"b","last":"2","once":"1","twice":"2"}"#);
    let of_side = shown(
        &mut world,
        "{.spec.containers[1].name},{.spec.containers[1].resources.requests.cpu},\
         {.spec.containers[1].volumeMounts[*].mountPath},{.spec.containers[1].imagePullPolicy}",
    );
    assert_eq!(of_side, "side,50m,/var/run/secrets/kubernetes.io/serviceaccount,Always");
    assert_eq!(
        shown(&mut world, "{.spec.volumes[*].name}").split(' ').count(),
        1,
        "one volume has the token"
    );
}

#[test]
fn what_components_write_is_asked_about_as_well() {
    let policy = |name: &str, group: &str, resource: &str, operation: &str| {
        format!(
            "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {{name: {name}}}\nspec:\n  \
             matchConstraints: {{resourceRules: [{{apiGroups: ['{group}'], apiVersions: [v1], operations: [{operation}], resources: \
             [{resource}]}}]}}\n  validations: [{{expression: \"object.metadata.namespace == 'kube-system'\"}}]\n---\n\
             apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata: {{name: {name}}}\n\
             spec: {{policyName: {name}, validationActions: [Deny]}}\n"
        )
    };
    let mut world = World::new();
    for text in [
        policy("leases", "coordination.k8s.io", "leases", "UPDATE"),
        policy("events", "", "events", "CREATE"),
    ] {
        let (code, said) = kubectl(&mut world, "apply -f -", &text);
        assert_eq!(code, 0, "{said}");
    }
    kubectl(&mut world, "create -f -", &pod("p", "", ""));
    let renewed = "get leases -n kube-node-lease -o jsonpath={.items[*].spec.renewTime}";
    let before = kubectl(&mut world, renewed, "").1;
    world.wait(30);
    assert_eq!(kubectl(&mut world, renewed, "").1, before, "kubelets are not let either");
    let (_, events) = kubectl(&mut world, "get events", "");
    assert_eq!(events, format!("No resources found in {NAMESPACE} namespace.\n"));
}

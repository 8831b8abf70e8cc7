//! What the API server adds to objects, and what it refuses although they are well-formed.

#[path = "support/world.rs"]
mod world;

use world::{NAMESPACE, World};

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

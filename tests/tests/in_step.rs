//! What is there without anybody's doing, and kept in step with the rest: addresses of Services, who serves which version,
//! what a fresh cluster has.

use crate::served_kinds::kubectl;
use crate::support::world::World;

fn names(world: &mut World, what: &str) -> Vec<String> {
    let (code, out, err) =
        kubectl(world, &format!("get {what} --no-headers -o custom-columns=:metadata.name"), "");
    assert_eq!(code, 0, "{err}");
    out.lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn every_service_has_its_address() {
    let mut world = World::new();
    assert_eq!(names(&mut world, "ipaddresses")[0], "10.96.0.1");
    let (_, row, _) = kubectl(&mut world, "get ip 10.96.0.1 --no-headers", "");
    assert!(row.contains("services/default/kubernetes"), "{row}");
    let before = names(&mut world, "ip").len();
    let service = |spec: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: s, namespace: default}}\nspec: {{ports: [{{port: 80}}], {spec}}}\n"
        )
    };
    for (spec, address, more) in [
        ("clusterIP: 10.96.0.77", "10.96.0.77", 1),
        ("clusterIP: None", "None", 0),
        ("type: NodePort", "", 1),
    ] {
        let (code, _, err) = kubectl(&mut world, "apply -f - --dry-run=server", &service(spec));
        assert_eq!(code, 0, "{err}");
        assert_eq!(names(&mut world, "ip").len(), before, "a dry run takes none");
        kubectl(&mut world, "apply -f -", &service(spec));
        let all = names(&mut world, "ip");
        assert_eq!(all.len(), before + more, "{spec}: {all:?}");
        assert!(more == 0 || address.is_empty() || all.contains(&address.to_owned()), "{all:?}");
        let (_, ip, _) = kubectl(&mut world, "get svc s -n default -o jsonpath={.spec.clusterIP}", "");
        assert!(more == 0 || all.contains(&ip), "{ip} {all:?}");
        kubectl(&mut world, "delete svc s -n default", "");
        assert_eq!(names(&mut world, "ip").len(), before, "{spec}");
    }
    // What gives its address back keeps no object of it.
    kubectl(&mut world, "apply -f -", &service("type: ClusterIP"));
    let patch =
        r#"{"spec":{"type":"ExternalName","externalName":"example.com","clusterIP":"","clusterIPs":null}}"#;
    let output = world.kubectl(["patch", "svc", "s", "-n", "default", "-p", patch], "");
    assert_eq!(output.exit_code, 0, "{}", output.stderr);
    assert_eq!(names(&mut world, "ip").len(), before);
}

#[test]
fn the_server_stays_reachable() {
    let mut world = World::new();
    let uid = |world: &mut World, kind: &str| {
        kubectl(world, &format!("get {kind} kubernetes -n default -o jsonpath={{.metadata.uid}}"), "").1
    };
    let before = uid(&mut world, "svc");
    assert_eq!(kubectl(&mut world, "delete svc --all -n default", "").0, 0);
    world.wait(11);
    let after = uid(&mut world, "svc");
    assert!(!after.is_empty() && after != before, "{before} {after}");
    let (_, address, _) =
        kubectl(&mut world, "get svc kubernetes -n default -o jsonpath={.spec.clusterIP}", "");
    assert_eq!(address, "10.96.0.1");
    for kind in ["endpoints", "endpointslice"] {
        assert!(!uid(&mut world, kind).is_empty(), "{kind}");
    }
    let (_, row, _) = kubectl(&mut world, "get ip 10.96.0.1 --no-headers", "");
    assert!(row.contains("services/default/kubernetes"), "{row}");
    let schemas = names(&mut world, "flowschemas");
    assert_eq!(kubectl(&mut world, "delete flowschemas,prioritylevelconfigurations --all", "").0, 0);
    assert_eq!(names(&mut world, "flowschemas"), schemas);
}

const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.shop.example.com}
spec:
  group: shop.example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
  - {name: v1beta1, served: true, storage: false, schema: {openAPIV3Schema: {type: object}}}
";

#[test]
fn every_version_has_its_api_service() {
    let mut world = World::new();
    let own = names(&mut world, "apiservices");
    let expected = "v1. v1.admissionregistration.k8s.io v1.apiextensions.k8s.io v1.apps v1.authentication.k8s.io \
                    v1.authorization.k8s.io v1.autoscaling v1.batch v1.certificates.k8s.io v1.coordination.k8s.io \
                    v1.discovery.k8s.io v1.events.k8s.io v1.flowcontrol.apiserver.k8s.io v1.networking.k8s.io \
                    v1.node.k8s.io v1.policy v1.rbac.authorization.k8s.io v1.resource.k8s.io v1.scheduling.k8s.io \
                    v1.storage.k8s.io v2.autoscaling";
    assert_eq!(own.join(" "), expected);
    let priorities =
        "jsonpath={.spec.groupPriorityMinimum} {.spec.versionPriority} {.status.conditions[0].reason}";
    for (name, wanted) in [
        ("v1.", "18000 1 Local"),
        ("v1.events.k8s.io", "17750 15 Local"),
        ("v2.autoscaling", "17500 30 Local"),
        ("v1.storage.k8s.io", "16800 15 Local"),
        ("v1.flowcontrol.apiserver.k8s.io", "16100 21 Local"),
    ] {
        let output = world.kubectl(["get", "apiservice", name, "-o", priorities], "");
        assert_eq!(output.stdout, wanted, "{name}");
    }
    let added = |world: &mut World| {
        let all = names(world, "apiservices");
        all.into_iter().filter(|name| name.ends_with("shop.example.com")).collect::<Vec<_>>().join(" ")
    };
    kubectl(&mut world, "apply -f -", DEFINITION);
    world.wait(5);
    assert_eq!(added(&mut world), "v1.shop.example.com v1beta1.shop.example.com");
    let (_, row, _) = kubectl(&mut world, "get apiservice v1.shop.example.com --no-headers", "");
    assert_eq!(row.split_whitespace().take(3).collect::<Vec<_>>(), ["v1.shop.example.com", "Local", "True"]);
    kubectl(&mut world, "apply -f -", &DEFINITION.replace("v1beta1, served: true", "v1beta1, served: false"));
    world.wait(1);
    assert_eq!(added(&mut world), "v1.shop.example.com");
    kubectl(&mut world, "delete crd widgets.shop.example.com", "");
    world.wait(5);
    assert_eq!((added(&mut world).as_str(), names(&mut world, "apiservices")), ("", own));
}

#[test]
fn the_cluster_has_its_settings() {
    let mut world = World::new();
    let maps = names(&mut world, "cm -n kube-system");
    for name in ["extension-apiserver-authentication", "kube-apiserver-legacy-service-account-token-tracking"]
    {
        assert!(maps.contains(&name.to_owned()), "{maps:?}");
    }
    let header = "jsonpath={.data.requestheader-group-headers}";
    let map = "extension-apiserver-authentication";
    assert_eq!(
        world.kubectl(["get", "cm", map, "-n", "kube-system", "-o", header], "").stdout,
        "[\"X-Remote-Group\"]"
    );
}

#[test]
fn who_serves_a_part_of_the_api_may_read_how() {
    let mut world = World::new();
    kubectl(&mut world, "create sa adapter -n default", "");
    let reader = "create rolebinding adapter -n kube-system --role=extension-apiserver-authentication-reader \
                  --serviceaccount=default:adapter";
    assert_eq!(kubectl(&mut world, reader, "").0, 0);
    for (asked, wanted) in [
        ("get cm/extension-apiserver-authentication -n kube-system", "yes"),
        ("get cm/coredns -n kube-system", "no"),
    ] {
        let line = format!("auth can-i {asked} --as=system:serviceaccount:default:adapter");
        assert_eq!(kubectl(&mut world, &line, "").1.trim_end(), wanted, "{asked}");
    }
}

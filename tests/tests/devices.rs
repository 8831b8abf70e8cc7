//! Claims for devices: pods wait for them, and are told what is missing.

use crate::support::world::World;

/// What `kubectl get` prints of a pod at a path.
fn pod(world: &mut World, name: &str, path: &str) -> String {
    world.kubectl(["get", "pod", name, "-o", &format!("jsonpath={path}")], "").stdout
}

const SCHEDULED: &str = "{.status.conditions[?(@.type==\"PodScheduled\")].message}";
const HOPELESS: &str = "preemption: 0/6 nodes are available: 6 Preemption is not helpful for scheduling.";

fn apply(world: &mut World, manifest: &str) {
    let done = world.kubectl(["apply", "-f", "-"], manifest);
    assert_eq!(done.exit_code, 0, "{}", done.stderr);
    world.wait(12);
}

fn claimant(name: &str, claim: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{resourceClaims: [{{name: gpu, {claim}}}], \
         containers: [{{name: c, image: nginx, resources: {{claims: [{{name: gpu}}]}}}}]}}}}"
    )
}

const DEVICES: &str = "{devices: {requests: [{name: card, exactly: {deviceClassName: gpu.example.com}}]}}";

#[test]
fn a_pod_waits_for_its_claim_for_its_class_and_for_devices() {
    let mut world = World::new();
    apply(&mut world, &claimant("p", "resourceClaimName: mine"));
    assert_eq!(pod(&mut world, "p", "{.status.conditions}"), "", "it was never tried");
    let claim = format!(
        "{{apiVersion: resource.k8s.io/v1, kind: ResourceClaim, metadata: {{name: mine}}, spec: {DEVICES}}}"
    );
    apply(&mut world, &claim);
    let missing = "0/6 nodes are available: request card: device class gpu.example.com does not exist.";
    let said = pod(&mut world, "p", SCHEDULED);
    assert_eq!(said, format!("{missing} no new claims to deallocate, {HOPELESS}"));
    apply(
        &mut world,
        "{apiVersion: resource.k8s.io/v1, kind: DeviceClass, metadata: {name: gpu.example.com}}",
    );
    let said = pod(&mut world, "p", SCHEDULED);
    assert_eq!(
        said,
        format!("0/6 nodes are available: 6 cannot allocate all claims. still not schedulable, {HOPELESS}")
    );
    // Somebody who has them hands them out.
    let given = "{\"status\":{\"allocation\":{\"nodeSelector\":{\"nodeSelectorTerms\":[{\"matchFields\":[{\"key\":\
                 \"metadata.name\",\"operator\":\"In\",\"values\":[\"node-4\"]}]}]}}}}";
    let words = ["patch", "resourceclaim", "mine", "--subresource=status", "--type=merge", "-p", given];
    assert_eq!(world.kubectl(words, "").exit_code, 0);
    world.wait(12);
    assert_eq!(pod(&mut world, "p", "{.spec.nodeName}"), "node-4");
    let listed = world.kubectl(["get", "resourceclaim", "mine", "--no-headers"], "").stdout;
    assert!(listed.starts_with("mine   allocated,reserved "), "{listed}");
}

#[test]
fn a_claim_is_made_of_a_template_for_each_pod() {
    let mut world = World::new();
    apply(&mut world, &claimant("p", "resourceClaimTemplateName: small"));
    let told = world.kubectl(["events", "--for", "pod/p"], "").stdout;
    let why = "PodResourceClaim gpu: resource claim template \"small\": resourceclaimtemplate.resource.k8s.io \
               \"small\" not found";
    assert!(told.contains("FailedResourceClaimCreation") && told.contains(why), "{told}");
    let template = "{apiVersion: resource.k8s.io/v1, kind: ResourceClaimTemplate, metadata: {name: small}, spec: \
                    {metadata: {labels: {a: b}}, spec: ";
    apply(&mut world, &format!("{template}{DEVICES}}}}}"));
    world.wait(60);
    let name = pod(&mut world, "p", "{.status.resourceClaimStatuses[0].resourceClaimName}");
    assert!(name.starts_with("p-gpu-"), "{name}");
    let path = "jsonpath={.metadata.labels.a} {.metadata.annotations} {.metadata.ownerReferences[0].name}";
    let claim = world.kubectl(["get", "resourceclaim", &name, "-o", path], "").stdout;
    assert_eq!(claim, "b {\"resource.kubernetes.io/pod-claim-name\":\"gpu\"} p");
    let said = pod(&mut world, "p", SCHEDULED);
    assert!(said.contains("device class gpu.example.com does not exist"), "{said}");
    assert_eq!(world.kubectl(["delete", "pod", "p"], "").exit_code, 0);
    world.wait(30);
    let left = world.kubectl(["get", "resourceclaims"], "");
    assert_eq!(left.stderr, "No resources found in default namespace.\n");
}

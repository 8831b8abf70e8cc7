//! Who owns which field: `kubectl apply --server-side`, conflicts, and what becomes of fields nobody wants any more.

use serde_json::Value;

use crate::support::world::{NAMESPACE, World};

/// A Deployment with these lines in its spec.
fn deployment(lines: &str, image: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d}}\nspec:\n{lines}  selector: {{matchLabels: {{app: d}}}}\n  \
         template:\n    metadata: {{labels: {{app: d}}}}\n    spec: {{containers: [{{name: c, image: {image}}}]}}\n"
    )
}

struct Play(World);

impl Play {
    fn kubectl(&mut self, line: &str, stdin: &str) -> (u8, String) {
        let words = ["-n", NAMESPACE].into_iter().chain(line.split(' '));
        let output = self.0.kubectl(words, stdin);
        (output.exit_code, format!("{}{}", output.stdout, output.stderr))
    }

    fn apply(&mut self, flags: &str, yaml: &str) -> (u8, String) {
        self.kubectl(&format!("apply --server-side {flags} -f -").replace("  ", " "), yaml)
    }

    fn object(&mut self, what: &str) -> Value {
        let (code, text) = self.kubectl(&format!("get {what} -o json --show-managed-fields"), "");
        assert_eq!(code, 0, "{text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Manager, operation and part of each owner of what was asked for, and whether it owns `spec.replicas`.
    fn owners(&mut self, what: &str) -> Vec<(String, String, bool)> {
        let object = self.object(what);
        let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
        let text = |entry: &Value, field: &str| entry[field].as_str().unwrap_or("").to_owned();
        entries
            .iter()
            .filter(|entry| text(entry, "manager") != "kube-controller-manager")
            .map(|entry| {
                let owns = !entry["fieldsV1"]["f:spec"]["f:replicas"].is_null();
                (text(entry, "manager"), text(entry, "operation"), owns)
            })
            .collect()
    }
}

fn owner(manager: &str, operation: &str, replicas: bool) -> (String, String, bool) {
    (manager.to_owned(), operation.to_owned(), replicas)
}

#[test]
fn what_is_applied_is_owned_and_what_is_no_longer_said_goes() {
    let mut play = Play(World::new());
    let (code, said) = play.apply("", &deployment("  minReadySeconds: 5\n  replicas: 2\n", "nginx"));
    assert_eq!((code, said.as_str()), (0, "deployment.apps/d serverside-applied\n"));
    assert_eq!(play.owners("deploy d"), [owner("kubectl", "Apply", true)]);
    let (code, said) = play.apply("", &deployment("  replicas: 2\n", "nginx:2"));
    assert_eq!((code, said.as_str()), (0, "deployment.apps/d serverside-applied\n"));
    let object = play.object("deploy d");
    assert!(object["spec"]["minReadySeconds"].is_null(), "nobody says it any more");
    assert_eq!(object["spec"]["replicas"], 2);
    assert_eq!(object["spec"]["template"]["spec"]["containers"][0]["image"], "nginx:2");
    // Applying the same again changes nothing.
    play.0.wait(10);
    let revision = play.object("deploy d")["metadata"]["resourceVersion"].clone();
    play.apply("", &deployment("  replicas: 2\n", "nginx:2"));
    assert_eq!(play.object("deploy d")["metadata"]["resourceVersion"], revision);
}

#[test]
fn another_owner_s_value_is_changed_only_by_force() {
    let mut play = Play(World::new());
    play.apply("", &deployment("  replicas: 2\n", "nginx"));
    let (code, said) = play.kubectl("scale deploy/d --replicas=5", "");
    assert_eq!(code, 0, "{said}");
    let (code, said) = play.apply("", &deployment("  replicas: 3\n", "nginx"));
    assert_eq!(code, 1);
    let first = said.lines().next().expect("a line");
    let expected = "error: Apply failed with 1 conflict: conflict with \"kubectl\" with subresource \"scale\" using apps/v1: \
                    .spec.replicas";
    assert_eq!(first, expected);
    assert!(said.contains("* You may co-own fields by updating your manifest"), "{said}");
    assert_eq!(play.object("deploy d")["spec"]["replicas"], 5);
    let (code, said) = play.apply("--force-conflicts", &deployment("  replicas: 3\n", "nginx"));
    assert_eq!((code, said.as_str()), (0, "deployment.apps/d serverside-applied\n"));
    assert_eq!(play.owners("deploy d"), [owner("kubectl", "Apply", true)]);
    // Two who want the same share it; who leaves it out gives it up without taking it away.
    let (code, said) = play.apply("--field-manager=other", &deployment("  replicas: 3\n", "nginx"));
    assert_eq!((code, said.as_str()), (0, "deployment.apps/d serverside-applied\n"));
    play.apply("", &deployment("", "nginx"));
    let owners = play.owners("deploy d");
    assert_eq!(owners, [owner("kubectl", "Apply", false), owner("other", "Apply", true)]);
    assert_eq!(play.object("deploy d")["spec"]["replicas"], 3);
    let several = "error: Apply failed with 2 conflicts: conflicts with \"kubectl\":\n\
                   - .spec.template.spec.containers[name=\"c\"].image\n\
                   conflicts with \"other\":\n- .spec.template.spec.containers[name=\"c\"].image\n";
    let (_, said) = play.apply("--field-manager=third", &deployment("", "other"));
    assert!(said.starts_with(several), "{said}");
}

#[test]
fn client_side_applies_are_taken_over() {
    let mut play = Play(World::new());
    play.kubectl("apply -f -", &deployment("  minReadySeconds: 5\n", "nginx"));
    assert_eq!(play.owners("deploy d")[0].0, "kubectl-client-side-apply");
    let (code, said) = play.apply("", &deployment("", "nginx"));
    assert_eq!((code, said.as_str()), (0, "deployment.apps/d serverside-applied\n"));
    assert!(play.owners("deploy d").iter().all(|(manager, ..)| manager == "kubectl"));
    assert!(
        play.object("deploy d")["spec"]["minReadySeconds"].is_null(),
        "it was the client's, who says it no longer"
    );
}

#[test]
fn what_does_not_fit_the_schema_is_refused_with_its_place() {
    let mut play = Play(World::new());
    let (code, said) = play.apply("", &deployment("  bogus: 1\n", "nginx"));
    assert_eq!(code, 1);
    let expected = "Error from server: failed to create typed patch object (s11-errors/d; apps/v1, Kind=Deployment): \
                    .spec.bogus: field not declared in schema\n";
    assert_eq!(said, expected);
}

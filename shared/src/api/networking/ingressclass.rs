//! IngressClass: which ingress controller looks after an Ingress.

use crate::api::validation::{At, Faults, IMMUTABLE, names};
use crate::api::{Column, Info, Object, Resource, Row, age};
use crate::doc::{Doc, Timestamp};

/// Marks the class of Ingresses that name none.
pub const IS_DEFAULT: &str = "ingressclass.kubernetes.io/is-default-class";
const LONGEST_CONTROLLER: u32 = 250;

/// The kind's registration.
#[derive(Debug)]
pub struct IngressClasses;

impl Resource for IngressClasses {
    fn info(&self) -> &'static Info {
        &Info {
            group: "networking.k8s.io",
            version: "v1",
            kind: "IngressClass",
            plural: "ingressclasses",
            singular: "ingressclass",
            short_names: &[],
            namespaced: false,
            subresources: &[],
            categories: &[],
            has_generation: true,
        }
    }

    fn default(&self, doc: &mut Doc) {
        if !doc["spec"]["parameters"].is_null() {
            doc.at_mut(&["spec", "parameters"]).default_to("scope", "Cluster");
        }
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        let spec = At::root(&doc["spec"], "spec");
        let controller = spec.field("controller");
        if controller.require(faults) {
            if controller.text().len() > LONGEST_CONTROLLER as usize {
                faults.too_long(&controller, LONGEST_CONTROLLER);
            }
            controller.check(faults, names::domain_prefixed_path);
        }
        let parameters = spec.field("parameters");
        if !parameters.is_set() {
            return;
        }
        parameters.field("apiGroup").check_if_set(faults, names::dns_subdomain);
        parameters.field("kind").require_and_check(faults, names::path_segment);
        parameters.field("name").require_and_check(faults, names::path_segment);
        let (scope, namespace) = (parameters.field("scope"), parameters.field("namespace"));
        scope.require_one_of(faults, &["Cluster", "Namespace"]);
        match scope.text() {
            "Namespace" if !namespace.is_set() => {
                faults.required(&namespace, "`parameters.scope` is set to 'Namespace'");
            }
            "Namespace" => namespace.check(faults, names::dns_label),
            "Cluster" => namespace.forbid(faults, "`parameters.scope` is set to 'Cluster'"),
            _ => {}
        }
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        let controller = &new["spec"]["controller"];
        if *controller != old["spec"]["controller"] {
            faults.invalid("spec.controller", controller, IMMUTABLE);
        }
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Controller", wide: false },
            Column { name: "Parameters", wide: false },
            Column { name: "Age", wide: false },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let spec = &object.body["spec"];
        let parameters = &spec["parameters"];
        let (group, kind) = (parameters["apiGroup"].str(), parameters["kind"].str());
        let shown = match (parameters.is_null(), group.is_empty()) {
            (true, _) => "<none>".to_owned(),
            (_, true) => format!("{kind}/{}", parameters["name"].str()),
            _ => format!("{kind}.{group}/{}", parameters["name"].str()),
        };
        let controller = spec["controller"].str().to_string();
        vec![object.key.name.to_string(), controller, shown, age(object.meta.creation, now)]
    }
}

//! A cluster with a definition in it, and requests for what it defines.

use serde_json::{Value, json};
use shared::apiserver::http::{HttpRequest, HttpResponse};

use super::world::World;

pub const CRONTABS: &str = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: crontabs.stable.example.com}
spec:
  group: stable.example.com
  scope: Namespaced
  names: {plural: crontabs, kind: CronTab, shortNames: [ct], categories: [all, jobs]}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        description: A job on a schedule.
        properties:
          spec:
            type: object
            required: [cronSpec]
            properties:
              cronSpec: {type: string, pattern: '^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$', description: When it runs.}
              image: {type: string, maxLength: 20}
              replicas: {type: integer, minimum: 1, maximum: 10, default: 1}
              policy: {type: string, enum: [Allow, Forbid], default: Allow}
              port: {x-kubernetes-int-or-string: true}
              until: {type: string, format: date-time}
              args: {type: array, maxItems: 2, items: {type: string}}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
          status:
            type: object
            properties:
              replicas: {type: integer}
              labelSelector: {type: string}
              phase: {type: string}
    selectableFields: [{jsonPath: .spec.policy}]
    additionalPrinterColumns:
    - {name: Spec, type: string, jsonPath: .spec.cronSpec}
    - {name: Replicas, type: integer, jsonPath: .spec.replicas, priority: 1}
    - {name: Phase, type: string, jsonPath: .status.phase}
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas, labelSelectorPath: .status.labelSelector}
  - name: v1beta1
    served: true
    storage: false
    deprecated: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"#;

pub const ALL: &str = "/apis/stable.example.com/v1/namespaces/default/crontabs";

pub struct Play(pub World);

impl Play {
    pub fn new() -> Play {
        let mut play = Play(World::new());
        let (code, said) = play.kubectl("apply -f -", CRONTABS);
        assert_eq!(
            (code, said.as_str()),
            (0, "customresourcedefinition.apiextensions.k8s.io/crontabs.stable.example.com created\n")
        );
        play.0.wait(1);
        play
    }

    pub fn kubectl(&mut self, line: &str, stdin: &str) -> (u8, String) {
        let output = self.0.kubectl(line.split(' '), stdin);
        (output.exit_code, format!("{}{}", output.stdout, output.stderr))
    }

    pub fn send(&mut self, method: &str, path: &str, media: &str, body: &str) -> HttpResponse {
        self.0.request(HttpRequest {
            method: method.into(),
            path: path.into(),
            content_type: media.into(),
            body: body.into(),
            ..HttpRequest::default()
        })
    }

    pub fn json(&mut self, method: &str, path: &str, body: &Value) -> (u32, Value) {
        let response = self.send(method, path, "application/json", &body.to_string());
        (response.code, serde_json::from_str(&response.body.to_json()).expect("JSON"))
    }

    pub fn get(&mut self, path: &str) -> Value {
        self.json("GET", path, &Value::Null).1
    }

    pub fn patch(&mut self, path: &str, kind: &str, body: &Value) -> (u32, Value) {
        let media = format!("application/{kind}-patch+json");
        let response = self.send("PATCH", path, &media, &body.to_string());
        (response.code, serde_json::from_str(&response.body.to_json()).expect("JSON"))
    }
}

pub fn crontab(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "stable.example.com/v1", "kind": "CronTab", "metadata": {"name": name}, "spec": spec})
}

pub fn good(name: &str) -> Value {
    crontab(name, json!({"cronSpec": "* * * * */5", "image": "app"}))
}

//! Objects, lists, statuses and events in Kubernetes' protobuf, for clients that take nothing else.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use shared::doc::Timestamp;

use super::{Field, MAGIC, MESSAGES, Shape, name_of};

/// What its JSON says, as protobuf; nothing where there is no such message.
pub fn from_json(value: &Value) -> Option<Vec<u8>> {
    let text = |field: &str| value[field].as_str().unwrap_or_default();
    let (version, kind) = (text("apiVersion"), text("kind"));
    let name = name_of(version, kind)?;
    let (mut of, mut raw, mut whole) = (Vec::new(), Vec::new(), MAGIC.to_vec());
    put_bytes(&mut of, 1, version.as_bytes());
    put_bytes(&mut of, 2, kind.as_bytes());
    message(&name, value, &mut raw);
    put_bytes(&mut whole, 1, &of);
    put_bytes(&mut whole, 2, &raw);
    Some(whole)
}

/// Events of a watch, a line of JSON each, as frames that say how long they are.
pub fn frames(lines: &[u8]) -> Vec<u8> {
    let mut frames = Vec::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let Ok(event) = serde_json::from_slice::<Value>(line) else { continue };
        let Some(object) = from_json(&event["object"]) else { continue };
        let (mut raw, mut frame) = (Vec::new(), Vec::new());
        put_bytes(&mut raw, 1, &object);
        put_bytes(&mut frame, 1, event["type"].as_str().unwrap_or_default().as_bytes());
        put_bytes(&mut frame, 2, &raw);
        frames.extend(u32::try_from(frame.len()).unwrap_or(u32::MAX).to_be_bytes());
        frames.extend(frame);
    }
    frames
}

fn message(name: &str, value: &Value, out: &mut Vec<u8>) {
    let fields = MESSAGES.get(name).map_or(&[][..], Vec::as_slice);
    for Field { name, number, shape, of } in fields {
        if name.is_empty() {
            let mut inner = Vec::new();
            message(of, value, &mut inner);
            put_bytes(out, *number, &inner);
            continue;
        }
        match (&value[name], shape) {
            (Value::Null, _) => {}
            (Value::Array(items), Shape::List) => items.iter().for_each(|item| put(out, *number, of, item)),
            (Value::Object(entries), Shape::Map) => {
                for (key, item) in entries {
                    let mut entry = Vec::new();
                    put_bytes(&mut entry, 1, key.as_bytes());
                    put(&mut entry, 2, of, item);
                    put_bytes(out, *number, &entry);
                }
            }
            (value, _) => put(out, *number, of, value),
        }
    }
}

/// A field with its value, of which the table says the type.
fn put(out: &mut Vec<u8>, number: u64, of: &str, value: &Value) {
    match of {
        "b" => put_number(out, number, value.as_bool().unwrap_or_default().into()),
        "i" => put_number(out, number, value.as_i64().unwrap_or_default().cast_unsigned()),
        "d" => {
            varint(out, number << 3 | 1);
            out.extend(value.as_f64().unwrap_or_default().to_le_bytes());
        }
        of => put_bytes(out, number, &bytes(of, value)),
    }
}

fn bytes(of: &str, value: &Value) -> Vec<u8> {
    let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut inner = Vec::new();
    if let Some(of) = of.strip_prefix("items:") {
        value.as_array().into_iter().flatten().for_each(|item| put(&mut inner, 1, of, item));
        return inner;
    }
    match of {
        "s" => return text().into_bytes(),
        "y" => return BASE64_STANDARD.decode(text()).unwrap_or_default(),
        "Quantity" => put_bytes(&mut inner, 1, text().as_bytes()),
        "RawExtension" | "FieldsV1" | "apiextensions.v1.JSON" => {
            put_bytes(&mut inner, 1, value.to_string().as_bytes());
        }
        "IntOrString" => match value.as_str() {
            Some(word) => {
                put_number(&mut inner, 1, 1);
                put_bytes(&mut inner, 3, word.as_bytes());
            }
            None => put(&mut inner, 2, "i", value),
        },
        "Time" | "MicroTime" => time(&text(), &mut inner),
        of if of.starts_with(super::EITHER) => message(of, &either(value), &mut inner),
        of => message(of, value, &mut inner),
    }
    inner
}

/// What may be one of several has a field for each.
fn either(value: &Value) -> Value {
    match value {
        Value::Bool(allows) => json!({ "allows": allows }),
        Value::Array(items) if items.iter().all(Value::is_string) => json!({ "property": items }),
        Value::Array(items) => json!({ "jSONSchemas": items }),
        schema => json!({ "schema": schema }),
    }
}

fn time(text: &str, out: &mut Vec<u8>) {
    let Some(moment) = Timestamp::parse(text) else { return };
    let micros = text.split_once('.').map_or("", |(_, rest)| rest.trim_end_matches('Z'));
    let nanos = format!("{micros:0<9}").get(..9).and_then(|nanos| nanos.parse().ok());
    put_number(out, 1, moment.millis().div_euclid(1000).cast_unsigned());
    put_number(out, 2, nanos.unwrap_or_default());
}

fn put_number(out: &mut Vec<u8>, number: u64, value: u64) {
    varint(out, number << 3);
    varint(out, value);
}

fn put_bytes(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    varint(out, number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube_api::protobuf::to_json;

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let schema = json!({
            "type": "object", "additionalProperties": true, "dependencies": {"a": ["b"]},
            "properties": {
                "list": {"type": "array", "items": {"type": "string", "default": "x"}},
                "each": {"type": "array", "items": [{"type": "string"}, {"type": "number", "maximum": 1.5}]},
                "map": {"type": "object", "additionalProperties": {"type": "integer"}}
            }
        });
        let objects = [
            json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": {
                "group": "a.b", "versions": [{"name": "v1", "subresources": {"status": {}}, "schema": {"openAPIV3Schema": schema}}]
            }}),
            json!({"apiVersion": "v1", "kind": "PodList", "metadata": {"resourceVersion": "7", "remainingItemCount": 3}, "items": [{
                "metadata": {
                    "name": "p", "labels": {"a": "b"}, "creationTimestamp": "2026-01-01T00:00:00Z",
                    "managedFields": [{"manager": "m", "fieldsV1": {"f:spec": {"f:a": {}}}}]
                },
                "spec": {
                    "priority": -5, "terminationGracePeriodSeconds": 0,
                    "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}],
                    "containers": [{
                        "name": "c", "resources": {"limits": {"cpu": "100m"}},
                        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 5},
                        "livenessProbe": {"tcpSocket": {"port": 80}}
                    }]
                }
            }]}),
            json!({"apiVersion": "v1", "kind": "Secret", "data": {"k": "/wA="}, "immutable": false}),
            json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": {"renewTime": "2026-01-01T00:00:00.000250Z"}}),
            json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": 404, "details": {"name": "x"}}),
            json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": {"name": "p"}}),
            json!({"apiVersion": "v1", "kind": "APIResourceList", "groupVersion": "v1", "resources": [
                {"name": "pods", "namespaced": true, "kind": "Pod", "verbs": ["get"]}
            ]}),
        ];
        for object in objects {
            let written = from_json(&object).expect("there is such a message");
            assert_eq!(to_json(&written).as_ref(), Ok(&object));
        }
        assert_eq!(from_json(&json!({"apiVersion": "example.com/v1", "kind": "Thing"})), None);
    }

    #[test]
    fn an_event_is_a_frame() {
        let line =
            br#"{"type":"ADDED","object":{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"}}}"#;
        let frames = frames(&[&line[..], b"\n"].concat());
        let length = u32::from_be_bytes(frames[..4].try_into().expect("four bytes"));
        assert_eq!(length as usize, frames.len() - 4);
        assert_eq!(&frames[4..11], b"\x0a\x05ADDED");
        let at = frames.windows(4).position(|bytes| bytes == MAGIC).expect("an object");
        assert_eq!(to_json(&frames[at..]).expect("it is whole")["metadata"]["name"], "m");
    }
}

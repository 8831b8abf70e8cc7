//! Writes the table of API types that `src/schema.rs` reads, from the JSON schemas of `k8s-openapi`; and gives the
//! engine its version, which changes with its sources: only engines of the same build are sure to agree. The scenario of
//! the first screen becomes JSON, so that a page can show it before it has the YAML reader.
//!
//! The table:
//! One line a package (`/io.k8s.api.core`), one a type of it (`:v1.PodSpec`, for served kinds with group version and kind:
//! `:v1.Pod v1 Pod`), then one line a field in order of name: name, type, `!` when required, `?` when it is shown though it is zero. Types: `s`tring, `i`nt32, int64 `I`, `n`umber, `b`oolean,
//! bytes `B`, `q`uantity, int-`o`r-string, `t`ime, micro-time `T`, anything `*`, list `[…`, map `{…`, and the number of
//! a type in the table.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "this program is not downloaded")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use k8s_openapi::Resource;
use k8s_openapi::api::{
    admissionregistration, apps, autoscaling, batch, certificates, coordination, core, discovery, events,
    flowcontrol, networking, node, policy, rbac, resource, scheduling, storage,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions;
use schemars::JsonSchema;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde::Deserialize;
use serde_json::{Map, Value};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src");
    let package = std::env::var("CARGO_PKG_VERSION").expect("cargo sets CARGO_PKG_VERSION");
    let sources = digest(Path::new("src"), 0xcbf2_9ce4_8422_2325);
    println!("cargo::rustc-env=ENGINE_VERSION={package}+{:08x}", sources >> 32);
    opening();
    let mut tables =
        Tables { generator: SchemaSettings::draft07().into_generator(), served: BTreeMap::new() };
    tables.add_kinds();
    let definitions = tables.generator.take_definitions(true);
    let [soon, rest] = tables.print(&definitions);
    write("schema.txt", &soon);
    write("schema-rest.txt", &rest);
    write("fields.json", &documentation(&definitions).to_string());
}

/// What types and fields are for, in the words of the API: `{"v1.PodSpec": {"": …, "containers": …}}`. It is no part of the
/// engine: the page loads it when somebody asks.
fn documentation(definitions: &Map<String, Value>) -> Value {
    let says = |schema: &Value| schema.get("description").cloned().unwrap_or_default();
    let of_type = |schema: &Value| {
        let fields =
            schema.get("properties")?.as_object()?.iter().map(|(name, field)| (name.clone(), says(field)));
        let all =
            std::iter::once((String::new(), says(schema))).chain(fields).filter(|(_, says)| says.is_string());
        Some(Value::Object(all.collect()))
    };
    definitions
        .iter()
        .filter_map(|(name, schema)| Some((short_name(name).to_owned(), of_type(schema)?)))
        .collect()
}

fn write(name: &str, text: &str) {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    std::fs::write(out.join(name), text).expect("the build directory can be written");
}

/// The scenario of the first screen as JSON; the manifests that it applies, as they are written and as a JSON list.
fn opening() {
    const FILE: &str = "../public/examples/opening.yaml";
    println!("cargo::rerun-if-changed={FILE}");
    let text = std::fs::read_to_string(FILE).expect("the opening can be read");
    let scenario: Value = serde_yaml::from_str(&text).expect("the opening is YAML");
    let manifests = scenario["spec"]["steps"][0]["apply"].as_str().expect("its first step applies manifests");
    let documents: Vec<Value> = serde_yaml::Deserializer::from_str(manifests)
        .map(|document| Value::deserialize(document).expect("its manifests are YAML"))
        .collect();
    write("opening.json", &scenario.to_string());
    write("opening-manifests.yaml", manifests);
    write("opening-manifests.json", &Value::from(documents).to_string());
}

/// FNV-1a of all files below a directory, by name and content.
fn digest(directory: &Path, seed: u64) -> u64 {
    let entries = std::fs::read_dir(directory).expect("the sources can be read");
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.expect("the sources can be read").path()).collect();
    paths.sort();
    paths.iter().fold(seed, |sum, path| {
        let name = path.file_name().expect("files have names").to_string_lossy();
        let sum = name.bytes().fold(sum, fnv);
        if path.is_dir() {
            return digest(path, sum);
        }
        std::fs::read(path).expect("the sources can be read").into_iter().fold(sum, fnv)
    })
}

fn fnv(sum: u64, byte: u8) -> u64 {
    (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
}

struct Tables {
    generator: SchemaGenerator,
    /// Name of the definition → group version and kind.
    served: BTreeMap<String, String>,
}

impl Tables {
    fn add<K: Resource + JsonSchema>(&mut self) {
        self.generator.subschema_for::<K>();
        self.served.insert(K::schema_name().into_owned(), format!("{} {}", K::API_VERSION, K::KIND));
    }

    /// The kinds that a cluster of ours serves now or later.
    fn add_kinds(&mut self) {
        self.add::<core::v1::Binding>();
        self.add::<core::v1::ConfigMap>();
        self.add::<core::v1::Endpoints>();
        self.add::<core::v1::Event>();
        self.add::<core::v1::LimitRange>();
        self.add::<core::v1::Namespace>();
        self.add::<core::v1::Node>();
        self.add::<core::v1::PersistentVolume>();
        self.add::<core::v1::PersistentVolumeClaim>();
        self.add::<core::v1::Pod>();
        self.add::<core::v1::PodTemplate>();
        self.add::<core::v1::ReplicationController>();
        self.add::<core::v1::ResourceQuota>();
        self.add::<core::v1::Secret>();
        self.add::<core::v1::Service>();
        self.add::<core::v1::ServiceAccount>();
        self.add::<apps::v1::ControllerRevision>();
        self.add::<apps::v1::DaemonSet>();
        self.add::<apps::v1::Deployment>();
        self.add::<apps::v1::ReplicaSet>();
        self.add::<apps::v1::StatefulSet>();
        self.add::<autoscaling::v1::HorizontalPodAutoscaler>();
        self.add::<autoscaling::v1::Scale>();
        self.add::<autoscaling::v2::HorizontalPodAutoscaler>();
        self.add::<batch::v1::CronJob>();
        self.add::<batch::v1::Job>();
        self.add::<coordination::v1::Lease>();
        self.add::<discovery::v1::EndpointSlice>();
        self.add::<networking::v1::Ingress>();
        self.add::<networking::v1::IngressClass>();
        self.add::<networking::v1::NetworkPolicy>();
        self.add::<node::v1::RuntimeClass>();
        self.add::<policy::v1::Eviction>();
        self.add::<policy::v1::PodDisruptionBudget>();
        self.add::<rbac::v1::ClusterRole>();
        self.add::<rbac::v1::ClusterRoleBinding>();
        self.add::<rbac::v1::Role>();
        self.add::<rbac::v1::RoleBinding>();
        self.add::<scheduling::v1::PriorityClass>();
        self.add::<storage::v1::CSIDriver>();
        self.add::<storage::v1::CSINode>();
        self.add::<storage::v1::StorageClass>();
        self.add::<storage::v1::CSIStorageCapacity>();
        self.add::<storage::v1::VolumeAttributesClass>();
        self.add::<core::v1::ComponentStatus>();
        self.add::<certificates::v1::CertificateSigningRequest>();
        self.add::<networking::v1::ServiceCIDR>();
        self.add::<networking::v1::IPAddress>();
        self.add::<events::v1::Event>();
        self.add::<flowcontrol::v1::FlowSchema>();
        self.add::<flowcontrol::v1::PriorityLevelConfiguration>();
        self.add::<admissionregistration::v1::MutatingWebhookConfiguration>();
        self.add::<admissionregistration::v1::ValidatingWebhookConfiguration>();
        self.add::<admissionregistration::v1::ValidatingAdmissionPolicy>();
        self.add::<admissionregistration::v1::ValidatingAdmissionPolicyBinding>();
        self.add::<admissionregistration::v1::MutatingAdmissionPolicy>();
        self.add::<admissionregistration::v1::MutatingAdmissionPolicyBinding>();
        self.add::<resource::v1::DeviceClass>();
        self.add::<resource::v1::ResourceClaim>();
        self.add::<resource::v1::ResourceClaimTemplate>();
        self.add::<resource::v1::ResourceSlice>();
        self.add::<storage::v1::VolumeAttachment>();
        self.add::<apiextensions::v1::CustomResourceDefinition>();
        self.add::<k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService>();
    }

    /// The table of the types that every cluster begins with, and that of the others.
    fn print(&self, definitions: &Map<String, Value>) -> [String; 2] {
        // Only what has fields is a type of the table; quantities, times and the like are types of fields.
        let types: BTreeMap<&str, &Value> = definitions
            .iter()
            .filter(|(_, schema)| schema.get("properties").is_some())
            .map(|(name, schema)| (name.as_str(), schema))
            .collect();
        let soon = self.soon(&types);
        let (soon, rest): (Vec<_>, Vec<_>) = types.iter().partition(|(name, _)| soon.contains(*name));
        let numbers: BTreeMap<&str, usize> =
            soon.iter().chain(&rest).enumerate().map(|(at, (name, _))| (**name, at)).collect();
        [soon, rest].map(|types| {
            let mut table = String::new();
            let mut before = "";
            for (name, schema) in types {
                let package = name[..name.len() - short_name(name).len()].trim_end_matches('.');
                if package != std::mem::replace(&mut before, package) {
                    writeln!(table, "/{package}").expect("text grows");
                }
                self.print_type(&mut table, name, schema, &numbers);
            }
            table
        })
    }

    /// What the kinds of [`SOON`] consist of.
    fn soon<'a>(&self, types: &BTreeMap<&'a str, &'a Value>) -> BTreeSet<&'a str> {
        let is_root =
            |name: &str| self.served.get(name).is_some_and(|served| SOON.contains(&served.as_str()));
        let mut open: Vec<&str> = types.keys().copied().filter(|name| is_root(name)).collect();
        let mut found = BTreeSet::new();
        while let Some(name) = open.pop() {
            if found.insert(name) {
                references(types[name], &mut |below| {
                    open.extend(types.get_key_value(below).map(|(name, _)| *name))
                });
            }
        }
        found
    }

    fn print_type(&self, table: &mut String, name: &str, schema: &Value, numbers: &BTreeMap<&str, usize>) {
        write!(table, ":{}", short_name(name)).expect("text grows");
        if let Some(served) = self.served.get(name) {
            write!(table, " {served}").expect("text grows");
        }
        table.push('\n');
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let fields = schema["properties"].as_object().expect("only such are types");
        let fields: BTreeMap<&str, &Value> =
            fields.iter().map(|(name, field)| (name.as_str(), field)).collect();
        for (field, schema) in fields {
            let code = code(schema, numbers);
            let mark = match code.as_str() {
                _ if required.contains(&field) => "!",
                "s" | "i" | "I" | "n" | "b" | "B" if is_kept(name, field, true) => "?",
                list if list.starts_with('[') && is_kept(name, field, false) => "?",
                _ => "",
            };
            writeln!(table, "{field} {code}{mark}").expect("text grows");
        }
    }
}

/// The kinds that a cluster is made of when it begins: the page has their types at once, and the others a little later.
const SOON: &[&str] = &[
    "v1 Binding",
    "v1 ConfigMap",
    "v1 Endpoints",
    "v1 Event",
    "v1 Namespace",
    "v1 Node",
    "v1 Pod",
    "v1 Secret",
    "v1 Service",
    "v1 ServiceAccount",
    "apps/v1 Deployment",
    "apps/v1 ReplicaSet",
    "coordination.k8s.io/v1 Lease",
    "discovery.k8s.io/v1 EndpointSlice",
    "networking.k8s.io/v1 IPAddress",
    "networking.k8s.io/v1 ServiceCIDR",
];

/// Tells `see` of every definition that a schema names.
fn references<'a>(schema: &'a Value, see: &mut impl FnMut(&'a str)) {
    match schema {
        Value::Object(parts) => {
            if let Some(name) = parts.get("$ref").and_then(Value::as_str) {
                see(name.trim_start_matches("#/definitions/"));
            }
            parts.values().for_each(|part| references(part, see));
        }
        Value::Array(parts) => parts.iter().for_each(|part| references(part, see)),
        _ => {}
    }
}

/// Whether a field that need not be there is shown though it is zero; by its name alone where that holds of every type.
fn is_kept(of: &str, field: &str, by_name: bool) -> bool {
    static KEPT: &str = include_str!("src/schema/kept.txt");
    let of = of.rmatch_indices('.').nth(2).map_or(of, |(at, _)| &of[at + 1..]);
    let whole = format!("{of}.{field}");
    KEPT.lines().any(|line| line == whole || by_name && line == field)
}

/// `io.k8s.api.core.v1.PodSpec` → `v1.PodSpec`, as Go prints the type.
fn short_name(name: &str) -> &str {
    name.rmatch_indices('.').nth(1).map_or(name, |(at, _)| &name[at + 1..])
}

fn code(schema: &Value, numbers: &BTreeMap<&str, usize>) -> String {
    let reference = schema.get("$ref").or_else(|| schema.get("allOf")?.get(0)?.get("$ref"));
    if let Some(reference) = reference.and_then(Value::as_str) {
        let name = reference.trim_start_matches("#/definitions/");
        return match short_name(name) {
            "resource.Quantity" => "q".into(),
            "intstr.IntOrString" => "o".into(),
            "v1.Time" => "t".into(),
            "v1.MicroTime" => "T".into(),
            _ => numbers.get(name).map_or_else(|| "*".into(), usize::to_string),
        };
    }
    let text = |key: &str| schema.get(key).and_then(Value::as_str);
    match (text("type"), text("format")) {
        (Some("string"), Some("byte")) => "B".into(),
        (Some("string"), _) => "s".into(),
        (Some("integer"), Some("int64")) => "I".into(),
        (Some("integer"), _) => "i".into(),
        (Some("number"), _) => "n".into(),
        (Some("boolean"), _) => "b".into(),
        (Some("array"), _) => format!("[{}", code(&schema["items"], numbers)),
        (Some("object"), _) => match schema.get("additionalProperties") {
            Some(values) => format!("{{{}", code(values, numbers)),
            None => "*".into(),
        },
        _ => "*".into(),
    }
}

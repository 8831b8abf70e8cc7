//! The plain kinds.

use super::{
    Cell, Plain, admission, anyhow, anything, certificate, devices, flow, nothing, unordered, update, volumes,
};
use crate::api::apps::deployment;
use crate::api::validation::{At, names};
use crate::api::{Column, Info, NAMES, Subresource};
use crate::doc::Doc;

const fn column(name: &'static str) -> Column {
    Column { name, wide: false }
}

const NAME: Column = column("Name");
const AGE: Column = column("Age");
const STATUS: &[Subresource] = &[Subresource::Status];
const ADMISSION: &[&str] = &["api-extensions"];

const fn info(
    group: &'static str,
    kind: &'static str,
    plural: &'static str,
    singular: &'static str,
    namespaced: bool,
) -> Info {
    Info {
        group,
        version: "v1",
        kind,
        plural,
        singular,
        short_names: &[],
        namespaced,
        subresources: &[],
        categories: &[],
        has_generation: false,
    }
}

/// A kind with nothing but a name and an age, to be changed where there is more.
const fn plain(info: &'static Info) -> Plain {
    Plain {
        info,
        columns: &[NAME, AGE],
        cells: &[Cell::Age],
        defaults: nothing,
        validate: anything,
        immutable: &[],
        update: anyhow,
        keeps_spec: false,
        name: names::dns_subdomain,
        fields: NAMES,
        warning: "",
        deprecated: "",
        order: unordered,
    }
}

/// ComponentStatus: how the parts of the control plane are.
pub static COMPONENT_STATUS: Plain = Plain {
    columns: &[NAME, column("Status"), column("Message"), column("Error")],
    cells: &[
        Cell::Of(health),
        Cell::Of(|doc| condition(doc, "message")),
        Cell::Of(|doc| condition(doc, "error")),
    ],
    deprecated: "v1 ComponentStatus is deprecated in v1.19+",
    ..plain(&Info {
        short_names: &["cs"],
        ..info("", "ComponentStatus", "componentstatuses", "componentstatus", false)
    })
};

fn condition(body: &Doc, field: &str) -> String {
    body["conditions"][0][field].str().to_string()
}

fn health(body: &Doc) -> String {
    match body["conditions"][0]["status"].as_str() {
        Some("True") => "Healthy".into(),
        Some("False") => "Unhealthy".into(),
        _ => "Unknown".into(),
    }
}

/// PodTemplate: a pod that is not there yet.
pub static POD_TEMPLATE: Plain = Plain {
    columns: &[NAME, column("Containers"), column("Images"), column("Pod Labels")],
    cells: &[
        Cell::Of(|body| deployment::template_cells(body)[0].clone()),
        Cell::Of(|body| deployment::template_cells(body)[1].clone()),
        Cell::Of(pod_labels),
    ],
    defaults: deployment::default_template,
    validate: |doc, faults| deployment::validate_template(&At::root(&doc["template"], "template"), faults),
    ..plain(&Info { has_generation: true, ..info("", "PodTemplate", "podtemplates", "podtemplate", true) })
};

fn pod_labels(body: &Doc) -> String {
    let labels = body.at(&["template", "metadata", "labels"]).entries();
    let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={}", value.str())).collect();
    if pairs.is_empty() { "<none>".into() } else { pairs.join(",") }
}

/// CertificateSigningRequest: asks for a certificate.
pub static CERTIFICATE_SIGNING_REQUEST: Plain = Plain {
    columns: &[
        NAME,
        AGE,
        column("SignerName"),
        column("Requestor"),
        column("RequestedDuration"),
        column("Condition"),
    ],
    cells: &[
        Cell::Age,
        Cell::Value(&["spec", "signerName"], "<none>"),
        Cell::Value(&["spec", "username"], ""),
        Cell::Of(requested_duration),
        Cell::Of(certificate_condition),
    ],
    validate: certificate::validate,
    fields: &["metadata.name", "spec.signerName"],
    keeps_spec: true,
    ..plain(&Info {
        short_names: &["csr"],
        subresources: &[Subresource::Approval, Subresource::Status],
        ..info(
            "certificates.k8s.io",
            "CertificateSigningRequest",
            "certificatesigningrequests",
            "certificatesigningrequest",
            false,
        )
    })
};

/// For how long a certificate is asked for.
pub fn requested_duration(body: &Doc) -> String {
    match body["spec"]["expirationSeconds"].as_i64() {
        Some(seconds) => {
            let now = crate::doc::Timestamp::from_millis(seconds.saturating_mul(1000));
            crate::api::age(crate::doc::Timestamp::from_millis(0), now)
        }
        None => "<none>".into(),
    }
}

/// What became of a request for a certificate.
pub fn certificate_condition(body: &Doc) -> String {
    let status = &body["status"];
    let has = |wanted: &str| {
        status["conditions"].items().iter().any(|condition| condition["type"].as_str() == Some(wanted))
    };
    let (approved, denied, failed) = (has("Approved"), has("Denied"), has("Failed"));
    let mut words: Vec<&str> = Vec::new();
    match (denied, approved) {
        (true, _) => words.push("Denied"),
        (_, true) => words.push("Approved"),
        _ => words.push("Pending"),
    }
    if failed {
        words.push("Failed");
    }
    if !status["certificate"].is_empty() {
        words.push("Issued");
    }
    words.join(",")
}

/// CSIDriver: a storage driver, and what it can.
pub static CSI_DRIVER: Plain = Plain {
    columns: &[
        NAME,
        column("AttachRequired"),
        column("PodInfoOnMount"),
        column("StorageCapacity"),
        column("TokenRequests"),
        column("RequiresRepublish"),
        column("Modes"),
        AGE,
    ],
    cells: &[
        Cell::Value(&["spec", "attachRequired"], "true"),
        Cell::Value(&["spec", "podInfoOnMount"], "false"),
        Cell::Value(&["spec", "storageCapacity"], "false"),
        Cell::Of(token_audiences),
        Cell::Value(&["spec", "requiresRepublish"], "false"),
        Cell::Joined(&["spec", "volumeLifecycleModes"], "<none>"),
        Cell::Age,
    ],
    defaults: |doc| {
        let spec = doc.at_mut(&["spec"]);
        spec.default_to("attachRequired", true);
        for field in ["podInfoOnMount", "requiresRepublish", "seLinuxMount", "storageCapacity"] {
            spec.default_to(field, false);
        }
        spec.default_to("fsGroupPolicy", "ReadWriteOnceWithFSType");
        spec.default_to("volumeLifecycleModes", vec![Doc::from("Persistent")]);
    },
    validate: volumes::driver,
    immutable: &["spec.attachRequired", "spec.volumeLifecycleModes"],
    ..plain(&info("storage.k8s.io", "CSIDriver", "csidrivers", "csidriver", false))
};

fn token_audiences(body: &Doc) -> String {
    let requests = &body["spec"]["tokenRequests"];
    let audiences: Vec<String> =
        requests.items().iter().map(|request| request["audience"].str().to_string()).collect();
    if requests.is_null() { "<unset>".into() } else { audiences.join(",") }
}

/// CSIStorageCapacity: how much room a driver has somewhere.
pub static CSI_STORAGE_CAPACITY: Plain = Plain {
    columns: &[NAME, column("StorageClassName"), column("Capacity")],
    cells: &[Cell::Value(&["storageClassName"], ""), Cell::Value(&["capacity"], "<unset>")],
    validate: volumes::capacity,
    immutable: &["nodeTopology", "storageClassName"],
    ..plain(&info("storage.k8s.io", "CSIStorageCapacity", "csistoragecapacities", "csistoragecapacity", true))
};

/// VolumeAttachment: a volume that is to be attached to a node.
pub static VOLUME_ATTACHMENT: Plain = Plain {
    columns: &[NAME, column("Attacher"), column("PV"), column("Node"), column("Attached"), AGE],
    cells: &[
        Cell::Value(&["spec", "attacher"], ""),
        Cell::Value(&["spec", "source", "persistentVolumeName"], ""),
        Cell::Value(&["spec", "nodeName"], ""),
        Cell::Value(&["status", "attached"], "false"),
        Cell::Age,
    ],
    validate: volumes::attachment,
    immutable: &["spec"],
    ..plain(&Info {
        subresources: STATUS,
        ..info("storage.k8s.io", "VolumeAttachment", "volumeattachments", "volumeattachment", false)
    })
};

/// VolumeAttributesClass: properties of volumes that may change while they are used.
pub static VOLUME_ATTRIBUTES_CLASS: Plain = Plain {
    columns: &[NAME, column("DriverName"), AGE],
    cells: &[Cell::Value(&["driverName"], ""), Cell::Age],
    validate: volumes::attributes_class,
    update: update::volume_attributes_class,
    ..plain(&Info {
        short_names: &["vac"],
        ..info(
            "storage.k8s.io",
            "VolumeAttributesClass",
            "volumeattributesclasses",
            "volumeattributesclass",
            false,
        )
    })
};

/// ServiceCIDR: where the addresses of Services come from.
pub static SERVICE_CIDR: Plain = Plain {
    columns: &[NAME, column("CIDRs"), AGE],
    cells: &[Cell::Joined(&["spec", "cidrs"], ""), Cell::Age],
    validate: |doc, faults| {
        let spec = At::root(&doc["spec"], "spec");
        let cidrs = spec.field("cidrs");
        if cidrs.is_empty() {
            return faults.required(&cidrs, "at least one CIDR required");
        }
        let of_six: Vec<bool> = cidrs.items().iter().map(|cidr| cidr.str().contains(':')).collect();
        let why = match of_six[..] {
            [] | [_] | [true, false] | [false, true] => {
                return cidrs.each().for_each(|cidr| cidr.check(faults, names::cidr));
            }
            [_, _] => {
                "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
            }
            _ => "may only hold up to 2 values",
        };
        faults.invalid_text(&cidrs, &format!("{{\"CIDRs\":{}}}", cidrs.doc()), why);
    },
    update: update::service_cidr,
    ..plain(&Info {
        subresources: STATUS,
        ..info("networking.k8s.io", "ServiceCIDR", "servicecidrs", "servicecidr", false)
    })
};

/// IPAddress: an address that somebody has.
pub static IP_ADDRESS: Plain = Plain {
    columns: &[NAME, column("ParentRef"), AGE],
    cells: &[Cell::Of(parent), Cell::Age],
    validate: |doc, faults| {
        let spec = At::root(&doc["spec"], "spec");
        let parent = spec.field("parentRef");
        if parent.require(faults) {
            parent.field("group").check_if_set(faults, names::dns_subdomain);
            for field in ["resource", "name"] {
                parent.field(field).require_and_check(faults, names::path_segment);
            }
            parent.field("namespace").check_if_set(faults, names::path_segment);
        }
    },
    name: names::ip_address,
    immutable: &["spec.parentRef"],
    ..plain(&Info {
        short_names: &["ip"],
        ..info("networking.k8s.io", "IPAddress", "ipaddresses", "ipaddress", false)
    })
};

fn parent(body: &Doc) -> String {
    let of = &body["spec"]["parentRef"];
    let parts = ["group", "resource", "namespace", "name"].map(|field| of[field].str());
    let parts: Vec<&str> = parts.iter().map(|part| part.as_str()).filter(|part| !part.is_empty()).collect();
    parts.join("/")
}

/// FlowSchema: whose requests are of which priority.
pub static FLOW_SCHEMA: Plain = Plain {
    columns: &[
        NAME,
        column("PriorityLevel"),
        column("MatchingPrecedence"),
        column("DistinguisherMethod"),
        AGE,
        column("MissingPL"),
    ],
    cells: &[
        Cell::Value(&["spec", "priorityLevelConfiguration", "name"], ""),
        Cell::Value(&["spec", "matchingPrecedence"], "0"),
        Cell::Value(&["spec", "distinguisherMethod", "type"], "<none>"),
        Cell::Age,
        Cell::Of(flow::is_dangling),
    ],
    defaults: flow::default_schema,
    validate: flow::schema,
    order: |object| object.body["spec"]["matchingPrecedence"].as_i64().unwrap_or(0),
    ..plain(&Info {
        subresources: STATUS,
        has_generation: true,
        ..info("flowcontrol.apiserver.k8s.io", "FlowSchema", "flowschemas", "flowschema", false)
    })
};

/// PriorityLevelConfiguration: how many requests of a priority are served at once.
pub static PRIORITY_LEVEL_CONFIGURATION: Plain = Plain {
    columns: &[
        NAME,
        column("Type"),
        column("NominalConcurrencyShares"),
        column("Queues"),
        column("HandSize"),
        column("QueueLengthLimit"),
        AGE,
    ],
    cells: &[
        Cell::Value(&["spec", "type"], ""),
        Cell::Value(&["spec", "limited", "nominalConcurrencyShares"], "<none>"),
        Cell::Value(&["spec", "limited", "limitResponse", "queuing", "queues"], "<none>"),
        Cell::Value(&["spec", "limited", "limitResponse", "queuing", "handSize"], "<none>"),
        Cell::Value(&["spec", "limited", "limitResponse", "queuing", "queueLengthLimit"], "<none>"),
        Cell::Age,
    ],
    defaults: flow::default_level,
    validate: flow::level,
    ..plain(&Info {
        subresources: STATUS,
        has_generation: true,
        ..info(
            "flowcontrol.apiserver.k8s.io",
            "PriorityLevelConfiguration",
            "prioritylevelconfigurations",
            "prioritylevelconfiguration",
            false,
        )
    })
};

const WEBHOOKS: &[Cell] = &[Cell::Count(&["webhooks"]), Cell::Age];
const NOT_CALLED: &str =
    "no webhook can be reached here: what one with failurePolicy Fail must hear of is refused";

/// MutatingWebhookConfiguration: programs that would change what is written.
pub static MUTATING_WEBHOOK_CONFIGURATION: Plain = Plain {
    columns: &[NAME, column("Webhooks"), AGE],
    cells: WEBHOOKS,
    defaults: |doc| admission::default_webhooks(doc, true),
    validate: admission::webhooks,
    warning: NOT_CALLED,
    ..plain(&Info {
        categories: ADMISSION,
        has_generation: true,
        ..info(
            admission::GROUP,
            "MutatingWebhookConfiguration",
            "mutatingwebhookconfigurations",
            "mutatingwebhookconfiguration",
            false,
        )
    })
};

/// ValidatingWebhookConfiguration: programs that would check what is written.
pub static VALIDATING_WEBHOOK_CONFIGURATION: Plain = Plain {
    columns: &[NAME, column("Webhooks"), AGE],
    cells: WEBHOOKS,
    defaults: |doc| admission::default_webhooks(doc, false),
    validate: admission::webhooks,
    warning: NOT_CALLED,
    ..plain(&Info {
        categories: ADMISSION,
        has_generation: true,
        ..info(
            admission::GROUP,
            "ValidatingWebhookConfiguration",
            "validatingwebhookconfigurations",
            "validatingwebhookconfiguration",
            false,
        )
    })
};

/// ValidatingAdmissionPolicy: expressions that check what is written.
pub static VALIDATING_ADMISSION_POLICY: Plain = Plain {
    columns: &[NAME, column("Validations"), column("ParamKind"), AGE],
    cells: &[Cell::Count(&["spec", "validations"]), Cell::Of(param_kind), Cell::Age],
    defaults: admission::default_policy,
    validate: admission::validating_policy,
    ..plain(&Info {
        categories: ADMISSION,
        subresources: STATUS,
        has_generation: true,
        ..info(
            admission::GROUP,
            "ValidatingAdmissionPolicy",
            "validatingadmissionpolicies",
            "validatingadmissionpolicy",
            false,
        )
    })
};

fn param_kind(body: &Doc) -> String {
    let of = &body["spec"]["paramKind"];
    if of.is_null() { "<unset>".into() } else { format!("{}/{}", of["apiVersion"].str(), of["kind"].str()) }
}

fn param_ref(body: &Doc) -> String {
    let of = &body["spec"]["paramRef"];
    match (of.is_null(), of["name"].str(), of["namespace"].str()) {
        (true, ..) => "<unset>".into(),
        (_, name, _) if name.is_empty() => "*/*".into(),
        (_, name, namespace) if namespace.is_empty() => format!("*/{name}"),
        (_, name, namespace) => format!("{namespace}/{name}"),
    }
}

const BINDING: &[Column] = &[NAME, column("PolicyName"), column("ParamRef"), AGE];
const BINDING_CELLS: &[Cell] = &[Cell::Value(&["spec", "policyName"], ""), Cell::Of(param_ref), Cell::Age];

/// ValidatingAdmissionPolicyBinding: where such a policy holds, and what follows.
pub static VALIDATING_ADMISSION_POLICY_BINDING: Plain = Plain {
    columns: BINDING,
    cells: BINDING_CELLS,
    defaults: admission::default_binding,
    validate: admission::validating_binding,
    ..plain(&Info {
        categories: ADMISSION,
        has_generation: true,
        ..info(
            admission::GROUP,
            "ValidatingAdmissionPolicyBinding",
            "validatingadmissionpolicybindings",
            "validatingadmissionpolicybinding",
            false,
        )
    })
};

/// MutatingAdmissionPolicy: expressions that change what is written.
pub static MUTATING_ADMISSION_POLICY: Plain = Plain {
    columns: &[NAME, column("Mutations"), column("ParamKind"), AGE],
    cells: &[Cell::Count(&["spec", "mutations"]), Cell::Of(param_kind), Cell::Age],
    defaults: admission::default_policy,
    validate: admission::mutating_policy,
    ..plain(&Info {
        categories: ADMISSION,
        has_generation: true,
        ..info(
            admission::GROUP,
            "MutatingAdmissionPolicy",
            "mutatingadmissionpolicies",
            "mutatingadmissionpolicy",
            false,
        )
    })
};

/// MutatingAdmissionPolicyBinding: where such a policy would hold.
pub static MUTATING_ADMISSION_POLICY_BINDING: Plain = Plain {
    columns: BINDING,
    cells: BINDING_CELLS,
    defaults: admission::default_binding,
    validate: admission::mutating_binding,
    ..plain(&Info {
        categories: ADMISSION,
        has_generation: true,
        ..info(
            admission::GROUP,
            "MutatingAdmissionPolicyBinding",
            "mutatingadmissionpolicybindings",
            "mutatingadmissionpolicybinding",
            false,
        )
    })
};

const RESOURCE: &str = "resource.k8s.io";

/// DeviceClass: a kind of device that pods may claim.
pub static DEVICE_CLASS: Plain = Plain {
    validate: devices::class,
    ..plain(&Info {
        has_generation: true,
        ..info(RESOURCE, "DeviceClass", "deviceclasses", "deviceclass", false)
    })
};

/// ResourceClaim: devices for pods.
pub static RESOURCE_CLAIM: Plain = Plain {
    columns: &[NAME, column("State"), AGE],
    cells: &[Cell::Of(claim_state), Cell::Age],
    defaults: |doc| devices::default_requests(doc.at_mut(&["spec"])),
    validate: |doc, faults| devices::claim(&At::root(&doc["spec"], "spec"), faults),
    immutable: &["spec"],
    ..plain(&Info {
        subresources: STATUS,
        ..info(RESOURCE, "ResourceClaim", "resourceclaims", "resourceclaim", true)
    })
};

/// ResourceClaimTemplate: a claim for each pod.
pub static RESOURCE_CLAIM_TEMPLATE: Plain = Plain {
    defaults: |doc| devices::default_requests(doc.at_mut(&["spec", "spec"])),
    validate: |doc, faults| devices::claim(&At::root(&doc["spec"]["spec"], "spec.spec"), faults),
    immutable: &["spec"],
    ..plain(&info(RESOURCE, "ResourceClaimTemplate", "resourceclaimtemplates", "resourceclaimtemplate", true))
};

fn claim_state(body: &Doc) -> String {
    let status = &body["status"];
    let allocated = !status["allocation"].is_null();
    match (allocated, status["reservedFor"].is_empty()) {
        (true, false) => "allocated,reserved".into(),
        (true, true) => "allocated".into(),
        _ => "pending".into(),
    }
}

/// ResourceSlice: the devices of a node.
pub static RESOURCE_SLICE: Plain = Plain {
    columns: &[NAME, column("Node"), column("Driver"), column("Pool"), AGE],
    cells: &[
        Cell::Value(&["spec", "nodeName"], "<unset>"),
        Cell::Value(&["spec", "driver"], ""),
        Cell::Value(&["spec", "pool", "name"], ""),
        Cell::Age,
    ],
    validate: devices::slice,
    fields: &["metadata.name", "spec.driver", "spec.nodeName"],
    immutable: &["spec.driver", "spec.nodeName", "spec.pool.name"],
    ..plain(&Info {
        has_generation: true,
        ..info(RESOURCE, "ResourceSlice", "resourceslices", "resourceslice", false)
    })
};

//! PersistentVolume: a piece of storage, made beforehand or for a claim.

use crate::api::internal;
use crate::api::validation::{At, Faults, IMMUTABLE, names};
use crate::api::{Column, Info, Object, Resource, Row, Subresource, age, bytes, quantity};
use crate::doc::{Doc, Str, Timestamp};

use super::persistentvolumeclaim::{access_modes, letters};
use super::pod::default_source;

/// The fields of a spec that say where the storage is: one of them is given. With those that may not be empty.
const SOURCES: &[(&str, &[&str])] = &[
    ("awsElasticBlockStore", &["volumeID"]),
    ("azureDisk", &["diskName", "diskURI"]),
    ("azureFile", &["secretName", "shareName"]),
    ("cephfs", &["monitors"]),
    ("cinder", &["volumeID"]),
    ("csi", &["driver", "volumeHandle"]),
    ("fc", &[]),
    ("flexVolume", &["driver"]),
    ("gcePersistentDisk", &["pdName"]),
    ("glusterfs", &["endpoints", "path"]),
    ("hostPath", &["path"]),
    ("iscsi", &["targetPortal", "iqn"]),
    ("local", &["path"]),
    ("nfs", &["server", "path"]),
    ("photonPersistentDisk", &["pdID"]),
    ("portworxVolume", &["volumeID"]),
    ("quobyte", &["registry", "volume"]),
    ("rbd", &["monitors", "image"]),
    ("scaleIO", &["gateway", "system", "volumeName"]),
    ("storageos", &["volumeName"]),
    ("vsphereVolume", &["volumePath"]),
];

/// The kind's registration.
#[derive(Debug)]
pub struct PersistentVolumes;

impl Resource for PersistentVolumes {
    fn info(&self) -> &'static Info {
        &Info {
            group: "",
            version: "v1",
            kind: "PersistentVolume",
            plural: "persistentvolumes",
            singular: "persistentvolume",
            short_names: &["pv"],
            namespaced: false,
            subresources: &[Subresource::Status],
            categories: &[],
            has_generation: false,
        }
    }

    fn default(&self, doc: &mut Doc) {
        let spec = doc.at_mut(&["spec"]);
        spec.default_to("persistentVolumeReclaimPolicy", "Retain");
        spec.default_to("volumeMode", "Filesystem");
        default_source(spec);
    }

    fn prepare_create(&self, doc: &mut Doc) {
        doc.set("status", crate::doc!({ "phase": "Pending" }));
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        let spec = At::root(&doc["spec"], "spec");
        let modes = spec.field("accessModes");
        modes.require(faults);
        access_modes(&modes, faults);
        let capacity = spec.field("capacity");
        capacity.require(faults);
        if capacity["storage"].is_null() || capacity.entries().len() > 1 {
            let amount = |(name, amount): &(Str, Doc)| {
                (name.clone(), Doc::from(quantity::canonical(amount).unwrap_or_default()))
            };
            let shown = match capacity.is_null() {
                true => Doc::Null,
                false => Doc::Map(capacity.entries().iter().map(amount).collect()),
            };
            faults.not_supported(&capacity, &shown, &["storage"]);
        }
        for (name, amount) in capacity.entries() {
            if bytes(amount) <= 0 {
                let value = Doc::from(quantity::canonical(amount).unwrap_or_default());
                faults.invalid(&capacity.key(name), &value, "must be greater than zero");
            }
        }
        spec.field("persistentVolumeReclaimPolicy").one_of(faults, &["Delete", "Recycle", "Retain"]);
        node_affinity(&spec, faults);
        source(&spec, faults);
        spec.field("storageClassName").check_if_set(faults, names::dns_subdomain);
        spec.field("volumeMode").one_of(faults, &["Block", "Filesystem"]);
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        let changed = |field: &str| new["spec"][field] != old["spec"][field];
        if SOURCES.iter().any(|(source, _)| changed(source)) {
            let difference = internal::difference("PersistentVolumeSource", &old["spec"], &new["spec"]);
            let why = format!("spec.persistentvolumesource is immutable after creation\n{difference}");
            faults.forbidden("spec.persistentvolumesource", &why);
        }
        if changed("volumeMode") {
            faults.invalid("volumeMode", &new["spec"]["volumeMode"], IMMUTABLE);
        }
        if changed("nodeAffinity") && !old["spec"]["nodeAffinity"].is_null() {
            faults.invalid("nodeAffinity", &new["spec"]["nodeAffinity"], IMMUTABLE);
        }
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Capacity", wide: false },
            Column { name: "Access Modes", wide: false },
            Column { name: "Reclaim Policy", wide: false },
            Column { name: "Status", wide: false },
            Column { name: "Claim", wide: false },
            Column { name: "StorageClass", wide: false },
            Column { name: "VolumeAttributesClass", wide: false },
            Column { name: "Reason", wide: false },
            Column { name: "Age", wide: false },
            Column { name: "VolumeMode", wide: true },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let (spec, status) = (&object.body["spec"], &object.body["status"]);
        let text = |doc: &Doc| doc.str().to_string();
        let claim = &spec["claimRef"];
        vec![
            object.key.name.to_string(),
            text(&spec["capacity"]["storage"]),
            letters(&spec["accessModes"]),
            text(&spec["persistentVolumeReclaimPolicy"]),
            if object.meta.deleting() { "Terminating".into() } else { text(&status["phase"]) },
            if claim.is_null() {
                String::new()
            } else {
                format!("{}/{}", claim["namespace"].str(), claim["name"].str())
            },
            text(&spec["storageClassName"]),
            spec["volumeAttributesClassName"].as_str().unwrap_or("<unset>").to_owned(),
            text(&status["reason"]),
            age(object.meta.creation, now),
            text(&spec["volumeMode"]),
        ]
    }
}

fn node_affinity(spec: &At<'_>, faults: &mut Faults) {
    let affinity = spec.field("nodeAffinity");
    if !affinity.is_set() {
        return;
    }
    let required = affinity.field("required");
    if !required.is_set() {
        faults.required(required.path(), "must specify required node constraints");
    } else if required.field("nodeSelectorTerms").doc().is_empty() {
        let path = required.field("nodeSelectorTerms").path();
        faults.required(path, "must have at least one node selector term");
    }
}

fn source(spec: &At<'_>, faults: &mut Faults) {
    let mut given = SOURCES.iter().filter(|(name, _)| spec.field(name).is_set());
    let Some((name, needed)) = given.next() else {
        faults.required("spec", "must specify a volume type");
        return;
    };
    let source = spec.field(name);
    for field in *needed {
        source.field(field).require(faults);
    }
    let path = source.doc()["path"].str();
    if *name == "hostPath" && spec.field("persistentVolumeReclaimPolicy").text() == "Recycle" && path == "/" {
        let why = "may not be 'recycle' for a hostPath mount of '/'";
        faults.forbidden("spec.persistentVolumeReclaimPolicy", why);
    }
    if matches!(*name, "hostPath" | "local") && path.split('/').any(|part| part == "..") {
        faults.invalid(source.field("path").path(), &source.doc()["path"], "must not contain '..'");
    }
    if *name == "nfs" && !path.is_empty() && !path.starts_with('/') {
        faults.invalid("spec.nfs.path", &source.doc()["path"], "must be an absolute path");
    }
    if *name == "local" && !spec.field("nodeAffinity").is_set() {
        faults.required("spec.nodeAffinity", "Local volume requires node affinity");
    }
    for (other, _) in given {
        faults.forbidden(spec.field(other).path(), "may not specify more than 1 volume type");
    }
}

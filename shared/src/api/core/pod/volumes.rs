//! What is wrong with a pod's volumes.

use crate::api::bytes;
use crate::api::core::persistentvolumeclaim::validate_claim_spec;
use crate::api::validation::{self, At, Faults, names};
use crate::collections::BTreeSet;
use crate::doc::{Doc, Str};

/// The sources of volumes in the order in which they are looked at, and the fields each must have.
const SOURCES: &[(&str, &[&str])] = &[
    ("emptyDir", &[]),
    ("hostPath", &["path"]),
    ("gitRepo", &["repository"]),
    ("gcePersistentDisk", &["pdName"]),
    ("awsElasticBlockStore", &["volumeID"]),
    ("secret", &["secretName"]),
    ("nfs", &["server", "path"]),
    ("iscsi", &[]),
    ("glusterfs", &["endpoints", "path"]),
    ("flocker", &[]),
    ("persistentVolumeClaim", &["claimName"]),
    ("rbd", &["monitors", "image"]),
    ("cinder", &["volumeID"]),
    ("cephfs", &["monitors"]),
    ("quobyte", &["registry", "volume"]),
    ("downwardAPI", &[]),
    ("fc", &[]),
    ("flexVolume", &["driver"]),
    ("configMap", &["name"]),
    ("azureFile", &["secretName", "shareName"]),
    ("vsphereVolume", &["volumePath"]),
    ("photonPersistentDisk", &["pdID"]),
    ("portworxVolume", &["volumeID"]),
    ("azureDisk", &["diskName", "diskURI"]),
    ("storageos", &[]),
    ("projected", &[]),
    ("scaleIO", &["gateway", "system", "volumeName"]),
    ("csi", &["driver"]),
    ("ephemeral", &["volumeClaimTemplate"]),
    ("image", &["reference"]),
];

const HOST_PATH_TYPES: [&str; 8] =
    ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

/// Says what is wrong with the volumes. The names of those without a fault come back: only they can be
/// mounted.
pub(super) fn validate(volumes: &At<'_>, faults: &mut Faults) -> BTreeSet<Str> {
    let mut good: BTreeSet<Str> = BTreeSet::new();
    for volume in volumes.each() {
        let before = faults.0.len();
        source(&volume, faults);
        let name = volume.field("name");
        name.require_and_check(faults, names::dns_label);
        if good.contains(name.text()) {
            faults.duplicate(&name, &name);
        }
        if faults.0.len() == before {
            good.insert(name.str());
        }
    }
    good
}

fn source(volume: &At<'_>, faults: &mut Faults) {
    let mut found = false;
    for (kind, required) in SOURCES {
        let source = volume.field(kind);
        if !source.is_set() {
            continue;
        }
        if found {
            faults.forbidden(&source, "may not specify more than 1 volume type");
            continue;
        }
        found = true;
        let before = faults.0.len();
        for field in *required {
            source.field(field).require(faults);
        }
        if faults.0.len() == before {
            details(kind, &source, faults);
        }
    }
    if !found {
        faults.required(volume, "must specify a volume type");
    }
}

fn details(kind: &str, source: &At<'_>, faults: &mut Faults) {
    match kind {
        "emptyDir" if bytes(&source["sizeLimit"]) < 0 => {
            let why = "SizeLimit field must be a valid resource quantity";
            faults.forbidden(&source.field("sizeLimit"), why);
        }
        "hostPath" => {
            source.field("path").check(faults, names::path_without_backsteps);
            source.field("type").one_of(faults, &HOST_PATH_TYPES);
        }
        "nfs" if !source["path"].str().starts_with('/') => {
            let path = source.field("path");
            faults.invalid(&path, &path, "must be an absolute path");
        }
        "secret" | "configMap" => {
            mode(&source.field("defaultMode"), faults);
            for item in source.field("items").each() {
                key_to_path(&item, faults);
            }
        }
        "downwardAPI" => {
            mode(&source.field("defaultMode"), faults);
            for item in source.doc()["items"].items() {
                downward_file(&source.about(item), faults);
            }
        }
        "projected" => {
            mode(&source.field("defaultMode"), faults);
            let mut paths: BTreeSet<Str> = BTreeSet::new();
            for projection in source.field("sources").each() {
                projected(&projection, source, &mut paths, faults);
            }
        }
        "gitRepo" => source.field("directory").check(faults, names::descending_path),
        "gcePersistentDisk" | "awsElasticBlockStore" => source.field("partition").within(faults, 0, 255),
        "iscsi" => iscsi(source, faults),
        "fc" => fibre_channel(source, faults),
        "csi" => {
            let driver = source.field("driver");
            if driver.text().len() > 63 {
                faults.too_long(&driver, 63);
            }
            for message in names::dns_subdomain(&driver.text().to_lowercase()) {
                faults.invalid(&driver, &driver, message);
            }
            let secret = source.field("nodePublishSecretRef");
            if secret.is_set() {
                secret.field("name").require(faults);
            }
        }
        "ephemeral" => {
            let template = source.field("volumeClaimTemplate");
            let metadata = template.field("metadata");
            if metadata.is_set() {
                validation::labels(faults, &format!("{}.labels", template.path()), &metadata["labels"]);
                let path = format!("{}.annotations", template.path());
                validation::annotations(faults, &path, &metadata["annotations"]);
            }
            validate_claim_spec(&template.field("spec"), faults);
        }
        "image" => {
            source.field("pullPolicy").one_of(faults, &["Always", "IfNotPresent", "Never"]);
        }
        _ => {}
    }
}

/// A disk behind an address, named by one of three schemes.
fn iscsi(source: &At<'_>, faults: &mut Faults) {
    source.field("targetPortal").require(faults);
    let name = source.field("iqn");
    let text = name.text();
    let alphanumeric = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let why = match text.get(..3) {
        _ if text.is_empty() => {
            faults.required(&name, "");
            None
        }
        Some("iqn") => (!is_iqn(text)).then_some("must be valid format"),
        Some("eui") => (!alphanumeric(text.get(4..).unwrap_or(""), 16)).then_some("must be valid format"),
        Some("naa") => (!alphanumeric(text.get(4..).unwrap_or(""), 32)).then_some("must be valid format"),
        _ => Some("must be valid format starting with iqn, eui, or naa"),
    };
    if let Some(why) = why {
        faults.invalid(&name, &name, why);
    }
    source.field("lun").within(faults, 0, 255);
    let secured = ["chapAuthDiscovery", "chapAuthSession"];
    if secured.iter().any(|field| source[*field].as_bool() == Some(true)) && source["secretRef"].is_null() {
        faults.required(&source.field("secretRef"), "");
    }
}

/// `iqn.2001-04.com.example:storage.disk1`
fn is_iqn(text: &str) -> bool {
    let digits = |text: Option<&str>, length| {
        text.is_some_and(|text| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let Some((date, rest)) = text.strip_prefix("iqn.").and_then(|rest| rest.split_once('.')) else {
        return false;
    };
    let (mut date, named) = (date.split('-'), rest.split_once(':'));
    digits(date.next(), 4)
        && digits(date.next(), 2)
        && date.next().is_none()
        && named.is_some_and(|(authority, name)| {
            !authority.is_empty()
                && authority.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
                && !name.is_empty()
                && !name.chars().any(|c| c.is_whitespace() || ",;*&$|".contains(c))
        })
}

/// A disk that is told by where it is, or by what it is.
fn fibre_channel(source: &At<'_>, faults: &mut Faults) {
    let (targets, lun) = (source.field("targetWWNs"), source.field("lun"));
    match (targets.is_empty(), source["wwids"].is_empty()) {
        (true, true) => faults.required(&targets, "must specify either targetWWNs or wwids, but not both"),
        (false, false) => {
            let why = "targetWWNs and wwids can not be specified simultaneously";
            faults.invalid(&targets, &targets, why);
        }
        _ => {}
    }
    if !targets.is_empty() && !lun.is_set() {
        faults.required(&lun, "lun is required if targetWWNs is specified");
    } else if !targets.is_empty() {
        lun.within(faults, 0, 255);
    }
}

fn mode(mode: &At<'_>, faults: &mut Faults) {
    if !(0..=0o777).contains(&mode.number()) {
        faults.invalid(mode, mode, "must be a number between 0 and 0777 (octal), both inclusive");
    }
}

fn key_to_path(item: &At<'_>, faults: &mut Faults) {
    item.field("key").require(faults);
    item.field("path").require_and_check(faults, names::descending_path);
    mode(&item.field("mode"), faults);
}

fn downward_file(item: &At<'_>, faults: &mut Faults) {
    item.field("path").require_and_check(faults, names::descending_path);
    let (field, resource) = (item.field("fieldRef"), item.field("resourceFieldRef"));
    if field.is_set() {
        super::env::field_ref(&field, super::env::VOLUME_FIELDS, faults);
        if resource.is_set() {
            faults.invalid(
                item,
                &Doc::from("resource"),
                "fieldRef and resourceFieldRef can not be specified simultaneously",
            );
        }
    } else if resource.is_set() {
        super::env::resource_field_ref(&resource, true, faults);
    } else {
        faults.required(item, "one of fieldRef and resourceFieldRef is required");
    }
    mode(&item.field("mode"), faults);
}

/// One of the sources of `whole`, which many faults name instead.
fn projected(projection: &At<'_>, whole: &At<'_>, paths: &mut BTreeSet<Str>, faults: &mut Faults) {
    let mut found = 0;
    for kind in ["secret", "configMap", "downwardAPI", "serviceAccountToken"] {
        let source = projection.field(kind);
        if !source.is_set() {
            continue;
        }
        found += 1;
        let items = source.field("items");
        match kind {
            "secret" | "configMap" => {
                source.field("name").require(faults);
                items.each().for_each(|item| key_to_path(&item, faults));
            }
            "downwardAPI" => {
                source.doc()["items"]
                    .items()
                    .iter()
                    .for_each(|item| downward_file(&source.about(item), faults));
            }
            _ => {
                let seconds = source.field("expirationSeconds");
                if seconds.is_set() && seconds.number() < 600 {
                    faults.invalid(&seconds, &seconds, "may not specify a duration less than 10 minutes");
                }
                let path = source.field("path");
                let at = whole.field("path");
                if path.is_empty() {
                    faults.required(&at, "");
                } else {
                    for message in names::descending_path(path.text()) {
                        faults.invalid(&at, &path, message);
                    }
                }
            }
        }
        for path in items.items().iter().map(|item| item["path"].str()).filter(|path| !path.is_empty()) {
            if !paths.insert(path.clone()) {
                let shown = if kind == "downwardAPI" { Doc::from(path) } else { source["name"].clone() };
                faults.invalid(whole, &shown, "conflicting duplicate paths");
            }
        }
    }
    if found > 1 {
        faults.forbidden(projection, "may not specify more than 1 volume type per source");
    }
}

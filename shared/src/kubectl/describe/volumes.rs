//! Volumes of pods, PersistentVolumes and claims.

use crate::api::Kind;
use crate::api::quantity::canonical;
use crate::collections::sort;
use crate::doc::Doc;

use super::super::io::Stop;
use super::super::resource::Target;
use super::parts::sorted;
use super::sheet::Sheet;
use super::values::{bare, go_list, pairs};

/// The kinds of volumes: field, and what is said of one; `=…` is what `source_of` says.
const SOURCES: &[(&str, &str)] = &[
    ("hostPath", ">>Type:\tHostPath (bare host directory volume)\n>>Path:\t{path}\n>>HostPathType:\t{type}"),
    (
        "emptyDir",
        ">>Type:\tEmptyDir (a temporary directory that shares a pod's lifetime)\n>>Medium:\t{medium}\n\
         >>SizeLimit:\t{sizeLimit:quantity/<unset>}",
    ),
    (
        "secret",
        ">>Type:\tSecret (a volume populated by a Secret)\n>>SecretName:\t{secretName}\n>>Optional:\t{optional/false}",
    ),
    (
        "configMap",
        ">>Type:\tConfigMap (a volume populated by a ConfigMap)\n>>Name:\t{name}\n>>Optional:\t{optional/false}",
    ),
    (
        "nfs",
        ">>Type:\tNFS (an NFS mount that lasts the lifetime of a pod)\n>>Server:\t{server}\n>>Path:\t{path}\n\
         >>ReadOnly:\t{readOnly/false}",
    ),
    (
        "persistentVolumeClaim",
        ">>Type:\tPersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)\n\
         >>ClaimName:\t{claimName}\n>>ReadOnly:\t{readOnly/false}",
    ),
    (
        "local",
        ">>Type:\tLocalVolume (a persistent volume backed by local storage on a node)\n>>Path:\t{path}",
    ),
    (
        "csi",
        ">>Type:\tCSI (a Container Storage Interface (CSI) volume source)\n>>Driver:\t{driver}\n>>FSType:\t{fsType}\n\
         ?volumeHandle >>VolumeHandle:\t{volumeHandle}\n>>ReadOnly:\t{readOnly/false}",
    ),
    (
        "iscsi",
        ">>Type:\tISCSI (an ISCSI Disk resource that is attached to a kubelet's host machine and then exposed to the pod)\n\
         >>TargetPortal:\t{targetPortal}\n>>IQN:\t{iqn}\n>>Lun:\t{lun/0}\n>>ISCSIInterface\t{iscsiInterface}\n\
         >>FSType:\t{fsType}\n>>ReadOnly:\t{readOnly/false}\n>>Portals:\t{portals:go/[]}\n\
         >>DiscoveryCHAPAuth:\t{chapAuthDiscovery/false}\n>>SessionCHAPAuth:\t{chapAuthSession/false}\n=secret\n\
         >>InitiatorName:\t{initiatorName/<none>}",
    ),
    (
        "fc",
        ">>Type:\tFC (a Fibre Channel disk)\n>>TargetWWNs:\t{targetWWNs:wide}\n>>LUN:\t{lun/<none>}\n\
         >>FSType:\t{fsType}\n>>ReadOnly:\t{readOnly/false}",
    ),
    (
        "image",
        ">>Type:\tImage (a container image or OCI artifact)\n>>Reference:\t{reference}\n>>PullPolicy:\t{pullPolicy}",
    ),
    (
        "ephemeral",
        ">>Type:\tEphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)",
    ),
    ("downwardAPI", ">>Type:\tDownwardAPI (a volume populated by information about the pod)\n>>Items:"),
    ("projected", ">>Type:\tProjected (a volume that contains injected data from multiple sources)"),
    (
        "gcePersistentDisk",
        ">>Type:\tGCEPersistentDisk (a Persistent Disk resource in Google Compute Engine)\n>>PDName:\t{pdName}\n\
         >>FSType:\t{fsType}\n>>Partition:\t{partition/0}\n>>ReadOnly:\t{readOnly/false}",
    ),
    (
        "awsElasticBlockStore",
        ">>Type:\tAWSElasticBlockStore (a Persistent Disk resource in AWS)\n>>VolumeID:\t{volumeID}\n\
         >>FSType:\t{fsType}\n>>Partition:\t{partition/0}\n>>ReadOnly:\t{readOnly/false}",
    ),
    (
        "glusterfs",
        ">>Type:\tGlusterfs (a Glusterfs mount on the host that shares a pod's lifetime)\n>>EndpointsName:\t{endpoints}\n\
         =endpoints\n>>Path:\t{path}\n>>ReadOnly:\t{readOnly/false}",
    ),
    (
        "rbd",
        ">>Type:\tRBD (a Rados Block Device mount on the host that shares a pod's lifetime)\n\
         >>CephMonitors:\t{monitors:go/[]}\n>>RBDImage:\t{image}\n>>FSType:\t{fsType}\n>>RBDPool:\t{pool}\n\
         >>RadosUser:\t{user}\n>>Keyring:\t{keyring}\n=secret\n>>ReadOnly:\t{readOnly/false}",
    ),
    (
        "cephfs",
        ">>Type:\tCephFS (a CephFS mount on the host that shares a pod's lifetime)\n>>Monitors:\t{monitors:go/[]}\n\
         >>Path:\t{path}\n>>User:\t{user}\n>>SecretFile:\t{secretFile}\n=secret\n>>ReadOnly:\t{readOnly/false}",
    ),
    (
        "cinder",
        ">>Type:\tCinder (a Persistent Disk resource in OpenStack)\n>>VolumeID:\t{volumeID}\n>>FSType:\t{fsType}\n\
         >>ReadOnly:\t{readOnly/false}\n=secret",
    ),
    (
        "flexVolume",
        ">>Type:\tFlexVolume (a generic volume resource that is provisioned/attached using an exec based plugin)\n\
         >>Driver:\t{driver}\n>>FSType:\t{fsType}\n=secret\n>>ReadOnly:\t{readOnly/false}\n>>Options:\t{options:go/map[]}",
    ),
    (
        "quobyte",
        ">>Type:\tQuobyte (a Quobyte mount on the host that shares a pod's lifetime)\n>>Registry:\t{registry}\n\
         >>Volume:\t{volume}\n>>ReadOnly:\t{readOnly/false}",
    ),
    (
        "vsphereVolume",
        ">>Type:\tvSphereVolume (a Persistent Disk resource in vSphere)\n>>VolumePath:\t{volumePath}\n\
         >>FSType:\t{fsType}\n>>StoragePolicyName:\t{storagePolicyName}",
    ),
    (
        "azureDisk",
        ">>Type:\tAzureDisk (an Azure Data Disk mount on the host and bind mount to the pod)\n>>DiskName:\t{diskName}\n\
         >>DiskURI:\t{diskURI}\n>>Kind: \t{kind}\n>>FSType:\t{fsType}\n>>CachingMode:\t{cachingMode}\n\
         >>ReadOnly:\t{readOnly/false}",
    ),
    (
        "photonPersistentDisk",
        ">>Type:\tPhotonPersistentDisk (a Persistent Disk resource in photon platform)\n>>PdID:\t{pdID}\n\
         >>FSType:\t{fsType}",
    ),
    ("portworxVolume", ">>Type:\tPortworxVolume (a Portworx Volume resource)\n>>VolumeID:\t{volumeID}"),
    (
        "scaleIO",
        ">>Type:\tScaleIO (a persistent volume backed by a block device in ScaleIO)\n>>Gateway:\t{gateway}\n\
         >>System:\t{system}\n>>Protection Domain:\t{protectionDomain}\n>>Storage Pool:\t{storagePool}\n\
         >>Storage Mode:\t{storageMode}\n>>VolumeName:\t{volumeName}\n=secret names\n>>FSType:\t{fsType}\n\
         >>ReadOnly:\t{readOnly/false}",
    ),
    (
        "storageos",
        ">>Type:\tStorageOS (a StorageOS Persistent Disk resource)\n>>VolumeName:\t{volumeName}\n\
         >>VolumeNamespace:\t{volumeNamespace}\n>>FSType:\t{fsType}\n>>ReadOnly:\t{readOnly/false}",
    ),
    (
        "azureFile",
        ">>Type:\tAzureFile (an Azure File Service mount on the host and bind mount to the pod)\n\
         >>SecretName:\t{secretName}\n=secret namespace\n>>ShareName:\t{shareName}\n>>ReadOnly:\t{readOnly/false}",
    ),
    (
        "flocker",
        ">>Type:\tFlocker (a Flocker volume mounted by the Flocker agent)\n>>DatasetName:\t{datasetName}\n\
         >>DatasetUUID:\t{datasetUUID}",
    ),
    (
        "gitRepo",
        ">>Type:\tGitRepo (a volume that is pulled from git when the pod is created)\n>>Repository:\t{repository}\n\
         >>Revision:\t{revision}",
    ),
];

/// Parts of a projected volume.
const PROJECTED: &[(&str, &str)] = &[
    ("secret", ">>SecretName:\t{name}\n>>Optional:\t{optional/false}"),
    ("downwardAPI", ">>DownwardAPI:\ttrue"),
    ("configMap", ">>ConfigMapName:\t{name}\n>>Optional:\t{optional/false}"),
    ("serviceAccountToken", ">>TokenExpirationSeconds:\t{expirationSeconds/3600}"),
];

pub fn of_pod(sheet: &mut Sheet<'_, '_>, pod: &Doc, _: &str) -> Result<(), Stop> {
    list(sheet, &pod["spec"], "")
}

/// The volumes of a pod's or template's spec.
pub fn list(sheet: &mut Sheet<'_, '_>, spec: &Doc, space: &str) -> Result<(), Stop> {
    let volumes = spec["volumes"].items();
    if volumes.is_empty() {
        sheet.line(0, format!("{space}Volumes:\t<none>"));
        return Ok(());
    }
    sheet.line(0, format!("{space}Volumes:"));
    for volume in volumes {
        let indent = if space.is_empty() { "" } else { " " };
        sheet.line(1, format!("{indent}{}:", volume["name"].str()));
        source_of(sheet, volume)?;
    }
    Ok(())
}

fn source_of(sheet: &mut Sheet<'_, '_>, volume: &Doc) -> Result<(), Stop> {
    let Some((field, text)) = SOURCES.iter().find(|(field, _)| !volume[*field].is_null()) else {
        sheet.line(1, "<unknown>");
        return Ok(());
    };
    let source = &volume[*field];
    // What differs between pods and volumes of the cluster, or is no field.
    let in_cluster = sheet.target.kind.known() == Some(Kind::PersistentVolume);
    for line in text.lines() {
        match line {
            "=secret" => sheet.line(2, format!("SecretRef:\t{}", secret(&source["secretRef"], in_cluster))),
            "=secret names" if in_cluster => {
                let text = ">>SecretName:\t{secretRef.name}\n>>SecretNamespace:\t{secretRef.namespace}";
                sheet.fill(source, text)?;
            }
            "=secret namespace" if in_cluster => {
                sheet.fill(source, ">>SecretNamespace:\t{secretNamespace}")?;
            }
            "=endpoints" if in_cluster => {
                sheet.fill(source, ">>EndpointsNamespace:\t{endpointsNamespace/<unset>}")?;
            }
            line if line.starts_with('=') => {}
            line => sheet.fill(source, line)?,
        }
    }
    match *field {
        "projected" => {
            for part in source["sources"].items() {
                if let Some((field, text)) = PROJECTED.iter().find(|(field, _)| !part[*field].is_null()) {
                    sheet.fill(&part[*field], text)?;
                }
            }
        }
        "downwardAPI" => {
            for item in source["items"].items() {
                for of in [&item["fieldRef"]["fieldPath"], &item["resourceFieldRef"]["resource"]] {
                    if !of.is_null() {
                        sheet.line(3, format!("{} -> {}", bare(of), item["path"].str()));
                    }
                }
            }
        }
        "ephemeral" => {
            let template = &source["volumeClaimTemplate"];
            sheet.fill(template, ">>StorageClass:\t{spec.storageClassName}\n>>Volume:\t{spec.volumeName}")?;
            sheet.lines("    Labels", pairs(&template["metadata"]["labels"], "="));
            sheet.lines("    Annotations", pairs(&template["metadata"]["annotations"], ": "));
            sheet.fill(
                template,
                ">>Capacity:\t\n>>Access Modes:\t\n?spec.volumeMode >>VolumeMode:\t{spec.volumeMode}",
            )?;
        }
        "csi" => {
            // Of a volume of the cluster they stand further in.
            let inset = if source["volumeHandle"].is_null() { "" } else { "    " };
            let attributes = pairs(&source["volumeAttributes"], "=").into_iter();
            sheet.lines("    VolumeAttributes", attributes.map(|one| format!("{inset}{one}")));
        }
        _ => {}
    }
    Ok(())
}

/// A reference to a Secret as Go prints it.
fn secret(reference: &Doc, in_cluster: bool) -> String {
    if reference.is_null() {
        return "nil".into();
    }
    let (name, namespace) = (reference["name"].str(), reference["namespace"].str());
    if in_cluster {
        format!("&SecretReference{{Name:{name},Namespace:{namespace},}}")
    } else {
        format!("&LocalObjectReference{{Name:{name},}}")
    }
}

/// The claim templates of a StatefulSet.
pub fn claims(sheet: &mut Sheet<'_, '_>, set: &Doc, _: &str) -> Result<(), Stop> {
    let templates = set["spec"]["volumeClaimTemplates"].items();
    if templates.is_empty() {
        sheet.line(0, "Volume Claims:\t<none>");
        return Ok(());
    }
    sheet.line(0, "Volume Claims:");
    for claim in templates {
        sheet.fill(claim, ">Name:\t{metadata.name}\n>StorageClass:\t{spec.storageClassName}")?;
        sheet.lines("  Labels", pairs(&claim["metadata"]["labels"], "="));
        sheet.lines("  Annotations", pairs(&claim["metadata"]["annotations"], "="));
        let capacity = canonical(&claim["spec"]["resources"]["requests"]["storage"]);
        sheet.line(1, format!("Capacity:\t{}", capacity.unwrap_or_else(|| "<default>".into())));
        sheet.line(1, format!("Access Modes:\t{}", go_list(&claim["spec"]["accessModes"])));
    }
    Ok(())
}

/// The claim that a volume is bound to.
pub fn claim(sheet: &mut Sheet<'_, '_>, volume: &Doc, _: &str) -> Result<(), Stop> {
    let reference = &volume["spec"]["claimRef"];
    let claim = match reference.is_null() {
        true => String::new(),
        false => format!("{}/{}", reference["namespace"].str(), reference["name"].str()),
    };
    sheet.line(0, format!("Claim:\t{claim}"));
    Ok(())
}

pub fn source(sheet: &mut Sheet<'_, '_>, volume: &Doc, _: &str) -> Result<(), Stop> {
    source_of(sheet, &volume["spec"])
}

pub fn node_affinity(sheet: &mut Sheet<'_, '_>, volume: &Doc, _: &str) -> Result<(), Stop> {
    let required = &volume["spec"]["nodeAffinity"]["required"];
    if required.is_null() {
        sheet.line(0, "Node Affinity:\t<none>");
        return Ok(());
    }
    sheet.line(0, "Node Affinity:\t");
    let terms = required["nodeSelectorTerms"].items();
    sheet.line(1, if terms.is_empty() { "Required Terms:\t<none>" } else { "Required Terms:\t" });
    for (at, term) in terms.iter().enumerate() {
        let lines = term["matchExpressions"].items().iter().map(|expression| {
            let (key, operator) = (expression["key"].str(), expression["operator"].str().to_lowercase());
            let values: Vec<String> = expression["values"].items().iter().map(bare).collect();
            let values = if values.is_empty() { String::new() } else { format!(" [{}]", values.join(", ")) };
            format!("{key} {operator}{values}")
        });
        sheet.lines(&format!("    Term {at}"), lines);
    }
    Ok(())
}

/// The pods that use a claim.
pub fn used_by(sheet: &mut Sheet<'_, '_>, claim: &Doc, _: &str) -> Result<(), Stop> {
    let mut request = Target::new(Kind::Pod, &sheet.target.namespace, "").get();
    request.path = format!("{}?limit=500", request.path).into();
    let pods = sheet.io.request(request)?.body["items"].clone();
    let name = claim["metadata"]["name"].str();
    let uses = |pod: &&Doc| {
        let mut volumes = pod["spec"]["volumes"].items().iter();
        let owners = claim["metadata"]["ownerReferences"].items();
        volumes.any(|volume| volume["persistentVolumeClaim"]["claimName"].as_str() == Some(&*name))
            || owners.iter().any(|owner| owner["uid"] == pod["metadata"]["uid"])
    };
    let names = pods.items().iter().filter(uses).map(|pod| pod["metadata"]["name"].str().to_string());
    sheet.lines("Used By", sorted(names.collect()));
    Ok(())
}

/// Access modes, short.
pub fn modes(modes: &Doc) -> String {
    const SHORT: [(&str, &str); 4] = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    let given = |long: &str| modes.items().iter().any(|mode| mode.as_str() == Some(long));
    let short: Vec<&str> = SHORT.iter().filter(|(long, _)| given(long)).map(|(_, short)| *short).collect();
    short.join(",")
}

pub fn default_class(sheet: &mut Sheet<'_, '_>, class: &Doc, _: &str) -> Result<(), Stop> {
    const NOTES: [&str; 2] =
        ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];
    let annotations = &class["metadata"]["annotations"];
    let is = NOTES.iter().any(|note| annotations[*note].as_str() == Some("true"));
    sheet.line(0, format!("IsDefaultClass:\t{}", if is { "Yes" } else { "No" }));
    Ok(())
}

pub fn topologies(sheet: &mut Sheet<'_, '_>, class: &Doc, _: &str) -> Result<(), Stop> {
    let terms = &class["allowedTopologies"];
    if terms.is_null() {
        return Ok(());
    }
    sheet.line(0, if terms.is_empty() { "AllowedTopologies:\t<none>" } else { "AllowedTopologies:\t" });
    for (at, term) in terms.items().iter().enumerate() {
        let lines = term["matchLabelExpressions"].items().iter().map(|expression| {
            let values: Vec<String> = expression["values"].items().iter().map(bare).collect();
            format!("{} in [{}]", expression["key"].str(), values.join(", "))
        });
        sheet.lines(&format!("  Term {at}"), lines);
    }
    Ok(())
}

/// The storage drivers of a node.
pub fn drivers(sheet: &mut Sheet<'_, '_>, node: &Doc, _: &str) -> Result<(), Stop> {
    if !node["spec"]["drivers"].is_null() {
        sheet.line(1, "Drivers:");
    }
    for driver in node["spec"]["drivers"].items() {
        sheet.fill(
            driver,
            ">>{name}:\n>>>Node ID:\t{nodeID}\n?allocatable.count >>>Allocatables:\n\
             ?allocatable.count >>>>Count:\t{allocatable.count}\n?topologyKeys >>>Topology Keys:\t{topologyKeys:go}",
        )?;
    }
    Ok(())
}

/// The addresses of a load balancer, sorted.
pub fn addresses(ingress: &Doc) -> String {
    let address = |one: &Doc| if one["ip"].is_null() { bare(&one["hostname"]) } else { bare(&one["ip"]) };
    let mut all: Vec<String> = ingress.items().iter().map(address).filter(|one| !one.is_empty()).collect();
    sort(&mut all);
    all.dedup();
    all.join(",")
}

//! How the API server prints its own, internal form of an object in an error: Go's names and order, every field there.
//!
//! Only what such errors print is in the table: pod specs, claims and update strategies.

use std::fmt::Write;

use crate::doc::Doc;

/// One line a type: its name, then its fields in Go's order, each with what stands for it when it is not set: `s` `""`,
/// `i` `0`, `b` `false`, `n` `null`, or, for a part that is always there, `{}`. After a colon the type of what is in it
/// (in its items, for a list).
const TYPES: &str = "
PodSpec Volumes/n:Volume InitContainers/n:Container Containers/n:Container EphemeralContainers/n RestartPolicy/s TerminationGracePeriodSeconds/n ActiveDeadlineSeconds/n DNSPolicy/s NodeSelector/n ServiceAccountName/s AutomountServiceAccountToken/n NodeName/s SecurityContext/n:PodSecurityContext ImagePullSecrets/n:LocalObjectReference Hostname/s Subdomain/s SetHostnameAsFQDN/n Affinity/n:Affinity SchedulerName/s Tolerations/n:Toleration HostAliases/n:HostAlias PriorityClassName/s Priority/n PreemptionPolicy/n DNSConfig/n:PodDNSConfig ReadinessGates/n:PodReadinessGate RuntimeClassName/n Overhead/n EnableServiceLinks/n TopologySpreadConstraints/n:TopologySpreadConstraint OS/n:PodOS SchedulingGates/n:PodSchedulingGate ResourceClaims/n:PodResourceClaim Resources/n:ResourceRequirements HostnameOverride/n SchedulingGroup/n
PodTemplateSpec labels/- annotations/- Spec/{}:PodSpec
Container Name/s Image/s Command/n Args/n WorkingDir/s Ports/n:ContainerPort EnvFrom/n:EnvFromSource Env/n:EnvVar Resources/{}:ResourceRequirements ResizePolicy/n:ContainerResizePolicy RestartPolicy/n RestartPolicyRules/n VolumeMounts/n:VolumeMount VolumeDevices/n:VolumeDevice LivenessProbe/n:Probe ReadinessProbe/n:Probe StartupProbe/n:Probe Lifecycle/n:Lifecycle TerminationMessagePath/s TerminationMessagePolicy/s ImagePullPolicy/s SecurityContext/n:SecurityContext Stdin/b StdinOnce/b TTY/b
PodSecurityContext HostNetwork/b HostPID/b HostIPC/b ShareProcessNamespace/n HostUsers/n SELinuxOptions/n:SELinuxOptions WindowsOptions/n RunAsUser/n RunAsGroup/n RunAsNonRoot/n SupplementalGroups/n SupplementalGroupsPolicy/n FSGroup/n FSGroupChangePolicy/n Sysctls/n:Sysctl SeccompProfile/n:SeccompProfile AppArmorProfile/n:SeccompProfile SELinuxChangePolicy/n
SecurityContext Capabilities/n:Capabilities Privileged/n SELinuxOptions/n:SELinuxOptions WindowsOptions/n RunAsUser/n RunAsGroup/n RunAsNonRoot/n ReadOnlyRootFilesystem/n AllowPrivilegeEscalation/n ProcMount/n SeccompProfile/n:SeccompProfile AppArmorProfile/n:SeccompProfile
Capabilities Add/n Drop/n
SELinuxOptions User/s Role/s Type/s Level/s
SeccompProfile Type/s LocalhostProfile/n
Sysctl Name/s Value/s
ContainerPort Name/s HostPort/i ContainerPort/i Protocol/s HostIP/s
EnvFromSource Prefix/s ConfigMapRef/n:OptionalReference SecretRef/n:OptionalReference
OptionalReference Name/s Optional/n
EnvVar Name/s Value/s ValueFrom/n:EnvVarSource
EnvVarSource FieldRef/n:ObjectFieldSelector ResourceFieldRef/n:ResourceFieldSelector ConfigMapKeyRef/n:KeySelector SecretKeyRef/n:KeySelector FileKeyRef/n
ObjectFieldSelector APIVersion/s FieldPath/s
ResourceFieldSelector ContainerName/s Resource/s Divisor/0
KeySelector Name/s Key/s Optional/n
ResourceRequirements Limits/n Requests/n Claims/n:ResourceClaim
ResourceClaim Name/s Request/s
ContainerResizePolicy ResourceName/s RestartPolicy/s
VolumeMount Name/s ReadOnly/b RecursiveReadOnly/n MountPath/s SubPath/s MountPropagation/n SubPathExpr/s
VolumeDevice Name/s DevicePath/s
Probe Exec/n:ExecAction HTTPGet/n:HTTPGetAction TCPSocket/n:TCPSocketAction GRPC/n:GRPCAction InitialDelaySeconds/i TimeoutSeconds/i PeriodSeconds/i SuccessThreshold/i FailureThreshold/i TerminationGracePeriodSeconds/n
Lifecycle PostStart/n:LifecycleHandler PreStop/n:LifecycleHandler StopSignal/n
LifecycleHandler Exec/n:ExecAction HTTPGet/n:HTTPGetAction TCPSocket/n:TCPSocketAction Sleep/n:SleepAction
ExecAction Command/n
HTTPGetAction Path/s Port/i Host/s Scheme/s HTTPHeaders/n:Sysctl
TCPSocketAction Port/i Host/s
GRPCAction Port/i Service/n
SleepAction Seconds/i
LocalObjectReference Name/s
Affinity NodeAffinity/n:NodeAffinity PodAffinity/n:PodAffinity PodAntiAffinity/n:PodAffinity
NodeAffinity RequiredDuringSchedulingIgnoredDuringExecution/n:NodeSelector PreferredDuringSchedulingIgnoredDuringExecution/n:PreferredSchedulingTerm
NodeSelector NodeSelectorTerms/n:NodeSelectorTerm
NodeSelectorTerm MatchExpressions/n:NodeSelectorRequirement MatchFields/n:NodeSelectorRequirement
NodeSelectorRequirement Key/s Operator/s Values/n
PreferredSchedulingTerm Weight/i Preference/{}:NodeSelectorTerm
PodAffinity RequiredDuringSchedulingIgnoredDuringExecution/n:PodAffinityTerm PreferredDuringSchedulingIgnoredDuringExecution/n:WeightedPodAffinityTerm
PodAffinityTerm LabelSelector/n:LabelSelector Namespaces/n TopologyKey/s NamespaceSelector/n:LabelSelector MatchLabelKeys/n MismatchLabelKeys/n
WeightedPodAffinityTerm Weight/i PodAffinityTerm/{}:PodAffinityTerm
LabelSelector matchLabels/- matchExpressions/-
Toleration Key/s Operator/s Value/s Effect/s TolerationSeconds/n
HostAlias IP/s Hostnames/n
PodDNSConfig Nameservers/n Searches/n Options/n:PodDNSConfigOption
PodDNSConfigOption Name/s Value/n
PodReadinessGate ConditionType/s
TopologySpreadConstraint MaxSkew/i TopologyKey/s WhenUnsatisfiable/s LabelSelector/n:LabelSelector MinDomains/n NodeAffinityPolicy/n NodeTaintsPolicy/n MatchLabelKeys/n
PodOS Name/s
PodSchedulingGate Name/s
PodResourceClaim Name/s ResourceClaimName/n ResourceClaimTemplateName/n
Volume Name/s HostPath/n:HostPath EmptyDir/n:EmptyDir GCEPersistentDisk/n AWSElasticBlockStore/n GitRepo/n Secret/n:SecretVolume NFS/n:NFSVolume ISCSI/n Glusterfs/n PersistentVolumeClaim/n:ClaimVolume RBD/n Quobyte/n FlexVolume/n Cinder/n CephFS/n Flocker/n DownwardAPI/n:DownwardAPIVolume FC/n AzureFile/n ConfigMap/n:ConfigMapVolume VsphereVolume/n AzureDisk/n PhotonPersistentDisk/n Projected/n:ProjectedVolume PortworxVolume/n ScaleIO/n StorageOS/n CSI/n Ephemeral/n Image/n:ImageVolume
HostPath Path/s Type/n
EmptyDir Medium/s SizeLimit/n
SecretVolume SecretName/s Items/n:KeyToPath DefaultMode/n Optional/n
ConfigMapVolume Name/s Items/n:KeyToPath DefaultMode/n Optional/n
NFSVolume Server/s Path/s ReadOnly/b
ClaimVolume ClaimName/s ReadOnly/b
DownwardAPIVolume Items/n:DownwardAPIFile DefaultMode/n
DownwardAPIFile Path/s FieldRef/n:ObjectFieldSelector ResourceFieldRef/n:ResourceFieldSelector Mode/n
ImageVolume Reference/s PullPolicy/s
KeyToPath Key/s Path/s Mode/n
ProjectedVolume Sources/n:Projection DefaultMode/n
Projection Secret/n:ConfigMapProjection DownwardAPI/n:DownwardAPIVolume ConfigMap/n:ConfigMapProjection ServiceAccountToken/n:TokenProjection ClusterTrustBundle/n PodCertificate/n
ConfigMapProjection Name/s Items/n:KeyToPath Optional/n
TokenProjection Audience/s ExpirationSeconds/i Path/s
PersistentVolumeClaimSpec AccessModes/n Selector/n:LabelSelector Resources/{}:VolumeResourceRequirements VolumeName/s StorageClassName/n VolumeMode/n DataSource/n DataSourceRef/n VolumeAttributesClassName/n
VolumeResourceRequirements Limits/n Requests/n
Taint Key/s Value/s Effect/s TimeAdded/n
PodDisruptionBudgetSpec MinAvailable/n Selector/n:LabelSelector MaxUnavailable/n UnhealthyPodEvictionPolicy/n
RoleRef APIGroup/s Kind/s Name/s
ServicePort Name/s Protocol/s AppProtocol/n Port/i TargetPort/i NodePort/i
PersistentVolumeSource GCEPersistentDisk/n AWSElasticBlockStore/n HostPath/n:HostPath Glusterfs/n NFS/n:NFSVolume RBD/n Quobyte/n ISCSI/n FlexVolume/n Cinder/n CephFS/n FC/n Flocker/n AzureFile/n VsphereVolume/n AzureDisk/n PhotonPersistentDisk/n PortworxVolume/n ScaleIO/n Local/n:LocalVolume StorageOS/n CSI/n:CSIVolume
LocalVolume Path/s FSType/n
CSIVolume Driver/s VolumeHandle/s ReadOnly/b FSType/s VolumeAttributes/n ControllerPublishSecretRef/n NodeStageSecretRef/n NodePublishSecretRef/n ControllerExpandSecretRef/n NodeExpandSecretRef/n
ObjectReference Kind/s Namespace/s Name/s UID/s APIVersion/s ResourceVersion/s FieldPath/s
EventSource Component/s Host/s
UpdateStrategy Type/s RollingUpdate/n
";

/// The object on one line, as the internal type called `of` prints.
pub fn printed(of: &str, doc: &Doc) -> String {
    let mut text = String::new();
    Printer { text: &mut text, pretty: false }.typed(of, doc, 0);
    text
}

/// What differs between two objects of the internal type called `of`: a unified diff of their indented form.
pub fn difference(of: &str, old: &Doc, new: &Doc) -> String {
    let lines = |doc: &Doc| {
        let mut text = String::new();
        Printer { text: &mut text, pretty: true }.typed(of, doc, 0);
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    unified(&lines(old), &lines(new))
}

fn fields_of(name: &str) -> Option<impl Iterator<Item = (&'static str, &'static str, &'static str)>> {
    let line = TYPES.lines().find(|line| line.split(' ').next() == Some(name) && !name.is_empty())?;
    Some(line.split(' ').skip(1).map(|field| {
        let (field, below) = field.split_once(':').unwrap_or((field, ""));
        let (field, unset) = field.split_once('/').unwrap_or((field, "n"));
        (field, unset, below)
    }))
}

/// `DNSPolicy` → `dnsPolicy`, `TTY` → `tty`, `HostIP` → `hostIP`
fn json_name(go: &str) -> String {
    let capitals = go.bytes().take_while(u8::is_ascii_uppercase).count();
    let lowered = if capitals == go.len() || capitals <= 1 { capitals } else { capitals - 1 };
    format!("{}{}", go[..lowered].to_lowercase(), &go[lowered..])
}

struct Printer<'a> {
    text: &'a mut String,
    pretty: bool,
}

impl Printer<'_> {
    fn typed(&mut self, of: &str, doc: &Doc, depth: usize) {
        let Some(fields) = fields_of(of) else { return self.plain(doc, depth) };
        let context = (of == "PodSpec").then(|| host_context(doc));
        let mut entries: Vec<(&str, Doc, &str)> = Vec::new();
        for (field, unset, below) in fields {
            let value = match &context {
                Some(context) if field == "SecurityContext" => context.clone(),
                _ => doc[json_name(field).as_str()].clone(),
            };
            let value = match (value, unset) {
                (Doc::Null, "-") => continue,
                (Doc::Null, "s") => Doc::from(""),
                (Doc::Null, "i") => Doc::from(0),
                (Doc::Null, "b") => Doc::Bool(false),
                (Doc::Null, "0") => Doc::from("0"),
                (Doc::Null, "{}") => Doc::map(),
                (value, _) => value,
            };
            entries.push((field, value, below));
        }
        self.map(entries, depth);
    }

    fn map<'b>(&mut self, entries: Vec<(&'b str, Doc, &'b str)>, depth: usize) {
        if entries.is_empty() {
            return self.text.push_str("{}");
        }
        self.text.push('{');
        for (at, (name, value, below)) in entries.iter().enumerate() {
            self.next_line(at, depth + 1);
            let space = if self.pretty { " " } else { "" };
            let _ = write!(self.text, "{}:{space}", Doc::from(*name));
            match value {
                Doc::List(items) if !below.is_empty() => self.list(items, below, depth + 1),
                Doc::Map(_) if !below.is_empty() => self.typed(below, value, depth + 1),
                _ => self.plain(value, depth + 1),
            }
        }
        self.end_line(depth);
        self.text.push('}');
    }

    fn list(&mut self, items: &[Doc], below: &str, depth: usize) {
        if items.is_empty() {
            return self.text.push_str("[]");
        }
        self.text.push('[');
        for (at, item) in items.iter().enumerate() {
            self.next_line(at, depth + 1);
            match item {
                Doc::Map(_) if !below.is_empty() => self.typed(below, item, depth + 1),
                _ => self.plain(item, depth + 1),
            }
        }
        self.end_line(depth);
        self.text.push(']');
    }

    /// What has no type in the table prints as it is.
    fn plain(&mut self, doc: &Doc, depth: usize) {
        match doc {
            Doc::Map(map) => {
                let entries =
                    map.entries().iter().map(|(key, value)| (key.as_str(), value.clone(), "")).collect();
                self.map(entries, depth);
            }
            Doc::List(items) => self.list(items, "", depth),
            other => self.text.push_str(&other.to_json()),
        }
    }

    fn next_line(&mut self, at: usize, depth: usize) {
        if at > 0 {
            self.text.push(',');
        }
        self.end_line(depth);
    }

    fn end_line(&mut self, depth: usize) {
        if self.pretty {
            self.text.push('\n');
            self.text.extend(std::iter::repeat_n(' ', depth));
        }
    }
}

/// Internally the use of the node's namespaces is part of the security context.
fn host_context(spec: &Doc) -> Doc {
    let mut context = spec["securityContext"].clone();
    for field in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"] {
        if !spec[field].is_null() {
            context.set(field, spec[field].clone());
        }
    }
    context
}

/// Lines around a change that are shown with it.
const CONTEXT: usize = 3;

/// A unified diff without file names.
fn unified(old: &[String], new: &[String]) -> String {
    let edits = edits(old, new);
    let changed: Vec<usize> = (0..edits.len()).filter(|at| edits[*at].0 != ' ').collect();
    let mut text = String::new();
    let mut next = 0;
    while let Some(&first) = changed.get(next) {
        // Changes whose context touches share a hunk.
        let mut last = first;
        while changed.get(next).is_some_and(|at| *at <= last + 2 * CONTEXT || *at == first) {
            last = changed[next];
            next += 1;
        }
        let (from, to) = (first.saturating_sub(CONTEXT), (last + CONTEXT + 1).min(edits.len()));
        let lines = |sign: char, range: &[(char, &str)]| range.iter().filter(|edit| edit.0 != sign).count();
        let hunk = &edits[from..to];
        let (old_start, new_start) = (lines('+', &edits[..from]) + 1, lines('-', &edits[..from]) + 1);
        let _ = writeln!(text, "@@ -{old_start},{} +{new_start},{} @@", lines('+', hunk), lines('-', hunk));
        for (sign, line) in hunk {
            let _ = writeln!(text, "{sign}{line}");
        }
    }
    text
}

/// The largest table of common lines that is made.
const MOST_CELLS: usize = 1 << 20;

/// Kept (` `), removed (`-`) and added (`+`) lines, by the longest common subsequence.
fn edits<'a>(old: &'a [String], new: &'a [String]) -> Vec<(char, &'a str)> {
    let prefix = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let rest = (&old[prefix..], &new[prefix..]);
    let suffix = rest.0.iter().rev().zip(rest.1.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&rest.0[..rest.0.len() - suffix], &rest.1[..rest.1.len() - suffix]);
    // Texts without end are not worth a table: what is common to them is left out of account.
    let (rows, columns) =
        if a.len().saturating_mul(b.len()) > MOST_CELLS { (0, 0) } else { (a.len(), b.len()) };
    let mut common = vec![vec![0u32; columns + 1]; rows + 1];
    for i in (0..rows).rev() {
        for j in (0..columns).rev() {
            common[i][j] =
                if a[i] == b[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let mut edits: Vec<(char, &str)> = old[..prefix].iter().map(|line| (' ', line.as_str())).collect();
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        if i < rows && j < columns && a[i] == b[j] {
            edits.push((' ', &a[i]));
            (i, j) = (i + 1, j + 1);
        } else if i < a.len() && (rows == 0 || j == b.len() || common[i + 1][j] >= common[i][j + 1]) {
            edits.push(('-', &a[i]));
            i += 1;
        } else {
            edits.push(('+', &b[j]));
            j += 1;
        }
    }
    edits.extend(old[old.len() - suffix..].iter().map(|line| (' ', line.as_str())));
    edits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doc;

    #[test]
    fn prints_as_go_does() {
        assert_eq!(
            printed("UpdateStrategy", &doc!({ "type": "Foo" })),
            r#"{"Type":"Foo","RollingUpdate":null}"#
        );
        let container =
            printed("Container", &doc!({ "name": "c", "tty": true, "ports": [{ "containerPort": 80 }] }));
        assert!(container.starts_with(r#"{"Name":"c","Image":"","Command":null"#), "{container}");
        assert!(
            container.contains(
                r#""Ports":[{"Name":"","HostPort":0,"ContainerPort":80,"Protocol":"","HostIP":""}]"#
            )
        );
        assert!(container.contains(r#""Resources":{"Limits":null,"Requests":null,"Claims":null}"#));
        assert!(container.ends_with(r#""TTY":true}"#));
        let spec = printed("PodSpec", &doc!({ "hostNetwork": true, "dnsPolicy": "Default" }));
        assert!(spec.contains(r#""DNSPolicy":"Default""#) && spec.contains(r#""HostNetwork":true"#));
    }

    #[test]
    fn shows_what_changed_with_three_lines_around() {
        let lines = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        assert_eq!(
            unified(&lines("abcdefghij"), &lines("abcdXfghij")),
            "@@ -2,7 +2,7 @@\n b\n c\n d\n-e\n+X\n f\n g\n h\n"
        );
        let apart = unified(&lines("abcdefghijklmnop"), &lines("Xbcdefghijklmnp"));
        assert_eq!(apart.matches("@@ -").count(), 2, "{apart}");
        assert_eq!(unified(&lines("ab"), &lines("ab")), "");
    }
}

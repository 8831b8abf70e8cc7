//! How pods are confined, what fits their operating system, and other values that are refused in the server's own words.

use crate::support::world::World;
use shared::apiserver::http::HttpRequest;

fn refusal(world: &mut World, path: &str, body: &str) -> (u32, String) {
    let answer = world.request(HttpRequest {
        method: "POST".into(),
        path: path.into(),
        body: body.into(),
        ..HttpRequest::default()
    });
    (answer.code, answer.body["message"].str().to_string())
}

const LINUX: &str = "cannot be set for a windows pod";
const WINDOWS: &str = "windows options cannot be set for a linux pod";

/// What a spec has beside its container, what that container has, and what is said of it (nothing: it is taken).
const PODS: &[(&str, &str, &[&str])] = &[
    (r#""os":{"name":"windows"}"#, "", &[]),
    (r#""os":{"name":"linux"},"securityContext":{"runAsUser":1}"#, r#"{"privileged":true}"#, &[]),
    (
        r#""os":{"name":"plan9"}"#,
        "",
        &[r#"spec.os: Unsupported value: "plan9": supported values: "linux", "windows""#],
    ),
    (r#""os":{}"#, "", &["spec.os.name: Required value: cannot be empty"]),
    (
        r#""os":{"name":"windows"},"hostPID":true,"hostUsers":true,"shareProcessNamespace":false,"securityContext":{"fsGroup":1,"sysctls":[{"name":"a.b","value":"c"}],"seLinuxOptions":{}}"#,
        r#"{"runAsUser":1,"privileged":false,"capabilities":{}}"#,
        &[
            "spec.securityContext.seLinuxOptions: Forbidden: {LINUX}",
            "spec.hostUsers: Forbidden: {LINUX}",
            "spec.hostPID: Forbidden: {LINUX}",
            "spec.securityContext.fsGroup: Forbidden: {LINUX}",
            "spec.securityContext.sysctls: Forbidden: {LINUX}",
            "spec.shareProcessNamespace: Forbidden: {LINUX}",
            "spec.containers[0].securityContext.capabilities: Forbidden: {LINUX}",
            "spec.containers[0].securityContext.privileged: Forbidden: {LINUX}",
            "spec.containers[0].securityContext.runAsUser: Forbidden: {LINUX}",
        ],
    ),
    (
        r#""os":{"name":"linux"},"securityContext":{"windowsOptions":{"runAsUserName":"me"}}"#,
        r#"{"windowsOptions":{"runAsUserName":"me"}}"#,
        &[
            "spec.securityContext.windowsOptions: Forbidden: {WINDOWS}",
            "spec.containers[0].securityContext.windowsOptions: Forbidden: {WINDOWS}",
        ],
    ),
    (
        r#""shareProcessNamespace":true,"hostPID":true"#,
        "",
        &[
            "spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled",
        ],
    ),
    (
        r#""hostNetwork":true,"securityContext":{"sysctls":[{"name":"net/core/somaxconn","value":"1"}]}"#,
        "",
        &[
            r#"spec.securityContext.sysctls[0].name: Invalid value: "net/core/somaxconn": may not be specified when 'hostNetwork' is true"#,
        ],
    ),
    (
        r#""hostIPC":true,"securityContext":{"sysctls":[{"name":"kernel.shmmax","value":"1"},{"name":"net.a","value":"1"}]}"#,
        "",
        &[
            r#"spec.securityContext.sysctls[0].name: Invalid value: "kernel.shmmax": may not be specified when 'hostIPC' is true"#,
        ],
    ),
    (
        "",
        r#"{"procMount":"Unmasked"}"#,
        &[
            r#"spec.containers[0].securityContext.procMount: Invalid value: "Unmasked": `hostUsers` must be false to use `Unmasked`"#,
        ],
    ),
    (r#""hostUsers":false"#, r#"{"procMount":"Unmasked"}"#, &[]),
    (r#""hostUsers":false,"hostIPC":true"#, "", &["spec.hostIPC: Forbidden: when `hostUsers` is false"]),
    (
        r#""securityContext":{"appArmorProfile":{"type":"Localhost"}}"#,
        r#"{"appArmorProfile":{"type":"RuntimeDefault","localhostProfile":"x"}}"#,
        &[
            "spec.containers[0].securityContext.appArmorProfile.localhostProfile: Invalid value: \"x\": can only be set when AppArmor type is Localhost",
            "spec.securityContext.appArmorProfile.localhostProfile: Required value: must be set when AppArmor type is Localhost",
        ],
    ),
    (
        r#""securityContext":{"windowsOptions":{"runAsUserName":"a\\b\\c","gmsaCredentialSpec":""}}"#,
        r#"{"windowsOptions":{"runAsUserName":"..","hostProcess":true}}"#,
        &[
            r#"spec.containers[0].securityContext.windowsOptions.runAsUserName: Invalid value: "..": runAsUserName's User cannot contain only periods or spaces"#,
            r#"spec.securityContext.windowsOptions.gmsaCredentialSpec: Invalid value: "": gmsaCredentialSpec cannot be an empty string"#,
            r#"spec.securityContext.windowsOptions.runAsUserName: Invalid value: "a\\b\\c": runAsUserName cannot contain more than one backslash"#,
            "spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess containers",
        ],
    ),
];

#[test]
fn pods_have_what_their_operating_system_has() {
    let mut world = World::new();
    for (number, (spec, context, faults)) in PODS.iter().enumerate() {
        let spec = if spec.is_empty() { String::new() } else { format!("{spec},") };
        let context = if context.is_empty() { "{}" } else { context };
        let body = format!(
            r#"{{"metadata":{{"name":"p{number}"}},"spec":{{{spec}"containers":[{{"name":"c","image":"nginx","securityContext":{context}}}]}}}}"#
        );
        let (code, message) = refusal(&mut world, "/api/v1/namespaces/default/pods", &body);
        let faults: Vec<String> = faults
            .iter()
            .map(|fault| fault.replace("{LINUX}", LINUX).replace("{WINDOWS}", WINDOWS))
            .collect();
        let wanted = match faults.as_slice() {
            [] => (201, String::new()),
            [one] => (422, format!("Pod \"p{number}\" is invalid: {one}")),
            more => (422, format!("Pod \"p{number}\" is invalid: [{}]", more.join(", "))),
        };
        assert_eq!((code, message), wanted, "{body}");
    }
}

#[test]
fn logins_for_registries_are_objects_in_json() {
    let mut world = World::new();
    for (content, why) in [
        ("{}", ""),
        ("null", ""),
        (r#"{"auths":{}}"#, ""),
        ("nope", "invalid character 'o' in literal null (expecting 'u')"),
        ("", "unexpected end of JSON input"),
        ("{", "unexpected end of JSON input"),
        ("[]", "json: cannot unmarshal array into Go value of type map[string]interface {}"),
        ("\"a\"", "json: cannot unmarshal string into Go value of type map[string]interface {}"),
    ] {
        for (kind, key) in [
            ("kubernetes.io/dockerconfigjson", ".dockerconfigjson"),
            ("kubernetes.io/dockercfg", ".dockercfg"),
        ] {
            let content = content.replace('"', "\\\"");
            let body = format!(
                r#"{{"metadata":{{"name":"s","generateName":""}},"type":"{kind}","stringData":{{"{key}":"{content}"}}}}"#
            );
            let path = "/api/v1/namespaces/default/secrets?dryRun=All";
            let wanted = match why {
                "" => (201, String::new()),
                why => (
                    422,
                    format!(
                        "Secret \"s\" is invalid: data[{key}]: Invalid value: \"<secret contents redacted>\": {why}"
                    ),
                ),
            };
            assert_eq!(refusal(&mut world, path, &body), wanted, "{body}");
        }
    }
}

#[test]
fn a_definition_is_filled_in_before_it_is_looked_at() {
    let mut world = World::new();
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    for (spec, says) in [("", false), (r#","spec":{}"#, false), (r#","spec":{"conversion":{}}"#, true)] {
        let (code, message) = refusal(&mut world, path, &format!(r#"{{"metadata":{{"name":"x.y"}}{spec}}}"#));
        assert_eq!(
            (code, message.contains("spec.conversion.strategy: Required value")),
            (422, says),
            "{message}"
        );
    }
}

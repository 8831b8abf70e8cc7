//! The kinds of the network: what is refused and in which words, what is filled in, how they are printed.

use crate::support::world::World;

fn apply(world: &mut World, yaml: &str) -> (u8, String) {
    let output = world.kubectl(["apply", "-f", "-"], yaml);
    (output.exit_code, format!("{}{}", output.stdout, output.stderr))
}

fn policy(spec: &str) -> String {
    format!("{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: p}}, spec: {spec}}}")
}

fn ingress(spec: &str) -> String {
    format!("{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: i}}, spec: {spec}}}")
}

fn class(spec: &str) -> String {
    format!("{{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {{name: c}}, spec: {spec}}}")
}

fn path(path: &str) -> String {
    ingress(&format!("{{rules: [{{http: {{paths: [{path}]}}}}]}}"))
}

fn service(spec: &str) -> String {
    format!("{{apiVersion: v1, kind: Service, metadata: {{name: s}}, spec: {spec}}}")
}

fn slice(body: &str) -> String {
    format!("{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{name: e}}, {body}}}")
}

#[test]
fn mistakes_are_refused_in_the_server_s_words() {
    let backend = "backend: {service: {name: x, port: {number: 80}}}";
    let cases = [
        (policy("{ingress: [{from: [{}]}]}"), "spec.ingress[0].from[0]: Required value: must specify a peer"),
        (
            policy("{egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]}]}"),
            "spec.egress[0].to[0]: Forbidden: may not specify both ipBlock and another peer",
        ),
        (policy("{ingress: [{from: [{ipBlock: {cidr: ''}}]}]}"), "spec.ingress[0].from[0].ipBlock.cidr: Required value"),
        (
            policy("{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}]}]}"),
            "spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: \"10.0.0.0/8\": must be a strict subset of `cidr`",
        ),
        (
            policy("{ingress: [{ports: [{port: 80, endPort: 79}]}]}"),
            "spec.ingress[0].ports[0].endPort: Invalid value: 79: must be greater than or equal to `port`",
        ),
        (
            policy("{ingress: [{ports: [{port: web, endPort: 90}]}]}"),
            "spec.ingress[0].ports[0].endPort: Invalid value: 90: may not be specified when `port` is non-numeric",
        ),
        (
            policy("{ingress: [{ports: [{endPort: 90}]}]}"),
            "spec.ingress[0].ports[0].endPort: Invalid value: 90: may not be specified when `port` is not specified",
        ),
        (
            policy("{ingress: [{ports: [{protocol: ICMP}]}]}"),
            "spec.ingress[0].ports[0].protocol: Unsupported value: \"ICMP\": supported values: \"TCP\", \"UDP\", \"SCTP\"",
        ),
        (
            policy("{policyTypes: [Both]}"),
            "spec.policyTypes[0]: Unsupported value: \"Both\": supported values: \"Egress\", \"Ingress\"",
        ),
        (ingress("{tls: []}"), "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"),
        (ingress("{rules: [{host: 10.0.0.1}]}"), "spec.rules[0].host: Invalid value: \"10.0.0.1\": must be a DNS name, not an IP address"),
        (ingress("{rules: [{http: {paths: []}}]}"), "spec.rules[0].http.paths: Required value"),
        (path(&format!("{{path: web, pathType: Prefix, {backend}}}")), "spec.rules[0].http.paths[0].path: Invalid value: \"web\": must be an absolute path"),
        (path(&format!("{{path: /a//b, pathType: Exact, {backend}}}")), "spec.rules[0].http.paths[0].path: Invalid value: \"/a//b\": must not contain '//'"),
        (path(&format!("{{path: /a/.., pathType: Exact, {backend}}}")), "spec.rules[0].http.paths[0].path: Invalid value: \"/a/..\": cannot end with '/..'"),
        (
            path(&format!("{{path: /, pathType: Regex, {backend}}}")),
            "spec.rules[0].http.paths[0].pathType: Unsupported value: \"Regex\": supported values: \"Exact\", \"ImplementationSpecific\", \"Prefix\"",
        ),
        (
            path("{path: /, pathType: Exact, backend: {service: {name: x, port: {number: 80, name: web}}}}"),
            "spec.rules[0].http.paths[0].backend: Invalid value: \"\": cannot set both port name & port number",
        ),
        (
            path("{path: /, pathType: Exact, backend: {service: {name: x, port: {number: 70000}}}}"),
            "spec.rules[0].http.paths[0].backend.service.port.number: Invalid value: 70000: must be between 1 and 65535, inclusive",
        ),
        (path("{path: /, pathType: Exact, backend: {}}"), "spec.rules[0].http.paths[0].backend: Invalid value: \"\": resource or service backend is required"),
        (class("{}"), "spec.controller: Required value"),
        (class("{controller: nginx}"), "spec.controller: Invalid value: \"nginx\": must be a domain-prefixed path (such as \"acme.io/foo\")"),
        (
            class("{controller: a.io/b, parameters: {kind: K, name: one, scope: Namespace}}"),
            "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'",
        ),
        (
            "{apiVersion: v1, kind: Endpoints, metadata: {name: e}, subsets: [{ports: [{port: 80}]}]}".into(),
            "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`",
        ),
        (
            "{apiVersion: v1, kind: Endpoints, metadata: {name: e}, subsets: [{addresses: [{ip: 127.0.0.1}]}]}".into(),
            "subsets[0].addresses[0].ip: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, ::1/128)",
        ),
        (slice("addressType: IPv5, endpoints: []"), "addressType: Unsupported value: \"IPv5\": supported values: \"FQDN\", \"IPv4\", \"IPv6\""),
        (slice("addressType: IPv4, endpoints: [{addresses: []}]"), "endpoints[0].addresses: Required value: must contain at least 1 address"),
        (service("{type: NodePort, ports: [{port: 80, nodePort: 29999}]}"), "spec.ports[0].nodePort: Invalid value: 29999: provided port is not in the valid range. The range of valid ports is 30000-32767"),
    ];
    let mut world = World::new();
    let mut failures = Vec::new();
    for (yaml, expected) in cases {
        let (code, text) = apply(&mut world, &yaml);
        if code != 1 || !text.trim_end().ends_with(&format!(": {expected}")) {
            failures.push(format!("{yaml}\n  expected {expected}\n  found    {}", text.trim_end()));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn they_are_printed_as_kubectl_prints_them() {
    let cases = [
        (policy("{podSelector: {matchLabels: {app: web}}}"), "netpol", "NAME POD-SELECTOR AGE\np app=web 0s"),
        (policy("{podSelector: {}}"), "networkpolicy/p", "NAME POD-SELECTOR AGE\np <none> 0s"),
        (
            ingress(
                "{ingressClassName: nginx, tls: [{hosts: [a.io]}], rules: [{host: a.io}, {host: b.io}, {host: c.io}, {host: d.io}]}",
            ),
            "ing",
            "NAME CLASS HOSTS ADDRESS PORTS AGE\ni nginx a.io,b.io,c.io + 1 more... 80, 443 0s",
        ),
        (
            ingress("{defaultBackend: {service: {name: x, port: {number: 80}}}}"),
            "ingress",
            "NAME CLASS HOSTS ADDRESS PORTS AGE\ni <none> * 80 0s",
        ),
        (class("{controller: a.io/b}"), "ingressclass", "NAME CONTROLLER PARAMETERS AGE\nc a.io/b <none> 0s"),
        (
            class("{controller: a.io/b, parameters: {apiGroup: k.io, kind: Conf, name: one}}"),
            "ingressclasses",
            "NAME CONTROLLER PARAMETERS AGE\nc a.io/b Conf.k.io/one 0s",
        ),
        (
            service("{ports: [{port: 80}], externalIPs: [198.51.100.7]}"),
            "svc/s",
            "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE\ns ClusterIP IP 198.51.100.7 80/TCP 0s",
        ),
    ];
    let mut failures = Vec::new();
    for (yaml, what, expected) in cases {
        let mut world = World::new();
        let (code, text) = apply(&mut world, &yaml);
        assert_eq!(code, 0, "{yaml}: {text}");
        let shown = world.kubectl(["get", what], "").stdout;
        let plain = |line: &str| {
            let word = |word: &str| {
                if word.starts_with("10.96.") || word.starts_with("10.1") {
                    "IP".to_owned()
                } else {
                    word.to_owned()
                }
            };
            line.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
        };
        let shown = shown.lines().map(plain).collect::<Vec<_>>().join("\n");
        if shown != expected {
            failures.push(format!("{yaml}\n  expected {expected:?}\n  found    {shown:?}"));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn what_is_left_out_is_filled_in() {
    let cases = [
        (
            policy("{ingress: [{ports: [{port: 80}]}]}"),
            "netpol/p",
            "{.spec.policyTypes} {.spec.ingress[0].ports[0].protocol}",
            "[\"Ingress\"] TCP",
        ),
        (policy("{egress: [{}]}"), "netpol/p", "{.spec.policyTypes}", "[\"Ingress\",\"Egress\"]"),
        (
            class("{controller: a.io/b, parameters: {kind: K, name: one}}"),
            "ingressclass/c",
            "{.spec.parameters.scope}",
            "Cluster",
        ),
        (
            slice("addressType: IPv4, endpoints: [], ports: [{port: 80}]"),
            "endpointslice/e",
            "{.ports[0].name}{.ports[0].protocol}",
            "TCP",
        ),
        // A port number with two protocols is one port of the nodes.
        (
            service(
                "{type: NodePort, ports: [{name: a, port: 53, protocol: UDP}, {name: b, port: 53, protocol: TCP, nodePort: 30053}]}",
            ),
            "svc/s",
            "{.spec.ports[*].nodePort}",
            "30053 30053",
        ),
        (
            service("{type: LoadBalancer, allocateLoadBalancerNodePorts: false, ports: [{port: 80}]}"),
            "svc/s",
            "{.spec.ports[0].nodePort}",
            "",
        ),
        (
            service(
                "{type: LoadBalancer, externalTrafficPolicy: Local, healthCheckNodePort: 30500, ports: [{port: 80, nodePort: 30501}]}",
            ),
            "svc/s",
            "{.spec.healthCheckNodePort} {.spec.ports[0].nodePort}",
            "30500 30501",
        ),
    ];
    for (yaml, what, template, expected) in cases {
        let mut world = World::new();
        let (code, text) = apply(&mut world, &yaml);
        assert_eq!(code, 0, "{yaml}: {text}");
        let output = format!("jsonpath={template}");
        let shown = world.kubectl(["get", what, "-o", &output], "");
        assert_eq!(shown.stdout, expected, "{yaml} {}", shown.stderr);
    }
}

#[test]
fn a_default_class_is_given_to_an_ingress_that_names_none() {
    let mut world = World::new();
    let marked = class("{controller: a.io/b}")
        .replace("name: c", "name: c, annotations: {ingressclass.kubernetes.io/is-default-class: 'true'}");
    assert_eq!(apply(&mut world, &marked).0, 0);
    assert_eq!(apply(&mut world, &ingress("{rules: [{host: a.io}]}")).0, 0);
    assert_eq!(world.kubectl(["get", "ing", "i", "-o", "jsonpath={.spec.ingressClassName}"], "").stdout, "c");
}

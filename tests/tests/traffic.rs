//! The data plane seen by those who use it: what requests reach, and how they fail. Each case is a scenario with one or
//! more sources of traffic, of which the counters are looked at in the end.

use shared::doc::Doc;
use shared::scenario::Scenario;
use shared::session::Player;
use shared::sim::Time;

/// An app of two pods and a client, in a namespace of its own; node-2 has no pods of either.
const SHOP: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: red}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      nodeName: node-0
      containers: [{name: web, image: "todo-api:v1.0", ports: [{name: http, containerPort: 8080}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.96.0.50, selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: shop, labels: {app: client}}
spec: {nodeName: node-1, containers: [{name: c, image: busybox, command: [sleep, infinity]}]}
"#;

/// A scenario of a minute and a half: objects at 5 s, more steps, and sources that begin at 40 s.
fn scenario(cluster: &str, objects: &str, steps: &str, sources: &[String]) -> Scenario {
    let indent = |text: &str| text.trim().lines().map(|line| format!("      {line}\n")).collect::<String>();
    let mut text = format!(
        "apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nspec:\n  seed: 7\n  cluster: {cluster}\n  \
         options: {{visitorsPerSecondMilli: 0}}\n  steps:\n  - at: 5s\n    apply: |\n{}",
        indent(SHOP)
    );
    if !objects.is_empty() {
        text.push_str(&format!("  - at: 6s\n    apply: |\n{}", indent(objects)));
    }
    text.push_str(steps);
    for source in sources {
        text.push_str(&format!("  - {{at: 40s, traffic: {source}}}\n"));
    }
    Scenario::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

const THREE: &str = "{nodes: [{name: node-0, zone: a}, {name: node-1, zone: b}, {name: node-2, zone: b}]}";

fn play(cluster: &str, objects: &str, steps: &str, sources: &[String]) -> Player {
    let mut player = Player::new(scenario(cluster, objects, steps, sources), 0).expect("it can be played");
    player.advance_to(Time(90_000));
    for result in player.results() {
        assert_eq!(result.exit_code, 0, "{}: {}", result.command, result.stderr);
    }
    player
}

/// `ok`, or the failures of a source by kind; both where both happened.
fn verdict(player: &Player, source: &str) -> String {
    let summary = player.cluster().network().visitors().summary(source).expect("there is such a source");
    let mut parts = Vec::new();
    if summary["ok"].as_i64() > Some(0) {
        parts.push("ok".to_owned());
    }
    parts.extend(summary["failures"].entries().iter().map(|(kind, _)| kind.to_string()));
    if parts.is_empty() { "nothing sent".into() } else { parts.join(" ") }
}

fn details(player: &Player, source: &str) -> Vec<String> {
    let summary = player.cluster().network().visitors().summary(source).expect("there is such a source");
    summary["recent"].items().iter().map(|result| result["detail"].str().to_string()).collect()
}

/// Plays one scenario with a source for each row (what it is about, from where, to where, verdict).
fn table(cluster: &str, objects: &str, steps: &str, rows: &[(&str, &str, &str)]) {
    let sources: Vec<String> = (0..)
        .zip(rows)
        .map(|(at, (from, to, _))| {
            let from = if from.is_empty() { "outside" } else { from };
            let (pod, namespace) = from.split_once('@').unwrap_or((from, "shop"));
            format!(
                "{{name: s{at}, from: {pod}, namespace: {namespace}, to: \"{to}\", rate: 2, timeout: 4s}}"
            )
        })
        .collect();
    let player = play(cluster, objects, steps, &sources);
    let mut failures = Vec::new();
    for (at, (from, to, expected)) in rows.iter().enumerate() {
        let name = format!("s{at}");
        let found = verdict(&player, &name);
        if found != *expected {
            failures.push(format!(
                "{from} → {to}: expected {expected}, found {found} {:?}",
                details(&player, &name)
            ));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn names_lead_where_they_should() {
    let objects = r#"
apiVersion: v1
kind: Service
metadata: {name: pods, namespace: shop}
spec: {clusterIP: None, selector: {app: web}, ports: [{name: http, port: 8080}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: redis}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {clusterIP: None, selector: {app: db}, ports: [{name: redis, port: 6379}]}
---
apiVersion: v1
kind: Service
metadata: {name: alias, namespace: shop}
spec: {type: ExternalName, externalName: web.shop.svc.cluster.local}
---
apiVersion: v1
kind: Service
metadata: {name: abroad, namespace: shop}
spec: {type: ExternalName, externalName: api.example.com}
---
apiVersion: v1
kind: Service
metadata: {name: slow, namespace: shop}
spec: {clusterIP: None, publishNotReadyAddresses: true, selector: {app: slow}, ports: [{port: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: slow, namespace: shop, labels: {app: slow}}
spec:
  hostname: tortoise
  subdomain: slow
  containers: [{name: c, image: "todo-api:v1.0", readinessProbe: {httpGet: {port: 9999}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: other}
spec: {containers: [{name: c, image: busybox, command: [sleep, infinity]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: abroad, namespace: shop}
spec: {dnsPolicy: Default, containers: [{name: c, image: busybox, command: [sleep, infinity]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: odd, namespace: shop}
spec:
  dnsPolicy: None
  dnsConfig: {nameservers: [10.96.0.10], searches: [svc.cluster.local], options: [{name: ndots, value: "2"}]}
  hostAliases: [{ip: 10.96.0.50, hostnames: [shop.local]}]
  containers: [{name: c, image: busybox, command: [sleep, infinity]}]
"#;
    let client = "pod/client";
    table(
        THREE,
        objects,
        "",
        &[
            (client, "http://web", "ok"),
            (client, "http://web.shop", "ok"),
            (client, "http://web.shop.svc", "ok"),
            (client, "http://web.shop.svc.cluster.local", "ok"),
            (client, "http://web.shop.svc.cluster.local.", "ok"),
            (client, "http://web.", "unknownHost"),
            (client, "http://nobody", "unknownHost"),
            (client, "http://pods:8080", "ok"),
            (client, "http://web.pods:8080", "unknownHost"),
            (client, "tcp://db-0.db:6379", "ok"),
            (client, "tcp://db-1.db.shop.svc.cluster.local:6379", "ok"),
            (client, "tcp://db-2.db:6379", "unknownHost"),
            (client, "http://db-0.db:6379", "empty"),
            (client, "tcp://_http._tcp.web.shop.svc.cluster.local", "ok"),
            (client, "tcp://_redis._tcp.db.shop.svc.cluster.local", "ok"),
            (client, "tcp://_redis._udp.db.shop.svc.cluster.local", "unknownHost"),
            (client, "http://alias", "ok"),
            (client, "https://abroad", "ok"),
            (client, "https://example.org", "ok"),
            (client, "http://slow:8080", "ok"),
            (client, "http://tortoise.slow:8080", "ok"),
            (client, "http://10-96-0-50.shop.pod.cluster.local", "ok"),
            (client, "https://kubernetes.default", "http"),
            ("pod/other@default", "http://web", "unknownHost"),
            ("pod/other@default", "http://web.shop", "ok"),
            ("pod/abroad", "http://web.shop.svc.cluster.local", "unknownHost"),
            ("pod/abroad", "http://example.com", "ok"),
            ("pod/odd", "http://web", "unknownHost"),
            ("pod/odd", "http://web.shop", "ok"),
            ("pod/odd", "http://shop.local", "ok"),
            ("pod/missing", "http://web", "nothing sent"),
        ],
    );
}

#[test]
fn requests_fail_as_clients_see_it() {
    let objects = r#"
apiVersion: v1
kind: Service
metadata: {name: nobody, namespace: shop}
spec: {clusterIP: 10.96.0.51, selector: {app: nobody}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: shut, namespace: shop}
spec: {clusterIP: 10.96.0.52, selector: {app: web}, ports: [{port: 80, targetPort: 9999}]}
---
apiVersion: v1
kind: Service
metadata: {name: talk, namespace: shop}
spec: {selector: {app: web}, ports: [{name: u, port: 53, protocol: UDP, targetPort: 8080}, {name: s, port: 53, protocol: SCTP, targetPort: 8080}]}
"#;
    let rows = |unlisted: &'static str| {
        vec![
            ("pod/client", "http://nobody", "refused"),
            ("pod/client", "http://10.96.0.51", "refused"),
            ("pod/client", "http://shut", "refused"),
            ("pod/client", "udp://talk:53", "ok"),
            ("pod/client", "sctp://talk:53", "ok"),
            ("pod/client", "tcp://talk:53", unlisted),
            ("pod/client", "http://10.96.0.50:81", unlisted),
            // Nobody has the address, neither a Service nor a pod.
            ("pod/client", "http://10.96.7.7", "timeout"),
            ("pod/client", "http://10.244.0.200:8080", "noRoute"),
            ("", "http://10.96.0.50", "noRoute"),
            ("", "http://nowhere.invalid", "unknownHost"),
        ]
    };
    table(THREE, objects, "", &rows("refused"));
    // Without ipvs no node thinks that a Service's address is its own.
    let mut sources = Vec::new();
    for (at, (_, to, _)) in rows("timeout").iter().enumerate().filter(|(_, row)| row.2 == "timeout") {
        sources
            .push(format!("{{name: s{at}, from: pod/client, namespace: shop, to: \"{to}\", timeout: 4s}}"));
    }
    let mut text = scenario(THREE, objects, "", &sources);
    text.spec.options.proxy_mode = shared::sim::ProxyMode::Iptables;
    let mut player = Player::new(text, 0).expect("it can be played");
    player.advance_to(Time(90_000));
    for name in sources.iter().filter_map(|source| source[7..].split(',').next()) {
        assert_eq!(verdict(&player, name), "timeout", "{name}");
    }
}

#[test]
fn what_stops_breaks_only_what_needs_it() {
    let fault =
        |target: &str, kind: &str| format!("  - {{at: 30s, fault: {{target: {target}, kind: {kind}}}}}\n");
    let (name, address) = ("http://web", "http://10.96.0.50");
    table(
        THREE,
        "",
        &fault("component/coredns", "Stop"),
        &[("pod/client", name, "noDns"), ("pod/client", address, "ok")],
    );
    // The pods of node-0 are there no more: nobody knows for a while, then no endpoint is left.
    table(THREE, "", &fault("node/node-0", "PowerOff"), &[("pod/client", address, "refused timeout")]);
    table(THREE, "", &fault("node/node-1", "Partition"), &[("pod/client", address, "timeout")]);
    // The kernel keeps the rules; they grow old on that node only.
    let moved = "  - {at: 32s, kubectl: \"-n shop rollout restart deployment/web\"}\n";
    let twin = "apiVersion: v1\nkind: Pod\nmetadata: {name: twin, namespace: shop}\n\
                spec: {nodeName: node-2, containers: [{name: c, image: busybox, command: [sleep, infinity]}]}";
    let steps = fault("component/kube-proxy@node-1", "Stop") + moved;
    table(THREE, twin, &steps, &[("pod/client", address, "noRoute"), ("pod/twin", address, "ok")]);
    table(THREE, twin, &fault("component/kube-proxy@node-1", "Stop"), &[("pod/client", address, "ok")]);
}

#[test]
fn without_the_cni_plugin_pods_wait_for_their_network() {
    let steps = "  - {at: 30s, fault: {target: component/cni@node-0, kind: Stop}}\n  \
                 - {at: 31s, kubectl: \"-n shop scale deployment/web --replicas=3\"}\n";
    let mut player = play(THREE, "", steps, &[]);
    let of = |player: &Player, kind| -> Vec<Doc> {
        let objects = player.cluster().store().list(kind).filter(|object| object.key.namespace == "shop");
        objects.map(|object| object.to_doc()).collect()
    };
    let phases = |player: &Player| {
        let pods = of(player, shared::api::Kind::Pod);
        let web = pods.iter().filter(|pod| pod["metadata"]["labels"]["app"].as_str() == Some("web"));
        let mut all: Vec<String> = web.map(|pod| pod["status"]["phase"].str().to_string()).collect();
        all.sort();
        all.join(" ")
    };
    assert_eq!(phases(&player), "Pending Running Running");
    let events = of(&player, shared::api::Kind::Event);
    let failed = events.iter().find(|event| event["reason"].as_str() == Some("FailedCreatePodSandBox"));
    let message = failed.expect("an event says so")["message"].str();
    assert!(
        message.starts_with("Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox \""),
        "{message}"
    );
    let repair = shared::scenario::StepAction::Repair(shared::scenario::RepairStep {
        target: shared::sim::Target::parse("component/cni@node-0").expect("a target"),
    });
    player.submit(repair, "".into());
    player.advance_to(Time(120_000));
    assert_eq!(phases(&player), "Running Running Running");
}

#[test]
fn services_open_to_the_outside_answer_where_they_should() {
    let service = |name: &str, spec: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{selector: {{app: web}}, {spec}}}\n---\n"
        )
    };
    let objects = [
        service("np", "type: NodePort, ports: [{port: 80, targetPort: 8080, nodePort: 30080}]"),
        service(
            "near",
            "type: NodePort, externalTrafficPolicy: Local, ports: [{port: 80, targetPort: 8080, nodePort: 30081}]",
        ),
        service("lb", "type: LoadBalancer, ports: [{port: 80, targetPort: 8080}]"),
        service(
            "lblocal",
            "type: LoadBalancer, externalTrafficPolicy: Local, healthCheckNodePort: 30100, ports: [{port: 80, targetPort: 8080, nodePort: 30082}]",
        ),
        service(
            "classy",
            "type: LoadBalancer, loadBalancerClass: example.com/other, ports: [{port: 80, targetPort: 8080}]",
        ),
        service(
            "some",
            "type: LoadBalancer, loadBalancerSourceRanges: [192.0.2.0/24], ports: [{port: 80, targetPort: 8080}]",
        ),
        service("ext", "externalIPs: [198.18.0.9], ports: [{port: 80, targetPort: 8080}]"),
        service(
            "inner",
            "clusterIP: 10.96.0.60, internalTrafficPolicy: Local, ports: [{port: 80, targetPort: 8080}]",
        ),
    ];
    let here = "apiVersion: v1\nkind: Pod\nmetadata: {name: here, namespace: shop}\n\
                spec: {nodeName: node-0, containers: [{name: c, image: busybox, command: [sleep, infinity]}]}";
    table(
        THREE,
        &(objects.concat() + here),
        "  - {at: 30s, fault: {target: node/node-2, kind: PowerOff}}\n",
        &[
            ("", "http://node-0:30080", "ok"),
            ("", "http://node-1:30080", "ok"),
            ("", "http://node-2:30080", "timeout"),
            ("", "http://node-0:31999", "refused"),
            ("", "http://node-0:30081", "ok"),
            ("", "http://node-1:30081", "timeout"),
            ("pod/client", "http://172.18.0.2:30080", "ok"),
            ("", "http://lb.shop", "ok"),
            ("", "http://lblocal.shop", "ok"),
            ("", "http://node-0:30100", "ok"),
            ("", "http://node-1:30100", "http"),
            ("", "http://classy.shop", "unknownHost"),
            ("", "http://some.shop", "timeout"),
            ("", "http://198.18.0.9", "ok"),
            ("pod/client", "http://198.18.0.9", "ok"),
            // Inside, a Service whose policy is Local has endpoints only where its pods are.
            ("pod/client", "http://inner", "timeout"),
            ("pod/here", "http://inner", "ok"),
        ],
    );
}

#[test]
fn connections_are_spread_or_kept_together() {
    let sticky = "apiVersion: v1\nkind: Service\nmetadata: {name: sticky, namespace: shop}\n\
                  spec: {selector: {app: web}, sessionAffinity: ClientIP, ports: [{port: 80, targetPort: 8080}]}";
    let source = |name: &str| {
        format!("{{name: {name}, from: pod/client, namespace: shop, to: \"http://{name}\", rate: 2}}")
    };
    let player = play(THREE, sticky, "", &[source("web"), source("sticky")]);
    let (spread, kept) = (details(&player, "web"), details(&player, "sticky"));
    assert!(spread.windows(2).all(|pair| pair[0] != pair[1]), "round robin: {spread:?}");
    assert!(kept.windows(2).all(|pair| pair[0] == pair[1]), "one pod: {kept:?}");
    assert_eq!((spread.len(), kept.len()), (20, 20));
}

#[test]
fn network_policies_let_through_what_they_say() {
    let policy = |name: &str, spec: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: shop}}\nspec: {spec}"
        )
    };
    let friends = "apiVersion: v1\nkind: Namespace\nmetadata: {name: friends, labels: {team: blue}}\n---\n\
                   apiVersion: v1\nkind: Pod\nmetadata: {name: friend, namespace: friends, labels: {app: friend}}\n\
                   spec: {containers: [{name: c, image: busybox, command: [sleep, infinity]}]}\n---\n\
                   apiVersion: v1\nkind: Service\nmetadata: {name: np, namespace: shop}\n\
                   spec: {type: NodePort, externalTrafficPolicy: Local, selector: {app: web}, ports: [{port: 80, targetPort: 8080, nodePort: 30080}]}\n---\n";
    let web = "{matchLabels: {app: web}}";
    // Policy, then what becomes of client, friend and somebody outside.
    let cases = [
        ("{podSelector: {}}".to_owned(), ["timeout", "timeout", "timeout"]),
        (format!("{{podSelector: {web}, ingress: [{{}}]}}"), ["ok", "ok", "ok"]),
        ("{podSelector: {matchLabels: {app: other}}}".into(), ["ok", "ok", "ok"]),
        (format!("{{podSelector: {web}, ingress: [{{from: [{{podSelector: {{matchLabels: {{app: client}}}}}}]}}]}}"), ["ok", "timeout", "timeout"]),
        (format!("{{podSelector: {web}, ingress: [{{from: [{{namespaceSelector: {{matchLabels: {{team: blue}}}}}}]}}]}}"), ["timeout", "ok", "timeout"]),
        (
            format!("{{podSelector: {web}, ingress: [{{from: [{{namespaceSelector: {{}}, podSelector: {{matchLabels: {{app: friend}}}}}}]}}]}}"),
            ["timeout", "ok", "timeout"],
        ),
        (format!("{{podSelector: {web}, ingress: [{{from: [{{ipBlock: {{cidr: 198.51.100.0/24}}}}]}}]}}"), ["timeout", "timeout", "ok"]),
        (
            format!("{{podSelector: {web}, ingress: [{{from: [{{ipBlock: {{cidr: 0.0.0.0/0, except: [198.51.100.0/24]}}}}]}}]}}"),
            ["ok", "ok", "timeout"],
        ),
        (format!("{{podSelector: {web}, ingress: [{{ports: [{{port: http}}]}}]}}"), ["ok", "ok", "ok"]),
        (format!("{{podSelector: {web}, ingress: [{{ports: [{{port: 80}}]}}]}}"), ["timeout", "timeout", "timeout"]),
        (format!("{{podSelector: {web}, ingress: [{{ports: [{{port: 8000, endPort: 8100}}]}}]}}"), ["ok", "ok", "ok"]),
        (format!("{{podSelector: {web}, ingress: [{{ports: [{{protocol: UDP, port: 8080}}]}}]}}"), ["timeout", "timeout", "timeout"]),
        // What may go out: nothing, names only, everything but pods' addresses.
        ("{podSelector: {matchLabels: {app: client}}, policyTypes: [Egress]}".into(), ["noDns", "ok", "ok"]),
        (
            "{podSelector: {matchLabels: {app: client}}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}], ports: [{port: 53, protocol: UDP}]}]}".into(),
            ["timeout", "ok", "ok"],
        ),
        (
            "{podSelector: {matchLabels: {app: client}}, policyTypes: [Egress], egress: [{ports: [{port: 53, protocol: UDP}]}, {to: [{podSelector: {matchLabels: {app: web}}}]}]}".into(),
            ["ok", "ok", "ok"],
        ),
    ];
    for (spec, expected) in cases {
        let objects = format!("{friends}{}", policy("p", &spec));
        let rows = [
            ("pod/client", "http://web", expected[0]),
            ("pod/friend@friends", "http://web.shop", expected[1]),
            ("", "http://node-0:30080", expected[2]),
        ];
        println!("{spec}");
        table(THREE, &objects, "", &rows);
    }
}

#[test]
fn an_ingress_leads_by_host_and_path() {
    let cluster = THREE.replacen('{', "{addons: [ingress-nginx], ", 1);
    let path = |path: &str, kind: &str, service: &str, port: &str| {
        format!(
            "{{path: {path}, pathType: {kind}, backend: {{service: {{name: {service}, port: {{{port}}}}}}}}}"
        )
    };
    let paths = [
        path("/", "Prefix", "web", "number: 80"),
        path("/named", "Exact", "web", "name: http"),
        path("/gone", "Prefix", "gone", "number: 80"),
        path("/empty", "Prefix", "nobody", "number: 80"),
        path("/shut", "Prefix", "shut", "number: 80"),
    ];
    let objects = format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: shop, namespace: shop}}\n\
         spec: {{ingressClassName: nginx, rules: [{{host: shop.test, http: {{paths: [{}]}}}}, {{host: \"*.wild.test\", http: {{paths: [{}]}}}}]}}\n---\n\
         apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: safe, namespace: shop}}\n\
         spec: {{ingressClassName: nginx, tls: [{{hosts: [safe.test], secretName: cert}}], rules: [{{host: safe.test, http: {{paths: [{}]}}}}]}}\n---\n\
         apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: other, namespace: shop}}\n\
         spec: {{rules: [{{host: other.test, http: {{paths: [{}]}}}}]}}\n---\n\
         apiVersion: v1\nkind: Secret\nmetadata: {{name: cert, namespace: shop}}\ntype: kubernetes.io/tls\ndata: {{tls.crt: \"\", tls.key: \"\"}}\n---\n\
         apiVersion: v1\nkind: Service\nmetadata: {{name: nobody, namespace: shop}}\nspec: {{selector: {{app: nobody}}, ports: [{{port: 80}}]}}\n---\n\
         apiVersion: v1\nkind: Service\nmetadata: {{name: shut, namespace: shop}}\nspec: {{selector: {{app: web}}, ports: [{{port: 80, targetPort: 9999}}]}}",
        paths.join(", "),
        path("/x", "Exact", "web", "number: 80"),
        path("/", "Prefix", "web", "number: 80"),
        path("/", "Prefix", "web", "number: 80"),
    );
    let rows = [
        ("", "http://shop.test", "ok"),
        ("", "http://shop.test/named", "ok"),
        ("", "http://shop.test/gone/x", "http"),
        ("", "http://shop.test/empty", "http"),
        ("", "http://shop.test/shut", "http"),
        ("", "https://shop.test", "tls"),
        ("", "http://a.wild.test/x", "ok"),
        ("", "http://a.wild.test/y", "http"),
        ("", "https://safe.test", "ok"),
        ("", "http://safe.test", "ok"),
        ("", "http://other.test", "unknownHost"),
        ("", "http://203.0.113.254", "http"),
        ("", "tcp://203.0.113.254:22", "refused"),
    ];
    table(&cluster, &objects, "", &rows);
    let source = |name: &str, path: &str| format!("{{name: {name}, to: \"http://shop.test/{path}\"}}");
    let sources =
        [source("gone", "gone"), source("empty", "empty"), source("shut", "shut"), source("up", "")];
    let stop = "  - {at: 80s, fault: {target: component/ingress-nginx, kind: Stop}}\n";
    let player = play(&cluster, &objects, stop, &sources);
    for (name, status) in [("gone", 503), ("empty", 503), ("shut", 502)] {
        let wanted = format!("HTTP {status} from ingress-nginx");
        assert!(details(&player, name).contains(&wanted), "{name}: {:?}", details(&player, name));
    }
    assert_eq!(verdict(&player, "up"), "ok timeout");
    let key = |name: &str| shared::api::Key::new(shared::api::Kind::Ingress, "shop", name);
    let address =
        |name: &str| player.cluster().read(&key(name))["status"]["loadBalancer"]["ingress"][0]["ip"].str();
    assert_eq!((address("shop").as_str(), address("other").as_str()), ("203.0.113.254", ""));
}

#[test]
fn sources_are_started_changed_stopped_and_expected_of() {
    let text = r#"
apiVersion: kubarium.dev/v1alpha1
kind: Scenario
spec:
  seed: 7
  traffic:
  - {name: early, to: "http://web.shop", rate: 1}
  steps:
  - at: 5s
    apply: |
      apiVersion: v1
      kind: Namespace
      metadata: {name: shop}
  - {at: 20s, traffic: {name: early, to: "http://nowhere", rate: 4}}
  - {at: 30s, traffic: {name: early, rate: 0}}
  until: 60s
  expect:
  - {id: tried, object: traffic/early, jsonpath: "{.failures.unknownHost}", equals: 62, for: 20s, within: 40s}
  - {id: never, object: traffic/early, jsonpath: "{.ok}", equals: 0, for: 50s, within: 5s}
"#;
    let scenario = Scenario::parse(text).expect("a sound scenario");
    assert_eq!(Scenario::parse(&scenario.to_yaml()).expect("what is written can be read"), scenario);
    let mut player = Player::new(scenario, 0).expect("it can be played");
    player.run_to_end();
    for (expectation, verdict) in player.expectations() {
        assert!(verdict.is_some_and(|verdict| verdict.met), "{}", expectation.id);
    }
    for (source, complaint) in [
        ("{name: a/b, to: web}", "spec.traffic[0].name"),
        ("{name: a, to: \"ftp://web\"}", "spec.traffic[0].to"),
        ("{name: a, to: web, from: deployment/web}", "spec.traffic[0].from"),
        ("{name: a}", "spec.traffic[0].to"),
        ("{name: a, to: web, rate: 100000}", "spec.traffic[0].rate"),
        ("{name: a, to: web, timeout: 0s}", "spec.traffic[0].timeout"),
        ("{name: a, to: web, speed: 3}", "spec.traffic[0]"),
    ] {
        let text =
            format!("apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nspec: {{traffic: [{source}]}}");
        let error = Scenario::parse(&text).expect_err(source);
        assert!(error.field.starts_with(complaint), "{source}: {error}");
    }
}

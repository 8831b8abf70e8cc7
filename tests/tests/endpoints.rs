//! Endpoints and EndpointSlices: who is behind a Service, in both forms.

use shared::api::Kind;
use shared::doc::Doc;
use shared::scenario::Scenario;
use shared::session::Player;
use shared::sim::Time;

fn play(objects: &str, steps: &str, until: u64) -> Player {
    let objects: String = objects.trim().lines().map(|line| format!("      {line}\n")).collect();
    let text = format!(
        "apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nspec:\n  seed: 7\n  \
         cluster: {{nodes: [{{name: node-0, zone: a}}, {{name: node-1, zone: b}}]}}\n  steps:\n  \
         - at: 5s\n    apply: |\n{objects}{steps}"
    );
    let mut player =
        Player::new(Scenario::parse(&text).expect("a sound scenario"), 0).expect("it can be played");
    player.advance_to(Time(until * 1000));
    for result in player.results() {
        assert_eq!(result.exit_code, 0, "{}: {}", result.command, result.stderr);
    }
    player
}

fn of(player: &Player, kind: Kind) -> Vec<Doc> {
    let objects = player.cluster().store().list(kind).filter(|object| object.key.namespace == "default");
    objects.filter(|object| !object.key.name.starts_with("kube")).map(|object| object.to_doc()).collect()
}

/// What of the Endpoints is not drawn by chance: names of ports, numbers, and how many addresses are ready and not.
fn shape(endpoints: &Doc) -> Vec<String> {
    let subsets = endpoints["subsets"].items().iter().map(|subset| {
        let ports =
            subset["ports"].items().iter().map(|port| format!("{}{}", port["name"].str(), port["port"]));
        let count = |field: &str| subset[field].items().len();
        format!(
            "{} {}+{}",
            ports.collect::<Vec<_>>().join(","),
            count("addresses"),
            count("notReadyAddresses")
        )
    });
    subsets.collect()
}

const PODS: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "todo-api:v1.0", ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: late, labels: {app: web}}
spec: {containers: [{name: c, image: "todo-api:v1.0", readinessProbe: {httpGet: {port: 9999}}}]}
---
"#;

#[test]
fn endpoints_list_ready_and_other_pods_by_port() {
    let service = |spec: &str| {
        format!(
            "{PODS}apiVersion: v1\nkind: Service\nmetadata: {{name: web, labels: {{a: b}}}}\nspec: {spec}"
        )
    };
    let named = "{selector: {app: web}, ports: [{name: a, port: 80, targetPort: http}, {name: b, port: 90, targetPort: 9000}]}";
    let cases: [(&str, &[&str]); 5] = [
        ("{selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}", &["8080 2+1"]),
        // The pod that gets ready late has no port of that name.
        (named, &["a8080 2+0", "b9000 2+1"]),
        ("{clusterIP: None, selector: {app: web}}", &[" 2+1"]),
        (
            "{clusterIP: None, publishNotReadyAddresses: true, selector: {app: web}, ports: [{port: 80}]}",
            &["80 3+0"],
        ),
        ("{selector: {app: other}, ports: [{port: 80}]}", &[]),
    ];
    for (spec, expected) in cases {
        let player = play(&service(spec), "", 30);
        let endpoints = of(&player, Kind::Endpoints);
        assert_eq!(endpoints.len(), 1, "{spec}");
        assert_eq!(shape(&endpoints[0]), expected, "{spec}");
        let labels = &endpoints[0]["metadata"]["labels"];
        assert_eq!(labels["endpoints.kubernetes.io/managed-by"].as_str(), Some("endpoint-controller"));
        assert_eq!(labels["a"].as_str(), Some("b"));
        assert_eq!(labels["service.kubernetes.io/headless"].is_null(), !spec.contains("None"), "{spec}");
    }
}

#[test]
fn endpoints_follow_their_service() {
    let service = format!(
        "{PODS}apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec: {{selector: {{app: web}}, ports: [{{port: 8080}}]}}"
    );
    let scaled = "  - {at: 20s, kubectl: \"scale deployment/web --replicas=1\"}\n  - {at: 25s, kubectl: \"delete pod late\"}\n";
    let player = play(&service, scaled, 60);
    assert_eq!(shape(&of(&player, Kind::Endpoints)[0]), ["8080 1+0"]);
    let gone = format!("{scaled}  - {{at: 40s, kubectl: \"delete service web\"}}\n");
    let player = play(&service, &gone, 60);
    assert!(of(&player, Kind::Endpoints).is_empty() && of(&player, Kind::EndpointSlice).is_empty());
    // Who deletes them gets them again.
    let again = "  - {at: 40s, kubectl: \"delete endpoints web\"}\n  - {at: 42s, kubectl: \"delete endpointslices --all\"}\n";
    let player = play(&service, again, 60);
    assert_eq!(shape(&of(&player, Kind::Endpoints)[0]), ["8080 2+1"]);
    assert_eq!(of(&player, Kind::EndpointSlice).len(), 1);
}

#[test]
fn endpoints_written_by_hand_are_mirrored() {
    let objects = r#"
apiVersion: v1
kind: Service
metadata: {name: manual}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: manual}
subsets:
- {addresses: [{ip: 10.9.9.9}], notReadyAddresses: [{ip: 10.9.9.8}], ports: [{port: 80}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: alone}
subsets: [{addresses: [{ip: 10.9.9.9}], ports: [{port: 80}]}]
"#;
    let player = play(objects, "", 20);
    let slices = of(&player, Kind::EndpointSlice);
    assert_eq!(slices.len(), 1, "Endpoints without a Service are nobody's");
    let slice = &slices[0];
    let expected = shared::doc!([
        { "addresses": ["10.9.9.9"], "conditions": { "ready": true } },
        { "addresses": ["10.9.9.8"], "conditions": { "ready": false } },
    ]);
    assert_eq!(slice["endpoints"], expected);
    assert_eq!(slice["ports"].to_json(), r#"[{"name":"","port":80,"protocol":"TCP"}]"#);
    let labels = r#"{"endpointslice.kubernetes.io/managed-by":"endpointslicemirroring-controller.k8s.io","kubernetes.io/service-name":"manual"}"#;
    assert_eq!(slice["metadata"]["labels"].to_json(), labels);
    assert_eq!(slice["metadata"]["ownerReferences"][0]["kind"].as_str(), Some("Endpoints"));
    let changed = "  - {at: 20s, kubectl: \"patch endpoints manual --type=json -p '[{\\\"op\\\": \\\"remove\\\", \\\"path\\\": \\\"/subsets/0/notReadyAddresses\\\"}]'\"}\n";
    let player = play(objects, changed, 40);
    assert_eq!(of(&player, Kind::EndpointSlice)[0]["endpoints"].items().len(), 1);
    let gone = "  - {at: 20s, kubectl: \"delete service manual\"}\n";
    let player = play(objects, gone, 40);
    assert!(of(&player, Kind::EndpointSlice).is_empty());
}

#[test]
fn endpoints_say_for_whom_they_are_where_traffic_is_to_stay_near() {
    for (distribution, hints) in [
        ("", "null"),
        ("trafficDistribution: PreferClose,", r#"{"forZones":[{"name":"ZONE"}]}"#),
        ("trafficDistribution: PreferSameZone,", r#"{"forZones":[{"name":"ZONE"}]}"#),
        (
            "trafficDistribution: PreferSameNode,",
            r#"{"forNodes":[{"name":"NODE"}],"forZones":[{"name":"ZONE"}]}"#,
        ),
    ] {
        let service = format!(
            "{PODS}apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec: {{{distribution} selector: {{app: web}}, ports: [{{port: 8080}}]}}"
        );
        let player = play(&service, "", 30);
        let slices = of(&player, Kind::EndpointSlice);
        let endpoints = slices[0]["endpoints"].items();
        assert_eq!(endpoints.len(), 3);
        for endpoint in endpoints {
            let (zone, node) = (endpoint["zone"].str(), endpoint["nodeName"].str());
            let ready = endpoint["conditions"]["ready"].as_bool() == Some(true);
            let expected =
                if ready { hints.replace("ZONE", &zone).replace("NODE", &node) } else { "null".into() };
            assert_eq!(endpoint["hints"].to_json(), expected);
        }
    }
}

#[test]
fn every_cluster_can_find_its_api_server() {
    let player = play("apiVersion: v1\nkind: Namespace\nmetadata: {name: fresh}", "", 20);
    let store = player.cluster().store();
    let names = |kind: Kind| {
        let all = store.list(kind).filter(|object| object.key.name == "kubernetes");
        all.map(|object| object.key.namespace.to_string()).collect::<Vec<_>>()
    };
    for kind in [Kind::Service, Kind::Endpoints, Kind::EndpointSlice] {
        assert_eq!(names(kind), ["default"], "{kind:?}");
    }
    let mut maps: Vec<String> = store
        .list(Kind::ConfigMap)
        .filter(|map| map.key.name == "kube-root-ca.crt" && !map.body["data"]["ca.crt"].is_empty())
        .map(|map| map.key.namespace.to_string())
        .collect();
    maps.sort();
    assert_eq!(maps, ["default", "fresh", "kube-node-lease", "kube-public", "kube-system"]);
}

/// Zones that ready endpoints of `web` are for, in order; `-` where nothing is said.
fn hints(player: &Player) -> String {
    let slices = of(player, Kind::EndpointSlice);
    let endpoints = slices.iter().flat_map(|slice| slice["endpoints"].items());
    let mut zones: Vec<String> = endpoints
        .map(|endpoint| match endpoint["hints"]["forZones"].items() {
            [] => "-".to_owned(),
            zones => zones.iter().map(|zone| zone["name"].str().to_string()).collect(),
        })
        .collect();
    zones.sort();
    zones.join(" ")
}

#[test]
fn endpoints_are_for_zones_as_their_cpu_is_spread() {
    let objects = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      nodeSelector: {kubernetes.io/hostname: node-0}
      containers: [{name: c, image: "todo-api:v1.0"}]
---
apiVersion: v1
kind: Service
metadata: {name: web, annotations: {service.kubernetes.io/topology-mode: Auto}}
spec: {selector: {app: web}, ports: [{port: 80, appProtocol: kubernetes.io/h2c}]}
"#;
    let told = |player: &Player, message: &str| {
        let said = player.cluster().store().list(Kind::Event).map(|event| event.to_doc());
        let mut said = said.filter(|event| event["message"].str() == format!("{message}, addressType: IPv4"));
        said.next()
            .map(|event| format!("{} {}", event["type"].str(), event["reason"].str()))
            .unwrap_or_default()
    };
    // All are in one zone, and each has half of the CPU.
    let player = play(objects, "", 40);
    assert_eq!(hints(&player), "a a b b");
    assert_eq!(told(&player, "Topology Aware Hints has been enabled"), "Normal TopologyAwareHintsEnabled");
    let slice = &of(&player, Kind::EndpointSlice)[0];
    assert_eq!(slice["ports"][0]["appProtocol"].as_str(), Some("kubernetes.io/h2c"));
    for (steps, then, message) in [
        (
            "  - {at: 40s, kubectl: \"scale deploy/web --replicas=1\"}\n",
            "-",
            "Insufficient number of endpoints (1 endpoints, 2 zones)",
        ),
        (
            "  - {at: 40s, kubectl: \"annotate svc web service.kubernetes.io/topology-mode-\"}\n",
            "- - - -",
            "Topology Aware Hints has been disabled",
        ),
        (
            "  - {at: 40s, kubectl: \"label node node-1 topology.kubernetes.io/zone-\"}\n",
            "- - - -",
            "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes",
        ),
    ] {
        let player = play(objects, steps, 60);
        assert_eq!(hints(&player), then, "{steps}");
        assert_eq!(told(&player, message), "Warning TopologyAwareHintsDisabled", "{steps}");
    }
}

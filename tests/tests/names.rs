//! What pods reach by a Service's name: the article's `http://todo-api:8080`, through the proxy of their own node.

use shared::api::Kind;
use shared::api::core::pod::Pod;
use shared::cluster::Cluster;
use shared::network::Tally;
use shared::scenario::Scenario;
use shared::session::Player;
use shared::sim::Time;

const SCENARIO: &str = r#"
apiVersion: kubarium.dev/v1alpha1
kind: Scenario
spec:
  seed: 7
  cluster: {nodes: [{count: 3, zone: a}]}
  steps:
  - at: 5s
    apply: |
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: todo-api}
      spec:
        replicas: 3
        selector: {matchLabels: {app: todo-api}}
        template:
          metadata: {labels: {app: todo-api}}
          spec: {containers: [{name: api, image: "todo-api:v1.0", ports: [{containerPort: 8080}]}]}
      ---
      apiVersion: v1
      kind: Service
      metadata: {name: todo-api}
      spec: {selector: {app: todo-api}, ports: [{port: 8080}]}
      ---
      apiVersion: v1
      kind: Pod
      metadata: {name: client}
      spec: {containers: [{name: client, image: "todo-client:v1.0"}]}
  - {at: 60s, kubectl: "scale deployment/todo-api --replicas=0"}
  - {at: 90s, kubectl: "scale deployment/todo-api --replicas=1"}
"#;

/// How the client's requests went so far.
fn tally(cluster: &Cluster) -> Tally {
    let pod = cluster.store().list(Kind::Pod).find(|pod| pod.key.name == "client").expect("it was applied");
    let node = &pod.view::<Pod>().expect("a pod").node_name;
    let machine =
        cluster.core().machines.iter().position(|machine| machine.name == *node).expect("it is placed");
    let sandbox = &cluster.runtime(machine as u32).sandboxes()[&pod.meta.uid];
    let container = sandbox.container("client").expect("it runs");
    container.client.as_ref().expect("its image is a client's").tally.clone()
}

#[test]
fn a_pod_reaches_a_service_by_name_as_long_as_something_answers() {
    let scenario = Scenario::parse(SCENARIO).expect("a sound scenario");
    let mut player = Player::new(scenario, 0).expect("it can be played");
    player.advance_to(Time(30_000));
    let before = tally(player.cluster());
    player.advance_to(Time(59_000));
    let served = tally(player.cluster());
    assert!(served.ok >= before.ok + 25, "{before:?} {served:?}");
    assert_eq!(served.failed, before.failed, "{served:?}");
    player.advance_to(Time(70_000));
    let before = tally(player.cluster());
    player.advance_to(Time(89_000));
    let alone = tally(player.cluster());
    assert_eq!(alone.ok, before.ok, "nobody is there to answer: {alone:?}");
    assert!(alone.failed > before.failed, "{alone:?}");
    player.advance_to(Time(120_000));
    assert!(tally(player.cluster()).ok > alone.ok + 20, "the new pod is found under the same name");
}

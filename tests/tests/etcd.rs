//! Etcd of several members under a whole cluster: what its faults do to those who use it.

use std::collections::BTreeMap;

use shared::api::core::node::Node;
use shared::api::core::pod::Pod;
use shared::api::{Key, Kind, User};
use shared::apiserver::http::HttpRequest;
use shared::cluster::{Action, Cluster, ClusterSpec, Command, ControlPlane, EtcdStatus, Outcome};
use shared::doc;
use shared::doc::Doc;
use shared::etcd::raft::Role;
use shared::sim::{Duration, Fault, Options, Process, Target, Time};

const CONFIGMAPS: &str = "/api/v1/namespaces/default/configmaps";

#[derive(Clone)]
struct Play {
    cluster: Cluster,
    outcomes: BTreeMap<u64, (Time, Outcome)>,
}

impl Play {
    fn of(members: u32, options: Options, seed: u64) -> Play {
        Play::made(ControlPlane { members, ..ControlPlane::default() }, options, seed)
    }

    fn made(control_plane: ControlPlane, options: Options, seed: u64) -> Play {
        let spec = ClusterSpec { control_plane, options, ..ClusterSpec::default() };
        let cluster = Cluster::new(&spec, seed, 50_000).expect("a sound specification");
        Play { cluster, outcomes: BTreeMap::new() }
    }

    fn new(members: u32) -> Play {
        let mut play =
            Play::of(members, Options { image_pull: Some(Duration::ZERO), ..Options::default() }, 3);
        play.run(Duration::seconds(30));
        play
    }

    fn run(&mut self, length: Duration) {
        let until = self.cluster.now() + length;
        while self.cluster.next_at().is_some_and(|at| at <= until) {
            self.cluster.step();
            let now = self.cluster.now();
            let new = self.cluster.take_outcomes();
            self.outcomes.extend(new.into_iter().map(|(number, outcome)| (number, (now, outcome))));
        }
        self.cluster.advance_to(until);
    }

    fn act(&mut self, action: Action) -> u64 {
        let at = self.cluster.now();
        self.cluster.apply(Command { at, user: User::admin(), action })
    }

    fn ask(&mut self, method: &str, path: &str, body: &Doc) -> u64 {
        self.act(Action::Request(HttpRequest {
            method: method.into(),
            path: path.into(),
            content_type: if method == "PATCH" { "application/merge-patch+json" } else { "application/json" }
                .into(),
            body: if body.is_null() { "".into() } else { body.to_json().into() },
            ..HttpRequest::default()
        }))
    }

    /// Asks and waits; answers with status, body and how long it took.
    fn answer(&mut self, method: &str, path: &str, body: &Doc) -> (u32, Doc, Duration) {
        let (began, number) = (self.cluster.now(), self.ask(method, path, body));
        self.run(Duration::seconds(20));
        let Some((at, Outcome::Http(response))) = self.outcomes.get(&number) else { panic!("no answer") };
        (response.code, response.body.clone(), at.since(began))
    }

    fn configmap(&mut self, name: &str) -> (u32, Doc, Duration) {
        self.answer("POST", CONFIGMAPS, &doc!({ "metadata": { "name": name }, "data": { "a": "b" } }))
    }

    fn strike(&mut self, target: &str, fault: Fault) {
        let target = Target::parse(target).expect("a target");
        let number = self.act(Action::Fault { target, fault });
        self.run(Duration::ZERO);
        assert_eq!(self.outcomes[&number].1, Outcome::Done);
    }

    fn repair(&mut self, target: &str) {
        let number = self.act(Action::Repair { target: Target::parse(target).expect("a target") });
        self.run(Duration::ZERO);
        assert_eq!(self.outcomes[&number].1, Outcome::Done);
    }

    fn etcd(&self) -> EtcdStatus {
        self.cluster.etcd().expect("several members")
    }

    fn leader(&self) -> Option<u32> {
        let members = self.etcd().members;
        members.iter().find(|it| it.running && it.role == Role::Leader).map(|it| it.member)
    }

    fn has(&self, name: &str) -> bool {
        self.cluster.store().get(&Key::new(Kind::ConfigMap, "default", name)).is_some()
    }

    /// What condition Ready of each node says.
    fn nodes(&self) -> Vec<String> {
        let nodes = self.cluster.store().list(Kind::Node);
        nodes.filter_map(|node| Some(node.view::<Node>()?.ready.to_string())).collect()
    }

    fn app(&mut self) {
        let container = doc!({ "name": "c", "image": "todo-api:v1.0" });
        let template =
            doc!({ "metadata": { "labels": { "app": "todo" } }, "spec": { "containers": [container] } });
        let spec = doc!({ "replicas": 3i64, "selector": { "matchLabels": { "app": "todo" } }, "template": template });
        let body = doc!({ "metadata": { "name": "todo" }, "spec": spec });
        let (status, ..) = self.answer("POST", "/apis/apps/v1/namespaces/default/deployments", &body);
        assert_eq!(status, 201);
        self.run(Duration::seconds(20));
    }

    fn ready_pods(&self) -> usize {
        let pods = self.cluster.store().list(Kind::Pod);
        pods.filter(|pod| pod.view::<Pod>().is_some_and(|pod| pod.ready)).count()
    }
}

#[test]
fn a_cluster_works_with_any_number_of_members() {
    for members in [3, 5] {
        let mut play = Play::new(members);
        assert_eq!(play.nodes(), ["True", "True", "True"]);
        play.app();
        assert_eq!(play.ready_pods(), 3);
        let (status, made, took) = play.configmap("first");
        assert_eq!(status, 201);
        assert!((8..40).contains(&took.0), "{took}");
        let key = Key::new(Kind::ConfigMap, "default", "first");
        let stored = play.cluster.store().get(&key).expect("it is stored").meta.resource_version;
        assert_eq!(made["metadata"]["resourceVersion"].as_str(), Some(stored.to_string().as_str()));
        assert_eq!(play.configmap("first").0, 409, "there already");
        let status = play.etcd();
        assert_eq!(status.members.len(), members as usize);
        let commit = status.members[0].commit;
        for member in &status.members {
            assert_eq!((member.commit, member.revision), (commit, play.cluster.store().revision()));
        }
    }
}

#[test]
fn one_of_three_down_is_nothing_but_an_election() {
    let play = Play::new(3);
    let leader = play.leader().expect("a leader");
    for (down, fault) in (0..3).flat_map(|member| [(member, Fault::Stop), (member, Fault::Crash)]) {
        let mut play = play.clone();
        let target = format!("etcd/{down}");
        play.strike(&target, fault);
        // Whatever is asked at that very moment waits for the next leader, and no longer.
        let (status, _, took) = play.configmap("meanwhile");
        assert_eq!(status, 201, "{target} {fault:?}");
        let longest = if down == leader { Duration::seconds(4) } else { Duration::millis(1100) };
        assert!(took < longest, "{target} {fault:?}: {took}");
        assert_eq!(play.configmap("meanwhile").0, 409, "written once");
        if fault == Fault::Stop {
            assert_ne!(play.leader(), Some(down));
            play.run(Duration::seconds(120));
            assert_eq!(play.nodes(), ["True", "True", "True"]);
            play.repair(&target);
        }
        play.run(Duration::seconds(5));
        let status = play.etcd();
        assert!(status.members.iter().all(|it| it.commit == status.members[0].commit), "{status:?}");
    }
}

#[test]
fn without_a_quorum_nothing_is_written_and_nothing_is_lost() {
    let mut play = Play::new(3);
    play.app();
    assert_eq!(play.configmap("before").0, 201);
    let revision = play.cluster.store().revision();
    play.strike("etcd/1", Fault::Stop);
    play.strike("etcd/2", Fault::Stop);
    let (status, body, took) = play.configmap("meanwhile");
    assert_eq!((status, body["message"].as_str()), (500, Some("etcdserver: request timed out")));
    assert_eq!(body["reason"], Doc::Null);
    assert_eq!(took, Duration::millis(7004));
    // What is current cannot be known; what the API server has at hand can.
    let (status, body, _) = play.answer("GET", "/api/v1/nodes", &Doc::Null);
    assert_eq!((status, body["message"].as_str()), (500, Some("etcdserver: request timed out")));
    let (status, body, took) = play.answer("GET", "/api/v1/nodes?resourceVersion=0", &Doc::Null);
    assert_eq!((status, body["items"].items().len(), took), (200, 3, Duration::millis(4)));
    play.run(Duration::seconds(120));
    let leader = play.leader();
    assert_eq!((leader, play.has("meanwhile")), (None, false));
    assert!(play.cluster.store().revision() <= revision + 30, "only what was under way");
    assert_eq!(play.ready_pods(), 3);
    let sandboxes: usize = (0..3).map(|machine| play.cluster.runtime(machine).sandboxes().len()).sum();
    assert_eq!(sandboxes, 3, "pods run on");

    play.repair("etcd/1");
    play.run(Duration::seconds(5));
    assert!(play.has("before"));
    assert_eq!(play.configmap("after").0, 201);
    play.repair("etcd/2");
    play.run(Duration::seconds(180));
    assert_eq!(play.nodes(), ["True", "True", "True"]);
    assert_eq!(play.ready_pods(), 3);
    let status = play.etcd();
    assert!(status.members.iter().all(|it| it.commit == status.members[0].commit), "{status:?}");
}

#[test]
fn health_asks_for_a_quorum() {
    let mut play = Play::new(3);
    let ok = Doc::from("ok");
    // One may be missing, whichever it is.
    for member in 0..3 {
        play.strike(&format!("etcd/{member}"), Fault::Stop);
        play.run(Duration::seconds(10));
        assert_eq!(play.answer("GET", "/readyz", &Doc::Null).1, ok, "etcd/{member} is stopped");
        play.repair(&format!("etcd/{member}"));
        play.run(Duration::seconds(10));
    }
    play.strike("etcd/1", Fault::Stop);
    play.strike("etcd/2", Fault::Stop);
    let (status, body, _) = play.answer("GET", "/readyz", &Doc::Null);
    assert!(status == 500 && body["message"].str().contains("[-]etcd failed: reason withheld"), "{body}");
    // A server without an etcd lives on.
    assert_eq!(play.answer("GET", "/livez", &Doc::Null).1, ok);
}

#[test]
fn a_member_that_missed_much_gets_a_snapshot() {
    let options = Options { etcd_snapshot_count: 20, ..Options::default() };
    let mut play = Play::of(3, options, 5);
    play.run(Duration::seconds(20));
    let away = (play.leader().expect("a leader") + 1) % 3;
    play.strike(&format!("etcd/{away}"), Fault::Stop);
    for number in 0..60 {
        play.ask("POST", CONFIGMAPS, &doc!({ "metadata": { "name": format!("c-{number}") } }));
        play.run(Duration::millis(50));
    }
    play.run(Duration::seconds(5));
    let member = |play: &Play| play.etcd().members[away as usize].clone();
    let before = member(&play);
    let others = play.etcd().members[((away + 1) % 3) as usize].clone();
    assert!(others.last - others.log_length > before.last, "the others no longer have what it lacks");
    play.repair(&format!("etcd/{away}"));
    play.run(Duration::seconds(5));
    let after = member(&play);
    assert_eq!(
        (after.revision, after.commit),
        (play.cluster.store().revision(), play.etcd().members[0].commit)
    );
    // It can do its part: with another one down there still is a quorum.
    play.strike(&format!("etcd/{}", (away + 1) % 3), Fault::Stop);
    assert_eq!(play.configmap("after").0, 201);
}

#[test]
fn links_between_members_can_be_cut_and_slow() {
    let mut play = Play::new(3);
    let leader = play.leader().expect("a leader");
    let (one, two) = ((leader + 1) % 3, (leader + 2) % 3);
    // A follower that hears nothing of the others asks in vain; nobody's term changes.
    let term = play.etcd().members[leader as usize].term;
    let links = [format!("link/etcd/{one}~etcd/{leader}"), format!("link/etcd/{one}~etcd/{two}")];
    links.iter().for_each(|link| play.strike(link, Fault::Drop));
    play.run(Duration::seconds(30));
    assert_eq!(play.configmap("cut").0, 201);
    links.iter().for_each(|link| play.repair(link));
    play.run(Duration::seconds(5));
    assert_eq!((play.leader(), play.etcd().members[leader as usize].term), (Some(leader), term));
    // A write takes as long as the way to the nearer follower.
    let slow = Fault::Delay { by: Duration::millis(200) };
    let other = [format!("link/etcd/{two}~etcd/{leader}"), format!("link/etcd/{one}~etcd/{leader}")];
    other.iter().for_each(|link| play.strike(link, slow));
    play.run(Duration::seconds(5));
    let (status, _, took) = play.configmap("slow");
    assert_eq!(status, 201);
    assert!((400..1500).contains(&took.0), "{took}");
    // An API server that cannot reach its member goes to another.
    other.iter().for_each(|link| play.repair(link));
    let member = play.etcd().connected[0];
    play.strike(&format!("link/kube-apiserver~etcd/{member}"), Fault::Drop);
    play.run(Duration::seconds(25));
    assert_ne!(play.etcd().connected[0], member);
    let (status, _, took) = play.configmap("elsewhere");
    assert_eq!(status, 201);
    assert!(took < Duration::millis(100), "{took}");
}

#[test]
fn the_same_commands_end_in_the_same_state_and_a_copy_goes_on_like_its_original() {
    let mut play = Play::new(3);
    let leader = play.leader().expect("a leader");
    play.strike(&format!("etcd/{leader}"), Fault::Stop);
    // A copy in the middle of an election.
    for pause in [300, 900, 200, 1] {
        play.ask("POST", CONFIGMAPS, &doc!({ "metadata": { "generateName": "c-" } }));
        play.run(Duration::millis(pause));
        let mut copy = play.clone();
        let mut original = play.clone();
        copy.run(Duration::seconds(60));
        original.run(Duration::seconds(20));
        original.run(Duration::seconds(40));
        assert_eq!(copy.cluster.hash(), original.cluster.hash());
    }
}

#[test]
fn events_go_after_an_hour_and_old_revisions_after_ten_minutes() {
    let mut play = Play::new(3);
    play.app();
    let events = |play: &Play| play.cluster.store().list(Kind::Event).count();
    let first = play.cluster.store().oldest();
    assert!(events(&play) > 10);
    play.run(Duration::seconds(11 * 60));
    let store = play.cluster.store();
    assert!(store.oldest() > first, "compacted");
    assert!(store.since(store.revision() - 10).is_some());
    play.run(Duration::seconds(51 * 60));
    assert_eq!(events(&play), 0);
    assert_eq!(play.nodes(), ["True", "True", "True"]);
}

/// Who holds the lease of a component, and how often it changed hands.
fn lease(play: &Play, name: &str) -> (String, i64) {
    let lease = play.cluster.store().get(&Key::new(Kind::Lease, "kube-system", name)).expect("a lease");
    let spec = &lease.body["spec"];
    (spec["holderIdentity"].str().to_string(), spec["leaseTransitions"].as_i64().expect("a number"))
}

fn leading(play: &Play, program: &str) -> Vec<Process> {
    let leaders = play.cluster.leaders().map(|(process, _)| process);
    leaders.filter(|process| process.program() == program).collect()
}

#[test]
fn one_replica_of_each_component_works_and_another_takes_over() {
    let mut play = Play::new(3);
    play.app();
    for program in ["kube-scheduler", "kube-controller-manager"] {
        let (holder, transitions) = lease(&play, program);
        assert_eq!(transitions, 0);
        let [leader] = leading(&play, program)[..] else { panic!("not one leader") };
        let events = play.cluster.store().list(Kind::Event);
        let messages: Vec<_> = events
            .filter(|event| event.document()["reason"].as_str() == Some("LeaderElection"))
            .map(|event| {
                (event.document()["involvedObject"]["kind"].str(), event.document()["message"].str())
            })
            .collect();
        assert!(
            messages.contains(&("Lease".into(), format!("{holder} became leader").into())),
            "{messages:?}"
        );
        let (Process::Scheduler(number) | Process::ControllerManager(number)) = leader else { panic!() };
        assert!(holder.starts_with(&format!("control-plane-{number}_")), "{holder}");
        // Whoever takes over waits until the lease has run out.
        let struck = play.cluster.now();
        play.strike(&format!("component/{program}-{number}"), Fault::Stop);
        let mut waited = Duration::ZERO;
        while leading(&play, program).iter().all(|process| *process == leader) {
            play.run(Duration::millis(100));
            waited = play.cluster.now().since(struck);
            assert!(waited < Duration::seconds(30), "nobody takes over");
        }
        assert!(waited > Duration::seconds(12), "{program}: {waited}");
        play.run(Duration::seconds(5));
        let (next, transitions) = lease(&play, program);
        assert!(next != holder && transitions == 1);
        play.repair(&format!("component/{program}-{number}"));
        play.run(Duration::seconds(30));
        assert_eq!(lease(&play, program), (next, 1), "it waits its turn");
    }
    // What is asked for still happens.
    let path = "/apis/apps/v1/namespaces/default/deployments/todo";
    play.ask("PATCH", path, &doc!({ "spec": { "replicas": 5i64 } }));
    play.run(Duration::seconds(20));
    assert_eq!(play.ready_pods(), 5);
}

#[test]
fn without_a_quorum_the_leases_are_lost_and_nobody_works() {
    let mut play = Play::new(3);
    play.app();
    assert_eq!(play.cluster.leaders().count(), 2);
    play.strike("etcd/1", Fault::Stop);
    play.strike("etcd/2", Fault::Stop);
    play.run(Duration::seconds(8));
    assert_eq!(play.cluster.leaders().count(), 2, "they try for ten seconds");
    play.run(Duration::seconds(12));
    assert_eq!(play.cluster.leaders().count(), 0);
    play.run(Duration::seconds(60));
    play.repair("etcd/1");
    play.repair("etcd/2");
    play.run(Duration::seconds(30));
    assert_eq!(play.cluster.leaders().count(), 2);
    play.run(Duration::seconds(60));
    assert_eq!((play.nodes(), play.ready_pods()), (vec!["True".to_owned(); 3], 3));
}

#[test]
fn clients_of_an_api_server_that_is_down_go_to_another() {
    for number in 0..3 {
        let mut play = Play::new(3);
        play.app();
        let watches =
            |play: &Play| play.cluster.apiservers().iter().map(|it| it.watches().len()).sum::<u64>();
        let before = watches(&play);
        play.strike(&format!("component/kube-apiserver-{number}"), Fault::Stop);
        let (status, ..) = play.configmap("meanwhile");
        assert_eq!(status, 201, "kubectl is led to another");
        play.run(Duration::seconds(60));
        assert_eq!((play.nodes(), play.ready_pods()), (vec!["True".to_owned(); 3], 3));
        let path = "/apis/apps/v1/namespaces/default/deployments/todo";
        play.ask("PATCH", path, &doc!({ "spec": { "replicas": 4i64 } }));
        play.run(Duration::seconds(30));
        assert_eq!(play.ready_pods(), 4);
        play.repair(&format!("component/kube-apiserver-{number}"));
        play.run(Duration::seconds(60));
        assert_eq!(watches(&play), before, "no watch is lost or left behind");
        // Reads through any of them see what was written through another.
        assert_eq!(play.configmap("meanwhile").0, 409);
    }
}

/// A cluster that bears its own control plane, as kubeadm makes it.
fn kubeadm(members: u32) -> Play {
    let control_plane = ControlPlane { members, hosted: false };
    let mut play =
        Play::made(control_plane, Options { image_pull: Some(Duration::ZERO), ..Options::default() }, 3);
    play.run(Duration::seconds(60));
    play
}

/// Pods of `kube-system` whose names begin like this: name, node, whether ready, and how often restarted.
fn system_pods(play: &Play, prefix: &str) -> Vec<(String, String, bool, i64)> {
    let pods = play.cluster.store().list(Kind::Pod);
    let pods = pods.filter(|pod| pod.key.namespace == "kube-system" && pod.key.name.starts_with(prefix));
    pods.map(|pod| {
        let view = pod.view::<Pod>().expect("a pod");
        let restarts = pod.body["status"]["containerStatuses"][0]["restartCount"].as_i64().unwrap_or(-1);
        (pod.key.name.to_string(), view.node_name.to_string(), view.ready, restarts)
    })
    .collect()
}

#[test]
fn a_control_plane_of_the_clusters_own_has_nodes_and_static_pods() {
    for members in [1, 3] {
        let mut play = kubeadm(members);
        let nodes = play.cluster.store().list(Kind::Node).count();
        assert_eq!(nodes, 3 + members as usize);
        assert!(play.nodes().iter().all(|ready| ready == "True"), "{:?}", play.nodes());
        for program in ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
            let expected: Vec<_> = (0..members)
                .map(|member| {
                    let node = format!("control-plane-{member}");
                    (format!("{program}-{node}"), node, true, 0)
                })
                .collect();
            assert_eq!(system_pods(&play, program), expected);
        }
        let proxies = system_pods(&play, "kube-proxy-");
        assert_eq!(proxies.iter().filter(|(_, _, ready, _)| *ready).count(), nodes, "{proxies:?}");
        assert_eq!(system_pods(&play, "coredns-").len(), 2);
        // Nothing of the people's runs there.
        play.app();
        let pods = play.cluster.store().list(Kind::Pod).filter(|pod| pod.key.namespace == "default");
        assert!(pods.filter_map(|pod| pod.view::<Pod>()).all(|pod| pod.node_name.starts_with("node-")));
        // A mirror that is deleted comes back; the program does not notice.
        let path = "/api/v1/namespaces/kube-system/pods/kube-scheduler-control-plane-0";
        let key = Key::new(Kind::Pod, "kube-system", "kube-scheduler-control-plane-0");
        let uid = |play: &Play| play.cluster.store().get(&key).map(|pod| pod.meta.uid);
        let before = uid(&play);
        assert_eq!(play.answer("DELETE", path, &Doc::Null).0, 200);
        assert!(uid(&play).is_some() && uid(&play) != before);
        assert!(system_pods(&play, "kube-scheduler-control-plane-0")[0].2);
        // A crash shows.
        play.strike("component/kube-scheduler-0", Fault::Crash);
        play.run(Duration::seconds(5));
        assert_eq!(system_pods(&play, "kube-scheduler-control-plane-0")[0].3, 1);
    }
}

#[test]
fn a_node_of_the_control_plane_takes_its_members_down() {
    for fault in [Fault::PowerOff, Fault::Partition] {
        for member in 0..3 {
            let mut play = kubeadm(3);
            play.app();
            let target = format!("node/control-plane-{member}");
            play.strike(&target, fault);
            if fault == Fault::PowerOff {
                let status = play.etcd().members;
                assert_eq!(status.iter().filter(|it| it.running).count(), 2);
            }
            play.run(Duration::seconds(120));
            // Silence is noticed by waiting; then everything goes on without it.
            let (status, ..) = play.configmap("meanwhile");
            assert_eq!(status, 201, "{target} {fault:?}");
            let path = "/apis/apps/v1/namespaces/default/deployments/todo";
            play.ask("PATCH", path, &doc!({ "spec": { "replicas": 5i64 } }));
            play.run(Duration::seconds(40));
            let app = |play: &Play| {
                let pods = play.cluster.store().list(Kind::Pod);
                let ready = pods.filter(|pod| pod.key.namespace == "default");
                ready.filter(|pod| pod.view::<Pod>().is_some_and(|pod| pod.ready)).count()
            };
            assert_eq!(app(&play), 5, "{target} {fault:?}");
            let ready: Vec<_> = play.nodes();
            assert_eq!(
                ready.iter().filter(|ready| *ready == "Unknown").count(),
                1,
                "{target} {fault:?}: {ready:?}"
            );
            play.repair(&target);
            play.run(Duration::seconds(120));
            assert!(
                play.nodes().iter().all(|ready| ready == "True"),
                "{target} {fault:?}: {:?}",
                play.nodes()
            );
            let commits: Vec<u64> = play.etcd().members.iter().map(|it| it.commit).collect();
            assert!(commits.iter().all(|commit| *commit == commits[0]), "{commits:?}");
            assert_eq!(play.cluster.leaders().count(), 2);
            let mirrors = system_pods(&play, "etcd-");
            assert!(mirrors.iter().all(|(_, _, ready, _)| *ready), "{mirrors:?}");
        }
    }
}

/// The addresses behind the Service `kubernetes`, as slices and as endpoints.
fn api_addresses(play: &Play) -> [Vec<String>; 2] {
    let object = |kind: Kind| {
        play.cluster.store().get(&Key::new(kind, "default", "kubernetes")).expect("it is there").body.clone()
    };
    let slice = object(Kind::EndpointSlice);
    let endpoints = object(Kind::Endpoints);
    let addresses =
        slice["endpoints"].items().iter().map(|endpoint| endpoint["addresses"][0].str().to_string());
    let ips =
        endpoints["subsets"][0]["addresses"].items().iter().map(|address| address["ip"].str().to_string());
    [addresses.collect(), ips.collect()]
}

#[test]
fn pods_find_the_api_servers_that_live() {
    let mut play = Play::new(3);
    let all = ["172.18.255.2", "172.18.255.3", "172.18.255.4"].map(str::to_owned).to_vec();
    assert_eq!(api_addresses(&play), [all.clone(), all.clone()]);
    let identity = |play: &Play| {
        let leases = play.cluster.store().list(Kind::Lease);
        leases.filter(|lease| !lease.meta.label("apiserver.kubernetes.io/identity").is_empty()).count()
    };
    assert_eq!(identity(&play), 3, "each says that it lives");
    let revision = play.cluster.store().get(&Key::new(Kind::EndpointSlice, "default", "kubernetes"));
    let revision = revision.map(|slice| slice.meta.resource_version);
    play.run(Duration::seconds(60));
    let again = play.cluster.store().get(&Key::new(Kind::EndpointSlice, "default", "kubernetes"));
    assert_eq!(again.map(|slice| slice.meta.resource_version), revision, "while all live nothing is written");
    // Who is told to end takes itself out, and nobody puts it there but itself.
    let left = vec![all[0].clone(), all[2].clone()];
    play.strike("component/kube-apiserver-1", Fault::Stop);
    for seconds in [2, 28] {
        play.run(Duration::seconds(seconds));
        assert_eq!(api_addresses(&play), [left.clone(), left.clone()]);
    }
    play.repair("component/kube-apiserver-1");
    play.run(Duration::seconds(10));
    assert_eq!(api_addresses(&play), [all.clone(), all.clone()]);
    // Who falls silent is left out once its lease ran out and another one looks.
    let spread = ControlPlane { members: 3, hosted: false };
    let mut silent = Play::made(spread, Options::default(), 3);
    silent.run(Duration::seconds(30));
    silent.strike("node/control-plane-1", Fault::PowerOff);
    silent.run(Duration::seconds(5));
    assert_eq!(api_addresses(&silent)[0].len(), 3);
    silent.run(Duration::seconds(25));
    assert_eq!(api_addresses(&silent)[0].len(), 2);
    // One alone has no lease to renew.
    let alone = Play::made(ControlPlane::default(), Options::default(), 3);
    assert_eq!((api_addresses(&alone)[0].len(), identity(&alone)), (1, 0));
}

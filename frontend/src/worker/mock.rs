//! A stand-in for the engine while the page is drawn.
#![allow(clippy::all, missing_docs)]
use crate::protocol::*;

#[derive(Default)]
pub struct Driver { scene: f64, now: f64, running: bool, next_visit: f64, id: u64, visits: u32, off: Option<(String, f64)>, stage: u32, queue: Vec<Reply>, last: Vec<bool>, beat: f64 }

impl Driver {
    pub fn hear(&mut self, request: Request) -> Vec<Reply> {
        match request {
            Request::Open(_) => {
                self.running = true;
                self.now = 30_000.0;
                let mut f = Frame { reset: true, now: 30_000, clock: self.clock(), ..Frame::default() };
                for n in 0..3 { f.nodes.set.push(self.node(n, true, "True")); f.pods.set.push(self.pod(n, n, "Running", PodShape::Ready)); }
                f.workloads.set.push(Workload { uid: "d".into(), kind: "Deployment".into(), namespace: "default".into(), name: "todo-api".into(), available: 3, wanted: 3 });
                f.services.set.push(Service { uid: "s".into(), namespace: "default".into(), name: "todo-api".into(), kind: "LoadBalancer".into(), address: "203.0.113.10".into(), endpoints: vec!["p0".into(), "p1".into(), "p2".into()] });
                for place in ["kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"] { f.components.set.push(Component { place: place.into(), up: true, queue: 0, revision: 148, objects: 64 }); }
                self.last = vec![true; 20];
                f.visitors = Some(Visitors { last: self.last.clone(), total: 20, lost: 0 });
                vec![Reply::Frame(Box::new(f))]
            }
            Request::Command { id, command } => {
                match command { Command::Fault { target, .. } => {
                    let node = target.trim_start_matches("node/").to_owned();
                    self.off = Some((node.clone(), self.scene)); self.stage = 0;
                } _ => {} }
                vec![Reply::Outcome { id, outcome: Outcome { ok: false, stdout: "".into(), stderr: "Error from server (Invalid)".into(), diagnostics: vec![] } }]
            }
            Request::Pace(Pace::Pause) => { self.running = false; vec![] }
            Request::Pace(_) => { self.running = true; vec![] }
            Request::Inspect(Some(subject)) => vec![Reply::Inspection(Some(Box::new(Inspection { kind: "Pod".into(), namespace: "default".into(), name: subject.name().into(), facts: vec![("status.phase".into(), "Running".into()), ("spec.nodeName".into(), "node-2".into())], yaml: "apiVersion: v1\nkind: Pod\nmetadata:\n  name: todo-api\n".into(), events: vec![Event { uid: "e".into(), at: 31000, reason: "Scheduled".into(), kind: "Pod".into(), name: "todo-api".into(), message: "Successfully assigned default/todo-api to node-2".into(), count: 1, ..Event::default() }],
                placement: Some(Placement { at: 1, chosen: "node-2".into(), plugins: vec!["NodeResourcesFit".into(), "PodTopologySpread".into()], rows: vec![PlacementRow { node: "node-0".into(), refusal: "".into(), scores: vec![90, 100], total: 190 }, PlacementRow { node: "node-1".into(), refusal: "node(s) had untolerated taint".into(), scores: vec![], total: 0 }, PlacementRow { node: "node-2".into(), refusal: "".into(), scores: vec![95, 200], total: 295 }] }), chain: vec![Link { at: 1000, who: "you".into(), what: "POST".into(), object: "deployment todo-api".into(), text: "".into() }] })))],
            Request::Share => vec![Reply::Link("abcdef".into())],
            _ => vec![],
        }
    }
    fn clock(&self) -> Clock { Clock { running: self.running, speed: Speed::Story, rate_milli: 1000, behind: false, can_rewind: false } }
    fn node(&self, n: usize, power: bool, ready: &str) -> Node { Node { name: format!("node-{n}"), zone: "a".into(), power, ready: ready.into(), cpu_milli: (600, 4000), memory: (900, 8000), max_pods: 110, kubelet: power, kube_proxy: power, runtime: power, ..Node::default() } }
    fn pod(&self, n: usize, node: usize, status: &str, shape: PodShape) -> Pod { Pod { uid: format!("p{n}"), name: format!("todo-api-7c9f8d-{}", ["x2k4p", "9dqlm", "tz7wc", "b4hns"][n]), namespace: "default".into(), node: if node < 3 { format!("node-{node}") } else { "".into() }, status: status.into(), shape, ready: (1, 1), restarts: 0, app: "todo-api".into(), accent: n == 3 } }
    pub fn tick(&mut self, passed: f64) -> Vec<Reply> {
        let mut out = std::mem::take(&mut self.queue);
        let mut f = Frame { scene: self.scene, now: self.now as u64, clock: self.clock(), ..Frame::default() };
        if self.running {
            self.scene += passed; self.now += passed;
            f.scene = self.scene; f.now = self.now as u64;
            let dead = self.off.as_ref().map(|o| o.0.clone());
            let hop = |s: &mut Driver, f: &mut Frame, from: &str, to: &str, label: &str, object: &str, start: f64, len: f64, accent: bool, traffic: bool, lost: bool| { s.id += 1; f.hops.push(Hop { id: s.id, from: from.into(), to: to.into(), label: label.into(), object: object.into(), start: s.scene + start, end: s.scene + start + len, accent, traffic, lost }); };
            if self.scene > self.next_visit {
                self.next_visit += 1000.0; let n = (self.visits % 3) as usize; self.visits += 1;
                let lost = dead.as_deref() == Some(&format!("node-{n}")) && self.stage < 4;
                hop(self, &mut f, "visitors", "load-balancer", "HTTP", "", 0.0, 350.0, false, true, false);
                hop(self, &mut f, "load-balancer", &format!("kube-proxy@node-{}", n), "HTTP", "", 350.0, 350.0, false, true, lost);
                if !lost { hop(self, &mut f, &format!("kube-proxy@node-{}", n), &format!("pod/p{n}"), "HTTP", "", 700.0, 350.0, false, true, false);
                hop(self, &mut f, &format!("pod/p{n}"), "visitors", "200", "", 1050.0, 500.0, false, true, false); }
                self.last.remove(0); self.last.push(!lost);
                f.visitors = Some(Visitors { last: self.last.clone(), total: 1, lost: 0 });
            }
            if self.scene > self.beat { self.beat += 1500.0; let n = ((self.beat / 1500.0) as u64 % 3) as usize; f.heartbeats.push(format!("kubelet@node-{n}"));
                hop(self, &mut f, "kube-apiserver", "kube-controller-manager", "MODIFIED", "", 0.0, 500.0, false, false, false); }
            if let Some((node, at)) = self.off.clone() {
                let age = self.scene - at;
                if self.stage == 0 { self.stage = 1; let n: usize = node.trim_start_matches("node-").parse().unwrap(); f.nodes.set.push(self.node(n, false, "True")); f.captions.push(Caption { at: f.now, what: Happening::PowerOff { node: node.clone() }, accent: true });
                    f.waits = Some(vec![Wait { id: 1, kind: WaitKind::NodeGracePeriod, object: node.clone(), since: f.now, until: f.now + 50_000 }]); }
                if self.stage == 1 && age > 4000.0 { self.stage = 2; let n: usize = node.trim_start_matches("node-").parse().unwrap(); f.nodes.set.push(self.node(n, false, "Unknown"));
                    f.captions.push(Caption { at: f.now, what: Happening::NodeLost { node: node.clone() }, accent: true }); f.captions.push(Caption { at: f.now, what: Happening::Tolerated { node: node.clone(), pods: 1, wait: 300_000 }, accent: true });
                    f.workloads.set.push(Workload { uid: "d".into(), kind: "Deployment".into(), namespace: "default".into(), name: "todo-api".into(), available: 2, wanted: 3 });
                    f.waits = Some(vec![Wait { id: 2, kind: WaitKind::Toleration, object: "todo-api-7c9f8d-tz7wc".into(), since: f.now, until: f.now + 300_000 }]);
                    hop(self, &mut f, "kube-controller-manager", "kube-apiserver", "PATCH", "node node-2", 0.0, 900.0, true, false, false); }
                if self.stage == 2 && age > 8000.0 { self.stage = 3; f.pods.set.push(self.pod(3, 9, "Pending", PodShape::Pending)); f.waits = Some(vec![]);
                    hop(self, &mut f, "kube-controller-manager", "kube-apiserver", "POST", "pod todo-api-7c9f8d-b4hns", 0.0, 900.0, true, false, false);
                    hop(self, &mut f, "kube-apiserver", "kube-scheduler", "ADDED", "pod todo-api-7c9f8d-b4hns", 900.0, 900.0, true, false, false);
                    f.captions.push(Caption { at: f.now, what: Happening::PodCreated { pod: "todo-api-7c9f8d-b4hns".into(), owner: "todo-api-7c9f8d".into() }, accent: true }); }
                if self.stage == 3 && age > 11_000.0 { self.stage = 4; f.pods.set.push(self.pod(3, 0, "ContainerCreating", PodShape::Starting)); f.captions.push(Caption { at: f.now, what: Happening::PodPlaced { pod: "todo-api-7c9f8d-b4hns".into(), node: "node-0".into() }, accent: true });
                    hop(self, &mut f, "kube-apiserver", "kubelet@node-0", "ADDED", "pod todo-api-7c9f8d-b4hns", 0.0, 900.0, true, false, false); }
                if self.stage == 4 && age > 14_000.0 { self.stage = 5; f.pods.set.push(self.pod(3, 0, "Running", PodShape::Ready)); f.captions.push(Caption { at: f.now, what: Happening::PodReady { pod: "todo-api-7c9f8d-b4hns".into(), node: "node-0".into() }, accent: true }); f.pods.gone.push("p2".into()); 
                    f.workloads.set.push(Workload { uid: "d".into(), kind: "Deployment".into(), namespace: "default".into(), name: "todo-api".into(), available: 3, wanted: 3 });}
                if self.stage == 5 && age > 16_000.0 { self.stage = 6; f.verdict = Some(Verdict { name: "todo-api".into(), replicas: 3, took: 356_000, lost: 17, target: format!("node/{node}"), waits: vec![(WaitKind::NodeGracePeriod, 47_000), (WaitKind::Toleration, 300_000)] }); }
            }
        }
        out.push(Reply::Frame(Box::new(f)));
        out
    }
}

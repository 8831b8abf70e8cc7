//! What the Kubernetes endpoint of a session carries: requests a second, watchers, and what one of them costs, over real
//! connections to the built program. `make load`, with PODS=5000 WATCHERS=1000 REQUESTS=2000.
#![allow(missing_docs)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::{Duration, Instant};

use common::{Server, Session, directory};
use futures_util::{StreamExt, future::join_all, stream};
use reqwest::{Client, Response};

/// So many ask at the same time.
const AT_ONCE: usize = 16;
/// How often something is told to all watchers.
const ROUNDS: usize = 20;
const PATIENCE: Duration = Duration::from_secs(120);

const SCENARIO: &str = "
apiVersion: kubarium.dev/v1alpha1
kind: Scenario
metadata: {name: endpoint}
spec:
  opening: 30s
  cluster:
    nodes: [{count: 3}]
";

fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[tokio::main]
async fn main() {
    // Cargo's own way to ask what there is.
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let data = directory();
    let unbounded =
        ["--requests-per-second", "1000000", "--watches", "100000", "--session-megabytes", "1000"];
    let server = Server::start_with(data.path(), &unbounded).await;
    let session = server.create(SCENARIO).await;
    let bench = Bench { http: Client::new(), server, session };
    let (pods, requests) = (number("PODS", 5000), number("REQUESTS", 2000));
    // First, while the server's memory holds nothing that can be used again.
    bench.watchers(number("WATCHERS", 1000)).await;
    bench.creates(pods).await;
    bench.gets(requests).await;
    bench.lists(pods, (requests / 100).max(1)).await;
    bench.first_byte((requests / 100).max(1)).await;
}

struct Bench {
    http: Client,
    server: Server,
    session: Session,
}

impl Bench {
    fn at(&self, path: &str) -> String {
        let Session { id, owner, .. } = &self.session;
        self.server.url(&format!("/k8s/{id}{owner}/api/v1/namespaces/default/{path}"))
    }

    async fn get(&self, path: &str) -> Response {
        let answer = self.http.get(self.at(path)).send().await.expect("it answers");
        assert_eq!(answer.status(), 200, "{path}");
        answer
    }

    /// Asks so often, some at a time, and prints how many a second that was.
    async fn rate<F: Future<Output = ()>>(&self, what: &str, count: usize, ask: impl Fn(usize) -> F) {
        let begun = Instant::now();
        stream::iter(0..count).for_each_concurrent(AT_ONCE, ask).await;
        println!("{what}: {:.0} a second", count as f64 / begun.elapsed().as_secs_f64());
    }

    /// No node has what the pods ask for, so that nothing else happens.
    async fn creates(&self, pods: usize) {
        let create = move |number: usize| async move {
            let body = format!(
                r#"{{"metadata":{{"name":"pod-{number}"}},"spec":{{"nodeSelector":{{"no":"where"}},
                "containers":[{{"name":"app","image":"nginx:1.27"}}]}}}}"#
            );
            let answer = self.http.post(self.at("pods")).body(body).send().await.expect("it answers");
            assert_eq!(answer.status(), 201);
        };
        self.rate("create a pod", pods, create).await;
    }

    async fn gets(&self, count: usize) {
        let get = move |_| async move { drop(self.get("pods/pod-0").await.bytes().await.expect("a body")) };
        self.rate("get a pod", count, get).await;
    }

    async fn lists(&self, pods: usize, count: usize) {
        let size = self.get("pods").await.bytes().await.expect("a body").len();
        let list = move |_| async move { drop(self.get("pods").await.bytes().await.expect("a body")) };
        let what = format!("list {pods} pods ({:.1} MB)", size as f64 / 1e6);
        self.rate(&what, count, list).await;
    }

    /// The first page of `kubectl get pods`, as it asks for it.
    async fn first_byte(&self, count: usize) {
        let mut times = Vec::new();
        for _ in 0..count {
            let begun = Instant::now();
            let ask = self.http.get(self.at("pods?limit=500"));
            let ask = ask.header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json");
            let mut answer = ask.send().await.expect("it answers");
            answer.chunk().await.expect("it goes on");
            times.push(begun.elapsed());
        }
        print("first byte of a table of 500 pods", times);
    }

    async fn watchers(&self, count: usize) {
        let before = self.memory();
        let path = "configmaps?watch=true&resourceVersion=0&timeoutSeconds=600";
        let open = move |_| self.get(path);
        let watchers: Vec<Response> =
            stream::iter(0..count).map(open).buffer_unordered(AT_ONCE).collect().await;
        let each = self.memory().saturating_sub(before) as f64 / count as f64;
        println!("{count} watchers: {each:.1} kB of memory each");
        let make = async {
            let mut made = Vec::new();
            for round in 0..ROUNDS {
                made.push(Instant::now());
                let body = format!(r#"{{"metadata":{{"name":"news-{round}"}}}}"#);
                let answer =
                    self.http.post(self.at("configmaps")).body(body).send().await.expect("it answers");
                assert_eq!(answer.status(), 201);
            }
            made
        };
        let (made, heard) = tokio::join!(make, join_all(watchers.into_iter().map(hear)));
        let times = heard.iter().flat_map(|heard| heard.iter().zip(&made).map(|(at, since)| *at - *since));
        print(&format!("news to {count} watchers"), times.collect());
    }

    /// What the server holds, in kB.
    fn memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.server.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }
}

/// When each piece of news came.
async fn hear(mut watch: Response) -> Vec<Instant> {
    let (mut told, mut times) = (String::new(), Vec::new());
    while times.len() < ROUNDS {
        let more = tokio::time::timeout(PATIENCE, watch.chunk()).await.expect("it comes in time");
        let more = more.expect("the connection is whole").expect("it goes on");
        told.push_str(&String::from_utf8_lossy(&more));
        while told.contains(&format!("\"news-{}\"", times.len())) {
            times.push(Instant::now());
        }
    }
    times
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1000.0;
    println!(
        "{what}: {} received, p50 {:.1} ms, p99 {:.1} ms, slowest {:.1} ms",
        times.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

//! What clients ask of a session, counted as upstream counts it: `apiserver_request_total`, and how long answers took.
//! What the components of the cluster ask among themselves is not in it.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use shared::{api, cluster::HttpRequest};

/// How many kinds of requests are told apart; what comes beyond is not counted.
const MOST: usize = 500;

/// The upper ends of the classes of times, in seconds.
const CLASSES: [f64; 23] = [
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0,
    20.0, 30.0, 45.0, 60.0,
];

/// What a request is for, as its method and path say.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Asked {
    verb: &'static str,
    group: String,
    version: String,
    resource: String,
    subresource: String,
    scope: &'static str,
    dry_run: bool,
}

impl Asked {
    /// Reads it from a request.
    pub fn of(http: &HttpRequest) -> Self {
        let (path, query) = http.path.split_once('?').unwrap_or((&http.path, ""));
        let says = |pair: &str| query.split('&').any(|one| one == pair);
        let watches = api::query(query).iter().any(|(key, value)| key == "watch" && api::is_on(value));
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] if !rest.is_empty() => ("", *version, rest),
            ["apis", group, version, rest @ ..] if !rest.is_empty() => (*group, *version, rest),
            ["healthz" | "livez" | "readyz" | "metrics", ..] => {
                let subresource = format!("/{}", parts[0]);
                return Self { verb: method(http), subresource, ..Self::default() };
            }
            _ => return Self { verb: method(http), ..Self::default() },
        };
        let (namespaced, rest) = match rest {
            ["namespaces", _, rest @ ..] if !rest.is_empty() && !matches!(rest, ["status" | "finalize"]) => {
                (true, rest)
            }
            rest => (false, rest),
        };
        let (resource, named, subresource) = match rest {
            [resource] => (*resource, false, ""),
            [resource, _] => (*resource, true, ""),
            [resource, _, subresource, ..] => (*resource, true, *subresource),
            [] => ("", false, ""),
        };
        let verb = match (http.method.as_str(), subresource) {
            (_, "exec" | "attach" | "portforward" | "proxy" | "log") => "CONNECT",
            ("GET", _) if watches && !named => "WATCH",
            ("GET", _) if !named => "LIST",
            ("DELETE", _) if !named => "DELETECOLLECTION",
            ("PATCH", _) if http.content_type.starts_with("application/apply-patch") => "APPLY",
            _ => method(http),
        };
        let scope = match verb {
            _ if named || verb == "POST" => "resource",
            _ if namespaced => "namespace",
            _ => "cluster",
        };
        let [group, version, resource, subresource] =
            [group, version, resource, subresource].map(str::to_owned);
        Self { verb, group, version, resource, subresource, scope, dry_run: says("dryRun=All") }
    }

    /// Whether it is for what a container said.
    pub fn is_log(&self) -> bool {
        self.resource == "pods" && self.subresource == "log"
    }

    /// Whether it is for the counts themselves.
    pub fn is_metrics(&self) -> bool {
        self.subresource == "/metrics" && self.resource.is_empty()
    }

    fn labels(&self) -> String {
        let Self { verb, group, version, resource, subresource, scope, dry_run } = self;
        let dry_run = if *dry_run { "All" } else { "" };
        format!(
            "component=\"apiserver\",dry_run=\"{dry_run}\",group=\"{group}\",resource=\"{resource}\",scope=\"{scope}\",\
             subresource=\"{subresource}\",verb=\"{verb}\",version=\"{version}\""
        )
    }
}

fn method(http: &HttpRequest) -> &'static str {
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    known.into_iter().find(|known| http.method == *known).unwrap_or("other")
}

#[derive(Default)]
struct Times {
    classes: [u64; CLASSES.len()],
    count: u64,
    sum: Duration,
}

#[derive(Default)]
struct Counts {
    answers: BTreeMap<(Asked, u32), u64>,
    times: BTreeMap<Asked, Times>,
}

/// The requests of a session.
#[derive(Default)]
pub struct Requests(Mutex<Counts>);

impl Requests {
    /// Counts one that was answered. What nothing is served for is counted without its path: anybody could make up many.
    pub fn count(&self, asked: Asked, code: u32, known: bool, took: Duration) {
        let asked = if known { asked } else { Asked { verb: asked.verb, ..Asked::default() } };
        // The counts are whole between any two statements, so a panic elsewhere does not spoil them.
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (asked, code);
        if counts.answers.len() >= MOST && !counts.answers.contains_key(&key) {
            return;
        }
        let asked = key.0.clone();
        *counts.answers.entry(key).or_default() += 1;
        // How long somebody listens says nothing of the server.
        if matches!(asked.verb, "WATCH" | "CONNECT") {
            return;
        }
        let times = counts.times.entry(asked).or_default();
        let class = CLASSES.iter().position(|end| took.as_secs_f64() <= *end);
        if let Some(class) = class {
            times.classes[class] += 1;
        }
        times.count += 1;
        times.sum += took;
    }

    /// The counts in Prometheus' text form.
    pub fn text(&self) -> String {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::from(
            "# HELP apiserver_request_total [STABLE] Counter of apiserver requests broken out for each verb, dry run value, \
             group, version, resource, scope, component, and HTTP response code.\n\
             # TYPE apiserver_request_total counter\n",
        );
        for ((asked, code), count) in &counts.answers {
            let _ = writeln!(out, "apiserver_request_total{{code=\"{code}\",{}}} {count}", asked.labels());
        }
        out.push_str(
            "# HELP apiserver_request_duration_seconds [STABLE] Response latency distribution in seconds for each verb, dry run \
             value, group, version, resource, subresource, scope and component.\n\
             # TYPE apiserver_request_duration_seconds histogram\n",
        );
        for (asked, times) in &counts.times {
            let labels = asked.labels();
            let mut below = 0;
            for (end, count) in CLASSES.iter().zip(times.classes) {
                below += count;
                let _ = writeln!(
                    out,
                    "apiserver_request_duration_seconds_bucket{{{labels},le=\"{end}\"}} {below}"
                );
            }
            let Times { count, sum, .. } = times;
            let _ =
                writeln!(out, "apiserver_request_duration_seconds_bucket{{{labels},le=\"+Inf\"}} {count}");
            let _ = writeln!(out, "apiserver_request_duration_seconds_sum{{{labels}}} {}", sum.as_secs_f64());
            let _ = writeln!(out, "apiserver_request_duration_seconds_count{{{labels}}} {count}");
        }
        out
    }
}

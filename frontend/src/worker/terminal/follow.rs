//! A log that is followed: looked at again and again, each line told once.

use shared::{
    api::{Key, Kind},
    cluster::{Cluster, HttpRequest, HttpResponse},
    doc::Doc,
};

/// A followed log, and what was told of it.
pub(super) struct Follow {
    request: HttpRequest,
    pod: Key,
    container: String,
    /// Whether lines are told with their times.
    timed: bool,
    begun: bool,
    text: String,
    /// The newest time that was told, and how many lines had it.
    last: (String, usize),
}

impl Follow {
    /// The log that a request wants to follow, if it does.
    pub fn of(request: &HttpRequest) -> Option<Self> {
        let (path, query) = request.path.split_once('?')?;
        let mut words = path.strip_prefix("/api/v1/namespaces/")?.split('/');
        let (namespace, _, name, log) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let follows = |pair: &str| pair == "follow=true";
        if log != "log" || !query.split('&').any(follows) {
            return None;
        }
        let timed = query.split('&').any(|pair| pair == "timestamps=true");
        let container = query.split('&').find_map(|pair| pair.strip_prefix("container="));
        let kept: Vec<&str> = query.split('&').filter(|pair| !follows(pair)).collect();
        let times = if timed { "" } else { "&timestamps=true" };
        let path = format!("{path}?{}{times}", kept.join("&"));
        Some(Self {
            request: HttpRequest { path: path.into(), ..request.clone() },
            pod: Key::new(Kind::Pod, namespace, name),
            container: container.unwrap_or_default().to_owned(),
            timed,
            begun: false,
            text: String::new(),
            last: (String::new(), 0),
        })
    }

    /// All that was told so far.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Looks again; the answer when there will be no more.
    pub fn look(&mut self, cluster: &Cluster) -> Option<HttpResponse> {
        let (mut copy, number) = super::ask(cluster, self.request.clone());
        let since = copy.now();
        let response = super::answer(&mut copy, number, since, &|| false)?;
        if !response.is_success() {
            return Some(response);
        }
        self.take(&response.body.str());
        if !self.begun {
            self.begun = true;
            // How many lines were wanted counted only for those that were there.
            let (path, query) = self.request.path.split_once('?').unwrap_or((&self.request.path, ""));
            let limits = ["tailLines=", "sinceSeconds=", "sinceTime=", "limitBytes="];
            let open = |pair: &&str| !limits.iter().any(|limit| pair.starts_with(limit));
            let query: Vec<&str> = query.split('&').filter(open).collect();
            self.request.path = format!("{path}?{}", query.join("&")).into();
            if self.last.0.is_empty() {
                // None were wanted: what comes is what is newer than now.
                self.last.0 = cluster.core().timestamp().rfc3339_micros();
            }
        }
        self.is_over(&cluster.read(&self.pod)).then_some(response)
    }

    fn take(&mut self, log: &str) {
        let mut same = 0;
        for line in log.split_inclusive('\n') {
            let (time, words) = line.split_once(' ').unwrap_or((line, ""));
            let (last, told) = &mut self.last;
            if time < last.as_str() {
                continue;
            }
            if time == last {
                same += 1;
                if same <= *told {
                    continue;
                }
                *told += 1;
            } else {
                (*last, *told, same) = (time.to_owned(), 1, 1);
            }
            self.text.push_str(if self.timed { line } else { words });
        }
    }

    /// Whether the container is done, as far as the pod says so.
    fn is_over(&self, pod: &Doc) -> bool {
        let statuses = pod.at(&["status", "containerStatuses"]).items();
        let status = statuses.iter().find(|status| status["name"].str() == self.container.as_str());
        pod.is_null() || status.is_some_and(|status| status["state"]["running"].is_null())
    }
}

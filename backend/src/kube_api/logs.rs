//! A log that is followed: looked at again and again, and what is new is told.

use shared::{
    api::{self, Key, Kind, User},
    cluster::{Cluster, Course, HttpRequest, HttpResponse},
    doc::{Doc, Str},
};

/// Whoever follows a log, and how far they have read.
pub struct Follower {
    /// Asks for all of it, each line with its time.
    whole: HttpRequest,
    user: User,
    read_only: bool,
    /// Whether the client wants to see the times.
    times: bool,
    pod: Key,
    container: String,
    /// Which life of the container it is.
    life: Str,
    /// What is to be told first.
    first: String,
    /// The last line that was told.
    last: String,
}

impl Follower {
    /// Begins to follow.
    ///
    /// # Errors
    /// What the API server answers in its place.
    pub fn open(
        cluster: &Cluster,
        http: &HttpRequest,
        user: User,
        read_only: bool,
    ) -> Result<Self, HttpResponse> {
        let (path, query) = http.path.split_once('?').unwrap_or((&http.path, ""));
        let is = |part: &&str, name: &str| part.split('=').next() == Some(name);
        let once: Vec<&str> = query.split('&').filter(|part| !is(part, "follow")).collect();
        let container = once.iter().find(|part| is(part, "container")).copied();
        let ask = |query: Vec<&str>| HttpRequest {
            path: format!("{path}?{}", query.join("&")).into(),
            ..http.clone()
        };
        let whole = ask(container.into_iter().chain(["timestamps=true"]).collect());
        let mut parts = path.split('/').skip(4);
        let (namespace, name) = (parts.next().unwrap_or(""), parts.nth(1).unwrap_or(""));
        let mut follower = Self {
            times: api::query(query).iter().any(|(key, value)| key == "timestamps" && api::is_on(value)),
            whole,
            user,
            read_only,
            pod: Key::new(Kind::Pod, namespace, name),
            container: container
                .and_then(|part| part.split_once('='))
                .map_or("", |(_, name)| name)
                .to_owned(),
            life: Str::new(),
            first: String::new(),
            last: String::new(),
        };
        follower.first = follower.fetch(cluster, &ask(once))?;
        let all = follower.fetch(cluster, &follower.whole)?;
        follower.last = all.lines().last().unwrap_or("").to_owned();
        follower.life = follower.state(cluster)["containerID"].str();
        Ok(follower)
    }

    /// What is new, and whether nothing will follow.
    pub fn read(&mut self, cluster: &Cluster) -> (String, bool) {
        let mut text = std::mem::take(&mut self.first);
        let Ok(all) = self.fetch(cluster, &self.whole) else { return (text, true) };
        let known = match self.last.is_empty() {
            true => 0,
            false => all
                .lines()
                .collect::<Vec<_>>()
                .iter()
                .rposition(|line| *line == self.last)
                .map_or(0, |at| at + 1),
        };
        for line in all.lines().skip(known) {
            let shown = if self.times { line } else { line.split_once(' ').map_or(line, |(_, rest)| rest) };
            text.push_str(shown);
            text.push('\n');
            line.clone_into(&mut self.last);
        }
        let state = self.state(cluster);
        let ended = !state["state"]["terminated"].is_null()
            || !self.life.is_empty() && state["containerID"].str() != self.life;
        if self.life.is_empty() {
            self.life = state["containerID"].str();
        }
        (text, ended)
    }

    fn fetch(&self, cluster: &Cluster, http: &HttpRequest) -> Result<String, HttpResponse> {
        match cluster.course(http, self.user.clone(), self.read_only) {
            Course::Answered(answer) if answer.is_success() => {
                Ok(answer.body.as_str().unwrap_or("").to_owned())
            }
            Course::Answered(answer) => Err(answer),
            _ => Err(super::answer::status(500, "InternalError", "a log was asked for")),
        }
    }

    /// The status of the container.
    fn state(&self, cluster: &Cluster) -> Doc {
        let pod = cluster.read(&self.pod);
        let status = &pod["status"];
        let all = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"];
        let mut found = all.iter().flat_map(|list| status[*list].items());
        found
            .find(|one| self.container.is_empty() || one["name"].as_str() == Some(self.container.as_str()))
            .cloned()
            .unwrap_or(Doc::Null)
    }
}

//! `kubectl logs`

use crate::api::Kind;
use crate::cluster::HttpRequest;
use crate::doc;
use crate::doc::{Doc, Str, Timestamp};
use crate::sim::Duration;

use super::args::{Args, Flag, duration, int64, switch, value};
use super::failure::Failure;
use super::io::{Io, Next, Said, Stop};
use super::pods;
use super::resource::{Target, escape, selected};

pub(super) const FLAGS: &[Flag] = &[
    switch("follow", Some('f')),
    switch("previous", Some('p')),
    switch("timestamps", None),
    switch("all-containers", None),
    switch("all-pods", None),
    switch("ignore-errors", None),
    switch("prefix", None),
    switch("insecure-skip-tls-verify-backend", None),
    value("container", Some('c')),
    value("selector", Some('l')),
    int64("tail", None),
    int64("limit-bytes", None),
    duration("since", None),
    value("since-time", None),
    int64("max-log-requests", None),
    duration("pod-running-timeout", None),
];

const USAGE: &str = "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument \
                     for the logs command\nSee 'kubectl logs -h' for help and examples";

/// How long kubectl waits for a container's log to begin.
const PATIENCE: u64 = 20;

/// One container's log.
struct Source {
    pod: Target,
    container: Str,
    /// What each line begins with.
    prefix: String,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let selects = args.get("selector").is_some_and(|selector| !selector.is_empty());
    match (args.words.len(), selects) {
        (0, true) | (1 | 2, false) => {}
        (1, true) => {
            return Err(io.fail(
                "only a selector (-l) or a POD name is allowed\nSee 'kubectl logs -h' for help and examples",
            ));
        }
        _ => return Err(io.fail(USAGE)),
    }
    let query = query(args, selects).map_err(|why| io.fail(why))?;
    let sources = sources(args, io)?;
    let most = args.number("max-log-requests").map_err(|why| io.fail(why))?.unwrap_or(5);
    let follow = args.is_on("follow");
    if follow && sources.len() > 1 && sources.len() as i64 > most {
        return Err(io.fail(format!(
            "you are attempting to follow {} log streams, but maximum allowed concurrency is {most}, use \
             --max-log-requests to increase the limit",
            sources.len()
        )));
    }
    match sources.as_slice() {
        [one] if follow && one.prefix.is_empty() => follow_one(one, &query, args, io),
        [] => Ok(()),
        all if follow => follow_all(all, &query, args, io),
        all => all.iter().try_for_each(|source| read(source, &query, args, io)),
    }
}

/// What the flags ask of a log, as the end of its address.
fn query(args: &Args, selects: bool) -> Result<String, String> {
    let inline = args.words.get(1);
    if args.get("since").is_some() && args.get("since-time").is_some() {
        return Err("at most one of `sinceTime` or `sinceSeconds` may be specified".into());
    }
    if let Some(container) = args.get("container").or(inline.map(String::as_str))
        && args.is_on("all-containers")
    {
        return Err(format!("--all-containers=true should not be specified with container name {container}"));
    }
    if inline.is_some() && args.get("container").is_some() {
        return Err("only one of -c or an inline [CONTAINER] arg is allowed".into());
    }
    let mut query = String::new();
    for flag in ["previous", "timestamps"] {
        query.push_str(&if args.is_on(flag) { format!("&{flag}=true") } else { String::new() });
    }
    if let Some(limit) = args.number("limit-bytes")? {
        if limit < 0 {
            return Err("--limit-bytes must be greater than 0".into());
        }
        if limit > 0 {
            query.push_str(&format!("&limitBytes={limit}"));
        }
    }
    // Of many pods only the last lines are shown, unless somebody says how many.
    let tail = args.number("tail")?;
    match tail.or(Some(10).filter(|_| selects)) {
        Some(lines) if lines < -1 => return Err("--tail must be greater than or equal to -1".into()),
        Some(lines) if lines >= 0 => query.push_str(&format!("&tailLines={lines}")),
        _ => {}
    }
    if let Some(text) = args.get("since") {
        let length = Duration::parse(text).ok_or_else(|| {
            format!("invalid argument {text:?} for \"--since\" flag: time: invalid duration {text:?}")
        })?;
        if length > Duration::ZERO {
            query.push_str(&format!("&sinceSeconds={}", (length.0 + 500) / 1000));
        }
    }
    if let Some(text) = args.get("since-time") {
        query.push_str(&format!("&sinceTime={}", escape(text)));
    }
    Ok(query)
}

/// The logs that are meant.
fn sources(args: &Args, io: &mut Io<'_>) -> Result<Vec<Source>, Stop> {
    let patience = pods::patience(args, PATIENCE, io)?;
    let target = match args.words.first() {
        Some(word) => pods::subject(word, args, io)?,
        None => Target::new(Kind::Pod, args.namespace(), ""),
    };
    let response = target.look(selected(&target, args), io)?;
    if !response.is_success() {
        let failure = target.failure(&response, args);
        if failure.is("NotFound") {
            let why = response.body["message"].str();
            let namespace = args.namespace();
            return Err(io.fail(format!("error from server (NotFound): {why} in namespace {namespace:?}")));
        }
        return Err(io.end(failure));
    }
    let all = if target.name.is_empty() {
        let items = response.body["items"].items();
        if items.is_empty() {
            io.warn(format!("No resources found in {} namespace.", args.namespace()));
        }
        items.to_vec()
    } else {
        let mut found = pods::of(&target, &response.body, pods::Purpose::Logs, patience, io)?;
        if found.len() > 1 && !args.is_on("all-pods") {
            let first = found[0]["metadata"]["name"].str();
            io.warn(format!("Found {} pods, using pod/{first}", found.len()));
            found.truncate(1);
        }
        found
    };
    let mut sources = Vec::new();
    for pod in &all {
        let wanted = args.get("container").or(args.words.get(1).map(String::as_str));
        let containers = if args.is_on("all-containers") {
            let lists = ["initContainers", "containers", "ephemeralContainers"];
            let all = lists.iter().flat_map(|list| pod["spec"][*list].items());
            all.map(|container| container["name"].str()).collect()
        } else {
            vec![pods::container(pod, wanted, args.is_on("all-pods"), io)?]
        };
        let name = pod["metadata"]["name"].str();
        for container in containers {
            let prefixed = args.is_on("prefix") || args.is_on("all-pods");
            let prefix = if prefixed { format!("[pod/{name}/{container}] ") } else { String::new() };
            let pod = Target::new(Kind::Pod, &pod["metadata"]["namespace"].str(), &name);
            sources.push(Source { pod, container, prefix });
        }
    }
    Ok(sources)
}

impl Source {
    fn request(&self, query: &str) -> HttpRequest {
        let path = format!("{}/log?container={}{query}", self.pod.path(), escape(&self.container));
        HttpRequest { method: "GET".into(), path: path.into(), ..HttpRequest::default() }
    }

    /// The text with what each line begins with.
    fn prefixed(&self, text: &str) -> String {
        if self.prefix.is_empty() {
            return text.to_owned();
        }
        text.split_inclusive('\n').map(|line| format!("{}{line}", self.prefix)).collect()
    }
}

fn read(source: &Source, query: &str, args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let response = io.request(source.request(query))?;
    if response.is_success() {
        let text = source.prefixed(&response.body.str());
        io.print(&text);
        return Ok(());
    }
    let failure = Failure::of(&response);
    // A time that is none never comes to the server of a real one.
    let why = response.body["message"].str();
    if why.starts_with("parsing time ") {
        return Err(io.fail(&why));
    }
    if args.is_on("ignore-errors") {
        io.say(format!("error: {}", response.body["message"].str()));
        return Ok(());
    }
    Err(io.end(failure))
}

/// One log whose answer comes when the container ends. Until it has one, it is tried again.
fn follow_one(source: &Source, query: &str, args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    const TRIES: u64 = PATIENCE;
    for _ in 0..TRIES {
        let response = io.request(source.request(&format!("&follow=true{query}")))?;
        if response.is_success() {
            io.print(&response.body.str());
            return Ok(());
        }
        if args.is_on("ignore-errors") {
            io.say(format!("error: {}", response.body["message"].str()));
            return Ok(());
        }
        if response.code == 0 {
            return Err(io.end(Failure::of(&response)));
        }
        io.warn(response.body["message"].str());
        io.poll(source.pod.get(), doc!(0i64), |rounds, _| match rounds.as_i64() {
            Some(rounds) if rounds < 2 => Next::Again(doc!(rounds + 1)),
            _ => Next::Done(()),
        })?;
    }
    Err(io.fail("timed out waiting for the condition"))
}

/// Several logs at once, looked at in turn: of each, what came since.
fn follow_all(sources: &[Source], query: &str, args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let shows_times = args.is_on("timestamps");
    let plain = query.replace("&timestamps=true", "");
    let turn = |memory: &Doc| memory["turn"].as_i64().unwrap_or(0) as usize % sources.len();
    let request = |memory: &Doc| {
        let at = turn(memory);
        let last = memory["last"][at.to_string().as_str()]["stamp"].as_time();
        // What was asked for at first is no limit for what comes later.
        let from =
            last.map_or_else(|| plain.clone(), |last| format!("&sinceTime={}", escape(&last.rfc3339())));
        sources[at].request(&format!("&timestamps=true{from}"))
    };
    let first = doc!({ "turn": 0i64, "last": {}, "failed": 0i64 });
    io.stream(&request, first, |mut memory, response, said: &mut Said| {
        let at = turn(&memory);
        let failed = memory["failed"].as_i64().unwrap_or(0);
        if response.is_success() {
            let key = at.to_string();
            let seen = memory["last"][key.as_str()].clone();
            let (text, last) = newer(&response.body.str(), &seen, shows_times);
            said.stdout.push_str(&sources[at].prefixed(&text));
            memory.set_at(&["last", &key], last);
        }
        // It ends when all the pods are gone.
        let failed = if response.code == 404 { failed + 1 } else { 0 };
        if failed >= sources.len() as i64 {
            return Next::Done(());
        }
        memory.set("failed", failed);
        memory.set("turn", (at + 1) as i64);
        Next::Again(memory)
    })
}

/// The lines after those that were seen: the last moment, and how many lines it had.
fn newer(text: &str, seen: &Doc, shows_times: bool) -> (String, Doc) {
    let (mut stamp, mut count) = (seen["stamp"].as_time(), seen["count"].as_i64().unwrap_or(0));
    let mut skip = count;
    let before = stamp;
    let mut fresh = String::new();
    for line in text.split_inclusive('\n') {
        let (time, rest) = line.split_once(' ').unwrap_or((line, ""));
        let Some(time) = Timestamp::parse(time) else { continue };
        if before.is_some_and(|before| time < before) {
            continue;
        }
        if before == Some(time) && skip > 0 {
            skip -= 1;
            continue;
        }
        count = if stamp == Some(time) { count + 1 } else { 1 };
        stamp = Some(time);
        fresh.push_str(if shows_times { line } else { rest });
    }
    let stamp = stamp.map_or(Doc::Null, Doc::MicroTime);
    (fresh, doc!({ "stamp": stamp, "count": count }))
}

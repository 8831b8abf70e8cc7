//! A program's way to the world: answers from its journal, and what it prints.

use crate::cluster::{HttpRequest, HttpResponse};
use crate::collections::BTreeMap;
use crate::doc::{Doc, Str, Timestamp};
use crate::sim::Duration;

use super::args::Args;
use super::failure::Failure;
use super::input::Input;
use super::{Ask, Entry, LoopAt, Reply};

/// Why the code stops running: to go on later, or for good.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Stop {
    Needs(HttpRequest),
    Runs(HttpRequest),
    Attends(HttpRequest),
    Watches(HttpRequest, Option<Timestamp>),
    Waits(Duration),
    Asks(Ask),
    Exit(u8),
}

/// Text that was printed, to both outputs.
#[derive(Clone, PartialEq, Hash, Debug, Default)]
pub(super) struct Said {
    pub stdout: String,
    pub stderr: String,
}

/// What became of one of many things.
pub(super) type Became = Result<Doc, Vec<Failure>>;

/// What became of the first of many things that are done one after the other.
#[derive(Clone, PartialEq, Hash, Debug, Default)]
pub(super) struct Dealt {
    became: Vec<Became>,
    said: Said,
    /// Whether a document of YAML was among that.
    documents: bool,
}

/// How far a program is: where in its journal, and what it has said.
#[derive(Clone, Debug)]
pub(super) struct Place {
    at: usize,
    said: Said,
}

/// What a loop makes of an answer.
pub(super) enum Next<T> {
    /// Ask again after a while, with this to remember.
    Again(Doc),
    /// Ask at once, with this to remember.
    On(Doc),
    /// Be told what happens, until this date if any, with this to remember.
    Watch(Doc, Option<Timestamp>),
    Done(T),
}

pub(super) struct Io<'a> {
    journal: &'a mut Vec<Entry>,
    at: usize,
    said: Said,
    /// What loops printed while they went on; it is kept apart, for a loop's answers are not kept.
    streamed: Said,
    pub stdin: &'a Input,
    /// The kubeconfig, which verbs may change.
    pub config: &'a mut Doc,
    /// For whom it speaks, and the groups that they are in; empty for itself.
    speaker: HttpRequest,
    /// The command, where it is to be noted on what it changes.
    recorded: Option<String>,
    /// Whether a document of YAML was printed.
    documents: bool,
    /// The date at which the program started.
    pub started: Timestamp,
}

/// A warning of a place in kubectl's source, as its log has it.
pub(super) fn logged(place: &str, text: &str, io: &Io<'_>) -> String {
    let now = io.started.rfc3339_micros();
    let (date, time) = (format!("{}{}", &now[5..7], &now[8..10]), &now[11..26]);
    format!("W{date} {time}       1 {place}] {text}")
}

/// How often a program looks again at what it waits for.
pub(super) const POLL: Duration = Duration::millis(500);

impl<'a> Io<'a> {
    pub fn new(
        journal: &'a mut Vec<Entry>,
        config: &'a mut Doc,
        stdin: &'a Input,
        started: Timestamp,
    ) -> Io<'a> {
        Io {
            journal,
            at: 0,
            said: Said::default(),
            streamed: Said::default(),
            stdin,
            config,
            speaker: HttpRequest::default(),
            recorded: None,
            documents: false,
            started,
        }
    }

    /// All that linear code printed since the start, and what loops printed now.
    pub fn output(self) -> (Said, Said) {
        (self.said, self.streamed)
    }

    /// Prints a line.
    pub fn say(&mut self, line: impl AsRef<str>) {
        self.said.stdout.push_str(line.as_ref());
        self.said.stdout.push('\n');
    }

    /// Prints text as it is.
    pub fn print(&mut self, text: &str) {
        self.said.stdout.push_str(text);
    }

    /// Puts a line between this document of YAML and the one before.
    pub fn separate(&mut self) {
        if std::mem::replace(&mut self.documents, true) {
            self.say("---");
        }
    }

    /// Another printer begins, which knows nothing of what was printed.
    pub fn printed_anew(&mut self) {
        self.documents = false;
    }

    /// Prints a line to standard error.
    pub fn warn(&mut self, line: impl AsRef<str>) {
        self.said.stderr.push_str(line.as_ref());
        self.said.stderr.push('\n');
    }

    /// `error: …`, and the end.
    pub fn fail(&mut self, message: impl AsRef<str>) -> Stop {
        self.warn(format!("error: {}", message.as_ref()));
        Stop::Exit(1)
    }

    /// Says what the failure says, and the end.
    pub fn end(&mut self, failure: Failure) -> Stop {
        self.warn(failure.alone());
        Stop::Exit(1)
    }

    /// Says what the failures say; the end when there is one.
    pub fn finish(&mut self, failures: Vec<Failure>) -> Result<(), Stop> {
        match failures.as_slice() {
            [] => return Ok(()),
            [one] => self.warn(one.alone()),
            many => many.iter().for_each(|failure| self.warn(failure.among_others())),
        }
        Err(Stop::Exit(1))
    }

    /// Says what the failures say, each as one of several; the end when there is one.
    pub fn finish_all(&mut self, failures: Vec<Failure>) -> Result<(), Stop> {
        failures.iter().for_each(|failure| self.warn(failure.among_others()));
        if failures.is_empty() { Ok(()) } else { Err(Stop::Exit(1)) }
    }

    /// Sets the note that is left on what is changed.
    pub fn record(&mut self, command: Option<String>) {
        self.recorded = command;
    }

    /// Whether a note is wanted.
    pub fn notes(&self) -> bool {
        self.recorded.is_some()
    }

    /// Leaves the note on an object or in a patch of one, where that is wanted; whether it was.
    pub fn note(&self, doc: &mut Doc) -> bool {
        if let Some(command) = &self.recorded {
            doc.set_at(&["metadata", "annotations", "kubernetes.io/change-cause"], command.as_str());
        }
        self.recorded.is_some()
    }

    /// Takes from the flags for whom to speak (`--as` and what begins with that).
    pub fn speak_for(&mut self, args: &Args) -> Result<(), Stop> {
        let user = args.get("as").unwrap_or("");
        let groups: Vec<Str> = args.each("as-group").map(Str::from).collect();
        let uid = args.get("as-uid").unwrap_or("");
        let mut extra: BTreeMap<Str, Vec<Str>> = BTreeMap::new();
        for (key, value) in args.each("as-user-extra").filter_map(|pair| pair.split_once('=')) {
            // Names of headers are the same in small letters.
            extra.entry(key.to_lowercase().into()).or_default().push(value.into());
        }
        if user.is_empty() && !(groups.is_empty() && uid.is_empty() && extra.is_empty()) {
            let me = super::config::user(self.config);
            return Err(self.fail(format!(
                "requesting uid, groups or user-extra for {me} without impersonating a user"
            )));
        }
        self.speaker = HttpRequest {
            impersonate: user.into(),
            impersonate_groups: groups,
            impersonate_uid: uid.into(),
            impersonate_extra: extra,
            ..HttpRequest::default()
        };
        Ok(())
    }

    /// The request, in the name of whom it speaks for.
    fn spoken(&self, request: HttpRequest) -> HttpRequest {
        let HttpRequest { method, path, content_type, accept, body, .. } = request;
        HttpRequest { method, path, content_type, accept, body, ..self.speaker.clone() }
    }

    /// Sends a request and waits for its answer.
    pub fn request(&mut self, request: HttpRequest) -> Result<HttpResponse, Stop> {
        self.request_of(|| request)
    }

    /// The same, for one of many: whose answer is there needs not be written again.
    pub fn request_of(&mut self, request: impl FnOnce() -> HttpRequest) -> Result<HttpResponse, Stop> {
        match self.journal.get(self.at) {
            Some(Entry::Answer(response)) => {
                let response = response.clone();
                self.at += 1;
                for warning in &response.warnings {
                    // A warning is shown once, however many requests earn it.
                    let line = format!("Warning: {warning}");
                    if !self.said.stderr.lines().any(|known| known == line) {
                        self.warn(line);
                    }
                }
                Ok(response)
            }
            _ => Err(Stop::Needs(self.spoken(request()))),
        }
    }

    /// Runs a program in a container, and waits for its end.
    pub fn run(&mut self, request: HttpRequest) -> Result<HttpResponse, Stop> {
        self.request(request).map_err(|stop| match stop {
            Stop::Needs(request) => Stop::Runs(request),
            other => other,
        })
    }

    /// Waits for an answer that goes on until Ctrl-C, which is for whoever gives it: what came until then, and whether
    /// that was the end.
    pub fn attend(&mut self, request: HttpRequest) -> Result<(HttpResponse, bool), Stop> {
        match self.request(request) {
            Ok(response) => {
                let interrupted = response.code == super::INTERRUPTED;
                Ok((response, interrupted))
            }
            Err(Stop::Needs(request)) => Err(Stop::Attends(request)),
            Err(other) => Err(other),
        }
    }

    /// Sends a request again and again, [`POLL`] apart, until `judge` is content. Only what `judge` returns is
    /// remembered, so that a program that waits for days stays small.
    pub fn poll<T>(
        &mut self,
        request: HttpRequest,
        first: Doc,
        mut judge: impl FnMut(Doc, &HttpResponse) -> Next<T>,
    ) -> Result<T, Stop> {
        self.stream(&|_| request.clone(), first, |memory, response, _| judge(memory, response))
    }

    /// The same, where each request follows from what is remembered, and something is printed on the way. What is
    /// watched comes as lines of events, and as an empty text when the time for it is over.
    pub fn stream<T>(
        &mut self,
        request: &dyn Fn(&Doc) -> HttpRequest,
        first: Doc,
        mut judge: impl FnMut(Doc, &HttpResponse, &mut Said) -> Next<T>,
    ) -> Result<T, Stop> {
        if self.journal.len() == self.at {
            self.journal.push(Entry::Loop(first, LoopAt::Asking));
        }
        let Some(Entry::Loop(memory, at)) = self.journal.get_mut(self.at) else {
            unreachable!("the same code asks the same questions")
        };
        match at {
            LoopAt::Asking => {
                let request = request(memory);
                Err(Stop::Needs(self.spoken(request)))
            }
            LoopAt::Watching(until) => {
                let (request, until) = (request(memory), *until);
                Err(Stop::Watches(self.spoken(request), until))
            }
            LoopAt::Waiting => Err(Stop::Waits(POLL)),
            LoopAt::Answered(response) => match judge(memory.clone(), response, &mut self.streamed) {
                Next::Done(result) => {
                    *at = LoopAt::Ended(response.clone());
                    self.at += 1;
                    Ok(result)
                }
                Next::Again(next) => {
                    (*memory, *at) = (next, LoopAt::Waiting);
                    Err(Stop::Waits(POLL))
                }
                Next::On(next) => {
                    let request = request(&next);
                    (*memory, *at) = (next, LoopAt::Asking);
                    Err(Stop::Needs(self.spoken(request)))
                }
                Next::Watch(next, until) => {
                    let request = request(&next);
                    (*memory, *at) = (next, LoopAt::Watching(until));
                    Err(Stop::Watches(self.spoken(request), until))
                }
            },
            // What it printed was printed when it ended.
            LoopAt::Ended(response) => match judge(memory.clone(), response, &mut Said::default()) {
                Next::Done(result) => {
                    self.at += 1;
                    Ok(result)
                }
                Next::Again(_) | Next::On(_) | Next::Watch(..) => {
                    unreachable!("the same code judges the same answer alike")
                }
            },
        }
    }

    /// Deals with each of many things, in order; the answer is what became of each. What was dealt with is remembered as
    /// that: the program, which runs again with every answer, goes on with the next, and the answers are not kept.
    pub fn each<T, F: Into<Vec<Failure>>>(
        &mut self,
        things: &[T],
        mut deal: impl FnMut(&T, &mut Self) -> Result<Result<Doc, F>, Stop>,
    ) -> Result<Vec<Became>, Stop> {
        if self.journal.len() == self.at {
            self.journal.push(Entry::Each(Dealt::default()));
        }
        let place = self.at;
        self.at += 1;
        let dealt = dealt_at(self.journal, place);
        self.said.stdout.push_str(&dealt.said.stdout);
        self.said.stderr.push_str(&dealt.said.stderr);
        self.documents |= dealt.documents;
        for thing in things.iter().skip(dealt.became.len()) {
            let from = (self.said.stdout.len(), self.said.stderr.len());
            let became = deal(thing, self)?;
            self.journal.drain(place + 1..self.at);
            self.at = place + 1;
            let dealt = dealt_at(self.journal, place);
            dealt.said.stdout.push_str(&self.said.stdout[from.0..]);
            dealt.said.stderr.push_str(&self.said.stderr[from.1..]);
            dealt.documents = self.documents;
            dealt.became.push(became.map_err(Into::into));
        }
        Ok(dealt_at(self.journal, place).became.clone())
    }

    /// How far the program is.
    pub fn place(&self) -> Place {
        Place { at: self.at, said: self.said.clone() }
    }

    /// What it learned and said up to there is known.
    pub fn go_on_from(&mut self, place: &Place) {
        self.at = place.at;
        self.said = place.said.clone();
    }

    /// Hands something to the person in front of the terminal and waits for what comes back.
    pub fn ask(&mut self, ask: Ask) -> Result<Reply, Stop> {
        match self.journal.get(self.at) {
            Some(Entry::Reply(reply)) => {
                self.at += 1;
                Ok(reply.clone())
            }
            _ => Err(Stop::Asks(ask)),
        }
    }
}

fn dealt_at(journal: &mut [Entry], place: usize) -> &mut Dealt {
    match journal.get_mut(place) {
        Some(Entry::Each(dealt)) => dealt,
        _ => unreachable!("the same code deals with the same things"),
    }
}

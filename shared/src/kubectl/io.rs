//! A program's way to the world: answers from its journal, and what it prints.

use crate::cluster::{HttpRequest, HttpResponse};
use crate::doc::{Doc, Str, Timestamp};
use crate::sim::Duration;

use super::failure::Failure;
use super::{Entry, LoopAt};

/// Why the code stops running: to go on later, or for good.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Stop {
    Needs(HttpRequest),
    Waits(Duration),
    Exit(u8),
}

/// What a loop makes of an answer.
pub(super) enum Next<T> {
    /// Ask again after a while, with this to remember.
    Again(Doc),
    Done(T),
}

pub(super) struct Io<'a> {
    journal: &'a mut Vec<Entry>,
    at: usize,
    stdout: String,
    stderr: String,
    pub stdin: Str,
    /// For whom it speaks; empty for itself.
    pub impersonate: Str,
    /// The date at which the program started.
    pub started: Timestamp,
}

/// How often a program looks again at what it waits for.
pub(super) const POLL: Duration = Duration::millis(500);

impl<'a> Io<'a> {
    pub fn new(journal: &'a mut Vec<Entry>, stdin: Str, started: Timestamp) -> Io<'a> {
        Io {
            journal,
            at: 0,
            stdout: String::new(),
            stderr: String::new(),
            stdin,
            impersonate: Str::new(),
            started,
        }
    }

    pub fn output(self) -> (String, String) {
        (self.stdout, self.stderr)
    }

    /// Prints a line.
    pub fn say(&mut self, line: impl AsRef<str>) {
        self.stdout.push_str(line.as_ref());
        self.stdout.push('\n');
    }

    /// Prints text as it is.
    pub fn print(&mut self, text: &str) {
        self.stdout.push_str(text);
    }

    /// Prints a line to standard error.
    pub fn warn(&mut self, line: impl AsRef<str>) {
        self.stderr.push_str(line.as_ref());
        self.stderr.push('\n');
    }

    /// `error: …`, and the end.
    pub fn fail(&mut self, message: impl AsRef<str>) -> Stop {
        self.warn(format!("error: {}", message.as_ref()));
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

    fn needs(&self, request: HttpRequest) -> Stop {
        Stop::Needs(HttpRequest { impersonate: self.impersonate.clone(), ..request })
    }

    /// Sends a request and waits for its answer.
    pub fn request(&mut self, request: HttpRequest) -> Result<HttpResponse, Stop> {
        match self.journal.get(self.at) {
            Some(Entry::Answer(response)) => {
                let response = response.clone();
                self.at += 1;
                for warning in &response.warnings {
                    // A warning is shown once, however many requests earn it.
                    let line = format!("Warning: {warning}");
                    if !self.stderr.lines().any(|known| known == line) {
                        self.warn(line);
                    }
                }
                Ok(response)
            }
            _ => Err(self.needs(request)),
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
        if self.journal.len() == self.at {
            self.journal.push(Entry::Loop(first, LoopAt::Asking));
        }
        let Some(Entry::Loop(memory, at)) = self.journal.get_mut(self.at) else {
            unreachable!("the same code asks the same questions")
        };
        match at {
            LoopAt::Asking => Err(self.needs(request)),
            LoopAt::Waiting => Err(Stop::Waits(POLL)),
            LoopAt::Answered(response) => match judge(memory.clone(), response) {
                Next::Done(result) => {
                    self.at += 1;
                    Ok(result)
                }
                Next::Again(next) => {
                    (*memory, *at) = (next, LoopAt::Waiting);
                    Err(Stop::Waits(POLL))
                }
            },
        }
    }
}

//! kubectl: a client like any other, speaking HTTP requests only.
//!
//! A program here runs in virtual time without threads: it is *replayed*. [`Program::run`] executes plain linear code
//! from the start, feeding it the answers it got so far, until it asks for one that is not there yet. So a running
//! program is data: it can be cloned, hashed and rewound with the cluster.

mod apply;
mod args;
mod auth;
mod change;
mod create;
mod delete;
mod drain;
mod expose;
mod failure;
mod get;
mod io;
pub mod jsonpath;
mod manifests;
mod metadata;
mod nodes;
mod patch;
mod resource;
mod rollout;
mod run;
mod scale;
mod server_side;
mod set;
mod table;
mod wait;

use crate::cluster::{HttpRequest, HttpResponse};
use crate::doc::{Doc, Str, Timestamp};
use crate::sim::Duration;

use args::{Args, Flag};
use io::{Io, Stop};

/// A kubectl command that runs, with all it has learned so far.
#[derive(Clone, PartialEq, Hash, Debug)]
pub struct Program {
    args: Vec<Str>,
    stdin: Str,
    started: Timestamp,
    journal: Vec<Entry>,
}

/// What the world told the program, in the order of its questions.
#[derive(Clone, PartialEq, Hash, Debug)]
enum Entry {
    Answer(HttpResponse),
    /// A loop that asks again and again: what it made of the answers, and the newest one.
    Loop(Doc, LoopAt),
}

#[derive(Clone, PartialEq, Hash, Debug)]
enum LoopAt {
    Asking,
    Answered(HttpResponse),
    Waiting,
}

/// What a program needs to go on, or how it ended.
#[derive(Clone, PartialEq, Debug)]
pub enum Progress {
    /// The answer to a request: pass it to [`Program::answer`].
    Needs(HttpRequest),
    /// Time: call [`Program::wake`] after so long.
    Waits(Duration),
    /// It ended.
    Done(Output),
}

/// What a program printed, and its exit code.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Output {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// 0 for success.
    pub exit_code: u8,
}

/// One verb of kubectl.
struct Verb {
    name: &'static str,
    flags: &'static [Flag],
    run: fn(&Args, &mut Io<'_>) -> Result<(), Stop>,
}

/// Every verb there is. A new one is a file and a line here.
const VERBS: &[Verb] = &[
    Verb { name: "annotate", flags: metadata::FLAGS, run: metadata::annotate },
    Verb { name: "apply", flags: apply::FLAGS, run: apply::run },
    Verb { name: "auth", flags: auth::FLAGS, run: auth::run },
    Verb { name: "cordon", flags: nodes::FLAGS, run: nodes::cordon },
    Verb { name: "create", flags: create::FLAGS, run: apply::create },
    Verb { name: "delete", flags: delete::FLAGS, run: delete::run },
    Verb { name: "drain", flags: drain::FLAGS, run: drain::run },
    Verb { name: "expose", flags: expose::FLAGS, run: expose::run },
    Verb { name: "get", flags: get::FLAGS, run: get::run },
    Verb { name: "label", flags: metadata::FLAGS, run: metadata::label },
    Verb { name: "patch", flags: set::PATCH_FLAGS, run: set::patch },
    Verb { name: "rollout", flags: rollout::FLAGS, run: rollout::run },
    Verb { name: "run", flags: run::FLAGS, run: run::run },
    Verb { name: "scale", flags: scale::FLAGS, run: scale::run },
    Verb { name: "set", flags: set::FLAGS, run: set::run },
    Verb { name: "taint", flags: nodes::FLAGS, run: nodes::taint },
    Verb { name: "uncordon", flags: nodes::FLAGS, run: nodes::uncordon },
    Verb { name: "wait", flags: wait::FLAGS, run: wait::run },
];

impl Program {
    /// A command by its words, without the leading `kubectl`. `started` is the date at its start.
    pub fn new(args: Vec<Str>, stdin: Str, started: Timestamp) -> Program {
        Program { args, stdin, started, journal: Vec::new() }
    }

    /// `kubectl apply -f -` with `manifest` as its input.
    pub fn apply(manifest: Str, started: Timestamp) -> Program {
        Program::new(["apply", "-f", "-"].into_iter().map(Str::from).collect(), manifest, started)
    }

    /// A command line, split as a shell does.
    ///
    /// # Errors
    /// A quote is not closed.
    pub fn from_command_line(line: &str, started: Timestamp) -> Result<Program, String> {
        let words = shlex::split(line).ok_or_else(|| "a quote in this command is not closed".to_owned())?;
        let words = words.into_iter().map(Str::from);
        let args = words
            .enumerate()
            .filter(|(at, word)| *at > 0 || word != "kubectl")
            .map(|(_, word)| word)
            .collect();
        Ok(Program::new(args, Str::new(), started))
    }

    /// Its words.
    pub fn args(&self) -> &[Str] {
        &self.args
    }

    /// Runs it as far as it comes.
    pub fn run(&mut self) -> Progress {
        let mut io = Io::new(&mut self.journal, self.stdin.clone(), self.started);
        let stop = execute(&self.args, &mut io).err();
        let (stdout, stderr) = io.output();
        match stop {
            Some(Stop::Needs(request)) => Progress::Needs(request),
            Some(Stop::Waits(length)) => Progress::Waits(length),
            Some(Stop::Exit(exit_code)) => Progress::Done(Output { stdout, stderr, exit_code }),
            None => Progress::Done(Output { stdout, stderr, exit_code: 0 }),
        }
    }

    /// The answer to the request that it needs.
    pub fn answer(&mut self, response: HttpResponse) {
        match self.journal.last_mut() {
            Some(Entry::Loop(_, at @ LoopAt::Asking)) => *at = LoopAt::Answered(response),
            _ => self.journal.push(Entry::Answer(response)),
        }
    }

    /// The time for which it waited is over.
    pub fn wake(&mut self) {
        if let Some(Entry::Loop(_, at @ LoopAt::Waiting)) = self.journal.last_mut() {
            *at = LoopAt::Asking;
        }
    }
}

fn execute(args: &[Str], io: &mut Io<'_>) -> Result<(), Stop> {
    let names = || VERBS.iter().map(|verb| verb.name).collect::<Vec<_>>().join(", ");
    let Some((name, args)) = args::split_verb(args) else {
        io.say(format!("kubectl controls the cluster. Commands here: {}", names()));
        return Ok(());
    };
    let Some(verb) = VERBS.iter().find(|verb| verb.name == name) else {
        return Err(io.fail(format!("unknown command {name:?} for \"kubectl\"\nCommands here: {}", names())));
    };
    let args = Args::parse(verb.name, verb.flags, &args).map_err(|why| io.fail(why))?;
    io.impersonate = args.get("as").unwrap_or("").into();
    (verb.run)(&args, io)
}

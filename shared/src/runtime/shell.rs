//! A small shell: what `sh -c …` in a manifest and `kubectl exec` run in a simulated container.
//!
//! A running program is a position in compiled steps, with its variables: it can stop at any `sleep` or request and go
//! on later, be copied, hashed and rewound with the cluster.

mod code;
mod expand;
mod files;
mod input;
mod lookups;
mod mounts;
mod parse;
mod programs;
mod requests;
mod step;
mod streams;
mod sum;

use std::sync::Arc;

use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::Str;
use crate::sim::Time;

use super::server::Server;
use code::{Block, Code};
pub(super) use files::{Files, Place, absolute};
pub(super) use mounts::{COMPOSED, Mount, OF_IMAGE};
pub(super) use programs::knows;
pub(super) use requests::{Answer, Request};
pub(super) use step::Surroundings;

/// How much a variable, a pipe or a command substitution holds, in bytes.
const LONGEST_TEXT: usize = super::LONGEST_ARGUMENT;
/// What programs read and make at once, in bytes.
const MOST_TEXT: usize = 1 << 20;
/// How many calls may be inside each other.
const DEEPEST: usize = 60;

/// A program that runs in a container.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Task {
    code: Arc<Code>,
    block: u32,
    at: u32,
    pub variables: BTreeMap<Str, Str>,
    functions: BTreeMap<Str, (Arc<Code>, u32)>,
    arguments: Vec<Str>,
    pub directory: Str,
    status: i32,
    frames: Vec<Frame>,
    loops: Vec<Loop>,
    /// What `$(…)` gave, for the words to come.
    values: Vec<Str>,
    /// What `case` looks at.
    subjects: Vec<Str>,
    io: Streams,
    /// What came to it from outside.
    stdin: input::Stdin,
    /// Streams to come back to after compound commands with redirections.
    saved: Vec<Streams>,
    /// Texts that are being collected: of `$(…)`, of pipes.
    buffers: Vec<String>,
    /// What the last stage of a pipe wrote for the next one.
    piped: Option<Str>,
    traps: BTreeMap<Str, Str>,
    /// Signals that wait for the present command to end.
    signals: Vec<Str>,
    pending: Option<Pending>,
    /// What is to be put right when that is over.
    after: Option<After>,
    /// `set -e`
    strict: bool,
    /// Its number among the processes of its container.
    pub pid: u32,
    last_child: u32,
    drawn: u32,
    /// Memory that its programs hold.
    pub memory: u64,
    /// Cores that the present program keeps busy.
    pub cores: u32,
    /// What it answers, if it does.
    pub serves: Option<Server>,
    /// What was written and not taken yet: whether to standard error, and what.
    pub written: Vec<(bool, String)>,
    /// Whether the present program could not write all that it had to.
    short: bool,
    ended: Option<i32>,
    /// How often it used up its turn: a busy loop is slowed down.
    busy: u32,
    /// What the present turn has cost: about how many characters were gone through.
    effort: u64,
}

/// What a task comes back to.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
struct Frame {
    kind: Block,
    code: Arc<Code>,
    block: u32,
    at: u32,
    io: Streams,
    loops: u32,
    /// Variables, arguments and directory, where changes do not last.
    outer: Option<(BTreeMap<Str, Str>, Str)>,
    arguments: Vec<Str>,
    status: i32,
}

#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
struct Loop {
    begin: u32,
    end: u32,
    /// Words to come, last first.
    words: Vec<Str>,
}

/// Where a stream leads.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
enum Sink {
    Out,
    Err,
    Nowhere,
    Buffer,
    /// A file, whose text grows.
    File(Str),
}

#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
struct Streams {
    /// A text to read; the task's own standard input where there is none.
    input: Option<Str>,
    out: Sink,
    err: Sink,
}

/// A command that takes its time.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
struct Pending {
    what: Wait,
    /// When it is cut off, as by `timeout`.
    deadline: Option<Time>,
}

/// What a command that takes its time leaves behind.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
struct After {
    io: Streams,
    variables: Option<BTreeMap<Str, Str>>,
    checked: bool,
}

#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
enum Wait {
    /// `sleep`, or a turn that is over.
    Until(Time),
    Forever,
    Children,
    /// The answer to a request.
    Answer(Box<Request>),
    /// More to read: then the program of this name begins anew.
    Input(Str, Vec<Str>),
    /// Another line for the shell.
    Line,
    /// `tail -f`: the file, how much of it was shown, and when to look again.
    Tail(Str, u64, Time),
    /// The image's own program took over.
    Own,
}

/// What a task needs to go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Progress {
    /// To be run again at a moment, if there is one.
    Waits(Option<Time>),
    /// A request is to be sent.
    Asks(Request, Option<Time>),
    /// The image's own program takes over.
    BecomesOwn,
    Ended(i32),
}

impl Task {
    /// A program by its words, without a shell.
    pub fn of_words(words: &[Str]) -> Task {
        let words =
            words.iter().map(|word| code::Word(vec![code::Part::Text(word.to_string(), true)])).collect();
        let run = code::Op::Run(code::Command { words, ..code::Command::default() });
        let source: Vec<String> = run_words(&run);
        Task::of(Code { source: source.join(" ").into(), blocks: vec![vec![run]], heredocs: Vec::new() })
    }

    fn of(code: Code) -> Task {
        Task {
            code: Arc::new(code),
            block: 0,
            at: 0,
            variables: BTreeMap::new(),
            functions: BTreeMap::new(),
            arguments: Vec::new(),
            directory: "/".into(),
            status: 0,
            frames: Vec::new(),
            loops: Vec::new(),
            values: Vec::new(),
            subjects: Vec::new(),
            io: Streams { input: None, out: Sink::Out, err: Sink::Err },
            stdin: input::Stdin::default(),
            saved: Vec::new(),
            buffers: Vec::new(),
            piped: None,
            traps: BTreeMap::new(),
            signals: Vec::new(),
            pending: None,
            after: None,
            strict: false,
            pid: 1,
            last_child: 0,
            drawn: 0,
            memory: 0,
            cores: 0,
            serves: None,
            written: Vec::new(),
            short: false,
            ended: None,
            busy: 0,
            effort: 0,
        }
    }

    /// A signal: `TERM`, `INT`, `HUP` … Whether it ends the task at once, and with which code.
    pub fn signal(&mut self, name: &str) -> Option<i32> {
        if self.traps.contains_key(name) {
            self.signals.push(name.into());
            // `wait` is interrupted; other commands are waited for.
            if matches!(&self.pending, Some(Pending { what: Wait::Children, .. })) {
                self.go_on();
                self.status = 128 + number_of(name);
            }
            return None;
        }
        if self.interrupted(name) {
            return None;
        }
        // The first process of a container only gets the signals that it has a handler for.
        (self.pid != 1 || name == "KILL").then(|| 128 + number_of(name))
    }

    /// Whether anything runs after a signal was given, right now.
    pub fn is_ready(&self) -> bool {
        self.pending.is_none() && self.ended.is_none()
    }

    /// When it wants to be woken.
    pub fn wakes_at(&self) -> Option<Time> {
        let pending = self.pending.as_ref()?;
        let own = match pending.what {
            Wait::Until(at) | Wait::Tail(_, _, at) => Some(at),
            _ => None,
        };
        own.into_iter().chain(pending.deadline).min()
    }

    /// Whether it waits for its children to end.
    pub fn waits_for_children(&self) -> bool {
        matches!(&self.pending, Some(Pending { what: Wait::Children, .. }))
    }

    /// Its command line, as `ps` shows it.
    pub fn title(&self) -> Str {
        self.code.source.clone()
    }
}

fn run_words(op: &code::Op) -> Vec<String> {
    let code::Op::Run(command) = op else { return Vec::new() };
    let text = |word: &code::Word| match word.0.as_slice() {
        [code::Part::Text(text, _)] => text.clone(),
        _ => String::new(),
    };
    command.words.iter().map(text).collect()
}

/// Numbers of the signals that are used.
pub(super) fn number_of(signal: &str) -> i32 {
    const NAMES: [(&str, i32); 8] = [
        ("HUP", 1),
        ("INT", 2),
        ("QUIT", 3),
        ("KILL", 9),
        ("USR1", 10),
        ("SEGV", 11),
        ("USR2", 12),
        ("TERM", 15),
    ];
    NAMES.iter().find(|(name, _)| *name == signal).map_or(15, |(_, number)| *number)
}

/// `TERM`, `SIGTERM` or `15` as `TERM`.
pub(super) fn signal_name(text: &str) -> Option<&'static str> {
    let text = text.strip_prefix("SIG").unwrap_or(text);
    ["HUP", "INT", "QUIT", "KILL", "USR1", "SEGV", "USR2", "TERM"]
        .into_iter()
        .find(|name| *name == text || number_of(name).to_string() == text)
}

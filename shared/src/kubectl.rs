//! kubectl: a client like any other, speaking HTTP requests only.
//!
//! A program here runs in virtual time without threads: it is *replayed*. [`Program::run`] executes plain linear code
//! from the start, feeding it the answers it got so far, until it asks for one that is not there yet. So a running
//! program is data: it can be cloned, hashed and rewound with the cluster.

mod api;
mod apply;
mod args;
mod auth;
mod autoscale;
mod certificate;
mod change;
mod config;
mod create;
mod debug;
mod delete;
mod describe;
mod diff;
mod discovery;
mod drain;
mod dump;
mod edit;
mod elsewhere;
mod events;
mod exec;
mod explain;
mod expose;
mod failure;
mod forward;
mod get;
mod go_sort;
mod help;
mod input;
mod io;
mod kyaml;
mod last_applied;
pub use crate::doc::jsonpath;
mod logs;
mod manifests;
mod metadata;
mod nodes;
mod patch;
mod pods;
mod printed;
mod printer;
mod prune;
mod raw;
mod replace;
mod resource;
mod rollout;
mod run;
mod scale;
mod server_side;
mod set;
mod table;
mod tabs;
mod template;
mod top;
mod typed;
mod wait;
mod watch;
mod words;

use crate::cluster::{HttpRequest, HttpResponse};
use crate::doc::{Doc, Str, Timestamp};
use crate::sim::Duration;

use args::{Args, Flag};
use input::Input;
use io::{Dealt, Io, Stop};
use printed::Printed;

pub use printed::Seen;
pub use words::words;

/// A kubectl command that runs, with all it has learned so far.
#[derive(Clone, PartialEq, Hash, Debug)]
pub struct Program {
    args: Vec<Str>,
    stdin: Input,
    started: Timestamp,
    /// The kubeconfig; `null` for the one that a new cluster comes with.
    config: Doc,
    journal: Vec<Entry>,
    printed: Printed,
    interrupted: bool,
    /// Whether it goes on after Ctrl-C.
    heeds: bool,
}

/// What the world told the program, in the order of its questions.
#[derive(Clone, PartialEq, Hash, Debug)]
enum Entry {
    Answer(HttpResponse),
    /// What the person in front of the terminal gave back.
    Reply(Reply),
    /// Many things that are dealt with one after the other: what became of those that are done.
    Each(Dealt),
    /// A loop that asks again and again: what it made of the answers, and the newest one.
    Loop(Doc, LoopAt),
}

#[derive(Clone, PartialEq, Hash, Debug)]
enum LoopAt {
    Asking,
    /// Until this date, if it ends.
    Watching(Option<Timestamp>),
    Answered(HttpResponse),
    /// It ended with this answer.
    Ended(HttpResponse),
    Waiting,
}

/// What a program hands to the person in front of the terminal.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Ask {
    /// A text to edit. The reply is the text as it was saved; without an editor, the same text.
    Edit(Str),
    /// Ports of a pod to be reached from here, until the program is interrupted.
    Forward {
        /// The pod's namespace.
        namespace: Str,
        /// The pod.
        pod: Str,
        /// Ports here, and the pod's.
        ports: Vec<(u16, u16)>,
    },
    /// The text of a file that lies with the person. Without anybody it is empty.
    Load(Str),
    /// A text to be kept as a file of this name.
    Save {
        /// The file's name.
        name: Str,
        /// What is in it.
        text: Str,
    },
}

/// What comes back.
pub type Reply = Str;

/// What a program needs to go on, or how it ended.
#[derive(Clone, PartialEq, Debug)]
pub enum Progress {
    /// The answer to a request: pass it to [`Program::answer`].
    Needs(HttpRequest),
    /// The same of a request that runs a program in a container. Whoever can may tell what that writes as it comes
    /// ([`Program::receive`]), and where the request has a `tty` let people type to it.
    Runs(HttpRequest),
    /// What a watch tells: pass it to [`Program::answer`], and an empty text at this date. The same watch goes on while
    /// the same is wanted ([`crate::cluster::Watching`]).
    Watches(HttpRequest, Option<Timestamp>),
    /// Time: call [`Program::wake`] after so long.
    Waits(Duration),
    /// A person: pass what comes back to [`Program::reply`]. Where nobody sits, that is [`Ask::unattended`].
    Asks(Ask),
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
    Verb { name: "alpha", flags: &[], run: elsewhere::alpha },
    Verb { name: "annotate", flags: metadata::FLAGS, run: metadata::annotate },
    Verb { name: "api-resources", flags: api::RESOURCES_FLAGS, run: api::resources },
    Verb { name: "api-versions", flags: &[], run: api::versions },
    Verb { name: "apply", flags: apply::FLAGS, run: apply::run },
    Verb { name: "attach", flags: exec::FLAGS, run: exec::attach },
    Verb { name: "auth", flags: auth::FLAGS, run: auth::run },
    Verb { name: "autoscale", flags: autoscale::FLAGS, run: autoscale::run },
    Verb { name: "certificate", flags: certificate::FLAGS, run: certificate::run },
    Verb { name: "cluster-info", flags: dump::FLAGS, run: api::cluster_info },
    Verb { name: "completion", flags: &[], run: elsewhere::completion },
    Verb { name: "config", flags: config::FLAGS, run: config::run },
    Verb { name: "cordon", flags: nodes::FLAGS, run: nodes::cordon },
    Verb { name: "cp", flags: exec::COPY_FLAGS, run: exec::copy },
    Verb { name: "create", flags: create::FLAGS, run: apply::create },
    Verb { name: "debug", flags: debug::FLAGS, run: debug::run },
    Verb { name: "delete", flags: delete::FLAGS, run: delete::run },
    Verb { name: "describe", flags: describe::FLAGS, run: describe::run },
    Verb { name: "diff", flags: diff::FLAGS, run: diff::run },
    Verb { name: "drain", flags: drain::FLAGS, run: drain::run },
    Verb { name: "edit", flags: edit::FLAGS, run: edit::run },
    Verb { name: "events", flags: events::FLAGS, run: events::run },
    Verb { name: "exec", flags: exec::FLAGS, run: exec::run },
    Verb { name: "explain", flags: explain::FLAGS, run: explain::run },
    Verb { name: "expose", flags: expose::FLAGS, run: expose::run },
    Verb { name: "get", flags: get::FLAGS, run: get::run },
    Verb { name: "kuberc", flags: &[], run: elsewhere::kuberc },
    Verb { name: "kustomize", flags: elsewhere::KUSTOMIZE_FLAGS, run: elsewhere::kustomize },
    Verb { name: "label", flags: metadata::FLAGS, run: metadata::label },
    Verb { name: "logs", flags: logs::FLAGS, run: logs::run },
    Verb { name: "options", flags: &[], run: elsewhere::options },
    Verb { name: "patch", flags: set::PATCH_FLAGS, run: set::patch },
    Verb { name: "plugin", flags: &[], run: elsewhere::plugin },
    Verb { name: "port-forward", flags: forward::FLAGS, run: forward::run },
    Verb { name: "proxy", flags: elsewhere::PROXY_FLAGS, run: elsewhere::proxy },
    Verb { name: "replace", flags: replace::FLAGS, run: replace::run },
    Verb { name: "rollout", flags: rollout::FLAGS, run: rollout::run },
    Verb { name: "run", flags: run::FLAGS, run: run::run },
    Verb { name: "scale", flags: scale::FLAGS, run: scale::run },
    Verb { name: "set", flags: set::FLAGS, run: set::run },
    Verb { name: "taint", flags: nodes::TAINT_FLAGS, run: nodes::taint },
    Verb { name: "top", flags: top::FLAGS, run: top::run },
    Verb { name: "uncordon", flags: nodes::FLAGS, run: nodes::uncordon },
    Verb { name: "version", flags: api::VERSION_FLAGS, run: api::version },
    Verb { name: "wait", flags: wait::FLAGS, run: wait::run },
];

/// The code of what Ctrl-C answers in place of the server.
const INTERRUPTED: u32 = 499;

impl Ask {
    /// What comes back where nobody sits in front of the terminal.
    pub fn unattended(&self) -> Reply {
        match self {
            Ask::Edit(text) => text.clone(),
            Ask::Forward { .. } | Ask::Load(_) | Ask::Save { .. } => Reply::new(),
        }
    }
}

impl Program {
    /// A command by its words, without the leading `kubectl`. `started` is the date at its start.
    pub fn new(args: Vec<Str>, stdin: Str, started: Timestamp) -> Program {
        Program {
            args,
            stdin: stdin.into(),
            started,
            config: Doc::Null,
            journal: Vec::new(),
            printed: Printed::default(),
            interrupted: false,
            heeds: false,
        }
    }

    /// The same with a kubeconfig that somebody changed before ([`Program::config`]).
    pub fn with_config(self, config: Doc) -> Program {
        Program { config, ..self }
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

    /// The kubeconfig as the program leaves it; `null` while nobody changed it.
    pub fn config(&self) -> &Doc {
        &self.config
    }

    /// What it printed since somebody last looked, also while it still runs.
    pub fn printed(&self, seen: &mut Seen) -> Output {
        self.printed.since(seen)
    }

    /// Runs it as far as it comes.
    pub fn run(&mut self) -> Progress {
        if self.interrupted {
            return Progress::Done(self.ended(1));
        }
        self.heeds = false;
        let mut config = self.config.clone();
        let mut io = Io::new(&mut self.journal, &mut config, &self.stdin, self.started);
        let stop = execute(&self.args, &mut io).err();
        let (said, streamed) = io.output();
        self.printed.add(streamed, said);
        let exit_code = match stop {
            Some(Stop::Needs(request)) => return Progress::Needs(request),
            Some(Stop::Runs(request)) => return Progress::Runs(request),
            Some(Stop::Attends(request)) => {
                self.heeds = true;
                return Progress::Needs(request);
            }
            Some(Stop::Watches(request, until)) => return Progress::Watches(request, until),
            Some(Stop::Waits(length)) => return Progress::Waits(length),
            Some(Stop::Asks(ask)) => return Progress::Asks(ask),
            Some(Stop::Exit(exit_code)) => exit_code,
            None => 0,
        };
        self.config = config;
        Progress::Done(self.ended(exit_code))
    }

    /// Everything it printed.
    fn ended(&self, exit_code: u8) -> Output {
        Output { exit_code, ..self.printed.since(&mut Seen::default()) }
    }

    /// Ctrl-C: the next [`Program::run`] says that it ended, unless it knows better. `so_far` is what came of an answer
    /// that goes on.
    pub fn interrupt(&mut self, so_far: &str) {
        if std::mem::take(&mut self.heeds) {
            self.answer(HttpResponse { code: INTERRUPTED, body: so_far.into(), warnings: Vec::new() });
        } else {
            self.interrupted = true;
        }
    }

    /// What came so far of an answer that goes on, as a log that is followed, for both outputs; all of it, from its
    /// beginning.
    pub fn receive(&mut self, stdout: &str, stderr: &str) {
        self.printed.receive(stdout, stderr);
    }

    /// The answer to the request that it needs.
    pub fn answer(&mut self, response: HttpResponse) {
        match self.journal.last_mut() {
            Some(Entry::Loop(_, at @ (LoopAt::Asking | LoopAt::Watching(_)))) => {
                *at = LoopAt::Answered(response);
            }
            _ => self.journal.push(Entry::Answer(response)),
        }
        self.printed.received();
    }

    /// What came back of that which it handed out.
    pub fn reply(&mut self, reply: Reply) {
        self.journal.push(Entry::Reply(reply));
    }

    /// The time for which it waited is over.
    pub fn wake(&mut self) {
        if let Some(Entry::Loop(_, at @ LoopAt::Waiting)) = self.journal.last_mut() {
            *at = LoopAt::Asking;
        }
    }
}

/// A number of seconds, or a length of time.
fn is_timeout(text: &str) -> bool {
    text.parse::<i64>().is_ok() || Duration::parse(text).is_some()
}

fn execute(args: &[Str], io: &mut Io<'_>) -> Result<(), Stop> {
    let Some((name, rest)) = args::split_verb(args) else {
        Args::parse("", &[], args, "").map_err(|why| io.fail(why))?;
        help::all(io);
        return Ok(());
    };
    if let Some(flag) = args::unknown_before(args, &name) {
        io.warn(format!("Error: flags cannot be placed before plugin name: {flag}"));
        return Err(Stop::Exit(1));
    }
    let args = rest;
    if name == "help" {
        return help::run(&args, io);
    }
    let Some(verb) = VERBS.iter().find(|verb| verb.name == name) else {
        return Err(help::unknown(&name, io));
    };
    let namespace = config::namespace(io.config);
    let mut args = match Args::parse(verb.name, verb.flags, &args, &namespace) {
        Ok(args) => args,
        // What it is told by 1 is a difference.
        Err(why) if verb.name == "diff" => {
            let why = why.replace(
                "See 'kubectl diff --help' for usage.",
                "See 'kubectl diff -h' for help and examples",
            );
            io.fail(why);
            return Err(Stop::Exit(2));
        }
        Err(why) => return Err(io.fail(why)),
    };
    if args.is_on("help") {
        help::of(&help::path(verb.name, args.words.iter().map(String::as_str)), io);
        return Ok(());
    }
    for _ in args.all("record") {
        io.warn("Flag --record has been deprecated, --record will be removed in the future");
    }
    io.record(args.to_record(verb.name));
    // `config` writes what the others choose from; `set subject` has users of its own.
    if !matches!(verb.name, "config" | "set" | "create") {
        config::choose(&mut args, io)?;
    }
    if let Some(text) = args.get("request-timeout")
        && !is_timeout(text)
    {
        return Err(io.fail(
            "Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a \
             corresponding time unit (e.g. 1s | 2m | 3h)",
        ));
    }
    let dry = args.get("dry-run").unwrap_or("none");
    if let Some((place, new)) = match args::truth(dry) {
        None if dry == "unchanged" => Some(("helpers.go:719", "client")),
        None => None,
        Some(true) => Some(("helpers.go:733", "client")),
        Some(false) => Some(("helpers.go:736", "none")),
    } {
        let old = if dry == "unchanged" {
            " is deprecated".into()
        } else {
            format!("={dry} is deprecated (boolean value)")
        };
        let text = format!("--dry-run{old} and can be replaced with --dry-run={new}.");
        io.warn(io::logged(place, &text, io));
    }
    io.speak_for(&args)?;
    if let Some(path) = args.get("kustomize") {
        if args.get("filename").is_some() {
            return Err(io.fail("only one of -f or -k can be specified"));
        }
        return Err(elsewhere::no_directory(path, io));
    }
    (verb.run)(&args, io)
}

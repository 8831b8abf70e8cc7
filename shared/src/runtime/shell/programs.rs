//! The programs that every container has, and what the shell itself can do.

mod agnhost;
mod awk;
mod builtin;
mod date;
mod expr;
mod fill;
mod kernel;
mod listing;
mod modes;
pub(super) mod ping;
mod stat;
mod tar;
mod terminal;
mod text;

use crate::doc::Str;
use crate::sim::{Duration, Time};

use super::super::server::{Server, Service};
use super::code::Block;
use super::files::absolute;
use super::step::Surroundings;
use super::{DEEPEST, Sink, Task, Wait, parse};

/// What became of a program.
pub(super) enum Done {
    /// It ended.
    Status(i32),
    /// It takes its time, perhaps cut off at a moment.
    Waits(Wait, Option<Time>),
    /// It is to be begun anew when there is more to read.
    NeedsInput,
    /// The task itself went on to something else (`exit`, another shell).
    Elsewhere,
}

type Program = fn(&mut Task, &[Str], &mut Surroundings<'_>) -> Done;

/// Programs by name; what the shell itself knows is in [`builtin`].
const PROGRAMS: &[(&str, Program)] = &[
    ("/agnhost", agnhost::agnhost),
    ("/agnhost-2", agnhost::agnhost),
    ("awk", awk::awk),
    ("base64", text::base64),
    ("basename", text::basename),
    ("cat", text::cat),
    ("chmod", modes::chmod),
    ("chown", quiet),
    ("chroot", listing::chroot),
    ("clear", quiet),
    ("cp", listing::cp),
    ("curl", |task, args, world| task.curl(args, world)),
    ("cut", text::cut),
    ("date", date::date),
    ("dd", fill::dd),
    ("df", listing::df),
    ("dig", |task, args, _| task.dig(args)),
    ("dirname", text::dirname),
    ("du", fill::du),
    ("env", env),
    ("expr", expr::expr),
    ("fallocate", fill::fallocate),
    ("find", listing::find),
    ("free", listing::free),
    ("getent", |task, args, _| task.getent(args)),
    ("grep", text::grep),
    ("head", text::head),
    ("hostname", hostname),
    ("httpd", httpd),
    ("id", id),
    ("ip", kernel::ip),
    ("ls", listing::ls),
    ("mkdir", listing::mkdir),
    ("mount", kernel::mount),
    ("mv", listing::mv),
    ("nc", |task, args, _| task.nc(args)),
    ("nproc", |task, _, world| say(task, "1\n", world)),
    ("nslookup", |task, args, world| task.nslookup(args, world)),
    ("ping", ping::ping),
    ("printenv", env),
    ("ps", ps),
    ("rm", listing::rm),
    ("sed", text::sed),
    ("seq", text::seq),
    ("sleep", sleep),
    ("sort", text::sort),
    ("stat", stat::stat),
    ("stress", stress),
    ("stty", terminal::stty),
    ("sync", quiet),
    ("sysctl", kernel::sysctl),
    ("tail", text::tail),
    ("tar", tar::tar),
    ("tee", text::tee),
    ("timeout", timeout),
    ("top", unending),
    ("touch", listing::touch),
    ("tr", text::tr),
    ("tty", terminal::tty),
    ("uname", uname),
    ("uniq", text::uniq),
    ("uptime", |task, _, world| {
        let text = format!(" {} up 1 day\n", date::clock(world));
        say(task, &text, world)
    }),
    ("watch", unending),
    ("wc", text::wc),
    ("wget", |task, args, world| task.wget(args, world)),
    ("whoami", |task, _, world| {
        let text =
            if world.user == 0 { "root\n".into() } else { format!("whoami: unknown uid {}\n", world.user) };
        say(task, &text, world)
    }),
    ("yes", yes),
];

const SHELLS: [&str; 3] = ["sh", "ash", "bash"];
const FIRST_PATHS: [&str; 6] = ["/bin/", "/usr/bin/", "/usr/local/bin/", "/sbin/", "/usr/sbin/", ""];

/// The plain name of a program in one of the usual directories.
fn plain(name: &str) -> &str {
    FIRST_PATHS
        .iter()
        .find_map(|path| name.strip_prefix(path))
        .filter(|name| !name.contains('/'))
        .unwrap_or(name)
}

/// The names of the programs that every image has, as `/bin` lists them.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    // What begins with a slash lies elsewhere.
    let others = PROGRAMS.iter().map(|(name, _)| *name).filter(|name| !name.starts_with('/'));
    SHELLS.into_iter().chain(builtin::FILES).chain(others)
}

/// Whether every image has this program.
pub(in crate::runtime) fn knows(name: &str) -> bool {
    let name = plain(name);
    SHELLS.contains(&name)
        || builtin::PROGRAMS.contains(&name)
        || PROGRAMS.iter().any(|(known, _)| *known == name)
}

impl Task {
    /// Runs a program, or a command of the shell's own.
    pub(super) fn program(&mut self, name: &str, args: Vec<Str>, world: &mut Surroundings<'_>) -> Done {
        // `timeout 1 env timeout 1 env …`
        if world.inside == DEEPEST {
            return fail(self, &format!("sh: {name}: Resource temporarily unavailable"), world);
        }
        world.inside += 1;
        let done = self.known_program(name, args, world);
        world.inside -= 1;
        done
    }

    fn known_program(&mut self, name: &str, args: Vec<Str>, world: &mut Surroundings<'_>) -> Done {
        if let Some(done) = self.builtin(name, &args, world) {
            return done;
        }
        let known = plain(name);
        if SHELLS.contains(&known) {
            return self.shell(known, &args, world);
        }
        if let Some((_, program)) = PROGRAMS.iter().find(|(program, _)| *program == known) {
            return program(self, &args, world);
        }
        if name.contains('/')
            && let Ok(script) = world.place.read(&absolute(&self.directory, name))
        {
            return self.another(&script, args, world);
        }
        let own = !world.own.is_empty() && known.starts_with(world.own);
        if own || world.trusting {
            return Done::Waits(Wait::Own, None);
        }
        self.write(true, &format!("sh: {name}: not found\n"), world);
        Done::Status(127)
    }

    /// `sh -c SCRIPT`, `sh FILE`, or a script on standard input.
    fn shell(&mut self, name: &str, args: &[Str], world: &mut Surroundings<'_>) -> Done {
        let mut rest = args.iter();
        let mut from_text = false;
        let mut strict = false;
        let script = loop {
            match rest.next().map(Str::as_str) {
                Some(flags) if flags.starts_with('-') => {
                    from_text |= flags.contains('c');
                    strict |= flags.contains('e');
                    if flags == "--" {
                        break rest.next().cloned();
                    }
                }
                Some(word) => break Some(word.into()),
                None => break None,
            }
        };
        let text = match script {
            Some(script) if from_text => script,
            Some(file) => match world.place.read(&absolute(&self.directory, &file)) {
                Ok(text) => text.as_str().into(),
                Err(why) => {
                    self.write(true, &format!("sh: can't open '{file}': {why}\n"), world);
                    return Done::Status(127);
                }
            },
            None if self.io.input.is_none() => {
                self.read_commands(name, world);
                self.strict |= strict;
                return Done::Elsewhere;
            }
            None => self.io.input.replace(Str::new()).unwrap_or_default(),
        };
        // `sh -c 'echo $1' name one`: the first is the shell's own name.
        let rest: Vec<Str> = rest.skip(usize::from(from_text)).cloned().collect();
        let done = self.another(&text, rest, world);
        self.strict |= strict;
        done
    }

    /// Runs a script as a program of its own.
    fn another(&mut self, script: &str, args: Vec<Str>, world: &mut Surroundings<'_>) -> Done {
        match parse::compile(script) {
            Ok(code) => {
                self.status = 0;
                self.enter(Block::Subshell, code.into(), 0, args);
                Done::Elsewhere
            }
            Err(why) => {
                self.write(true, &format!("sh: {why}\n"), world);
                Done::Status(2)
            }
        }
    }
}

/// Prints, and succeeds.
fn say(task: &mut Task, text: &str, world: &mut Surroundings<'_>) -> Done {
    task.write(false, text, world);
    Done::Status(0)
}

/// Complains, and fails.
fn fail(task: &mut Task, text: &str, world: &mut Surroundings<'_>) -> Done {
    task.write(true, &format!("{text}\n"), world);
    Done::Status(1)
}

fn quiet(_: &mut Task, _: &[Str], _: &mut Surroundings<'_>) -> Done {
    Done::Status(0)
}

/// Says its words, or `y`, for ever, and keeps a core busy with it; a little of it is enough.
fn yes(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    const SAID: usize = 100;
    let words = if args.is_empty() { "y".to_owned() } else { args.join(" ") };
    task.write(false, &format!("{words}\n").repeat(SAID), world);
    if task.io.out == Sink::Buffer {
        // Whoever reads has had enough.
        return Done::Status(0);
    }
    task.cores = 1;
    Done::Waits(Wait::Forever, None)
}

/// Programs that go on until somebody ends them, and of which nothing else is played.
fn unending(_: &mut Task, _: &[Str], _: &mut Surroundings<'_>) -> Done {
    Done::Waits(Wait::Forever, None)
}

/// `env`, `env NAME=value program …`, `printenv NAME`.
fn env(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    if let Some(name) = args.first() {
        if let Some(value) = task.variables.get(name.as_str()).cloned() {
            return say(task, &format!("{value}\n"), world);
        }
        let rest: Vec<Str> =
            args.iter().skip_while(|arg| arg.contains('=') || arg.starts_with('-')).cloned().collect();
        let Some((program, words)) = rest.split_first() else { return Done::Status(1) };
        for (name, value) in args.iter().map_while(|arg| arg.split_once('=')) {
            task.variables.insert(name.into(), value.into());
        }
        return task.program(program, words.to_vec(), world);
    }
    let text: String = task.variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    say(task, &text, world)
}

/// `hostname`, with `-i` its address, with `-f`, `-d` and `-s` as `/etc/hosts` has it: whole, its domain, its first part.
fn hostname(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let flags: String = args.iter().filter_map(|arg| arg.strip_prefix('-')).collect();
    let address = std::net::Ipv4Addr::from(world.ip).to_string();
    let hosts = world.place.read("etc/hosts").unwrap_or_default();
    let mut lines = hosts.lines().map(str::split_whitespace);
    let own = lines.find_map(|mut words| if words.next() == Some(&address) { words.next() } else { None });
    let whole = own.unwrap_or(world.hostname);
    let text = match flags.chars().find(|flag| "ifds".contains(*flag)) {
        Some('i') => &address,
        Some('f') => whole,
        Some('d') => whole.split_once('.').map_or("", |(_, domain)| domain),
        Some('s') => world.hostname.split('.').next().unwrap_or(""),
        _ => world.hostname,
    };
    let text = format!("{text}\n");
    say(task, &text, world)
}

fn id(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let name = |number: i64| if number == 0 { "0(root)".to_owned() } else { number.to_string() };
    let text = match args.first().map(Str::as_str) {
        Some("-u") => format!("{}\n", world.user),
        Some("-g") => format!("{}\n", world.group),
        _ => {
            let (user, group) = (name(world.user), name(world.group));
            format!("uid={user} gid={group} groups={group}\n")
        }
    };
    say(task, &text, world)
}

fn uname(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let all = format!("Linux {} 6.12.48 #1 SMP PREEMPT_DYNAMIC x86_64 GNU/Linux\n", world.hostname);
    let text = match args.first().map_or("-s", Str::as_str) {
        "-a" => all.as_str(),
        "-r" => "6.12.48\n",
        "-m" => "x86_64\n",
        "-n" => return hostname(task, &[], world),
        _ => "Linux\n",
    };
    say(task, text, world)
}

fn ps(task: &mut Task, _: &[Str], world: &mut Surroundings<'_>) -> Done {
    let user = if world.user == 0 { "root".to_owned() } else { world.user.to_string() };
    let line = |pid: u32, title: &str| {
        let title: String = title.lines().next().unwrap_or("").chars().take(60).collect();
        format!("{pid:5} {user:<8}  0:00 {title}\n")
    };
    let mut text = "PID   USER     TIME  COMMAND\n".to_owned();
    world.processes.iter().for_each(|(pid, title)| text.push_str(&line(*pid, title)));
    // It sees itself, whether a shell started it or nobody did.
    if !world.processes.iter().any(|(pid, title)| *pid == task.pid && title.starts_with("ps")) {
        text.push_str(&line(world.next_pid, "ps"));
    }
    say(task, &text, world)
}

/// `5`, `1.5`, `2m`, `1h`, `1d`, `infinity`; nothing for what is none of these.
pub(super) fn length(text: &str) -> Option<Option<Duration>> {
    if matches!(text, "infinity" | "inf") {
        return Some(None);
    }
    let (number, unit) = match text.char_indices().last()? {
        (at, unit @ ('s' | 'm' | 'h' | 'd')) => (&text[..at], unit),
        _ => (text, 's'),
    };
    let factor = match unit {
        's' => 1000,
        'm' => 60_000,
        'h' => 3_600_000,
        _ => 86_400_000,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let thousandths: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    if number.is_empty() || number == "." {
        return None;
    }
    Some(Some(Duration(
        whole.saturating_mul(factor).saturating_add(thousandths.saturating_mul(factor) / 1000),
    )))
}

fn sleep(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let mut total = Duration::ZERO;
    for arg in args {
        match length(arg) {
            Some(Some(part)) => total = total + part,
            Some(None) => return Done::Waits(Wait::Forever, None),
            None => return fail(task, &format!("sleep: invalid number '{arg}'"), world),
        }
    }
    if args.is_empty() {
        return fail(task, "sleep: missing operand", world);
    }
    Done::Waits(Wait::Until(world.now + total), None)
}

/// `timeout SECONDS program …`
fn timeout(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let mut rest = args.iter().skip_while(|arg| arg.starts_with('-'));
    let limit = rest.next().and_then(|text| length(text));
    let (Some(limit), Some(program)) = (limit, rest.next()) else {
        return fail(task, "timeout: missing operand", world);
    };
    let done = task.program(program, rest.cloned().collect(), world);
    match (done, limit) {
        (Done::Waits(what, deadline), Some(limit)) => {
            let mine = world.now + limit;
            Done::Waits(what, Some(deadline.map_or(mine, |deadline| deadline.min(mine))))
        }
        (done, _) => done,
    }
}

/// `stress --cpu N --vm N --vm-bytes AMOUNT`: cores and memory are what is simulated of it.
fn stress(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let value = |name: &str| {
        let at = args.iter().position(|arg| arg == name)?;
        args.get(at + 1)
    };
    let number = |long, short| {
        let text = value(long).or_else(|| value(short));
        text.and_then(|text| text.parse::<u32>().ok()).unwrap_or(0)
    };
    let (cores, workers) = (number("--cpu", "-c"), number("--vm", "-m"));
    let amount = value("--vm-bytes").map_or(256 << 20, |text| bytes(text));
    let dispatched =
        format!("stress: info: [{}] dispatching hogs: {cores} cpu, 0 io, {workers} vm, 0 hdd\n", task.pid);
    task.write(false, &dispatched, world);
    task.memory = task.memory.saturating_add(u64::from(workers).saturating_mul(amount));
    task.cores = cores.saturating_add(workers);
    let limit = value("--timeout").or_else(|| value("-t")).and_then(|text| length(text)).flatten();
    match limit {
        Some(limit) => Done::Waits(Wait::Until(world.now + limit), None),
        None => Done::Waits(Wait::Forever, None),
    }
}

/// `150M` as bytes.
fn bytes(text: &str) -> u64 {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[digits.len()..].chars().next() {
        Some('k' | 'K') => 10,
        Some('m' | 'M') => 20,
        Some('g' | 'G') => 30,
        _ => 0,
    };
    digits.parse::<u64>().unwrap_or(0).saturating_mul(1 << shift)
}

/// `httpd -f -p PORT -h DIRECTORY`
fn httpd(task: &mut Task, args: &[Str], _: &mut Surroundings<'_>) -> Done {
    let value = |name: &str| {
        let at = args.iter().position(|arg| arg == name)?;
        args.get(at + 1)
    };
    let port = value("-p").and_then(|text| text.rsplit(':').next()?.parse().ok()).unwrap_or(80);
    let root = value("-h").map_or("/", Str::as_str);
    let service = Service::Files(absolute(&task.directory, root).into(), false);
    task.serves = Some(Server::new([port], service));
    if args.iter().any(|arg| arg.starts_with("-f") || arg == "-vf") {
        return Done::Waits(Wait::Forever, None);
    }
    Done::Status(0)
}

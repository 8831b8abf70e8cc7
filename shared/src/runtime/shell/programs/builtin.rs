//! What the shell does itself.

use crate::doc::Str;

use super::super::files::{self, absolute};
use super::super::step::Surroundings;
use super::super::{LONGEST_TEXT, Task, Wait, signal_name};
use super::{Done, fail, knows, say};

/// Commands of the shell's own that are programs as well, so that they can be run without a shell.
pub(super) const PROGRAMS: [&str; 9] =
    ["echo", "false", "kill", "printf", "pwd", "test", "true", "[", "wait"];
/// Those of them that are files.
pub(super) const FILES: [&str; 8] = ["echo", "false", "kill", "printf", "pwd", "test", "true", "["];

/// No field of `printf` is wider.
const WIDEST: usize = 10_000;
/// So many words are one condition at the most.
const MOST_WORDS: usize = 256;

impl Task {
    pub(super) fn builtin(&mut self, name: &str, args: &[Str], world: &mut Surroundings<'_>) -> Option<Done> {
        let number =
            |at: usize, fallback: i32| args.get(at).and_then(|text| text.parse().ok()).unwrap_or(fallback);
        Some(match super::plain(name) {
            ":" | "true" | "umask" | "ulimit" | "hash" => Done::Status(0),
            "false" => Done::Status(1),
            "echo" => {
                let text = echo(args);
                say(self, &text, world)
            }
            "printf" => {
                let text = printf(args);
                say(self, &text, world)
            }
            "pwd" => {
                let text = format!("{}\n", files::seen(&self.directory));
                say(self, &text, world)
            }
            "test" => Done::Status(self.test(args, world)),
            "[" | "[[" => {
                let inner = args.split_last().map_or(args, |(_, inner)| inner);
                Done::Status(self.test(inner, world))
            }
            "cd" => self.change_directory(args, world),
            "exit" => {
                self.exit(number(0, self.status));
                Done::Elsewhere
            }
            "return" => {
                self.give_back(number(0, self.status));
                Done::Elsewhere
            }
            "break" | "continue" => {
                self.out_of(number(0, 1).max(1).cast_unsigned(), name == "continue");
                Done::Elsewhere
            }
            "set" => {
                let flags = args.first().map_or("", Str::as_str);
                if flags == "--" {
                    self.arguments = args[1..].to_vec();
                } else if flags.contains('e') {
                    self.strict = flags.starts_with('-');
                }
                Done::Status(0)
            }
            "export" | "local" | "readonly" | "declare" => {
                for (name, value) in args.iter().filter_map(|arg| arg.split_once('=')) {
                    self.variables.insert(name.into(), value.into());
                }
                Done::Status(0)
            }
            "unset" => {
                args.iter().for_each(|name| {
                    self.variables.remove(name.as_str());
                });
                Done::Status(0)
            }
            "shift" => {
                let count = (number(0, 1).max(0).cast_unsigned() as usize).min(self.arguments.len());
                self.arguments.drain(..count);
                Done::Status(0)
            }
            "read" => self.read(args),
            "trap" => {
                if let Some((action, signals)) = args.split_first() {
                    for signal in signals {
                        let name = if matches!(signal.as_str(), "EXIT" | "0") {
                            Some("EXIT")
                        } else {
                            signal_name(signal)
                        };
                        let Some(name) = name else { continue };
                        if action == "-" {
                            self.traps.remove(name);
                        } else {
                            self.traps.insert(name.into(), action.clone());
                        }
                    }
                }
                Done::Status(0)
            }
            "wait" => Done::Waits(Wait::Children, None),
            "eval" => {
                let text = args.join(" ");
                self.evaluate(&text, world)
            }
            "." | "source" => {
                let file = args.first().cloned().unwrap_or_default();
                match world.place.read(&absolute(&self.directory, &file)) {
                    Ok(text) => self.evaluate(&text, world),
                    Err(why) => fail(self, &format!("sh: .: can't open '{file}': {why}"), world),
                }
            }
            "exec" => {
                let Some((program, rest)) = args.split_first() else { return Some(Done::Status(0)) };
                let (program, rest) = (program.clone(), rest.to_vec());
                self.replaced();
                return Some(self.program(&program, rest, world));
            }
            "kill" => self.kill(args, world),
            // `command program …` runs it; with `-v`, like `which`, it is only looked for.
            "command" if args.first().is_some_and(|first| !first.starts_with('-')) => {
                return Some(self.program(&args[0], args[1..].to_vec(), world));
            }
            "type" | "which" | "command" => {
                let name = args.iter().find(|arg| !arg.starts_with('-')).cloned().unwrap_or_default();
                if knows(&name) { say(self, &format!("/bin/{name}\n"), world) } else { Done::Status(127) }
            }
            _ => return None,
        })
    }

    fn change_directory(&mut self, args: &[Str], world: &mut Surroundings<'_>) -> Done {
        let home = self.variables.get("HOME").cloned().unwrap_or_else(|| "/".into());
        let to = args.first().unwrap_or(&home);
        let path = absolute(&self.directory, to);
        if !world.place.is_directory(&path) {
            return fail(self, &format!("sh: cd: can't cd to {to}: No such file or directory"), world);
        }
        self.directory = files::moved(&self.directory, &path).into();
        Done::Status(0)
    }

    /// Runs a text as part of the present script.
    fn evaluate(&mut self, text: &str, world: &mut Surroundings<'_>) -> Done {
        match super::parse::compile(text) {
            Ok(code) => {
                self.status = 0;
                let arguments = self.arguments.clone();
                self.enter(super::Block::Function, code.into(), 0, arguments);
                Done::Elsewhere
            }
            Err(why) => {
                self.complain(&why, world);
                Done::Elsewhere
            }
        }
    }

    /// Takes a line from standard input into variables.
    fn read(&mut self, args: &[Str]) -> Done {
        let line = match self.take_line() {
            Some(line) if line.is_empty() => return Done::Status(1),
            Some(line) => line,
            None => return Done::NeedsInput,
        };
        let names: Vec<&Str> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
        let mut line = line.trim();
        for (at, name) in names.iter().enumerate() {
            let (first, after) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            let value = if at + 1 == names.len() { line } else { first };
            self.variables.insert((*name).clone(), value.into());
            line = after.trim_start();
        }
        Done::Status(0)
    }

    fn kill(&mut self, args: &[Str], world: &mut Surroundings<'_>) -> Done {
        let mut signal = "TERM";
        let mut rest = args.iter().map(Str::as_str).peekable();
        while let Some(flag) = rest.next_if(|arg| arg.starts_with('-') && arg.len() > 1) {
            let name = if matches!(flag, "-s" | "-n") { rest.next().unwrap_or("") } else { &flag[1..] };
            match signal_name(name) {
                Some(name) => signal = name,
                None if name == "0" => signal = "0",
                None if name == "l" => return say(self, "HUP INT QUIT KILL TERM\n", world),
                None => return fail(self, &format!("sh: kill: invalid signal '{name}'"), world),
            }
        }
        let mut status = 0;
        for pid in rest {
            let known = pid.parse().ok().filter(|pid| {
                world.processes.iter().any(|(known, _)| known == pid) || *pid == self.last_child
            });
            match known {
                Some(_) if signal == "0" => {}
                Some(pid) => world.signals.push((pid, signal)),
                None => {
                    self.write(true, &format!("sh: can't kill pid {pid}: No such process\n"), world);
                    status = 1;
                }
            }
        }
        Done::Status(status)
    }

    /// `test`: 0 for true, 1 for false, 2 for what makes no sense.
    fn test(&mut self, args: &[Str], world: &mut Surroundings<'_>) -> i32 {
        let words: Vec<&str> = args.iter().map(Str::as_str).collect();
        self.effort +=
            words.windows(3).map(|three| super::super::expand::cost(three[0], three[2])).sum::<u64>();
        let holds = match words.len() {
            // Each that negates or joins leaves the rest to be looked at again.
            0..=MOST_WORDS => self.condition(&words, world),
            _ => Err("too many arguments".to_owned()),
        };
        match holds {
            Ok(holds) => i32::from(!holds),
            Err(why) => {
                self.write(true, &format!("sh: {why}\n"), world);
                2
            }
        }
    }

    fn condition(&self, words: &[&str], world: &Surroundings<'_>) -> Result<bool, String> {
        for (joint, any) in [("-o", true), ("||", true), ("-a", false), ("&&", false)] {
            if words.len() > 3
                && let Some(at) = words.iter().position(|word| *word == joint)
            {
                let (left, right) =
                    (self.condition(&words[..at], world)?, self.condition(&words[at + 1..], world)?);
                return Ok(if any { left || right } else { left && right });
            }
        }
        let path = |name: &str| absolute(&self.directory, name);
        Ok(match words {
            [] => false,
            ["!", rest @ ..] => !self.condition(rest, world)?,
            [word] => !word.is_empty(),
            ["-n", word] => !word.is_empty(),
            ["-z", word] => word.is_empty(),
            ["-e", name] => world.place.exists(&path(name)),
            ["-f" | "-r" | "-w" | "-x", name] => world.place.read(&path(name)).is_ok(),
            ["-s", name] => world.place.read(&path(name)).is_ok_and(|text| !text.is_empty()),
            ["-d", name] => world.place.is_directory(&path(name)),
            [left, "=" | "==", right] => super::super::expand::fits(left, right) || left == right,
            [left, "!=", right] => left != right,
            [left, operator, right] => {
                let number =
                    |text: &str| text.trim().parse::<i64>().map_err(|_| format!("{text}: bad number"));
                let order = || Ok::<_, String>(number(left)?.cmp(&number(right)?));
                match *operator {
                    "-eq" => order()?.is_eq(),
                    "-ne" => order()?.is_ne(),
                    "-lt" => order()?.is_lt(),
                    "-le" => order()?.is_le(),
                    "-gt" => order()?.is_gt(),
                    "-ge" => order()?.is_ge(),
                    "<" => left < right,
                    ">" => left > right,
                    other => return Err(format!("{other}: unknown operand")),
                }
            }
            [first, ..] => return Err(format!("{first}: unknown operand")),
        })
    }
}

fn echo(args: &[Str]) -> String {
    let flags = args.iter().take_while(|arg| {
        arg.len() > 1 && arg.starts_with('-') && arg[1..].chars().all(|c| "neE".contains(c))
    });
    let flags: Vec<&Str> = flags.collect();
    let has = |flag| flags.iter().any(|arg| arg.contains(flag));
    let mut text = args[flags.len()..].join(" ");
    if has('e') {
        text = unescape(&text);
    }
    if !has('n') {
        text.push('\n');
    }
    text
}

/// `\n`, `\t`, `\033` and the like.
fn unescape(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\\' {
            result.push(c);
            continue;
        }
        match rest.next() {
            Some('n') => result.push('\n'),
            Some('t') => result.push('\t'),
            Some('r') => result.push('\r'),
            Some('a') => result.push('\u{7}'),
            Some('b') => result.push('\u{8}'),
            Some('e') => result.push('\u{1b}'),
            Some('f') => result.push('\u{c}'),
            Some('v') => result.push('\u{b}'),
            Some(first @ '0'..='7') => {
                // Three digits of eight; a zero in front is no part of them where three more follow.
                let mut code = first.to_digit(8).unwrap_or(0);
                let most = if first == '0' { 3 } else { 2 };
                for _ in 0..most {
                    let Some(digit) = rest.peek().and_then(|digit| digit.to_digit(8)) else { break };
                    code = code * 8 + digit;
                    rest.next();
                }
                result.extend(char::from_u32(code & 0xff));
            }
            Some('\\') => result.push('\\'),
            Some(other) => result.extend(['\\', other]),
            None => result.push('\\'),
        }
    }
    result
}

fn printf(args: &[Str]) -> String {
    let Some((format, values)) = args.split_first() else { return String::new() };
    let format = unescape(format);
    let mut values = values.iter();
    let mut text = String::new();
    loop {
        let mut rest = format.chars();
        let mut used = false;
        while let Some(c) = rest.next().filter(|_| text.len() <= LONGEST_TEXT) {
            if c != '%' {
                text.push(c);
                continue;
            }
            let mut width = String::new();
            let kind = loop {
                match rest.next() {
                    Some(c) if c.is_ascii_digit() || matches!(c, '-' | '.') => width.push(c),
                    other => break other,
                }
            };
            if kind == Some('%') {
                text.push('%');
                continue;
            }
            used = true;
            let value = values.next().map_or("", Str::as_str);
            let value = if kind == Some('d') && value.is_empty() { "0" } else { value };
            let size: usize = width
                .trim_start_matches(['-', '0'])
                .split('.')
                .next()
                .and_then(|n| n.parse().ok())
                .unwrap_or(0);
            let size = size.min(WIDEST);
            text.push_str(&match (width.starts_with('-'), width.starts_with('0')) {
                (true, _) => format!("{value:<size$}"),
                (false, true) => format!("{value:0>size$}"),
                _ => format!("{value:>size$}"),
            });
        }
        if !used || values.len() == 0 || text.len() > LONGEST_TEXT {
            return text;
        }
    }
}

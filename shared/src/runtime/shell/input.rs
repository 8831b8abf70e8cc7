//! What comes to a task from outside, bit by bit, and the shell that takes its commands from there.

use std::sync::Arc;

use crate::codec::Codec;
use crate::doc::Str;

use super::code::{Block, Op};
use super::step::Surroundings;
use super::{Code, Task, Wait, files, parse};

/// How much a program may leave unread, in bytes.
const MOST_UNREAD: usize = 4 << 20;
/// The end of the input, as somebody at a terminal says it: whoever reads finds it once.
const END: char = '\u{4}';

/// A standard input.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Stdin {
    text: String,
    /// Whether more may come.
    open: bool,
    /// Whether it is a terminal.
    tty: bool,
    /// Whether something came since somebody looked.
    news: bool,
    /// A command of which some lines are still to come.
    partial: String,
    /// Whether somebody was asked for the next line.
    prompted: bool,
}

impl Stdin {
    /// Whether whoever waits for more finds it.
    pub fn has_news(&self) -> bool {
        self.news
    }

    /// What is there now is known.
    pub fn seen(&mut self) {
        self.news = false;
    }

    /// Whether whoever waits for a line, or for the end, finds it.
    pub fn has_line(&self) -> bool {
        !self.open || self.text.contains('\n') || self.end().is_some()
    }

    /// Where somebody at the terminal said that this is the end.
    fn end(&self) -> Option<usize> {
        if self.tty { self.text.find(END) } else { None }
    }

    /// The next line with its end, or what is there before the end of all; empty at that end.
    fn line(&mut self) -> Option<String> {
        let line = self.text.find('\n').map(|at| at + 1);
        match (line, self.end()) {
            (Some(line), end) if end.is_none_or(|end| line <= end) => Some(self.cut(line)),
            (_, Some(end)) => {
                let rest = self.cut(end);
                self.cut(END.len_utf8());
                Some(rest)
            }
            _ if self.open => None,
            _ => Some(std::mem::take(&mut self.text)),
        }
    }

    fn cut(&mut self, at: usize) -> String {
        let rest = self.text.split_off(at);
        std::mem::replace(&mut self.text, rest)
    }

    /// Everything up to the end; nothing while that is to come.
    fn whole(&mut self) -> Option<String> {
        match self.end() {
            Some(end) => {
                let text = self.cut(end);
                self.cut(END.len_utf8());
                Some(text)
            }
            None if self.open => None,
            None => Some(std::mem::take(&mut self.text)),
        }
    }
}

impl Task {
    /// More to read, and whether there may be more after it.
    pub fn feed(&mut self, text: &str, open: bool) {
        self.stdin.text.push_str(text);
        self.stdin.news = true;
        match self.stdin.tty && self.stdin.open && !open {
            true => self.stdin.text.push(END),
            false => self.stdin.open = open,
        }
    }

    /// Its input is a terminal.
    pub fn on_terminal(&mut self) {
        self.stdin.tty = true;
    }

    pub(super) fn is_on_terminal(&self) -> bool {
        self.stdin.tty && self.io.input.is_none()
    }

    /// Whether it left so much unread that it takes no more for now.
    pub fn is_full(&self) -> bool {
        self.stdin.text.len() > MOST_UNREAD
    }

    /// Whether it goes on when more comes.
    pub fn waits_for_input(&self) -> bool {
        let pending = self.pending.as_ref().map(|pending| &pending.what);
        matches!(pending, Some(Wait::Input(..) | Wait::Line))
    }

    /// Whether what it would read now may still come.
    pub(super) fn reads_live(&self) -> bool {
        self.io.input.is_none() && self.stdin.open
    }

    /// All that there is to read; nothing while its end is to come.
    pub(super) fn take_input(&mut self) -> Option<Str> {
        match &mut self.io.input {
            Some(text) => Some(std::mem::take(text)),
            None => self.stdin.whole().map(Str::from),
        }
    }

    /// What there is to read now, and whether that is all.
    pub(super) fn take_some(&mut self) -> (Str, bool) {
        match self.take_input() {
            Some(text) => (text, true),
            None => (std::mem::take(&mut self.stdin.text).into(), false),
        }
    }

    /// The next line to read, empty at the end; nothing while it is to come.
    pub(super) fn take_line(&mut self) -> Option<Str> {
        match &mut self.io.input {
            Some(text) => {
                let cut = text.find('\n').map_or(text.len(), |at| at + 1);
                let (line, rest) = (Str::from(&text[..cut]), Str::from(&text[cut..]));
                *text = rest;
                Some(line)
            }
            None => self.stdin.line().map(Str::from),
        }
    }

    /// The shell takes its commands from what it reads.
    pub(super) fn read_commands(&mut self, name: &str, world: &Surroundings<'_>) {
        let blocks = vec![vec![Op::Interpret, Op::Jump(0)]];
        let code = Code { source: name.into(), blocks, heredocs: Vec::new() };
        self.status = 0;
        self.enter(Block::Subshell, code.into(), 0, Vec::new());
        (self.stdin.prompted, self.stdin.partial) = (false, String::new());
        if self.stdin.tty {
            let prompt = if name == "bash" { "\\u@\\h:\\w\\$ " } else { "\\w \\$ " };
            self.variables.insert("PS1".into(), prompt.into());
            if world.user != 0 {
                self.variables.entry("USER".into()).or_insert_with(|| world.user.to_string().into());
            }
        }
    }

    /// Runs the next command of what the shell reads.
    pub(super) fn interpret(&mut self, world: &mut Surroundings<'_>) {
        loop {
            let Some(line) = self.stdin.line() else {
                if self.stdin.tty && !std::mem::replace(&mut self.stdin.prompted, true) {
                    let prompt = self.prompt(world);
                    self.write(true, &prompt, world);
                }
                // The step is taken again when there is more.
                self.at -= 1;
                return self.wait_for(Wait::Line, None);
            };
            self.stdin.prompted = false;
            let over = line.is_empty();
            self.stdin.partial.push_str(&line);
            match parse::compile_lines(&self.stdin.partial) {
                _ if over && self.stdin.partial.is_empty() => {
                    let end = if self.stdin.tty { "\n" } else { "" };
                    self.write(true, end, world);
                    return self.replaced();
                }
                Ok(Some(code)) => {
                    self.stdin.partial.clear();
                    let arguments = self.arguments.clone();
                    return self.enter(Block::Function, Arc::new(code), 0, arguments);
                }
                Ok(None) if !over => {}
                other => {
                    let why = other.err().unwrap_or_else(|| "syntax error: unexpected end of file".into());
                    self.stdin.partial.clear();
                    self.write(true, &format!("sh: {why}\n"), world);
                    self.status = 2;
                    if !self.stdin.tty {
                        return self.exit(2);
                    }
                }
            }
        }
    }

    /// What the shell asks for the next line with.
    fn prompt(&self, world: &Surroundings<'_>) -> String {
        if !self.stdin.partial.is_empty() {
            return "> ".into();
        }
        let format = self.variables.get("PS1").map_or("", Str::as_str);
        let user = if world.user == 0 { "root" } else { "I have no name!" };
        format
            .replace("\\u", user)
            .replace("\\h", world.hostname)
            .replace("\\w", files::seen(&self.directory))
            .replace("\\$", if world.user == 0 { "#" } else { "$" })
    }

    /// Whether a signal of the terminal only ends what the shell runs, which then asks for the next line.
    pub(super) fn interrupted(&mut self, signal: &str) -> bool {
        let asks = |code: &Code| code.blocks.first().and_then(|block| block.first()) == Some(&Op::Interpret);
        let shell = asks(&self.code) || self.frames.iter().any(|frame| asks(&frame.code));
        if !self.stdin.tty || !shell || !matches!(signal, "INT" | "QUIT") {
            return false;
        }
        self.pending = None;
        self.after = None;
        while !asks(&self.code) {
            self.leave();
        }
        (self.at, self.status) = (0, 128 + super::number_of(signal));
        (self.stdin.prompted, self.stdin.partial) = (false, String::new());
        // What was typed for the program that is gone is for nobody.
        self.stdin.text.clear();
        self.written.push((true, "\n".into()));
        true
    }
}

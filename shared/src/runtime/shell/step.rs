//! One step of a task after the other.

use std::sync::Arc;

use crate::doc::{Str, Timestamp};
use crate::sim::{Duration, Time};

use super::code::{Block, Command, Destination, Op};
use super::files::Place;
use super::programs::Done;
use super::{After, Code, DEEPEST, Frame, Loop, Pending, Progress, Sink, Streams, Task, Wait, parse};

/// How many steps, and how many bytes of output, one turn has; then others have theirs.
const TURN: u32 = 1000;
const TURN_OUTPUT: usize = 64 << 10;
/// What a turn may cost. No step costs much more.
pub(super) const TURN_EFFORT: u64 = 64 << 20;
/// From a turn that was used up to the next one: doubling.
const PAUSE: Duration = Duration::millis(100);
/// What used up more turns than these will use up all that come.
const UNRESTING: u32 = 3;

/// What a task sees of its container and of the world, and what it does to them.
pub(in crate::runtime) struct Surroundings<'a> {
    pub place: Place<'a>,
    pub now: Time,
    pub date: Timestamp,
    pub hostname: &'a str,
    pub ip: u32,
    pub user: i64,
    pub group: i64,
    /// Whether it may do what only the node's administrator may.
    pub privileged: bool,
    /// The image's own program, by its name; empty when it has none.
    pub own: &'a str,
    /// Whether programs that nobody knows are taken for the image's own.
    pub trusting: bool,
    /// The processes of the container.
    pub processes: &'a [(u32, Str)],
    /// Whether children of the task run.
    pub has_children: bool,
    /// Signals that it sends: to which process, which.
    pub signals: Vec<(u32, &'static str)>,
    /// Tasks that it starts.
    pub children: Vec<Task>,
    /// The number of the next process.
    pub next_pid: u32,
    /// How many programs run others just now.
    pub inside: usize,
}

impl Task {
    /// Runs as far as it comes.
    pub(in crate::runtime) fn run(&mut self, world: &mut Surroundings<'_>) -> Progress {
        self.effort = 0;
        for _ in 0..TURN {
            if let Some(code) = self.ended {
                return Progress::Ended(code);
            }
            if let Some(progress) = self.still_waits(world) {
                return progress;
            }
            self.cores = 0;
            if !self.signals.is_empty() {
                let signal = self.signals.remove(0);
                self.trap(&signal);
            }
            if self.written.iter().map(|(_, text)| text.len()).sum::<usize>() > TURN_OUTPUT
                || self.effort > TURN_EFFORT
            {
                break;
            }
            self.step(world);
        }
        self.busy += 1;
        // What never comes to rest is a busy loop.
        self.cores = u32::from(self.busy > UNRESTING);
        let pause = PAUSE * (1 << (self.busy - 1).min(4));
        self.wait_for(Wait::Until(world.now + pause), None);
        Progress::Waits(self.wakes_at())
    }

    /// What it still waits for, if it does.
    fn still_waits(&mut self, world: &mut Surroundings<'_>) -> Option<Progress> {
        let pending = self.pending.clone()?;
        if pending.deadline.is_some_and(|deadline| deadline <= world.now) {
            self.status = 143;
            self.go_on();
            return None;
        }
        match pending.what {
            Wait::Until(at) if at <= world.now => {}
            Wait::Children if !world.has_children && world.children.is_empty() => {}
            Wait::Tail(path, shown, at) if at <= world.now => {
                self.tail_on(&path, shown, world);
                return Some(Progress::Waits(self.wakes_at()));
            }
            Wait::Line if self.stdin.has_line() => {}
            Wait::Input(name, args) if self.stdin.has_news() => {
                self.pending = None;
                self.call(&name, args, world);
                if self.pending.is_some() {
                    return Some(Progress::Waits(self.wakes_at()));
                }
            }
            Wait::Own => return Some(Progress::BecomesOwn),
            Wait::Answer(request) if !request.sent => {
                if let Some(Pending { what: Wait::Answer(request), .. }) = &mut self.pending {
                    request.sent = true;
                }
                return Some(Progress::Asks(*request, pending.deadline));
            }
            _ => return Some(Progress::Waits(self.wakes_at())),
        }
        self.go_on();
        None
    }

    /// A command that took its time is over.
    pub(super) fn go_on(&mut self) {
        self.pending = None;
        if let Some(after) = self.after.take() {
            self.io = after.io;
            if let Some(variables) = after.variables {
                self.variables = variables;
            }
            self.fail_if_strict(after.checked);
        }
    }

    pub(super) fn wait_for(&mut self, what: Wait, deadline: Option<Time>) {
        self.pending = Some(Pending { what, deadline });
    }

    fn step(&mut self, world: &mut Surroundings<'_>) {
        let code = Arc::clone(&self.code);
        let Some(op) = code.blocks[self.block as usize].get(self.at as usize) else {
            return self.leave();
        };
        self.at += 1;
        match op {
            Op::Run(command) => {
                if let Err(why) = self.command(command, world) {
                    self.complain(&why, world);
                }
            }
            Op::Call(block, kind) => self.enter(*kind, Arc::clone(&code), *block, self.arguments.clone()),
            Op::Spawn(block) => self.spawn(*block, world),
            Op::Define(name, block) => {
                self.functions.insert(name.clone(), (Arc::clone(&code), *block));
                self.status = 0;
            }
            Op::Jump(to) => self.at = *to,
            Op::JumpIf(success, to) => {
                if (self.status == 0) == *success {
                    self.at = *to;
                }
            }
            Op::Not => self.status = i32::from(self.status == 0),
            Op::Succeed => self.status = 0,
            Op::Loop(end) => self.loops.push(Loop { begin: self.at, end: *end, words: Vec::new() }),
            Op::Each(words, end) => {
                let count = words.iter().map(super::code::Word::values).sum();
                let mut values = self.take_values(count);
                match self.fields(words, &mut values, world) {
                    Ok(mut words) => {
                        words.reverse();
                        self.loops.push(Loop { begin: self.at, end: *end, words });
                        self.status = 0;
                    }
                    Err(why) => {
                        self.complain(&why, world);
                        self.at = *end;
                    }
                }
            }
            Op::Next(name) => match self.loops.last_mut().map(|each| (each.words.pop(), each.end)) {
                Some((Some(word), _)) => {
                    self.variables.insert(name.clone(), word);
                }
                Some((None, end)) => {
                    self.loops.pop();
                    self.at = end;
                }
                None => {}
            },
            Op::Again => self.at = self.loops.last().map_or(self.at, |each| each.begin),
            Op::EndLoop => {
                self.loops.pop();
            }
            Op::Redirect(redirects) => {
                self.saved.push(self.io.clone());
                if let Err(why) = self.redirect(redirects, world) {
                    self.complain(&why, world);
                }
            }
            Op::Restore => {
                if let Some(io) = self.saved.pop() {
                    self.io = io;
                }
            }
            Op::Interpret => self.interpret(world),
            Op::Case(word) => {
                let mut values = self.take_values(word.values());
                let text = self.text(word, &mut values).unwrap_or_default();
                self.subjects.push(text.into());
                self.status = 0;
            }
            Op::Match(patterns, next) => self.fit(patterns, *next),
        }
    }

    fn fit(&mut self, patterns: &[super::code::Word], next: u32) {
        let subject = self.subjects.last().cloned().unwrap_or_default();
        let mut values = Vec::new().into_iter();
        let fits = patterns.iter().any(|pattern| {
            self.text(pattern, &mut values).is_ok_and(|pattern| self.fits(&subject, &pattern))
        });
        if !fits {
            self.at = next;
        }
    }

    fn take_values(&mut self, count: u32) -> std::vec::IntoIter<Str> {
        let from = self.values.len().saturating_sub(count as usize);
        self.values.split_off(from).into_iter()
    }

    /// Runs a block, to come back to the present position after it.
    pub(super) fn enter(&mut self, kind: Block, code: Arc<Code>, block: u32, arguments: Vec<Str>) {
        if self.frames.len() >= DEEPEST {
            self.ended = Some(2);
            return;
        }
        let apart = !matches!(kind, Block::Function | Block::Trap);
        let frame = Frame {
            kind,
            code: std::mem::replace(&mut self.code, code),
            block: std::mem::replace(&mut self.block, block),
            at: std::mem::take(&mut self.at),
            io: self.io.clone(),
            loops: self.loops.len() as u32,
            outer: apart.then(|| (self.variables.clone(), self.directory.clone())),
            arguments: std::mem::replace(&mut self.arguments, arguments),
            status: self.status,
        };
        self.frames.push(frame);
        if let Block::Stage(_) = kind
            && let Some(piped) = self.piped.take()
        {
            self.io.input = Some(piped);
        }
        if matches!(kind, Block::Capture | Block::Stage(true)) {
            self.buffers.push(String::new());
            self.io.out = Sink::Buffer;
        }
    }

    /// The end of a block: back to where it was run from.
    pub(super) fn leave(&mut self) {
        let Some(frame) = self.frames.pop() else { return self.end(self.status) };
        match frame.kind {
            Block::Capture => {
                let text = self.buffers.pop().unwrap_or_default();
                self.values.push(text.trim_end_matches('\n').into());
            }
            Block::Stage(true) => self.piped = self.buffers.pop().map(Str::from),
            Block::Trap => self.status = frame.status,
            Block::Stage(false) | Block::Subshell | Block::Function => {}
        }
        // What is left of the input was read by nobody else.
        let input =
            if frame.kind == Block::Function { self.io.input.clone() } else { frame.io.input.clone() };
        self.io = Streams { input, ..frame.io };
        if let Some((variables, directory)) = frame.outer {
            (self.variables, self.directory) = (variables, directory);
        }
        (self.code, self.block, self.at) = (frame.code, frame.block, frame.at);
        self.arguments = frame.arguments;
        self.loops.truncate(frame.loops as usize);
    }

    /// `exit`: out of the innermost subshell, or for good.
    pub(super) fn exit(&mut self, status: i32) {
        self.status = status & 0xff;
        while let Some(frame) = self.frames.last() {
            let apart = matches!(frame.kind, Block::Capture | Block::Subshell | Block::Stage(_));
            self.leave();
            if apart {
                return;
            }
            self.status = status & 0xff;
        }
        self.end(self.status);
    }

    /// `return`
    pub(super) fn give_back(&mut self, status: i32) {
        self.status = status & 0xff;
        if self.frames.last().is_some_and(|frame| frame.kind == Block::Function) {
            self.leave();
        } else {
            self.exit(status);
        }
    }

    /// `break` and `continue`, out of so many loops.
    pub(super) fn out_of(&mut self, count: u32, again: bool) {
        let least = self.frames.last().map_or(0, |frame| frame.loops);
        for _ in 1..count {
            if self.loops.len() as u32 > least + 1 {
                self.loops.pop();
            }
        }
        if self.loops.len() as u32 <= least {
            return;
        }
        if again {
            self.at = self.loops.last().map_or(self.at, |each| each.begin);
        } else if let Some(each) = self.loops.pop() {
            self.at = each.end;
        }
        self.status = 0;
    }

    /// The rest of the present block is not run: a program took its place.
    pub(super) fn replaced(&mut self) {
        self.at = self.code.blocks[self.block as usize].len() as u32;
    }

    fn end(&mut self, status: i32) {
        match self.traps.remove("EXIT") {
            Some(trap) => {
                self.status = status;
                self.traps.clear();
                self.run_trap(&trap);
                // What the trap leaves behind is the end.
                if self.frames.is_empty() {
                    self.ended = Some(status);
                }
            }
            None => self.ended = Some(status),
        }
    }

    fn trap(&mut self, signal: &str) {
        if let Some(trap) = self.traps.get(signal).cloned() {
            self.run_trap(&trap);
        }
    }

    fn run_trap(&mut self, text: &str) {
        if let Ok(code) = parse::compile(text) {
            self.enter(Block::Trap, Arc::new(code), 0, self.arguments.clone());
        }
    }

    fn spawn(&mut self, block: u32, world: &mut Surroundings<'_>) {
        let mut child = self.clone();
        let code = Code { blocks: self.code.blocks.clone(), ..(*self.code).clone() };
        child.code = Arc::new(code);
        (child.block, child.at) = (block, 0);
        child.frames.clear();
        child.loops.clear();
        child.saved.clear();
        child.buffers.clear();
        child.written.clear();
        child.traps.clear();
        child.stdin = super::input::Stdin::default();
        child.after = None;
        child.pid = world.next_pid;
        // It would be heard by nobody in a pipe that is gone.
        for sink in [&mut child.io.out, &mut child.io.err] {
            if *sink == Sink::Buffer {
                *sink = Sink::Nowhere;
            }
        }
        world.next_pid += 1;
        self.last_child = child.pid;
        self.status = 0;
        world.children.push(child);
    }

    /// Runs a simple command.
    fn command(&mut self, command: &Command, world: &mut Surroundings<'_>) -> Result<(), String> {
        let words = command.assignments.iter().map(|(_, word)| word).chain(&command.words);
        let into = command.redirects.iter().map(|redirect| match &redirect.to {
            Destination::Read(word) | Destination::Write(word) => word.values(),
            Destination::Append(word) | Destination::Text(word) => word.values(),
            Destination::Copy(_) | Destination::Heredoc(_) => 0,
        });
        let count: u32 = words.map(super::code::Word::values).chain(into).sum();
        let mut values = self.take_values(count);
        let mut assigned = Vec::new();
        for (name, word) in &command.assignments {
            assigned.push((name.clone(), self.text(word, &mut values)?));
        }
        let mut fields = self.fields(&command.words, &mut values, world)?;
        let outer = self.io.clone();
        if let Err(why) = self.redirect_with(&command.redirects, &mut values, world) {
            self.io = outer;
            self.complain(&why, world);
            self.fail_if_strict(command.checked);
            return Ok(());
        }
        if fields.is_empty() {
            for (name, value) in assigned {
                self.variables.insert(name, value.into());
            }
            self.io = outer;
            if count == 0 {
                self.status = 0;
            }
            return Ok(());
        }
        // Assignments before a program are for that program; those of a shell's variable come back.
        let before = (!assigned.is_empty()).then(|| self.variables.clone());
        for (name, value) in assigned {
            self.variables.insert(name, value.into());
        }
        let name = fields.remove(0);
        let depth = self.frames.len();
        self.call(&name, fields, world);
        if self.pending.is_some() {
            self.after = Some(After { io: outer, variables: before, checked: command.checked });
            return Ok(());
        }
        let io = if self.frames.len() > depth {
            // A function's or another shell's streams last as long as it does.
            self.frames.last_mut().map(|frame| &mut frame.io)
        } else if name == "exec" {
            None
        } else {
            Some(&mut self.io)
        };
        if let Some(io) = io {
            let input = if command.redirects.iter().any(|redirect| redirect.fd == 0) {
                outer.input
            } else {
                io.input.clone()
            };
            *io = Streams { input, ..outer };
        }
        if let Some(before) = before.filter(|_| self.frames.len() <= depth) {
            self.variables = before;
        }
        if self.frames.len() <= depth {
            self.fail_if_strict(command.checked);
        }
        Ok(())
    }

    fn fail_if_strict(&mut self, checked: bool) {
        if self.strict && !checked && self.status != 0 && self.ended.is_none() {
            self.exit(self.status);
        }
    }

    /// Runs a function or a program.
    pub(super) fn call(&mut self, name: &Str, fields: Vec<Str>, world: &mut Surroundings<'_>) {
        if let Some((code, block)) = self.functions.get(name).cloned() {
            return self.enter(Block::Function, code, block, fields);
        }
        let again = self.reads_live().then(|| fields.clone());
        self.short = false;
        match self.program(name, fields, world) {
            Done::Status(status) => self.status = if self.short { status.max(1) } else { status },
            // It waits for an end that cannot come any more.
            Done::NeedsInput if self.is_full() => {
                self.write(true, &format!("{name}: memory exhausted\n"), world);
                self.status = 2;
            }
            Done::NeedsInput => {
                self.stdin.seen();
                self.wait_for(Wait::Input(name.clone(), again.unwrap_or_default()), None);
            }
            Done::Waits(what, deadline) => {
                self.status = 0;
                self.wait_for(what, deadline);
            }
            Done::Elsewhere => {}
        }
    }
}

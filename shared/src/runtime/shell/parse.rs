//! From a script's text to its [`Code`].

mod compound;
mod words;

use crate::doc::Str;

use super::code::{Block, Code, Command, Destination, Op, Part, Redirect, Word};

/// How deep constructs may nest.
const DEEPEST: u32 = 80;

/// Compiles a script.
///
/// # Errors
/// What the shell says of it.
pub(super) fn compile(source: &str) -> Result<Code, String> {
    Parser::of(source).script()
}

/// Compiles lines as somebody types them; nothing while the command has not come to its end.
///
/// # Errors
/// What the shell says of them.
pub(super) fn compile_lines(source: &str) -> Result<Option<Code>, String> {
    if source.ends_with("\\\n") {
        return Ok(None);
    }
    let mut parser = Parser::of(source);
    match parser.script() {
        Ok(_) if parser.unfinished || !parser.awaited.is_empty() => Ok(None),
        Ok(code) => Ok(Some(code)),
        Err(why) if ["end of file", "unterminated", "missing"].iter().any(|end| why.contains(end)) => {
            Ok(None)
        }
        Err(why) => Err(why),
    }
}

impl Parser {
    fn of(source: &str) -> Parser {
        Parser {
            text: source.chars().collect(),
            at: 0,
            code: Code { source: source.into(), blocks: vec![Vec::new()], heredocs: Vec::new() },
            block: 0,
            checked: 0,
            depth: 0,
            awaited: Vec::new(),
            unfinished: false,
        }
    }

    fn script(&mut self) -> Parsed<Code> {
        self.list(&[])?;
        match self.peek() {
            None => Ok(std::mem::take(&mut self.code)),
            Some(next) => Err(format!("syntax error: unexpected \"{next}\"")),
        }
    }
}

struct Parser {
    text: Vec<char>,
    at: usize,
    code: Code,
    /// Into which block steps go.
    block: usize,
    /// Whether the result of what is being read is looked at.
    checked: u32,
    depth: u32,
    /// Here-documents whose text comes after this line: number, end, whether variables count.
    awaited: Vec<(u32, String, bool)>,
    /// Whether the end of a here-document is to come.
    unfinished: bool,
}

type Parsed<T> = Result<T, String>;

const RESERVED: &[&str] = &[
    "then", "else", "elif", "fi", "do", "done", "esac", "in", "}", "if", "while", "until", "for", "case",
    "{", "!",
];

impl Parser {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn looking_at(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(step, c)| self.text.get(self.at + step) == Some(&c))
    }

    fn accept(&mut self, text: &str) -> bool {
        let found = self.looking_at(text);
        if found {
            self.at += text.chars().count();
        }
        found
    }

    /// Skips blanks and comments; not the end of a line.
    fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\r') => self.at += 1,
                Some('\\') if self.text.get(self.at + 1) == Some(&'\n') => self.at += 2,
                Some('#') => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    /// Skips blanks and line ends.
    fn space(&mut self) -> Parsed<()> {
        loop {
            self.blanks();
            if !self.newline()? {
                return Ok(());
            }
        }
    }

    fn newline(&mut self) -> Parsed<bool> {
        if self.peek() != Some('\n') {
            return Ok(false);
        }
        self.at += 1;
        for (number, end, live) in std::mem::take(&mut self.awaited) {
            let text = self.heredoc(&end);
            let word = if live { self.quoted_text(&text)? } else { Word(vec![Part::Text(text, true)]) };
            self.code.heredocs[number as usize] = word;
        }
        Ok(true)
    }

    fn heredoc(&mut self, end: &str) -> String {
        let mut text = String::new();
        while self.at < self.text.len() {
            let line: String = self.text[self.at..].iter().take_while(|&&c| c != '\n').collect();
            self.at = (self.at + line.chars().count() + 1).min(self.text.len());
            if line.trim_start_matches('\t') == end {
                return text;
            }
            text.push_str(&line);
            text.push('\n');
        }
        self.unfinished = true;
        text
    }

    /// Text in which only variables and values count, as between double quotes.
    fn quoted_text(&mut self, text: &str) -> Parsed<Word> {
        let rest = std::mem::replace(&mut self.text, text.chars().collect());
        let at = std::mem::take(&mut self.at);
        let mut parts = Vec::new();
        let read = self.double_quoted(&mut parts, None);
        (self.text, self.at) = (rest, at);
        read.map(|()| Word(parts))
    }

    /// The reserved word that comes next.
    fn keyword(&self) -> Option<&'static str> {
        let is_end =
            |at: usize| self.text.get(at).is_none_or(|c| c.is_whitespace() || ";&|()<>".contains(*c));
        RESERVED.iter().copied().find(|word| self.looking_at(word) && is_end(self.at + word.chars().count()))
    }

    fn expect(&mut self, word: &'static str) -> Parsed<()> {
        self.space()?;
        if self.keyword() == Some(word) {
            self.at += word.chars().count();
            return Ok(());
        }
        Err(match self.peek() {
            None => format!("syntax error: unexpected end of file (expecting \"{word}\")"),
            Some(next) => format!("syntax error: unexpected \"{next}\" (expecting \"{word}\")"),
        })
    }

    fn emit(&mut self, op: Op) -> u32 {
        let block = &mut self.code.blocks[self.block];
        block.push(op);
        block.len() as u32 - 1
    }

    fn here(&self) -> u32 {
        self.code.blocks[self.block].len() as u32
    }

    /// Makes an earlier jump end here.
    fn land(&mut self, from: u32) {
        let to = self.here();
        match &mut self.code.blocks[self.block][from as usize] {
            Op::Jump(at) | Op::JumpIf(_, at) | Op::Loop(at) | Op::Each(_, at) | Op::Match(_, at) => *at = to,
            _ => {}
        }
    }

    /// Reads what belongs into a block of its own.
    fn in_block(&mut self, read: impl FnOnce(&mut Parser) -> Parsed<()>) -> Parsed<u32> {
        self.code.blocks.push(Vec::new());
        let number = self.code.blocks.len() - 1;
        let outer = std::mem::replace(&mut self.block, number);
        let checked = std::mem::take(&mut self.checked);
        let result = read(self);
        (self.block, self.checked) = (outer, checked);
        result.map(|()| number as u32)
    }

    /// What somebody looks at the result of.
    fn looked_at(&mut self, read: impl FnOnce(&mut Parser) -> Parsed<()>) -> Parsed<()> {
        self.checked += 1;
        let result = read(self);
        self.checked -= 1;
        result
    }

    /// Reads what stands in something else.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Parser) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("syntax error: nested too deeply".into());
        }
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Commands up to one of the reserved words, a `)` or the end.
    fn list(&mut self, ends: &[&str]) -> Parsed<()> {
        self.nested(|parser| parser.commands(ends))
    }

    fn commands(&mut self, ends: &[&str]) -> Parsed<()> {
        loop {
            self.space()?;
            let over = match self.peek() {
                None | Some(')') => true,
                Some(';') if self.looking_at(";;") => true,
                Some(_) => self.keyword().is_some_and(|word| ends.contains(&word)),
            };
            if over {
                return Ok(());
            }
            let beside = self.and_or()?;
            self.blanks();
            let ended = beside || self.looking_at(";;") || self.accept(";") || self.newline()?;
            if let Some(next) = self.peek().filter(|c| !ended && *c != ')') {
                return Err(format!("syntax error: unexpected \"{next}\""));
            }
        }
    }

    /// Pipelines joined by `&&` and `||`; whether it ended with `&`.
    fn and_or(&mut self) -> Parsed<bool> {
        let begin = self.here();
        let mut last = begin;
        self.pipeline()?;
        loop {
            self.blanks();
            let unless = if self.accept("&&") {
                false
            } else if self.accept("||") {
                true
            } else {
                break;
            };
            self.mark_checked(last);
            let jump = self.emit(Op::JumpIf(unless, 0));
            self.space()?;
            last = self.here();
            self.pipeline()?;
            self.land(jump);
        }
        let beside = self.peek() == Some('&');
        if beside {
            self.at += 1;
            let ops = self.code.blocks[self.block].split_off(begin as usize);
            self.code.blocks.push(relocated(ops, begin));
            let number = self.code.blocks.len() as u32 - 1;
            self.emit(Op::Spawn(number));
        }
        Ok(beside)
    }

    fn mark_checked(&mut self, from: u32) {
        for op in &mut self.code.blocks[self.block][from as usize..] {
            if let Op::Run(command) = op {
                command.checked = true;
            }
        }
    }

    fn pipeline(&mut self) -> Parsed<()> {
        self.blanks();
        let negated = self.keyword() == Some("!");
        if negated {
            self.at += 1;
            self.checked += 1;
        }
        let begin = self.here();
        self.command()?;
        self.blanks();
        let mut stages = Vec::new();
        while self.peek() == Some('|') && !self.looking_at("||") {
            self.at += 1;
            self.space()?;
            if stages.is_empty() {
                let ops = self.code.blocks[self.block].split_off(begin as usize);
                self.code.blocks.push(relocated(ops, begin));
                stages.push(self.code.blocks.len() as u32 - 1);
            }
            stages.push(self.in_block(Parser::command)?);
            self.blanks();
        }
        let count = stages.len();
        for (at, stage) in stages.into_iter().enumerate() {
            self.emit(Op::Call(stage, Block::Stage(at + 1 < count)));
        }
        if negated {
            self.checked -= 1;
            self.emit(Op::Not);
        }
        Ok(())
    }

    fn command(&mut self) -> Parsed<()> {
        self.blanks();
        let begin = self.here();
        match self.keyword() {
            Some("if") => self.conditional()?,
            Some(word @ ("while" | "until")) => self.repeat(word)?,
            Some("for") => self.each()?,
            Some("case") => self.case()?,
            Some("{") => {
                self.at += 1;
                self.list(&["}"])?;
                self.expect("}")?;
            }
            Some(word) => return Err(format!("syntax error: unexpected \"{word}\"")),
            None if self.peek() == Some('(') => {
                self.at += 1;
                let block = self.in_block(|parser| parser.list(&[]))?;
                self.close()?;
                self.emit(Op::Call(block, Block::Subshell));
            }
            None => return self.simple(),
        }
        self.blanks();
        let mut redirects = Vec::new();
        while let Some(redirect) = self.redirect()? {
            redirects.push(redirect);
            self.blanks();
        }
        if !redirects.is_empty() {
            let ops = self.code.blocks[self.block].split_off(begin as usize);
            let taken = relocated(ops, begin);
            self.emit(Op::Redirect(redirects));
            let shift = self.here();
            self.code.blocks[self.block].extend(moved(taken, |at| at + shift));
            self.emit(Op::Restore);
        }
        Ok(())
    }

    fn close(&mut self) -> Parsed<()> {
        self.space()?;
        if self.accept(")") {
            Ok(())
        } else {
            Err("syntax error: unexpected end of file (expecting \")\")".into())
        }
    }

    fn name(&mut self) -> String {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
            self.at += 1;
        }
        self.text[start..self.at].iter().collect()
    }

    fn simple(&mut self) -> Parsed<()> {
        let mut command = Command { checked: self.checked > 0, ..Command::default() };
        loop {
            self.blanks();
            if let Some(redirect) = self.redirect()? {
                command.redirects.push(redirect);
                continue;
            }
            match self.peek() {
                None | Some('\n' | ';' | '&' | '|' | ')') => break,
                Some('(') => {
                    // `name() { … }`
                    let name = command.words.first().and_then(Word::literal).map(Str::from);
                    let Some(name) = name.filter(|_| command.words.len() == 1) else {
                        return Err("syntax error: unexpected \"(\"".into());
                    };
                    self.at += 1;
                    self.close()?;
                    self.space()?;
                    let body = self.nested(|parser| parser.in_block(Parser::command))?;
                    self.emit(Op::Define(name, body));
                    return Ok(());
                }
                Some(_) => {}
            }
            let start = self.at;
            let name = self.name();
            let assigns = command.words.is_empty()
                && !name.is_empty()
                && !name.starts_with(|c: char| c.is_ascii_digit());
            if assigns && self.accept("=") {
                let value = self.word()?;
                command.assignments.push((name.into(), value));
                continue;
            }
            self.at = start;
            command.words.push(self.word()?);
        }
        if command.words.is_empty() && command.assignments.is_empty() && command.redirects.is_empty() {
            return Err(match self.peek() {
                None => "syntax error: unexpected end of file".into(),
                Some('\n') => "syntax error: unexpected newline".into(),
                Some(c) => format!("syntax error: unexpected \"{c}\""),
            });
        }
        self.emit(Op::Run(command));
        Ok(())
    }

    fn redirect(&mut self) -> Parsed<Option<Redirect>> {
        let start = self.at;
        let both = self.looking_at("&>");
        let digit = self.peek().filter(|c| "012".contains(*c));
        let fd = digit.and_then(|c| c.to_digit(10));
        if both || fd.is_some() {
            self.at += 1;
        }
        let (default, mode) = if self.accept("<<<") {
            (0, "text")
        } else if self.accept("<<") {
            (0, "here")
        } else if self.accept(">>") {
            (1, "append")
        } else if self.accept(">") {
            (1, "write")
        } else if self.accept("<") {
            (0, "read")
        } else {
            self.at = start;
            return Ok(None);
        };
        if mode == "write" {
            self.accept("|");
        }
        let fd = fd.unwrap_or(default);
        if self.accept("&") {
            let to = self.peek().and_then(|c| c.to_digit(10)).filter(|to| *to < 3);
            let Some(to) = to else { return Err("syntax error: bad fd number".into()) };
            self.at += 1;
            return Ok(Some(Redirect { fd, to: Destination::Copy(to) }));
        }
        if mode == "here" {
            self.accept("-");
            self.blanks();
            let word = self.word()?;
            let live = word.literal().is_some();
            let end: String = word
                .0
                .iter()
                .map(|part| if let Part::Text(text, _) = part { text.as_str() } else { "" })
                .collect();
            let number = self.code.heredocs.len() as u32;
            self.code.heredocs.push(Word::default());
            self.awaited.push((number, end, live));
            return Ok(Some(Redirect { fd, to: Destination::Heredoc(number) }));
        }
        self.blanks();
        let word = self.word()?;
        let to = match mode {
            "append" => Destination::Append(word),
            "write" => Destination::Write(word),
            "text" => Destination::Text(word),
            _ => Destination::Read(word),
        };
        // `&>file`: both go there; the second is made to follow the first when it is applied.
        Ok(Some(Redirect { fd: if both { 3 } else { fd }, to }))
    }
}

/// Steps cut out of a block from `begin` on, for a block of their own.
fn relocated(ops: Vec<Op>, begin: u32) -> Vec<Op> {
    moved(ops, |at| at.saturating_sub(begin))
}

fn moved(mut ops: Vec<Op>, to: impl Fn(u32) -> u32) -> Vec<Op> {
    for op in &mut ops {
        match op {
            Op::Jump(at) | Op::JumpIf(_, at) | Op::Loop(at) | Op::Each(_, at) | Op::Match(_, at) => {
                *at = to(*at)
            }
            _ => {}
        }
    }
    ops
}

//! A template's words as what is to be done.

use crate::collections::BTreeMap;
use crate::doc::Doc;

use super::format::unquoted;
use super::functions;
use super::lex::{Kind, Token, complaint, tokens};
use super::value::Value;

/// One thing to do.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Text(String),
    Print(Pipe),
    If(Pipe, Vec<Node>, Vec<Node>),
    With(Pipe, Vec<Node>, Vec<Node>),
    Range(Pipe, Vec<Node>, Vec<Node>),
    /// A template of that name, with what is `.` there; the place and the words of the action.
    Call(String, Option<Pipe>, Words),
    Break,
    Continue,
}

/// A place in the template, and what stands there: what a fault names.
#[derive(Clone, Debug)]
pub(super) struct Words {
    pub line: usize,
    pub column: usize,
    pub text: String,
}

/// `$name := command | command`
#[derive(Clone, Debug)]
pub(super) struct Pipe {
    pub names: Vec<String>,
    /// Whether the names are new.
    pub declares: bool,
    pub commands: Vec<Command>,
    pub words: Words,
}

#[derive(Clone, Debug)]
pub(super) struct Command {
    pub operands: Vec<Operand>,
    pub words: Words,
}

#[derive(Clone, Debug)]
pub(super) struct Operand {
    pub what: What,
    pub words: Words,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Dot,
    Nil,
    Constant(Value),
    /// Fields of what is `.`.
    Fields(Vec<String>),
    /// A variable, and fields of it.
    Variable(String, Vec<String>),
    /// What is in parentheses, and fields of it.
    Nested(Box<Pipe>, Vec<String>),
    Function(String),
}

/// How deep blocks and parentheses may stand in one another.
const DEEPEST: usize = 64;

type Named = BTreeMap<String, Vec<Node>>;

/// Reads a template: what it does, and the templates that it names. The error is a line and what is wrong there.
pub(super) fn parse(text: &str) -> Result<(Vec<Node>, Named), String> {
    let mut parser = Parser {
        text,
        tokens: tokens(text),
        at: 0,
        variables: vec!["$".into()],
        ranges: 0,
        depth: 0,
        named: BTreeMap::new(),
    };
    let (nodes, end) = parser.list()?;
    match end {
        Stop::Text => Ok((nodes, parser.named)),
        Stop::End => Err(parser.fault("unexpected {{end}}")),
        Stop::Else => Err(parser.fault("unexpected {{else}}")),
    }
}

/// What ended a list.
#[derive(PartialEq)]
enum Stop {
    Text,
    End,
    Else,
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    variables: Vec<String>,
    /// How many ranges are open.
    ranges: usize,
    /// In how many blocks and parentheses this is.
    depth: usize,
    named: Named,
}

impl Parser<'_> {
    fn fault(&self, why: impl std::fmt::Display) -> String {
        let at = self.tokens.get(self.at.saturating_sub(1)).map_or(self.text.len(), |token| token.at);
        complaint(self.text, at, why)
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn is(&self, kind: Kind, text: &str) -> bool {
        self.peek().is_some_and(|token| token.kind == kind && token.text == text)
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|token| token.kind == Kind::Space) {
            self.at += 1;
        }
    }

    fn take(&mut self) -> Result<Token, String> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        match token {
            Some(Token { kind: Kind::Fault, text, .. }) => Err(text),
            Some(token) => Ok(token),
            None => Err(complaint(self.text, self.text.len(), "unexpected EOF")),
        }
    }

    /// Where something begins, and its words up to here.
    fn words(&self, from: usize) -> Words {
        let end = self.tokens.get(self.at).map_or(self.text.len(), |token| token.at);
        let before = &self.text[..from];
        Words {
            line: 1 + before.matches('\n').count(),
            column: from - before.rfind('\n').map_or(0, |at| at + 1),
            text: self.text[from..end.max(from)].trim().to_owned(),
        }
    }

    /// Reads what is one level deeper.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.depth == DEEPEST {
            return Err(self.fault(format!("a template may be {DEEPEST} deep")));
        }
        self.depth += 1;
        let done = read(self)?;
        self.depth -= 1;
        Ok(done)
    }

    /// What stands up to the end of a block.
    fn list(&mut self) -> Result<(Vec<Node>, Stop), String> {
        let mut nodes = Vec::new();
        loop {
            let Some(token) = self.peek().cloned() else { return Ok((nodes, Stop::Text)) };
            if token.kind == Kind::Text {
                self.at += 1;
                nodes.push(Node::Text(token.text));
                continue;
            }
            self.skip_space();
            let word = self.peek().filter(|token| token.kind == Kind::Word).map(|token| token.text.clone());
            match word.as_deref() {
                Some("end") => {
                    self.at += 1;
                    self.close("end")?;
                    return Ok((nodes, Stop::End));
                }
                Some("else") => {
                    self.at += 1;
                    return Ok((nodes, Stop::Else));
                }
                // A comment leaves nothing.
                _ => nodes.extend(self.action(word.as_deref())?),
            }
        }
    }

    fn action(&mut self, word: Option<&str>) -> Result<Option<Node>, String> {
        let from = self.peek().map_or(self.text.len(), |token| token.at);
        match word {
            Some("if") => self.deeper(|inner| inner.block(Node::If, "if")).map(Some),
            Some("with") => self.deeper(|inner| inner.block(Node::With, "with")).map(Some),
            Some("range") => self.deeper(|inner| inner.block(Node::Range, "range")).map(Some),
            Some(loops @ ("break" | "continue")) => {
                self.at += 1;
                if self.ranges == 0 {
                    return Err(self.fault(format!("{{{{{loops}}}}} outside {{{{range}}}}")));
                }
                self.close(loops)?;
                Ok(Some(if loops == "break" { Node::Break } else { Node::Continue }))
            }
            Some("define") => self.define().map(|()| None),
            Some(call @ ("template" | "block")) => self.call(from, call == "block").map(Some),
            _ => {
                let pipe = self.pipe("command", true)?;
                Ok(Some(Node::Print(pipe)))
            }
        }
    }

    /// `if`, `with` and `range`, whose `else` may be followed by another of them.
    fn block(
        &mut self,
        make: fn(Pipe, Vec<Node>, Vec<Node>) -> Node,
        word: &'static str,
    ) -> Result<Node, String> {
        let known = self.variables.len();
        self.at += 1;
        let pipe = self.pipe(word, true)?;
        self.ranges += usize::from(word == "range");
        let (body, end) = self.list()?;
        self.ranges -= usize::from(word == "range");
        let mut other = Vec::new();
        match end {
            Stop::Text => return Err(complaint(self.text, self.text.len(), "unexpected EOF")),
            Stop::End => {}
            Stop::Else => {
                self.skip_space();
                if self.is(Kind::Word, word) && word != "range" {
                    // `else if` shares the end.
                    other.push(self.deeper(|inner| inner.block(make, word))?);
                    self.variables.truncate(known);
                    return Ok(make(pipe, body, other));
                }
                self.close("else")?;
                let (rest, end) = self.list()?;
                match end {
                    Stop::End => other = rest,
                    Stop::Else => return Err(self.fault("expected end; found {{else}}")),
                    Stop::Text => return Err(complaint(self.text, self.text.len(), "unexpected EOF")),
                }
            }
        }
        self.variables.truncate(known);
        Ok(make(pipe, body, other))
    }

    fn define(&mut self) -> Result<(), String> {
        self.at += 1;
        let name = self.name("define clause")?;
        self.close("define clause")?;
        let body = self.body()?;
        self.named.insert(name, body);
        Ok(())
    }

    /// The body of a template of its own, in which nothing from around it is known.
    fn body(&mut self) -> Result<Vec<Node>, String> {
        let variables = std::mem::replace(&mut self.variables, vec!["$".into()]);
        let ranges = std::mem::take(&mut self.ranges);
        let (body, end) = self.deeper(Self::list)?;
        (self.variables, self.ranges) = (variables, ranges);
        match end {
            Stop::End => Ok(body),
            Stop::Else => Err(self.fault("unexpected {{else}}")),
            Stop::Text => Err(complaint(self.text, self.text.len(), "unexpected EOF")),
        }
    }

    fn call(&mut self, from: usize, defines: bool) -> Result<Node, String> {
        self.at += 1;
        let clause = if defines { "block clause" } else { "template clause" };
        self.skip_space();
        let place = self.peek().map_or(from, |token| token.at);
        let name = self.name(clause)?;
        self.skip_space();
        let pipe = match self.peek() {
            Some(token) if token.kind == Kind::Close => {
                self.close(clause)?;
                None
            }
            _ => Some(self.pipe(clause, true)?),
        };
        // Faults name the whole action, at the place of the name.
        let text = self.words(from).text;
        let text = format!("{{{{{}}}}}", text.trim_end_matches("}}").trim_end());
        let words = Words { text, ..self.words(place) };
        if defines {
            let body = self.body()?;
            self.named.insert(name.clone(), body);
        }
        Ok(Node::Call(name, pipe, words))
    }

    /// The name of a template, in quotes.
    fn name(&mut self, clause: &str) -> Result<String, String> {
        self.skip_space();
        let token = self.take()?;
        match token.kind {
            Kind::Quoted => unquoted(&token.text).ok_or_else(|| self.fault("invalid syntax")),
            _ => Err(self.unexpected(&token, clause)),
        }
    }

    fn close(&mut self, clause: &str) -> Result<(), String> {
        self.skip_space();
        let token = self.take()?;
        if token.kind == Kind::Close { Ok(()) } else { Err(self.unexpected(&token, clause)) }
    }

    fn unexpected(&self, token: &Token, clause: &str) -> String {
        if token.kind == Kind::Fault {
            return token.text.clone();
        }
        let what = match token.kind {
            Kind::Word if KEYWORDS.contains(&&*token.text) => format!("<{}>", token.text),
            _ => format!("{:?}", token.text),
        };
        self.fault(format!("unexpected {what} in {clause}"))
    }

    /// Commands with bars between them, up to the end of the action or of the parentheses.
    fn pipe(&mut self, clause: &str, is_action: bool) -> Result<Pipe, String> {
        self.skip_space();
        let from = self.peek().map_or(self.text.len(), |token| token.at);
        let (names, declares) = self.declaration(clause)?;
        let mut commands = Vec::new();
        let words = loop {
            self.skip_space();
            let words = self.words(from);
            let token = self.take()?;
            match (token.kind, token.text.as_str()) {
                (Kind::Close, _) if is_action => break words,
                (Kind::Sign, ")") if !is_action => break words,
                (Kind::Sign, "|") if !commands.is_empty() => {}
                (Kind::Sign, "(")
                | (Kind::Word | Kind::Field | Kind::Variable | Kind::Dot, _)
                | (Kind::Quoted | Kind::Number, _)
                    if !(token.kind == Kind::Word && KEYWORDS.contains(&&*token.text)) =>
                {
                    self.at -= 1;
                    commands.push(self.command()?);
                }
                _ => return Err(self.unexpected(&token, clause)),
            }
        };
        if commands.is_empty() {
            return Err(self.fault(format!("missing value for {clause}")));
        }
        let constant = commands
            .iter()
            .skip(1)
            .find(|command| matches!(command.operands[0].what, What::Dot | What::Nil | What::Constant(_)));
        if constant.is_some() {
            let at = 1 + commands
                .iter()
                .skip(1)
                .position(|command| {
                    matches!(command.operands[0].what, What::Dot | What::Nil | What::Constant(_))
                })
                .unwrap_or(0);
            return Err(self.fault(format!("non executable command in pipeline stage {}", at + 1)));
        }
        Ok(Pipe { names, declares, commands, words })
    }

    /// `$a :=`, `$a, $b :=` and `$a =`, if one of them stands here.
    fn declaration(&mut self, clause: &str) -> Result<(Vec<String>, bool), String> {
        let begun = self.at;
        let mut names = Vec::new();
        loop {
            self.skip_space();
            let Some(token) = self.peek().filter(|token| token.kind == Kind::Variable) else { break };
            names.push(token.text.clone());
            self.at += 1;
            self.skip_space();
            if self.is(Kind::Sign, ",") && clause == "range" && names.len() == 1 {
                self.at += 1;
                continue;
            }
            let declares = self.is(Kind::Sign, ":=");
            if !declares && !self.is(Kind::Sign, "=") {
                break;
            }
            self.at += 1;
            if declares {
                self.variables.extend(names.iter().cloned());
            } else if let Some(name) = names.iter().find(|name| !self.variables.contains(name)) {
                return Err(self.fault(format!("undefined variable {name:?}")));
            }
            return Ok((names, declares));
        }
        self.at = begun;
        Ok((Vec::new(), false))
    }

    fn command(&mut self) -> Result<Command, String> {
        let from = self.peek().map_or(self.text.len(), |token| token.at);
        let mut operands = Vec::new();
        let mut words;
        loop {
            self.skip_space();
            operands.push(self.operand()?);
            words = self.words(from);
            let spaced = self.peek().is_some_and(|token| token.kind == Kind::Space);
            self.skip_space();
            let Some(token) = self.peek() else { break };
            let ends = token.kind == Kind::Close || matches!(token.text.as_str(), "|" | ")");
            if ends && token.kind != Kind::Quoted {
                break;
            }
            if !spaced {
                let token = token.clone();
                return Err(self.unexpected(&token, "operand"));
            }
        }
        Ok(Command { operands, words })
    }

    fn operand(&mut self) -> Result<Operand, String> {
        let token = self.take()?;
        let mut place = token.at;
        let mut what = match token.kind {
            Kind::Dot => What::Dot,
            Kind::Field => What::Fields(vec![token.text[1..].to_owned()]),
            Kind::Variable if self.variables.contains(&token.text) => {
                What::Variable(token.text.clone(), Vec::new())
            }
            Kind::Variable => return Err(self.fault(format!("undefined variable {:?}", token.text))),
            Kind::Quoted => What::Constant(self.constant(&token)?),
            Kind::Number => {
                let bad = || self.fault(format!("bad number syntax: {:?}", token.text));
                What::Constant(super::format::parsed(&token.text).ok_or_else(bad)?)
            }
            Kind::Sign if token.text == "(" => {
                let inner = self.deeper(|inner| inner.pipe("parenthesized pipeline", false))?;
                What::Nested(Box::new(inner), Vec::new())
            }
            Kind::Word => match token.text.as_str() {
                "nil" => What::Nil,
                "true" => What::Constant(Value::bool(true)),
                "false" => What::Constant(Value::bool(false)),
                name if functions::exists(name) => What::Function(name.to_owned()),
                name => return Err(self.fault(format!("function {name:?} not defined"))),
            },
            _ => return Err(self.unexpected(&token, "operand")),
        };
        // Fields follow without a space between. Faults name the second of several.
        let mut first = true;
        while let Some(field) = self.peek().filter(|token| token.kind == Kind::Field).cloned() {
            let name = field.text[1..].to_owned();
            match &mut what {
                What::Fields(fields) | What::Variable(_, fields) | What::Nested(_, fields) => {
                    fields.push(name)
                }
                _ => return Err(self.fault(format!("unexpected . after term {:?}", token.text))),
            }
            if std::mem::take(&mut first) {
                place = field.at;
            }
            self.at += 1;
        }
        let whole = self.words(token.at);
        Ok(Operand { what, words: Words { text: whole.text, ..self.words(place) } })
    }

    fn constant(&self, token: &Token) -> Result<Value, String> {
        let text = unquoted(&token.text).ok_or_else(|| self.fault("invalid syntax"))?;
        if !token.text.starts_with('\'') {
            return Ok(Value::Doc(Doc::from(text)));
        }
        let mut letters = text.chars();
        match (letters.next(), letters.next()) {
            (Some(letter), None) => Ok(Value::Int(i64::from(u32::from(letter)))),
            _ => Err(self.fault(format!("malformed character constant: {}", token.text))),
        }
    }
}

const KEYWORDS: [&str; 10] =
    ["if", "else", "end", "range", "with", "define", "template", "block", "break", "continue"];

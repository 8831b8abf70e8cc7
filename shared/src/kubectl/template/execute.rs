//! A template at work.

use crate::doc::Doc;

use super::parse::{Command, Node, Operand, Pipe, What, Words};
use super::value::Value;
use super::{GoTemplate, functions};

/// How deep templates may call one another.
const DEEPEST: u32 = 200;
/// So much is printed at most, in bytes, and so many things done: ranges may stand in ranges. What functions make counts
/// together, since variables may keep it.
pub(super) const LONGEST: usize = 16 << 20;
const MOST_MADE: usize = 4 * LONGEST;
const MOST: u32 = 2_000_000;

/// Why the work ended early.
enum Stop {
    Fault(String),
    Break,
    Continue,
}

/// What a template prints, and the fault that ended it.
pub(super) fn execute(template: &GoTemplate, doc: &Doc, missing_allowed: bool) -> (String, Option<String>) {
    let mut run = Run {
        template,
        missing_allowed,
        out: String::new(),
        variables: vec![("$".into(), Value::Doc(doc.clone()))],
        depth: 0,
        done: 0,
        made: 0,
    };
    match run.all(&template.nodes, &Value::Doc(doc.clone())) {
        Err(Stop::Fault(why)) => (run.out, Some(why)),
        _ => (run.out, None),
    }
}

struct Run<'t> {
    template: &'t GoTemplate,
    missing_allowed: bool,
    out: String,
    variables: Vec<(String, Value)>,
    depth: u32,
    done: u32,
    made: usize,
}

fn fault(words: &Words, why: impl std::fmt::Display) -> Stop {
    let Words { line, column, text } = words;
    Stop::Fault(format!("template: output:{line}:{column}: executing \"output\" at <{text}>: {why}"))
}

impl Run<'_> {
    fn all(&mut self, nodes: &[Node], dot: &Value) -> Result<(), Stop> {
        nodes.iter().try_for_each(|node| self.one(node, dot))
    }

    /// One thing more is done.
    fn count(&mut self) -> Result<(), Stop> {
        self.done += 1;
        let too_much = self.done > MOST || self.out.len() > LONGEST || self.made > MOST_MADE;
        if too_much { Err(Stop::Fault("the template prints too much".into())) } else { Ok(()) }
    }

    fn one(&mut self, node: &Node, dot: &Value) -> Result<(), Stop> {
        self.count()?;
        match node {
            Node::Text(text) => self.out.push_str(text),
            Node::Print(pipe) => {
                let value = self.pipe(pipe, dot)?;
                if pipe.names.is_empty() {
                    self.out.push_str(&value.shown());
                }
            }
            Node::If(pipe, body, other) => {
                return self.scope(|run| {
                    let value = run.pipe(pipe, dot)?;
                    run.all(if value.is_true() { body } else { other }, dot)
                });
            }
            Node::With(pipe, body, other) => {
                return self.scope(|run| {
                    let value = run.pipe(pipe, dot)?;
                    if value.is_true() { run.all(body, &value) } else { run.all(other, dot) }
                });
            }
            Node::Range(pipe, body, other) => return self.scope(|run| run.range(pipe, body, other, dot)),
            Node::Call(name, pipe, words) => return self.call(name, pipe.as_ref(), words, dot),
            Node::Break => return Err(Stop::Break),
            Node::Continue => return Err(Stop::Continue),
        }
        Ok(())
    }

    /// Variables that are named inside are forgotten.
    fn scope(&mut self, inside: impl FnOnce(&mut Self) -> Result<(), Stop>) -> Result<(), Stop> {
        let known = self.variables.len();
        let done = inside(self);
        self.variables.truncate(known);
        done
    }

    fn range(&mut self, pipe: &Pipe, body: &[Node], other: &[Node], dot: &Value) -> Result<(), Stop> {
        let value = self.commands(pipe, dot)?;
        let numbered = |count: i64| Box::new((0..count).map(|at| (Value::Int(at), Value::Int(at))));
        let items: Box<dyn Iterator<Item = (Value, Value)>> = match &value {
            Value::Int(count) => numbered(*count),
            Value::Doc(Doc::Int(count)) => numbered(count.get()),
            Value::Doc(Doc::List(items)) => {
                let places = (0..).map(Value::Int);
                Box::new(places.zip(items.iter().map(|item| Value::Doc(item.clone()))))
            }
            Value::Doc(Doc::Map(map)) => {
                let entries = map.entries().iter();
                Box::new(entries.map(|(key, item)| (Value::text(key.to_string()), Value::Doc(item.clone()))))
            }
            nothing if nothing.is_nothing() => Box::new(std::iter::empty()),
            other => {
                let why = format!("range can't iterate over {}", other.plain());
                let words = match &pipe.commands[..] {
                    [command] if command.operands.len() == 1 => &command.operands[0].words,
                    _ => &pipe.words,
                };
                return Err(fault(words, why));
            }
        };
        let mut items = items.peekable();
        if items.peek().is_none() {
            return self.all(other, dot);
        }
        for (key, item) in items {
            self.count()?;
            let named = match &pipe.names[..] {
                [] => Vec::new(),
                [one] => vec![(one, item.clone())],
                [first, second, ..] => vec![(first, key), (second, item.clone())],
            };
            let known = self.variables.len();
            for (name, value) in named {
                self.name(name, value, pipe.declares);
            }
            let done = self.all(body, &item);
            self.variables.truncate(known);
            match done {
                Err(Stop::Break) => break,
                Ok(()) | Err(Stop::Continue) => {}
                stop => return stop,
            }
        }
        Ok(())
    }

    fn call(&mut self, name: &str, pipe: Option<&Pipe>, words: &Words, dot: &Value) -> Result<(), Stop> {
        let Some(body) = self.template.named.get(name) else {
            return Err(fault(words, format!("template {name:?} not defined")));
        };
        if self.depth == DEEPEST {
            return Err(fault(words, "exceeded maximum template depth"));
        }
        let value = match pipe {
            Some(pipe) => self.pipe(pipe, dot)?,
            None => Value::Missing,
        };
        let outside = std::mem::replace(&mut self.variables, vec![("$".into(), value.clone())]);
        self.depth += 1;
        let done = self.all(body, &value);
        self.depth -= 1;
        self.variables = outside;
        done
    }

    fn name(&mut self, name: &str, value: Value, declares: bool) {
        match self.variables.iter_mut().rev().find(|(known, _)| known == name) {
            Some((_, known)) if !declares => *known = value,
            _ => self.variables.push((name.to_owned(), value)),
        }
    }

    fn pipe(&mut self, pipe: &Pipe, dot: &Value) -> Result<Value, Stop> {
        let value = self.commands(pipe, dot)?;
        for name in &pipe.names {
            self.name(name, value.clone(), pipe.declares);
        }
        Ok(value)
    }

    /// What the last of the commands makes of what those before it made.
    fn commands(&mut self, pipe: &Pipe, dot: &Value) -> Result<Value, Stop> {
        let mut last = None;
        for command in &pipe.commands {
            last = Some(self.command(command, dot, last)?);
        }
        Ok(last.unwrap_or(Value::Missing))
    }

    fn command(&mut self, command: &Command, dot: &Value, last: Option<Value>) -> Result<Value, Stop> {
        let [first, operands @ ..] = &command.operands[..] else { return Ok(Value::Missing) };
        if let What::Function(name) = &first.what {
            return self.function(name, command, operands, dot, last);
        }
        if matches!(first.what, What::Nil) {
            return Err(fault(&first.words, "nil is not a command"));
        }
        if !operands.is_empty() || last.is_some() {
            let why = match &first.what {
                What::Fields(fields) | What::Variable(_, fields) if !fields.is_empty() => {
                    format!("{} is not a method but has arguments", fields[fields.len() - 1])
                }
                _ => format!("can't give argument to non-function {}", first.words.text),
            };
            return Err(fault(&first.words, why));
        }
        self.operand(first, dot)
    }

    fn function(
        &mut self,
        name: &str,
        command: &Command,
        operands: &[Operand],
        dot: &Value,
        last: Option<Value>,
    ) -> Result<Value, Stop> {
        let given = operands.len() + usize::from(last.is_some());
        if let Some(why) = functions::miscounted(name, given) {
            return Err(fault(&command.words, why));
        }
        let mut values = Vec::new();
        for operand in operands {
            let value = self.operand(operand, dot)?;
            // The first that decides is the answer; the others are not looked at.
            if name == "and" && !value.is_true() || name == "or" && value.is_true() {
                return Ok(value);
            }
            values.push(value);
        }
        values.extend(last);
        if matches!(name, "and" | "or") {
            return Ok(values.pop().unwrap_or(Value::Missing));
        }
        let value = functions::call(name, &values)
            .map_err(|why| fault(&command.words, format!("error calling {name}: {why}")))?;
        self.made += value.as_text().map_or(0, |text| text.len());
        self.count()?;
        Ok(value)
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value, Stop> {
        match &operand.what {
            What::Dot => Ok(dot.clone()),
            What::Nil => Ok(Value::Doc(Doc::Null)),
            What::Constant(value) => Ok(value.clone()),
            What::Fields(fields) => self.fields(dot.clone(), fields, &operand.words),
            What::Variable(name, fields) => {
                let known = self.variables.iter().rev().find(|(known, _)| known == name);
                let value = known.map_or(Value::Missing, |(_, value)| value.clone());
                self.fields(value, fields, &operand.words)
            }
            What::Nested(pipe, fields) => {
                let value = self.pipe(pipe, dot)?;
                self.fields(value, fields, &operand.words)
            }
            What::Function(name) => {
                let command = Command { operands: vec![operand.clone()], words: operand.words.clone() };
                self.function(name, &command, &[], dot, None)
            }
        }
    }

    fn fields(&self, value: Value, fields: &[String], words: &Words) -> Result<Value, Stop> {
        fields.iter().try_fold(value, |value, field| match value {
            Value::Doc(Doc::Map(map)) if map.contains(field) => Ok(Value::Doc(map.get(field).clone())),
            Value::Doc(Doc::Map(_)) if !self.missing_allowed => {
                Err(fault(words, format!("map has no entry for key {field:?}")))
            }
            Value::Missing if !self.missing_allowed => {
                Err(fault(words, format!("nil data; no entry for key {field:?}")))
            }
            Value::Doc(Doc::Map(_)) | Value::Missing => Ok(Value::Missing),
            Value::Doc(Doc::Null) => {
                Err(fault(words, format!("nil pointer evaluating interface {{}}.{field}")))
            }
            _ => Err(fault(words, format!("can't evaluate field {field} in type interface {{}}"))),
        })
    }
}

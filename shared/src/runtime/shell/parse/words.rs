//! Words: quotes, variables, values of commands, sums.

use super::super::code::{Block, Modifier, Op, Part, Word};
use super::{Parsed, Parser};

impl Parser {
    /// A word, up to a blank or an operator.
    pub(super) fn word(&mut self) -> Parsed<Word> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let begin = self.at;
        while let Some(c) = self.peek() {
            match c {
                c if c.is_whitespace() || ";&|<>()".contains(c) => break,
                '\'' => {
                    flush(&mut parts, &mut text);
                    self.at += 1;
                    let quoted: String = self.text[self.at..].iter().take_while(|&&c| c != '\'').collect();
                    self.at += quoted.chars().count() + 1;
                    if self.at > self.text.len() {
                        return Err("syntax error: unterminated quoted string".into());
                    }
                    parts.push(Part::Text(quoted, true));
                }
                '"' => {
                    flush(&mut parts, &mut text);
                    self.at += 1;
                    self.double_quoted(&mut parts, Some('"'))?;
                }
                '\\' => {
                    flush(&mut parts, &mut text);
                    self.at += 2;
                    if let Some(&next) = self.text.get(self.at - 1).filter(|&&next| next != '\n') {
                        parts.push(Part::Text(next.to_string(), true));
                    }
                }
                '$' | '`' => {
                    flush(&mut parts, &mut text);
                    self.dollar(&mut parts, false)?;
                }
                _ => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
        flush(&mut parts, &mut text);
        if self.at == begin {
            let next = self.peek().map_or("end of file".to_owned(), |c| format!("\"{c}\""));
            return Err(format!("syntax error: unexpected {next}"));
        }
        self.at = self.at.min(self.text.len());
        Ok(Word(parts))
    }

    /// The inside of double quotes, up to `end`.
    pub(super) fn double_quoted(&mut self, parts: &mut Vec<Part>, end: Option<char>) -> Parsed<()> {
        let mut text = String::new();
        loop {
            match self.peek() {
                None if end.is_none() => break,
                None => return Err("syntax error: unterminated quoted string".into()),
                Some(c) if Some(c) == end => {
                    self.at += 1;
                    break;
                }
                Some('\\') => {
                    let next = self.text.get(self.at + 1).copied();
                    self.at += 2;
                    match next {
                        Some('\n') | None => {}
                        Some(c) if "$`\"\\".contains(c) => text.push(c),
                        Some(c) => text.extend(['\\', c]),
                    }
                }
                Some('$' | '`') => {
                    parts.extend((!text.is_empty()).then(|| Part::Text(std::mem::take(&mut text), true)));
                    self.dollar(parts, true)?;
                }
                Some(c) => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
        // Even empty quotes make a word.
        parts.push(Part::Text(text, true));
        Ok(())
    }

    /// What begins with `$` or a backquote.
    fn dollar(&mut self, parts: &mut Vec<Part>, quoted: bool) -> Parsed<()> {
        self.nested(|parser| parser.value(parts, quoted))
    }

    fn value(&mut self, parts: &mut Vec<Part>, quoted: bool) -> Parsed<()> {
        if self.accept("`") {
            let inner: String = self.text[self.at..].iter().take_while(|&&c| c != '`').collect();
            self.at += inner.chars().count() + 1;
            let rest = std::mem::replace(&mut self.text, inner.chars().collect());
            let at = std::mem::take(&mut self.at);
            let block = self.in_block(|parser| parser.list(&[]));
            (self.text, self.at) = (rest, at);
            self.emit(Op::Call(block?, Block::Capture));
            parts.push(Part::Value(quoted));
        } else if self.looking_at("$((") {
            self.at += 3;
            let inner = self.sum_text()?;
            parts.push(Part::Sum(self.quoted_text(&inner)?));
        } else if self.accept("$(") {
            let block = self.in_block(|parser| parser.list(&[]))?;
            self.close()?;
            self.emit(Op::Call(block, Block::Capture));
            parts.push(Part::Value(quoted));
        } else if self.accept("${") {
            self.braces(parts, quoted)?;
        } else {
            self.at += 1;
            match self.peek() {
                Some(c) if "?#@*$!0123456789".contains(c) => {
                    self.at += 1;
                    parts.push(Part::Variable(
                        c.to_string().into(),
                        Modifier::Plain,
                        Word::default(),
                        quoted,
                    ));
                }
                Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                    let name = self.name();
                    parts.push(Part::Variable(name.into(), Modifier::Plain, Word::default(), quoted));
                }
                _ => parts.push(Part::Text("$".into(), true)),
            }
        }
        Ok(())
    }

    /// The text of `$((…))`, whose brackets may nest.
    fn sum_text(&mut self) -> Parsed<String> {
        let mut inner = String::new();
        let mut depth = 0;
        loop {
            let Some(c) = self.peek() else { return Err("syntax error: missing '))'".into()) };
            if depth == 0 && self.accept("))") {
                return Ok(inner);
            }
            depth += i32::from(c == '(') - i32::from(c == ')');
            inner.push(c);
            self.at += 1;
        }
    }

    fn braces(&mut self, parts: &mut Vec<Part>, quoted: bool) -> Parsed<()> {
        let length = self.peek() == Some('#') && self.text.get(self.at + 1) != Some(&'}');
        self.at += usize::from(length);
        let special = self.peek().filter(|c| "?#@*$!".contains(*c));
        let name = match special {
            Some(c) => {
                self.at += 1;
                c.to_string()
            }
            None => self.name(),
        };
        const MODIFIERS: [(&str, Modifier); 12] = [
            (":-", Modifier::Default),
            (":=", Modifier::Assign),
            (":+", Modifier::Alternative),
            (":?", Modifier::Required),
            ("-", Modifier::Default),
            ("=", Modifier::Assign),
            ("+", Modifier::Alternative),
            ("?", Modifier::Required),
            ("##", Modifier::CutFront),
            ("#", Modifier::CutFront),
            ("%%", Modifier::CutBack),
            ("%", Modifier::CutBack),
        ];
        let found = MODIFIERS.into_iter().find(|(text, _)| self.looking_at(text));
        let modifier = match found {
            Some((text, modifier)) => {
                self.at += text.len();
                modifier
            }
            None if length => Modifier::Length,
            None => Modifier::Plain,
        };
        let mut word = Vec::new();
        if found.is_some() {
            self.double_quoted(&mut word, Some('}'))?;
        } else if !self.accept("}") {
            return Err("syntax error: bad substitution".into());
        }
        if name.is_empty() {
            return Err("syntax error: bad substitution".into());
        }
        parts.push(Part::Variable(name.into(), modifier, Word(word), quoted));
        Ok(())
    }
}

fn flush(parts: &mut Vec<Part>, text: &mut String) {
    if !text.is_empty() {
        parts.push(Part::Text(std::mem::take(text), false));
    }
}

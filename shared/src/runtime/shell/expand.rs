//! From words to what a program is given: variables, values of `$(…)`, sums, file names.

use crate::doc::Str;

use super::code::{Modifier, Part, Word};
use super::step::{Surroundings, TURN_EFFORT};
use super::sum::evaluate;
use super::{LONGEST_TEXT, Task};

/// Patterns of more characters fit nothing but themselves.
const LONGEST_PATTERN: usize = 1000;
/// How much words may come to together, as in Linux.
const MOST_ARGUMENTS: usize = 2 << 20;

/// The fields that come of words, as they grow.
#[derive(Default)]
struct Fields {
    done: Vec<Str>,
    now: String,
    /// Whether there is a field at all: `""` is one, an empty variable is none.
    open: bool,
    /// Whether file names are to be looked for.
    pattern: bool,
    /// What all of them take: their bytes, and a pointer for each.
    size: usize,
}

impl Fields {
    fn add(&mut self, text: &str) {
        self.open = true;
        if self.now.len() + text.len() <= LONGEST_TEXT {
            self.now.push_str(text);
        }
    }

    /// Goes on, unless there is too much of it already.
    fn check(&self) -> Result<(), String> {
        if self.size > MOST_ARGUMENTS { Err("Argument list too long".to_owned()) } else { Ok(()) }
    }

    fn end(&mut self, world: &Surroundings<'_>, directory: &str) {
        let field = std::mem::take(&mut self.now);
        let pattern = std::mem::take(&mut self.pattern);
        if std::mem::take(&mut self.open) {
            self.size += field.len() + size_of::<usize>();
            match if pattern { matching(&field, directory, world) } else { Vec::new() } {
                found if found.is_empty() => self.done.push(field.into()),
                found => self.done.extend(found),
            }
        }
    }
}

impl Task {
    /// The fields that words come to. `values` are those of their `$(…)`.
    ///
    /// # Errors
    /// What the shell says of a word that cannot be expanded.
    pub(super) fn fields(
        &mut self,
        words: &[Word],
        values: &mut std::vec::IntoIter<Str>,
        world: &Surroundings<'_>,
    ) -> Result<Vec<Str>, String> {
        let mut fields = Fields::default();
        let directory = self.directory.clone();
        for word in words {
            for part in &word.0 {
                self.part(part, values, &mut fields, world)?;
                fields.check()?;
            }
            fields.end(world, &directory);
        }
        Ok(fields.done)
    }

    /// The text of a word that is not split.
    pub(super) fn text(
        &mut self,
        word: &Word,
        values: &mut std::vec::IntoIter<Str>,
    ) -> Result<String, String> {
        let mut text = String::new();
        for part in &word.0 {
            let piece = match part {
                Part::Text(piece, _) => piece.clone(),
                Part::Value(_) => values.next().unwrap_or_default().to_string(),
                Part::Sum(sum) => self.sum(sum, values)?,
                Part::Variable(name, modifier, word, _) => {
                    self.variable(name, *modifier, word, values)?.unwrap_or_default()
                }
            };
            if text.len() + piece.len() <= LONGEST_TEXT {
                text.push_str(&piece);
            }
        }
        Ok(text)
    }

    fn sum(&mut self, sum: &Word, values: &mut std::vec::IntoIter<Str>) -> Result<String, String> {
        let text = self.text(sum, values)?;
        evaluate(&text, &mut self.variables).map(|value| value.to_string())
    }

    fn part(
        &mut self,
        part: &Part,
        values: &mut std::vec::IntoIter<Str>,
        fields: &mut Fields,
        world: &Surroundings<'_>,
    ) -> Result<(), String> {
        let (text, quoted) = match part {
            Part::Text(text, quoted) => {
                fields.pattern |= !quoted && text.contains(['*', '?']);
                fields.add(text);
                return Ok(());
            }
            Part::Sum(sum) => (self.sum(sum, values)?, true),
            Part::Value(quoted) => (values.next().unwrap_or_default().to_string(), *quoted),
            Part::Variable(name, Modifier::Plain, _, quoted) if matches!(name.as_str(), "@" | "*") => {
                let directory = self.directory.clone();
                if *quoted && name == "*" {
                    fields.add(&self.arguments.join(" "));
                    return Ok(());
                }
                for (at, argument) in self.arguments.iter().enumerate() {
                    if at > 0 {
                        fields.end(world, &directory);
                    }
                    fields.add(argument);
                }
                return Ok(());
            }
            Part::Variable(name, modifier, word, quoted) => {
                (self.variable(name, *modifier, word, values)?.unwrap_or_default(), *quoted)
            }
        };
        if quoted {
            fields.add(&text);
            return Ok(());
        }
        let directory = self.directory.clone();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let blank = rest.len() - rest.trim_start().len();
            if blank > 0 {
                fields.end(world, &directory);
                rest = &rest[blank..];
                continue;
            }
            let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
            fields.add(&rest[..length]);
            rest = &rest[length..];
        }
        Ok(())
    }

    /// The value of a variable, as its modifier wants it.
    fn variable(
        &mut self,
        name: &Str,
        modifier: Modifier,
        word: &Word,
        values: &mut std::vec::IntoIter<Str>,
    ) -> Result<Option<String>, String> {
        let value = self.value(name);
        let set = value.as_ref().is_some_and(|value| !value.is_empty());
        Ok(match modifier {
            Modifier::Plain => value,
            Modifier::Length => Some(value.unwrap_or_default().chars().count().to_string()),
            Modifier::Default if !set => Some(self.text(word, values)?),
            Modifier::Assign if !set => {
                let text = self.text(word, values)?;
                self.variables.insert(name.clone(), text.as_str().into());
                Some(text)
            }
            Modifier::Alternative => {
                let text = self.text(word, values)?;
                set.then_some(text)
            }
            Modifier::Required if !set => {
                let why = self.text(word, values)?;
                let why = if why.is_empty() { "parameter not set".to_owned() } else { why };
                return Err(format!("{name}: {why}"));
            }
            Modifier::CutFront | Modifier::CutBack => {
                let pattern = self.text(word, values)?;
                let value = value.unwrap_or_default();
                self.effort += cost(&value, &pattern);
                if self.effort > 2 * TURN_EFFORT {
                    return Err("out of memory".to_owned());
                }
                Some(without(&value, &pattern, modifier == Modifier::CutFront))
            }
            Modifier::Default | Modifier::Assign | Modifier::Required => value,
        })
    }

    /// Whether a text is as a pattern wants it.
    pub(super) fn fits(&mut self, text: &str, pattern: &str) -> bool {
        self.effort += cost(text, pattern);
        fits(text, pattern)
    }

    fn value(&mut self, name: &str) -> Option<String> {
        Some(match name {
            "?" => self.status.to_string(),
            "#" => self.arguments.len().to_string(),
            "$" => self.pid.to_string(),
            "!" => self.last_child.to_string(),
            "@" | "*" => self.arguments.join(" "),
            "PWD" => super::files::seen(&self.directory).to_owned(),
            "RANDOM" => {
                self.drawn += 1;
                let seed = (&self.code.source, self.pid, self.drawn, self.variables.get("HOSTNAME"));
                (crate::sim::hash_of(&seed) % 32_768).to_string()
            }
            name => match name.parse::<u32>() {
                Ok(0) => "sh".into(),
                Ok(number) => self.arguments.get(number as usize - 1)?.to_string(),
                Err(_) => self.variables.get(name)?.to_string(),
            },
        })
    }
}

/// What is left when the shortest piece that fits is cut off at one end.
fn without(value: &str, pattern: &str, front: bool) -> String {
    let mut pattern: Vec<char> = pattern.chars().collect();
    if pattern.len() > LONGEST_PATTERN {
        return value.to_owned();
    }
    if front {
        let rest = shortest(value.chars(), &pattern).map(|count| value.chars().skip(count).collect());
        return rest.unwrap_or_else(|| value.to_owned());
    }
    pattern.reverse();
    let kept = shortest(value.chars().rev(), &pattern).map(|count| value.chars().count() - count);
    value.chars().take(kept.unwrap_or(usize::MAX)).collect()
}

/// How many characters the shortest piece has that fits, from the first on. The text is gone through once.
fn shortest(mut text: impl Iterator<Item = char>, pattern: &[char]) -> Option<usize> {
    // Which beginnings of the pattern fit what was gone through.
    let mut fit = vec![false; pattern.len() + 1];
    fit[0] = true;
    for count in 0.. {
        for (at, c) in pattern.iter().enumerate() {
            // A star may stand for nothing.
            fit[at + 1] |= *c == '*' && fit[at];
        }
        if fit[pattern.len()] {
            return Some(count);
        }
        let next = text.next()?;
        for (at, c) in pattern.iter().enumerate().rev() {
            fit[at + 1] = match c {
                '*' => fit[at + 1],
                c => fit[at] && (*c == '?' || *c == next),
            };
        }
        fit[0] = false;
    }
    None
}

/// What it costs at the most to see whether a text is as a pattern wants it.
pub(super) fn cost(text: &str, pattern: &str) -> u64 {
    text.len() as u64 * (1 + pattern.len().min(LONGEST_PATTERN) as u64)
}

/// Whether a text is as a pattern with `*` and `?` wants it.
pub(super) fn fits(text: &str, pattern: &str) -> bool {
    if pattern.len() > LONGEST_PATTERN {
        return text == pattern;
    }
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut at, mut with) = (0, 0);
    // Where the last `*` stands, and how much it swallowed.
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(with) {
            Some('*') => {
                star = Some((with, at));
                with += 1;
            }
            Some(&c) if c == '?' || c == text[at] => {
                at += 1;
                with += 1;
            }
            _ => match star {
                Some((from, swallowed)) => {
                    star = Some((from, swallowed + 1));
                    (with, at) = (from + 1, swallowed + 1);
                }
                None => return false,
            },
        }
    }
    pattern[with..].iter().all(|&c| c == '*')
}

/// The files whose names fit a pattern; only the last part of a path may hold one.
fn matching(field: &str, directory: &str, world: &Surroundings<'_>) -> Vec<Str> {
    let (above, pattern) = field.rsplit_once('/').map_or(("", field), |(above, pattern)| (above, pattern));
    let start = if field.contains('/') { format!("{above}/") } else { String::new() };
    let path = super::files::absolute(directory, &start);
    let names = world.place.list(&path);
    let hidden = pattern.starts_with('.');
    names
        .iter()
        .filter(|name| fits(name, pattern) && (hidden || !name.starts_with('.')))
        .map(|name| format!("{start}{name}").into())
        .collect()
}

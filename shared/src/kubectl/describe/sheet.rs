//! The page that is written, and the texts with holes from which it is made.
//!
//! A text is lines. `>` at the beginning of a line sets it in by one step; `{path:format/else}` stands for a value of
//! the object. Before a line may stand when it is written: `?path ` where the path leads to something, `!path ` where
//! it leads to nothing, `*path ` once for each item of a list (whose fields the line then speaks of), `~path=value `
//! where that is there. A line `@part path` is written by a function of that name ([`super::parts`]).

use crate::doc::Doc;

use super::super::io::{Io, Stop};
use super::super::resource::Target;
use super::parts::PARTS;
use super::values::{at, is_there, shown};

pub(super) struct Sheet<'s, 'i> {
    pub text: String,
    /// Whether what happened to the object is told as well.
    pub events: bool,
    pub target: &'s Target,
    pub io: &'s mut Io<'i>,
}

impl Sheet<'_, '_> {
    /// Writes a line.
    pub fn line(&mut self, level: usize, line: impl AsRef<str>) {
        self.text.extend(std::iter::repeat_n("  ", level));
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    /// Writes `title:` and beside it lines one below the other.
    pub fn lines(&mut self, title: &str, lines: impl IntoIterator<Item = String>) {
        let mut any = false;
        for line in lines {
            let title = if any { String::new() } else { format!("{title}:") };
            self.line(0, format!("{title}\t{line}"));
            any = true;
        }
        if !any {
            self.line(0, format!("{title}:\t<none>"));
        }
    }

    /// Writes a text, its holes filled from an object.
    pub fn fill(&mut self, object: &Doc, text: &str) -> Result<(), Stop> {
        for line in text.lines() {
            let (mark, rest) = line.split_at(line.len().min(1));
            let (path, rest) = match mark {
                "?" | "!" | "*" | "~" | "@" => rest.split_once(' ').unwrap_or((rest, "")),
                _ => {
                    self.filled(object, line);
                    continue;
                }
            };
            match mark {
                "@" => {
                    let part = PARTS.iter().find(|(name, _)| *name == path);
                    let (_, write) = part.expect("a test goes through all texts");
                    write(self, object, rest)?;
                }
                "?" if is_there(at(object, path)) => self.fill(object, rest)?,
                "!" if !is_there(at(object, path)) => self.fill(object, rest)?,
                "*" => {
                    for item in at(object, path).items() {
                        self.fill(item, rest)?;
                    }
                }
                "~" => {
                    let (path, wanted) = path.split_once('=').unwrap_or((path, ""));
                    if at(object, path).as_str() == Some(wanted) {
                        self.fill(object, rest)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// One line without conditions.
    fn filled(&mut self, object: &Doc, line: &str) {
        let body = line.trim_start_matches('>');
        self.text.extend(std::iter::repeat_n("  ", line.len() - body.len()));
        let mut rest = body;
        while let Some((before, after)) = rest.split_once('{') {
            self.text.push_str(before);
            let (hole, after) = after.split_once('}').unwrap_or((after, ""));
            let (hole, otherwise) = hole.split_once('/').unwrap_or((hole, ""));
            let (path, format) = hole.split_once(':').unwrap_or((hole, ""));
            let value = at(object, path);
            let shown = if is_there(value) { shown(value, format) } else { String::new() };
            self.text.push_str(if shown.is_empty() { otherwise } else { &shown });
            rest = after;
        }
        self.text.push_str(rest);
        self.text.push('\n');
    }
}

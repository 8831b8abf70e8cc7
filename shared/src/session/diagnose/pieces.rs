//! A text cut into pieces that can be read alone: documents, and the items of a document that is a List.

use std::borrow::Cow;

use crate::doc::Doc;
use crate::manifest::Document;

/// Larger texts are read as a whole, with the bounds for a whole.
const MOST_BYTES: usize = 1 << 20;

/// A part of a text: a document, or an item of one that is a List.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece<'a> {
    /// How many lines stand before it.
    pub above: u32,
    /// How many are its own.
    pub lines: u32,
    /// The document, or the List with this item alone: what is said of the piece follows from this.
    pub(super) text: Cow<'a, str>,
    /// How many bytes stand before it.
    from: usize,
    /// Of an item: its List up to the first one.
    head: Option<Head<'a>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Head<'a> {
    above: u32,
    text: &'a str,
    /// With the first item: where that stands, all the others have to.
    and_first: &'a str,
}

impl Piece<'_> {
    /// Whether this line of the whole, counted from 1, is one of its own.
    pub fn has(&self, line: u32) -> bool {
        (self.above + 1..=self.above + self.lines).contains(&line)
    }

    /// Its text with its own lines where they are in the whole.
    pub fn in_place(&self) -> String {
        match self.head {
            None => format!("{}{}", blank(self.above), self.text),
            Some(head) => head.then(head.text, self.above, &self.text[head.text.len()..]),
        }
    }

    /// How many lines of its text stand before its own.
    pub(super) fn lines_of_head(&self) -> u32 {
        self.head.map_or(0, |head| lines(head.text))
    }

    /// Whether it is what it was cut as.
    pub(super) fn is_read_as(&self, documents: &[Document]) -> bool {
        let one_item = |document: &Document| {
            let doc = &document.doc;
            doc["kind"].str().ends_with("List") && matches!(doc["items"].items(), [Doc::Map(_)])
        };
        self.head.is_none() || matches!(documents, [document] if one_item(document))
    }

    /// The whole `text` without the words of what stands before this piece: what is open at its end is noticed by what
    /// follows, and told by its lines in the whole. `None` where more stands on the line with the `---`.
    pub(super) fn and_below(&self, text: &str) -> Option<String> {
        let Some(head) = self.head else {
            if self.from == 0 {
                return Some(text.to_owned());
            }
            let line = text[..self.from - 1].rfind('\n').map_or(0, |end| end + 1);
            let own = !text[line..].starts_with("---");
            return (!own).then(|| format!("{}{}", blank(self.above - 1), &text[line..]));
        };
        let is_first = self.above < head.above + lines(head.and_first);
        let read = if is_first { head.text } else { head.and_first };
        Some(head.then(read, self.above, &text[self.from..]))
    }
}

impl Head<'_> {
    /// The List's first lines with what stands below so many lines of the whole.
    fn then(&self, first: &str, above: u32, below: &str) -> String {
        format!("{}{first}{}{below}", blank(self.above), blank(above - self.above - lines(first)))
    }
}

fn lines(text: &str) -> u32 {
    text.matches('\n').count() as u32
}

fn blank(lines: u32) -> String {
    "\n".repeat(lines as usize)
}

/// The pieces of a text; `None` where they may not be told apart by their lines alone.
pub(in crate::session) fn pieces(text: &str) -> Option<Vec<Piece<'_>>> {
    (text.len() <= MOST_BYTES && !depends_on_all(text)).then(|| cut(text))
}

/// Whether what a document is may depend on what stands around it.
fn depends_on_all(text: &str) -> bool {
    // Aliases count together in all documents; `%` begins a directive for what follows.
    let counted = has_word(text, '&') && has_word(text, '*') || text.starts_with('%') || text.contains("\n%");
    // `\r` alone ends a line, too; a byte order mark may only be the very first.
    let old_ends = text.split('\r').skip(1).any(|rest| !rest.starts_with('\n'));
    counted || old_ends || text.rfind('\u{feff}').is_some_and(|at| at > 0)
}

/// Whether a word begins with this sign, as those of anchors and aliases do. `a && b` and `0 * * * *` have none.
fn has_word(text: &str, sign: char) -> bool {
    text.match_indices(sign).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + 1..].chars().next();
        before.is_none_or(|c| c.is_whitespace() || "[]{},:-?".contains(c))
            && after.is_some_and(|c| !c.is_whitespace() && c != sign)
    })
}

/// Cuts a text at every `---` at the beginning of a line, and Lists at their items. The line itself is part of no piece,
/// unless more stands on it.
pub(super) fn cut(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let (mut from, mut above, mut at, mut number) = (0, 0, 0, 0);
    let mut add = |from: usize, to: usize, above: u32, lines: u32| {
        let one = Piece { above, from, lines, text: Cow::Borrowed(&text[from..to]), head: None };
        match items(&text[from..to], from, above) {
            Some(items) => found.extend(items),
            None => found.push(one),
        }
    };
    for line in text.split_inclusive('\n') {
        let rest = line.strip_prefix("---");
        if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace)) {
            add(from, at, above, number - above);
            (from, above) = if rest.trim().is_empty() { (at + line.len(), number + 1) } else { (at, number) };
        }
        at += line.len();
        number += 1;
    }
    add(from, text.len(), above, number - above);
    found
}

/// The items of a document that looks like a List, by their dashes. What only looks so is found out when an item is read.
fn items(document: &str, from: usize, above: u32) -> Option<Vec<Piece<'_>>> {
    let spaces = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let says = |line: &str| !matches!(line.trim_start().chars().next(), None | Some('#'));
    let mut dash: Option<usize> = None;
    let mut begun = false;
    // Where each item begins, as byte and line, and where the last one ends.
    let (mut starts, mut end) = (Vec::new(), None);
    let (mut at, mut number) = (0, 0);
    for line in document.split_inclusive('\n') {
        let indent = spaces(line);
        if line.starts_with("...") {
            return None;
        }
        if begun && end.is_none() && says(line) {
            let rest = &line[indent..];
            let item = rest
                .strip_prefix('-')
                .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\n', '\r']));
            if item && dash.is_none_or(|dash| dash == indent) {
                dash = Some(indent);
                starts.push((at, number));
            } else if dash.is_none() {
                return None;
            } else if indent == 0 {
                end = Some((at, number));
            }
        }
        let key = line.strip_prefix("items:").filter(|_| !begun);
        begun |= key.is_some_and(|rest| !says(rest));
        at += line.len();
        number += 1;
    }
    let end = end.unwrap_or((at, number));
    let &[first, second, ..] = starts.as_slice() else { return None };
    let (head, foot) = (&document[..first.0], &document[end.0..]);
    // What stands around is read again with every item.
    if starts.len() * (head.len() + foot.len()) > MOST_BYTES {
        return None;
    }
    let head = Head { above, text: head, and_first: &document[..second.0] };
    let ends = starts.iter().skip(1).copied().chain([end]);
    let piece = |((start, line), (end, next)): ((usize, u32), (usize, u32))| Piece {
        above: above + line,
        from: from + start,
        lines: next - line,
        text: Cow::Owned(format!("{}{}{foot}", head.text, &document[start..end])),
        head: Some(head),
    };
    Some(starts.iter().copied().zip(ends).map(piece).collect())
}

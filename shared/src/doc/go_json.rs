//! Text in JSON from outside: read in one go, bounded, with the faults in the words of Go's reader; and, for the rare body of
//! which something is to be said, where in the text its fields stand.

use std::fmt::Write;
use std::ops::Range;

use crate::doc::{Doc, Map, Segment, Str, intern};

/// Levels of lists and objects inside one another. (Go stops at 10,000: a document of ours is taken apart by
/// recursion, which must fit into a small stack.)
const MOST_DEEP: u32 = 128;

/// What a body says.
pub(crate) struct Body {
    pub doc: Doc,
    /// Whether a key stands twice in an object (the last one counts), or a number is beyond all bounds.
    pub suspect: bool,
}

/// Reads a text.
///
/// # Errors
/// The first fault.
pub(crate) fn read(text: &str) -> Result<Body, String> {
    let mut reader = Reader { text, at: 0, depth: 0, suspect: false };
    let doc = reader.value()?;
    reader.space();
    match reader.peek() {
        None => Ok(Body { doc, suspect: reader.suspect }),
        Some(_) => Err(reader.unexpected("after top-level value")),
    }
}

/// The first of several values that may stand one after the other, and where it ends. The error is the fault and after
/// how many bytes it was noticed, or the text's end in the middle of a value.
pub(crate) fn first(text: &str) -> Result<(Doc, usize), (String, Option<usize>)> {
    let mut reader = Reader { text, at: 0, depth: 0, suspect: false };
    match reader.value() {
        Ok(doc) => Ok((doc, reader.at)),
        Err(_) if reader.peek().is_none() => Err(("unexpected EOF".into(), None)),
        Err(fault) => Err((fault, Some(reader.at + 1))),
    }
}

/// A field of a body.
pub(crate) struct Place {
    /// Which one comes first in the text.
    pub order: u32,
    /// What is written there.
    pub text: Range<usize>,
    /// Whether the same stood there before.
    pub again: bool,
}

/// All fields and items of a well-formed text, by their path as Go's strict reader writes it, in the order of the text.
pub(crate) fn places(text: &str, visit: &mut dyn FnMut(&[Segment], Place)) {
    let mut walk =
        Walk { reader: Reader { text, at: 0, depth: 0, suspect: false }, path: Vec::new(), order: 0 };
    walk.value(visit);
}

struct Walk<'a> {
    reader: Reader<'a>,
    path: Vec<Segment>,
    order: u32,
}

impl Walk<'_> {
    fn value(&mut self, visit: &mut dyn FnMut(&[Segment], Place)) {
        self.reader.space();
        let close = match self.reader.peek() {
            Some('{') => '}',
            Some('[') => ']',
            _ => return drop(self.reader.value()),
        };
        self.reader.at += 1;
        let mut seen: crate::collections::BTreeSet<Str> = crate::collections::BTreeSet::new();
        let mut index = 0;
        loop {
            self.reader.space();
            match self.reader.peek() {
                Some(',') => {
                    self.reader.at += 1;
                    continue;
                }
                Some(c) if c != close => {}
                _ => break,
            }
            let segment = if close == ']' {
                Segment::Index(index)
            } else {
                let key = self.reader.string().unwrap_or_default();
                self.reader.space();
                self.reader.at += 1;
                Segment::Key(key)
            };
            index += 1;
            let again = matches!(&segment, Segment::Key(key) if !seen.insert(key.clone()));
            self.reader.space();
            let (start, order) = (self.reader.at, self.order);
            self.order += 1;
            self.path.push(segment);
            self.value(visit);
            visit(&self.path, Place { order, text: start..self.reader.at, again });
            self.path.pop();
        }
        self.reader.at += 1;
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
    suspect: bool,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        let byte = *self.text.as_bytes().get(self.at)?;
        if byte.is_ascii() { Some(char::from(byte)) } else { self.text[self.at..].chars().next() }
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|c| matches!(c, ' ' | '\t' | '\r' | '\n')) {
            self.at += 1;
        }
    }

    fn unexpected(&self, place: &str) -> String {
        match self.peek() {
            None => "unexpected end of JSON input".into(),
            Some(c) => format!("invalid character {} {place}", quoted(c)),
        }
    }

    fn value(&mut self) -> Result<Doc, String> {
        self.space();
        match self.peek() {
            Some('{' | '[') => {
                self.depth += 1;
                if self.depth > MOST_DEEP {
                    return Err(self.unexpected("exceeded max depth"));
                }
                let read = if self.peek() == Some('{') { self.object() } else { self.list() };
                self.depth -= 1;
                read
            }
            Some('"') => self.string().map(Doc::Str),
            Some('t') => self.literal("true", Doc::Bool(true)),
            Some('f') => self.literal("false", Doc::Bool(false)),
            Some('n') => self.literal("null", Doc::Null),
            Some('-' | '0'..='9') => self.number(),
            _ => Err(self.unexpected("looking for beginning of value")),
        }
    }

    fn object(&mut self) -> Result<Doc, String> {
        self.at += 1;
        let mut entries: Vec<(Str, Doc)> = Vec::new();
        self.space();
        if self.peek() == Some('}') {
            self.at += 1;
            return Ok(Doc::map());
        }
        loop {
            self.space();
            if self.peek() != Some('"') {
                return Err(self.unexpected("looking for beginning of object key string"));
            }
            let key = self.string()?;
            self.space();
            if self.peek() != Some(':') {
                return Err(self.unexpected("after object key"));
            }
            self.at += 1;
            entries.push((key, self.value()?));
            self.space();
            match self.peek() {
                Some(',') => self.at += 1,
                Some('}') => break,
                _ => return Err(self.unexpected("after object key:value pair")),
            }
        }
        self.at += 1;
        let written = entries.len();
        let map: Map = entries.into_iter().collect();
        self.suspect |= map.entries().len() < written;
        Ok(Doc::Map(map))
    }

    fn list(&mut self) -> Result<Doc, String> {
        self.at += 1;
        let mut items: Vec<Doc> = Vec::new();
        self.space();
        if self.peek() == Some(']') {
            self.at += 1;
            return Ok(Doc::from(items));
        }
        loop {
            items.push(self.value()?);
            self.space();
            match self.peek() {
                Some(',') => self.at += 1,
                Some(']') => break,
                _ => return Err(self.unexpected("after array element")),
            }
        }
        self.at += 1;
        items.shrink_to_fit();
        Ok(Doc::from(items))
    }

    fn string(&mut self) -> Result<Str, String> {
        self.at += 1;
        let start = self.at;
        let mut decoded: Option<String> = None;
        loop {
            match self.peek() {
                Some('"') => {
                    let text = decoded.as_deref().unwrap_or(&self.text[start..self.at]);
                    let text = intern(text);
                    self.at += 1;
                    return Ok(text);
                }
                Some('\\') => {
                    let before = &self.text[start..self.at];
                    let mut so_far = decoded.take().unwrap_or_else(|| before.to_owned());
                    self.at += 1;
                    so_far.push(self.escape()?);
                    decoded = Some(so_far);
                }
                Some(c) if c >= ' ' => {
                    self.at += c.len_utf8();
                    if let Some(decoded) = &mut decoded {
                        decoded.push(c);
                    }
                }
                _ => return Err(self.unexpected("in string literal")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let escaped = match self.peek() {
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('u') => {
                self.at += 1;
                return self.code_unit();
            }
            _ => return Err(self.unexpected("in string escape code")),
        };
        self.at += 1;
        Ok(escaped)
    }

    /// What `\u` means; half of a pair that lacks the other stands for nothing that there is.
    fn code_unit(&mut self) -> Result<char, String> {
        let high = self.hex()?;
        if !(0xd800..0xdc00).contains(&high) || !self.text[self.at..].starts_with("\\u") {
            return Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let back = self.at;
        self.at += 2;
        let low = self.hex()?;
        if !(0xdc00..0xe000).contains(&low) {
            self.at = back;
            return Ok(char::REPLACEMENT_CHARACTER);
        }
        let code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Result<u32, String> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(16)) else {
                return Err(self.unexpected("in \\u hexadecimal character escape"));
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn literal(&mut self, word: &str, value: Doc) -> Result<Doc, String> {
        for expected in word.chars() {
            if self.peek() != Some(expected) {
                let place = format!("in literal {word} (expecting {})", quoted(expected));
                return Err(self.unexpected(&place));
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn number(&mut self) -> Result<Doc, String> {
        let start = self.at;
        if self.peek() == Some('-') {
            self.at += 1;
        }
        match self.peek() {
            Some('0') => self.at += 1,
            Some('1'..='9') => self.digits(),
            _ => return Err(self.unexpected("in numeric literal")),
        }
        if self.peek() == Some('.') {
            self.at += 1;
            self.some_digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            self.at += 1;
            if matches!(self.peek(), Some('+' | '-')) {
                self.at += 1;
            }
            self.some_digits("in exponent of numeric literal")?;
        }
        let text = &self.text[start..self.at];
        if let Ok(whole) = text.parse::<i64>() {
            return Ok(Doc::from(whole));
        }
        let number: f64 = text.parse().unwrap_or(f64::MAX);
        self.suspect |= number.is_infinite();
        Ok(Doc::from(number.clamp(f64::MIN, f64::MAX)))
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn some_digits(&mut self, place: &str) -> Result<(), String> {
        if !self.peek().is_some_and(|c| c.is_ascii_digit()) {
            return Err(self.unexpected(place));
        }
        self.digits();
        Ok(())
    }
}

/// A character as Go quotes it in such a message.
fn quoted(c: char) -> String {
    let mut text = String::from("'");
    match c {
        '\'' => text.push_str("\\'"),
        '"' => text.push('"'),
        '\\' => text.push_str("\\\\"),
        '\u{7}' => text.push_str("\\a"),
        '\u{8}' => text.push_str("\\b"),
        '\u{c}' => text.push_str("\\f"),
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        '\u{b}' => text.push_str("\\v"),
        c if c < ' ' || c == '\u{7f}' => drop(write!(text, "\\x{:02x}", u32::from(c))),
        // Go looks at bytes here.
        c if !c.is_ascii() => {
            let byte = c.encode_utf8(&mut [0; 4]).as_bytes()[0];
            text.push(char::from(byte));
        }
        c => text.push(c),
    }
    text.push('\'');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_faults_as_go_does() {
        let cases = [
            ("{bad", "invalid character 'b' looking for beginning of object key string"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            ("{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair"),
            ("[1 2]", "invalid character '2' after array element"),
            ("{\"a\":}", "invalid character '}' looking for beginning of value"),
            ("{\"a\":tru}", "invalid character '}' in literal true (expecting 'e')"),
            ("{} x", "invalid character 'x' after top-level value"),
            ("{\"a\":\"b", "unexpected end of JSON input"),
            ("", "unexpected end of JSON input"),
            ("-x", "invalid character 'x' in numeric literal"),
            ("1.x", "invalid character 'x' after decimal point in numeric literal"),
            ("\"a\0b\"", "invalid character '\\x00' in string literal"),
            ("\"a\nb\"", "invalid character '\\n' in string literal"),
            ("\"\\x\"", "invalid character 'x' in string escape code"),
            ("\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character escape"),
            ("é", "invalid character 'Ã' looking for beginning of value"),
        ];
        for (text, fault) in cases {
            assert_eq!(read(text).err().as_deref(), Some(fault), "{text}");
        }
        let deep = "[".repeat(1 << 20);
        assert_eq!(read(&deep).err().as_deref(), Some("invalid character '[' exceeded max depth"));
    }

    #[test]
    fn reads_what_is_well_formed() {
        let text =
            r#" {"a":[1,2.5e3,true,null,"\n\u00e9\ud83d\ude00\ud800x"],"b":{},"c":-9223372036854775808} "#;
        let body = read(text).ok().unwrap();
        assert!(!body.suspect);
        let expected = "{\"a\":[1,2500.0,true,null,\"\\né😀\u{fffd}x\"],\"b\":{},\"c\":-9223372036854775808}";
        assert_eq!(body.doc.to_json(), expected);
        for (text, value) in [("1e400", f64::MAX), ("-1e400", f64::MIN)] {
            let body = read(text).ok().unwrap();
            assert!(body.suspect);
            assert_eq!(body.doc, Doc::from(value));
        }
        let twice = read(r#"{"a":1,"a":2}"#).ok().unwrap();
        assert!(twice.suspect);
        assert_eq!(twice.doc["a"].as_i64(), Some(2));
    }

    #[test]
    fn knows_where_fields_stand() {
        let mut found = Vec::new();
        let text = r#"{"b":{"x":[1, 1e400]},"a":"t","b":7}"#;
        places(text, &mut |path, place| {
            let path = path.iter().map(|segment| match segment {
                Segment::Key(key) => key.to_string(),
                Segment::Index(at) => at.to_string(),
            });
            found.push((path.collect::<Vec<_>>().join("."), place.order, &text[place.text], place.again));
        });
        let expected = [
            ("b.x.0", 2, "1", false),
            ("b.x.1", 3, "1e400", false),
            ("b.x", 1, "[1, 1e400]", false),
            ("b", 0, "{\"x\":[1, 1e400]}", false),
            ("a", 4, "\"t\"", false),
            ("b", 5, "7", true),
        ];
        assert_eq!(found, expected.map(|(path, order, text, again)| (path.to_owned(), order, text, again)));
    }
}

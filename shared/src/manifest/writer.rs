//! Writes documents as `kubectl -o yaml` does: lists level with their key, quotes only where needed, long lines
//! folded.

use crate::collections::sort_by;
use crate::doc::Doc;

use super::{order, scalar};

/// Lines longer than this break at the next space.
const WIDTH: usize = 80;

/// The document as YAML, keys in order, with a line break at the end.
pub fn to_yaml(doc: &Doc) -> String {
    let mut writer = Writer { out: String::new(), column: 0 };
    match doc {
        Doc::Map(map) if !map.entries().is_empty() => writer.fields(doc, 0, true),
        Doc::List(items) if !items.is_empty() => writer.items(doc, 0, true),
        value => {
            writer.value(value, 0);
            writer.line_break();
        }
    }
    writer.out
}

struct Writer {
    out: String,
    column: usize,
}

impl Writer {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn line_break(&mut self) {
        if self.column > 0 {
            self.out.push('\n');
            self.column = 0;
        }
    }

    fn start_line(&mut self, indent: usize) {
        self.line_break();
        self.put(&" ".repeat(indent));
    }

    /// `inline`: the first entry goes on the line that has begun, after `- `.
    fn fields(&mut self, doc: &Doc, indent: usize, inline: bool) {
        let mut entries: Vec<_> = doc.entries().iter().collect();
        if !entries.is_sorted_by(|(one, _), (next, _)| order::compare(one, next).is_le()) {
            sort_by(&mut entries, |(one, _), (next, _)| order::compare(one, next));
        }
        for (at, (key, value)) in entries.into_iter().enumerate() {
            if at > 0 || !inline {
                self.start_line(indent);
            }
            self.text(key, indent, true);
            self.put(":");
            match value {
                Doc::Map(map) if !map.entries().is_empty() => self.fields(value, indent + 2, false),
                Doc::List(items) if !items.is_empty() => self.items(value, indent, false),
                value => {
                    self.put(" ");
                    self.value(value, indent + 2);
                }
            }
        }
        self.line_break();
    }

    fn items(&mut self, doc: &Doc, indent: usize, inline: bool) {
        for (at, value) in doc.items().iter().enumerate() {
            if at > 0 || !inline {
                self.start_line(indent);
            }
            self.put("- ");
            match value {
                Doc::Map(map) if !map.entries().is_empty() => self.fields(value, indent + 2, true),
                Doc::List(items) if !items.is_empty() => self.items(value, indent + 2, true),
                value => self.value(value, indent + 2),
            }
        }
        self.line_break();
    }

    /// A scalar or an empty collection.
    fn value(&mut self, value: &Doc, indent: usize) {
        match value {
            Doc::Null => self.put("null"),
            Doc::Bool(value) => self.put(if *value { "true" } else { "false" }),
            Doc::Int(number) => self.put(&number.get().to_string()),
            Doc::Float(number) => self.put(&float(number.get())),
            Doc::Str(text) => self.text(text, indent, false),
            Doc::Time(time) => self.text(&time.rfc3339(), indent, false),
            Doc::MicroTime(time) => self.text(&time.rfc3339_micros(), indent, false),
            Doc::List(_) => self.put("[]"),
            Doc::Map(_) => self.put("{}"),
        }
    }

    fn text(&mut self, text: &str, indent: usize, key: bool) {
        let shape = Shape::of(text);
        let resolves =
            !matches!(scalar::plain(text), Doc::Str(_)) || text == "<<" || is_date(text) || is_base_60(text);
        if text.contains('\n') {
            if shape.block && !key { self.block(text, indent) } else { self.double_quoted(text, indent, key) }
        } else if resolves {
            self.double_quoted(text, indent, key);
        } else if shape.plain {
            self.folded(text, indent, key);
        } else if shape.single {
            self.put("'");
            self.folded(&text.replace('\'', "''"), indent, key);
            self.put("'");
        } else {
            self.double_quoted(text, indent, key);
        }
    }

    /// Text that breaks at single spaces once the line is long.
    fn folded(&mut self, text: &str, indent: usize, key: bool) {
        let mut previous = ' ';
        let mut characters = text.chars().peekable();
        while let Some(c) = characters.next() {
            let single = c == ' ' && previous != ' ' && characters.peek().is_some_and(|next| *next != ' ');
            if single && !key && self.column > WIDTH {
                self.start_line(indent);
            } else {
                self.put(c.encode_utf8(&mut [0; 4]));
            }
            previous = c;
        }
    }

    fn double_quoted(&mut self, text: &str, indent: usize, key: bool) {
        self.put("\"");
        // No break at the first character.
        let mut previous = ' ';
        let mut characters = text.chars().peekable();
        while let Some(c) = characters.next() {
            let next = characters.peek().copied();
            let first_space = c == ' ' && previous != ' ';
            previous = c;
            if first_space && !key && self.column > WIDTH && next.is_some() {
                self.start_line(indent);
                if next == Some(' ') {
                    self.put("\\");
                }
                continue;
            }
            match c {
                '"' => self.put("\\\""),
                '\\' => self.put("\\\\"),
                '\0' => self.put("\\0"),
                '\x07' => self.put("\\a"),
                '\x08' => self.put("\\b"),
                '\t' => self.put("\\t"),
                '\n' => self.put("\\n"),
                '\x0b' => self.put("\\v"),
                '\x0c' => self.put("\\f"),
                '\r' => self.put("\\r"),
                '\x1b' => self.put("\\e"),
                '\u{85}' => self.put("\\N"),
                '\u{2028}' => self.put("\\L"),
                '\u{2029}' => self.put("\\P"),
                c if is_printable(c) => self.put(c.encode_utf8(&mut [0; 4])),
                c if u32::from(c) <= 0xff => self.put(&format!("\\x{:02X}", u32::from(c))),
                c if u32::from(c) <= 0xffff => self.put(&format!("\\u{:04X}", u32::from(c))),
                c => self.put(&format!("\\U{:08X}", u32::from(c))),
            }
        }
        self.put("\"");
    }

    fn block(&mut self, text: &str, indent: usize) {
        let indent = indent.max(2);
        self.put("|");
        if text.starts_with([' ', '\n']) {
            self.put("2");
        }
        if !text.ends_with('\n') {
            self.put("-");
        } else if text.ends_with("\n\n") || text == "\n" {
            self.put("+");
        }
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            self.out.push('\n');
            self.column = 0;
            if !line.is_empty() {
                self.put(&" ".repeat(indent));
                self.put(line);
            }
        }
        // The next thing begins its own line, even after an empty one.
        self.column = self.column.max(1);
    }
}

/// As JSON and then Go write it.
fn float(number: f64) -> String {
    if number.trunc() == number && number.abs() < scalar::I64_LIMIT {
        (number as i64).to_string()
    } else {
        scalar::go_float(number)
    }
}

/// The styles that can hold a text.
struct Shape {
    plain: bool,
    single: bool,
    block: bool,
}

impl Shape {
    fn of(text: &str) -> Shape {
        let special = text.chars().any(|c| !is_printable(c));
        let space_before_break = text.contains(" \n");
        let space_after_break = text.contains("\n ");
        let open_ended = text.starts_with([' ', '\n']) || text.ends_with([' ', '\n']);
        let broken = special || space_before_break;
        Shape {
            plain: !broken && !open_ended && !text.contains('\n') && !has_indicators(text),
            single: !broken && !space_after_break,
            block: !broken && !text.ends_with(' '),
        }
    }
}

/// Whether something in the text means something else to YAML.
fn has_indicators(text: &str) -> bool {
    if text.starts_with("---") || text.starts_with("...") {
        return true;
    }
    let blank = |c: Option<char>| c.is_none_or(|c| matches!(c, ' ' | '\t'));
    let mut previous = None;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let next = characters.peek().copied();
        let indicator = match (previous, c) {
            (
                None,
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
                | '`',
            ) => true,
            (None, '?' | '-') => blank(next),
            (_, ':') => blank(next),
            (previous, '#') => blank(previous),
            _ => false,
        };
        if indicator {
            return true;
        }
        previous = Some(c);
    }
    false
}

/// What the YAML library of kubectl takes for printable: no tabs and nothing beyond the basic plane.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// A date, with or without a time of day: YAML 1.1 has a type for it.
fn is_date(text: &str) -> bool {
    let Some((year, rest)) = text.split_once('-') else { return false };
    let digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
    };
    if year.len() != 4 || !digits(year, 4) {
        return false;
    }
    let (date, time) = match rest.find(['T', 't', ' ']) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let month_and_day = date.split_once('-').is_some_and(|(month, day)| digits(month, 2) && digits(day, 2));
    month_and_day
        && time.is_none_or(|time| {
            let clock = time.find(['Z', '+', '-']).map_or(time, |zone| &time[..zone]);
            let parts: Vec<&str> = clock.split(':').collect();
            parts.len() == 3 && parts.iter().all(|part| part.starts_with(|c: char| c.is_ascii_digit()))
        })
}

/// `12:30:45`, a number in YAML 1.1.
fn is_base_60(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let Some((first, rest)) = text.split_once(':') else { return false };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let (rest, fraction) = rest.split_once('.').unwrap_or((rest, "0"));
    let sixtieth = |part: &str| part.parse::<u8>().is_ok_and(|number| number < 60 && part.len() <= 2);
    first.starts_with(|c: char| c.is_ascii_digit())
        && digits(first)
        && (fraction.is_empty() || digits(fraction))
        && rest.split(':').all(sixtieth)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doc;
    use crate::manifest::parse;

    #[test]
    fn writes_what_kubectl_writes() {
        let pod = doc!({
            "apiVersion": "v1",
            "data": { "a.conf": "x = 1\n\ny = 2\n", "end": "no\nbreak", "hint": " x\ny\n", "tab": "a\tb\nc", "two": "a\n\n" },
            "metadata": { "annotations": {}, "labels": { "n": "1", "yes": "on", "z": "it's" } },
            "spec": {
                "args": ["--x=a: b", "- y", "*", "12:30", "2026-01-02T03:04:05Z", "", "~", "#", "a #b", "plain, text [x]"],
                "containers": [{ "name": "c", "ports": [{ "containerPort": 80 }] }, {}],
                "nested": [[1, 2], []],
                "none": null,
                "ok": true,
                "ratio": 0.5
            }
        });
        let expected = r##"apiVersion: v1
data:
  a.conf: |
    x = 1

    y = 2
  end: |-
    no
    break
  hint: |2
     x
    y
  tab: "a\tb\nc"
  two: |+
    a

metadata:
  annotations: {}
  labels:
    "n": "1"
    "yes": "on"
    z: it's
spec:
  args:
  - '--x=a: b'
  - '- y'
  - '*'
  - "12:30"
  - "2026-01-02T03:04:05Z"
  - ""
  - "~"
  - '#'
  - 'a #b'
  - plain, text [x]
  containers:
  - name: c
    ports:
    - containerPort: 80
  - {}
  nested:
  - - 1
    - 2
  - []
  none: null
  ok: true
  ratio: 0.5
"##;
        assert_eq!(to_yaml(&pod), expected);
    }

    #[test]
    fn long_text_folds_as_in_kubectl() {
        let condition = doc!({ "conditions": [{
            "message": "pods \"w-86d455b5d9-cf2kz\" is forbidden: exceeded quota: q, requested: \
                        limits.memory=300Mi,pods=1,requests.cpu=300m, used: \
                        limits.memory=900Mi,pods=3,requests.cpu=900m, limited: \
                        limits.memory=1Gi,pods=3,requests.cpu=1",
            "reason": "FailedCreate"
        }] });
        let recorded = r#"conditions:
- message: 'pods "w-86d455b5d9-cf2kz" is forbidden: exceeded quota: q, requested:
    limits.memory=300Mi,pods=1,requests.cpu=300m, used: limits.memory=900Mi,pods=3,requests.cpu=900m,
    limited: limits.memory=1Gi,pods=3,requests.cpu=1'
  reason: FailedCreate
"#;
        assert_eq!(to_yaml(&condition), recorded);
    }

    #[test]
    fn reads_back_what_it_writes() {
        let texts = [
            "x",
            "",
            " ",
            "\n",
            "\n\n",
            "a\n",
            " a",
            "a ",
            "a\nb",
            "a \nb",
            "\na",
            "a\n ",
            "\t",
            "é名",
            "\u{1F600}",
            "\u{7}",
            "null",
            "true",
            "0x1",
            "1e3",
            ".5",
            "-",
            "- ",
            "a: b",
            "a:",
            ":a",
            "?",
            "{",
            "[x",
            "'",
            "\"",
            "\\",
            "%x",
            "&a",
            "*a",
            "!a",
            "|",
            ">",
            "@",
            "`",
            "---",
            "--- a",
            "...",
            "a#b",
            "# a",
            "<<",
            "=",
            "a\r\nb",
            "\u{85}",
            "\u{feff}a",
            "2026-1-2",
            "1:2",
            "x  y",
            "a 'q' b: c",
            "a\n\n\nb\n",
            "  lead\n  lead\n",
        ];
        for text in texts {
            let long = format!("{text} {}", "word ".repeat(30));
            let spaced = format!("{text}  {}", "two  spaces  ".repeat(15));
            for text in [text, &long, &spaced] {
                for doc in [doc!({ "k": text }), doc!([text, [text]]), doc!({ "k": { "l": [text] } })] {
                    let yaml = to_yaml(&doc);
                    let back = parse(&yaml).unwrap_or_else(|why| panic!("{why}\n{yaml}"));
                    assert_eq!(back[0].doc, doc, "{yaml}");
                }
                let mut keyed = Doc::map();
                keyed.set(text, 1);
                let yaml = to_yaml(&keyed);
                assert_eq!(
                    parse(&yaml).unwrap_or_else(|why| panic!("{why}\n{yaml}"))[0].doc,
                    keyed,
                    "{yaml}"
                );
            }
        }
    }
}

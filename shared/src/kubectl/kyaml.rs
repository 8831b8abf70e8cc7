//! KYAML (`-o kyaml`): YAML with braces, where every text is in quotes and nothing depends on indentation.

use crate::doc::Doc;

use super::typed::Ordered;

/// The document as KYAML, with its header and a line break at the end.
pub(super) fn to_kyaml(doc: &Ordered<'_>) -> String {
    let mut text = "---\n".to_owned();
    node(doc, 0, &mut text);
    text.push('\n');
    text
}

fn node(value: &Ordered<'_>, level: usize, out: &mut String) {
    match value {
        Ordered::Map(fields) if fields.is_empty() => out.push_str("{}"),
        Ordered::Map(fields) => {
            out.push_str("{\n");
            for (key, value) in fields {
                indent(level + 1, out);
                if needs_quotes(key) {
                    quoted(key, None, out)
                } else {
                    out.push_str(key)
                }
                out.push_str(": ");
                node(value, level + 1, out);
                out.push_str(",\n");
            }
            indent(level, out);
            out.push('}');
        }
        Ordered::List(items) if items.is_empty() => out.push_str("[]"),
        // Lists of nothing but maps and lists hug them.
        Ordered::List(items) if items.iter().all(|item| !matches!(item, Ordered::Leaf(_))) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                node(item, level, out);
            }
            out.push(']');
        }
        Ordered::List(items) => {
            out.push_str("[\n");
            for item in items {
                indent(level + 1, out);
                node(item, level + 1, out);
                out.push_str(",\n");
            }
            indent(level, out);
            out.push(']');
        }
        Ordered::Leaf(leaf) => match leaf {
            Doc::Str(text) => quoted(text, Some(level + 1), out),
            Doc::Time(time) => quoted(&time.rfc3339(), Some(level + 1), out),
            Doc::MicroTime(time) => quoted(&time.rfc3339_micros(), Some(level + 1), out),
            other => out.push_str(&other.to_json()),
        },
    }
}

fn indent(level: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("  ", level));
}

/// Whether a key would be read as something else, or not at all, without quotes.
fn needs_quotes(key: &str) -> bool {
    let inner = |c: char| matches!(c, '-' | '.' | '/');
    let last = key.chars().count().saturating_sub(1);
    let plain = |(at, c): (usize, char)| c.is_alphanumeric() || c == '_' || (inner(c) && at > 0 && at < last);
    let word = matches!(
        key.to_lowercase().as_str(),
        "" | "null"
            | "true"
            | "false"
            | "t"
            | "f"
            | "y"
            | "n"
            | "yes"
            | "no"
            | "on"
            | "off"
            | "inf"
            | "infinity"
            | "nan"
    );
    word || !key.chars().enumerate().all(plain) || is_number(&key.replace('_', "")) || is_date(key)
}

fn is_number(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let radix = |prefix, radix| {
        lower.strip_prefix(prefix).is_some_and(|rest: &str| i64::from_str_radix(rest, radix).is_ok())
    };
    lower.parse::<f64>().is_ok() || radix("0x", 16) || radix("0o", 8) || radix("0b", 2)
}

/// `2026-1-2`, perhaps with a time of day.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let number = |part: Option<&str>, longest: usize| {
        part.is_some_and(|part| {
            (1..=longest).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let year = parts.next();
    year.is_some_and(|year| year.len() == 4)
        && number(year, 4)
        && number(parts.next(), 2)
        && number(parts.next().map(|rest| rest.split(['T', 't', ' ']).next().unwrap_or(rest)), 2)
}

/// A text in quotes; on lines of its own, at this level, where it has several.
fn quoted(text: &str, level: Option<usize>, out: &mut String) {
    let lines = level.filter(|_| text.contains('\n'));
    out.push('"');
    let mut begins = false;
    if lines.is_some() {
        out.push_str("\\\n");
        begins = true;
    }
    for c in text.chars() {
        if begins {
            indent(lines.unwrap_or(0), out);
            // Space at the beginning of a line would be lost.
            out.push(if c.is_whitespace() && c != '\n' { '\\' } else { ' ' });
        }
        begins = false;
        match c {
            '\n' if lines.is_some() => {
                out.push_str("\\n\\\n");
                begins = true;
            }
            '"' | '\\' => out.extend(['\\', c]),
            c => escaped(c, out),
        }
    }
    if let Some(level) = lines {
        out.push_str(if begins { "" } else { "\\\n" });
        indent(level, out);
    }
    out.push('"');
}

fn escaped(c: char, out: &mut String) {
    match c {
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        '\0' => out.push_str("\\0"),
        '\u{1b}' => out.push_str("\\e"),
        '\u{85}' => out.push_str("\\N"),
        '\u{a0}' => out.push_str("\\_"),
        '\u{2028}' => out.push_str("\\L"),
        '\u{2029}' => out.push_str("\\P"),
        c if c < ' ' || c == '\u{7f}' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
        c if is_visible(c) => out.push(c),
        c if u32::from(c) < 0x1_0000 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
    }
}

/// Whether a character shows: neither a control nor a blank other than the space, nor one that only directs others.
fn is_visible(c: char) -> bool {
    let directs = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e000}'..='\u{f8ff}');
    c == ' ' || !(c.is_control() || c.is_whitespace() || directs)
}

#[cfg(test)]
mod tests {
    use super::{Ordered, to_kyaml};
    use crate::doc;

    #[test]
    fn braces_quotes_and_lines() {
        let cases = [
            (doc!({ "a": 1i64, "b": "x" }), "---\n{\n  a: 1,\n  b: \"x\",\n}\n"),
            (
                doc!({ "n": "5", "5": true, "a.b/c": "", "2026-01-02": [] }),
                "---\n{\n  \"2026-01-02\": [],\n  \"5\": true,\n  a.b/c: \"\",\n  \"n\": \"5\",\n}\n",
            ),
            (doc!({ "l": [{ "a": 1i64 }, {}] }), "---\n{\n  l: [{\n    a: 1,\n  }, {}],\n}\n"),
            (doc!({ "l": ["a", 2i64] }), "---\n{\n  l: [\n    \"a\",\n    2,\n  ],\n}\n"),
            (
                doc!({ "u": "one\n  two\n" }),
                "---\n{\n  u: \"\\\n     one\\n\\\n    \\  two\\n\\\n    \",\n}\n",
            ),
            (doc!({ "u": "a\u{1b}[31m\"\\" }), "---\n{\n  u: \"a\\e[31m\\\"\\\\\",\n}\n"),
        ];
        for (doc, text) in cases {
            assert_eq!(to_kyaml(&Ordered::plain(&doc)), text);
        }
    }
}

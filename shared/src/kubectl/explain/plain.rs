//! `kubectl explain --output plaintext-openapiv2`: how kubectl told of fields before.

use crate::doc::Doc;
use crate::schema::FieldType;

use super::super::resource::Resource;
use super::{Model, Node};

/// The longest line.
const WIDTH: usize = 80;

/// How a schema of old tells what a node is.
enum Shape {
    /// Another schema.
    Reference(Node),
    List(Node),
    /// Without an element it holds anything.
    Map(Option<Node>),
    Fields,
    Plain(String),
    Anything,
}

/// Tells of the node that a field path leads to; the error is the field that is not there.
pub(super) fn tell(
    model: &Model,
    root: &Node,
    fields: &[String],
    resource: &Resource,
    deep: bool,
) -> Result<String, String> {
    let node = model.lookup(root, fields)?;
    let name = fields.last().map_or("", String::as_str);
    let mut text = format!("KIND:     {}\nVERSION:  {}\n\n", resource.kind, resource.api_version());
    let kind = match model.shape(&node) {
        Shape::Reference(inner) => model.old_type(&inner),
        _ => model.old_type(&node),
    };
    let (mut said, mut end) = (Vec::new(), node);
    loop {
        said.push(model.own_description(&end));
        end = match model.shape(&end) {
            Shape::Reference(inner) | Shape::List(inner) | Shape::Map(Some(inner)) => inner,
            _ => break,
        };
    }
    let is_kind = matches!(model.shape(&end), Shape::Fields);
    match model.shape(&end) {
        Shape::Fields if !name.is_empty() => text.push_str(&format!("RESOURCE: {name} <{kind}>\n\n")),
        Shape::Plain(_) => text.push_str(&format!("FIELD:    {name} <{kind}>\n\n")),
        _ => {}
    }
    text.push_str("DESCRIPTION:\n");
    for (at, part) in said.iter().enumerate().filter(|(_, part)| !part.is_empty()) {
        text.push_str(if at > 0 { "\n" } else { "" });
        wrapped(&mut text, part, 5);
    }
    if said.iter().all(String::is_empty) {
        wrapped(&mut text, "<empty>", 5);
    }
    if is_kind {
        text.push_str("\nFIELDS:\n");
        if deep {
            model.tree(&mut text, &end, 3, &mut Vec::new());
        } else {
            model.regular(&mut text, &end);
        }
    }
    Ok(text)
}

impl Model {
    fn shape(&self, node: &Node) -> Shape {
        let own = match node {
            Node::Table(FieldType::List(element)) => return Shape::List(Node::Table(element.get())),
            Node::Table(FieldType::Map(element)) => return Shape::Map(Some(Node::Table(element.get()))),
            Node::Table(FieldType::Object(_)) => return Shape::Fields,
            Node::Table(FieldType::Any) => return Shape::Map(None),
            Node::Table(FieldType::Quantity | FieldType::IntOrString) => {
                return Shape::Plain("string".into());
            }
            Node::Table(_) => return Shape::Plain(self.type_name(node)),
            Node::Api(own) => own,
        };
        let resolved = self.schema(node);
        if resolved != *own {
            return Shape::Reference(Node::Api(resolved));
        }
        if !own["properties"].is_empty() {
            return Shape::Fields;
        }
        match own["type"].str().as_str() {
            "array" => Shape::List(Node::Api(own["items"].clone())),
            "object" => match &own["additionalProperties"] {
                inner @ Doc::Map(_) => Shape::Map(Some(Node::Api(inner.clone()))),
                _ => Shape::Map(None),
            },
            // A number or text is a text there.
            "" if !own["oneOf"].is_empty() || own["format"].as_str() == Some("int-or-string") => {
                Shape::Plain("string".into())
            }
            "" => Shape::Anything,
            other => Shape::Plain(other.to_owned()),
        }
    }

    fn own_description(&self, node: &Node) -> String {
        match node {
            Node::Api(own) => own["description"].str().to_string(),
            Node::Table(_) => String::new(),
        }
    }

    fn lookup(&self, node: &Node, fields: &[String]) -> Result<Node, String> {
        let Some((first, rest)) = fields.split_first() else { return Ok(node.clone()) };
        match self.shape(node) {
            Shape::Reference(inner) | Shape::List(inner) | Shape::Map(Some(inner)) => {
                self.lookup(&inner, fields)
            }
            Shape::Fields => {
                let found = self.fields(node).into_iter().find(|(name, ..)| name == first);
                let (_, _, found) = found.ok_or_else(|| format!("field {first:?} does not exist"))?;
                self.lookup(&found, rest)
            }
            // There is nothing below, and nobody minds.
            Shape::Map(None) | Shape::Plain(_) | Shape::Anything => Ok(node.clone()),
        }
    }

    fn old_type(&self, node: &Node) -> String {
        match self.shape(node) {
            Shape::Reference(inner) => self.old_type(&inner),
            Shape::List(inner) => format!("[]{}", self.old_type(&inner)),
            Shape::Map(inner) => {
                format!("map[string]{}", inner.map_or_else(String::new, |inner| self.old_type(&inner)))
            }
            Shape::Fields => "Object".into(),
            Shape::Plain(name) => name,
            Shape::Anything => String::new(),
        }
    }

    fn regular(&self, text: &mut String, node: &Node) {
        for (name, required, field) in self.fields(node) {
            let must = if required { " -required-" } else { "" };
            text.push_str(&format!("   {name}\t<{}>{must}\n", self.old_type(&field)));
            wrapped(text, &self.own_description(&field), 5);
            text.push('\n');
        }
    }

    fn tree(&self, text: &mut String, node: &Node, indent: usize, above: &mut Vec<Doc>) {
        match self.shape(node) {
            Shape::Reference(inner) => {
                let Node::Api(own) = node else { return };
                let reference = if own["$ref"].is_null() { &own["allOf"][0]["$ref"] } else { &own["$ref"] };
                // A type inside itself is told once.
                if above.contains(reference) {
                    return;
                }
                above.push(reference.clone());
                self.tree(text, &inner, indent, above);
                above.pop();
            }
            Shape::List(inner) | Shape::Map(Some(inner)) => self.tree(text, &inner, indent, above),
            Shape::Fields => {
                for (name, _, field) in self.fields(node) {
                    text.push_str(&format!("{}{name}\t<{}>\n", " ".repeat(indent), self.old_type(&field)));
                    self.tree(text, &field, indent + 3, above);
                }
            }
            Shape::Map(None) | Shape::Plain(_) | Shape::Anything => {}
        }
    }
}

/// Text in lines with an indent. Words are set anew but for what looks like code, a list or a paragraph.
fn wrapped(text: &mut String, said: &str, indent: usize) {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    let mut last = String::new();
    let flush = |line: &mut String, last: &mut String, lines: &mut Vec<String>| {
        if !line.is_empty() {
            last.clear();
            lines.push(std::mem::take(line));
        }
    };
    for paragraph in said.split('\n') {
        let is_code = paragraph.starts_with("    ");
        if is_code || (!lines.is_empty() && paragraph.trim().is_empty()) {
            flush(&mut line, &mut last, &mut lines);
            lines.push(if is_code { paragraph.to_owned() } else { String::new() });
            continue;
        }
        if last.ends_with(':') || paragraph.trim().is_empty() || is_item(paragraph.trim()) {
            flush(&mut line, &mut last, &mut lines);
        }
        for word in paragraph.split_whitespace() {
            word.clone_into(&mut last);
            if !line.is_empty() && line.len() + 1 + word.len() > WIDTH - indent {
                flush(&mut line, &mut last, &mut lines);
            }
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }
    flush(&mut line, &mut last, &mut lines);
    for line in lines {
        text.push_str(&if line.is_empty() { "\n".into() } else { format!("{}{line}\n", " ".repeat(indent)) });
    }
}

/// Whether a line begins a list's item: `- a`, `* a`, `1. a`, `1 a`.
fn is_item(line: &str) -> bool {
    let Some((mark, _)) = line.split_once(char::is_whitespace) else { return false };
    let digits = mark.strip_suffix('.').unwrap_or(mark);
    matches!(mark, "-" | "*") || (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn words_are_set_anew_but_for_lists_and_code() {
        let mut text = String::new();
        let said = format!("{} end.\nOne of:\n- a\n- b\n\n    code  stays\nlast", "word ".repeat(20).trim());
        wrapped(&mut text, &said, 5);
        let lines: Vec<&str> = text.lines().collect();
        let first = format!("     {}", "word ".repeat(15).trim());
        let rest = [
            "     word word word word word end. One of:",
            "     - a",
            "     - b",
            "",
            "         code  stays",
            "     last",
        ];
        assert_eq!(lines[0], first);
        assert_eq!(lines[1..], rest);
    }
}

//! JSONPath as kubectl and printer columns have it: `{.status.conditions[?(@.type=="Ready")].status}`, and the templates made of it.

mod parse;
mod template;

use std::cmp::Ordering;

use crate::doc::{Doc, Str};

pub use parse::unquoted;
pub use template::Template;

/// A path into a document, perhaps to several places at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JsonPath(Vec<Step>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Step {
    Key(Str),
    /// From the first to before the second, by the third; negative ones count from the end.
    Slice(Option<i64>, Option<i64>, i64),
    All,
    /// Everything below, at any depth.
    Below,
    /// What each of these leads to.
    Union(Vec<Vec<Step>>),
    /// Items that have something, or of which two things compare so.
    Where(Vec<Step>, Option<(Str, Vec<Step>)>),
    /// This, whatever was found.
    Value(Doc),
    /// A word that means nothing.
    Word(Str),
}

/// So many values are looked at: unions and ranges multiply what there is.
const MOST: usize = 4_000_000;
const TOO_MUCH: &str = "there is too much that it leads to";

impl JsonPath {
    /// Reads `{.a.b[0]['c']}`; the braces may be left out.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<JsonPath, String> {
        let refuse = |why: &str| format!("{text:?} is no path such as {{.status.availableReplicas}}: {why}");
        let inner = match text.strip_prefix('{') {
            Some(rest) => rest.strip_suffix('}').ok_or_else(|| refuse("it has no closing brace"))?,
            None => text,
        };
        JsonPath::parse_bare(inner).map_err(|why| refuse(&why))
    }

    /// Reads `.a.b[0]['c']`.
    ///
    /// # Errors
    /// What is wrong with it, in kubectl's words.
    pub fn parse_bare(text: &str) -> Result<JsonPath, String> {
        parse::steps(text).map(JsonPath)
    }

    /// Every value it leads to.
    pub fn find(&self, doc: &Doc) -> Vec<Doc> {
        self.find_within(doc, &mut { MOST })
    }

    /// Why it cannot be followed, in kubectl's words; what is not there is no reason.
    pub fn refusal(&self, doc: &Doc) -> Option<String> {
        self.fault(doc, false, &mut { MOST })
    }

    /// The same while there is some of the work `left`.
    fn find_within(&self, doc: &Doc, left: &mut usize) -> Vec<Doc> {
        follow(&self.0, vec![doc.clone()], left)
    }

    /// Why it cannot be followed, in kubectl's words; `strict`: what it names has to be there.
    fn fault(&self, doc: &Doc, strict: bool, left: &mut usize) -> Option<String> {
        let mut found = vec![doc.clone()];
        for step in &self.0 {
            if let Step::Word(word) = step {
                return Some(format!("unrecognized identifier {word}"));
            }
            if let Some(fault) = found.iter().find_map(|doc| step.fault(doc, left)) {
                return Some(fault);
            }
            found = step.after(&found, left);
            if *left == 0 {
                return Some(TOO_MUCH.into());
            }
            if let (true, true, Step::Key(key)) = (strict, found.is_empty(), step) {
                return Some(format!("{key} is not found"));
            }
        }
        None
    }
}

/// What steps lead to. `left` is how much may still be looked at, in all: one path may lead to the same things again and
/// again.
fn follow(steps: &[Step], found: Vec<Doc>, left: &mut usize) -> Vec<Doc> {
    steps.iter().fold(found, |found, step| step.after(&found, left))
}

impl Step {
    /// Where it leads from all that was found so far.
    fn after(&self, found: &[Doc], left: &mut usize) -> Vec<Doc> {
        let mut all = Vec::new();
        match self {
            // One part of a union after the other, each for all that was found.
            Step::Union(parts) => {
                for part in parts {
                    if *left == 0 {
                        break;
                    }
                    all.extend(follow(part, found.to_vec(), left));
                }
            }
            step => {
                for doc in found {
                    if *left == 0 {
                        break;
                    }
                    let more = step.follow(doc, left);
                    *left = left.saturating_sub(1 + more.len());
                    all.extend(more);
                }
            }
        }
        all
    }

    fn follow(&self, doc: &Doc, left: &mut usize) -> Vec<Doc> {
        match self {
            Step::Key(key) => {
                let map = doc.as_map().filter(|map| map.contains(key));
                map.map(|map| map.get(key).clone()).into_iter().collect()
            }
            Step::Slice(from, to, by) => slice(doc.items(), *from, *to, *by),
            Step::All => children(doc),
            Step::Below => {
                let children = children(doc);
                let mut all = if children.is_empty() { Vec::new() } else { vec![doc.clone()] };
                for child in &children {
                    all.extend(self.follow(child, left));
                }
                all
            }
            Step::Union(_) => unreachable!("unions are followed as wholes"),
            Step::Value(value) => vec![value.clone()],
            Step::Word(_) => Vec::new(),
            Step::Where(path, comparison) => {
                let mut fits = |item: &&Doc| holds(path, comparison.as_ref(), item, left).unwrap_or(false);
                doc.items().iter().filter(|item| fits(item)).cloned().collect()
            }
        }
    }

    /// Why a value has not what this names.
    fn fault(&self, doc: &Doc, left: &mut usize) -> Option<String> {
        let (from, to, by) = match self {
            Step::Slice(from, to, by) => (from, to, by),
            Step::Where(path, comparison) => {
                let items = match doc {
                    Doc::List(items) => items,
                    Doc::Null => return None,
                    other => {
                        return Some(format!(
                            "{} is not array or slice and cannot be filtered",
                            go_value(other)
                        ));
                    }
                };
                return items.iter().find_map(|item| holds(path, comparison.as_ref(), item, left).err());
            }
            _ => return None,
        };
        let items = match doc {
            Doc::List(items) => items,
            Doc::Null => return None,
            other => return Some(format!("{} is not array or slice", go_type(other))),
        };
        let length = items.len() as i64;
        let place = |at: i64| if at < 0 { at + length } else { at };
        let (from, to) = (from.map_or(0, place), to.map_or(length, place));
        let at = match () {
            () if from == to => return None,
            () if from >= length || from < 0 => from,
            () if to > length || to < 0 => to.saturating_sub(1),
            () if from > to => {
                return Some(format!("starting index {from} is greater than ending index {to}"));
            }
            () if *by <= 0 => return Some("step must be > 0".into()),
            () => return None,
        };
        Some(format!("array index out of bounds: index {at}, length {length}"))
    }
}

/// Any value as Go's `%v` prints it.
pub fn go_value(value: &Doc) -> String {
    match value {
        Doc::Null => "<nil>".into(),
        Doc::List(items) => format!("[{}]", items.iter().map(go_value).collect::<Vec<_>>().join(" ")),
        Doc::Map(map) => {
            let entries = map.entries().iter().map(|(key, value)| format!("{key}:{}", go_value(value)));
            format!("map[{}]", entries.collect::<Vec<_>>().join(" "))
        }
        other => print(other),
    }
}

/// The type of a value as Go calls it.
fn go_type(value: &Doc) -> &'static str {
    match value {
        Doc::Map(_) => "map[string]interface {}",
        Doc::List(_) => "[]interface {}",
        Doc::Int(_) => "int64",
        Doc::Float(_) => "float64",
        Doc::Bool(_) => "bool",
        _ => "string",
    }
}

fn children(doc: &Doc) -> Vec<Doc> {
    match doc {
        Doc::Map(map) => map.entries().iter().map(|(_, value)| value.clone()).collect(),
        list => list.items().to_vec(),
    }
}

fn slice(items: &[Doc], from: Option<i64>, to: Option<i64>, by: i64) -> Vec<Doc> {
    let length = items.len() as i64;
    let place = |at: i64| if at < 0 { at + length } else { at };
    let from = from.map_or(0, place).max(0);
    let to = to.map_or(length, place).min(length);
    let mut found = Vec::new();
    let mut at = from;
    while at < to {
        found.extend(usize::try_from(at).ok().and_then(|at| items.get(at)).cloned());
        at = at.saturating_add(by.max(1));
    }
    found
}

/// Whether an item is meant; or why that cannot be said.
fn holds(
    path: &[Step],
    comparison: Option<&(Str, Vec<Step>)>,
    item: &Doc,
    left_over: &mut usize,
) -> Result<bool, String> {
    let Some((operator, other)) = comparison else {
        return Ok(!follow(path, vec![item.clone()], left_over).is_empty());
    };
    let mut one = |path: &[Step]| {
        let word = path.iter().find_map(|step| if let Step::Word(word) = step { Some(word) } else { None });
        if let Some(word) = word {
            return Err(format!("unrecognized identifier {word}"));
        }
        let found = follow(path, vec![item.clone()], left_over);
        match found.as_slice() {
            [] | [_] => Ok(found.into_iter().next()),
            _ => Err("can only compare one element at a time".into()),
        }
    };
    let Some(left) = one(path)? else { return Ok(false) };
    let Some(right) = one(other)? else { return Ok(false) };
    let mut order = |same| order(&left, &right, same, left_over);
    Ok(match operator.as_str() {
        "==" => order(true)? == Ordering::Equal,
        "!=" => order(true)? != Ordering::Equal,
        "<" => order(false)? == Ordering::Less,
        ">" => order(false)? == Ordering::Greater,
        "<=" => order(false)? != Ordering::Greater,
        ">=" => order(false)? != Ordering::Less,
        other => return Err(format!("unrecognized filter operator {other}")),
    })
}

/// How two values are ordered, as Go's templates compare them; a truth can only be the same or another.
fn order(left: &Doc, right: &Doc, same: bool, left_over: &mut usize) -> Result<Ordering, String> {
    Ok(match (left, right) {
        (Doc::Null | Doc::Map(_) | Doc::List(_), _) | (_, Doc::Null | Doc::Map(_) | Doc::List(_)) => {
            return Err("invalid type for comparison".into());
        }
        (Doc::Bool(left), Doc::Bool(right)) if same => left.cmp(right),
        (Doc::Bool(_), Doc::Bool(_)) => return Err("invalid type for comparison".into()),
        (Doc::Int(left), Doc::Int(right)) => left.get().cmp(&right.get()),
        (Doc::Float(left), Doc::Float(right)) => {
            left.get().partial_cmp(&right.get()).unwrap_or(Ordering::Equal)
        }
        (Doc::Bool(_) | Doc::Int(_) | Doc::Float(_), _) | (_, Doc::Bool(_) | Doc::Int(_) | Doc::Float(_)) => {
            return Err("incompatible types for comparison".into());
        }
        (left, right) => {
            let (left, right) = (print(left), print(right));
            *left_over = left_over.saturating_sub((left.len() + right.len()) / 8);
            left.cmp(&right)
        }
    })
}

/// How kubectl prints a value it found: text bare, everything else as JSON.
pub fn print(value: &Doc) -> String {
    match value {
        Doc::Null => String::new(),
        Doc::Str(text) => text.to_string(),
        Doc::Time(time) => time.rfc3339(),
        Doc::MicroTime(time) => time.rfc3339_micros(),
        other => other.to_go_json(),
    }
}

#[cfg(test)]
mod tests {
    use super::{JsonPath, Template, print};
    use crate::doc;

    #[test]
    fn finds_what_kubectl_finds() {
        let doc = doc!({
            "metadata": { "labels": { "app.kubernetes.io/name": "web" } },
            "status": { "replicas": 3i64, "conditions": [{ "type": "A", "status": "False" }, { "type": "Ready", "status": "True" }] }
        });
        let cases = [
            ("{.status.replicas}", "3"),
            (".status.replicas", "3"),
            ("{$.status.conditions[0].type}", "A"),
            ("{.status.conditions[-1].type}", "Ready"),
            ("{.status.conditions[*].type}", "A Ready"),
            ("{.status.conditions[?(@.type==\"Ready\")].status}", "True"),
            ("{.metadata.labels['app\\.kubernetes\\.io/name']}", "web"),
            ("{.metadata.labels['app.kubernetes.io/name']}", ""),
            ("{.metadata.labels.app\\.kubernetes\\.io/name}", "web"),
            ("{.status.conditions[7].type}", ""),
            ("{.nothing.here}", ""),
        ];
        for (path, expected) in cases {
            let found = JsonPath::parse(path).unwrap().find(&doc);
            assert_eq!(found.iter().map(print).collect::<Vec<_>>().join(" "), expected, "{path}");
        }
        for path in ["{.a", "a.b", "{.a[x]}", "{.a['b}", "{.a[0]b}"] {
            assert!(JsonPath::parse(path).is_err(), "{path}");
        }
    }

    #[test]
    fn templates_repeat_choose_and_cut() {
        let doc = doc!({ "items": [
            { "name": "a", "n": 1i64, "ports": [{ "p": 1i64 }, { "p": 2i64 }] },
            { "name": "b", "n": 5i64, "ports": [{ "p": 3i64 }] },
            { "name": "c.d", "n": 10i64 }
        ] });
        let cases = [
            (r#"{range .items[*]}{.name}{"\t"}{.n}{"\n"}{end}"#, "a\t1\nb\t5\nc.d\t10\n"),
            (r"{range .items[*]}{.name},", "a,b,c.d,,"),
            (r"{range .items[*]}{range .ports[*]}{.p},", "1,2,3,"),
            (r#"{range .items[*]}{.name}:{range .ports[*]}{.p};{end} {end}!"#, "a:1;2; b:3; c.d: !"),
            ("{.items[0:2].name}", "a b"),
            ("{.items[-2:].name}", "b c.d"),
            ("{.items[::2].name}", "a c.d"),
            ("{.items[0,2].name}", "a c.d"),
            ("{.items[0]['name','n']}", "a 1"),
            ("{.items[?(@.n>1)].name}", "b c.d"),
            ("{.items[?(@.n<=5)].name}", "a b"),
            ("{.items[?(@.name!='a')].n}", "5 10"),
            ("{.items[?(@.ports)].name}", "a b"),
            ("{.items[?(@.name=='c.d')].n}", "10"),
            ("{.items[9223372036854775807].name}", ""),
            ("{.items[1:3:9223372036854775807].name}", "b"),
            ("{.items[-9223372036854775808:].name}", "a b c.d"),
            ("{..p}", "1 2 3"),
            ("{...p}", "1 2 3"),
            ("{@.items[0].ports}", r#"[{"p":1},{"p":2}]"#),
            ("names: {.items[*].name}", "names: a b c.d"),
        ];
        for (template, expected) in cases {
            assert_eq!(Template::parse(template).unwrap().print(&doc), expected, "{template}");
        }
        // None of them is there, and the words for that are.
        for path in [
            "{.none[0:-9223372036854775808]}",
            "{.items[9223372036854775807]}",
            "{.items[7:-9223372036854775808]}",
        ] {
            let template = Template::parse(path).unwrap();
            assert_eq!(template.fault(&doc).is_some(), !path.contains("none"), "{path}");
        }
        let early = "{['items[0].name','items[1].name']}";
        for template in [early, "{.a", "{1.2.3}", "{....p}", "{.a[?(]}", r#"{.items[?(@.name=~"a")]}"#] {
            assert!(Template::parse(template).is_err(), "{template}");
        }
        // That nothing is open shows when it should be ended, and that a word means nothing when it is looked at.
        for template in ["{.items[0].name}{end}", "{foo}", "{.items[?(@.n>'1')].name}", "{.items[0][?(@.n)]}"]
        {
            assert!(Template::parse(template).unwrap().fault(&doc).is_some(), "{template}");
        }
    }
}

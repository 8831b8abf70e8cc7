//! Texts and documents without what differs from one run to the next.

use serde_json::{Map, Value};

/// ReplicaSets of a run: the hash in their names, and the number that stands for it, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Hashes(Vec<(String, String)>);

impl Hashes {
    /// Reads them off the names of the ReplicaSets, oldest first.
    pub fn of<'a>(names: impl Iterator<Item = &'a str>) -> Hashes {
        let mut hashes = Hashes::default();
        for name in names {
            let Some((_, hash)) = name.rsplit_once('-') else { continue };
            if !hashes.0.iter().any(|(known, _)| known == hash) {
                let number = format!("#{}", hashes.0.len() + 1);
                hashes.0.push((hash.to_owned(), number));
            }
        }
        hashes
    }

    /// The text without hashes, drawn suffixes, addresses, UIDs and dates.
    pub fn plain(&self, text: &str) -> String {
        let hashed = self.0.iter().fold(text.to_owned(), |text, (hash, number)| text.replace(hash, number));
        let mut made = String::new();
        let mut word = String::new();
        for letter in hashed.chars().chain(['\0']) {
            if letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | ':' | '#') {
                word.push(letter);
                continue;
            }
            made.push_str(&plain_word(&word));
            word.clear();
            if letter != '\0' {
                made.push(letter);
            }
        }
        made
    }

    /// What a table says: each line's words, without ages and nodes, whatever the order of the lines.
    pub fn table(&self, text: &str) -> Vec<String> {
        let node =
            |word: &str| word.strip_prefix("node-").is_some_and(|number| number.parse::<u32>().is_ok());
        let line = |line: &str| {
            // In a table of nodes the first word is what the line is about.
            let words = line.split_whitespace().enumerate();
            let words = words.filter(|(at, word)| !is_age(word) && (*at == 0 || !node(word)));
            words.map(|(_, word)| without_node_port(&self.plain(word))).collect::<Vec<_>>().join(" ")
        };
        sorted(text.lines().map(line).filter(|line| !line.is_empty()).collect())
    }

    /// A document without dates, UIDs, revisions, addresses and drawn names.
    pub fn timeless(&self, value: &Value) -> Value {
        const DRAWN: [&str; 12] = [
            "uid",
            "resourceVersion",
            "managedFields",
            "selfLink",
            "nodeName",
            "hostIP",
            "hostIPs",
            "containerID",
            "imageID",
            "startedAt",
            "finishedAt",
            "zone",
        ];
        match value {
            Value::Object(map) => {
                let kept = map.iter().filter(|(key, _)| {
                    !DRAWN.contains(&key.as_str()) && !key.ends_with("Time") && !key.ends_with("Timestamp")
                });
                let entry = |(key, value): (&String, &Value)| {
                    let value = match key.as_str() {
                        // Hashes of what is the same in both runs, and of UIDs.
                        "controller-revision-hash"
                        | "controller-uid"
                        | "batch.kubernetes.io/controller-uid" => Value::from("*"),
                        // Where chance placed the pod.
                        "topology.kubernetes.io/zone" => Value::from("*"),
                        _ => self.timeless(value),
                    };
                    (self.plain(key), value)
                };
                Value::Object(kept.map(entry).collect::<Map<_, _>>())
            }
            Value::Array(items) => Value::Array(items.iter().map(|item| self.timeless(item)).collect()),
            Value::String(text) => Value::from(self.plain(text)),
            other => other.clone(),
        }
    }
}

fn plain_word(word: &str) -> String {
    if word.len() == 20 && word.ends_with('Z') && word.contains('T') && word.contains(':') {
        return "TIME".into();
    }
    word.split(':').map(plain_part).collect::<Vec<_>>().join(":")
}

fn plain_part(word: &str) -> String {
    let lengths: Vec<usize> = word.split('-').map(str::len).collect();
    if lengths == [8, 4, 4, 4, 12] {
        return "UID".into();
    }
    let end = word.trim_end_matches('.');
    let numbers = end.split('.').filter(|part| part.parse::<u8>().is_ok()).count();
    if numbers == 4 && end.split('.').count() == 4 && !end.starts_with("10.9.") {
        return word.replace(end, "IP");
    }
    plain(word)
}

/// A name without its drawn or hashed parts and without minutes since 1970.
pub fn plain(name: &str) -> String {
    const ALPHABET: &str = "bcdfghjklmnpqrstvwxz2456789";
    let drawn = |part: &str| part.len() >= 5 && part.chars().all(|letter| ALPHABET.contains(letter));
    let dated = |part: &str| part.len() >= 7 && part.chars().all(|letter| letter.is_ascii_digit());
    let parts = name.split('-').enumerate().map(|(at, part)| {
        let end = part.trim_end_matches(['.', ';']);
        if at > 0 && (drawn(end) || dated(end)) { part.replace(end, "*") } else { part.to_owned() }
    });
    parts.collect::<Vec<_>>().join("-")
}

/// `5m54s`, `12s`, `3d`.
fn is_age(word: &str) -> bool {
    let units = word.chars().filter(|letter| letter.is_ascii_alphabetic());
    word.starts_with(|letter: char| letter.is_ascii_digit())
        && word.ends_with(['s', 'm', 'h', 'd'])
        && units.clone().count() > 0
        && word.chars().all(|letter| letter.is_ascii_digit() || "smhd".contains(letter))
}

/// `80:32143/TCP` without the number that was drawn.
fn without_node_port(word: &str) -> String {
    match word.split_once(':').and_then(|(port, rest)| Some((port, rest.split_once('/')?))) {
        Some((port, (number, protocol))) if number.len() == 5 && number.parse::<u16>().is_ok() => {
            format!("{port}:*/{protocol}")
        }
        _ => word.to_owned(),
    }
}

/// The same lines, whatever their order.
pub fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

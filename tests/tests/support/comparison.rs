//! The comparison with what was recorded.

use serde_json::Value;

/// A recorded file; none where there are no recordings.
pub fn recorded(name: &str) -> Option<Value> {
    let path = super::reference(name)?;
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Some(serde_json::from_str(&text).expect("JSON"))
}

/// What differs by chance or by the clock, made alike: UIDs, moments, addresses, hashes, random suffixes, ages, nodes,
/// and where a hunk of a diff begins (a recorded pod has a volume more).
pub fn normalise(text: &str) -> String {
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// `@@ -158,7 +158,7 @@` becomes `@@`.
fn without_hunks(text: &str) -> String {
    let mut rest = text;
    let mut made = String::new();
    while let Some((before, after)) = rest.split_once("@@ -") {
        made.push_str(before);
        made.push_str("@@");
        rest = after.split_once(" @@").map_or("", |(_, after)| after);
    }
    made + rest
}

fn line(text: &str) -> String {
    let text = &without_hunks(text);
    let table = text.contains("   ");
    let mut made = String::new();
    let mut word = String::new();
    for character in text.chars().chain(['\n']) {
        if character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | ':') {
            word.push(character);
            continue;
        }
        made.push_str(&self::word(&word, table));
        word.clear();
        // The width of a column is that of its longest cell.
        if character != '\n' && !(table && character == ' ' && made.ends_with(' ')) {
            made.push(character);
        }
    }
    made.trim_end().to_owned()
}

fn word(word: &str, table: bool) -> String {
    let parts: Vec<&str> = word.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let safe = |part: &str| part.bytes().all(|b| b"bcdfghjklmnpqrstvwxz0123456789".contains(&b));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if lengths == [8, 4, 4, 4, 12] {
        return "UID".into();
    }
    if word.len() == 20 && word.ends_with('Z') && word.contains('T') {
        return "TIME".into();
    }
    if word.starts_with("10.") && word.split('.').count() == 4 {
        return "IP".into();
    }
    if table && (digits(word.trim_end_matches('s')) && word.ends_with('s')) {
        return "AGE".into();
    }
    match parts.as_slice() {
        ["node", number] if digits(number) => "node-N".into(),
        [rest @ .., hash, random] if hash.len() >= 8 && safe(hash) && random.len() == 5 && safe(random) => {
            format!("{}-HASH-RANDOM", rest.join("-"))
        }
        [rest @ .., hash] if !rest.is_empty() && (8..=10).contains(&hash.len()) && safe(hash) => {
            format!("{}-HASH", rest.join("-"))
        }
        [rest @ .., random] if rest == ["kube", "api", "access"] && random.len() == 5 => {
            "kube-api-access-RANDOM".into()
        }
        _ => word.to_owned(),
    }
}

/// Nothing when both are alike, else both.
pub fn compare(recorded: &str, ours: &str) -> Result<(), String> {
    let (recorded, ours) = (normalise(recorded), normalise(ours));
    if recorded == ours { Ok(()) } else { Err(format!("--- recorded\n{recorded}\n--- here\n{ours}")) }
}

//! What people call themselves: text for others to read, and nothing that could pass for something else.

/// As many characters at most.
pub const LONGEST: usize = 32;

/// The name as others see it; none when nothing readable is left. Signs that nobody sees or that turn the direction of
/// writing are left out, and so are colons: names with them belong to Kubernetes (`system:admin`).
pub fn clean(text: &str) -> Option<String> {
    let hidden = |sign: char| {
        sign.is_control()
            || matches!(sign, ':' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
            || matches!(sign, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            || matches!(sign, '\u{e0000}'..='\u{e0fff}')
    };
    let words: String = text.chars().map(|sign| if sign.is_whitespace() { ' ' } else { sign }).collect();
    let words: String = words.chars().filter(|sign| !hidden(*sign)).collect();
    let name: String = words.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let name: String = name.chars().take(LONGEST).collect();
    let name = name.trim_end();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The name, or the name with a number behind it: the first that is not taken.
pub fn told_apart(name: &str, taken: impl Fn(&str) -> bool) -> String {
    let numbered = |number: u32| if number == 1 { name.to_owned() } else { format!("{name} {number}") };
    (1..).map(numbered).find(|name| !taken(name)).expect("there are more numbers than people")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text() {
        assert_eq!(clean("  Ana\t Mar\u{ed}a \n").as_deref(), Some("Ana Mar\u{ed}a"));
        assert_eq!(clean("<b>山田</b>").as_deref(), Some("<b>山田</b>"), "markup is text like any other");
        assert_eq!(clean("\u{1b}[31mred\u{202e}").as_deref(), Some("[31mred"));
        assert_eq!(clean("system:masters").as_deref(), Some("systemmasters"));
        assert_eq!(clean(" \u{200b}\u{0} "), None);
        assert_eq!(clean(&"x".repeat(500)).map(|name| name.len()), Some(LONGEST));
    }

    #[test]
    fn nobody_is_called_like_another() {
        let taken = ["Ana", "Ana 2"];
        assert_eq!(told_apart("Ana", |name| taken.contains(&name)), "Ana 3");
        assert_eq!(told_apart("Bo", |name| taken.contains(&name)), "Bo");
    }
}

//! Which tags the well-known repositories have: more than anybody would list, and not all that one can mistype.

/// The most that the numbers of a version come to.
const MOST: [u32; 3] = [30, 60, 99];
/// What follows a version after a dash, or stands alone: releases, and systems that images are built on.
const WORDS: &str = "latest stable mainline unstable alpine slim bookworm bullseye buster jessie stretch trixie glibc \
                     musl uclibc perl otel edge sid focal jammy noble oracular plucky questing";

/// Whether a tag looks like one that there is: a version, a word, and systems behind it.
pub(super) fn is_plausible(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let first = parts.next().unwrap_or_default();
    (is_version(first) || is_word(first)) && parts.all(is_word)
}

/// With the version of a system, maybe: `alpine3.20`.
fn is_word(text: &str) -> bool {
    let name = text.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    !name.is_empty() && WORDS.split(' ').any(|known| known == name)
}

fn is_version(text: &str) -> bool {
    let numbers: Vec<&str> = text.split('.').collect();
    let fits = |(number, most): (&&str, u32)| number.parse::<u32>().is_ok_and(|number| number <= most);
    numbers.len() <= MOST.len() && numbers.iter().zip(MOST).all(fits)
}

#[cfg(test)]
mod tests {
    use super::is_plausible;

    #[test]
    fn what_is_mistyped_is_not_there() {
        for tag in "latest 1 1.7.9 1.14.2 1.27-alpine 1.27.3-alpine3.20-slim stable-alpine alpine 1.36.1-musl 9.6.24 16.4 \
                    17-bookworm 3.10.1 2.4 24.04 noble bookworm-slim 3.20"
            .split(' ')
        {
            assert!(is_plausible(tag), "{tag}");
        }
        // The first is the slip of the documentation's own walk through Deployments.
        for tag in [
            "1.161",
            "1.91",
            "1.27.100",
            "v1.27",
            "doesnotexist",
            "bad",
            "1.27-nope",
            "latestt",
            "1.",
            "",
            "1.2.3.4",
        ] {
            assert!(!is_plausible(tag), "{tag}");
        }
    }
}

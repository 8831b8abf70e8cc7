//! Versions such as `1.2.3-rc.1+build` (Semantic Versioning 2.0).

use std::cmp::Ordering;
use std::fmt;

/// A version.
pub(super) struct Version {
    pub major: i64,
    pub minor: i64,
    pub patch: i64,
    before: Vec<String>,
    build: Vec<String>,
}

/// Reads one; `normal` also takes `v1.2` and `01.2.3` for what they mean.
pub(super) fn read(text: &str, normal: bool) -> Option<Version> {
    let mut text = text.to_owned();
    if normal {
        text = text.trim().strip_prefix('v').unwrap_or(text.trim()).to_owned();
        let end = text.find(['-', '+']).unwrap_or(text.len());
        let (core, rest) = text.split_at(end);
        let mut parts: Vec<String> = core.split('.').map(without_zeros).collect();
        while parts.len() < 3 {
            parts.push("0".into());
        }
        text = format!("{}{rest}", parts.join("."));
    }
    let (rest, build) = text.split_once('+').map_or((&*text, None), |(rest, build)| (rest, Some(build)));
    let (core, before) = rest.split_once('-').map_or((rest, None), |(core, before)| (core, Some(before)));
    let numbers: Vec<i64> = core.split('.').map(number).collect::<Option<_>>()?;
    let [major, minor, patch] = numbers[..] else { return None };
    let parts = |of: Option<&str>, strict: bool| -> Option<Vec<String>> {
        let good = |part: &str| {
            let plain =
                !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            plain && !(strict && is_number(part) && number(part).is_none())
        };
        let parts: Vec<String> = of.map_or_else(Vec::new, |of| of.split('.').map(str::to_owned).collect());
        parts.iter().all(|part| good(part)).then_some(parts)
    };
    Some(Version { major, minor, patch, before: parts(before, true)?, build: parts(build, false)? })
}

fn without_zeros(part: &str) -> String {
    let rest = part.trim_start_matches('0');
    if rest.is_empty() && !part.is_empty() { "0".into() } else { rest.into() }
}

fn is_number(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_digit())
}

fn number(part: &str) -> Option<i64> {
    let plain = is_number(part) && (part == "0" || !part.starts_with('0'));
    if plain { part.parse().ok() } else { None }
}

impl Version {
    /// Which of two comes first; what it was built with does not matter.
    pub fn compare(&self, other: &Version) -> Ordering {
        let core = |of: &Version| (of.major, of.minor, of.patch);
        let mut order = core(self).cmp(&core(other));
        // What comes before a version is less than it.
        order = order.then_with(|| self.before.is_empty().cmp(&other.before.is_empty()));
        for (a, b) in self.before.iter().zip(&other.before) {
            order = order.then_with(|| match (number(a), number(b)) {
                (Some(a), Some(b)) => a.cmp(&b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => a.cmp(b),
            });
        }
        order.then(self.before.len().cmp(&other.before.len()))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        for (sign, parts) in [('-', &self.before), ('+', &self.build)] {
            if !parts.is_empty() {
                write!(f, "{sign}{}", parts.join("."))?;
            }
        }
        Ok(())
    }
}

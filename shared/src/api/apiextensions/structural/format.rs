//! Formats of texts that the API server knows; all others mean nothing to it.

use crate::api::validation::names;
use crate::doc::Timestamp;

/// Whether text is in a format; `None` for formats that mean nothing. Dashes in a format's name are not minded.
pub fn fits(format: &str, text: &str) -> Option<bool> {
    let all = |text: &str, of: fn(&u8) -> bool| !text.is_empty() && text.as_bytes().iter().all(of);
    let hex = |text: &str| all(text, u8::is_ascii_hexdigit);
    let digits = |text: &str| all(text, u8::is_ascii_digit);
    let name = format.replace('-', "");
    Some(match name.as_str() {
        "datetime" => Timestamp::parse(text).is_some(),
        "date" => text.len() == 10 && Timestamp::parse(&format!("{text}T00:00:00Z")).is_some(),
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        "cidr" => names::is_cidr(text),
        "byte" => is_base64(text),
        "uuid" | "uuid3" | "uuid4" | "uuid5" => is_uuid(text, name.as_bytes().get(4).copied()),
        "hostname" => is_hostname(text),
        "mac" => is_mac(text),
        "email" => text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty()),
        "uri" => {
            text.starts_with('/')
                || text.split_once(':').is_some_and(|(scheme, _)| {
                    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
                })
        }
        "duration" => is_duration(text),
        "quantity" => crate::api::parse_quantity(text).is_some(),
        "password" => true,
        "bsonobjectid" => text.len() == 24 && hex(text),
        "hexcolor" => {
            let code = text.strip_prefix('#').unwrap_or(text);
            matches!(code.len(), 3 | 6) && hex(code)
        }
        "rgbcolor" => {
            text.strip_prefix("rgb(").and_then(|rest| rest.strip_suffix(')')).is_some_and(|parts| {
                let fits = |part: &str| digits(part.trim()) && part.trim().parse::<u8>().is_ok();
                parts.split(',').count() == 3 && parts.split(',').all(fits)
            })
        }
        "ssn" => {
            let plain = text.replace(['-', ' '], "");
            matches!(text.len(), 9..=11) && plain.len() == 9 && digits(&plain)
        }
        "creditcard" => is_card(text),
        "isbn" => is_isbn(text, 10) || is_isbn(text, 13),
        "isbn10" => is_isbn(text, 10),
        "isbn13" => is_isbn(text, 13),
        "k8sshortname" => names::dns_label(text).is_empty(),
        "k8slongname" => names::dns_subdomain(text).is_empty(),
        _ => return None,
    })
}

/// Whole groups of four, of which the last may end in one or two `=`.
fn is_base64(text: &str) -> bool {
    let data = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    !text.is_empty() && text.len().is_multiple_of(4) && data.bytes().all(known)
}

/// Groups of digits with or without dashes between them; `version` stands at the beginning of the third.
fn is_uuid(text: &str, version: Option<u8>) -> bool {
    let mut rest = text;
    for (at, length) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        rest = if at == 0 { rest } else { rest.strip_prefix('-').unwrap_or(rest) };
        let Some((group, more)) = rest.split_at_checked(length) else { return false };
        let first = group.as_bytes()[0];
        let fits = match (at, version) {
            (2, Some(version)) => first == version,
            (3, Some(b'4' | b'5')) => matches!(first.to_ascii_lowercase(), b'8' | b'9' | b'a' | b'b'),
            _ => true,
        };
        if !fits || !group.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return false;
        }
        rest = more;
    }
    rest.is_empty()
}

fn is_hostname(text: &str) -> bool {
    let is_label = |label: &str| {
        let edge = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        label.len() <= 63
            && edge(label.chars().next())
            && edge(label.chars().next_back())
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let last = text.rsplit_once('.').map(|(_, last)| last);
    text.len() <= 255 && text.split('.').all(is_label) && last.is_none_or(|last| last.len() > 1)
}

/// Six, eight or twenty bytes, in pairs of digits with `:` or `-`, or in fours with dots.
fn is_mac(text: &str) -> bool {
    let groups = |by: char, length: usize, counts: [usize; 3]| {
        let fits = |part: &str| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        counts.contains(&text.split(by).count()) && text.split(by).all(fits)
    };
    groups(':', 2, [6, 8, 20]) || groups('-', 2, [6, 8, 20]) || groups('.', 4, [3, 4, 10])
}

/// Whether the last digit says so of the others; what is no digit is left out.
fn is_card(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let weighed = digits.iter().rev().enumerate().map(|(at, digit)| match (at % 2, digit * 2) {
        (0, _) => *digit,
        (_, twice) => twice / 10 + twice % 10,
    });
    (13..=16).contains(&digits.len()) && weighed.sum::<u32>() % 10 == 0
}

fn is_isbn(text: &str, length: usize) -> bool {
    let text = text.replace(['-', ' '], "");
    let digit = |(at, c): (usize, char)| match (at, c) {
        (9, 'X') if length == 10 => Some(10),
        (_, c) => c.to_digit(10),
    };
    let digits: Option<Vec<u32>> = text.chars().enumerate().map(digit).collect();
    let Some(digits) = digits.filter(|digits| digits.len() == length) else { return false };
    let weigh = |(at, digit): (usize, &u32)| match length {
        10 => (10 - at as u32) * digit,
        _ => {
            if at % 2 == 0 {
                *digit
            } else {
                3 * digit
            }
        }
    };
    digits.iter().enumerate().map(weigh).sum::<u32>() % if length == 10 { 11 } else { 10 } == 0
}

/// `1h30m`, `1.5s`, `300ms`; whole numbers may have the units in words (`2 days`).
fn is_duration(text: &str) -> bool {
    is_go_duration(text) || is_worded(text)
}

/// One unit that is known is enough.
fn is_worded(text: &str) -> bool {
    const SHORT: [&str; 11] = ["ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk"];
    const LONG: [&str; 8] = ["nano", "micro", "milli", "sec", "min", "hour", "day", "week"];
    let (mut rest, mut known) = (text.trim(), false);
    while !rest.is_empty() {
        let number = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let unit = number.trim_start();
        let after = unit.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == 'µ');
        let name = unit[..unit.len() - after.len()].to_lowercase();
        if number.len() == rest.len() || name.is_empty() {
            return false;
        }
        known |= SHORT.contains(&name.as_str()) || LONG.iter().any(|long| name.starts_with(long));
        rest = after.trim_start();
    }
    known
}

fn is_go_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    let mut parts = 0;
    while !rest.is_empty() {
        let number = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let unit = number.trim_start_matches(|c: char| c.is_ascii_lowercase() || c == 'µ');
        let (digits, name) = (&rest[..rest.len() - number.len()], &number[..number.len() - unit.len()]);
        if digits.is_empty() || digits == "." || !["ns", "us", "µs", "ms", "s", "m", "h"].contains(&name) {
            return false;
        }
        rest = unit;
        parts += 1;
    }
    parts > 0
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn knows_the_formats_that_upstream_knows() {
        let cases = [
            (
                "date-time",
                &["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5+01:00"][..],
                &["2026-01-01", "soon"][..],
            ),
            ("datetime", &["2026-01-01T00:00:00Z"], &["2026-01-01"]),
            ("date", &["2026-01-31"], &["2026-02-31", "2026-1-1"]),
            (
                "duration",
                &["1h30m", "-1.5s", "0", "2 days", "1 week 3 hours", "5 D"],
                &["", "1", "h", "3 parsecs"],
            ),
            ("byte", &["YQ==", "YWI=", "YWJj"], &["", "YQ=", "YQ", "===="]),
            ("ipv4", &["10.0.0.1"], &["10.0.0.256", "::1"]),
            ("ipv6", &["::1"], &["10.0.0.1"]),
            ("cidr", &["10.0.0.0/8", "fd00::/8"], &["10.0.0.0", "10.0.0.0/33"]),
            ("mac", &["00:00:5e:00:53:01", "0000.5e00.5301", "02-00-5e-10-00-00-00-01"], &["00:00:5e:00:53"]),
            (
                "uuid",
                &["12345678-1234-1234-1234-123456789012", "12345678123412341234123456789012"],
                &["1234"],
            ),
            (
                "uuid4",
                &["12345678-1234-4234-a234-123456789012"],
                &["12345678-1234-3234-a234-123456789012", "12345678-1234-4234-c234-123456789012"],
            ),
            ("hostname", &["a.example.com", "Web-1"], &["-a", "a.b", "a_b"]),
            ("email", &["a@b.c"], &["a"]),
            ("uri", &["http://a/b", "/a"], &["a b"]),
            ("quantity", &["10Gi", "0.5"], &["ten"]),
            ("bsonobjectid", &["507f1f77bcf86cd799439011"], &["507f"]),
            ("hexcolor", &["#fff", "00FF00"], &["#ff", "red"]),
            ("rgbcolor", &["rgb(1, 2,255)"], &["rgb(1,2)", "rgb(1,2,256)"]),
            ("ssn", &["123-45-6789"], &["123-45-678"]),
            ("creditcard", &["4111 1111 1111 1111"], &["4111111111111112"]),
            ("isbn", &["0321751043", "978-0321751041"], &["0321751044"]),
            ("k8s-short-name", &["web-1"], &["Web", "a.b"]),
            ("k8s-long-name", &["a.b"], &["a..b"]),
        ];
        for (format, good, bad) in cases {
            good.iter().for_each(|text| assert_eq!(fits(format, text), Some(true), "{format} {text:?}"));
            bad.iter().for_each(|text| assert_eq!(fits(format, text), Some(false), "{format} {text:?}"));
        }
        assert_eq!(fits("fruit", "apple"), None);
    }
}

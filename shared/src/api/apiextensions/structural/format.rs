//! Formats of texts that the API server knows; all others mean nothing to it.

use crate::api::validation::names;
use crate::doc::Timestamp;

/// Whether text is in a format; `None` for formats that mean nothing.
pub fn fits(format: &str, text: &str) -> Option<bool> {
    let hex = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
    Some(match format {
        "date-time" | "datetime" => Timestamp::parse(text).is_some(),
        "date" => text.len() == 10 && Timestamp::parse(&format!("{text}T00:00:00Z")).is_some(),
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        "cidr" => names::is_cidr(text),
        "byte" => text.len().is_multiple_of(4) && text.trim_end_matches('=').bytes().all(is_base64),
        "uuid" | "uuid3" | "uuid4" | "uuid5" => {
            let digits: String = text.chars().filter(|c| *c != '-').collect();
            let version = text.chars().nth(14);
            hex(&digits)
                && digits.len() == 32
                && matches!(text.len(), 32 | 36)
                && (format == "uuid" || version == format.chars().last())
        }
        "hostname" => names::dns_subdomain(&text.to_lowercase()).is_empty(),
        "mac" => text.len() == 17 && text.split([':', '-']).all(|part| part.len() == 2 && hex(part)),
        "email" => text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty()),
        "uri" => text.split_once(':').is_some_and(|(scheme, _)| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        }),
        "duration" => is_duration(text),
        _ => return None,
    })
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

/// `1h30m`, `1.5s`, `300ms`
fn is_duration(text: &str) -> bool {
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

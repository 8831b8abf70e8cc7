//! Rules for text that many kinds share. A rule says what is wrong, in Kubernetes' words; nothing when all is well.

use std::net::{IpAddr, Ipv4Addr};

/// What is wrong with a text.
pub type Rule = fn(&str) -> Vec<String>;

const DNS_LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start \
     and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const DNS_SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
     start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const SYSCTL: &str = "must have at most 253 characters and match regex \
     ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
const WILDCARD_SUBDOMAIN: &str = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower \
     case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used \
     for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const QUALIFIED_NAME: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
     alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
     '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
     start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for \
     validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
     'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const ENV_NAME: &str =
    "a valid environment variable name must consist only of printable ASCII characters other than '='";
const HTTP_HEADER: &str = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used \
     for validation is '[-A-Za-z0-9]+')";
const PERCENT: &str = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex \
     used for validation is '[0-9]+%')";
const IP: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const CIDR: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

/// The messages of those checks that fail.
fn failing(checks: &[(bool, &str)]) -> Vec<String> {
    checks.iter().filter(|(fine, _)| !fine).map(|(_, message)| (*message).to_owned()).collect()
}

/// Whether a text begins and ends with what is `edge`, and has nothing else in between but these marks. Every name of an
/// object is asked about.
fn is_made_of(text: &str, edge: impl Fn(u8) -> bool, marks: &[u8]) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(|byte| edge(*byte))
        && bytes.last().is_some_and(|byte| edge(*byte))
        && bytes.iter().all(|byte| edge(*byte) || marks.contains(byte))
}

fn is_label(text: &str) -> bool {
    is_made_of(text, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit(), b"-")
}

/// Labels with dots between them, in one look: every name of an object is asked about.
fn is_subdomain(text: &str) -> bool {
    let fits = |before: &mut u8, byte: u8| {
        let fits = match byte {
            b'a'..=b'z' | b'0'..=b'9' => true,
            b'-' => *before != b'.',
            b'.' => !matches!(*before, b'.' | b'-'),
            _ => false,
        };
        *before = byte;
        fits
    };
    // It begins and ends as it would beside a dot.
    let mut before = b'.';
    text.bytes().all(|byte| fits(&mut before, byte)) && fits(&mut before, b'.')
}

fn is_qualified(text: &str) -> bool {
    is_made_of(text, |byte| byte.is_ascii_alphanumeric(), b"-_.")
}

/// RFC 1123 label, at most 63 characters: names of containers, volumes and namespaces.
pub fn dns_label(text: &str) -> Vec<String> {
    let form = if is_subdomain(text) { "must not contain dots" } else { DNS_LABEL };
    failing(&[(text.len() <= 63, "must be no more than 63 characters"), (is_label(text), form)])
}

/// RFC 1035 label, at most 63 characters.
pub fn dns_1035_label(text: &str) -> Vec<String> {
    const FORM: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
                        alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', \
                        regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.ends_with(inner)
        && text.chars().all(|c| inner(c) || c == '-');
    let mut whys = Vec::new();
    if text.len() > 63 {
        whys.push("must be no more than 63 characters".to_owned());
    }
    if !fits {
        whys.push(FORM.to_owned());
    }
    whys
}

/// RFC 1123 subdomain, at most 253 characters: most names of objects.
pub fn dns_subdomain(text: &str) -> Vec<String> {
    let short = text.len() <= 253;
    failing(&[(short, "must be no more than 253 characters"), (is_subdomain(text), DNS_SUBDOMAIN)])
}

/// The same with underscores: where names are looked for.
pub fn search_domain(text: &str) -> Vec<String> {
    const FORM: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and \
        must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
        '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')";
    let edge = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let fits = |label: &str| is_made_of(label.strip_prefix('_').unwrap_or(label), edge, b"-_");
    let short = text.len() <= 253;
    failing(&[(short, "must be no more than 253 characters"), (text.split('.').all(fits), FORM)])
}

/// An IP address as one writes it: names of IPAddresses.
pub fn ip_address(text: &str) -> Vec<String> {
    let read = text.parse::<IpAddr>();
    let canonical = read.as_ref().is_ok_and(|address| address.to_string() == text);
    match read {
        Err(_) => vec![format!("ParseAddr({text:?}): unable to parse IP")],
        Ok(_) => failing(&[(canonical, "must be a canonical format IP address")]),
    }
}

/// A key of a label or annotation: an optional DNS subdomain, a slash, and a name.
pub fn qualified_name(key: &str) -> Vec<String> {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    if name.contains('/') {
        return vec![format!(
            "a valid label key {QUALIFIED_NAME} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        )];
    }
    let mut messages = match prefix {
        None => Vec::new(),
        Some("") => vec!["prefix part must be non-empty".to_owned()],
        Some(prefix) => {
            dns_subdomain(prefix).into_iter().map(|message| format!("prefix part {message}")).collect()
        }
    };
    messages.extend(failing(&[
        (!name.is_empty(), "name part must be non-empty"),
        (name.len() <= 63, "name part must be no more than 63 characters"),
    ]));
    if !is_qualified(name) {
        messages.push(format!("name part {QUALIFIED_NAME}"));
    }
    messages
}

/// A label's value.
pub fn label_value(text: &str) -> Vec<String> {
    let short = text.len() <= 63;
    let fine = text.is_empty() || is_qualified(text);
    failing(&[(short, "must be no more than 63 characters"), (fine, LABEL_VALUE)])
}

/// The name of a port (IANA service name).
pub fn port_name(text: &str) -> Vec<String> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    failing(&[
        (text.len() <= 15, "must be no more than 15 characters"),
        (
            !text.is_empty() && text.bytes().all(allowed),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (text.bytes().any(|b| b.is_ascii_lowercase()), "must contain at least one letter (a-z)"),
        (!text.contains("--"), "must not contain consecutive hyphens"),
        (!text.starts_with('-') && !text.ends_with('-'), "must not begin or end with a hyphen"),
    ])
}

/// A key of a ConfigMap or Secret: a file name without a path.
pub fn config_key(text: &str) -> Vec<String> {
    let form =
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    failing(&[
        (text.len() <= 253, "must be no more than 253 characters"),
        (form, CONFIG_KEY),
        (text != ".", "must not be '.'"),
        (text != "..", "must not be '..'"),
        (!text.starts_with("..") || text == "..", "must not start with '..'"),
    ])
}

/// The name of an environment variable.
pub fn env_name(text: &str) -> Vec<String> {
    failing(&[(text.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'='), ENV_NAME)])
}

/// The name of an HTTP header.
pub fn http_header(text: &str) -> Vec<String> {
    let fine = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    failing(&[(fine, HTTP_HEADER)])
}

/// `25%`
pub fn percent(text: &str) -> Vec<String> {
    let digits = text.strip_suffix('%').unwrap_or("");
    failing(&[(!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()), PERCENT)])
}

/// An IPv4 or IPv6 address that is read the same way everywhere: `10.0.0.010` is not.
pub fn ip(text: &str) -> Vec<String> {
    match loose_ip(text) {
        None => vec![IP.to_owned()],
        Some((_, true)) => vec!["must not have leading 0s".to_owned()],
        Some((ip, false)) => failing(&[(!is_mapped(ip), "must not be an IPv4-mapped IPv6 address")]),
    }
}

/// A network: address, slash, length of the prefix, behind which nothing is set.
pub fn cidr(text: &str) -> Vec<String> {
    let Some((ip, length, zeros)) = loose_cidr(text) else { return vec![CIDR.to_owned()] };
    let rest = match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)) << 96,
        IpAddr::V6(ip) => u128::from(ip),
    };
    let rest = rest.checked_shl(length).unwrap_or(0);
    let complaint = match (zeros, is_mapped(ip)) {
        (true, _) => "must not have leading 0s in IP or prefix length",
        (false, true) => "must not have an IPv4-mapped IPv6 address",
        _ if rest != 0 => "must not have bits set beyond the prefix length",
        _ => return Vec::new(),
    };
    vec![complaint.to_owned()]
}

/// Whether a text is a network, with whatever set behind the prefix.
pub fn is_cidr(text: &str) -> bool {
    loose_cidr(text).is_some_and(|(.., zeros)| !zeros)
}

/// An address, and whether it is one only without zeros before its numbers.
fn loose_ip(text: &str) -> Option<(IpAddr, bool)> {
    if let Ok(ip) = text.parse() {
        return Some((ip, false));
    }
    let numbers: Vec<&str> = text.split('.').map(without_zeros).collect();
    let ip: Ipv4Addr = numbers.join(".").parse().ok()?;
    Some((ip.into(), true))
}

fn loose_cidr(text: &str) -> Option<(IpAddr, u32, bool)> {
    let (address, length) = text.split_once('/')?;
    let (ip, zeros) = loose_ip(address)?;
    let bits: u32 = length.parse().ok().filter(|_| length.bytes().all(|b| b.is_ascii_digit()))?;
    let most = if ip.is_ipv4() { 32 } else { 128 };
    (bits <= most).then_some((ip, bits, zeros || without_zeros(length) != length))
}

fn without_zeros(number: &str) -> &str {
    let rest = number.trim_start_matches('0');
    if rest.is_empty() && !number.is_empty() { "0" } else { rest }
}

fn is_mapped(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some())
}

/// An address that one can send to: not unspecified, of the machine itself, or of its link only.
pub fn non_special_ip(text: &str) -> Vec<String> {
    let Ok(ip) = text.parse::<IpAddr>() else {
        return vec!["must be a valid IP address".to_owned()];
    };
    let (local, multicast) = match ip {
        IpAddr::V4(ip) => (ip.is_link_local(), ip.octets()[..3] == [224, 0, 0]),
        IpAddr::V6(ip) => (ip.segments()[0] & 0xffc0 == 0xfe80, ip.segments()[0] & 0xff0f == 0xff02),
    };
    // No address is two of these, and most are none: a Service of many pods has them all looked at with each change.
    let complaint = match (ip.is_loopback(), local, multicast) {
        (true, ..) => "may not be in the loopback range (127.0.0.0/8, ::1/128)",
        (_, true, _) => "may not be in the link-local range (169.254.0.0/16, fe80::/10)",
        (.., true) => "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
        _ if ip.is_unspecified() => return vec![format!("may not be unspecified ({text})")],
        _ => return Vec::new(),
    };
    vec![complaint.to_owned()]
}

/// Why a condition is as it is, in one word.
pub fn condition_reason(text: &str) -> Vec<String> {
    const FORM: &str = "a condition reason must start with alphabetic character, optionally followed by a string of \
        alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or \
        'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is \
        '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')";
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let ends = text.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_,:".contains(&byte);
    failing(&[(starts && ends && text.bytes().all(inner), FORM)])
}

/// `*.example.com`
pub fn wildcard_subdomain(text: &str) -> Vec<String> {
    failing(&[(text.strip_prefix("*.").is_some_and(is_subdomain), WILDCARD_SUBDOMAIN)])
}

/// `example.com/controller`
pub fn domain_prefixed_path(text: &str) -> Vec<String> {
    match text.split_once('/') {
        Some((domain, path)) if !domain.is_empty() && !path.is_empty() => dns_subdomain(domain),
        _ => vec!["must be a domain-prefixed path (such as \"acme.io/foo\")".to_owned()],
    }
}

/// A parameter of the kernel: `kernel.shm_rmid_forced`, `net/ipv4/ip_forward`.
pub fn sysctl(text: &str) -> Vec<String> {
    let word = |part: &str| {
        let end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        end(part.chars().next()) && end(part.chars().last()) && part.chars().all(inner)
    };
    failing(&[(text.len() <= 253 && text.split(['.', '/']).all(word), SYSCTL)])
}

/// A relative path that does not leave where it starts.
pub fn descending_path(text: &str) -> Vec<String> {
    failing(&[
        (!text.starts_with('/'), "must be a relative path"),
        (no_backsteps(text), "must not contain '..'"),
    ])
}

/// A path without `..`.
pub fn path_without_backsteps(text: &str) -> Vec<String> {
    failing(&[(no_backsteps(text), "must not contain '..'")])
}

fn no_backsteps(text: &str) -> bool {
    text.split('/').all(|part| part != "..")
}

/// A name that can be part of a path, as every object's must, and is free otherwise: roles and their bindings.
pub fn path_segment(text: &str) -> Vec<String> {
    let mut messages = failing(&[(text != ".", "may not be '.'"), (text != "..", "may not be '..'")]);
    for mark in ['/', '%'].iter().filter(|mark| text.contains(**mark)) {
        messages.push(format!("may not contain '{mark}'"));
    }
    messages
}

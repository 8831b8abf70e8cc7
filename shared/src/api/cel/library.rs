//! What Kubernetes adds to CEL: quantities, addresses and blocks of them, URLs, versions, named formats.

use std::cmp::Ordering;
use std::net::IpAddr;

use super::values::{CIDR, FORMAT, IP, QUANTITY, SEMVER, URL, content, optional, value_of};
use super::{semver, url};
use crate::api::apiextensions::structural::fits;
use crate::api::parse_quantity;
use crate::api::quantity::Amount;
use crate::api::validation::names;
use crate::doc::Doc;

type Value = Result<Doc, String>;

/// The formats that have a name, as functions have them.
const FORMATS: [&str; 13] = [
    "dns1123Label",
    "dns1123Subdomain",
    "dns1035Label",
    "qualifiedName",
    "dns1123LabelPrefix",
    "dns1123SubdomainPrefix",
    "dns1035LabelPrefix",
    "labelValue",
    "uri",
    "uuid",
    "byte",
    "date",
    "datetime",
];

/// A function on its own; `None` where there is none of these types.
pub(super) fn function(name: &str, values: &[Doc]) -> Option<Value> {
    let made = match (name, values) {
        ("isQuantity", [Doc::Str(text)]) => Ok(Doc::Bool(parse_quantity(text).is_some())),
        ("quantity", [Doc::Str(text)]) => match parse_quantity(text) {
            Some(milli) => Ok(quantity(milli)),
            None => Err(
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
                    .into(),
            ),
        },
        ("isIP", [Doc::Str(text)]) => Ok(Doc::Bool(address(text).is_ok())),
        ("ip", [Doc::Str(text)]) => address(text).map(ip),
        ("ip.isCanonical", [Doc::Str(text)]) => {
            address(text).map(|address| Doc::Bool(address.to_string() == text.as_str()))
        }
        ("isCIDR", [Doc::Str(text)]) => Ok(Doc::Bool(block(text).is_some())),
        ("cidr", [Doc::Str(text)]) => block(text).map(cidr).ok_or_else(|| {
            format!(
                "network address parse error during conversion from string: netip.ParsePrefix({text:?}): no '/'"
            )
        }),
        ("string", [value]) => {
            let text = content(IP, value).or_else(|| content(CIDR, value))?;
            Ok(text.clone())
        }
        ("isURL", [Doc::Str(text)]) => Ok(Doc::Bool(url::is_url(text))),
        ("url", [Doc::Str(text)]) if url::is_url(text) => Ok(value_of(URL, text)),
        ("url", [Doc::Str(text)]) => Err(format!(
            "URL parse error during conversion from string: parse {text:?}: invalid URI for request"
        )),
        ("isSemver" | "semver", [Doc::Str(_)] | [Doc::Str(_), Doc::Bool(_)]) => {
            let normal = values.get(1).and_then(Doc::as_bool).unwrap_or(false);
            let read = semver::read(&values[0].str(), normal);
            match name {
                "isSemver" => Ok(Doc::Bool(read.is_some())),
                _ => read
                    .map(|version| value_of(SEMVER, version.to_string()))
                    .ok_or_else(|| "No Major.Minor.Patch elements found".to_owned()),
            }
        }
        ("format.named", [Doc::Str(text)]) => {
            let known = FORMATS.contains(&text.as_str());
            Ok(optional(known.then(|| value_of(FORMAT, text))))
        }
        (_, []) => {
            let named = name.strip_prefix("format.").filter(|named| FORMATS.contains(named))?;
            Ok(value_of(FORMAT, named))
        }
        _ => return None,
    };
    Some(made)
}

/// A function on a value of one of these types.
pub(super) fn method(name: &str, kind: &str, of: &Doc, rest: &[Doc]) -> Option<Value> {
    let text = of.str();
    match kind {
        QUANTITY => of_quantity(name, parse_quantity(&text)?, rest),
        IP => of_address(name, address(&text).ok()?, rest),
        CIDR => of_block(name, block(&text)?, rest),
        URL => rest.is_empty().then(|| url::method(name, &text)).flatten().map(Ok),
        SEMVER => of_version(name, &semver::read(&text, false)?, rest),
        FORMAT if name == "validate" => {
            let [Doc::Str(checked)] = rest else { return None };
            let faults = faults(&text, checked);
            Some(Ok(optional((!faults.is_empty()).then(|| Doc::list(faults)))))
        }
        _ => None,
    }
}

fn quantity(milli: i128) -> Doc {
    value_of(QUANTITY, Amount { milli, binary: false }.to_string())
}

fn ordered(name: &str, order: Ordering) -> Option<Value> {
    Some(Ok(match name {
        "isGreaterThan" => Doc::Bool(order == Ordering::Greater),
        "isLessThan" => Doc::Bool(order == Ordering::Less),
        "compareTo" => Doc::from(order as i64),
        _ => return None,
    }))
}

fn of_quantity(name: &str, milli: i128, rest: &[Doc]) -> Option<Value> {
    let whole = (milli % 1000 == 0).then(|| i64::try_from(milli / 1000).ok()).flatten();
    let other = match rest {
        [] => None,
        [Doc::Int(number)] if matches!(name, "add" | "sub") => Some(i128::from(number.get()) * 1000),
        [other] => Some(parse_quantity(&content(QUANTITY, other)?.str())?),
        _ => return None,
    };
    let value = match (name, other) {
        ("sign", None) => Doc::from(milli.signum() as i64),
        ("isInteger", None) => Doc::Bool(whole.is_some()),
        ("asInteger", None) => {
            return Some(whole.map(Doc::from).ok_or_else(|| "cannot convert value to integer".to_owned()));
        }
        ("asApproximateFloat", None) => Doc::from(milli as f64 / 1000.0),
        ("add", Some(other)) => quantity(milli.saturating_add(other)),
        ("sub", Some(other)) => quantity(milli.saturating_sub(other)),
        (name, Some(other)) => return ordered(name, milli.cmp(&other)),
        _ => return None,
    };
    Some(Ok(value))
}

fn ip(of: IpAddr) -> Doc {
    value_of(IP, of.to_string())
}

fn cidr((of, bits): (IpAddr, u32)) -> Doc {
    value_of(CIDR, format!("{of}/{bits}"))
}

fn of_address(name: &str, of: IpAddr, rest: &[Doc]) -> Option<Value> {
    if !rest.is_empty() {
        return None;
    }
    let multicast = match of {
        IpAddr::V4(of) => of.octets()[..3] == [224, 0, 0],
        IpAddr::V6(of) => of.segments()[0] & 0xff0f == 0xff02,
    };
    let unicast = match of {
        IpAddr::V4(of) => of.is_link_local(),
        IpAddr::V6(of) => of.segments()[0] & 0xffc0 == 0xfe80,
    };
    let everybody = matches!(of, IpAddr::V4(of) if of.is_broadcast());
    Some(Ok(match name {
        "family" => Doc::from(if of.is_ipv4() { 4i64 } else { 6 }),
        "isUnspecified" => Doc::Bool(of.is_unspecified()),
        "isLoopback" => Doc::Bool(of.is_loopback()),
        "isLinkLocalMulticast" => Doc::Bool(multicast),
        "isLinkLocalUnicast" => Doc::Bool(unicast),
        "isGlobalUnicast" => {
            let other = of.is_unspecified() || of.is_loopback() || of.is_multicast() || unicast || everybody;
            Doc::Bool(!other)
        }
        _ => return None,
    }))
}

fn of_block(name: &str, (of, bits): (IpAddr, u32), rest: &[Doc]) -> Option<Value> {
    Some(match (name, rest) {
        ("ip", []) => Ok(ip(of)),
        ("prefixLength", []) => Ok(Doc::from(i64::from(bits))),
        ("masked", []) => Ok(cidr((masked(of, bits), bits))),
        ("containsIP", [other]) => {
            let text = content(IP, other).unwrap_or(other);
            address(text.as_str()?).map(|other| Doc::Bool(alike(of, other, bits)))
        }
        ("containsCIDR", [other]) => {
            let text = content(CIDR, other).unwrap_or(other).as_str()?;
            match block(text) {
                Some((other, more)) => Ok(Doc::Bool(more >= bits && alike(of, other, bits))),
                None => Err(format!(
                    "network address parse error during conversion from string: netip.ParsePrefix({text:?}): no '/'"
                )),
            }
        }
        _ => return None,
    })
}

/// An address as Kubernetes reads it: neither with a zone nor one of IPv4 in the clothes of IPv6.
fn address(text: &str) -> Result<IpAddr, String> {
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_some() => {
            Err(format!("IPv4-mapped IPv6 address {text:?} is not allowed"))
        }
        Ok(address) => Ok(address),
        Err(_) => Err(format!(
            "IP Address {text:?} parse error during conversion from string: ParseAddr({text:?}): unable to parse IP"
        )),
    }
}

/// An address and how many of its bits count.
fn block(text: &str) -> Option<(IpAddr, u32)> {
    let (of, bits) = text.split_once('/')?;
    let of = address(of).ok()?;
    let most = if of.is_ipv4() { 32 } else { 128 };
    let known = bits.parse::<u32>().ok().filter(|known| known.to_string() == bits && *known <= most)?;
    Some((of, known))
}

/// The address as a number of 128 bits, those that count first.
fn number(of: IpAddr) -> u128 {
    match of {
        IpAddr::V4(of) => u128::from(u32::from(of)) << 96,
        IpAddr::V6(of) => u128::from(of),
    }
}

fn masked(of: IpAddr, bits: u32) -> IpAddr {
    let kept = if bits == 0 { 0 } else { number(of) >> (128 - bits) << (128 - bits) };
    match of {
        IpAddr::V4(_) => IpAddr::V4(((kept >> 96) as u32).into()),
        IpAddr::V6(_) => IpAddr::V6(kept.into()),
    }
}

/// Whether the first so many bits of two addresses of one family are the same.
fn alike(a: IpAddr, b: IpAddr, bits: u32) -> bool {
    let differ = number(a) ^ number(b);
    a.is_ipv4() == b.is_ipv4() && (bits == 0 || differ >> (128 - bits) == 0)
}

fn of_version(name: &str, of: &semver::Version, rest: &[Doc]) -> Option<Value> {
    match rest {
        [] => Some(Ok(Doc::from(match name {
            "major" => of.major,
            "minor" => of.minor,
            "patch" => of.patch,
            _ => return None,
        }))),
        [other] => {
            let other = semver::read(&content(SEMVER, other)?.str(), false)?;
            ordered(name, of.compare(&other))
        }
        _ => None,
    }
}

/// What of a text is not as a format wants it.
fn faults(format: &str, text: &str) -> Vec<String> {
    let unless = |good: bool, why: &str| if good { Vec::new() } else { vec![why.to_owned()] };
    // What is to be followed by more may end as a name may not.
    let prefix =
        |text: &str| text.strip_suffix('-').map_or_else(|| text.to_owned(), |rest| format!("{rest}a"));
    match format {
        "dns1123Label" => names::dns_label(text),
        "dns1123LabelPrefix" => names::dns_label(&prefix(text)),
        "dns1123Subdomain" => names::dns_subdomain(text),
        "dns1123SubdomainPrefix" => names::dns_subdomain(&prefix(text)),
        "dns1035Label" => names::dns_1035_label(text),
        "dns1035LabelPrefix" => names::dns_1035_label(&prefix(text)),
        "qualifiedName" => names::qualified_name(text),
        "labelValue" => names::label_value(text),
        "uri" => unless(url::is_url(text), &format!("parse {text:?}: invalid URI for request")),
        "uuid" => unless(fits(format, text) == Some(true), "does not match the UUID format"),
        "byte" => unless(fits(format, text) == Some(true), "invalid base64"),
        _ => unless(fits(format, text) == Some(true), &format!("invalid {format}")),
    }
}

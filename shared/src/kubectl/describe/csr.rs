//! What a CertificateSigningRequest asks for: its request is PEM around PKCS #10, of which the names are read.

use crate::api::core::secret::base64_decode;
use crate::doc::Doc;

use super::super::io::Stop;
use super::sheet::Sheet;
use super::values::pairs;

/// Labels and annotations in one line each, as Go joins them.
pub fn marks(sheet: &mut Sheet<'_, '_>, request: &Doc, _: &str) -> Result<(), Stop> {
    for (title, field) in [("Labels", "labels"), ("Annotations", "annotations")] {
        let marks = pairs(&request["metadata"][field], "=").join(",");
        sheet.line(0, format!("{title}:\t{}", if marks.is_empty() { "<none>" } else { &marks }));
    }
    Ok(())
}

/// Attributes of a subject by the last number of their identifiers (2.5.4.n), and what they are called.
const ATTRIBUTES: [(u8, &str); 7] = [
    (10, "Organization"),
    (11, "Organizational Unit"),
    (6, "Country"),
    (7, "Locality"),
    (8, "Province"),
    (9, "StreetAddress"),
    (17, "PostalCode"),
];
const COMMON_NAME: u8 = 3;
const SERIAL_NUMBER: u8 = 5;

/// The kinds of other names by their tags.
const OTHER_NAMES: [(u8, &str); 4] =
    [(0x82, "DNS Names"), (0x81, "Email Addresses"), (0x86, "URIs"), (0x87, "IP Addresses")];

/// Whom the certificate is to name.
pub fn subject(sheet: &mut Sheet<'_, '_>, request: &Doc, _: &str) -> Result<(), Stop> {
    let names = match Names::of(&request["spec"]["request"].str()) {
        Ok(names) => names,
        Err(why) => return Err(sheet.io.fail(format!("Error parsing CSR: {why}"))),
    };
    sheet.line(0, "Subject:");
    for (number, title) in [(COMMON_NAME, "Common Name"), (SERIAL_NUMBER, "Serial Number")] {
        let value = names.subject.iter().rfind(|(of, _)| *of == number).map_or("", |(_, value)| value);
        sheet.line(0, format!("\t{title}:\t{value}"));
    }
    list(sheet, &ATTRIBUTES, &names.subject);
    if !names.others.is_empty() {
        sheet.line(0, "Subject Alternative Names:");
        list(sheet, &OTHER_NAMES, &names.others);
    }
    Ok(())
}

/// What there is of each kind, one below the other.
fn list(sheet: &mut Sheet<'_, '_>, kinds: &[(u8, &str)], found: &[(u8, String)]) {
    for (kind, title) in kinds {
        for (at, (_, value)) in found.iter().filter(|(of, _)| of == kind).enumerate() {
            sheet.line(0, if at == 0 { format!("\t{title}:\t{value}") } else { format!("\t\t{value}") });
        }
    }
}

/// The names in a request.
#[derive(Default)]
struct Names {
    subject: Vec<(u8, String)>,
    others: Vec<(u8, String)>,
}

impl Names {
    fn of(request: &str) -> Result<Names, &'static str> {
        const NO_PEM: &str = "PEM block type must be CERTIFICATE REQUEST";
        let text = base64_decode(request).map_err(|_| NO_PEM)?;
        let text = String::from_utf8(text).map_err(|_| NO_PEM)?;
        let (_, rest) = text.split_once("-----BEGIN CERTIFICATE REQUEST-----").ok_or(NO_PEM)?;
        let (inner, _) = rest.split_once("-----END CERTIFICATE REQUEST-----").ok_or(NO_PEM)?;
        let inner: String = inner.chars().filter(|c| !c.is_whitespace()).collect();
        let bytes = base64_decode(&inner).map_err(|_| NO_PEM)?;
        Names::read(&bytes).ok_or("asn1: structure error: tags don't match")
    }

    /// CertificationRequest → info → version, subject, key, attributes.
    fn read(bytes: &[u8]) -> Option<Names> {
        let (_, whole, _) = element(bytes)?;
        let (_, info, _) = element(whole)?;
        let (_, _, rest) = element(info)?;
        let (_, subject, rest) = element(rest)?;
        let (_, _, attributes) = element(rest)?;
        let mut names = Names::default();
        for (_, set) in elements(subject) {
            for (_, pair) in elements(set) {
                let (_, id, value) = element(pair)?;
                let (_, value, _) = element(value)?;
                if let [0x55, 0x04, number] = id {
                    names.subject.push((*number, String::from_utf8_lossy(value).into_owned()));
                }
            }
        }
        names.others = attributes_of(attributes);
        Some(names)
    }
}

/// Names beside the subject: in the attribute that asks for extensions, in the one that is called subjectAltName.
fn attributes_of(bytes: &[u8]) -> Vec<(u8, String)> {
    const EXTENSIONS: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e];
    const OTHER_NAME: [u8; 3] = [0x55, 0x1d, 0x11];
    let mut found = Vec::new();
    let attributes = element(bytes).map_or(&[][..], |(_, attributes, _)| attributes);
    for (_, attribute) in elements(attributes) {
        let Some((_, _, values)) = element(attribute).filter(|(_, id, _)| *id == EXTENSIONS) else {
            continue;
        };
        let sets = elements(values).into_iter().flat_map(|(_, set)| elements(set));
        for (_, extension) in sets.flat_map(|(_, list)| elements(list)) {
            let parts = elements(extension);
            if parts.first().is_none_or(|(_, id)| *id != OTHER_NAME) {
                continue;
            }
            let names = parts.last().and_then(|(_, value)| element(value));
            let names = names.map_or_else(Vec::new, |(_, names, _)| elements(names));
            found.extend(names.into_iter().map(|(kind, value)| (kind, shown(kind, value))));
        }
    }
    found
}

fn shown(kind: u8, value: &[u8]) -> String {
    match <[u8; 4]>::try_from(value) {
        Ok(address) if kind == 0x87 => std::net::Ipv4Addr::from(address).to_string(),
        _ => match <[u8; 16]>::try_from(value) {
            Ok(address) if kind == 0x87 => std::net::Ipv6Addr::from(address).to_string(),
            _ => String::from_utf8_lossy(value).into_owned(),
        },
    }
}

/// The first element of DER: its tag, what is in it, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (size, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (size.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (inside, rest) = rest.split_at_checked(length)?;
    Some((tag, inside, rest))
}

/// All elements, one after the other.
fn elements(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut all = Vec::new();
    while let Some((tag, inside, rest)) = element(bytes) {
        all.push((tag, inside));
        bytes = rest;
    }
    all
}

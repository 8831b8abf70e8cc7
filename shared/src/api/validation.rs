//! Faults found in an object, worded as Kubernetes words them, and the name rules many kinds share.

use std::fmt::Display;

use crate::doc::{Doc, Str};

use super::CauseDetail;

/// The faults found so far.
#[derive(Debug, Default)]
pub struct Faults(pub Vec<CauseDetail>);

impl Faults {
    fn add(&mut self, reason: &'static str, field: impl Into<Str>, message: String) {
        self.0.push(CauseDetail { reason, message: message.into(), field: field.into() });
    }

    /// `Required value: …`
    pub fn required(&mut self, field: impl Into<Str>, detail: &str) {
        let message =
            if detail.is_empty() { "Required value".to_owned() } else { format!("Required value: {detail}") };
        self.add("FieldValueRequired", field, message);
    }

    /// `Invalid value: …: …`
    pub fn invalid(&mut self, field: impl Into<Str>, value: &Doc, detail: impl Display) {
        self.add("FieldValueInvalid", field, format!("Invalid value: {value}: {detail}"));
    }

    /// `Invalid value: …: …` with the value as Go prints it.
    pub fn invalid_text(&mut self, field: impl Into<Str>, value: &str, detail: &str) {
        self.add("FieldValueInvalid", field, format!("Invalid value: {value}: {detail}"));
    }

    /// `Unsupported value: …: supported values: …`
    pub fn not_supported(&mut self, field: impl Into<Str>, value: &Doc, supported: &[&str]) {
        let supported: Vec<String> = supported.iter().map(|value| format!("{value:?}")).collect();
        let message = format!("Unsupported value: {value}: supported values: {}", supported.join(", "));
        self.add("FieldValueNotSupported", field, message);
    }

    /// `Duplicate value: …`
    pub fn duplicate(&mut self, field: impl Into<Str>, value: &Doc) {
        self.add("FieldValueDuplicate", field, format!("Duplicate value: {value}"));
    }

    /// `Forbidden: …`
    pub fn forbidden(&mut self, field: impl Into<Str>, detail: &str) {
        self.add("FieldValueForbidden", field, format!("Forbidden: {detail}"));
    }
}

const DNS_LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start \
     and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const DNS_SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
     start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const QUALIFIED_NAME: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
     alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
     '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
     start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for \
     validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

fn is_label(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(edge) && text.ends_with(edge) && text.chars().all(|c| edge(c) || c == '-')
}

fn is_qualified(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(edge)
        && text.ends_with(edge)
        && text.chars().all(|c| edge(c) || matches!(c, '-' | '_' | '.'))
}

/// RFC 1123 label, at most 63 characters: container and namespace names.
pub fn dns_label(faults: &mut Faults, field: &str, name: &Doc) {
    let text = name.as_str().unwrap_or("");
    if text.len() > 63 {
        faults.invalid(field, name, "must be no more than 63 characters");
    }
    if !is_label(text) {
        faults.invalid(field, name, DNS_LABEL);
    }
}

/// RFC 1123 subdomain, at most 253 characters: most object names.
pub fn dns_subdomain(faults: &mut Faults, field: &str, name: &Doc) {
    let text = name.as_str().unwrap_or("");
    if text.len() > 253 {
        faults.invalid(field, name, "must be no more than 253 characters");
    }
    if !text.split('.').all(is_label) {
        faults.invalid(field, name, DNS_SUBDOMAIN);
    }
}

/// Label keys and values.
pub fn labels(faults: &mut Faults, field: &str, labels: &Doc) {
    for (key, value) in labels.entries() {
        qualified_name(faults, field, key);
        let text = value.as_str().unwrap_or("");
        if text.len() > 63 {
            faults.invalid(field, value, "must be no more than 63 characters");
        }
        if !text.is_empty() && !is_qualified(text) {
            faults.invalid(field, value, LABEL_VALUE);
        }
    }
}

/// Annotation keys, and the size of all values together.
pub fn annotations(faults: &mut Faults, field: &str, annotations: &Doc) {
    let mut size = 0;
    for (key, value) in annotations.entries() {
        qualified_name(faults, field, &key.to_lowercase());
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > 256 * 1024 {
        faults.add("FieldValueTooLong", field, "Too long: may not be more than 262144 bytes".into());
    }
}

/// An optional DNS prefix, a slash and a name.
pub fn qualified_name(faults: &mut Faults, field: &str, key: &str) {
    let value = Doc::from(key);
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    if prefix.is_some_and(|prefix| !prefix.split('.').all(is_label)) {
        faults.invalid(field, &value, format!("prefix part {DNS_SUBDOMAIN}"));
    }
    if name.is_empty() {
        faults.invalid(field, &value, "name part must be non-empty");
    }
    if name.len() > 63 {
        faults.invalid(field, &value, "name part must be no more than 63 characters");
    }
    if !is_qualified(name) {
        faults.invalid(field, &value, QUALIFIED_NAME);
    }
}

/// A whole number that may not be negative.
pub fn non_negative(faults: &mut Faults, field: &str, value: &Doc) {
    if value.as_i64().is_some_and(|number| number < 0) {
        faults.invalid(field, value, "must be greater than or equal to 0");
    }
}

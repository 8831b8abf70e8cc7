//! Secret: settings that are not for everybody's eyes.

use crate::api::validation::{At, Faults, IMMUTABLE};
use crate::api::{Column, Info, Object, Resource, Row, age};
use crate::doc::{Doc, Timestamp, go_json};

/// Secrets with a token of a service account that does not expire: how they and such tokens name things.
pub mod account_token {
    /// The Secret's type.
    pub const TYPE: &str = "kubernetes.io/service-account-token";
    /// The annotation that says which account it is of.
    pub const OF: &str = "kubernetes.io/service-account.name";
    /// And the one that says which of those that had the name.
    pub const OF_UID: &str = "kubernetes.io/service-account.uid";
    /// Who issued the token.
    pub const ISSUER: &str = "kubernetes/serviceaccount";
    /// The claim with the namespace of Secret and account.
    pub const NAMESPACE: &str = "kubernetes.io/serviceaccount/namespace";
    /// The claim with the Secret's name.
    pub const SECRET: &str = "kubernetes.io/serviceaccount/secret.name";
    /// The claim with the account's name.
    pub const ACCOUNT: &str = "kubernetes.io/serviceaccount/service-account.name";
    /// The claim with the account's UID.
    pub const UID: &str = "kubernetes.io/serviceaccount/service-account.uid";
}

/// The kind's registration.
#[derive(Debug)]
pub struct Secrets;

impl Resource for Secrets {
    fn info(&self) -> &'static Info {
        &Info {
            group: "",
            version: "v1",
            kind: "Secret",
            plural: "secrets",
            singular: "secret",
            short_names: &[],
            namespaced: true,
            subresources: &[],
            categories: &[],
            has_generation: false,
        }
    }

    fn default(&self, doc: &mut Doc) {
        doc.default_to("type", "Opaque");
        // `stringData` is for writing only: it lands, encoded, in `data`.
        let plain = doc["stringData"].clone();
        for (key, value) in plain.entries() {
            let encoded = base64_encode(value.as_str().unwrap_or("").as_bytes());
            doc.at_mut(&["data"]).set(key.clone(), encoded);
        }
        doc.remove("stringData");
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        super::configmap::validate_keys(doc, &["data"], faults);
        super::configmap::validate_size(&[&doc["data"]], "data", faults);
        let kind = doc["type"].str();
        let data = At::root(&doc["data"], "data");
        for (_, keys) in REQUIRED_KEYS.iter().filter(|(of, _)| *of == kind) {
            for key in keys.iter().filter(|key| data[**key].is_null()) {
                faults.required(&data.key(key), "");
            }
        }
        for (_, key) in LOGINS.iter().filter(|(of, _)| *of == kind) {
            if let Some(why) = data[*key].as_str().and_then(no_object) {
                faults.invalid(&data.key(key), &Doc::from("<secret contents redacted>"), why);
            }
        }
        if kind == "kubernetes.io/basic-auth"
            && ["username", "password"].iter().all(|key| data[*key].is_null())
        {
            faults.required(&data.key("username"), "");
            faults.required(&data.key("password"), "");
        }
        if kind == account_token::TYPE {
            let annotations = At::root(&doc["metadata"]["annotations"], "metadata.annotations");
            annotations.key(account_token::OF).require(faults);
        }
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        if new["type"] != old["type"] {
            faults.invalid("type", &new["type"], IMMUTABLE);
        }
        super::configmap::validate_immutable(new, old, &["data"], faults);
    }

    fn fields(&self) -> &'static [&'static str] {
        &["metadata.name", "metadata.namespace", "type"]
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Type", wide: false },
            Column { name: "Data", wide: false },
            Column { name: "Age", wide: false },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let count = object.body["data"].entries().len();
        let kind = object.body["type"].str().to_string();
        vec![object.key.name.to_string(), kind, count.to_string(), age(object.meta.creation, now)]
    }
}

/// What secrets of a type must hold.
const REQUIRED_KEYS: &[(&str, &[&str])] = &[
    ("kubernetes.io/dockercfg", &[".dockercfg"]),
    ("kubernetes.io/dockerconfigjson", &[".dockerconfigjson"]),
    ("kubernetes.io/ssh-auth", &["ssh-privatekey"]),
    ("kubernetes.io/tls", &["tls.crt", "tls.key"]),
];

/// Where logins for registries are kept, as an object in JSON.
const LOGINS: &[(&str, &str)] =
    &[("kubernetes.io/dockercfg", ".dockercfg"), ("kubernetes.io/dockerconfigjson", ".dockerconfigjson")];

/// Why what a secret holds is no object in JSON, in the words of Go's reader.
fn no_object(encoded: &str) -> Option<String> {
    let bytes = base64_decode(encoded).ok()?;
    let found = match go_json::read(&String::from_utf8_lossy(&bytes)) {
        Err(why) => return Some(why),
        Ok(read) => match read.doc {
            Doc::Map(_) | Doc::Null => return None,
            Doc::Bool(_) => "bool",
            Doc::List(_) => "array",
            Doc::Int(_) | Doc::Float(_) => "number",
            _ => "string",
        },
    };
    Some(format!("json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Standard base64 with padding.
pub fn base64_encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group =
            (0..3).fold(0u32, |group, at| group << 8 | u32::from(chunk.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let sextet = group >> (18 - 6 * at) & 63;
            text.push(if at <= chunk.len() { char::from(ALPHABET[sextet as usize]) } else { '=' });
        }
    }
    text
}

/// The bytes of standard base64; the number of the first bad character otherwise.
///
/// # Errors
/// The position (in bytes) of what cannot be there.
pub fn base64_decode(text: &str) -> Result<Vec<u8>, usize> {
    let symbols: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    if !symbols.len().is_multiple_of(4) {
        let bad = symbols.iter().position(|symbol| !ALPHABET.contains(symbol));
        return Err(bad.unwrap_or(symbols.len() / 4 * 4));
    }
    let padding = symbols.iter().rev().take_while(|&&symbol| symbol == b'=').count().min(2);
    let mut bytes = Vec::new();
    let (mut group, mut bits) = (0u32, 0);
    for (at, symbol) in symbols[..symbols.len() - padding].iter().enumerate() {
        let value = ALPHABET.iter().position(|letter| letter == symbol).ok_or(at)?;
        group = group << 6 | value as u32;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((group >> bits & 255) as u8);
        }
    }
    Ok(bytes)
}

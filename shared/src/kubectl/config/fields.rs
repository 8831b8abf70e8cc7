//! The fields of a kubeconfig that `config set` can reach, and what each holds.

use crate::api::core::secret::{base64_decode, base64_encode};
use crate::collections::sort;
use crate::doc::{Doc, Str};

const TEXTS: [&[&str]; 3] = [
    &["server", "tls-server-name", "certificate-authority", "proxy-url"],
    &["cluster", "user", "namespace"],
    &["client-certificate", "client-key", "token", "tokenFile", "username", "password", "as", "as-uid"],
];
const SWITCHES: [&str; 3] = ["insecure-skip-tls-verify", "disable-compression", "colors"];
const BYTES: [&str; 3] = ["certificate-authority-data", "client-certificate-data", "client-key-data"];

/// What a property becomes; the error says why it becomes nothing.
pub(super) fn value(property: &str, text: &str, raw: bool, config: &Doc) -> Result<Doc, String> {
    let steps: Vec<&str> = property.split('.').collect();
    match steps[..] {
        ["preferences"] => {
            let colors = config["preferences"]["colors"].as_bool().unwrap_or(false);
            Err(format!(
                "unable to locate path config.navigationStep{{stepValue:\"\", stepType:reflect.Type(nil)}} under {{{colors} \
                 map[]}}"
            ))
        }
        ["preferences", "colors"] => held("colors", text, raw).unwrap_or(Ok(Doc::Null)),
        [list] | [list, _] if list_at(list).is_some() => Err(no_value(list, config)),
        [list, _, field] => match list_at(list) {
            Some(at) if TEXTS[at].contains(&field) => Ok(Doc::from(text)),
            Some(_) => held(field, text, raw).unwrap_or_else(|| Err(no_value(list, config))),
            None => Ok(Doc::Null),
        },
        [list, ..] if list_at(list).is_some() => {
            Err(format!("unable to parse one or more field values of {property}"))
        }
        _ => Ok(Doc::Null),
    }
}

fn list_at(list: &str) -> Option<usize> {
    ["clusters", "contexts", "users"].iter().position(|known| *known == list)
}

/// A switch or bytes.
fn held(field: &str, text: &str, raw: bool) -> Option<Result<Doc, String>> {
    if SWITCHES.contains(&field) {
        return Some(match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true.into()),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false.into()),
            _ => Err(format!("strconv.ParseBool: parsing {text:?}: invalid syntax")),
        });
    }
    if !BYTES.contains(&field) {
        return None;
    }
    if raw {
        return Some(Ok(Doc::from(base64_encode(text.as_bytes()).as_str())));
    }
    let decoded = base64_decode(text);
    Some(decoded.map(|_| Doc::from(text)).map_err(|_| {
        let good =
            text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte)).count();
        let at = if good == text.len() { good / 4 * 4 } else { good };
        format!("error decoding input value: illegal base64 data at input byte {at}")
    }))
}

/// Go prints the map with the addresses of what is in it.
fn no_value(list: &str, config: &Doc) -> String {
    let mut names: Vec<Str> = config[list].items().iter().map(|entry| entry["name"].str()).collect();
    sort(&mut names);
    let entries = names.iter().zip((0xc0_004a_6000_u64..).step_by(0x50));
    let entries: Vec<String> = entries.map(|(name, address)| format!("{name}:{address:#x}")).collect();
    format!("can't set a map to a value: map[{}]", entries.join(" "))
}

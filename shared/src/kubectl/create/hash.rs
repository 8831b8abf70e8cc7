//! What `--append-hash` puts behind a name: a few letters that follow from what is in the ConfigMap or Secret.

use sha2::{Digest, Sha256};

use crate::doc::Doc;

/// How many letters.
const LENGTH: usize = 10;

/// The suffix of an object of this kind with this name and these fields.
pub(super) fn suffix(kind: &str, name: &str, fields: &Doc) -> String {
    let mut hashed = Doc::map();
    hashed.set("kind", kind);
    hashed.set("name", name);
    hashed.set("data", if fields["data"].is_null() { Doc::map() } else { fields["data"].clone() });
    if kind == "Secret" {
        hashed.set("type", fields["type"].str());
    }
    let digest = Sha256::digest(hashed.to_go_json());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    hex[..LENGTH].chars().map(letter).collect()
}

/// Letters that make no words.
fn letter(hex: char) -> char {
    match hex {
        '0' => 'g',
        '1' => 'h',
        '3' => 'k',
        'a' => 'm',
        'e' => 't',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::suffix;
    use crate::doc;

    #[test]
    fn is_what_kubectl_gives() {
        assert_eq!(suffix("ConfigMap", "e", &doc!({ "data": { "a": "1" } })), "d8fg5b4kt8");
        assert_eq!(suffix("Secret", "s4", &doc!({ "data": { "a": "Yg==" } })), "hmdb2m6855");
    }
}

//! Names and secrets: what a link to a session is made of.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::storage::TokenHash;

/// Length of a session's name.
pub const ID_LENGTH: usize = 16;

/// Length of a secret.
const SECRET_LENGTH: usize = 32;

/// A secret of 192 random bits: whoever has it has the role that it stands for. It is shown once and never kept.
pub struct Token(String);

impl Token {
    /// A new one.
    pub fn random() -> Self {
        Self(random_text::<24>())
    }

    /// The secret, for the link and nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn hash(&self) -> TokenHash {
        hash(&self.0)
    }
}

/// What is kept of a secret. Comparing hashes tells nothing about the secret, however long it takes.
pub fn hash(token: &str) -> TokenHash {
    Sha256::digest(token).into()
}

/// A new public name of 96 random bits: nobody meets a session by trying.
pub fn random_id() -> String {
    random_text::<12>()
}

/// Whether it has the form of a name of ours; anything else need not be looked up.
pub fn is_id(text: &str) -> bool {
    text.len() == ID_LENGTH
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Whether it has the form of a key: the name of a session and the secret of one of its links in one word.
pub fn is_key(text: &str) -> bool {
    text.len() == ID_LENGTH + SECRET_LENGTH && text.get(..ID_LENGTH).is_some_and(is_id)
}

fn random_text<const BYTES: usize>() -> String {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).expect("the operating system has randomness");
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_never_the_same() {
        let (one, two) = (Token::random(), Token::random());
        assert_ne!(one.reveal(), two.reveal());
        assert_eq!(one.reveal().len(), SECRET_LENGTH);
        assert_eq!(hash(one.reveal()), one.hash());
        assert_ne!(one.hash(), two.hash());
    }

    #[test]
    fn names_are_known_by_their_form() {
        assert!(is_id(&random_id()));
        assert!(!is_id(""));
        assert!(!is_id("../../etc/passwd"));
        assert!(!is_id("abcdefghijklmno\u{e9}"));
        assert!(is_key(&format!("{}{}", random_id(), Token::random().reveal())));
        assert!(!is_key(Token::random().reveal()));
        assert!(!is_key(&"\u{e9}".repeat(24)));
    }
}

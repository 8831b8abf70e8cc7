//! What signs the tokens of service accounts: ES256, with a key that follows from the cluster's seed and signatures that
//! follow from what is signed (RFC 6979), so that both are the same in every replay. Whoever has a copy of the cluster has
//! the key: it proves something to what trusts this cluster, and to nobody else.

use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};

use super::http::base64;
use crate::doc;
use crate::doc::Doc;
use crate::sim::hash_of;

/// The algorithm, as tokens and the set of keys name it.
pub(super) const ALGORITHM: &str = "ES256";

fn key(seed: u64) -> SigningKey {
    let half = |part: u8, attempt: u32| hash_of(&(seed, part, attempt)).to_be_bytes();
    // Nearly all numbers of 256 bits are keys.
    let found = (0..u32::MAX).find_map(|attempt| {
        let bytes = [half(0, attempt), half(1, attempt)].concat();
        SigningKey::from_slice(&bytes).ok()
    });
    found.expect("one number in four billion is no key")
}

/// The signature of a text.
pub(super) fn signature(seed: u64, signed: &str) -> String {
    let signature: Signature = key(seed).sign(signed.as_bytes());
    base64::encode(&signature.to_bytes())
}

/// The first part of each token.
pub(super) fn header(seed: u64) -> String {
    base64::encode(doc!({ "alg": ALGORITHM, "kid": identity(&point(seed)) }).to_json().as_bytes())
}

/// Both coordinates of the public key.
fn point(seed: u64) -> Vec<u8> {
    key(seed).verifying_key().to_encoded_point(false).as_bytes()[1..].to_vec()
}

fn identity(point: &[u8]) -> String {
    base64::encode(&hash_of(point).to_be_bytes())
}

/// By what others check the tokens (`/openid/v1/jwks`).
pub(super) fn key_set(seed: u64) -> Doc {
    let point = point(seed);
    let (x, y) = point.split_at(point.len() / 2);
    let key = doc!({
        "use": "sig", "kty": "EC", "kid": identity(&point), "crv": "P-256", "alg": ALGORITHM,
        "x": base64::encode(x), "y": base64::encode(y)
    });
    doc!({ "keys": Doc::list([key]) })
}

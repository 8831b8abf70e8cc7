//! What signs the tokens of service accounts: ES256, with a key that follows from the cluster's seed and from what is its
//! own alone ([`Options::service_account_key`]), and signatures that follow from what is signed (RFC 6979), so that both are
//! the same in every replay. Whoever has a copy of the cluster has the key: it proves something to what trusts this cluster,
//! and to nobody else.

use std::hash::{Hash, Hasher};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};

use super::{Options, Random, hash_of};
use crate::codec::Codec;
use crate::doc;
use crate::doc::{Doc, Str, literal, parse_json};

/// The algorithm, as tokens and the set of keys name it.
pub const ALGORITHM: &str = "ES256";
/// For whom tokens are meant where nobody else is named, and who issues them.
pub const AUDIENCE: &str = "https://kubernetes.default.svc.cluster.local";
/// By what pods know the API server. There is no TLS in the simulated network: the text stands for the certificate.
pub const CERTIFICATE: Str =
    literal!("-----BEGIN CERTIFICATE-----\nS3ViYXJpdW0gY2x1c3RlciBDQQ==\n-----END CERTIFICATE-----\n");

/// What makes tokens, and knows its own.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signer(u64);

impl Hash for Signer {
    /// What a cluster signs with makes no difference to how it is.
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl Signer {
    /// That of a cluster.
    pub fn of(seed: u64, options: &Options) -> Signer {
        let own = options.service_account_key.reveal();
        Signer(Random::stream(seed, &format!("service-account-key{own}")).bits())
    }

    /// A token that makes these claims.
    pub fn token(self, claims: &Doc) -> String {
        let header = doc!({ "alg": ALGORITHM, "kid": identity(&self.point()) });
        let [header, claims] = [header, claims.clone()].map(|part| URL_SAFE_NO_PAD.encode(part.to_json()));
        let signed = format!("{header}.{claims}");
        let signature = self.signature(&signed);
        format!("{signed}.{signature}")
    }

    /// What a token claims, if it was made here.
    pub fn claims(self, token: &str) -> Option<Doc> {
        let (signed, signature) = token.rsplit_once('.')?;
        if self.signature(signed) != signature {
            return None;
        }
        let payload = URL_SAFE_NO_PAD.decode(signed.split_once('.')?.1).ok()?;
        parse_json(&String::from_utf8_lossy(&payload)).ok()
    }

    /// By what others check the tokens (`/openid/v1/jwks`).
    pub fn key_set(self) -> Doc {
        let point = self.point();
        let (x, y) = point.split_at(point.len() / 2);
        let key = doc!({
            "use": "sig", "kty": "EC", "kid": identity(&point), "crv": "P-256", "alg": ALGORITHM,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)
        });
        doc!({ "keys": Doc::list([key]) })
    }

    fn key(self) -> SigningKey {
        let half = |part: u8, attempt: u32| hash_of(&(self.0, part, attempt)).to_be_bytes();
        // Nearly all numbers of 256 bits are keys.
        let found = (0..u32::MAX).find_map(|attempt| {
            let bytes = [half(0, attempt), half(1, attempt)].concat();
            SigningKey::from_slice(&bytes).ok()
        });
        found.expect("one number in four billion is no key")
    }

    fn signature(self, signed: &str) -> String {
        let signature: Signature = self.key().sign(signed.as_bytes());
        URL_SAFE_NO_PAD.encode(signature.to_bytes())
    }

    /// Both coordinates of the public key.
    fn point(self) -> Vec<u8> {
        self.key().verifying_key().to_encoded_point(false).as_bytes()[1..].to_vec()
    }
}

fn identity(point: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(hash_of(point).to_be_bytes())
}

//! What is wrong with a request for a certificate.

use crate::api::core::secret::base64_decode;
use crate::api::validation::{At, Faults};
use crate::doc::Doc;

const PEM: &str = "-----BEGIN CERTIFICATE REQUEST-----";
/// What certificates may be used for.
const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];

/// Says what is wrong with a CertificateSigningRequest.
pub(super) fn validate(doc: &Doc, faults: &mut Faults) {
    let spec = At::root(&doc["spec"], "spec");
    const NO_REQUEST: &str = "PEM block type must be CERTIFICATE REQUEST";
    let request = spec.field("request");
    if request.is_empty() {
        faults.invalid_text("spec.request", "null", NO_REQUEST);
    } else {
        let pem = base64_decode(request.text()).unwrap_or_default();
        if !pem.windows(PEM.len()).any(|part| part == PEM.as_bytes()) {
            faults.invalid(&request, &request, NO_REQUEST);
        }
    }
    let usages = spec.field("usages");
    usages.require(faults);
    for usage in usages.each() {
        usage.one_of(faults, &USAGES);
    }
    if spec.field("signerName").require(faults) && !spec["signerName"].str().contains('/') {
        let why = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        faults.invalid("spec.signerName", &spec["signerName"], why);
    }
    let seconds = spec.field("expirationSeconds");
    if seconds.is_set() && seconds.number() < 600 {
        faults.invalid(&seconds, &seconds, "may not specify a duration less than 600 seconds (10 minutes)");
    }
}

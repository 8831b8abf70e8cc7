//! A cluster as the fragment of a link: its scenario, deflated, in letters that addresses may hold.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use shared::scenario::Scenario;

/// The most text that a link may unfold to, in bytes: what comes from outside may be a bomb.
const LARGEST: usize = 4 << 20;

/// The fragment for a scenario.
pub fn encode(scenario: &Scenario) -> String {
    let text = scenario.to_doc().to_json();
    BASE64_URL_SAFE_NO_PAD.encode(miniz_oxide::deflate::compress_to_vec(text.as_bytes(), 9))
}

/// The scenario of a fragment.
///
/// # Errors
/// What is wrong with it.
pub fn decode(fragment: &str) -> Result<Scenario, String> {
    let cut = "the link is damaged: perhaps only a part of it was copied";
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(fragment).map_err(|_| cut)?;
    let text = miniz_oxide::inflate::decompress_to_vec_with_limit(&bytes, LARGEST).map_err(|_| cut)?;
    let text = String::from_utf8(text).map_err(|_| cut)?;
    Scenario::parse(&text).map_err(|error| error.to_string())
}

//! Share links: a scenario in the fragment of a URL.
//!
//! A link is a version, then compact JSON, deflated with a dictionary of what stands in almost every scenario, as
//! base64url. The dictionary of a version never changes: it is part of the format.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::doc::parse_json;
use crate::scenario::{Scenario, ScenarioError};
use crate::sim::hash_of;

use super::packed::{self, Unpack};

/// What a link of this version begins with.
const PREFIX: &str = "1.";

/// The longest text that is read, in characters.
const MAX_LINK: usize = 2 << 20;

/// The largest scenario that a link may hold, in bytes of JSON.
pub const MAX_SCENARIO: usize = 3 << 20;

/// Frozen: changing a byte breaks every link there is.
const DICTIONARY: &[u8] = include_bytes!("link/dictionary-1.txt");

/// Bytes of the checksum in front of the deflated text.
const CHECKSUM: usize = 3;

/// Why a link cannot be opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LinkError {
    /// It is no link of this program.
    Foreign,
    /// It was made by a newer version of this program: the version.
    Newer(String),
    /// Part of it is missing, or was changed on the way.
    Damaged,
    /// What it holds is larger than what is read.
    TooLarge,
    /// What it holds is no scenario that makes sense.
    Scenario(Box<ScenarioError>),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkError::Foreign => f.write_str("this is no link to a cluster: it should begin with \"1.\""),
            LinkError::Newer(version) => {
                write!(
                    f,
                    "this link has format {version}, made by a newer version: reload the page, then open it again"
                )
            }
            LinkError::Damaged => {
                f.write_str("this link is incomplete or was changed on the way: copy all of it again")
            }
            LinkError::TooLarge => write!(f, "this link holds more than {} MiB", MAX_SCENARIO >> 20),
            LinkError::Scenario(error) => write!(f, "the scenario in this link cannot be played: {error}"),
        }
    }
}

impl std::error::Error for LinkError {}

impl LinkError {
    /// The name of what is wrong, for those who have words of their own for it.
    pub fn name(&self) -> Option<&'static str> {
        match self {
            LinkError::Foreign => Some("foreign"),
            LinkError::Newer(_) => Some("newer"),
            LinkError::Damaged => Some("damaged"),
            LinkError::TooLarge => Some("too_large"),
            LinkError::Scenario(_) => None,
        }
    }
}

/// The fragment (without `#`) that carries a scenario.
///
/// # Errors
/// It is larger than what [`decode`] reads.
pub fn encode(scenario: &Scenario) -> Result<String, LinkError> {
    let json = scenario.to_doc().to_json();
    if json.len() > MAX_SCENARIO {
        return Err(LinkError::TooLarge);
    }
    let mut bytes = checksum(json.as_bytes()).to_vec();
    bytes.extend(packed::pack(json.as_bytes(), 9, DICTIONARY));
    let link = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
    if link.len() > MAX_LINK { Err(LinkError::TooLarge) } else { Ok(link) }
}

/// The scenario that a fragment carries.
///
/// # Errors
/// Why it cannot be opened.
pub fn decode(fragment: &str) -> Result<Scenario, LinkError> {
    let fragment = fragment.trim().trim_start_matches('#');
    if fragment.len() > MAX_LINK {
        return Err(LinkError::TooLarge);
    }
    let Some(text) = fragment.strip_prefix(PREFIX) else {
        let version = fragment.split_once('.').and_then(|(version, _)| version.parse::<u32>().ok());
        return Err(version
            .filter(|version| *version > 1)
            .map_or(LinkError::Foreign, |version| LinkError::Newer(version.to_string())));
    };
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| LinkError::Damaged)?;
    let (sum, packed) = bytes.split_at_checked(CHECKSUM).ok_or(LinkError::Damaged)?;
    let json = packed::unpack(packed, MAX_SCENARIO, DICTIONARY).map_err(|error| match error {
        Unpack::Damaged => LinkError::Damaged,
        Unpack::TooLarge => LinkError::TooLarge,
    })?;
    if checksum(&json) != sum {
        return Err(LinkError::Damaged);
    }
    let json = String::from_utf8(json).map_err(|_| LinkError::Damaged)?;
    let doc = parse_json(&json).map_err(|_| LinkError::Damaged)?;
    Scenario::from_doc(&doc).map_err(|error| LinkError::Scenario(Box::new(error)))
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let [a, b, c, ..] = hash_of(bytes).to_le_bytes();
    [a, b, c]
}

//! The world outside the cluster: names that exist there, and the addresses behind them.

use crate::sim::hash_of;

/// 192.0.2.0/24, which is for documentation only: where the names below are.
const PUBLIC: u32 = 192 << 24 | 2 << 8;
/// Domains that exist for documentation only.
const DOMAINS: [&str; 3] = ["example.com", "example.net", "example.org"];

/// The address of a name that exists outside.
pub fn resolve(name: &str) -> Option<u32> {
    let exists =
        |domain: &&str| name.strip_suffix(*domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    DOMAINS.iter().any(exists).then(|| PUBLIC + 1 + (hash_of(name) % 254) as u32)
}

/// Whether somebody outside has this address, and answers.
pub(super) fn is_public(ip: u32) -> bool {
    ip & !0xff == PUBLIC
}

//! Parts of URLs.

use crate::api::{percent_decode, query};
use crate::doc::{Doc, Map, Str};

/// Whether it is one with a scheme, or an absolute path.
pub(super) fn is_url(text: &str) -> bool {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    let good = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(good);
    (named || text.starts_with('/')) && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// A part of one.
pub(super) fn method(name: &str, text: &str) -> Option<Doc> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (rest, queried) = rest.split_once('?').unwrap_or((rest, ""));
    let (host, path) = match scheme {
        "" => ("", rest),
        _ => rest.split_at(rest.find('/').unwrap_or(rest.len())),
    };
    let host = host.rsplit('@').next().unwrap_or(host);
    let port = host.rsplit_once(':').map_or("", |(_, port)| port);
    let port = if port.ends_with(']') { "" } else { port };
    let named =
        if port.is_empty() { host.trim_end_matches(':') } else { &host[..host.len() - port.len() - 1] };
    Some(match name {
        "getScheme" => Doc::from(scheme.to_lowercase()),
        "getHost" => Doc::from(percent_decode(host)),
        "getHostname" => Doc::from(percent_decode(named.trim_start_matches('[').trim_end_matches(']'))),
        "getPort" => Doc::from(port),
        "getEscapedPath" => Doc::from(path),
        "getQuery" => {
            let mut map = Map::default();
            for (key, value) in query(queried) {
                let key = Str::from(key);
                let known = map.get(&key).items().iter().cloned();
                let all = Doc::list(known.chain([Doc::from(value)]).collect::<Vec<_>>());
                map.insert(key, all);
            }
            Doc::Map(map)
        }
        _ => return None,
    })
}

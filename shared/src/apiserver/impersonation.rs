//! Who speaks for somebody else (`Impersonate-User` and the headers beside it).

use std::sync::Arc;

use crate::api::{Reason, Status, User, UserInfo};
use crate::doc::{Str, literal};
use crate::etcd::Store;

use super::authorization::{self, Wish};
use super::http::HttpRequest;
use super::token::account_groups;

/// The group of what is known of somebody beside name and groups.
const AUTHENTICATION: &str = "authentication.k8s.io";

/// For whom a request of `user` speaks: for themselves where no header says otherwise.
///
/// # Errors
/// Nobody is named, or the asker may not speak for them.
pub(super) fn speaker(http: &HttpRequest, user: User, store: &Store) -> Result<User, Status> {
    let HttpRequest { impersonate: name, impersonate_uid: uid, impersonate_extra: extra, .. } = http;
    let mut groups: Vec<Str> = http.impersonate_groups.clone();
    if name.is_empty() {
        if groups.is_empty() && uid.is_empty() && extra.is_empty() {
            return Ok(user);
        }
        let said = groups.iter().chain([uid]).chain(extra.values().flatten());
        let said: Vec<&str> = said.map(Str::as_str).filter(|said| !said.is_empty()).collect();
        let why = format!("requested [{}] without impersonating a user", said.join(" "));
        return Err(Status::new(Reason::InternalError, format!("Internal Server Error: {why}")));
    }
    may_impersonate(&user, http, store)?;
    if groups.is_empty() {
        groups = account_groups(name);
    }
    let all = match name.as_str() {
        "system:anonymous" => literal!("system:unauthenticated"),
        _ => literal!("system:authenticated"),
    };
    if !groups.contains(&all) {
        groups.push(all);
    }
    let known = !uid.is_empty() || !extra.is_empty();
    let more = known.then(|| Arc::new(UserInfo { uid: uid.clone(), extra: extra.clone() }));
    Ok(User { name: name.clone(), impersonated: true, groups, more, ..user })
}

/// Who is held to roles needs one for everything that they say to be.
fn may_impersonate(user: &User, http: &HttpRequest, store: &Store) -> Result<(), Status> {
    let account =
        http.impersonate.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
    let wish =
        |group, resource, namespace, name| Wish { verb: "impersonate", group, resource, namespace, name };
    let mut wishes = vec![match account {
        Some((namespace, name)) => wish("", "serviceaccounts", namespace, name),
        None => wish("", "users", "", &http.impersonate),
    }];
    wishes.extend(http.impersonate_groups.iter().map(|group| wish("", "groups", "", group)));
    let extra: Vec<(String, &[Str])> =
        http.impersonate_extra.iter().map(|(key, values)| (format!("userextras/{key}"), &**values)).collect();
    for (resource, values) in &extra {
        wishes.extend(values.iter().map(|value| wish(AUTHENTICATION, resource, "", value)));
    }
    wishes.extend(
        (!http.impersonate_uid.is_empty()).then(|| wish(AUTHENTICATION, "uids", "", &http.impersonate_uid)),
    );
    wishes.iter().try_for_each(|wish| authorization::demand(user, wish, store))
}

//! Admission webhooks: programs that are asked about writes. None can be reached from here, no more than from an API
//! server whose webhook is down: what is simulated is what follows from that.

use std::net::Ipv4Addr;

use crate::api::{CauseDetail, Key, Kind, Reason, Status};
use crate::doc::{Doc, Str};
use crate::etcd::Store;

use super::matching::Look;

/// Asks all webhooks of a kind that mean a write: those that must be heard refuse it.
pub(super) fn ask(kind: Kind, look: &Look<'_>) -> Result<(), Status> {
    if look.is_exempt() {
        return Ok(());
    }
    // Without rules it means nothing.
    let is_meant = |hook: &&Doc| !hook["rules"].is_empty() && look.is_meant(hook, "rules");
    for configuration in look.store.list(kind) {
        for hook in configuration.body["webhooks"].items().iter().filter(is_meant) {
            let fails = hook["failurePolicy"].as_str() != Some("Ignore");
            match look.conditions(hook, &look.names(Doc::Null)) {
                Ok(true) if fails => return Err(uncalled(hook, look.store)),
                Err(why) if fails => return Err(Status::forbidden(look.key, &why)),
                _ => {}
            }
        }
    }
    Ok(())
}

fn uncalled(hook: &Doc, store: &Store) -> Status {
    let client = &hook["clientConfig"];
    let (url, why) = match client["url"].as_str() {
        Some(url) => (url.to_owned(), unknown_host(url)),
        None => of_service(&client["service"], store),
    };
    let seconds = hook["timeoutSeconds"].as_i64().unwrap_or(10);
    let message = format!(
        "failed calling webhook \"{}\": failed to call webhook: Post \"{url}?timeout={seconds}s\": {why}",
        hook["name"].str()
    );
    let cause = CauseDetail { reason: "", message: message.as_str().into(), field: Str::new() };
    let status = Status::new(Reason::InternalError, format!("Internal error occurred: {message}"));
    Status { causes: vec![cause], ..status }
}

/// There is nothing outside of the cluster.
fn unknown_host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let place = rest.split(['/', '?']).next().unwrap_or(rest);
    let (host, port) = place.split_once(':').unwrap_or((place, "443"));
    match host.parse::<Ipv4Addr>() {
        Ok(_) => format!("dial tcp {host}:{port}: connect: connection refused"),
        Err(_) => format!("dial tcp: lookup {host}: no such host"),
    }
}

/// The address of a Service's webhook, and why it does not answer there.
fn of_service(service: &Doc, store: &Store) -> (String, String) {
    let (name, namespace) = (service["name"].str(), service["namespace"].str());
    let port = service["port"].as_i64().unwrap_or(443);
    let path = service["path"].str();
    let path = path.trim_start_matches('/');
    let url = format!("https://{name}.{namespace}.svc:{port}/{path}");
    let key = Key::new(Kind::Service, namespace.clone(), name.clone());
    let Some(found) = store.get(&key) else { return (url, format!("service \"{name}\" not found")) };
    let spec = &found.body["spec"];
    if !spec["ports"].items().iter().any(|one| one["port"].as_i64() == Some(port)) {
        return (url, format!("no service port {port} found for service \"{name}\""));
    }
    let ready = |slice: &Doc| {
        slice["endpoints"].items().iter().any(|one| one["conditions"]["ready"].as_bool() != Some(false))
    };
    let answers = store.list_namespace(Kind::EndpointSlice, &namespace).any(|slice| {
        slice.meta.labels["kubernetes.io/service-name"].as_str() == Some(name.as_str()) && ready(&slice.body)
    });
    let why = match answers {
        // Simulated programs speak plain HTTP.
        true => "http: server gave HTTP response to HTTPS client".to_owned(),
        false => format!("dial tcp {}:{port}: connect: connection refused", spec["clusterIP"].str()),
    };
    (url, why)
}

//! What containers are told of a Service: `SVC_SERVICE_HOST`, `SVC_SERVICE_PORT`, and the variables of Docker's links.

use crate::api::Object;
use crate::api::core::service::Service;
use crate::client::Delta;
use crate::sim::{Context, Variables};

/// Keeps the variables of a Service current.
pub(super) fn tell_variables(delta: &Delta, cx: &mut Context<'_>) {
    let object = delta.object();
    if object.view::<Service>().is_some() {
        let variables = delta.new.as_ref().map(|object| variables(object)).unwrap_or_default();
        cx.core.service_variables.set(&object.key.namespace, &object.key.name, variables);
    }
}

/// Without an address of its own a Service has none.
fn variables(object: &Object) -> Variables {
    let Some(service) = object.view::<Service>() else { return Variables::new() };
    let ip = &service.cluster_ip;
    if ip.is_empty() || ip == "None" {
        return Variables::new();
    }
    let upper = |name: &str| name.to_uppercase().replace('-', "_");
    let name = upper(&object.key.name);
    let mut all = Variables::new();
    let mut tell = |key: String, value: String| all.push((key.into(), value.into()));
    for (at, port) in service.ports.iter().enumerate() {
        let number = port.port;
        let protocol = port.protocol.to_lowercase();
        let url = format!("{protocol}://{ip}:{number}");
        if at == 0 {
            tell(format!("{name}_SERVICE_HOST"), ip.to_string());
            tell(format!("{name}_SERVICE_PORT"), number.to_string());
            tell(format!("{name}_PORT"), url.clone());
        }
        if !port.name.is_empty() {
            tell(format!("{name}_SERVICE_PORT_{}", upper(&port.name)), number.to_string());
        }
        let link = format!("{name}_PORT_{number}_{}", port.protocol);
        tell(link.clone(), url);
        tell(format!("{link}_PROTO"), protocol);
        tell(format!("{link}_PORT"), number.to_string());
        tell(format!("{link}_ADDR"), ip.to_string());
    }
    all
}

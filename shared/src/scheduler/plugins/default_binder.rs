//! DefaultBinder: binds a pod to a node through the API server.

use crate::api::{Key, Request, Subresource, User};
use crate::doc;
use crate::doc::Str;

use super::super::framework::Plugin;

/// The plugin.
#[derive(Debug)]
pub struct DefaultBinder;

impl Plugin for DefaultBinder {
    fn name(&self) -> &'static str {
        "DefaultBinder"
    }

    fn bind(&self, user: &User, pod: &Key, node: &Str) -> Option<Request> {
        let body = doc!({
            "metadata": { "name": &pod.name, "namespace": &pod.namespace },
            "target": { "kind": "Node", "name": node }
        });
        let mut request =
            Request::create(user.clone(), pod.kind, pod.namespace.clone(), body).on(Subresource::Binding);
        request.name = pod.name.clone();
        Some(request)
    }
}

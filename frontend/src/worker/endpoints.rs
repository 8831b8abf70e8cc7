//! What is behind a Service: its endpoints as EndpointSlices have them, for who looks closely.

use shared::{
    api::{Key, Kind, discovery::endpointslice::EndpointSlice},
    cluster::Cluster,
    doc,
    doc::Doc,
};

use super::view::SERVICE_NAME;

/// So many are listed.
const MOST: usize = 50;

/// The endpoints of a Service, and how many there are: pod or address, node, and whether it takes traffic.
pub fn of(cluster: &Cluster, service: &Key) -> Doc {
    let slices = cluster.store().list_namespace(Kind::EndpointSlice, &service.namespace);
    let own = slices.filter(|slice| slice.meta.label(SERVICE_NAME) == service.name.as_str());
    let mut all: Vec<_> =
        own.filter_map(|slice| slice.view::<EndpointSlice>()).flat_map(|slice| &slice.endpoints).collect();
    all.sort_by_key(|endpoint| (&endpoint.pod, &endpoint.address));
    // A slice a family of addresses has them too.
    all.dedup_by_key(|endpoint| if endpoint.pod.is_empty() { &endpoint.address } else { &endpoint.pod });
    let told = all.iter().take(MOST).map(|endpoint| {
        doc!({
            "pod": &endpoint.pod, "address": &endpoint.address, "node": &endpoint.node_name,
            "ready": endpoint.ready, "terminating": endpoint.terminating
        })
    });
    doc!({ "count": i64::try_from(all.len()).unwrap_or(i64::MAX), "endpoints": Doc::list(told) })
}

//! `/metrics`: what the server counts, in Prometheus' text form. There is only what is true of the simulation.

use std::fmt::Write;

use crate::api::{Info, Kind};
use crate::collections::BTreeMap;
use crate::etcd::Store;

use super::definitions;
use super::watch::Watches;

/// The text; `has_etcd` tells whether the server can reach its store.
pub(super) fn text(watches: &Watches, has_etcd: bool, store: &Store) -> String {
    let mut out = String::new();
    family(&mut out, "apiserver_longrunning_requests", LONG_RUNNING);
    let mut open: BTreeMap<(&str, &str), (&Info, u32)> = BTreeMap::new();
    for kind in watches.kinds() {
        let info = kind.info();
        open.entry((info.group, info.plural)).or_insert((info, 0)).1 += 1;
    }
    for (info, count) in open.into_values() {
        let Info { group, version, plural, .. } = info;
        let labels = format!(
            "component=\"apiserver\",group=\"{group}\",resource=\"{plural}\",scope=\"cluster\",subresource=\"\",\
             verb=\"WATCH\",version=\"{version}\""
        );
        line(&mut out, "apiserver_longrunning_requests", &labels, count);
    }
    let custom = definitions::served(store).into_iter().map(|served| served.kind);
    let mut kept: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for kind in Kind::ALL.iter().copied().chain(custom) {
        let info = kind.info();
        kept.insert((info.group, info.plural), store.list(kind).count());
    }
    family(&mut out, "apiserver_resource_objects", OBJECTS);
    for ((group, plural), count) in &kept {
        let labels = format!("group=\"{group}\",resource=\"{plural}\"");
        line(&mut out, "apiserver_resource_objects", &labels, *count);
    }
    family(&mut out, "apiserver_storage_objects", OBJECTS);
    for ((group, plural), count) in &kept {
        let resource = if group.is_empty() { (*plural).to_owned() } else { format!("{plural}.{group}") };
        line(&mut out, "apiserver_storage_objects", &format!("resource=\"{resource}\""), *count);
    }
    family(
        &mut out,
        "kubernetes_healthcheck",
        "[STABLE] This metric records the result of a single healthcheck.",
    );
    for probe in ["healthz", "livez", "readyz"] {
        for check in super::discovery::checks(probe) {
            let well = has_etcd || !check.starts_with("etcd");
            let labels = format!("name=\"{check}\",type=\"{probe}\"");
            line(&mut out, "kubernetes_healthcheck", &labels, u32::from(well));
        }
    }
    out
}

const LONG_RUNNING: &str = "[STABLE] Gauge of all active long-running apiserver requests broken out by verb, group, \
                            version, resource, scope and component. Not all requests are tracked this way.";
const OBJECTS: &str = "[STABLE] Number of stored objects at the time of last check split by kind.";

/// All of these go up and down.
fn family(out: &mut String, name: &str, help: &str) {
    let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n");
}

fn line(out: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    let _ = writeln!(out, "{name}{{{labels}}} {value}");
}

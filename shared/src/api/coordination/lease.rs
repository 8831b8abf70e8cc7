//! Lease: a sign of life, renewed again and again.

use crate::api::validation::{At, Faults};
use crate::api::{Column, Info, Object, Resource, Row, View, age};
use crate::doc::{Doc, Str, Timestamp};

/// What the simulation reads of a Lease.
#[derive(Clone, Debug)]
pub struct Lease {
    /// Who holds it.
    pub holder: Str,
    /// When it was last renewed.
    pub renewed: Timestamp,
    /// How long it lasts, in seconds.
    pub duration_seconds: i64,
}

/// The kind's registration.
#[derive(Debug)]
pub struct Leases;

impl Resource for Leases {
    fn info(&self) -> &'static Info {
        &Info {
            group: "coordination.k8s.io",
            version: "v1",
            kind: "Lease",
            plural: "leases",
            singular: "lease",
            short_names: &[],
            namespaced: true,
            subresources: &[],
            categories: &[],
            has_generation: false,
        }
    }

    fn view(&self, body: &Doc, _: Option<&Object>) -> View {
        let spec = &body["spec"];
        View::Lease(Lease {
            holder: spec["holderIdentity"].str(),
            renewed: spec["renewTime"].as_time().unwrap_or_default(),
            duration_seconds: spec["leaseDurationSeconds"].as_i64().unwrap_or(0),
        })
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        let spec = At::root(&doc["spec"], "spec");
        let duration = spec.field("leaseDurationSeconds");
        if duration.is_set() && duration.number() <= 0 {
            faults.invalid(&duration, &duration, "must be greater than 0");
        }
        spec.field("leaseTransitions").non_negative(faults);
    }

    fn may_update_blindly(&self) -> bool {
        false
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Holder", wide: false },
            Column { name: "Age", wide: false },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let holder = object.body["spec"]["holderIdentity"].str().to_string();
        vec![object.key.name.to_string(), holder, age(object.meta.creation, now)]
    }
}

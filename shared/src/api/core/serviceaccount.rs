//! ServiceAccount: who a pod is to the API server.

use crate::api::{Column, Info, Object, Resource, Row, Subresource, age};
use crate::doc::Timestamp;

/// The kind's registration.
#[derive(Debug)]
pub struct ServiceAccounts;

impl Resource for ServiceAccounts {
    fn info(&self) -> &'static Info {
        &Info {
            group: "",
            version: "v1",
            kind: "ServiceAccount",
            plural: "serviceaccounts",
            singular: "serviceaccount",
            short_names: &["sa"],
            namespaced: true,
            subresources: &[Subresource::Token],
            categories: &[],
            has_generation: false,
        }
    }

    fn may_update_blindly(&self) -> bool {
        false
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Secrets", wide: false },
            Column { name: "Age", wide: false },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let secrets = object.body["secrets"].items().len();
        vec![object.key.name.to_string(), secrets.to_string(), age(object.meta.creation, now)]
    }
}

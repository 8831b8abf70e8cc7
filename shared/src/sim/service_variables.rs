//! The environment variables that containers get for the Services of their namespace. Every kubelet watches all
//! Services for these; here they share one cache, which the watch of the kube-proxies keeps current.

use std::sync::Arc;

use crate::collections::BTreeMap;
use crate::doc::Str;

/// Names and values.
pub type Variables = Vec<(Str, Str)>;

/// Variables by namespace and Service. A copy costs nothing.
#[derive(Clone, Hash, Debug, Default)]
pub struct ServiceVariables(Arc<BTreeMap<Str, Namespace>>);

#[derive(Clone, Hash, Debug, Default)]
struct Namespace {
    services: BTreeMap<Str, Variables>,
    /// All of them, once they were asked for.
    all: Option<Arc<Variables>>,
}

impl ServiceVariables {
    /// A Service has these variables now, or none.
    pub fn set(&mut self, namespace: &Str, service: &Str, variables: Variables) {
        let known = |all: &BTreeMap<Str, Namespace>| {
            all.get(namespace).and_then(|of| of.services.get(service)).cloned().unwrap_or_default()
        };
        if known(&self.0) == variables {
            return;
        }
        let of = Arc::make_mut(&mut self.0).entry(namespace.clone()).or_default();
        of.all = None;
        if variables.is_empty() {
            of.services.remove(service);
        } else {
            of.services.insert(service.clone(), variables);
        }
    }

    /// Those of all Services of a namespace; none when there are none.
    pub fn of(&mut self, namespace: &str) -> Option<Arc<Variables>> {
        let known = self.0.get(namespace).filter(|of| !of.services.is_empty())?;
        if let Some(all) = &known.all {
            return Some(Arc::clone(all));
        }
        let of = Arc::make_mut(&mut self.0).get_mut(namespace)?;
        let all: Variables = of.services.values().flatten().cloned().collect();
        let all = Arc::new(all);
        of.all = Some(Arc::clone(&all));
        Some(all)
    }
}

//! Which backend a host and path lead to.

use std::sync::Arc;

use crate::api::{Key, Kind, Object};
use crate::codec::Codec;
use crate::collections::{BTreeMap, BTreeSet, sort_by_key};
use crate::doc::{Doc, Str};

/// A port of a Service.
#[derive(Codec, Clone, PartialEq, Eq, Debug, Hash)]
pub(super) struct Backend {
    pub service: Key,
    /// Number or name.
    pub port: Doc,
}

/// All hosts with their paths.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub(super) struct Routes {
    /// By host; empty for any.
    hosts: BTreeMap<Str, Vec<Route>>,
    certificates: BTreeSet<Str>,
    /// Where requests go that nothing else fits.
    default: Option<Backend>,
}

#[derive(Codec, Clone, Debug, Hash)]
struct Route {
    path: Str,
    exact: bool,
    /// `None` for what leads nowhere.
    backend: Option<Backend>,
}

/// Where a request goes.
pub(super) enum Found<'a> {
    Backend(&'a Backend),
    Nothing,
}

impl Routes {
    /// The routes of Ingresses, oldest first where two say the same.
    pub fn of<'a>(
        ingresses: impl Iterator<Item = &'a Arc<Object>>,
        is_certificate: impl Fn(&Key) -> bool,
    ) -> Routes {
        let mut ingresses: Vec<&Arc<Object>> = ingresses.collect();
        sort_by_key(&mut ingresses, |ingress| (ingress.meta.creation, ingress.key.clone()));
        let mut routes = Routes::default();
        for ingress in ingresses {
            routes.add(ingress, &is_certificate);
        }
        for paths in routes.hosts.values_mut() {
            // What is exact comes first, then what is longer. Sorting keeps the older before the younger.
            sort_by_key(paths, |route| (!route.exact, std::cmp::Reverse(route.path.len())));
        }
        routes
    }

    fn add(&mut self, ingress: &Object, is_certificate: &impl Fn(&Key) -> bool) {
        let spec = &ingress.body["spec"];
        let namespace = &ingress.key.namespace;
        let backend = |doc: &Doc| {
            let service = &doc["service"];
            let port = &service["port"];
            let port = if port["name"].is_empty() { port["number"].clone() } else { port["name"].clone() };
            let key = Key::new(Kind::Service, namespace.clone(), service["name"].str());
            (!service.is_null()).then_some(Backend { service: key, port })
        };
        let default = backend(&spec["defaultBackend"]);
        for rule in spec["rules"].items() {
            let paths = self.hosts.entry(rule["host"].str()).or_default();
            for path in rule["http"]["paths"].items() {
                let exact = path["pathType"].as_str() == Some("Exact");
                paths.push(Route { path: path["path"].str(), exact, backend: backend(&path["backend"]) });
            }
            if default.is_some() {
                paths.push(Route { path: "/".into(), exact: false, backend: default.clone() });
            }
        }
        if spec["rules"].items().is_empty() && self.default.is_none() {
            self.default = default;
        }
        for tls in spec["tls"].items() {
            if is_certificate(&Key::new(Kind::Secret, namespace.clone(), tls["secretName"].str())) {
                self.certificates.extend(tls["hosts"].items().iter().map(Doc::str));
            }
        }
    }

    /// The hosts that a name can be listed as: itself, or with its first label a `*`.
    fn names(host: &str) -> [Str; 2] {
        let wild = host.split_once('.').map_or(Str::new(), |(_, rest)| format!("*.{rest}").into());
        [host.into(), wild]
    }

    /// Whether some rule names this host.
    pub fn knows(&self, host: &str) -> bool {
        Routes::names(host).iter().any(|name| !name.is_empty() && self.hosts.contains_key(name))
    }

    /// Whether there is a certificate for a host.
    pub fn has_certificate(&self, host: &str) -> bool {
        Routes::names(host).iter().any(|name| self.certificates.contains(name))
    }

    /// The backend of a host and path.
    pub fn find(&self, host: &str, path: &str) -> Found<'_> {
        let [exact, wild] = Routes::names(host);
        let listed = [exact, wild, Str::new()].into_iter().find_map(|name| self.hosts.get(&name));
        let route = listed.into_iter().flatten().find(|route| route.fits(path));
        let backend = match (route, listed) {
            (Some(route), _) => route.backend.as_ref(),
            (None, Some(_)) => None,
            (None, None) => self.default.as_ref(),
        };
        backend.map_or(Found::Nothing, Found::Backend)
    }
}

impl Route {
    /// `/a` leads to `/a` and `/a/b`, and not to `/ab`.
    fn fits(&self, path: &str) -> bool {
        if self.exact {
            return self.path == path;
        }
        let prefix = self.path.trim_end_matches('/');
        path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Meta;
    use crate::doc;

    #[test]
    fn hosts_and_paths_lead_to_backends() {
        let path = |path: &str, kind: &str, service: &str| doc!({ "path": path, "pathType": kind, "backend": { "service": { "name": service, "port": { "number": 80i64 } } } });
        let rule =
            |host: &str, paths: Vec<Doc>| doc!({ "host": host, "http": { "paths": Doc::list(paths) } });
        let rules = [
            rule(
                "a.io",
                vec![
                    path("/", "Prefix", "root"),
                    path("/api", "Prefix", "api"),
                    path("/api/v1", "Exact", "one"),
                ],
            ),
            rule("*.b.io", vec![path("/x/", "Prefix", "wild")]),
            rule("", vec![path("/any", "ImplementationSpecific", "any")]),
        ];
        let ingress = |name: &str, spec: Doc| {
            let body = doc!({ "spec": spec });
            Arc::new(Object::new(Key::new(Kind::Ingress, "n", name), Meta::default(), body, None))
        };
        let all = [
            ingress("i", doc!({ "rules": Doc::list(rules) })),
            ingress(
                "j",
                doc!({ "defaultBackend": { "service": { "name": "rest", "port": { "name": "web" } } } }),
            ),
        ];
        let routes = Routes::of(all.iter(), |_| false);
        for (host, path, service) in [
            ("a.io", "/", "root"),
            ("a.io", "/apis", "root"),
            ("a.io", "/api", "api"),
            ("a.io", "/api/v1", "one"),
            ("a.io", "/api/v1/x", "api"),
            ("c.b.io", "/x", "wild"),
            ("c.b.io", "/x/y", "wild"),
            ("c.b.io", "/y", ""),
            ("c.c.b.io", "/x", ""),
            ("b.io", "/any/x", "any"),
            ("z.io", "/other", ""),
        ] {
            let found = match routes.find(host, path) {
                Found::Backend(backend) => backend.service.name.as_str(),
                Found::Nothing => "",
            };
            assert_eq!(found, service, "{host}{path}");
        }
        assert!(routes.knows("a.io") && routes.knows("q.b.io") && !routes.knows("z.io"));
        let rest = Routes::of(all[1..].iter(), |_| false);
        assert!(matches!(rest.find("z.io", "/"), Found::Backend(backend) if backend.service.name == "rest"));
    }
}

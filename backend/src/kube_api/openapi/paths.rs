//! Where things are served, and what can be done there.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    doc,
    doc::{Doc, Str},
};

use super::{
    Form,
    operation::{ANY, CUSTOM_PATCHES, JSON, LOGS, OBJECTS, Operation, PATCHES, STREAMS},
    parameters::{self, DELETE, LIST, LOG, PATCH, WRITE},
    resource::{Resource, base, can, prefix, tag, title},
    types,
};

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";
const OK: &[(&str, &str)] = &[("200", "OK")];
const MADE: &[(&str, &str)] = &[("200", "OK"), ("201", "Created"), ("202", "Accepted")];
const CHANGED: &[(&str, &str)] = &[("200", "OK"), ("201", "Created")];
const DELETED: &[(&str, &str)] = &[("200", "OK"), ("202", "Accepted")];
/// The methods with which something is connected to.
const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// Writes paths, and remembers which schemas they need.
pub struct Writer<'a> {
    form: Form,
    /// The schemas that are there, and the names of those of kinds.
    schemas: &'a Doc,
    kinds: BTreeMap<(Str, Str, Str), Str>,
    paths: BTreeMap<String, Doc>,
    added: BTreeMap<Str, Doc>,
    wanted: BTreeSet<Str>,
}

impl<'a> Writer<'a> {
    pub fn new(form: Form, schemas: &'a Doc) -> Self {
        let mut kinds = BTreeMap::new();
        for (name, schema) in schemas.entries().iter().chain(types::ALL.entries()) {
            for of in schema["x-kubernetes-group-version-kind"].items() {
                let kind = (of["group"].str(), of["version"].str(), of["kind"].str());
                kinds.entry(kind).or_insert_with(|| name.clone());
            }
        }
        let (paths, added, wanted) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Self { form, schemas, kinds, paths, added, wanted }
    }

    /// The paths, and the schemas that are to be added.
    pub fn end(mut self) -> (Doc, BTreeMap<Str, Doc>) {
        while let Some(name) = self.wanted.pop_first() {
            if self.added.contains_key(&name) || !self.schemas[&*name].is_null() {
                continue;
            }
            if let Some(schema) = types::written(self.form, &name, &mut self.wanted) {
                self.added.insert(name, schema);
            }
        }
        let paths = self.paths.into_iter().map(|(path, of)| (path.into(), of));
        (Doc::Map(paths.collect()), self.added)
    }

    /// Everything.
    pub fn write_all(&mut self, served: &[Doc]) {
        for path in ["version", "api", "apis"] {
            self.write_document(path);
        }
        for group in served {
            let name = group["metadata"]["name"].str();
            if !name.is_empty() {
                self.write_document(&format!("apis/{name}"));
            }
            for version in group["versions"].items() {
                self.write_version(&name, version);
            }
        }
    }

    /// What belongs to one document of version 3, `apis/apps/v1`.
    pub fn write_one(&mut self, served: &[Doc], of: &str) {
        self.write_document(of);
        for group in served {
            let name = group["metadata"]["name"].str();
            for version in group["versions"].items() {
                if base(&name, &version["version"].str())[1..] == *of {
                    self.write_version(&name, version);
                }
            }
        }
    }

    /// A document of discovery, or the version.
    fn write_document(&mut self, path: &str) {
        let parts: Vec<&str> = path.split('/').collect();
        let (id, tag, says, answer) = match parts.as_slice() {
            ["version"] => {
                ("getCodeVersion".into(), "version".into(), "get the version of the server", "Info")
            }
            ["api"] => {
                ("getCoreAPIVersions".into(), "core".into(), "get available API versions", "APIVersions")
            }
            ["apis"] => {
                ("getAPIVersions".into(), "apis".into(), "get available API versions", "APIGroupList")
            }
            ["apis", group] => {
                let id = format!("get{}APIGroup", prefix(group, ""));
                (id, tag(group, ""), "get information of a group", "APIGroup")
            }
            ["api", version] => return self.write_resources("", version),
            ["apis", group, version] => return self.write_resources(group, version),
            _ => return,
        };
        let schema = match answer {
            "Info" => "io.k8s.apimachinery.pkg.version.Info".into(),
            name => format!("{META}.{name}"),
        };
        self.add_document(path, id, tag, says, &schema);
    }

    fn write_resources(&mut self, group: &str, version: &str) {
        let id = format!("get{}APIResources", prefix(group, version));
        let (path, schema) = (&base(group, version)[1..], format!("{META}.APIResourceList"));
        self.add_document(path, id, tag(group, version), "get available resources", &schema);
    }

    fn add_document(&mut self, path: &str, id: String, tag: String, says: &str, schema: &str) {
        let operation = Operation {
            id,
            tag,
            says: says.to_owned(),
            action: None,
            query: Vec::new(),
            body: None,
            consumes: JSON,
            produces: if path == "version" { &JSON[..1] } else { OBJECTS },
            answer: Some(self.want(schema)),
            codes: OK,
        };
        self.paths.insert(format!("/{path}/"), doc!({ "get": operation.to_doc(self.form) }));
    }

    fn write_version(&mut self, group: &str, of: &Doc) {
        let version = of["version"].str();
        if self.form == Form::Two {
            self.write_resources(group, &version);
        }
        for resource in of["resources"].items() {
            let kind = resource["responseKind"]["kind"].str();
            let group_name: Vec<&str> = group.rsplit('.').collect();
            let custom = format!("{}.{version}.{kind}", group_name.join("."));
            let resource = Resource {
                group,
                version: &version,
                plural: resource["resource"].str(),
                kind,
                namespaced: resource["scope"].as_str() == Some("Namespaced"),
                custom: !self.schemas[custom.as_str()].is_null(),
                of: resource,
            };
            self.write_collection(&resource);
            self.write_object(&resource);
            if resource.can("watch") && !resource.custom {
                self.write_watches(&resource);
            }
            for part in resource.of["subresources"].items() {
                self.write_part(&resource, part);
            }
        }
    }

    /// Says that a schema is referred to.
    fn want(&mut self, name: &str) -> Str {
        let name = Str::from(name);
        self.wanted.insert(name.clone());
        name
    }

    /// The schema of a kind; an object of which nothing is known, where there is none.
    fn schema(&mut self, of: &Doc) -> Str {
        let kind = (of["group"].str(), of["version"].str(), of["kind"].str());
        match self.kinds.get(&kind).cloned() {
            Some(name) => self.want(&name),
            None => self.want("io.k8s.apimachinery.pkg.runtime.RawExtension"),
        }
    }

    /// The schema of a list of a kind.
    fn list(&mut self, resource: &Resource<'_>) -> Str {
        let of = &resource.of["responseKind"];
        let item = self.schema(of);
        let list = Str::from(format!("{item}List"));
        if !self.added.contains_key(&list) {
            let kind = format!("{}List", resource.kind);
            let metadata = self.want(&format!("{META}.ListMeta"));
            let text = || doc!({ "type": "string" });
            let schema = doc!({
                "type": "object", "description": format!("{kind} is a list of {}.", resource.kind),
                "required": ["items"],
                "properties": {
                    "apiVersion": text(), "kind": text(), "metadata": self.form.reference(&metadata),
                    "items": { "type": "array", "items": self.form.reference(&item) }
                },
                "x-kubernetes-group-version-kind":
                    [{ "group": resource.group, "version": resource.version, "kind": kind }]
            });
            self.added.insert(list.clone(), schema);
        }
        list
    }

    /// The parameters of all operations at a path.
    fn add_path(
        &mut self,
        path: String,
        resource: &Resource<'_>,
        query: &[&str],
        operations: Vec<(&str, Doc)>,
    ) {
        if operations.is_empty() {
            return;
        }
        let mut parameters = Vec::new();
        let kind = &resource.kind;
        for (part, says) in [
            ("name", format!("name of the {kind}")),
            ("namespace", "object name and auth scope, such as for teams and projects".into()),
            ("path", "path to the resource".into()),
        ] {
            if path.contains(&format!("{{{part}}}")) {
                parameters.push(parameters::in_path(self.form, part, &says));
            }
        }
        parameters.extend(query.iter().map(|name| parameters::of_query(self.form, name)));
        let mut item: Doc =
            Doc::Map(operations.into_iter().map(|(method, of)| (method.into(), of)).collect());
        if !parameters.is_empty() {
            item.set("parameters", parameters);
        }
        self.paths.insert(path, item);
    }

    fn operation<'b>(&self, resource: &Resource<'_>, action: &'b str, of: &Doc) -> Operation<'b> {
        Operation {
            id: String::new(),
            tag: tag(resource.group, resource.version),
            says: String::new(),
            action: Some((action, of.clone())),
            query: Vec::new(),
            body: None,
            consumes: ANY,
            produces: if resource.custom { JSON } else { OBJECTS },
            answer: None,
            codes: OK,
        }
    }

    fn write_collection(&mut self, resource: &Resource<'_>) {
        let Resource { kind, namespaced, plural, .. } = resource;
        let of = &resource.of["responseKind"];
        let mut operations = Vec::new();
        let listed = resource.can("list").then(|| Operation {
            id: resource.id("list", &resource.called("")),
            says: format!("list or watch objects of kind {kind}"),
            query: LIST.to_vec(),
            produces: if resource.custom { JSON } else { STREAMS },
            answer: Some(self.list(resource)),
            ..self.operation(resource, "list", of)
        });
        operations.extend(listed.iter().map(|list| ("get", list.to_doc(self.form))));
        if resource.can("create") {
            let schema = self.schema(of);
            let operation = Operation {
                id: resource.id("create", &resource.called("")),
                says: format!("create {}", resource.with_article()),
                query: WRITE.to_vec(),
                body: Some((schema.clone(), true)),
                answer: Some(schema),
                codes: MADE,
                ..self.operation(resource, "post", of)
            };
            operations.push(("post", operation.to_doc(self.form)));
        }
        if resource.can("deletecollection") {
            let mut query = [&LIST[1..LIST.len() - 1], DELETE].concat();
            query.sort_unstable();
            let operation = Operation {
                id: resource.id("delete", &format!("Collection{}", resource.called(""))),
                says: format!("delete collection of {kind}"),
                query,
                body: Some((self.want(&format!("{META}.DeleteOptions")), false)),
                answer: Some(self.want(&format!("{META}.Status"))),
                ..self.operation(resource, "deletecollection", of)
            };
            operations.push(("delete", operation.to_doc(self.form)));
        }
        if let Some(list) = listed.filter(|_| *namespaced) {
            let id = resource.id("list", &format!("{kind}ForAllNamespaces"));
            let everywhere = vec![("get", Operation { id, ..list }.to_doc(self.form))];
            self.add_path(format!("{}/{plural}", resource.base()), resource, &["pretty"], everywhere);
        }
        self.add_path(resource.place(""), resource, &["pretty"], operations);
    }

    fn write_object(&mut self, resource: &Resource<'_>) {
        let of = &resource.of["responseKind"];
        let mut operations = self.readings_and_changes(resource, of, resource.of, "");
        if resource.can("delete") {
            let answer = match resource.is_handed_out() {
                true => self.schema(of),
                false => self.want(&format!("{META}.Status")),
            };
            let operation = Operation {
                id: resource.id("delete", &resource.called("")),
                says: format!("delete {}", resource.with_article()),
                query: DELETE.to_vec(),
                body: Some((self.want(&format!("{META}.DeleteOptions")), false)),
                answer: Some(answer),
                codes: DELETED,
                ..self.operation(resource, "delete", of)
            };
            operations.push(("delete", operation.to_doc(self.form)));
        }
        let path = format!("{}/{{name}}", resource.place(""));
        self.add_path(path, resource, &["pretty"], operations);
    }

    /// What is read, replaced and patched: an object or a part of it, as far as its verbs say so.
    fn readings_and_changes(
        &mut self,
        resource: &Resource<'_>,
        of: &Doc,
        verbs: &Doc,
        part: &str,
    ) -> Vec<(&'static str, Doc)> {
        let rest = resource.called(part);
        let what = match part {
            "" => format!("the specified {}", resource.kind),
            part => format!("{part} of the specified {}", resource.kind),
        };
        let mut operations = Vec::new();
        if can(verbs, "get") {
            let operation = Operation {
                id: resource.id("read", &rest),
                says: format!("read {what}"),
                answer: Some(self.schema(of)),
                ..self.operation(resource, "get", of)
            };
            operations.push(("get", operation.to_doc(self.form)));
        }
        if can(verbs, "update") {
            let schema = self.schema(of);
            let operation = Operation {
                id: resource.id("replace", &rest),
                says: format!("replace {what}"),
                query: WRITE.to_vec(),
                body: Some((schema.clone(), true)),
                answer: Some(schema),
                codes: CHANGED,
                ..self.operation(resource, "put", of)
            };
            operations.push(("put", operation.to_doc(self.form)));
        }
        if can(verbs, "patch") {
            let operation = Operation {
                id: resource.id("patch", &rest),
                says: format!("partially update {what}"),
                query: PATCH.to_vec(),
                body: Some((self.want(&format!("{META}.Patch")), true)),
                consumes: if resource.custom { CUSTOM_PATCHES } else { PATCHES },
                answer: Some(self.schema(of)),
                codes: CHANGED,
                ..self.operation(resource, "patch", of)
            };
            operations.push(("patch", operation.to_doc(self.form)));
        }
        operations
    }

    /// The paths at which clients of old watch.
    fn write_watches(&mut self, resource: &Resource<'_>) {
        const INSTEAD: &str = "deprecated: use the 'watch' parameter with a list operation instead";
        let Resource { kind, plural, namespaced, .. } = resource;
        let of = &resource.of["responseKind"];
        let event = self.want(&format!("{META}.WatchEvent"));
        let query: Vec<&str> = LIST.iter().copied().chain(["pretty"]).collect();
        let mut add = |action, path: String, rest: String, says: String| {
            let operation = Operation {
                id: resource.id("watch", &rest),
                says,
                produces: STREAMS,
                answer: Some(event.clone()),
                ..self.operation(resource, action, of)
            };
            let operation = operation.to_doc(self.form);
            self.add_path(path, resource, &query, vec![("get", operation)]);
        };
        let list = || format!("watch individual changes to a list of {kind}. {INSTEAD}.");
        if *namespaced {
            let everywhere = format!("{}/watch/{plural}", resource.base());
            add("watchlist", everywhere, format!("{kind}ListForAllNamespaces"), list());
        }
        let path = resource.place("/watch");
        add("watchlist", path.clone(), format!("{}List", resource.called("")), list());
        let one = format!(
            "watch changes to an object of kind {kind}. {INSTEAD}, filtered to a single item with the 'fieldSelector' \
             parameter."
        );
        add("watch", format!("{path}/{{name}}"), resource.called(""), one);
    }

    fn write_part(&mut self, resource: &Resource<'_>, part: &Doc) {
        let (name, of) = (part["subresource"].str(), &part["responseKind"]);
        let path = format!("{}/{{name}}/{name}", resource.place(""));
        match &*name {
            "exec" | "attach" | "portforward" => self.write_connection(resource, path, &name, of, ""),
            "proxy" => {
                self.write_connection(resource, format!("{path}/{{path}}"), &name, of, "WithPath");
                self.write_connection(resource, path, &name, of, "");
            }
            "log" => {
                let operation = Operation {
                    id: resource.id("read", &resource.called("log")),
                    says: format!("read log of the specified {}", resource.kind),
                    query: LOG.to_vec(),
                    produces: LOGS,
                    ..self.operation(resource, "get", of)
                };
                let operation = operation.to_doc(self.form);
                self.add_path(path, resource, &["pretty"], vec![("get", operation)]);
            }
            "binding" | "eviction" | "token" => {
                let schema = self.schema(of);
                let rest = resource.called(&name);
                let operation = Operation {
                    id: resource.id("create", &rest),
                    says: format!("create {name} of {}", resource.with_article()),
                    query: WRITE.to_vec(),
                    body: Some((schema.clone(), true)),
                    answer: Some(schema),
                    codes: MADE,
                    ..self.operation(resource, "post", of)
                };
                let operation = operation.to_doc(self.form);
                self.add_path(path, resource, &["pretty"], vec![("post", operation)]);
            }
            _ => {
                let operations = self.readings_and_changes(resource, of, part, &name);
                self.add_path(path, resource, &["pretty"], operations);
            }
        }
    }

    /// A part that is spoken to; `with` is how its identifiers end.
    fn write_connection(&mut self, resource: &Resource<'_>, path: String, part: &str, of: &Doc, with: &str) {
        let methods = if part == "proxy" { METHODS.as_slice() } else { &["get", "post"] };
        let operations = methods.iter().map(|method| {
            let rest = format!("{}{}{with}", title(method), resource.called(part));
            let operation = Operation {
                id: resource.id("connect", &rest),
                says: format!("connect {} requests to {part} of {}", method.to_uppercase(), resource.kind),
                produces: ANY,
                ..self.operation(resource, "connect", of)
            };
            (*method, operation.to_doc(self.form))
        });
        let operations = operations.collect();
        self.add_path(path, resource, parameters::of_connection(part), operations);
    }
}

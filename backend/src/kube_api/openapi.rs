//! What the API server can be asked, in its OpenAPI documents: the engine has the schemas in them; paths, and types that
//! are no kinds, are added on their way out, since pages have no use for them. Discovery says what is served.

mod operation;
mod parameters;
mod paths;
mod resource;
mod types;

use shared::{
    cluster::{HttpRequest, HttpResponse},
    doc,
    doc::{Doc, Str},
    schema,
    session::protocol::Role,
};

use super::replica::{Handle, Reply};

const DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// The two forms in which the same is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Version 2: everything in one document.
    Two,
    /// Version 3: a document for each group and version.
    Three,
}

impl Form {
    /// Which of them is at a path.
    pub fn at(path: &str) -> Option<Self> {
        if path.trim_end_matches('/').ends_with("/openapi/v2") {
            return Some(Self::Two);
        }
        path.contains("/openapi/v3/").then_some(Self::Three)
    }

    /// Where its schemas are.
    fn schemas(self) -> &'static [&'static str] {
        match self {
            Self::Two => &["definitions"],
            Self::Three => &["components", "schemas"],
        }
    }

    /// A reference to a schema.
    fn reference(self, name: &str) -> Doc {
        let place = self.schemas().join("/");
        doc!({ "$ref": format!("#/{place}/{name}") })
    }
}

/// Puts what is served, as far as whoever asked may know it, in the place of the paths.
///
/// # Errors
/// What discovery answers instead.
pub async fn add_served(
    handle: &Handle,
    role: Role,
    http: &HttpRequest,
    document: &mut Doc,
) -> Result<(), HttpResponse> {
    let mut served = Vec::new();
    for path in ["/api", "/apis"] {
        let http = HttpRequest { path: path.into(), accept: DISCOVERY.into(), ..http.clone() };
        match handle.ask(role, http).await {
            Reply::Answer(answer) if answer.is_success() => {
                served.extend(answer.body["items"].items().iter().cloned());
            }
            Reply::Answer(refused) => return Err(refused),
            _ => {}
        }
    }
    document.set("paths", served);
    Ok(())
}

/// Makes a document whole that has what is served in the place of its paths; `path` is where it is.
pub fn complete(form: Form, path: &str, document: &mut Doc) {
    match form {
        Form::Two => schema::describe_2(document),
        Form::Three => schema::describe(document),
    }
    let served = document["paths"].items().to_vec();
    let schemas = form.schemas().iter().fold(&*document, |doc, key| &doc[*key]).clone();
    let mut writer = paths::Writer::new(form, &schemas);
    match form {
        Form::Two => writer.write_all(&served),
        Form::Three => {
            let of = path.split("/openapi/v3/").nth(1).unwrap_or_default();
            writer.write_one(&served, of.trim_end_matches('/'));
        }
    }
    let (paths, added) = writer.end();
    for (name, schema) in added {
        document.set_at(&[form.schemas(), &[&*name]].concat(), schema);
    }
    document.set("paths", paths);
    let scheme = doc!({
        "type": "apiKey", "name": "authorization", "in": "header", "description": "Bearer Token authentication"
    });
    match form {
        Form::Two => {
            document.set("parameters", parameters::shared());
            document.set("securityDefinitions", doc!({ "BearerToken": scheme }));
            document.set("security", Doc::list([doc!({ "BearerToken": Doc::list([] as [Str; 0]) })]));
        }
        Form::Three => document.set_at(&["components", "securitySchemes"], doc!({ "BearerToken": scheme })),
    }
}

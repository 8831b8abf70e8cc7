//! Go templates, as `-o go-template` has them: `{{range .items}}{{.metadata.name}}{{"\n"}}{{end}}`.
//!
//! Text and actions are read once (`parse`) and executed against a document (`execute`); the functions that a template
//! may call, and how values print, are in `functions` and `value`. Words of refusals are those of Go's `text/template`,
//! with the places that it names.

mod execute;
mod format;
mod functions;
mod lex;
mod parse;
mod value;

use crate::collections::BTreeMap;
use crate::doc::Doc;

use parse::Node;

/// A template that was read.
#[derive(Debug)]
pub(super) struct GoTemplate {
    text: String,
    nodes: Vec<Node>,
    /// What `define` and `block` named.
    named: BTreeMap<String, Vec<Node>>,
}

impl GoTemplate {
    /// Reads a template; the error is what stands after `error: `.
    pub fn parse(text: &str) -> Result<GoTemplate, String> {
        let (nodes, named) = parse::parse(text)
            .map_err(|why| format!("error parsing template {text}, template: output:{why}"))?;
        Ok(GoTemplate { text: text.to_owned(), nodes, named })
    }

    /// What it makes of a document. The error is what had been printed by then, with what kubectl says there, and what
    /// stands after `error: `.
    pub fn print(&self, doc: &Doc, missing_allowed: bool) -> Result<String, (String, String)> {
        let (printed, fault) = execute::execute(self, doc, missing_allowed);
        let Some(why) = fault else { return Ok(printed) };
        let text = &self.text;
        let told = format!(
            "{printed}Error executing template: {why}. Printing more information for debugging the template:\n\
             \ttemplate was:\n\t\t{text}\n\traw data was:\n\t\t{}\n\tobject given to template engine was:\n\t\t{}\n\n",
            doc.to_go_json(),
            value::plain(doc),
        );
        Err((told, format!("error executing template {}: {why}", format::quoted(text))))
    }
}

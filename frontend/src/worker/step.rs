//! What people do, as steps of the log; and how those went, as the page is told.

use shared::{
    cluster::HttpResponse,
    doc,
    doc::from_doc,
    scenario::{FaultStep, RepairStep, StepAction},
    session::{self, StepResult, diagnose},
    sim::Target,
};

use crate::protocol::{Command, Diagnostic, Outcome, Subject};

/// The step that a command is. Text that is no YAML is refused here, the cluster untouched.
///
/// # Errors
/// Why there is none.
pub fn action(command: &Command) -> Result<StepAction, Outcome> {
    let refuse = |stderr: String| Outcome { stderr, ..Outcome::default() };
    let target = |text: &str| Target::parse(text).map_err(refuse);
    Ok(match command {
        Command::Apply(text) => {
            if let Err(fault) = shared::manifest::parse(text) {
                let diagnostics = diagnose(text).into_iter().map(mark).collect();
                return Err(Outcome { stderr: format!("error: {fault}"), diagnostics, ..Outcome::default() });
            }
            StepAction::Apply(text.as_str().into())
        }
        Command::Fault { target, kind } => {
            let step = doc!({ "target": target.as_str(), "kind": kind.as_str() });
            let step: FaultStep = from_doc(&step).map_err(|error| refuse(error.message))?;
            StepAction::Fault(step)
        }
        Command::Slow { target, by } => {
            let step = doc!({ "target": target.as_str(), "kind": "Delay", "by": format!("{by}ms") });
            let step: FaultStep = from_doc(&step).map_err(|error| refuse(error.message))?;
            StepAction::Fault(step)
        }
        Command::Kubectl(line) => StepAction::Kubectl(line.as_str().into()),
        Command::Repair { target: text } => StepAction::Repair(RepairStep { target: target(text)? }),
        Command::Delete(Subject::Object { kind, namespace, name }) => {
            let place =
                if namespace.is_empty() { String::new() } else { format!(" --namespace={namespace}") };
            StepAction::Kubectl(format!("delete {} {name} --wait=false{place}", kind.to_lowercase()).into())
        }
        Command::Delete(Subject::Component(place)) => {
            return Err(refuse(format!("{place} is a program, not an object")));
        }
    })
}

/// What the terminal hears when the session does not take a request.
pub fn refusal(why: &str) -> HttpResponse {
    let body = doc!({ "kind": "Status", "status": "Failure", "reason": "Forbidden", "message": why, "code": 403i64 });
    HttpResponse { code: 403, body, warnings: Vec::new() }
}

/// How a step went, as the page is told.
pub fn outcome(result: &StepResult) -> Outcome {
    let ok = result.exit_code == 0;
    let mut diagnostics: Vec<Diagnostic> = result.diagnostics.iter().cloned().map(mark).collect();
    diagnostics.dedup();
    if !ok && diagnostics.is_empty() {
        // What kubectl itself refused is about the text as a whole.
        let message = result.stderr.lines().next().unwrap_or_default().to_owned();
        diagnostics.push(Diagnostic { from: (1, 1), to: None, message });
    }
    Outcome { ok, stdout: result.stdout.clone(), stderr: result.stderr.clone(), diagnostics }
}

/// A fault in a text, as the page is told.
pub fn mark(fault: session::Diagnostic) -> Diagnostic {
    // A long value would paint half the text: its first line says where it is.
    let to = fault.end.filter(|(line, _)| *line == fault.line);
    Diagnostic { from: (fault.line, fault.column), to, message: fault.message }
}

//! Scripts in a container: a command line for its shell, and what is typed while it runs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::{
    cluster::{HttpRequest, exec_request},
    runtime::{bytes_of_text, text_of_bytes},
    scenario::StepAction,
    sim::{Duration, ExecOptions},
};

fuzz_target!(|input: &[u8]| {
    let mut player = fuzz::world();
    fuzz::within_bounds(|| {
        let text = text_of_bytes(input);
        assert_eq!(bytes_of_text(&text), input);
        let mut parts = fuzz::parts(&text).peekable();
        let script = parts.next().unwrap_or_default();
        let command = ["sh", "-c", script].map(Into::into).to_vec();
        let mut run = exec_request("default", "shell", &ExecOptions { command, ..ExecOptions::default() });
        if parts.peek().is_some() {
            run.path = format!("{}&stdin=true&stream=s", run.path).into();
        }
        fuzz::submit(&mut player, StepAction::Request(run.into()), Duration::seconds(2));
        for typed in parts {
            let path = "/api/v1/namespaces/default/pods/shell/exec?stream=s&send=stdin";
            let typed = HttpRequest {
                method: "POST".into(),
                path: path.into(),
                body: format!("{typed}\n").into(),
                ..HttpRequest::default()
            };
            fuzz::submit(&mut player, StepAction::Request(typed.into()), Duration::seconds(1));
        }
    });
});

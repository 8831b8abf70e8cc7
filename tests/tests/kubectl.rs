//! What people type: command lines played one after the other on a small cluster, with what they print. Each file below
//! `kubectl/` is one such session.

use std::fs;
use std::path::Path;

use shared::cluster::{Cluster, ClusterSpec, HttpResponse, NodeGroup};
use shared::kubectl::{Ask, Output, Program, Progress, Seen};

use crate::support::world::World;

/// One command of a session: its line, its input, and what must come of it.
struct Command {
    line: String,
    stdin: String,
    expected: String,
}

/// Reads a session: `$ ` begins a command, `< ` a line of its input, `## ` a remark; all else is what it prints, where
/// `…` stands for anything, and alone on a line for any lines.
fn read(text: &str) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with("## ")) {
        if let Some(line) = line.strip_prefix("$ ") {
            commands.push(Command { line: line.into(), stdin: String::new(), expected: String::new() });
        } else if let Some(command) = commands.last_mut() {
            let (to, line) = match line.strip_prefix("< ") {
                Some(input) => (&mut command.stdin, input),
                None => (&mut command.expected, line),
            };
            to.push_str(line);
            to.push('\n');
        }
    }
    commands
}

/// The words of a line; those in quotes hold together.
fn words_of(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut any) = (Vec::new(), String::new(), None, false);
    for character in line.chars().chain([' ']) {
        match (quote, character) {
            (None, ' ') if any => {
                words.push(std::mem::take(&mut word));
                any = false;
            }
            (None, ' ') => {}
            (None, '\'' | '"') => (quote, any) = (Some(character), true),
            (Some(open), close) if open == close => quote = None,
            (_, other) => {
                word.push(other);
                any = true;
            }
        }
    }
    words
}

/// What is printed, with the exit code when it is none for success.
fn shown(output: &Output) -> String {
    let code = if output.exit_code == 0 { String::new() } else { format!("(exit {})\n", output.exit_code) };
    format!("{}{}{code}", output.stdout, output.stderr)
}

/// Whether a line is as expected, where `…` stands for anything.
fn fits(expected: &str, line: &str) -> bool {
    let mut parts = expected.split('…');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    match last {
        None => rest.is_empty(),
        Some(part) => part.is_empty() || rest.is_empty() || line.ends_with(part),
    }
}

fn all_fit(expected: &[&str], lines: &[&str]) -> bool {
    match expected.split_first() {
        None => lines.is_empty(),
        Some((&"…", rest)) => (0..=lines.len()).any(|skipped| all_fit(rest, &lines[skipped..])),
        Some((first, rest)) => {
            lines.split_first().is_some_and(|(line, lines)| fits(first, line) && all_fit(rest, lines))
        }
    }
}

fn agree(expected: &str, shown: &str) -> bool {
    fn lines(text: &str) -> Vec<&str> {
        text.trim_end().lines().map(str::trim_end).collect()
    }
    all_fit(&lines(expected), &lines(shown))
}

#[test]
fn sessions_print_what_real_ones_do() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubectl");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let mut complaints = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let mut world = World::new();
        let mut config = shared::doc::Doc::Null;
        for command in read(&fs::read_to_string(&file).unwrap()) {
            if let Some(seconds) = command.line.strip_prefix("sleep ") {
                world.wait(seconds.parse().expect("a number of seconds"));
                continue;
            }
            let words = words_of(&command.line);
            let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
            let output = world.kubectl_with(words, &command.stdin, &mut config);
            let shown = shown(&output);
            if !agree(&command.expected, &shown) {
                let (line, expected) = (&command.line, command.expected.trim_end());
                complaints.push(format!("{name}: $ {line}\n--- expected\n{expected}\n--- here\n{shown}"));
            }
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

fn program(line: &str) -> Program {
    let start = Cluster::new(&ClusterSpec { nodes: vec![NodeGroup::of(1)], ..ClusterSpec::default() }, 1, 0);
    Program::from_command_line(line, start.unwrap().core().timestamp()).unwrap()
}

fn body(text: &str) -> HttpResponse {
    let body = shared::doc::parse_json(text).unwrap_or_else(|_| text.into());
    HttpResponse { code: 200, body, warnings: Vec::new() }
}

fn pods(pods: &[(&str, &str)]) -> HttpResponse {
    let items: Vec<String> = pods
        .iter()
        .map(|(name, revision)| {
            format!(
                r#"{{"metadata":{{"name":"{name}","namespace":"default","uid":"{name}","resourceVersion":"{revision}"}}}}"#
            )
        })
        .collect();
    body(&format!(r#"{{"items":[{}]}}"#, items.join(",")))
}

#[test]
fn a_watch_prints_changes_as_they_come_until_it_is_interrupted() {
    let mut program = program("get pods -w -o name");
    let mut seen = Seen::default();
    let rounds: [(&[(&str, &str)], &str); 4] = [
        (&[("a", "1"), ("b", "2")], "pod/a\npod/b\n"),
        (&[("a", "1"), ("b", "2")], ""),
        (&[("a", "3"), ("b", "2")], "pod/a\n"),
        (&[("a", "3"), ("c", "4")], "pod/c\npod/b\n"),
    ];
    for (answer, expected) in rounds {
        let Progress::Needs(_) = program.run() else { panic!("it asks for the pods") };
        program.answer(pods(answer));
        let Progress::Waits(_) = program.run() else { panic!("it goes on") };
        assert_eq!(program.printed(&mut seen).stdout, expected);
        program.wake();
    }
    program.interrupt();
    let Progress::Done(output) = program.run() else { panic!("it ends") };
    assert_eq!((output.exit_code, output.stdout.as_str()), (130, "pod/a\npod/b\npod/a\npod/c\npod/b\n"));
}

#[test]
fn a_log_that_is_followed_appears_while_it_is_written() {
    let mut program = program("logs -f web");
    let mut seen = Seen::default();
    let Progress::Needs(request) = program.run() else { panic!("it asks for the pod") };
    assert_eq!(request.path, "/api/v1/namespaces/default/pods/web");
    program.answer(body(
        r#"{"metadata":{"name":"web","namespace":"default"},"spec":{"containers":[{"name":"c"}]}}"#,
    ));
    let Progress::Needs(request) = program.run() else { panic!("it asks for the log") };
    assert_eq!(request.path, "/api/v1/namespaces/default/pods/web/log?container=c&follow=true");
    for (so_far, expected) in [("one\n", "one\n"), ("one\n", ""), ("one\ntwo\n", "two\n")] {
        program.receive(so_far);
        assert_eq!(program.printed(&mut seen).stdout, expected);
    }
    program.answer(body("one\ntwo\nthree\n"));
    let Progress::Done(output) = program.run() else { panic!("it ends with the container") };
    assert_eq!(program.printed(&mut seen).stdout, "three\n");
    assert_eq!(output.stdout, "one\ntwo\nthree\n");
}

#[test]
fn an_editor_gets_the_object_and_what_changed_is_sent() {
    let object = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"default"},"data":{"k":"v"}}"#;
    let open = || {
        let mut program = program("edit configmap a");
        let Progress::Needs(_) = program.run() else { panic!("it asks for the object") };
        program.answer(body(object));
        let Progress::Asks(Ask::Edit(text)) = program.run() else { panic!("it opens an editor") };
        (program, text)
    };
    let (mut unchanged, text) = open();
    assert!(
        text.ends_with("data:\n  k: v\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: default\n"),
        "{text}"
    );
    unchanged.reply(text.clone());
    let Progress::Done(output) = unchanged.run() else { panic!("it ends") };
    assert_eq!((output.exit_code, output.stderr.as_str()), (0, "Edit cancelled, no changes made.\n"));
    let (mut changed, text) = open();
    changed.reply(text.replace("k: v", "k: w").into());
    let Progress::Needs(request) = changed.run() else { panic!("it sends the change") };
    assert_eq!((request.method.as_str(), request.body.as_str()), ("PATCH", r#"{"data":{"k":"w"}}"#));
    changed.answer(body(object));
    let Progress::Done(output) = changed.run() else { panic!("it ends") };
    assert_eq!(output.stdout, "configmap/a edited\n");
}

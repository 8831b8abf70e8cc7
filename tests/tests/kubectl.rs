//! What people type: command lines played one after the other on a small cluster, with what they print. Each file below
//! `kubectl/` is one such session.

use std::fs;
use std::path::Path;

use shared::cluster::{Cluster, ClusterSpec, HttpResponse, NodeGroup};
use shared::doc::Timestamp;
use shared::kubectl::{Ask, Output, Program, Progress, Seen};

use crate::support::world::{Editor, World};

/// One command of a session: its line, its input, and what must come of it.
#[derive(Default)]
struct Command {
    line: String,
    stdin: String,
    edits: Vec<(String, String)>,
    expected: String,
}

/// Reads a session: `$ ` begins a command, `< ` a line of its input, `> OLD => NEW` what is replaced in the file that it
/// opens in an editor (one for each time), `## ` a remark; all else is what it prints, where `…` stands for anything, and
/// alone on a line for any lines. `$ editor` prints the file that was opened last.
fn read(text: &str) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with("## ")) {
        if let Some(line) = line.strip_prefix("$ ") {
            commands.push(Command { line: line.into(), ..Command::default() });
        } else if let Some(command) = commands.last_mut() {
            if let Some((old, new)) = line.strip_prefix("> ").and_then(|edit| edit.split_once(" => ")) {
                command.edits.push((old.replace("\\n", "\n"), new.replace("\\n", "\n")));
                continue;
            }
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
        let mut editor = Editor::default();
        for command in read(&fs::read_to_string(&file).unwrap()) {
            if let Some(seconds) = command.line.strip_prefix("sleep ") {
                world.wait(seconds.parse().expect("a number of seconds"));
                continue;
            }
            if command.line == "editor" {
                if !agree(&command.expected, &editor.seen) {
                    let expected = command.expected.trim_end();
                    complaints
                        .push(format!("{name}: editor\n--- expected\n{expected}\n--- here\n{}", editor.seen));
                }
                continue;
            }
            let words = words_of(&command.line);
            let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
            editor.edits = command.edits;
            let output = world.kubectl_edited(words, &command.stdin, &mut config, &mut editor);
            let shown = shown(&output);
            if !agree(&command.expected, &shown) {
                let (line, expected) = (&command.line, command.expected.trim_end());
                complaints.push(format!("{name}: $ {line}\n--- expected\n{expected}\n--- here\n{shown}"));
            }
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// When the programs here begin.
fn program_begun() -> Timestamp {
    let start = Cluster::new(&ClusterSpec { nodes: vec![NodeGroup::of(1)], ..ClusterSpec::default() }, 1, 0);
    start.unwrap().core().timestamp()
}

fn program(line: &str) -> Program {
    Program::from_command_line(line, program_begun()).unwrap()
}

/// An answer that is a text, as those to watches are.
fn body_of(text: &str) -> HttpResponse {
    HttpResponse { code: 200, body: text.into(), warnings: Vec::new() }
}

fn body(text: &str) -> HttpResponse {
    let body = shared::doc::parse_json(text).unwrap_or_else(|_| text.into());
    HttpResponse { code: 200, body, warnings: Vec::new() }
}

fn pod(name: &str, revision: &str) -> String {
    format!(
        r#"{{"metadata":{{"name":"{name}","namespace":"default","uid":"{name}","resourceVersion":"{revision}"}}}}"#
    )
}

fn event(kind: &str, object: &str) -> String {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")
}

/// Runs a command with input to its end, answering each request; the largest that the program was, and what it printed.
fn dealt(line: &str, stdin: &str, answer: impl Fn(&str, &str) -> HttpResponse) -> (usize, Output) {
    let words = line.split(' ').map(Into::into).collect();
    let mut program = Program::new(words, stdin.into(), program_begun());
    let (mut largest, mut seen, mut printed) = (0, Seen::default(), String::new());
    loop {
        let progress = program.run();
        printed += &program.printed(&mut seen).stdout;
        match progress {
            Progress::Needs(request) => program.answer(answer(&request.method, &request.path)),
            Progress::Done(output) => {
                assert_eq!(printed, output.stdout, "what is printed on the way is what is printed at all");
                return (largest, output);
            }
            other => panic!("{other:?}"),
        }
        largest = largest.max(format!("{program:?}").len());
    }
}

#[test]
fn of_many_objects_it_is_remembered_what_became_of_them_and_not_what_was_answered() {
    let object = |number: u32| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m-{number}}}\n");
    let manifest = (0..30).map(object).collect::<Vec<_>>().join("---\n");
    let padding = "x".repeat(100_000);
    let answer = |method: &str, path: &str| match (method, path) {
        ("GET", _) => HttpResponse {
            code: 404,
            ..body(&format!("{{\"kind\":\"Status\",\"reason\":\"NotFound\",\"message\":\"{padding}\"}}"))
        },
        ("DELETE", path) if path.ends_with("m-7") => HttpResponse {
            code: 403,
            ..body("{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"not that one\"}")
        },
        _ => body(&format!(
            "{{\"kind\":\"ConfigMap\",\"metadata\":{{\"name\":\"m\"}},\"data\":{{\"a\":\"{padding}\"}}}}"
        )),
    };
    for (line, lines, exit_code) in [
        ("apply -f -", 30, 0),
        ("create -f -", 30, 0),
        ("replace -f -", 30, 0),
        ("delete -f - --wait=false", 29, 1),
        ("delete -f -", 29, 1),
    ] {
        let (largest, output) = dealt(line, &manifest, answer);
        assert_eq!((output.stdout.lines().count(), output.exit_code), (lines, exit_code), "{line}");
        assert_eq!(output.stderr.contains("not that one"), exit_code == 1, "{line}: {}", output.stderr);
        assert!(largest < 3 * padding.len(), "{line}: {largest}");
    }
}

#[test]
fn of_many_objects_that_are_changed_no_answer_is_kept_either() {
    let padding = "x".repeat(100_000);
    let item = |name: &str, more: &str| {
        format!(
            r#"{{"metadata":{{"name":"{name}","namespace":"default","labels":{{"old":"1"}}}},"spec":{{"template":{{"spec":{{"containers":[{{"name":"c","image":"a"}}]}}}}}}{more}}}"#
        )
    };
    let answer = |method: &str, path: &str| match (method, path) {
        ("PATCH", path) if path.contains("m-7") => HttpResponse {
            code: 403,
            ..body("{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"not that one\"}")
        },
        ("PATCH", _) => body(&item("m", &format!(",\"a\":\"{padding}\""))),
        ("GET", _) => {
            let items: Vec<String> = (0..30).map(|at| item(&format!("m-{at}"), "")).collect();
            body(&format!("{{\"items\":[{}]}}", items.join(",")))
        }
        other => panic!("{other:?}"),
    };
    for line in [
        "label deploy --all a=b",
        "annotate deploy --all a=b",
        "scale deploy --all --replicas=3",
        "set image deploy --all c=b",
        "set env deploy --all A=b",
        "set serviceaccount deploy --all b",
        "set resources deploy --all --limits=cpu=1",
        "rollout restart deploy",
        "cordon -l a",
        "taint nodes --all a=b:NoSchedule",
    ] {
        let (largest, output) = dealt(line, "", answer);
        assert_eq!((output.stdout.lines().count(), output.exit_code), (29, 1), "{line}: {}", output.stderr);
        assert!(output.stderr.contains("not that one"), "{line}: {}", output.stderr);
        assert!(largest < 2 * padding.len(), "{line}: {largest}");
    }
    // What is wrong with one in several ways is said in all of them.
    let (_, output) = dealt("label deploy --all old=2 more=1", "", answer);
    assert_eq!(output.stderr.lines().count(), 30);
}

#[test]
fn a_watch_prints_changes_as_they_come_until_it_is_interrupted() {
    let mut program = program("get pods -w -o name");
    let mut seen = Seen::default();
    let Progress::Needs(_) = program.run() else { panic!("it asks for the pods") };
    let items = [pod("a", "1"), pod("b", "2")].join(",");
    program.answer(body(&format!(r#"{{"metadata":{{"resourceVersion":"7"}},"items":[{items}]}}"#)));
    let mut expected = "pod/a\npod/b\n";
    let rounds = [
        (event("MODIFIED", &pod("a", "8")), "pod/a\n"),
        (event("ADDED", &pod("c", "9")) + &event("DELETED", &pod("b", "10")), "pod/c\npod/b\n"),
    ];
    for (news, next) in rounds {
        let Progress::Watches(request, None) = program.run() else { panic!("it watches") };
        assert_eq!(request.path, "/api/v1/namespaces/default/pods?resourceVersion=7&watch=true");
        assert_eq!(program.printed(&mut seen).stdout, expected);
        program.answer(body_of(&news));
        expected = next;
    }
    // What it should go on from is forgotten: it begins anew.
    let Progress::Watches(..) = program.run() else { panic!("it goes on") };
    program.answer(body_of(&event("ERROR", r#"{"kind":"Status","code":410}"#)));
    let Progress::Waits(_) = program.run() else { panic!("it is not in a hurry") };
    program.wake();
    let Progress::Needs(request) = program.run() else { panic!("it lists again") };
    assert!(!request.path.contains("watch"), "{}", request.path);
    program.interrupt("");
    let Progress::Done(output) = program.run() else { panic!("it ends") };
    assert_eq!((output.exit_code, output.stdout.as_str()), (1, "pod/a\npod/b\npod/a\npod/c\npod/b\n"));
}

#[test]
fn who_waits_is_told_when_time_is_up() {
    let wanted = concat!(
        r#"{"metadata":{"name":"web","namespace":"default","uid":"u","generation":1},"spec":{"replicas":2},"#,
        r#""status":{"observedGeneration":1,"replicas":2,"updatedReplicas":2,"availableReplicas":1}}"#
    );
    for (line, said, failure) in [
        (
            "rollout status deploy/web --timeout=5s",
            "Waiting for deployment \"web\" rollout to finish: 1 of 2 updated replicas are available...\n",
            "error: timed out waiting for the condition\n",
        ),
        (
            "wait --for=condition=Available deploy/web --timeout=5s",
            "",
            "error: timed out waiting for the condition on deployments/web\n",
        ),
    ] {
        let mut program = program(line);
        let mut asked = 0;
        let until = loop {
            match program.run() {
                Progress::Needs(request) if request.path.contains("fieldSelector") => {
                    program.answer(body(&format!(
                        r#"{{"metadata":{{"resourceVersion":"7"}},"items":[{wanted}]}}"#
                    )));
                }
                Progress::Needs(_) => program.answer(body(wanted)),
                Progress::Watches(_, until) if asked == 1 => break until,
                Progress::Watches(..) => {
                    asked += 1;
                    program.answer(body_of(&event("MODIFIED", wanted)));
                }
                other => panic!("{line}: {other:?}"),
            }
        };
        let begun = program_begun();
        assert_eq!(until.map(|until| until.millis() - begun.millis()), Some(5000), "{line}");
        program.answer(body_of(""));
        let Progress::Done(output) = program.run() else { panic!("{line}: it ends") };
        // A line for each event, also where it says the same.
        assert_eq!((output.stdout, output.stderr.as_str()), (said.repeat(2), failure), "{line}");
        assert_eq!(output.exit_code, 1);
    }
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
        program.receive(so_far, "");
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

#[test]
fn an_editor_comes_before_what_is_made() {
    let words = ["create", "--edit", "-f", "-"].map(Into::into).to_vec();
    let manifest = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"v"}}"#;
    let mut program = Program::new(words, manifest.into(), program_begun());
    let Progress::Asks(Ask::Edit(text)) = program.run() else { panic!("it opens an editor") };
    program.reply(text.replace("k: v", "k: [").into());
    let Progress::Asks(Ask::Edit(again)) = program.run() else { panic!("it says what is wrong") };
    assert!(again.contains("The edited file failed validation\": yaml: line 3: did not find"), "{again}");
    program.reply(text.replace("k: v", "k: w").into());
    let Progress::Needs(request) = program.run() else { panic!("it makes what was saved") };
    assert_eq!(request.method, "POST");
    assert!(request.body.contains(r#""k":"w""#), "{}", request.body);
    // A refusal does not name the file that it came from: it came from none.
    program.answer(HttpResponse {
        code: 409,
        body: shared::doc::parse_json(
            r#"{"reason":"AlreadyExists","message":"configmaps \"a\" already exists"}"#,
        )
        .unwrap(),
        warnings: Vec::new(),
    });
    let Progress::Done(output) = program.run() else { panic!("it ends") };
    let told: Vec<&str> = output.stderr.lines().skip(1).collect();
    let kept = "A copy of your changes has been stored to \"/tmp/kubectl-edit-…\"";
    assert!(fits(kept, told[0]), "{}", told[0]);
    assert_eq!(told[1..], ["Error from server (AlreadyExists): configmaps \"a\" already exists"]);
}

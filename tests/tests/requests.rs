//! Requests and their answers, as the texts in `requests/` have them: no program to build for another case.
//!
//! `> METHOD PATH [MEDIA TYPE]`, then the body as it is sent; `< CODE MESSAGE` is what must come back, `? TEXT` a part of that, `! TEXT`
//! each of its warnings, `= PATH VALUE` a value in it. `~ SECONDS` lets time pass, `$ COMMAND` runs kubectl. `#` begins a remark.

use std::path::Path;

use crate::support::world::World;
use shared::apiserver::http::{HttpRequest, HttpResponse};
use shared::doc::Doc;

/// A request that was read, and its answer so far.
#[derive(Default)]
struct Case {
    line: usize,
    request: Option<HttpRequest>,
    answer: Option<HttpResponse>,
    warned: usize,
}

impl Case {
    fn answer(&mut self, world: &mut World) -> &HttpResponse {
        let request = &self.request;
        self.answer.get_or_insert_with(|| world.request(request.clone().expect("a request before")))
    }

    /// All warnings must have been expected.
    fn end(&self, place: &str) {
        if let Some(answer) = &self.answer {
            assert_eq!(answer.warnings.len(), self.warned, "{place}:{}: {:?}", self.line, answer.warnings);
        }
    }
}

fn begin(line: usize, text: &str) -> Case {
    let mut words = text.split(' ');
    let mut next = || words.next().unwrap_or_default().into();
    let (method, path, content_type) = (next(), next(), next());
    let request = HttpRequest { method, path, content_type, ..HttpRequest::default() };
    Case { line, request: Some(request), ..Case::default() }
}

fn at<'a>(doc: &'a Doc, path: &str) -> &'a Doc {
    path.split('.').fold(doc, |doc, step| match step.parse::<usize>() {
        Ok(index) => &doc[index],
        Err(_) => &doc[step],
    })
}

fn play(path: &Path) {
    let text = std::fs::read_to_string(path).expect("the text can be read");
    let name = path.file_name().expect("a name").to_string_lossy();
    let mut world = World::new();
    let mut case = Case::default();
    for (at_line, line) in text.lines().enumerate() {
        let place = format!("{name}:{}", at_line + 1);
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        match mark {
            ">" => {
                case.end(&name);
                case = begin(at_line + 1, rest);
            }
            "<" => {
                let answer = case.answer(&mut world);
                let message = match &answer.body["message"] {
                    Doc::Str(message) => message.trim().to_owned(),
                    _ => answer.body.as_str().unwrap_or("").trim().to_owned(),
                };
                let said = format!("{} {message}", answer.code);
                let whole = rest.contains(' ');
                let found = if whole { said.trim() } else { said.split(' ').next().unwrap_or_default() };
                assert_eq!(found, rest, "{place}: {}", answer.body.to_json());
            }
            "?" => {
                let answer = case.answer(&mut world);
                let message = answer.body["message"].str();
                assert!(message.contains(rest), "{place}: {message}");
            }
            "!" => {
                let at = case.warned;
                case.warned += 1;
                let answer = case.answer(&mut world);
                assert_eq!(answer.warnings.get(at).map(|text| text.as_str()), Some(rest), "{place}");
            }
            "=" => {
                let (path, value) = rest.split_once(' ').expect("a path and a value");
                let body = &case.answer(&mut world).body;
                assert_eq!(at(body, path).to_json(), value, "{place}: {}", body.to_json());
            }
            "~" => {
                case.end(&name);
                case = Case::default();
                world.wait(rest.parse().expect("seconds"));
            }
            "$" => {
                case.end(&name);
                case = Case::default();
                let done = world.kubectl(rest.split(' '), "");
                assert_eq!(done.exit_code, 0, "{place}: {}", done.stderr);
            }
            "#" | "" => {}
            _ => {
                let request = case.request.as_mut().expect("a body follows a request");
                request.body = format!("{}{line}\n", request.body).into();
            }
        }
    }
    case.end(&name);
}

#[test]
fn requests_are_answered_as_upstream_answers_them() {
    let all = std::fs::read_dir("tests/requests").expect("there are texts");
    let mut all: Vec<_> = all.map(|entry| entry.expect("it can be read").path()).collect();
    all.sort();
    assert!(!all.is_empty());
    all.iter().for_each(|path| play(path));
}

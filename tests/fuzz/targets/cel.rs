//! Expressions in CEL, as policies and definitions have them: read, checked and evaluated.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use shared::{
    api::cel::{Names, Program, authorizer},
    doc::{Doc, parse_json},
};

static OBJECT: LazyLock<Doc> = LazyLock::new(|| {
    let text = r#"{"metadata":{"name":"web","labels":{"app":"web","a.b/c":"d"}},"spec":{"replicas":3,"ratio":0.5,"on":true,
        "none":null,"parts":[{"key":"a","at":"2026-01-01T00:00:00Z"},{"key":"b","size":"1500Mi"}],"words":["one","two","three"]}}"#;
    parse_json(text).expect("JSON")
});

fuzz_target!(|input: &[u8]| {
    let object = OBJECT.clone();
    fuzz::within_bounds(|| {
        let text = fuzz::text(input);
        let Ok(program) = Program::read(&text, &["self", "oldSelf", "object", "variables", "authorizer"]) else { return };
        drop(program.check(&text, &Default::default(), &|_| None));
        let objects = ["self", "oldSelf", "object", "variables"].map(|name| (name, object.clone()));
        let mut names = Names::from_iter(objects);
        names.insert("authorizer", authorizer(object.clone()));
        let may = |asked: &Doc| (asked["verb"].as_str() == Some("get"), "it may".to_owned());
        drop(program.evaluate(&names, Some(&may)));
    });
});

//! What the engine and the server say to the page in words of their own has Japanese words, too.

use std::{fs, path::Path};

use serde_json::Value;
use shared::scenario::Scenario;

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// The English sentences that have Japanese words; `$` stands for any words.
fn known() -> Vec<String> {
    let texts: Value = serde_json::from_str(&read("public/locales/editor/said-ja.json")).expect("JSON");
    texts.as_object().expect("texts").keys().cloned().collect()
}

/// Whether `sentence` is `pattern` with words in place of each `$`.
fn fits(sentence: &str, pattern: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('$') else { return sentence == pattern };
    let Some(after) = sentence.strip_prefix(start) else { return false };
    after.char_indices().skip(1).any(|(at, _)| fits(&after[at..], rest))
        || (rest.is_empty() && !after.is_empty())
}

#[test]
fn what_ends_a_connection_or_is_refused_there() {
    let known = known();
    let mut count = 0;
    for (file, mark) in [
        ("backend/src/sessions/frames.rs", "why: \""),
        ("backend/src/sessions/frames.rs", "why:\n        \""),
        ("frontend/src/worker/driver.rs", "READ_ONLY: &str = \""),
    ] {
        for piece in read(file).split(mark).skip(1) {
            let sentence = piece.split('"').next().expect("it ends");
            assert!(known.iter().any(|one| one == sentence), "{file}: no Japanese words for {sentence:?}");
            count += 1;
        }
    }
    assert!(count > 20, "{count} sentences were found");
}

#[test]
fn what_is_wrong_with_a_scenario() {
    let known = known();
    let spec = |spec: &str| {
        format!("apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: x}}\nspec: {spec}\n")
    };
    let texts = [
        String::new(),
        "[]".to_owned(),
        "kind: Scenario\n".to_owned(),
        "apiVersion: v1\nkind: Scenario\n".to_owned(),
        format!("{}---\n{}", spec("{}"), spec("{}")),
        spec("{clusterr: {}}"),
        spec("{cluster: {nodes: 3}}"),
        spec("{seed: -1}"),
        spec("{epoch: yesterday}"),
        spec("{cluster: {nodes: [{count: 6000}]}}"),
        spec("{cluster: {nodes: [{name: a, count: 2}]}}"),
        spec("{cluster: {nodes: [{name: a}, {name: a}]}}"),
        spec("{cluster: {nodes: [{cpu: much}]}}"),
        spec("{cluster: {nodes: [{resources: {cpu: 4}}]}}"),
        spec("{cluster: {controlPlane: {members: 2}}}"),
        spec("{cluster: {addons: [none]}}"),
        spec("{steps: [{at: 1s}]}"),
        spec("{steps: [{at: 1s, clock: noon}]}"),
        spec("{steps: [{kubectl: get pods}]}"),
        spec("{steps: [{at: 1s, fault: {target: node/a, kind: Delay}}]}"),
        spec("{steps: [{at: 1s, fault: {target: node/a, kind: PowerOff, by: 1s}}]}"),
        spec("{traffic: [{name: '', to: 'http://a'}]}"),
        spec("{traffic: [{name: a, to: 'http://a', from: nowhere}]}"),
        spec("{traffic: [{name: a, to: 'http://a', rate: 99999999}]}"),
        spec("{traffic: [{name: a, to: 'http://a', timeout: 0s}]}"),
        spec("{traffic: [{name: a, to: 'http://a'}, {name: a, to: 'http://a'}]}"),
        spec("{expect: [{id: '', object: pod/a, jsonpath: '{.a}', equals: b}]}"),
        spec("{expect: [{id: a, object: pod, jsonpath: '{.a}', equals: b}]}"),
        spec("{expect: [{id: a, object: ship/a, jsonpath: '{.a}', equals: b}]}"),
        spec("{expect: [{id: a, object: pod/a, jsonpath: '{.a}'}]}"),
    ];
    let untold: Vec<_> = texts
        .iter()
        .filter_map(|text| {
            let Err(fault) = Scenario::parse(text) else { return Some(format!("{text} is right")) };
            let has_words = known.iter().any(|one| fits(&fault.message, one));
            (!has_words).then(|| format!("{text}{:?}", fault.message))
        })
        .collect();
    assert!(untold.is_empty(), "no Japanese words for\n{}", untold.join("\n"));
}

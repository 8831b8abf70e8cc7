//! Ready workshops can be played and say everything in both languages; so do the texts of rooms.
#![allow(missing_docs)]

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;
use shared::{
    scenario::{Scenario, StepAction},
    session::Player,
    sim::Time,
};

const LANGUAGES: [&str; 2] = ["en", "ja"];

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository");
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn workshop(name: &str) -> Scenario {
    let text = read(&format!("public/examples/workshops/{name}.yaml"));
    Scenario::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Plays a workshop as a diligent learner would: each command, at its second.
fn play(name: &str, commands: &[(u64, &str)], until: u64) -> Vec<(String, bool)> {
    let mut player = Player::new(workshop(name), 0).expect("it can be played");
    for (second, command) in commands {
        let action = match command.strip_prefix("PowerOff ") {
            Some(target) => {
                let fault = format!("{{\"fault\": {{\"target\": \"{target}\", \"kind\": \"PowerOff\"}}}}");
                serde_json::from_str(&fault).expect("a fault")
            }
            None => StepAction::Kubectl((*command).into()),
        };
        player.submit_at(Time(second * 1000), action, Default::default());
    }
    player.advance_to(Time(until * 1000));
    player
        .expectations()
        .map(|(goal, verdict)| (goal.id.to_string(), verdict.is_some_and(|verdict| verdict.met)))
        .collect()
}

fn check(name: &str, commands: &[(u64, &str)], until: u64) {
    for (goal, met) in play(name, &[], until) {
        assert!(!met, "{name}: {goal} is met without anybody doing anything");
    }
    for (goal, met) in play(name, commands, until) {
        assert!(met, "{name}: {goal} is not met");
    }
}

#[test]
fn a_diligent_learner_reaches_everything_and_an_idle_one_nothing() {
    let first = [
        (30, "create deployment todo-api --image=todo-api:v1.0"),
        (60, "expose deployment todo-api --port=8080"),
        (90, "scale deployment/todo-api --replicas=5"),
        (150, "set image deployment/todo-api todo-api=todo-api:v1.1"),
    ];
    check("first-cluster", &first, 300);
    let nodes = [
        (70, "PowerOff node/node-1"),
        (200, "scale deployment/todo-api --replicas=6"),
        (600, "create pdb todo-api --selector=app=todo-api --min-available=5"),
        (660, "drain node-2 --ignore-daemonsets"),
    ];
    check("when-nodes-die", &nodes, 900);
}

#[test]
fn workshops_say_everything_in_both_languages() {
    for name in ["first-cluster", "when-nodes-die"] {
        let scenario = workshop(name);
        let scenario: Value = serde_json::to_value(&scenario).expect("JSON");
        let guide = &scenario["spec"]["guide"];
        for goal in scenario["spec"]["expect"].as_array().expect("goals") {
            let id = goal["id"].as_str().expect("an id");
            for language in LANGUAGES {
                let title = guide["objectives"][id][language].as_str().unwrap_or_default();
                assert!(!title.is_empty(), "{name}: {id} has no words in {language}");
            }
        }
        let notes = LANGUAGES.map(|language| guide["notes"][language].as_array().map_or(0, Vec::len));
        assert!(notes[0] > 3 && notes[0] == notes[1], "{name}: notes {notes:?}");
    }
}

/// `{{ name }}` in a text.
fn places(text: &str) -> BTreeSet<&str> {
    text.split("{{ ").skip(1).filter_map(|rest| rest.split(" }}").next()).collect()
}

#[test]
fn texts_of_rooms_are_whole_and_used() {
    let [en, ja]: [Value; 2] = LANGUAGES.map(|language| {
        serde_json::from_str(&read(&format!("public/locales/rooms/{language}.json"))).expect("JSON")
    });
    let (en, ja) = (en.as_object().expect("texts"), ja.as_object().expect("texts"));
    assert!(en.keys().eq(ja.keys()), "both languages have the same texts");
    let modules =
        ["room.js", "room/base.js", "room/card.js", "room/desk.js", "room/rehearse.js", "room/seat.js"];
    let code: String = modules.iter().map(|module| read(&format!("frontend/js/{module}"))).collect();
    for (name, text) in en {
        let other = ja[name].as_str().expect("text");
        let text = text.as_str().expect("text");
        assert_eq!(places(text), places(other), "{name}");
        assert!(code.contains(&format!("\"{name}\"")) || name.starts_with("sort_"), "{name} is said nowhere");
    }
    let calls = code.match_indices("t(\"").filter(|(at, _)| !code[..*at].ends_with(char::is_alphanumeric));
    let named = calls.filter_map(|(at, start)| code[at + start.len()..].split('"').next());
    for name in named.filter(|name| name.chars().all(|sign| sign.is_ascii_lowercase() || sign == '_')) {
        assert!(en.contains_key(name), "there is no text {name}");
    }
}

//! Snapshots: what is read again goes on as if nothing had been, and what is damaged is refused.

use std::fs;
use std::path::{Path, PathBuf};

use shared::codec::{Codec, Decoder, Encoder};
use shared::doc;
use shared::doc::Doc;
use shared::scenario::Scenario;
use shared::session::{Player, SnapshotError};
use shared::sim::Time;

/// Moments in every scenario, in hundredths of its length.
const MOMENTS: [u64; 6] = [3, 17, 29, 50, 71, 93];

fn yaml_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            yaml_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            into.push(path);
        }
    }
}

/// Every scenario that there is: the suite, the ready clusters, the workshops.
fn scenarios() -> Vec<(String, Scenario)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    yaml_files(&here.join("scenarios"), &mut files);
    yaml_files(&here.join("../public/examples"), &mut files);
    files.sort();
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).expect("text");
        let scenario =
            text.contains("kind: Scenario").then(|| Scenario::parse(&text).expect("a scenario"))?;
        Some((file.file_name()?.to_string_lossy().into_owned(), scenario))
    };
    files.into_iter().filter_map(read).collect()
}

fn begin(scenario: &Scenario) -> Player {
    Player::new(scenario.clone(), 0).expect("a scenario that can be played")
}

/// The next moment at which there is a snapshot: programs end within moments.
fn saved(player: &mut Player) -> Vec<u8> {
    for _ in 0..1_000 {
        if let Some(bytes) = player.save() {
            return bytes;
        }
        player.advance_to(Time(player.now().0 + 50));
    }
    panic!("a program runs for ever")
}

#[test]
fn empty_lists_and_empty_objects_are_not_taken_for_each_other() {
    let shared_list = doc!([1, []]);
    let doc = doc!({ "a": {}, "b": [], "c": { "d": [], "e": {} }, "f": &shared_list, "g": &shared_list });
    let mut encoder = Encoder::default();
    doc.encode(&mut encoder);
    let read = Doc::decode(&mut Decoder::new(&encoder.into_bytes())).expect("it was just written");
    assert_eq!(read, doc);
    assert!(read["f"].same(&read["g"]), "what was shared is shared again");
}

#[test]
fn a_list_that_is_changed_leaves_its_copies_as_they_were() {
    let mut one = doc!({ "list": [{ "name": "a" }, { "name": "b" }] });
    let before = one.clone();
    one.at_mut(&["list"]).items_mut()[1].set("name", "c");
    one.at_mut(&["list"]).edit_items().insert(0, doc!({ "name": "d" }));
    one.at_mut(&["list"]).edit_items().retain(|item| item["name"] != doc!("a"));
    assert_eq!(before.to_json(), r#"{"list":[{"name":"a"},{"name":"b"}]}"#);
    assert_eq!(one.to_json(), r#"{"list":[{"name":"d"},{"name":"c"}]}"#);
    one.at_mut(&["list"]).edit_items().clear();
    one.at_mut(&["more"]).edit_items().push(Doc::Null);
    assert_eq!(one.to_json(), r#"{"list":[],"more":[null]}"#);
}

#[test]
fn what_is_read_again_goes_on_as_if_nothing_had_been() {
    let scenarios = scenarios();
    assert!(scenarios.len() > 15);
    for (name, scenario) in scenarios {
        let end = scenario.spec.until.map_or(120_000, |until| until.0).min(400_000);
        let mut whole = begin(&scenario);
        let mut copy = begin(&scenario);
        for moment in MOMENTS {
            let at = Time(end * moment / 100);
            copy.advance_to(at);
            let bytes = saved(&mut copy);
            whole.advance_to(copy.now());
            assert_eq!(copy.hash(), whole.hash(), "{name} at {} ms: the copy went another way", at.0);
            let read = Player::load(scenario.clone(), 0, &bytes).expect("it was just written");
            assert_eq!(read.log(), whole.log());
            copy = read;
        }
        copy.advance_to(Time(end));
        whole.advance_to(Time(end));
        assert_eq!(copy.hash(), whole.hash(), "{name} at the end");
        let verdicts =
            |player: &Player| player.expectations().map(|(_, verdict)| verdict).collect::<Vec<_>>();
        assert_eq!(verdicts(&copy), verdicts(&whole), "{name}");
        assert!(whole.results().ends_with(copy.results()), "{name}");
    }
}

#[test]
fn what_is_damaged_or_foreign_is_refused() {
    let scenario = Scenario::opening();
    let mut player = begin(&scenario);
    player.advance_to(Time(30_000));
    let bytes = saved(&mut player);
    let load = |bytes: &[u8]| Player::load(scenario.clone(), 0, bytes);
    for length in (0..bytes.len()).step_by(bytes.len() / 200) {
        assert!(load(&bytes[..length]).is_err(), "cut at {length}");
    }
    for at in (0..bytes.len()).step_by(bytes.len() / 200) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x15;
        assert!(load(&changed).is_err(), "changed at {at}");
    }
    let mut foreign = bytes.clone();
    foreign[1] = b'9';
    assert!(matches!(load(&foreign), Err(SnapshotError::OtherEngine(version)) if version.starts_with('9')));
}

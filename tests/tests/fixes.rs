//! What beginners write: said at the very character in the API server's words, and mended by one click so that the API
//! server takes it.

mod fields;
mod good;
mod missing;
mod shapes;
mod styles;
mod values;

use shared::scenario::{Scenario, StepAction};
use shared::session::fixes::Mender;
use shared::session::{Diagnoser, Diagnostic, Player, StepResult, diagnose};
use shared::sim::{Random, Time};

/// A good manifest, a part of it and what somebody wrote instead, where the fault is and how its message begins, and what
/// the fixes make of what was written; `None` where they make the good manifest again.
type Case = (&'static str, &'static str, &'static str, (u32, u32), &'static str, Option<&'static str>);

/// A cluster that lives.
fn lived() -> Player {
    let mut player = Player::new(Scenario::opening(), 0).expect("the opening can be played");
    player.advance_to(Time(30_000));
    player
}

/// A text applied to a cluster that lives.
fn apply(text: &str) -> StepResult {
    applied(&lived(), text)
}

/// A text applied to a copy of a cluster.
fn applied(player: &Player, text: &str) -> StepResult {
    let mut player = player.clone();
    let step = player.submit(StepAction::Apply(text.into()), Default::default());
    loop {
        assert!(player.step(), "it comes to an end");
        if let Some(result) = player.results().iter().find(|result| result.step == step) {
            return result.clone();
        }
    }
}

#[test]
fn what_beginners_write_is_said_where_it_is_and_mended() {
    let mut wrong = Vec::new();
    let tables = [fields::CASES, shapes::CASES, values::CASES, missing::CASES];
    let player = lived();
    for (good, part, written, place, message, fixed) in tables.concat() {
        assert_eq!(good.matches(part).count(), 1, "{part}");
        let text = good.replace(part, written);
        let expected = fixed.map_or_else(|| good.to_owned(), |fixed| good.replace(part, fixed));
        let mut result = applied(&player, &text);
        let Some(first) = result.diagnostics.first() else {
            wrong.push(format!("{written:?}: no fault: {}", result.stderr));
            continue;
        };
        if ((first.line, first.column), true) != (place, first.message.starts_with(message)) {
            wrong.push(format!("{written:?}: {first:?}"));
        }
        // What is said of a text may be several faults, each with its fix.
        let mut mended = text;
        for _ in 0..4 {
            let Some(fault) = result.diagnostics.first() else { break };
            let Some(fix) = Mender::new(&mended, std::slice::from_ref(fault)).fixes(fault).into_iter().next()
            else {
                wrong.push(format!("{written:?}: nothing mends {fault:?}"));
                break;
            };
            mended = fix.applied(&mended);
            result = applied(&player, &mended);
        }
        if result.exit_code != 0 || mended != expected {
            wrong.push(format!("{written:?}: {} came to\n{mended}", result.stderr));
        }
    }
    assert!(wrong.is_empty(), "{} faults\n{}", wrong.len(), wrong.join("\n"));
}

/// What hands that slip put into a text.
const SLIPS: &[&str] = &[
    "",
    " ",
    "  ",
    "\t",
    ":",
    ": ",
    "- ",
    "#",
    "\"",
    "'",
    "|",
    ">",
    "&a",
    "*a",
    "---\n",
    "[a, b]",
    "{x: 1}",
    "{",
    "]",
    "null",
    "80:80",
    "日本",
    "é",
    "\r",
    "\u{feff}",
    "1e9",
    "-1",
    "true",
    "apiVersion: v1",
    "kind: Pod\n",
    "\n",
    "\n\n",
    "      ",
];

/// A text in which something slipped: at any character, over a word or a line.
fn slipped(text: &str, random: &mut Random) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..1 + random.below(3) {
        let from = random.below(characters.len() as u64 + 1) as usize;
        let ends = |sign: char| characters[from..].iter().position(|one| *one == sign).map(|at| from + at);
        let to = match random.below(4) {
            0 => ends('\n').map_or(characters.len(), |end| end + 1),
            1 => ends(' ').unwrap_or(from),
            2 => (from + 1).min(characters.len()),
            _ => from,
        };
        let slip = match random.below(4) {
            // What stands elsewhere.
            0 => {
                let at = random.below(characters.len() as u64 + 1) as usize;
                characters[at..].iter().take(random.below(40) as usize).collect()
            }
            _ => SLIPS[random.below(SLIPS.len() as u64) as usize].to_owned(),
        };
        characters.splice(from..to, slip.chars());
    }
    characters.into_iter().collect()
}

#[test]
fn no_text_is_too_strange_to_look_for_what_mends_it() {
    let mut random = Random::stream(17, "slips");
    let all = |text: &str, faults: &[Diagnostic]| {
        let mender = Mender::new(text, faults);
        for fix in faults.iter().take(20).flat_map(|fault| mender.fixes(fault)) {
            fix.applied(text);
            let mut places: Vec<_> = fix.edits.iter().map(|edit| (edit.from, edit.to)).collect();
            places.sort();
            assert!(places.is_sorted_by(|one, next| one.1 <= next.0), "{fix:?} overlaps in:\n{text}");
        }
    };
    let player = lived();
    for round in 0..4_000 {
        let good = good::ALL[random.below(good::ALL.len() as u64) as usize];
        let text = slipped(good, &mut random);
        all(&text, &diagnose(&text));
        if round % 20 == 0 {
            all(&text, &applied(&player, &text).diagnostics);
        }
    }
}

const ITEMS: &str = "- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a}\n  data:\n    run: a && b\n# b\n\
    - {apiVersion: v1, kind: Namespace, metadata: {name: b}}\n-\n  apiVersion: v1\n  kind: Secret\n  metadata:\n    \
    name: c\n  stringData:\n    lines: |\n      - a\n      - b\n";

/// Lists as people and as kubectl write them.
fn lists() -> [String; 5] {
    let inner = ITEMS.lines().map(|line| format!("  {line}\n")).collect::<String>();
    [
        format!("apiVersion: v1\nkind: List\nitems:\n{ITEMS}"),
        format!("apiVersion: v1\nkind: List\nitems: # all\n\n{inner}"),
        format!("apiVersion: v1\nitems:\n{ITEMS}kind: List\nmetadata:\n  resourceVersion: \"\"\n"),
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: list}}\nitems:\n{ITEMS}"),
        format!(
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n{inner}{ITEMS}"
        ),
    ]
}

#[test]
fn a_text_that_is_diagnosed_after_every_key_is_told_the_same_as_at_once() {
    let mut random = Random::stream(18, "slips");
    for _ in 0..300 {
        let mut any = || good::ALL[random.below(good::ALL.len() as u64) as usize];
        let mut text = (0..3).map(|_| any()).collect::<Vec<_>>().join("---\n");
        if random.below(2) == 0 {
            let list = &lists()[random.below(5) as usize];
            text = if random.below(2) == 0 {
                format!("{list}---\n{text}")
            } else {
                format!("{text}---\n{list}")
            };
        }
        let mut diagnoser = Diagnoser::default();
        for _ in 0..6 {
            let found = diagnoser.diagnose(&text);
            assert_eq!(found.faults, diagnose(&text), "of:\n{text}");
            text = slipped(&text, &mut random);
        }
    }
}

#[test]
fn a_fault_in_an_item_of_a_list_is_marked_in_the_item() {
    let item = |name: &str| format!("- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: {name}\n");
    let found = apply(&format!("apiVersion: v1\nkind: List\nitems:\n{}{}", item("a"), item("B"))).diagnostics;
    let places: Vec<(u32, u32)> = found.iter().map(|fault| (fault.line, fault.column)).collect();
    assert_eq!(places, [(11, 11)], "{found:?}");
    let list =
        format!("apiVersion: v1\nkind: List\nitems:\n{}{}  dota: {{}}\n- kind: Job\n", item("a"), item("b"));
    let seen = diagnose(&list);
    let told: Vec<(u32, u32, &str)> =
        seen.iter().map(|fault| (fault.line, fault.column, fault.message.as_str())).collect();
    assert_eq!(told, [(12, 3, "unknown field \"dota\""), (13, 3, "apiVersion not set")]);

    let inner: String = list.lines().map(|line| format!("  {line}\n")).collect();
    let nested = format!("kind: List\napiVersion: v1\nitems:\n-\n{inner}{}", item("c"));
    let places = |found: Vec<Diagnostic>| found.iter().map(|at| (at.line, at.column)).collect::<Vec<_>>();
    assert_eq!(places(diagnose(&nested)), [(16, 5), (17, 5)]);
    let faults = diagnose(&nested);
    let fixes = Mender::new(&nested, &faults).fixes(&faults[0]);
    assert_eq!(fixes[0].applied(&nested), nested.replace("dota", "data"));
    let refused = nested
        .replace("dota: {}", "")
        .replace("- kind: Job", "")
        .replace("name: c", "name: C")
        .replace("name: b", "name: B");
    assert_eq!(places(apply(&refused).diagnostics), [(15, 13), (21, 11)]);
}

#[test]
fn of_a_list_the_item_that_changed_is_read_alone() {
    for list in &lists()[..3] {
        let mut diagnoser = Diagnoser::default();
        let text = format!("---\n{list}---\n{}", good::ALL[0]);
        assert_eq!(diagnoser.diagnose(&text).faults, [], "{text}");
        let changed = text.replace("kind: Secret", "kind: Secrets");
        let line =
            1 + changed.lines().position(|line| line.ends_with("Secrets")).expect("it is there") as u32;
        let found = diagnoser.diagnose(&changed);
        let faults: Vec<u32> = found.faults.iter().map(|fault| fault.line).collect();
        assert_eq!(faults, [line]);
        let piece = found.changed.expect("one item has changed");
        let place = changed.lines().position(|line| line.trim() == "-").expect("an empty dash") as u32;
        assert_eq!((piece.above, piece.has(line)), (place, true), "{changed}");
        let alone = piece.in_place();
        assert!(
            alone.lines().nth(line as usize - 1).is_some_and(|line| line.ends_with("Secrets")),
            "{alone}"
        );
        assert!(!alone.contains("Namespace") && diagnose(&alone).iter().any(|fault| fault.line == line));
    }
}

#[test]
fn what_is_no_anchor_does_not_make_a_text_one_whole() {
    let map = |name: &str, line: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata:\n  run: {line}\n---\n")
    };
    for (line, alone) in [
        ("a && b", true),
        ("'*/5 * * * *'", true),
        ("0 * * * *", true),
        ("q?a=1&b=*", true),
        ("&it x", true),
        ("[&it x, *it]", false),
        ("\"a\" # &it *it", false),
    ] {
        let mut diagnoser = Diagnoser::default();
        diagnoser.diagnose(&format!("{}{}", map("a", "x"), map("b", line)));
        let text = format!("{}{}", map("c", "x"), map("b", line));
        let changed = diagnoser.diagnose(&text).changed.map(|piece| piece.above);
        assert_eq!(changed, alone.then_some(0), "{line}");
    }
}

#[test]
fn a_text_of_very_many_pieces_is_read_once() {
    const MANY: u32 = 80_000;
    let documents: String = (0..MANY).map(|number| format!("---\na: {number}\n")).collect();
    let items = (0..MANY / 4).map(|number| format!("- apiVersion: v1\n  kind: C{number}\n"));
    let list = format!("apiVersion: v1\nkind: List\nitems:\n{}", items.collect::<String>());
    for (text, faults, last) in [(documents, MANY, 2 * MANY), (list, MANY / 4, 3 + MANY / 2)] {
        let found = Diagnoser::default().diagnose(&text).faults;
        assert_eq!((found.len() as u32, found.last().map(|fault| fault.line)), (faults, Some(last)));
    }
}

#[test]
fn a_resource_that_somebody_defined_is_told_its_own_faults() {
    let mut player = lived();
    let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: kites.sky.io}\n\
        spec:\n  group: sky.io\n  scope: Namespaced\n  names: {kind: Kite, plural: kites}\n  versions:\n  - name: v1\n    \
        served: true\n    storage: true\n    schema:\n      openAPIV3Schema:\n        type: object\n        properties:\n          \
        spec: {type: object, properties: {tail: {type: integer, maximum: 5}}}\n";
    player.submit(StepAction::Apply(definition.into()), Default::default());
    player.advance_to(Time(40_000));
    let kite = |spec: &str| {
        let text = format!("apiVersion: sky.io/v1\nkind: Kite\nmetadata: {{name: a}}\nspec:\n  {spec}\n");
        let found = applied(&player, &text).diagnostics;
        found
            .iter()
            .map(|fault| format!("{}:{} {}", fault.line, fault.column, fault.message))
            .collect::<Vec<_>>()
    };
    assert_eq!(kite("tail: 2"), [""; 0]);
    assert_eq!(kite("tial: 3"), ["5:3 unknown field \"spec.tial\""]);
    let long =
        "5:9 spec.tail: Invalid value: \"string\": spec.tail in body must be of type integer: \"string\"";
    assert_eq!(kite("tail: long"), [long]);
    let nine = "5:9 spec.tail: Invalid value: 9: spec.tail in body should be less than or equal to 5";
    assert_eq!(kite("tail: 9"), [nine]);
    assert_eq!(
        diagnose("apiVersion: sky.io/v1\nkind: Kite\n")[0].message,
        "no matches for kind \"Kite\" in version \"sky.io/v1\""
    );
}

#[test]
fn what_nobody_sees_is_told_as_it_is() {
    let first = |text: &str| {
        let fault = diagnose(text).remove(0);
        format!("{}:{} {}", fault.line, fault.column, fault.message)
    };
    let name = "apiVersion: v1\nkind: Namespace\nmetadata: {generateName: team-}\n";
    assert_eq!(first(name), "3:12 cannot use generate name with apply");
    assert_eq!(
        first("apiVersion: v1\nkind: Pod\u{a0}\n"),
        "2:7 no matches for kind \"Pod\\u00a0\" in version \"v1\""
    );
}

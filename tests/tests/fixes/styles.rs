//! What mends a manifest in lines mends it as JSON and in braces too, and leaves it as it was written.

use shared::doc::{Doc, parse_json};
use shared::manifest::{self, to_yaml};
use shared::session::fixes::Mender;
use shared::session::{Diagnostic, diagnose};

use super::good::DEPLOYMENT;
use super::{applied, fields, lived, missing, shapes, values};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Style {
    Pretty,
    OneLine,
    Braces,
    /// Only what is below the object's own fields.
    BracesBelow,
}

const ALL: [Style; 4] = [Style::Pretty, Style::OneLine, Style::Braces, Style::BracesBelow];

/// A value in braces, with quotes where it needs some.
fn braces(doc: &Doc) -> String {
    match doc {
        Doc::Map(map) => {
            let entries = map.entries().iter().map(|(key, value)| format!("{key}: {}", braces(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Doc::List(items) => format!("[{}]", items.iter().map(braces).collect::<Vec<_>>().join(", ")),
        Doc::Str(text) if text.contains([',', '[', ']', '{', '}']) => doc.to_json(),
        value => to_yaml(value).trim_end().to_owned(),
    }
}

fn written(doc: &Doc, style: Style) -> String {
    match style {
        Style::Pretty => format!("{}\n", doc.to_json_pretty()),
        Style::OneLine => doc.to_json(),
        Style::Braces => format!("{}\n", braces(doc)),
        Style::BracesBelow => {
            doc.entries().iter().map(|(key, value)| format!("{key}: {}\n", braces(value))).collect()
        }
    }
}

/// What is wrong with a mended text, if anything.
fn unlike(text: &str, mended: &str, style: Style) -> Option<&'static str> {
    let Ok(documents) = manifest::documents(mended) else { return Some("is no YAML") };
    let is_json = matches!(style, Style::Pretty | Style::OneLine);
    if is_json && parse_json(mended).is_err() {
        return Some("is no JSON");
    }
    let lines = |text: &str| text.lines().count();
    let [doc] = &documents[..] else { return None };
    let changed = match style {
        Style::Pretty => lines(mended) != lines(&doc.to_json_pretty()),
        Style::OneLine | Style::Braces => lines(mended) != lines(text),
        Style::BracesBelow => lines(mended).abs_diff(lines(text)) > 2,
    };
    changed.then_some("is written in another way")
}

#[test]
fn fixes_leave_a_text_in_the_style_in_which_it_was_written() {
    let player = lived();
    let told = |text: &str| -> (bool, Vec<Diagnostic>) {
        let result = applied(&player, text);
        let textual = if result.exit_code == 0 { Vec::new() } else { diagnose(text) };
        if textual.is_empty() { (false, result.diagnostics) } else { (true, textual) }
    };
    let (mut wrong, mut without, mut offered) = (Vec::new(), Vec::new(), 0);
    let tables = [fields::CASES, shapes::CASES, values::CASES, missing::CASES];
    for (good, part, other, ..) in tables.concat() {
        // What is no YAML has no other style.
        let Ok([doc]) =
            manifest::documents(&good.replace(part, other)).map(<[Doc; 1]>::try_from).unwrap_or(Err(vec![]))
        else {
            continue;
        };
        for style in ALL {
            let text = written(&doc, style);
            let (textual, faults) = told(&text);
            let mender = Mender::new(&text, &faults);
            for fault in &faults {
                let fixes = mender.fixes(fault);
                offered += fixes.len();
                if fixes.is_empty() {
                    without.push(format!("{style:?} {other:?}: {}", fault.message));
                }
                for fix in fixes {
                    let mended = fix.applied(&text);
                    let mut say = |why: String| {
                        wrong.push(format!("{style:?} {fix:?} {why}: {}\n{text}\n{mended}\n", fault.message))
                    };
                    if let Some(why) = unlike(&text, &mended, style) {
                        say(why.to_owned());
                        continue;
                    }
                    let (still, now) = told(&mended);
                    // What the API server says of a text is heard once the text alone has no fault.
                    let known = |one: &Diagnostic| {
                        textual && !still
                            || one.message != fault.message
                                && faults.iter().any(|old| old.message == one.message)
                    };
                    // What has another fault now is mended by a second click, as in lines.
                    let next = Mender::new(&mended, &now);
                    let ends = |one: &Diagnostic| one.message == fault.message || next.fixes(one).is_empty();
                    if let Some(one) = now.iter().find(|one| !known(one) && ends(one)) {
                        say(format!("has {one:?}"));
                    }
                }
            }
        }
    }
    println!("{offered} fixes, none of {}:\n{}", without.len(), without.join("\n"));
    assert!(wrong.is_empty(), "{} of {offered} fixes\n{}", wrong.len(), wrong.join("\n"));
}

/// A text, the fix that is chosen, and what becomes of it.
type Case = (&'static str, &'static str, &'static str);

const CASES: &[Case] = &[
    (
        r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"a"},"spec":{"port":[{"port":80}]}}"#,
        "fix_rename ports",
        r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"a"},"spec":{"ports":[{"port":80}]}}"#,
    ),
    (
        "{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"Service\",\n  \"metadata\": {\n    \"name\": \"a\"\n  },\n  \"spec\": {\n    \"port\": 80\n  }\n}\n",
        "fix_move ports",
        "{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"Service\",\n  \"metadata\": {\n    \"name\": \"a\"\n  },\n  \"spec\": {\n    \"ports\": [\n      {\n        \"port\": 80\n      }\n    ]\n  }\n}\n",
    ),
    (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, nodeSelector: {disk: ssd}, image: nginx}]}\n",
        "fix_move spec",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: nginx}], nodeSelector: {disk: ssd}}\n",
    ),
    (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  # One.\n  containers: [{name: a, image: nginx, nodeSelector: {disk: ssd}}]\n",
        "fix_move spec",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  # One.\n  containers: [{name: a, image: nginx}]\n  nodeSelector: {disk: ssd}\n",
    ),
    (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: }]}\n",
        "fix_add image: nginx",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: nginx }]}\n",
    ),
    (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: a\n    image: # which?\n",
        "fix_add image: nginx",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: a\n    image: nginx # which?\n",
    ),
    (
        "apiVersion:\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: nginx}]}\n",
        "fix_add apiVersion: v1",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: nginx}]}\n",
    ),
    (
        "apiVersion: v1\nkind: List\nitems:\n- kind: Pod\n  metadata: {name: a}\n  spec: {containers: [{name: a, image: nginx}]}\n",
        "fix_add apiVersion: v1",
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n  spec: {containers: [{name: a, image: nginx}]}\n",
    ),
    (
        "apiVersion: v1\nkind: Namespace\nmetadata: {generateName: team-}\n",
        "fix_rename name",
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: team}\n",
    ),
];

fn fixes(text: &str) -> Vec<(String, String)> {
    let faults = applied(&lived(), text).diagnostics;
    let mender = Mender::new(text, &faults);
    let all = faults.iter().flat_map(|fault| mender.fixes(fault));
    all.map(|fix| (format!("{} {}", fix.says, fix.of), fix.applied(text))).collect()
}

#[test]
fn fixes_change_no_more_than_they_must() {
    for (text, name, mended) in CASES {
        let found = fixes(text);
        let made = found.iter().find(|(of, _)| of == name).map(|(_, made)| made.as_str());
        assert_eq!(made, Some(*mended), "{name} of\n{text}\n{found:?}");
    }
}

#[test]
fn a_selector_comes_before_the_template_in_every_style_and_in_a_list() {
    let lacking = DEPLOYMENT.replace("  selector:\n    matchLabels:\n      app: shop\n", "");
    let doc = manifest::documents(&lacking).expect("it is YAML").remove(0);
    let good = manifest::documents(DEPLOYMENT).expect("it is YAML").remove(0);
    for style in ALL {
        assert_eq!(fixes(&written(&doc, style))[0].1, written(&good, style));
    }
    let item = |text: &str| {
        let inner: String = text.lines().map(|line| format!("  {line}\n")).collect();
        format!("apiVersion: v1\nkind: List\nitems:\n-{}", &inner[1..])
    };
    assert_eq!(fixes(&item(&lacking))[0].1, item(DEPLOYMENT));
    let list = |doc: &Doc| shared::doc!({ "apiVersion": "v1", "kind": "List", "items": vec![doc.clone()] });
    assert_eq!(fixes(&list(&doc).to_json())[0].1, list(&good).to_json());
}

#[test]
fn what_changes_nothing_is_not_offered() {
    let empty = "apiVersion: v1\nkind:\nmetadata: {name: a}\n";
    assert_eq!(fixes(empty), []);
}

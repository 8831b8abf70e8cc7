//! `kubectl diff`: the live objects beside what they would be.

use crate::api::LabelSelector;
use crate::cluster::HttpRequest;
use crate::collections::sort;
use crate::doc;
use crate::doc::{Doc, Str};
use crate::manifest;

use super::args::{Args, Flag, int64, switch, value};
use super::change::anew;
use super::failure::Failure;
use super::io::{Io, Stop};
use super::last_applied::{self, LAST_APPLIED};
use super::manifests::{self, Wanted};
use super::patch::three_way;
use super::prune;
use super::resource::{Target, escape};

pub(super) const FLAGS: &[Flag] = &[
    value("filename", Some('f')),
    value("selector", Some('l')),
    value("field-manager", None),
    int64("concurrency", None),
    switch("server-side", None),
    switch("force-conflicts", None),
    switch("show-managed-fields", None),
    switch("prune", None),
    value("prune-allowlist", None),
    switch("show-secrets", None),
];

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if !args.words.is_empty() {
        let words = args.words.join(" ");
        io.warn(format!("error: Unexpected args: [{words}]\nSee 'kubectl diff -h' for help and examples"));
        return Err(Stop::Exit(2));
    }
    if args.is_on("force-conflicts") && !args.is_on("server-side") {
        io.fail("--force-conflicts only works with --server-side");
        return Err(Stop::Exit(2));
    }
    let read = match manifests::read_once(args, "diff", io) {
        // One means that something differs.
        Err(Stop::Exit(_)) => return Err(Stop::Exit(2)),
        read => read?,
    };
    if !read.failures.is_empty() {
        io.finish(read.failures.clone()).ok();
        return Err(Stop::Exit(2));
    }
    let wanted = chosen(&read.wanted, args, io)?;
    let compared = io.each(&wanted, |object, io| compare(object, args, io))?;
    let mut failures = Vec::new();
    let mut differences: Vec<(String, String)> = Vec::new();
    for compared in compared {
        match compared {
            Ok(Doc::Null) => {}
            Ok(found) => differences.push((found["name"].str().to_string(), found["text"].str().to_string())),
            Err(refused) => failures.extend(refused),
        }
    }
    if args.is_on("prune") {
        let left = prune::left(&wanted, args, io, &mut failures)?;
        // What would go is shown whole.
        differences.extend(
            left.iter()
                .filter_map(|(target, object)| of(target, super::get::typed(target, object), Doc::Null, io)),
        );
    }
    // They lie in a folder, and come in the order of their files.
    sort(&mut differences);
    differences.iter().for_each(|(_, text)| io.print(text));
    let differs = !differences.is_empty();
    if !failures.is_empty() {
        let _ = io.finish(failures);
        return Err(Stop::Exit(2));
    }
    if differs { Err(Stop::Exit(1)) } else { Ok(()) }
}

/// The objects that the selector chooses, where one is given.
fn chosen<'a>(wanted: &'a [Wanted], args: &Args, io: &mut Io<'_>) -> Result<Vec<&'a Wanted>, Stop> {
    let Some(selector) = args.get("selector") else { return Ok(wanted.iter().collect()) };
    match LabelSelector::parse(selector) {
        Ok(chosen) => {
            Ok(wanted.iter().filter(|object| chosen.matches(&object.doc["metadata"]["labels"])).collect())
        }
        Err(why) => {
            io.fail(format!("the provided selector {selector:?} is not valid: {why}"));
            Err(Stop::Exit(2))
        }
    }
}

/// How an object differs from what is wanted of it: the name of its file and what differs, or nothing.
fn compare(object: &Wanted, args: &Args, io: &mut Io<'_>) -> Result<Result<Doc, Failure>, Stop> {
    let current = io.request(object.target.get())?;
    if !current.is_success() && current.code != 404 {
        return Ok(Err(Failure::of(&current)));
    }
    let live = if current.is_success() { current.body } else { Doc::Null };
    let merged = io.request(would(object, &live, args))?;
    if !merged.is_success() {
        return Ok(Err(Failure::of(&merged)));
    }
    let (mut live, mut merged) = (shown(live, args), shown(merged.body, args));
    if !args.is_on("show-secrets") {
        mask(&mut live, &mut merged);
    }
    let found = of(&object.target, live, merged, io);
    Ok(Ok(found.map_or(Doc::Null, |(name, text)| doc!({ "name": name, "text": text }))))
}

/// The request after which the server says what would be.
fn would(object: &Wanted, live: &Doc, args: &Args) -> HttpRequest {
    let target = &object.target;
    if args.is_on("server-side") {
        let manager = escape(args.get("field-manager").unwrap_or("kubectl"));
        let force = args.is_on("force-conflicts");
        return HttpRequest {
            method: "PATCH".into(),
            path: format!("{}?dryRun=All&fieldManager={manager}&force={force}", target.path()).into(),
            content_type: "application/apply-patch+yaml".into(),
            body: object.doc.to_json().into(),
            ..HttpRequest::default()
        };
    }
    // What it notes of itself is no difference.
    let mut modified = last_applied::noted(&object.doc);
    modified.at_mut(&["metadata", "annotations"]).remove(LAST_APPLIED);
    let query = "dryRun=All&fieldManager=kubectl-client-side-apply";
    if live.is_null() {
        let collection = Target { name: Str::new(), ..target.clone() };
        return HttpRequest {
            method: "POST".into(),
            path: format!("{}?{query}", collection.path()).into(),
            body: anew(object.doc.clone()).to_json().into(),
            ..HttpRequest::default()
        };
    }
    let patch = three_way(&last_applied::of(live).unwrap_or_default(), &modified, live);
    let way = if target.kind.known().is_some() { "strategic-merge" } else { "merge" };
    HttpRequest {
        method: "PATCH".into(),
        path: format!("{}?{query}", target.path()).into(),
        content_type: format!("application/{way}-patch+json").into(),
        body: patch.to_json().into(),
        ..HttpRequest::default()
    }
}

/// What of an object is compared.
fn shown(mut object: Doc, args: &Args) -> Doc {
    if object.is_null() {
        return object;
    }
    if !args.is_on("show-managed-fields") {
        object.at_mut(&["metadata"]).remove("managedFields");
    }
    object
}

/// The values of Secrets are nobody's business; only whether they change is shown.
fn mask(live: &mut Doc, merged: &mut Doc) {
    if [&*live, &*merged].iter().all(|object| object["kind"].as_str() != Some("Secret")) {
        return;
    }
    let (before, after) = (live["data"].clone(), merged["data"].clone());
    for (object, own, other, mark) in
        [(live, &before, &after, "*** (before)"), (merged, &after, &before, "*** (after)")]
    {
        for (key, value) in own.entries() {
            let changed = !other[key.as_str()].is_null() && other[key.as_str()] != *value;
            object.set_at(&["data", key], if changed { mark } else { "***" });
        }
    }
}

/// The name of the file, and the difference as `diff -u -N` shows it; nothing when there is none.
fn of(target: &Target, live: Doc, merged: Doc, io: &Io<'_>) -> Option<(String, String)> {
    let masked = target.kind.kind == "Secret";
    // What hides secrets makes something of nothing.
    let text = |doc: &Doc| match doc {
        Doc::Null if masked => "null\n".to_owned(),
        Doc::Null => String::new(),
        doc => manifest::to_yaml(doc),
    };
    let (live, merged) = (text(&live), text(&merged));
    let hunks = hunks(&live, &merged);
    if hunks.is_empty() {
        return None;
    }
    let kind = &target.kind;
    let group = if kind.group.is_empty() { String::new() } else { format!("{}.", kind.group) };
    let name = format!("{group}{}.{}.{}.{}", kind.version, kind.kind, target.namespace, target.name);
    let number = io.started.millis().rem_euclid(1_000_000_000);
    let (from, to) = (format!("/tmp/LIVE-{number}/{name}"), format!("/tmp/MERGED-{number}/{name}"));
    let stamp = io.started.rfc3339_micros().replace('T', " ").replace('Z', "000 +0000");
    let text = format!("diff -u -N {from} {to}\n--- {from}\t{stamp}\n+++ {to}\t{stamp}\n{hunks}");
    Some((name, text))
}

/// One line of both texts, or of one of them.
#[derive(Clone, Copy, PartialEq)]
enum Line<'t> {
    Both(&'t str),
    Old(&'t str),
    New(&'t str),
}

/// The lines of both texts in one order, as few as may be told apart.
fn merged<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<Line<'t>> {
    // What both begin and end with needs no table.
    let start = old.iter().zip(new).take_while(|(one, two)| one == two).count();
    let tail = old[start..].iter().rev().zip(new[start..].iter().rev());
    let end = tail.take_while(|(one, two)| one == two).count();
    let (left, right) = (&old[start..old.len() - end], &new[start..new.len() - end]);
    // Texts that have little in common are told one after the other.
    const LARGEST: usize = 1 << 22;
    let (left, right) = if left.len() * right.len() > LARGEST {
        let mut lines: Vec<Line<'t>> = old[..start].iter().map(|line| Line::Both(line)).collect();
        lines.extend(left.iter().map(|line| Line::Old(line)));
        lines.extend(right.iter().map(|line| Line::New(line)));
        lines.extend(old[old.len() - end..].iter().map(|line| Line::Both(line)));
        return lines;
    } else {
        (left, right)
    };
    let width = right.len() + 1;
    let mut longest = vec![0u32; (left.len() + 1) * width];
    for (at, line) in left.iter().enumerate().rev() {
        for (other, same) in right.iter().enumerate().rev() {
            longest[at * width + other] = if line == same {
                longest[(at + 1) * width + other + 1] + 1
            } else {
                longest[(at + 1) * width + other].max(longest[at * width + other + 1])
            };
        }
    }
    let mut lines: Vec<Line<'t>> = old[..start].iter().map(|line| Line::Both(line)).collect();
    let (mut at, mut other) = (0, 0);
    while at < left.len() || other < right.len() {
        if at < left.len() && other < right.len() && left[at] == right[other] {
            lines.push(Line::Both(left[at]));
            (at, other) = (at + 1, other + 1);
        } else if other == right.len()
            || at < left.len() && longest[(at + 1) * width + other] >= longest[at * width + other + 1]
        {
            lines.push(Line::Old(left[at]));
            at += 1;
        } else {
            lines.push(Line::New(right[other]));
            other += 1;
        }
    }
    lines.extend(old[old.len() - end..].iter().map(|line| Line::Both(line)));
    lines
}

/// Changes with three lines around them.
fn hunks(old: &str, new: &str) -> String {
    const AROUND: usize = 3;
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let lines = merged(&old, &new);
    let is_change = |line: &Line<'_>| !matches!(line, Line::Both(_));
    let mut text = String::new();
    let mut at = 0;
    while let Some(first) = lines[at..].iter().position(is_change).map(|found| at + found) {
        let begin = first.saturating_sub(AROUND).max(at);
        let mut last = first;
        while let Some(next) = lines[last + 1..].iter().position(is_change).map(|found| last + 1 + found) {
            if next - last > 2 * AROUND + 1 {
                break;
            }
            last = next;
        }
        let end = (last + AROUND + 1).min(lines.len());
        let count = |lines: &[Line<'_>], old: bool| {
            let counts = |line: &&Line<'_>| match line {
                Line::Both(_) => true,
                Line::Old(_) => old,
                Line::New(_) => !old,
            };
            lines.iter().filter(counts).count()
        };
        let range = |old: bool| {
            let (before, length) = (count(&lines[..begin], old), count(&lines[begin..end], old));
            let from = if length == 0 { before } else { before + 1 };
            if length == 1 { from.to_string() } else { format!("{from},{length}") }
        };
        text.push_str(&format!("@@ -{} +{} @@\n", range(true), range(false)));
        for line in &lines[begin..end] {
            let (mark, line) = match line {
                Line::Both(line) => (' ', line),
                Line::Old(line) => ('-', line),
                Line::New(line) => ('+', line),
            };
            text.push_str(&format!("{mark}{line}\n"));
        }
        at = end;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::hunks;

    #[test]
    fn hunks_are_those_of_diff() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\n";
        let cases = [
            (old.to_owned(), String::new()),
            (old.replace("b\n", "B\n"), "@@ -1,5 +1,5 @@\n a\n-b\n+B\n c\n d\n e\n".to_owned()),
            (
                old.replace("b\n", "").replace("m\n", "m\nn\n"),
                "@@ -1,5 +1,4 @@\n a\n-b\n c\n d\n e\n@@ -11,3 +10,4 @@\n k\n l\n m\n+n\n".to_owned(),
            ),
            (
                old.replace("d\n", "D\n").replace("i\n", "I\n"),
                "@@ -1,12 +1,12 @@\n a\n b\n c\n-d\n+D\n e\n f\n g\n h\n-i\n+I\n j\n k\n l\n".to_owned(),
            ),
        ];
        for (new, expected) in cases {
            assert_eq!(hunks(old, &new), expected);
        }
        assert_eq!(hunks("", "a\nb\n"), "@@ -0,0 +1,2 @@\n+a\n+b\n");
    }
}

//! House rules that the compiler does not check: who may know whom inside `shared`, no order by chance there, and how
//! long a file may get.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The modules of `shared`, lowest first, each with the modules that its code may name besides its own.
/// The components (scheduler to kubelet) meet the others only through the API server, which they know as `client`;
/// `cluster` alone wires them together.
const MAY_KNOW: &[(&str, &str)] = &[
    // What a cluster is made of; one foundation in five parts.
    ("collections", "sim"),
    ("codec", "collections doc"),
    ("doc", "codec collections sim"),
    ("sim", "api codec collections doc"),
    ("api", "codec collections doc sim"),
    // The way in.
    ("etcd", "api codec collections doc sim"),
    ("schema", "api collections doc sim"),
    ("manifest", "api collections doc sim"),
    ("apiserver", "api codec collections doc etcd manifest schema sim"),
    ("client", "api apiserver codec collections doc sim"),
    // The components.
    ("scheduler", "api client codec collections doc sim"),
    ("controllers", "api client codec collections doc sim"),
    ("network", "api client codec collections doc sim"),
    ("runtime", "api client codec collections doc network sim"),
    ("kubelet", "api client codec collections doc network runtime sim"),
    (
        "cluster",
        "api apiserver client codec collections controllers doc etcd kubelet network runtime scheduler sim",
    ),
    // Those who use a cluster: from outside, or looking at its state.
    ("kubectl", "api cluster collections doc manifest schema sim"),
    ("explain", "api cluster collections controllers doc etcd kubelet network scheduler sim"),
    ("scenario", "api cluster codec collections doc explain kubectl manifest sim"),
    ("lesson", "api cluster collections doc explain kubectl manifest scenario sim"),
    ("session", "api cluster codec collections doc explain kubectl lesson manifest scenario schema sim"),
];

const LONGEST_FILE_LINES: usize = 700;

#[test]
fn modules_of_the_engine_know_only_those_below_them() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        MAY_KNOW.iter().map(|(module, known)| (*module, known.split(' ').collect())).collect();
    let mut offences = Vec::new();
    for file in rust_files("shared/src") {
        let Some(module) = module_of(&file) else { continue };
        let Some(known) = allowed.get(module.as_str()) else {
            offences.push(format!("{}: the module `{module}` is not in MAY_KNOW", file.display()));
            continue;
        };
        let code = read(&file);
        for (line, name) in names_from_the_root(without_tests(&code)) {
            if name != module && allowed.contains_key(name) && !known.contains(name) {
                let file = file.display();
                offences
                    .push(format!("{file}:{line}: `{module}` may not know `{name}` (tests/tests/tidy.rs)"));
            }
        }
    }
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

#[test]
fn the_table_of_modules_has_no_strangers() {
    let names: BTreeSet<&str> = MAY_KNOW.iter().map(|(module, _)| *module).collect();
    for (module, known) in MAY_KNOW {
        for name in known.split(' ') {
            assert!(names.contains(name), "`{module}` may know `{name}`, which is no module");
        }
    }
}

#[test]
fn files_stay_short() {
    let files = ["shared", "frontend", "backend", "tests"].into_iter().flat_map(rust_files);
    let long: Vec<String> = files
        .filter_map(|file| {
            let code = read(&file);
            let lines = without_tests(&code).lines().count();
            (lines > LONGEST_FILE_LINES).then(|| format!("{}: {lines} lines", file.display()))
        })
        .collect();
    assert!(long.is_empty(), "longer than {LONGEST_FILE_LINES} lines without tests:\n{}", long.join("\n"));
}

/// Clippy says the same (`shared/clippy.toml`), but can be silenced line by line.
#[test]
fn the_engine_has_no_order_by_chance() {
    let mut offences = Vec::new();
    for file in rust_files("shared") {
        for (index, line) in read(&file).lines().enumerate() {
            let code = code_of(line);
            for banned in ["HashMap", "HashSet", "allow(clippy::disallowed"] {
                if code.contains(banned) {
                    offences.push(format!("{}:{}: {banned}", file.display(), index + 1));
                }
            }
        }
    }
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

#[test]
fn names_are_found_in_every_form_of_import() {
    let code = "use crate::{api::{Key, etcd}, doc, sim::Time};\n// crate::cluster\nlet x = crate::client::new();\n\
                use crate::{\n    kubelet,\n    network::{a, b},\n};\nuse super::scheduler;\n";
    let names: Vec<_> = names_from_the_root(code).collect();
    assert_eq!(names, [(1, "api"), (1, "doc"), (1, "sim"), (3, "client"), (4, "kubelet"), (4, "network")]);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository")
}

/// All Rust files under `directory`, as paths from the root of the repository.
fn rust_files(directory: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut directories = vec![root().join(directory)];
    while let Some(next) = directories.pop() {
        let entries = fs::read_dir(&next).unwrap_or_else(|error| panic!("{}: {error}", next.display()));
        for entry in entries {
            let path = entry.expect("a readable directory").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path.strip_prefix(root()).expect("it lies below").to_owned());
            }
        }
    }
    files.sort();
    assert!(!files.is_empty(), "no Rust files in {directory}");
    files
}

fn read(file: &Path) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// `shared/src/etcd/raft.rs` and `shared/src/etcd.rs` are `etcd`; `lib.rs` belongs to nobody.
fn module_of(file: &Path) -> Option<String> {
    let first = file.strip_prefix("shared/src").ok()?.components().next()?;
    let name = Path::new(first.as_os_str()).file_stem()?.to_str()?;
    (name != "lib").then(|| name.to_owned())
}

/// The code above the tests, which by our custom come last.
fn without_tests(code: &str) -> &str {
    let tests = code.match_indices("#[cfg(test)]\n").find(|(at, tag)| {
        let rest = code[at + tag.len()..].lines().find(|line| !line.starts_with("#["));
        rest.is_some_and(|line| line.starts_with("mod ") && line.ends_with('{'))
    });
    tests.map_or(code, |(at, _)| &code[..at])
}

/// The line without its comment. Our code has no `//` inside texts that also name paths.
fn code_of(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// Every name that follows `crate::`, also inside braces, with the line of the `crate::`.
fn names_from_the_root(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.match_indices("crate::").flat_map(|(at, prefix)| {
        let line_start = code[..at].rfind('\n').map_or(0, |end| end + 1);
        let line = code[..at].matches('\n').count() + 1;
        let commented = code[line_start..at].contains("//");
        let names = if commented { Vec::new() } else { leading_names(&code[at + prefix.len()..]) };
        names.into_iter().map(move |name| (line, name))
    })
}

/// `a::b` gives `a`; `{a, b::{c, d}}` gives `a` and `b`.
fn leading_names(path: &str) -> Vec<&str> {
    let Some(list) = path.strip_prefix('{') else { return identifier(path).into_iter().collect() };
    let mut names = Vec::new();
    let (mut depth, mut item) = (0_usize, 0);
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.extend(identifier(list[item..at].trim_start()));
                item = at + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

fn identifier(path: &str) -> Option<&str> {
    let end =
        path.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(path.len());
    (end > 0).then(|| &path[..end])
}

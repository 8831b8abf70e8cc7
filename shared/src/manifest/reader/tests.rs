use super::*;
use crate::doc::{Path, Segment, parse_json};

fn json(text: &str) -> Vec<String> {
    parse(text)
        .unwrap_or_else(|why| panic!("{why}\n{text}"))
        .iter()
        .map(|document| document.doc.to_json())
        .collect()
}

fn path(text: &str) -> Path {
    let mut path = Path::default();
    for part in text.split('.') {
        let (key, index) = part.split_once('[').map_or((part, None), |(key, index)| (key, Some(index)));
        path.0.push(Segment::Key(key.into()));
        if let Some(index) = index {
            path.0.push(Segment::Index(index.trim_end_matches(']').parse().unwrap()));
        }
    }
    path
}

#[test]
fn reads_documents() {
    let cases: &[(&str, &[&str])] = &[
        ("a: 1\n---\nb: [yes, 'yes', \"1\"]\n", &["{\"a\":1}", "{\"b\":[true,\"yes\",\"1\"]}"]),
        ("---\n# nothing\n---\n~\n---\na: b\n...\n", &["{\"a\":\"b\"}"]),
        ("", &[]),
        (
            "\u{feff}a: 1\r\nb: |\r\n  x\r\n  y\r\nc: >-\r\n  p\r\n  q\r\n",
            &["{\"a\":1,\"b\":\"x\\ny\\n\",\"c\":\"p q\"}"],
        ),
        (
            "{\"a\": {\"b\": [1.5, null, \"\\u00e9\"]}, \"c\": true}",
            &["{\"a\":{\"b\":[1.5,null,\"é\"]},\"c\":true}"],
        ),
        ("yes: 1\n0644: 2\n1.5: 3\n\"1\": 4\n", &["{\"1\":4,\"1.5\":3,\"420\":2,\"true\":1}"]),
        ("a: !!str 1\nb: !!int \"2\"\nc: !mine x\n", &["{\"a\":\"1\",\"b\":2,\"c\":\"x\"}"]),
        ("a: &x {k: 1}\nb: *x\n", &["{\"a\":{\"k\":1},\"b\":{\"k\":1}}"]),
        (
            "a: &x {k: 1, l: 1}\nb:\n  <<: *x\n  k: 2\n",
            &["{\"a\":{\"k\":1,\"l\":1},\"b\":{\"k\":2,\"l\":1}}"],
        ),
        ("<<: [{a: 1}, {a: 2, b: 2}]\n", &["{\"a\":1,\"b\":2}"]),
        ("a: {k: 2, <<: {k: 1}}\n", &["{\"a\":{\"k\":1}}"]),
        ("'<<': 1\n", &["{\"<<\":1}"]),
        ("a:\nb:\n- \n- - 1\n", &["{\"a\":null,\"b\":[null,[1]]}"]),
        ("a: http://x:8080/?q={a}\nb: x#y\n", &["{\"a\":\"http://x:8080/?q={a}\",\"b\":\"x#y\"}"]),
    ];
    for (text, expected) in cases {
        assert_eq!(json(text), *expected, "{text}");
    }
}

#[test]
fn reads_json_values_one_after_the_other() {
    let cases: &[(&str, &[&str])] = &[
        ("{\"a\":1}{\"b\":2}", &["{\"a\":1}", "{\"b\":2}"]),
        ("\u{feff}\n{\n  \"a\": 1\n}\n{\n  \"b\": 2\n}\n", &["{\"a\":1}", "{\"b\":2}"]),
        ("{\"a\":1}\r\n{\"b\":2}\r\n[3] null", &["{\"a\":1}", "{\"b\":2}", "[3]"]),
        ("{\"a\":1} {b: 2}\n---\nc: 3\n", &["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"]),
    ];
    for (text, expected) in cases {
        assert_eq!(json(text), *expected, "{text}");
    }
    let documents = parse("{\"a\": 1}  {\"é\": 1, \"b\":\n [2,\n 3]}\n{\"c\": 4}").unwrap();
    for (document, path_of, line, column) in
        [(0, "a", 1, 7), (1, "é", 1, 17), (1, "b[0]", 2, 3), (1, "b[1]", 3, 2), (2, "c", 4, 7)]
    {
        let spans = &documents[document].spans;
        let at = spans.value(&path(path_of)).start;
        assert_eq!((at.line, at.column), (line, column), "{path_of}");
    }
    for (text, line, column, message) in [
        ("{\"a\":1}\n {\"b\":2,, }", 2, 9, "a value is missing: expected one here"),
        (
            "{\"a\":1}{\"b\":2}\n  {c: 3}",
            2,
            3,
            "this is no JSON, and the values before it are: expected JSON, or all of them as YAML",
        ),
    ] {
        let why = parse(text).map(|documents| documents.len()).expect_err(text);
        assert_eq!((why.line, why.column, &*why.message), (line, column, message), "{text}");
    }
}

#[test]
fn finds_places() {
    let text = "kind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n      - name: web\n        image: nginx\n  \
                labels: {app.kubernetes.io/name: x}\n";
    let document = &parse(text).unwrap()[0];
    let at = |span: Span| (span.start.line, span.start.column, span.end.line, span.end.column);
    let spans = &document.spans;
    let image = path("spec.template.spec.containers[0].image");
    assert_eq!(at(spans.value(&image)), (7, 16, 7, 21));
    assert_eq!(at(spans.key(&image)), (7, 9, 7, 14));
    assert_eq!(spans.field("spec.template.spec.containers[0].image"), spans.value(&image));
    assert_eq!(at(spans.field("spec.labels.app.kubernetes.io/name")), (8, 36, 8, 37));
    assert_eq!(at(spans.field("spec.labels[app.kubernetes.io/name]")), (8, 36, 8, 37));
    assert_eq!(at(spans.value(&path("spec.template.spec.containers[0]"))), (6, 9, 7, 21));
    // What is not there is shown at the key above.
    assert_eq!(at(spans.value(&path("spec.template.spec.containers[1].name"))), (5, 7, 5, 17));
    assert_eq!(at(spans.field("spec.selector.matchLabels")), (2, 1, 2, 5));
    assert_eq!(spans.value(&Path::default()), spans.root());
    let aliased = &parse("a: &x {k: 1}\nb: *x\n").unwrap()[0];
    assert_eq!(at(aliased.spans.value(&path("b"))), (2, 4, 2, 6));
    assert_eq!(at(aliased.spans.value(&path("b.k"))), (1, 11, 1, 12));
}

#[test]
fn says_what_was_expected_and_where() {
    let cases: &[(&str, u32, u32, &str)] = &[
        ("a:\n\tb: 1\n", 2, 1, "this line is indented with a tab: expected spaces"),
        ("a:\n  b: 1\n\tc: 2\n", 3, 1, "this line is indented with a tab: expected spaces"),
        ("a:\tb\n", 1, 3, "this is a tab: expected a space"),
        ("a: 1\nb:2\nc: 3\n", 2, 3, "expected a space after the colon"),
        ("a: 1\nb:2\n", 2, 3, "expected a space after the colon"),
        ("b:2\nc: 3\n", 1, 3, "expected a space after the colon"),
        ("x:\n- image:nginx\n  name: c\n", 2, 9, "expected a space after the colon"),
        ("a:\n  -b\n  -c: 1\n", 2, 4, "a list item begins here: expected a space after the dash"),
        (
            "kind: Pod\n metadata: {name: p\n",
            2,
            2,
            "this line is indented by 1 space, but the line above already has its value: expected 0",
        ),
        (
            "a:\n  b: 1\n    c: 2\n",
            3,
            5,
            "this line is indented by 4 spaces, but the line above already has its value: expected 2",
        ),
        (
            "a:\n    b: 1\n  c: 2\n",
            3,
            3,
            "this line is indented by 2 spaces, which fits no line above: expected 0 or 4",
        ),
        ("a: 1\n- b\n", 2, 1, "a list item cannot stand here: expected a key like those above"),
        ("a: b: c\n", 1, 5, "a second ': ' on this line: expected quotes around a value that holds one"),
        (
            "a: b\nfoo\nc: d\n",
            2,
            4,
            "this line is no 'key: value': expected a colon and a space after the key",
        ),
        ("a: 1\nb: 2\na: 3\n", 3, 1, "the key \"a\" is already set on line 1: expected each key once"),
        ("a: \"x\nb: 1\n", 1, 4, "this quote is never closed: expected another \" after the text"),
        ("a: {b: 'x}\n", 1, 8, "this quote is never closed: expected another ' after the text"),
        (
            "a: \"x\" y\n",
            1,
            8,
            "text stands after the closing quote: expected all of the value inside the quotes",
        ),
        ("a: {b: c\nd: e\n", 1, 4, "this '{' is never closed: expected ',' or '}' after its last value"),
        ("a: [1, 2\nb: 3\n", 1, 4, "this '[' is never closed: expected ',' or ']' after its last value"),
        ("a: [1, 2", 1, 4, "this '[' is never closed: expected ',' or ']' after its last value"),
        ("{\"a\": 1,, \"b\": 2}\n", 1, 9, "a value is missing: expected one here"),
        (
            "a: *x\n",
            1,
            4,
            "nothing above is marked '&x': expected that, or quotes around a text that begins with '*'",
        ),
        (
            "a: &x [*x]\n",
            1,
            8,
            "this alias stands inside the value that it means: expected one that is complete",
        ),
        (
            "a: &x 1\n---\nb: *x\n",
            3,
            4,
            "what this alias means is marked in another document: expected that in this one",
        ),
        (
            "a: {b: *x}\n",
            1,
            8,
            "nothing above is marked '&x': expected that, or quotes around a text that begins with '*'",
        ),
        ("a: 1\nb: \"x\0y\"\n", 2, 6, "this is a control character: expected text"),
        ("a: 1\n\0\n", 2, 1, "this is a control character: expected text"),
        ("a: @x\n", 1, 4, "a value cannot begin with '@': expected quotes around it"),
        (
            "a: {{ .Values.x }}\n",
            1,
            5,
            "expected a key that is plain text: quote a text that begins with '{' or '['",
        ),
        ("~: x\n", 1, 1, "expected a key that is plain text: this one is empty or no text"),
        ("a: .inf\n", 1, 4, ".inf is no number that JSON can hold: expected a finite one"),
        ("a: !!int x\n", 1, 4, "the tag !!int does not fit the value x"),
        ("<<: 1\n", 1, 5, "expected a mapping, or a list of mappings, to merge after '<<:'"),
        ("a: ]\n", 1, 4, "this bracket closes nothing: expected quotes around a value that begins with it"),
        (
            "a: \"\\d\"\n",
            1,
            4,
            "a backslash in this double-quoted text begins no escape that YAML knows: expected \\\\ for a backslash, or single quotes around the text",
        ),
    ];
    for (text, line, column, message) in cases {
        let why = parse(text).map(|documents| documents.len()).expect_err(text);
        assert_eq!((why.line, why.column, why.message.as_str()), (*line, *column, *message), "{text}");
    }
}

#[test]
fn a_loose_reader_lets_the_last_of_equal_keys_count() {
    let cases: [(&str, &str, &[&str]); 4] = [
        ("a: 1\nb: 2\n", r#"{"a":1,"b":2}"#, &[]),
        (
            "b: 1\na: {x: 1, x: 2}\nb: 3\n",
            r#"{"a":{"x":2},"b":3}"#,
            &["line 2: key \"x\" already set in map", "line 3: key \"b\" already set in map"],
        ),
        ("<<: {a: 1}\na: 2\n", r#"{"a":2}"#, &[]),
        (
            "a: 1\na: 2\na: 3\n",
            r#"{"a":3}"#,
            &["line 2: key \"a\" already set in map", "line 3: key \"a\" already set in map"],
        ),
    ];
    for (text, wanted, repeated) in cases {
        let (documents, faults) = parse_loosely(text).expect(text);
        assert_eq!(documents[0].doc.to_json(), wanted);
        assert_eq!(faults.iter().map(|fault| fault.kubectl.as_str()).collect::<Vec<_>>(), repeated, "{text}");
        assert_eq!(parse(text).is_ok(), repeated.is_empty(), "{text}");
    }
}

#[test]
fn hostile_text_is_refused_within_bounds() {
    let laughs: String = (1..30).fold("a0: &a0 [x]\n".to_owned(), |text, n| {
        let m = n - 1;
        format!("{text}a{n}: &a{n} [*a{m},*a{m},*a{m},*a{m},*a{m}]\n")
    });
    let merges: String = (1..30).fold("a0: &a0 {k0: x}\n".to_owned(), |text, n| {
        let m = n - 1;
        format!("{text}a{n}: &a{n} {{k{n}: *a{m}, l: {{<<: *a{m}}}, m: *a{m}}}\n")
    });
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1_000_000), "*a,".repeat(100));
    let deep_alias =
        format!("a: &a {}1{}\nb: {}*a{}\n", "[".repeat(40), "]".repeat(40), "[".repeat(40), "]".repeat(40));
    let cases = [
        ("[".repeat(100_000), "nested too deeply"),
        ("{a: ".repeat(100_000), "nested too deeply"),
        ("- ".repeat(100_000), "nested too deeply"),
        ("[\n".repeat(100_000), "nested too deeply"),
        (laughs, "too large"),
        (merges, "too large"),
        (long, "too large"),
        (deep_alias, "nested too deeply"),
        ("- x\n".repeat(600_000), "too large"),
        (" ".repeat(MAX_BYTES + 1), "too large"),
    ];
    for (text, message) in cases {
        let why = parse(&text).map(|documents| documents.len()).unwrap_err();
        assert!(why.message.contains(message), "{why}\n{}", &text[..60]);
    }
    let deepest = format!("{}1{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert_eq!(json(&deepest), [deepest]);
}

#[test]
fn json_reads_as_json_does() {
    let text = "{\"a\":[{\"b\":\"x: y # z\"},[],{},\"\",-1,2.5,\"\\n\\\"\\\\/\"],\"k\":\"名\"}";
    assert_eq!(parse(text).unwrap()[0].doc, parse_json(text).unwrap());
}

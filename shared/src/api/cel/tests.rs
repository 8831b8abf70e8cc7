use super::{AUTHORIZER, Names, Program, Type, authorizer};
use crate::doc;
use crate::doc::Doc;
use crate::sim::Random;

fn evaluated(text: &str) -> Result<Doc, String> {
    let object = doc!({
        "name": "web", "replicas": 3i64, "min": 1i64, "ratio": 0.5, "on": true, "none": [], "a-b": 1i64,
        "ports": [{ "name": "http", "port": 80i64 }, { "name": "admin", "port": 8080i64 }],
        "labels": { "app": "web", "tier": "front" }, "tags": ["a", "b"]
    });
    let names = Names::from_iter([("self", object)]);
    Program::read(text, &["self"])?.evaluate(&names, None).value
}

#[test]
fn what_holds_holds() {
    let all = [
        "self.replicas >= self.min && self.replicas < 10",
        "1 + 2 * 3 - 4 / 2 % 3 == 5",
        "-self.min == -1 && !(self.on == false)",
        "self.ratio < 1 && self.ratio * 2.0 == 1.0",
        "self.name == 'web' && self.name + \"-1\" == 'web-1'",
        "has(self.name) && !has(self.missing)",
        "'app' in self.labels && !('x' in self.labels) && 'a' in self.tags && !(3 in [1, 2])",
        "self.labels['tier'] == 'front' && self.tags[1] == 'b' && self.labels.app.size() == 3",
        "size(self.none) == 0 && size('äö') == 2 && size(self.labels) == 2",
        "self.on ? self.replicas == 3 : 1 / 0 == 1",
        "true || 1 / 0 == 1",
        "1 / 0 == 1 || true",
        "!(1 / 0 == 1 && false)",
        "self.ports.all(p, p.port > 0 && p.name != '')",
        "self.ports.exists(p, p.name == 'http') && self.ports.exists_one(p, p.port == 80)",
        "self.ports.filter(p, p.port > 100).map(p, p.name) == ['admin']",
        "self.ports.map(p, p.port < 100, p.name + '!')[0] == 'http!'",
        "self.labels.all(key, self.labels[key].startsWith('w') || key == 'tier')",
        "self.ports.all(p, self.ports.exists_one(q, q.name == p.name))",
        "self.name.startsWith('w') && self.name.endsWith('b') && self.name.contains('e') && self.name.matches('^w.b$')",
        "self.name.upperAscii() == 'WEB' && 'a,b'.split(',') == self.tags && self.tags.join('-') == 'a-b'",
        "'kube'.substring(1, 3) == 'ub' && 'kube'.indexOf('b') == 2 && 'aXa'.replace('a', 'b') == 'bXb'",
        "string(5) == '5' && int('7') == 7 && double(2) == 2.0 && int(2.9) == 2",
        "duration('90m') > duration('1h') && timestamp('2026-01-01T00:00:00Z') < timestamp('2026-01-01T00:00:01Z')",
        "quantity('1Gi').isGreaterThan(quantity('500Mi')) && isQuantity('3k') && !isQuantity('x')",
        "[3, 1, 2].max() == 3 && [1, 2].isSorted() && [1, 2].sum() == 3",
        "self.a__dash__b == 1",
        "r'\\d' + '\\n' + '''x''' == '\\\\d\\nx' // the same",
        "type(self.name) == string && type(self.min) != string && type(self.tags) == list",
        "self.?missing.orValue(7) == 7 && self.labels.?app.value() == 'web' && !self.?missing.?below.hasValue()",
        "self.labels[?'x'].or(optional.of('y')).value() == 'y' && optional.none().orValue(1) == 1",
        "self.?labels.app.orValue('') == 'web' && !optional.ofNonZeroValue('').hasValue()",
        "sets.contains(self.tags, ['b']) && sets.intersects([1], [1, 2]) && sets.equivalent(['b', 'a', 'a'], self.tags)",
        "isIP('10.0.0.1') && !isIP('10.0.0') && !isIP('::ffff:1.2.3.4') && ip('::1').isLoopback() && ip('1.1.1.1').family() == 4",
        "isCIDR('10.0.0.0/8') && !isCIDR('10.0.0.0/33') && cidr('10.0.0.0/8').containsIP('10.1.2.3')",
        "!cidr('10.0.0.0/8').containsIP(ip('11.0.0.1')) && cidr('0.0.0.0/0').containsCIDR('10.0.0.0/8') && cidr('fd00::/8').prefixLength() == 8",
        "isURL('https://example.com/a') && isURL('/a') && !isURL('example.com')",
        "timestamp('2026-01-01T00:00:00Z') + duration('1h') == timestamp('2026-01-01T01:00:00Z')",
        "(timestamp('2026-01-02T00:00:00Z') - timestamp('2026-01-01T00:00:00Z')).getHours() == 24",
        "[1, 2.0] == [1.0, 2] && {'a': 1}.a == 1 && null == null",
        "b'äb'.size() == 3 && bytes('a') + b'\\xff' == b'a\\377' && string(b'web') == self.name && b'a' < b'b'",
        "type(b'') == bytes && bytes(b'x') == b\"x\" && '%x %s'.format([b'\\x0a', b'hi']) == '0a hi'",
        "timestamp('2026-07-01T12:00:00Z').getHours('America/New_York') == 8 && timestamp('2026-07-01T20:00:00Z').getDate('Asia/Tokyo') == 2",
        // Two names: place or key, and item.
        "self.tags.all(i, tag, self.tags[i] == tag) && self.labels.exists(k, v, k == 'app' && v == 'web')",
        "self.labels.existsOne(k, v, v == 'front') && !self.tags.exists(i, tag, i > 1)",
        "self.tags.transformList(i, tag, tag + string(i)) == ['a0', 'b1'] && self.tags.transformList(i, t, i > 0, t) == ['b']",
        "self.labels.transformMap(k, v, v + k) == {'app': 'webapp', 'tier': 'fronttier'} && self.labels.transformMap(k, v, k == 'app', 1) == {'app': 1}",
        "self.labels.transformMapEntry(k, v, {v: k}) == {'web': 'app', 'front': 'tier'}",
        // What may be missing.
        "optional.of(2).optMap(n, n * 2).value() == 4 && !optional.none().optMap(n, n * 2).hasValue()",
        "self.?name.optFlatMap(n, self.?missing).orValue('x') == 'x' && ['a', ?self.?missing, ?self.?name] == ['a', 'web']",
        "{'a': 1, ?'b': self.?missing} == {'a': 1} && self.tags.first().value() == 'a' && !self.none.last().hasValue()",
        // Versions.
        "isSemver('1.2.3-rc.1+b') && !isSemver('v1.2') && isSemver('v1.2', true) && !isSemver('01.2.3') && !isSemver('1.2')",
        "semver('1.2.3').major() == 1 && semver('1.2.3').minor() == 2 && semver('v1.2', true).patch() == 0",
        "semver('1.2.3-rc.1').isLessThan(semver('1.2.3')) && semver('1.10.0').isGreaterThan(semver('1.9.0'))",
        "semver('1.0.0-alpha.2').compareTo(semver('1.0.0-alpha.10')) == -1 && semver('1.0.0-a').compareTo(semver('1.0.0-1')) == 1",
        // Quantities.
        "quantity('1Gi').add(quantity('1Mi')).compareTo(quantity('1025Mi')) == 0 && quantity('50m').add(1) == quantity('1050m')",
        "quantity('2').sub(3).sign() == -1 && quantity('1k').asInteger() == 1000 && !quantity('100m').isInteger()",
        "quantity('1500m').asApproximateFloat() == 1.5 && quantity('1000m') == quantity('1') && quantity('0').sign() == 0",
        // Addresses.
        "ip('169.254.1.1').isLinkLocalUnicast() && ip('224.0.0.1').isLinkLocalMulticast() && ip('8.8.8.8').isGlobalUnicast()",
        "cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && string(cidr('10.1.2.3/8').ip()) == '10.1.2.3' && ip('::1') == ip('0:0::1')",
        "cidr('fd00::/8').containsIP('fd01::1') && ip.isCanonical('::1') && !ip.isCanonical('0::1') && type(ip('::1')) != string",
        // URLs.
        "url('https://u@example.com:8443/a%20b?x=1&x=2&y').getHost() == 'example.com:8443' && url('http://[::1]:80/').getHostname() == '::1'",
        "url('https://example.com:8443/a%20b?x=1&x=2').getEscapedPath() == '/a%20b' && url('https://e.com/').getPort() == ''",
        "url('https://e.com/?x=1&x=2&y=').getQuery() == {'x': ['1', '2'], 'y': ['']} && url('/p').getScheme() == ''",
        // Formats.
        "!format.dns1123Label().validate('web').hasValue() && format.dns1123Label().validate('Web').value().size() == 1",
        "format.named('uuid').value().validate('x').hasValue() && !format.named('nothing').hasValue() && !format.labelValue().validate('').hasValue()",
        "!format.dns1035LabelPrefix().validate('a-').hasValue() && format.date().validate('2026-13-01').hasValue() && !format.uri().validate('/x').hasValue()",
        // Lists and texts.
        "[3, 1, 2].sort() == [1, 2, 3] && [[1], [2, [3]]].flatten() == [1, 2, [3]] && [1, 2, 1].distinct() == [1, 2]",
        "[1, 2, 3].slice(1, 3) == [2, 3] && [1, 2].reverse() == [2, 1] && lists.range(3) == [0, 1, 2]",
        "self.ports.sortBy(p, -p.port).map(p, p.name) == ['admin', 'http'] && [1.5, 2.5].sum() == 4.0",
        "'abcabc'.indexOf('c', 3) == 5 && 'abcabc'.lastIndexOf('c', 4) == 2 && 'a-b-c'.split('-', 2) == ['a', 'b-c']",
        "'aaa'.replace('a', 'b', 2) == 'bba' && 'a1b22'.findAll('[0-9]+', 1) == ['1'] && 'a1'.find('[0-9]') == '1'",
        "'%s has %d of %.1f, %x and %%'.format([self.name, 3, 2.5, 255]) == 'web has 3 of 2.5, ff and %'",
        "'%s %s %b %e'.format([[1, 'a'], {'k': true}, 5, 1200.0]) == '[1, a] {k: true} 101 1.200000e+03'",
        "strings.quote('a\"b\\n') == '\"a\\\\\\\"b\\\\n\"' && jsonpatch.escapeKey('a/b~c') == 'a~1b~0c'",
        // Moments.
        "timestamp('2026-03-01T23:30:15Z').getMonth() == 2 && timestamp('2026-03-01T23:30:15Z').getDayOfYear() == 59",
        "timestamp('2026-03-01T23:30:15Z').getHours('+02:00') == 1 && timestamp('2026-03-01T23:30:15Z').getDayOfWeek() == 0",
        "timestamp('2026-03-01T23:30:15Z').getDate() == 1 && int(timestamp('1970-01-02T00:00:00Z')) == 86400",
    ];
    for text in all {
        assert_eq!(evaluated(text), Ok(Doc::Bool(true)), "{text}");
    }
}

#[test]
fn what_cannot_be_said_is_told_why() {
    let cases = [
        ("self.missing > 1", "no such key: missing"),
        ("self.tags[5] == 'x'", "index out of bounds: 5"),
        ("1 / (self.min - 1) == 1", "division by zero"),
        ("self.?missing.value() == 1", "optional.none() dereference"),
        ("self.name > 1", "no such overload"),
        ("self.name.bogus()", "no such overload"),
        ("self.tags.transformMapEntry(i, t, {'k': t}).size() == 1", "insert failed: key 'k' already exists"),
        ("quantity('100m').asInteger() == 1", "cannot convert value to integer"),
        ("[1, 2].slice(1, 3) == []", "cannot slice(1, 3), list is length 2"),
        ("'%d'.format(['x']) == ''", "error during formatting: could not convert argument to 'd'"),
        ("9223372036854775807 + self.min > 0", "return error for overflow"),
        (
            "self.on ||",
            "ERROR: <input>:1:11: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | self.on ||\n | ..........^",
        ),
        (
            "1 + * 2",
            "ERROR: <input>:1:5: Syntax error: extraneous input '*' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | 1 + * 2\n | ....^",
        ),
        (
            "'asdf'.contains('x'",
            "ERROR: <input>:1:20: Syntax error: missing ')' at '<EOF>'\n | 'asdf'.contains('x'\n | ...................^",
        ),
        (
            "[1, 2",
            "ERROR: <input>:1:6: Syntax error: mismatched input '<EOF>' expecting {']', ','}\n | [1, 2\n | .....^",
        ),
        (
            "{\"a\": 1}.\"a\"",
            "ERROR: <input>:1:10: Syntax error: no viable alternative at input '.\"a\"'\n | {\"a\": 1}.\"a\"\n | .........^",
        ),
        ("1 2", "ERROR: <input>:1:3: Syntax error: extraneous input '2' expecting <EOF>\n | 1 2\n | ..^"),
        ("1 2 3", "ERROR: <input>:1:3: Syntax error: mismatched input '2' expecting <EOF>\n | 1 2 3\n | ..^"),
        (
            "other > 1",
            "ERROR: <input>:1:1: undeclared reference to 'other' (in container '')\n | other > 1\n | ^",
        ),
        (
            "self.on #",
            "ERROR: <input>:1:9: Syntax error: token recognition error at: '#'\n | self.on #\n | ........^",
        ),
        ("has(self)", "ERROR: <input>:1:5: invalid argument to has() macro\n | has(self)\n | ....^"),
    ];
    for (text, why) in cases {
        assert_eq!(evaluated(text), Err(why.to_owned()), "{text}");
    }
}

#[test]
fn authorizer_is_asked() {
    let names = Names::from_iter([(
        "authorizer",
        authorizer(doc!({ "group": "apps", "resource": "deployments", "namespace": "ns", "name": "web" })),
    )]);
    let may = |asked: &Doc| {
        let path = asked["path"].as_str() == Some("/healthz") && asked["verb"].as_str() == Some("get");
        let own =
            asked["resource"].as_str() == Some("deployments") && asked["namespace"].as_str() == Some("ns");
        let account = asked["account"].as_str() == Some("system:serviceaccount:ns:robot");
        (path || own || account, "because".to_owned())
    };
    for (text, holds) in [
        ("authorizer.path('/healthz').check('get').allowed()", true),
        ("authorizer.path('/metrics').check('get').allowed()", false),
        ("authorizer.group('apps').resource('deployments').namespace('ns').check('create').allowed()", true),
        (
            "authorizer.group('').resource('pods').subresource('exec').name('p').check('create').allowed()",
            false,
        ),
        ("authorizer.requestResource.check('delete').allowed()", true),
        ("authorizer.serviceAccount('ns', 'robot').group('').resource('pods').check('get').allowed()", true),
        ("authorizer.requestResource.check('delete').reason() == 'because'", true),
        ("authorizer.requestResource.check('delete').errored()", false),
    ] {
        let program = Program::read(text, &["authorizer"]).expect("it is CEL");
        assert_eq!(program.evaluate(&names, Some(&may)).value, Ok(Doc::Bool(holds)), "{text}");
        let types = [("authorizer", AUTHORIZER)].into_iter().collect();
        let checked = program.check(text, &types, &|_| None);
        assert!(checked.faults.is_empty() && matches!(checked.of, Type::Bool), "{text}: {checked:?}");
    }
}

#[test]
fn types_are_checked_before() {
    let types = [("self", Type::Dyn)].into_iter().collect();
    for (text, of) in [
        ("[1].transformList(i, x, string(x))", "list(string)"),
        ("{'a': 1}.transformMap(k, v, v > 0)", "map(string, bool)"),
        ("optional.of(1).optMap(x, string(x))", "optional_type(string)"),
        ("semver('1.2.3').major()", "int"),
        ("format.uuid().validate('x')", "optional_type(list(string))"),
        ("url('/').getQuery()", "map(string, list(string))"),
        ("'a'.findAll('b', 1)", "list(string)"),
        ("[1, 2].sort()", "list(int)"),
        ("[1].first()", "optional_type(int)"),
    ] {
        let program = Program::read(text, &["self"]).expect("it is CEL");
        let checked = program.check(text, &types, &|_| None);
        assert!(checked.faults.is_empty() && checked.of.to_string() == of, "{text}: {checked:?}");
    }
    for (text, fault) in [
        ("[1].all(i, x, x)", "expected type 'bool' but found 'int'"),
        ("semver(1)", "found no matching overload for 'semver' applied to '(int)'"),
        ("quantity('1').isGreaterThan('2')", "found no matching overload for 'isGreaterThan'"),
        ("[1].optMap(x, x)", "found no matching overload for 'optMap'"),
        ("format.nothing()", "undeclared reference to 'format'"),
    ] {
        let found = match Program::read(text, &["self"]) {
            Ok(program) => program.check(text, &types, &|_| None).faults.join("\n"),
            Err(why) => why,
        };
        assert!(found.contains(fault), "{text}: {found}");
    }
}

#[test]
fn what_would_take_for_ever_ends() {
    let many = format!("[{}]", vec!["1"; 300].join(","));
    let text = format!("{many}.all(a, {many}.all(b, {many}.all(c, a + b + c > 0)))");
    assert_eq!(evaluated(&text), Err("operation cancelled: actual cost limit exceeded".to_owned()));
    let deep = format!("{}1{} == 1", "(".repeat(5000), ")".repeat(5000));
    assert!(evaluated(&deep).is_err_and(|why| why.contains("recursion limit")));
}

#[test]
fn whatever_is_written_is_read_or_refused_in_bounded_time() {
    const WORDS: [&str; 64] = [
        "self",
        "authorizer",
        "x",
        "i",
        "1",
        "-1",
        "9223372036854775807",
        "1.5",
        "1u",
        "'a'",
        "'a,b'",
        "\"\\n\"",
        "true",
        "null",
        "[",
        "]",
        "{",
        "}",
        "(",
        ")",
        ",",
        ":",
        "?",
        ".",
        ".?",
        "[?",
        "+",
        "-",
        "*",
        "/",
        "%",
        "==",
        "<",
        "&&",
        "||",
        "!",
        " in ",
        ".all(i, x, ",
        ".exists(x, ",
        ".existsOne(i, x, ",
        ".map(x, ",
        ".filter(x, ",
        ".transformList(i, x, ",
        ".transformMap(i, x, ",
        ".transformMapEntry(i, x, ",
        ".sortBy(x, ",
        ".optMap(x, ",
        "quantity(",
        "semver(",
        "ip(",
        "cidr(",
        "url(",
        "format.named(",
        "timestamp(",
        "duration(",
        "lists.range(",
        ".format(",
        ".split(",
        ".replace(",
        ".findAll(",
        ".substring(",
        ".flatten()",
        ".sum()",
        ".value()",
    ];
    let mut random = Random::stream(1, "cel");
    let object = doc!({ "name": "web", "tags": ["a", "b"], "labels": { "a": "b" }, "n": 3i64 });
    let names = Names::from_iter([("self", object), ("authorizer", authorizer(Doc::map()))]);
    let types = [("self", Type::Dyn), ("authorizer", AUTHORIZER)].into_iter().collect();
    let (mut read, mut made) = (0, 0);
    for _ in 0..20_000 {
        let length = random.bits() % 12 + 1;
        let mut text = String::from(if random.bits().is_multiple_of(2) { "self.tags" } else { "" });
        for _ in 0..length {
            text.push_str(WORDS[(random.bits() % WORDS.len() as u64) as usize]);
        }
        // What was opened is closed, so that more of it can be read.
        let open = text.matches('(').count().saturating_sub(text.matches(')').count());
        text.push_str(&")".repeat(open));
        let Ok(program) = Program::read(&text, &["self", "authorizer", "x", "i"]) else { continue };
        read += 1;
        drop(program.check(&text, &types, &|_| None));
        made += u32::from(program.evaluate(&names, Some(&|_| (false, String::new()))).value.is_ok());
    }
    assert!(read > 200 && made > 50, "{read} read, {made} evaluated");
}

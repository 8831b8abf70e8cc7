use super::{Names, Program};
use crate::doc;
use crate::doc::Doc;

fn evaluated(text: &str) -> Result<Doc, String> {
    let object = doc!({
        "name": "web", "replicas": 3i64, "min": 1i64, "ratio": 0.5, "on": true, "none": [], "a-b": 1i64,
        "ports": [{ "name": "http", "port": 80i64 }, { "name": "admin", "port": 8080i64 }],
        "labels": { "app": "web", "tier": "front" }, "tags": ["a", "b"]
    });
    let names = Names::from_iter([("self", object)]);
    Program::read(text, &["self"])?.evaluate(&names)
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
        ("9223372036854775807 + self.min > 0", "return error for overflow"),
        (
            "self.on ||",
            "ERROR: <input>:1:11: Syntax error: mismatched input '<EOF>'\n | self.on ||\n | ..........^",
        ),
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
fn what_would_take_for_ever_ends() {
    let many = format!("[{}]", vec!["1"; 300].join(","));
    let text = format!("{many}.all(a, {many}.all(b, {many}.all(c, a + b + c > 0)))");
    assert_eq!(evaluated(&text), Err("operation cancelled: actual cost limit exceeded".to_owned()));
    let deep = format!("{}1{} == 1", "(".repeat(5000), ")".repeat(5000));
    assert!(evaluated(&deep).is_err_and(|why| why.contains("recursion limit")));
}

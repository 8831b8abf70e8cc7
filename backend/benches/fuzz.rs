//! Every parser that reads what comes over the network is fed with inputs that are almost right: valid ones with bytes
//! changed, cut out, doubled, repeated. None may panic, and none may think for long. `make fuzz`, with SECONDS_EACH=600
//! SEED=1.
#![allow(missing_docs)]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use shared::{
    doc::parse_json,
    manifest,
    scenario::{RequestStep, Scenario, StepAction},
    session::{
        Player, link,
        protocol::{ClientMessage, ServerMessage},
    },
};

/// No input of this size may take longer.
const SLOW: Duration = Duration::from_secs(2);
/// Inputs grow to this many bytes at most.
const MOST: usize = 20_000;
/// After so many requests a new cluster takes them.
const A_CLUSTER: u64 = 500;

/// What inputs are made of, beside bytes.
const WORDS: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "- ",
    "\n",
    "\n  ",
    "&a ",
    "*a ",
    "null",
    "-1",
    "1e999",
    "18446744073709551616",
    "\\u0000",
    "\\ud800",
    "é",
    "\u{1b}[31m",
    "<<: *a\n",
    "apiVersion",
    "metadata",
    "/~1~0",
];

/// SplitMix64: the same seed, the same inputs.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit.max(1) as u64).unwrap_or(0)
    }

    fn mutate(&mut self, valid: &[u8], other: &[u8]) -> String {
        let mut input = valid.to_vec();
        for _ in 0..=self.below(6) {
            let (from, to) = (self.below(input.len() + 1), self.below(input.len() + 1));
            let (from, to) = (from.min(to), from.max(to));
            match self.below(7) {
                0 if from < input.len() => input[from] = self.below(256) as u8,
                1 => drop(input.drain(from..to)),
                2 => input.extend_from_within(from..to),
                3 => {
                    let part = input[from..to.min(from + 20)].repeat(1 + self.below(200));
                    input.splice(from..from, part);
                }
                4 => {
                    let (a, b) = (self.below(other.len() + 1), self.below(other.len() + 1));
                    input.splice(from..to, other[a.min(b)..a.max(b)].iter().copied());
                }
                5 => {
                    let word = WORDS[self.below(WORDS.len())].repeat(1 + self.below(3) * self.below(400));
                    input.splice(from..from, word.bytes());
                }
                _ => input.truncate(to),
            }
            input.truncate(MOST);
        }
        String::from_utf8_lossy(&input).into_owned()
    }
}

struct Target {
    name: &'static str,
    valid: Vec<String>,
    feed: Box<dyn FnMut(&str)>,
}

fn target(name: &'static str, valid: Vec<String>, feed: impl FnMut(&str) + 'static) -> Target {
    Target { name, valid, feed: Box::new(feed) }
}

fn targets() -> Vec<Target> {
    let scenario = include_str!("../../public/examples/clusters/broken.yaml").to_owned();
    let zones = include_str!("../../public/examples/clusters/zone-failure.yaml").to_owned();
    let parsed = Scenario::parse(&scenario).expect("it is one");
    let fragment = link::encode(&parsed).expect("it fits");
    let manifests = [
        include_str!("../../public/examples/deployment.yaml"),
        include_str!("../../public/examples/service.yaml"),
        include_str!("../../public/examples/secret.yaml"),
    ];
    let manifests: Vec<String> = manifests.map(str::to_owned).into();
    let frames = vec![
        r#"{"hello":{"token":"AAAA","engine":"1","after":7,"name":"Ana"}}"#.to_owned(),
        r#"{"submit":{"id":1,"action":{"kubectl":"scale deployment/web --replicas=3"}}}"#.to_owned(),
        r#"{"submit":{"id":2,"action":{"fault":{"target":"node/node-1","kind":"PowerOff"}}}}"#.to_owned(),
        r#"{"pace":{"running":true,"speed":1000,"until":5000}}"#.to_owned(),
    ];
    let told = vec![
        r#"{"entry":{"sequence":1,"at":5,"by":"Ana","action":{"kubectl":"get pods"}}}"#.to_owned(),
        r#"{"horizon":{"sequence":1,"time":5,"running":true,"speed":1000}}"#.to_owned(),
        r#"{"presence":{"people":[{"name":"Ana","role":"owner","you":true}]}}"#.to_owned(),
    ];
    let patches = vec![
        r#"[{"op":"add","path":"/metadata/labels/a~1b","value":{"x":[1,2]}},{"op":"test","path":"/kind","value":"Node"}]"#.to_owned(),
        r#"{"metadata":{"labels":{"a":"b"},"annotations":null},"spec":{"taints":[{"key":"k","effect":"NoSchedule"}]}}"#.to_owned(),
        r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"node-0","labels":{"c":"d"}}}"#.to_owned(),
    ];
    let (mut cluster, mut taken) = (None, 0_u64);
    let mut kinds = [
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
        "application/apply-patch+yaml",
        "application/json",
    ]
    .into_iter()
    .cycle();
    let request = move |body: &str| {
        taken += 1;
        if taken.is_multiple_of(A_CLUSTER) {
            cluster = None;
        }
        let player = cluster.get_or_insert_with(|| {
            let mut player = Player::new(Scenario::opening(), 0).expect("it can be played");
            player.advance_to(shared::sim::Time(20_000));
            player
        });
        let kind = kinds.next().unwrap_or_default();
        let method = if kind == "application/json" { "PUT" } else { "PATCH" };
        let request = RequestStep {
            method: method.into(),
            path: "/api/v1/nodes/node-0?fieldManager=fuzz".into(),
            content_type: kind.into(),
            body: body.into(),
            ..RequestStep::default()
        };
        player.submit(StepAction::Request(request), Default::default());
        player.advance_to(shared::sim::Time(player.now().0 + 200));
    };
    vec![
        target("frames of clients", frames, |text| drop(ClientMessage::read(text))),
        target("frames of servers", told, |text| drop(ServerMessage::read(text))),
        target("JSON", patches.clone(), |text| drop(parse_json(text))),
        target("scenarios", vec![scenario, zones], |text| drop(Scenario::parse(text))),
        target("links", vec![fragment], |text| drop(link::decode(text))),
        target("manifests", manifests, |text| drop(manifest::parse(text))),
        target("bodies of requests", patches, request),
    ]
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn main() {
    // Cargo's own way to ask what there is.
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let (seconds, seed) = (number("SECONDS_EACH", 60), number("SEED", 1));
    println!("{seconds} s for each parser, SEED={seed}");
    let mut chance = Chance(seed);
    for Target { name, valid, mut feed } in targets() {
        let (begun, mut count, mut slowest) = (Instant::now(), 0_u64, Duration::ZERO);
        while begun.elapsed() < Duration::from_secs(seconds) {
            let (one, other) = (chance.below(valid.len()), chance.below(valid.len()));
            let input = chance.mutate(valid[one].as_bytes(), valid[other].as_bytes());
            let fed = Instant::now();
            let ended = catch_unwind(AssertUnwindSafe(|| feed(&input)));
            let took = fed.elapsed();
            slowest = slowest.max(took);
            count += 1;
            if ended.is_err() || took > SLOW {
                println!(
                    "{name}: {} after {took:?} by\n{input:?}",
                    if ended.is_err() { "panic" } else { "slow" }
                );
                std::process::exit(1);
            }
        }
        println!("  {name}: {count} inputs, none panicked; slowest {:.1} ms", slowest.as_secs_f64() * 1000.0);
    }
}

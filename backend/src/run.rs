//! `kubarium run`: the same cluster without a screen.

use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use shared::ENGINE_VERSION;
use shared::api::core::event::Event;
use shared::api::{Kind, Object};
use shared::doc::Doc;
use shared::scenario::Scenario;
use shared::session::Player;
use shared::sim::{Duration, Time};

use crate::cli::{Output, Run};

/// The largest scenario file that is read, in bytes.
const MAX_FILE: u64 = 3 << 20;

/// Plays the scenario. Exit status 0 when every expectation is met, 1 when one is not, 2 when the file is bad.
pub fn run(options: &Run) -> ExitCode {
    let player = match prepare(options) {
        Ok(player) => player,
        Err(why) => {
            eprintln!("{}: {why}", options.scenario.display());
            return ExitCode::from(2);
        }
    };
    let (player, wall_millis) = play(player);
    let mut out = BufWriter::new(std::io::stdout().lock());
    let written = match options.output {
        Output::Text => text(&player, wall_millis, &mut out),
        Output::Events => events(&player).iter().try_for_each(|event| event_line(event, &mut out)),
        Output::Json => serde_json::to_writer(&mut out, &report(&player, wall_millis))
            .map_err(std::io::Error::from)
            .and_then(|()| writeln!(out)),
    };
    // A reader that went away (`… | head`) is no fault of the run.
    let _ = written.and_then(|()| out.flush());
    let status = ExitCode::from(u8::from(!all_met(&player)));
    // The process ends: nobody gains from a large cluster being taken apart object by object.
    std::mem::forget(player);
    status
}

fn prepare(options: &Run) -> Result<Player, String> {
    let text = read(&options.scenario)?;
    let mut scenario = Scenario::parse(&text).map_err(|error| error.to_string())?;
    if let Some(seed) = options.seed {
        scenario.spec.seed = seed;
    }
    if let Some(until) = options.until {
        scenario.spec.until = Some(until);
    }
    Player::new(scenario, 0).map_err(|error| error.to_string())
}

fn read(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let source: Result<Box<dyn Read>, std::io::Error> = if path.as_os_str() == "-" {
        Ok(Box::new(std::io::stdin()))
    } else {
        std::fs::File::open(path).map(|file| Box::new(file) as Box<dyn Read>)
    };
    source
        .and_then(|source| source.take(MAX_FILE + 1).read_to_end(&mut bytes))
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(format!("the file has more than {MAX_FILE} bytes"));
    }
    String::from_utf8(bytes).map_err(|error| format!("the file is no UTF-8: {error}"))
}

fn play(mut player: Player) -> (Player, u128) {
    let began = Instant::now();
    player.run_to_end();
    (player, began.elapsed().as_millis())
}

fn all_met(player: &Player) -> bool {
    player.expectations().all(|(_, verdict)| verdict.is_some_and(|verdict| verdict.met))
}

fn at(time: Time) -> String {
    Duration(time.0).to_string()
}

/// The Events that the cluster still has, oldest first.
fn events(player: &Player) -> Vec<Arc<Object>> {
    let mut events: Vec<_> = player.cluster().store().list(Kind::Event).cloned().collect();
    let first = |event: &Object| Event::of(event).map(|event| event.first.floor_seconds());
    events.sort_by_cached_key(|event| (first(event), event.meta.resource_version));
    events
}

fn event_line(event: &Object, out: &mut impl Write) -> std::io::Result<()> {
    let Some(Event { about: [kind, _, name], reason, message, kind: severity, last, .. }) = Event::of(event)
    else {
        return Ok(());
    };
    // There are tens of thousands of them: put together without the machinery of formats.
    const SPACES: &str = "                        ";
    let mut line = String::with_capacity(message.len() + 128);
    line.push_str(&last.floor_seconds().rfc3339());
    for (text, width) in [(severity, 7), (reason, SPACES.len())] {
        line.push(' ');
        line.push_str(&text);
        line.push_str(&SPACES[..width - width.min(text.chars().count())]);
    }
    line.push(' ');
    line.push_str(&kind.to_ascii_lowercase());
    for (mark, text) in [("/", name), (": ", message)] {
        line.push_str(mark);
        line.push_str(&text);
    }
    line.push('\n');
    out.write_all(line.as_bytes())
}

fn report(player: &Player, wall_millis: u128) -> Value {
    let steps: Vec<Value> = player
        .results()
        .iter()
        .map(|step| {
            json!({
                "at": at(step.at), "command": step.command, "stdout": step.stdout,
                "stderr": step.stderr, "exitCode": step.exit_code
            })
        })
        .collect();
    let expect: Vec<Value> = player
        .expectations()
        .map(|(expectation, verdict)| {
            let met = verdict.is_some_and(|verdict| verdict.met);
            json!({ "id": expectation.id, "met": met, "at": verdict.map(|verdict| at(verdict.at)) })
        })
        .collect();
    let events: Vec<Doc> = events(player).iter().map(|event| event.to_doc()).collect();
    let objects: Vec<Doc> = player.cluster().store().all().map(|object| object.to_doc()).collect();
    json!({
        "version": ENGINE_VERSION, "seed": player.scenario().spec.seed, "until": at(player.now()),
        "stateHash": player.hash(), "events": events, "objects": objects,
        "steps": steps, "expect": expect, "wallMillis": wall_millis
    })
}

fn text(player: &Player, wall_millis: u128, out: &mut impl Write) -> std::io::Result<()> {
    for step in player.results() {
        writeln!(out, "{:>8}  {}", at(step.at), step.command)?;
        for line in step.stdout.lines().chain(step.stderr.lines()) {
            writeln!(out, "          {line}")?;
        }
    }
    for event in events(player) {
        event_line(&event, out)?;
    }
    for (expectation, verdict) in player.expectations() {
        let (word, when) = match verdict {
            Some(verdict) if verdict.met => ("met", at(verdict.at)),
            Some(verdict) => ("NOT MET", at(verdict.at)),
            None => ("NOT MET", "undecided".into()),
        };
        writeln!(out, "expect {}: {word} ({when})", expectation.id)?;
    }
    // Its digest is in `report`: making it takes a twelfth as long as 5,000 pods.
    writeln!(out, "{} simulated in {wall_millis} ms", at(player.now()))
}

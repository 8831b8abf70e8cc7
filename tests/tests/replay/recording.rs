//! Reads a recording of a real control plane.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::deeds::{self, Deed};
use super::words::Hashes;

/// A command of the recording and what it printed: both streams, the errors last.
pub struct Command {
    pub at: f64,
    pub line: String,
    pub exit_code: u8,
    pub printed: String,
}

/// A recording.
pub struct Recording {
    pub namespace: String,
    pub commands: Vec<Command>,
    pub timeline: Vec<Value>,
    pub events: Vec<Value>,
    /// The objects at the end.
    pub last: Vec<Value>,
    pub inputs: Vec<String>,
    /// Definitions of other resources that were applied first.
    pub definitions: Vec<String>,
    /// What was done besides, and when (in seconds).
    pub deeds: Vec<(f64, Deed)>,
    /// The node that failed and how long before the beginning its lease was renewed, in seconds.
    pub last_renewal: Option<(String, f64)>,
    /// What `get … -o wide` and `describe` of all that was left printed; empty when nothing was.
    pub wide: String,
    pub described: String,
    pub hashes: Hashes,
}

impl Recording {
    pub fn read(folder: &Path) -> Recording {
        let text = |name: &str| fs::read_to_string(folder.join(name)).expect("a file of the recording");
        let json = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        let inputs = text("input.yaml");
        let inputs = inputs.split("# applied at t=").skip(1).map(|part| {
            part.split_once('\n').expect("a line of its own").1.trim_end_matches("---\n").to_owned()
        });
        let (definitions, inputs) =
            inputs.partition(|input| input.contains("kind: CustomResourceDefinition"));
        let timings = fs::read_to_string(folder.join("timings.json")).unwrap_or_default();
        let timings = serde_json::from_str::<Value>(&timings).unwrap_or_default();
        let renewal = timings["timings"]["last_lease_renew_rel"].as_f64();
        let failed = timings["lease"]["holderIdentity"].as_str();
        let timeline: Vec<Value> = text("timeline.jsonl").lines().map(json).collect();
        let list = |text: &str| {
            let value = json(text);
            value["items"].as_array().or(value.as_array()).expect("a list").clone()
        };
        let sets = timeline.iter().filter(|line| line["res"] == "replicasets" && line["ev"] == "ADDED");
        Recording {
            namespace: folder.file_name().expect("a name").to_string_lossy().replace('_', "-"),
            hashes: Hashes::of(sets.filter_map(|line| line["obj"].as_str())),
            timeline,
            events: list(&text("events.json")),
            last: list(&text("final.json")),
            inputs,
            definitions,
            deeds: deeds::of(&timings),
            last_renewal: failed.zip(renewal).map(|(node, at)| (node.to_owned(), -at)),
            wide: fs::read_to_string(folder.join("get_wide.txt")).unwrap_or_default(),
            described: fs::read_to_string(folder.join("describe.txt")).unwrap_or_default(),
            commands: text("kubectl.txt").split("\n[t=").filter_map(read_command).collect(),
        }
    }

    /// The lines of the timeline about a resource (`pods`).
    pub fn about<'a>(&'a self, resource: &'a str) -> impl Iterator<Item = &'a Value> {
        self.timeline.iter().filter(move |line| line["res"] == resource)
    }

    /// A moment of the recording as a date, from an object of which both are known.
    pub fn first_date(&self) -> Option<&str> {
        let born = self.last.iter().filter_map(|item| item["metadata"]["creationTimestamp"].as_str());
        let told = self.timeline.iter().filter_map(|line| {
            line["status"]["conditions"].as_array()?.first()?["lastTransitionTime"].as_str()
        });
        born.min().or_else(|| told.min())
    }
}

fn read_command(part: &str) -> Option<Command> {
    let part = part.trim_start_matches("[t=");
    let (head, printed) = part.split_once('\n')?;
    let (at, rest) = head.split_once("] $ kubectl ")?;
    let (line, rest) = rest.rsplit_once("   (rc=")?;
    Some(Command {
        at: at.parse().ok()?,
        line: line.to_owned(),
        exit_code: rest.split(',').next()?.parse().ok()?,
        printed: printed.to_owned(),
    })
}

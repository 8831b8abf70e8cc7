//! What came of a workshop: a table of who reached what, and everybody's run as a scenario.

use serde::Serialize;
use shared::{
    doc::Timestamp,
    scenario::{Scenario, Step},
    session::protocol::Entry,
    sim::{Duration, Time},
};

use super::room::{Participant, Room};
use crate::storage::{CommandRecord, SessionRecord};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Results<'a> {
    room: &'a str,
    title: &'a str,
    opened: String,
    participants: Vec<Row<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    number: u32,
    name: &'a str,
    joined: String,
    objectives: Vec<Objective<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Objective<'a> {
    id: &'a str,
    met: bool,
    /// How long it took from the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    after_seconds: Option<u64>,
}

fn date(millis: u64) -> String {
    Timestamp::from_millis(i64::try_from(millis).unwrap_or_default()).floor_seconds().rfc3339()
}

fn row(participant: &Participant) -> Row<'_> {
    let progress = &participant.progress;
    let objective = |id| {
        let met = progress.met.get(id).copied();
        let after_seconds = met.map(|met: u64| met.saturating_sub(progress.began) / 1000);
        Objective { id, met: met.is_some(), after_seconds }
    };
    Row {
        number: participant.record.number,
        name: &participant.record.name,
        joined: date(participant.record.joined),
        objectives: progress.objectives.iter().map(|id| objective(id)).collect(),
    }
}

/// As JSON.
pub fn json(room: &Room) -> String {
    let results = Results {
        room: &room.record.code,
        title: &room.record.title,
        opened: date(room.record.created),
        participants: room.participants.values().map(row).collect(),
    };
    serde_json::to_string_pretty(&results).expect("results always print")
}

/// As a table for a spreadsheet: a row for each participant, a column for each objective with the seconds it took.
pub fn csv(room: &Room) -> String {
    let rows: Vec<Row<'_>> = room.participants.values().map(row).collect();
    let mut columns: Vec<&str> = Vec::new();
    for objective in rows.iter().flat_map(|row| &row.objectives) {
        if !columns.contains(&objective.id) {
            columns.push(objective.id);
        }
    }
    let head = ["number", "name", "joined", "met"].into_iter().chain(columns.iter().copied());
    let mut table = line(head.map(str::to_owned));
    for row in &rows {
        let met = row.objectives.iter().filter(|objective| objective.met).count();
        let of = |id: &&str| {
            let found = row.objectives.iter().find(|objective| objective.id == *id);
            found.and_then(|objective| objective.after_seconds).map_or(String::new(), |s| s.to_string())
        };
        let first = [row.number.to_string(), row.name.to_owned(), row.joined.clone(), met.to_string()];
        table += &line(first.into_iter().chain(columns.iter().map(of)));
    }
    table
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.map(|cell| quoted(&cell)).collect();
    format!("{}\r\n", cells.join(","))
}

/// A cell that no spreadsheet takes for a formula.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    match cell.contains([',', '"', '\n', '\r']) || formula {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}

/// A session as the scenario that leads to where it is now; none when its log is of another version.
pub fn run(record: &SessionRecord, commands: &[CommandRecord]) -> Option<Scenario> {
    let mut scenario: Scenario = serde_json::from_str(&record.scenario).ok()?;
    for command in commands {
        let entry: Entry = serde_json::from_str(&command.body).ok()?;
        let step = Step { at: Time(command.at), user: entry.by, action: entry.action };
        scenario.spec.steps.push(step);
    }
    // Steps of the scenario may come later than what somebody did.
    scenario.spec.steps.sort_by_key(|step| step.at);
    scenario.spec.opening = Duration(record.horizon);
    scenario.stamp();
    Some(scenario)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stay_cells() {
        assert_eq!(quoted("Ana"), "Ana");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(quoted("=1+1"), "\"'=1+1\"");
    }
}

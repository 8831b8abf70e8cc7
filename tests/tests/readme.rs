//! The README's table of what agrees with a real control plane says what `tests/agreement.yaml` says, which the
//! comparisons hold to what they see. `UPDATE_README=1` (`make readme`) writes it anew.

use std::fmt::Write;

use crate::support::ledger;

const BEGIN: &str = "<!-- agreement: made by `make readme` from tests/agreement.yaml -->\n";
const END: &str = "<!-- end of agreement -->\n";

#[test]
fn the_table_of_what_agrees_is_up_to_date() {
    let path = ledger::root().join("README.md");
    let readme = std::fs::read_to_string(&path).expect("a README");
    let (before, rest) = readme.split_once(BEGIN).expect("the table's first line");
    let (shown, after) = rest.split_once(END).expect("the table's last line");
    let table = table(&ledger::read());
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, [before, BEGIN, &table, END, after].concat()).expect("a README to write");
        return;
    }
    assert!(shown == table, "README.md is stale: run `make readme`. The table should be\n\n{table}");
}

fn table(pages: &[ledger::Page]) -> String {
    let mut table = String::from("| Recording | Agree | Known differences |\n| --- | --- | --- |\n");
    let (mut agree, mut of) = (0, 0);
    for page in pages {
        let same = page.compared - page.differing.len();
        (agree, of) = (agree + same, of + page.compared);
        writeln!(
            table,
            "| {}: {} | {same} of {} | {} |",
            page.name,
            page.what,
            page.compared,
            differences(page)
        )
        .expect("text takes it");
    }
    writeln!(table, "| all | {agree} of {of} | |").expect("text takes it");
    table
}

/// Entries with the same reason share it: `a`, `b`: why; `c`: why else.
fn differences(page: &ledger::Page) -> String {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for (entry, why) in &page.differing {
        let entry = format!("`{}`", entry.replace('|', "\\|"));
        match reasons.iter_mut().find(|(known, _)| known == why) {
            Some((_, entries)) => entries.push(entry),
            None => reasons.push((why, vec![entry])),
        }
    }
    let one = |(why, entries): &(&str, Vec<String>)| format!("{}: {why}", entries.join(", "));
    reasons.iter().map(one).collect::<Vec<_>>().join("; ")
}

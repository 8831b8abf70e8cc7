//! Files that were cut short or overwritten: finding out, and saving what is left.

use std::{collections::BTreeSet, fs, io::Read, path::Path};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{
    CommandRecord, SessionRecord, rooms,
    sqlite::{self, FILE},
};

/// What was wrong with the store when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Bytes at the end of the newest log that do not make a whole transaction. A server that was killed while it
    /// wrote leaves such an end, and nothing in it was acknowledged; more is missing if the file was cut by hand.
    pub torn_bytes: u64,
    /// The database itself was damaged: where the damaged file lies now.
    pub set_aside: Option<String>,
    /// How many sessions came through whole.
    pub whole: u64,
    /// How many came through with the intact beginning of their log.
    pub shortened: u64,
    /// Of how many nothing but the name is left.
    pub lost: u64,
}

/// Whether the error says that the file is not what SQLite left there.
pub fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Puts the damaged file aside and copies what can be read into a new one.
pub fn rebuild(directory: &Path) -> rusqlite::Result<(Connection, Damage)> {
    let name =
        (1..).map(|number| format!("{FILE}.damaged-{number}")).find(|name| !directory.join(name).exists());
    let name = name.unwrap_or_default();
    for suffix in ["", "-wal"] {
        let from = directory.join(format!("{FILE}{suffix}"));
        if from.exists() {
            fs::rename(from, directory.join(format!("{name}{suffix}")))
                .map_err(|error| cannot_move(&error))?;
        }
    }
    let rebuilt = sqlite::create_tables(sqlite::connect(&directory.join(FILE))?)?;
    let mut damage = Damage { set_aside: Some(name.clone()), ..Damage::default() };
    // The file may be no database at all: then there is nothing to save, and the store begins anew.
    if let Err(error) = copy(&directory.join(&name), &rebuilt, &mut damage) {
        tracing::warn!(%error, "reading the damaged store ended early");
    }
    Ok((rebuilt, damage))
}

fn copy(damaged: &Path, rebuilt: &Connection, damage: &mut Damage) -> rusqlite::Result<()> {
    let old = Connection::open_with_flags(damaged, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Without these SQLite refuses a file that is shorter than its header says.
    old.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)?;
    old.pragma_update(None, "writable_schema", true)?;
    let found = beginnings(&old)?;
    let mut lost = names(&old, "SELECT session FROM clocks");
    lost.extend(names(&old, "SELECT DISTINCT session FROM commands"));
    lost.extend(names(&old, "SELECT id FROM beginnings NOT INDEXED"));
    // What an earlier damage took stays known.
    lost.extend(names(&old, "SELECT session FROM lost"));
    rebuilt.execute_batch("BEGIN")?;
    for mut session in found {
        let (commands, missing) = log(&old, &mut session);
        let saved = sqlite::insert_session(rebuilt, &session)
            .and_then(|()| commands.iter().try_for_each(|c| sqlite::insert_command(rebuilt, &session.id, c)));
        match saved {
            Ok(()) if missing == 0 => damage.whole += 1,
            Ok(()) => damage.shortened += 1,
            Err(error) => tracing::warn!(session = session.id, %error, "a session could not be saved"),
        }
        lost.remove(&session.id);
    }
    rooms::salvage(&old, rebuilt)?;
    for id in &lost {
        sqlite::insert_lost(rebuilt, id)?;
        damage.lost += 1;
    }
    rebuilt.execute_batch("COMMIT")
}

/// The beginnings of sessions that can be read, in the order of their creation. Each is looked up by its number, so
/// that one that is gone hides no other.
fn beginnings(old: &Connection) -> rusqlite::Result<Vec<SessionRecord>> {
    /// So many missing in a row are the end.
    const GAP: u32 = 1000;
    let mut statement = old.prepare("SELECT * FROM beginnings WHERE number = ?1")?;
    let mut found = Vec::new();
    let mut missing = 0;
    for number in 1_i64.. {
        match statement.query_row([number], sqlite::beginning) {
            Ok((session, true)) => {
                found.push(session);
                missing = 0;
            }
            _ => missing += 1,
        }
        if missing == GAP {
            break;
        }
    }
    Ok(found)
}

/// The names in the first column, up to the first page that is gone.
fn names(old: &Connection, query: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let Ok(mut statement) = old.prepare(query) else { return names };
    let Ok(mut rows) = statement.query([]) else { return names };
    while let Ok(Some(row)) = rows.next() {
        names.extend(row.get::<_, String>(0));
    }
    names
}

/// What is intact of a session's log, with its clock set to it, and how much is missing now.
fn log(old: &Connection, session: &mut SessionRecord) -> (Vec<CommandRecord>, u64) {
    let commands = sqlite::intact_commands(old, &session.id).unwrap_or_default();
    let kept = commands.len() as u64;
    let id = session.id.clone();
    let clock = old
        .prepare_cached("SELECT * FROM clocks WHERE session = ?1")
        .and_then(|mut statement| statement.query_row([id], |row| sqlite::clock(row, session)));
    let missing = match clock {
        Ok(()) => session.sequence.saturating_sub(kept),
        Err(_) => {
            session.horizon = commands.last().map_or(0, |last| last.at);
            // How much came after is not known any more; that something is missing has to be told.
            1
        }
    };
    (session.sequence, session.lost) = (kept, session.lost + missing);
    (commands, missing)
}

fn cannot_move(error: &std::io::Error) -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
    rusqlite::Error::SqliteFailure(code, Some(format!("cannot set the damaged file aside: {error}")))
}

/// How many bytes at the end of a write-ahead log follow its last whole transaction; SQLite passes over them in silence.
///
/// The layout is part of SQLite's file format: a header of 32 bytes, then frames of 24 bytes and a page. A frame belongs
/// to this generation of the log when it carries the header's salt, and ends a transaction when its second word is not 0.
pub fn torn_end(log: &Path) -> u64 {
    const HEADER: usize = 32;
    const FRAME: usize = 24;
    let Ok(mut file) = fs::File::open(log) else { return 0 };
    let mut content = Vec::new();
    if file.read_to_end(&mut content).is_err() || content.is_empty() {
        return 0;
    }
    let word = |at: usize| content[at..at + 4].try_into().map(u32::from_be_bytes).unwrap_or_default();
    if content.len() < HEADER {
        return content.len() as u64;
    }
    let frame = FRAME + word(8) as usize;
    let (mut at, mut committed) = (HEADER, HEADER);
    while at < content.len() {
        if content.len() < at + FRAME {
            return (content.len() - committed) as u64;
        }
        if content[at + 8..at + 16] != content[16..24] {
            // Left over from an earlier generation.
            return (at - committed) as u64;
        }
        if content.len() < at + frame {
            return (content.len() - committed) as u64;
        }
        at += frame;
        if word(at - frame + 4) != 0 {
            committed = at;
        }
    }
    (at - committed) as u64
}

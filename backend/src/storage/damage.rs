//! Files that were cut short or overwritten: finding out, and saving what is left.

use std::{fs, io::Read, path::Path};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::sqlite::{self, FILE};

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
    let mut statement = old.prepare("SELECT * FROM sessions ORDER BY id")?;
    let mut rows = statement.query([])?;
    rebuilt.execute_batch("BEGIN")?;
    let result = (|| {
        while let Some(row) = rows.next()? {
            let Ok(mut session) = sqlite::session(row) else { continue };
            let commands = sqlite::intact_commands(&old, &session.id)?;
            let kept = commands.len() as u64;
            let lost = session.sequence.saturating_sub(kept);
            (session.sequence, session.lost) = (kept, session.lost + lost);
            let saved = sqlite::insert_session(rebuilt, &session).and_then(|()| {
                commands.iter().try_for_each(|c| sqlite::insert_command(rebuilt, &session.id, c))
            });
            match saved {
                Ok(()) if lost == 0 => damage.whole += 1,
                Ok(()) => damage.shortened += 1,
                Err(error) => tracing::warn!(session = session.id, %error, "a session could not be saved"),
            }
        }
        Ok(())
    })();
    rebuilt.execute_batch("COMMIT")?;
    result
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

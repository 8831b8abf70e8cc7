//! The newest snapshot of each session on disk. One that is lost or damaged costs time: the log has everything.

use rusqlite::{Connection, OptionalExtension};

use super::StoreError;

/// Beside the tables of the sessions. A program that does not know it leaves it alone.
pub const TABLE: &str = "CREATE TABLE IF NOT EXISTS snapshots (session TEXT PRIMARY KEY, sequence INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT";

/// Keeps a session's snapshot in the place of the one before.
pub fn keep(connection: &Connection, session: &str, sequence: u64, bytes: &[u8]) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached("INSERT OR REPLACE INTO snapshots VALUES (?1, ?2, ?3)")?;
    statement.execute((session, i64::try_from(sequence).unwrap_or(i64::MAX), bytes))?;
    Ok(())
}

/// The snapshot of a session. One with commands that the log has lost goes: others will have their numbers.
pub fn read(connection: &Connection, session: &str, newest: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let newest = i64::try_from(newest).unwrap_or(i64::MAX);
    let mut delete =
        connection.prepare_cached("DELETE FROM snapshots WHERE session = ?1 AND sequence > ?2")?;
    delete.execute((session, newest))?;
    let mut statement = connection.prepare_cached("SELECT bytes FROM snapshots WHERE session = ?1")?;
    Ok(statement.query_row([session], |row| row.get(0)).optional()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_of_commands_that_were_lost_never_comes_back() {
        let connection = Connection::open_in_memory().expect("memory");
        connection.execute_batch(TABLE).expect("a table");
        keep(&connection, "one", 100, b"old").expect("it is kept");
        keep(&connection, "two", 100, b"other").expect("it is kept");
        assert_eq!(read(&connection, "one", 100).expect("it is read").as_deref(), Some(&b"old"[..]));
        // The log ends at 60 now, and grows again beyond 100 with other commands.
        assert_eq!(read(&connection, "one", 60).expect("it is read"), None);
        assert_eq!(read(&connection, "one", 120).expect("it is read"), None);
        assert!(read(&connection, "two", 120).expect("it is read").is_some());
    }
}

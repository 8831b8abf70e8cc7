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

/// The snapshot of a session, unless it has commands that the log has lost.
pub fn read(connection: &Connection, session: &str, newest: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT bytes FROM snapshots WHERE session = ?1 AND sequence <= ?2")?;
    let newest = i64::try_from(newest).unwrap_or(i64::MAX);
    Ok(statement.query_row((session, newest), |row| row.get(0)).optional()?)
}

//! Links on disk that were too long to be sent. A name follows from its link, so nothing is ever changed.

use rusqlite::{Connection, OptionalExtension};

use super::StoreError;

/// Beside the tables of the sessions. A program that does not know it leaves it alone.
pub const TABLE: &str = "CREATE TABLE IF NOT EXISTS links (name TEXT PRIMARY KEY, link TEXT NOT NULL) STRICT";

/// Keeps a link; one that is there stays.
pub fn keep(connection: &Connection, name: &str, link: &str) -> Result<(), StoreError> {
    connection.prepare_cached("INSERT OR IGNORE INTO links VALUES (?1, ?2)")?.execute([name, link])?;
    Ok(())
}

/// Reads a link.
pub fn read(connection: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT link FROM links WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

/// How many there are.
pub fn count(connection: &Connection) -> Result<u32, StoreError> {
    Ok(connection.prepare_cached("SELECT count(*) FROM links")?.query_row([], |row| row.get(0))?)
}

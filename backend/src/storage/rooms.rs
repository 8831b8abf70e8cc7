//! Rooms on disk: what a workshop began with, who is in it, and which sessions are theirs.
//!
//! Rows are small and change seldom, so there is no log: what is written is what holds.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{SessionRecord, StoreError, TokenHash, sqlite};

/// Beside the tables of the sessions.
pub const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS rooms (
        code TEXT PRIMARY KEY, created INTEGER NOT NULL, ends INTEGER NOT NULL, title TEXT NOT NULL,
        scenario TEXT NOT NULL, owner BLOB NOT NULL, shared TEXT NOT NULL, viewer TEXT NOT NULL, seats INTEGER NOT NULL,
        notice TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS participants (
        room TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, token BLOB NOT NULL, session TEXT NOT NULL,
        joined INTEGER NOT NULL, progress TEXT NOT NULL, PRIMARY KEY (room, number)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS room_sessions (
        room TEXT NOT NULL, session TEXT NOT NULL, PRIMARY KEY (room, session)
    ) STRICT, WITHOUT ROWID;
";

/// A room.
#[derive(Clone, Debug)]
pub struct RoomRecord {
    /// What people type to come in.
    pub code: String,
    /// Milliseconds since 1970.
    pub created: u64,
    /// When it ends by itself, in milliseconds since 1970.
    pub ends: u64,
    /// What it is called.
    pub title: String,
    /// What every own cluster begins with, as JSON.
    pub scenario: String,
    /// The instructor's token.
    pub owner: TokenHash,
    /// The instructor's shared session.
    pub shared: String,
    /// The token with which everybody in the room may look at it.
    pub viewer: String,
    /// How many participants there is place for.
    pub seats: u32,
    /// What was last said to all, as JSON.
    pub notice: String,
}

/// Somebody in a room.
#[derive(Clone, Debug)]
pub struct ParticipantRecord {
    /// From 1, in the order of coming.
    pub number: u32,
    /// What they are called; nobody else in the room is called so.
    pub name: String,
    /// Their token: it opens the room, and their own session as its owner.
    pub token: TokenHash,
    /// Their own session.
    pub session: String,
    /// Milliseconds since 1970.
    pub joined: u64,
    /// Which objectives they met and when, as JSON.
    pub progress: String,
}

/// A room and all who are in it.
pub type Whole = (RoomRecord, Vec<ParticipantRecord>);

/// Keeps a new room with the instructor's session.
pub fn create(connection: &Connection, room: &RoomRecord, shared: &SessionRecord) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO rooms VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?
        .execute(params![
            room.code,
            sqlite::signed(room.created),
            sqlite::signed(room.ends),
            room.title,
            room.scenario,
            room.owner,
            room.shared,
            room.viewer,
            room.seats,
            room.notice,
        ])?;
    add_session(connection, &room.code, shared)
}

/// Reads a room.
pub fn load(connection: &Connection, code: &str) -> Result<Option<Whole>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM rooms WHERE code = ?1")?;
    let Some(room) = statement.query_row([code], room).optional()? else { return Ok(None) };
    let mut statement =
        connection.prepare_cached("SELECT * FROM participants WHERE room = ?1 ORDER BY number")?;
    let participants = statement.query_map([code], participant)?.collect::<Result<_, _>>()?;
    Ok(Some((room, participants)))
}

/// Keeps who came, with their own session.
pub fn add(
    connection: &Connection,
    code: &str,
    participant: &ParticipantRecord,
    session: &SessionRecord,
) -> Result<(), StoreError> {
    connection.prepare_cached("INSERT INTO participants VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?.execute(
        params![
            code,
            participant.number,
            participant.name,
            participant.token,
            participant.session,
            sqlite::signed(participant.joined),
            participant.progress,
        ],
    )?;
    add_session(connection, code, session)
}

/// Gives somebody another session of their own. The one before is kept with the room.
pub fn replace_session(
    connection: &Connection,
    code: &str,
    (number, progress): (u32, &str),
    session: &SessionRecord,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE participants SET session = ?3, progress = ?4 WHERE room = ?1 AND number = ?2",
        )?
        .execute(params![code, number, session.id, progress])?;
    add_session(connection, code, session)
}

/// Keeps which objectives somebody met.
pub fn set_progress(
    connection: &Connection,
    code: &str,
    number: u32,
    progress: &str,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE participants SET progress = ?3 WHERE room = ?1 AND number = ?2")?
        .execute(params![code, number, progress])?;
    Ok(())
}

/// Forgets somebody; their sessions are kept with the room.
pub fn remove(connection: &Connection, code: &str, number: u32) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM participants WHERE room = ?1 AND number = ?2")?
        .execute(params![code, number])?;
    Ok(())
}

/// Keeps what changed of a room: its end, its scenario, and what was said to all.
pub fn update(connection: &Connection, room: &RoomRecord) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE rooms SET ends = ?2, scenario = ?3, notice = ?4 WHERE code = ?1")?
        .execute(params![room.code, sqlite::signed(room.ends), room.scenario, room.notice])?;
    Ok(())
}

/// Deletes a room with everything in it; the names of the sessions that went with it.
pub fn delete(connection: &Connection, code: &str) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT session FROM room_sessions WHERE room = ?1")?;
    let sessions: Vec<String> = statement.query_map([code], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for table in ["commands", "damaged", "clocks"] {
        let query = format!(
            "DELETE FROM {table} WHERE session IN (SELECT session FROM room_sessions WHERE room = ?1)"
        );
        connection.prepare_cached(&query)?.execute([code])?;
    }
    connection
        .prepare_cached(
            "DELETE FROM beginnings WHERE id IN (SELECT session FROM room_sessions WHERE room = ?1)",
        )?
        .execute([code])?;
    for table in ["room_sessions", "participants"] {
        connection.prepare_cached(&format!("DELETE FROM {table} WHERE room = ?1"))?.execute([code])?;
    }
    connection.prepare_cached("DELETE FROM rooms WHERE code = ?1")?.execute([code])?;
    Ok(sessions)
}

/// The rooms that ended before a moment.
pub fn ended_before(connection: &Connection, moment: u64) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT code FROM rooms WHERE ends < ?1")?;
    Ok(statement.query_map([sqlite::signed(moment)], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// How many rooms have not ended by a moment.
pub fn open_at(connection: &Connection, moment: u64) -> Result<u32, StoreError> {
    let mut statement = connection.prepare_cached("SELECT count(*) FROM rooms WHERE ends >= ?1")?;
    Ok(statement.query_row([sqlite::signed(moment)], |row| row.get(0))?)
}

/// Copies all that can be read of rooms, and of links that were kept, from a damaged file.
pub fn salvage(old: &Connection, rebuilt: &Connection) -> rusqlite::Result<()> {
    for (table, columns) in [("rooms", 10), ("participants", 7), ("room_sessions", 2), ("links", 2)] {
        // A file of before there were rooms, or what is left of one.
        let Ok(mut statement) = old.prepare(&format!("SELECT * FROM {table}")) else { continue };
        let places: Vec<String> = (1..=columns).map(|number| format!("?{number}")).collect();
        let insert = format!("INSERT OR IGNORE INTO {table} VALUES ({})", places.join(", "));
        let mut rows = statement.query([])?;
        while let Ok(Some(row)) = rows.next() {
            let values: Result<Vec<rusqlite::types::Value>, _> = (0..columns).map(|at| row.get(at)).collect();
            if let Ok(values) = values {
                rebuilt.execute(&insert, rusqlite::params_from_iter(values))?;
            }
        }
    }
    Ok(())
}

fn add_session(connection: &Connection, code: &str, session: &SessionRecord) -> Result<(), StoreError> {
    sqlite::insert_session(connection, session)?;
    connection
        .prepare_cached("INSERT INTO room_sessions VALUES (?1, ?2)")?
        .execute(params![code, session.id])?;
    Ok(())
}

fn room(row: &Row<'_>) -> rusqlite::Result<RoomRecord> {
    Ok(RoomRecord {
        code: row.get("code")?,
        created: sqlite::unsigned(row, "created")?,
        ends: sqlite::unsigned(row, "ends")?,
        title: row.get("title")?,
        scenario: row.get("scenario")?,
        owner: row.get("owner")?,
        shared: row.get("shared")?,
        viewer: row.get("viewer")?,
        seats: row.get("seats")?,
        notice: row.get("notice")?,
    })
}

fn participant(row: &Row<'_>) -> rusqlite::Result<ParticipantRecord> {
    Ok(ParticipantRecord {
        number: row.get("number")?,
        name: row.get("name")?,
        token: row.get("token")?,
        session: row.get("session")?,
        joined: sqlite::unsigned(row, "joined")?,
        progress: row.get("progress")?,
    })
}

//! The thread that owns the database file.

use std::{
    path::Path,
    sync::mpsc::{Receiver, TryRecvError},
};

use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

use super::{
    CommandRecord, Damage, OpenError, Pace, SessionRecord, StoreError, TokenHash, damage,
    disk::{Job, Reply},
    links, rooms,
};

/// Tells a writer that its command is on disk, or why not.
pub type Answer = Box<dyn FnOnce(Result<(), StoreError>)>;

/// The file in the data directory.
pub const FILE: &str = "sessions.sqlite";

/// Raised when the tables change.
const FORMAT: i64 = 3;

/// As many jobs share a transaction at most, so that the first does not wait for ever.
const BATCH: usize = 1024;

/// What never changes of a session is written once and stays where it is in the file, before the session's log: a
/// file that is cut short loses the beginning of a session last. What changes with every command is small.
const SESSIONS: &str = "
    CREATE TABLE beginnings (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, created INTEGER NOT NULL, engine TEXT NOT NULL,
        scenario TEXT NOT NULL, owner BLOB NOT NULL, editor BLOB NOT NULL, viewer BLOB NOT NULL, checksum BLOB NOT NULL
    ) STRICT;
    CREATE TABLE clocks (
        session TEXT PRIMARY KEY, sequence INTEGER NOT NULL, horizon INTEGER NOT NULL,
        running INTEGER NOT NULL, speed_milli INTEGER NOT NULL, lost INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE lost (session TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
";

const LOGS: &str = "
    CREATE TABLE commands (
        session TEXT NOT NULL, sequence INTEGER NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL,
        checksum BLOB NOT NULL, PRIMARY KEY (session, sequence)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE damaged (
        session TEXT NOT NULL, sequence INTEGER NOT NULL, at INTEGER, body ANY, checksum ANY
    );
";

/// The open database.
pub struct Database {
    connection: Connection,
}

impl Database {
    /// Opens it; makes it when it is missing, and saves what can be saved when it is damaged.
    pub fn open(directory: &Path) -> Result<(Self, Damage), OpenError> {
        let path = directory.join(FILE);
        let failed = |source| OpenError::Database { path: path.clone(), source };
        let torn_bytes = damage::torn_end(&directory.join(format!("{FILE}-wal")));
        let (connection, mut damage) = match connect(&path).and_then(|connection| checked(connection, &path))
        {
            Ok(connection) => (connection, Damage::default()),
            Err(error) if damage::is_damage(&error) => damage::rebuild(directory).map_err(failed)?,
            Err(error) => return Err(failed(error)),
        };
        damage.torn_bytes = torn_bytes;
        let found = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
        if found > FORMAT {
            return Err(OpenError::TooNew { path, found, known: FORMAT });
        }
        connection.execute_batch(links::TABLE).map_err(failed)?;
        Ok((Self { connection }, damage))
    }

    /// Works until it is told to close, or nobody is left to ask. The file is closed then; the answer is who waits for
    /// that.
    pub fn work(mut self, jobs: &Receiver<Job>) -> Vec<Reply<()>> {
        let mut closing = Vec::new();
        while closing.is_empty()
            && let Ok(first) = jobs.recv()
        {
            let mut batch = vec![first];
            while batch.len() < BATCH {
                match jobs.try_recv() {
                    Ok(job) => batch.push(job),
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                }
            }
            closing = self.commit(batch);
        }
        closing
    }

    /// Does all jobs in one transaction, and answers when that is on disk. Those who want it closed are left to answer.
    fn commit(&mut self, batch: Vec<Job>) -> Vec<Reply<()>> {
        let mut closing = Vec::new();
        let mut answers: Vec<Answer> = Vec::with_capacity(batch.len());
        let done = (|| {
            let mut transaction = self.connection.transaction()?;
            for job in batch {
                match job {
                    Job::Create(session, reply) => {
                        let result = within(&mut transaction, |c| Ok(insert_session(c, &session)?));
                        answers.push(later(result, reply));
                    }
                    Job::Append { id, commands, reply } => {
                        let result = within(&mut transaction, |c| append(c, &id, &commands));
                        answers.push(later(result, reply));
                    }
                    Job::Clock { id, horizon, pace, reply } => {
                        let result = within(&mut transaction, |c| set_clock(c, &id, horizon, pace));
                        answers.push(later(result, reply));
                    }
                    Job::Describe { id, reply } => answers.push(later(describe(&transaction, &id), reply)),
                    Job::Load { id, reply } => {
                        let result = within(&mut transaction, |c| load(c, &id));
                        answers.push(later(result, reply));
                    }
                    Job::Work(work) => answers.push(work(&mut transaction)),
                    Job::Close(reply) => closing.push(reply),
                }
            }
            transaction.commit()
        })();
        let outcome = done.map_err(StoreError::from);
        answers.into_iter().for_each(|answer| answer(outcome.clone()));
        closing
    }
}

/// An answer for when the fate of the transaction is known.
pub fn later<T: 'static>(
    result: Result<T, StoreError>,
    reply: Reply<T>,
) -> Box<dyn FnOnce(Result<(), StoreError>)> {
    Box::new(move |outcome| {
        // Whoever asked may have gone.
        let _ = reply.send(outcome.and(result));
    })
}

/// Does one job so that its failure leaves the others of the batch alone.
pub fn within<T>(
    transaction: &mut rusqlite::Transaction<'_>,
    job: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let savepoint = transaction.savepoint()?;
    let result = job(&savepoint)?;
    savepoint.commit()?;
    Ok(result)
}

/// Opens a database file for us alone.
pub fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // Every commit waits for the disk: acknowledged means durable.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// Makes the tables when there are none; an error of kind damage when the file is not whole.
fn checked(connection: Connection, path: &Path) -> rusqlite::Result<Connection> {
    let empty: bool =
        connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))?;
    if empty {
        return create_tables(connection);
    }
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        return Err(rusqlite::Error::SqliteFailure(code, Some(format!("{}: {verdict}", path.display()))));
    }
    migrate(connection)
}

/// Makes the tables in an empty database.
pub fn create_tables(mut connection: Connection) -> rusqlite::Result<Connection> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(SESSIONS)?;
    transaction.execute_batch(LOGS)?;
    transaction.execute_batch(rooms::TABLES)?;
    transaction.execute_batch(links::TABLE)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()?;
    Ok(connection)
}

/// Format 1 had everything about a session in one row, format 2 no rooms.
fn migrate(mut connection: Connection) -> rusqlite::Result<Connection> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found != 1 && found != 2 {
        return Ok(connection);
    }
    let transaction = connection.transaction()?;
    transaction.execute_batch(rooms::TABLES)?;
    if found == 1 {
        from_one_row(&transaction)?;
    }
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()?;
    Ok(connection)
}

fn from_one_row(transaction: &rusqlite::Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(SESSIONS)?;
    {
        let mut statement =
            transaction.prepare("SELECT *, x'' AS checksum FROM sessions ORDER BY created")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (mut session, _) = beginning(row)?;
            clock(row, &mut session)?;
            insert_session(transaction, &session)?;
        }
    }
    transaction.execute_batch("DROP TABLE sessions")
}

/// How many sessions there are.
pub fn count(connection: &Connection) -> Result<u32, StoreError> {
    Ok(connection.prepare_cached("SELECT count(*) FROM clocks")?.query_row([], |row| row.get(0))?)
}

/// Writes the rows of a session.
pub fn insert_session(connection: &Connection, session: &SessionRecord) -> rusqlite::Result<()> {
    let [owner, editor, viewer] = &session.tokens;
    connection
        .prepare_cached("INSERT INTO beginnings VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
        .execute(params![
            session.id,
            signed(session.created),
            session.engine,
            session.scenario,
            owner,
            editor,
            viewer,
            session_checksum(session),
        ])?;
    connection.prepare_cached("INSERT INTO clocks VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(params![
        session.id,
        signed(session.sequence),
        signed(session.horizon),
        session.pace.running,
        session.pace.speed_milli,
        signed(session.lost),
    ])?;
    Ok(())
}

/// Keeps in mind that there was a session whose beginning is lost.
pub fn insert_lost(connection: &Connection, id: &str) -> rusqlite::Result<()> {
    connection.execute("INSERT INTO lost VALUES (?1)", [id])?;
    Ok(())
}

/// Writes the rows of commands, whose numbers must follow the last one.
fn append(connection: &Connection, id: &str, commands: &[CommandRecord]) -> Result<(), StoreError> {
    let (Some(first), Some(last)) = (commands.first(), commands.last()) else { return Ok(()) };
    let changed = connection
        .prepare_cached(
            "UPDATE clocks SET sequence = ?1, horizon = max(horizon, ?2) WHERE session = ?3 AND sequence = ?4",
        )?
        .execute(params![signed(last.sequence), signed(last.at), id, signed(first.sequence) - 1])?;
    if changed != 1 {
        return Err(StoreError::Conflict(id.to_owned()));
    }
    commands.iter().try_for_each(|command| insert_command(connection, id, command))?;
    Ok(())
}

/// Writes the row of one command.
pub fn insert_command(connection: &Connection, id: &str, command: &CommandRecord) -> rusqlite::Result<()> {
    connection.prepare_cached("INSERT INTO commands VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![
        id,
        signed(command.sequence),
        signed(command.at),
        command.body,
        command_checksum(id, command),
    ])?;
    Ok(())
}

fn set_clock(connection: &Connection, id: &str, horizon: u64, pace: Pace) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE clocks SET horizon = ?1, running = ?2, speed_milli = ?3 WHERE session = ?4")?
        .execute(params![signed(horizon), pace.running, pace.speed_milli, id])?;
    Ok(())
}

fn describe(connection: &Connection, id: &str) -> Result<Option<SessionRecord>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT * FROM beginnings JOIN clocks ON clocks.session = beginnings.id WHERE id = ?1",
    )?;
    let found = statement.query_row([id], |row| {
        let (mut session, intact) = beginning(row)?;
        clock(row, &mut session)?;
        Ok(intact.then_some(session))
    });
    if let Some(session) = found.optional()? {
        return session.map(Some).ok_or_else(|| StoreError::Lost(id.to_owned()));
    }
    let mut statement = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM lost WHERE session = ?1)")?;
    let lost: bool = statement.query_row([id], |row| row.get(0))?;
    if lost { Err(StoreError::Lost(id.to_owned())) } else { Ok(None) }
}

/// Reads a session. A log that breaks off early is cut there for good; what lay behind is set aside.
fn load(
    connection: &Connection,
    id: &str,
) -> Result<Option<(SessionRecord, Vec<CommandRecord>)>, StoreError> {
    let Some(mut session) = describe(connection, id)? else { return Ok(None) };
    let commands = intact_commands(connection, id)?;
    let kept = commands.len() as u64;
    if kept != session.sequence {
        let lost = session.sequence.saturating_sub(kept);
        tracing::warn!(
            session = id,
            kept,
            lost,
            "the log of a session was damaged; its intact beginning is kept"
        );
        connection.execute(
            "INSERT INTO damaged SELECT * FROM commands WHERE session = ?1 AND sequence > ?2",
            params![id, signed(kept)],
        )?;
        connection.execute(
            "DELETE FROM commands WHERE session = ?1 AND sequence > ?2",
            params![id, signed(kept)],
        )?;
        session.sequence = kept;
        session.lost += lost;
        connection.execute(
            "UPDATE clocks SET sequence = ?1, lost = ?2 WHERE session = ?3",
            params![signed(session.sequence), signed(session.lost), id],
        )?;
    }
    Ok(Some((session, commands)))
}

/// The commands of a log from the first to the last before one that is missing, altered or unreadable.
pub fn intact_commands(connection: &Connection, id: &str) -> rusqlite::Result<Vec<CommandRecord>> {
    let mut statement = connection.prepare_cached(
        "SELECT sequence, at, body, checksum FROM commands WHERE session = ?1 ORDER BY sequence",
    )?;
    let mut rows = statement.query([id])?;
    let mut commands: Vec<CommandRecord> = Vec::new();
    while let Ok(Some(row)) = rows.next() {
        let Ok((command, sum)) = command(row) else { break };
        let next = commands.len() as u64 + 1;
        let in_order = commands.last().is_none_or(|last| last.at <= command.at);
        if command.sequence != next || !in_order || sum != command_checksum(id, &command) {
            break;
        }
        commands.push(command);
    }
    Ok(commands)
}

/// Reads what never changes of a session, and whether it is as it was written.
pub fn beginning(row: &Row<'_>) -> rusqlite::Result<(SessionRecord, bool)> {
    let token = |column: &str| row.get::<_, TokenHash>(column);
    let session = SessionRecord {
        id: row.get("id")?,
        created: unsigned(row, "created")?,
        engine: row.get("engine")?,
        scenario: row.get("scenario")?,
        tokens: [token("owner")?, token("editor")?, token("viewer")?],
        sequence: 0,
        horizon: 0,
        pace: Pace { running: false, speed_milli: 1000 },
        lost: 0,
    };
    let intact = row.get::<_, Vec<u8>>("checksum")? == session_checksum(&session);
    Ok((session, intact))
}

/// Reads how far a session is.
pub fn clock(row: &Row<'_>, session: &mut SessionRecord) -> rusqlite::Result<()> {
    session.sequence = unsigned(row, "sequence")?;
    session.horizon = unsigned(row, "horizon")?;
    session.pace = Pace { running: row.get("running")?, speed_milli: row.get("speed_milli")? };
    session.lost = unsigned(row, "lost")?;
    Ok(())
}

fn command(row: &Row<'_>) -> rusqlite::Result<(CommandRecord, Vec<u8>)> {
    let command = CommandRecord {
        sequence: unsigned(row, "sequence")?,
        at: unsigned(row, "at")?,
        body: row.get("body")?,
    };
    Ok((command, row.get("checksum")?))
}

fn session_checksum(session: &SessionRecord) -> Vec<u8> {
    let [owner, editor, viewer] = &session.tokens;
    let created = session.created.to_le_bytes();
    let texts = [session.id.as_bytes(), session.engine.as_bytes(), session.scenario.as_bytes()];
    checksum(texts.into_iter().chain([&created[..], owner, editor, viewer]))
}

fn command_checksum(id: &str, command: &CommandRecord) -> Vec<u8> {
    let (sequence, at) = (command.sequence.to_le_bytes(), command.at.to_le_bytes());
    checksum([id.as_bytes(), &sequence, &at, command.body.as_bytes()].into_iter())
}

/// Finds bytes that changed on disk: SQLite checks its structure, not our content.
fn checksum<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize()[..8].to_vec()
}

/// SQLite's integers have a sign. No clock or count of ours gets near it.
pub fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub fn unsigned(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, value))
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => "the disk is full".to_owned(),
            _ => error.to_string(),
        })
    }
}

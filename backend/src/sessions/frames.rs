//! From what is kept to what is sent, and back.

use axum::extract::ws::Utf8Bytes;
use shared::{
    session::protocol::{Entry, Role, ServerMessage},
    sim::Time,
};

use super::token;
use crate::storage::{CommandRecord, TokenHash};

/// Why a connection ends, as the client is told: a sentence, and the code it is closed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The WebSocket close code; those from 4000 resemble HTTP's.
    pub code: u16,
    /// What is wrong and what to do.
    pub why: &'static str,
}

impl End {
    /// A frame that is no message.
    pub const BAD_FRAME: End =
        End { code: 4400, why: "that is no message of this protocol: load the page again" };
    /// A token that opens nothing here.
    pub const WRONG_TOKEN: End =
        End { code: 4401, why: "this link does not open this session: ask for it again, and copy all of it" };
    /// No session of that name.
    pub const NO_SESSION: End = End { code: 4404, why: "there is no such session here: check the link" };
    /// Nothing was heard for too long.
    pub const SILENT: End =
        End { code: 4408, why: "nothing was heard from this page for too long: connect again" };
    /// Leave to be there was taken back.
    pub const REVOKED: End = End { code: 4403, why: "whose cluster this is goes on alone now" };
    /// A room that is not there.
    pub const NO_ROOM: End = End { code: 4404, why: "there is no such room here: check the code" };
    /// A token of another room, or of somebody who was sent away.
    pub const NOT_IN_ROOM: End = End { code: 4401, why: "this link does not open this room: join it anew" };
    /// A room whose time is over.
    pub const ROOM_ENDED: End = End { code: 4410, why: "this room has ended" };
    /// A room that is deleted.
    pub const ROOM_DELETED: End = End { code: 4410, why: "this room was deleted with everything in it" };
    /// Sent away by the instructor.
    pub const REMOVED: End = End { code: 4403, why: "the instructor took you off the list of this room" };
    /// More connections than people.
    pub const CROWDED: End = End { code: 4429, why: "too many pages are connected to this room" };
    /// It went with its room.
    pub const DELETED: End = End { code: 4410, why: "this session was deleted with its room" };
    /// Its beginning is gone.
    pub const LOST: End = End {
        code: 4410,
        why: "this session cannot be opened again: its beginning was in a part of the store that was damaged",
    };
    /// A log that this program cannot read.
    pub const FOREIGN_LOG: End = End {
        code: 4422,
        why: "this session was begun by another version, whose commands this one cannot read",
    };
    /// A page of another build.
    pub const OTHER_ENGINE: End = End { code: 4426, why: "this page is of another version: load it again" };
    /// Frames without end.
    pub const TOO_MANY: End =
        End { code: 4429, why: "too many messages at once: connect again, and slow down" };
    /// A reader who cannot follow.
    pub const TOO_SLOW: End = End { code: 4431, why: "this page reads too slowly to follow: connect again" };
    /// A message over the limit. The code is the standard's.
    pub const TOO_LARGE: End = End { code: 1009, why: "that message is too large: at most 1 MB is read" };
    /// Something broke on our side. The code is the standard's.
    pub const FAILED: End =
        End { code: 1011, why: "the server could not keep this session: connect again in a moment" };
    /// Another server goes on with it. The code is the standard's.
    pub const MOVED: End =
        End { code: 1012, why: "this session goes on at another server: connect again in a moment" };
    /// Nobody knows whether what was written last is kept. The code is the standard's.
    pub const STORE_AWAY: End = End {
        code: 1013,
        why: "the server cannot reach its store: what was acknowledged is safe; this page connects again by itself",
    };
    /// The server ends. The code is the standard's.
    pub const RESTART: End = End { code: 1012, why: "the server is restarting: connect again in a moment" };
}

/// The message as it goes over the line.
pub fn text(message: &ServerMessage) -> Utf8Bytes {
    message.write().into()
}

/// What is kept of a command.
pub fn record(entry: &Entry) -> CommandRecord {
    let body = serde_json::to_string(entry).expect("an entry always prints");
    CommandRecord { sequence: entry.sequence, at: entry.at.0, body }
}

/// The frame that tells of a kept command; none when it is not readable by this version.
pub fn entry_frame(record: &CommandRecord) -> Option<Utf8Bytes> {
    let entry: Entry = serde_json::from_str(&record.body).ok()?;
    let entry = Entry { sequence: record.sequence, at: Time(record.at), ..entry };
    Some(text(&ServerMessage::Entry(entry)))
}

/// What a token allows in a session.
pub fn role_of(tokens: &[TokenHash; 3], secret: &str) -> Option<Role> {
    let hash = token::hash(secret);
    let roles = [Role::Owner, Role::Editor, Role::Viewer];
    roles.into_iter().zip(tokens).find(|(_, kept)| **kept == hash).map(|(role, _)| role)
}

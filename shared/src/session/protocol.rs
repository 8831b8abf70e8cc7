//! What the server and the replicas of a live session say to each other: JSON text frames over a WebSocket.
//!
//! The server only numbers what people do and tells how far time has come; every replica plays the same log. No
//! replica steps past the horizon, and no entry is stamped before it, so nobody ever has to take anything back.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::doc::{Str, from_doc, parse_json};
use crate::scenario::{Scenario, StepAction};
use crate::sim::{StateHash, Time};

/// The largest frame that either side reads, in bytes.
pub const MAX_FRAME: u32 = 4 << 20;

/// What a replica tells the server.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ClientMessage {
    /// The first frame: who comes, and with which engine.
    Hello {
        /// The capability from the link: it decides the role.
        token: Str,
        /// The version of the client's engine.
        engine: Str,
        /// The last entry that the client has, when it comes back; it is sent only what follows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<u64>,
        /// Whether it wants to play all of the log rather than begin with a snapshot.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        whole: bool,
        /// What the person wants to be called.
        #[serde(default, skip_serializing_if = "Str::is_empty")]
        name: Str,
    },
    /// Do this, now.
    Submit {
        /// Chosen by the client; the answer carries it.
        id: u32,
        /// What.
        action: StepAction,
    },
    /// Let time pass otherwise; what is left out stays.
    Pace {
        /// Whether time passes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        running: Option<bool>,
        /// Virtual milliseconds a second of wall time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        speed: Option<u32>,
        /// A moment to skip to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Time>,
    },
    /// Where this replica is, for the others to compare.
    Hash(Checkpoint),
    /// What this person points at, for the others to see; it is kept nowhere.
    Point(Pointer),
    /// What this person wants to be called from now on.
    Call {
        /// Text, which the server cleans and tells apart from other names.
        name: Str,
    },
}

/// What the server tells a replica.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ServerMessage {
    /// The answer to a hello.
    Welcome(Box<Welcome>),
    /// Somebody did something.
    Entry(Entry),
    /// Time has come this far.
    Horizon(Horizon),
    /// Report the hash that you have exactly here: after this entry, with everything up to and including this moment
    /// done. It comes before the horizon reaches that place, so nobody has passed it.
    Check {
        /// The last entry before it.
        sequence: u64,
        /// The moment.
        time: Time,
    },
    /// All who reported so far have the same state there.
    Agreed {
        /// The last entry before it.
        sequence: u64,
        /// The moment.
        time: Time,
        /// How many were compared.
        replicas: u32,
    },
    /// What was submitted is in the log for good.
    Accepted {
        /// The submission's number.
        id: u32,
        /// The entry's number.
        sequence: u64,
    },
    /// What was asked is not done.
    Refused {
        /// The submission's number; none when it answers another frame.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u32>,
        /// Why, and what to do instead.
        why: Str,
    },
    /// Who is here.
    Presence {
        /// Everyone, in the order of their coming.
        people: Vec<Person>,
    },
    /// What somebody else points at; nothing any more when all of it is empty.
    Points {
        /// Who, as in [`ServerMessage::Presence`].
        name: Str,
        /// What.
        at: Pointer,
    },
    /// Another replica at the same place has another state: a bug of ours, or a foreign build.
    Diverged {
        /// Where.
        sequence: u64,
        /// When.
        time: Time,
        /// The state that the server takes for the right one.
        hash: StateHash,
    },
}

/// Everything that a replica needs to be where the others are.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Welcome {
    /// The version of the server's engine; a page of another build reloads.
    pub engine: Str,
    /// What this connection may do.
    pub role: Role,
    /// What the session began with; none when the client said what it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<Box<Scenario>>,
    /// A snapshot ([`Replica::save`](super::Replica::save)) in base64: the log goes on after it. Who cannot read it says
    /// hello again, and asks for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Str>,
    /// What was done since, in order.
    #[serde(default)]
    pub log: Vec<Entry>,
    /// How far time has come.
    pub horizon: Horizon,
}

/// One line of the log.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// Its number: 1, 2, 3 …
    pub sequence: u64,
    /// When it takes effect; never before an earlier entry or a horizon that was told.
    pub at: Time,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub by: Str,
    /// What.
    pub action: StepAction,
}

/// How far replicas may step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Horizon {
    /// The last entry before it: without that, nobody steps there.
    pub sequence: u64,
    /// Up to and including this moment.
    pub time: Time,
    /// Whether time passes.
    pub running: bool,
    /// Virtual milliseconds a second of wall time.
    pub speed: u32,
}

/// A state, by the place in the log at which it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Checkpoint {
    /// The last entry that was played.
    pub sequence: u64,
    /// The moment.
    pub time: Time,
    /// The state.
    pub hash: StateHash,
}

/// Somebody who is connected.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Person {
    /// How others see them: what they call themselves, or `owner`, `editor 2` …
    pub name: Str,
    /// What they may do.
    pub role: Role,
    /// Whether this is the one who reads it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub you: bool,
}

/// What somebody points at in the picture of the cluster, and what they have chosen there.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pointer {
    /// The thing under the pointer: `node/node-1`, `pod/…`, `kube-scheduler`; empty for none.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub place: Str,
    /// Where on it, in thousandths of its width and height.
    #[serde(default)]
    pub x: u16,
    /// The same, downwards.
    #[serde(default)]
    pub y: u16,
    /// The thing that is looked at more closely: `Pod/default/web-0`, `kube-scheduler`; empty for none.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub chosen: Str,
    /// The panel that is open: `terminal`; empty for none.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub panel: Str,
}

impl Pointer {
    /// The longest name of a thing, in bytes.
    pub const LONGEST: usize = 300;

    /// Whether it is one that a page would send.
    pub fn is_sound(&self) -> bool {
        let plain =
            |text: &Str| text.len() <= Self::LONGEST && text.chars().all(|letter| !letter.is_control());
        [&self.place, &self.chosen, &self.panel].into_iter().all(plain) && self.x <= 1000 && self.y <= 1000
    }
}

/// What somebody may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look.
    Viewer,
    /// Look, act, and set the pace.
    Editor,
    /// Everything, also what concerns the session itself.
    Owner,
}

impl Role {
    /// Whether they may submit and set the pace.
    pub fn may_act(self) -> bool {
        self >= Role::Editor
    }
}

/// Why a frame cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FrameError(String);

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FrameError {}

fn read<T: DeserializeOwned>(frame: &str) -> Result<T, FrameError> {
    if frame.len() > MAX_FRAME as usize {
        return Err(FrameError(format!("the frame has {} bytes; at most {MAX_FRAME} are read", frame.len())));
    }
    let doc = parse_json(frame).map_err(|error| FrameError(format!("the frame is no JSON: {error}")))?;
    from_doc(&doc).map_err(|error| FrameError(format!("the frame is no message of this protocol: {error}")))
}

fn write<T: Serialize>(message: &T) -> String {
    serde_json::to_string(message).expect("a message always prints")
}

impl ClientMessage {
    /// Reads a frame.
    ///
    /// # Errors
    /// It is too long, or no such message.
    pub fn read(frame: &str) -> Result<ClientMessage, FrameError> {
        read(frame)
    }

    /// The frame.
    pub fn write(&self) -> String {
        write(self)
    }
}

impl ServerMessage {
    /// Reads a frame.
    ///
    /// # Errors
    /// It is too long, or no such message.
    pub fn read(frame: &str) -> Result<ServerMessage, FrameError> {
        read(frame)
    }

    /// The frame.
    pub fn write(&self) -> String {
        write(self)
    }
}

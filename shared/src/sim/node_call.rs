//! What the API server asks a kubelet directly (its port 10250): logs, programs in containers, connections to ports.

use crate::api::Key;
use crate::codec::Codec;
use crate::doc::{Str, Timestamp};

/// Which lines of a log, and how (`v1.PodLogOptions`).
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct LogOptions {
    /// Whose; empty for the only container.
    pub container: Str,
    /// Goes on until the container ends.
    pub follow: bool,
    /// Of the start before this one.
    pub previous: bool,
    /// Each line begins with its moment.
    pub timestamps: bool,
    /// At most so many, from the end.
    pub tail_lines: Option<i64>,
    /// Not older than so many seconds.
    pub since_seconds: Option<i64>,
    /// Not older than this.
    pub since_time: Option<Timestamp>,
    /// At most so many bytes.
    pub limit_bytes: Option<i64>,
}

/// A program to run in a container (`v1.PodExecOptions`).
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ExecOptions {
    /// Where; empty for the only container.
    pub container: Str,
    /// Its words.
    pub command: Vec<Str>,
    /// What it reads.
    pub stdin: Str,
    /// Whether it believes that it talks to a terminal.
    pub tty: bool,
    /// The name of the connection that its input comes over and its output goes to, bit by bit; empty where it is given
    /// all of its input at once and answers when it has ended.
    pub stream: Str,
    /// Whether more input may come over the connection.
    pub open: bool,
}

/// What comes over a connection to a program.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub enum StreamInput {
    /// More for it to read.
    Text(Str),
    /// There is no more to read.
    End,
    /// A key of the terminal that is a signal, as Control-C is.
    Signal(&'static str),
    /// Nobody is there any more.
    Closed,
}

/// A call of the API server's to a kubelet.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub enum NodeCall {
    /// `GET /containerLogs/NAMESPACE/POD/CONTAINER`
    Logs(Key, LogOptions),
    /// `POST /exec/NAMESPACE/POD/CONTAINER`
    Exec(Key, ExecOptions),
    /// `POST /attach/NAMESPACE/POD/CONTAINER`
    Attach(Key, ExecOptions),
    /// Something comes over the connection of this name, to a container's program.
    Input(Key, Str, StreamInput),
    /// `POST /portForward/NAMESPACE/POD`: what is sent to a port; empty to ask whether it could be.
    Forward(Key, u32, Str),
    /// `GET PATH` of what the kubelet says of itself.
    Get(Str),
}

/// A kubelet's answer.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub enum NodeReply {
    /// More of a log that goes on.
    Part(Str),
    /// A log (the rest of it, after parts).
    Log(Str),
    /// More of what a program writes: whether to standard error, and what.
    Output(bool, Str),
    /// How a program went.
    Exec(ExecResult),
    /// What came over a connection has arrived.
    Taken,
    /// What a container answered on a port, or the kubelet itself: the status and text of HTTP.
    Http(u32, Str),
    /// HTTP status and text.
    Refused(u32, Str),
}

/// How a program in a container went.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ExecResult {
    /// What it wrote.
    pub stdout: Str,
    /// What it complained of.
    pub stderr: Str,
    /// Its exit code.
    pub exit_code: i32,
    /// Why it could not even start, in the runtime's words; empty when it did.
    pub failure: Str,
}

//! What the terminal asks of the worker, and hears from it.

use serde::{Deserialize, Serialize};

/// Something that the terminal asks. Programs run beside each other; the page chooses their numbers.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum TerminalRequest {
    /// Start a kubectl program.
    Run {
        /// Its number.
        id: u32,
        /// Its words, without the leading `kubectl`.
        args: Vec<String>,
        /// What it reads as standard input.
        stdin: String,
    },
    /// Ctrl-C.
    Interrupt(u32),
    /// What was typed to a program in a container, after [`TerminalReply::Listens`].
    Keys {
        /// The kubectl that runs it.
        id: u32,
        /// What.
        keys: TerminalKeys,
    },
    /// What came back of that which a program handed out.
    Answer {
        /// The program.
        id: u32,
        /// The saved text, or nothing.
        text: String,
    },
    /// What fields are for, as `fields.json` has it, for `kubectl explain`.
    Documentation(String),
    /// The words that kubectl knows, for completion; [`TerminalReply::Words`] answers.
    Words,
}

/// What a terminal in a container brings to the program there.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum TerminalKeys {
    /// A line, with its end.
    Line(String),
    /// Ctrl-D.
    End,
    /// Ctrl-C.
    Interrupt,
    /// Nobody is there any more.
    HangUp,
}

/// What the worker tells the terminal.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum TerminalReply {
    /// A program printed something.
    Output {
        /// The program.
        id: u32,
        /// To standard output.
        stdout: String,
        /// To standard error.
        stderr: String,
    },
    /// A program hands something out, and waits for [`TerminalRequest::Answer`].
    Asks {
        /// The program.
        id: u32,
        /// What.
        ask: TerminalAsk,
    },
    /// A program runs in a container and takes what is typed, until its kubectl is done.
    Listens(u32),
    /// A program ended.
    Done {
        /// The program.
        id: u32,
        /// 0 for success.
        code: u8,
    },
    /// Every verb with its flags: `--output=` takes a value, `-w` none.
    Words(Vec<(String, Vec<String>)>),
}

/// What a program hands to the person in front of the terminal.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum TerminalAsk {
    /// A text to edit.
    Edit(String),
    /// Ports that are reached until Ctrl-C.
    Forward(Vec<(u16, u16)>),
    /// The text of a file of this name.
    Load(String),
    /// A file to keep.
    Save {
        /// Its name.
        name: String,
        /// What is in it.
        text: String,
    },
}

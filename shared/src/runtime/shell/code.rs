//! What a script is compiled to: blocks of steps, so that a running program is no more than a position in them.

use std::hash::{Hash, Hasher};

use crate::codec::Codec;
use crate::doc::Str;

/// A compiled script.
#[derive(Codec, Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Code {
    /// As it was written; everything else follows from it.
    pub source: Str,
    pub blocks: Vec<Vec<Op>>,
    pub heredocs: Vec<Word>,
}

impl Hash for Code {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let first = self.blocks.first().and_then(|block| block.first());
        let words = if let Some(Op::Run(command)) = first { command.words.len() } else { 0 };
        (&self.source, words as u32).hash(state);
    }
}

/// A step.
#[derive(Codec, Clone, PartialEq, Eq, Debug)]
pub(super) enum Op {
    Run(Command),
    /// Runs a block and comes back.
    Call(u32, Block),
    /// Runs a block beside this program.
    Spawn(u32),
    /// Gives a block a name.
    Define(Str, u32),
    Jump(u32),
    /// Jumps when the last command succeeded, or when it failed.
    JumpIf(bool, u32),
    Not,
    /// The last command counts as successful.
    Succeed,
    /// A loop begins; where it ends.
    Loop(u32),
    /// A loop over words begins.
    Each(Vec<Word>, u32),
    /// The next word of the loop, under this name.
    Next(Str),
    /// Once more.
    Again,
    EndLoop,
    Redirect(Vec<Redirect>),
    Restore,
    /// Runs the next command of what the shell reads; at the end of that, the rest of the block is skipped.
    Interpret,
    Case(Word),
    /// Jumps unless one of the patterns fits.
    Match(Vec<Word>, u32),
}

/// How a block is run.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Block {
    /// `$(…)`: its output is a value for the words to come.
    Capture,
    /// `(…)`
    Subshell,
    /// A stage of a pipeline: whether another follows.
    Stage(bool),
    /// A function.
    Function,
    /// A trap.
    Trap,
}

/// `NAME=value program words >file`
#[derive(Codec, Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Command {
    pub assignments: Vec<(Str, Word)>,
    pub words: Vec<Word>,
    pub redirects: Vec<Redirect>,
    /// Somebody looks at whether it succeeds, so that `set -e` does not.
    pub checked: bool,
}

#[derive(Codec, Clone, PartialEq, Eq, Debug)]
pub(super) struct Redirect {
    /// 0, 1 or 2.
    pub fd: u32,
    pub to: Destination,
}

#[derive(Codec, Clone, PartialEq, Eq, Debug)]
pub(super) enum Destination {
    Read(Word),
    Write(Word),
    Append(Word),
    Copy(u32),
    Heredoc(u32),
    Text(Word),
}

/// A word before its variables have values.
#[derive(Codec, Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Word(pub Vec<Part>);

#[derive(Codec, Clone, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// Text, and whether it was quoted.
    Text(String, bool),
    /// `$NAME`, `${NAME}`, `${NAME:-word}` …: name, operator, its word, whether quoted.
    Variable(Str, Modifier, Word, bool),
    /// The value of the next `$(…)`, and whether it is quoted.
    Value(bool),
    /// `$((…))`
    Sum(Word),
}

#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Modifier {
    Plain,
    /// `:-`
    Default,
    /// `:=`
    Assign,
    /// `:+`
    Alternative,
    /// `:?`
    Required,
    /// `#` and `##`
    CutFront,
    /// `%` and `%%`
    CutBack,
    /// `${#NAME}`
    Length,
}

impl Word {
    /// The word when nothing in it depends on anything.
    pub fn literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Text(text, false)] => Some(text),
            _ => None,
        }
    }

    /// How many values of `$(…)` it takes.
    pub fn values(&self) -> u32 {
        self.0
            .iter()
            .map(|part| match part {
                Part::Value(_) => 1,
                Part::Variable(_, _, word, _) | Part::Sum(word) => word.values(),
                Part::Text(..) => 0,
            })
            .sum()
    }
}

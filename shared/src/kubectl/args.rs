//! Words and flags of a command line.

use lexopt::{Arg, Parser};

use crate::collections::BTreeMap;
use crate::doc::Str;

/// A flag that a verb takes.
pub(super) struct Flag {
    pub long: &'static str,
    pub short: Option<char>,
    /// Whether a value must follow; otherwise one may be given with `=`.
    pub value: bool,
}

/// A flag with a value.
pub(super) const fn value(long: &'static str, short: Option<char>) -> Flag {
    Flag { long, short, value: true }
}

/// A flag that is there or not.
pub(super) const fn switch(long: &'static str, short: Option<char>) -> Flag {
    Flag { long, short, value: false }
}

/// Flags that every verb takes.
const GLOBAL: &[Flag] = &[value("namespace", Some('n')), value("as", None), switch("help", Some('h'))];

/// The verb, and everything else: flags may stand before it, as in `kubectl -n team get pods`.
pub(super) fn split_verb(args: &[Str]) -> Option<(Str, Vec<Str>)> {
    let mut at = 0;
    while args.get(at).is_some_and(|arg| arg.starts_with('-')) {
        // A value that is not joined by `=` is the next word.
        let takes_next = |flag: &Flag| {
            flag.value
                && (args[at].trim_start_matches("--") == flag.long
                    || flag.short.is_some_and(|letter| args[at] == format!("-{letter}")))
        };
        at += if GLOBAL.iter().any(takes_next) { 2 } else { 1 };
    }
    let verb = args.get(at)?.clone();
    let rest = args.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, word)| word.clone());
    Some((verb, rest.collect()))
}

/// A command line that was read.
#[derive(Debug)]
pub(super) struct Args {
    pub words: Vec<String>,
    flags: BTreeMap<&'static str, Vec<String>>,
}

impl Args {
    /// Reads the words after the verb; the error is what stands after `error: `.
    pub fn parse(verb: &str, flags: &'static [Flag], args: &[Str]) -> Result<Args, String> {
        let mut parser = Parser::from_args(args.iter().map(|arg| arg.as_str()));
        let mut parsed = Args { words: Vec::new(), flags: BTreeMap::new() };
        let usage = |why: String| format!("{why}\nSee 'kubectl {verb} --help' for usage.");
        let known = || GLOBAL.iter().chain(flags);
        loop {
            let flag = match parser.next().map_err(|error| usage(error.to_string()))? {
                None => return Ok(parsed),
                Some(Arg::Value(word)) => {
                    parsed.words.push(word.to_string_lossy().into_owned());
                    continue;
                }
                Some(Arg::Long(name)) => known()
                    .find(|flag| flag.long == name)
                    .ok_or_else(|| usage(format!("unknown flag: --{name}")))?,
                Some(Arg::Short(letter)) => known()
                    .find(|flag| flag.short == Some(letter))
                    .ok_or_else(|| usage(format!("unknown shorthand flag: '{letter}' in -{letter}")))?,
            };
            let value = if flag.value {
                let missing = |_| usage(format!("flag needs an argument: --{}", flag.long));
                parser.value().map_err(missing)?.to_string_lossy().into_owned()
            } else {
                parser
                    .optional_value()
                    .map_or_else(|| "true".into(), |value| value.to_string_lossy().into_owned())
            };
            parsed.flags.entry(flag.long).or_default().push(value);
        }
    }

    /// The last value of a flag.
    pub fn get(&self, long: &str) -> Option<&str> {
        self.flags.get(long).and_then(|values| values.last()).map(String::as_str)
    }

    /// Every value of a flag that may be given again.
    pub fn all(&self, long: &str) -> &[String] {
        self.flags.get(long).map_or(&[], Vec::as_slice)
    }

    /// Whether a switch is on.
    pub fn is_on(&self, long: &str) -> bool {
        self.get(long).is_some_and(|value| value != "false")
    }

    /// The namespace that is meant when an object names none.
    pub fn namespace(&self) -> &str {
        self.get("namespace").filter(|namespace| !namespace.is_empty()).unwrap_or("default")
    }
}

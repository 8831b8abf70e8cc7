//! Words and flags of a command line.

use lexopt::{Arg, Parser};

use crate::collections::BTreeMap;
use crate::doc::Str;
use crate::sim::Duration;

/// A flag that a verb takes.
pub(super) struct Flag {
    pub long: &'static str,
    pub short: Option<char>,
    takes: Takes,
}

#[derive(Clone, Copy, PartialEq)]
enum Takes {
    /// A value, which may be the next word.
    Value,
    /// True or false, joined by `=`, or nothing for true.
    Switch,
    /// A value joined by `=`, or nothing for this one.
    Optional(&'static str),
    /// The value of `-o` where whole objects can be printed, with which come [`PRINTING`].
    Format,
}

impl Takes {
    /// Whether a value must follow.
    fn must(self) -> bool {
        matches!(self, Takes::Value | Takes::Format)
    }
}

/// A flag with a value.
pub(super) const fn value(long: &'static str, short: Option<char>) -> Flag {
    Flag { long, short, takes: Takes::Value }
}

/// A flag that is there or not.
pub(super) const fn switch(long: &'static str, short: Option<char>) -> Flag {
    Flag { long, short, takes: Takes::Switch }
}

/// A flag that may say more than that it is there; `bare` is what it says when it does not.
pub(super) const fn optional(long: &'static str, bare: &'static str) -> Flag {
    Flag { long, short: None, takes: Takes::Optional(bare) }
}

/// `-o` of a verb that prints objects.
pub(super) const fn output() -> Flag {
    Flag { long: "output", short: Some('o'), takes: Takes::Format }
}

/// Flags of verbs that print objects.
const PRINTING: &[Flag] = &[
    value("template", None),
    switch("allow-missing-template-keys", None),
    switch("show-managed-fields", None),
];

/// All flags of a verb, beside those of every verb.
fn own(flags: &'static [Flag]) -> impl Iterator<Item = &'static Flag> {
    let prints = flags.iter().any(|flag| flag.takes == Takes::Format);
    flags.iter().chain(if prints { PRINTING } else { &[] })
}

/// Flags that every verb takes. Those about the way to the server are read and mean nothing here: there is one server.
const GLOBAL: &[Flag] = &[
    value("namespace", Some('n')),
    value("as", None),
    value("as-group", None),
    value("as-uid", None),
    value("context", None),
    value("cluster", None),
    value("user", None),
    value("kubeconfig", None),
    value("server", Some('s')),
    value("token", None),
    value("request-timeout", None),
    value("cache-dir", None),
    value("v", Some('v')),
    switch("insecure-skip-tls-verify", None),
    switch("warnings-as-errors", None),
    switch("help", Some('h')),
];

/// Flags as they are typed, those of every verb among them.
pub(super) fn typed(flags: &'static [Flag]) -> Vec<String> {
    let long = |flag: &Flag| {
        let value = if flag.takes.must() { "=" } else { "" };
        format!("--{}{value}", flag.long)
    };
    let short = |flag: &Flag| flag.short.map(|letter| format!("-{letter}"));
    own(flags).chain(GLOBAL).flat_map(|flag| short(flag).into_iter().chain([long(flag)])).collect()
}

/// The verb, and everything else: flags may stand before it, as in `kubectl -n team get pods`.
pub(super) fn split_verb(args: &[Str]) -> Option<(Str, Vec<Str>)> {
    let mut at = 0;
    while args.get(at).is_some_and(|arg| arg.starts_with('-')) {
        // A value that is not joined by `=` is the next word.
        let takes_next = |flag: &Flag| {
            flag.takes.must()
                && (args[at].trim_start_matches("--") == flag.long
                    || flag.short.is_some_and(|letter| args[at] == format!("-{letter}")))
        };
        at += if GLOBAL.iter().any(takes_next) { 2 } else { 1 };
    }
    let verb = args.get(at)?.clone();
    let rest = args.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, word)| word.clone());
    Some((verb, rest.collect()))
}

/// Verbs that are several.
const PARTED: [&str; 7] = ["auth", "certificate", "config", "create", "rollout", "set", "top"];

/// Flags that hold whole numbers, of 64 bits and of 32.
const NUMBERS: [&str; 8] = [
    "chunk-size",
    "current-replicas",
    "grace-period",
    "limit-bytes",
    "replicas",
    "revision",
    "tail",
    "to-revision",
];
const SMALL_NUMBERS: [&str; 4] = ["max", "min", "v", "value"];
const DURATIONS: [&str; 2] = ["since", "timeout"];

/// A command line that was read.
#[derive(Debug)]
pub(super) struct Args {
    pub words: Vec<String>,
    /// How many of the words stand before `--`, if that is there.
    pub dash: Option<usize>,
    flags: BTreeMap<&'static str, Vec<String>>,
    /// The namespace that is meant where none is said.
    namespace: String,
}

impl Args {
    /// Reads the words after the verb; the error is what stands after `error: `.
    pub fn parse(verb: &str, flags: &'static [Flag], args: &[Str], namespace: &str) -> Result<Args, String> {
        let dash = args.iter().position(|arg| arg == "--");
        let (args, after) = args.split_at(dash.unwrap_or(args.len()));
        let mut parser = Parser::from_args(args.iter().map(|arg| arg.as_str()));
        let mut parsed =
            Args { words: Vec::new(), dash: None, flags: BTreeMap::new(), namespace: namespace.to_owned() };
        // Some verbs are several: `kubectl create deployment`.
        let part = args.iter().find(|arg| !arg.starts_with('-')).filter(|_| PARTED.contains(&verb));
        let verb = part.map_or_else(|| verb.to_owned(), |part| format!("{verb} {part}"));
        let usage = |why: String| format!("{why}\nSee 'kubectl {verb} --help' for usage.");
        let known = || GLOBAL.iter().chain(own(flags));
        loop {
            // What follows the letter of a switch is another letter (`-it`), unless `=` stands between.
            let mut alone = false;
            let (flag, called) = match parser.next().map_err(|error| usage(error.to_string()))? {
                None => break,
                Some(Arg::Value(word)) => {
                    parsed.words.push(word.to_string_lossy().into_owned());
                    continue;
                }
                Some(Arg::Long(name)) => {
                    let flag = known().find(|flag| flag.long == name);
                    (flag.ok_or_else(|| usage(format!("unknown flag: --{name}")))?, format!("--{name}"))
                }
                Some(Arg::Short(letter)) => {
                    let flag = known().find(|flag| flag.short == Some(letter));
                    let unknown = || usage(format!("unknown shorthand flag: '{letter}' in -{letter}"));
                    let with_value = format!("{letter}=");
                    let short = |arg: &Str| arg.starts_with('-') && !arg.starts_with("--");
                    alone = !args.iter().any(|arg| short(arg) && arg.contains(&with_value));
                    (flag.ok_or_else(unknown)?, format!("'{letter}' in -{letter}"))
                }
            };
            let value = if flag.takes.must() {
                let missing = |_| usage(format!("flag needs an argument: {called}"));
                let value = parser.value().map_err(missing)?.to_string_lossy().into_owned();
                flag.check(&value).map_err(usage)?;
                value
            } else {
                let given = if alone { None } else { parser.optional_value() };
                let given = given.map(|value| value.to_string_lossy().into_owned());
                flag.unsaid(given).map_err(usage)?
            };
            parsed.flags.entry(flag.long).or_default().push(value);
        }
        parsed.dash = dash.map(|_| parsed.words.len());
        parsed.words.extend(after.iter().skip(1).map(Str::to_string));
        Ok(parsed)
    }

    /// The last value of a flag.
    pub fn get(&self, long: &str) -> Option<&str> {
        self.flags.get(long).and_then(|values| values.last()).map(String::as_str)
    }

    /// Every value of a flag that may be given again.
    pub fn all(&self, long: &str) -> &[String] {
        self.flags.get(long).map_or(&[], Vec::as_slice)
    }

    /// Every value of a flag that may be given again, or hold several with commas between them.
    pub fn each(&self, long: &str) -> impl Iterator<Item = &str> {
        self.all(long).iter().flat_map(|values| values.split(',')).filter(|value| !value.is_empty())
    }

    /// Whether a switch is on.
    pub fn is_on(&self, long: &str) -> bool {
        self.get(long).is_some_and(|value| value != "false")
    }

    /// The number that a flag holds.
    pub fn number(&self, long: &str) -> Result<Option<i64>, String> {
        let Some(text) = self.get(long) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            format!("invalid argument {text:?} for \"--{long}\" flag: strconv.ParseInt: parsing {text:?}: invalid syntax")
        })
    }

    /// Another context than the present one is meant, with this namespace.
    pub fn in_context(&mut self, namespace: &str) {
        self.namespace = namespace.to_owned();
    }

    /// The namespace that is meant when an object names none.
    pub fn namespace(&self) -> &str {
        self.get("namespace").filter(|namespace| !namespace.is_empty()).unwrap_or(&self.namespace)
    }
}

impl Flag {
    /// Whether a value is one that the flag takes.
    fn check(&self, text: &str) -> Result<(), String> {
        let why = match text.parse::<i64>() {
            _ if DURATIONS.contains(&self.long) => {
                let plain = text.parse::<i64>().is_ok_and(|number| number <= 0);
                let known = plain || Duration::parse(text).is_some();
                (!known).then(|| format!("time: invalid duration {text:?}"))
            }
            Ok(number) if SMALL_NUMBERS.contains(&self.long) && i32::try_from(number).is_err() => {
                Some(format!("strconv.ParseInt: parsing {text:?}: value out of range"))
            }
            Err(_) if NUMBERS.contains(&self.long) || SMALL_NUMBERS.contains(&self.long) => {
                Some(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))
            }
            _ => None,
        };
        let Some(why) = why else { return Ok(()) };
        let short = self.short.map_or_else(String::new, |letter| format!("-{letter}, "));
        Err(format!("invalid argument {text:?} for \"{short}--{}\" flag: {why}", self.long))
    }

    /// What a flag says that need not say anything.
    fn unsaid(&self, given: Option<String>) -> Result<String, String> {
        match (self.takes, given) {
            (Takes::Optional(bare), None) => Ok(bare.into()),
            (Takes::Switch, None) => Ok("true".into()),
            (Takes::Switch, Some(text)) => match text.as_str() {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok("true".into()),
                "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok("false".into()),
                _ => {
                    let short = self.short.map_or_else(String::new, |letter| format!("-{letter}, "));
                    Err(format!(
                        "invalid argument {text:?} for \"{short}--{}\" flag: strconv.ParseBool: parsing {text:?}: \
                         invalid syntax",
                        self.long
                    ))
                }
            },
            (_, Some(text)) => Ok(text),
            (Takes::Value | Takes::Format, None) => Ok(String::new()),
        }
    }
}

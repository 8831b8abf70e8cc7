//! Words and flags of a command line.

use lexopt::{Arg, Parser};

use crate::collections::BTreeMap;
use crate::doc::Str;
use crate::sim::Duration;

use super::help;

/// A flag that a verb takes.
#[derive(Debug)]
pub(super) struct Flag {
    pub long: &'static str,
    pub short: Option<char>,
    takes: Takes,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Takes {
    /// A value, which may be the next word.
    Value,
    /// The same, where it is a whole number of so many bits.
    Number(u8),
    /// The same, where it is a length of time.
    Duration,
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
        matches!(self, Takes::Value | Takes::Number(_) | Takes::Duration | Takes::Format)
    }
}

/// A flag with a value.
pub(super) const fn value(long: &'static str, short: Option<char>) -> Flag {
    Flag { long, short, takes: Takes::Value }
}

/// A flag with a whole number.
pub(super) const fn int64(long: &'static str, short: Option<char>) -> Flag {
    Flag { long, short, takes: Takes::Number(64) }
}

/// A flag with a whole number of 32 bits.
pub(super) const fn int32(long: &'static str, short: Option<char>) -> Flag {
    Flag { long, short, takes: Takes::Number(32) }
}

/// A flag with a length of time.
pub(super) const fn duration(long: &'static str, short: Option<char>) -> Flag {
    Flag { long, short, takes: Takes::Duration }
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

/// Flags of verbs that read objects from files.
const READING: &[Flag] = &[value("kustomize", Some('k')), switch("recursive", Some('R'))];

/// All flags of a verb, beside those of every verb.
fn own(flags: &'static [Flag]) -> impl Iterator<Item = &'static Flag> {
    let prints = flags.iter().any(|flag| flag.takes == Takes::Format);
    let reads = flags.iter().any(|flag| flag.long == "filename");
    let printing = if prints { PRINTING } else { &[] };
    flags.iter().chain(printing).chain(if reads { READING } else { &[] })
}

/// Flags that every verb takes. Those about the way to the server are read and mean nothing here: there is one server.
const GLOBAL: &[Flag] = &[
    value("namespace", Some('n')),
    value("as", None),
    value("as-group", None),
    value("as-uid", None),
    value("as-user-extra", None),
    value("context", None),
    value("cluster", None),
    value("user", None),
    value("kubeconfig", None),
    value("server", Some('s')),
    value("token", None),
    value("request-timeout", None),
    value("cache-dir", None),
    value("certificate-authority", None),
    value("client-certificate", None),
    value("client-key", None),
    value("kuberc", None),
    value("log-flush-frequency", None),
    value("username", None),
    value("password", None),
    value("profile", None),
    value("profile-output", None),
    value("tls-server-name", None),
    value("vmodule", None),
    switch("disable-compression", None),
    switch("match-server-version", None),
    int32("v", Some('v')),
    switch("insecure-skip-tls-verify", None),
    switch("warnings-as-errors", None),
    switch("help", Some('h')),
];

/// A flag that no page names any more: whoever changes something leaves a note of how.
static RECORD: Flag = switch("record", None);
/// The commands that take it.
const RECORDING: [&str; 14] = [
    "annotate",
    "apply",
    "autoscale",
    "create",
    "edit",
    "expose",
    "label",
    "patch",
    "run",
    "scale",
    "set image",
    "set resources",
    "set selector",
    "set serviceaccount",
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

/// Flags that no page of help tells of.
const UNTOLD: [&str; 1] = ["openapi-patch"];

/// Flags that count as not given where they say nothing.
const NONE_IF_EMPTY: [&str; 28] = [
    "aggregation-rule",
    "class",
    "cluster-ip",
    "description",
    "external-ip",
    "field-selector",
    "filename",
    "from",
    "from-env-file",
    "image-pull-policy",
    "keys",
    "kustomize",
    "load-balancer-ip",
    "name",
    "overrides",
    "patch-file",
    "port",
    "protocol",
    "raw",
    "resource-version",
    "restart",
    "selector",
    "session-affinity",
    "since-time",
    "subresource",
    "target-port",
    "template",
    "type",
];

/// A flag that stands before the verb and is none of those that may.
pub(super) fn unknown_before<'a>(args: &'a [Str], verb: &str) -> Option<&'a Str> {
    let known = |arg: &Str| {
        let name = arg.trim_start_matches('-').split('=').next().unwrap_or("");
        GLOBAL.iter().any(|flag| {
            flag.long == name
                || (!arg.starts_with("--") && flag.short.is_some_and(|letter| name.starts_with(letter)))
        })
    };
    args.iter().take_while(|arg| **arg != *verb).find(|arg| arg.starts_with('-') && !known(arg))
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

/// The words of a command line that are neither flags nor their values.
fn words<'a>(flags: &'static [Flag], args: &'a [Str]) -> Vec<&'a str> {
    let takes_next = |arg: &str| {
        own(flags).chain(GLOBAL).any(|flag| {
            flag.takes.must()
                && match arg.strip_prefix("--") {
                    Some(long) => long == flag.long,
                    None => arg.len() == 2 && arg.ends_with(|letter| flag.short == Some(letter)),
                }
        })
    };
    let mut words = Vec::new();
    let mut args = args.iter().map(Str::as_str);
    while let Some(arg) = args.next() {
        if !arg.starts_with('-') {
            words.push(arg);
        } else if takes_next(arg) {
            args.next();
        }
    }
    words
}

/// A command line that was read.
#[derive(Debug)]
pub(super) struct Args {
    pub words: Vec<String>,
    /// How many of the words stand before `--`, if that is there.
    pub dash: Option<usize>,
    flags: BTreeMap<&'static str, Vec<String>>,
    /// The flags by their long names, one after the other.
    typed: String,
    /// All flags of the verb.
    known: &'static [Flag],
    /// The namespace that is meant where none is said.
    namespace: String,
}

impl Args {
    /// Reads the words after the verb; the error is what stands after `error: `.
    pub fn parse(verb: &str, flags: &'static [Flag], args: &[Str], namespace: &str) -> Result<Args, String> {
        let dash = args.iter().position(|arg| arg == "--");
        let (args, after) = args.split_at(dash.unwrap_or(args.len()));
        let mut parser = Parser::from_args(args.iter().map(|arg| arg.as_str()));
        let mut parsed = Args {
            words: Vec::new(),
            dash: None,
            flags: BTreeMap::new(),
            typed: String::new(),
            known: flags,
            namespace: namespace.to_owned(),
        };
        // Some verbs are several, with flags of their own: `kubectl create deployment`.
        let path = help::path(verb, words(flags, args).into_iter());
        let usage = |why: String| {
            let space = if path.is_empty() { "" } else { " " };
            format!("{why}\nSee 'kubectl{space}{path} --help' for usage.")
        };
        let of_part = help::flags(verb, &path);
        let taken = |flag: &&Flag| {
            of_part.as_ref().is_none_or(|flags| flags.contains(&flag.long)) || UNTOLD.contains(&flag.long)
        };
        let record = Some(&RECORD).filter(|_| RECORDING.contains(&path.as_str()));
        let known = || GLOBAL.iter().chain(own(flags).filter(taken)).chain(record);
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
                    let unknown = || {
                        // The letters that follow it are named as well.
                        let mut words =
                            args.iter().filter(|arg| arg.starts_with('-') && !arg.starts_with("--"));
                        let rest = words.find_map(|arg| arg[1..].find(letter).map(|at| &arg[1 + at..]));
                        usage(format!("unknown shorthand flag: '{letter}' in -{}", rest.unwrap_or("")))
                    };
                    let with_value = format!("{letter}=");
                    let short = |arg: &Str| arg.starts_with('-') && !arg.starts_with("--");
                    alone = !args.iter().any(|arg| short(arg) && arg.contains(&with_value));
                    (flag.ok_or_else(unknown)?, format!("'{letter}' in -{letter}"))
                }
            };
            let value = if flag.takes.must() {
                let missing = |_| usage(format!("flag needs an argument: {called}"));
                let value = parser.value().map_err(missing)?.to_string_lossy().into_owned();
                // Behind a letter, an equals sign that nothing follows is the value.
                let bare = value.is_empty()
                    && flag.short.is_some_and(|letter| args.iter().any(|arg| *arg == format!("-{letter}=")));
                let value = if bare { "=".to_owned() } else { value };
                flag.check(&value).map_err(usage)?;
                value
            } else {
                let given = if alone { None } else { parser.optional_value() };
                let given = given.map(|value| value.to_string_lossy().into_owned());
                flag.unsaid(given).map_err(usage)?
            };
            parsed.typed.push_str(&format!(" --{}={value}", flag.long));
            let blank = matches!(flag.long, "selector" | "field-selector") && value.trim().is_empty();
            if blank || (value.is_empty() && NONE_IF_EMPTY.contains(&flag.long)) {
                parsed.flags.remove(flag.long);
                continue;
            }
            parsed.flags.entry(flag.long).or_default().push(value);
        }
        parsed.dash = dash.map(|_| parsed.words.len());
        parsed.words.extend(after.iter().skip(1).map(Str::to_string));
        Ok(parsed)
    }

    /// The command, to be noted on what it changes (`--record`).
    pub fn to_record(&self, verb: &str) -> Option<String> {
        let words: String = self.words.iter().map(|word| format!(" {word}")).collect();
        self.is_on("record").then(|| format!("kubectl {verb}{words}{}", self.typed))
    }

    /// Whether the verb prints tables, so that their columns can be chosen.
    pub fn has_columns(&self) -> bool {
        self.known.iter().any(|flag| flag.long == "label-columns")
    }

    /// Whether the flags choose objects by what they are like. The selector of a verb that has no `-l` for it is
    /// something else.
    pub fn is_choosing(&self) -> bool {
        let by_labels = self.known.iter().any(|flag| flag.long == "selector" && flag.short.is_some());
        (by_labels && self.get("selector").is_some()) || self.get("field-selector").is_some()
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
        let why = match self.takes {
            Takes::Number(bits) => wrong_number(text, bits),
            Takes::Duration => wrong_duration(text),
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
            (Takes::Switch, Some(text)) => match truth(&text) {
                Some(is_on) => Ok(is_on.to_string()),
                None => {
                    let short = self.short.map_or_else(String::new, |letter| format!("-{letter}, "));
                    Err(format!(
                        "invalid argument {text:?} for \"{short}--{}\" flag: strconv.ParseBool: parsing {text:?}: \
                         invalid syntax",
                        self.long
                    ))
                }
            },
            (_, Some(text)) => Ok(text),
            (_, None) => Ok(String::new()),
        }
    }
}

/// What a word that Go reads as true or false means.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn wrong_number(text: &str, bits: u8) -> Option<String> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let why = match text.parse::<i64>() {
        Ok(number) if bits == 64 || i32::try_from(number).is_ok() => return None,
        Ok(_) => "value out of range",
        Err(_) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            "value out of range"
        }
        Err(_) => "invalid syntax",
    };
    Some(format!("strconv.ParseInt: parsing {text:?}: {why}"))
}

fn wrong_duration(text: &str) -> Option<String> {
    let size = text.strip_prefix(['-', '+']).unwrap_or(text);
    // Only zero needs no unit.
    if size == "0" || (!size.is_empty() && Duration::parse(size).is_some()) {
        return None;
    }
    let bare = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_digit());
    Some(if bare {
        format!("time: missing unit in duration {text:?}")
    } else {
        format!("time: invalid duration {text:?}")
    })
}

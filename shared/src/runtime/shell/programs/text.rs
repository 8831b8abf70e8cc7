//! Programs that read text and write text.

use crate::collections::BTreeMap;
use crate::doc::Str;
use crate::sim::Duration;

use super::super::expand::{cost, fits};
use super::super::files::absolute;
use super::super::step::Surroundings;
use super::super::{LONGEST_TEXT, MOST_TEXT, Task, Wait};
use super::{Done, fail, say};

/// Most characters in a set of `tr`.
const MOST_CHARACTERS: usize = 10_000;
/// The longest pattern of `grep`, in bytes: shorter than what `fits` takes.
const LONGEST_PATTERN: usize = 900;

/// Between two looks of `tail -f` at its file.
const LOOK: Duration = Duration::seconds(1);

/// The text of some files, or of standard input when none is named; what is missing is said. Nothing while the end of
/// standard input is to come.
pub(super) fn input(
    task: &mut Task,
    name: &str,
    files: &[&Str],
    world: &mut Surroundings<'_>,
) -> Option<(String, i32)> {
    if files.is_empty() {
        let text = task.take_input()?;
        task.effort += text.len() as u64;
        return Some((text.to_string(), 0));
    }
    let own = files.iter().any(|file| *file == "-");
    let own = if own { task.take_input()? } else { Str::new() };
    let mut text = String::new();
    let mut status = 0;
    for file in files {
        if text.len() > MOST_TEXT {
            task.write(true, &format!("{name}: out of memory\n"), world);
            status = 1;
            break;
        }
        if *file == "-" {
            text.push_str(&own);
            continue;
        }
        match world.place.read(&absolute(&task.directory, file)) {
            Ok(more) => text.push_str(&more),
            Err("Is a directory") => {
                task.write(true, &format!("{name}: read error: Is a directory\n"), world);
                status = 1;
            }
            Err(why) => {
                task.write(true, &format!("{name}: can't open '{file}': {why}\n"), world);
                status = 1;
            }
        }
    }
    task.effort += text.len() as u64;
    Some((text, status))
}

/// Options and the rest; those in `valued` take the next word.
pub(super) fn options<'a>(args: &'a [Str], valued: &str) -> (Vec<(char, &'a str)>, Vec<&'a Str>) {
    let (mut found, mut rest) = (Vec::new(), Vec::new());
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let Some(flags) = word.strip_prefix('-').filter(|flags| !flags.is_empty()) else {
            rest.push(word);
            continue;
        };
        for (at, flag) in flags.char_indices() {
            if valued.contains(flag) {
                let own = &flags[at + flag.len_utf8()..];
                found.push((flag, if own.is_empty() { words.next().map_or("", Str::as_str) } else { own }));
                break;
            }
            found.push((flag, ""));
        }
    }
    (found, rest)
}

pub(super) fn value<'a>(options: &[(char, &'a str)], flag: char) -> Option<&'a str> {
    options.iter().find(|(known, _)| *known == flag).map(|(_, value)| *value)
}

pub(super) fn cat(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let (_, files) = options(args, "");
    if task.reads_live() && files.iter().all(|file| *file == "-") {
        // It passes on what comes, as it comes.
        let (text, over) = task.take_some();
        task.write(false, &text, world);
        return if over { Done::Status(0) } else { Done::NeedsInput };
    }
    let Some((text, status)) = input(task, "cat", &files, world) else { return Done::NeedsInput };
    task.write(false, &text, world);
    Done::Status(status)
}

pub(super) fn head(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let (found, files) = options(args, "nc");
    let Some((text, status)) = input(task, "head", &files, world) else { return Done::NeedsInput };
    let lines = value(&found, 'n').or_else(|| digits(args)).and_then(|n| n.parse().ok()).unwrap_or(10);
    let text: String = match value(&found, 'c').and_then(|count| count.parse().ok()) {
        Some(count) => text.chars().take(count).collect(),
        None => text.split_inclusive('\n').take(lines).collect(),
    };
    task.write(false, &text, world);
    Done::Status(status)
}

/// `-5`
fn digits(args: &[Str]) -> Option<&str> {
    let numbers = args.iter().filter_map(|arg| arg.strip_prefix('-'));
    numbers.into_iter().find(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
}

pub(super) fn tail(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let (found, files) = options(args, "nc");
    let lines = value(&found, 'n').or_else(|| digits(args)).unwrap_or("10");
    let follow = value(&found, 'f').is_some() || value(&found, 'F').is_some();
    let missing = follow
        && files.first().is_some_and(|file| world.place.read(&absolute(&task.directory, file)).is_err());
    let dev = files.first().is_some_and(|file| *file == "/dev/null");
    let (text, status) = if missing {
        (String::new(), 0)
    } else {
        let Some(read) = input(task, "tail", &files, world) else { return Done::NeedsInput };
        read
    };
    let pieces: Vec<&str> = text.split_inclusive('\n').collect();
    let skip = match lines.strip_prefix('+') {
        Some(from) => from.parse().unwrap_or(1usize).saturating_sub(1),
        None => pieces.len().saturating_sub(lines.parse().unwrap_or(10)),
    };
    let end: String = pieces.into_iter().skip(skip).collect();
    task.write(false, &end, world);
    match files.first() {
        _ if follow && (dev || files.is_empty()) => Done::Waits(Wait::Forever, None),
        Some(file) if follow => {
            let path = absolute(&task.directory, file);
            Done::Waits(Wait::Tail(path.into(), text.len() as u64, world.now + LOOK), None)
        }
        _ => Done::Status(status),
    }
}

impl Task {
    /// `tail -f` looks again.
    pub(in crate::runtime::shell) fn tail_on(
        &mut self,
        path: &str,
        shown: u64,
        world: &mut Surroundings<'_>,
    ) {
        let text = world.place.read(path).unwrap_or_default();
        let from = usize::try_from(shown).unwrap_or(usize::MAX);
        // A file that became shorter is another one.
        let news = text.get(from..).unwrap_or(&text).to_owned();
        self.write(false, &news, world);
        let deadline = self.pending.as_ref().and_then(|pending| pending.deadline);
        self.wait_for(Wait::Tail(path.into(), text.len() as u64, world.now + LOOK), deadline);
    }
}

pub(super) fn wc(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let (found, files) = options(args, "");
    let Some((text, status)) = input(task, "wc", &files, world) else { return Done::NeedsInput };
    let counts =
        [('l', text.matches('\n').count()), ('w', text.split_whitespace().count()), ('c', text.len())];
    let wanted = counts.iter().filter(|(flag, _)| found.is_empty() || value(&found, *flag).is_some());
    let mut columns: Vec<String> = wanted.map(|(_, count)| count.to_string()).collect();
    if found.is_empty() {
        columns.iter_mut().for_each(|column| *column = format!("{column:>9}"));
    }
    columns.extend(files.first().map(|file| file.to_string()));
    task.write(false, &format!("{}\n", columns.join(" ")), world);
    Done::Status(status)
}

pub(super) fn grep(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let (found, mut rest) = options(args, "eABCm");
    let has = |flag| value(&found, flag).is_some();
    let pattern: Str = match value(&found, 'e') {
        Some(pattern) => pattern.into(),
        None if rest.is_empty() => return fail(task, "grep: missing pattern", world),
        None => rest.remove(0).clone(),
    };
    if pattern.len() > LONGEST_PATTERN {
        return fail(task, "grep: regular expression too big", world);
    }
    let Some((text, _)) = input(task, "grep", &rest, world) else { return Done::NeedsInput };
    task.effort += cost(&text, &pattern);
    let fold = |text: &str| if has('i') { text.to_lowercase() } else { text.to_owned() };
    let globs: Vec<String> = fold(&pattern).split('|').map(|one| glob(one.trim_end_matches('\\'))).collect();
    let matches = |line: &&str| {
        let line = fold(line);
        globs.iter().any(|glob| fits(&line, glob)) != has('v')
    };
    let lines: Vec<&str> = text.lines().filter(matches).collect();
    if has('c') {
        task.write(false, &format!("{}\n", lines.len()), world);
    } else if !has('q') {
        let all: String = lines.iter().map(|line| format!("{line}\n")).collect();
        task.write(false, &all, world);
    }
    Done::Status(i32::from(lines.is_empty()))
}

/// What a whole line has to fit. Of regular expressions: `^`, `$`, `.` and `.*`.
fn glob(pattern: &str) -> String {
    let (pattern, start) = pattern.strip_prefix('^').map_or((pattern, false), |rest| (rest, true));
    let (pattern, end) = pattern.strip_suffix('$').map_or((pattern, false), |rest| (rest, true));
    let glob = pattern.replace("\\.", "\u{1}").replace(".*", "*").replace('.', "?").replace('\u{1}', ".");
    format!("{}{glob}{}", if start { "" } else { "*" }, if end { "" } else { "*" })
}

/// `s/…/…/`, and `p` and `d` of lines by their numbers (`3p`, `2,4d`, `$p`).
pub(super) fn sed(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let (found, mut rest) = options(args, "e");
    let script: Str = match value(&found, 'e') {
        Some(script) => script.into(),
        None if rest.is_empty() => return fail(task, "sed: no script", world),
        None => rest.remove(0).clone(),
    };
    let Some((text, status)) = input(task, "sed", &rest, world) else { return Done::NeedsInput };
    let quiet = value(&found, 'n').is_some();
    let result = match by_number(&script, &text, quiet) {
        Some(result) => result,
        None => match substituted(&script, &text) {
            Ok(result) => result,
            Err(why) => return fail(task, &why, world),
        },
    };
    if value(&found, 'i').is_some() {
        let path = rest.first().map(|file| absolute(&task.directory, file)).unwrap_or_default();
        let _ = world.place.write(&path, &result, false);
    } else {
        task.write(false, &result, world);
    }
    Done::Status(status)
}

/// What `3p` or `2,4d` makes of a text; nothing for other scripts.
fn by_number(script: &str, text: &str, quiet: bool) -> Option<String> {
    let (address, prints) = match script.strip_suffix('p') {
        Some(address) => (address, true),
        None => (script.strip_suffix('d')?, false),
    };
    let lines = text.split_inclusive('\n').count();
    let line = |text: &str| if text == "$" { Some(lines) } else { text.parse::<usize>().ok() };
    let (first, last) = address.split_once(',').unwrap_or((address, address));
    let (first, last) = if address.is_empty() { (1, lines) } else { (line(first)?, line(last)?) };
    let mut result = String::new();
    for (at, line) in text.split_inclusive('\n').enumerate() {
        let meant = at + 1 == first || (first..=last).contains(&(at + 1));
        let times = usize::from(prints && meant) + usize::from(!quiet && (prints || !meant));
        result.push_str(&line.repeat(times));
    }
    Some(result)
}

fn substituted(script: &str, text: &str) -> Result<String, String> {
    let mut letters = script.chars();
    let (Some('s'), Some(mark)) = (letters.next(), letters.next()) else {
        return Err(format!("sed: unsupported command {script}"));
    };
    let parts: Vec<&str> = script[1 + mark.len_utf8()..].split(mark).collect();
    let [from, to, flags, ..] = parts.as_slice() else { return Err("sed: unmatched '/'".into()) };
    let times = if flags.contains('g') { usize::MAX } else { 1 };
    let found_in = |line: &str| line.matches(from).take(times).count();
    let count: usize = text.split_inclusive('\n').map(found_in).sum();
    if count.saturating_mul(to.len()) > MOST_TEXT {
        return Err("sed: out of memory".into());
    }
    let change =
        |line: &str| if flags.contains('g') { line.replace(from, to) } else { line.replacen(from, to, 1) };
    Ok(text.split_inclusive('\n').map(change).collect())
}

pub(super) fn tr(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let (found, sets) = options(args, "");
    let Some(text) = task.take_input() else { return Done::NeedsInput };
    task.effort += text.len() as u64;
    let set = |at: usize| sets.get(at).map_or_else(Vec::new, |set| characters(set));
    let (from, to) = (set(0), set(1));
    let mut places = BTreeMap::new();
    for (at, c) in from.into_iter().enumerate() {
        places.entry(c).or_insert(at);
    }
    let delete = value(&found, 'd').is_some();
    let changed = text.chars().filter_map(|c| match places.get(&c) {
        Some(_) if delete => None,
        Some(at) => Some(to.get(*at).or(to.last()).copied().unwrap_or(c)),
        None => Some(c),
    });
    let text: String = changed.collect();
    say(task, &text, world)
}

/// `a-z` and `\n` in a set of `tr`; what is too much is left out.
fn characters(set: &str) -> Vec<char> {
    let set: Vec<char> = set.replace("\\n", "\n").replace("\\t", "\t").chars().collect();
    let mut all = Vec::new();
    let mut at = 0;
    while at < set.len() && all.len() < MOST_CHARACTERS {
        if set.get(at + 1) == Some(&'-') && at + 2 < set.len() {
            all.extend((set[at]..=set[at + 2]).take(MOST_CHARACTERS));
            at += 3;
        } else {
            all.push(set[at]);
            at += 1;
        }
    }
    all
}

/// `cut -f LIST [-d MARK] [-s]`, `cut -c LIST`
pub(super) fn cut(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let (found, files) = options(args, "bcdf");
    let fields = value(&found, 'f');
    let Some(list) = fields.or_else(|| value(&found, 'c')).or_else(|| value(&found, 'b')) else {
        return fail(task, "cut: expected a list of bytes, characters, or fields", world);
    };
    let Some(parts) = list.split(',').map(part).collect::<Option<Vec<_>>>() else {
        return fail(task, "cut: invalid byte, character or field list", world);
    };
    let Some((text, status)) = input(task, "cut", &files, world) else { return Done::NeedsInput };
    let mark = value(&found, 'd').unwrap_or("\t");
    let marked_only = value(&found, 's').is_some();
    let taken = |at: usize| parts.iter().any(|(first, last)| (*first..=*last).contains(&(at + 1)));
    let mut result = String::new();
    for line in text.lines() {
        if fields.is_none() {
            result.extend(line.chars().enumerate().filter(|(at, _)| taken(*at)).map(|(_, c)| c));
        } else if mark.is_empty() || !line.contains(mark) {
            if marked_only {
                continue;
            }
            result.push_str(line);
        } else {
            let kept: Vec<&str> =
                line.split(mark).enumerate().filter(|(at, _)| taken(*at)).map(|(_, field)| field).collect();
            result.push_str(&kept.join(mark));
        }
        result.push('\n');
    }
    task.write(false, &result, world);
    Done::Status(status)
}

/// `3`, `2-4`, `-2`, `5-`: counted from one.
fn part(text: &str) -> Option<(usize, usize)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let first = if first.is_empty() { 1 } else { first.parse().ok()? };
    let last = if last.is_empty() { usize::MAX } else { last.parse().ok()? };
    (first >= 1 && first <= last && text != "-").then_some((first, last))
}

pub(super) fn sort(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let (found, files) = options(args, "k");
    let Some((text, status)) = input(task, "sort", &files, world) else { return Done::NeedsInput };
    let mut lines: Vec<(i64, &str)> = text
        .lines()
        .map(|line| {
            let number = if value(&found, 'n').is_some() { line.trim().parse().unwrap_or(0) } else { 0 };
            (number, line)
        })
        .collect();
    crate::collections::sort(&mut lines);
    if value(&found, 'u').is_some() {
        lines.dedup();
    }
    if value(&found, 'r').is_some() {
        lines.reverse();
    }
    let result: String = lines.iter().map(|(_, line)| format!("{line}\n")).collect();
    task.write(false, &result, world);
    Done::Status(status)
}

pub(super) fn uniq(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let (found, files) = options(args, "");
    let Some((text, status)) = input(task, "uniq", &files, world) else { return Done::NeedsInput };
    let mut groups: Vec<(u64, &str)> = Vec::new();
    for line in text.lines() {
        match groups.last_mut() {
            Some((count, last)) if *last == line => *count += 1,
            _ => groups.push((1, line)),
        }
    }
    let counted = value(&found, 'c').is_some();
    let print = |(count, line): &(u64, &str)| {
        if counted { format!("{count:>7} {line}\n") } else { format!("{line}\n") }
    };
    let result: String = groups.iter().map(print).collect();
    task.write(false, &result, world);
    Done::Status(status)
}

pub(super) fn seq(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let numbers: Vec<i64> = args.iter().filter_map(|arg| arg.parse().ok()).collect();
    let (first, step, last) = match numbers.as_slice() {
        [last] => (1, 1, *last),
        [first, last] => (*first, 1, *last),
        [first, step, last] if *step != 0 => (*first, *step, *last),
        _ => return fail(task, "seq: missing operand", world),
    };
    let mut text = String::new();
    let mut number = first;
    while (if step > 0 { number <= last } else { number >= last }) && text.len() < LONGEST_TEXT {
        text.push_str(&format!("{number}\n"));
        number = number.saturating_add(step);
    }
    say(task, &text, world)
}

pub(super) fn tee(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let (found, files) = options(args, "");
    let Some(text) = task.take_input() else { return Done::NeedsInput };
    let append = value(&found, 'a').is_some();
    let mut status = 0;
    for file in files {
        let path = absolute(&task.directory, file);
        if let Err(why) = world.place.write(&path, &text, append) {
            task.write(true, &format!("tee: {file}: {why}\n"), world);
            status = 1;
        }
    }
    task.write(false, &text, world);
    Done::Status(status)
}

pub(super) fn basename(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let path = args.first().map_or("", Str::as_str).trim_end_matches('/');
    let name = path.rsplit('/').next().unwrap_or("");
    let name = args.get(1).and_then(|suffix| name.strip_suffix(suffix.as_str())).unwrap_or(name);
    say(task, &format!("{name}\n"), world)
}

pub(super) fn dirname(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let path = args.first().map_or("", Str::as_str).trim_end_matches('/');
    let above = path.rsplit_once('/').map_or(".", |(above, _)| if above.is_empty() { "/" } else { above });
    say(task, &format!("{above}\n"), world)
}

pub(super) fn base64(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    use ::base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::STANDARD_NO_PAD};
    let (found, files) = options(args, "w");
    let Some((text, status)) = input(task, "base64", &files, world) else { return Done::NeedsInput };
    let result = if value(&found, 'd').is_some() {
        let all: String = text.split_whitespace().collect();
        let bytes = STANDARD_NO_PAD.decode(all.trim_end_matches('=')).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    } else {
        STANDARD.encode(&text) + "\n"
    };
    task.write(false, &result, world);
    Done::Status(status)
}

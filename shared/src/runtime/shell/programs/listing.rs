//! Programs about files and what the machine has.

use crate::doc::Str;

use super::super::Task;
use super::super::files::{MISSING, absolute, rooted};
use super::super::mounts::Sort;
use super::super::step::Surroundings;
use super::date::{clock, day};
use super::modes::marked;
use super::{Done, fail, say};

pub(super) fn split(args: &[Str]) -> (String, Vec<&Str>) {
    let flags = args.iter().filter(|arg| arg.len() > 1 && arg.starts_with('-'));
    let flags: String = flags.map(|flag| &flag[1..]).collect();
    (flags, args.iter().filter(|arg| arg.len() < 2 || !arg.starts_with('-')).collect())
}

/// Does the same to each of some files; what fails is said, in the words of `name`.
pub(super) fn each(
    task: &mut Task,
    name: &str,
    files: &[&Str],
    world: &mut Surroundings<'_>,
    act: impl Fn(&str, &mut Surroundings<'_>) -> Result<(), &'static str>,
) -> Done {
    let mut status = 0;
    for file in files {
        let path = absolute(&task.directory, file);
        if let Err(why) = act(&path, world) {
            task.write(true, &format!("{name} '{file}': {why}\n"), world);
            status = 1;
        }
    }
    Done::Status(status)
}

pub(super) fn ls(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let (flags, mut files) = split(args);
    let here: Str = ".".into();
    if files.is_empty() {
        files.push(&here);
    }
    let long = flags.contains('l');
    // One a line, as to a pipe.
    let line = |path: &str, name: &str, world: &Surroundings<'_>| {
        if long { long_line(path, name, flags.contains('L'), world) } else { format!("{name}\n") }
    };
    let mut status = 0;
    let mut text = String::new();
    let several = files.len() > 1;
    for file in files {
        let path = absolute(&task.directory, file);
        if world.place.is_directory(&path) {
            if several {
                text.push_str(&format!("{file}:\n"));
            }
            let mut names = world.place.list(&path);
            names.retain(|name| flags.contains(['a', 'A']) || !name.starts_with('.'));
            if flags.contains('a') {
                names.splice(0..0, [Str::from("."), "..".into()]);
            }
            if long {
                let blocks = names.iter().map(|name| blocks(&absolute(&path, name), world));
                text.push_str(&format!("total {}\n", blocks.sum::<u64>()));
            }
            for name in names {
                text.push_str(&line(&absolute(&path, &name), &name, world));
            }
        } else if world.place.exists(&path) {
            text.push_str(&line(&path, file, world));
        } else {
            task.write(true, &format!("ls: {file}: {MISSING}\n"), world);
            status = 1;
        }
    }
    task.write(false, &text, world);
    Done::Status(status)
}

/// A line of `ls -l`, and with `-L` of what a link leads to.
fn long_line(path: &str, name: &str, follows: bool, world: &Surroundings<'_>) -> String {
    let look = world.place.look(path, follows);
    let (letter, links, size, target) = match &look.kind {
        Sort::Directory => ('d', 2, BLOCK, String::new()),
        Sort::File => ('-', 1, world.place.size(path), String::new()),
        Sort::Link(to) => ('l', 1, to.len() as u64, format!(" -> {to}")),
    };
    let (mode, user, group) = (marked(look.mode), named(look.user), named(look.group));
    let (month, day) = day(world);
    let clock = &clock(world)[..5];
    format!(
        "{letter}{mode}    {links} {user:<8} {group:<8} {size:>9} {month} {day:>2} {clock} {name}{target}\n"
    )
}

/// The name of a user or a group.
pub(super) fn named(number: i64) -> String {
    if number == 0 { "root".to_owned() } else { number.to_string() }
}

/// What a file takes of the disk, in bytes, and what of that `ls` counts, in units of 1,024.
const BLOCK: u64 = 4096;

pub(super) fn blocks(path: &str, world: &Surroundings<'_>) -> u64 {
    let taken = match world.place.look(path, false).kind {
        Sort::Directory => 1,
        Sort::File => world.place.size(path).div_ceil(BLOCK),
        Sort::Link(_) => 0,
    };
    taken * BLOCK / 1024
}

/// `chroot DIRECTORY [PROGRAM …]`, or a shell there.
pub(super) fn chroot(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let Some((to, command)) = args.split_first() else {
        return fail(task, "chroot: missing operand", world);
    };
    let root = absolute(&task.directory, to);
    if !world.place.is_directory(&root) {
        let why = format!("chroot: can't change root directory to '{to}': No such file or directory");
        return fail(task, &why, world);
    }
    let done = match command {
        [] => task.shell("sh", &[], world),
        // Each word as it is.
        words => {
            let quoted = words.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''")));
            task.another(&quoted.collect::<Vec<_>>().join(" "), Vec::new(), world)
        }
    };
    // What it left is what whoever comes back to it finds.
    if matches!(done, Done::Elsewhere) && !root.is_empty() {
        task.directory = rooted(&root).into();
    }
    done
}

pub(super) fn find(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let start = args.first().filter(|arg| !arg.starts_with('-')).map_or(".", Str::as_str);
    let name = args.iter().position(|arg| arg == "-name").and_then(|at| args.get(at + 1));
    let mut waiting = vec![start.to_owned()];
    let mut found = String::new();
    // The built-in directories are few, and what programs write is bounded.
    while let Some(path) = waiting.pop() {
        let last = path.rsplit('/').next().unwrap_or("");
        if name.is_none_or(|pattern| super::super::expand::fits(last, pattern)) {
            found.push_str(&format!("{path}\n"));
        }
        let whole = absolute(&task.directory, &path);
        if world.place.is_directory(&whole) {
            let below = world.place.list(&whole);
            let stem = if path == "/" { "" } else { path.as_str() };
            waiting.extend(below.iter().rev().map(|name| format!("{stem}/{name}")));
        }
    }
    say(task, &found, world)
}

pub(super) fn mkdir(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let (flags, files) = split(args);
    let parents = flags.contains('p');
    each(task, "mkdir: can't create directory", &files, world, |path, world| {
        world.place.make_directory(path, parents)
    })
}

pub(super) fn rm(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let (flags, files) = split(args);
    let (all, force) = (flags.contains(['r', 'R']), flags.contains('f'));
    each(task, "rm: can't remove", &files, world, |path, world| match world.place.remove(path, all) {
        Err(MISSING) if force => Ok(()),
        result => result,
    })
}

pub(super) fn touch(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let (_, files) = split(args);
    each(task, "touch:", &files, world, |path, world| world.place.write(path, "", true))
}

/// Where a copy goes: into a directory under its own name, or to the very path.
fn target(task: &Task, from: &str, to: &str, world: &Surroundings<'_>) -> String {
    let path = absolute(&task.directory, to);
    let name = from.rsplit('/').next().unwrap_or(from);
    if world.place.is_directory(&path) { format!("{path}/{name}") } else { path }
}

pub(super) fn cp(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    copy(task, "cp: can't stat", args, false, world)
}

pub(super) fn mv(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    copy(task, "mv: can't rename", args, true, world)
}

fn copy(task: &mut Task, name: &str, args: &[Str], remove: bool, world: &mut Surroundings<'_>) -> Done {
    let (_, mut files) = split(args);
    let Some(to) = files.pop().cloned() else { return Done::Status(1) };
    let directory = task.directory.clone();
    let targets: Vec<(String, String)> =
        files.iter().map(|from| (absolute(&directory, from), target(task, from, &to, world))).collect();
    each(task, name, &files, world, |path, world| {
        let text = world.place.read(path)?;
        let to = targets.iter().find(|(from, _)| from == path).map_or("", |(_, to)| to.as_str());
        world.place.write(to, &text, false)?;
        if remove { world.place.remove(path, false) } else { Ok(()) }
    })
}

/// An amount of KiB as `-h` shows it, or in the unit that is asked for.
fn shown(amount: u64, flags: &str) -> String {
    let unit = flags.chars().rev().find(|flag| "hkmg".contains(*flag));
    match unit {
        Some('m') => (amount >> 10).to_string(),
        Some('g') => (amount >> 20).to_string(),
        Some('h') => {
            let steps = (0..2).take_while(|step| amount >> (10 * (step + 1)) > 0).count();
            let tenths = (amount * 10) >> (10 * steps);
            format!("{}.{}{}", tenths / 10, tenths % 10, ["K", "M", "G"][steps])
        }
        _ => amount.to_string(),
    }
}

pub(super) fn df(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let (flags, _) = split(args);
    let head = if flags.contains('h') { "Size" } else { "1K-blocks" };
    let mut text = format!("Filesystem           {head:>9}      Used Available Use% Mounted on\n");
    let mut line = |name: &str, room: u64, used: u64, at: &str| {
        let [all, taken, left] = [room, used, room - used].map(|amount| shown(amount, &flags));
        let share = (used * 100).div_ceil(room.max(1));
        text.push_str(&format!("{name:<20} {all:>9} {taken:>9} {left:>9} {share:>3}% {at}\n"));
    };
    line("overlay", 100 << 20, 10 << 20, "/");
    for mount in world.place.mounts.iter().filter(|mount| mount.room > 0) {
        line("tmpfs", mount.room / 1024, 0, &mount.path);
    }
    say(task, &text, world)
}

pub(super) fn free(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    const ROOM: u64 = 8 << 20;
    let (flags, _) = split(args);
    let used = task.memory / 1024;
    let [all, taken, left] = [ROOM, used, ROOM.saturating_sub(used)].map(|amount| shown(amount, &flags));
    let text =
        format!("              total        used        free\nMem:  {all:>13} {taken:>11} {left:>11}\n");
    say(task, &text, world)
}

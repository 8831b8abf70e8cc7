//! `stat`: what is known of a file.

use crate::doc::Str;

use super::super::Task;
use super::super::files::{MISSING, absolute};
use super::super::mounts::{Look, Sort};
use super::super::step::Surroundings;
use super::Done;
use super::listing::{blocks, named};
use super::modes::marked;

/// `stat FILE…`, `stat -c '%a %u:%g' FILE…`, with `-L` of what a link leads to.
pub(super) fn stat(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let (mut format, mut follows, mut files) = (None, false, Vec::new());
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "-c" => format = rest.next(),
            "-L" => follows = true,
            "-Lc" => (follows, format) = (true, rest.next()),
            _ => files.push(arg),
        }
    }
    let mut status = 0;
    for file in files {
        let path = absolute(&task.directory, file);
        if world.place.exists(&path) {
            let look = world.place.look(&path, follows);
            let text = match format {
                Some(format) => format!("{}\n", formatted(format, file, &path, &look, world)),
                None => formatted(WHOLE, file, &path, &look, world),
            };
            task.write(false, &text, world);
        } else {
            task.write(true, &format!("stat: can't stat '{file}': {MISSING}\n"), world);
            status = 1;
        }
    }
    Done::Status(status)
}

/// What is told where nobody says what to tell.
const WHOLE: &str = "  File: %n\n  Size: %s\tBlocks: %b\tIO Block: 4096   %F\nDevice: 2ah/42d\tInode: 2\tLinks: %h\n\
                     Access: (%04a/%A)  Uid: (%5u/%8U)   Gid: (%5g/%8G)\nAccess: %x\nModify: %y\nChange: %z\n";

fn formatted(format: &str, file: &str, path: &str, look: &Look, world: &Surroundings<'_>) -> String {
    let mut text = String::new();
    let mut rest = format.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let fills = rest.next_if_eq(&'0').is_some();
        let width =
            rest.next_if(char::is_ascii_digit).and_then(|digit| digit.to_digit(10)).unwrap_or(0) as usize;
        let Some(letter) = rest.next() else { break };
        let value = told(letter, file, path, look, world);
        text.push_str(&if fills { format!("{value:0>width$}") } else { format!("{value:>width$}") });
    }
    text
}

/// What a letter after `%` stands for.
fn told(letter: char, file: &str, path: &str, look: &Look, world: &Surroundings<'_>) -> String {
    let (sign, kind, size, links) = match &look.kind {
        Sort::Directory => ('d', "directory", 4096, 2),
        Sort::File if world.place.size(path) == 0 => ('-', "regular empty file", 0, 1),
        Sort::File => ('-', "regular file", world.place.size(path), 1),
        Sort::Link(to) => ('l', "symbolic link", to.len() as u64, 1),
    };
    match letter {
        'a' => format!("{:o}", look.mode),
        'A' => format!("{sign}{}", marked(look.mode)),
        'b' => (blocks(path, world) * 2).to_string(),
        'F' => kind.to_owned(),
        'u' => look.user.to_string(),
        'U' => named(look.user),
        'g' => look.group.to_string(),
        'G' => named(look.group),
        'h' => links.to_string(),
        'n' | 'N' => file.to_owned(),
        's' => size.to_string(),
        'X' | 'Y' | 'Z' => world.date.seconds().to_string(),
        'x' | 'y' | 'z' => format!("{}.000000000 +0000", world.date.rfc3339()[..19].replace('T', " ")),
        '%' => "%".to_owned(),
        _ => "?".to_owned(),
    }
}

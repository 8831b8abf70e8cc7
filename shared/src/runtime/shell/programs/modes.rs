//! Permissions of files: how they are written, and `chmod`.

use crate::doc::Str;

use super::super::Task;
use super::super::files::MISSING;
use super::super::mounts::{Look, SET_GROUP, STICKY, Sort};
use super::super::step::Surroundings;
use super::listing::each;
use super::{Done, fail};

/// `rw-r--r--`
pub(super) fn permissions(mode: u32) -> String {
    let sign = |bit: u32| if mode >> (8 - bit) & 1 == 1 { ['r', 'w', 'x'][bit as usize % 3] } else { '-' };
    (0..9).map(sign).collect()
}

/// The same with the group that is handed on and the bit of owners, as `ls` has them: `rwxrwsrwt`
pub(super) fn marked(mode: u32) -> String {
    let signs = permissions(mode).into_bytes();
    let sign = |(at, sign): (usize, u8)| match (at, sign) {
        (5, b'x') if mode & SET_GROUP != 0 => 's',
        (5, _) if mode & SET_GROUP != 0 => 'S',
        (8, b'x') if mode & STICKY != 0 => 't',
        (8, _) if mode & STICKY != 0 => 'T',
        (_, sign) => char::from(sign),
    };
    signs.into_iter().enumerate().map(sign).collect()
}

/// As Go writes it: `dgtrwxrwxrwx`
pub(super) fn mode_of_go(look: &Look) -> String {
    let letters = [
        ("d", matches!(look.kind, Sort::Directory)),
        ("g", look.mode & SET_GROUP != 0),
        ("t", look.mode & STICKY != 0),
    ];
    let letters: String = letters.iter().filter(|(_, has)| *has).map(|(letter, _)| *letter).collect();
    let letters = if letters.is_empty() { "-" } else { &letters };
    format!("{letters}{}", permissions(look.mode))
}

/// `chmod 640 FILE…`, `chmod u+x,go-w FILE…`: permissions are shown, not enforced.
pub(super) fn chmod(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    // `-x` takes a permission away; only `-R` and its like are flags.
    let (flags, words): (Vec<&Str>, Vec<&Str>) = args.iter().partition(|arg| {
        arg.len() > 1 && arg.starts_with('-') && arg[1..].chars().all(|c| "Rcfv".contains(c))
    });
    let Some((wanted, files)) = words.split_first().filter(|(_, files)| !files.is_empty()) else {
        return fail(
            task,
            "BusyBox v1.37.0 multi-call binary.\n\nUsage: chmod [-Rcvf] MODE[,MODE]... FILE...",
            world,
        );
    };
    if changed(wanted, 0, false).is_none() {
        return fail(task, &format!("chmod: invalid mode: {wanted}"), world);
    }
    let all = flags.iter().any(|flag| flag.contains('R'));
    each(task, "chmod:", files, world, |path, world| {
        let mut waiting = vec![path.to_owned()];
        while let Some(path) = waiting.pop() {
            if !world.place.exists(&path) {
                return Err(MISSING);
            }
            let look = world.place.look(&path, true);
            let is_directory = matches!(look.kind, Sort::Directory);
            if all && is_directory {
                waiting.extend(world.place.list(&path).iter().map(|name| format!("{path}/{name}")));
            }
            world.place.set_mode(&path, changed(wanted, look.mode, is_directory).unwrap_or(look.mode))?;
        }
        Ok(())
    })
}

/// What `640` or `u+x,go-w` makes of permissions.
fn changed(wanted: &str, mode: u32, is_directory: bool) -> Option<u32> {
    if wanted.starts_with(|c: char| c.is_ascii_digit()) {
        return u32::from_str_radix(wanted, 8).ok().filter(|mode| *mode <= 0o7777);
    }
    wanted.split(',').try_fold(mode, |mode, part| {
        let at = part.find(['+', '-', '='])?;
        let who = part[..at].chars().try_fold(0, |who, letter| {
            Some(
                who | match letter {
                    'u' => 0o700,
                    'g' => 0o070,
                    'o' => 0o007,
                    'a' => 0o777,
                    _ => return None,
                },
            )
        })?;
        let who = if who == 0 { 0o777 } else { who };
        let bits = part[at + 1..].chars().try_fold(0, |bits, letter| {
            Some(
                bits | match letter {
                    'r' => 0o444 & who,
                    'w' => 0o222 & who,
                    'x' => 0o111 & who,
                    'X' if is_directory || mode & 0o111 != 0 => 0o111 & who,
                    'X' => 0,
                    's' if who & 0o070 != 0 => SET_GROUP,
                    's' => 0,
                    't' => STICKY,
                    _ => return None,
                },
            )
        })?;
        Some(match &part[at..=at] {
            "+" => mode | bits,
            "-" => mode & !bits,
            _ => mode & !who | bits,
        })
    })
}

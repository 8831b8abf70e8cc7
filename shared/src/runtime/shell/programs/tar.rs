//! `tar`: archives of a container's files, as `kubectl cp` reads and writes them.

use crate::doc::Str;
use crate::runtime::{bytes_of_text, text_of_bytes};

use super::super::Task;
use super::super::files::{MISSING, absolute};
use super::super::step::Surroundings;
use super::{Done, fail};

const BLOCK: usize = 512;
/// How large an archive that is written may grow, in bytes.
const LARGEST: usize = 1 << 20;

/// What the command line asks for.
#[derive(Default)]
struct Wanted {
    create: bool,
    extract: bool,
    list: bool,
    verbose: bool,
    archive: Str,
    directory: Str,
    names: Vec<Str>,
}

impl Wanted {
    fn read(args: &[Str], here: &Str) -> Result<Wanted, String> {
        let mut wanted = Wanted { archive: "-".into(), directory: here.clone(), ..Wanted::default() };
        let mut rest = args.iter().enumerate();
        while let Some((at, word)) = rest.next() {
            let flags = match word.strip_prefix("--") {
                Some("create") => "c",
                Some("extract" | "get") => "x",
                Some("list") => "t",
                Some(long) if long.starts_with("directory=") => {
                    wanted.directory = format!("/{}", absolute(here, &long["directory=".len()..])).into();
                    continue;
                }
                Some(long) if long.starts_with("file=") => {
                    wanted.archive = long["file=".len()..].into();
                    continue;
                }
                // Owners and permissions are not kept anyway.
                Some(_) => continue,
                None => match word.strip_prefix('-').filter(|flags| !flags.is_empty()) {
                    Some(flags) => flags,
                    None if at == 0 => word.as_str(),
                    None => {
                        wanted.names.push(word.clone());
                        continue;
                    }
                },
            };
            for flag in flags.chars() {
                match flag {
                    'c' => wanted.create = true,
                    'x' => wanted.extract = true,
                    't' => wanted.list = true,
                    'v' => wanted.verbose = true,
                    'f' => wanted.archive = rest.next().map(|(_, word)| word.clone()).unwrap_or_default(),
                    'C' => {
                        let to = rest.next().map(|(_, word)| word.as_str()).unwrap_or("");
                        wanted.directory = format!("/{}", absolute(here, to)).into();
                    }
                    'm' | 'p' | 'o' | 'h' | 'P' | 'k' => {}
                    'z' | 'j' | 'J' => {
                        return Err("tar (child): gzip: Cannot exec: No such file or directory".into());
                    }
                    other => return Err(format!("tar: invalid option -- '{other}'")),
                }
            }
        }
        match (wanted.create, wanted.extract, wanted.list) {
            (true, false, false) if wanted.names.is_empty() => {
                Err("tar: Cowardly refusing to create an empty archive".into())
            }
            (true, false, false) | (false, true, false) | (false, false, true) => Ok(wanted),
            _ => {
                Err("tar: You must specify one of the '-Acdtrux', '--delete' or '--test-label' options"
                    .into())
            }
        }
    }
}

pub(super) fn tar(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let wanted = match Wanted::read(args, &task.directory) {
        Ok(wanted) => wanted,
        Err(why) => {
            task.write(true, &format!("{why}\nTry 'tar --help' for more information.\n"), world);
            return Done::Status(2);
        }
    };
    if !world.place.is_directory(wanted.directory.trim_start_matches('/')) {
        let why = format!(
            "tar: {}: Cannot open: {MISSING}\ntar: Error is not recoverable: exiting now\n",
            wanted.directory
        );
        task.write(true, &why, world);
        return Done::Status(2);
    }
    let failed = if wanted.create {
        match create(task, &wanted, world) {
            Ok(failed) => failed,
            Err(why) => return fail(task, &format!("tar: {}: Cannot open: {why}", wanted.archive), world),
        }
    } else {
        let text = match wanted.archive.as_str() {
            "-" => match task.take_input() {
                Some(text) => text,
                None => return Done::NeedsInput,
            },
            file => match world.place.read(&absolute(&task.directory, file)) {
                Ok(text) => text,
                Err(why) => return fail(task, &format!("tar: {file}: Cannot open: {why}"), world),
            },
        };
        extract(task, &bytes_of_text(&text), &wanted, world)
    };
    if failed {
        task.write(true, "tar: Exiting with failure status due to previous errors\n", world);
    }
    Done::Status(if failed { 2 } else { 0 })
}

/// Writes an archive; whether something could not be put into it.
fn create(task: &mut Task, wanted: &Wanted, world: &mut Surroundings<'_>) -> Result<bool, &'static str> {
    let (mut archive, mut complaints, mut shown) = (Vec::new(), String::new(), String::new());
    if wanted.names.iter().any(|name| name.starts_with('/')) {
        task.write(true, "tar: Removing leading `/' from member names\n", world);
    }
    let mut waiting: Vec<String> = wanted.names.iter().rev().map(Str::to_string).collect();
    let mtime = world.date.seconds();
    while let Some(name) = waiting.pop() {
        let path = absolute(&wanted.directory, &name);
        let member = name.trim_start_matches('/').trim_end_matches('/');
        let member = if member.is_empty() { "." } else { member };
        if world.place.is_directory(&path) {
            archive.extend(header(&format!("{member}/"), 0, true, mtime));
            let stem = name.trim_end_matches('/');
            waiting.extend(world.place.list(&path).iter().rev().map(|below| format!("{stem}/{below}")));
        } else {
            match world.place.read(&path) {
                Ok(text) => {
                    let bytes = bytes_of_text(&text);
                    archive.extend(header(member, bytes.len(), false, mtime));
                    archive.extend_from_slice(&bytes);
                    archive.resize(archive.len().next_multiple_of(BLOCK), 0);
                }
                // What the image has of itself can be listed, but has no text.
                Err(_) if world.place.exists(&path) => {}
                Err(why) => complaints.push_str(&format!("tar: {name}: Cannot stat: {why}\n")),
            }
        }
        if archive.len() > LARGEST {
            complaints.push_str("tar: -: Cannot write: No space left on device\n");
            break;
        }
        shown.push_str(&format!("{member}\n"));
    }
    // It ends with two empty blocks, and comes in records of twenty.
    archive.resize((archive.len() + 2 * BLOCK).next_multiple_of(20 * BLOCK), 0);
    let text = text_of_bytes(&archive);
    // First: whoever reads an archive to its end may not stay for what is said after it.
    task.write(true, &complaints, world);
    match wanted.archive.as_str() {
        "-" => task.write(false, &text, world),
        file => world.place.write(&absolute(&task.directory, file), &text, false)?,
    }
    if wanted.verbose {
        task.write(true, &shown, world);
    }
    Ok(!complaints.is_empty())
}

/// The block before a file.
fn header(name: &str, size: usize, directory: bool, mtime: i64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, text: &[u8]| block[at..at + text.len()].copy_from_slice(text);
    // A long name goes on in front, cut at a slash.
    let cut = name.len().checked_sub(100).filter(|&over| over > 0).and_then(|over| {
        name.char_indices().find(|&(at, c)| c == '/' && at + 1 >= over && at <= 155).map(|(at, _)| at)
    });
    let (prefix, rest) = cut.map_or(("", name), |at| (&name[..at], &name[at + 1..]));
    put(0, &rest.as_bytes()[..rest.len().min(100)]);
    put(100, if directory { b"0000755\0" } else { b"0000644\0" });
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, format!("{:011o}\0", mtime.max(0)).as_bytes());
    put(148, b"        ");
    put(156, if directory { b"5" } else { b"0" });
    put(257, b"ustar\x0000root");
    put(297, b"root");
    put(345, &prefix.as_bytes()[..prefix.len().min(155)]);
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// A file in an archive.
struct Member<'a> {
    name: String,
    kind: u8,
    bytes: &'a [u8],
}

/// The files in an archive; nothing where it is none.
fn members(archive: &[u8]) -> Option<Vec<Member<'_>>> {
    let (mut at, mut found, mut long) = (0, Vec::new(), None);
    while let Some(block) = archive.get(at..at + BLOCK) {
        if block.iter().all(|&byte| byte == 0) {
            return Some(found);
        }
        let text = |from: usize, length: usize| {
            let field = &block[from..from + length];
            let end = field.iter().position(|&byte| byte == 0).unwrap_or(length);
            String::from_utf8_lossy(&field[..end]).into_owned()
        };
        let size = usize::from_str_radix(text(124, 12).trim(), 8).ok()?;
        let bytes = archive.get(at + BLOCK..(at + BLOCK).checked_add(size)?)?;
        at += BLOCK + size.next_multiple_of(BLOCK);
        match block[156] {
            // A name too long for its field, as GNU and as POSIX have it.
            b'L' => long = Some(String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned()),
            b'x' => long = record(bytes, "path").or(long),
            b'g' => {}
            kind => {
                let prefix = if block[257..262] == *b"ustar" { text(345, 155) } else { String::new() };
                let name =
                    if prefix.is_empty() { text(0, 100) } else { format!("{prefix}/{}", text(0, 100)) };
                found.push(Member { name: long.take().unwrap_or(name), kind, bytes });
            }
        }
    }
    // An archive that somebody cut off has no end.
    archive.is_empty().then_some(found)
}

/// A value in an extended header: `length name=value`.
fn record(bytes: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut lines = text.lines().filter_map(|line| line.split_once(' ')?.1.split_once('='));
    lines.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
}

/// Puts the files of an archive where they belong, or lists them; whether something went wrong.
fn extract(task: &mut Task, archive: &[u8], wanted: &Wanted, world: &mut Surroundings<'_>) -> bool {
    let Some(members) = members(archive) else {
        task.write(true, "tar: Unexpected EOF in archive\n", world);
        return true;
    };
    let (mut complaints, mut shown) = (String::new(), String::new());
    for Member { name, kind, bytes } in members {
        let named = wanted.names.is_empty()
            || wanted
                .names
                .iter()
                .any(|one| name == *one || name.starts_with(&format!("{}/", one.trim_end_matches('/'))));
        if !named {
            continue;
        }
        shown.push_str(&format!("{name}\n"));
        if wanted.list {
            continue;
        }
        if name.split('/').any(|part| part == "..") {
            complaints.push_str(&format!("tar: {name}: Member name contains '..'\n"));
            continue;
        }
        let path = absolute(&wanted.directory, name.trim_start_matches('/'));
        let directory = kind == b'5' || name.ends_with('/');
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let made = match directory {
            true => world.place.make_directory(&path, true),
            false => world.place.make_directory(parent, true).and_then(|()| match kind {
                b'0' | 0 => world.place.write(&path, &text_of_bytes(bytes), false),
                _ => Err("Operation not permitted"),
            }),
        };
        if let Err(why) = made {
            complaints.push_str(&format!("tar: {name}: Cannot open: {why}\n"));
        }
    }
    if wanted.list || wanted.verbose {
        task.write(false, &shown, world);
    }
    task.write(true, &complaints, world);
    !complaints.is_empty()
}

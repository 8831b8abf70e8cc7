//! Programs that take room on the disk, `dd` and `fallocate`, and `du`, which says how much is taken. What they write are
//! zeros, of which only the number is kept.

use crate::doc::Str;

use super::super::Task;
use super::super::files::absolute;
use super::super::step::Surroundings;
use super::listing::{blocks, split};
use super::{Done, fail};

/// `10`, `64k`, `1M`, `2MiB`, `1G`, with `kB`, `MB`, `GB` for thousands, as bytes.
fn amount(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let (unit, thousands) = match &text[digits.len()..] {
        "" | "c" => return digits.parse().ok(),
        unit if unit.ends_with("iB") => (&unit[..1], false),
        unit if unit.len() == 2 && unit.ends_with('B') => (&unit[..1], true),
        unit => (unit, false),
    };
    let power = ["k", "m", "g", "t"].iter().position(|known| unit.eq_ignore_ascii_case(known))?;
    let factor = if thousands { 1000u64 } else { 1024 }.pow(u32::try_from(power).ok()? + 1);
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// `104857600 bytes (100.0MB)`
fn said(bytes: u64) -> String {
    let unit = [("GB", 30u32), ("MB", 20), ("KB", 10)].into_iter().find(|(_, shift)| bytes >> shift > 0);
    let short = unit.map_or_else(
        || format!("{bytes}B"),
        |(name, shift)| {
            let tenths = u128::from(bytes) * 10 / (1 << shift);
            format!("{}.{}{name}", tenths / 10, tenths % 10)
        },
    );
    format!("{bytes} bytes ({short})")
}

/// `dd if=/dev/zero of=FILE bs=SIZE count=NUMBER`
pub(super) fn dd(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let value = |name: &str| args.iter().find_map(|arg| arg.strip_prefix(name)?.strip_prefix('='));
    let (from, to) = (value("if").unwrap_or(""), value("of").unwrap_or(""));
    if !matches!(from, "/dev/zero" | "/dev/urandom" | "/dev/random") || to.is_empty() {
        return fail(task, "dd: this small dd only writes zeros: if=/dev/zero of=FILE bs=1M count=N", world);
    }
    let size = amount(value("bs").unwrap_or("512"));
    let count = value("count").map_or(Some(u64::MAX), amount);
    let (Some(size), Some(count)) = (size.filter(|size| *size > 0), count) else {
        return fail(task, "dd: invalid number", world);
    };
    let wanted = size.saturating_mul(count);
    let path = absolute(&task.directory, to);
    // What goes nowhere takes no room.
    let taken = if path == "dev/null" { Ok(wanted) } else { world.place.fill(&path, wanted) };
    let taken = match taken {
        Ok(taken) => taken,
        Err(why) => return fail(task, &format!("dd: can't open '{to}': {why}"), world),
    };
    if taken < wanted {
        task.write(true, &format!("dd: error writing '{to}': No space left on device\n"), world);
    }
    let (whole, out) = (if taken < wanted { taken / size + 1 } else { count }, taken / size);
    let report = format!("{whole}+0 records in\n{out}+0 records out\n{} copied, 0.1 seconds\n", said(taken));
    task.write(true, &report, world);
    Done::Status(i32::from(taken < wanted))
}

/// `fallocate -l SIZE FILE`
pub(super) fn fallocate(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let at = args.iter().position(|arg| arg == "-l");
    let length = at.and_then(|at| args.get(at + 1)).and_then(|text| amount(text));
    let (Some(length), Some(file)) = (length, args.last().filter(|_| args.len() > 2)) else {
        return fail(task, "Usage: fallocate [-o OFS] -l LEN FILE", world);
    };
    match world.place.fill(&absolute(&task.directory, file), length) {
        Ok(taken) if taken == length => Done::Status(0),
        Ok(_) => fail(task, &format!("fallocate: fallocate '{file}': No space left on device"), world),
        Err(why) => fail(task, &format!("fallocate: can't open '{file}': {why}"), world),
    }
}

/// How much room is taken below a path, in units of 1,024 bytes.
fn taken(path: &str, world: &Surroundings<'_>) -> u64 {
    let below = match world.place.is_directory(path) {
        true => world.place.list(path).iter().map(|name| taken(&absolute(path, name), world)).sum(),
        false => 0,
    };
    below + blocks(path, world)
}

/// `du [-sh] [FILE …]`, always with one sum for each.
pub(super) fn du(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let (flags, mut files) = split(args);
    let here = Str::from(".");
    if files.is_empty() {
        files.push(&here);
    }
    let (mut text, mut status) = (String::new(), 0);
    for file in files {
        let path = absolute(&task.directory, file);
        if !world.place.exists(&path) {
            task.write(true, &format!("du: {file}: No such file or directory\n"), world);
            status = 1;
            continue;
        }
        let amount = taken(&path, world);
        let unit = [("G", 20u32), ("M", 10)].into_iter().find(|(_, shift)| amount >> shift > 0);
        let (name, shift) = unit.unwrap_or(("K", 0));
        let tenths = (amount * 10) >> shift;
        let shown = match flags.contains('h') {
            true => format!("{}.{}{name}", tenths / 10, tenths % 10),
            false => amount.to_string(),
        };
        text.push_str(&format!("{shown}\t{file}\n"));
    }
    task.write(false, &text, world);
    Done::Status(status)
}

#[cfg(test)]
mod tests {
    use super::{amount, said};

    #[test]
    fn amounts_are_read_and_said() {
        for (text, bytes) in [
            ("512", Some(512)),
            ("4k", Some(4096)),
            ("1M", Some(1 << 20)),
            ("2MiB", Some(2 << 20)),
            ("1MB", Some(1_000_000)),
            ("3G", Some(3 << 30)),
            ("x", None),
            ("99999999999999G", None),
        ] {
            assert_eq!(amount(text), bytes, "{text}");
        }
        assert_eq!(said(104_857_600), "104857600 bytes (100.0MB)");
        assert_eq!(said(512), "512 bytes (512B)");
    }
}

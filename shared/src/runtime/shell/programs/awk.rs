//! `awk`, as far as it picks fields of lines: `[/TEXT/ | NR==N] {print …}`.

use crate::doc::Str;

use super::super::step::Surroundings;
use super::super::{MOST_TEXT, Task};
use super::{Done, fail, text};

/// Which lines a program is about.
enum Lines<'a> {
    All,
    With(&'a str),
    Number(usize),
}

pub(super) fn awk(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let (options, rest) = text::options(args, "Fv");
    let Some((program, files)) = rest.split_first() else {
        return fail(task, "awk: a program is missing", world);
    };
    let Some((lines, items)) = read(program) else {
        return fail(task, &format!("awk: {program}: this small awk only prints fields"), world);
    };
    let Some((input, status)) = text::input(task, "awk", files, world) else { return Done::NeedsInput };
    let separator = text::value(&options, 'F');
    let mut output = String::new();
    for (at, line) in input.lines().enumerate() {
        let meant = match lines {
            Lines::All => true,
            Lines::With(text) => line.contains(text),
            Lines::Number(number) => at + 1 == number,
        };
        if meant {
            let fields: Vec<&str> = match separator {
                Some(separator) if separator != " " => line.split(separator).collect(),
                _ => line.split_whitespace().collect(),
            };
            for (place, item) in items.iter().enumerate() {
                output.push_str(if place > 0 { " " } else { "" });
                output.push_str(&shown(item, line, &fields, at + 1));
                if output.len() > MOST_TEXT {
                    return fail(task, "awk: out of memory", world);
                }
            }
            output.push('\n');
        }
    }
    task.write(false, &output, world);
    Done::Status(status)
}

/// The lines that a program is about, and what it prints of them.
fn read(program: &str) -> Option<(Lines<'_>, Vec<&str>)> {
    let (pattern, rest) = program.split_once('{')?;
    let pattern = pattern.trim();
    let lines = match pattern.strip_prefix('/').and_then(|text| text.strip_suffix('/')) {
        Some(text) => Lines::With(text),
        None if pattern.is_empty() => Lines::All,
        None => Lines::Number(pattern.strip_prefix("NR")?.trim().strip_prefix("==")?.trim().parse().ok()?),
    };
    let printed =
        rest.trim_end().strip_suffix('}')?.trim().trim_end_matches(';').strip_prefix("print")?.trim();
    let items: Vec<&str> = printed.split(',').map(str::trim).collect();
    let known = |item: &&str| {
        matches!(*item, "" | "NR" | "NF" | "$NF")
            || item.strip_prefix('$').is_some_and(|number| number.parse::<usize>().is_ok())
            || (item.len() > 1 && item.starts_with('"') && item.ends_with('"'))
    };
    items.iter().all(known).then_some((lines, items))
}

fn shown(item: &str, line: &str, fields: &[&str], number: usize) -> String {
    match item {
        "" | "$0" => line.to_owned(),
        "NR" => number.to_string(),
        "NF" => fields.len().to_string(),
        "$NF" => fields.last().copied().unwrap_or("").to_owned(),
        _ => match item.strip_prefix('$').and_then(|number| number.parse::<usize>().ok()) {
            Some(number) => fields.get(number.wrapping_sub(1)).copied().unwrap_or("").to_owned(),
            None => item.trim_matches('"').to_owned(),
        },
    }
}

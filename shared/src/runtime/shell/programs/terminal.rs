//! Programs about the terminal that one works at.

use crate::doc::Str;

use super::super::Task;
use super::super::step::Surroundings;
use super::{Done, fail, say};

pub(super) fn tty(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let (name, status) = if task.is_on_terminal() { ("/dev/pts/0\n", 0) } else { ("not a tty\n", 1) };
    if !args.iter().any(|arg| arg == "-s") {
        task.write(false, name, world);
    }
    Done::Status(status)
}

/// `stty size`; how large the window is nobody tells the simulation.
pub(super) fn stty(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    if !task.is_on_terminal() {
        return fail(task, "stty: standard input: Not a tty", world);
    }
    match args.first().map(Str::as_str) {
        None | Some("-a") => say(task, "speed 38400 baud; rows 24; columns 80;\n", world),
        Some("size") => say(task, "24 80\n", world),
        Some(_) => Done::Status(0),
    }
}

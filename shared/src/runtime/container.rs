//! Containers as a runtime sees them: small simulated programs.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::api::Key;
use crate::doc::{Str, Timestamp};
use crate::sim::{Duration, Time};

use super::ImageSpec;

/// How many lines of a container's log are kept.
const LOG_LINES: usize = 100;

/// How many bytes an argument or a variable of a process may have, as in Linux.
pub const LONGEST_ARGUMENT: usize = 128 << 10;

/// Exit code of a process ended by SIGKILL.
pub const KILLED: i32 = 137;

/// A pod's sandbox and what runs in it.
#[derive(Clone, Debug, Hash)]
pub struct Sandbox {
    /// The pod.
    pub key: Key,
    /// Its IPv4 address.
    pub ip: u32,
    /// The newest start of each container, in the order of first starts.
    pub containers: Vec<Container>,
}

/// One start of a container.
#[derive(Clone, Debug, Hash)]
pub struct Container {
    /// Its name in the pod.
    pub name: Str,
    /// The image reference, as the pod has it.
    pub image: Str,
    /// Which start it is, from 0.
    pub attempt: u32,
    /// Ties timers to this very start.
    pub number: u64,
    /// How far it is.
    pub stage: Stage,
    /// Its environment.
    pub env: Arc<Vec<(Str, Str)>>,
    /// What its command line makes of the image's program.
    pub program: Program,
    /// What it wrote, oldest first.
    pub log: VecDeque<(Timestamp, Str)>,
    /// What the start before this one wrote.
    pub previous_log: VecDeque<(Timestamp, Str)>,
    /// Requests that it sends, when its program is a client.
    pub client: Option<super::Caller>,
    /// How many requests it answered.
    pub served: u64,
}

/// How far a container is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Stage {
    /// Not up yet.
    Starting {
        /// When it will be.
        until: Time,
    },
    /// Up.
    Running {
        /// Since when.
        since: Time,
        /// When it ends by itself.
        exit: Option<Time>,
        /// When it ends because it was asked to, and with which code.
        stop: Option<(Time, i32)>,
    },
    /// Ended.
    Exited {
        /// When it came up.
        started: Time,
        /// When it ended.
        at: Time,
        /// How.
        code: i32,
    },
}

/// When a program ends by itself and how.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Program {
    /// After how long; never when unset.
    pub exit_after: Option<Duration>,
    /// With which code.
    pub exit_code: i32,
}

impl Program {
    /// The program that `command` makes of an image. Of command lines only the common little ones are understood
    /// (`sleep 5; exit 1`); any other runs as the image's own program does, or for ever where that ends at once.
    pub fn new(spec: &ImageSpec, command: &[Str], env: &[(Str, Str)]) -> Program {
        let own = Program { exit_after: spec.exit_after, exit_code: spec.exit_code };
        if command.is_empty() {
            return own;
        }
        let line = match command {
            [shell, flag, line, ..] if shell.ends_with("sh") && flag.starts_with('-') => line.to_string(),
            words => words.iter().map(Str::as_str).collect::<Vec<_>>().join(" "),
        };
        match expand(&line, env).and_then(|line| small_script(&line)) {
            Some(program) => program,
            None if spec.exit_after == Some(Duration::ZERO) => Program { exit_after: None, exit_code: 0 },
            None => own,
        }
    }
}

/// The line with the values of its variables (`$NAME`, `${NAME}`), unless it grows too long.
fn expand(line: &str, env: &[(Str, Str)]) -> Option<String> {
    let mut parts = line.split('$');
    let mut text = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let inner = part.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
        let (name, rest) = inner.unwrap_or_else(|| part.split_at(end));
        let value = env.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        text.push_str(value.unwrap_or(""));
        text.push_str(rest);
        if text.len() > LONGEST_ARGUMENT {
            return None;
        }
    }
    Some(text)
}

/// `sleep`, `exit`, `true`, `false`, `echo`, `[ a = b ]`, joined by `;`, `&&` or `||`; `None` for anything else.
fn small_script(line: &str) -> Option<Program> {
    let mut after = Duration::ZERO;
    let mut code = 0;
    for list in line.split(['\n', ';']) {
        for step in list.replace("&&", "\0&").replace("||", "\0|").split('\0') {
            // What stands before the step decides whether it is taken.
            let (joint, step) = match step.strip_prefix('&') {
                Some(rest) => (Some(true), rest),
                None => step.strip_prefix('|').map_or((None, step), |rest| (Some(false), rest)),
            };
            if joint.is_some_and(|success| success != (code == 0)) {
                continue;
            }
            let words: Vec<&str> = step.split_whitespace().map(|word| word.trim_matches('"')).collect();
            match words.as_slice() {
                [] => continue,
                ["sleep", "infinity" | "inf"] => return Some(Program { exit_after: None, exit_code: 0 }),
                ["sleep", length] => {
                    let length =
                        length.parse().map(Duration::seconds).ok().or_else(|| Duration::parse(length))?;
                    after = after + length;
                    code = 0;
                }
                ["exit", number] => {
                    return Some(Program { exit_after: Some(after), exit_code: number.parse().ok()? });
                }
                ["exit"] => return Some(Program { exit_after: Some(after), exit_code: code }),
                ["true"] | ["echo", ..] | ["date"] => code = 0,
                ["false"] => code = 1,
                ["[", a, operator, b, "]"] | ["test", a, operator, b] => {
                    let equal = match *operator {
                        "=" | "==" | "-eq" => true,
                        "!=" | "-ne" => false,
                        _ => return None,
                    };
                    code = i32::from((a == b) != equal);
                }
                _ => return None,
            }
        }
    }
    Some(Program { exit_after: Some(after), exit_code: code })
}

impl Container {
    /// Whether it is up.
    pub fn running(&self) -> bool {
        matches!(self.stage, Stage::Running { .. })
    }

    /// Whether it has ended.
    pub fn exited(&self) -> bool {
        matches!(self.stage, Stage::Exited { .. })
    }

    /// Whether it is up and has got itself ready to answer.
    pub fn answers(&self, spec: &ImageSpec, now: Time) -> bool {
        matches!(self.stage, Stage::Running { since, .. } if now >= since + spec.ready_delay)
    }

    /// The value of an environment variable.
    pub fn variable(&self, name: &str) -> Option<&Str> {
        self.env.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Writes a line to its log.
    pub fn print(&mut self, at: Timestamp, line: impl Into<Str>) {
        if self.log.len() >= LOG_LINES {
            self.log.pop_front();
        }
        self.log.push_back((at, line.into()));
    }
}

impl Sandbox {
    /// The newest start of a container.
    pub fn container(&self, name: &str) -> Option<&Container> {
        self.containers.iter().find(|container| container.name == name)
    }

    pub(super) fn container_mut(&mut self, name: &str) -> Option<&mut Container> {
        self.containers.iter_mut().find(|container| container.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_command_lines_are_understood() {
        let busybox = ImageSpec { exit_after: Some(Duration::ZERO), ..ImageSpec::default() };
        let server = ImageSpec::default();
        let program = |spec: &ImageSpec, words: &[&str]| {
            let words: Vec<Str> = words.iter().map(|&word| word.into()).collect();
            let env = [(Str::from("I"), Str::from("2"))];
            let program = Program::new(spec, &words, &env);
            (program.exit_after.map(|after| after.0), program.exit_code)
        };
        assert_eq!(program(&busybox, &[]), (Some(0), 0));
        assert_eq!(program(&busybox, &["sleep", "3600"]), (Some(3_600_000), 0));
        assert_eq!(program(&busybox, &["sh", "-c", "echo hi; sleep 5 && exit 3"]), (Some(5000), 3));
        assert_eq!(program(&busybox, &["/bin/sh", "-c", "while true; do date; sleep 1; done"]), (None, 0));
        assert_eq!(program(&server, &["nginx", "-g", "daemon off;"]), (None, 0));
        assert_eq!(program(&server, &["false"]), (Some(0), 1));
        for (line, code) in [("[ \"$I\" = 2 ] && exit 7", 7), ("[ ${I} -ne 2 ] && exit 7; true", 0)] {
            assert_eq!(program(&busybox, &["sh", "-c", line]), (Some(0), code), "{line}");
        }
        assert_eq!(program(&busybox, &["sh", "-c", "false || exit 4"]), (Some(0), 4));
        assert_eq!(program(&busybox, &["sh", "-c", "sleep 1; [ \"$I\" != 2 ]"]), (Some(1000), 1));
    }
}

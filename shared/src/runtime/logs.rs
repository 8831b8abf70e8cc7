//! What containers write, and who reads it.

use crate::api::Uid;
use std::collections::VecDeque;

use crate::codec::Codec;
use crate::doc::{Str, Timestamp};
use crate::sim::{Context, CriEvent, ExecResult, LogOptions, NodeReply};

use super::Runtime;

/// How many lines of a container's log are kept, and how many bytes of a line.
const MOST_LINES: usize = 1000;
const LONGEST_LINE: usize = 16 << 10;

/// A line of a log.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct LogLine {
    /// When it was written.
    pub at: Timestamp,
    /// Without the end of the line.
    pub text: Str,
    /// Whether the end of the line is still to come.
    pub partial: bool,
}

/// What a start of a container wrote, oldest first.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Log {
    lines: VecDeque<LogLine>,
    /// How many lines were dropped at the beginning.
    dropped: u64,
}

/// Somebody who reads on.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Follower {
    /// The start of a container.
    container: u64,
    /// How many lines were sent (dropped ones count).
    sent: u64,
    timestamps: bool,
    /// Bytes that may still be sent.
    left: Option<u64>,
    /// Whether it reads what the program writes, not a log.
    attached: bool,
}

impl Follower {
    /// Somebody who is attached to a program reads what it writes from now on.
    pub(super) fn attached(container: &super::Container) -> Follower {
        let sent = container.log.dropped + container.log.lines.len() as u64;
        Follower { container: container.number, sent, timestamps: false, left: None, attached: true }
    }
}

impl Log {
    /// The lines that are kept.
    pub fn lines(&self) -> &VecDeque<LogLine> {
        &self.lines
    }

    /// Adds a line.
    pub fn line(&mut self, at: Timestamp, text: impl Into<Str>) {
        self.push(LogLine { at, text: text.into(), partial: false });
    }

    /// Adds text as a program writes it: lines, the last of which may be without its end.
    pub fn write(&mut self, at: Timestamp, text: &str) {
        for piece in text.split_inclusive('\n') {
            let (line, partial) = piece.strip_suffix('\n').map_or((piece, true), |line| (line, false));
            let mut rest = line;
            while rest.len() > LONGEST_LINE {
                let cut =
                    (0..=LONGEST_LINE).rev().find(|&cut| rest.is_char_boundary(cut)).unwrap_or(rest.len());
                self.push(LogLine { at, text: rest[..cut].into(), partial: true });
                rest = &rest[cut..];
            }
            self.push(LogLine { at, text: rest.into(), partial });
        }
    }

    fn push(&mut self, line: LogLine) {
        if self.lines.len() >= MOST_LINES {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(line);
    }

    /// The lines that somebody wants, as text.
    fn read(&self, options: &LogOptions, now: Timestamp) -> String {
        let since = options
            .since_seconds
            .map(|seconds| Timestamp::from_millis(now.millis().saturating_sub(seconds.saturating_mul(1000))));
        let since = since.or(options.since_time).unwrap_or_default();
        let wanted = self.lines.iter().filter(|line| line.at >= since);
        let skip = options.tail_lines.map_or(0, |tail| {
            (wanted.clone().count() as u64).saturating_sub(u64::try_from(tail).unwrap_or(0))
        });
        let mut text = String::new();
        let most = options.limit_bytes.and_then(|most| u64::try_from(most).ok());
        for line in wanted.skip(usize::try_from(skip).unwrap_or(usize::MAX)) {
            text.push_str(&print(line, options.timestamps));
            if most.is_some_and(|most| text.len() as u64 > most) {
                cut(&mut text, most);
                break;
            }
        }
        text
    }
}

fn print(line: &LogLine, timestamps: bool) -> String {
    let end = if line.partial { "" } else { "\n" };
    if timestamps {
        // Nanoseconds, of which there are none here.
        let at = line.at.rfc3339_micros();
        format!("{}000Z {}{end}", at.trim_end_matches('Z'), line.text)
    } else {
        format!("{}{end}", line.text)
    }
}

fn cut(text: &mut String, most: Option<u64>) {
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX).min(text.len());
    let at = (0..=most).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    text.truncate(at);
}

impl Runtime {
    pub(super) fn read_log(
        &mut self,
        call: u64,
        pod: Uid,
        attempt: u32,
        options: LogOptions,
        cx: &mut Context<'_>,
    ) {
        let container = self.sandboxes.get(&pod).and_then(|sandbox| sandbox.container(&options.container));
        let nothing = Log::default();
        let log = container.and_then(|container| match container.attempt.checked_sub(attempt) {
            Some(0) => Some(&container.log),
            Some(1) => container.previous_log.as_deref().or(Some(&nothing)),
            _ => None,
        });
        let (Some(container), Some(log)) = (container, log) else {
            let id = super::container_id(pod, &options.container, attempt);
            let why = NodeReply::Log(format!("unable to retrieve container logs for {id}").into());
            return self.tell(CriEvent::Served { call, reply: why }, cx);
        };
        let text = log.read(&options, cx.timestamp());
        let goes_on = options.follow && container.attempt == attempt && !container.exited();
        let left = options
            .limit_bytes
            .map(|most| u64::try_from(most).unwrap_or(0).saturating_sub(text.len() as u64));
        if goes_on && left != Some(0) {
            let follower = Follower {
                container: container.number,
                sent: log.dropped + log.lines.len() as u64,
                timestamps: options.timestamps,
                left,
                attached: false,
            };
            self.followers.insert(call, follower);
            self.tell(CriEvent::Served { call, reply: NodeReply::Part(text.into()) }, cx);
        } else {
            self.tell(CriEvent::Served { call, reply: NodeReply::Log(text.into()) }, cx);
        }
    }

    /// A container wrote something, or has ended.
    pub(super) fn tell_followers(&mut self, number: u64, ended: bool, cx: &mut Context<'_>) {
        if self.followers.is_empty() {
            return;
        }
        let log = self.numbered.get(&number).and_then(|(pod, name)| {
            let container = self.sandboxes.get(pod)?.container(name)?;
            (container.number == number).then_some(&container.log)
        });
        let mut news = Vec::new();
        self.followers.retain(|&call, follower| {
            if follower.container != number {
                return true;
            }
            let mut text = String::new();
            if let Some(log) = log {
                let skip = follower.sent.saturating_sub(log.dropped);
                let lines = log.lines.iter().skip(usize::try_from(skip).unwrap_or(usize::MAX));
                lines.for_each(|line| text.push_str(&print(line, follower.timestamps)));
                follower.sent = log.dropped + log.lines.len() as u64;
            }
            cut(&mut text, follower.left);
            follower.left = follower.left.map(|left| left - text.len() as u64);
            let over = ended || follower.left == Some(0);
            if follower.attached {
                let some = !text.is_empty();
                news.extend(some.then(|| (call, NodeReply::Output(false, text.into()))));
                news.extend(over.then(|| (call, NodeReply::Exec(ExecResult::default()))));
            } else if over {
                news.push((call, NodeReply::Log(text.into())));
            } else if !text.is_empty() {
                news.push((call, NodeReply::Part(text.into())));
            }
            !over
        });
        for (call, reply) in news {
            if matches!(reply, NodeReply::Exec(_)) {
                self.detach(call);
            }
            self.tell(CriEvent::Served { call, reply }, cx);
        }
    }
}

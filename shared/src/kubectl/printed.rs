//! What a program printed, while it still runs.

use super::Output;
use super::io::Said;

/// How much is kept of each output: all objects of a large cluster, for one. Of a program that prints for days the end, half
/// of this at least.
const MOST: usize = 16 << 20;

/// How much of a program's output somebody has seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    stdout: u64,
    stderr: u64,
}

/// One output: its end, and how much stood before that.
#[derive(Clone, PartialEq, Hash, Debug, Default)]
struct Tail {
    dropped: u64,
    text: String,
}

impl Tail {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        if self.text.len() > MOST {
            let more = self.text.len() - MOST / 2;
            let cut = (more..).find(|at| self.text.is_char_boundary(*at)).unwrap_or(more);
            self.text.drain(..cut);
            self.dropped += cut as u64;
        }
    }

    fn since(&self, seen: &mut u64) -> String {
        let from = usize::try_from(seen.saturating_sub(self.dropped)).unwrap_or(usize::MAX);
        *seen = self.dropped + self.text.len() as u64;
        self.text.get(from..).unwrap_or("").to_owned()
    }
}

#[derive(Clone, PartialEq, Hash, Debug, Default)]
pub(super) struct Printed {
    stdout: Tail,
    stderr: Tail,
    /// How much of what linear code prints is here already: it prints the same again each time it runs.
    replayed: (u64, u64),
    /// How much of an answer that goes on is here already.
    received: (u64, u64),
}

impl Printed {
    /// What loops printed now, and all that linear code printed since the start.
    pub fn add(&mut self, streamed: Said, said: Said) {
        self.stdout.push(&streamed.stdout);
        self.stderr.push(&streamed.stderr);
        for (tail, text, known) in [
            (&mut self.stdout, &said.stdout, &mut self.replayed.0),
            (&mut self.stderr, &said.stderr, &mut self.replayed.1),
        ] {
            if let Some(new) = usize::try_from(*known).ok().and_then(|known| text.get(known..)) {
                tail.push(new);
                *known = text.len() as u64;
            }
        }
    }

    /// What came of an answer that goes on. When it is complete, linear code prints it as a whole.
    pub fn receive(&mut self, stdout: &str, stderr: &str) {
        for (tail, text, known, replayed) in [
            (&mut self.stdout, stdout, &mut self.received.0, &mut self.replayed.0),
            (&mut self.stderr, stderr, &mut self.received.1, &mut self.replayed.1),
        ] {
            if let Some(new) = usize::try_from(*known).ok().and_then(|known| text.get(known..)) {
                tail.push(new);
                *replayed += new.len() as u64;
                *known = text.len() as u64;
            }
        }
    }

    /// The answer is complete.
    pub fn received(&mut self) {
        self.received = (0, 0);
    }

    /// What somebody has not seen yet.
    pub fn since(&self, seen: &mut Seen) -> Output {
        Output {
            stdout: self.stdout.since(&mut seen.stdout),
            stderr: self.stderr.since(&mut seen.stderr),
            exit_code: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn much_is_kept_and_of_more_the_end() {
        let line = "a line of what a program says, over and over\n";
        let (mut tail, mut seen) = (Tail::default(), 0);
        let large = line.repeat((1 << 20) / line.len());
        tail.push(&large);
        assert_eq!(tail.since(&mut seen), large, "a megabyte comes whole");
        for _ in 0..40 {
            tail.push(&large);
        }
        assert!(tail.text.len() <= MOST && tail.text.len() >= MOST / 2);
        assert_eq!(tail.dropped + tail.text.len() as u64, 41 * large.len() as u64);
        assert!(tail.since(&mut seen).ends_with(line));
        assert_eq!(tail.since(&mut seen), "");
    }
}

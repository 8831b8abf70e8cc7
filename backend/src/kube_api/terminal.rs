//! The terminal between a person's keyboard and a program in a container: it shows what is typed, lets it be mended, and
//! hands over whole lines. The client's own terminal passes on every key as it is.

use shared::runtime::text_of_bytes;

const INTERRUPT: u8 = 3;
const END: u8 = 4;
const BELL: u8 = 7;
const BACKSPACE: u8 = 8;
const ERASE_LINE: u8 = 0x15;
const ERASE_WORD: u8 = 0x17;
const QUIT: u8 = 0x1c;
const ESCAPE: u8 = 0x1b;
const DELETE: u8 = 0x7f;

/// How long a line may become, as in Linux, and how many lines are remembered.
const LONGEST_LINE: usize = 4095;
const MOST_LINES: usize = 200;

/// What comes of keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Typed {
    /// A line for the program.
    Line(String),
    /// There is no more to read.
    End,
    /// A signal for the program.
    Signal(&'static str),
}

/// What somebody has typed and not handed over yet.
#[derive(Default)]
pub struct Terminal {
    line: Vec<char>,
    /// A character of which bytes are still to come, or an escape sequence.
    begun: Vec<u8>,
    before: Vec<String>,
    /// Which of the lines before is shown, from the end; 0 for none.
    shown: usize,
}

impl Terminal {
    /// Takes keys: what they make to be shown, and what comes of them.
    pub fn take(&mut self, keys: &[u8]) -> (Vec<u8>, Vec<Typed>) {
        let (mut echo, mut typed) = (Vec::new(), Vec::new());
        for &key in keys {
            if self.begun.first() == Some(&ESCAPE) {
                self.escape(key, &mut echo);
                continue;
            }
            match key {
                _ if !self.begun.is_empty() || key >= 0x80 => self.character(key, &mut echo),
                b'\r' | b'\n' => {
                    echo.extend_from_slice(b"\r\n");
                    let line: String = std::mem::take(&mut self.line).into_iter().collect();
                    self.remember(&line);
                    typed.push(Typed::Line(line + "\n"));
                }
                INTERRUPT | QUIT => {
                    echo.extend_from_slice(if key == QUIT { b"^\\" } else { b"^C" });
                    self.line.clear();
                    self.shown = 0;
                    typed.push(Typed::Signal(if key == QUIT { "QUIT" } else { "INT" }));
                }
                END if self.line.is_empty() => typed.push(Typed::End),
                END => typed.push(Typed::Line(std::mem::take(&mut self.line).into_iter().collect())),
                DELETE | BACKSPACE => self.erase(1, &mut echo),
                ERASE_LINE => self.erase(self.line.len(), &mut echo),
                ERASE_WORD => {
                    let text: String = self.line.iter().collect();
                    let word = text.trim_end().rfind(' ').map_or(0, |at| text[..=at].chars().count());
                    self.erase(self.line.len() - word, &mut echo);
                }
                ESCAPE => self.begun.push(key),
                b'\t' => echo.push(BELL),
                0x20..0x7f => self.character(key, &mut echo),
                _ => {}
            }
        }
        (echo, typed)
    }

    fn character(&mut self, byte: u8, echo: &mut Vec<u8>) {
        self.begun.push(byte);
        let whole = std::str::from_utf8(&self.begun).is_ok();
        if !whole && self.begun.len() < 4 {
            return;
        }
        let bytes = std::mem::take(&mut self.begun);
        if self.line.len() < LONGEST_LINE {
            echo.extend_from_slice(&bytes);
            self.line.extend(text_of_bytes(&bytes).chars());
        }
    }

    /// Arrows lead through the lines before; other keys do nothing.
    fn escape(&mut self, byte: u8, echo: &mut Vec<u8>) {
        self.begun.push(byte);
        if self.begun.len() == 2 && matches!(byte, b'[' | b'O')
            || self.begun.len() < 8 && matches!(byte, b'0'..=b'9' | b';')
        {
            return;
        }
        let shown = match byte {
            b'A' => (self.shown + 1).min(self.before.len()),
            b'B' => self.shown.saturating_sub(1),
            _ => self.shown,
        };
        self.begun.clear();
        if shown != self.shown {
            self.shown = shown;
            self.erase(self.line.len(), echo);
            let line = self.before.len().checked_sub(shown).and_then(|at| self.before.get(at));
            self.line = line.map_or_else(Vec::new, |line| line.chars().collect());
            echo.extend(self.line.iter().collect::<String>().bytes());
        }
    }

    fn erase(&mut self, count: usize, echo: &mut Vec<u8>) {
        let count = count.min(self.line.len());
        self.line.truncate(self.line.len() - count);
        echo.extend(b"\x08 \x08".repeat(count));
    }

    fn remember(&mut self, line: &str) {
        self.shown = 0;
        if !line.trim().is_empty() && self.before.last().map(String::as_str) != Some(line) {
            self.before.push(line.to_owned());
            if self.before.len() > MOST_LINES {
                self.before.remove(0);
            }
        }
    }
}

/// What a program writes as a terminal shows it: each line begins at the left.
pub fn shown(bytes: &[u8]) -> Vec<u8> {
    let mut all = Vec::with_capacity(bytes.len() + 16);
    for &byte in bytes {
        if byte == b'\n' {
            all.push(b'\r');
        }
        all.push(byte);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_lines() {
        let line = |text: &str| Typed::Line(text.to_owned());
        for (keys, echo, typed) in [
            ("ls\r", "ls\r\n", vec![line("ls\n")]),
            ("lx\x7fs\r", "lx\x08 \x08s\r\n", vec![line("ls\n")]),
            ("a b\x17c\r", "a b\x08 \x08c\r\n", vec![line("a c\n")]),
            ("ab\x15c\r", "ab\x08 \x08\x08 \x08c\r\n", vec![line("c\n")]),
            ("\x7f\x04", "", vec![Typed::End]),
            ("ab\x04", "ab", vec![line("ab")]),
            ("ab\x03c\r", "ab^Cc\r\n", vec![Typed::Signal("INT"), line("c\n")]),
            ("né\x7fe\r", "né\x08 \x08e\r\n", vec![line("ne\n")]),
            ("one\r\x1b[A\r", "one\r\none\r\n", vec![line("one\n"), line("one\n")]),
            (
                "a\rb\r\x1b[A\x1b[A\x1b[Bx\r",
                "a\r\nb\r\nb\x08 \x08a\x08 \x08bx\r\n",
                vec![line("a\n"), line("b\n"), line("bx\n")],
            ),
            ("a\x1b[Cb\x1b[3~\t\r", "ab\x07\r\n", vec![line("ab\n")]),
        ] {
            let mut terminal = Terminal::default();
            let (shown, came) = terminal.take(keys.as_bytes());
            assert_eq!((String::from_utf8_lossy(&shown).as_ref(), came), (echo, typed), "{keys:?}");
        }
    }
}

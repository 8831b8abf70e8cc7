//! The parts of a template: text, and the words of its actions.

/// One word, with its place in the template in bytes.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Token {
    pub at: usize,
    pub kind: Kind,
    pub text: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// What stands outside of actions.
    Text,
    /// `}}`
    Close,
    /// A keyword, a function, `true`, `nil`.
    Word,
    /// `.name`
    Field,
    /// `$name`
    Variable,
    /// `.` alone.
    Dot,
    /// A text in quotes, as it is written.
    Quoted,
    Number,
    /// `:=`, `=`, `|`, `,`, `(`, `)`
    Sign,
    Space,
    /// No word: why, with its line. Whoever reads as far as this says so.
    Fault,
}

const OPEN: &str = "{{";
const CLOSE: &str = "}}";

/// The words of a template, up to what is none.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new(), trims: false };
    while lexer.at < text.len() {
        if let Err(why) = lexer.outside() {
            lexer.push(lexer.at, Kind::Fault, &why);
            break;
        }
    }
    lexer.tokens
}

/// A complaint about a place: the line it is on, and why.
pub(super) fn complaint(text: &str, at: usize, why: impl std::fmt::Display) -> String {
    format!("{}: {why}", 1 + text[..at.min(text.len())].matches('\n').count())
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    tokens: Vec<Token>,
    /// Whether white space before the next text goes.
    trims: bool,
}

impl Lexer<'_> {
    fn push(&mut self, at: usize, kind: Kind, text: &str) {
        self.tokens.push(Token { at, kind, text: text.to_owned() });
    }

    /// Text up to the next action, and that action.
    fn outside(&mut self) -> Result<(), String> {
        let rest = &self.text[self.at..];
        let open = rest.find(OPEN);
        let mut plain = &rest[..open.unwrap_or(rest.len())];
        let inside = open.map(|open| self.at + open + OPEN.len());
        if self.trims {
            plain = plain.trim_start();
        }
        let trimmed = |from: usize| {
            let rest = &self.text[from..];
            rest.starts_with('-') && rest[1..].starts_with(char::is_whitespace)
        };
        if inside.is_some_and(trimmed) {
            plain = plain.trim_end();
        }
        if !plain.is_empty() {
            self.push(self.at, Kind::Text, plain);
        }
        self.trims = false;
        let Some(mut inside) = inside else {
            self.at = self.text.len();
            return Ok(());
        };
        if trimmed(inside) {
            inside += 2;
        }
        self.at = inside;
        let rest = &self.text[inside..];
        if rest.trim_start().starts_with("/*") { self.comment() } else { self.action() }
    }

    fn comment(&mut self) -> Result<(), String> {
        let end = self.text[self.at..].find("*/").map(|end| self.at + end + 2);
        let end = end.ok_or_else(|| complaint(self.text, self.at, "unclosed comment"))?;
        let rest = self.text[end..].trim_start();
        let closed = rest.strip_prefix('-').unwrap_or(rest);
        if !closed.starts_with(CLOSE) {
            return Err(complaint(self.text, end, "comment ends before closing delimiter"));
        }
        self.trims = closed.len() < rest.len();
        self.at = self.text.len() - closed.len() + CLOSE.len();
        Ok(())
    }

    /// The words of an action, up to and with its end.
    fn action(&mut self) -> Result<(), String> {
        let mut parens: usize = 0;
        loop {
            let (at, rest) = (self.at, &self.text[self.at..]);
            let Some(first) = rest.chars().next() else {
                return Err(complaint(self.text, at, "unclosed action"));
            };
            let white = rest.len() - rest.trim_start().len();
            let closing = rest[white..].strip_prefix('-').filter(|rest| white > 0 && rest.starts_with(CLOSE));
            if let Some(after) = closing.or_else(|| rest.starts_with(CLOSE).then_some(rest)) {
                if parens > 0 {
                    return Err(complaint(self.text, at, "unclosed left paren"));
                }
                self.trims = closing.is_some();
                self.at = self.text.len() - after.len() + CLOSE.len();
                self.push(at, Kind::Close, CLOSE);
                return Ok(());
            }
            match first {
                '(' => parens += 1,
                ')' => {
                    parens = parens
                        .checked_sub(1)
                        .ok_or_else(|| complaint(self.text, at, "unexpected right paren"))?;
                }
                _ => {}
            }
            let (kind, length) = self.word(first, white)?;
            if matches!(kind, Kind::Word | Kind::Field | Kind::Variable) {
                self.ends(at + length)?;
            }
            let word = self.text[at..at + length].to_owned();
            self.push(at, kind, &word);
            self.at += length;
        }
    }

    /// The kind and length of the word that begins here.
    fn word(&self, first: char, white: usize) -> Result<(Kind, usize), String> {
        let rest = &self.text[self.at..];
        let fault = |why: String| complaint(self.text, self.at, why);
        let letters = |from: &str| {
            from.chars().take_while(|c| c.is_alphanumeric() || *c == '_').map(char::len_utf8).sum::<usize>()
        };
        let second = rest.chars().nth(1);
        Ok(match first {
            _ if white > 0 => (Kind::Space, white),
            '"' => (Kind::Quoted, self.quoted('"', "unterminated quoted string")?),
            '\'' => (Kind::Quoted, self.quoted('\'', "unterminated character constant")?),
            '`' => match rest[1..].find('`') {
                Some(end) => (Kind::Quoted, end + 2),
                None => return Err(fault("unterminated raw quoted string".into())),
            },
            '$' => (Kind::Variable, 1 + letters(&rest[1..])),
            '.' if second.is_some_and(|c| c.is_ascii_digit()) => (Kind::Number, self.number()),
            '.' => match letters(&rest[1..]) {
                0 => (Kind::Dot, 1),
                length => (Kind::Field, length + 1),
            },
            '+' | '-' if second.is_some_and(|c| c.is_ascii_digit() || c == '.') => {
                (Kind::Number, self.number())
            }
            _ if first.is_ascii_digit() => (Kind::Number, self.number()),
            ':' if second == Some('=') => (Kind::Sign, 2),
            ':' => return Err(fault("expected :=".into())),
            '=' | '|' | ',' | '(' | ')' => (Kind::Sign, 1),
            _ if first.is_alphabetic() || first == '_' => (Kind::Word, letters(rest)),
            _ if first.is_ascii_graphic() => (Kind::Sign, first.len_utf8()),
            _ => {
                return Err(fault(format!("unrecognized character in action: U+{:04X}", first as u32)));
            }
        })
    }

    /// A name ends with a space, a sign or the action.
    fn ends(&self, at: usize) -> Result<(), String> {
        let rest = &self.text[at..];
        match rest.chars().next() {
            Some(c) if !c.is_whitespace() && !".,|:)(".contains(c) && !rest.starts_with(CLOSE) => {
                Err(complaint(self.text, at, format!("bad character U+{:04X} '{c}'", u32::from(c))))
            }
            _ => Ok(()),
        }
    }

    fn number(&self) -> usize {
        let rest = &self.text[self.at..];
        let signed = usize::from(rest.starts_with(['+', '-']));
        let mut before = ' ';
        let length = rest[signed..].chars().take_while(|&c| {
            let fits = c.is_ascii_alphanumeric() || c == '.' || c == '_';
            let exponent = matches!(c, '+' | '-') && matches!(before, 'e' | 'E');
            before = c;
            fits || exponent
        });
        signed + length.count()
    }

    fn quoted(&self, quote: char, unclosed: &str) -> Result<usize, String> {
        let mut escaped = false;
        for (at, c) in self.text[self.at..].char_indices().skip(1) {
            match c {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if c == quote => return Ok(at + 1),
                _ => {}
            }
        }
        Err(complaint(self.text, self.at, unclosed))
    }
}

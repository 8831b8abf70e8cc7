//! Reads CEL.

use super::{Binary, Expr, Place, Walk};
use crate::doc::{Doc, Str};

/// How deep expressions nest at most.
const DEEPEST: u32 = 100;
/// How many parts they have at most: each is evaluated inside the next.
const MOST_PARTS: u32 = 1000;
/// The longest expression, in bytes.
const LONGEST: usize = 16 * 1024;

#[derive(Clone, PartialEq, Debug)]
enum Token {
    Literal(Doc),
    Name(Str),
    /// A sign or a word that is no name.
    Sign(&'static str),
    End,
}

/// Longer signs come before those that they begin with.
const SIGNS: [&str; 24] = [
    "||", "&&", "==", "!=", "<=", ">=", "<", ">", "!", "?", ":", "+", "-", "*", "/", "%", "(", ")", "[", "]",
    "{", "}", ",", ".",
];

/// A fault, and at which byte it is.
type Fault = (usize, String);

/// Names of types whose values an expression may make, where they are known to it.
const TYPES: [&str; 2] = ["JSONPatch", "Object"];

pub(super) fn read(text: &str, names: &[&str]) -> Result<Expr, String> {
    if text.len() > LONGEST {
        return Err("ERROR: <input>:1:1: expression is too long".into());
    }
    let read = || {
        let tokens = tokens(text)?;
        let known = names.iter().map(|name| Str::from(*name)).collect();
        let mut parser = Parser { tokens: &tokens, at: 0, depth: 0, parts: 0, known };
        let expr = parser.choice()?;
        match parser.token() {
            Token::End => Ok(expr),
            other => {
                Err(parser.fault(format!("Syntax error: mismatched input {} expecting <EOF>", shown(other))))
            }
        }
    };
    read().map_err(|(at, why): Fault| located(text, at, &why))
}

/// The fault with its line and column, the line itself, and a mark below the place.
pub(super) fn located(text: &str, at: usize, why: &str) -> String {
    let before = &text[..at.min(text.len())];
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let column = text[start..at.min(text.len())].chars().count();
    let source = text[start..].lines().next().unwrap_or("");
    format!("ERROR: <input>:{line}:{}: {why}\n | {source}\n | {}^", column + 1, ".".repeat(column))
}

fn shown(token: &Token) -> String {
    match token {
        Token::Literal(value) => format!("'{}'", value.to_json()),
        Token::Name(name) => format!("'{name}'"),
        Token::Sign(sign) => format!("'{sign}'"),
        Token::End => "'<EOF>'".into(),
    }
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Fault> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        let rest = &text[at..];
        if next.is_whitespace() {
            at += next.len_utf8();
        } else if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if let Some((token, length)) = string(rest).map_err(|why| (at, why))? {
            found.push((at, token));
            at += length;
        } else if next.is_ascii_digit() || next == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())
        {
            let (token, length) = number(rest).map_err(|why| (at, why))?;
            found.push((at, token));
            at += length;
        } else if next.is_ascii_alphabetic() || next == '_' {
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let token = match &rest[..length] {
                "true" => Token::Literal(Doc::Bool(true)),
                "false" => Token::Literal(Doc::Bool(false)),
                "null" => Token::Literal(Doc::Null),
                "in" => Token::Sign("in"),
                name => Token::Name(name.into()),
            };
            found.push((at, token));
            at += length;
        } else {
            let sign = SIGNS.iter().copied().find(|sign| rest.starts_with(sign));
            let sign =
                sign.ok_or_else(|| (at, format!("Syntax error: token recognition error at: '{next}'")))?;
            found.push((at, Token::Sign(sign)));
            at += sign.len();
        }
    }
    found.push((text.len(), Token::End));
    Ok(found)
}

fn number(text: &str) -> Result<(Token, usize), String> {
    if let Some(hex) = text.strip_prefix("0x") {
        let length = hex.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hex.len());
        let value = i64::from_str_radix(&hex[..length], 16).map_err(|_| "invalid int literal".to_owned())?;
        return Ok((Token::Literal(Doc::from(value)), length + 2));
    }
    let mut length = 0;
    let mut whole = true;
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(length) {
        let next_is_digit = bytes.get(length + 1).is_some_and(u8::is_ascii_digit);
        match byte {
            b'0'..=b'9' => {}
            b'.' if whole && next_is_digit => whole = false,
            b'e' | b'E' if next_is_digit || matches!(bytes.get(length + 1), Some(b'+' | b'-')) => {
                whole = false;
                length += 1;
            }
            _ => break,
        }
        length += 1;
    }
    let digits = &text[..length];
    let value = if whole {
        digits.parse::<i64>().ok().map(Doc::from)
    } else {
        digits.parse::<f64>().ok().map(Doc::from)
    };
    let value = value.ok_or_else(|| "invalid int literal".to_owned())?;
    let unsigned = text[length..].starts_with(['u', 'U']);
    Ok((Token::Literal(value), length + usize::from(unsigned)))
}

/// A string literal: raw or not, with one mark or three.
fn string(text: &str) -> Result<Option<(Token, usize)>, String> {
    let raw = text.starts_with(['r', 'R']) && text[1..].starts_with(['"', '\'']);
    let body = if raw { &text[1..] } else { text };
    if !body.starts_with(['"', '\'']) {
        return Ok(None);
    }
    let one = &body[..1];
    let mark = if body.starts_with(&one.repeat(3)) { one.repeat(3) } else { one.to_owned() };
    let mut value = String::new();
    let mut at = mark.len();
    loop {
        let rest = &body[at..];
        if rest.starts_with(&mark) {
            let length = usize::from(raw) + at + mark.len();
            return Ok(Some((Token::Literal(Doc::from(value)), length)));
        }
        match rest.chars().next() {
            None => return Err(format!("Syntax error: token recognition error at: '{one}'")),
            Some('\n') if mark.len() == 1 => {
                return Err(format!("Syntax error: token recognition error at: '{one}'"));
            }
            Some('\\') if !raw => {
                let (letter, length) = escape(&rest[1..])?;
                value.push(letter);
                at += 1 + length;
            }
            Some(letter) => {
                value.push(letter);
                at += letter.len_utf8();
            }
        }
    }
}

/// What stands after a backslash: the letter that is meant, and how many bytes say it.
fn escape(text: &str) -> Result<(char, usize), String> {
    let bad = || "Syntax error: invalid escape sequence".to_owned();
    let coded = |from: usize, digits: usize, radix: u32| {
        let code = text.get(from..from + digits).and_then(|code| u32::from_str_radix(code, radix).ok());
        code.and_then(char::from_u32).map(|letter| (letter, from + digits)).ok_or_else(bad)
    };
    let letter = text.chars().next().ok_or_else(bad)?;
    Ok(match letter {
        'n' => ('\n', 1),
        't' => ('\t', 1),
        'r' => ('\r', 1),
        'a' => ('\u{7}', 1),
        'b' => ('\u{8}', 1),
        'f' => ('\u{c}', 1),
        'v' => ('\u{b}', 1),
        '\\' | '"' | '\'' | '`' | '?' => (letter, 1),
        'x' | 'X' => coded(1, 2, 16)?,
        'u' => coded(1, 4, 16)?,
        'U' => coded(1, 8, 16)?,
        '0'..='3' => coded(0, 3, 8)?,
        _ => return Err(bad()),
    })
}

struct Parser<'a> {
    tokens: &'a [(usize, Token)],
    at: usize,
    depth: u32,
    parts: u32,
    /// The names that may stand alone.
    known: Vec<Str>,
}

/// Which signs bind alike, the loosest first.
const LEVELS: [&[(&str, Binary)]; 5] = [
    &[("||", Binary::Or)],
    &[("&&", Binary::And)],
    &[
        ("==", Binary::Equal),
        ("!=", Binary::NotEqual),
        ("<=", Binary::LessEqual),
        (">=", Binary::GreaterEqual),
        ("<", Binary::Less),
        (">", Binary::Greater),
        ("in", Binary::In),
    ],
    &[("+", Binary::Add), ("-", Binary::Subtract)],
    &[("*", Binary::Multiply), ("/", Binary::Divide), ("%", Binary::Remainder)],
];

impl Parser<'_> {
    fn token(&self) -> &Token {
        &self.tokens[self.at].1
    }

    /// Where the next token stands.
    fn place(&self) -> Place {
        // Longer texts were refused.
        self.tokens.get(self.at).map_or(0, |(at, _)| *at as Place)
    }

    fn fault(&self, why: String) -> Fault {
        (self.tokens[self.at].0, why)
    }

    fn unexpected(&self) -> Fault {
        self.fault(format!("Syntax error: mismatched input {}", shown(self.token())))
    }

    fn take(&mut self, sign: &str) -> bool {
        let taken = matches!(self.token(), Token::Sign(found) if *found == sign);
        self.at += usize::from(taken);
        taken
    }

    fn expect(&mut self, sign: &str) -> Result<(), Fault> {
        if self.take(sign) {
            return Ok(());
        }
        Err(self.fault(format!("Syntax error: mismatched input {} expecting '{sign}'", shown(self.token()))))
    }

    fn choice(&mut self) -> Result<Expr, Fault> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.fault("expression recursion limit exceeded".into()));
        }
        let condition = self.binary(0)?;
        let place = self.place();
        let whole = if self.take("?") {
            let yes = self.binary(0)?;
            self.expect(":")?;
            Expr::Choice(condition.into(), yes.into(), self.choice()?.into(), place)
        } else {
            condition
        };
        self.depth -= 1;
        Ok(whole)
    }

    fn binary(&mut self, level: usize) -> Result<Expr, Fault> {
        let Some(signs) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some((sign, operator)) = signs.iter().find(|(sign, _)| *self.token() == Token::Sign(sign)) {
            let place = self.place();
            self.take(sign);
            self.count()?;
            left = Expr::Binary(*operator, left.into(), self.binary(level + 1)?.into(), place);
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, Fault> {
        let mut signs: Vec<(&str, Place)> = Vec::new();
        let mut place = self.place();
        while let Some(sign) = ["!", "-"].into_iter().find(|sign| self.take(sign)) {
            signs.push((sign, place));
            place = self.place();
        }
        let mut expr = self.member()?;
        for (sign, place) in signs.into_iter().rev() {
            expr = match (sign, expr) {
                ("-", Expr::Literal(Doc::Int(value))) => Expr::Literal(Doc::from(-value.get())),
                ("-", Expr::Literal(Doc::Float(value))) => Expr::Literal(Doc::from(-value.get())),
                ("-", expr) => Expr::Negative(expr.into(), place),
                (_, expr) => Expr::Not(expr.into(), place),
            };
        }
        Ok(expr)
    }

    /// One more part: what is made of too many cannot be evaluated.
    fn count(&mut self) -> Result<(), Fault> {
        self.parts += 1;
        if self.parts > MOST_PARTS {
            return Err(self.fault("expression recursion limit exceeded".into()));
        }
        Ok(())
    }

    fn member(&mut self) -> Result<Expr, Fault> {
        let mut expr = self.primary()?;
        loop {
            self.count()?;
            let place = self.place();
            if self.take(".") {
                let Token::Name(name) = self.token().clone() else { return Err(self.unexpected()) };
                self.at += 1;
                let open = self.place();
                expr = if self.take("(") {
                    self.call(Some(expr), name, open)?
                } else {
                    Expr::Field(expr.into(), unescaped(&name), place)
                };
            } else if self.take("[") {
                let index = self.choice()?;
                self.expect("]")?;
                expr = Expr::Index(expr.into(), index.into(), place);
            } else {
                return Ok(expr);
            }
        }
    }

    fn primary(&mut self) -> Result<Expr, Fault> {
        let start = self.at;
        let token = self.token().clone();
        self.at += 1;
        let open = self.place();
        match token {
            Token::Literal(value) => Ok(Expr::Literal(value)),
            Token::Name(name) if self.take("(") => self.call(None, name, open),
            Token::Name(name) if self.known.contains(&name) => match TYPES.contains(&name.as_str()) {
                true => self.constructed(),
                false => Ok(Expr::Name(name)),
            },
            Token::Name(name) => {
                let why = format!("undeclared reference to '{name}' (in container '')");
                Err((self.tokens[start].0, why))
            }
            Token::Sign("(") => {
                let inner = self.choice()?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Sign("[") => Ok(Expr::List(self.until("]", Parser::choice)?)),
            Token::Sign("{") => {
                let entry = |parser: &mut Self| {
                    let key = parser.choice()?;
                    parser.expect(":")?;
                    Ok((key, parser.choice()?))
                };
                Ok(Expr::Map(self.until("}", entry)?))
            }
            _ => {
                self.at = start;
                Err(self.unexpected())
            }
        }
    }

    /// `Object.spec{replicas: 3}`: a value of a type; what type it is, the fields tell.
    fn constructed(&mut self) -> Result<Expr, Fault> {
        while self.take(".") {
            if !matches!(self.token(), Token::Name(_)) {
                return Err(self.unexpected());
            }
            self.at += 1;
        }
        self.expect("{")?;
        let entry = |parser: &mut Self| {
            let Token::Name(name) = parser.token().clone() else { return Err(parser.unexpected()) };
            parser.at += 1;
            parser.expect(":")?;
            Ok((Expr::Literal(Doc::Str(unescaped(&name))), parser.choice()?))
        };
        Ok(Expr::Map(self.until("}", entry)?))
    }

    /// Items with commas between, up to a sign.
    fn until<T>(&mut self, end: &str, item: impl Fn(&mut Self) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
        let mut items = Vec::new();
        while !self.take(end) {
            items.push(item(self)?);
            if !self.take(",") {
                self.expect(end)?;
                break;
            }
        }
        Ok(items)
    }

    fn call(&mut self, of: Option<Expr>, name: Str, place: Place) -> Result<Expr, Fault> {
        let walk = match name.as_str() {
            "all" => Some(Walk::All),
            "exists" => Some(Walk::Exists),
            "exists_one" | "existsOne" => Some(Walk::ExistsOne),
            "filter" => Some(Walk::Filter),
            "map" => Some(Walk::Map),
            _ => None,
        };
        if let (Some(of), Some(walk)) = (&of, walk) {
            return self.walk(of.clone(), walk, place);
        }
        let start = self.at;
        let mut parts = self.until(")", Parser::choice)?;
        if of.is_none() && name == "has" {
            return match (parts.pop(), parts.is_empty()) {
                (Some(Expr::Field(of, field, place)), true) => Ok(Expr::Has(of, field, place)),
                _ => Err((self.tokens[start].0, "invalid argument to has() macro".into())),
            };
        }
        Ok(Expr::Call(of.map(Box::new), name, parts, place))
    }

    fn walk(&mut self, of: Expr, walk: Walk, place: Place) -> Result<Expr, Fault> {
        let Token::Name(name) = self.token().clone() else {
            return Err(self.fault("argument must be a simple name".into()));
        };
        self.at += 1;
        self.known.push(name.clone());
        self.expect(",")?;
        let test = self.choice()?;
        let result = if walk == Walk::Map && self.take(",") { Some(Box::new(self.choice()?)) } else { None };
        self.expect(")")?;
        self.known.pop();
        Ok(Expr::Walk(walk, of.into(), name, test.into(), result, place))
    }
}

/// A field's own name: Kubernetes writes those that are no names of CEL otherwise.
fn unescaped(name: &str) -> Str {
    const LETTERS: [(&str, &str); 4] =
        [("__underscores__", "__"), ("__dot__", "."), ("__dash__", "-"), ("__slash__", "/")];
    const WORDS: [&str; 19] = [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
    ];
    if !name.contains("__") {
        return name.into();
    }
    let word = name.strip_prefix("__").and_then(|rest| rest.strip_suffix("__"));
    match word.filter(|word| WORDS.contains(word)) {
        Some(word) => word.into(),
        None => {
            LETTERS.iter().fold(name.to_owned(), |name, (code, letter)| name.replace(code, letter)).into()
        }
    }
}

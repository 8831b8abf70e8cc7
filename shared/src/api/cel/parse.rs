//! Reads CEL.

use super::tokens::{Token, shown, tokens};
use super::{Binary, Expr, Place, Walk, overloads};
use crate::doc::{Doc, Str};

/// How deep expressions nest at most.
const DEEPEST: u32 = 100;
/// How many parts they have at most: each is evaluated inside the next.
const MOST_PARTS: u32 = 1000;
/// The longest expression, in bytes.
const LONGEST: usize = 16 * 1024;

/// A fault, and at which byte it is.
pub(super) type Fault = (usize, String);

/// Names of types whose values an expression may make, where they are known to it.
const TYPES: [&str; 2] = ["JSONPatch", "Object"];

pub(super) fn read(text: &str, names: &[&str]) -> Result<Expr, String> {
    if text.len() > LONGEST {
        return Err("ERROR: <input>:1:1: expression is too long".into());
    }
    let read = || {
        let tokens = tokens(text)?;
        let known = names.iter().map(|name| Str::from(*name)).collect();
        let mut parser = Parser { tokens: &tokens, at: 0, depth: 0, parts: 0, is_list: false, known };
        let expr = parser.choice()?;
        match parser.token() {
            Token::End => Ok(expr),
            _ => Err(parser.unexpected("<EOF>", parser.next() == Some(&Token::End))),
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

struct Parser<'a> {
    tokens: &'a [(usize, Token)],
    at: usize,
    depth: u32,
    parts: u32,
    /// Whether the items of a list or a map are read just now, not those of a call.
    is_list: bool,
    /// The names that may stand alone.
    known: Vec<Str>,
}

/// What an expression begins with.
const BEGINNINGS: &str = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, \
                          BYTES, IDENTIFIER}";

/// Whether an expression may begin with it.
fn begins(token: &Token) -> bool {
    match token {
        Token::End => false,
        Token::Sign(sign) => matches!(*sign, "[" | "{" | "(" | "." | "-" | "!"),
        Token::Literal(_) | Token::Name(_) => true,
    }
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

    /// The token after the next.
    fn next(&self) -> Option<&Token> {
        self.tokens.get(self.at + 1).map(|(_, token)| token)
    }

    /// What stands there is not what is expected; it may be that alone which is too much.
    fn unexpected(&self, expected: &str, alone: bool) -> Fault {
        let how = if alone { "extraneous" } else { "mismatched" };
        self.fault(format!("Syntax error: {how} input {} expecting {expected}", shown(self.token())))
    }

    /// No name after a dot.
    fn nameless(&self) -> Fault {
        let found = match self.token() {
            Token::End => String::new(),
            Token::Literal(value) => value.to_json(),
            other => shown(other).trim_matches('\'').to_owned(),
        };
        self.fault(format!("Syntax error: no viable alternative at input '.{found}'"))
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
        let alone = matches!(self.next(), Some(Token::Sign(next)) if *next == sign);
        if !alone && self.may_follow(sign) {
            return Err(self.fault(format!("Syntax error: missing '{sign}' at {}", shown(self.token()))));
        }
        let expected = match sign {
            "]" | "}" if self.is_list => format!("{{'{sign}', ','}}"),
            sign => format!("'{sign}'"),
        };
        Err(self.unexpected(&expected, alone))
    }

    /// Whether all were well if only this sign stood before the next token.
    fn may_follow(&self, sign: &str) -> bool {
        let mut open = Vec::new();
        for (_, token) in &self.tokens[..self.at] {
            match token {
                Token::Sign("(") => open.push(")"),
                Token::Sign("[") => open.push("]"),
                Token::Sign("{") => open.push("}"),
                Token::Sign(")" | "]" | "}") => drop(open.pop()),
                _ => {}
            }
        }
        match (sign, self.token()) {
            (":", token) => begins(token),
            (")" | "]", Token::End) => open.len() == 1 && !self.is_list,
            (")" | "]", Token::Sign(close)) => open.iter().rev().nth(1) == Some(close) && !self.is_list,
            _ => false,
        }
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
                let optional = self.take("?");
                let Token::Name(name) = self.token().clone() else { return Err(self.nameless()) };
                self.at += 1;
                let open = self.place();
                expr = if optional {
                    let field = Expr::Literal(Doc::Str(unescaped(&name)));
                    Expr::Maybe(expr.into(), field.into(), place)
                } else if self.take("(") {
                    self.call(Some(expr), name, open)?
                } else {
                    Expr::Field(expr.into(), unescaped(&name), place)
                };
            } else if self.take("[") {
                let optional = self.take("?");
                let index = self.choice()?.into();
                self.expect("]")?;
                expr = match optional {
                    true => Expr::Maybe(expr.into(), index, place),
                    false => Expr::Index(expr.into(), index, place),
                };
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
                true => self.constructed(&name),
                false => Ok(Expr::Name(name)),
            },
            Token::Name(name) if overloads::is_type(&name) => Ok(Expr::TypeName(name)),
            Token::Name(name) => {
                if let Some((name, open)) = self.dotted(&name) {
                    return self.call(None, name, open);
                }
                let why = format!("undeclared reference to '{name}' (in container '')");
                Err((self.tokens[start].0, why))
            }
            Token::Sign("(") => {
                let inner = self.choice()?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Sign("[") => {
                let item = |parser: &mut Self| {
                    let perhaps = parser.take("?");
                    parser.choice().map(|item| if perhaps { Expr::IfAny(item.into()) } else { item })
                };
                Ok(Expr::List(self.until("]", item)?))
            }
            Token::Sign("{") => {
                let entry = |parser: &mut Self| {
                    let perhaps = parser.take("?");
                    let key = parser.choice()?;
                    parser.expect(":")?;
                    let value = parser.choice()?;
                    Ok((key, if perhaps { Expr::IfAny(value.into()) } else { value }))
                };
                Ok(Expr::Map(self.until("}", entry)?, Str::new()))
            }
            _ => {
                self.at = start;
                Err(self.unexpected(BEGINNINGS, self.next().is_some_and(begins)))
            }
        }
    }

    /// `sets.contains(`: a function with a dot in its name, and where its bracket opens.
    fn dotted(&mut self, package: &str) -> Option<(Str, Place)> {
        let [(_, Token::Sign(".")), (_, Token::Name(name)), (open, Token::Sign("("))] =
            self.tokens.get(self.at..self.at + 3)?
        else {
            return None;
        };
        let name = format!("{package}.{name}");
        overloads::is_dotted(&name).then(|| {
            self.at += 3;
            (name.into(), *open as Place)
        })
    }

    /// `Object.spec{replicas: 3}`: a value of a type.
    fn constructed(&mut self, of: &str) -> Result<Expr, Fault> {
        let mut of = of.to_owned();
        while self.take(".") {
            let Token::Name(name) = self.token() else { return Err(self.nameless()) };
            of = format!("{of}.{name}");
            self.at += 1;
        }
        self.expect("{")?;
        let entry = |parser: &mut Self| {
            let perhaps = parser.take("?");
            let Token::Name(name) = parser.token().clone() else {
                return Err(parser.unexpected("{'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}", false));
            };
            parser.at += 1;
            parser.expect(":")?;
            let value = parser.choice()?;
            let value = if perhaps { Expr::IfAny(value.into()) } else { value };
            Ok((Expr::Literal(Doc::Str(unescaped(&name))), value))
        };
        Ok(Expr::Map(self.until("}", entry)?, of.into()))
    }

    /// Items with commas between, up to a sign.
    fn until<T>(&mut self, end: &str, item: impl Fn(&mut Self) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
        let mut items = Vec::new();
        while !self.take(end) {
            items.push(item(self)?);
            if !self.take(",") {
                self.is_list = end != ")";
                self.expect(end)?;
                self.is_list = false;
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
            "transformList" => Some(Walk::TransformList),
            "transformMap" => Some(Walk::TransformMap),
            "transformMapEntry" => Some(Walk::TransformMapEntry),
            "sortBy" => Some(Walk::SortBy),
            "optMap" => Some(Walk::OptMap),
            "optFlatMap" => Some(Walk::OptFlatMap),
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
        let mut names = vec![self.bound()?];
        self.expect(",")?;
        let transforms = matches!(walk, Walk::TransformList | Walk::TransformMap | Walk::TransformMapEntry);
        let decides = matches!(walk, Walk::All | Walk::Exists | Walk::ExistsOne);
        let second = matches!(
            self.tokens.get(self.at..self.at + 2),
            Some([(_, Token::Name(_)), (_, Token::Sign(","))])
        );
        if transforms || decides && second {
            names.push(self.bound()?);
            self.expect(",")?;
        }
        self.known.extend(names.iter().cloned());
        let test = self.choice()?;
        let more = (transforms || walk == Walk::Map) && self.take(",");
        let result = if more { Some(Box::new(self.choice()?)) } else { None };
        self.expect(")")?;
        self.known.truncate(self.known.len() - names.len());
        Ok(Expr::Walk(walk, of.into(), names, test.into(), result, place))
    }

    /// The name of what is walked over.
    fn bound(&mut self) -> Result<Str, Fault> {
        let Token::Name(name) = self.token().clone() else {
            return Err(self.fault("argument must be a simple name".into()));
        };
        self.at += 1;
        Ok(name)
    }
}

/// Words of the language, which name nothing.
pub const RESERVED: [&str; 21] = [
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
    "void",
    "while",
];

/// A field's own name: Kubernetes writes those that are no names of CEL otherwise.
fn unescaped(name: &str) -> Str {
    const LETTERS: [(&str, &str); 4] =
        [("__underscores__", "__"), ("__dot__", "."), ("__dash__", "-"), ("__slash__", "/")];
    if !name.contains("__") {
        return name.into();
    }
    let word = name.strip_prefix("__").and_then(|rest| rest.strip_suffix("__"));
    match word.filter(|word| RESERVED.contains(word)) {
        Some(word) => word.into(),
        None => {
            LETTERS.iter().fold(name.to_owned(), |name, (code, letter)| name.replace(code, letter)).into()
        }
    }
}

//! `$((…))`: whole numbers.

use crate::collections::BTreeMap;
use crate::doc::Str;

/// The value of an expression; variables may stand in it by name.
///
/// # Errors
/// What the shell says of a faulty one.
pub(super) fn evaluate(text: &str, variables: &mut BTreeMap<Str, Str>) -> Result<i64, String> {
    let mut sum = Sum { text: text.as_bytes(), at: 0, variables, depth: 0 };
    let value = sum.level(0)?;
    sum.blanks();
    if sum.at < sum.text.len() { Err(format!("arithmetic syntax error: {text}")) } else { Ok(value) }
}

struct Sum<'a> {
    text: &'a [u8],
    at: usize,
    variables: &'a mut BTreeMap<Str, Str>,
    depth: u32,
}

/// Operators that bind ever more tightly.
const LEVELS: [&[&str]; 6] =
    [&["||"], &["&&"], &["==", "!="], &["<=", ">=", "<", ">"], &["+", "-"], &["*", "/", "%"]];

impl Sum<'_> {
    fn blanks(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn level(&mut self, level: usize) -> Result<i64, String> {
        let Some(operators) = LEVELS.get(level) else { return self.single() };
        let mut left = self.level(level + 1)?;
        loop {
            self.blanks();
            let rest = &self.text[self.at..];
            let Some(operator) = operators.iter().find(|operator| rest.starts_with(operator.as_bytes()))
            else {
                return Ok(left);
            };
            self.at += operator.len();
            let right = self.level(level + 1)?;
            left = match *operator {
                "||" => i64::from(left != 0 || right != 0),
                "&&" => i64::from(left != 0 && right != 0),
                "==" => i64::from(left == right),
                "!=" => i64::from(left != right),
                "<=" => i64::from(left <= right),
                ">=" => i64::from(left >= right),
                "<" => i64::from(left < right),
                ">" => i64::from(left > right),
                "+" => left.wrapping_add(right),
                "-" => left.wrapping_sub(right),
                "*" => left.wrapping_mul(right),
                _ if right == 0 => return Err("divide by zero".into()),
                "/" => left.wrapping_div(right),
                _ => left.wrapping_rem(right),
            };
        }
    }

    fn single(&mut self) -> Result<i64, String> {
        self.depth += 1;
        if self.depth > 200 {
            return Err("expression recursion level exceeded".into());
        }
        self.blanks();
        match self.text.get(self.at).copied() {
            Some(b'(') => {
                self.at += 1;
                let value = self.level(0)?;
                self.blanks();
                if self.text.get(self.at) != Some(&b')') {
                    return Err("arithmetic syntax error".into());
                }
                self.at += 1;
                Ok(value)
            }
            Some(b'-') => {
                self.at += 1;
                Ok(self.single()?.wrapping_neg())
            }
            Some(b'+') => {
                self.at += 1;
                self.single()
            }
            Some(b'!') => {
                self.at += 1;
                Ok(i64::from(self.single()? == 0))
            }
            Some(c) if c.is_ascii_digit() => {
                self.take(|c| c.is_ascii_digit()).parse().map_err(|_| "bad number".into())
            }
            Some(c) if c.is_ascii_alphabetic() || c == b'_' => {
                let name = self.take(|c| c.is_ascii_alphanumeric() || c == b'_');
                let value =
                    self.variables.get(name.as_str()).and_then(|text| text.trim().parse().ok()).unwrap_or(0);
                self.assign(&name, value)
            }
            _ => Err("arithmetic syntax error".into()),
        }
    }

    /// `i=…`, `i+=…`, `i++`, or just `i`.
    fn assign(&mut self, name: &str, value: i64) -> Result<i64, String> {
        self.blanks();
        let rest = &self.text[self.at..];
        let (skip, result, new) = if rest.starts_with(b"++") {
            (2, value, value.wrapping_add(1))
        } else if rest.starts_with(b"--") {
            (2, value, value.wrapping_sub(1))
        } else if rest.starts_with(b"+=") || rest.starts_with(b"-=") {
            let less = rest[0] == b'-';
            self.at += 2;
            let by = self.level(0)?;
            let new = if less { value.wrapping_sub(by) } else { value.wrapping_add(by) };
            (0, new, new)
        } else if rest.starts_with(b"=") && !rest.starts_with(b"==") {
            self.at += 1;
            let new = self.level(0)?;
            (0, new, new)
        } else {
            return Ok(value);
        };
        self.at += skip;
        self.variables.insert(name.into(), new.to_string().into());
        Ok(result)
    }

    fn take(&mut self, wanted: impl Fn(u8) -> bool) -> String {
        let start = self.at;
        while self.text.get(self.at).is_some_and(|&c| wanted(c)) {
            self.at += 1;
        }
        String::from_utf8_lossy(&self.text[start..self.at]).into_owned()
    }
}

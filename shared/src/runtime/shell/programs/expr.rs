//! `expr`: sums and comparisons of its words.

use crate::doc::Str;

use super::super::Task;
use super::super::step::Surroundings;
use super::Done;

/// Most parentheses and `length` inside one another.
const DEEPEST: u32 = 20;

/// Words still to be read, and how deep inside others one is.
struct Words<'a>(std::slice::Iter<'a, Str>, u32);

/// How words are joined: the weakest operators first.
const LEVELS: [&[&str]; 5] =
    [&["|"], &["&"], &["=", "==", "!=", "<", "<=", ">", ">="], &["+", "-"], &["*", "/", "%"]];

pub(super) fn expr(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let mut words = Words(args.iter(), 0);
    let value = words.value(0).and_then(|value| match words.0.next() {
        Some(_) => Err("syntax error"),
        None => Ok(value),
    });
    match value {
        Ok(value) => {
            task.write(false, &format!("{value}\n"), world);
            Done::Status(i32::from(is_nothing(&value)))
        }
        Err(why) => {
            task.write(true, &format!("expr: {why}\n"), world);
            Done::Status(2)
        }
    }
}

impl Words<'_> {
    fn value(&mut self, level: usize) -> Result<String, &'static str> {
        let Some(operators) = LEVELS.get(level) else { return self.one() };
        let mut left = self.value(level + 1)?;
        while let Some(operator) = self.0.as_slice().first().filter(|word| operators.contains(&word.as_str()))
        {
            self.0.next();
            left = join(&left, operator, &self.value(level + 1)?)?;
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<String, &'static str> {
        self.1 += 1;
        let value = match self.0.next().ok_or("syntax error")?.as_str() {
            _ if self.1 > DEEPEST => Err("too deep"),
            "(" => {
                let value = self.value(0)?;
                let closed = self.0.next().is_some_and(|word| word == ")");
                closed.then_some(value).ok_or("syntax error")
            }
            "length" => Ok(self.one()?.chars().count().to_string()),
            word => Ok(word.to_owned()),
        };
        self.1 -= 1;
        value
    }
}

fn is_nothing(value: &str) -> bool {
    value.is_empty() || value == "0"
}

fn join(left: &str, operator: &str, right: &str) -> Result<String, &'static str> {
    let numbers = left.parse::<i64>().ok().zip(right.parse::<i64>().ok());
    let order = numbers.map_or_else(|| left.cmp(right), |(left, right)| left.cmp(&right));
    let holds = match operator {
        "|" => return Ok(if is_nothing(left) { right } else { left }.to_owned()),
        "&" => return Ok(if is_nothing(left) || is_nothing(right) { "0" } else { left }.to_owned()),
        "=" | "==" => order.is_eq(),
        "!=" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        ">=" => order.is_ge(),
        _ => {
            let (left, right) = numbers.ok_or("non-numeric argument")?;
            let result = match operator {
                "+" => left.checked_add(right),
                "-" => left.checked_sub(right),
                "*" => left.checked_mul(right),
                _ if right == 0 => return Err("division by zero"),
                "/" => left.checked_div(right),
                _ => left.checked_rem(right),
            };
            return result.map(|value| value.to_string()).ok_or("the result is too large");
        }
    };
    Ok(i32::from(holds).to_string())
}

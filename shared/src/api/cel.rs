//! CEL, the language of `x-kubernetes-validations` and of admission policies: its common core. An expression is read
//! once ([`Program::read`]) and evaluated on values; what it may cost is bounded.

mod authorizer;
mod check;
mod cost;
mod eval;
mod functions;
mod library;
mod lists;
mod overloads;
mod parse;
mod patterns;
mod semver;
mod texts;
mod tokens;
mod types;
mod url;
mod values;

use crate::collections::{BTreeMap, BTreeSet};
use crate::doc::{Doc, Str};

pub use authorizer::{Ask, authorizer};
pub use check::{Checked, Sizes};
pub use overloads::ASKED as AUTHORIZER;
pub use parse::RESERVED;
pub use types::{Fields, Record, Type};
pub use values::{bytes, failed, optional};

/// An expression that has been read.
#[derive(Clone, Debug)]
pub struct Program(Expr);

/// What names stand for.
pub type Names<'a> = BTreeMap<&'a str, Doc>;

/// An operator between two values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Binary {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// What walks over a list or the keys of a map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Walk {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
    TransformList,
    TransformMap,
    TransformMapEntry,
    SortBy,
    /// Over what may be missing: as over a list of one or none.
    OptMap,
    OptFlatMap,
}

/// Where in the text a part stands, in bytes.
type Place = u32;

#[derive(Clone, Debug)]
enum Expr {
    Literal(Doc),
    Name(Str),
    TypeName(Str),
    Field(Box<Expr>, Str, Place),
    Has(Box<Expr>, Str, Place),
    Index(Box<Expr>, Box<Expr>, Place),
    /// A field or an item that may be missing.
    Maybe(Box<Expr>, Box<Expr>, Place),
    Call(Option<Box<Expr>>, Str, Vec<Expr>, Place),
    List(Vec<Expr>),
    /// A map, or a value of the type with this name.
    Map(Vec<(Expr, Expr)>, Str),
    Not(Box<Expr>, Place),
    Negative(Box<Expr>, Place),
    Binary(Binary, Box<Expr>, Box<Expr>, Place),
    Choice(Box<Expr>, Box<Expr>, Box<Expr>, Place),
    /// An item, or the value of an entry, that is only there if it is not missing.
    IfAny(Box<Expr>),
    /// How, over what, under which names (of the item; or of its key or place, and of the item), for which value, and (of
    /// what has another part) what comes of it.
    Walk(Walk, Box<Expr>, Vec<Str>, Box<Expr>, Option<Box<Expr>>, Place),
}

impl Program {
    /// Reads an expression in which these names may stand.
    ///
    /// # Errors
    /// What is wrong with it, and where, as the compiler of CEL tells it.
    pub fn read(text: &str, names: &[&str]) -> Result<Program, String> {
        parse::read(text, names).map(Program)
    }

    /// Whether a name stands in it.
    pub fn mentions(&self, name: &str) -> bool {
        let mut found = BTreeSet::new();
        eval::names(&self.0, &mut found);
        found.contains(name)
    }

    /// What comes of it when names are of these types; `text` is what was read, and `sizes` says how large values are.
    pub fn check(&self, text: &str, names: &BTreeMap<&str, Type>, sizes: Sizes<'_>) -> Checked {
        check::check(&self.0, text, names, sizes)
    }

    /// What comes of it. Where `authorizer` is among the names, it is `ask` who answers.
    pub fn evaluate(&self, names: &Names<'_>, ask: Option<Ask<'_>>) -> Evaluated {
        let mut evaluation = eval::Evaluation::new(names, ask);
        let value = evaluation.value(&self.0);
        Evaluated { value, cost: evaluation.cost() }
    }
}

/// What came of an expression.
#[derive(Debug)]
pub struct Evaluated {
    /// The value, or why there is none, in CEL's words: `no such key: x`.
    pub value: Result<Doc, String>,
    /// What it took.
    pub cost: u64,
}

/// What all expressions together may cost that look at one object, or are bound by one binding.
pub struct Budget(u64);

impl Default for Budget {
    fn default() -> Budget {
        Budget(10_000_000)
    }
}

impl Budget {
    /// What all conditions of a policy or a webhook may cost.
    pub fn of_conditions() -> Budget {
        Budget(2_500_000)
    }

    /// Takes what an expression cost; whether there was so much left.
    pub fn pay(&mut self, cost: u64) -> bool {
        let left = self.0.checked_sub(cost);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}

/// A length of time as expressions have it, if a text says one.
pub fn duration(text: &str) -> Option<Doc> {
    functions::millis(text).map(Doc::from)
}

#[cfg(test)]
mod tests;

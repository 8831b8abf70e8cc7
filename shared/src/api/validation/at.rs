//! Values with the place where they stand.

use std::ops::Deref;

use crate::doc::{Doc, Str};

use super::Faults;
use super::names::Rule;

/// A value and its place. The path is spelled out only when there is a fault to report.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    doc: &'a Doc,
    step: Step<'a>,
    above: Option<&'a At<'a>>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    /// The path from the root.
    Root(&'a str),
    Field(&'a str),
    Index(usize),
    Key(&'a str),
}

impl Deref for At<'_> {
    type Target = Doc;
    fn deref(&self) -> &Doc {
        self.doc
    }
}

impl<'a> At<'a> {
    /// The value at `path` of the whole object.
    pub fn root(doc: &'a Doc, path: &'a str) -> At<'a> {
        At { doc, step: Step::Root(path), above: None }
    }

    /// The value itself.
    pub fn doc(&self) -> &'a Doc {
        self.doc
    }

    /// What is said of it is about a part of it, and the part's own place is left out.
    pub fn about(&self, part: &'a Doc) -> At<'a> {
        At { doc: part, step: self.step, above: self.above }
    }

    /// The field `name`.
    pub fn field<'b>(&'b self, name: &'b str) -> At<'b> {
        At { doc: self.doc.get(name), step: Step::Field(name), above: Some(self) }
    }

    /// The entry `key` of a map, whose path is written in brackets.
    pub fn key<'b>(&'b self, key: &'b str) -> At<'b> {
        At { doc: self.doc.get(key), step: Step::Key(key), above: Some(self) }
    }

    /// Each item of a list.
    pub fn each<'b>(&'b self) -> impl Iterator<Item = At<'b>> {
        let items = self.doc.items().iter().enumerate();
        items.map(|(at, doc)| At { doc, step: Step::Index(at), above: Some(self) })
    }

    /// Whether the field is there.
    pub fn is_set(&self) -> bool {
        !self.doc.is_null()
    }

    /// The text; `""` when there is none.
    pub fn text(&self) -> &'a str {
        self.doc.as_str().unwrap_or("")
    }

    /// The number; 0 when there is none.
    pub fn number(&self) -> i64 {
        self.doc.as_i64().unwrap_or(0)
    }

    /// The path from the root.
    pub fn path(&self) -> String {
        let mut path = self.above.map(At::path).unwrap_or_default();
        match self.step {
            Step::Root(root) => path.push_str(root),
            Step::Field(name) if path.is_empty() => path.push_str(name),
            Step::Field(name) => {
                path.push('.');
                path.push_str(name);
            }
            Step::Index(at) => path.push_str(&format!("[{at}]")),
            Step::Key(key) => path.push_str(&format!("[{key}]")),
        }
        path
    }

    /// It may not be missing or empty; true when it is there.
    pub fn require(&self, faults: &mut Faults) -> bool {
        if self.doc.is_empty() {
            faults.required(self, "");
        }
        !self.doc.is_empty()
    }

    /// The text must be as `rule` says.
    pub fn check(&self, faults: &mut Faults, rule: Rule) {
        for message in rule(self.text()) {
            faults.invalid(self, &Doc::from(self.text()), message);
        }
    }

    /// The same, where a missing text is a fault of its own.
    pub fn require_and_check(&self, faults: &mut Faults, rule: Rule) {
        if self.require(faults) {
            self.check(faults, rule);
        }
    }

    /// The same, where the text may be missing.
    pub fn check_if_set(&self, faults: &mut Faults, rule: Rule) {
        if !self.doc.is_empty() {
            self.check(faults, rule);
        }
    }

    /// The text, if there is one, must be one of `supported`.
    pub fn one_of(&self, faults: &mut Faults, supported: &[&str]) {
        if self.is_set() && !supported.contains(&self.text()) {
            faults.not_supported(self, self.doc, supported);
        }
    }

    /// The same, where a missing text is a fault of its own.
    pub fn require_one_of(&self, faults: &mut Faults, supported: &[&str]) {
        if self.require(faults) {
            self.one_of(faults, supported);
        }
    }

    /// The number, if there is one, must lie between both.
    pub fn within(&self, faults: &mut Faults, least: i64, most: i64) {
        if self.is_set() && !(least..=most).contains(&self.number()) {
            faults.invalid(self, self.doc, format!("must be between {least} and {most}, inclusive"));
        }
    }

    /// The number, if there is one, may not be negative.
    pub fn non_negative(&self, faults: &mut Faults) {
        if self.number() < 0 {
            faults.invalid(self, self.doc, "must be greater than or equal to 0");
        }
    }

    /// It may not be there.
    pub fn forbid(&self, faults: &mut Faults, why: &str) {
        if self.is_set() {
            faults.forbidden(self, why);
        }
    }

    /// A port's number, or its name.
    pub fn port_number_or_name(&self, faults: &mut Faults) {
        match self.doc {
            Doc::Str(_) => self.check(faults, super::names::port_name),
            _ if (1..=65_535).contains(&self.number()) => {}
            _ => faults.invalid(self, &Doc::from(self.number()), super::PORT_RANGE),
        }
    }

    /// A percentage of no more than everything.
    pub fn at_most_all(&self, faults: &mut Faults) {
        let percent = self.text().strip_suffix('%').and_then(|number| number.parse::<i64>().ok());
        if percent.is_some_and(|percent| percent > 100) {
            faults.invalid(self, self.doc, "must not be greater than 100%");
        }
    }

    /// A number that may not be negative, or a percentage.
    pub fn number_or_percent(&self, faults: &mut Faults) {
        match self.doc {
            Doc::Str(_) => self.check(faults, super::names::percent),
            _ => self.non_negative(faults),
        }
    }
}

impl From<&At<'_>> for Str {
    fn from(at: &At<'_>) -> Str {
        at.path().into()
    }
}

//! Numbers in words, and ports that are none.

use super::Fix;
use super::scene::Fault;
use super::values::{one, unquoted};
use crate::api::validation::PORT_RANGE;

/// Each at the place that it names.
const WORDS: [&str; 13] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
];
const KANJI: [&str; 11] = ["〇", "一", "二", "三", "四", "五", "六", "七", "八", "九", "十"];

/// Digits as a Japanese keyboard has them are digits.
fn narrow(text: &str) -> Option<String> {
    let digit = |c: char| match c {
        '0'..='9' => Some(c),
        '０'..='９' => char::from_digit(c as u32 - '０' as u32, 10),
        _ => None,
    };
    text.chars().map(digit).collect()
}

/// `two`, `２`, `二` where a number is wanted.
pub(super) fn words(fault: &Fault) -> Vec<Fix> {
    let of_number = fault.message.starts_with("json: cannot unmarshal string ")
        && fault.message.rsplit(' ').next().is_some_and(|wanted| wanted.starts_with("int"));
    let word = unquoted(fault.text()).to_lowercase();
    if !of_number || word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit()) {
        return Vec::new();
    }
    let in_words = |list: &[&str]| list.iter().position(|one| *one == word).map(|number| number.to_string());
    let number = in_words(&WORDS).or_else(|| in_words(&KANJI)).or_else(|| narrow(&word));
    number.map_or_else(Vec::new, |number| one("fix_value", fault, number))
}

/// A port above 65535 has a digit too many.
pub(super) fn ports(fault: &Fault) -> Vec<Fix> {
    let Ok(written) = unquoted(fault.text()).parse::<i64>() else { return Vec::new() };
    if !fault.message.ends_with(PORT_RANGE) {
        return Vec::new();
    }
    let mut port = written.unsigned_abs();
    while port > u64::from(u16::MAX) {
        port /= 10;
    }
    one("fix_value", fault, if port == 0 { 80 } else { port }.to_string())
}

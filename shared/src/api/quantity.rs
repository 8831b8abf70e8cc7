//! `resource.Quantity`: amounts with suffixes.

use crate::doc::Doc;

/// Reads a quantity in thousandths of its unit: `100m` → 100, `2` → 2000, `1Ki` → 1024000. `None` when it is none.
pub fn parse_quantity(text: &str) -> Option<i128> {
    let digits = text.trim_start_matches(['+', '-']);
    let number_length = digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
    let (number, suffix) = digits.split_at(number_length);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty())
        || fraction.contains('.')
        || whole.len() + fraction.len() > 24
    {
        return None;
    }
    let (numerator, denominator): (i128, i128) = match suffix {
        "n" => (1, 1_000_000),
        "u" => (1, 1000),
        "m" => (1, 1),
        "" => (1000, 1),
        "k" => (1_000_000, 1),
        "M" => (1_000_000_000, 1),
        "G" => (1_000_000_000_000, 1),
        "T" => (1_000_000_000_000_000, 1),
        "P" => (1_000_000_000_000_000_000, 1),
        "E" => (1_000_000_000_000_000_000_000, 1),
        "Ki" => (1000 << 10, 1),
        "Mi" => (1000 << 20, 1),
        "Gi" => (1000 << 30, 1),
        "Ti" => (1000 << 40, 1),
        "Pi" => (1000 << 50, 1),
        "Ei" => (1000 << 60, 1),
        _ => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            let power = 10i128.checked_pow(exponent.unsigned_abs().min(21))?;
            if exponent >= 0 { (1000 * power, 1) } else { (1000, power) }
        }
    };
    let scale = 10i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let value: i128 = format!("0{whole}{fraction}").parse().ok()?;
    let product = value.checked_mul(numerator)?;
    let divisor = scale.checked_mul(denominator)?;
    // Kubernetes rounds up what is finer than it can keep.
    let magnitude = product.checked_add(divisor - 1)? / divisor;
    Some(if text.starts_with('-') { -magnitude } else { magnitude })
}

/// A CPU amount in thousandths of a core; 0 when missing or malformed.
pub fn milli(doc: &Doc) -> i64 {
    read(doc).map_or(0, clamped)
}

/// A memory or storage amount in bytes, rounded up; 0 when missing or malformed.
pub fn bytes(doc: &Doc) -> i64 {
    read(doc).map_or(0, |thousandths| clamped(thousandths.saturating_add(999).div_euclid(1000)))
}

fn clamped(number: i128) -> i64 {
    number.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// An amount that can be reckoned with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Amount {
    /// Thousandths of the unit.
    pub milli: i128,
    /// Whether it prints with binary suffixes (`1Gi`).
    pub binary: bool,
}

impl Amount {
    /// The amount that a field holds; `None` when it holds none.
    pub fn read(doc: &Doc) -> Option<Amount> {
        let binary = doc.as_str().is_some_and(|text| text.ends_with('i'));
        Some(Amount { milli: read(doc)?, binary })
    }

    /// So many whole ones.
    pub fn of(count: i64) -> Amount {
        Amount { milli: i128::from(count) * 1000, binary: false }
    }

    /// Both together, which print as the first that is not nothing.
    pub fn plus(self, other: Amount) -> Amount {
        let binary = if self.milli == 0 { other.binary } else { self.binary };
        Amount { milli: self.milli.saturating_add(other.milli), binary }
    }

    /// What is left of it without another.
    pub fn minus(self, other: Amount) -> Amount {
        self.plus(Amount { milli: -other.milli, ..other })
    }
}

impl std::fmt::Display for Amount {
    /// As the API server prints it: `0.5` is `500m`, `1024Mi` is `1Gi`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (sign, magnitude) = (if self.milli < 0 { "-" } else { "" }, self.milli.unsigned_abs());
        let mut shortened = |mut number: u128, base: u128, suffixes: &[&'static str]| {
            let mut suffix = suffixes[0];
            for next in &suffixes[1..] {
                if number == 0 || !number.is_multiple_of(base) {
                    break;
                }
                (number, suffix) = (number / base, *next);
            }
            write!(f, "{sign}{number}{suffix}")
        };
        if self.binary && magnitude % 1000 == 0 && magnitude >= 1_024_000 {
            return shortened(magnitude / 1000, 1024, &["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]);
        }
        if magnitude == 0 {
            return f.write_str("0");
        }
        shortened(magnitude, 1000, &["m", "", "k", "M", "G", "T", "P", "E"])
    }
}

/// The amount as the API server prints it. `None` when it is none.
pub fn canonical(doc: &Doc) -> Option<String> {
    Some(Amount::read(doc)?.to_string())
}

/// Billionths as the API server prints them: `12345678n`, `20m`.
pub fn nanos(mut number: u128) -> String {
    let mut suffix = "n";
    for next in ["u", "m", ""] {
        if number == 0 || !number.is_multiple_of(1000) {
            break;
        }
        (number, suffix) = (number / 1000, next);
    }
    if number == 0 { "0".into() } else { format!("{number}{suffix}") }
}

fn read(doc: &Doc) -> Option<i128> {
    match doc {
        Doc::Int(number) => Some(i128::from(number.get()) * 1000),
        Doc::Float(number) => parse_quantity(&number.get().to_string()),
        Doc::Str(text) => parse_quantity(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, canonical, milli, parse_quantity};
    use crate::doc::Doc;

    #[test]
    fn prints_as_the_api_server_does() {
        let cases = [
            ("0", "0"),
            ("0.5", "500m"),
            ("1000m", "1"),
            ("1000", "1k"),
            ("1500m", "1500m"),
            ("0.1m", "1m"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("512", "512"),
            ("128Mi", "128Mi"),
            ("0.5Ki", "512"),
            ("1e3", "1k"),
            ("-2", "-2"),
        ];
        for (text, printed) in cases {
            assert_eq!(canonical(&Doc::from(text)).as_deref(), Some(printed), "{text}");
        }
        assert_eq!(canonical(&Doc::from(2)).as_deref(), Some("2"));
        assert_eq!(canonical(&Doc::from("abc")), None);
    }

    #[test]
    fn what_is_too_much_stays_much() {
        assert_eq!((milli(&"9E".into()), milli(&"-9E".into())), (i64::MAX, i64::MIN));
        assert_eq!(bytes(&"16Ei".into()), i64::MAX);
        assert_eq!(parse_quantity("1e-2147483648"), Some(1));
        assert_eq!(parse_quantity("99999999999999999999999e21"), None);
    }

    #[test]
    fn reads_every_suffix() {
        let cases = [
            ("0", 0),
            ("2", 2000),
            ("100m", 100),
            ("1.5", 1500),
            (".5", 500),
            ("1Ki", 1_024_000),
            ("128Mi", 134_217_728_000),
            ("1e3", 1_000_000),
            ("5E-1", 500),
            ("1u", 1),
            ("-3", -3000),
        ];
        for (text, thousandths) in cases {
            assert_eq!(parse_quantity(text), Some(thousandths), "{text}");
        }
        for text in ["", "m", "1.2.3", "1 Gi", "1GB", "one", "1e", "--1x"] {
            assert_eq!(parse_quantity(text), None, "{text}");
        }
    }
}

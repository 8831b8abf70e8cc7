//! Moments as Kubernetes writes them: RFC 3339 in UTC.

use super::number::packed;

packed! {
    /// Microseconds since 1970-01-01T00:00:00Z.
    #[derive(Eq, PartialOrd, Ord, Hash, Default)]
    pub struct Timestamp(i64);
}

impl Timestamp {
    /// From whole milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Timestamp {
        Timestamp(millis.saturating_mul(1000))
    }

    /// So many seconds later, but not after the year 9999: RFC 3339 has no dates beyond.
    pub fn after_seconds(self, seconds: i64) -> Timestamp {
        const LAST: i64 = 253_402_300_799_000_000;
        Timestamp(self.0.saturating_add(seconds.saturating_mul(1_000_000)).min(LAST))
    }

    /// Whole milliseconds since the Unix epoch, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The same moment without its fraction of a second, as `metav1.Time` keeps it.
    pub const fn floor_seconds(self) -> Timestamp {
        Timestamp(self.seconds().saturating_mul(1_000_000))
    }

    /// Year, month and day.
    pub fn date(self) -> (i64, i64, i64) {
        civil_from_days(self.seconds().div_euclid(86_400))
    }

    /// `2026-01-02T03:04:05Z`
    pub fn rfc3339(self) -> String {
        self.write(true, |text| text.to_owned())
    }

    /// `2026-01-02T03:04:05.000006Z`
    pub fn rfc3339_micros(self) -> String {
        self.write(false, |text| text.to_owned())
    }

    /// Hands the text to `read`, without a fraction (`metav1.Time`) or with one (`metav1.MicroTime`). Times are
    /// written out for every digest of an object, so without an allocation.
    pub(super) fn write<T>(self, whole: bool, read: impl FnOnce(&str) -> T) -> T {
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let seconds = self.seconds();
        let (year, month, day) = self.date();
        let rest = seconds.rem_euclid(86_400);
        if !(0..=9999).contains(&year) {
            let micros = if whole { String::new() } else { format!(".{:06}", self.0.rem_euclid(1_000_000)) };
            let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
            return read(&format!(
                "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{micros}Z"
            ));
        }
        let mut put = |from: usize, digits: usize, mut value: i64| {
            for at in (from..from + digits).rev() {
                text[at] = b'0' + (value % 10) as u8;
                value /= 10;
            }
        };
        put(0, 4, year);
        put(5, 2, month);
        put(8, 2, day);
        put(11, 2, rest / 3600);
        put(14, 2, rest / 60 % 60);
        put(17, 2, rest % 60);
        if whole {
            text[19] = b'Z';
        } else {
            put(20, 6, self.0.rem_euclid(1_000_000));
        }
        let text = if whole { &text[..20] } else { &text[..] };
        read(std::str::from_utf8(text).expect("digits and marks"))
    }

    /// Reads RFC 3339 with or without a fraction, in UTC or with an offset.
    pub fn parse(text: &str) -> Option<Timestamp> {
        let bytes = text.as_bytes();
        if bytes.len() < 20 || !text.is_ascii() {
            return None;
        }
        let number = |from: usize, to: usize| -> Option<i64> {
            let part = &text[from..to];
            part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok()).flatten()
        };
        let marks = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
        if marks.iter().any(|&(at, mark)| bytes[at] != mark) || !matches!(bytes[10], b'T' | b't' | b' ') {
            return None;
        }
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 => 28 + i64::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let mut rest = &text[19..];
        let mut micros = 0;
        if let Some(fraction) = rest.strip_prefix('.') {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return None;
            }
            for at in 0..6 {
                let digit = fraction.as_bytes().get(at).filter(|_| at < digits).map_or(0, |b| b - b'0');
                micros = micros * 10 + i64::from(digit);
            }
            rest = &fraction[digits..];
        }
        let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
        Some(Timestamp((seconds - offset_seconds(rest)?) * 1_000_000 + micros))
    }
}

fn offset_seconds(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text[1..].split_once(':')?;
    let number = |part: &str, most: i64| -> Option<i64> {
        let digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| part.parse().ok()).flatten().filter(|&number| number <= most)
    };
    Some(sign * (number(hours, 23)? * 3600 + number(minutes, 59)? * 60))
}

/// Days since 1970-01-01 to year, month, day of the proleptic Gregorian calendar.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    // Counted from 0000-03-01, so that the leap day is the last of its year.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn offsets_are_hours_and_minutes() {
        let with = |offset: &str| Timestamp::parse(&format!("2026-01-01T00:00:00{offset}"));
        assert!(with("+23:59").is_some());
        for offset in ["+24:00", "-01:60", "+1:00", "+01:0", "++1:00", "+9223372036854775807:00", "+0100"] {
            assert_eq!(with(offset), None, "{offset}");
        }
    }

    #[test]
    fn reads_what_it_writes() {
        for text in
            ["1970-01-01T00:00:00Z", "2024-02-29T23:59:59Z", "2026-11-23T08:28:58Z", "1999-12-31T00:00:01Z"]
        {
            assert_eq!(Timestamp::parse(text).unwrap().rfc3339(), text);
        }
        assert_eq!(
            Timestamp::parse("2026-01-01T09:00:00.123456789+09:00").unwrap().rfc3339_micros(),
            "2026-01-01T00:00:00.123456Z"
        );
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z"]
        {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }
}

//! Queries of URLs.

/// The parameters of a query, or of a form.
pub fn query(text: &str) -> Vec<(String, String)> {
    text.split('&').filter(|part| !part.is_empty()).map(decode_pair).collect()
}

/// Whether a parameter with this value is on, as apimachinery's `Convert_Slice_string_To_bool` reads it: Python sends `True`.
pub fn is_on(value: &str) -> bool {
    !value.eq_ignore_ascii_case("false") && value != "0"
}

fn decode_pair(part: &str) -> (String, String) {
    let (key, value) = part.split_once('=').unwrap_or((part, ""));
    (percent_decode(key), percent_decode(&value.replace('+', " ")))
}

/// The text that stands in a URL with `%20` for a space.
pub fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

//! What is wrong with a text that is no JSON, in the words of Go's reader.

/// The first fault; `None` when there is none.
pub(super) fn find(text: &str) -> Option<String> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let found = reader.value().and_then(|()| {
        reader.space();
        reader.peek().map_or(Ok(()), |_| Err(reader.unexpected("after top-level value")))
    });
    found.err()
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|c| matches!(c, ' ' | '\t' | '\r' | '\n')) {
            self.at += 1;
        }
    }

    fn unexpected(&self, place: &str) -> String {
        match self.peek() {
            None => "unexpected end of JSON input".into(),
            Some('\'') => format!("invalid character '\\'' {place}"),
            Some(c) => format!("invalid character {c:?} {place}"),
        }
    }

    fn value(&mut self) -> Result<(), String> {
        self.space();
        self.depth += 1;
        if self.depth > 256 {
            return Err("exceeded max depth".into());
        }
        let read = match self.peek() {
            Some('{') => self.members('}'),
            Some('[') => self.members(']'),
            Some('"') => self.string(),
            Some('t') => self.literal("true"),
            Some('f') => self.literal("false"),
            Some('n') => self.literal("null"),
            Some('-' | '0'..='9') => self.number(),
            _ => Err(self.unexpected("looking for beginning of value")),
        };
        self.depth -= 1;
        read
    }

    fn members(&mut self, close: char) -> Result<(), String> {
        self.at += 1;
        self.space();
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(());
        }
        loop {
            if close == '}' {
                self.space();
                if self.peek() != Some('"') {
                    return Err(self.unexpected("looking for beginning of object key string"));
                }
                self.string()?;
                self.space();
                if self.peek() != Some(':') {
                    return Err(self.unexpected("after object key"));
                }
                self.at += 1;
            }
            self.value()?;
            self.space();
            match self.peek() {
                Some(',') => self.at += 1,
                Some(c) if c == close => {
                    self.at += 1;
                    return Ok(());
                }
                _ if close == '}' => return Err(self.unexpected("after object key:value pair")),
                _ => return Err(self.unexpected("after array element")),
            }
        }
    }

    fn string(&mut self) -> Result<(), String> {
        self.at += 1;
        loop {
            match self.peek() {
                Some('"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some('\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' | 'u') => self.at += 1,
                        _ => return Err(self.unexpected("in string escape code")),
                    }
                }
                Some(c) if c >= ' ' => self.at += c.len_utf8(),
                _ => return Err(self.unexpected("in string literal")),
            }
        }
    }

    fn literal(&mut self, word: &str) -> Result<(), String> {
        for expected in word.chars() {
            if self.peek() != Some(expected) {
                return Err(self.unexpected(&format!("in literal {word} (expecting {expected:?})")));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), String> {
        if self.peek() == Some('-') {
            self.at += 1;
        }
        match self.peek() {
            Some('0') => self.at += 1,
            Some('1'..='9') => self.digits(),
            _ => return Err(self.unexpected("in numeric literal")),
        }
        if self.peek() == Some('.') {
            self.at += 1;
            self.some_digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            self.at += 1;
            if matches!(self.peek(), Some('+' | '-')) {
                self.at += 1;
            }
            self.some_digits("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn some_digits(&mut self, place: &str) -> Result<(), String> {
        if !self.peek().is_some_and(|c| c.is_ascii_digit()) {
            return Err(self.unexpected(place));
        }
        self.digits();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn words_faults_as_go_does() {
        let cases = [
            ("{bad", "invalid character 'b' looking for beginning of object key string"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            ("{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair"),
            ("[1 2]", "invalid character '2' after array element"),
            ("{\"a\":}", "invalid character '}' looking for beginning of value"),
            ("{\"a\":tru}", "invalid character '}' in literal true (expecting 'e')"),
            ("{} x", "invalid character 'x' after top-level value"),
            ("{\"a\":\"b", "unexpected end of JSON input"),
            ("", "unexpected end of JSON input"),
            ("-x", "invalid character 'x' in numeric literal"),
            ("1.x", "invalid character 'x' after decimal point in numeric literal"),
        ];
        for (text, fault) in cases {
            assert_eq!(find(text).as_deref(), Some(fault), "{text}");
        }
        assert_eq!(find("{\"a\":[1,2.5e3,true,null,\"\\n\"]}"), None);
    }
}

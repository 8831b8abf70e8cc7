//! Commands made of commands: `if`, `while` and `until`, `for`, `case`.

use super::super::code::{Modifier, Op, Part, Word};
use super::{Parsed, Parser};

impl Parser {
    pub(super) fn conditional(&mut self) -> Parsed<()> {
        self.at += 2;
        let mut ends = Vec::new();
        loop {
            self.looked_at(|parser| parser.list(&["then"]))?;
            self.expect("then")?;
            let skip = self.emit(Op::JumpIf(false, 0));
            self.list(&["elif", "else", "fi"])?;
            ends.push(self.emit(Op::Jump(0)));
            self.land(skip);
            match self.keyword() {
                Some("elif") => self.at += 4,
                Some("else") => {
                    self.at += 4;
                    self.list(&["fi"])?;
                    break;
                }
                _ => {
                    self.emit(Op::Succeed);
                    break;
                }
            }
        }
        self.expect("fi")?;
        ends.into_iter().for_each(|jump| self.land(jump));
        Ok(())
    }

    pub(super) fn repeat(&mut self, word: &'static str) -> Parsed<()> {
        self.at += word.len();
        let begin = self.emit(Op::Loop(0));
        self.looked_at(|parser| parser.list(&["do"]))?;
        let exit = self.emit(Op::JumpIf(word == "until", 0));
        self.expect("do")?;
        self.list(&["done"])?;
        self.expect("done")?;
        self.emit(Op::Again);
        self.land(exit);
        self.emit(Op::Succeed);
        self.emit(Op::EndLoop);
        self.land(begin);
        Ok(())
    }

    pub(super) fn each(&mut self) -> Parsed<()> {
        self.at += 3;
        self.blanks();
        let name = self.name();
        if name.is_empty() {
            return Err("syntax error: bad for loop variable".into());
        }
        self.space()?;
        let mut words = Vec::new();
        if self.keyword() == Some("in") {
            self.at += 2;
            self.blanks();
            while self.peek().is_some_and(|c| !";\n".contains(c)) {
                words.push(self.word()?);
                self.blanks();
            }
        } else {
            words.push(Word(vec![Part::Variable("@".into(), Modifier::Plain, Word::default(), true)]));
        }
        self.blanks();
        self.accept(";");
        let begin = self.emit(Op::Each(words, 0));
        self.emit(Op::Next(name.into()));
        self.expect("do")?;
        self.list(&["done"])?;
        self.expect("done")?;
        self.emit(Op::Again);
        self.land(begin);
        Ok(())
    }

    pub(super) fn case(&mut self) -> Parsed<()> {
        self.at += 4;
        self.blanks();
        let subject = self.word()?;
        self.emit(Op::Case(subject));
        self.expect("in")?;
        let mut ends = Vec::new();
        loop {
            self.space()?;
            if self.keyword() == Some("esac") {
                break;
            }
            self.accept("(");
            let mut patterns = Vec::new();
            loop {
                self.blanks();
                patterns.push(self.word()?);
                self.blanks();
                if !self.accept("|") {
                    break;
                }
            }
            self.close()?;
            let next = self.emit(Op::Match(patterns, 0));
            self.list(&["esac"])?;
            ends.push(self.emit(Op::Jump(0)));
            self.land(next);
            self.space()?;
            self.accept(";;");
        }
        self.expect("esac")?;
        ends.into_iter().for_each(|jump| self.land(jump));
        Ok(())
    }
}

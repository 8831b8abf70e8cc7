//! The pages of `--help`: one for every command and for every part of one, written down in `pages.txt`, and in
//! `flags.txt` what each flag means.

/// The page of a command.
#[derive(Default)]
pub(super) struct Page {
    /// What it does.
    long: Vec<&'static str>,
    aliases: &'static str,
    examples: Vec<&'static str>,
    parts: Vec<(&'static str, &'static str)>,
    /// As they are written: `-f,--filename=[]`.
    flags: Vec<&'static str>,
    usage: &'static str,
}

/// Without the first line, which is empty: of what an iterator leaves in memory the page's build takes one address in the
/// middle of a long text for nothing, and lets the text come later; its beginning would keep it in the first load.
const PAGES: &str = include_str!("pages.txt").split_at(1).1;
const FLAGS: &str = include_str!("flags.txt");

/// The narrowest column of names.
const LEAST: usize = 11;

/// The page of a command by its words (`create secret generic`).
pub(super) fn page(path: &str) -> Option<Page> {
    let mut lines = PAGES.lines().skip_while(|line| line.strip_prefix("# ") != Some(path));
    lines.next()?;
    let mut page = Page::default();
    for line in lines.take_while(|line| !line.starts_with("# ")) {
        match line.split_at_checked(2) {
            Some(("= ", names)) => page.aliases = names,
            Some(("% " | "$ ", _)) => page.examples.push(line),
            Some(("- ", part)) => page.parts.extend(part.split_once(' ')),
            Some(("+ ", flags)) => page.flags = flags.split(" -").collect(),
            Some(("> ", usage)) => page.usage = usage,
            _ => page.long.push(line),
        }
    }
    Some(page)
}

/// How the part of a command that goes by `word` is properly called, if there is such a part.
pub(super) fn part(path: &str, word: &str) -> Option<&'static str> {
    let page = page(path)?;
    let called = |part: &str| {
        part == word
            || self::page(&format!("{path} {part}"))
                .is_some_and(|page| page.aliases.split(", ").any(|alias| alias == word))
    };
    page.parts.iter().map(|(part, _)| *part).find(|part| called(part))
}

impl Page {
    /// The names of its parts.
    #[cfg(test)]
    pub fn parts(&self) -> Vec<&'static str> {
        self.parts.iter().map(|(name, _)| *name).collect()
    }

    /// Whether it is several commands.
    pub fn has_parts(&self) -> bool {
        !self.parts.is_empty()
    }

    /// The long names of its flags.
    pub fn flag_names(&self) -> impl Iterator<Item = &'static str> {
        self.flags.iter().copied().map(|flag| long(flag).1.split('=').next().unwrap_or(flag))
    }

    /// The flags that every command takes.
    pub fn options(&self) -> String {
        let all: Vec<String> = self.flags.iter().map(|flag| option(flag)).collect();
        format!("{}\n\n{}\n\n", self.long.join("\n"), all.join("\n"))
    }

    /// The text; `path` is how the command is called.
    pub fn text(&self, path: &str) -> String {
        let mut text = format!("{}\n", self.long.join("\n"));
        if !self.aliases.is_empty() {
            text.push_str(&format!("\nAliases:\n{}\n", self.aliases));
        }
        if !self.examples.is_empty() {
            text.push_str("\nExamples:\n");
            for (at, line) in self.examples.iter().enumerate() {
                let (mark, rest) = line.split_at(2);
                let blank = if at > 0 && mark == "% " { "  \n" } else { "" };
                let sign = if mark == "% " { "# " } else { "" };
                text.push_str(&format!("{blank}  {sign}{rest}\n"));
            }
        }
        if !self.parts.is_empty() {
            text.push_str("\nAvailable Commands:\n");
            let width = self.parts.iter().map(|(name, _)| name.len()).fold(LEAST, usize::max) + 3;
            for (name, what) in &self.parts {
                text.push_str(&format!("  {name:width$}{what}\n"));
            }
        }
        if !self.flags.is_empty() {
            text.push_str("\nOptions:\n");
            let all: Vec<String> = self.flags.iter().map(|flag| option(flag)).collect();
            text.push_str(&all.join("\n"));
        }
        text.push_str(&format!("\nUsage:\n  kubectl {}\n\n", self.usage));
        if !self.parts.is_empty() {
            text.push_str(&format!(
                "Use \"kubectl {path} <command> --help\" for more information about a given command.\n"
            ));
        }
        text.push_str(
            "Use \"kubectl options\" for a list of global command-line options (applies to all commands).\n",
        );
        text
    }
}

/// `-f,--filename=[]`, and what that means. The first dash may be missing.
fn option(flag: &str) -> String {
    let (short, long) = long(flag);
    let short = if short.is_empty() { String::new() } else { format!("-{short}, ") };
    let name = long.split('=').next().unwrap_or(long);
    format!("    {short}--{long}:\n\t{}\n", described(name).unwrap_or(""))
}

/// The letter of a flag, if it has one, and its name with the value.
fn long(flag: &str) -> (&str, &str) {
    let flag = flag.trim_start_matches('-');
    flag.split_once(",--").unwrap_or(("", flag))
}

/// What a flag means.
fn described(name: &str) -> Option<&'static str> {
    let known = FLAGS.lines().filter_map(|line| line.split_once('\t'));
    known.into_iter().find(|(known, _)| *known == name).map(|(_, what)| what)
}

/// Whether it is said what a flag means.
#[cfg(test)]
pub(super) fn is_described(name: &str) -> bool {
    described(name).is_some()
}

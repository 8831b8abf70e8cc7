//! Text whose cells end in tabs, set in columns: a column is as wide as the widest of the cells that stand directly
//! below one another.

/// How `get` sets its columns: at least so wide with their gap, and the gap.
pub(super) const WIDE: (usize, usize) = (6, 3);
/// How `describe` and `rollout history` do.
pub(super) const NARROW: (usize, usize) = (0, 2);

/// Sets the columns of a text. What follows the last tab of a line belongs to no column.
pub(super) fn align(text: &str, (least, gap): (usize, usize)) -> String {
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let deepest = lines.iter().map(Vec::len).max().unwrap_or(0);
    let mut widths: Vec<Vec<usize>> = lines.iter().map(|line| vec![0; line.len() - 1]).collect();
    for column in 0..deepest.saturating_sub(1) {
        let mut from = 0;
        while from < lines.len() {
            let reaches = |line: &Vec<&str>| line.len() > column + 1;
            let length = lines[from..].iter().take_while(|line| reaches(line)).count();
            let block = from..from + length;
            let widest = lines[block.clone()].iter().map(|line| line[column].chars().count() + gap).max();
            for line in &mut widths[block] {
                line[column] = widest.unwrap_or(0).max(least);
            }
            from += length.max(1);
        }
    }
    let mut set = String::new();
    for (line, widths) in lines.iter().zip(&widths) {
        for (at, cell) in line.iter().enumerate() {
            set.push_str(cell);
            if let Some(width) = widths.get(at) {
                set.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count())));
            }
        }
        set.push('\n');
    }
    set
}

/// The same for rows of one table that come one after the other: a column is at least as wide as before.
pub(super) fn align_like(text: &str, (least, gap): (usize, usize), widths: &mut Vec<usize>) -> String {
    for line in text.lines() {
        for (at, cell) in line.split('\t').enumerate() {
            let width = (cell.chars().count() + gap).max(least);
            match widths.get_mut(at) {
                Some(known) => *known = width.max(*known),
                None => widths.push(width),
            }
        }
    }
    let mut set = String::new();
    for line in text.lines() {
        let cells = line.split('\t').count();
        for (at, cell) in line.split('\t').enumerate() {
            set.push_str(cell);
            let pad = if at + 1 < cells { widths[at].saturating_sub(cell.chars().count()) } else { 0 };
            set.extend(std::iter::repeat_n(' ', pad));
        }
        set.push('\n');
    }
    set
}

/// Control characters that a terminal would obey, made visible.
pub(super) fn visible(text: &str) -> String {
    text.replace('\u{1b}', "^[").replace('\r', "\\r")
}

#[cfg(test)]
mod tests {
    use super::{NARROW, WIDE, align};

    #[test]
    fn columns_end_where_a_line_has_no_such_cell() {
        let cases = [
            (NARROW, "Name:\tx\nNamespace:\ty\n", "Name:       x\nNamespace:  y\n"),
            (NARROW, "a:\t1\nb\nlonger:\t2\n", "a:  1\nb\nlonger:  2\n"),
            (NARROW, "a\tb\tc\nlong\td\n", "a     b  c\nlong  d\n"),
            (NARROW, "a:\t\nbb:\tx\n", "a:   \nbb:  x\n"),
            (WIDE, "NAME\tAGE\nx\t1s\n", "NAME   AGE\nx      1s\n"),
            (WIDE, "A\tB\n", "A     B\n"),
        ];
        for (style, text, expected) in cases {
            assert_eq!(align(text, style), expected, "{text:?}");
        }
    }
}

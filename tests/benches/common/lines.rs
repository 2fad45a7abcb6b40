//! How a table is written.

use std::fmt::Write as _;

/// The lines of a table: texts begin below each other, numbers end there.
pub(crate) fn aligned<const COLUMNS: usize>(
    lines: &[[String; COLUMNS]],
    is_text: impl Fn(usize) -> bool,
) -> String {
    let mut text = String::new();
    for line in lines {
        for (column, cell) in line.iter().enumerate() {
            let width = lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
            let written = if is_text(column) {
                write!(text, "{cell:<width$}  ")
            } else {
                write!(text, "{cell:>width$}  ")
            };
            written.expect("a text can always be written to");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// Digits in groups of three.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

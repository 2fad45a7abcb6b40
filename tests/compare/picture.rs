//! The first number of each row (but of crowds, which are alike or alone) as bars along a logarithmic axis, as SVG: a panel for each row, two beside each other.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use crate::table::{Column, Row, Unit};

/// All rows.
pub(crate) fn picture(rows: &[Row]) -> String {
    let rows: Vec<_> = rows.iter().filter(|row| row.unit != Unit::Crowd).collect();
    let heights = rows.chunks(2).map(|pair| pair.iter().map(|row| height(row)).max().unwrap_or(0));
    let total: i32 = heights.clone().sum();
    let (width, page) = (2 * WIDTH, total + BOTTOM);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {page}\" font-family=\"sans-serif\">\n\
         <style>{STYLE}</style>\n<rect class=\"page\" width=\"{width}\" height=\"{page}\" rx=\"8\"/>\n"
    );
    let mut top = 0;
    for (pair, height) in rows.chunks(2).zip(heights) {
        for (row, left) in pair.iter().zip([0, WIDTH]) {
            panel(&mut text, row, (left, top));
        }
        top += height;
    }
    let below = page - 12;
    add(
        &mut text,
        format_args!(
            "<text class=\"number\" x=\"16\" y=\"{below}\">Less is better. Lengths are logarithmic: each line is ten times the one before.</text>\n</svg>\n"
        ),
    );
    text
}

fn height(row: &Row) -> i32 {
    TITLE + BAR * row.first_numbers().len() as i32
}

fn panel(text: &mut String, row: &Row, (left, top): (i32, i32)) {
    let numbers = row.first_numbers();
    let axis = decades(numbers.iter().map(|(_, number)| *number));
    add(text, format_args!("<g transform=\"translate({left} {top})\">\n"));
    let (name, unit) = (&row.name, first(row.unit));
    add(
        text,
        format_args!(
            "<text class=\"title\" x=\"16\" y=\"32\">{name}<tspan class=\"unit\" dx=\"8\">{unit}</tspan></text>\n"
        ),
    );
    let below = TITLE + BAR * numbers.len() as i32 - 6;
    for decade in axis.clone() {
        let x = place(10f64.powi(decade), &axis);
        add(text, format_args!("<path class=\"grid\" d=\"M{x:.1} {}V{below}\"/>\n", TITLE - 4));
    }
    for ((column, number), at) in numbers.into_iter().zip(0..) {
        bar(text, column, place(number as f64, &axis), TITLE + BAR * at, &shown(row.unit, number));
    }
    text.push_str("</g>\n");
}

fn bar(text: &mut String, column: Column, end: f64, top: i32, number: &str) {
    let (class, name) = (class(column), column.name());
    let (length, line) = ((end - FROM).max(1.0), top + 13);
    add(
        text,
        format_args!(
            "<text class=\"name\" x=\"{}\" y=\"{line}\" text-anchor=\"end\">{name}</text>\
             <rect class=\"{class}\" x=\"{FROM}\" y=\"{top}\" width=\"{length:.1}\" height=\"{}\" rx=\"2\"/>\
             <text class=\"number\" x=\"{:.1}\" y=\"{line}\">{number}</text>\n",
            FROM - 8.0,
            BAR - 6,
            FROM + length + 6.0
        ),
    );
}

/// What a bar is as long as.
fn first(unit: Unit) -> &'static str {
    match unit {
        Unit::Effort => "instructions",
        Unit::Crowd => "token requests",
        Unit::Memory => "bytes of heap",
        Unit::Crates => "",
        Unit::Bytes => "stripped",
    }
}

fn shown(unit: Unit, number: u64) -> String {
    match unit {
        Unit::Bytes => format!("{:.2} MB", number as f64 / 1e6),
        _ => crate::lines::grouped(number),
    }
}

fn class(column: Column) -> &'static str {
    match column {
        Column::Core | Column::Blocking | Column::Tokio => "ours",
        Column::Rmcp | Column::OAuth2 => "other",
        Column::ByHand => "hand",
    }
}

/// From the power of ten below all of these to that above: the shortest bar can be seen.
fn decades(numbers: impl Iterator<Item = u64> + Clone) -> RangeInclusive<i32> {
    let least = numbers.clone().min().unwrap_or(1).max(1) as f64;
    let most = numbers.max().unwrap_or(1).max(1) as f64;
    let first = (least / 2.0).log10().floor() as i32;
    first..=(most.log10().ceil() as i32).max(first + 1)
}

fn place(value: f64, axis: &RangeInclusive<i32>) -> f64 {
    let (first, last) = (f64::from(*axis.start()), f64::from(*axis.end()));
    FROM + (value.max(1.0).log10() - first) / (last - first) * (TO - FROM)
}

fn add(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more).expect("a text can always be written to");
}

const WIDTH: i32 = 460;
const TITLE: i32 = 46;
const BAR: i32 = 23;
const BOTTOM: i32 = 44;
const FROM: f64 = 112.0;
const TO: f64 = 376.0;

/// It brings a page of its own, so it can be read on any.
const STYLE: &str = "
.page{fill:#ffffff}.grid{stroke:#d8dee4;stroke-width:1}.title{fill:#1f2328;font-size:14px;font-weight:600}
.unit{fill:#59636e;font-weight:400;font-size:12px}.name{fill:#1f2328;font-size:12px}.number{fill:#59636e;font-size:12px;stroke:#ffffff;stroke-width:4px;paint-order:stroke}
.ours{fill:#0969da}.other{fill:#bc4c00}.hand{fill:#8c959f}
@media (prefers-color-scheme:dark){
.page{fill:#0d1117}.grid{stroke:#30363d}.title,.name{fill:#f0f6fc}.unit,.number{fill:#9198a1}.number{stroke:#0d1117}
.ours{fill:#4493f8}.other{fill:#f0883e}.hand{fill:#6e7681}}
";

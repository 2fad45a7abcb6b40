//! Small panels with two logarithmic axes each, as SVG.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

pub(crate) struct Panel {
    pub(crate) title: &'static str,
    /// What is along the axis below.
    pub(crate) across: &'static str,
    pub(crate) lines: Vec<Line>,
}

pub(crate) struct Line {
    name: &'static str,
    points: Vec<(f64, f64)>,
}

impl Line {
    pub(crate) fn new(name: &'static str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self { name, points: points.into_iter().collect() }
    }
}

/// Two panels in a row.
pub(crate) fn picture(panels: &[Panel]) -> String {
    let rows = panels.len().div_ceil(2);
    let (width, height) = (2 * WIDTH, rows as i32 * HEIGHT);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\">\n\
         <style>{STYLE}</style>\n<rect class=\"page\" width=\"{width}\" height=\"{height}\" rx=\"8\"/>\n"
    );
    for (at, panel) in panels.iter().enumerate() {
        let (left, top) = ((at % 2) as i32 * WIDTH, (at / 2) as i32 * HEIGHT);
        add(&mut text, format_args!("<g transform=\"translate({left} {top})\">\n"));
        panel.draw(&mut text);
        text.push_str("</g>\n");
    }
    text.push_str("</svg>\n");
    text
}

impl Panel {
    fn draw(&self, text: &mut String) {
        let along = |of: fn(&(f64, f64)) -> f64| {
            decades(self.lines.iter().flat_map(|line| line.points.iter().map(of)))
        };
        let (across, up) = (along(|point| point.0), along(|point| point.1));
        let x = |value: f64| place(value, &across, PLOT_LEFT, PLOT_RIGHT);
        let y = |value: f64| place(value, &up, PLOT_BOTTOM, PLOT_TOP);
        add(
            text,
            format_args!(
                "<text class=\"title\" x=\"{PLOT_LEFT}\" y=\"26\">{}</text>\n",
                self.title
            ),
        );
        for decade in across.clone() {
            let (at, label) = (x(10f64.powi(decade)), label(10f64.powi(decade)));
            add(
                text,
                format_args!(
                    "<path class=\"grid\" d=\"M{at:.1} {PLOT_TOP}V{PLOT_BOTTOM}\"/>\
                 <text class=\"tick\" x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>\n",
                    PLOT_BOTTOM + 16.0
                ),
            );
        }
        for decade in up.clone() {
            let (at, label) = (y(10f64.powi(decade)), label(10f64.powi(decade)));
            add(
                text,
                format_args!(
                    "<path class=\"grid\" d=\"M{PLOT_LEFT} {at:.1}H{PLOT_RIGHT}\"/>\
                 <text class=\"tick\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>\n",
                    PLOT_LEFT - 6.0,
                    at + 4.0
                ),
            );
        }
        add(
            text,
            format_args!(
                "<text class=\"tick\" x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                (PLOT_LEFT + PLOT_RIGHT) / 2.0,
                PLOT_BOTTOM + 36.0,
                self.across
            ),
        );
        for (number, line) in self.lines.iter().enumerate() {
            let points: Vec<_> =
                line.points.iter().map(|(across, up)| (x(*across), y(*up))).collect();
            let is_highest = |end: End| {
                let height = |line: &Line| end(&line.points).map_or(0.0, |point| point.1);
                self.lines.iter().all(|other| height(other) <= height(line))
            };
            line.draw(text, number, &points, [is_highest(<[_]>::first), is_highest(<[_]>::last)]);
        }
    }
}

/// One end of a line's points.
type End = fn(&[(f64, f64)]) -> Option<&(f64, f64)>;

impl Line {
    /// `above`: whether the words at its two ends are above it, since no other line is there.
    fn draw(&self, text: &mut String, number: usize, points: &[(f64, f64)], above: [bool; 2]) {
        let path: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        add(text, format_args!("<path class=\"line c{number}\" d=\"M{}\"/>\n", path.join("L")));
        for (x, y) in points {
            add(
                text,
                format_args!(
                    "<circle class=\"dot c{number}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>\n"
                ),
            );
        }
        let ends = [
            (points.first(), self.points.first(), "start", above[0]),
            (points.last(), self.points.last(), "end", above[1]),
        ];
        for (place, point, anchor, is_above) in ends {
            if let (Some((x, y)), Some((_, value))) = (place, point) {
                let (away, value) = (if is_above { -9.0 } else { 22.0 }, label(*value));
                add(
                    text,
                    format_args!(
                        "<text class=\"value c{number}\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{value}</text>\n",
                        y + away
                    ),
                );
            }
        }
        // Where what grows leaves room.
        let (x, y) = (PLOT_RIGHT - 190.0, PLOT_BOTTOM - 28.0 + 17.0 * number as f64);
        add(
            text,
            format_args!(
                "<path class=\"line c{number}\" d=\"M{x} {:.1}h18\"/>\
             <text class=\"value c{number}\" x=\"{}\" y=\"{y}\">{}</text>\n",
                y - 4.0,
                x + 24.0,
                self.name
            ),
        );
    }
}

/// The powers of ten around all of these, one more above: there is room for words.
fn decades(values: impl Iterator<Item = f64> + Clone) -> RangeInclusive<i32> {
    let least = values.clone().fold(f64::INFINITY, f64::min).log10().floor();
    let most = values.fold(f64::NEG_INFINITY, f64::max).log10().ceil();
    least as i32..=(most as i32).max(least as i32 + 1)
}

fn place(value: f64, decades: &RangeInclusive<i32>, from: f64, to: f64) -> f64 {
    let (first, last) = (f64::from(*decades.start()), f64::from(*decades.end()));
    from + (value.log10() - first) / (last - first) * (to - from)
}

/// With three digits at most that count.
fn label(value: f64) -> String {
    let (scaled, unit) = match value {
        1e9.. => (value / 1e9, " G"),
        1e6.. => (value / 1e6, " M"),
        1e3.. => (value / 1e3, " k"),
        _ => (value, ""),
    };
    let digits = if scaled >= 99.95 || scaled.fract() < 0.05 { 0 } else { 1 };
    format!("{scaled:.digits$}{unit}")
}

fn add(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more).expect("a text can always be written to");
}

const WIDTH: i32 = 440;
const HEIGHT: i32 = 300;
const PLOT_LEFT: f64 = 64.0;
const PLOT_RIGHT: f64 = 416.0;
const PLOT_TOP: f64 = 42.0;
const PLOT_BOTTOM: f64 = 244.0;

/// It brings a page of its own, so it can be read on any.
const STYLE: &str = "
.page{fill:#ffffff}.grid{stroke:#d8dee4;stroke-width:1}.title{fill:#1f2328;font-size:15px;font-weight:600}
.tick{fill:#59636e;font-size:12px}.value{font-size:12px;stroke:none}
.line{fill:none;stroke-width:2}.line.c0{stroke:#0969da}.line.c1{stroke:#bc4c00}
.dot.c0,.value.c0{fill:#0969da}.dot.c1,.value.c1{fill:#bc4c00}
@media (prefers-color-scheme:dark){
.page{fill:#0d1117}.grid{stroke:#30363d}.title{fill:#f0f6fc}.tick{fill:#9198a1}
.line.c0{stroke:#4493f8}.line.c1{stroke:#f0883e}.dot.c0,.value.c0{fill:#4493f8}.dot.c1,.value.c1{fill:#f0883e}}
";

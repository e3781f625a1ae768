//! Charts in SVG. Widths are in hundredths of the page and heights in pixels, so that a chart fits every screen and its words stay as
//! large as others.

use askama::Template;

use super::words::When;

const DAY: i64 = 86_400;
/// Steps of a time axis, in days.
const STEPS: [i64; 10] = [1, 2, 7, 14, 28, 91, 182, 365, 730, 1825];
/// The most marks on a time axis that fit on a telephone.
const TICKS: i64 = 5;
/// The space above and below the bars.
const TOP: f64 = 16.0;
const BOTTOM: f64 = 22.0;
/// The colours of the style sheet.
pub const COLOURS: usize = 8;

/// A bar, or a life span.
pub struct Bar {
    pub x: f64,
    pub width: f64,
    pub y: f64,
    pub height: f64,
    /// Classes of the style sheet.
    pub class: String,
    pub title: String,
}

/// Something that happened.
pub struct Mark {
    pub x: f64,
    pub y: f64,
    /// `approve`, `dispute`, `register`, `finding` or `wave`.
    pub kind: &'static str,
    pub title: String,
    pub href: Option<String>,
}

/// Words.
pub struct Label {
    pub x: f64,
    pub y: f64,
    /// `start`, `middle` or `end`.
    pub anchor: &'static str,
    pub class: &'static str,
    pub text: String,
}

/// A line across, or from top to bottom.
pub struct Line {
    pub at: f64,
    pub is_upright: bool,
    pub class: &'static str,
}

/// A chart.
#[derive(Template)]
#[template(path = "chart.html")]
pub struct Chart {
    /// Distinguishes it on its page.
    pub id: String,
    pub title: String,
    /// What is seen on it, for who does not see it.
    pub description: String,
    pub height: f64,
    pub lines: Vec<Line>,
    pub bars: Vec<Bar>,
    pub marks: Vec<Mark>,
    pub labels: Vec<Label>,
}

impl Chart {
    /// Nothing yet.
    pub fn new(id: &str, title: impl Into<String>, description: impl Into<String>, height: f64) -> Self {
        Chart {
            id: id.into(),
            title: title.into(),
            description: description.into(),
            height,
            lines: Vec::new(),
            bars: Vec::new(),
            marks: Vec::new(),
            labels: Vec::new(),
        }
    }

    /// Dates below, and the lines above them.
    pub fn dates(&mut self, span: &Span) {
        for at in span.ticks() {
            let x = span.x(at);
            self.lines.push(Line { at: x, is_upright: true, class: "grid" });
            let anchor = match x {
                ..7.0 => "start",
                93.0.. => "end",
                _ => "middle",
            };
            let text = span.date(at);
            self.labels.push(Label { x, y: self.height - 6.0, anchor, class: "tick", text });
        }
    }

    /// Where now is, if that is on it.
    pub fn today(&mut self, span: &Span, now: i64) {
        if (span.begin..span.end).contains(&now) {
            self.lines.push(Line { at: span.x(now), is_upright: true, class: "today" });
        }
    }

    /// Columns that stand on each other, of one part for each class.
    pub fn columns(&mut self, span: &Span, columns: &[Column]) {
        let highest = columns.iter().map(|column| column.parts.iter().map(|part| part.1).sum()).max();
        let top = nice(highest.unwrap_or(0));
        let ground = self.height - BOTTOM;
        let scale = (ground - TOP) / top as f64;
        for value in [top, top / 2, 0] {
            let y = ground - value as f64 * scale;
            self.lines.push(Line { at: y, is_upright: false, class: "grid" });
            if value > 0 {
                let text = super::words::number(value);
                self.labels.push(Label { x: 0.0, y: y - 3.0, anchor: "start", class: "tick", text });
            }
        }
        for column in columns {
            let (x, end) = (span.x(column.begin), span.x(column.end));
            let width = ((end - x) * 0.84).max(0.15);
            let mut y = ground;
            for (class, value, title) in &column.parts {
                let height = *value as f64 * scale;
                y -= height;
                if *value > 0 {
                    self.bars.push(Bar {
                        x: x + (end - x) * 0.08,
                        width,
                        y,
                        height,
                        class: class.clone(),
                        title: title.clone(),
                    });
                }
            }
        }
    }
}

/// Parts that stand on each other, from the ground: class, value, words.
pub struct Column {
    pub begin: i64,
    pub end: i64,
    pub parts: Vec<(String, u64, String)>,
}

/// A span of time, in seconds of Unix time.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub begin: i64,
    pub end: i64,
}

impl Span {
    /// Where a time lies, in hundredths.
    pub fn x(&self, at: i64) -> f64 {
        let length = (self.end - self.begin).max(1) as f64;
        (100.0 * (at - self.begin) as f64 / length).clamp(0.0, 100.0)
    }

    fn ticks(&self) -> Vec<i64> {
        let days = (self.end - self.begin) / DAY;
        let step = STEPS.into_iter().find(|step| days / step <= TICKS).unwrap_or(3650) * DAY;
        let first = (self.begin + step - 1).div_euclid(step) * step;
        (0..=TICKS).map(|count| first + count * step).filter(|at| *at <= self.end).collect()
    }

    fn date(&self, at: i64) -> String {
        let date = When::at(at, 0).date();
        if self.end - self.begin < 300 * DAY {
            date.rsplit_once(' ').map_or(date.clone(), |(day, _)| day.to_owned())
        } else {
            date.split_once(' ').map_or(date.clone(), |(_, month)| month.to_owned())
        }
    }
}

/// The next figure that is 2, 4 or 10 and noughts.
fn nice(value: u64) -> u64 {
    let decades = std::iter::successors(Some(1_u64), |decade| decade.checked_mul(10));
    let figures = decades.flat_map(|decade| [2, 4, 10].map(|figure| decade.saturating_mul(figure)));
    figures.into_iter().find(|figure| *figure >= value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_figures_that_can_be_read() {
        for (value, top) in [(0, 2), (2, 2), (3, 4), (5, 10), (11, 20), (21, 40), (99, 100), (101, 200)] {
            assert_eq!(nice(value), top, "{value}");
        }
        let span = Span { begin: 0, end: 42 * DAY };
        assert!((3..=6).contains(&span.ticks().len()), "{:?}", span.ticks());
        assert_eq!((span.x(0), span.x(21 * DAY), span.x(99 * DAY)), (0.0, 50.0, 100.0));
    }
}

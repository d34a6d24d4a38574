//! Where everything stands: pages of strokes and lines of text, in points from the top left.

use crate::Paper;
use crate::text::Faces;

pub const MARGIN: f32 = 42.0;
const SMALL: f32 = 7.0;
const BODY: f32 = 8.0;
const LEADING: f32 = 1.35;
const PAD: f32 = 3.0;
const FOOT: f32 = 44.0;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ink {
    Text,
    Grey,
    Brand,
    /// Behind the table's head.
    Shade,
    Rule,
}

#[derive(Clone, Debug)]
pub enum Mark {
    Text {
        /// Left edge, or right edge with `from_right`.
        x: f32,
        from_right: bool,
        /// The base line.
        y: f32,
        size: f32,
        bold: bool,
        ink: Ink,
        text: String,
    },
    Box {
        x: f32,
        y: f32,
        w: f32,
        h: f32,
        ink: Ink,
    },
}

pub struct Pages {
    pub width: f32,
    pub height: f32,
    pub pages: Vec<Vec<Mark>>,
}

struct Maker<'a> {
    p: &'a Paper,
    f: &'a Faces,
    width: f32,
    height: f32,
    /// Left edge and width of each column, as they stand on paper.
    columns: Vec<(f32, f32)>,
    pages: Vec<Vec<Mark>>,
    y: f32,
}

impl Maker<'_> {
    fn put(&mut self, m: Mark) {
        if let Some(p) = self.pages.last_mut() {
            p.push(m);
        }
    }

    /// A line that begins where lines begin in this direction of writing.
    fn line(&mut self, at: f32, end: f32, size: f32, bold: bool, ink: Ink, text: &str) {
        let from_right = self.p.rtl;
        let y = self.y + size;
        self.put(Mark::Text {
            x: if from_right { end } else { at },
            from_right,
            y,
            size,
            bold,
            ink,
            text: text.to_string(),
        });
    }

    fn cells(&self, row: &[String], bold: bool) -> (Vec<Vec<String>>, f32) {
        let cells: Vec<Vec<String>> = row
            .iter()
            .zip(&self.columns)
            .map(|(t, (_, w))| self.f.wrap(t, bold, self.p.rtl, (w - 2.0 * PAD) / BODY))
            .collect();
        let most = cells.iter().map(Vec::len).max().unwrap_or(1);
        #[allow(clippy::cast_precision_loss, reason = "a cell has few lines")]
        let height = most as f32 * BODY * LEADING + 2.0 * PAD;
        (cells, height)
    }

    fn row(&mut self, cells: &[Vec<String>], height: f32, bold: bool, ink: Ink) {
        let top = self.y;
        for (i, lines) in cells.iter().enumerate() {
            let (x, w) = self.columns[i];
            let number = self.p.columns[i].number;
            let from_right = number || self.p.rtl;
            let mut y = top + PAD + BODY;
            for l in lines {
                self.put(Mark::Text {
                    x: if from_right { x + w - PAD } else { x + PAD },
                    from_right,
                    y,
                    size: BODY,
                    bold,
                    ink,
                    text: l.clone(),
                });
                y += BODY * LEADING;
            }
        }
        self.y = top + height;
        self.rule(self.y);
    }

    fn rule(&mut self, y: f32) {
        let w = self.width - 2.0 * MARGIN;
        self.put(Mark::Box {
            x: MARGIN,
            y,
            w,
            h: 0.4,
            ink: Ink::Rule,
        });
    }

    fn head(&mut self) {
        let titles: Vec<String> = self.p.columns.iter().map(|c| c.title.clone()).collect();
        let (cells, height) = self.cells(&titles, true);
        let w = self.width - 2.0 * MARGIN;
        self.put(Mark::Box {
            x: MARGIN,
            y: self.y,
            w,
            h: height,
            ink: Ink::Shade,
        });
        self.row(&cells, height, true, Ink::Text);
    }

    fn new_page(&mut self) {
        self.pages.push(Vec::new());
        self.y = MARGIN;
    }

    fn room(&mut self, height: f32, with_head: bool) {
        if self.y + height > self.height - FOOT {
            self.new_page();
            if with_head {
                self.head();
            }
        }
    }
}

pub fn pages(p: &Paper, f: &Faces) -> Pages {
    let (width, height) = if p.landscape { (842.0, 595.0) } else { (595.0, 842.0) };
    let all: u32 = p.columns.iter().map(|c| u32::from(c.share.max(1))).sum();
    let inner = width - 2.0 * MARGIN;
    let mut columns = Vec::with_capacity(p.columns.len());
    let mut x = MARGIN;
    for c in &p.columns {
        #[allow(clippy::cast_precision_loss, reason = "shares are small numbers")]
        let w = inner * f32::from(c.share.max(1)) / all as f32;
        // The first column stands where reading begins.
        columns.push((if p.rtl { width - x - w } else { x }, w));
        x += w;
    }
    let mut m = Maker {
        p,
        f,
        width,
        height,
        columns,
        pages: Vec::new(),
        y: 0.0,
    };
    m.new_page();
    let (left, right) = (MARGIN, width - MARGIN);
    m.line(left, right, 11.0, true, Ink::Brand, &p.brand);
    m.y += 20.0;
    m.line(left, right, 15.0, true, Ink::Text, &p.title);
    m.y += 24.0;
    for l in f.wrap(&p.house, false, p.rtl, inner / SMALL) {
        m.line(left, right, SMALL, false, Ink::Grey, &l);
        m.y += SMALL * LEADING;
    }
    m.y += 8.0;
    for pair in p.facts.chunks(2) {
        for (i, (name, value)) in pair.iter().enumerate() {
            let second = i == 1;
            let middle = MARGIN + inner / 2.0;
            let (at, end) = match (second, p.rtl) {
                (false, false) => (MARGIN, middle),
                (true, false) => (middle, right),
                (false, true) => (middle, right),
                (true, true) => (MARGIN, middle - 8.0),
            };
            m.line(at, end, SMALL, false, Ink::Grey, name);
            let down = SMALL + 3.0;
            m.y += down;
            m.line(at, end, BODY + 1.0, true, Ink::Text, value);
            m.y -= down;
        }
        m.y += 28.0;
    }
    m.y += 6.0;
    m.head();
    if p.rows.is_empty() {
        m.y += PAD;
        m.line(left + PAD, right - PAD, BODY, false, Ink::Grey, &p.empty);
        m.y += BODY * LEADING + PAD;
    }
    for r in &p.rows {
        let (cells, h) = m.cells(r, false);
        m.room(h, true);
        m.row(&cells, h, false, Ink::Text);
    }
    m.y += 2.0;
    for r in &p.totals {
        let (cells, h) = m.cells(r, true);
        m.room(h, true);
        m.row(&cells, h, true, Ink::Text);
    }
    let count = m.pages.len();
    for (n, page) in m.pages.iter_mut().enumerate() {
        let foot = p.page_of.replace("{n}", &(n + 1).to_string()).replace("{all}", &count.to_string());
        for (text, at_start) in [(p.house.as_str(), true), (foot.as_str(), false)] {
            let from_right = at_start == p.rtl;
            // The house's line is cut where the page number begins.
            let text = if at_start {
                f.wrap(text, false, p.rtl, (inner - 90.0) / 6.0).swap_remove(0)
            } else {
                text.to_string()
            };
            page.push(Mark::Text {
                x: if from_right { right } else { left },
                from_right,
                y: height - 24.0,
                size: 6.0,
                bold: false,
                ink: Ink::Grey,
                text,
            });
        }
    }
    Pages {
        width,
        height,
        pages: m.pages,
    }
}

//! What a command tells the person who started it. Results go to standard output, everything else
//! to standard error.

use qd_kernel::Problem;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// A problem as a few plain lines.
pub fn problem(p: &Problem) {
    eprintln!("quarterdeck: {} ({})", p.detail, p.code);
    for f in &p.fields {
        eprintln!("  {}: {}", f.pointer.trim_start_matches('/').replace('/', "."), f.expected);
    }
    if let Some(s) = &p.source {
        eprintln!("  {s}");
    }
}

/// A line that shows how far long work is: rewritten in place on a terminal, now and then a new
/// line elsewhere.
pub struct Progress {
    what: String,
    total: u64,
    terminal: bool,
    begun: Instant,
    shown: Option<Instant>,
}

impl Progress {
    pub fn new(what: impl Into<String>, total: u64) -> Progress {
        Progress {
            what: what.into(),
            total,
            terminal: std::io::stderr().is_terminal(),
            begun: Instant::now(),
            shown: None,
        }
    }

    pub fn at(&mut self, done: u64, note: &str) {
        let gap = if self.terminal {
            Duration::from_millis(100)
        } else {
            Duration::from_secs(5)
        };
        if self.shown.is_some_and(|t| t.elapsed() < gap) && done < self.total {
            return;
        }
        self.shown = Some(Instant::now());
        let percent = done.saturating_mul(100).checked_div(self.total).unwrap_or(100);
        let mut err = std::io::stderr().lock();
        // A closed standard error must not stop the work.
        let _ = if self.terminal {
            write!(err, "\r\x1b[K{} {percent:>3} % {note}", self.what).and_then(|()| err.flush())
        } else {
            writeln!(err, "{} {percent} % {note}", self.what)
        };
    }

    pub fn done(self, note: &str) {
        let mut err = std::io::stderr().lock();
        let start = if self.terminal { "\r\x1b[K" } else { "" };
        let _ = writeln!(err, "{start}{} done in {} {note}", self.what, seconds(self.begun.elapsed()));
    }
}

/// `3.4 s`
pub fn seconds(d: Duration) -> String {
    let ms = d.as_millis();
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

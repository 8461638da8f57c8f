//! One line per step: a spinner on a terminal, plain lines elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use std::{
    fmt::Display,
    io::IsTerminal,
    time::{Duration, Instant},
};

/// Prints steps.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    terminal: bool,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            terminal: std::io::stderr().is_terminal() && std::io::stdout().is_terminal(),
        }
    }
}

impl Progress {
    /// Prints a headline.
    pub fn headline(&self, text: impl Display) {
        println!("\n{text}");
    }

    /// Starts a step. It is shown as failed if it is dropped before [`Step::done`].
    pub fn step(&self, text: impl Display) -> Step {
        let text = text.to_string();
        let bar = self.terminal.then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.set_message(text.clone());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Step {
            text,
            bar,
            started: Instant::now(),
            done: false,
        }
    }
}

/// A step under way.
#[derive(Debug)]
pub struct Step {
    text: String,
    bar: Option<ProgressBar>,
    started: Instant,
    done: bool,
}

impl Step {
    /// Says how far it is.
    pub fn note(&self, note: impl Display) {
        match &self.bar {
            Some(bar) => bar.set_message(format!("{}: {note}", self.text)),
            None => println!("    … {note}"),
        }
    }

    /// Ends it with what came out.
    pub fn done(mut self, detail: impl Display) {
        self.done = true;
        self.end("✓", &detail.to_string());
    }

    fn end(&self, mark: &str, detail: &str) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let seconds = self.started.elapsed().as_secs_f32();
        let colon = if detail.is_empty() { "" } else { ": " };
        println!("  {mark} {}{colon}{detail} ({seconds:.1} s)", self.text);
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if !self.done {
            self.end("✗", "");
        }
    }
}

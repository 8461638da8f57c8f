//! The terminal: raw mode, an alternate screen, lines out, keys in.

use super::{
    input::{Parser, PASTE_OFF, PASTE_ON},
    keys::Key,
    screen::{Line, Style},
};
use crate::error::{Error, Result};
use crossterm::{
    cursor::{Hide, MoveTo, Show},
    queue,
    style::{Attribute, Print, SetAttribute},
    terminal::{
        self, Clear, ClearType, DisableLineWrap, EnableLineWrap, EnterAlternateScreen,
        LeaveAlternateScreen,
    },
};
use std::{
    io::{self, IsTerminal, Read, Stdout, Write},
    sync::Once,
    time::Duration,
};
use tokio::{
    signal::unix::{signal, Signal, SignalKind},
    sync::mpsc,
};

/// How long an escape byte may wait for the rest of its sequence; slow lines need some.
const ESCAPE: Duration = Duration::from_millis(80);

/// What the terminal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A key.
    Key(Key),
    /// Columns and lines are others now.
    Resize((u16, u16)),
    /// It is gone.
    Closed,
}

/// A terminal that the labeller has for itself. Dropping it gives it back.
pub struct Terminal {
    out: Stdout,
    bytes: mpsc::Receiver<Vec<u8>>,
    parser: Parser,
    keys: std::collections::VecDeque<Key>,
    resized: Signal,
    shown: Vec<Line>,
}

fn failed(source: io::Error) -> Error {
    Error::Refused(format!(
        "this terminal cannot be used: {source}; `--plain` needs none"
    ))
}

fn give_back() {
    let mut out = io::stdout();
    // Nothing is left to do if the terminal is gone.
    let _ = queue!(
        out,
        Print(PASTE_OFF),
        EnableLineWrap,
        Show,
        LeaveAlternateScreen
    );
    let _ = out.flush();
    let _ = terminal::disable_raw_mode();
}

/// Columns and lines.
pub fn size() -> (u16, u16) {
    terminal::size().unwrap_or((80, 24))
}

/// Whether there is a terminal on both ends.
pub fn is_there() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

impl Terminal {
    /// Takes the terminal.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn enter() -> Result<Self> {
        static HOOK: Once = Once::new();
        // A panic is to be read, and the terminal to be used, afterwards.
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                give_back();
                before(info);
            }));
        });
        terminal::enable_raw_mode().map_err(failed)?;
        let mut out = io::stdout();
        queue!(
            out,
            EnterAlternateScreen,
            Hide,
            DisableLineWrap,
            Print(PASTE_ON),
            Clear(ClearType::All)
        )
        .and_then(|()| out.flush())
        .map_err(|error| {
            give_back();
            failed(error)
        })?;
        let resized = signal(SignalKind::window_change()).map_err(|error| {
            give_back();
            failed(error)
        })?;
        let (send, bytes) = mpsc::channel(16);
        // It ends with the process: reading a terminal cannot be interrupted.
        std::thread::spawn(move || {
            let mut buffer = [0; 256];
            while let Ok(count @ 1..) = io::stdin().lock().read(&mut buffer) {
                let read = buffer.get(..count).unwrap_or_default().to_vec();
                if send.blocking_send(read).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            out,
            bytes,
            parser: Parser::default(),
            keys: Default::default(),
            resized,
            shown: Vec::new(),
        })
    }

    /// Shows lines; only those that changed are sent.
    pub fn draw(&mut self, lines: Vec<Line>) -> Result<()> {
        let written = write_lines(&mut self.out, &self.shown, &lines);
        self.shown = lines;
        written.map_err(failed)
    }

    /// Shows everything anew next time.
    pub fn forget(&mut self) {
        self.shown.clear();
    }

    /// The next event.
    pub async fn next(&mut self) -> Event {
        loop {
            if let Some(key) = self.keys.pop_front() {
                return Event::Key(key);
            }
            let waiting = self.parser.is_waiting();
            tokio::select! {
                read = self.bytes.recv() => match read {
                    Some(bytes) => self.keys.extend(self.parser.feed(&bytes)),
                    None => return Event::Closed,
                },
                _ = self.resized.recv() => {
                    self.forget();
                    return Event::Resize(size());
                }
                () = tokio::time::sleep(ESCAPE), if waiting => {
                    self.keys.extend(self.parser.timeout());
                }
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

fn write_lines(out: &mut impl Write, before: &[Line], lines: &[Line]) -> io::Result<()> {
    if before.is_empty() {
        queue!(out, Clear(ClearType::All))?;
    }
    for (at, line) in (0u16..).zip(lines) {
        if before.get(usize::from(at)) == Some(line) {
            continue;
        }
        queue!(out, MoveTo(0, at), SetAttribute(Attribute::Reset))?;
        for (text, style) in &line.parts {
            set(out, *style)?;
            queue!(out, Print(text), SetAttribute(Attribute::Reset))?;
        }
        queue!(out, Clear(ClearType::UntilNewLine))?;
    }
    out.flush()
}

fn set(out: &mut impl Write, style: Style) -> io::Result<()> {
    for (on, attribute) in [
        (style.bold, Attribute::Bold),
        (style.dim, Attribute::Dim),
        (style.underlined, Attribute::Underlined),
        (style.reversed, Attribute::Reverse),
    ] {
        if on {
            queue!(out, SetAttribute(attribute))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_changed_are_sent() {
        let lines = [Line::raw("one"), Line::raw("two")];
        let mut first = Vec::new();
        write_lines(&mut first, &[], &lines).unwrap();
        let first = String::from_utf8(first).unwrap();
        assert!(first.contains("one") && first.contains("two"));
        let changed = [Line::raw("one"), Line::raw("three")];
        let mut second = Vec::new();
        write_lines(&mut second, &lines, &changed).unwrap();
        let second = String::from_utf8(second).unwrap();
        assert!(
            !second.contains("one") && second.contains("three"),
            "{second:?}"
        );
        let mut third = Vec::new();
        write_lines(&mut third, &changed, &changed).unwrap();
        assert!(third.is_empty());
    }
}

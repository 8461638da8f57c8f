//! A screen: lines of styled text, apart from the terminal that shows them.

use super::wrap::{cut, width};

/// How text is set off. No colours: they say nothing on half of all terminals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Bold.
    pub bold: bool,
    /// Dim.
    pub dim: bool,
    /// Underlined.
    pub underlined: bool,
    /// Foreground and background swapped.
    pub reversed: bool,
}

/// Text as it is.
pub const PLAIN: Style = Style {
    bold: false,
    dim: false,
    underlined: false,
    reversed: false,
};

/// Bold text.
pub const BOLD: Style = Style {
    bold: true,
    ..PLAIN
};

/// Dim text.
pub const DIM: Style = Style { dim: true, ..PLAIN };

/// Swapped colours.
pub const REVERSED: Style = Style {
    reversed: true,
    ..PLAIN
};

/// A line, as parts of one style each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The parts, from left to right.
    pub parts: Vec<(String, Style)>,
}

impl Line {
    /// A line of plain text.
    pub fn raw(text: impl Into<String>) -> Self {
        Self::styled(text, PLAIN)
    }

    /// A line of one style.
    pub fn styled(text: impl Into<String>, style: Style) -> Self {
        Self {
            parts: vec![(text.into(), style)],
        }
    }

    /// A line of parts.
    pub fn of(parts: Vec<(String, Style)>) -> Self {
        Self { parts }
    }

    /// The text alone.
    pub fn text(&self) -> String {
        self.parts.iter().map(|(text, _)| text.as_str()).collect()
    }

    /// The line cut to so many columns.
    pub fn cut(self, columns: usize) -> Self {
        let mut left = columns;
        let mut parts = Vec::new();
        for (text, style) in self.parts {
            let text = cut(&text, left);
            left -= width(&text).min(left);
            parts.push((text, style));
        }
        Self { parts }
    }
}

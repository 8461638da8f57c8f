//! The labeller as a state machine: keys in, effects out. It reads no file, no clock and
//! no terminal.

use super::{
    draft::{Done, Draft},
    keys::Key,
    task::{Page, Task},
    view,
};
use athanor_label_math::{Answer, LabelType};
use serde::{Deserialize, Serialize};

/// Fewest columns a terminal must have.
pub const MIN_COLUMNS: u16 = 60;
/// Fewest lines a terminal must have.
pub const MIN_LINES: u16 = 20;

/// What is to be done because of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Write the progress to the journal, before anything else.
    Save,
    /// Commit the answers: they are complete, and the worker has confirmed it.
    Submit,
    /// Give the page back.
    Skip,
    /// Leave; the answers stay in the journal.
    Leave,
}

/// What the labeller shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A task.
    Task,
    /// All answers, before they are committed.
    Review,
    /// What can be done beside answering.
    Menu,
    /// The keys.
    Help,
    /// Whether the page is really to be skipped.
    ConfirmSkip,
}

/// What is known beside the page, for the lines around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Most the page pays, such as `0.32 AUR`.
    pub pays: String,
    /// What the account has earned, such as `1.2 AUR`.
    pub earned: String,
    /// Time until the lease ends, such as `1 h 20 min`.
    pub left: String,
    /// A remark, such as what the node said last.
    pub note: String,
}

/// What the journal keeps of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The task the worker was at.
    pub at: usize,
    /// His answers.
    pub drafts: Vec<Draft>,
}

/// A page being labelled.
#[derive(Clone, Debug)]
pub struct Labeller {
    page: Page,
    drafts: Vec<Draft>,
    at: usize,
    mode: Mode,
    scroll: usize,
    size: (u16, u16),
    /// What is shown around the page.
    pub status: Status,
}

impl Labeller {
    /// A page without answers.
    pub fn new(page: Page, size: (u16, u16)) -> Self {
        let drafts = page.tasks.iter().map(|_| Draft::new(&page.ty)).collect();
        Self {
            page,
            drafts,
            at: 0,
            mode: Mode::Task,
            scroll: 0,
            size,
            status: Status::default(),
        }
    }

    /// Takes up what a journal kept. Drafts that are none of the page's are left out.
    pub fn resume(&mut self, progress: Progress) {
        let tasks = self.page.tasks.iter();
        for ((mine, kept), task) in self.drafts.iter_mut().zip(progress.drafts).zip(tasks) {
            if kept.fits(&self.page.ty, task) {
                *mine = kept;
            }
        }
        self.at = progress.at.min(self.page.tasks.len().saturating_sub(1));
        if self.answered() == self.page.tasks.len() {
            self.mode = Mode::Review;
        }
        self.follow_cursor();
    }

    /// What the journal is to keep.
    pub fn progress(&self) -> Progress {
        Progress {
            at: self.at,
            drafts: self.drafts.clone(),
        }
    }

    /// The page.
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// Number of the task shown, from 0.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The task shown.
    pub fn task(&self) -> Option<&Task> {
        self.page.tasks.get(self.at)
    }

    /// The draft of the task shown.
    pub fn draft(&self) -> Option<&Draft> {
        self.drafts.get(self.at)
    }

    /// All drafts.
    pub fn drafts(&self) -> &[Draft] {
        &self.drafts
    }

    /// What is shown.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Lines scrolled away.
    pub fn scroll(&self) -> usize {
        self.scroll
    }

    /// Columns and lines of the terminal.
    pub fn size(&self) -> (u16, u16) {
        self.size
    }

    /// Tasks that are answered.
    pub fn answered(&self) -> usize {
        self.drafts
            .iter()
            .filter(|draft| draft.answer(&self.page.ty).is_some())
            .count()
    }

    /// All answers as they are shown, if they are complete.
    pub fn answers(&self) -> Option<Vec<Answer>> {
        self.drafts
            .iter()
            .map(|draft| draft.answer(&self.page.ty))
            .collect()
    }

    /// Whether the terminal is too small to show a page.
    pub fn too_small(&self) -> bool {
        self.size.0 < MIN_COLUMNS || self.size.1 < MIN_LINES
    }

    /// The terminal has another size now.
    pub fn resize(&mut self, size: (u16, u16)) {
        self.size = size;
        self.scroll = self.scroll.min(view::max_scroll(self));
        self.follow_cursor();
    }

    /// What a key does.
    pub fn key(&mut self, key: Key) -> Vec<Effect> {
        if key == Key::Interrupt {
            return vec![Effect::Save, Effect::Leave];
        }
        // Nobody should answer what he cannot see.
        if self.too_small() {
            return Vec::new();
        }
        match self.mode {
            Mode::Task => self.key_in_task(key),
            Mode::Review => self.key_in_review(key),
            Mode::Menu => self.key_in_menu(key),
            Mode::Help => {
                self.mode = Mode::Task;
                Vec::new()
            }
            Mode::ConfirmSkip => match key {
                Key::Char('y' | 'Y') => vec![Effect::Skip],
                _ => {
                    self.mode = Mode::Task;
                    Vec::new()
                }
            },
        }
    }

    fn key_in_task(&mut self, key: Key) -> Vec<Effect> {
        let (Some(draft), Some(task)) =
            (self.drafts.get_mut(self.at), self.page.tasks.get(self.at))
        else {
            return Vec::new();
        };
        match draft.key(key, &self.page, task) {
            Done::Answered => {
                self.advance();
                return vec![Effect::Save];
            }
            Done::Changed => {
                self.follow_cursor();
                return vec![Effect::Save];
            }
            Done::Moved => {
                self.follow_cursor();
                return Vec::new();
            }
            Done::Nothing => {}
        }
        let screen = view::content_lines(self).saturating_sub(1).max(1);
        match key {
            Key::Right | Key::Tab => return self.go(self.at + 1),
            Key::Left | Key::BackTab => return self.go(self.at.wrapping_sub(1)),
            Key::Up => self.scroll_to(self.scroll.saturating_sub(1)),
            Key::Down => self.scroll_to(self.scroll + 1),
            Key::PageUp => self.scroll_to(self.scroll.saturating_sub(screen)),
            Key::PageDown => self.scroll_to(self.scroll + screen),
            Key::Enter => {
                self.advance();
                return vec![Effect::Save];
            }
            Key::Esc => self.mode = Mode::Menu,
            Key::Char('?') => self.mode = Mode::Help,
            _ => {}
        }
        Vec::new()
    }

    fn key_in_review(&mut self, key: Key) -> Vec<Effect> {
        let columns = view::REVIEW_COLUMNS;
        let last = self.page.tasks.len().saturating_sub(1);
        match key {
            Key::Left | Key::BackTab => self.at = self.at.saturating_sub(1),
            Key::Right | Key::Tab => self.at = (self.at + 1).min(last),
            Key::Up => self.at = self.at.saturating_sub(columns),
            Key::Down => self.at = (self.at + columns).min(last),
            Key::Home => self.at = 0,
            Key::End => self.at = last,
            Key::Char(' ' | 'e') => {
                self.scroll = 0;
                self.mode = Mode::Task;
                self.follow_cursor();
            }
            Key::Char('s' | 'S') if self.answered() == self.page.tasks.len() => {
                return vec![Effect::Save, Effect::Submit];
            }
            Key::Enter if self.answered() < self.page.tasks.len() => {
                self.mode = Mode::Task;
                self.seek_open(self.at);
                return vec![Effect::Save];
            }
            Key::Esc => self.mode = Mode::Menu,
            Key::Char('?') => self.mode = Mode::Help,
            _ => {}
        }
        Vec::new()
    }

    fn key_in_menu(&mut self, key: Key) -> Vec<Effect> {
        match key {
            Key::Char('r' | 'R') => self.mode = Mode::Review,
            Key::Char('s' | 'S') => self.mode = Mode::ConfirmSkip,
            Key::Char('h' | 'H' | '?') => self.mode = Mode::Help,
            Key::Char('q' | 'Q') => return vec![Effect::Save, Effect::Leave],
            _ => self.mode = Mode::Task,
        }
        Vec::new()
    }

    /// To the next task without an answer, or to the review if there is none.
    fn advance(&mut self) {
        self.seek_open(self.at + 1);
    }

    fn seek_open(&mut self, from: usize) {
        let tasks = self.page.tasks.len();
        let open = |at: &usize| {
            self.drafts
                .get(*at)
                .is_some_and(|draft| draft.answer(&self.page.ty).is_none())
        };
        let next = (from..tasks).chain(0..from.min(tasks)).find(open);
        match next {
            Some(next) => {
                self.at = next;
                self.scroll = 0;
                self.follow_cursor();
            }
            None => self.mode = Mode::Review,
        }
    }

    fn go(&mut self, to: usize) -> Vec<Effect> {
        if to >= self.page.tasks.len() || to == self.at {
            if to == self.page.tasks.len() {
                self.mode = Mode::Review;
            }
            return Vec::new();
        }
        self.at = to;
        self.scroll = 0;
        self.follow_cursor();
        vec![Effect::Save]
    }

    fn scroll_to(&mut self, line: usize) {
        self.scroll = line.min(view::max_scroll(self));
    }

    /// Scrolls so that the token under the cursor can be seen.
    fn follow_cursor(&mut self) {
        if let (LabelType::Span { .. }, Some(line)) = (&self.page.ty, view::cursor_line(self)) {
            let lines = view::content_lines(self);
            if line < self.scroll {
                self.scroll = line;
            } else if line >= self.scroll + lines {
                self.scroll = (line + 1).saturating_sub(lines);
            }
            self.scroll = self.scroll.min(view::max_scroll(self));
        }
    }
}

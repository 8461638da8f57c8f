//! What a worker is asked, as plain text in the order he is shown.

use athanor_label_math::LabelType;

/// What belongs to a task beside its prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Nothing: the prompt says it all.
    Prompt,
    /// A text to judge.
    Text(String),
    /// Two texts to choose from, as shown.
    Pair(String, String),
    /// Items to bring into an order, as shown.
    Items(Vec<String>),
    /// Tokens of a text.
    Tokens(Vec<String>),
}

/// One task. All texts are fit to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// What is asked.
    pub prompt: String,
    /// What it is asked about.
    pub body: Body,
    /// Names of the classes, flags or span labels.
    pub options: Vec<String>,
}

/// A page as one worker is shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Batch it belongs to.
    pub batch: u64,
    /// Its number in the batch.
    pub number: u32,
    /// Type of its answers.
    pub ty: LabelType,
    /// What the lowest step of a rating is called.
    pub first: i32,
    /// Its tasks.
    pub tasks: Vec<Task>,
}

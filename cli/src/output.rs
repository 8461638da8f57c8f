//! What goes to the terminal: one result on standard output, progress and
//! remarks on standard error.

use crate::{
    amount::Amount,
    config::Format,
    error::{Error, Result},
};
use comfy_table::{presets, ContentArrangement, Table, TableComponent};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use std::{
    io::{IsTerminal, Write},
    time::Duration,
};

/// Keys whose values are amounts of money wherever the chain uses them.
const MONEY: &[&str] = &[
    "amount",
    "bond",
    "bond_free",
    "bonded",
    "budget",
    "buyer_gets",
    "claimable",
    "claimed",
    "collateral",
    "deposit",
    "existential_deposit",
    "fee",
    "fees",
    "float",
    "free",
    "free_bond",
    "frozen",
    "held",
    "listing_fee",
    "locked",
    "max_pay",
    "max_price",
    "min_collateral",
    "minimum",
    "order_bond",
    "paid",
    "pay",
    "poke_reward",
    "premium",
    "price",
    "received",
    "refund",
    "refunded",
    "right_deposit",
    "seller_loses",
    "slashed",
    "tip",
    "to_pay",
    "to_provider",
    "to_worker",
    "total",
    "transferable",
    "treasury",
];

/// Hex strings longer than this are shortened in tables.
const LONGEST_HEX: usize = 66;

/// Where results and progress go.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    format: Format,
    quiet: bool,
    interactive: bool,
}

impl Output {
    /// An output of this format.
    pub fn new(format: Format, quiet: bool) -> Self {
        Self {
            format,
            quiet,
            interactive: std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
        }
    }

    /// Whether somebody sits there who can be asked.
    pub fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// Asks before something that costs money. Without a terminal nobody is there to
    /// ask, and scripts mean what they say.
    pub fn confirm(&self, question: &str) -> Result<()> {
        if !self.interactive {
            return Ok(());
        }
        let mut answer = String::new();
        let asked = write!(std::io::stderr().lock(), "{question} [y/N] ")
            .and_then(|()| std::io::stdin().read_line(&mut answer));
        match asked {
            Ok(_) if is_yes(&answer) => Ok(()),
            _ => Err(Error::Refused(
                "nothing was sent: answer y, or give --yes".into(),
            )),
        }
    }

    /// Prints the command's result: the JSON value, or what people read.
    pub fn result(&self, value: &Value, human: impl FnOnce() -> String) {
        let text = match self.format {
            // Serialising a `Value` cannot fail; an empty line would show it did.
            Format::Json => serde_json::to_string_pretty(value).unwrap_or_default(),
            Format::Table => human(),
        };
        // A reader that closed the pipe has seen what it wanted.
        let _ = writeln!(std::io::stdout().lock(), "{}", text.trim_end());
    }

    /// Prints a remark on standard error.
    pub fn note(&self, text: impl AsRef<str>) {
        if !self.quiet {
            let _ = writeln!(std::io::stderr().lock(), "{}", text.as_ref());
        }
    }

    /// Prints a warning on standard error, even when quiet.
    pub fn warn(&self, text: impl AsRef<str>) {
        let _ = writeln!(std::io::stderr().lock(), "warning: {}", text.as_ref());
    }

    fn target(&self) -> ProgressDrawTarget {
        if self.quiet || !std::io::stderr().is_terminal() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        }
    }

    /// A spinner for something of unknown length. It goes away when dropped.
    pub fn spinner(&self, message: impl Into<String>) -> Progress {
        let bar = ProgressBar::with_draw_target(None, self.target());
        bar.set_message(message.into());
        bar.enable_steady_tick(Duration::from_millis(120));
        Progress {
            bar,
            quiet: self.quiet,
        }
    }

    /// A bar for `total` steps. It goes away when dropped.
    pub fn steps(&self, message: impl Into<String>, total: u64) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(total), self.target());
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
            bar.set_style(style);
        }
        bar.set_message(message.into());
        Progress {
            bar,
            quiet: self.quiet,
        }
    }

    /// A bar for a transfer of `total` bytes. It goes away when dropped.
    pub fn transfer(&self, message: impl Into<String>, total: u64) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(total), self.target());
        let style =
            ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.set_message(message.into());
        Progress {
            bar,
            quiet: self.quiet,
        }
    }
}

/// Progress on the terminal.
pub struct Progress {
    bar: ProgressBar,
    quiet: bool,
}

impl Progress {
    /// Changes what is said to be going on.
    pub fn message(&self, message: impl Into<String>) {
        self.bar.set_message(message.into());
    }

    /// Moves a transfer's bar.
    pub fn transferred(&self, done: u64, total: u64) {
        if total != 0 {
            self.bar.set_length(total);
        }
        self.bar.set_position(done);
    }

    /// Moves a bar by one step.
    pub fn step(&self) {
        self.bar.inc(1);
    }

    /// Prints a line above the spinner.
    pub fn line(&self, text: impl AsRef<str>) {
        if self.quiet {
            return;
        }
        self.bar.suspend(|| {
            let _ = writeln!(std::io::stderr().lock(), "{}", text.as_ref());
        });
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

/// Widest line of what is folded here.
const WIDTH: u16 = 80;

/// A table that folds its cells to 80 columns, whatever it is printed to.
pub fn narrow_table<R>(headers: &[&str], rows: R) -> String
where
    R: IntoIterator,
    R::Item: IntoIterator<Item = String>,
{
    let mut table = bare(headers);
    table.set_width(WIDTH);
    for row in rows {
        table.add_row(row.into_iter().collect::<Vec<_>>());
    }
    table.to_string()
}

/// A paragraph folded to 80 columns.
pub fn wrap(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let used = lines.last().map_or(0, |line| line.chars().count());
        if used != 0 && used + 1 + word.chars().count() > WIDTH.into() {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

fn bare(headers: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .remove_style(TableComponent::HorizontalLines)
        .remove_style(TableComponent::MiddleIntersections)
        .set_header(headers.iter().copied());
    table
}

/// A table with headers.
pub fn table<R>(headers: &[&str], rows: R) -> String
where
    R: IntoIterator,
    R::Item: IntoIterator<Item = String>,
{
    let mut table = bare(headers);
    for row in rows {
        table.add_row(row.into_iter().collect::<Vec<_>>());
    }
    table.to_string()
}

/// Lines of a name and a value each, the values aligned.
pub fn pairs<N: AsRef<str>, V: AsRef<str>>(rows: &[(N, V)]) -> String {
    let width = rows
        .iter()
        .map(|(name, _)| name.as_ref().chars().count())
        .max()
        .unwrap_or(0);
    rows.iter()
        .map(|(name, value)| format!("{:width$}  {}", name.as_ref(), value.as_ref()))
        .collect::<Vec<_>>()
        .join("\n")
}

/// An object of the chain as lines of name and value; nested names are joined
/// by dots, amounts are shown in AUR.
pub fn describe(value: &Value) -> String {
    let mut rows = Vec::new();
    flatten("", "", value, &mut rows);
    pairs(&rows)
}

fn flatten(path: &str, key: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    let join = |name: &str| {
        if path.is_empty() {
            name.into()
        } else {
            format!("{path}.{name}")
        }
    };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, field) in fields {
                flatten(&join(name), name, field, rows);
            }
        }
        Value::Array(items) if items.iter().any(takes_a_line) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&format!("{path}[{index}]"), key, item, rows);
            }
        }
        // Prices are money under the names of what they are for.
        Value::String(planck) if path.rsplit('.').nth(1) == Some("rates") => {
            let amount = planck.parse().map(Amount);
            let text = amount.map_or_else(|_| shorten(planck), |amount| amount.to_string());
            rows.push((path.to_owned(), text));
        }
        other => rows.push((path.to_owned(), scalar(key, other))),
    }
}

/// Whether an item of a list is better shown on a line of its own.
fn takes_a_line(item: &Value) -> bool {
    match item {
        Value::String(text) => text.len() > 24,
        other => other.is_object() || other.is_array(),
    }
}

/// One value as people read it.
pub fn scalar(key: &str, value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => match text.parse::<u128>() {
            Ok(planck) if MONEY.contains(&key) => Amount(planck).to_string(),
            _ => shorten(text),
        },
        Value::Array(items) if items.is_empty() => "none".into(),
        Value::Array(items) => items
            .iter()
            .map(|item| scalar(key, item))
            .collect::<Vec<_>>()
            .join(", "),
        Value::Object(_) => "-".into(),
    }
}

fn shorten(text: &str) -> String {
    if text.len() > LONGEST_HEX && text.starts_with("0x") && text.is_ascii() {
        format!("{}… ({} bytes)", &text[..34], text.len() / 2 - 1)
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_are_described_line_by_line_with_amounts_in_aur() {
        let text = describe(&json!({
            "provider": "5G",
            "bond": "1500000000000",
            "offer": {"slots": 4, "minimum": "10", "models": {"list": [1, 2]}},
            "replicas": [{"pay": "0", "fault": null}],
            "paused": false,
            "released": [],
            "terms": {"rates": {"macs": "2000000000000"}},
            "roots": ["0x0000000000000000000000000000", "0x1111111111111111111111111111"],
        }));
        let squeezed: Vec<String> = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        for line in [
            "provider 5G",
            "bond 1.5 AUR",
            "offer.slots 4",
            "offer.minimum 0.00000000001 AUR",
            "offer.models.list 1, 2",
            "replicas[0].pay 0 AUR",
            "replicas[0].fault -",
            "paused no",
            "released none",
            "terms.rates.macs 2 AUR",
            "roots[1] 0x1111111111111111111111111111",
        ] {
            assert!(
                squeezed.iter().any(|found| found == line),
                "{line} in\n{text}"
            );
        }
    }

    #[test]
    fn long_hex_is_shortened_and_roots_are_not() {
        let root = format!("0x{}", "ab".repeat(32));
        assert_eq!(scalar("input_root", &json!(root)), root);
        let long = format!("0x{}", "ab".repeat(500));
        let text = scalar("bytes", &json!(long));
        assert!(text.ends_with("… (500 bytes)") && text.len() < 60, "{text}");
    }

    #[test]
    fn numbers_that_are_no_money_stay_numbers() {
        assert_eq!(scalar("fee_rate", &json!("1500000000000")), "1500000000000");
        assert_eq!(scalar("fee", &json!("1500000000000")), "1.5 AUR");
    }

    #[test]
    fn only_a_yes_is_a_yes() {
        for answer in ["y\n", "Y", " yes \n", "YES"] {
            assert!(is_yes(answer), "{answer}");
        }
        for answer in ["", "\n", "n", "ye", "yes please", "1"] {
            assert!(!is_yes(answer), "{answer}");
        }
    }

    #[test]
    fn paragraphs_and_narrow_tables_fold_at_80_columns() {
        let text = "word ".repeat(60);
        let wrapped = wrap(&text);
        assert!(wrapped.lines().all(|line| line.chars().count() <= 80));
        assert_eq!(wrapped.split_whitespace().count(), 60);
        assert_eq!(wrap(&"x".repeat(90)), "x".repeat(90));
        let table = narrow_table(&["a", "b"], [vec![text.clone(), text]]);
        assert!(
            table.lines().all(|line| line.chars().count() <= 80),
            "{table}"
        );
    }

    #[test]
    fn tables_have_headers_and_rows() {
        let text = table(&["Node", "Cost"], [vec!["0".to_owned(), "12".to_owned()]]);
        assert!(text.contains("Node") && text.contains("12"), "{text}");
    }
}

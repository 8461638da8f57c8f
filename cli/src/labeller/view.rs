//! What the labeller looks like. Everything is drawn from its state alone.
//!
//! ```text
//! header                batch, page, task, time left
//! content               prompt and texts, scrolled
//! options               the keys that answer
//! progress, money, a remark
//! keys
//! ```
//!
//! Every line holds text of one source only: nothing that a terminal might reorder
//! shares a line with another text.

use super::{
    draft::{option_key, options, steps, Draft},
    screen::{Line, Style, BOLD, DIM, PLAIN, REVERSED},
    state::{Labeller, Mode, MIN_COLUMNS, MIN_LINES},
    task::{Body, Page, Task},
    wrap::{cut, fit, width, wrap},
};
use athanor_label_math::{Answer, LabelType, Span};

/// Answers in one line of the review.
pub const REVIEW_COLUMNS: usize = 4;

/// Most lines of options.
const OPTION_LINES: usize = 8;

/// Lines that are always there: header, two rules, progress, remark, keys.
const FRAME_LINES: usize = 6;

const SEVERITIES: [&str; 4] = ["none", "low", "medium", "high"];

/// The labeller as the lines of its terminal.
pub fn draw(labeller: &Labeller) -> Vec<Line> {
    let (columns, height) = labeller.size();
    if labeller.too_small() {
        return notice((columns, height), &too_small(columns, height));
    }
    let (columns, height) = (usize::from(columns), usize::from(height));
    let options = option_lines(labeller, columns);
    let room = height.saturating_sub(FRAME_LINES + options.len());
    let content = content_of(labeller, columns);
    let hidden = content.len().saturating_sub(room);
    let scroll = labeller.scroll().min(hidden);
    let rule = if hidden > 0 {
        let shown = format!(
            " lines {}-{} of {}, PgUp PgDn ",
            scroll + 1,
            scroll + room,
            hidden + room
        );
        let dashes = columns.saturating_sub(width(&shown) + 2);
        format!("{}{shown}──", "─".repeat(dashes))
    } else if options.is_empty() {
        String::new()
    } else {
        "─".repeat(columns)
    };
    let mut lines = vec![Line::styled(header(labeller, columns), REVERSED)];
    lines.extend(content.into_iter().skip(scroll).take(room));
    lines.resize(1 + room, Line::default());
    lines.push(Line::styled(rule, DIM));
    lines.extend(options);
    lines.push(Line::styled("─".repeat(columns), DIM));
    lines.push(Line::raw(progress(labeller, columns)));
    lines.push(Line::raw(cut(&labeller.status.note, columns)));
    lines.push(Line::styled(
        fit(&format!(" {}", keys(labeller)), columns),
        REVERSED,
    ));
    lines.into_iter().map(|line| line.cut(columns)).collect()
}

/// A screen of nothing but text, as while a page is waited for.
pub fn notice((columns, height): (u16, u16), text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = wrap(text, usize::from(columns))
        .into_iter()
        .map(|line| Line::raw(line).cut(columns.into()))
        .collect();
    lines.resize(height.into(), Line::default());
    lines
}

/// What to do about a terminal that is too small.
pub fn too_small(columns: u16, lines: u16) -> String {
    format!(
        "The terminal has {columns} columns and {lines} lines. Labelling needs at least \
         {MIN_COLUMNS} and {MIN_LINES}: make it larger. Nothing is lost."
    )
}

fn header(labeller: &Labeller, columns: usize) -> String {
    let page = labeller.page();
    let left = format!(" batch {}  page {}", page.batch, page.number);
    let middle = match labeller.mode() {
        Mode::Review => "review".to_owned(),
        _ => format!("task {} of {}", labeller.at() + 1, page.tasks.len()),
    };
    let right = if labeller.status.left.is_empty() {
        String::new()
    } else {
        format!("{} left ", labeller.status.left)
    };
    let gap = columns.saturating_sub(width(&left) + width(&middle) + width(&right));
    fit(
        &format!(
            "{left}{}{middle}{}{right}",
            " ".repeat(gap / 2),
            " ".repeat(gap - gap / 2)
        ),
        columns,
    )
}

fn progress(labeller: &Labeller, columns: usize) -> String {
    let total = labeller.page().tasks.len();
    let marks: String = labeller
        .drafts()
        .iter()
        .map(|draft| match draft.answer(&labeller.page().ty) {
            Some(_) => '■',
            None => '□',
        })
        .collect();
    let mut text = format!(" {marks} {}/{total}", labeller.answered());
    if !labeller.status.pays.is_empty() {
        text.push_str(&format!("  pays {}", labeller.status.pays));
    }
    if !labeller.status.earned.is_empty() {
        text.push_str(&format!("  earned {}", labeller.status.earned));
    }
    cut(&text, columns)
}

fn keys(labeller: &Labeller) -> &'static str {
    match labeller.mode() {
        Mode::Review if labeller.answered() == labeller.page().tasks.len() => {
            "s submit  ←↑↓→ choose  space change  Esc menu  ? help"
        }
        Mode::Review => "Enter next open task  ←↑↓→ choose  space change  Esc menu  ? help",
        Mode::Menu => "r review  s skip page  h help  q leave  any other key back",
        Mode::Help => "any key back",
        Mode::ConfirmSkip => "y skip the page  any other key back",
        Mode::Task => match labeller.page().ty {
            LabelType::Preference => "a b t x answer  ←→ task  ↑↓ scroll  Esc menu  ? help",
            LabelType::MultiLabel { .. } => {
                "keys switch  Enter done  ←→ task  ↑↓ scroll  Esc menu  ? help"
            }
            LabelType::Safety { .. } => {
                "keys raise  Enter done  ←→ task  ↑↓ scroll  Esc menu  ? help"
            }
            LabelType::Ranking { .. } => {
                "keys: best first  ⌫ back  ←→ task  ↑↓ scroll  Esc menu  ? help"
            }
            LabelType::Span { .. } => {
                "←→ token  space mark  key label  ⌫ remove  Enter done  Tab task  ? help"
            }
            LabelType::Rating { .. } => {
                "a number answers  ⌫ back  ←→ task  ↑↓ scroll  Esc menu  ? help"
            }
            _ => "keys answer  ←→ task  ↑↓ scroll  Esc menu  ? help",
        },
    }
}

/// Lines the content has on the labeller's screen.
pub fn content_lines(labeller: &Labeller) -> usize {
    let (columns, lines) = labeller.size();
    let options = option_lines(labeller, columns.into()).len();
    usize::from(lines).saturating_sub(FRAME_LINES + options)
}

/// The largest sensible scroll.
pub fn max_scroll(labeller: &Labeller) -> usize {
    let lines = content_of(labeller, labeller.size().0.into()).len();
    lines.saturating_sub(content_lines(labeller))
}

/// The line of the content that the cursor is on.
pub fn cursor_line(labeller: &Labeller) -> Option<usize> {
    let (task, draft) = (labeller.task()?, labeller.draft()?);
    let (Body::Tokens(tokens), Draft::Spans { cursor, .. }) = (&task.body, draft) else {
        return None;
    };
    let columns = labeller.size().0.into();
    let before = prompt_lines(task, columns).len();
    let (_, cursor) = token_lines(tokens, draft, usize::from(*cursor), columns);
    Some(before + cursor)
}

fn content_of(labeller: &Labeller, columns: usize) -> Vec<Line> {
    let plain =
        |text: &str| -> Vec<Line> { wrap(text, columns).into_iter().map(Line::raw).collect() };
    match labeller.mode() {
        Mode::Review => review(labeller, columns),
        Mode::Menu => plain(
            "\n  r  review all answers\n  s  skip this page: costs nothing, it is not offered \
             again\n  h  the keys\n  q  leave: the answers are kept, the lease runs on",
        ),
        Mode::ConfirmSkip => plain(
            "\n  Skip this page? The answers given so far are thrown away, nothing is \
             paid or lost, and the page is not offered to you again.",
        ),
        Mode::Help => plain(&help(&labeller.page().ty)),
        Mode::Task => {
            let Some(task) = labeller.task() else {
                return Vec::new();
            };
            let mut lines = prompt_lines(task, columns);
            match &task.body {
                Body::Prompt => {}
                Body::Text(text) => lines.extend(plain(text)),
                Body::Pair(a, b) => {
                    for (name, text) in [("A", a), ("B", b)] {
                        lines.push(title(name, columns));
                        lines.extend(plain(text));
                    }
                }
                Body::Items(items) => {
                    let place = |item: usize| match labeller.draft() {
                        Some(Draft::Order { items }) => items
                            .iter()
                            .position(|placed| usize::from(*placed) == item)
                            .map(|place| format!(": place {}", place + 1)),
                        _ => None,
                    };
                    for (item, text) in items.iter().enumerate() {
                        let name = format!("{}{}", item + 1, place(item).unwrap_or_default());
                        lines.push(title(&name, columns));
                        lines.extend(plain(text));
                    }
                }
                Body::Tokens(tokens) => {
                    if let Some(draft @ Draft::Spans { cursor, .. }) = labeller.draft() {
                        let (shown, _) = token_lines(tokens, draft, usize::from(*cursor), columns);
                        lines.extend(shown);
                    }
                }
            }
            lines
        }
    }
}

fn prompt_lines(task: &Task, columns: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = wrap(&task.prompt, columns)
        .into_iter()
        .map(|line| Line::styled(line, BOLD))
        .collect();
    lines.push(Line::raw(""));
    lines
}

fn title(name: &str, columns: usize) -> Line {
    let name = format!("── {name} ");
    let dashes = columns.saturating_sub(width(&name));
    Line::styled(format!("{name}{}", "─".repeat(dashes)), DIM)
}

/// Tokens as lines, labelled runs in brackets with the label's key; and the line of the
/// cursor.
fn token_lines(
    tokens: &[String],
    draft: &Draft,
    cursor: usize,
    columns: usize,
) -> (Vec<Line>, usize) {
    let Draft::Spans { spans, anchor, .. } = draft else {
        return (Vec::new(), 0);
    };
    let selected = |at: usize| {
        anchor.is_some_and(|anchor| {
            let anchor = usize::from(anchor);
            (anchor.min(cursor)..=anchor.max(cursor)).contains(&at)
        })
    };
    let mut lines = Vec::new();
    let mut line: Vec<(String, Style)> = Vec::new();
    let mut used = 0;
    let mut cursor_line = 0;
    for (at, token) in tokens.iter().enumerate() {
        let opened: String = spans
            .iter()
            .filter(|span| usize::from(span.start) == at)
            .map(|_| '[')
            .collect();
        let closed: String = spans
            .iter()
            .filter(|span| span.end() as usize == at + 1)
            .flat_map(|span| [']', option_key(span.label.into())])
            .collect();
        let room = columns.saturating_sub(width(&opened) + width(&closed));
        let token = cut(&token.replace('\n', "⏎"), room);
        let taken = width(&token) + width(&opened) + width(&closed);
        if used > 0 && used + 1 + taken > columns {
            lines.push(Line::of(std::mem::take(&mut line)));
            used = 0;
        }
        if used > 0 {
            line.push((" ".to_owned(), PLAIN));
            used += 1;
        }
        let labelled = spans
            .iter()
            .any(|span| (usize::from(span.start)..span.end() as usize).contains(&at));
        let mut style = PLAIN;
        if labelled {
            style.bold = true;
        }
        if selected(at) {
            style.underlined = true;
        }
        if at == cursor {
            style.reversed = true;
            cursor_line = lines.len();
        }
        line.push((opened, PLAIN));
        line.push((token, style));
        line.push((closed, PLAIN));
        used += taken;
    }
    lines.push(Line::of(line));
    (lines, cursor_line)
}

fn option_lines(labeller: &Labeller, columns: usize) -> Vec<Line> {
    let (Mode::Task, Some(task), Some(draft)) =
        (labeller.mode(), labeller.task(), labeller.draft())
    else {
        return Vec::new();
    };
    let name = |at: usize| task.options.get(at).cloned().unwrap_or_default();
    let keyed = |at: usize, chosen: bool, text: String| {
        let mark = if chosen { '●' } else { ' ' };
        (format!("{mark}[{}] {text}", option_key(at)), chosen)
    };
    let cells: Vec<(String, bool)> = match (&labeller.page().ty, draft) {
        (LabelType::Preference, Draft::Choice { chosen, .. }) => {
            let names = ["A is better", "B is better", "a tie", "both are bad"];
            names
                .iter()
                .zip("abtx".chars())
                .zip(0u32..)
                .map(|((name, key), code)| {
                    let chosen = *chosen == Some(code);
                    let mark = if chosen { '●' } else { ' ' };
                    (format!("{mark}[{key}] {name}"), chosen)
                })
                .collect()
        }
        (LabelType::Rating { .. }, Draft::Choice { chosen, typed }) => {
            return scale(&steps(labeller.page()), *chosen, typed, columns)
        }
        (ty, Draft::Choice { chosen, .. }) => {
            let count = options(ty).unwrap_or(0) as usize;
            (0..count)
                .map(|at| keyed(at, *chosen == Some(at as u32), name(at)))
                .collect()
        }
        (_, Draft::Flags { bits, .. }) => (0..task.options.len().min(32))
            .map(|at| keyed(at, bits >> at & 1 == 1, name(at)))
            .collect(),
        (_, Draft::Severities { levels, .. }) => levels
            .iter()
            .enumerate()
            .map(|(at, level)| {
                let word = SEVERITIES.get(usize::from(*level)).copied().unwrap_or("?");
                keyed(at, *level > 0, format!("{word:6} {}", name(at)))
            })
            .collect(),
        (_, Draft::Order { items }) => {
            let order: Vec<String> = items.iter().map(|item| (item + 1).to_string()).collect();
            let text = if order.is_empty() {
                " best first: press the number of the best item".to_owned()
            } else {
                format!(" best first: {}", order.join(" > "))
            };
            return vec![Line::raw(cut(&text, columns))];
        }
        (_, Draft::Spans { spans, .. }) => (0..task.options.len())
            .map(|at| {
                let count = spans
                    .iter()
                    .filter(|span: &&Span| usize::from(span.label) == at)
                    .count();
                let text = match count {
                    0 => name(at),
                    count => format!("{} ×{count}", name(at)),
                };
                keyed(at, count > 0, text)
            })
            .collect(),
    };
    columns_of(&cells, columns)
}

/// Cells side by side, down and then across, in as few columns as eight lines allow.
fn columns_of(cells: &[(String, bool)], columns: usize) -> Vec<Line> {
    if cells.is_empty() {
        return Vec::new();
    }
    let across = cells.len().div_ceil(OPTION_LINES);
    let down = cells.len().div_ceil(across);
    let each = columns / across;
    (0..down)
        .map(|line| {
            let parts: Vec<(String, Style)> = (0..across)
                .filter_map(|column| cells.get(column * down + line))
                .map(|(text, chosen)| {
                    let style = if *chosen { BOLD } else { PLAIN };
                    (fit(text, each), style)
                })
                .collect();
            Line::of(parts)
        })
        .collect()
}

/// The steps of a rating in a row, or in as many as they need.
fn scale(steps: &[i64], chosen: Option<u32>, typed: &str, columns: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for (step, code) in steps.iter().zip(0u32..) {
        let text = if chosen == Some(code) {
            format!(" ●[{step}]")
        } else {
            format!("  [{step}]")
        };
        if width(&line) + width(&text) > columns {
            lines.push(Line::raw(std::mem::take(&mut line)));
        }
        line.push_str(&text);
    }
    lines.push(Line::raw(line));
    let longest = steps.iter().map(|step| step.to_string().len()).max();
    if longest > Some(1) {
        let text = if typed.is_empty() {
            String::new()
        } else {
            format!("  typed: {typed}_")
        };
        lines.push(Line::raw(text));
    }
    lines
}

/// An answer in a few letters.
fn short(page: &Page, task: &Task, draft: &Draft) -> String {
    let ty = &page.ty;
    let Some(answer) = draft.answer(ty) else {
        return "-".into();
    };
    let name = |at: usize| task.options.get(at).cloned().unwrap_or_default();
    match (ty, answer) {
        (LabelType::Preference, Answer::Code(code)) => {
            let words = ["A", "B", "tie", "both bad"];
            words.get(code as usize).copied().unwrap_or("?").to_owned()
        }
        (LabelType::Rating { .. }, Answer::Code(code)) => steps(page)
            .get(code as usize)
            .map_or_else(|| "?".into(), i64::to_string),
        (LabelType::Classification { .. }, Answer::Code(code)) => name(code as usize),
        (LabelType::MultiLabel { flags }, Answer::Code(bits)) => {
            let set: String = (0..usize::from(*flags))
                .filter(|at| bits >> at & 1 == 1)
                .map(option_key)
                .collect();
            if set.is_empty() {
                "none".into()
            } else {
                set
            }
        }
        (LabelType::Safety { .. }, Answer::Code(code)) => Answer::fields(code, 2, ty.flags())
            .into_iter()
            .map(|level| level.to_string())
            .collect(),
        (LabelType::Ranking { items }, Answer::Code(code)) => Answer::fields(code, 3, *items)
            .into_iter()
            .map(|item| (item + 1).to_string())
            .collect::<Vec<_>>()
            .join(">"),
        (_, Answer::Spans(spans)) => format!("{} spans", spans.len()),
        (_, Answer::Code(code)) => code.to_string(),
    }
}

fn review(labeller: &Labeller, columns: usize) -> Vec<Line> {
    let page = labeller.page();
    let each = columns / REVIEW_COLUMNS;
    let answers: Vec<(String, bool)> = page
        .tasks
        .iter()
        .zip(labeller.drafts())
        .enumerate()
        .map(|(at, (task, draft))| {
            let text = format!(" {:>2}  {}", at + 1, short(page, task, draft));
            (fit(&text, each), at == labeller.at())
        })
        .collect();
    let open = page.tasks.len() - labeller.answered();
    let first = match open {
        0 => "All tasks are answered. Submitting is final: a commit cannot be changed.".into(),
        1 => "One task is open.".to_owned(),
        open => format!("{open} tasks are open."),
    };
    let mut lines = vec![
        Line::raw(""),
        Line::raw(cut(&first, columns)),
        Line::raw(""),
    ];
    for row in answers.chunks(REVIEW_COLUMNS) {
        let parts: Vec<(String, Style)> = row
            .iter()
            .map(|(text, here)| {
                let style = if *here { REVERSED } else { PLAIN };
                (text.clone(), style)
            })
            .collect();
        lines.push(Line::of(parts));
    }
    lines
}

fn help(ty: &LabelType) -> String {
    let own = match ty {
        LabelType::Preference => {
            "a  A is better    b  B is better    t  a tie    x  both are bad\n\
             Which text is shown as A is drawn for you."
        }
        LabelType::Rating { .. } => {
            "type a number of the scale; Enter where another digit could follow    ⌫ back"
        }
        LabelType::MultiLabel { .. } => {
            "the keys in brackets switch a flag on and off\n\
             Enter  done, also with no flag at all"
        }
        LabelType::Safety { .. } => {
            "the keys in brackets raise a severity: none, low, medium, high, none\n\
             Enter  done, also with all none"
        }
        LabelType::Ranking { .. } => {
            "1, 2, 3 …  the best item, then the next; the last place fills itself\n\
             ⌫  takes the last one back    The order they are shown in is drawn for you."
        }
        LabelType::Span { .. } => {
            "←→ Home End  to a token    space  begin a selection\n\
             a key in brackets labels the selection, or the token under the cursor\n\
             ⌫  removes the labels under the cursor    Enter  done, also with none"
        }
        _ => "the keys in brackets answer and go on to the next task",
    };
    format!(
        "\n{own}\n\n\
         → Tab  next task    ← Shift-Tab  task before    Enter  next open task\n\
         ↑ ↓ PgUp PgDn  scroll long texts\n\
         Esc  menu: review, skip the page, leave    Ctrl-C  leave\n\n\
         Every key is written to the disk before the next one is read: after a crash \
         the same command goes on where you were."
    )
}

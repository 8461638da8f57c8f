//! Screens of 80 columns and 24 lines, kept as files, and what keys do.
//!
//! `ATHANOR_BLESS=1 cargo test -p athanor-cli labeller` writes the files anew.

use super::{
    draft::Draft,
    keys::Key,
    state::{Effect, Labeller, Mode, Progress, MIN_COLUMNS, MIN_LINES},
    task::{Body, Page, Task},
    view,
    wrap::width,
};
use athanor_label_math::{pack, Answer, LabelType, Span};
use proptest::prelude::*;
use std::path::Path;

const SIZE: (u16, u16) = (80, 24);

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn page(ty: LabelType, tasks: usize, task: impl Fn(usize) -> (Body, Vec<String>)) -> Page {
    Page {
        batch: 12,
        number: 40,
        ty,
        first: 1,
        tasks: (0..tasks)
            .map(|at| {
                let (body, options) = task(at);
                Task {
                    prompt: format!("Question {}: what do you say to this?", at + 1),
                    body,
                    options,
                }
            })
            .collect(),
    }
}

fn classification() -> Page {
    page(LabelType::Classification { classes: 4 }, 8, |_| {
        (
            Body::Text("I waited an hour for my order, and then it was the wrong one.".into()),
            strings(&["praise", "complaint", "question", "something else"]),
        )
    })
}

fn preference() -> Page {
    page(LabelType::Preference, 16, |at| {
        let long = "The sky is blue because air scatters short waves of light more than long \
                    ones, which is why the light that reaches us from all sides is blue. ";
        (
            Body::Pair(
                long.repeat(1 + 2 * (at % 4)),
                "Because it mirrors the sea.".into(),
            ),
            Vec::new(),
        )
    })
}

fn rating(steps: u8, first: i32) -> Page {
    let mut page = page(LabelType::Rating { steps }, 4, |_| {
        (Body::Text("A text to rate.".into()), Vec::new())
    });
    page.first = first;
    page
}

fn multi_label(flags: u8) -> Page {
    page(LabelType::MultiLabel { flags }, 4, |_| {
        let names = (1..=flags)
            .map(|flag| format!("flag number {flag}"))
            .collect();
        (Body::Text("A text with many sides.".into()), names)
    })
}

fn safety() -> Page {
    let weights = [16, 8, 4, 1, 0, 0, 0, 0];
    page(LabelType::Safety { weights, quorum: 2 }, 4, |_| {
        (
            Body::Text("An answer of a model.".into()),
            strings(&["violence", "hate", "self-harm", "bad language"]),
        )
    })
}

fn ranking() -> Page {
    page(LabelType::Ranking { items: 4 }, 4, |_| {
        (
            Body::Items(strings(&[
                "First text.",
                "Second text.",
                "Third text.",
                "Fourth text.",
            ])),
            Vec::new(),
        )
    })
}

fn span() -> Page {
    page(LabelType::Span { tokens: 400 }, 4, |_| {
        let text = "In 1905 Albert Einstein , then a clerk in Bern , published four papers in \
                    the Annalen der Physik .";
        (
            Body::Tokens(text.split(' ').map(str::to_owned).collect()),
            strings(&["person", "place", "date", "work"]),
        )
    })
}

fn all() -> [(&'static str, Page); 8] {
    [
        ("classification", classification()),
        ("preference", preference()),
        ("rating", rating(5, 1)),
        ("rating_wide", rating(32, 0)),
        ("multi_label", multi_label(32)),
        ("safety", safety()),
        ("ranking", ranking()),
        ("span", span()),
    ]
}

fn labeller(page: Page) -> Labeller {
    let mut labeller = Labeller::new(page, SIZE);
    labeller.status.pays = "0.32 AUR".into();
    labeller.status.earned = "1.2 AUR".into();
    labeller.status.left = "1 h 58 min".into();
    labeller
}

fn screen(labeller: &Labeller) -> String {
    let lines = view::draw(labeller);
    let (columns, height) = labeller.size();
    assert_eq!(lines.len(), usize::from(height));
    lines
        .iter()
        .map(|line| {
            let text = line.text();
            assert!(width(&text) <= columns.into(), "{text}");
            assert!(!text.chars().any(char::is_control), "{text:?}");
            format!("{}\n", text.trim_end())
        })
        .collect()
}

fn golden(name: &str, labeller: &Labeller) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/labeller/golden")
        .join(format!("{name}.txt"));
    let found = screen(labeller);
    if std::env::var_os("ATHANOR_BLESS").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap();
    assert_eq!(found, wanted, "{name} looks otherwise:\n{found}");
}

fn press(labeller: &mut Labeller, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for c in keys.chars() {
        let key = match c {
            '>' => Key::Right,
            '<' => Key::Left,
            '\n' => Key::Enter,
            '\t' => Key::Tab,
            '\u{8}' => Key::Backspace,
            '\u{1b}' => Key::Esc,
            c => Key::Char(c),
        };
        effects.extend(labeller.key(key));
    }
    effects
}

fn answer(labeller: &Labeller, task: usize) -> Option<Answer> {
    labeller.drafts()[task].answer(&labeller.page().ty)
}

#[test]
fn each_type_has_its_screen() {
    for (name, page) in all() {
        golden(name, &labeller(page));
    }
}

#[test]
fn answers_are_seen_on_the_screen() {
    for (name, page, keys) in [
        ("classification_chosen", classification(), "2<"),
        ("preference_chosen", preference(), "a<"),
        ("rating_chosen", rating(5, 1), "4<"),
        ("rating_typed", rating(32, 0), "2"),
        ("multi_label_chosen", multi_label(32), "1bv"),
        ("safety_chosen", safety(), "1113"),
        ("ranking_chosen", ranking(), "31"),
        ("span_chosen", span(), ">3> >1>>>>>>>2"),
    ] {
        let mut labeller = labeller(page);
        press(&mut labeller, keys);
        golden(name, &labeller);
    }
}

#[test]
fn menu_help_and_review_have_their_screens() {
    let mut it = labeller(preference());
    press(&mut it, "abtx\u{1b}");
    golden("menu", &it);
    press(&mut it, "s");
    golden("skip", &it);
    press(&mut it, "n\u{1b}r");
    golden("review_open", &it);
    press(&mut it, "\u{1b}h");
    golden("help", &it);
    press(&mut it, "q");
    assert_eq!(it.mode(), Mode::Task);
    press(&mut it, "aaaaaaaaaaaa");
    golden("review", &it);
}

#[test]
fn a_task_answered_leads_to_the_next_open_one_and_the_last_to_the_review() {
    let mut it = labeller(classification());
    assert_eq!(press(&mut it, "1"), [Effect::Save]);
    assert_eq!(it.at(), 1);
    assert_eq!(press(&mut it, ">>"), [Effect::Save; 2]);
    press(&mut it, "3");
    assert_eq!(it.at(), 4);
    press(&mut it, "1111");
    assert_eq!((it.at(), it.answered()), (1, 6));
    press(&mut it, "44");
    assert_eq!(it.mode(), Mode::Review);
    assert_eq!(it.answered(), 8);
    assert_eq!(press(&mut it, "s"), [Effect::Save, Effect::Submit]);
    let codes = [0, 3, 3, 2, 0, 0, 0, 0].map(Answer::Code);
    assert_eq!(it.answers().unwrap(), codes);
}

#[test]
fn an_incomplete_page_cannot_be_submitted() {
    let mut it = labeller(classification());
    press(&mut it, "111\u{1b}r");
    assert_eq!(it.mode(), Mode::Review);
    assert_eq!(press(&mut it, "s"), []);
    assert_eq!(it.answers(), None);
    press(&mut it, "\n");
    assert_eq!((it.mode(), it.at()), (Mode::Task, 3));
}

#[test]
fn an_answer_can_be_changed_until_it_is_submitted() {
    let mut it = labeller(rating(5, 1));
    press(&mut it, "1234");
    assert_eq!(it.mode(), Mode::Review);
    it.key(Key::Home);
    it.key(Key::Right);
    press(&mut it, " ");
    assert_eq!((it.mode(), it.at()), (Mode::Task, 1));
    press(&mut it, "5");
    assert_eq!(it.mode(), Mode::Review);
    assert_eq!(it.answers().unwrap(), [0, 4, 2, 3].map(Answer::Code));
}

#[test]
fn skipping_asks_first_and_leaving_keeps_the_answers() {
    let mut it = labeller(classification());
    assert_eq!(press(&mut it, "\u{1b}sn"), []);
    assert_eq!(it.mode(), Mode::Task);
    assert_eq!(press(&mut it, "\u{1b}sy"), [Effect::Skip]);
    let mut it = labeller(classification());
    assert_eq!(press(&mut it, "\u{1b}q"), [Effect::Save, Effect::Leave]);
    assert_eq!(it.key(Key::Interrupt), [Effect::Save, Effect::Leave]);
}

#[test]
fn ratings_of_two_digits_wait_for_the_second() {
    let mut it = labeller(rating(32, 0));
    press(&mut it, "4");
    assert_eq!(
        answer(&it, 0),
        Some(Answer::Code(4)),
        "nothing else begins with 4"
    );
    press(&mut it, "2");
    assert_eq!(answer(&it, 1), None);
    press(&mut it, "7");
    assert_eq!(answer(&it, 1), Some(Answer::Code(27)));
    press(&mut it, "2\n");
    assert_eq!(answer(&it, 2), Some(Answer::Code(2)));
    press(&mut it, "3\u{8}19");
    assert_eq!(answer(&it, 3), Some(Answer::Code(19)));
    let mut it = labeller(rating(7, -3));
    press(&mut it, "-2");
    assert_eq!(answer(&it, 0), Some(Answer::Code(1)));
    assert_eq!(press(&mut it, "9"), []);
}

#[test]
fn flags_switch_and_an_empty_set_is_an_answer() {
    let mut it = labeller(multi_label(3));
    assert_eq!(press(&mut it, "4"), [], "there is no fourth flag");
    press(&mut it, "13");
    assert_eq!(answer(&it, 0), None);
    press(&mut it, "1\n");
    assert_eq!(answer(&it, 0), Some(Answer::Code(0b100)));
    press(&mut it, "\n");
    assert_eq!(answer(&it, 1), Some(Answer::Code(0)));
}

#[test]
fn severities_go_round() {
    let mut it = labeller(safety());
    press(&mut it, "1222233\n");
    assert_eq!(answer(&it, 0), Some(Answer::safety(&[1, 0, 2, 0])));
}

#[test]
fn the_last_place_of_a_ranking_fills_itself() {
    let mut it = labeller(ranking());
    press(&mut it, "3");
    assert_eq!(press(&mut it, "3"), [], "an item has one place");
    press(&mut it, "1\u{8}41");
    assert_eq!(answer(&it, 0), Some(Answer::ranking(&[2, 3, 0, 1])));
    press(&mut it, "<\u{8}");
    assert_eq!(answer(&it, 0), None, "back to a choice");
    press(&mut it, "2");
    assert_eq!(answer(&it, 0), Some(Answer::ranking(&[2, 3, 1, 0])));
}

#[test]
fn spans_are_marked_joined_and_removed() {
    let spans = |it: &Labeller| match &it.drafts()[0] {
        Draft::Spans { spans, .. } => spans.clone(),
        other => panic!("{other:?}"),
    };
    let at = |label, start, len| Span { label, start, len };
    let mut it = labeller(span());
    press(&mut it, ">>1>1");
    assert_eq!(spans(&it), [at(0, 2, 1), at(0, 3, 1)]);
    press(&mut it, " << 1");
    assert_eq!(spans(&it), [at(0, 1, 1), at(0, 2, 1), at(0, 3, 1)]);
    press(&mut it, " >>1");
    assert_eq!(spans(&it), [at(0, 1, 3)]);
    press(&mut it, "2");
    assert_eq!(spans(&it), [at(0, 1, 3), at(1, 3, 1)], "labels may overlap");
    press(&mut it, "<<\u{8}");
    assert_eq!(spans(&it), [at(1, 3, 1)]);
    assert_eq!(press(&mut it, "9"), [], "there is no ninth label");
    press(&mut it, "\n");
    assert_eq!(answer(&it, 0), Some(Answer::Spans(vec![at(1, 3, 1)])));
    assert_eq!(it.at(), 1);
}

#[test]
fn long_texts_scroll_and_stop_at_their_end() {
    let mut it = labeller(preference());
    press(&mut it, ">>>");
    let first = screen(&it);
    for _ in 0..50 {
        it.key(Key::Down);
    }
    let last = screen(&it);
    assert_ne!(first, last);
    assert!(last.contains("Because it mirrors the sea."), "{last}");
    it.key(Key::Down);
    assert_eq!(screen(&it), last);
    for _ in 0..50 {
        it.key(Key::PageUp);
    }
    assert_eq!(screen(&it), first);
}

#[test]
fn the_cursor_of_spans_stays_in_sight() {
    let mut page = span();
    page.tasks[0].body = Body::Tokens((0..400).map(|n| format!("token{n}")).collect());
    let mut it = labeller(page);
    it.key(Key::End);
    assert!(screen(&it).contains("token399"));
    it.key(Key::Home);
    assert!(screen(&it).contains("token0 "));
}

#[test]
fn a_small_terminal_is_told_so_and_keys_do_nothing_then() {
    let mut it = labeller(classification());
    it.resize((MIN_COLUMNS - 1, MIN_LINES));
    assert!(it.too_small());
    assert_eq!(press(&mut it, "1\u{1b}"), []);
    assert_eq!(it.answered(), 0);
    let shown = screen(&it).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains("needs at least 60 and 20"), "{shown}");
    assert_eq!(it.key(Key::Interrupt), [Effect::Save, Effect::Leave]);
    it.resize((MIN_COLUMNS, MIN_LINES));
    press(&mut it, "1");
    assert_eq!(it.answered(), 1);
}

#[test]
fn progress_is_resumed_and_foreign_drafts_are_not() {
    let mut it = labeller(classification());
    press(&mut it, "123");
    let kept = serde_json::to_string(&it.progress()).unwrap();
    let progress: Progress = serde_json::from_str(&kept).unwrap();
    let mut again = labeller(classification());
    again.resume(progress.clone());
    assert_eq!(again.drafts(), it.drafts());
    assert_eq!(again.at(), 3);
    // Another type's drafts, too many of them, and a place behind the end.
    let mut other = labeller(rating(2, 1));
    other.resume(Progress { at: 99, ..progress });
    assert_eq!(other.answered(), 2, "codes 0 and 1 exist there, 2 does not");
    assert_eq!(other.at(), 3);
    let mut spans = labeller(span());
    spans.resume(Progress {
        at: 0,
        drafts: vec![Draft::Spans {
            spans: vec![Span {
                label: 0,
                start: 300,
                len: 5,
            }],
            cursor: 300,
            anchor: None,
            done: true,
        }],
    });
    assert_eq!(spans.answered(), 0, "the text has no 300 tokens");
}

fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![
        8 => prop::char::range(' ', '~').prop_map(Key::Char),
        1 => any::<char>().prop_map(Key::Char),
        4 => prop::sample::select(vec![
            Key::Enter, Key::Esc, Key::Tab, Key::BackTab, Key::Left, Key::Right, Key::Up,
            Key::Down, Key::PageUp, Key::PageDown, Key::Home, Key::End, Key::Backspace,
            Key::Delete,
        ]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever is pressed on whatever terminal: nothing panics, what is saved is resumed
    /// to the same, each change is saved, and a submitted page packs into a sheet.
    #[test]
    fn no_key_does_harm(
        kind in 0usize..8,
        keys in prop::collection::vec(any_key(), 0..120),
        columns in 20u16..140,
        lines in 5u16..50,
    ) {
        let page = all()[kind].1.clone();
        let ty = page.ty;
        let mut it = labeller(page.clone());
        it.resize((columns, lines));
        let mut saved = it.progress().drafts;
        for key in keys {
            let effects = it.key(key);
            if effects.contains(&Effect::Save) {
                saved = it.progress().drafts;
            }
            let answers = |drafts: &[Draft]| {
                drafts.iter().map(|draft| draft.answer(&ty)).collect::<Vec<_>>()
            };
            prop_assert_eq!(answers(&saved), answers(it.drafts()));
            if effects.contains(&Effect::Submit) {
                let sheet = pack(&ty, &it.answers().unwrap());
                prop_assert!(sheet.is_ok(), "{:?}", sheet);
            }
            screen(&it);
        }
        let mut again = labeller(page);
        again.resume(it.progress());
        prop_assert_eq!(again.drafts(), it.drafts());
    }
}

//! Prompts as plain text: whatever a requester wrote, a terminal or page that shows the
//! result shows it and does nothing else.

/// Most combining marks kept in a row; more of them paint over other lines.
const MOST_MARKS: usize = 4;

/// The text without terminal escape sequences, control characters, marks of direction,
/// invisible formatting and tag characters.
///
/// Line ends become `\n` and tabs four spaces. The result holds no control character but
/// `\n`, and cleaning it again changes nothing.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut marks = 0;
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            '\n' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            '\t' => out.push_str("    "),
            '\u{1b}' => skip_escape(&mut chars),
            '\u{9b}' => skip_control_sequence(&mut chars),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => skip_string(&mut chars),
            c if c.is_control() || is_invisible(c) => {}
            c if is_combining(c) => {
                marks += 1;
                if marks <= MOST_MARKS {
                    out.push(c);
                }
            }
            c => {
                marks = 0;
                out.push(c);
            }
        }
    }
    out
}

/// The text on one line, for tables and titles: cleaned, line ends and runs of spaces
/// become one space.
pub fn one_line(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// What follows ESC: the sequences of ECMA-48.
fn skip_escape(chars: &mut Chars<'_>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            skip_control_sequence(chars);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            chars.next();
            skip_string(chars);
        }
        Some(' '..='/') => {
            while chars.next_if(|c| (' '..='/').contains(c)).is_some() {}
            chars.next_if(|c| ('0'..='~').contains(c));
        }
        Some('0'..='~') => {
            chars.next();
        }
        _ => {}
    }
}

/// Parameters, intermediates and the final byte of a control sequence.
fn skip_control_sequence(chars: &mut Chars<'_>) {
    while chars.next_if(|c| (' '..='?').contains(c)).is_some() {}
    chars.next_if(|c| ('@'..='~').contains(c));
}

/// A command string up to its terminator, or up to the end of the line: an unterminated
/// one must not swallow the prompt.
fn skip_string(chars: &mut Chars<'_>) {
    while let Some(c) = chars.next_if(|c| *c != '\n') {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                chars.next_if(|c| *c == '\\');
                return;
            }
            _ => {}
        }
    }
}

/// Characters without a glyph that reorder, hide or carry text. Joiners stay: scripts and
/// emoji need them.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'
        | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

fn is_combining(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn terminal_escapes_do_not_get_through() {
        for (input, wanted) in [
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}[2J\u{1b}[Hgone", "gone"),
            ("\u{1b}]0;title\u{7}x", "x"),
            (
                "\u{1b}]8;;http://evil\u{1b}\\link\u{1b}]8;;\u{1b}\\",
                "link",
            ),
            ("\u{1b}]52;c;cm0gLXJm\u{7}paste", "paste"),
            ("\u{1b}Pq#0;2\u{1b}\\dcs", "dcs"),
            ("\u{9b}5mc1\u{9d}0;t\u{9c}!", "c1!"),
            ("\u{1b}(0charset\u{1b}cfull reset", "charsetfull reset"),
            ("a\u{8}\u{8}b\u{7f}c\u{0}d", "abcd"),
            ("\u{1b}", ""),
            ("\u{1b}[", ""),
            ("\u{1b}]0;never ends\nnext line", "\nnext line"),
            ("\u{1b}\u{1b}[1mx", "x"),
        ] {
            assert_eq!(clean(input), wanted, "{input:?}");
        }
    }

    #[test]
    fn text_cannot_be_reordered_or_hidden() {
        assert_eq!(clean("pay \u{202e}001\u{202c} now"), "pay 001 now");
        assert_eq!(clean("\u{2067}a\u{2069}\u{200f}b\u{61c}"), "ab");
        assert_eq!(clean("a\u{200b}b\u{feff}c\u{e0041}d"), "abcd");
        let piled = format!("e{}", "\u{301}".repeat(50));
        assert_eq!(clean(&piled).chars().count(), 1 + MOST_MARKS);
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in [
            "Which answer is better?\nA or B",
            "naïve café — “quotes” …",
            "日本語 עברית العربية हिन्दी",
            "👩\u{200d}👩\u{200d}👧 क्\u{200d}ष",
        ] {
            assert_eq!(clean(text), text);
        }
        assert_eq!(clean("a\r\nb\rc\td"), "a\nb\nc    d");
        assert_eq!(one_line(" a\r\n\tb  c\n"), "a b c");
    }

    proptest! {
        #[test]
        fn nothing_that_controls_is_left(text in "(\\PC|[\u{0}-\u{9f}]|\u{1b}[\\[\\]P(]|\u{202e}){0,64}") {
            let cleaned = clean(&text);
            prop_assert!(cleaned.chars().all(|c| c == '\n' || !c.is_control()));
            let reordered = cleaned.contains('\u{202e}');
            prop_assert!(!reordered);
            prop_assert_eq!(clean(&cleaned), cleaned);
        }
    }
}

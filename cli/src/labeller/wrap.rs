//! Folding text to columns of a terminal.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Columns a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text folded to lines of at most `columns` columns, at spaces where there are any.
/// Line ends of the text stay; no line is lost, an empty text is one empty line.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        let mut used = 0;
        for word in paragraph.split_word_bounds() {
            let taken = word.width();
            if used + taken <= columns {
                line.push_str(word);
                used += taken;
                continue;
            }
            if word.chars().all(char::is_whitespace) {
                // A space at the end of a line is the line's end.
                lines.push(std::mem::take(&mut line));
                used = 0;
                continue;
            }
            if taken <= columns {
                // `trim_end` so that a line never ends in the space before the fold.
                lines.push(line.trim_end().to_owned());
                line = word.to_owned();
                used = taken;
                continue;
            }
            for part in word.graphemes(true) {
                let taken = part.width();
                if used + taken > columns {
                    lines.push(std::mem::take(&mut line));
                    used = 0;
                }
                line.push_str(part);
                used += taken;
            }
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// The text cut to `columns` columns; what is cut is shown by `…`.
pub fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for part in text.graphemes(true) {
        let taken = part.width();
        if used + taken + 1 > columns {
            break;
        }
        out.push_str(part);
        used += taken;
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// The text cut or filled with spaces to exactly `columns` columns.
pub fn fit(text: &str, columns: usize) -> String {
    let mut out = cut(text, columns);
    let used = out.width();
    out.extend(std::iter::repeat_n(' ', columns.saturating_sub(used)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_is_folded_at_spaces_and_long_words_anywhere() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("a\n\nb", 5), ["a", "", "b"]);
        assert_eq!(wrap("", 5), [""]);
        assert_eq!(wrap("日本語です", 4), ["日本", "語で", "す"]);
    }

    #[test]
    fn text_is_cut_to_columns_and_filled() {
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(fit("ab", 4), "ab  ");
        assert_eq!(fit("日本語", 4), "日… ");
        assert_eq!(cut("ab", 0), "");
    }

    proptest! {
        #[test]
        fn no_line_is_too_long_and_no_letter_is_lost(text in "[a-zé日\u{301} \n]{0,80}", columns in 2usize..20) {
            let lines = wrap(&text, columns);
            prop_assert!(lines.iter().all(|line| width(line) <= columns), "{lines:?}");
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}

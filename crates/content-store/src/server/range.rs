/// Bytes `start..end` of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) end: u64,
}

/// What a `Range` header asks for (RFC 9110, section 14.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Everything: the header is malformed, or of a kind that may be ignored.
    Whole,
    Part(Span),
    /// Nothing of the range exists.
    Outside,
}

pub(super) fn parse(value: &[u8], len: u64) -> Asked {
    let Some(text) = std::str::from_utf8(value).ok() else {
        return Asked::Whole;
    };
    let Some((unit, range)) = text.split_once('=') else {
        return Asked::Whole;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") || range.contains(',') {
        return Asked::Whole;
    }
    let Some((first, last)) = range.trim().split_once('-') else {
        return Asked::Whole;
    };
    let span = match (number(first), number(last)) {
        (None, Some(count)) if first.is_empty() => Span {
            start: len.saturating_sub(count),
            end: len,
        },
        (Some(start), None) if last.is_empty() => Span { start, end: len },
        (Some(start), Some(last)) if start <= last => Span {
            start,
            end: last.saturating_add(1).min(len),
        },
        _ => return Asked::Whole,
    };
    if span.start < span.end {
        Asked::Part(span)
    } else {
        Asked::Outside
    }
}

/// Digits only: `parse` alone would take a sign.
fn number(text: &str) -> Option<u64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_understood() {
        let part = |start, end| Asked::Part(Span { start, end });
        for (value, asked) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=2-4", part(2, 5)),
            ("Bytes=2-", part(2, 10)),
            ("bytes=2-99", part(2, 10)),
            ("bytes=-3", part(7, 10)),
            ("bytes=-99", part(0, 10)),
            ("bytes=9-18446744073709551615", part(9, 10)),
        ] {
            assert_eq!(parse(value.as_bytes(), 10), asked, "{value}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_header_leads_outside_of_the_blob(
            value in proptest::prop_oneof![
                "bytes=[0-9]{0,20}-[0-9]{0,20}",
                "[bytes=0-9, -]{0,30}",
                ".{0,30}",
            ],
            len: u64,
        ) {
            if let Asked::Part(span) = parse(value.as_bytes(), len) {
                proptest::prop_assert!(span.start < span.end && span.end <= len);
            }
        }
    }

    #[test]
    fn a_range_past_the_end_is_outside() {
        for value in ["bytes=10-", "bytes=10-12", "bytes=-0"] {
            assert_eq!(parse(value.as_bytes(), 10), Asked::Outside, "{value}");
        }
        assert_eq!(parse(b"bytes=0-", 0), Asked::Outside);
    }

    #[test]
    fn malformed_and_several_ranges_are_ignored() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-2",
            "bytes=a-b",
            "bytes=+1-2",
            "lines=1-2",
            "bytes=0-1,3-4",
            "bytes=1--2",
            "bytes=99999999999999999999-",
        ] {
            assert_eq!(parse(value.as_bytes(), 10), Asked::Whole, "{value}");
        }
        assert_eq!(parse(b"bytes=\xff-", 10), Asked::Whole);
    }
}

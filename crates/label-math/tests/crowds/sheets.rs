//! Canonical bytes of every type.

use crate::crowd::{any_type, config, Dice};
use athanor_label_math::{
    check_answer, check_sheet, is_right, kappa, kappa_of, pack, pack_answer, unpack, unpack_answer,
    Answer, LabelType, SheetError, Span, TypeError, ONE,
};
use codec::{Decode, Encode};
use proptest::prelude::*;

const SAFETY: LabelType = LabelType::Safety {
    weights: [16, 1, 1, 0, 0, 0, 0, 0],
    quorum: 2,
};

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn answers_come_back_from_their_sheet(ty in any_type(), tasks in 1u8..=32, seed in any::<u64>()) {
        let tasks = tasks.min(ty.max_tasks());
        let mut dice = Dice(seed);
        let answers: Vec<Answer> = (0..tasks).map(|_| dice.answer(&ty)).collect();
        let sheet = pack(&ty, &answers).unwrap();
        prop_assert!(sheet.len() <= ty.max_sheet(tasks) as usize);
        prop_assert!(sheet.len() <= 1_024);
        prop_assert_eq!(unpack(&ty, tasks, &sheet).unwrap(), answers.clone());
        for answer in &answers {
            let alone = pack_answer(&ty, answer).unwrap();
            check_answer(&ty, &alone).unwrap();
            prop_assert_eq!(&unpack_answer(&ty, &alone).unwrap(), answer);
        }
        let mut longer = sheet.clone();
        longer.push(0);
        prop_assert_eq!(check_sheet(&ty, tasks, &longer), Err(SheetError::Length));
        prop_assert_eq!(
            check_sheet(&ty, tasks, &sheet[..sheet.len() - 1]),
            Err(SheetError::Length)
        );
    }

    #[test]
    fn bytes_that_pass_are_the_only_ones_of_their_answers(
        ty in any_type(),
        tasks in 1u8..=8,
        seed in any::<u64>(),
        at in any::<prop::sample::Index>(),
        flip in 1u8..,
    ) {
        let mut dice = Dice(seed);
        let answers: Vec<Answer> = (0..tasks).map(|_| dice.answer(&ty)).collect();
        let mut sheet = pack(&ty, &answers).unwrap();
        let at = at.index(sheet.len());
        sheet[at] ^= flip;
        if let Ok(other) = unpack(&ty, tasks, &sheet) {
            prop_assert_ne!(&other, &answers);
            prop_assert_eq!(pack(&ty, &other).unwrap(), sheet);
        }
    }

    #[test]
    fn kappa_is_symmetric_and_full_for_equals(ty in any_type(), seed in any::<u64>()) {
        let mut dice = Dice(seed);
        let (a, b) = (dice.answer(&ty), dice.answer(&ty));
        prop_assert_eq!(kappa_of(&ty, &a, &a).unwrap(), ONE);
        let there = kappa_of(&ty, &a, &b).unwrap();
        prop_assert_eq!(there, kappa_of(&ty, &b, &a).unwrap());
        prop_assert!(there <= ONE);
        if a != b {
            let split = matches!(ty, LabelType::Span { .. });
            prop_assert!(there < ONE || split);
        }
    }

    #[test]
    fn types_come_back_from_their_bytes(ty in any_type()) {
        prop_assert_eq!(LabelType::decode(&mut &ty.encode()[..]).unwrap(), ty);
        prop_assert_eq!(ty.check(), Ok(()));
        prop_assert_eq!(ty.check_tasks(3), Err(TypeError::Tasks));
        prop_assert_eq!(ty.check_tasks(ty.max_tasks() + 1), Err(TypeError::Tasks));
        prop_assert_eq!(ty.check_tasks(ty.max_tasks()), Ok(()));
    }
}

/// Of all byte strings of the right length exactly the answers' own pass.
#[test]
fn as_many_byte_strings_pass_as_there_are_sheets() {
    let two_bytes = |ty: LabelType, tasks: u8| {
        (0..=u16::MAX)
            .filter(|bytes| check_sheet(&ty, tasks, &bytes.to_le_bytes()).is_ok())
            .count()
    };
    let class = |classes| LabelType::Classification { classes };
    assert_eq!(two_bytes(class(2), 9), 512);
    assert_eq!(two_bytes(class(3), 8), 6_561);
    assert_eq!(two_bytes(class(5), 4), 625);
    assert_eq!(two_bytes(class(9), 3), 729);
    assert_eq!(two_bytes(LabelType::Preference, 7), 1 << 14);
    assert_eq!(two_bytes(LabelType::Rating { steps: 17 }, 3), 4_913);
    assert_eq!(two_bytes(LabelType::MultiLabel { flags: 5 }, 3), 1 << 15);
    assert_eq!(two_bytes(SAFETY, 2), 1 << 12);
    assert_eq!(two_bytes(LabelType::Ranking { items: 3 }, 1), 6);
    assert_eq!(two_bytes(LabelType::Ranking { items: 4 }, 1), 24);
    assert_eq!(two_bytes(LabelType::Ranking { items: 5 }, 1), 120);
    assert_eq!(two_bytes(LabelType::Span { tokens: 9 }, 2), 1);
}

#[test]
fn task_zero_comes_first_and_the_low_bit_of_a_byte_too() {
    let class = LabelType::Classification { classes: 2 };
    let codes = [0, 1, 1, 0, 1, 0, 0, 1, 1].map(Answer::Code);
    assert_eq!(pack(&class, &codes).unwrap(), [0b1001_0110, 1]);
    let rating = LabelType::Rating { steps: 5 };
    let codes = [4, 1, 3, 2].map(Answer::Code);
    assert_eq!(pack(&rating, &codes).unwrap(), [0b1100_1100, 0b0100]);
    let flags = LabelType::MultiLabel { flags: 32 };
    assert_eq!(
        pack_answer(&flags, &Answer::Code(0x8000_0001)).unwrap(),
        [1, 0, 0, 0x80]
    );
    let ranking = LabelType::Ranking { items: 3 };
    assert_eq!(
        pack_answer(&ranking, &Answer::ranking(&[2, 0, 1])).unwrap(),
        [0b0100_0010, 0]
    );
    assert_eq!(
        pack_answer(&SAFETY, &Answer::safety(&[3, 0, 1])).unwrap(),
        [0b01_0011]
    );
    let spans = LabelType::Span { tokens: 1_000 };
    let span = Span {
        label: 7,
        start: 0x102,
        len: 3,
    };
    assert_eq!(
        pack_answer(&spans, &Answer::Spans(vec![span])).unwrap(),
        [1, 7, 2, 1, 3, 0]
    );
}

#[test]
fn malformed_sheets_are_named() {
    use SheetError::*;
    let class = |classes| LabelType::Classification { classes };
    let spans = LabelType::Span { tokens: 20 };
    let cases: [(LabelType, u8, &[u8], SheetError); 27] = [
        (class(2), 4, &[], Length),
        (class(2), 4, &[0, 0], Length),
        (class(2), 4, &[0x10], Padding),
        (class(2), 0, &[], Tasks),
        (class(2), 33, &[0; 5], Tasks),
        (class(3), 4, &[0b11], Code),
        (class(17), 4, &[0; 3], Type(TypeError::Classes)),
        (LabelType::Preference, 5, &[0xff, 4], Padding),
        (LabelType::Rating { steps: 5 }, 4, &[5, 0], Code),
        (LabelType::Rating { steps: 5 }, 4, &[0, 0x10], Padding),
        (LabelType::MultiLabel { flags: 3 }, 2, &[0x40], Padding),
        (SAFETY, 1, &[0x40], Padding),
        (SAFETY, 1, &[], Length),
        (LabelType::Ranking { items: 3 }, 1, &[0, 0], Permutation),
        (
            LabelType::Ranking { items: 3 },
            1,
            &[0b1100_1000, 0],
            Permutation,
        ),
        (
            LabelType::Ranking { items: 3 },
            1,
            &[0b1000_1000, 2],
            Padding,
        ),
        (spans, 1, &[], Length),
        (spans, 1, &[1, 0, 0, 0, 1], Length),
        (spans, 1, &[17], SpanCount),
        (spans, 9, &[0; 9], Tasks),
        (spans, 1, &[1, 0, 0, 0, 0, 0], SpanEmpty),
        (spans, 1, &[1, 0, 20, 0, 1, 0], SpanEnd),
        (spans, 1, &[1, 0, 255, 255, 255, 255], SpanEnd),
        (spans, 1, &[2, 0, 4, 0, 2, 0, 0, 5, 0, 1, 0], SpanOverlap),
        (spans, 1, &[2, 0, 4, 0, 2, 0, 0, 4, 0, 1, 0], SpanOrder),
        (spans, 1, &[2, 1, 4, 0, 2, 0, 0, 9, 0, 1, 0], SpanOrder),
        (LabelType::Text, 4, &[0; 144], Type(TypeError::TextReserved)),
    ];
    for (ty, tasks, sheet, error) in cases {
        assert_eq!(
            check_sheet(&ty, tasks, sheet),
            Err(error),
            "{ty:?} {tasks} {sheet:?}"
        );
    }
    check_sheet(&spans, 1, &[2, 0, 4, 0, 2, 0, 1, 5, 0, 1, 0]).unwrap();
    check_sheet(&spans, 1, &[2, 0, 4, 0, 2, 0, 0, 6, 0, 14, 0]).unwrap();
}

#[test]
fn answers_that_can_not_be_packed_are_named() {
    let ranking = LabelType::Ranking { items: 3 };
    let spans = LabelType::Span { tokens: 20 };
    let code = Answer::Code(0);
    assert_eq!(
        pack_answer(&ranking, &Answer::ranking(&[0, 1, 1])),
        Err(SheetError::Permutation)
    );
    assert_eq!(
        pack_answer(&ranking, &Answer::ranking(&[0, 1, 2, 3])),
        Err(SheetError::Code)
    );
    assert_eq!(pack_answer(&spans, &code), Err(SheetError::Kind));
    assert_eq!(
        pack_answer(&LabelType::Preference, &Answer::Spans(vec![])),
        Err(SheetError::Kind)
    );
    assert_eq!(
        pack_answer(&LabelType::Preference, &Answer::Code(4)),
        Err(SheetError::Code)
    );
    assert_eq!(
        pack_answer(&SAFETY, &Answer::safety(&[0, 0, 4])),
        Err(SheetError::Code)
    );
    assert_eq!(pack(&LabelType::Preference, &[]), Err(SheetError::Tasks));
    let many = vec![code; 33];
    assert_eq!(pack(&LabelType::Preference, &many), Err(SheetError::Tasks));
}

#[test]
fn types_out_of_bounds_are_named() {
    let safety = |weights, quorum| LabelType::Safety { weights, quorum };
    for (ty, error) in [
        (LabelType::Classification { classes: 1 }, TypeError::Classes),
        (
            LabelType::Classification { classes: 17 },
            TypeError::Classes,
        ),
        (LabelType::Rating { steps: 1 }, TypeError::Steps),
        (LabelType::Rating { steps: 33 }, TypeError::Steps),
        (LabelType::MultiLabel { flags: 0 }, TypeError::Flags),
        (LabelType::MultiLabel { flags: 33 }, TypeError::Flags),
        (safety([0; 8], 1), TypeError::Flags),
        (safety([17, 0, 0, 0, 0, 0, 0, 0], 1), TypeError::Weights),
        (safety([1, 0, 1, 0, 0, 0, 0, 0], 1), TypeError::Weights),
        (safety([1; 8], 0), TypeError::Quorum),
        (safety([1; 8], 10), TypeError::Quorum),
        (LabelType::Ranking { items: 2 }, TypeError::Items),
        (LabelType::Ranking { items: 9 }, TypeError::Items),
        (LabelType::Span { tokens: 0 }, TypeError::Tokens),
        (LabelType::Text, TypeError::TextReserved),
    ] {
        assert_eq!(ty.check(), Err(error), "{ty:?}");
        assert_eq!(ty.check_tasks(4), Err(error));
    }
}

/// Storage and metadata depend on them.
#[test]
fn the_indices_of_types_are_fixed() {
    let types = [
        LabelType::Classification { classes: 2 },
        LabelType::Preference,
        LabelType::Rating { steps: 2 },
        LabelType::MultiLabel { flags: 1 },
        SAFETY,
        LabelType::Ranking { items: 3 },
        LabelType::Span { tokens: 1 },
        LabelType::Text,
    ];
    for (index, ty) in (0u8..).zip(types) {
        assert_eq!(ty.encode()[0], index);
    }
}

#[test]
fn kernels_by_hand() {
    let of =
        |ty: &LabelType, a: u32, b: u32| kappa_of(ty, &Answer::Code(a), &Answer::Code(b)).unwrap();
    let pair = LabelType::Preference;
    assert_eq!(of(&pair, 0, 1), 0);
    assert_eq!(of(&pair, 0, 2), 32_768);
    assert_eq!(of(&pair, 2, 1), 32_768);
    assert_eq!(of(&pair, 2, 3), 0);
    assert_eq!(of(&pair, 3, 0), 0);
    let rating = LabelType::Rating { steps: 4 };
    assert_eq!(of(&rating, 0, 1), 65_536 - 21_845);
    assert_eq!(of(&rating, 3, 0), 0);
    let flags = LabelType::MultiLabel { flags: 3 };
    assert_eq!(of(&flags, 0, 0), ONE);
    assert_eq!(of(&flags, 0, 1), 0);
    assert_eq!(of(&flags, 0b011, 0b110), 21_845);
    let severity =
        |a: &[u8], b: &[u8]| kappa_of(&SAFETY, &Answer::safety(a), &Answer::safety(b)).unwrap();
    assert_eq!(severity(&[0, 0, 0], &[0, 0, 0]), ONE);
    assert_eq!(severity(&[3, 0, 1], &[1, 2, 1]), 65_536 * 17 / 51);
    let order = LabelType::Ranking { items: 3 };
    let ranking =
        |a: &[u8], b: &[u8]| kappa_of(&order, &Answer::ranking(a), &Answer::ranking(b)).unwrap();
    assert_eq!(ranking(&[0, 1, 2], &[2, 1, 0]), 0);
    assert_eq!(ranking(&[0, 1, 2], &[1, 0, 2]), 65_536 - 21_845);
    let tokens = LabelType::Span { tokens: 20 };
    let span = |label, start, len| Span { label, start, len };
    let spans = |a: Vec<Span>, b: Vec<Span>| {
        kappa_of(&tokens, &Answer::Spans(a), &Answer::Spans(b)).unwrap()
    };
    assert_eq!(spans(vec![], vec![]), ONE);
    assert_eq!(spans(vec![span(0, 0, 4)], vec![]), 0);
    assert_eq!(spans(vec![span(0, 0, 4)], vec![span(1, 0, 4)]), 0);
    assert_eq!(
        spans(vec![span(0, 0, 4), span(0, 6, 2)], vec![span(0, 2, 6)]),
        131_072 * 4 / 12
    );
}

#[test]
fn gold_is_right_from_the_mark_on() {
    let rating = LabelType::Rating { steps: 5 };
    assert!(is_right(&rating, &[3], &[4]).unwrap());
    assert!(!is_right(&rating, &[2], &[4]).unwrap());
    let pair = LabelType::Preference;
    assert!(!is_right(&pair, &[2], &[0]).unwrap());
    assert!(is_right(&pair, &[2], &[2]).unwrap());
    assert_eq!(kappa(&pair, &[2], &[4]), Err(SheetError::Padding));
}

use crate::memory;
use athanor_label_math::{
    check_sheet, consensus, pack, pay, rank, score_page, unpack, BatchSums, Gold, Hist, LabelType,
    ScoreTerms, MAX_PRICE, MAX_SHEET,
};
use codec::Decode;

const ROOM: usize = 1 << 20;

/// Reads answer sheets of any type and scores a page of them: a sheet that is canonical is the only
/// one of its answers, and nobody is paid more than the price.
///
/// An input is a type in SCALE; tasks, sheets, gold's position, length of a sheet (2 bytes); the
/// sheets; gold.
pub fn sheet(data: &[u8]) {
    let mut input = data;
    let Ok(ty) = LabelType::decode(&mut input) else {
        return;
    };
    let [tasks, panel, position, low, high, rest @ ..] = input else {
        return;
    };
    let (tasks, panel) = (*tasks, usize::from(panel % 11));
    memory::within(ROOM, || {
        let len = usize::from(u16::from_le_bytes([*low, *high])).max(1);
        let (sheets, gold) = rest.split_at(rest.len().min(len * panel));
        let sheets: Vec<&[u8]> = sheets.chunks(len).collect();
        for sheet in &sheets {
            let checked = check_sheet(&ty, tasks, sheet);
            match unpack(&ty, tasks, sheet) {
                Ok(answers) => {
                    assert_eq!(checked, Ok(()));
                    assert_eq!(ty.check(), Ok(()));
                    assert!(sheet.len() <= MAX_SHEET as usize);
                    assert_eq!(answers.len(), usize::from(tasks));
                    assert_eq!(pack(&ty, &answers).as_deref(), Ok(*sheet));
                }
                Err(error) => assert_eq!(checked, Err(error)),
            }
        }
        let item = Gold {
            position: *position,
            answer: gold,
            void: false,
        };
        for gold in [&[][..], &[item]] {
            let Ok(page) = score_page(&ty, tasks, &sheets, gold) else {
                continue;
            };
            let mut batch = BatchSums::default();
            batch.add(&page.batch).expect("one page");
            let agreement = batch.agreement().expect("one page");
            let terms = ScoreTerms::default();
            let mut hist = Hist::default();
            for worker in &page.workers {
                if let Some(place) = rank(worker, &agreement, &terms).expect("one page") {
                    hist.add(place).expect("nine workers");
                }
            }
            let reference = hist.reference(&agreement, &terms).expect("one page");
            for worker in &page.workers {
                let paid = pay(worker, &batch, &agreement, &reference, &terms, MAX_PRICE)
                    .expect("one page");
                assert!(paid.pay <= MAX_PRICE * u128::from(tasks));
            }
            let weights = vec![1; sheets.len()];
            let labels = consensus(&ty, tasks, 3, &sheets, &weights).expect("sheets were scored");
            assert_eq!(labels.len(), usize::from(tasks));
        }
    });
}

//! Targets that need label-client: its own tests run them, on mutated seeds.

use athanor_label_client::{
    import::{self, Format},
    index::Index,
    page::{Page, Task},
    schema::Schema,
    seed, table, text, voucher,
};
use athanor_label_math::pack_answer;
use std::collections::BTreeMap;

fn schemas() -> Vec<Schema> {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    vec![
        Schema::Classification {
            labels: names(&["negative", "positive"]),
        },
        Schema::Preference,
        Schema::Rating { steps: 5, first: 1 },
        Schema::MultiLabel {
            labels: names(&["one", "two", "three"]),
        },
        Schema::Safety {
            labels: names(&["violence", "hate"]),
            weights: vec![4, 2],
            quorum: 2,
        },
        Schema::Ranking { items: 3 },
        Schema::Span {
            labels: names(&["person", "place"]),
            tokens: 40,
        },
    ]
}

/// A page file: what is taken is written the same again, and shows nothing that controls a
/// terminal.
pub fn page(data: &[u8]) {
    let Ok(page) = Page::from_bytes(data) else {
        return;
    };
    assert!(data.len() <= athanor_label_client::page::MAX_PAGE && page.tasks.len() <= 32);
    if let Ok(bytes) = page.to_bytes() {
        assert_eq!(Page::from_bytes(&bytes).as_ref(), Ok(&page));
    }
    for task in &page.tasks {
        let shown = text::clean(&task.prompt);
        assert!(shown.chars().all(|c| c == '\n' || !c.is_control()));
    }
    let sheets = table::Sheets {
        page,
        round: 0,
        sheets: vec![([0; 32], data.get(..32).unwrap_or_default().to_vec())],
        gold: BTreeMap::new(),
    };
    let _ = table::rows(&[sheets]);
}

/// An index: what is taken is written the same again, and has a path for each page.
pub fn index(data: &[u8]) {
    let Ok(index) = Index::parse(data) else {
        return;
    };
    assert_eq!(Index::parse(&index.to_bytes()).as_ref(), Ok(&index));
    if index.pages.len() <= 64 {
        let (root, count) = (index.pages_root(), index.pages.len() as u32);
        for (page, path) in (0..count).zip(index.paths()) {
            let leaf = index.leaf(page).expect("a page of the index");
            assert!(leaf.is_in(&root, count, &path));
        }
    }
}

/// A file of tasks, as JSONL and as CSV of each type: what is taken makes a page, and gold
/// can be packed.
pub fn import(data: &[u8]) {
    for schema in schemas() {
        for format in [Format::Jsonl, Format::Csv] {
            let options = import::Options::new(format);
            let Ok(found) = import::read(data, &schema, &options) else {
                continue;
            };
            for (_, answer) in &found.gold {
                pack_answer(&schema.label_type(), answer).expect("gold can be packed");
            }
            let gold = found.gold.iter().map(|(task, _)| task);
            let tasks: Vec<Task> = found.tasks.iter().chain(gold).take(8).cloned().collect();
            let page = Page {
                batch_salt: [0; 32],
                page: 0,
                schema: schema.clone(),
                tasks,
            };
            if let Ok(bytes) = page.to_bytes() {
                assert_eq!(Page::from_bytes(&bytes), Ok(page));
            }
        }
    }
}

/// A file of vouchers, and a backup: values or errors.
pub fn keys(data: &[u8]) {
    if let Ok(vouchers) = voucher::read(data) {
        for voucher in vouchers.iter().take(4) {
            assert_eq!(
                voucher::Signed::from_line(&voucher.to_line()).as_ref(),
                Ok(voucher)
            );
            let _ = voucher.verify(&voucher.worker);
        }
    }
    // Without a passphrase: deriving a key is slow, as it should be.
    let _ = seed::restore(data, None);
}

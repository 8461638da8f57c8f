//! What strangers send, mutated: a fixed number of inputs out of the seeds in `fuzz/corpus`,
//! where also goes what once broke.

use std::{
    fs,
    panic::{catch_unwind, AssertUnwindSafe},
    path::Path,
};

// Public where they are a crate's.
#[allow(unreachable_pub)]
#[path = "../../../fuzz/src/labels.rs"]
mod labels;
#[allow(unreachable_pub)]
#[path = "../../../fuzz/src/mutate.rs"]
mod mutate;

fn run(target: &str, inputs: usize, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let mut paths: Vec<_> = fs::read_dir(folder.join(target))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let seeds: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    let mutations = &mut mutate::Mutations::of(seeds.clone());
    let drawn = std::iter::repeat_with(|| mutations.draw()).take(inputs);
    for input in seeds.into_iter().chain(drawn) {
        if catch_unwind(AssertUnwindSafe(|| check(&input))).is_err() {
            let hash = hex::encode(&athanor_label_client::page::content_root(&input)[..8]);
            let path = std::env::temp_dir().join(format!("{target}-{hash}"));
            fs::write(&path, &input).unwrap();
            panic!(
                "{target}: put {} into fuzz/corpus/{target} and mend it",
                path.display()
            );
        }
    }
}

#[test]
fn pages() {
    run("label-page", 20_000, labels::page);
}

#[test]
fn indices() {
    run("label-index", 20_000, labels::index);
}

#[test]
fn imports() {
    run("label-import", 3_000, labels::import);
}

#[test]
fn vouchers_and_backups() {
    run("label-keys", 20_000, labels::keys);
}

//! What strangers send, mutated: the fuzz targets that need the worker, run for a
//! fixed number of inputs. The seeds and what once broke are in `fuzz/corpus`.

use std::{
    fs,
    panic::{catch_unwind, AssertUnwindSafe},
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    sync::Once,
};

// Public where they are a crate's.
#[allow(unreachable_pub)]
#[path = "../../fuzz/src/mutate.rs"]
mod mutate;
#[allow(unreachable_pub)]
#[path = "../../fuzz/src/worker.rs"]
mod targets;

/// Panics on any thread: a server catches those of its tasks.
static PANICS: AtomicUsize = AtomicUsize::new(0);

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let mut paths: Vec<_> = fs::read_dir(folder.join(target))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let files = paths.iter().map(|path| fs::read(path).unwrap());
    let own = targets::seeds()
        .into_iter()
        .filter(|(name, _)| *name == target);
    files.chain(own.map(|(_, seed)| seed)).collect()
}

fn run(target: &str, inputs: usize, check: fn(&[u8])) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.fetch_add(1, Ordering::SeqCst);
            before(info);
        }));
    });
    let seeds = corpus(target);
    let mutations = &mut mutate::Mutations::of(seeds.clone());
    let all = seeds
        .into_iter()
        .chain(std::iter::repeat_with(|| mutations.draw()).take(inputs));
    for input in all {
        let panics = PANICS.load(Ordering::SeqCst);
        let result = catch_unwind(AssertUnwindSafe(|| check(&input)));
        if result.is_err() || PANICS.load(Ordering::SeqCst) != panics {
            let path = std::env::temp_dir().join(format!("{target}-{}", blake3::hash(&input)));
            fs::write(&path, &input).unwrap();
            panic!(
                "{target}: put {} into fuzz/corpus/{target} and mend it",
                path.display()
            );
        }
    }
}

#[test]
fn every_target_survives_its_mutations() {
    // One after the other: panics are counted for the whole process.
    run("ticket", 20_000, targets::ticket);
    run("receipt", 20_000, targets::receipt);
    run("rpc", 3_000, targets::rpc);
    targets::clean_up();
}

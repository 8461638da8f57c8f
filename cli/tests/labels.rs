//! A campaign from a file to a data set, against a node that runs already: `create`, workers
//! who commit and go away, `watch`, `export`.
//!
//! `ATHANOR_NODE=ws://127.0.0.1:9944 cargo test -p athanor-cli --test labels -- --ignored`
//! with a node of a development chain (`athanor-node --dev --tmp`).

use athanor_cli::{
    chain::{Call, Chain},
    cli,
    config::Format,
    keys,
    output::Output,
};
use athanor_content_store::{router, Access, Client, Limits, Store};
use athanor_label_client::{
    index::Index,
    page::{Page, MAX_PAGE},
    seal::{seal_opening, Slot},
    seed::Seed,
};
use athanor_label_math::{pack, Answer};
use athanor_primitives::{labels::answer_commitment, ticket::root_from_hex};
use serde_json::Value;
use std::{ffi::OsString, path::Path, time::Duration};
use subxt_signer::sr25519::Keypair;

const PALLET: &str = "LabelBounties";
const WORKERS: [&str; 4] = ["//Bob", "//Charlie", "//Dave", "//Eve"];
const TASKS: u8 = 8;

async fn athanor(args: &[&str]) -> u8 {
    let args = std::iter::once("athanor").chain(args.iter().copied());
    cli::run(args.map(OsString::from)).await
}

fn quiet() -> Output {
    Output::new(Format::Json, true)
}

/// Task n asks whether n is even: A says so. Every fifth is gold.
fn write_tasks(path: &Path) {
    let mut text = String::new();
    for n in 0..40 {
        let gold = if n % 5 != 0 {
            String::new()
        } else if n % 2 == 0 {
            ",\"gold\":\"A\"".into()
        } else {
            ",\"gold\":\"B\"".into()
        };
        text.push_str(&format!(
            "{{\"id\":\"n{n}\",\"prompt\":\"Is {n} even?\",\"a\":\"yes, {n} is\",\"b\":\"no, {n} is \
             odd\"{gold}}}\n"
        ));
    }
    std::fs::write(path, text).unwrap();
}

fn truth(prompt: &str) -> Answer {
    let digits: String = prompt.chars().filter(char::is_ascii_digit).collect();
    Answer::Code(u32::from(digits.parse::<u32>().unwrap() % 2 == 1))
}

async fn leased(chain: &Chain, batch: u64, account: &str) -> Vec<u32> {
    let state = chain.best().await.unwrap();
    let account: subxt::utils::AccountId32 = account.parse().unwrap();
    let view = state.view(PALLET, "worker", (account,)).await.unwrap();
    let batches = view["batches"].as_array().unwrap().clone();
    let slots = batches
        .iter()
        .filter(|work| work["batch"] == batch)
        .flat_map(|work| work["slots"].as_array().unwrap().clone());
    slots
        .filter(|slot| slot["status"].get("leased").is_some())
        .map(|slot| slot["page"].as_u64().unwrap() as u32)
        .collect()
}

/// Answers every page it is given, and never reveals.
async fn work(chain: Chain, store: Client, batch: u64, signer: Keypair) {
    let account = keys::account(&signer);
    let state = chain.best().await.unwrap();
    let view = state.view(PALLET, "batch", (batch,)).await.unwrap();
    let campaign = state
        .view(PALLET, "campaign", (view["campaign"].as_u64().unwrap(),))
        .await
        .unwrap();
    let root = |value: &Value| root_from_hex(value.as_str().unwrap()).unwrap();
    let seal_key = root(&campaign["terms"]["seal_key"]);
    let index_root = root(&view["index_root"]);
    let bytes = store
        .get(&index_root, None, 1 << 20, |_, _| ())
        .await
        .unwrap();
    let index = Index::from_bytes(&bytes, &index_root).unwrap();
    assert_eq!(index.pages_root(), root(&view["pages_root"]));
    let seed = Seed::generate().unwrap();
    for _ in 0..index.pages.len() {
        let request = Call::new(PALLET, "request_pages", (batch, 1u32, None::<u8>));
        if chain
            .submit(request, &signer, false, &quiet())
            .await
            .is_err()
        {
            return;
        }
        let mut pages = Vec::new();
        for _ in 0..20 {
            pages = leased(&chain, batch, &account.to_string()).await;
            if !pages.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        for page in pages {
            let leaf = index.leaf(page).unwrap();
            let bytes = store
                .get(&leaf.content_root, None, MAX_PAGE as u64, |_, _| ())
                .await
                .unwrap();
            let label = athanor_primitives::labels::LabelType::Preference;
            let file = Page::verified(&bytes, &leaf.content_root, page, &label, TASKS).unwrap();
            let answers: Vec<Answer> = file.tasks.iter().map(|task| truth(&task.prompt)).collect();
            let sheet = pack(&label, &answers).unwrap();
            let salt = seed.salt(batch, page);
            let slot = Slot {
                genesis: chain.genesis().0,
                batch,
                page,
                worker: account.0,
            };
            let hash = answer_commitment(&slot.genesis, batch, page, &account.0, &sheet, &salt);
            let sealed = seal_opening(&sheet, &salt, &hash, &slot, &seal_key).unwrap();
            let none = None::<u8>;
            let call = Call::new(
                PALLET,
                "commit",
                (batch, page, account, hash, Some(sealed), none),
            );
            chain.submit(call, &signer, false, &quiet()).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a running node of a development chain: ATHANOR_NODE"]
async fn a_campaign_runs_from_a_file_to_a_data_set() {
    let node = std::env::var("ATHANOR_NODE").unwrap();
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name).display().to_string();
    write_tasks(Path::new(&at("tasks.jsonl")));
    let store = Store::open(&home.path().join("store"), Limits::default())
        .await
        .unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        axum::serve(listener, router(store, Access::default()))
            .await
            .unwrap();
    });

    let (folder, tasks) = (at("campaign"), at("tasks.jsonl"));
    let shape = [
        "--type",
        "preference",
        "--pay",
        "10 mAUR",
        "--page-tasks",
        "8",
        "--page-gold",
        "2",
        "--panel",
        "3..4",
        "--open-for",
        "20min",
        "--node",
        &node,
    ];
    let quoted = [&["label", "quote", &tasks][..], &shape].concat();
    assert_eq!(athanor(&quoted).await, 0);
    let create = [
        &["label", "create", &tasks][..],
        &shape,
        &[
            "--folder", &folder, "--store", &url, "--suri", "//Alice", "--yes",
        ],
    ]
    .concat();
    assert_eq!(athanor(&[&create[..], &["--dry-run"]].concat()).await, 0);
    assert!(!Path::new(&folder).exists(), "a dry run writes nothing");
    assert_eq!(athanor(&create).await, 0);
    assert_eq!(athanor(&create).await, 1, "the folder is there already");
    let resume = [
        "label", "resume", &folder, "--node", &node, "--suri", "//Alice",
    ];
    assert_eq!(athanor(&resume).await, 0, "nothing is left to do");

    let file = std::fs::read(Path::new(&folder).join("round-0/batch.json")).unwrap();
    let batch: Value = serde_json::from_slice(&file).unwrap();
    let batch = batch["batch"].as_u64().unwrap();
    let chain = Chain::connect(&node).await.unwrap();
    let mut working = Vec::new();
    for suri in WORKERS {
        let signer = keys::from_suri(suri).unwrap();
        let client = Client::new(&url, None).unwrap();
        working.push(tokio::spawn(work(chain.clone(), client, batch, signer)));
    }
    let watch = [
        "label",
        "watch",
        &folder,
        "--node",
        &node,
        "--suri",
        "//Alice",
        "--grace",
        "2",
        "--timeout",
        "900",
    ];
    assert_eq!(athanor(&watch).await, 0);
    for worker in working {
        worker.await.unwrap();
    }

    let result = chain.best().await.unwrap();
    let result = result.view(PALLET, "result", (batch,)).await.unwrap();
    assert!(result["revealed_slots"].as_u64().unwrap() >= 12, "{result}");
    assert_eq!(result["gold_contested"], 0, "{result}");

    for (format, name) in [
        ("trl-preference", "p.jsonl"),
        ("hh", "hh.jsonl"),
        ("table", "t.csv"),
    ] {
        let out = at(name);
        let export = [
            "label", "export", &folder, "--format", format, "--out", &out,
        ];
        assert_eq!(athanor(&export).await, 0, "{format}");
    }
    let pairs = std::fs::read_to_string(at("p.jsonl")).unwrap();
    assert_eq!(pairs.lines().count(), 40);
    for line in pairs.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let even = truth(row["prompt"].as_str().unwrap()) == Answer::Code(0);
        assert_eq!(
            row["chosen"].as_str().unwrap().starts_with("yes"),
            even,
            "{row}"
        );
    }
    let table = std::fs::read_to_string(at("t.csv")).unwrap();
    assert!(table.lines().count() > 8 * 12, "{table}");
}

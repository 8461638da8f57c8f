//! The methods as clients see them, over HTTP and over WebSocket, and the examples
//! of `docs/json-rpc.md`.

mod chain;

use athanor_compute_rpc::{
    json::{Account, Amount, Models, Policy, Terms},
    ComputeApiClient, MAX_OFFERS, MAX_WORK, NOT_QUOTED, NO_SUCH_JOB, OTHER_RUNTIME, UNKNOWN_BLOCK,
};
use chain::{account, serve, AUR, BEST, OLD, OTHER, PRUNED};
use jsonrpsee::{
    core::{client::ClientT, traits::ToRpcParams, ClientError},
    http_client::HttpClientBuilder,
    types::error::INVALID_PARAMS_CODE,
    ws_client::WsClientBuilder,
};
use serde_json::{json, value::RawValue, Value};
use sp_core::H256;

fn terms() -> Terms {
    Terms {
        model: 3,
        batch: 16,
        policy: Policy::Replicated {
            n: 3,
            quorum: 2,
            window: 1_200,
        },
        max_pay: Amount(AUR),
        max_wait: None,
        min_collateral: Amount(0),
        tip: Amount(5),
        keep_receipt: true,
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, ClientError>) -> i32 {
    match result {
        Err(ClientError::Call(error)) => error.code(),
        other => panic!("a refusal, not {other:?}"),
    }
}

/// Everything, through whichever client.
async fn every_method(client: &(impl ClientT + Sync)) {
    let quote = client.quote(terms(), None).await.unwrap();
    assert_eq!(quote.at, BEST);
    assert_eq!(quote.held, Amount(3 * AUR + 3 * (AUR / 20) + 5));
    assert_eq!(quote.deposit, Amount(AUR));
    assert_eq!(quote.cheapest, [Amount(AUR / 10); 3]);
    assert_eq!(quote.eligible, 5);
    let eligible = |max_wait, min_collateral| async move {
        let terms = Terms {
            max_wait,
            min_collateral: Amount(min_collateral),
            ..terms()
        };
        let quote = client.quote(terms, None).await.unwrap();
        (quote.eligible, quote.cheapest.len())
    };
    assert_eq!(eligible(Some(2_400), 50 * AUR).await, (5, 3));
    assert_eq!(eligible(Some(600), 0).await, (3, 3));
    assert_eq!(eligible(None, 50 * AUR + 1).await, (4, 3));
    assert_eq!(eligible(Some(600), 101 * AUR).await, (0, 0));
    let endless = Terms {
        max_wait: Some(2_401),
        ..terms()
    };
    assert_eq!(code(client.quote(endless, None).await), NOT_QUOTED);

    let job = client.job(7, Some(BEST)).await.unwrap();
    assert_eq!((job.job, job.state.as_str()), (7, "claimed"));
    let states: Vec<&str> = job.replicas.iter().map(|r| r.state.as_str()).collect();
    assert_eq!(states, ["revealed", "struck", "revealed"]);
    assert_eq!(job.replicas[1].fault.as_deref(), Some("no_reveal"));
    assert_eq!(job.claims[0].output_root, [0xbb; 32]);
    assert_eq!(job.requester, Account(account(1)));

    let offers = client.offers(None, None, None).await.unwrap();
    let of = |offers: &[athanor_compute_rpc::json::Offer]| -> Vec<Account> {
        offers.iter().map(|offer| offer.provider.clone()).collect()
    };
    let all = [11, 12, 13].map(|byte| Account(account(byte)));
    assert_eq!(of(&offers.offers), all);
    assert_eq!(offers.next, None);
    assert_eq!(offers.offers[0].models, Models::List(vec![0, 3]));

    let work = client
        .work(Account(account(111)), None, None)
        .await
        .unwrap();
    assert_eq!(work.tickets.len(), 16);
    assert_eq!(work.tickets[0].job, 7);
    assert_eq!(work.questions.len(), 16);
    assert_eq!(work.questions[0].thread, 1);
    let none = client.work(Account(account(9)), None, None).await.unwrap();
    assert!(none.tickets.is_empty() && none.questions.is_empty());
}

#[tokio::test]
async fn every_method_answers_over_http() {
    let (address, server) = serve().await;
    let client = HttpClientBuilder::default()
        .build(format!("http://{address}"))
        .unwrap();
    every_method(&client).await;
    server.stop().unwrap();
}

#[tokio::test]
async fn every_method_answers_over_websocket() {
    let (address, server) = serve().await;
    let client = WsClientBuilder::default()
        .build(format!("ws://{address}"))
        .await
        .unwrap();
    every_method(&client).await;
    server.stop().unwrap();
}

#[tokio::test]
async fn offers_come_in_pages_that_leave_none_out() {
    let (address, _server) = serve().await;
    let client = HttpClientBuilder::default()
        .build(format!("http://{address}"))
        .unwrap();
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = client.offers(after, Some(1), None).await.unwrap();
        assert_eq!(page.offers.len(), 1);
        seen.push(page.offers[0].provider.clone());
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [11, 12, 13].map(|byte| Account(account(byte))));
    let beyond = client.offers(Some(Account(account(13))), None, None).await;
    assert!(beyond.unwrap().offers.is_empty());
}

#[tokio::test]
async fn answers_are_bounded() {
    let (address, _server) = serve().await;
    let client = HttpClientBuilder::default()
        .build(format!("http://{address}"))
        .unwrap();
    let worker = Account(account(111));
    let three = client.work(worker.clone(), Some(3), None).await.unwrap();
    assert_eq!((three.tickets.len(), three.questions.len()), (3, 3));
    let most = client.work(worker.clone(), Some(MAX_WORK), None).await;
    let most = most.unwrap();
    assert_eq!((most.tickets.len(), most.questions.len()), (63, 64));
    for count in [0, MAX_WORK + 1, u32::MAX] {
        let refused = client.work(worker.clone(), Some(count), None).await;
        assert_eq!(code(refused), INVALID_PARAMS_CODE);
    }
    for count in [0, MAX_OFFERS + 1] {
        let refused = client.offers(None, Some(count), None).await;
        assert_eq!(code(refused), INVALID_PARAMS_CODE);
    }
}

#[tokio::test]
async fn refusals_have_codes_of_their_own() {
    let (address, _server) = serve().await;
    let client = HttpClientBuilder::default()
        .build(format!("http://{address}"))
        .unwrap();
    assert_eq!(code(client.job(8, None).await), NO_SUCH_JOB);
    assert_eq!(code(client.job(7, Some(OLD)).await), NO_SUCH_JOB);
    assert_eq!(code(client.job(7, Some(PRUNED)).await), UNKNOWN_BLOCK);
    assert_eq!(
        code(client.job(7, Some(H256::repeat_byte(9))).await),
        UNKNOWN_BLOCK
    );
    assert_eq!(code(client.job(7, Some(OTHER)).await), OTHER_RUNTIME);
    let unknown = Terms {
        model: 4,
        ..terms()
    };
    assert_eq!(code(client.quote(unknown, None).await), NOT_QUOTED);
}

/// Parameters as they are.
struct Raw(Value);

impl ToRpcParams for Raw {
    fn to_rpc_params(self) -> Result<Option<Box<RawValue>>, serde_json::Error> {
        serde_json::value::to_raw_value(&self.0).map(Some)
    }
}

#[tokio::test]
async fn malformed_parameters_are_refused() {
    let (address, _server) = serve().await;
    let client = HttpClientBuilder::default()
        .build(format!("http://{address}"))
        .unwrap();
    let good = json!({"model": 3, "batch": 16, "max_pay": "5",
        "policy": {"optimistic": {"window": 1200, "audit": 0}}});
    let with = |key: &str, value: Value| {
        let mut terms = good.clone();
        terms[key] = value;
        json!([terms])
    };
    let answer: Result<Value, _> = client.request("compute_quote", Raw(json!([good]))).await;
    // The pay, and a stake of 50 mAUR.
    assert_eq!(answer.unwrap()["held"], "50000000005");
    for (method, params) in [
        ("compute_quote", json!([])),
        ("compute_quote", with("max_pay", json!(5))),
        ("compute_quote", with("max_pay", json!("-5"))),
        ("compute_quote", with("max_pay", json!("+5"))),
        ("compute_quote", with("max_pay", json!("1 AUR"))),
        (
            "compute_quote",
            with("max_pay", json!("340282366920938463463374607431768211456")),
        ),
        ("compute_quote", with("policy", json!("optimistic"))),
        (
            "compute_quote",
            with("policy", json!({"optimistic": {"window": 1, "audit": 256}})),
        ),
        ("compute_quote", with("pay", json!("5"))),
        ("compute_quote", with("batch", json!(-1))),
        ("compute_quote", with("max_wait", json!(-1))),
        ("compute_quote", with("max_wait", json!("600"))),
        ("compute_quote", with("min_collateral", json!(5))),
        ("compute_quote", with("min_collateral", json!(null))),
        ("compute_job", json!(["7"])),
        ("compute_job", json!([7, "0x12"])),
        ("compute_job", json!([-7])),
        ("compute_work", json!([])),
        ("compute_work", json!(["5Grw"])),
        ("compute_work", json!(["0x12"])),
        ("compute_offers", json!(["nobody"])),
        ("compute_offers", json!([null, -1])),
    ] {
        let refused: Result<Value, _> = client.request(method, Raw(params.clone())).await;
        assert_eq!(code(refused), INVALID_PARAMS_CODE, "{method} {params}");
    }
}

#[tokio::test]
async fn accounts_are_read_as_addresses_and_as_hex() {
    let (address, _server) = serve().await;
    let client = HttpClientBuilder::default()
        .build(format!("http://{address}"))
        .unwrap();
    let hex = format!("0x{}", "6f".repeat(32));
    let by_hex: Value = client
        .request("compute_work", Raw(json!([hex])))
        .await
        .unwrap();
    let ss58 = serde_json::to_value(Account(account(111))).unwrap();
    let by_name: Value = client
        .request("compute_work", Raw(json!({"worker": ss58})))
        .await
        .unwrap();
    assert_eq!(by_hex, by_name);
    assert_eq!(by_hex["tickets"].as_array().unwrap().len(), 16);
}

/// Pairs of a request and its answer: blocks of JSON, the one behind the other.
fn examples(page: &str) -> Vec<(Value, Value)> {
    let blocks: Vec<Value> = page
        .split("```json\n")
        .skip(1)
        .map(|rest| {
            let text = rest.split("```").next().unwrap();
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in\n{text}"))
        })
        .collect();
    assert_eq!(blocks.len() % 2, 0, "each request has its answer");
    blocks
        .chunks_exact(2)
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .collect()
}

#[tokio::test]
async fn the_examples_of_the_docs_are_true() {
    let page = include_str!("../../../../docs/json-rpc.md");
    let page = page.split("\n# ").next().unwrap();
    let (address, _server) = serve().await;
    let client = HttpClientBuilder::default()
        .build(format!("http://{address}"))
        .unwrap();
    let mut methods = Vec::new();
    for (request, expected) in examples(page) {
        let method = request["method"].as_str().unwrap().to_owned();
        let answer: Result<Value, _> = client
            .request(&method, Raw(request["params"].clone()))
            .await;
        let envelope = match answer {
            Ok(result) => json!({"jsonrpc": "2.0", "id": request["id"], "result": result}),
            Err(ClientError::Call(error)) => json!({"jsonrpc": "2.0", "id": request["id"],
                "error": {"code": error.code(), "message": error.message()}}),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(
            envelope,
            expected,
            "{method} answers\n{}",
            serde_json::to_string_pretty(&envelope).unwrap()
        );
        methods.push(method);
    }
    for method in ["quote", "job", "offers", "work"] {
        let method = format!("compute_{method}");
        assert!(methods.contains(&method), "{method} has no example");
    }
    let codes = [
        UNKNOWN_BLOCK,
        NO_SUCH_JOB,
        NOT_QUOTED,
        athanor_compute_rpc::RUNTIME_FAILED,
        OTHER_RUNTIME,
    ];
    for code in codes {
        let minus = format!("−{}", code.unsigned_abs());
        assert!(page.contains(&minus), "{code} is not in the docs");
    }
}

//! The methods as clients see them, over HTTP and over WebSocket, and the worked example
//! of `docs/json-rpc.md`.

mod chain;

use athanor_label_rpc::{
    json::{Account, Answers, Bytes, Call, Hash, Signature, SignedVoucher, Slot},
    LabelsApiClient, ALREADY_PENDING, BAD_ANSWERS, MAX_CAMPAIGNS, NO_SUCH_BATCH, OTHER_RUNTIME,
    POOL_FAILED, REFUSED, RUNTIME_FAILED, UNKNOWN_BLOCK,
};
use athanor_primitives::labels::{
    answer_commitment, commit_text, request_text, skip_text, voucher_text, Voucher,
};
use chain::{account_of, contributor, serve, voucher_key, Chain, BEST, GENESIS, OTHER, PRUNED};
use jsonrpsee::{
    core::{client::ClientT, traits::ToRpcParams, ClientError},
    http_client::{HttpClient, HttpClientBuilder},
    types::error::INVALID_PARAMS_CODE,
    ws_client::WsClientBuilder,
};
use serde_json::{json, value::RawValue, Value};
use sp_core::{sr25519, Pair, H256};
use sp_runtime::MultiSignature;

fn code<T: std::fmt::Debug>(result: Result<T, ClientError>) -> i32 {
    match result {
        Err(ClientError::Call(error)) => error.code(),
        other => panic!("a refusal, not {other:?}"),
    }
}

fn me() -> Account {
    Account(account_of(&contributor()))
}

fn id() -> [u8; 32] {
    me().0.into()
}

fn sign(text: &[u8]) -> Option<Signature> {
    Some(Signature(MultiSignature::Ed25519(contributor().sign(text))))
}

fn voucher() -> SignedVoucher {
    let plain = Voucher {
        pages: 4,
        sponsored: true,
        expires: 900_000,
    };
    let text = voucher_text(&GENESIS.0, 3, &id(), &plain);
    SignedVoucher {
        pages: plain.pages,
        sponsored: plain.sponsored,
        expires: plain.expires,
        signature: Signature(MultiSignature::Ed25519(voucher_key().sign(&text))),
    }
}

fn request() -> Call {
    Call::RequestSponsored {
        batch: 12,
        worker: me(),
        voucher: voucher(),
    }
}

fn answers() -> Answers {
    Answers([0, 1, 2, 0, 1, 2, 0, 1].map(Value::from).to_vec())
}

/// A page from the first look to the pay, through whichever client.
async fn a_page(client: &(impl ClientT + Sync), chain: &Chain) {
    let campaigns = client.campaigns(None, Some(2), None).await.unwrap();
    assert_eq!(campaigns.at, BEST);
    assert_eq!(campaigns.campaigns.len(), 2, "bounded by the server");
    assert_eq!(campaigns.next, Some(4));
    assert_eq!(campaigns.campaigns[0].terms, chain::terms());

    assert!(client.next(me(), None).await.unwrap().leases.is_empty());
    let text = request_text(&GENESIS.0, 12, &id(), 0);
    client.submit(request(), sign(&text)).await.unwrap();
    let next = client.next(me(), None).await.unwrap();
    assert_eq!((next.leases.len(), next.waiting), (0, vec![12]));
    chain.progress.lock().unwrap().leased = true;
    let next = client.next(me(), Some(BEST)).await.unwrap();
    let lease = &next.leases[0];
    assert_eq!((lease.batch, lease.page, lease.tasks), (12, 40, 8));
    assert_eq!((lease.until, lease.seconds), (7_400, 7_200));
    assert_eq!(next.genesis, GENESIS);

    let salt = Hash([0x5a; 32]);
    let payload = client
        .payload(12, 40, answers(), salt, me(), None, None)
        .await
        .unwrap();
    // 0 1 2 0 1 2 0 1 in two bits each, least significant first.
    assert_eq!(payload.sheet.0, [0b0010_0100, 0b0100_1001]);
    let hash = answer_commitment(&GENESIS.0, 12, 40, &id(), &payload.sheet.0, &salt.0);
    assert_eq!(payload.answers, Hash(hash));
    let text = commit_text(&GENESIS.0, 12, 40, &id(), &hash, None);
    assert_eq!(payload.text.as_bytes(), text);
    assert_eq!(payload.bytes.0, text);

    let commit = Call::Commit {
        batch: 12,
        page: 40,
        worker: me(),
        answers: payload.answers,
        sealed: None,
    };
    client.submit(commit.clone(), sign(&text)).await.unwrap();
    let again = client.submit(commit, sign(&text)).await;
    assert_eq!(code(again), REFUSED);

    chain.progress.lock().unwrap().revealing = true;
    let reveal = Call::Reveal {
        batch: 12,
        page: 40,
        worker: me(),
        sheet: payload.sheet.clone(),
        salt,
    };
    client.submit(reveal, None).await.unwrap();
    chain.progress.lock().unwrap().paid = true;
    let status = client.status(me(), None).await.unwrap();
    assert_eq!(
        status.batches[0].pages[0].slot,
        Slot::Revealed {
            sheet: payload.sheet
        }
    );
    assert_eq!(
        status.batches[0].outcome.unwrap().pay.0,
        chain::AUR * 8 / 100
    );
    let results = client.results(12, Some(40), None).await.unwrap();
    assert_eq!(results.result.unwrap().revealed, 188);
    assert_eq!(results.labels.unwrap().len(), 8);
}

async fn client() -> (
    HttpClient,
    jsonrpsee::server::ServerHandle,
    std::sync::Arc<Chain>,
) {
    let (address, server, chain) = serve().await;
    let client = HttpClientBuilder::default()
        .build(format!("http://{address}"))
        .unwrap();
    (client, server, chain)
}

#[tokio::test]
async fn a_page_is_labelled_over_http() {
    let (client, server, chain) = client().await;
    a_page(&client, &chain).await;
    server.stop().unwrap();
}

#[tokio::test]
async fn a_page_is_labelled_over_websocket() {
    let (address, server, chain) = serve().await;
    let client = WsClientBuilder::default()
        .build(format!("ws://{address}"))
        .await
        .unwrap();
    a_page(&client, &chain).await;
    server.stop().unwrap();
}

#[tokio::test]
async fn campaigns_come_in_pages_that_leave_none_out() {
    let (client, _server, _) = client().await;
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = client.campaigns(after, Some(2), None).await.unwrap();
        seen.extend(page.campaigns.iter().map(|campaign| campaign.campaign));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [3, 4, 5, 6, 7]);
    for limit in [0, MAX_CAMPAIGNS + 1, u32::MAX] {
        let refused = client.campaigns(None, Some(limit), None).await;
        assert_eq!(code(refused), INVALID_PARAMS_CODE);
    }
}

#[tokio::test]
async fn refusals_say_why() {
    let (client, _server, chain) = client().await;
    let text = request_text(&GENESIS.0, 12, &id(), 0);
    let data = |result: Result<_, ClientError>| match result {
        Err(ClientError::Call(error)) => (
            error.code(),
            error.data().map(|data| data.get().to_owned()),
            error.message().to_owned(),
        ),
        other => panic!(
            "{:?}",
            other.map(|_: athanor_label_rpc::json::Submitted| ())
        ),
    };
    let (number, why, message) = data(client.submit(request(), sign(b"another text")).await);
    assert_eq!(number, REFUSED);
    assert_eq!(why.as_deref(), Some("\"bad_signature\""));
    assert!(message.contains("signature"), "{message}");

    let mut foreign = voucher();
    foreign.pages += 1;
    let call = Call::RequestSponsored {
        batch: 12,
        worker: me(),
        voucher: foreign,
    };
    let (_, why, _) = data(client.submit(call, sign(&text)).await);
    assert_eq!(why.as_deref(), Some("\"voucher_invalid\""));

    client.submit(request(), sign(&text)).await.unwrap();
    let text = request_text(&GENESIS.0, 12, &id(), 1);
    assert_eq!(
        code(client.submit(request(), sign(&text)).await),
        ALREADY_PENDING
    );

    chain.progress.lock().unwrap().leased = true;
    let skip = Call::Skip {
        batch: 12,
        page: 40,
        worker: me(),
    };
    let early = Call::Reveal {
        batch: 12,
        page: 40,
        worker: me(),
        sheet: Bytes(vec![1]),
        salt: Hash([0; 32]),
    };
    let (_, why, _) = data(client.submit(early.clone(), None).await);
    assert_eq!(why.as_deref(), Some("\"unexpected_state\""));
    assert_eq!(
        code(client.submit(skip.clone(), None).await),
        INVALID_PARAMS_CODE
    );
    assert_eq!(
        code(client.submit(early, sign(b"")).await),
        INVALID_PARAMS_CODE
    );
    let text = skip_text(&GENESIS.0, 12, 40, &id());
    client.submit(skip, sign(&text)).await.unwrap();
    assert!(!chain.progress.lock().unwrap().leased);
}

#[tokio::test]
async fn questions_about_what_is_not_there_have_codes_of_their_own() {
    let (client, _server, _) = client().await;
    assert_eq!(code(client.results(99, None, None).await), NO_SUCH_BATCH);
    let pruned = client.results(11, Some(0), None).await.unwrap();
    assert_eq!((pruned.state, pruned.labels), (None, None));
    assert_eq!(pruned.result.unwrap().workers, 17);
    assert_eq!(
        code(client.results(12, Some(64), None).await),
        INVALID_PARAMS_CODE
    );
    let nobody = Some(H256::repeat_byte(9));
    assert_eq!(code(client.next(me(), nobody).await), UNKNOWN_BLOCK);
    assert_eq!(code(client.next(me(), Some(PRUNED)).await), UNKNOWN_BLOCK);
    assert_eq!(code(client.status(me(), Some(OTHER)).await), OTHER_RUNTIME);
    let payload = |batch, page, answers| {
        client.payload(batch, page, answers, Hash([0; 32]), me(), None, None)
    };
    assert_eq!(code(payload(13, 0, answers()).await), NO_SUCH_BATCH);
    assert_eq!(code(payload(12, 64, answers()).await), BAD_ANSWERS);
    for bad in [
        json!([]),
        json!([0, 1, 2, 0, 1, 2, 0]),
        json!([0, 1, 2, 0, 1, 2, 0, 3]),
        json!([0, 1, 2, 0, 1, 2, 0, -1]),
        json!([0, 1, 2, 0, 1, 2, 0, "1"]),
        json!([0, 1, 2, 0, 1, 2, 0, [1]]),
        json!([0, 1, 2, 0, 1, 2, 0, 4_294_967_296u64]),
    ] {
        let bad: Answers = serde_json::from_value(bad).unwrap();
        assert_eq!(
            code(payload(12, 40, bad.clone()).await),
            BAD_ANSWERS,
            "{bad:?}"
        );
    }
}

#[test]
fn answers_of_every_type_are_read() {
    use athanor_label_math::{Answer, LabelType, Span};
    let read = |ty: &LabelType, answer: Value| Answers(vec![answer]).read(ty, 1);
    let weights = [1, 1, 1, 0, 0, 0, 0, 0];
    let good = [
        (LabelType::Preference, json!(3), Answer::Code(3)),
        (LabelType::Rating { steps: 32 }, json!(31), Answer::Code(31)),
        (
            LabelType::MultiLabel { flags: 32 },
            json!([0, 31]),
            Answer::Code(1 | 1 << 31),
        ),
        (
            LabelType::MultiLabel { flags: 3 },
            json!([]),
            Answer::Code(0),
        ),
        (
            LabelType::Safety { weights, quorum: 2 },
            json!([0, 3, 1]),
            Answer::safety(&[0, 3, 1]),
        ),
        (
            LabelType::Ranking { items: 3 },
            json!([2, 0, 1]),
            Answer::ranking(&[2, 0, 1]),
        ),
        (
            LabelType::Span { tokens: 100 },
            json!([{"label": 1, "start": 9, "len": 2}, {"label": 0, "start": 10, "len": 1}]),
            Answer::Spans(vec![
                Span {
                    label: 0,
                    start: 10,
                    len: 1,
                },
                Span {
                    label: 1,
                    start: 9,
                    len: 2,
                },
            ]),
        ),
    ];
    for (ty, json, answer) in good {
        assert_eq!(read(&ty, json), Ok(vec![answer]), "{ty:?}");
    }
    let bad = [
        (LabelType::Preference, json!(4)),
        (LabelType::Rating { steps: 5 }, json!(5)),
        (LabelType::MultiLabel { flags: 3 }, json!([3])),
        (LabelType::MultiLabel { flags: 32 }, json!([32])),
        (LabelType::MultiLabel { flags: 3 }, json!([1, 1])),
        (LabelType::MultiLabel { flags: 3 }, json!(3)),
        (LabelType::Safety { weights, quorum: 2 }, json!([0, 3])),
        (LabelType::Safety { weights, quorum: 2 }, json!([0, 3, 4])),
        (LabelType::Ranking { items: 3 }, json!([0, 0, 1])),
        (LabelType::Ranking { items: 3 }, json!([0, 1, 3])),
        (LabelType::Ranking { items: 3 }, json!([0, 1])),
        (
            LabelType::Span { tokens: 10 },
            json!([{"label": 0, "start": 9, "len": 2}]),
        ),
        (
            LabelType::Span { tokens: 10 },
            json!([{"label": 0, "start": 9, "len": 0}]),
        ),
        (
            LabelType::Span { tokens: 10 },
            json!([{"label": 0, "start": 1, "len": 3}, {"label": 0, "start": 3, "len": 1}]),
        ),
    ];
    for (ty, json) in bad {
        let error = read(&ty, json.clone()).unwrap_err();
        assert!(error.starts_with("answer 0: "), "{ty:?} {json}: {error}");
    }
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
    let (client, _server, _) = client().await;
    let hash = format!("0x{}", "00".repeat(32));
    let commit = |key: &str, value: Value| {
        let mut fields = json!({"batch": 12, "page": 40, "worker": hash, "answers": hash});
        fields[key] = value;
        json!([{"commit": fields}, {"sr25519": format!("0x{}", "00".repeat(64))}])
    };
    let refused: Result<Value, _> = client
        .request("labels_submit", Raw(commit("batch", json!(12))))
        .await;
    assert_eq!(code(refused), REFUSED, "well formed, only not leased");
    for (method, params) in [
        ("labels_next", json!([])),
        ("labels_next", json!(["5Grw"])),
        ("labels_status", json!([7])),
        ("labels_campaigns", json!([-1])),
        ("labels_results", json!(["12"])),
        ("labels_payload", json!([12, 40, "0", hash, hash])),
        ("labels_payload", json!([12, 40, [], "0x00", hash])),
        ("labels_payload", json!([12, 40, []])),
        ("labels_submit", json!([])),
        ("labels_submit", json!(["0x00"])),
        ("labels_submit", json!([{"withdraw": {}}])),
        ("labels_submit", commit("page", json!(-1))),
        ("labels_submit", commit("answers", json!("0x00"))),
        ("labels_submit", commit("sealed", json!("00"))),
        (
            "labels_submit",
            commit("sealed", json!(format!("0x{}", "00".repeat(4_000)))),
        ),
        ("labels_submit", commit("extra", json!(1))),
        (
            "labels_submit",
            json!([{"skip": {"batch": 12, "page": 40, "worker": hash}}, {"sr25519": "0x00"}]),
        ),
        (
            "labels_submit",
            json!([{"skip": {"batch": 12, "page": 40, "worker": hash}}, {"rsa": hash}]),
        ),
    ] {
        let refused: Result<Value, _> = client.request(method, Raw(params.clone())).await;
        assert_eq!(code(refused), INVALID_PARAMS_CODE, "{method} {params}");
    }
}

#[test]
fn signatures_of_every_kind_survive_json() {
    let sr = sr25519::Pair::from_seed(&[1; 32]).sign(b"x");
    for signature in [
        MultiSignature::Sr25519(sr),
        MultiSignature::Ed25519(contributor().sign(b"x")),
        MultiSignature::Ecdsa(sp_core::ecdsa::Pair::from_seed(&[1; 32]).sign(b"x")),
    ] {
        let text = serde_json::to_string(&Signature(signature.clone())).unwrap();
        let read: Signature = serde_json::from_str(&text).unwrap();
        assert_eq!(read.0, signature, "{text}");
    }
}

/// Blocks of a page between fences of this kind.
fn blocks<'a>(page: &'a str, kind: &str) -> Vec<&'a str> {
    page.split(&format!("```{kind}\n"))
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

/// The part of the docs that is about these methods.
fn docs() -> &'static str {
    let page = include_str!("../../../../docs/json-rpc.md");
    let start = page.find("\n# JSON-RPC of label bounties").unwrap() + 1;
    let page = &page[start..];
    page.split("\n# ").next().unwrap()
}

#[tokio::test]
async fn the_worked_example_of_the_docs_is_true() {
    let page = docs();
    let (client, _server, chain) = client().await;
    let requests = blocks(page, "json");
    assert_eq!(requests.len() % 2, 0, "each request has its answer");
    let mut methods = Vec::new();
    for pair in requests.chunks_exact(2) {
        let read = |text: &str| -> Value {
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in\n{text}"))
        };
        let (request, expected) = (read(pair[0]), read(pair[1]));
        let method = request["method"].as_str().unwrap().to_owned();
        let answer: Result<Value, _> = client
            .request(&method, Raw(request["params"].clone()))
            .await;
        let envelope = match answer {
            Ok(result) => json!({"jsonrpc": "2.0", "id": request["id"], "result": result}),
            Err(ClientError::Call(error)) => {
                let mut object = json!({"code": error.code(), "message": error.message()});
                if let Some(data) = error.data() {
                    object["data"] = read(data.get());
                }
                json!({"jsonrpc": "2.0", "id": request["id"], "error": object})
            }
            Err(other) => panic!("{other}"),
        };
        assert_eq!(
            envelope,
            expected,
            "{method} answers\n{}",
            serde_json::to_string_pretty(&envelope).unwrap()
        );
        // What happens on the chain between two requests of the example.
        let mut progress = chain.progress.lock().unwrap();
        progress.leased |= method == "labels_submit" && progress.requests == 1;
        progress.revealing |= progress.committed.is_some();
        progress.paid |= progress.sheet.is_some();
        methods.push(method);
    }
    for method in [
        "campaigns",
        "next",
        "payload",
        "submit",
        "status",
        "results",
    ] {
        let method = format!("labels_{method}");
        assert!(methods.contains(&method), "{method} has no example");
    }
    for code in [
        UNKNOWN_BLOCK,
        NO_SUCH_BATCH,
        BAD_ANSWERS,
        RUNTIME_FAILED,
        OTHER_RUNTIME,
        REFUSED,
        ALREADY_PENDING,
        POOL_FAILED,
    ] {
        let minus = format!("−{}", code.unsigned_abs());
        assert!(page.contains(&minus), "{code} is not in the docs");
    }
}

#[test]
fn the_texts_of_the_docs_are_what_is_signed() {
    let texts: Vec<&str> = blocks(docs(), "text")
        .into_iter()
        .map(|text| text.trim_end_matches('\n'))
        .collect();
    let sheet = [0b0010_0100, 0b0100_1001];
    let hash = answer_commitment(&GENESIS.0, 12, 40, &id(), &sheet, &[0x5a; 32]);
    let plain = Voucher {
        pages: 4,
        sponsored: true,
        expires: 900_000,
    };
    let wanted = [
        voucher_text(&GENESIS.0, 3, &id(), &plain),
        request_text(&GENESIS.0, 12, &id(), 0),
        commit_text(&GENESIS.0, 12, 40, &id(), &hash, None),
        skip_text(&GENESIS.0, 12, 40, &id()),
    ];
    for text in wanted {
        let text = String::from_utf8(text).unwrap();
        assert!(texts.contains(&text.as_str()), "the docs lack\n{text}");
    }
}

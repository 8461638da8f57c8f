//! The methods as clients see them, over HTTP and over WebSocket, and the worked example
//! of `docs/json-rpc.md`.

mod chain;

use athanor_market_rpc::{
    json::{Account, Holder},
    MarketApiClient, MAX_LISTINGS, NO_SUCH_LISTING, NO_SUCH_ORDER, NO_SUCH_POOL, OTHER_RUNTIME,
    RUNTIME_FAILED, UNKNOWN_BLOCK,
};
use athanor_primitives::market::{OrderProblem, OrderState, PoolId};
use chain::{serve, who, AUR, BEST, BROKEN, OTHER, PRUNED};
use jsonrpsee::{
    core::{client::ClientT, traits::ToRpcParams, ClientError},
    http_client::{HttpClient, HttpClientBuilder},
    server::ServerHandle,
    types::error::INVALID_PARAMS_CODE,
    ws_client::WsClientBuilder,
};
use serde_json::{json, value::RawValue, Value};
use sp_core::H256;

fn code<T: std::fmt::Debug>(result: Result<T, ClientError>) -> i32 {
    match result {
        Err(ClientError::Call(error)) => error.code(),
        other => panic!("a refusal, not {other:?}"),
    }
}

async fn client() -> (HttpClient, ServerHandle) {
    let (address, server) = serve().await;
    let client = HttpClientBuilder::default()
        .build(format!("http://{address}"))
        .unwrap();
    (client, server)
}

/// Each method once, through whichever client.
async fn a_look_around(client: &(impl ClientT + Sync)) {
    let found = client.listings(None, Some(2), None).await.unwrap();
    assert_eq!(found.at, BEST);
    assert_eq!(found.listings.len(), 2);
    assert_eq!(found.next, Some(5));
    assert_eq!((found.clock.now, found.clock.block), (129_990, 130_010));

    let listing = client.listing(4, Some(BEST)).await.unwrap();
    assert_eq!(listing.listing, chain::a_listing(4));
    assert_eq!(listing.seller.unwrap().missed, 1);
    assert_eq!(listing.pool.unwrap().holders.len(), 2);
    assert_eq!(client.listing(5, None).await.unwrap().pool, None);

    let order = client.order(8, None).await.unwrap().order;
    assert_eq!(order.state, OrderState::Locked { until: 134_775 });
    let order = client.order(7, None).await.unwrap().order;
    assert!(matches!(order.state, OrderState::Revealed { .. }));
    assert_eq!(order.price, 25 * AUR);

    let quote = client.quote(4, None, None).await.unwrap().quote;
    assert_eq!((quote.bond_free, quote.problem), (10 * AUR, None));
    let own = client.quote(4, Some(Account(who(1))), None).await.unwrap();
    assert_eq!(own.quote.problem, Some(OrderProblem::IsSeller));

    let of = |holder| client.claimable(PoolId::Listing(4), holder, None);
    let account = |byte| Holder::Account(Account(who(byte)));
    let part = of(account(3)).await.unwrap().claimable.0;
    assert_eq!(part, 153_825_000_000_000);
    assert_eq!(of(account(9)).await.unwrap().claimable.0, 0);
    let parent = Holder::Pool(PoolId::Listing(2));
    assert_eq!(of(parent).await.unwrap().claimable.0, 150_675_000_000_000);
}

#[tokio::test]
async fn everything_is_answered_over_http() {
    let (client, server) = client().await;
    a_look_around(&client).await;
    server.stop().unwrap();
}

#[tokio::test]
async fn everything_is_answered_over_websocket() {
    let (address, server) = serve().await;
    let client = WsClientBuilder::default()
        .build(format!("ws://{address}"))
        .await
        .unwrap();
    a_look_around(&client).await;
    server.stop().unwrap();
}

#[tokio::test]
async fn listings_come_in_pages_that_leave_none_out() {
    let (client, _server) = client().await;
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = client.listings(cursor, Some(2), None).await.unwrap();
        seen.extend(page.listings.iter().map(|listing| listing.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, [4, 5, 6, 7, 8]);
    for limit in [0, MAX_LISTINGS + 1, u32::MAX] {
        let refused = client.listings(None, Some(limit), None).await;
        assert_eq!(code(refused), INVALID_PARAMS_CODE);
    }
}

#[tokio::test]
async fn questions_about_what_is_not_there_have_codes_of_their_own() {
    let (client, _server) = client().await;
    assert_eq!(code(client.listing(3, None).await), NO_SUCH_LISTING);
    assert_eq!(code(client.quote(9, None, None).await), NO_SUCH_LISTING);
    assert_eq!(code(client.order(9, None).await), NO_SUCH_ORDER);
    let nobody = Holder::Account(Account(who(9)));
    let pool = client
        .claimable(PoolId::Campaign(4), nobody.clone(), None)
        .await;
    assert_eq!(code(pool), NO_SUCH_POOL);
    let at = |at| client.listings(None, None, Some(at));
    assert_eq!(code(at(H256::repeat_byte(9)).await), UNKNOWN_BLOCK);
    assert_eq!(code(at(PRUNED).await), UNKNOWN_BLOCK);
    assert_eq!(code(at(OTHER).await), OTHER_RUNTIME);
    assert_eq!(code(at(BROKEN).await), RUNTIME_FAILED);
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
    let (client, _server) = client().await;
    let hash = format!("0x{}", "00".repeat(32));
    let fine: Value = client
        .request("market_claimable", Raw(json!([{"listing": 4}, hash])))
        .await
        .unwrap();
    assert_eq!(fine["claimable"], "0");
    for (method, params) in [
        ("market_listings", json!(["4"])),
        ("market_listings", json!([-1])),
        ("market_listings", json!([null, 1.5])),
        ("market_listings", json!([null, null, "0x00"])),
        ("market_listing", json!([])),
        ("market_listing", json!([{"listing": 4}])),
        ("market_order", json!(["0x07"])),
        ("market_quote", json!([4, "5Grw"])),
        ("market_quote", json!([])),
        ("market_claimable", json!([4, hash])),
        ("market_claimable", json!([{"listing": 4}])),
        ("market_claimable", json!([{"listing": 4}, {"job": 4}])),
        ("market_claimable", json!([{"jury": 4}, hash])),
    ] {
        let refused: Result<Value, _> = client.request(method, Raw(params.clone())).await;
        assert_eq!(code(refused), INVALID_PARAMS_CODE, "{method} {params}");
    }
}

/// The part of the docs that is about these methods.
fn docs() -> &'static str {
    let page = include_str!("../../../../docs/json-rpc.md");
    let start = page.find("\n# JSON-RPC of the data market").unwrap();
    &page[start..]
}

#[tokio::test]
async fn the_worked_example_of_the_docs_is_true() {
    let page = docs();
    let (client, _server) = client().await;
    let blocks: Vec<&str> = page
        .split("```json\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert_eq!(blocks.len() % 2, 0, "each request has its answer");
    let mut methods = Vec::new();
    for pair in blocks.chunks_exact(2) {
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
                let object = json!({"code": error.code(), "message": error.message()});
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
        methods.push(method);
    }
    for method in ["listings", "listing", "order", "quote", "claimable"] {
        let method = format!("market_{method}");
        assert!(methods.contains(&method), "{method} has no example");
    }
    for code in [
        UNKNOWN_BLOCK,
        NO_SUCH_LISTING,
        NO_SUCH_ORDER,
        RUNTIME_FAILED,
        OTHER_RUNTIME,
        NO_SUCH_POOL,
    ] {
        let minus = format!("−{}", code.unsigned_abs());
        assert!(page.contains(&minus), "{code} is not in the docs");
    }
}

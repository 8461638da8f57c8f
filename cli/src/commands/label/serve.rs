//! `athanor label serve`: keys of private pages for who holds a lease.
//!
//! `POST /v1/key` with `{"batch","page","worker","hpke","signature"}`: worker, X25519 key and
//! SCALE `MultiSignature` as `0x` hex; signed is
//! [`athanor_primitives::labels::page_key_text`]. Answers 200 `{"key"}`, the page's key wrapped
//! to `hpke`, or a line of text that says why not. A request that is sent again gives the same
//! key to the same `hpke`, so nothing has to be remembered of it.

use super::{
    create,
    folder::Folder,
    view::{self, Held},
};
use crate::{
    chain::Chain,
    commands::Context,
    error::{Error, Result},
    output, scale,
};
use athanor_label_client::{
    account::{self, Signature},
    private::PageKey,
    seal::{wrap_page_key, Slot},
};
use athanor_primitives::{labels::page_key_text, ticket::root_from_hex};
use axum::{
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{header::CONTENT_TYPE, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
    Router,
};
use clap::Args;
use serde::Deserialize;
use serde_json::json;
use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// Longest request, in bytes.
const MAX_REQUEST: usize = 2_048;

/// Requests answered at a time.
const AT_A_TIME: usize = 32;

/// Longest wait for the chain's answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Options of `label serve`.
#[derive(Args, Clone, Debug)]
pub struct Serve {
    /// The campaign's folder
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9966")]
    pub listen: SocketAddr,
}

struct Service {
    chain: Chain,
    genesis: [u8; 32],
    /// Keys by batch, page 0 first.
    keys: BTreeMap<u64, Vec<PageKey>>,
    slots: Semaphore,
}

#[derive(Deserialize)]
struct Request {
    batch: u64,
    page: u32,
    worker: String,
    hpke: String,
    signature: String,
}

/// A request whose signature holds.
#[derive(Debug)]
struct Asked {
    slot: Slot,
    hpke: [u8; 32],
}

/// Why no key is given.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    Malformed(&'static str),
    BadSignature,
    NoSuchPage,
    NoLease,
    Busy,
    Chain,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::Malformed(text) => (StatusCode::BAD_REQUEST, text),
            Self::BadSignature => (
                StatusCode::FORBIDDEN,
                "the signature is not the worker's of this request",
            ),
            Self::NoSuchPage => (StatusCode::NOT_FOUND, "no private page of this number here"),
            Self::NoLease => (
                StatusCode::FORBIDDEN,
                "the account holds no live lease on this page",
            ),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy, try again"),
            Self::Chain => (
                StatusCode::SERVICE_UNAVAILABLE,
                "the chain cannot be asked now, try again",
            ),
        };
        (status, format!("{text}\n")).into_response()
    }
}

/// Reads a request and checks its signature, before the chain is asked about it.
fn read(body: &[u8], genesis: &[u8; 32]) -> std::result::Result<Asked, Refusal> {
    let request: Request = serde_json::from_slice(body)
        .map_err(|_| Refusal::Malformed("the body is not the JSON of a key request"))?;
    let worker = account::from_hex(&request.worker)
        .map_err(|_| Refusal::Malformed("'worker' is not 0x and 64 hex digits"))?;
    let hpke = root_from_hex(&request.hpke)
        .ok_or(Refusal::Malformed("'hpke' is not 0x and 64 hex digits"))?;
    let signature = Signature::from_hex(&request.signature)
        .map_err(|_| Refusal::Malformed("'signature' is no SCALE MultiSignature in hex"))?;
    let text = page_key_text(genesis, request.batch, request.page, &worker, &hpke);
    signature
        .verify(&worker, &text)
        .map_err(|_| Refusal::BadSignature)?;
    Ok(Asked {
        slot: Slot {
            genesis: *genesis,
            batch: request.batch,
            page: request.page,
            worker,
        },
        hpke,
    })
}

/// Whether the page is leased to the worker now.
fn has_lease(page: &view::Page, worker: &[u8; 32], clock: u32) -> bool {
    page.slots.iter().any(|(account, held)| {
        account == worker && matches!(held, Held::Leased(until) if clock < *until)
    })
}

async fn key(
    State(service): State<Arc<Service>>,
    body: Bytes,
) -> std::result::Result<Response, Refusal> {
    let _slot = service.slots.try_acquire().map_err(|_| Refusal::Busy)?;
    let asked = read(&body, &service.genesis)?;
    let key = service
        .keys
        .get(&asked.slot.batch)
        .and_then(|keys| keys.get(asked.slot.page as usize))
        .ok_or(Refusal::NoSuchPage)?;
    let looking = async {
        let state = service.chain.best().await?;
        let page = view::page(&state, asked.slot.batch, asked.slot.page).await?;
        let clock = view::clock(&state).await?;
        Ok::<_, Error>(has_lease(&page, &asked.slot.worker, clock))
    };
    match tokio::time::timeout(PATIENCE, looking).await {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) => return Err(Refusal::NoLease),
        _ => return Err(Refusal::Chain),
    }
    let wrapped = wrap_page_key(key, &asked.slot, &asked.hpke)
        .map_err(|_| Refusal::Malformed("'hpke' is no usable X25519 key"))?;
    let answer = json!({"key": scale::hex(&wrapped)}).to_string();
    Ok(([(CONTENT_TYPE, "application/json")], answer).into_response())
}

/// `label serve`.
pub(super) async fn run(options: &Serve, context: &Context) -> Result<()> {
    let (folder, campaign, chain): (Folder, _, _) =
        create::opened(&options.folder, context).await?;
    if !campaign.terms.private {
        return Err(Error::Refused(
            "the pages of this campaign are public, nobody needs keys".into(),
        ));
    }
    let mut keys = BTreeMap::new();
    for number in 0..folder.rounds() {
        let round = folder.round(number);
        if let Some(batch) = round.batch()?.batch {
            keys.insert(batch, round.keys()?);
        }
    }
    let batches: Vec<u64> = keys.keys().copied().collect();
    let service = Service {
        genesis: chain.genesis().0,
        chain,
        keys,
        slots: Semaphore::new(AT_A_TIME),
    };
    let router = Router::new()
        .route("/v1/key", post(key))
        .route("/healthz", get(|| async { "ok\n" }))
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .with_state(Arc::new(service));
    let failed = |reason: std::io::Error| {
        Error::Refused(format!("cannot listen on {}: {reason}", options.listen))
    };
    let listener = tokio::net::TcpListener::bind(options.listen)
        .await
        .map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let value = json!({"listening": format!("http://{address}"), "batches": batches});
    context.output.result(&value, || output::describe(&value));
    context.set_next(format!(
        "workers without a key skip their pages: athanor label serve {}",
        options.folder.display()
    ));
    axum::serve(listener, router).await.map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use athanor_label_client::seal::SealKey;

    fn request(signer: &str, hpke: [u8; 32], page: u32) -> Vec<u8> {
        let pair = crate::keys::from_suri(signer).unwrap();
        let worker = crate::keys::account(&pair).0;
        let text = page_key_text(&[1; 32], 7, 3, &worker, &hpke);
        let signature = Signature::Sr25519(pair.sign(&text).0);
        let body = json!({
            "batch": 7, "page": page, "worker": scale::hex(&worker),
            "hpke": scale::hex(&hpke), "signature": signature.to_hex(),
        });
        body.to_string().into_bytes()
    }

    #[test]
    fn a_signed_request_is_taken_and_an_altered_one_is_not() {
        let hpke = SealKey::derive(&[5; 32]).public();
        let asked = read(&request("//Bob", hpke, 3), &[1; 32]).unwrap();
        assert_eq!(
            (asked.slot.batch, asked.slot.page, asked.hpke),
            (7, 3, hpke)
        );
        let elsewhere = read(&request("//Bob", hpke, 4), &[1; 32]).unwrap_err();
        assert_eq!(elsewhere, Refusal::BadSignature);
        let chain = read(&request("//Bob", hpke, 3), &[2; 32]).unwrap_err();
        assert_eq!(chain, Refusal::BadSignature);
        for body in [&b""[..], b"{}", b"[1]", &[0xff; 9]] {
            assert!(matches!(read(body, &[1; 32]), Err(Refusal::Malformed(_))));
        }
    }

    #[test]
    fn only_a_live_lease_counts() {
        let page = view::Page {
            slots: vec![
                ([1; 32], Held::Leased(100)),
                ([2; 32], Held::Committed([0; 32])),
            ],
            ..view::Page::default()
        };
        assert!(has_lease(&page, &[1; 32], 99));
        assert!(!has_lease(&page, &[1; 32], 100));
        assert!(!has_lease(&page, &[2; 32], 5));
        assert!(!has_lease(&page, &[3; 32], 5));
    }
}

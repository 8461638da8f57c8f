//! The state of a live chain, by the JSON-RPC of one of its nodes.

use crate::{export::bytes, State};
use anyhow::{bail, ensure, Context, Result};
use serde::de::DeserializeOwned;
use serde_json::{json, Value};
use std::time::Duration;

/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Keys asked for at a time: the most a node answers.
const KEYS: usize = 1_000;

/// What jsonrpsee answers where the answer is larger than the node sends.
const TOO_BIG: i64 = -32_008;

/// Reads the whole state of a block, by default the last final one. Calls `progress` with the
/// number of entries it has so far.
///
/// # Errors
///
/// If the node cannot be reached, does not know the block or no longer has its state.
pub async fn fetch(url: &str, at: Option<&str>, mut progress: impl FnMut(usize)) -> Result<State> {
    let node = Node::new(url)?;
    let at = match at {
        Some(hash) => hash.to_string(),
        None => node.call("chain_getFinalizedHead", json!([])).await?,
    };
    let header: Option<Header> = node.call("chain_getHeader", json!([at])).await?;
    let header = header.with_context(|| format!("{url} knows no block {at}"))?;
    let Ok(root) = <[u8; 32]>::try_from(bytes(&header.state_root)?) else {
        bail!("{url} answers a state root of another form");
    };
    let mut state = State::default();
    state.expect_root(root.into());
    let mut last: Option<String> = None;
    loop {
        let keys: Vec<String> = node
            .call("state_getKeysPaged", json!(["0x", KEYS, last, at]))
            .await?;
        ensure!(keys.len() <= KEYS, "{url} answers more keys than asked");
        let Some(end) = keys.last() else {
            return Ok(state);
        };
        ensure!(last.as_ref() < Some(end), "{url} answers keys in no order");
        last = Some(end.clone());
        // Some values are large: halves, until the node can send them.
        let mut parts = vec![&keys[..]];
        while let Some(part) = parts.pop() {
            match node.values(part, &at).await {
                Ok(values) => {
                    for (key, value) in values {
                        state.insert(bytes(&key)?, bytes(&value)?);
                    }
                }
                Err(Failure::TooBig) if part.len() > 1 => {
                    let (one, other) = part.split_at(part.len() / 2);
                    parts.extend([other, one]);
                }
                Err(Failure::TooBig) => bail!("{url} does not send {}: too large", part[0]),
                Err(Failure::Other(error)) => return Err(error),
            }
        }
        progress(state.len());
    }
}

enum Failure {
    TooBig,
    Other(anyhow::Error),
}

struct Node {
    url: String,
    http: reqwest::Client,
}

impl Node {
    fn new(url: &str) -> Result<Self> {
        let url = match url.split_once("://") {
            Some(("ws", rest)) => format!("http://{rest}"),
            Some(("wss", rest)) => format!("https://{rest}"),
            Some(("http" | "https", _)) => url.to_string(),
            _ => bail!("{url}: not the URL of a node, like http://127.0.0.1:9944"),
        };
        let http = reqwest::Client::builder()
            .timeout(CALL_TIMEOUT)
            .build()
            .context("cannot set up an HTTP client")?;
        Ok(Self { url, http })
    }

    async fn ask(&self, method: &str, params: Value) -> Result<Value> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        self.http
            .post(&self.url)
            .json(&request)
            .send()
            .await
            .with_context(|| format!("cannot reach {}", self.url))?
            .json()
            .await
            .with_context(|| format!("{} does not answer in JSON", self.url))
    }

    fn result<T: DeserializeOwned>(&self, method: &str, mut answer: Value) -> Result<T> {
        if let Some(error) = answer.get("error") {
            bail!("{method} at {}: {error}", self.url);
        }
        serde_json::from_value(answer["result"].take())
            .with_context(|| format!("{method} at {} answers something else", self.url))
    }

    async fn call<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T> {
        let answer = self.ask(method, params).await?;
        self.result(method, answer)
    }

    /// The values of keys in a block's state.
    async fn values(&self, keys: &[String], at: &str) -> Result<Vec<(String, String)>, Failure> {
        const METHOD: &str = "state_queryStorageAt";
        let answer = self
            .ask(METHOD, json!([keys, at]))
            .await
            .map_err(Failure::Other)?;
        if answer["error"]["code"].as_i64() == Some(TOO_BIG) {
            return Err(Failure::TooBig);
        }
        let found: Vec<Changes> = self.result(METHOD, answer).map_err(Failure::Other)?;
        let values: Vec<_> = found
            .into_iter()
            .flat_map(|set| set.changes)
            .filter_map(|(key, value)| Some((key, value?)))
            .collect();
        if !values.iter().map(|(key, _)| key).eq(keys) {
            let words = "answers other values than it was asked for";
            return Err(Failure::Other(anyhow::anyhow!("{} {words}", self.url)));
        }
        Ok(values)
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    state_root: String,
}

#[derive(serde::Deserialize)]
struct Changes {
    changes: Vec<(String, Option<String>)>,
}

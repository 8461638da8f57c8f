//! JSON-RPC over HTTP, as much as a network's keeper needs.

use anyhow::{anyhow, bail, Context, Result};
use serde::de::DeserializeOwned;
use serde_json::{json, Value};
use std::{future::Future, time::Duration};
use tokio::time::{sleep, timeout, Instant};

/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a node may take to look at many transactions.
const SUBMIT_TIMEOUT: Duration = Duration::from_secs(120);

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(300);

/// A JSON-RPC endpoint.
#[derive(Clone, Debug)]
pub struct Rpc {
    url: String,
    http: reqwest::Client,
}

impl Rpc {
    /// An endpoint at an `http://` URL. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// If the HTTP client cannot be set up.
    pub fn new(url: &str) -> Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(CALL_TIMEOUT)
            .build()
            .context("cannot set up an HTTP client")?;
        Ok(Self {
            url: url.into(),
            http,
        })
    }

    /// The endpoint's URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Calls a method.
    ///
    /// # Errors
    ///
    /// If the endpoint cannot be reached, answers an error, or its answer is not a `T`.
    pub async fn call<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer: Value = self
            .http
            .post(&self.url)
            .json(&request)
            .send()
            .await
            .with_context(|| format!("cannot reach {}", self.url))?
            .json()
            .await
            .with_context(|| format!("{} does not answer in JSON", self.url))?;
        if let Some(error) = answer.get("error") {
            bail!("{method} at {}: {error}", self.url);
        }
        let result = answer.get("result").cloned().unwrap_or(Value::Null);
        serde_json::from_value(result)
            .with_context(|| format!("{method} at {} answers something else", self.url))
    }

    /// Number of the best block.
    ///
    /// # Errors
    ///
    /// As [`Rpc::call`].
    pub async fn best_block(&self) -> Result<u64> {
        number(&self.call::<Value>("chain_getHeader", json!([])).await?)
    }

    /// Number of the last finalised block.
    ///
    /// # Errors
    ///
    /// As [`Rpc::call`].
    pub async fn finalized_block(&self) -> Result<u64> {
        let hash: String = self.call("chain_getFinalizedHead", json!([])).await?;
        number(&self.call::<Value>("chain_getHeader", json!([hash])).await?)
    }

    /// Hands over signed transactions, `0x` and hex each, in one request.
    ///
    /// # Errors
    ///
    /// If the endpoint cannot be reached or refuses one; the message has its words.
    pub async fn submit(&self, transactions: &[String]) -> Result<()> {
        let requests: Vec<Value> = transactions
            .iter()
            .enumerate()
            .map(|(id, bytes)| {
                json!({
                    "jsonrpc": "2.0", "id": id,
                    "method": "author_submitExtrinsic", "params": [bytes],
                })
            })
            .collect();
        let answers: Vec<Value> = self
            .http
            .post(&self.url)
            .timeout(SUBMIT_TIMEOUT)
            .json(&requests)
            .send()
            .await
            .with_context(|| format!("cannot reach {}", self.url))?
            .json()
            .await
            .with_context(|| format!("{} does not answer in JSON", self.url))?;
        match answers.iter().find_map(|answer| answer.get("error")) {
            Some(error) => bail!("a transaction was refused: {error}"),
            None => Ok(()),
        }
    }

    /// Number of an account's next transaction, those that wait included.
    ///
    /// # Errors
    ///
    /// As [`Rpc::call`].
    pub async fn nonce(&self, account: &str) -> Result<u64> {
        self.call("system_accountNextIndex", json!([account])).await
    }

    /// Number of connected peers.
    ///
    /// # Errors
    ///
    /// As [`Rpc::call`].
    pub async fn peers(&self) -> Result<u64> {
        let health: Value = self.call("system_health", json!([])).await?;
        health
            .get("peers")
            .and_then(Value::as_u64)
            .context("system_health without peers")
    }
}

fn number(header: &Value) -> Result<u64> {
    let text = header
        .get("number")
        .and_then(Value::as_str)
        .context("a header without number")?;
    u64::from_str_radix(text.trim_start_matches("0x"), 16)
        .with_context(|| format!("{text} is no block number"))
}

/// Waits until `look` answers `Some`. An error of `look` ends the wait only if it is still there
/// at the end.
///
/// # Errors
///
/// If that does not happen within `limit`; the message names `what` and the last error.
pub async fn wait_for<T, F>(what: &str, limit: Duration, mut look: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    let end = Instant::now() + limit;
    loop {
        let last = match timeout(limit.max(LOOK), look()).await {
            Ok(Ok(Some(value))) => return Ok(value),
            Ok(Ok(None)) => None,
            Ok(Err(error)) => Some(error),
            Err(_) => Some(anyhow!("no answer")),
        };
        if Instant::now() >= end {
            let why = last.map(|error| format!(": {error:#}")).unwrap_or_default();
            bail!(
                "{what} did not happen within {} seconds{why}",
                limit.as_secs()
            );
        }
        sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_numbers_are_read_from_headers() {
        assert_eq!(number(&json!({ "number": "0x1f" })).unwrap(), 31);
        for header in [
            json!({}),
            json!({ "number": 31 }),
            json!({ "number": "0xzz" }),
        ] {
            assert!(number(&header).is_err(), "{header}");
        }
    }

    #[tokio::test]
    async fn waiting_ends_with_the_value() {
        let mut calls = 0;
        let value = wait_for("three", Duration::from_secs(5), || {
            calls += 1;
            let answer = (calls == 3).then_some(calls);
            async move { Ok(answer) }
        })
        .await
        .unwrap();
        assert_eq!(value, 3);
    }

    #[tokio::test]
    async fn waiting_in_vain_names_what_and_why() {
        let error = wait_for::<(), _>("the end of time", Duration::ZERO, || async {
            bail!("the clock is stuck")
        })
        .await
        .unwrap_err()
        .to_string();
        assert!(error.contains("the end of time did not happen"), "{error}");
        assert!(error.contains("the clock is stuck"), "{error}");
    }
}

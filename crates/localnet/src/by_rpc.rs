//! A contributor with nothing but a key, JSON-RPC and HTTP: no client of ours, no SCALE, no token.
//!
//! Follows "A first page, from an empty account" of `docs/json-rpc.md` step by step. Texts, sheet
//! and commitment are made here from the specification, and only compared with what the node says.

use crate::rpc::{wait_for, Rpc};
use anyhow::{ensure, Context, Result};
use serde_json::{json, Value};
use sp_crypto_hashing::{blake2_256, sha2_256};
use std::time::Duration;
use subxt_signer::sr25519::Keypair;

/// Longest wait for a block or two.
const SOON: Duration = Duration::from_secs(120);
/// Longest wait for the batch.
const BATCH: Duration = Duration::from_secs(1_200);

/// What the contributor goes by.
pub(crate) struct Contributor<'a> {
    pub(crate) rpc: &'a Rpc,
    /// Address of a content store.
    pub(crate) store: &'a str,
    pub(crate) key: &'a Keypair,
    pub(crate) address: &'a str,
    pub(crate) batch: u64,
}

fn hex(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

fn wrapped(what: &str, genesis: &str, lines: &[String]) -> String {
    format!(
        "<Bytes>athanor labels: {what} v1\ngenesis {genesis}\n{}</Bytes>",
        lines.join("\n")
    )
}

/// Answers of two bits each, task 0 in the lowest bits of the first byte.
fn packed(answers: &[u8]) -> Vec<u8> {
    answers
        .chunks(4)
        .map(|four| {
            four.iter()
                .enumerate()
                .fold(0, |byte, (place, answer)| byte | answer << (2 * place))
        })
        .collect()
}

impl Contributor<'_> {
    fn signature(&self, text: &str) -> Value {
        json!({ "sr25519": hex(&self.key.sign(text.as_bytes()).0) })
    }

    async fn submit(&self, call: Value, signature: Option<Value>) -> Result<()> {
        let sent: Value = self
            .rpc
            .call("labels_submit", json!([call, signature]))
            .await?;
        ensure!(
            sent.get("transaction").is_some_and(Value::is_string),
            "labels_submit answered {sent}"
        );
        Ok(())
    }

    async fn status(&self) -> Result<Option<Value>> {
        let found: Value = self
            .rpc
            .call("labels_status", json!([self.address]))
            .await?;
        let batches = found.get("batches").and_then(Value::as_array);
        Ok(batches
            .into_iter()
            .flatten()
            .find(|batch| batch.get("batch") == Some(&json!(self.batch)))
            .cloned())
    }

    async fn blob(&self, root: &str) -> Result<String> {
        let url = format!("{}/blobs/{}", self.store, root.trim_start_matches("0x"));
        let answer = reqwest::get(&url).await?.error_for_status()?;
        Ok(answer.text().await?)
    }

    /// Asks for a page behind a line of a file of vouchers, answers it, shows the answers in time,
    /// and returns the status of the paid batch. `answer` has the code of a task by its `id`.
    ///
    /// # Errors
    ///
    /// If a step is refused, or the node says something else than the specification.
    pub(crate) async fn first_page(
        &self,
        voucher: &Value,
        answer: impl Fn(&str) -> Option<u8>,
    ) -> Result<Value> {
        let genesis: String = self.rpc.call("chain_getBlockHash", json!([0])).await?;
        let worker = hex(&self.key.public_key().0);
        let batch = self.batch;
        let text = wrapped(
            "request",
            &genesis,
            &[
                format!("batch {batch}"),
                format!("worker {worker}"),
                "lease 0".into(),
            ],
        );
        let request = json!({ "request_sponsored": {
            "batch": batch, "worker": self.address, "voucher": voucher,
        }});
        self.submit(request, Some(self.signature(&text))).await?;

        let lease = wait_for("a page for the caller by JSON-RPC", SOON, || async {
            let next: Value = self.rpc.call("labels_next", json!([self.address])).await?;
            Ok(next["leases"].get(0).cloned())
        })
        .await?;
        let page = lease["page"].as_u64().context("a lease without its page")?;
        let index_root = lease["index_root"].as_str().context("no index_root")?;
        let index = self.blob(index_root).await?;
        let line = index
            .lines()
            .nth(usize::try_from(page)?)
            .context("the index has no such line")?;
        let line: Value = serde_json::from_str(line).context("a line of the index")?;
        let file = self
            .blob(line["root"].as_str().context("a line without its root")?)
            .await?;
        let answers = file
            .lines()
            .skip(1)
            .map(|task| {
                let task: Value = serde_json::from_str(task)?;
                let id = task["id"].as_str().context("a task without its id")?;
                answer(id).with_context(|| format!("no answer for {id}"))
            })
            .collect::<Result<Vec<u8>>>()?;

        let sheet = packed(&answers);
        let secret = self.key.sign(b"whatever only this contributor can make").0;
        let salt = sha2_256(&secret);
        let number = u32::try_from(page)?;
        let genesis_bytes = hex::decode(genesis.trim_start_matches("0x"))?;
        let length = u32::try_from(sheet.len())?;
        let commitment = hex(&blake2_256(
            &[
                b"athanor/commit/v1".as_slice(),
                &genesis_bytes,
                &batch.to_le_bytes(),
                &number.to_le_bytes(),
                &self.key.public_key().0,
                &length.to_le_bytes(),
                &sheet,
                &salt,
            ]
            .concat(),
        ));
        let text = wrapped(
            "commit",
            &genesis,
            &[
                format!("batch {batch}"),
                format!("page {page}"),
                format!("worker {worker}"),
                format!("answers {commitment}"),
                format!("sealed {}", hex(&[0; 32])),
            ],
        );
        let payload: Value = self
            .rpc
            .call(
                "labels_payload",
                json!([batch, page, answers, hex(&salt), self.address]),
            )
            .await?;
        ensure!(
            payload["text"] == json!(text)
                && payload["answers"] == json!(commitment)
                && payload["sheet"] == json!(hex(&sheet)),
            "the node packs otherwise than the specification: {payload}"
        );
        let commit = json!({ "commit": {
            "batch": batch, "page": page, "worker": self.address, "answers": commitment,
        }});
        self.submit(commit, Some(self.signature(&text))).await?;

        wait_for("the batch to be closed", BATCH, || async {
            let status = self.status().await?;
            Ok(status.filter(|batch| batch["state"] == "reveal"))
        })
        .await?;
        let reveal = json!({ "reveal": {
            "batch": batch, "page": page, "worker": self.address,
            "sheet": hex(&sheet), "salt": hex(&salt),
        }});
        self.submit(reveal, None).await?;
        wait_for("the pay of the caller by JSON-RPC", BATCH, || async {
            let status = self.status().await?;
            Ok(status.filter(|batch| batch["state"] == "paid"))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sheet_and_the_text_of_the_documents_are_made() {
        assert_eq!(hex(&packed(&[0, 1, 2, 0, 1, 2, 0, 1])), "0x2449");
        let text = wrapped("skip", "0x47", &["batch 12".into(), "page 40".into()]);
        assert_eq!(
            text,
            "<Bytes>athanor labels: skip v1\ngenesis 0x47\nbatch 12\npage 40</Bytes>"
        );
    }
}

//! What the commands of the group share.

use crate::{
    chain::{Call, Chain, Included},
    commands::Context,
    error::{Error, Result},
    keys, output, scale,
};
use athanor_primitives::{
    market::{Beneficiary, PoolId},
    ticket::bytes_from_hex,
};
use serde_json::{json, Value};
use subxt::{ext::scale_encode::EncodeAsFields, utils::AccountId32};
use subxt_signer::sr25519::Keypair;

/// A count as a length.
pub(super) fn number_of(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// A signer with a chain, and whether anything is sent.
pub(super) struct Send<'a> {
    context: &'a Context,
    pub(super) chain: Chain,
    pub(super) signer: Keypair,
    dry_run: bool,
}

impl<'a> Send<'a> {
    /// Loads the key and connects.
    pub(super) async fn new(context: &'a Context, dry_run: bool) -> Result<Self> {
        let signer = context.signer()?;
        let chain = context.chain().await?;
        Ok(Self {
            context,
            chain,
            signer,
            dry_run,
        })
    }

    /// The signing account.
    pub(super) fn account(&self) -> AccountId32 {
        keys::account(&self.signer)
    }

    /// Sends a call and shows `value` with its block, or shows what it would do.
    pub(super) async fn call<Args: EncodeAsFields>(
        &self,
        call: Call<Args>,
        amounts: &[(&str, u128)],
        value: Value,
    ) -> Result<()> {
        self.call_with(call, amounts, value, |_, value| Ok(value))
            .await
    }

    /// As [`Send::call`], with more to show of what the events say.
    pub(super) async fn call_with<Args: EncodeAsFields>(
        &self,
        call: Call<Args>,
        amounts: &[(&str, u128)],
        value: Value,
        more: impl FnOnce(&Included, Value) -> Result<Value>,
    ) -> Result<()> {
        if self.dry_run {
            return self
                .context
                .show_dry_run(&self.chain, &self.signer, call, amounts)
                .await;
        }
        let included = self.context.submit(&self.chain, &self.signer, call).await?;
        let mut value = more(&included, value)?;
        if let Some(fields) = value.as_object_mut() {
            fields.insert("block".into(), json!(included.block_hex()));
        }
        self.context
            .output
            .result(&value, || output::describe(&value));
        Ok(())
    }
}

/// Bytes of a journal or a record.
pub(super) fn bytes<const N: usize>(text: &str, what: &str) -> Result<[u8; N]> {
    bytes_from_hex(text, N)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| Error::Refused(format!("{what} is not 0x and {} hex digits", 2 * N)))
}

/// Reads a pool: `listing:7` or `campaign:3`.
pub(super) fn parse_pool(text: &str) -> std::result::Result<PoolId, String> {
    let bad = || format!("'{text}' is no pool: write 'listing:7' or 'campaign:3'");
    let (kind, id) = text.split_once(':').ok_or_else(bad)?;
    let id = id.parse().map_err(|_| bad())?;
    match kind {
        "listing" => Ok(PoolId::Listing(id)),
        "campaign" => Ok(PoolId::Campaign(id)),
        _ => Err(bad()),
    }
}

/// Reads a beneficiary: an account or a pool.
pub(super) fn parse_beneficiary(
    text: &str,
) -> std::result::Result<Beneficiary<AccountId32>, String> {
    if text.starts_with("listing:") || text.starts_with("campaign:") {
        return parse_pool(text).map(Beneficiary::Pool);
    }
    keys::parse_account(text)
        .map(Beneficiary::Account)
        .map_err(|error| error.to_string())
}

/// A pool as commands take it.
pub(super) fn pool_text(pool: PoolId) -> String {
    match pool {
        PoolId::Listing(id) => format!("listing:{id}"),
        PoolId::Campaign(id) => format!("campaign:{id}"),
    }
}

/// A beneficiary as commands take it.
pub(super) fn beneficiary_text(beneficiary: &Beneficiary<AccountId32>) -> String {
    match beneficiary {
        Beneficiary::Account(account) => account.to_string(),
        Beneficiary::Pool(pool) => pool_text(*pool),
    }
}

/// Bytes as `0x` hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    scale::hex(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_and_beneficiaries_are_read_as_they_are_shown() {
        for text in ["listing:7", "campaign:18446744073709551615"] {
            let pool = parse_pool(text).unwrap();
            assert_eq!(pool_text(pool), text);
            let beneficiary = parse_beneficiary(text).unwrap();
            assert_eq!(beneficiary_text(&beneficiary), text);
        }
        let alice = parse_beneficiary("//Alice").unwrap();
        assert_eq!(parse_beneficiary(&beneficiary_text(&alice)), Ok(alice));
        for text in ["7", "listing", "listing:", "listing:-1", "pool:7", ""] {
            assert!(parse_pool(text).is_err(), "{text}");
        }
    }
}

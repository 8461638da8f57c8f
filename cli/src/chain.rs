//! The node: state, view functions, events and transactions, all by the
//! metadata the node itself serves.

use crate::{
    error::{self, Error, Result},
    output::Output,
    scale,
};
use serde_json::Value;
use std::time::Duration;
use subxt::{
    backend::LegacyBackend,
    client::{BlockNumberOrRef, OnlineClientAtBlockImpl},
    config::{
        substrate::{DigestItem, H256},
        DefaultExtrinsicParamsBuilder, RpcConfigFor,
    },
    events::Event as RawEvent,
    ext::{
        codec::{Compact, Decode, Encode},
        frame_decode::helpers::IntoEncodableValues,
        scale_encode::EncodeAsFields,
    },
    rpcs::{methods::legacy::LegacyRpcMethods, RpcClient},
    transactions::{
        TransactionInBlock, TransactionInvalid, TransactionProgress, TransactionStatus,
        ValidationResult,
    },
    utils::AccountId32,
    Metadata, OnlineClient, OnlineClientAtBlock, SubstrateConfig,
};
use subxt_signer::sr25519::Keypair;

/// Blocks a transaction stays valid for.
pub const MORTALITY: u64 = 256;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// Longest wait for a transaction's block.
const INCLUSION: Duration = Duration::from_secs(300);

/// How often a transaction is signed whose nonce others were first with.
const TRIES: u32 = 10;

/// Between two of them.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Pallets whose events are read; the fields of others are left alone.
const READ: [&str; 4] = ["ComputeJobs", "DataMarket", "LabelBounties", "Programs"];

/// What the connection says of itself when it is broken rather than refused.
const BROKEN: &str = "client error";

/// Whether the pool has another transaction of the account with this nonce (its error 1014), or a
/// block has one.
fn nonce_is_taken(error: &Error) -> bool {
    matches!(error, Error::Rejected { reason, .. }
        if reason.starts_with("Priority is too low") || reason.contains("Transaction is outdated"))
}

/// A connected node.
#[derive(Clone)]
pub struct Chain {
    client: OnlineClient<SubstrateConfig>,
    legacy: LegacyRpcMethods<RpcConfigFor<SubstrateConfig>>,
    url: String,
}

/// The chain's state after one block.
pub struct State {
    at: OnlineClientAtBlock<SubstrateConfig>,
    url: String,
}

/// An event as JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The pallet that deposited it.
    pub pallet: String,
    /// Its name.
    pub name: String,
    /// Its fields; `null` for events of pallets this client has no use for.
    pub fields: Value,
}

impl Event {
    /// Whether this is the event `name` of `pallet`.
    pub fn is(&self, pallet: &str, name: &str) -> bool {
        self.pallet == pallet && self.name == name
    }
}

/// A transaction that is in a block and succeeded.
#[derive(Clone, Debug)]
pub struct Included {
    /// The block's hash.
    pub block: H256,
    /// What the transaction deposited.
    pub events: Vec<Event>,
}

impl Included {
    /// The block's hash as JSON carries it.
    pub fn block_hex(&self) -> String {
        scale::hex(self.block.as_ref())
    }

    /// A field of the transaction's event `pallet.name`.
    pub fn field(&self, pallet: &str, name: &str, field: &str) -> Result<Value> {
        self.events
            .iter()
            .find(|event| event.is(pallet, name))
            .and_then(|event| event.fields.get(field))
            .cloned()
            .ok_or_else(|| Error::protocol(format!("the event {pallet}.{name}"), "it is missing"))
    }
}

/// What a transaction would cost and do.
#[derive(Clone, Debug)]
pub struct DryRun {
    /// The call as JSON: pallet, call, arguments.
    pub call: Value,
    /// Estimated fee in the smallest unit.
    pub fee: u128,
    /// What the pool would say against it.
    pub problem: Option<String>,
}

/// A call that stands in a block, whether it succeeded or not.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockCall {
    /// Its name.
    pub name: String,
    /// Its arguments by name.
    pub args: Value,
}

/// How long a transaction lives, and what it offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Its nonce; `None`: the pool's next.
    pub nonce: Option<u64>,
    /// Blocks it is valid for from the best block on: a power of two, 4 at least.
    pub life: u32,
    /// Its tip in the smallest unit.
    pub tip: u128,
}

impl Terms {
    /// The pool's next nonce, no tip.
    pub fn living(life: u32) -> Self {
        Self {
            nonce: None,
            life,
            tip: 0,
        }
    }
}

/// A call of the runtime.
pub struct Call<Args> {
    pallet: &'static str,
    name: &'static str,
    args: Args,
}

impl<Args: EncodeAsFields> Call<Args> {
    /// A call; its arguments are encoded by the chain's metadata.
    pub fn new(pallet: &'static str, name: &'static str, args: Args) -> Self {
        Self { pallet, name, args }
    }

    /// The call's name, as `Pallet.call`.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.pallet, self.name)
    }
}

/// The reason without the names of the layers it came through.
fn plain(reason: &str) -> String {
    reason
        .replace("RPC error: ", "")
        .replace("client error: ", "")
        .replace("Backend error: ", "")
}

/// A transaction that was sent and may be included yet.
fn unconfirmed(call: &str, reason: impl Into<String>) -> Error {
    Error::Unconfirmed {
        call: call.into(),
        reason: reason.into(),
        blocks: MORTALITY,
    }
}

/// First byte of a general transaction of version 5: neither bare nor signed.
const GENERAL: u8 = 0b0100_0101;

/// Extensions that carry a value of one byte, zero when nothing is asked of them: no
/// mortality, no nonce, no tip, no metadata hash.
const ZEROED: [&str; 5] = [
    "CheckMortality",
    "CheckEra",
    "CheckNonce",
    "ChargeTransactionPayment",
    "CheckMetadataHash",
];

/// The transaction around an authorised call, with its length in front: what
/// `author_submitExtrinsic` takes.
///
/// # Errors
///
/// If the chain has transaction extensions this client does not know.
pub fn general_transaction(metadata: &Metadata, call: &[u8]) -> Result<Vec<u8>> {
    let extrinsic = metadata.extrinsic();
    let mut bytes = vec![
        GENERAL,
        extrinsic.transaction_extension_version_to_use_for_encoding(),
    ];
    for extension in extrinsic.transaction_extensions_to_use_for_encoding() {
        if ZEROED.contains(&extension.identifier()) {
            bytes.push(0);
        } else if !is_empty(extension.extra_ty(), metadata.types(), 0) {
            return Err(Error::NotThisChain(format!(
                "transaction extension {} as this client knows it",
                extension.identifier()
            )));
        }
    }
    bytes.extend_from_slice(call);
    Ok(bytes.encode())
}

/// Whether values of a type take no bytes.
fn is_empty(id: u32, types: &scale::Registry, depth: u8) -> bool {
    use scale_info::TypeDef;
    let Some(ty) = types.resolve(id).filter(|_| depth < 8) else {
        return false;
    };
    match &ty.type_def {
        TypeDef::Composite(inner) => inner
            .fields
            .iter()
            .all(|field| is_empty(field.ty.id, types, depth + 1)),
        TypeDef::Tuple(inner) => inner
            .fields
            .iter()
            .all(|field| is_empty(field.id, types, depth + 1)),
        _ => false,
    }
}

fn node_error(url: &str, what: &str, reason: impl std::fmt::Display) -> Error {
    let reason = reason.to_string();
    // The client's error types hide the cause; its wording is what is left.
    if reason.contains(BROKEN) {
        Error::NodeUnreachable {
            url: url.into(),
            reason: plain(&reason),
        }
    } else {
        Error::protocol(what, plain(&reason))
    }
}

impl Chain {
    /// Connects to a node.
    pub async fn connect(url: &str) -> Result<Self> {
        let unreachable = |reason: String| Error::NodeUnreachable {
            url: url.to_owned(),
            reason: plain(&reason),
        };
        let connecting = async {
            let rpc = RpcClient::from_insecure_url(url)
                .await
                .map_err(|e| e.to_string())?;
            let legacy = LegacyRpcMethods::new(rpc.clone());
            let backend = LegacyBackend::builder().build(rpc);
            let client = OnlineClient::from_backend(std::sync::Arc::new(backend))
                .await
                .map_err(|e| e.to_string())?;
            Ok((client, legacy))
        };
        let (client, legacy) = tokio::time::timeout(CONNECT, connecting)
            .await
            .map_err(|_| unreachable(format!("no answer in {} s", CONNECT.as_secs())))?
            .map_err(unreachable)?;
        Ok(Self {
            client,
            legacy,
            url: url.to_owned(),
        })
    }

    /// The state after `block`.
    pub async fn at(&self, block: impl Into<BlockNumberOrRef<SubstrateConfig>>) -> Result<State> {
        let at = self
            .client
            .at_block(block)
            .await
            .map_err(|error| node_error(&self.url, "a block", error))?;
        Ok(State {
            at,
            url: self.url.clone(),
        })
    }

    /// The state after the best block.
    pub async fn best(&self) -> Result<State> {
        let hash = self
            .legacy
            .chain_get_block_hash(None)
            .await
            .map_err(|error| node_error(&self.url, "the best block", error))?
            .ok_or_else(|| Error::protocol("the best block", "there is none"))?;
        self.at(hash).await
    }

    /// The state after the last final block.
    pub async fn finalized(&self) -> Result<State> {
        let hash = self
            .legacy
            .chain_get_finalized_head()
            .await
            .map_err(|error| node_error(&self.url, "the final block", error))?;
        self.at(hash).await
    }

    /// What consensus engines said in a block's header before it was executed. Nodes keep headers
    /// where they have thrown the state away.
    pub async fn pre_digests(&self, number: u64) -> Result<Vec<([u8; 4], Vec<u8>)>> {
        let failed = |error| node_error(&self.url, "a block header", error);
        let hash = self
            .legacy
            .chain_get_block_hash(Some(number.into()))
            .await
            .map_err(failed)?;
        let missing = || Error::NotFound(format!("the node has no header of block {number}"));
        let header = self
            .legacy
            .chain_get_header(Some(hash.ok_or_else(missing)?))
            .await
            .map_err(failed)?;
        let items = header.ok_or_else(missing)?.digest.logs.into_iter();
        Ok(items
            .filter_map(|item| match item {
                DigestItem::PreRuntime(engine, bytes) => Some((engine, bytes)),
                _ => None,
            })
            .collect())
    }

    /// The chain's genesis hash.
    pub fn genesis(&self) -> H256 {
        self.client.genesis_hash()
    }

    async fn params(
        &self,
        account: &AccountId32,
    ) -> Result<DefaultExtrinsicParamsBuilder<SubstrateConfig>> {
        // The pool's view: a second command may follow before the first one's block is final.
        let nonce = self
            .legacy
            .system_account_next_index(account)
            .await
            .map_err(|error| node_error(&self.url, "the account's nonce", error))?;
        Ok(DefaultExtrinsicParamsBuilder::new()
            .nonce(nonce)
            .mortal(MORTALITY))
    }

    /// Signs and submits a call and waits until it is in the best block, or in a
    /// final one.
    pub async fn submit<Args: EncodeAsFields>(
        &self,
        call: Call<Args>,
        signer: &Keypair,
        finalized: bool,
        output: &Output,
    ) -> Result<Included> {
        let name = call.full_name();
        let progress = output.spinner(format!("{name}: waiting for a block"));
        let result = tokio::time::timeout(
            INCLUSION,
            self.submit_and_wait(call, signer, finalized, &progress),
        )
        .await;
        result.unwrap_or_else(|_| {
            let block = if finalized { "final block" } else { "block" };
            Err(unconfirmed(
                &name,
                format!("in no {block} after {} s", INCLUSION.as_secs()),
            ))
        })
    }

    async fn submit_and_wait<Args: EncodeAsFields>(
        &self,
        call: Call<Args>,
        signer: &Keypair,
        finalized: bool,
        progress: &crate::output::Progress,
    ) -> Result<Included> {
        let name = call.full_name();
        let transaction = self.sent(call, signer, None).await?;
        self.watch(&name, transaction, finalized, progress).await
    }

    /// Signs and submits a call that is valid from the best block on, and does not wait for
    /// its block.
    ///
    /// It is void on branches without that block.
    pub async fn send<Args: EncodeAsFields>(
        &self,
        call: Call<Args>,
        signer: &Keypair,
        terms: Terms,
    ) -> Result<()> {
        self.sent(call, signer, Some(terms)).await.map(drop)
    }

    /// As [`Chain::send`], and waits until it is in the best block, or in a final one.
    pub async fn submit_with<Args: EncodeAsFields>(
        &self,
        call: Call<Args>,
        signer: &Keypair,
        terms: Terms,
        finalized: bool,
        output: &Output,
    ) -> Result<Included> {
        let name = call.full_name();
        let progress = output.spinner(format!("{name}: waiting for a block"));
        let sent = async {
            let transaction = self.sent(call, signer, Some(terms)).await?;
            self.watch(&name, transaction, finalized, &progress).await
        };
        tokio::time::timeout(INCLUSION, sent)
            .await
            .unwrap_or_else(|_| {
                Err(unconfirmed(
                    &name,
                    format!("in no block after {} s", INCLUSION.as_secs()),
                ))
            })
    }

    /// Signs a call and hands it to the pool: by `terms` from the best block on, else from the
    /// final one on.
    ///
    /// Another process of the same account may have been first with a nonce that was not asked
    /// for. The pool has then not taken this transaction, and it is signed again with the next.
    async fn sent<Args: EncodeAsFields>(
        &self,
        call: Call<Args>,
        signer: &Keypair,
        terms: Option<Terms>,
    ) -> Result<TransactionProgress<SubstrateConfig, OnlineClientAtBlockImpl<SubstrateConfig>>>
    {
        let name = call.full_name();
        let payload = subxt::dynamic::tx(call.pallet, call.name, call.args);
        let account = crate::keys::account(signer);
        let nonce = terms.and_then(|terms| terms.nonce);
        let mut tries = 0;
        loop {
            let mut params = self.params(&account).await?;
            if let Some(terms) = terms {
                params = params.mortal(terms.life.into()).tip(terms.tip);
            }
            if let Some(nonce) = nonce {
                params = params.nonce(nonce);
            }
            let state = match terms {
                Some(_) => self.best().await?,
                None => self.finalized().await?,
            };
            let sent = state
                .at
                .transactions()
                .sign_and_submit_then_watch(&payload, signer, params.build())
                .await
                .map_err(|error| self.submission_error(&name, error));
            tries += 1;
            match sent {
                Err(error) if nonce.is_none() && tries < TRIES && nonce_is_taken(&error) => {
                    tokio::time::sleep(TRY_AGAIN).await;
                }
                sent => return sent,
            }
        }
    }

    /// Submits an authorised call, which nobody signs and nobody pays for, and waits
    /// until it is in the best block, or in a final one. What authorises it is in its
    /// arguments.
    pub async fn submit_authorised<Args: EncodeAsFields>(
        &self,
        call: Call<Args>,
        finalized: bool,
        output: &Output,
    ) -> Result<Included> {
        let name = call.full_name();
        let progress = output.spinner(format!("{name}: waiting for a block"));
        let sent = async {
            let payload = subxt::dynamic::tx(call.pallet, call.name, call.args);
            let state = self.finalized().await?;
            let transactions = state.at.transactions();
            let bytes = transactions
                .call_data(&payload)
                .map_err(|error| self.submission_error(&name, error))?;
            let bytes = general_transaction(state.metadata(), &bytes)?;
            let transaction = transactions
                .from_bytes(bytes)
                .submit_and_watch()
                .await
                .map_err(|error| self.submission_error(&name, error))?;
            self.watch(&name, transaction, finalized, &progress).await
        };
        tokio::time::timeout(INCLUSION, sent)
            .await
            .unwrap_or_else(|_| {
                Err(unconfirmed(
                    &name,
                    format!("in no block after {} s", INCLUSION.as_secs()),
                ))
            })
    }

    async fn watch(
        &self,
        name: &str,
        mut transaction: TransactionProgress<
            SubstrateConfig,
            OnlineClientAtBlockImpl<SubstrateConfig>,
        >,
        finalized: bool,
        progress: &crate::output::Progress,
    ) -> Result<Included> {
        while let Some(status) = transaction.next().await {
            let status = status.map_err(|error| unconfirmed(name, plain(&error.to_string())))?;
            match status {
                TransactionStatus::InBestBlock(block) if !finalized => {
                    return self.included(name, block).await;
                }
                TransactionStatus::InBestBlock(_) => {
                    progress.message(format!("{name}: in a block, waiting until it is final"));
                }
                TransactionStatus::InFinalizedBlock(block) => {
                    return self.included(name, block).await;
                }
                TransactionStatus::Invalid { message } => {
                    return Err(Error::Rejected {
                        call: name.into(),
                        reason: message,
                    });
                }
                // This node gave up on it. Others may have it, and a block too.
                TransactionStatus::Error { message } | TransactionStatus::Dropped { message } => {
                    return Err(unconfirmed(name, message));
                }
                _ => {}
            }
        }
        Err(unconfirmed(name, "the node stopped reporting about it"))
    }

    async fn included(
        &self,
        call: &str,
        block: TransactionInBlock<SubstrateConfig, OnlineClientAtBlockImpl<SubstrateConfig>>,
    ) -> Result<Included> {
        let state = self.at(block.block_hash()).await?;
        let events = block
            .wait_for_success()
            .await
            .map_err(|error| error::transaction_events(call, error, state.metadata()))?;
        let events = events
            .iter()
            .map(|event| {
                let event = event.map_err(|e| Error::protocol(format!("{call}'s events"), e))?;
                read_event(&event, state.metadata())
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Included {
            block: block.block_hash(),
            events,
        })
    }

    /// What submitting `call` would cost, and what speaks against it.
    pub async fn dry_run<Args: EncodeAsFields>(
        &self,
        call: Call<Args>,
        signer: &Keypair,
    ) -> Result<DryRun> {
        let name = call.full_name();
        let payload = subxt::dynamic::tx(call.pallet, call.name, call.args);
        let params = self.params(&crate::keys::account(signer)).await?.build();
        let state = self.best().await?;
        let mut transactions = state.at.transactions();
        let bytes = transactions
            .call_data(&payload)
            .map_err(|error| Error::protocol(&name, error))?;
        let metadata = state.metadata();
        let shown = scale::to_json(
            &mut &bytes[..],
            metadata.outer_enums().call_enum_ty(),
            metadata.types(),
        )
        .map_err(|error| Error::protocol(&name, error))?;
        let signed = transactions
            .create_signed(&payload, signer, params)
            .await
            .map_err(|error| self.submission_error(&name, error))?;
        let fee = signed
            .partial_fee_estimate()
            .await
            .map_err(|error| node_error(&self.url, "the fee", error))?;
        let problem = match signed
            .validate()
            .await
            .map_err(|error| node_error(&self.url, "the transaction's validity", error))?
        {
            ValidationResult::Invalid(TransactionInvalid::Payment) => {
                Some("the account cannot pay the fee".into())
            }
            ValidationResult::Invalid(reason) => Some(format!("invalid: {reason:?}")),
            ValidationResult::Unknown(reason) => Some(format!("not known: {reason:?}")),
            ValidationResult::Valid(_) => None,
        };
        Ok(DryRun {
            call: shown,
            fee,
            problem,
        })
    }

    fn submission_error(&self, call: &str, error: subxt::error::ExtrinsicError) -> Error {
        use subxt::error::{BackendError, ExtrinsicError, RpcError};
        match error {
            ExtrinsicError::ErrorSubmittingTransaction(BackendError::Rpc(
                RpcError::ClientError(subxt::rpcs::Error::User(refusal)),
            )) => {
                let detail = refusal
                    .data
                    .as_ref()
                    .map(|data| format!(": {}", data.get().trim_matches('"')))
                    .unwrap_or_default();
                Error::Rejected {
                    call: call.into(),
                    reason: format!("{}{detail}", refusal.message),
                }
            }
            ExtrinsicError::EncodeError(reason) => {
                Error::NotThisChain(format!("call {call} as this client knows it ({reason})"))
            }
            other => node_error(&self.url, call, other),
        }
    }

    /// Calls of one pallet in a block, from the block's body, which nodes keep longer than
    /// its state. They are read by the metadata of `state`; what that does not describe is
    /// left out, as is what stands inside of other calls.
    pub async fn calls(&self, number: u64, pallet: &str, state: &State) -> Result<Vec<BlockCall>> {
        let failed = |error: subxt::rpcs::Error| node_error(&self.url, "a block's body", error);
        let missing = || Error::NotFound(format!("the node does not have block {number} any more"));
        let hash = self
            .legacy
            .chain_get_block_hash(Some(number.into()))
            .await
            .map_err(failed)?
            .ok_or_else(missing)?;
        let block = self.legacy.chain_get_block(Some(hash)).await;
        let block = block.map_err(failed)?.ok_or_else(missing)?.block;
        let bodies = block.extrinsics.into_iter().map(|bytes| bytes.0).collect();
        let extrinsics = state.at.extrinsics().from_bytes(bodies).await;
        let types = state.metadata().types();
        let mut calls = Vec::new();
        for extrinsic in extrinsics.iter().flatten() {
            if extrinsic.pallet_name() != pallet {
                continue;
            }
            let mut args = serde_json::Map::new();
            for field in extrinsic.iter_call_data_fields() {
                let value = scale::to_json(&mut field.bytes(), field.type_id(), types);
                args.insert(field.name().to_owned(), value.unwrap_or(Value::Null));
            }
            calls.push(BlockCall {
                name: extrinsic.call_name().to_owned(),
                args: Value::Object(args),
            });
        }
        Ok(calls)
    }

    /// The stream of final blocks, or of best ones.
    pub async fn blocks(&self, finalized: bool) -> Result<subxt::client::Blocks<SubstrateConfig>> {
        let stream = if finalized {
            self.client.stream_blocks().await
        } else {
            self.client.stream_best_blocks().await
        };
        stream.map_err(|error| node_error(&self.url, "the stream of blocks", error))
    }

    /// The node's URL.
    pub fn url(&self) -> &str {
        &self.url
    }
}

fn read_event(event: &RawEvent<'_, SubstrateConfig>, metadata: &Metadata) -> Result<Event> {
    let (pallet, name) = (event.pallet_name(), event.event_name());
    if !READ.contains(&pallet) {
        return Ok(Event {
            pallet: pallet.into(),
            name: name.into(),
            fields: Value::Null,
        });
    }
    let what = || format!("the event {pallet}.{name}");
    let variant = metadata
        .pallet_by_event_index(event.pallet_index())
        .and_then(|pallet| pallet.event_variant_by_index(event.event_index()))
        .ok_or_else(|| Error::protocol(what(), "the metadata does not describe it"))?;
    let fields = variant
        .fields
        .iter()
        .map(|field| (field.name.as_deref(), field.ty.id));
    let fields = scale::fields_to_json(&mut event.field_bytes(), fields, metadata.types())
        .map_err(|error| Error::protocol(what(), error))?;
    Ok(Event {
        pallet: pallet.into(),
        name: name.into(),
        fields,
    })
}

impl State {
    /// The runtime's metadata at this block.
    pub fn metadata(&self) -> &Metadata {
        self.at.metadata_ref()
    }

    /// The block's number.
    pub fn number(&self) -> u64 {
        self.at.block_number()
    }

    /// The block's hash.
    pub fn hash(&self) -> H256 {
        self.at.block_hash()
    }

    /// The hash of the block before.
    pub async fn parent(&self) -> Result<H256> {
        self.at
            .block_header()
            .await
            .map(|header| header.parent_hash)
            .map_err(|error| node_error(&self.url, "a block header", error))
    }

    /// The answer of a view function.
    // subxt 0.50.3 encodes neither the length of the arguments nor the result
    // around the answer, so its own `view_functions().call` cannot be used.
    pub async fn view<Args>(&self, pallet: &str, function: &str, args: Args) -> Result<Value>
    where
        Args: IntoEncodableValues,
    {
        let what = format!("view function {pallet}.{function}");
        let metadata = self.metadata();
        let description = metadata
            .pallet_by_name(pallet)
            .and_then(|pallet| pallet.view_function_by_name(function))
            .ok_or_else(|| Error::NotThisChain(what.clone()))?;
        let payload = subxt::dynamic::view_function_call::<_, ()>(pallet, function, args);
        let views = self.at.view_functions();
        let encoded = views
            .encode_args(payload)
            .map_err(|error| Error::protocol(&what, error))?;
        let (query, arguments) = encoded
            .split_at_checked(32)
            .ok_or_else(|| Error::protocol(&what, "its arguments cannot be encoded"))?;
        let mut request = query.to_vec();
        arguments.encode_to(&mut request);
        let answer = views
            .call_raw(Some(&request))
            .await
            .map_err(|error| node_error(&self.url, &what, error))?;
        let bytes = view_answer(&answer).map_err(|reason| Error::protocol(&what, reason))?;
        scale::to_json(&mut &bytes[..], description.output_ty(), metadata.types())
            .map_err(|error| Error::protocol(&what, error))
    }

    /// Signs a call as the account's transaction `nonce`, valid for ever, without asking the
    /// node.
    ///
    /// # Errors
    ///
    /// If the chain has no such call.
    pub fn sign_offline<Args: EncodeAsFields>(
        &self,
        call: Call<Args>,
        signer: &Keypair,
        nonce: u64,
    ) -> Result<Vec<u8>> {
        let name = call.full_name();
        let payload = subxt::dynamic::tx(call.pallet, call.name, call.args);
        let params = DefaultExtrinsicParamsBuilder::new().nonce(nonce).build();
        self.at
            .transactions()
            .create_signable_offline(&payload, params)
            .and_then(|mut transaction| transaction.sign(signer))
            .map(|signed| signed.encoded().to_vec())
            .map_err(|error| Error::protocol(&name, error))
    }

    /// A storage value; `None` if there is none and the entry has no default.
    pub async fn storage<Keys>(
        &self,
        pallet: &str,
        entry: &str,
        keys: Keys,
    ) -> Result<Option<Value>>
    where
        Keys: IntoEncodableValues + subxt::ext::frame_decode::storage::IntoDecodableValues,
    {
        let what = format!("storage {pallet}.{entry}");
        let address = subxt::dynamic::storage::<Keys, ()>(pallet, entry);
        let storage = self.at.storage();
        let item = storage
            .entry(address)
            .map_err(|_| Error::NotThisChain(what.clone()))?
            .try_fetch(keys)
            .await
            .map_err(|error| node_error(&self.url, &what, error))?;
        item.map(|item| {
            scale::to_json(&mut item.bytes(), item.type_id(), self.metadata().types())
                .map_err(|error| Error::protocol(&what, error))
        })
        .transpose()
    }

    /// All values of a map whose key is a number, at most `limit` of them.
    pub async fn entries(
        &self,
        pallet: &str,
        entry: &str,
        limit: usize,
    ) -> Result<Vec<(u64, Value)>> {
        let what = format!("storage {pallet}.{entry}");
        let address = subxt::dynamic::storage::<(u64,), ()>(pallet, entry);
        let storage = self.at.storage();
        let mut items = storage
            .entry(address)
            .map_err(|_| Error::NotThisChain(what.clone()))?
            .iter(())
            .await
            .map_err(|error| node_error(&self.url, &what, error))?;
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| node_error(&self.url, &what, error))?;
            let key = item
                .key()
                .and_then(|key| key.decode())
                .map_err(|error| Error::protocol(&what, error))?;
            let value = item.value();
            let json = scale::to_json(&mut value.bytes(), value.type_id(), self.metadata().types())
                .map_err(|error| Error::protocol(&what, error))?;
            found.push((key.0, json));
            if found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }

    /// A constant of a pallet.
    pub fn constant(&self, pallet: &str, name: &str) -> Result<Value> {
        let what = format!("constant {pallet}.{name}");
        let metadata = self.metadata();
        let constant = metadata
            .pallet_by_name(pallet)
            .and_then(|pallet| pallet.constant_by_name(name))
            .ok_or_else(|| Error::NotThisChain(what.clone()))?;
        scale::to_json(&mut constant.value(), constant.ty(), metadata.types())
            .map_err(|error| Error::protocol(&what, error))
    }

    /// Transactions of an account up to this block.
    pub async fn nonce(&self, account: &AccountId32) -> Result<u64> {
        self.at
            .transactions()
            .account_nonce(account)
            .await
            .map_err(|error| node_error(&self.url, "an account's nonce", error))
    }

    /// All events of this block.
    pub async fn events(&self) -> Result<Vec<Event>> {
        let events = self
            .at
            .events()
            .fetch()
            .await
            .map_err(|error| node_error(&self.url, "a block's events", error))?;
        events
            .iter()
            .map(|event| {
                let event = event.map_err(|e| Error::protocol("a block's events", e))?;
                read_event(&event, self.metadata())
            })
            .collect()
    }

    /// Free, held and total balance of an account.
    pub async fn balance(&self, account: &AccountId32) -> Result<Balance> {
        let value = self
            .storage("System", "Account", (*account,))
            .await?
            .unwrap_or(Value::Null);
        let data = value.get("data").unwrap_or(&Value::Null);
        let planck = |key: &str| -> Result<u128> {
            match data.get(key).and_then(Value::as_str) {
                Some(text) => text.parse().map_err(|e| Error::protocol("a balance", e)),
                None => Ok(0),
            }
        };
        Ok(Balance {
            free: planck("free")?,
            held: planck("reserved")?,
            frozen: planck("frozen")?,
        })
    }
}

/// The money of an account, in the smallest unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Not held.
    pub free: u128,
    /// Held by bonds, budgets and deposits.
    pub held: u128,
    /// Least balance that must stay.
    pub frozen: u128,
}

/// Takes the answer out of `Result<Vec<u8>, ViewFunctionDispatchError>`.
fn view_answer(mut answer: &[u8]) -> std::result::Result<Vec<u8>, String> {
    match u8::decode(&mut answer) {
        Ok(0) => {
            let Compact(length) =
                Compact::<u32>::decode(&mut answer).map_err(|error| error.to_string())?;
            if answer.len() != length as usize {
                return Err(format!(
                    "{length} bytes announced, {} received",
                    answer.len()
                ));
            }
            Ok(answer.to_vec())
        }
        Ok(1) => Err(match answer.first() {
            Some(0) => "the runtime has no view functions".into(),
            Some(1) => "the runtime does not know it".into(),
            Some(2) => "the runtime could not read its arguments".into(),
            _ => "the runtime refused it".into(),
        }),
        _ => Err("the answer is malformed".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_nonce_that_is_taken_is_tried_again() {
        let rejected = |reason: &str| Error::Rejected {
            call: "Balances.transfer".into(),
            reason: reason.into(),
        };
        for (reason, taken) in [
            ("Priority is too low: (1306 vs 1306): The transaction", true),
            ("Invalid Transaction: Transaction is outdated", true),
            (
                "Invalid Transaction: Inability to pay some fees , e.g. account balance too low",
                false,
            ),
            ("Transaction is temporarily banned", false),
        ] {
            assert_eq!(nonce_is_taken(&rejected(reason)), taken, "{reason}");
        }
        assert!(!nonce_is_taken(&Error::TimedOut(
            "Priority is too low".into()
        )));
    }

    #[test]
    fn the_answer_of_a_view_function_is_unwrapped() {
        let answer: std::result::Result<Vec<u8>, u8> = Ok(vec![1, 2, 3]);
        assert_eq!(view_answer(&answer.encode()), Ok(vec![1, 2, 3]));
    }

    #[test]
    fn refusals_and_malformed_answers_are_errors() {
        assert!(view_answer(&[1, 1]).unwrap_err().contains("does not know"));
        for answer in [&[][..], &[0], &[0, 16, 1], &[0, 4, 1, 2], &[7]] {
            assert!(view_answer(answer).is_err(), "{answer:?}");
        }
    }

    #[test]
    fn a_broken_connection_is_told_from_a_refusal() {
        let broken = node_error("ws://x", "a block", "RPC error: client error: closed");
        assert!(matches!(broken, Error::NodeUnreachable { .. }));
        let refused = node_error("ws://x", "a block", "RPC error: state discarded (4003)");
        assert!(matches!(refused, Error::Protocol { .. }));
    }

    #[test]
    fn the_fields_of_an_event_are_found_by_name() {
        let included = Included {
            block: H256::zero(),
            events: vec![Event {
                pallet: "ComputeJobs".into(),
                name: "JobCreated".into(),
                fields: serde_json::json!({"job": 7}),
            }],
        };
        assert_eq!(
            included.field("ComputeJobs", "JobCreated", "job").unwrap(),
            7
        );
        assert!(included
            .field("ComputeJobs", "JobCreated", "model")
            .is_err());
        assert!(included.field("ComputeJobs", "Settled", "job").is_err());
    }

    #[test]
    fn a_transaction_that_may_still_be_included_is_not_called_refused() {
        let error = unconfirmed("ComputeJobs.create_job", "in no block after 300 s");
        assert_eq!(
            error.render(),
            "error: ComputeJobs.create_job: in no block after 300 s; it may still be included for \
             up to 256 blocks. Look before you send it again"
        );
        assert_eq!(error.exit_code(), 4);
    }

    #[tokio::test]
    async fn a_node_that_is_not_there_is_unreachable() {
        let error = Chain::connect("ws://127.0.0.1:1").await.err().unwrap();
        assert!(matches!(error, Error::NodeUnreachable { .. }), "{error}");
        assert_eq!(error.exit_code(), 4);
    }
}

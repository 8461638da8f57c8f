//! What is sent: made and signed before anything is measured.

use super::{follow, Options};
use crate::{
    chain::{Call, Chain, State},
    commands::{field_u64, label, Context},
    error::{Error, Result},
    keys,
};
use athanor_primitives::labels::{CampaignTerms, LabelType};
use athanor_tensor_program::{ops::Clamp, DType, Node, Op, Operand, Program, Shape, TensorType};
use clap::ValueEnum;
use std::{
    collections::{BTreeMap, VecDeque},
    fmt::{self, Display, Formatter},
    time::{Duration, Instant},
};
use subxt::{
    dynamic::Value,
    ext::scale_encode::EncodeAsFields,
    rpcs::client::rpc_params,
    utils::{AccountId32, MultiAddress, H256},
};
use subxt_signer::{sr25519::Keypair, DeriveJunction};

/// What a transaction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Nothing: an empty `System.remark`
    Remark,
    /// Moves money to the next account
    Transfer,
    /// Commits to the answers of a leased page
    Commit,
    /// Creates a GPU job that no offer takes
    Job,
}

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Remark => "remark",
            Kind::Transfer => "transfer",
            Kind::Commit => "commit",
            Kind::Job => "job",
        })
    }
}

const UNIT: u128 = 1_000_000_000_000;
/// What an account has before each run, and for each of its transactions: fees, and what a job
/// holds until it expires.
const POCKET: u128 = 5 * UNIT;
const EACH: u128 = UNIT / 5;
/// Transfers in one transaction.
const FUNDED_AT_ONCE: usize = 200;
/// Pages an account may have at a time.
const LEASES: u32 = 4;
/// Accounts that may label a page.
const PANEL: u8 = 9;
/// Longest wait for leases after the last one came.
const PATIENCE: Duration = Duration::from_secs(60);

struct Account {
    key: Keypair,
    id: AccountId32,
    nonce: u64,
}

/// Accounts, and what they send.
pub(super) struct Bank {
    kind: Kind,
    state: State,
    accounts: Vec<Account>,
    signed: VecDeque<(usize, String)>,
    signing: Option<f64>,
    model: u64,
    next: usize,
    until_told: bool,
}

impl Bank {
    /// Funds the accounts, makes what they need, and signs.
    pub(super) async fn prepare(kind: Kind, options: &Options, context: &Context) -> Result<Self> {
        let chain = context.chain().await?;
        let signer = context.signer()?;
        let count = if kind == Kind::Commit {
            options.count.div_ceil(LEASES)
        } else {
            options.accounts
        };
        let derive = |i: u32| {
            let junctions = ["athanor", "bench"].map(DeriveJunction::hard);
            signer.derive(junctions.into_iter().chain([DeriveJunction::hard(i)]))
        };
        let mut accounts: Vec<Account> = (0..count)
            .map(derive)
            .map(|key| Account {
                id: keys::account(&key),
                key,
                nonce: 0,
            })
            .collect();
        let each = if options.seconds.is_some() {
            // As much as a full block could take of one account's money in that time.
            1_000
        } else {
            options.count.div_ceil(count.max(1))
        };
        fund(context, &chain, &signer, &accounts, each).await?;
        let model = if kind == Kind::Job {
            model(context, &chain, &signer).await?
        } else {
            0
        };
        let state = chain.best().await?;
        for account in &mut accounts {
            account.nonce = state.nonce(&account.id).await?;
        }
        let mut bank = Self {
            kind,
            state,
            accounts,
            signed: VecDeque::new(),
            signing: None,
            model,
            next: 0,
            until_told: options.seconds.is_some(),
        };
        if bank.until_told {
            return Ok(bank);
        }
        let leases = if kind == Kind::Commit {
            bank.lease(context, &chain, &signer, options.count).await?
        } else {
            Vec::new()
        };
        let progress = context
            .output
            .steps(format!("{kind}: signing"), options.count.into());
        let began = Instant::now();
        if kind == Kind::Commit {
            for (account, batch, page) in leases.into_iter().take(options.count as usize) {
                let signed = bank.commit(account, batch, page)?;
                bank.signed.push_back((account, signed));
                progress.step();
            }
        } else {
            for _ in 0..options.count {
                let signed = bank.sign_next()?;
                bank.signed.push_back(signed);
                progress.step();
            }
        }
        bank.signing = Some(bank.signed.len() as f64 / began.elapsed().as_secs_f64().max(1e-9));
        Ok(bank)
    }

    /// What is sent.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Transactions signed a second, if that was done beforehand.
    pub(super) fn signing(&self) -> Option<f64> {
        self.signing
    }

    /// Transactions there will be, as far as is known.
    pub(super) fn total(&self, options: &Options) -> u64 {
        match (options.seconds, options.rate) {
            (None, _) => self.signed.len() as u64,
            (Some(seconds), Some(rate)) => seconds * u64::from(rate),
            (Some(_), None) => 0,
        }
    }

    /// The next transaction and the number of its account.
    pub(super) fn next(&mut self) -> Option<(usize, String)> {
        if self.until_told {
            return self.sign_next().ok();
        }
        self.signed.pop_front()
    }

    fn sign_next(&mut self) -> Result<(usize, String)> {
        let at = self.next % self.accounts.len().max(1);
        self.next += 1;
        let to = self.accounts.get(self.next % self.accounts.len().max(1));
        let to = to.map_or(AccountId32([0; 32]), |account| account.id);
        let signed = match self.kind {
            Kind::Transfer => {
                let dest = MultiAddress::<AccountId32, ()>::Id(to);
                let call = Call::new("Balances", "transfer_keep_alive", (dest, 1_000u128));
                self.sign(at, call)?
            }
            Kind::Job => {
                let terms = (job(self.model),);
                self.sign(at, Call::new("ComputeJobs", "create_job", terms))?
            }
            Kind::Remark | Kind::Commit => {
                self.sign(at, Call::new("System", "remark", (Vec::<u8>::new(),)))?
            }
        };
        Ok((at, signed))
    }

    fn commit(&mut self, at: usize, batch: u64, page: u32) -> Result<String> {
        let worker = self.account(at)?.id;
        let hash = sp_crypto_hashing::blake2_256(&[&worker.0[..], &page.to_le_bytes()].concat());
        let nothing = None::<Vec<u8>>;
        let args = (batch, page, worker, hash, nothing.clone(), nothing);
        self.sign(at, Call::new("LabelBounties", "commit", args))
    }

    fn account(&mut self, at: usize) -> Result<&mut Account> {
        self.accounts
            .get_mut(at)
            .ok_or_else(|| Error::Usage("there are no accounts".into()))
    }

    fn sign<Args: EncodeAsFields>(&mut self, at: usize, call: Call<Args>) -> Result<String> {
        let account = self
            .accounts
            .get_mut(at)
            .ok_or_else(|| Error::Usage("there are no accounts".into()))?;
        let signed = self.state.sign_offline(call, &account.key, account.nonce)?;
        account.nonce += 1;
        Ok(crate::scale::hex(&signed))
    }

    /// Makes a batch with room for all, and leases its pages. Gives account, batch and page of
    /// each lease.
    async fn lease(
        &mut self,
        context: &Context,
        chain: &Chain,
        signer: &Keypair,
        count: u32,
    ) -> Result<Vec<(usize, u64, u32)>> {
        let label = LabelType::Classification { classes: 2 };
        let terms = CampaignTerms {
            panel_max: PANEL,
            ..CampaignTerms::standard(label, 4, 2, UNIT / 100)
        };
        // More places than requests, or the last draws find none.
        let pages = (count.div_ceil(PANEL.into()) * 2).clamp(16, 4_096);
        let campaign = label::create_campaign(&terms, "");
        let created = context.submit(chain, signer, campaign).await?;
        let campaign = created.field("LabelBounties", "CampaignCreated", "campaign")?;
        let campaign = campaign
            .as_u64()
            .ok_or_else(|| Error::protocol("a campaign", "it has no number"))?;
        let clock = chain.best().await?;
        let clock = clock.view("LabelBounties", "clock_now", ()).await?;
        let now = clock
            .get(0)
            .and_then(serde_json::Value::as_u64)
            .unwrap_or(0);
        let until = u32::try_from(now).unwrap_or(0) + 3 * terms.lease;
        let open = label::open_batch(campaign, [1; 32], [2; 32], pages, until, None);
        let opened = context.submit(chain, signer, open).await?;
        let batch = opened.field("LabelBounties", "BatchOpened", "batch")?;
        let batch = batch
            .as_u64()
            .ok_or_else(|| Error::protocol("a batch", "it has no number"))?;

        let rpc = follow::connect(&context.settings.node).await?;
        let progress = context.output.steps("commit: leasing pages", count.into());
        let mut next = chain.finalized().await?.number();
        for at in 0..self.accounts.len() {
            let args = (batch, LEASES, None::<Vec<u8>>);
            let signed = self.sign(at, Call::new("LabelBounties", "request_pages", args))?;
            let _: String =
                follow::ask(&rpc, "author_submitExtrinsic", rpc_params![signed]).await?;
        }
        let index: BTreeMap<String, usize> = (0..)
            .zip(&self.accounts)
            .map(|(at, account)| (account.id.to_string(), at))
            .collect();
        let mut leases = Vec::new();
        let mut last = Instant::now();
        while leases.len() < count as usize && last.elapsed() < PATIENCE {
            let finalised = chain.finalized().await?.number();
            while next <= finalised {
                let hash: H256 = follow::ask(&rpc, "chain_getBlockHash", rpc_params![next]).await?;
                for event in chain.at(hash).await?.events().await? {
                    if !event.is("LabelBounties", "PageLeased")
                        || field_u64(&event.fields, "batch")? != batch
                    {
                        continue;
                    }
                    let worker = event
                        .fields
                        .get("worker")
                        .and_then(|worker| worker.as_str());
                    if let Some(at) = worker.and_then(|worker| index.get(worker)) {
                        let page = field_u64(&event.fields, "page")?;
                        leases.push((*at, batch, u32::try_from(page).unwrap_or(u32::MAX)));
                        last = Instant::now();
                        progress.step();
                    }
                }
                next += 1;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        if leases.is_empty() {
            return Err(Error::Refused(
                "no page was leased: are the label calls paused?".into(),
            ));
        }
        Ok(leases)
    }
}

/// Gives every account what it needs, as far as it does not have it.
async fn fund(
    context: &Context,
    chain: &Chain,
    signer: &Keypair,
    accounts: &[Account],
    each: u32,
) -> Result<()> {
    let wanted = POCKET + EACH * u128::from(each);
    let state = chain.best().await?;
    let mut transfers = Vec::new();
    for account in accounts {
        let free = state.balance(&account.id).await?.free;
        if free < wanted {
            let to = Value::unnamed_variant("Id", [Value::from_bytes(account.id.0)]);
            let transfer = Value::named_variant(
                "transfer_keep_alive",
                [("dest", to), ("value", Value::u128(wanted - free))],
            );
            transfers.push(Value::unnamed_variant("Balances", [transfer]));
        }
    }
    for some in transfers.chunks(FUNDED_AT_ONCE) {
        let calls = Value::unnamed_composite(some.iter().cloned());
        let call = Call::new("Utility", "batch_all", (calls,));
        context.submit(chain, signer, call).await?;
    }
    Ok(())
}

/// A model that runs on one sample: the first there is, or one that is registered.
async fn model(context: &Context, chain: &Chain, signer: &Keypair) -> Result<u64> {
    let state = chain.best().await?;
    for id in 0..16u64 {
        let view = state.view("Programs", "model", (id,)).await?;
        if view.get("retired") == Some(&serde_json::Value::Bool(false)) {
            return Ok(id);
        }
    }
    let program = Program {
        version: athanor_tensor_program::VERSION,
        max_batch: 1,
        inputs: vec![TensorType {
            dtype: DType::I8,
            shape: Shape(vec![8]),
        }],
        constants: Vec::new(),
        nodes: vec![Node {
            op: Op::Clamp(Clamp { lo: 0, hi: 1 }),
            operands: vec![Operand::Input(0)],
        }],
        outputs: vec![0],
    };
    let known = state
        .view("Programs", "program", (program.hash(),))
        .await
        .is_ok_and(|view| !view.is_null());
    if !known {
        let call = Call::new("Programs", "register_program", (program.encoded(),));
        context.submit(chain, signer, call).await?;
    }
    let licence = b"Apache-2.0".to_vec();
    let roots = Vec::<[u8; 32]>::new();
    let args = (
        program.hash(),
        roots,
        licence,
        None::<[u8; 32]>,
        None::<u64>,
    );
    let call = Call::new("Programs", "register_model", args);
    let included = context.submit(chain, signer, call).await?;
    let id = included.field("Programs", "ModelRegistered", "model")?;
    id.as_u64()
        .ok_or_else(|| Error::protocol("a model", "it has no number"))
}

/// Terms of a job that pays too little for any offer: it expires.
fn job(model: u64) -> Value {
    let policy = Value::named_variant(
        "Optimistic",
        [("window", Value::u128(200)), ("audit", Value::u128(0))],
    );
    Value::named_composite([
        ("model", Value::u128(model.into())),
        ("input_root", Value::from_bytes([7; 32])),
        ("batch", Value::u128(1)),
        ("policy", policy),
        ("max_pay", Value::u128(1)),
        ("max_wait", Value::u128(1_000)),
        ("min_collateral", Value::u128(0)),
        ("inline_output", Value::bool(false)),
        ("keep_receipt", Value::bool(false)),
        ("tip", Value::u128(0)),
    ])
}

//! What the commands of contributors share: the account's part in batches, pages and
//! their content, and the calls that need no fee.

use super::{
    seed::{seed_of, state_folder},
    wire::voucher_args,
    PALLET,
};
use crate::{
    chain::{Call, Chain, Included, State},
    clock::Clock,
    commands::{constant, field, field_u64, number, Context},
    error::{Error, Result},
    keys,
    labeller::journal::{Committed, Journals, Key},
};
use athanor_content_store::Client;
use athanor_label_client::{
    index::{Index, MAX_INDEX},
    page::{Page, MAX_PAGE},
    private::PageKey,
    seal::{self, SealKey, Slot as Sealed},
    seed::Seed,
    voucher::Signed,
};
use athanor_primitives::{
    labels::{
        answer_commitment, commit_text, page_key_text, request_text, skip_text, CampaignTerms,
        Refusal,
    },
    ticket::{bytes_from_hex, root_from_hex, to_hex},
    Root,
};
use serde_json::{json, Value};
use std::time::Duration;
use subxt::{
    ext::scale_encode::EncodeAsFields,
    utils::{AccountId32, MultiSignature},
};
use subxt_signer::sr25519::Keypair;

/// Longest answer of a key service.
const MAX_ANSWER: usize = 4_096;

/// Longest wait for a key service.
const SERVICE: Duration = Duration::from_secs(20);

/// What a slot holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// A lease, and the first tick in which it is too late to commit.
    Leased(u32),
    /// A commitment.
    Committed([u8; 32]),
    /// Packed answers.
    Revealed(Vec<u8>),
}

/// The account's part in a batch.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub(super) batch: u64,
    pub(super) campaign: u64,
    /// The batch's state by name.
    pub(super) state: String,
    /// First tick in which the state's calls are too late.
    pub(super) deadline: u32,
    pub(super) pages_root: Root,
    pub(super) index_root: Root,
    /// Whether a request waits.
    pub(super) requested: bool,
    /// Requests so far.
    pub(super) requests: u32,
    pub(super) slots: Vec<(u32, Slot)>,
    /// Everything the chain says.
    pub(super) value: Value,
}

impl Work {
    /// Pages that wait for answers, the most urgent first.
    pub(super) fn leases(&self, clock: u32) -> Vec<(u32, u32)> {
        let mut live: Vec<(u32, u32)> = self
            .slots
            .iter()
            .filter_map(|(page, slot)| match slot {
                Slot::Leased(until) if *until > clock => Some((*until, *page)),
                _ => None,
            })
            .collect();
        live.sort_unstable();
        live.into_iter()
            .map(|(until, page)| (page, until))
            .collect()
    }

    /// What the slot of a page holds.
    pub(super) fn slot(&self, page: u32) -> Option<&Slot> {
        self.slots
            .iter()
            .find(|(number, _)| *number == page)
            .map(|(_, slot)| slot)
    }

    /// What was paid, once it was: pay and lost stake.
    pub(super) fn outcome(&self) -> Option<(u128, u128)> {
        let outcome = self.value.get("outcome").filter(|value| !value.is_null())?;
        let amount = |key| number(outcome.get(key)?);
        Some((amount("pay")?, amount("stake_lost")?))
    }
}

fn state_name(state: &Value) -> String {
    match state {
        Value::String(name) => name.clone(),
        Value::Object(fields) => fields.keys().next().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

fn slot_of(value: &Value) -> Option<(u32, Slot)> {
    let page = u32::try_from(value.get("page")?.as_u64()?).ok()?;
    let (kind, fields) = value.get("status")?.as_object()?.iter().next()?;
    let bytes = |key: &str| bytes_from_hex(fields.get(key)?.as_str()?, 1_024);
    let slot = match kind.as_str() {
        "leased" => Slot::Leased(u32::try_from(fields.get("until")?.as_u64()?).ok()?),
        "committed" => Slot::Committed(bytes("hash")?.try_into().ok()?),
        "revealed" => Slot::Revealed(bytes("sheet")?),
        _ => return None,
    };
    Some((page, slot))
}

fn work_of(value: &Value) -> Result<Work> {
    let shape = || Error::protocol("view function worker", "it has another shape");
    let small = |key: &str| field_u64(value, key).map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    let root = |key: &str| {
        field(value, key)?
            .as_str()
            .and_then(root_from_hex)
            .ok_or_else(shape)
    };
    Ok(Work {
        batch: field_u64(value, "batch")?,
        campaign: field_u64(value, "campaign")?,
        state: state_name(field(value, "state")?),
        deadline: small("deadline")?,
        pages_root: root("pages_root")?,
        index_root: root("index_root")?,
        requested: field(value, "requested")?.as_bool().ok_or_else(shape)?,
        requests: small("requests")?,
        slots: field(value, "slots")?
            .as_array()
            .and_then(|slots| slots.iter().map(slot_of).collect())
            .ok_or_else(shape)?,
        value: value.clone(),
    })
}

/// A campaign.
#[derive(Clone, Debug)]
pub(super) struct Campaign {
    pub(super) terms: CampaignTerms,
    /// URL of the requester's service, if he has one.
    pub(super) gateway: Option<String>,
}

fn campaign_of(value: &Value) -> Result<Campaign> {
    let mut terms = field(value, "terms")?.clone();
    // Bytes are hex in the chain's JSON; these are numbers.
    if let Some(weights) = terms.pointer_mut("/label/safety/weights") {
        if let Some(bytes) = weights.as_str().and_then(|hex| bytes_from_hex(hex, 8)) {
            *weights = json!(bytes);
        }
    }
    let terms: CampaignTerms = serde_json::from_value(terms)
        .map_err(|error| Error::protocol("a campaign's terms", error))?;
    let gateway = field(value, "gateway")?
        .as_str()
        .and_then(|hex| bytes_from_hex(hex, 256))
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|url| !url.is_empty());
    Ok(Campaign { terms, gateway })
}

/// A contributor at a node.
pub(super) struct Session<'a> {
    pub(super) context: &'a Context,
    pub(super) chain: Chain,
    pub(super) signer: Keypair,
    pub(super) worker: AccountId32,
    pub(super) genesis: [u8; 32],
    pub(super) seed: Seed,
    pub(super) journals: Journals,
}

impl<'a> Session<'a> {
    /// Connects, with the account's key.
    pub(super) async fn open(context: &'a Context) -> Result<Self> {
        let signer = context.signer()?;
        let folder = state_folder(context)?;
        let chain = context.chain().await?;
        Ok(Self {
            context,
            worker: keys::account(&signer),
            genesis: chain.genesis().0,
            seed: seed_of(&folder, &signer)?,
            journals: Journals::new(folder),
            chain,
            signer,
        })
    }

    pub(super) fn key(&self, batch: u64, page: u32) -> Key {
        Key {
            genesis: self.genesis,
            batch,
            page,
            worker: self.worker.0,
        }
    }

    fn sign(&self, text: &[u8]) -> Option<MultiSignature> {
        Some(MultiSignature::Sr25519(self.signer.sign(text).0))
    }

    /// The account's part in a batch; `None` if it has none.
    pub(super) async fn work(&self, batch: u64) -> Result<(u32, Option<Work>)> {
        let state = self.chain.best().await?;
        let (clock, works) = (clock(&state).await?, works(&state, &self.worker).await?.1);
        Ok((clock, works.into_iter().find(|work| work.batch == batch)))
    }

    /// A campaign.
    pub(super) async fn campaign(&self, campaign: u64) -> Result<Campaign> {
        let state = self.chain.best().await?;
        let value = state.view(PALLET, "campaign", (campaign,)).await?;
        if value.is_null() {
            return Err(Error::NotFound(format!("there is no campaign {campaign}")));
        }
        campaign_of(&value)
    }

    /// Stores that pages are looked for in: those of the settings, and, if it was asked for,
    /// the requester's own service.
    pub(super) fn stores(&self, campaign: &Campaign, gateway: bool) -> Result<Vec<Client>> {
        let mut stores = self.context.download_clients()?;
        if let (true, Some(url)) = (gateway, &campaign.gateway) {
            stores.push(Client::new(url, None)?);
        }
        if stores.is_empty() {
            let asked = match &campaign.gateway {
                Some(url) if !gateway => format!(
                    ", or --gateway to ask the requester's own service at {}",
                    athanor_label_client::text::one_line(url)
                ),
                _ => String::new(),
            };
            return Err(Error::Usage(format!(
                "say where pages are found: --store URL{asked}"
            )));
        }
        Ok(stores)
    }

    /// The page's content and its root, checked against what the chain says of the batch.
    pub(super) async fn page(
        &self,
        work: &Work,
        campaign: &Campaign,
        page: u32,
        stores: &[Client],
        gateway: bool,
    ) -> Result<(Page, Root)> {
        let bad = |error: athanor_label_client::Error| {
            Error::Refused(format!(
                "page {page} of batch {} is not what the chain says: {error}; `athanor label \
                 skip` gives it back for nothing",
                work.batch
            ))
        };
        let index = fetch(stores, &work.index_root, None, MAX_INDEX as u64).await?;
        let index = Index::from_bytes(&index, &work.index_root).map_err(bad)?;
        let entry = index
            .pages
            .get(page as usize)
            .filter(|_| index.pages_root() == work.pages_root)
            .ok_or_else(|| {
                Error::Refused(format!(
                    "the index of batch {} is not of the pages the chain knows; skip the page",
                    work.batch
                ))
            })?;
        let most = MAX_PAGE as u64 + 1_024;
        let bytes = fetch(stores, &entry.root, Some(entry.bytes.into()), most).await?;
        let terms = &campaign.terms;
        let found = if terms.private {
            let key = self.page_key(work.batch, page, campaign, gateway).await?;
            let plain = key.decrypt(page, &bytes).map_err(bad)?;
            Page::expected(&plain, page, &terms.label, terms.tasks)
        } else {
            Page::verified(&bytes, &entry.root, page, &terms.label, terms.tasks)
        };
        Ok((found.map_err(bad)?, entry.root))
    }

    /// Asks the requester's service for the key of a private page.
    async fn page_key(
        &self,
        batch: u64,
        page: u32,
        campaign: &Campaign,
        gateway: bool,
    ) -> Result<PageKey> {
        let url = campaign.gateway.as_deref().ok_or_else(|| {
            Error::Refused("the campaign is private, and its requester names no service".into())
        })?;
        if !gateway {
            return Err(Error::Usage(format!(
                "the campaign is private: --gateway asks the requester's service at {} for the \
                 page's key",
                athanor_label_client::text::one_line(url)
            )));
        }
        let own = SealKey::generate().map_err(|error| Error::Refused(error.to_string()))?;
        let text = page_key_text(&self.genesis, batch, page, &self.worker.0, &own.public());
        let mut signature = vec![1];
        signature.extend_from_slice(&self.signer.sign(&text).0);
        let request = json!({
            "batch": batch,
            "page": page,
            "worker": to_hex(&self.worker.0),
            "hpke": to_hex(&own.public()),
            "signature": to_hex(&signature),
        });
        let refused =
            |reason: String| Error::Refused(format!("the requester's service at {url}: {reason}"));
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(SERVICE)
            .build()
            .map_err(|error| refused(error.to_string()))?;
        let mut answer = client
            .post(format!("{}/v1/key", url.trim_end_matches('/')))
            .json(&request)
            .send()
            .await
            .map_err(|error| refused(error.to_string()))?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(part) = answer
            .chunk()
            .await
            .map_err(|error| refused(error.to_string()))?
        {
            body.extend_from_slice(&part);
            if body.len() > MAX_ANSWER {
                return Err(refused("its answer is too long".into()));
            }
        }
        if !status.is_success() {
            let text = String::from_utf8_lossy(&body);
            let text = athanor_label_client::text::one_line(&text);
            return Err(refused(format!("{status}: {text}")));
        }
        let wrapped = serde_json::from_slice::<Value>(&body)
            .ok()
            .and_then(|answer| bytes_from_hex(answer.get("key")?.as_str()?, 256))
            .ok_or_else(|| refused("its answer cannot be read".into()))?;
        let slot = self.sealed_slot(batch, page);
        seal::unwrap_page_key(&wrapped, &slot, &own).map_err(|error| refused(error.to_string()))
    }

    fn sealed_slot(&self, batch: u64, page: u32) -> Sealed {
        Sealed {
            genesis: self.genesis,
            batch,
            page,
            worker: self.worker.0,
        }
    }

    async fn submit<Args: EncodeAsFields>(&self, call: Call<Args>) -> Result<Included> {
        let context = self.context;
        self.chain
            .submit_authorised(call, context.settings.finalized, &context.output)
            .await
            .map_err(explained)
    }

    /// Requests pages: with a sponsored voucher one page for nothing, otherwise up to four
    /// for a stake each.
    pub(super) async fn request(
        &self,
        batch: u64,
        pages: u32,
        voucher: Option<&Signed>,
        requests: u32,
    ) -> Result<()> {
        match voucher.filter(|voucher| voucher.voucher.sponsored) {
            Some(voucher) => {
                let text = request_text(&self.genesis, batch, &self.worker.0, requests);
                let args = (batch, self.worker, voucher_args(voucher), self.sign(&text));
                self.submit(Call::new(PALLET, "request_sponsored", args))
                    .await?;
            }
            None => {
                let args = (batch, pages, voucher.map(voucher_args));
                let call = Call::new(PALLET, "request_pages", args);
                self.context.submit(&self.chain, &self.signer, call).await?;
            }
        }
        Ok(())
    }

    /// Gives a page back.
    pub(super) async fn skip(&self, batch: u64, page: u32) -> Result<()> {
        let text = skip_text(&self.genesis, batch, page, &self.worker.0);
        let args = (batch, page, self.worker, self.sign(&text));
        self.submit(Call::new(PALLET, "skip", args)).await?;
        self.journals.remove(&self.key(batch, page));
        Ok(())
    }

    /// Commits to a sheet. `seal`: give the requester the opening too, sealed, so that he
    /// can close the page early and reveal it if this client does not.
    pub(super) async fn commit(
        &self,
        batch: u64,
        page: u32,
        terms: &CampaignTerms,
        opening: &Committed,
        seal: bool,
    ) -> Result<Included> {
        let Committed { sheet, salt } = opening;
        let worker = &self.worker.0;
        let hash = answer_commitment(&self.genesis, batch, page, worker, sheet, salt);
        let sealed = match terms.seal_key.filter(|_| seal) {
            Some(key) => {
                let slot = self.sealed_slot(batch, page);
                let sealed = seal::seal_opening(sheet, salt, &hash, &slot, &key)
                    .map_err(|error| Error::Refused(error.to_string()))?;
                Some(sealed)
            }
            None => None,
        };
        let text = commit_text(&self.genesis, batch, page, worker, &hash, sealed.as_deref());
        let args = (batch, page, self.worker, hash, sealed, self.sign(&text));
        self.submit(Call::new(PALLET, "commit", args)).await
    }

    /// Whether the chain has exactly this commitment.
    pub(super) async fn has_committed(&self, batch: u64, page: u32, opening: &Committed) -> bool {
        let Committed { sheet, salt } = opening;
        let hash = answer_commitment(&self.genesis, batch, page, &self.worker.0, sheet, salt);
        match self.work(batch).await {
            Ok((_, Some(work))) => match work.slot(page) {
                Some(Slot::Committed(found)) => *found == hash,
                Some(Slot::Revealed(found)) => found == sheet,
                _ => false,
            },
            _ => false,
        }
    }

    /// Shows what was committed.
    pub(super) async fn reveal(&self, batch: u64, page: u32, opening: &Committed) -> Result<()> {
        let Committed { sheet, salt } = opening.clone();
        let args = (batch, page, self.worker, sheet, salt);
        self.submit(Call::new(PALLET, "reveal", args)).await?;
        Ok(())
    }

    /// Reveals what is due, of one batch or of all, and forgets what is revealed or past.
    /// Gives what was revealed, and what still waits for its batch.
    pub(super) async fn reveal_due(&self, batch: Option<u64>) -> Result<Due> {
        let mut kept = self.journals.committed(&self.genesis, &self.worker.0);
        kept.retain(|(key, _)| batch.is_none_or(|batch| batch == key.batch));
        let mut due = Due::default();
        if kept.is_empty() {
            return Ok(due);
        }
        let state = self.chain.best().await?;
        let (_, works) = works(&state, &self.worker).await?;
        for (key, opening) in kept {
            let work = works.iter().find(|work| work.batch == key.batch);
            let Some(work) = work else {
                self.journals.remove(&key);
                due.lost.push((key.batch, key.page));
                continue;
            };
            match (work.state.as_str(), work.slot(key.page)) {
                (_, Some(Slot::Revealed(_))) => self.journals.remove(&key),
                // A commit that never got into a block has nothing to reveal.
                ("open", None | Some(Slot::Leased(_))) => {}
                ("open", _) => due.waiting.push((key.batch, key.page)),
                ("reveal", Some(Slot::Committed(_))) => {
                    match self.reveal(key.batch, key.page, &opening).await {
                        Ok(()) => {
                            self.journals.remove(&key);
                            due.revealed.push((key.batch, key.page));
                        }
                        // Somebody else did it in the meantime, or the next try will.
                        Err(error) => {
                            due.waiting.push((key.batch, key.page));
                            due.trouble = Some(error.to_string());
                        }
                    }
                }
                _ => {
                    self.journals.remove(&key);
                    due.lost.push((key.batch, key.page));
                }
            }
        }
        Ok(due)
    }
}

/// Pages by what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// Revealed now.
    pub(super) revealed: Vec<(u64, u32)>,
    /// Their batch is still open.
    pub(super) waiting: Vec<(u64, u32)>,
    /// Their batch is past it, without them or with: the chain shows which.
    pub(super) lost: Vec<(u64, u32)>,
    /// Why the last reveal that failed did.
    pub(super) trouble: Option<String>,
}

impl Due {
    /// For the terminal and for scripts.
    pub(super) fn json(&self) -> Value {
        let list = |pages: &[(u64, u32)]| -> Value {
            pages
                .iter()
                .map(|(batch, page)| json!({"batch": batch, "page": page}))
                .collect()
        };
        json!({
            "revealed": list(&self.revealed),
            "waiting": list(&self.waiting),
            "past": list(&self.lost),
            "trouble": self.trouble,
        })
    }
}

/// Turns the pool's number for a refusal into words.
fn explained(error: Error) -> Error {
    let Error::Rejected { call, reason } = error else {
        return error;
    };
    let refusal = reason
        .rsplit("Custom error: ")
        .next()
        .filter(|_| reason.contains("Custom error: "))
        .map(|rest| {
            rest.chars()
                .take_while(char::is_ascii_digit)
                .collect::<String>()
        })
        .and_then(|digits| digits.parse().ok())
        .and_then(Refusal::from_code);
    Error::Rejected {
        call,
        reason: refusal.map_or(reason, |refusal| refusal.explanation().into()),
    }
}

async fn fetch(stores: &[Client], root: &Root, len: Option<u64>, most: u64) -> Result<Vec<u8>> {
    let mut last = None;
    for store in stores {
        match store.get(root, len, most, |_, _| {}).await {
            Ok(bytes) => return Ok(bytes.to_vec()),
            Err(error) => last = Some(error),
        }
    }
    Err(match last {
        Some(error) => Error::Store(error),
        None => Error::Usage("say where pages are found: --store URL".into()),
    })
}

/// The pallet's clock.
pub(super) async fn clock(state: &State) -> Result<u32> {
    let ticks = state.storage(PALLET, "Clock", ()).await?;
    let ticks = ticks.as_ref().and_then(Value::as_u64).unwrap_or(0);
    Ok(u32::try_from(ticks).unwrap_or(u32::MAX))
}

/// The clock as times people read.
pub(super) fn times(state: &State, now: u32) -> Result<Clock> {
    let block_ms = constant(state, PALLET, "BlockTimeMs")?;
    Ok(Clock::new(
        now.into(),
        u64::try_from(block_ms).unwrap_or(u64::MAX),
    ))
}

/// An account's credit and its part in batches.
pub(super) async fn works(state: &State, account: &AccountId32) -> Result<(u128, Vec<Work>)> {
    let view = state.view(PALLET, "worker", (*account,)).await?;
    let credit = number(field(&view, "credit")?).unwrap_or(0);
    let works = field(&view, "batches")?
        .as_array()
        .ok_or_else(|| Error::protocol("view function worker", "it has another shape"))?
        .iter()
        .map(work_of)
        .collect::<Result<_>>()?;
    Ok((credit, works))
}

#[cfg(test)]
mod tests {
    use super::*;
    use athanor_label_math::LabelType;

    #[test]
    fn a_workers_part_is_read_from_the_chains_json() {
        let root = format!("0x{}", "11".repeat(32));
        let value = json!({
            "batch": 12, "campaign": 3, "state": {"score": {"page": 1}}, "deadline": 9, "until": 9,
            "pages_root": root, "index_root": root, "sponsored": true, "stake": "0",
            "requests": 2, "leased": 2, "committed": 1, "revealed": 0, "skipped": 0,
            "abandoned": 0, "requested": false, "blocked_until": 0,
            "outcome": {"score_bp": 9000, "share_bp": 9500, "pay": "150", "stake_lost": "0",
                "junk": false},
            "slots": [
                {"page": 4, "status": {"leased": {"until": 70}}},
                {"page": 2, "status": {"leased": {"until": 60}}},
                {"page": 9, "status": {"committed": {"hash": root}}},
                {"page": 1, "status": {"revealed": {"sheet": "0x0102"}}},
            ],
        });
        let work = work_of(&value).unwrap();
        assert_eq!((work.state.as_str(), work.requests), ("score", 2));
        assert_eq!(work.leases(0), [(2, 60), (4, 70)]);
        assert_eq!(work.leases(60), [(4, 70)]);
        assert_eq!(work.slot(9), Some(&Slot::Committed([0x11; 32])));
        assert_eq!(work.slot(1), Some(&Slot::Revealed(vec![1, 2])));
        assert_eq!(work.outcome(), Some((150, 0)));
        let mut broken = value.clone();
        broken["slots"][0]["status"] = json!("free");
        assert!(work_of(&broken).is_err());
    }

    #[test]
    fn terms_survive_the_chains_json() {
        let weights = [16, 8, 1, 0, 0, 0, 0, 0];
        let label = LabelType::Safety { weights, quorum: 2 };
        let terms = CampaignTerms::standard(label, 8, 2, 5_000_000_000);
        let mut json = serde_json::to_value(terms).unwrap();
        json["label"]["safety"]["weights"] = json!("0x1008010000000000");
        let value = json!({"terms": json, "gateway": crate::scale::hex(b"http://x")});
        let campaign = campaign_of(&value).unwrap();
        assert_eq!(campaign.terms, terms);
        assert_eq!(campaign.gateway.as_deref(), Some("http://x"));
        let none = json!({"terms": value["terms"], "gateway": "0x"});
        assert_eq!(campaign_of(&none).unwrap().gateway, None);
        assert!(campaign_of(&json!({"terms": {}, "gateway": "0x"})).is_err());
    }

    #[test]
    fn the_pools_numbers_become_reasons() {
        let refused = |reason: &str| {
            explained(Error::Rejected {
                call: "LabelBounties.commit".into(),
                reason: reason.into(),
            })
            .to_string()
        };
        let code = Refusal::LeaseOver.code();
        let text = refused(&format!("Invalid Transaction: Custom error: {code}"));
        assert!(text.contains("run out"), "{text}");
        for unknown in [
            "Custom error: 255",
            "Custom error: x",
            "Transaction is outdated",
        ] {
            assert!(refused(unknown).contains(unknown));
        }
    }
}

//! What the chain says of a batch, read by name.

use super::PALLET;
use crate::{
    chain::State,
    commands::{field, field_u64},
    error::{Error, Result},
};
use athanor_primitives::{labels::CampaignTerms, ticket::bytes_from_hex};
use serde_json::{json, Value};
use subxt::utils::AccountId32;

/// Ticks of the pallet's clock so far.
pub(super) async fn clock(state: &State) -> Result<u32> {
    let value = state.storage(PALLET, "Clock", ()).await?;
    let ticks = value.as_ref().and_then(Value::as_u64).unwrap_or(0);
    Ok(u32::try_from(ticks).unwrap_or(u32::MAX))
}

/// Deposit of a batch: a fixed part, and one for each byte its pages take at most: slots
/// with a hash or a sheet, and gold. The pallet's own count.
pub(super) fn batch_deposit(terms: &CampaignTerms, pages: u32, fixed: u128, byte: u128) -> u128 {
    let sheet = terms.label.max_sheet(terms.tasks).max(32);
    let answer = terms.label.max_sheet(1);
    let slots = u32::from(terms.panel_max).saturating_mul(sheet.saturating_add(7));
    let gold = u32::from(terms.gold).saturating_mul(answer.saturating_add(4));
    let page = slots.saturating_add(gold).saturating_add(8);
    u128::from(page)
        .saturating_mul(pages.into())
        .saturating_mul(byte)
        .saturating_add(fixed)
}

/// Where a batch is, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Open,
    Reveal,
    Gold,
    /// Disputes, scores, ranks and pays: what the chain does by itself.
    Settling,
    Paid,
}

/// A batch on the chain.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    /// What the chain says.
    pub(super) value: Value,
    /// Its state's name.
    pub(super) state: String,
    /// What that means here.
    pub(super) stage: Stage,
    /// First tick in which the state's calls are too late.
    pub(super) deadline: u32,
    /// Pages.
    pub(super) pages: u32,
}

fn stage_of(state: &Value) -> Result<(String, Stage)> {
    let name = match state {
        Value::String(name) => name.clone(),
        Value::Object(fields) => fields.keys().next().cloned().unwrap_or_default(),
        _ => String::new(),
    };
    let stage = match name.as_str() {
        "open" => Stage::Open,
        "reveal" => Stage::Reveal,
        "gold" => Stage::Gold,
        "dispute" | "score" | "rank" | "pay" | "judging" => Stage::Settling,
        "paid" | "pruning" => Stage::Paid,
        _ => {
            return Err(Error::protocol(
                "a batch",
                format!("its state '{name}' is not known to this client"),
            ))
        }
    };
    Ok((name, stage))
}

/// A batch; `None` once it is pruned.
pub(super) async fn batch(state: &State, id: u64) -> Result<Option<Batch>> {
    let value = state.view(PALLET, "batch", (id,)).await?;
    if value.is_null() {
        return Ok(None);
    }
    let (name, stage) = stage_of(field(&value, "state")?)?;
    let number = |key| Ok::<_, Error>(u32::try_from(field_u64(&value, key)?).unwrap_or(u32::MAX));
    Ok(Some(Batch {
        state: name,
        stage,
        deadline: number("deadline")?,
        pages: number("pages")?,
        value,
    }))
}

/// What a slot holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// A lease, and the first tick in which it is too late to commit.
    Leased(u32),
    /// A commitment.
    Committed([u8; 32]),
    /// Packed answers.
    Revealed(Vec<u8>),
}

/// A page on the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// Slots that are not free, in order.
    pub(super) slots: Vec<([u8; 32], Held)>,
    /// Whether it takes no more leases.
    pub(super) closed: bool,
    /// Whether its gold is open.
    pub(super) gold_opened: bool,
    /// Its gold: position, packed answer, whether it was contested.
    pub(super) gold: Vec<(u8, Vec<u8>, bool)>,
}

impl Page {
    /// Whether anybody's answers are known.
    pub(super) fn has_reveal(&self) -> bool {
        let mut held = self.slots.iter().map(|(_, held)| held);
        held.any(|held| matches!(held, Held::Revealed(_)))
    }
}

/// Longest packed answers.
const MAX_BYTES: usize = 1_024;

fn bytes(value: &Value) -> Option<Vec<u8>> {
    bytes_from_hex(value.as_str()?, MAX_BYTES)
}

/// An account of the chain's JSON.
pub(super) fn account(value: &Value) -> Option<[u8; 32]> {
    let account: AccountId32 = value.as_str()?.parse().ok()?;
    Some(account.0)
}

fn slot(value: &Value) -> Option<([u8; 32], Held)> {
    let worker = account(value.get(0)?)?;
    let (kind, fields) = value.get(1)?.as_object()?.iter().next()?;
    let held = match kind.as_str() {
        "leased" => Held::Leased(u32::try_from(fields.get("until")?.as_u64()?).ok()?),
        "committed" => Held::Committed(bytes(fields.get("hash")?)?.try_into().ok()?),
        "revealed" => Held::Revealed(bytes(fields.get("sheet")?)?),
        _ => return None,
    };
    Some((worker, held))
}

fn gold_item(value: &Value) -> Option<(u8, Vec<u8>, bool)> {
    let position = u8::try_from(value.get(0)?.as_u64()?).ok()?;
    Some((position, bytes(value.get(1)?)?, value.get(2)?.as_bool()?))
}

fn page_of(value: &Value) -> Option<Page> {
    let list = |key: &str| value.get(key).and_then(Value::as_array);
    Some(Page {
        slots: list("slots")?.iter().map(slot).collect::<Option<_>>()?,
        closed: value.get("closed")?.as_bool()?,
        gold_opened: value.get("gold_opened")?.as_bool()?,
        gold: list("gold")?.iter().map(gold_item).collect::<Option<_>>()?,
    })
}

/// A page; one that nobody was given yet is empty.
pub(super) async fn page(state: &State, batch: u64, page: u32) -> Result<Page> {
    let value = state.view(PALLET, "page", (batch, page)).await?;
    if value.is_null() {
        return Ok(Page::default());
    }
    page_of(&value).ok_or_else(|| Error::protocol("view function page", "it has another shape"))
}

/// What remains of a paid batch.
pub(super) async fn result(state: &State, batch: u64) -> Result<Option<Value>> {
    let value = state.view(PALLET, "result", (batch,)).await?;
    Ok(Some(value).filter(|value| !value.is_null()))
}

/// Says that there is no such batch any more.
pub(super) fn gone(batch: u64) -> Error {
    Error::NotFound(format!(
        "batch {batch} is not on the chain: it was never opened, or is pruned"
    ))
}

/// A batch in a few words, for a line of progress.
pub(super) fn brief(batch: &Batch, clock: u32) -> Value {
    let of = |key: &str| batch.value.get(key).cloned().unwrap_or(Value::Null);
    json!({
        "batch": of("id"),
        "campaign": of("campaign"),
        "state": batch.state,
        "ticks_left": batch.deadline.saturating_sub(clock),
        "pages": batch.pages,
        "workers": of("workers"),
        "revealed_pages": of("revealed_pages"),
        "gold_pages": of("gold_pages"),
        "paid": of("paid"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_of_the_chain_are_stages_here() {
        for (state, stage) in [
            (json!("open"), Stage::Open),
            (json!("gold"), Stage::Gold),
            (json!({"score": {"page": 3}}), Stage::Settling),
            (json!({"pay": {"worker": 0}}), Stage::Settling),
            (json!("paid"), Stage::Paid),
            (json!({"pruning": {"next": 3}}), Stage::Paid),
        ] {
            assert_eq!(stage_of(&state).unwrap().1, stage);
        }
        assert!(stage_of(&json!("exploded")).is_err());
    }

    #[test]
    fn a_page_is_read_slot_by_slot() {
        let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
        let hash = format!("0x{}", "11".repeat(32));
        let value = json!({
            "slots": [
                [alice, {"leased": {"until": 7}}],
                [alice, {"committed": {"hash": hash}}],
                [alice, {"revealed": {"sheet": "0x0102"}}],
            ],
            "closed": true,
            "gold_opened": false,
            "gold": [[3, "0x01", true]],
        });
        let page = page_of(&value).unwrap();
        assert_eq!(page.slots[0].1, Held::Leased(7));
        assert_eq!(page.slots[1].1, Held::Committed([0x11; 32]));
        assert_eq!(page.slots[2].1, Held::Revealed(vec![1, 2]));
        assert!(page.has_reveal() && page.closed);
        assert_eq!(page.gold, [(3, vec![1], true)]);
        assert_eq!(page_of(&json!({"slots": [[alice, "free"]]})), None);
    }
}

//! What a seller's daemon does next: looks at the chain in, transactions out. No node, no clock,
//! no file.
//!
//! Everything is worked out anew from each [`Look`], so nothing is lost by a restart. What is
//! remembered is which transactions are under way, and only to save fees: a reveal that is sent
//! again is byte for byte the same, and the chain passes over the second one. The journal is a
//! record for people.
//!
//! # Properties
//!
//! - *A key is revealed only for an order that a final block holds*, or, once half of its window
//!   has passed without that, one that [`DEPTH`] blocks hold: on a fork without the payment the key
//!   would be gone.
//! - *Never late*: nothing is sent in the last blocks of a window ([`margin`]), and no transaction
//!   stays valid past the window's end: a late reveal is refused, but can be read.
//! - *Never two keys*: every secret follows from the seed.

use athanor_content_tree::market::{Context, Secret};
use athanor_primitives::market::Reveal;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Most reveals in one transaction.
pub const MOST_ITEMS: usize = 64;

/// Blocks on top of an order's own that stand for finality when there is none.
pub const DEPTH: u32 = 100;

/// Blocks before a window's end in which nothing is sent any more, at most.
pub const MARGIN: u32 = 50;

/// Longest life of a reveal's transaction, in blocks.
const LONGEST_LIFE: u32 = 64;

/// Blocks between two pokes of the same order: one in a block may have done nothing.
const POKE_AGAIN: u32 = 64;

/// Most pokes from one look.
const MOST_POKES: usize = 16;

/// Blocks before a window's end in which nothing is sent: [`MARGIN`], and less in short windows.
pub fn margin(window: u32) -> u32 {
    MARGIN.min(window / 4)
}

/// Blocks a transaction may stay valid for so that it ends within `left` blocks: a power of two,
/// 4 at least, as eras have it; `None` when there is no room for one.
pub fn life(left: u32) -> Option<u32> {
    let most = left.min(LONGEST_LIFE);
    (most >= 4).then(|| 1 << most.ilog2())
}

/// An open order as the chain shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its number.
    pub id: u64,
    /// `ctx` of its seal.
    pub context: Context,
    /// `h_k`: the commitment to its seal's key.
    pub commitment: [u8; 32],
    /// `B`: the buyer's public key.
    pub buyer_key: [u8; 32],
    /// The seller's bond in it.
    pub bond: u128,
    /// Its reveal window in blocks.
    pub window: u32,
    /// Whether its key was revealed.
    pub revealed: bool,
    /// Whether its seal was proven bad: it is refunded whatever comes, and takes no key.
    pub seal_is_bad: bool,
    /// Last market time of its running window.
    pub until: u32,
}

/// The chain at one moment.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// Number of the best block.
    pub best: u32,
    /// Market time after it.
    pub now: u32,
    /// Nonce of the account that reveals, after it.
    pub nonce: u64,
    /// All open orders of the seller after it.
    pub orders: Vec<Order>,
    /// Locked orders after the last final block, with their buyers' keys.
    pub final_orders: BTreeMap<u64, [u8; 32]>,
    /// Locked orders [`DEPTH`] blocks below the best one, with their buyers' keys.
    pub deep_orders: BTreeMap<u64, [u8; 32]>,
}

/// What a daemon does wrong, to show that buyers get their money back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misdeed {
    /// Reveals another key than the one committed to.
    WrongKey,
    /// Reveals nothing.
    Silent,
}

/// What urgency may cost, in the smallest unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tips {
    /// The tip from half of a window on; four times as much from each further half of the rest.
    pub first: u128,
    /// Most for one transaction.
    pub most: u128,
}

/// How a daemon behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What urgency may cost.
    pub tips: Tips,
    /// Whether orders whose window is over are poked, so that their seller is paid.
    pub poke: bool,
    /// For tests.
    pub misdeed: Option<Misdeed>,
}

/// What a transaction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Reveals keys.
    Reveal,
    /// Ends an order whose window is over.
    Poke,
}

/// A transaction about to be sent, as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// What it does.
    pub deed: Deed,
    /// Its nonce.
    pub nonce: u64,
    /// Its orders.
    pub orders: BTreeSet<u64>,
    /// Best block when it was sent.
    pub at: u32,
    /// Blocks it is valid for from there.
    pub life: u32,
    /// How urgent it was.
    pub urgency: u8,
}

impl Sent {
    fn is_over(&self, best: u32) -> bool {
        best >= self.at.saturating_add(self.life)
    }
}

/// A transaction to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// What to note of it first.
    pub sent: Sent,
    /// Its items; none for a poke.
    pub reveals: Vec<Reveal>,
    /// Its tip.
    pub tip: u128,
}

/// What the seller should know of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// Half of the window is over, or half of what was left at the last warning.
    Late {
        /// The order.
        order: u64,
        /// Blocks left.
        left: u32,
        /// Whether it waits for finality.
        awaits_finality: bool,
    },
    /// Revealed without finality, since there is none.
    Unfinal {
        /// The order.
        order: u64,
    },
    /// The seed at hand is not the one its seal was made with.
    Foreign {
        /// The order.
        order: u64,
    },
    /// A block took the reveal and the chain passed it over: the key that signs may have lost its
    /// office.
    Skipped {
        /// The order.
        order: u64,
    },
    /// It can no longer be revealed.
    Missed {
        /// The order.
        order: u64,
    },
}

/// How things stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Open orders.
    pub open: u64,
    /// Of those, the ones whose key is still to be revealed.
    pub due: u64,
    /// Orders that were missed since the daemon was started.
    pub missed: u64,
    /// Blocks left for the most urgent one that is due.
    pub least_left: Option<u32>,
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Transactions to note and then to send.
    pub send: Vec<Batch>,
    /// What to say.
    pub warnings: Vec<Warning>,
    /// How things stand.
    pub counts: Counts,
}

/// The daemon.
#[derive(Debug)]
pub struct Seller {
    seed: Secret,
    options: Options,
    under_way: Vec<Sent>,
    warned: BTreeMap<u64, u8>,
    foreign: BTreeSet<u64>,
    /// Blocks that took reveals and left their orders locked.
    skipped: BTreeMap<u64, u32>,
    missed: BTreeSet<u64>,
    poked: BTreeMap<u64, u32>,
}

/// How urgent an order is: one step more each time the rest of its window has halved.
fn urgency(window: u32, left: u32) -> u8 {
    (1..=3u8)
        .rev()
        .find(|step| left <= window >> step)
        .unwrap_or(0)
}

impl Seller {
    /// A daemon for whoever sealed with `seed`.
    ///
    /// It takes nothing from an earlier one: what that one sent is in a block, and then there is
    /// nothing to do, or in the pool, which refuses the repetition.
    pub fn new(seed: Secret, options: Options) -> Self {
        Self {
            seed,
            options,
            under_way: Vec::new(),
            warned: BTreeMap::new(),
            foreign: BTreeSet::new(),
            skipped: BTreeMap::new(),
            missed: BTreeSet::new(),
            poked: BTreeMap::new(),
        }
    }

    /// A transaction was refused by the pool: it is not under way.
    pub fn refused(&mut self, nonce: u64) {
        self.under_way.retain(|sent| sent.nonce != nonce);
    }

    /// The node was lost: nothing is known to be under way.
    pub fn lost(&mut self) {
        self.under_way.clear();
    }

    /// What to reveal for an order.
    ///
    /// `None` if the seed is not the one its seal was made with.
    pub fn reveal(&self, order: &Order) -> Option<Reveal> {
        let key = order.context.key(&self.seed);
        if order.context.commit(&key) != order.commitment {
            return None;
        }
        let key = match self.options.misdeed {
            Some(Misdeed::WrongKey) => Secret::new(key.expose().map(|byte| !byte)),
            _ => key,
        };
        let secret = order
            .context
            .wrap_secret(&self.seed, order.id, &order.buyer_key);
        let wrapped = order
            .context
            .wrap(&key, order.id, &order.buyer_key, &secret);
        Some(Reveal {
            order: order.id,
            seller_key: wrapped.public,
            wrapped: wrapped.key,
        })
    }

    /// What to do, as the chain is now. What it plans to send counts as sent.
    pub fn step(&mut self, look: &Look) -> Plan {
        let mut plan = Plan::default();
        self.forget(look, &mut plan);
        let mut due: Vec<(u8, &Order)> = Vec::new();
        let mut over: Vec<u64> = Vec::new();
        for order in &look.orders {
            if look.now > order.until {
                over.push(order.id);
            }
            plan.counts.open = plan.counts.open.saturating_add(1);
            if order.revealed || order.seal_is_bad {
                self.missed.remove(&order.id);
                continue;
            }
            let left = order.until.saturating_sub(look.now);
            if look.now > order.until || left < margin(order.window) {
                let on_its_way = look.now <= order.until && self.is_under_way(order.id);
                if !on_its_way && self.missed.insert(order.id) {
                    plan.warnings.push(Warning::Missed { order: order.id });
                }
                continue;
            }
            plan.counts.due = plan.counts.due.saturating_add(1);
            let least = plan.counts.least_left.map_or(left, |least| least.min(left));
            plan.counts.least_left = Some(least);
            let urgency = urgency(order.window, left);
            let is_final = look.final_orders.get(&order.id) == Some(&order.buyer_key);
            let is_deep = look.deep_orders.get(&order.id) == Some(&order.buyer_key);
            let allowed = is_final || (urgency > 0 && is_deep);
            if urgency > self.warned.get(&order.id).copied().unwrap_or(0) {
                self.warned.insert(order.id, urgency);
                plan.warnings.push(Warning::Late {
                    order: order.id,
                    left,
                    awaits_finality: !allowed,
                });
            }
            if !allowed || self.options.misdeed == Some(Misdeed::Silent) {
                continue;
            }
            if self.reveal(order).is_none() {
                if self.foreign.insert(order.id) {
                    plan.warnings.push(Warning::Foreign { order: order.id });
                }
                continue;
            }
            if self.is_well_under_way(order.id, urgency) || self.was_just_skipped(order, look) {
                continue;
            }
            if !is_final {
                plan.warnings.push(Warning::Unfinal { order: order.id });
            }
            due.push((urgency, order));
        }
        plan.counts.missed = u64::try_from(self.missed.len()).unwrap_or(u64::MAX);
        // The most urgent first: they share a transaction and its tip.
        due.sort_by_key(|(urgency, order)| (std::cmp::Reverse(*urgency), order.until, order.id));
        for some in due.chunks(MOST_ITEMS) {
            plan.send.extend(self.batch(some, look));
        }
        if self.options.poke {
            for order in over.into_iter().take(MOST_POKES) {
                plan.send.extend(self.poke(order, look));
            }
        }
        plan
    }

    /// Drops what is over: transactions that are in a block or can no longer be, and all that is
    /// remembered of orders that are gone.
    fn forget(&mut self, look: &Look, plan: &mut Plan) {
        for sent in &self.under_way {
            if sent.deed != Deed::Reveal || sent.nonce >= look.nonce {
                continue;
            }
            for order in &look.orders {
                let left_locked = !order.revealed && !order.seal_is_bad;
                if left_locked && sent.orders.contains(&order.id) {
                    self.skipped.insert(order.id, look.best);
                    plan.warnings.push(Warning::Skipped { order: order.id });
                }
            }
        }
        self.under_way
            .retain(|sent| sent.nonce >= look.nonce && !sent.is_over(look.best));
        let open: BTreeSet<u64> = look.orders.iter().map(|order| order.id).collect();
        self.warned.retain(|order, _| open.contains(order));
        self.foreign.retain(|order| open.contains(order));
        self.skipped.retain(|order, _| open.contains(order));
        self.poked.retain(|order, _| open.contains(order));
    }

    fn is_under_way(&self, order: u64) -> bool {
        self.under_way
            .iter()
            .any(|sent| sent.deed == Deed::Reveal && sent.orders.contains(&order))
    }

    /// Whether a transaction under way reveals the order, with no less urgency than it has now.
    fn is_well_under_way(&self, order: u64, urgency: u8) -> bool {
        self.under_way.iter().any(|sent| {
            sent.deed == Deed::Reveal && sent.orders.contains(&order) && sent.urgency >= urgency
        })
    }

    /// What the chain passed over is not sent in every block: each costs a fee.
    fn was_just_skipped(&self, order: &Order, look: &Look) -> bool {
        let pause = LONGEST_LIFE.min(order.window / 8);
        self.skipped
            .get(&order.id)
            .is_some_and(|at| look.best < at.saturating_add(pause))
    }

    fn poke(&mut self, order: u64, look: &Look) -> Option<Batch> {
        let again = self
            .poked
            .get(&order)
            .is_none_or(|at| look.best >= at.saturating_add(POKE_AGAIN));
        if !again {
            return None;
        }
        self.poked.insert(order, look.best);
        let sent = Sent {
            deed: Deed::Poke,
            nonce: self.free_nonce(look),
            orders: BTreeSet::from([order]),
            at: look.best,
            life: LONGEST_LIFE,
            urgency: 0,
        };
        self.under_way.push(sent.clone());
        Some(Batch {
            sent,
            reveals: Vec::new(),
            tip: 0,
        })
    }

    /// The nonce to send with: that of a transaction it replaces, or the first free one.
    fn nonce(&self, orders: &BTreeSet<u64>, look: &Look) -> u64 {
        if let Some(sent) = self
            .under_way
            .iter()
            .find(|sent| sent.deed == Deed::Reveal && !sent.orders.is_disjoint(orders))
        {
            return sent.nonce;
        }
        self.free_nonce(look)
    }

    fn free_nonce(&self, look: &Look) -> u64 {
        let taken: BTreeSet<u64> = self.under_way.iter().map(|sent| sent.nonce).collect();
        (look.nonce..)
            .find(|nonce| !taken.contains(nonce))
            .unwrap_or(look.nonce)
    }

    fn batch(&mut self, due: &[(u8, &Order)], look: &Look) -> Option<Batch> {
        let left = due
            .iter()
            .map(|(_, order)| order.until.saturating_sub(look.now))
            .min()?;
        let life = life(left)?;
        let urgency = due.iter().map(|(urgency, _)| *urgency).max()?;
        let orders: BTreeSet<u64> = due.iter().map(|(_, order)| order.id).collect();
        let nonce = self.nonce(&orders, look);
        // A missed order costs half of its bond: no more than that is worth a tip.
        let stake: u128 = due.iter().fold(0, |sum: u128, (_, order)| {
            sum.saturating_add(order.bond / 2)
        });
        let tips = self.options.tips;
        let tip = match urgency {
            0 => 0,
            more => tips
                .first
                .saturating_mul(1 << (2 * (u32::from(more) - 1)))
                .min(tips.most)
                .min(stake),
        };
        let sent = Sent {
            deed: Deed::Reveal,
            nonce,
            orders,
            at: look.best,
            life,
            urgency,
        };
        // What shared the replaced transaction, and is not due now, is due again at the next look.
        self.under_way.retain(|old| old.nonce != nonce);
        self.under_way.push(sent.clone());
        Some(Batch {
            sent,
            reveals: due
                .iter()
                .filter_map(|(_, order)| self.reveal(order))
                .collect(),
            tip,
        })
    }
}

#[cfg(test)]
mod tests;

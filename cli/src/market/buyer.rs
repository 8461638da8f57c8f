//! What a buyer does next: what his journal says and a look at the chain in, one step out. No
//! node, no clock, no file.
//!
//! Each step that moves money is noted before it is done, and each result when it is known. After a
//! kill the notes and the chain together say where he is: an order whose note was never written is
//! found by its key, which follows from the first note.
//!
//! # Properties
//!
//! - *Ordered only what lies here*: no order before every group was checked, and none against a
//!   listing or a seal that no final block holds.
//! - *Never two orders*: the second one waits until the first one's transaction can no longer be
//!   included; the chain refuses it besides.
//! - *A wrong group is complained of*, once the reveal is final, or half of the window is over: a
//!   complaint publishes the buyer's key.
//! - *Ended is what a final block shows*.

use athanor_content_tree::market::{buyer_secret, public_key, Secret};
use serde::{Deserialize, Serialize};

/// Longest life of a transaction, in blocks.
const LONGEST_LIFE: u32 = 32;

/// Blocks that may come between noting an order and signing it.
const SLACK: u32 = 8;

/// The purchase, as it was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Began {
    /// Genesis hash of the chain, `0x` hex like all bytes here.
    pub genesis: String,
    /// The listing.
    pub listing: u64,
    /// Who buys.
    pub buyer: String,
    /// What makes the order's key fresh.
    pub nonce: String,
    /// `B`: the key the order is placed with.
    pub buyer_key: String,
    /// Most that is paid, in the smallest unit.
    pub max_price: String,
    /// Who may complain for a part of the reward.
    pub watch: Option<String>,
    /// Who sells.
    pub seller: String,
    /// Root of the goods.
    pub x_root: String,
    /// Length of the goods.
    pub length: u64,
    /// The seal's nonce.
    pub seal_nonce: String,
    /// Root of the ciphertext.
    pub z_root: String,
    /// The commitment to the key.
    pub h_k: String,
    /// The seal.
    pub seal_id: String,
}

/// How a purchase ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The goods are here, and paid for.
    Settled,
    /// The money is back.
    Refunded,
    /// A fault was found and not proven in time: the sale stands.
    SaleStands,
}

/// A transaction that was about to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Best block then.
    pub at: u32,
    /// Blocks it is valid for from there.
    pub life: u32,
}

impl Sent {
    fn is_under_way(&self, best: u32) -> bool {
        best < self.at.saturating_add(self.life)
    }
}

/// An entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// What is bought; the first entry. A later one gives the order another key.
    Began(Box<Began>),
    /// Ciphertext and outboards are here, and every group and node was checked.
    Checked,
    /// The order is about to be sent.
    Ordering(Sent),
    /// The order is on the chain.
    Ordered {
        /// Its number.
        order: u64,
    },
    /// A final block holds it.
    Final {
        /// Its number.
        order: u64,
    },
    /// The goods were decrypted and every group checked.
    Opened,
    /// The key, or this group, is wrong.
    Wrong {
        /// The group; `None`: the key.
        group: Option<u64>,
    },
    /// The complaint is about to be sent.
    Complaining(Sent),
    /// A poke is about to be sent.
    Poking(Sent),
    /// It is over.
    Ended {
        /// How.
        outcome: Outcome,
    },
}

/// Where an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Waits for the key.
    Locked {
        /// Last time for it.
        until: u32,
    },
    /// The key is there.
    Revealed {
        /// Last time to complain.
        until: u32,
    },
}

/// The buyer's order as one block shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its number.
    pub id: u64,
    /// Where it is.
    pub stage: Stage,
    /// Whether its seal was proven bad.
    pub seal_is_bad: bool,
}

/// What one block shows of the account and the listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Held {
    /// Nothing.
    #[default]
    Nothing,
    /// An order with this purchase's key.
    Order(Order),
    /// The right, out of the order with this number.
    Right(u64),
    /// An order with another key.
    Another(u64),
}

/// The chain at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Number of the best block.
    pub best: u32,
    /// Market time after it.
    pub now: u32,
    /// After the best block.
    pub held: Held,
    /// After the last final block.
    pub final_held: Held,
    /// Whether a final block holds the listing with this seal.
    pub offer_is_final: bool,
    /// Time to complain, in blocks.
    pub dispute_window: u32,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// Listing and seal in a final block.
    Offer,
    /// A transaction in a block, or its end.
    Inclusion,
    /// The key, until this time.
    Reveal {
        /// Last time for it.
        until: u32,
    },
    /// The reveal in a final block, before it is complained of.
    FinalReveal,
    /// The end of the window: until then the ciphertext has to be kept.
    Settling {
        /// The window's last time.
        until: u32,
    },
    /// The end in a final block.
    FinalEnd,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Fetch and check everything; then [`Entry::Checked`].
    Fetch,
    /// Note [`Entry::Ordering`], then send the order.
    Order {
        /// Blocks its transaction may be valid for.
        life: u32,
    },
    /// Note this, which the chain shows.
    Note(Noted),
    /// Nothing, for now.
    Wait(Wait),
    /// Decrypt and check; then [`Entry::Opened`] or [`Entry::Wrong`].
    Open {
        /// The order.
        order: u64,
    },
    /// Note [`Entry::Complaining`], then send the complaint.
    Complain {
        /// The order.
        order: u64,
        /// The group that is wrong; `None`: the key.
        group: Option<u64>,
        /// Blocks its transaction may be valid for.
        life: u32,
    },
    /// Note [`Entry::Poking`], then poke.
    Poke {
        /// The order.
        order: u64,
        /// Blocks its transaction may be valid for.
        life: u32,
    },
    /// The account has an order of this listing that this purchase did not make.
    NotMine {
        /// It.
        order: u64,
    },
    /// It is over.
    Done(Outcome),
}

/// What the chain shows and the journal lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// [`Entry::Ordered`].
    Ordered(u64),
    /// [`Entry::Final`].
    Final(u64),
    /// [`Entry::Ended`].
    Ended(Outcome),
}

impl From<Noted> for Entry {
    fn from(noted: Noted) -> Self {
        match noted {
            Noted::Ordered(order) => Self::Ordered { order },
            Noted::Final(order) => Self::Final { order },
            Noted::Ended(outcome) => Self::Ended { outcome },
        }
    }
}

/// A purchase, as far as its journal goes.
#[derive(Clone, Debug, Default)]
pub struct Buyer {
    began: Option<Began>,
    checked: bool,
    ordering: Option<Sent>,
    order: Option<u64>,
    is_final: Option<u64>,
    opened: bool,
    wrong: Option<Option<u64>>,
    complaining: Option<Sent>,
    poking: Option<Sent>,
    ended: Option<Outcome>,
}

fn life(left: u32) -> u32 {
    1 << left.clamp(4, LONGEST_LIFE).ilog2()
}

/// The secret `b` and the public key `B` of a purchase.
pub fn order_key(
    seed: &Secret,
    genesis: &[u8; 32],
    listing: u64,
    nonce: &[u8; 16],
) -> (Secret, [u8; 32]) {
    let secret = buyer_secret(seed, genesis, listing, nonce);
    let public = public_key(&secret);
    (secret, public)
}

impl Buyer {
    /// The purchase of a journal that was written by an earlier process.
    pub fn resumed<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut buyer = Self::default();
        for entry in entries {
            buyer.note(entry);
        }
        // Whether these left before the process ended is not known. Complaint and poke are sent
        // again at once: the second one of two is refused and costs a fee, a late one the price.
        buyer.complaining = None;
        buyer.poking = None;
        buyer
    }

    /// What is bought, once it was begun.
    pub fn began(&self) -> Option<&Began> {
        self.began.as_ref()
    }

    /// The order's number, once it is known.
    pub fn order(&self) -> Option<u64> {
        self.order
    }

    /// Whether the goods were decrypted and are right.
    pub fn is_opened(&self) -> bool {
        self.opened
    }

    /// What was found to be wrong: a group, or `None`, the key.
    pub fn wrong(&self) -> Option<Option<u64>> {
        self.wrong
    }

    /// How it ended.
    pub fn ended(&self) -> Option<Outcome> {
        self.ended
    }

    /// Takes an entry of the journal in.
    pub fn note(&mut self, entry: &Entry) {
        match entry {
            Entry::Began(began) => self.began = Some((**began).clone()),
            Entry::Checked => self.checked = true,
            Entry::Ordering(sent) => self.ordering = Some(*sent),
            Entry::Ordered { order } => {
                self.order = Some(*order);
                // Another number: what was found of the one before was on another branch.
                if self.is_final != self.order {
                    self.opened = false;
                    self.wrong = None;
                }
            }
            Entry::Final { order } => self.is_final = Some(*order),
            Entry::Opened => self.opened = true,
            Entry::Wrong { group } => self.wrong = Some(*group),
            Entry::Complaining(sent) => self.complaining = Some(*sent),
            Entry::Poking(sent) => self.poking = Some(*sent),
            Entry::Ended { outcome } => self.ended = Some(*outcome),
        }
    }

    /// The next step.
    pub fn step(&self, look: &Look) -> Step {
        if let Some(outcome) = self.ended {
            return Step::Done(outcome);
        }
        if !self.checked {
            return Step::Fetch;
        }
        match look.held {
            Held::Order(order) if self.order != Some(order.id) => {
                Step::Note(Noted::Ordered(order.id))
            }
            Held::Order(order) => self.with_order(&order, look),
            Held::Right(order) if self.is_ours(order) => self.with_right(order, look),
            Held::Right(order) | Held::Another(order) => Step::NotMine { order },
            Held::Nothing => self.with_nothing(look),
        }
    }

    /// Whether the order that gave the account its right was this purchase's.
    fn is_ours(&self, order: u64) -> bool {
        match self.order {
            Some(ours) => ours == order,
            None => self.ordering.is_some(),
        }
    }

    fn with_order(&self, order: &Order, look: &Look) -> Step {
        if self.is_final != Some(order.id) && final_order(look).is_some_and(|o| o.id == order.id) {
            return Step::Note(Noted::Final(order.id));
        }
        if order.seal_is_bad {
            return self.poke(order.id, look);
        }
        match order.stage {
            Stage::Locked { until } if look.now > until => self.poke(order.id, look),
            Stage::Locked { until } => Step::Wait(Wait::Reveal { until }),
            Stage::Revealed { until } => self.with_key(order.id, until, look),
        }
    }

    fn with_key(&self, order: u64, until: u32, look: &Look) -> Step {
        let Some(group) = self.wrong else {
            if !self.opened {
                return Step::Open { order };
            }
            return if look.now > until {
                self.poke(order, look)
            } else {
                Step::Wait(Wait::Settling { until })
            };
        };
        // What ends it now is the seller's poke; there is nothing to gain from one of the buyer's.
        if look.now > until {
            return Step::Wait(Wait::FinalEnd);
        }
        let left = until.saturating_sub(look.now);
        let reveal_is_final = final_order(look)
            .is_some_and(|held| held.id == order && matches!(held.stage, Stage::Revealed { .. }));
        if !reveal_is_final && left > look.dispute_window / 2 {
            return Step::Wait(Wait::FinalReveal);
        }
        if self
            .complaining
            .is_some_and(|sent| sent.is_under_way(look.best))
        {
            return Step::Wait(Wait::Inclusion);
        }
        Step::Complain {
            order,
            group,
            life: life(left),
        }
    }

    fn with_right(&self, order: u64, look: &Look) -> Step {
        if self.wrong.is_none() && !self.opened {
            return Step::Open { order };
        }
        if look.final_held != Held::Right(order) {
            return Step::Wait(Wait::FinalEnd);
        }
        Step::Note(Noted::Ended(match self.wrong {
            None => Outcome::Settled,
            Some(_) => Outcome::SaleStands,
        }))
    }

    fn with_nothing(&self, look: &Look) -> Step {
        if self.order.is_some() && self.is_final == self.order {
            // A final block held it, so it has ended, and not with a right.
            if look.final_held != Held::Nothing {
                return Step::Wait(Wait::FinalEnd);
            }
            return Step::Note(Noted::Ended(Outcome::Refunded));
        }
        if self
            .ordering
            .is_some_and(|sent| sent.is_under_way(look.best.saturating_sub(SLACK)))
        {
            return Step::Wait(Wait::Inclusion);
        }
        if !look.offer_is_final {
            return Step::Wait(Wait::Offer);
        }
        Step::Order { life: LONGEST_LIFE }
    }

    fn poke(&self, order: u64, look: &Look) -> Step {
        if self.poking.is_some_and(|sent| sent.is_under_way(look.best)) {
            return Step::Wait(Wait::Inclusion);
        }
        Step::Poke {
            order,
            life: LONGEST_LIFE,
        }
    }
}

fn final_order(look: &Look) -> Option<Order> {
    match look.final_held {
        Held::Order(order) => Some(order),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

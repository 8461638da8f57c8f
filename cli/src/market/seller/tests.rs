use super::*;
use athanor_content_tree::market::{public_key, Wrapped};

const SEED: [u8; 32] = [7; 32];

fn context() -> Context {
    Context::new(&[1; 32], &[2; 32], &[3; 32], 100_000, &[4; 16])
}

fn buyer(order: u64) -> Secret {
    Secret::new([u8::try_from(order).unwrap_or(u8::MAX); 32])
}

/// A chain that takes transactions as ours does, with branches.
#[derive(Clone)]
struct Chain {
    best: u32,
    now: u32,
    nonce: u64,
    orders: BTreeMap<u64, Order>,
    /// Number of each order's block.
    placed: BTreeMap<u64, u32>,
    finalized: u32,
    /// Transactions in the pool, by nonce, with the last block that may take them.
    pool: BTreeMap<u64, (Batch, u32)>,
    revealed: BTreeMap<u64, Vec<Reveal>>,
}

impl Chain {
    fn new(at: u32) -> Self {
        Self {
            best: at,
            now: at,
            nonce: 0,
            orders: BTreeMap::new(),
            placed: BTreeMap::new(),
            finalized: at,
            pool: BTreeMap::new(),
            revealed: BTreeMap::new(),
        }
    }

    fn order(&mut self, id: u64, window: u32) {
        let context = context();
        let key = context.key(&Secret::new(SEED));
        let order = Order {
            id,
            context,
            commitment: context.commit(&key),
            buyer_key: public_key(&buyer(id)),
            bond: 1_000,
            window,
            revealed: false,
            seal_is_bad: false,
            until: self.now + window,
        };
        self.orders.insert(id, order);
        self.placed.insert(id, self.best);
    }

    fn look(&self) -> Look {
        let before = |block: u32| {
            self.orders
                .values()
                .filter(|order| !order.revealed && self.placed[&order.id] <= block)
                .map(|order| (order.id, order.buyer_key))
                .collect()
        };
        Look {
            best: self.best,
            now: self.now,
            nonce: self.nonce,
            orders: self.orders.values().cloned().collect(),
            final_orders: before(self.finalized),
            deep_orders: match self.best.checked_sub(DEPTH) {
                Some(block) => before(block),
                None => BTreeMap::new(),
            },
        }
    }

    fn submit(&mut self, batch: &Batch) -> bool {
        let better = match self.pool.get(&batch.sent.nonce) {
            Some((old, _)) => batch.tip > old.tip,
            None => true,
        };
        if batch.sent.nonce < self.nonce || !better {
            return false;
        }
        let last = batch.sent.at + batch.sent.life - 1;
        self.pool.insert(batch.sent.nonce, (batch.clone(), last));
        true
    }

    /// A block with what is in the pool, or without anything.
    fn block(&mut self, full: bool) {
        self.best += 1;
        self.now += 1;
        let best = self.best;
        self.pool.retain(|_, (_, last)| best <= *last);
        if full {
            return;
        }
        while let Some((batch, _)) = self.pool.remove(&self.nonce) {
            self.nonce += 1;
            if batch.sent.deed == Deed::Poke {
                for order in &batch.sent.orders {
                    self.orders.remove(order);
                }
            }
            for reveal in batch.reveals {
                let Some(order) = self.orders.get_mut(&reveal.order) else {
                    continue;
                };
                assert!(self.now <= order.until, "a reveal came late");
                if !order.revealed {
                    order.revealed = true;
                    order.until = self.now + 100;
                    self.revealed.entry(order.id).or_default().push(reveal);
                }
            }
        }
    }
}

fn options() -> Options {
    Options {
        tips: Tips {
            first: 10,
            most: 300,
        },
        poke: false,
        misdeed: None,
    }
}

fn seller() -> Seller {
    Seller::new(Secret::new(SEED), options())
}

/// Plans, and sends what was planned.
fn turn(seller: &mut Seller, chain: &mut Chain) -> Plan {
    let plan = seller.step(&chain.look());
    for batch in &plan.send {
        if !chain.submit(batch) {
            seller.refused(batch.sent.nonce);
        }
    }
    plan
}

fn opens(reveal: &Reveal) -> bool {
    let context = context();
    let wrapped = Wrapped {
        public: reveal.seller_key,
        key: reveal.wrapped,
    };
    let key = context.unwrap(&wrapped, reveal.order, &buyer(reveal.order));
    key == context.key(&Secret::new(SEED))
}

#[test]
fn a_final_order_is_revealed_once_with_the_key_it_paid_for() {
    let (mut seller, mut chain) = (seller(), Chain::new(1_000));
    chain.order(5, 600);
    chain.finalized = chain.best;
    let plan = turn(&mut seller, &mut chain);
    assert_eq!((plan.counts.open, plan.counts.due), (1, 1));
    assert_eq!(plan.send.len(), 1);
    assert_eq!(plan.send[0].tip, 0);
    assert!(opens(&plan.send[0].reveals[0]));
    assert!(turn(&mut seller, &mut chain).send.is_empty(), "under way");
    chain.block(false);
    let plan = turn(&mut seller, &mut chain);
    assert_eq!((plan.counts.open, plan.counts.due), (1, 0));
    assert!(plan.send.is_empty() && plan.warnings.is_empty());
    assert_eq!(chain.revealed[&5].len(), 1);
}

#[test]
fn nothing_is_revealed_for_an_order_no_final_block_holds() {
    let (mut seller, mut chain) = (seller(), Chain::new(1_000));
    chain.block(true);
    chain.order(5, 600);
    chain.finalized = 1_000;
    for _ in 0..50 {
        assert!(turn(&mut seller, &mut chain).send.is_empty());
        chain.block(true);
    }
    chain.finalized = 1_001;
    assert_eq!(turn(&mut seller, &mut chain).send.len(), 1);
}

#[test]
fn an_order_of_another_branch_is_no_reason_to_reveal() {
    // The final block holds order 5 of another buyer: a branch that is gone has the number too.
    let (mut seller, chain) = (seller(), {
        let mut chain = Chain::new(1_000);
        chain.order(5, 600);
        chain.finalized = chain.best;
        chain
    });
    let mut look = chain.look();
    look.final_orders.insert(5, public_key(&buyer(99)));
    assert!(seller.step(&look).send.is_empty());
}

#[test]
fn a_reorganisation_under_a_reveal_brings_the_same_reveal_again() {
    let (mut seller, mut chain) = (seller(), Chain::new(1_000));
    chain.order(5, 600);
    chain.finalized = chain.best;
    let before = chain.clone();
    let first = turn(&mut seller, &mut chain).send;
    chain.block(false);
    assert!(turn(&mut seller, &mut chain).send.is_empty());
    // Another branch wins: it is longer, and does not hold the reveal.
    let mut chain = before;
    for _ in 0..3 {
        chain.block(true);
    }
    let second = turn(&mut seller, &mut chain).send;
    assert_eq!(second.len(), 1);
    assert_eq!(first[0].reveals, second[0].reveals);
    chain.block(false);
    assert_eq!(chain.revealed[&5], first[0].reveals);
}

#[test]
fn without_finality_depth_counts_from_half_of_the_window_on() {
    let (mut seller, mut chain) = (seller(), Chain::new(1_000));
    chain.block(true);
    chain.order(5, 600);
    let mut sent_at = None;
    let mut said = Vec::new();
    for block in 0..600 {
        let plan = turn(&mut seller, &mut chain);
        said.extend(plan.warnings);
        if !plan.send.is_empty() {
            sent_at = Some(block);
            break;
        }
        chain.block(true);
    }
    assert_eq!(sent_at, Some(300), "half of the window");
    assert_eq!(
        said,
        [
            Warning::Late {
                order: 5,
                left: 300,
                awaits_finality: false
            },
            Warning::Unfinal { order: 5 }
        ]
    );
    // In a window whose half is shorter than the depth nothing is ever deep enough in time.
    let (mut seller, mut chain) = (self::seller(), Chain::new(1_000));
    chain.block(true);
    chain.order(6, 80);
    for _ in 0..100 {
        assert!(turn(&mut seller, &mut chain).send.is_empty());
        chain.block(true);
    }
}

#[test]
fn full_blocks_bring_higher_tips_and_the_margin_ends_it() {
    let (mut seller, mut chain) = (seller(), Chain::new(1_000));
    chain.order(5, 600);
    chain.finalized = chain.best;
    let mut tips = Vec::new();
    let mut last_left = 0;
    let mut missed = 0;
    while chain.now <= 1_000 + 620 {
        let left = (1_600u32).saturating_sub(chain.now);
        let plan = turn(&mut seller, &mut chain);
        for batch in &plan.send {
            assert!(left >= MARGIN, "sent with {left} blocks left");
            assert!(
                batch.sent.life <= left && batch.sent.life >= 4,
                "life {} with {left} left",
                batch.sent.life
            );
            assert!(batch.sent.life.is_power_of_two());
            if tips.last() != Some(&batch.tip) {
                tips.push(batch.tip);
            }
            last_left = left;
        }
        for warning in &plan.warnings {
            missed += u32::from(matches!(warning, Warning::Missed { order: 5 }));
        }
        chain.block(true);
    }
    assert_eq!(tips, [0, 10, 40, 160]);
    assert!(last_left < 75 + 64, "{last_left}");
    assert_eq!(missed, 1, "said once");
    assert_eq!(seller.step(&chain.look()).counts.missed, 1);
    assert!(chain.revealed.is_empty());
}

#[test]
fn a_tip_is_never_worth_more_than_the_order() {
    let mut generous = Seller::new(
        Secret::new(SEED),
        Options {
            tips: Tips {
                first: 1_000_000,
                most: u128::MAX,
            },
            ..options()
        },
    );
    let mut chain = Chain::new(1_000);
    chain.order(5, 600);
    chain.finalized = chain.best;
    for _ in 0..310 {
        chain.block(true);
    }
    assert_eq!(turn(&mut generous, &mut chain).send[0].tip, 500);
}

#[test]
fn a_transaction_that_ran_out_is_sent_again_with_its_nonce() {
    let (mut seller, mut chain) = (seller(), Chain::new(1_000));
    chain.order(5, 4_800);
    chain.finalized = chain.best;
    let mut nonces = Vec::new();
    for _ in 0..200 {
        let plan = turn(&mut seller, &mut chain);
        nonces.extend(plan.send.iter().map(|batch| batch.sent.nonce));
        chain.block(true);
    }
    assert_eq!(nonces, [0; 4]);
    turn(&mut seller, &mut chain);
    chain.block(false);
    assert_eq!(chain.revealed[&5].len(), 1);
}

#[test]
fn many_orders_share_transactions_of_at_most_64() {
    let (mut seller, mut chain) = (seller(), Chain::new(1_000));
    for id in 0..150 {
        chain.order(id, 600);
    }
    chain.finalized = chain.best;
    let plan = turn(&mut seller, &mut chain);
    let sizes: Vec<_> = plan.send.iter().map(|b| b.reveals.len()).collect();
    assert_eq!(sizes, [64, 64, 22]);
    let nonces: Vec<_> = plan.send.iter().map(|b| b.sent.nonce).collect();
    assert_eq!(nonces, [0, 1, 2]);
    chain.block(false);
    assert_eq!(chain.revealed.len(), 150);
    assert!(chain.revealed.values().flatten().all(opens));
}

#[test]
fn killed_between_any_two_transactions_it_reveals_each_order_once() {
    // Of three transactions `sent` have left when the process is killed; then `blocks` go by.
    for sent in 0..=3usize {
        for blocks in 0..3 {
            let mut chain = Chain::new(1_000);
            for id in 0..150 {
                chain.order(id, 600);
            }
            chain.finalized = chain.best;
            for batch in seller().step(&chain.look()).send.iter().take(sent) {
                assert!(chain.submit(batch));
            }
            for _ in 0..blocks {
                chain.block(true);
            }
            let mut again = seller();
            for _ in 0..4 {
                turn(&mut again, &mut chain);
                chain.block(false);
            }
            assert_eq!(chain.revealed.len(), 150, "{sent} sent, {blocks} blocks");
            let all: Vec<&Reveal> = chain.revealed.values().flatten().collect();
            assert_eq!(all.len(), 150, "none of them twice");
            assert!(all.into_iter().all(opens));
            assert!(again.step(&chain.look()).send.is_empty());
        }
    }
}

#[test]
fn a_daemon_that_knows_nothing_reveals_the_same() {
    let (mut first, mut chain) = (seller(), Chain::new(1_000));
    chain.order(5, 600);
    chain.finalized = chain.best;
    let sent = turn(&mut first, &mut chain).send;
    let mut second = seller();
    let again = turn(&mut second, &mut chain).send;
    assert_eq!(sent[0].reveals, again[0].reveals);
    chain.block(false);
    assert_eq!(chain.revealed[&5].len(), 1);
}

#[test]
fn what_did_not_leave_before_the_node_was_lost_is_sent_after_it() {
    let (mut seller, mut chain) = (seller(), Chain::new(1_000));
    for id in 0..100 {
        chain.order(id, 600);
    }
    chain.finalized = chain.best;
    let plan = seller.step(&chain.look());
    assert!(chain.submit(&plan.send[0]));
    seller.lost();
    for _ in 0..3 {
        turn(&mut seller, &mut chain);
        chain.block(false);
    }
    assert_eq!(chain.revealed.len(), 100);
    assert!(chain.revealed.values().all(|reveals| reveals.len() == 1));
}

#[test]
fn a_seed_that_is_not_the_seals_reveals_nothing_and_says_so() {
    let mut stranger = Seller::new(Secret::new([8; 32]), options());
    let mut chain = Chain::new(1_000);
    chain.order(5, 600);
    chain.finalized = chain.best;
    let plan = turn(&mut stranger, &mut chain);
    assert_eq!(plan.warnings, [Warning::Foreign { order: 5 }]);
    assert!(plan.send.is_empty());
    assert!(turn(&mut stranger, &mut chain).warnings.is_empty(), "once");
}

#[test]
fn a_reveal_that_is_passed_over_is_not_sent_in_every_block() {
    let (mut seller, mut chain) = (seller(), Chain::new(1_000));
    chain.order(5, 600);
    chain.finalized = chain.best;
    let mut sent = Vec::new();
    let mut said = 0;
    for block in 0..200 {
        let plan = turn(&mut seller, &mut chain);
        if !plan.send.is_empty() {
            sent.push(block);
        }
        said += plan
            .warnings
            .iter()
            .filter(|warning| **warning == Warning::Skipped { order: 5 })
            .count();
        // The block takes the transaction, and the chain passes its item over.
        let order = chain.orders.remove(&5).unwrap();
        chain.block(false);
        chain.orders.insert(5, order);
    }
    assert_eq!(sent, [0, 65, 130, 195]);
    assert_eq!(said, 4);
}

#[test]
fn an_order_of_a_bad_seal_takes_no_key_and_is_not_missed() {
    let (mut seller, mut chain) = (seller(), Chain::new(1_000));
    chain.order(5, 600);
    chain.finalized = chain.best;
    if let Some(order) = chain.orders.get_mut(&5) {
        order.seal_is_bad = true;
    }
    for _ in 0..700 {
        let plan = turn(&mut seller, &mut chain);
        assert!(plan.send.is_empty() && plan.warnings.is_empty());
        assert_eq!((plan.counts.due, plan.counts.missed), (0, 0));
        chain.block(true);
    }
}

#[test]
fn misdeeds_are_what_their_names_say() {
    let mut chain = Chain::new(1_000);
    chain.order(5, 600);
    chain.finalized = chain.best;
    let with = |misdeed| {
        let options = Options {
            misdeed: Some(misdeed),
            ..options()
        };
        Seller::new(Secret::new(SEED), options)
    };
    let plan = with(Misdeed::Silent).step(&chain.look());
    assert!(plan.send.is_empty());
    assert_eq!(plan.counts.due, 1);
    let plan = with(Misdeed::WrongKey).step(&chain.look());
    assert!(!opens(&plan.send[0].reveals[0]));
}

#[test]
fn orders_whose_window_is_over_are_poked_when_asked() {
    let mut chain = Chain::new(1_000);
    chain.order(5, 600);
    chain.order(6, 600);
    chain.finalized = chain.best;
    let mut seller = Seller::new(
        Secret::new(SEED),
        Options {
            poke: true,
            ..options()
        },
    );
    turn(&mut seller, &mut chain);
    chain.block(false);
    for _ in 0..=100 {
        assert!(turn(&mut seller, &mut chain).send.is_empty());
        chain.block(false);
    }
    let plan = turn(&mut seller, &mut chain);
    let poked: Vec<_> = plan
        .send
        .iter()
        .map(|batch| (batch.sent.deed, batch.sent.orders.clone()))
        .collect();
    assert_eq!(
        poked,
        [
            (Deed::Poke, BTreeSet::from([5])),
            (Deed::Poke, BTreeSet::from([6]))
        ]
    );
    chain.block(false);
    assert!(chain.orders.is_empty());
    assert!(turn(&mut seller, &mut chain).send.is_empty());
    // Without the option nothing is poked.
    let mut chain = Chain::new(1_000);
    chain.order(5, 600);
    for _ in 0..700 {
        chain.block(true);
    }
    assert!(self::seller().step(&chain.look()).send.is_empty());
}

#[test]
fn lives_are_eras_that_end_in_time() {
    assert_eq!(life(3), None);
    for left in 4..2_000 {
        let life = life(left).unwrap();
        assert!(life.is_power_of_two() && (4..=64).contains(&life) && life <= left);
        assert!(life == 64 || life * 2 > left);
    }
    assert_eq!(margin(600), 50);
    assert_eq!(margin(200), 50);
    assert_eq!(margin(20), 5);
}

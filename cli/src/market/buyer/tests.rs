use super::*;

fn began() -> Began {
    let text = |byte: u8| format!("0x{}", format!("{byte:02x}").repeat(32));
    Began {
        genesis: text(1),
        listing: 4,
        buyer: "5G".into(),
        nonce: "0x".into(),
        buyer_key: text(2),
        max_price: "100".into(),
        watch: None,
        seller: "5F".into(),
        x_root: text(3),
        length: 100_000,
        seal_nonce: "0x".into(),
        z_root: text(4),
        h_k: text(5),
        seal_id: text(6),
    }
}

/// What the seller is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seller {
    Honest,
    Silent,
    WrongKey,
    WrongGroup,
}

const REVEAL: u32 = 600;
const DISPUTE: u32 = 800;

/// One branch after a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct State {
    held: Held,
    orders: u64,
    complaints: u64,
    refunds: u64,
}

/// A chain with one listing and one buyer, whose blocks are final six later.
struct World {
    seller: Seller,
    blocks: Vec<State>,
    pool: Vec<(Step, u32)>,
    /// Order at which block the key comes.
    reveals_after: u32,
    lag: usize,
    fetched: u32,
    opened: u32,
}

/// The process was killed.
#[derive(Debug)]
struct Killed;

impl World {
    fn new(seller: Seller) -> Self {
        Self {
            seller,
            blocks: vec![State::default(); 10],
            pool: Vec::new(),
            reveals_after: 20,
            lag: 6,
            fetched: 0,
            opened: 0,
        }
    }

    fn best(&self) -> u32 {
        u32::try_from(self.blocks.len()).unwrap()
    }

    fn state(&self) -> State {
        *self.blocks.last().unwrap()
    }

    fn final_state(&self) -> State {
        self.blocks[self.blocks.len().saturating_sub(self.lag + 1)]
    }

    fn look(&self) -> Look {
        Look {
            best: self.best(),
            now: self.best(),
            held: self.state().held,
            final_held: self.final_state().held,
            offer_is_final: true,
            dispute_window: DISPUTE,
        }
    }

    fn block(&mut self) {
        let mut state = self.state();
        let now = self.best() + 1;
        for (step, last) in std::mem::take(&mut self.pool) {
            if now > last {
                continue;
            }
            match (step, state.held) {
                (Step::Order { .. }, Held::Nothing) => {
                    state.orders += 1;
                    state.held = Held::Order(Order {
                        id: 6 + state.orders,
                        stage: Stage::Locked {
                            until: now + REVEAL,
                        },
                        seal_is_bad: false,
                    });
                }
                (Step::Complain { group, .. }, Held::Order(order)) => {
                    let Stage::Revealed { until } = order.stage else {
                        panic!("complained before the reveal");
                    };
                    assert!(now <= until, "complained too late");
                    assert_eq!(group.is_none(), self.seller == Seller::WrongKey);
                    state.complaints += 1;
                    state.refunds += 1;
                    state.held = Held::Nothing;
                }
                (Step::Poke { .. }, Held::Order(order)) => match order.stage {
                    Stage::Locked { until } if now > until || order.seal_is_bad => {
                        state.refunds += 1;
                        state.held = Held::Nothing;
                    }
                    Stage::Revealed { .. } if order.seal_is_bad => {
                        state.refunds += 1;
                        state.held = Held::Nothing;
                    }
                    Stage::Revealed { until } if now > until => {
                        state.held = Held::Right(order.id);
                    }
                    _ => {}
                },
                _ => {}
            }
        }
        if let Held::Order(Order {
            id,
            stage: Stage::Locked { until },
            seal_is_bad,
        }) = state.held
        {
            let placed = until - REVEAL;
            if self.seller != Seller::Silent && now >= placed + self.reveals_after {
                state.held = Held::Order(Order {
                    id,
                    stage: Stage::Revealed {
                        until: now + DISPUTE,
                    },
                    seal_is_bad,
                });
            }
        }
        self.blocks.push(state);
    }

    fn submit(&mut self, step: Step, life: u32) {
        self.pool.push((step, self.best() + life - 1));
    }
}

/// A process: it is killed before its `left`th effect.
struct Process<'a> {
    world: &'a mut World,
    journal: &'a mut Vec<Entry>,
    buyer: Buyer,
    left: u32,
    effects: u32,
}

impl Process<'_> {
    fn effect(&mut self) -> Result<(), Killed> {
        self.left = self.left.checked_sub(1).ok_or(Killed)?;
        self.effects += 1;
        Ok(())
    }

    fn write(&mut self, entry: Entry) -> Result<(), Killed> {
        self.effect()?;
        self.buyer.note(&entry);
        self.journal.push(entry);
        Ok(())
    }

    fn send(&mut self, step: Step, life: u32) -> Result<(), Killed> {
        self.effect()?;
        self.world.submit(step, life);
        Ok(())
    }

    /// Runs to the end, or until `patience` blocks have passed.
    fn run(&mut self, patience: u32) -> Result<Option<Outcome>, Killed> {
        if self.buyer.began().is_none() {
            self.write(Entry::Began(Box::new(began())))?;
        }
        let mut blocks = 0;
        while blocks < patience {
            let look = self.world.look();
            let sent = |life| Sent {
                at: look.best,
                life,
            };
            match self.buyer.step(&look) {
                Step::Fetch => {
                    self.effect()?;
                    self.world.fetched += 1;
                    self.write(Entry::Checked)?;
                }
                step @ Step::Order { life } => {
                    assert!(self.world.fetched > 0, "ordered before it was fetched");
                    self.write(Entry::Ordering(sent(life)))?;
                    self.send(step, life)?;
                }
                Step::Note(noted) => self.write(noted.into())?,
                Step::Open { .. } => {
                    self.effect()?;
                    self.world.opened += 1;
                    self.write(match self.world.seller {
                        Seller::WrongKey => Entry::Wrong { group: None },
                        Seller::WrongGroup => Entry::Wrong { group: Some(3) },
                        _ => Entry::Opened,
                    })?;
                }
                step @ Step::Complain { life, .. } => {
                    self.write(Entry::Complaining(sent(life)))?;
                    self.send(step, life)?;
                }
                step @ Step::Poke { life, .. } => {
                    self.write(Entry::Poking(sent(life)))?;
                    self.send(step, life)?;
                }
                Step::Wait(_) => {
                    self.world.block();
                    blocks += 1;
                }
                Step::NotMine { order } => panic!("order {order} is somebody else's"),
                Step::Done(outcome) => return Ok(Some(outcome)),
            }
        }
        Ok(None)
    }
}

fn process<'a>(world: &'a mut World, journal: &'a mut Vec<Entry>, left: u32) -> Process<'a> {
    let buyer = Buyer::resumed(journal.iter());
    Process {
        world,
        journal,
        buyer,
        left,
        effects: 0,
    }
}

fn expected(seller: Seller) -> Outcome {
    match seller {
        Seller::Honest => Outcome::Settled,
        _ => Outcome::Refunded,
    }
}

const SELLERS: [Seller; 4] = [
    Seller::Honest,
    Seller::Silent,
    Seller::WrongKey,
    Seller::WrongGroup,
];

#[test]
fn every_purchase_ends_as_it_must() {
    for seller in SELLERS {
        let (mut world, mut journal) = (World::new(seller), Vec::new());
        let end = process(&mut world, &mut journal, u32::MAX)
            .run(5_000)
            .unwrap();
        assert_eq!(end, Some(expected(seller)), "{seller:?}");
        let state = world.state();
        assert_eq!((state.orders, world.fetched), (1, 1), "{seller:?}");
        let complains = matches!(seller, Seller::WrongKey | Seller::WrongGroup);
        assert_eq!(state.complaints, u64::from(complains));
    }
}

#[test]
fn killed_before_every_effect_it_comes_to_the_same_end() {
    for seller in SELLERS {
        let effects = {
            let (mut world, mut journal) = (World::new(seller), Vec::new());
            let mut whole = process(&mut world, &mut journal, u32::MAX);
            whole.run(5_000).unwrap();
            whole.effects
        };
        assert!(effects >= 9, "{effects}");
        for kill in 0..effects {
            let (mut world, mut journal) = (World::new(seller), Vec::new());
            let killed = process(&mut world, &mut journal, kill).run(5_000);
            assert!(matches!(killed, Err(Killed)));
            // It lies dead for a while.
            for _ in 0..kill % 50 {
                world.block();
            }
            let end = process(&mut world, &mut journal, u32::MAX)
                .run(5_000)
                .unwrap();
            assert_eq!(end, Some(expected(seller)), "{seller:?}, killed at {kill}");
            assert_eq!(world.state().orders, 1, "{seller:?}, killed at {kill}");
            let complaints = journal
                .iter()
                .filter(|entry| matches!(entry, Entry::Complaining(_)))
                .count();
            assert!(complaints <= 2);
        }
    }
}

#[test]
fn killed_again_and_again_it_comes_to_the_same_end() {
    for seller in SELLERS {
        let (mut world, mut journal) = (World::new(seller), Vec::new());
        let mut end = None;
        for _ in 0..100 {
            // Two effects at a time, one of which may be the repetition of a lost one.
            if let Ok(outcome) = process(&mut world, &mut journal, 2).run(5_000) {
                end = outcome;
                break;
            }
        }
        assert_eq!(end, Some(expected(seller)), "{seller:?}");
        assert_eq!(world.state().orders, 1, "{seller:?}");
    }
}

#[test]
fn every_prefix_of_a_journal_leads_on() {
    for seller in SELLERS {
        let (mut world, mut whole) = (World::new(seller), Vec::new());
        process(&mut world, &mut whole, u32::MAX)
            .run(5_000)
            .unwrap();
        for length in 0..=whole.len() {
            // The last notes are lost, the chain is as it was left.
            let mut world = World::new(seller);
            let mut journal = Vec::new();
            let kill = u32::try_from(length).unwrap() * 2;
            let _ = process(&mut world, &mut journal, kill).run(5_000);
            journal.truncate(length.max(1));
            let end = process(&mut world, &mut journal, u32::MAX)
                .run(5_000)
                .unwrap();
            assert_eq!(end, Some(expected(seller)), "{seller:?}, {length} notes");
        }
    }
}

#[test]
fn an_order_lost_with_its_branch_is_placed_again() {
    let (mut world, mut journal) = (World::new(Seller::Honest), Vec::new());
    let mut first = process(&mut world, &mut journal, u32::MAX);
    first.run(3).unwrap();
    assert!(matches!(first.world.state().held, Held::Order(_)));
    assert_eq!(first.buyer.order(), Some(7));
    // Another branch wins, on which nobody ordered.
    let branch = world
        .blocks
        .iter()
        .position(|state| state.orders == 1)
        .unwrap();
    world.blocks.truncate(branch);
    for _ in 0..4 {
        world.block();
    }
    let end = process(&mut world, &mut journal, u32::MAX)
        .run(5_000)
        .unwrap();
    assert_eq!(end, Some(Outcome::Settled));
    assert_eq!(world.state().orders, 1);
    let orderings = journal
        .iter()
        .filter(|entry| matches!(entry, Entry::Ordering(_)))
        .count();
    assert_eq!(orderings, 2);
}

#[test]
fn nothing_is_ordered_before_the_offer_is_final_or_while_an_order_is_under_way() {
    let mut buyer = Buyer::default();
    buyer.note(&Entry::Began(Box::new(began())));
    let look = Look {
        best: 100,
        now: 100,
        ..Look::default()
    };
    assert_eq!(buyer.step(&look), Step::Fetch);
    buyer.note(&Entry::Checked);
    assert_eq!(buyer.step(&look), Step::Wait(Wait::Offer));
    let look = Look {
        offer_is_final: true,
        ..look
    };
    assert_eq!(buyer.step(&look), Step::Order { life: 32 });
    buyer.note(&Entry::Ordering(Sent { at: 100, life: 32 }));
    for best in 100..140 {
        let look = Look { best, ..look };
        assert_eq!(buyer.step(&look), Step::Wait(Wait::Inclusion));
    }
    let look = Look { best: 140, ..look };
    assert_eq!(buyer.step(&look), Step::Order { life: 32 });
}

#[test]
fn an_order_of_another_key_is_not_taken_for_ones_own() {
    let mut buyer = Buyer::default();
    buyer.note(&Entry::Began(Box::new(began())));
    buyer.note(&Entry::Checked);
    let look = |held| Look {
        best: 100,
        now: 100,
        held,
        offer_is_final: true,
        ..Look::default()
    };
    assert_eq!(
        buyer.step(&look(Held::Another(9))),
        Step::NotMine { order: 9 }
    );
    assert_eq!(
        buyer.step(&look(Held::Right(9))),
        Step::NotMine { order: 9 }
    );
    buyer.note(&Entry::Ordered { order: 8 });
    assert_eq!(
        buyer.step(&look(Held::Right(9))),
        Step::NotMine { order: 9 }
    );
}

#[test]
fn a_wrong_group_is_complained_of_once_final_or_when_finality_stalls() {
    let mut world = World::new(Seller::WrongGroup);
    let mut journal = Vec::new();
    // No block is final any more once the order is.
    let mut process = process(&mut world, &mut journal, u32::MAX);
    process.run(18).unwrap();
    assert_eq!(process.buyer.order(), Some(7));
    process.world.lag = 100_000;
    process.run(5_000).unwrap();
    let state = world.state();
    assert_eq!((state.complaints, state.refunds), (1, 1));
    let complained = world
        .blocks
        .iter()
        .position(|state| state.complaints == 1)
        .unwrap();
    let revealed = world
        .blocks
        .iter()
        .position(|state| {
            matches!(
                state.held,
                Held::Order(Order {
                    stage: Stage::Revealed { .. },
                    ..
                })
            )
        })
        .unwrap();
    let waited = u32::try_from(complained - revealed).unwrap();
    assert!((DISPUTE / 2..DISPUTE).contains(&waited), "{waited}");
}

#[test]
fn somebody_elses_proof_is_poked_for() {
    for stage in [Stage::Locked { until: 900 }, Stage::Revealed { until: 900 }] {
        let mut buyer = Buyer::default();
        for entry in [
            Entry::Began(Box::new(began())),
            Entry::Checked,
            Entry::Ordered { order: 7 },
        ] {
            buyer.note(&entry);
        }
        let held = Held::Order(Order {
            id: 7,
            stage,
            seal_is_bad: true,
        });
        let look = Look {
            best: 100,
            now: 100,
            held,
            ..Look::default()
        };
        assert_eq!(buyer.step(&look), Step::Poke { order: 7, life: 32 });
        buyer.note(&Entry::Poking(Sent { at: 100, life: 32 }));
        assert_eq!(buyer.step(&look), Step::Wait(Wait::Inclusion));
    }
}

#[test]
fn found_too_late_the_sale_stands() {
    let mut buyer = Buyer::default();
    for entry in [
        Entry::Began(Box::new(began())),
        Entry::Checked,
        Entry::Ordered { order: 7 },
        Entry::Final { order: 7 },
        Entry::Wrong { group: Some(3) },
    ] {
        buyer.note(&entry);
    }
    let held = Held::Order(Order {
        id: 7,
        stage: Stage::Revealed { until: 900 },
        seal_is_bad: false,
    });
    let look = Look {
        best: 901,
        now: 901,
        held,
        final_held: held,
        offer_is_final: true,
        dispute_window: DISPUTE,
    };
    assert_eq!(buyer.step(&look), Step::Wait(Wait::FinalEnd));
    let look = Look {
        held: Held::Right(7),
        final_held: Held::Right(7),
        ..look
    };
    assert_eq!(
        buyer.step(&look),
        Step::Note(Noted::Ended(Outcome::SaleStands))
    );
}

#[test]
fn a_complaints_transaction_ends_with_the_window() {
    let mut buyer = Buyer::default();
    for entry in [
        Entry::Began(Box::new(began())),
        Entry::Checked,
        Entry::Ordered { order: 7 },
        Entry::Final { order: 7 },
        Entry::Wrong { group: None },
    ] {
        buyer.note(&entry);
    }
    for left in [5, 20, 31, 32, 500] {
        let held = Held::Order(Order {
            id: 7,
            stage: Stage::Revealed {
                until: 1_000 + left,
            },
            seal_is_bad: false,
        });
        let look = Look {
            best: 1_000,
            now: 1_000,
            held,
            final_held: held,
            offer_is_final: true,
            dispute_window: DISPUTE,
        };
        let Step::Complain { group, life, .. } = buyer.step(&look) else {
            panic!("{left} left");
        };
        assert_eq!(group, None);
        assert!(life <= left.max(4) && life.is_power_of_two(), "{life}");
    }
}

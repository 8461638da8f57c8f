use super::world::{Daemon, Did, Driver, Mood, State};
use crate::{Call, Chain, Flight};
use proptest::prelude::*;
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
enum Event {
    /// A block; with luck it includes what is in the pool.
    Block {
        includes: bool,
    },
    /// The last block once more.
    Again,
    /// Back by so many blocks and one up on a fork.
    Reorg {
        back: u8,
    },
    Mood(Mood),
    /// A block that upgrades the runtime.
    Upgrade,
    DaemonRestarts,
    DaemonFinishes,
    /// The roots of this trace were revealed by somebody else.
    RootsKnown,
}

fn event() -> impl Strategy<Value = Event> {
    let mood = prop_oneof![
        4 => Just(Mood::Honest),
        1 => Just(Mood::Dead),
        1 => Just(Mood::Slow),
        1 => Just(Mood::Failing),
        1 => Just(Mood::WrongTraceRoot),
        1 => Just(Mood::TooFewRoots),
        1 => Just(Mood::WrongOutput),
        1 => Just(Mood::NoOutput),
        1 => Just(Mood::OtherJob),
        1 => any::<u16>().prop_filter("a failure", |s| !(200..300).contains(s)).prop_map(Mood::Http),
        1 => Just(Mood::Garbage),
    ];
    prop_oneof![
        12 => any::<bool>().prop_map(|includes| Event::Block { includes }),
        3 => Just(Event::Again),
        3 => (1u8..12).prop_map(|back| Event::Reorg { back }),
        4 => mood.prop_map(Event::Mood),
        1 => Just(Event::Upgrade),
        1 => Just(Event::DaemonRestarts),
        3 => Just(Event::DaemonFinishes),
        1 => Just(Event::RootsKnown),
    ]
}

/// Everything ever signed, and what each block's state was.
struct History {
    states: Vec<State>,
    signed: Vec<(Flight, Call)>,
    commitments: BTreeSet<[u8; 32]>,
}

impl History {
    fn state(&mut self) -> &mut State {
        self.states.last_mut().expect("never empty")
    }

    fn note(&mut self, flight: &Flight, did: &Did) {
        let Did::Signed(call) = did else { return };
        let chain = self.state().clone();
        for (earlier, _) in &self.signed {
            assert!(
                !earlier.alive(&chain),
                "an earlier transaction is alive: {earlier:?}"
            );
        }
        if let Call::Commit { commitment } = call {
            self.commitments.insert(*commitment);
        }
        self.signed.push((flight.clone(), call.clone()));
    }

    fn block(&mut self, fork: u8, includes: bool) {
        let mut state = self.state().clone();
        state.advance(fork);
        if includes {
            // A pool offers whatever this fork can take, newest first.
            for (flight, call) in self.signed.iter().rev() {
                state.include(flight, call);
            }
        }
        self.states.push(state);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_happens_one_commitment_and_one_transaction_at_a_time(
        events in prop::collection::vec(event(), 1..60),
        at_once in any::<bool>(),
    ) {
        let mut history = History {
            states: vec![State { at_once, ..State::new() }],
            signed: vec![],
            commitments: BTreeSet::new(),
        };
        let (mut driver, mut daemon) = (Driver::default(), Daemon::new());
        let mut fork = 0u8;
        for event in events {
            match event {
                Event::Block { includes } => history.block(fork, includes),
                Event::Again => {
                    let chain = history.state().clone();
                    let did = driver.run(&chain, &mut daemon);
                    if let Some(flight) = driver.flight.clone() {
                        history.note(&flight, &did);
                    }
                    let twice = driver.run(&chain, &mut daemon);
                    prop_assert!(!matches!(twice, Did::Signed(_)) || !matches!(did, Did::Signed(_)));
                    if let Some(flight) = driver.flight.clone() {
                        history.note(&flight, &twice);
                    }
                }
                Event::Reorg { back } => {
                    let keep = history.states.len().saturating_sub(back.into()).max(1);
                    history.states.truncate(keep);
                    fork += 1;
                    history.block(fork, false);
                }
                Event::Mood(mood) => daemon.mood = mood,
                Event::Upgrade => {
                    history.block(fork, false);
                    history.state().spec_version += 1;
                }
                Event::DaemonRestarts => daemon.known = false,
                Event::DaemonFinishes => daemon.done = true,
                Event::RootsKnown => history.state().roots_known = true,
            }
            let chain = history.state().clone();
            let did = driver.run(&chain, &mut daemon);
            if let Some(flight) = driver.flight.clone() {
                history.note(&flight, &did);
            }
        }
        prop_assert!(history.commitments.len() <= 1);

        // In good weather the job is done before long.
        daemon.mood = Mood::Honest;
        daemon.done = true;
        for _ in 0..1_500 {
            if history.state().revealed {
                break;
            }
            history.block(fork, true);
            let chain = history.state().clone();
            let did = driver.run(&chain, &mut daemon);
            if let Some(flight) = driver.flight.clone() {
                history.note(&flight, &did);
            }
        }
        prop_assert!(history.state().revealed);
        prop_assert!(history.commitments.len() <= 1);
        prop_assert_eq!(history.state().genesis(), super::world::GENESIS);
    }
}

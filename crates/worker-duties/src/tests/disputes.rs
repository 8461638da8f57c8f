use super::court::{slice, truth, Court, Eyes, Lie, Machine, Mood, CLOSES, GENESIS, JOB};
use crate::{
    dispute::{self, Reply},
    turn::{self, Rules, Trouble},
    Answer, Call, Chain, Flight, Heard, Key, Problem, Request, Step,
};
use athanor_primitives::{Asked, Opening, Question, Value};
use athanor_tensor_program::trace_root;
use proptest::prelude::*;

const ALL: u32 = u32::MAX;

/// A key, its machine, and every transaction that it ever gave to a pool.
struct Player {
    machine: Machine,
    watch: u32,
    flights: Vec<(Flight, Call)>,
}

impl Player {
    fn new(key: u8, lie: Lie, watch: u32) -> Self {
        Player {
            machine: Machine::new(key, lie),
            watch,
            flights: vec![],
        }
    }

    fn claim(&self) -> ([u8; 32], Vec<[u8; 32]>) {
        (self.machine.key, self.machine.lie.claim().1)
    }

    fn turn(&mut self, court: &Court) -> Vec<Trouble> {
        let key = self.machine.key;
        let view = Eyes { court, key };
        self.machine.signed = None;
        let before = self.machine.pool.len();
        let rules = Rules {
            watch: self.watch,
            may_sign: true,
        };
        let troubles = turn::take(&view, &mut self.machine, key, rules);
        let submitted = &self.machine.pool[before..];
        assert!(submitted.len() <= 1);
        if let Some((nonce, call)) = submitted.first() {
            for (earlier, call) in &self.flights {
                assert!(!earlier.alive(&view), "{call:?} is still alive");
            }
            let bytes = nonce.to_le_bytes().to_vec();
            self.flights
                .push((Flight::new(&view, JOB, call, bytes), call.clone()));
        }
        troubles
    }

    fn called(&self, name: &str) -> usize {
        let calls = self.flights.iter().map(|(_, call)| call);
        calls.filter(|call| call.name() == name).count()
    }

    fn tally(&self) -> turn::Tally {
        turn::tally(&self.machine, &GENESIS, &self.machine.key)
    }
}

/// Everything is included, in one block after another, until `done` or `most` blocks.
fn play(
    court: &mut Court,
    players: &mut [Player],
    most: u32,
    done: impl Fn(&Court) -> bool,
) -> Vec<Trouble> {
    let mut troubles = vec![];
    for _ in 0..most {
        if done(court) {
            break;
        }
        for player in players.iter_mut() {
            troubles.extend(player.turn(court));
        }
        court.advance(0);
        for player in players.iter() {
            for (flight, call) in player.flights.iter().rev() {
                if let Some(worked) = court.include(player.machine.key, flight, call) {
                    let honest = player.machine.lie == Lie::None;
                    assert!(worked || !honest, "{call:?} had no effect");
                }
            }
        }
    }
    troubles
}

fn lies() -> Vec<Lie> {
    vec![
        Lie::Byte(0, 3),
        Lie::Byte(1, 0),
        Lie::Byte(1, 77_777),
        Lie::Byte(2, 2_999),
        Lie::Root(0),
        Lie::Root(1),
        Lie::Root(2),
        Lie::Across,
    ]
}

fn is_convicted(lie: Lie) -> impl Fn(&Court) -> bool {
    let root = trace_root(&lie.claim().1);
    move |court| court.struck.contains(&root)
}

#[test]
fn a_watcher_convicts_every_kind_of_liar() {
    for lie in lies() {
        let mut players = [Player::new(1, lie, 0), Player::new(9, Lie::None, ALL)];
        let mut court = Court::new(vec![players[0].claim()]);
        play(&mut court, &mut players, 1_400, is_convicted(lie));
        assert!(is_convicted(lie)(&court), "{lie:?}");
        assert_eq!(court.lost, 0);
        let watcher = &players[1];
        assert!(watcher.machine.watched);
        let threads = if lie == Lie::Across { 2 } else { 1 };
        assert_eq!(watcher.called("announce"), threads, "{lie:?}");
        let (demands, proofs) = match lie {
            Lie::Across => (4, 1),
            Lie::Byte(0, _) | Lie::Root(0) => (0, 1),
            Lie::Byte(1, _) => (2, 1),
            Lie::Root(_) => (1, 0),
            _ => (1, 1),
        };
        assert_eq!(watcher.called("demand"), demands, "{lie:?}");
        assert_eq!(watcher.called("challenge"), proofs, "{lie:?}");
        assert_eq!(watcher.tally().disputed, 1);
    }
}

/// The liar answers one of two threads at once, and the other when the first is gone.
#[test]
fn a_liar_that_is_slow_with_one_of_two_parts_is_convicted() {
    for slow in [0, 1] {
        let lie = Lie::Across;
        let mut players = [Player::new(1, lie, 0), Player::new(9, Lie::None, ALL)];
        let mut court = Court::new(vec![players[0].claim()]);
        // So late that no other thread can be opened.
        court.block = CLOSES - 40;
        court.hashes = (0..=court.block).map(|number| [number as u8; 32]).collect();
        players[0].machine.mute_in = Some(slow);
        let troubles = play(&mut court, &mut players, 38, |_| false);
        assert_eq!((court.threads(), court.lost), (2, 0), "{troubles:?}");
        play(&mut court, &mut players, 600, is_convicted(lie));
        assert!(!is_convicted(lie)(&court), "thread {slow} is slow");
        assert_eq!((court.threads(), court.lost), (1, 1));
        players[0].machine.mute_in = None;
        play(&mut court, &mut players, 20, is_convicted(lie));
        assert!(is_convicted(lie)(&court), "thread {slow} is slow");
        assert_eq!(players[1].called("announce"), 2);
    }
}

#[test]
fn an_outvoted_replica_convicts_the_majority() {
    for lie in lies() {
        let mut players = [
            Player::new(1, lie, 0),
            Player::new(2, lie, 0),
            Player::new(3, Lie::None, 0),
        ];
        let mut court = Court::new(players.iter().map(Player::claim).collect());
        for player in &mut players {
            player.machine.known = true;
        }
        // What the liars would find, if they looked: their own run differs from the truth.
        let honest = trace_root(&Lie::None.claim().1);
        play(&mut court, &mut players, 1_400, is_convicted(lie));
        assert!(is_convicted(lie)(&court), "{lie:?}");
        assert!(!court.struck.contains(&honest));
        assert!(!players[2].machine.watched, "the run was there already");
    }
}

#[test]
fn who_comes_second_gets_the_bond_back() {
    let lie = Lie::Byte(0, 3);
    let mut players = [
        Player::new(1, lie, 0),
        Player::new(8, Lie::None, ALL),
        Player::new(9, Lie::None, ALL),
    ];
    let mut court = Court::new(vec![players[0].claim()]);
    // The second one's announcement is a block younger.
    players[2].machine.mood = Mood::Dead;
    let announced = |court: &Court| court.threads() > 0;
    play(&mut court, &mut players, 20, announced);
    players[2].machine.mood = Mood::Good;
    play(&mut court, &mut players, 20, is_convicted(lie));
    assert!(is_convicted(lie)(&court));
    assert_eq!(court.threads(), 1, "one is moot and nobody knows");
    play(&mut court, &mut players, 20, |court| court.threads() == 0);
    assert_eq!((court.threads(), court.lost), (0, 0));
    assert_eq!(players[2].called("demand"), 1);
}

#[test]
fn what_is_right_is_left_alone() {
    let mut players = [
        Player::new(1, Lie::None, 0),
        Player::new(2, Lie::None, 0),
        Player::new(9, Lie::None, ALL),
    ];
    let mut court = Court::new(vec![players[0].claim(), players[1].claim()]);
    let troubles = play(&mut court, &mut players, 1_300, Court::is_over);
    assert_eq!(troubles, []);
    assert!(players.iter().all(|player| player.flights.is_empty()));
    assert!(court.struck.is_empty());
    let tally = players[2].tally();
    assert_eq!((tally.checked, tally.disputed, tally.unchecked), (1, 0, 0));
    let asked = &players[2].machine.asked;
    assert_eq!(asked[..], ["worker_watch", "worker_receipt"]);
}

#[test]
fn at_rate_0_nothing_is_watched() {
    let mut players = [Player::new(9, Lie::None, 0)];
    let liar = Player::new(1, Lie::Byte(1, 5), 0);
    let mut court = Court::new(vec![liar.claim()]);
    play(&mut court, &mut players, 100, Court::is_over);
    assert!(players[0].machine.asked.is_empty());
    assert!(players[0].flights.is_empty());
}

#[test]
fn the_rate_is_the_share_that_is_watched() {
    let key = Key {
        worker: [1; 32],
        secret: [2; 32],
    };
    let watched = |rate: u32| {
        (0..4_000u64)
            .filter(|job| dispute::is_watched(&key, &GENESIS, *job, rate))
            .count()
    };
    assert_eq!(watched(0), 0);
    assert_eq!(watched(u32::MAX), 4_000);
    assert!((900..1_100).contains(&watched(u32::MAX / 4)));
    let other = Key {
        secret: [3; 32],
        ..key
    };
    let both = (0..4_000u64).filter(|job| {
        dispute::is_watched(&key, &GENESIS, *job, u32::MAX / 2)
            && dispute::is_watched(&other, &GENESIS, *job, u32::MAX / 2)
    });
    assert!(
        (900..1_100).contains(&both.count()),
        "secrets are independent"
    );
}

#[test]
fn a_watcher_that_is_wrong_itself_gives_up_and_harms_nobody() {
    let mut players = [
        Player::new(1, Lie::None, 0),
        Player::new(9, Lie::Byte(1, 4_000), ALL),
    ];
    let mut court = Court::new(vec![players[0].claim()]);
    for _ in 0..1_300 {
        if court.is_over() {
            break;
        }
        for player in &mut players {
            player.turn(&court);
        }
        court.advance(0);
        for player in &players {
            for (flight, call) in player.flights.iter().rev() {
                court.include(player.machine.key, flight, call);
            }
        }
    }
    assert!(court.struck.is_empty());
    assert_eq!(players[1].called("announce"), 2);
    assert_eq!(court.lost, 2);
}

#[test]
fn what_cannot_be_fetched_is_reported_and_counted() {
    let mut players = [Player::new(9, Lie::None, ALL)];
    players[0].machine.mood = Mood::Failing;
    let liar = Player::new(1, Lie::Byte(1, 5), 0);
    let mut court = Court::new(vec![liar.claim()]);
    let troubles = play(&mut court, &mut players, 1_300, Court::is_over);
    assert!(matches!(
        &troubles[0],
        Trouble::Unchecked { job: JOB, problem: Problem::JobFailed(reason) }
            if reason.contains("nowhere")
    ));
    // One more block, in which the window is seen to be closed.
    players[0].turn(&court);
    let tally = players[0].tally();
    assert_eq!((tally.unchecked, tally.checked, tally.watching), (1, 0, 0));
    assert!(players[0].flights.is_empty(), "it costs nothing");
}

#[test]
fn a_claim_whose_blobs_never_come_is_counted_and_costs_nothing() {
    let mut players = [Player::new(9, Lie::None, ALL)];
    players[0].machine.done = false;
    let liar = Player::new(1, Lie::Byte(1, 5), 0);
    let mut court = Court::new(vec![liar.claim()]);
    let troubles = play(&mut court, &mut players, 1_300, Court::is_over);
    assert_eq!(troubles, []);
    assert_eq!(players[0].tally().watching, 1, "it waits to the end");
    players[0].turn(&court);
    let tally = players[0].tally();
    assert_eq!((tally.unchecked, tally.checked, tally.watching), (1, 0, 0));
    assert!(players[0].flights.is_empty());
}

/// Why claims that can't be run are not asked about at random: who asks learns whether
/// there are bytes behind a root, not whether they are right, and pays for both.
#[test]
fn an_answer_without_a_run_of_ones_own_tells_no_lie_from_the_truth() {
    const ASKER: [u8; 32] = [0x77; 32];
    let (node, salt) = (1, [5; 32]);
    for (lie, withheld) in [
        (Lie::None, false),
        (Lie::Byte(1, 50_000), false),
        (Lie::Root(1), true),
    ] {
        let mut players = [Player::new(1, lie, 0)];
        let claim = players[0].claim();
        let opening = Opening {
            trace_root: trace_root(&claim.1),
            node,
            salt,
        };
        let mut court = Court::new(vec![claim]);
        let calls = [
            Call::Announce {
                announcement: opening.announcement(&GENESIS, &ASKER, JOB),
            },
            Call::Demand {
                thread: 0,
                opening,
                value: Value::Node(node),
            },
        ];
        for call in calls {
            let view = Eyes {
                court: &court,
                key: ASKER,
            };
            let flight = Flight::new(&view, JOB, &call, vec![]);
            court.advance(0);
            assert_eq!(court.include(ASKER, &flight, &call), Some(true), "{lie:?}");
            court.advance(0);
        }
        play(&mut court, &mut players, 1_300, |court| {
            court.threads() == 0
        });
        assert_eq!(court.threads(), 0, "{lie:?}");
        assert_eq!(is_convicted(lie)(&court), withheld, "{lie:?}");
        assert_eq!(court.lost, u32::from(!withheld), "{lie:?}");
        assert_eq!(
            players[0].called("answer"),
            usize::from(!withheld),
            "{lie:?}"
        );
    }
}

#[test]
fn a_daemon_that_lost_its_jobs_is_given_them_again() {
    let lie = Lie::Byte(1, 50_000);
    let mut players = [Player::new(1, lie, 0), Player::new(9, Lie::None, ALL)];
    let mut court = Court::new(vec![players[0].claim()]);
    for _ in 0..60 {
        for player in &mut players {
            player.machine.known = false;
        }
        let now = court.block;
        play(&mut court, &mut players, 1, |court| court.block > now);
    }
    assert!(is_convicted(lie)(&court));
}

#[test]
fn a_claimant_whose_daemon_computes_again_answers_when_it_has() {
    let lie = Lie::Byte(1, 50_000);
    let mut players = [Player::new(1, lie, 0), Player::new(9, Lie::None, ALL)];
    players[0].machine.known = true;
    players[0].machine.mood = Mood::Computing;
    let mut court = Court::new(vec![players[0].claim()]);
    let troubles = play(&mut court, &mut players, 300, is_convicted(lie));
    assert_eq!(troubles, []);
    assert_eq!(players[0].called("answer"), 0);
    players[0].machine.mood = Mood::Good;
    play(&mut court, &mut players, 50, is_convicted(lie));
    assert_eq!(players[0].called("answer"), 2);
    assert!(is_convicted(lie)(&court));
}

#[test]
fn only_one_of_a_group_answers() {
    let lie = Lie::Byte(1, 50_000);
    let mut players = [
        Player::new(1, lie, 0),
        Player::new(2, lie, 0),
        Player::new(9, Lie::None, ALL),
    ];
    players[0].machine.known = true;
    players[1].machine.known = true;
    let mut court = Court::new(vec![players[0].claim(), players[1].claim()]);
    play(&mut court, &mut players, 60, is_convicted(lie));
    assert!(is_convicted(lie)(&court));
    assert_eq!(
        (players[0].called("answer"), players[1].called("answer")),
        (2, 0)
    );
}

#[test]
fn another_of_the_group_answers_when_the_first_does_not() {
    let lie = Lie::Byte(1, 50_000);
    let mut players = [
        Player::new(1, lie, 0),
        Player::new(2, lie, 0),
        Player::new(9, Lie::None, ALL),
    ];
    players[0].machine.mood = Mood::Dead;
    players[1].machine.known = true;
    let mut court = Court::new(vec![players[0].claim(), players[1].claim()]);
    play(&mut court, &mut players, 80, is_convicted(lie));
    assert!(is_convicted(lie)(&court));
    assert_eq!(
        (players[0].called("answer"), players[1].called("answer")),
        (0, 2)
    );
}

#[test]
fn a_call_that_the_pool_refused_is_signed_again() {
    let lie = Lie::Byte(2, 5);
    let mut players = [Player::new(1, lie, 0), Player::new(9, Lie::None, ALL)];
    let mut court = Court::new(vec![players[0].claim()]);
    players[1].machine.pool_refuses = true;
    let troubles = play(&mut court, &mut players, 3, Court::is_over);
    assert!(troubles.contains(&Trouble::PoolRefused {
        job: JOB,
        call: "announce"
    }));
    players[1].machine.pool_refuses = false;
    play(&mut court, &mut players, 60, is_convicted(lie));
    assert!(is_convicted(lie)(&court));
}

#[test]
fn an_answer_that_opens_nothing_is_not_sent() {
    let lie = Lie::Byte(2, 5);
    let mut players = [Player::new(1, lie, 0), Player::new(9, Lie::None, ALL)];
    players[0].machine.mood = Mood::Nonsense;
    players[0].machine.known = true;
    let mut court = Court::new(vec![players[0].claim()]);
    let troubles = play(&mut court, &mut players, 40, is_convicted(lie));
    assert!(troubles.contains(&Trouble::Duty {
        job: JOB,
        problem: Problem::OpensNothing
    }));
    assert_eq!(players[0].called("answer"), 0);
}

#[test]
fn a_piece_of_an_output_is_delivered_if_it_opens_the_root() {
    let court = Court::new(vec![]);
    let view = Eyes {
        court: &court,
        key: [1; 32],
    };
    let tensor = &truth()[1];
    let question = Question {
        job: JOB,
        thread: 0,
        trace_root: [0; 32],
        value: Value::Node(1),
        root: athanor_content_tree::root(tensor),
        len: tensor.len() as u64,
        asked: Asked::Slice {
            start: 32,
            count: 32,
        },
        deadline: 500,
    };
    let reply = Reply::new(&view, &question);
    let hear = |bytes: Vec<u8>| Heard {
        request: Request::Answer(question.clone()),
        answer: Ok(Answer::Opened(bytes)),
    };
    let good = slice(tensor, 32..64);
    assert_eq!(
        dispute::answer(&view, &question, 0, &reply, Some(hear(good.clone()))),
        Step::Sign(Call::Answer {
            thread: 0,
            bytes: good
        })
    );
    for wrong in [slice(tensor, 0..32), slice(tensor, 32..63), vec![]] {
        assert_eq!(
            dispute::answer(&view, &question, 0, &reply, Some(hear(wrong))),
            Step::Report(Problem::OpensNothing)
        );
    }
}

#[test]
fn an_announcement_is_the_same_after_any_crash_and_no_other_key_has_it() {
    let court = Court::new(vec![]);
    let view = Eyes {
        court: &court,
        key: [1; 32],
    };
    let key = Key {
        worker: [1; 32],
        secret: [2; 32],
    };
    let base = dispute::opening(&view, &key, JOB, &[3; 32], 4, 0);
    assert_eq!(base, dispute::opening(&view, &key, JOB, &[3; 32], 4, 0));
    let other = Key {
        secret: [9; 32],
        ..key
    };
    for salt in [
        dispute::opening(&view, &other, JOB, &[3; 32], 4, 0).salt,
        dispute::opening(&view, &key, JOB + 1, &[3; 32], 4, 0).salt,
        dispute::opening(&view, &key, JOB, &[9; 32], 4, 0).salt,
        dispute::opening(&view, &key, JOB, &[3; 32], 9, 0).salt,
        dispute::opening(&view, &key, JOB, &[3; 32], 4, 1).salt,
        dispute::opening(&view, &key, JOB, &[3; 32], 4, 2).salt,
    ] {
        assert_ne!(base.salt, salt);
    }
}

#[derive(Clone, Debug)]
enum Event {
    Block { includes: bool },
    Again(usize),
    Reorg { back: u8 },
    Mood(usize, Mood),
    DaemonRestarts(usize),
    Forgets(usize),
    Dies(usize, u32),
    PoolRefuses(usize, bool),
    Strangers(u32),
    Upgrade,
}

fn event() -> impl Strategy<Value = Event> {
    let who = 0usize..3;
    let mood = prop_oneof![
        3 => Just(Mood::Good),
        1 => Just(Mood::Dead),
        1 => Just(Mood::TimesOut),
        1 => Just(Mood::Computing),
        1 => Just(Mood::Failing),
        1 => Just(Mood::Garbage),
        1 => Just(Mood::Nonsense),
    ];
    prop_oneof![
        14 => any::<bool>().prop_map(|includes| Event::Block { includes }),
        2 => who.clone().prop_map(Event::Again),
        3 => (1u8..12).prop_map(|back| Event::Reorg { back }),
        3 => (who.clone(), mood).prop_map(|(who, mood)| Event::Mood(who, mood)),
        2 => who.clone().prop_map(Event::DaemonRestarts),
        2 => who.clone().prop_map(Event::Forgets),
        3 => (who.clone(), 0u32..6).prop_map(|(who, life)| Event::Dies(who, life)),
        1 => (who, any::<bool>()).prop_map(|(who, yes)| Event::PoolRefuses(who, yes)),
        1 => (1u32..4).prop_map(Event::Strangers),
        1 => Just(Event::Upgrade),
    ]
}

fn lie() -> impl Strategy<Value = Lie> {
    prop_oneof![
        Just(Lie::None),
        (0u16..3, any::<usize>()).prop_map(|(node, byte)| Lie::Byte(node, byte)),
        (0u16..3).prop_map(Lie::Root),
        Just(Lie::Across),
    ]
}

/// Every block's state on this fork, and the players.
struct Story {
    states: Vec<Court>,
    players: Vec<Player>,
    fork: u8,
}

impl Story {
    fn state(&mut self) -> &mut Court {
        self.states.last_mut().expect("never empty")
    }

    fn block(&mut self, includes: bool) {
        let mut court = self.state().clone();
        court.advance(self.fork);
        if includes {
            for player in &self.players {
                for (flight, call) in player.flights.iter().rev() {
                    court.include(player.machine.key, flight, call);
                }
            }
        }
        self.states.push(court);
    }

    fn turns(&mut self) {
        let court = self.states.last().expect("never empty");
        for player in &mut self.players {
            player.turn(court);
            // Whoever was killed is started again.
            player.machine.life = None;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn liars_are_convicted_and_nobody_else(
        lie in lie(),
        alone in any::<bool>(),
        events in prop::collection::vec(event(), 1..60),
    ) {
        // A liar, an honest replica of the same job or none, and a watcher.
        let players = vec![
            Player::new(1, lie, 0),
            Player::new(2, Lie::None, 0),
            Player::new(9, Lie::None, ALL),
        ];
        let mut claims = vec![players[0].claim()];
        if !alone {
            claims.push(players[1].claim());
        }
        let honest = trace_root(&Lie::None.claim().1);
        let mut story = Story { states: vec![Court::new(claims)], players, fork: 0 };
        for event in events {
            match event {
                Event::Block { includes } => story.block(includes),
                Event::Again(who) => {
                    let court = story.state().clone();
                    story.players[who].turn(&court);
                }
                Event::Reorg { back } => {
                    let keep = story.states.len().saturating_sub(back.into()).max(1);
                    story.states.truncate(keep);
                    story.fork += 1;
                    story.block(false);
                }
                Event::Mood(who, mood) => story.players[who].machine.mood = mood,
                Event::DaemonRestarts(who) => story.players[who].machine.known = false,
                Event::Forgets(who) => story.players[who].machine.forget(),
                Event::Dies(who, life) => story.players[who].machine.life = Some(life),
                Event::PoolRefuses(who, yes) => story.players[who].machine.pool_refuses = yes,
                Event::Strangers(count) => story.state().strangers = count,
                Event::Upgrade => {
                    story.block(false);
                    story.state().spec_version += 1;
                }
            }
            story.turns();
        }
        for player in &mut story.players {
            player.machine.mood = Mood::Good;
            player.machine.pool_refuses = false;
        }
        let convicted = is_convicted(lie);
        for _ in 0..2_800 {
            let court = story.state();
            if court.is_over() || lie != Lie::None && convicted(court) {
                break;
            }
            story.block(true);
            story.turns();
        }
        let court = story.state();
        prop_assert!(!court.struck.contains(&honest));
        if lie == Lie::None {
            for player in &story.players {
                prop_assert!(player.flights.is_empty(), "{:?}", player.flights);
            }
        } else {
            prop_assert!(convicted(court), "{lie:?} got away");
            prop_assert!(court.block < CLOSES + 1_600);
        }
        prop_assert_eq!(Eyes { court: story.state(), key: [1; 32] }.genesis(), GENESIS);
    }
}

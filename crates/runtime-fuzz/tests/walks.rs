//! Walks of fixed seeds, a fixed number of them: the same every time.

use athanor_runtime::time::EPOCH_DURATION_IN_BLOCKS;
use athanor_runtime_fuzz::{
    decoding::{self, Decoded},
    dice::Dice,
    tally::Tally,
    walk,
};

/// Windows are short enough for walks to get somewhere.
const FAST: bool = EPOCH_DURATION_IN_BLOCKS < 100;

fn walks(seeds: std::ops::Range<u64>, steps: usize) -> Tally {
    let mut sum = Tally::default();
    for seed in seeds {
        match walk::run(&walk::steps_of(seed, steps)) {
            Ok(tally) => sum.add(&tally),
            Err(failure) => {
                let small = walk::shrink(*failure, 60);
                panic!("seed {seed}: {}\nsteps: {:?}", small.why, small.steps);
            }
        }
    }
    sum
}

#[test]
fn everything_holds_after_every_call_of_random_walks() {
    let sum = walks(0..12, 400);
    println!("{sum}");
    if !FAST {
        return;
    }
    // A walk that gets nowhere would show nothing.
    let pallets = sum.pallets();
    for pallet in [
        "Programs",
        "ComputeJobs",
        "LabelBounties",
        "DataMarket",
        "Balances",
        "Utility",
        "Proxy",
        "Multisig",
        "Referenda",
        "ConvictionVoting",
        "Preimage",
        "Parameters",
        "Validators",
        "CollatorSelection",
        "Session",
        "Babe",
        "Grandpa",
        "Assets",
        "Scheduler",
        "Treasury",
        "SafeMode",
        "TxPause",
    ] {
        let done = pallets.get(pallet).map_or(0, |count| count.done);
        assert!(done > 0, "no call of {pallet} did anything");
    }
    for (pallet, call) in [
        ("Proxy", "announce"),
        ("Proxy", "proxy_announced"),
        ("Proxy", "reject_announcement"),
        ("ConvictionVoting", "delegate"),
        ("ConvictionVoting", "undelegate"),
        ("ConvictionVoting", "unlock"),
        ("Scheduler", "schedule_named"),
        ("Scheduler", "schedule_after"),
        ("Scheduler", "cancel"),
        ("Scheduler", "cancel_named"),
        ("Treasury", "spend"),
        ("Treasury", "payout"),
        ("Treasury", "check_status"),
        ("SafeMode", "force_enter"),
        ("SafeMode", "force_exit"),
        ("TxPause", "pause"),
        ("TxPause", "unpause"),
    ] {
        let done = sum.calls.get(&(pallet, call)).map_or(0, |count| count.done);
        assert!(done > 0, "{pallet}.{call} was never done");
    }
    // Without a key, `sudo` is nobody's.
    let sudo = pallets.get("Sudo").copied().unwrap_or_default();
    assert!(sudo.failed > 0 && sudo.done == 0, "Sudo: {sudo:?}");
    for event in [
        "ComputeJobs.JobSettled",
        "ComputeJobs.JobFailed",
        "ComputeJobs.JobExpired",
        "ComputeJobs.ReplicaStruck",
        "ComputeJobs.AuditDrawn",
        "ComputeJobs.ThreadOpened",
        "ComputeJobs.DataDemanded",
        "ComputeJobs.ClaimStruck",
        "LabelBounties.PageLeased",
        "LabelBounties.SheetRevealed",
        "LabelBounties.GoldOpened",
        "LabelBounties.BatchPaid",
        "LabelBounties.BatchPruned",
        "DataMarket.Ordered",
        "DataMarket.Settled",
        "DataMarket.Refunded",
        "Referenda.Confirmed",
        "Validators.Slashed",
        "Validators.BondReturned",
        "CollatorSelection.CandidateAdded",
        "Assets.Issued",
        "Assets.ApprovedTransfer",
    ] {
        assert!(
            sum.events.contains_key(event),
            "{event} was never seen among {:?}",
            sum.events
        );
    }
}

#[test]
fn a_walk_goes_the_same_way_twice() {
    let steps = walk::steps_of(3, 60);
    let once = walk::run(&steps).expect("a walk");
    assert_eq!(Ok(once), walk::run(&steps));
}

#[test]
fn transactions_have_one_encoding_and_spoilt_ones_never_panic() {
    let (mut found, mut nothing) = (0, 0);
    for seed in 0..3 {
        let seeds = decoding::seeds(seed, 40).expect("a walk");
        assert!(seeds.len() > 10, "{}", seeds.len());
        let mut dice = Dice::new(seed);
        for bytes in &seeds {
            assert_eq!(decoding::decode(bytes), Ok(Decoded::Transaction));
        }
        for _ in 0..3_000 {
            let one = dice.pick(&seeds).expect("some").clone();
            let other = dice.pick(&seeds).expect("some").clone();
            let bytes = decoding::spoil(&mut dice, &one, &other);
            match decoding::decode(&bytes) {
                Ok(Decoded::Transaction) => found += 1,
                Ok(Decoded::Nothing) => nothing += 1,
                Err(why) => panic!("{why}: {bytes:?}"),
            }
        }
    }
    assert!(found > 100 && nothing > 100, "{found} and {nothing}");
}

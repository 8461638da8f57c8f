//! Calls that are made known first and done later: announced by proxies, and put on the agenda.

use super::{general, somebody, Act};
use crate::{dice::Dice, people};
use athanor_runtime::{configs::ProxyType, AccountId, Hash, Runtime, RuntimeCall, System, UNIT};
use codec::{DecodeAll, Encode};
use sp_runtime::MultiAddress;

/// Number of calls that are announced.
const CALLS: u32 = 6;

/// Priority of tasks that walks put on the agenda. Those of referenda are none of their business:
/// one whose alarm is taken away never ends.
const PRIORITY: u8 = 200;

/// Number of names of tasks.
const NAMES: u32 = 4;

/// One of the calls that are announced, to be found again by its hash.
fn announced(i: u32) -> RuntimeCall {
    if i.is_multiple_of(2) {
        let remark = vec![i as u8; 3];
        return frame_system::Call::<Runtime>::remark_with_event { remark }.into();
    }
    pallet_balances::Call::<Runtime>::transfer_keep_alive {
        dest: MultiAddress::Id(people::worker(i)),
        value: UNIT / 4,
    }
    .into()
}

fn hash(call: &RuntimeCall) -> Hash {
    call.using_encoded(sp_io::hashing::blake2_256).into()
}

/// What proxies have announced: by whom, for whom, and the hash of the call.
fn announcements() -> Vec<(AccountId, AccountId, Hash)> {
    let mut all = Vec::new();
    for (delegate, (list, _)) in pallet_proxy::Announcements::<Runtime>::iter() {
        for announcement in list {
            // Its fields show in its encoding only; the last is the block.
            let parts = <(AccountId, Hash, u32)>::decode_all(&mut &announcement.encode()[..]);
            all.extend(parts.map(|(real, hash, _)| (delegate.clone(), real, hash)));
        }
    }
    all.sort_unstable();
    all
}

/// Proxies that have to announce: whose, and who.
fn slow_proxies() -> Vec<(AccountId, AccountId)> {
    let mut all: Vec<_> = pallet_proxy::Proxies::<Runtime>::iter()
        .flat_map(|(real, (list, _))| {
            list.into_iter()
                .filter(|proxy| proxy.delay > 0)
                .map(move |proxy| (real.clone(), proxy.delegate))
        })
        .collect();
    all.sort_unstable();
    all
}

/// A proxy that has to announce is made, announces, is refused, or does what it announced.
pub fn announcement(dice: &mut Dice) -> Act {
    use pallet_proxy::Call;
    let made = announcements();
    if dice.one_in(3) || made.is_empty() {
        let Some((real, delegate)) = dice.pick(&slow_proxies()).cloned() else {
            let types = [ProxyType::Any, ProxyType::NonTransfer];
            return Act::signed(
                &somebody(dice),
                Call::<Runtime>::add_proxy {
                    delegate: MultiAddress::Id(somebody(dice)),
                    proxy_type: dice.pick(&types).copied().unwrap_or_default(),
                    delay: 1 + dice.below(3),
                },
            );
        };
        let call_hash = hash(&announced(dice.below(CALLS)));
        let real = MultiAddress::Id(real);
        return Act::signed(&delegate, Call::<Runtime>::announce { real, call_hash });
    }
    let (by, of, call_hash) = match dice.pick(&made) {
        Some(one) => one.clone(),
        None => (somebody(dice), somebody(dice), Hash::zero()),
    };
    let (delegate, real) = (MultiAddress::Id(by.clone()), MultiAddress::Id(of.clone()));
    match dice.below(5) {
        0 => Act::signed(
            &by,
            Call::<Runtime>::remove_announcement { real, call_hash },
        ),
        1 => Act::signed(
            &of,
            Call::<Runtime>::reject_announcement {
                delegate,
                call_hash,
            },
        ),
        _ => {
            let call = (0..CALLS)
                .map(announced)
                .find(|call| hash(call) == call_hash);
            let force_proxy_type = None;
            Act::signed(
                &somebody(dice),
                Call::<Runtime>::proxy_announced {
                    delegate,
                    real,
                    force_proxy_type,
                    call: Box::new(call.unwrap_or_else(|| announced(0))),
                },
            )
        }
    }
}

fn name(dice: &mut Dice) -> [u8; 32] {
    [dice.below(NAMES) as u8; 32]
}

/// Tasks of ours: when, where in that block's agenda, and whether they have a name.
fn tasks() -> Vec<(u32, u32, Option<[u8; 32]>)> {
    let mut all = Vec::new();
    for (when, tasks) in pallet_scheduler::Agenda::<Runtime>::iter() {
        for (index, task) in (0..).zip(tasks) {
            if let Some(task) = task.filter(|task| task.priority == PRIORITY) {
                all.push((when, index, task.maybe_id));
            }
        }
    }
    all.sort_unstable();
    all
}

/// Governance puts a call on the agenda, or takes one off it; now and then somebody else tries.
pub fn task(dice: &mut Dice) -> Act {
    use pallet_scheduler::Call;
    let priority = PRIORITY;
    let after = dice.below(5);
    let when = System::block_number() + 1 + after;
    let maybe_periodic = dice
        .one_in(3)
        .then(|| (1 + dice.below(3), 1 + dice.below(3)));
    let call = Box::new(if dice.one_in(2) {
        general::decided(dice)
    } else {
        let remark = vec![7; 1 + dice.below(8) as usize];
        frame_system::Call::<Runtime>::remark_with_event { remark }.into()
    });
    let id = name(dice);
    let there = dice.pick(&tasks()).copied();
    let call: RuntimeCall = match (dice.below(7), there) {
        (0, _) => Call::<Runtime>::schedule {
            when,
            maybe_periodic,
            priority,
            call,
        }
        .into(),
        (1, _) => Call::<Runtime>::schedule_after {
            after,
            maybe_periodic,
            priority,
            call,
        }
        .into(),
        (2, _) => Call::<Runtime>::schedule_named_after {
            id,
            after,
            maybe_periodic,
            priority,
            call,
        }
        .into(),
        (3..=4, Some((_, _, Some(id)))) => Call::<Runtime>::cancel_named { id }.into(),
        (3..=5, Some((when, index, _))) => Call::<Runtime>::cancel { when, index }.into(),
        _ => Call::<Runtime>::schedule_named {
            id,
            when,
            maybe_periodic,
            priority,
            call,
        }
        .into(),
    };
    if dice.one_in(6) {
        return Act::signed(&somebody(dice), call);
    }
    Act::Root(call)
}

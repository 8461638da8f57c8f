//! Everything else: money, batches, proxies, multisigs, referenda, and what governance decides.

use super::{amount, jobs, labels, later, programs, somebody, Act, Book};
use crate::{dice::Dice, people};
use athanor_runtime::{
    configs::{dynamic_params, governance::custom_origins, ProxyType, RuntimeParameters},
    AccountId, OriginCaller, Runtime, RuntimeCall, UNIT,
};
use frame_support::{
    dispatch::GetDispatchInfo,
    traits::{schedule::DispatchTime, Bounded, PalletInfoAccess},
};
use pallet_conviction_voting::{AccountVote, Conviction, Vote, Voting};
use sp_runtime::{MultiAddress, Permill};

fn money(dice: &mut Dice) -> Act {
    let from = somebody(dice);
    let to = match dice.below(6) {
        0 => people::worker(dice.below(people::WORKERS)),
        1 => people::poor(dice.below(people::POOR)),
        2 => AccountId::new(dice.bytes()),
        3 => athanor_runtime::configs::governance::TreasuryAccount::get(),
        _ => somebody(dice),
    };
    let dest = MultiAddress::Id(to.clone());
    let value = amount(dice, 10);
    use pallet_balances::Call;
    match dice.below(8) {
        // Whoever has little may be emptied.
        0 => {
            let who = if dice.one_in(2) {
                people::poor(dice.below(people::POOR))
            } else {
                people::worker(dice.below(people::WORKERS))
            };
            let dest = MultiAddress::Id(from);
            let keep_alive = dice.one_in(2);
            Act::signed(&who, Call::<Runtime>::transfer_all { dest, keep_alive })
        }
        1 => Act::signed(&from, Call::<Runtime>::transfer_keep_alive { dest, value }),
        2 => {
            let keep_alive = true;
            let value = value.min(UNIT);
            Act::signed(&from, Call::<Runtime>::burn { value, keep_alive })
        }
        _ => Act::signed(&from, Call::<Runtime>::transfer_allow_death { dest, value }),
    }
}

/// Something about our pallets that `who` may want.
fn wanted(dice: &mut Dice) -> Vec<(AccountId, RuntimeCall)> {
    let acts = match dice.below(3) {
        0 => jobs::next(dice),
        1 => labels::next(dice),
        _ => programs::next(dice),
    };
    acts.into_iter()
        .filter_map(|act| match act {
            Act::Signed(who, call) => Some((who, call)),
            _ => None,
        })
        .collect()
}

/// Signed calls in a batch, through a proxy or a multisig.
pub fn wrapped(dice: &mut Dice, acts: Vec<Act>) -> Vec<Act> {
    let mut calls = Vec::new();
    let mut rest = Vec::new();
    for act in acts {
        match act {
            Act::Signed(who, call) => calls.push((who, call)),
            other => rest.push(other),
        }
    }
    let Some((who, _)) = calls.first().cloned() else {
        return rest;
    };
    let (same, other): (Vec<_>, Vec<_>) = calls.into_iter().partition(|(by, _)| *by == who);
    let calls: Vec<_> = same.into_iter().map(|(_, call)| call).collect();
    rest.extend(other.into_iter().map(|(by, call)| Act::Signed(by, call)));
    rest.push(wrap(dice, &who, calls));
    rest
}

fn wrap(dice: &mut Dice, who: &AccountId, mut calls: Vec<RuntimeCall>) -> Act {
    use pallet_utility::Call as Utility;
    match dice.below(5) {
        0 => Act::signed(who, Utility::<Runtime>::batch { calls }),
        1 => Act::signed(who, Utility::<Runtime>::batch_all { calls }),
        2 => Act::signed(who, Utility::<Runtime>::force_batch { calls }),
        3 => {
            let remark = frame_system::Call::<Runtime>::remark { remark: vec![1] }.into();
            let call = calls.pop().unwrap_or(remark);
            let proxies = pallet_proxy::Proxies::<Runtime>::get(who).0;
            let by = dice.pick(&proxies).map(|proxy| proxy.delegate.clone());
            let force_proxy_type = None;
            Act::signed(
                &by.unwrap_or_else(|| somebody(dice)),
                pallet_proxy::Call::<Runtime>::proxy {
                    real: MultiAddress::Id(who.clone()),
                    force_proxy_type,
                    call: Box::new(call),
                },
            )
        }
        _ => {
            let index = dice.below(3) as u16;
            let remark = frame_system::Call::<Runtime>::remark { remark: vec![1] }.into();
            let call = Box::new(calls.pop().unwrap_or(remark));
            Act::signed(who, Utility::<Runtime>::as_derivative { index, call })
        }
    }
}

fn proxy(dice: &mut Dice) -> Act {
    use pallet_proxy::Call;
    let types = [
        ProxyType::Any,
        ProxyType::NonTransfer,
        ProxyType::Governance,
        ProxyType::Provider,
    ];
    let proxy_type = dice.pick(&types).copied().unwrap_or_default();
    let delegate = MultiAddress::Id(somebody(dice));
    let who = somebody(dice);
    let delay = 0;
    if dice.one_in(4) {
        return Act::signed(&who, Call::<Runtime>::remove_proxies {});
    }
    Act::signed(
        &who,
        Call::<Runtime>::add_proxy {
            delegate,
            proxy_type,
            delay,
        },
    )
}

/// Two of two sign, or one of them only.
fn multisig(dice: &mut Dice) -> Vec<Act> {
    let (one, other) = (somebody(dice), somebody(dice));
    let all = {
        let mut all = [one.clone(), other.clone()];
        all.sort_unstable();
        all
    };
    let multi = pallet_multisig::Pallet::<Runtime>::multi_account_id(&all, 2);
    let fund = Act::signed(
        &one,
        pallet_balances::Call::<Runtime>::transfer_allow_death {
            dest: MultiAddress::Id(multi),
            value: 20 * UNIT,
        },
    );
    let call: RuntimeCall = match wanted(dice).pop() {
        Some((_, call)) => call,
        None => frame_system::Call::<Runtime>::remark { remark: vec![2] }.into(),
    };
    let max_weight = call.get_dispatch_info().total_weight();
    let sign = |by: &AccountId, with: &AccountId, maybe_timepoint| {
        Act::signed(
            by,
            pallet_multisig::Call::<Runtime>::as_multi {
                threshold: 2,
                other_signatories: vec![with.clone()],
                maybe_timepoint,
                call: Box::new(call.clone()),
                max_weight,
            },
        )
    };
    // The timepoint is that of the first signature, two transactions from now.
    let mut timepoint = pallet_multisig::Pallet::<Runtime>::timepoint();
    timepoint.index += 1;
    vec![
        fund,
        sign(&one, &other, None),
        sign(&other, &one, Some(timepoint)),
    ]
}

/// What a referendum may be about.
fn proposal(dice: &mut Dice) -> (OriginCaller, RuntimeCall) {
    let root = OriginCaller::system(frame_system::RawOrigin::Root);
    if dice.one_in(2) {
        let origin = OriginCaller::Origins(custom_origins::Origin::Treasurer);
        let spend = pallet_treasury::Call::<Runtime>::spend {
            asset_kind: Box::new(()),
            amount: amount(dice, 3),
            beneficiary: Box::new(somebody(dice)),
            valid_from: None,
        };
        return (origin, spend.into());
    }
    (root, decided(dice))
}

fn parameter(dice: &mut Dice) -> RuntimeCall {
    use dynamic_params::compute::{MinBond, Parameters, ProtocolFee};
    let key_value = RuntimeParameters::Compute(if dice.one_in(2) {
        let fee = Permill::from_parts(dice.below(1_000_001));
        Parameters::ProtocolFee(ProtocolFee, Some(fee))
    } else {
        let least = UNIT * u128::from(dice.below(300));
        Parameters::MinBond(MinBond, Some(least))
    });
    pallet_parameters::Call::<Runtime>::set_parameter { key_value }.into()
}

/// What governance decides.
pub fn decided(dice: &mut Dice) -> RuntimeCall {
    use pallet_tx_pause::Call as Pause;
    match dice.below(12) {
        10..=11 => treasurer(dice),
        0..=3 => {
            let listing = dice.below(6).into();
            let code = if dice.one_in(2) { 451 } else { 0 };
            pallet_data_market::Call::<Runtime>::freeze { listing, code }.into()
        }
        4..=6 => parameter(dice),
        7 => {
            let names: [(&[u8], &[u8]); 4] = [
                (b"LabelBounties", b"commit"),
                (b"ComputeJobs", b"create_job"),
                (b"DataMarket", b"order"),
                (b"Balances", b"transfer_all"),
            ];
            let (pallet, call) = dice.pick(&names).copied().unwrap_or((b"System", b"remark"));
            let full_name = (
                pallet.to_vec().try_into().unwrap_or_default(),
                call.to_vec().try_into().unwrap_or_default(),
            );
            Pause::<Runtime>::pause { full_name }.into()
        }
        8 if pallet_safe_mode::EnteredUntil::<Runtime>::exists() => {
            pallet_safe_mode::Call::<Runtime>::force_extend {}.into()
        }
        8 => pallet_safe_mode::Call::<Runtime>::force_enter {}.into(),
        _ => match some_paused() {
            Some(ident) if dice.below(4) > 0 => Pause::<Runtime>::unpause { ident }.into(),
            _ => pallet_safe_mode::Call::<Runtime>::force_exit {}.into(),
        },
    }
}

fn spends() -> Vec<u32> {
    let mut all: Vec<_> = pallet_treasury::Spends::<Runtime>::iter_keys().collect();
    all.sort_unstable();
    all
}

/// The treasury promises money, or takes a promise back.
fn treasurer(dice: &mut Dice) -> RuntimeCall {
    use pallet_treasury::Call;
    if let (true, Some(index)) = (dice.one_in(4), dice.pick(&spends()).copied()) {
        return Call::<Runtime>::void_spend { index }.into();
    }
    // Of what it has, mostly: it begins with little.
    let amount = if dice.one_in(3) {
        amount(dice, 3)
    } else {
        UNIT / 100
    };
    Call::<Runtime>::spend {
        asset_kind: Box::new(()),
        amount,
        beneficiary: Box::new(somebody(dice)),
        valid_from: None,
    }
    .into()
}

fn some_paused() -> Option<pallet_tx_pause::RuntimeCallNameOf<Runtime>> {
    pallet_tx_pause::PausedCalls::<Runtime>::iter_keys().next()
}

/// Brakes are released soon: nothing would happen otherwise.
pub fn release() -> Option<Act> {
    if pallet_safe_mode::EnteredUntil::<Runtime>::get().is_some() {
        let exit = pallet_safe_mode::Call::<Runtime>::force_exit {};
        return Some(Act::Root(exit.into()));
    }
    let ident = some_paused()?;
    Some(Act::Root(
        pallet_tx_pause::Call::<Runtime>::unpause { ident }.into(),
    ))
}

fn referendum(dice: &mut Dice) -> Option<Act> {
    use pallet_referenda::{Call, ReferendumCount, ReferendumInfo, ReferendumInfoFor};
    let mut ongoing: Vec<_> = ReferendumInfoFor::<Runtime>::iter()
        .filter(|(_, info)| matches!(info, ReferendumInfo::Ongoing(_)))
        .map(|(index, _)| index)
        .collect();
    ongoing.sort_unstable();
    let who = somebody(dice);
    if ongoing.is_empty() || dice.one_in(6) {
        let (origin, call) = proposal(dice);
        let bytes = codec::Encode::encode(&call).try_into().ok()?;
        return Some(Act::signed(
            &who,
            Call::<Runtime>::submit {
                proposal_origin: Box::new(origin),
                proposal: Bounded::Inline(bytes),
                enactment_moment: DispatchTime::After(1),
            },
        ));
    }
    let index = dice.pick(&ongoing).copied()?;
    Some(match dice.below(12) {
        0..=2 => Act::signed(&who, Call::<Runtime>::place_decision_deposit { index }),
        3 => {
            let ended = dice.below(ReferendumCount::<Runtime>::get());
            Act::signed(
                &who,
                Call::<Runtime>::refund_decision_deposit { index: ended },
            )
        }
        4 => Act::signed(
            &who,
            pallet_conviction_voting::Call::<Runtime>::remove_vote { class: None, index },
        ),
        _ => {
            let vote = Vote {
                aye: !dice.one_in(12),
                conviction: Conviction::Locked1x,
            };
            let balance = 900_000 * UNIT;
            Act::signed(
                &who,
                pallet_conviction_voting::Call::<Runtime>::vote {
                    poll_index: index,
                    vote: AccountVote::Standard { vote, balance },
                },
            )
        }
    })
}

fn preimage(dice: &mut Dice) -> Act {
    use pallet_preimage::Call;
    let who = somebody(dice);
    let bytes = vec![dice.below(4) as u8; 1 + dice.below(64) as usize];
    if dice.one_in(2) {
        let hash = sp_io::hashing::blake2_256(&bytes).into();
        return Act::signed(&who, Call::<Runtime>::unnote_preimage { hash });
    }
    Act::signed(&who, Call::<Runtime>::note_preimage { bytes })
}

fn payout(dice: &mut Dice) -> Act {
    use pallet_treasury::{Call, PaymentState};
    let any = dice.below(4);
    let index = dice.pick(&spends()).copied().unwrap_or(any);
    let who = somebody(dice);
    let paid = pallet_treasury::Spends::<Runtime>::get(index)
        .is_some_and(|spend| matches!(spend.status, PaymentState::Attempted { .. }));
    if paid != dice.one_in(8) {
        return Act::signed(&who, Call::<Runtime>::check_status { index });
    }
    Act::signed(&who, Call::<Runtime>::payout { index })
}

/// Somebody lends his votes or takes them back, or has what no vote needs any more unlocked.
fn lending(dice: &mut Dice) -> Act {
    use pallet_conviction_voting::{Call, ClassLocksFor, VotingFor};
    let mut lent = Vec::new();
    let mut cast = Vec::new();
    for (who, class, voting) in VotingFor::<Runtime>::iter() {
        match voting {
            Voting::Delegating(_) => lent.push((who, class)),
            Voting::Casting(casting) => cast.extend(
                casting
                    .votes
                    .iter()
                    .map(|(index, _)| (who.clone(), class, *index)),
            ),
        }
    }
    lent.sort_unstable();
    cast.sort_unstable();
    let who = somebody(dice);
    let class = dice.below(3) as u16;
    match dice.below(9) {
        0..=1 => {
            let (who, class) = dice.pick(&lent).cloned().unwrap_or((who, class));
            Act::signed(&who, Call::<Runtime>::undelegate { class })
        }
        2..=3 => {
            let mut locked: Vec<(AccountId, u16)> = ClassLocksFor::<Runtime>::iter()
                .flat_map(|(who, locks)| {
                    locks
                        .into_iter()
                        .map(move |(class, _)| (who.clone(), class))
                })
                .collect();
            locked.sort_unstable();
            let (of, class) = dice.pick(&locked).cloned().unwrap_or((who.clone(), class));
            let target = MultiAddress::Id(of);
            Act::signed(&who, Call::<Runtime>::unlock { class, target })
        }
        4 => {
            let (of, class, index) = dice.pick(&cast).cloned().unwrap_or((who.clone(), class, 0));
            let target = MultiAddress::Id(of);
            Act::signed(
                &who,
                Call::<Runtime>::remove_other_vote {
                    target,
                    class,
                    index,
                },
            )
        }
        _ => {
            let convictions = [Conviction::None, Conviction::Locked1x, Conviction::Locked6x];
            Act::signed(
                &who,
                Call::<Runtime>::delegate {
                    class,
                    to: MultiAddress::Id(somebody(dice)),
                    conviction: dice.pick(&convictions).copied().unwrap_or(Conviction::None),
                    balance: amount(dice, 100_000),
                },
            )
        }
    }
}

/// Somebody would have root, on a chain where nobody has: the presets for others have no key.
fn usurper(dice: &mut Dice) -> Option<Act> {
    let index = <athanor_runtime::Sudo as PalletInfoAccess>::index() as u8;
    const SUDO: u8 = 0;
    const SET_KEY: u8 = 2;
    let who = somebody(dice);
    let bytes = if dice.one_in(3) {
        codec::Encode::encode(&(index, SET_KEY, MultiAddress::<_, ()>::Id(who.clone())))
    } else {
        codec::Encode::encode(&(index, SUDO, decided(dice)))
    };
    let call: RuntimeCall = codec::DecodeAll::decode_all(&mut &bytes[..]).ok()?;
    Some(Act::signed(&who, call))
}

/// What happens next.
pub fn next(dice: &mut Dice, _book: &mut Book) -> Vec<Act> {
    let act = match dice.below(28) {
        0..=5 => Some(money(dice)),
        6 => Some(proxy(dice)),
        7 => return multisig(dice),
        8..=13 => referendum(dice),
        14 => Some(preimage(dice)),
        15 => Some(payout(dice)),
        16..=17 => release(),
        20..=22 => Some(later::announcement(dice)),
        23..=24 => Some(lending(dice)),
        25..=26 => Some(later::task(dice)),
        27 => usurper(dice),
        _ => Some(Act::Root(decided(dice))),
    };
    act.into_iter().collect()
}

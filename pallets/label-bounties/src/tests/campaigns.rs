//! Campaigns: who may create which.

use crate::{mock::*, *};
use athanor_primitives::labels::{
    CampaignId, CampaignTerms, DomainId, Gate, JudgingTerms, LabelType,
};
use frame_support::{assert_noop, assert_ok};

type E = Error<Test>;

fn terms() -> CampaignTerms {
    CampaignTerms::standard(LabelType::Preference, 8, 4, AUR / 100)
}

fn create(terms: CampaignTerms) -> sp_runtime::DispatchResult {
    LabelBounties::create_campaign(signed(&account("requester")), terms, Default::default())
}

#[test]
fn a_campaign_keeps_its_terms_and_todays_fees() {
    build_and_execute(|| {
        let requester = account("requester");
        assert_ok!(create(terms()));
        let campaign = Campaigns::<Test>::get(0).unwrap();
        assert_eq!(campaign.requester, requester);
        assert_eq!(campaign.terms, terms());
        // 2 % of 8 · 0.01.
        assert_eq!(campaign.fee, AUR * 16 / 10_000);
        assert_eq!(campaign.slot_fee, SlotFee::get());
        assert_eq!(held(HoldReason::Deposit, &requester), AUR / 10);
        System::assert_last_event(
            Event::CampaignCreated {
                campaign: 0,
                requester,
            }
            .into(),
        );
        SlotFee::set(1_000_000);
        assert_ok!(create(terms()));
        assert_ne!(Campaigns::<Test>::get(0), Campaigns::<Test>::get(1));
    });
}

#[test]
fn terms_out_of_bounds_are_refused_by_their_own_errors() {
    build_and_execute(|| {
        type Change = fn(&mut CampaignTerms);
        account("requester");
        let cases: Vec<(E, Change)> = vec![
            (E::TextReserved, |t| t.label = LabelType::Text),
            (E::BadType, |t| t.label = LabelType::Rating { steps: 1 }),
            (E::BadTasks, |t| t.tasks = 3),
            (E::BadPanel, |t| t.panel_min = 2),
            (E::BadGoldCount, |t| t.gold = 5),
            (E::BadPay, |t| t.pay = ED),
            (E::BadBase, |t| t.score.phi_bp = 10_001),
            (E::BadScores, |t| t.score.s1_bp = 1),
            (E::BadFloor, |t| t.score.floor_bp = 1),
            (E::BadGoldTarget, |t| t.score.gold_target_bp = 1),
            (E::BadStake, |t| t.stake = 1),
            (E::BadLease, |t| t.lease = 9),
            (E::BadJoinDelay, |t| t.join_delay = 501),
            (E::NoVoucherKey, |t| t.gate = Gate::Voucher),
            (E::BadGate, |t| {
                t.gate = Gate::Domain {
                    id: 0,
                    bound: 1 << 17,
                }
            }),
            (E::NoSuchDomain, |t| {
                t.gate = Gate::Domain { id: 9, bound: 1 }
            }),
            (E::NoSuchDomain, |t| t.domain = Some(9)),
            (E::DisputeReserved, |t| t.dispute_for = 1),
            (E::JudgingReserved, |t| {
                t.judging = Some(JudgingTerms {
                    pay: 1,
                    panel: 3,
                    gate: Gate::Open,
                })
            }),
        ];
        for (error, change) in cases {
            let mut terms = CampaignTerms {
                lease: 50,
                ..terms()
            };
            change(&mut terms);
            assert_noop!(create(terms), error);
        }
    });
}

#[test]
fn the_last_number_is_not_given_out() {
    build_and_execute(|| {
        let requester = account("requester");
        NextCampaignId::<Test>::put(CampaignId::MAX);
        assert_noop!(create(terms()), E::Overflow);
        NextDomainId::<Test>::put(DomainId::MAX);
        assert_noop!(
            LabelBounties::create_domain(signed(&requester)),
            E::Overflow
        );
    });
}

#[test]
fn a_requester_without_the_deposit_is_refused() {
    build_and_execute(|| {
        let nobody = poor("nobody");
        assert_noop!(
            LabelBounties::create_campaign(signed(&nobody), terms(), Default::default()),
            sp_runtime::TokenError::FundsUnavailable
        );
    });
}

#[test]
fn a_gateway_moves_by_its_requester_only() {
    build_and_execute(|| {
        assert_ok!(create(terms()));
        let url: Gateway = b"https://labels.example".to_vec().try_into().unwrap();
        let set = |who: &str, campaign, url: &Gateway| {
            LabelBounties::set_gateway(signed(&account(who)), campaign, url.clone())
        };
        account("mallory");
        assert_noop!(set("mallory", 0, &url), E::NotRequester);
        assert_noop!(set("requester", 1, &url), E::NoSuchCampaign);
        assert_ok!(set("requester", 0, &url));
        assert_eq!(Campaigns::<Test>::get(0).unwrap().gateway, url);
        assert_noop!(set("requester", 0, &url), E::NothingToDo);
    });
}

//! Arguments of calls in the form that the chain's metadata matches by name.

use athanor_label_client::{account::Signature, voucher::Signed};
use athanor_primitives::labels::{CampaignTerms, Gate, LabelType};
use subxt::{ext::scale_encode::EncodeAsType, utils::MultiSignature};

/// Gold of a page as the chain's metadata describes it.
#[derive(EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
pub(super) struct GoldOpening {
    pub(super) page: u32,
    pub(super) entries: Vec<(u8, Vec<u8>)>,
    pub(super) salt: [u8; 32],
    pub(super) content_root: [u8; 32],
    pub(super) bytes: u32,
    pub(super) path: Vec<[u8; 32]>,
}

#[derive(EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
enum ChainLabel {
    Classification { classes: u8 },
    Preference,
    Rating { steps: u8 },
    MultiLabel { flags: u8 },
    Safety { weights: [u8; 8], quorum: u8 },
    Ranking { items: u8 },
    Span { tokens: u16 },
    Text,
}

impl From<LabelType> for ChainLabel {
    fn from(label: LabelType) -> Self {
        match label {
            LabelType::Classification { classes } => Self::Classification { classes },
            LabelType::Preference => Self::Preference,
            LabelType::Rating { steps } => Self::Rating { steps },
            LabelType::MultiLabel { flags } => Self::MultiLabel { flags },
            LabelType::Safety { weights, quorum } => Self::Safety { weights, quorum },
            LabelType::Ranking { items } => Self::Ranking { items },
            LabelType::Span { tokens } => Self::Span { tokens },
            LabelType::Text => Self::Text,
        }
    }
}

#[derive(EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
enum ChainGate {
    Open,
    Domain { id: u32, bound: u32 },
    Voucher,
}

#[derive(EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
struct ChainScore {
    phi_bp: u16,
    s0_bp: u16,
    s1_bp: u16,
    floor_bp: u16,
    gold_target_bp: u16,
}

/// Reserved on the chain; there is no value of it here.
#[derive(EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
struct ChainJudging {
    pay: u128,
    panel: u8,
    gate: ChainGate,
}

/// Terms as the chain's metadata describes them.
#[derive(EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
pub(in crate::commands) struct ChainTerms {
    label: ChainLabel,
    tasks: u8,
    gold: u8,
    panel_min: u8,
    panel_max: u8,
    pay: u128,
    score: ChainScore,
    stake: u16,
    lease: u32,
    join_delay: u32,
    serve_group: bool,
    gate: ChainGate,
    voucher_key: Option<[u8; 32]>,
    seal_key: Option<[u8; 32]>,
    domain: Option<u32>,
    guideline: [u8; 32],
    private: bool,
    share_revenue: bool,
    dispute_for: u32,
    judging: Option<ChainJudging>,
}

impl From<&CampaignTerms> for ChainTerms {
    fn from(terms: &CampaignTerms) -> Self {
        let gate = |gate| match gate {
            Gate::Open => ChainGate::Open,
            Gate::Domain { id, bound } => ChainGate::Domain { id, bound },
            Gate::Voucher => ChainGate::Voucher,
        };
        Self {
            label: terms.label.into(),
            tasks: terms.tasks,
            gold: terms.gold,
            panel_min: terms.panel_min,
            panel_max: terms.panel_max,
            pay: terms.pay,
            score: ChainScore {
                phi_bp: terms.score.phi_bp,
                s0_bp: terms.score.s0_bp,
                s1_bp: terms.score.s1_bp,
                floor_bp: terms.score.floor_bp,
                gold_target_bp: terms.score.gold_target_bp,
            },
            stake: terms.stake,
            lease: terms.lease,
            join_delay: terms.join_delay,
            serve_group: terms.serve_group,
            gate: gate(terms.gate),
            voucher_key: terms.voucher_key,
            seal_key: terms.seal_key,
            domain: terms.domain,
            guideline: terms.guideline,
            private: terms.private,
            share_revenue: terms.share_revenue,
            dispute_for: terms.dispute_for,
            judging: terms.judging.map(|judging| ChainJudging {
                pay: judging.pay,
                panel: judging.panel,
                gate: gate(judging.gate),
            }),
        }
    }
}

#[derive(EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
struct ChainVoucher {
    pages: u32,
    sponsored: bool,
    expires: u32,
}

/// A voucher with its signature as the chain's metadata describes it.
#[derive(EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
pub(super) struct ChainSignedVoucher {
    voucher: ChainVoucher,
    signature: MultiSignature,
}

/// A voucher as an argument.
pub(super) fn voucher_args(signed: &Signed) -> ChainSignedVoucher {
    ChainSignedVoucher {
        voucher: ChainVoucher {
            pages: signed.voucher.pages,
            sponsored: signed.voucher.sponsored,
            expires: signed.voucher.expires,
        },
        signature: match signed.signature {
            Signature::Ed25519(bytes) => MultiSignature::Ed25519(bytes),
            Signature::Sr25519(bytes) => MultiSignature::Sr25519(bytes),
            Signature::Ecdsa(bytes) => MultiSignature::Ecdsa(bytes),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::Encode;
    use scale_info::MetaType;

    #[test]
    fn terms_encode_as_the_chains_type() {
        let mut registry = scale_info::Registry::new();
        let id = registry.register_type(&MetaType::new::<CampaignTerms>()).id;
        let types: scale_info::PortableRegistry = registry.into();
        let labels = [
            LabelType::Classification { classes: 3 },
            LabelType::Preference,
            LabelType::Rating { steps: 7 },
            LabelType::MultiLabel { flags: 9 },
            LabelType::Safety {
                weights: [1, 2, 3, 0, 0, 0, 0, 0],
                quorum: 2,
            },
            LabelType::Ranking { items: 4 },
            LabelType::Span { tokens: 300 },
        ];
        let gates = [
            Gate::Open,
            Gate::Voucher,
            Gate::Domain {
                id: 4,
                bound: 45_000,
            },
        ];
        for (label, gate) in labels.into_iter().zip(gates.into_iter().cycle()) {
            let terms = CampaignTerms {
                gate,
                voucher_key: Some([1; 32]),
                seal_key: Some([2; 32]),
                domain: Some(5),
                guideline: [3; 32],
                private: true,
                ..CampaignTerms::standard(label, 8, 2, u128::from(u64::MAX))
            };
            let encoded = ChainTerms::from(&terms).encode_as_type(id, &types).unwrap();
            assert_eq!(encoded, terms.encode());
        }
    }
}

//! Vouchers: a requester's signed permission for one account to label in a campaign, and
//! files of many of them.

use crate::{
    account::{self, AccountId, Signature},
    error::{Error, Result},
};
use athanor_primitives::labels::{voucher_text, CampaignId, Voucher};
use serde::{Deserialize, Serialize};

/// Longest file of vouchers, in bytes.
pub const MAX_FILE: usize = 16 << 20;

/// Most vouchers of a file.
pub const MAX_VOUCHERS: usize = 32_768;

/// A voucher with its signature and everything the signature covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Genesis hash of the chain.
    pub genesis: [u8; 32],
    /// The campaign.
    pub campaign: CampaignId,
    /// Whom it is for.
    pub worker: AccountId,
    /// What it permits.
    pub voucher: Voucher,
    /// Signature of the campaign's voucher key.
    pub signature: Signature,
}

#[derive(Serialize, Deserialize)]
struct Line {
    genesis: String,
    campaign: CampaignId,
    worker: String,
    pages: u32,
    sponsored: bool,
    expires: u32,
    signature: String,
}

impl Signed {
    /// Makes a voucher; `sign` is given the text to sign.
    pub fn new(
        genesis: [u8; 32],
        campaign: CampaignId,
        worker: AccountId,
        voucher: Voucher,
        sign: impl FnOnce(&[u8]) -> Signature,
    ) -> Self {
        let signature = sign(&voucher_text(&genesis, campaign, &worker, &voucher));
        Self {
            genesis,
            campaign,
            worker,
            voucher,
            signature,
        }
    }

    /// Whether `voucher_key` signed it.
    ///
    /// # Errors
    ///
    /// [`Error::BadSignature`].
    pub fn verify(&self, voucher_key: &AccountId) -> Result<()> {
        let text = voucher_text(&self.genesis, self.campaign, &self.worker, &self.voucher);
        self.signature.verify(voucher_key, &text)
    }

    /// The voucher as one line of a file, without its end.
    pub fn to_line(&self) -> String {
        serde_json::json!({
            "genesis": account::to_hex(&self.genesis),
            "campaign": self.campaign,
            "worker": account::to_hex(&self.worker),
            "pages": self.voucher.pages,
            "sponsored": self.voucher.sponsored,
            "expires": self.voucher.expires,
            "signature": self.signature.to_hex(),
        })
        .to_string()
    }

    /// Reads a line of a file.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`].
    pub fn from_line(line: &str) -> Result<Self> {
        let line: Line =
            serde_json::from_str(line).map_err(|error| Error::malformed("voucher", error))?;
        Ok(Self {
            genesis: account::from_hex(&line.genesis)?,
            campaign: line.campaign,
            worker: account::from_hex(&line.worker)?,
            voucher: Voucher {
                pages: line.pages,
                sponsored: line.sponsored,
                expires: line.expires,
            },
            signature: Signature::from_hex(&line.signature)?,
        })
    }
}

/// Reads a file with one voucher a line. Empty lines are skipped.
///
/// # Errors
///
/// [`Error::TooLarge`]; [`Error::Line`].
pub fn read(bytes: &[u8]) -> Result<Vec<Signed>> {
    let too_large = |most: usize, found: usize, unit| Error::TooLarge {
        what: "a file of vouchers",
        most: most as u64,
        found: found as u64,
        unit,
    };
    if bytes.len() > MAX_FILE {
        return Err(too_large(MAX_FILE, bytes.len(), "bytes"));
    }
    let mut vouchers = Vec::new();
    for (line, text) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        let at = |reason: String| Error::Line { line, reason };
        let text = std::str::from_utf8(text).map_err(|_| at("this is no UTF-8 text".into()))?;
        if text.trim().is_empty() {
            continue;
        }
        if vouchers.len() == MAX_VOUCHERS {
            return Err(too_large(MAX_VOUCHERS, MAX_VOUCHERS + 1, "vouchers"));
        }
        vouchers.push(Signed::from_line(text).map_err(|error| at(error.to_string()))?);
    }
    Ok(vouchers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sp_core::{sr25519, Pair};

    const VOUCHER: Voucher = Voucher {
        pages: 3,
        sponsored: true,
        expires: 900,
    };

    fn signed(worker: u8, pair: &sr25519::Pair) -> Signed {
        Signed::new([1; 32], 7, [worker; 32], VOUCHER, |text| {
            Signature::Sr25519(pair.sign(text).0)
        })
    }

    #[test]
    fn a_file_of_vouchers_comes_back_and_verifies() {
        let pair = sr25519::Pair::from_seed(&[4; 32]);
        let made: Vec<Signed> = (0..5).map(|worker| signed(worker, &pair)).collect();
        let lines: Vec<String> = made.iter().map(Signed::to_line).collect();
        let file = format!("{}\n\n", lines.join("\n"));
        let read = read(file.as_bytes()).unwrap();
        assert_eq!(read, made);
        for voucher in read {
            voucher.verify(&pair.public().0).unwrap();
        }
    }

    #[test]
    fn an_altered_voucher_does_not_verify() {
        let pair = sr25519::Pair::from_seed(&[4; 32]);
        let key = pair.public().0;
        let good = signed(1, &pair);
        let voucher = |change: fn(&mut Signed)| {
            let mut altered = good.clone();
            change(&mut altered);
            altered.verify(&key)
        };
        assert!(voucher(|_| ()).is_ok());
        assert!(voucher(|v| v.voucher.pages = 4).is_err());
        assert!(voucher(|v| v.voucher.sponsored = false).is_err());
        assert!(voucher(|v| v.voucher.expires = 901).is_err());
        assert!(voucher(|v| v.worker = [2; 32]).is_err());
        assert!(voucher(|v| v.campaign = 8).is_err());
        assert!(voucher(|v| v.genesis = [2; 32]).is_err());
        assert!(good.verify(&[9; 32]).is_err());
    }

    #[test]
    fn a_wrong_line_is_named() {
        let pair = sr25519::Pair::from_seed(&[4; 32]);
        let good = signed(1, &pair).to_line();
        for bad in [
            "{}".to_owned(),
            good.replace("\"pages\":3", "\"pages\":-3"),
            good.replace("0x0101", "0x01"),
            "[".repeat(5_000),
        ] {
            let error = read(format!("{good}\n{bad}").as_bytes()).unwrap_err();
            assert!(error.to_string().starts_with("line 2: "), "{error}");
        }
        assert!(read(&[0xff]).is_err());
        assert!(read(&vec![b'\n'; MAX_FILE + 1]).is_err());
    }
}

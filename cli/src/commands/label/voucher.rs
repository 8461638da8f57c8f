//! `athanor label voucher`: permissions for single accounts.

use super::ask::bad_file;
use crate::{
    commands::Context,
    error::{Error, Result},
    keys, output, scale,
};
use athanor_label_client::{
    account::Signature,
    voucher::{self, Signed},
};
use athanor_primitives::labels;
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Options of `label voucher`.
#[derive(Args, Clone, Debug)]
pub struct Voucher {
    /// Number of the campaign
    #[arg(long, value_name = "ID", required_unless_present = "check")]
    pub campaign: Option<u64>,
    /// An account to permit; may be given several times
    #[arg(long, value_name = "ACCOUNT")]
    pub worker: Vec<String>,
    /// File with one account a line
    #[arg(long, value_name = "FILE")]
    pub workers: Option<PathBuf>,
    /// Pages each may do in the campaign
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub pages: u32,
    /// They need neither stake nor fees; you trust them with that
    #[arg(long)]
    pub sponsored: bool,
    /// Last block in which they are good
    #[arg(long, value_name = "BLOCK", required_unless_present = "check")]
    pub expires: Option<u32>,
    /// New file for the vouchers [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Check a file of vouchers against the chain instead
    #[arg(long, value_name = "FILE", conflicts_with_all = ["campaign", "worker", "workers"])]
    pub check: Option<PathBuf>,
}

/// Accounts of the options and of the file, each once.
fn workers(options: &Voucher) -> Result<Vec<[u8; 32]>> {
    let mut found = Vec::new();
    for text in &options.worker {
        found.push(keys::parse_account(text)?.0);
    }
    if let Some(path) = &options.workers {
        let bytes = crate::commands::read_file(path, voucher::MAX_FILE as u64, "accounts")?;
        let text = String::from_utf8_lossy(&bytes);
        for (line, text) in (1..).zip(text.lines()) {
            if !text.trim().is_empty() {
                let account = keys::parse_account(text).map_err(|error| Error::BadFile {
                    path: path.clone(),
                    reason: format!("line {line}: {error}"),
                })?;
                found.push(account.0);
            }
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|account| seen.insert(*account));
    if found.is_empty() {
        return Err(Error::Usage(
            "say for whom: --worker ACCOUNT or --workers FILE".into(),
        ));
    }
    Ok(found)
}

/// `label voucher`.
pub(super) async fn run(options: &Voucher, context: &Context) -> Result<()> {
    if let Some(path) = &options.check {
        return check(path, context).await;
    }
    let (Some(campaign), Some(expires)) = (options.campaign, options.expires) else {
        return Err(Error::Usage("give --campaign and --expires".into()));
    };
    let workers = workers(options)?;
    let signer = context.signer()?;
    let chain = context.chain().await?;
    let what = labels::Voucher {
        pages: options.pages,
        sponsored: options.sponsored,
        expires,
    };
    let mut file = String::new();
    for worker in &workers {
        let signed = Signed::new(chain.genesis().0, campaign, *worker, what, |text| {
            Signature::Sr25519(signer.sign(text).0)
        });
        file.push_str(&signed.to_line());
        file.push('\n');
    }
    let Some(out) = &options.out else {
        // One voucher a line is what scripts and people read alike.
        print!("{file}");
        return Ok(());
    };
    if out.exists() {
        return Err(Error::Refused(format!(
            "{} is there already: take another --out",
            out.display()
        )));
    }
    super::folder::write(out, file.as_bytes())?;
    let value = json!({
        "campaign": campaign,
        "vouchers": workers.len(),
        "signed_by": keys::account(&signer).to_string(),
        "file": out.display().to_string(),
    });
    context.output.result(&value, || output::describe(&value));
    Ok(())
}

/// Checks signatures, chain and expiry of a file.
async fn check(path: &Path, context: &Context) -> Result<()> {
    let bytes = crate::commands::read_file(path, voucher::MAX_FILE as u64, "vouchers")?;
    let vouchers = voucher::read(&bytes).map_err(|error| bad_file(path, &error))?;
    let chain = context.chain().await?;
    let state = chain.best().await?;
    let mut keys_of = std::collections::BTreeMap::new();
    let (mut good, mut bad) = (0usize, Vec::new());
    for signed in &vouchers {
        if let std::collections::btree_map::Entry::Vacant(entry) = keys_of.entry(signed.campaign) {
            let view = state
                .view(super::PALLET, "campaign", (signed.campaign,))
                .await?;
            let key = view
                .pointer("/terms/voucher_key")
                .and_then(|key| athanor_primitives::ticket::root_from_hex(key.as_str()?));
            entry.insert(key);
        }
        let key = keys_of.get(&signed.campaign).copied().flatten();
        let problem = match key {
            _ if signed.genesis != chain.genesis().0 => Some("of another chain".to_owned()),
            None => Some(format!("campaign {} takes no vouchers", signed.campaign)),
            Some(_) if u64::from(signed.voucher.expires) < state.number() => {
                Some("expired".to_owned())
            }
            Some(key) => signed.verify(&key).err().map(|error| error.to_string()),
        };
        match problem {
            None => good += 1,
            Some(problem) => bad.push(json!({
                "worker": scale::ss58(signed.worker),
                "campaign": signed.campaign,
                "problem": problem,
            })),
        }
    }
    let value = json!({"vouchers": vouchers.len(), "good": good, "bad": bad});
    context.output.result(&value, || output::describe(&value));
    if bad.is_empty() {
        Ok(())
    } else {
        Err(Error::Refused(format!(
            "{} of {} vouchers are not good",
            bad.len(),
            vouchers.len()
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_gets_one_voucher() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("workers.txt");
        std::fs::write(&path, "//Bob\n\n//Charlie\n//Bob\n").unwrap();
        let options = |worker: &[&str], workers: Option<&Path>| Voucher {
            campaign: Some(1),
            worker: worker.iter().map(|text| (*text).to_owned()).collect(),
            workers: workers.map(Path::to_owned),
            pages: 3,
            sponsored: true,
            expires: Some(9),
            out: None,
            check: None,
        };
        let found = workers(&options(&["//Dave", "//Bob"], Some(&path))).unwrap();
        assert_eq!(found.len(), 3);
        assert_eq!(workers(&options(&[], None)).unwrap_err().exit_code(), 2);
        std::fs::write(&path, "//Bob\nnobody\n").unwrap();
        let error = workers(&options(&[], Some(&path))).unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }
}

//! `athanor label explain`: every number that leads to a pay.

use super::PALLET;
use crate::{
    commands::Context,
    error::{Error, Result},
    keys, output,
};
use clap::Args;
use serde_json::{json, Map, Value};

/// Options of `label explain`.
#[derive(Args, Debug)]
pub struct Explain {
    /// Number of the batch
    #[arg(value_name = "BATCH")]
    pub batch: u64,
    /// Whose pay [default: the signing account's]
    #[arg(value_name = "ACCOUNT")]
    pub account: Option<String>,
}

/// A number in units of 2^-32, in per cent.
fn percent(value: Option<&Value>) -> Option<String> {
    let number = value?.as_i64()?;
    let tenths = (i128::from(number) * 1_000).div_euclid(1 << 32);
    Some(format!("{}.{} %", tenths / 10, (tenths % 10).abs()))
}

fn basis_points(value: Option<&Value>) -> Option<String> {
    let number = value?.as_i64()?;
    Some(format!("{}.{:02} %", number / 100, (number % 100).abs()))
}

/// The story of the numbers, for people.
fn story(explained: &Value) -> String {
    let at = |path: &str| explained.pointer(path).filter(|value| !value.is_null());
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut row = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            rows.push((name.into(), value));
        }
    };
    for (name, key) in [
        ("pages leased", "/leased"),
        ("given back", "/skipped"),
        ("committed", "/committed"),
        ("revealed", "/revealed"),
        ("run out", "/abandoned"),
    ] {
        row(name, at(key).map(Value::to_string));
    }
    row("your agreement above chance", percent(at("/pay/agreement")));
    let alone = at("/pay").is_some() && at("/sums/cnt").is_some_and(|count| count == 0);
    row(
        "agreement with peers, as it counts",
        if alone {
            Some("none: nobody else answered these pages".into())
        } else {
            percent(at("/pay/peers"))
        },
    );
    row("gold, as it counts", percent(at("/pay/gold")));
    row("measured against", percent(at("/reference/reference")));
    row("score", basis_points(at("/pay/score_bp")));
    row("share of the full pay", basis_points(at("/pay/share_bp")));
    row("pay", at("/pay/pay").map(|pay| output::scalar("pay", pay)));
    row(
        "junk: the stake is lost",
        at("/pay/junk").map(|junk| output::scalar("", junk)),
    );
    row(
        "paid",
        at("/outcome/pay").map(|pay| output::scalar("pay", pay)),
    );
    row(
        "stake lost",
        at("/outcome/stake_lost").map(|lost| output::scalar("pay", lost)),
    );
    let pairs: Vec<(&str, &str)> = rows
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let note = if at("/pay").is_none() {
        "\n\nThe batch is not scored yet: there is no pay before all answers are known."
    } else {
        "\n\n--output json has every number of the three steps."
    };
    format!("{}{note}", output::pairs(&pairs))
}

/// Explains a pay.
pub(super) async fn run(options: Explain, context: &Context) -> Result<()> {
    let account = match options.account {
        Some(text) => keys::parse_account(&text)?,
        None => keys::account(&context.signer()?),
    };
    let chain = context.chain().await?;
    let state = chain.best().await?;
    let explained = state
        .view(PALLET, "explain", (options.batch, account))
        .await?;
    if explained.is_null() {
        return Err(Error::NotFound(format!(
            "the chain keeps nothing of {account} in batch {}: it never labelled there, or the \
             batch is pruned",
            options.batch
        )));
    }
    let mut value = Map::new();
    value.insert("batch".into(), json!(options.batch));
    value.insert("account".into(), json!(account.to_string()));
    value.insert("explained".into(), explained.clone());
    context
        .output
        .result(&Value::Object(value), || story(&explained));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_told_in_per_cent() {
        assert_eq!(percent(Some(&json!(1u64 << 32))).unwrap(), "100.0 %");
        assert_eq!(percent(Some(&json!(614_465_536))).unwrap(), "14.3 %");
        assert_eq!(basis_points(Some(&json!(9_269))).unwrap(), "92.69 %");
        assert_eq!(percent(Some(&json!(null))), None);
    }

    #[test]
    fn a_batch_without_scores_is_said_to_be_so() {
        let open = json!({"leased": 2, "committed": 1, "pay": null, "outcome": null});
        let text = story(&open);
        assert!(
            text.contains("not scored yet") && text.contains("pages leased  2"),
            "{text}"
        );
        let paid = json!({
            "leased": 1, "pay": {"score_bp": 8_926, "share_bp": 9_269, "pay": "7415000000000",
            "junk": false, "agreement": 0}, "outcome": {"pay": "7415000000000", "stake_lost": "0"},
        });
        assert!(!story(&paid).contains("nobody else"));
        let mut lonely = paid.clone();
        lonely["sums"] = json!({"cnt": 0});
        assert!(story(&lonely).contains("nobody else"));
        let text = story(&paid);
        for part in ["89.26 %", "92.69 %", "7.415 AUR"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}

//! Cards: what a seller says of his goods, as Croissant 1.1 and as a Hugging Face dataset card.
//!
//! A card names no file and no file's hash, which would confirm guesses: one file object, the
//! goods as they are sold, and for the files of a container only their kinds.

use std::fmt::Write;

use athanor_content_tree::Root;
use athanor_primitives::market::{Use, UseFlags};
use serde_json::{json, Map, Value};

use crate::goods::{Goods, Packing};
use crate::path::hidden;
use crate::{hex_bytes, licence, random, to_json, Error, Result};

/// Most bytes of a card.
pub const MAX_CARD: u64 = 1 << 20;

/// What the card's own names are short for.
const NAMESPACE: &str = "https://athanor.example/ns/data-market#";

/// Media type of a container.
const CONTAINER: &str = "application/vnd.athanor.data";

/// Most characters of a name, a description, a keyword.
const MAX_NAME: usize = 200;
const MAX_DESCRIPTION: usize = 100_000;
const MAX_WORD: usize = 100;

/// Most keywords, languages.
const MAX_WORDS: usize = 100;

/// What the seller says of his goods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// One line.
    pub name: String,
    /// What it is, as Markdown.
    pub description: String,
    /// Words to be found by.
    pub keywords: Vec<String>,
    /// BCP 47 tags: `en`, `de-AT`.
    pub languages: Vec<String>,
    /// Who made it.
    pub creator: Option<String>,
    /// `1.0.0`.
    pub version: String,
    /// `2026-11-22`.
    pub published: String,
    /// How to cite it.
    pub cite_as: Option<String>,
    /// SPDX expression of the licence.
    pub spdx: String,
    /// What the licence says of four uses.
    pub uses: UseFlags,
    /// A label campaign over sampled rows, as an attestation.
    pub campaign: Option<u64>,
}

/// What a card says that can be checked or shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// The seller's account.
    pub seller: [u8; 32],
    /// Root of the goods.
    pub x_root: Root,
    /// Bytes of the goods.
    pub length: u64,
    /// SHA-256 of the goods.
    pub sha256: [u8; 32],
    /// `container` or `raw`.
    pub packing: String,
    /// SPDX expression of the licence.
    pub spdx: String,
    /// What the licence says of four uses.
    pub uses: UseFlags,
    /// One line, without anything that plays with a terminal.
    pub name: String,
    /// As Markdown, likewise.
    pub description: String,
    /// Likewise.
    pub keywords: Vec<String>,
    /// A label campaign that the seller names.
    pub campaign: Option<u64>,
}

fn bad(reason: impl ToString) -> Error {
    Error::malformed("card", reason)
}

fn text(what: &str, text: &str, most: usize, lines: bool) -> Result<()> {
    let count = text.chars().count();
    if count > most {
        return Err(bad(format!(
            "{what} has {count} characters, at most {most} are allowed"
        )));
    }
    let plain = |c| (lines && matches!(c, '\n' | '\t')) || !hidden(c);
    if !text.chars().all(plain) {
        return Err(bad(format!("{what} contains control characters")));
    }
    Ok(())
}

fn is_date(text: &str) -> bool {
    let digits = |part: &str, count: usize| {
        part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let in_range = |part: &str, most: u8| part.parse().is_ok_and(|n: u8| (1..=most).contains(&n));
    match text.split('-').collect::<Vec<_>>().as_slice() {
        [year, month, day] => {
            digits(year, 4)
                && digits(month, 2)
                && digits(day, 2)
                && in_range(month, 12)
                && in_range(day, 31)
        }
        _ => false,
    }
}

fn is_version(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| part.parse::<u32>().is_ok())
}

fn is_language(text: &str) -> bool {
    let alphanumeric = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    text.len() >= 2 && text.len() <= 35 && text.split('-').all(alphanumeric)
}

impl Description {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] with the field.
    pub fn check(&self) -> Result<()> {
        if self.name.trim().is_empty() || self.description.trim().is_empty() {
            return Err(bad("name and description must not be empty"));
        }
        text("the name", &self.name, MAX_NAME, false)?;
        text("the description", &self.description, MAX_DESCRIPTION, true)?;
        let lists = [
            ("a keyword", &self.keywords),
            ("a language", &self.languages),
        ];
        for (what, words) in lists {
            if words.len() > MAX_WORDS {
                return Err(bad(format!("there may be at most {MAX_WORDS} of {what}")));
            }
            for word in words {
                text(what, word, MAX_WORD, false)?;
            }
        }
        for tag in &self.languages {
            if !is_language(tag) {
                return Err(bad(format!("{tag} is no language tag like en or de-AT")));
            }
        }
        for (what, field) in [
            ("the creator", &self.creator),
            ("the citation", &self.cite_as),
        ] {
            if let Some(field) = field {
                text(what, field, MAX_DESCRIPTION, what == "the citation")?;
            }
        }
        if !is_version(&self.version) {
            return Err(bad("a version is three numbers: 1.0.0"));
        }
        if !is_date(&self.published) {
            return Err(bad("a date is written 2026-11-22"));
        }
        licence::check_spdx(&self.spdx)
    }
}

fn word(of: Use) -> &'static str {
    match of {
        Use::NotAllowed => "not_allowed",
        Use::Allowed => "allowed",
        Use::Constrained => "constrained",
    }
}

fn hex(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// Croissant's own context for version 1.1, and our names.
fn context() -> Value {
    const CROISSANT: [&str; 29] = [
        "arrayShape",
        "citeAs",
        "column",
        "containedIn",
        "equivalentProperty",
        "extract",
        "field",
        "fileObject",
        "fileProperty",
        "fileSet",
        "format",
        "includes",
        "isArray",
        "isLiveDataset",
        "jsonPath",
        "key",
        "md5",
        "parentField",
        "path",
        "recordSet",
        "references",
        "regex",
        "repeated",
        "replace",
        "samplingRate",
        "separator",
        "source",
        "subField",
        "transform",
    ];
    let mut context = json!({
        "@language": "en",
        "@vocab": "https://schema.org/",
        "athanor": NAMESPACE,
        "conformsTo": "dct:conformsTo",
        "cr": "http://mlcommons.org/croissant/",
        "data": {"@id": "cr:data", "@type": "@json"},
        "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
        "dct": "http://purl.org/dc/terms/",
        "description": {"@container": "@language"},
        "examples": {"@id": "cr:examples", "@type": "@json"},
        "name": {"@container": "@language"},
        "rai": "http://mlcommons.org/croissant/RAI/",
        "sc": "https://schema.org/",
    });
    if let Some(context) = context.as_object_mut() {
        let names = CROISSANT.iter();
        context.extend(names.map(|name| ((*name).to_owned(), json!(format!("cr:{name}")))));
    }
    context
}

fn distribution(goods: &Goods) -> Value {
    let root = hex::encode(goods.x_root);
    let (name, format) = match &goods.packing {
        Packing::Container => ("container.athanor", CONTAINER),
        Packing::Raw { name } => {
            let media = goods.kinds.first().map(|kind| kind.media.as_str());
            (name.as_str(), media.unwrap_or("application/octet-stream"))
        }
    };
    let mut parts = vec![json!({
        "@type": "cr:FileObject",
        "@id": "goods",
        "name": name,
        "description": "The goods as they are sold. Buyers decrypt them out of a public ciphertext.",
        "contentSize": format!("{} B", goods.length),
        "contentUrl": format!("urn:blake3:{root}"),
        "encodingFormat": format,
        "sha256": hex::encode(goods.sha256),
    })];
    if goods.packing == Packing::Container {
        parts.extend((1..).zip(&goods.kinds).map(|(number, kind)| {
            let (files, bytes) = (kind.files, kind.bytes);
            json!({
                "@type": "cr:FileSet",
                "@id": format!("files-{number}"),
                "name": format!("files-{number}"),
                "description": format!("{files} files, {bytes} bytes"),
                "containedIn": {"@id": "goods"},
                "encodingFormat": kind.media,
                "includes": kind.glob,
            })
        }));
    }
    Value::Array(parts)
}

/// The card of goods: Croissant 1.1, as JSON-LD. Two of the same goods differ by 32 random bytes, so
/// that the root of a card that was deleted tells nothing of it.
///
/// # Errors
///
/// [`Error::Malformed`] with the field; [`Error::TooLarge`], [`Error::NoRandomness`].
pub fn make(goods: &Goods, seller: &[u8; 32], description: &Description) -> Result<Vec<u8>> {
    description.check()?;
    let uses = &description.uses;
    let mut card = json!({
        "@context": context(),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": description.name,
        "description": description.description,
        "license": description.spdx,
        "version": description.version,
        "datePublished": description.published,
        "url": format!("urn:blake3:{}", hex::encode(goods.x_root)),
        "distribution": distribution(goods),
        "athanor:seller": hex(seller),
        "athanor:x_root": hex(&goods.x_root),
        "athanor:length": goods.length,
        "athanor:packing": match goods.packing {
            Packing::Container => "container",
            Packing::Raw { .. } => "raw",
        },
        "athanor:spdx": description.spdx,
        "athanor:data_mining": word(uses.data_mining),
        "athanor:ai_training": word(uses.ai_training),
        "athanor:generative_training": word(uses.generative_training),
        "athanor:inference": word(uses.inference),
        "athanor:salt": hex(&random::<32>()?),
    });
    let mut optional = Map::new();
    if !description.keywords.is_empty() {
        optional.insert("keywords".into(), json!(description.keywords));
    }
    if !description.languages.is_empty() {
        optional.insert("inLanguage".into(), json!(description.languages));
    }
    if let Some(creator) = &description.creator {
        let creator = json!({"@type": "sc:Organization", "name": creator});
        optional.insert("creator".into(), creator);
    }
    if let Some(cite_as) = &description.cite_as {
        optional.insert("citeAs".into(), json!(cite_as));
    }
    if let Some(campaign) = description.campaign {
        optional.insert("athanor:label_campaign".into(), json!(campaign));
    }
    if let Some(card) = card.as_object_mut() {
        card.extend(optional);
    }
    let bytes = to_json("card", &card)?;
    read(&bytes)?;
    Ok(bytes)
}

/// Text without what plays with a terminal.
pub fn clean(text: &str) -> String {
    text.chars()
        .filter(|c| matches!(c, '\n') || !hidden(*c))
        .collect()
}

/// Reads a card.
///
/// # Errors
///
/// [`Error::TooLarge`]; [`Error::Malformed`] unless it is a data set of Croissant 1.1 with one file
/// object, our names, and file sets within that object alone.
pub fn read(bytes: &[u8]) -> Result<Card> {
    if bytes.len() as u64 > MAX_CARD {
        return Err(Error::TooLarge {
            what: "a card",
            most: MAX_CARD,
            found: bytes.len() as u64,
            unit: "bytes",
        });
    }
    let card: Value = serde_json::from_slice(bytes).map_err(bad)?;
    let string = |of: &Value, key: &str| -> Result<String> {
        let value = of.get(key).and_then(Value::as_str);
        Ok(value
            .ok_or_else(|| bad(format!("{key} is missing")))?
            .into())
    };
    let root = |key: &str| -> Result<[u8; 32]> {
        let text = string(&card, key)?;
        let bytes = text.strip_prefix("0x").and_then(hex_bytes);
        bytes.ok_or_else(|| bad(format!("{key} is not 0x and 64 hex digits")))
    };
    if string(&card, "@type")? != "sc:Dataset"
        || string(&card, "conformsTo")? != "http://mlcommons.org/croissant/1.1"
    {
        return Err(bad("it is no data set of Croissant 1.1"));
    }
    let ours = card.pointer("/@context/athanor").and_then(Value::as_str);
    if ours != Some(NAMESPACE) {
        return Err(bad("its context does not name athanor"));
    }
    root("athanor:salt")?;
    let parts = card.get("distribution").and_then(Value::as_array);
    let parts = parts.ok_or_else(|| bad("distribution is missing"))?;
    let is = |part: &&Value, kind: &str| part.get("@type").and_then(Value::as_str) == Some(kind);
    let mut objects = parts.iter().filter(|part| is(part, "cr:FileObject"));
    let (Some(object), None) = (objects.next(), objects.next()) else {
        return Err(bad("it must have one file object, the goods"));
    };
    let id = string(object, "@id")?;
    let within = |part: &&Value| {
        let container = part.pointer("/containedIn/@id").and_then(Value::as_str);
        is(part, "cr:FileSet") && container == Some(id.as_str()) && part.get("sha256").is_none()
    };
    if parts.iter().filter(within).count() != parts.len() - 1 {
        return Err(bad(
            "inner files may only be file sets contained in the goods",
        ));
    }
    let sha256 = hex_bytes(&string(object, "sha256")?);
    let spdx = string(&card, "athanor:spdx")?;
    licence::check_spdx(&spdx)?;
    let length = card.get("athanor:length").and_then(Value::as_u64);
    let words = match card.get("keywords") {
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(word)) => vec![word.as_str()],
        _ => Vec::new(),
    };
    let usage = |key: &str| match string(&card, key)?.as_str() {
        "not_allowed" => Ok(Use::NotAllowed),
        "allowed" => Ok(Use::Allowed),
        "constrained" => Ok(Use::Constrained),
        _ => Err(bad(format!(
            "{key} is none of allowed, not_allowed, constrained"
        ))),
    };
    let packing = string(&card, "athanor:packing")?;
    if packing != "container" && packing != "raw" {
        return Err(bad("athanor:packing is neither container nor raw"));
    }
    Ok(Card {
        seller: root("athanor:seller")?,
        x_root: root("athanor:x_root")?,
        length: length.ok_or_else(|| bad("athanor:length is missing"))?,
        sha256: sha256.ok_or_else(|| bad("its sha256 is not 64 hex digits"))?,
        packing,
        spdx,
        uses: UseFlags {
            data_mining: usage("athanor:data_mining")?,
            ai_training: usage("athanor:ai_training")?,
            generative_training: usage("athanor:generative_training")?,
            inference: usage("athanor:inference")?,
        },
        name: clean(&string(&card, "name")?).replace('\n', " "),
        description: clean(&string(&card, "description")?),
        keywords: words.into_iter().take(MAX_WORDS).map(clean).collect(),
        campaign: card.get("athanor:label_campaign").and_then(Value::as_u64),
    })
}

impl Card {
    /// Refuses a card that is not of this seller and these goods.
    ///
    /// # Errors
    ///
    /// [`Error::CardMismatch`] with the field.
    pub fn check(&self, seller: &[u8; 32], x_root: &Root, length: u64) -> Result<()> {
        let mismatch = |field, card, listing| {
            Err(Error::CardMismatch {
                field,
                card,
                listing,
            })
        };
        if self.seller != *seller {
            return mismatch("seller", hex(&self.seller), hex(seller));
        }
        if self.x_root != *x_root {
            return mismatch("x_root", hex(&self.x_root), hex(x_root));
        }
        if self.length != length {
            return mismatch("length", self.length.to_string(), length.to_string());
        }
        Ok(())
    }
}

/// Licences as Hugging Face names them, where that is not the SPDX identifier in lower case.
fn hugging_face_licence(spdx: &str) -> Option<String> {
    const KNOWN: [&str; 22] = [
        "apache-2.0",
        "mit",
        "bsd-2-clause",
        "bsd-3-clause",
        "cc0-1.0",
        "cc-by-2.0",
        "cc-by-2.5",
        "cc-by-3.0",
        "cc-by-4.0",
        "cc-by-sa-3.0",
        "cc-by-sa-4.0",
        "cc-by-nc-2.0",
        "cc-by-nc-3.0",
        "cc-by-nc-4.0",
        "cc-by-nd-4.0",
        "cc-by-nc-nd-3.0",
        "cc-by-nc-nd-4.0",
        "cc-by-nc-sa-3.0",
        "cc-by-nc-sa-4.0",
        "cdla-permissive-2.0",
        "odbl-1.0",
        "unlicense",
    ];
    let name = licence::single(spdx)?.to_ascii_lowercase();
    match name.as_str() {
        "odbl-1.0" => Some("odbl".into()),
        name if KNOWN.contains(&name) => Some(name.into()),
        _ => None,
    }
}

/// A dataset card for Hugging Face: YAML front matter, then Markdown.
///
/// # Errors
///
/// [`Error::Malformed`] with the field.
pub fn hugging_face(goods: &Goods, seller: &[u8; 32], of: &Description) -> Result<String> {
    of.check()?;
    // A JSON string is one of YAML.
    let quoted = |text: &str| serde_json::to_string(text).map_err(bad);
    let mut card = String::from("---\n");
    match hugging_face_licence(&of.spdx) {
        Some(name) => card += &format!("license: {name}\n"),
        None => card += &format!("license: other\nlicense_name: {}\n", quoted(&of.spdx)?),
    }
    card += &format!("pretty_name: {}\n", quoted(&of.name)?);
    let lists = [("language", &of.languages), ("tags", &of.keywords)];
    for (key, words) in lists.into_iter().filter(|(_, words)| !words.is_empty()) {
        card += &format!("{key}:\n");
        for word in words {
            card += &format!("- {}\n", quoted(word)?);
        }
    }
    let goods_line = [
        ("Seller", hex(seller)),
        ("Root of the goods (BLAKE3)", hex(&goods.x_root)),
        ("Bytes", goods.length.to_string()),
        ("Licence", of.spdx.clone()),
        ("Data mining", word(of.uses.data_mining).replace('_', " ")),
        ("AI training", word(of.uses.ai_training).replace('_', " ")),
        (
            "Training of generative models",
            word(of.uses.generative_training).replace('_', " "),
        ),
        ("Inference", word(of.uses.inference).replace('_', " ")),
    ];
    let _ = write!(
        card,
        "---\n\n# {}\n\n{}\n",
        of.name,
        of.description.trim_end()
    );
    card += "\n## Goods\n\nSold on Athanor's data market. What is proven is that a buyer gets the \
             bytes with this root, not that they are good.\n\n| | |\n|---|---|\n";
    for (key, value) in goods_line {
        let _ = writeln!(card, "| {key} | `{value}` |");
    }
    if goods.packing == Packing::Container {
        card += "\n## Files\n\n| kind | files | bytes |\n|---|---|---|\n";
        for kind in &goods.kinds {
            let _ = writeln!(
                card,
                "| `{}` | {} | {} |",
                kind.glob, kind.files, kind.bytes
            );
        }
    }
    if let Some(cite_as) = &of.cite_as {
        let _ = write!(card, "\n## Citation\n\n```\n{cite_as}\n```\n");
    }
    Ok(card)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goods::Kind;

    fn goods() -> Goods {
        Goods {
            version: 1,
            x_root: [1; 32],
            length: 40_000,
            sha256: [2; 32],
            packing: Packing::Container,
            kinds: vec![
                Kind::of_file("secret-name.jsonl", 5),
                Kind::of_file("b.csv", 7),
            ],
        }
    }

    fn description() -> Description {
        Description {
            name: "Reviews".into(),
            description: "Reviews of\nthings.".into(),
            keywords: vec!["text".into()],
            languages: vec!["en".into(), "de-AT".into()],
            version: "1.0.0".into(),
            published: "2026-11-22".into(),
            spdx: "CC-BY-4.0".into(),
            uses: UseFlags {
                ai_training: Use::Allowed,
                inference: Use::Constrained,
                ..UseFlags::default()
            },
            campaign: Some(3),
            ..Description::default()
        }
    }

    #[test]
    fn a_card_says_what_the_listing_says_and_names_no_file() {
        let bytes = make(&goods(), &[9; 32], &description()).unwrap();
        let card = read(&bytes).unwrap();
        card.check(&[9; 32], &[1; 32], 40_000).unwrap();
        assert_eq!((card.name.as_str(), card.campaign), ("Reviews", Some(3)));
        assert_eq!(card.uses, description().uses);
        assert!(!String::from_utf8_lossy(&bytes).contains("secret-name"));
        for (seller, root, length, field) in [
            ([8; 32], [1; 32], 40_000, "seller"),
            ([9; 32], [2; 32], 40_000, "x_root"),
            ([9; 32], [1; 32], 40_001, "length"),
        ] {
            match card.check(&seller, &root, length).unwrap_err() {
                Error::CardMismatch { field: found, .. } => assert_eq!(found, field),
                other => panic!("{other}"),
            }
        }
    }

    #[test]
    fn two_cards_of_the_same_have_two_roots() {
        let make = || make(&goods(), &[9; 32], &description()).unwrap();
        assert_ne!(make(), make());
    }

    #[test]
    fn fields_that_say_nothing_are_refused() {
        let wrong = |change: &dyn Fn(&mut Description)| {
            let mut description = description();
            change(&mut description);
            assert!(
                make(&goods(), &[9; 32], &description).is_err(),
                "{description:?}"
            );
        };
        wrong(&|d| d.name = " ".into());
        wrong(&|d| d.name = "two\nlines".into());
        wrong(&|d| d.name = "x".repeat(201));
        wrong(&|d| d.description = "\u{1b}[2J".into());
        wrong(&|d| d.spdx = "my licence".into());
        wrong(&|d| d.version = "1".into());
        wrong(&|d| d.published = "22.11.2026".into());
        wrong(&|d| d.published = "2026-13-01".into());
        wrong(&|d| d.languages = vec!["English language".into()]);
        wrong(&|d| d.keywords = vec!["k".into(); 101]);
    }

    #[test]
    fn strange_cards_are_refused() {
        let good = make(&goods(), &[9; 32], &description()).unwrap();
        let good: Value = serde_json::from_slice(&good).unwrap();
        let wrong = |change: &dyn Fn(&mut Value)| {
            let mut card = good.clone();
            change(&mut card);
            let card = serde_json::to_vec(&card).unwrap();
            assert!(read(&card).is_err(), "{}", String::from_utf8_lossy(&card));
        };
        wrong(&|card| card["distribution"][0]["@type"] = json!("cr:FileSet"));
        wrong(&|card| card["distribution"][1]["@type"] = json!("cr:FileObject"));
        wrong(&|card| card["distribution"][1]["sha256"] = json!("00"));
        wrong(&|card| card["distribution"][1]["containedIn"] = json!({"@id": "other"}));
        wrong(&|card| card["distribution"][0]["sha256"] = json!("00"));
        wrong(&|card| card["@type"] = json!("sc:Thing"));
        wrong(&|card| card["conformsTo"] = json!("http://mlcommons.org/croissant/1.0"));
        wrong(&|card| card["athanor:seller"] = json!("0x12"));
        wrong(&|card| card["athanor:length"] = json!(-1));
        wrong(&|card| card["athanor:salt"] = Value::Null);
        wrong(&|card| card["athanor:spdx"] = json!("no such"));
        wrong(&|card| card["athanor:inference"] = json!("maybe"));
        wrong(&|card| card["@context"] = json!("https://elsewhere"));
        assert!(read(&"[".repeat(10_000).into_bytes()).is_err());
        assert!(matches!(
            read(&vec![b' '; (1 << 20) + 1]),
            Err(Error::TooLarge { .. })
        ));
    }

    #[test]
    fn hostile_text_is_shown_without_its_escapes() {
        let good = make(&goods(), &[9; 32], &description()).unwrap();
        let mut card: Value = serde_json::from_slice(&good).unwrap();
        card["name"] = json!("a\u{1b}[31m\nb\u{202e}");
        card["keywords"] = json!("\u{7}k");
        let card = read(&serde_json::to_vec(&card).unwrap()).unwrap();
        assert_eq!(card.name, "a[31m b");
        assert_eq!(card.keywords, ["k"]);
    }

    #[test]
    fn the_hugging_face_card_names_the_licence_as_they_do() {
        let card = hugging_face(&goods(), &[9; 32], &description()).unwrap();
        assert!(card.starts_with("---\nlicense: cc-by-4.0\n"), "{card}");
        assert!(card.contains("\n- \"de-AT\"\n"));
        let mut other = description();
        other.spdx = "LicenseRef-mine".into();
        other.name = "a: \"b\"".into();
        let card = hugging_face(&goods(), &[9; 32], &other).unwrap();
        assert!(card.contains("license: other\nlicense_name: \"LicenseRef-mine\"\n"));
        assert!(card.contains(r#"pretty_name: "a: \"b\"""#));
    }
}

//! `athanor label work`: labelling pages.

use super::contributor::{times, Campaign, Session, Work as Part};
use crate::{
    amount::Amount,
    commands::{read_file, Context},
    error::{Error, Result},
    labeller::{
        from_file::Presented,
        journal::{Committed, Journal},
        plain,
        state::{Effect, Labeller, Status},
        terminal::{self, Event, Terminal},
        view,
    },
    output::Output,
};
use athanor_content_store::Client;
use athanor_label_client::{
    page::Page,
    voucher::{self, Signed},
};
use athanor_label_math::{pack, Answer};
use clap::Args;
use serde_json::{json, Value};
use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Between two looks at the chain.
const LOOK: Duration = Duration::from_secs(3);

/// Longest file of answers, in bytes.
const MAX_ANSWERS: u64 = 64 << 20;

/// Options of `label work`.
#[derive(Args, Debug)]
pub struct Work {
    /// Number of the batch
    #[arg(long, value_name = "ID")]
    pub batch: u64,
    /// Most pages to label [default: until there are none]
    #[arg(long, value_name = "N")]
    pub pages: Option<u32>,
    /// File with the requester's voucher; a sponsored one needs no stake
    #[arg(long, value_name = "FILE")]
    pub voucher: Option<PathBuf>,
    /// Only without a stake and fees: the voucher must be a sponsored one
    #[arg(long, requires = "voucher")]
    pub sponsored: bool,
    /// Also ask the address the requester publishes for pages and keys
    #[arg(long)]
    pub gateway: bool,
    /// No full screen: tasks as lines, answers as lines
    #[arg(long)]
    pub plain: bool,
    /// JSONL file with {"id", "answer"} a line, or - ; implies --plain
    #[arg(long, value_name = "FILE")]
    pub answers: Option<PathBuf>,
    /// Keep the opening from the requester until it is revealed
    ///
    /// He then can neither close the page early nor reveal for you if you are
    /// away when the batch closes, which costs the stake.
    #[arg(long)]
    pub unsealed: bool,
    /// Seconds to wait for a page
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub patience: u64,
    /// Without a screen: stay until everything is revealed
    #[arg(long, conflicts_with = "no_reveal")]
    pub stay: bool,
    /// Reveal nothing; `athanor label reveal` does it later
    #[arg(long)]
    pub no_reveal: bool,
}

/// Where answers come from.
enum Source {
    Screen(Box<Terminal>),
    Lines,
    Table(BTreeMap<String, Value>),
}

/// What became of a page.
enum Ended {
    Committed,
    Skipped,
    Left,
}

fn read_voucher(session: &Session<'_>, path: &Path, campaign: u64) -> Result<Signed> {
    let bytes = read_file(path, voucher::MAX_FILE as u64, "a file of vouchers")?;
    let bad = |reason: String| Error::BadFile {
        path: path.into(),
        reason,
    };
    let vouchers = voucher::read(&bytes).map_err(|error| bad(error.to_string()))?;
    vouchers
        .into_iter()
        .find(|voucher| {
            voucher.worker == session.worker.0
                && voucher.campaign == campaign
                && voucher.genesis == session.genesis
        })
        .ok_or_else(|| {
            bad(format!(
                "it has no voucher for {} in campaign {campaign} of this chain",
                session.worker
            ))
        })
}

fn read_answers(path: &Path) -> Result<BTreeMap<String, Value>> {
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin()
            .lock()
            .take(MAX_ANSWERS)
            .read_to_end(&mut bytes)
            .map_err(|source| Error::File {
                action: "read",
                path: path.into(),
                source,
            })?;
    } else {
        bytes = read_file(path, MAX_ANSWERS, "a file of answers")?;
    }
    plain::table(&bytes).map_err(|reason| Error::BadFile {
        path: path.into(),
        reason,
    })
}

/// Labels pages until there are none, or as many as were asked for.
pub(super) async fn run(options: Work, context: &Context) -> Result<()> {
    let plain = options.plain || options.answers.is_some();
    if !plain && !terminal::is_there() {
        return Err(Error::Usage(
            "there is no terminal to label on: give --answers FILE, or --plain to type lines"
                .into(),
        ));
    }
    if !plain {
        let (columns, lines) = terminal::size();
        if columns < crate::labeller::state::MIN_COLUMNS
            || lines < crate::labeller::state::MIN_LINES
        {
            return Err(Error::Refused(view::too_small(columns, lines)));
        }
    }
    let table = options.answers.as_deref().map(read_answers).transpose()?;
    let mut own = context.clone();
    if !plain {
        // What is drawn on the screen is drawn by nobody else.
        own.output = Output::new(own.settings.format, true);
    }
    let session = Session::open(&own).await?;
    let state = session.chain.best().await?;
    let batch = state.view(super::PALLET, "batch", (options.batch,)).await?;
    if batch.is_null() {
        return Err(Error::NotFound(format!(
            "batch {} is not on the chain: `athanor label list` shows the open ones",
            options.batch
        )));
    }
    let campaign_id = crate::commands::field_u64(&batch, "campaign")?;
    let campaign = session.campaign(campaign_id).await?;
    let voucher = options
        .voucher
        .as_deref()
        .map(|path| read_voucher(&session, path, campaign_id))
        .transpose()?;
    if options.sponsored
        && !voucher
            .as_ref()
            .is_some_and(|signed| signed.voucher.sponsored)
    {
        return Err(Error::Refused(
            "the voucher is not for sponsored work: without --sponsored a stake is held".into(),
        ));
    }
    let stores = session.stores(&campaign, options.gateway)?;
    context.set_next(format!(
        "athanor label work --batch {} goes on where you were; athanor label reveal --wait reveals",
        options.batch
    ));
    let source = match table {
        Some(table) => Source::Table(table),
        None if plain => Source::Lines,
        None => Source::Screen(Box::new(Terminal::enter()?)),
    };
    let mut worker = Worker {
        session,
        options,
        campaign,
        voucher,
        stores,
        source,
        committed: Vec::new(),
        skipped: Vec::new(),
        revealed: 0,
        earned: String::new(),
        left: false,
    };
    let result = worker.run().await;
    let value = json!({
        "batch": worker.options.batch,
        "pages": worker.committed,
        "commits": worker.committed.len(),
        "skipped": worker.skipped,
        "revealed": worker.revealed,
    });
    let waiting = worker
        .session
        .journals
        .committed(&worker.session.genesis, &worker.session.worker.0)
        .len();
    drop(worker);
    result?;
    context.output.result(&value, || {
        let count = |key: &str| value[key].as_array().map_or(0, Vec::len);
        let mut text = format!(
            "{} pages committed, {} given back.",
            count("pages"),
            count("skipped")
        );
        if waiting > 0 {
            text.push_str(&format!(
                " {waiting} wait to be revealed:\nrun `athanor label reveal --wait`, or the stake \
                 is lost unless the requester reveals for you."
            ));
        }
        text
    });
    Ok(())
}

struct Worker<'a> {
    session: Session<'a>,
    options: Work,
    campaign: Campaign,
    voucher: Option<Signed>,
    stores: Vec<Client>,
    source: Source,
    committed: Vec<u32>,
    skipped: Vec<u32>,
    revealed: usize,
    earned: String,
    /// The worker has said that it is enough.
    left: bool,
}

impl Worker<'_> {
    async fn run(&mut self) -> Result<()> {
        loop {
            self.reveal().await?;
            let done = self.committed.len() + self.skipped.len();
            if self.options.pages.is_some_and(|most| done >= most as usize) {
                break;
            }
            let Some((part, page, until)) = self.lease().await? else {
                break;
            };
            match self.label(&part, page, until).await? {
                Ended::Committed => self.committed.push(page),
                Ended::Skipped => {
                    self.session.skip(self.options.batch, page).await?;
                    self.skipped.push(page);
                }
                Ended::Left => return Ok(()),
            }
        }
        self.stay().await
    }

    async fn reveal(&mut self) -> Result<usize> {
        if self.options.no_reveal {
            return Ok(0);
        }
        let due = self.session.reveal_due(None).await?;
        self.revealed += due.revealed.len();
        Ok(due.waiting.len())
    }

    /// Shows what is being waited for; gives whether the worker wants to leave.
    async fn pause(&mut self, text: &str) -> Result<bool> {
        let until = Instant::now() + LOOK;
        let Source::Screen(terminal) = &mut self.source else {
            tokio::time::sleep(LOOK).await;
            return Ok(false);
        };
        loop {
            let text = format!("\n {text}\n\n q leave");
            terminal.draw(view::notice(terminal::size(), &text))?;
            let left = until.saturating_duration_since(Instant::now());
            match tokio::time::timeout(left, terminal.next()).await {
                Err(_) => return Ok(false),
                Ok(Event::Key(key)) => {
                    use crate::labeller::keys::Key;
                    if matches!(key, Key::Char('q' | 'Q') | Key::Interrupt | Key::Esc) {
                        return Ok(true);
                    }
                }
                Ok(Event::Resize(_)) => {}
                Ok(Event::Closed) => return Ok(true),
            }
        }
    }

    /// A page to label: one that is leased already, or one that is requested. `None` if
    /// there is none to be had, or the worker leaves.
    async fn lease(&mut self) -> Result<Option<(Part, u32, u32)>> {
        let batch = self.options.batch;
        let started = Instant::now();
        let mut requested = None;
        loop {
            let (clock, part) = self.session.work(batch).await?;
            let requests = part.as_ref().map_or(0, |part| part.requests);
            let waits = part.as_ref().is_some_and(|part| part.requested);
            if let Some(part) = part {
                if let Some((page, until)) = part.leases(clock).first().copied() {
                    return Ok(Some((part, page, until)));
                }
                if part.state != "open" {
                    return Ok(None);
                }
            }
            match requested {
                // It was served, and there was no page.
                Some(before) if requests > before && !waits => return Ok(None),
                Some(_) => {}
                None if waits => requested = Some(requests.saturating_sub(1)),
                None => {
                    let voucher = self.voucher.as_ref();
                    let request = self.session.request(batch, 1, voucher, requests).await;
                    if let Err(error) = request {
                        // Enough for today is no failure.
                        if self.committed.is_empty() || !is_end(&error) {
                            return Err(error);
                        }
                        return Ok(None);
                    }
                    requested = Some(requests);
                }
            }
            if started.elapsed() >= Duration::from_secs(self.options.patience) {
                return Err(Error::TimedOut(format!(
                    "no page of batch {batch} within {} s",
                    self.options.patience
                )));
            }
            if self
                .pause("Waiting for a page: they are drawn two blocks later.")
                .await?
            {
                self.left = true;
                return Ok(None);
            }
        }
    }

    async fn label(&mut self, part: &Part, page: u32, until: u32) -> Result<Ended> {
        let batch = part.batch;
        let (file, root) = self
            .session
            .page(
                part,
                &self.campaign,
                page,
                &self.stores,
                self.options.gateway,
            )
            .await?;
        let mut journal = self
            .session
            .journals
            .open(&self.session.key(batch, page), root)?;
        // A commit that was begun and whose end is not known is sent again as it was.
        if let Some(opening) = journal.committed() {
            return self.commit(part, page, &opening, &mut journal).await;
        }
        let answers = match &mut self.source {
            Source::Table(table) => plain::answers(&file, table).map_err(|reason| {
                Error::Refused(format!("page {page} of batch {batch}: {reason}"))
            })?,
            Source::Lines => {
                let presented = Presented::new(&file, batch, &self.session.worker.0);
                match plain::ask(&file.schema, &presented)? {
                    Some(shown) => presented.canonical(&shown),
                    None => return Ok(Ended::Left),
                }
            }
            Source::Screen(_) => match self.on_screen(&file, part, until, &mut journal).await? {
                Ok(answers) => answers,
                Err(ended) => return Ok(ended),
            },
        };
        let sheet = pack(&self.campaign.terms.label, &answers)
            .map_err(|error| Error::Refused(error.to_string()))?;
        let salt = self.session.seed.salt(batch, page);
        journal.commit(&sheet, &salt)?;
        self.commit(part, page, &Committed { sheet, salt }, &mut journal)
            .await
    }

    async fn commit(
        &mut self,
        part: &Part,
        page: u32,
        opening: &Committed,
        journal: &mut Journal,
    ) -> Result<Ended> {
        if let Source::Screen(terminal) = &mut self.source {
            let text = "\n Committing: waiting for a block …";
            terminal.draw(view::notice(terminal::size(), text))?;
        }
        let terms = &self.campaign.terms;
        let seal = !self.options.unsealed;
        let sent = self
            .session
            .commit(part.batch, page, terms, opening, seal)
            .await;
        match sent {
            Ok(_) => Ok(Ended::Committed),
            Err(_) if self.session.has_committed(part.batch, page, opening).await => {
                Ok(Ended::Committed)
            }
            Err(error) => {
                // Refused for good; otherwise it may still come true, and is kept.
                if !error.may_come_true() {
                    journal.uncommit()?;
                }
                Err(error)
            }
        }
    }

    async fn status(&mut self, until: u32) -> Result<Status> {
        let state = self.session.chain.best().await?;
        let clock = super::contributor::clock(&state).await?;
        let (credit, works) = super::contributor::works(&state, &self.session.worker).await?;
        let paid = works
            .iter()
            .filter_map(Part::outcome)
            .fold(0u128, |sum, (pay, _)| sum.saturating_add(pay));
        self.earned = Amount(paid.max(credit)).to_string();
        let time = times(&state, clock)?;
        Ok(Status {
            pays: Amount(self.campaign.terms.page_pay()).to_string(),
            earned: self.earned.clone(),
            left: time.span(until.saturating_sub(clock).into()),
            note: if until > clock {
                String::new()
            } else {
                " The lease has run out: what is answered now cannot be committed.".into()
            },
        })
    }

    async fn on_screen(
        &mut self,
        file: &Page,
        part: &Part,
        until: u32,
        journal: &mut Journal,
    ) -> Result<std::result::Result<Vec<Answer>, Ended>> {
        let presented = Presented::new(file, part.batch, &self.session.worker.0);
        let mut labeller = Labeller::new(presented.page.clone(), terminal::size());
        labeller.status = self.status(until).await.unwrap_or_default();
        if let Some(progress) = journal.resumed() {
            labeller.resume(progress);
        }
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let Source::Screen(terminal) = &mut self.source else {
                return Ok(Err(Ended::Left));
            };
            terminal.draw(view::draw(&labeller))?;
            let event = tokio::select! {
                event = terminal.next() => Some(event),
                _ = look.tick() => None,
            };
            match event {
                None => {
                    // What the lines around the page say may be late; labelling goes on.
                    if let Ok(status) = self.status(until).await {
                        labeller.status = status;
                    }
                    let _ = self.reveal().await;
                }
                Some(Event::Resize(size)) => labeller.resize(size),
                Some(Event::Closed) => {
                    journal.save(labeller.progress())?;
                    return Ok(Err(Ended::Left));
                }
                Some(Event::Key(key)) => {
                    for effect in labeller.key(key) {
                        match effect {
                            Effect::Save => journal.save(labeller.progress())?,
                            Effect::Skip => return Ok(Err(Ended::Skipped)),
                            Effect::Leave => return Ok(Err(Ended::Left)),
                            Effect::Submit => {
                                if let Some(shown) = labeller.answers() {
                                    return Ok(Ok(presented.canonical(&shown)));
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Waits until everything is revealed: on a screen always, otherwise if it was asked
    /// for.
    async fn stay(&mut self) -> Result<()> {
        let screen = matches!(self.source, Source::Screen(_));
        if self.left || !screen && !self.options.stay {
            return Ok(());
        }
        loop {
            let waiting = self.reveal().await?;
            if waiting == 0 {
                return Ok(());
            }
            let text = format!(
                "There is no more page for you in this batch now. {waiting} pages are committed \
                 and will be revealed by themselves when their batch closes, as long as this \
                 stays open; `athanor label reveal --wait` does the same later."
            );
            if self.pause(&text).await? {
                return Ok(());
            }
        }
    }
}

/// Whether a refused request only says that there is nothing more to do here.
fn is_end(error: &Error) -> bool {
    use athanor_primitives::labels::Refusal;
    let text = error.to_string();
    let named = [
        "QuotaReached",
        "ClosesTooSoon",
        "UnexpectedState",
        "VoucherUsedUp",
        "BatchFull",
    ];
    let explained = [
        Refusal::QuotaReached,
        Refusal::ClosesTooSoon,
        Refusal::UnexpectedState,
        Refusal::VoucherUsedUp,
        Refusal::BatchFull,
    ];
    named.iter().any(|name| text.contains(name))
        || explained
            .iter()
            .any(|refusal| text.contains(refusal.explanation()))
}

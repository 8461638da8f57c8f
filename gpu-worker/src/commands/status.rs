//! `gpu-worker status`: what a running daemon does.

use super::{pairs, Format};
use crate::{
    api::{JobDetail, Overview, Unit, WorkerApiClient},
    config::ServeArgs,
    system::human_bytes,
};
use anyhow::Context;
use clap::Args;
use comfy_table::{presets::NOTHING, CellAlignment, ContentArrangement, Table};
use jsonrpsee::http_client::{HeaderMap, HeaderValue, HttpClient, HttpClientBuilder};
use std::{
    io::{IsTerminal, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

/// Which daemon to ask, and how often.
#[derive(Args, Clone, Debug, Default)]
pub struct StatusArgs {
    /// The daemon [default: where --config or GPU_WORKER_LISTEN makes it
    /// listen, else http://127.0.0.1:9955].
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,

    /// The daemon's configuration file.
    #[arg(long, env = "GPU_WORKER_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Where the daemon listens, if no --url is given.
    #[arg(long, env = "GPU_WORKER_LISTEN", value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,

    /// File with the daemon's token.
    #[arg(long, env = "GPU_WORKER_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// How it is printed: table or json.
    #[arg(long, value_enum, default_value_t = Format::Table, hide_possible_values = true)]
    pub format: Format,

    /// Short for --format json.
    #[arg(long)]
    pub json: bool,

    /// Ask again every so many seconds, until Ctrl-C [default: 2].
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2")]
    pub watch: Option<u32>,
}

/// Asks and prints.
pub async fn status(args: &StatusArgs) -> anyhow::Result<()> {
    let format = if args.json { Format::Json } else { args.format };
    let (url, client) = connect(args)?;
    let Some(seconds) = args.watch else {
        let overview = ask(&client, &url).await?;
        print!("{}", render(&overview, format)?);
        return Ok(());
    };
    let mut every = tokio::time::interval(Duration::from_secs(seconds.max(1).into()));
    let mut out = std::io::stdout();
    loop {
        every.tick().await;
        // A daemon that is restarted comes back: the watch goes on.
        let text = match ask(&client, &url).await {
            Ok(overview) if format == Format::Json => {
                format!("{}\n", serde_json::to_string(&overview)?)
            }
            Ok(overview) => render(&overview, format)?,
            Err(error) if format == Format::Json => {
                eprintln!("{error:#}");
                continue;
            }
            Err(error) => format!("{error:#}\n"),
        };
        if out.is_terminal() && format == Format::Table {
            write!(out, "\x1b[H\x1b[2J")?;
        }
        write!(out, "{text}")?;
        out.flush()?;
    }
}

fn connect(args: &StatusArgs) -> anyhow::Result<(String, HttpClient)> {
    let config = ServeArgs {
        config: args.config.clone(),
        listen: args.listen,
        token_file: args.token_file.clone(),
        ..ServeArgs::default()
    }
    .settle()?;
    let url = match &args.url {
        Some(url) => url.clone(),
        None => format!("http://{}", reachable(config.listen)),
    };
    let mut headers = HeaderMap::new();
    if let Some(token) = &config.token {
        let mut value = HeaderValue::from_str(&token.header())
            .context("the token can't be sent: it is not plain ASCII")?;
        value.set_sensitive(true);
        headers.insert("authorization", value);
    }
    let client = HttpClientBuilder::default()
        .set_headers(headers)
        .request_timeout(Duration::from_secs(10))
        .build(&url)
        .with_context(|| format!("--url {url}"))?;
    Ok((url, client))
}

/// An address that listens everywhere is asked on this machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}

async fn ask(client: &HttpClient, url: &str) -> anyhow::Result<Overview> {
    client.overview().await.with_context(|| {
        format!(
            "no answer from a gpu-worker at {url}: start `gpu-worker serve`, or give --url and \
             --token-file; `gpu-worker doctor` says what keeps it from starting"
        )
    })
}

/// A daemon at the settings' address.
pub(super) struct Listener {
    /// What it says it is.
    pub(super) who: String,
    /// The fault it makes on purpose.
    pub(super) fault: Option<String>,
}

/// The daemon at the settings' address, if there is one.
pub(super) async fn who_listens(args: &ServeArgs) -> Option<Listener> {
    let args = StatusArgs {
        config: args.config.clone(),
        listen: args.listen,
        token_file: args.token_file.clone(),
        ..StatusArgs::default()
    };
    let (_, client) = connect(&args).ok()?;
    let overview = client.overview().await.ok()?;
    let worker = overview.worker;
    Some(Listener {
        who: format!("{} {}, {}", worker.name, worker.version, overview.ready),
        fault: worker.fault,
    })
}

fn render(overview: &Overview, format: Format) -> anyhow::Result<String> {
    match format {
        Format::Json => Ok(format!("{}\n", serde_json::to_string_pretty(overview)?)),
        Format::Table => Ok(table(overview)),
    }
}

fn table(overview: &Overview) -> String {
    let worker = &overview.worker;
    let head = pairs([
        (
            "worker",
            format!(
                "{} {}, {}, up {}",
                worker.name,
                worker.version,
                overview.ready,
                human_seconds(overview.uptime_seconds)
            ),
        ),
        ("device", format!("{} ({})", worker.device, worker.backend)),
        (
            "queue",
            format!("{} of {} jobs", overview.live, worker.queue_limit),
        ),
        (
            "memory",
            format!("{} for one job", human_bytes(worker.memory)),
        ),
        (
            "store",
            format!(
                "{} of {}",
                human_bytes(overview.store_used),
                human_bytes(overview.store_limit)
            ),
        ),
    ]);
    let head = match &worker.fault {
        Some(fault) => format!("{head}\nFAULT MADE ON PURPOSE: {fault}"),
        None => head.to_string(),
    };
    if overview.jobs.is_empty() {
        return format!("{head}\n\nNo jobs.\n");
    }
    let mut jobs = Table::new();
    jobs.load_preset(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header([
            "JOB", "STATE", "DONE", "RATE", "LEFT", "UNITS", "DEADLINE", "AGE", "",
        ]);
    for job in &overview.jobs {
        jobs.add_row(row(job));
    }
    for column in [0, 2, 3, 4, 5, 6, 7] {
        if let Some(column) = jobs.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let more = match overview.left_out {
        0 => String::new(),
        n => format!("… and {n} more\n"),
    };
    format!("{head}\n\n{jobs}\n{more}")
}

fn row(job: &JobDetail) -> [String; 9] {
    let (status, work) = (&job.status, job.status.work);
    let rate = work.and_then(|work| {
        let rate = work.per_second?;
        Some(match work.unit {
            Unit::Bytes => format!("{}/s", human_bytes(rate as u64)),
            Unit::Parts => format!("{rate:.1} parts/s"),
        })
    });
    let left = work.and_then(|work| work.eta_seconds).map(human_seconds);
    let why = status
        .error
        .as_ref()
        .map(|trouble| format!("{}: {}", trouble.code, trouble.message));
    [
        status.job.to_string(),
        match status.watched {
            true => format!("{}, watched", status.state),
            false => status.state.to_string(),
        },
        format!("{} %", status.progress),
        rate.unwrap_or_default(),
        left.unwrap_or_default(),
        job.units.to_string(),
        job.deadline.to_string(),
        human_seconds(job.age_seconds),
        why.unwrap_or_default(),
    ]
}

/// Seconds for people: the two largest units.
fn human_seconds(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Capabilities, JobState, PhaseSeconds, Readiness, Status, Trouble, Work};

    fn overview(jobs: Vec<JobDetail>) -> Overview {
        Overview {
            worker: Capabilities {
                name: "gpu-worker".into(),
                version: "1.2.3".into(),
                backend: "cpu".into(),
                device: "a machine".into(),
                memory: 1 << 30,
                queue_limit: 64,
                semantic_version: 1,
                fault: None,
            },
            ready: Readiness::Ready,
            uptime_seconds: 90_061,
            live: 1,
            store_used: 1 << 20,
            store_limit: 1 << 30,
            jobs,
            left_out: 3,
        }
    }

    fn job() -> JobDetail {
        JobDetail {
            status: Status {
                job: 77,
                state: JobState::Fetching,
                held: false,
                watched: false,
                checked: None,
                progress: 12,
                error: Some(Trouble {
                    code: "blob_missing".into(),
                    message: "nowhere".into(),
                }),
                work: Some(Work {
                    unit: Unit::Bytes,
                    done: 1,
                    total: 9,
                    per_second: Some(2_048.0),
                    eta_seconds: Some(75),
                }),
            },
            model: 3,
            batch: 4,
            units: 5,
            deadline: 600,
            attempts: 2,
            age_seconds: 10,
            phases: PhaseSeconds::default(),
        }
    }

    #[test]
    fn the_table_shows_the_daemon_and_each_job() {
        let text = table(&overview(vec![job()]));
        for expected in [
            "gpu-worker 1.2.3, ready, up 1 d 1 h",
            "1 of 64 jobs",
            "77",
            "fetching",
            "12 %",
            "2.0 KiB/s",
            "1 min 15 s",
            "blob_missing: nowhere",
            "… and 3 more",
        ] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
        assert!(table(&overview(vec![])).contains("No jobs."));
    }

    #[test]
    fn the_json_is_the_daemons_answer() {
        let overview = overview(vec![job()]);
        let text = render(&overview, Format::Json).unwrap();
        assert_eq!(serde_json::from_str::<Overview>(&text).unwrap(), overview);
    }

    #[test]
    fn a_daemon_that_listens_everywhere_is_asked_here() {
        for (listen, asked) in [
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:1", "[::1]:1"),
            ("10.0.0.1:1", "10.0.0.1:1"),
        ] {
            assert_eq!(
                reachable(listen.parse().unwrap()),
                asked.parse::<SocketAddr>().unwrap()
            );
        }
    }
}

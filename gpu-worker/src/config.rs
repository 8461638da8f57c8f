//! Flags, environment and configuration file of `gpu-worker serve`.
//!
//! A flag wins over its environment variable, which wins over the file, which
//! wins over the default.

use crate::{
    backend::{Backend, Choice},
    engine::Limits,
    fault::Fault,
    server::Token,
    system::{self, parse_bytes},
};
use athanor_content_store::Limits as StoreLimits;
use clap::{Args, ValueEnum};
use serde::Deserialize;
use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// Longest configuration file that is read.
const MAX_FILE: u64 = 64 * 1024;

/// Where and how the daemon runs.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeArgs {
    /// TOML file with any of the settings below, named as the flags are.
    #[arg(long, env = "GPU_WORKER_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// What runs programs: auto, cpu or cuda [default: auto].
    #[arg(
        long,
        env = "GPU_WORKER_BACKEND",
        value_enum,
        hide_possible_values = true
    )]
    pub backend: Option<Choice>,

    /// Threads of the CPU backend, 0 for one per core [default: 0].
    #[arg(long, env = "GPU_WORKER_THREADS", value_name = "N")]
    pub threads: Option<usize>,

    /// Folder of blobs and receipts [default: ~/.local/share/athanor/gpu-worker].
    #[arg(long, env = "GPU_WORKER_STORE", value_name = "DIR")]
    pub store: Option<PathBuf>,

    /// Address and port to listen on [default: 127.0.0.1:9955].
    #[arg(long, env = "GPU_WORKER_LISTEN", value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,

    /// Content store to fetch blobs from; give it again for more.
    #[arg(
        long = "gateway",
        env = "GPU_WORKER_GATEWAYS",
        value_name = "URL",
        value_delimiter = ','
    )]
    pub gateways: Vec<String>,

    /// File with the token that calls and uploads must carry.
    #[arg(long, env = "GPU_WORKER_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// Jobs that may wait, fetch or run at a time [default: 64].
    #[arg(long, env = "GPU_WORKER_QUEUE", value_name = "N")]
    pub queue: Option<usize>,

    /// Jobs that may fetch at a time [default: 4].
    #[arg(long, env = "GPU_WORKER_FETCHES", value_name = "N")]
    pub fetches: Option<usize>,

    /// Memory of this machine that one job may use, as 8GiB [default: 80 % of what is free].
    #[arg(long, env = "GPU_WORKER_MEMORY", value_name = "BYTES", value_parser = parse_bytes)]
    pub memory: Option<u64>,

    /// Memory of a graphics card that one job may use, as 60GiB [default: 80 % of what is
    /// free on it].
    #[arg(long, env = "GPU_WORKER_DEVICE_MEMORY", value_name = "BYTES", value_parser = parse_bytes)]
    pub device_memory: Option<u64>,

    /// Units one job may cost [default: no limit].
    #[arg(long, env = "GPU_WORKER_MAX_COST", value_name = "UNITS")]
    pub max_cost: Option<u64>,

    /// Longest input, output or weight, as 4GiB [default: 4GiB].
    #[arg(long, env = "GPU_WORKER_MAX_BLOB", value_name = "BYTES", value_parser = parse_bytes)]
    pub max_blob: Option<u64>,

    /// Size of the whole store, as 500GiB [default: 64GiB].
    #[arg(long, env = "GPU_WORKER_STORE_LIMIT", value_name = "BYTES", value_parser = parse_bytes)]
    pub store_limit: Option<u64>,

    /// Bytes of recent jobs' node outputs to keep in the store and serve to whoever
    /// checks this daemon's claims, as 20GiB; 0 for none [default: 0].
    #[arg(long, env = "GPU_WORKER_TRACE_LIMIT", value_name = "BYTES", value_parser = parse_bytes)]
    pub trace_limit: Option<u64>,

    /// Days that a job's receipt, input and output stay after they were last
    /// used, 0 for ever [default: 30].
    #[arg(long, env = "GPU_WORKER_RETENTION_DAYS", value_name = "DAYS")]
    pub retention_days: Option<u32>,

    /// Connections from other machines at a time [default: 256].
    #[arg(long, env = "GPU_WORKER_CONNECTIONS", value_name = "N")]
    pub connections: Option<usize>,

    /// Seconds that a run under way may take to end when the daemon is told to
    /// stop [default: 30].
    #[arg(long, env = "GPU_WORKER_STOP_GRACE", value_name = "SECONDS")]
    pub stop_grace: Option<u32>,

    /// FOR TESTS ONLY: make a fault on purpose. A provider that runs with this
    /// publishes wrong results, or none, and loses its collateral.
    ///
    /// wrong-output, wrong-element=NODE, hidden-element=NODE, wrong-root=NODE, withhold, hold-fetch, hold-run, hold-store, hold-receipt.
    #[arg(long, value_name = "FAULT", hide_short_help = true)]
    pub fault: Option<Fault>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ConfigFile {
    backend: Option<Choice>,
    threads: Option<usize>,
    store: Option<PathBuf>,
    listen: Option<SocketAddr>,
    #[serde(default, alias = "gateway")]
    gateways: Vec<String>,
    token_file: Option<PathBuf>,
    queue: Option<usize>,
    fetches: Option<usize>,
    memory: Option<Size>,
    device_memory: Option<Size>,
    max_cost: Option<u64>,
    max_blob: Option<Size>,
    store_limit: Option<Size>,
    trace_limit: Option<Size>,
    retention_days: Option<u32>,
    connections: Option<usize>,
    stop_grace: Option<u32>,
}

/// A number of bytes, plain or with a unit.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "SizeText")]
struct Size(u64);

#[derive(Deserialize)]
#[serde(untagged)]
enum SizeText {
    Number(u64),
    Text(String),
}

impl TryFrom<SizeText> for Size {
    type Error = String;

    fn try_from(text: SizeText) -> Result<Self, String> {
        match text {
            SizeText::Number(bytes) => Ok(Size(bytes)),
            SizeText::Text(text) => parse_bytes(&text).map(Size),
        }
    }
}

/// Everything settled.
#[derive(Clone, Debug)]
pub struct Config {
    /// What runs programs.
    pub backend: Choice,
    /// Threads of the CPU backend, 0 for one per core.
    pub threads: usize,
    /// Folder of blobs and receipts.
    pub store: PathBuf,
    /// Address and port.
    pub listen: SocketAddr,
    /// Content stores that are asked for blobs.
    pub gateways: Vec<String>,
    /// Token that calls and uploads must carry.
    pub token: Option<Token>,
    /// What jobs are taken on.
    pub limits: Limits,
    /// Limits of the store.
    pub store_limits: StoreLimits,
    /// Bytes of recent jobs' node outputs to keep, 0 for none.
    pub trace_limit: u64,
    /// How long receipts, inputs and outputs stay. `None`: for ever.
    pub retention: Option<Duration>,
    /// Connections at a time.
    pub connections: usize,
    /// How long a run under way may take when the daemon is told to stop.
    pub stop_grace: Duration,
    /// A fault made on purpose.
    pub fault: Option<Fault>,
}

impl Config {
    /// Bytes that one job may use of the memory of the backend's own: what was set, or 80 % of
    /// what is free. `None` if it has no memory of its own.
    pub fn device_memory_of(&self, backend: &dyn Backend) -> Option<u64> {
        let free = backend.own_memory()?;
        let set = self.limits.device_memory.unwrap_or(free / 5 * 4);
        Some(set.min(backend.device().memory))
    }
}

/// Where a setting comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// An environment variable.
    Environment,
    /// The configuration file.
    File,
    /// Nobody said anything.
    Default,
}

impl Origin {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Origin::Flag => "flag",
            Origin::Environment => "environment",
            Origin::File => "file",
            Origin::Default => "default",
        }
    }
}

/// A setting as it is in effect.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Its key in a configuration file.
    pub name: &'static str,
    /// Its value there. `None` if there is no such value, as for no limit.
    pub value: Option<toml::Value>,
    /// Where it comes from.
    pub origin: Origin,
}

/// The settings make no sense.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file can't be read.
    #[error("{what} {path}: {source}")]
    Read {
        /// What the file is.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The configuration file is longer than any.
    #[error("configuration file {0} is longer than 64 KiB: is it the right file?")]
    TooLong(PathBuf),
    /// The configuration file is not TOML, or has unknown or wrong settings.
    #[error("configuration file {path}: {source}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: Box<toml::de::Error>,
    },
    /// The token is none.
    #[error("token file {0}: write one line of 1 to 4,096 visible ASCII characters into it")]
    Token(PathBuf),
    /// The network could submit jobs.
    #[error(
        "--listen {0} is reachable from other machines, so anybody could submit jobs: set \
         --token-file, or listen on 127.0.0.1"
    )]
    Open(SocketAddr),
    /// A count that must be at least 1.
    #[error("--{0} must be at least 1")]
    Zero(&'static str),
}

impl ServeArgs {
    /// Reads the configuration file and the token, fills in the defaults, and
    /// checks the whole.
    pub fn settle(&self) -> Result<Config, ConfigError> {
        let file = match &self.config {
            Some(path) => read_file(path)?,
            None => ConfigFile::default(),
        };
        let limits = Limits::default();
        let listen = self
            .listen
            .or(file.listen)
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 9_955)));
        let token = match self.token_file.as_ref().or(file.token_file.as_ref()) {
            Some(path) => Some(read_token(path)?),
            None => None,
        };
        if token.is_none() && !listen.ip().is_loopback() {
            return Err(ConfigError::Open(listen));
        }
        let memory = self
            .memory
            .or(file.memory.map(|size| size.0))
            .unwrap_or_else(|| {
                system::memory().map_or(limits.memory, |memory| memory.available / 5 * 4)
            });
        let max_blob = self
            .max_blob
            .or(file.max_blob.map(|size| size.0))
            .unwrap_or(limits.max_blob);
        let max_total = self
            .store_limit
            .or(file.store_limit.map(|size| size.0))
            .unwrap_or(64 << 30);
        let days = self.retention_days.or(file.retention_days).unwrap_or(30);
        let at_least_one = |name, value: usize| {
            if value == 0 {
                Err(ConfigError::Zero(name))
            } else {
                Ok(value)
            }
        };
        Ok(Config {
            backend: self.backend.or(file.backend).unwrap_or_default(),
            threads: self.threads.or(file.threads).unwrap_or(0),
            store: self
                .store
                .clone()
                .or(file.store)
                .unwrap_or_else(default_store),
            listen,
            gateways: if self.gateways.is_empty() {
                file.gateways
            } else {
                self.gateways.clone()
            },
            token,
            limits: Limits {
                queue: at_least_one("queue", self.queue.or(file.queue).unwrap_or(limits.queue))?,
                fetches: at_least_one(
                    "fetches",
                    self.fetches.or(file.fetches).unwrap_or(limits.fetches),
                )?,
                memory,
                device_memory: self.device_memory.or(file.device_memory.map(|size| size.0)),
                max_cost: self.max_cost.or(file.max_cost).unwrap_or(limits.max_cost),
                max_blob,
                ..limits
            },
            store_limits: StoreLimits {
                max_blob,
                max_total,
            },
            trace_limit: self
                .trace_limit
                .or(file.trace_limit.map(|size| size.0))
                .unwrap_or(0),
            retention: (days > 0).then(|| Duration::from_secs(u64::from(days) * 86_400)),
            connections: at_least_one(
                "connections",
                self.connections.or(file.connections).unwrap_or(256),
            )?,
            stop_grace: Duration::from_secs(
                self.stop_grace.or(file.stop_grace).unwrap_or(30).into(),
            ),
            fault: self.fault,
        })
    }

    /// Every setting in effect, in the order of the help. `given` says where the
    /// value of a flag comes from, by the name of its field; `None` if it has
    /// none. The token's text is not among them, its file is.
    pub fn explain(
        &self,
        given: impl Fn(&str) -> Option<Origin>,
    ) -> Result<Vec<Setting>, ConfigError> {
        let config = self.settle()?;
        let file = match &self.config {
            Some(path) => read_file(path)?,
            None => ConfigFile::default(),
        };
        let number = |value: u64| i64::try_from(value).ok().map(toml::Value::Integer);
        let count = |value: usize| number(u64::try_from(value).unwrap_or(u64::MAX));
        let text = |value: String| Some(toml::Value::String(value));
        let path = |value: &Path| text(value.display().to_string());
        let token_file = self.token_file.as_ref().or(file.token_file.as_ref());
        let gateways = config.gateways.iter().map(|url| hide_user(url).into());
        let days = config
            .retention
            .map_or(0, |retention| retention.as_secs() / 86_400);
        let backend = config.backend.to_possible_value();
        let rows = [
            (
                "backend",
                backend.and_then(|value| text(value.get_name().into())),
                file.backend.is_some(),
            ),
            ("threads", count(config.threads), file.threads.is_some()),
            ("store", path(&config.store), file.store.is_some()),
            (
                "listen",
                text(config.listen.to_string()),
                file.listen.is_some(),
            ),
            (
                "gateways",
                Some(toml::Value::Array(gateways.collect())),
                !file.gateways.is_empty(),
            ),
            (
                "token-file",
                token_file.and_then(|file| path(file)),
                file.token_file.is_some(),
            ),
            ("queue", count(config.limits.queue), file.queue.is_some()),
            (
                "fetches",
                count(config.limits.fetches),
                file.fetches.is_some(),
            ),
            (
                "memory",
                number(config.limits.memory),
                file.memory.is_some(),
            ),
            (
                "device-memory",
                config.limits.device_memory.and_then(number),
                file.device_memory.is_some(),
            ),
            (
                "max-cost",
                number(config.limits.max_cost),
                file.max_cost.is_some(),
            ),
            (
                "max-blob",
                number(config.limits.max_blob),
                file.max_blob.is_some(),
            ),
            (
                "store-limit",
                number(config.store_limits.max_total),
                file.store_limit.is_some(),
            ),
            (
                "trace-limit",
                number(config.trace_limit),
                file.trace_limit.is_some(),
            ),
            (
                "retention-days",
                number(days),
                file.retention_days.is_some(),
            ),
            (
                "connections",
                count(config.connections),
                file.connections.is_some(),
            ),
            (
                "stop-grace",
                number(config.stop_grace.as_secs()),
                file.stop_grace.is_some(),
            ),
        ];
        let setting = |(name, value, in_file): (&'static str, _, bool)| {
            let field = name.replace('-', "_");
            let origin = given(&field).unwrap_or(match in_file {
                true => Origin::File,
                false => Origin::Default,
            });
            Setting {
                name,
                value,
                origin,
            }
        };
        Ok(rows.map(setting).into())
    }
}

/// A gateway's URL without the user and password that should not be in it.
fn hide_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://hidden@{host}{path}"),
        None => url.to_owned(),
    }
}

fn read_file(path: &Path) -> Result<ConfigFile, ConfigError> {
    let read = |source| ConfigError::Read {
        what: "configuration file",
        path: path.to_owned(),
        source,
    };
    if fs::metadata(path).map_err(read)?.len() > MAX_FILE {
        return Err(ConfigError::TooLong(path.to_owned()));
    }
    let text = fs::read_to_string(path).map_err(read)?;
    toml::from_str(&text).map_err(|source| ConfigError::Parse {
        path: path.to_owned(),
        source: Box::new(source),
    })
}

fn read_token(path: &Path) -> Result<Token, ConfigError> {
    let read = |source| ConfigError::Read {
        what: "token file",
        path: path.to_owned(),
        source,
    };
    let meta = fs::metadata(path).map_err(read)?;
    if meta.len() > MAX_FILE {
        return Err(ConfigError::Token(path.to_owned()));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if meta.permissions().mode() & 0o077 != 0 {
            tracing::warn!(
                path = %path.display(),
                "other users of this machine can read the token: chmod 600 it"
            );
        }
    }
    let text = fs::read_to_string(path).map_err(read)?;
    Token::new(&text).ok_or_else(|| ConfigError::Token(path.to_owned()))
}

fn default_store() -> PathBuf {
    default_data("gpu-worker")
}

/// The folder `what` among the data of this user.
pub(crate) fn default_data(what: &str) -> PathBuf {
    std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(std::env::home_dir()?.join(".local/share")))
        .unwrap_or_default()
        .join("athanor")
        .join(what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{cpu::Cpu, BackendError, Control, Device, Run, Trace};

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("worker.toml");
        fs::write(&path, text).unwrap();
        (dir, path)
    }

    fn with_config(text: &str) -> Result<Config, ConfigError> {
        let (_dir, path) = file(text);
        ServeArgs {
            config: Some(path),
            ..Default::default()
        }
        .settle()
    }

    #[test]
    fn defaults_are_those_of_the_help() {
        let config = ServeArgs::default().settle().unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:9955");
        assert_eq!(config.backend, Choice::Auto);
        assert_eq!((config.limits.queue, config.limits.fetches), (64, 4));
        assert_eq!(config.limits.max_blob, 4 << 30);
        assert_eq!(config.retention, Some(Duration::from_secs(30 * 86_400)));
        assert!(config.store.ends_with("athanor/gpu-worker"));
        assert!(config.limits.memory > 0);
    }

    #[test]
    fn the_file_fills_in_and_a_flag_wins() {
        let (_dir, path) = file(
            "backend = \"cpu\"\nlisten = \"127.0.0.1:1\"\nqueue = 7\nmemory = \"2MiB\"\n\
             device-memory = \"3MiB\"\n             max-blob = 77\ngateways = [\"http://a\"]\nretention-days = 0\n",
        );
        let args = ServeArgs {
            config: Some(path),
            queue: Some(9),
            ..Default::default()
        };
        let config = args.settle().unwrap();
        assert_eq!(config.backend, Choice::Cpu);
        assert_eq!(config.listen.port(), 1);
        assert_eq!(config.limits.queue, 9);
        assert_eq!(
            (config.limits.memory, config.limits.max_blob),
            (2 << 20, 77)
        );
        assert_eq!(config.limits.device_memory, Some(3 << 20));
        assert_eq!(config.gateways, ["http://a"]);
        assert_eq!(config.retention, None);
        let args = ServeArgs {
            gateways: vec!["http://b".into()],
            ..args
        };
        assert_eq!(args.settle().unwrap().gateways, ["http://b"]);
    }

    /// A backend with memory of its own.
    struct Card(Device);

    impl Backend for Card {
        fn device(&self) -> &Device {
            &self.0
        }

        fn own_memory(&self) -> Option<u64> {
            Some(1_000)
        }

        fn run(&self, _: Run<'_>, _: &dyn Control) -> Result<Trace, BackendError> {
            Err(BackendError::Stopped)
        }
    }

    #[test]
    fn a_card_gives_a_job_most_of_what_is_free_on_it_or_what_was_set() {
        let card = Card(Device {
            memory: 2_000,
            ..Cpu::new(1).device().clone()
        });
        let free = ServeArgs::default();
        let set = ServeArgs {
            device_memory: Some(900),
            ..Default::default()
        };
        let too_much = ServeArgs {
            device_memory: Some(2_001),
            ..Default::default()
        };
        for (args, most) in [(free, 800), (set, 900), (too_much, 2_000)] {
            let config = args.settle().unwrap();
            assert_eq!(config.device_memory_of(&card), Some(most));
            assert_eq!(config.device_memory_of(&Cpu::new(1)), None);
        }
    }

    #[test]
    fn a_file_with_mistakes_is_an_error_that_names_it() {
        for text in [
            "quue = 1",
            "queue = \"x\"",
            "memory = \"2 pounds\"",
            "= 1",
            "fault = \"wrong-output\"",
        ] {
            let error = with_config(text).unwrap_err();
            assert!(
                matches!(error, ConfigError::Parse { .. }),
                "{text}: {error}"
            );
            assert!(error.to_string().contains("worker.toml"), "{error}");
        }
        let missing = ServeArgs {
            config: Some("/nonexistent".into()),
            ..Default::default()
        };
        assert!(matches!(
            missing.settle().unwrap_err(),
            ConfigError::Read { .. }
        ));
        let long = "#".repeat(MAX_FILE as usize + 1);
        assert!(matches!(
            with_config(&long).unwrap_err(),
            ConfigError::TooLong(_)
        ));
    }

    #[test]
    fn each_setting_says_where_it_comes_from() {
        let (_dir, path) = file("queue = 7\nthreads = 3\n");
        let args = ServeArgs {
            config: Some(path),
            queue: Some(9),
            fetches: Some(2),
            ..Default::default()
        };
        let given = |field: &str| match field {
            "queue" => Some(Origin::Flag),
            "fetches" => Some(Origin::Environment),
            _ => None,
        };
        let settings = args.explain(given).unwrap();
        let origin = |name: &str| {
            let setting = settings.iter().find(|setting| setting.name == name);
            setting.unwrap().origin
        };
        assert_eq!(origin("queue"), Origin::Flag);
        assert_eq!(origin("fetches"), Origin::Environment);
        assert_eq!(origin("threads"), Origin::File);
        assert_eq!(origin("stop-grace"), Origin::Default);
    }

    #[test]
    fn the_settings_in_effect_are_a_configuration_file_with_the_same_effect() {
        let (_dir, token) = file("secret\n");
        let args = ServeArgs {
            token_file: Some(token),
            memory: Some(77),
            device_memory: Some(78),
            stop_grace: Some(5),
            retention_days: Some(0),
            gateways: vec!["http://a".into(), "http://b:1/x".into()],
            ..Default::default()
        };
        let table: toml::Table = args
            .explain(|_| None)
            .unwrap()
            .into_iter()
            .filter_map(|setting| Some((setting.name.to_owned(), setting.value?)))
            .collect();
        let text = toml::to_string(&table).unwrap();
        assert!(!text.contains("secret"), "{text}");
        let (again, config) = (with_config(&text).unwrap(), args.settle().unwrap());
        assert_eq!(format!("{again:?}"), format!("{config:?}"));
    }

    #[test]
    fn a_password_in_a_gateway_does_not_show() {
        for (url, shown) in [
            ("http://a/b", "http://a/b"),
            ("https://u:p@a:1/b@c", "https://hidden@a:1/b@c"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(hide_user(url), shown);
        }
    }

    #[test]
    fn an_open_port_needs_a_token() {
        let open = ServeArgs {
            listen: Some("0.0.0.0:1".parse().unwrap()),
            ..Default::default()
        };
        assert!(matches!(open.settle().unwrap_err(), ConfigError::Open(_)));
        let (_dir, path) = file("secret\n");
        let closed = ServeArgs {
            token_file: Some(path),
            ..open
        };
        assert!(closed.settle().unwrap().token.is_some());
    }

    #[test]
    fn a_token_file_without_a_token_is_an_error() {
        for text in ["", "\n", "two words", &"x".repeat(5_000)] {
            let (_dir, path) = file(text);
            let args = ServeArgs {
                token_file: Some(path),
                ..Default::default()
            };
            assert!(
                matches!(args.settle().unwrap_err(), ConfigError::Token(_)),
                "{text:?}"
            );
        }
    }

    #[test]
    fn nothing_can_be_done_with_none_of_something() {
        for text in ["queue = 0", "fetches = 0", "connections = 0"] {
            assert!(
                matches!(with_config(text).unwrap_err(), ConfigError::Zero(_)),
                "{text}"
            );
        }
    }
}

//! Settings: flags before environment before the configuration file.

use crate::{
    error::{Error, Result},
    keys::Source,
};
use clap::{Args, ValueEnum};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Node asked when nothing else is said.
pub const DEFAULT_NODE: &str = "ws://127.0.0.1:9944";

/// Longest configuration or token file that is read, in bytes.
const MAX_FILE: u64 = 65_536;

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Tables for people.
    #[default]
    Table,
    /// One JSON value on standard output; everything else on standard error.
    Json,
}

/// Options every command takes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Node to talk to [default: ws://127.0.0.1:9944]
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "ATHANOR_NODE",
        hide_env_values = true
    )]
    pub node: Option<String>,

    /// Content store; may be given several times, downloads try all of them
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "ATHANOR_STORE",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub store: Vec<String>,

    /// File with the content store's write token
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "ATHANOR_STORE_TOKEN_FILE",
        hide_env_values = true
    )]
    pub store_token_file: Option<PathBuf>,

    /// Secret of the signing account, like //Alice [env: ATHANOR_SURI]
    ///
    /// Other users of the machine can see command lines: for anything but
    /// development keys use --key.
    #[arg(long, global = true, value_name = "SURI")]
    pub suri: Option<String>,

    /// File with the secret of the signing account [env: ATHANOR_KEY]
    #[arg(long, global = true, value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// How to print the result
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        env = "ATHANOR_OUTPUT",
        hide_env_values = true
    )]
    pub output: Option<Format>,

    /// Wait until the transaction's block is final, not only the best
    #[arg(long, global = true)]
    pub finalized: bool,

    /// Configuration file [default: ~/.config/athanor/config.toml]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "ATHANOR_CONFIG",
        hide_env_values = true
    )]
    pub config: Option<PathBuf>,

    /// No progress on standard error
    #[arg(long, short, global = true)]
    pub quiet: bool,

    /// Log what the client does; twice for more
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// One URL or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Urls {
    One(String),
    Many(Vec<String>),
}

/// The configuration file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    node: Option<String>,
    store: Option<Urls>,
    store_token_file: Option<PathBuf>,
    key: Option<PathBuf>,
    output: Option<Format>,
}

/// What a command runs with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The node's WebSocket URL.
    pub node: String,
    /// Content stores, in the order they are tried.
    pub stores: Vec<String>,
    /// File with the token that uploads need.
    pub store_token_file: Option<PathBuf>,
    /// Where the signing key comes from.
    pub key: Option<Source>,
    /// How to print results.
    pub format: Format,
    /// Whether to wait for finality.
    pub finalized: bool,
    /// Whether to keep progress to oneself.
    pub quiet: bool,
    /// Folder of what this machine remembers of its jobs.
    pub state: Option<PathBuf>,
}

/// What the environment says about keys; passed in so that tests need none.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `ATHANOR_SURI`.
    pub suri: Option<String>,
    /// `ATHANOR_KEY`.
    pub key: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`.
    pub config_home: Option<PathBuf>,
    /// `XDG_STATE_HOME`.
    pub state_home: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
}

impl Environment {
    /// The process's environment.
    pub fn of_process() -> Self {
        let path = |name| {
            std::env::var_os(name)
                .filter(|v| !v.is_empty())
                .map(PathBuf::from)
        };
        Self {
            suri: std::env::var("ATHANOR_SURI")
                .ok()
                .filter(|suri| !suri.is_empty()),
            key: path("ATHANOR_KEY"),
            config_home: path("XDG_CONFIG_HOME"),
            state_home: path("XDG_STATE_HOME"),
            home: path("HOME"),
        }
    }

    fn default_config(&self) -> Option<PathBuf> {
        let base = self
            .config_home
            .clone()
            .or_else(|| self.home.as_ref().map(|home| home.join(".config")))?;
        Some(base.join("athanor").join("config.toml"))
    }

    fn state(&self) -> Option<PathBuf> {
        let base = self
            .state_home
            .clone()
            .or_else(|| self.home.as_ref().map(|home| home.join(".local/state")))?;
        Some(base.join("athanor"))
    }

    fn expand(&self, path: PathBuf) -> PathBuf {
        match (&self.home, path.strip_prefix("~")) {
            (Some(home), Ok(rest)) => home.join(rest),
            _ => path,
        }
    }
}

/// Reads a small text file; `None` if it does not exist and need not.
fn read_text(path: &Path, required: bool) -> Result<Option<String>> {
    let failed = |source| Error::File {
        action: "read",
        path: path.into(),
        source,
    };
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.len() > MAX_FILE => Err(Error::BadFile {
            path: path.into(),
            reason: format!("it is longer than {MAX_FILE} bytes"),
        }),
        Ok(_) => std::fs::read_to_string(path).map(Some).map_err(failed),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

/// Reads a token file: one line.
pub fn read_token(path: &Path) -> Result<String> {
    let text = read_text(path, true)?.unwrap_or_default();
    let token = text.trim();
    if token.is_empty() || token.contains(char::is_whitespace) {
        return Err(Error::BadFile {
            path: path.into(),
            reason: "a token file holds one word".into(),
        });
    }
    Ok(token.to_owned())
}

impl Settings {
    /// Puts flags, environment and configuration file together.
    pub fn resolve(global: &Global, environment: &Environment) -> Result<Self> {
        let file = match (&global.config, environment.default_config()) {
            (Some(path), _) => read_text(path, true)?.map(|text| (path.clone(), text)),
            (None, Some(path)) => read_text(&path, false)?.map(|text| (path, text)),
            (None, None) => None,
        };
        let file = match file {
            None => File::default(),
            Some((path, text)) => toml::from_str(&text).map_err(|error| Error::BadFile {
                path,
                reason: error.to_string().trim_end().to_owned(),
            })?,
        };

        let key = match (&global.suri, &global.key) {
            (Some(_), Some(_)) => {
                return Err(Error::Usage("give --suri or --key, not both".into()))
            }
            (Some(suri), None) => Some(Source::Suri(suri.clone())),
            (None, Some(path)) => Some(Source::File(path.clone())),
            (None, None) => match (&environment.suri, &environment.key) {
                (Some(_), Some(_)) => {
                    return Err(Error::Usage(
                        "ATHANOR_SURI and ATHANOR_KEY are both set: unset one of them".into(),
                    ))
                }
                (Some(suri), None) => Some(Source::Suri(suri.clone())),
                (None, Some(path)) => Some(Source::File(path.clone())),
                (None, None) => file.key.map(|path| Source::File(environment.expand(path))),
            },
        };

        // An empty variable is how a shell unsets one for a single command.
        let given: Vec<String> = global
            .store
            .iter()
            .filter(|url| !url.is_empty())
            .cloned()
            .collect();
        let stores = if given.is_empty() {
            match file.store {
                None => Vec::new(),
                Some(Urls::One(url)) => vec![url],
                Some(Urls::Many(urls)) => urls,
            }
        } else {
            given
        };
        for url in &stores {
            if !url.starts_with("http://") && !url.starts_with("https://") {
                return Err(Error::Usage(format!(
                    "'{url}' is no content store: its URL starts with http:// or https://"
                )));
            }
        }

        let node = global
            .node
            .clone()
            .filter(|url| !url.is_empty())
            .or(file.node)
            .unwrap_or_else(|| DEFAULT_NODE.into());
        if !node.starts_with("ws://") && !node.starts_with("wss://") {
            return Err(Error::Usage(format!(
                "'{node}' is no node: its URL starts with ws:// or wss://"
            )));
        }

        Ok(Self {
            node,
            stores,
            store_token_file: global
                .store_token_file
                .clone()
                .or_else(|| file.store_token_file.map(|path| environment.expand(path))),
            key,
            format: global.output.or(file.output).unwrap_or_default(),
            finalized: global.finalized,
            quiet: global.quiet,
            state: environment.state(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(text: &str) -> (tempfile::TempDir, Environment) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("athanor")).unwrap();
        std::fs::write(folder.path().join("athanor/config.toml"), text).unwrap();
        let environment = Environment {
            config_home: Some(folder.path().into()),
            home: Some("/home/me".into()),
            ..Environment::default()
        };
        (folder, environment)
    }

    #[test]
    fn without_anything_the_local_node_is_asked() {
        let settings = Settings::resolve(&Global::default(), &Environment::default()).unwrap();
        assert_eq!(settings.node, DEFAULT_NODE);
        assert_eq!(settings.key, None);
        assert_eq!(settings.format, Format::Table);
        assert!(settings.stores.is_empty());
        assert_eq!(settings.state, None);
    }

    #[test]
    fn what_is_remembered_lies_in_the_state_folder() {
        let at = |environment| {
            Settings::resolve(&Global::default(), &environment)
                .unwrap()
                .state
        };
        let home = Environment {
            home: Some("/home/me".into()),
            ..Environment::default()
        };
        assert_eq!(
            at(home.clone()),
            Some("/home/me/.local/state/athanor".into())
        );
        let own = Environment {
            state_home: Some("/state".into()),
            ..home
        };
        assert_eq!(at(own), Some("/state/athanor".into()));
    }

    #[test]
    fn flags_go_before_environment_before_file() {
        let (_folder, mut environment) = with_file(
            "node = 'ws://file:1'\nstore = 'http://file:2'\nkey = '~/key'\noutput = 'json'\n",
        );
        let settings = Settings::resolve(&Global::default(), &environment).unwrap();
        assert_eq!(settings.node, "ws://file:1");
        assert_eq!(settings.stores, ["http://file:2"]);
        assert_eq!(settings.key, Some(Source::File("/home/me/key".into())));
        assert_eq!(settings.format, Format::Json);

        environment.suri = Some("//Bob".into());
        let settings = Settings::resolve(&Global::default(), &environment).unwrap();
        assert_eq!(settings.key, Some(Source::Suri("//Bob".into())));

        let global = Global {
            node: Some("wss://flag:1".into()),
            store: vec!["https://flag:2".into(), "http://flag:3".into()],
            key: Some("flag-key".into()),
            output: Some(Format::Table),
            ..Global::default()
        };
        let settings = Settings::resolve(&global, &environment).unwrap();
        assert_eq!(settings.node, "wss://flag:1");
        assert_eq!(settings.stores, ["https://flag:2", "http://flag:3"]);
        assert_eq!(settings.key, Some(Source::File("flag-key".into())));
        assert_eq!(settings.format, Format::Table);
    }

    #[test]
    fn contradictions_and_wrong_urls_are_usage_errors() {
        let none = Environment::default();
        let two = Global {
            suri: Some("//Alice".into()),
            key: Some("key".into()),
            ..Global::default()
        };
        let both = Environment {
            suri: Some("//Alice".into()),
            key: Some("key".into()),
            ..Environment::default()
        };
        let node = Global {
            node: Some("http://x".into()),
            ..Global::default()
        };
        let store = Global {
            store: vec!["ws://x".into()],
            ..Global::default()
        };
        for result in [
            Settings::resolve(&two, &none),
            Settings::resolve(&Global::default(), &both),
            Settings::resolve(&node, &none),
            Settings::resolve(&store, &none),
        ] {
            assert!(matches!(result, Err(Error::Usage(_))), "{result:?}");
        }
    }

    #[test]
    fn a_malformed_file_is_named_with_the_line() {
        let (_folder, environment) = with_file("nodes = 'ws://x'\n");
        let error = Settings::resolve(&Global::default(), &environment).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("config.toml") && text.contains("nodes"),
            "{text}"
        );

        let missing = Global {
            config: Some("/nowhere/athanor.toml".into()),
            ..Global::default()
        };
        let result = Settings::resolve(&missing, &Environment::default());
        assert!(matches!(result, Err(Error::File { .. })));
    }

    #[test]
    fn a_token_is_one_word() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "secret\n").unwrap();
        assert_eq!(read_token(&path).unwrap(), "secret");
        std::fs::write(&path, "two words").unwrap();
        assert!(matches!(read_token(&path), Err(Error::BadFile { .. })));
        std::fs::write(&path, "").unwrap();
        assert!(matches!(read_token(&path), Err(Error::BadFile { .. })));
    }
}

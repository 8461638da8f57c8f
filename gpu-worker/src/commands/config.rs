//! `gpu-worker config`: the settings in effect.

use crate::config::{Origin, ServeArgs, Setting};
use clap::{parser::ValueSource, ArgMatches, Args};

/// What to show.
#[derive(Args, Clone, Debug)]
pub struct ConfigArgs {
    /// The settings `serve` would run with.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// Prints the settings as a configuration file, each with where it comes from.
/// `matches` is what the command line gave.
pub fn config(args: &ConfigArgs, matches: &ArgMatches) -> anyhow::Result<()> {
    let settings = args.serve.explain(|field| origin(matches, field))?;
    print!("{}", text(&settings));
    Ok(())
}

fn origin(matches: &ArgMatches, field: &str) -> Option<Origin> {
    match matches.value_source(field)? {
        ValueSource::CommandLine => Some(Origin::Flag),
        ValueSource::EnvVariable => Some(Origin::Environment),
        _ => None,
    }
}

fn text(settings: &[Setting]) -> String {
    let lines: Vec<(String, &str)> = settings
        .iter()
        .map(|setting| {
            let line = match &setting.value {
                Some(value) => format!("{} = {value}", setting.name),
                None => format!("# {} is not set", setting.name),
            };
            (line, setting.origin.as_str())
        })
        .collect();
    let width = lines.iter().map(|(line, _)| line.chars().count());
    let width = width.filter(|width| *width <= 60).max().unwrap_or(0);
    lines
        .iter()
        .map(|(line, origin)| format!("{line:width$}  # {origin}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_a_configuration_file() {
        let settings = ServeArgs {
            gateways: vec!["http://a".into()],
            ..Default::default()
        }
        .explain(|_| None)
        .unwrap();
        let text = text(&settings);
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["gateways"].as_array().unwrap().len(), 1);
        assert!(text.contains("# token-file is not set"), "{text}");
        assert!(text.lines().all(|line| line.ends_with("# default")));
    }
}

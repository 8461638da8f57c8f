//! Memory and CPU of this machine.

use std::{fs, path::Path};

/// Bytes of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// What this process may use at most: the machine's memory or the control
    /// group's limit, whichever is less.
    pub total: u64,
    /// What is free of it now.
    pub available: u64,
}

/// Memory of this machine. `None` where the system doesn't say.
pub fn memory() -> Option<Memory> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let machine = parse_meminfo(&text)?;
    let group = |name: &str| {
        fs::read_to_string(Path::new("/sys/fs/cgroup").join(name))
            .ok()?
            .trim()
            .parse::<u64>()
            .ok()
    };
    Some(match group("memory.max") {
        Some(limit) if limit < machine.total => Memory {
            total: limit,
            available: machine
                .available
                .min(limit.saturating_sub(group("memory.current").unwrap_or(0))),
        },
        _ => machine,
    })
}

fn parse_meminfo(text: &str) -> Option<Memory> {
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .and_then(|rest| rest.trim().strip_suffix("kB"))
            .and_then(|number| number.trim().parse::<u64>().ok()?.checked_mul(1024))
    };
    Some(Memory {
        total: field("MemTotal")?,
        available: field("MemAvailable")?,
    })
}

/// Name of the CPU. `None` where the system doesn't say.
pub fn cpu_name() -> Option<String> {
    cpu_info("model name")
}

fn cpu_info(name: &str) -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

/// The CPU features that integer kernels care about, those present first.
pub fn cpu_features() -> Vec<(&'static str, bool)> {
    let flags = cpu_info("flags")
        .or_else(|| cpu_info("Features"))
        .unwrap_or_default();
    let flags: Vec<&str> = flags.split_whitespace().collect();
    let names: &[&'static str] = match std::env::consts::ARCH {
        "x86_64" => &[
            "avx2",
            "avx512f",
            "avx512bw",
            "avx512_vnni",
            "avx_vnni",
            "amx_int8",
        ],
        "aarch64" => &["asimd", "asimddp", "i8mm", "sve", "sve2"],
        _ => &[],
    };
    let mut features: Vec<_> = names
        .iter()
        .map(|name| (*name, flags.contains(name)))
        .collect();
    features.sort_by_key(|(_, present)| !present);
    features
}

/// Bytes for people: binary units with one decimal.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut scaled, mut unit) = (bytes as f64 / 1024.0, 0);
    while scaled >= 1023.95 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    format!("{scaled:.1} {}", UNITS.get(unit).unwrap_or(&"EiB"))
}

/// Reads a number of bytes: plain digits, or with a unit as `512MiB`, `4 GiB`,
/// `1.5TiB`; `K`, `M`, `G`, `T` alone are binary too.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let shift = match unit.trim() {
        "" | "B" => 0,
        "K" | "KiB" => 10,
        "M" | "MiB" => 20,
        "G" | "GiB" => 30,
        "T" | "TiB" => 40,
        _ => {
            return Err(format!(
                "unknown unit in {text:?}: write bytes, KiB, MiB, GiB or TiB"
            ))
        }
    };
    let wrong = || format!("{text:?} is not a number of bytes: write for example 512MiB or 4GiB");
    if let Ok(whole) = number.parse::<u64>() {
        return whole
            .checked_mul(1 << shift)
            .ok_or_else(|| format!("{text:?} is more than 2^64 bytes"));
    }
    let value: f64 = number.parse().map_err(|_| wrong())?;
    let bytes = value * (1u64 << shift) as f64;
    if !(0.0..=1e18).contains(&bytes) {
        return Err(wrong());
    }
    Ok(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meminfo_is_read_in_bytes() {
        let text = "MemTotal:       16 kB\nMemFree: 1 kB\nMemAvailable:    8 kB\n";
        assert_eq!(
            parse_meminfo(text),
            Some(Memory {
                total: 16_384,
                available: 8_192
            })
        );
    }

    #[test]
    fn strange_meminfo_is_no_answer() {
        for text in [
            "",
            "MemTotal: x kB\nMemAvailable: 1 kB",
            "MemTotal: 1 kB",
            "MemTotal 1",
        ] {
            assert_eq!(parse_meminfo(text), None, "{text:?}");
        }
    }

    #[test]
    fn bytes_are_read_with_units() {
        for (text, bytes) in [
            ("0", 0),
            ("77", 77),
            ("1KiB", 1 << 10),
            ("2 MiB", 2 << 20),
            ("1.5GiB", 3 << 29),
            ("4G", 4 << 30),
            ("1TiB", 1 << 40),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn bytes_that_are_none_are_refused() {
        for text in [
            "",
            "GiB",
            "1.2.3",
            "-1",
            "1 gb",
            "20000000TiB",
            "99999999999999999999",
        ] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bytes_are_written_for_people() {
        assert_eq!(human_bytes(1023), "1023 B");
        assert_eq!(human_bytes(1536), "1.5 KiB");
        assert_eq!(human_bytes(1 << 30), "1.0 GiB");
        assert_eq!(human_bytes((1 << 30) - 1), "1.0 GiB");
    }
}

//! Durations, sizes and numbers as people write them. Errors do not repeat the text: the command line
//! shows it anyway, and in a settings file it may be a secret.

use std::borrow::Cow;
use std::str::FromStr;
use std::time::Duration;

use kubeknock::model::{InvalidWord, Severity};
use kubeknock::targets::{PortsError, parse_ports};

/// `500ms`, `3s`, `2m`, `1h 30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, Cow<'static, str>> {
    let is_short_number =
        (1..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_short_number {
        return Err(format!("the unit is missing: write {text}s for seconds").into());
    }
    let parsed: jiff::SignedDuration = text.parse().map_err(
        |_| "invalid duration: expected a number with its unit, such as 500ms, 10s, 2m or 1h",
    )?;
    Duration::try_from(parsed).map_err(|_| "invalid duration: it is negative".into())
}

/// A duration of whole seconds, as [`duration`] reads it.
pub(crate) fn shown_time(duration: Duration) -> String {
    format!("{}s", duration.as_secs())
}

/// `0`, `512`.
pub(crate) fn whole<T: FromStr>(text: &str) -> Result<T, &'static str> {
    text.parse().map_err(|_| {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            "number too large"
        } else {
            "invalid number: expected a whole number, 0 or more"
        }
    })
}

/// `critical`, in capitals too.
pub(crate) fn severity(text: &str) -> Result<Severity, InvalidWord> {
    text.trim().to_ascii_lowercase().parse()
}

/// `0` to `100`.
pub(crate) fn percent(text: &str) -> Result<u8, &'static str> {
    let percent = text.parse().ok().filter(|percent| *percent <= 100);
    percent.ok_or("invalid percentage: expected a whole number from 0 to 100")
}

/// `4096`, `64KiB`, `1MiB`.
pub(crate) fn bytes(text: &str) -> Result<usize, &'static str> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "" | "B" => Some(1),
        "K" | "KiB" => Some(1024),
        "M" | "MiB" => Some(1024 * 1024),
        _ => None,
    };
    number
        .parse::<usize>()
        .ok()
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor))
        .ok_or("invalid size: expected bytes, or a number with KiB or MiB, such as 64KiB")
}

/// A size of whole KiB, as [`bytes`] reads it.
pub(crate) fn shown_bytes(bytes: usize) -> String {
    format!("{}KiB", bytes / 1024)
}

/// A list of ports, as one argument.
#[derive(Debug, Clone)]
pub(crate) struct Ports(pub(crate) Vec<u16>);

/// `6443,443,30000-30010`.
pub(crate) fn ports(text: &str) -> Result<Ports, PortsError> {
    parse_ports(text).map(Ports)
}

/// A list of ports, as [`ports`] reads it.
pub(crate) fn shown_ports(ports: &[u16]) -> String {
    ports
        .iter()
        .map(u16::to_string)
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("3s"), Ok(Duration::from_secs(3)));
        assert_eq!(duration("2m"), Ok(Duration::from_mins(2)));
        for bad in ["", "3", "s", "-1s", "1 fortnight"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers() {
        assert_eq!(whole("512"), Ok(512_u32));
        assert_eq!(whole::<u32>("4294967296"), Err("number too large"));
        for bad in ["-1", "1e3", "50.5", ""] {
            assert_eq!(
                whole::<usize>(bad),
                Err("invalid number: expected a whole number, 0 or more"),
                "{bad}"
            );
        }
        assert_eq!((percent("0"), percent("100")), (Ok(0), Ok(100)));
        for bad in ["50.5", "101", "-1", "300", ""] {
            assert_eq!(
                percent(bad),
                Err("invalid percentage: expected a whole number from 0 to 100"),
                "{bad}"
            );
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(bytes("4096"), Ok(4096));
        assert_eq!(bytes("64KiB"), Ok(65_536));
        assert_eq!(bytes("1MiB"), Ok(1_048_576));
        for bad in [
            "",
            "KiB",
            "1GB",
            "99999999999999999999",
            "18446744073709551615KiB",
            "-1",
        ] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn defaults_are_shown_as_they_are_read() {
        use kubeknock::config::{CONNECT_TIMEOUT, MAX_BODY, TIMEOUT};
        use kubeknock::targets::DEFAULT_PORTS;

        for time in [CONNECT_TIMEOUT, TIMEOUT] {
            assert_eq!(duration(&shown_time(time)), Ok(time));
        }
        assert_eq!(bytes(&shown_bytes(MAX_BODY)), Ok(MAX_BODY));
        assert_eq!(
            ports(&shown_ports(&DEFAULT_PORTS)).unwrap().0,
            DEFAULT_PORTS
        );
    }
}

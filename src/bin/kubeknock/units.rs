//! Durations, sizes and numbers as people write them. Errors do not repeat the text: the command line
//! shows it anyway, and in a settings file it may be anything.

use std::str::FromStr;
use std::time::Duration;

/// `500ms`, `3s`, `2m`, `1h 30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let parsed: jiff::SignedDuration = text
        .parse()
        .map_err(|_| "no duration; write a number with its unit: 500ms, 10s, 2m, 1h")?;
    Duration::try_from(parsed).map_err(|_| "it is negative".to_owned())
}

/// `0`, `512`.
pub(crate) fn whole<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| {
        let large = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if large {
            "it is too large"
        } else {
            "no whole number; write 0 or more"
        }
        .to_owned()
    })
}

/// `0` to `100`.
pub(crate) fn percent(text: &str) -> Result<u8, String> {
    let percent = text.parse().ok().filter(|percent| *percent <= 100);
    percent.ok_or_else(|| "no whole percentage from 0 to 100".to_owned())
}

/// `4096`, `64KiB`, `1MiB`.
pub(crate) fn bytes(text: &str) -> Result<usize, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "" | "B" => 1,
        "K" | "KiB" => 1024,
        "M" | "MiB" => 1024 * 1024,
        _ => 0,
    };
    number
        .parse::<usize>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .filter(|_| factor > 0)
        .ok_or_else(|| "no size; write bytes, or a number with KiB or MiB: 64KiB".to_owned())
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
        assert_eq!(
            whole::<u32>("4294967296"),
            Err("it is too large".to_owned())
        );
        for bad in ["-1", "1e3", "50.5", ""] {
            assert_eq!(
                whole::<usize>(bad),
                Err("no whole number; write 0 or more".to_owned()),
                "{bad}"
            );
        }
        assert_eq!((percent("0"), percent("100")), (Ok(0), Ok(100)));
        for bad in ["50.5", "101", "-1", "300", ""] {
            assert_eq!(
                percent(bad),
                Err("no whole percentage from 0 to 100".to_owned()),
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
}

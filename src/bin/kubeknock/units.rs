//! Durations and sizes as people write them.

use std::time::Duration;

/// `500ms`, `3s`, `2m`, `1h 30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let parsed: jiff::SignedDuration = text
        .parse()
        .map_err(|_| format!("{text:?} is no duration; write a number with its unit: 500ms, 10s, 2m, 1h"))?;
    Duration::try_from(parsed).map_err(|_| format!("{text:?} is negative"))
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
        .ok_or_else(|| format!("{text:?} is no size; write bytes, or a number with KiB or MiB: 64KiB"))
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
    fn sizes() {
        assert_eq!(bytes("4096"), Ok(4096));
        assert_eq!(bytes("64KiB"), Ok(65_536));
        assert_eq!(bytes("1MiB"), Ok(1_048_576));
        for bad in ["", "KiB", "1GB", "99999999999999999999", "18446744073709551615KiB", "-1"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }
}

//! Port numbers and lists of them, as in `--ports` and `ports=`.

use std::borrow::Cow;

use super::error::Kind;

/// Every port there is, 1 to 65535.
const ALL_PORTS: usize = 65_535;

/// One port: decimal digits, 1 to 65535.
pub(super) fn parse_port(text: &str) -> Result<u16, Kind> {
    if text.is_empty() {
        return Err("the port is missing; give a number from 1 to 65535".into());
    }
    // `u16::from_str` takes a leading '+'.
    let number = if text.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().unwrap_or(0)
    } else {
        0
    };
    if number == 0 {
        return Err("the port is no number from 1 to 65535".into());
    }
    Ok(number)
}

/// A list of ports: numbers and ranges with commas between (`6443,443,30000-30010`). The order is
/// kept, a port listed twice is taken once.
///
/// # Errors
/// What kind of mistake is in it; nothing of the text.
pub fn parse_ports(text: &str) -> Result<Vec<u16>, Cow<'static, str>> {
    let mut ports = Vec::new();
    let mut seen = vec![false; ALL_PORTS + 1];
    let mut listed = 0usize;
    for item in text.split(',') {
        let item = item.trim();
        let (first, last) = match item.split_once('-') {
            Some((first, last)) => (parse_port(first)?, parse_port(last)?),
            None => parse_port(item).map(|port| (port, port))?,
        };
        if first > last {
            return Err("a range of ports is reversed; write the lower one first".into());
        }
        // Bounds the work that a list of whole ranges could ask for.
        listed += usize::from(last - first) + 1;
        if listed > ALL_PORTS {
            return Err("the list names more ports than there are; write each once".into());
        }
        for port in first..=last {
            if let Some(seen) = seen.get_mut(usize::from(port))
                && !std::mem::replace(seen, true)
            {
                ports.push(port);
            }
        }
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_their_order_and_take_a_port_once() {
        assert_eq!(
            parse_ports("6443,443,30000-30002"),
            Ok(vec![6443, 443, 30000, 30001, 30002])
        );
        assert_eq!(
            parse_ports("443, 6443,443,440-444"),
            Ok(vec![443, 6443, 440, 441, 442, 444])
        );
        assert_eq!(parse_ports("1-65535").map(|ports| ports.len()), Ok(65_535));
    }

    #[test]
    fn what_is_no_port_is_said() {
        for (text, word) in [
            ("", "missing"),
            ("443,", "missing"),
            ("0", "1 to 65535"),
            ("65536", "1 to 65535"),
            ("70000", "1 to 65535"),
            ("99999999999999999999", "1 to 65535"),
            ("+443", "no number"),
            ("-443", "missing"),
            ("https", "no number"),
            ("４４３", "no number"),
            ("443-", "missing"),
            ("0-10", "no number"),
            ("10-1", "reversed"),
            ("1-65535,1", "more ports than there are"),
        ] {
            let problem = parse_ports(text).unwrap_err();
            assert!(problem.contains(word), "{text}: {problem}");
        }
    }
}

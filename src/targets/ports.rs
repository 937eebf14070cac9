//! Lists of ports, as in `--ports` and `ports=`.

use crate::host_port::{HostPortError, parse_port};

/// How many ports there are, 1 to 65535.
const ALL_PORTS: usize = 65_535;

/// Why a text is not a list of ports. Never contains the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PortsError {
    /// An item is not a port.
    #[error(transparent)]
    Port(#[from] HostPortError),
    /// `443-80`
    #[error("reversed range of ports: write the lower port first")]
    Reversed,
    /// Overlapping ranges.
    #[error("more ports than there are: list each port once")]
    TooMany,
}

/// A list of ports: numbers and ranges with commas between (`6443,443,30000-30010`). Keeps the
/// order and drops duplicates.
///
/// # Errors
/// An item is not a port, or the list is longer than there are ports.
pub fn parse_ports(text: &str) -> Result<Vec<u16>, PortsError> {
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
            return Err(PortsError::Reversed);
        }
        // Limits the work that a list of whole ranges could ask for.
        listed += usize::from(last - first) + 1;
        if listed > ALL_PORTS {
            return Err(PortsError::TooMany);
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
    fn errors_name_the_mistake() {
        for (text, word) in [
            ("", "missing"),
            ("443,", "missing"),
            ("0", "1 to 65535"),
            ("65536", "1 to 65535"),
            ("70000", "1 to 65535"),
            ("99999999999999999999", "1 to 65535"),
            ("+443", "invalid port"),
            ("-443", "missing"),
            ("https", "invalid port"),
            ("４４３", "invalid port"),
            ("443-", "missing"),
            ("0-10", "invalid port"),
            ("10-1", "reversed"),
            ("1-65535,1", "more ports than there are"),
        ] {
            let problem = parse_ports(text).unwrap_err().to_string();
            assert!(problem.contains(word), "{text}: {problem}");
        }
    }
}

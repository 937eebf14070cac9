//! The releases of Kubernetes that upstream maintains: the end-of-life dates of the release data
//! (kubernetes/website, `data/releases/eol.yaml`, and <https://kubernetes.io/releases/>), as known
//! on 2026-11-23. A vendor may maintain a release longer.

use jiff::civil::{Date, date};

use super::minor::Minor;

/// A minor release and its last day of maintenance.
struct Release {
    /// The minor number: 34 of 1.34.
    minor: u16,
    end_of_life: Date,
}

const fn release(minor: u16, year: i16, month: i8, day: i8) -> Release {
    Release {
        minor,
        end_of_life: date(year, month, day),
    }
}

/// The minor releases of Kubernetes 1, oldest first.
const RELEASES: [Release; 36] = [
    release(2, 2016, 10, 23),
    release(3, 2016, 11, 1),
    release(4, 2017, 4, 21),
    release(5, 2017, 10, 1),
    release(6, 2017, 11, 23),
    release(7, 2018, 4, 4),
    release(8, 2018, 7, 12),
    release(9, 2018, 9, 29),
    release(10, 2019, 2, 13),
    release(11, 2019, 5, 1),
    release(12, 2019, 7, 8),
    release(13, 2019, 10, 15),
    release(14, 2019, 12, 11),
    release(15, 2020, 5, 6),
    release(16, 2020, 9, 2),
    release(17, 2021, 1, 13),
    release(18, 2021, 6, 18),
    release(19, 2021, 10, 28),
    release(20, 2022, 2, 28),
    release(21, 2022, 6, 28),
    release(22, 2022, 12, 8),
    release(23, 2023, 2, 28),
    release(24, 2023, 7, 28),
    release(25, 2023, 10, 28),
    release(26, 2024, 2, 28),
    release(27, 2024, 7, 16),
    release(28, 2024, 10, 22),
    release(29, 2025, 2, 28),
    release(30, 2025, 7, 15),
    release(31, 2025, 11, 11),
    // Not in the release data: computed from the support period of 14 months.
    release(32, 2026, 2, 28),
    release(33, 2026, 6, 28),
    release(34, 2026, 10, 27),
    release(35, 2027, 2, 28),
    release(36, 2027, 6, 28),
    release(37, 2027, 10, 28),
];

/// Whether upstream maintains a release on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// Maintained until the end of this day.
    Until(Date),
    /// Not maintained since this day; `None` for releases older than the table.
    Ended(Option<Date>),
    /// Newer than the table, or no version of Kubernetes 1.
    Unknown,
}

impl Minor {
    /// Whether upstream maintains this release on a day.
    pub fn support(self, on: Date) -> Support {
        if self.major != 1 {
            return Support::Unknown;
        }
        match RELEASES.iter().find(|release| release.minor == self.minor) {
            Some(release) if on <= release.end_of_life => Support::Until(release.end_of_life),
            Some(release) => Support::Ended(Some(release.end_of_life)),
            None if self.minor < RELEASES[0].minor => Support::Ended(None),
            None => Support::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_whole() {
        for pair in RELEASES.windows(2) {
            assert_eq!(pair[0].minor + 1, pair[1].minor);
            assert!(
                pair[0].end_of_life < pair[1].end_of_life,
                "1.{}",
                pair[1].minor
            );
        }
    }

    #[test]
    fn the_last_day_is_still_maintained() {
        let support = |minor, on| Minor { major: 1, minor }.support(on);
        assert_eq!(
            support(34, date(2026, 10, 27)),
            Support::Until(date(2026, 10, 27))
        );
        assert_eq!(
            support(34, date(2026, 10, 28)),
            Support::Ended(Some(date(2026, 10, 27)))
        );
        assert_eq!(support(1, date(2026, 1, 1)), Support::Ended(None));
        assert_eq!(support(38, date(2026, 1, 1)), Support::Unknown);
        assert_eq!(
            Minor { major: 2, minor: 3 }.support(date(2026, 1, 1)),
            Support::Unknown
        );
        let supported: Vec<u16> = (RELEASES.iter())
            .filter(|release| {
                matches!(
                    support(release.minor, date(2026, 11, 23)),
                    Support::Until(_)
                )
            })
            .map(|release| release.minor)
            .collect();
        assert_eq!(supported, [35, 36, 37]);
    }
}

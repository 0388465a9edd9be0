//! Times as people read them.

/// Seconds as a clock shows them: 0:42, 12:03, 1:02:05.
#[must_use]
pub fn duration(seconds: f64) -> String {
    let all = seconds.max(0.0).round() as u64;
    let (hours, minutes, seconds) = (all / 3600, all / 60 % 60, all % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Seconds since 1970 as "2026-03-01 12:34", UTC. Days from the civil calendar's arithmetic (Howard Hinnant, "chrono-
/// Compatible Low-Level Date Algorithms", `civil_from_days`).
#[must_use]
pub fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}", rest / 3600, rest / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_write_them() {
        assert_eq!([duration(41.6), duration(723.0), duration(3725.0)], ["0:42", "12:03", "1:02:05"]);
        assert_eq!(date(0), "1970-01-01 00:00");
        // Leap day of a century that is a leap year, and the last minute of a year.
        assert_eq!(date(951_827_696), "2000-02-29 12:34");
        assert_eq!(date(1_798_761_599), "2026-12-31 23:59");
    }
}

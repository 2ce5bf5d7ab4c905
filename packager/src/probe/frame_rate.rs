//! Frames per second.

/// Frames per second as a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameRate {
    pub numerator: u32,
    pub denominator: u32,
}

impl FrameRate {
    /// Rates that a variable or odd rate is raised to; 60 is also the ceiling.
    const USUAL: [(u32, u32); 9] =
        [(24_000, 1001), (24, 1), (25, 1), (30_000, 1001), (30, 1), (48, 1), (50, 1), (60_000, 1001), (60, 1)];

    /// Frames per second as a number.
    pub fn per_second(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator.max(1))
    }

    /// A constant rate is kept; a variable one becomes the next usual rate, so that every rung has the same frames.
    pub(super) fn choose(average: &str, base: &str) -> Self {
        let exact = Self::parse(base);
        let base = fraction(base, '/').unwrap_or(0.0);
        let average = fraction(average, '/').unwrap_or(base);
        if let Some(exact) = exact
            && (1.0..=60.01).contains(&base)
            && (base - average).abs() / base < 0.01
        {
            return exact;
        }
        let wanted = if average > 0.0 { average } else { 25.0 };
        let (numerator, denominator) =
            Self::USUAL.into_iter().find(|(n, d)| f64::from(*n) / f64::from(*d) >= wanted * 0.99).unwrap_or((60, 1));
        Self { numerator, denominator }
    }

    fn parse(text: &str) -> Option<Self> {
        let (numerator, denominator) = text.split_once('/')?;
        let rate = Self { numerator: numerator.parse().ok()?, denominator: denominator.parse().ok()? };
        (rate.numerator > 0 && rate.denominator > 0).then_some(rate)
    }
}

/// `numerator SEPARATOR denominator`, both above 0.
pub(super) fn fraction(text: &str, separator: char) -> Option<f64> {
    let (numerator, denominator) = text.split_once(separator)?;
    let (numerator, denominator): (f64, f64) = (numerator.parse().ok()?, denominator.parse().ok()?);
    (numerator > 0.0 && denominator > 0.0).then(|| numerator / denominator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_rate_is_kept_and_variable_rate_is_raised_to_a_usual_one() {
        assert_eq!(FrameRate::choose("30000/1001", "30000/1001"), FrameRate { numerator: 30_000, denominator: 1001 });
        assert_eq!(FrameRate::choose("27/1", "90000/1"), FrameRate { numerator: 30_000, denominator: 1001 });
        assert_eq!(FrameRate::choose("120/1", "120/1"), FrameRate { numerator: 60, denominator: 1 });
        assert_eq!(FrameRate::choose("0/0", "0/0"), FrameRate { numerator: 25, denominator: 1 });
    }
}

/// Longer titles are no films: what is behind is never known as released.
const PERIODS_MAX: u32 = 1 << 16;

/// A set of periods: bit `n % 8` of byte `n / 8`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PeriodSet(Vec<u8>);

impl PeriodSet {
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn contains(&self, period: u32) -> bool {
        usize::try_from(period / 8).ok().and_then(|at| self.0.get(at)).is_some_and(|byte| byte & bit(period) != 0)
    }

    /// False when it was in the set before.
    pub(crate) fn insert(&mut self, period: u32) -> bool {
        if self.contains(period) {
            return false;
        }
        if period < PERIODS_MAX
            && let Ok(at) = usize::try_from(period / 8)
        {
            if self.0.len() <= at {
                self.0.resize(at + 1, 0);
            }
            if let Some(byte) = self.0.get_mut(at) {
                *byte |= bit(period);
            }
        }
        true
    }
}

fn bit(period: u32) -> u8 {
    1 << (period % 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_new_once() {
        let mut periods = PeriodSet::default();
        for period in [0, 7, 8, 63, 59, PERIODS_MAX - 1] {
            assert!(!periods.contains(period), "{period}");
            assert!(periods.insert(period), "{period}");
            assert!(periods.contains(period), "{period}");
            assert!(!periods.insert(period), "{period}");
        }
        assert!(!periods.contains(1));
        assert_eq!(PeriodSet::from_bytes(periods.as_bytes().to_vec()), periods);
        assert!(periods.as_bytes().len() <= 8192);
    }

    #[test]
    fn what_lies_behind_the_last_one_that_is_kept_takes_no_room() {
        let mut periods = PeriodSet::default();
        assert!(periods.insert(PERIODS_MAX) && periods.insert(u32::MAX));
        assert!(!periods.contains(PERIODS_MAX) && periods.as_bytes().is_empty());
    }
}

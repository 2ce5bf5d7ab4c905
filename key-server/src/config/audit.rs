use std::path::PathBuf;

use serde::Deserialize;

const RETENTION_DAYS_MAX: u32 = 36_500;

/// `[audit]`: how long the audit log is kept.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// Older rows go; for ever when absent.
    pub retention_days: Option<u32>,
    /// Where they are written before, as JSON lines; nowhere when absent.
    pub export_dir: Option<PathBuf>,
}

impl AuditConfig {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.retention_days.is_some_and(|days| !(1..=RETENTION_DAYS_MAX).contains(&days)) {
            return Err(format!(
                "audit.retention_days must be 1 … {RETENTION_DAYS_MAX}; leave it out to keep everything"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_kept_for_ever_or_for_days() {
        let days = |retention_days| AuditConfig { retention_days, export_dir: None }.check().is_ok();
        assert_eq!(AuditConfig::default().retention_days, None);
        assert!(days(None) && days(Some(1)) && days(Some(RETENTION_DAYS_MAX)));
        assert!(!days(Some(0)) && !days(Some(RETENTION_DAYS_MAX + 1)));
    }
}

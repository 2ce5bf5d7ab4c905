//! Releases that have done their part, while what they changed is not sent yet: over PostgreSQL others look at the database meanwhile,
//! where none of that is their own.

use std::collections::HashSet;

use super::audit_head::AuditHead;

/// The rows, besides the log's, that one release reads and changes: of its session, and of its viewer's account.
pub(super) type OwnRows = [String; 2];

/// What those who share a transaction leave behind.
#[derive(Default)]
pub(super) enum Left {
    /// Nothing that is not sent.
    #[default]
    Nothing,
    /// Changes of these rows alone, and the log up to here.
    Rows(HashSet<String>, AuditHead),
    /// Something that whoever looks has to see.
    More,
}

impl Left {
    /// Whether the answer to a question about `own` rows is the same without it.
    pub(super) fn is_apart_from(&self, own: &OwnRows) -> bool {
        match self {
            Self::Nothing => true,
            Self::Rows(rows, _) => !own.iter().any(|row| rows.contains(row)),
            Self::More => false,
        }
    }

    /// Where the log ends with it, if that is told by nothing else.
    pub(super) const fn head(&self) -> Option<AuditHead> {
        if let Self::Rows(_, head) = self { Some(*head) } else { None }
    }

    /// Adds what another release leaves: none where that is more than its own rows.
    pub(super) fn add(self, release: Option<(OwnRows, AuditHead)>) -> Self {
        let mut rows = match self {
            Self::Nothing => HashSet::new(),
            Self::Rows(rows, _) => rows,
            Self::More => return Self::More,
        };
        let Some((own, head)) = release else { return Self::More };
        rows.extend(own);
        Self::Rows(rows, head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_rows_in_common_with_what_is_left_is_not_apart() {
        let own = |name: &str| [format!("session {name}"), "account".to_owned()];
        let other = ["session b".to_owned(), "another account".to_owned()];
        let head = AuditHead::default();
        let left = Left::Nothing.add(Some((own("a"), head)));
        assert!(left.is_apart_from(&other) && !left.is_apart_from(&own("a")) && !left.is_apart_from(&own("b")));
        assert_eq!(left.head(), Some(head));
        let more = left.add(None).add(Some((own("c"), head)));
        assert!(!more.is_apart_from(&other) && more.head().is_none(), "what is unknown stays so until it is sent");
        assert!(Left::Nothing.is_apart_from(&other) && Left::Nothing.head().is_none());
    }
}

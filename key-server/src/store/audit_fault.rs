use std::fmt;

/// What is wrong with the log. Rows go by the number they have now, or had.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AuditFault {
    /// A column of a row was changed.
    Altered(i64),
    /// Rows are gone.
    Removed(i64, i64),
    /// A row was not written by this installation.
    Inserted(i64),
    /// A row stands where another one was.
    Moved {
        /// Its number now.
        seq: i64,
        /// Its number when it was written.
        from: i64,
    },
    /// The ends of the log did not hold when this row was written.
    Broken(i64),
    /// The record of the log's ends was altered or removed.
    Head,
    /// No row has the hash that was noted elsewhere.
    ExpectedHead,
}

impl fmt::Display for AuditFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Altered(seq) => write!(f, "row {seq} was altered"),
            Self::Removed(first, last) if first == last => write!(f, "row {first} was removed"),
            Self::Removed(first, last) => write!(f, "rows {first} to {last} were removed"),
            Self::Inserted(seq) => write!(f, "row {seq} was inserted"),
            Self::Moved { seq, from } if seq == from => write!(f, "row {seq} stands out of order"),
            Self::Moved { seq, from } => write!(f, "row {seq} was row {from}"),
            Self::Broken(seq) => write!(f, "the log's ends did not hold when row {seq} was written"),
            Self::Head => f.write_str("the record of the log's ends was altered or removed"),
            Self::ExpectedHead => f.write_str("no row has the hash that was expected"),
        }
    }
}

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{ColumnIndex, Row as _, TypeInfo, ValueRef};

/// A row of either engine.
pub(in crate::store) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What a column may be read as, where it holds something.
pub(in crate::store) trait Column<'r>: Sized {
    fn read(row: &'r Row, at: usize) -> Result<Option<Self>, sqlx::Error>;
}

/// What a column may be read as.
pub(in crate::store) trait FromColumn<'r>: Sized {
    fn read(row: &'r Row, at: usize) -> Result<Self, sqlx::Error>;
}

impl<'r, T: Column<'r>> FromColumn<'r> for T {
    fn read(row: &'r Row, at: usize) -> Result<Self, sqlx::Error> {
        let index = at.to_string();
        T::read(row, at)?.ok_or_else(|| sqlx::Error::ColumnDecode { index, source: "unexpected NULL".into() })
    }
}

impl<'r, T: Column<'r>> FromColumn<'r> for Option<T> {
    fn read(row: &'r Row, at: usize) -> Result<Self, sqlx::Error> {
        T::read(row, at)
    }
}

impl Row {
    /// A column by its name or number.
    pub(in crate::store) fn try_get<'r, T, I>(&'r self, index: I) -> Result<T, sqlx::Error>
    where
        T: FromColumn<'r>,
        I: ColumnIndex<SqliteRow> + ColumnIndex<PgRow>,
    {
        let at = match self {
            Self::Sqlite(row) => index.index(row)?,
            Self::Postgres(row) => index.index(row)?,
        };
        T::read(self, at)
    }

    /// What a column's value is called by its engine.
    pub(in crate::store) fn type_name(&self, column: &str) -> Result<String, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get_raw(column)?.type_info().name().to_owned(),
            Self::Postgres(row) => row.try_get_raw(column)?.type_info().name().to_owned(),
        })
    }
}

macro_rules! same_in_both {
    ($($type:ty),*) => {$(
        impl<'r> Column<'r> for $type {
            fn read(row: &'r Row, at: usize) -> Result<Option<Self>, sqlx::Error> {
                match row {
                    Row::Sqlite(row) => row.try_get(at),
                    Row::Postgres(row) => row.try_get(at),
                }
            }
        }
    )*};
}
same_in_both!(f64, String, &'r str, Vec<u8>, &'r [u8]);

impl<'r> Column<'r> for i64 {
    fn read(row: &'r Row, at: usize) -> Result<Option<Self>, sqlx::Error> {
        match row {
            Row::Sqlite(row) => row.try_get(at),
            // Columns are BIGINT; what statements say by themselves is not always.
            Row::Postgres(row) => match row.try_get_raw(at)?.type_info().name() {
                "INT4" => Ok(row.try_get::<Option<i32>, _>(at)?.map(Self::from)),
                "BOOL" => Ok(row.try_get::<Option<bool>, _>(at)?.map(Self::from)),
                _ => row.try_get(at),
            },
        }
    }
}

macro_rules! from_integer {
    ($($type:ty: $integer:ident => $into:expr;)*) => {$(
        impl<'r> Column<'r> for $type {
            fn read(row: &'r Row, at: usize) -> Result<Option<Self>, sqlx::Error> {
                let integer = <i64 as Column>::read(row, at)?;
                let read: Option<Result<Self, _>> = integer.map(|$integer| $into);
                read.transpose().map_err(|error: std::num::TryFromIntError| sqlx::Error::ColumnDecode {
                    index: at.to_string(),
                    source: error.into(),
                })
            }
        }
    )*};
}
from_integer! {
    i32: integer => integer.try_into();
    u32: integer => integer.try_into();
    bool: integer => Ok(integer != 0);
}

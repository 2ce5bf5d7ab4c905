//! The two databases as one: statements are written once, in what both understand, and values and rows have the same types.
//! sqlx's own `Any` knows no pragmas, no statement batches and no errors of the one database alone; so this is an enum over both.

mod connection;
mod dialect;
mod query;
mod row;
mod value;

pub(super) use connection::{Connection, On, Pool};
pub(super) use dialect::{BEGIN, COMMIT, for_postgres};
pub(super) use query::{Query, in_time, query};
pub(super) use row::Row;
pub(super) use value::{Arguments, Value};
